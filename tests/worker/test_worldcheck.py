"""What is wrong with the ranks is said before the first item: under a real mpiexec, with ranks that misbehave."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
from engine import make_job, read, run

from jupyter_featx import environment, events, jobdir
from jupyter_featx.errors import WorldError
from jupyter_featx.jobdir import JobDir
from jupyter_featx.spec import ContainerSpec
from jupyter_featx.worker import arrival, worldcheck
from jupyter_featx.worker.world import Solo

MPIEXEC = str(Path(sys.executable).parent / "mpiexec")
TEMPLATE = "import numpy\ndef _process_input(p):\n    return {'n': 1}\n"

# What each rank runs: the check, with what `misbehave` changes on some rank before it.
RANK = """
import os, sys, time
from pathlib import Path
from jupyter_featx.errors import WorldError
from jupyter_featx.jobdir import JobDir
from jupyter_featx.worker import worldcheck
from jupyter_featx.worker.exchange import Exchange, Timing
from jupyter_featx.worker.world import MpiWorld

world, job = MpiWorld(), JobDir(Path(sys.argv[1]))
timing = Timing(file=0.5, answer=5.0, large=2.0, verdict=20.0)
spec = job.spec()
{misbehave}
try:
    notes = worldcheck.check_world(world, job, spec, timing)
    with open(job.logs / f"notes-{{world.rank}}", "w") as file:  # mpiexec mixes what is printed at the same time
        print("notes", notes, file=file)
    if world.rank == 0:
        time.sleep(0.3)  # the others say theirs
except WorldError as exc:
    print("error", world.rank, exc, flush=True)
    time.sleep(0.3)
    world.abort()
"""


def check(job: JobDir, misbehave: str = "", ranks: int = 3) -> str:
    """Run the check on several ranks and return what they printed."""
    code = RANK.format(misbehave=misbehave)
    command = [MPIEXEC, "-n", str(ranks), sys.executable, "-c", code, str(job.path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    notes = "".join(path.read_text() for path in sorted(job.logs.glob("notes-*")))
    return notes + done.stdout + done.stderr


def job_with(tmp_path: Path, **changes: object) -> JobDir:
    job = make_job(tmp_path, TEMPLATE, 4)
    jobdir.write_aside(job.spec_file, replace(job.spec(), **changes).to_json())
    return job


def test_a_good_world_passes_on_every_rank(tmp_path):
    job = make_job(tmp_path, TEMPLATE, 4)
    said = check(job, ranks=4)
    assert said.count("notes []") == 4, said
    assert not list(job.path.glob(".nonce*"))


def test_more_ranks_than_are_asked_at_once_pass(tmp_path):
    misbehave = "from jupyter_featx.worker import exchange; exchange._WINDOW = 2; exchange.LARGE_BYTES = 100_000"
    said = check(make_job(tmp_path, TEMPLATE, 4), misbehave, ranks=6)
    assert said.count("notes []") == 6, said


def test_a_rank_that_never_answers_is_named(tmp_path):
    said = check(make_job(tmp_path, TEMPLATE, 4), "if world.rank == 2: time.sleep(60)")
    assert "error 0 1 of 3 ranks gave no answer (the first: 2)" in said


def test_a_large_message_that_hangs_names_the_mends(tmp_path):
    said = check(make_job(tmp_path, TEMPLATE, 4), "if world.rank == 1: Exchange.echo = lambda *_: time.sleep(60)")
    assert "error 0 A large MPI message did not come back from node" in said
    assert "OMPI_MCA_btl=self,tcp" in said


def test_in_a_container_the_mend_of_a_hang_is_the_shared_namespace(tmp_path):
    image = tmp_path / "x.sif"
    image.write_bytes(bytes(100))
    misbehave = f"os.environ['APPTAINER_CONTAINER'] = {str(image)!r}\n"
    misbehave += "if world.rank == 1: Exchange.echo = lambda *_: time.sleep(60)"
    said = check(make_job(tmp_path, TEMPLATE, 4), misbehave)
    assert "--sharens" in said
    assert "OMPI_MCA_btl_vader_single_copy_mechanism=none" in said


def test_a_home_that_is_not_shared_is_said_with_the_mend(tmp_path):
    job = make_job(tmp_path, TEMPLATE, 4)
    other = tmp_path / "other"
    said = check(job, f"if world.rank == 1: worldcheck.open = lambda name: open({str(other)!r})")
    assert f"does not see what rank 0 wrote into {job.path}" in said
    assert "Set FEATX_HOME" in said


def test_a_node_without_the_job_folder_says_so(tmp_path):
    with pytest.raises(WorldError, match=r"Node \S+ does not see /nowhere/jobs/x.*Set FEATX_HOME"):
        arrival.read_spec(JobDir(Path("/nowhere/jobs/x")))


def test_two_images_under_one_name_are_refused(tmp_path):
    images = [tmp_path / "a.sif", tmp_path / "b.sif"]
    for number, image in enumerate(images):
        image.write_bytes(bytes(100 + number))
    names = [str(image) for image in images]
    said = check(make_job(tmp_path, TEMPLATE, 4), f"os.environ['APPTAINER_CONTAINER'] = {names!r}[world.rank == 2]")
    assert "runs another container image under the same name" in said


def test_an_image_made_anew_since_the_submit_is_a_note(tmp_path):
    image = tmp_path / "a.sif"
    image.write_bytes(bytes(100))
    job = job_with(tmp_path, container=ContainerSpec(str(image), digest="sif:00:1"))
    said = check(job, f"os.environ['APPTAINER_CONTAINER'] = {str(image)!r}")
    assert said.count("the container image is sif:00:1 in the notebook and file:") == 1


def other_environment() -> dict[str, object]:
    """Return this environment, but for numpy's version."""
    here = environment.describe({"numpy"})
    return {**here, "distributions": {"numpy": "1.0"}}


