"""A list of paths is read in blocks: what comes of it is what comes of its items one by one, refusals included."""

from __future__ import annotations

from typing import Any

from bounded import bounded
from hypothesis import example, given
from hypothesis import strategies as st

from jupyter_featx.dataset.pathlists import from_sequence
from jupyter_featx.errors import DatasetError

PARTS = st.sampled_from(["a", "b.cif", ".", "..", "", ".hidden", "~", "é", "\udcff", "\ud800", "\0", " ", "\n"])
PATHS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)
PLAIN = st.from_regex(r"(/data/)?[a-z]{1,3}(\.cif)?", fullmatch=True)
VALUES = st.lists(PLAIN, min_size=1, max_size=9) | st.lists(PLAIN | PATHS | st.just(3), min_size=1, max_size=5)


@bounded(300)
@given(VALUES, st.sampled_from([b"/work", b"/", b"/home/me/.data"]))
@example(["/a", "/b"], b"/work")
@example(["a", "/b"], b"/work")
@example(["", "a"], b"/work")
@example(["/a/", "/b"], b"/work")
def test_a_list_gives_the_paths_that_its_items_give_one_by_one(values: list[Any], folder: bytes) -> None:
    assert outcome(values, folder) == outcome(iter(values), folder)


def outcome(values: Any, folder: bytes) -> list[bytes] | str:
    try:
        return list(from_sequence(values, folder))
    except DatasetError as exc:
        return str(exc)
