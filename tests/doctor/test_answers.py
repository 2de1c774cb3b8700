"""What the doctor makes of the files that its job left: each cause has its own words, and its own mend."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

import pytest

from jupyter_featx.doctor import answers
from jupyter_featx.doctor.findings import Finding
from jupyter_featx.doctor.hello import Ending, Hello
from jupyter_featx.doctor.here import version

DONE = Ending("done", seconds=3.0)
NODE = "host {host}\nuser {user}\nnonce {nonce}\n"
RANK = {
    "size": 2,
    "mpi": "Open MPI v4.1.4, package: Debian",
    "python": platform.python_version(),
    "featx": version(),
    "message_seconds": 0.02,
}


@pytest.fixture
def job(tmp_path: Path) -> Hello:
    """A job of which everything went well; a test spoils what it is about."""
    hello = Hello(tmp_path / "home" / ".doctor-1", "feed", 2, 2, False)
    hello.folder.mkdir(parents=True)
    for name in ("begun", "done"):
        write(hello, name, "1")
    write(hello, "mpi", "pmix\n")
    for rank in (0, 1):
        write(hello, f"node-{rank}.txt", NODE.format(host=f"n{rank + 1}", user=os.getuid(), nonce="feed"))
    step(hello, "bare", 0)
    return hello


def write(hello: Hello, name: str, text: str) -> None:
    (hello.folder / name).write_text(text)


def step(hello: Hello, name: str, code: int | None, out: str = "", **changes: object) -> None:
    """Leave what a step leaves; `ranks=0` for one whose ranks never spoke."""
    count = changes.pop("ranks", 2)
    write(hello, f"{name}.out", out)
    (hello.folder / f"{name}.status").unlink(missing_ok=True)
    if code is not None:
        write(hello, f"{name}.status", str(code))
    for rank in (0, 1):
        (hello.folder / f"{name}-{rank}.json").unlink(missing_ok=True)
    for rank in range(int(str(count))):
        about = {**RANK, "rank": rank, "host": f"n{rank + 1}", **changes}
        write(
            hello, f"{name}-{rank}.json", json.dumps({key: value for key, value in about.items() if value is not None})
        )


def found(hello: Hello, ending: Ending = DONE, image: str = "") -> dict[str, Finding]:
    return {finding.name: finding for finding in answers.read(hello, ending, image)}


def test_what_went_well_is_said_with_where_and_how(job: Hello):
    said = found(job)
    assert {finding.state for finding in said.values()} == {"ok"}
    assert said["hello job"].text == "2 nodes, 3 s from submit to its end"
    assert said["shared home"].text == f"n1 and n2 see {job.folder.parent}, as user {os.getuid()}"
    assert said["MPI on the nodes"].text == "2 ranks on n1 and n2 by srun --mpi=pmix, Open MPI 4.1.4, 8 MB in 20 ms"


@pytest.mark.parametrize(
    ("code", "out", "said", "mend"),
    [
        (
            1,
            "/opt/python: No module named mpi4py",
            "exit status 1: /opt/python: No module named mpi4py",
            "pip install mpi4py",
        ),
        (
            1,
            "ModuleNotFoundError: No module named 'jupyter_featx'",
            "No module named 'jupyter_featx'",
            "the same jupyter_featx",
        ),
        (1, "RuntimeError: cannot load MPI library", "cannot load MPI", "[site] modules"),
        (1, "ImportError: libmpi.so.40: cannot open shared object file: No such file", "libmpi", "[site] modules"),
        (2, "slurmstepd: error: execve(): /x/python: No such file or directory", "No such file", "is not on the nodes"),
        (127, "bash: python: command not found", "exit status 127", "is not on the nodes"),
        (13, "slurmstepd: error: execve(): /root/python: Permission denied", "Permission denied", "read and run"),
        (1, "srun: error: Invalid MPI plugin name: pmix", "Invalid MPI plugin", "srun --mpi=list"),
        (
            143,
            "Runtime environment uses unsupported PMI version PMIx. Aborting.",
            "unsupported PMI",
            'launcher = "pmi2"',
        ),
        (124, "", "did not begin in time", "does not speak --mpi=pmix"),
        (137, "", "did not begin in time", "crossed pair"),
        (None, "", "the job ended before it came to that", "mending what stands above"),
        (1, "", "it printed nothing", "mending what stands above"),
        (
            9,
            "Traceback\n  File x\nOSError: strange\nsrun: error: n1: task 0: Exited",
            "exit status 9: OSError: strange",
            "the words are",
        ),
    ],
)
def test_ranks_that_never_spoke_are_told_by_what_was_printed(
    job: Hello, code: int | None, out: str, said: str, mend: str
):
    step(job, "bare", code, out, ranks=0)
    finding = found(job)["MPI on the nodes"]
    assert finding.state == "failed"
    assert said in finding.text
    assert mend in finding.mend


def test_a_large_message_that_hangs_is_told_from_ranks_that_do_not_begin(job: Hello):
    step(job, "bare", 142, message_seconds=None)
    finding = found(job)["MPI on the nodes"]
    assert "a message of 8 MB between them did not arrive" in finding.text
    assert "--sharens" in finding.mend


def test_worlds_of_one_rank_are_told(job: Hello):
    step(job, "bare", 0, size=1, rank=0)
    assert "each sees only itself" in found(job)["MPI on the nodes"].text


def test_another_folder_of_the_same_name_is_no_shared_home(job: Hello):
    write(job, "node-1.txt", NODE.format(host="n2", user=os.getuid(), nonce=""))
    finding = found(job)["shared home"]
    assert (finding.state, finding.text) == ("failed", f"n2 sees another {job.folder.parent}")


def test_a_node_that_cannot_write_is_told(job: Hello):
    (job.folder / "node-1.txt").unlink()
    write(job, "node.out", "bash: line 1: /home/kim/featx/.doctor-1/node-1.txt: No such file or directory\n")
    finding = found(job)["shared home"]
    assert finding.text.startswith(f"only n1 wrote into {job.folder.parent}: bash")
    assert "srun -N 2 ls -ld" in finding.mend


def test_another_user_on_the_nodes_is_told(job: Hello):
    for rank in (0, 1):
        write(job, f"node-{rank}.txt", NODE.format(host="n1", user=54321, nonce="feed"))
    finding = found(job)["shared home"]
    assert finding.text == f"on the nodes you are user 54321, here {os.getuid()}"
    assert "user id of the cluster" in finding.mend


@pytest.mark.parametrize("how", ["lost", "silent"])
def test_nothing_written_is_a_home_that_is_not_shared(job: Hello, how: str):
    (job.folder / "begun").unlink()
    said = found(job, Ending(how, "it failed", 9.0))
    assert list(said) == ["hello job"]
    assert "is seen here: it failed" in said["hello job"].text
    assert "every node mounts at the same path" in said["hello job"].mend


def test_a_job_that_waited_is_skipped_with_slurms_reason(job: Hello):
    (job.folder / "begun").unlink()
    said = found(job, Ending("waited", "other jobs come first (Priority)", 60.0))
    assert list(said) == ["hello job"]
    assert str(said["hello job"]) == (
        "– hello job: skipped: it had not begun after 60 s (other jobs come first (Priority)), and was cancelled. "
        "Try again later"
    )


def test_a_job_that_stops_half_way_shows_what_it_came_to(job: Hello):
    step(job, "bare", None, ranks=0)
    write(job, "hello.log", "a\nslurmstepd: error: CANCELLED DUE TO TIME LIMIT\n")
    said = found(job, Ending("lost", "its walltime ended", 9.0))
    assert said["hello job"].text == "its walltime ended; its log ends: slurmstepd: error: CANCELLED DUE TO TIME LIMIT"
    assert said["shared home"].state == "ok"
    assert said["MPI on the nodes"].text == "the job ended before it came to that"


@pytest.mark.parametrize(("code", "state"), [(0, "ok"), (1, "failed")])
def test_modules_that_do_not_load_are_told(job: Hello, code: int, state: str):
    write(job, "modules.status", str(code))
    write(job, "modules.out", "Lmod has detected the following error: unknown module gcc/99\n")
    assert found(job)["modules"].state == state


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"python": "3.9.1"}, f"Python 3.9.1 on the nodes, {platform.python_version()} here"),
        ({"featx": "0.0.1"}, f"jupyter_featx 0.0.1 on the nodes, {version()} here"),
    ],
)
def test_other_versions_on_the_nodes_are_told(job: Hello, changes: dict[str, str], said: str):
    step(job, "bare", 0, **changes)
    finding = found(job)["versions there"]
    assert (finding.state, finding.text) == ("failed", said)


# -- in a container ---------------------------------------------------------------------------------------------------

INSIDE = "runtime apptainer version 1.4.5\nsharens yes\nimage 10 feed\n"


@pytest.fixture
def inside(job: Hello) -> Hello:
    hello = Hello(job.folder, job.nonce, 2, 2, True)
    for rank in (0, 1):
        node(hello, rank, INSIDE)
    step(hello, "image", 0)
    return hello


def node(hello: Hello, rank: int, more: str) -> None:
    write(hello, f"node-{rank}.txt", NODE.format(host=f"n{rank + 1}", user=os.getuid(), nonce="feed") + more)


def test_the_container_is_looked_at_on_each_node(inside: Hello):
    said = found(inside, image="10 feed")
    assert {finding.state for finding in said.values()} == {"ok"}
    assert said["container runtime"].text == "apptainer version 1.4.5, with --sharens"
    assert said["image on the nodes"].text == "the same on n1 and n2"
    assert said["MPI in the container"].text.startswith("2 ranks on n1 and n2")


def test_ranks_that_fail_outside_are_no_harm_where_jobs_run_inside(inside: Hello):
    step(inside, "bare", 127, "no python", ranks=0)
    finding = found(inside)["MPI on the nodes"]
    assert finding.state == "skipped"
    assert "no harm" in finding.text


@pytest.mark.parametrize(
    ("more", "name", "said"),
    [
        ("runtime bash: apptainer: command not found\nimage 10 feed\n", "container runtime", "does not start on n2"),
        ("runtime apptainer version 1.4.5\nsharens yes\nimage missing\n", "image on the nodes", "n2 does not see it"),
        ("runtime apptainer version 1.4.5\nsharens yes\nimage 10 beef\n", "image on the nodes", "not the same file"),
    ],
)
def test_a_node_that_differs_is_named(inside: Hello, more: str, name: str, said: str):
    node(inside, 1, more)
    finding = found(inside)[name]
    assert finding.state == "failed"
    assert said in finding.text


def test_an_image_that_differs_from_the_one_here_is_told(inside: Hello):
    assert found(inside, image="11 f00d")["image on the nodes"].state == "failed"


def test_the_identity_of_an_image_is_its_size_and_uuid(tmp_path: Path):
    sif = tmp_path / "a.sif"
    sif.write_bytes(bytes(48) + bytes.fromhex("00112233445566778899aabbccddeeff") + b"rest")
    assert answers.image_identity(sif) == "68 00112233445566778899aabbccddeeff"
    assert answers.image_identity(tmp_path) == "folder"
    assert answers.image_identity(tmp_path / "none") == ""


def test_files_cut_short_or_strange_are_no_crash(job: Hello):
    write(job, "bare-0.json", '{"size": 2, "mpi"')
    write(job, "node-0.txt", "\x00\xff nonsense")
    write(job, "bare.status", "x")
    assert all(isinstance(finding, Finding) for finding in answers.read(job, DONE))
