"""One rule says whether a part of a job goes on in another run."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from jupyter_featx.events import CancelAsked, Event, Lost, Progress, Started, Stopped, Submitted
from jupyter_featx.worker.verdict import Run, chain, ending, objection, was_cancelled


def submitted(native_id: str, part: int = 0) -> Submitted:
    return Submitted(native_id=native_id, cores=4, part=part, parts=2)


def started(native_id: str, attempt: int, part: int = 0) -> Started:
    counts: dict[str, Any] = {"pending": 10, "done": 0, "failed": 0, "ranks": 1, "workers": 4}
    return Started(native_id=native_id, attempt=attempt, host="n1", part=part, parts=2, **counts)


def stopped(native_id: str, why: str) -> Stopped:
    return Stopped(native_id=native_id, why=why, message="", done=0, failed=0)


def seen(*found: Event, part: int = 0) -> list[tuple[str, int, str]]:
    return [(run.native_id, run.attempt, run.why) for run in chain(found, part)]


def test_runs_that_continue_each_other_are_a_chain() -> None:
    found = [submitted("1"), started("1", 1), stopped("1", "continues"), submitted("2"), started("2", 2)]
    progress = Progress(native_id="2", done=1, failed=0, running=1, rate=1.0)
    assert seen(*found, progress) == [("1", 1, "continues"), ("2", 2, "")]


def test_parts_have_chains_of_their_own() -> None:
    found = [submitted("1", 0), submitted("2", 1), started("2", 1, 1), started("1", 2, 0), stopped("2", "continues")]
    assert seen(*found, part=0) == [("1", 2, "")]
    assert seen(*found, part=1) == [("2", 1, "continues")]


@pytest.mark.parametrize("why", ["complete", "cancelled", "guard", "walltime", "error"])
def test_what_follows_an_end_for_good_begins_a_chain(why: str) -> None:
    found = [submitted("1"), started("1", 1), stopped("1", why)]
    assert seen(*found) == [("1", 1, why)]
    assert seen(*found, submitted("2"), started("2", 2)) == [("2", 2, "")]


def test_a_run_that_the_scheduler_lost_ends_the_chain_unless_it_had_said_its_last() -> None:
    lost = Lost(native_id="1", reason="NODE_FAIL")
    assert seen(submitted("1"), started("1", 1), lost, submitted("2"), started("2", 2)) == [("2", 2, "")]
    going_on = [submitted("1"), started("1", 1), stopped("1", "continues"), lost, submitted("2"), started("2", 2)]
    assert seen(*going_on) == [("1", 1, "continues"), ("2", 2, "")]


def test_a_requeued_run_is_another_run_of_the_same_id() -> None:
    assert seen(submitted("1"), started("1", 1), started("1", 2)) == [("1", 1, ""), ("1", 2, "")]


def test_runs_that_never_began_count() -> None:
    found = [submitted("1"), started("1", 1), stopped("1", "continues"), submitted("2"), stopped("2", "continues")]
    assert seen(*found) == [("1", 1, "continues"), ("2", 0, "continues")]
    assert seen(*found, stopped("2", "continues"))[1:] == [("2", 0, "continues"), ("2", 0, "continues")]
    assert seen(*found, stopped("2", "error"))[1:] == [("2", 0, "error")]


def test_events_of_unknown_runs_are_nobodys() -> None:
    assert seen(stopped("9", "error"), Lost(native_id="8", reason="gone")) == []


def ruled(attempts: list[int], wrote: Collection[int], most: int = 100) -> str:
    return objection([Run("x", attempt) for attempt in attempts], most, lambda attempt: attempt in wrote)


@pytest.mark.parametrize(
    ("attempts", "wrote"),
    [([1], []), ([1], [1]), ([1, 2], [1]), ([1, 2], [2]), ([1, 2, 3, 4], [3]), ([1, 0], [1])],
)
def test_a_part_goes_on_while_one_of_its_last_two_runs_finished_something(
    attempts: list[int], wrote: list[int]
) -> None:
    assert ruled(attempts, wrote) == ""


@pytest.mark.parametrize(
    ("attempts", "wrote", "most", "why"),
    [
        ([1, 2], [], 100, "finished nothing"),
        ([1, 2, 3], [1], 100, "finished nothing"),
        ([1, 0, 0], [1], 100, "finished nothing"),
        ([1, 2, 3], [1, 2, 3], 3, "max_attempts=3 are over"),
        ([1], [1], 1, "last of max_attempts=1"),
        ([0], [], 100, "no rank began"),
    ],
)
def test_it_ends_with_a_reason(attempts: list[int], wrote: list[int], most: int, why: str) -> None:
    assert why in ruled(attempts, wrote, most)


def test_the_last_word_says_how_it_goes_on() -> None:
    assert ending("fault", "Rank 3 died.", "") == ("continues", "Rank 3 died. The job goes on in a new run.")
    assert ending("walltime", "It is over.", None) == ("walltime", "It is over. Type '%featx retry' to go on.")
    assert ending("interrupted", "Ended.", None) == ("cancelled", "cancelled")
    why, message = ending("walltime", "It is over.", "this run and the one before it finished nothing")
    assert why == "walltime"
    assert "finished nothing. Type '%featx retry' to go on, with a longer --walltime" in message
    assert ending("interrupted", "Ended.", "no luck") == (
        "error",
        "Ended. It does not go on by itself: no luck. Type '%featx retry' to go on.",
    )


def test_a_cancel_is_of_one_run() -> None:
    found = [submitted("1"), CancelAsked(native_id="1")]
    assert was_cancelled(found, "1")
    assert not was_cancelled(found, "2")
