"""Find what a kernel knows of its notebook: its name and file, the cells that ran, and the live names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jupyter_featx.client import Source
from jupyter_featx.template.cells import Cell, executed_cells
from jupyter_featx.template.ipython_syntax import to_python

# Stands for the notebook where `submit` wants a template: it adds nothing to the cells that ran.
THIS_NOTEBOOK = Cell("this notebook", "")


def notebook_source(shell: Any, body: str | None = None) -> Source:
    """Return the source of this notebook; `body` is the cell that is running, in case no history holds it."""
    cells = [cell for cell in executed_cells(shell) if to_python(cell.text).strip()]
    if body is not None and not (cells and _same(cells[-1].text, body)):
        cells.append(Cell("this cell", body))
    path = notebook_path(shell.user_ns)
    return Source(
        folder=Path.cwd(),
        name=path.stem if path else "notebook",
        notebook=str(path) if path else None,
        cells=cells,
        namespace=shell.user_ns,
    )


def notebook_path(names: dict[str, Any]) -> Path | None:
    """Return the notebook's file, where Jupyter's server or VS Code told the kernel."""
    told = (os.environ.get("JPY_SESSION_NAME"), names.get("__vsc_ipynb_file__"))
    return next((Path(text).absolute() for text in told if text and str(text).endswith(".ipynb")), None)


def _same(one: str, other: str) -> bool:
    return to_python(one).strip() == to_python(other).strip()
