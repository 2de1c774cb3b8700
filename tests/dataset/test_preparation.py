"""A dataset is checked, and what is wrong with its items is said."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from madedata import names, prepared, touch

from jupyter_featx.dataset import probe as probing
from jupyter_featx.errors import DatasetError


def test_duplicates_are_dropped_and_counted(data):
    touch(data, "a", "b")
    report, items = prepared(["b", "a", "./b", f"{data}//b"], data)
    assert items == ["b", "a"]
    assert (report.total, report.duplicates) == (2, 2)
    assert report.duplicate_examples == (f"{data}/b",) * 2
    assert "2 items are left out: given before" in report.lines()[0]


@pytest.mark.parametrize("crowd", [0, probing.CROWDED])
def test_missing_items_stay_and_are_counted(data, crowd):
    present = [f"f{i}" for i in range(crowd)] + ["here", "new\nline"]
    touch(data, *present)
    (data / "broken").symlink_to("nowhere")
    (data / "good").symlink_to("here")
    (data / "folder").mkdir()
    given = [*present, "broken", "good", "folder", "gone", "here/below", "."]
    report, items = prepared(given, data)
    assert len(items) == report.total == report.checked == len(given)
    assert report.missing_examples == (f"{data}/broken", f"{data}/gone", f"{data}/here/below")
    assert (report.missing, report.unreadable) == (3, 0)
    assert "3 items are not there" in report.lines()[0]


def test_missing_items_of_one_crowded_folder_are_counted(data):
    present = [f"f{i}" for i in range(probing.CROWDED)]
    touch(data, *present)
    (data / "broken").symlink_to("nowhere")
    (data / "good").symlink_to("f0")
    report, items = prepared([*present, "broken", "good", "gone", "f0x"], data)
    assert len(items) == report.total == report.checked == len(present) + 4
    assert report.missing_examples == (f"{data}/broken", f"{data}/gone", f"{data}/f0x")
    report, items = prepared([f"gone/{name}" for name in present] + ["f0"], data)  # of a folder that is not there, too
    assert report.missing == len(present)


@pytest.mark.parametrize("crowd", [0, probing.CROWDED])
def test_special_files_are_left_out(data, crowd):
    touch(data, "a", *(f"f{i}" for i in range(crowd)))
    os.mkfifo(data / "pipe")
    (data / "to_null").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(data)  # a socket's path must be short
        server.bind("sock")
        os.chdir(here)
        report, items = prepared(str(data), data)
    assert (report.total, report.unreadable, report.dropped) == (crowd + 1, 3, 3)
    assert not {"pipe", "sock", "to_null"} & set(items)
    assert any("3 items are left out" in line for line in report.lines())
    with pytest.raises(DatasetError, match="no file or folder"):
        prepared(["pipe"], data)
    with pytest.raises(DatasetError, match="neither a file nor a folder"):
        names("pipe", data)


def test_nothing_is_there(data):
    with pytest.raises(DatasetError, match=r"None of the 2 items of the list is there.*ls -d"):
        prepared(["a", "b"], data)
    with pytest.raises(DatasetError, match=r"no item in the folder"):
        names(str(data), data)
    touch(data, "a.cif")
    with pytest.raises(DatasetError, match=r"matches the pattern '\*\.xyz'.*--recursive"):
        names(str(data), data, pattern="*.xyz")
    with pytest.raises(DatasetError, match=r"no item in the glob"):
        names("*.xyz", data)
    with pytest.raises(DatasetError, match=r"no item in the list"):
        names([], data)
    with pytest.raises(DatasetError, match="empty text"):
        names(" ", data)


def test_over_the_time_budget_a_spread_sample_is_checked(data, monkeypatch):
    touch(data, *(f"f{i}" for i in range(30)))
    monkeypatch.setattr(probing, "READABILITY_SECONDS", -1.0)
    report, items = prepared(str(data), data)
    assert (report.total, len(items), report.checked) == (30, 30, 1)
    assert report.lines() == ["1 of the 30 items were checked, evenly spread; there was no time for all."]


@pytest.mark.parametrize("count", [0, 1, 2, 7, 100, 999])
def test_the_spread_visits_each_item_once_and_everywhere_early(count):
    order = list(probing.spread(count))
    assert sorted(order) == list(range(count))
    if count >= 100:
        assert {i * 10 // count for i in order[:30]} == set(range(10))


UNPRIVILEGED = """
import os, sys
from jupyter_featx.dataset import DatasetOptions, prepare, resolve
from jupyter_featx.errors import DatasetError
folder = sys.argv[1]
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
report = prepare(f"{folder}/data", DatasetOptions(), f"{folder}/out/i", f"{folder}/out/x")
assert (report.total, report.unreadable, report.missing) == (5, 3, 0), report
assert set(report.unreadable_examples) == {f"{folder}/data/{n}" for n in ("no_list", "no_read", "no_search")}
assert report.checked == 5 and "3 items are not readable" in report.lines()[0], report.lines()
report = prepare(f"{folder}/data", DatasetOptions(recursive=True), f"{folder}/out/i", f"{folder}/out/x")
assert f"{folder}/data/no_list" in report.unreadable_examples, report
report = prepare([f"{folder}/data/a", f"{folder}/data/no_search/in"], DatasetOptions(),
                 f"{folder}/out/i", f"{folder}/out/x")
assert (report.missing, report.unreadable) == (0, 1), report
for data, expected in [("no_list", "may not list"), ("no_list/*", "may not list"), ("no_read", "Cannot read"),
                       ("no_search/in/x", "Cannot read")]:
    try:
        resolve(f"{folder}/data/{data}", DatasetOptions())
    except DatasetError as exc:
        assert expected in str(exc) and "ls -ld" in str(exc), exc
    else:
        raise AssertionError(data)
"""


def test_what_may_not_be_read_is_said(data, tmp_path):
    touch(data, "a", "no_read", "no_search/in", "no_list/in", "fine/in")
    (tmp_path / "out").mkdir()
    for path in (tmp_path, *tmp_path.parents):
        if path.owner() == Path(__file__).owner() and path.name.startswith(("test_", "pytest-")):
            path.chmod(0o755)
    (tmp_path / "out").chmod(0o777)
    (data / "no_read").chmod(0)
    (data / "no_search").chmod(0o644)
    (data / "no_list").chmod(0o311)
    here = str(Path(__file__).parent.parent)
    subprocess.run([sys.executable, "-c", UNPRIVILEGED, str(tmp_path)], check=True, cwd=here)


def test_pandas_is_not_loaded_to_prepare_a_dataset():
    code = "import sys, jupyter_featx.dataset; sys.exit(any(m in sys.modules for m in ('pandas', 'numpy')))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent.parent)
