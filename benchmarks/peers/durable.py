"""What a careful user writes around a tool that only returns values: results safe on disk as they come, then one CSV.

A result is one JSON line: `i`, the item's number, and its columns, or `error` and `reason`. Each process that writes
has a file of its own in `rows/`. Lines go to the system at once and to the disk at least every half second.
"""

from __future__ import annotations

import csv
import json
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.peers.job import Job

SYNC_SECONDS = 0.5
MANY = 300_000  # more rows are not kept in memory: Polars makes the table from what is on disk


class Writer:
    """The results of one process; `with Writer(job) as write: write(number, row)`."""

    def __init__(self, job: Job, name: str | None = None) -> None:
        self._job = job
        self._first = True
        self.rows: dict[int, Mapping[str, Any]] | None = {}  # what was written, None when it became too much
        folder = Path(job.folder, "rows")
        folder.mkdir(exist_ok=True)
        self._file = open(folder / f"{name or os.getpid()}.jsonl", "a")  # noqa: SIM115
        self._dirty, self._over = False, threading.Event()
        self._thread = threading.Thread(target=self._sync, daemon=True)
        self._thread.start()

    def __call__(self, number: int, row: Mapping[str, Any]) -> None:
        self.many([(number, row)])

    def many(self, rows: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
        """Write the results of a chunk together."""
        if self.rows is not None:
            self.rows.update(rows)
            self.rows = self.rows if len(self.rows) <= MANY else None
        self._file.write("".join([json.dumps({"i": number, **row}) + "\n" for number, row in rows]))
        self._file.flush()
        self._dirty = True
        if self._first:
            self._first = False
            os.fdatasync(self._file.fileno())
            self._job.mark("first")

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self._file.close()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _sync(self) -> None:
        while not self._over.wait(SYNC_SECONDS):
            self._force()
        self._force()

    def _force(self) -> None:
        if self._dirty:
            self._dirty = False
            os.fdatasync(self._file.fileno())


def read(job: Job) -> dict[int, dict[str, Any]]:
    """Return what is on disk by the item's number; a result counts more than an error, a later line than an earlier."""
    found: dict[int, dict[str, Any]] = {}
    for path in sorted(Path(job.folder, "rows").glob("*.jsonl")):
        for line in path.read_text().splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue  # the last line of a process that was killed
            number = row.pop("i")
            if "error" not in row or "error" in found.get(number, row):
                found[number] = row
    return found


def tables(job: Job, rows: Mapping[int, Mapping[str, Any]] | None = None) -> None:
    """Write table.csv and errors.csv in the dataset's order, from the rows in memory or else on disk; mark `done`."""
    items = job.lines()
    job.mark("merging")
    if rows is None and len(items) > MANY:
        _by_polars(job, items)
    else:
        _by_hand(job, items, read(job) if rows is None else rows)
    job.mark("done")


def _by_hand(job: Job, items: Sequence[str], found: Mapping[int, Mapping[str, Any]]) -> None:
    columns = list(dict.fromkeys(name for row in found.values() if "error" not in row for name in row))
    with open(f"{job.folder}/table.csv", "w", newline="") as good, open(f"{job.folder}/errors.csv", "w") as bad:
        table, errors = csv.writer(good), csv.writer(bad)
        table.writerow(["item", *columns])
        errors.writerow(["item", "kind", "reason"])
        for number, item in enumerate(items):
            row = found.get(number)
            if row is None:
                continue
            if "error" in row:
                errors.writerow([item, row["error"], row.get("reason", "")])
            else:
                table.writerow([item, *map(row.get, columns)])


def _by_polars(job: Job, items: Sequence[str]) -> None:
    """Make the tables of very many rows, each of which was written once."""
    import polars as pl

    files = sorted(path for path in Path(job.folder, "rows").glob("*.jsonl") if path.stat().st_size)
    rows = pl.read_ndjson(files, infer_schema_length=10_000).sort("i")
    rows.insert_column(0, pl.Series("item", items).gather(rows["i"]))
    failed = pl.col("error").is_not_null() if "error" in rows.columns else pl.lit(False)
    rows.filter(~failed).drop("i", "error", "reason", strict=False).write_csv(f"{job.folder}/table.csv")
    rows.filter(failed).select(pl.col("^(item|error|reason)$")).write_csv(f"{job.folder}/errors.csv")
