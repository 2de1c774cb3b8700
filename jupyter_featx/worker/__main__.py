"""`python -m jupyter_featx.worker JOB`: run one attempt of a job, as one rank or under mpirun as one of several.

Under MPI start it as `python -m mpi4py -m jupyter_featx.worker JOB`: a rank that fails then ends the whole attempt.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from jupyter_featx.errors import FeatxError
from jupyter_featx.jobdir import JobDir
from jupyter_featx.spec import LimitSpec
from jupyter_featx.worker.leader import Leader, native_id
from jupyter_featx.worker.process import PR_SET_CHILD_SUBREAPER, prctl
from jupyter_featx.worker.rank import Rank, RankOptions, caught_signals
from jupyter_featx.worker.surroundings import kill_children
from jupyter_featx.worker.world import Message, Solo, World, join
from jupyter_featx.worker.worldcheck import check_size, check_world, read_spec

_HELLO_SECONDS = 60.0


def main(arguments: list[str] | None = None) -> int:
    """Run the attempt; return 0 when it ended as it should, also with failed items."""
    options = _parser().parse_args(arguments)
    caught = caught_signals()
    prctl(PR_SET_CHILD_SUBREAPER, 1)  # what a dying nursery leaves comes to us
    job = JobDir(options.job)
    world: World = Solo()
    try:
        world = join()
        return _run(job, world, options, caught)
    except (FeatxError, OSError) as exc:
        print(f"jupyter-featx: {exc}", file=sys.stderr, flush=True)
        kill_children()
        if world.size > 1:
            world.abort()
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m jupyter_featx.worker", description="Run one attempt of a job.")
    parser.add_argument("job", type=Path, help="the job folder")
    parser.add_argument(
        "--retry-failed", type=int, default=0, help="run the items that failed before this attempt, too"
    )
    parser.add_argument("--item-timeout", type=float, help="seconds, instead of what the job says")
    parser.add_argument("--item-memory", type=float, help="MB, instead of what the job says")
    parser.add_argument("--max-failures", type=int, help="instead of what the job says")
    parser.add_argument("--walltime", type=float, help="seconds, instead of what the job says")
    parser.add_argument("--no-table", action="store_true", help="leave the rows as they are")
    return parser


def _run(job: JobDir, world: World, options: argparse.Namespace, caught: list[int]) -> int:
    check_size(world, job, native_id())
    spec = read_spec(job)
    limits = LimitSpec(
        options.item_timeout or spec.limits.item_timeout_seconds,
        options.item_memory or spec.limits.item_memory_mb,
        spec.limits.max_failures if options.max_failures is None else options.max_failures,
    )
    cores, share = spec.resources.cores, world.rank < spec.resources.cores % world.size
    workers = max(1, cores // world.size + share)
    leader, attempt = None, 0
    if world.rank == 0:
        attempt, log = job.claim_attempt()
        crews = _gather(world, workers, attempt)
        walltime = options.walltime or spec.resources.walltime_seconds
        leader = Leader(
            job, world, crews, log, limits=limits, walltime_seconds=walltime, retry_failed=bool(options.retry_failed)
        )
        leader.begin(attempt)
    else:
        attempt = _enlist(world, workers)
    try:
        for note in check_world(world, job, spec):
            if leader is not None:
                leader.note(note)
        rank = Rank(RankOptions(job, attempt, workers, spec.resources.threads, limits, spec.workdir), world)
        _loop(world, rank, leader, caught)
    except (FeatxError, OSError) as exc:
        if leader is not None:
            leader.fail(str(exc))
        raise
    if leader is not None:
        leader.goodbye(table=not options.no_table)
        # Under MPI another status than 0 would abort ranks that are still writing; the events say how it ended.
        return 0 if leader.coordinator.stopped == "complete" or world.size > 1 else 3
    world.flush(1.0)
    return 0


def _gather(world: World, workers: int, attempt: int) -> list[int]:
    """Tell every rank the attempt's number and learn how many workers each has."""
    crews = {0: workers}
    for rank in range(1, world.size):
        world.send(rank, {"attempt": attempt})
    deadline = time.monotonic() + _HELLO_SECONDS
    while len(crews) < world.size:
        for rank, message in world.receive():
            crews[rank] = message["workers"]
        if time.monotonic() > deadline:
            missing = sorted(set(range(world.size)) - set(crews))
            raise FeatxError(f"Ranks {missing[:5]} of {world.size} did not answer within {_HELLO_SECONDS:g} s.")
        time.sleep(0.001)
    return [crews[rank] for rank in range(world.size)]


def _enlist(world: World, workers: int) -> int:
    deadline = time.monotonic() + _HELLO_SECONDS
    world.send(0, {"workers": workers})
    while time.monotonic() < deadline:
        for _, message in world.receive():
            return int(message["attempt"])
        time.sleep(0.001)
    raise FeatxError(f"Rank 0 did not answer rank {world.rank} within {_HELLO_SECONDS:g} s.")


def _loop(world: World, rank: Rank, leader: Leader | None, caught: list[int]) -> None:
    """Turn until this rank has stopped. MPI is asked often, for its messages cannot wake us."""
    patience = 0.1 if isinstance(world, Solo) else 0.01
    while not rank.finished:
        letters: list[tuple[int, Message]] = world.receive()
        for source, message in letters:
            if leader is None or not leader.hear(source, message):
                rank.obey(message)
        if leader is not None:
            leader.tick(caught)
        elif caught:
            caught.clear()  # rank 0 got the signal too, and tells everybody
        if not rank.finished:
            rank.turn(0 if letters else patience)


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    if "OMPI_COMM_WORLD_SIZE" not in os.environ and "PMI_SIZE" not in os.environ:
        os._exit(status)  # nothing is left to tidy, and an interpreter takes its time over it
    sys.exit(status)
