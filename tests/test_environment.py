"""What a template runs in is told quickly, without importing anybody's package, and differences in plain words."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_featx import environment
from jupyter_featx.environment import Difference, compare, describe, describe_like, differences, imported_modules


def test_imports_are_found_wherever_they_stand():
    text = "import os, numpy.linalg as la\nfrom yaml import load\ndef f(p):\n    import gudhi\n    from . import x\n"
    assert imported_modules(text) == {"numpy", "yaml", "gudhi"}


def test_versions_are_those_of_importlib_metadata():
    found = describe({"numpy", "IPython", "dateutil", "zmq", "no_such_module", "os"})["distributions"]
    by_plain_name = {environment._plain(name): version for name, version in found.items()}
    for name in ("numpy", "ipython", "python-dateutil", "pyzmq"):
        assert by_plain_name.pop(name) == importlib.metadata.version(name)
    assert by_plain_name == {}


def test_a_module_whose_distribution_has_no_top_level_file_is_found_by_its_record(tmp_path, monkeypatch):
    info = tmp_path / "Other_Name-1.2.3.dist-info"
    info.mkdir()
    (info / "RECORD").write_text("single.py,sha256=x,1\nfolder/__init__.py,,\n")
    old = tmp_path / "Debian_Name-0.9-py3.11.egg-info"
    old.mkdir()
    (old / "top_level.txt").write_text("aged\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "gone"), str(tmp_path / "x.zip")])
    assert describe({"single", "aged"})["distributions"] == {"Debian_Name": "0.9", "Other_Name": "1.2.3"}
    assert describe({"folder"})["distributions"] == {"Other_Name": "1.2.3"}


def test_the_first_of_two_versions_on_the_path_is_the_one_imported(tmp_path, monkeypatch):
    for folder, version in (("a", "2.0"), ("b", "1.0")):
        (tmp_path / folder / f"thing-{version}.dist-info").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "a"), str(tmp_path / "b")])
    assert describe({"thing"})["distributions"] == {"thing": "2.0"}


def test_a_rank_like_the_notebook_has_no_difference():
    there = describe({"numpy", "dateutil"})
    assert describe_like(there) == there
    assert differences(there, describe_like(there)) == []


def test_differences_are_said_in_plain_words():
    there = {"python": "3.12.1", "libc": "glibc 2.39", "distributions": {"numpy": "2.1.3", "ase": "3.23"}, "image": ""}
    here = {"host": "n3", "python": "3.11.2\n[GCC]", "libc": "glibc 2.39", "distributions": {"numpy": "1.26.4"}}
    assert differences(there, here) == [
        "Python is 3.12.1 in the notebook and 3.11.2 [GCC] on node n3",
        "numpy is 2.1.3 in the notebook and 1.26.4 on node n3",
        "ase is 3.23 in the notebook and missing on node n3",
    ]


def test_what_one_side_does_not_know_is_no_difference():
    assert compare({"image": "", "mpi": "x"}, {"image": "sif:1:2", "mpi": ""}) == []
    assert compare({}, describe(set())) == []
    assert compare({"executable": "/a"}, {"executable": "/b"}) == [Difference("the path of Python", "/a", "/b")]


def test_describing_imports_nothing_but_ours():
    code = (
        "import sys; before = set(sys.modules); from jupyter_featx import environment as e; e.describe({'numpy'});"
        "print(sorted(m for m in set(sys.modules) - before if m.split('.')[0] not in sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['jupyter_featx', 'jupyter_featx.environment']"


def test_a_sif_is_told_by_its_uuid_and_size(tmp_path):
    image = tmp_path / "x.sif"
    head = b"#!/usr/bin/env run-singularity\n\0" + b"SIF_MAGIC\0" + b"01\0" + b"02\0" + bytes(range(16))
    image.write_bytes(head + bytes(100))
    assert environment.image_identity(str(image)) == f"sif:{bytes(range(16)).hex()}:{len(head) + 100}"
    image.write_bytes(head + bytes(101))
    assert environment.image_identity(str(image)).endswith(str(len(head) + 101))


def test_a_sandbox_is_told_by_when_its_folders_changed(tmp_path):
    (tmp_path / "usr" / "bin").mkdir(parents=True)
    first = environment.image_identity(str(tmp_path))
    assert first == environment.image_identity(str(tmp_path))
    os.utime(tmp_path / "usr" / "bin", ns=(1, 1))
    assert first.startswith("sandbox:")
    assert environment.image_identity(str(tmp_path)) != first


@pytest.mark.parametrize("path", ["/nowhere/x.sif", ""])
def test_an_image_that_cannot_be_read_has_no_identity(path):
    assert environment.image_identity(path) == ""


def test_the_image_is_the_one_that_apptainer_names(tmp_path, monkeypatch):
    image = Path(tmp_path, "x.sif")
    image.write_bytes(bytes(80))
    monkeypatch.setenv("APPTAINER_CONTAINER", str(image))
    assert describe(set())["image"] == environment.image_identity(str(image)) != ""
    assert describe(set(), "")["image"] == ""
