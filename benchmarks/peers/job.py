"""What a tool is asked to do, and where it notes when it did what: the whole contract between harness and tool."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

MARKS = "marks.jsonl"


@dataclass(frozen=True)
class Job:
    """One run of one tool; equal to its JSON."""

    workload: str  # a name in workloads.py
    items: str  # a text file, one item a line
    folder: str  # where the tool writes, and table.csv and errors.csv in the end
    workers: int = 2
    chunk: int = 0  # 0: what is best for the tool
    import_seconds: float = 0.0  # what importing the user's module costs each process that imports it
    arguments: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, path: str | Path) -> Job:
        return cls(**json.loads(Path(path).read_text()))

    def write(self, path: str | Path) -> None:
        Path(path).write_text(json.dumps(asdict(self)))

    def lines(self) -> list[str]:
        """Return the items, in the dataset's order."""
        return Path(self.items).read_text().splitlines()

    def mark(self, name: str, when: float | None = None) -> None:
        """Note that the workers are `ready`, the `first` result is durable, or the table is `done`."""
        line = json.dumps({"name": name, "time": when or time.time()})
        with open(f"{self.folder}/{MARKS}", "a") as file:
            file.write(line + "\n")

    def marks(self) -> dict[str, float]:
        """Return when each thing was noted first, by the wall clock."""
        found: dict[str, float] = {}
        path = Path(self.folder, MARKS)
        for line in path.read_text().splitlines() if path.exists() else ():
            mark = json.loads(line)
            found.setdefault(mark["name"], mark["time"])
        return found
