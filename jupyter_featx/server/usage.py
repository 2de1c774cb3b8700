"""What a job cost: its runs, and how busy its items kept their cores."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from jupyter_featx.costs import run_costs
from jupyter_featx.jobdir import JobDir
from jupyter_featx.manager import Manager
from jupyter_featx.server.charts import Sample
from jupyter_featx.spec import JobSpec
from jupyter_featx.state import JobStatus


def usage(manager: Manager, job: JobDir, spec: JobSpec, status: JobStatus) -> dict[str, Any]:
    """Return core-hours, the share of them that items took, and memory, of all the attempts."""
    sample = Sample.of(job)
    runs = run_costs(manager, spec, status)
    core_hours = sum(run.core_hours for run in runs)
    allocated = core_hours * 3600 / spec.resources.threads
    items = (status.done + status.failed) * sum(sample.seconds) / max(1, len(sample.seconds))
    return {
        "core_hours": core_hours,
        "seconds": round(status.seconds, 3),
        "busy_share": min(1.0, items / allocated) if allocated > 0 and sample.seconds else None,
        "peak_memory_mb": sample.peak_mb,
        "accounting": any(run.accounting for run in runs),
        "attempts": [_without_accounting(asdict(run)) for run in runs],
    }


def _without_accounting(run: dict[str, Any]) -> dict[str, Any]:
    """Leave out whose word it is: that is said once, for all the runs."""
    return {name: value for name, value in run.items() if name != "accounting"}
