"""Failed items are grouped as everywhere else, and a cell can run each again, whatever its name is."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from madejobs import ERROR, make_job, merged, write_rows

from jupyter_featx import table
from jupyter_featx.server.failures import Page, group_file, read_groups, read_items, reproduction
from jupyter_featx.server.problems import NotFound


def made(home: Path, errors: dict[int, dict[str, Any]], total: int = 8) -> tuple[Any, Path]:
    job = make_job(home, total=total)
    write_rows(job, [{"n": n} for n in range(total)], errors)
    merged(job)
    out = home / "grouped.parquet"
    group_file(job.path / table.ERRORS, out)
    return job, out


def test_the_groups_are_those_of_the_python_interface(home: Path):
    errors = {1: {"message": "bad 1"}, 3: {"message": "bad 3"}, 4: {"line": 9, "cell": ""}, 5: {"type": "KeyError"}}
    job, out = made(home, errors)
    found = read_groups(job, out, Page(0, 100))
    own = table.group_errors(table.read_errors(job.path / table.ERRORS))
    assert (found["total"], found["items"]) == (len(own), 4)
    for group, row in zip(found["groups"], own.to_dict("records"), strict=True):
        assert {name: group[name] for name in row} == row
    pages = [read_groups(job, out, Page(offset, 1))["groups"] for offset in range(4)]
    assert [group for page in pages for group in page] == found["groups"]


def test_the_items_of_a_group_come_in_the_order_of_the_dataset(home: Path):
    job, out = made(home, {5: {"message": "bad 5"}, 1: {"message": "bad 1"}, 3: {"type": "KeyError"}})
    first = read_groups(job, out, Page(0, 1))["groups"][0]
    found = read_items(job, out, first["group"], Page(0, 10))
    assert [item["item"] for item in found["items"]] == ["/data/n1", "/data/n5"]
    assert read_items(job, out, first["group"], Page(1, 1))["items"] == found["items"][1:]
    assert read_items(job, out, first["group"], Page(9, 1)) == {"items": [], "total": 2}
    with pytest.raises(NotFound):
        read_items(job, out, "0" * 16, Page(0, 10))


def test_a_job_without_failures_has_no_groups(home: Path):
    job, out = made(home, {})
    assert read_groups(job, out, Page(0, 10)) == {"groups": [], "total": 0, "items": 0}


HOSTILE = ["a'b\"c", 'x"""\n%run evil', "\\", "{x}", "%%bash\nrm", "\u202e\x1b[31m", "q" * 5000, "a\u2028b", "x\udcff"]


@pytest.mark.parametrize("item", HOSTILE)
@pytest.mark.parametrize("kind", ["exception", "crash"])
def test_no_name_or_message_becomes_code(item: str, kind: str, home: Path):
    job = make_job(home)
    row = {**ERROR, "kind": kind, "item": item, "message": f"no {item}", "type": "ValueError"}
    source = reproduction(job, row)
    assigned = {n.targets[0].id: n.value for n in ast.parse(source).body if isinstance(n, ast.Assign)}  # type: ignore[attr-defined]
    assert ast.literal_eval(assigned["item"]) == item
    assert not any(line.lstrip().startswith(("%", "!")) for line in source.splitlines())


def test_a_cell_runs_the_item_again_with_the_code_as_it_was_submitted(home: Path, tmp_path: Path):
    job = make_job(home)
    job.template.write_text(
        "import sys\n\ndef _process_input(path):\n    raise ValueError('bad ' + path)\n\n"
        "def _process_output(path):\n    raise KeyError(path)\n\n"
        "if __name__ == '__main__':\n    print('by hand', sys.argv[1])\n"
    )
    for row, said in (
        ({"item": "/x", "function": "_process_input"}, "ValueError: bad /x"),
        ({"item": "/x", "function": "_process_output"}, "KeyError: '/x'"),
        ({"item": "/x", "kind": "crash", "function": ""}, "by hand /x"),
    ):
        source = reproduction(job, {**ERROR, **row})
        done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
        assert said in done.stdout + done.stderr
