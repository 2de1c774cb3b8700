"""Draw where jobs can run: this machine, and the partitions of the cluster with their limits and free cores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Protocol

from jupyter_featx.cards.job import AMBER, BLUE, GREY, LINE, frame, next_html
from jupyter_featx.cards.wording import counted, megabytes, one_line, walltime

_HEADS = ("partition", "free cores", "nodes", "cores a node", "memory a node", "longest walltime")


class Machine(Protocol):
    """The machine we are on."""

    @property
    def host(self) -> str: ...
    @property
    def cores(self) -> int: ...
    @property
    def memory_mb(self) -> float: ...
    @property
    def free_memory_mb(self) -> float: ...


class Partition(Protocol):
    """A part of the cluster; None is what is not known, or not limited."""

    @property
    def name(self) -> str: ...
    @property
    def default(self) -> bool: ...
    @property
    def up(self) -> bool: ...
    @property
    def nodes(self) -> int: ...
    @property
    def max_nodes(self) -> int | None: ...
    @property
    def cores(self) -> int: ...
    @property
    def cores_free(self) -> int | None: ...
    @property
    def cores_per_node(self) -> int: ...
    @property
    def memory_per_node_mb(self) -> float: ...
    @property
    def max_minutes(self) -> float | None: ...
    @property
    def default_minutes(self) -> float | None: ...


class Overview(Protocol):
    """What is drawn. `message` says why there are no partitions; `allowed` are the limits of the configuration."""

    @property
    def machine(self) -> Machine: ...
    @property
    def default(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def partitions(self) -> Sequence[Partition]: ...
    @property
    def accounts(self) -> Sequence[str]: ...
    @property
    def allowed(self) -> Mapping[str, str]: ...


def cluster_text(overview: Overview, command: str = "%featx") -> str:
    """Return the machine, a table of the partitions, and what to type, as lines for a terminal."""
    lines = [f"this machine (--scheduler local{_default(overview, 'local')}): {_machine(overview.machine)}"]
    if overview.partitions:
        lines += ["", f"Slurm (--scheduler slurm{_default(overview, 'slurm')}):"]
        lines += [f"  {line}" for line in _aligned([_HEADS, *map(_cells, overview.partitions)])]
    lines += [f"  {line}" for line in _notes(overview)]
    if steps := _steps(overview, command):
        lines.append("  next: " + " | ".join(words for words, _ in steps))
    return "\n".join(lines)


def cluster_html(overview: Overview, command: str = "%featx") -> str:
    """Return the card."""
    machine = (
        f'<div style="margin-bottom:8px"><b>this machine</b>&ensp;<span style="color:{GREY}">--scheduler local'
        f"{_default(overview, 'local')}</span><div>{escape(_machine(overview.machine))}</div></div>"
    )
    table = ""
    if overview.partitions:
        title = f"<b>Slurm</b>&ensp;<span style='color:{GREY}'>--scheduler slurm{_default(overview, 'slurm')}</span>"
        table = f"<div>{title}</div>{_table(overview.partitions)}"
    notes = "".join(f'<div style="color:{GREY}"><bdi>{escape(line)}</bdi></div>' for line in _notes(overview))
    colour = AMBER if overview.message and overview.default == "slurm" else BLUE
    return frame(machine + table + notes + next_html(_steps(overview, command)), colour)


def _default(overview: Overview, name: str) -> str:
    return ", the default" if overview.default == name else ""


def _machine(machine: Machine) -> str:
    memory = f"{megabytes(machine.free_memory_mb)} of {megabytes(machine.memory_mb)} memory free"
    return f"{counted(machine.cores, 'core')}, {memory}, on {one_line(machine.host, 60)}"


def _cells(partition: Partition) -> tuple[str, ...]:
    free = "?" if partition.cores_free is None else f"{partition.cores_free:,}"
    nodes = f"{partition.nodes:,}"
    if partition.max_nodes is not None and partition.max_nodes < partition.nodes:
        nodes += f" (a job: {partition.max_nodes:,})"
    return (
        one_line(partition.name, 40) + (" *" if partition.default else ""),
        f"{free} of {partition.cores:,}" if partition.up else "closed",
        nodes,
        f"{partition.cores_per_node:,}",
        megabytes(partition.memory_per_node_mb) if partition.memory_per_node_mb > 0 else "?",
        _walltime(partition.max_minutes),
    )


def _walltime(minutes: float | None) -> str:
    return walltime(None if minutes is None else minutes * 60)


def _notes(overview: Overview) -> list[str]:
    """Say what the table does not: whose default it is, the site's own limits, accounts, and what is wrong."""
    notes = []
    if main := next((partition for partition in overview.partitions if partition.default), None):
        without = f", and the walltime {_walltime(main.default_minutes)}" if main.default_minutes else ""
        notes.append(f"* is taken without --partition{without}.")
    for name, words in overview.allowed.items():
        place = "this machine" if name == "local" else one_line(name, 40)
        notes.append(f"{place}: the configuration allows one run {words}.")
    if overview.accounts:
        notes.append(f"Your accounts: {', '.join(one_line(name, 40) for name in overview.accounts[:20])}.")
    return [*notes, one_line(overview.message, 400)] if overview.message else notes


def _steps(overview: Overview, command: str) -> list[tuple[str, str]]:
    if overview.message and overview.default == "slurm":
        return [(f"{command} doctor", "what is wrong, and the mend")]
    return []


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the rows with the columns under each other: the name to the left, figures to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]


def _table(partitions: Sequence[Partition]) -> str:
    def cell(text: str, first: bool, tag: str) -> str:
        side = "left" if first else "right"
        style = f"padding:2px 16px 2px 0;border:0;border-bottom:1px solid {LINE};text-align:{side};white-space:nowrap"
        grey = f";color:{GREY};font-weight:normal" if tag == "th" else ""
        return f'<{tag} style="{style}{grey}"><bdi>{escape(text)}</bdi></{tag}>'

    rows = [(_HEADS, "th"), *((_cells(partition), "td") for partition in partitions)]
    inside = "".join(
        f'<tr style="background:none">{"".join(cell(text, not at, tag) for at, text in enumerate(row))}</tr>'
        for row, tag in rows
    )
    return (
        '<div style="overflow-x:auto"><table style="border-collapse:collapse;border:0;margin:4px 0;font-size:13px">'
        f"{inside}</table></div>"
    )
