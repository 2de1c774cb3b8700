"""Find out how runs ended that are not in the queue any more, and which of them nobody knows.

For all of them together the accounting is asked once after each look at the queue; then the controller, for a few;
only then, and not before the queue has twice not known it, is a run given up.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from dataclasses import replace

from jupyter_featx.errors import SchedulerError
from jupyter_featx.events import Event, Lost
from jupyter_featx.schedulers.slurm_options import SlurmOptions
from jupyter_featx.schedulers.slurm_records import JobRecord
from jupyter_featx.schedulers.slurm_snapshot import Snapshot
from jupyter_featx.schedulers.slurm_transport import Transport
from jupyter_featx.schedulers.slurm_words import event_of, forgotten, lost

_FEW = 20  # runs that the controller is asked about one by one, after a look at the queue


class Endings:
    """Remembers the ends that it found; an end is final, unless the queue shows the run again."""

    def __init__(self, transport: Transport, options: SlurmOptions) -> None:
        self._transport = transport
        self._options = options
        self._ended: dict[str, Lost] = {}
        self._said: dict[str, tuple[float, Event | None]] = {}  # of one that has not ended, after which look
        self._submitted: dict[str, float] = {}
        self._lock = threading.Lock()

    def began(self, native_id: str) -> None:
        """Remember when we submitted a run ourselves: the queue may take a moment to show it."""
        self._submitted[native_id] = time.time()
        self._ended.pop(native_id, None)

    def find(self, native_ids: Collection[str], seen: Snapshot) -> tuple[dict[str, Event], dict[str, float]]:
        """Return what is known of runs that the queue shows as ended or not at all, and since when it misses which."""
        with self._lock:
            return self._find(native_ids, seen)

    def _find(self, native_ids: Collection[str], seen: Snapshot) -> tuple[dict[str, Event], dict[str, float]]:
        said = {i: self._said[i][1] for i in native_ids if i in self._said and self._said[i][0] == seen.asked}
        fresh = [i for i in native_ids if i not in self._ended and i not in said]
        missing = dict(seen.missing)
        history = self._transport.history(fresh) if fresh else {}
        shows = _FEW
        for native_id in fresh:
            record = history.get(native_id)
            if record is None or not record.ended:
                if shows <= 0:
                    continue  # after the next look
                try:
                    record = self._transport.show(native_id) or seen.jobs.get(native_id)
                    shows -= 1
                except SchedulerError:
                    shows = 0  # it has just gone away: the others would wait as long
                    continue
            said[native_id] = self._judge(native_id, record, seen, missing)
            self._said[native_id] = (seen.asked, said[native_id])
        found = {i: event for i, event in said.items() if event}
        return found | {i: self._ended[i] for i in native_ids if i in self._ended}, missing

    def _judge(
        self, native_id: str, record: JobRecord | None, seen: Snapshot, missing: dict[str, float]
    ) -> Event | None:
        """Return what to say of one run; None where it is too soon to say anything."""
        if record and record.ended:
            missing.pop(native_id, None)
            queued = seen.jobs.get(native_id)
            self._ended[native_id] = lost(replace(record, reason=record.reason or (queued.reason if queued else "")))
            return self._ended[native_id]
        if record:
            missing.pop(native_id, None)
            return event_of(record)
        first = missing.setdefault(native_id, seen.asked)
        just_submitted = time.time() - self._submitted.get(native_id, 0.0) < self._options.grace_seconds
        if just_submitted or seen.asked - first < self._options.poll_seconds:
            return None
        self._ended[native_id] = forgotten(native_id)
        return self._ended[native_id]
