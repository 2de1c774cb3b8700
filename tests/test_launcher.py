"""What starts several ranks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from jupyter_featx import launcher
from jupyter_featx.launcher import find_launcher


def make_program(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)
    return folder / name


def test_one_rank_needs_none() -> None:
    assert find_launcher(1) == []


def test_the_one_beside_our_python_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_program(tmp_path / "system", "mpirun")
    monkeypatch.setenv("PATH", str(tmp_path / "system"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "env" / "python"))
    assert find_launcher(3) == [str(tmp_path / "system" / "mpirun"), "-n", "3"]
    ours = make_program(tmp_path / "env", "mpiexec")
    assert find_launcher(3) == [str(ours), "-n", "3"]


def test_without_mpi_there_is_none_and_the_job_is_one_rank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert find_launcher(2) == []
    make_program(tmp_path, "mpirun")
    monkeypatch.setattr(launcher.importlib.util, "find_spec", lambda name: None)
    assert find_launcher(2) == []
