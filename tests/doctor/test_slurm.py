"""The doctor's look at Slurm."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import fakes
import pytest

from jupyter_featx.config import Config, PartitionLimits, SlurmConfig
from jupyter_featx.doctor import slurm
from jupyter_featx.schedulers.slurm_cluster import Cluster, Partition
from jupyter_featx.schedulers.slurm_commands import Commands
from jupyter_featx.schedulers.slurm_options import SlurmOptions
from jupyter_featx.spec import SiteSpec

MAIN = Partition("main", default=True, cores_free=10)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    folder = fakes.install(tmp_path / "slurm")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("FAKES", str(folder))
    return Commands(SlurmOptions())


def say(tmp_path: Path, command: str, text: str, code: int = 0) -> None:
    (tmp_path / "slurm" / command).write_text(f"#!/bin/bash\ncat <<'EOF'\n{text}\nEOF\nexit {code}\n")


def test_the_version_and_the_transport_are_named(run: Commands):
    found = slurm.commands(Config(), run)
    assert (found.state, found.text) == ("ok", "slurm 22.05.8, no pyslurm (the commands do)")
    assert slurm.commands(Config(slurm=SlurmConfig(transport="commands")), run).text == "slurm 22.05.8"


def test_the_prefix_is_named(run: Commands):
    config = Config(slurm=SlurmConfig(prefix=("env",), transport="commands"))
    assert slurm.commands(config, Commands(SlurmOptions(prefix=("env",)))).text == "slurm 22.05.8, through 'env'"


def test_the_one_command_that_is_missing_is_named(run: Commands, tmp_path: Path, monkeypatch):
    (tmp_path / "slurm" / "scancel").unlink()
    monkeypatch.setenv("PATH", f"{tmp_path / 'slurm'}:{tmp_path}")
    (tmp_path / "bash").symlink_to("/bin/bash")
    (tmp_path / "cat").symlink_to("/bin/cat")
    found = slurm.commands(Config(), run)
    assert found.state == "failed"
    assert "scancel" in found.text


def test_the_controller_is_named(run: Commands):
    assert slurm.controller(run).text == "Slurmctld(primary) at head is UP"


@pytest.mark.parametrize(
    ("text", "code", "state"),
    [
        ("", 0, "ok"),
        ("Slurm accounting storage is disabled", 1, "skipped"),
        ("sacct: error: slurm_persist_conn_open_without_init: failed to open persistent connection", 1, "failed"),
    ],
)
def test_accounting_that_is_none_is_no_failure_and_one_that_is_away_is(run: Commands, tmp_path, text, code, state):
    say(tmp_path, "sacct", text, code)
    assert slurm.accounting(run).state == state


def test_what_the_configuration_names_must_be_there():
    config = Config(
        defaults={"partition": "main,old"},
        profiles={"big": {"partition": "bgi"}},
        limits={"gone": PartitionLimits(1), "local": PartitionLimits(1)},
    )
    found = list(slurm.partitions(config, Cluster(partitions=(MAIN, Partition("big", cores_free=None)))))
    assert found[0].text == "main (default), big; 10 cores free"
    assert [finding.text for finding in found[1:]] == [
        "[defaults] names the partition 'old', which there is not",
        "[profiles.big] names the partition 'bgi', which there is not",
        "[limits.gone] names the partition 'gone', which there is not",
    ]
    assert all(finding.mend == "Name one of: main, big." for finding in found[1:])


def test_a_cluster_without_a_default_partition_needs_one_from_the_configuration():
    offered = Cluster(partitions=(replace(MAIN, default=False),))
    assert 'Set [defaults] partition, for example "main".' in list(slurm.partitions(Config(), offered))[-1].mend
    (only,) = slurm.partitions(Config(defaults={"partition": "main"}), offered)
    assert only.state == "ok"


def test_no_partition_at_all_fails():
    (found,) = slurm.partitions(Config(), Cluster())
    assert found.state == "failed"


@pytest.mark.parametrize(
    ("launcher", "kinds", "library", "state", "said"),
    [
        ("", "pmix\npmi2", "Open MPI v4.1.4", "ok", "--mpi=pmix of pmix, pmi2, for Open MPI 4.1.4"),
        ("", "pmi2", "Open MPI v4.1.4", "failed", "Open MPI 4.1.4 with srun --mpi=pmi2"),
        ("", "pmix", "MPICH Version: 4.2.3", "ok", "which usually wants pmi2"),
        ("pmix", "none\npmi2", "", "failed", "srun has none, pmi2, and not pmix"),
        ("mpirun", "pmix", "", "skipped", "srun does not start the ranks"),
        ("", "pmix", "", "ok", "--mpi=pmix of pmix"),
    ],
)
def test_the_mpi_here_is_compared_with_what_srun_can_start(
    run: Commands, tmp_path: Path, launcher: str, kinds: str, library: str, state: str, said: str
):
    say(tmp_path, "srun", f"MPI plugin types are...\n{kinds}")
    found = slurm.launchers(Config(site=SiteSpec(launcher=launcher)), run, library)
    assert found.state == state
    assert said in found.text
