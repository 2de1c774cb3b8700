"""The documentation has every key of the configuration with its default; what it shows can be read."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
from docpages import DOCS, ROOT, USER_PAGES, ids, section, text

from jupyter_featx import inherited
from jupyter_featx.config import Config
from jupyter_featx.config.parsing import parse
from jupyter_featx.config.schema import SCHEMA, Table
from jupyter_featx.config.toml import parse_toml
from jupyter_featx.worker import setup


def test_each_environment_variable_is_documented():
    source = "".join(path.read_text() for path in (ROOT / "jupyter_featx").rglob("*.py"))
    ours = set(re.findall(r"\bFEATX_[A-Z_]+\b", source))
    prefixes = {f"{prefix}…" for prefix in (*inherited.DROPPED_PREFIXES, *setup._MPI_VARIABLES)}
    for name in ours | set(inherited.DROPPED_VARIABLES) | set(setup._THREAD_VARIABLES) | prefixes:
        assert f"`{name}`" in text("configuration.md"), name


def keys_of(name: str) -> set[str]:
    """Return the keys of a table of the configuration, or of each of the tables in it."""
    table = SCHEMA.keys[name]
    if not isinstance(table, Table):
        return {name}
    return set(table.entry.keys if isinstance(table.entry, Table) else table.keys)


def settings(name: str) -> str:
    return section("configuration.md", name).partition("\n## ")[0]


@pytest.mark.parametrize("name", SCHEMA.keys)
def test_each_key_of_the_configuration_is_documented_and_no_other(name: str):
    shown = set(re.findall(r"^\| `(\w+)` \|", settings(name), re.MULTILINE))
    assert shown == (set() if name == "profiles" else keys_of(name))  # a profile has the keys of the defaults


def test_each_default_of_the_configuration_is_documented():
    config = Config()
    known = {"slurm": vars(config.slurm), "site": vars(config.site), "container": vars(config.container)}
    known |= {"scheduler": {"scheduler": config.scheduler}, "environment": {"policy": config.environment_policy}}
    for name, values in known.items():
        for key, value in values.items():
            row = re.search(rf"^\| `{key}` \| `(.*?)` \|", settings(name), re.MULTILINE)
            assert row, key
            shown = parse_toml(f"key = {row[1]}")["key"]
            assert (tuple(shown) if isinstance(shown, list) else shown) == value, key


@pytest.mark.parametrize("page", USER_PAGES, ids=ids)
def test_each_configuration_that_is_shown_can_be_read(page: Path):
    for block in re.findall(r"^ *```toml\n(.*?)^ *```", page.read_text(), re.MULTILINE | re.DOTALL):
        assert parse(textwrap.dedent(block).encode(), page)


def test_each_example_of_a_default_can_be_read():
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", settings("defaults"), re.MULTILINE)
    for key, examples in rows:
        for example in re.findall(r"`(.*?)`", examples):
            assert parse(f"[defaults]\n{key} = {example}\n".encode(), DOCS / "configuration.md")
