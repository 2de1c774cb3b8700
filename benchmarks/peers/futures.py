"""What the tools that give futures have in common: chunks out, rows in, each item of a broken chunk named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from benchmarks.peers.job import Job
from benchmarks.peers.workloads import attempt

Chunk = list[tuple[int, str]]
Rows = list[tuple[int, dict[str, Any]]]
MOST, SHARE = 1000, 20


def cut(job: Job, most: int = MOST, share: int = SHARE) -> list[Chunk]:
    """Return the dataset in chunks: a twentieth of a worker's part, or as the job says."""
    numbered = list(enumerate(job.lines()))
    size = job.chunk or max(1, min(most, len(numbered) // (job.workers * share)))
    return [numbered[at : at + size] for at in range(0, len(numbered), size)]


def some(workload: str, chunk: Chunk) -> Rows:
    """Run a chunk in a worker."""
    return [(number, attempt(workload, line)) for number, line in chunk]


def broken(chunk: Chunk, error: BaseException) -> Rows:
    """Return what a careful user notes when a chunk as a whole failed: its items, and what the tool says of it."""
    return [(number, {"error": type(error).__name__, "reason": str(error)[:500]}) for number, _ in chunk]


def collect(
    waiting: Mapping[Any, Chunk], ready: Iterable[Any], write: Callable[[Rows], None]
) -> dict[int, dict[str, Any]]:
    """Write the rows of each future as it becomes ready; return all by the item's number."""
    rows: dict[int, dict[str, Any]] = {}
    for future in ready:
        try:
            found = future.result()
        except Exception as error:  # whatever the tool makes of a lost worker, a time that is over, a bad result
            found = broken(waiting[future], error)
        write(found)
        rows.update(found)
    return rows
