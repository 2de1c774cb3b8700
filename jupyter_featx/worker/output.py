"""What the user's functions print, kept within bounds: the log of one rank, each line with its worker."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_WORKER_BYTES = 64 << 10  # of one worker between two pauses
_FILE_BYTES = 32 << 20


def complain(text: str) -> None:
    """Say something in the job's log. Where the disk is full it goes unheard, and nothing else happens."""
    with suppress(OSError):  # not by `print`, whose buffer would fail again when the process ends
        os.write(2, f"jupyter-featx: {text}\n".encode(errors="backslashreplace"))


class OutputLog:
    """Appends what workers print until the file is full; a flood is counted, not kept."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        self._size = 0
        self._budget: dict[int, int] = {}
        self._dropped: dict[int, int] = {}
        self._unfinished: dict[int, bytes] = {}  # what each worker printed of a line that goes on

    def add(self, worker: int, data: bytes) -> None:
        """Keep the beginning of what a worker prints in one go."""
        if not data:
            self._pause(worker)
            return
        kept = data[: max(0, self._budget.get(worker, _WORKER_BYTES))]
        self._budget[worker] = self._budget.get(worker, _WORKER_BYTES) - len(kept)
        self._dropped[worker] = self._dropped.get(worker, 0) + len(data) - len(kept)
        text = self._unfinished.pop(worker, b"") + kept
        end = max(text.rfind(b"\n"), text.rfind(b"\r")) + 1
        if end < len(text):
            self._unfinished[worker] = text[end:]
        self._write(worker, text[:end])

    def _pause(self, worker: int) -> None:
        self._write(worker, self._unfinished.pop(worker, b""))
        if dropped := self._dropped.pop(worker, 0):
            self._write(worker, f"[{dropped:,} more bytes were printed and not kept]\n".encode())
        self._budget.pop(worker, None)

    def _write(self, worker: int, data: bytes) -> None:
        if not data or self._size > _FILE_BYTES:
            return
        prefix = f"[w{worker}] ".encode()
        lines = b"".join(prefix + line for line in data.splitlines(keepends=True))
        if not lines.endswith(b"\n"):
            lines += b"\n"
        with suppress(OSError):  # a full disk must not stop the work for a print
            if self._descriptor < 0:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
                self._descriptor = os.open(self._path, flags, 0o600)
            self._size += os.write(self._descriptor, lines)

    def close(self) -> None:
        for worker in {*self._dropped, *self._unfinished}:
            self._pause(worker)
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
