"""One rank, one node: an event loop without threads between its workers, its shard and the coordinator.

Every turn: take the rows that came, write them, force them to disk, count them, and only then say so; give workers
chunks sized by time; ask the coordinator for more before they run dry.
"""

from __future__ import annotations

import selectors
import signal
import sys
import time
from array import array
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from jupyter_featx.errors import ShardError
from jupyter_featx.jobdir import JobDir
from jupyter_featx.rows import RowEncoder
from jupyter_featx.spec import LimitSpec
from jupyter_featx.worker.blame import blame
from jupyter_featx.worker.crew import Crew, Death, Worker
from jupyter_featx.worker.output import OutputLog
from jupyter_featx.worker.shard import Shard
from jupyter_featx.worker.world import Message, World

_CHUNK_SECONDS = 0.1  # work in one chunk: long against a message, short against a user's patience
_COMMIT_SECONDS = 0.5  # at most this long between a row's writing and its being safe
_TURN_SECONDS = 0.004  # shorter turns would wake us for every row of fast items
_OWN_SECONDS = 2e-5  # what an item costs besides the user's own functions
_SLOW_SECONDS = 0.02  # an item that runs longer may keep those behind it waiting
_STOP_SECONDS = 1.0
_STILLBORN = 5  # workers in a row that never began an item: the next would not, either


