"""The agent that makes the planned faults when their time comes, and undoes them."""

from __future__ import annotations

import heapq
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos.chronicle import Chronicle
from chaos.faultfiles import Clock, SmallDisk, tear
from chaos.plan import Fault
from chaos.processes import Process, processes_of
from clusterfiles import NODES
from daemons import TestbedError, pid_of
from testbed import Testbed

TEND_SECONDS = 10.0
Undo = Callable[[], None]


@dataclass
class Targets:
    """What there is to break. The user's side keeps `clocks`, `natives` and `pids` up to date."""

    homes: Sequence[Path]
    disk: SmallDisk
    testbed: Testbed | None
    pids: Callable[[str], int]  # of "kernel" and "server"
    clocks: dict[str, Clock] = field(default_factory=dict)  # by job
    natives: dict[str, str] = field(default_factory=dict)  # Slurm's id -> job
    cancels: list[float] = field(default_factory=list)  # the user is to cancel a job: which, as a fraction

    def processes(self, role: str) -> list[Process]:
        return [process for home in self.homes for process in processes_of(home, role)]


class Agent:
    """Makes faults in a thread of its own until it is told to stop."""

    def __init__(self, faults: Sequence[Fault], targets: Targets, chronicle: Chronicle) -> None:
        self._faults, self._targets, self._chronicle = faults, targets, chronicle
        self._undo: list[tuple[float, int, str, Undo]] = []
        self._stop = threading.Event()
        self._tended = 0.0
        self.broken: BaseException | None = None  # what ended the thread
        self.hits: Counter[str] = Counter()  # by job; "slurm" for what hit the cluster
        self.thread = threading.Thread(target=self._run, name="agent")

    def stop(self) -> None:
        """Make no more faults, and undo all; returns when that is so."""
        self._stop.set()
        if self.thread.is_alive():
            self.thread.join(120)
        self._undo_due(float("inf"))

    def mend(self) -> None:
        """Bring every part of the cluster back, as its administrators would."""
        testbed = self._targets.testbed
        if testbed is None:
            return
        testbed.start_slurmdbd()
        testbed.start_slurmctld()
        for node in NODES:
            testbed.revive_node(node)
        testbed.wait_for_nodes()

    def _run(self) -> None:
        try:
            self._make_all(list(self._faults))
        except Exception as exc:
            self.broken = exc

    def _make_all(self, waiting: list[Fault]) -> None:
        while not self._stop.wait(0.1):
            self._undo_due(self._chronicle.seconds)
            if waiting and waiting[0].at <= self._chronicle.seconds:
                self._make(waiting.pop(0))
            if time.monotonic() - self._tended > TEND_SECONDS:
                self._tended = time.monotonic()
                self._tend()

    def _make(self, fault: Fault) -> None:
        facts: dict[str, Any] = {"number": fault.number, "kind": fault.kind, "seconds": fault.seconds}
        try:
            target = self._doer(fault.kind)(fault)
            outcome = "done" if target else "no victim"
            self._chronicle.note("fault", **facts, outcome=outcome, target=target)
        except (OSError, TestbedError) as exc:
            self._chronicle.note("fault", **facts, outcome="failed", target=str(exc)[-300:])

    def _doer(self, kind: str) -> Callable[[Fault], str]:
        verb, _, what = kind.partition("-")
        special: dict[str, Callable[[Fault], str]] = {
            "tear-shard": self._tear_shard,
            "tear-events": self._tear_events,
            "fill-disk": self._fill_disk,
            "move-clock": self._move_clock,
            "cancel": self._cancel,
            "scancel": self._scancel,
            "kill-node": self._kill_node,
            "kill-slurmd": lambda fault: self._slurmd(fault, signal.SIGKILL),
            "freeze-slurmd": lambda fault: self._slurmd(fault, signal.SIGSTOP),
            "kill-slurmctld": lambda fault: self._daemon(fault, "slurmctld"),
            "kill-slurmdbd": lambda fault: self._daemon(fault, "slurmdbd"),
        }
        if kind in special:
            return special[kind]
        number = signal.SIGKILL if verb == "kill" else signal.SIGSTOP
        if what in ("kernel", "server"):
            return lambda fault: self._own(fault, what, number)
        return lambda fault: self._process(fault, what, number)

    # -- processes -----------------------------------------------------------------------------------------------------

    def _process(self, fault: Fault, role: str, number: int) -> str:
        victim = _picked(self._targets.processes(role), fault.pick)
        if victim is None or not victim.signal(number):
            return ""
        self._hit(victim.job_id)
        if number == signal.SIGSTOP:
            self._later(fault, lambda: victim.signal(signal.SIGCONT) and None)
        return f"{victim.role} {victim.pid} of {victim.job_id}"

    def _own(self, fault: Fault, what: str, number: int) -> str:
        if not (pid := self._targets.pids(what)):
            return ""
        os.kill(pid, number)
        if number == signal.SIGSTOP:
            self._later(fault, lambda: os.kill(pid, signal.SIGCONT))
        return f"{what} {pid}"

    def _tear_shard(self, fault: Fault) -> str:
        victims = [(rank, path) for rank in self._targets.processes("rank") for path in _shards_of(rank)]
        victim = _picked(victims, fault.pick)
        if victim is None:
            return ""
        rank, path = victim
        rank.signal(signal.SIGSTOP)  # from here to its death nothing is written, and nobody knows
        done = tear(path, fault.amount)
        rank.signal(signal.SIGKILL)
        self._hit(rank.job_id)
        return f"{rank.job_id} {done}" if done else ""

    def _tear_events(self, fault: Fault) -> str:
        ranks = self._targets.processes("rank")
        job_id = _picked(sorted({rank.job_id for rank in ranks}), fault.pick)
        if job_id is None:
            return ""
        these = [rank for rank in ranks if rank.job_id == job_id]
        for rank in these:
            rank.signal(signal.SIGSTOP)
        done = ""
        with suppress(StopIteration):
            done = tear(next(self._open_events(job_id)), fault.amount)
        for rank in these:
            rank.signal(signal.SIGKILL)
        self._hit(job_id)
        return f"{job_id} {done or 'no events yet'}"

    def _open_events(self, job_id: str) -> Iterator[Path]:
        """Yield the files of events, latest first, of attempts that did not say their last."""
        for home in self._targets.homes:
            for path in sorted((home / "jobs" / job_id / "events").glob("attempt-*.jsonl"), reverse=True):
                if b'"event":"stopped"' not in path.read_bytes():
                    yield path

    # -- files ---------------------------------------------------------------------------------------------------------

    def _fill_disk(self, fault: Fault) -> str:
        disk = self._targets.disk
        disk.fill()
        for job in sorted((disk.folder / "jobs").glob("[a-z]*")):
            self._hit(job.name)
        self._later(fault, disk.free)
        return str(disk.folder.name)

    def _move_clock(self, fault: Fault) -> str:
        found = _picked(sorted(self._targets.clocks.copy().items()), fault.pick)
        if found is None:
            return ""
        job_id, clock = found
        clock.set(fault.amount)
        self._hit(job_id)
        self._later(fault, lambda: clock.set(0))
        return f"{job_id} by {fault.amount:+.0f} s"

    # -- the user, and Slurm -------------------------------------------------------------------------------------------

    def _cancel(self, fault: Fault) -> str:
        self._targets.cancels.append(fault.pick)
        return "the user"

    def _scancel(self, fault: Fault) -> str:
        found = _picked(sorted(self._targets.natives.items()), fault.pick)
        if found is None:
            return ""
        native, job_id = found
        self._hit(job_id)
        self._testbed.slurm("scancel", "--quiet", native, check=False, seconds=20)
        return f"{native} of {job_id}"

    def _slurmd(self, fault: Fault, number: int) -> str:
        testbed, node = self._testbed, NODES[int(fault.pick * len(NODES))]
        pid = pid_of(testbed.place, f"slurmd-{node}")
        if not pid:
            return ""
        os.kill(pid, number)
        self._hit("slurm")
        if number == signal.SIGSTOP:
            self._later(fault, lambda: os.kill(pid, signal.SIGCONT))
        else:
            self._later(fault, lambda: testbed.revive_node(node))
        return f"slurmd of {node}"

    def _kill_node(self, fault: Fault) -> str:
        testbed, node = self._testbed, NODES[int(fault.pick * len(NODES))]
        testbed.kill_node(node)
        self._hit("slurm")
        self._later(fault, lambda: testbed.revive_node(node))
        return node

    def _daemon(self, fault: Fault, name: str) -> str:
        testbed = self._testbed
        if not pid_of(testbed.place, name):
            return ""
        getattr(testbed, f"kill_{name}")()
        self._hit("slurm")
        self._later(fault, getattr(testbed, f"start_{name}"))
        return name

    @property
    def _testbed(self) -> Testbed:
        assert self._targets.testbed is not None
        return self._targets.testbed

    def _tend(self) -> None:
        """Do what a cluster's administrators do: take back the nodes that Slurm gave up and whose daemon lives."""
        testbed = self._targets.testbed
        if testbed is None or not pid_of(testbed.place, "slurmctld"):
            return
        with suppress(TestbedError):
            for node, state in testbed.node_states().items():
                if state.startswith(("drain", "down")) and pid_of(testbed.place, f"slurmd-{node}"):
                    testbed.slurm("scontrol", "update", f"nodename={node}", "state=resume", check=False, seconds=20)
                    self._chronicle.note("resumed", node=node, state=state)

    # -- undoing -------------------------------------------------------------------------------------------------------

    def _hit(self, job_id: str) -> None:
        self.hits[job_id] += 1

    def _later(self, fault: Fault, undo: Undo) -> None:
        heapq.heappush(self._undo, (self._chronicle.seconds + fault.seconds, fault.number, fault.kind, undo))

    def _undo_due(self, now: float) -> None:
        while self._undo and self._undo[0][0] <= now:
            _, number, kind, undo = heapq.heappop(self._undo)
            try:
                undo()
                self._chronicle.note("undone", number=number, kind=kind)
            except (OSError, TestbedError) as exc:  # a process that was killed meanwhile; a daemon is mended in the end
                self._chronicle.note("undone", number=number, kind=kind, failed=str(exc)[-300:])
                if isinstance(exc, TestbedError) and now < float("inf"):  # a controller waits for its accounting
                    heapq.heappush(self._undo, (now + TEND_SECONDS, number, kind, undo))


def _picked(found: Sequence[Any], pick: float) -> Any:
    return found[int(pick * len(found))] if found else None


def _shards_of(rank: Process) -> list[Path]:
    """Return the shard that a rank writes, if it has begun one."""
    with suppress(OSError):
        opened = [os.readlink(f"/proc/{rank.pid}/fd/{name}") for name in os.listdir(f"/proc/{rank.pid}/fd")]
        return [Path(name) for name in opened if "/shards/a" in name and name.endswith(".jsonl") and "meta" not in name]
    return []
