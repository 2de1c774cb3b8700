"""Find the module-level names that one statement uses, binds and changes, by Python's own symbol tables."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator
from dataclasses import dataclass, field

_COMPREHENSIONS = {"listcomp", "setcomp", "dictcomp", "genexpr"}
_COMPILER_NAMES = {"__conditional_annotations__", "__classdict__", "__annotate__", "__class__"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
# Expressions that cannot run code of the user's.
_PASSIVE = (ast.Name, ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.Starred, ast.keyword)


@dataclass
class Uses:
    """The module-level names of one statement, by what happens to them and when."""

    now: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)
    if_defined: set[str] = field(default_factory=set)
    binds: set[str] = field(default_factory=set)
    globals_bound: set[str] = field(default_factory=set)
    calls: bool = False


def uses_of(text: str, node: ast.stmt, deferred_annotations: bool) -> Uses:
    """Return the names of one module-level statement; its text is read apart from the rest of its cell."""
    prefix = "from __future__ import annotations\n" if deferred_annotations else ""
    uses = Uses(calls=_calls(node))
    _read_table(symtable.symtable(prefix + text, "<cell>", "exec"), uses, now=True)
    if not isinstance(node, ast.ClassDef):
        uses.now.update(_augmented(node))
    uses.if_defined |= uses.globals_bound
    # From Python 3.12 on, the variables of a comprehension show up in the table around it.
    of_comprehensions = _targets(node) - set(_outside_comprehensions(node, frozenset()))
    uses.now -= of_comprehensions
    uses.binds -= of_comprehensions
    _set_annotations_apart(node, uses)
    if isinstance(node, ast.AnnAssign) and node.value is None:
        uses.binds.clear()
    uses.binds.discard("annotations" if deferred_annotations else "")
    return uses


def _targets(node: ast.AST) -> set[str]:
    comprehensions = (child for child in running(node) if isinstance(child, ast.comprehension))
    return {n.id for c in comprehensions for n in ast.walk(c.target) if isinstance(n, ast.Name)}


def _outside_comprehensions(node: ast.AST, hidden: frozenset[str]) -> Iterator[str]:
    """Yield the names of the module's own scope, also those that a comprehension takes from it."""
    if isinstance(node, ast.Name) and node.id not in hidden:
        yield node.id
    children: Iterator[ast.AST] = ast.iter_child_nodes(node)
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        yield node.name
        arguments = [] if isinstance(node, ast.ClassDef) else [node.args]
        bases = [*node.bases, *node.keywords] if isinstance(node, ast.ClassDef) else []
        children = iter([*node.decorator_list, *bases, *arguments])
    elif isinstance(node, ast.Lambda):
        children = iter([node.args])
    elif isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        hidden |= {n.id for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
    for child in children:
        yield from _outside_comprehensions(child, hidden)


def _augmented(node: ast.AST) -> Iterator[str]:
    # The symbol table tells only that `x += 1` binds x.
    for child in running(node):
        if isinstance(child, ast.AugAssign) and isinstance(child.target, ast.Name):
            yield child.target.id


def _read_table(table: symtable.SymbolTable, uses: Uses, now: bool) -> None:
    for symbol in table.get_symbols():
        name = symbol.get_name()
        if name not in _COMPILER_NAMES:
            _read_symbol(table, symbol, uses, now)
    for child in table.get_children():
        kind = str(getattr(child.get_type(), "value", child.get_type()))
        if kind == "annotation" or child.get_name() == "__annotate__":
            _read_lazily(child, uses)
        elif kind == "function" and child.get_name() not in _COMPREHENSIONS:
            _read_table(child, uses, now=False)
        else:
            _read_table(child, uses, now)


def _read_symbol(table: symtable.SymbolTable, symbol: symtable.Symbol, uses: Uses, now: bool) -> None:
    name, bound = symbol.get_name(), symbol.is_assigned() or symbol.is_imported()
    if table.get_type() == "module":
        uses.now.update({name} if symbol.is_referenced() else ())
        uses.binds.update({name} if bound else ())
        return
    if symbol.is_global() and (symbol.is_referenced() or not bound):
        (uses.now if now else uses.later).add(name)
    if symbol.is_declared_global() and bound:
        (uses.binds if now else uses.globals_bound).add(name)
    elif table.get_type() == "class" and bound and symbol.is_referenced():
        uses.if_defined.add(name)


def _read_lazily(table: symtable.SymbolTable, uses: Uses) -> None:
    lazy = Uses()
    _read_table(table, lazy, now=False)
    uses.if_defined |= lazy.later | lazy.now | lazy.if_defined


def _set_annotations_apart(node: ast.stmt, uses: Uses) -> None:
    """Python never evaluates some annotations, so that a name found only in these may be missing."""
    annotations = list(_annotations(node))
    inside = {id(child) for annotation in annotations for child in ast.walk(annotation)}
    names = {child.id for a in annotations for child in ast.walk(a) if isinstance(child, ast.Name)}
    for annotation in annotations:
        for child in ast.walk(annotation):
            if isinstance(child, ast.Constant) and isinstance(child.value, str):
                uses.if_defined |= _names_in(child.value)
    elsewhere = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and id(n) not in inside}
    uses.if_defined |= names
    uses.later -= names - elsewhere


