"""Write the collected statements as one readable template.py, and find the cell of any of its lines again."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass

from jupyter_featx.markers import END
from jupyter_featx.template.cells import Cell
from jupyter_featx.template.history import History
from jupyter_featx.template.ipython_syntax import source_lines
from jupyter_featx.template.statements import Statement

_HEADER = '''"""The functions of a jupyter-featx job, with all that they use, as they stand in the notebook.

Run them on one item by hand: python template.py ITEM
"""
'''
_MODULES = """
import os as _os
import sys as _sys

_sys.path.insert(0, _os.path.join(_os.path.dirname(_os.path.abspath(__file__)), "modules"))
"""
_FOOTER = """

{end}
if __name__ == "__main__":
    import json as _json
    import sys as _sys

    if len(_sys.argv) != 2:
        _sys.exit("usage: python template.py ITEM")
    _row = {row}
    _sys.stdout.reconfigure(errors="backslashreplace")
    print(_json.dumps(_row, indent=2, default=str, ensure_ascii=False))
"""
_INPUT_ROW = '{"features": _process_input(_sys.argv[1])}'
_BOTH_ROW = '{"features": _process_input(_sys.argv[1]), "labels": _process_output(_sys.argv[1])}'


@dataclass(frozen=True)
class _Piece:
    cell: Cell
    line: int
    text: str

    @property
    def next_line(self) -> int:
        return self.line + self.text.count("\n") + 1


def render(history: History, order: Sequence[int], has_output: bool, has_modules: bool) -> str:
    """Return the text of template.py for the statements in the order in which they run."""
    first = [index for index in order if _can_come_first(history, order, index)]
    rest = [index for index in order if index not in set(first)]
    parts = [_HEADER]
    if history.futures:
        names = sorted({alias.name for s in history.futures for alias in _aliases(s.node)})
        parts.append(f"\nfrom __future__ import {', '.join(names)}\n")
    parts.append(_MODULES if has_modules else "")
    parts.append(_write(_pieces(history, first), "\n"))
    parts.append(_write(_pieces(history, rest), "\n\n"))
    row = _BOTH_ROW if has_output else _INPUT_ROW
    return "".join(parts) + _FOOTER.format(end=END, row=row)


def normalised(statement: Statement) -> str:
    """Return the text of a statement without comments and empty lines, to see whether its meaning changed."""
    text = statement.text
    lines = text.split("\n")
    empty: set[int] = set()
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return text
    for token in tokens:
        row, column = token.start
        if token.type == tokenize.COMMENT:
            lines[row - 1] = lines[row - 1][:column].rstrip()
        if token.type in (tokenize.NL, tokenize.COMMENT) and row <= len(lines) and not lines[row - 1].strip():
            empty.add(row - 1)
    return "\n".join(line for number, line in enumerate(lines) if number not in empty)


def _can_come_first(history: History, order: Sequence[int], index: int) -> bool:
    """Tell an import that means the same at the top: nothing before it binds its name or sets things up."""
    statement = history.statements[index]
    if not statement.is_import:
        return False
    before = order[: order.index(index)]
    others = (history.statements[i] for i in order if i != index)
    rebound = any(s.uses.binds & statement.uses.binds and not _same_package(s, statement) for s in others)
    return not rebound and not statement.is_star and not any(history.changes[i] for i in before)


def _same_package(one: Statement, other: Statement) -> bool:
    plain = (s.node for s in (one, other))
    return all(isinstance(node, ast.Import) and not node.names[0].asname for node in plain)


def _aliases(node: ast.stmt) -> list[ast.alias]:
    return node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else []


def _pieces(history: History, order: Sequence[int]) -> list[_Piece]:
    groups: list[list[Statement]] = []
    for statement in (history.statements[index] for index in order):
        last = groups[-1][-1] if groups else None
        if last and statement.parts > 1 and _is_same_import(last, statement):
            groups[-1].append(statement)
        else:
            groups.append([statement])
    places = [_newest_run(history, group[0]) for group in groups]
    return [_Piece(place.cell, place.line, _text(group)) for place, group in zip(places, groups, strict=True)]


def _newest_run(history: History, statement: Statement) -> Statement:
    """Return the last run of the same text: the cell that is on the page now, when one was run again."""
    if statement.is_import:
        return statement
    return next(each for each in reversed(history.statements) if each is statement or each.text == statement.text)


def _is_same_import(one: Statement, other: Statement) -> bool:
    return one.cell is other.cell and (one.line, one.whole_text) == (other.line, other.whole_text)


def _text(group: Sequence[Statement]) -> str:
    first = group[0]
    if not first.is_import:
        return first.text
    if len(group) == first.parts:
        return first.whole_text
    names = [alias for statement in group for alias in _aliases(statement.node)]
    if isinstance(first.node, ast.ImportFrom):
        return ast.unparse(ast.ImportFrom(module=first.node.module, names=names, level=first.node.level))
    return ast.unparse(ast.Import(names=names))


def _write(pieces: Sequence[_Piece], gap: str) -> str:
    written: list[str] = []
    last: _Piece | None = None
    for piece in pieces:
        between = _empty_lines_between(last, piece)
        if between is None:
            written.append(f"{gap}# {piece.cell.label}, line {piece.line}\n")
        else:
            written.append("\n" * between)
        written.append(piece.text + "\n")
        last = piece
    return "".join(written)


def _empty_lines_between(last: _Piece | None, piece: _Piece) -> int | None:
    """Return how far a piece stands below the last with nothing between; None if it needs a marker."""
    if last is None or last.cell is not piece.cell or piece.line < last.next_line:
        return None
    between = source_lines(piece.cell.text)[last.next_line - 1 : piece.line - 1]
    return None if len(between) > 2 or any(line.strip() for line in between) else len(between)
