"""One attempt of a job, on one rank: what happens when its nursery is on its way, until the last word is said."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

from jupyter_featx import events
from jupyter_featx.errors import FeatxError
from jupyter_featx.jobdir import JobDir
from jupyter_featx.spec import JobSpec, LimitSpec
from jupyter_featx.worker.crew import Crew
from jupyter_featx.worker.herald import Herald
from jupyter_featx.worker.leader import Charge, LastWord, Leader
from jupyter_featx.worker.muster import Hello, RanksMissing, enlist, gather
from jupyter_featx.worker.output import complain
from jupyter_featx.worker.rank import Rank, RankOptions
from jupyter_featx.worker.tablemaker import TableMaker
from jupyter_featx.worker.walltime import deadline
from jupyter_featx.worker.world import Message, Solo, World
from jupyter_featx.worker.worldcheck import check_world

_LAST_SECONDS = 5.0  # for a rank that failed to be told to stop, and for one that was told to end


@dataclass(frozen=True)
class Attempt:
    """What every rank of the attempt knows, and the processes that are on their way."""

    job: JobDir
    spec: JobSpec
    world: World
    options: argparse.Namespace
    limits: LimitSpec
    crew: Crew | FeatxError | OSError
    table: TableMaker | None  # None: the rows are left as they are
    caught: list[int]


def run(attempt: Attempt, own: Hello) -> int:
    """Run this rank's side of the attempt; return 0 when it ended as it should, also with failed items."""
    return _follow(attempt, own) if attempt.world.rank else _lead(attempt, own)


def _lead(attempt: Attempt, own: Hello) -> int:
    """Run rank 0, and the coordinator beside it."""
    job, spec, world, options = attempt.job, attempt.spec, attempt.world, attempt.options
    until = deadline(options.walltime or spec.resources.walltime_seconds)
    herald = Herald(job)
    try:
        crews = gather(world, own, herald.attempt)
    except RanksMissing as exc:
        said = LastWord(job, spec, herald, options.part).of(("fault", str(exc)), began=False)
        herald.say_last(*said, 0, 0)
        raise
    charge = Charge(
        workers=[crew.workers for crew in crews],
        nodes=[crew.node for crew in crews],
        part=options.part,
        retry_before=options.retry_failed,
        limits=attempt.limits,
        deadline=until,
        table=attempt.table,
    )
    leader = Leader(job, spec, world, herald, charge)
    leader.begin()
    if note := next((crew.note for crew in crews if crew.note), ""):
        herald.say(events.Noted(native_id=herald.native_id, message=note))
    try:
        for note in check_world(world, job, spec):
            complain(note)
            herald.say(events.Noted(native_id=herald.native_id, message=note))
        rank = _rank(attempt, herald.attempt, own)
        rank.helper = lambda: attempt.table.pid if attempt.table else 0
        _loop(attempt, rank, leader)
    except (FeatxError, OSError) as exc:
        leader.fail(str(exc))
        raise
    leader.goodbye()
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
    if isinstance(attempt.crew, Exception):
        raise attempt.crew
    options = RankOptions(attempt.job, number, attempt.limits, own.node)
    return Rank(options, attempt.world, attempt.crew, attempt.caught)


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
