"""A template function takes the path of an item and returns; every other form is refused."""

from __future__ import annotations

import pytest
from extracting import refusal, run, template_of


@pytest.mark.parametrize("arguments", ["path", "path, /", "path, n=3", "*paths", "path, *, k=1", "path, **more", "a=1"])
def test_any_function_of_one_argument_will_do(arguments):
    assert template_of(f"def _process_input({arguments}):\n    return {{}}")


@pytest.mark.parametrize("arguments", ["", "a, b", "*, path", "path, *, k", "**more"])
def test_any_other_number_of_arguments_is_refused(arguments):
    message = refusal(f"def _process_input({arguments}):\n    return {{}}")
    assert message.startswith(f"_process_input({arguments}) (cell [1], line 1) must take one argument")


def test_a_generator_is_refused():
    assert "generator ('yield' in line 3)" in refusal("def _process_input(path):\n    for i in path:\n        yield i")


def test_a_generator_inside_the_function_is_fine():
    assert run("def _process_input(path):\n    def g():\n        yield 1\n    return {'x': list(g())}") == {"x": [1]}


def test_an_async_function_is_refused():
    assert "'async def'" in refusal("async def _process_input(path):\n    return {}")


def test_the_other_function_is_checked_too():
    assert refusal("def _process_input(p): ...", "def _process_output(): ...").startswith("_process_output()")


def test_an_alias_of_a_function_will_do():
    assert run("def features(path):\n    return {'x': 1}", "_process_input = features") == {"x": 1}


def test_a_partial_will_do_when_one_argument_is_left():
    before = "from functools import partial\ndef f(k, path):\n    return {'x': k}\n"
    assert run(before + "_process_input = partial(f, 4)") == {"x": 4}
    assert "must take one argument" in refusal(before + "_process_input = partial(f, 1, 2)")


@pytest.mark.parametrize("value", ["lambda path: {}", "Extractor()", "3", "_process_input"])
def test_anything_else_is_refused(value):
    assert "is not a plain function" in refusal("class Extractor: ...", f"_process_input = {value}")


def test_an_imported_function_will_do():
    assert template_of("from mine import _process_input")


def test_a_function_in_a_branch_is_checked():
    texts = [
        "fast = True",
        "if fast:\n    def _process_input(path):\n        return {}\nelse:\n    def _process_input(): ...",
    ]
    assert "cell [2], line 5" in refusal(*texts)
