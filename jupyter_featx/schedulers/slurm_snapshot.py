"""The last answer of the queue, in a small file that all of a user's processes share.

Notebook, terminal and server of one home then ask Slurm once in an interval between them, not once each.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from jupyter_featx import jobdir
from jupyter_featx.schedulers.slurm_options import SlurmOptions
from jupyter_featx.schedulers.slurm_records import NATIVE_ID, JobRecord
from jupyter_featx.typed import checked

_VERSION = 1
_CLOCKS_SECONDS = 2.0  # a file from further in the future was written by a wrong clock
_SHARE_SECONDS = 2.0  # how long we wait for another process that is asking right now


@dataclass(frozen=True)
class Snapshot:
    """What the queue said when it was last asked; times in seconds since the epoch."""

    asked: float = 0.0  # 0: it should be asked again at once
    changed: float = 0.0  # when an answer last differed from the one before
    since: float | None = None  # no answer since then
    message: str = ""  # of the query that was not answered
    jobs: Mapping[str, JobRecord] = field(default_factory=dict)
    missing: Mapping[str, float] = field(default_factory=dict)  # ids that the queue does not know, since which query

    def fresh(self, now: float, options: SlurmOptions) -> bool:
        """Return whether Slurm need not be asked yet: the longer nothing changes, the longer."""
        quiet = max(0.0, self.asked - self.changed) / 10
        interval = max(options.poll_seconds, min(quiet, options.quiet_poll_seconds))
        return -_CLOCKS_SECONDS <= now - self.asked < interval


class SnapshotFile:
    """Reads and writes the file of one user of one cluster; a home that cannot be written is no error."""

    def __init__(self, options: SlurmOptions) -> None:
        names = (os.environ.get(name, "") for name in ("SLURM_CONF", "SLURM_CLUSTERS"))
        self._key = json.dumps([_VERSION, os.getuid(), list(options.prefix), *names])

    @property
    def _path(self) -> Path:
        digest = hashlib.sha256(self._key.encode()).hexdigest()[:12]
        return jobdir.home() / "cache" / f"slurm-queue-{digest}.json"

    def load(self) -> Snapshot | None:
        """Return what was written last; None where that is nothing, damaged, or of somebody else."""
        try:
            with open(self._path, encoding="utf-8") as file:
                if os.fstat(file.fileno()).st_uid != os.getuid():
                    return None
                return _snapshot(json.load(file), self._key)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def save(self, snapshot: Snapshot) -> None:
        """Write it aside and rename it."""
        record = {**asdict(snapshot), "key": self._key}
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            jobdir.write_aside(self._path, json.dumps(record))

    @contextmanager
    def asking(self) -> Iterator[bool]:
        """Hold the right to ask Slurm; False where another process has it, after a moment for its answer."""
        descriptor = -1
        try:
            with suppress(OSError):
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                descriptor = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            yield descriptor < 0 or _lock(descriptor)
        finally:
            if descriptor >= 0:
                os.close(descriptor)


def _lock(descriptor: int) -> bool:
    deadline = time.monotonic() + _SHARE_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        except OSError:
            return True  # a file system without locks


def _snapshot(record: dict[str, Any], key: str) -> Snapshot | None:
    if record["key"] != key:
        return None
    jobs = {str(name): checked(JobRecord, job) for name, job in record["jobs"].items()}
    times = {str(name): float(when) for name, when in record["missing"].items() if NATIVE_ID.fullmatch(name)}
    since = record["since"]
    return Snapshot(
        float(record["asked"]),
        float(record["changed"]),
        None if since is None else float(since),
        str(record["message"]),
        jobs,
        times,
    )
