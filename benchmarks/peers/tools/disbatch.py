"""disBatch: a file of shell commands, run so many at a time, each one's exit code in a status file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.peers.durable import Writer, read, tables
from benchmarks.peers.futures import Chunk, cut
from benchmarks.peers.job import Job
from benchmarks.peers.tools import Tool

ABOUT = Tool(
    title="disBatch",
    distribution="disbatch",
    survives=True,
    configuration="`disBatch -s localhost:2` over a file of commands, each 5 s of work, "
    "under `timeout` where a limit is asked; tasks write the rows",
    startup=2.0,
)
SIGNALS = 128  # bash adds it to the number of the signal that ended a command
TIMED_OUT = 124  # the exit code of timeout(1)


def main(job: Job) -> None:
    chunks = cut(job, 5, most=10**9)
    folder = Path(job.folder, "disbatch")
    folder.mkdir(exist_ok=True)
    (folder / "tasks").write_text("".join([_command(job, chunk) + "\n" for chunk in chunks]))
    job.mark("ready")
    subprocess.run(
        ["disBatch", "-s", f"localhost:{job.workers}", "-p", f"{folder}/run", str(folder / "tasks")],
        cwd=folder, check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if ends := _failed(folder):
        there = read(job)
        with Writer(job, "failed") as write:
            for index, code in ends:
                left = [number for number, _ in chunks[index] if number not in there]
                write.many([(number, _named(code)) for number in left])
    tables(job)


def _command(job: Job, chunk: Chunk) -> str:
    limit = f"timeout {job.arguments['timeout']} " if "timeout" in job.arguments else ""
    python = f"{sys.executable} -m benchmarks.peers.part"
    return f"{limit}{python} {job.folder}/job.json {chunk[0][0]} {chunk[-1][0] + 1} >> {job.folder}/tasks.txt 2>&1"


def _failed(folder: Path) -> list[tuple[int, int]]:
    """Return the number and the exit code of each task that the status file says has failed."""
    found = []
    for line in (folder / "run_status.txt").read_text().splitlines():
        fields = line.split("\t")
        if "R" in fields[0]:
            found.append((int(fields[1]), int(fields[6])))
    return found


def _named(code: int) -> dict[str, str]:
    if code == TIMED_OUT:
        return {"error": "timeout", "reason": f"exit code {code}"}
    if code > SIGNALS:
        return {"error": "crash", "reason": f"signal {code - SIGNALS}"}
    return {"error": "crash", "reason": f"exit code {code}"}


if __name__ == "__main__":
    main(Job.read(sys.argv[1]))
