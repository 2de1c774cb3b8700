"""Whatever a notebook holds, the module that is made of it behaves as the notebook does."""

from __future__ import annotations

import sys
import types
from collections.abc import Mapping
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import pytest
from bounded import bounded
from hypothesis import given
from notebooks import Notebook, notebooks

from jupyter_featx.template import Cell, extract

ITEMS = ("a", "bb", "a", "ccc")


def behaviour(space: Mapping[str, Any]) -> list[Any]:
    """Return what the two functions give, called as a worker would."""
    return [(space["_process_input"](item), space["_process_output"](item)) for item in ITEMS]


def ran(*texts: str) -> dict[str, Any]:
    """Return the namespace of a module that ran the texts one after another."""
    module = types.ModuleType("template_under_test")
    module.__file__ = "template.py"
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()):
        patch.setitem(sys.modules, module.__name__, module)
        for text in texts:
            exec(compile(text, "<cell>", "exec", dont_inherit=True), vars(module))
    return vars(module)


def cells_of(notebook: Notebook) -> list[Cell]:
    return [Cell(f"cell [{number}]", text) for number, text in enumerate(notebook.cells, 1)]


@bounded(150)
@given(notebooks())
def test_the_module_behaves_as_the_notebook(notebook: Notebook) -> None:
    *others, last = cells_of(notebook)
    text = extract(last, cells=others).text
    wanted = behaviour(ran(*notebook.plain))
    assert behaviour(ran(text)) == wanted, text


@bounded(50)
@given(notebooks())
def test_the_module_of_a_live_kernel_behaves_as_the_kernel(notebook: Notebook) -> None:
    kernel = ran(*notebook.plain)
    *others, last = cells_of(notebook)
    text = extract(last, cells=[*others, last], namespace=kernel).text
    assert behaviour(ran(text)) == behaviour(kernel), text


@bounded(50)
@given(notebooks())
def test_a_module_extracted_again_is_the_same_function(notebook: Notebook) -> None:
    *others, last = cells_of(notebook)
    once = extract(last, cells=others)
    again = extract(Cell("cell [1]", once.text))
    assert behaviour(ran(again.text)) == behaviour(ran(once.text)), again.text
