"""The standard library's pool of processes."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor, as_completed

from benchmarks.peers.durable import Writer, tables
from benchmarks.peers.futures import collect, cut, some
from benchmarks.peers.job import Job
from benchmarks.peers.tools import Tool

ABOUT = Tool(
    title="concurrent.futures",
    distribution="python",
    survives=False,
    configuration="`submit` of chunks of 0.1 s (at most 300 items), `as_completed`; the driver writes the rows",
    startup=0.4,
)


def main(job: Job) -> None:
    chunks = cut(job, 0.1, most=300)
    with ProcessPoolExecutor(job.workers) as pool, Writer(job) as write:
        pool.submit(int).result()
        job.mark("ready")
        waiting = {pool.submit(some, job.workload, chunk): chunk for chunk in chunks}
        collect(waiting, as_completed(list(waiting)), write.many)
    tables(job, write.rows)


if __name__ == "__main__":
    main(Job.read(sys.argv[1]))
