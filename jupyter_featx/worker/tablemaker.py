"""The process that makes the table, started while the last items run, so that the engine is loaded when they are done.

It waits for a word on its standard input, and goes when that is closed: whatever ends the rank ends it, too.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

from jupyter_featx.jobdir import JobDir

SOON_SECONDS = 1.0  # of work left: now the table's process is started
FAR_SECONDS = 10.0  # of work left, or of waiting: its memory is better given back until the end is near
FEW_ITEMS = 20_000  # are as likely as not done before anything is known of how long they take


class TableMaker:
    """Makes the table of one job; `ahead`: its process may be started before it has work."""

    def __init__(self, job: JobDir, *, ahead: bool) -> None:
        places = map(str, (job.shards, job.items, job.index, job.path))
        self._command = [sys.executable, "-m", "jupyter_featx.table", "--wait", *places]
        self._process: subprocess.Popen[bytes] | None = None
        self._since = 0.0
        self._ahead = ahead

    @property
    def pid(self) -> int:
        """The process that waits; 0 for none."""
        return self._process.pid if self._process else 0

    def foresee(self, left: int, seconds: float = 0.0) -> None:
        """Start the process or let it go, with so many items left, which take so many seconds; 0: nobody knows."""
        waited = time.monotonic() - self._since if self._process else 0.0
        if self._process and (seconds > FAR_SECONDS or waited > FAR_SECONDS):
            self._ahead = waited <= FAR_SECONDS  # the last items take longer than they seem to
            self.dismiss()
        elif not self._process and self._ahead and (seconds < SOON_SECONDS if seconds else left <= FEW_ITEMS):
            self._start()

    def _start(self) -> None:
        self._since = time.monotonic()
        with suppress(OSError):  # no memory for it: then there is none for the table either, and that is said
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/", start_new_session=True
            )

    def dismiss(self) -> None:
        """Let the process go that waits, if there is one."""
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def make(self) -> dict[str, Any] | None:
        """Make the table; return what there is to say of it, or None where it could not be made."""
        for _ in range(2):  # the one that waited may have been killed: by a signal to all of the run, for its memory
            if not self._process:
                self._start()
            if not self._process:
                return None
            answer, _ = self._process.communicate(b"make\n")
            status, self._process = self._process.returncode, None
            if status == 0:
                made: dict[str, Any] = json.loads(answer.splitlines()[-1])
                return made
            if status > 0:
                return None  # it said why
        return None
