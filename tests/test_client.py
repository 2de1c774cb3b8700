"""The Python API, with real jobs."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from madejobs import make_job
from realjobs import calls, counting, make_items, until

import jupyter_featx as featx
from jupyter_featx import client, preflight
from jupyter_featx.client import DryRun, Job
from jupyter_featx.errors import (
    DatasetError,
    FeatxError,
    JobNotFound,
    JobStateError,
    PreflightError,
    SchedulerError,
    SpecError,
    TemplateError,
)
from jupyter_featx.jobdir import JobDir
from jupyter_featx.manager import Manager
from jupyter_featx.schedulers.local import LocalScheduler

BOTH = """
def number(path):
    return int(open(path).read())

def _process_input(path):
    return {"volume": number(path), "a": "x"}

def _process_output(path):
    return {"volume": number(path) * 10, "energy": -1.5}
"""


def _process_input(path):  # type: ignore[no-untyped-def]
    with open(path) as file:
        return {"number": int(file.read())}


def submit(template: object, data: object, **options: object) -> Job:
    job = client.submit(template, data, **({"preflight": False} | options))
    assert isinstance(job, Job)
    return job


def jobs_left(home: Path) -> list[Path]:
    """Return every job folder and every temporary one below FEATX_HOME."""
    return [path for path in (*home.glob("jobs/*"), *home.glob("jobs/.*"), *home.glob(".*")) if path.exists()]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A finished job of both functions over six items, for the tests that only look."""
    folder = tmp_path_factory.mktemp("both")
    before = os.environ.get("FEATX_HOME")
    os.environ["FEATX_HOME"] = str(folder / "home")
    try:
        job = submit(BOTH, make_items(folder / "data", 6), name="two functions")
        job.wait(20)
    finally:
        os.environ.pop("FEATX_HOME")
        if before is not None:
            os.environ["FEATX_HOME"] = before
    return job


def test_the_table_has_a_row_for_each_item_in_order(both: Job) -> None:
    table = both.result()
    assert list(table.columns) == ["item", "input.volume", "a", "output.volume", "energy"]
    assert list(table["input.volume"]) == [1, 2, 3, 4, 5, 6]
    assert list(table["output.volume"]) == [10, 20, 30, 40, 50, 60]
    assert list(both.result(columns=["energy"], limit=2)["energy"]) == [-1.5, -1.5]


def test_features_and_labels_are_row_for_row_with_plain_names(both: Job) -> None:
    features, labels = both.features(), both.labels()
    assert list(features.columns) == ["volume", "a"]
    assert list(labels.columns) == ["volume", "energy"]
    assert list(features.index) == list(labels.index) == list(both.result()["item"])
    assert (features["volume"] * 10 == labels["volume"]).all()


def test_the_status_says_it_all(both: Job) -> None:
    status = both.status()
    assert (str(status.state), status.reason, status.total, status.done, status.failed, status.running) == (
        "completed",
        "",
        6,
        6,
        0,
        0,
    )
    assert status.seconds > 0
    assert status.eta_seconds is None
    assert len(status.attempts) == 1
    assert both.id in str(status) == str(both) == repr(both)
    assert both.id in status._repr_html_()


def test_what_runs_can_be_read(both: Job) -> None:
    assert "_process_output" in both.template()
    assert str(both.path) in both.script()
    assert both.errors().empty
    assert list(both.timings()["item"]) == list(both.result()["item"])


@pytest.mark.parametrize("form", ["text", "path", "path as text", "notebook", "function"])
def test_a_template_is_given_in_any_form(home: Path, tmp_path: Path, numbers: Path, form: str) -> None:
    text = "def _process_input(path):\n    return {'number': int(open(path).read())}\n"
    (tmp_path / "my features.py").write_text(text)
    cells = [nbformat.v4.new_markdown_cell("# hi"), nbformat.v4.new_code_cell(text)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "book.ipynb")
    template = {
        "text": text,
        "path": tmp_path / "my features.py",
        "path as text": str(tmp_path / "my features.py"),
        "notebook": tmp_path / "book.ipynb",
        "function": _process_input,
    }[form]
    job = submit(template, numbers)
    assert job.wait(20).done == 8
    assert list(job.result()["number"]) == list(range(1, 9))
    assert job.status().name == {"path": "my features", "path as text": "my features", "notebook": "book"}.get(
        form, "job"
    )


