"""Items that do harm, as items of a large dataset do: the poison scenario's user code.

An item is `item_0007-KIND`. Nine in ten hundred are `ok`; each other kind is one in a hundred.
"""

from __future__ import annotations

import math
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

OK = "ok"
OK_SECONDS = 0.01
HOG_MB, HOG_STEP_MB = 1200, 40


def do(line: str) -> dict[str, Any]:
    """Return the row of an innocent item, or do what a guilty one does."""
    return KINDS[line.rpartition("-")[2]](line)


def items(count: int = 1000, percent: float = 1.0, seed: int = 5) -> list[str]:
    """Return a dataset with so many percent of each kind of harm, in an order that is the same each time."""
    each = round(count * percent / 100)
    kinds = [kind for kind in KINDS if kind != OK for _ in range(each)]
    kinds += [OK] * (count - len(kinds))
    random.Random(seed).shuffle(kinds)
    return [f"item_{number:04d}-{kind}" for number, kind in enumerate(kinds)]


def kind(line: str) -> str:
    return line.rpartition("-")[2]


def _ok(line: str) -> dict[str, Any]:
    time.sleep(OK_SECONDS)
    return {"length": len(line), "ratio": 0.5}


def _raise(line: str) -> dict[str, Any]:
    raise ValueError(f"poison in {line}")


def _segv(line: str) -> dict[str, Any]:
    os.kill(os.getpid(), signal.SIGSEGV)  # as a fault in a compiled library
    time.sleep(60)
    return {}


def _exit(line: str) -> dict[str, Any]:
    os._exit(3)  # as a Fortran library's STOP


def _hog(line: str) -> dict[str, Any]:
    """Grow as fast as numpy would; at the end do what the kernel does to a process that takes the last memory."""
    held = []
    for _ in range(HOG_MB // HOG_STEP_MB):
        held.append(bytearray(os.urandom(4096)) * (HOG_STEP_MB * 256))
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def _loop(line: str) -> dict[str, Any]:
    while True:
        math.sqrt(2.0)


def _blocked(line: str) -> dict[str, Any]:
    subprocess.run(["sleep", "100000"], check=False)  # a program that waits for something that never comes
    return {}


def _nan(line: str) -> dict[str, Any]:
    return {"length": len(line), "ratio": math.nan}


def _unpicklable(line: str) -> dict[str, Any]:
    return {"length": len(line), "ratio": threading.Lock()}


KINDS: dict[str, Callable[[str], dict[str, Any]]] = {
    OK: _ok,
    "raise": _raise,
    "segv": _segv,
    "exit": _exit,
    "hog": _hog,
    "loop": _loop,
    "blocked": _blocked,
    "nan": _nan,
    "unpicklable": _unpicklable,
}
