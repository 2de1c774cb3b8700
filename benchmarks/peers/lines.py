"""The measurements: one JSON line each, appended as it is made. The report is made from them and from nothing else."""

from __future__ import annotations

import json
import os
import platform
import statistics
import string
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
UNITS = " ×" + string.ascii_letters


def machine() -> str:
    """Return the machine in a few words."""
    model = "unknown processor"
    if Path("/proc/cpuinfo").exists():
        names = (line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
        model = next(names, f": {platform.machine()}").partition(":")[2].strip()
    gigabytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    cores = len(os.sched_getaffinity(0))
    return f"{model}, {cores} cores, {gigabytes:.0f} GB, Linux {platform.release()}, Python {platform.python_version()}"


@dataclass(frozen=True)
class Line:
    """One run of one tool in one cell; it was made just now where it does not say when."""

    scenario: str
    cell: str
    tool: str
    round: int
    figures: dict[str, Any]
    version: str
    load: float = field(default_factory=lambda: round(os.getloadavg()[0], 2))  # of the machine in the minute before
    time: float = field(default_factory=lambda: round(time.time(), 1))
    machine: str = field(default_factory=machine)

    @property
    def finished(self) -> bool:
        return bool(self.figures.get("finished"))


def append(folder: Path, line: Line) -> None:
    """Add a measurement to its scenario's file."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"{line.scenario}.jsonl", "a") as file:
        file.write(json.dumps(asdict(line)) + "\n")


def read(folder: Path) -> list[Line]:
    """Return all measurements, oldest first."""
    files = sorted(folder.glob("*.jsonl"))
    found = [Line(**json.loads(line)) for file in files for line in file.read_text().splitlines()]
    return sorted(found, key=lambda line: line.time)


@dataclass(frozen=True)
class Spread:
    """The median and the range of some runs."""

    median: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread | None:
        found = list(values)
        return cls(statistics.median(found), min(found), max(found), len(found)) if found else None

    def text(self, form: Callable[[float], str]) -> str:
        """Return `median (low–high, n)`: the range without its unit, n only where there were fewer than five."""
        if self.n == 1:
            return f"{form(self.median)} (n=1)"
        low, high = (form(value).rstrip(UNITS) for value in (self.low, self.high))
        few = f", n={self.n}" if self.n < 5 else ""
        return f"{form(self.median)} ({low}–{high}{few})"


def spread(lines: Iterable[Line], figure: str) -> Spread | None:
    """Return a figure's spread over the runs that finished and have it."""
    return Spread.of(line.figures[figure] for line in lines if line.finished and line.figures.get(figure) is not None)