def test_one_long_line_of_source_is_no_path(home: Path, numbers: Path) -> None:
    text = "def _process_input(path): return {" + ", ".join(f"'k{n}': {n}" for n in range(60)) + "}"
    assert isinstance(client.submit(text, numbers, dry_run=True), DryRun)
    assert client.Source.of("~nobody-like-this/x.py").notebook is None


def test_a_file_of_a_strange_name_gives_a_name_of_one_line(home: Path, tmp_path: Path, numbers: Path) -> None:
    path = tmp_path / ("a\tb" + "x" * 150 + ".py")
    path.write_text("def _process_input(path):\n    return {'n': 1}\n")
    job = submit(path, numbers)
    assert job.status().name.isprintable()
    job.wait(20)


def test_a_table_can_be_had_while_the_job_runs_and_after(home: Path, tmp_path: Path) -> None:
    job = submit(counting(tmp_path / "calls", seconds=0.25), make_items(tmp_path / "data", 10))
    assert len(job.result()) <= 10  # at once, perhaps without any row
    until(lambda: job.status().done >= 2)
    some = job.result()
    assert str(job.status().state) == "running"
    assert 2 <= len(some) < 10
    assert job.status().running >= 1
    job.wait(20)
    assert list(job.result()["square"]) == [n * n for n in range(1, 11)]
    assert set(calls(tmp_path / "calls").values()) == {1}


def test_wait_gives_up_in_time_and_the_job_goes_on(home: Path, tmp_path: Path) -> None:
    job = submit(counting(tmp_path / "calls", seconds=0.2), make_items(tmp_path / "data", 6))
    begun = time.monotonic()
    with pytest.raises(TimeoutError, match=f"'{job.id}' is still"):
        job.wait(timeout=0.2)
    assert time.monotonic() - begun < 1
    assert job.wait().done == 6


def test_failed_items_are_told_by_cause(home: Path, tmp_path: Path) -> None:
    job = submit(
        counting(tmp_path / "calls", "assert number != 3, 'three'\nprint('seen', number)"),
        make_items(tmp_path / "data", 5),
    )
    status = job.wait(20)
    assert (str(status.state), status.done, status.failed) == ("completed", 4, 1)
    assert list(job.errors()["count"]) == [1]
    assert "three" in job.errors(grouped=False)["message"][0]
    assert "seen 4" in job.log()


def test_a_dry_run_shows_the_script_and_leaves_nothing(home: Path, numbers: Path) -> None:
    dry = client.submit(BOTH, numbers, dry_run=True, cores=7)
    assert isinstance(dry, DryRun)
    assert "jupyter_featx.worker" in str(dry) == repr(dry)
    assert "_process_output" in dry.template
    assert "8 items" in dry.lines[0]
    assert jobs_left(home) == []


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"core": 2}, SpecError, "core= is no option.*cores.*item_timeout"),
        ({"cores": 0}, SpecError, "cores=0"),
        ({"threads": 0}, SpecError, "threads=0"),
        ({"limit": 0}, SpecError, "limit=0"),
        ({"item_timeout": "soon"}, SpecError, "item_timeout='soon'"),
        ({"item_memory": "much"}, SpecError, "item_memory='much'"),
        ({"walltime": -1}, SpecError, "walltime=-1"),
        ({"max_failures": -1}, SpecError, "max_failures=-1"),
        ({"scheduler": "moab"}, SpecError, "scheduler='moab'.*local"),
        ({"name": "a\nb"}, SpecError, "name="),
        ({"name": "x" * 101}, SpecError, "name="),
        ({"name": "  "}, SpecError, "name="),
        ({"name": "\udcff"}, SpecError, "name="),
    ],
)
def test_a_wrong_option_is_said_and_leaves_nothing(
    home: Path, numbers: Path, options: dict[str, object], error: type[FeatxError], match: str
) -> None:
    with pytest.raises(error, match=match):
        client.submit(BOTH, numbers, **options)
    assert jobs_left(home) == []


