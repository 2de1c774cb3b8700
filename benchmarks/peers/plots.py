"""Draws the report's plots as small SVG files: bars with their range, and curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path

from benchmarks.peers.lines import Spread

WIDTH, LEFT, RIGHT, TOP, ROW = 860, 170, 140, 74, 28
INK, FAINT, RULE = "#1f2933", "#66727f", "#e4e8ec"
COLOURS = {"ours": "#0b7a75", "survives": "#e08e45", "dies": "#a9b4bf"}
MEANING = {"ours": "this project", "survives": "goes on when an item kills its process", "dies": "ends with it"}
FONT = "font-family='system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif'"


@dataclass(frozen=True)
class Bar:
    """One tool's figure; without a spread the text says why there is none."""

    label: str
    kind: str  # of COLOURS
    spread: Spread | None
    text: str


@dataclass(frozen=True)
class Chart:
    """What a plot is called, and how its values are shown."""

    title: str
    subtitle: str
    goal: float | None = None
    goal_text: str = ""
    base: float = 0  # where the bars begin
    unit: str = ""


def bars(path: Path, chart: Chart, given: Sequence[Bar]) -> None:
    """Draw horizontal bars, the smallest first, those without a figure last."""
    ordered = sorted(given, key=lambda bar: bar.spread.median if bar.spread else math.inf)
    spreads = [bar.spread for bar in ordered if bar.spread]
    most = max([chart.goal or chart.base, *(each.high for each in spreads)])
    scale = _Scale(chart.base, most + 0.05 * (most - chart.base or 1))
    height = TOP + ROW * len(ordered) + 62
    bottom = TOP + ROW * len(ordered)
    parts = [*_head(chart, height), *_grid(scale, bottom, chart.unit)]
    if chart.goal is not None:
        at = scale(chart.goal)
        parts.append(
            f"<line x1='{at:.1f}' x2='{at:.1f}' y1='{TOP - 6}' y2='{bottom}' stroke='{INK}' stroke-dasharray='4 3'/>"
        )
        parts.append(_text(at, TOP - 11, chart.goal_text, _Look(11, INK, "middle")))
    for number, bar in enumerate(ordered):
        parts += _bar(bar, scale, TOP + ROW * number)
    parts += _legend(bottom + 48, {bar.kind for bar in ordered})
    path.write_text("\n".join([*parts, "</svg>\n"]))


@dataclass(frozen=True)
class Curve:
    """A tool's values, from left to right."""

    label: str
    kind: str
    points: Sequence[tuple[float, float]]


def curves(path: Path, chart: Chart, given: Sequence[Curve]) -> None:
    """Draw curves of a share (0 to 1) over a logarithmic axis; each is named at its right end."""
    xs = sorted({x for curve in given for x, _ in curve.points})
    scale = _Scale(math.log10(xs[0]), math.log10(xs[-1]) + 1e-9, log=True)
    bottom, height = TOP + 300, TOP + 382
    parts = _head(chart, height)
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = bottom - 300 * share
        parts.append(f"<line x1='{LEFT}' x2='{WIDTH - RIGHT}' y1='{y}' y2='{y}' stroke='{RULE}'/>")
        parts.append(_text(LEFT - 10, y + 4, f"{share:.0%}", _Look(11, FAINT, "end")))
    parts += [_text(scale(x), bottom + 20, f"{x:g} {chart.unit}", _Look(11, FAINT, "middle")) for x in xs]
    ends = _apart([bottom - 300 * min(1, curve.points[-1][1]) for curve in given if curve.points])
    for curve, end in zip([curve for curve in given if curve.points], ends, strict=True):
        places = [(scale(x), bottom - 300 * min(1.0, y)) for x, y in curve.points]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        colour, wide = COLOURS[curve.kind], 3 if curve.kind == "ours" else 1.8
        parts.append(f"<polyline points='{line}' fill='none' stroke='{colour}' stroke-width='{wide}'/>")
        parts += [f"<circle cx='{x:.1f}' cy='{y:.1f}' r='{wide + 1}' fill='{colour}'/>" for x, y in places]
        x = places[-1][0]
        parts.append(_text(x + 10, end + 4, curve.label, _Look(11, INK if curve.kind == "ours" else FAINT)))
    parts += _legend(bottom + 60, {curve.kind for curve in given})
    path.write_text("\n".join([*parts, "</svg>\n"]))


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float
    log: bool = False

    def __call__(self, value: float) -> float:
        at = math.log10(max(value, 1e-12)) if self.log else value
        share = (at - self.low) / (self.high - self.low)
        return LEFT + max(0.0, min(1.0, share)) * (WIDTH - LEFT - RIGHT)

    def ticks(self) -> list[float]:
        """Return at most seven round values, for an axis that is not logarithmic."""
        wide = self.high - self.low
        step = 10 ** math.floor(math.log10(wide))
        step = next(s for s in (step / 5, step / 2, step, step * 2) if wide / s <= 6)
        return [self.low + n * step for n in range(int(wide / step) + 1)]


