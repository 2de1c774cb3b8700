"""Know which statements of an executed notebook gave a name the value it had at some moment."""

from __future__ import annotations

import ast
import sys
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence

from jupyter_featx.template.scopes import running
from jupyter_featx.template.statements import Statement, is_main_guard
from jupyter_featx.template.touches import Touch, changes_object, touches_of

# What an import outside the standard library may depend on, though it does not say so.
SEARCH_PATH = "sys.path"
ENVIRONMENT = "os.environ"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class History:
    """The statements in the order in which they ran, indexed by the names that they bind and change."""

    def __init__(self, statements: Sequence[Statement]) -> None:
        self.main_only = {n for s in statements if is_main_guard(s.node) for n in s.uses.binds}
        self.statements = [s for s in statements if not is_main_guard(s.node) and not s.is_future]
        self.futures = [s for s in statements if s.is_future]
        self.stars = [i for i, s in enumerate(self.statements) if s.is_star]
        self.end = len(self.statements)
        self.changes: list[set[str]] = []
        self._bound: list[set[str]] = []
        self._globals_of: dict[str, set[str]] = {}
        self._acts_on: defaultdict[str, list[int]] = defaultdict(list)
        self._effects: dict[str, list[set[str]]] = {}
        self._imported: dict[str, str] = {}
        self._same_object: dict[str, str] = {}
        for index, statement in enumerate(self.statements):
            self._add(index, statement)

    def binds(self, name: str, index: int) -> bool:
        return name in self._bound[index]

    def names(self) -> set[str]:
        """Return all names that some statement binds."""
        return {name for statement in self.statements for name in statement.uses.binds}

    def versions(self, name: str, at: int) -> list[int]:
        """Return the statements that made the value that the name has before statement `at`, if any."""
        acts = self._acts_on.get(name, [])
        found: list[int] = []
        submodules: dict[str, int] = {}
        stop = -1
        for index in reversed(acts[: bisect_left(acts, at)]):
            bound, submodule = self.binds(name, index), self._submodule(index, name)
            if index <= stop or (bound and submodules and not submodule):
                break
            if submodule:
                submodules[submodule] = index
                continue
            if bound and isinstance(self.statements[index].node, ast.Delete):
                break
            found.append(self.original(index, name))
            if self._replaces(index, name):
                # An import that is run again gives the same module back, with what was set in it.
                stop = found[-1]
        found = sorted({*found, *submodules.values()})
        return found if any(self.binds(name, index) for index in found) else []

    def surroundings(self, root: str, at: int) -> list[int]:
        """Return what sets up a library, and what changed before `at` where imports and libraries look."""
        around = (SEARCH_PATH, ENVIRONMENT) if root == "os" or root not in sys.stdlib_module_names else ()
        before = {i for name in around for i in self._acts_on.get(name, []) if i < at}
        return sorted(before.union(self._acts_on.get(_set_up(root), [])))

    def last_of_each(self, indices: list[int]) -> list[int]:
        """Leave out what was run again later: setting up a library twice is setting it up once."""
        return sorted({self.statements[index].text: index for index in indices}.values())

    def first_after(self, name: str, at: int) -> list[int]:
        """Return the first statement after `at` that binds the name: cells may stand in any order."""
        return next(([i] for i in self._acts_on.get(name, []) if i > at and self.binds(name, i)), [])

    def original(self, index: int, name: str) -> int:
        """Return the earliest equal run of a statement, so that a cell run again is not kept twice."""
        statement = self.statements[index]
        if name in self.changes[index] or not (statement.is_import or isinstance(statement.node, _FUNCTIONS)):
            return index
        acts = self._acts_on[name]
        earlier = acts[: bisect_left(acts, index)]
        for candidate in reversed(earlier):
            if statement.is_import and not self.binds(name, candidate):
                continue
            if self.statements[candidate].text != statement.text or not self._same_inputs(candidate, index):
                break
            index = candidate
        return index

    def _same_inputs(self, one: int, other: int) -> bool:
        return all(self.versions(name, one) == self.versions(name, other) for name in self.statements[one].uses.now)

    def _submodule(self, index: int, name: str) -> str:
        """Return "a.b" for `import a.b`, which adds to what `import a` gave."""
        node = self.statements[index].node
        plain = isinstance(node, ast.Import) and not node.names[0].asname and self.binds(name, index)
        return node.names[0].name if plain else ""  # type: ignore[attr-defined]

    def _replaces(self, index: int, name: str) -> bool:
        statement = self.statements[index]
        return self.binds(name, index) and name not in statement.uses.now and surely_binds([statement.node], name)

    def _add(self, index: int, statement: Statement) -> None:
        changed = self._changed(statement)
        self.changes.append(changed)
        called = {touch.root for touch in statement.touches if not touch.attributes}
        self._bound.append(statement.uses.binds.union(*(self._globals_of.get(n, set()) & changed for n in called)))
        for name in statement.uses.binds | changed:
            self._acts_on[name].append(index)
        for name in statement.uses.binds:
            self._imported.pop(name, None)
            self._same_object.pop(name, None)
            self._imported.update(dict.fromkeys({name} if statement.is_import else (), _root_of(statement)))
        if isinstance(statement.node, ast.Assign) and isinstance(statement.node.value, ast.Name):
            self._same_object.update(dict.fromkeys(statement.uses.binds, statement.node.value.id))
        if isinstance(statement.node, _FUNCTIONS):
            self._globals_of[statement.node.name] = statement.uses.globals_bound
            self._effects[statement.node.name] = self._effects_of(statement, statement.node)

    def _changed(self, statement: Statement) -> set[str]:
        changed: set[str] = set()
        for touch in statement.touches:
            if changes_object(touch, touch.root in self._imported):
                changed |= {touch.root, self._same_object.get(touch.root, touch.root)} | _surroundings(touch)
                changed |= {_set_up(self._imported[touch.root])} if touch.root in self._imported else set()
            elif not touch.attributes and touch.act in ("call", "decorator", "factory"):
                depth = 2 if touch.act == "factory" else 1
                changed |= set().union(*self._effects.get(touch.root, [])[:depth])
        return changed - statement.uses.binds

    def _effects_of(self, statement: Statement, node: _Function) -> list[set[str]]:
        """Return the names of the module that a call changes, and those that a call of its result changes."""
        world = statement.uses.later | statement.uses.globals_bound
        inner = [child for child in node.body if isinstance(child, _FUNCTIONS)]
        inner_globals = {name for child in inner for name in _globals(child)}
        here = _effects_in(node, world) | (statement.uses.globals_bound - inner_globals)
        for called in _called_names(node):
            here |= self._effects[called][0] if called in self._effects else set()
        return [here, inner_globals.union(*(_effects_in(child, world) for child in inner))]


