"""Writes what rank 0 has to say of its attempt, and keeps room on the disk for its last word."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from jupyter_featx import events
from jupyter_featx.events import Event
from jupyter_featx.jobdir import JobDir
from jupyter_featx.schedulers.local import run_id
from jupyter_featx.worker.output import complain

_RESERVE_BYTES = 16 << 10


class Herald:
    """Takes the next number for an attempt, and writes its one file of events."""

    def __init__(self, job: JobDir) -> None:
        self.native_id = native_id()
        self.attempt, self._log = job.claim_attempt()
        self._delay = events.delay(job.events)  # another machine's clock may be ahead of ours
        self._reserve = job.reserve(self.attempt)
        with suppress(OSError):  # a disk that is full already: then there is nothing to give back
            _fill(self._reserve)

    def say(self, event: Event) -> bool:
        """Append an event; return whether it is on disk."""
        try:
            self._log.append(replace(event, time=event.time + self._delay))
        except OSError as exc:  # a full disk: the work goes on, or ends with its own error
            complain(f"an event could not be written: {exc}")
            return False
        return True

    def say_last(self, why: str, message: str, done: int, failed: int) -> None:
        """Say how the attempt ended, also on a disk that is full: what was kept for it is given back first."""
        with suppress(OSError):
            self._reserve.unlink(missing_ok=True)
        event = events.Stopped(native_id=self.native_id, why=why, message=message, done=done, failed=failed)
        if not self.say(event):
            complain(f"the run ended ({why}): {message}")


def _fill(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, os.urandom(_RESERVE_BYTES))  # zeros a file system may not store
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def native_id() -> str:
    """Return the scheduler's id of this run, which the script gave us; by hand, our own."""
    return os.environ.get("FEATX_NATIVE_ID") or run_id(os.getpid())
