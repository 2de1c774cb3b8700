"""Find what starts several ranks on this machine."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path


def find_launcher(ranks: int) -> list[str]:
    """Return the words before `python -m mpi4py`, or nothing where one rank is all that is asked for or possible.

    The mpirun beside our Python comes first: it belongs to the MPI library that mpi4py finds there.
    """
    if ranks < 2 or importlib.util.find_spec("mpi4py") is None:
        return []
    beside = str(Path(sys.executable).parent)
    mpirun = next((found for name in ("mpiexec", "mpirun") if (found := shutil.which(name, path=beside))), None)
    mpirun = mpirun or shutil.which("mpirun") or shutil.which("mpiexec")
    return [mpirun, "-n", str(ranks)] if mpirun else []
