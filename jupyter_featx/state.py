"""The status of a job: a fold over its events, the same for the panel, the card, the magic and the Python API."""

from __future__ import annotations

import enum
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce, singledispatch
from typing import Any

from jupyter_featx import events
from jupyter_featx.events import Event


class State(str, enum.Enum):
    """Where a job is. A job with failed items still completes; it says how many failed."""

    NEW = "new"
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        return self in (State.COMPLETED, State.FAILED, State.CANCELLED)

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Attempt:
    """One run of the job on a scheduler; times in seconds since the epoch."""

    native_id: str
    state: State
    submitted: float
    cores: int
    reason: str = ""
    started: float | None = None
    ended: float | None = None
    host: str = ""
    ranks: int = 0
    workers: int = 0
    cancel_asked: bool = False
    number: int = 0  # its own, from `Started`: a run that the scheduler requeued keeps the native id, not this
    part: int = 0  # of the dataset that several runs share out, counted from 0
    parts: int = 1
    done: int = 0  # of its part, earlier attempts included
    failed: int = 0
    running: int = 0
    items_per_second: float = 0.0
    words: str = ""  # the scheduler's reason as a person would say it
    expected_start: float | None = None
    unknown_since: float | None = None  # the scheduler does not answer since then
    announced: bool = False  # whoever submitted it has said so; its own first words can be earlier, by another clock


@dataclass(frozen=True)
class JobStatus:
    """What there is to say about a job at one moment; `done` and `failed` count items."""

    job_id: str = ""
    name: str = ""
    state: State = State.NEW
    reason: str = ""
    total: int = 0
    done: int = 0
    failed: int = 0
    running: int = 0
    items_per_second: float = 0.0
    created: float | None = None
    merged_rows: int | None = None
    missing: int = 0  # items that the last merge found neither a row nor an error of
    attempts: tuple[Attempt, ...] = ()
    notes: tuple[str, ...] = ()  # what the user should know of the runs that go on all the same
    now: float = 0.0

    @property
    def seconds(self) -> float:
        """Seconds that the attempts ran, all together."""
        return sum(max(0.0, (a.ended or self.now) - a.started) for a in self.attempts if a.started)

    @property
    def current(self) -> tuple[Attempt, ...]:
        """The attempts that decide where the job is: the latest of each part that shares out the dataset."""
        return _latest(self.attempts)

    @property
    def unknown_since(self) -> float | None:
        """Since when the scheduler of a run that has not ended does not answer; None where it does."""
        return min((a.unknown_since for a in self.current if a.unknown_since and not a.state.final), default=None)

    @property
    def remaining(self) -> int:
        return max(0, self.total - self.done - self.failed)

    @property
    def eta_seconds(self) -> float | None:
        """Seconds to go at the rate of late; None while that cannot be said."""
        if self.state is not State.RUNNING or self.items_per_second <= 0:
            return None
        seconds = self.remaining / self.items_per_second
        return seconds if math.isfinite(seconds) else None

    def __str__(self) -> str:
        from jupyter_featx.cards.job import status_text

        return status_text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from jupyter_featx.cards.job import status_html

        return status_html(self)


def fold(found: Iterable[Event], now: float | None = None) -> JobStatus:
    """Return the status after all the events, in the order in which `events.read` gives them."""
    status = _without_missing(reduce(apply_to, found, JobStatus()))
    return replace(status, now=time.time() if now is None else now)


def _without_missing(status: JobStatus) -> JobStatus:
    """Count what the table and the errors hold, not what was once counted, when rows have been lost since."""
    if status.state is not State.COMPLETED or status.merged_rows is None or not status.missing:
        return status
    missing = "1 item has no row" if status.missing == 1 else f"{status.missing:,} items have no row"
    reason = f"{missing} any more: the files in shards/ were damaged. Type '%featx retry' to run what is missing."
    failed = status.total - status.merged_rows - status.missing
    return replace(status, done=status.merged_rows, failed=failed, reason=reason)


