"""A dataset that somebody else made: its names, links, devices and changes cost nothing but its own items."""

from __future__ import annotations

import csv
import os
import re
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from jupyter_featx import cli, client
from jupyter_featx.cards.wording import steady
from jupyter_featx.dataset import DatasetOptions, pathlists, prepare, resolve
from jupyter_featx.errors import DatasetError, TemplateError
from jupyter_featx.items import ItemFile, display
from jupyter_featx.template.cells import read_cells

NAMES = [
    b"a\nb",
    b"c\r\nd",
    b"quote \" and ' quote",
    b"\x1b]0;title\x07\x1b[2J\x1b[31mred",
    b"\xc2\x9b2J one byte escape",
    b"<script>bad()<img src=x onerror=bad()>",
    b"-rf",
    b"--data=x",
    b"$(touch pwned)",
    b"`touch pwned`",
    b"; touch pwned #",
    b"%n%s{0}{{x}}",
    b"=cmd|' -C calc'!A1",
    b"\xff\xfe no utf8",
    "‮gnp.제올라이트".encode(),
    b"\\n\\\\",
    b",",
    b"x" * 255,
]
SOURCE = """
import os
def _process_input(path):
    if b"fail" in os.fsencode(path):
        raise ValueError(path)
    return {"bytes": len(os.fsencode(os.path.basename(path)))}
"""
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder of files with hostile names."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    for name in NAMES:
        Path(os.fsdecode(os.path.join(os.fsencode(folder), name))).write_text("x")
    return folder


def prepared(data: Path, tmp_path: Path, **options: object) -> list[str]:
    items, index = tmp_path / "items.txt", tmp_path / "items.idx"
    prepare(str(data), DatasetOptions(**options), items, index)  # type: ignore[arg-type]
    with ItemFile(items, index) as found:
        return list(found)


def test_no_name_is_more_than_a_name(home: Path, hostile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for name in ("fail\n\x1b]0;t\x07", "fail=1+1"):
        (hostile / name).write_text("x")
    job = client.submit(SOURCE, str(hostile), preflight=False, cores=2)
    assert job.wait(120).failed == 2
    table = job.result()
    assert dict(zip(table["item"], table["bytes"], strict=True)) == {
        display(os.path.join(hostile, os.fsdecode(name))): len(name) for name in NAMES
    }
    assert not list(tmp_path.rglob("pwned"))
    assert not list((home / "jobs").rglob("pwned"))


def test_a_name_stays_in_its_cell_of_a_table_and_is_not_changed(home: Path, hostile: Path):
    """A cell that begins with = is left as it is: what reads the table back must find the file."""
    job = client.submit(SOURCE, str(hostile), preflight=False, cores=2)
    job.wait(120)
    job.result()
    with (job.path / "table.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert {len(row) for row in rows} == {2}
    assert {row[0] for row in rows[1:]} == {display(os.path.join(hostile, os.fsdecode(name))) for name in NAMES}


def test_no_name_steers_the_terminal(hostile: Path, capsys: pytest.CaptureFixture[str]):
    for name in NAMES:  # as the shell completes them: each is taken for a list of paths, and refused or not
        assert cli.main(["data", os.path.join(hostile, os.fsdecode(name))]) in (0, 1)
        assert cli.main(["data", f"{hostile}/*{os.fsdecode(name)[-1]}"]) in (0, 1)
    assert cli.main(["data", str(hostile)]) == 0
    out, err = capsys.readouterr()
    assert "18 items in" in out
    assert not STEERING.search(f"{out}{err}".replace("\n", ""))


@pytest.mark.parametrize("printed", ["\x1b]0;t\x07x", "\x1b[2Jx", "\x9b2Jx", "\x1bcx", "\x08x", "\x7fx", "\u202ex"])
def test_what_functions_print_of_it_does_not_steer_the_terminal(printed: str):
    assert not STEERING.search(steady(printed))
    assert steady(printed).endswith("x")


def test_colours_that_functions_print_stay_and_end_with_their_line():
    assert steady("\tplain é") == "\tplain é"
    assert steady("\x1b[1;31mred\x1b[0m") == "\x1b[1;31mred\x1b[0m\x1b[0m"
    assert steady("\x1b[8mhidden") == "\x1b[8mhidden\x1b[0m"


@pytest.fixture
def special(tmp_path: Path) -> Path:
    """A folder with one file and all that could hang whoever opens it."""
    folder = tmp_path / "special"
    folder.mkdir()
    (folder / "file.cif").write_text("x")
    os.mkfifo(folder / "fifo.cif")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "s.cif"))
    (folder / "null.cif").symlink_to("/dev/zero")
    (folder / "tty.cif").symlink_to("/dev/tty")
    (folder / "through.cif").symlink_to("fifo.cif")
    return folder


