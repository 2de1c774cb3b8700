"""A template can be a cell, a file, a notebook, text or functions; all give the same."""

from __future__ import annotations

import importlib
import linecache
import sys

import nbformat
import pytest
from extracting import history, live

from jupyter_featx.errors import TemplateError
from jupyter_featx.template import Cell, extract

TEXT = "N = 3\n\ndef helper(path):\n    return N\n\ndef _process_input(path):\n    return {'x': helper(path)}\n"


def typed(text, name="<ipython-input-1-abc>", module="__main__"):
    """Return the namespace of a kernel in which the text was typed, with its source where IPython puts it."""
    space = {"__name__": module}
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    exec(compile(text, name, "exec"), space)
    return space


@pytest.fixture
def library(tmp_path, monkeypatch):
    """Return a function that writes and imports a module of its own."""

    def write(name, text):
        (tmp_path / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, name, raising=False)
        return importlib.import_module(name)

    return write


def outcome(template, item="i"):
    space = {"__name__": "template", "__file__": "template.py"}
    exec(template.text, space)
    return {role: space[role](item) for role in ("_process_input", "_process_output") if role in space}


def test_text_path_notebook_and_cell_give_the_same(tmp_path):
    (tmp_path / "t.py").write_text(TEXT)
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(TEXT)])
    nbformat.write(book, tmp_path / "t.ipynb")
    sources = [TEXT, tmp_path / "t.py", str(tmp_path / "t.ipynb"), Cell("the cell", TEXT)]
    templates = [extract(source) for source in sources]
    assert len({template.input_digest for template in templates}) == 1
    assert all(outcome(template) == {"_process_input": {"x": 3}} for template in templates)


def test_the_running_cell_is_not_taken_twice():
    cells = history("x = 1", "%%featx submit\nx += 1\ndef _process_input(path):\n    return {'x': x}")
    template = extract(Cell("the cell", cells[-1].text.split("\n", 1)[1]), cells=cells)
    assert outcome(template) == {"_process_input": {"x": 2}}
    assert "# cell [2], line 2" in template.text


def test_an_empty_cell_takes_the_functions_of_the_notebook():
    assert outcome(extract(Cell("the cell", ""), cells=history(TEXT))) == {"_process_input": {"x": 3}}


def test_functions_of_the_notebook_are_found_in_its_cells():
    space = typed(TEXT)
    template = extract(space["_process_input"], cells=history("y = 1", TEXT), namespace=space)
    assert outcome(template) == {"_process_input": {"x": 3}}
    assert "# cell [2], line 1" in template.text


def test_a_function_of_a_timed_cell_is_found_in_its_cell():
    space = live(TEXT)
    template = extract(space["_process_input"], cells=history("%%time\n" + TEXT), namespace=space)
    assert outcome(template) == {"_process_input": {"x": 3}}


def test_functions_may_have_any_name():
    space = typed(TEXT + "def one(path): return {'a': N}\ndef two(path): return {'b': N}\n")
    template = extract((space["one"], space["two"]), namespace=space)
    assert outcome(template) == {"_process_input": {"a": 3}, "_process_output": {"b": 3}}


def test_one_function_means_no_labels():
    space = typed(TEXT + "def _process_output(path): return {'b': N}\n")
    assert extract(space["_process_input"], namespace=space).output_digest is None
    assert not extract([space["_process_output"]], namespace=space).has_output


def test_functions_that_only_the_kernel_has_are_found_by_their_objects():
    space = typed(TEXT)
    assert outcome(extract(Cell("the cell", ""), namespace=space)) == {"_process_input": {"x": 3}}


def test_functions_of_a_module_take_what_they_need_of_its_file(library):
    module = library("featx_mine", TEXT + "import not_installed_anywhere_x\n".replace("import", "# import"))
    template = extract(module._process_input)
    assert outcome(template) == {"_process_input": {"x": 3}}
    assert "# featx_mine.py, line 1" in template.text


def test_functions_of_several_modules_are_imported(library):
    one, two = library("featx_one", TEXT), library("featx_two", TEXT.replace("N = 3", "N = 4"))
    template = extract((one._process_input, two._process_input))
    assert [module.name for module in template.modules] == ["featx_one", "featx_two"]
    assert outcome(template) == {"_process_input": {"x": 3}, "_process_output": {"x": 4}}


def test_a_decorated_function_keeps_its_decorator():
    space = typed("import functools\n" + TEXT.replace("def _process", "@functools.lru_cache\ndef _process"))
    assert "@functools.lru_cache" in extract(space["_process_input"], namespace=space).text


def closure(n):
    def f(path):
        return {"n": n}

    return f


class Callable:
    def method(self, path): ...


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (closure(3), "f uses 'n', a local variable of the function around it"),
        (lambda path: {}, "A lambda cannot be a template function"),
        (live("def f(path): ...")["f"], "The source of f is not known to Python"),
        (len, "cannot be made of builtin_function_or_method"),
        (3, "cannot be made of int"),
        (Callable.method, "Callable.method stands inside another function or class"),
        ((), "0 functions given"),
        ([len, len, len], "3 functions given"),
    ],
)  # fmt: skip
def test_what_is_no_plain_function_is_refused(given, words):
    with pytest.raises(TemplateError, match=words):
        extract(given)


def test_a_function_older_than_the_notebook_is_refused():
    old, new = typed(TEXT)["helper"], typed(TEXT)
    with pytest.raises(TemplateError, match="helper that was given is older"):
        extract(old, cells=history(TEXT), namespace=new)


def test_a_path_that_is_no_file_is_refused(tmp_path):
    with pytest.raises(TemplateError, match="Cannot read"):
        extract(str(tmp_path / "gone.py"))
    with pytest.raises(TemplateError, match=r"neither a .py nor an .ipynb file"):
        extract("mof")
