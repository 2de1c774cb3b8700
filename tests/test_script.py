"""The script: the same text each time, harmless whatever the names, and its variables documented."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment, meta
from realjobs import make_spec
from sbatchlines import options_of

from jupyter_featx.directives import ALLOWED
from jupyter_featx.errors import SpecError
from jupyter_featx.jobdir import JobDir
from jupyter_featx.script import Machine, RunOptions, render, template_folders
from jupyter_featx.spec import AllocationSpec, ContainerSpec, JobSpec, LimitSpec, ResourceSpec, SiteSpec

TEMPLATES = Path(__file__).parent.parent / "slurm_templates"
PART = ' ${part:+--part "$part"}'
RECORD = Path(__file__).parent / "data/scripts"
NASTY = [
    "a b",
    "it's",
    'say "hi"',
    "$(touch x)",
    "`touch x`",
    "${HOME}",
    "제올라이트",
    "a;b&c|d>e",
    "\\",
    "*",
    "{{ x }}",
]


def shell_words(line: str) -> list[str]:
    return shlex.split(line.removeprefix("exec ").replace(PART, ""))


def launch_line(text: str) -> str:
    return next(line for line in text.splitlines() if line.startswith("exec "))


def test_a_script_is_the_same_text_each_time() -> None:
    job = JobDir(Path("/featx/jobs/iris-1"))
    texts = {render(job, make_spec(), RunOptions(), Machine(["mpiexec", "-n", "2"])) for _ in range(3)}
    assert len(texts) == 1


def test_one_rank_needs_no_launcher_and_several_end_together() -> None:
    job = JobDir(Path("/featx/jobs/iris-1"))
    one = launch_line(render(job, make_spec(), RunOptions()))
    assert shell_words(one) == ["/usr/bin/python3", "-m", "jupyter_featx.worker", "/featx/jobs/iris-1"]
    many = launch_line(render(job, make_spec(), RunOptions(), Machine(["/opt/my mpi/mpiexec", "-n", "2"])))
    assert shell_words(many)[:6] == ["/opt/my mpi/mpiexec", "-n", "2", "/usr/bin/python3", "-m", "mpi4py"]


def test_the_options_of_an_attempt_are_words_of_the_script() -> None:
    options = RunOptions(retry_failed=2, item_timeout_seconds=1.5, item_memory_mb=2048)
    line = launch_line(render(JobDir(Path("/j")), make_spec(), options))
    assert shell_words(line)[4:] == ["--retry-failed", "2", "--item-timeout", "1.5", "--item-memory", "2048"]


@pytest.mark.parametrize("name", NASTY)
def test_a_path_is_one_word_whatever_its_name(name: str, tmp_path: Path) -> None:
    job = JobDir(tmp_path / name / "jobs" / "iris-1")
    spec = make_spec(python=f"/opt/{name}/python")
    text = render(job, spec, RunOptions())
    assert shell_words(launch_line(text)) == [spec.python, "-m", "jupyter_featx.worker", str(job.path)]
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)


@pytest.mark.parametrize("character", ["\n", "\r", "\0"])
def test_a_line_break_in_a_path_is_refused(character: str) -> None:
    with pytest.raises(SpecError, match="line break"):
        render(JobDir(Path(f"/a{character}touch x/jobs/iris-1")), make_spec(), RunOptions())


def test_the_name_of_a_job_stands_nowhere_in_the_script() -> None:
    text = render(JobDir(Path("/j")), make_spec(name="$(touch x)"), RunOptions())
    assert "touch" not in text


def test_a_run_knows_its_own_id_and_sees_no_token_and_no_outer_mpi(tmp_path: Path) -> None:
    text = render(JobDir(tmp_path), make_spec(python="/usr/bin/env"), RunOptions())
    text = text.replace(launch_line(text), "exec env")
    outer = {
        "JUPYTERHUB_API_TOKEN": "secret",
        "JPY_API_TOKEN": "secret",
        "PMI_SIZE": "4",
        "PMIX_RANK": "0",
        "OMPI_COMM_WORLD_SIZE": "4",
        "SLURM_JOB_ID": "7",
        "HOSTNAME": "another",
        "MINE": "kept",
    }
    done = subprocess.run(["bash"], input=text, text=True, env=os.environ | outer, capture_output=True, check=True)
    seen = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    assert seen["FEATX_NATIVE_ID"].startswith(os.uname().nodename + "/")
    assert seen["MINE"] == "kept"
    assert not {name for name in outer if name not in ("MINE", "HOSTNAME")} & set(seen)
    assert done.stderr == ""


def test_a_site_changes_a_block_and_keeps_the_rest(tmp_path: Path) -> None:
    (tmp_path / "local.sh.j2").write_text(
        '{% extends "featx/local.sh.j2" %}{% block modules %}\nmodule load gcc/13\n{% endblock %}'
    )
    job = JobDir(Path("/j"))
    ours = render(job, make_spec(), RunOptions())
    theirs = render(job, make_spec(), RunOptions(), Machine(folders=[tmp_path]))
    assert "module load gcc/13" not in ours
    assert set(ours.splitlines()) < set(theirs.splitlines())
    assert "module load gcc/13" in theirs.splitlines()


@pytest.mark.parametrize("text", ["{{ walltime }}", "{% block %}", "{{ job | shout }}", '{% extends "none" %}'])
def test_a_template_of_a_site_that_is_not_right_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "local.sh.j2").write_text(text)
    with pytest.raises(SpecError, match=re.escape(str(tmp_path))):
        render(JobDir(Path("/j")), make_spec(), RunOptions(), Machine(folders=[tmp_path]))


def test_the_users_templates_come_before_the_sites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, comment in (("user", "mine"), ("site", "theirs")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "local.sh.j2").write_text(
            f'{{% extends "featx/local.sh.j2" %}}{{% block header %}}\n# {comment}\n{{% endblock %}}'
        )
    monkeypatch.setenv("FEATX_TEMPLATES", str(tmp_path / "user"))
    folders = template_folders(tmp_path / "site")
    assert "# mine" in render(JobDir(Path("/j")), make_spec(), RunOptions(), Machine(folders=folders))
    assert "# theirs" in render(JobDir(Path("/j")), make_spec(), RunOptions(), Machine(folders=folders[1:]))
    monkeypatch.delenv("FEATX_TEMPLATES")
    assert template_folders() == []


def test_a_site_adds_directives_and_another_launcher(tmp_path: Path) -> None:
    (tmp_path / "mpi.sbatch.j2").write_text(
        '{% extends "featx/mpi.sbatch.j2" %}'
        "{% block directives %}{{ super() }}\n#SBATCH --comment={{ 'featx' | directive }}{% endblock %}"
        '{% block launch %}\n    exec jsrun "${image[@]}" "${rank[@]}"{% endblock %}'
    )
    text = render(JobDir(Path("/j")), make_spec(scheduler="slurm"), RunOptions(), Machine(folders=[tmp_path]))
    assert options_of(text)["comment"] == "featx"
    assert "exec jsrun" in text
    assert "exec srun" not in text
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)


SLURM = {
    "plain": make_spec(scheduler="slurm", resources=ResourceSpec(cores=8), limits=LimitSpec()),
    "everything": make_spec(
        scheduler="slurm",
        total=2_000_000,
        resources=ResourceSpec(
            cores=64, ranks=4, threads=2, walltime_seconds=86400.0, jobs=3, memory_per_core_mb=4096.0
        ),
        allocation=AllocationSpec(
            partition="long",
            account="chem",
            qos="normal",
            constraint="avx512&rack1",
            reservation="friday",
            gres="gpu:1",
            mail="kim@example.org",
            nice=100,
            exclusive=True,
            directives=("comment=pilot", "contiguous"),
        ),
        site=SiteSpec(launcher="pmi2", modules=("gcc/13", "openmpi/5"), setup=("export OMPI_MCA_btl=self,tcp",)),
    ),
    "image": make_spec(scheduler="slurm", container=ContainerSpec("/images/hub 2.sif", ("/scratch",))),
    "mpirun": make_spec(scheduler="slurm", site=SiteSpec(launcher="mpirun")),
    "container": make_spec(
        scheduler="slurm", site=SiteSpec(launcher="container"), container=ContainerSpec("/images/hub.sif")
    ),
}
LOCAL = {"one": (), "ranks": ("/opt/my mpi/mpiexec", "-n", "2")}


@pytest.fixture
def plain_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """How a command gets into an image is container.py's matter, and tested there."""
    monkeypatch.setattr(
        "jupyter_featx.container.command",
        lambda spec: ["apptainer", "exec", spec.container.image] if spec.container else [],
    )


