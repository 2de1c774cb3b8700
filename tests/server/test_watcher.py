"""What changes is said on Jupyter's event bus: whole snapshots, at most one a second a job."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from madejobs import make_job, progress
from test_board import make_board

from jupyter_featx import jobdir
from jupyter_featx.server import watcher
from jupyter_featx.server.watcher import SCHEMA, SCHEMA_ID, Watcher

SECONDS = 120


class Heard(list[dict[str, Any]]):
    """Collects what a watcher says, and waits for it."""

    async def until(self, fact: Any) -> dict[str, Any]:
        deadline = time.monotonic() + SECONDS
        while True:
            if found := next((change for change in self if fact(change)), None):
                return found
            assert time.monotonic() < deadline, self
            await asyncio.sleep(0.02)


async def run(function: Any, *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)


@pytest.fixture
def quick(monkeypatch) -> None:
    """Seconds are short."""
    monkeypatch.setattr(watcher, "_ACTIVE_SECONDS", 0.05)
    monkeypatch.setattr(watcher, "_IDLE_SECONDS", 0.05)
    monkeypatch.setattr("jupyter_featx.server.board._SHORT_SECONDS", 0.0)


async def test_a_change_is_told_and_what_was_there_is_none(home: Path, quick):
    old, heard, board = make_job(home, "old", "running", total=100), Heard(), make_board(home)
    one = Watcher(board, run, heard.append, print)
    one.start()
    while not board.active() or board._changed:
        await asyncio.sleep(0.02)
    new = make_job(home, "new")
    found = await heard.until(lambda change: change["job_id"] == new.job_id)
    assert (found["change"], found["job"]["state"]) == ("changed", "completed")
    assert not any(change["job_id"] == old.job_id for change in heard)
    progress(old, 70)
    assert (await heard.until(lambda change: change["job_id"] == old.job_id))["job"]["done"] == 70
    jobdir.remove(old)
    found = await heard.until(lambda change: change["change"] == "deleted")
    assert (found["job_id"], found["job"]) == (old.job_id, None)
    await one.stop()


async def test_of_many_changes_in_one_second_the_last_is_told(home: Path, monkeypatch, quick):
    monkeypatch.setattr(watcher, "_ACTIVE_SECONDS", 1000.0)
    job, heard, board = make_job(home, "a", "running", total=100), Heard(), make_board(home)
    one = Watcher(board, run, heard.append, print)
    board.all()
    for done in range(51, 60):
        progress(job, done)
        board.watch()
        await one._tell()
    assert [change["job"]["done"] for change in heard] == [51]
    monkeypatch.setattr(watcher, "_ACTIVE_SECONDS", 0.0)
    await one._tell()
    assert [change["job"]["done"] for change in heard] == [51, 59]
    await one._tell()
    assert len(heard) == 2


async def test_a_file_system_that_is_away_ends_no_watch(home: Path, monkeypatch, quick):
    said: list[str] = []
    heard, board = Heard(), make_board(home)
    one = Watcher(board, run, heard.append, said.append)
    whole = board.watch

    def away() -> None:
        monkeypatch.setattr(board, "watch", whole)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(board, "watch", away)
    one.start()
    while not said:
        await asyncio.sleep(0.02)
    make_job(home, "new")
    await heard.until(lambda change: True)
    assert "Input/output error" in said[0]
    await one.stop()


async def test_the_event_bus_carries_what_the_schema_says(extension, home: Path, jp_ws_fetch):
    job = make_job(home, "a", "running", total=100)
    await extension._start_jupyter_server_extension(None)
    socket = await jp_ws_fetch("api", "events", "subscribe")
    try:
        await _hear(socket, job.job_id, "changed", lambda step: progress(job, 60 + step))
        await _hear(socket, job.job_id, "deleted", lambda step: step or jobdir.remove(job))
    finally:
        socket.close()
        await extension.stop_extension()


async def _hear(socket: Any, job_id: str, change: str, act: Any) -> None:
    """Act, now and then, until the bus tells the change; what it tells must fit its schema."""
    schema = yaml.safe_load(SCHEMA.read_text())
    message = asyncio.ensure_future(socket.read_message())
    for step in range(SECONDS):
        act(step)  # not once: the watcher may not have had its first look
        done, _ = await asyncio.wait([message], timeout=1.0)
        if not done:
            continue
        found = json.loads(message.result())
        message = asyncio.ensure_future(socket.read_message())
        assert found["schema_id"] == SCHEMA_ID
        body = {key: value for key, value in found.items() if key in schema["properties"]}
        jsonschema.validate(body, schema)
        if (body["job_id"], body["change"]) == (job_id, change):
            message.cancel()
            return
    raise AssertionError(f"nobody said {change}")
