"""Every job's latest snapshot, at the cost of what changed: an ended job is read once, a running one from where it was.

Called from threads. It holds nothing that cannot be read again from the job folders.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_featx import jobdir
from jupyter_featx.errors import FeatxError, JobNotFound
from jupyter_featx.jobdir import JobDir
from jupyter_featx.manager import Manager
from jupyter_featx.server.answers import dumps
from jupyter_featx.server.journals import Fingerprint, Journals, fingerprint
from jupyter_featx.server.snapshots import Shown, snapshot
from jupyter_featx.spec import JobSpec
from jupyter_featx.state import JobStatus, State

_FRESH_SECONDS = 600.0  # a job that was never submitted may still be in its preflight
_SHORT_SECONDS = 0.25  # two looks at the same running job within this are one
_ALL_SECONDS = 10.0  # so long may a change of an ended job go unnoticed that nobody announced
_IDLE_SECONDS = 600.0  # the same, of a server where nothing happens
_TICK_NS = 50_000_000
_MOVES = ("now", "seconds")  # what changes by the clock alone


@dataclass
class Entry:
    """What is known of one job."""

    job: JobDir
    spec: JobSpec
    spec_mark: tuple[int, int]
    mark: Fingerprint
    status: JobStatus
    snapshot: dict[str, Any]
    looked: float = 0.0
    text: str = ""
    search: str = field(default="", repr=False)

    @property
    def active(self) -> bool:
        """Whether it may change without a word from here."""
        if self.status.state is State.NEW and not self.status.attempts:
            return time.time() - (self.status.created or 0.0) < _FRESH_SECONDS
        return not self.status.state.final


class Board:
    """The snapshots of all jobs under one FEATX_HOME."""

    def __init__(self, shown: Shown, manager: Callable[[Journals], Manager]) -> None:
        self._journals = Journals()
        self.manager = manager(self._journals)
        self._shown = shown
        self._entries: dict[str, Entry] = {}
        self._changed: dict[str, dict[str, Any] | None] = {}
        self._lock = threading.RLock()
        self._asked: dict[str, threading.Lock] = {}
        self._folder_mark = 0
        self._looked_at_all = float("-inf")

    @property
    def folder(self) -> Path:
        return self.manager.root / "jobs"

    def moved(self) -> bool:
        """Tell whether jobs came or went, or one was started, since every job was looked at."""
        return _mark(self.folder)[1] != self._folder_mark

    def active(self) -> list[str]:
        """Return the ids of the jobs that may change without a word from here."""
        with self._lock:
            return [job_id for job_id, entry in self._entries.items() if entry.active]

    def all(self) -> list[Entry]:
        """Return what is known of every job, as it is now."""
        self._refresh(_ALL_SECONDS)
        with self._lock:
            return list(self._entries.values())

    def _look_at_all(self) -> None:
        mark, now = _mark(self.folder)[1], time.time_ns()
        there = {job.job_id: job for job in jobdir.all_jobs(self.manager.root)}
        for job_id in set(self._entries) - there.keys():
            self._forget(job_id)
        self._look(there.values())
        # What comes within a tick of the file system's clock would leave the same time behind.
        self._folder_mark = mark if now - mark > _TICK_NS else 0
        self._looked_at_all = time.monotonic()

    def look(self, job_ids: Iterable[str]) -> list[Entry]:
        """Look at some jobs; those that went are left out."""
        return self._look(JobDir(self.folder / job_id) for job_id in job_ids)

    def one(self, job_id: str, *, now: bool = False) -> Entry:
        """Look at one job; `now`, also when it was looked at a moment ago. Raises JobNotFound."""
        job = jobdir.find(job_id, self.manager.root)
        return self._entry(job, now=now)

    def changes(self, taken: Callable[[str], bool] = lambda job_id: True) -> dict[str, dict[str, Any] | None]:
        """Return and forget the snapshots that changed since they were last returned; None for a job that went."""
        with self._lock:
            found = {job_id: what for job_id, what in self._changed.items() if taken(job_id)}
            for job_id in found:
                del self._changed[job_id]
            return found

    @property
    def busy(self) -> bool:
        """Whether there is a job that may change by itself, or a change to be told."""
        return bool(self._changed) or bool(self.active())

    def watch(self) -> None:
        """Look at what may have changed, and at nothing else."""
        self._refresh(_ALL_SECONDS if self.active() else _IDLE_SECONDS)

    def _refresh(self, seconds: float) -> None:
        """Look at the active jobs, or at all: after so many seconds, and when something was announced."""
        if self.moved() or time.monotonic() - self._looked_at_all > seconds:
            self._look_at_all()
        else:
            self.look(self.active())

    def _look(self, jobs: Iterable[JobDir]) -> list[Entry]:
        found = []
        for job in jobs:
            with suppress(FeatxError, OSError):  # no job, one being deleted, or one of a newer version
                found.append(self._entry(job))
        return found

    def _entry(self, job: JobDir, *, now: bool = False) -> Entry:
        known = self._entries.get(job.job_id)
        mark, spec_mark = fingerprint(job.events), _mark(job.spec_file)
        same = known is not None and known.mark == mark and known.spec_mark == spec_mark
        if known and same and (not known.active or (not now and time.monotonic() - known.looked < _SHORT_SECONDS)):
            return known
        try:
            spec = known.spec if known and known.spec_mark == spec_mark else job.spec()
            with self._asking(spec.scheduler) as free:
                if known and not free and not now:
                    return known
                status = self.manager.status(job, spec)
        except JobNotFound:
            self._forget(job.job_id)
            raise
        entry = Entry(job, spec, spec_mark, mark, status, snapshot(job, spec, status, self._shown), time.monotonic())
        self._keep(entry, known)
        return entry

    @contextmanager
    def _asking(self, scheduler: str) -> Iterator[bool]:
        """Give whether nobody else asks this scheduler: one that hangs must hold one of our threads, not all."""
        lock = self._asked.setdefault(scheduler, threading.Lock())
        free = scheduler == "local" or lock.acquire(blocking=False)
        try:
            yield free
        finally:
            if free and scheduler != "local":
                lock.release()

    def _keep(self, entry: Entry, known: Entry | None) -> None:
        facts = entry.snapshot
        entry.text = dumps(facts)
        names = ("job_id", "name", "notebook", "data", "reason")
        entry.search = "\n".join(str(facts[name] or "") for name in names).casefold()
        if not entry.active:
            self._journals.forget(entry.job.events)
        with self._lock:
            self._entries[entry.job.job_id] = entry
            if known is None or _still(known.snapshot) != _still(facts):
                self._changed[entry.job.job_id] = facts

    def _forget(self, job_id: str) -> None:
        with self._lock:
            entry = self._entries.pop(job_id, None)
            if entry:
                self._journals.forget(entry.job.events)
                self._changed[job_id] = None


def _still(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name not in _MOVES}


def _mark(path: Path) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return (0, 0)
    return found.st_ino, found.st_mtime_ns
