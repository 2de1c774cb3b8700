"""What the runs of a job cost: by the scheduler's accounting where it has one, else by the job's own events."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jupyter_featx.errors import SchedulerError
from jupyter_featx.manager import Manager
from jupyter_featx.spec import JobSpec
from jupyter_featx.state import Attempt, JobStatus


@dataclass(frozen=True)
class RunCost:
    """What one attempt cost so far; None is what nobody knows. `cpu_efficiency` is a share of its cores, of 1."""

    number: int
    native_id: str
    state: str
    seconds: float
    core_hours: float
    peak_memory_mb: float | None = None
    cpu_efficiency: float | None = None
    accounting: bool = False  # the scheduler says so


def run_costs(manager: Manager, spec: JobSpec, status: JobStatus) -> list[RunCost]:
    """Return the cost of each attempt, oldest first; the scheduler is asked once for all of them."""
    accounted = _accounting(manager, spec, status)
    return [_cost(attempt, spec, accounted.get(attempt.native_id)) for attempt in status.attempts]


def _accounting(manager: Manager, spec: JobSpec, status: JobStatus) -> Mapping[str, Any]:
    """Return what the scheduler's accounting says, by native id; nothing where there is none."""
    try:
        ask = getattr(manager.scheduler(spec.scheduler), "usage", None)
        ids = list(dict.fromkeys(attempt.native_id for attempt in status.attempts))
        return {found.native_id: found for found in ask(ids)} if ask and ids else {}
    except SchedulerError:
        return {}


def _cost(attempt: Attempt, spec: JobSpec, accounted: Any) -> RunCost:
    seconds = max(0.0, (attempt.ended or time.time()) - attempt.started) if attempt.started else 0.0
    cores = max(attempt.cores, attempt.workers) * spec.resources.threads
    return RunCost(
        attempt.number,
        attempt.native_id,
        str(attempt.state),
        round(seconds, 3),
        accounted.core_hours if accounted else cores * seconds / 3600,
        accounted.peak_memory_mb if accounted else None,
        accounted.cpu_efficiency if accounted else None,
        accounted is not None,
    )
