"""The jobs of a run: drawn from the seed, of many shapes, none of more than about a minute of work."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from chaos.oracle import GUILTY, ODD, item_name

CORE_SECONDS = 60.0  # of work in one job
SIZES = (1, 2, 7, 40, 150, 600, 2000)
LARGE = 20_000
ITEM_TIMEOUT = 8.0  # well above what a starved machine makes of a short item


@dataclass(frozen=True)
class Shape:
    """One job: its items by name, where it runs, the options of its submit, and what is special about it."""

    number: int
    work: str  # noop, sleep, tail, poison, walltime, wide
    scheduler: str
    items: tuple[str, ...] = field(repr=False)
    options: dict[str, Any]
    small_disk: bool = False
    moved_clock: bool = False

    @property
    def name(self) -> str:
        return f"c{self.number:04d}"


def shapes(seed: int, *, slurm: bool) -> Iterator[Shape]:
    """Yield jobs without end."""
    draw = random.Random(f"shapes-{seed}")
    number = 0
    while True:
        scheduler = draw.choice(("slurm", "slurm", "slurm", "local", "local")) if slurm else "local"
        work = draw.choice(("noop", "sleep", "sleep", "tail", "poison", "poison", "walltime", "wide"))
        options = _options(draw, scheduler, work)
        items = tuple(_items(draw, work))
        place = draw.random()
        yield Shape(number, work, scheduler, items, options, work == "wide" or place < 0.1, 0.1 <= place < 0.3)
        number += 1


def _items(draw: random.Random, work: str) -> list[str]:
    count = draw.choice(SIZES)
    if work == "noop":
        count = draw.choice((1, 600, 5000, LARGE))
    elif work == "walltime":
        count = 240
    elif work == "poison":
        count = draw.choice((20, 60, 200))
    elif work == "wide":
        count = draw.choice((40, 120))
    acts = ["wide" if work == "wide" else "ok"] * count
    if work == "poison":
        for place in draw.sample(range(count), max(2, count // 12)):
            acts[place] = draw.choice((*GUILTY, *ODD))
    mean = {"noop": 0.0, "walltime": 400.0}.get(work, min(300.0, 1000 * CORE_SECONDS / count) * draw.uniform(0.2, 1))
    names = [item_name(number, act, _milliseconds(draw, work, mean)) for number, act in enumerate(acts)]
    draw.shuffle(names)
    return names


def _milliseconds(draw: random.Random, work: str, mean: float) -> int:
    if work == "tail":
        return int(min(4000.0, mean * draw.lognormvariate(-1, 1.2)))
    return int(mean * draw.uniform(0.5, 1.5)) if work != "noop" else 0


def _options(draw: random.Random, scheduler: str, work: str) -> dict[str, Any]:
    options: dict[str, Any] = {"item_timeout": ITEM_TIMEOUT, "preflight": draw.random() < 0.1}
    if work == "poison":
        options |= {"item_memory": "200M", "preflight": False}
    if scheduler == "slurm":
        options["cores"] = draw.choice((1, 2, 4, "2x1", "2x2", "4x1", "2x4"))
        if draw.random() < 0.2:
            options |= {"jobs": draw.choice((2, 3)), "cores": draw.choice((1, 2))}
    else:
        options["cores"] = draw.choice((1, 2, 4, "2x1", "2x2", "3x1"))
    if work == "walltime":
        options["cores"] = 1 if scheduler == "local" else draw.choice((1, "2x1"))
        options["walltime"] = "1m" if scheduler == "slurm" else "20s"
        options.pop("jobs", None)
    return options
