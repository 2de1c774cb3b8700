"""Processes that the cluster is made of: how each is started, found again, and told from a stranger with its number."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from clusterfiles import Place


class TestbedError(Exception):
    """The cluster could not be brought into the wanted state; the text ends with the log of who failed."""

    __test__ = False  # pytest takes it for a test otherwise


def root(argv: Sequence[str | Path]) -> list[str]:
    """Return the words that run this as root."""
    words = [str(word) for word in argv]
    return words if os.geteuid() == 0 else ["sudo", "-n", *words]


def run(argv: Sequence[str | Path], *, seconds: float = 120, check: bool = True, **options: object) -> str:
    """Run a command as root and return what it printed. Raises TestbedError with its words when it fails."""
    words = root(argv)
    try:
        done = subprocess.run(  # type: ignore[call-overload] # options pass through
            words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds, **options
        )
    except subprocess.TimeoutExpired as exc:
        raise TestbedError(f"{' '.join(words)} took more than {seconds:.0f} s: {exc.stdout!r}") from exc
    if check and done.returncode:
        raise TestbedError(f"{' '.join(words)} failed ({done.returncode}):\n{done.stdout[-3000:]}")
    return str(done.stdout)


def wait(fact: Callable[[], object], what: str, seconds: float = 180, tail: Callable[[], str] = lambda: "") -> None:
    """Wait until something is so. Raises TestbedError that says what did not come about, with the logs' tail."""
    deadline = time.monotonic() + seconds
    pause = 0.05
    while not fact():
        if time.monotonic() > deadline:
            raise TestbedError(f"{what}: not so within {seconds:.0f} s.\n{tail()}")
        time.sleep(pause)
        pause = min(0.5, pause * 1.3)


def last_lines(path: Path, count: int = 25) -> str:
    """Return the end of a log with its name."""
    try:
        lines = path.read_text(errors="replace").splitlines()[-count:]
    except OSError as exc:
        lines = [str(exc)]
    return "\n".join([f"--- {path}", *lines])


def pid_of(place: Place, name: str) -> int | None:
    """Return the process that a daemon's file names, if it lives and is of this cluster."""
    with suppress(OSError, ValueError):
        pid = int(place.pid_file(name).read_text())
        program = name.partition("-")[0]
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        if state != "Z" and program.encode() in command:
            return pid
    return None


def end(pid: int, how: int = signal.SIGTERM, seconds: float = 30) -> None:
    """End one process, by force when it does not go."""
    run(["kill", f"-{int(how)}", str(pid)], check=False)
    with suppress(TestbedError):
        wait(lambda: not _alive(pid), f"process {pid} ends", seconds)
        return
    run(["kill", "-9", str(pid)], check=False)
    wait(lambda: not _alive(pid), f"process {pid} ends by kill -9", seconds)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False


def daemon(argv: Sequence[str | Path], log: Path, **options: object) -> None:
    """Start a program that stays in the foreground, detached from us."""
    with log.open("ab") as file:
        subprocess.Popen(  # type: ignore[call-overload] # options pass through
            [str(word) for word in argv],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
            cwd="/",
            **options,
        )
