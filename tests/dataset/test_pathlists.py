"""What holds a list of paths becomes these items, in its order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from madedata import names, touch

from jupyter_featx.errors import DatasetError


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


@pytest.mark.parametrize("header", ["x" * 100_000, ",".join(f"column{n}" for n in range(5000))], ids=len)
def test_a_file_that_is_no_csv_is_refused_in_few_words(data, header):
    (data / "list.csv").write_text(f"{header}\na\n")
    with pytest.raises(DatasetError, match="has no column 'path'") as refused:
        names(str(data / "list.csv"), data, column="path")
    assert len(str(refused.value)) < 3000


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

    with pytest.raises(DatasetError, match=r"DataFrame; its columns are n, File.*--column File, or data=df\['File'\]"):
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
    with pytest.raises(DatasetError, match=r"^There is no item in the list\. Give a folder, "):
        names([], data)
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
