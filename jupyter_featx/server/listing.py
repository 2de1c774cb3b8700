"""The list of jobs as it is asked for: filtered, sorted, a page of it; and the notebooks that jobs came from."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath
from typing import Any

from jupyter_featx.server.answers import dumps
from jupyter_featx.server.board import Entry
from jupyter_featx.server.snapshots import Shown
from jupyter_featx.state import State

_STATES = [str(state) for state in State]


def listing(entries: Iterable[Entry], query: Mapping[str, Any], shown: Shown) -> str:
    """Return a page of the jobs that fit, as JSON made of the snapshots' own."""
    fitting = [entry for entry in entries if _fits(entry, query, shown)]
    counts = dict.fromkeys(_STATES, 0)
    for entry in fitting:
        counts[str(entry.status.state)] += 1
    if query["state"]:
        states = set(query["state"].split(","))
        fitting = [entry for entry in fitting if str(entry.status.state) in states]
    sort = query["sort"]
    fitting.sort(key=lambda entry: (entry.status.created or 0.0, entry.job.job_id), reverse=True)
    fitting.sort(key=_KEYS[sort.removeprefix("-")], reverse=sort.startswith("-"))
    page = fitting[query["offset"] : query["offset"] + query["limit"]]
    facts = {"total": len(fitting), "offset": query["offset"], "limit": query["limit"], "counts": counts}
    return f'{{"jobs": [{", ".join(entry.text for entry in page)}], {dumps(facts)[1:]}'


def _fits(entry: Entry, query: Mapping[str, Any], shown: Shown) -> bool:
    notebook = query["notebook"]
    if notebook is not None and (entry.spec.notebook or "") != (shown.absolute(notebook) if notebook else ""):
        return False
    return all(word in entry.search for word in (query["q"] or "").casefold().split())


def _progress(entry: Entry) -> float:
    facts = entry.snapshot
    return float((facts["done"] + facts["failed"]) / max(1, facts["total"]))


_KEYS: Mapping[str, Callable[[Entry], Any]] = {
    "created": lambda entry: entry.snapshot["created"] or 0.0,
    "name": lambda entry: entry.snapshot["name"].casefold(),
    "state": lambda entry: _STATES.index(str(entry.status.state)),
    "progress": _progress,
    "notebook": lambda entry: entry.snapshot["notebook"] or "",
    "failed": lambda entry: entry.snapshot["failed"],
    "ended": lambda entry: entry.snapshot["ended"] or float("inf"),
}


def workspaces(entries: Iterable[Entry]) -> dict[str, Any]:
    """Return the notebooks that have jobs, the one with the latest job first."""
    found: dict[str | None, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.spec.notebook or None, []).append(entry)
    made = [_workspace(notebook, jobs) for notebook, jobs in found.items()]
    return {"workspaces": sorted(made, key=lambda workspace: workspace["latest"] or 0.0, reverse=True)}


def _workspace(notebook: str | None, jobs: list[Entry]) -> dict[str, Any]:
    first = jobs[0].snapshot
    return {
        "notebook": first["notebook"],
        "notebook_path": first["notebook_path"],
        "name": PurePath(first["notebook"]).name if first["notebook"] else "",
        "jobs": len(jobs),
        "active": sum(entry.active for entry in jobs),
        "latest": max((entry.status.created or entry.spec.created for entry in jobs), default=None),
        "exists": bool(notebook and os.path.exists(notebook)),
    }
