"""What a cluster offers: its partitions with limits and free cores, and the accounts of the user."""

from __future__ import annotations

import re
from dataclasses import dataclass

from jupyter_featx.schedulers.slurm_records import fields_of, parse_minutes, parse_whole

NODES = ("sinfo", "-h", "-e", "-o", "%R|%D|%T|%c|%m|%C|%G|%f")
PARTITIONS = ("scontrol", "-o", "show", "partition")
CONFIG = ("scontrol", "show", "config")
QOS = ("sacctmgr", "-n", "-P", "show", "qos", "format=Name,MaxWall,MaxTRES,MaxTRESPU")
ACCOUNT_FIELDS = "withassoc", "format=DefaultAccount,Account,Partition,QOS,DefaultQOS,MaxWall,MaxTRES"

_KILO = {"K": 1 / 1024, "M": 1.0, "G": 1024.0, "T": 1024.0**2, "P": 1024.0**3, "": 1.0}


@dataclass(frozen=True)
class NodeGroup:
    """Nodes that are alike, in one state."""

    nodes: int
    state: str
    cores_per_node: int
    memory_per_node_mb: int
    cores_free: int
    gres: str = ""
    features: tuple[str, ...] = ()


@dataclass(frozen=True)
class Partition:
    """One partition; None is no limit, or not known. An empty list of accounts or QOS allows all."""

    name: str
    state: str = "UP"
    default: bool = False
    max_minutes: float | None = None
    default_minutes: float | None = None
    nodes: int = 0
    max_nodes: int | None = None  # for one job
    cores: int = 0
    cores_free: int | None = None
    cores_per_node: int = 0  # of its largest node
    max_cores_per_node: int | None = None  # for one job
    memory_per_node_mb: int = 0  # of its largest node
    max_memory_per_node_mb: float | None = None
    max_memory_per_core_mb: float | None = None
    default_memory_per_core_mb: float | None = None
    allowed_accounts: tuple[str, ...] = ()
    denied_accounts: tuple[str, ...] = ()
    allowed_qos: tuple[str, ...] = ()
    denied_qos: tuple[str, ...] = ()
    qos: str = ""
    gres: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    groups: tuple[NodeGroup, ...] = ()

    @property
    def up(self) -> bool:
        """Whether jobs start in it."""
        return self.state == "UP"

    @property
    def takes_jobs(self) -> bool:
        """Whether jobs can be submitted to it; in one that is DOWN they wait."""
        return self.state in ("UP", "DOWN")


@dataclass(frozen=True)
class Account:
    """An account that the user may charge, perhaps only in one partition."""

    name: str
    default: bool = False
    partition: str = ""
    qos: tuple[str, ...] = ()
    default_qos: str = ""
    max_minutes: float | None = None
    max_cores: int | None = None


@dataclass(frozen=True)
class Qos:
    """The limits of a quality of service for one job, or for all of a user's."""

    name: str
    max_minutes: float | None = None
    max_cores: int | None = None
    max_cores_per_user: int | None = None


@dataclass(frozen=True)
class Cluster:
    """All that there is to know before submitting; what the cluster does not tell is empty."""

    name: str = ""
    version: str = ""
    partitions: tuple[Partition, ...] = ()
    accounts: tuple[Account, ...] = ()
    qos: tuple[Qos, ...] = ()
    enforced: tuple[str, ...] = ()  # of associations, limits, qos: what the accounting insists on

    def partition(self, name: str) -> Partition | None:
        return next((partition for partition in self.partitions if partition.name == name), None)

    @property
    def default_partition(self) -> Partition | None:
        return next((partition for partition in self.partitions if partition.default), None)

    @property
    def account_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(account.name for account in self.accounts))


def parse_nodes(text: str) -> dict[str, list[NodeGroup]]:
    """Return the nodes of each partition in the output of NODES."""
    found: dict[str, list[NodeGroup]] = {}
    for line in text.splitlines():
        fields = [field.strip() for field in line.split("|", 7)]
        if len(fields) < 8 or not fields[0] or not (count := parse_whole(fields[1])):
            continue
        idle = parse_whole(fields[5].split("/")[1]) if fields[5].count("/") == 3 else 0
        group = NodeGroup(
            count,
            re.sub(r"[^a-z]", "", fields[2].lower()),  # "idle~" is one that is switched off until it is needed
            parse_whole(fields[3]) or 0,
            parse_whole(fields[4]) or 0,
            idle or 0,
            _text(fields[6]),
            _list(fields[7]),
        )
        found.setdefault(fields[0], []).append(group)
    return found


