"""The judge of a table: holds the rows and the errors of a job against the oracle, and names each difference.

What the infrastructure did to an innocent item (a worker that was killed twice under it) is no lie of the table when
the table says so: it is `blamed`, and a retry heals it. Everything else is a lie.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars
from chaos.oracle import COLUMNS, GUILTY, act_of, kind_of, row_of

BLAMED = ("crash", "timeout")  # what a killed or a frozen worker looks like


@dataclass
class Verdict:
    """What is wrong with a table: lies, and innocent items that are honestly reported as failed."""

    lies: list[str] = field(default_factory=list)
    blamed: dict[str, str] = field(default_factory=dict)  # item -> the kind that it was given

    @property
    def clean(self) -> bool:
        return not self.lies and not self.blamed


def judge(items: Sequence[str], rows: Sequence[Mapping[str, Any]], errors: Mapping[str, str] | Sequence) -> Verdict:
    """Judge a whole table: `rows` in the table's order, `errors` as (item, kind) in theirs."""
    named = list(errors.items() if isinstance(errors, Mapping) else errors)
    verdict = Verdict(list(_misplaced(items, [row["item"] for row in rows], [item for item, _ in named])))
    verdict.lies += _wrong(rows)
    for item, kind in named:
        expected = kind_of(item)
        if kind == expected:
            continue
        if kind in BLAMED:
            verdict.blamed[item] = kind
        else:
            verdict.lies.append(f"misnamed: {item} is called {kind!r} and should be {expected or 'fine'!r}")
    return verdict


def judge_some(items: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lies of a table that was made while the job runs: what is there must be right."""
    known = set(items)
    lies = list(_doubled(row["item"] for row in rows))
    lies += [f"foreign: {row['item']}" for row in rows if row["item"] not in known]
    return [*lies, *_wrong(rows)]


def read_tables(folder: Path) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """Return the rows and the (item, kind) of the errors of the table in this folder."""
    rows = polars.read_parquet(folder / "table.parquet").to_dicts()
    with (folder / "errors.csv").open(newline="", encoding="utf-8") as file:
        errors = [(entry["item"], entry["kind"]) for entry in csv.DictReader(file)]
    return rows, errors


def csv_lies(folder: Path, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return how table.csv differs from table.parquet in which items it holds."""
    with (folder / "table.csv").open(newline="", encoding="utf-8") as file:
        found = [entry["item"] for entry in csv.DictReader(file)]
    return [] if found == [row["item"] for row in rows] else ["table.csv holds other items than table.parquet"]


def _misplaced(items: Sequence[str], in_table: Sequence[str], in_errors: Sequence[str]) -> Iterator[str]:
    """Yield what is lost, doubled, foreign or out of order."""
    yield from _doubled([*in_table, *in_errors])
    there = {*in_table, *in_errors}
    yield from (f"lost: {item} is neither in the table nor in the errors" for item in items if item not in there)
    yield from (f"foreign: {item}" for item in sorted(there - set(items)))
    yield from (f"spared: {item} ({act_of(item)}) is in the table" for item in in_table if act_of(item) in GUILTY)
    place = {item: number for number, item in enumerate(items)}
    for what, found in (("table", in_table), ("errors", in_errors)):
        numbers = [place[item] for item in found if item in place]
        if numbers != sorted(numbers):
            yield f"order: the {what} is not in the dataset's order"


def _doubled(found: Sequence[str] | Iterator[str]) -> Iterator[str]:
    yield from (f"doubled: {item} is there {count} times" for item, count in Counter(found).items() if count > 1)


def _wrong(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for row in rows:
        if act_of(row["item"]) in GUILTY:
            continue
        for name, value in row_of(row["item"]).items():
            if not _same(row.get(name), value):
                yield f"wrong: {row['item']} has {name}={row.get(name)!r:.60} and should have {value!r:.60}"
        if strange := sorted(set(row) - {"item", *COLUMNS}):
            yield f"wrong: {row['item']} has columns {strange}"


def _same(found: object, value: object) -> bool:
    if isinstance(value, float) and value != value:
        return found is None or found != found
    return type(found) is type(value) and found == value
