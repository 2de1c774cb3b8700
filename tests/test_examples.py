"""Real data: the table of a job equals what a plain loop over the same functions gives, value for value."""

from __future__ import annotations

import csv
import importlib.util
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import jupyter_featx as featx
from jupyter_featx.template import extract

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples"
DATA = HERE / "data"


def plain_loop(template: Any, items: list[Path]) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Return {item: {side.key: value}} of the items that succeed, and {item: error} of the others."""
    rows, errors = {}, {}
    for item in items:
        try:
            row = {f"f.{key}": value for key, value in template._process_input(str(item)).items()}
            row.update({f"l.{key}": value for key, value in template._process_output(str(item)).items()})
            rows[str(item)] = row
        except Exception as exc:
            errors[str(item)] = f"{type(exc).__name__}: {exc}"
    return rows, errors


def as_rows(job: Any) -> dict[str, dict[str, Any]]:
    """Return the job's features and labels in the form of `plain_loop`."""
    found: dict[str, dict[str, Any]] = {}
    for side, frame in (("f", job.features()), ("l", job.labels())):
        for item, row in frame.to_dict("index").items():
            found.setdefault(item, {}).update({f"{side}.{key}": value for key, value in row.items()})
    return found


def same(one: Any, other: Any) -> bool:
    missing = one is None or one is pd.NA or (isinstance(one, float) and math.isnan(one))
    return (missing and (other is None or pd.isna(other))) or one == other


@pytest.fixture
def example_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The example notebook's functions, as a module of their own."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    path = tmp_path / "plain.py"
    path.write_text(extract(EXAMPLES / "zeolites.ipynb").text)
    spec = importlib.util.spec_from_file_location("plain", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_shipped_dataset_gives_what_a_plain_loop_gives(home: Path, example_template: Any) -> None:
    items = sorted(path for path in (EXAMPLES / "zeolites/items").iterdir() if not path.name.startswith("."))
    rows, errors = plain_loop(example_template, items)
    job = featx.submit(EXAMPLES / "zeolites.ipynb", EXAMPLES / "zeolites/items", cores=2)
    assert job.wait(120).state == "completed"
    made = as_rows(job)
    assert made.keys() == rows.keys()
    assert len(rows) == 77
    for item, row in rows.items():
        assert made[item].keys() == row.keys()
        assert [key for key, value in row.items() if not same(made[item][key], value)] == []
    each = job.errors(grouped=False)
    assert dict(zip(each["item"], each["type"] + ": " + each["message"], strict=True)) == errors


def test_the_csv_reads_back_to_the_same_values(home: Path, example_template: Any) -> None:
    job = featx.submit(EXAMPLES / "zeolites.ipynb", EXAMPLES / "zeolites/items", cores=2, limit=12, preflight=False)
    job.wait(60)
    table, text = job.result(), pd.read_csv(job.path / "table.csv")
    assert list(text.columns) == list(table.columns)
    for name in table.columns:
        assert text[name].tolist() == table[name].tolist()


@pytest.mark.parametrize(
    ("name", "template"),
    [("mofs", "template_cif.py"), ("cofs", "template_cif.py"), ("mopac", "template_mop.py")],
)
def test_real_templates_give_the_reference_values(home: Path, name: str, template: str) -> None:
    # expected.csv was made by another program, a plain loop that writes repr() of each value.
    job = featx.submit(DATA / "templates" / template, DATA / name / "items", cores=2)
    assert job.wait(120).state == "completed"
    made = {os.path.basename(item): row for item, row in as_rows(job).items()}
    with (DATA / name / "expected.csv").open(encoding="utf-8", newline="") as file:
        expected = {row.pop("item"): row for row in csv.DictReader(file)}
    good = {item for item, row in expected.items() if row["in_status"] == row["out_status"] == "ok"}
    assert made.keys() == good
    for item in good:
        for column, text in expected[item].items():
            side, _, key = column.partition(".")
            if key:
                value = made[item]["f." + key if side == "in" else "l." + key]
                assert shown(value) == text or float(value) == float(text), (item, column)  # 0 in a column of floats


def shown(value: Any) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    return repr(value) if isinstance(value, float) else str(value)


def test_the_demo_shows_the_dataframe_and_says_where_it_is(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, EXAMPLES / "demo.py"], cwd=tmp_path, capture_output=True, text=True, timeout=180, check=False
    )
    assert ran.returncode == 0, ran.stderr
    for words in ("77 of 78 done", "table.parquet", "jupyter-lab", "ABW", "R² ="):
        assert words in ran.stdout
