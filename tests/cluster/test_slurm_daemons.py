"""Slurm's controller and its database come and go; the jobs do not notice, and nobody is told that they failed."""

from __future__ import annotations

import pytest
from countedjob import CountedJob
from scientist import Scientist
from testbed import Testbed

pytestmark = pytest.mark.slow


def test_a_job_outlives_slurms_controller(scientist: Scientist, cluster: Testbed):
    counted = CountedJob.submit(scientist, "--cores", "4x1", count=240)
    counted.remember(20)
    cluster.wait_for_saved_state(counted.job.attempts()[0].time)
    cluster.kill_slurmctld()
    told = counted.job.status()
    assert told["state"] == "running"
    counted.job.until_started(len(counted.before) + 40)
    cluster.start_slurmctld()
    counted.job.until_merged()
    counted.check()
    assert counted.job.status()["state"] == "completed"
    assert len(counted.job.attempts()) == 1


def test_a_job_needs_no_accounting(scientist: Scientist, cluster: Testbed):
    cluster.kill_slurmdbd()
    counted = CountedJob.submit(scientist, "--cores", "4x1", count=80)
    counted.remember(20)
    assert counted.job.status()["state"] == "running"
    counted.job.until_merged()
    counted.check()
    assert counted.job.status()["state"] == "completed"
