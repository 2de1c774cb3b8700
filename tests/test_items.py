"""The item file gives back exactly the bytes that were written, and is read a piece at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_featx.errors import DatasetError
from jupyter_featx.items import BLOCK, ItemFile, display, write_items

AWKWARD = [
    b"/data/plain",
    b"/data/with space/and 'quotes' \"too\"",
    b"/data/new\nline",
    b"/data/carriage\rreturn\r\n",
    b"/data/back\\slash\\n not a newline",
    b"/data/trailing\\",
    b"/data/\\\\\n\\\r\\n",
    b"/data/\xff\xfe not utf-8",
    "/data/금속 유기 골격체".encode(),
]


@pytest.fixture
def where(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "items.txt", tmp_path / "items.idx"


def test_every_byte_comes_back(where):
    assert write_items(AWKWARD, *where) == len(AWKWARD)
    with ItemFile(*where) as items:
        assert len(items) == len(AWKWARD)
        assert [os.fsencode(item) for item in items] == AWKWARD
        assert items.read([8, 0, 2]) == [os.fsdecode(AWKWARD[i]) for i in (8, 0, 2)]
        assert items[-1] == "/data/금속 유기 골격체"


def test_one_item_is_one_line_and_the_index_is_little_endian_uint64(where):
    write_items([b"/a\nb", b"/c"], *where)
    assert where[0].read_bytes() == b"/a\\nb\n/c\n"
    assert where[1].read_bytes() == b"".join(n.to_bytes(8, "little") for n in (0, 6, 9))


def test_more_than_one_block(where):
    paths = [b"/x/%d" % i for i in range(2 * BLOCK + 3)]
    assert write_items(iter(paths), *where) == len(paths)
    with ItemFile(*where) as items:
        assert [item.encode() for item in items] == paths
        assert items.read(range(BLOCK - 1, BLOCK + 2)) == [f"/x/{i}" for i in range(BLOCK - 1, BLOCK + 2)]


def test_an_empty_list_and_an_index_out_of_range(where):
    write_items([], *where)
    with ItemFile(*where) as items:
        assert list(items) == []
        with pytest.raises(IndexError):
            items[0]


def test_a_failed_write_leaves_the_old_list_and_nothing_aside(where):
    write_items([b"/old"], *where)

    def broken():
        yield b"/new"
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        write_items(broken(), *where)
    assert sorted(os.listdir(where[0].parent)) == ["items.idx", "items.txt"]
    with ItemFile(*where) as items:
        assert list(items) == ["/old"]


def test_a_changed_list_is_refused(where):
    write_items([b"/a", b"/b"], *where)
    with where[0].open("ab") as file:
        file.write(b"/c\n")
    with pytest.raises(DatasetError, match="does not fit"):
        ItemFile(*where)
    where[1].write_bytes(b"")
    with pytest.raises(DatasetError, match="does not fit"):
        ItemFile(*where)
    where[1].unlink()
    with pytest.raises(DatasetError, match="Submit the job again"):
        ItemFile(*where)


def test_closing_twice_is_harmless_and_reading_after_it_is_an_error(where):
    write_items([b"/a"], *where)
    items = ItemFile(*where)
    items.close()
    items.close()
    with pytest.raises(ValueError, match="closed"):
        items[0]


def test_a_forked_process_reads_the_same_items(where):
    write_items([b"/%d" % i for i in range(100)], *where)
    code = (
        "import os, sys; from jupyter_featx.items import ItemFile\n"
        "items = ItemFile(*sys.argv[1:])\n"
        "pid = os.fork()\n"
        "good = items.read(range(100)) == ['/%d' % i for i in range(100)]\n"
        "if not pid: os._exit(not good)\n"
        "sys.exit(os.waitpid(pid, 0)[1] or not good)"
    )
    subprocess.run([sys.executable, "-c", code, *map(str, where)], check=True)


def test_display_is_valid_unicode():
    assert display(os.fsdecode(b"/a/\xff\xea")) == "/a/\\xff\\xea"
    assert display("/한글") == "/한글"
    assert display("\ud800").encode() == b"\\ud800"


def test_the_reader_imports_only_what_a_worker_can_afford():
    code = (
        "import sys; import jupyter_featx; before = set(sys.modules); import jupyter_featx.items\n"
        "own = {'jupyter_featx.items', 'jupyter_featx.errors'}\n"
        "print(*sorted(set(sys.modules) - before - own))"
    )
    here = Path(__file__).parent.parent
    ran = subprocess.run([sys.executable, "-c", code], check=True, cwd=here, capture_output=True, text=True)
    dear = {"re", "json", "pathlib", "typing", "shutil", "tempfile", "numpy", "pandas"}
    assert not set(ran.stdout.split()) & dear


def test_held_in_memory_the_items_are_the_same(tmp_path: Path) -> None:
    paths = [b"/a", b"/with space", b"/back\\slash", b"/line\nbreak", b"/\xff"]
    assert write_items(paths, tmp_path / "i", tmp_path / "x") == 5
    with ItemFile(tmp_path / "i", tmp_path / "x") as items:
        before = items.read([4, 0, 3, 1, 2])
        items.hold()
        assert items.read([4, 0, 3, 1, 2]) == before == [os.fsdecode(paths[n]) for n in (4, 0, 3, 1, 2)]
