"""What a scheduler is to us: three verbs. Slurm, this machine, and a twin in memory for tests all have them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from jupyter_featx.events import Event
from jupyter_featx.spec import JobSpec


class Scheduler(Protocol):
    """Runs scripts. Errors are SchedulerError."""

    name: str
    trusts_seconds: float  # who wrote an event within so many seconds is not asked about; 0: asking costs nothing

    def check(self, spec: JobSpec) -> None:
        """Raise SpecError where the cluster cannot give what the job asks for: one line, with what is allowed.

        SchedulerError where it does not answer.
        """

    def submit(self, script: Path, log: Path, arguments: Sequence[str] = ()) -> str:
        """Start the script with these arguments, detached from us, its output in `log`; return the native id."""

    def poll(self, native_ids: Collection[str]) -> Mapping[str, Event]:
        """Return what there is to say of each id.

        `Lost` for one that no longer runs, `Waiting` for one that has not begun, `Begun` for one that has,
        `Unreachable` where the scheduler does not answer; nothing for one that runs as it should. Cheap: a scheduler
        that must be asked over the network is asked once in an interval, whatever the number of ids.
        """

    def cancel(self, native_id: str) -> None:
        """End the run and all of its processes; one that is gone already is no error."""
