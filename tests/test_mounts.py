"""What a job needs is mounted under its own name; the image's folders are never hidden."""

from __future__ import annotations

import os
import sys

import pytest

from jupyter_featx import mounts
from jupyter_featx.errors import SpecError
from jupyter_featx.mounts import Bind, dataset_folders, joined, process_folders

HOME = Bind.same("/home/kim")


def texts(binds: tuple[Bind, ...]) -> list[str]:
    return [str(bind) for bind in binds]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/scratch", "/scratch"),
        ("/scratch/:/data", "/scratch:/data"),
        ("/scratch:/scratch:ro", "/scratch:/scratch:ro"),
        ("~/x", "/home/kim/x"),
        ("$WORK/${USER}:/data:ro", "/work/kim:/data:ro"),
    ],
)
def test_a_bind_is_read_as_it_is_written(text, expected):
    assert str(Bind.parse(text, {"HOME": "/home/kim", "WORK": "/work", "USER": "kim"})) == expected


@pytest.mark.parametrize("text", ["scratch", "/a:b", "/a:/b:rx", "/a:/b:ro:x", "", "/a,/b", "/$NOTHING"])
def test_what_is_no_bind_is_refused(text):
    with pytest.raises(SpecError):
        Bind.parse(text, {})


@pytest.mark.parametrize("name", ["/data/a:b", "/data/a,b", "/data/a\nb"])
def test_a_folder_whose_name_cannot_be_told_is_refused(name):
    with pytest.raises(SpecError, match="cannot be mounted"):
        joined((), HOME, [name])


def test_what_is_there_already_is_not_mounted_again():
    given = (Bind.parse("/scratch"), Bind.parse("/scratch"), Bind.parse("/fast:/data"))
    folders = ["/home/kim/featx", "/scratch/kim", "/data/x", "/srv/a", "/srv/a/b", "/tmp/y", "/proc/1"]
    assert texts(joined(given, HOME, folders)) == ["/scratch", "/fast:/data", "/srv/a"]


def test_outer_folders_are_mounted_first():
    given = (Bind.parse("/fast:/data/x/y"), Bind.parse("/srv/deep/z"))
    assert texts(joined(given, HOME, ["/data"])) == ["/data", "/fast:/data/x/y", "/srv/deep/z"]


def test_the_homes_own_bind_is_not_one_of_the_others():
    home = Bind.parse("/nfs/kim:/home/kim")
    assert texts(joined((home, Bind.parse("/scratch")), home, ["/home/kim/featx"])) == ["/scratch"]


@pytest.mark.parametrize("folder", ["/", "/usr", "/usr/share", "/etc/x", "/lib64", "/opt", "/var"])
def test_what_the_image_has_is_not_hidden(folder):
    assert joined((), HOME, [folder]) == ()


def test_what_a_link_leads_to_is_mounted_too(tmp_path, monkeypatch):
    monkeypatch.setattr(mounts, "_RUNTIME", ())
    (tmp_path / "big").mkdir()
    (tmp_path / "link").symlink_to("big")
    assert texts(joined((), HOME, [str(tmp_path / "link")])) == [str(tmp_path / "big"), str(tmp_path / "link")]


def test_the_datasets_folder_is_what_holds_all_items():
    assert dataset_folders(f"/data/mofs/m{n}/start.cif" for n in range(1000)) == ["/data/mofs"]
    assert dataset_folders(["/data/mofs/a", "/data/mofs/b"]) == ["/data/mofs"]


def test_items_in_several_places_are_several_folders():
    items = ["/data/mofs/a", "/scratch/kim/b/c", "/data/cofs/d", "/scratch/kim/e"]
    assert dataset_folders(items) == ["/data/cofs", "/data/mofs", "/scratch/kim"]
    assert dataset_folders(f"/data/set{n}/x" for n in range(40)) == ["/data"]
    assert dataset_folders(["/data/x", "/data/deep/y"]) == ["/data"]


def test_links_among_the_items_are_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "a").symlink_to(tmp_path / "real" / "a")
    assert dataset_folders([str(tmp_path / "links" / "a")]) == [str(tmp_path)]


@pytest.mark.parametrize("items", [["/etc/passwd"], ["/usr/a", "/usr/b/c"], ["/file"], ["/opt/x", "/opt/y"]])
def test_a_dataset_where_the_image_has_its_own_folder_is_refused(items):
    with pytest.raises(SpecError, match="which every image has its own of"):
        dataset_folders(items)


def test_pythons_own_folders_are_mounted_unless_they_are_the_images(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    monkeypatch.setattr(sys, "path", ["/usr/lib/python3", str(tmp_path / "gone"), ""])
    monkeypatch.setattr(mounts, "_layered_root", lambda: False)
    assert "/usr" not in list(process_folders({}))
    assert str(tmp_path) in list(process_folders({}))
    # In a container, what lies on the image's own device is the image's.
    monkeypatch.setattr(mounts.os, "stat", lambda path: os.stat_result((0,) * 10))
    assert list(process_folders({"APPTAINER_CONTAINER": "/x.sif"})) == []
