"""The datasets: lines of text, made anew for each run and the same each time."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable
from pathlib import Path

from benchmarks.fresh import ROOT

REAL = 1000  # so many items are files; the others are only names in the same folder
EXAMPLES = ROOT / "examples"
ORDERS = ("random", "dearest first")


def write(folder: str, names: Iterable[str]) -> str:
    """Write an item list of paths in `folder/items`, some of them files; return its path."""
    items = Path(folder, "items")
    items.mkdir()
    paths = [f"{items}/{name}" for name in names]
    for path in paths[:REAL]:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    return listed(folder, paths)


def listed(folder: str, paths: Iterable[str]) -> str:
    """Write an item list; return its path."""
    file = Path(folder, "items.txt")
    file.write_text("".join(path + "\n" for path in paths))
    return str(file)


def plain(count: int, milliseconds: float = 0) -> list[str]:
    """Return the names of items that take so long each."""
    return [f"item_{number:07}-{milliseconds:g}" for number in range(count)]


def heavy_tail(count: int, median: float, order: str) -> list[float]:
    """Return milliseconds: lognormal with sigma 1, and 0.5 % of a hundred times the median."""
    chance = random.Random(7)
    heavy = set(chance.sample(range(count), max(1, count // 200)))
    found = [median * (100 if n in heavy else chance.lognormvariate(0, 1)) for n in range(count)]
    return sorted(found, reverse=True) if order == "dearest first" else found


def timed(milliseconds: Iterable[float]) -> list[str]:
    """Return the names of items that take so long."""
    return [f"item_{number:07}-{each:.3f}" for number, each in enumerate(milliseconds)]


def zeolites(folder: str, copies: int) -> str:
    """Put the example's functions beside the job, and list its structures, each so many times; return the list."""
    from jupyter_featx.template import extract

    text = extract(EXAMPLES / "zeolites.ipynb", folder=EXAMPLES).text
    Path(folder, "zeolites.py").write_text(text.partition("\nif __name__ ==")[0])
    Path(folder, "cif_fast.py").write_text((EXAMPLES / "cif_fast.py").read_text())
    return listed(folder, structures(Path(folder, "items"), copies))


def structures(folder: Path, copies: int) -> list[str]:
    """Return the paths of links to the example's structures, each so many times."""
    for number in range(copies):
        (folder / str(number)).mkdir(parents=True)
        for item in sorted((EXAMPLES / "zeolites/items").iterdir()):
            (folder / str(number) / item.name).symlink_to(item)
    return sorted(map(str, folder.glob("*/*")))
