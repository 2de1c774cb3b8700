"""Say counts, times and names as a person reads them, and make any text safe for one line of a screen."""

from __future__ import annotations

import math
import re

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?")

# Characters that steer a terminal, besides tab and newline; U+0080 to U+009F hold one-byte forms of the escapes.
_STEERING = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069"
_BUT_COLOURS = re.compile(rf"(\x1b\[[\d;]{{0,32}}m)|[\n{_STEERING}]")
_BUT_NEWLINES = re.compile(rf"[\t{_STEERING}]")


def one_line(text: object, limit: int = 80) -> str:
    """Return printable text on one line: no terminal escapes, no control or direction marks, not too long."""
    start = str(text)[: 4 * limit + 64]  # a text of megabytes costs nothing more
    start = _ESCAPE.sub("", start)
    words = "".join(char if char.isprintable() else " " for char in start).split()
    line = " ".join(words)
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def steady(line: str) -> str:
    """Return a printed line with its colours and tabs, and with nothing else that could steer a terminal."""
    kept = _BUT_COLOURS.sub(lambda found: found[1] or "�", line)
    return f"{kept}\x1b[0m" if "\x1b" in kept else kept


def without_controls(text: str) -> str:
    """Return lines of text in which nothing can steer a terminal, and that have no colours and no tabs."""
    return _BUT_NEWLINES.sub("�", text)


def duration(seconds: float) -> str:
    """Return whole seconds as a person says them: "5 s", "1 m 05 s", "1 h 05 m", "2 d 03 h"."""
    if not math.isfinite(seconds) or seconds < 0:
        return "–"
    whole = int(seconds)
    for unit, next_unit, size, part in (("d", "h", 86400, 3600), ("h", "m", 3600, 60), ("m", "s", 60, 1)):
        if whole >= size:
            return f"{whole // size:,} {unit} {whole % size // part:02d} {next_unit}"
    return f"{whole} s"


def walltime(seconds: float | None) -> str:
    """Return a limit as it can be typed after --walltime: "02:00:00", "1-12:00:00"; "any" for none."""
    if seconds is None:
        return "any"
    days, rest = divmod(round(seconds), 86400)
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days}-{clock}" if days else clock


def short_time(seconds: float) -> str:
    """Return a time as it is measured for one item: "0.4 ms", "12 ms", "3.4 s", "1 m 05 s"."""
    if not math.isfinite(seconds) or seconds < 0:
        return "–"
    if seconds < 0.9995:
        return f"{_three_digits(seconds * 1000)} ms"
    return f"{_three_digits(seconds)} s" if seconds < 59.95 else duration(round(seconds))


def rough_time(seconds: float) -> str:
    """Return an estimate, which is no better than its first two digits: "about 3 s", "about 1 h 05 m"."""
    return "under 1 s" if 0 <= seconds < 1 else f"about {duration(round(seconds))}"


def rate(per_second: float) -> str:
    """Return a speed in the unit in which it is more than one."""
    for unit, seconds in (("s", 1), ("min", 60), ("h", 3600)):
        if per_second * seconds >= 1:
            return f"{_three_digits(per_second * seconds)} items/{unit}"
    return f"{_three_digits(per_second * 86400)} items/day"


def megabytes(amount: float) -> str:
    """Return an amount of memory given in MB."""
    if not math.isfinite(amount) or amount < 0:
        return "–"
    if amount < 0.9995:
        return f"{_three_digits(amount * 1024)} kB"
    for unit in ("MB", "GB"):
        if amount < 1000:
            return f"{_three_digits(amount)} {unit}"
        amount /= 1024
    return f"{_three_digits(amount)} TB"


def counted(number: int, noun: str) -> str:
    """Return "1 core", "2 cores"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _three_digits(value: float) -> str:
    if value >= 99.95:
        return f"{value:,.0f}"
    text = f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"
    return text.rstrip("0").rstrip(".") or "0"
