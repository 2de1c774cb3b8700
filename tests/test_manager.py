"""The manager, with a scheduler in memory: its own rules."""

from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from realjobs import make_spec

from jupyter_featx import events, jobdir, table
from jupyter_featx.dataset import DatasetOptions
from jupyter_featx.errors import (
    DatasetError,
    FeatxError,
    JobNotFound,
    JobStateError,
    SchedulerError,
    SpecError,
)
from jupyter_featx.jobdir import JobDir
from jupyter_featx.manager import Manager
from jupyter_featx.schedulers.memory import MemoryScheduler
from jupyter_featx.script import RunOptions
from jupyter_featx.spec import JobSpec, ResourceSpec
from jupyter_featx.state import State
from jupyter_featx.template import extract

TEMPLATE = "def _process_input(path):\n    return {'n': 1}\n"


class Twin:
    """A manager whose scheduler runs nothing."""

    def __init__(self, root: Path, data: Path) -> None:
        self.scheduler = MemoryScheduler()
        self.manager = Manager(root, {"memory": self.scheduler})
        self.data = data

    def draft(self, name: str = "iris", **changes: object) -> JobDir:
        spec = make_spec(name=name, scheduler="memory", workdir=str(self.data), created=time.time(), **changes)
        return self.manager.draft(extract(TEMPLATE), self.data, DatasetOptions(), spec).job

    def submit(self, name: str = "iris") -> JobDir:
        job = self.draft(name)
        self.manager.start(job)
        return job

    def run(self, job: JobDir, *, done: int = 8, failed: int = 0, why: str = "complete") -> None:
        """Write what a run of the job would."""
        number, log = job.claim_attempt()
        native_id = str(len(self.scheduler.scripts))
        log.append(
            events.Started(
                native_id=native_id, attempt=number, host="vm", ranks=1, workers=1, pending=8, done=0, failed=0
            )
        )
        row = b'{"i":%d,"s":0.1,"m":1.0,"w":0,"fi:n":1}\n'
        job.shard(number, 0).write_bytes(b"".join(row % item for item in range(done)))
        if why:
            log.append(events.Stopped(native_id=native_id, why=why, message="", done=done, failed=failed))


@pytest.fixture
def twin(home: Path, numbers: Path) -> Twin:
    return Twin(home, numbers)


def test_a_draft_is_a_whole_folder_and_nothing_runs(twin: Twin) -> None:
    job = twin.draft()
    assert twin.manager.status(job).state is State.NEW
    assert twin.scheduler.scripts == {}
    names = {path.name for path in job.path.iterdir()}
    assert {"spec.json", "template.py", "items.txt", "submit.sh", "events", "shards", "logs"} <= names
    assert (job.spec().total, job.spec().job_id) == (8, job.job_id)


def test_the_script_that_is_submitted_is_the_one_in_the_folder(twin: Twin) -> None:
    job = twin.submit()
    assert list(twin.scheduler.scripts.values()) == [job.script.read_text()]
    assert str(job.path) in job.script.read_text()
    assert twin.manager.status(job).state is State.QUEUED


