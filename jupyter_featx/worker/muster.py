"""Before the first item: every rank tells rank 0 what it has, and learns the attempt's number."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from jupyter_featx.errors import FeatxError
from jupyter_featx.worker.allocation import nodes
from jupyter_featx.worker.world import Message, World

HELLO_SECONDS = 45.0  # the script gives rank 0 sixty: so it is rank 0 that says who is missing
_PAUSE = 0.001


class RanksMissing(FeatxError):
    """Some ranks of the run did not say hello."""


@dataclass(frozen=True)
class Hello:
    """What a rank says of itself: its workers, its node, and what the user should know."""

    workers: int
    node: str
    note: str = ""


def gather(world: World, own: Hello, attempt: int, seconds: float = HELLO_SECONDS) -> list[Hello]:
    """Return every rank's hello, and tell each the attempt's number. Raises RanksMissing."""
    heard = {0: own}
    for rank in range(1, world.size):
        world.send(rank, {"attempt": attempt})
    deadline = time.monotonic() + seconds
    while len(heard) < world.size:
        for rank, message in world.receive():
            if "workers" in message:
                heard[rank] = Hello(**message)
        if time.monotonic() > deadline:
            raise RanksMissing(_missing(world.size, heard, nodes(), seconds))
        time.sleep(_PAUSE)
    return [heard[rank] for rank in range(world.size)]


def _missing(size: int, heard: dict[int, Hello], names: Sequence[str], seconds: float) -> str:
    missing = [rank for rank in range(size) if rank not in heard]
    present = {hello.node for hello in heard.values()}
    silent = [name for name in names if name not in present]
    ranks = f"Rank {missing[0]}" if len(missing) == 1 else f"Ranks {_some(missing)}"
    where = f" The nodes that were not heard of: {_some(silent)}." if silent else ""
    return f"{ranks} of {size} did not answer within {seconds:g} s.{where}"


def _some(things: Sequence[object]) -> str:
    return ", ".join(map(str, things[:10])) + (f" and {len(things) - 10} more" if len(things) > 10 else "")


def enlist(world: World, own: Hello, seconds: float = HELLO_SECONDS) -> tuple[int, list[Message]]:
    """Say hello to rank 0; return the attempt's number, and what else came with it: an order to stop, say."""
    deadline = time.monotonic() + seconds
    world.send(0, {"workers": own.workers, "node": own.node, "note": own.note})
    while time.monotonic() < deadline:
        if letters := [message for _, message in world.receive()]:
            return int(letters[0]["attempt"]), letters[1:]
        time.sleep(_PAUSE)
    raise FeatxError(f"Rank 0 did not answer rank {world.rank} on node {own.node} within {seconds:g} s.")
