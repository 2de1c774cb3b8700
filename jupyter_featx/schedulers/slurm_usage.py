"""What runs cost, from Slurm's accounting: core-hours, peak memory, how much of the cores was used."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from jupyter_featx.schedulers.slurm_records import NATIVE_ID, parse_whole

# Without units: Slurm would round.
USAGE = ("sacct", "-P", "-n", "--noconvert", "-o", "JobID,State,ElapsedRaw,AllocCPUS,NNodes,TotalCPU,MaxRSS")

_BYTES = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4, "P": 1024**5}


@dataclass(frozen=True)
class Usage:
    """What one run cost so far; None is what the accounting does not know (yet)."""

    native_id: str
    state: str
    cores: int
    nodes: int
    elapsed_seconds: float
    core_hours: float
    peak_memory_mb: float | None = None  # of the ranks of one node, the most
    cpu_seconds: float | None = None
    cpu_efficiency: float | None = None  # of 1


@dataclass(frozen=True)
class _Line:
    native_id: str
    step: str
    state: str
    elapsed: int
    cores: int
    nodes: int
    cpu_seconds: float | None
    peak_bytes: float | None


def parse_usage(text: str) -> list[Usage]:
    """Return the usage of each run in the output of USAGE, its steps merged."""
    lines = [line for line in map(_line, text.splitlines()) if line]
    ids = dict.fromkeys(line.native_id for line in lines if not line.step)
    return [_usage(native_id, [line for line in lines if line.native_id == native_id]) for native_id in ids]


def parse_cpu_time(text: str) -> float | None:
    """Return the seconds of "[days-[hours:]]minutes:seconds[.milliseconds]"; None for anything else."""
    match = re.fullmatch(
        r"(?:(?:([0-9]{1,6})-)?([0-9]{1,9}):)?([0-9]{1,9}):([0-9]{1,9}(?:\.[0-9]{1,9})?)", text.strip()
    )
    if not match:
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + seconds


def parse_bytes(text: str) -> float | None:
    """Return the bytes of "4800512" or "4688K"; None for anything else."""
    match = re.fullmatch(r"([0-9]{1,18}(?:\.[0-9]{1,6})?)([KMGTP]?)", text.strip())
    return float(match[1]) * _BYTES[match[2]] if match else None


def _line(text: str) -> _Line | None:
    fields = [field.strip() for field in text.split("|")]
    native_id, _, step = fields[0].partition(".")
    if len(fields) < 7 or not NATIVE_ID.fullmatch(native_id):
        return None
    return _Line(
        native_id,
        step,
        fields[1].split()[0] if fields[1] else "",
        parse_whole(fields[2]) or 0,
        parse_whole(fields[3]) or 0,
        parse_whole(fields[4]) or 0,
        parse_cpu_time(fields[5]),
        parse_bytes(fields[6]),
    )


def _usage(native_id: str, lines: list[_Line]) -> Usage:
    whole = [line for line in lines if not line.step][-1]  # of a run that was put back, the latest
    steps = [line for line in lines if line.step]
    cpu = whole.cpu_seconds or _total(line.cpu_seconds for line in steps)
    peak = max((line.peak_bytes for line in lines if line.peak_bytes), default=None)
    given = whole.elapsed * whole.cores
    return Usage(
        native_id,
        whole.state,
        whole.cores,
        whole.nodes,
        float(whole.elapsed),
        given / 3600,
        peak / 1024**2 if peak else None,
        cpu,
        cpu / given if cpu and given else None,
    )


def _total(values: Iterable[float | None]) -> float | None:
    return sum(value for value in values if value) or None
