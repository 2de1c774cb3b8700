"""The twin in memory keeps the same promises as a real scheduler, and runs nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_featx.errors import SchedulerError
from jupyter_featx.events import Lost
from jupyter_featx.schedulers.base import Scheduler
from jupyter_featx.schedulers.memory import MemoryScheduler


def submit(scheduler: Scheduler, folder: Path) -> str:
    (folder / "submit.sh").write_text("exit 1")
    return scheduler.submit(folder / "submit.sh", folder / "log")


def test_it_keeps_the_script_and_runs_nothing(tmp_path: Path) -> None:
    scheduler = MemoryScheduler()
    one, other = submit(scheduler, tmp_path), submit(scheduler, tmp_path)
    assert one != other
    assert scheduler.scripts[one] == "exit 1"
    assert scheduler.poll([one, other]) == {}
    assert not (tmp_path / "log").exists()


def test_a_run_that_ended_is_lost_with_its_reason(tmp_path: Path) -> None:
    scheduler = MemoryScheduler()
    one, other = submit(scheduler, tmp_path), submit(scheduler, tmp_path)
    scheduler.end(one, "NODE_FAIL")
    found = scheduler.poll([one, other])
    assert list(found) == [one]
    assert isinstance(found[one], Lost)
    assert found[one].reason == "NODE_FAIL"
    assert found[one].native_id == one


def test_a_cancelled_run_is_lost(tmp_path: Path) -> None:
    scheduler = MemoryScheduler()
    one = submit(scheduler, tmp_path)
    scheduler.cancel(one)
    assert scheduler.cancelled == [one]
    assert one in scheduler.poll([one])


def test_a_full_queue_refuses(tmp_path: Path) -> None:
    scheduler = MemoryScheduler()
    scheduler.full = True
    with pytest.raises(SchedulerError, match="full"):
        submit(scheduler, tmp_path)
