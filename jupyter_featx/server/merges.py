"""Have the table of a job made, in a process of its own, and by one merge at a time whoever asks."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_featx import table
from jupyter_featx.errors import JobStateError
from jupyter_featx.jobdir import JobDir
from jupyter_featx.server.board import Entry
from jupyter_featx.server.errands import Errands
from jupyter_featx.state import State

Run = Callable[..., Awaitable[Any]]  # a function in a thread

_FRESH_SECONDS = 60.0  # so old may a partial table be
_PATIENCE_SECONDS = 8.0  # for an answer with the table in it, before one that says: merging


@dataclass(frozen=True)
class Made:
    """A table that is there."""

    folder: Path
    partial: bool

    @property
    def parquet(self) -> Path:
        return self.folder / table.PARQUET

    @property
    def errors(self) -> Path:
        return self.folder / table.ERRORS

    @property
    def time(self) -> float:
        with suppress(OSError):
            return self.parquet.stat().st_mtime
        return 0.0


class StillMerging(Exception):
    """The merge takes longer than a request should."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class Merges:
    """The merges that are under way, by job."""

    def __init__(self, errands: Errands, run: Run) -> None:
        self._errands, self._in_thread = errands, run
        self._running: dict[Path, tuple[float, asyncio.Future[Path]]] = {}

    async def table(self, entry: Entry, *, refresh: bool = False, again: bool = False, patient: bool = False) -> Made:
        """Return the table, made now where it must be; `again` also where it is there, for it is damaged.

        Raises StillMerging, unless `patient`; JobStateError where no row can be there yet.
        """
        partial = entry.status.state is not State.COMPLETED
        made = Made(entry.job.partial if partial else entry.job.path, partial)
        if not again and entry.job.path not in self._running and await self._in_thread(_good, entry, made, refresh):
            return made
        if not entry.status.attempts:
            raise JobStateError(f"Job '{entry.job.job_id}' was never submitted: it has no rows.")
        folder = await self._merge(entry.job, again, patient)
        return Made(folder, folder == entry.job.partial)

    async def _merge(self, job: JobDir, again: bool, patient: bool) -> Path:
        if job.path not in self._running:
            task = asyncio.ensure_future(self._run(job, again))
            self._running[job.path] = (time.monotonic(), task)
            task.add_done_callback(lambda done: self._end(job.path, done))
        begun, future = self._running[job.path]
        try:
            return await asyncio.wait_for(asyncio.shield(future), None if patient else _PATIENCE_SECONDS)
        except asyncio.TimeoutError as exc:
            raise StillMerging(time.monotonic() - begun) from exc

    def _end(self, path: Path, done: asyncio.Future[Path]) -> None:
        del self._running[path]
        if not done.cancelled():
            done.exception()  # who waited has it; where nobody did, the next to ask sees it again

    async def _run(self, job: JobDir, again: bool) -> Path:
        answer = await self._errands.run("merge", job_id=job.job_id, again=again)
        return Path(answer["folder"])


def _good(entry: Entry, made: Made, refresh: bool) -> bool:
    """Tell whether the table that is there holds all the rows, or most of those of a job that runs."""
    if not (made.parquet.exists() and made.errors.exists()):
        return False
    if not made.partial:
        return entry.status.merged_rows is not None
    if made.time >= _last_row(entry.job):
        return True
    return not refresh and not entry.status.state.final and time.time() - made.time < _FRESH_SECONDS


def _last_row(job: JobDir) -> float:
    """Return when a shard was last written, by its own clock."""
    try:
        with os.scandir(job.shards) as entries:
            return max((entry.stat().st_mtime for entry in entries), default=0.0)
    except OSError:
        return 0.0
