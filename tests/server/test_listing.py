"""The list of jobs, filtered, sorted and paged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from madejobs import make_job
from test_board import make_board

from jupyter_featx.server.contract import Contract
from jupyter_featx.server.listing import listing, workspaces
from jupyter_featx.server.snapshots import Shown


@pytest.fixture
def ask(home: Path) -> Any:
    for number, (name, state) in enumerate((("beta", "failed"), ("Alpha", "running"), ("gamma", "completed"))):
        make_job(home, name, state, notebook=str(home / f"{number % 2}.ipynb"), data=f"/data/set{number}")
    entries = make_board(home).all()

    def listed(**query: str) -> tuple[list[str], dict[str, Any]]:
        asked = Contract().query("listJobs", {name: [value.encode()] for name, value in query.items()})
        found = json.loads(listing(entries, asked, Shown(home)))
        return [job["name"] for job in found.pop("jobs")], found

    return listed


def test_the_newest_come_first(ask):
    names, facts = ask()
    assert names == ["gamma", "Alpha", "beta"]
    assert (facts["total"], facts["counts"]["failed"], facts["counts"]["new"]) == (3, 1, 0)


def test_every_word_must_be_there_whatever_its_case(ask):
    assert ask(q="ALPHA")[0] == ["Alpha"]
    assert ask(q="set2 gam")[0] == ["gamma"]
    assert ask(q="set2 alpha")[0] == []


def test_a_state_is_chosen_and_all_are_counted(ask):
    names, facts = ask(state="failed,running")
    assert names == ["Alpha", "beta"]
    assert (facts["total"], facts["counts"]["completed"]) == (2, 1)


def test_the_jobs_of_one_notebook(ask, home: Path):
    assert ask(notebook="0.ipynb")[0] == ask(notebook=str(home / "0.ipynb"))[0] == ["gamma", "beta"]
    assert ask(notebook=" ")[0] == []


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("name", ["Alpha", "beta", "gamma"]),
        ("-name", ["gamma", "beta", "Alpha"]),
        ("state", ["Alpha", "gamma", "beta"]),
        ("created", ["beta", "Alpha", "gamma"]),
        ("-progress", ["gamma", "Alpha", "beta"]),
    ],
)
def test_they_are_sorted(ask, sort: str, names: list[str]):
    assert ask(sort=sort)[0] == names


def test_a_page_is_cut_out(ask):
    names, facts = ask(offset="1", limit="1")
    assert (names, facts["total"], facts["offset"], facts["limit"]) == (["Alpha"], 3, 1, 1)
    assert ask(offset="100")[0] == []
    assert ask(limit="0")[0] == []


def test_a_workspace_is_a_notebook_with_its_jobs(home: Path):
    notebook = home / "a.ipynb"
    notebook.write_text("{}")
    make_job(home, "one", "running", notebook=str(notebook))
    make_job(home, "two", notebook=str(notebook))
    make_job(home, "three")
    found = workspaces(make_board(home).all())["workspaces"]
    assert [(w["name"], w["jobs"], w["active"], w["exists"]) for w in found] == [
        ("", 1, 0, False),
        ("a.ipynb", 2, 1, True),
    ]
    assert found[1]["notebook_path"] == "a.ipynb"
