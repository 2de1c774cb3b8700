"""The `featx` command: the verbs of the magic, in a terminal.

Results go to stdout, what there is to say about them to stderr: `job=$(featx submit …)` works.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_featx.arguments import COMMAND, Command, parse
from jupyter_featx.cards.wording import counted, one_line, steady, without_controls
from jupyter_featx.errors import FeatxError, JobStateError, SpecError

if TYPE_CHECKING:
    import pandas

    from jupyter_featx.client import Job

_ROWS, _LOG_LINES = 20, 200
_INTERRUPTED, _BROKEN_PIPE = 130, 141  # as a shell says that SIGINT or SIGPIPE ended a command


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0, 1 after an error, or 2 when the line makes no sense."""
    try:
        command = parse(sys.argv[1:] if argv is None else argv, COMMAND)
        _check(command)
    except SpecError as exc:
        return _fail(exc, 2)
    try:
        status = _ACTS[command.verb](command)
        sys.stdout.flush()
    except FeatxError as exc:
        return _fail(exc, 1)
    except BrokenPipeError:  # `featx log | head`: nobody listens any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except OSError as exc:
        return _fail(f"{exc.strerror or exc}: {exc.filename or 'no file'}", 1)
    except KeyboardInterrupt:
        _say("Interrupted.")
        return _INTERRUPTED
    except _StillRunning as exc:
        _say(str(exc))
        return _INTERRUPTED
    return status or 0


class _StillRunning(Exception):
    """The user stopped waiting; the job goes on."""


def _check(command: Command) -> None:
    """Refuse what only a notebook can leave out."""
    if command.verb in ("submit", "test"):
        if command.template is None:
            raise SpecError(f"Which functions? Type 'featx {command.verb} FILE.py --data FOLDER'.")
        if command.data is None:
            raise SpecError(f"Which dataset? Type 'featx {command.verb} {command.template} --data FOLDER'.")
    if command.verb == "data" and command.data is None:
        raise SpecError("Which dataset? Type 'featx data FOLDER'.")
    if command.out is not None:
        _check_out(command, command.out)


def _check_out(command: Command, out: str) -> None:
    """Refuse a file that could not be written, before a night of computing and not after it."""
    kinds = (".csv",) if command.verb == "errors" else (".csv", ".parquet")
    if Path(out).suffix not in kinds:
        raise SpecError(f"--out {out}: the file must end in {' or '.join(kinds)}. Type --out table.csv.")
    if command.rows is not None:
        raise SpecError("--out copies the whole table. Leave --limit out.")
    folder = Path(out).expanduser().parent
    if not folder.is_dir():
        raise SpecError(f"--out {out}: there is no folder {folder}. Make it with: mkdir -p {shlex.quote(str(folder))}")


def _submit(command: Command) -> None:
    from jupyter_featx import client

    job = client.submit(Path(command.template or ""), command.data, **command.options)
    for line in job.lines:
        _say(line)
    if isinstance(job, client.DryRun):
        print(job)
        return
    print(job.id, flush=True)
    if command.wait or command.out:
        _finish(job, command)
    else:
        _say(f"Type 'featx status {job.id}' to look at it, 'featx wait {job.id}' to wait for it.")


def _test(command: Command) -> None:
    from jupyter_featx import client

    print(client.test(Path(command.template or ""), command.data, **command.options))


def _data(command: Command) -> None:
    from jupyter_featx.dataset import DatasetOptions, resolve
    from jupyter_featx.dataset.pathlists import shown
    from jupyter_featx.spec import parse_count

    limit = parse_count(command.options.get("limit"), "limit")
    found = resolve(command.data, DatasetOptions(**{**command.options, "limit": limit}))
    print(f"{counted(len(found), 'item')} in {shown(os.fsencode(command.data or ''))}")
    for path in found[:3]:
        print(f"  {shown(path)}")


def _jobs(command: Command) -> None:
    from jupyter_featx import client

    jobs = client.jobs()
    if jobs.empty:
        _say("There is no job yet. Type 'featx submit FILE.py --data FOLDER'.")
    else:
        _print_table(jobs)


def _status(command: Command) -> None:
    from jupyter_featx.cards.job import status_text

    _print(status_text(_job(command).status(), COMMAND))


def _wait(command: Command) -> None:
    _finish(_job(command), command)


def _result(command: Command) -> None:
    from jupyter_featx.cards.job import unfinished_note
    from jupyter_featx.spec import parse_count

    job = _job(command)
    if command.out:
        _copy(job, Path(command.out))
        return
    rows = parse_count(command.rows, "limit")
    if note := unfinished_note(job.status()):
        _say(note)
    if not sys.stdout.isatty():  # another program reads it
        _pour(job, rows)
        return
    table = job.result(limit=rows or _ROWS)
    _print_table(table)
    if rows is None and len(table) == _ROWS:
        _say(f"The first {_ROWS} rows. Type 'featx result {job.id} --out table.csv' for all of them.")


def _pour(job: Job, rows: int | None) -> None:
    """Write the job's own CSV to a pipe or a file; its first rows as pandas writes them."""
    if rows is not None:
        job.result(limit=rows).to_csv(sys.stdout, index=False)
        return
    sys.stdout.flush()
    with (_folder(job) / "table.csv").open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)


