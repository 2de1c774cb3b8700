"""The dataset as it lies in a job folder: one item a line, and an index so that no rank reads all of it."""

from __future__ import annotations

import os
import struct
import sys
from array import array
from collections.abc import Iterable, Iterator
from itertools import accumulate, islice

from jupyter_featx.errors import DatasetError

BLOCK = 4096  # items written or streamed at a time
HELD_BYTES = 8 << 20
OFFSET = 8  # bytes of one little-endian uint64 in the index

_PAIR = struct.Struct("<QQ")
PathLike = str | os.PathLike[str]


def write_items(paths: Iterable[bytes], items_path: PathLike, index_path: PathLike) -> int:
    """Write the item list and its index, each aside and then renamed; return the number of items."""
    aside = (f"{os.fspath(items_path)}.tmp", f"{os.fspath(index_path)}.tmp")
    try:
        count = _write_both(iter(paths), *aside)
    except BaseException:
        for name in aside:
            if os.path.exists(name):
                os.unlink(name)
        raise
    os.replace(aside[0], items_path)
    os.replace(aside[1], index_path)
    return count


def _write_both(paths: Iterator[bytes], items_path: str, index_path: str) -> int:
    count = end = 0
    with open(items_path, "wb") as items, open(index_path, "wb") as index:
        index.write(_uint64s([0]))
        while lines := list(islice(paths, BLOCK)):
            block = b"\n".join(lines)
            if b"\\" in block or b"\r" in block or block.count(b"\n") >= len(lines):
                lines = list(map(_escaped, lines))
                block = b"\n".join(lines)
            items.write(block + b"\n")
            ends = list(accumulate([len(line) + 1 for line in lines], initial=end))
            index.write(_uint64s(ends[1:]))
            count, end = count + len(lines), ends[-1]
    return count


class ItemFile:
    """Random access to the items of a job, by two small reads each; safe to share over a fork."""

    def __init__(self, items_path: PathLike, index_path: PathLike) -> None:
        self._items = _opened(items_path)
        try:
            self._index = _opened(index_path)
        except DatasetError:
            os.close(self._items)
            raise
        self._open = True
        self._held: tuple[memoryview, bytes] | None = None
        size = os.fstat(self._index).st_size
        self._count = size // OFFSET - 1
        if size < OFFSET or size % OFFSET or self._offsets(self._count, 1)[0] != os.fstat(self._items).st_size:
            self.close()
            raise DatasetError(
                f"'{display(os.fspath(index_path))}' does not fit '{display(os.fspath(items_path))}': "
                "one of them was changed or cut short. Submit the job again."
            )

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, i: int) -> str:
        position = i + self._count if i < 0 else i
        if not 0 <= position < self._count:
            raise IndexError(f"item {i} of {self._count}")
        return self._span(position, position + 1)[0]

    def __iter__(self) -> Iterator[str]:
        """Stream all the items in dataset order, holding only a block of them."""
        for start in range(0, self._count, BLOCK):
            yield from self._span(start, min(start + BLOCK, self._count))

    def read(self, indices: Iterable[int]) -> list[str]:
        """Return the items at these indices, in the order asked."""
        if self._held:
            ends, text = self._held
            lines = [text[ends[i] : ends[i + 1] - 1] for i in indices]
            return [os.fsdecode(_unescaped(line) if b"\\" in line else line) for line in lines]
        found = []
        for i in indices:  # spelled out: a worker does this for every item
            start, stop = _PAIR.unpack(os.pread(self._index, 2 * OFFSET, OFFSET * i))
            line = os.pread(self._items, stop - start - 1, start)
            found.append(os.fsdecode(_unescaped(line) if b"\\" in line else line))
        return found

    def hold(self) -> None:
        """Keep the items in memory, where that is little, for this process and its forks to read without a call."""
        size = os.fstat(self._items).st_size
        if size + OFFSET * self._count <= HELD_BYTES:
            text = os.pread(self._items, size, 0)
            self._held = (memoryview(self._offsets(0, self._count + 1)), text) if len(text) == size else None

    def close(self) -> None:
        """Close both files; closing twice is harmless."""
        if self._open:
            self._open = False
            os.close(self._items)
            os.close(self._index)

    def __enter__(self) -> ItemFile:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _offsets(self, start: int, count: int) -> array[int]:
        return _from_uint64s(os.pread(self._index, OFFSET * count, OFFSET * start))

    def _span(self, start: int, stop: int) -> list[str]:
        if not self._open:
            raise ValueError("the item list is closed")
        offsets = self._offsets(start, stop - start + 1)
        block = os.pread(self._items, offsets[-1] - offsets[0], offsets[0])
        return [os.fsdecode(_unescaped(line)) for line in block[:-1].split(b"\n")]


def display(path: str) -> str:
    """Return the path as valid Unicode for tables and messages; a stray byte shows as \\xff."""
    try:
        return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # a lone surrogate that never came from a file name
        return path.encode("utf-8", "backslashreplace").decode("utf-8")


def _opened(path: PathLike) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as exc:
        name = display(os.fspath(path))
        raise DatasetError(f"Cannot read '{name}': {exc.strerror}. Submit the job again.") from exc


def _escaped(path: bytes) -> bytes:
    if b"\\" in path or b"\n" in path or b"\r" in path:
        return path.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    return path


def _unescaped(line: bytes) -> bytes:
    if b"\\" not in line:
        return line
    parts = line.split(b"\\\\")
    return b"\\".join(part.replace(b"\\n", b"\n").replace(b"\\r", b"\r") for part in parts)


def _uint64s(numbers: Iterable[int]) -> bytes:
    packed = array("Q", numbers)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def _from_uint64s(data: bytes) -> array[int]:
    numbers = array("Q", data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
