"""What one rank says to `featx doctor`: `python -m mpi4py -m jupyter_featx.worker.hello FOLDER NAME`.

It writes what it is before it sends anything, and afterwards that the message came: one that hangs is seen as that.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

_MEGABYTES = 8  # where several ranks share a node, messages over about one hang first
_SECONDS = 15


def main(folder: str, name: str) -> None:
    """Write who this rank is, then how long a large message took."""
    from mpi4py import MPI

    world = MPI.COMM_WORLD
    about = {
        **_about(),
        "rank": world.Get_rank(),
        "size": world.Get_size(),
        "mpi": MPI.Get_library_version().strip("\0\n "),
    }
    path = Path(folder, f"{name}-{about['rank'] or os.environ.get('SLURM_PROCID', '0')}.json")
    _write(path, about)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_SECONDS)  # ends a rank that waits inside MPI, where no Python handler runs
    begun = time.monotonic()
    _exchange(MPI, world)
    _write(path, {**about, "message_seconds": round(time.monotonic() - begun, 4)})
    signal.alarm(0)


def _exchange(mpi: Any, world: Any) -> None:
    """Send a large message around all the ranks."""
    if world.Get_size() < 2:
        return
    sent, received = bytearray(_MEGABYTES << 20), bytearray(_MEGABYTES << 20)
    sent[-1] = 7
    after, before = (world.Get_rank() + 1) % world.Get_size(), (world.Get_rank() - 1) % world.Get_size()
    world.Sendrecv([sent, mpi.BYTE], dest=after, recvbuf=[received, mpi.BYTE], source=before)
    if received[-1] != 7:
        raise ValueError("the message came damaged")


def _about() -> dict[str, Any]:
    return {
        "host": os.environ.get("SLURMD_NODENAME") or socket.gethostname(),
        "user": os.getuid(),
        "python": platform.python_version(),
        "executable": sys.executable,
        "featx": _version(),
        "container": os.environ.get("APPTAINER_CONTAINER") or os.environ.get("SINGULARITY_CONTAINER") or "",
    }


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("jupyter_featx")
    except metadata.PackageNotFoundError:
        return ""


def _write(path: Path, about: dict[str, Any]) -> None:
    aside = path.with_suffix(".tmp")
    aside.write_text(json.dumps(about))
    aside.replace(path)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
