"""What a user calls data is resolved to what was meant, or refused with what to type."""

from __future__ import annotations

import pytest
from madedata import names, prepared, touch

from jupyter_featx.errors import DatasetError


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
