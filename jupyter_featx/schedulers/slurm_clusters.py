"""Read what the cluster offers, once in ten minutes; how many cores are free, once in half a minute."""

from __future__ import annotations

import getpass
import os
import pwd
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from jupyter_featx.errors import SchedulerError
from jupyter_featx.schedulers.slurm_cluster import (
    ACCOUNT_FIELDS,
    CONFIG,
    NODES,
    PARTITIONS,
    QOS,
    Account,
    Cluster,
    NodeGroup,
    Qos,
    parse_accounts,
    parse_config,
    parse_megabytes,
    parse_nodes,
    parse_partitions,
    parse_qos,
)
from jupyter_featx.schedulers.slurm_commands import Commands
from jupyter_featx.schedulers.slurm_options import SlurmOptions


class ClusterReader:
    """Remembers what it read; what cannot be read, but for the partitions, is left empty."""

    def __init__(self, commands: Commands, options: SlurmOptions) -> None:
        self._commands = commands
        self._options = options
        self._lock = threading.Lock()
        self._cluster: Cluster | None = None
        self._partitions = ""  # as scontrol printed them
        self._config: dict[str, str] = {}
        self._nodes_read = self._limits_read = float("-inf")

    def limits(self) -> Cluster:
        """Return the cluster with limits that are believed for minutes. Raises SchedulerError."""
        with self._lock:
            return self._limits()

    def now(self) -> Cluster:
        """Return the cluster with the cores that are free now. Raises SchedulerError."""
        with self._lock:
            cluster = self._limits()
            if time.monotonic() - self._nodes_read >= self._options.nodes_seconds:
                nodes = self._nodes()
                if nodes:
                    cluster = replace(cluster, partitions=parse_partitions(self._partitions, nodes))
                    self._cluster = _with_defaults(cluster, self._config)
            return self._cluster or cluster

    def _limits(self) -> Cluster:
        if self._cluster and time.monotonic() - self._limits_read < self._options.limits_seconds:
            return self._cluster
        self._partitions = self._commands.run(*PARTITIONS)
        self._config = parse_config(self._try(CONFIG))
        accounts, qos = self._accounting()
        cluster = Cluster(
            name=self._config.get("ClusterName", ""),
            version=self._config.get("SLURM_VERSION", ""),
            partitions=parse_partitions(self._partitions, self._nodes()),
            accounts=accounts,
            qos=qos,
            enforced=tuple(self._config.get("AccountingStorageEnforce", "").split(",")),
        )
        self._limits_read = time.monotonic()
        self._cluster = _with_defaults(cluster, self._config)
        return self._cluster

    def _accounting(self) -> tuple[tuple[Account, ...], tuple[Qos, ...]]:
        if self._config.get("AccountingStorageType", "").endswith("none"):
            return (), ()
        user = self._user()
        accounts = parse_accounts(self._try(("sacctmgr", "-n", "-P", "show", "user", user, *ACCOUNT_FIELDS)))
        return accounts, parse_qos(self._try(QOS))

    def _nodes(self) -> dict[str, list[NodeGroup]]:
        self._nodes_read = time.monotonic()
        return parse_nodes(self._try(NODES))

    def _user(self) -> str:
        """Return our name on the cluster."""
        if self._commands.remote:
            return self._try(("id", "-un")).strip()
        try:
            return pwd.getpwuid(os.getuid()).pw_name
        except KeyError:  # a container need not know its users
            return getpass.getuser()

    def _try(self, command: Sequence[str]) -> str:
        try:
            return self._commands.run(*command)
        except SchedulerError:
            return ""


def _with_defaults(cluster: Cluster, config: dict[str, str]) -> Cluster:
    """Give the partitions the memory limits that hold for all where they have none of their own."""
    most = parse_megabytes(config.get("MaxMemPerCPU", ""))
    default = parse_megabytes(config.get("DefMemPerCPU", ""))
    return replace(
        cluster,
        partitions=tuple(
            replace(
                partition,
                max_memory_per_core_mb=partition.max_memory_per_core_mb or most,
                default_memory_per_core_mb=partition.default_memory_per_core_mb or default,
            )
            for partition in cluster.partitions
        ),
    )
