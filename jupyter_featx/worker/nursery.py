"""The clean parent of the workers on one node: it imports the template once and forks each worker from that.

It knows no MPI and runs no thread, so a fork is safe, costs milliseconds whatever the imports cost, and shares their
memory. As the parent it is also the watchdog: it alone sees a worker's death for certain, and it kills the whole
process group of one whose item is over its time or memory. It talks to its rank in JSON lines:

    rank to nursery    {"fork": 3}                       start worker 3
                       {"quit": true}                    kill everything and go
    nursery to rank    {"ready": true}                   the template is imported
                       {"broken": "..."}                 it cannot be: what, and where
                       {"dead": 3, "status": -11, "why": "", "where": [...]}
"""

from __future__ import annotations

import ast
import contextlib
import faulthandler
import fcntl
import gc
import importlib.util
import json
import os
import re
import resource
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from jupyter_featx.items import ItemFile
from jupyter_featx.jobdir import JobDir
from jupyter_featx.markers import locate
from jupyter_featx.worker import tripwires
from jupyter_featx.worker.process import PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG, prctl
from jupyter_featx.worker.sandbox import Post, Sandbox
from jupyter_featx.worker.setup import HIGH, Setup
from jupyter_featx.worker.slots import Slots
from jupyter_featx.worker.surroundings import children

_TICK_SECONDS = 0.05
_DUMP_SIGNAL = signal.SIGRTMAX - 1  # makes a hanging worker say where it is
_DUMP_SECONDS = 0.1
_PAUSE_SECONDS = 1.0  # between two looks of the watchdog: longer, and we were stopped ourselves
_FRAME = re.compile(r'File "(.*)", line (\d+) in (.+)')


