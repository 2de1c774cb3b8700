"""The fake Slurm of tests/fake_slurm, as a test drives it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

COMMANDS = Path(__file__).parent / "fake_slurm"
# Our own Python runs them: what `python3` is elsewhere may be slow to start.
PATH = f"{COMMANDS}:{Path(sys.executable).parent}:{os.environ['PATH']}"


class FakeCluster:
    """Says what the fake commands answer, and what they were asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self._file = folder / "state.json"
        self.write({"jobs": {}, "accounting": []})

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._file.read_text())
        return found

    def write(self, state: Mapping[str, Any]) -> None:
        self._file.write_text(json.dumps(state))

    def set(self, **values: Any) -> None:
        self.write({**self.state, **values})

    def job(self, native_id: str, **values: Any) -> None:
        """Put a job into the queue, or change it."""
        jobs = self.state["jobs"]
        jobs[native_id] = {"state": "PENDING", "reason": "Priority", **jobs.get(native_id, {}), **values}
        self.set(jobs=jobs)

    def account(self, native_id: str, **values: Any) -> None:
        """Add a line to the accounting."""
        record = {"JobID": native_id, "State": "COMPLETED", "ExitCode": "0:0", "ElapsedRaw": "60", **values}
        self.set(accounting=[*self.state["accounting"], record])

    def says(self, command: str, err: str = "", out: str = "", code: int = 1) -> None:
        """Let a command print this and end so, whatever it is asked."""
        self.set(says={**self.state.get("says", {}), command: {"err": err, "out": out, "code": code}})

    def calls(self, command: str) -> list[list[str]]:
        """Return the words of each call of the command so far."""
        try:
            lines = (self.folder / "calls.log").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [words for name, *words in map(json.loads, lines) if name == command]

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the last call."""
        found: dict[str, str] = json.loads((self.folder / "environment.json").read_text())
        return found
