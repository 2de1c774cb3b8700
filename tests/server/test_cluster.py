"""What the form offers of a cluster, and what it says where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from realjobs import make_spec

from jupyter_featx.cluster import Machine, Overview
from jupyter_featx.errors import SchedulerError
from jupyter_featx.manager import Manager
from jupyter_featx.schedulers.memory import MemoryScheduler
from jupyter_featx.schedulers.slurm_cluster import Partition
from jupyter_featx.schedulers.slurm_usage import Usage
from jupyter_featx.server import cluster
from jupyter_featx.server.usage import usage
from jupyter_featx.state import Attempt, JobStatus, State

HERE = Machine("here", 8, 16_000.4, 1000.0)


@pytest.fixture
def given(home: Path, tmp_path: Path, monkeypatch):
    """Let the cluster be this one, under a configuration that speaks of Slurm."""

    def be(found: Overview) -> dict:
        file = tmp_path / "config.toml"
        file.write_text('scheduler = "slurm"\n[limits.main]\nmax_cores = 64\n')
        monkeypatch.setenv("FEATX_CONFIG", str(file))
        monkeypatch.setattr(cluster, "overview", lambda: found)
        return cluster.cluster()

    return be


def test_partitions_are_offered_with_their_limits(given):
    main = Partition("main", default=True, max_minutes=90.0, nodes=4, cores=64, cores_free=3, cores_per_node=16)
    drained = Partition("old", state="DRAIN", cores_per_node=16, max_cores_per_node=8)
    found = given(Overview(HERE, "slurm", "", (main, drained), ("chem",)))
    slurm = found["schedulers"][1]
    assert (found["default"], found["cores"], found["memory_mb"]) == ("slurm", 8, 16_000)
    assert (slurm["name"], slurm["reachable"], slurm["accounts"]) == ("slurm", True, ["chem"])
    first, second = slurm["partitions"]
    assert (first["max_seconds"], first["default_seconds"], first["free_cores"], first["up"]) == (5400.0, None, 3, True)
    assert (second["cores_per_node"], second["up"]) == (8, False)
    assert found["limits"]["main"]["max_cores"] == 64


def test_a_slurm_that_does_not_answer_says_so(given):
    found = given(Overview(HERE, "slurm", "Slurm does not answer. Try again."))
    local, slurm = found["schedulers"]
    assert (local["reachable"], local["message"]) == (True, "")
    assert (slurm["reachable"], slurm["message"]) == (False, "Slurm does not answer. Try again.")


class Accounted(MemoryScheduler):
    """A scheduler that keeps accounts, or cannot be asked for them."""

    def __init__(self, known: list[Usage] | None) -> None:
        super().__init__()
        self.known = known

    def usage(self, native_ids: list[str]) -> list[Usage]:
        if self.known is None:
            raise SchedulerError("sacct does not answer.")
        return self.known


@pytest.mark.parametrize("known", [None, [Usage("7", "COMPLETED", 4, 1, 60.0, 1.5, 900.0, 200.0, 0.8)]])
def test_the_accounting_counts_where_there_is_one(known, home: Path):
    from madejobs import make_job

    job = make_job(home, scheduler="far")
    attempt = Attempt("7", State.COMPLETED, 0.0, 4, started=0.0 + 1, ended=3601.0, number=1)
    status = JobStatus(state=State.COMPLETED, attempts=(attempt,))
    found = usage(Manager(home, {"far": Accounted(known)}), job, make_spec(scheduler="far"), status)
    (run,) = found["attempts"]
    assert found["accounting"] is bool(known)
    if known:
        assert (run["core_hours"], run["peak_memory_mb"], run["cpu_efficiency"]) == (1.5, 900.0, 0.8)
    else:
        assert (run["core_hours"], run["peak_memory_mb"]) == (8.0, None)  # two threads on each of four cores
