"""The script for Slurm, run for real by bash: what it starts, watches, ends, says and submits. Only Slurm is faked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from realjobs import make_spec

from jupyter_featx import events
from jupyter_featx.jobdir import JobDir
from jupyter_featx.script import RunOptions, render
from jupyter_featx.spec import JobSpec, ResourceSpec, SiteSpec

FAKES = Path(__file__).parent / "fake_batch"
PATIENCE = 60


class Batch:
    """A job folder with its script, and a PATH on which everything of Slurm is a fake."""

    def __init__(self, folder: Path) -> None:
        self.job = JobDir(folder / "my job")
        self.calls_file = folder / "calls"
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.calls_file.touch()
        for place in (self.job.events, self.job.logs):
            place.mkdir(parents=True)
        self.log = self.job.logs / "job-7.log"
        for name, words in {
            "srun": "srun.py",
            "scancel": "scancel.py",
            "python": "python.py",
            **{name: f"slurm.py' '{name}" for name in ("sbatch", "scontrol", "squeue")},
        }.items():
            self.command(name, f"exec '{sys.executable}' -I -S '{FAKES}/{words}' \"$@\"")
        resources = ResourceSpec(cores=8, walltime_seconds=3600)
        self.spec = make_spec(scheduler="slurm", python=str(self.bin / "python"), resources=resources)
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, name: str, line: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o700)

    def start(self, *arguments: str, spec: JobSpec | None = None, **environment: str) -> subprocess.Popen[bytes]:
        self.job.script.write_text(render(self.job, spec or self.spec, RunOptions()))
        slurm = {"SLURM_JOB_ID": "7", "SLURM_JOB_NUM_NODES": "2", "SLURM_NTASKS": "8", "SLURM_MEM_PER_CPU": "900"}
        quick = {"START": "600", "SILENT": "600", "TURN": "0.1", "GRACE": "2", "LAST": "2"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["bash", str(self.job.script), *arguments],
                env={
                    "PATH": f"{self.bin}:/usr/bin:/bin",
                    "FAKE_CALLS": str(self.calls_file),
                    "JUPYTERHUB_API_TOKEN": "secret",
                    **slurm,
                    **{f"FEATX_{name}_SECONDS": value for name, value in quick.items()},
                    **environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self.process

    def run(self, *arguments: str, spec: JobSpec | None = None, **environment: str) -> int:
        return self.start(*arguments, spec=spec, **environment).wait(PATIENCE)

    def wait_for_ranks(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not (self.job.events / "started").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def calls(self, name: str, *words: str) -> list[list[str]]:
        """Return the arguments of each call of a command, of those that hold these words."""
        found = [json.loads(line) for line in self.calls_file.read_text().splitlines()]
        return [call[1:] for call in found if call[0] == name and all(word in call for word in words)]

    def reason(self) -> str:
        """Return the reason that the run's end was told with; once."""
        (call,) = self.calls("python", "--reason")
        return call[call.index("--reason") + 1]

    def status_told(self) -> int:
        (call,) = self.calls("python", "--status")
        return int(call[call.index("--status") + 1])


