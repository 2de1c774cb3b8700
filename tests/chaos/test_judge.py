"""The judge finds whatever is wrong with a table, and only that."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import polars
from chaos.judge import csv_lies, judge, judge_some, read_tables
from chaos.oracle import item_name, kind_of, row_of, table_of

ITEMS = [
    f"/data/{item_name(number, act)}" for number, act in ((4, "ok"), (1, "segv"), (3, "nan"), (2, "ok"), (5, "none"))
]
ERRORS = [(ITEMS[1], "crash"), (ITEMS[4], "bad-value")]


def rows() -> list[dict[str, Any]]:
    return table_of(ITEMS)


def test_a_right_table_is_clean():
    assert judge(ITEMS, rows(), ERRORS).clean
    assert judge_some(ITEMS, rows()[1:]) == []


def test_a_row_that_is_lost_is_found():
    assert judge(ITEMS, rows()[1:], ERRORS).lies == [f"lost: {ITEMS[0]} is neither in the table nor in the errors"]


def test_a_guilty_item_that_is_lost_is_found():
    assert judge(ITEMS, rows(), ERRORS[:1]).lies == [f"lost: {ITEMS[4]} is neither in the table nor in the errors"]


def test_a_row_that_is_doubled_is_found():
    doubled = [rows()[0], *rows()]
    assert f"doubled: {ITEMS[0]} is there 2 times" in judge(ITEMS, doubled, ERRORS).lies
    assert judge_some(ITEMS, doubled) == [f"doubled: {ITEMS[0]} is there 2 times"]


def test_an_item_in_the_table_and_in_the_errors_is_found():
    assert f"doubled: {ITEMS[0]} is there 2 times" in judge(ITEMS, rows(), [(ITEMS[0], "crash"), *ERRORS]).lies


def test_a_value_that_is_wrong_is_found():
    for name, value in (("square", 17), ("third", None), ("text", "제"), ("odd", 0), ("number", 4.0)):
        changed = [{**rows()[0], name: value}, *rows()[1:]]
        (lie,) = judge(ITEMS, changed, ERRORS).lies
        assert lie.startswith(f"wrong: {ITEMS[0]} has {name}=")


def test_a_row_of_another_item_is_found():
    swapped = [{**rows()[0], **row_of(ITEMS[3])}, *rows()[1:]]
    assert judge(ITEMS, swapped, ERRORS).lies


def test_a_column_that_nobody_gave_is_found():
    (lie,) = judge(ITEMS, [{**rows()[0], "lock": 1}, *rows()[1:]], ERRORS).lies
    assert "has columns ['lock']" in lie


def test_an_order_that_is_not_the_datasets_is_found():
    assert judge(ITEMS, rows()[::-1], ERRORS).lies == ["order: the table is not in the dataset's order"]
    assert judge(ITEMS, rows(), ERRORS[::-1]).lies == ["order: the errors is not in the dataset's order"]


def test_an_item_of_another_job_is_found():
    foreign = {"item": "/data/00099.ok.0", **row_of("00099.ok.0")}
    assert "foreign: /data/00099.ok.0" in judge(ITEMS, [*rows(), foreign], ERRORS).lies


def test_a_guilty_item_with_a_row_is_found():
    spared = [rows()[0], {"item": ITEMS[1], **row_of(ITEMS[1])}, *rows()[1:]]
    assert f"spared: {ITEMS[1]} (segv) is in the table" in judge(ITEMS, spared, ERRORS[1:]).lies


def test_a_guilty_item_of_another_kind_is_found():
    lies = judge(ITEMS, rows(), [ERRORS[0], (ITEMS[4], "exception")]).lies
    assert lies == [f"misnamed: {ITEMS[4]} is called 'exception' and should be 'bad-value'"]


def test_what_a_killed_worker_did_to_an_innocent_item_is_no_lie_and_not_clean():
    verdict = judge(ITEMS, rows()[1:], [(ITEMS[0], "crash"), *ERRORS])
    assert verdict.lies == []
    assert verdict.blamed == {ITEMS[0]: "crash"}
    assert not verdict.clean


def test_an_innocent_item_is_never_out_of_memory():
    assert judge(ITEMS, rows()[1:], [(ITEMS[0], "memory"), *ERRORS]).lies


def test_the_tables_of_a_job_are_read_back(tmp_path: Path):
    polars.DataFrame(rows()).write_parquet(tmp_path / "table.parquet")
    polars.DataFrame(rows()[1:]).write_csv(tmp_path / "table.csv")
    with (tmp_path / "errors.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("item", "kind"), *ERRORS])
    found, errors = read_tables(tmp_path)
    assert judge(ITEMS, found, errors).clean
    assert csv_lies(tmp_path, found) == ["table.csv holds other items than table.parquet"]


def test_the_oracle_knows_the_guilty_from_the_strange():
    assert [kind_of(item) for item in ITEMS] == ["", "crash", "", "", "bad-value"]
