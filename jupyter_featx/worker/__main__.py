"""`python -m jupyter_featx.worker JOB`: run one attempt of a job, as one rank or under mpirun as one of several.

Under MPI start it as `python -m mpi4py -m jupyter_featx.worker JOB`: a rank that fails then ends the whole attempt.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from jupyter_featx import events
from jupyter_featx.errors import FeatxError, SpecError
from jupyter_featx.jobdir import JobDir
from jupyter_featx.spec import JobSpec, LimitSpec
from jupyter_featx.worker.allocation import allocation
from jupyter_featx.worker.herald import Herald, native_id
from jupyter_featx.worker.leader import Charge, Leader, last_word
from jupyter_featx.worker.muster import Hello, RanksMissing, enlist, gather
from jupyter_featx.worker.output import complain
from jupyter_featx.worker.process import PR_SET_CHILD_SUBREAPER, prctl
from jupyter_featx.worker.rank import Rank, RankOptions, caught_signals
from jupyter_featx.worker.surroundings import kill_children
from jupyter_featx.worker.walltime import deadline
from jupyter_featx.worker.world import Message, Solo, World, join
from jupyter_featx.worker.worldcheck import check_size, check_world, read_spec

_LAST_SECONDS = 5.0  # for a rank that failed to be told to stop, and for one that was told to end


@dataclass(frozen=True)
class Attempt:
    """What every rank of the attempt knows."""

    job: JobDir
    spec: JobSpec
    world: World
    options: argparse.Namespace
    caught: list[int]

    @property
    def limits(self) -> LimitSpec:
        asked, kept = self.options, self.spec.limits
        return LimitSpec(
            asked.item_timeout or kept.item_timeout_seconds,
            asked.item_memory or kept.item_memory_mb,
            kept.max_failures if asked.max_failures is None else asked.max_failures,
        )


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
        world = join()
        check_size(world, job, native_id())
        attempt = Attempt(job, spec, world, options, caught)
        return _follow(attempt, _hello(attempt)) if world.rank else _lead(attempt, _hello(attempt))
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


def _hello(attempt: Attempt) -> Hello:
    """Return what this rank has: what the scheduler gave it, else its share of the cores that were asked for."""
    resources, world = attempt.spec.resources, attempt.world
    given = allocation(resources.threads)
    share = resources.cores // world.size + (world.rank < resources.cores % world.size)
    return Hello(given.workers or max(1, share), given.node, given.note)


def _lead(attempt: Attempt, own: Hello) -> int:
    """Run rank 0, and the coordinator beside it."""
    job, spec, world, options = attempt.job, attempt.spec, attempt.world, attempt.options
    until = deadline(options.walltime or spec.resources.walltime_seconds)
    herald = Herald(job)
    try:
        crews = gather(world, own, herald.attempt)
    except RanksMissing as exc:
        said = last_word(job, spec, herald, options.part, ("fault", str(exc)), began=False)
        herald.say_last(*said, 0, 0)
        raise
    charge = Charge(
        workers=[crew.workers for crew in crews],
        nodes=[crew.node for crew in crews],
        part=options.part,
        retry_before=options.retry_failed,
        limits=attempt.limits,
        deadline=until,
    )
    leader = Leader(job, spec, world, herald, charge)
    leader.begin()
    if note := next((crew.note for crew in crews if crew.note), ""):
        herald.say(events.Noted(native_id=herald.native_id, message=note))
    try:
        for note in check_world(world, job, spec):
            complain(note)
            herald.say(events.Noted(native_id=herald.native_id, message=note))
        _loop(attempt, _rank(attempt, herald.attempt, own), leader)
    except (FeatxError, OSError) as exc:
        leader.fail(str(exc))
        raise
    leader.goodbye(table=not options.no_table)
    if not leader.all_gone(_LAST_SECONDS):
        world.abort()
    # Under MPI another status than 0 would abort ranks that are still writing; the events say how it ended.
    return 0 if leader.coordinator.stopped == "complete" or world.size > 1 else 3


def _follow(attempt: Attempt, own: Hello) -> int:
    """Run another rank; what stops it from working is rank 0's to say."""
    world = attempt.world
    number, orders = enlist(world, own)
    try:
        check_world(world, attempt.job, attempt.spec)
        rank = _rank(attempt, number, own)
        for order in orders:
            rank.obey(order)
        _loop(attempt, rank, None)
    except (FeatxError, OSError) as exc:
        world.send(0, {"broken": f"Rank {world.rank} on node {own.node}: {exc}"})
        world.flush(1.0)
        time.sleep(_LAST_SECONDS)  # for rank 0 to say why, and to end the others
        raise
    world.flush(1.0)
    return 0


def _rank(attempt: Attempt, number: int, own: Hello) -> Rank:
    spec = attempt.spec
    options = RankOptions(
        attempt.job, number, own.workers, spec.resources.threads, attempt.limits, spec.workdir, own.node
    )
    return Rank(options, attempt.world, attempt.caught)


def _loop(attempt: Attempt, rank: Rank, leader: Leader | None) -> None:
    """Turn until this rank has stopped. MPI is asked often, for its messages cannot wake us."""
    world = attempt.world
    patience = 0.1 if isinstance(world, Solo) else 0.01
    while not rank.finished:
        letters: list[tuple[int, Message]] = world.receive()
        for source, message in letters:
            if leader is None or not leader.hear(source, message):
                rank.obey(message)
        rank.heed()
        if leader is not None:
            leader.tick(attempt.caught)
        elif attempt.caught:
            attempt.caught.clear()  # rank 0 got the signal too, and tells everybody
        if not rank.finished:
            rank.turn(0 if letters else patience)


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    if "mpi4py" not in sys.modules:
        os._exit(status)  # nothing is left to tidy, and an interpreter takes its time over it
    sys.exit(status)
