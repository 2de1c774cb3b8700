"""Knows the jobs: submit, status, cancel, retry, delete, table. Plain Python, for kernel, terminal and server alike.

It holds no state of its own: every answer is read from the job folders and, for a job that runs, from its scheduler.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from jupyter_featx import events, jobdir, script, table
from jupyter_featx.dataset import DatasetOptions, DatasetReport, prepare
from jupyter_featx.errors import JobNotFound, JobStateError, SchedulerError, SpecError
from jupyter_featx.events import Event
from jupyter_featx.jobdir import JobDir
from jupyter_featx.launcher import find_launcher
from jupyter_featx.schedulers.base import Scheduler
from jupyter_featx.schedulers.local import LocalScheduler
from jupyter_featx.script import RunOptions
from jupyter_featx.shards import MISSING, finished
from jupyter_featx.spec import JobSpec
from jupyter_featx.state import JobStatus, State, fold
from jupyter_featx.template import Template, module_files

_SILENT_SECONDS = 600  # a run that works writes every ten seconds


@dataclass(frozen=True)
class Draft:
    """A job that is ready to be submitted: the folder is whole, nothing runs."""

    job: JobDir
    report: DatasetReport


class Manager:
    """All the jobs under one FEATX_HOME."""

    def __init__(self, root: Path | None = None, schedulers: Mapping[str, Scheduler] | None = None) -> None:
        self._root = root
        self._schedulers = dict(schedulers or {"local": LocalScheduler()})
        self._writer = f"client-{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"

    @property
    def root(self) -> Path:
        return self._root or jobdir.home()

    def draft(
        self, template: Template, data: object, options: DatasetOptions, spec: JobSpec, held: ExitStack | None = None
    ) -> Draft:
        """Make the job folder. Raises DatasetError and SpecError; then nothing is left behind.

        Until `held` is closed nobody else can retry or delete the job.
        """
        self.scheduler(spec.scheduler)
        found: list[DatasetReport] = []

        def fill(job: JobDir, job_id: str) -> None:
            if held:
                held.enter_context(jobdir.locked(job))
            report = prepare(data, options, job.items, job.index, folder=Path(spec.workdir))
            found.append(report)
            jobdir.write_aside(job.template, template.text)
            copy_modules(template, job.modules)
            whole = replace(spec, job_id=job_id, total=report.total, data=report.source)
            jobdir.write_aside(job.spec_file, whole.to_json())
            final = JobDir(job.path.with_name(job_id))
            jobdir.write_aside(job.script, _render(final, whole, RunOptions()), mode=0o700)
            job.event_log(self._writer).append(events.Created(total=report.total))

        job = jobdir.create(spec.name, fill, self.root)
        return Draft(job, found[0])

    def start(self, job: JobDir) -> str:
        """Give the job's script to its scheduler; return the native id."""
        spec = job.spec()
        try:
            native_id = self.scheduler(spec.scheduler).submit(job.script, job.job_log)
        except SchedulerError as exc:
            self._say(job, events.Rejected(reason=str(exc)))
            raise
        try:
            self._say(job, events.Submitted(native_id=native_id, cores=spec.resources.cores))
        except BaseException:  # a run that nobody wrote down must not go on
            self.scheduler(spec.scheduler).cancel(native_id)
            raise
        return native_id

    def scheduler(self, name: str) -> Scheduler:
        if name not in self._schedulers:
            raise SpecError(f"scheduler={name!r} is not known here. Choose one of: {', '.join(self._schedulers)}.")
        return self._schedulers[name]

    def _say(self, job: JobDir, event: Event) -> None:
        """Append an event; also by a clock that was set back, it comes after everything that is known."""
        latest = max((known.time for known in events.read(job.events)), default=0.0)
        job.event_log(self._writer).append(replace(event, time=max(event.time, latest + 1e-6)))

    # -- looking ---------------------------------------------------------------------------------------------------

    def status(self, job: JobDir) -> JobStatus:
        """Return where the job is; a run that vanished is noticed here, and written down."""
        with jobdir.existing(job):
            status = self._settled([(job, job.spec())])[0]
            if status.created is None:  # no events: see that they did not go while we looked
                job.spec()
            return status

    def jobs(self) -> list[JobStatus]:
        """Return the status of every readable job, newest first."""
        found = self._settled(list(self._known()))
        return sorted(found, key=lambda status: status.created or 0.0, reverse=True)

    def _settled(self, jobs: list[tuple[JobDir, JobSpec]]) -> list[JobStatus]:
        """Fold the events of the jobs, and ask each scheduler once about the runs that have not said their last."""
        folded = {job: _fold(job, spec) for job, spec in jobs}
        asked: dict[str, dict[str, JobDir]] = {}
        for job, spec in jobs:
            if folded[job].state in (State.QUEUED, State.RUNNING):
                asked.setdefault(spec.scheduler, {})[folded[job].attempts[-1].native_id] = job
        specs = dict(jobs)
        for name, runs in asked.items():
            for native_id, event in self._poll(name, runs).items():
                job = runs[native_id]
                folded[job] = _fold(job, specs[job])  # its last words may have come before our asking
                if not folded[job].state.final:
                    with suppress(FileNotFoundError):  # the job is being deleted
                        self._say(job, event)
                    folded[job] = _fold(job, specs[job])
        return [_with_silence(job, status) for job, status in folded.items()]

    def _poll(self, name: str, native_ids: Collection[str]) -> Mapping[str, Event]:
        """Ask a scheduler; one that is not there, or not known here, has nothing to say of a job."""
        if name not in self._schedulers:
            return {}
        try:
            return self._schedulers[name].poll(native_ids)
        except SchedulerError:
            return {}

    def _known(self) -> Iterator[tuple[JobDir, JobSpec]]:
        for job in jobdir.all_jobs(self.root):
            try:
                yield job, job.spec()
            except (JobNotFound, SpecError):  # no job, one being deleted, or one of a newer version
                continue

    def find(self, key: str | None = None) -> JobDir:
        """Return the job of this id, unique beginning of an id, or name (then the newest); without a key, the last."""
        if key is not None:
            with suppress(JobNotFound):
                return jobdir.find(key, self.root)
        known = dict(self._known())
        if key is None:
            if not known:
                raise JobNotFound("There is no job yet. Type '%%featx submit --data FOLDER' above your functions.")
            return max(known, key=lambda job: known[job].created)
        if named := [job for job, spec in known.items() if spec.name == key]:
            return max(named, key=lambda job: known[job].created)
        begins = [job for job in known if key and job.job_id.startswith(key)]
        if len(begins) == 1:
            return begins[0]
        if begins:
            ids = ", ".join(job.job_id for job in begins[:5])
            raise JobNotFound(f"'{key}' begins {len(begins)} jobs: {ids}. Type more of the id.")
        raise JobNotFound(f"No job {key!r}. Run '%featx jobs' to list your jobs.")

    def wait(
        self, job: JobDir, timeout: float | None = None, tell: Callable[[JobStatus], None] | None = None
    ) -> JobStatus:
        """Return when the job has ended; raise TimeoutError when that takes longer than `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        begun, pause = time.monotonic(), 0.02
        while True:
            status = self.status(job)
            if tell:
                tell(status)
            if status.state.final:
                return status
            if not status.attempts:
                raise JobStateError(
                    f"Job '{job.job_id}' was never submitted. Type '%featx retry {job.job_id}' to run it."
                )
            left = float("inf") if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"Job '{job.job_id}' is still {status.state} after {timeout:g} s; it goes on.")
            time.sleep(min(pause, left))
            pause = min(0.1 if time.monotonic() - begun < 60 else 0.5, pause * 1.3)

    # -- acting ----------------------------------------------------------------------------------------------------

    def cancel(self, job: JobDir) -> JobStatus:
        """End the job's processes; every finished row stays."""
        status = self.status(job)
        if status.state.final or not status.attempts:
            raise JobStateError(f"Job '{job.job_id}' is {status.state}, not running; there is nothing to cancel.")
        native_id = status.attempts[-1].native_id
        with jobdir.existing(job):
            scheduler = self.scheduler(job.spec().scheduler)
            self._say(job, events.CancelAsked(native_id=native_id))
            try:
                scheduler.cancel(native_id)
            except SchedulerError:
                if not (silence := _silence(job, status)):
                    raise
                self._say(job, events.Lost(native_id=native_id, reason=f"given up: {silence}"))
        return self.status(job)

    def retry(self, job: JobDir, options: RunOptions) -> JobStatus:
        """Run the failed and missing items again, in a new attempt."""
        with jobdir.existing(job), jobdir.locked(job):
            status = self.status(job)
            if status.attempts and not status.state.final:
                raise JobStateError(f"Job '{job.job_id}' is {status.state}. Wait for it, or cancel it first.")
            if status.state is State.COMPLETED and not _anything_left(job, status):
                raise JobStateError(f"Every item of job '{job.job_id}' succeeded; there is nothing to retry.")
            text = _render(job, job.spec(), replace(options, retry_failed=job.next_attempt()))
            jobdir.write_aside(job.script, text, mode=0o700)
            self.start(job)
        return self.status(job)

    def delete(self, job: JobDir) -> None:
        """Remove the job's folder. Raises JobStateError while it runs."""
        with jobdir.existing(job), jobdir.locked(job):
            status = self.status(job)
            if status.attempts and not status.state.final:
                raise JobStateError(f"Job '{job.job_id}' is {status.state}. Type '%featx cancel {job.job_id}' first.")
            jobdir.remove(job)

    def table(self, job: JobDir, *, again: bool = False) -> Path:
        """Return the folder of the table: the job's own, or one made now from the rows there are so far.

        `again` makes it anew also when there is one.
        """
        status = self.status(job)
        complete = status.state is State.COMPLETED
        if complete and not again and status.merged_rows is not None and (job.path / table.PARQUET).exists():
            return job.path
        out = job.path if complete else job.partial
        begun = time.monotonic()
        with jobdir.existing(job):
            if not complete:
                out.mkdir(mode=0o700, exist_ok=True)
            info = table.merge(job.shards, job.items, job.index, out)
            jobdir.make_private(out)
            if complete:
                counts = {"rows": info.rows, "errors": info.errors, "unreadable": info.unreadable}
                self._say(job, events.Merged(**counts, seconds=round(time.monotonic() - begun, 3)))
        return out


