"""What the tools that give futures have in common: chunks out, rows in, each item of a broken chunk named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from benchmarks.peers.chunking import chunk
from benchmarks.peers.job import Job
from benchmarks.peers.workloads import attempt

Chunk = list[tuple[int, str]]
Rows = list[tuple[int, dict[str, Any]]]


def cut(job: Job, seconds: float = 0.2, most: int = 1000, pieces: int = 4) -> list[Chunk]:
    """Return the dataset in chunks of so many seconds, of items that take no time so many."""
    numbered = list(enumerate(job.lines()))
    size = chunk(job, seconds, most, pieces)
    return [numbered[at : at + size] for at in range(0, len(numbered), size)]


def some(workload: str, numbered: Chunk) -> Rows:
    """Run a chunk in a worker."""
    return [(number, attempt(workload, line)) for number, line in numbered]


def broken(numbered: Chunk, error: BaseException) -> Rows:
    """Return what a careful user notes when a chunk as a whole failed: its items, and what the tool says of it."""
    return [(number, {"error": type(error).__name__, "reason": str(error)[:500]}) for number, _ in numbered]


def collect(waiting: Mapping[Any, Chunk], ready: Iterable[Any], write: Callable[[Rows], None]) -> None:
    """Write the rows of each future as it becomes ready."""
    for future in ready:
        try:
            found = future.result()
        except Exception as error:  # whatever the tool makes of a lost worker, a time that is over, a bad result
            found = broken(waiting[future], error)
        try:
            write(found)
        except (TypeError, ValueError) as error:  # some tools bring back what JSON cannot hold
            write(broken(waiting[future], error))
