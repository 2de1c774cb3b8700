"""Slurm as a scheduler: scripts go to sbatch, one query in an interval says how all of them do.

Slurm's own words stay in this folder's slurm files; above it only our own states exist.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from jupyter_featx.errors import SchedulerError
from jupyter_featx.events import Event, Unreachable
from jupyter_featx.schedulers.slurm_accounting import Accounting
from jupyter_featx.schedulers.slurm_choice import choose
from jupyter_featx.schedulers.slurm_cluster import Cluster
from jupyter_featx.schedulers.slurm_clusters import ClusterReader
from jupyter_featx.schedulers.slurm_commands import Commands, SlurmMissing
from jupyter_featx.schedulers.slurm_endings import Endings
from jupyter_featx.schedulers.slurm_limits import check_limits
from jupyter_featx.schedulers.slurm_options import SlurmOptions
from jupyter_featx.schedulers.slurm_queue import Queue
from jupyter_featx.schedulers.slurm_records import NATIVE_ID
from jupyter_featx.schedulers.slurm_snapshot import Snapshot, SnapshotFile
from jupyter_featx.schedulers.slurm_transport import CommandTransport, Transport
from jupyter_featx.schedulers.slurm_trial import try_script
from jupyter_featx.schedulers.slurm_usage import USAGE, Usage, parse_usage
from jupyter_featx.schedulers.slurm_words import event_of
from jupyter_featx.spec import JobSpec

__all__ = ["Cluster", "SlurmOptions", "SlurmScheduler", "Usage"]


class _Parts(NamedTuple):
    transport: Transport
    queue: Queue
    endings: Endings


class SlurmScheduler:
    """Speaks with one cluster, as its options say."""

    name = "slurm"
    trusts_seconds = 20.0  # a run that works writes every ten

    def __init__(self, options: SlurmOptions | None = None) -> None:
        self._options = options = options or SlurmOptions()
        self._commands = Commands(options)
        self._accounting = Accounting(self._commands, options)
        self._lock = threading.Lock()
        self._parts: _Parts | None = None
        self._clusters = ClusterReader(self._commands, options)

    @property
    def _by(self) -> _Parts:
        """What depends on the transport, chosen when it is first needed. Raises SchedulerError."""
        with self._lock:
            if self._parts is None:
                by_command = CommandTransport(self._commands, self._accounting, self._options)
                transport = choose(self._options, self._commands, by_command)
                self._parts = _Parts(
                    transport,
                    Queue(transport, SnapshotFile(self._options), self._options),
                    Endings(transport, self._options),
                )
            return self._parts

    def check(self, spec: JobSpec) -> None:
        """Raise SpecError for what the cluster cannot give, SchedulerError where it does not answer at all."""
        try:
            cluster = self._clusters.limits()
        except SlurmMissing:
            if self._by.transport.name == "commands":
                raise
            return  # by the library alone, Slurm itself will say
        check_limits(spec, cluster)

    def test_only(self, script: Path) -> str:
        """Return when Slurm would start the script, in plain words. Raises SchedulerError where it would not."""
        try:
            return try_script(self._commands, script, self._options.submit_seconds)
        except SlurmMissing:
            if self._by.transport.name == "commands":
                raise
            return ""  # the library has no such question

    def cluster(self) -> Cluster:
        """Return partitions, limits, free cores and the user's accounts. Raises SchedulerError."""
        return self._clusters.now()

    def usage(self, native_ids: Collection[str]) -> list[Usage]:
        """Return what the runs cost, in the order of their ids; of those that no accounting knows, nothing."""
        ours = [native_id for native_id in native_ids if NATIVE_ID.fullmatch(native_id)]
        found = {usage.native_id: usage for usage in parse_usage(self._accounting.query(USAGE, ours))}
        return [found[native_id] for native_id in ours if native_id in found]

    def submit(self, script: Path, log: Path, arguments: Sequence[str] = ()) -> str:
        """Give a script to Slurm and return its id. Raises SchedulerError with Slurm's own words and ours."""
        native_id = self._by.transport.submit(script, log, arguments)
        if not NATIVE_ID.fullmatch(native_id):
            raise SchedulerError(f"sbatch printed {native_id!r}, which is no job id. Type 'squeue --me'.")
        self._by.endings.began(native_id)
        self._by.queue.expire()
        return native_id

    def poll(self, native_ids: Collection[str]) -> Mapping[str, Event]:
        """Return what there is to say of each id; ids that are none of Slurm's are passed over."""
        ours = [native_id for native_id in native_ids if NATIVE_ID.fullmatch(native_id)]
        if not ours:
            return {}
        try:
            seen = self._by.queue.look()
        except SchedulerError as exc:  # a transport that is not there
            seen = Snapshot(since=time.time(), message=str(exc))
        if seen.since is not None:
            return _unreachable(ours, seen, seen.since)
        found = {i: event_of(seen.jobs[i]) for i in ours if i in seen.jobs and not seen.jobs[i].ended}
        if rest := [i for i in ours if i not in found]:
            ended, missing = self._by.endings.find(rest, seen)
            self._by.queue.note_missing(missing)
            found |= ended
        return found

    def cancel(self, native_id: str) -> None:
        """End a run; one that is gone already is no error. Raises SchedulerError."""
        if not NATIVE_ID.fullmatch(native_id):
            raise SchedulerError(f"{native_id!r} is no id of a Slurm job. Type 'squeue --me' for yours.")
        self._by.transport.cancel(native_id)
        self._by.queue.expire()


def _unreachable(native_ids: Collection[str], seen: Snapshot, since: float) -> dict[str, Event]:
    words = f"{seen.message} It is asked again by itself, and nothing counts as lost meanwhile."
    return {i: Unreachable(native_id=i, since=since, message=words) for i in native_ids}
