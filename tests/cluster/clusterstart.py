"""Start the cluster where it does not run, with what it needs on this machine."""

from __future__ import annotations

import subprocess

from daemons import TestbedError
from people import PROJECT

INSTALL_SECONDS = 1800  # a machine that has no Slurm yet installs it


def start_cluster(seconds: float = INSTALL_SECONDS) -> None:
    """Start what is missing of the cluster. Raises TestbedError that says why it does not start."""
    done = subprocess.run(
        [PROJECT / ".ci/testbed", "start"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
    )
    if done.returncode:
        raise TestbedError(f"the cluster does not start:\n{done.stdout[-3000:]}")