def parse_partitions(text: str, nodes: dict[str, list[NodeGroup]]) -> tuple[Partition, ...]:
    """Return the partitions in the output of PARTITIONS, with their nodes."""
    found = (dict(fields_of(line)) for line in text.splitlines() if line.startswith("PartitionName="))
    return tuple(_partition(fields, nodes.get(fields["PartitionName"], [])) for fields in found)


def parse_config(text: str) -> dict[str, str]:
    """Return the settings in the output of CONFIG."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip(): value.strip() for key, _, value in pairs}


def parse_accounts(text: str) -> tuple[Account, ...]:
    """Return the user's accounts in the output of sacctmgr with ACCOUNT_FIELDS."""
    lines = (line.split("|") for line in text.splitlines() if line.count("|") >= 6)
    return tuple(
        Account(
            name=account,
            default=account == default,
            partition=partition,
            qos=_list(qos),
            default_qos=default_qos,
            max_minutes=parse_minutes(wall),
            max_cores=_cpus(tres),
        )
        for default, account, partition, qos, default_qos, wall, tres, *_ in lines
        if account
    )


def parse_qos(text: str) -> tuple[Qos, ...]:
    """Return what is in the output of QOS."""
    lines = (line.split("|") for line in text.splitlines() if line.count("|") >= 3)
    return tuple(
        Qos(name, parse_minutes(wall), _cpus(per_job), _cpus(per_user))
        for name, wall, per_job, per_user, *_ in lines
        if name
    )


def parse_megabytes(text: str) -> float | None:
    """Return megabytes for "4000", "4000M" or "4G", as Slurm writes limits; None for none."""
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)([KMGTP]?)[cn]?", text.strip())
    return float(match[1]) * _KILO[match[2]] if match else None


def _partition(fields: dict[str, str], groups: list[NodeGroup]) -> Partition:
    get = fields.get
    return Partition(
        name=fields["PartitionName"],
        state=get("State", "UP").upper(),
        default=get("Default") == "YES",
        max_minutes=parse_minutes(get("MaxTime", "")),
        default_minutes=parse_minutes(get("DefaultTime", "")),
        nodes=parse_whole(get("TotalNodes", "")) or sum(group.nodes for group in groups),
        max_nodes=parse_whole(get("MaxNodes", "")),
        cores=parse_whole(get("TotalCPUs", "")) or sum(group.nodes * group.cores_per_node for group in groups),
        cores_free=sum(group.cores_free for group in groups) if groups else None,
        cores_per_node=max((group.cores_per_node for group in groups), default=0),
        max_cores_per_node=parse_whole(get("MaxCPUsPerNode", "")) or None,
        memory_per_node_mb=max((group.memory_per_node_mb for group in groups), default=0),
        max_memory_per_node_mb=parse_megabytes(get("MaxMemPerNode", "")) or None,
        max_memory_per_core_mb=parse_megabytes(get("MaxMemPerCPU", "")) or None,
        default_memory_per_core_mb=parse_megabytes(get("DefMemPerCPU", "")) or None,
        allowed_accounts=_allowed(get("AllowAccounts", "")),
        denied_accounts=_allowed(get("DenyAccounts", "")),
        allowed_qos=_allowed(get("AllowQos", "")),
        denied_qos=_allowed(get("DenyQos", "")),
        qos=_text(get("QoS", "")),
        gres=tuple(dict.fromkeys(group.gres for group in groups if group.gres)),
        features=tuple(dict.fromkeys(feature for group in groups for feature in group.features)),
        groups=tuple(groups),
    )


def _allowed(text: str) -> tuple[str, ...]:
    return () if text.upper() == "ALL" else _list(text)


def _list(text: str) -> tuple[str, ...]:
    return tuple(word for word in _text(text).split(",") if word)


def _text(text: str) -> str:
    return "" if text in ("(null)", "N/A", "NONE", "none") else text


def _cpus(tres: str) -> int | None:
    """Return the cores of "cpu=64,mem=100G"."""
    match = re.search(r"(?:^|,)cpu=([0-9]{1,9})(?:,|$)", tres)
    return int(match[1]) if match else None
