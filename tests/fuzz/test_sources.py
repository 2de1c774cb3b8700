"""What a user hands in (notebooks, files, lists of items, configurations) is read, or refused in one clear sentence."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from bounded import bounded
from hypothesis import given
from hypothesis import strategies as st
from mutations import anything, mutated_json
from notebooks import MAGICS
from refusing import clear

from jupyter_featx.config.parsing import parse
from jupyter_featx.dataset import DatasetOptions, prepare
from jupyter_featx.errors import ConfigError, DatasetError, TemplateError
from jupyter_featx.items import ItemFile
from jupyter_featx.template import Cell, extract, read_cells

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "examples/zeolites.ipynb").read_bytes()
CODE = b"import math\nK = 3\n\n\ndef _process_input(path):\n    return {'x': math.floor(K), 'n': len(path)}\n"
SMALL = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {"language_info": {"name": "python"}, "kernelspec": {"name": "python3"}},
    "cells": [
        {"cell_type": "markdown", "metadata": {}, "source": "# Title", "id": "a"},
        {
            "cell_type": "code",
            "execution_count": 1,
            "metadata": {},
            "outputs": [{"output_type": "stream", "name": "stdout", "text": ["x"]}],
            "source": ["import math\n", "K = 3"],
            "id": "b",
        },
        {
            "cell_type": "code",
            "execution_count": 2,
            "metadata": {},
            "outputs": [],
            "source": CODE.decode(),
            "id": "c",
        },
    ],
}
OLD = {
    "nbformat": 3,
    "nbformat_minor": 0,
    "metadata": {},
    "worksheets": [{"cells": [{"cell_type": "code", "input": ["a = 1"], "language": "python", "outputs": []}]}],
}


@bounded(80)
@given(mutated_json([SMALL, OLD]) | anything([json.dumps(SMALL).encode(), EXAMPLE]))
def test_a_notebook_of_any_shape(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.ipynb"
    path.write_bytes(content)
    try:
        assert all(isinstance(cell.text, str) and isinstance(cell.label, str) for cell in read_cells(path))
        assert extract(path).text
    except TemplateError as exc:
        clear(exc)


@bounded(80)
@given(anything([CODE, b"%%time\nx = !ls\n" + CODE, "\n".join(MAGICS).encode(), b"@\n" + CODE]))
def test_a_cell_and_a_file_of_any_text(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.py"
    path.write_bytes(content)
    for source in (path, Cell("cell [1]", content.decode("utf-8", "replace"))):
        try:
            extract(source)
        except TemplateError as exc:
            clear(exc)


def nothing_but_lists(folder: Path) -> None:
    assert {path.suffix for path in folder.iterdir()} <= {"", ".txt", ".csv", ".tsv", ".list"}
    assert not {"items.txt", "items.idx"} & set(os.listdir(folder))


@bounded(80)
@given(
    anything([b"a\nb/c\n# comment\n\n../d\n~/e\n", b"path,y\na,1\n'b',2\n", b'item;z\n"a;b";3\n', b"x\ty\na\tb\n"]),
    st.sampled_from([".txt", ".csv", ".tsv", ".list"]),
    st.sampled_from([DatasetOptions(), DatasetOptions(column="path"), DatasetOptions(pattern="*", limit=3)]),
)
def test_a_list_of_items_of_any_content(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str, options: DatasetOptions
) -> None:
    folder = tmp_path_factory.getbasetemp() / "lists"
    folder.mkdir(exist_ok=True)
    (folder / "a").touch()
    path = folder / f"any{suffix}"
    path.write_bytes(content)
    items, index = folder / "items.txt", folder / "items.idx"
    for file in (items, index):
        file.unlink(missing_ok=True)
    try:
        report = prepare(str(path), options, items, index)
    except DatasetError as exc:
        clear(exc)
        nothing_but_lists(folder)
        return
    with ItemFile(items, index) as found:
        assert report.total == len(found) == len(list(found))
    assert all(line.isprintable() for line in report.lines())


@bounded(60)
@given(
    st.recursive(
        st.none() | st.integers() | st.floats() | st.text(max_size=9) | st.binary(max_size=9),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
        max_leaves=6,
    )
)
def test_data_of_any_type(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    folder = tmp_path_factory.getbasetemp()
    try:
        prepare(data, DatasetOptions(limit=5), folder / "items.txt", folder / "items.idx", folder=folder)
    except DatasetError as exc:
        clear(exc)


TOML = [
    b'scheduler = "slurm"\n[slurm]\nprefix = ["ssh", "login01"]\npoll_seconds = 10\n[site]\nmodules = ["gcc/13"]\n'
    b'setup = """\nulimit -s unlimited\n"""\n[container.images]\nold = "/images/old.sif"\n',
    b'[defaults]\nwalltime = "2h"\ncores = "4x2"\n[profiles.big]\ncores = 512\n[limits.debug]\nmax_cores = 16\n',
]


@bounded(120)
@given(anything(TOML))
def test_a_configuration_of_any_content(content: bytes) -> None:
    try:
        parse(content, Path("/etc/featx/config.toml"))
    except ConfigError as exc:
        of_the_file(clear(exc))


def of_the_file(text: str) -> None:
    assert text.startswith("/etc/featx/config.toml")
    assert "\n" not in text
