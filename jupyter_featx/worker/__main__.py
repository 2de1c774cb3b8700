"""`python -m jupyter_featx.worker JOB`: run one attempt of a job, as one rank or under mpirun as one of several.

Under MPI start it as `python -m mpi4py -m jupyter_featx.worker JOB`: a rank that fails then ends the whole attempt.
What takes longest is started first, and runs beside the other imports: for a short job the process of the table, then
the nursery.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_featx.errors import FeatxError, SpecError
from jupyter_featx.jobdir import JobDir
from jupyter_featx.worker.allocation import allocation
from jupyter_featx.worker.arrival import check_size, read_spec, started_together
from jupyter_featx.worker.crew import Crew
from jupyter_featx.worker.muster import Hello
from jupyter_featx.worker.output import complain
from jupyter_featx.worker.process import PR_SET_CHILD_SUBREAPER, caught_signals, prctl
from jupyter_featx.worker.surroundings import kill_children
from jupyter_featx.worker.tablemaker import TableMaker
from jupyter_featx.worker.world import Solo, World, join

if TYPE_CHECKING:
    from jupyter_featx.spec import JobSpec, LimitSpec


def main(arguments: list[str] | None = None) -> int:
    """Run the attempt; return 0 when it ended as it should, also with failed items."""
    options = _parser().parse_args(arguments)
    caught = caught_signals()
    prctl(PR_SET_CHILD_SUBREAPER, 1)  # what a dying nursery leaves comes to us
    world: World = Solo()
    try:
        job = JobDir(options.job)
        spec = read_spec(job)
        if not 0 <= options.part < spec.resources.jobs:
            raise SpecError(f"--part {options.part}: the job has {spec.resources.jobs} parts, counted from 0.")
        own = _hello(spec)
        limits = _limits(spec, options)
        crew = _crew(job, spec, own, limits)  # before MPI is there, which has to wait for all the other ranks
        world = join()
        check_size(world, job)
        table = None if options.no_table else TableMaker(job, ahead=spec.resources.jobs == 1 and not world.rank)
        if table:
            table.foresee(spec.total)

        from jupyter_featx.worker import attempt

        return attempt.run(attempt.Attempt(job, spec, world, options, limits, crew, table, caught), own)
    except (FeatxError, OSError) as exc:
        complain(str(exc))
        kill_children()
        if world.size > 1:
            world.abort()
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m jupyter_featx.worker", description="Run one attempt of a job.")
    parser.add_argument("job", type=Path, help="the job folder")
    parser.add_argument("--part", type=int, default=0, help="which of the job's parts, counted from 0")
    parser.add_argument(
        "--retry-failed", type=int, default=0, help="run the items that failed before this attempt, too"
    )
    parser.add_argument("--item-timeout", type=float, help="seconds, instead of what the job says")
    parser.add_argument("--item-memory", type=float, help="MB, instead of what the job says")
    parser.add_argument("--max-failures", type=int, help="instead of what the job says")
    parser.add_argument("--walltime", type=float, help="seconds, instead of what the job says")
    parser.add_argument("--no-table", action="store_true", help="leave the rows as they are")
    return parser


def _hello(spec: JobSpec) -> Hello:
    """Return what this rank has: what the scheduler gave it, else its share of the cores that were asked for."""
    given = allocation(spec.resources.threads)
    size, rank = started_together()
    share = spec.resources.cores // size + (rank < spec.resources.cores % size)
    return Hello(given.workers or max(1, share), given.node, given.note)


def _limits(spec: JobSpec, asked: argparse.Namespace) -> LimitSpec:
    kept = spec.limits
    return replace(
        kept,
        item_timeout_seconds=asked.item_timeout or kept.item_timeout_seconds,
        item_memory_mb=asked.item_memory or kept.item_memory_mb,
        max_failures=kept.max_failures if asked.max_failures is None else asked.max_failures,
    )


def _crew(job: JobDir, spec: JobSpec, own: Hello, limits: LimitSpec) -> Crew | FeatxError | OSError:
    """Start the nursery; what keeps it from starting is said when the attempt has begun, and somebody can say it."""
    setup = {
        "workdir": spec.workdir,
        "threads": spec.resources.threads,
        "item_timeout_seconds": limits.item_timeout_seconds,
        "item_memory_mb": limits.item_memory_mb,
    }
    try:
        return Crew(job, own.workers, setup, 2)
    except (FeatxError, OSError) as exc:
        return exc


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    if "mpi4py" not in sys.modules:
        os._exit(status)  # nothing is left to tidy, and an interpreter takes its time over it
    sys.exit(status)
