"""One rank, one node: an event loop without threads between its workers, its shard and the coordinator.

Every turn: take the rows that came, and write them; give workers chunks sized by time, and ask the coordinator for more
before they run dry; force the rows to disk, count them, and only then say so.
"""

from __future__ import annotations

import selectors
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from jupyter_featx.errors import ShardError
from jupyter_featx.jobdir import JobDir
from jupyter_featx.spec import LimitSpec
from jupyter_featx.worker.blame import blame
from jupyter_featx.worker.coordinator import Report
from jupyter_featx.worker.crew import Crew, Death, Worker
from jupyter_featx.worker.dealer import TURN_SECONDS, Dealer
from jupyter_featx.worker.durations import BUCKETS, bucket
from jupyter_featx.worker.output import OutputLog, complain
from jupyter_featx.worker.shard import Shard
from jupyter_featx.worker.world import Message, World

_COMMIT_SECONDS = 0.5  # at most this long between a row's writing and its being safe
_STOP_SECONDS = 1.0
_FIRST_ITEMS, _FIRST_TURN_SECONDS = 1000, 0.001  # in which chunks grow, a turn at a time
_STILLBORN = 5  # workers in a row that never began an item: the next would not, either


@dataclass(frozen=True)
class RankOptions:
    """What this rank runs, and how."""

    job: JobDir
    attempt: int
    limits: LimitSpec
    node: str = ""


@dataclass
class Counts:
    """What is safe on disk since the rank began."""

    done: int = 0
    failed: int = 0
    busy_seconds: float = 0.0


