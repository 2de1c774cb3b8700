"""The whole plan, both halves, in simulated time: each item gets exactly one row, whatever takes how long or dies."""

from __future__ import annotations

import random
from array import array
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.simulation import CRASHES, FINE, LEAVES, Run, shuffled
from jupyter_featx.worker.coordinator import Plan
from jupyter_featx.worker.dealer import Dealer

worlds = st.lists(st.integers(1, 5), min_size=1, max_size=5)
scales = st.sampled_from([1e-4, 1e-2, 1.0, 60.0])


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 120), worlds, scales, st.floats(0, 2.5), st.floats(0, 0.6), st.integers(0, 2**32))
def test_each_item_is_done_exactly_once_whatever_it_takes_and_whoever_dies(
    items: int, workers: list[int], scale: float, sigma: float, deadly: float, seed: int
) -> None:
    draw = random.Random(seed)
    seconds = [scale * draw.lognormvariate(0, sigma) for _ in range(items)]
    cursed = {item for item in range(items) if draw.random() < deadly / 4}  # takes its worker with it each time

    def fate(item: int) -> int:
        if item in cursed:
            return CRASHES
        return draw.choice((CRASHES, LEAVES)) if draw.random() < deadly / 2 else FINE

    run = Run(seconds, shuffled(items, str(seed)), Plan(workers, guard_first=False), fate)
    run.go()
    assert run.coordinator.stopped == "complete"
    assert set(run.rows) == {1}
    assert run.coordinator.failed >= len(cursed)
    assert run.coordinator.done + run.coordinator.failed == items


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 80), worlds, st.floats(0, 1.5), st.floats(5, 60), st.integers(0, 2**32))
def test_attempt_after_attempt_each_item_is_done_exactly_once(
    items: int, workers: list[int], sigma: float, walltime: float, seed: int
) -> None:
    draw = random.Random(seed)
    seconds = [min(walltime, draw.lognormvariate(0, sigma)) * 0.9 for _ in range(items)]
    rows = bytearray(items)
    for _ in range(10 * items):
        pending = [item for item in shuffled(items, str(seed)) if not rows[item]]
        run = Run(seconds, pending, Plan(workers, deadline=walltime))
        # Now and then a node goes without a word, and with it the attempt.
        assert run.go(until=draw.choice([walltime + 1, draw.uniform(0, walltime)])) <= walltime + 2
        rows = bytearray(map(sum, zip(rows, run.rows, strict=True)))
        if run.coordinator.stopped == "complete":
            break
    assert set(rows) == {1}


def test_near_the_deadline_few_items_are_cut() -> None:
    draw = random.Random(3)
    seconds = [draw.lognormvariate(1, 0.5) for _ in range(20_000)]
    run = Run(seconds, shuffled(20_000, "x"), Plan([4] * 8, deadline=600.0))
    ended = run.go()
    assert run.coordinator.stopped == "walltime"
    cut = sum(worker.item >= 0 for node in run.nodes for worker in node.workers)
    assert cut <= 8  # of the 32 that ran at the closing a twentieth would be cut, had all just begun
    assert 590 < ended <= 601
    assert sum(run.rows) * sum(seconds) / 20_000 > 0.97 * 32 * 600


def test_a_dataset_in_the_order_of_its_cost_takes_no_longer_than_it_must() -> None:
    draw = random.Random(5)
    seconds = sorted(draw.lognormvariate(0, 1) for _ in range(20_000))
    run = Run(seconds, shuffled(20_000, "x"), Plan([4] * 5))
    assert run.go() < 1.02 * sum(seconds) / 20
    assert set(run.rows) == {1}


# -- one rank ----------------------------------------------------------------------------------------------------------


@dataclass
class Hand:
    number: int
    alive: bool = True
    given: deque[tuple[int, array[int]]] = field(default_factory=deque)
    held: list[int] = field(default_factory=list)


class Hands:
    """Workers that keep what they get, and begin only their first item."""

    max_chunk = 100

    def __init__(self, count: int) -> None:
        self.workers = [Hand(number) for number in range(count)]

    def outstanding(self, worker: Hand) -> int:
        return len(worker.held)

    def unbegun(self, worker: Hand) -> int:
        return max(0, len(worker.held) - 1)

    def since(self, worker: Hand) -> float:
        return 1.0 if worker.held else 0.0

    def settled(self, worker: Hand) -> bool:
        return True

    def fresh(self, worker: Hand) -> bool:
        return not worker.held

    def refused(self, worker: Hand) -> list[int]:
        return []

    def give(self, worker: Hand, items: array[int]) -> None:
        worker.held.extend(items)

    def take_back(self, worker: Hand, keep: int = 0) -> list[int]:
        taken, worker.held = worker.held[1 + keep :], worker.held[: 1 + keep]
        return taken


@pytest.fixture
def table() -> tuple[Dealer, Hands, list[Any]]:
    sent: list[Any] = []
    hands = Hands(2)
    return Dealer(hands, sent.append, lambda: 100.0), hands, sent


def test_a_rank_asks_when_it_runs_dry_and_only_once(table: Any) -> None:
    dealer, _, sent = table
    dealer.feed()
    dealer.feed()
    assert sent == [{"ask": 2, "mean": 0.0}]


def test_before_anything_is_known_each_worker_gets_one_item(table: Any) -> None:
    dealer, hands, _ = table
    dealer.lease([1, 2, 3], unleased=10)
    dealer.feed()
    assert [hand.held for hand in hands.workers] == [[1], [2]]
    assert dealer.left() == 1


def test_what_is_known_to_be_quick_goes_out_in_chunks(table: Any) -> None:
    dealer, hands, _ = table
    dealer.mean_seconds, dealer.finished = 0.01, 100
    dealer.lease(list(range(50)), unleased=1000)
    dealer.feed()
    assert [len(hand.held) for hand in hands.workers] == [10, 10]


def test_after_the_closing_nothing_is_begun_and_nothing_is_asked_for(table: Any) -> None:
    dealer, hands, sent = table
    dealer.mean_seconds, dealer.finished = 0.01, 100
    dealer.lease(list(range(50)), unleased=1000)
    dealer.feed()
    sent.clear()
    assert dealer.suspect(99)
    dealer.close()
    assert [hand.held for hand in hands.workers] == [[0], [10]]
    assert (dealer.left(), dealer.idle()) == (0, False)
    for hand in hands.workers:
        hand.held.clear()
    dealer.lease([60], unleased=0)  # was on its way
    dealer.survive([70])
    dealer.suspect(98)
    dealer.give_back(3)
    dealer.feed()
    assert sent == [{"returned": []}]
    assert dealer.idle()
    assert not any(hand.held for hand in hands.workers)


def test_an_item_is_tried_twice_alone_and_not_a_third_time(table: Any) -> None:
    dealer, hands, _ = table
    assert dealer.suspect(5)
    dealer.feed()
    assert [hand.held for hand in hands.workers] == [[5], []]
    assert not dealer.suspect(5)


def test_another_rank_that_idles_gets_what_nobody_here_has_begun(table: Any) -> None:
    dealer, hands, sent = table
    dealer.mean_seconds, dealer.finished = 0.01, 100
    dealer.lease(list(range(22)), unleased=0)
    dealer.feed()
    dealer.give_back(4)
    dealer.give_back(100)
    returned = [item for message in sent for item in message.get("returned", [])]
    assert len(sent[-2]["returned"]) == 4
    assert [len(hand.held) for hand in hands.workers] == [1, 1]
    assert sorted(returned + [hand.held[0] for hand in hands.workers]) == list(range(22))
