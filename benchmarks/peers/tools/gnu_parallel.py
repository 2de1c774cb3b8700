"""GNU parallel: a command for each handful of items, a log of what ended how, and --resume-failed."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.peers.chunking import chunk
from benchmarks.peers.durable import Writer, read, tables
from benchmarks.peers.job import Job
from benchmarks.peers.part import keep
from benchmarks.peers.tools import Tool

ABOUT = Tool(
    title="GNU parallel",
    distribution="command:parallel",
    survives=True,
    configuration="`--pipe -N CHUNK --joblog --retries 2`; chunks of 2 s (at most 5,000 items), each a "
    "Python that writes its rows; `--timeout` where a limit is asked",
    startup=1.0,
)
EXIT, SIGNAL = 6, 7  # columns of the log
TIMED_OUT = -1  # the exit code of a command that --timeout ended
SIGNALS = 128  # a shell adds it to the number of the signal that ended a command


def main(job: Job) -> None:
    lines = job.lines()
    seconds = 2.0 + 10 * job.import_seconds  # each chunk imports the user's module again
    size = chunk(job, seconds, most=5000, pieces=1 if job.import_seconds else 4)
    worker = [sys.executable, "-m", "benchmarks.peers.tools.gnu_parallel", "chunk", f"{job.folder}/job.json"]
    command = ["parallel", "--will-cite", "-j", str(job.workers), "--pipe", "-N", str(size), "--retries", "2"]
    command += ["--joblog", f"{job.folder}/joblog", shlex.join(worker)]
    if "timeout" in job.arguments:
        command[1:1] = ["--timeout", str(job.arguments["timeout"])]
    job.mark("ready")
    numbered = "".join(f"{number}\t{line}\n" for number, line in enumerate(lines))
    subprocess.run(command, input=numbered, text=True, check=False)
    if ends := list(failed(Path(job.folder, "joblog"))):
        there = read(job)
        with Writer(job, "failed") as write:
            for index, error in ends:
                numbers = range(index * size, min((index + 1) * size, len(lines)))
                write.many([(number, error) for number in numbers if number not in there])
    tables(job)


def failed(log: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number of each chunk that the log says has failed, and how it ended."""
    for line in log.read_text().splitlines()[1:]:
        fields = line.split("\t")
        code, signal = int(fields[EXIT]), int(fields[SIGNAL])
        if code == TIMED_OUT:
            yield int(fields[0]) - 1, {"error": "timeout", "reason": "ended by --timeout"}
        elif signal or code > SIGNALS:
            yield int(fields[0]) - 1, {"error": "crash", "reason": f"signal {signal or code - SIGNALS}"}
        elif code:
            yield int(fields[0]) - 1, {"error": "crash", "reason": f"exit code {code}"}


def run_chunk(job: Job) -> None:
    """Run the items that come in; a file of its own for each process."""
    from benchmarks.peers.workloads import attempt

    with Writer(job) as write:
        for line in sys.stdin:
            number, _, item = line.rstrip("\n").partition("\t")
            keep(write, int(number), attempt(job.workload, item))


if __name__ == "__main__":
    run_chunk(Job.read(sys.argv[2])) if sys.argv[1] == "chunk" else main(Job.read(sys.argv[1]))
