"""The forked worker: run the user's functions on one item after another, and let an item do anything.

Rows leave through a pipe as they are made: the pipe outlives the process, so a crash costs no finished row. The slot in
shared memory says which item runs; the watchdog outside reads it (see `nursery`).
"""

from __future__ import annotations

import fcntl
import os
import resource
import sys
import time
import traceback
from array import array
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, NamedTuple, NoReturn

from jupyter_featx.items import ItemFile
from jupyter_featx.markers import locate
from jupyter_featx.rows import BadValue, RowEncoder
from jupyter_featx.worker import slots as field
from jupyter_featx.worker import tripwires
from jupyter_featx.worker.durations import SHORT_SECONDS, bucket
from jupyter_featx.worker.setup import HEADER, HIGH
from jupyter_featx.worker.slots import Slots
from jupyter_featx.worker.surroundings import QUICK_ITEMS, QUICK_SECONDS, Surroundings

_MESSAGE_LIMIT = 2000
_TRACEBACK_FRAMES = 6


class Post(NamedTuple):
    """Where one worker stands: its number, its pipes, and what all the workers share."""

    worker: int
    tasks: int
    rows: int
    slots: Slots
    items: ItemFile
    memory_mb: float | None


class Sandbox:
    """One worker's life."""

    def __init__(self, post: Post, template: ModuleType, text: str) -> None:
        self._post = post
        self._inputs: Callable[[str], Any] = template._process_input
        self._outputs: Callable[[str], Any] | None = getattr(template, "_process_output", None)
        self._text = text
        self._file = template.__file__ or ""
        self._encoder = RowEncoder()
        self._pid = os.getpid()
        self._tasks, self._rows = post.tasks, post.rows
        self._peak_reset = _open_peak_reset()
        self._surroundings = Surroundings(self._rows, vars(template))
        self._base_mb = _resident_mb()
        self._peak_kb = 0
        self._peak_mb_then, self._unasked = 0.0, QUICK_ITEMS

    def live(self) -> NoReturn:
        """Work until there is no more, or until only a fresh process would do."""
        while task := self._next_chunk():
            if not self._chunk(*task):
                self._post.slots.whole[Slots.at(self._post.worker, field.RETIRED)] = 1
                break
        os._exit(0)

    def _next_chunk(self) -> tuple[int, array[int]] | None:
        header = _read_exactly(self._tasks, HEADER.size)
        if len(header) < HEADER.size:
            return None
        sequence, count = HEADER.unpack(header)
        indices = array("I")
        indices.frombytes(_read_exactly(self._tasks, 4 * count))
        return sequence, indices

    def _chunk(self, sequence: int, indices: array[int]) -> bool:
        """Run the items of one chunk; return False when this process should be replaced."""
        whole, real = self._post.slots.whole, self._post.slots.real
        base = Slots.at(self._post.worker, 0)
        finished, current, limit, refused, _, started, busy, early, early_busy, late = range(base, base + field.USED)
        half = len(self._post.items) // 2
        for index, path in zip(indices, self._post.items.read(indices), strict=True):
            real[started] = time.monotonic()
            whole[current] = sequence
            if sequence >= whole[limit]:  # the rank took the rest back
                whole[refused] = min(sequence, whole[refused])
                real[started] = 0.0
                whole[finished] = sequence + 1
                sequence += 1
                continue
            line, seconds = self._item(index, path)
            real[started] = -1.0  # a rank that reads slowly costs the item no time
            self._write(line)
            whole[finished] = sequence + 1
            real[started] = 0.0
            real[busy] += seconds
            if index < half:
                whole[early] += 1
                real[early_busy] += seconds
            else:
                whole[late] += 1
            if seconds > SHORT_SECONDS:
                whole[self._post.slots.bucket(self._post.worker, bucket(seconds))] += 1
            sequence += 1
            if not self._surroundings.restore(seconds) or self._swollen():
                return False
        return True

    def _item(self, index: int, path: str) -> tuple[bytes, float]:
        """Return the item's row as a line, and the seconds it took."""
        self._surroundings.seed(index)
        worker = self._post.worker
        begun = time.perf_counter()
        try:
            features = self._inputs(path)
            labels = self._outputs(path) if self._outputs is not None else None
            seconds = time.perf_counter() - begun
            error: Mapping[str, object] = {}
        except BaseException as exc:  # whatever the user's own function raises is the item's result
            seconds = time.perf_counter() - begun
            error = self._describe(exc)
        self._flush_prints()
        if os.getpid() != self._pid:
            os._exit(0)  # the item forked and its child came back here
        peak_mb = self._peak_mb(seconds)
        if error:
            return self._encoder.encode_error(index, seconds, peak_mb, worker, error), seconds
        try:
            line, columns = self._encoder.encode(index, seconds, peak_mb, worker, features, labels)
        except BadValue as exc:
            error = {"kind": "bad-value", "type": "BadValue", "message": str(exc)}
        except BaseException as exc:  # what was returned can have methods of its own, which fail
            error = self._describe(exc)
        if error:
            return self._encoder.encode_error(index, seconds, peak_mb, worker, error), seconds
        return (self._encoder.columns_line(columns) + line if columns else line), seconds

    def _describe(self, exc: BaseException) -> dict[str, object]:
        found = traceback.extract_tb(exc.__traceback__)[1:]
        frames = [frame for frame in found if frame.filename != tripwires.__file__]
        own = [frame for frame in frames if frame.filename == self._file]
        line = own[-1].lineno or 0 if own else 0
        try:
            message = str(exc)
        except BaseException:  # a user's __str__ can do anything, too
            message = "(its text cannot be shown)"
        return {
            "kind": "memory" if isinstance(exc, MemoryError) else "exception",
            "type": type(exc).__name__,
            "message": message[:_MESSAGE_LIMIT],
            "function": own[0].name if own else "",
            "line": line or None,
            "cell": locate(self._text, line),
            "traceback": "".join(traceback.format_list(frames[-_TRACEBACK_FRAMES:]))[:_MESSAGE_LIMIT],
        }

    def _write(self, line: bytes) -> None:
        while len(line) > (written := os.write(self._rows, line)):
            line = line[written:]

    @staticmethod
    def _flush_prints() -> None:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):
            return  # the item closed or replaced them; they are put back between items

    def _peak_mb(self, seconds: float) -> float:
        self._unasked += 1
        if seconds < QUICK_SECONDS and self._unasked < QUICK_ITEMS:
            return self._peak_mb_then  # in so short a time nobody can touch memory that would show in the figure
        self._unasked = 0
        peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if peak_kb != self._peak_kb and self._peak_reset >= 0:
            os.pwrite(self._peak_reset, b"5", 0)  # proc(5): 5 resets the peak, so that it is this item's own
            self._peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self._peak_mb_then = (self._peak_kb or peak_kb) / 1024
        return peak_kb / 1024

    def _swollen(self) -> bool:
        """Whether memory left behind by items could get an innocent one blamed."""
        limit = self._post.memory_mb
        if limit is None or self._peak_kb / 1024 < self._base_mb + limit / 4:
            return False
        return _resident_mb() > self._base_mb + limit / 4


def _read_exactly(descriptor: int, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size and (part := os.read(descriptor, size - len(parts))):
        parts += part
    return bytes(parts)


def _open_peak_reset() -> int:
    try:
        descriptor = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return -1
    high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, HIGH)
    os.close(descriptor)
    return high


def _resident_mb() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20