def _annotations(node: ast.stmt) -> Iterator[ast.expr]:
    for child in ast.walk(node):
        annotation = getattr(child, "annotation", None) or getattr(child, "returns", None)
        if isinstance(annotation, ast.expr):
            yield annotation


def _names_in(text: str) -> set[str]:
    try:
        return {node.id for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Name)}
    except (SyntaxError, ValueError):
        return set()


def running(node: ast.AST) -> Iterator[ast.AST]:
    """Walk what runs when a statement runs: all but the bodies of functions and lambdas."""
    yield node
    if isinstance(node, (*FUNCTIONS, ast.Lambda)):
        decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
        children: Iterator[ast.AST] = iter([*decorators, node.args])
    else:
        children = ast.iter_child_nodes(node)
    for child in children:
        yield from running(child)


def _calls(node: ast.stmt) -> bool:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return False
    if isinstance(node, ast.ClassDef) or (isinstance(node, FUNCTIONS) and node.decorator_list):
        return True
    expressions = (child for child in running(node) if isinstance(child, ast.expr))
    blocks = (ast.For, ast.AsyncFor, ast.With, ast.AsyncWith)
    return isinstance(node, blocks) or any(not isinstance(child, _PASSIVE) for child in expressions)


def dotted(node: ast.AST) -> tuple[str, ...]:
    """Return ("np", "random", "seed") for np.random.seed; empty when it does not start at a name."""
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, (ast.Attribute, ast.Subscript)):
        head = dotted(node.value)
        return (*head, node.attr if isinstance(node, ast.Attribute) else "[]") if head else ()
    if isinstance(node, ast.Call):
        head = dotted(node.func)
        return (*head, "()") if head else ()
    return ()


def reads_first(node: ast.AST, name: str) -> bool:
    """Tell whether a block reads a name before it binds it, so that an earlier value matters."""
    return next((not bound for found, bound in _events(node) if found == name), True)


def _events(node: ast.AST) -> Iterator[tuple[str, bool]]:
    """Yield the names in the order in which Python comes to them, and whether each is bound there."""
    if isinstance(node, ast.Name):
        yield node.id, not isinstance(node.ctx, ast.Load)
    elif isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        yield node.name, True
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from ((alias.asname or alias.name.split(".")[0], True) for alias in node.names)
    elif isinstance(node, ast.AugAssign):
        yield from ((name, False) for name in dotted(node.target)[:1])
        yield from _events(node.value)
    else:
        named = getattr(node, "rest" if isinstance(node, ast.MatchMapping) else "name", None)
        if isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping)) and named:
            yield named, True
        last = (
            ("targets", "target", "optional_vars")
            if not isinstance(node, (ast.For, ast.AsyncFor))
            else ("body", "orelse")
        )
        fields = sorted(ast.iter_fields(node), key=lambda pair: (pair[0] in last, pair[0] != "iter"))
        for _, value in fields:
            for child in value if isinstance(value, list) else [value]:
                yield from _events(child) if isinstance(child, ast.AST) else ()
