"""This project, by its Python interface."""

from __future__ import annotations

import inspect
import os
import sys
from pathlib import Path

from benchmarks.peers import workloads
from benchmarks.peers.job import Job
from benchmarks.peers.tools import Tool

ABOUT = Tool(
    title="featx",
    distribution="jupyter_featx",
    survives=True,
    configuration="`submit(..., cores=2)` without the preflight, which the others do not have; chunks by itself",
    startup=1.0,
)
TEMPLATE = """\
from __future__ import annotations

import os
import time

time.sleep(float(os.environ.get("PEERS_IMPORT_SECONDS", "0")))

{source}

def _process_input(path):
    return {workload}(path)
"""  # the functions stand in the cell itself: what they import of the user's own modules is copied into the job


def main(job: Job) -> None:
    os.environ["FEATX_HOME"] = f"{job.folder}/featx"
    import jupyter_featx as featx
    from jupyter_featx import events

    source = inspect.getsource(workloads.WORKLOADS[job.workload])
    template = TEMPLATE.format(source=source, workload=job.workload)
    run = featx.submit(template, job.lines(), cores=job.workers, preflight=False, **job.arguments.get("submit", {}))
    run.wait()  # type: ignore[union-attr]
    job.mark("done")
    folder: Path = run.path  # type: ignore[union-attr,assignment]
    for name in ("table.csv", "errors.csv"):
        Path(job.folder, name).symlink_to(folder / name)
    found = events.read(folder / "events")
    counts = [event for event in found if isinstance(event, events.Progress) and event.done + event.failed]
    job.mark("ready", next(event.time for event in found if isinstance(event, events.Started)))
    job.mark("first", counts[0].time)
    job.mark("merging", counts[-1].time)


if __name__ == "__main__":
    main(Job.read(sys.argv[1]))
