"""The options of submit: what was given, over a profile, over the site's defaults; and the record that they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from jupyter_featx.arguments import submit_options
from jupyter_featx.client import Source
from jupyter_featx.config import Config, PartitionLimits
from jupyter_featx.config.schema import OPTIONS
from jupyter_featx.errors import SpecError
from jupyter_featx.options import SubmitOptions
from jupyter_featx.spec import JobSpec, SiteSpec
from jupyter_featx.template import extract

SITE = Config(
    scheduler="slurm",
    site=SiteSpec(modules=("gcc/13",), setup=("export A=1",)),
    defaults={"partition": "short", "cores": 4},
    profiles={"big": {"partition": "main", "cores": "4x16", "walltime": "1-00:00:00"}},
    limits={"main": PartitionLimits(max_cores=64), "local": PartitionLimits(max_cores=8)},
)


def record(given: Mapping[str, Any], config: Config = SITE) -> JobSpec:
    template = extract("import json\ndef _process_input(path):\n    return {'n': json.dumps(1)}\n")
    options = SubmitOptions.of({"container": "none", **given}, config)
    return options.spec(template, Source(Path("/home/kim"), "iris"), config)


def test_every_option_of_the_command_is_a_field_and_a_site_can_preset_what_is_not_of_one_job():
    names = {field.name for field in fields(SubmitOptions)}
    assert {option.name for option in submit_options()} == names
    assert names - set(OPTIONS) == {"name", "profile", "limit", "dry_run"}


def test_what_is_given_comes_before_the_profile_and_that_before_the_defaults():
    assert (record({}).allocation.partition, record({}).resources.cores) == ("short", 4)
    big = record({"profile": "big"})
    assert (big.allocation.partition, big.resources.cores, big.resources.ranks) == ("main", 64, 4)
    assert big.resources.walltime_seconds == 86400
    assert record({"profile": "big", "cores": 3}).resources.cores == 3
    assert record({"profile": "big", "partition": None}).allocation.partition == "main"


def test_the_site_decides_where_a_job_runs_unless_it_is_said():
    assert record({}).scheduler == "slurm"
    assert record({"scheduler": "local"}).scheduler == "local"
    assert record({}, Config()).scheduler == "local"


def test_what_the_site_adds_to_the_script_is_kept_with_the_job():
    assert record({}).site == SITE.site


def test_the_allocation_is_recorded_as_it_was_asked_for():
    asked = record(
        {
            "account": "chem",
            "qos": "high",
            "constraint": "avx512",
            "reservation": "r1",
            "gres": "gpu:1",
            "mail": "kim@example.org",
            "nice": "100",
            "exclusive": "yes",
            "directives": ["comment=pilot", "--licenses=x"],
            "memory_per_core": "2G",
            "jobs": "3",
            "max_attempts": 5,
        }
    )
    assert asked.allocation.directives == ("--comment=pilot", "--licenses=x")
    assert (asked.allocation.nice, asked.allocation.exclusive, asked.allocation.account) == (100, True, "chem")
    assert (asked.resources.jobs, asked.resources.max_attempts, asked.resources.memory_per_core_mb) == (3, 5, 2048)
    assert JobSpec.from_json(asked.to_json()) == asked


def test_the_packages_that_the_functions_import_are_recorded_unless_nobody_looks():
    assert record({}).environment
    assert record({"environment": "off"}).environment == {}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"core": 3}, "core= is no option of submit. Did you mean cores=?"),
        ({"profile": "bug"}, "'big'"),
        ({"partition": "main", "cores": 65}, "at most 64"),
        ({"scheduler": "local", "cores": 9}, "at most 8"),
        ({"scheduler": "local", "jobs": 2, "cores": 2}, "Slurm"),
        ({"jobs": 0}, "jobs"),
        ({"threads": 0}, "threads"),
        ({"nice": "very"}, "nice"),
        ({"exclusive": "maybe"}, "exclusive"),
        ({"recursive": "maybe"}, "recursive"),
        ({"environment": "lax"}, "strict, warn, off"),
        ({"limit": 0}, "limit"),
        ({"name": "two\nlines"}, "one line"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_one_line(given: dict[str, Any], said: str):
    def ask() -> None:
        record(given)
        SubmitOptions.of(given, SITE).dataset()

    with pytest.raises(SpecError, match=said) as refused:
        ask()
    assert "\n" not in str(refused.value)


def test_limits_of_another_partition_do_not_count():
    assert record({"partition": "short", "cores": 500}).resources.cores == 500
    assert record({"cores": 500}, replace(SITE, limits={})).resources.cores == 500
