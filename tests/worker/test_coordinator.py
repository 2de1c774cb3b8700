"""The plan of who gets what, alone: every item exactly once, sizes that shrink, stops that say why."""

from __future__ import annotations

import random
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_featx.worker.coordinator import Coordinator, Plan, Report
from jupyter_featx.worker.durations import bucket


def make(items, workers, *, shuffled=False, **plan):
    pending = array("I", range(items))
    if shuffled:
        random.Random(1).shuffle(pending)
    return Coordinator(pending, Plan(workers, **plan))


def lease(orders, rank=0):
    return next((message["lease"] for number, message in orders if number == rank and "lease" in message), [])


def report(coordinator, rank, done, failed=0, left=0, seconds=1.0, error=""):
    return coordinator.report(rank, Report(done, failed, 0, left, seconds * (done + failed), error))


def test_before_anything_is_known_a_rank_gets_a_few_items_per_worker():
    assert len(lease(make(1000, [4]).ask(0, 4))) == 8


def test_a_lease_holds_some_seconds_of_work():
    coordinator = make(100_000, [4, 4])
    coordinator.ask(0, 4)
    report(coordinator, 0, 8, seconds=0.01)
    assert len(lease(coordinator.ask(0, 4))) == 800


def test_slow_items_are_leased_one_for_each_idle_worker():
    coordinator = make(100_000, [4, 4])
    coordinator.ask(0, 4)
    report(coordinator, 0, 8, seconds=60)
    assert len(lease(coordinator.ask(0, 1))) == 1
    assert len(lease(coordinator.ask(0, 3))) == 3


@pytest.mark.parametrize(("early_seconds", "first"), [(9.0, 0), (1.0, 999)], ids=["dearest first", "cheapest first"])
def test_where_the_order_goes_with_the_cost_the_dear_end_goes_out_first(early_seconds, first):
    coordinator = make(1000, [4], shuffled=True)
    coordinator.ask(0, 4)
    orders = coordinator.report(
        0, Report(100, 0, 0, 0, 50 * early_seconds + 50 * 3.0, halves=(50, 50 * early_seconds, 50, 150.0))
    )
    assert orders == [(0, {"sort": first > 0})]
    left = lease(coordinator.ask(0, 4))
    while items := lease(coordinator.ask(0, 4)):
        left += items
    assert left == sorted(left, reverse=first > 0)
    assert abs(left[0] - first) < 40
    assert len(set(left)) == 1000 - 8


@pytest.mark.parametrize(
    ("known", "each", "early_seconds"),
    [(100, 3.0, 150.0), (60, 3.0, 500.0), (100, 1e-5, 5e-4)],
    ids=["all alike", "too few of one half", "too short to wait for"],
)
def test_where_it_does_not_the_order_stays(known, each, early_seconds):
    coordinator = make(1000, [4], shuffled=True)
    coordinator.ask(0, 4)
    before = list(coordinator.pending)
    orders = coordinator.report(
        0,
        Report(
            known,
            0,
            0,
            0,
            early_seconds + (known - 50) * each,
            halves=(50, early_seconds, known - 50, (known - 50) * each),
        ),
    )
    assert orders == []
    assert list(coordinator.pending) == before


def test_near_the_end_no_rank_takes_more_than_its_part():
    coordinator = make(20, [4, 4])
    coordinator.ask(0, 4)
    report(coordinator, 0, 8, seconds=0.001)
    sizes = []
    while items := lease(coordinator.ask(0, 4)):
        sizes.append(len(items))
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] <= 6
    assert sum(sizes) == 12


def test_what_a_rank_has_not_begun_is_called_back_for_one_that_idles():
    coordinator = make(8, [2, 2])
    coordinator.ask(0, 2)
    first = lease(coordinator.ask(0, 2))
    report(coordinator, 0, 0, left=3)
    orders = coordinator.ask(1, 2)
    if not lease(orders, 1):
        assert orders == [(0, {"call_back": 2})]
        assert lease(coordinator.give_back(0, first[:2]), 1) == first[:2]


def test_what_was_just_leased_is_not_called_back_before_its_rank_could_begin_it():
    coordinator = make(1, [1, 1])
    assert lease(coordinator.ask(0, 1)) == [0]
    assert coordinator.ask(1, 1) == []
    assert report(coordinator, 0, 0, left=1) == [(0, {"call_back": 1})]
    assert coordinator.give_back(0, [0]) == [(1, {"lease": [0], "unleased": 0})]
    assert coordinator.ask(0, 1) == []


def test_a_call_back_that_brings_nothing_is_not_repeated_for_ever():
    coordinator = make(4, [2, 2])
    coordinator.ask(0, 2)
    report(coordinator, 0, 0, left=2)
    assert coordinator.ask(1, 2) == [(0, {"call_back": 1})]
    assert coordinator.ask(1, 2) == []
    assert coordinator.give_back(0, []) == []
    assert coordinator.ask(1, 2) == []


def test_it_is_complete_when_every_item_is_counted():
    coordinator = make(3, [2])
    coordinator.ask(0, 2)
    assert report(coordinator, 0, 1, 1) == []
    assert report(coordinator, 0, 2, 1) == [(0, {"stop": "complete"})]
    assert report(coordinator, 0, 2, 1) == []


