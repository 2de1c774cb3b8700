"""The faults of a run: drawn from a seed beforehand, so that the same seed means the same faults at the same seconds.

A fault's victim is the fraction `pick` into those that live when its time comes: which process that is depends on the
machine, and stands in the log.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

# How often each kind comes, relative to the others; those of Slurm only where there is a cluster.
LOCAL = {
    "kill-worker": 6,
    "kill-rank": 3,
    "kill-nursery": 3,
    "kill-launcher": 2,
    "kill-kernel": 2,
    "kill-server": 2,
    "freeze-worker": 3,
    "freeze-rank": 3,
    "freeze-nursery": 2,
    "freeze-kernel": 1,
    "freeze-server": 1,
    "tear-shard": 3,
    "tear-events": 2,
    "fill-disk": 3,
    "move-clock": 3,
    "cancel": 1,
}
SLURM = {"kill-slurmd": 2, "kill-node": 2, "kill-slurmctld": 2, "kill-slurmdbd": 2, "freeze-slurmd": 1, "scancel": 1}
PAUSE_SECONDS = 6.0  # between two faults, on the average
LASTS = {  # seconds until it is undone: from, to
    "freeze-worker": (1, 15),
    "freeze-rank": (1, 75),  # a minute of silence is noticed
    "freeze-nursery": (1, 20),
    "freeze-kernel": (1, 10),
    "freeze-server": (1, 10),
    "freeze-slurmd": (2, 20),
    "fill-disk": (3, 20),
    "move-clock": (5, 40),
    "kill-slurmd": (1, 25),
    "kill-node": (1, 25),
    "kill-slurmctld": (1, 15),
    "kill-slurmdbd": (1, 30),
}
CLOCK_SECONDS = (-86400, -3600, -90, -5, 5, 90, 3600, 86400)


@dataclass(frozen=True)
class Fault:
    """One fault: when, what, to whom, for how long, and by how much."""

    number: int
    at: float  # seconds since the run began
    kind: str
    pick: float  # which of the possible victims, as a fraction
    seconds: float = 0.0  # until it is undone
    amount: float = 0.0  # of a clock, in seconds; of a torn line, as a fraction


def kinds(slurm: bool) -> Mapping[str, int]:
    """Return the kinds and their weights."""
    return {**LOCAL, **SLURM} if slurm else LOCAL


def plan(seed: int, seconds: float, *, slurm: bool, pause: float = PAUSE_SECONDS) -> list[Fault]:
    """Return the faults of a run of so many seconds, in their order: first each kind once, then by chance."""
    draw = random.Random(f"faults-{seed}")
    weights = kinds(slurm)
    waiting = draw.sample(sorted(weights), len(weights))
    faults: list[Fault] = []
    at = 0.0
    while (at := at + draw.uniform(0.3, 1.7) * pause) < seconds:
        chance = draw.choices(sorted(weights), [weights[kind] for kind in sorted(weights)])[0]
        kind = waiting.pop() if waiting else chance
        lasts = round(draw.uniform(*LASTS.get(kind, (0, 0))), 1)
        amount = draw.choice(CLOCK_SECONDS) if kind == "move-clock" else round(draw.uniform(0.05, 0.95), 3)
        faults.append(Fault(len(faults), round(at, 1), kind, round(draw.random(), 4), lasts, amount))
    return faults
