"""Tables are made in processes of their own, by one merge at a time, and again where they are damaged."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from madejobs import make_job, merged, write_rows
from test_board import make_board

from jupyter_featx.errors import JobStateError
from jupyter_featx.server import merges
from jupyter_featx.server.errands import Errands
from jupyter_featx.server.merges import Merges, StillMerging


class Counted(Errands):
    """Errands that count the merges, and wait to be let go."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.go = asyncio.Event()
        self.go.set()

    async def run(self, verb: str, seconds: float | None = None, **what: Any) -> dict[str, Any]:
        self.count += 1
        await self.go.wait()
        return await super().run(verb, seconds, **what)


async def run(function: Any, *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)


async def test_a_table_that_is_there_is_taken(home: Path):
    job = make_job(home, total=2)
    write_rows(job, [{"n": 1}, {"n": 2}])
    merged(job)
    errands = Counted()
    made = await Merges(errands, run).table(make_board(home).one(job.job_id))
    assert (made.folder, made.partial, errands.count) == (job.path, False, 0)


async def test_who_asks_at_once_waits_for_one_merge(home: Path):
    job = make_job(home, total=2)
    write_rows(job, [{"n": 1}, {"n": 2}])
    errands, entry = Counted(), make_board(home).one(job.job_id)
    errands.go.clear()
    found = Merges(errands, run)
    first = asyncio.ensure_future(found.table(entry, patient=True))
    while not errands.count:
        await asyncio.sleep(0.01)
    others = [asyncio.ensure_future(found.table(entry, patient=True)) for _ in range(4)]
    await asyncio.sleep(0)  # while a merge runs nobody looks at the files first
    errands.go.set()
    made = await asyncio.gather(first, *others)
    assert {one.folder for one in made} == {job.path}
    assert errands.count == 1
    assert make_board(home).one(job.job_id).status.merged_rows == 2


async def test_who_is_told_to_ask_again_gets_it_later(home: Path, monkeypatch):
    monkeypatch.setattr(merges, "_PATIENCE_SECONDS", 0.01)
    job = make_job(home, total=1)
    write_rows(job, [{"n": 1}])
    errands, entry = Counted(), make_board(home).one(job.job_id)
    errands.go.clear()
    found = Merges(errands, run)
    with pytest.raises(StillMerging):
        await found.table(entry)
    with pytest.raises(StillMerging):
        await found.table(entry)
    errands.go.set()
    assert (await found.table(entry, patient=True)).parquet.exists()
    assert errands.count == 1


async def test_a_partial_table_is_made_again_when_rows_came(home: Path):
    job = make_job(home, state="failed", total=3)
    write_rows(job, [{"n": 1}])
    errands, entry = Counted(), make_board(home).one(job.job_id)
    found = Merges(errands, run)
    assert (await found.table(entry, patient=True)).partial
    assert (await found.table(entry, patient=True)).folder == job.partial
    assert errands.count == 1
    os.utime(job.shard(1, 0))
    await found.table(entry, patient=True)
    assert errands.count == 2


async def test_a_running_job_is_merged_once_a_minute_or_when_asked(home: Path, monkeypatch):
    job = make_job(home, state="running", total=3)
    write_rows(job, [{"n": 1}])
    errands, entry = Counted(), make_board(home).one(job.job_id)
    found = Merges(errands, run)
    await found.table(entry, patient=True)
    os.utime(job.shard(1, 0))
    await found.table(entry, patient=True)
    assert errands.count == 1
    await found.table(entry, patient=True, refresh=True)
    assert errands.count == 2
    os.utime(job.shard(1, 0))
    monkeypatch.setattr(merges, "_FRESH_SECONDS", 0.0)
    await found.table(entry, patient=True)
    assert errands.count == 3


async def test_a_job_that_never_ran_has_no_table(home: Path):
    job = make_job(home, state="new")
    with pytest.raises(JobStateError, match="never submitted"):
        await Merges(Counted(), run).table(make_board(home).one(job.job_id))


async def test_a_damaged_table_is_made_again(api, home: Path):
    job = make_job(home, total=3)
    write_rows(job, [{"n": n} for n in range(3)], {1: {}})
    merged(job)
    (job.path / "table.parquet").write_bytes(b"PAR1 broken")
    status, page = await api("jobs", job.job_id, "result")
    assert (status, page["total"]) == (200, 2)
    (job.path / "errors.csv").write_bytes(b"broken")
    status, found = await api("jobs", job.job_id, "errors")
    assert (status, found["items"]) == (200, 1)


async def test_a_merge_that_takes_long_is_said(api, home: Path, extension, monkeypatch):
    monkeypatch.setattr(merges, "_PATIENCE_SECONDS", 0.0)
    job = make_job(home, total=1)
    write_rows(job, [{"n": 1}])
    status, found = await api.once("jobs", job.job_id, "result")
    assert (status, found["merging"]) == (202, True)
    status, found = await api("jobs", job.job_id, "result")
    assert (status, found["total"]) == (200, 1)
