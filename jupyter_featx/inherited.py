"""What a job must not inherit of the process that submits it: tokens, and another MPI or Slurm run."""

from __future__ import annotations

import os

# What a notebook server hands to its kernels must not reach a job: tokens, and a door back to the server.
DROPPED_VARIABLES = (
    "JPY_API_TOKEN",
    "JPY_PARENT_PID",
    "JPY_SESSION_NAME",
    "JUPYTERHUB_API_TOKEN",
    "JUPYTERHUB_OAUTH_ACCESS_SCOPES",
    "JUPYTERHUB_OAUTH_SCOPES",
    "JUPYTER_SERVER_URL",
    "JUPYTER_TOKEN",
    "MPLBACKEND",
)

# A rank must not join the MPI or Slurm run that the notebook server itself may be a part of.
DROPPED_PREFIXES = ("OMPI_", "PMIX_", "PMI_", "PRTE_", "MPI_LOCAL", "HYDRA_", "HYDI_", "SLURM_")


# In a batch script the variables that Slurm has set are its own run's.
BATCH_PREFIXES = tuple(prefix for prefix in DROPPED_PREFIXES if prefix != "SLURM_")


def without_tokens() -> dict[str, str]:
    """Return this process's environment without what opens the notebook server."""
    return {name: value for name, value in os.environ.items() if name not in DROPPED_VARIABLES}


def clean_environment() -> dict[str, str]:
    """Return what a process of ours, started without the script, may see of this one's environment."""
    dropped = {"FEATX_NATIVE_ID", *DROPPED_VARIABLES}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(DROPPED_PREFIXES)}
    return {name: value for name, value in kept.items() if name not in dropped}
