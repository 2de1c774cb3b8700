"""A process finds out whether it may be a rank: it sees the job, and it is as many as were started.

It loads little, for everything that a rank does next waits for this.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING

from jupyter_featx.errors import JobNotFound, WorldError
from jupyter_featx.jobdir import JobDir
from jupyter_featx.worker.world import World

if TYPE_CHECKING:
    from jupyter_featx.spec import JobSpec

HOME = (
    "Set FEATX_HOME to a folder that every node mounts (in a container: also one that the site's binds mount), "
    "and submit again."
)


def read_spec(job: JobDir) -> JobSpec:
    """Return the job's record. Raises WorldError on a node that does not see the job's folder."""
    try:
        return job.spec()
    except JobNotFound as exc:
        if job.path.is_dir():
            raise
        raise WorldError(f"Node {socket.gethostname()} does not see {job.path}. {HOME}") from exc


def check_size(world: World, job: JobDir, variables: Mapping[str, str] = os.environ) -> None:
    """Raise WorldError, and say so in the job's events, where this process was started as one of more than MPI sees."""
    started, rank = started_together(variables)
    if started <= 1 or world.size > 1:
        return
    from jupyter_featx.environment import mpi_library
    from jupyter_featx.events import Stopped
    from jupyter_featx.worker.herald import native_id

    library = mpi_library() or "no MPI library"
    right = "pmi2" if "MPICH" in library or "Intel" in library else "pmix"
    message = (
        f"{started} processes were started, but MPI ({library}) sees one: each would run the whole dataset. "
        f"Its library and the launcher do not fit: use --mpi={right} (launcher = '{right}' in the site's "
        "configuration), or a mpirun of that library."
    )
    if rank == 0:
        _, log = job.claim_attempt()
        log.append(Stopped(native_id=native_id(), why="error", message=message, done=0, failed=0))
    raise WorldError(message)


def started_together(variables: Mapping[str, str] = os.environ) -> tuple[int, int]:
    """Return how many processes were started together with this one, and which of them it is.

    mpirun's word comes first: under Slurm its processes inherit that of the step that started mpirun's own.
    """
    for size, rank in (
        ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
        ("PMI_SIZE", "PMI_RANK"),
        ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
    ):
        if variables.get(size, "").isdigit():
            return int(variables[size]), int(variables.get(rank) or 0)
    return 1, 0
