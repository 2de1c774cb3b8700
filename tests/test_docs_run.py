"""What the documentation tells a reader to type runs, and shows what the page says."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pandas
import pytest
from conftest import kill_jobs_of
from docpages import DOCS, ROOT
from IPython.core.interactiveshell import InteractiveShell

RUN = [ROOT / "README.md", DOCS / "first-steps.md", DOCS / "python-api.md"]


@dataclass
class Block:
    """A fenced block: what is typed, and what the page says that it shows."""

    kind: str
    text: str
    shown: str = ""


def blocks(page: Path) -> list[Block]:
    """Return the blocks to run, each with the text block right after it (not with one marked `text sample`)."""
    found: list[Block] = []
    for kind, inside in re.findall(r"^```([^\n]*)\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
        if kind in ("python", "bash"):
            found.append(Block(kind, inside))
        elif kind == "text" and found and not found[-1].shown:
            found[-1].shown = inside
    return found


# What differs from run to run: ids, times, machines, and the card, which a terminal draws otherwise than a notebook.
VARYING = re.compile(r"-[0-9a-f]{4}\b|Preflight:|\d m?s on |\[[█▒░]+\]")


@pytest.fixture
def kim(home: Path, monkeypatch) -> Iterator[Path]:
    """A folder whose path is as long as /home/kim, so that tables are wrapped and cut as on the pages."""
    while True:
        folder = Path("/tmp", secrets.token_hex(2))
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            break
    items = ROOT / "examples" / "zeolites" / "items"
    shutil.copytree(items, folder / "zeolites")
    shutil.copytree(items, folder / "examples" / "zeolites" / "items")
    shutil.copy(ROOT / "examples" / "cif_fast.py", folder / "examples")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("COLUMNS", "80")
    yield folder
    kill_jobs_of(home)
    shutil.rmtree(folder)


@pytest.fixture
def reader(kim: Path, monkeypatch, capsys) -> Iterator[InteractiveShell]:
    """The notebook of somebody who reads."""
    monkeypatch.syspath_prepend(str(kim / "examples"))
    monkeypatch.setattr(InteractiveShell, "_instance", None)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    shell = InteractiveShell()
    shell.history_manager.enabled = False
    shell.reset()
    shell.run_cell("%colors nocolor")
    with pandas.option_context("display.max_columns", 20, "display.width", 80):  # as in a notebook
        yield shell
    shell.history_manager.end_session()
    sys.modules.pop("cif_fast", None)


@pytest.mark.parametrize(
    ("page", "folder"),
    [(RUN[0], "."), (RUN[1], "examples"), (RUN[2], ".")],
    ids=["README", "first-steps", "python-api"],
)
def test_what_is_typed_runs_and_shows_what_the_page_says(
    page: Path, folder: str, kim: Path, reader: InteractiveShell, capsys, monkeypatch
):
    monkeypatch.chdir(kim / folder)
    _write_features(page)
    for block in blocks(page):
        if block.kind != "python":
            continue
        capsys.readouterr()
        result = reader.run_cell(block.text, store_history=True)
        out, err = capsys.readouterr()
        assert result.success, f"{block.text}\n{out}\n{err}"
        shown = _lines(out.replace(str(kim), "/home/kim"))
        for line in _lines(block.shown):
            assert line in shown or VARYING.search(line), f"{block.text}\nshows no: {line}\nbut:\n{out}\n{err}"


def _write_features(page: Path) -> None:
    """Write features.py, which holds the functions of the page's first cell that has them."""
    cell = next((b.text for b in blocks(page) if b.text.startswith("%%featx")), "")
    Path("features.py").write_text(cell.partition("\n")[2])


def _lines(shown: str) -> list[str]:
    """Return the lines as they are compared: pandas ends a cut line with a backslash and spaces."""
    plain = re.sub(r"^Out\[\d+\]: ", "", shown, flags=re.MULTILINE)
    return [line.rstrip() for line in plain.splitlines() if line.strip()]


def _provide_featx(folder: Path, monkeypatch) -> None:
    """Put a `featx` into the folder and the folder on PATH, where this Python has the package and no command."""
    if not shutil.which("featx"):
        command = folder / "featx"
        command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m jupyter_featx "$@"\n')
        command.chmod(0o700)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}".rstrip(os.pathsep))


def test_the_commands_of_the_readme_run(kim: Path, tmp_path: Path, monkeypatch):
    _provide_featx(tmp_path, monkeypatch)
    monkeypatch.chdir(kim)
    _write_features(RUN[0])
    lines = [line for block in blocks(RUN[0]) if block.kind == "bash" for line in block.text.splitlines()]
    commands = [line for line in lines if line.startswith("featx ")]
    assert len(commands) > 2
    for command in commands:
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
    assert Path("table.csv").read_bytes().startswith(b"item,lines,numbers,median,kind\r\n")