@dataclass
class Rank:
    """The state of one rank; `turn` is the body of its loop."""

    options: RankOptions
    world: World
    crew: Crew
    caught: list[int] = field(default_factory=list)  # signals that this process got, until rank 0 obeys them
    helper: Callable[[], int] = lambda: 0  # a process beside the crew's that is to outlive it; 0 for none
    counts: Counts = field(default_factory=Counts)
    stopped: str = ""
    finished: bool = False

    def __post_init__(self) -> None:
        job, number = self.options.job, self.world.rank
        attempt = self.options.attempt
        self._shard = Shard(job.shard(attempt, number), job.shard_meta(attempt, number), rank=number, attempt=attempt)
        self._output = OutputLog(job.output_log(attempt, number))
        self._selector = selectors.DefaultSelector()
        self.crew.register(self._selector)
        self._dealer = Dealer(self.crew, self._send)
        self._ready = False
        self._long_ends = [0] * BUCKETS  # of items that took their worker with them, which count their time no more
        self._committed = self._reported = time.monotonic()
        self._begun = time.monotonic()
        self._last_report: tuple[int, ...] = ()
        self._stillborn = 0
        self._told_to_end = False
        self._turn_start = 0.0

    def _busy(self) -> float:
        return sum(self.crew.slots.busy(worker.number) for worker in self.crew.workers)

    def turn(self, longest: float) -> None:
        """Wait for something to happen, at most this long, and deal with it."""
        try:
            self._turn(longest)
        except ShardError as exc:
            self._send({"broken": str(exc)})
            self._finish("error")

    def _turn(self, longest: float) -> None:
        pause = TURN_SECONDS if self._dealer.finished > _FIRST_ITEMS else _FIRST_TURN_SECONDS
        early = self._turn_start + pause - time.monotonic()
        if early > 0:
            time.sleep(early)
        for key, _ in self._selector.select(longest):
            kind, worker = key.data
            if kind == "rows":
                self.crew.read_rows(worker, self._shard.add)
            elif kind == "output":
                self._output.add(worker.number, self.crew.read_output(worker))
            else:
                self._hear_nursery()
        self._turn_start = time.monotonic()
        if self._ready and not self.stopped:
            self._feed()  # first, for the disk may take its time
        self._commit_when_due()
        if not self.stopped:
            self._report_when_due()

    def _feed(self) -> None:
        finished = self.counts.done + self.counts.failed + self._shard.written
        self._dealer.finished = finished
        self._dealer.mean_seconds = self._busy() / finished if finished else 0.0
        self._dealer.feed()

    def obey(self, message: Message) -> None:
        """Do what the coordinator says."""
        if "lease" in message:
            self._dealer.lease(message["lease"], message["unleased"])
        elif "call_back" in message:
            self._dealer.give_back(message["call_back"])
        elif "sort" in message:
            self._dealer.sort(message["sort"])
        elif "close" in message:
            self._dealer.close()
        elif "stop" in message:
            self.stop(message["stop"])

    def heed(self) -> bool:
        """Tell whether this process was told to end."""
        self._told_to_end = self._told_to_end or any(number != signal.SIGUSR1 for number in self.caught)
        return self._told_to_end

    def stop(self, why: str) -> None:
        """End at once: kill what runs, keep every finished row, tell the last counts."""
        if not self.stopped:
            self._finish(why)

    def _finish(self, why: str) -> None:
        self.stopped = why
        self.crew.quit(_STOP_SECONDS, self.helper())
        for keep in (self._read_all, self._commit):  # what was written counts, also where more could not be
            try:
                keep()
            except (ShardError, OSError) as exc:  # what could not be written is computed again by the next attempt
                complain(str(exc))
        self.counts.busy_seconds = self._busy()
        self._report(final=True)
        self._shard.close()
        self._output.close()
        self.finished = True

    def _read_all(self) -> None:
        for worker in self.crew.workers:
            self.crew.read_rows(worker, self._shard.add)
            self._output.add(worker.number, self.crew.read_output(worker))

    # -- the nursery -------------------------------------------------------------------------------------------------

    def _hear_nursery(self) -> None:
        for message in self.crew.messages():
            if "ready" in message:
                self._ready = True
                for worker in self.crew.workers:
                    self.crew.start(worker)
            elif "dead" in message:
                self._bury(self.crew.workers[message["dead"]], message)
            elif not self.stopped:
                self._break_down(message)

    def _break_down(self, message: dict[str, Any]) -> None:
        """The nursery is of no more use: nothing can run here."""
        self._selector.unregister(self.crew.control)
        if "broken" in message:
            self._send({"broken": f"{message['broken']}, before any item was run."})
        else:
            where = f" on node {self.options.node}" if self.world.size > 1 else ""
            text = (
                f"The parent of the workers{where} ended with status {message['gone']}. Type '%featx log' to see why."
            )
            self._send({"broken": text, "fault": True})

    def _bury(self, worker: Worker, message: dict[str, Any]) -> None:
        self.crew.read_rows(worker, self._shard.add)
        self._output.add(worker.number, self.crew.read_output(worker))
        self._output.add(worker.number, b"")  # its next process begins a line of its own
        death, innocent = self.crew.bury(worker, message)
        self._dealer.survive(innocent)
        self._stillborn = self._stillborn + 1 if death.stillborn else 0
        if death.item >= 0:
            self._judge(death)
        if self._stillborn >= _STILLBORN:
            self._send({"broken": "The workers end before they begin an item. Type '%featx log' to see why."})
        elif not self.stopped:
            self.crew.start(worker)

    def _judge(self, death: Death) -> None:
        """A crash may be a stray: only the second one, alone in a fresh process, counts. A verdict counts at once."""
        if not death.why and self.heed():
            return  # who ends the run ends every process of it, more than once: the item has no part in that
        if not death.why and self._dealer.suspect(death.item):
            return
        from jupyter_featx.rows import RowEncoder  # for the row of an item that took its worker with it

        error = blame(death, self.options.limits, self.options.job)
        self._long_ends[bucket(death.seconds)] += 1
        peak_mb = 0.0 if death.why != "memory" else float(self.options.limits.item_memory_mb or 0)
        self._shard.add(RowEncoder().encode_error(death.item, death.seconds, peak_mb, death.worker, error))

    # -- rows --------------------------------------------------------------------------------------------------------

    def _commit_when_due(self) -> None:
        if not self._shard.written:
            return
        quiet = not self._dealer.awaits() and not any(map(self.crew.outstanding, self.crew.workers))
        if quiet or time.monotonic() - self._committed >= _COMMIT_SECONDS:
            self._commit()

    def _commit(self) -> None:
        done, failed = self._shard.commit()
        self.counts.done += done
        self.counts.failed += failed
        self._committed = time.monotonic()

    def _report_when_due(self) -> None:
        """Say the counts: early ones often, later ones once a second, and always, for silence is taken for death."""
        now = time.monotonic()
        running = sum(1 for worker in self.crew.workers if self.crew.since(worker))
        interval = 1.0 if now - self._begun > 5 else 0.1
        idle = not running and not self._shard.written and self._changed() and not self._dealer.left()
        if now - self._reported >= interval or idle:
            self.counts.busy_seconds = self._busy()
            self._report(running=running)
            self._reported = now

    def _changed(self) -> bool:
        return self._last_report != (self.counts.done, self.counts.failed)

    def _report(self, *, running: int = 0, final: bool = False) -> None:
        self._last_report = (self.counts.done, self.counts.failed)
        report = Report(
            done=self.counts.done,
            failed=self.counts.failed,
            running=running,
            left=0 if final else self._dealer.left(),
            busy_seconds=self.counts.busy_seconds,
            error=self._shard.last_error(),
            closed=self._dealer.closed and self._dealer.idle(),
            durations=self._durations(),
            halves=self.crew.slots.halves(),
        )
        self._send({"report": asdict(report), "final": final})

    def _durations(self) -> list[tuple[int, int]]:
        """Return (bucket, items) for each bucket that is not empty: all the items that ended here."""
        counts = [own + lost for own, lost in zip(self.crew.slots.durations(), self._long_ends, strict=True)]
        counts[0] += max(0, self.counts.done + self.counts.failed - sum(counts))
        return [(number, count) for number, count in enumerate(counts) if count]

    def _send(self, message: Message) -> None:
        self.world.send(0, message)
