"""Checks of Slurm, reached as the configuration says: commands, controller, partitions, accounting, MPI."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from typing import Any

from jupyter_featx.config import Config
from jupyter_featx.doctor import mpi
from jupyter_featx.doctor.findings import Finding, failed, ok, skipped
from jupyter_featx.errors import SchedulerError
from jupyter_featx.schedulers.slurm_commands import Commands, SlurmMissing

_USED = ("sbatch", "squeue", "scancel", "scontrol", "sinfo")


def commands(config: Config, run: Commands) -> Finding:
    """Say which Slurm this is, and which of its commands are there."""
    name, found = "Slurm commands", ""
    for command in _USED:
        try:
            found = run.run(command, "--version").strip() or found
        except SchedulerError as exc:
            return failed(name, _without_hint(exc), _hint(exc))
    where = f", through '{' '.join(config.slurm.prefix)}'" if config.slurm.prefix else ""
    return ok(name, f"{found}{where}{_pyslurm(config)}")


def _pyslurm(config: Config) -> str:
    if config.slurm.transport == "commands":
        return ""
    if importlib.util.find_spec("pyslurm") is None:
        return ", no pyslurm (the commands do)" if config.slurm.transport == "auto" else ", and pyslurm is missing"
    try:
        from importlib import metadata

        return f", pyslurm {metadata.version('pyslurm')}"
    except metadata.PackageNotFoundError:
        return ", pyslurm"


def controller(run: Commands) -> Finding:
    try:
        said = run.run("scontrol", "ping").strip().splitlines()
    except SchedulerError as exc:
        mend = (
            "Type 'sinfo' where the notebook runs. In a container it needs the cluster's /etc/slurm and /run/munge "
            "(docs/administrators.md). If it fails on the login node, too, tell your administrators."
        )
        return failed("slurmctld", _without_hint(exc), mend)
    up = next((line for line in said if "UP" in line), "")
    return ok("slurmctld", up or (said[0] if said else "it answers"))


def partitions(config: Config, cluster: Any) -> Iterator[Finding]:
    """See that there is a partition to submit to, and that the configuration names only such as there are."""
    known = {partition.name: partition for partition in cluster.partitions}
    if not known:
        yield failed("partitions", "Slurm shows you none", "Ask your administrators for access to a partition.")
        return
    free = sum(partition.cores_free or 0 for partition in known.values())
    shown = ", ".join(f"{name}{' (default)' if part.default else ''}" for name, part in known.items())
    yield ok("partitions", f"{shown}; {free:,} cores free")
    for where, name in _named(config):
        if name not in known:
            mend = f"Name one of: {', '.join(known)}."
            yield failed("configuration", f"{where} names the partition '{name}', which there is not", mend)
    if not any(partition.default for partition in known.values()) and "partition" not in config.defaults:
        mend = f'Set [defaults] partition, for example "{next(iter(known))}".'
        yield failed("partitions", "the cluster has no default partition, and the configuration names none", mend)


def _named(config: Config) -> Iterator[tuple[str, str]]:
    presets: Mapping[str, Mapping[str, Any]] = {"[defaults]": config.defaults}
    presets = {**presets, **{f"[profiles.{name}]": options for name, options in config.profiles.items()}}
    for where, options in presets.items():
        for name in str(options.get("partition", "")).split(","):
            if name:
                yield where, name
    for name in config.limits:
        if name != "local":
            yield f"[limits.{name}]", name


def accounting(run: Commands) -> Finding:
    """See whether usage can be shown; jobs run without it."""
    try:
        run.run("sacct", "-n", "-X", "--format=JobID")
    except SlurmMissing as exc:
        return skipped("accounting", f"{_without_hint(exc)}; jobs run, usage and old jobs are not shown")
    except SchedulerError as exc:
        if "disabled" in str(exc).lower():
            return skipped("accounting", "this cluster has none; jobs run, usage is not shown")
        mend = "Jobs run meanwhile; usage is not shown. Tell your administrators that slurmdbd does not answer."
        return failed("accounting", _without_hint(exc), mend)
    return ok("accounting", "sacct answers")


def launchers(config: Config, run: Commands, library: str) -> Finding:
    """Compare the MPI that mpi4py has here with what srun can start."""
    name, launcher = "srun and MPI", config.site.launcher
    if launcher in ("mpirun", "container"):
        return skipped(name, f"[site] launcher is {launcher}: srun does not start the ranks")
    try:
        code, out, err = run.call("srun", "--mpi=list")
    except SchedulerError as exc:
        return skipped(name, f"srun is not here ({_without_hint(exc)}); the hello job shows what the nodes have")
    kinds = mpi.listed(out + err) if code == 0 else []
    kind = mpi.chosen(launcher, kinds)
    if kinds and kind not in kinds:
        return failed(
            name, f"srun has {', '.join(kinds)}, and not {kind}", "Set [site] launcher to one that it has, or mpirun."
        )
    wanted = mpi.wanted(library)
    if library and wanted and kind not in wanted:
        return failed(name, f"{mpi.short_library(library)} with srun --mpi={kind}", mpi.crossed(kind))
    fits = f", for {mpi.short_library(library)}" if library else ""
    if usual := mpi.usual(library, kind):
        fits += f", which usually wants {usual}: the hello job shows whether it does"
    return ok(name, f"--mpi={kind} of {', '.join(kinds)}{fits}")


def _without_hint(exc: Exception) -> str:
    """Return what an error says without its last sentence, which is what to do."""
    return str(getattr(exc, "text", "") or exc)


def _hint(exc: Exception) -> str:
    text, words = _without_hint(exc), str(exc)
    after = words.partition(text)[2].lstrip(". ") if text in words else ""
    return after or "Type 'sinfo' in a terminal: when that works, so does this."
