"""The processes of the jobs, found in /proc by what they are: worker, nursery, rank, launcher."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

RANK, NURSERY = "jupyter_featx.worker", "jupyter_featx.worker.nursery"
LAUNCHERS = ("mpiexec", "mpirun", "orterun", "srun", "bash")
_JOB = re.compile(r"/jobs/([a-z0-9][a-z0-9_-]*)")


def pid_of_living(child: subprocess.Popen[bytes] | None) -> int:
    """Return the number of a process of ours; 0 while there is none."""
    return child.pid if child is not None and child.poll() is None else 0


@dataclass(frozen=True, order=True)
class Process:
    """A process of a job, told from a later one of its number by when it started."""

    job_id: str
    role: str
    pid: int
    start: str
    parent: int

    def lives(self) -> bool:
        return _started(self.pid) == self.start

    def signal(self, number: int) -> bool:
        """Send a signal; False when it is gone."""
        with suppress(ProcessLookupError):
            if self.lives():
                os.kill(self.pid, number)
                return True
        return False


def processes_of(home: Path, role: str = "") -> list[Process]:
    """Return the living processes of the jobs under this FEATX_HOME, of one role or of all, in a fixed order."""
    found = {process.pid: process for process in _all(home)}
    named = []
    for process in found.values():
        above = found.get(process.parent)
        is_worker = process.role == "nursery" and above is not None and above.role == "nursery"
        own = "worker" if is_worker else process.role
        named.append(Process(process.job_id, own, process.pid, process.start, process.parent))
    return sorted(process for process in named if role in ("", process.role))


def all_with(mark: str | Path, *, but: int = 0) -> list[int]:
    """Return every process that has this text in its command line or environment."""
    text, found = os.fsencode(mark), []
    for pid in _pids():
        with suppress(OSError):
            have = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
            if text in have and pid not in (but, os.getpid()) and _started(pid):
                found.append(pid)
    return found


def _all(home: Path) -> Iterator[Process]:
    mark = f"{home}/jobs/"
    for pid in _pids():
        with suppress(OSError, IndexError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
            text = " ".join(words)
            if mark not in text:
                continue
            fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(") ")[2].split()
            role, job = _role(words), _JOB.search(text, text.index(mark) + len(mark) - len("/jobs/"))
            if role and job and fields[0] not in "ZX":
                yield Process(job[1], role, pid, fields[19], int(fields[1]))


def _role(words: list[str]) -> str:
    program = os.path.basename(words[0])
    if program.startswith("python") and NURSERY in words:
        return "nursery"
    if program.startswith("python") and RANK in words:
        return "rank"
    if program in LAUNCHERS:
        return "launcher"
    return ""


def _started(pid: int) -> str:
    with suppress(OSError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(") ")[2].split()
        if fields[0] not in "ZX":
            return fields[19]
    return ""


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]
