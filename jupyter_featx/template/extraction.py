"""Make a template, the text that a job runs, of two functions in a cell, a notebook, a file or a kernel."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_featx.errors import TemplateError
from jupyter_featx.markers import locate
from jupyter_featx.template.cells import Cell
from jupyter_featx.template.closure import Closure
from jupyter_featx.template.history import SEARCH_PATH, History
from jupyter_featx.template.local_modules import Module, find_modules
from jupyter_featx.template.refusals import did_you_mean
from jupyter_featx.template.signature import check_function
from jupyter_featx.template.sources import INPUT, OUTPUT, Source, read_source
from jupyter_featx.template.statements import Statement, read_statements
from jupyter_featx.template.text import normalised, render

_Functions = Callable[[str], Any] | Sequence[Callable[[str], Any]]


@dataclass(frozen=True)
class Template:
    """The text of template.py, what identifies it, and the local modules that go with it."""

    text: str
    digest: str
    input_digest: str
    output_digest: str | None
    modules: tuple[Module, ...] = ()

    @property
    def has_output(self) -> bool:
        return self.output_digest is not None

    @property
    def origins(self) -> dict[str, str]:
        """Where each of the two functions stands: {"_process_input": "cell [3]"}."""
        found = {}
        for node in ast.parse(self.text).body:
            names = [node.name] if isinstance(node, ast.FunctionDef) else []
            if isinstance(node, ast.Assign):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            for name in {INPUT, OUTPUT} & set(names):
                found[name] = locate(self.text, node.lineno).rpartition(", line ")[0]
        return found


def extract(
    source: str | Path | Cell | _Functions,
    *,
    cells: Sequence[Cell] = (),
    namespace: Mapping[str, object] | None = None,
    folder: str | Path | None = None,
    labels: bool = True,
) -> Template:
    """Return the template of a source: a path, source text, a cell, or one or two functions.

    Without `labels`, `_process_output` stays out, wherever it stands. Raises TemplateError.
    """
    with _depth_told():
        read = read_source(source, cells, namespace, folder)
        history = History(read_statements(read.cells, read.executed))
        if not history.versions(INPUT, history.end):
            functions = [f for role in (INPUT, OUTPUT) if callable(f := read.namespace.get(role))]
            if not functions or read.namespace.get(INPUT) is None:
                raise _missing(history, read)
            read = read_source(functions, cells, namespace, folder)
            history = History(read_statements(read.cells, read.executed))
        return _make(history, read, (INPUT, OUTPUT) if labels else (INPUT,))


@contextmanager
def _depth_told() -> Iterator[None]:
    try:
        yield
    except RecursionError as exc:
        raise TemplateError(
            "An expression of the cells is nested too deeply, as a sum of a thousand terms is. Write it in several"
            " statements."
        ) from exc


def hint_for_name(text: str, name: str, cells: Sequence[Cell]) -> str:
    """Say where a name is defined that the template missed when it ran."""
    history = History(read_statements(cells, executed=len(cells)))
    found = history.versions(name, history.end)
    if not found:
        hint = did_you_mean(name, history.names())
        return f"'{name}' is defined in no cell.{hint} Define it in a cell and run it."
    where = history.statements[found[-1]].where
    if any(name in statement.uses.binds for statement in read_statements([Cell("template.py", text)])):
        return f"'{name}' is defined in {where}, but later than it is needed. Move it above what uses it."
    return f"'{name}' is defined in {where}. Write its name in the function that needs it, so that it is found."


def _missing(history: History, read: Source) -> TemplateError:
    if INPUT in history.main_only:
        return TemplateError(
            f"{INPUT} in {read.name} stands under 'if __name__ == \"__main__\"', which does not run in a job."
            " Move it out."
        )
    hint = did_you_mean(INPUT, history.names())
    return TemplateError(f"No {INPUT} in {read.name}.{hint} Write 'def {INPUT}(path):' and return a dict of features.")


def _make(history: History, read: Source, wanted: Sequence[str]) -> Template:
    roles = [role for role in wanted if history.versions(role, history.end)]
    for role in roles:
        check_function(history, role)
    first = history.end if not read.namespace else _first_of(history, read)
    order = Closure(history, roles, read.namespace, first).order()
    orders = [Closure(history, [role], read.namespace, first).order() for role in roles]
    search = [read.folder, *_added_folders(history, order, read.folder)]
    _refuse_relative_imports(history.statements[index] for index in order)
    modules = find_modules((history.statements[index].node for index in order), search)
    text = render(history, order, len(roles) == 2, bool(modules))
    digests = [_digest_of(history, each, search) for each in orders]
    return Template(text, _digest(text, modules), digests[0], digests[1] if len(roles) == 2 else None, modules)


def _first_of(history: History, read: Source) -> int:
    """Return where the statements begin that the kernel may not have run yet."""
    new = {id(cell) for cell in read.cells[read.executed :]}
    return next((i for i, s in enumerate(history.statements) if id(s.cell) in new), history.end)


def _added_folders(history: History, order: Sequence[int], folder: Path) -> list[Path]:
    """Return the folders that the notebook itself puts on sys.path, as far as they are plain text."""
    nodes = (history.statements[i].node for i in order if SEARCH_PATH in history.changes[i])
    texts = (n.value for node in nodes for n in ast.walk(node) if isinstance(n, ast.Constant))
    return [folder / text for text in texts if isinstance(text, str) and text and (folder / text).is_dir()]


def _refuse_relative_imports(statements: Iterable[Statement]) -> None:
    for statement in statements:
        for node in ast.walk(statement.node):
            if isinstance(node, ast.ImportFrom) and node.level:
                place = f"{statement.cell.label}, line {node.lineno}"
                raise TemplateError(
                    f"{place}: '{ast.unparse(node)}' is relative to a package, which the job does not have."
                    " Import it by its full name."
                )


def _digest_of(history: History, order: Sequence[int], search: Sequence[Path]) -> str:
    statements = [history.statements[index] for index in order]
    modules = find_modules((statement.node for statement in statements), search)
    futures = [normalised(statement) for statement in history.futures]
    return _digest("\n".join([*futures, *(normalised(statement) for statement in statements)]), modules)


def _digest(text: str, modules: Sequence[Module]) -> str:
    total = hashlib.sha256(text.encode("utf-8", "surrogatepass"))
    for module in modules:
        total.update(f"\0{module.name}\0{module.digest}".encode())
    return total.hexdigest()
