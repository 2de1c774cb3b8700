"""A run in simulated time, by the engine's own plan: the real `Coordinator`, and on each node the real `Dealer`.

Simulated are the clock, the workers, the messages' way, and deaths. A worker can die with an item in its hands, as a
crash does, or between two items; what a rank then does with the items is the engine's own doing.
"""

from __future__ import annotations

import heapq
import random
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from jupyter_featx.worker.coordinator import Coordinator, Order, Plan, Report
from jupyter_featx.worker.dealer import Dealer
from jupyter_featx.worker.durations import bucket

LATENCY = 0.002  # seconds that a message takes
REPORT_SECONDS = TICK_SECONDS = 1.0
FORK_SECONDS = 0.005
FINE, CRASHES, LEAVES = range(3)  # how an item ends: as it should; its worker dies with it; its worker goes after it

Event = tuple[float, int, Callable[..., None], tuple[Any, ...]]


@dataclass
class Worker:
    """What it has been given, in order; `queue` has not begun."""

    number: int
    alive: bool = True
    fresh: bool = True
    item: int = -1
    since: float = 0.0
    queue: deque[int] = field(default_factory=deque)
    given: deque[tuple[int, array[int]]] = field(default_factory=deque)
    ended: int = 0
    end: int = 0


class Node:
    """One rank: its workers as the dealer sees them, and what it counts."""

    max_chunk = 4096

    def __init__(self, run: Run, rank: int, count: int) -> None:
        self._run, self._rank = run, rank
        self.workers = [Worker(number) for number in range(count)]
        self.dealer = Dealer(self, self._send, lambda: run.now)
        self.done = self.failed = 0
        self.busy = 0.0
        self.early, self.early_busy = 0, 0.0
        self.durations: dict[int, int] = {}
        self._reported = -REPORT_SECONDS
        self._late = False

    def outstanding(self, worker: Worker) -> int:
        return len(worker.queue) + (worker.item >= 0)

    def unbegun(self, worker: Worker) -> int:
        return len(worker.queue)

    def since(self, worker: Worker) -> float:
        return worker.since

    def settled(self, worker: Worker) -> bool:
        return True

    def fresh(self, worker: Worker) -> bool:
        return worker.alive and worker.fresh

    def refused(self, worker: Worker) -> list[int]:
        return []

    def give(self, worker: Worker, items: array[int]) -> None:
        worker.queue.extend(items)
        worker.given.append((worker.end, items))
        worker.end += len(items)
        worker.fresh = False
        if worker.item < 0:
            self._begin(worker)

    def take_back(self, worker: Worker, keep: int = 0) -> list[int]:
        return [worker.queue.pop() for _ in range(len(worker.queue) - keep)][::-1]

    def _send(self, message: dict[str, Any]) -> None:
        self._run.later(LATENCY, self._run.hear, self._rank, message)

    def _begin(self, worker: Worker) -> None:
        worker.item = worker.queue.popleft()
        worker.since = self._run.now
        self._run.later(self._run.seconds[worker.item], self._end, worker, worker.item)

    def _end(self, worker: Worker, item: int) -> None:
        seconds = self._run.seconds[item]
        how = self._run.fate(item)
        worker.item, worker.since = -1, 0.0
        worker.ended += 1
        while worker.given and worker.given[0][0] + len(worker.given[0][1]) <= worker.ended:
            worker.given.popleft()
        if how != CRASHES:
            self._count(item, seconds, failed=False)
        elif not self.dealer.suspect(item):
            self._count(item, seconds, failed=True)
        if how != FINE:
            self._die(worker)
        elif worker.queue:
            self._begin(worker)
        self._turn()

    def _count(self, item: int, seconds: float, *, failed: bool) -> None:
        self._run.rows[item] += 1
        self.done, self.failed = self.done + (not failed), self.failed + failed
        self.busy += seconds
        if item < len(self._run.seconds) // 2:
            self.early, self.early_busy = self.early + 1, self.early_busy + seconds
        if self._run.coordinator.plan.deadline is not None:  # nothing else asks for it
            number = bucket(seconds)
            self.durations[number] = self.durations.get(number, 0) + 1

    def _die(self, worker: Worker) -> None:
        innocent = list(worker.queue)
        worker.queue.clear()
        worker.given.clear()
        worker.alive, worker.ended = False, worker.end
        self.dealer.survive(innocent)
        self._run.later(FORK_SECONDS, self._reborn, worker)

    def _reborn(self, worker: Worker) -> None:
        worker.alive = worker.fresh = True
        self._turn()

    def begin(self) -> None:
        self._turn()

    def obey(self, message: dict[str, Any]) -> None:
        if "lease" in message:
            self.dealer.lease(message["lease"], message["unleased"])
        elif "call_back" in message:
            self.dealer.give_back(message["call_back"])
        elif "sort" in message:
            self.dealer.sort(message["sort"])
        elif "close" in message:
            self.dealer.close()
        self._turn()

    def _turn(self) -> None:
        dealer, finished = self.dealer, self.done + self.failed
        dealer.finished = finished
        dealer.mean_seconds = self.busy / finished if finished else 0.0
        dealer.feed()
        self._report()

    def _report(self) -> None:
        """Say the counts when they change, at most once a second; at once when nothing is left here."""
        wait = self._reported + REPORT_SECONDS - self._run.now
        if wait > 0 and not self.dealer.idle():
            if not self._late:
                self._late = True
                self._run.later(wait, self._report_late)
            return
        self._reported = self._run.now
        running = sum(worker.item >= 0 for worker in self.workers)
        counts = list(self.durations.items()) if self._run.coordinator.plan.deadline is not None else []
        closed = self.dealer.closed and self.dealer.idle()
        late = self.done + self.failed - self.early
        halves = (self.early, self.early_busy, late, self.busy - self.early_busy)
        report = Report(self.done, self.failed, running, self.dealer.left(), self.busy, "", closed, counts, halves)
        self._send({"report": report})

    def _report_late(self) -> None:
        self._late = False
        self._report()


