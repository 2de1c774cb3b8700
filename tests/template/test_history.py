"""For each name and moment, the history knows the statements that made its value."""

from __future__ import annotations

import pytest
from extracting import history

from jupyter_featx.template.history import History
from jupyter_featx.template.statements import read_statements


def made_by(name: str, *lines: str) -> list[str]:
    known = History(read_statements(history(*lines)))
    return [known.statements[index].text for index in known.versions(name, known.end)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["x = 1", "x = 2"], ["x = 2"]),
        (["x = 1", "x = x + 1"], ["x = 1", "x = x + 1"]),
        (["x = 1", "if a:\n    x = 2"], ["x = 1", "if a:\n    x = 2"]),
        (["x = 1", "if a:\n    x = 2\nelse:\n    x = 3"], ["if a:\n    x = 2\nelse:\n    x = 3"]),
        (["x = []", "x.append(1)", "x = []"], ["x = []"]),
        (["x = []", "x.append(1)", "x.count(1)"], ["x = []", "x.append(1)"]),
        (["x = 1", "del x"], []),
        (["x.append(1)"], []),
        (["import x.a", "import x.b", "import x.a"], ["import x.a", "import x.b"]),
        (["import y as x", "x.b = 1", "import y as x"], ["import y as x", "x.b = 1"]),
        (["if __name__ == '__main__':\n    x = 1"], []),
    ],
)
def test_the_value_of_a_name_has_its_statements(lines, expected):
    assert made_by("x", *lines) == expected


def test_a_name_has_its_own_value_at_each_moment():
    known = History(read_statements(history("x = 1", "y = x", "x = 2")))
    assert known.versions("x", 1) == known.versions("x", 2) == [0]
    assert known.versions("x", known.end) == [2]