def _fold(job: JobDir, spec: JobSpec) -> JobStatus:
    return replace(fold(events.read(job.events)), job_id=job.job_id, name=spec.name)


def _anything_left(job: JobDir, status: JobStatus) -> bool:
    """Tell whether an item failed or has no row, also when its row has gone since it was counted."""
    return bool(status.failed or status.remaining) or MISSING in finished(job.shards, status.total)


def _with_silence(job: JobDir, status: JobStatus) -> JobStatus:
    silence = "" if status.state.final or not status.attempts else _silence(job, status)
    if not silence:
        return status
    hint = f"If that machine is gone, type '%featx cancel {job.job_id}' to give the run up."
    return replace(status, reason=f"{silence}. {hint}")


def _silence(job: JobDir, status: JobStatus) -> str:
    """Say how long nothing was heard of a run on another machine; "" for one that speaks, or that we can ask about."""
    last = status.attempts[-1]
    host = last.host or (last.native_id.partition("/")[0] if "/" in last.native_id else "")
    if host in ("", socket.gethostname()):
        return ""
    seconds = time.time() - (job.last_words(last.number) or last.submitted)
    return f"runs on {host}, not heard of for {seconds // 60:.0f} min" if seconds >= _SILENT_SECONDS else ""


def _render(job: JobDir, spec: JobSpec, options: RunOptions) -> str:
    return script.render(job, spec, options, find_launcher(spec.resources.ranks), jobdir.site_templates())


def copy_modules(template: Template, folder: Path) -> None:
    """Copy the local modules that the template imports: the job runs what was submitted, whatever is edited later."""
    for module in template.modules:
        place = Path(module.path)
        for source in module_files(place):
            target = folder / source.relative_to(place.parent)
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.copyfile(source, target)