def scripts() -> dict[str, str]:
    job = JobDir(Path("/home/kim/my featx/jobs/iris-3f9a"))
    options = RunOptions(retry_failed=2, item_memory_mb=8192.0)
    texts = {f"local-{name}": render(job, make_spec(), RunOptions(), Machine(words)) for name, words in LOCAL.items()}
    texts |= {f"slurm-{name}": render(job, spec, RunOptions()) for name, spec in SLURM.items()}
    return texts | {"slurm-retry": render(job, SLURM["plain"], options)}


@pytest.mark.usefixtures("plain_image")
def test_the_scripts_are_those_on_record() -> None:
    """FEATX_RECORD=1 writes the record anew; look at the difference before it is committed."""
    texts = scripts()
    if os.environ.get("FEATX_RECORD"):
        RECORD.mkdir(exist_ok=True)
        for path in RECORD.glob("*.sh"):
            path.unlink()
        for name, text in texts.items():
            (RECORD / f"{name}.sh").write_text(text)
    assert {path.stem: path.read_text() for path in RECORD.glob("*.sh")} == texts


@pytest.mark.parametrize("path", sorted(RECORD.glob("slurm-*.sh")), ids=lambda path: path.stem)
def test_shellcheck_finds_nothing_in_the_script_for_slurm(path: Path) -> None:
    subprocess.run(["shellcheck", str(path)], check=True)


