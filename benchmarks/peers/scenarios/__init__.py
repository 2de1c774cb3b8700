"""What is measured: one module for each scenario, and what all of them have in common.

A scenario is a module with
    TITLE                              what it shows
    cells() -> list[Cell]              what is measured, each cell once for each tool in each round
    measure(tool, cell, folder)        runs one tool in an empty folder; returns its figures, as JSON; `finished` is one
    section(lines, plots) -> str       the part of the report in Markdown; it writes its plots into the folder `plots`
    goals(lines) -> list[Goal]         its rows of the table of goals
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from benchmarks.peers.lines import Line

MODULES = {
    "A": "overhead",
    "B": "tail",
    "C": "poison",
    "D": "infrastructure",
    "E": "million",
    "F": "effort",
}


@dataclass(frozen=True)
class Cell:
    """One thing to measure of every tool."""

    scenario: str
    name: str
    seconds: float  # that one run takes at least, for the plan
    deadline: float  # seconds after which a run is ended
    rounds: int = 5
    priority: int = 1  # all rounds of the first come before those of the second
    arguments: dict[str, Any] = field(default_factory=dict)
    only: tuple[str, ...] = ()  # these tools; when empty, all but the references

    def tiny(self) -> Cell:
        """Return the cell with so few items that it proves only that it works."""
        few = {name: min(value, 100) for name, value in self.arguments.items() if name == "count"}
        few |= {"copies": 1} if "copies" in self.arguments else {}
        return replace(self, arguments=self.arguments | few, seconds=min(self.seconds, 2.0), deadline=300)


@dataclass(frozen=True)
class Goal:
    """One row of the table of goals."""

    scenario: str
    what: str
    goal: str
    figure: str
    met: bool | None  # None: not measured yet


class Scenario(Protocol):
    TITLE: str

    def cells(self) -> list[Cell]: ...
    def measure(self, tool: str, cell: Cell, folder: str) -> dict[str, Any]: ...
    def section(self, lines: list[Line], plots: Path) -> str: ...
    def goals(self, lines: list[Line]) -> list[Goal]: ...


def load(letter: str) -> Scenario | None:
    """Return a scenario, None where it is not written yet."""
    name = f"{__name__}.{MODULES[letter]}"
    try:
        return importlib.import_module(name)  # type: ignore[return-value]
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return None
