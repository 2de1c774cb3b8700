"""The common form of a result, and the one table that shows them all."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """Something measured; where there is a goal it is the most that the value may be."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    met: bool | None = None  # None: there is no goal

    @classmethod
    def of(cls, name: str, value: float, unit: str, goal: float | None = None) -> Figure:
        """Return the figure with its verdict."""
        return cls(name, value, unit, goal, None if goal is None else value <= goal)

    def line(self) -> str:
        """Return the figure's line of the table; the ratio is the value over the goal."""
        value = f"{self.value:12.4g} {self.unit:9}"
        if self.goal is None:
            return f"{self.name:66}{value}"
        verdict = "met" if self.met else "MISSED"
        share = f"{self.value / self.goal:6.2f}x" if self.goal else ""  # of nothing there is no share
        return f"{self.name:66}{value}{self.goal:8.4g}  {verdict:7}{share}".rstrip()


HEAD = f"{'what':66}{'figure':>12} {'':9}{'goal':>8}  {'':7}{'of goal':>7}"


def show(figures: Iterable[Figure]) -> None:
    """Print the table as it grows: a figure at a time."""
    print(HEAD)
    for figure in figures:
        print(figure.line())
        sys.stdout.flush()
