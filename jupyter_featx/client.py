"""The Python API: `submit`, `test`, `jobs`, and the `Job` that they give.

What a job needs only later (its table) or not always (a preflight) is imported where it is used: a submit is quick.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_featx import jobdir
from jupyter_featx.config import load
from jupyter_featx.errors import FeatxError, JobStateError
from jupyter_featx.jobdir import JobDir
from jupyter_featx.launcher import find_launcher
from jupyter_featx.manager import Draft, Manager
from jupyter_featx.options import SubmitOptions
from jupyter_featx.script import RunOptions
from jupyter_featx.spec import (
    parse_count,
    parse_duration,
    parse_memory,
)
from jupyter_featx.state import JobStatus
from jupyter_featx.template import Template, executed_cells, extract
from jupyter_featx.template.cells import Cell

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas

    from jupyter_featx.preflight import Preflight


@dataclass(frozen=True)
class Source:
    """Where a template comes from: its folder, and the notebook's other cells and live names where there are any."""

    folder: Path = field(default_factory=Path.cwd)
    name: str = "job"
    notebook: str | None = None
    cells: Sequence[Cell] = ()
    namespace: Mapping[str, object] | None = None
    labels: bool = True  # take `_process_output`, too

    @classmethod
    def of(cls, template: object) -> Source:
        """Return the source of what was given to `submit`: a file's own folder, else the current one."""
        if isinstance(template, (str, os.PathLike)) and "\n" not in str(template):
            path = os.path.abspath(os.path.expanduser(template))
            if os.path.isfile(path):  # unlike Path.is_file, it takes any text for a path
                return cls(Path(path).parent, _printable(Path(path).stem), path)
        shell = _running_shell()
        if shell is None or isinstance(template, (str, os.PathLike)):
            return cls()
        return cls(name="notebook", cells=executed_cells(shell), namespace=shell.user_ns)

    def template(self, asked: Any) -> Template:
        """Return the template of what was asked for. Raises TemplateError."""
        return extract(asked, cells=self.cells, namespace=self.namespace, folder=self.folder, labels=self.labels)


