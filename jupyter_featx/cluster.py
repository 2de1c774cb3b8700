"""Say where jobs can run: on this machine, and in the partitions of the cluster, with limits and free cores."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_featx.cards.cluster import cluster_html, cluster_text
from jupyter_featx.cards.wording import counted, megabytes, walltime
from jupyter_featx.config import PartitionLimits, load
from jupyter_featx.errors import SchedulerError
from jupyter_featx.schedulers.known import slurm

if TYPE_CHECKING:
    from jupyter_featx.schedulers.slurm_cluster import Partition

NO_SLURM = "Slurm is not configured here."


@dataclass(frozen=True)
class Machine:
    """The machine we are on: the cores that this process may use, and its memory."""

    host: str
    cores: int
    memory_mb: float
    free_memory_mb: float


@dataclass(frozen=True)
class Overview:
    """All of it. `message` says why there are no partitions, and what to do; `allowed` is the site's own limits."""

    machine: Machine
    default: str
    message: str = ""
    partitions: tuple[Partition, ...] = ()
    accounts: tuple[str, ...] = ()
    allowed: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return cluster_text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return cluster_html(self)


def overview() -> Overview:
    """Ask this machine, and Slurm where there is one. Raises ConfigError; a Slurm that does not answer is told."""
    config = load()
    allowed = {name: words for name, limits in config.limits.items() if (words := _in_words(limits))}
    if not config.speaks_of_slurm and shutil.which("sinfo") is None:
        return Overview(machine(), config.scheduler, NO_SLURM, allowed=allowed)
    try:
        found = slurm().cluster()
    except SchedulerError as exc:
        return Overview(machine(), config.scheduler, str(exc), allowed=allowed)
    return Overview(machine(), config.scheduler, "", found.partitions, found.account_names, allowed)


def machine() -> Machine:
    """Describe the machine we are on, or the share of it that a container may use."""
    memory = {}
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, rest = line.partition(":")
        memory[name] = int(rest.split()[0]) / 1024
    total, free = memory["MemTotal"], memory.get("MemAvailable", memory["MemFree"])
    if limit := _cgroup("memory.max"):
        total = min(total, limit[0] / 2**20)
        free = min(free, total - (_cgroup("memory.current") or [0])[0] / 2**20)
    cores = len(os.sched_getaffinity(0))
    if (quota := _cgroup("cpu.max")) and len(quota) == 2:
        cores = max(1, min(cores, quota[0] // quota[1]))
    return Machine(socket.gethostname(), cores, total, max(0.0, free))


def _cgroup(name: str) -> list[int]:
    """Return the numbers of a file of our control group; none where there is no limit, or no such file."""
    try:
        words = Path("/sys/fs/cgroup", name).read_text().split()
    except OSError:
        return []
    return [int(word) for word in words] if all(map(str.isdigit, words)) else []


def _in_words(limits: PartitionLimits) -> str:
    """Say what the configuration allows one run."""
    words = [f"at most {counted(limits.max_cores, 'core')}"] if limits.max_cores is not None else []
    if limits.max_walltime_seconds is not None:
        words.append(f"a walltime of {walltime(limits.max_walltime_seconds)}")
    if limits.max_memory_per_core_mb is not None:
        words.append(f"{megabytes(limits.max_memory_per_core_mb)} for each core")
    return ", ".join(words)
