"""What a real Slurm printed is read right, and whatever else it may print is no traceback."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_featx.schedulers.slurm_cluster import (
    parse_accounts,
    parse_config,
    parse_megabytes,
    parse_nodes,
    parse_partitions,
    parse_qos,
)
from jupyter_featx.schedulers.slurm_commands import clean
from jupyter_featx.schedulers.slurm_reasons import reason_words
from jupyter_featx.schedulers.slurm_records import (
    NATIVE_ID,
    JobRecord,
    parse_accounting,
    parse_exit,
    parse_minutes,
    parse_queue,
    parse_shown,
    parse_submitted,
    parse_time,
    parse_whole,
)
from jupyter_featx.schedulers.slurm_usage import parse_bytes, parse_cpu_time, parse_usage
from jupyter_featx.schedulers.slurm_words import event_of

REAL = Path(__file__).parent / "data" / "slurm" / "22.05.8"


def real(name: str) -> str:
    return (REAL / f"{name}.txt").read_text()


def test_a_real_queue() -> None:
    found = parse_queue(real("squeue"))
    assert len(found) == 33
    assert found["36"] == JobRecord("36", "PENDING", "Resources", parse_time("2026-11-28T10:05:32+0000"), 4, 2)
    assert found["30"].runs
    assert found["30"].node_list == "n1"
    assert found["29"].ended
    assert found["38"].waits  # 38_[1-3%1]
    assert found["38_0"].runs
    assert found["39"].reason == "DependencyNeverSatisfied"


def test_a_real_accounting() -> None:
    found = parse_accounting(real("sacct"))
    assert found["29"] == JobRecord("29", "FAILED", exit_code=3, exit_signal=0, elapsed_seconds=0, node_list="n1")
    assert (found["30"].state, found["30"].elapsed_seconds) == ("TIMEOUT", 89)
    assert (found["37"].state, found["37"].cancelled_by) == ("CANCELLED", 1001)
    assert found["31"].node_list == ""
    assert not found["31"].ended


def test_a_real_job_as_the_controller_shows_it() -> None:
    shown = {record.native_id: record for line in real("scontrol_job").splitlines() if (record := parse_shown(line))}
    assert (shown["29"].state, shown["29"].exit_code, shown["29"].reason) == ("FAILED", 3, "NonZeroExitCode")
    assert (shown["30"].state, shown["30"].reason, shown["30"].node_list) == ("RUNNING", "", "n1")
    assert shown["31"].expected_start == parse_time("2026-11-28T10:05:31+0000")
    assert shown["31"].cores == 16


def test_a_real_cluster() -> None:
    partitions = {p.name: p for p in parse_partitions(real("scontrol_partition"), parse_nodes(real("sinfo")))}
    assert list(partitions) == ["main", "short", "low", "high", "closed"]
    main = partitions["main"]
    assert (main.default, main.up, main.nodes, main.cores, main.cores_free) == (True, True, 4, 16, 8)
    assert (main.max_minutes, main.default_minutes, main.max_nodes) == (None, 60.0, None)
    assert (main.cores_per_node, main.memory_per_node_mb, main.max_memory_per_core_mb) == (4, 64000, None)
    assert (partitions["short"].max_minutes, partitions["short"].default_minutes) == (1.0, None)
    assert not partitions["closed"].up
    accounts = parse_accounts(real("sacctmgr_user"))
    assert [(a.name, a.default, a.qos) for a in accounts] == [
        ("physics", False, ("normal", "one")),
        ("chemistry", True, ("normal", "one")),
    ]
    assert [(qos.name, qos.max_minutes) for qos in parse_qos(real("sacctmgr_qos"))] == [("normal", None), ("one", 10.0)]
    config = parse_config(real("scontrol_config"))
    assert (config["ClusterName"], config["SLURM_VERSION"]) == ("featx", "22.05.8")
    assert config["AccountingStorageEnforce"] == "associations,limits,qos"


@pytest.mark.parametrize("version", ["24.11.5", "26.05.5"])
def test_later_versions_print_what_we_read(version: str) -> None:
    texts = {path.stem: path.read_text() for path in (REAL.parent / version).glob("*.txt")}
    queue = parse_queue(texts["squeue"])
    assert len(queue) == 11
    assert {record.native_id for record in queue.values() if record.waits} == {"3", "4", "5", "7", "8", "10", "11"}
    assert queue["2"].runs
    assert queue["6"].reason == "RaisedSignal:9(Killed)"
    assert queue["3"].expected_start == parse_time("2026-11-28T10:23:28+0000")
    shown = {record.native_id: record for line in texts["scontrol_job"].splitlines() if (record := parse_shown(line))}
    assert (shown["1"].state, shown["1"].exit_code, shown["1"].node_list) == ("FAILED", 3, "n1")
    assert shown["4"].reason == "JobHeldUser"
    partitions = parse_partitions(texts["scontrol_partition"], parse_nodes(texts["sinfo"]))
    assert [(p.name, p.default, p.state, p.max_minutes) for p in partitions] == [
        ("main", True, "UP", None),
        ("short", False, "UP", 1.0),
        ("closed", False, "DOWN", None),
    ]
    assert (partitions[0].cores, partitions[0].cores_free, partitions[0].cores_per_node) == (4, 3, 4)
    assert parse_config(texts["scontrol_config"])["SLURM_VERSION"] == version


def test_a_real_usage_merges_the_steps() -> None:
    found = {usage.native_id: usage for usage in parse_usage(real("sacct_usage"))}
    whole = found["34"]
    assert (whole.state, whole.cores, whole.nodes, whole.elapsed_seconds) == ("COMPLETED", 1, 1, 100.0)
    assert whole.core_hours == pytest.approx(100 / 3600)
    assert whole.peak_memory_mb == pytest.approx(3235840 / 2**20)
    assert whole.cpu_seconds == pytest.approx(0.008)
    assert whole.cpu_efficiency == pytest.approx(0.008 / 100)
    assert found["31"].cpu_efficiency is None
    assert "38_0" in found


def test_of_a_run_that_was_put_back_the_latest_usage_counts() -> None:
    text = (
        "5|NODE_FAIL|10|4|1|00:20.000|\n5.batch|CANCELLED|10|4|1|00:20.000|1024K\n"
        "5|COMPLETED|100|4|1|00:00|\n5.0|COMPLETED|99|4|1|1-00:00:00|2G\n5.1|COMPLETED|1|4|1|01:00:01.5|1G\n"
    )
    (usage,) = parse_usage(text)
    assert (usage.state, usage.elapsed_seconds, usage.peak_memory_mb) == ("COMPLETED", 100.0, 2048.0)
    assert usage.cpu_seconds == 20 + 86400 + 3601.5


def test_an_id_may_name_its_cluster_and_come_after_other_lines() -> None:
    assert parse_submitted("123\n") == "123"
    assert parse_submitted("123;featx\n") == "123"
    assert parse_submitted("Hello from the site's plugin 7\n123\n\n") == "123"
    assert parse_submitted("Submitted batch job 123") is None
    assert parse_submitted("") is None


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("00:01:00", 1), ("1-00:00:00", 1440), ("2-12", 3600), ("30", 30), ("1:30:00", 90), ("00:00:30", 0.5)],
)
def test_time_limits(text: str, minutes: float) -> None:
    assert parse_minutes(text) == minutes


def test_no_time_limit() -> None:
    assert [parse_minutes(text) for text in ("UNLIMITED", "infinite", "NONE", "n/a", "", "1-", "x")] == [None] * 7


def test_times_have_the_offset_of_the_cluster_or_are_our_own() -> None:
    assert parse_time("2026-11-28T10:05:32+0200") == 1795853132
    local = time.mktime(time.strptime("2026-11-28T10:05:32", "%Y-%m-%dT%H:%M:%S"))
    assert parse_time("2026-11-28T10:05:32") == local
    assert [parse_time(text) for text in ("N/A", "Unknown", "", "9999-99-99T00:00:00", "12:30")] == [None] * 5


def test_amounts() -> None:
    assert [parse_megabytes(text) for text in ("4000", "4G", "512M", "2Gc", "UNLIMITED", "")] == [
        4000, 4096, 512, 2048, None, None,
    ]  # fmt: skip
    assert [parse_bytes(text) for text in ("4800512", "4688K", "1.5G", "")] == [4800512, 4800512, 1.5 * 2**30, None]
    assert [parse_cpu_time(text) for text in ("00:00.068", "1-02:03:04", "05:06", "")] == [0.068, 93784, 306, None]
    assert [parse_whole(text) for text in ("16", "4+", "", "-1", "a")] == [16, 4, None, None, None]
    assert [parse_exit(text) for text in ("1:0", "0:9", "", "x:y")] == [(1, 0), (0, 9), (None, None), (None, None)]


def test_a_state_of_a_later_version_is_shown_as_it_is() -> None:
    record = parse_queue("7|BRAND_NEW|N/A|1|1|n{1}|None\n")["7"]
    assert [record.waits, record.runs, record.ended] == [False] * 3
    assert "BRAND_NEW" in event_of(record).words


def test_a_header_of_another_cluster_is_passed_over() -> None:
    assert list(parse_queue("CLUSTER: other\n8|RUNNING|N/A|1|1|n1|None\n9+0|RUNNING|N/A|1|1|n1|None\n9+1|x\n")) == [
        "8",
        "9",
    ]


# -- anything at all -------------------------------------------------------------------------------------------------

PIECES = [
    *real("squeue").splitlines()[:8],
    *real("sacct").splitlines()[:6],
    *real("scontrol_job").splitlines()[:2],
    *real("scontrol_partition").splitlines()[:1],
    *real("sinfo").splitlines()[:2],
    "|", "||||||||", "JobId=1 JobState=", "PartitionName=", "=", "1|", "1||||||", "１|RUNNING|||||", "\0", "\x1b[2J",
]  # fmt: skip
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=30)), max_size=12).flatmap(
    lambda pieces: st.sampled_from(["\n", "", "|", " "]).map(lambda joint: joint.join(pieces))
)


@given(TEXTS)
def test_no_output_of_the_queue_is_a_traceback(text: str) -> None:
    records = [*parse_queue(text).values(), *parse_accounting(text).values()]
    shown = parse_shown(text)
    for record in [*records, *([shown] if shown else [])]:
        assert NATIVE_ID.fullmatch(record.native_id)
        assert event_of(record).native_id == record.native_id
    found = parse_submitted(text)
    assert found is None or NATIVE_ID.fullmatch(found)


@given(TEXTS)
def test_no_output_about_the_cluster_is_a_traceback(text: str) -> None:
    parse_partitions(text, parse_nodes(text))
    parse_accounts(text)
    parse_qos(text)
    parse_config(text)
    assert all(NATIVE_ID.fullmatch(usage.native_id) for usage in parse_usage(text))


@given(st.text(max_size=40))
def test_no_field_is_a_traceback(text: str) -> None:
    for parse in (parse_time, parse_minutes, parse_whole, parse_exit, parse_bytes, parse_cpu_time, parse_megabytes):
        parse(text)
    assert reason_words(text, "5")
    assert "\n" not in clean(text)
    assert "\x1b" not in clean(text)
