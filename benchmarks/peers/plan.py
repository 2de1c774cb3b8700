"""What is measured in which order, and how long that takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.peers import tools
from benchmarks.peers.lines import Line, spread
from benchmarks.peers.scenarios import Cell


@dataclass(frozen=True)
class Step:
    """One run of one tool in one cell."""

    cell: Cell
    tool: str
    round: int

    @property
    def scenario(self) -> str:
        return self.cell.scenario

    @property
    def key(self) -> tuple[str, str, str]:
        return self.cell.scenario, self.cell.name, self.tool


def steps(cells: Sequence[Cell], names: Sequence[str], rounds: int, made: Sequence[Line]) -> Iterator[Step]:
    """Yield what is left to do: the first round of every cell, then the other rounds of the most important ones.

    The tools take turns in each round, and their order turns with it, so that none always comes after the same other.
    """
    have = Counter((line.scenario, line.cell, line.tool) for line in made)
    failed = {(line.scenario, line.cell, line.tool) for line in made if not line.finished}
    pairs = [(cell, number) for cell in cells for number in range(1, min(rounds, cell.rounds) + 1)]
    for cell, number in sorted(pairs, key=lambda pair: (pair[1] > 1, pair[0].priority, pair[1])):
        for tool in [*names[number % len(names) :], *names[: number % len(names)]]:
            step = Step(cell, tool, number)
            if _wanted(cell, tool) and have[step.key] < number and step.key not in failed:
                yield step


def _wanted(cell: Cell, tool: str) -> bool:
    return tool in cell.only if cell.only else not tools.about(tool).reference


def expected(step: Step, made: Sequence[Line]) -> float:
    """Return the seconds that a step will take: what it took before, else what the cell and the tool say."""
    before = [line for line in made if (line.scenario, line.cell, line.tool) == step.key]
    if found := spread(before, "wall"):
        return found.median + 1
    return min(step.cell.deadline, step.cell.seconds * 1.3 + tools.about(step.tool).startup + 1)


def table(todo: Sequence[Step], made: Sequence[Line]) -> str:
    """Return the minutes of each scenario and cell as text."""
    minutes: Counter[tuple[int, str, str]] = Counter()
    runs: Counter[tuple[int, str, str]] = Counter()
    for step in todo:
        key = step.cell.priority, step.scenario, step.cell.name
        minutes[key] += expected(step, made) / 60
        runs[key] += 1
    rows = [f"{'priority':8}  {'scenario':8}  {'cell':40}{'runs':>6}{'minutes':>9}"]
    rows += [f"{key[0]:8}  {key[1]:8}  {key[2]:40}{runs[key]:6}{minutes[key]:9.1f}" for key in sorted(minutes)]
    for letter in sorted({key[1] for key in minutes}):
        total = sum(value for key, value in minutes.items() if key[1] == letter)
        rows.append(f"{'':8}  {letter:8}  {'together':46}{total:9.1f}")
    rows.append(f"{'':8}  {'all':8}  {'':46}{sum(minutes.values()):9.1f}")
    return "\n".join(rows)
