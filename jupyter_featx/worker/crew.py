"""The workers of one rank: give them items, take their rows, know who holds what when one dies."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import selectors
import socket
import subprocess
import sys
import time
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from jupyter_featx.errors import FeatxError
from jupyter_featx.jobdir import JobDir
from jupyter_featx.worker.setup import HEADER, HIGH, Setup, clean_environment
from jupyter_featx.worker.slots import Slots
from jupyter_featx.worker.surroundings import kill_children

_PIPE_BYTES = 1 << 18  # holds some thousand rows while the rank looks elsewhere
_PIPE_SIZE = 1032  # F_GETPIPE_SZ
_READ_BYTES = 1 << 20
_MAX_CHUNK = 4096
_CHUNKS = 3  # that may wait in the pipe of a worker


@dataclass(frozen=True)
class Death:
    """How a worker ended, and the item it was running (-1: none)."""

    worker: int
    item: int
    status: int
    why: str
    seconds: float
    line: int
    function: str
    stillborn: bool  # it never began an item


@dataclass
class Worker:
    """What a rank knows of one worker. `given` holds chunks: (sequence number of the first item, items)."""

    number: int
    tasks: int
    rows: int
    output: int
    alive: bool = False
    given: deque[tuple[int, array[int]]] = field(default_factory=deque)
    end: int = 0  # sequence number after the last item given
    limit: int = 0
    recalled: bool = False  # items were taken back, and the worker has not passed their numbers yet
    born: int = 0  # `end` when its process was forked
    torn: list[bytes] = field(default_factory=list)
    last_row: int = -1


class Crew:
    """Spawns the nursery and speaks for it; the rank's loop owns the selector."""

    def __init__(self, job: JobDir, count: int, setup: dict[str, Any], log: int) -> None:
        allow_descriptors(HIGH + 8 * count)
        self.slots = Slots.create(count)
        self.workers: list[Worker] = []
        inner: dict[str, list[int]] = {"tasks": [], "rows": [], "outputs": []}
        for number in range(count):
            tasks_read, tasks = os.pipe2(os.O_CLOEXEC)
            rows, rows_write = _pipe()
            output, output_write = _pipe()
            self.workers.append(Worker(number, tasks, rows, output))
            for name, descriptor in zip(inner, (tasks_read, rows_write, output_write), strict=True):
                inner[name].append(descriptor)
        self.max_chunk = chunk_that_fits(worker.tasks for worker in self.workers)
        self.control, theirs = socket.socketpair()
        record = Setup(
            job=str(job.path),
            control=theirs.fileno(),
            slots=self.slots.descriptor,
            tasks=inner["tasks"],
            rows=inner["rows"],
            outputs=inner["outputs"],
            **setup,
        )
        passed = [theirs.fileno(), self.slots.descriptor, *inner["tasks"], *inner["rows"], *inner["outputs"]]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jupyter_featx.worker.nursery", json.dumps(record._asdict())],
            pass_fds=passed,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # a signal to our group is ours to obey: we tell the nursery
            cwd="/",  # `python -m` puts this folder first on the path: it must be nobody's
            env=clean_environment(record.threads),
        )
        theirs.close()
        for descriptor in (*inner["tasks"], *inner["rows"], *inner["outputs"]):
            os.close(descriptor)
        self._unread = b""

    def register(self, selector: selectors.BaseSelector) -> None:
        selector.register(self.control, selectors.EVENT_READ, ("control", None))
        for worker in self.workers:
            selector.register(worker.rows, selectors.EVENT_READ, ("rows", worker))
            selector.register(worker.output, selectors.EVENT_READ, ("output", worker))

    def messages(self) -> Iterator[dict[str, Any]]:
        """Yield what the nursery says; its silence for ever is {"gone": status}."""
        try:
            received = self.control.recv(1 << 16)
        except OSError:
            received = b""
        if not received:
            yield {"gone": self._process.wait()}
            return
        *lines, self._unread = (self._unread + received).split(b"\n")
        yield from map(json.loads, lines)

    def start(self, worker: Worker) -> None:
        """Ask for a fresh process; items given to the old one are the caller's to give again."""
        worker.given.clear()
        worker.limit = worker.born = worker.end
        worker.recalled = False
        worker.torn = []
        self._drain_tasks(worker)
        self.slots.reset(worker.number, worker.end)
        with contextlib.suppress(OSError):  # a nursery that is gone is noticed when it is listened to
            self.control.sendall(json.dumps({"fork": worker.number}).encode() + b"\n")
        worker.alive = True

    def _drain_tasks(self, worker: Worker) -> None:
        """Throw away chunks that the dead worker did not read. Linux lets us open the pipe's other end by name."""
        with contextlib.suppress(OSError):
            reader = os.open(f"/proc/self/fd/{worker.tasks}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                while os.read(reader, _READ_BYTES):
                    pass
            finally:
                os.close(reader)

    def give(self, worker: Worker, items: array[int]) -> None:
        """Queue a chunk for a worker."""
        first, worker.end = worker.end, worker.end + len(items)
        worker.given.append((first, items))
        worker.limit = worker.end
        self.slots.limit(worker.number, worker.limit)  # before the worker can see the chunk
        with contextlib.suppress(BrokenPipeError):  # nobody is left to read it: the nursery is gone, and is soon missed
            os.write(worker.tasks, HEADER.pack(first, len(items)) + items.tobytes())

    def fresh(self, worker: Worker) -> bool:
        """Whether the worker is a process that has not been given anything yet."""
        return worker.alive and worker.born == worker.end

    def outstanding(self, worker: Worker) -> int:
        """How many of its items the worker has not finished."""
        finished = self.slots.finished(worker.number)
        if not worker.recalled:
            while worker.given and worker.given[0][0] + len(worker.given[0][1]) <= finished:
                worker.given.popleft()
        return max(0, worker.limit - finished)

    def refused(self, worker: Worker) -> list[int]:
        """Return the items that a lowered limit kept the worker from, though they had seemed begun."""
        if not worker.recalled or self.slots.finished(worker.number) < worker.end:
            return []
        items = list(self._items(worker, self.slots.refused(worker.number), worker.limit))
        worker.limit, worker.recalled = worker.end, False
        self.slots.forget_refused(worker.number)
        return items

    def settled(self, worker: Worker) -> bool:
        """Whether the worker passed everything that it was given, so that numbers taken back cannot mix with new."""
        return not worker.recalled

    def since(self, worker: Worker) -> float:
        """Return when the worker began what it runs; 0 between items, -1 while a row is written."""
        return self.slots.started(worker.number)

    def unbegun(self, worker: Worker) -> int:
        return max(0, worker.limit - max(self.slots.finished(worker.number), self.slots.current(worker.number) + 1))

    def take_back(self, worker: Worker, keep: int = 0) -> list[int]:
        """Take back the items that the worker has not begun, leaving it the first `keep` of them."""
        first = max(self.slots.finished(worker.number), self.slots.current(worker.number) + 1) + keep
        if first >= worker.limit:
            return []
        old, worker.limit, worker.recalled = worker.limit, first, True
        self.slots.limit(worker.number, first)
        # The worker says what it begins and then reads the limit, we write the limit and then read what it began: after
        # a moment for both stores to be seen, nothing that it runs is taken back. What only seems begun, it refuses.
        time.sleep(0.001)
        begun = self.slots.current(worker.number) + 1
        if begun > first:
            worker.limit = min(old, begun)
        return list(self._items(worker, worker.limit, old))

    def _items(self, worker: Worker, first: int, end: int) -> Iterator[int]:
        for base, items in worker.given:
            yield from items[max(0, first - base) : max(0, end - base)]

    def bury(self, worker: Worker, message: dict[str, Any]) -> tuple[Death, list[int]]:
        """Return how the worker died and the innocent items it held. Its rows must have been read before."""
        refused = self.slots.refused(worker.number)
        finished, current = min(self.slots.finished(worker.number), refused), self.slots.current(worker.number)
        started = self.slots.started(worker.number)
        guilty = -1
        running = started and current == finished and current < min(worker.limit, refused)
        if running and not self.slots.retired(worker.number):
            guilty = next(self._items(worker, current, current + 1), -1)
            if guilty == worker.last_row:  # its row came through: it died after its item
                guilty = -1
                finished += 1
        elif worker.last_row >= 0 and next(self._items(worker, finished, finished + 1), -1) == worker.last_row:
            finished += 1
        innocent = [item for item in self._items(worker, finished, worker.limit) if item != guilty]
        worker.alive = False
        seconds = time.monotonic() - started if started > 0 else 0.0
        stillborn = guilty < 0 and finished == worker.born and not self.slots.retired(worker.number)
        line, function = message["where"] or (0, "")
        death = Death(worker.number, guilty, message["status"], message["why"], seconds, line, function, stillborn)
        return death, innocent

    def read_rows(self, worker: Worker, take: Callable[[bytes], None]) -> None:
        """Hand on the complete lines that wait in a worker's pipe."""
        while data := _read(worker.rows):
            cut = data.rfind(b"\n") + 1
            if not cut:
                worker.torn.append(data)
                continue
            lines = b"".join((*worker.torn, data[:cut]))
            worker.torn = [data[cut:]] if cut < len(data) else []
            worker.last_row = _last_item(lines)
            take(lines)
            if len(data) < _READ_BYTES:
                break

    def read_output(self, worker: Worker) -> bytes:
        return _read(worker.output)

    def quit(self, seconds: float, spared: int = 0) -> None:
        """Kill every worker and end the nursery; one other child of the rank may be spared."""
        with contextlib.suppress(OSError):
            self.control.sendall(b'{"quit": true}\n')
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        kill_children(spared=spared)  # what it left comes to us, for a rank is the reaper of its orphans
        for worker in self.workers:
            worker.alive = False


def allow_descriptors(count: int) -> None:
    """Raise the limit of open files, which the nursery inherits. Raises FeatxError when it cannot be enough."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= count:
        return
    if hard != resource.RLIM_INFINITY and hard < count:
        raise FeatxError(
            f"The workers of one node need {count} open files, and the limit here is {hard}. "
            "Ask for fewer cores, or for a higher limit (ulimit -Hn)."
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def _pipe() -> tuple[int, int]:
    """Return (reading end, writing end); only reading never waits."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(reading, False)
    with contextlib.suppress(OSError):  # over the user's share of pipe memory the kernel's default must do
        fcntl.fcntl(writing, 1031, _PIPE_BYTES)  # F_SETPIPE_SZ
    return reading, writing


def chunk_that_fits(pipes: Iterable[int]) -> int:
    """Return how many item numbers a chunk may hold, for some chunks to fit into each pipe: no rank waits to write one.

    A user over the share of pipe memory gets pipes of 4 or 8 kB (pipe(7), pipe-user-pages-soft): the later ones first.
    """
    smallest = min(fcntl.fcntl(pipe, _PIPE_SIZE) for pipe in pipes)
    return min(_MAX_CHUNK, (smallest // _CHUNKS - HEADER.size) // 4)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _READ_BYTES)
    except BlockingIOError:
        return b""


def _last_item(lines: bytes) -> int:
    """Return the item of the last row: every row begins with its number."""
    start = lines.rfind(b'{"i":', lines.rfind(b"\n", 0, -1) + 1)
    if start < 0:
        return -1
    digits = lines[start + 5 : start + 25]
    return int(digits[: digits.index(b",")])
