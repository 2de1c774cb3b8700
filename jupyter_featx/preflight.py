"""Try the template on a few items before anything is queued, and say what the whole dataset will cost.

The sample runs as a small job of its own, with the same engine and in a fresh process: what is seen here is what will
be.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jupyter_featx import container, events, jobdir, table
from jupyter_featx.cards.preflight import preflight_html, preflight_text
from jupyter_featx.cards.wording import counted, short_time
from jupyter_featx.errors import PreflightError
from jupyter_featx.inherited import clean_environment
from jupyter_featx.items import ItemFile, display, write_items
from jupyter_featx.jobdir import JobDir
from jupyter_featx.shards import list_shards, whole_lines
from jupyter_featx.spec import JobSpec, ResourceSpec
from jupyter_featx.state import JobStatus, State, fold
from jupyter_featx.template import hint_for_name
from jupyter_featx.template.cells import Cell

_SHORT_ITEMS, _SHORT_SECONDS = 3, 10.0
_FULL_ITEMS, _FULL_SECONDS = 16, 60.0
_END_SECONDS = 3.0  # for the engine to stop what it runs
_PRINTED = 2000  # characters
_SIZED_ITEMS = 500  # asked for their size, to find a large one
_CODE_ERRORS = ("NameError", "ModuleNotFoundError", "ImportError", "UnboundLocalError")  # no item can help these


@dataclass(frozen=True)
class Preflight:
    """What a sample showed. Seconds are of one item; `estimates` are (cores, seconds) for the whole dataset."""

    total: int
    sample: int
    median_seconds: float
    p95_seconds: float
    max_seconds: float
    peak_mb: float
    core_hours: float
    table_mb: float
    cores: int
    estimates: tuple[tuple[int, float], ...]
    failures: tuple[tuple[str, str, str], ...]
    unfinished: tuple[str, ...]
    printed: str = ""
    head_text: str = ""
    head_html: str = ""

    def __str__(self) -> str:
        return preflight_text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return preflight_html(self)


@dataclass(frozen=True)
class _Trial:
    """A finished sample: its raw rows by item, what is missing, and how its attempt ended."""

    job: JobDir
    rows: dict[int, dict[str, Any]]
    items: list[str]
    status: JobStatus

    @property
    def failed(self) -> list[tuple[str, dict[str, Any]]]:
        return [(display(self.items[i]), row["e"]) for i, row in sorted(self.rows.items()) if "e" in row]

    @property
    def unfinished(self) -> tuple[str, ...]:
        return tuple(display(item) for i, item in enumerate(self.items) if i not in self.rows)


def check(job: JobDir, root: Path, cells: Sequence[Cell] = ()) -> str:
    """Run a few items, some seconds at most; return what to tell. Raises PreflightError when the code cannot run."""
    with _trial(job, root, _SHORT_ITEMS, _SHORT_SECONDS) as trial:
        _refuse_broken(trial, job, cells)
        seconds = [row["s"] for row in trial.rows.values()]
        if not trial.rows:
            ran = (
                f"Preflight: {counted(len(trial.items), 'item')} still ran after {_SHORT_SECONDS:g} s without an error."
            )
            return f"{ran} If one may hang, give '--item-timeout 10m', say."
        said = f"Preflight: {counted(len(seconds), 'item')} ran, {short_time(statistics.median(seconds))} each"
        if not trial.failed:
            return f"{said}."
        item, error = trial.failed[0]
        return f"{said}; {len(trial.failed)} failed: {_named(error)}, on item {item}."


def _named(error: dict[str, Any]) -> str:
    """Return the error with its place: "ValueError: no atoms (cell [3], line 4)"."""
    place = error.get("cell") or (f"template.py, line {error['line']}" if error.get("line") else "")
    return f"{error['type']}: {error['message']}" + (f" ({place})" if place else "")


def _refuse_broken(trial: _Trial, job: JobDir, cells: Sequence[Cell]) -> None:
    if not trial.rows and trial.status.state is State.FAILED and not trial.status.done:
        reason = trial.status.reason
        kind, _, message = reason.partition(": ")
        hint = _hint({"type": kind, "message": message}, job, cells)
        raise PreflightError(f"{reason}{hint} Nothing was submitted. Mend it and submit again.")
    for item, error in trial.failed:
        every = len(trial.failed) == len(trial.rows) and not trial.unfinished
        if every or error["type"] in _CODE_ERRORS:
            tried = len(trial.rows)
            all_of_them = f"All {tried} items that were tried failed. " if every and tried > 1 else ""
            raise PreflightError(
                f"{all_of_them}{_named(error)}, on item {item}.{_hint(error, job, cells)} Nothing was submitted. "
                "Mend it and submit again, or submit with --no-preflight."
            )


def _hint(error: dict[str, Any], job: JobDir, cells: Sequence[Cell]) -> str:
    if error["type"] == "ModuleNotFoundError" and "'" in error["message"]:
        package = error["message"].split("'")[1].partition(".")[0]
        return f" Install it for {job.spec().python}: pip install {package}."
    if error["type"] != "NameError" or "'" not in error["message"]:
        return ""
    hint = hint_for_name(job.template.read_text(encoding="utf-8"), error["message"].split("'")[1], cells)
    return f" {hint}" if hint else ""


def run_preflight(job: JobDir, root: Path) -> Preflight:
    """Run a spread sample, a minute at most, and estimate the whole. Raises PreflightError when nothing can run."""
    spec = job.spec()
    with _trial(job, root, _FULL_ITEMS, _FULL_SECONDS) as trial:
        if not trial.rows:
            _refuse_broken(trial, job, ())
            raise PreflightError(
                f"No item of {len(trial.items)} finished within {_FULL_SECONDS:g} s. "
                "Try a smaller one by hand, or submit with --no-preflight."
            )
        head = _head(trial)
        return _measure(trial, spec, head)


def _measure(trial: _Trial, spec: JobSpec, head: tuple[str, str]) -> Preflight:
    seconds = sorted(row["s"] for row in trial.rows.values())
    sizes = [len(json.dumps(row)) for row in trial.rows.values()]
    work = statistics.fmean(seconds) * spec.total
    cores = spec.resources.cores
    choices = sorted({1, cores, *(cores * factor for factor in (2, 4, 8)), 500 if cores > 50 else 16})
    return Preflight(
        total=spec.total,
        sample=len(seconds),
        median_seconds=statistics.median(seconds),
        p95_seconds=seconds[min(len(seconds) - 1, int(0.95 * len(seconds)))],
        max_seconds=seconds[-1],
        peak_mb=max(row["m"] for row in trial.rows.values()),
        core_hours=work * spec.resources.threads / 3600,
        table_mb=statistics.fmean(sizes) * spec.total / 2**20,
        cores=cores,
        estimates=tuple((n, max(work / n, seconds[-1])) for n in choices),
        failures=tuple((item, f"{e['type']}: {e['message']}", e.get("cell") or "") for item, e in trial.failed),
        unfinished=trial.unfinished,
        printed=_printed(trial.job),
        head_text=head[0],
        head_html=head[1],
    )


def _printed(job: JobDir) -> str:
    """Return the beginning of what the functions printed."""
    text = "".join(path.read_text(encoding="utf-8", errors="replace") for path in sorted(job.logs.glob("*.out")))
    return text[:_PRINTED] + ("\n…" if len(text) > _PRINTED else "")


def _head(trial: _Trial) -> tuple[str, str]:
    """Return the sample's rows as text and HTML tables."""
    out = trial.job.path
    table.merge(trial.job.shards, trial.job.items, trial.job.index, out)
    frame = table.read_table(out / table.PARQUET)
    if frame.empty:
        return "", ""
    return frame.to_string(max_rows=10, max_cols=8, max_colwidth=40), frame.to_html(
        max_rows=10, max_cols=12, border=0, index=False
    )


