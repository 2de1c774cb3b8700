"""What each item must give, computed by a plain loop from its name alone: the oracle of the random-fault run."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

# What an item that misbehaves on purpose must be called. All else succeeds.
GUILTY = {
    "raise": "exception",
    "segv": "crash",
    "exit": "crash",
    "hog": "memory",
    "loop": "timeout",
    "blocked": "timeout",
    "lock": "bad-value",
    "none": "bad-value",
}
ODD = ("nan", "child")  # strange, and no fault
COLUMNS = ("number", "square", "third", "text", "odd")


def item_name(number: int, act: str = "ok", milliseconds: int = 0) -> str:
    """Return the name of an item that does this."""
    return f"{number:05d}.{act}.{milliseconds}"


def act_of(item: str) -> str:
    """Return what an item does."""
    return os.path.basename(item).split(".")[1]


def kind_of(item: str) -> str:
    """Return what its error must be called; "" for an item that succeeds."""
    return GUILTY.get(act_of(item), "")


def row_of(item: str) -> dict[str, Any]:
    """Return the row that a plain loop over the two functions gives for an item that succeeds."""
    number, act = int(os.path.basename(item).partition(".")[0]), act_of(item)
    text = str(number % 10) * 20_000 if act == "wide" else f'제 {number}, "quoted"'
    third = float("nan") if act == "nan" else number / 3
    return {"number": number, "square": number**2, "third": third, "text": text, "odd": bool(number % 2)}


def table_of(items: Iterable[str]) -> list[dict[str, Any]]:
    """Return the whole table, in the dataset's order."""
    return [{"item": item, **row_of(item)} for item in items if not kind_of(item)]
