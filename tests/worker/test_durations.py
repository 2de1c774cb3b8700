"""A few counts on a logarithmic scale say how long most items take."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from jupyter_featx.worker.durations import BUCKETS, SHORT_SECONDS, bucket, longest, quantile


@given(st.floats(0, 1e6))
def test_an_item_falls_into_the_first_bucket_that_is_long_enough(seconds: float) -> None:
    number = bucket(seconds)
    assert seconds <= longest(number) * (1 + 1e-9)
    assert number == 0 or seconds > longest(number - 1) * (1 - 1e-9)


def test_a_year_falls_into_the_last_bucket() -> None:
    assert bucket(3e7) == BUCKETS - 1


def test_the_p95_of_many_items_is_at_most_a_fifth_too_long() -> None:
    draw = random.Random(1)
    seconds = sorted(draw.lognormvariate(3.6, 1) for _ in range(10_000))
    counts = [0] * BUCKETS
    for each in seconds:
        counts[bucket(each)] += 1
    assert seconds[9_499] <= quantile(counts, 0.95) <= 1.2 * seconds[9_500]


def test_without_items_it_is_nothing_and_with_short_ones_next_to_nothing() -> None:
    assert quantile([0] * BUCKETS, 0.95) == 0
    assert quantile([5] + [0] * (BUCKETS - 1), 0.95) == SHORT_SECONDS
