"""The twin of a scheduler, in memory: it runs nothing, and ends what it is told to end."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from jupyter_featx.errors import SchedulerError
from jupyter_featx.events import Event, Lost
from jupyter_featx.spec import JobSpec


class MemoryScheduler:
    """Keeps what was submitted; `end` makes a run vanish, `full` makes it refuse."""

    name = "memory"

    def __init__(self) -> None:
        self.scripts: dict[str, str] = {}
        self.gone: dict[str, str] = {}
        self.cancelled: list[str] = []
        self.full = False

    def check(self, spec: JobSpec) -> None:
        """Everything goes."""

    def submit(self, script: Path, log: Path, arguments: Sequence[str] = ()) -> str:
        if self.full:
            raise SchedulerError("The queue is full. Try again later.")
        native_id = str(len(self.scripts) + 1)
        self.scripts[native_id] = script.read_text()
        return native_id

    def poll(self, native_ids: Collection[str]) -> Mapping[str, Event]:
        return {key: Lost(native_id=key, reason=self.gone[key]) for key in native_ids if key in self.gone}

    def cancel(self, native_id: str) -> None:
        self.cancelled.append(native_id)
        self.end(native_id, "cancelled")

    def end(self, native_id: str, reason: str) -> None:
        self.gone[native_id] = reason