def surely_binds(body: Sequence[ast.stmt], name: str) -> bool:
    """Tell whether the name has a new value whichever way the statements go."""
    return any(_surely_binds(node, name) for node in body)


def _surely_binds(node: ast.stmt, name: str) -> bool:
    if isinstance(node, ast.If):
        return surely_binds(node.body, name) and surely_binds(node.orelse, name)
    if isinstance(node, ast.Try):
        ways = [[*node.body, *node.orelse], *(handler.body for handler in node.handlers)]
        return surely_binds(node.finalbody, name) or all(_raises(w) or surely_binds(w, name) for w in ways)
    if isinstance(node, (ast.With, ast.AsyncWith)):
        targets = (item.optional_vars for item in node.items)
        named = any(isinstance(n, ast.Name) and n.id == name for t in targets if t for n in ast.walk(t))
        return named or surely_binds(node.body, name)
    if isinstance(node, (ast.For, ast.AsyncFor, ast.While, ast.Match)):
        return False
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return any((alias.asname or alias.name.split(".")[0]) == name for alias in node.names)
    if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
        return node.name == name
    return any(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store) for n in ast.walk(node))


def _raises(body: Sequence[ast.stmt]) -> bool:
    return isinstance(body[-1], ast.Raise)


def _surroundings(touch: Touch) -> set[str]:
    chain = ".".join((touch.root, *touch.attributes[:1]))
    return {chain} & {SEARCH_PATH, ENVIRONMENT}


def imported_roots(node: ast.AST) -> list[str]:
    """Return the top-level packages of an import statement."""
    if isinstance(node, ast.Import):
        return [alias.name.split(".")[0] for alias in node.names]
    return [(node.module or "").split(".")[0]] if isinstance(node, ast.ImportFrom) else []


def _root_of(statement: Statement) -> str:
    return next(iter(imported_roots(statement.node)), "")


def _set_up(root: str) -> str:
    return f"import {root}"


def _globals(node: ast.AST) -> set[str]:
    return {name for child in ast.walk(node) if isinstance(child, ast.Global) for name in child.names}


def _called_names(node: _Function) -> set[str]:
    calls = (n.func for part in node.body for n in running(part) if isinstance(n, ast.Call))
    return {func.id for func in calls if isinstance(func, ast.Name)}


def _effects_in(node: _Function, world: set[str]) -> set[str]:
    touches = touches_of(child for statement in node.body for child in running(statement))
    return {t.root for t in touches if t.root in world and t.act in ("store", "mutator", "argument")}
