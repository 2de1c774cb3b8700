"""What the scheduler gave to this rank: how many workers may run here, and what the node is called.

Slurm says for each node of a job how many CPUs it gave ("4(x2),2"), in the order of the job's list of nodes. Our node's
place in that list is known by its name: srun sets SLURMD_NODENAME for every process, and mpirun starts its own on
other nodes by srun. Where the name does not help it is SLURM_NODEID, which counts the nodes of the step. What the
kernel then allows, by CPU affinity and by the quota of the control group, is the most. Ranks on one node share it.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")
_LOCAL = (  # (rank on this node, how many there are): Open MPI's, MPICH's, PRRTE's
    ("OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"),
    ("MPI_LOCALRANKID", "MPI_LOCALNRANKS"),
)


@dataclass(frozen=True)
class Allocation:
    """`workers` is None outside of a scheduler's allocation; `note` is what the user should know of it."""

    node: str
    workers: int | None
    note: str = ""


def allocation(threads: int, environment: Mapping[str, str] = os.environ) -> Allocation:
    """Return what this rank may use, with so many threads in each worker."""
    node = node_name(environment)
    given = _given(environment)
    if given is None:
        return Allocation(node, None)
    usable = usable_cpus()
    rank, ranks = _local(environment)
    share = given // ranks + (rank < given % ranks)
    cpus = min(share, usable)
    note = ""
    if cpus < share:
        note = (
            f"Node {node} gives {share} CPUs to the job, but only {cpus} may be used there: the launcher or the site "
            "binds the processes (try srun --cpu-bind=none)."
        )
    return Allocation(node, max(1, cpus // threads), note)


def node_name(environment: Mapping[str, str] = os.environ) -> str:
    """Return the node's name, the scheduler's where there is one."""
    return environment.get("SLURMD_NODENAME") or socket.gethostname().partition(".")[0]


def nodes(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the names of the run's nodes, in order; none outside of Slurm."""
    return expand(environment.get("SLURM_JOB_NODELIST", ""))


def _given(environment: Mapping[str, str]) -> int | None:
    """Return how many CPUs of this node Slurm gave to the job."""
    counts = counted(environment.get("SLURM_JOB_CPUS_PER_NODE", ""))
    if not counts or "SLURM_JOB_ID" not in environment:
        return None
    names = nodes(environment)
    own = node_name(environment)
    if own in names:
        place = names.index(own)
    else:
        place = _whole(environment, "SLURM_NODEID", 0)
    return counts[place] if place < len(counts) else counts[-1]


def _local(environment: Mapping[str, str]) -> tuple[int, int]:
    """Return (which rank of this node we are, how many there are)."""
    for rank, size in _LOCAL:
        if size in environment:
            return _whole(environment, rank, 0), max(1, _whole(environment, size, 1))
    tasks = counted(environment.get("SLURM_STEP_TASKS_PER_NODE", ""))
    place = _whole(environment, "SLURM_NODEID", 0)
    return _whole(environment, "SLURM_LOCALID", 0), tasks[place] if place < len(tasks) else 1


def _whole(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, "")
    return int(text) if text.isdigit() else default


def counted(text: str) -> list[int]:
    """Return the numbers of Slurm's short form: "4(x2),2" is [4, 4, 2]; nothing where it is of another form."""
    found: list[int] = []
    for entry in text.split(","):
        match = re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", entry.strip())
        if not match:
            return []
        found += [int(match[1])] * int(match[2] or 1)
    return found


def expand(text: str) -> list[str]:
    """Return the names of Slurm's short form: "n[1-2,07-08],m" is n1, n2, n07, n08, m."""
    found: list[str] = []
    for entry in re.findall(r"(?:[^,\[\]]|\[[^\]]*\])+", text):
        names = [""]
        for plain, ranges in re.findall(r"([^\[\]]+)|\[([^\]]*)\]", entry):
            more = [plain] if plain else [name for part in ranges.split(",") for name in _range(part)]
            names = [name + each for name in names for each in more]
        found += names
    return found


def _range(part: str) -> list[str]:
    first, _, last = part.partition("-")
    if not (first.isdigit() and last.isdigit()):
        return [part]
    return [str(number).zfill(len(first)) for number in range(int(first), int(last) + 1)]


def usable_cpus() -> int:
    """Return how many CPUs the kernel lets this process use: by its affinity and the quota of its control group."""
    return max(1, min(len(os.sched_getaffinity(0)), _quota(_OWN, _ROOT)))


def _quota(own: Path, root: Path) -> int:
    """Return the smallest quota of the group and those above it, in whole CPUs; a large number without one."""
    least = float(1 << 20)
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return int(least)
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0":  # version 2
            place = root
        elif "cpu" in controllers.split(","):
            place = next((root / name for name in (controllers, "cpu") if (root / name).is_dir()), root)
        else:
            continue
        folder = place / path.strip("/")
        for group in (folder, *(above for above in folder.parents if above.is_relative_to(place))):
            least = min(least, _limit(group))
    return int(least + 0.5)


def _limit(group: Path) -> float:
    """Return the CPUs that one group may use: cpu.max, or in version 1 a quota per period."""
    try:
        if (group / "cpu.max").exists():
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota = (group / "cpu.cfs_quota_us").read_text()
            period = (group / "cpu.cfs_period_us").read_text()
        return int(quota) / int(period) if int(quota) > 0 else float("inf")
    except (OSError, ValueError, ZeroDivisionError):
        return float("inf")  # "max", or nothing that we may read
