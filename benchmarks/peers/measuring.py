"""Runs one tool's process with all that it starts, and says what it cost: seconds, processor time, memory, files.

Everything that descends from the tool is found, also what detached itself: orphans become children of the harness.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.fresh import ROOT
from benchmarks.peers.job import Job

PR_SET_CHILD_SUBREAPER = 36
SAMPLE_SECONDS = 0.2
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)


@dataclass(frozen=True)
class Cost:
    """What one run took. `wall` counts from the start of the tool's process to its mark `done`, else to its end."""

    finished: bool  # it marked `done` before its deadline
    wall: float
    exit_code: int | None  # None: it was killed at the deadline
    cpu_seconds: float
    driver_mb: float  # the most that the tool's first process held at once (shared pages by share)
    workers_mb: float  # the most of all others together
    together_mb: float  # the most of all at one moment
    files: int  # that were there in the end, without the items
    startup: float | None  # seconds to the mark `ready`
    first: float | None  # seconds to the mark `first`
    steady: float | None  # seconds from `ready` to `done`
    said: str  # the end of what it printed, when it did not finish

    def figures(self) -> dict[str, Any]:
        return asdict(self)


def environment(job: Job) -> dict[str, str]:
    """Return the environment of a tool: one thread, a home and a temporary folder of its own, our modules."""
    own = Path(job.folder)
    for name in ("home", "tmp"):
        (own / name).mkdir(parents=True, exist_ok=True)
    paths = [str(own), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **inherited,  # with it every start would compile what it imports, which no user's does
        **ONE_THREAD,
        "HOME": str(own / "home"),
        "TMPDIR": str(own / "tmp"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PYTHONPATH": os.pathsep.join(paths),
        "PEERS_IMPORT_SECONDS": str(job.import_seconds),
        "PYTHONUNBUFFERED": "1",
    }


def run(tool: str, job: Job, deadline: float, meanwhile: Callable[[psutil.Process], None] | None = None) -> Cost:
    """Run a tool over a job and leave nothing of it behind; `meanwhile` is called at once, in a thread of its own."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.time()
    process = start(tool, job)
    sampler = Sampler(process)
    sampler.start()
    if meanwhile:
        threading.Thread(target=meanwhile, args=[process], daemon=True).start()
    try:
        code: int | None = process.wait(timeout=deadline)
    except psutil.TimeoutExpired:
        code = None
    ended = time.time()
    sampler.stop()
    end_all()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    marks = job.marks()
    done = marks.get("done")
    since = {name: round(marks[name] - begun, 4) for name in marks}
    finished = done is not None and code == 0
    return Cost(
        finished=finished,
        wall=round((done or ended) - begun, 4),
        exit_code=code,
        cpu_seconds=round(_cpu(after) - _cpu(before), 3),
        driver_mb=sampler.driver,
        workers_mb=sampler.workers,
        together_mb=sampler.together,
        files=files(job),
        startup=since.get("ready"),
        first=since.get("first"),
        steady=round(done - marks["ready"], 4) if done and "ready" in marks else None,
        said="" if finished else _tail(Path(job.folder, "said.txt")),
    )


def start(tool: str, job: Job) -> psutil.Popen:
    """Start a tool's process on a job."""
    adopt()
    path = Path(job.folder, "job.json")
    job.write(path)
    command = [sys.executable, "-m", f"benchmarks.peers.tools.{tool}", str(path)]
    with open(f"{job.folder}/said.txt", "wb") as said:
        return psutil.Popen(
            command,
            cwd=job.folder,
            env=environment(job),
            stdout=said,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )


def files(job: Job) -> int:
    """Count what the tool left on disk."""
    ours = {"items.txt", "job.json", "said.txt", "marks.jsonl", "zeolites.py", "cif_fast.py"}
    found = (Path(folder, name) for folder, _, names in os.walk(job.folder) for name in names)
    return sum(
        path.name not in ours and "__pycache__" not in path.parts and "items" not in path.parts for path in found
    )


def adopt(yes: bool = True) -> None:
    """Become the parent of every orphan below this process, or be it no more."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, int(yes), 0, 0, 0)


def end_all() -> None:
    """Kill and bury every process below this one; their times then count as ours."""
    for _ in range(50):
        below = psutil.Process().children(recursive=True)
        for process in below:
            try:
                os.kill(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        _bury()
        if not below:
            return
        time.sleep(0.02)


def _bury() -> None:
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return


def _cpu(usage: resource.struct_rusage) -> float:
    return usage.ru_utime + usage.ru_stime


def _tail(path: Path, size: int = 2000) -> str:
    return path.read_bytes()[-size:].decode("utf-8", "replace") if path.exists() else ""


class Sampler(threading.Thread):
    """Looks again and again how much memory the processes hold."""

    def __init__(self, driver: psutil.Process) -> None:
        super().__init__(daemon=True)
        self._driver, self._over = driver, threading.Event()
        self.driver = self.workers = self.together = 0.0

    def run(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            held = {process.pid: held_mb(process.pid) for process in psutil.Process().children(recursive=True)}
            driver = held.pop(self._driver.pid, 0.0)
            workers = sum(held.values())
            self.driver = max(self.driver, round(driver, 1))
            self.workers = max(self.workers, round(workers, 1))
            self.together = max(self.together, round(driver + workers, 1))

    def stop(self) -> None:
        self._over.set()
        self.join()


def held_mb(pid: int) -> float:
    """Return the memory of a process; a page that n processes share counts as an nth."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024
    except (OSError, StopIteration):
        return 0.0
