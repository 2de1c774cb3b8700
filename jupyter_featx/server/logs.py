"""Parts of log files: the end of one, or the bytes from somewhere on, cut between characters."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_featx.jobdir import JobDir
from jupyter_featx.server.problems import NotFound

MOST = 1 << 20  # bytes in one answer
_MOST_FILES = 2000


@dataclass(frozen=True)
class LogQuery:
    """Which part of which log file: at most `limit` bytes from `offset` on, without one the last `tail` lines."""

    file: str | None = None  # the first where none is named
    tail: int = 1000
    offset: int | None = None
    limit: int = MOST


def read_log(job: JobDir, asked: LogQuery) -> dict[str, Any]:
    """Return a part of a log file. Raises NotFound."""
    files = _files(job)
    names = {path.name: path for path in files}
    name = asked.file or (files[0].name if files else job.job_log.name)
    if asked.file and asked.file not in names:
        raise NotFound(f"Job '{job.job_id}' has no log '{asked.file}'.")
    path = names.get(name)
    if asked.offset is None:
        begin, data, size = _tail(path, asked.tail)
    else:
        begin, data, size = _part(path, asked.offset, min(asked.limit, MOST))
    return {
        "file": name,
        "files": [{"name": each.name, "size": _size(each)} for each in files],
        "text": data.decode("utf-8", "replace"),
        "offset": begin,
        "next_offset": begin + len(data),
        "size": size,
    }


def _files(job: JobDir) -> list[Path]:
    """Return what was printed, by the scripts and the ranks, then by the functions; a link to elsewhere is no log."""
    regular = [path for path in job.log_files() if path.is_file() and not path.is_symlink()]
    return regular[:_MOST_FILES]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _part(path: Path | None, offset: int, limit: int) -> tuple[int, bytes, int]:
    if path is None:
        return offset, b"", 0
    with path.open("rb") as source:
        size = os.fstat(source.fileno()).st_size
        source.seek(min(offset, size))
        data = source.read(limit)
    begin = min(offset, size)
    late = _broken_start(data) if begin else 0
    data = data[late:]
    if begin + late + len(data) < size and len(data) > _CHARACTER:
        data = data[: len(data) - _broken_end(data)]
    return begin + late, data, size


def _tail(path: Path | None, lines: int) -> tuple[int, bytes, int]:
    """Return the last lines, as far as they fit into one answer."""
    if path is None:
        return 0, b"", 0
    size = _size(path)
    begin, data, size = _part(path, max(0, size - MOST), MOST + 65536)
    place = len(data)
    if data.endswith(b"\n"):
        place -= 1
    for _ in range(lines):
        place = data.rfind(b"\n", 0, place)
        if place < 0:
            return begin, data, size
    return begin + place + 1, data[place + 1 :], size


_CHARACTER = 4  # bytes of the longest one in UTF-8


def _broken_start(data: bytes) -> int:
    """Return how many bytes at the start belong to a character that began before."""
    return next((i for i, byte in enumerate(data[:_CHARACTER]) if byte & 0xC0 != 0x80), 0)


def _broken_end(data: bytes) -> int:
    """Return how many bytes at the end begin a character that goes on behind."""
    for back in range(1, min(_CHARACTER, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 == 0x80:
            continue
        length = 1 if byte < 0x80 else 2 if byte >> 5 == 0b110 else 3 if byte >> 4 == 0b1110 else 4
        return back if length > back else 0
    return 0
