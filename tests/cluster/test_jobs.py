"""Jobs of an ordinary user on the real cluster: each table is what a plain loop gives, whatever ends the job early."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from container.image import get_apptainer, make_image, open_fuse
from countedjob import CountedJob, square
from daemons import run, wait
from realjobs import calls
from scientist import PATIENCE, Scientist, Submitted
from testbed import Testbed

from jupyter_featx import events

pytestmark = pytest.mark.slow

BUSY = "#!/bin/bash\n#SBATCH --nodelist=n[1-2] --exclusive --time=10 --output=/dev/null\nsleep 600\n"
SUBMIT_AND_DIE = """
import os, signal, sys
import jupyter_featx as featx
featx.submit(sys.argv[1], sys.argv[2], cores="4x1", scheduler="slurm", preflight=False)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_job_goes_on_to_its_table_when_the_process_that_submitted_it_is_killed(scientist: Scientist):
    data = scientist.numbers(60)
    template = scientist.write("template.py", _squares())
    scientist.run(scientist.python, "-c", SUBMIT_AND_DIE, template, data, check=False)
    scientist.find_jobs()
    (job,) = scientist.jobs
    job.until_merged()
    job.check_table(square)
    assert job.folded().state == "completed"
    assert [started.ranks for started in job.attempts()] == [4]
    assert not list(job.path.glob("events/client-*.jsonl"))[1:], "nobody else wrote"


def test_three_smaller_jobs_share_a_dataset(scientist: Scientist):
    counted = CountedJob.submit(scientist, "--cores", "2", "--jobs", "3", count=90)
    counted.job.until_merged()
    counted.check()
    assert max(calls(counted.side).values()) == 1
    assert len(counted.job.native_ids()) == 3
    assert sorted(started.part for started in counted.job.attempts()) == [0, 1, 2]
    assert counted.job.status() == {"state": "completed", "reason": "", "done": 90, "failed": 0, "total": 90}


def test_a_retry_runs_only_what_failed_with_the_limits_that_it_is_given(scientist: Scientist):
    hungry = "block = bytearray((400 if number % 10 == 0 else 1) << 20)\nblock[::4096] = bytes(len(block[::4096]))"
    counted = CountedJob.submit(scientist, "--cores", "4x1", "--item-memory", "200M", count=40, seconds=0, body=hungry)
    counted.job.until_merged()
    status = counted.job.status()
    assert (status["state"], status["done"], status["failed"]) == ("completed", 36, 4)
    counted.before = counted.job.done()
    scientist.featx("retry", counted.job.job_id, "--item-memory", "8G")
    counted.job.until(lambda: len(counted.job.done()) == 40, "all the items are done")
    counted.job.until_state("completed")
    counted.job.until(lambda: _merges(counted.job) == 2, "the table is made again")
    counted.check()


def test_scancel_in_a_terminal_cancels_the_job_and_a_retry_completes_it(scientist: Scientist):
    counted = CountedJob.submit(scientist, "--cores", "4x1")
    counted.remember(20)
    scientist.run("scancel", counted.job.native_ids()[0])
    status = counted.job.until_state("cancelled", "failed", "completed")
    assert status["state"] == "cancelled"
    counted.before = counted.job.done()
    assert 20 <= len(counted.before) < counted.total
    scientist.featx("retry", counted.job.job_id)
    counted.job.until_merged()
    counted.check()
    assert counted.job.status()["state"] == "completed"


def test_cancel_ends_a_job_that_waits_and_one_that_runs(scientist: Scientist, blocker: str, cluster: Testbed):
    waiting = CountedJob.submit(scientist, "--cores", "4x1")
    assert waiting.job.status()["state"] == "queued"
    scientist.featx("cancel", waiting.job.job_id)
    assert waiting.job.until_state("cancelled")["done"] == 0
    cluster.slurm("scancel", blocker)
    running = CountedJob.submit(scientist, "--cores", "4x1", count=600)
    running.remember(5)
    scientist.featx("cancel", running.job.job_id)
    running.job.until_state("cancelled")
    native = running.job.native_ids()[0]
    wait(lambda: not cluster.slurm("squeue", "-h", "-j", native, check=False), "Slurm has ended it", PATIENCE)
    assert running.before <= running.job.done()


def test_a_killed_rank_ends_the_run_and_the_job_goes_on_by_itself(scientist: Scientist, cluster: Testbed):
    # Two jobs at once: one loses rank 0, which coordinates, the other a rank of another node.
    jobs = [CountedJob.submit(scientist, "--cores", "2x2", count=160) for _ in range(2)]
    for rank, counted in enumerate(jobs):
        counted.remember(20)
        (victim,) = cluster.ranks(counted.job.native_ids()[0], str(rank))
        run(["kill", f"-{int(signal.SIGKILL)}", str(victim)])
    for counted in jobs:
        counted.job.until_merged()
        counted.check()
        assert len(counted.job.attempts()) == 2
        assert counted.job.status()["state"] == "completed"


