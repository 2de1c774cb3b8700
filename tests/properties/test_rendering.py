"""Whatever a job is called and wherever it lies, a value in its script is one word, and never an order to the shell.

`tests/test_script.py` has what Slurm reads from it.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from bounded import bounded
from hypothesis import assume, given
from hypothesis import strategies as st
from realjobs import make_spec

from jupyter_featx.errors import SpecError
from jupyter_featx.jobdir import JobDir
from jupyter_featx.script import Machine, RunOptions, render
from jupyter_featx.spec import ContainerSpec, JobSpec, SiteSpec

PARTS = ("'", '"', "$(touch x)", "`touch x`", "${HOME}", "\\", ";", "&", "|", ">", "*", "#", "{{ x }}", "{% x %}", "!")
NAMES = st.lists(st.sampled_from([*PARTS, "a", " ", "제", "-", "%j", "~", "(", "\udcff"]), min_size=1, max_size=6)
NAME = NAMES.map("".join)
HOME = st.lists(st.sampled_from(["a", " ", "제", "%j", "$(touch x)", "`touch x`", ";", "&", "#", "*"]), min_size=1)
PLAIN = "plain"


def spec_of(name: str, scheduler: str, container: bool) -> JobSpec:
    """Return a job of which everything that somebody may choose has this name."""
    image = ContainerSpec(f"/i/{name}", binds=(f"/b/{name}",), home=f"/h/{name}", drop=("SECRET",))
    site = SiteSpec(launcher="mpirun", mpirun=("mpirun", f"--wd={name}"))
    made = make_spec(scheduler=scheduler, name=name, python=f"/p/{name}", workdir=f"/w/{name}", data=name, site=site)
    return replace(made, container=image if container else None, notebook=f"/n/{name}.ipynb")


def tokens(text: str) -> list[str]:
    """Return the words of a script and what stands between them, by the shell's rules of quoting."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(lexer)


def rendered(name: str, home: str, scheduler: str, container: bool) -> str:
    job = JobDir(Path("/f", home, "jobs", "iris-3f9a"))
    return render(
        job, spec_of(name, scheduler, container), RunOptions(retry_failed=2), Machine(("mpiexec", f"-x={name}"))
    )


@bounded(60)
@given(NAME, HOME.map("".join), st.sampled_from(["local", "slurm"]), st.booleans())
def test_no_value_is_more_than_a_word(name: str, home: str, scheduler: str, container: bool) -> None:
    try:
        text = rendered(name, home, scheduler, container)
    except SpecError as exc:
        assume(scheduler == "local" and not container)
        raise AssertionError("a name without line breaks is refused") from exc
    plain = tokens(rendered(PLAIN, PLAIN, scheduler, container))
    found = tokens(text)
    assert len(found) == len(plain)
    for one, other in zip(found, plain, strict=True):
        assert one == other or PLAIN in other


@bounded(20)
@given(NAME, HOME.map("".join))
def test_bash_itself_sees_the_words_that_were_meant(
    tmp_path_factory: pytest.TempPathFactory, name: str, home: str
) -> None:
    text = rendered(name, home, "local", container=False).replace("\nexec ", "\nprintf '%s\\0' ")
    run = subprocess.run(
        ["bash"], input=text.encode(errors="surrogateescape"), capture_output=True, cwd="/", check=True
    )
    words = run.stdout.decode(errors="surrogateescape").split("\0")
    assert words[:3] == ["mpiexec", f"-x={name}", f"/p/{name}"]
    assert f"/f/{home}/jobs/iris-3f9a" in words
    assert run.stderr == b""
    assert not Path("/x").exists()


@bounded(3)
@given(NAME, HOME.map("".join), st.booleans())
def test_shellcheck_finds_nothing(name: str, home: str, container: bool) -> None:
    assert shutil.which("shellcheck")
    try:
        text = rendered(name, home, "slurm", container)
    except SpecError:
        text = rendered("a b", "c d", "slurm", container)
    # What a name looks like is not the script's: only how it is quoted.
    silent = ["-e", "SC2016,SC2088,SC1110,SC1111,SC1112"]
    done = subprocess.run(["shellcheck", *silent, "-"], input=text.encode(errors="replace"), capture_output=True)
    assert done.stdout == b""


@pytest.mark.parametrize("job_id", ["a\ntouch x", "a b", "$(touch x)", ""])
@pytest.mark.parametrize("scheduler", ["local", "slurm"])
def test_an_id_that_no_job_has_stands_in_no_script(job_id: str, scheduler: str) -> None:
    with pytest.raises(SpecError):
        render(JobDir(Path("/j")), make_spec(job_id=job_id, scheduler=scheduler), RunOptions())
