"""What the cluster offers is read once, with what cannot be read left out; usage and a trial come from the commands."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakecluster import PATH, FakeCluster

from jupyter_featx.errors import SchedulerError, SpecError
from jupyter_featx.schedulers.slurm import SlurmOptions, SlurmScheduler
from jupyter_featx.spec import JobSpec, ResourceSpec

REAL = Path(__file__).parent / "data" / "slurm" / "22.05.8"
OPTIONS = SlurmOptions(transport="commands", timeout_seconds=60, limits_seconds=1000, nodes_seconds=1000)


@pytest.fixture
def cluster(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """The fake commands, with what the real ones said."""
    monkeypatch.setenv("PATH", PATH)
    monkeypatch.setenv("FAKE_SLURM", str(tmp_path / "slurm"))
    found = FakeCluster(tmp_path / "slurm")
    found.set(
        scontrol={"partition": _real("scontrol_partition"), "config": _real("scontrol_config")},
        sinfo=_real("sinfo"),
        sacctmgr={"user": _real("sacctmgr_user"), "qos": _real("sacctmgr_qos")},
    )
    return found


def _real(name: str) -> str:
    return (REAL / f"{name}.txt").read_text()


def spec(cores: int) -> JobSpec:
    return JobSpec("x", "x", 0, "slurm", "p", "/", "d", 1, "t", "i", resources=ResourceSpec(cores=cores))


def test_the_cluster_is_read_once(cluster: FakeCluster) -> None:
    scheduler = SlurmScheduler(OPTIONS)
    for _ in range(3):
        found = scheduler.cluster()
        scheduler.check(spec(16))
    assert (found.name, found.version) == ("featx", "22.05.8")
    assert found.account_names == ("physics", "chemistry")
    main = found.default_partition
    assert main
    assert (main.cores_free, main.default_memory_per_core_mb) == (8, 1000.0)
    assert [len(cluster.calls(name)) for name in ("scontrol", "sinfo", "sacctmgr")] == [2, 1, 2]


def test_free_cores_are_read_anew_where_limits_are_not(cluster: FakeCluster) -> None:
    scheduler = SlurmScheduler(SlurmOptions(transport="commands", timeout_seconds=60, nodes_seconds=0))
    scheduler.cluster()
    cluster.set(sinfo="main|4|idle|4|64000|0/16/0/16|(null)|(null)\n")
    main = scheduler.cluster().default_partition
    assert main
    assert (main.cores_free, main.default_memory_per_core_mb) == (16, 1000.0)
    cluster.says("sinfo", err="slurm_load_partitions: Unable to contact slurm controller")
    assert scheduler.cluster().default_partition == main  # what was known stays
    assert len(cluster.calls("scontrol")) == 2


def test_too_much_is_refused_by_what_was_read(cluster: FakeCluster) -> None:
    with pytest.raises(SpecError, match="'main' gives at most 16 cores"):
        SlurmScheduler(OPTIONS).check(spec(17))


@pytest.mark.parametrize("command", ["sinfo", "sacctmgr"])
def test_what_cannot_be_read_is_left_out(cluster: FakeCluster, command: str) -> None:
    cluster.says(command, err=f"{command}: error: You are not running a supported accounting_storage plugin")
    scheduler = SlurmScheduler(OPTIONS)
    scheduler.check(spec(16))
    with pytest.raises(SpecError, match="at most 16 cores"):  # scontrol alone tells as much
        scheduler.check(spec(17))


def test_a_cluster_that_does_not_answer_says_so(cluster: FakeCluster) -> None:
    cluster.set(away=True)
    for ask in (SlurmScheduler(OPTIONS).cluster, lambda: SlurmScheduler(OPTIONS).check(spec(1))):
        with pytest.raises(SchedulerError, match="does not answer.*Unable to contact slurm controller"):
            ask()


def test_usage_is_read_in_one_query(cluster: FakeCluster) -> None:
    cluster.says("sacct", out=_real("sacct_usage"), code=0)
    found = SlurmScheduler(OPTIONS).usage(["34", "29", "12345", "not an id"])
    assert [usage.native_id for usage in found] == ["34", "29"]
    assert cluster.calls("sacct")[0][-1] == "12345,29,34"
    assert len(cluster.calls("sacct")) == 1


def test_without_accounting_there_is_no_usage(cluster: FakeCluster) -> None:
    cluster.says("sacct", err=_real("no_accounting_sacct"))
    scheduler = SlurmScheduler(OPTIONS)
    assert scheduler.usage(["34"]) == scheduler.usage(["34"]) == []
    assert len(cluster.calls("sacct")) == 1


def test_a_trial_says_when_it_would_start(cluster: FakeCluster, tmp_path: Path) -> None:
    (tmp_path / "submit.sh").write_text("#!/bin/bash\n")
    said = SlurmScheduler(OPTIONS).test_only(tmp_path / "submit.sh")
    assert said.startswith("Slurm expects to start it in about ")
    assert "4 cores on n1 (main)" in said
    assert cluster.state["jobs"] == {}


@pytest.mark.parametrize("version", ["22.05.8", "24.11.5", "26.05.5"])
def test_a_real_trial_is_understood(cluster: FakeCluster, tmp_path: Path, version: str) -> None:
    cluster.says("sbatch", err=(REAL.parent / version / "test_only.txt").read_text(), code=0)
    said = SlurmScheduler(OPTIONS).test_only(tmp_path / "submit.sh")
    assert said.startswith("Slurm expects to start it ")
    assert ", with 4 cores on n" in said


def test_a_refused_trial_is_an_error_in_plain_words(cluster: FakeCluster, tmp_path: Path) -> None:
    cluster.says("sbatch", err="allocation failure: Requested node configuration is not available\n")
    with pytest.raises(SchedulerError, match="no set of nodes.*Requested node configuration.*--cores"):
        SlurmScheduler(OPTIONS).test_only(tmp_path / "submit.sh")
