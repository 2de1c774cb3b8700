"""Where another tool is ahead of ours: made from the measurements like everything else, so that none is left out."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.peers import showing, tools
from benchmarks.peers.lines import Line, spread

CLEARLY = 1.05  # times as much; less is within what two rounds of the same tool differ by
MEASURES = (  # scenario, figure (less is better), how it is said, its form
    ("A", "wall", "all in", showing.seconds),
    ("B", "ratio", "makespan to the ideal", showing.times),
    ("E", "wall", "all in", showing.seconds),
    ("E", "first", "first result", showing.seconds),
    ("E", "files", "files", showing.number),
)


def text(lines: Sequence[Line]) -> str:
    """Return a table with a row for each measure in which another tool is clearly ahead of ours."""
    rows = []
    for scenario, figure, said, form in MEASURES:
        own = [line for line in lines if line.scenario == scenario]
        for cell in dict.fromkeys(line.cell for line in own):
            mine = spread(showing.of(own, cell, showing.OURS), figure)
            if not mine:
                continue
            others = {tool: spread(showing.of(own, cell, tool), figure) for tool in showing.measured(own)}
            ahead = {
                tool: found.median for tool, found in others.items() if found and found.median * CLEARLY < mine.median
            }
            names = [f"{tools.about(tool).title} {form(ahead[tool])}" for tool in sorted(ahead, key=ahead.__getitem__)]
            if names:
                rows.append((f"{scenario}, {cell}: {said}", form(mine.median), "; ".join(names)))
    if not rows:
        return "None, in what was measured."
    head = f"| | {tools.about(showing.OURS).title} | ahead of it |\n|---|--:|---|\n"
    return head + "\n".join(f"| {' | '.join(row)} |" for row in rows)
