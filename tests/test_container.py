"""The image is found, and a rank gets into it with all that it needs and nothing else: in real Apptainer."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from container import image as images
from engine import Run, make_job, read
from realjobs import make_spec

import jupyter_featx
from jupyter_featx import container, jobdir
from jupyter_featx.config import ContainerConfig
from jupyter_featx.environment import image_identity
from jupyter_featx.errors import ImageError, SpecError
from jupyter_featx.jobdir import JobDir
from jupyter_featx.script import Machine, RunOptions, render
from jupyter_featx.spec import ContainerSpec, SiteSpec

OWN = ("APPTAINER_CONTAINER", "SINGULARITY_CONTAINER", "JUPYTER_IMAGE_SPEC")


@pytest.fixture(autouse=True)
def _outside(monkeypatch):
    for name in OWN:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def sif(tmp_path: Path) -> Path:
    path = tmp_path / "hub.sif"
    path.write_bytes(bytes(200))
    return path


# -- finding ----------------------------------------------------------------------------------------------------------


def test_without_any_image_there_is_no_container():
    assert container.find(ContainerConfig()) is None


def test_the_image_that_was_asked_for_comes_first(sif, tmp_path, monkeypatch):
    other = tmp_path / "other.sif"
    other.write_bytes(bytes(90))
    monkeypatch.setenv("APPTAINER_CONTAINER", str(other))
    settings = ContainerConfig(image=str(other), binds=("/scratch",), drop=("CONDA_*",))
    found = container.find(settings, str(sif))
    assert found == ContainerSpec(str(sif), ("/scratch",), digest=image_identity(str(sif)), drop=("CONDA_*",))
    assert container.find(settings, "none") is None
    assert container.find(settings).image == str(other)


@pytest.mark.parametrize("name", OWN[:2])
def test_the_notebooks_own_image_is_found(name, sif, monkeypatch):
    monkeypatch.setenv(name, str(sif))
    assert container.find(ContainerConfig()).image == str(sif)


def test_the_notebooks_own_image_may_lie_where_the_notebook_cannot_look(monkeypatch):
    monkeypatch.setenv("APPTAINER_CONTAINER", "/images/of/the/site/hub.sif")
    assert container.find(ContainerConfig()) == ContainerSpec("/images/of/the/site/hub.sif")


def test_an_image_that_is_not_there_is_one_clear_error(tmp_path):
    with pytest.raises(ImageError, match=r"There is no container image .*x\.sif. Type 'featx image build SOURCE"):
        container.find(ContainerConfig(), str(tmp_path / "x.sif"))
    with pytest.raises(ImageError, match="/nowhere/x.sif"):
        container.find(ContainerConfig(image="/nowhere/x.sif"))


def test_an_image_that_cannot_be_read_is_one_clear_error(sif, monkeypatch):
    monkeypatch.setattr(container, "image_identity", lambda path: "")
    with pytest.raises(ImageError, match="cannot be read"):
        container.find(ContainerConfig(), str(sif))


@pytest.mark.parametrize(
    ("reference", "key"),
    [
        ("quay.io/jupyter/scipy:2024", "quay.io/jupyter/scipy:2024"),
        ("quay.io/jupyter/scipy:2024@sha256:00", "quay.io/jupyter/scipy:2024"),
        ("quay.io/jupyter/scipy:2024", "quay.io/jupyter/scipy"),
        ("quay.io/jupyter/scipy:2024", "jupyter/scipy:2024"),
        ("quay.io:5000/jupyter/scipy:2024@sha256:00", "jupyter/scipy"),
        ("jupyter/scipy", "jupyter/scipy"),
    ],
)
def test_a_docker_image_is_found_in_the_sites_map(reference, key, sif, monkeypatch):
    monkeypatch.setenv("JUPYTER_IMAGE_SPEC", reference)
    assert container.mapped(reference, {key: "/x.sif", "other": "/y.sif"}) == "/x.sif"
    assert container.find(ContainerConfig(images={key: str(sif)})).image == str(sif)
    assert container.find(ContainerConfig(images={"scipy": str(sif), "quay.io": str(sif)})) is None


def test_the_exact_reference_comes_before_the_shorter_ones():
    known = {"r.io/a/b:1": "/exact.sif", "r.io/a/b": "/any.sif", "a/b": "/short.sif"}
    assert container.mapped("r.io/a/b:1", known) == "/exact.sif"
    assert container.mapped("r.io/a/b:2", known) == "/any.sif"
    assert container.mapped("s.io/a/b:2", known) == "/short.sif"


@pytest.mark.parametrize("drop", ["A B", "A;rm", "", "*", "A*B", "1A"])
def test_a_name_of_a_variable_cannot_smuggle(drop, sif):
    with pytest.raises(SpecError, match="no name of a variable"):
        container.find(ContainerConfig(drop=(drop,)), str(sif))


def test_another_runtime_is_a_templates_matter(sif):
    with pytest.raises(SpecError, match="Choose one of: apptainer, singularity"):
        container.find(ContainerConfig(runtime="podman"), str(sif))


# -- the words --------------------------------------------------------------------------------------------------------


def test_the_words_hold_home_mounts_and_image(sif, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/kim")
    found = container.find(ContainerConfig(binds=("/scratch:/data:ro", "/nfs/kim:/home/kim")), str(sif))
    ready = container.mounted(found, ["/srv/set/a", "/srv/set/b"], "/home/kim/w", Path("/home/kim/featx"))
    assert ready.home == "/nfs/kim:/home/kim"
    words = container.command(replace(make_spec(), container=ready))
    assert words[:2] == ["bash", "-c"]
    assert words[3:6] == ["apptainer", "--home", "/nfs/kim:/home/kim"]
    assert words[-1] == str(sif)
    binds = [words[i + 1] for i, word in enumerate(words) if word == "--bind"]
    assert "/scratch:/data:ro" in binds
    assert "/srv/set" in binds
    assert not {"/home/kim/w", "/home/kim/featx", "/nfs/kim:/home/kim"} & set(binds)
    assert container.command(make_spec()) == []


def test_pythonpath_stays_unless_modules_set_it(sif):
    spec = replace(make_spec(), container=ContainerSpec(str(sif)))
    assert "PYTHONPATH" not in container.command(spec)[2]
    assert "PYTHONPATH" in container.command(replace(spec, site=SiteSpec(modules=("python",))))[2]


def test_cleanenv_is_never_used(sif):
    assert not any("cleanenv" in word for word in container.command(replace(make_spec(), container=ContainerSpec(""))))


def fake_runtime(folder: Path, knows: str) -> None:
    """Make an apptainer that knows this option and shows what it is asked for."""
    program = folder / "apptainer"
    program.write_text(
        f"#!/bin/bash\nif [[ $* == 'exec --help' ]]; then yes -- '{knows}' | head -2000; exit; fi\n"
        "printf '%s\\n' \"$@\"; env\n"
    )
    program.chmod(0o755)


def entered(spec: ContainerSpec, folder: Path, **variables: str) -> list[str]:
    words = container.command(replace(make_spec(), container=spec))
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "HOME": "/home/kim", **variables}
    done = subprocess.run([*words, "python"], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_the_node_decides_whether_namespaces_are_shared(tmp_path):
    fake_runtime(tmp_path, "--bind")
    assert entered(ContainerSpec("x.sif"), tmp_path)[:4] == ["--quiet", "exec", "x.sif", "python"]
    fake_runtime(tmp_path, "--sharens")
    assert entered(ContainerSpec("x.sif"), tmp_path)[:5] == ["--quiet", "exec", "--sharens", "x.sif", "python"]


def test_variables_that_lead_astray_are_dropped_by_name(tmp_path):
    fake_runtime(tmp_path, "--sharens")
    kept = {"PMI_FD": "3", "PYTHONPATH": "/mine", "SLURM_JOB_ID": "7", "APPTAINER_CACHEDIR": "/c", "MY": "1"}
    dropped = {"APPTAINER_BIND": "/x", "SINGULARITY_CONTAINER": "/y", "LD_PRELOAD": "", "PYTHONHOME": "/z"}
    shown = entered(ContainerSpec("x", drop=("CONDA_*", "OLD")), tmp_path, **kept, **dropped, CONDA_EXE="1", OLD="2")
    assert {f"{name}={value}" for name, value in kept.items()} <= set(shown)
    names = {line.partition("=")[0] for line in shown}
    assert not names & {*dropped, "CONDA_EXE", "OLD"}


def test_the_nodes_own_scratch_and_pmix_folders_are_mounted(tmp_path):
    fake_runtime(tmp_path, "--sharens")
    for name in ("scratch", "pmix"):
        (tmp_path / name).mkdir()
    folders = {"TMPDIR": str(tmp_path / "scratch"), "PMIX_SERVER_TMPDIR": str(tmp_path / "pmix")}
    shown = entered(ContainerSpec("x"), tmp_path, **folders, PMIX_URI="a;tcp4://1", PMIX_GONE="/gone", PMIX_ODD="/a:b")
    binds = [shown[i + 1] for i, line in enumerate(shown) if line == "--bind"]
    assert sorted(binds) == sorted(folders.values())


def test_a_node_without_the_runtime_says_what_to_do(tmp_path):
    words = container.command(replace(make_spec(), container=ContainerSpec("x.sif", runtime="singularity")))
    done = subprocess.run([shutil.which("bash"), *words[1:]], env={"PATH": ""}, capture_output=True, text=True)
    assert done.returncode == 127
    assert "there is no singularity on" in done.stderr


def test_another_runtime_is_reached_by_the_template_of_the_documentation(tmp_path):
    page = (images.ROOT / "docs" / "containers.md").read_text()
    block = re.search(r"```jinja\n(.*?)```", page, re.DOTALL)
    (tmp_path / "mpi.sbatch.j2").write_text(block[1])
    spec = replace(make_spec(), scheduler="slurm")
    text = render(JobDir(Path("/jobs/iris-3f9a")), spec, RunOptions(), Machine(folders=[tmp_path]))
    assert "\nimage=(ch-run --home --unset-env='LD_*' -b /scratch /images/hub --)\n" in text
    assert '"${image[@]}" "${rank[@]}"' in text
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)


# -- real Apptainer ---------------------------------------------------------------------------------------------------

ITEMS = 40
TEMPLATE = """
import os
import from_home
def _process_input(path):
    with open(path) as file:
        n = int(file.read())
    inside, preload = os.environ["APPTAINER_NAME"], os.environ.get("LD_PRELOAD", "")
    return {"n": n, "from": from_home.NAME, "inside": inside, "preload": preload}