def apply_to(status: JobStatus, event: Event) -> JobStatus:
    """Return the status after one more event."""
    return _apply(event, status)


@singledispatch
def _apply(event: Event, status: JobStatus) -> JobStatus:
    return status


@_apply.register
def _(event: events.Created, status: JobStatus) -> JobStatus:
    return replace(status, total=event.total, created=event.time)


@_apply.register
def _(event: events.Submitted, status: JobStatus) -> JobStatus:
    known = _find(status, event.native_id)
    asked: dict[str, Any] = {"cores": event.cores, "submitted": event.time, "part": event.part, "parts": event.parts}
    asked["announced"] = True
    # A scheduler that crashed forgets what it took last, and gives its id again: to another run.
    if known and not (known.announced and known.state.final):
        return _changed(status, known, **asked)
    return _added(status, Attempt(event.native_id, State.QUEUED, **asked))


@_apply.register
def _(event: events.Rejected, status: JobStatus) -> JobStatus:
    if status.state in (State.COMPLETED, State.CANCELLED):  # the rows are what they were before the retry
        return status
    return replace(status, state=State.FAILED, reason=event.reason)


@_apply.register
def _(event: events.Started, status: JobStatus) -> JobStatus:
    known = _find(status, event.native_id)
    if known and known.number not in (0, event.attempt):
        status = _requeued(status, known, event.time)
        known = None
    if known is None:
        known = Attempt(event.native_id, State.QUEUED, event.time, event.workers, part=event.part, parts=event.parts)
        status = _added(status, known)
    # What was merged is of an earlier attempt.
    return _changed(
        replace(status, merged_rows=None),
        known,
        state=known.state if known.state.final else State.RUNNING,
        started=event.time,
        host=event.host,
        ranks=event.ranks,
        workers=event.workers,
        number=event.attempt,
        done=event.done,
        failed=event.failed,
        items_per_second=0.0,
        words="",
        unknown_since=None,
    )


@_apply.register
def _(event: events.Progress, status: JobStatus) -> JobStatus:
    known = _find(status, event.native_id)
    if known is None:
        return status
    counts: dict[str, Any] = {"done": event.done, "failed": event.failed}
    if not known.state.final:  # of one that was given up too soon, what it finished counts
        counts |= {"running": event.running, "items_per_second": event.rate}
    return _changed(status, known, **counts)


# A run that continues has ended, and its part of the job waits for the next one: it is not the end of anything.
_WHY = {"complete": State.COMPLETED, "cancelled": State.CANCELLED, "continues": State.QUEUED}


@_apply.register
def _(event: events.Stopped, status: JobStatus) -> JobStatus:
    state, reason = _WHY.get(event.why, State.FAILED), event.message
    known = _find(status, event.native_id)
    if known is None:
        return replace(status, state=state, reason=reason)
    if known.cancel_asked and event.why in ("error", "continues"):  # what breaks while it is being killed is no error
        state, reason = State.CANCELLED, "cancelled"
    return _end(status, known, event.time, state=state, reason=reason, done=event.done, failed=event.failed)


@_apply.register
def _(event: events.Merged, status: JobStatus) -> JobStatus:
    return replace(status, merged_rows=event.rows, missing=max(0, status.total - event.rows - event.errors))


@_apply.register
def _(event: events.CancelAsked, status: JobStatus) -> JobStatus:
    known = _find(status, event.native_id)
    return _changed(status, known, cancel_asked=True) if known else status


@_apply.register
def _(event: events.Lost, status: JobStatus) -> JobStatus:
    known = _find(status, event.native_id)
    if known is None or known.state.final:
        return status
    state = State.CANCELLED if known.cancel_asked or event.state.startswith("CANCELLED") else State.FAILED
    reason = "cancelled" if known.cancel_asked else event.reason
    return _end(status, known, event.time, state=state, reason=reason)


@_apply.register
def _(event: events.Noted, status: JobStatus) -> JobStatus:
    return status if event.message in status.notes else replace(status, notes=(*status.notes, event.message))


