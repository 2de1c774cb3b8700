"""Whatever Slurm's commands print, it is read as far as it can be, and never stops anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bounded import bounded
from hypothesis import given
from hypothesis import strategies as st
from mutations import anything

from jupyter_featx import events
from jupyter_featx.schedulers import slurm_cluster, slurm_records, slurm_usage
from jupyter_featx.schedulers.slurm_commands import Commands, clean
from jupyter_featx.schedulers.slurm_options import SlurmOptions
from jupyter_featx.schedulers.slurm_refusals import submission_error
from jupyter_featx.schedulers.slurm_trial import try_script
from jupyter_featx.schedulers.slurm_words import event_of
from jupyter_featx.state import apply_to, fold

DATA = Path(__file__).parents[1] / "data" / "slurm"
SAMPLES = sorted(path for path in DATA.rglob("*.txt") if path.name != "reasons.txt")


def seeds(*names: str) -> list[bytes]:
    found = [path.read_bytes() for path in SAMPLES if path.name.startswith(names)]
    assert found
    return found


def events_of(records: Any) -> None:
    """Say what a record means, as the status of a job and in words."""
    for record in records:
        start = [events.Created(time=1, total=1), events.Submitted(time=2, native_id=record.native_id, cores=1)]
        status = apply_to(fold(start, now=3), event_of(record))
        assert str(status)
        assert status._repr_html_()


def queue(text: str) -> None:
    found = slurm_records.parse_queue(text)
    assert all(slurm_records.NATIVE_ID.fullmatch(name) for name in found)
    events_of(found.values())


def accounting(text: str) -> None:
    found = slurm_records.parse_accounting(text)
    assert all(slurm_records.NATIVE_ID.fullmatch(name) for name in found)
    events_of(found.values())


def shown(text: str) -> None:
    record = slurm_records.parse_shown(text)
    events_of([record] if record else [])


def partitions(text: str) -> None:
    half = len(text) // 2
    slurm_cluster.parse_partitions(text, slurm_cluster.parse_nodes(text[half:]))


def words(text: str) -> None:
    assert "\n" not in clean(text)
    for error in (submission_error(text), Commands(SlurmOptions()).error("squeue", 1, text)):
        assert len(str(error)) < 2000
        assert str(error).replace("\t", " ").isprintable()


class Said(Commands):
    """Commands that print this, whatever they are asked."""

    def __init__(self, text: str) -> None:
        super().__init__(SlurmOptions())
        self._text = text

    def call(self, *words: str, **options: Any) -> tuple[int, str, str]:
        return 0, "", self._text


def trial(text: str) -> None:
    assert try_script(Said(text), Path("submit.sh"), 1.0).startswith("Slurm ")


READERS: dict[str, tuple[Callable[[str], Any], tuple[str, ...]]] = {
    "squeue": (queue, ("squeue",)),
    "sacct": (accounting, ("sacct.", "no_accounting_sacct", "away_sacct")),
    "sacct_usage": (slurm_usage.parse_usage, ("sacct_usage",)),
    "scontrol_job": (shown, ("scontrol_job",)),
    "scontrol_partition": (partitions, ("scontrol_partition", "sinfo")),
    "sinfo": (slurm_cluster.parse_nodes, ("sinfo",)),
    "scontrol_config": (slurm_cluster.parse_config, ("scontrol_config",)),
    "sacctmgr_user": (slurm_cluster.parse_accounts, ("sacctmgr_user", "no_accounting_sacctmgr")),
    "sacctmgr_qos": (slurm_cluster.parse_qos, ("sacctmgr_qos",)),
    "sbatch": (slurm_records.parse_submitted, ("squeue",)),
    "errors": (words, ("away", "no_accounting", "test_only")),
    "test_only": (trial, ("test_only",)),
}


@pytest.mark.parametrize("command", READERS)
@bounded(40)
@given(data=st.data())
def test_any_output(command: str, data: st.DataObject) -> None:
    read, names = READERS[command]
    read(data.draw(anything(seeds(*names))).decode("utf-8", "replace"))
