"""What was asked for: one frozen record, equal to its JSON, written once into the job folder."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from jupyter_featx.errors import SpecError
from jupyter_featx.typed import checked

VERSION = 2  # 2: allocation, container, environment, jobs

_UNITS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_MEMORY_UNITS = {"K": 1 / 1024, "M": 1, "G": 1024, "T": 1024 * 1024}


@dataclass(frozen=True)
class ResourceSpec:
    """What the job may use: `cores` workers over `ranks` nodes, `threads` threads in each worker.

    `ranks` is what was asked for as "4x16"; 1 leaves the number of nodes to the scheduler. `jobs` shares the dataset
    out over so many runs of `cores` each. A run that its walltime ends goes on in a new one, up to `max_attempts`.
    """

    cores: int = 1
    ranks: int = 1
    threads: int = 1
    walltime_seconds: float | None = None
    jobs: int = 1
    max_attempts: int = 100
    memory_per_core_mb: float | None = None

    @property
    def workers_per_rank(self) -> int:
        return max(1, self.cores // self.ranks)


@dataclass(frozen=True)
class AllocationSpec:
    """Where in the cluster the job runs, in the words of its scheduler; an empty value is the scheduler's default."""

    partition: str = ""
    account: str = ""
    qos: str = ""
    constraint: str = ""
    reservation: str = ""
    gres: str = ""
    mail: str = ""  # the address that is told how the run ends
    nice: int | None = None
    exclusive: bool = False
    directives: tuple[str, ...] = ()  # more lines for the scheduler, such as "--comment=pilot"


@dataclass(frozen=True)
class SiteSpec:
    """What the site's configuration adds to the script: kept with the job, so that the same record renders the same."""

    launcher: str = ""  # pmix, pmi2, mpirun or container; "" is what srun lists
    mpirun: tuple[str, ...] = ()  # the words before the rank's own, where the launcher is mpirun
    modules: tuple[str, ...] = ()  # for `module load`
    setup: tuple[str, ...] = ()  # lines of shell, as the administrator wrote them


@dataclass(frozen=True)
class ContainerSpec:
    """The image that the ranks run in, with what is mounted beside the home: "/scratch" or "/scratch:/data:ro"."""

    image: str
    binds: tuple[str, ...] = ()
    runtime: str = "apptainer"
    digest: str = ""  # what told the image from others when the job was submitted
    home: str = ""  # "/home/kim", or "/home/kim:/home/jovyan" where it has another name inside
    drop: tuple[str, ...] = ()  # more variables that must not reach the container


@dataclass(frozen=True)
class LimitSpec:
    """What one item, and all the failures together, may cost."""

    item_timeout_seconds: float | None = None
    item_memory_mb: float | None = None
    max_failures: int | None = None


@dataclass(frozen=True)
class JobSpec:
    """One submission, as the user asked for it."""

    job_id: str
    name: str
    created: float
    scheduler: str
    python: str
    workdir: str
    data: str
    total: int
    template_digest: str
    input_digest: str
    output_digest: str | None = None
    notebook: str | None = None
    resources: ResourceSpec = field(default_factory=ResourceSpec)
    limits: LimitSpec = field(default_factory=LimitSpec)
    allocation: AllocationSpec = field(default_factory=AllocationSpec)
    site: SiteSpec = field(default_factory=SiteSpec)
    container: ContainerSpec | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)  # of the notebook, for the ranks to compare theirs
    environment_policy: str = "warn"  # or strict, or off: what a rank does where its environment differs
    version: int = VERSION

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> JobSpec:
        """Return the record of the text. Raises ValueError, KeyError or TypeError where it is none, and SpecError."""
        record: dict[str, Any] = _read(text)
        if record["version"] > VERSION:
            raise SpecError(
                f"Job '{record['job_id']}' was made by a newer jupyter-featx (spec version {record['version']}). "
                "Type 'pip install --upgrade jupyter-featx'."
            )
        for name, kind in _PARTS.items():
            if record.get(name) is not None:
                record[name] = checked(kind, {key: _frozen(value) for key, value in _table(record[name]).items()})
        spec: JobSpec = checked(cls, record)
        return spec


_PARTS: Mapping[str, Any] = {
    "resources": ResourceSpec,
    "limits": LimitSpec,
    "allocation": AllocationSpec,
    "site": SiteSpec,
    "container": ContainerSpec,
}


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc


def _table(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r:.60} is no table")
    return value


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def parse_duration(value: float | str | None, option: str = "duration") -> float | None:
    """Return seconds for 90, "90s", "10m", "2h", "1:30:00" or Slurm's "1-12:00:00"; None stays None."""
    if value is None:
        return None
    seconds = None if isinstance(value, bool) else _duration_text(str(value).strip().lower())
    if seconds is None or not 0 < seconds < float("inf"):
        raise SpecError(f"{option}={value!r} is no duration. Type seconds, '90s', '10m', '2h' or '1-12:00:00'.")
    return seconds


def _duration_text(text: str) -> float | None:
    if match := re.fullmatch(r"(\d+(?:\.\d*)?(?:e[+-]?\d+)?)\s*([a-z]*)", text):
        unit = _UNITS.get(match[2] or "s")
        return float(match[1]) * unit if unit else None
    if match := re.fullmatch(r"(?:(\d{1,9})-)?(\d{1,9}):(\d\d)(?::(\d\d))?", text):
        days, first, second, third = (int(part) if part else 0 for part in match.groups())
        if match[4] is None and match[1] is None:
            return first * 60 + second  # "minutes:seconds", as sbatch reads it
        return days * 86400 + first * 3600 + second * 60 + third
    return None


def parse_memory(value: str | None, option: str = "memory") -> float | None:
    """Return megabytes (2**20 bytes) for "4G", "512M" or "2.5GB"; None stays None."""
    if value is None:
        return None
    text = str(value).strip().upper()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        raise SpecError(f"{option}={value!r} has no unit. Type '{text}G' or '{text}M'.")
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT])(?:I?B)?", text)
    if not match or float(match[1]) <= 0:
        raise SpecError(f"{option}={value!r} is no amount of memory. Type '4G' or '512M'.")
    return float(match[1]) * _MEMORY_UNITS[match[2]]


def parse_cores(value: int | str) -> tuple[int, int]:
    """Return (cores, ranks) for 8 or "4x2": four ranks of two cores each."""
    match = re.fullmatch(r"(\d{1,9})(?:\s*[x×]\s*(\d{1,9}))?", str(value).strip().lower())
    ranks, each = (int(match[1]), int(match[2] or 0)) if match else (0, 0)
    cores = ranks * each if match and match[2] else ranks
    if cores < 1:
        raise SpecError(f"cores={value!r} is no number of cores. Type '8', or '4x2' for four ranks of two cores.")
    return cores, ranks if match and match[2] else 1


def parse_count(value: int | str | None, option: str) -> int | None:
    """Return a whole number of at least 0; None stays None."""
    if value is None:
        return None
    if not re.fullmatch(r"\d{1,18}", str(value).strip()):
        raise SpecError(f"{option}={value!r} must be a whole number of at least 0.")
    return int(value)
