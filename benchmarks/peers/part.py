"""For tools that run processes and bring nothing back: one process's items, whose rows it writes itself."""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.peers.durable import Writer
from benchmarks.peers.futures import Chunk
from benchmarks.peers.job import Job
from benchmarks.peers.workloads import attempt


def run(job: Job, chunk: Chunk) -> None:
    """Run these items and write each row at once; a row that cannot be written is the item's error."""
    with Writer(job) as write:
        for number, line in chunk:
            keep(write, number, attempt(job.workload, line))


def keep(write: Writer, number: int, row: dict[str, Any]) -> None:
    """Write a row, or the error that it cannot be written."""
    try:
        write(number, row)
    except (TypeError, ValueError) as error:
        write(number, {"error": type(error).__name__, "reason": str(error)})


def main(path: str, begin: int, end: int) -> None:
    job = Job.read(path)
    run(job, list(enumerate(job.lines()))[begin:end])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
