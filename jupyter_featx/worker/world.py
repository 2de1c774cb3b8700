"""The ranks' mailboxes: MPI where there are several ranks, plain memory where there is one.

Only small messages travel here: leases of item numbers, and counts. No row does.
"""

from __future__ import annotations

import json
import os
import time
from collections import deque
from typing import Any, Protocol

from jupyter_featx.errors import FeatxError
from jupyter_featx.worker.exchange import Exchange

Message = dict[str, Any]
_TAG = 0  # other tags are the exchange's, which may still be on its way


class World(Protocol):
    """What a rank needs to know of the others."""

    rank: int
    size: int

    def send(self, destination: int, message: Message) -> None: ...
    def receive(self) -> list[tuple[int, Message]]: ...
    def flush(self, seconds: float) -> None: ...
    def abort(self) -> None: ...


class Solo:
    """One rank, without MPI."""

    rank, size = 0, 1

    def __init__(self) -> None:
        self._letters: deque[tuple[int, Message]] = deque()

    def send(self, destination: int, message: Message) -> None:
        self._letters.append((destination, message))

    def receive(self) -> list[tuple[int, Message]]:
        letters, self._letters = list(self._letters), deque()
        return letters

    def flush(self, seconds: float) -> None:
        return

    def abort(self) -> None:
        os._exit(1)


class MpiWorld:
    """The ranks of MPI's COMM_WORLD; every call returns at once, so that no rank ever waits inside MPI."""

    def __init__(self) -> None:
        from mpi4py import MPI

        self._mpi = MPI
        self._comm = MPI.COMM_WORLD
        self.rank, self.size = self._comm.Get_rank(), self._comm.Get_size()
        self._own = Solo()
        self._sending: deque[tuple[Any, bytes]] = deque()

    def send(self, destination: int, message: Message) -> None:
        if destination == self.rank:
            self._own.send(destination, message)
            return
        data = json.dumps(message, separators=(",", ":")).encode()
        # MPI reads the buffer until the request is done, so it is kept beside it.
        self._sending.append((self._comm.Isend([data, self._mpi.BYTE], dest=destination, tag=_TAG), data))

    def receive(self) -> list[tuple[int, Message]]:
        while self._sending and self._sending[0][0].Test():
            self._sending.popleft()
        letters = self._own.receive()
        status = self._mpi.Status()
        while self._comm.Iprobe(tag=_TAG, status=status):
            data = bytearray(status.Get_count(self._mpi.BYTE))
            self._comm.Recv([data, self._mpi.BYTE], source=status.Get_source(), tag=_TAG)
            letters.append((status.Get_source(), json.loads(data)))
        return letters

    def flush(self, seconds: float) -> None:
        """Give the last messages a moment to leave."""
        deadline = time.monotonic() + seconds
        while self._sending and time.monotonic() < deadline:
            if self._sending[0][0].Test():
                self._sending.popleft()
            else:
                time.sleep(0.001)

    def abort(self) -> None:
        self._comm.Abort(1)

    def exchange(self) -> Exchange:
        """Return what talks beside the mailboxes, before they are used."""
        return Exchange(self._comm, self._mpi)


def join() -> World:
    """Return the world that this process was started in. Raises FeatxError when mpirun and mpi4py do not fit."""
    variables = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK", "MPI_LOCALNRANKS")
    if not any(name in os.environ for name in variables):
        return Solo()
    world = MpiWorld()
    started = os.environ.get("OMPI_COMM_WORLD_SIZE") or os.environ.get("PMI_SIZE") or "1"
    if int(started) > 1 and world.size == 1:
        raise FeatxError(
            f"mpirun started {started} processes, but mpi4py sees one: it is built for another MPI library. "
            "Use the mpirun of that library, or install mpi4py for this one."
        )
    return world
