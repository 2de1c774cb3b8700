"""Which items the workers of one rank get: the rank's half of the plan, without files, so that it can be simulated.

Workers get chunks sized by time, and the rank asks the coordinator for more before they run dry. When nothing is left
to give, what waits behind a slow item goes to an idle worker, here or, called back by the coordinator, elsewhere.
"""

from __future__ import annotations

import time
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from jupyter_featx.worker.durations import OWN_SECONDS

CHUNK_SECONDS = 0.1  # work in one chunk: long against a message, short against a user's patience
AHEAD_SECONDS = 0.2  # of work, in several items, that a worker has before it: so long may a disk hold up the rank
TURN_SECONDS = 0.004  # shorter turns of the rank's loop would wake it for every row of fast items
_SLOW_SECONDS = 0.02  # an item that runs longer may keep those behind it waiting


class Hand(Protocol):
    """A worker, as far as dealing goes."""

    number: int
    alive: bool
    given: deque[tuple[int, array[int]]]


class Hands(Protocol):
    """The workers of a rank; `Crew` in earnest."""

    max_chunk: int

    @property
    def workers(self) -> Sequence[Any]: ...
    def outstanding(self, worker: Any) -> int: ...
    def unbegun(self, worker: Any) -> int: ...
    def since(self, worker: Any) -> float: ...
    def settled(self, worker: Any) -> bool: ...
    def fresh(self, worker: Any) -> bool: ...
    def refused(self, worker: Any) -> list[int]: ...
    def give(self, worker: Any, items: array[int]) -> None: ...
    def take_back(self, worker: Any, keep: int = 0) -> list[int]: ...


@dataclass
class Dealer:
    """Holds the items that no worker has yet; `send` speaks to the coordinator."""

    hands: Hands
    send: Callable[[dict[str, Any]], None]
    clock: Callable[[], float] = time.monotonic
    mean_seconds: float = 0.0  # of an item on this rank; 0 while none has finished
    finished: int = 0  # items, on this rank
    closed: bool = False  # nothing more is begun, only what runs is finished
    _pool: deque[int] = field(default_factory=deque)
    # Crashed once: each runs alone, in a fresh process, before it is blamed.
    _suspects: deque[int] = field(default_factory=deque)
    _second_chance: set[int] = field(default_factory=set)
    _asked: bool = False
    _dry: bool = False
    _unleased: int = 0
    _descending: bool | None = None  # None: in the order of the leases

    def lease(self, items: Sequence[int], unleased: int) -> None:
        """Take items that the coordinator gives; so many it still has."""
        self._asked = self._dry = False
        self._unleased = unleased
        if not self.closed:
            self._pool.extend(items)
            self._sort()

    def sort(self, descending: bool) -> None:
        """Give the items out in this order of the dataset from now on."""
        self._descending = descending
        self._sort()

    def _sort(self) -> None:
        if self._descending is not None:
            self._pool = deque(sorted(self._pool, reverse=self._descending))

    def close(self) -> None:
        """Begin nothing more: what no worker has begun stays missing, and is the next attempt's."""
        self.closed = True
        self._pool.clear()
        self._suspects.clear()
        for worker in self.hands.workers:
            if self.hands.unbegun(worker):
                self.hands.take_back(worker)

    def survive(self, items: Sequence[int]) -> None:
        """Take back the innocent items of a worker that died."""
        if not self.closed:
            self._pool.extendleft(reversed(items))

    def suspect(self, item: int) -> bool:
        """Tell whether an item that crashed is tried once more."""
        if item in self._second_chance:
            return False
        self._second_chance.add(item)
        if not self.closed:
            self._suspects.append(item)
        return True

    def left(self) -> int:
        """How many items are here that nobody has begun."""
        return len(self._pool) + sum(self.hands.unbegun(worker) for worker in self.hands.workers)

    def awaits(self) -> bool:
        """Whether more items will surely come, of those that the coordinator had when it last gave some."""
        return self._asked and not self.closed and self._unleased > 0

    def idle(self) -> bool:
        """Whether nothing runs here and nothing waits."""
        return not self._suspects and not self.left() and not any(map(self.hands.outstanding, self.hands.workers))

    def feed(self) -> None:
        """Give every worker that will soon run dry a chunk, the crashed items first."""
        for worker in self.hands.workers:
            refused = self.hands.refused(worker)
            if self.closed:
                continue
            self._pool.extend(refused)
            if not worker.alive or not self.hands.settled(worker):
                continue
            outstanding = self.hands.outstanding(worker)
            if self._suspects and self.hands.fresh(worker):
                self.hands.give(worker, array("I", [self._suspects.popleft()]))
            elif self._pool and self._soon_dry(worker, outstanding):
                size = min(self._chunk_size(), len(self._pool))
                self.hands.give(worker, array("I", [self._pool.popleft() for _ in range(size)]))
        if self.closed:
            return
        self._share_out()
        if self._wants_more():
            self._ask()

    def _soon_dry(self, worker: Hand, outstanding: int) -> bool:
        if not outstanding:
            return True
        mean = self.mean_seconds
        return bool(mean) and outstanding * mean < AHEAD_SECONDS and len(worker.given) < 3

    def _chunk_size(self) -> int:
        mean = self.mean_seconds
        if not mean:
            return 1
        by_time = int(CHUNK_SECONDS / mean)
        by_share = -(-(len(self._pool) + self._unleased) // (2 * len(self.hands.workers)))
        one_turn = int(TURN_SECONDS / (mean + OWN_SECONDS))  # less would leave the worker idle until our next turn
        ramp = 1 + 4 * self.finished  # the first mean is of one item
        return max(1, min(by_time, max(by_share, one_turn), self.hands.max_chunk, ramp))

    def _share_out(self) -> None:
        """When nothing is left to give, take items that wait behind a slow one and give them to an idle worker."""
        if self._pool or not self._dry:
            return
        if not any(w.alive and not self.hands.outstanding(w) for w in self.hands.workers):
            return
        holder = max(self.hands.workers, key=self._stuck)
        if waiting := self._stuck(holder):
            self._pool.extend(self.hands.take_back(holder, keep=waiting // 2))

    def _stuck(self, worker: Hand) -> int:
        """How many items wait behind one that has been running for a while."""
        since = self.hands.since(worker)
        slow = since > 0 and self.clock() - since > _SLOW_SECONDS
        return self.hands.unbegun(worker) if slow else 0

    def give_back(self, count: int) -> None:
        """Another rank idles: return items that nobody here has begun."""
        items = [self._pool.pop() for _ in range(min(count, len(self._pool)))]
        for worker in self.hands.workers:
            if not self.closed and len(items) < count and self.hands.unbegun(worker):
                items.extend(self.hands.take_back(worker))
        self.send({"returned": items})

    def _wants_more(self) -> bool:
        if self._asked:
            return False
        mean = self.mean_seconds
        return len(self._pool) * mean < 0.25 * len(self.hands.workers) if mean else not self._pool

    def _ask(self) -> None:
        idle = sum(1 for w in self.hands.workers if not self.hands.outstanding(w))
        self._asked = True
        self._dry = not self._pool
        self.send({"ask": idle, "mean": self.mean_seconds})
