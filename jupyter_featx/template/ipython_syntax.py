"""Turn the text of a notebook cell into plain Python with the same line numbers, without needing IPython."""

from __future__ import annotations

import ast
import re
import warnings

# Stand where a magic or a shell command was: one whose result has a name, and one alone in an indented line.
MAGIC = "__ipython_magic__"
MAGIC_LINE = "__ipython_line__"

_KEEP_BODY = {"time", "capture", "featx", "prun"}
_CELL_MAGIC = re.compile(r"\s*%%(\w+)")
_RUN_AND_BIND = re.compile(r"(\s*)%time\s+(?=\S)")
_ASSIGNED = re.compile(r"(\s*)([\w.,\s\[\]'\"*()]+?)\s*=\s*(?:!|%{1,2}(?=[A-Za-z]))")
_HELP = re.compile(r"\s*(\?{1,2}\s*[\w.*%]+|%{0,2}[\w.*\[\]'\"]+\s*\?{1,2})\s*;?\s*(#.*)?$")


def to_python(text: str) -> str:
    """Return the Python of a cell; dropped lines are blank, so that line numbers stay."""
    lines = _dedent(source_lines(text))
    while match := _CELL_MAGIC.match(lines[first := _first_line(lines)]):
        if match[1] not in _KEEP_BODY:
            return "\n" * (len(lines) - 1)
        lines[first] = ""
    text = "\n".join(lines)
    return text if _parses(text) else _replace_magics(lines)


def source_lines(text: str) -> list[str]:
    """Return the lines as Python counts them: a form feed, or a line separator inside a text, begins none."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _parses(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _first_line(lines: list[str]) -> int:
    return next((i for i, line in enumerate(lines) if line.strip()), 0)


def _dedent(lines: list[str]) -> list[str]:
    # IPython takes the first line's indentation off every line that has it.
    first = lines[_first_line(lines)]
    indent = first[: len(first) - len(first.lstrip())]
    return [line.removeprefix(indent) for line in lines] if indent else lines


def _replace_magics(lines: list[str]) -> str:
    scanner, result, continued = _Scanner(), [], False
    for line in lines:
        replacement = "" if continued else _replacement(line) if scanner.at_statement else None
        if replacement is None:
            scanner.feed(line)
            result.append(line)
            continue
        unwrapped = bool(_RUN_AND_BIND.match(line)) and not continued
        if unwrapped:
            scanner.feed(replacement)
        result.append(replacement)
        continued = not unwrapped and line.rstrip().endswith("\\")
    return "\n".join(result)


def _replacement(line: str) -> str | None:
    """Return what stands for a line of IPython syntax, or None for a line of Python."""
    if match := _RUN_AND_BIND.match(line):
        return match[1] + line[match.end() :]
    if match := _ASSIGNED.match(line):
        return f"{match[1]}{match[2]} = {MAGIC}"
    stripped = line.lstrip()
    if stripped.startswith(("%", "!", "?")) or _HELP.match(line):
        indent = line[: len(line) - len(stripped)]
        return indent + MAGIC_LINE if indent else ""
    return None


class _Scanner:
    """Know whether the next physical line starts a statement, rather than going on with one."""

    def __init__(self) -> None:
        self._quote = ""
        self._depth = 0
        self._continued = False

    @property
    def at_statement(self) -> bool:
        return not self._quote and not self._depth and not self._continued

    def feed(self, line: str) -> None:
        position = 0
        while position < len(line):
            if not self._quote and line[position] == "#":
                break
            position += self._step(line, position)
        self._continued = line.endswith("\\")
        if len(self._quote) == 1 and not self._continued:
            self._quote = ""

    def _step(self, line: str, position: int) -> int:
        here = line[position]
        if self._quote:
            if here == "\\":
                return 2
            if line.startswith(self._quote, position):
                width, self._quote = len(self._quote), ""
                return width
        elif here in "'\"":
            self._quote = here * 3 if line.startswith(here * 3, position) else here
            return len(self._quote)
        elif here in "([{":
            self._depth += 1
        elif here in ")]}":
            self._depth = max(0, self._depth - 1)
        return 1
