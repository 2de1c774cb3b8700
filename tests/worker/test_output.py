"""Prints are kept within bounds."""

from __future__ import annotations

from jupyter_featx.worker.output import OutputLog


def test_each_line_says_its_worker(tmp_path):
    log = OutputLog(tmp_path / "out")
    log.add(3, b"one\ntwo\n")
    log.close()
    assert (tmp_path / "out").read_bytes() == b"[w3] one\n[w3] two\n"


def test_a_line_that_comes_in_pieces_stays_one(tmp_path):
    log = OutputLog(tmp_path / "out")
    for piece in (b"ener", b"gy 1.0\nvol", b"ume", b" 2.0\n"):
        log.add(1, piece)
    log.add(2, b"no end")
    log.add(1, b"died he")
    log.add(1, b"")
    log.add(1, b"the next\n")
    log.close()
    text = (tmp_path / "out").read_text()
    assert text == "[w1] energy 1.0\n[w1] volume 2.0\n[w1] died he\n[w1] the next\n[w2] no end\n"


def test_a_flood_is_counted_not_kept(tmp_path):
    log = OutputLog(tmp_path / "out")
    for _ in range(100):
        log.add(0, b"x" * 10_000)
    log.add(0, b"")
    log.add(0, b"later\n")
    log.close()
    text = (tmp_path / "out").read_text()
    assert len(text) < 70_000
    assert "934,464 more bytes were printed and not kept" in text
    assert text.endswith("[w0] later\n")


def test_nothing_printed_makes_no_file(tmp_path):
    log = OutputLog(tmp_path / "out")
    log.add(0, b"")
    log.close()
    assert not (tmp_path / "out").exists()
