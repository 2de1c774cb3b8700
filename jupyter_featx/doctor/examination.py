"""The order of the doctor's checks: from this machine to the nodes, each only where what it needs was found."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from jupyter_featx.config import Config, load
from jupyter_featx.doctor import answers, hello, here, slurm
from jupyter_featx.doctor.findings import Finding, failed, ok, skipped
from jupyter_featx.errors import ConfigError, FeatxError, SchedulerError
from jupyter_featx.schedulers import known
from jupyter_featx.schedulers.slurm import SlurmScheduler
from jupyter_featx.schedulers.slurm_cluster import Cluster
from jupyter_featx.schedulers.slurm_commands import Commands
from jupyter_featx.spec import ContainerSpec

JOB_SECONDS = 60.0


def examine(job: bool = True, seconds: float = JOB_SECONDS) -> Iterator[Finding]:
    """Yield what each check finds, as soon as it is known; `job` says whether a job of two ranks may be submitted."""
    try:
        config = load()
    except ConfigError as exc:
        yield failed("configuration", str(exc), "Mend that line; the other checks need the configuration.")
        return
    yield here.configuration(config)
    yield here.versions()
    yield (home := here.home())
    yield from here.templates(config)
    library, found = here.mpi()
    yield found
    image, seen = here.image(config)
    yield from seen
    if not config.speaks_of_slurm and shutil.which("sinfo") is None:
        yield skipped("Slurm", "not configured: jobs run on this machine")
        return
    yield from _cluster(config, library, image, seconds if job and home.state == "ok" else 0.0)


def _cluster(config: Config, library: str, image: ContainerSpec | None, seconds: float) -> Iterator[Finding]:
    """Yield what Slurm's checks find; without `seconds` no job is submitted."""
    run = Commands(known.slurm_options())
    yield (found := slurm.commands(config, run))
    if found.state == "ok":
        yield (found := slurm.controller(run))
    if found.state != "ok":
        yield skipped("partitions, accounting, hello job", "Slurm does not answer")
        return
    scheduler = known.slurm()
    yield slurm.accounting(run)
    yield slurm.launchers(config, run, library)
    try:
        cluster = scheduler.cluster()
        yield from slurm.partitions(config, cluster)
        yield from _hello(hello.Plan(config, _nodes(config, cluster), image), scheduler, seconds)
    except SchedulerError as exc:
        yield failed("Slurm", str(exc), "Mend that, then type 'featx doctor' again.")


def _nodes(config: Config, cluster: Cluster) -> int:
    """Return how many nodes there are to say hello: those of the partition that jobs go to."""
    name = config.preset.get("partition")
    into = [part for part in cluster.partitions if part.name == name or (not name and part.default)]
    return max((part.nodes for part in into or cluster.partitions), default=1)


def _hello(plan: hello.Plan, scheduler: SlurmScheduler, seconds: float) -> Iterator[Finding]:
    """Try the job with sbatch, and then run it."""
    try:
        job = hello.prepare(plan)
    except (FeatxError, OSError) as exc:
        yield failed("hello job", str(exc), "Mend the configuration that it is made from.")
        return
    try:
        yield (tried := _tried(scheduler, job))
        if tried.state != "ok":
            yield skipped("hello job", "sbatch would not take it")
        elif not seconds:
            yield skipped("hello job", "left out (--no-job), or there is no folder for it")
        else:
            ending = hello.run(job, scheduler, seconds)
            yield from answers.read(job, ending, answers.image_identity(Path(plan.image.image)) if plan.image else "")
    finally:
        shutil.rmtree(job.folder, ignore_errors=True)


def _tried(scheduler: SlurmScheduler, job: hello.Hello) -> Finding:
    try:
        return ok("sbatch --test-only", scheduler.test_only(job.script) or "sbatch would take a job of two cores")
    except FeatxError as exc:
        mend = "Set [defaults] partition, account or qos in the configuration; 'featx cluster' shows what there is."
        return failed("sbatch --test-only", str(exc), mend)
