"""Who gets which items: the plan of rank 0, without any input or output, so that it can be tested and simulated.

Items go out in shuffled order, in leases sized by time: at first a few seconds of work for a rank, then a shrinking
part of what is left (guided self-scheduling, Polychronopoulos and Kuck, IEEE Trans. Comput. C-36, 1987), one by one at
the end. When nothing is left and a rank has idle workers, items that another rank has not begun are called back.

Where the first items show that the dataset's order goes with the cost, as when it is sorted by size, the dearer end
goes out first: the longest first leaves the least waiting at the end (Graham, SIAM J. Appl. Math. 17, 1969). Where it
does not, no order is better than another.

Before the deadline comes the closing: when 5 % of the items seen so far took longer than what is left of the time,
nothing more is begun, and what runs is finished.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from jupyter_featx.worker.durations import BUCKETS, OWN_SECONDS, quantile

LEASE_SECONDS = 2.0
_FIRST_FAILURES = 50
_LOST_SECONDS = 10.0
_ENOUGH = 50  # items of each half of the dataset, to compare what they take
_DEARER = 1.5  # times as long
_SHORT_SECONDS = 1e-3  # of items that take less on average nobody waits for the last
_MOST = 0.95  # of the items are to fit into what is left of the time when an item is begun

_NO_HALVES = (0, 0.0, 0, 0.0)

Order = tuple[int, dict[str, object]]


@dataclass(frozen=True)
class Plan:
    """What the coordinator is to keep to. `deadline` is on the same clock as `now` in its calls."""

    workers: Sequence[int]  # of each rank
    max_failures: int | None = None
    failed_before: int = 0  # in the runs that this one goes on from: they count against max_failures, too
    guard_first: bool = True  # stop when the first items all fail; off when earlier attempts had successes
    deadline: float | None = None


@dataclass(frozen=True)
class Report:
    """What a rank says of itself, counted since it began; all the rows are safe on disk."""

    done: int
    failed: int
    running: int
    left: int  # items that it holds and has not begun
    busy_seconds: float
    error: str = ""  # of its last failed item
    closed: bool = False  # it begins nothing more, and nothing runs
    durations: Sequence[Sequence[int]] = ()  # (bucket, items) of `durations`
    halves: Sequence[float] = _NO_HALVES  # of the dataset's first half: items that ended, their seconds; of its second


@dataclass
class _Rank:
    workers: int
    closed: bool = False
    durations: Sequence[Sequence[int]] = ()
    halves: Sequence[float] = _NO_HALVES
    done: int = 0
    failed: int = 0
    running: int = 0
    left: int = 0
    fresh: int = 0  # of `left`: leased since its last report, and for all we know begun
    busy_seconds: float = 0.0
    called_back: bool = False


@dataclass
class Coordinator:
    """Hands out the pending items; every method returns the orders to send, as (rank, message)."""

    pending: array[int]
    plan: Plan
    stopped: str = ""
    message: str = ""
    _returned: deque[int] = field(default_factory=deque)
    _ranks: list[_Rank] = field(default_factory=list)
    _waiting: dict[int, int] = field(default_factory=dict)  # ranks that asked, and how many workers idle there
    _errors: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.total = len(self.pending)
        self._next = 0
        self._ranks = [_Rank(workers) for workers in self.plan.workers]
        self._workers = sum(self.plan.workers)
        self.done = self.failed = self.running = 0
        self._busy_seconds = self._told_mean = 0.0
        self._idle_since = float("inf")
        self._durations = [0] * BUCKETS
        self._closing = ""
        self._ordered = False

    @property
    def unleased(self) -> int:
        return len(self.pending) - self._next + len(self._returned)

    @property
    def mean_seconds(self) -> float:
        """Mean seconds per finished item; 0 while none is."""
        finished = self.done + self.failed
        return self._busy_seconds / finished if finished else self._told_mean

    def ask(self, rank: int, idle: int, mean_seconds: float = 0.0) -> list[Order]:
        """A rank has room: `idle` workers without an item. It knows its mean some time before its first report."""
        self._waiting[rank] = max(1, idle)
        self._told_mean = mean_seconds or self._told_mean
        return self._serve()

    def report(self, rank: int, report: Report) -> list[Order]:
        """Take a rank's counts."""
        known = self._ranks[rank]
        self.done += report.done - known.done
        self.failed += report.failed - known.failed
        self.running += report.running - known.running
        self._busy_seconds += report.busy_seconds - known.busy_seconds
        known.done, known.failed, known.running = report.done, report.failed, report.running
        known.left, known.busy_seconds, known.closed = report.left, report.busy_seconds, report.closed
        known.fresh = 0
        for sign, counts in ((-1, known.durations), (1, report.durations)):
            for number, count in counts:
                self._durations[number] += sign * count
        known.durations, known.halves = report.durations, report.halves
        if report.error:
            self._errors[report.error] = self._errors.get(report.error, 0) + 1
        if self.done + self.failed >= self.total:
            return self.stop("complete", "")
        return self._order() + (self._guard() or self._closed() or self._call_back())

    def give_back(self, rank: int, items: Sequence[int]) -> list[Order]:
        """Take items that a rank held and did not begin."""
        self._ranks[rank].called_back = False
        self._ranks[rank].left = max(0, self._ranks[rank].left - len(items)) if items else 0
        self._returned.extend(items)
        return self._serve()

    def tick(self, now: float) -> list[Order]:
        """Look at the clock."""
        deadline = self.plan.deadline
        if deadline is not None:
            if now >= deadline:
                return self.stop("walltime", self._with_left(self._closing or "The walltime is over"))
            if now >= deadline - quantile(self._durations, _MOST):
                return self.close("The walltime is over")
        return self._look_for_lost(now)

    def close(self, reason: str) -> list[Order]:
        """Begin nothing more; end when what runs has ended, at the latest at the deadline."""
        if self._closing or self.stopped:
            return []
        self._closing = reason
        return [(rank, {"close": True}) for rank in range(len(self._ranks))]

    def _closed(self) -> list[Order]:
        if not self._closing or not all(rank.closed for rank in self._ranks):
            return []
        return self.stop("walltime", self._with_left(self._closing))

    def _with_left(self, reason: str) -> str:
        return f"{reason} with {self.total - self.done - self.failed:,} items left."

    def _look_for_lost(self, now: float) -> list[Order]:
        """When every rank idles and yet items are missing, waiting would be for ever."""
        idle = len(self._waiting) == len(self._ranks) and not self.running and not self.unleased and not self._closing
        if not idle or any(rank.left for rank in self._ranks):
            self._idle_since = now
        elif now - self._idle_since > _LOST_SECONDS:
            lost = self.total - self.done - self.failed
            return self.stop("fault", f"{lost:,} items gave no row, nobody runs them.")
        return []

    def stop(self, why: str, message: str) -> list[Order]:
        """End the attempt; the first reason stays."""
        if self.stopped:
            return []
        self.stopped, self.message = why, message
        return [(rank, {"stop": why}) for rank in range(len(self._ranks))]

    def _serve(self) -> list[Order]:
        orders: list[Order] = []
        while self._waiting and self.unleased and not self.stopped and not self._closing:
            number = min(self._waiting, key=self._busy)  # of those equally busy the one that asked first
            rank = self._ranks[number]
            items = self._take(rank, self._waiting.pop(number))
            rank.left += len(items)
            rank.fresh = min(rank.left, rank.fresh + len(items), rank.workers)
            orders.append((number, {"lease": items, "unleased": self.unleased}))
        return orders + self._call_back()

    def _busy(self, number: int) -> bool:
        return self._ranks[number].running >= self._ranks[number].workers

    def _order(self) -> list[Order]:
        """Once both halves of the dataset are known well enough, put what is left into the better order, everywhere."""
        if self._ordered:
            return []
        early, early_busy, late, late_busy = map(sum, zip(*(rank.halves for rank in self._ranks), strict=True))
        if min(early, late) < _ENOUGH:
            return []
        self._ordered = True
        early_mean, late_mean = early_busy / early, late_busy / late
        if self.mean_seconds < _SHORT_SECONDS or _DEARER * min(early_mean, late_mean) > max(early_mean, late_mean):
            return []
        descending = late_mean > early_mean
        left = sorted(self.pending[self._next :], reverse=descending)
        self.pending = self.pending[: self._next] + array("I", left)
        return [(rank, {"sort": descending}) for rank in range(len(self._ranks))]

    def _take(self, rank: _Rank, idle: int) -> list[int]:
        size = self.lease_size(rank.workers, idle)
        items = [self._returned.popleft() for _ in range(min(size, len(self._returned)))]
        more = self.pending[self._next : self._next + size - len(items)]
        self._next += len(more)
        return items + more.tolist()

    def lease_size(self, workers: int, idle: int) -> int:
        """Return how many items to lease: some seconds of work, a shrinking part of what is left, at least `idle`."""
        mean = self.mean_seconds
        if not mean:
            return max(idle, 2 * workers)
        by_time = workers * LEASE_SECONDS / max(mean, OWN_SECONDS)
        by_share = self.unleased * workers / (2 * self._workers) if len(self._ranks) > 1 else self.unleased
        return max(min(idle, self._share(workers)), int(min(by_time, by_share)))

    def _share(self, workers: int) -> int:
        """At the very end no rank may take more than its part, or others would idle beside its queue."""
        return max(1, -(-self.unleased * workers // self._workers))

    def _call_back(self) -> list[Order]:
        if not self._waiting or self.unleased or self.stopped or self._closing:
            return []
        number, holder = max(enumerate(self._ranks), key=lambda pair: pair[1].left - pair[1].fresh)
        spare = holder.left - holder.fresh  # or an item would go round among the ranks, and none begin it
        if spare <= 0 or holder.called_back or number in self._waiting:
            return []
        holder.called_back = True
        return [(number, {"call_back": min(sum(self._waiting.values()), -(-holder.left // 2), spare)})]

    def _guard(self) -> list[Order]:
        limit = self.plan.max_failures
        if limit is not None and self.plan.failed_before + self.failed > limit:
            message = f"More than max_failures={limit} items failed."
        elif self.plan.guard_first and not self.done and self.failed >= _FIRST_FAILURES:
            message = f"The first {_FIRST_FAILURES} finished items all failed."
        else:
            return []
        worst = max(self._errors, key=lambda error: self._errors[error], default="")
        hint = " Type '%featx errors' to see why, mend the function and submit again."
        return self.stop("guard", message + (f" {worst}." if worst else "") + hint)