def session(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-s", str(pid)], capture_output=True, text=True).stdout
    return [int(word) for word in found.split()]


@pytest.fixture
def batch(tmp_path: Path) -> Iterator[Batch]:
    made = Batch(tmp_path)
    yield made
    if made.process:
        made.process.poll()
        deadline = time.monotonic() + 20  # a sleep may last its turn
        while (left := session(made.process.pid)) and time.monotonic() < deadline:
            time.sleep(0.1)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        made.process.wait(PATIENCE)
        assert not left, "the script left processes behind"


def test_one_rank_a_node_is_started_and_asked_for_its_part(batch: Batch) -> None:
    assert batch.run("3") == 0
    (options,) = batch.calls("srun")
    wanted = ["--mpi=pmix", "--nodes=2", "--ntasks=2", "--ntasks-per-node=1", "--cpu-bind=none", "--kill-on-bad-exit=1"]
    assert set(wanted) <= set(options)
    rank, again = batch.calls("python")
    assert rank == ["-m", "mpi4py", "-m", "jupyter_featx.worker", str(batch.job.path), "--part", "3"]
    assert again[:5] == ["-m", "jupyter_featx.worker.again", str(batch.job.path), "--part", "3"]
    assert (batch.status_told(), batch.reason()) == (0, "")
    assert batch.calls("sbatch") == []


def test_what_describes_the_allocation_does_not_describe_the_step(batch: Batch) -> None:
    assert batch.run(SLURM_CPUS_PER_TASK="1", SLURM_TRES_PER_TASK="cpu=1", SLURM_JOB_CPUS_PER_NODE="4(x2)") == 0
    (left,) = batch.calls("environment")
    assert not {name for name in left if "TASK" in name or "MEM" in name or "TOKEN" in name}
    assert {"SLURM_JOB_ID", "SLURM_JOB_CPUS_PER_NODE", "FEATX_NATIVE_ID", "FEATX_ENDS_AT", "FEATX_CONTINUES"} <= set(
        left
    )


@pytest.mark.parametrize(("listed", "launcher", "used"), [("pmi2 cray", "", "pmi2"), ("pmix", "pmi2", "pmi2")])
def test_pmix_is_taken_where_srun_lists_it_unless_the_site_names_another(
    batch: Batch, listed: str, launcher: str, used: str
) -> None:
    assert batch.run(spec=replace(batch.spec, site=SiteSpec(launcher=launcher)), FAKE_MPI=listed) == 0
    assert f"--mpi={used}" in batch.calls("srun")[0]


def test_a_site_starts_the_ranks_with_its_own_mpirun(batch: Batch) -> None:
    batch.command("hydra", 'echo "started by $1 $2"; shift 2; exec "$@"')
    words = ("hydra", "-n", "$SLURM_JOB_NUM_NODES")
    assert batch.run(spec=replace(batch.spec, site=SiteSpec(launcher="mpirun", mpirun=words))) == 0
    assert "started by -n 2" in batch.log.read_text()
    assert batch.calls("srun") == []


def test_setup_lines_run_as_they_stand_and_a_module_that_is_missing_is_the_reason(batch: Batch) -> None:
    site = SiteSpec(modules=("gcc/13",), setup=('echo "set up $((6 * 7))"',))
    assert batch.run(spec=replace(batch.spec, site=site)) == 1
    assert "set up 42" in batch.log.read_text()
    assert batch.reason() == "'module load' failed: gcc/13"
    assert batch.calls("srun") == []


def test_an_srun_that_fails_at_once_is_told_at_once(batch: Batch) -> None:
    assert batch.run(FAKE_SRUN="fail") == 1
    assert (batch.status_told(), batch.reason()) == (1, "the ranks ended with status 1")
    assert "Requested nodes are busy" in batch.log.read_text()


@pytest.mark.parametrize("mode", ["hang", "deaf"])
def test_ranks_that_do_not_start_are_ended_with_the_reason(batch: Batch, mode: str) -> None:
    assert batch.run(FAKE_SRUN=mode, FEATX_START_SECONDS="3") > 128
    assert batch.reason() == "no rank spoke within 3 s of its start"


def test_ranks_that_go_silent_are_ended_with_the_reason(batch: Batch) -> None:
    assert batch.run(FAKE_RANK="silent", FEATX_SILENT_SECONDS="3") > 128
    assert batch.reason() == "no rank said a word for 3 s"


def test_words_of_an_earlier_run_of_the_same_id_do_not_count(batch: Batch) -> None:
    (batch.job.events / "attempt-0001.jsonl").write_text('{"event":"started","native_id":"7"}\n')
    batch.run(FAKE_SRUN="hang", FEATX_START_SECONDS="3")
    assert batch.reason() == "no rank spoke within 3 s of its start"


def test_ranks_that_run_beyond_the_walltime_are_ended_before_slurm_ends_everything(batch: Batch) -> None:
    soon = str(int(time.time()) + 4)
    assert batch.run(FAKE_RANK="wait", SLURM_JOB_END_TIME=soon, FAKE_AGAIN="again", FAKE_SBATCH="8") == 0
    assert batch.reason() == "the walltime ended before the ranks did"


def test_the_ranks_know_when_the_run_ends(batch: Batch) -> None:
    at = datetime.now().replace(microsecond=0) + timedelta(hours=3)
    batch.command("python", 'echo "ends at $FEATX_ENDS_AT"; echo end')
    assert batch.run(FAKE_SQUEUE=at.isoformat()) == 0
    assert f"ends at {int(at.timestamp()) - 2}" in batch.log.read_text()
    assert batch.calls("squeue") == [["--local", "-h", "-j", "7", "-o", "%e"]]


@pytest.mark.parametrize("answer", ["N/A", "NONE", "", "!slurm_load_jobs error: Invalid job id specified"])
def test_a_run_without_an_end_has_none(batch: Batch, answer: str) -> None:
    batch.command("python", 'echo "ends at <$FEATX_ENDS_AT>"; echo end')
    assert batch.run(FAKE_SQUEUE=answer) == 0
    assert "ends at <>" in batch.log.read_text()


def test_slurms_warning_goes_to_the_ranks_when_they_cannot_know_the_end(batch: Batch) -> None:
    process = batch.start(FAKE_RANK="wait", SLURM_JOB_END_TIME=str(int(time.time()) + 9999))
    batch.wait_for_ranks()
    process.send_signal(signal.SIGUSR1)
    assert process.wait(PATIENCE) == 0
    assert "caught ['SIGUSR1']" in batch.log.read_text()
    assert (batch.status_told(), batch.reason()) == (0, "")


def test_slurms_warning_of_the_walltime_leaves_the_ranks_alone(batch: Batch) -> None:
    process = batch.start(FAKE_RANK="wait", SLURM_JOB_END_TIME=str(int(time.time()) + 100))
    batch.wait_for_ranks()
    process.send_signal(signal.SIGUSR1)
    time.sleep(1)
    assert process.poll() is None
    process.terminate()
    process.wait(PATIENCE)
    assert "caught ['SIGTERM']" in batch.log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_script_that_is_told_to_end_lets_the_ranks_end_and_does_not_go_on(batch: Batch, number: int) -> None:
    process = batch.start(FAKE_RANK="wait")
    batch.wait_for_ranks()
    process.send_signal(number)
    assert process.wait(PATIENCE) == 0
    assert "caught ['SIGTERM']" in batch.log.read_text()
    assert batch.reason().startswith("CANCELLED")
    assert batch.calls("sbatch") == []


def test_an_mpirun_hands_on_that_the_ranks_are_to_end(batch: Batch) -> None:
    spec = replace(batch.spec, site=SiteSpec(launcher="mpirun", mpirun=("env",)))
    process = batch.start(spec=spec, FAKE_RANK="wait")
    batch.wait_for_ranks()
    process.terminate()
    process.wait(PATIENCE)
    assert "caught ['SIGTERM']" in batch.log.read_text()
    assert batch.calls("scancel") == []


def test_ranks_that_do_not_end_when_told_are_killed(batch: Batch) -> None:
    process = batch.start(FAKE_SRUN="deaf")
    while not batch.calls("srun"):
        time.sleep(0.05)
    process.terminate()
    assert process.wait(PATIENCE) > 128
    assert batch.reason().startswith("CANCELLED")


ENDED = "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-01-01T00:00:00 {}***\n"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("DUE TO TIME LIMIT ", "the walltime ended before the ranks did"),
        ("DUE TO PREEMPTION ", "the run was preempted"),
        ("DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS ", "a node failed"),
        ("", "CANCELLED by SIGTERM"),
    ],
)
def test_the_log_tells_why_slurm_ends_a_run(batch: Batch, words: str, reason: str) -> None:
    batch.log.write_text(ENDED.format("DUE TO NODE FAILURE "))  # of a run before
    process = batch.start(FAKE_RANK="wait", FAKE_SCONTROL="JobId=7 Requeue=1 Restarts=0")
    batch.wait_for_ranks()
    with batch.log.open("a") as log:
        log.write(ENDED.format(words))
    process.terminate()
    process.wait(PATIENCE)
    assert batch.reason() == reason