def test_the_part_is_the_scripts_own_argument() -> None:
    for spec in (make_spec(), make_spec(scheduler="slurm")):
        text = render(JobDir(Path("/j")), spec, RunOptions())
        assert '--part "$part"' in text
    assert "with PART from 0 to 2" in render(JobDir(Path("/j")), SLURM["everything"], RunOptions())


@pytest.mark.parametrize(
    ("site", "reason"),
    [
        (SiteSpec(launcher="slurm"), "launcher='slurm' is not known"),
        (SiteSpec(launcher="container"), "has no container"),
        (SiteSpec(modules=("gcc; touch x",)), "no name of an environment module"),
        (SiteSpec(modules=("--force",)), "no name of an environment module"),
        (SiteSpec(setup=("true\n#SBATCH --uid=0",)), "more than one line"),
        (SiteSpec(launcher="mpirun", mpirun=("a\nb",)), "line break"),
    ],
)
def test_what_a_site_cannot_mean_is_refused(site: SiteSpec, reason: str) -> None:
    with pytest.raises(SpecError, match=reason):
        render(JobDir(Path("/j")), make_spec(scheduler="slurm", site=site), RunOptions())


def test_only_slurms_own_variables_are_filled_into_a_sites_mpirun() -> None:
    words = ("mpirun", "-n", "$SLURM_JOB_NUM_NODES", "$HOME", "$(touch x)", "$SLURM_X;y")
    text = render(
        JobDir(Path("/j")),
        make_spec(scheduler="slurm", site=SiteSpec(launcher="mpirun", mpirun=words)),
        RunOptions(),
    )
    assert """mpirun -n "$SLURM_JOB_NUM_NODES" '$HOME' '$(touch x)' '$SLURM_X;y' "${image[@]}\"""" in text


