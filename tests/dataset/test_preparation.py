"""What a user may give as data becomes the items that were meant, in the order that was meant."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from jupyter_featx.dataset import DatasetOptions, DatasetReport, prepare, resolve
from jupyter_featx.dataset import probe as probing
from jupyter_featx.dataset.listing import natural_sort
from jupyter_featx.errors import DatasetError
from jupyter_featx.items import ItemFile

PLAIN = DatasetOptions()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def touch(folder: Path, *names: str | bytes) -> None:
    for name in names:
        path = os.path.join(os.fsencode(folder), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb"):
            pass


def names(data, folder: Path, **options) -> list[str]:
    """The items, relative to the folder when they are below it."""
    found = [os.fsdecode(path) for path in resolve(data, DatasetOptions(**options), folder=folder)]
    return [path.removeprefix(f"{folder}/") for path in found]


def prepared(data, folder: Path, **options) -> tuple[DatasetReport, list[str]]:
    files = folder.parent / "items.txt", folder.parent / "items.idx"
    report = prepare(data, DatasetOptions(**options), *files, folder=folder)
    with ItemFile(*files) as items:
        return report, [item.removeprefix(f"{folder}/") for item in items]


# ---- folders


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


# ---- globs


def test_globs(data):
    touch(data, "a1/x.cif", "a10/x.cif", "a2/x.cif", "a2/.y.cif", "a2/deep/x.cif", ".h/x.cif", "x.cif")
    assert names("a*/x.cif", data) == ["a1/x.cif", "a2/x.cif", "a10/x.cif"]
    assert names("**/x.cif", data) == ["a1/x.cif", "a2/deep/x.cif", "a2/x.cif", "a10/x.cif", "x.cif"]
    assert names("a[12]/", data) == ["a1", "a2"]
    assert names("*/", data) == ["a1", "a2", "a10"]
    assert names("a2/.*", data) == ["a2/.y.cif"]
    assert names("a?", data, recursive=True) == ["a1/x.cif", "a2/deep/x.cif", "a2/x.cif"]
    assert names("*/deep/../x.cif", data) == ["a2/deep/../x.cif"]
    assert names("**/deep/**/x.cif", data) == ["a2/deep/x.cif"]


def test_a_path_that_is_there_wins_over_its_glob_meaning(data):
    touch(data, "x[1]/one", "x1/two", "x[1]/three")
    assert names("x[1]", data) == ["x[1]/one", "x[1]/three"]
    assert names("x[1]/t*", data) == ["x[1]/three"]
    assert names("*", data / "x[1]") == ["one", "three"]
    with pytest.raises(DatasetError, match="no 'four'"):
        names("x[1]/four", data)


def test_home_and_variables(data, monkeypatch):
    touch(data, "a/1", "$X/2")
    monkeypatch.setenv("HOME", str(data))
    monkeypatch.setenv("SCRATCH", str(data))
    assert names("~/a", data) == names("$SCRATCH/a", data) == names("${SCRATCH}/a/*", data) == ["a/1"]
    assert names(["~/a/1"], data) == ["a/1"]
    assert names("$X", data) == ["$X/2"]
    with pytest.raises(DatasetError, match="not set"):
        names("$NOWHERE_AT_ALL/a", data)


def test_dots_are_folded_only_where_no_symlink_is_involved(data, tmp_path):
    touch(data, "a/1", "b/2")
    (tmp_path / "far").mkdir()
    touch(tmp_path, "far/c/3", "far/2")
    (data / "link").symlink_to(tmp_path / "far" / "c")
    assert names("../b//./", data / "a") == [f"{data}/b/2"]
    assert names(["a/../b/2", "link/../2", "../../../../../../../../../../x"], data) == [
        "b/2",
        "link/../2",
        "/x" if str(data).count("/") <= 10 else names(["../../../../../../../../../../x"], data)[0],
    ]
    _, items = prepared(["link/../2"], data)
    assert items == ["link/../2"]


# ---- text files and CSV


def test_a_text_file_keeps_its_order_and_starts_at_its_own_folder(data, tmp_path):
    touch(data, "b", "a", "#1", "#", "with space ", "금속")
    lines = "\ufeff# a comment\r\nb\r\n\r\n   \na\n#1\n#\nwith space \n금속".encode()
    (data / "list.txt").write_bytes(lines + b"\n" + os.fsencode(data) + b"/\xff\n")
    touch(data, b"\xff")
    expected = ["b", "a", "#1", "#", "with space ", "금속", "\udcff"]
    assert names("data/list.txt", tmp_path) == [f"data/{name}" for name in expected]
    (data / "list").write_bytes(lines)
    assert names("list", data, limit=2) == ["b", "a"]
    assert names("list", data, pattern="?") == ["b", "a", "#"]


def test_a_binary_file_is_no_list(data):
    (data / "x.list").write_bytes("a\nb\n".encode("utf-16"))
    with pytest.raises(DatasetError, match=r"no text file \(line 1"):
        names("x.list", data)


def test_a_data_file_is_one_item_not_a_list(data):
    touch(data, "x.cif")
    with pytest.raises(DatasetError, match=r"one file, not a list.*--pattern '\*\.cif'"):
        names("x.cif", data)


@pytest.mark.parametrize(
    ("name", "text", "column"),
    [
        ("one.csv", "whatever\nb\na\n", None),
        ("named.csv", "name,Path\nx,b\ny,a\n", None),
        ("asked.csv", "path,where\nx,b\ny,a\n", "where"),
        ("semicolon.csv", "x;file\n1;b\n2;a\n", None),
        ("tabs.tsv", "x,y\tfile\n1\tb\n2\ta\n", None),
        ("gaps.csv", "n,item\r\n1,b\r\n2,\r\n3\r\n\r\n4,a\r\n", None),
        ("quoted.csv", '\ufeffpath,n\n"b",1\n"a",2\n', None),
        ("table.dat", "n,q\n1,b\n2,a\n", "q"),
    ],
)
def test_the_column_of_a_csv(data, name, text, column):
    (data / name).write_text(text)
    assert names(name, data, column=column) == ["b", "a"]


def test_quotes_newlines_and_stray_bytes_in_a_csv(data):
    (data / "x.csv").write_bytes(b'path\n"a,""b"""\n"new\nline"\n\xff\n')
    assert names("x.csv", data) == ['a,"b"', "new\nline", "\udcff"]


