"""Find out which items exist and can be read, with few file-system calls and in bounded time."""

from __future__ import annotations

import os
import stat
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from math import gcd
from time import perf_counter

EXISTENCE_SECONDS = 3.0  # for asking one by one; listing crowded folders comes first and is exact
READABILITY_SECONDS = 2.0
CROWDED = 64  # from this many items in one folder, listing it is cheaper than asking for each

UNKNOWN, FILE, FOLDER, MISSING, SPECIAL, UNREADABLE, READABLE = range(7)


def probe(paths: Sequence[bytes]) -> bytearray:
    """Return one state per path; FILE, FOLDER and UNKNOWN are those that there was no time to check."""
    states = bytearray(len(paths))
    _list_crowded_folders(paths, states)
    _ask(paths, states, (UNKNOWN,), lambda path, _: _kind(path), EXISTENCE_SECONDS)
    _ask(paths, states, (FILE, FOLDER), _readability, READABILITY_SECONDS)
    return states


def spread(count: int) -> Iterator[int]:
    """Yield each of range(count) once, so that any first part of them is evenly spread."""
    step = max(1, round(count * 0.6180339887))
    while gcd(step, count) > 1:
        step += 1
    return (i * step % count for i in range(count))


def _list_crowded_folders(paths: Sequence[bytes], states: bytearray) -> None:
    waiting, parents = _in_crowded_folders(paths)
    refused = {parent for parent in parents if not _list_folder(parent, waiting, states)}
    for path, i in waiting.items():
        if not refused or (path.rpartition(b"/")[0] or b"/") not in refused:
            states[i] = MISSING


def _in_crowded_folders(paths: Sequence[bytes]) -> tuple[dict[bytes, int], set[bytes]]:
    """Return the items that lie beside many others, with their places, and the folders of these."""
    if len(paths) >= CROWDED and (folder := _only_folder(paths)):
        return dict(zip(paths, range(len(paths)), strict=True)), {folder}
    # By hash: a million parent names would take 100 MB, a collision costs nothing.
    hashes = array("q", (hash(path.rpartition(b"/")[0] or b"/") for path in paths))
    crowded = {parent for parent, count in Counter(hashes).items() if count >= CROWDED}
    if not crowded:
        return {}, set()
    waiting = {
        path: i
        for i, (path, parent) in enumerate(zip(paths, hashes, strict=True))
        if parent in crowded and not path.endswith(b"/..")
    }
    return waiting, {path.rpartition(b"/")[0] or b"/" for path in waiting}


def _only_folder(paths: Sequence[bytes]) -> bytes:
    """Return the folder that all the paths lie in, as most datasets' do; empty where there are more, or it is /."""
    folder = paths[0].rpartition(b"/")[0]
    if all(map(bytes.startswith, paths, repeat(folder + b"/"))):
        slashes = Counter(map(bytes.count, paths, repeat(b"/")))
        if len(slashes) == 1 and not any(map(bytes.endswith, paths, repeat(b"/.."))):
            return folder
    return b""


def _list_folder(folder: bytes, waiting: dict[bytes, int], states: bytearray) -> bool:
    """Set the states of the waiting items in this folder; False when it may not be listed."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                i = waiting.pop(entry.path, None)
                if i is not None and not entry.is_symlink():
                    states[i] = _entry_kind(entry)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return True


def _entry_kind(entry: os.DirEntry[bytes]) -> int:
    if entry.is_file(follow_symlinks=False):
        return FILE
    return FOLDER if entry.is_dir(follow_symlinks=False) else SPECIAL


def _ask(
    paths: Sequence[bytes],
    states: bytearray,
    due: tuple[int, ...],
    answer: Callable[[bytes, int], int],
    seconds: float,
) -> None:
    if not any(state in states for state in due):
        return
    deadline = perf_counter() + seconds
    for i in spread(len(paths)):
        if states[i] in due:
            states[i] = answer(paths[i], states[i])
            if perf_counter() > deadline:
                return


def _kind(path: bytes) -> int:
    try:
        mode = os.stat(path).st_mode
    except PermissionError:
        return UNREADABLE
    except OSError:  # a broken or circular symlink, too
        return MISSING
    if stat.S_ISREG(mode):
        return FILE
    return FOLDER if stat.S_ISDIR(mode) else SPECIAL


def _readability(path: bytes, kind: int) -> int:
    wanted = os.R_OK | os.X_OK if kind == FOLDER else os.R_OK
    return READABLE if os.access(path, wanted) else UNREADABLE
