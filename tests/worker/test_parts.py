"""Parts share a dataset out: each item once, the same in every attempt, evenly in every corner, and fast."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from jupyter_featx.worker.parts import members


@given(st.integers(0, 500), st.integers(1, 40), st.text(max_size=8))
def test_each_item_is_in_exactly_one_part(total: int, parts: int, job_id: str) -> None:
    shares = [list(members(job_id, total, part, parts)) for part in range(parts)]
    assert sorted(item for share in shares for item in share) == list(range(total))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert all(share == sorted(share) for share in shares)


def test_a_part_is_the_same_in_every_attempt_and_another_for_another_job() -> None:
    assert members("a", 1000, 2, 7) == members("a", 1000, 2, 7)
    assert members("a", 1000, 2, 7) != members("b", 1000, 2, 7)


def test_an_expensive_corner_is_shared_out_evenly() -> None:
    counts = [sum(item < 1000 for item in members("a", 100_000, part, 10)) for part in range(10)]
    assert counts == [100] * 10


def test_a_period_in_the_dataset_does_not_fall_on_one_part() -> None:
    counts = [sum(item % 4 == 0 for item in members("a", 100_000, part, 4)) for part in range(4)]
    assert all(5500 < count < 7000 for count in counts)


def test_two_million_items_take_no_time_to_speak_of() -> None:
    begun = time.process_time()
    assert len(members("a", 2_000_000, 1, 2)) == 1_000_000
    assert time.process_time() - begun < 3
