"""`%featx` and `%%featx`: parse the line, call what everybody else calls, display what it gives."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class

from jupyter_featx import client, image
from jupyter_featx.arguments import Command, parse
from jupyter_featx.cards.job import not_completed, unfinished_note
from jupyter_featx.cards.wording import counted, steady
from jupyter_featx.client import DryRun, Job
from jupyter_featx.cluster import Overview, overview
from jupyter_featx.config import load as load_config
from jupyter_featx.dataset import DatasetOptions, resolve
from jupyter_featx.errors import FeatxError, JobStateError, SpecError
from jupyter_featx.notebook import follow
from jupyter_featx.notebook.source import THIS_NOTEBOOK, FailedCells, notebook_source, refuse_without_input
from jupyter_featx.notebook.tables import wide
from jupyter_featx.spec import parse_count
from jupyter_featx.state import State
from jupyter_featx.template import extract

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas
    from IPython.core.interactiveshell import InteractiveShell

_LOG_LINES = 200
_DATASET = {field.name for field in fields(DatasetOptions)}


def load(shell: InteractiveShell) -> None:
    """Register the magics, and the live card as what a job looks like here."""
    shell.register_magics(FeatxMagics)
    formatter = shell.display_formatter.ipython_display_formatter
    formatter.for_type(Job, follow.display_live)


@magics_class
class FeatxMagics(Magics):
    """The verbs of `%featx`; it remembers the dataset between two of them."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._failed = FailedCells()
        shell.events.register("post_run_cell", self._failed.note)
        self._data: Any = None
        self._dataset: Mapping[str, Any] = {}

    @line_cell_magic
    def featx(self, line: str, cell: str | None = None) -> object:
        """Submit, watch and collect jobs. Type `%featx help`."""
        with _one_line_errors():
            command = parse(line)
            if cell is not None:
                if command.verb not in ("submit", "test"):
                    raise SpecError(f"%%featx is for submit and test. Type '%featx {command.verb}', with one %.")
                refuse_without_input(cell)
                self._define(cell)
            if command.verb in ("submit", "test"):
                return getattr(self, f"do_{command.verb}")(command, cell)
            return getattr(self, f"do_{command.verb}")(command)

    def _define(self, cell: str) -> None:
        """Run the cell as if there were no magic above it: its functions can be called afterwards."""
        first = cell.lstrip("\n")[:1]
        # One line for the magic, so that a traceback counts the lines as the user sees them.
        text = cell if first in ("%", " ", "\t") else f"# %%featx\n{cell}"
        hook = self.shell.displayhook
        outer = hook.exec_result
        result = self.shell.run_cell(text, store_history=False)
        hook.exec_result = outer
        if not result.success:
            self._failed.ends[self.shell.execution_count] = 0
            raise SpecError("The cell itself failed (see above), so nothing was submitted. Mend it and run it again.")

    def do_submit(self, command: Command, cell: str | None) -> object:
        template, data, options = self._asked(command, cell)
        job = client.submit(template, data, **options)
        print(*job.lines, sep="\n")
        if isinstance(job, DryRun):
            print(job)
            return None
        return self._finish(job, command) if command.wait or command.out else job

    def do_test(self, command: Command, cell: str | None) -> object:
        template, data, options = self._asked(command, cell)
        if command.data is not None:  # the next thing to type is `%featx submit`
            self._remember(command)
        return client.test(template, data, **options)

    def _asked(self, command: Command, cell: str | None) -> tuple[object, object, dict[str, Any]]:
        """Return template, data and options, with what `%featx data` remembered."""
        data = self._data if command.data is None else self._live(command.data)
        if data is None:
            raise SpecError("There is no dataset yet. Type --data FOLDER, or '%featx data FOLDER' for all that follow.")
        remembered = self._dataset if command.data is None else {}
        options = {**remembered, **command.options}
        if command.template is not None:
            return Path(command.template), data, options
        return THIS_NOTEBOOK, data, {**options, "source": notebook_source(self.shell, cell, self._failed)}

    def do_data(self, command: Command) -> None:
        if command.data is None:
            said = f"The dataset is {self._named()}." if self._data is not None else "There is no dataset yet."
            print(f"{said} Type '%featx data PATH' to choose one.")
            return
        data = self._live(command.data)
        limit = parse_count(command.options.get("limit"), "limit")
        found = resolve(data, DatasetOptions(**{**command.options, "limit": limit}), folder=Path.cwd())
        self._remember(command)
        print(f"{counted(len(found), 'item')} in {command.data}, remembered for submit and test.")

    def _named(self) -> str:
        """Return what is remembered, with the options that hold for it."""
        given = [f"--{name}" if value is True else f"--{name} {value}" for name, value in self._dataset.items()]
        return f"{self._data!r:.200}{', with ' if given else ''}{' '.join(given)}"

    def _remember(self, command: Command) -> None:
        """Keep the dataset for later submits and tests."""
        data = self._live(command.data or "")
        # A folder stays the same one, wherever the notebook goes later.
        self._data = os.path.abspath(os.path.expanduser(data)) if isinstance(data, str) else data
        self._dataset = {name: value for name, value in command.options.items() if name in _DATASET}

    def _live(self, text: str) -> object:
        """Return the notebook's list or Series of this name, where no file has that name; else the text."""
        value = self.shell.user_ns.get(text) if text.isidentifier() else None
        return text if value is None or callable(value) or Path(text).exists() else value

    def do_help(self, command: Command) -> None:
        print(command.text)

    def do_jobs(self, command: Command) -> object:
        return wide(client.jobs())

    def do_status(self, command: Command) -> Job:
        return client.job(command.job)

    def do_wait(self, command: Command) -> object:
        return self._finish(client.job(command.job), command)

    def do_result(self, command: Command) -> object:
        rows = parse_count(command.rows, "limit")
        job = client.job(command.job)
        if note := unfinished_note(job.status()):
            print(note)
        return self._give(job.result(limit=rows), command)

    def do_errors(self, command: Command) -> object:
        job = client.job(command.job)
        found = job.errors(grouped=not command.each)
        if found.empty and not command.out:
            print(f"No item of job '{job.id}' failed.")
            return None
        return self._give(found if command.out else wide(found), command)

    def do_log(self, command: Command) -> None:
        count = parse_count(_LOG_LINES if command.tail is None else command.tail, "tail")
        lines = client.job(command.job).log().splitlines()
        shown = [steady(line) for line in (lines[-count:] if count else lines)]
        print(*shown or ["Nothing was printed."], sep="\n")

    def do_usage(self, command: Command) -> object:
        return wide(client.job(command.job).usage())

    def do_script(self, command: Command) -> None:
        print(client.job(command.job).script())

    def do_cancel(self, command: Command) -> Job:
        job = client.job(command.job)
        job.cancel()
        return job

    def do_retry(self, command: Command) -> object:
        job = client.job(command.job)
        job.retry(**command.options)
        self._say_when_changed(job)
        return self._finish(job, command) if command.wait or command.out else job

    def _say_when_changed(self, job: Job) -> None:
        """Warn that a retry runs the code as it was submitted, when the notebook's is another by now."""
        try:
            source = notebook_source(self.shell, None, self._failed)
            now = extract(THIS_NOTEBOOK, cells=source.cells, namespace=source.namespace, folder=source.folder)
        except FeatxError:
            return  # the notebook has no functions, or none that could be submitted
        if now.text != job.template():
            print("This runs the functions as they were submitted. For those of the notebook now, submit again.")

    def do_delete(self, command: Command) -> None:
        job = client.job(command.job)
        if not command.yes:
            rows = counted(job.status().done, "finished row")
            raise SpecError(f"Job '{job.id}' has {rows}. Type '%featx delete {job.id} --yes' to remove them for good.")
        job.delete()
        print(f"Job '{job.id}' is gone.")

    def do_cluster(self, command: Command) -> Overview:
        return overview()

    def do_doctor(self, command: Command) -> None:
        from jupyter_featx.doctor import examine, summary  # a rare act: a notebook need not load it to begin

        found = []
        for finding in examine(job=command.hello):
            found.append(finding)
            print(finding, flush=True)
        print(summary(found))

    def do_image(self, command: Command) -> None:
        runtime = load_config().container.runtime
        print(image.answer(command.words, force=command.force, runtime=runtime, tell=print))

    def _finish(self, job: Job, command: Command) -> pandas.DataFrame | None:
        """Wait, and give the table. Raises JobStateError when there is none, or only a part of it."""
        try:
            status = follow.wait(job)
        except KeyboardInterrupt:
            raise UsageError(
                f"Stopped waiting; job '{job.id}' goes on. Type '%featx wait {job.id}' to wait again, "
                f"'%featx cancel {job.id}' to stop it."
            ) from None
        if status.state is not State.COMPLETED:
            raise JobStateError(not_completed(status))
        return self._give(job.result(), command)

    def _give(self, table: pandas.DataFrame, command: Command) -> pandas.DataFrame | None:
        """Return the table, or assign it to the name that was asked for."""
        if command.out is None:
            return table
        self.shell.push({command.out: table})
        print(f"{command.out}: {counted(len(table), 'row')} of {counted(len(table.columns), 'column')}")
        return None


@contextlib.contextmanager
def _one_line_errors() -> Iterator[None]:
    """Show an error of the user's as one line and no traceback."""
    try:
        yield
    except FeatxError as exc:
        raise UsageError(str(exc)) from None
    except OSError as exc:
        raise UsageError(f"{exc.strerror or exc}: {exc.filename or 'no file'}") from exc