class Nursery:
    """Forks, watches and buries the workers of one rank."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._job = JobDir(Path(setup.job))
        self._control = socket.socket(fileno=setup.control)
        self._slots = Slots(setup.slots, len(setup.tasks))
        self._items = ItemFile(self._job.items, self._job.index)
        self._faults = [os.memfd_create(f"featx-fault-{worker}") for worker in range(len(setup.tasks))]
        self._pids: dict[int, int] = {}
        self._condemned: dict[int, tuple[str, float, float]] = {}
        self._unread = b""
        self._looked = time.monotonic()
        self._paused: dict[float, float] = {}
        self._spared: set[int] = set()

    def run(self) -> int:
        """Serve the rank until it says quit or is gone."""
        # Whatever a dead worker leaves comes to us to be reaped; and we go when the rank goes.
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        prctl(PR_SET_PDEATHSIG, signal.SIGHUP)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # it can come while the template is still being imported
        tripwires.lay()
        try:
            self._template = import_template(self._job.template, self._setup.workdir)
        except BaseException as exc:  # the user's own module may raise anything
            traceback.print_exc()  # into the job's log
            self._tell(broken=_in_short(exc, self._job.template))
            self._quit()
        limit_mb, own_mb = self._setup.item_memory_mb, _family_mb(os.getpid())
        if limit_mb is not None and own_mb > limit_mb:
            self._tell(broken=f"item_memory={limit_mb:g} MB is less than the template's imports need: {own_mb:.0f} MB")
            return 1
        self._text = self._job.template.read_text(encoding="utf-8")
        self._spared = set(children(os.getpid()))  # helpers that the template itself started
        self._take_over_signals()
        self._items.hold()
        gc.freeze()  # keeps the collector's marks, and so copies, out of the shared pages
        self._tell(ready=True)
        self._serve()

    def _take_over_signals(self) -> None:
        """Be woken by a child's end; the rank alone decides what a signal to the whole run means."""
        _quieten()
        self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._wake[1], warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGHUP, lambda *_: self._quit())
        # A scheduler may send them to every process of the run; the rank decides what they mean.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            signal.signal(number, signal.SIG_IGN)

    def _serve(self) -> NoReturn:
        woken = self._wake[0]
        selector = selectors.DefaultSelector()  # select() itself ends at descriptor 1023
        selector.register(self._control, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        watch = self._setup.item_timeout_seconds is not None or self._setup.item_memory_mb is not None
        while True:
            pause = self._pause(watch)
            readable = [key.fd for key, _ in selector.select(pause)]
            if woken in readable:
                os.read(woken, 4096)
            if self._control.fileno() in readable:
                self._obey()
            self._bury()
            if watch:
                self._watch()

    def _pause(self, watch: bool) -> float | None:
        if not watch:
            return None
        return 0.01 if self._condemned else _TICK_SECONDS

    def _obey(self) -> None:
        received = self._control.recv(65536)
        if not received:
            self._quit()
        *lines, self._unread = (self._unread + received).split(b"\n")
        for line in lines:
            order = json.loads(line)
            if "quit" in order:
                self._quit()
            self._fork(order["fork"])

    def _fork(self, worker: int) -> None:
        os.ftruncate(self._faults[worker], 0)
        pid = os.fork()
        if pid == 0:
            try:
                self._become(worker)
            except BaseException:
                traceback.print_exc()  # into the log
                sys.stderr.flush()
            os._exit(1)
        self._pids[pid] = worker

    def _become(self, worker: int) -> NoReturn:
        """Turn this fresh child into a worker: a session of its own, its own pipes, and nothing else of ours."""
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        signal.set_wakeup_fd(-1)  # SIGUSR1 stays ignored: it announces the run's end, and what runs is to be finished
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        setup = self._setup
        os.dup2(setup.outputs[worker], 1)
        os.dup2(setup.outputs[worker], 2)
        tasks = fcntl.fcntl(setup.tasks[worker], fcntl.F_DUPFD_CLOEXEC, HIGH)
        rows = fcntl.fcntl(setup.rows[worker], fcntl.F_DUPFD_CLOEXEC, HIGH)
        for descriptor in (*setup.tasks, *setup.rows, *setup.outputs, *self._wake, self._control.fileno()):
            os.close(descriptor)
        faulthandler.enable(self._faults[worker], all_threads=False)
        # It says where it is, then dies of the signal: a call that the signal interrupts must not seem to end.
        faulthandler.register(_DUMP_SIGNAL, file=self._faults[worker], all_threads=False, chain=True)
        post = Post(worker, tasks, rows, self._slots, self._items, setup.item_memory_mb)
        Sandbox(post, self._template, self._text).live()

    def _bury(self) -> None:
        """Reap the dead, and kill what a dead worker left behind."""
        dead: list[tuple[int, int, int]] = []
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            if pid in self._pids:
                dead.append((pid, self._pids.pop(pid), os.waitstatus_to_exitcode(status)))
        if not dead:
            return
        for pid, _, _ in dead:
            _kill_group(pid)
        for orphan in set(children(os.getpid())) - set(self._pids) - self._spared:
            _kill_group(orphan)
        for _, worker, code in dead:
            why, accused, _ = self._condemned.pop(worker, ("", 0.0, 0.0))
            if accused != self._slots.started(worker):
                why = ""  # the item ended in the last moment; the one that ran then is another
            self._tell(dead=worker, status=code, why=why, where=self._where(worker))

    def _watch(self) -> None:
        now = time.monotonic()
        self._allow_for_a_pause(now)
        for pid, worker in list(self._pids.items()):
            started = self._slots.started(worker)
            if worker in self._condemned:
                if now >= self._condemned[worker][2]:
                    _kill_group(pid)
            elif why := self._verdict(pid, started, now - self._paused.get(started, 0.0)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, _DUMP_SIGNAL)
                grace = _DUMP_SECONDS if why == "timeout" else 0.01
                self._condemned[worker] = (why, started, now + grace)

    def _allow_for_a_pause(self, now: float) -> None:
        """When all of us stood still (a scheduler suspends jobs), the items that run get that time on top."""
        gap = now - self._looked
        running = {started for worker in self._pids.values() if (started := self._slots.started(worker)) > 0}
        self._paused = {started: seconds for started, seconds in self._paused.items() if started in running}
        if gap > _PAUSE_SECONDS:
            for started in running:
                self._paused[started] = self._paused.get(started, 0.0) + gap
        self._looked = now

    def _verdict(self, pid: int, started: float, now: float) -> str:
        timeout, memory_mb = self._setup.item_timeout_seconds, self._setup.item_memory_mb
        if started <= 0:
            return ""
        if timeout is not None and now - started > timeout:
            return "timeout"
        if memory_mb is not None and _family_mb(pid) > memory_mb and _family_mb(pid, _share_mb) > memory_mb:
            return "memory"
        return ""

    def _where(self, worker: int) -> list[object]:
        """Return [line, function] of the template where the worker was last, from the fault handler's words."""
        text = os.pread(self._faults[worker], 1 << 16, 0).decode(errors="replace")
        for file, line, function in _FRAME.findall(text):
            if file.endswith("/template.py"):
                return [int(line), function]
        return []

    def _quit(self) -> NoReturn:
        for pid in self._pids:
            _kill_group(pid)
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline and (left := children(os.getpid())):
            for pid in left:
                _kill_group(pid)
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            time.sleep(0.002)
        os._exit(0)

    def _tell(self, **message: object) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._control.sendall(json.dumps(message).encode() + b"\n")


def import_template(path: Path, workdir: str) -> ModuleType:
    """Import the template as it is imported by hand, plus what its functions import when they first run."""
    os.chdir(workdir)
    sys.path = [entry for entry in sys.path if entry] + [workdir]
    spec = importlib.util.spec_from_file_location("template", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules["template"] = module
    spec.loader.exec_module(module)
    read: set[Path] = set()
    while unread := _loaded_sources(path) - read:
        for source in sorted(unread):
            _import_ahead(source.read_text(encoding="utf-8", errors="replace"))
        read |= unread
    if "numpy" in sys.modules:
        importlib.import_module("numpy.random")  # numpy loads it late, and it must be there to be seeded
    return module


def _loaded_sources(template: Path) -> set[Path]:
    """Return the template and those of the job's own modules that are imported: of a large package often a few."""
    folder = f"{template.with_name('modules')}/"
    files = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
    return {template, *(Path(file) for file in files if file.startswith(folder) and file.endswith(".py"))}


def _import_ahead(text: str) -> None:
    """Import now what functions would import at their first call, lest each fresh worker pay for it again."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return  # a file beside the module that is used; whoever imports it is told
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        for name in names:
            if name not in sys.modules and not name.startswith("mpi4py"):
                with contextlib.suppress(BaseException):  # the item that needs a module is told what is wrong with it
                    importlib.import_module(name)


def _kill_group(pid: int) -> None:
    """Kill a worker's whole process group, and the process itself where it leads none."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def _family_mb(pid: int, measure: Callable[[int], float] | None = None) -> float:
    """Return the memory of a process and its descendants, in MB: what is resident, or as `measure` sees it."""
    return (measure or _resident_mb)(pid) + sum(_family_mb(child, measure) for child in children(pid))


def _resident_mb(pid: int) -> float:
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize() / 2**20
    except (OSError, IndexError):
        return 0.0


def _share_mb(pid: int) -> float:
    """Return what is resident, of pages that others have too only a share (Pss): forks count no page twice."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return _resident_mb(pid)


def _quieten() -> None:
    """Undo what an import can have done to the signals that we live by."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
        signal.setitimer(timer, 0)


def _in_short(exc: BaseException, template: Path) -> str:
    """Return one line: what is wrong with the template, and where in the notebook it stands."""
    line = exc.lineno if isinstance(exc, SyntaxError) and exc.filename == str(template) else 0
    for frame in traceback.extract_tb(exc.__traceback__):
        if frame.filename == str(template):
            line = frame.lineno or line
    text = template.read_text(encoding="utf-8", errors="replace")
    place = line and (locate(text, line) or f"template.py, line {line}")
    return f"{type(exc).__name__}: {exc}" + (f" ({place})" if place else "")


def main(arguments: list[str]) -> int:
    record: dict[str, Any] = json.loads(arguments[0])
    return Nursery(Setup(**record)).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
