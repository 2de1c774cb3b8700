"""Measures how many requests for items rank 0 can answer in a second.

    python -m benchmarks.bench_coordinator [REQUESTS [NODES]]

The real `Leader` and `Coordinator` of a real job folder, with 500 nodes of 64 workers that are only simulated: they ask
for items and report their counts in the very messages that travel by MPI, as JSON both ways. Simulated is the time: the
nodes ask as fast as they are answered. In earnest they ask when their items run out: 32,000 workers with items of a
minute are 530 requests a second. Not in it is MPI's own part, some microseconds a message.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from benchmarks.figures import Figure, show
from jupyter_featx import jobdir
from jupyter_featx.items import write_items
from jupyter_featx.jobdir import JobDir
from jupyter_featx.spec import JobSpec, ResourceSpec
from jupyter_featx.worker.coordinator import Report
from jupyter_featx.worker.durations import bucket
from jupyter_featx.worker.herald import Herald
from jupyter_featx.worker.leader import Charge, Leader
from jupyter_featx.worker.world import Message

REQUESTS, NODES, WORKERS = 200_000, 500, 64
MEAN_SECONDS = 60.0
ASKS = 40  # of a node between two reports: 20,000 a second are so many for each of 500 nodes
GOAL_US = 50.0  # for 20,000 a second


class Nodes:
    """The other ranks: whatever rank 0 sends them is written as it is for MPI, and read by them."""

    rank = 0

    def __init__(self, size: int) -> None:
        self.size = size
        self._letters: deque[tuple[int, bytes]] = deque()
        self.sent: list[tuple[int, bytes]] = []

    def send(self, destination: int, message: Message) -> None:
        self.sent.append((destination, json.dumps(message, separators=(",", ":")).encode()))

    def receive(self) -> list[tuple[int, Message]]:
        letters = [(rank, json.loads(data)) for rank, data in self._letters]
        self._letters.clear()
        return letters

    def arrive(self, rank: int, data: bytes) -> None:
        self._letters.append((rank, data))

    def flush(self, seconds: float) -> None: ...
    def abort(self) -> None: ...


def make(folder: str, items: int) -> JobDir:
    """Make a job folder with so many items."""

    def fill(job: JobDir, job_id: str) -> None:
        write_items((b"/data/%d" % n for n in range(items)), job.items, job.index)
        names = dict.fromkeys(("scheduler", "python", "workdir", "data", "template_digest", "input_digest"), "")
        spec = JobSpec(job_id, "load", time.time(), total=items, resources=ResourceSpec(NODES * WORKERS), **names)
        jobdir.write_aside(job.spec_file, spec.to_json())

    return jobdir.create("load", fill, Path(folder))


def asking(requests: int, nodes: int) -> Iterator[list[tuple[int, bytes]]]:
    """Yield what reaches rank 0 between two of its looks: each node asks in turn, and reports now and then."""
    done = [0] * nodes
    for first in range(0, requests, 50):
        letters = []
        for number in range(first, min(requests, first + 50)):
            rank = number % nodes
            letters.append((rank, json.dumps({"ask": 1 + number % 3, "mean": MEAN_SECONDS}).encode()))
            if (number // nodes) % ASKS == rank % ASKS:
                done[rank] += 2 * ASKS
                counts = [(bucket(MEAN_SECONDS) + step, done[rank] // 20 + 1) for step in range(-10, 10)]
                report = Report(done[rank], 0, WORKERS, 8, done[rank] * MEAN_SECONDS, durations=counts)
                letters.append((rank, json.dumps({"report": asdict(report), "final": False}).encode()))
        yield letters


def figures(requests: int = REQUESTS, nodes: int = NODES) -> Iterator[Figure]:
    """Yield the time that rank 0 takes for a request, everything included, and the requests in a second."""
    with tempfile.TemporaryDirectory(prefix="featx-bench-") as folder:
        items = max(10 * requests, 20 * nodes * WORKERS)  # enough for every request
        job = make(folder, items)
        world = Nodes(nodes)
        os.environ["FEATX_NATIVE_ID"] = "load"
        begun = time.process_time()
        charge = Charge([WORKERS] * nodes, [f"n{number}" for number in range(nodes)])
        leader = Leader(job, job.spec(), world, Herald(job), charge)
        leader.begin()
        started = time.process_time() - begun
        spent, answered = _answer(leader, world, requests, nodes)
    each = spent / requests * 1e6
    rate = f"{requests / spent:,.0f} a second"
    yield Figure.of(f"a request, from {nodes} nodes with {WORKERS} workers: {rate}", each, "µs", GOAL_US)
    yield Figure.of("  answered with items, of all requests", answered / requests, "x")
    yield Figure.of(f"  before the first of {items:,} items", started * 1000, "ms")


def _answer(leader: Leader, world: Nodes, requests: int, nodes: int) -> tuple[float, int]:
    """Let rank 0 work through all the requests; return its seconds, and how many got items."""
    spent, answered = 0.0, 0
    for letters in asking(requests, nodes):
        for rank, data in letters:
            world.arrive(rank, data)
        begun = time.process_time()
        for rank, message in world.receive():
            leader.hear(rank, message)
        leader.tick([])
        spent += time.process_time() - begun
        answered += sum(b'"lease":[' in data for _, data in world.sent)
        world.sent.clear()
    return spent, answered


def main() -> None:
    """Print the table."""
    show(figures(*map(int, sys.argv[1:])))


if __name__ == "__main__":
    main()
