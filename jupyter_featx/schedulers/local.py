"""This machine as a scheduler: a job is a process of its own session, which outlives the kernel and the terminal.

An id says which process on which boot of which host, "node7/4242/99181/3f9a01bc", so that any later process can tell
whether it still runs, and a recycled process number is never taken for it.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from jupyter_featx.errors import SchedulerError
from jupyter_featx.events import Event, Lost
from jupyter_featx.inherited import clean_environment
from jupyter_featx.spec import JobSpec

_GENTLE_SECONDS = 1.2  # for the ranks to write what they hold
_HARD_SECONDS = 0.7
_KILLED = "its process ended without a word, as if killed from outside. Type '%featx retry' to go on."


class LocalScheduler:
    """Starts scripts here, at once; nothing queues."""

    name = "local"
    trusts_seconds = 0.0

    def check(self, spec: JobSpec) -> None:
        """This machine takes what it is given."""

    def submit(self, script: Path, log: Path, arguments: Sequence[str] = ()) -> str:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        try:
            pid = os.posix_spawn(
                "/bin/bash",
                ["bash", str(script), *arguments],
                clean_environment(),  # the script drops the tokens, too, but until then its bash would show them
                file_actions=actions,
                setsid=True,
                setsigmask=(),
                setsigdef=_ALL,
            )
        except OSError as exc:
            raise SchedulerError(f"Cannot start {script}: {exc.strerror}.") from exc
        return run_id(pid)

    def poll(self, native_ids: Collection[str]) -> Mapping[str, Event]:
        found: dict[str, Event] = {}
        for native_id in native_ids:
            try:
                host, pid, start, boot = _parts(native_id)
            except SchedulerError:
                continue  # of a damaged file of events: the other jobs are asked for all the same
            if host != socket.gethostname():
                continue  # another machine's: nothing can be said from here
            if boot != _boot():
                found[native_id] = Lost(native_id=native_id, reason="host restarted")
            elif not _alive(pid, start):
                _kill_whole(native_id)  # ranks without their leader would compute for nobody
                found[native_id] = Lost(native_id=native_id, reason=_KILLED)
        return found

    def cancel(self, native_id: str) -> None:
        host, pid, start, boot = _parts(native_id)
        if host != socket.gethostname():
            raise SchedulerError(
                f"The job runs on {host}. Cancel it there; if that machine is gone, cancel it here when it has been "
                "silent for ten minutes."
            )
        if boot != _boot():
            return
        if _alive(pid, start):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGTERM)
        _wait(lambda: _alive(pid, start), _GENTLE_SECONDS)
        _wait(lambda: _kill_whole(native_id), _HARD_SECONDS)


def run_id(pid: int) -> str:
    """Return the id of a process as a run: which one, on which boot of which host."""
    return f"{socket.gethostname()}/{pid}/{_start_time(pid)}/{_boot()}"


_ALL = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD)


def _parts(native_id: str) -> tuple[str, int, str, str]:
    try:
        host, pid, start, boot = native_id.split("/")
        return host, int(pid), start, boot
    except ValueError as exc:
        raise SchedulerError(f"{native_id!r} is no id of a local run.") from exc


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text()[:8]


def _start_time(pid: int) -> str:
    """Return when a process started, in clock ticks since the boot; "" when it is gone. See proc_pid_stat(5)."""
    fields = _stat(pid)
    return fields[19] if fields else ""


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(") ")[2].split()
    except OSError:
        return []


def _alive(pid: int, start: str) -> bool:
    fields = _stat(pid)
    if not fields or fields[19] != start:
        return False
    if fields[0] == "Z":
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # our own child would otherwise stay a zombie
        return False
    return True


def _kill_whole(native_id: str) -> bool:
    """Kill every process that inherited this run's id, and what they started; return whether there was one.

    All are found before any is killed, for a process whose parent is gone can no longer be told from others.
    """
    found = _family(native_id)
    for pid in found:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return bool(found)


def _family(native_id: str) -> set[int]:
    """Return the living processes of a run: its tag in their environment, or such a parent."""
    tag = f"FEATX_NATIVE_ID={native_id}".encode()
    found: set[int] = set()
    parents: dict[int, int] = {}
    _, leader, start, _ = _parts(native_id)
    if _alive(leader, start):
        found.add(leader)
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        fields = _stat(pid)
        if not fields or fields[0] == "Z":
            continue
        parents[pid] = int(fields[1])
        with suppress(OSError):
            if tag in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.add(pid)
    more = found
    while more:
        more = {pid for pid, parent in parents.items() if parent in more} - found
        found |= more
    return found


def _wait(busy: Callable[[], bool], seconds: float) -> None:
    """Wait until `busy()` is false, at most this long."""
    deadline = time.monotonic() + seconds
    while busy() and time.monotonic() < deadline:
        time.sleep(0.02)
