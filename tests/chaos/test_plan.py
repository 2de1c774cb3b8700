"""A seed is a plan of faults."""

from __future__ import annotations

from chaos.agent import Agent, Targets
from chaos.chronicle import Chronicle
from chaos.faultfiles import SmallDisk
from chaos.plan import LASTS, kinds, plan


def test_a_seed_means_the_same_faults_again_and_another_seed_others():
    assert plan(1, 600, slurm=True) == plan(1, 600, slurm=True)
    assert plan(1, 600, slurm=True) != plan(2, 600, slurm=True)


def test_a_longer_run_begins_as_a_shorter_one():
    short = plan(3, 100, slurm=True)
    assert plan(3, 600, slurm=True)[: len(short)] == short


def test_every_kind_comes_once_before_chance_decides():
    first = [fault.kind for fault in plan(1, 1800, slurm=True)][: len(kinds(True))]
    assert sorted(first) == sorted(kinds(True))


def test_faults_are_in_order_within_the_time_and_last_as_long_as_they_may():
    faults = plan(5, 1800, slurm=True)
    assert 200 < len(faults) < 400
    assert [fault.at for fault in faults] == sorted(fault.at for fault in faults)
    assert 0 < faults[0].at <= faults[-1].at < 1800
    for fault in faults:
        shortest, longest = LASTS.get(fault.kind, (0, 0))
        assert shortest <= fault.seconds <= longest
        assert 0 <= fault.pick < 1


def test_without_a_cluster_no_fault_is_the_clusters():
    assert not [fault for fault in plan(1, 1800, slurm=False) if "slurm" in fault.kind or "node" in fault.kind]


def test_the_agent_can_make_every_kind(tmp_path):
    agent = Agent([], Targets((tmp_path,), SmallDisk(tmp_path), None, lambda what: 0), Chronicle(tmp_path / "log"))
    for kind in kinds(True):
        assert callable(agent._doer(kind)), kind