@pytest.fixture
def small_disk(scientist: Scientist) -> Iterator[Path]:
    """A FEATX_HOME on a disk of its own, which is nearly full."""
    scientist.run("mkdir", scientist.featx_home)
    owner = scientist.featx_home.stat()
    options = f"size=1536k,mode=755,uid={owner.st_uid},gid={owner.st_gid}"
    run(["mount", "-t", "tmpfs", "-o", options, "featx-test", str(scientist.featx_home)])
    yield scientist.featx_home
    scientist.cancel_all()
    run(["umount", "--lazy", str(scientist.featx_home)])


def test_a_full_disk_is_reported_and_the_job_goes_on_when_there_is_room(scientist: Scientist, small_disk: Path):
    body = "time.sleep(0.02)\nreturn {'number': number, 'square': number * number, 'text': str(number % 10) * 20_000}"
    counted = CountedJob.submit(scientist, "--cores", "4x1", count=150, body=body)
    status = counted.job.until_state("failed", "completed")
    assert status["state"] == "failed"
    assert "space" in status["reason"].lower() or "disk" in status["reason"].lower()
    assert "retry" in status["reason"]
    counted.before = counted.job.done()
    assert 0 < len(counted.before) < 150
    run(["mount", "-o", "remount,size=64m", str(small_disk)])
    scientist.featx("retry", counted.job.job_id)
    counted.job.until_merged()
    counted.check()
    assert counted.job.status()["state"] == "completed"


@pytest.fixture
def blocker(cluster: Testbed) -> Iterator[str]:
    """A job of somebody else on two of the nodes: what needs all four waits until it is cancelled."""
    native = cluster.slurm("sbatch", "--parsable", "--partition=high", script=BUSY)
    wait(lambda: cluster.job_state(native) == "RUNNING", "it has its nodes", PATIENCE)
    yield native
    cluster.slurm("scancel", "--quiet", native, check=False)


def test_a_job_whose_python_went_while_it_waited_fails_with_the_reason(
    scientist: Scientist, blocker: str, cluster: Testbed
):
    python = _borrowed_python(scientist)
    template, data = scientist.write("template.py", _squares()), scientist.numbers(20)
    scientist.run(python, "-c", SUBMIT_AND_DIE, template, data, check=False)
    scientist.find_jobs()
    (job,) = scientist.jobs
    scientist.run("rm", "-r", python.parent.parent)
    cluster.slurm("scancel", blocker)
    status = job.until_state("failed", "completed")
    assert status["state"] == "failed"
    assert "python" in status["reason"] or "No such file" in status["reason"], status


def test_a_job_whose_image_went_while_it_waited_fails_with_the_reason(
    scientist: Scientist, blocker: str, cluster: Testbed
):
    scientist.path = f"{get_apptainer().parent}:{scientist.path}"
    open_fuse()
    image = scientist.folder / "own.sif"
    scientist.run("cp", make_image(), image)
    counted = CountedJob.submit(scientist, "--cores", "4x1", "--container", str(image), count=20)
    scientist.run("rm", image)
    cluster.slurm("scancel", blocker)
    status = counted.job.until_state("failed", "completed")
    assert status["state"] == "failed"
    assert "own.sif" in status["reason"], status


def test_ranks_that_start_and_never_speak_fail_the_job_with_the_reason(
    scientist: Scientist, blocker: str, cluster: Testbed
):
    python = _borrowed_python(scientist)
    template, data = scientist.write("template.py", _squares()), scientist.numbers(20)
    patience = {"FEATX_START_SECONDS": "5", "FEATX_TURN_SECONDS": "1", "FEATX_GRACE_SECONDS": "2"}
    scientist.run(python, "-c", SUBMIT_AND_DIE, template, data, check=False, env=patience)
    scientist.find_jobs()
    (job,) = scientist.jobs
    stuck = "import os, time; time.sleep(900 * ('PMIX_RANK' in os.environ))\n"  # Python obeys such a line as it starts
    scientist.write(os.path.relpath(_packages(python) / "stuck.pth", scientist.folder), stuck)
    cluster.slurm("scancel", blocker)
    status = job.until_state("failed", "completed")
    assert status["state"] == "failed"
    assert "no rank spoke within 5 s" in status["reason"], status


def _merges(job: Submitted) -> int:
    return sum(isinstance(event, events.Merged) for event in job.events())


def _squares(seconds: float = 0.05) -> str:
    return (
        "import time\n"
        "def _process_input(path):\n"
        f"    time.sleep({seconds})\n"
        "    with open(path) as file:\n"
        "        number = int(file.read())\n"
        "    return {'number': number, 'square': number * number}\n"
    )


def _borrowed_python(scientist: Scientist) -> Path:
    """Make an environment that can be removed: a link to the usual one's packages and nothing else."""
    folder = scientist.folder / "venv"
    scientist.run("/usr/bin/python3", "-m", "venv", "--without-pip", folder)
    packages = _packages(folder / "bin/python")
    (usual,) = (scientist.testbed.place.venv / "lib").glob("python3*/site-packages")
    scientist.write(os.path.relpath(packages / "usual.pth", scientist.folder), f"{usual}\n")
    return folder / "bin/python"


def _packages(python: Path) -> Path:
    (found,) = (python.parent.parent / "lib").glob("python3*/site-packages")
    return found
