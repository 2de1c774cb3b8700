"""Check that a template function is a plain function of one path, whatever name or alias it goes by."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from jupyter_featx.errors import TemplateError
from jupyter_featx.template.history import History
from jupyter_featx.template.scopes import dotted
from jupyter_featx.template.statements import Statement

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class _Call:
    """The call that a function must take, as one of the two; aliases may have given it something already."""

    role: str
    filled: int = 0  # positions
    given: frozenset[str] = frozenset()  # keywords


def check_function(history: History, name: str) -> None:
    """Refuse what cannot be called as name(path) to give a dict."""
    _check(history, _Call(name), name, history.end)


def _check(history: History, call: _Call, name: str, at: int) -> None:
    for index in history.versions(name, at):
        statement = history.statements[index]
        if not history.binds(name, index) or statement.is_import:
            continue
        functions = list(_definitions(statement.node, name))
        if functions and not isinstance(statement.node, ast.Assign):
            for function in functions:
                _check_definition(call, statement, function)
            continue
        value = getattr(statement.node, "value", None)
        target, more, given = _alias(value)
        if not target or index == at or (target == name and not history.versions(target, index)):
            raise TemplateError(
                f"{call.role} ({statement.where}) is not a plain function. "
                f"Write 'def {call.role}(path):' and call it from there."
            )
        _check(history, _Call(call.role, call.filled + more, call.given | given), target, index)


def _definitions(node: ast.AST, name: str) -> Iterator[_Function]:
    for child in ast.walk(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) and child.name == name:
            yield child


def _alias(value: ast.expr | None) -> tuple[str, int, frozenset[str]]:
    """Return the function behind `f` or `partial(f, 1, k=2)`, and what is given to it already."""
    if isinstance(value, ast.Name):
        return value.id, 0, frozenset()
    if isinstance(value, ast.Call) and dotted(value.func)[-1:] == ("partial",) and value.args:
        given = frozenset(keyword.arg for keyword in value.keywords if keyword.arg)
        return (dotted(value.args[0]) or ("",))[0], len(value.args) - 1, given
    return "", 0, frozenset()


def _check_definition(call: _Call, where: Statement, f: _Function) -> None:
    role, place = call.role, f"({where.cell.label}, line {f.lineno})"
    if isinstance(f, ast.AsyncFunctionDef):
        raise TemplateError(
            f"{role} {place} is 'async def'. Write it with 'def'; the job runs many items at once itself."
        )
    if lines := [node.lineno for node in _own_nodes(f) if isinstance(node, (ast.Yield, ast.YieldFrom))]:
        raise TemplateError(
            f"{role} {place} is a generator ('yield' in line {min(lines)}). It must return one dict: collect"
            " the values and 'return' them."
        )
    if not _takes_one_path(f.args, call):
        raise TemplateError(
            f"{role}({ast.unparse(f.args)}) {place} must take one argument, the path of the item. Write"
            f" 'def {role}(path):' and give every other argument a default."
        )


def _takes_one_path(arguments: ast.arguments, call: _Call) -> bool:
    given = call.given
    positional = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
    optional = given.union(positional[len(positional) - len(arguments.defaults) :])
    open_ones = [name for name in positional[call.filled :] if name not in given]
    required = [name for name in open_ones if name not in optional]
    keywords = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    missing = [a.arg for a, default in keywords if default is None and a.arg not in given]
    return bool(open_ones or arguments.vararg) and len(required) <= 1 and not missing


def _own_nodes(function: _Function) -> Iterator[ast.expr]:
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.expr):
            yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            pending.extend(ast.iter_child_nodes(node))
