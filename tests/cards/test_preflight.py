"""What a sample showed, drawn."""

from __future__ import annotations

from types import SimpleNamespace

from outline import HOSTILE, Outline

from jupyter_featx.cards.preflight import preflight_html, preflight_text


def sampled(**changes: object) -> SimpleNamespace:
    values = {
        "total": 2_000_000,
        "sample": 16,
        "median_seconds": 0.0367,
        "p95_seconds": 0.2,
        "max_seconds": 1.5,
        "peak_mb": 60.2,
        "core_hours": 27.4,
        "table_mb": 3400.0,
        "cores": 500,
        "estimates": ((1, 98640.0), (500, 197.3), (1000, 98.6)),
        "failures": (),
        "unfinished": (),
        "printed": "",
        "head_text": "item  v\na     1",
        "head_html": "<table><tr><td>a</td></tr></table>",
    }
    return SimpleNamespace(**(values | changes))


def test_it_says_what_the_whole_will_cost():
    for text in (preflight_text(sampled()), Outline(preflight_html(sampled())).text):
        for said in (
            "16 of 2,000,000 items tried, none failed",
            "36.7 ms (median)",
            "95 % within 200 ms, longest 1.5 s",
            "60.2 MB at most",
            "27 core-hours",
            "about 3.32 GB",
            "about 3 m 17 s",
            "1,000 cores",
            "as chosen",
        ):
            assert said in text


def test_a_failure_names_the_item_the_message_and_the_line():
    failures = tuple((f"/data/item{n}", "KeyError: 'Xe'", "cell [3], line 7") for n in range(9))
    for text in (
        preflight_text(sampled(failures=failures)),
        Outline(preflight_html(sampled(failures=failures))).text,
    ):
        assert "9 failed" in text
        assert "/data/item0: KeyError: 'Xe' (cell [3], line 7)" in text
        assert "and 4 more failures" in text


def test_items_that_took_too_long_are_named():
    assert "2 items had not finished when the time was up: a, b." in preflight_text(sampled(unfinished=("a", "b")))


def test_hostile_text_is_harmless_and_short():
    for text in HOSTILE:
        drawn = sampled(failures=((text, text, text),), unfinished=(text,), head_html="", head_text="")
        assert Outline(preflight_html(drawn)).tags <= {"div", "span", "bdi", "code", "table", "tr", "td", "b"}
        assert len(preflight_html(drawn)) < 20_000
        assert all(line.isprintable() for line in preflight_text(drawn).splitlines())


def test_what_the_functions_printed_is_shown():
    drawn = sampled(printed="[w0] reading <b>\n[w0] two")
    assert "[w0] two" in preflight_text(drawn)
    assert "reading <b>" in Outline(preflight_html(drawn)).text


def test_estimates_that_say_the_same_are_left_out_but_the_chosen_one():
    drawn = sampled(estimates=((1, 0.4), (2, 0.2), (4, 0.1), (8, 0.1)), cores=4)
    text = preflight_text(drawn)
    assert "1 core:" in text
    assert "4 cores" in text
    assert "8 cores" not in text