def _running_shell() -> Any:
    """Return the IPython shell that we are in, if we are: functions given to `submit` use names of its other cells."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def _about(template: Template, draft: Draft, source: Source) -> list[str]:
    """Say what is about to run: how many items, which functions, on what."""
    items = "1 item" if draft.report.total == 1 else f"{draft.report.total:,} items"
    lines = [f"{items} from {draft.report.source}"]
    places = [f"{name} of {place}" for name, place in template.origins.items() if place]
    if source.cells and places:
        lines.append(f"Functions: {', '.join(places)}")
    resources = draft.job.spec().resources
    here = len(os.sched_getaffinity(0))
    if draft.job.spec().scheduler == "local" and resources.cores > here:
        lines.append(f"{resources.cores} workers will share the {here} cores of this machine.")
    if resources.ranks > 1 and not find_launcher(resources.ranks):
        lines.append(f"There is no mpirun with mpi4py here: one rank runs instead of {resources.ranks}.")
    return lines


@dataclass(frozen=True)
class DryRun:
    """What would be submitted: nothing was."""

    script: str
    template: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return self.script

    __repr__ = __str__


class Job:
    """A handle on a job; all that it says is read from the job's folder when it is asked.

    Each method raises JobNotFound when the job was deleted meanwhile. docs/python-api.md has an example of each.
    """

    def __init__(self, job: JobDir, manager: Manager, lines: Sequence[str] = ()) -> None:
        self._job, self._manager = job, manager
        self.lines = tuple(lines)

    @property
    def id(self) -> str:
        """The job's name and a few digits, such as "zeolites-3f9a"."""
        return self._job.job_id

    @property
    def path(self) -> Path:
        """The job's folder."""
        return self._job.path

    def status(self) -> JobStatus:
        """Return state, reason, counts, speed and attempts as they are now."""
        return self._manager.status(self._job)

    def wait(self, timeout: float | None = None, tell: Callable[[JobStatus], None] | None = None) -> JobStatus:
        """Return the status when the job has ended.

        `tell` gets each status on the way. Raises TimeoutError when it takes longer than `timeout` seconds; the job
        goes on.
        """
        return self._manager.wait(self._job, timeout, tell)

    def cancel(self) -> JobStatus:
        """End the job and return its status; every finished row stays. Raises JobStateError when it does not run."""
        return self._manager.cancel(self._job)

    def retry(
        self,
        *,
        item_timeout: float | str | None = None,
        item_memory: str | None = None,
        max_failures: int | None = None,
        walltime: float | str | None = None,
    ) -> Job:
        """Run only the failed and missing items again: the code as it was submitted, other limits where given.

        Durations are seconds or a text such as "10m", memory is a text such as "4G". Returns at once. Raises
        JobStateError while the job runs and when every item succeeded, SpecError for a limit that cannot be.
        """
        options = RunOptions(
            item_timeout_seconds=parse_duration(item_timeout, "item_timeout"),
            item_memory_mb=parse_memory(item_memory, "item_memory"),
            max_failures=parse_count(max_failures, "max_failures"),
            walltime_seconds=parse_duration(walltime, "walltime"),
        )
        self._manager.retry(self._job, options)
        return self

    def delete(self) -> None:
        """Remove the job with its rows and its table. Raises JobStateError while it runs."""
        self._manager.delete(self._job)

    def result(self, columns: Sequence[str] | None = None, limit: int | None = None) -> pandas.DataFrame:
        """Return the table: a row for each item that succeeded, in the dataset's order; item, features, labels.

        While the job runs it is of the rows there are so far. `columns` takes only these, `limit` the first so many
        rows. Raises TableError for a column that is not there, or rows that no table can hold.
        """
        from jupyter_featx import table

        return self._read(lambda folder: table.read_table(folder / table.PARQUET, columns=columns, limit=limit))

    def features(self) -> pandas.DataFrame:
        """Return what `_process_input` gave (X), with plain names: a row for each of `result()`, items as index."""
        from jupyter_featx import table

        return self._read(lambda folder: table.features(folder / table.PARQUET))

    def labels(self) -> pandas.DataFrame:
        """Return what `_process_output` gave (y), with plain names, row for row as `features()`; else no columns."""
        from jupyter_featx import table

        return self._read(lambda folder: table.labels(folder / table.PARQUET))

    def errors(self, grouped: bool = True) -> pandas.DataFrame:
        """Return the failed items grouped by cause: count, kind, type, message, where, example; or one row for each."""
        from jupyter_featx import table

        found = self._read(lambda folder: table.read_errors(folder / table.ERRORS))
        return table.group_errors(found) if grouped else found

    def timings(self) -> pandas.DataFrame:
        """Return seconds, peak memory (MB), host, rank, worker and attempt: one row for each item that ran."""
        from jupyter_featx import table

        with jobdir.existing(self._job):
            return table.timings(self._job.shards, self._job.items, self._job.index)

    def usage(self) -> pandas.DataFrame:
        """Return core-hours, peak memory (MB) and CPU efficiency (0 to 1), one row for each attempt.

        By the accounting of the cluster; where there is none, core-hours are those of the job's own events.
        """
        import pandas

        from jupyter_featx.costs import RunCost, run_costs

        with jobdir.existing(self._job):
            runs = run_costs(self._manager, self._job.spec(), self.status())
        return pandas.DataFrame(map(asdict, runs), columns=[field.name for field in fields(RunCost)])

    def log(self) -> str:
        """Return what the job and the user's functions printed."""
        with jobdir.existing(self._job):
            return "".join(path.read_text(encoding="utf-8", errors="replace") for path in self._job.log_files())

    def script(self) -> str:
        """Return the script that was submitted."""
        return self._text(self._job.script)

    def template(self) -> str:
        """Return the code that runs."""
        return self._text(self._job.template)

    def _text(self, path: Path) -> str:
        with jobdir.existing(self._job):
            try:
                return path.read_text(encoding="utf-8", errors="surrogateescape")
            except OSError as exc:
                if not self._job.path.is_dir():
                    raise
                raise JobStateError(f"Cannot read {path}: {exc.strerror}. Submit the job again to have one.") from exc

    def _read(self, read: Callable[[Path], pandas.DataFrame]) -> pandas.DataFrame:
        """Return what is read from the folder of the table; one that is damaged is made again, once."""
        from jupyter_featx import table

        with jobdir.existing(self._job):
            try:
                return read(self._manager.table(self._job))
            except table.DamagedTable:
                return read(self._manager.table(self._job, again=True))

    def __str__(self) -> str:
        try:
            return str(self.status())
        except FeatxError as exc:  # deleted: to show it is no mistake
            return str(exc)

    __repr__ = __str__

    def _repr_html_(self) -> str | None:
        try:
            return self.status()._repr_html_()
        except FeatxError:
            return None


