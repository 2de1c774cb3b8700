"""Rank 0's second office: carry the coordinator's orders, write the attempt's events, make the table at the end."""

from __future__ import annotations

import random
import signal
import socket
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from jupyter_featx import events
from jupyter_featx.events import Event
from jupyter_featx.jobdir import JobDir
from jupyter_featx.shards import FAILED, MISSING, OK, finished, list_shards, wrote
from jupyter_featx.spec import JobSpec, LimitSpec
from jupyter_featx.worker.coordinator import Coordinator, Order, Plan, Report
from jupyter_featx.worker.durations import OWN_SECONDS
from jupyter_featx.worker.herald import Herald
from jupyter_featx.worker.output import complain
from jupyter_featx.worker.parts import members
from jupyter_featx.worker.pulse import Pulse
from jupyter_featx.worker.tablemaker import TableMaker
from jupyter_featx.worker.verdict import Run, chain, ending, objection, was_cancelled
from jupyter_featx.worker.walltime import continues
from jupyter_featx.worker.world import Message, World

_GOODBYE_SECONDS = 1.5
_RATE_SECONDS = 20.0
_PULSE_SECONDS = 1.0


@dataclass(frozen=True)
class Charge:
    """What the attempt is to do: its part of the dataset, within which limits, with which workers on which nodes."""

    workers: Sequence[int]  # of each rank
    nodes: Sequence[str]
    part: int = 0
    retry_before: int = 0  # errors of attempts before this one are run again
    limits: LimitSpec = field(default_factory=LimitSpec)
    deadline: float | None = None  # on the monotonic clock
    table: TableMaker | None = None  # None: nobody makes one


