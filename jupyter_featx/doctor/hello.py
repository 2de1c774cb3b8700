"""The doctor's own job: two ranks say what they see, on two nodes where there are two, bare and in the container."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from jinja2 import FileSystemLoader

from jupyter_featx import container, inherited, jobdir, script
from jupyter_featx.config import Config
from jupyter_featx.directives import directives
from jupyter_featx.errors import FeatxError
from jupyter_featx.events import Begun, Event, Lost, Unreachable, Waiting
from jupyter_featx.schedulers.base import Scheduler
from jupyter_featx.spec import AllocationSpec, ContainerSpec, JobSpec, ResourceSpec

_STEP_SECONDS = 25
_LOOK_SECONDS, _ASK_SECONDS = 0.3, 3.0
_PLACE = ("partition", "account", "qos", "constraint", "reservation", "gres")
_MPIRUN = ("mpirun", "-n", "$SLURM_JOB_NUM_NODES", "--bind-to", "none")


@dataclass(frozen=True)
class Plan:
    """What the job is made of: the configuration, how many nodes there are, and the image where there is one."""

    config: Config
    nodes: int
    image: ContainerSpec | None


@dataclass(frozen=True)
class Hello:
    """The job, before it is submitted: the folder that it writes into, with its script."""

    folder: Path
    nonce: str
    nodes: int
    ranks: int
    in_container: bool

    @property
    def script(self) -> Path:
        return self.folder / "hello.sh"

    @property
    def log(self) -> Path:
        return self.folder / "hello.log"


@dataclass(frozen=True)
class Ending:
    """How it went: `done`, `waited` (it never began), `silent` (it did not end) or `lost`; and why."""

    how: str
    reason: str = ""
    seconds: float = 0.0


def prepare(plan: Plan) -> Hello:
    """Make the folder below FEATX_HOME, and the script in it. Raises SpecError for what cannot stand in a script."""
    nonce = secrets.token_hex(8)
    folder = jobdir.home() / f".doctor-{nonce[:8]}"
    spec = _spec(plan)
    by_mpirun = plan.config.site.launcher in ("mpirun", "container")
    hello = Hello(folder, nonce, spec.resources.ranks, spec.resources.ranks if by_mpirun else 2, plan.image is not None)
    text = render(hello, spec)
    folder.mkdir(mode=0o700, parents=True)
    (folder / "nonce").write_text(nonce)
    hello.script.write_text(text)
    return hello


def _spec(plan: Plan) -> JobSpec:
    """Return the record of the job, in the place that the configuration's defaults name."""
    preset, root = plan.config.preset, jobdir.home()
    return JobSpec(
        job_id="featx-doctor",
        name="featx-doctor",
        created=time.time(),
        scheduler="slurm",
        python=sys.executable,
        workdir=str(root),
        data="",
        total=0,
        template_digest="",
        input_digest="",
        resources=ResourceSpec(cores=2, ranks=min(plan.nodes, 2), walltime_seconds=180.0, memory_per_core_mb=1024.0),
        allocation=replace(AllocationSpec(), **{name: preset[name] for name in _PLACE if name in preset}),
        site=plan.config.site,
        container=container.mounted(plan.image, [], str(root), root) if plan.image else None,
    )


def render(hello: Hello, spec: JobSpec) -> str:
    """Return the text of the job."""
    jinja = script.shell_templates(FileSystemLoader(Path(__file__).parent))
    return jinja.get_template("hello.sbatch.j2").render(
        folder=str(hello.folder),
        nodes=hello.nodes,
        seconds=_STEP_SECONDS,
        directives=[line for line in directives(spec, hello.folder) if not line.startswith(("--output", "--requeue"))],
        dropped_variables=inherited.DROPPED_VARIABLES,
        dropped_prefixes=inherited.BATCH_PREFIXES,
        step_variables=script.STEP_VARIABLES,
        **script.site_words(spec.site, _MPIRUN),
        container=container.command(spec),
        runtime=spec.container.runtime if spec.container else "",
        image=spec.container.image if spec.container else "",
        rank=[spec.python, "-m", "mpi4py", "-m", "jupyter_featx.worker.hello", str(hello.folder)],
    )


def run(hello: Hello, scheduler: Scheduler, seconds: float) -> Ending:
    """Submit the job and wait, so many seconds for it to begin and as many for it to end; then it is cancelled."""
    native_id = scheduler.submit(hello.script, hello.log)
    try:
        return _watch(hello, scheduler, native_id, seconds)
    finally:
        with suppress(FeatxError, OSError):  # whatever went wrong before this is what the user must see
            scheduler.cancel(native_id)


def _watch(hello: Hello, scheduler: Scheduler, native_id: str, seconds: float) -> Ending:
    start, asked, began = time.monotonic(), time.monotonic(), 0.0
    reason = ""
    while True:
        now = time.monotonic()
        if _is_there(hello.folder, "done"):
            return Ending("done", seconds=now - start)
        began = began or (now if _is_there(hello.folder, "begun") else 0.0)
        if now - asked >= _ASK_SECONDS:
            asked, event = now, _told(scheduler, native_id)
            reason = _words(event) or reason
            began = began or (now if isinstance(event, Begun) else 0.0)
            if isinstance(event, Lost) and not _is_there(hello.folder, "done"):
                return Ending("lost", reason, now - start)
        if now - (began or start) >= seconds:
            return Ending("silent" if began else "waited", reason, now - start)
        time.sleep(_LOOK_SECONDS)


def _told(scheduler: Scheduler, native_id: str) -> Event | None:
    found: Mapping[str, Event] = scheduler.poll([native_id])
    return found.get(native_id)


def _words(event: Event | None) -> str:
    if isinstance(event, Waiting):
        return f"{event.words or event.reason} ({event.reason})" if event.words != event.reason else event.reason
    if isinstance(event, Lost):
        return event.reason
    return event.message if isinstance(event, Unreachable) else ""


def _is_there(folder: Path, name: str) -> bool:
    """Look for a file of another machine: NFS looks again in a folder in which something changed."""
    look = folder / ".look"
    with suppress(OSError):
        look.touch()
        look.unlink()
    return (folder / name).exists()
