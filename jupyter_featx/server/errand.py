"""`python -m jupyter_featx.server.errand`: do what standard input asks for, answer in JSON lines; the last counts.

A process of its own for what the server must not do itself (see errands.py).
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jupyter_featx.errors import FeatxError, SpecError

Answer = Callable[[Mapping[str, Any]], None]


def main() -> int:
    """Read the question, and answer it."""
    question: dict[str, Any] = json.load(sys.stdin)
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints, prints elsewhere

    def answer(value: Mapping[str, Any]) -> None:
        out.write(json.dumps(value) + "\n")
        out.flush()

    try:
        _VERBS[question.pop("verb")](answer, **question)
    except FeatxError as exc:
        answer({"error": {"kind": type(exc).__name__, "message": str(exc)}})
    return 0


@dataclass(frozen=True)
class _Submission:
    """What a form asks to be submitted, or tried."""

    template: str  # the path of the notebook where there is one, else the text of the functions
    data: Any
    source: Mapping[str, Any]
    options: Mapping[str, Any]

    def give(self, act: Callable[..., Any]) -> Any:
        """Return what `client.submit` or `client.test` makes of it."""
        from jupyter_featx.client import Source

        folder, name, notebook = self.source["folder"], self.source["name"], self.source["notebook"]
        # A text without a line break would be taken for a path.
        template = Path(self.template) if notebook else f"{self.template}\n"
        return act(template, self.data, source=Source(Path(folder), name, notebook), **self.options)


def _submit(answer: Answer, **asked: Any) -> None:
    from jupyter_featx import client

    found = _Submission(**asked).give(client.submit)
    if isinstance(found, client.DryRun):
        answer({"script": found.script, "template": found.template, "lines": list(found.lines)})
    else:
        answer({"job_id": found.id, "lines": list(found.lines)})


def _preflight(answer: Answer, **asked: Any) -> None:
    from jupyter_featx import client

    found = _Submission(**asked).give(client.test)
    facts = asdict(found)
    threads = found.core_hours * 3600 / max(1e-9, _work(found))
    facts["estimates"] = [
        {"cores": cores, "seconds": seconds, "core_hours": cores * seconds * threads / 3600}
        for cores, seconds in found.estimates
    ]
    names = ("item", "message", "where")
    facts["failures"] = [dict(zip(names, failure, strict=True)) for failure in found.failures]
    answer(facts)


def _work(found: Any) -> float:
    """Return the seconds that all the items take on one core, as the estimate for one core has them."""
    return next((float(seconds) for cores, seconds in found.estimates if cores == 1), 1.0)


def _retry(answer: Answer, job_id: str, options: Mapping[str, Any]) -> None:
    from jupyter_featx import client, jobdir
    from jupyter_featx.manager import Manager

    known = sorted(set(inspect.signature(client.Job.retry).parameters) - {"self"})
    if unknown := sorted(set(options) - set(known)):
        raise SpecError(f"{unknown[0]}= is no option of retry. The options are: {', '.join(known)}.")
    manager = Manager()
    client.Job(jobdir.find(job_id, manager.root), manager).retry(**options)
    answer({"job_id": job_id})


def _merge(answer: Answer, job_id: str, again: bool) -> None:
    from jupyter_featx import jobdir, table
    from jupyter_featx.manager import Manager

    os.nice(5)  # the table can wait a little, what is drawn cannot
    manager, begun = Manager(), time.time()
    folder = manager.table(job := jobdir.find(job_id, manager.root), again=again)
    if folder == job.partial:  # rows that came meanwhile are not in it: its time is that of the beginning
        os.utime(folder / table.PARQUET, (begun, begun))
    answer({"folder": str(folder)})


def _failures(answer: Answer, errors: str, out: str) -> None:
    from jupyter_featx.server.failures import group_file

    os.nice(5)
    answer(group_file(Path(errors), Path(out)))


def _dataset(answer: Answer, path: str, folder: str, **options: Any) -> None:
    from jupyter_featx.dataset import DatasetOptions
    from jupyter_featx.server.datasets import describe

    given = {name: value for name, value in options.items() if value != ""}  # a field that was left empty
    for found in describe(path, folder, DatasetOptions(**given)):
        answer(found)


_VERBS: dict[str, Callable[..., None]] = {
    "submit": _submit,
    "preflight": _preflight,
    "retry": _retry,
    "merge": _merge,
    "failures": _failures,
    "dataset": _dataset,
}


if __name__ == "__main__":
    status = main()
    os._exit(status)  # the answer is out, and the engine takes 0.1 s to leave
