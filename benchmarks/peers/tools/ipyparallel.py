"""ipyparallel: a controller, and engines that are IPython kernels."""

from __future__ import annotations

import os
import sys
from concurrent.futures import as_completed

from benchmarks.peers.durable import Writer, tables
from benchmarks.peers.futures import collect, cut, some
from benchmarks.peers.job import Job
from benchmarks.peers.tools import Tool

ABOUT = Tool(
    title="ipyparallel",
    distribution="ipyparallel",
    survives=True,
    configuration="`Cluster(n=2)`, a load-balanced view with one retry, `apply_async` of chunks; "
    "the driver writes the rows",
    startup=4.0,
)


def main(job: Job) -> None:
    import ipyparallel

    os.environ["IPYTHONDIR"] = f"{job.folder}/ipython"
    chunks = cut(job)
    with ipyparallel.Cluster(n=job.workers, log_level=30) as client, Writer(job) as write:
        client.wait_for_engines(job.workers)
        view = client.load_balanced_view()
        view.retries = 1
        job.mark("ready")
        waiting = {view.apply_async(some, job.workload, chunk): chunk for chunk in chunks}
        collect(waiting, as_completed(waiting), write.many)
        tables(job, write.rows)


if __name__ == "__main__":
    main(Job.read(sys.argv[1]))
