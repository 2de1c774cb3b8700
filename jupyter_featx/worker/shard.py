"""The one writer of one rank's rows in one attempt: rows are on disk before anybody counts them."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path

from jupyter_featx.errors import ShardError
from jupyter_featx.shards import ERROR_MARK


class Shard:
    """Appends complete lines; what `commit` returned from survives a power cut."""

    def __init__(self, rows: Path, meta: Path, *, rank: int, attempt: int) -> None:
        self._path = rows
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._rows = os.open(rows, flags, 0o600)
        self._meta = os.open(meta, flags, 0o600)
        self._last_failure = b""
        self.written = self.failed = 0  # not yet committed
        head = {"host": socket.gethostname(), "rank": rank, "attempt": attempt, "started": time.time()}
        self._append(self._meta, json.dumps(head).encode() + b"\n")

    def add(self, lines: bytes) -> None:
        """Append complete lines from a worker; a line of new columns goes to the meta file first."""
        if b'{"columns":' in lines:
            lines = self._columns(lines)
        if not lines:
            return
        self._append(self._rows, lines)
        self.written += lines.count(b"\n")
        failed = lines.count(ERROR_MARK)  # inside a JSON string the quotes would be escaped
        if failed:
            self.failed += failed
            at = lines.rfind(ERROR_MARK)
            self._last_failure = lines[at : lines.index(b"\n", at)]

    def _columns(self, lines: bytes) -> bytes:
        rows = []
        for line in lines.splitlines(keepends=True):
            if line.startswith(b'{"columns":'):
                self._append(self._meta, line)
                os.fdatasync(self._meta)  # before the rows that have these columns
            else:
                rows.append(line)
        return b"".join(rows)

    def _append(self, descriptor: int, data: bytes) -> None:
        """Append all or nothing, so that a full disk leaves no half line before later rows."""
        before = os.fstat(descriptor).st_size
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(descriptor, view) :]
        except OSError as exc:
            os.ftruncate(descriptor, before)
            raise ShardError(
                f"Cannot write {self._path}: {exc.strerror}. Make room there, then type '%featx retry'."
            ) from exc

    def last_error(self) -> str:
        """Return the type and message of the last failed row, "" when there is none."""
        if not self._last_failure:
            return ""
        error = json.loads(b'{"i":0' + self._last_failure)["e"]
        return f"{error['type']}: {error['message']}"[:300]

    def commit(self) -> tuple[int, int]:
        """Force what was added to disk and return how many rows are safe now: (ok, failed)."""
        if not self.written:
            return 0, 0
        try:
            os.fdatasync(self._rows)
        except OSError as exc:
            raise ShardError(
                f"Cannot write {self._path}: {exc.strerror}. Make room, then type '%featx retry'."
            ) from exc
        counts = self.written - self.failed, self.failed
        self.written = self.failed = 0
        return counts

    def close(self) -> None:
        os.close(self._rows)
        os.close(self._meta)
