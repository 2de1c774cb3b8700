"""Resolve what the user gave (a folder, a glob, a text file, a CSV, a sequence) to a list of items."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from jupyter_featx.dataset import listing, pathlists
from jupyter_featx.dataset.pathlists import shown
from jupyter_featx.errors import DatasetError
from jupyter_featx.items import PathLike

EXAMPLES = 3
TEXT_SUFFIXES = ("", ".txt", ".lst", ".list")
CSV_SUFFIXES = (".csv", ".tsv")
FORMS = "a folder, a glob, a text file of paths, a CSV, or a list of paths"


@dataclass(frozen=True)
class DatasetOptions:
    """What to take of the data."""

    pattern: str | None = None
    recursive: bool = False
    limit: int | None = None
    column: str | None = None


@dataclass
class Resolved:
    """The items as found, each once, and what was noticed on the way."""

    paths: list[bytes]
    source: str
    duplicates: int = 0
    duplicate_examples: list[str] = field(default_factory=list)
    refused: list[bytes] = field(default_factory=list)  # folders that may not be listed
    listed: bool = False  # somebody wrote down each item


def resolve(data: Any, options: DatasetOptions, folder: PathLike | None) -> Resolved:
    """Return the absolute path of each item, in dataset order; whether they exist is not asked."""
    _check_options(options)
    base = pathlists.absolute(os.fsencode(folder or "."), pathlists.working_folder())
    if isinstance(data, bytes | os.PathLike):
        data = os.fsdecode(data)
    if isinstance(data, str):
        resolved = _from_name(data, options, base)
    else:
        values = pathlists.from_sequence(_values(data, options.column), base)
        resolved = _from_list(values, "the list", options)
    if not resolved.paths:
        raise _empty(resolved, options)
    return resolved


def _check_options(options: DatasetOptions) -> None:
    if options.limit is not None and options.limit < 1:
        raise DatasetError(f"limit is {options.limit}; it must be 1 or more, as in: --limit 100")
    if options.pattern is not None and ("/" in options.pattern or not options.pattern):
        raise DatasetError(
            f"The pattern '{options.pattern}' is compared with the last part of each path alone, "
            "as in: --pattern '*.cif'. For a pattern over folders give a glob as the data."
        )


def _from_name(data: str, options: DatasetOptions, base: bytes) -> Resolved:
    path = _located(data, base)
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError) as exc:
        if listing.is_glob(data) and not os.path.lexists(path):
            return _from_glob(path, options)
        raise _no_such(data, path) from exc
    except OSError as exc:
        raise pathlists.unreadable_list(path, exc) from exc
    if stat.S_ISDIR(mode):
        return _from_folder(path, options)
    if stat.S_ISREG(mode):
        return _from_file(path, options)
    raise DatasetError(f"'{shown(path)}' is neither a file nor a folder. Give {FORMS}.")


def _located(data: str, base: bytes) -> bytes:
    """Return the absolute path; one that is there as spelled wins over its ~ and $ meaning."""
    if not data.strip():
        raise DatasetError(f"The data is an empty text. Give {FORMS}.")
    if "\0" in data:
        raise DatasetError("The data contains a NUL byte, which no path may. Remove it.")
    try:
        literal = os.path.join(base, os.fsencode(data))
        chosen = literal if os.path.lexists(literal) else os.fsencode(os.path.expandvars(data))
    except UnicodeEncodeError as exc:
        raise DatasetError(f"The data is {data!r:.80}, which no file name can hold.") from exc
    path = pathlists.absolute(chosen, base)
    return path + b"/" if data.endswith("/") and listing.is_glob(data) else path


def _from_folder(path: bytes, options: DatasetOptions) -> Resolved:
    below = "the files below" if options.recursive else "the folder"
    resolved = Resolved([], f"{below} '{shown(path)}'")
    find = listing.files_below if options.recursive else listing.children
    paths = find(path, listing.matcher(options.pattern), resolved.refused)
    listing.natural_sort(paths, path)
    resolved.paths = paths[: options.limit]
    return resolved


def _from_glob(path: bytes, options: DatasetOptions) -> Resolved:
    resolved = Resolved([], f"the glob '{shown(path)}'")
    parts = os.fsdecode(path).split("/")[1:]
    heads = ["/" + "/".join(parts[:i]) for i in range(len(parts) + 1)]
    # a folder may be called x[1]: what is there as spelled is no glob
    magic = [i for i, part in enumerate(parts) if listing.is_glob(part) and not os.path.lexists(heads[i + 1])]
    root = os.fsencode(heads[magic[0]] if magic else heads[-1])
    if not os.path.isdir(root):
        raise _no_such(os.fsdecode(path), root)
    keep = listing.matcher(options.pattern)
    found = listing.expand(root, tuple(parts[magic[0] :]), resolved.refused)
    if options.recursive:
        found = _files_of(found, keep, resolved.refused)
    paths = list({path: None for path in found if keep(os.path.basename(path))})
    listing.natural_sort(paths, root)
    resolved.paths = paths[: options.limit]
    return resolved


def _from_file(path: bytes, options: DatasetOptions) -> Resolved:
    suffix = os.path.splitext(os.fsdecode(path))[1].lower()
    if suffix in CSV_SUFFIXES or options.column is not None:
        column, values = pathlists.from_csv(path, options.column)
        return _from_list(values, f"the column '{column}' of '{shown(path)}'", options)
    if suffix in TEXT_SUFFIXES:
        return _from_list(pathlists.from_text(path), f"the list '{shown(path)}'", options)
    raise DatasetError(
        f"'{shown(path)}' is one file, not a list of paths (those end in .txt, .lst, .list, .csv or .tsv). "
        f"For its whole folder type: --data '{shown(os.path.dirname(path))}' --pattern '*{suffix}'"
    )


def _from_list(values: Iterable[bytes], source: str, options: DatasetOptions) -> Resolved:
    """Keep the given order, the first of each, up to the limit."""
    resolved = Resolved([], source, listed=True)
    keep = listing.matcher(options.pattern)
    if options.recursive:
        values = _files_of(values, keep, resolved.refused)
    if options.pattern is not None:
        values = (path for path in values if keep(os.path.basename(path)))
    if options.limit is None:
        paths = list(values)
        if len(dict.fromkeys(paths)) == len(paths):
            resolved.paths = paths
            return resolved
        values = paths
    unique: dict[bytes, None] = {}
    for path in values:
        count = len(unique)
        unique[path] = None
        if len(unique) == count:
            resolved.duplicates += 1
            if resolved.duplicates <= EXAMPLES:
                resolved.duplicate_examples.append(shown(path))
        elif len(unique) == options.limit:
            break
    resolved.paths = list(unique)
    return resolved


def _files_of(paths: Iterable[bytes], keep: listing.Keep, refused: list[bytes]) -> Iterator[bytes]:
    for path in paths:
        if os.path.isdir(path):
            below = listing.files_below(path, keep, refused)
            listing.natural_sort(below, path)
            yield from below
        else:
            yield path


def _values(data: Any, column: str | None) -> Iterable[Any]:
    if type(data).__name__ == "DataFrame":  # of pandas, polars, …: none is imported here
        return _frame_column(data, column)
    if isinstance(data, dict) or not hasattr(data, "__iter__") or getattr(data, "ndim", 1) != 1:
        raise DatasetError(
            f"Of type {type(data).__name__}, the data is not a dataset. Give {FORMS}, for example: data='~/mof'"
        )
    return data  # type: ignore[no-any-return]


def _frame_column(frame: Any, column: str | None) -> Iterable[Any]:
    names = [str(name) for name in frame.columns]
    if column is not None and column in names:
        return frame[frame.columns[names.index(column)]]  # type: ignore[no-any-return]
    likely = [name for name in names if name.lower() in pathlists.PATH_COLUMNS]
    guess = (likely or names or ["path"])[0]
    problem = "The data is a DataFrame" if column is None else f"The DataFrame has no column '{column}'"
    raise DatasetError(
        f"{problem}; its columns are {', '.join(names)}. "
        f"Give the one of the paths: --column {shlex.quote(guess)}, or data=df['{guess}']"
    )


def _no_such(data: str, path: bytes) -> DatasetError:
    """Say how far the path exists, and which sibling was perhaps meant."""
    if os.path.islink(path):
        target = shown(os.fsencode(os.readlink(path)))
        return DatasetError(f"'{shown(path)}' is a broken symlink to '{target}'. Give {FORMS}.")
    there, name = os.path.split(path)
    while not os.path.isdir(there):
        there, name = os.path.split(there)
    try:
        siblings = [os.fsdecode(sibling) for sibling in os.listdir(there)]
    except OSError as exc:
        return pathlists.unreadable_list(there, exc)
    hint = pathlists.did_you_mean(os.fsdecode(name), siblings) or f" Look with: ls '{shown(there)}'"
    if "$" in data and "$" in os.fsdecode(path):
        hint = " The variable in it is not set here."
    return DatasetError(f"No '{shown(os.fsencode(data))}': there is no '{shown(name)}' in '{shown(there)}'.{hint}")


def _empty(resolved: Resolved, options: DatasetOptions) -> DatasetError:
    if resolved.refused:
        folder = resolved.refused[0]
        return DatasetError(
            f"You may not list '{shown(folder)}'. Ask its owner, or look at its rights with: ls -ld '{shown(folder)}'"
        )
    pattern = f" that matches the pattern '{options.pattern}'" if options.pattern else ""
    if resolved.listed:
        return DatasetError(f"There is no item{pattern} in {resolved.source}. Give {FORMS}.")
    hint = "" if options.recursive else " To take the files at any depth type: --recursive."
    return DatasetError(
        f"There is no item{pattern} in {resolved.source} (hidden ones are left out). Give {FORMS}.{hint}"
    )