class Leader:
    """Owns the coordinator; `herald` writes what it says."""

    def __init__(self, job: JobDir, spec: JobSpec, world: World, herald: Herald, charge: Charge) -> None:
        self._job, self._spec, self._world, self._herald, self._charge = job, spec, world, herald, charge
        pending = self._pending()
        plan = Plan(
            charge.workers,
            max_failures=charge.limits.max_failures,
            failed_before=self._failed,
            guard_first=self._done == 0,
            deadline=charge.deadline,
        )
        self.coordinator = Coordinator(pending, plan)
        self._broken_off = False  # some rank will never end by itself
        self._final: set[int] = set()
        self._history: list[tuple[float, int]] = [(time.monotonic(), 0)]
        self._told = self._felt = 0.0
        self._begun = time.monotonic()
        self._pulse = Pulse(charge.nodes, self._begun)

    def _pending(self) -> array[int]:
        """Return the items to run, in the order of the run, and count those that earlier attempts finished."""
        spec, charge = self._spec, self._charge
        damaged = bool(list_shards(self._job.shards)) and self._damaged()
        status = finished(self._job.shards, spec.total, thorough=damaged, retry_before=charge.retry_before)
        own = members(spec.job_id, spec.total, charge.part, spec.resources.jobs)
        mine = status if len(own) == spec.total else bytes(map(status.__getitem__, own))
        self._done, self._failed = mine.count(OK), mine.count(FAILED)
        pending = [item for item, at in zip(own, mine, strict=True) if at == MISSING]
        random.Random(spec.job_id).shuffle(pending)
        return array("I", pending)

    def _damaged(self) -> bool:
        """Whether rows have gone since they were counted."""
        from jupyter_featx.state import fold  # a job's first run does not ask

        return fold(events.read(self._job.events)).missing > 0

    def begin(self) -> None:
        """Say that the attempt runs; with nothing left to do it ends at once."""
        coordinator = self.coordinator
        self._herald.say(
            events.Started(
                native_id=self._herald.native_id,
                attempt=self._herald.attempt,
                host=socket.gethostname(),
                ranks=self._world.size,
                workers=sum(coordinator.plan.workers),
                pending=coordinator.total,
                done=self._done,
                failed=self._failed,
                part=self._charge.part,
                parts=self._spec.resources.jobs,
            )
        )
        if not coordinator.total:
            self._send(coordinator.stop("complete", ""))

    def hear(self, rank: int, message: Message) -> bool:
        """Take a rank's message to the coordinator; return False when it is not for us."""
        coordinator = self.coordinator
        self._pulse.hear(rank, time.monotonic())
        if "ask" in message:
            self._send(coordinator.ask(rank, message["ask"], message["mean"]))
        elif "report" in message:
            if message["final"]:
                self._final.add(rank)
                self._pulse.gone.add(rank)
            self._send(coordinator.report(rank, Report(**message["report"])))
        elif "returned" in message:
            self._send(coordinator.give_back(rank, message["returned"]))
        elif "broken" in message:
            self._send(coordinator.stop("fault" if message.get("fault") else "error", message["broken"]))
        else:
            return False
        return True

    def tick(self, caught: list[int]) -> None:
        """Look at the clock, at the signals that came, and whether every rank is alive."""
        while caught:
            self._obey_signal(caught.pop(0))
        now = time.monotonic()
        self._send(self.coordinator.tick(now))
        if now - self._felt >= _PULSE_SECONDS:
            self._felt = now
            if silence := self._pulse.silence(now):
                self._broken_off = True
                self._send(self.coordinator.stop("fault", silence))
        elapsed = now - self._begun
        self._foresee()
        # A row of a chart needs no second for three days: the pauses grow to ten seconds.
        if now - self._told >= (0.2 if elapsed < 3 else min(10.0, max(1.0, elapsed / 600))):
            self._told = now
            self._herald.say(self._progress(now))

    def _obey_signal(self, number: int) -> None:
        """Tell a user's cancel from a scheduler's own reasons to end a run, which another run goes on after."""
        if number == signal.SIGUSR1:
            self._send(self.coordinator.close("The scheduler announced the run's end"))
        elif number != signal.SIGHUP and continues() and not self._cancel_asked():  # srun hands on only SIGINT in time
            self._send(self.coordinator.stop("interrupted", "The scheduler ended the run."))
        else:
            self._send(self.coordinator.stop("cancelled", "cancelled"))

    def _cancel_asked(self) -> bool:
        return was_cancelled(events.read(self._job.events), self._herald.native_id)

    def _progress(self, now: float) -> Event:
        finished_items = self.coordinator.done + self.coordinator.failed
        self._history.append((now, finished_items))
        while len(self._history) > 2 and self._history[1][0] < now - _RATE_SECONDS:
            self._history.pop(0)
        since, before = self._history[0]
        return events.Progress(
            native_id=self._herald.native_id,
            done=self._done + self.coordinator.done,
            failed=self._failed + self.coordinator.failed,
            running=self.coordinator.running,
            rate=round((finished_items - before) / max(now - since, 1e-3), 4),
        )

    def _foresee(self) -> None:
        """Have the table's process ready when the last item ends."""
        coordinator = self.coordinator
        if self._charge.table and not coordinator.stopped:
            left = coordinator.total - coordinator.done - coordinator.failed
            mean = coordinator.mean_seconds
            self._charge.table.foresee(left, mean and left * (mean + OWN_SECONDS) / sum(self._charge.workers))

    def goodbye(self) -> None:
        """Wait a moment for every rank's last counts, make the table, say how it ended.

        Of several parts the one that ends last makes it: each says first that it has ended, and then looks.
        """
        self.all_gone(_GOODBYE_SECONDS)
        if self.coordinator.stopped == "complete":
            self._herald.say(self._progress(time.monotonic()))
        table, alone = self._charge.table, self._spec.resources.jobs == 1
        if table and alone and self.coordinator.stopped == "complete":
            self._merge(table)
        elif table:
            table.dismiss()
        self._say_stopped()
        if table and not alone and self._all_parts_complete():
            self._merge(table)

    def _all_parts_complete(self) -> bool:
        from jupyter_featx.state import State, fold

        current = fold(events.read(self._job.events)).current
        complete = [attempt for attempt in current if attempt.state is State.COMPLETED]
        return len(complete) == self._spec.resources.jobs

    def all_gone(self, seconds: float) -> bool:
        """Wait until every rank has said its last; return whether they did."""
        deadline = time.monotonic() + (0.0 if self._broken_off else seconds)
        while len(self._final) < self._world.size and time.monotonic() < deadline:
            for rank, message in self._world.receive():
                self.hear(rank, message)
            time.sleep(0.001)
        return len(self._final) == self._world.size

    def fail(self, message: str) -> None:
        """Say that the attempt ends before it began to work."""
        self.coordinator.stop("error", message)
        self._say_stopped()

    def _say_stopped(self) -> None:
        coordinator = self.coordinator
        said = (coordinator.stopped, coordinator.message)
        counted = coordinator.done + coordinator.failed > 0
        last = LastWord(self._job, self._spec, self._herald, self._charge.part)
        why, message = last.of(said, counted=counted)
        done, failed = self._done + coordinator.done, self._failed + coordinator.failed
        self._herald.say_last(why, message, done, failed)

    def _merge(self, table: TableMaker) -> None:
        """Make the table in a process of its own, so that this one never loads the engine."""
        begun = time.monotonic()
        info = table.make()
        if info is None:
            complain("The table could not be made now; job.result() will try again.")
            return
        seconds = round(time.monotonic() - begun, 3)
        counts = {name: info[name] for name in ("rows", "errors", "unreadable")}
        self._herald.say(events.Merged(**counts, seconds=seconds))

    def _send(self, orders: list[Order]) -> None:
        for rank, order in orders:
            self._world.send(rank, order)


@dataclass(frozen=True)
class LastWord:
    """What this run says when it ends: of which part of which job."""

    job: JobDir
    spec: JobSpec
    herald: Herald
    part: int

    def of(self, said: tuple[str, str], *, began: bool = True, counted: bool = False) -> tuple[str, str]:
        """Return why the run ends and what the user reads, of (why, message) as the coordinator says it.

        A run that was ended from outside goes on in another where the rule allows. `began`: it came as far as to
        work; `counted`: it finished some item.
        """
        why, message = said
        if why not in ("walltime", "interrupted", "fault"):
            return said
        if not continues():
            return ending(why, message, None)
        herald = self.herald
        runs = chain(events.read(self.job.events), self.part)
        if not runs or runs[-1].over or runs[-1].attempt != herald.attempt:  # `Started` was not said, or not written
            runs = (*(run for run in runs if not runs[-1].over), Run(herald.native_id, herald.attempt if began else 0))

        def finished_any(attempt: int) -> bool:
            return (counted and attempt == herald.attempt) or wrote(self.job.shards, attempt)

        return ending(why, message, objection(runs, self.spec.resources.max_attempts, finished_any))
