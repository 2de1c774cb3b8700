"""List what a folder or a glob holds, in natural order, each real folder once and no symlink loop."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Callable, Iterator
from functools import lru_cache

Keep = Callable[[bytes], bool]

_MAGIC = re.compile(r"[*?\[]")
_natural = re.compile(rb"\d+|/").sub


def natural_sort(paths: list[bytes], base: bytes = b"") -> None:
    """Sort in place so that mof_2 comes before mof_10; all the paths start with `base`."""
    skip = len(base)
    paths.sort()  # mof_01 and mof_1 have one key: without this their order would be the disk's
    paths.sort(key=lambda path: _natural(_natural_part, path[skip:]))


def _natural_part(match: re.Match[bytes]) -> bytes:
    part = match.group()
    if part == b"/":
        return b"\0"  # below any other byte, so that what one folder holds stays together
    digits = part.lstrip(b"0")
    return b"0" + bytes((min(len(digits), 255),)) + digits


@lru_cache(maxsize=64)
def matcher(pattern: str | None) -> Keep:
    """Return a test of base names; it matches characters, not bytes, so that ? is one Korean letter."""
    if pattern is None:
        return lambda name: True
    match = re.compile(fnmatch.translate(pattern)).match
    return lambda name: match(os.fsdecode(name)) is not None


def is_glob(text: str) -> bool:
    """Tell whether the text has a glob's special characters."""
    return _MAGIC.search(text) is not None


def children(folder: bytes, keep: Keep, refused: list[bytes]) -> list[bytes]:
    """Return the folder's visible children; a folder that may not be listed goes to `refused`."""
    return [entry.path for entry in _entries(folder, refused) if entry.name[:1] != b"." and keep(entry.name)]


def files_below(folder: bytes, keep: Keep, refused: list[bytes]) -> list[bytes]:
    """Return the visible files at any depth below the folder."""
    return [entry.path for _, entry in _walk(folder, refused) if entry is not None and keep(entry.name)]


def expand(folder: bytes, parts: tuple[str, ...], refused: list[bytes]) -> Iterator[bytes]:
    """Yield the paths below the folder that match the parts of a glob, in no order."""
    if not parts:
        yield folder
    elif parts[0] == "":  # a trailing slash: folders only
        yield from [folder] if os.path.isdir(folder) else []
    elif parts[0] == "**":
        for below in [path for path, entry in _walk(folder, refused) if entry is None]:
            yield from expand(below, parts[1:] or ("*",), refused)
    elif is_glob(parts[0]):
        yield from _expand_magic(folder, parts[0], parts[1:], refused)
    else:
        path = os.path.join(folder, os.fsencode(parts[0]))
        if parts[1:] or os.path.lexists(path):
            yield from expand(path, parts[1:], refused)


def _expand_magic(folder: bytes, head: str, rest: tuple[str, ...], refused: list[bytes]) -> Iterator[bytes]:
    keep = matcher(head)
    found = (
        entry for entry in _entries(folder, refused) if keep(entry.name) and (head[0] == "." or entry.name[:1] != b".")
    )
    if not rest:
        yield from (entry.path for entry in found)
        return
    # a list, so that the folder is closed before those below it are opened
    for path in [entry.path for entry in found if _is_folder(entry)]:
        yield from expand(path, rest, refused)


def _walk(folder: bytes, refused: list[bytes]) -> Iterator[tuple[bytes, os.DirEntry[bytes] | None]]:
    """Yield (folder, None) for each folder below and (its folder, entry) for each of its files."""
    todo = [(folder, os.path.realpath(folder))]
    links: list[bytes] = []
    seen: set[bytes] = set()
    while todo or links:
        if not todo:  # links come last, so that `latest -> run_12` does not take run_12's place
            natural_sort(links)
            todo, links = [(link, os.path.realpath(link)) for link in reversed(links)], []
        path, real = todo.pop()
        if real in seen:
            continue
        seen.add(real)
        yield path, None
        for entry in _entries(path, refused):
            if entry.name[:1] == b".":
                continue
            if not _is_folder(entry):
                yield path, entry
            elif entry.is_symlink():
                links.append(entry.path)
            else:
                todo.append((entry.path, os.path.join(real, entry.name)))


def _entries(folder: bytes, refused: list[bytes]) -> Iterator[os.DirEntry[bytes]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except (FileNotFoundError, NotADirectoryError):
        return  # gone since it was seen, or a literal part of a glob that is not there
    except OSError:
        refused.append(folder)


def _is_folder(entry: os.DirEntry[bytes]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a symlink to itself, or to where we may not look: an item to report, not a folder
        return False