class Run:
    """One attempt over the pending items; `fate(item)` says how an item's run ends, each time it is asked."""

    def __init__(
        self,
        seconds: Sequence[float],
        pending: Sequence[int],
        plan: Plan,
        fate: Callable[[int], int] = lambda item: FINE,
    ) -> None:
        self.seconds, self.fate = seconds, fate
        self.rows = bytearray(len(seconds))  # how many rows each item has
        self.coordinator = Coordinator(array("I", pending), plan)
        self.nodes = [Node(self, rank, count) for rank, count in enumerate(plan.workers)]
        self.now = 0.0
        self._events: list[Event] = []
        self._number = 0

    def later(self, seconds: float, act: Callable[..., None], *arguments: Any) -> None:
        self._number += 1
        heapq.heappush(self._events, (self.now + seconds, self._number, act, arguments))

    def hear(self, rank: int, message: dict[str, Any]) -> None:
        coordinator = self.coordinator
        if "ask" in message:
            self._send(coordinator.ask(rank, message["ask"], message["mean"]))
        elif "report" in message:
            self._send(coordinator.report(rank, message["report"]))
        elif "returned" in message:
            self._send(coordinator.give_back(rank, message["returned"]))

    def _send(self, orders: list[Order]) -> None:
        for rank, message in orders:
            self.later(LATENCY, self.nodes[rank].obey, message)

    def _tick(self) -> None:
        self._send(self.coordinator.tick(self.now))
        self.later(TICK_SECONDS, self._tick)

    def go(self, until: float = float("inf")) -> float:
        """Run until the coordinator stops, at most until then; return the time."""
        for node in self.nodes:
            node.begin()
        self.later(TICK_SECONDS, self._tick)
        while not self.coordinator.stopped:
            self.now, _, act, arguments = heapq.heappop(self._events)
            if self.now > until:
                break
            act(*arguments)
        return self.now


def shuffled(count: int, seed: str) -> list[int]:
    """Return the items in the order in which a job takes them."""
    order = list(range(count))
    random.Random(seed).shuffle(order)
    return order


def in_chunks(count: int, size: int) -> Iterator[range]:
    for start in range(0, count, size):
        yield range(start, min(count, start + size))
