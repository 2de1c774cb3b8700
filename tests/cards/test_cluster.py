"""The overview of the cluster, as text and as a card."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import outline
import pytest

from jupyter_featx.cards.cluster import cluster_html, cluster_text


@dataclass(frozen=True)
class Machine:
    host: str = "login01"
    cores: int = 8
    memory_mb: float = 16384
    free_memory_mb: float = 8192


@dataclass(frozen=True)
class Partition:
    name: str = "main"
    default: bool = False
    up: bool = True
    nodes: int = 40
    max_nodes: int | None = None
    cores: int = 2560
    cores_free: int | None = 640
    cores_per_node: int = 64
    memory_per_node_mb: float = 262144
    max_minutes: float | None = 2880
    default_minutes: float | None = None


@dataclass(frozen=True)
class Overview:
    machine: Machine = Machine()
    default: str = "slurm"
    message: str = ""
    partitions: tuple[Partition, ...] = ()
    accounts: tuple[str, ...] = ()
    allowed: dict[str, str] = field(default_factory=dict)


FULL = Overview(
    partitions=(
        Partition(default=True, default_minutes=60),
        Partition("debug", nodes=2, cores=128, cores_free=None, max_nodes=1, max_minutes=30),
        Partition("gpu", up=False, max_minutes=None, memory_per_node_mb=0),
    ),
    accounts=("mof", "zeolites"),
    allowed={"main": "at most 1,024 cores", "local": "at most 4 cores"},
)


def test_a_terminal_shows_a_table_that_can_be_typed_from():
    assert cluster_text(FULL, "featx").splitlines() == [
        "this machine (--scheduler local): 8 cores, 8 GB of 16 GB memory free, on login01",
        "",
        "Slurm (--scheduler slurm, the default):",
        "  partition    free cores         nodes  cores a node  memory a node  longest walltime",
        "  main *     640 of 2,560            40            64         256 GB        2-00:00:00",
        "  debug          ? of 128  2 (a job: 1)            64         256 GB          00:30:00",
        "  gpu              closed            40            64              ?               any",
        "  * is taken without --partition, and the walltime 01:00:00.",
        "  main: the configuration allows one run at most 1,024 cores.",
        "  this machine: the configuration allows one run at most 4 cores.",
        "  Your accounts: mof, zeolites.",
    ]


def test_without_slurm_the_machine_stands_alone():
    text = cluster_text(Overview(default="local", message="Slurm is not configured here."))
    assert text.splitlines() == [
        "this machine (--scheduler local, the default): 8 cores, 8 GB of 16 GB memory free, on login01",
        "  Slurm is not configured here.",
    ]


def test_a_slurm_that_should_answer_and_does_not_sends_to_the_doctor():
    text = cluster_text(Overview(message="Slurm does not answer: sinfo timed out."))
    assert "Slurm does not answer" in text
    assert text.endswith("next: %featx doctor")
    assert "%featx doctor" in cluster_html(Overview(message="Slurm does not answer."))


def test_the_card_says_the_same():
    html = cluster_html(FULL)
    outline.Outline(html)
    for words in ("640 of 2,560", "2-00:00:00", "closed", "Your accounts: mof, zeolites.", "at most 1,024 cores"):
        assert words in html


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\x1b[31m\nb", "\u202eevil"])
def test_a_name_cannot_break_out(name: str):
    hostile = replace(
        FULL, partitions=(Partition(name, default=True),), accounts=(name,), message=name, allowed={name: "x"}
    )
    html, text = cluster_html(hostile), cluster_text(hostile)
    assert "<script" not in html
    for bad in ("\x1b", "\u202e"):
        assert bad not in html + text
