"""What counts as done is read from the shards alone, also after a crash."""

from __future__ import annotations

from pathlib import Path

from jupyter_featx.shards import FAILED, MISSING, OK, finished, list_shards, read_meta, whole_lines

GOOD = b'{"i":%d,"s":0.1,"m":1.0,"w":0,"fd:x":1.5}\n'
BAD = b'{"i":%d,"s":0.1,"m":1.0,"w":0,"e":{"kind":"exception"}}\n'


def test_one_good_row_outweighs_errors_before_and_after(tmp_path: Path) -> None:
    (tmp_path / "a0001-r0000.jsonl").write_bytes(GOOD % 0 + BAD % 1 + BAD % 2)
    (tmp_path / "a0002-r0001.jsonl").write_bytes(BAD % 0 + GOOD % 1)
    (tmp_path / "a0002-r0001.meta.jsonl").write_bytes(b"{}\n")
    assert finished(tmp_path, 4) == bytearray([OK, OK, FAILED, MISSING])
    assert [shard.attempt for shard in list_shards(tmp_path)] == [2, 1]


def test_a_torn_or_foreign_line_is_no_row(tmp_path: Path) -> None:
    torn = GOOD % 3
    lines = GOOD % 0 + b"\n" + b"garbage\n" + b'{"i":1,"s":0.\n' + b'{"i":x}\n' + GOOD % 99 + torn[:-1]
    path = tmp_path / "a0001-r0000.jsonl"
    path.write_bytes(lines)
    assert finished(tmp_path, 4) == bytearray([OK, MISSING, MISSING, MISSING])
    assert b"".join(whole_lines(path, 10)) == lines[: -len(torn) + 1]


def test_a_text_that_looks_like_an_error_is_none(tmp_path: Path) -> None:
    text = b'{"i":0,"s":0.1,"m":1.0,"w":0,"ft:x":",\\"e\\":{"}\n'
    (tmp_path / "a0001-r0000.jsonl").write_bytes(text)
    assert finished(tmp_path, 1) == bytearray([OK])


def test_columns_that_were_never_announced_are_found_in_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "a0001-r0000.jsonl"
    path.write_bytes(b'{"i":0,"s":0.1,"m":1.0,"w":0,"fd:y":1.5}\n' + GOOD % 1)
    (tmp_path / "a0001-r0000.meta.jsonl").write_bytes(b'{"host":"n1"}\n{"columns":["fd:z"]}\n{"columns":["fd')
    (shard,) = list_shards(tmp_path)
    assert read_meta(shard).host == "n1"
    assert read_meta(shard).columns == ("fd:z", "fd:y", "fd:x")


def test_columns_are_found_in_the_rows_where_the_companion_is_gone_or_torn(tmp_path: Path) -> None:
    path = tmp_path / "a0001-r0000.jsonl"
    path.write_bytes(GOOD % 0 + b'{"i":1,"s":0.1,"m":1.0,"w":0,"fd:x":1.5,"fd:y":2.5}\n' + BAD % 2)
    (shard,) = list_shards(tmp_path)
    assert read_meta(shard).columns == ("fd:x", "fd:y")
    shard.meta_path.write_bytes(b'{"host":"n1"}\n{"columns":["fd:x"]}\n{"columns":["fd:')
    assert read_meta(shard).columns == ("fd:x", "fd:y")


def test_what_is_announced_and_no_column_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a0001-r0000.jsonl").write_bytes(GOOD % 0)
    (shard,) = list_shards(tmp_path)
    shard.meta_path.write_bytes(b'{"columns":[1,"x",[],{},null,"fd:x"]}\n{"columns":"fd:z"}\n' + b"[" * 100_000 + b"\n")
    assert read_meta(shard).columns == ("fd:x",)


def test_a_number_of_thousands_of_digits_is_no_item(tmp_path: Path) -> None:
    (tmp_path / "a0001-r0000.jsonl").write_bytes((GOOD % 0).replace(b"0", b"9" * 5000, 1) + GOOD % 1)
    assert finished(tmp_path, 2) == bytearray([MISSING, OK])


def test_a_line_with_zeros_in_it_is_no_row(tmp_path: Path) -> None:
    damaged = (GOOD % 1).replace(b'"m":1.0', b'"m"\0\0\0\0')
    (tmp_path / "a0001-r0000.jsonl").write_bytes(GOOD % 0 + damaged + GOOD % 2)
    assert finished(tmp_path, 3) == bytearray([OK, MISSING, OK])


def test_a_thorough_look_sees_every_damage(tmp_path: Path) -> None:
    damaged = (GOOD % 1).replace(b'"m":1.0', b'"m"?1.0')
    (tmp_path / "a0001-r0000.jsonl").write_bytes(GOOD % 0 + damaged + BAD % 2 + (BAD % 3).replace(b'"exc', b"exc"))
    assert finished(tmp_path, 4, thorough=True) == bytearray([OK, MISSING, FAILED, MISSING])
