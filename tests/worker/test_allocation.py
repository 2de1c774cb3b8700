"""How many workers a rank may have: by Slurm's words for its node, the affinity, and the quota of the control group."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_featx.worker import allocation as module
from jupyter_featx.worker.allocation import Allocation, allocation, counted, expand, nodes

UNEVEN = {
    "SLURM_JOB_ID": "7",
    "SLURM_JOB_CPUS_PER_NODE": "4(x2),2",
    "SLURM_JOB_NODELIST": "n[1-2],big07",
    "SLURM_NODEID": "2",
}


@pytest.fixture(autouse=True)
def _many_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "usable_cpus", lambda: 64)


@pytest.mark.parametrize(("text", "numbers"), [("4(x2),2", [4, 4, 2]), ("8", [8]), ("", []), ("4(x2),what", [])])
def test_slurms_short_form_of_numbers_is_read(text: str, numbers: list[int]) -> None:
    assert counted(text) == numbers


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("n1", ["n1"]),
        ("n[1-2,07-09],big", ["n1", "n2", "n07", "n08", "n09", "big"]),
        ("rack[1-2]-n[3,5]", ["rack1-n3", "rack1-n5", "rack2-n3", "rack2-n5"]),
        ("a[098-101]", ["a098", "a099", "a100", "a101"]),
        ("", []),
    ],
)
def test_slurms_short_form_of_nodes_is_read(text: str, names: list[str]) -> None:
    assert expand(text) == names
    assert nodes({"SLURM_JOB_NODELIST": text}) == names


def test_outside_of_slurm_there_is_no_allocation() -> None:
    assert allocation(1, {}).workers is None
    assert allocation(1, {"SLURM_JOB_ID": "7"}).workers is None


@pytest.mark.parametrize(("node", "workers"), [("n1", 4), ("n2", 4), ("big07", 2)])
def test_each_node_of_an_uneven_allocation_gets_what_it_was_given(node: str, workers: int) -> None:
    # The name decides: a step that mpirun starts on some of the nodes counts them anew.
    assert allocation(1, UNEVEN | {"SLURMD_NODENAME": node, "SLURM_NODEID": "0"}) == Allocation(node, workers)


def test_a_node_of_unknown_name_is_found_by_its_number() -> None:
    assert allocation(1, UNEVEN | {"SLURMD_NODENAME": "elsewhere"}).workers == 2
    assert allocation(1, UNEVEN | {"SLURMD_NODENAME": "elsewhere", "SLURM_NODEID": "0"}).workers == 4


def test_threads_share_the_cpus() -> None:
    assert allocation(2, UNEVEN | {"SLURMD_NODENAME": "n1"}).workers == 2
    assert allocation(8, UNEVEN | {"SLURMD_NODENAME": "n1"}).workers == 1


@pytest.mark.parametrize(
    "local",
    [
        {"OMPI_COMM_WORLD_LOCAL_RANK": "0", "OMPI_COMM_WORLD_LOCAL_SIZE": "3"},
        {"MPI_LOCALRANKID": "0", "MPI_LOCALNRANKS": "3"},
        {"SLURM_LOCALID": "0", "SLURM_STEP_TASKS_PER_NODE": "3", "SLURM_NODEID": "0"},
    ],
)
def test_ranks_of_one_node_share_it(local: dict[str, str]) -> None:
    assert allocation(1, UNEVEN | {"SLURMD_NODENAME": "n1"} | local).workers == 2
    (name,) = (name for name in local if "LOCAL" in name and local[name] == "0")
    assert allocation(1, UNEVEN | {"SLURMD_NODENAME": "n1"} | local | {name: "2"}).workers == 1


def test_a_binding_that_hides_cpus_is_obeyed_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "usable_cpus", lambda: 1)
    found = allocation(1, UNEVEN | {"SLURMD_NODENAME": "n1"})
    assert found.workers == 1
    assert "n1 gives 4 CPUs to the job, but only 1" in found.note


@pytest.mark.parametrize(
    ("line", "files", "cpus"),
    [
        ("0::/a/b", {"a/b/cpu.max": "250000 100000", "a/cpu.max": "max 100000"}, 3),
        ("0::/a/b", {"a/b/cpu.max": "max 100000", "a/cpu.max": "200000 100000"}, 2),
        ("0::/a/b", {"a/b/cpu.max": "max 100000"}, 1 << 20),
        ("0::/a/b", {}, 1 << 20),
        (
            "4:cpu,cpuacct:/a",
            {"cpu,cpuacct/a/cpu.cfs_quota_us": "400000", "cpu,cpuacct/a/cpu.cfs_period_us": "100000"},
            4,
        ),
        ("4:cpu:/a", {"cpu/a/cpu.cfs_quota_us": "-1", "cpu/a/cpu.cfs_period_us": "100000"}, 1 << 20),
        ("5:memory:/a", {"cpu/a/cpu.cfs_quota_us": "100000", "cpu/a/cpu.cfs_period_us": "100000"}, 1 << 20),
    ],
)
def test_the_quota_of_the_control_groups_is_read(tmp_path: Path, line: str, files: dict[str, str], cpus: int) -> None:
    own = tmp_path / "own"
    own.write_text(line + "\n")
    for name, text in files.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    assert module._quota(own, tmp_path / "root") == cpus


def test_the_affinity_of_this_process_bounds_its_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert 1 <= module.usable_cpus() <= len(os.sched_getaffinity(0))