@pytest.mark.parametrize("what", ["scheduler", "data", "path", "template"])
def test_what_cannot_be_drafted_leaves_nothing_behind(
    twin: Twin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    spec = make_spec(scheduler="slurm" if what == "scheduler" else "memory", workdir=str(tmp_path))
    data = tmp_path / "none" if what == "data" else twin.data
    manager, folder = twin.manager, twin.manager.root
    if what == "path":
        folder = tmp_path / "a\nb"
        manager = Manager(folder, {"memory": MemoryScheduler()})
    if what == "template":
        (tmp_path / "site").mkdir()
        (tmp_path / "site" / "local.sh.j2").write_text("{{ walltime }}")
        monkeypatch.setenv("FEATX_TEMPLATES", str(tmp_path / "site"))
    with pytest.raises((SpecError, DatasetError)):
        manager.draft(extract(TEMPLATE), data, DatasetOptions(), spec)
    jobs = folder / "jobs"
    assert not jobs.exists() or list(jobs.iterdir()) == []


def test_a_refusal_of_the_scheduler_is_written_down(twin: Twin) -> None:
    job = twin.draft()
    twin.scheduler.full = True
    with pytest.raises(SchedulerError, match="full"):
        twin.manager.start(job)
    assert (twin.manager.status(job).state, twin.manager.status(job).reason) == (
        State.FAILED,
        "The queue is full. Try again later.",
    )


def test_a_run_that_nobody_could_write_down_is_cancelled(twin: Twin) -> None:
    job = twin.draft()
    job.events.rename(job.path / "elsewhere")
    with pytest.raises(OSError, match="events"):
        twin.manager.start(job)
    assert twin.scheduler.cancelled == ["1"]


def test_a_vanished_run_is_noticed_once_and_by_every_manager(twin: Twin) -> None:
    job = twin.submit()
    twin.run(job, why="")
    assert twin.manager.status(job).state is State.RUNNING
    twin.scheduler.end("1", "NODE_FAIL on node7")
    for _ in range(3):
        status = twin.manager.status(job)
        assert (status.state, status.reason) == (State.FAILED, "NODE_FAIL on node7")
    lost = [event for event in events.read(job.events) if isinstance(event, events.Lost)]
    assert len(lost) == 1
    other = Manager(twin.manager.root, {"memory": MemoryScheduler()})
    assert other.status(job).reason == "NODE_FAIL on node7"


def test_the_last_words_of_a_run_count_more_than_its_absence(twin: Twin) -> None:
    job = twin.submit()
    twin.run(job)
    twin.scheduler.end("1", "gone")
    assert twin.manager.status(job).state is State.COMPLETED


def test_a_scheduler_that_is_away_or_unknown_hides_no_job(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    job = twin.submit()
    assert Manager(twin.manager.root).jobs()[0].state is State.QUEUED

    def away(native_ids: object) -> None:
        raise SchedulerError("slurmctld does not answer")

    monkeypatch.setattr(twin.scheduler, "poll", away)
    assert twin.manager.status(job).state is State.QUEUED


def test_the_queue_is_asked_once_for_all_the_jobs(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        twin.submit()
    asked = []
    monkeypatch.setattr(twin.scheduler, "poll", lambda ids: asked.append(sorted(ids)) or {})
    twin.manager.jobs()
    assert asked == [["1", "2", "3"]]


def test_jobs_come_newest_first_and_unreadable_ones_not_at_all(twin: Twin) -> None:
    ids = [twin.submit(name).job_id for name in ("a", "b", "c")]
    broken, newer = twin.submit("d"), twin.submit("e")
    broken.spec_file.write_text("{")
    newer.spec_file.write_text(json.dumps(json.loads(newer.spec_file.read_text()) | {"version": 99}))
    assert [status.job_id for status in twin.manager.jobs()] == ids[::-1]
    assert twin.manager.find().job_id == ids[-1]
    assert twin.manager.find("a").job_id == ids[0]


def test_a_job_is_found_by_id_beginning_and_name(twin: Twin) -> None:
    one, other = twin.submit("iris"), twin.submit("제올라이트 2")
    find = twin.manager.find
    assert find(one.job_id) == find(one.job_id[:-1]) == find("iris") == one
    assert find("제올라이트 2") == other
    assert find() == other


def test_of_several_with_a_name_it_is_the_newest(twin: Twin) -> None:
    twin.submit("iris")
    time.sleep(0.002)
    newest = twin.submit("iris")
    assert twin.manager.find("iris") == newest


def test_what_is_not_found_is_said_with_what_to_type(twin: Twin) -> None:
    with pytest.raises(JobNotFound, match="submit"):
        twin.manager.find()
    one, other = twin.submit("iris-a"), twin.submit("iris-b")
    with pytest.raises(JobNotFound, match=rf"'iris-' begins 2 jobs: .*{one.job_id}.*{other.job_id}.*more of"):
        twin.manager.find("iris-")
    for key in ("none", "", "../..", "a\nb"):
        with pytest.raises(JobNotFound, match="featx jobs"):
            twin.manager.find(key)


def test_only_a_running_job_is_cancelled(twin: Twin) -> None:
    with pytest.raises(JobStateError, match="new.*nothing to cancel"):
        twin.manager.cancel(twin.draft())
    job = twin.submit()
    assert twin.manager.cancel(job).state is State.CANCELLED
    with pytest.raises(JobStateError, match="cancelled.*nothing to cancel"):
        twin.manager.cancel(job)


def test_only_an_ended_job_with_something_left_is_retried(twin: Twin) -> None:
    job = twin.submit()
    with pytest.raises(JobStateError, match="queued"):
        twin.manager.retry(job, RunOptions())
    twin.run(job, done=6, failed=2)
    assert twin.manager.retry(job, RunOptions(item_memory_mb=2048)).state is State.QUEUED
    assert "--retry-failed 2 --item-memory 2048" in twin.scheduler.scripts["2"]
    twin.run(job)
    with pytest.raises(JobStateError, match="Every item.*nothing to retry"):
        twin.manager.retry(job, RunOptions())


def test_a_refused_retry_leaves_the_job_as_it_was(twin: Twin) -> None:
    job = twin.submit()
    twin.run(job, done=6, failed=2)
    twin.scheduler.full = True
    with pytest.raises(SchedulerError):
        twin.manager.retry(job, RunOptions())
    assert twin.manager.status(job).state is State.COMPLETED
    twin.scheduler.full = False
    assert twin.manager.retry(job, RunOptions()).state is State.QUEUED


def test_a_job_that_was_never_submitted_is_not_waited_for_and_can_be_run(twin: Twin) -> None:
    job = twin.draft()
    with pytest.raises(JobStateError, match="never submitted.*retry"):
        twin.manager.wait(job)
    assert twin.manager.retry(job, RunOptions()).state is State.QUEUED


def test_two_retries_at_once_are_one(twin: Twin) -> None:
    job = twin.submit()
    twin.run(job, done=6, failed=2)
    with jobdir.locked(job):
        for act in (lambda: twin.manager.retry(job, RunOptions()), lambda: twin.manager.delete(job)):
            with pytest.raises(JobStateError, match="another process"):
                act()


def test_a_job_that_is_being_submitted_is_neither_retried_nor_deleted(twin: Twin) -> None:
    spec = make_spec(scheduler="memory", workdir=str(twin.data))
    with ExitStack() as held:
        job = twin.manager.draft(extract(TEMPLATE), twin.data, DatasetOptions(), spec, held).job
        for act in (lambda: twin.manager.retry(job, RunOptions()), lambda: twin.manager.delete(job)):
            with pytest.raises(JobStateError, match="being submitted"):
                act()
    assert twin.manager.retry(job, RunOptions()).state is State.QUEUED


def test_a_run_that_ended_before_its_last_word_can_go_on_with_nothing_left(twin: Twin) -> None:
    job = twin.submit()
    twin.run(job, why="")
    twin.scheduler.end("1", "killed")
    number, log = 1, job.event_log("attempt-0001")
    log.append(events.Progress(native_id=str(number), done=8, failed=0, running=0, rate=1))
    assert (twin.manager.status(job).state, twin.manager.status(job).remaining) == (State.FAILED, 0)
    assert twin.manager.retry(job, RunOptions()).state is State.QUEUED


def test_a_completed_job_whose_rows_are_gone_can_be_retried(twin: Twin) -> None:
    job = twin.submit()
    twin.run(job)
    job.shard(1, 0).unlink()
    assert twin.manager.retry(job, RunOptions()).state is State.QUEUED


def test_a_clock_that_was_set_back_hides_no_later_run(twin: Twin) -> None:
    job = twin.submit()
    twin.run(job, done=6, failed=2)
    for path in job.events.iterdir():
        written = map(json.loads, path.read_text().splitlines())
        path.write_text("".join(json.dumps(event | {"time": event["time"] + 3600}) + "\n" for event in written))
    other = Manager(twin.manager.root, {"memory": twin.scheduler})
    assert other.retry(job, RunOptions()).state is State.QUEUED
    twin.run(job, why="")
    twin.scheduler.end("2", "NODE_FAIL")
    assert (other.status(job).state, other.status(job).reason) == (State.FAILED, "NODE_FAIL")


def test_a_silent_run_of_another_machine_is_said_and_can_be_given_up(
    twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(native_id: str) -> None:
        raise SchedulerError("The job runs on vm. Cancel it there.")

    job = twin.submit()
    twin.run(job, why="")
    monkeypatch.setattr("socket.gethostname", lambda: "elsewhere")
    monkeypatch.setattr(twin.scheduler, "cancel", refuse)
    assert twin.manager.status(job).reason == ""
    with pytest.raises(SchedulerError, match="Cancel it there"):
        twin.manager.cancel(job)
    long_ago = time.time() - 14 * 60 - 5
    os.utime(job.events / "attempt-0001.jsonl", (long_ago, long_ago))
    for status in (twin.manager.status(job), twin.manager.jobs()[0]):
        assert status.state is State.RUNNING
        assert "runs on vm, not heard of for 14 min" in status.reason
        assert f"featx cancel {job.job_id}" in status.reason
    assert twin.manager.cancel(job).state is State.CANCELLED
    twin.manager.delete(job)


def test_a_job_deleted_while_its_table_is_made_is_gone_for_good(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    merge = table.merge

    def deleted_before(*given: Path) -> table.TableInfo:
        jobdir.remove(job)
        return merge(*given)

    job = twin.submit()
    monkeypatch.setattr(table, "merge", deleted_before)
    with pytest.raises(JobNotFound, match="was deleted"):
        twin.manager.table(job)
    assert list((twin.manager.root / "jobs").iterdir()) == []


def test_a_job_deleted_while_it_is_looked_at_is_not_found(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    job = twin.submit()
    spec = job.spec()
    twin.scheduler.end("1", "gone")
    poll = twin.scheduler.poll
    monkeypatch.setattr(twin.scheduler, "poll", lambda ids: jobdir.remove(job) or poll(ids))
    with pytest.raises(JobNotFound):
        twin.manager.status(job)
    assert list((twin.manager.root / "jobs").iterdir()) == []
    assert spec.job_id == job.job_id


def test_a_running_job_is_not_deleted(twin: Twin) -> None:
    job = twin.submit()
    with pytest.raises(JobStateError, match=f"featx cancel {job.job_id}"):
        twin.manager.delete(job)
    assert job.path.exists()
    twin.run(job)
    twin.manager.delete(job)
    assert list((twin.manager.root / "jobs").iterdir()) == []


def test_waiting_too_long_is_a_timeout_that_harms_nothing(twin: Twin) -> None:
    job = twin.submit()
    begun, seen = time.monotonic(), []
    with pytest.raises(TimeoutError, match="still queued after 0.3 s"):
        twin.manager.wait(job, 0.3, seen.append)
    assert 0.3 <= time.monotonic() - begun < 0.8
    assert {status.state for status in seen} == {State.QUEUED}


@pytest.mark.parametrize("name", ["$(touch x)", '"; touch x; "', "제올라이트", "--help", "x" * 100])
def test_the_name_of_a_job_does_no_harm(twin: Twin, tmp_path: Path, name: str) -> None:
    job = twin.submit(name)
    subprocess.run(["bash", "-n", job.script], check=True, cwd=tmp_path)
    assert twin.manager.find(name) == job
    assert twin.manager.status(job).name == name


def test_a_folder_of_data_beside_the_notebook_is_not_copied(twin: Twin, tmp_path: Path) -> None:
    package = tmp_path / "work" / "mylib"
    package.mkdir(parents=True)
    (package / "part.py").write_text("def f(x):\n    return x\n")
    (package / "huge.bin").write_bytes(b"x" * 1000)
    text = "from mylib.part import f\ndef _process_input(path):\n    return {'n': f(1)}\n"
    template = extract(text, folder=tmp_path / "work")
    spec = make_spec(scheduler="memory", workdir=str(tmp_path))
    job = twin.manager.draft(template, twin.data, DatasetOptions(), spec).job
    assert [path.name for path in job.modules.rglob("*.*")] == ["part.py"]
    assert job.template.exists()


def test_every_error_of_a_manager_is_ours() -> None:
    assert issubclass(JobStateError, FeatxError)
    assert isinstance(make_spec(resources=ResourceSpec()), JobSpec)
