"""The standard library's pool of processes."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any

from benchmarks.peers.chunking import chunk
from benchmarks.peers.durable import Writer, tables
from benchmarks.peers.futures import collect
from benchmarks.peers.job import Job
from benchmarks.peers.tools import Tool
from benchmarks.peers.workloads import attempt

ABOUT = Tool(
    title="concurrent.futures",
    distribution="python",
    survives=False,
    configuration="`submit` of chunks of 0.1 s (at most 300 items), `as_completed`; the driver writes the rows",
    startup=0.4,
)


def some(workload: str, numbered: list[tuple[int, str]]) -> list[tuple[int, dict[str, Any]]]:
    """Run a chunk in a worker."""
    return [(number, attempt(workload, line)) for number, line in numbered]


def main(job: Job) -> None:
    numbered = list(enumerate(job.lines()))
    size = chunk(job, 0.1, most=300)
    with ProcessPoolExecutor(job.workers) as pool, Writer(job) as write:
        pool.submit(int).result()
        job.mark("ready")
        pieces = (numbered[at : at + size] for at in range(0, len(numbered), size))
        waiting = {pool.submit(some, job.workload, piece): piece for piece in pieces}
        collect(waiting, as_completed(list(waiting)), write.many)
    tables(job, write.rows)


if __name__ == "__main__":
    main(Job.read(sys.argv[1]))