@pytest.mark.parametrize("what", ["template", "data", "preflight", "scheduler"])
def test_a_failed_submit_leaves_no_job_behind(
    home: Path, tmp_path: Path, numbers: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def refuse(*_: object) -> str:
        raise SchedulerError("no more processes")

    if what == "scheduler":
        monkeypatch.setattr(LocalScheduler, "submit", refuse)
    template = {
        "template": "x = 1",
        "preflight": "def _process_input(path):\n    raise ValueError('no')\n",
    }.get(what, BOTH)
    data = tmp_path / "none" if what == "data" else numbers
    with pytest.raises((TemplateError, DatasetError, PreflightError, SchedulerError)):
        client.submit(template, data, preflight=what == "preflight")
    assert jobs_left(home) == []


def test_jobs_are_a_table_newest_first(home: Path, numbers: Path) -> None:
    assert list(featx.jobs().columns)[:3] == ["job", "name", "state"]
    assert featx.jobs().empty
    one, other = submit(BOTH, numbers, name="one"), submit(BOTH, numbers, name="other")
    one.wait(20)
    other.wait(20)
    table = featx.jobs()
    assert list(table["job"]) == [other.id, one.id]
    assert list(table["done"]) == [8, 8]
    assert (pd.Timestamp.now("UTC").tz_localize(None) - table["created"]).max() < pd.Timedelta("1min")
    assert featx.job("one").id == one.id
    assert featx.job().id == other.id


def test_a_deleted_job_is_gone_and_can_still_be_shown(home: Path, numbers: Path) -> None:
    job = submit(BOTH, numbers)
    job.wait(20)
    job.delete()
    assert jobs_left(home) == []
    assert f"No job '{job.id}'" in repr(job)
    for act in (job.status, job.delete, job.result, job.retry, job.cancel, lambda: featx.job(job.id)):
        with pytest.raises(JobNotFound):
            act()


def test_a_damaged_table_is_made_again(home: Path, numbers: Path) -> None:
    job = submit(BOTH, numbers)
    job.wait(20)
    whole = job.result()
    for name in ("table.parquet", "errors.csv"):
        path = job.path / name
        path.write_bytes(bytes(300) + path.read_bytes()[300:])
        assert job.result().equals(whole)
        assert job.errors().empty
    (job.path / "items.idx").write_bytes(b"")
    (job.path / "table.parquet").write_bytes(b"x")
    with pytest.raises(FeatxError, match="items"):
        job.result()


def test_a_job_cannot_be_retried_while_its_submit_tries_it(
    home: Path, numbers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def retried_meanwhile(job: JobDir, *_: object, **__: object) -> str:
        with pytest.raises(JobStateError, match="being submitted"):
            Job(job, client.Manager()).retry()
        return "tried"

    monkeypatch.setattr(preflight, "check", retried_meanwhile)
    job = client.submit(BOTH, numbers)
    assert isinstance(job, Job)
    assert job.lines[-1] == "tried"
    assert len(job.wait(20).attempts) == 1


def test_a_script_that_somebody_removed_is_said_to_be_gone(home: Path, numbers: Path) -> None:
    job = client.Job(make_job(home, "iris"), Manager())
    for file, read in ((job.path / "submit.sh", job.script), (job.path / "template.py", job.template)):
        file.unlink()
        with pytest.raises(JobStateError, match=f"Cannot read .*{file.name}: No such file"):
            read()


def test_a_running_job_is_neither_deleted_nor_retried(home: Path, tmp_path: Path) -> None:
    job = submit(counting(tmp_path / "calls", seconds=0.3), make_items(tmp_path / "data", 6))
    for act in (job.delete, job.retry):
        with pytest.raises(JobStateError, match="cancel"):
            act()
    job.cancel()
    job.delete()


def test_a_name_that_is_missing_when_it_runs_is_a_failed_job_with_the_reason(home: Path, numbers: Path) -> None:
    job = submit("import no_such_module\ndef _process_input(path):\n    return {'n': no_such_module.x}\n", numbers)
    status = job.wait(20)
    assert str(status.state) == "failed"
    assert "no_such_module" in status.reason


def test_a_data_frame_column_is_a_dataset(home: Path, numbers: Path) -> None:
    paths = pd.Series(sorted(str(path) for path in numbers.iterdir()))
    job = submit(BOTH, paths)
    assert job.wait(20).total == 8


def test_the_record_of_a_job_says_what_was_asked(home: Path, numbers: Path) -> None:
    job = submit(BOTH, numbers, cores="1x2", threads=3, walltime="1h", item_timeout=5, item_memory="1G", max_failures=3)
    record = json.loads((job.path / "spec.json").read_text())
    assert record["resources"] == {
        "cores": 2,
        "ranks": 1,
        "threads": 3,
        "walltime_seconds": 3600.0,
        "jobs": 1,
        "max_attempts": 100,
        "memory_per_core_mb": None,
    }
    assert record["limits"] == {"item_timeout_seconds": 5.0, "item_memory_mb": 1024.0, "max_failures": 3}
    assert record["python"] == sys.executable
    assert job.wait(20).done == 8
