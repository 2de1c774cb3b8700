"""The standard library's pool of processes: a pipe, a queue, chunks of one size."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor, as_completed

from benchmarks.peers.durable import Writer, tables
from benchmarks.peers.job import Job
from benchmarks.peers.tools import Tool
from benchmarks.peers.workloads import attempt

ABOUT = Tool(
    title="concurrent.futures",
    distribution="python",
    survives=False,
    configuration="`submit` of chunks that the user cuts, `as_completed`; the driver writes the rows",
    startup=0.3,
)


def some(workload: str, chunk: list[tuple[int, str]]) -> list[tuple[int, dict]]:
    """Run a chunk in a worker."""
    return [(number, attempt(workload, line)) for number, line in chunk]


def main(job: Job) -> None:
    lines = job.lines()
    size = job.chunk or max(1, min(200, len(lines) // (job.workers * 20)))
    numbered = list(enumerate(lines))
    rows = {}
    with ProcessPoolExecutor(job.workers) as pool, Writer(job) as write:
        pool.submit(int).result()
        job.mark("ready")
        waiting = [pool.submit(some, job.workload, numbered[at : at + size]) for at in range(0, len(lines), size)]
        for future in as_completed(waiting):
            found = future.result()
            write.many(found)
            rows.update(found)
    tables(job, rows)


if __name__ == "__main__":
    main(Job.read(sys.argv[1]))
