"""One random-fault run from its beginning to its end: set up, faults, calm, judgement, and nothing left behind."""

from __future__ import annotations

import faulthandler
import fcntl
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from chaos import work_template
from chaos.agent import Agent, Targets
from chaos.chronicle import Chronicle
from chaos.faultfiles import SmallDisk, make_skewclock
from chaos.kernel import Kernel
from chaos.plan import plan as plan_faults
from chaos.processes import all_with
from chaos.shapes import shapes
from chaos.user import LOOK_SECONDS, Desk, User
from chaos.webserver import WebServer
from clusterstart import start_cluster
from daemons import TestbedError, pid_of
from scientist import Scientist
from testbed import Testbed

SMALL = "small"  # the folder of the FEATX_HOME on a disk of its own
SETUP_SECONDS = 900  # for the cluster to start and to be mended
HELD = "FEATX_TESTBED_HELD"  # set by tests that hold the cluster already


@dataclass(frozen=True)
class Plan:
    """What is asked of a run."""

    seed: int
    seconds: float
    calm_seconds: float
    pause: float
    jobs: int
    slurm: bool
    log: Path
    loud: bool = False


def run(plan: Plan) -> int:
    """Run, and return the exit status: not 0 when a job lied or hung, or the run itself broke."""
    shutil.rmtree(plan.log, ignore_errors=True)
    chronicle = Chronicle(plan.log / "log.jsonl", loud=plan.loud)
    print(f"random faults: seed {plan.seed}, {plan.seconds / 60:g} minutes, log in {chronicle.path}", flush=True)
    with ExitStack() as stack:
        folders: list[Path] = []
        stack.enter_context(_watchdog(plan, chronicle, folders))
        try:
            testbed = stack.enter_context(_cluster())
            user = stack.enter_context(_user(plan, testbed, chronicle, folders))
            _live(plan, user, chronicle)
        except Exception:
            chronicle.note("complaint", job="run", text=f"the run broke: {traceback.format_exc()}")
    print(chronicle.summary(), flush=True)
    lost = chronicle.of("complaint") or not chronicle.of("judged")
    print(f"seed {plan.seed}: {'NOT CLEAN' if lost else 'clean'} after {chronicle.seconds:.0f} s", flush=True)
    return 1 if lost else 0


def _live(plan: Plan, user: User, chronicle: Chronicle) -> None:
    """Let the faults come for their time, then let the jobs end."""
    agent = user.agent
    assert agent is not None
    user.turn(plan.jobs)  # faults need victims
    chronicle.begin()
    agent.thread.start()
    while chronicle.seconds < plan.seconds:
        _turn(user, plan.jobs)
    agent.stop()
    agent.mend()
    chronicle.note("calm", open=len(user.open))
    user.calm = True
    for case in user.open:
        case.news_at = time.monotonic()
    until = chronicle.seconds + plan.calm_seconds
    while user.open and chronicle.seconds < until:
        _turn(user, 0)
    for case in user.open:
        chronicle.note("complaint", job=case.job_id or case.shape.name, text=f"did not end: {case.news}")


def _turn(user: User, most: int) -> None:
    begun = time.monotonic()
    user.turn(most)
    time.sleep(max(0.1, LOOK_SECONDS - (time.monotonic() - begun)))


@contextmanager
def _cluster() -> Iterator[Testbed]:
    """The Slurm cluster of the tests, ours alone; ended afterwards where it did not run before."""
    testbed = Testbed()
    ran = pid_of(testbed.place, "slurmctld") is not None
    start_cluster(SETUP_SECONDS)
    with (testbed.place.folder / "log" / "start.log").open("rb") as file:
        if HELD not in os.environ:
            fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield testbed
        finally:
            if not ran:
                testbed.stop()


@contextmanager
def _user(plan: Plan, testbed: Testbed, chronicle: Chronicle, folders: list[Path]) -> Iterator[User]:
    """The user with kernels, server and disks; nothing of it is left afterwards."""
    scientist = Scientist(testbed, f"chaos-{plan.seed}")
    folders.append(scientist.folder)
    disk = SmallDisk(scientist.folder / SMALL)
    kernels = {name: Kernel(scientist, name) for name in ("submit", "look")}
    server = WebServer(scientist)
    pids = {"kernel": lambda: kernels["submit"].pid, "server": lambda: server.pid}
    homes = (scientist.featx_home, disk.folder)
    targets = Targets(homes, disk, testbed if plan.slurm else None, lambda what: pids[what]())
    faults = plan_faults(plan.seed, plan.seconds, slurm=plan.slurm, pause=plan.pause)
    agent = Agent(faults, targets, chronicle)
    try:
        disk.mount(scientist)
        template = scientist.write("work_template.py", Path(work_template.__file__).read_text())
        (scientist.folder / "data").mkdir()
        skewclock = make_skewclock(scientist.folder)
        desk = Desk(scientist, homes, template, skewclock, plan.log / "jobs", targets, chronicle, kernels, server)
        user = User(desk, shapes(plan.seed, slurm=plan.slurm), plan.seed)
        user.agent = agent
        yield user
    finally:
        with suppress(TestbedError, OSError):
            agent.stop()
            agent.mend()
        for part in (*kernels.values(), server):
            part.stop()
        _leave_nothing(scientist, disk, testbed, chronicle)


def _leave_nothing(scientist: Scientist, disk: SmallDisk, testbed: Testbed, chronicle: Chronicle) -> None:
    """End what still runs, and remove the user's folder."""
    testbed.slurm("scancel", "--quiet", f"--user={scientist.user}", check=False)
    time.sleep(1)
    kill_all_with(scientist.folder)
    with suppress(TestbedError):
        testbed.wait_for_clear()
    disk.unmount()
    shutil.rmtree(scientist.folder, ignore_errors=True)
    if left := all_with(scientist.folder):
        chronicle.note("complaint", job="run", text=f"processes are left: {left}")
    if os.path.ismount(disk.folder) or scientist.folder.exists():
        chronicle.note("complaint", job="run", text=f"{scientist.folder} is left")


def kill_all_with(mark: Path) -> None:
    """Kill every process that has this path in its command line or environment."""
    for _ in range(20):
        found = all_with(mark)
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not found:
            return
        time.sleep(0.2)


@contextmanager
def _watchdog(plan: Plan, chronicle: Chronicle, folders: Sequence[Path]) -> Iterator[None]:
    """End a run that hangs: with the stacks of all threads, the summary, and whatever of it still runs."""
    limit = SETUP_SECONDS + plan.seconds + plan.calm_seconds + 300
    over = threading.Event()

    def watch() -> None:
        if over.wait(limit):
            return
        chronicle.note("complaint", job="run", text=f"the run hung for {limit:.0f} s and was ended")
        faulthandler.dump_traceback(file=sys.stderr)
        print(chronicle.summary(), flush=True)
        for folder in folders:
            kill_all_with(folder)
            SmallDisk(folder / SMALL).unmount()
        os._exit(3)

    threading.Thread(target=watch, name="watchdog", daemon=True).start()
    faulthandler.dump_traceback_later(limit + 120, exit=True)
    try:
        yield
    finally:
        over.set()
        faulthandler.cancel_dump_traceback_later()
