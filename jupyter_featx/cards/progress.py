"""Show the progress of a job in a terminal: one line drawn over itself, or plain lines in a log."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, TextIO

from jupyter_featx.cards.job import status_line

if TYPE_CHECKING:
    from jupyter_featx.state import JobStatus

_PLAIN_SECONDS = 30.0  # between two plain lines, in a log file say
_DRAW_SECONDS = 0.1


class ProgressLine:
    """Tells one stream about one job; `with` ends the line, also after an interrupt."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._over = stream.isatty()
        self._last = ""
        self._told = -_PLAIN_SECONDS

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(self, *_: object) -> None:
        if self._over and self._last:
            self._stream.write("\n")
            self._stream.flush()

    def tell(self, status: JobStatus) -> None:
        """Draw the status, unless it says nothing new or comes too soon after the last one."""
        line, now = status_line(status), time.monotonic()
        pause = _DRAW_SECONDS if self._over else _PLAIN_SECONDS
        if line == self._last or (now - self._told < pause and not status.state.final):
            return
        self._last, self._told = line, now
        if self._over:
            width = shutil.get_terminal_size().columns
            self._stream.write(f"\r\x1b[K{line[: width - 1]}")
        else:
            self._stream.write(line + "\n")
        self._stream.flush()
