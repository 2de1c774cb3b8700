"""Find what a kernel knows of its notebook: its name and file, the cells that ran, and the live names."""

from __future__ import annotations

import ast
import os
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError

from jupyter_featx.client import Source
from jupyter_featx.errors import TemplateError
from jupyter_featx.template.cells import Cell, executed_cells
from jupyter_featx.template.ipython_syntax import to_python
from jupyter_featx.template.refusals import did_you_mean
from jupyter_featx.template.sources import INPUT, OUTPUT

# Stands for the notebook where `submit` wants a template: it adds nothing to the cells that ran.
THIS_NOTEBOOK = Cell("this notebook", "")


class FailedCells:
    """Remembers which cells failed, and how many of their lines had run: the kernel holds no more of them."""

    def __init__(self) -> None:
        self.ends: dict[int, int] = {}

    def note(self, result: Any) -> None:
        """Look at the result of a cell (IPython's `post_run_cell`)."""
        count = result.execution_count
        if result.success or not count or isinstance(result.error_in_exec, UsageError):
            return  # a magic that refuses says so itself, and the functions above it are as they were defined
        self.ends[count] = 0
        if result.error_before_exec is None:
            self.ends[count] = _lines_that_ran(result.info.raw_cell, result.error_in_exec)


def _lines_that_ran(cell: str, error: BaseException | None) -> int:
    """Return how many lines stand before the statement that failed."""
    frame = error.__traceback__ if error else None
    while frame and frame.tb_frame.f_code.co_name != "<module>":
        frame = frame.tb_next
    if not frame:
        return 0
    try:
        body = ast.parse(to_python(cell)).body
    except SyntaxError:
        return 0
    starts = [min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))]) for node in body]
    return max((start for start in starts if start <= frame.tb_lineno), default=1) - 1


def functions_in(cell: str) -> set[str]:
    """Return the names that a cell itself binds. Raises TemplateError when it is not Python."""
    try:
        body = ast.parse(to_python(cell)).body
    except SyntaxError as exc:
        raise TemplateError(
            f"This cell is not Python: {exc.msg} (line {exc.lineno}). Mend it and run it again."
        ) from exc
    names = {node.name for node in body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))}
    for node in ast.walk(ast.Module(body, [])):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
    return names


def notebook_source(shell: Any, body: str | None = None, failed: FailedCells | None = None) -> Source:
    """Return the source of this notebook; `body` is the cell that is running, in case no history holds it."""
    ends = failed.ends if failed else {}
    cells = [cell for cell in executed_cells(shell, ends) if to_python(cell.text).strip()]
    if body is not None and not (cells and _same(cells[-1].text, body)):
        cells.append(Cell("this cell", body))
    path = notebook_path(shell.user_ns)
    return Source(
        folder=Path.cwd(),
        name=path.stem if path else "notebook",
        notebook=str(path) if path else None,
        cells=cells,
        namespace=shell.user_ns,
        labels=body is None or OUTPUT in functions_in(body),
    )


def refuse_without_input(body: str) -> None:
    """Refuse a `%%featx` cell that holds no function of its own. Raises TemplateError."""
    names = functions_in(body)
    if INPUT not in names:
        raise TemplateError(
            f"This cell defines no {INPUT}.{did_you_mean(INPUT, names)} Write 'def {INPUT}(path):' in it; "
            "or, for the functions of other cells, type '%featx submit' with one %."
        )


def notebook_path(names: dict[str, Any]) -> Path | None:
    """Return the notebook's file, where Jupyter's server or VS Code told the kernel."""
    told = (os.environ.get("JPY_SESSION_NAME"), names.get("__vsc_ipynb_file__"))
    return next((Path(text).absolute() for text in told if text and str(text).endswith(".ipynb")), None)


def _same(one: str, other: str) -> bool:
    return to_python(one).strip() == to_python(other).strip()
