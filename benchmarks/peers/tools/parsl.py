"""parsl's HighThroughputExecutor: an interchange, a manager for the node, worker processes below it."""

from __future__ import annotations

import sys
from concurrent.futures import as_completed

from benchmarks.peers.durable import Writer, tables
from benchmarks.peers.futures import Chunk, Rows, collect, cut, some
from benchmarks.peers.job import Job
from benchmarks.peers.tools import Tool

ABOUT = Tool(
    title="parsl HTEX",
    distribution="parsl",
    survives=True,
    configuration="`HighThroughputExecutor` on a `LocalProvider`, `python_app` of chunks with `walltime`, one retry; "
    "the driver writes the rows",
    startup=2.5,
)


def timed(workload: str, chunk: Chunk, walltime: float | None = None) -> Rows:
    """Run a chunk; parsl ends it by an exception after `walltime` seconds, which it also passes on."""
    return some(workload, chunk)


def main(job: Job) -> None:
    import parsl
    from parsl.config import Config
    from parsl.executors import HighThroughputExecutor
    from parsl.providers import LocalProvider

    from benchmarks.peers.tools import parsl as named  # pickled by its name

    executor = HighThroughputExecutor(
        label="here", address="127.0.0.1", max_workers_per_node=job.workers, cores_per_worker=0.01, encrypted=False,
        provider=LocalProvider(init_blocks=1, max_blocks=1),
    )  # fmt: skip
    config = Config(executors=[executor], run_dir=f"{job.folder}/runinfo", retries=1, usage_tracking=0)
    chunks = cut(job)
    limits = {"walltime": job.arguments["timeout"]} if "timeout" in job.arguments else {}
    with parsl.load(config), Writer(job) as write:
        app = parsl.python_app(named.timed)
        app(job.workload, []).result()
        job.mark("ready")
        waiting = {app(job.workload, chunk, **limits): chunk for chunk in chunks}
        collect(waiting, as_completed(waiting), write.many)
        tables(job, write.rows)


if __name__ == "__main__":
    main(Job.read(sys.argv[1]))
