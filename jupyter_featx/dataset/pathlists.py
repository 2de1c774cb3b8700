"""Read item paths from what holds a list of them: a text file, a CSV column, a Python sequence."""

from __future__ import annotations

import csv
import difflib
import errno
import os
import stat
from collections.abc import Iterable, Iterator, Set
from functools import lru_cache
from itertools import chain
from typing import Any

from jupyter_featx.dataset.listing import natural_sort
from jupyter_featx.errors import DatasetError
from jupyter_featx.items import BLOCK, PathLike, display

_MANY_NAMES, _LONG_NAME = 20, 80  # of columns in a message
PATH_COLUMNS = ("path", "item", "file", "filename", "dir", "directory")


def working_folder() -> bytes:
    """Return the current folder as the user spells it: on a compute node its real path may not exist."""
    spelled = os.environ.get("PWD", "")
    try:
        if spelled.startswith("/") and os.path.samefile(spelled, "."):
            return os.fsencode(spelled)
    except OSError:  # a stale PWD
        pass
    return os.fsencode(os.getcwd())


def absolute(path: bytes, folder: bytes) -> bytes:
    """Return the path made absolute and tidy; `..` is only folded where no symlink is involved."""
    if b"\0" in path:
        raise DatasetError(f"The path '{shown(path)}' contains a NUL byte, which no file name may. Remove it.")
    if path[:1] == b"~":
        path = os.path.expanduser(path)
    if path[:1] != b"/":
        path = folder + b"/" + path
    if b"//" in path or b"/." in path or path[-1:] == b"/":
        return _tidy(path)
    return path


def _tidy(path: bytes) -> bytes:
    parts: list[bytes] = []
    for part in path.split(b"/"):
        if part in (b"", b".") or (part == b".." and not parts):
            continue
        if part == b".." and parts[-1] != b".." and _is_real_folder(b"/" + b"/".join(parts)):
            parts.pop()
        else:
            parts.append(part)
    return b"/" + b"/".join(parts)


@lru_cache(maxsize=4096)
def _is_real_folder(path: bytes) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def shown(path: bytes) -> str:
    """Return the path as one line of valid Unicode, for messages."""
    text = display(os.fsdecode(path))
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" when one of the names is close, else nothing."""
    close = difflib.get_close_matches(name, list(names), n=1)
    return f" Did you mean '{display(close[0])}'?" if close else ""


