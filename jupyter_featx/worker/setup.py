"""What a rank hands to its nursery and its workers: descriptors, limits, and a clean environment."""

from __future__ import annotations

import os
import struct
from typing import NamedTuple

HIGH = 500  # our own descriptors stand up here, where an item's open() and close() do not reach by accident
HEADER = struct.Struct("<qI")  # before each chunk: sequence number of its first item, how many items

_MPI_VARIABLES = ("OMPI_", "PMIX_", "PMI_", "MPIR_", "HYDRA_", "HYDI_", "PRTE_", "MPI_LOCAL", "MPIEXEC_")
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "RAYON_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "NUMBA_NUM_THREADS",
)


class Setup(NamedTuple):
    """Goes as JSON on the nursery's command line; the lists of descriptors go by worker number."""

    job: str
    workdir: str
    control: int
    slots: int
    tasks: list[int]
    rows: list[int]
    outputs: list[int]
    threads: int
    item_timeout_seconds: float | None
    item_memory_mb: float | None


def clean_environment(threads: int) -> dict[str, str]:
    """Return the environment of the user's functions: no MPI to join, and as many threads as asked for.

    String hashes are fixed too, so that the order of a set is the same in every worker.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_MPI_VARIABLES)}
    threaded = dict.fromkeys(_THREAD_VARIABLES, str(threads))
    return kept | threaded | {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
