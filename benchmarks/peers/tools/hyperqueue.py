"""HyperQueue by its Python interface: a server and a worker in the driver, every task a Python process of its own."""

from __future__ import annotations

import sys

from benchmarks.peers.durable import Writer, read, tables
from benchmarks.peers.futures import cut
from benchmarks.peers.job import Job
from benchmarks.peers.part import run
from benchmarks.peers.tools import Tool

ABOUT = Tool(
    title="HyperQueue",
    distribution="hyperqueue",
    survives=True,
    configuration="`LocalCluster` with a worker of two cores, `Job.function` for 5 s of work, at least four a core; "
    "tasks write the rows, for they return nothing; `Job.program` under `timeout` where a limit is asked",
    startup=1.0,
)
TIMED_OUT = 124  # the exit code of timeout(1)


def main(job: Job) -> None:
    from hyperqueue import Job as Tasks
    from hyperqueue import LocalCluster
    from hyperqueue.cluster import WorkerConfig
    from hyperqueue.task.function import PythonEnv

    chunks = cut(job, 5, most=10**9)
    with LocalCluster(worker_config=WorkerConfig(cores=job.workers)) as cluster:
        client = cluster.client(python_env=PythonEnv(python_bin=sys.executable))
        job.mark("ready")
        tasks = Tasks(default_workdir=f"{job.folder}/hq", max_fails=None)
        for chunk in chunks:
            if "timeout" in job.arguments:  # the Python interface has no limit of time; timeout(1) has
                part = [sys.executable, "-m", "benchmarks.peers.part", f"{job.folder}/job.json"]
                bounds = [str(chunk[0][0]), str(chunk[-1][0] + 1)]
                tasks.program(["timeout", str(job.arguments["timeout"]), *part, *bounds], stdout=None, stderr=None)
            else:
                tasks.function(run, args=(job, chunk), stdout=None, stderr=None)
        submitted = client.submit(tasks)
        if not client.wait_for_jobs([submitted], raise_on_error=False):
            there = read(job)
            with Writer(job, "failed") as write:
                for number, failed in client.get_failed_tasks(submitted).items():
                    left = [item for item, _ in chunks[number] if item not in there]
                    write.many([(item, _named(failed.error)) for item in left])
    tables(job)


def _named(error: str) -> dict[str, str]:
    if f"exit code {TIMED_OUT}" in error:
        return {"error": "timeout", "reason": error[-500:]}
    return {"error": "FailedTask", "reason": error[-500:]}


if __name__ == "__main__":
    main(Job.read(sys.argv[1]))
