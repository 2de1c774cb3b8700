"""docs/security.md is the review: each point of it names a test that is there; each attack here is a point of it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
TABLES = re.findall(r"^\| attack \| what stops it \| test \|\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
POINTS = [line for table in TABLES for line in table.splitlines()]
NAMED = re.findall(r"`((?:tests|labextension)/[^`:]+)::([^`]+)`", PAGE)


def names_of(path: Path) -> set[str]:
    """Return the names of the tests in a file."""
    if path.suffix == ".py":
        tree = ast.parse(path.read_text())
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        return {node.name for node in tree.body if isinstance(node, kinds) and node.name.startswith("test_")}
    return set(re.findall(r"^test(?:\.each\(.*?\))?\('(.*?)',", path.read_text(), re.MULTILINE | re.DOTALL))


def test_there_is_a_table_for_each_kind_of_attacker():
    assert len(TABLES) == 7
    assert len(POINTS) > 45


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point[2:40].strip())
def test_each_point_says_what_stops_the_attack_and_names_its_test(point: str):
    attack, stops, test = (cell.strip() for cell in point.strip("|").split(" | "))
    assert attack
    assert stops
    assert re.fullmatch(r"`[^`]+::[^`]+`", test)


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_each_test_that_is_named_is_there(file: str, name: str):
    assert name in names_of(ROOT / file)


OURS = [*(ROOT / "tests/security").glob("test_*.py"), ROOT / "tests/server/test_hostile_page.py"]
OURS += [ROOT / "tests/ui/test_hostile_notebook.py"]


@pytest.mark.parametrize("file", [file for file in OURS if file.name != "test_review.py"], ids=lambda file: file.name)
def test_each_attack_is_a_point_of_the_page(file: Path):
    named = {name for path, name in NAMED if path == str(file.relative_to(ROOT))}
    assert names_of(file) == named