def _errors(command: Command) -> None:
    job = _job(command)
    found = job.errors(grouped=not command.each)
    if command.out:
        found.to_csv(Path(command.out).expanduser(), index=False)
    elif found.empty:
        _say(f"No item of job '{job.id}' failed.")
    elif command.each:
        _print_table(found)
    else:
        for cause in found.itertuples():
            print(without_controls(f"{cause.count:>6,} × {cause.type}: {one_line(cause.message, 300)}"))
            place = f"{cause.where}; " if cause.where else ""
            print(without_controls(f"         {place}for example {cause.example}"))


def _log(command: Command) -> None:
    from jupyter_featx.spec import parse_count

    count = parse_count(_LOG_LINES if command.tail is None else command.tail, "tail")
    lines = _job(command).log().splitlines()
    if not lines:
        _say("Nothing was printed.")
    for line in lines[-count:] if count else lines:
        print(steady(line))


def _usage(command: Command) -> None:
    _print_table(_job(command).usage())


def _script(command: Command) -> None:
    print(_job(command).script(), end="")


def _cancel(command: Command) -> None:
    from jupyter_featx.cards.job import status_text

    _print(status_text(_job(command).cancel(), COMMAND))


def _retry(command: Command) -> None:
    job = _job(command).retry(**command.options)
    print(job.id, flush=True)
    if command.wait or command.out:
        _finish(job, command)


def _delete(command: Command) -> None:
    job = _job(command)
    if not command.yes and not _agreed(job):
        raise JobStateError(f"Job '{job.id}' stays. Type 'featx delete {job.id} --yes' to remove it for good.")
    job.delete()
    _say(f"Job '{job.id}' is gone.")


def _agreed(job: Job) -> bool:
    if not sys.stdin.isatty():
        return False
    rows = counted(job.status().done, "finished row")
    _say(f"Remove job '{job.id}' with its {rows} for good? [y/N] ", end="")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _cluster(command: Command) -> None:
    from jupyter_featx.cards.cluster import cluster_text
    from jupyter_featx.cluster import overview

    _print(cluster_text(overview(), COMMAND))


def _doctor(command: Command) -> int:
    """Print each finding as it comes; return 1 where a check failed."""
    from jupyter_featx.doctor import examine, summary

    found = []
    for finding in examine(job=command.hello):
        found.append(finding)
        _print(str(finding))
        sys.stdout.flush()
    _print(summary(found))
    return int(any(finding.state == "failed" for finding in found))


def _image(command: Command) -> None:
    from jupyter_featx import image
    from jupyter_featx.config import load

    print(image.answer(command.words, force=command.force, runtime=load().container.runtime, tell=_say))


def _help(command: Command) -> None:
    print(command.text)


_ACTS: Mapping[str, Callable[[Command], int | None]] = {
    "submit": _submit,
    "test": _test,
    "data": _data,
    "jobs": _jobs,
    "status": _status,
    "wait": _wait,
    "result": _result,
    "errors": _errors,
    "log": _log,
    "usage": _usage,
    "script": _script,
    "cancel": _cancel,
    "retry": _retry,
    "delete": _delete,
    "cluster": _cluster,
    "doctor": _doctor,
    "image": _image,
    "help": _help,
}


def _job(command: Command) -> Job:
    from jupyter_featx import client

    return client.job(command.job)


def _finish(job: Job, command: Command) -> None:
    """Wait with a progress line, then show the table's head or copy the table."""
    from jupyter_featx.cards.job import not_completed, status_text
    from jupyter_featx.cards.progress import ProgressLine
    from jupyter_featx.state import State

    try:
        with ProgressLine(sys.stderr) as line:
            status = job.wait(tell=line.tell)
    except KeyboardInterrupt:
        raise _StillRunning(
            f"Stopped waiting; job '{job.id}' goes on. Type 'featx wait {job.id}' to wait again, "
            f"'featx cancel {job.id}' to stop it."
        ) from None
    _say(status_text(status, COMMAND))
    if status.state is not State.COMPLETED:
        raise JobStateError(not_completed(status))
    if command.out:
        _copy(job, Path(command.out))
        return
    table = job.result(limit=5)
    if table.empty:
        _say(f"No item gave a row. Type 'featx errors {job.id}' to see why.")
    else:
        _print_table(table)


def _copy(job: Job, target: Path) -> None:
    """Copy the table, the one that is merged now where the job has not ended."""
    shutil.copyfile(_folder(job) / f"table{target.suffix}", target.expanduser())
    _say(f"The table of job '{job.id}' is in {target}.")


def _folder(job: Job) -> Path:
    from jupyter_featx.jobdir import JobDir
    from jupyter_featx.manager import Manager

    return Manager().table(JobDir(job.path))


def _print_table(table: pandas.DataFrame) -> None:
    width = max(80, shutil.get_terminal_size((110, 24)).columns)
    text = table.to_string(index=False, line_width=width, max_cols=12, max_colwidth=120)
    print(without_controls(_plain(text)))


def _fail(error: object, status: int) -> int:
    _say(f"featx: {error}")
    return status


def _print(text: str) -> None:
    print(without_controls(_plain(text)))


def _plain(text: str) -> str:
    return re.sub(r"%{1,2}featx", COMMAND, text)


def _say(text: str, end: str = "\n") -> None:
    """Write to stderr; the core speaks to a notebook, a terminal has no percent signs."""
    print(without_controls(_plain(text)), end=end, file=sys.stderr, flush=True)