HOSTILE = st.sampled_from(
    ["$(touch x)", "`x`", "a\n#SBATCH --uid=0", "\n", "'", '"', "\\", "#", "%j", "\u202e", "--uid=0"]
)
SANE = st.from_regex(r"[A-Za-z0-9_.,:@&|()\[\]*=+/-]{0,12}", fullmatch=True)
WORDS = st.one_of(SANE, st.lists(st.one_of(HOSTILE, SANE, st.text(max_size=6)), max_size=3).map("".join))
FOLDERS = st.one_of(st.just("featx"), WORDS.map(lambda word: word.replace("/", "").replace("\0", "") or "x"))
ALLOCATIONS = st.builds(
    AllocationSpec,
    **dict.fromkeys(("partition", "account", "qos", "constraint", "reservation", "gres", "mail"), WORDS),
    nice=st.none() | st.integers(),
    exclusive=st.booleans(),
    directives=st.lists(
        st.builds("{}={}".format, st.sampled_from(sorted(ALLOWED)), WORDS), max_size=2, unique_by=lambda text: text[:6]
    ).map(tuple),
)
SPECS = st.builds(
    lambda **changes: make_spec(scheduler="slurm", **changes),
    name=WORDS,
    python=WORDS,
    workdir=WORDS,
    resources=st.builds(
        ResourceSpec,
        cores=st.integers(1, 999),
        ranks=st.integers(1, 9),
        threads=st.integers(1, 9),
        walltime_seconds=st.none() | st.floats(1, 1e7),
        memory_per_core_mb=st.none() | st.floats(1, 1e6),
    ),
    allocation=st.just(AllocationSpec()) | ALLOCATIONS,
    site=st.builds(
        SiteSpec,
        launcher=st.sampled_from(["", "pmix", "mpirun", "container"]),
        modules=st.lists(WORDS, max_size=1).map(tuple),
        mpirun=st.lists(WORDS, max_size=2).map(tuple),
    ),
    container=st.none() | st.builds(ContainerSpec, WORDS),
)
OWN = {"job-name", "output", "open-mode", "requeue", "nodes", "ntasks-per-node", "ntasks", "cpus-per-task", "signal"}
OWN |= {"mem-per-cpu", "time", "partition", "account", "qos", "constraint", "reservation", "gres", "exclusive", "nice"}
OWN |= {"mail-user", "mail-type"}


@settings(deadline=None, max_examples=150)
@given(folder=FOLDERS, spec=SPECS)
def test_what_renders_is_bash_and_asks_slurm_for_nothing_that_was_not_meant(folder: str, spec: JobSpec) -> None:
    job = JobDir(Path("/home") / folder / "jobs" / "iris-3f9a")
    try:
        text = render(job, spec, RunOptions())
    except SpecError:
        return
    options = options_of(text)
    assert set(options) <= OWN | set(ALLOWED)
    assert options["job-name"] == spec.job_id
    assert options.get("account", "") == spec.allocation.account
    subprocess.run(["bash", "-n"], input=text.encode(errors="surrogateescape"), check=True)


def test_every_variable_and_block_of_the_templates_is_documented() -> None:
    documented = set(re.findall(r"^\| `([a-z_\d.]+)` \|", (TEMPLATES / "README.md").read_text(), re.MULTILINE))
    known = {"sh", "directive"}  # the filters
    for template in TEMPLATES.glob("*.j2"):
        environment = Environment()
        environment.filters |= {"sh": str, "directive": str}
        text = template.read_text()
        used = meta.find_undeclared_variables(environment.parse(text))
        blocks = set(re.findall(r"\{%-? block (\w+)", text))
        known |= used | blocks | {template.name}
    assert known == documented
