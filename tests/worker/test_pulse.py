"""A rank that falls silent is named; a pause of everybody is no silence."""

from __future__ import annotations

from jupyter_featx.worker.pulse import Pulse


def look(pulse: Pulse, first: int, last: int, *ranks: int) -> str:
    """Look once a second while these ranks speak; return the last answer."""
    said = ""
    for now in range(first, last):
        for rank in ranks:
            pulse.hear(rank, now)
        said = pulse.silence(now)
    return said


def test_a_silent_rank_is_named_with_its_node() -> None:
    pulse = Pulse(["n1", "n2", "n3"], 0)
    assert look(pulse, 1, 59, 0, 1) == ""
    assert look(pulse, 59, 62, 0, 1) == "Rank 2 on node n3 has not been heard of for 60 s."


def test_a_rank_that_said_its_last_may_be_silent() -> None:
    pulse = Pulse(["n1", "n2"], 0)
    pulse.gone.add(1)
    assert look(pulse, 1, 100, 0) == ""


def test_a_pause_of_the_whole_run_is_nobodys_silence() -> None:
    pulse = Pulse(["n1", "n2"], 0)
    assert look(pulse, 1, 30, 0) == ""
    assert look(pulse, 630, 640, 0) == ""
    assert look(pulse, 640, 680, 0) != ""
