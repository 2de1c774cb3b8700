"""Ask the queue once in an interval, whatever the number of jobs, cells and processes that want to know."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import replace

from jupyter_featx.errors import SchedulerError
from jupyter_featx.schedulers.slurm_options import SlurmOptions
from jupyter_featx.schedulers.slurm_records import JobRecord
from jupyter_featx.schedulers.slurm_snapshot import Snapshot, SnapshotFile
from jupyter_featx.schedulers.slurm_transport import Transport


class Queue:
    """Holds the last answer, shared with the user's other processes."""

    def __init__(self, transport: Transport, file: SnapshotFile, options: SlurmOptions) -> None:
        self._transport = transport
        self._file = file
        self._options = options
        self._latest = Snapshot()
        self._wanted = 0.0  # an answer from before does not know what we changed
        self._lock = threading.Lock()

    def look(self) -> Snapshot:
        """Return an answer that is fresh enough, or why there is none."""
        with self._lock:
            if self._fresh(self._reread()):
                return self._latest
            with self._file.asking() as ours:
                known = self._reread()  # another may have asked while we waited
                if not self._fresh(known) and (ours or known.asked < self._wanted or not known.asked):
                    self._keep(self._ask(known))
            return self._latest

    def expire(self) -> None:
        """Let everybody ask again at once: we have just changed something."""
        with self._lock:
            self._wanted = time.time()
            self._keep(replace(self._reread(), asked=0.0, changed=self._wanted))

    def note_missing(self, missing: Mapping[str, float]) -> None:
        """Keep since when the queue does not know ids, for the user's other processes, too."""
        with self._lock:
            if dict(missing) != dict(self._latest.missing):
                self._keep(replace(self._latest, missing=dict(missing)))

    def _fresh(self, snapshot: Snapshot) -> bool:
        return snapshot.asked >= self._wanted and snapshot.fresh(time.time(), self._options)

    def _reread(self) -> Snapshot:
        """Take what another process wrote since; the file is the newer one wherever it can be read."""
        self._latest = self._file.load() or self._latest
        return self._latest

    def _keep(self, snapshot: Snapshot) -> None:
        self._latest = snapshot
        self._file.save(snapshot)

    def _ask(self, known: Snapshot) -> Snapshot:
        now = time.time()
        try:
            jobs = self._transport.queue()
        except SchedulerError as exc:
            # What it said before stays: nothing is lost because nobody answers.
            changed = known.changed if known.since else now
            return replace(known, asked=now, changed=changed, since=known.since or now, message=str(exc))
        same = bool(known.changed) and known.since is None and _gist(jobs) == _gist(known.jobs)
        missing = {native_id: when for native_id, when in known.missing.items() if native_id not in jobs}
        return Snapshot(now, known.changed if same else now, None, "", jobs, missing)


def _gist(jobs: Mapping[str, JobRecord]) -> dict[str, tuple[str, str]]:
    """Return what counts as a change; the expected start, say, moves all the time."""
    return {native_id: (job.state, job.reason) for native_id, job in jobs.items()}
