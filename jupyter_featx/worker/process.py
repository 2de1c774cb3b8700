"""What a Linux process can ask of the kernel about its parents and children: prctl(2)."""

from __future__ import annotations

import ctypes

PR_SET_PDEATHSIG = 1  # send me this signal when my parent dies
PR_SET_CHILD_SUBREAPER = 36  # orphans below me come to me, not to init


def prctl(option: int, value: int) -> None:
    """Set a property of this process; a kernel without it costs only tidiness."""
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