@dataclass(frozen=True)
class RankOptions:
    """What this rank runs, and how."""

    job: JobDir
    attempt: int
    workers: int
    threads: int
    limits: LimitSpec
    workdir: str


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
    counts: Counts = field(default_factory=Counts)
    stopped: str = ""
    finished: bool = False

    def __post_init__(self) -> None:
        job, number = self.options.job, self.world.rank
        attempt = self.options.attempt
        self._shard = Shard(job.shard(attempt, number), job.shard_meta(attempt, number), rank=number, attempt=attempt)
        self._output = OutputLog(job.output_log(attempt, number))
        limits = {
            "workdir": self.options.workdir,
            "threads": self.options.threads,
            "item_timeout_seconds": self.options.limits.item_timeout_seconds,
            "item_memory_mb": self.options.limits.item_memory_mb,
        }
        self.crew = Crew(job, self.options.workers, limits, 2)
        self._selector = selectors.DefaultSelector()
        self.crew.register(self._selector)
        self._encoder = RowEncoder()  # for the rows of items that took their worker with them
        self._pool: deque[int] = deque()
        self._suspects: deque[int] = deque()  # crashed once: each runs alone, in a fresh process, before it is blamed
        self._second_chance: set[int] = set()
        self._asked = self._dry = self._ready = False
        self._committed = self._reported = time.monotonic()
        self._begun = time.monotonic()
        self._last_report: tuple[int, ...] = ()
        self._unleased = self._stillborn = 0
        self._turn_start = 0.0

    @property
    def mean_seconds(self) -> float:
        """Mean seconds of an item on this rank; 0 while none has finished."""
        finished = self.counts.done + self.counts.failed + self._shard.written
        return self._busy() / finished if finished else 0.0

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
        early = self._turn_start + _TURN_SECONDS - time.monotonic()
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
        self._commit_when_due()
        if self._ready and not self.stopped:
            self._feed()
            self._report_when_due()

    def obey(self, message: Message) -> None:
        """Do what the coordinator says."""
        if "lease" in message:
            self._asked = self._dry = False
            self._pool.extend(message["lease"])
            self._unleased = message["unleased"]
        elif "call_back" in message:
            self._give_back(message["call_back"])
        elif "stop" in message:
            self.stop(message["stop"])

    def stop(self, why: str) -> None:
        """End at once: kill what runs, keep every finished row, tell the last counts."""
        if not self.stopped:
            self._finish(why)

    def _finish(self, why: str) -> None:
        self.stopped = why
        self.crew.quit(_STOP_SECONDS)
        try:
            for worker in self.crew.workers:
                self.crew.read_rows(worker, self._shard.add)
                self._output.add(worker.number, self.crew.read_output(worker))
            self._commit()
        except (ShardError, OSError) as exc:  # what could not be written is computed again by the next attempt
            print(f"jupyter-featx: {exc}", file=sys.stderr, flush=True)
        self.counts.busy_seconds = self._busy()
        self._report(final=True)
        self._shard.close()
        self._output.close()
        self.finished = True

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
        if "broken" in message:
            text = f"{message['broken']}, before any item was run."
        else:
            text = f"The parent of the workers ended with status {message['gone']}. Type '%featx log' to see why."
        self._selector.unregister(self.crew.control)
        self._send({"broken": text})

    def _bury(self, worker: Worker, message: dict[str, Any]) -> None:
        self.crew.read_rows(worker, self._shard.add)
        self._output.add(worker.number, self.crew.read_output(worker))
        death, innocent = self.crew.bury(worker, message)
        self._pool.extendleft(reversed(innocent))
        self._stillborn = self._stillborn + 1 if death.stillborn else 0
        if death.item >= 0:
            self._judge(death)
        if self._stillborn >= _STILLBORN:
            self._send({"broken": "The workers end before they begin an item. Type '%featx log' to see why."})
        elif not self.stopped:
            self.crew.start(worker)

    def _judge(self, death: Death) -> None:
        """A crash may be a stray: only the second one, alone in a fresh process, counts. A verdict counts at once."""
        if not death.why and death.item not in self._second_chance:
            self._second_chance.add(death.item)
            self._suspects.append(death.item)
            return
        error = blame(death, self.options.limits, self.options.job)
        peak_mb = 0.0 if death.why != "memory" else float(self.options.limits.item_memory_mb or 0)
        self._shard.add(self._encoder.encode_error(death.item, death.seconds, peak_mb, death.worker, error))

    # -- items -------------------------------------------------------------------------------------------------------

    def _feed(self) -> None:
        """Give every worker that will soon run dry a chunk, the crashed items first."""
        for worker in self.crew.workers:
            self._pool.extend(self.crew.refused(worker))
            if not worker.alive or not self.crew.settled(worker):
                continue
            outstanding = self.crew.outstanding(worker)
            if self._suspects and self.crew.fresh(worker):
                self.crew.give(worker, array("I", [self._suspects.popleft()]))
            elif self._pool and self._soon_dry(worker, outstanding):
                size = min(self._chunk_size(), len(self._pool))
                self.crew.give(worker, array("I", [self._pool.popleft() for _ in range(size)]))
        self._share_out()
        if self._wants_more():
            self._ask()

    def _soon_dry(self, worker: Worker, outstanding: int) -> bool:
        if not outstanding:
            return True
        mean = self.mean_seconds
        return bool(mean) and outstanding * mean < _CHUNK_SECONDS / 2 and len(worker.given) < 3

    def _chunk_size(self) -> int:
        mean = self.mean_seconds
        if not mean:
            return 1
        by_time = int(_CHUNK_SECONDS / mean)
        by_share = -(-(len(self._pool) + self._unleased) // (2 * len(self.crew.workers)))
        one_turn = int(_TURN_SECONDS / (mean + _OWN_SECONDS))  # less would leave the worker idle until our next turn
        ramp = 1 + 4 * (self.counts.done + self._shard.written)  # the first mean is of one item
        return max(1, min(by_time, max(by_share, one_turn), self.crew.max_chunk, ramp))

    def _share_out(self) -> None:
        """When nothing is left to give, take items that wait behind a slow one and give them to an idle worker."""
        if self._pool or not self._dry:
            return
        if not any(w.alive and not self.crew.outstanding(w) for w in self.crew.workers):
            return
        holder = max(self.crew.workers, key=self._stuck)
        if waiting := self._stuck(holder):
            self._pool.extend(self.crew.take_back(holder, keep=waiting // 2))

    def _stuck(self, worker: Worker) -> int:
        """How many items wait behind one that has been running for a while."""
        started = self.crew.slots.started(worker.number)
        slow = started > 0 and time.monotonic() - started > _SLOW_SECONDS
        return self.crew.unbegun(worker) if slow else 0

    def _give_back(self, count: int) -> None:
        """Another rank idles: return items that nobody here has begun."""
        items = [self._pool.pop() for _ in range(min(count, len(self._pool)))]
        for worker in self.crew.workers:
            if len(items) < count and self.crew.unbegun(worker):
                items.extend(self.crew.take_back(worker))
        self._send({"returned": items})

    def _wants_more(self) -> bool:
        if self._asked:
            return False
        mean = self.mean_seconds
        return len(self._pool) * mean < 0.25 * len(self.crew.workers) if mean else not self._pool

    def _ask(self) -> None:
        idle = sum(1 for w in self.crew.workers if not self.crew.outstanding(w))
        self._asked = True
        self._dry = not self._pool
        self._send({"ask": idle})

    def _left(self) -> int:
        return len(self._pool) + sum(self.crew.unbegun(worker) for worker in self.crew.workers)

    # -- rows --------------------------------------------------------------------------------------------------------

    def _commit_when_due(self) -> None:
        if not self._shard.written:
            return
        quiet = not any(self.crew.outstanding(worker) for worker in self.crew.workers)
        if quiet or time.monotonic() - self._committed >= _COMMIT_SECONDS:
            self._commit()

    def _commit(self) -> None:
        done, failed = self._shard.commit()
        self.counts.done += done
        self.counts.failed += failed
        self._committed = time.monotonic()

    def _report_when_due(self) -> None:
        now = time.monotonic()
        running = sum(1 for worker in self.crew.workers if self.crew.slots.started(worker.number))
        interval = 1.0 if now - self._begun > 5 else 0.1
        idle = not running and not self._shard.written and not self._left()
        if now - self._reported >= interval or (idle and self._changed()):
            self.counts.busy_seconds = self._busy()
            self._report(running=running)
            self._reported = now

    def _changed(self) -> bool:
        return self._last_report != (self.counts.done, self.counts.failed)

    def _report(self, *, running: int = 0, final: bool = False) -> None:
        self._last_report = (self.counts.done, self.counts.failed)
        self._send(
            {
                "report": {
                    "done": self.counts.done,
                    "failed": self.counts.failed,
                    "running": running,
                    "left": 0 if final else self._left(),
                    "busy_seconds": self.counts.busy_seconds,
                    "error": self._shard.last_error(),
                },
                "final": final,
            }
        )

    def _send(self, message: Message) -> None:
        self.world.send(0, message)


def caught_signals(numbers: Iterable[int] = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)) -> list[int]:
    """Collect these signals in the returned list instead of dying of them, and wake the loop."""
    caught: list[int] = []
    for number in numbers:
        signal.signal(number, lambda received, _: caught.append(received))
    return caught
