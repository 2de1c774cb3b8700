"""Failures are grouped by what went wrong, not by where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from jupyter_featx.errors import TableError
from jupyter_featx.table.errortable import COLUMNS, generalised, group_errors, read_errors


def failed(item: str, message: str, kind: str = "exception", line: int = 12) -> dict[str, Any]:
    return {
        "item": item,
        "kind": kind,
        "type": "ValueError",
        "message": message,
        "line": line,
        "cell": "cell [3]",
    }


def test_messages_that_differ_in_names_and_numbers_are_one_group() -> None:
    errors = pd.DataFrame(
        [
            failed("a", "took 2.5 s", kind="timeout"),
            failed("b", "no atom 'C12' in /data/x 1.cif"),
            failed("c", "no atom 'H3' in /scratch/y 2.cif"),
            failed("d", "no atom 'H3' in /scratch/y 2.cif", line=13),
        ]
    )
    groups = group_errors(errors)
    assert list(groups["count"]) == [2, 1, 1]
    assert list(groups["example"]) == ["b", "a", "d"]
    assert groups["message"][0] == "no atom 'C12' in /data/x 1.cif"


@pytest.mark.parametrize(
    ("message", "general"),
    [
        ("could not convert string to float: 'abc'", "could not convert string to float: '…'"),
        ("[Errno 2] No such file: '/a/b c'", "[Errno #] No such file: '…'"),
        ("cannot read /data/a-1.cif, line 7", "cannot read /…, line #"),
        ("object at 0x7f3a, ratio 3/4, -1.5e-7", "object at #, ratio #/#, #"),
        ('key "x" of 12', "key '…' of #"),
    ],
)
def test_a_message_is_generalised(message: str, general: str) -> None:
    assert generalised(message) == general


def test_missing_places_are_a_group_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "errors.csv"
    path.write_text(",".join(COLUMNS) + "\r\n/a,crash,,NA,,,,,1.5,n1,1\r\n/b,crash,,NA,,,,,2.5,n1,2\r\n")
    errors = read_errors(path)
    assert list(errors["message"]) == ["NA", "NA"]
    assert errors["line"].isna().all()
    assert list(group_errors(errors)["count"]) == [2]


def test_a_file_that_is_no_error_table_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="Cannot read the errors"):
        read_errors(tmp_path / "errors.csv")
