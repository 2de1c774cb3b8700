"""Job folders made by hand, in any state, without running anything."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from realjobs import make_spec

from jupyter_featx import events, jobdir, table
from jupyter_featx.items import write_items
from jupyter_featx.jobdir import JobDir
from jupyter_featx.rows import RowEncoder
from jupyter_featx.spec import ResourceSpec

ELSEWHERE = "elsewhere/17/99/abcdef01"  # a run on a machine that cannot be asked
TEMPLATE = '"""The functions."""\n\n# cell [3], line 1\ndef _process_input(path):\n    return {"n": int(path)}\n'
ENDS = {"completed": "complete", "failed": "error", "cancelled": "cancelled"}


def make_job(root: Path, name: str = "iris", state: str = "completed", total: int = 4, **spec: Any) -> JobDir:
    """Make a job that is where `state` says, by the events that lead there."""

    def fill(job: JobDir, job_id: str) -> None:
        values = {"name": name, "notebook": None, "resources": ResourceSpec(cores=2)} | spec
        made = replace(make_spec(**values), job_id=job_id, total=total)
        job.spec_file.write_text(made.to_json())
        job.template.write_text(TEMPLATE)
        job.script.write_text("#!/bin/bash\necho hello\n")
        write_items([os.fsencode(f"/data/n{number}") for number in range(total)], job.items, job.index)
        job.job_log.write_text("the job began\n")
        _write_events(job, state, total)

    return jobdir.create(name, fill, root)


def _write_events(job: JobDir, state: str, total: int) -> None:
    now = time.time() - 60
    client = job.event_log("client-test-1")
    client.append(events.Created(time=now, total=total))
    if state == "new":
        return
    client.append(events.Submitted(time=now + 1, native_id=ELSEWHERE, cores=2))
    if state == "queued":
        return
    _, log = job.claim_attempt()
    log.append(started(now + 2, pending=total))
    log.append(events.Progress(time=now + 3, native_id=ELSEWHERE, done=total // 2, failed=0, running=2, rate=2.0))
    if state in ENDS:
        done = total if state == "completed" else total // 2
        why = ENDS[state]
        log.append(events.Stopped(time=now + 9, native_id=ELSEWHERE, why=why, message="", done=done, failed=0))


def started(when: float, pending: int, attempt: int = 1) -> events.Started:
    """Return the first word of an attempt elsewhere."""
    return events.Started(
        time=when,
        native_id=ELSEWHERE,
        attempt=attempt,
        host="elsewhere",
        ranks=1,
        workers=2,
        pending=pending,
        done=0,
        failed=0,
    )


def progress(job: JobDir, done: int, **more: Any) -> None:
    """Let the attempt say that it is further."""
    facts = {"native_id": ELSEWHERE, "done": done, "failed": 0, "running": 1, "rate": 1.0} | more
    job.event_log("attempt-0001").append(events.Progress(**facts))


def write_rows(
    job: JobDir, rows: Sequence[Mapping[str, Any]], errors: Mapping[int, Mapping[str, Any]] | None = None
) -> None:
    """Write one shard: row i for item i, and errors for items."""
    encoder = RowEncoder()
    with job.shard(1, 0).open("wb") as shard, job.shard_meta(1, 0).open("wb") as meta:
        meta.write(b'{"host":"elsewhere"}\n')
        for number, row in enumerate(rows):
            if errors and number in errors:
                shard.write(encoder.encode_error(number, 0.5, 20.0, 1, {**ERROR, **errors[number]}))
                continue
            line, new = encoder.encode(number, 0.25 + number / 1000, 30.0, 0, dict(row))
            if new:
                meta.write(encoder.columns_line(new))
            shard.write(line)


ERROR = {
    "kind": "exception",
    "type": "ValueError",
    "message": "bad",
    "line": 5,
    "cell": "cell [3], line 2",
    "function": "_process_input",
    "traceback": "Traceback",
}


def merged(job: JobDir, failed: int = 0) -> JobDir:
    """Make the table of a job, and say so."""
    begun = time.time()
    info = table.merge(job.shards, job.items, job.index, job.path)
    job.event_log("client-test-1").append(
        events.Merged(rows=info.rows, errors=info.errors, seconds=time.time() - begun)
    )
    return job
