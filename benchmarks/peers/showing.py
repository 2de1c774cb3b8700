"""What the sections of the report have in common: tables, forms of numbers, and a bar for each tool."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmarks.peers import plots, tools
from benchmarks.peers.lines import Line, Spread, spread
from benchmarks.peers.plots import Bar, Chart

OURS = "featx"
Form = Callable[[float], str]


def seconds(value: float) -> str:
    """Return seconds as a person says them: three figures, no more."""
    return f"{value:.0f} s" if value >= 100 else f"{value:.1f} s" if value >= 10 else f"{value:.2f} s"


def megabytes(value: float) -> str:
    return f"{value:,.0f} MB"


def times(value: float) -> str:
    return f"{value:.2f}×"


def number(value: float) -> str:
    return f"{value:,.0f}"


def milliseconds(value: float) -> str:
    return f"{value:.3f} ms" if value < 0.1 else f"{value:.2f} ms" if value < 10 else f"{value:.0f} ms"


def of(lines: Iterable[Line], cell: str, tool: str) -> list[Line]:
    """Return the runs of one tool in one cell."""
    return [line for line in lines if line.cell == cell and line.tool == tool]


def cell_text(lines: Sequence[Line], figure: str, form: Form) -> str:
    """Return a figure's median, range and n; or why there is none."""
    found = spread(lines, figure)
    if found:
        return found.text(form)
    return why_not(lines) or "–"


def why_not(lines: Sequence[Line]) -> str:
    """Return in some words why a tool has no figure."""
    failed = [line for line in lines if not line.finished]
    if not failed:
        return "" if lines else "not measured"
    figures = failed[-1].figures
    if "exit_code" in figures and figures["exit_code"] is None:
        return f"not done in {figures['wall']:.0f} s"
    return "failed"


def title(tool: str) -> str:
    """Return a tool's name in a table."""
    return f"**{tools.about(tool).title}**" if tool == OURS else tools.about(tool).title


def kind(tool: str) -> str:
    """Return what colour a tool has in the plots."""
    return "ours" if tool == OURS else "survives" if tools.about(tool).survives else "dies"


def measured(lines: Iterable[Line]) -> list[str]:
    """Return the tools with measurements, in their own order, without those that are no peers."""
    have = {line.tool for line in lines}
    return [name for name in tools.names() if name in have and not tools.about(name).reference]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; all but the first column stand at the right."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' + '--:|' * (len(head) - 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def bars(path: Path, chart: Chart, lines: Sequence[Line], figure: str, form: Form) -> str:
    """Draw a bar for each tool with measurements; return the Markdown that shows the plot."""
    found = []
    for tool in measured(lines):
        mine = [line for line in lines if line.tool == tool]
        have = spread(mine, figure)
        found.append(Bar(tools.about(tool).title, kind(tool), have, form(have.median) if have else why_not(mine)))
    plots.bars(path, chart, found)
    return f"![{chart.title}](plots/{path.name})"


def fastest(lines: Sequence[Line], figure: str, names: Iterable[str]) -> tuple[str, Spread] | None:
    """Return the tool with the least median among these, with it."""
    found = [(name, have) for name in names if (have := spread([x for x in lines if x.tool == name], figure))]
    return min(found, key=lambda pair: pair[1].median) if found else None
