"""What one item may change in its process and the next one must not see: saved once, put back after each item.

Putting back costs a few microseconds, which is why each check asks the cheapest question that can notice a change, and
the system is asked nothing after a quick item that called none of the functions that change the process (`tripwires`);
what C code changes in one is found some items later. What cannot be put back (a leaked thread, many leaked descriptors)
makes the worker retire: it is replaced by a clean fork.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the wrappers in `signal` make enums, 5 µs an item
import os
import resource
import signal
import sys
import threading
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from jupyter_featx.worker.tripwires import tripped

_NAMES = "HUP INT TERM ALRM CHLD PIPE USR1 USR2 VTALRM PROF XCPU"
_SIGNALS = tuple(signal.Signals[f"SIG{name}"] for name in _NAMES.split())
_LIMITS = (resource.RLIMIT_AS, resource.RLIMIT_DATA, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE)
_SPARE_DESCRIPTORS = 32  # a cached connection or a lazily opened library is no leak
_SPARE_THREADS = 8
QUICK_SECONDS = 2e-5
QUICK_ITEMS = 64  # in a row after which the system is asked, whatever they called


class Surroundings:
    """The process as it was before the first item."""

    def __init__(self, held_descriptor: int, names: Mapping[str, Any]) -> None:
        self._held = held_descriptor
        kinds = [(value, [kind.__qualname__ for kind in type(value).__mro__]) for value in names.values()]
        self._numpy_generators = [
            value for value, kin in kinds if "Generator" in kin and hasattr(value, "bit_generator")
        ]
        self._generators = [value for value, kin in kinds if {"Random", "RandomState"} & set(kin)]
        self._cwd = os.getcwd()
        self._environ = dict(os.environ._data)  # type: ignore[attr-defined]  # comparing the raw dict takes 1 µs
        self._umask = os.umask(0o077)
        os.umask(self._umask)
        self._filters = list(warnings.filters)
        self._handlers = [(number, _signal.getsignal(number)) for number in _SIGNALS]
        self._mask = _signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self._path = list(sys.path)
        self._limits = [resource.getrlimit(which) for which in _LIMITS]
        self._streams = (sys.stdin, sys.stdout, sys.stderr)
        self._threads = threading.active_count()
        self._lowest = self._lowest_free()
        self._unseen = 0  # quick items since the last full look

    def seed(self, number: int) -> None:
        """Start the random generators from the item, so that a row does not depend on what ran before it.

        These are the global ones of `random` and `numpy.random`, and those that the template keeps in a global.
        """
        random = sys.modules.get("random")
        if random is not None:
            random.seed(number)
        numpy_random = sys.modules.get("numpy.random")
        if numpy_random is not None:
            numpy_random.seed(number & 0xFFFFFFFF)
            for place, own in enumerate(self._numpy_generators):
                sequence = numpy_random.SeedSequence((number, place))
                own.bit_generator.state = type(own.bit_generator)(sequence).state
        for own in self._generators:
            own.seed(number)

    def restore(self, seconds: float) -> bool:
        """Put everything back after an item of so many seconds; return False when only a fresh process can."""
        if warnings.filters != self._filters:
            warnings.resetwarnings()  # it also tells the C part that the filters changed
            warnings.filters[:] = self._filters  # type: ignore[index]
        if sys.path != self._path:
            sys.path[:] = self._path
        if not self._streams_whole():
            return False
        self._unseen += 1
        if seconds < QUICK_SECONDS and not tripped[0] and self._unseen < QUICK_ITEMS:
            return True
        self._restore_process()
        whole = self._limits_and_descriptors()
        self._unseen, tripped[0] = 0, False
        # Nobody starts a process or a thread in less; what a quick item could leave, the next longer one gives away.
        return whole and (seconds < QUICK_SECONDS or (self._no_children() and self._no_threads()))

    def _restore_process(self) -> None:
        try:
            if os.getcwd() != self._cwd:
                os.chdir(self._cwd)
        except FileNotFoundError:
            os.chdir(self._cwd)
        if os.environ._data != self._environ:  # type: ignore[attr-defined]
            os.environ.clear()
            os.environ.update({os.fsdecode(key): os.fsdecode(value) for key, value in self._environ.items()})
        if os.umask(self._umask) != self._umask:
            os.umask(self._umask)
        self._restore_signals()

    def _limits_and_descriptors(self) -> bool:
        """Whether no limit was changed, and hardly a descriptor leaked."""
        if [resource.getrlimit(which) for which in _LIMITS] != self._limits:
            return False
        return self._lowest <= self._lowest_free() <= self._lowest + _SPARE_DESCRIPTORS

    def _restore_signals(self) -> None:
        for number, handler in self._handlers:
            if _signal.getsignal(number) is not handler:
                _signal.signal(number, handler)
        if _signal.getitimer(_signal.ITIMER_REAL)[0]:
            _signal.setitimer(_signal.ITIMER_REAL, 0)
        _signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def _streams_whole(self) -> bool:
        sys.stdin, sys.stdout, sys.stderr = self._streams
        return not (sys.stdout.closed or sys.stderr.closed)

    def _no_threads(self) -> bool:
        return threading.active_count() <= self._threads + _SPARE_THREADS

    def _lowest_free(self) -> int:
        # The kernel gives the lowest free number: when it is no longer the same, descriptors were leaked or closed.
        descriptor = os.dup(self._held)
        os.close(descriptor)
        return descriptor

    def _no_children(self) -> bool:
        """Kill what the item left running. Orphans of its children come to us, for we are their reaper."""
        return _reaped() or kill_children()


def kill_children(seconds: float = 1.0, spared: int = 0) -> bool:
    """Kill and reap every child of this process but one, and what they leave; return whether none is left."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        left = [pid for pid in children(os.getpid()) if pid != spared]
        for pid in left:
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, os.WNOHANG)
        if not left if spared else _reaped():
            return True
        time.sleep(0.001)
    return False


def _reaped() -> bool:
    """Reap the children that have ended; return whether none is left."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        return True
    return False


def children(parent: int) -> list[int]:
    """Return the living children of a process."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{parent}/task"):
            with open(f"/proc/{parent}/task/{thread}/children") as file:
                found.extend(int(pid) for pid in file.read().split())
    except OSError:
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _parent(pid) == parent]
    return found


def _parent(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0