@contextmanager
def _trial(job: JobDir, root: Path, count: int, seconds: float) -> Iterator[_Trial]:
    """Run a sample as a job in a temporary folder that vanishes with the block."""
    folder = Path(tempfile.mkdtemp(prefix=".preflight-", dir=root))
    try:
        spec = job.spec()
        with ItemFile(job.items, job.index) as items:
            paths = items.read(_spread(items, count, spec.job_id))
        # Its walltime ends it where we die before it.
        cores, threads = min(2, spec.resources.cores), spec.resources.threads
        resources = ResourceSpec(cores, 1, threads, seconds + _END_SECONDS)
        small = _small(job, replace(spec, total=len(paths), resources=resources), paths, folder)
        status = _run(small, seconds)
        yield _Trial(small, {row["i"]: row for row in _rows(small)}, paths, status)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _small(job: JobDir, spec: JobSpec, paths: Sequence[str], folder: Path) -> JobDir:
    """Make the sample's own job."""

    def fill(small: JobDir, job_id: str) -> None:
        write_items(map(os.fsencode, paths), small.items, small.index)
        shutil.copy2(job.template, small.template)
        if job.modules.is_dir():
            shutil.copytree(job.modules, small.modules)
        jobdir.write_aside(small.spec_file, replace(spec, job_id=job_id).to_json())

    return jobdir.create("preflight", fill, folder)


def _spread(items: ItemFile, count: int, seed: str) -> list[int]:
    """Choose the first, the last, the largest of some, and random ones."""
    total = len(items)
    if total <= count:
        return list(range(total))
    draw = random.Random(seed)
    sized = draw.sample(range(total), min(total, _SIZED_ITEMS))
    largest = max(zip(map(_size, items.read(sized)), sized, strict=True))[1]
    chosen = dict.fromkeys((0, total - 1, largest))
    while len(chosen) < count:
        chosen[draw.randrange(total)] = None
    return sorted(chosen)


def _size(path: str) -> int:
    """Return the bytes of a file, or of the files right inside a folder; 0 for what cannot be asked."""
    try:
        if os.path.isdir(path):
            with os.scandir(path) as entries:
                return sum(entry.stat().st_size for entry in entries if entry.is_file())
        return os.stat(path).st_size
    except (OSError, ValueError):
        return 0


def _run(job: JobDir, seconds: float) -> JobStatus:
    """Run the job here and now, at most this long."""
    command = [*_inside(job.spec()), sys.executable, "-m", "jupyter_featx.worker", str(job.path), "--no-table"]
    with job.job_log.open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", env=clean_environment()
        )
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    finally:
        _end(process)
    status = fold(events.read(job.events))
    if not status.attempts:
        text = job.job_log.read_text(errors="replace").strip()
        raise PreflightError(f"The engine did not start: {text[-2000:] or 'it said nothing'}")
    return status


def _inside(spec: JobSpec) -> list[str]:
    """Return the words that lead into the job's container, unless we are in one or this machine has no such runtime."""
    within = any(name in os.environ for name in ("APPTAINER_CONTAINER", "SINGULARITY_CONTAINER", "JUPYTER_IMAGE_SPEC"))
    if spec.container is None or within or not shutil.which(spec.container.runtime):
        return []
    return container.command(spec)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _rows(job: JobDir) -> Iterator[dict[str, Any]]:
    for shard in list_shards(job.shards):
        for block in whole_lines(shard.path, 1 << 20):
            yield from map(json.loads, block.splitlines())
