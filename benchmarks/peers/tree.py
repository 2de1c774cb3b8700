"""All processes of one run, also those that have left their parent: they carry its mark in their environment.

The mark is the run's folder. A process that gives itself a title overwrites its environment; it is known by where it
works.
"""

from __future__ import annotations

import os
import signal
import time

import psutil

MARK = "PEERS_RUN"


def members(mark: str) -> list[psutil.Process]:
    """Return the processes that carry the mark, oldest first; this one is none of them."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and alive(process) and _belongs(process, mark):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return sorted(found, key=lambda process: (process.create_time(), process.pid))


def _belongs(process: psutil.Process, mark: str) -> bool:
    carried = process.environ().get(MARK)
    return carried == mark if carried else f"{process.cwd()}/".startswith(f"{mark}/")


def alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def end(mark: str) -> int:
    """Kill all that carry the mark, until none is left; return how many there were at first."""
    first = None
    for _ in range(100):
        found = members(mark)
        first = len(found) if first is None else first
        if not found:
            break
        for process in found:
            try:
                os.kill(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)
    return first or 0
