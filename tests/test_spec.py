"""The record of a job, and the options that people type."""

from __future__ import annotations

import json

import pytest
from realjobs import make_spec

from jupyter_featx.errors import SpecError
from jupyter_featx.spec import (
    JobSpec,
    ResourceSpec,
    parse_cores,
    parse_count,
    parse_duration,
    parse_memory,
)


@pytest.mark.parametrize("spec", [make_spec(), make_spec(output_digest="c", notebook="/n.ipynb"), make_spec(total=0)])
def test_a_spec_read_back_is_equal(spec: JobSpec) -> None:
    assert JobSpec.from_json(spec.to_json()) == spec


def test_a_spec_is_plain_ascii_text() -> None:
    assert make_spec().to_json().isascii()


def test_a_spec_of_a_newer_version_is_refused_with_what_to_do() -> None:
    record = json.loads(make_spec().to_json()) | {"version": 99}
    with pytest.raises(SpecError, match=r"(?s)iris-3f9a.*newer.*pip install"):
        JobSpec.from_json(json.dumps(record))


@pytest.mark.parametrize(
    "damaged",
    [
        {"total": "3"},
        {"resources": []},
        {"resources": "x"},
        {"resources": {"cores": "2; touch x"}},
        {"limits": {"item_timeout_seconds": float("inf")}},
        {"site": {"modules": [1]}},
        {"allocation": None},
        {"python": 5},
        {"environment": []},
        {"more": 1},
    ],
    ids=str,
)
def test_a_record_that_was_damaged_is_no_spec(damaged: dict[str, object]) -> None:
    record = json.loads(make_spec().to_json()) | damaged
    with pytest.raises((ValueError, KeyError, TypeError)):
        JobSpec.from_json(json.dumps(record))


def test_a_text_nested_without_end_is_no_spec() -> None:
    with pytest.raises(ValueError, match="nested"):
        JobSpec.from_json("[" * 100_000)


@pytest.mark.parametrize(("cores", "ranks", "each"), [(1, 1, 1), (8, 2, 4), (2, 4, 1)])
def test_a_rank_has_its_share_of_the_workers(cores: int, ranks: int, each: int) -> None:
    assert ResourceSpec(cores=cores, ranks=ranks).workers_per_rank == each


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        (90, 90.0),
        (0.5, 0.5),
        (1e-5, 1e-5),
        ("90", 90.0),
        ("90s", 90.0),
        (" 90 S ", 90.0),
        ("1.5h", 5400.0),
        ("10m", 600.0),
        ("10min", 600.0),
        ("2h", 7200.0),
        ("3d", 259200.0),
        ("10:30", 630.0),
        ("1:30:00", 5400.0),
        ("1-12:00:00", 129600.0),
        ("1-12:30", 131400.0),
    ],
)
def test_a_duration_is_read(value: float | str | None, seconds: float | None) -> None:
    assert parse_duration(value) == seconds


@pytest.mark.parametrize(
    "value",
    [
        0,
        -1,
        "0s",
        "",
        "soon",
        "10 parsecs",
        "-5m",
        "1:2",
        "1:30:5",
        float("nan"),
        float("inf"),
        "9" * 400,
        True,
        [1],
        10**400,
    ],
)
def test_what_is_no_duration_is_refused_by_the_name_of_the_option(value: object) -> None:
    with pytest.raises(SpecError, match="item_timeout=.*'10m'"):
        parse_duration(value, "item_timeout")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "mb"),
    [
        (None, None),
        ("512M", 512.0),
        ("512MB", 512.0),
        ("512MiB", 512.0),
        ("4G", 4096.0),
        ("4 g", 4096.0),
        ("2.5GB", 2560.0),
        ("1T", 1048576.0),
        ("512K", 0.5),
    ],
)
def test_an_amount_of_memory_is_read(value: float | str | None, mb: float | None) -> None:
    assert parse_memory(value) == mb


@pytest.mark.parametrize("value", [-1, "", "lots", "4X", "512B", "4GG", "0G", float("nan"), True])
def test_what_is_no_amount_of_memory_is_refused_by_the_name_of_the_option(value: object) -> None:
    with pytest.raises(SpecError, match="item_memory=.*'4G'"):
        parse_memory(value, "item_memory")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "cores_and_ranks"),
    [(1, (1, 1)), ("8", (8, 1)), ("4x2", (8, 4)), ("4X2", (8, 4)), ("4×2", (8, 4)), (" 2 x 1 ", (2, 2))],
)
def test_a_number_of_cores_is_read(value: int | str, cores_and_ranks: tuple[int, int]) -> None:
    assert parse_cores(value) == cores_and_ranks


@pytest.mark.parametrize("value", [0, -1, "", "0x4", "4x0", "x2", "2x", "many", 2.5, None, True, "9" * 5000])
def test_what_is_no_number_of_cores_is_refused(value: object) -> None:
    with pytest.raises(SpecError, match="cores=.*'4x2'"):
        parse_cores(value)  # type: ignore[arg-type]


def test_a_count_is_read_or_refused() -> None:
    assert (parse_count(None, "limit"), parse_count("0", "limit"), parse_count(7, "limit")) == (None, 0, 7)
    for value in (-1, "x", 1.5, True, "9" * 5000):
        with pytest.raises(SpecError, match="limit="):
            parse_count(value, "limit")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [4, "4", 0, 512.0])
def test_an_amount_of_memory_without_a_unit_is_asked_for_one(value: object) -> None:
    with pytest.raises(SpecError, match=r"item_memory=.* has no unit\. Type '.*G' or '.*M'"):
        parse_memory(value, "item_memory")  # type: ignore[arg-type]