def test_a_csv_without_its_column_says_which_there_are(data):
    (data / "x.csv").write_text("name,energy\na,1\n")
    with pytest.raises(DatasetError, match=r"Which column.*'name', 'energy'.*--column"):
        names("x.csv", data)
    with pytest.raises(DatasetError, match=r"no column 'nam'.*Did you mean 'name'"):
        names("x.csv", data, column="nam")
    touch(data, "a")
    (data / "bare.csv").write_text("a\nb\n")
    with pytest.raises(DatasetError, match="says: path"):
        names("bare.csv", data)
    (data / "empty.csv").write_text("")
    with pytest.raises(DatasetError, match="is empty"):
        names("empty.csv", data)


# ---- Python lists


def test_lists_and_their_kin_keep_their_order(data):
    import numpy as np
    import pandas as pd

    given = ["b", "a_10", "a_2"]
    for values in (
        given,
        tuple(given),
        iter(given),
        [Path(name) for name in given],
        [name.encode() for name in given],
        np.array(given),
        np.array([name.encode() for name in given]),
        pd.Series(given, index=[5, 5, 7]),
        pd.Series(given, dtype="category"),
        pd.Index(given),
    ):
        assert names(values, data) == given
    assert names(set(given), data) == ["a_2", "a_10", "b"]
    assert names((f"x{i}" for i in iter(int, 1)), data, limit=1) == ["x0"]  # an endless iterator
    assert names(pd.DataFrame({"n": [1, 2, 3], "path": given}), data, column="path") == given


def test_what_is_no_list_of_paths_is_refused(data):
    import pandas as pd

    with pytest.raises(DatasetError, match=r"DataFrame; its columns are n, File.*df\['File'\]"):
        names(pd.DataFrame({"n": [1], "File": ["a"]}), data)
    with pytest.raises(DatasetError, match=r"Item 1 of the list is nan.*dropna"):
        names(["a", float("nan")], data)
    with pytest.raises(DatasetError, match=r"Item 0 of the list is <NA>.*dropna"):
        names(pd.Series([pd.NA], dtype=object), data)
    for wrong in (3, None, {"a": 1}, 2.5, object(), pd.Series([["a"]]).to_numpy().reshape(1, 1)):
        with pytest.raises(DatasetError, match="is not a dataset"):
            names(wrong, data)
    with pytest.raises(DatasetError, match=r"Item 0 of the list is 7 \(int\)"):
        names([7], data)
    with pytest.raises(DatasetError, match="empty text"):
        names(["a", ""], data)
    with pytest.raises(DatasetError, match="NUL"):
        names(["a\0b"], data)
    with pytest.raises(DatasetError, match="NUL"):
        names("a\0b", data)
    with pytest.raises(DatasetError, match="no file name can hold"):
        names(["\ud800"], data)


def test_folders_in_a_list_are_opened_when_asked(data):
    touch(data, "b/2", "b/10", "a/x/1", "c")
    assert names(["b", "c", "a"], data) == ["b", "c", "a"]
    assert names(["b", "c", "a"], data, recursive=True) == ["b/2", "b/10", "c", "a/x/1"]


# ---- what is wrong


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


def test_a_path_that_is_not_there_names_its_nearest_sibling(data):
    touch(data, "simulations/a")
    with pytest.raises(DatasetError, match=r"no 'simulation' in '.*/data'\. Did you mean 'simulations'"):
        names("simulation/deep", data)
    with pytest.raises(DatasetError, match=r"no 'simulatons' in .*Did you mean 'simulations'"):
        names("simulatons/*.cif", data)
    with pytest.raises(DatasetError, match=r"no 'zzz' in .*Look with: ls"):
        names("zzz", data)
    (data / "link").symlink_to("nowhere")
    with pytest.raises(DatasetError, match="broken symlink to 'nowhere'"):
        names("link", data)


def test_options_that_cannot_be_are_refused(data):
    touch(data, "a")
    with pytest.raises(DatasetError, match="limit is 0"):
        names(str(data), data, limit=0)
    with pytest.raises(DatasetError, match="last part"):
        names(str(data), data, pattern="a/*.cif")


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
