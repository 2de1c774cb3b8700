"""One query says how all runs do; nothing counts as lost because nobody answers. Commands are fake, ours are real."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from fakecluster import PATH, FakeCluster

from jupyter_featx.errors import SchedulerError
from jupyter_featx.events import Begun, Lost, Unreachable, Waiting
from jupyter_featx.schedulers.base import Scheduler
from jupyter_featx.schedulers.slurm import SlurmScheduler
from jupyter_featx.schedulers.slurm_options import SlurmOptions

LONG = SlurmOptions(transport="commands", poll_seconds=1000, timeout_seconds=60)
ALWAYS = SlurmOptions(transport="commands", poll_seconds=0, quiet_poll_seconds=0, timeout_seconds=60)


@pytest.fixture
def cluster(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    monkeypatch.setenv("PATH", PATH)
    monkeypatch.setenv("FAKE_SLURM", str(tmp_path / "slurm"))
    return FakeCluster(tmp_path / "slurm")


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "submit.sh"
    path.write_text("#!/bin/bash\n#SBATCH --output=/tmp/job-%j.log\ntrue\n")
    return path


def submit(scheduler: Scheduler, script: Path, *arguments: str) -> str:
    return scheduler.submit(script, script.parent / "logs" / "job.log", arguments)


# -- submitting ------------------------------------------------------------------------------------------------------


def test_a_script_is_submitted_with_its_arguments(cluster: FakeCluster, script: Path) -> None:
    assert submit(SlurmScheduler(LONG), script, "3") == "101"
    assert cluster.calls("sbatch") == [["--parsable", str(script), "3"]]


def test_the_name_of_a_cluster_after_the_id_is_no_part_of_it(cluster: FakeCluster, script: Path) -> None:
    cluster.set(id_suffix=";featx")
    assert submit(SlurmScheduler(LONG), script) == "101"


def test_a_script_that_names_no_log_gets_ours(cluster: FakeCluster, script: Path) -> None:
    script.write_text("#!/bin/bash\ntrue\n")
    submit(SlurmScheduler(LONG), script)
    logs = str(script.parent / "logs").replace("%", "%%")
    assert cluster.calls("sbatch")[0][1:3] == [f"--output={logs}/job-%j.log", "--open-mode=append"]


def test_the_job_of_the_notebook_itself_does_not_reach_another(
    cluster: FakeCluster, script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SLURM_JOB_ID", "SLURM_MEM_PER_NODE", "SQUEUE_FORMAT", "SLURM_CONF", "SBATCH_ACCOUNT"):
        monkeypatch.setenv(name, "x")
    submit(SlurmScheduler(LONG), script)
    there = cluster.environment
    assert not {"SLURM_JOB_ID", "SLURM_MEM_PER_NODE", "SQUEUE_FORMAT", "SLURM_TIME_FORMAT", "LC_ALL"} & set(there)
    assert (there["SLURM_CONF"], there["SBATCH_ACCOUNT"]) == ("x", "x")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("Invalid account or account/partition combination specified", "account"),
        (
            "invalid partition specified: gpu\nsbatch: error: Batch job submission failed: Invalid partition name",
            "--part",
        ),
        ("Requested time limit is invalid (missing or exceeds some limit)", "--walltime"),
        ("Requested node configuration is not available", "--cores"),
        ("Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)", "squeue --me"),
        ("Memory specification can not be satisfied", "memory"),
        ("Invalid qos specification", "--qos"),
        ("something that nobody has seen", "--dry-run"),
    ],
)
def test_a_refusal_is_one_line_with_what_to_type(cluster: FakeCluster, script: Path, said: str, words: str) -> None:
    cluster.says("sbatch", err=f"sbatch: error: Batch job submission failed: {said}\n")
    with pytest.raises(SchedulerError) as caught:
        submit(SlurmScheduler(LONG), script)
    text = str(caught.value)
    assert words in text
    assert said.splitlines()[0].rstrip(".") in text
    assert "\n" not in text
    assert "sbatch: error" not in text


def test_a_controller_that_is_away_takes_no_script(cluster: FakeCluster, script: Path) -> None:
    cluster.set(away=True)
    with pytest.raises(SchedulerError, match="was not submitted.*does not answer.*Unable to contact slurm controller"):
        submit(SlurmScheduler(LONG), script)


def test_a_script_that_was_taken_unheard_is_found(cluster: FakeCluster, script: Path) -> None:
    cluster.set(slow=["sbatch"], takes_though_slow=True)
    options = SlurmOptions(transport="commands", submit_seconds=10, timeout_seconds=60)
    assert submit(SlurmScheduler(options), script, "2") == "101"


def test_a_script_of_which_nobody_knows_whether_it_was_taken_is_not_taken_for_submitted(
    cluster: FakeCluster, script: Path
) -> None:
    cluster.set(slow=["sbatch"])
    options = SlurmOptions(transport="commands", submit_seconds=1, timeout_seconds=60)
    with pytest.raises(SchedulerError, match="not known: type 'squeue --me'"):
        submit(SlurmScheduler(options), script)


# -- asking ----------------------------------------------------------------------------------------------------------


def test_one_query_in_an_interval_for_any_number_of_runs_and_processes(cluster: FakeCluster) -> None:
    for number in range(50):
        cluster.job(str(1000 + number), state="RUNNING")
    scheduler = SlurmScheduler(LONG)
    for number in range(50):
        assert isinstance(scheduler.poll([str(1000 + number)])[str(1000 + number)], Begun)
    other = SlurmScheduler(LONG)  # as another process of the same home
    assert len(other.poll([str(1000 + number) for number in range(50)])) == 50
    assert len(cluster.calls("squeue")) == 1
    assert cluster.calls("sacct") == cluster.calls("scontrol") == []


def test_a_submit_and_a_cancel_are_seen_at_once(cluster: FakeCluster, script: Path) -> None:
    scheduler, other = SlurmScheduler(LONG), SlurmScheduler(LONG)
    cluster.job("7")
    other.poll(["7"])
    native_id = submit(scheduler, script)
    assert isinstance(other.poll([native_id])[native_id], Waiting)
    scheduler.cancel(native_id)
    assert isinstance(other.poll([native_id])[native_id], Lost)
    assert len(cluster.calls("squeue")) == 3


def test_no_ids_or_only_foreign_ones_ask_nothing(cluster: FakeCluster) -> None:
    assert SlurmScheduler(LONG).poll([]) == {}
    assert SlurmScheduler(LONG).poll(["node7/42/99/ab", "1;rm -rf /", "-M", "１２"]) == {}
    assert cluster.calls("squeue") == []


def test_a_run_that_waits_says_why_and_when_it_may_begin(cluster: FakeCluster) -> None:
    cluster.job("5", reason="Resources", start=2_000_000_000)
    found = SlurmScheduler(LONG).poll(["5"])["5"]
    assert isinstance(found, Waiting)
    assert (found.reason, found.expected_start) == ("Resources", 2_000_000_000)
    assert "free" in found.words


def test_an_end_has_its_reason_from_the_accounting_in_one_query(cluster: FakeCluster) -> None:
    for number in range(30):
        cluster.account(str(200 + number), State="TIMEOUT", ExitCode="0:15")
    ids = [str(200 + number) for number in range(30)]
    scheduler = SlurmScheduler(LONG)
    found = scheduler.poll(ids)
    scheduler.poll(ids)
    assert {type(event) for event in found.values()} == {Lost}
    assert all(event.state == "TIMEOUT" and "--walltime" in event.reason for event in found.values())
    assert len(cluster.calls("sacct")) == 1
    assert cluster.calls("scontrol") == []


def test_of_a_run_that_was_put_back_the_latest_record_counts(cluster: FakeCluster) -> None:
    cluster.account("9", State="NODE_FAIL")
    cluster.account("9", State="FAILED", ExitCode="3:0")
    found = SlurmScheduler(LONG).poll(["9"])["9"]
    assert "exit code 3" in found.reason


def test_a_run_that_was_put_back_waits_whatever_the_accounting_says(cluster: FakeCluster) -> None:
    cluster.account("9", State="NODE_FAIL")
    cluster.job("9", state="PENDING", reason="BeginTime")
    assert isinstance(SlurmScheduler(LONG).poll(["9"])["9"], Waiting)


@pytest.mark.parametrize(
    "said",
    [
        "Slurm accounting storage is disabled",
        "sacct: error: slurm_persist_conn_open_without_init: failed to open persistent connection to "
        "host:localhost:6819: Connection refused\nsacct: error: Problem talking to the database: Connection refused",
    ],
)
def test_without_accounting_the_controller_is_asked(cluster: FakeCluster, said: str) -> None:
    cluster.says("sacct", err=said)
    cluster.job("5", state="FAILED", reason="NonZeroExitCode", exit="7:0")
    cluster.job("6", state="FAILED", reason="NonZeroExitCode", exit="0:9", gone=True)
    scheduler = SlurmScheduler(ALWAYS)
    for _ in range(3):
        found = scheduler.poll(["5", "6"])
    assert "exit code 7" in found["5"].reason
    assert "SIGKILL" in found["6"].reason
    assert len(cluster.calls("sacct")) == 1  # that there is none is remembered


def test_a_controller_that_goes_away_between_two_questions_is_not_waited_for_again_and_again(
    cluster: FakeCluster,
) -> None:
    cluster.says("sacct", err="Slurm accounting storage is disabled")
    cluster.says("scontrol", err="slurm_load_jobs error: Unable to contact slurm controller (connect failure)")
    assert SlurmScheduler(LONG).poll([str(300 + number) for number in range(30)]) == {}
    assert len(cluster.calls("scontrol")) == 1


def test_only_a_few_runs_are_asked_about_one_by_one(cluster: FakeCluster) -> None:
    cluster.says("sacct", err="Slurm accounting storage is disabled")
    for number in range(30):
        cluster.job(str(300 + number), state="FAILED", exit="1:0", gone=True)
    ids = [str(300 + number) for number in range(30)]
    scheduler = SlurmScheduler(ALWAYS)
    assert len(scheduler.poll(ids)) == 20
    assert len(cluster.calls("scontrol")) == 20
    assert len(scheduler.poll(ids)) == 30  # after the next look


def test_a_run_that_nobody_knows_is_lost_after_two_looks(cluster: FakeCluster) -> None:
    options = SlurmOptions(transport="commands", poll_seconds=1, timeout_seconds=60)
    scheduler = SlurmScheduler(options)
    begun = time.time()
    found: dict[str, object] = {}
    while not found and time.time() < begun + 60:
        found = dict(scheduler.poll(["78"]))
        time.sleep(0.1)
    assert isinstance(found["78"], Lost)
    assert "no longer knows job 78" in found["78"].reason
    assert time.time() - begun >= 1


def test_two_short_processes_come_to_the_same_end(cluster: FakeCluster, home: Path) -> None:
    options = SlurmOptions(transport="commands", poll_seconds=1, timeout_seconds=60)
    assert SlurmScheduler(options).poll(["78"]) == {}
    time.sleep(1.2)
    assert isinstance(SlurmScheduler(options).poll(["78"])["78"], Lost)


def test_a_run_just_submitted_is_not_lost_because_the_queue_is_late(cluster: FakeCluster, script: Path) -> None:
    scheduler = SlurmScheduler(ALWAYS)
    native_id = submit(scheduler, script)
    cluster.job(native_id, gone=True, purged=True)
    for _ in range(3):
        assert scheduler.poll([native_id]) == {}


def test_a_controller_that_is_away_loses_nothing_and_comes_back(cluster: FakeCluster) -> None:
    cluster.job("5", state="RUNNING")
    scheduler = SlurmScheduler(ALWAYS)
    assert isinstance(scheduler.poll(["5"])["5"], Begun)
    cluster.set(away=True, jobs={})
    since = None
    for _ in range(3):
        found = scheduler.poll(["5", "6"])
        assert {type(event) for event in found.values()} == {Unreachable}
        since = since or found["5"].since
        assert found["5"].since == found["6"].since == since
        assert "Unable to contact slurm controller" in found["5"].message
    cluster.set(away=False, jobs={"5": {"state": "RUNNING"}})
    assert isinstance(scheduler.poll(["5"])["5"], Begun)


def test_a_command_that_hangs_is_ended(cluster: FakeCluster) -> None:
    cluster.set(slow=["squeue"])
    options = SlurmOptions(transport="commands", timeout_seconds=1)
    found = SlurmScheduler(options).poll(["5"])["5"]
    assert isinstance(found, Unreachable)
    assert "within 1 s" in found.message


def test_without_the_commands_it_says_what_to_install(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = SlurmScheduler(LONG).poll(["5"])["5"]
    assert "squeue is not installed here" in found.message
    assert "prefix" in found.message


def test_the_shared_answer_is_private_and_a_damaged_one_is_asked_anew(cluster: FakeCluster, home: Path) -> None:
    cluster.job("5", state="RUNNING")
    SlurmScheduler(LONG).poll(["5"])
    (file,) = (home / "cache").glob("*.json")
    assert file.stat().st_mode & 0o777 == 0o600
    for text in ("", "[]", "{", '{"key": 1}', json.dumps({**json.loads(file.read_text()), "jobs": {"5": {"x": 1}}})):
        file.write_text(text)
        assert isinstance(SlurmScheduler(LONG).poll(["5"])["5"], Begun)
    assert len(cluster.calls("squeue")) == 6


def test_a_home_that_cannot_be_written_is_no_obstacle(cluster: FakeCluster, home: Path) -> None:
    (home / "cache").write_text("a file, so that no folder can be made")
    cluster.job("5", state="RUNNING")
    scheduler = SlurmScheduler(LONG)
    for _ in range(3):
        assert isinstance(scheduler.poll(["5"])["5"], Begun)
    assert len(cluster.calls("squeue")) == 1


# -- cancelling ------------------------------------------------------------------------------------------------------


def test_cancelling_what_is_gone_is_no_error(cluster: FakeCluster) -> None:
    SlurmScheduler(LONG).cancel("12345")
    assert cluster.calls("scancel") == [["12345"]]


def test_a_refused_cancel_says_why(cluster: FakeCluster) -> None:
    cluster.says("scancel", err="scancel: error: Kill job error on job id 5: Access/permission denied")
    with pytest.raises(SchedulerError, match="did not cancel job 5.*permission denied.*scontrol show job 5"):
        SlurmScheduler(LONG).cancel("5")


def test_only_an_id_reaches_a_command(cluster: FakeCluster) -> None:
    for text in ("", "-u root", "5 6", "5;reboot", "$(id)", "5\n", "5_"):
        with pytest.raises(SchedulerError, match="no id of a Slurm job"):
            SlurmScheduler(LONG).cancel(text)
    assert cluster.calls("scancel") == []
