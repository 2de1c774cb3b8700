"""Whatever items take and whoever dies when, each item has one row in the end, and there is an end.

The coordinator and the dealers are the real ones; time, messages and deaths are drawn. A rank that dies takes its
attempt with it, and the rows that were still on their way; the next attempt takes what has no row on disk.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bounded import bounded
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.simulation import CRASHES, FINE, LEAVES, Run, shuffled
from jupyter_featx.worker.coordinator import Plan

SECONDS = st.sampled_from([0.0, 1e-9, 1e-5, 1e-3, 0.05, 1.0, 30.0, 400.0]) | st.floats(1e-9, 1000)
ATTEMPTS = 40


class Slowly(Run):
    """A run in which each message takes its own time, and those of one rank stay in order."""

    def __init__(self, *arguments: Any, delays: list[float]) -> None:
        self._delays, self._sent, self._arrived = delays, 0, dict[object, float]()
        super().__init__(*arguments)

    def later(self, seconds: float, act: Callable[..., None], *arguments: Any) -> None:
        hears = act == self.hear
        if hears or getattr(act, "__name__", "") == "obey":
            self._sent += 1
            channel = ("up", arguments[0]) if hears else ("down", id(getattr(act, "__self__", None)))
            seconds += self._delays[self._sent % len(self._delays)]
            self._arrived[channel] = max(self._arrived.get(channel, 0.0), self.now + seconds)
            seconds = self._arrived[channel] - self.now
        super().later(seconds, act, *arguments)


@bounded(120)
@given(
    st.lists(SECONDS, min_size=1, max_size=60),
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
    st.lists(st.sampled_from([0.0, 0.0, 0.001, 0.3, 5.0]), min_size=1, max_size=5),
    st.lists(st.sampled_from([FINE, FINE, FINE, CRASHES, LEAVES]), min_size=1, max_size=7),
    st.lists(st.floats(0, 2000) | st.none(), max_size=8),
    st.integers(0, 99),
)
def test_each_item_has_one_row_in_the_end(
    seconds: list[float],
    workers: list[int],
    delays: list[float],
    fates: list[int],
    deaths: list[float | None],
    seed: int,
) -> None:
    durable = bytearray(len(seconds))
    asked = 0

    def fate(item: int) -> int:
        nonlocal asked
        asked += 1
        return fates[asked % len(fates)]

    for attempt in range(ATTEMPTS):
        pending = [item for item in shuffled(len(seconds), str(seed)) if not durable[item]]
        run = Slowly(seconds, pending, Plan(workers, guard_first=False), fate, delays=delays)
        death = deaths[attempt] if attempt < len(deaths) else None
        run.go(until=float("inf") if death is None else death)
        assert max(run.rows) <= 1
        assert not any(row and known for row, known in zip(run.rows, durable, strict=True))
        lost = {item for item in pending if run.rows[item] and (item + seed) % 3 == 0} if death is not None else set()
        for item in pending:
            durable[item] |= run.rows[item] and (run.coordinator.stopped == "complete" or item not in lost)
        if run.coordinator.stopped == "complete":
            break
    assert run.coordinator.stopped == "complete"
    assert set(durable) == {1}


@bounded(60)
@given(
    st.lists(SECONDS.map(lambda seconds: min(seconds, 50.0)), min_size=1, max_size=60),
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
    st.lists(st.sampled_from([0.0, 0.001, 0.3]), min_size=1, max_size=5),
    st.floats(60, 300),
)
def test_walltime_after_walltime_every_item_gets_its_row(
    seconds: list[float], workers: list[int], delays: list[float], walltime: float
) -> None:
    rows = bytearray(len(seconds))
    for _ in range(10 * len(seconds)):
        pending = [item for item in shuffled(len(seconds), "x") if not rows[item]]
        run = Slowly(seconds, pending, Plan(workers, deadline=walltime), delays=delays)
        assert run.go(until=2 * walltime) <= walltime + 5
        rows = bytearray(map(sum, zip(rows, run.rows, strict=True)))
        if run.coordinator.stopped == "complete":
            break
    assert set(rows) == {1}
