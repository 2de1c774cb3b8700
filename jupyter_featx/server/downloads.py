"""A file of the table, streamed: whole or a range of it, never in memory, and nothing that a browser would run."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import BinaryIO

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.iostream import StreamClosedError

from jupyter_featx.errors import JobNotFound
from jupyter_featx.server.base import FeatxHandler
from jupyter_featx.server.problems import RangeError

_PIECE = 256 << 10
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_TYPES = {".csv": "text/csv; charset=utf-8", ".parquet": "application/vnd.apache.parquet"}


class DownloadHandler(FeatxHandler):
    """table.csv, table.parquet or errors.csv."""

    @web.authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Send it."""
        path = await self.service.file(job_id, self.query("download")["file"])
        with await self.service.run(_opened, path) as file:
            await self._send(file, f"{job_id}-{path.name}")

    async def _send(self, file: BinaryIO, name: str) -> None:
        found = os.fstat(file.fileno())
        etag = f'"{found.st_ino:x}-{found.st_size:x}-{found.st_mtime_ns:x}"'
        asked = self.request.headers.get("Range")
        if self.request.headers.get("If-Range", etag) != etag:
            asked = None  # the beginning that it has is of another table
        start, stop = byte_range(asked, found.st_size) or (0, found.st_size)
        if stop - start < found.st_size:
            self.set_status(206)
            self.set_header("Content-Range", f"bytes {start}-{stop - 1}/{found.st_size}")
        self.set_header("Content-Type", _TYPES[Path(name).suffix])
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        self.set_header("Content-Length", str(stop - start))
        self.set_header("Accept-Ranges", "bytes")
        self.set_header("ETag", etag)
        await self._stream(file, start, stop, _TYPES[Path(name).suffix])

    async def _stream(self, file: BinaryIO, start: int, stop: int, kind: str) -> None:
        try:
            while start < stop:
                piece = await self.service.run(os.pread, file.fileno(), min(_PIECE, stop - start), start)
                if not piece:  # cut short meanwhile: the browser sees that bytes are missing
                    break
                self.write(piece)
                await self.flush()
                start += len(piece)
            await self.finish(set_content_type=kind)
        except StreamClosedError:  # the user has enough
            return


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb", buffering=0)
    except FileNotFoundError as exc:
        raise JobNotFound(f"{path.name} has gone meanwhile. Ask again, and it is made again.") from exc


def byte_range(asked: str | None, size: int) -> tuple[int, int] | None:
    """Return (first, one past the last) of a Range header; None for the whole. Raises RangeError.

    Several ranges in one are not given: the whole is, as RFC 9110 allows.
    """
    match = _RANGE.fullmatch(asked.strip()) if asked else None
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        first, stop = max(0, size - int(match[2])), size
    else:
        first, stop = int(match[1]), min(size, int(match[2]) + 1) if match[2] else size
        if match[2] and int(match[2]) < first:
            return None
    if first >= stop:
        raise RangeError(f"The file has {size:,} bytes; there are none from {first:,} on.")
    return first, stop
