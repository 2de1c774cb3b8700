"""The twin of a scheduler, in memory: it runs nothing, and ends what it is told to end."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from jupyter_featx.errors import SchedulerError
from jupyter_featx.events import Event, Lost
from jupyter_featx.spec import JobSpec


class MemoryScheduler:
    """Keeps what was submitted; `end` makes a run vanish, `full` makes it refuse, `says` is told of runs that wait."""

    name = "memory"

    def __init__(self) -> None:
        self.trusts_seconds = 0.0
        self.scripts: dict[str, str] = {}
        self.gone: dict[str, Lost] = {}
        self.cancelled: list[str] = []
        self.full = False
        self.room: int | None = None  # for how many more runs
        self.arguments: dict[str, tuple[str, ...]] = {}
        self.says: dict[str, Event] = {}

    def check(self, spec: JobSpec) -> None:
        """Everything goes."""

    def submit(self, script: Path, log: Path, arguments: Sequence[str] = ()) -> str:
        if self.full or (self.room is not None and len(self.scripts) >= self.room):
            raise SchedulerError("The queue is full. Try again later.")
        native_id = str(len(self.scripts) + 1)
        self.scripts[native_id], self.arguments[native_id] = script.read_text(), tuple(arguments)
        return native_id

    def poll(self, native_ids: Collection[str]) -> Mapping[str, Event]:
        found: dict[str, Event] = {key: self.says[key] for key in native_ids if key in self.says}
        return found | {key: self.gone[key] for key in native_ids if key in self.gone}

    def cancel(self, native_id: str) -> None:
        self.cancelled.append(native_id)
        self.end(native_id, "cancelled")

    def end(self, native_id: str, reason: str, state: str = "") -> None:
        self.gone[native_id] = Lost(native_id=native_id, reason=reason, state=state)
