"""Find what a statement does to objects that outlive it: `d['a'] = 1`, `d.update()`, `np.seterr()`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from jupyter_featx.template.scopes import FUNCTIONS, dotted

_MUTATORS = re.compile(
    r"(append|appendleft|extend|extendleft|insert|pop|popitem|remove|update|setdefault|add|discard|clear|sort"
    r"|reverse|subtract|fill)$"
)
_ARGUMENT_MUTATORS = re.compile(
    r"(setattr|delattr|shuffle|heapify|heappush|heappop|insort\w*|fill_diagonal|put|copyto)$"
)
# Methods called for what they show, when nothing takes their result.
_LOOKING = re.compile(
    r"(get|keys|values|items|copy|count|index|find\w*|search|match|fullmatch|split\w*|sub|join|format|strip"
    r"|lower|upper|startswith|endswith|head|tail|sample|describe|info|plot\w*|hist\w*|show\w*|view|display"
    r"|mean|median|sum|std|var|min|max|round|astype|reshape|transpose|read\w*|most_common|is\w*|has\w*"
    r"|to_\w+|tolist|toarray|todense|as_\w*|dump\w*|save\w*|print\w*|group\w*|cache_info|value_counts"
    r"|unique|nunique|memory_usage)$"
)
# Functions of a library that are called to set it up.
_SETTING_UP = re.compile(
    r"(?i)(set\w*|seed|register\w*|filterwarnings|simplefilter|disable\w*|enable\w*|use|basicConfig)$"
)


@dataclass(frozen=True)
class Touch:
    """One act on an object that a name refers to: `d['a'] = 1`, `d.update()`, `np.seterr()`, `shuffle(d)`."""

    root: str
    attributes: tuple[str, ...]
    act: str  # "store", "method", "mutator", "argument", "decorator" or "call"


def touches_of(nodes: Iterator[ast.AST]) -> list[Touch]:
    """Return what the nodes do to objects that outlive them."""
    return [touch for node in nodes for touch in _touches(node)]


def _touches(node: ast.AST) -> Iterator[Touch]:
    if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, (ast.Store, ast.Del)):
        if chain := dotted(node):
            yield Touch(chain[0], chain[1:], "store")
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        if chain := dotted(node.value.func):
            yield Touch(chain[0], chain[1:], "method" if chain[1:] else "call")
    elif isinstance(node, ast.Call):
        chain = dotted(node.func)
        if chain[1:] and _MUTATORS.match(chain[-1]):
            yield Touch(chain[0], chain[1:], "mutator")
        if chain and _ARGUMENT_MUTATORS.match(chain[-1]) and node.args and (target := dotted(node.args[0])):
            yield Touch(target[0], target[1:], "argument")
    elif isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        for decorator in node.decorator_list:
            factory = isinstance(decorator, ast.Call)
            if chain := dotted(decorator.func if isinstance(decorator, ast.Call) else decorator):
                yield Touch(chain[0], chain[1:], "factory" if factory else "decorator")


def changes_object(touch: Touch, imported: bool) -> bool:
    """Tell whether the act changes the object of the name, rather than only shows something."""
    if "()" in touch.attributes[:-1] and not imported:
        return False  # the object is what a call gave, and the call was perhaps only tried
    if touch.act in ("store", "argument"):
        return True
    if touch.act == "mutator":
        return not imported or len(touch.attributes) > 1
    if touch.act == "method":
        if imported:
            return bool(_SETTING_UP.match(touch.attributes[-1]))
        return not _LOOKING.match(touch.attributes[-1])
    return touch.act in ("decorator", "factory") and bool(touch.attributes) and not imported
