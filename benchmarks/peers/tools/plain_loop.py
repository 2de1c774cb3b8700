"""One process and a for loop: what the others are measured against."""

from __future__ import annotations

import sys

from benchmarks.peers.durable import Writer, tables
from benchmarks.peers.job import Job
from benchmarks.peers.tools import Tool
from benchmarks.peers.workloads import attempt

ABOUT = Tool(
    title="plain loop",
    distribution="python",
    survives=False,
    configuration="one process; no peer, but the measure of the ideal",
    startup=0.3,
    reference=True,
)


def main(job: Job) -> None:
    job.mark("ready")
    with Writer(job) as write:
        for number, line in enumerate(job.lines()):
            write(number, attempt(job.workload, line))
    tables(job, write.rows)


if __name__ == "__main__":
    main(Job.read(sys.argv[1]))
