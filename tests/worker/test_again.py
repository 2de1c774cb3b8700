"""What the script is answered when its ranks have ended, and what is written down then."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from engine import make_job, read

from jupyter_featx import events
from jupyter_featx.jobdir import JobDir
from jupyter_featx.state import State
from jupyter_featx.worker import again
from jupyter_featx.worker.parts import members

ROW = b'{"i":%d,"s":0.1,"m":1.0,"w":0,"fd:x":1.5}\n'
BAD = b'{"i":%d,"s":0.1,"m":1.0,"w":0,"e":{"kind":"exception"}}\n'
TEMPLATE = "def _process_input(p):\n    return {'n': 1}\n"


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobDir:
    monkeypatch.setenv("FEATX_NATIVE_ID", "71")
    made = make_job(tmp_path, TEMPLATE, 10, resources={"max_attempts": 5})
    made.event_log("client").append(events.Submitted(native_id="71", cores=2))
    return made


def begin(job: JobDir, native_id: str = "71", part: int = 0, parts: int = 1) -> int:
    attempt, log = job.claim_attempt()
    counts: dict[str, Any] = {"pending": 10, "done": 0, "failed": 0, "ranks": 1, "workers": 2}
    log.append(events.Started(native_id=native_id, attempt=attempt, host="n1", part=part, parts=parts, **counts))
    return attempt


def say(job: JobDir, attempt: int, why: str, native_id: str = "71") -> None:
    log = events.EventLog(job.events / f"attempt-{attempt:04}.jsonl")
    log.append(events.Stopped(native_id=native_id, why=why, message="said", done=3, failed=0))


def ask(job: JobDir, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert again.main([str(job.path), *arguments]) == 0
    return capsys.readouterr().out


def written(job: JobDir, native_id: str = "71") -> list[events.Event]:
    path = job.events / f"script-{native_id}.jsonl"
    return list(events.parse(path.read_bytes().splitlines(keepends=True))) if path.exists() else []


def last(job: JobDir) -> events.Stopped:
    event = written(job)[-1]
    assert isinstance(event, events.Stopped)
    return event


def test_the_next_run_comes_after_one_whose_clock_was_ahead(job: JobDir, capsys: pytest.CaptureFixture[str]) -> None:
    ahead = time.time() + 86400
    job.event_log("script-70").append(
        events.Stopped(time=ahead, native_id="70", why="error", message="", done=0, failed=0)
    )
    say(job, begin(job), "continues")
    assert ask(job, capsys, "--submitted", "72") == ""
    status = read(job).status
    assert (status.state, status.attempts[-1].native_id) == (State.QUEUED, "72")
    assert isinstance(events.read(job.events)[-1], events.Submitted)


@pytest.mark.parametrize(
    ("why", "answer"),
    [("continues", "again\n"), *((why, "end\n") for why in ("complete", "guard", "walltime", "error", "cancelled"))],
)
def test_rank_0s_own_word_decides_and_nothing_is_added(
    job: JobDir, capsys: pytest.CaptureFixture[str], why: str, answer: str
) -> None:
    say(job, begin(job), why)
    assert ask(job, capsys, "--status", "1", "--reason", "the ranks ended with status 1") == answer
    assert written(job) == []


def test_a_run_whose_ranks_were_killed_goes_on_with_the_signal_and_the_logs_end(
    job: JobDir, capsys: pytest.CaptureFixture[str]
) -> None:
    job.shard(begin(job), 0).write_bytes(ROW % 4 + BAD % 5 + ROW % 6 + b'{"i":7')
    lines = [f"line {n}" for n in range(20)]
    job.run_log("71").write_text("\n".join([*lines, "", "\x1b[31msrun: error: n2: task 1: Killed\x1b[0m", ""]))
    assert ask(job, capsys, "--status", "137", "--reason", "the ranks ended with status 137") == "again\n"
    said = last(job)
    assert said.why == "continues"
    assert "killed by SIGKILL" in said.message
    assert "line 16 | line 17 | line 18 | line 19 | srun: error: n2: task 1: Killed." in said.message
    assert "\x1b" not in said.message
    assert "line 15" not in said.message
    assert (said.done, said.failed) == (2, 1)  # the rows were never counted by any rank


def test_two_runs_that_finished_nothing_are_the_end(
    job: JobDir, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(job)
    assert ask(job, capsys, "--status", "137") == "again\n"
    job.event_log("script-71").append(events.Submitted(native_id="72", cores=2))
    monkeypatch.setenv("FEATX_NATIVE_ID", "72")
    job.shard(begin(job, "72"), 0).touch()
    assert ask(job, capsys, "--status", "137") == "end\n"
    status = read(job).status
    assert status.state is State.FAILED
    assert "finished nothing. Type '%featx retry' to go on" in status.reason


def test_a_run_that_never_began_is_the_end_when_it_is_the_first(
    job: JobDir, capsys: pytest.CaptureFixture[str]
) -> None:
    job.job_log.write_text("FATAL: could not open image /x.sif\n")
    assert ask(job, capsys, "--status", "255", "--reason", "no rank spoke within 60 s of its start") == "end\n"
    reason = read(job).status.reason
    assert reason.startswith("no rank spoke within 60 s of its start (status 255). The log ends: FATAL: could not open")
    assert "no rank began to work" in reason


def test_a_later_run_that_never_began_is_tried_once_more(job: JobDir, capsys: pytest.CaptureFixture[str]) -> None:
    attempt = begin(job, "70")
    job.event_log("client-70").append(events.Submitted(native_id="70", cores=2, time=time.time() - 60))
    job.shard(attempt, 0).write_bytes(ROW % 1)
    say(job, attempt, "continues", "70")
    assert ask(job, capsys, "--status", "1") == "again\n"
    assert ask(job, capsys, "--status", "1") == "again\n"  # asked twice: the same answer, and one event
    assert len(written(job)) == 1


def test_a_requeued_run_that_never_began_is_not_taken_for_the_one_before_it(
    job: JobDir, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = begin(job)
    job.shard(attempt, 0).write_bytes(ROW % 1)
    say(job, attempt, "error")  # of the first run
    assert ask(job, capsys) == "end\n"
    monkeypatch.setenv("SLURM_JOB_START_TIME", str(int(time.time()) + 100))
    assert ask(job, capsys, "--status", "1", "--reason", "srun failed") == "end\n"
    assert "srun failed (status 1)" in last(job).message


@pytest.mark.parametrize("how", ["asked", "by the scheduler"])
@pytest.mark.parametrize("said", ["", "continues"])
def test_a_cancelled_run_is_the_end(job: JobDir, capsys: pytest.CaptureFixture[str], how: str, said: str) -> None:
    attempt = begin(job)
    if said:
        say(job, attempt, said)
    reason = "the ranks ended"
    if how == "asked":
        job.event_log("client").append(events.CancelAsked(native_id="71"))
    else:
        reason = "CANCELLED by 1000"
    assert ask(job, capsys, "--status", "143", "--reason", reason) == "end\n"
    assert read(job).status.state is State.CANCELLED


def test_the_last_of_max_attempts_is_the_end(job: JobDir, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(5):
        job.shard(begin(job), 0).write_bytes(ROW % 1)
    assert ask(job, capsys, "--status", "137") == "end\n"
    assert "max_attempts=5 are over" in last(job).message


def test_a_run_that_was_killed_after_its_last_item_is_complete(job: JobDir, capsys: pytest.CaptureFixture[str]) -> None:
    job.shard(begin(job), 0).write_bytes(b"".join(ROW % n for n in range(9)) + BAD % 9)
    assert ask(job, capsys, "--status", "137") == "end\n"
    status = read(job).status
    assert status.state is State.COMPLETED
    assert (status.done, status.failed) == (9, 1)


def test_an_error_from_before_a_retry_is_not_done(job: JobDir, capsys: pytest.CaptureFixture[str]) -> None:
    attempt = begin(job, "70")
    job.shard(attempt, 0).write_bytes(b"".join(ROW % n for n in range(9)) + BAD % 9)
    job.event_log("client-70").append(events.Submitted(native_id="70", cores=2, time=time.time() - 60))
    say(job, attempt, "complete", "70")
    begin(job)
    assert ask(job, capsys, "--status", "137") == "again\n"
    assert (last(job).done, last(job).failed) == (9, 0)


def test_each_part_counts_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.setenv("FEATX_NATIVE_ID", "72")
    job = make_job(tmp_path, TEMPLATE, 10, resources={"jobs": 2})
    for part in (0, 1):
        job.event_log("client").append(events.Submitted(native_id=f"7{part + 1}", cores=2, part=part, parts=2))
    job.shard(begin(job, "71", 0, 2), 0).write_bytes(b"".join(ROW % n for n in members(job.spec().job_id, 10, 0, 2)))
    attempt = begin(job, "72", 1, 2)
    (own, *_) = members(job.spec().job_id, 10, 1, 2)
    job.shard(attempt, 0).write_bytes(ROW % own)
    assert ask(job, capsys, "--part", "1", "--status", "137") == "again\n"
    (said,) = written(job, "72")
    assert isinstance(said, events.Stopped)
    assert (said.done, said.failed) == (1, 0)


def test_the_next_run_is_written_down(job: JobDir, capsys: pytest.CaptureFixture[str]) -> None:
    say(job, begin(job), "continues")
    assert ask(job, capsys, "--submitted", "72") == ""
    (said,) = written(job)
    assert isinstance(said, events.Submitted)
    assert (said.native_id, said.cores, said.part, said.parts) == ("72", 2, 0, 1)
    assert read(job).status.state is State.QUEUED


def test_a_next_run_of_a_job_that_was_cancelled_meanwhile_is_cancelled(
    job: JobDir, capsys: pytest.CaptureFixture[str]
) -> None:
    say(job, begin(job), "continues")
    native_id = read(job).status.attempts[-1].native_id
    job.event_log("client").append(events.CancelAsked(native_id=native_id))
    assert ask(job, capsys, "--submitted", "72") == "cancel\n"
    assert read(job).status.attempts[-1].cancel_asked


def test_a_next_run_that_is_refused_ends_the_job(job: JobDir, capsys: pytest.CaptureFixture[str]) -> None:
    attempt = begin(job)
    job.shard(attempt, 0).write_bytes(ROW % 1)
    say(job, attempt, "continues")
    assert ask(job, capsys, "--failed", "The next run was refused: QOSMaxSubmitJobPerUserLimit") == ""
    status = read(job).status
    assert status.state is State.FAILED
    assert status.reason == "The next run was refused: QOSMaxSubmitJobPerUserLimit. Type '%featx retry' to go on."
    assert status.done == 1


def test_a_run_that_nobody_told_of_is_introduced(job: JobDir, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setenv("FEATX_NATIVE_ID", "90")
    assert ask(job, capsys, "--status", "1") == "end\n"
    introduced, said = written(job, "90")
    assert isinstance(introduced, events.Submitted)
    assert isinstance(said, events.Stopped)
    assert introduced.native_id == said.native_id == "90"


def test_torn_events_do_no_harm(job: JobDir, capsys: pytest.CaptureFixture[str]) -> None:
    attempt = begin(job)
    job.shard(attempt, 0).write_bytes(ROW % 1)
    with (job.events / f"attempt-{attempt:04}.jsonl").open("ab") as file:
        file.write(b'{"event":"stopped","v":1,"native_id":"71","why":"comp')
    assert ask(job, capsys, "--status", "137") == "again\n"


def run(job: JobDir, full: bool) -> subprocess.CompletedProcess[str]:
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    command = [sys.executable, "-m", "jupyter_featx.worker.again", str(job.path), "--status", "137", "--reason", "died"]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, preexec_fn=limit if full else None
    )


def test_a_full_disk_is_the_end_with_the_reason_on_standard_error(job: JobDir) -> None:
    begin(job)
    done = run(job, full=True)
    assert done.stdout == "end\n"
    assert "File too large" in done.stderr
    assert "died" in done.stderr
    assert run(job, full=False).stdout == "again\n"


def test_a_job_that_is_gone_is_the_end(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert again.main([str(tmp_path / "gone"), "--status", "1"]) == 0
    out, err = capfd.readouterr()
    assert out == "end\n"
    assert "gone" in err
