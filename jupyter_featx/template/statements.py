"""Split cells into module-level statements, each with its text and the names that it uses and binds."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from jupyter_featx.errors import TemplateError
from jupyter_featx.template.cells import Cell
from jupyter_featx.template.ipython_syntax import MAGIC, MAGIC_LINE, source_lines, to_python
from jupyter_featx.template.scopes import Uses, running, uses_of
from jupyter_featx.template.touches import Touch, touches_of

_TOP_LEVEL_AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


@dataclass(frozen=True)
class Statement:
    """One module-level statement; an import of several names is one statement for each."""

    cell: Cell
    line: int
    text: str
    node: ast.stmt
    uses: Uses
    touches: tuple[Touch, ...] = ()
    whole_text: str = ""  # of an import: the statement that it is a part of
    parts: int = 1

    @property
    def where(self) -> str:
        return f"{self.cell.label}, line {self.line}"

    @property
    def name(self) -> str:
        """The word by which a message calls this statement."""
        if isinstance(self.node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            return self.node.name
        return f"'{', '.join(sorted(self.uses.binds))}'" if self.uses.binds else f"'{self.text.splitlines()[0]}'"

    @property
    def is_import(self) -> bool:
        return isinstance(self.node, (ast.Import, ast.ImportFrom))

    @property
    def is_star(self) -> bool:
        return isinstance(self.node, ast.ImportFrom) and self.node.names[0].name == "*"

    @property
    def is_future(self) -> bool:
        return isinstance(self.node, ast.ImportFrom) and self.node.module == "__future__"

    def line_of(self, name: str) -> int:
        """Return the line of the cell where the statement first names something."""
        found = [n.lineno for n in ast.walk(self.node) if isinstance(n, ast.Name) and n.id == name]
        return min(found, default=self.line)


def read_statements(cells: Iterable[Cell], executed: int = 0) -> list[Statement]:
    """Return the statements of the cells in order.

    A cell that is not Python never ran if it is among the first `executed`; later it is an error.
    """
    statements: list[Statement] = []
    deferred = False
    for position, cell in enumerate(cells):
        try:
            tree, source = parse(cell)
        except TemplateError:
            if position >= executed:
                raise
            continue
        deferred = deferred or any(_defers_annotations(node) for node in tree.body)
        for node in tree.body:
            statements.extend(_statements(cell, node, source, deferred))
    return statements


def parse(cell: Cell) -> tuple[ast.Module, str]:
    """Return the syntax tree of a cell, and its text as plain Python."""
    source = to_python(cell.text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source, cell.label)
            compile(tree, cell.label, "exec", flags=_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError as exc:
        line = exc.lineno or 1
        lines = source_lines(cell.text)
        shown = lines[min(line, len(lines)) - 1].strip()
        raise TemplateError(
            f"{cell.label}, line {line}: {exc.msg}: {shown} -- correct this line and try again."
        ) from exc
    except ValueError as exc:
        raise TemplateError(f"{cell.label} is not Python text: {exc}. Correct it and try again.") from exc
    except (RecursionError, MemoryError) as exc:
        raise TemplateError(f"{cell.label} is nested too deeply for Python. Write it in several statements.") from exc
    return tree, source


def is_main_guard(node: ast.stmt) -> bool:
    """Tell `if __name__ == "__main__":`, which does not run in a job."""
    if not isinstance(node, ast.If) or not isinstance(node.test, ast.Compare):
        return False
    sides = [node.test.left, *node.test.comparators]
    return any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)


def shell_line(statement: Statement) -> str:
    """Return the line of IPython syntax inside a statement, as it stands in the cell."""
    return source_lines(statement.cell.text)[magic_line_number(statement) - 1].strip()


def magic_line_number(statement: Statement) -> int:
    """Return the number of the line of IPython syntax on which the statement depends."""
    alone = MAGIC_LINE in statement.uses.later
    return min(statement.line_of(MAGIC_LINE if alone else MAGIC), len(source_lines(statement.cell.text)))


def _defers_annotations(node: ast.stmt) -> bool:
    future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
    return future and any(alias.name == "annotations" for alias in node.names)  # type: ignore[attr-defined]


def _statements(cell: Cell, node: ast.stmt, source: str, deferred: bool) -> Iterator[Statement]:
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    end = node.end_lineno or node.lineno
    text = _text_of(node, source.split("\n"), first, end)
    statement = Statement(cell, first, text, node, Uses())
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from _imports(statement, node)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        uses = uses_of(text, node, deferred)
    if MAGIC_LINE in uses.now - uses.later:
        # A block without its magic is still the block; a function would do something else without it.
        statement = replace(statement, text=text.replace(MAGIC_LINE, "pass"))
    uses.now.discard(MAGIC_LINE)
    yield replace(statement, uses=uses, touches=tuple(touches_of(running(node))))


def _text_of(node: ast.stmt, lines: list[str], first: int, end: int) -> str:
    head, tail = lines[first - 1].encode(), lines[end - 1].encode()
    before = head[: node.col_offset] if first == node.lineno else b""
    after = tail[node.end_col_offset or 0 :].strip()
    if not before.strip() and (not after or after.startswith(b"#")):
        return "\n".join(line.rstrip() if number == end - 1 else line for number, line in _between(lines, first, end))
    if first == end:
        return head[node.col_offset : node.end_col_offset].decode()
    middle = lines[first : end - 1]
    return "\n".join([head[len(before) :].decode(), *middle, tail[: node.end_col_offset].decode()])


def _between(lines: list[str], first: int, end: int) -> list[tuple[int, str]]:
    return [(number, lines[number]) for number in range(first - 1, end)]


def _imports(whole: Statement, node: ast.Import | ast.ImportFrom) -> Iterator[Statement]:
    for alias in node.names:
        part: ast.stmt = ast.Import(names=[alias])
        if isinstance(node, ast.ImportFrom):
            part = ast.ImportFrom(module=node.module, names=[alias], level=node.level)
        ast.copy_location(part, node)
        bound = set() if alias.name == "*" else {alias.asname or alias.name.split(".")[0]}
        yield replace(
            whole,
            text=ast.unparse(part),
            node=part,
            uses=Uses(binds=bound),
            whole_text=whole.text,
            parts=len(node.names),
        )