def open_file(path: PathLike | bytes) -> int:
    """Open a file, and nothing else: a fifo or a device that took its place meanwhile is never waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "it is no file", os.fsdecode(path))


def from_text(path: bytes) -> Iterator[bytes]:
    """Yield the paths in a text file, one a line; those that are relative start at its folder."""
    folder = os.path.dirname(path)
    try:
        with open(open_file(path), "rb") as lines:
            for number, line in enumerate(lines, 1):
                if b"\0" in line:
                    raise DatasetError(
                        f"'{shown(path)}' is no text file (line {number} holds a NUL byte). "
                        "Give a folder, a glob, or a UTF-8 text file with one path a line."
                    )
                name = line.rstrip(b"\r\n")
                if number == 1:
                    name = name.removeprefix(b"\xef\xbb\xbf")
                if name.strip() and not name.startswith(b"# "):
                    yield absolute(name, folder)
    except OSError as exc:
        raise unreadable_list(path, exc) from exc


def from_csv(path: bytes, column: str | None) -> tuple[str, Iterator[bytes]]:
    """Return the name of the column that holds the paths, and these."""
    rows = _csv_rows(path)
    header = [name.strip() for name in next(rows, [])]
    if not any(header):
        raise DatasetError(f"'{shown(path)}' is empty. Its first line must name the columns.")
    index = _column_index(header, column, path)
    if column is None and os.path.lexists(absolute(_encoded(header[index], "The header"), os.path.dirname(path))):
        raise DatasetError(
            f"The first line of '{shown(path)}' is a path, not the name of a column. Add a first line that says: path"
        )
    return header[index], _csv_column(path, rows, index)


def _csv_rows(path: bytes) -> Iterator[list[str]]:
    try:
        with open(open_file(path), encoding="utf-8-sig", errors="surrogateescape", newline="") as lines:
            first = lines.readline()
            commas = "\t" if path.lower().endswith(b".tsv") else ","
            delimiter = max((commas, ",", ";", "\t"), key=first.count)
            yield from csv.reader(chain([first], lines), delimiter=delimiter)
    except OSError as exc:
        raise unreadable_list(path, exc) from exc
    except csv.Error as exc:
        raise DatasetError(f"'{shown(path)}' is no CSV file ({exc}). Give a CSV, or a text file.") from exc


def _csv_column(path: bytes, rows: Iterator[list[str]], index: int) -> Iterator[bytes]:
    folder = os.path.dirname(path)
    for row in rows:
        if len(row) > index and row[index].strip():
            yield absolute(row[index].encode("utf-8", "surrogateescape"), folder)


def _column_index(header: list[str], column: str | None, path: bytes) -> int:
    names = _listed(header)
    if column is not None:
        if column in header:
            return header.index(column)
        hint = did_you_mean(column, header)
        raise DatasetError(f"'{shown(path)}' has no column '{column}'. Its columns are {names}.{hint}")
    likely = [i for i, name in enumerate(header) if name.lower() in PATH_COLUMNS]
    if len(header) == 1 or len(likely) == 1:
        return likely[0] if likely else 0
    raise DatasetError(
        f"Which column of '{shown(path)}' holds the paths? Its columns are {names}. "
        "Name one: --column NAME (in Python: column='NAME')."
    )


def _listed(header: list[str]) -> str:
    """Return the names for a message: a file that is no CSV may have thousands, or one of megabytes."""
    names = [shown(name.encode("utf-8", "surrogateescape")[:_LONG_NAME]) for name in header[:_MANY_NAMES]]
    more = f" and {len(header) - len(names):,} more" if len(header) > len(names) else ""
    return ", ".join(f"'{name}'" for name in names) + more


def from_sequence(values: Iterable[Any], folder: bytes) -> Iterator[bytes]:
    """Yield the paths in a list, tuple, set, Series, array or iterator of str, bytes or PathLike."""
    if isinstance(values, Set):  # a set has another order in each process
        paths = [_path_of(value, i, folder) for i, value in enumerate(values)]
        natural_sort(paths)
        return iter(paths)
    if isinstance(values, list):
        return _in_blocks(values, folder)
    return (_path_of(value, i, folder) for i, value in enumerate(values))


def _in_blocks(values: list[Any], folder: bytes) -> Iterator[bytes]:
    for start in range(0, len(values), BLOCK):
        block = values[start : start + BLOCK]
        plain = _all_plain(block, folder)
        yield from plain or (_path_of(value, i, folder) for i, value in enumerate(block, start))


def _all_plain(block: list[Any], folder: bytes) -> list[bytes] | None:
    """Return the paths of many values at once, several times as fast; None where one of them is out of the ordinary."""
    if set(map(type, block)) != {str}:
        return None
    try:
        text = os.fsencode("\0" + "\0".join(block))
    except UnicodeEncodeError:
        return None
    if text.count(b"\0") != len(block) or b"\0~" in text:
        return None
    rooted = text.count(b"\0/")
    if not rooted:
        text = text.replace(b"\0", b"\0" + folder + b"/")
    if rooted not in (0, len(block)) or text[-1:] == b"/" or any(odd in text for odd in (b"//", b"/.", b"/\0")):
        return None
    return text[1:].split(b"\0")


def _path_of(value: Any, i: int, folder: bytes) -> bytes:
    where = f"Item {i} of the list"
    if not isinstance(value, str | bytes | os.PathLike):
        kind = type(value).__name__
        empty = kind in ("NoneType", "NAType", "float")
        hint = "leave out the empty cells with data.dropna()" if empty else "give str, bytes or Path objects"
        raise DatasetError(f"{where} is {value!r:.80} ({kind}), not a path: {hint}.")
    path = _encoded(value, where)
    if not path:
        raise DatasetError(f"{where} is an empty text, not a path. Leave it out: [p for p in data if p]")
    return absolute(path, folder)


def _encoded(value: str | bytes | os.PathLike[Any], where: str) -> bytes:
    try:
        return os.fsencode(value)
    except UnicodeEncodeError as exc:
        raise DatasetError(f"{where} is {value!r:.80}, which no file name can hold. Remove it.") from exc


def unreadable_list(path: bytes, exc: OSError) -> DatasetError:
    """Return the error for a folder or list that the system will not let us read."""
    name = shown(path)
    return DatasetError(f"Cannot read '{name}': {exc.strerror}. Look at its rights with: ls -ld '{name}'")
