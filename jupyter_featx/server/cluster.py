"""Where jobs can run, within which limits, and which options there are: what the submit form offers."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import fields
from importlib import metadata
from typing import Any

from jupyter_featx.arguments import VERBS, Option
from jupyter_featx.config import load
from jupyter_featx.errors import FeatxError
from jupyter_featx.manager import Manager
from jupyter_featx.options import SubmitOptions
from jupyter_featx.server.snapshots import Shown

_KINDS = {"DURATION": "duration", "MEMORY": "memory", "N": "number", "": "flag"}
_SUBMITS = ("dry_run",)  # has a route of its own


def cluster(manager: Manager) -> dict[str, Any]:
    """Return the schedulers with their partitions; one that does not answer says why."""
    try:
        default, message = load().scheduler, ""
    except FeatxError as exc:
        default, message = "local", str(exc)
    here = {"name": "local", "reachable": True, "message": message, "partitions": [], "accounts": []}
    others = [_scheduler(manager, default)] if default != "local" else []
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    cores = len(os.sched_getaffinity(0))
    return {"cores": cores, "memory_mb": pages, "default": default, "schedulers": [here, *others]}


def _scheduler(manager: Manager, name: str) -> dict[str, Any]:
    facts: dict[str, Any] = {"name": name, "reachable": False, "message": "", "partitions": [], "accounts": []}
    try:
        found: Any = manager.scheduler(name).cluster()  # type: ignore[attr-defined]  # each but `local` has it
    except FeatxError as exc:
        return facts | {"message": str(exc)}
    default = getattr(found, "default_partition", "")
    partitions = [_partition(partition, default) for partition in found.partitions]
    return facts | {"reachable": True, "partitions": partitions, "accounts": list(found.accounts)}


def _partition(found: Any, default: str) -> dict[str, Any]:
    """Return a partition as it is offered; what the cluster does not say is no limit."""

    def of(*names: str, otherwise: Any = None) -> Any:
        values = (getattr(found, name, None) for name in names)
        return next((value for value in values if value is not None), otherwise)

    return {
        "name": found.name,
        "default": bool(of("default", otherwise=found.name == default)),
        "max_seconds": of("max_seconds", "max_walltime_seconds"),
        "default_seconds": of("default_seconds", "default_walltime_seconds"),
        "nodes": of("nodes", "total_nodes", otherwise=0),
        "max_nodes": of("max_nodes"),
        "cores_per_node": of("cores_per_node", otherwise=0),
        "memory_per_node_mb": of("memory_per_node_mb", otherwise=0),
        "cores": of("cores", "total_cores", otherwise=0),
        "free_cores": of("free_cores"),
        "up": bool(of("up", otherwise=True)),
    }


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
