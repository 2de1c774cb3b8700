"""How many items go to a worker at once, for the tools whose user has to say it.

    python -m benchmarks.peers.chunking TOOL [MILLISECONDS [COUNT]]

tries several and prints the seconds of each: what a user would do once, and what the sizes in the tools' files rest on.
"""

from __future__ import annotations

import shutil
import sys
import tempfile

from benchmarks.peers.job import Job


def chunk(job: Job, seconds: float, most: int = 1000, pieces: int = 4) -> int:
    """Return how many items make so many seconds of work, for a user who knows what an item takes on average.

    At least `pieces` chunks are left for each worker, so that both end together.
    """
    if job.chunk:
        return job.chunk
    each = job.arguments.get("item_seconds", 0.0)
    fair = -(-int(job.arguments.get("count", 0) or len(job.lines())) // (job.workers * pieces))
    return max(1, min(most, fair, int(seconds / each) if each else most))


def main(tool: str, milliseconds: float = 0, count: int = 20_000) -> None:
    """Print the seconds that a tool takes with chunks of several sizes."""
    from benchmarks.peers import dataset, measuring

    for size in (1, 5, 20, 100, 300, 1000, 3000, 10_000):
        if size > count / 2:
            break
        folder = tempfile.mkdtemp(prefix="peers-")
        items = dataset.write(folder, dataset.plain(count, milliseconds))
        job = Job("sleep" if milliseconds else "noop", items, folder, chunk=size)
        cost = measuring.run(tool, job, 120)
        shutil.rmtree(folder)
        print(
            f"chunks of {size}: {cost.wall:.2f} s, steady {cost.steady or 0:.2f} s, {cost.cpu_seconds:.2f} CPU s",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1], *map(float, sys.argv[2:3]), *map(int, sys.argv[3:4]))
