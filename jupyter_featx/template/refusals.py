"""Say why a template is refused: the name, the cell and the line, and what to do about it."""

from __future__ import annotations

import builtins
import difflib

from jupyter_featx.errors import TemplateError
from jupyter_featx.template.portable import is_injected, next_step
from jupyter_featx.template.statements import Statement, magic_line_number


def shell_needed(statement: Statement, shell: str) -> TemplateError:
    place = f"({statement.cell.label}, line {magic_line_number(statement)})"
    return TemplateError(
        f"{statement.name} {place} depends on '{shell}', which only the notebook can run."
        " Write it in Python (for a command: subprocess.run) inside the function."
    )


def keyboard_needed(statement: Statement, called: str, line: int) -> TemplateError:
    return TemplateError(
        f"{statement.name} calls {called}() ({statement.cell.label}, line {line}), but nobody can answer in a"
        " job. Put the answer in a constant above the function."
    )


def cannot_travel(user: Statement, name: str, made: Statement, reason: str) -> TemplateError:
    return TemplateError(
        f"{user.name} uses '{name}' ({made.where}), {reason}, which cannot travel to the job. {next_step(reason)}"
    )


def only_in_a_notebook(user: Statement, name: str) -> TemplateError:
    hint = "Remove it" if name == "display" else "Write the function without it"
    place = _place(user, name)
    return TemplateError(f"{user.name} uses '{name}' {place}, which exists only in a notebook. {hint}.")


def only_in_main(user: Statement, name: str) -> TemplateError:
    return TemplateError(
        f"'{name}' is used by {user.name} {_place(user, name)} but defined only under"
        " 'if __name__ == \"__main__\"', which does not run in a job. Move its definition out of that block."
    )


def only_in_the_kernel(user: Statement, name: str, value: object) -> TemplateError:
    return TemplateError(
        f"{user.name} uses '{name}' {_place(user, name)}, which the kernel has ({type(value).__name__}) but"
        " no cell defines, so it was made at run time and cannot travel to the job."
        " Define it in a cell and run that cell."
    )


def undefined(user: Statement, name: str, known: set[str]) -> TemplateError:
    return TemplateError(
        f"'{name}' is used by {user.name} {_place(user, name)} but defined nowhere."
        f"{did_you_mean(name, known)} Define it in a cell and run that cell."
    )


def did_you_mean(name: str, known: set[str]) -> str:
    """Return " Did you mean 'x'?" when a known name is close."""
    names = {each for each in known | set(dir(builtins)) if not is_injected(each)}
    close = difflib.get_close_matches(name, sorted(names - {name}), n=1, cutoff=0.75)
    return f" Did you mean '{close[0]}'?" if close else ""


def _place(user: Statement, name: str) -> str:
    return f"({user.cell.label}, line {user.line_of(name)})"