def submit(template: Any, data: Any, *, source: Source | None = None, **options: Any) -> Job | DryRun:
    """Run the template over every item of the dataset and return the job.

    `template` is a source text, a path (.py, .ipynb) or functions; `data` is a folder, a glob, a text file of paths, a
    CSV column or a list; `options` are the fields of `SubmitOptions`. Raises TemplateError, DatasetError, SpecError,
    PreflightError or SchedulerError; then no job is left behind.
    """
    config, manager = load(), Manager()
    asked = SubmitOptions.of(options, config)
    source = source or Source.of(template)
    found = source.template(template)
    with ExitStack() as held:  # until it is submitted, the job is ours alone
        draft = manager.draft(found, data, asked.dataset(), asked.spec(found, source, config), held)
        started = False
        try:
            lines = [*_about(found, draft, source), *draft.report.lines()]
            if asked.dry_run:
                return DryRun(Job(draft.job, manager).script(), found.text, tuple(lines))
            if starts := manager.check(draft.job):
                lines.append(starts)
            if asked.preflight:
                from jupyter_featx.preflight import check

                lines.append(check(draft.job, manager.root, cells=source.cells))
            if not manager.status(draft.job).attempts:  # a file system without locks let another be first
                manager.start(draft.job)
            started = True
        finally:
            if not started:
                jobdir.remove(draft.job)
    return Job(draft.job, manager, lines)


def test(template: Any, data: Any, *, source: Source | None = None, **options: Any) -> Preflight:
    """Run the template on a small sample in a fresh process and estimate the whole. Takes what `submit` takes."""
    from jupyter_featx.preflight import run_preflight

    config, manager = load(), Manager()
    asked = SubmitOptions.of(options, config)
    source = source or Source.of(template)
    found = source.template(template)
    with ExitStack() as held:
        draft = manager.draft(found, data, asked.dataset(), asked.spec(found, source, config), held)
        try:
            return run_preflight(draft.job, manager.root)
        finally:
            jobdir.remove(draft.job)


def jobs() -> pandas.DataFrame:
    """Return a table of all jobs, newest first."""
    import pandas

    columns = ["job", "name", "state", "total", "done", "failed", "created", "reason"]
    rows = [
        (s.job_id, s.name, str(s.state), s.total, s.done, s.failed, _local(pandas, s.created), _told(s))
        for s in Manager().jobs()
    ]
    return pandas.DataFrame(rows, columns=columns)


def _local(pandas: Any, seconds: float | None) -> Any:
    return pandas.Timestamp(time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)))


def _told(status: JobStatus) -> str:
    """Return the reason where it says more than the state."""
    return "" if status.reason == str(status.state) else status.reason


def job(key: str | None = None) -> Job:
    """Return the job with this id, beginning of an id, or name; without a key, the last one. Raises JobNotFound."""
    manager = Manager()
    return Job(manager.find(key), manager)


def _printable(text: str) -> str:
    """Make a name of a file's: what cannot be shown becomes "_"."""
    return "".join(c if c.isprintable() else "_" for c in text)[:100].strip() or "job"
