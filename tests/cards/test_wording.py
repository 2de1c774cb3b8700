"""Counts, times and names as a person reads them."""

from __future__ import annotations

import math

import pytest

from jupyter_featx.cards.wording import counted, duration, megabytes, one_line, rate, rough_time, short_time


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (65, "1 m 05 s"),
        (3600, "1 h 00 m"),
        (3900, "1 h 05 m"),
        (86400 * 2 + 3 * 3600, "2 d 03 h"),
        (86400 * 4000, "4,000 d 00 h"),
        (-1, "–"),
        (math.inf, "–"),
        (math.nan, "–"),
    ],
)
def test_a_duration(seconds, said):
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.0000123, "0.01 ms"), (0.0123, "12.3 ms"), (0.9999, "1 s"), (3.456, "3.46 s"), (59.99, "1 m 00 s")],
)
def test_a_short_time(seconds, said):
    assert short_time(seconds) == said


def test_an_estimate_claims_no_more_than_it_knows():
    assert rough_time(0.2) == "under 1 s"
    assert rough_time(3.7) == "about 4 s"


@pytest.mark.parametrize(
    ("per_second", "said"),
    [(12345, "12,345 items/s"), (12.31, "12.3 items/s"), (0.5, "30 items/min"), (0.001, "3.6 items/h")],
)
def test_a_rate_is_more_than_one(per_second, said):
    assert rate(per_second) == said


def test_amounts_and_counts():
    assert [megabytes(mb) for mb in (0.5, 12.34, 2048, 3e6)] == ["512 kB", "12.3 MB", "2 GB", "2.86 TB"]
    assert [counted(n, "core") for n in (0, 1, 2000)] == ["0 cores", "1 core", "2,000 cores"]


def test_one_line_keeps_any_language():
    assert one_line("  제올라이트\n\tzéolite ") == "제올라이트 zéolite"
    assert len(one_line("x" * 10**7, 50)) == 50
