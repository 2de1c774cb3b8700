"""Run a template over some items with the real engine, as a job does, and read what it left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jupyter_featx import events, jobdir
from jupyter_featx.items import write_items
from jupyter_featx.jobdir import JobDir
from jupyter_featx.shards import list_shards, whole_lines
from jupyter_featx.spec import JobSpec, LimitSpec, ResourceSpec
from jupyter_featx.state import JobStatus, fold

SPEC = JobSpec(
    job_id="",
    name="engine",
    created=0.0,
    scheduler="local",
    python=sys.executable,
    workdir="/tmp",
    data="",
    total=0,
    template_digest="",
    input_digest="",
)


@dataclass
class Run:
    """What one attempt left: the rows by item number (a list, so that a doubled row shows), and its seconds."""

    job: JobDir
    rows: dict[int, list[dict[str, Any]]]
    seconds: float
    status: JobStatus
    code: int

    def row(self, item: int) -> dict[str, Any]:
        (only,) = self.rows[item]
        return only

    def error(self, item: int) -> dict[str, Any]:
        return self.row(item)["e"]

    @property
    def failed(self) -> list[int]:
        return sorted(item for item, rows in self.rows.items() if "e" in rows[-1])

    def log(self) -> str:
        return "".join(path.read_text(errors="replace") for path in sorted(self.job.logs.iterdir()))


def make_job(
    root: Path,
    template: str,
    items: int | list[str],
    cores: int = 2,
    resources: dict[str, Any] | None = None,
    **limits: Any,
) -> JobDir:
    """Make a job folder; `items` are paths, or how many of "/data/N" there are."""
    paths = [f"/data/{n}" for n in range(items)] if isinstance(items, int) else items

    def fill(job: JobDir, job_id: str) -> None:
        write_items(map(os.fsencode, paths), job.items, job.index)
        job.template.write_text(textwrap.dedent(template))
        spec = replace(
            SPEC,
            job_id=job_id,
            total=len(paths),
            created=time.time(),
            resources=ResourceSpec(cores, **(resources or {})),
            limits=LimitSpec(**limits),
        )
        jobdir.write_aside(job.spec_file, spec.to_json())
        job.event_log("client").append(events.Created(total=len(paths)))

    return jobdir.create("engine", fill, root)


def run(
    job: JobDir,
    *options: str,
    launcher: tuple[str, ...] = (),
    timeout: float = 60,
    environment: dict[str, str] | None = None,
    table: bool = False,
) -> Run:
    """Run one attempt to its end."""
    module = ["-m", "mpi4py", "-m", "jupyter_featx.worker"] if launcher else ["-m", "jupyter_featx.worker"]
    command = [*launcher, sys.executable, *module, str(job.path), *([] if table else ["--no-table"]), *options]
    begun = time.monotonic()
    with job.job_log.open("ab") as log:
        done = subprocess.run(
            command,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
            env=os.environ | (environment or {}),
        )
    return read(job, time.monotonic() - begun, done.returncode)


def read(job: JobDir, seconds: float = 0.0, code: int = 0) -> Run:
    rows: dict[int, list[dict[str, Any]]] = {}
    for shard in reversed(list_shards(job.shards)):
        for block in whole_lines(shard.path, 1 << 20):
            for line in block.splitlines():
                row = json.loads(line)
                rows.setdefault(row["i"], []).append(row)
    return Run(job, rows, seconds, fold(events.read(job.events)), code)


def go(root: Path, template: str, items: int | list[str] = 10, cores: int = 2, **limits: Any) -> Run:
    """Make a job and run it."""
    return run(make_job(root, template, items, cores, **limits))


def descendants(pid: int) -> list[int]:
    """Return the processes below this one. Raises OSError when it is gone."""
    found = [pid]
    for parent in found:
        with open(f"/proc/{parent}/task/{parent}/children") as file:
            found.extend(int(child) for child in file.read().split())
    return found[1:]
