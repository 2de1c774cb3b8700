"""MPI written by hand: each rank takes one equal part of the list, as published scripts do."""

from __future__ import annotations

import os
import sys

from benchmarks.peers.durable import Writer, tables
from benchmarks.peers.job import Job
from benchmarks.peers.tools import Tool
from benchmarks.peers.workloads import attempt

ABOUT = Tool(
    title="static MPI",
    distribution="mpi4py",
    survives=False,
    configuration="`mpiexec -n 2`, an equal part of the list for each rank, which writes its rows; rank 0 merges",
    startup=1.0,
)
RANK = "PEERS_IS_RANK"


def main(job: Job) -> None:
    from mpi4py import MPI

    world = MPI.COMM_WORLD
    rank, size = world.Get_rank(), world.Get_size()
    lines = job.lines()
    world.Barrier()
    if rank == 0:
        job.mark("ready")
    mine = range(rank * len(lines) // size, (rank + 1) * len(lines) // size)
    with Writer(job, f"rank-{rank}") as write:
        for number in mine:
            write(number, attempt(job.workload, lines[number]))
    world.Barrier()
    if rank == 0:
        tables(job)


def launch(path: str) -> None:
    """Become mpiexec, which runs this file again."""
    os.environ[RANK] = "1"
    ranks = str(Job.read(path).workers)
    module = ["-m", "mpi4py", "-m", "benchmarks.peers.tools.static_mpi", path]
    os.execvp("mpiexec", ["mpiexec", "-n", ranks, sys.executable, *module])


if __name__ == "__main__":
    main(Job.read(sys.argv[1])) if RANK in os.environ else launch(sys.argv[1])
