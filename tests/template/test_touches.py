"""What a statement does to an object is told from what it only shows."""

from __future__ import annotations

import ast

import pytest

from jupyter_featx.template.scopes import running
from jupyter_featx.template.touches import changes_object, touches_of


def changed(text: str, imported: bool = False) -> set[str]:
    touches = touches_of(running(ast.parse(text).body[0]))
    return {touch.root for touch in touches if changes_object(touch, imported)}


@pytest.mark.parametrize(
    "text",
    ["x['a'] = 1", "x.a.b = 1", "x[0] += 1", "del x['a']", "x.append(1)", "x.load(1)", "y = x.pop()",
     "random.shuffle(x)", "for i in a:\n    x[i] = i", "@x.register\ndef f(): ...", "x.a.update(b=1)"],
)  # fmt: skip
def test_objects_are_changed(text):
    assert "x" in changed(text)


@pytest.mark.parametrize(
    "text",
    ["x", "x.a", "x['a']", "x.head()", "x.plot.hist()", "print(x)", "y = x.mean()", "f(x).update(a=1)",
     "def f():\n    x.append(1)"],
)  # fmt: skip
def test_objects_are_only_shown(text):
    assert "x" not in changed(text)


@pytest.mark.parametrize("text", ["x.seed(1)", "x.seterr(all='raise')", "x.rcParams['a'] = 1", "x.path.insert(0, 'a')"])
def test_libraries_are_set_up(text):
    assert changed(text, imported=True) == {"x"}


@pytest.mark.parametrize("text", ["x.show()", "x.run('ls')", "x.plot(1)", "x.append(a)"])
def test_libraries_are_only_used(text):
    assert not changed(text, imported=True)