def test_nothing_that_could_hang_is_opened_or_becomes_an_item(special: Path, tmp_path: Path):
    assert prepared(special, tmp_path) == [str(special / "file.cif")]
    assert prepared(special, tmp_path, recursive=True) == [str(special / "file.cif")]


@pytest.mark.parametrize("name", ["list.txt", "list.csv"])
def test_a_list_that_becomes_a_fifo_is_not_waited_for(name: str, tmp_path: Path):
    fifo = os.fsencode(tmp_path / name)
    os.mkfifo(fifo)
    with pytest.raises(DatasetError, match="it is no file"):
        list(pathlists.from_text(fifo)) if name.endswith(".txt") else pathlists.from_csv(fifo, None)


@pytest.mark.parametrize("name", ["list.txt", "list.csv", "list"])
def test_a_list_that_is_a_device_or_a_fifo_is_refused(name: str, tmp_path: Path):
    os.mkfifo(tmp_path / name)
    with pytest.raises(DatasetError, match="neither a file nor a folder"):
        resolve(str(tmp_path / name), DatasetOptions())
    with pytest.raises(DatasetError, match="neither a file nor a folder"):
        resolve("/dev/zero", DatasetOptions())


@pytest.mark.parametrize("name", ["note.ipynb", "note.py"])
def test_a_notebook_that_is_a_fifo_is_not_waited_for(name: str, tmp_path: Path):
    os.mkfifo(tmp_path / name)
    with pytest.raises(TemplateError, match="is no file"):
        read_cells(tmp_path / name)


def test_a_link_out_of_the_tree_is_an_item_of_its_own_name_and_loops_end(tmp_path: Path):
    """A link is followed with the user's own rights, as every program does; at submit nothing behind it is read."""
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    (tree / "deep").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret").write_text("x")
    (tree / "passwd").symlink_to("/etc/passwd")
    (tree / "away").symlink_to(outside)
    (tree / "deep" / "up").symlink_to("..")
    (tree / "self").symlink_to("self")
    found = prepared(tree, tmp_path, recursive=True)
    assert found == [str(tree / name) for name in ("away/secret", "passwd", "self")]


def test_a_tree_that_changes_while_it_is_read_gives_items_or_one_clear_error(tmp_path: Path):
    tree, stop = tmp_path / "tree", threading.Event()
    tree.mkdir()

    def change() -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            place = tree / f"d{turn % 7}"
            with suppress(OSError):
                place.mkdir()
                (place / "f").write_text("x")
            with suppress(OSError):
                os.rename(place, tree / f"e{turn % 5}")
            with suppress(OSError):
                (tree / f"e{turn % 3}" / "f").unlink()
                (tree / f"e{turn % 3}").rmdir()
                os.mkfifo(tree / f"e{turn % 3}")
            with suppress(OSError):
                (tree / f"e{turn % 4}").unlink()

    changing = threading.Thread(target=change)
    changing.start()
    try:
        for _ in range(100):
            with suppress(DatasetError):
                prepared(tree, tmp_path, recursive=True)
    finally:
        stop.set()
        changing.join()


def test_one_cell_of_megabytes_is_one_clear_error(tmp_path: Path):
    (tmp_path / "list.csv").write_text("path,x\n" + "a" * 5_000_000 + ",1\n")
    with pytest.raises(DatasetError, match="is no CSV file"):
        resolve(str(tmp_path / "list.csv"), DatasetOptions())


def test_a_module_beside_the_data_is_not_imported_for_another(home: Path, tmp_path: Path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "item").write_text("x")
    for name in ("json", "csv", "typing_extensions", "sitecustomize", "usercustomize"):
        (folder / f"{name}.py").write_text(f"open({str(tmp_path / 'pwned')!r}, 'w')")
    source = "import json, csv\ndef _process_input(path):\n    return {'n': len(json.dumps(path))}\n"
    job = client.submit(source, [str(folder / "item")], preflight=False, cores=1, source=client.Source(folder, "x"))
    assert job.wait(120).done == 1
    assert not (tmp_path / "pwned").exists()
