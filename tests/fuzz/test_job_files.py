"""A job's own files, damaged by a disk or written by somebody else: a status, a table, or one clear error."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from bounded import bounded
from hypothesis import given
from hypothesis import strategies as st
from madejobs import make_job, write_rows
from mutations import anything, mutated_json
from refusing import clear

from jupyter_featx import table
from jupyter_featx.errors import FeatxError
from jupyter_featx.jobdir import JobDir
from jupyter_featx.manager import Manager
from jupyter_featx.shards import finished
from jupyter_featx.spec import ContainerSpec

IMAGE = ContainerSpec("/images/a.sif", binds=("/scratch",))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> JobDir:
    job = make_job(tmp_path_factory.mktemp("model"), state="running", container=IMAGE)
    write_rows(job, [{"n": 1, "t": "a", "j": [1], "x": 1.5}] * 4, {2: {}})
    return job


def copied(model: JobDir, tmp_path_factory: pytest.TempPathFactory) -> JobDir:
    root = tmp_path_factory.getbasetemp() / "damaged"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(model.path, root / "jobs" / model.job_id)
    return JobDir(root / "jobs" / model.job_id)


def root_of(job: JobDir) -> Path:
    return job.path.parents[1]


@bounded(60)
@given(data=st.data())
def test_any_spec(model: JobDir, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    job = copied(model, tmp_path_factory)
    seed = model.spec_file.read_bytes()
    job.spec_file.write_bytes(data.draw(mutated_json([json.loads(seed)]) | anything([seed])))
    manager = Manager(root_of(job))
    try:
        assert str(manager.status(job))
    except FeatxError as exc:
        clear(exc)
    for status in manager.jobs():
        assert status._repr_html_()


@bounded(100)
@given(data=st.data())
def test_any_events(model: JobDir, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    job = copied(model, tmp_path_factory)
    path = data.draw(st.sampled_from(sorted(job.events.iterdir())))
    lines = path.read_bytes().splitlines(keepends=True)
    damaged = mutated_json([json.loads(line) for line in lines]).map(lambda text: b"".join([*lines, text, b"\n"]))
    path.write_bytes(data.draw(damaged | anything([b"".join(lines)])))
    for status in (Manager(root_of(job)).status(job), *Manager(root_of(job)).jobs()):
        assert str(status)
        assert status._repr_html_()


@bounded(100)
@given(data=st.data())
def test_any_rows(model: JobDir, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    job = copied(model, tmp_path_factory)
    path = data.draw(st.sampled_from([job.shard(1, 0), job.shard(1, 0), job.shard_meta(1, 0)]))
    lines = path.read_bytes().splitlines(keepends=True)
    damaged = mutated_json([json.loads(line) for line in lines]).map(lambda text: b"".join([text, b"\n", *lines]))
    path.write_bytes(data.draw(damaged | anything([b"".join(lines)])))
    status = finished(job.shards, 4)
    assert len(status) == len(finished(job.shards, 4, thorough=True)) == 4
    _merge(job)


def _merge(job: JobDir) -> None:
    out = job.path / "partial"
    out.mkdir(exist_ok=True)
    reads: list[Any] = [
        lambda: table.merge(job.shards, job.items, job.index, out, threads=1),
        lambda: table.read_table(out / table.PARQUET),
        lambda: table.read_errors(out / table.ERRORS),
        lambda: table.timings(job.shards, job.items, job.index),
    ]
    for read in reads:
        try:
            read()
        except FeatxError as exc:
            clear(exc)
