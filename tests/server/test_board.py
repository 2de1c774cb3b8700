"""The board reads what changed, and nothing else."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest
from madejobs import make_job, progress

from jupyter_featx import events, jobdir
from jupyter_featx.errors import JobNotFound
from jupyter_featx.manager import Manager
from jupyter_featx.schedulers.memory import MemoryScheduler
from jupyter_featx.server.board import Board
from jupyter_featx.server.snapshots import Shown


def make_board(home: Path, **schedulers: Any) -> Board:
    return Board(Shown(home), lambda journals: Manager(home, schedulers or None, journals.read))


def test_an_ended_job_is_read_once(home: Path, monkeypatch):
    make_job(home, "a"), make_job(home, "b", "failed")
    running = make_job(home, "c", "running")
    board = make_board(home)
    assert len(board.all()) == 3
    asked: list[str] = []
    status = Manager.status

    def counting(manager: Manager, job: jobdir.JobDir, *more: Any) -> Any:
        asked.append(job.job_id)
        return status(manager, job, *more)

    monkeypatch.setattr(Manager, "status", counting)
    monkeypatch.setattr("jupyter_featx.server.board._SHORT_SECONDS", 0.0)
    assert len(board.all()) == 3
    assert asked == [running.job_id]


def test_what_changed_is_said_once(home: Path, monkeypatch):
    monkeypatch.setattr("jupyter_featx.server.board._SHORT_SECONDS", 0.0)
    job, board = make_job(home, "a", "running", total=100), make_board(home)
    board.all()
    assert set(board.changes()) == {job.job_id}
    board.watch()
    assert board.changes() == {}
    progress(job, 60)
    board.watch()
    changed = board.changes()[job.job_id]
    assert changed is not None
    assert changed["done"] == 60
    assert board.changes() == {}


def test_a_job_that_came_or_went_elsewhere_is_noticed(home: Path):
    board = make_board(home)
    board.all()
    job = make_job(home, "a")
    assert board.moved()
    board.watch()
    assert set(board.changes()) == {job.job_id}
    jobdir.remove(job)
    board.watch()
    assert board.changes() == {job.job_id: None}
    assert board.all() == []
    with pytest.raises(JobNotFound):
        board.one(job.job_id)


def test_a_retry_elsewhere_is_noticed(home: Path):
    job, board = make_job(home, "a", "failed"), make_board(home, local=MemoryScheduler())
    board.all()
    board.changes()
    Manager(home, {"local": MemoryScheduler()}).start(job)
    board.watch()
    changed = board.changes()[job.job_id]
    assert changed is not None
    assert changed["state"] == "queued"


def test_with_nothing_active_only_the_folder_is_asked_for(home: Path, monkeypatch):
    make_job(home, "a")
    os.utime(home / "jobs", (1e9, 1e9))  # a moment ago it could not be told from now
    board = make_board(home)
    board.all()
    board.changes()
    assert not board.busy

    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("jupyter_featx.server.board.fingerprint", refuse)
    monkeypatch.setattr(jobdir, "all_jobs", refuse)
    board.watch()


def test_a_folder_that_is_no_job_hides_no_other(home: Path):
    job = make_job(home, "a")
    (home / "jobs" / "broken").mkdir()
    (home / "jobs" / "broken" / "spec.json").write_text("{")
    newer = make_job(home, "newer")
    newer.spec_file.write_text(newer.spec_file.read_text().replace('"version": 2', '"version": 99'))
    assert [entry.job.job_id for entry in make_board(home).all()] == [job.job_id]


def test_there_is_nothing_where_there_is_no_home(tmp_path: Path):
    board = make_board(tmp_path / "nowhere")
    assert board.all() == []
    assert not board.moved()


class Hanging(MemoryScheduler):
    """A scheduler that answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.answer = threading.Event(), threading.Event()

    def poll(self, native_ids: Collection[str]) -> Mapping[str, events.Event]:
        self.asked.set()
        self.answer.wait(60)
        return {}


def test_a_scheduler_that_hangs_holds_one_thread_and_not_the_list(home: Path, monkeypatch):
    monkeypatch.setattr("jupyter_featx.server.board._SHORT_SECONDS", 0.0)
    make_job(home, "a", "running", scheduler="far")
    slow = Hanging()
    slow.answer.set()
    board = make_board(home, far=slow)
    board.all()
    slow.answer.clear(), slow.asked.clear()
    watching = threading.Thread(target=board.watch)
    watching.start()
    assert slow.asked.wait(60)
    assert [entry.snapshot["state"] for entry in board.all()] == ["running"]
    slow.answer.set()
    watching.join(60)
    assert not watching.is_alive()


def test_a_folder_that_vanishes_under_the_hand_is_left_out(home: Path):
    job, board = make_job(home, "a", "running"), make_board(home)
    board.all()
    shutil.rmtree(job.path)
    assert board.look([job.job_id]) == []
