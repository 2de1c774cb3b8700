"""Bring whatever may be a template (a cell, a file, text, functions) into one list of cells."""

from __future__ import annotations

import inspect
import linecache
import os
import re
import sys
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_featx.errors import TemplateError
from jupyter_featx.template.cells import Cell, read_cells
from jupyter_featx.template.ipython_syntax import to_python

INPUT, OUTPUT = "_process_input", "_process_output"


@dataclass(frozen=True)
class Source:
    """The cells to search, oldest first; the namespace comes from the first `executed` of them."""

    cells: Sequence[Cell]
    folder: Path
    executed: int = 0
    namespace: Mapping[str, object] = field(default_factory=dict)
    name: str = "<source>"


def read_source(
    source: object, cells: Sequence[Cell], namespace: Mapping[str, object] | None, folder: str | Path | None
) -> Source:
    """Return the cells of a source together with the notebook's other cells."""
    here = Path(folder).absolute() if folder is not None else Path.cwd()
    live = dict(namespace or {})
    if isinstance(source, str) and ("\n" in source or "def " in source):
        source = Cell("<source>", source)
    if isinstance(source, Cell):
        return _with_cell(source, list(cells), live, here)
    if isinstance(source, (str, Path)):
        path = Path(os.path.expanduser(source)).absolute()
        return Source(read_cells(path), here if folder is not None else path.parent, name=path.name)
    functions = list(source) if isinstance(source, (tuple, list)) else [source]
    if not 1 <= len(functions) <= 2:
        raise TemplateError(
            f"{len(functions)} functions given. Give one, or the pair (input function, output function)."
        )
    return _from_functions(functions, cells, live, folder)


def _with_cell(cell: Cell, cells: list[Cell], namespace: Mapping[str, object], folder: Path) -> Source:
    # The history already holds the cell that is running, under the number that the user sees.
    if cells and to_python(cells[-1].text).strip() == to_python(cell.text).strip():
        cell = cells.pop()
    return Source([*cells, cell], folder, len(cells), namespace, cell.label)


def _from_functions(
    given: Sequence[object], cells: Sequence[Cell], namespace: Mapping[str, object], folder: str | Path | None
) -> Source:
    functions = [_plain_function(each) for each in given]
    files = {_file_of(f) for f in functions}
    script = None if len(files) > 1 else files.pop()
    as_import = [_is_imported(f) and (script is None or not _stands_alone(f)) for f in functions]
    base: list[Cell] = []
    if any(not imported for imported in as_import):
        base = (
            [Cell(Path(script).name, _text_of_file(script))]
            if script
            else _with_definitions(functions, as_import, cells)
        )
    lines = []
    for role, function, imported in zip((INPUT, OUTPUT), functions, as_import, strict=False):
        _refuse_older(function, namespace, imported or bool(script))
        lines.append(_line(role, function, imported))
    if len(functions) == 1:
        lines.append(f"{OUTPUT} = None\ndel {OUTPUT}")
    text = "\n".join(line for line in lines if line)
    here = Path(folder) if folder is not None else Path(script).parent if script else Path.cwd()
    names = " and ".join(f.__name__ for f in functions)
    live = {} if script else namespace
    return Source([*base, Cell("<functions>", text)], here.absolute(), len(base) if not script else 0, live, names)


def _plain_function(given: object) -> types.FunctionType:
    function: Any = inspect.unwrap(given) if callable(given) else given
    if not isinstance(function, types.FunctionType):
        raise TemplateError(
            f"A template cannot be made of {type(given).__name__} {given!r:.60}. Give source text, the path"
            " of a .py or .ipynb file, or one or two functions made with 'def'."
        )
    if function.__name__ == "<lambda>":
        raise TemplateError("A lambda cannot be a template function. Write it with 'def' and give it a name.")
    free = [name for name in function.__code__.co_freevars if name != "__class__"]
    if free:
        raise TemplateError(
            f"{function.__name__} uses '{free[0]}', a local variable of the function around it, which cannot"
            f" travel to the job. Make '{free[0]}' a constant at the top level."
        )
    return function


def _file_of(function: types.FunctionType) -> str | None:
    """Return the file in which a function stands, or None when it was typed in a notebook or a terminal."""
    name = function.__code__.co_filename
    typed = (function.__module__ == "__main__" and not name.endswith(".py")) or "ipykernel_" in name
    return None if typed or name.startswith("<") or not Path(name).is_file() else str(Path(name).absolute())


def _is_imported(function: types.FunctionType) -> bool:
    module = sys.modules.get(function.__module__)
    found = getattr(module, function.__qualname__, None)
    return function.__module__ != "__main__" and callable(found) and inspect.unwrap(found) is function


def _stands_alone(function: types.FunctionType) -> bool:
    file = _file_of(function) or ""
    return "." not in function.__module__ and not {"site-packages", "dist-packages"} & set(Path(file).parts)


def _line(role: str, function: types.FunctionType, imported: bool) -> str:
    if "." in function.__qualname__:
        raise TemplateError(
            f"{function.__qualname__} stands inside another function or class. Write it at the top level of"
            " a cell or file."
        )
    if imported:
        _check_call(role, function)
        return f"from {function.__module__} import {function.__name__} as {role}"
    return f"{role} = {function.__name__}" if function.__name__ != role else ""


def _check_call(role: str, function: types.FunctionType) -> None:
    try:
        inspect.signature(function).bind("path")
    except TypeError as exc:
        raise TemplateError(
            f"{role} must take one argument, the path of the item, but {function.__name__}: {exc}."
        ) from exc
    if inspect.isgeneratorfunction(function) or inspect.iscoroutinefunction(function):
        raise TemplateError(f"{function.__name__} is a generator or 'async def'. Write it so that it returns one dict.")


def _text_of_file(file: str) -> str:
    return read_cells(file)[0].text


def _with_definitions(
    functions: Sequence[types.FunctionType], as_import: Sequence[bool], cells: Sequence[Cell]
) -> list[Cell]:
    """Return the cells with the source of each typed function that they do not hold."""
    result = list(cells)
    for function, imported in zip(functions, as_import, strict=True):
        if not imported:
            result.extend(_missing_definition(function, result))
    return result


def _missing_definition(function: types.FunctionType, cells: Sequence[Cell]) -> list[Cell]:
    texts = [to_python(cell.text) for cell in cells]
    try:
        block = inspect.getsource(function).strip()
    except (OSError, TypeError) as exc:
        # Python does not know the source of a cell that ran under %%time, but the cell is there.
        definition = re.compile(rf"^\s*(async\s+)?def\s+{function.__name__}\b", re.MULTILINE)
        if any(definition.search(text) for text in texts):
            return []
        raise TemplateError(
            f"The source of {function.__name__} is not known to Python. Define it in a cell or a .py file."
        ) from exc
    if any(block in text for text in texts):
        return []
    return [Cell("the cell", "".join(linecache.getlines(function.__code__.co_filename)) or block)]


def _refuse_older(function: types.FunctionType, namespace: Mapping[str, object], from_file: bool) -> None:
    current = namespace.get(function.__name__, function)
    if not from_file and callable(current) and inspect.unwrap(current) is not function:
        raise TemplateError(
            f"The function {function.__name__} that was given is older than the notebook's. Give the new one."
        )
