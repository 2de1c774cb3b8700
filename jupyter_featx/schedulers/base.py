"""What a scheduler is to us: three verbs. Slurm, this machine, and a twin in memory for tests all have them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol

from jupyter_featx.events import Event


class Scheduler(Protocol):
    """Runs scripts. Errors are SchedulerError."""

    name: str

    def submit(self, script: Path, log: Path) -> str:
        """Start the script, detached from us, its output in `log`; return the scheduler's own id."""

    def poll(self, native_ids: Collection[str]) -> Mapping[str, Event]:
        """Return what there is to say of each id: `Lost` for one that no longer runs, nothing for one that does."""

    def cancel(self, native_id: str) -> None:
        """End the run and all of its processes; one that is gone already is no error."""
