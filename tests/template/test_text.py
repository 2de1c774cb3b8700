"""The text of a template is readable, runs by hand, and tells the cell of each of its lines."""

from __future__ import annotations

import ast

from extracting import row_by_hand, template_of

from jupyter_featx.markers import locate
from jupyter_featx.template import Template

CELLS = (
    "%matplotlib inline\nimport os, re\nimport math  # needed",
    "A = 1   # one\n\nB = 2\n# said\nC = 3",
    "\n@dec(\n    1)\ndef helper(path):\n    '''한글'''\n    # why\n    return A + B + C + math.floor(1.5)",
    "def dec(n):\n    return lambda f: f",
    "def _process_input(path):\n    return {'x': helper(path), 'p': os.path.basename(path), 'k': '한글'}",
)


def line_of(template: Template, words: str) -> int:
    return next(n for n, line in enumerate(template.text.splitlines(), 1) if words in line)


def test_every_line_of_code_is_found_in_its_cell_again():
    template = template_of(*CELLS)
    for number, line in enumerate(template.text.splitlines(), 1):
        place = locate(template.text, number)
        if not line.strip() or line.startswith("#") or not place:
            continue
        cell, row = int(place[6 : place.index("]")]), int(place.rsplit(" ", 1)[1])
        assert line == "import os" or line == CELLS[cell - 1].split("\n")[row - 1]


def test_a_line_of_ours_has_no_cell():
    template = template_of(*CELLS)
    assert locate(template.text, 1) == ""
    assert locate(template.text, line_of(template, "_json.dumps")) == ""
    assert locate(template.text, 0) == locate(template.text, 10_000) == ""


def test_code_stands_as_it_was_written():
    text = template_of(*CELLS).text
    assert "import os\nimport math  # needed\n" in text
    assert "A = 1   # one\n\nB = 2\n" in text
    assert "@dec(\n    1)\ndef helper(path):\n    '''한글'''\n    # why\n" in text
    assert "# cell [2], line 5\nC = 3" in text


def test_imports_come_first():
    text = template_of("x = 1", "import json", "def _process_input(path):\n    return {'x': json.loads(str(x))}").text
    assert text.index("import json") < text.index("x = 1")


def test_an_import_stays_where_its_place_matters():
    text = template_of(
        "json = None", "y = json", "import json", "def _process_input(path):\n    return {'x': json, 'y': y}"
    ).text
    assert text.index("json = None") < text.index("y = json") < text.index("import json\n")


def test_a_template_runs_by_hand(tmp_path):
    row = row_by_hand(template_of(*CELLS), tmp_path, "/a/분자.cif")
    assert row == {"features": {"x": 7, "p": "분자.cif", "k": "한글"}}


def test_both_functions_are_in_the_row(tmp_path):
    template = template_of("def _process_input(p): return {'a': {1, 2}}", "def _process_output(p): return {'b': p}")
    assert row_by_hand(template, tmp_path, "i") == {"features": {"a": "{1, 2}"}, "labels": {"b": "i"}}


def test_future_imports_are_the_first_statement(tmp_path):
    (tmp_path / "near.py").write_text("")
    text = template_of(
        "import near",
        "from __future__ import annotations",
        "def _process_input(p): return near",
        folder=tmp_path,
    ).text
    first = ast.parse(text).body[1]
    assert isinstance(first, ast.ImportFrom)
    assert first.module == "__future__"


def test_statements_in_one_line_are_parted():
    text = template_of("a = 1; b = open('x'); c = 'é'; d = 2", "def _process_input(p): return a, d").text
    assert "a = 1\n" in text
    assert "d = 2\n" in text
    assert "open" not in text
