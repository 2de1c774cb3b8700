"""The tools: one module each, run as a process of its own, `python -m benchmarks.peers.tools.NAME JOB.json`.

A module has ABOUT, a Tool, and imports the tool itself only where it runs, so that the report needs none of them.
"""

from __future__ import annotations

import importlib
import importlib.util
import platform
import shutil
import subprocess
from dataclasses import dataclass

NAMES = (
    "featx",
    "concurrent_futures",
    "joblib",
    "mpi4py_futures",
    "static_mpi",
    "gnu_parallel",
    "dask",
    "parsl",
    "executorlib",
    "ipyparallel",
    "submitit",
    "hyperqueue",
    "disbatch",
    "plain_loop",
)


@dataclass(frozen=True)
class Tool:
    """What the harness and the report say about a tool."""

    title: str
    distribution: str  # on PyPI; `command:NAME` is asked with --version; `python` is in the standard library
    survives: bool  # the run goes on when an item kills its process
    configuration: str  # how it is used here, and why: one sentence
    startup: float = 1.0  # seconds that a run takes besides the items, for the plan
    reference: bool = False  # no peer: only the cells that name it measure it


def names() -> list[str]:
    """Return the tools that there are."""
    return [name for name in NAMES if importlib.util.find_spec(f"{__name__}.{name}")]


def about(name: str) -> Tool:
    found: Tool = importlib.import_module(f"{__name__}.{name}").ABOUT
    return found


def version(name: str) -> str | None:
    """Return the version of a tool that is installed, else None."""
    import importlib.metadata  # here, for it takes a run 40 ms that are no tool's

    kind, _, command = about(name).distribution.partition(":")
    if kind == "python":
        return platform.python_version()
    if not command:
        try:
            return importlib.metadata.version(kind)
        except importlib.metadata.PackageNotFoundError:
            return None
    if not shutil.which(command):
        return None
    said = subprocess.run([command, "--version"], capture_output=True, text=True, check=False).stdout
    return said.splitlines()[0].split()[-1] if said else "?"
