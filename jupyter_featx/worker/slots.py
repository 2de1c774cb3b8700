"""Shared memory between a rank, its nursery and its workers: who runs what, since when.

A worker writes where it is before and after each item, with plain stores and no system call, so that the rank and the
watchdog know the guilty item even when the worker is gone. Items of a worker are numbered in the order in which they
were given to it (`sequence`); `limit` is the first number that it may not start, and `refused` the first that it saw to
be beyond the limit: only the worker can say for certain whether it ran the last item before a limit that was lowered.
Behind all the slots stand each worker's counts of how long its items took, of those that took long. Of the dataset's
first half items and seconds are counted apart, so that rank 0 sees whether the dataset's order goes with the cost.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator

from jupyter_featx.worker.durations import BUCKETS

_FIELDS = 16  # two cache lines per worker: no false sharing
FINISHED, CURRENT, LIMIT, REFUSED, RETIRED, STARTED, BUSY, EARLY, EARLY_BUSY, LATE = range(10)
USED = 10
_NONE = 1 << 62


class Slots:
    """One slot per worker: `whole` views it as int64 fields, `real` as doubles."""

    def __init__(self, descriptor: int, count: int) -> None:
        self.descriptor = descriptor
        self._count = count
        self._memory = mmap.mmap(descriptor, count * (_FIELDS + BUCKETS) * 8)
        self.whole = memoryview(self._memory).cast("q")
        self.real = memoryview(self._memory).cast("d")

    @classmethod
    def create(cls, count: int) -> Slots:
        descriptor = os.memfd_create("featx-slots")
        os.ftruncate(descriptor, count * (_FIELDS + BUCKETS) * 8)
        return cls(descriptor, count)

    @staticmethod
    def at(worker: int, field: int) -> int:
        """Return the position of a worker's field in both views."""
        return worker * _FIELDS + field

    def bucket(self, worker: int, number: int) -> int:
        """Return the position in `whole` of how many items of a worker fell into a bucket of `durations`."""
        return self._count * _FIELDS + worker * BUCKETS + number

    def durations(self) -> Iterator[int]:
        """Yield for each bucket how many items of all workers fell into it; bucket 0 is not counted here."""
        for number in range(BUCKETS):
            yield sum(self.whole[self._count * _FIELDS + number :: BUCKETS])

    def finished(self, worker: int) -> int:
        """How many of its items the worker has behind it."""
        return self.whole[worker * _FIELDS + FINISHED]

    def current(self, worker: int) -> int:
        return self.whole[worker * _FIELDS + CURRENT]

    def limit(self, worker: int, value: int) -> None:
        self.whole[worker * _FIELDS + LIMIT] = value

    def refused(self, worker: int) -> int:
        return self.whole[worker * _FIELDS + REFUSED]

    def forget_refused(self, worker: int) -> None:
        self.whole[worker * _FIELDS + REFUSED] = _NONE

    def retired(self, worker: int) -> bool:
        """Whether the worker left by itself, between two items, to be replaced by a clean one."""
        return bool(self.whole[worker * _FIELDS + RETIRED])

    def started(self, worker: int) -> float:
        """When the current item began, on the monotonic clock; 0 between items, -1 while its row is written."""
        return self.real[worker * _FIELDS + STARTED]

    def busy(self, worker: int) -> float:
        """Seconds that the worker has spent in items."""
        return self.real[worker * _FIELDS + BUSY]

    def halves(self) -> tuple[int, float, int, float]:
        """How many items of the dataset's first half the workers ended, the seconds these took; and of the second."""
        slots = range(0, self._count * _FIELDS, _FIELDS)
        early, late = (sum(self.whole[slot + field] for slot in slots) for field in (EARLY, LATE))
        busy, early_busy = (sum(self.real[slot + field] for slot in slots) for field in (BUSY, EARLY_BUSY))
        return early, early_busy, late, busy - early_busy

    def reset(self, worker: int, sequence: int) -> None:
        """Make the slot ready for a fresh process whose first item has this number."""
        base = worker * _FIELDS
        self.whole[base + FINISHED] = self.whole[base + LIMIT] = sequence
        self.whole[base + CURRENT] = sequence - 1
        self.whole[base + REFUSED] = _NONE
        self.whole[base + RETIRED] = 0
        self.real[base + STARTED] = 0.0
