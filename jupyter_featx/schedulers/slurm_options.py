"""How a site's Slurm is reached: plain values, so that a configuration file can hold them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SlurmOptions:
    """The words before every command, the transport, and how often Slurm may be asked.

    `prefix` is for a notebook that has no Slurm client: ("ssh", "login01"). `transport` is auto, commands or pyslurm.
    """

    prefix: tuple[str, ...] = ()
    transport: str = "auto"
    poll_seconds: float = 10.0
    quiet_poll_seconds: float = 60.0  # while nothing changes for long
    timeout_seconds: float = 15.0  # then a command counts as unanswered
    submit_seconds: float = 60.0  # sbatch itself tries again while the controller is busy
    grace_seconds: float = 60.0  # for a run that was just submitted to show up in the queue
    limits_seconds: float = 600.0  # how long partitions, limits and accounts are believed
    nodes_seconds: float = 30.0  # how long the number of free cores is believed
    accounting_seconds: float = 600.0  # how long accounting that is not there is not asked again
