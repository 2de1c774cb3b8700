"""What a Linux process can ask of the kernel about its parents and children, see prctl(2), and about signals."""

from __future__ import annotations

import ctypes
import signal
from collections.abc import Iterable

PR_SET_PDEATHSIG = 1  # send me this signal when my parent dies
PR_SET_CHILD_SUBREAPER = 36  # orphans below me come to me, not to init

_CAUGHT = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)


def prctl(option: int, value: int) -> None:
    """Set a property of this process; a kernel without it costs only tidiness."""
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def caught_signals(numbers: Iterable[int] = _CAUGHT) -> list[int]:
    """Collect these signals in the returned list instead of dying of them, and wake the loop."""
    caught: list[int] = []
    for number in numbers:
        signal.signal(number, lambda received, _: caught.append(received))
    return caught
