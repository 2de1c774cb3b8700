"""Rank 0's second office: carry the coordinator's orders, write the attempt's events, make the table at the end."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import time
from array import array
from typing import Any

from jupyter_featx import events
from jupyter_featx.events import Event, EventLog
from jupyter_featx.jobdir import JobDir
from jupyter_featx.schedulers.local import run_id
from jupyter_featx.shards import FAILED, MISSING, OK, finished
from jupyter_featx.spec import LimitSpec
from jupyter_featx.state import fold
from jupyter_featx.worker.coordinator import Coordinator, Order, Plan
from jupyter_featx.worker.world import Message, World

_GOODBYE_SECONDS = 1.5
_RATE_SECONDS = 20.0


class Leader:
    """Owns the coordinator and the attempt's one file of events."""

    def __init__(
        self,
        job: JobDir,
        world: World,
        workers: list[int],
        log: EventLog,
        *,
        limits: LimitSpec,
        walltime_seconds: float | None,
        retry_failed: bool,
    ) -> None:
        spec = job.spec()
        self._job, self._world, self._log = job, world, log
        damaged = fold(events.read(job.events)).missing > 0
        status = finished(job.shards, spec.total, thorough=damaged)
        self._done = status.count(OK)
        self._failed = 0 if retry_failed else status.count(FAILED)
        wanted = (MISSING, FAILED) if retry_failed else (MISSING,)
        pending = [item for item, at in enumerate(status) if at in wanted]
        random.Random(spec.job_id).shuffle(pending)
        plan = Plan(
            workers,
            max_failures=limits.max_failures,
            guard_first=self._done == 0,
            deadline=time.monotonic() + walltime_seconds if walltime_seconds else None,
        )
        self.coordinator = Coordinator(array("I", pending), plan)
        self._final: set[int] = set()
        self._history: list[tuple[float, int]] = [(time.monotonic(), 0)]
        self._told = 0.0
        self._begun = time.monotonic()
        self._native_id = native_id()

    def begin(self, attempt: int) -> None:
        """Say that the attempt runs; with nothing left to do it ends at once."""
        coordinator = self.coordinator
        self._say(
            events.Started(
                native_id=self._native_id,
                attempt=attempt,
                host=socket.gethostname(),
                ranks=self._world.size,
                workers=sum(coordinator.plan.workers),
                pending=coordinator.total,
                done=self._done,
                failed=self._failed,
            )
        )
        if not coordinator.total:
            self._send(coordinator.stop("complete", ""))

    def hear(self, rank: int, message: Message) -> bool:
        """Take a rank's message to the coordinator; return False when it is not for us."""
        coordinator = self.coordinator
        if "ask" in message:
            self._send(coordinator.ask(rank, message["ask"]))
        elif "report" in message:
            self._send(coordinator.report(rank, **message["report"]))
            if message["final"]:
                self._final.add(rank)
        elif "returned" in message:
            self._send(coordinator.give_back(rank, message["returned"]))
        elif "broken" in message:
            self._send(coordinator.stop("error", message["broken"]))
        else:
            return False
        return True

    def tick(self, caught: list[int]) -> None:
        """Look at the clock and at the signals that came."""
        if caught:
            self._send(self.coordinator.stop("cancelled", "cancelled"))
        self._send(self.coordinator.tick(time.monotonic()))
        now = time.monotonic()
        elapsed = now - self._begun
        # A row of a chart needs no second for three days: the pauses grow to ten seconds.
        if now - self._told >= (0.2 if elapsed < 3 else min(10.0, max(1.0, elapsed / 600))):
            self._told = now
            self._say(self._progress(now))

    def _progress(self, now: float) -> Event:
        finished_items = self.coordinator.done + self.coordinator.failed
        self._history.append((now, finished_items))
        while len(self._history) > 2 and self._history[1][0] < now - _RATE_SECONDS:
            self._history.pop(0)
        since, before = self._history[0]
        return events.Progress(
            native_id=self._native_id,
            done=self._done + self.coordinator.done,
            failed=self._failed + self.coordinator.failed,
            running=self.coordinator.running,
            rate=round((finished_items - before) / max(now - since, 1e-3), 4),
        )

    def goodbye(self, *, table: bool) -> None:
        """Wait a moment for every rank's last counts, make the table, say how it ended."""
        deadline = time.monotonic() + _GOODBYE_SECONDS
        while len(self._final) < self._world.size and time.monotonic() < deadline:
            for rank, message in self._world.receive():
                self.hear(rank, message)
            time.sleep(0.001)
        coordinator = self.coordinator
        if coordinator.stopped == "complete":
            self._say(self._progress(time.monotonic()))
            if table:
                self._merge()
        self._say_stopped()

    def note(self, message: str) -> None:
        """Tell the user, and go on."""
        print(f"jupyter-featx: {message}", file=sys.stderr, flush=True)
        self._say(events.Noted(native_id=self._native_id, message=message))

    def fail(self, message: str) -> None:
        """Say that the attempt ends before it began to work."""
        self.coordinator.stop("error", message)
        self._say_stopped()

    def _say_stopped(self) -> None:
        coordinator = self.coordinator
        self._say(
            events.Stopped(
                native_id=self._native_id,
                why=coordinator.stopped,
                message=coordinator.message,
                done=self._done + coordinator.done,
                failed=self._failed + coordinator.failed,
            )
        )

    def _merge(self) -> None:
        """Make the table in a process of its own, so that this one never loads the engine."""
        begun = time.monotonic()
        job = self._job
        places = map(str, (job.shards, job.items, job.index, job.path))
        command = [sys.executable, "-m", "jupyter_featx.table", *places]
        done = subprocess.run(command, stdout=subprocess.PIPE, cwd="/", check=False)
        if done.returncode:
            print("The table could not be made now; job.result() will try again.", file=sys.stderr, flush=True)
            return
        info: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        seconds = round(time.monotonic() - begun, 3)
        counts = {name: info[name] for name in ("rows", "errors", "unreadable")}
        self._say(events.Merged(**counts, seconds=seconds))

    def _send(self, orders: list[Order]) -> None:
        for rank, order in orders:
            self._world.send(rank, order)

    def _say(self, event: Event) -> None:
        try:
            self._log.append(event)
        except OSError as exc:  # a full disk: the work goes on, or ends with its own error
            print(f"jupyter-featx: an event could not be written: {exc}", file=sys.stderr, flush=True)


def native_id() -> str:
    """Return the scheduler's id of this run, which the script gave us; by hand, our own."""
    return os.environ.get("FEATX_NATIVE_ID") or run_id(os.getpid())
