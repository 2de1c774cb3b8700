"""The table's process is on its way when the last item ends, and nobody has to know of it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from engine import make_job, run

from jupyter_featx import events, table
from jupyter_featx.jobdir import JobDir
from jupyter_featx.worker.tablemaker import FAR_SECONDS, FEW_ITEMS, TableMaker

TEMPLATE = "def _process_input(path):\n    return {'n': len(path)}\n"


@pytest.fixture
def job(tmp_path: Path) -> JobDir:
    job = make_job(tmp_path, TEMPLATE, 20)
    assert not run(job).failed
    return job


def test_a_table_is_made_by_the_process_that_waited(job: JobDir) -> None:
    maker = TableMaker(job, ahead=True)
    maker.foresee(20)
    waiting = maker.pid
    assert waiting
    assert (maker.make() or {})["rows"] == 20
    assert not maker.pid
    assert (job.path / table.CSV).read_text().count("\n") == 21


def test_a_process_that_was_killed_while_it_waited_is_replaced(job: JobDir) -> None:
    maker = TableMaker(job, ahead=True)
    maker.foresee(20)
    os.kill(maker.pid, signal.SIGKILL)
    assert (maker.make() or {})["rows"] == 20


def test_a_table_that_cannot_be_made_is_tried_once(job: JobDir) -> None:
    job.index.write_bytes(b"cut")
    maker = TableMaker(job, ahead=False)
    assert maker.make() is None
    assert not (job.path / table.CSV).exists()


def test_the_process_waits_only_near_the_end(job: JobDir) -> None:
    maker = TableMaker(job, ahead=True)
    maker.foresee(FEW_ITEMS + 1)  # of many items nobody knows how long they take
    assert not maker.pid
    maker.foresee(1000, 0.5)
    assert maker.pid
    maker.foresee(1000, FAR_SECONDS + 1)  # they take longer than it seemed
    assert not maker.pid
    maker.foresee(1, 0.1)
    assert maker.pid
    maker.dismiss()
    assert not maker.pid


def test_of_several_parts_none_has_a_process_waiting(job: JobDir) -> None:
    maker = TableMaker(job, ahead=False)
    maker.foresee(20, 0.1)
    assert not maker.pid


def test_a_run_leaves_the_same_table_and_no_process(tmp_path: Path) -> None:
    job = make_job(tmp_path, TEMPLATE, 50)
    assert run(job, table=True).code == 0
    (merged,) = (event for event in events.read(job.events) if isinstance(event, events.Merged))
    assert merged.rows == 50
    ours = os.fsencode(str(job.path))
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert ours not in process.read_bytes()
        except OSError:
            continue
