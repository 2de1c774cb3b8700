"""Before the first item: see that the ranks are one world, on one home, in one image, and as the notebook is.

What is wrong here goes wrong silently later: N worlds of one rank that each run the whole dataset, a hang at the first
large message, rows in a folder that nobody else sees. Each failure names the cause and the mend.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field

from jupyter_featx.environment import Difference, compare, describe_like, image_identity
from jupyter_featx.errors import WorldError
from jupyter_featx.jobdir import JobDir, write_aside
from jupyter_featx.spec import JobSpec
from jupyter_featx.worker.arrival import HOME
from jupyter_featx.worker.exchange import TIMING, Exchange, Timing
from jupyter_featx.worker.world import MpiWorld, World

_TASK, _REPORT, _VERDICT = 7101, 7102, 7103
_MOST_DIFFERENCES = 20


@dataclass(frozen=True)
class Report:
    """What one rank found on its node."""

    host: str
    sees_nonce: bool = True
    image: str = ""
    differences: list[list[str]] = field(default_factory=list)


def check_world(world: World, job: JobDir, spec: JobSpec, timing: Timing = TIMING) -> list[str]:
    """Return what the user should know, on rank 0. Raises WorldError where the ranks cannot work together.

    Every rank calls this; none goes on before rank 0 has found all of them well.
    """
    exchange = world.exchange() if isinstance(world, MpiWorld) and world.size > 1 else None
    if world.rank == 0:
        return _lead(exchange, job, spec, timing)
    if exchange is not None:
        _follow(exchange, job, spec, timing)
    return []


def _lead(exchange: Exchange | None, job: JobDir, spec: JobSpec, timing: Timing) -> list[str]:
    reports = {0: _look(spec)}
    if exchange is not None:
        nonce, text = job.nonce(os.urandom(6).hex()), os.urandom(16).hex()
        write_aside(nonce, text)
        try:
            for rank in range(1, exchange.size):
                exchange.tell(rank, _TASK, {"nonce": str(nonce), "text": text})
            for rank, told in exchange.hear(_REPORT, exchange.size - 1, timing.answer):
                reports[rank] = Report(**told)
        finally:
            nonce.unlink(missing_ok=True)
        _refuse_silent(exchange, reports)
        _refuse_other_homes(reports, job)
        _refuse_hang(exchange, reports, timing)
    _refuse_other_images(reports.values())
    notes = list(_notes(reports.values()))
    if notes and spec.environment_policy == "strict":
        raise WorldError(
            f"The job's environment is not the notebook's: {'; '.join(notes)}. Start the notebook in the image that "
            "the job runs in, install the same versions, or submit with --environment warn."
        )
    if exchange is not None:
        for rank in range(1, exchange.size):
            exchange.tell(rank, _VERDICT, {})
        exchange.flush(timing.large)
    return notes


def _follow(exchange: Exchange, job: JobDir, spec: JobSpec, timing: Timing) -> None:
    task = next(exchange.hear(_TASK, 1, timing.answer), None)
    if task is None:
        raise WorldError(f"Rank 0 did not answer rank {exchange.rank} within {timing.answer:g} s. Submit again.")
    report = _look(spec, sees_nonce=_sees(job, task[1]["nonce"], task[1]["text"], timing.file))
    exchange.tell(0, _REPORT, asdict(report))
    exchange.echo(timing.verdict)
    if next(exchange.hear(_VERDICT, 1, timing.verdict), None) is None:
        raise WorldError(f"Rank 0 said no word to rank {exchange.rank} within {timing.verdict:g} s. Submit again.")


def _sees(job: JobDir, nonce: str, text: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while True:
        try:
            os.listdir(job.path)  # makes NFS ask its server again
            with open(nonce) as file:
                if file.read() == text:
                    return True
        except OSError:
            pass  # not there, or not there yet
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)


def _look(spec: JobSpec, *, sees_nonce: bool = True) -> Report:
    """Describe this node: its image, and in what it differs from the notebook."""
    path = os.environ.get("APPTAINER_CONTAINER") or os.environ.get("SINGULARITY_CONTAINER") or ""
    image = image_identity(path) if path else ""
    found: list[Difference] = []
    if spec.environment_policy != "off":
        submitted = spec.container.digest if spec.container else ""
        if submitted and image and submitted != image:
            found.append(Difference("the container image", submitted, image))
        if spec.environment:
            found += compare(spec.environment, {**describe_like(spec.environment, ""), "image": image})
    differences = [list(one) for one in dict.fromkeys(found)][:_MOST_DIFFERENCES]
    return Report(socket.gethostname(), sees_nonce, image, differences)


# -- what rank 0 makes of it ------------------------------------------------------------------------------------------


def _refuse_silent(exchange: Exchange, reports: Mapping[int, Report]) -> None:
    missing = sorted(set(range(exchange.size)) - set(reports))
    if missing:
        raise WorldError(
            f"{len(missing)} of {exchange.size} ranks gave no answer (the first: {missing[0]}). Their nodes hang, or "
            "MPI's messages do not reach them. Type '%featx log' for what they printed, and submit again."
        )


def _refuse_other_homes(reports: Mapping[int, Report], job: JobDir) -> None:
    blind = [report.host for report in reports.values() if not report.sees_nonce]
    if blind:
        raise WorldError(f"{_where(blind).capitalize()} does not see what rank 0 wrote into {job.path}. {HOME}")


def _refuse_hang(exchange: Exchange, reports: Mapping[int, Report], timing: Timing) -> None:
    hanging = exchange.silent(timing.large)
    if not hanging:
        return
    if any(report.image for report in reports.values()):
        mend = (
            "In a container each rank has its own user namespace: use an Apptainer that knows --sharens (1.3), or "
            "set OMPI_MCA_btl_vader_single_copy_mechanism=none (Open MPI 4), or MPIR_CVAR_CH4_CMA_ENABLE=0 and "
            "UCX_POSIX_USE_PROC_LINK=n (MPICH)"
        )
    else:
        mend = "Try OMPI_MCA_btl=self,tcp (Open MPI) or FI_PROVIDER=tcp (MPICH)"
    raise WorldError(
        f"A large MPI message did not come back from {_where(reports[rank].host for rank in hanging)} within "
        f"{timing.large:g} s, though small ones did. {mend}, in the setup lines of the configuration; submit again."
    )


def _refuse_other_images(reports: Iterable[Report]) -> None:
    images: dict[str, list[str]] = {}
    for report in reports:
        if report.image:
            images.setdefault(report.image, []).append(report.host)
    if len(images) > 1:
        few = min(images.values(), key=len)
        raise WorldError(
            f"{_where(few).capitalize()} runs another container image under the same name than the other nodes. "
            "Copy the image anew, or keep it in a folder that every node mounts, and submit again."
        )


def _notes(reports: Iterable[Report]) -> Iterator[str]:
    """Yield each difference once, with the nodes that have it."""
    hosts: dict[Difference, list[str]] = {}
    for report in reports:
        for parts in report.differences:
            hosts.setdefault(Difference(*parts), []).append(report.host)
    for difference, where in hosts.items():
        yield difference.words(_where(where))


def _where(hosts: Iterable[str]) -> str:
    """Name the nodes, the first three of many."""
    names = sorted(set(hosts))
    if len(names) == 1:
        return f"node {names[0]}"
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"nodes {', '.join(names[:3])}{more}"
