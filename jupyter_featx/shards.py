"""The rows on disk: which shards there are, their whole lines, and which items are done.

Standard library only: a rank reads this at the start of an attempt. A line counts when it is complete;
a crash may leave a torn last one, and the rows before it are kept.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jupyter_featx.errors import ShardError
from jupyter_featx.values import clean

NAME = re.compile(r"a(\d+)-r(\d+)\.jsonl")
ERROR_MARK = b',"e":{'  # inside a text each quote is escaped, so this occurs nowhere else
HEAD = 160  # bytes that surely hold i, s, m, w and the mark
TAIL = 1 << 20  # bytes at the end of a shard in which its last row is looked for
_DIGITS = 18  # of the number of an item; Python refuses to read thousands

MISSING, OK, FAILED = 0, 1, 2


@dataclass(frozen=True)
class Shard:
    """The rows that one rank wrote in one attempt."""

    path: Path
    attempt: int
    rank: int

    @property
    def meta_path(self) -> Path:
        return self.path.with_name(f"{self.path.name[: -len('.jsonl')]}.meta.jsonl")


@dataclass(frozen=True)
class ShardMeta:
    """What the rank said about its rows: where it ran, and the columns that it announced."""

    host: str
    columns: tuple[str, ...]


def list_shards(folder: Path) -> list[Shard]:
    """Return the shards in the order in which they decide: the latest attempt first."""
    try:
        names = [(path, NAME.fullmatch(path.name)) for path in folder.iterdir()]
    except OSError as exc:
        raise ShardError(f"Cannot read the rows in {folder}: {exc.strerror}.") from exc
    shards = [Shard(path, int(match[1]), int(match[2])) for path, match in names if match]
    return sorted(shards, key=lambda shard: (-shard.attempt, shard.rank))


def read_meta(shard: Shard) -> ShardMeta:
    """Return what the shard's companion file says; what is torn or missing there is taken from the rows."""
    host, columns = "", dict[str, None]()
    text = shard.meta_path.read_bytes() if shard.meta_path.exists() else b""
    for line in text.split(b"\n"):
        entry = _parsed(line)
        host = clean(str(entry.get("host", host)))
        announced = entry.get("columns")
        columns.update(dict.fromkeys(filter(_is_column, announced if isinstance(announced, list) else ())))
    if not text.endswith(b"\n") or not _columns(_last_line(shard.path)) <= columns.keys():
        for block in whole_lines(shard.path, 1 << 20):
            for line in block.split(b"\n"):
                columns.update(dict.fromkeys(_columns(line)))
    return ShardMeta(host, tuple(columns))


def _last_line(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
        lines = file.read().rsplit(b"\n", 2)
    return lines[-2] if len(lines) > 1 else b""


def whole_lines(path: Path, size: int) -> Iterator[bytes]:
    """Yield the complete lines of a shard in blocks of about this many bytes."""
    with path.open("rb") as file:
        while block := file.read(size):
            if not block.endswith(b"\n"):
                block += file.readline()
            if not block.endswith(b"\n"):
                block = block[: block.rfind(b"\n") + 1]
            if block:
                yield block


def finished(folder: Path, total: int, *, thorough: bool = False, retry_before: int = 0) -> bytearray:
    """Return for each item MISSING, OK or FAILED; one good row outweighs any error.

    Errors of attempts before `retry_before` count for nothing: their items are to run again. A look at a line's ends is
    enough for a torn one, and for the zeros that a power cut leaves. Only `thorough` sees every damage that the merge
    sees; it takes a few times longer.
    """
    status = bytearray(total)
    for shard in list_shards(folder):
        _mark(shard.path, status, thorough, MISSING if shard.attempt < retry_before else FAILED)
    return status


def wrote(folder: Path, attempt: int) -> bool:
    """Tell whether an attempt left a row, counted or not."""
    shards = (shard for shard in list_shards(folder) if shard.attempt == attempt)
    return any(next(whole_lines(shard.path, TAIL), b"") for shard in shards)


def is_row(line: bytes) -> bool:
    """Tell whether a line is as some rank wrote it: one whole JSON object with the number of an item."""
    try:
        row = json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return False
    return isinstance(row, dict) and type(row.get("i")) is int


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _mark(path: Path, status: bytearray, thorough: bool, error: int) -> None:
    total = len(status)
    with path.open("rb", buffering=1 << 20) as file:
        for line in file:
            if line[:5] != b'{"i":' or line[-2:] != b"}\n" or b"\0" in line:
                continue
            if thorough and not is_row(line):
                continue
            digits = line[5 : line.find(b",", 5)]
            if not digits.isdigit() or len(digits) > _DIGITS or (index := int(digits)) >= total:
                continue
            if line.find(ERROR_MARK, 5, HEAD) < 0:
                status[index] = OK
            elif not status[index]:
                status[index] = error


def _parsed(line: bytes) -> dict[str, object]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}


def _columns(line: bytes) -> set[str]:
    return set(filter(_is_column, _parsed(line)))


def _is_column(key: object) -> bool:
    return isinstance(key, str) and key[2:3] == ":"
