"""What the panel can ask: between the handlers, which know HTTP, and the manager, which knows jobs. Plain Python.

What blocks runs in a thread, what takes long in a process of its own; the event loop only waits.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from jupyter_featx import jobdir, table
from jupyter_featx.errors import SpecError
from jupyter_featx.manager import Manager
from jupyter_featx.server import failures, logs
from jupyter_featx.server.board import Board, Entry
from jupyter_featx.server.charts import chart
from jupyter_featx.server.cluster import cluster, configuration
from jupyter_featx.server.datasets import SECONDS
from jupyter_featx.server.errands import Errands
from jupyter_featx.server.failures import Page
from jupyter_featx.server.journals import Journals
from jupyter_featx.server.listing import listing, workspaces
from jupyter_featx.server.merges import Made, Merges
from jupyter_featx.server.problems import BadRequest
from jupyter_featx.server.snapshots import Shown
from jupyter_featx.server.usage import usage
from jupyter_featx.table import Condition, PageQuery

_THREADS = 4
T = TypeVar("T")


class Service:
    """Everything that a route does, for one server."""

    def __init__(self, root: Path, manager: Callable[[Journals], Manager] | None = None) -> None:
        self.shown = Shown(root)
        self.board = Board(self.shown, manager or (lambda journals: Manager(read=journals.read)))
        self.errands = Errands()
        self._quick = ThreadPoolExecutor(_THREADS, thread_name_prefix="featx")
        self._slow = ThreadPoolExecutor(_THREADS, thread_name_prefix="featx-slow")
        self.merges = Merges(self.errands, self.run)
        self._scratch = tempfile.TemporaryDirectory(prefix="featx-server-")
        self._grouping: dict[Path, asyncio.Future[None]] = {}

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """Return what the function does in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._quick, function, *arguments)

    async def _patiently(self, function: Callable[..., T], *arguments: Any) -> T:
        """Return what the function does in a thread of those that may take seconds."""
        return await asyncio.get_running_loop().run_in_executor(self._slow, function, *arguments)

    async def stop(self) -> None:
        """End what runs for the server alone."""
        await self.errands.stop()
        for pool in (self._quick, self._slow):
            pool.shutdown(wait=False, cancel_futures=True)
        self._scratch.cleanup()

    # -- jobs ------------------------------------------------------------------------------------------------------

    async def jobs(self, query: Mapping[str, Any]) -> str:
        """Return a page of jobs, as JSON."""
        return await self.run(lambda: listing(self.board.all(), query, self.shown))

    async def workspaces(self) -> dict[str, Any]:
        """Return the notebooks that have jobs."""
        return await self.run(lambda: workspaces(self.board.all()))

    async def job(self, job_id: str) -> str:
        """Return a job's snapshot, as JSON. Raises JobNotFound."""
        return (await self._entry(job_id)).text

    async def _entry(self, job_id: str, *, now: bool = False) -> Entry:
        return await self.run(lambda: self.board.one(job_id, now=now))

    async def delete(self, job_id: str) -> None:
        """Remove a job. Raises JobNotFound and JobStateError."""
        manager = self.board.manager
        await self._patiently(lambda: manager.delete(jobdir.find(job_id, manager.root)))
        await self.run(self.board.all)

    async def cancel(self, job_id: str) -> str:
        """End a job, and return its snapshot. Raises JobNotFound, JobStateError and SchedulerError."""
        manager = self.board.manager
        await self._patiently(lambda: manager.cancel(jobdir.find(job_id, manager.root)))
        return (await self._entry(job_id, now=True)).text

    async def retry(self, job_id: str, options: Mapping[str, Any]) -> str:
        """Run what failed or is missing again, and return the snapshot. Raises what the manager raises."""
        await self._entry(job_id)
        await self.errands.run("retry", job_id=job_id, options=options)
        return (await self._entry(job_id, now=True)).text

    # -- submitting ------------------------------------------------------------------------------------------------

    async def submit(self, asked: Mapping[str, Any]) -> tuple[str, list[str]]:
        """Submit a job; return its snapshot, as JSON, and what to tell."""
        answer = await self.errands.run("submit", **self._submission(asked))
        return (await self._entry(answer["job_id"], now=True)).text, answer["lines"]

    async def dry_run(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return script and template of what would be submitted."""
        what = self._submission(asked)
        what["options"] = {**what["options"], "dry_run": True}
        return await self.errands.run("submit", **what)

    async def preflight(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Run a sample, and return what it showed."""
        return await self.errands.run("preflight", **self._submission(asked))

    def _submission(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return what an errand needs to submit. Raises BadRequest and SpecError."""
        path, source = asked.get("path"), asked.get("source")
        if (path is None) == (source is None):
            raise BadRequest("Give either path or source.")
        options = dict(asked.get("options") or {})
        if "dry_run" in options:
            raise SpecError("dry_run is no option here. Ask POST script for the script.")
        _refuse_nul(path, asked.get("folder"), *([asked["data"]] if isinstance(asked["data"], str) else asked["data"]))
        file = self.shown.absolute(path) if path else None
        folder = self.shown.absolute(asked["folder"]) if asked.get("folder") else os.path.dirname(file or "")
        if file and not file.endswith((".ipynb", ".py")):
            raise SpecError(f"'{path}' is no .ipynb or .py file. Give the notebook with the functions.")
        name = os.path.splitext(os.path.basename(file))[0] if file else "job"
        printable = "".join(c if c.isprintable() else "_" for c in name)[:100].strip() or "job"
        return {
            "template": file or source,
            "data": asked["data"],
            "source": {"folder": folder or str(self.shown.root), "name": printable, "notebook": file},
            "options": options,
        }

    # -- what a job made -------------------------------------------------------------------------------------------

    async def script(self, job_id: str) -> dict[str, Any]:
        """Return the script and the code of a job."""
        entry = await self._entry(job_id)
        return await self.run(_texts, entry)

    async def log(self, job_id: str, query: Mapping[str, Any]) -> dict[str, Any]:
        """Return a part of a log."""
        entry = await self._entry(job_id)
        asked = logs.LogQuery(query["file"], query["tail"], query["offset"], query["limit"])
        return await self.run(lambda: _existing(entry, lambda: logs.read_log(entry.job, asked)))

    async def chart(self, job_id: str) -> dict[str, Any]:
        """Return what the job's page draws."""
        entry = await self._entry(job_id)
        return await self._patiently(lambda: _existing(entry, lambda: chart(entry.job, entry.status)))

    async def usage(self, job_id: str) -> dict[str, Any]:
        """Return what the job cost."""
        entry = await self._entry(job_id)
        what = (self.board.manager, entry.job, entry.spec, entry.status)
        return await self._patiently(lambda: _existing(entry, lambda: usage(*what)))

    async def result(self, job_id: str, query: Mapping[str, Any], conditions: list[dict[str, Any]]) -> dict[str, Any]:
        """Return a page of the table. Raises TableError and StillMerging."""
        sort = query["sort"] or None
        asked = PageQuery(
            offset=query["offset"],
            limit=query["limit"],
            columns=tuple(query["column"]) if query["column"] else None,
            sort=sort.removeprefix("-") if sort else None,
            descending=bool(sort and sort.startswith("-")),
            conditions=tuple(Condition(**condition) for condition in conditions),
        )
        made, found = await self._read(job_id, lambda path: table.read_page(path, asked), refresh=query["refresh"])
        names = {column.name: vars(column) for column in found.all_columns}
        return {
            "columns": [names[column.name] for column in found.columns],
            "all_columns": list(names.values()),
            "rows": found.rows,
            "total": found.total,
            "matching": found.matching,
            "offset": query["offset"],
            "limit": query["limit"],
            **_about(made),
        }

    async def distribution(self, job_id: str, column: str) -> dict[str, Any]:
        """Return how the values of a column are distributed. Raises TableError and StillMerging."""
        made, found = await self._read(job_id, lambda path: table.distribution(path, column))
        return {**found, **_about(made)}

    async def _read(self, job_id: str, read: Callable[[Path], T], *, refresh: bool = False) -> tuple[Made, T]:
        """Return what is read of the table; one that is damaged is made again, once."""
        entry = await self._entry(job_id)
        made = await self.merges.table(entry, refresh=refresh)
        try:
            return made, await self._patiently(read, made.parquet)
        except table.DamagedTable:
            made = await self.merges.table(await self._entry(job_id), again=True)
            return made, await self._patiently(read, made.parquet)

    async def file(self, job_id: str, name: str) -> Path:
        """Return the path of a file of the table, made now where it must be."""
        made = await self.merges.table(await self._entry(job_id), patient=True)
        return made.folder / name

    # -- what failed -----------------------------------------------------------------------------------------------

    async def errors(self, job_id: str, query: Mapping[str, Any]) -> dict[str, Any]:
        """Return a page of the groups of failed items. Raises StillMerging."""
        entry, made, grouped = await self._grouped(job_id, refresh=query["refresh"])
        found = await self._patiently(failures.read_groups, entry.job, grouped, _page(query))
        return {**found, "offset": query["offset"], "limit": query["limit"], **_about(made)}

    async def error_items(self, job_id: str, group: str, query: Mapping[str, Any]) -> dict[str, Any]:
        """Return a page of the items of one group. Raises NotFound and StillMerging."""
        entry, made, grouped = await self._grouped(job_id)
        found = await self._patiently(failures.read_items, entry.job, grouped, group, _page(query))
        return {**found, "offset": query["offset"], "limit": query["limit"], **_about(made)}

    async def _grouped(self, job_id: str, *, refresh: bool = False) -> tuple[Entry, Made, Path]:
        """Return the file of the failed items by group, made once for each version of errors.csv."""
        entry = await self._entry(job_id)
        made = await self.merges.table(entry, refresh=refresh)
        try:
            return entry, made, await self._group(job_id, made)
        except table.DamagedTable:
            made = await self.merges.table(await self._entry(job_id), again=True)
            return entry, made, await self._group(job_id, made)

    async def _group(self, job_id: str, made: Made) -> Path:
        found = await self.run(os.stat, made.errors)
        mark = f"{found.st_ino}-{found.st_size}-{found.st_mtime_ns}"
        out = Path(self._scratch.name) / f"{job_id}-{mark}.parquet"
        if not await self.run(out.with_suffix(".json").exists):
            if out not in self._grouping:
                task = asyncio.ensure_future(self._make_groups(job_id, made.errors, out))
                self._grouping[out] = task
                task.add_done_callback(lambda _: self._grouping.pop(out))
            await asyncio.shield(self._grouping[out])
        return out

    async def _make_groups(self, job_id: str, errors: Path, out: Path) -> None:
        for old in await self.run(lambda: list(out.parent.glob(f"{job_id}-*"))):
            old.unlink(missing_ok=True)
        await self.errands.run("failures", errors=str(errors), out=str(out))

    # -- where jobs run --------------------------------------------------------------------------------------------

    async def dataset(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a path gives as a dataset."""
        root = str(self.shown.root)
        return await self.errands.run("dataset", SECONDS, folder=root, **query)

    async def cluster(self) -> dict[str, Any]:
        """Return the schedulers and their limits."""
        return await self._patiently(cluster)

    async def config(self) -> dict[str, Any]:
        """Return the options that a form offers. Raises ConfigError."""
        return await self.run(configuration, self.board.manager, self.shown)


def _page(query: Mapping[str, Any]) -> Page:
    return Page(query["offset"], query["limit"])


def _about(made: Made) -> dict[str, Any]:
    return {"partial": made.partial, "merged": made.time}


def _existing(entry: Entry, read: Callable[[], T]) -> T:
    with jobdir.existing(entry.job):
        return read()


def _texts(entry: Entry) -> dict[str, Any]:
    with jobdir.existing(entry.job):
        script = entry.job.script.read_text(encoding="utf-8", errors="replace")
        template = entry.job.template.read_text(encoding="utf-8", errors="replace")
    return {"script": script, "template": template, "lines": []}


def _refuse_nul(*texts: str | None) -> None:
    if any(text and "\0" in text for text in texts):
        raise BadRequest("A path holds a NUL, which no path may.")
