"""Nodes that die, and nodes that are taken away, under a job of the real cluster."""

from __future__ import annotations

import pytest
from countedjob import CountedJob
from daemons import wait
from scientist import PATIENCE, Scientist
from testbed import Testbed

pytestmark = pytest.mark.slow

URGENT = "#!/bin/bash\n#SBATCH --nodes=4 --exclusive --time=5 --output=/dev/null\nsleep 3\n"


def test_the_job_of_a_dead_node_goes_on_on_the_nodes_that_are_left(scientist: Scientist, cluster: Testbed):
    # One job loses the node of its script and of rank 0, the other its second node; two nodes are left for both.
    jobs = [CountedJob.submit(scientist, "--cores", "2x4", count=240, seconds=0.2) for _ in range(2)]
    for which, counted in enumerate(jobs):
        counted.remember(30)
        victim = cluster.nodes_of(counted.job.native_ids()[0])[which]
        cluster.kill_node(victim)
        assert not counted.job.folded().state.final, counted.job.story()
    for counted in jobs:
        counted.job.until_merged()
        counted.check()
        assert counted.job.status()["state"] == "completed"
        assert len(counted.job.attempts()) >= 2


def test_a_preempted_job_is_requeued_and_completes(scientist: Scientist, cluster: Testbed):
    counted = CountedJob.submit(scientist, "--cores", "4x1", "--partition", "low", count=160)
    counted.remember(20)
    urgent = cluster.slurm("sbatch", "--parsable", "--partition=high", script=URGENT)
    wait(lambda: cluster.job_state(urgent) == "COMPLETED", "the urgent job is done", PATIENCE, counted.job.story)
    counted.job.until_merged()
    counted.check()
    assert counted.job.status()["state"] == "completed"
    assert len(counted.job.attempts()) == 2
