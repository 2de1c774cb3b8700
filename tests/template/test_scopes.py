"""The names of a statement are told apart by what happens to them, and when."""

from __future__ import annotations

import ast

import pytest

from jupyter_featx.template.scopes import Uses, dotted, reads_first, uses_of


def uses(text: str, deferred: bool = False) -> Uses:
    return uses_of(text, ast.parse(text).body[0], deferred)


@pytest.mark.parametrize(
    ("text", "now", "later", "binds"),
    [
        ("x = a + 1", {"a"}, set(), {"x"}),
        ("x += a", {"a", "x"}, set(), {"x"}),
        ("x = [i * a for i in b if c]", {"a", "b", "c"}, set(), {"x"}),
        ("x = lambda i, j=d: i + j + e", {"d"}, {"e"}, {"x"}),
        ("@d\ndef f(p, q=a):\n    r = p + b\n    return [r + c for r in q]", {"d", "a"}, {"b", "c"}, {"f"}),
        ("class C(B):\n    k = a\n    def m(self):\n        return b", {"B", "a"}, {"b"}, {"C"}),
        ("for i in a:\n    x = f'{i} {b}'", {"a", "b", "i"}, set(), {"i", "x"}),
        ("if (y := a):\n    pass", {"a"}, set(), {"y"}),
        ("def f():\n    x = 1\n    def g():\n        nonlocal x\n        return x + b", set(), {"b"}, {"f"}),
        ("(a, *b), c.d = e", {"c", "e"}, set(), {"a", "b"}),
    ],
)  # fmt: skip
def test_names_are_found(text, now, later, binds):
    found = uses(text)
    assert (found.now, found.later, found.binds) == (now, later, binds)


def test_a_global_statement_binds_when_the_function_runs():
    found = uses("def f():\n    global x\n    x = 1")
    assert found.globals_bound == {"x"}
    assert found.binds == {"f"}


def test_deferred_annotations_need_not_exist():
    assert "T" not in uses("def f(a: T): ...", deferred=True).now
    assert uses("def f(a: 'T'): ...").if_defined == {"T"}


def test_plain_values_call_nothing():
    assert not uses("x = [1, y]").calls
    assert uses("x = y()").calls


def test_a_dotted_name_starts_at_its_root():
    assert dotted(ast.parse("a.b[0].c().d", mode="eval").body) == ("a", "b", "[]", "c", "()", "d")
    assert dotted(ast.parse("(1).b", mode="eval").body) == ()


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("with a() as x:\n    x.b", False),
        ("if a:\n    x = x + 1", True),
        ("for x in y:\n    x", False),
        ("for x in x:\n    pass", True),
        ("try:\n    a\nexcept E as x:\n    x", False),
        ("match a:\n    case [x, *_]:\n        x", False),
    ],
)
def test_a_block_may_read_a_name_before_it_binds_it(text, first):
    assert reads_first(ast.parse(text).body[0], "x") is first