def test_the_guard_names_the_commonest_error():
    coordinator = make(1000, [2])
    for n in range(1, 50):
        assert report(coordinator, 0, 0, n, error="ValueError: no atoms") == []
    assert report(coordinator, 0, 0, 50, error="KeyError: 'x'") == [(0, {"stop": "guard"})]
    assert "ValueError: no atoms" in coordinator.message
    assert "%featx errors" in coordinator.message


def test_failures_of_the_runs_before_count_against_the_limit():
    coordinator = make(1000, [2], max_failures=20, failed_before=18)
    assert report(coordinator, 0, 10, 2) == []
    assert report(coordinator, 0, 10, 3) == [(0, {"stop": "guard"})]


def test_the_guard_is_off_when_earlier_attempts_had_successes():
    coordinator = make(1000, [2], guard_first=False)
    assert report(coordinator, 0, 0, 500) == []


def test_the_walltime_stops_it():
    coordinator = make(10, [1], deadline=5.0)
    assert coordinator.tick(4.9) == []
    assert coordinator.tick(5.0) == [(0, {"stop": "walltime"})]


def took(seconds, items=100, done=100, running=0, closed=False):
    """A report of items that all took so long."""
    return Report(done, 0, running, 0, seconds * items, closed=closed, durations=((bucket(seconds), items),))


def test_what_would_not_finish_before_the_walltime_is_not_begun():
    coordinator = make(1000, [2, 2], deadline=100.0)
    first = lease(coordinator.ask(0, 2))
    assert first
    coordinator.report(0, took(10.0))
    assert coordinator.tick(85.0) == []
    assert lease(coordinator.ask(1, 2), 1)
    closing = coordinator.tick(91.0)
    assert closing == [(0, {"close": True}), (1, {"close": True})]
    assert coordinator.tick(91.1) == []
    assert coordinator.ask(0, 2) == []
    assert coordinator.give_back(1, [3]) == []


def test_a_closed_attempt_ends_when_nothing_runs_any_more():
    coordinator = make(1000, [2, 2], deadline=100.0)
    coordinator.report(0, took(10.0))
    coordinator.tick(95.0)
    assert coordinator.report(0, took(10.0, closed=True)) == []
    assert coordinator.report(1, took(10.0, done=50, items=50, running=1)) == []
    ended = coordinator.report(1, took(10.0, done=51, items=51, closed=True))
    assert ended == [(0, {"stop": "walltime"}), (1, {"stop": "walltime"})]
    assert coordinator.message == "The walltime is over with 849 items left."


def test_what_still_runs_at_the_deadline_is_cut():
    coordinator = make(1000, [2], deadline=100.0)
    coordinator.report(0, took(10.0, running=2))
    coordinator.tick(95.0)
    assert coordinator.tick(99.9) == []
    assert coordinator.tick(100.0) == [(0, {"stop": "walltime"})]


def test_the_p95_is_of_all_the_ranks_and_of_the_whole_run():
    coordinator = make(100_000, [2, 2], deadline=1000.0)
    coordinator.report(0, took(100.0, items=10, done=10))
    coordinator.report(1, took(1.0, items=1000, done=1000))
    coordinator.report(0, took(100.0, items=11, done=11))
    assert coordinator.tick(990.0) == []
    assert coordinator.tick(999.0) != []


def test_a_run_may_be_told_to_close_early_and_says_by_whom():
    coordinator = make(10, [1])
    assert coordinator.close("The scheduler announced the run's end") == [(0, {"close": True})]
    assert coordinator.close("again") == []
    assert coordinator.report(0, Report(2, 0, 0, 0, 1.0, closed=True)) == [(0, {"stop": "walltime"})]
    assert coordinator.message == "The scheduler announced the run's end with 8 items left."


def test_the_first_reason_to_stop_stays():
    coordinator = make(10, [1])
    coordinator.stop("cancelled", "cancelled")
    assert coordinator.stop("error", "later") == []
    assert coordinator.stopped == "cancelled"


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 400),
    st.lists(st.integers(1, 5), min_size=1, max_size=5),
    st.integers(0, 2**32),
    st.floats(0.001, 100),
)
def test_each_item_is_done_exactly_once_whatever_the_order_of_messages(items, workers, seed, seconds):
    """Ranks that ask, report, finish and give back at random never lose an item and never get one twice."""
    draw = random.Random(seed)
    coordinator = make(items, workers)
    held: list[list[int]] = [[] for _ in workers]
    done: list[list[int]] = [[] for _ in workers]
    orders = []
    for _ in range(200 * items + 1000):
        for rank, message in orders:
            held[rank].extend(message.get("lease", []))
            if "call_back" in message:
                back = [held[rank].pop() for _ in range(min(message["call_back"], len(held[rank])))]
                orders = [*orders[orders.index((rank, message)) + 1 :], *coordinator.give_back(rank, back)]
                break
        else:
            orders = []
        if orders:
            continue
        if coordinator.stopped:
            break
        rank = draw.randrange(len(workers))
        if held[rank]:
            done[rank].append(held[rank].pop(draw.randrange(len(held[rank]))))
            orders = report(coordinator, rank, len(done[rank]), left=len(held[rank]), seconds=seconds)
        else:
            orders = coordinator.ask(rank, workers[rank])
    assert coordinator.stopped == "complete"
    assert sorted(item for own in done for item in own) == list(range(items))
