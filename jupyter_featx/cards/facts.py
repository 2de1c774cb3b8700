"""The facts of a card as JSON, for a front end that draws the job itself: named as in the server's snapshots."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from jupyter_featx.cards.wording import one_line

if TYPE_CHECKING:
    from jupyter_featx.state import JobStatus

MIME = "application/vnd.featx.job+json"


def status_facts(status: JobStatus) -> dict[str, Any]:
    """Return the content of the MIME type above: the job's id, and where the job is now."""
    snapshot = {
        "name": one_line(status.name, 100),
        "reason": one_line(status.reason, 400),
        "cores": sum(attempt.cores for attempt in status.current),
        **figures(status),
    }
    return {"job_id": status.job_id, "snapshot": snapshot}


def figures(status: JobStatus) -> dict[str, Any]:
    """Return what can be counted and timed of a job: what a card's facts and the server's snapshots have in common."""
    starts = [attempt.started for attempt in status.attempts if attempt.started]
    ends = [attempt.ended for attempt in status.attempts if attempt.ended]
    return {
        "state": str(status.state),
        "total": status.total,
        "done": status.done,
        "failed": status.failed,
        "running": status.running,
        "remaining": status.remaining,
        "missing": status.missing,
        "rate": finite(status.items_per_second) or 0.0,
        "eta_seconds": finite(status.eta_seconds),
        "seconds": round(status.seconds, 3),
        "created": status.created,
        "started": min(starts, default=None),
        "ended": max(ends, default=None) if status.state.final else None,
        "now": status.now,
    }


def finite(value: float | None) -> float | None:
    """JSON has no infinity."""
    return value if value is not None and math.isfinite(value) else None
