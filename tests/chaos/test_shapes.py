"""The jobs of a run: many shapes, each small."""

from __future__ import annotations

from itertools import islice

from chaos import work_template
from chaos.oracle import COLUMNS, GUILTY, ODD, act_of, item_name, row_of
from chaos.shapes import CORE_SECONDS, LARGE, Shape, shapes

from jupyter_featx.client import SubmitOptions


def some(slurm: bool = True) -> list[Shape]:
    return list(islice(shapes(1, slurm=slurm), 150))


def test_a_seed_means_the_same_jobs_again():
    assert some() == some()
    assert some() != list(islice(shapes(2, slurm=True), 150))


def test_the_jobs_differ_in_size_work_ranks_parts_and_place():
    jobs = some()
    assert {len(job.items) for job in jobs} >= {1, 2, 7, LARGE}
    assert {job.work for job in jobs} == {"noop", "sleep", "tail", "poison", "walltime", "wide"}
    assert {job.scheduler for job in jobs} == {"slurm", "local"}
    assert {job.options["cores"] for job in jobs} >= {1, 4, "2x2", "4x1"}
    assert {job.options.get("jobs") for job in jobs} >= {None, 2, 3}
    assert any(job.small_disk for job in jobs)
    assert any(job.moved_clock for job in jobs)
    assert {act_of(item) for job in jobs for item in job.items} == {"ok", "wide", *GUILTY, *ODD}


def test_no_item_is_there_twice_and_no_job_is_long():
    for job in some():
        assert len(set(job.items)) == len(job.items)
        assert sum(int(item.split(".")[2]) for item in job.items) <= 3 * 1000 * CORE_SECONDS


def test_submit_knows_every_option():
    assert {name for job in some() for name in job.options} <= set(SubmitOptions.__dataclass_fields__)


def test_without_a_cluster_every_job_is_local_and_has_one_part():
    jobs = some(slurm=False)
    assert {job.scheduler for job in jobs} == {"local"}
    assert not [job for job in jobs if "jobs" in job.options]


def test_the_oracle_is_what_the_template_gives():
    for act in ("ok", "wide", "nan"):
        name = item_name(12, act)
        made = {**work_template._process_input(f"/data/{name}"), **work_template._process_output(f"/data/{name}")}
        assert tuple(made) == COLUMNS
        assert repr(made) == repr(row_of(name))
