"""The script: the same text each time, harmless whatever the names, and its variables documented."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from jinja2 import Environment, meta
from realjobs import make_spec

from jupyter_featx.errors import SpecError
from jupyter_featx.jobdir import JobDir
from jupyter_featx.script import RunOptions, clean_environment, render

TEMPLATES = Path(__file__).parent.parent / "slurm_templates"
PART = ' ${part:+--part "$part"}'
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
    texts = {render(job, make_spec(), RunOptions(), ["mpiexec", "-n", "2"]) for _ in range(3)}
    assert len(texts) == 1


def test_one_rank_needs_no_launcher_and_several_end_together() -> None:
    job = JobDir(Path("/featx/jobs/iris-1"))
    one = launch_line(render(job, make_spec(), RunOptions()))
    assert shell_words(one) == ["/usr/bin/python3", "-m", "jupyter_featx.worker", "/featx/jobs/iris-1"]
    many = launch_line(render(job, make_spec(), RunOptions(), ["/opt/my mpi/mpiexec", "-n", "2"]))
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


def test_what_runs_without_the_script_sees_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JPY_API_TOKEN", "PMI_SIZE", "SLURM_JOB_ID", "FEATX_NATIVE_ID", "MINE"):
        monkeypatch.setenv(name, "x")
    seen = clean_environment()
    assert seen["MINE"] == "x"
    assert not {"JPY_API_TOKEN", "PMI_SIZE", "SLURM_JOB_ID", "FEATX_NATIVE_ID"} & set(seen)


def test_a_site_changes_a_block_and_keeps_the_rest(tmp_path: Path) -> None:
    (tmp_path / "local.sh.j2").write_text(
        '{% extends "featx/local.sh.j2" %}{% block modules %}\nmodule load gcc/13\n{% endblock %}'
    )
    job = JobDir(Path("/j"))
    ours = render(job, make_spec(), RunOptions())
    theirs = render(job, make_spec(), RunOptions(), folder=tmp_path)
    assert "module load gcc/13" not in ours
    assert set(ours.splitlines()) < set(theirs.splitlines())
    assert "module load gcc/13" in theirs.splitlines()


@pytest.mark.parametrize("text", ["{{ walltime }}", "{% block %}", "{{ job | shout }}", '{% extends "none" %}'])
def test_a_template_of_a_site_that_is_not_right_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "local.sh.j2").write_text(text)
    with pytest.raises(SpecError, match=re.escape(str(tmp_path))):
        render(JobDir(Path("/j")), make_spec(), RunOptions(), folder=tmp_path)


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