@_apply.register
def _(event: events.Waiting, status: JobStatus) -> JobStatus:
    known = _find(status, event.native_id)
    if known is None or known.state.final:
        return status
    said = {"reason": event.reason, "words": event.words, "expected_start": event.expected_start}
    # One that ran and waits again was requeued.
    still = {"state": State.QUEUED, "running": 0, "items_per_second": 0.0, "unknown_since": None}
    return _changed(status, known, **said, **still)


@_apply.register
def _(event: events.Begun, status: JobStatus) -> JobStatus:
    known = _find(status, event.native_id)
    if known is None or known.state is not State.QUEUED:
        return status
    return _changed(status, known, reason="starting", words=event.words, expected_start=None, unknown_since=None)


@_apply.register
def _(event: events.Unreachable, status: JobStatus) -> JobStatus:
    known = _find(status, event.native_id)
    if known is None or known.state.final:
        return status
    return _changed(status, known, reason=event.message, unknown_since=event.since)


def _find(status: JobStatus, native_id: str) -> Attempt | None:
    return next((a for a in reversed(status.attempts) if a.native_id == native_id), None)


def _end(status: JobStatus, known: Attempt, when: float, **last: Any) -> JobStatus:
    """Let a run be over: with its last state and reason, and its counts where they are told."""
    still = {"running": 0, "items_per_second": 0.0, "words": "", "expected_start": None, "unknown_since": None}
    return _changed(status, known, ended=when, **still, **last)


def _requeued(status: JobStatus, known: Attempt, when: float) -> JobStatus:
    """The scheduler began a run anew under the same id, often without a word about the first one's end."""
    if known.state.final:
        return status
    return _end(status, known, when, state=State.FAILED, reason="requeued")


def _added(status: JobStatus, attempt: Attempt) -> JobStatus:
    """Add a run; the one that it continues is over now."""
    over = (
        replace(a, state=State.FAILED) if a.ended and not a.state.final and a.part == attempt.part else a
        for a in status.attempts
    )
    return _with_attempts(status, (*over, attempt))


def _changed(status: JobStatus, known: Attempt, **changes: Any) -> JobStatus:
    attempts = (replace(known, **changes) if a is known else a for a in status.attempts)
    return _with_attempts(status, tuple(attempts))


def _with_attempts(status: JobStatus, attempts: tuple[Attempt, ...]) -> JobStatus:
    """Put the attempts in; the job is where the latest attempts of its parts are."""
    current = _latest(attempts)
    decisive = min(current, key=lambda a: _DECISIVE.index(a.state))
    counted = _counting(attempts)
    if counted:  # before anything of a round has started, what the round before it counted holds
        status = replace(status, done=sum(a.done for a in counted), failed=sum(a.failed for a in counted))
    absent = attempts[-1].parts - len(current)
    whole = decisive.state is not State.COMPLETED or not absent
    return replace(
        status,
        attempts=attempts,
        state=decisive.state if whole else State.FAILED,
        reason=decisive.reason if whole else f"{absent} of {attempts[-1].parts} parts of the dataset {NOT_SUBMITTED}",
        running=sum(a.running for a in current),
        items_per_second=sum(a.items_per_second for a in current),
    )


NOT_SUBMITTED = "have not been submitted. Type '%featx retry' to run them."

# A job runs while any of its parts does, and has completed only when all have.
_DECISIVE = (State.RUNNING, State.QUEUED, State.NEW, State.FAILED, State.CANCELLED, State.COMPLETED)


def _latest(attempts: tuple[Attempt, ...]) -> tuple[Attempt, ...]:
    """Return the latest attempt of each part, of the round that the latest attempt belongs to."""
    if not attempts:
        return ()
    parts = attempts[-1].parts
    return tuple({a.part: a for a in attempts if a.parts == parts}.values())


def _counting(attempts: tuple[Attempt, ...]) -> tuple[Attempt, ...]:
    """Return the attempts whose counts make the job's: of each part the latest that has started."""
    parts = attempts[-1].parts
    started = {a.part: a for a in attempts if a.parts == parts and a.started is not None}
    return tuple(started.values())
