"""What a cluster cannot give is one line with what it can; what it does not tell is not refused."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_featx.errors import SpecError
from jupyter_featx.schedulers.slurm_cluster import Account, Cluster, NodeGroup, Partition, Qos
from jupyter_featx.schedulers.slurm_limits import check_limits
from jupyter_featx.spec import AllocationSpec, JobSpec, ResourceSpec, parse_duration

SMALL = NodeGroup(4, "idle", 4, 16000, 16)
BIG = NodeGroup(1, "mixed", 64, 256000, 10)
MAIN = Partition("main", default=True, nodes=4, cores=16, cores_per_node=4, memory_per_node_mb=16000, groups=(SMALL,))
MIXED = Partition(
    "mixed", nodes=5, cores=80, cores_per_node=64, memory_per_node_mb=256000, max_minutes=2880, groups=(SMALL, BIG)
)
CLUSTER = Cluster("featx", "22.05.8", (MAIN, MIXED, Partition("shut", state="DRAIN")))
STRICT = replace(
    CLUSTER,
    accounts=(Account("chemistry", True, "", ("normal", "long")), Account("physics", False, "", ("normal",))),
    qos=(Qos("normal", max_cores=8), Qos("long", max_minutes=60), Qos("gold")),
    enforced=("associations", "limits", "qos"),
)


def spec(allocation: dict[str, Any] | None = None, **resources: Any) -> JobSpec:
    return JobSpec(
        "x", "x", 0.0, "slurm", "python", "/", "d", 1, "t", "i",
        resources=ResourceSpec(**resources), allocation=AllocationSpec(**(allocation or {})),
    )  # fmt: skip


def refusal(cluster: Cluster, allocation: dict[str, Any] | None = None, **resources: Any) -> str:
    with pytest.raises(SpecError) as caught:
        check_limits(spec(allocation, **resources), cluster)
    text = str(caught.value)
    assert "\n" not in text
    assert "Type " in text
    return text


def test_too_many_cores() -> None:
    assert refusal(CLUSTER, cores=1_000_000) == (
        "Partition 'main' gives at most 16 cores (4 nodes of 4); asked for 1,000,000. Type --cores 16."
    )
    check_limits(spec(cores=16), CLUSTER)


def test_threads_take_cores_too() -> None:
    assert "at most 8 cores of 2 threads (4 nodes of 2)" in refusal(CLUSTER, cores=16, threads=2)
    assert "--threads 4" in refusal(CLUSTER, cores=1, threads=8)


def test_nodes_of_several_kinds() -> None:
    assert "at most 80 cores (5 nodes of 4 to 64)" in refusal(CLUSTER, {"partition": "mixed"}, cores=81)
    limited = replace(CLUSTER, partitions=(replace(MIXED, max_nodes=2),))
    assert "at most 68 cores (2 nodes of 4 to 64)" in refusal(limited, {"partition": "mixed"}, cores=69)


def test_memory_leaves_cores_idle() -> None:
    said = refusal(CLUSTER, cores=16, memory_per_core_mb=8000)
    assert "at most 8 cores with 7.81 GB a core (4 nodes of 2)" in said
    check_limits(spec(cores=8, memory_per_core_mb=8000), CLUSTER)


def test_more_memory_than_any_node_has() -> None:
    assert "at most 15.6 GB a node; asked for 19.5 GB a core. Type --memory-per-core 16000M" in refusal(
        CLUSTER, memory_per_core_mb=20000
    )
    capped = replace(CLUSTER, partitions=(replace(MAIN, max_memory_per_core_mb=2048),))
    assert "at most 2 GB a core; asked for 4 GB. Type --memory-per-core 2G." in refusal(capped, memory_per_core_mb=4096)


def test_more_nodes_or_larger_ones_than_there_are() -> None:
    assert "at most 4 nodes of 4; asked for 8 of 2 cores. Type --cores 4x2" in refusal(CLUSTER, cores=16, ranks=8)
    assert "Type --cores 2x4" in refusal(CLUSTER, cores=16, ranks=2)
    assert "Type --cores 1x64" in refusal(CLUSTER, {"partition": "mixed"}, cores=128, ranks=2)
    check_limits(spec(cores=16, ranks=4), CLUSTER)


def test_too_long() -> None:
    said = refusal(CLUSTER, {"partition": "mixed"}, walltime_seconds=864000)
    assert "at most 2 days; asked for 10 days. Type --walltime 2-00:00:00" in said
    check_limits(spec({"partition": "mixed"}, walltime_seconds=172800), CLUSTER)


@given(st.floats(min_value=1 / 60, max_value=1e6))
def test_the_walltime_to_type_is_one_that_fits(minutes: float) -> None:
    cluster = Cluster(partitions=(Partition("p", default=True, max_minutes=minutes),))
    said = refusal(cluster, walltime_seconds=minutes * 60 + 1)
    typed = said.split("--walltime ")[1].split(":  ")[0].split(": a job")[0]
    assert 0 < (parse_duration(typed) or 0) <= minutes * 60


def test_a_partition_that_is_not_there_or_takes_no_jobs() -> None:
    assert refusal(CLUSTER, {"partition": "gpu"}).endswith("Type --partition with one of: main, mixed, shut.")
    assert "takes no jobs now (it is DRAIN). Open are: main, mixed." in refusal(CLUSTER, {"partition": "shut"})
    without = replace(CLUSTER, partitions=(MIXED,))
    assert "no default partition. Type --partition with one of: mixed." in refusal(without)


def test_of_several_partitions_one_that_fits_is_enough() -> None:
    check_limits(spec({"partition": "main,mixed"}, cores=60), CLUSTER)
    assert "'main' gives at most 16" in refusal(CLUSTER, {"partition": "main,mixed"}, cores=100)


def test_accounts() -> None:
    assert refusal(STRICT, {"account": "bio"}).endswith("Type --account with one of: chemistry, physics.")
    check_limits(spec({"account": "Physics"}), STRICT)
    check_limits(spec({"account": "bio"}), replace(STRICT, enforced=("none",)))  # nobody insists on it
    closed = replace(STRICT, partitions=(replace(MAIN, allowed_accounts=("physics", "bio")),))
    assert "not open to account 'chemistry'. Type --account physics" in refusal(closed)
    denied = replace(STRICT, partitions=(replace(MAIN, denied_accounts=("physics",)),))
    assert "not open to account 'physics'" in refusal(denied, {"account": "physics"})


def test_quality_of_service() -> None:
    assert refusal(STRICT, {"qos": "nope"}).endswith("Type --qos with one of: normal, long, gold.")
    assert "not open to your account. Type --qos with one of: normal, long." in refusal(STRICT, {"qos": "gold"})
    assert "at most 8 cores; asked for 9. Type --cores 8." in refusal(STRICT, {"qos": "normal"}, cores=9)
    assert "at most 1 hour" in refusal(STRICT, {"qos": "long"}, walltime_seconds=7200)
    closed = replace(STRICT, partitions=(replace(MAIN, allowed_qos=("long",)),))
    assert "not open to QOS 'normal'. Type --qos long." in refusal(closed, {"qos": "normal"})


def test_limits_of_the_account_itself() -> None:
    cluster = replace(STRICT, accounts=(Account("chemistry", True, max_cores=4, max_minutes=30),))
    assert "Account 'chemistry' gives at most 4 cores; asked for 5" in refusal(cluster, cores=5)
    assert "at most 30 minutes" in refusal(cluster, walltime_seconds=3600)


def test_what_the_cluster_does_not_tell_is_not_refused() -> None:
    everything: dict[str, Any] = {"cores": 10**6, "walltime_seconds": 1e9, "memory_per_core_mb": 1e9}
    check_limits(spec({"partition": "p", "account": "a", "qos": "q"}, **everything), Cluster())
    check_limits(spec(**everything), Cluster(partitions=(Partition("p", default=True),)))


@given(st.integers(1, 10**6), st.integers(1, 300), st.integers(1, 100), st.one_of(st.none(), st.floats(1, 1e6)))
def test_no_request_is_a_traceback(cores: int, ranks: int, threads: int, memory: float | None) -> None:
    with suppress(SpecError):
        check_limits(spec(cores=max(cores, ranks), ranks=ranks, threads=threads, memory_per_core_mb=memory), CLUSTER)
