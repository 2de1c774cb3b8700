"""The facts of a job for a front end that draws it itself."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from jupyter_featx.cards.facts import status_facts
from jupyter_featx.state import Attempt, JobStatus, State

CONTRACT = Path(__file__).resolve().parents[2] / "jupyter_featx" / "server" / "openapi.yaml"


def status(**changes: object) -> JobStatus:
    run = Attempt("1", State.RUNNING, 10.0, 4, started=20.0)
    facts = {
        "job_id": "a-1",
        "name": "a",
        "state": State.RUNNING,
        "total": 9,
        "done": 4,
        "attempts": (run,),
        "now": 50.0,
    }
    return JobStatus(**{**facts, **changes})


def test_each_fact_is_one_of_the_servers_snapshots():
    known = yaml.safe_load(CONTRACT.read_text())["components"]["schemas"]["Job"]["properties"]
    assert set(status_facts(status())["snapshot"]) <= set(known)


def test_the_counts_and_the_times_are_the_jobs():
    facts = status_facts(status())
    assert facts["job_id"] == "a-1"
    assert facts["snapshot"]["state"] == "running"
    assert (facts["snapshot"]["done"], facts["snapshot"]["remaining"]) == (4, 5)
    assert (facts["snapshot"]["cores"], facts["snapshot"]["seconds"], facts["snapshot"]["ended"]) == (4, 30.0, None)


def test_hostile_texts_and_numbers_are_json_of_one_line():
    facts = status_facts(status(name="a\x1b[31m\nb\u202e", items_per_second=float("inf"), reason="x" * 10_000))
    text = json.dumps(facts, allow_nan=False)
    assert facts["snapshot"]["name"] == "a b"
    assert len(text) < 2000
