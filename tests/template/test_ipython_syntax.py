"""Cells lose what only IPython understands and keep their line numbers."""

from __future__ import annotations

import ast

import pytest

from jupyter_featx.template.ipython_syntax import MAGIC, MAGIC_LINE, to_python


@pytest.mark.parametrize(
    ("cell", "python"),
    [
        ("%matplotlib inline\nx = 1", "\nx = 1"),
        ("!pip install it's\nx = 1", "\nx = 1"),
        ("!pip install \\\n  numpy\nx = 1", "\n\nx = 1"),
        ("x = !ls", f"x = {MAGIC}"),
        ("x, y = %magic 3", f"x, y = {MAGIC}"),
        ("d['a'] = !ls", f"d['a'] = {MAGIC}"),
        ("%time x = f(\n  3)", "x = f(\n  3)"),
        ("np.linspace?\nx = 1", "\nx = 1"),
        ("?x\n??x\nx??\n%time?", "\n\n\n"),
        ("if a:\n    %magic\n    b = 1", f"if a:\n    {MAGIC_LINE}\n    b = 1"),
        ("%%time\n%%capture out\nx = 1", "\n\nx = 1"),
        ("\n%%featx submit --cores 5\nx = 1", "\n\nx = 1"),
        ("%%bash\nls", "\n"),
        ("%%timeit\nx = 1", "\n"),
        ("%pylab\ns = '''\n%not a magic\n!nor this\n'''", "\ns = '''\n%not a magic\n!nor this\n'''"),
        ("%pylab\ny = (3\n% 2)\nz = 3 \\\n% 2", "\ny = (3\n% 2)\nz = 3 \\\n% 2"),
        ("%pylab\ns = \"it's\" # don't\nt = 1 # (\n!ls", "\ns = \"it's\" # don't\nt = 1 # (\n"),
        ("%pylab\na = 'x\\'y'\n!ls", "\na = 'x\\'y'\n"),
        ("    x = 1\n    y = 2", "x = 1\ny = 2"),
        ("x = 5\r\ny = 6", "x = 5\ny = 6"),
        ("a != b\nx %= 3", "a != b\nx %= 3"),
        ("", ""),
    ],
)
def test_cells_become_python(cell, python):
    assert to_python(cell) == python
    ast.parse(to_python(cell))


def test_what_is_not_python_stays_for_the_error_message():
    assert to_python("def f(:\n    pass") == "def f(:\n    pass"
