"""Measures whether a Jupyter server stays what it was: 200 jobs in a row and 20 at once, with all that a browser asks.

    python -m benchmarks.soak [JOBS [AT_ONCE]]     (or: make soak; about twenty minutes)

One real server of its own process. Each job is submitted through it, waited for, and read: page, log, failures, table.
What must stay flat is looked at after 20, 100 and 200 jobs and at the end, when nothing runs: the server's own memory,
its descriptors, threads and child processes, and how late its event loop came back meanwhile.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.bench_server import TOKEN, Server, _at, _listeners, serving
from benchmarks.figures import Figure, show

SOURCE = """
def _process_input(path):
    number = int(open(path).read())
    if number == 3:
        raise ValueError("three")
    return {"number": number, "square": number ** 2}
"""
ITEMS = 8
PATIENCE_SECONDS = 300.0
_LOOKED_INTO = 4  # of so many jobs one has its failures looked at: each time that is a process of its own
_SETTLING_SECONDS = 30.0
MEMORY_MB = 5.0  # the goal: at most this more for each 100 jobs; the list itself keeps some kB of each


@dataclass(frozen=True)
class Look:
    """What the server holds when nothing runs."""

    jobs: int
    memory_mb: float
    descriptors: int
    threads: int
    children: int
    late_ms: float  # 99 % of the loop's delays since the look before were under this

    def line(self) -> str:
        """Return it for a person."""
        return (
            f"after {self.jobs:4} jobs: {self.memory_mb:6.1f} MB, {self.descriptors} descriptors, "
            f"{self.threads} threads, {self.children} children, loop late by {self.late_ms:.1f} ms"
        )


class Soak:
    """Gives one server jobs, and looks at it."""

    def __init__(self, server: Server, folder: Path) -> None:
        self._server, self._process = server, psutil.Process(server.process.pid)
        self._data = folder / "numbers"
        self._data.mkdir()
        for number in range(1, ITEMS + 1):
            (self._data / f"n{number}.txt").write_text(str(number))
        self._since = time.time()
        self.done = 0

    def in_a_row(self, count: int) -> None:
        """Run jobs one after the other."""
        for _ in range(count):
            self._one()

    def at_once(self, count: int) -> None:
        """Run jobs at the same time, each asked for by a thread of its own."""
        with ThreadPoolExecutor(count) as pool:
            for outcome in [pool.submit(self._one) for _ in range(count)]:
                outcome.result()

    def look(self) -> Look:
        """Wait until nothing runs, and say what the server holds."""
        deadline = time.monotonic() + _SETTLING_SECONDS
        while self._process.children() and time.monotonic() < deadline:
            time.sleep(0.2)
        time.sleep(1.0)  # a closed connection is closed on the other side, too
        late, self._since = self._server.late(self._since), time.time()
        with self._process.oneshot():
            return Look(
                self.done,
                self._process.memory_full_info().uss / 2**20,
                self._process.num_fds(),
                self._process.num_threads(),
                len(self._process.children(recursive=True)),
                _at(late, 0.99) * 1000 if late else 0.0,
            )

    def _one(self) -> None:
        """Submit a job, wait for it, and read what a page of it reads."""
        options = {"preflight": False, "cores": 1, "name": "soak"}
        asked = {"source": SOURCE, "data": str(self._data), "options": options}
        job_id = self._ask("jobs", asked)["job"]["job_id"]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (job := self._ask(f"jobs/{job_id}"))["state"] not in ("completed", "failed", "cancelled"):
            if time.monotonic() > deadline:
                raise RuntimeError(f"job {job_id} does not end: {job}")
            time.sleep(0.1)
        if (job["state"], job["done"], job["failed"]) != ("completed", ITEMS - 1, 1):
            raise RuntimeError(f"job {job_id} did not end well: {job}")
        for part in ("log", "chart", "usage", "script", "result?sort=-square", "distribution?column=square"):
            self._ask(f"jobs/{job_id}/{part}")
        if self.done % _LOOKED_INTO == 0:
            self._ask(f"jobs/{job_id}/errors")
        self._ask("jobs?limit=200")
        self.done += 1

    def _ask(self, path: str, body: Any = None) -> Any:
        """Return an answer, once the table is made where it must be."""
        address = f"http://127.0.0.1:{self._server.port}/featx/api/v1/{path}"
        text = None if body is None else json.dumps(body).encode()
        while True:
            request = urllib.request.Request(address, text, headers={"Authorization": f"token {TOKEN}"})
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                found = json.loads(answer.read())
            if not (isinstance(found, dict) and found.get("merging")):
                return found
            time.sleep(0.1)


def figures(jobs: int = 200, at_once: int = 20) -> Iterator[Figure]:
    """Yield what was seen, and how much more the server held at the end than after a tenth of the jobs."""
    looks = [(jobs // 10, 0), (jobs // 2 - jobs // 10, 0), (jobs - jobs // 2, 0), (0, at_once)]
    with tempfile.TemporaryDirectory(prefix="featx-soak-") as folder, soaking(Path(folder)) as soak:
        seen = []
        for in_a_row, together in looks:
            soak.in_a_row(in_a_row)
            soak.at_once(together) if together else None
            seen.append(soak.look())
            print(seen[-1].line(), flush=True)
    yield from compared(seen[0], seen[-2], "in a row")
    yield from compared(seen[0], seen[-1], "and at once")


def compared(first: Look, last: Look, name: str) -> Iterator[Figure]:
    """Yield by how much a later look shows more than an earlier one."""
    per = 100 / (last.jobs - first.jobs)
    more = (last.memory_mb - first.memory_mb) * per
    yield Figure.of(f"{last.jobs} jobs {name}: memory more for each 100", more, "MB", MEMORY_MB)
    yield Figure.of("  descriptors more", last.descriptors - first.descriptors, "", 2)
    yield Figure.of("  threads more", last.threads - first.threads, "", 2)
    yield Figure.of("  child processes left", last.children, "", 0)
    yield Figure.of("  99 % of the loop's delays are under", last.late_ms, "ms")


@contextmanager
def soaking(folder: Path) -> Iterator[Soak]:
    """Start a server with two that listen to its events, as browsers do."""
    done = threading.Event()
    with serving(folder, folder / "home") as server:
        threads = _listeners(server, done)
        for thread in threads:
            thread.start()
        try:
            yield Soak(server, folder)
        finally:
            done.set()
            for thread in threads:
                thread.join()


def main() -> None:
    """Print the table."""
    show(figures(*map(int, sys.argv[1:])))


if __name__ == "__main__":
    main()
