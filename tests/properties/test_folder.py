"""A job folder that was cut anywhere is never unreadable: there is a status, a listing, and one clear text."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bounded import bounded
from hypothesis import given
from hypothesis import strategies as st
from madejobs import make_job, merged, write_rows
from refusing import clear

from jupyter_featx import cli, jobdir
from jupyter_featx.client import Job
from jupyter_featx.errors import FeatxError
from jupyter_featx.jobdir import JobDir
from jupyter_featx.manager import Manager
from jupyter_featx.server.board import Board
from jupyter_featx.server.snapshots import Shown

ROWS = [{"n": n, "text": f"t{n}", "nested": [n]} for n in range(4)]


def whole(root: Path) -> JobDir:
    """Make a completed job with a failed item, its rows, its log and its table."""
    job = make_job(root, "whole")
    write_rows(job, ROWS, {2: {}})
    return merged(job)


def files_of(job: JobDir) -> list[str]:
    return sorted(str(path.relative_to(job.path)) for path in job.path.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> JobDir:
    return whole(tmp_path_factory.mktemp("model"))


def said(act: Callable[[], Any]) -> str:
    """Return what an act says, or the text with which it is refused; anything else is a traceback."""
    try:
        return str(act())
    except FeatxError as exc:
        return clear(exc)


def typed(*words: str) -> str:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(list(words))
    assert "Traceback" not in err.getvalue()
    assert code in (0, 1, 2)
    return out.getvalue() + err.getvalue()


@bounded(60)
@given(data=st.data())
def test_a_folder_cut_anywhere_is_never_unreadable(
    model: JobDir, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, data: st.DataObject
) -> None:
    root = tmp_path_factory.getbasetemp() / "cut"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(model.path, root / "jobs" / model.job_id)
    job = JobDir(root / "jobs" / model.job_id)
    monkeypatch.setenv("FEATX_HOME", str(root))
    for name in data.draw(st.lists(st.sampled_from(files_of(job)), min_size=1, max_size=3, unique=True)):
        file = job.path / name
        content = file.read_bytes()
        cut = data.draw(st.integers(-1, len(content) - 1))
        if cut < 0:
            file.unlink()
        else:
            file.write_bytes(content[:cut])
    manager = Manager(root)
    status = said(lambda: manager.status(job))
    assert status
    assert len(manager.jobs()) == (0 if "no readable spec.json" in status else 1)
    assert len(Board(Shown(root), lambda journals: Manager(root, read=journals.read)).all()) == len(manager.jobs())
    assert typed("status", job.job_id).strip()
    assert typed("jobs").strip()
    found = Job(job, manager)
    for act in (found.log, found.script, found.template, found.errors, found.result, found.timings):
        said(act)
    said(lambda: manager.table(job, again=True))


def test_a_folder_in_which_everything_is_missing_is_said_to_be_none(home: Path) -> None:
    job = whole(home)
    good = whole(home)
    for name in files_of(job):
        (job.path / name).unlink()
    assert "no readable spec.json" in said(lambda: Manager(home).status(job))
    assert [status.job_id for status in Manager(home).jobs()] == [good.job_id]
    assert [each.job_id for each in jobdir.all_jobs(home)] == sorted([job.job_id, good.job_id])