"""


@dataclass(frozen=True)
class Ground:
    """An ordinary user's folder below the home, a dataset outside of it, and how to be that user."""

    home: Path
    folder: Path
    data: Path
    user: str | None

    def run(self, words: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
        become = ["setpriv", "--reuid", self.user, "--regid", self.user, "--init-groups"] if self.user else []
        path = f"{images.get_apptainer().parent}:/usr/local/bin:/usr/bin:/bin"
        environment = {"HOME": str(self.home), "PATH": path, "PYTHONPATH": str(self.folder / "ours"), **variables}
        return subprocess.run(
            [*become, *words], env=environment, cwd="/", capture_output=True, text=True, timeout=240, check=False
        )

    def give(self) -> None:
        if self.user:
            subprocess.run(["chown", "-R", f"{self.user}:", str(self.folder)], check=True)


@pytest.fixture
def ground() -> Iterator[Ground]:
    user = images.ordinary_user()
    home = Path(f"~{user or ''}").expanduser()
    folder = Path(tempfile.mkdtemp(dir=home))
    images.CACHE.mkdir(parents=True, exist_ok=True)
    data = Path(tempfile.mkdtemp(dir=images.CACHE))
    data.chmod(0o755)
    for n in range(ITEMS):
        (data / f"n{n}.txt").write_text(str(n))
    ours = Path(jupyter_featx.__file__).parent
    shutil.copytree(ours, folder / "ours" / "jupyter_featx", ignore=shutil.ignore_patterns("__pycache__", "labext*"))
    (folder / "ours" / "from_home.py").write_text("NAME = 'home'\n")
    images.open_fuse()
    yield Ground(home, folder, data, user)
    shutil.rmtree(folder)
    shutil.rmtree(data)


@pytest.fixture(params=["sif", "sandbox"])
def image(request) -> Path:
    return images.make_image() if request.param == "sif" else images.make_sandbox()


def job_in(ground: Ground, image: Path, monkeypatch, template: str = TEMPLATE, cores: int = 2) -> JobDir:
    """Make a job as the user would have, with what the container needs mounted."""
    monkeypatch.setenv("HOME", str(ground.home))
    paths = [str(path) for path in sorted(ground.data.iterdir())]
    job = make_job(ground.folder / "featx", template, paths, cores)
    found = container.find(ContainerConfig(), str(image))
    monkeypatch.setattr(container, "process_folders", list)  # the image's own Python runs it
    ready = container.mounted(found, paths, "/tmp", ground.folder / "featx")
    spec = replace(job.spec(), container=ready, python="/usr/bin/python3")
    jobdir.write_aside(job.spec_file, spec.to_json())
    ground.give()
    return job


def run_in(ground: Ground, job: JobDir, *between: str, launcher: tuple[str, ...] = (), **variables: str) -> Run:
    """Run one attempt in the job's image, as the ordinary user."""
    words = [*launcher, *container.command(job.spec()), *between, job.spec().python]
    words += ["-m", "mpi4py"] if launcher or between else []
    done = ground.run([*words, "-m", "jupyter_featx.worker", str(job.path), "--no-table"], **variables)
    job.job_log.write_text(done.stdout + done.stderr)
    return read(job, code=done.returncode)


def test_a_job_runs_in_the_image_as_an_ordinary_user(ground, image, monkeypatch):
    job = job_in(ground, image, monkeypatch)
    ended = run_in(ground, job, LD_PRELOAD="/nowhere.so", APPTAINER_BIND="/nowhere")
    assert ended.status.state == "completed", ended.log()
    assert sorted(ended.rows) == list(range(ITEMS))
    assert ended.row(0)["ft:inside"] == image.name
    assert ended.row(0)["ft:from"] == "home"
    assert ended.row(0)["ft:preload"] == ""
    assert ended.status.notes == ()


def test_the_job_says_in_what_the_image_differs_from_the_notebook(ground, monkeypatch):
    from jupyter_featx import environment

    job = job_in(ground, images.make_sandbox(), monkeypatch)
    there = {**environment.describe({"pytest"}), "python": "3.99.0 (main)"}
    jobdir.write_aside(job.spec_file, replace(job.spec(), environment=there).to_json())
    ground.give()
    ended = run_in(ground, job)
    assert ended.status.state == "completed", ended.log()
    assert any(note.startswith("Python is 3.99.0 (main) in the notebook and 3.11.") for note in ended.status.notes)
    assert any(note.startswith("pytest is ") and "and missing on node" in note for note in ended.status.notes)


@pytest.fixture(scope="session")
def mpi_home() -> Path:
    """A user base with mpi4py and MPICH for the image's Python, as `pip install --user` in the notebook leaves it."""
    return images.make_user_base()


def test_ranks_of_the_images_own_mpirun_are_one_world(ground, mpi_home, monkeypatch):
    job = job_in(ground, images.make_image(), monkeypatch, cores=3)
    job_ready(ground, job, mpi_home)
    mpirun = ("mpirun", "--oversubscribe", "--bind-to", "none", "-n", "3")
    # mpi4py prefers the wheel's library; here it is to take the image's.
    ended = run_in(ground, job, *mpirun, PYTHONUSERBASE=str(mpi_home), MPI4PY_LIBMPI="libmpi.so.40")
    assert ended.status.state == "completed", ended.log()
    assert ended.status.attempts[-1].ranks == 3
    assert sorted(ended.rows) == list(range(ITEMS))


def job_ready(ground: Ground, job: JobDir, *folders: Path) -> None:
    """Mount more folders."""
    spec = job.spec()
    more = replace(spec.container, binds=(*spec.container.binds, *map(str, folders)))
    jobdir.write_aside(job.spec_file, replace(spec, container=more).to_json())
    ground.give()


def test_ranks_of_a_launcher_outside_share_their_namespace(ground, mpi_home, monkeypatch):
    job = job_in(ground, images.make_image(), monkeypatch, cores=3)
    job_ready(ground, job, mpi_home)
    launcher = (str(mpi_home / "bin" / "mpiexec"), "-n", "3")
    ended = run_in(ground, job, launcher=launcher, PYTHONUSERBASE=str(mpi_home))
    assert ended.status.state == "completed", ended.log()
    assert ended.status.attempts[-1].ranks == 3
    assert sorted(ended.rows) == list(range(ITEMS))


def test_a_real_hang_of_large_messages_is_found_before_the_first_item(ground, mpi_home, monkeypatch):
    job = job_in(ground, images.make_image(), monkeypatch, cores=3)
    job_ready(ground, job, mpi_home)
    code = (
        "import sys; from pathlib import Path; from jupyter_featx.jobdir import JobDir; "
        "from jupyter_featx.worker.exchange import Timing; from jupyter_featx.worker.world import MpiWorld; "
        "from jupyter_featx.worker.worldcheck import check_world\n"
        "world, job = MpiWorld(), JobDir(Path(sys.argv[1]))\n"
        "try: print(check_world(world, job, job.spec(), Timing(large=5.0)), flush=True)\n"
        "except Exception as exc: print(exc, flush=True); world.abort()\n"
    )
    words = container.command(job.spec())
    words[2] = words[2].replace("--sharens", "--no-such-option")  # as an Apptainer older than 1.3
    launcher = [str(mpi_home / "bin" / "mpiexec"), "-n", "2"]
    done = ground.run([*launcher, *words, "/usr/bin/python3", "-c", code, str(job.path)], PYTHONUSERBASE=str(mpi_home))
    assert "A large MPI message did not come back" in done.stdout, done.stdout + done.stderr
    assert "--sharens" in done.stdout
