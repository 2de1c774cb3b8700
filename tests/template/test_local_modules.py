"""Modules beside the notebook go with the job; installed ones stay; nothing runs to find out."""

from __future__ import annotations

import ast
from importlib.machinery import EXTENSION_SUFFIXES

import pytest

from jupyter_featx.template.local_modules import find_modules, module_files


def found(folder, code):
    return {module.name: module for module in find_modules([ast.parse(code)], [folder])}


@pytest.fixture
def folder(tmp_path):
    package = tmp_path / "pack"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('imported')\nfrom . import inner\nimport deeper")
    (package / "table.json").write_text("{}")
    (package / "inner" / "__init__.py").write_text("")
    (tmp_path / "mylib.py").write_text("raise SystemExit('imported')\nimport pack.inner")
    (tmp_path / "deeper.py").write_text("def f():\n    import numpy, mylib")
    (tmp_path / f"fast{EXTENSION_SUFFIXES[0]}").write_bytes(b"")
    (tmp_path / "loose").mkdir()
    (tmp_path / "loose" / "part.py").write_text("import mylib")
    (tmp_path / "loose" / "data.bin").write_text("")
    return tmp_path


def test_modules_are_found_with_all_that_they_import(folder):
    modules = found(folder, "from mylib import f")
    assert list(modules) == ["deeper", "mylib", "pack"]
    assert modules["pack"].path == str(folder / "pack")
    assert modules["mylib"].path == str(folder / "mylib.py")


def test_imports_inside_functions_and_by_name_count(folder):
    assert "mylib" in found(folder, "def f():\n    from mylib import g")
    assert "mylib" in found(folder, "import importlib\nimportlib.import_module('mylib.x')")


def test_compiled_modules_and_folders_without_init_count(folder):
    assert list(found(folder, "import fast")) == ["fast"]
    assert "loose" in found(folder, "import loose.part")


def test_installed_modules_and_the_standard_library_stay(folder):
    (folder / "json.py").write_text("")
    assert not found(folder, "import json, numpy, pytest, nowhere_at_all, __main__")


def test_a_folder_of_data_does_not_hide_an_installed_package(folder):
    (folder / "pytest").mkdir()
    assert not found(folder, "import pytest")


def test_a_module_on_the_search_path_counts(folder, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "shared_by_us.py").write_text("")
    monkeypatch.syspath_prepend(elsewhere)
    assert "shared_by_us" in found(folder, "import shared_by_us")


def test_packages_installed_into_a_folder_of_the_user_stay(tmp_path, monkeypatch):
    (tmp_path / "target" / "found-1.0.dist-info").mkdir(parents=True)
    (tmp_path / "target" / "found_pkg.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path / "target")
    assert not found(tmp_path, "import found_pkg")


def test_the_files_of_a_package_are_all_and_of_a_loose_folder_only_code(folder):
    (folder / "pack" / "__pycache__").mkdir()
    (folder / "pack" / "__pycache__" / "x.pyc").write_text("")
    names = [file.name for file in module_files(folder / "pack")]
    assert names == ["__init__.py", "__init__.py", "table.json"]
    assert [file.name for file in module_files(folder / "loose")] == ["part.py"]
    assert [file.name for file in module_files(folder / "mylib.py")] == ["mylib.py"]


def test_a_digest_follows_the_content(folder):
    before = found(folder, "import pack")["pack"].digest
    assert found(folder, "import pack")["pack"].digest == before
    (folder / "pack" / "table.json").write_text("[]")
    assert found(folder, "import pack")["pack"].digest != before
