"""Pages of a table, sorted and filtered by the engine, give what sorting and filtering all of it gives."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from madejobs import make_job, merged, write_rows

from jupyter_featx import table
from jupyter_featx.errors import TableError
from jupyter_featx.table import Condition, DamagedTable, PageQuery, paging

ROWS = [
    {"n": 3, "x": 0.5, "t": "Beta", "b": True, "d": "x", "big": 2**60},
    {"n": 1, "x": float("nan"), "t": "alpha", "b": False, "j": [1, 2]},
    {"n": 2, "x": float("inf"), "t": None, "b": None, "big": 5},
    {"n": 5, "x": -1.0, "t": "", "b": True},
]


@pytest.fixture
def made(home: Path) -> Path:
    job = make_job(home, total=len(ROWS))
    write_rows(job, ROWS)
    return merged(job).path / table.PARQUET


def read(path: Path, *, columns: tuple[str, ...] = ("n",), **query: object) -> list[list[object]]:
    return table.read_page(path, PageQuery(columns=columns, **query)).rows  # type: ignore[arg-type]


def test_a_page_is_cut_out_in_the_order_of_the_dataset(made: Path):
    page = table.read_page(made, PageQuery(offset=1, limit=2))
    assert (page.total, page.matching) == (4, 4)
    assert [row[1] for row in page.rows] == [1, 2]
    assert page.columns == page.all_columns
    assert (page.columns[0].name, page.columns[0].side) == ("item", "item")
    assert read(made, offset=10) == []
    assert read(made, limit=0) == []


def test_values_are_what_json_and_a_browser_have(made: Path):
    page = table.read_page(made, PageQuery())
    json.dumps(page.rows, allow_nan=False)
    names = [column.name for column in page.columns]
    first, second, third, _ = (dict(zip(names, row, strict=True)) for row in page.rows)
    assert first["big"] == str(2**60)
    assert third["big"] == 5
    assert third["x"] == "inf"
    assert second["x"] in (None, "nan")
    assert second["j"] == "[1,2]"


def test_rows_are_sorted_with_what_is_missing_last(made: Path):
    assert read(made, sort="n") == [[1], [2], [3], [5]]
    assert read(made, sort="n", descending=True, offset=1, limit=2) == [[3], [2]]
    assert read(made, sort="x")[:3] == [[5], [3], [2]]
    assert read(made, sort="x", descending=True) == [[2], [3], [5], [1]]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (Condition("n", "gt", 2), [3, 5]),
        (Condition("n", "le", "2"), [1, 2]),
        (Condition("n", "eq", 2.5), []),
        (Condition("x", "lt", 1), [3, 5]),
        (Condition("x", "missing"), [1]),
        (Condition("x", "present"), [3, 2, 5]),
        (Condition("t", "contains", "ALPH"), [1]),
        (Condition("t", "contains", ".*"), []),
        (Condition("t", "eq", ""), [5]),
        (Condition("t", "missing"), [2]),
        (Condition("b", "eq", True), [3, 5]),
        (Condition("b", "ne", "true"), [1]),
        (Condition("j", "contains", "2"), [1]),
        (Condition("item", "contains", "n3"), [5]),
        (Condition("n", "contains", 1), [1]),
    ],
)
def test_rows_are_filtered(made: Path, condition: Condition, found: list[int]):
    assert [row[0] for row in read(made, conditions=(condition,))] == found


def test_conditions_hold_together_and_with_a_sort(made: Path):
    both = (Condition("n", "ge", 2), Condition("b", "present"))
    page = table.read_page(made, PageQuery(columns=("n",), conditions=both, sort="n", descending=True, limit=1))
    assert (page.rows, page.matching, page.total) == ([[5]], 2, 4)


def test_what_cannot_be_asked_is_refused(made: Path, tmp_path: Path):
    for query in (
        PageQuery(columns=("nope",)),
        PageQuery(sort="nope"),
        PageQuery(conditions=(Condition("nope", "eq", 1),)),
        PageQuery(conditions=(Condition("n", "gt", "many"),)),
        PageQuery(conditions=(Condition("n", "gt"),)),
    ):
        with pytest.raises(TableError) as refused:
            table.read_page(made, query)
        assert not isinstance(refused.value, DamagedTable)
    with pytest.raises(DamagedTable):
        table.read_page(tmp_path / "none.parquet", PageQuery())
    made.write_bytes(made.read_bytes()[:-20])
    with pytest.raises(DamagedTable):
        table.read_page(made, PageQuery())


def test_a_new_table_in_the_same_place_is_read_anew(made: Path, home: Path):
    assert read(made, sort="n")[-1] == [5]
    job = make_job(home, total=2)
    write_rows(job, [{"n": 8}, {"n": 7}])
    made.unlink()
    (merged(job).path / table.PARQUET).rename(made)
    assert read(made, sort="n") == [[7], [8]]


def test_of_a_large_table_only_what_is_asked_for_is_read(made: Path, monkeypatch):
    read_columns: list[list[str]] = []
    scan = pl.scan_parquet

    def watched(path: Path) -> pl.LazyFrame:
        lazy = scan(path)
        read_columns.append(lazy.collect_schema().names())
        return lazy

    monkeypatch.setattr(pl, "read_parquet", None)
    monkeypatch.setattr(pl, "scan_parquet", watched)
    assert read(made, sort="n", limit=1) == [[1]]
    assert read_columns


def test_a_column_is_counted_in_bins_or_by_value(made: Path):
    found = table.distribution(made, "n")
    assert (found["count"], found["missing"], found["min"], found["max"], found["mean"]) == (4, 0, 1.0, 5.0, 2.75)
    assert sum(found["counts"]) == 4  # type: ignore[call-overload]
    assert len(found["edges"]) == paging.BINS + 1  # type: ignore[arg-type]
    found = table.distribution(made, "x")
    assert (found["count"], found["missing"]) == (2, 2)
    found = table.distribution(made, "b")
    assert (found["values"], found["counts"]) == (["true", "false"], [2, 1])
    found = table.distribution(made, "big")
    assert found["count"] == 2
    with pytest.raises(TableError):
        table.distribution(made, "nope")