def test_a_difference_is_noted_once_and_the_job_goes_on(tmp_path):
    job = job_with(tmp_path, environment=other_environment())
    ended = run(job, launcher=(MPIEXEC, "-n", "3"), timeout=90)
    assert ended.status.state == "completed", ended.log()
    (note,) = ended.status.notes
    assert note.startswith("numpy is 1.0 in the notebook and ")
    assert note in ended.log()


def test_strict_stops_with_the_difference(tmp_path):
    job = job_with(tmp_path, environment=other_environment(), environment_policy="strict")
    for launcher in ((), (MPIEXEC, "-n", "3")):
        ended = run(job, launcher=launcher, timeout=90)
        assert ended.status.state == "failed"
        assert "numpy is 1.0 in the notebook" in ended.status.reason
        assert "--environment warn" in ended.status.reason
        assert not ended.rows


def test_off_compares_nothing(tmp_path):
    job = job_with(tmp_path, environment=other_environment(), environment_policy="off")
    assert run(job, timeout=60).status.notes == ()


def test_processes_that_do_not_see_each_other_are_refused_once(tmp_path):
    # As srun starts them when its --mpi is not that of the library: N times the same command.
    job = make_job(tmp_path, TEMPLATE, 4)
    for rank in (1, 0):
        variables = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": str(rank), "FEATX_NATIVE_ID": "77"}
        command = ["env", *(f"{name}={value}" for name, value in variables.items()), sys.executable]
        done = subprocess.run(
            [*command, "-m", "jupyter_featx.worker", str(job.path)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert "2 processes were started, but MPI" in done.stderr
    (stopped,) = (event for event in events.read(job.events) if isinstance(event, events.Stopped))
    assert stopped.native_id == "77"
    assert "--mpi=pmix" in stopped.message
    assert not read(job).rows


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, (1, 0)),
        ({"SLURM_NTASKS": "4", "SLURM_PROCID": "0"}, (1, 0)),  # the batch script itself, or `python` in it
        ({"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "3"}, (4, 3)),
        ({"SLURM_STEP_NUM_TASKS": "1", "OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "2"}, (4, 2)),
        ({"SLURM_STEP_NUM_TASKS": "3", "SLURM_PROCID": "1", "PMI_SIZE": "1", "PMI_RANK": "0"}, (1, 0)),
    ],
)
def test_how_many_processes_were_started(variables, expected):
    assert arrival.started_together(variables) == expected


def test_one_rank_alone_needs_no_mpi(tmp_path):
    job = make_job(tmp_path, TEMPLATE, 4)
    code = f"""
        import sys
        from pathlib import Path
        from jupyter_featx.jobdir import JobDir
        from jupyter_featx.worker import worldcheck
        from jupyter_featx.worker.world import Solo
        job = JobDir(Path({str(job.path)!r}))
        assert worldcheck.check_world(Solo(), job, job.spec()) == []
        assert "mpi4py" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
    arrival.check_size(Solo(), job, {})


def test_many_nodes_are_named_by_the_first_three():
    reports = [worldcheck.Report(f"n{n}", differences=[["numpy", "2.0", "1.0"]]) for n in range(500)]
    assert list(worldcheck._notes(reports)) == [
        "numpy is 2.0 in the notebook and 1.0 on nodes n0, n1, n10 and 497 more"
    ]
    assert json.loads(json.dumps(reports[0].differences)) == reports[0].differences
