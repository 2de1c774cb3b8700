"""The doctor's look at this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from jupyter_featx import config, jobdir
from jupyter_featx.config import Config, ContainerConfig
from jupyter_featx.doctor import here


def test_the_files_that_were_read_are_named(tmp_path: Path, monkeypatch):
    path = tmp_path / "config.toml"
    path.write_text("")
    path.chmod(0o600)
    monkeypatch.setenv("FEATX_CONFIG", str(path))
    assert str(here.configuration(config.load())) == f"✔ configuration: {path} (FEATX_CONFIG)"


def test_without_a_file_it_says_where_they_are_looked_for():
    found = here.configuration(Config())
    assert "/etc/featx/config.toml" in found.text
    assert found.state == "ok"


def test_a_file_that_everybody_can_change_fails(tmp_path: Path):
    path = tmp_path / "config.toml"
    path.write_text("")
    path.chmod(0o666)
    found = here.configuration(Config(files=(path,)))
    assert (found.state, found.mend) == ("failed", f"Type 'chmod o-w {path}'.")


def test_a_home_in_order_leaves_nothing_behind(home: Path):
    found = here.home()
    assert found.state == "ok"
    assert os.listdir(home) == []


def test_a_home_is_made_where_there_is_none(home: Path, monkeypatch):
    monkeypatch.setenv("FEATX_HOME", str(home / "a" / "b"))
    assert here.home().state == "ok"
    assert jobdir.home().is_dir()


def test_a_home_that_cannot_be_one_fails(tmp_path: Path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FEATX_HOME", str(tmp_path / "file" / "featx"))
    found = here.home()
    assert found.state == "failed"
    assert "Set FEATX_HOME" in found.mend


@pytest.mark.parametrize(("names", "state"), [(["mpi.sbatch.j2"], "ok"), ([], "failed"), (None, "failed")])
def test_a_folder_of_templates_must_hold_some(names: list[str] | None, state: str, tmp_path: Path):
    folder = tmp_path / "templates"
    if names is not None:
        folder.mkdir()
        for name in names:
            (folder / name).write_text("")
    (found,) = here.templates(Config(templates=folder))
    assert found.state == state


def test_no_folder_of_templates_is_no_finding():
    assert list(here.templates(Config())) == []


def test_the_library_of_mpi4py_is_named():
    library, found = here.mpi()
    assert "MPI" in library
    assert found.state == "ok"


@pytest.mark.parametrize(
    ("code", "state", "said"),
    [
        ("raise ModuleNotFoundError(\"No module named 'mpi4py'\")", "skipped", "pip install mpi4py"),
        ("raise RuntimeError('cannot load MPI library')", "failed", "cannot load MPI library"),
    ],
)
def test_an_mpi_that_is_not_there_or_does_not_load_is_told(code: str, state: str, said: str, monkeypatch):
    monkeypatch.setattr(here, "LIBRARY", code)
    library, found = here.mpi()
    assert (library, found.state) == ("", state)
    assert said in found.text


def test_an_image_that_is_not_there_fails_with_how_to_make_it(tmp_path: Path):
    spec, findings = here.image(Config(container=ContainerConfig(image=str(tmp_path / "no.sif"))))
    assert spec is None
    assert [finding.state for finding in findings] == ["failed"]
    assert "featx image build" in findings[0].text


def test_an_image_and_its_runtime_are_named(tmp_path: Path, monkeypatch):
    image = tmp_path / "image"
    (image / "bin").mkdir(parents=True)
    runtime = tmp_path / "bin" / "apptainer"
    runtime.parent.mkdir()
    runtime.write_text("#!/bin/sh\ncase $1 in --version) echo apptainer version 1.0 ;; *) echo ;; esac\n")
    runtime.chmod(0o755)
    monkeypatch.setenv("PATH", f"{runtime.parent}:/usr/bin:/bin")
    spec, findings = here.image(Config(container=ContainerConfig(image=str(image))))
    assert spec is not None
    assert [finding.state for finding in findings] == ["ok", "ok"]
    assert "has no --sharens" in findings[1].text


def test_a_runtime_that_is_only_on_the_nodes_is_no_failure(tmp_path: Path, monkeypatch):
    (tmp_path / "image").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    _, findings = here.image(Config(container=ContainerConfig(image=str(tmp_path / "image"))))
    assert findings[1].state == "skipped"


def test_without_an_image_there_is_nothing_to_check():
    spec, findings = here.image(Config())
    assert spec is None
    assert [finding.state for finding in findings] == ["skipped"]


def test_a_command_that_hangs_or_is_missing_is_an_answer():
    assert here.run([sys.executable, "-c", "import time; time.sleep(60)"], 0.2)[0] == 124
    assert here.run(["no-such-command-here"])[0] == 127
