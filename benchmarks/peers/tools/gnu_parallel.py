"""GNU parallel: a command for each handful of items, a log of what ended how, and --resume-failed."""

from __future__ import annotations

import shlex
import subprocess
import sys

from benchmarks.peers.chunking import chunk
from benchmarks.peers.durable import Writer, tables
from benchmarks.peers.job import Job
from benchmarks.peers.tools import Tool

ABOUT = Tool(
    title="GNU parallel",
    distribution="command:parallel",
    survives=True,
    configuration="`--pipe -N CHUNK --joblog`; chunks of 2 s (at most 5,000 items), each a Python that writes its rows",
    startup=1.0,
)


def main(job: Job) -> None:
    lines = job.lines()
    seconds = 2.0 + 10 * job.import_seconds  # each chunk imports the user's module again
    size = chunk(job, seconds, most=5000, pieces=1 if job.import_seconds else 4)
    worker = [sys.executable, "-m", "benchmarks.peers.tools.gnu_parallel", "chunk", f"{job.folder}/job.json"]
    command = ["parallel", "--will-cite", "-j", str(job.workers), "--pipe", "-N", str(size)]
    command += ["--joblog", f"{job.folder}/joblog", shlex.join(worker)]
    job.mark("ready")
    numbered = "".join(f"{number}\t{line}\n" for number, line in enumerate(lines))
    subprocess.run(command, input=numbered, text=True, check=False)
    tables(job)


def run_chunk(job: Job) -> None:
    """Run the items that come in; a file of its own for each process."""
    from benchmarks.peers.workloads import attempt

    with Writer(job) as write:
        for line in sys.stdin:
            number, _, item = line.rstrip("\n").partition("\t")
            write(int(number), attempt(job.workload, item))


if __name__ == "__main__":
    run_chunk(Job.read(sys.argv[2])) if sys.argv[1] == "chunk" else main(Job.read(sys.argv[1]))
