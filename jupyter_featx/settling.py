"""Say where jobs are: fold their events, and ask each scheduler once about the runs that have not said their last.

A run that has just written an event lives: nobody is asked about it.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jupyter_featx import events
from jupyter_featx.errors import FeatxError
from jupyter_featx.events import Event, Lost, Waiting
from jupyter_featx.jobdir import JobDir
from jupyter_featx.lastwords import last_lines
from jupyter_featx.schedulers.base import Scheduler
from jupyter_featx.spec import JobSpec
from jupyter_featx.state import NOT_SUBMITTED, Attempt, JobStatus, State, apply_to, fold

SILENT_SECONDS = 600  # a run that works writes every ten seconds
_LAST_WORDS_SECONDS = 60  # in which what a run wrote last is seen from another machine, and one that works writes
Read = Callable[[Path], Iterable[Event]]  # of a job's folder of events


@dataclass(frozen=True)
class Journal:
    """How the events of jobs are read, and how one is added."""

    read: Read
    say: Callable[[JobDir, Event], None]


def settled(
    jobs: Sequence[tuple[JobDir, JobSpec]], schedulers: Mapping[str, Scheduler], journal: Journal
) -> list[JobStatus]:
    """Return the status of each job, in their order; the end of a run that vanished is written down."""
    folded = {job: folded_status(job, spec, journal.read) for job, spec in jobs}
    asked: dict[str, dict[str, JobDir]] = {}
    for job, spec in jobs:
        trusted = _trusted_seconds(schedulers, spec.scheduler)
        for attempt in running_attempts(folded[job]):
            if not _lives(job, attempt, trusted):
                asked.setdefault(spec.scheduler, {})[attempt.native_id] = job
    specs = dict(jobs)
    for name, runs in asked.items():
        for native_id, event in _poll(schedulers, name, runs).items():
            job = runs[native_id]
            if isinstance(event, Lost):
                folded[job] = _lost(job, specs[job], event, journal)
            elif not _outdated(job, folded[job], event):
                folded[job] = apply_to(folded[job], event)  # so at this moment, and nothing to write down
    return [_with_silence(job, specs[job], _being_submitted(folded[job])) for job, _ in jobs]


def running_attempts(status: JobStatus) -> list[Attempt]:
    """Return the attempts that a scheduler may still have: queued, running, or about to be continued."""
    return [attempt for attempt in status.current if attempt.state in (State.QUEUED, State.RUNNING)]


def folded_status(job: JobDir, spec: JobSpec, read: Read = events.read) -> JobStatus:
    """Return what the job's own events say."""
    return replace(fold(read(job.events)), job_id=job.job_id, name=spec.name)


def _trusted_seconds(schedulers: Mapping[str, Scheduler], name: str) -> float:
    return schedulers[name].trusts_seconds if name in schedulers else 0.0


def _lives(job: JobDir, attempt: Attempt, seconds: float) -> bool:
    """Tell by its own events that a run is at work. One that is to end may be killed without another word."""
    if not seconds or attempt.state is not State.RUNNING or attempt.cancel_asked:
        return False
    last = job.last_words(attempt.number) or 0.0
    return abs(time.time() - last) < seconds  # of a file in the future, a clock is wrong


def _poll(schedulers: Mapping[str, Scheduler], name: str, runs: Mapping[str, JobDir]) -> Mapping[str, Event]:
    """Ask a scheduler; one that is not there, or not known here, has nothing to say of a job."""
    if name not in schedulers:
        return {}
    try:
        return schedulers[name].poll(runs)
    except FeatxError:
        return {}


def _lost(job: JobDir, spec: JobSpec, event: Lost, journal: Journal) -> JobStatus:
    """Write down that a run is gone, unless it said its last itself, or may have and it is not seen here yet."""
    status = folded_status(job, spec, journal.read)
    attempt = next((a for a in running_attempts(status) if a.native_id == event.native_id), None)
    if attempt is None or (_proper_end(attempt, event) and _just_spoke(job, attempt)):
        return status
    said = event if attempt.started else _with_log(job, event)
    try:
        journal.say(job, said)
    except OSError:  # the job is being deleted; or the disk is full, and it is written down by who looks later
        return apply_to(status, said)
    return folded_status(job, spec, journal.read)


def _outdated(job: JobDir, status: JobStatus, event: Event) -> bool:
    """Whether a run that is said to wait has been at work since: a scheduler may be asked once a minute only."""
    if not isinstance(event, Waiting):
        return False
    attempt = next((a for a in running_attempts(status) if a.native_id == event.native_id), None)
    return attempt is not None and attempt.state is State.RUNNING and _just_spoke(job, attempt)


def _with_log(job: JobDir, event: Lost) -> Lost:
    """Add what a run printed of which no rank was heard: why none could start stands there, if anywhere."""
    lines = last_lines(job, event.native_id)
    return replace(event, reason=f"{event.reason} The log ends: {' | '.join(lines)}") if lines else event


def _proper_end(attempt: Attempt, event: Lost) -> bool:
    """Whether the run ended by itself, so that its last words, or those of the run after it, must be somewhere."""
    return event.state == "COMPLETED" or attempt.ended is not None


def _just_spoke(job: JobDir, attempt: Attempt) -> bool:
    last = job.last_words(attempt.number) or attempt.submitted
    return abs(time.time() - last) < _LAST_WORDS_SECONDS  # what lies ahead was written by a clock that is wrong


def _being_submitted(status: JobStatus) -> JobStatus:
    """While the parts of a job are given to a scheduler one by one, the first may have completed."""
    if not status.reason.endswith(NOT_SUBMITTED):
        return status
    recent = abs(time.time() - max(attempt.submitted for attempt in status.current)) < _LAST_WORDS_SECONDS
    return replace(status, state=State.QUEUED, reason="") if recent else status


def _with_silence(job: JobDir, spec: JobSpec, status: JobStatus) -> JobStatus:
    silence = "" if status.state.final or not status.attempts else silence_of(job, spec, status)
    if not silence:
        return status
    hint = f"If that machine is gone, type '%featx cancel {job.job_id}' to give the run up."
    return replace(status, reason=f"{silence}. {hint}")


def silence_of(job: JobDir, spec: JobSpec, status: JobStatus) -> str:
    """Say how long nothing was heard of a run on another machine; "" for one that speaks, or can be asked for."""
    if spec.scheduler == "slurm":  # it knows of all its machines
        return ""
    last = status.attempts[-1]
    host = last.host or (last.native_id.partition("/")[0] if "/" in last.native_id else "")
    if host in ("", socket.gethostname()):
        return ""
    seconds = time.time() - (job.last_words(last.number) or last.submitted)
    return f"runs on {host}, not heard of for {seconds // 60:.0f} min" if seconds >= SILENT_SECONDS else ""
