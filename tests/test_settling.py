"""Where jobs are: their own events first, then what their scheduler says of the runs that have not ended."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from realjobs import make_spec

from jupyter_featx import events
from jupyter_featx.dataset import DatasetOptions
from jupyter_featx.events import Begun, EventLog, Unreachable, Waiting
from jupyter_featx.jobdir import JobDir
from jupyter_featx.manager import Manager
from jupyter_featx.schedulers.memory import MemoryScheduler
from jupyter_featx.script import RunOptions
from jupyter_featx.spec import ResourceSpec
from jupyter_featx.state import State
from jupyter_featx.template import extract


class Cluster:
    """A manager over a cluster in memory, and a job of some parts."""

    def __init__(self, root: Path, data: Path) -> None:
        self.scheduler, self.data = MemoryScheduler(), data
        self.manager = Manager(root, {"memory": self.scheduler})

    def submit(self, parts: int = 1) -> JobDir:
        spec = make_spec(
            name="iris", scheduler="memory", workdir=str(self.data), resources=ResourceSpec(cores=4, jobs=parts)
        )
        template = extract("def _process_input(path):\n    return {'n': 1}\n")
        job = self.manager.draft(template, self.data, DatasetOptions(), spec).job
        self.manager.start(job)
        return job

    def written(self, job: JobDir) -> list[str]:
        return [type(event).__name__ for event in events.read(job.events)]


@pytest.fixture
def cluster(home: Path, numbers: Path) -> Cluster:
    return Cluster(home, numbers)


def start(job: JobDir, native_id: str = "1", *, why: str = "", done: int = 0) -> None:
    number, log = job.claim_attempt()
    log.append(
        events.Started(native_id=native_id, attempt=number, host="n1", ranks=1, workers=4, pending=8, done=0, failed=0)
    )
    if why:
        log.append(events.Stopped(native_id=native_id, why=why, message="", done=done, failed=0))


def test_a_full_disk_keeps_nobody_from_looking_at_the_jobs(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    gone, other = cluster.submit(), cluster.submit()
    start(gone)
    cluster.scheduler.end("1", "NODE_FAIL on node7")

    def full(self: EventLog, event: events.Event) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(EventLog, "append", full)
        found = {status.job_id: status for status in cluster.manager.jobs()}
        assert (found[gone.job_id].state, found[gone.job_id].reason) == (State.FAILED, "NODE_FAIL on node7")
        assert found[other.job_id].state is State.QUEUED
    assert "Lost" not in cluster.written(gone)
    assert cluster.manager.status(gone).state is State.FAILED
    assert "Lost" in cluster.written(gone)


def age(job: JobDir, seconds: float) -> None:
    for path in job.events.iterdir():
        os.utime(path, (time.time() - seconds,) * 2)


def test_a_reason_to_wait_is_shown_and_not_written_down(cluster: Cluster) -> None:
    job = cluster.submit()
    cluster.scheduler.says["1"] = Waiting(native_id="1", reason="Priority", words="others go first")
    status = cluster.manager.status(job)
    assert (status.state, status.reason, status.current[0].words) == (State.QUEUED, "Priority", "others go first")
    cluster.scheduler.says["1"] = Begun(native_id="1")
    assert cluster.manager.status(job).reason == "starting"
    assert cluster.written(job) == ["Created", "Submitted"]


def test_a_scheduler_that_does_not_answer_loses_nothing_and_comes_back(cluster: Cluster) -> None:
    job = cluster.submit()
    start(job)
    cluster.scheduler.says["1"] = Unreachable(native_id="1", since=5.0, message="slurmctld does not answer")
    assert (cluster.manager.status(job).state, cluster.manager.status(job).unknown_since) == (State.RUNNING, 5.0)
    del cluster.scheduler.says["1"]
    assert cluster.manager.status(job).unknown_since is None
    assert cluster.written(job) == ["Created", "Submitted", "Started"]


def test_a_run_that_has_just_spoken_is_not_asked_about_unless_it_is_to_end(cluster: Cluster) -> None:
    job = cluster.submit()
    cluster.scheduler.trusts_seconds = 20.0
    start(job)
    cluster.scheduler.end("1", "NODE_FAIL: node n1 went down", "NODE_FAIL")
    assert cluster.manager.status(job).state is State.RUNNING
    for seconds in (30, -30):  # silent, or by a clock that is ahead of ours
        other = cluster.submit()
        native_id = str(len(cluster.scheduler.scripts))
        start(other, native_id)
        age(other, seconds)
        cluster.scheduler.end(native_id, "NODE_FAIL: node n1 went down", "NODE_FAIL")
        assert cluster.manager.status(other).state is State.FAILED
    assert cluster.manager.cancel(job).state is State.CANCELLED


def test_a_run_that_ended_as_it_should_is_not_lost_before_its_last_words_are_seen(cluster: Cluster) -> None:
    job = cluster.submit()
    start(job)
    cluster.scheduler.end("1", "ended", "COMPLETED")
    assert cluster.manager.status(job).state is State.RUNNING
    age(job, 120)
    assert cluster.manager.status(job).state is State.FAILED


def test_a_run_that_was_killed_is_lost_at_once(cluster: Cluster) -> None:
    job = cluster.submit()
    start(job)
    cluster.scheduler.end("1", "NODE_FAIL: node n1 went down", "NODE_FAIL")
    status = cluster.manager.status(job)
    assert (status.state, status.reason) == (State.FAILED, "NODE_FAIL: node n1 went down")
    assert cluster.written(job).count("Lost") == 1


def test_a_run_that_was_to_continue_and_did_not_fails_after_a_while(cluster: Cluster) -> None:
    job = cluster.submit()
    start(job, why="continues", done=3)
    cluster.scheduler.end("1", "COMPLETED", "COMPLETED")
    assert cluster.manager.status(job).state is State.QUEUED
    age(job, 120)
    status = cluster.manager.status(job)
    assert (status.state, status.done) == (State.FAILED, 3)


def test_each_part_is_a_run_of_its_own_and_the_job_is_one(cluster: Cluster) -> None:
    job = cluster.submit(parts=3)
    assert cluster.scheduler.arguments == {"1": ("0",), "2": ("1",), "3": ("2",)}
    for native_id in ("1", "2"):
        start(job, native_id)
    status = cluster.manager.status(job)
    assert (status.state, len(status.current)) == (State.RUNNING, 3)
    cluster.manager.cancel(job)
    assert cluster.scheduler.cancelled == ["1", "2", "3"]
    assert cluster.manager.status(job).state is State.CANCELLED


def test_parts_that_the_queue_has_no_room_for_take_the_others_with_them(cluster: Cluster) -> None:
    cluster.scheduler.room = 2
    with pytest.raises(Exception, match="queue is full"):
        cluster.submit(parts=3)
    assert cluster.scheduler.cancelled == ["1", "2"]
    [status] = cluster.manager.jobs()
    assert status.state in (State.FAILED, State.CANCELLED)


def test_a_run_of_which_no_rank_was_heard_is_lost_with_the_end_of_its_log(cluster: Cluster) -> None:
    job = cluster.submit()
    (job.logs / "job-1.log").write_text("slurmstepd: error: execve(): /gone/python: No such file or directory\n")
    cluster.scheduler.end("1", "ended with exit code 2 (FAILED).", "FAILED")
    assert "The log ends: slurmstepd: error: execve(): /gone/python" in cluster.manager.status(job).reason


def test_a_run_that_waits_once_more_shows_so_unless_it_has_spoken_since(cluster: Cluster) -> None:
    job = cluster.submit()
    start(job)
    cluster.scheduler.says["1"] = Waiting(native_id="1", reason="BeginTime", words="it was requeued")
    assert cluster.manager.status(job).state is State.RUNNING
    age(job, 120)
    assert cluster.manager.status(job).state is State.QUEUED


def test_a_job_whose_first_part_completes_while_the_others_are_submitted_is_queued(cluster: Cluster) -> None:
    job = cluster.submit(parts=3)
    path = next(job.events.glob("client-*.jsonl"))
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    number, log = job.claim_attempt()
    counts = {"native_id": "1", "done": 3, "failed": 0}
    log.append(events.Started(**counts, attempt=number, host="n1", ranks=1, workers=4, pending=3, parts=3))
    log.append(events.Stopped(**counts, why="complete", message=""))
    assert cluster.manager.status(job).state is State.QUEUED
    path.write_bytes(path.read_bytes().replace(b'"time":17', b'"time":16'))
    assert cluster.manager.status(job).state is State.FAILED
    assert cluster.manager.retry(job, RunOptions()).state is State.QUEUED
    assert list(cluster.scheduler.arguments.values())[3:] == [("1",), ("2",)]
