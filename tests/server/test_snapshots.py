"""One schema for lists, answers and events, and valid text whatever the names are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from madejobs import make_job
from realjobs import make_spec

from jupyter_featx.manager import Manager
from jupyter_featx.server.answers import dumps
from jupyter_featx.server.contract import Contract
from jupyter_featx.server.snapshots import Shown, actions, snapshot
from jupyter_featx.server.watcher import SCHEMA, SCHEMA_ID
from jupyter_featx.state import Attempt, JobStatus, State

DOCUMENT = Contract().document


def inlined(node: Any) -> Any:
    """Return a part of the description with its references filled in."""
    if isinstance(node, dict):
        if "$ref" in node:
            return inlined(DOCUMENT["components"]["schemas"][node["$ref"].rpartition("/")[2]])
        return {key: inlined(value) for key, value in node.items()}
    return [inlined(value) for value in node] if isinstance(node, list) else node


def test_the_event_carries_the_job_of_the_description():
    schema = yaml.safe_load(SCHEMA.read_text())
    assert (schema["$id"], schema["version"]) == (SCHEMA_ID, "1")
    assert schema["properties"]["job"]["oneOf"][1] == inlined(DOCUMENT["components"]["schemas"]["Job"])
    assert SCHEMA_ID in DOCUMENT["info"]["description"]


@pytest.mark.parametrize("state", ["new", "queued", "running", "completed", "failed", "cancelled"])
def test_a_job_in_any_state_is_as_described(state: str, home: Path):
    job = make_job(home, state=state, notebook=str(home / "my \udcff.ipynb"))
    found = snapshot(job, job.spec(), Manager(home).status(job), Shown(home))
    found = json.loads(dumps(found))
    jsonschema.validate(found, inlined(DOCUMENT["components"]["schemas"]["Job"]))
    assert set(found) == set(DOCUMENT["components"]["schemas"]["Job"]["required"])
    assert (found["state"], found["folder_path"]) == (state, f"jobs/{job.job_id}")
    assert found["notebook"].endswith("my \\xff.ipynb")
    assert found["notebook_path"] is None  # the contents API could not open it
    found["name"].encode()


def test_hostile_texts_are_texts(home: Path):
    evil = "<script>alert(1)</script>\x1b[31m\u202e"
    status = JobStatus(reason=evil, notes=(evil * 1000,), attempts=(Attempt("1", State.FAILED, 1.0, 1, evil),))
    job = make_job(home)
    found = snapshot(job, make_spec(data=evil), status, Shown(home))
    assert found["reason"] == evil
    assert len(found["notes"][0]) <= 4000
    assert json.loads(dumps(found)) == found


def test_many_attempts_make_no_large_snapshot(home: Path):
    attempts = tuple(Attempt(str(number), State.FAILED, 1.0, 1) for number in range(80))
    found = snapshot(make_job(home), make_spec(), JobStatus(attempts=attempts), Shown(home))
    assert (len(found["attempts"]), found["attempt_count"], found["attempts"][-1]["native_id"]) == (50, 80, "79")


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("failed", [0, 1])
def test_what_can_be_done_is_what_the_manager_lets_be_done(state: State, failed: int):
    attempts = () if state is State.NEW else (Attempt("1", state, 1.0, 1),)
    status = JobStatus(state=state, total=4, done=4 - failed, failed=failed, attempts=attempts)
    found = actions(status)
    runs = state in (State.QUEUED, State.RUNNING)
    assert found["cancel"] is runs
    assert found["delete"] is not runs
    assert found["retry"] is (not runs and (state is not State.COMPLETED or failed > 0))


def test_a_path_outside_the_shown_folder_has_no_name_in_it(tmp_path: Path):
    root, link = tmp_path / "root", tmp_path / "link"
    root.mkdir()
    link.symlink_to(root)
    shown = Shown(link)
    assert shown.relative(str(link / "a" / "b")) == "a/b"
    assert shown.relative(str(root / "a")) == "a"
    assert shown.relative(str(tmp_path / "rooted")) is None
    assert shown.relative(str(root)) is None
    assert shown.relative(None) is None
    assert shown.absolute("a/../b.ipynb") == str(link / "b.ipynb")
    assert shown.absolute("/x") == "/x"
