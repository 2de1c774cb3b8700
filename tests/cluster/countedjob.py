"""A job whose functions write down each call, so that work done twice can be counted; and what its table must be."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daemons import TestbedError
from realjobs import calls, counting
from scientist import Scientist, Submitted


def square(item: str) -> dict[str, Any]:
    """Return what a plain loop over the same functions gives for one item."""
    number = int(Path(item).read_text())
    return {"number": number, "square": number * number}


@dataclass
class CountedJob:
    """A submitted job of sleeps; `before` holds the items that were finished before something happened to it."""

    job: Submitted
    side: Path
    total: int
    before: set[str] = field(default_factory=set)

    @classmethod
    def submit(
        cls, scientist: Scientist, *options: str, count: int = 120, seconds: float = 0.1, body: str = ""
    ) -> CountedJob:
        """Submit a job of `count` items that take so many seconds each."""
        side = scientist.folder / f"side-{len(scientist.jobs)}.txt"
        job = scientist.submit(counting(side, body, seconds), scientist.numbers(count), *options)
        return cls(job, side, count)

    def remember(self, rows: int) -> None:
        """Wait until so many rows are finished but not all; remember which, now, before the fault."""
        self.job.until_started(rows)
        self.before = self.job.done()
        if len(self.before) >= self.total:
            raise TestbedError(f"the job was over before the fault.\n{self.job.story()}")

    def check(self) -> None:
        """See that each item is in the table once, with a plain loop's values, and that nothing was done twice."""
        self.job.check_table(square)
        self.job.check_rows(self.side, self.before)
        assert set(calls(self.side)) == {os.path.basename(item) for item in self.job.items()}
