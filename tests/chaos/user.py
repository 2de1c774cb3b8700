"""The user of a run: submits jobs from a kernel, looks at them, does what our messages say, has tables judged."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos.agent import Agent, Targets
from chaos.chronicle import Chronicle
from chaos.faultfiles import Clock
from chaos.judge import csv_lies, judge, judge_some, read_tables
from chaos.kernel import Kernel, KernelDied
from chaos.shapes import Shape
from chaos.webserver import ServerBroke, WebServer
from scientist import Scientist

CALM_STEPS = 4  # that the user takes for one job after the last fault, and that finish no item, before giving up
SUBMITS = 40
PATIENCE = 300.0  # seconds without any news of a job, after the last fault, until it counts as hanging
LOOK_SECONDS = 1.5
SERVER_SECONDS = 10.0
HELD = ("held", "Held")


@dataclass
class Case:
    """One job of the run."""

    shape: Shape
    home: Path
    clock: Clock | None = None
    job_id: str = ""
    submits: int = 0
    steps: int = 0
    done_at_step: int = 0
    calm_steps: int = 0
    not_before: float = 0.0
    news: tuple[Any, ...] = ()
    news_at: float = field(default_factory=time.monotonic)
    ending: str = ""
    peeked: float = 0.0

    @property
    def folder(self) -> Path:
        return self.home / "jobs" / self.job_id

    def items(self) -> list[str]:
        return (self.folder / "items.txt").read_text().splitlines()


@dataclass
class Desk:
    """What the user works with."""

    scientist: Scientist
    homes: tuple[Path, Path]  # of usual size, and the small disk
    template: Path
    skewclock: Path
    evidence: Path
    targets: Targets
    chronicle: Chronicle
    kernels: dict[str, Kernel]
    server: WebServer


class User:
    """Takes one turn after the other; nothing here waits for a job."""

    def __init__(self, desk: Desk, shapes: Iterator[Shape], seed: int) -> None:
        self._desk, self._shapes = desk, shapes
        self._draw = random.Random(f"user-{seed}")
        self._asked_server = 0.0
        self._disputed: dict[str, tuple[str, str]] = {}
        self.agent: Agent | None = None
        self.calm = False  # no more faults come
        self.cases: list[Case] = []

    @property
    def open(self) -> list[Case]:
        return [case for case in self.cases if not case.ending]

    def turn(self, most: int) -> None:
        """Begin jobs up to so many, look at all, and take the next step of each."""
        while len(self.open) < most:
            shape = next(self._shapes)
            self.cases.append(Case(shape, self._desk.homes[shape.small_disk]))
        for case in self.open:
            if not case.job_id and time.monotonic() >= case.not_before and not self._submit(case):
                break  # with nobody to answer, each refusal can take a minute
        told = self._look()
        self._cancel_some()
        for case in self.open:
            if case.job_id in told:
                self._follow(case, told[case.job_id])
        self._ask_server(told)
        self._mind_the_agent()

    # -- submitting ----------------------------------------------------------------------------------------------------

    def _submit(self, case: Case) -> bool:
        """Submit a job, or give it up; False when it was refused."""
        case.submits += 1
        if case.submits > SUBMITS or (self.calm and case.calm_steps > CALM_STEPS):
            self._complain(case, "cannot be submitted")
            self._end(case, "not submitted")
            return True
        data = self._dataset(case)
        options = {**case.shape.options, "scheduler": case.shape.scheduler, "name": case.shape.name}
        act = f"featx.submit({str(self._desk.template)!r}, {str(data)!r}, **{options!r}).id"
        try:
            answer = self._ask("submit", case, act)
        except KernelDied:
            return self._adopt(case)
        if "ok" in answer:
            case.job_id = answer["ok"]
            self._begun(case)
            return True
        self._refused(case, "submit", answer)
        if left := self._folders(case):
            self._complain(case, f"a refused submit left {left}")
        return False

    def _adopt(self, case: Case) -> bool:
        """Find the job of a kernel that died while it submitted, if there is one."""
        if found := self._folders(case):
            case.job_id = found[0]
            self._begun(case)
        return bool(found)

    def _folders(self, case: Case) -> list[str]:
        return sorted(path.name for path in (case.home / "jobs").glob(f"{case.shape.name}-*"))

    def _begun(self, case: Case) -> None:
        shape = case.shape
        if case.clock is not None:
            self._desk.targets.clocks[case.job_id] = case.clock
        facts = {"work": shape.work, "scheduler": shape.scheduler, "items": len(shape.items)}
        self._desk.chronicle.note("begun", job=case.job_id, **facts, options=shape.options)

    def _dataset(self, case: Case) -> Path:
        folder = self._desk.scientist.folder / "data" / case.shape.name
        listing = folder.with_suffix(".txt")
        if not listing.exists():
            folder.mkdir(parents=True)
            for name in case.shape.items:
                (folder / name).touch()
            if case.shape.moved_clock:
                case.clock = Clock(folder.with_suffix(".clock"), self._desk.skewclock)
                case.clock.set(0)
            listing.write_text("".join(f"{folder / name}\n" for name in case.shape.items))
        return listing

    # -- looking -------------------------------------------------------------------------------------------------------

    def _look(self) -> dict[str, dict[str, Any]]:
        """Return what the user is told of each job."""
        told: dict[str, dict[str, Any]] = {}
        for home in self._desk.homes:
            with suppress(KernelDied):
                kernel = self._desk.kernels["look"]
                answer = kernel.ask("[facts(status) for status in Manager().jobs()]", home=home)
                if "ok" in answer:
                    told |= {facts["job"]: facts for facts in answer["ok"]}
                else:
                    self._desk.chronicle.note("look", home=home.name, **answer)
                    if "broken" in answer:
                        self._complain(None, f"looking at the jobs broke: {answer['broken'][-800:]}")
        self._desk.targets.natives = {
            native: case.job_id
            for case in self.open
            if case.shape.scheduler == "slurm"
            for native in told.get(case.job_id, {}).get("natives", ())
        }
        return told

    def _follow(self, case: Case, facts: dict[str, Any]) -> None:
        news = (facts["state"], facts["done"], facts["failed"], facts["attempts"], facts["reason"])
        if news != case.news:
            if news[0] != (case.news or [""])[0]:
                self._desk.chronicle.note("state", **{name: facts[name] for name in _TOLD})
            case.news, case.news_at = news, time.monotonic()
        if time.monotonic() < case.not_before:
            return
        state = facts["state"]
        if state == "completed":
            self._judge(case, facts)
        elif state in ("failed", "cancelled"):
            if not facts["reason"]:
                self._complain(case, f"{state} without a reason")
            self._step(case, "retry", facts)
        elif state == "new":
            self._step(case, "retry", facts)
        elif any(word in facts["reason"] for word in HELD):
            self._release(case, facts)
        elif self.calm and time.monotonic() - case.news_at > PATIENCE:
            self._complain(case, f"hangs: {news}")
            self._end(case, "hangs")
        else:
            self._peek(case, facts)

    def _peek(self, case: Case, facts: dict[str, Any]) -> None:
        """Now and then look at the rows there are so far."""
        if not facts["done"] or time.monotonic() - case.peeked < 20 or self._draw.random() > 0.2:
            return
        case.peeked = time.monotonic()
        with suppress(KernelDied):
            answer = self._ask("look", case, f"len(featx.job({case.job_id!r}).result())")
            if "ok" not in answer:
                self._refused(case, "peek", answer)
                return
            folder = case.folder / "partial"
            if folder.exists():
                for lie in judge_some(case.items(), read_tables(folder)[0])[:5]:
                    self._complain(case, f"while it ran: {lie}")

    # -- steps ---------------------------------------------------------------------------------------------------------

    def _step(self, case: Case, verb: str, facts: dict[str, Any]) -> None:
        """Do what the message says: try again, at most a few times after the last fault."""
        case.steps += 1
        if facts["done"] <= case.done_at_step:  # a run that the walltime ends has brought the job on
            case.calm_steps += self.calm
        case.done_at_step = facts["done"]
        if case.calm_steps > CALM_STEPS:
            self._complain(case, f"does not complete after {case.steps - 1} steps: {facts['state']}, {facts['reason']}")
            self._end(case, "says why not" if facts["reason"] else "fails")
            return
        try:
            answer = self._ask("submit", case, f"featx.job({case.job_id!r}).{verb}() and None")
        except KernelDied:
            return
        self._desk.chronicle.note("step", job=case.job_id, verb=verb, after=facts["state"], reason=facts["reason"])
        if "ok" not in answer:
            self._refused(case, verb, answer)

    def _release(self, case: Case, facts: dict[str, Any]) -> None:
        testbed = self._desk.targets.testbed
        case.not_before = time.monotonic() + 5
        for native in facts["natives"]:
            if testbed is not None:
                testbed.slurm("scontrol", "release", native, check=False, seconds=30)
        self._desk.chronicle.note("step", job=case.job_id, verb="release", after=facts["state"], reason=facts["reason"])

    def _cancel_some(self) -> None:
        cancels, self._desk.targets.cancels = self._desk.targets.cancels, []
        running = [case for case in self.open if case.job_id and case.news and case.news[0] in ("queued", "running")]
        for pick in cancels if running else ():
            case = running[int(pick * len(running))]
            with suppress(KernelDied):
                answer = self._ask("submit", case, f"featx.job({case.job_id!r}).cancel() and None")
                self._desk.chronicle.note("step", job=case.job_id, verb="cancel", answer=str(answer)[:300])
                if "broken" in answer:
                    self._refused(case, "cancel", answer)

    def _refused(self, case: Case, verb: str, answer: dict[str, Any]) -> None:
        """Wait a little after a refusal; a traceback is none."""
        case.not_before = time.monotonic() + 3
        case.calm_steps += self.calm
        self._desk.chronicle.note("refused", job=case.job_id or case.shape.name, verb=verb, **answer)
        if "broken" in answer:
            self._complain(case, f"{verb} broke: {answer['broken'][-1500:]}")

    def _ask(self, kernel: str, case: Case, act: str) -> dict[str, Any]:
        variables = case.clock.variables() if case.clock else {}
        found: dict[str, Any] = self._desk.kernels[kernel].ask(act, home=case.home, variables=variables)
        return found

    # -- judging -------------------------------------------------------------------------------------------------------

    def _judge(self, case: Case, facts: dict[str, Any]) -> None:
        try:
            answer = self._ask("look", case, f"len(featx.job({case.job_id!r}).result())")
        except KernelDied:
            return
        if "ok" not in answer:
            self._refused(case, "result", answer)
            return
        items, (rows, errors) = case.items(), read_tables(case.folder)
        verdict = judge(items, rows, errors)
        lies = [*verdict.lies, *csv_lies(case.folder, rows), *self._miscounted(case, facts, rows, errors)]
        if verdict.lies and facts["done"] + facts["failed"] < facts["total"]:
            self._step(case, "retry", facts)  # it says itself that rows are missing, and what to type
            return
        if lies:
            for lie in lies[:10]:
                self._complain(case, lie)
            self._end(case, "lies")
        elif verdict.blamed:
            self._heal(case, facts, verdict.blamed)
        else:
            self._judged(case, facts, "equals the oracle")

    def _miscounted(self, case: Case, facts: dict[str, Any], rows: list[Any], errors: list[Any]) -> Iterator[str]:
        if (facts["done"], facts["failed"]) != (len(rows), len(errors)):
            yield f"counts: {facts['done']} done, {facts['failed']} failed; the table has {len(rows)}, {len(errors)}"
        if tuple(map(_base, case.items())) != case.shape.items:
            yield "the job's items are not those that were given"

    def _heal(self, case: Case, facts: dict[str, Any], blamed: dict[str, str]) -> None:
        """Retry items that the faults made fail; without a fault nothing may have."""
        agent = self.agent
        hit = agent is not None and (
            agent.hits[case.job_id] or (agent.hits["slurm"] and case.shape.scheduler == "slurm")
        )
        shown = dict(list(blamed.items())[:5])
        self._desk.chronicle.note("blamed", job=case.job_id, count=len(blamed), items=shown)
        if not hit and "crash" in blamed.values():
            self._complain(case, f"items are blamed though nothing happened to the job: {shown}")
        self._step(case, "retry", facts)

    def _judged(self, case: Case, facts: dict[str, Any], ending: str) -> None:
        self._end(case, ending, attempts=facts["attempts"])
        with suppress(KernelDied):
            answer = self._ask("submit", case, f"featx.job({case.job_id!r}).delete()")
            if "ok" not in answer:
                self._refused(case, "delete", answer)
        data = self._desk.scientist.folder / "data" / case.shape.name
        shutil.rmtree(data, ignore_errors=True)

    def _end(self, case: Case, ending: str, attempts: int = 0) -> None:
        case.ending = ending
        self._desk.targets.clocks.pop(case.job_id, None)
        shape = case.shape
        facts = {"work": shape.work, "scheduler": shape.scheduler, "items": len(shape.items)}
        self._desk.chronicle.note(
            "judged", job=case.job_id or shape.name, ending=ending, **facts, steps=case.steps, attempts=attempts
        )

    def _complain(self, case: Case | None, text: str) -> None:
        """Write down a lie, and keep the job's folder as evidence."""
        name = (case.job_id or case.shape.name) if case else "run"
        self._desk.chronicle.note("complaint", job=name, text=text)
        if case is not None and case.job_id and case.folder.exists():
            with suppress(OSError, shutil.Error):
                shutil.copytree(case.folder, self._desk.evidence / case.job_id, dirs_exist_ok=True)

    # -- the server ----------------------------------------------------------------------------------------------------

    def _ask_server(self, told: dict[str, dict[str, Any]]) -> None:
        """See now and then that the server, started again where it died, tells of the jobs that there are."""
        server = self._desk.server
        server.start()
        if time.monotonic() - self._asked_server < SERVER_SECONDS:
            return
        self._asked_server = time.monotonic()
        try:
            found = server.jobs()
        except ServerBroke as exc:
            self._complain(None, f"the server answered {exc}")
            return
        if found is None:
            return
        here = {case.job_id for case in self.open if case.job_id and case.home == self._desk.homes[0]} & told.keys()
        if missing := here - found.keys():
            self._complain(None, f"the server does not tell of {sorted(missing)}")
        disputed = {
            job_id: (told[job_id]["state"], found[job_id]["state"])
            for job_id in here & found.keys()
            if told[job_id]["state"] in _FINAL and found[job_id]["state"] not in (told[job_id]["state"], *_ACTIVE)
        }
        for job_id in disputed.items() & self._disputed.items():  # once may be a step between the two looks
            self._complain(None, f"the server and the API say of a job: {job_id}")
        self._disputed = disputed

    def _mind_the_agent(self) -> None:
        if self.agent is not None and self.agent.broken is not None:
            raise RuntimeError("the agent has stopped") from self.agent.broken


_TOLD = ("job", "state", "reason", "done", "failed", "total", "attempts")
_ACTIVE, _FINAL = ("new", "queued", "running"), ("completed", "failed", "cancelled")


def _base(path: str) -> str:
    return path.rpartition("/")[2]
