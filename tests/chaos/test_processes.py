"""The processes of a job are told apart by what they are."""

from __future__ import annotations

import signal
from pathlib import Path

from chaos.processes import all_with, processes_of
from realjobs import until

import jupyter_featx as featx

SLEEP = "import time\ndef _process_input(path):\n    time.sleep(30)\n    return {'x': 1}\n"


def test_rank_nursery_and_workers_are_found_and_can_be_killed(home: Path, numbers: Path):
    job = featx.submit(SLEEP, numbers, cores=2, preflight=False)
    until(lambda: len(processes_of(home, "worker")) == 2, 60)
    found = processes_of(home)
    assert [process.role for process in found] == ["nursery", "rank", "worker", "worker"]
    assert {process.job_id for process in found} == {job.id}
    nursery, rank, first, _ = found
    assert (nursery.parent, first.parent) == (rank.pid, nursery.pid)
    assert {process.pid for process in found} <= set(all_with(home))
    assert rank.signal(signal.SIGKILL)
    until(lambda: not processes_of(home), 60)
    assert not rank.signal(signal.SIGKILL)
    assert job.wait(60).state == "failed"
