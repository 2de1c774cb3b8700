"""Cells are split into statements that keep the user's own text and lines."""

from __future__ import annotations

import pytest
from extracting import history

from jupyter_featx.errors import TemplateError
from jupyter_featx.template.cells import Cell
from jupyter_featx.template.statements import parse, read_statements


def test_a_statement_keeps_its_text_its_line_and_its_comment():
    first, second = read_statements(history("\n@d  # why\ndef f():\n    return 1  # so\n\nx = 1; y = 'é'"))[:2]
    assert (first.text, first.line) == ("@d  # why\ndef f():\n    return 1  # so", 2)
    assert (second.text, second.where) == ("x = 1", "cell [1], line 6")


def test_an_import_of_several_names_is_parted():
    statements = read_statements(history("from a import (b,\n    c as d)"))
    assert [statement.text for statement in statements] == ["from a import b", "from a import c as d"]
    assert {statement.whole_text for statement in statements} == {"from a import (b,\n    c as d)"}


@pytest.mark.parametrize("text", ["x = (", "return 1", "def f(:", "x = 1\x00"])
def test_what_is_not_python_is_refused(text):
    with pytest.raises(TemplateError, match=r"cell \[1\]"):
        parse(Cell("cell [1]", text))


def test_what_was_executed_and_is_not_python_never_ran():
    assert [s.text for s in read_statements(history("x = (", "y = 1"), executed=1)] == ["y = 1"]


def test_warnings_about_the_text_of_a_user_stay_with_the_user():
    assert read_statements(history(r"x = '\d'"))
