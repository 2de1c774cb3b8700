"""Draw what a sample of the items showed, and the estimate for the whole dataset."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Protocol

from jupyter_featx.cards.job import BLUE, GREY, LINE, RED, frame, next_html
from jupyter_featx.cards.wording import counted, megabytes, one_line, rough_time, short_time

_SHOWN = 5  # failures; the rest are counted


class Sampled(Protocol):
    """What is drawn; seconds are of one item, `estimates` are (cores, seconds) for all the items."""

    @property
    def total(self) -> int: ...
    @property
    def sample(self) -> int: ...
    @property
    def median_seconds(self) -> float: ...
    @property
    def p95_seconds(self) -> float: ...
    @property
    def max_seconds(self) -> float: ...
    @property
    def peak_mb(self) -> float: ...
    @property
    def core_hours(self) -> float: ...
    @property
    def table_mb(self) -> float: ...
    @property
    def cores(self) -> int: ...
    @property
    def estimates(self) -> tuple[tuple[int, float], ...]: ...
    @property
    def failures(self) -> tuple[tuple[str, str, str], ...]: ...
    @property
    def unfinished(self) -> tuple[str, ...]: ...
    @property
    def printed(self) -> str: ...
    @property
    def head_text(self) -> str: ...
    @property
    def head_html(self) -> str: ...


def preflight_text(sampled: Sampled) -> str:
    """Return the rows, the measures, the failures and the estimate as lines for a terminal."""
    lines = [sampled.head_text, ""] if sampled.head_text else []
    lines.append(_title(sampled))
    lines += [f"  {name + ':' if name else '':<22} {value}" for name, value in _measures(sampled)]
    lines += [f"  {_times(cores, seconds)}{_mark(cores, sampled)}" for cores, seconds in _telling(sampled)]
    for item, message, where in sampled.failures[:_SHOWN]:
        lines.append(f"  ✖ {one_line(item, 100)}: {one_line(message, 200)}{_where(where)}")
    lines += [f"  {line}" for line in _rest(sampled)]
    lines += ["  printed:", *(f"    {one_line(line, 200)}" for line in _prints(sampled))] if sampled.printed else []
    return "\n".join(lines)


def preflight_html(sampled: Sampled) -> str:
    """Return the card, with the rows below it."""
    ok = not sampled.failures and not sampled.unfinished
    title = f'<div style="font-weight:600;margin-bottom:8px">{escape(_title(sampled))}</div>'
    tables = _table([(escape(name), escape(value)) for name, value in _measures(sampled)]) + _table(
        [_estimate_row(cores, seconds, sampled) for cores, seconds in _telling(sampled)]
    )
    failures = "".join(_failure_html(*failure) for failure in sampled.failures[:_SHOWN])
    rest = "".join(f'<div style="color:{GREY}">{escape(line)}</div>' for line in _rest(sampled))
    if sampled.printed:
        prints = "\n".join(escape(one_line(line, 200)) for line in _prints(sampled))
        rest += f'<pre style="margin:6px 0 0;max-height:12em;overflow:auto;color:{GREY};font-size:12px">{prints}</pre>'
    steps = next_html([(f"%featx submit --cores {sampled.cores}", f"all {counted(sampled.total, 'item')}")])
    head = f'<div style="overflow-x:auto;margin-top:8px">{sampled.head_html}</div>' if sampled.head_html else ""
    columns = f'<div style="display:flex;flex-wrap:wrap;gap:4px 40px">{tables}</div>'
    return frame(title + columns + failures + rest + steps, BLUE if ok else RED) + head


def _prints(sampled: Sampled) -> list[str]:
    return sampled.printed.splitlines()


def _title(sampled: Sampled) -> str:
    tried = f"{sampled.sample:,} of {counted(sampled.total, 'item')} tried"
    return f"{tried}, {len(sampled.failures):,} failed" if sampled.failures else f"{tried}, none failed"


def _measures(sampled: Sampled) -> Sequence[tuple[str, str]]:
    slow = f"95 % within {short_time(sampled.p95_seconds)}, longest {short_time(sampled.max_seconds)}"
    return (
        ("Time for one item", f"{short_time(sampled.median_seconds)} (median)"),
        ("", slow),
        ("Memory for one item", f"{megabytes(sampled.peak_mb)} at most" if sampled.peak_mb else "not measured"),
        ("All the items", _core_hours(sampled.core_hours)),
        ("Table", f"about {megabytes(sampled.table_mb)}"),
    )


def _core_hours(amount: float) -> str:
    if amount < 0.01:
        return f"{short_time(amount * 3600)} of one core"
    return f"{amount:,.2f} core-hours" if amount < 10 else f"{amount:,.0f} core-hours"


def _telling(sampled: Sampled) -> list[tuple[int, float]]:
    """Leave out the estimates for more cores that would say the same again; the chosen one stays."""
    kept: list[tuple[int, float]] = []
    for cores, seconds in sampled.estimates:
        if cores == sampled.cores or not kept or rough_time(seconds) != rough_time(kept[-1][1]):
            kept.append((cores, seconds))
    return kept


def _times(cores: int, seconds: float) -> str:
    return f"{counted(cores, 'core'):>12}: {rough_time(seconds)}"


def _mark(cores: int, sampled: Sampled) -> str:
    return "  ← as chosen" if cores == sampled.cores else ""


def _estimate_row(cores: int, seconds: float, sampled: Sampled) -> tuple[str, str]:
    chosen = cores == sampled.cores
    texts = (escape(f"On {counted(cores, 'core')}"), escape(rough_time(seconds)))
    return (f"<b>{texts[0]}</b>", f"<b>{texts[1]}</b> (as chosen)") if chosen else texts


def _table(rows: Sequence[tuple[str, str]]) -> str:
    cell = f"padding:1px 16px 1px 0;border:0;text-align:left;vertical-align:top;border-bottom:0 solid {LINE}"
    inside = "".join(
        f'<tr style="background:none"><td style="{cell};color:{GREY}">{name}</td><td style="{cell}">{value}</td></tr>'
        for name, value in rows
    )
    return f'<table style="border-collapse:collapse;border:0;margin:0;font-size:13px">{inside}</table>'


def _failure_html(item: str, message: str, where: str) -> str:
    return (
        f'<div style="margin-top:6px;color:{RED}">✖\ufe0e <bdi style="font-weight:600">'
        f"{escape(one_line(item, 100))}</bdi>: <bdi>{escape(one_line(message, 200))}</bdi>"
        f'<span style="color:{GREY}">{escape(_where(where))}</span></div>'
    )


def _where(where: str) -> str:
    return f" ({one_line(where, 100)})" if where else ""


def _rest(sampled: Sampled) -> list[str]:
    """Say what is not shown: more failures, and items that took too long for a trial."""
    lines = []
    if more := len(sampled.failures) - _SHOWN:
        lines += [f"and {counted(more, 'more failure')}"] if more > 0 else []
    if sampled.unfinished:
        names = ", ".join(one_line(item, 60) for item in sampled.unfinished[:3])
        lines.append(
            f"{counted(len(sampled.unfinished), 'item')} had not finished when the time was up: {names}. "
            "The whole takes longer than this estimate."
        )
    return lines
