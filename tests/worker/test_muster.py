"""All ranks say hello before the first item; who does not is named."""

from __future__ import annotations

import pytest

from jupyter_featx.errors import FeatxError
from jupyter_featx.worker.muster import Hello, RanksMissing, enlist, gather
from jupyter_featx.worker.world import Message


class Letters:
    """A world whose letters are written beforehand."""

    def __init__(self, rank: int, size: int, letters: list[tuple[int, Message]]) -> None:
        self.rank, self.size, self.letters = rank, size, letters
        self.sent: list[tuple[int, Message]] = []

    def send(self, destination: int, message: Message) -> None:
        self.sent.append((destination, message))

    def receive(self) -> list[tuple[int, Message]]:
        letters, self.letters = self.letters, []
        return letters

    def flush(self, seconds: float) -> None: ...
    def abort(self) -> None: ...


OWN = Hello(2, "n1")


def hello(rank: int, workers: int = 4) -> tuple[int, Message]:
    return rank, {"workers": workers, "node": f"n{rank + 1}", "note": ""}


def test_rank_0_learns_what_every_rank_has() -> None:
    world = Letters(0, 3, [hello(2, 1), hello(1)])
    assert gather(world, OWN, 7) == [OWN, Hello(4, "n2"), Hello(1, "n3")]
    assert world.sent == [(1, {"attempt": 7}), (2, {"attempt": 7})]


def test_ranks_that_do_not_answer_are_named_with_their_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_NODELIST", "n[1-4]")
    with pytest.raises(RanksMissing, match=r"Ranks 1, 3 of 4 did not answer within 0.05 s.*heard of: n2, n4\."):
        gather(Letters(0, 4, [hello(2)]), OWN, 1, seconds=0.05)


def test_of_many_ranks_some_are_named() -> None:
    with pytest.raises(RanksMissing, match=r"Ranks 1, 2, 3.* and 489 more of 500 did not"):
        gather(Letters(0, 500, []), OWN, 1, seconds=0.02)


def test_another_rank_learns_the_attempts_number() -> None:
    world = Letters(1, 2, [(0, {"attempt": 7})])
    assert enlist(world, OWN) == (7, [])
    assert world.sent == [(0, {"workers": 2, "node": "n1", "note": ""})]


def test_an_order_that_comes_with_the_number_is_not_lost() -> None:
    world = Letters(1, 2, [(0, {"attempt": 7}), (0, {"stop": "complete"})])
    assert enlist(world, OWN) == (7, [{"stop": "complete"}])


def test_a_silent_rank_0_is_an_error() -> None:
    with pytest.raises(FeatxError, match="Rank 0 did not answer rank 1 on node n1"):
        enlist(Letters(1, 2, []), OWN, seconds=0.02)
