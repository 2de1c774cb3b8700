"""The doctor from end to end, with commands on PATH that run its job here; and where there is no Slurm."""

from __future__ import annotations

import os
from pathlib import Path

import fakes
import pytest

from jupyter_featx import cli
from jupyter_featx.doctor import Finding, examine, summary
from jupyter_featx.notebook import magics
from jupyter_featx.schedulers import known

PATIENCE = 240.0  # for a loaded machine


@pytest.fixture
def slurm(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A FEATX_HOME, and a Slurm that runs its jobs here; its folder."""
    folder = fakes.install(tmp_path / "slurm")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("FAKES", str(folder))
    known._slurm.cache_clear()  # it remembers what it read, for the whole process
    configure(tmp_path, monkeypatch, 'scheduler = "slurm"\n[slurm]\npoll_seconds = 0.1\n')
    return folder


@pytest.fixture
def bare(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any Slurm."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def configure(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    path = folder / "config.toml"
    path.write_text(text)
    monkeypatch.setenv("FEATX_CONFIG", str(path))


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def test_a_cluster_in_order_has_every_check_ok(slurm: Path, home: Path):
    found = list(examine(seconds=PATIENCE))
    assert [finding for finding in found if finding.state == "failed"] == []
    known = by_name(found)
    assert known["shared home"].text == f"n1 and n2 see {home}, as user {os.getuid()}"
    assert known["MPI on the nodes"].text.startswith("2 ranks on")
    assert "by srun --mpi=pmi2, MPICH" in known["MPI on the nodes"].text
    assert known["versions there"].state == "ok"
    assert list(home.glob(".doctor*")) == []
    assert "#SBATCH --nodes=2" in (slurm / "submitted").read_text()


def test_ranks_that_do_not_find_each_other_are_told_from_ranks_that_do(slurm: Path):
    (slurm / "crossed").touch()
    found = by_name(list(examine(seconds=PATIENCE)))["MPI on the nodes"]
    assert (found.state, found.text) == ("failed", "2 ranks were started, and each sees only itself")
    assert 'set [site] launcher = "pmix"' in found.mend


def test_a_job_that_waits_in_the_queue_is_no_failure_and_is_cancelled(slurm: Path):
    (slurm / "queue").touch()
    (slurm / "job").write_text("")
    found = by_name(list(examine(seconds=4.0)))["hello job"]
    assert found.state == "skipped"
    assert "had not begun" in found.text
    assert "Priority" in found.text
    assert "4711" in (slurm / "cancelled").read_text()


def test_without_the_job_nothing_is_submitted(slurm: Path):
    found = by_name(list(examine(job=False)))
    assert found["sbatch --test-only"].state == "ok"
    assert found["hello job"].state == "skipped"
    assert not (slurm / "submitted").exists()


def test_a_machine_without_slurm_is_in_order_and_says_so(bare: Path, capsys):
    assert cli.main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "– Slurm: skipped: not configured: jobs run on this machine" in said
    assert "none failed" in said


def test_a_slurm_that_is_configured_and_not_there_fails(bare: Path, monkeypatch, capsys):
    configure(bare, monkeypatch, 'scheduler = "slurm"\n')
    assert cli.main(["doctor", "--no-job"]) == 1
    said = capsys.readouterr().out
    assert "✖ Slurm commands: sbatch is not installed here" in said
    assert "set a prefix such as" in said
    assert "1 failed" in said


def test_a_slurm_that_does_not_answer_fails_with_what_to_look_at(slurm: Path, monkeypatch):
    (slurm / "scontrol").write_text(
        "#!/bin/bash\n[[ $1 == --version ]] && { echo slurm 22.05.8; exit; }\n"
        "echo 'slurm_load_ctl_conf error: Unable to contact slurm controller (connect failure)' >&2; exit 1\n"
    )
    found = by_name(list(examine()))
    assert found["slurmctld"].state == "failed"
    assert "/run/munge" in found["slurmctld"].mend
    assert found["partitions, accounting, hello job"].state == "skipped"


def test_a_refusal_of_sbatch_is_told_and_the_job_left_out(slurm: Path):
    refusal = "Batch job submission failed: Invalid account or account/partition combination specified"
    (slurm / "sbatch").write_text(
        "#!/bin/bash\n[[ $1 == --version ]] && { echo slurm 22.05.8; exit; }\n"
        f"echo 'sbatch: error: {refusal}' >&2; exit 1\n"
    )
    found = by_name(list(examine(seconds=PATIENCE)))
    assert found["sbatch --test-only"].state == "failed"
    assert "nvalid account" in found["sbatch --test-only"].text
    assert found["hello job"].state == "skipped"


def test_a_wrong_configuration_is_the_one_finding(bare: Path, monkeypatch):
    configure(bare, monkeypatch, "[slrum]\n")
    (found,) = examine()
    assert found.state == "failed"
    assert "line 1" in found.text


def test_the_magic_prints_the_same_lines(bare: Path, capsys):
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    magics.load(shell)
    shell.run_line_magic("featx", "doctor --no-job")
    assert "checks: " in capsys.readouterr().out


def test_the_summary_counts():
    found = [Finding("a", "ok", ""), Finding("b", "failed", "", ""), Finding("c", "skipped", "")]
    assert summary(found) == "3 checks: 1 ok, 1 failed, 1 skipped."
    assert summary(found[:1]) == "1 check: 1 ok, none failed."


def test_what_a_node_says_cannot_steer_the_terminal():
    assert "\x1b" not in str(Finding("a", "failed", "x\x1b[2J\ny", "z\x1b[2J"))
