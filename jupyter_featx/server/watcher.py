"""Says on Jupyter's event bus what changed: one task, which looks at nothing but the jobs that are active.

With none active it asks every two seconds when the folder of jobs was changed, and nothing else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from jupyter_featx.server.board import Board

SCHEMA = Path(__file__).parent / "events" / "job.v1.yaml"
SCHEMA_ID = "https://jupyter-featx.org/events/job/v1"
_ACTIVE_SECONDS, _IDLE_SECONDS = 1.0, 2.0

Run = Callable[..., Awaitable[Any]]  # a function in a thread
Emit = Callable[[dict[str, Any]], None]


class Watcher:
    """Looks, and tells; each job at most once a second."""

    def __init__(self, board: Board, run: Run, emit: Emit, fail: Callable[[str], None]) -> None:
        self._board, self._run, self._emit, self._fail = board, run, emit, fail
        self._told: dict[str, float] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch, in the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._watch(), name="featx-watcher")

    async def stop(self) -> None:
        """End the task."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _watch(self) -> None:
        await self._look(self._first)
        while True:
            await asyncio.sleep(_ACTIVE_SECONDS if self._board.busy else _IDLE_SECONDS)
            await self._look(self._board.watch)
            await self._tell()

    def _first(self) -> None:
        self._board.all()
        self._board.changes()  # what is there at the start is no change

    async def _look(self, how: Callable[[], object]) -> None:
        try:
            await self._run(how)
        except OSError as exc:  # a file system that is away for a while
            self._fail(f"Cannot look at the jobs in {self._board.folder}: {exc.strerror}.")

    async def _tell(self) -> None:
        now = time.monotonic()
        self._told = {job_id: when for job_id, when in self._told.items() if now - when < _ACTIVE_SECONDS * 0.9}
        for job_id, facts in self._board.changes(lambda job_id: job_id not in self._told).items():
            self._told[job_id] = now
            change = "deleted" if facts is None else "changed"
            self._emit({"change": change, "job_id": job_id, "job": facts})
            await asyncio.sleep(0)  # between two of many, others have their turn
