"""What one item may change in its process and the next one must not see: saved once, put back after each item.

Putting back costs a few microseconds, which is why each check asks the cheapest question that can notice a change. What
cannot be put back (a leaked thread, many leaked descriptors) makes the worker retire: it is replaced by a clean fork.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import warnings
from contextlib import suppress

_NAMES = "HUP INT TERM ALRM CHLD PIPE USR1 USR2 VTALRM PROF XCPU"
_SIGNALS = tuple(signal.Signals[f"SIG{name}"] for name in _NAMES.split())
_SPARE_DESCRIPTORS = 32  # a cached connection or a lazily opened library is no leak
_SPARE_THREADS = 8


class Surroundings:
    """The process as it was before the first item."""

    def __init__(self, held_descriptor: int) -> None:
        self._held = held_descriptor
        self._cwd = os.getcwd()
        self._environ = dict(os.environ._data)  # type: ignore[attr-defined]  # comparing the raw dict takes 1 µs
        self._umask = os.umask(0o077)
        os.umask(self._umask)
        self._filters = list(warnings.filters)
        self._handlers = [(number, signal.getsignal(number)) for number in _SIGNALS]
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self._path = list(sys.path)
        self._streams = (sys.stdin, sys.stdout, sys.stderr)
        self._threads = threading.active_count()
        self._lowest = self._lowest_free()

    def seed(self, number: int) -> None:
        """Start the global generators from the item, so that a row does not depend on what ran before it."""
        random = sys.modules.get("random")
        if random is not None:
            random.seed(number)
        numpy_random = sys.modules.get("numpy.random")
        if numpy_random is not None:
            numpy_random.seed(number & 0xFFFFFFFF)

    def restore(self) -> bool:
        """Put everything back; return False when only a fresh process can."""
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
        if warnings.filters != self._filters:
            warnings.resetwarnings()  # it also tells the C part that the filters changed
            warnings.filters[:] = self._filters  # type: ignore[index]
        if sys.path != self._path:
            sys.path[:] = self._path
        self._restore_signals()
        return self._streams_whole() and self._no_children() and self._no_leaks()

    def _restore_signals(self) -> None:
        for number, handler in self._handlers:
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        if signal.getitimer(signal.ITIMER_REAL)[0]:
            signal.setitimer(signal.ITIMER_REAL, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def _streams_whole(self) -> bool:
        sys.stdin, sys.stdout, sys.stderr = self._streams
        return not (sys.stdout.closed or sys.stderr.closed)

    def _no_leaks(self) -> bool:
        lowest = self._lowest_free()
        if not self._lowest <= lowest <= self._lowest + _SPARE_DESCRIPTORS:
            return False
        return threading.active_count() <= self._threads + _SPARE_THREADS

    def _lowest_free(self) -> int:
        # The kernel gives the lowest free number: when it is no longer the same, descriptors were leaked or closed.
        descriptor = os.dup(self._held)
        os.close(descriptor)
        return descriptor

    def _no_children(self) -> bool:
        """Kill what the item left running. Orphans of its children come to us, for we are their reaper."""
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                return kill_children()
            return self._no_children()
        except ChildProcessError:
            return True


def kill_children(seconds: float = 1.0) -> bool:
    """Kill and reap every child of this process, and what they leave; return whether none is left."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for pid in children(os.getpid()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            return True
        time.sleep(0.001)
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
