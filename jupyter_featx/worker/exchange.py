"""Talk to other ranks before anything is known of them: every call returns at once, every wait has an end.

On tags of its own, so that nothing of it is ever taken for a message of the job.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

LARGE_BYTES = 2 << 20  # what passes in small messages can hang from 1 MB on; see worldcheck
_LARGE_TAG, _TROUBLE_TAG, _PAUSE = 7100, 7104, 0.0005
_WINDOW = 16  # so many large messages under way at once: memory and network are others', too


class Timing(NamedTuple):
    """How long to wait, in seconds."""

    file: float = 10.0  # for a file to be seen on another node: NFS keeps what it knows for some seconds
    answer: float = 40.0  # for every rank's first words
    large: float = 30.0  # for the next of the large messages
    verdict: float = 600.0  # for rank 0, which has all the other ranks to ask


TIMING = Timing()


class Exchange:
    """One rank's side of the talk. `library` is the mpi4py module, `comm` its communicator."""

    def __init__(self, comm: Any, library: Any) -> None:
        self._comm, self._byte, self._status, self._error = comm, library.BYTE, library.Status, library.Exception
        self.rank, self.size = comm.Get_rank(), comm.Get_size()
        self._sending: list[tuple[Any, object]] = []  # requests, and the buffers that MPI reads until they are done
        self._kept: object = None

    def tell(self, rank: int, tag: int, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode()
        self._sending.append((self._comm.Isend([data, self._byte], dest=rank, tag=tag), data))

    def hear(self, tag: int, count: int, seconds: float) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield sender and message of up to `count` ranks; fewer when the time is over."""
        deadline = time.monotonic() + seconds
        coming: list[tuple[int, Any, bytearray]] = []
        while count and time.monotonic() < deadline:
            status = self._status()
            while self._comm.Iprobe(tag=tag, status=status):
                data = bytearray(status.Get_count(self._byte))
                request = self._comm.Irecv([data, self._byte], source=status.Get_source(), tag=tag)
                coming.append((status.Get_source(), request, data))
            whole = [letter for letter in coming if letter[1].Test()]
            for sender, _, data in whole:
                yield sender, json.loads(data)
            coming = [letter for letter in coming if letter not in whole]
            count -= len(whole)
            self._progress()

    def _progress(self) -> None:
        self._sending = [pair for pair in self._sending if not pair[0].Test()]
        time.sleep(_PAUSE)

    def silent(self, seconds: float) -> list[int]:
        """Send a large message to every other rank and back; return those from which none came back in time.

        Whoever is asked answers at once, so `seconds` of silence from all of them is the end. Some MPI libraries hang
        at what they cannot do, others raise an error, on either side.
        """
        data = bytearray(LARGE_BYTES)
        waiting: list[int] = list(range(1, self.size))
        open_now: dict[int, tuple[Any, Any, bytearray]] = {}
        self._kept = (open_now, data)  # MPI may write into what never came, as long as we live
        deadline = time.monotonic() + seconds
        while (waiting or open_now) and time.monotonic() < deadline:
            while waiting and len(open_now) < _WINDOW:
                rank, answer = waiting.pop(0), bytearray(LARGE_BYTES)
                receiving = self._comm.Irecv([answer, self._byte], source=rank, tag=_LARGE_TAG)
                open_now[rank] = (receiving, self._comm.Isend([data, self._byte], dest=rank, tag=_LARGE_TAG), answer)
            try:
                for rank, (receiving, sending, _) in list(open_now.items()):
                    if receiving.Test() and sending.Test():
                        del open_now[rank]
                        deadline = time.monotonic() + seconds
                if self._comm.Iprobe(tag=_TROUBLE_TAG):
                    break
            except self._error as exc:
                print(f"jupyter-featx: a large MPI message failed: {exc}", file=sys.stderr, flush=True)
                break
            self._progress()
        return sorted([*open_now, *waiting])

    def echo(self, seconds: float) -> None:
        """Send rank 0's large message back, when it comes; tell it when that cannot be."""
        try:
            self._echo(seconds)
        except self._error as exc:
            print(f"jupyter-featx: a large MPI message failed: {exc}", file=sys.stderr, flush=True)
            self.tell(0, _TROUBLE_TAG, {})

    def _echo(self, seconds: float) -> None:
        data = bytearray(LARGE_BYTES)
        request = self._comm.Irecv([data, self._byte], source=0, tag=_LARGE_TAG)
        self._kept = (request, data)
        deadline = time.monotonic() + seconds
        while not request.Test():
            self._progress()
            if time.monotonic() > deadline:
                return
        back = self._comm.Isend([data, self._byte], dest=0, tag=_LARGE_TAG)
        self._kept = (back, data)
        while not back.Test() and time.monotonic() < deadline:
            self._progress()

    def flush(self, seconds: float) -> None:
        """Give the last messages a moment to leave."""
        deadline = time.monotonic() + seconds
        while self._sending and time.monotonic() < deadline:
            self._progress()
