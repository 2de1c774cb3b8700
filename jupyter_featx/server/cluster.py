"""Where jobs can run, within which limits, and which options there are: what the submit form offers."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from importlib import metadata
from typing import TYPE_CHECKING, Any

from jupyter_featx.arguments import VERBS, Option
from jupyter_featx.cluster import NO_SLURM, Overview, machine, overview
from jupyter_featx.config import Config, load
from jupyter_featx.errors import FeatxError
from jupyter_featx.manager import Manager
from jupyter_featx.options import SubmitOptions
from jupyter_featx.server.snapshots import Shown

if TYPE_CHECKING:
    from jupyter_featx.schedulers.slurm_cluster import Partition

_KINDS = {"DURATION": "duration", "MEMORY": "memory", "N": "number", "": "flag"}
_SUBMITS = ("dry_run",)  # has a route of its own


def cluster() -> dict[str, Any]:
    """Return the schedulers with their partitions and the site's limits; what does not answer says why."""
    try:
        config, found, problem = load(), overview(), ""
    except FeatxError as exc:  # a mistake in the configuration: what this machine is can be said all the same
        config, found, problem = Config(), Overview(machine(), "local", NO_SLURM), str(exc)
    others = [] if found.message == NO_SLURM else [_scheduler("slurm", found.message, found)]
    return {
        "cores": found.machine.cores,
        "memory_mb": round(found.machine.memory_mb),
        "default": found.default,
        "schedulers": [_scheduler("local", problem), *others],
        "limits": {name: asdict(limits) for name, limits in config.limits.items()},
    }


def _scheduler(name: str, message: str, found: Overview | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "reachable": name == "local" or not message,
        "message": message,
        "partitions": [_partition(partition) for partition in found.partitions] if found else [],
        "accounts": list(found.accounts) if found else [],
    }


def _partition(found: Partition) -> dict[str, Any]:
    return {
        "name": found.name,
        "default": found.default,
        "max_seconds": _seconds(found.max_minutes),
        "default_seconds": _seconds(found.default_minutes),
        "nodes": found.nodes,
        "max_nodes": found.max_nodes,
        "cores_per_node": min(found.cores_per_node, found.max_cores_per_node or found.cores_per_node),
        "memory_per_node_mb": found.memory_per_node_mb,
        "cores": found.cores,
        "free_cores": found.cores_free,
        "up": found.state == "UP",
    }


def _seconds(minutes: float | None) -> float | None:
    return None if minutes is None else minutes * 60


def configuration(manager: Manager, shown: Shown) -> dict[str, Any]:
    """Return the options of submit and retry, with the defaults of the site and the user. Raises ConfigError."""
    config = load()
    own = {field.name: field.default for field in fields(SubmitOptions)}
    own = {name: list(value) if isinstance(value, tuple) else value for name, value in own.items()}
    submit = [option for option in VERBS["submit"][2] if option.submit and option.name not in _SUBMITS]
    retry = [option for option in VERBS["retry"][2] if option.submit]
    defaults = {"scheduler": config.scheduler, **config.defaults}
    return {
        "version": _version(),
        "home": str(manager.root),
        "root": str(shown.root),
        "python": sys.executable,
        "options": _options(submit, own),
        "retry_options": _options(retry, {}),
        "defaults": _plain(defaults),
        "profiles": {name: _plain(profile) for name, profile in config.profiles.items()},
    }


def _options(found: Iterable[Option], own: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": option.name,
            "flag": option.flag,
            "kind": "list" if option.many else _KINDS.get(option.metavar, "text"),
            "default": own.get(option.name),
            "help": option.help,
            "metavar": option.metavar,
        }
        for option in found
    ]


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _version() -> str:
    try:
        return metadata.version("jupyter_featx")
    except metadata.PackageNotFoundError:
        return "0"
