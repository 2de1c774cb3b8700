"""No option, setting or variable becomes an order to the shell or to Slurm; see also tests/test_directives.py."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from realjobs import make_spec

from jupyter_featx import client
from jupyter_featx.errors import FeatxError
from jupyter_featx.jobdir import JobDir
from jupyter_featx.options import SubmitOptions
from jupyter_featx.script import Machine, RunOptions, render
from jupyter_featx.spec import AllocationSpec, ResourceSpec, SiteSpec

PAYLOADS = [
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned #",
    "x\ntouch pwned\n",
    "x\n#SBATCH --uid=0",
    "'; touch pwned; '",
    '"; touch pwned; "',
    "x --wrap=touch",
    "-x",
    "{{ 7 * 7 }}",
    "%s%n\x1b[2J",
]
SOURCE = "def _process_input(path):\n    return {}\n"
SWITCHES = {"preflight", "dry_run", "recursive", "exclusive"}
TEXTS = [field.name for field in fields(SubmitOptions) if field.name not in SWITCHES]


def test_the_options_that_are_attacked_are_all_of_them():
    assert len(TEXTS) >= 20


@pytest.mark.parametrize("option", TEXTS)
def test_no_option_of_submit_adds_an_order_to_the_script(
    option: str, home: Path, numbers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    plain = client.submit(SOURCE, str(numbers), dry_run=True)
    for payload in PAYLOADS:
        value: Any = [payload] if option == "directives" else payload
        try:
            found = client.submit(SOURCE, str(numbers), dry_run=True, **{option: value})
        except FeatxError:
            continue
        assert found.script.count("\n") == plain.script.count("\n")
        assert "SBATCH" not in found.script
        without_running(found.script, tmp_path)
    assert not list(tmp_path.rglob("pwned"))


def without_running(script: str, folder: Path) -> None:
    """Do all that the script does but for its last command, which is the job."""
    code = f"exec() {{ :; }}\n{script}"
    done = subprocess.run(["bash", "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_variable_or_path_becomes_an_order(payload: str, numbers: Path, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("JPY_SESSION_NAME", "JUPYTER_IMAGE_SPEC", "SLURM_CONF", "SLURM_CLUSTERS", "PWD"):
        monkeypatch.setenv(name, payload)
    place = tmp_path / payload.replace("/", "_")
    monkeypatch.setenv("FEATX_HOME", str(place))
    try:
        found = client.submit(SOURCE, str(numbers), dry_run=True)
    except FeatxError:
        assert "\n" in payload  # a path with a line break is refused
        return
    without_running(found.script, tmp_path)
    assert not list(tmp_path.rglob("pwned"))


FIELDS = [("allocation", field.name) for field in fields(AllocationSpec)] + [
    ("site", name) for name in ("modules", "launcher", "mpirun")
]


@pytest.mark.parametrize(("record", "name"), FIELDS)
def test_no_setting_adds_an_order_to_slurm_or_a_line_to_its_script(record: str, name: str):
    job = JobDir(Path("/home/kim/featx/jobs/iris-3f9a"))
    site, allocation = SiteSpec(), AllocationSpec()
    base = make_spec(
        scheduler="slurm", resources=ResourceSpec(cores=4), name="x", site=site, allocation=allocation, container=None
    )
    plain = render(job, base, RunOptions())
    for payload in PAYLOADS:
        many = name in ("modules", "mpirun", "directives")
        changed = replace(site if record == "site" else allocation, **{name: (payload,) if many else payload})
        try:
            text = render(job, replace(base, **{record: changed}), RunOptions())
        except (FeatxError, ValueError):  # exclusive and nice are no texts at all
            continue
        new = set(re.findall(r"^#SBATCH (--[a-z-]+)", text, re.M)) - set(
            re.findall(r"^#SBATCH (--[a-z-]+)", plain, re.M)
        )
        assert new <= {f"--{name.replace('_', '-')}", "--mail-user", "--mail-type", "--exclusive"}
        assert "touch pwned\n" not in text.replace(f"'{payload}'", "")
        assert subprocess.run(["bash", "-n"], input=text, text=True, check=False).returncode == 0


def test_words_are_quoted_for_the_shell_as_the_shell_itself_reads_them(tmp_path: Path):
    template = tmp_path / "local.sh.j2"
    template.write_text("printf '%s' {{ python | sh }}")
    job = JobDir(tmp_path / "job")
    for payload in PAYLOADS:
        if "\n" in payload:
            continue
        text = render(job, make_spec(python=payload), RunOptions(), Machine(folders=[tmp_path]))
        done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=True, env=dict(os.environ))
        assert done.stdout == payload
