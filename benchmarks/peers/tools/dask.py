"""dask.distributed: a scheduler in the driver, two worker processes, each with a nanny that starts it again."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from benchmarks.peers.durable import Writer, tables
from benchmarks.peers.futures import collect, cut, some
from benchmarks.peers.job import Job
from benchmarks.peers.tools import Tool

ABOUT = Tool(
    title="dask.distributed",
    distribution="distributed",
    survives=True,
    configuration="`LocalCluster` of processes with nannies and a memory limit, `submit` of chunks, `as_completed`; "
    "the driver writes the rows",
    startup=2.5,
)


def main(job: Job) -> None:
    from distributed import Client, LocalCluster, as_completed

    chunks = cut(job)
    limit = job.arguments.get("memory_mb")
    cluster = LocalCluster(
        n_workers=job.workers, threads_per_worker=1, dashboard_address=None, local_directory=f"{job.folder}/dask",
        memory_limit=f"{limit}MB" if limit else "auto",
    )  # fmt: skip
    with cluster, Client(cluster) as client, Writer(job) as write:
        client.wait_for_workers(job.workers)
        job.mark("ready")
        futures = [client.submit(some, job.workload, chunk, pure=False) for chunk in chunks]
        waiting = dict(zip(futures, chunks, strict=True))
        del futures
        collect(waiting, released(as_completed(list(waiting))), write.many)
        tables(job, write.rows)


def released(futures: Iterable[Any]) -> Iterator[Any]:
    """Let go of each future when its rows are written: what a lost worker still holds would be computed again."""
    for future in futures:
        yield future
        future.release()


if __name__ == "__main__":
    main(Job.read(sys.argv[1]))
