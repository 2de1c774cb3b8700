"""Each reason and each end of a run is said in plain words, with what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_featx.events import Begun, Lost, Waiting
from jupyter_featx.schedulers.slurm_reasons import reason_words
from jupyter_featx.schedulers.slurm_records import JobRecord
from jupyter_featx.schedulers.slurm_words import event_of, forgotten

REASONS = (Path(__file__).parent / "data" / "slurm" / "22.05.8" / "reasons.txt").read_text().split()
UNKNOWN = reason_words("SomethingNobodyHasSeen")


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_of_a_real_slurm_has_its_words(reason: str) -> None:
    words = reason_words(reason, "5")
    assert words != UNKNOWN
    assert reason not in words
    assert "{" not in words


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("launch failed requeued held", "scontrol release 5"),
        ("launch_failed_requeued_held", "scontrol release 5"),
        ("JobHeldUser", "scontrol release 5"),
        ("ReqNodeNotAvail, UnavailableNodes:n[1-4]", "down, reserved"),
        ("ReqNodeNotAvail(Unavailable Nodes:n1)", "down, reserved"),
        ("ReqNodeNotAvail, May be reserved for other job", "down, reserved"),
        ("ReqNodeNotAvail, Reserved for maintenance", "maintenance"),
        ("Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions", "down"),
        ("QOSMaxJobsPerUserLimit", "as many of your jobs"),
        ("QOSMaxCpuPerUserLimit", "allows one user"),
        ("QOSMaxCpuPerJobLimit", "will not start"),
        ("QOSGrpNodeLimit", "together"),
        ("AssocGrpCPUMinutesLimit", "budget"),
        ("AssocGrpCpuLimit", "together"),
        ("AssocMaxWallDurationPerJobLimit", "shorter"),
        ("DependencyNeverSatisfied", "scancel 5"),
        ("(Priority)", "other jobs"),
        ("None", "not looked at"),
        ("", "not looked at"),
        ("user env retrieval failed requeued held", "scontrol release 5"),
    ],
)
def test_what_a_reason_means(reason: str, said: str) -> None:
    assert said in reason_words(reason, "5")


def test_a_reason_that_nobody_knows_is_kept_and_has_a_page() -> None:
    found = event_of(JobRecord("5", "PENDING", "SomethingNobodyHasSeen"))
    assert isinstance(found, Waiting)
    assert found.reason == "SomethingNobodyHasSeen"
    assert "slurm.schedmd.com" in found.words


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (JobRecord("5", "FAILED", exit_code=3), "exit code 3"),
        (JobRecord("5", "FAILED", exit_signal=11), "SIGSEGV"),
        (JobRecord("5", "FAILED", exit_code=137), "SIGKILL"),
        (JobRecord("5", "FAILED", exit_code=0, exit_signal=9), "memory"),
        (JobRecord("5", "FAILED", exit_signal=99), "signal 99"),
        (JobRecord("5", "FAILED", "JobLaunchFailure"), "JobLaunchFailure"),
        (JobRecord("5", "FAILED", "RaisedSignal:9(Killed)", exit_signal=9), "(FAILED)"),
        (JobRecord("5", "FAILED", "BadConstraints", exit_signal=1), "no node can ever give"),
        (JobRecord("5", "TIMEOUT", elapsed_seconds=3700), "after 1 h 1 min"),
        (JobRecord("5", "TIMEOUT"), "--walltime"),
        (JobRecord("5", "NODE_FAIL", node_list="n[1-2]"), "on n[1-2]"),
        (JobRecord("5", "OUT_OF_MEMORY"), "memory a core"),
        (JobRecord("5", "PREEMPTED"), "more important"),
        (JobRecord("5", "DEADLINE"), "deadline"),
        (JobRecord("5", "BOOT_FAIL"), "did not boot"),
        (JobRecord("5", "COMPLETED"), "%featx log"),
        (JobRecord("5", "REVOKED"), "another cluster"),
        (JobRecord("5", "CANCELLED"), "cancelled. "),
        (JobRecord("5", "CANCELLED", cancelled_by=os.getuid()), "cancelled by you"),
        (JobRecord("5", "CANCELLED", cancelled_by=4242424), "cancelled by user 4242424"),
        (JobRecord("5", "LAUNCH_FAILED"), "launched"),
    ],
)
def test_how_a_run_ended(record: JobRecord, said: str) -> None:
    found = event_of(record)
    assert isinstance(found, Lost)
    assert said in found.reason
    assert "Type '" in found.reason
    assert found.state == record.state


def test_a_cancel_by_an_administrator_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    found = event_of(JobRecord("5", "CANCELLED", cancelled_by=0))
    assert "cancelled by root" in found.reason


@pytest.mark.parametrize("state", ["RUNNING", "CONFIGURING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING"])
def test_what_has_begun(state: str) -> None:
    found = event_of(JobRecord("5", state, node_list="n{1}"))
    assert isinstance(found, Begun)
    assert found.words


@pytest.mark.parametrize("state", ["REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD", "REQUEUE_FED"])
def test_what_was_put_back_waits(state: str) -> None:
    found = event_of(JobRecord("5", state))
    assert isinstance(found, Waiting)
    assert found.reason == state
    assert found.words


def test_what_slurm_has_forgotten_says_so() -> None:
    assert "no longer knows job 5" in forgotten("5").reason
