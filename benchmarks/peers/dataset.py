"""The datasets: lines of text, made anew for each run and the same each time."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

REAL = 1000  # so many items are files; the others are only names in the same folder


def write(folder: str, names: Iterable[str]) -> str:
    """Write an item list of paths in `folder/items`, some of them files; return its path."""
    items = Path(folder, "items")
    items.mkdir()
    paths = [f"{items}/{name}" for name in names]
    for path in paths[:REAL]:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    listed = Path(folder, "items.txt")
    listed.write_text("".join(path + "\n" for path in paths))
    return str(listed)


def plain(count: int, milliseconds: float = 0) -> list[str]:
    """Return the names of items that take so long each."""
    return [f"item_{number:07}-{milliseconds:g}" for number in range(count)]
