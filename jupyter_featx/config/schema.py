"""Every table and key that a configuration file may have, with the check of its value: the one list of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from jupyter_featx.config import checks
from jupyter_featx.config.checks import Check


@dataclass(frozen=True)
class Location:
    """Marks a value that is a path."""


PATH = Location()


@dataclass(frozen=True)
class Table:
    """A table with these keys; where `entry` is given it takes any name that passes `name`, and is a map."""

    keys: Mapping[str, Check | Location | Table] = field(default_factory=dict)
    entry: Check | Location | Table | None = None
    name: Check = checks.line


_WORD = checks.text(r"\w[\w.,:+-]{0,127}", "letters, digits and any of . , : + - _")
_NAME = checks.text(r"\w[\w.-]{0,63}", "a name of letters, digits and any of . - _", re.UNICODE)
_FEATURES = checks.text(r"[\w([][\w.,:+&|*()\[\]=-]{0,199}", 'features of nodes, such as "avx512" or "a100|h100"')
_MAIL = checks.text(r"[\w.%+][\w.%+-]*(@[\w.-]+)?", 'an address, such as "kim@example.org"')
_VARIABLE = checks.text(r"[A-Za-z_][A-Za-z0-9_]*\*?", "the name of a variable; a * may end it")
_MODULE = checks.text(r"[\w][\w./+:@-]{0,127}", 'a module\'s name, such as "gcc/13"')
_RUNTIME = checks.one_of("apptainer", "singularity")
_POLICY = checks.one_of("strict", "warn", "off")
_SCHEDULER = checks.one_of("local", "slurm")

# The options of submit that a site or a user can preset. A test compares them with `SubmitOptions`.
OPTIONS: Mapping[str, Check] = {
    "cores": checks.cores,
    "threads": checks.whole(1, 10_000),
    "walltime": checks.duration,
    "memory_per_core": checks.memory,
    "jobs": checks.whole(1, 10_000),
    "max_attempts": checks.whole(1, 100_000),
    "scheduler": _SCHEDULER,
    "partition": _WORD,
    "account": _WORD,
    "qos": _WORD,
    "constraint": _FEATURES,
    "reservation": _WORD,
    "gres": checks.text(r"\w[\w.,:+=()-]{0,127}", 'generic resources, such as "gpu:1"'),
    "exclusive": checks.switch,
    "nice": checks.whole(-2_147_483_645, 2_147_483_645),
    "mail": _MAIL,
    "directives": checks.listed(checks.directive),
    "container": checks.line,
    "environment": _POLICY,
    "item_timeout": checks.duration,
    "item_memory": checks.memory,
    "max_failures": checks.whole(0),
    "pattern": checks.line,
    "recursive": checks.switch,
    "column": checks.line,
    "preflight": checks.switch,
}

SCHEMA = Table(
    {
        "scheduler": _SCHEDULER,
        "slurm": Table(
            {
                "prefix": checks.listed(checks.line),
                "transport": checks.one_of("auto", "commands", "pyslurm"),
                "poll_seconds": checks.number(0.1, 3600),
                "timeout_seconds": checks.number(1, 600),
            }
        ),
        "site": Table(
            {
                "launcher": checks.one_of("", "pmix", "pmi2", "mpirun", "container"),
                "mpirun": checks.listed(checks.line),
                "modules": checks.listed(_MODULE),
                "setup": checks.lines,
                "templates": PATH,
            }
        ),
        "container": Table(
            {
                "image": PATH,
                "runtime": _RUNTIME,
                "binds": checks.listed(checks.bind),
                "drop": checks.listed(_VARIABLE),
                "images": Table(entry=PATH),
            }
        ),
        "environment": Table({"policy": _POLICY}),
        "defaults": Table({**OPTIONS, "profile": _NAME}),
        "profiles": Table(entry=Table(OPTIONS), name=_NAME),
        "limits": Table(
            entry=Table(
                {
                    "max_cores": checks.whole(1),
                    "max_walltime": checks.seconds,
                    "max_memory_per_core": checks.megabytes,
                }
            ),
            name=_NAME,
        ),
    }
)
