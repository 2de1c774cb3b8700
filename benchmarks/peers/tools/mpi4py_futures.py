"""mpi4py.futures: the same interface as the standard library's pool, over MPI."""

from __future__ import annotations

import os
import sys
from concurrent.futures import as_completed

from benchmarks.peers.durable import Writer, tables
from benchmarks.peers.futures import collect, cut, some
from benchmarks.peers.job import Job
from benchmarks.peers.tools import Tool

ABOUT = Tool(
    title="mpi4py.futures",
    distribution="mpi4py",
    survives=False,
    configuration="`mpiexec -n 3 python -m mpi4py.futures` (one rank hands out), chunks as for concurrent.futures",
    startup=1.5,
)
RANK = "PEERS_IS_RANK"


def main(job: Job) -> None:
    from mpi4py.futures import MPIPoolExecutor

    chunks = cut(job, 0.1, most=300)
    with MPIPoolExecutor() as pool, Writer(job) as write:
        pool.submit(int).result()
        job.mark("ready")
        waiting = {pool.submit(some, job.workload, chunk): chunk for chunk in chunks}
        collect(waiting, as_completed(list(waiting)), write.many)
    tables(job, write.rows)


def launch(path: str) -> None:
    """Become mpiexec, which runs this file again."""
    os.environ[RANK] = "1"
    ranks = str(Job.read(path).workers + 1)
    module = ["-m", "mpi4py.futures", "-m", "benchmarks.peers.tools.mpi4py_futures", path]
    os.execvp("mpiexec", ["mpiexec", "-n", ranks, sys.executable, *module])


if __name__ == "__main__":
    main(Job.read(sys.argv[1])) if RANK in os.environ else launch(sys.argv[1])
