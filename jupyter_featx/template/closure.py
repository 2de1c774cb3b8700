"""Collect the statements that the template functions need, in an order that runs, or refuse."""

from __future__ import annotations

import ast
import builtins
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jupyter_featx.errors import TemplateError
from jupyter_featx.template import refusals
from jupyter_featx.template.history import History, imported_roots
from jupyter_featx.template.portable import (
    is_injected,
    is_literal_frame,
    keyboard_call,
    live_reason,
    made_at_run_time,
    shell_reason,
)
from jupyter_featx.template.scopes import reads_first
from jupyter_featx.template.statements import Statement

_MODULE_NAMES = frozenset(
    (
        "__name__",
        "__file__",
        "__doc__",
        "__builtins__",
        "__spec__",
        "__loader__",
        "__package__",
        "__annotations__",
    )
)


_BLOCKS = (
    ast.If,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.With,
    ast.AsyncWith,
    ast.Try,
    ast.Match,
    ast.ClassDef,
)


@dataclass(frozen=True)
class _Need:
    """A name that a statement needs, with the value that it has before statement `at`."""

    name: str
    at: int
    by: int
    required: bool = True
    called: bool = False  # what made the name runs at once, so that its own needs are due at the same moment


class Closure:
    """The indices of the statements that the roots need, and the order in which they run."""

    def __init__(self, history: History, roots: Sequence[str], namespace: Mapping[str, object], last: int) -> None:
        """Take the statements from index `last` on as newer than the namespace."""
        self._history = history
        self._namespace = namespace
        self._last = last
        self._kept: set[int] = set()
        self._forward: dict[int, set[int]] = {}
        self._missing: dict[str, _Need] = {}
        self._seen: set[tuple[str, int, bool]] = set()
        self._called: set[tuple[int, int]] = set()
        self._portable: dict[int, bool] = {}
        self._queue: deque[_Need] = deque()
        self._at_run_time: set[str] = set()
        for root in roots:
            for index in history.versions(root, history.end):
                self._keep(index)
        self._run()
        self._refuse_missing()

    def order(self) -> list[int]:
        """Return the indices in an order that runs: that of the history, but nothing before what it needs."""
        ordered: list[int] = []
        for index in sorted(self._kept):
            self._place(index, ordered, set())
        return ordered

    def _place(self, index: int, ordered: list[int], above: set[int]) -> None:
        if index in ordered or index in above:
            return
        for needed in sorted(self._forward.get(index, ())):
            self._place(needed, ordered, above | {index})
        ordered.append(index)

    def _run(self) -> None:
        while self._queue:
            self._resolve(self._queue.popleft())

    def _keep(self, index: int) -> None:
        if index in self._kept:
            return
        self._kept.add(index)
        statement = self._history.statements[index]
        self._check(statement)
        uses, end = statement.uses, self._history.end
        for needed in sorted(uses.now, key=lambda n: (statement.line_of(n), n)):
            own = needed in uses.binds and isinstance(statement.node, _BLOCKS)
            if not own or reads_first(statement.node, needed):
                self._queue.append(_Need(needed, index, index, required=not own, called=uses.calls))
        for needed in sorted(uses.later, key=lambda n: (statement.line_of(n), n)):
            self._at_run_time.add(needed)
            self._queue.append(_Need(needed, end, index))
        for needed in sorted(uses.if_defined):
            self._queue.append(_Need(needed, index, index, required=False))
            self._queue.append(_Need(needed, end, index, required=False))
        for around in self._surroundings(statement, index):
            self._keep_if_portable(around)

    def _resolve(self, need: _Need) -> None:
        key = (need.name, need.at, need.called)
        if key in self._seen:
            return
        self._seen.add(key)
        found = self._history.versions(need.name, need.at)
        if not found and (need.required or need.called):
            found = self._history.first_after(need.name, need.at)
            self._forward.setdefault(need.by, set()).update(found)
        if not found:
            if need.required:
                self._missing.setdefault(need.name, need)
            return
        imported = any(self._history.statements[i].is_import for i in found)
        if imported:
            user = self._history.statements[need.by].text
            found = [i for i in self._history.last_of_each(found) if self._history.statements[i].text != user]
        for index in found:
            self._keep_version(index, need, imported)

    def _keep_version(self, index: int, need: _Need, imported: bool) -> None:
        statement = self._history.statements[index]
        if need.name in self._history.changes[index]:
            if self._only_calls_a_template_function(statement):
                return
            if imported:
                self._keep_if_portable(index)
                return
        self._refuse_value(index, need)
        self._keep(index)
        if need.called and (index, need.at) not in self._called:
            self._called.add((index, need.at))
            for name in sorted(statement.uses.later):
                self._queue.append(_Need(name, need.at, need.by, required=False, called=True))

    def _keep_if_portable(self, index: int) -> None:
        """Keep the setting up of a library, unless it depends on what cannot travel."""
        if index not in self._portable:
            self._portable[index] = True  # while its own needs are looked at
            self._portable[index] = self._is_portable(index)
        if self._portable[index]:
            self._keep(index)

    def _is_portable(self, index: int) -> bool:
        trial = Closure(self._history, (), self._namespace, self._last)
        trial._kept, trial._portable = set(self._kept), self._portable
        try:
            trial._keep(index)
            trial._run()
            trial._refuse_missing()
        except TemplateError:
            return False
        return True

    def _only_calls_a_template_function(self, statement: Statement) -> bool:
        """Tell a trial such as `_process_input(files[0])`: what it changed, the job changes by itself."""
        value = getattr(statement.node, "value", None)
        if not isinstance(statement.node, ast.Expr) or not isinstance(value, ast.Call):
            return False
        called = value.func.id if isinstance(value.func, ast.Name) else ""
        return called in self._at_run_time | {"_process_input", "_process_output"}

    def _surroundings(self, statement: Statement, index: int) -> Iterator[int]:
        """Yield what sets up the libraries that a statement imports, and the places where they look."""
        end = self._history.end
        for node in ast.walk(statement.node):
            for root in imported_roots(node):
                at = index if node is statement.node else end
                around = self._history.last_of_each(self._history.surroundings(root, at))
                yield from (i for i in around if self._history.statements[i].text != statement.text)

    def _check(self, statement: Statement) -> None:
        defined = {n for n in ("input",) if self._history.versions(n, self._history.end)}
        if shell := shell_reason(statement):
            raise refusals.shell_needed(statement, shell)
        if asked := keyboard_call(statement, defined):
            raise refusals.keyboard_needed(statement, *asked)

    def _refuse_value(self, index: int, need: _Need) -> None:
        statement = self._history.statements[index]
        reason = made_at_run_time(statement, need.name)
        definition = statement.is_import or hasattr(statement.node, "name")
        if not reason and not definition and not is_literal_frame(statement) and index < self._last:
            reason = live_reason(self._namespace.get(need.name))
        if reason:
            raise refusals.cannot_travel(self._history.statements[need.by], need.name, statement, reason)

    def _refuse_missing(self) -> None:
        while self._missing:
            name = next(iter(self._missing))
            need = self._missing.pop(name)
            if name in self._bound_by_functions() or name in _MODULE_NAMES or _is_builtin(name):
                continue
            if not self._history.stars:
                raise self._reason_missing(name, self._history.statements[need.by])
            # The name can only come from a star import, and these cannot be told apart without running them.
            for index in self._history.stars:
                self._keep(index)
            self._run()

    def _bound_by_functions(self) -> set[str]:
        return {name for index in self._kept for name in self._history.statements[index].uses.globals_bound}

    def _reason_missing(self, name: str, user: Statement) -> TemplateError:
        if is_injected(name):
            return refusals.only_in_a_notebook(user, name)
        if name in self._history.main_only:
            return refusals.only_in_main(user, name)
        if name in self._namespace:
            return refusals.only_in_the_kernel(user, name, self._namespace[name])
        return refusals.undefined(user, name, self._history.names())


def _is_builtin(name: str) -> bool:
    return hasattr(builtins, name) and not is_injected(name)
