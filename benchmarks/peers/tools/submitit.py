"""submitit: every job a process of its own with a controller and a limit; pickles in a folder."""

from __future__ import annotations

import sys
import time
from typing import Any

from benchmarks.peers.durable import Writer, read, tables
from benchmarks.peers.futures import Chunk, broken, cut
from benchmarks.peers.job import Job
from benchmarks.peers.part import run
from benchmarks.peers.tools import Tool

ABOUT = Tool(
    title="submitit",
    distribution="submitit",
    survives=True,
    configuration="`LocalExecutor`, a job for a quarter of a worker's part, two at a time (its own queue is Slurm); "
    "the jobs write the rows, more jobs do what a failed one left; `timeout_min` where a limit is asked",
    startup=1.0,
)
POLL_SECONDS = 0.02
MOST = 20  # items of a job where one of them may take its time
START_SECONDS = 3  # that a job takes besides its items, for the limit of its time


def main(job: Job) -> None:
    import submitit

    executor = submitit.LocalExecutor(folder=f"{job.folder}/submitit", max_num_timeout=0)
    seconds = job.arguments.get("timeout")
    limits = {"timeout_min": (seconds + START_SECONDS) / 60, "signal_delay_s": 1} if seconds else {"timeout_min": 600}
    executor.update_parameters(**limits)
    waiting = cut(job, 10, most=MOST if seconds else 10**9)[::-1]
    job.mark("ready")
    again: set[int] = set()
    running: list[tuple[Any, Chunk]] = []
    with Writer(job, "failed") as write:
        while waiting or running:
            while waiting and len(running) < job.workers:
                chunk = waiting.pop()
                running.append((executor.submit(run, job, chunk), chunk))
            time.sleep(POLL_SECONDS)
            for task, chunk in [each for each in running if each[0].done()]:
                running.remove((task, chunk))
                waiting += _left(job, task, chunk, again, write)
    tables(job)


def _left(job: Job, task: Any, chunk: Chunk, again: set[int], write: Writer) -> list[Chunk]:
    """Return what a failed job left undone; the item that it failed at runs once more, alone, and is then named."""
    error = task.exception()
    if error is None:
        return []
    there = read(job)
    left = [(number, line) for number, line in chunk if number not in there]
    first, rest = left[:1], left[1:]
    if first and first[0][0] in again:
        write.many(broken(first, error))
        first = []
    again.update(number for number, _ in first)
    return [each for each in (rest, first) if each]


if __name__ == "__main__":
    main(Job.read(sys.argv[1]))
