"""Checks of one value of a configuration file: each returns the value to keep, or raises Wrong with what is allowed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from jupyter_featx.directives import ALLOWED, extra
from jupyter_featx.errors import SpecError
from jupyter_featx.spec import parse_cores, parse_duration, parse_memory

Check = Callable[[Any], Any]


class Wrong(Exception):
    """A value cannot be; the text says what is allowed."""


def one_of(*words: str) -> Check:
    """Return a check for one of these words."""

    def check(value: Any) -> str:
        if value in words and isinstance(value, str):
            return value
        raise Wrong(f"is not known.{did_you_mean(str(value), words)} Choose one of: {_quoted(words)}.")

    return check


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'partition'?" where one of the known words is near."""
    import difflib  # only when something is wrong: a submit need not wait for it

    near = difflib.get_close_matches(word[:100].lower(), list(known), 1, 0.6)
    return f" Did you mean '{near[0]}'?" if near else ""


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)


def number(least: float, most: float) -> Check:
    """Return a check for a number within these bounds."""

    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            raise Wrong(f"must be a number from {least:g} to {most:,.0f}, without quotation marks.")
        return float(value)

    return check


def whole(least: int, most: int = 10**9) -> Check:
    """Return a check for a whole number within these bounds."""

    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Wrong(f"must be a whole number from {least} to {most:,}, without quotation marks.")
        return value

    return check


def switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Wrong("must be true or false, without quotation marks.")
    return value


def text(pattern: str, allowed: str, flags: re.RegexFlag = re.ASCII) -> Check:
    """Return a check for a text that the pattern fits as a whole; `allowed` finishes "must be"."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value, flags):
            raise Wrong(f"must be {allowed}.")
        return value

    return check


def line(value: Any) -> str:
    """Check for one printable line."""
    if not isinstance(value, str) or not value.strip() or not value.replace("\t", " ").isprintable():
        raise Wrong("must be one line of text in quotation marks.")
    return value


def lines(value: Any) -> Any:
    """Check for lines: a list of them, or one text of several."""
    return listed(line)([part for part in value.splitlines() if part.strip()] if isinstance(value, str) else value)


def listed(check: Check) -> Check:
    """Return a check for a list whose every entry passes the check."""

    def whole_list(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Wrong('must be a list, such as ["one", "two"].')
        return tuple(_entry(check, entry) for entry in value)

    return whole_list


def _entry(check: Check, entry: Any) -> Any:
    try:
        return check(entry)
    except Wrong as exc:
        raise Wrong(f"has {shown(entry)}, which {exc}") from None


def shown(value: Any) -> str:
    """Return a value as a person wrote it, or nearly, and not too long."""
    if isinstance(value, bool):
        return str(value).lower()
    found = f'"{value}"' if isinstance(value, str) and value.isprintable() and '"' not in value else ascii(value)
    return found if len(found) <= 80 else f"{found[:79]}…"


def duration(value: Any) -> Any:
    """Check for a duration; it is kept as it was written."""
    seconds(value)
    return value


def seconds(value: Any) -> Any:
    return _parsed(
        parse_duration, value, (int, float, str), 'must be a duration: "90m", "2h", "1-12:00:00", or seconds.'
    )


def memory(value: Any) -> str:
    """Check for an amount of memory; it is kept as it was written."""
    megabytes(value)
    return str(value)


def megabytes(value: Any) -> Any:
    return _parsed(parse_memory, value, (str,), 'must be an amount of memory with its unit: "4G" or "512M".')


def cores(value: Any) -> Any:
    _parsed(parse_cores, value, (int, str), 'must be a number of cores: 500, or "4x16" for four nodes of sixteen.')
    return value


def directive(value: Any) -> str:
    """Check for one more option of sbatch."""
    if not isinstance(value, str):
        raise Wrong('must be an option of sbatch in quotation marks, such as "comment=pilot".')
    try:
        return extra(value)
    except SpecError as exc:
        near = did_you_mean(re.split("[= ]", value.lstrip("-"))[0], ALLOWED)
        raise Wrong(f"is refused.{near} {str(exc)[:600]}") from None


def _parsed(parse: Callable[[Any], Any], value: Any, kinds: tuple[type, ...], allowed: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise Wrong(allowed)
    try:
        return parse(value)
    except (SpecError, OverflowError, ValueError):
        raise Wrong(allowed) from None


def path(value: Any, folder: Path) -> str:
    """Check for a path; one that is not absolute is meant from the folder of its file. "none" stays."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise Wrong("must be a path in quotation marks.")
    return value if value == "none" else str(folder / _expanded(value))


def bind(value: Any) -> str:
    """Check for what is mounted in a container: a folder, where, and how."""
    parts = value.split(":") if isinstance(value, str) and value.isprintable() else []
    parts = [*map(_expanded, parts[:2]), *parts[2:]]
    absolute = bool(parts) and all(re.fullmatch(r"/[^,\s]*", part) for part in parts[:2])
    if not absolute or parts[2:] not in ([], ["ro"], ["rw"]):
        raise Wrong('must be a folder to mount: "/scratch", "/scratch:/data" or "/scratch:/data:ro".')
    return ":".join(parts)


def _expanded(text: str) -> str:
    """Return a path with ~ and variables put in: a site's file serves many users."""
    found = os.path.expandvars(os.path.expanduser(text))
    if missing := re.search(r"^~[^/]*|\$\w+|\$\{\w+\}", found):
        raise Wrong(f"has {missing[0]}, which stands for nothing here.")
    return found
