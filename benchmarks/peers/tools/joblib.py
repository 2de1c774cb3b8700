"""joblib, what scikit-learn uses."""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.peers.durable import Writer, tables
from benchmarks.peers.job import Job
from benchmarks.peers.tools import Tool
from benchmarks.peers.workloads import attempt

ABOUT = Tool(
    title="joblib",
    distribution="joblib",
    survives=False,
    configuration='`Parallel(batch_size="auto", return_as="generator_unordered")`, loky; the driver writes the rows',
    startup=1.0,
)


def one(workload: str, number: int, line: str) -> tuple[int, dict[str, Any]]:
    """Run an item in a worker."""
    return number, attempt(workload, line)


def main(job: Job) -> None:
    from joblib import Parallel, delayed

    from benchmarks.peers.tools import joblib as named  # pickled by its name, not by its text

    lines = job.lines()
    with Parallel(job.workers, batch_size=job.chunk or "auto", return_as="generator_unordered") as pool:
        list(pool(delayed(int)() for _ in range(job.workers)))
        job.mark("ready")
        with Writer(job) as write:
            for found in pool(delayed(named.one)(job.workload, *numbered) for numbered in enumerate(lines)):
                write(*found)
    tables(job, write.rows)


if __name__ == "__main__":
    main(Job.read(sys.argv[1]))