def test_a_run_that_slurm_begins_anew_says_nothing_of_its_end(batch: Batch) -> None:
    process = batch.start(FAKE_RANK="wait", SLURM_RESTART_COUNT="1", FAKE_SCONTROL="JobId=7 Requeue=1 Restarts=2")
    batch.wait_for_ranks()
    with batch.log.open("a") as log:
        log.write(ENDED.format("DUE TO PREEMPTION "))
    process.terminate()
    assert process.wait(PATIENCE) == 143
    assert batch.calls("python", "--reason") == []


def test_the_next_run_is_submitted_with_the_same_part_and_told(batch: Batch) -> None:
    extra = {"SLURM_CONF": "/etc/slurm/slurm.conf", "SLURM_RESTART_COUNT": "1"}
    assert batch.run("2", FAKE_RANK="die", FAKE_AGAIN="again", FAKE_SBATCH="8;cluster", **extra) == 0
    assert (batch.status_told(), batch.reason()) == (9, "the ranks ended with status 9")
    ((*options, script, part),) = batch.calls("sbatch")
    assert (script, part) == (str(batch.job.script), "2")
    assert "--parsable" in options
    assert "--dependency=afterany:7" in options
    assert "--begin=2000-01-01" in options  # "now" is the clock of the node, which may be ahead of Slurm's
    assert batch.calls("left") == [["SLURM_CONF"]]
    (told,) = batch.calls("python", "--submitted")
    assert told[2:] == [str(batch.job.path), "--part", "2", "--submitted", "8"]


