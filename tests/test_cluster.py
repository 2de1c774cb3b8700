"""Where jobs can run: this machine, and what Slurm offers."""

from __future__ import annotations

import os
from pathlib import Path

import fakes
import pytest
from IPython.core.interactiveshell import InteractiveShell

from jupyter_featx import cli, cluster
from jupyter_featx.notebook import magics
from jupyter_featx.schedulers import known


@pytest.fixture
def configure(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that writes a configuration, on a machine whose only commands are the fake ones."""
    folder = fakes.install(tmp_path / "slurm")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("FAKES", str(folder))
    known._slurm.cache_clear()  # it remembers what it read, for the whole process

    def write(text: str) -> Path:
        path = tmp_path / "config.toml"
        path.write_text(text)
        monkeypatch.setenv("FEATX_CONFIG", str(path))
        return folder

    return write


def test_the_machine_is_described_as_this_process_may_use_it():
    found = cluster.machine()
    assert 1 <= found.cores <= len(os.sched_getaffinity(0))
    assert 0 < found.free_memory_mb <= found.memory_mb


def test_a_container_has_the_share_that_its_control_group_leaves_it(monkeypatch):
    shares = {"memory.max": [512 * 2**20], "memory.current": [100 * 2**20], "cpu.max": [100_000, 100_000]}
    monkeypatch.setattr(cluster, "_cgroup", lambda name: shares[name])
    found = cluster.machine()
    assert (found.cores, found.memory_mb) == (1, 512)
    assert found.free_memory_mb <= 412


def test_the_partitions_are_shown_with_the_limits_of_the_configuration(configure, capsys):
    configure('scheduler = "slurm"\n[limits.main]\nmax_cores = 100\nmax_walltime = "2h"\nmax_memory_per_core = "4G"\n')
    assert cli.main(["cluster"]) == 0
    said = capsys.readouterr().out
    assert "--scheduler slurm, the default" in said
    assert "main *" in said
    assert "8 of 8" in said
    assert "at most 100 cores, a walltime of 02:00:00, 4 GB for each core" in said


def test_a_notebook_gets_the_card(configure):
    configure('scheduler = "slurm"\n')
    shell = InteractiveShell()
    magics.load(shell)
    found = shell.run_line_magic("featx", "cluster")
    assert "<table" in found._repr_html_()
    assert repr(found) == str(found)


def test_a_slurm_that_does_not_answer_is_told_and_no_error(configure, capsys):
    folder = configure('scheduler = "slurm"\n')
    (folder / "scontrol").write_text("#!/bin/bash\necho 'Unable to contact slurm controller' >&2; exit 1\n")
    assert cli.main(["cluster"]) == 0
    said = capsys.readouterr().out
    assert "this machine" in said
    assert "Slurm does not answer" in said
    assert "next: featx doctor" in said


def test_without_slurm_only_the_machine_is_shown(configure, monkeypatch, tmp_path, capsys):
    configure("")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cli.main(["cluster"]) == 0
    assert "Slurm is not configured here." in capsys.readouterr().out


def test_a_wrong_configuration_is_one_line(configure, capsys):
    configure("schedular = 'slurm'\n")
    assert cli.main(["cluster"]) == 1
    assert "Did you mean 'scheduler'?" in capsys.readouterr().err
