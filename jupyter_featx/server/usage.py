"""What a job cost: by its own events, and by the scheduler's accounting where it has one."""

from __future__ import annotations

import time
from typing import Any

from jupyter_featx.errors import SchedulerError
from jupyter_featx.jobdir import JobDir
from jupyter_featx.manager import Manager
from jupyter_featx.server.charts import Sample
from jupyter_featx.spec import JobSpec
from jupyter_featx.state import Attempt, JobStatus


def usage(manager: Manager, job: JobDir, spec: JobSpec, status: JobStatus) -> dict[str, Any]:
    """Return core-hours, the share of them that items took, and memory, of all the attempts."""
    sample = Sample.of(job)
    accounted = _accounting(manager, spec, status)
    runs = [_run(attempt, spec, accounted.get(attempt.native_id)) for attempt in status.attempts]
    allocated = sum(run["core_hours"] for run in runs) * 3600 / spec.resources.threads
    items = (status.done + status.failed) * sum(sample.seconds) / max(1, len(sample.seconds))
    return {
        "core_hours": sum(run["core_hours"] for run in runs),
        "seconds": round(status.seconds, 3),
        "busy_share": min(1.0, items / allocated) if allocated > 0 and sample.seconds else None,
        "peak_memory_mb": sample.peak_mb,
        "accounting": bool(accounted),
        "attempts": runs,
    }


def _accounting(manager: Manager, spec: JobSpec, status: JobStatus) -> dict[str, Any]:
    """Return what the scheduler's accounting says, by native id; nothing where there is none."""
    try:
        ask = getattr(manager.scheduler(spec.scheduler), "usage", None)
        ids = list(dict.fromkeys(attempt.native_id for attempt in status.attempts))
        return {found.native_id: found for found in ask(ids)} if ask and ids else {}
    except SchedulerError:
        return {}


def _run(attempt: Attempt, spec: JobSpec, accounted: Any) -> dict[str, Any]:
    seconds = max(0.0, (attempt.ended or time.time()) - attempt.started) if attempt.started else 0.0
    cores = max(attempt.cores, attempt.workers) * spec.resources.threads

    def said(name: str, otherwise: Any) -> Any:
        value = getattr(accounted, name, None)
        return otherwise if value is None else value

    return {
        "number": attempt.number,
        "native_id": attempt.native_id,
        "core_hours": said("core_hours", cores * seconds / 3600),
        "seconds": round(seconds, 3),
        "peak_memory_mb": said("peak_memory_mb", None),
        "cpu_efficiency": said("cpu_efficiency", None),
        "state": str(said("state", attempt.state)),
    }