def _head(chart: Chart, height: float) -> list[str]:
    size = f"width='{WIDTH}' height='{height}'"
    return [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' {size} {FONT}>",
        f"<rect {size} rx='8' fill='#ffffff'/>",
        _text(24, 30, chart.title, _Look(17, INK, bold=True)),
        _text(24, 49, chart.subtitle, _Look(12, FAINT)),
    ]


def _grid(scale: _Scale, bottom: float, unit: str) -> list[str]:
    parts = []
    for tick in scale.ticks():
        at = scale(tick)
        parts.append(f"<line x1='{at:.1f}' x2='{at:.1f}' y1='{TOP}' y2='{bottom}' stroke='{RULE}'/>")
        parts.append(_text(at, bottom + 17, f"{tick:g}{unit}", _Look(11, FAINT, "middle")))
    return parts


def _bar(bar: Bar, scale: _Scale, y: float) -> list[str]:
    ours = bar.kind == "ours"
    middle = y + ROW / 2
    parts = [_text(LEFT - 12, middle + 4, bar.label, _Look(13, INK, "end", ours))]
    if bar.spread is None:
        return [*parts, _text(LEFT + 6, middle + 4, bar.text, _Look(12, FAINT))]
    end, low, high = map(scale, (bar.spread.median, bar.spread.low, bar.spread.high))
    size = f"width='{max(1.5, end - LEFT):.1f}' height='{ROW - 10}'"
    parts.append(f"<rect x='{LEFT}' y='{y + 5}' {size} rx='2' fill='{COLOURS[bar.kind]}'/>")
    if bar.spread.n > 1:
        range_ = f"M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 4}v8M{high:.1f} {middle - 4}v8"
        parts.append(f"<path d='{range_}' stroke='{INK}' fill='none'/>")
    parts.append(_text(max(end, high) + 8, middle + 4, bar.text, _Look(12, INK, bold=ours)))
    return parts


def _legend(y: float, kinds: set[str]) -> list[str]:
    parts, x = [], float(LEFT)
    for kind in (kind for kind in COLOURS if kind in kinds):
        parts.append(f"<rect x='{x}' y='{y - 10}' width='12' height='12' rx='2' fill='{COLOURS[kind]}'/>")
        parts.append(_text(x + 18, y, MEANING[kind], _Look(12, FAINT)))
        x += 46 + 6.4 * len(MEANING[kind])
    return parts


def _apart(ys: list[float], gap: float = 13) -> list[float]:
    """Move labels so far apart that each can be read."""
    placed = list(ys)
    order = sorted(range(len(ys)), key=lambda n: ys[n])
    for before, after in pairwise(order):
        placed[after] = max(placed[after], placed[before] + gap)
    return placed


@dataclass(frozen=True)
class _Look:
    """How a text is drawn."""

    size: int
    colour: str
    anchor: str = "start"
    bold: bool = False


def _text(x: float, y: float, text: str, how: _Look) -> str:
    look = f"font-size='{how.size}' fill='{how.colour}' text-anchor='{how.anchor}'"
    look += " font-weight='600'" if how.bold else ""
    halo = "stroke='#ffffff' stroke-width='3' paint-order='stroke'"  # a line behind a text does not cross it
    return f"<text x='{x:.1f}' y='{y:.1f}' {look} {halo}>{escape(text)}</text>"
