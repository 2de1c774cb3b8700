"""executorlib: an executor whose worker processes talk to the driver by ZeroMQ."""

from __future__ import annotations

import sys
from concurrent.futures import as_completed

from benchmarks.peers.durable import Writer, tables
from benchmarks.peers.futures import collect, cut, some
from benchmarks.peers.job import Job
from benchmarks.peers.tools import Tool

ABOUT = Tool(
    title="executorlib",
    distribution="executorlib",
    survives=True,
    configuration="`SingleNodeExecutor` with `block_allocation` and `restart_limit`, `submit` of chunks; "
    "the driver writes the rows",
    startup=1.0,
)
RESTARTS = 20  # a chunk that kills its worker is begun again so often; with 3 in all, innocent chunks were lost, too


def main(job: Job) -> None:
    from executorlib import SingleNodeExecutor

    chunks = cut(job)
    executor = SingleNodeExecutor(
        max_workers=job.workers, block_allocation=True, restart_limit=RESTARTS, hostname_localhost=True,
        disable_dependencies=True,
    )  # fmt: skip
    with executor, Writer(job) as write:
        executor.submit(some, job.workload, []).result()
        job.mark("ready")
        waiting = {executor.submit(some, job.workload, chunk): chunk for chunk in chunks}
        collect(waiting, as_completed(waiting), write.many)
        tables(job, write.rows)


if __name__ == "__main__":
    main(Job.read(sys.argv[1]))
