"""Choose how to speak with Slurm: by its library where that fits the cluster, else by the commands."""

from __future__ import annotations

import importlib
import importlib.util
import re
import subprocess
import sys

from jupyter_featx.errors import SchedulerError
from jupyter_featx.schedulers.slurm_commands import Commands, SlurmMissing
from jupyter_featx.schedulers.slurm_options import SlurmOptions
from jupyter_featx.schedulers.slurm_pyslurm import PyslurmTransport
from jupyter_featx.schedulers.slurm_transport import CommandTransport, Transport

_PROBE_SECONDS = 30.0


def choose(options: SlurmOptions, commands: Commands, by_command: CommandTransport) -> Transport:
    """Return the transport that the options name, or the one that fits. Raises SchedulerError."""
    if options.transport not in ("auto", "commands", "pyslurm"):
        raise SchedulerError(f"transport={options.transport!r} is not known. Choose auto, commands or pyslurm.")
    if options.transport == "commands" or (options.transport == "auto" and options.prefix):
        return by_command
    reason = _unfit(commands)
    if not reason:
        return PyslurmTransport(importlib.import_module("pyslurm"), by_command)
    if options.transport == "pyslurm":
        raise SchedulerError(f'pyslurm cannot be used: {reason}. Set transport = "auto" to use Slurm\'s commands.')
    return by_command


def _unfit(commands: Commands) -> str:
    """Say why pyslurm cannot be used; "" where it can."""
    if "pyslurm" not in sys.modules and importlib.util.find_spec("pyslurm") is None:
        return "it is not installed"
    ours = _pyslurm_version()
    if not ours:
        return "it cannot be imported here"
    try:
        theirs = _release(commands.run("sinfo", "-V"))
    except SlurmMissing:
        return ""  # it is the only way
    except SchedulerError as exc:
        return f"the cluster's version is not known ({exc})"
    return "" if ours == theirs else f"it is for Slurm {ours}, and the cluster has {theirs or 'another'}"


def _pyslurm_version() -> str:
    """Return pyslurm's release, "25.11"; "" where it cannot be imported.

    It is tried in another process: with a wrong library or configuration the import ends the process, with no error.
    """
    program = "import pyslurm; print(pyslurm.__version__)"
    try:
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            timeout=_PROBE_SECONDS,
            stdin=subprocess.DEVNULL,
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return _release(done.stdout) if done.returncode == 0 else ""


def _release(text: str) -> str:
    match = re.search(r"\b([0-9]{2})\.([0-9]{1,2})\b", text)
    return f"{match[1]}.{int(match[2]):02}" if match else ""
