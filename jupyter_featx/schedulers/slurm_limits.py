"""Whether a cluster can give what a job asks for, said before it is submitted: one line, with what is allowed.

Slurm itself often takes a job that can never start, and lets it wait for ever. What the cluster does not tell is
not checked here; `sbatch --test-only` and sbatch itself have the last word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jupyter_featx.errors import SpecError
from jupyter_featx.schedulers.slurm_cluster import Account, Cluster, Partition
from jupyter_featx.spec import JobSpec, ResourceSpec


def check_limits(spec: JobSpec, cluster: Cluster) -> None:
    """Raise SpecError for the first thing that the cluster cannot give."""
    refusals = [_refusal(spec, cluster, partition) for partition in _partitions(spec, cluster)]
    if refusals and all(refusals):  # of several partitions Slurm takes the one that fits
        raise SpecError(refusals[0])
    for said in _of_accounting(spec, cluster):
        raise SpecError(said)


def _partitions(spec: JobSpec, cluster: Cluster) -> list[Partition]:
    """Return the partitions that the job may run in. Raises SpecError for one that is not there."""
    if not cluster.partitions:
        return []
    names = [name for name in spec.allocation.partition.split(",") if name]
    there = ", ".join(partition.name for partition in cluster.partitions)
    if unknown := [name for name in names if cluster.partition(name) is None]:
        raise SpecError(f"There is no partition '{unknown[0]}' here. Type --partition with one of: {there}.")
    if not names and cluster.default_partition is None:
        raise SpecError(f"This cluster has no default partition. Type --partition with one of: {there}.")
    found = [cluster.partition(name) for name in names] or [cluster.default_partition]
    return [partition for partition in found if partition]


def _refusal(spec: JobSpec, cluster: Cluster, partition: Partition) -> str:
    """Say why a partition cannot run the job; "" where it can."""
    found = (*_of_state(cluster, partition), *_of_time(spec, partition), *_of_who(spec, cluster, partition))
    return next(iter(found), "") or _of_size(spec.resources, partition)


def _of_state(cluster: Cluster, partition: Partition) -> Iterator[str]:
    if not partition.takes_jobs:
        others = ", ".join(other.name for other in cluster.partitions if other.up) or "none"
        yield (
            f"Partition '{partition.name}' takes no jobs now (it is {partition.state}). Open are: {others}. "
            "Type --partition with one of them, or try later."
        )


def _of_time(spec: JobSpec, partition: Partition) -> Iterator[str]:
    asked, most = spec.resources.walltime_seconds, partition.max_minutes
    if asked and most and asked > most * 60:
        yield _too_long(f"Partition '{partition.name}'", asked, most)


def _too_long(who: str, asked: float, most_minutes: float) -> str:
    return (
        f"{who} gives a run at most {_duration(most_minutes * 60)}; asked for {_duration(asked)}. "
        f"Type --walltime {_walltime(most_minutes)}: a job that needs longer goes on by itself in a new run."
    )


def _of_who(spec: JobSpec, cluster: Cluster, partition: Partition) -> Iterator[str]:
    account = spec.allocation.account or next((a.name for a in cluster.accounts if a.default), "")
    if account and not _allows(account, partition.allowed_accounts, partition.denied_accounts):
        mine = [name for name in cluster.account_names if name in partition.allowed_accounts]
        choice = ", ".join(mine or partition.allowed_accounts) or "another"
        yield (
            f"Partition '{partition.name}' is not open to account '{account}'. Type --account {choice}, or "
            "another --partition."
        )
    qos = spec.allocation.qos
    if qos and not _allows(qos, partition.allowed_qos, partition.denied_qos):
        choice = ", ".join(partition.allowed_qos) or "another"
        yield f"Partition '{partition.name}' is not open to QOS '{qos}'. Type --qos {choice}."


def _allows(name: str, allowed: Sequence[str], denied: Sequence[str]) -> bool:
    if allowed:  # then Slurm does not look at who is denied
        return name.lower() in [one.lower() for one in allowed]
    return name.lower() not in [one.lower() for one in denied]


# -- size --------------------------------------------------------------------------------------------------------------


def _of_size(resources: ResourceSpec, partition: Partition) -> str:
    """Say why the partition has not enough nodes, cores or memory; "" where it has."""
    if said := _of_memory(resources, partition):
        return said
    places = _places(resources, partition)
    most, nodes = sum(places), len(places)
    if not most:
        return _no_worker(resources, partition)
    if resources.ranks > 1:
        return _of_ranks(resources, partition, places)
    if resources.cores <= most:
        return ""
    with_memory = f" with {_memory(resources.memory_per_core_mb)} a core" if _memory_binds(resources, partition) else ""
    threads = f" of {resources.threads} threads" if resources.threads > 1 else ""
    less = ", or less --memory-per-core" if with_memory else ""
    return (
        f"Partition '{partition.name}' gives at most {_cores(most)}{threads}{with_memory} "
        f"({_nodes(nodes)} {_shape(places)}); asked for {resources.cores:,}. Type --cores {most}{less}."
    )


def _of_memory(resources: ResourceSpec, partition: Partition) -> str:
    asked, most = resources.memory_per_core_mb, partition.max_memory_per_core_mb
    node = min((m for m in (partition.memory_per_node_mb, partition.max_memory_per_node_mb) if m), default=None)
    if asked and most and asked > most:
        return (
            f"Partition '{partition.name}' gives at most {_memory(most)} a core; asked for {_memory(asked)}. "
            f"Type --memory-per-core {_megabytes(most)}."
        )
    if asked and node and asked * resources.threads > node:
        return (
            f"Partition '{partition.name}' has at most {_memory(node)} a node; asked for {_memory(asked)} a core. "
            f"Type --memory-per-core {_megabytes(node / resources.threads)} or less."
        )
    return ""


def _no_worker(resources: ResourceSpec, partition: Partition) -> str:
    most = partition.max_cores_per_node or partition.cores_per_node
    if most and resources.threads > most:
        return (
            f"Partition '{partition.name}' has at most {_cores(most)} a node; asked for {resources.threads} threads. "
            f"Type --threads {most}."
        )
    return ""  # it tells too little


def _of_ranks(resources: ResourceSpec, partition: Partition, places: Sequence[int]) -> str:
    """Say why there are not so many nodes of so many cores."""
    each, ranks = resources.workers_per_rank, resources.ranks
    enough = sum(1 for place in places if place >= each)
    if ranks <= enough:
        return ""
    largest = places[0]
    fitting = sum(1 for place in places if place >= min(each, largest))
    return (
        f"Partition '{partition.name}' gives at most {_nodes(len(places))} {_shape(places)}; asked for {ranks:,} of "
        f"{each:,} cores. Type --cores {min(ranks, fitting)}x{min(each, largest)}, or only the number of cores."
    )


def _places(resources: ResourceSpec, partition: Partition) -> list[int]:
    """Return how many workers each node that one job can have takes, the most first."""
    found = [
        (_on_node(resources, partition, group.cores_per_node, group.memory_per_node_mb), group.nodes)
        for group in partition.groups
    ]
    if not found and partition.nodes:
        found = [(partition.cores // partition.nodes // resources.threads, partition.nodes)]
    places = sorted((place for place, nodes in found for _ in range(nodes) if place), reverse=True)
    return places[: partition.max_nodes] if partition.max_nodes is not None else places


def _on_node(resources: ResourceSpec, partition: Partition, cores: int, memory_mb: float) -> int:
    cores = min(cores, partition.max_cores_per_node or cores)
    workers = cores // resources.threads
    memory_mb = min(memory_mb, partition.max_memory_per_node_mb or memory_mb)
    if resources.memory_per_core_mb and memory_mb:
        workers = min(workers, int(memory_mb // (resources.memory_per_core_mb * resources.threads)))
    return workers


def _memory_binds(resources: ResourceSpec, partition: Partition) -> bool:
    free = ResourceSpec(cores=resources.cores, threads=resources.threads)
    return bool(resources.memory_per_core_mb) and sum(_places(free, partition)) > sum(_places(resources, partition))


# -- accounting --------------------------------------------------------------------------------------------------------


def _of_accounting(spec: JobSpec, cluster: Cluster) -> Iterator[str]:
    """Say what the accounting does not allow, where it insists on it."""
    enforced = {word.lower() for word in cluster.enforced}
    if not cluster.accounts or not enforced & {"associations", "limits", "qos", "safe", "all"}:
        return
    wanted = spec.allocation.account
    if wanted and wanted.lower() not in [name.lower() for name in cluster.account_names]:
        yield (
            f"Account '{wanted}' is not one of yours. Type --account with one of: {', '.join(cluster.account_names)}."
        )
    mine = [a for a in cluster.accounts if (a.name.lower() == wanted.lower() if wanted else a.default)]
    yield from _of_qos_name(spec, cluster, mine, enforced)
    if enforced & {"limits", "safe", "all"}:
        yield from _of_bounds(spec, cluster, mine)


def _of_qos_name(spec: JobSpec, cluster: Cluster, mine: Sequence[Account], enforced: set[str]) -> Iterator[str]:
    wanted = spec.allocation.qos
    if not wanted:
        return
    if cluster.qos and wanted not in [qos.name for qos in cluster.qos]:
        yield f"There is no QOS '{wanted}'. Type --qos with one of: {', '.join(qos.name for qos in cluster.qos)}."
    allowed = list(dict.fromkeys(name for account in mine for name in account.qos))
    if allowed and enforced & {"qos", "all"} and wanted not in allowed:
        yield f"QOS '{wanted}' is not open to your account. Type --qos with one of: {', '.join(allowed)}."


def _of_bounds(spec: JobSpec, cluster: Cluster, mine: Sequence[Account]) -> Iterator[str]:
    name = spec.allocation.qos or next((account.default_qos for account in mine if account.default_qos), "")
    qos = next((qos for qos in cluster.qos if qos.name == name), None)
    places = [(f"QOS '{qos.name}'", qos.max_minutes, qos.max_cores)] if qos else []
    if qos:
        places.append((f"QOS '{qos.name}'", None, qos.max_cores_per_user))
    if len(mine) == 1:  # several are of several partitions
        places.append((f"Account '{mine[0].name}'", mine[0].max_minutes, mine[0].max_cores))
    for who, minutes, cores in places:
        asked = spec.resources.walltime_seconds
        if minutes and asked and asked > minutes * 60:
            yield _too_long(who, asked, minutes)
        wanted = spec.resources.cores * spec.resources.threads
        if cores and wanted > cores:
            most = max(1, cores // spec.resources.threads)
            yield f"{who} gives at most {_cores(cores)}; asked for {wanted:,}. Type --cores {most}."


# -- wording -----------------------------------------------------------------------------------------------------------


def _nodes(count: int) -> str:
    return "1 node" if count == 1 else f"{count:,} nodes"


def _cores(count: int) -> str:
    return "1 core" if count == 1 else f"{count:,} cores"


def _shape(places: Sequence[int]) -> str:
    """Return "of 4" for nodes that are alike, "of 2 to 64" for others."""
    low, high = min(places), max(places)
    return f"of {high}" if low == high else f"of {low} to {high}"


def _memory(megabytes: float | None) -> str:
    value = megabytes or 0.0
    return f"{value / 1024:.3g} GB" if value >= 1024 else f"{value:.0f} MB"


def _megabytes(value: float) -> str:
    whole = int(value)
    return f"{whole // 1024}G" if whole % 1024 == 0 and whole else f"{whole}M"


def _duration(seconds: float) -> str:
    for name, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            value = seconds / size
            return f"{value:.3g} {name}{'' if value == 1 else 's'}"
    return f"{seconds:.3g} seconds"


def _walltime(minutes: float) -> str:
    """Return a limit as --walltime takes it: "1-12:00:00", "2h" or "90m"."""
    seconds = int(minutes * 60)
    days, rest = divmod(seconds, 86400)
    if days:
        return f"{days}-{rest // 3600:02}:{rest % 3600 // 60:02}:{rest % 60:02}"
    if seconds % 3600 == 0:
        return f"{seconds // 3600}h"
    return f"{seconds // 60}m" if seconds % 60 == 0 else f"{seconds}s"
