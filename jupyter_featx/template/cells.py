"""Read a notebook, a Python file or the history of a kernel as cells, in the order in which they run."""

from __future__ import annotations

import os
import stat
import tokenize
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_featx.errors import TemplateError


@dataclass(frozen=True)
class Cell:
    """The text of one cell as the user typed it, and the words by which the user knows it."""

    label: str
    text: str


def read_cells(path: str | Path) -> list[Cell]:
    """Return the code cells of a notebook, or a Python file as one cell."""
    path = Path(os.path.expanduser(path))
    if path.suffix not in (".py", ".ipynb"):
        raise TemplateError(f"{path} is neither a .py nor an .ipynb file. Give the path of one of these.")
    _refuse_no_file(path)
    if path.suffix == ".ipynb":
        return _read_notebook(path)
    try:
        with tokenize.open(path) as file:
            return [Cell(path.name, file.read())]
    except OSError as exc:
        raise TemplateError(f"Cannot read {path}: {exc.strerror}. Check the path.") from exc
    except (SyntaxError, UnicodeDecodeError) as exc:
        raise TemplateError(f"{path} is not readable text: {exc}. Save it as UTF-8.") from exc


def _refuse_no_file(path: Path) -> None:
    """Refuse a pipe or a device, which would be read for ever, and a name that no file can have."""
    try:
        mode = os.stat(path).st_mode
    except OSError as exc:
        raise TemplateError(f"Cannot read {path}: {exc.strerror}. Check the path.") from exc
    except ValueError as exc:
        raise TemplateError(f"Cannot read {str(path)!r}: {exc}. Check the path.") from exc
    if not stat.S_ISREG(mode):
        raise TemplateError(f"{path} is no file. Give the path of a .py or an .ipynb file.")


def executed_cells(shell: Any, ends: Mapping[int, int] | None = None) -> list[Cell]:
    """Return the cells that an IPython shell has run in this session, oldest first.

    `ends` says of a cell that failed, by its number, how many of its lines had run.
    """
    history = shell.history_manager.input_hist_raw
    ends = ends or {}
    # Not splitlines(): a form feed or a line separator inside a text ends no line of Python's.
    ran = [(count, "\n".join(text.split("\n")[: ends.get(count)])) for count, text in enumerate(history)]
    return [Cell(f"cell [{count}]", text) for count, text in ran if count and text.strip()]


def _read_notebook(path: Path) -> list[Cell]:
    import nbformat

    damage = (ValueError, LookupError, AttributeError, TypeError, RecursionError, nbformat.ValidationError)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            notebook: Any = nbformat.read(path, as_version=4)
    except OSError as exc:
        raise TemplateError(f"Cannot read {path}: {exc.strerror}. Check the path.") from exc
    except damage as exc:
        raise _no_notebook(path, exc) from exc
    try:
        language = notebook.metadata.get("language_info", {}).get("name", "python")
        if language in ("python", "ipython"):
            return _in_order(notebook.cells, path.name)
    except damage as exc:
        raise _no_notebook(path, exc) from exc
    raise TemplateError(f"{path} is a notebook in {language!s:.40}. The two functions must be in Python.")


def _no_notebook(path: Path, exc: Exception) -> TemplateError:
    lines = str(exc).splitlines() or [type(exc).__name__]
    return TemplateError(f"{path} is not a notebook: {lines[0]:.200}. Open it in Jupyter and save it again.")


def _in_order(cells: list[Any], name: str) -> list[Cell]:
    code = [cell for cell in cells if cell.cell_type == "code"]
    numbered = list(enumerate(code, 1))
    counts = [cell.get("execution_count") for cell in code if cell.source.strip()]
    # Counts that are missing or come twice are of several sessions; then only the order on the page is true.
    if all(isinstance(count, int) for count in counts) and len(set(counts)) == len(counts):
        numbered.sort(key=lambda pair: pair[1].get("execution_count") or 0)
    return [Cell(_label(cell, position, name), cell.source) for position, cell in numbered if cell.source.strip()]


def _label(cell: Any, position: int, name: str) -> str:
    count = cell.get("execution_count")
    return f"cell [{count}]" if count is not None else f"cell {position} of {name}"
