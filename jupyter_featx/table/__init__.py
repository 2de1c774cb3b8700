"""The table of a job, in and out: the one door, so that nobody loads the engine before it has work.

Everything else in this folder is behind it: merging the shards, reading the table back, grouping the errors.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_featx.errors import TableError

if TYPE_CHECKING:
    import pandas

PARQUET, CSV, ERRORS = "table.parquet", "table.csv", "errors.csv"
MEMORY_MB = 1000


class DamagedTable(TableError):
    """A file of the table cannot be read: merging again may mend it."""


@dataclass(frozen=True)
class TableInfo:
    """What a merge made: good rows, failed items, the columns, and lines that were no rows."""

    rows: int
    errors: int
    columns: tuple[str, ...]
    unreadable: int = 0


@dataclass(frozen=True)
class Condition:
    """What a value must be: `op` is eq, ne, lt, le, gt, ge, contains, missing or present."""

    column: str
    op: str
    value: str | float | bool | None = None


@dataclass(frozen=True)
class PageQuery:
    """Which rows and columns of a table to give, and in which order; None is all the columns."""

    offset: int = 0
    limit: int = 100
    columns: tuple[str, ...] | None = None
    sort: str | None = None
    descending: bool = False
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class PageColumn:
    """A column as it is shown: `side` is input, output, or item for the path."""

    name: str
    type: str
    side: str
    key: str


@dataclass(frozen=True)
class Page:
    """Rows of plain values, what they are, and how many there are in all."""

    columns: tuple[PageColumn, ...]
    all_columns: tuple[PageColumn, ...]
    rows: list[list[object]]
    total: int
    matching: int


def merge(
    shards: Path,
    items: Path,
    index: Path,
    out: Path,
    *,
    memory_mb: int = MEMORY_MB,
    threads: int | None = None,
) -> TableInfo:
    """Write the three files into `out`; from the shards of a running job they are a partial table."""
    from jupyter_featx.table import merging

    limits = merging.Limits(memory_mb, threads or min(8, os.cpu_count() or 1))
    return merging.merge(shards, items, index, out, limits)


def read_table(
    path: Path, columns: Sequence[str] | None = None, limit: int | None = None, offset: int = 0
) -> pandas.DataFrame:
    """Return the table, or some columns and rows of it; a negative offset counts from the end."""
    from jupyter_featx.table import results

    return results.read_table(path, columns, limit, offset)


def features(path: Path) -> pandas.DataFrame:
    """Return what `_process_input` returned: its own keys as columns, the items as the index."""
    from jupyter_featx.table import results

    return results.side(path, "input")


def labels(path: Path) -> pandas.DataFrame:
    """Return what `_process_output` returned: its own keys as columns, the items as the index."""
    from jupyter_featx.table import results

    return results.side(path, "output")


def timings(shards: Path, items: Path, index: Path) -> pandas.DataFrame:
    """Return where each computed item ran, for how long, and with how much memory; in dataset order."""
    from jupyter_featx.table import results

    return results.timings(shards, items, index)


def read_errors(path: Path) -> pandas.DataFrame:
    """Return errors.csv, one row a failed item; a text that is missing is an empty one."""
    from jupyter_featx.table import errortable

    return errortable.read_errors(path)


def group_errors(errors: pandas.DataFrame) -> pandas.DataFrame:
    """Return one row for each way to fail, the most frequent first, with the first item as its example."""
    from jupyter_featx.table import errortable

    return errortable.group_errors(errors)


def identify_errors(errors: pandas.DataFrame) -> pandas.DataFrame:
    """Return the errors with two more columns: `group`, the same text for those that are one group, and `where`."""
    from jupyter_featx.table import errortable

    return errortable.identify_errors(errors)


def read_page(path: Path, query: PageQuery) -> Page:
    """Return some rows of the table, sorted and filtered without loading it. Raises TableError, DamagedTable."""
    from jupyter_featx.table import paging

    return paging.read_page(path, query)


def distribution(path: Path, column: str) -> dict[str, object]:
    """Return how the values of one column are distributed. Raises TableError, DamagedTable."""
    from jupyter_featx.table import paging

    return paging.distribution(path, column)
