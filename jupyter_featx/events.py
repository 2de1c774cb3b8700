"""What happened to a job, one line each: append-only files in `events/`, one writer a file.

Every event is a frozen dataclass, equal to its JSON. Nobody sets a state; somebody appends one of these, and
`state.fold` makes the status of them.
"""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from jupyter_featx.typed import checked

VERSION = 1
_LATEST = 1e11  # a time that no clock shows, after which every other event would come


@dataclass(frozen=True, kw_only=True)
class Event:
    """The base: when it happened, in seconds since the epoch."""

    time: float = field(default_factory=time.time)


@dataclass(frozen=True, kw_only=True)
class Created(Event):
    """The job folder is whole."""

    total: int


@dataclass(frozen=True, kw_only=True)
class Submitted(Event):
    """A scheduler took an attempt: of the whole dataset, or of part `part` of `parts`, counted from 0."""

    native_id: str
    cores: int
    part: int = 0
    parts: int = 1


@dataclass(frozen=True, kw_only=True)
class Rejected(Event):
    """A scheduler did not take it."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Started(Event):
    """Rank 0 runs. `done` and `failed` count the items that earlier attempts finished, of its part of the dataset."""

    native_id: str
    attempt: int
    host: str
    ranks: int
    workers: int
    pending: int
    done: int
    failed: int
    part: int = 0
    parts: int = 1


@dataclass(frozen=True, kw_only=True)
class Progress(Event):
    """Counts over its part of the dataset so far; `rate` is items per second of late."""

    native_id: str
    done: int
    failed: int
    running: int
    rate: float


@dataclass(frozen=True, kw_only=True)
class Stopped(Event):
    """Rank 0, or the script, ended by itself: `why` is complete, cancelled, guard, walltime, error or continues.

    A run that continues is followed by another of its part, which its own script submits.
    """

    native_id: str
    why: str
    message: str
    done: int
    failed: int


@dataclass(frozen=True, kw_only=True)
class Merged(Event):
    """The table was written; `unreadable` lines of the shards were no rows."""

    rows: int
    errors: int
    seconds: float
    unreadable: int = 0


@dataclass(frozen=True, kw_only=True)
class CancelAsked(Event):
    """A user asked to stop the attempt."""

    native_id: str


@dataclass(frozen=True, kw_only=True)
class Lost(Event):
    """The scheduler ended, or no longer knows, an attempt that never said `Stopped`. `state` is its own word for it."""

    native_id: str
    reason: str
    state: str = ""


@dataclass(frozen=True, kw_only=True)
class Noted(Event):
    """Something the user should know about an attempt, which goes on all the same."""

    native_id: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Waiting(Event):
    """A scheduler says why an attempt has not begun: its own word, the same in plain words, and when it may begin.

    Never written down: it is what is so at this moment.
    """

    native_id: str
    reason: str
    words: str
    expected_start: float | None = None


@dataclass(frozen=True, kw_only=True)
class Begun(Event):
    """A scheduler says that an attempt runs, of which no rank was heard yet. Never written down, either."""

    native_id: str
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class Unreachable(Event):
    """A scheduler does not answer since then: nothing is known of its attempts. Never written down, either."""

    native_id: str
    since: float
    message: str


class EventLog:
    """The one writer of one file of events."""

    KINDS: ClassVar[dict[str, type[Event]]] = {
        kind.__name__.lower(): kind
        for kind in (Created, Submitted, Rejected, Started, Progress, Stopped, Merged, CancelAsked, Lost, Noted)
    }

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, event: Event) -> None:
        """Append one whole line and see it on disk. Raises OSError when the disk is full; then nothing is appended."""
        record = {"event": type(event).__name__.lower(), "v": VERSION, **asdict(event)}
        line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if (written := os.write(descriptor, line)) < len(line):  # a torn line would swallow the next one
                os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)


def after_known(event: Event, folder: Path) -> Event:
    """Return the event later than all that is written, also by a clock that is behind another one."""
    return replace(event, time=max(event.time, _next_time(folder)))


def delay(folder: Path) -> float:
    """Return by how many seconds the clock here is behind what is written; 0 where it is not."""
    return max(0.0, _next_time(folder) - time.time())


def _next_time(folder: Path) -> float:
    return max((known.time for known in read(folder)), default=0.0) + 1e-6


def read(folder: Path) -> list[Event]:
    """Return every event in the folder, oldest first.

    A clock can be set back, but the lines of a file are in order, and so are the attempts: what stands later counts as
    not earlier than what stands before it.
    """
    found: list[tuple[float, Event]] = []
    attempts = 0.0
    for path in sorted(folder.glob("*.jsonl")):
        is_attempt = path.name.startswith("attempt-")
        latest = attempts if is_attempt else 0.0
        with suppress(FileNotFoundError):  # the job is being deleted
            for event in parse(path.read_bytes().split(b"\n")[:-1]):
                latest = max(latest, event.time)
                found.append((latest, event))
        if is_attempt:
            attempts = latest
    return [event for _, event in sorted(found, key=lambda pair: pair[0])]


def parse(lines: Iterable[bytes]) -> Iterator[Event]:
    """Yield the events of the whole lines; damaged ones and kinds from a newer version are passed over."""
    for line in lines:
        try:
            record: dict[str, Any] = json.loads(line)
            kind = EventLog.KINDS[record.pop("event")]
            record.pop("v")
            event: Event = checked(kind, record)
            if not 0 <= event.time < _LATEST:
                continue
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
        yield event
