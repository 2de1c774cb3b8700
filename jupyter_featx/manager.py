"""Knows the jobs: submit, status, cancel, retry, delete, table. Plain Python, for kernel, terminal and server alike.

It holds no state of its own: every answer is read from the job folders and, for a job that runs, from its scheduler.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from jupyter_featx import container, events, jobdir, script
from jupyter_featx.config import load
from jupyter_featx.dataset import DatasetOptions, DatasetReport, prepare
from jupyter_featx.errors import JobNotFound, JobStateError, SchedulerError, SpecError
from jupyter_featx.events import Event
from jupyter_featx.items import ItemFile
from jupyter_featx.jobdir import JobDir
from jupyter_featx.launcher import find_launcher
from jupyter_featx.schedulers.base import Scheduler
from jupyter_featx.schedulers.known import known_schedulers
from jupyter_featx.script import RunOptions
from jupyter_featx.settling import Journal, Read, running_attempts, settled, silence_of
from jupyter_featx.shards import MISSING, finished
from jupyter_featx.spec import JobSpec
from jupyter_featx.state import JobStatus, State
from jupyter_featx.template import Template, module_files


@dataclass(frozen=True)
class Draft:
    """A job that is ready to be submitted: the folder is whole, nothing runs."""

    job: JobDir
    report: DatasetReport


class Manager:
    """All the jobs under one FEATX_HOME."""

    def __init__(
        self,
        root: Path | None = None,
        schedulers: Mapping[str, Scheduler] | None = None,
        read: Read = events.read,  # who looks again and again remembers what was there
    ) -> None:
        self._root, self._journal = root, Journal(read, self._say)
        self._schedulers: Mapping[str, Scheduler] = schedulers or known_schedulers()
        self._writer = f"client-{socket.gethostname()}-{os.getpid()}-{os.urandom(3).hex()}"

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
            if spec.container:
                with ItemFile(job.items, job.index) as items:
                    mounted = container.mounted(spec.container, items, spec.workdir, self.root)
                whole = replace(whole, container=mounted)
            jobdir.write_aside(job.spec_file, whole.to_json())
            final = JobDir(job.path.with_name(job_id))
            jobdir.write_aside(job.script, _render(final, whole, RunOptions()), mode=0o700)
            job.event_log(self._writer).append(events.Created(total=report.total))

        job = jobdir.create(spec.name, fill, self.root)
        return Draft(job, found[0])

    def check(self, job: JobDir) -> str:
        """Ask the scheduler whether it would take the job, submit nothing; return what it says of the start.

        Raises SpecError for what the cluster cannot give, and SchedulerError where it refuses or does not answer.
        """
        spec = job.spec()
        scheduler = self.scheduler(spec.scheduler)
        scheduler.check(spec)
        try_it = getattr(scheduler, "test_only", None)
        return str(try_it(job.script)) if try_it else ""

    def start(self, job: JobDir, parts: Sequence[int] | None = None) -> None:
        """Give the job's script to its scheduler: one run for each part of the dataset that is to run, or for all."""
        with jobdir.existing(job):
            self._start(job, parts)
        jobdir.announce(job)

    def _start(self, job: JobDir, parts: Sequence[int] | None) -> None:
        spec = job.spec()
        scheduler, count = self.scheduler(spec.scheduler), spec.resources.jobs
        submitted: list[str] = []
        try:
            for part in range(count) if parts is None else parts:
                words = [str(part)] if count > 1 else []
                submitted.append(native_id := scheduler.submit(job.script, job.job_log, words))
                self._say(
                    job, events.Submitted(native_id=native_id, cores=spec.resources.cores, part=part, parts=count)
                )
        except BaseException as exc:  # a run that nobody wrote down must not go on, nor a part of a dataset alone
            for native_id in submitted:
                scheduler.cancel(native_id)
                with suppress(OSError):
                    self._say(job, events.CancelAsked(native_id=native_id))
            if isinstance(exc, SchedulerError):
                self._say(job, events.Rejected(reason=str(exc)))
            raise

    def scheduler(self, name: str) -> Scheduler:
        if name not in self._schedulers:
            raise SpecError(f"scheduler={name!r} is not known here. Choose one of: {', '.join(self._schedulers)}.")
        return self._schedulers[name]

    def _say(self, job: JobDir, event: Event) -> None:
        """Append an event; also by a clock that was set back, it comes after everything that is known."""
        job.event_log(self._writer).append(events.after_known(event, job.events))

    # -- looking ---------------------------------------------------------------------------------------------------

    def status(self, job: JobDir, spec: JobSpec | None = None) -> JobStatus:
        """Return where the job is; a run that vanished is noticed here, and written down."""
        with jobdir.existing(job):
            status = settled([(job, spec or job.spec())], self._schedulers, self._journal)[0]
            if status.created is None:  # no events: see that they did not go while we looked
                job.spec()
            return status

    def jobs(self) -> list[JobStatus]:
        """Return the status of every readable job, newest first."""
        found = settled(list(self._known()), self._schedulers, self._journal)
        return sorted(found, key=lambda status: status.created or 0.0, reverse=True)

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
                raise JobNotFound("There is no job yet. Type '%featx submit --help' to see how one is made.")
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
        begun = time.monotonic()
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
            waited = time.monotonic() - begun  # a short job is missed by little, a long one costs little to wait for
            time.sleep(min(left, max(0.01, min(0.1 if waited < 60 else 0.5, waited / 30))))

    # -- acting ----------------------------------------------------------------------------------------------------

    def cancel(self, job: JobDir) -> JobStatus:
        """End the job's processes; every finished row stays."""
        status = self.status(job)
        if status.state.final or not status.attempts:
            raise JobStateError(f"Job '{job.job_id}' is {status.state}, not running; there is nothing to cancel.")
        with jobdir.existing(job):
            spec = job.spec()
            scheduler = self.scheduler(spec.scheduler)
            for attempt in running_attempts(status):
                self._say(job, events.CancelAsked(native_id=attempt.native_id))
            for attempt in running_attempts(status):
                try:
                    scheduler.cancel(attempt.native_id)
                except SchedulerError:
                    if not (silence := silence_of(job, spec, status)):
                        raise
                    self._say(job, events.Lost(native_id=attempt.native_id, reason=f"given up: {silence}"))
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
            self.start(job, _unfinished_parts(status))
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
        from jupyter_featx import table

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


def _unfinished_parts(status: JobStatus) -> list[int] | None:
    """Return the parts of the dataset in which an item failed or has no row; None for all."""
    if not status.current or status.missing:
        return None
    through = {a.part for a in status.current if a.state is State.COMPLETED and not a.failed}
    return sorted(set(range(status.current[0].parts)) - through) or None


def _anything_left(job: JobDir, status: JobStatus) -> bool:
    """Tell whether an item failed or has no row, also when its row has gone since it was counted."""
    return bool(status.failed or status.remaining) or MISSING in finished(job.shards, status.total)


def _render(job: JobDir, spec: JobSpec, options: RunOptions) -> str:
    folders = script.template_folders(load().templates)
    return script.render(job, spec, options, script.Machine(find_launcher(spec.resources.ranks), folders))


def copy_modules(template: Template, folder: Path) -> None:
    """Copy the local modules that the template imports: the job runs what was submitted, whatever is edited later."""
    import shutil

    for module in template.modules:
        place = Path(module.path)
        for source in module_files(place):
            target = folder / source.relative_to(place.parent)
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.copyfile(source, target)
