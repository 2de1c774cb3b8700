"""The whole snapshot of a job: one schema for lists, answers and events (`Job` in openapi.yaml)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jupyter_featx.cards.facts import figures, finite
from jupyter_featx.items import display
from jupyter_featx.jobdir import JobDir
from jupyter_featx.spec import JobSpec
from jupyter_featx.state import Attempt, JobStatus, State

ATTEMPTS = 50  # that a snapshot holds at most
_TEXT = 4000  # characters of a reason or note


class Shown:
    """The folder that the server shows: paths inside it have a name for the contents API."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._real = os.path.realpath(root)

    def relative(self, path: str | None) -> str | None:
        """Return the path as the contents API calls it; None where it does not show it."""
        if not path:
            return None
        for root in (str(self.root), self._real):
            if path.startswith(root.rstrip("/") + "/"):
                return path[len(root.rstrip("/")) + 1 :]
        return None

    def absolute(self, path: str) -> str:
        """Return the absolute path of what a page names: `~` is understood, other paths start at the shown folder."""
        return os.path.normpath(os.path.join(self.root, os.path.expanduser(path)))


def snapshot(job: JobDir, spec: JobSpec, status: JobStatus, shown: Shown) -> dict[str, Any]:
    """Return the job as it is drawn; every text is valid Unicode."""
    current = status.current
    words = next((a.words for a in reversed(current) if a.words), "")
    return figures(status) | {
        "job_id": job.job_id,
        "name": display(spec.name),
        "reason": _text(status.reason),
        "words": _text(words),
        "notes": [_text(note) for note in status.notes[-20:]],
        "total": status.total or spec.total,
        "created": status.created or spec.created,
        "cores": spec.resources.cores,
        "scheduler": spec.scheduler,
        "data": _text(spec.data),
        "notebook": display(spec.notebook) if spec.notebook else None,
        "notebook_path": _path(shown.relative(spec.notebook)),
        "folder": display(str(job.path)),
        "folder_path": _path(shown.relative(str(job.path))),
        "merged_rows": status.merged_rows,
        "expected_start": next((a.expected_start for a in current if a.expected_start), None),
        "unknown_since": status.unknown_since,
        "attempts": [_attempt(attempt) for attempt in status.attempts[-ATTEMPTS:]],
        "attempt_count": len(status.attempts),
        "actions": actions(status),
        "resources": dict(vars(spec.resources)),
        "limits": dict(vars(spec.limits)),
        "allocation": vars(spec.allocation) | {"directives": list(spec.allocation.directives)},
        "container": display(spec.container.image) if spec.container else None,
        "template_digest": spec.template_digest,
    }


def actions(status: JobStatus) -> dict[str, bool]:
    """Return what the manager would let be done with a job in this state."""
    idle = status.state.final or not status.attempts
    succeeded = status.state is State.COMPLETED and not (status.failed or status.remaining or status.missing)
    return {"cancel": not idle, "retry": idle and not succeeded, "delete": idle, "result": status.done > 0}


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "native_id": attempt.native_id,
        "state": str(attempt.state),
        "reason": _text(attempt.reason),
        "words": _text(attempt.words),
        "submitted": attempt.submitted,
        "started": attempt.started,
        "ended": attempt.ended,
        "host": attempt.host,
        "cores": attempt.cores,
        "ranks": attempt.ranks,
        "workers": attempt.workers,
        "part": attempt.part,
        "parts": attempt.parts,
        "done": attempt.done,
        "failed": attempt.failed,
        "running": attempt.running,
        "rate": finite(attempt.items_per_second) or 0.0,
        "cancel_asked": attempt.cancel_asked,
    }


def _text(text: str) -> str:
    return display(text[:_TEXT])


def _path(path: str | None) -> str | None:
    """Return a path for the contents API, which takes no other than UTF-8."""
    return path if path is not None and display(path) == path else None
