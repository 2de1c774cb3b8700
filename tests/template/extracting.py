"""Short words for the tests of templates: cells from texts, what a template gives, the text of a refusal."""

from __future__ import annotations

import json
import subprocess
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from jupyter_featx.errors import TemplateError
from jupyter_featx.template import Cell, Template, extract


def history(*texts: str) -> list[Cell]:
    return [Cell(f"cell [{number}]", text) for number, text in enumerate(texts, 1)]


def template_of(*texts: str, **options: Any) -> Template:
    """Return the template of the last text, with the others as the notebook's earlier cells."""
    *others, last = history(*texts)
    return extract(last, cells=others, **options)


def run(*texts: str, item: str = "x", **options: Any) -> Any:
    """Return what _process_input of the template gives, with nothing else in the module's namespace."""
    text = template_of(*texts, **options).text
    module = types.ModuleType("template_under_test")
    module.__file__ = "template.py"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, module.__name__, module)
        exec(compile(text, "template.py", "exec"), vars(module))
        return module._process_input(item)


def live(*texts: str) -> dict[str, Any]:
    """Return the namespace of a kernel that ran the texts."""
    space: dict[str, Any] = {"__name__": "builtins"}
    for text in texts:
        exec(text, space)
    return space


def refusal(*texts: str, **options: Any) -> str:
    with pytest.raises(TemplateError) as caught:
        template_of(*texts, **options)
    return str(caught.value)


def row_by_hand(template: Template, folder: Path, item: str) -> Any:
    """Return the row that `python template.py ITEM` prints in an empty folder of its own."""
    (folder / "template.py").write_text(template.text, encoding="utf-8")
    done = _python(["template.py", item], folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _python(words: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-X", "utf8", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
