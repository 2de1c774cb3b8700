"""A run ends by itself some seconds before whatever would end it."""

from __future__ import annotations

import time

import pytest

from jupyter_featx.worker.walltime import continues, deadline


def left(walltime: float | None) -> float:
    until = deadline(walltime)
    assert until is not None
    return until - time.monotonic()


def test_without_a_limit_there_is_no_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (None, "", "Unknown"):
        if value is not None:
            monkeypatch.setenv("FEATX_ENDS_AT", value)
        assert deadline(None) is None


def test_the_earlier_of_two_limits_counts_less_a_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEATX_ENDS_AT", str(time.time() + 3600))
    assert left(None) == pytest.approx(3595, abs=2)
    assert left(100) == pytest.approx(95, abs=2)
    monkeypatch.setenv("FEATX_ENDS_AT", str(time.time() + 20))
    assert left(100) == pytest.approx(18, abs=2)


def test_a_limit_in_the_past_is_a_deadline_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEATX_ENDS_AT", str(time.time() - 50))
    assert left(None) <= 0


def test_the_script_says_whether_it_continues(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not continues()
    monkeypatch.setenv("FEATX_CONTINUES", "1")
    assert continues()
