"""Fixtures of the tests on the real Slurm cluster: the cluster itself, and an ordinary user on it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress

import pytest
from clusterfiles import NODES
from clusterstart import start_cluster
from countedjob import CountedJob
from daemons import TestbedError
from scientist import Scientist
from testbed import Testbed


@pytest.fixture(scope="session")
def running_cluster() -> Iterator[Testbed]:
    """The cluster, started where it does not run; it is left running, so that the next time is quick."""
    try:
        start_cluster()
    except TestbedError as exc:
        pytest.fail(str(exc), pytrace=False)
    testbed = Testbed()
    # Two runs of the tests that kill each other's nodes would prove nothing: one waits for the other.
    with (testbed.place.folder / "log" / "start.log").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        os.environ["FEATX_TESTBED_HELD"] = "1"  # a run of tests/chaos that we start shares it
        yield testbed
        del os.environ["FEATX_TESTBED_HELD"]


@pytest.fixture
def cluster(running_cluster: Testbed, early: list[CountedJob]) -> Iterator[Testbed]:
    """The cluster with every part of it running and every node up, before and after."""
    mend(running_cluster)
    yield running_cluster
    mend(running_cluster)


def mend(testbed: Testbed) -> None:
    testbed.start_slurmdbd()
    testbed.start_slurmctld()
    for node in NODES:
        testbed.revive_node(node)
    testbed.wait_for_clear()


@pytest.fixture
def scientist(cluster: Testbed, request: pytest.FixtureRequest) -> Iterator[Scientist]:
    """The ordinary user, whose jobs are ended and whose files are removed afterwards."""
    name = request.node.name.removeprefix("test_")
    made = Scientist(cluster, "".join(letter if letter.isalnum() else "-" for letter in name))
    request.node.stash[_SCIENTIST] = made
    yield made
    made.leave()


@pytest.fixture
def walltime_job(cluster: Testbed, early: list[CountedJob], request: pytest.FixtureRequest) -> Iterator[CountedJob]:
    """A job of more than a minute in a partition that gives it a minute."""
    counted = early.pop() if early else submit_walltime_job(cluster)
    request.node.stash[_SCIENTIST] = counted.job.scientist
    yield counted
    counted.job.scientist.leave()


@pytest.fixture(scope="session")
def early(running_cluster: Testbed, request: pytest.FixtureRequest) -> Iterator[list[CountedJob]]:
    """The same, submitted before the other tests where there are any: it runs in their background."""
    made = []
    if any(item.path.name == "test_renewal.py" for item in request.session.items):
        mend(running_cluster)
        made.append(submit_walltime_job(running_cluster))
    yield made
    for counted in made:
        counted.job.scientist.leave()


def submit_walltime_job(cluster: Testbed) -> CountedJob:
    made = Scientist(cluster, "walltime")
    return CountedJob.submit(made, "--cores", "2x1", "--partition", "short", "--walltime", "1m", count=350, seconds=0.4)


_SCIENTIST = pytest.StashKey[Scientist]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Add what the jobs and Slurm's daemons said to the report of a failure."""
    report = yield
    made = item.stash.get(_SCIENTIST, None)
    if report.failed and report.when == "call" and made is not None:
        with suppress(Exception):
            made.find_jobs()
            for job in made.jobs:
                report.sections.append((f"job {job.job_id}", job.story()))
        report.sections.append(("Slurm", made.testbed.tail()))
    return report
