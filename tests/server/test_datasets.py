"""What a path picker shows: what a path gives, and how it could go on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from jupyter_featx.dataset import DatasetOptions
from jupyter_featx.server.datasets import completions, describe


def last(path: str, folder: Path, pattern: str | None = None, recursive: bool = False) -> dict[str, Any]:
    *_, found = describe(path, str(folder), DatasetOptions(pattern, recursive))
    return dict(found)


def test_a_folder_is_counted_and_its_first_items_are_shown(numbers: Path):
    found = last("numbers", numbers.parent)
    assert (found["kind"], found["total"], found["problem"]) == ("folder", 8, None)
    assert found["sample"][0] == str(numbers / "n1.txt")
    assert last("numbers", numbers.parent, "n[12].txt")["total"] == 2
    assert last("numbers/*.txt", numbers.parent)["kind"] == "glob"


def test_what_is_known_at_once_comes_before_the_count(numbers: Path):
    first, second = describe(str(numbers), "/", DatasetOptions())
    assert (first["total"], first["kind"]) == (None, "folder")
    assert "too many" in first["problem"]["message"]
    assert second["total"] == 8


def test_a_csv_names_its_columns(tmp_path: Path, numbers: Path):
    (tmp_path / "a.csv").write_text(f"path;phase\n{numbers}/n1.txt;x\n")
    found = last("a.csv", tmp_path)
    assert (found["kind"], found["columns"], found["total"]) == ("csv", ["path", "phase"], 1)
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe" * 100_000)
    assert last("b.csv", tmp_path)["problem"]["code"] == "dataset"


def test_neither_a_device_nor_a_fifo_is_opened(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "link.txt").symlink_to(tmp_path / "pipe.csv")
    for path in ("pipe.csv", "link.txt", "/dev/zero"):
        found = last(path, tmp_path)
        assert (found["kind"], found["total"], found["problem"]["code"]) == ("special", None, "dataset"), path
    assert completions("", str(tmp_path)) == []


def test_what_is_not_there_is_a_problem_with_completions(tmp_path: Path):
    for name in ("structures", "strong", ".secret"):
        (tmp_path / name).mkdir()
    (tmp_path / "str.txt").write_text("")
    found = last("str", tmp_path)
    assert (found["kind"], found["problem"]["code"]) == ("missing", "dataset")
    assert [one["path"] for one in found["completions"]] == ["strong/", "structures/", "str.txt"]
    assert [one["path"] for one in completions(".s", str(tmp_path))] == [".secret/"]


def test_nothing_typed_is_no_problem(numbers: Path):
    found = last("", numbers)
    assert (found["total"], found["problem"], len(found["completions"])) == (None, None, 8)


def test_a_completion_takes_the_place_of_what_was_typed(tmp_path: Path, monkeypatch):
    (tmp_path / "a" / "b c").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    for typed in ("a/b", "~/a/b", f"{tmp_path}/a/b"):
        (found,) = completions(typed, str(tmp_path))
        assert found == {"path": f"{typed} c/", "name": "b c", "kind": "folder"}
    assert completions("a*/b", str(tmp_path)) == []
    assert completions("nowhere/b", str(tmp_path)) == []


@pytest.mark.parametrize("path", ["a\udcffb", "x" * 5000, "~nobody-there/x", "a\nb"])
def test_a_strange_path_is_no_mistake(path: str, tmp_path: Path):
    found = last(path, tmp_path)
    assert found["total"] is None
    found["path"].encode()


async def test_the_server_answers_for_a_path(api, numbers: Path):
    status, found = await api("datasets", path=str(numbers), pattern="n1*")
    assert (status, found["total"]) == (200, 1)