def test_a_job_that_was_cancelled_while_its_next_run_was_submitted_has_none(batch: Batch) -> None:
    assert batch.run(FAKE_AGAIN="again", FAKE_SBATCH="8", FAKE_CANCEL="cancel") == 0
    assert batch.calls("scancel") == [["8"]]


def test_a_slurm_that_does_not_answer_is_asked_again(batch: Batch) -> None:
    away = "!sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)"
    assert batch.run(FAKE_AGAIN="again", FAKE_SBATCH=f"{away}|8") == 0
    assert len(batch.calls("sbatch")) == 2
    assert batch.calls("python", "--submitted", "8")
    assert batch.calls("scontrol") == []


REFUSED = "!sbatch: error: QOSMaxSubmitJobPerUserLimit"


def test_where_no_other_run_may_be_submitted_this_one_is_requeued(batch: Batch) -> None:
    assert batch.run(FAKE_AGAIN="again", FAKE_SBATCH=REFUSED) == 0
    assert batch.calls("scontrol") == [["requeue", "7"]]
    assert len(batch.calls("python", "--submitted", "7")) == 1
    assert batch.calls("python", "--failed") == []


def test_where_neither_works_the_job_says_so(batch: Batch) -> None:
    assert batch.run(FAKE_AGAIN="again", FAKE_SBATCH=REFUSED, FAKE_SCONTROL="!Job has not been requeued") == 1
    (told,) = batch.calls("python", "--failed")
    assert "QOSMaxSubmitJobPerUserLimit" in told[-1]
    assert "not been requeued" in told[-1]


def test_where_the_jobs_python_cannot_be_run_the_script_writes_the_event_itself(batch: Batch) -> None:
    batch.command("srun", r"""printf 'srun: error: "\\no such\tfile" \351 \n' >&2; exit 2""")
    (batch.bin / "python").unlink()
    assert batch.run() == 2
    (lost,) = [event for event in events.read(batch.job.events) if isinstance(event, events.Lost)]
    assert lost.native_id == "7"
    assert lost.reason.startswith("the ranks ended with status 2. The log ends: ")
    assert '"\\no such file"' in lost.reason


def test_by_hand_it_says_what_to_type(batch: Batch) -> None:
    assert batch.run(SLURM_JOB_ID="") == 2
    assert f"Type: sbatch {str(batch.job.script).replace(' ', chr(92) + ' ')}" in batch.log.read_text()
    assert batch.run("--part") == 2
