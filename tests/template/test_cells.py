"""Notebooks, files and kernels are read as cells in the order of running, under names that a user knows."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace

import nbformat
import pytest

from jupyter_featx.errors import TemplateError
from jupyter_featx.template.cells import Cell, executed_cells, read_cells


def notebook(path, *cells, language="python"):
    code = [nbformat.v4.new_code_cell(text, execution_count=count) for text, count in cells]
    text = nbformat.v4.new_markdown_cell("# Title")
    nbformat.write(nbformat.v4.new_notebook(cells=[text, *code], metadata={"language_info": {"name": language}}), path)
    return path


def test_cells_that_never_ran_go_by_their_place(tmp_path):
    cells = read_cells(notebook(tmp_path / "mof.ipynb", ("a = 1", None), ("", None), ("b = 2", None)))
    assert cells == [Cell("cell 1 of mof.ipynb", "a = 1"), Cell("cell 3 of mof.ipynb", "b = 2")]


def test_cells_that_ran_come_in_the_order_of_running(tmp_path):
    cells = read_cells(notebook(tmp_path / "mof.ipynb", ("a = 1", 7), ("b = 2", 3)))
    assert cells == [Cell("cell [3]", "b = 2"), Cell("cell [7]", "a = 1")]


def test_counts_of_several_sessions_say_nothing_about_the_order(tmp_path):
    cells = read_cells(notebook(tmp_path / "mof.ipynb", ("a = 1", 7), ("b = 2", 3), ("c = 3", None)))
    assert [cell.text for cell in cells] == ["a = 1", "b = 2", "c = 3"]


def test_old_notebooks_are_read(tmp_path):
    path = tmp_path / "old.ipynb"
    sheet = {"cells": [{"cell_type": "code", "input": ["a = 1\n", "b = 2"], "language": "python", "outputs": []}]}
    path.write_text(json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [sheet]}))
    assert read_cells(path) == [Cell("cell 1 of old.ipynb", "a = 1\nb = 2")]


def test_a_file_is_one_cell_in_its_own_encoding(tmp_path):
    (tmp_path / "lib.py").write_bytes("# -*- coding: euc-kr -*-\nNAME = '분자'\r\n".encode("euc-kr"))
    assert read_cells(tmp_path / "lib.py") == [Cell("lib.py", "# -*- coding: euc-kr -*-\nNAME = '분자'\n")]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.ipynb", b"not json", "is not a notebook"),
        ("a.ipynb", b"{}", "is not a notebook"),
        ("a.py", b"x = '\xff'", "is not readable text"),
        ("a.txt", b"", "neither a .py nor an .ipynb"),
        ("a.ipynb", b"[" * 100_000, "is not a notebook"),
        ("a.ipynb", b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {"language_info": 3}, "cells": []}', "notebook"),
        ("a.ipynb", b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{}]}', "is not a notebook"),
        ("a.ipynb", b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": 7}', "is not a notebook"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TemplateError, match=words):
        read_cells(tmp_path / name)


@pytest.mark.parametrize("name", ["gone.py", "gone.ipynb"])
def test_a_missing_file_is_refused(tmp_path, name):
    with pytest.raises(TemplateError, match=f"Cannot read .*{name}: No such file"):
        read_cells(tmp_path / name)


@pytest.mark.parametrize("name", ["pipe.py", "pipe.ipynb"])
def test_a_pipe_is_refused_and_never_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(TemplateError, match="is no file"):
        read_cells(tmp_path / name)


@pytest.mark.parametrize("name", ["a\0.py", "a\0.ipynb", "~nobody-of-this-name/a.py"])
def test_a_path_that_cannot_be_is_refused(name):
    with pytest.raises(TemplateError, match="Cannot read"):
        read_cells(name)


def test_a_notebook_in_another_language_is_refused(tmp_path):
    with pytest.raises(TemplateError, match="notebook in julia"):
        read_cells(notebook(tmp_path / "j.ipynb", ("a = 1", None), language="julia"))


def test_the_history_of_a_kernel_is_its_cells():
    shell = SimpleNamespace(history_manager=SimpleNamespace(input_hist_raw=["", "a = 1", " ", "%magic"]))
    assert executed_cells(shell) == [Cell("cell [1]", "a = 1"), Cell("cell [3]", "%magic")]


def test_a_line_separator_inside_a_text_breaks_no_cell():
    text = "A = 'form\x0cfeed\u2028and\x85more'\nB = 2"
    shell = SimpleNamespace(history_manager=SimpleNamespace(input_hist_raw=["", text, text]))
    assert [cell.text for cell in executed_cells(shell, {2: 1})] == [text, text.split("\n")[0]]


def test_a_real_shell_gives_its_history():
    from IPython.core.interactiveshell import InteractiveShell as shell_class

    shell = shell_class()
    shell.run_cell("a = 1", store_history=True)
    shell.run_cell("%time b = 2", store_history=True)
    assert [cell.text for cell in executed_cells(shell)][-2:] == ["a = 1", "%time b = 2"]
