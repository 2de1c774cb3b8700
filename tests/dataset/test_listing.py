"""A folder becomes the items that were meant, in the order that was meant."""

from __future__ import annotations

import os
import re
from random import Random

from madedata import names, prepared, touch

from jupyter_featx.dataset.listing import natural_sort


def test_the_children_of_a_folder_in_natural_order_without_hidden_ones(data):
    touch(data, "mof_10", "mof_2", "mof_1", ".hidden", "Mof_3", "mof_01", "mof_2b", "mof_002")
    (data / "mof_7").mkdir()
    expected = ["Mof_3", "mof_01", "mof_1", "mof_002", "mof_2", "mof_2b", "mof_7", "mof_10"]
    assert names(str(data), data) == expected
    assert names(data, data) == expected  # a Path
    assert names(os.fsencode(data), data) == expected


def test_pattern_limit_and_recursion(data):
    touch(data, "b/2.cif", "b/10.cif", "b/x/1.cif", "a.cif", "b.cif", "b/.h/3.cif", "b/notes.txt")
    assert names(str(data), data, pattern="*.cif") == ["a.cif", "b.cif"]
    below = ["a.cif", "b/2.cif", "b/10.cif", "b/x/1.cif", "b.cif"]
    assert names(str(data), data, pattern="*.cif", recursive=True) == below
    assert names(str(data), data, pattern="*.cif", recursive=True, limit=2) == below[:2]


def test_a_symlink_loop_ends_and_each_real_folder_is_taken_once(data, tmp_path):
    touch(data, "run_1/x", "run_2/x")
    touch(tmp_path / "elsewhere", "y", "deep/z")
    (data / "latest").symlink_to("run_2")
    (data / "run_1" / "up").symlink_to("..")
    (data / "outside").symlink_to(tmp_path / "elsewhere")
    (data / "outside_again").symlink_to(tmp_path / "elsewhere")
    (data / "self").symlink_to("self")
    expected = ["outside/deep/z", "outside/y", "run_1/x", "run_2/x", "self"]
    assert names(str(data), data, recursive=True) == expected
    report, _ = prepared(str(data), data, recursive=True)
    assert (report.missing, report.missing_examples) == (1, (f"{data}/self",))


def test_awkward_names_arrive_as_they_are(data):
    awkward = [b"a b", b"it's", b'"q"', b"new\nline", b"back\\n", b"\xff\xfe", "금속".encode(), b"#1", b"-rf"]
    touch(data, *awkward)
    for given in (str(data), f"{data}/*", [data / os.fsdecode(name) for name in awkward]):
        report, items = prepared(given, data)
        assert sorted(map(os.fsencode, items)) == sorted(awkward)
        assert report.lines() == []
    assert names(str(data), data, pattern="?속") == ["금속"]


def test_the_natural_order_is_that_of_numbers_and_names():
    def reference(path: bytes) -> list[list[tuple[int, int, bytes]]]:
        parts = [re.findall(rb"\d+|\D", part) for part in path.split(b"/")]
        return [[(48, int(p), b"") if p.isdigit() else (p[0], 0, p) for p in part] for part in parts]

    random = Random(1)
    paths = [b"/" + bytes(random.choices(b"aZ_./-0123456789 \xea", k=random.randrange(1, 12))) for _ in range(3000)]
    expected = sorted(sorted(paths), key=reference)
    random.shuffle(paths)
    natural_sort(paths)
    assert paths == expected
