"""The lines for Slurm: what the record asks for, and nothing else whatever its words are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from realjobs import make_spec
from sbatchlines import options_of

from jupyter_featx.directives import ALLOWED, directive, directives, extra, memory_per_cpu, warning_seconds
from jupyter_featx.errors import SpecError
from jupyter_featx.jobdir import JobDir
from jupyter_featx.script import RunOptions, render
from jupyter_featx.spec import AllocationSpec, JobSpec, LimitSpec, ResourceSpec

LOGS = Path("/featx/jobs/iris-1/logs")


def slurm_spec(**changes: object) -> JobSpec:
    return make_spec(**({"scheduler": "slurm", "resources": ResourceSpec(cores=8), "limits": LimitSpec()} | changes))


def asked(*, walltime: float | None = None, item_memory: float | None = None, **changes: object) -> dict[str, str]:
    lines = directives(slurm_spec(**changes), LOGS, walltime, item_memory)
    return dict(line.removeprefix("--").partition("=")[::2] for line in lines)


def placed(**fields: object) -> dict[str, str]:
    return asked(allocation=AllocationSpec(**fields))  # type: ignore[arg-type]  # as a test gives them


def test_a_plain_job_asks_for_its_cores_and_is_named_as_it_is_known() -> None:
    assert asked() == {
        "job-name": "iris-3f9a",
        "output": "/featx/jobs/iris-1/logs/job-%j.log",
        "open-mode": "append",
        "requeue": "",
        "ntasks": "8",
        "cpus-per-task": "1",
    }


def test_nodes_times_cores_is_asked_for_as_such() -> None:
    found = asked(resources=ResourceSpec(cores=64, ranks=4, threads=2))
    assert {name: found[name] for name in ("nodes", "ntasks-per-node", "cpus-per-task")} == {
        "nodes": "4",
        "ntasks-per-node": "16",
        "cpus-per-task": "2",
    }
    assert "ntasks" not in found


@pytest.mark.parametrize(
    ("seconds", "text"), [(1, "00:01:00"), (60.5, "00:02:00"), (5400, "01:30:00"), (90000, "1-01:00:00")]
)
def test_the_walltime_is_whole_minutes_and_slurm_warns_before_it_ends(seconds: float, text: str) -> None:
    found = asked(walltime=seconds)
    assert found["time"] == text
    assert found["signal"] == f"B:USR1@{warning_seconds(seconds)}"


@pytest.mark.parametrize(("walltime", "warning"), [(60, 10), (1200, 60), (86400, 120)])
def test_the_warning_comes_early_enough_but_not_too_early(walltime: float, warning: int) -> None:
    assert warning_seconds(walltime) == warning


def test_memory_is_of_a_core_and_enough_for_one_item() -> None:
    resources = ResourceSpec(cores=8, threads=4, memory_per_core_mb=2000.0)
    assert memory_per_cpu(slurm_spec()) is None
    assert memory_per_cpu(slurm_spec(resources=resources)) == 500
    assert memory_per_cpu(slurm_spec(resources=resources, limits=LimitSpec(item_memory_mb=1000.0))) == 500
    raised = memory_per_cpu(slurm_spec(resources=resources, limits=LimitSpec(item_memory_mb=1000.0)), 8192.0)
    assert raised is not None
    assert raised * 4 > 8192
    assert asked(limits=LimitSpec(item_memory_mb=512.0))["mem-per-cpu"] == "640M"


def test_everything_that_can_be_asked_for_is_asked_for() -> None:
    found = placed(
        partition="long,short",
        account="chem:kim",
        qos="normal",
        constraint="[rack1|rack2]&avx512*2",
        reservation="friday",
        gres="gpu:a100:2,shard:1",
        mail="kim@example.org",
        nice=-5,
        exclusive=True,
        directives=("--comment=pilot", "licenses=matlab:2", "contiguous", "switches 1@00:10:00", "exclude=n[1-3,7]"),
    )
    assert (
        found
        | {
            "partition": "long,short",
            "account": "chem:kim",
            "qos": "normal",
            "constraint": "[rack1|rack2]&avx512*2",
            "reservation": "friday",
            "gres": "gpu:a100:2,shard:1",
            "exclusive": "",
            "nice": "-5",
            "mail-user": "kim@example.org",
            "mail-type": "END,FAIL",
            "comment": "pilot",
            "licenses": "matlab:2",
            "contiguous": "",
            "switches": "1@00:10:00",
            "exclude": "n[1-3,7]",
        }
        == found
    )


HOSTILE = [
    "a\n#SBATCH --uid=root",
    "a\r#SBATCH --uid=0",
    "a #SBATCH",
    "$(touch x)",
    "`touch x`",
    "a;b",
    'a"b',
    "a'b",
    "a\\b",
    "--uid=0",
    "-x",
    "a b",
    "a\u202eb",
    "a\u200bb",
    "제올라이트",
    "a#b",
    "a>b",
    "a\0b",
    "a\n",
]


@pytest.mark.parametrize("name", ["partition", "account", "qos", "constraint", "reservation", "gres", "mail"])
@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_that_is_no_name_is_refused_with_its_option(name: str, value: str) -> None:
    with pytest.raises(SpecError, match=f"^{name}="):
        placed(**{name: value})


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_an_extra_directive_cannot_smuggle(name: str) -> None:
    for value in HOSTILE:
        with pytest.raises(SpecError):
            extra(f"--{name}={value}")


@pytest.mark.parametrize(
    "text",
    ["uid=0", "wrap=rm", "export=NONE", "output=/etc/passwd", "array=1-9", "hold", "chdir=/", "get-user-env", "bogus"],
)
def test_an_option_that_would_change_what_runs_is_not_allowed(text: str) -> None:
    with pytest.raises(SpecError, match="not allowed. Allowed are: .*comment"):
        extra(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("--partition=x", "use the option partition"),
        ("time=5", "use the option walltime"),
        ("ntasks=4", "use the option cores"),
        ("contiguous=yes", "takes no value"),
        ("comment", "comment=''"),
        ("-p long", "no option of sbatch"),
        ("", "no option of sbatch"),
    ],
)
def test_a_directive_that_cannot_be_says_what_to_type(text: str, hint: str) -> None:
    with pytest.raises(SpecError, match=hint):
        extra(text)


@pytest.mark.parametrize("value", HOSTILE)
def test_the_filter_for_templates_refuses_what_is_not_one_plain_word(value: str) -> None:
    with pytest.raises(SpecError):
        directive(value)


@pytest.mark.parametrize(
    "folder", ["a b", "100%", "%j", "제올라이트", "a#b", "$(touch x)", "a;b&c", "[x]*", "Hetjob-packjob"]
)
def test_slurm_finds_the_log_whatever_the_folder_is_called(folder: str) -> None:
    job = JobDir(Path("/featx") / folder / "jobs" / "iris-1")
    text = render(job, slurm_spec(), RunOptions())
    pattern = options_of(text)["output"]
    assert pattern.replace("%%", "\0").replace("%j", "7").replace("\0", "%") == str(job.logs / "job-7.log")


@pytest.mark.parametrize("folder", ['a"b', "a'b", "a\\b", "a\nb", "a\u202eb", "a\x1bb", "a\udcffb"])
def test_a_folder_that_slurm_could_misread_is_refused(folder: str) -> None:
    with pytest.raises(SpecError, match="FEATX_HOME"):
        directives(slurm_spec(), Path("/featx") / folder / "logs")


def test_a_job_that_is_called_as_old_slurms_call_a_kind_of_job_keeps_its_name() -> None:
    spec = replace(slurm_spec(), job_id="hetjob-packjob-1")
    assert options_of(render(JobDir(LOGS.parent), spec, RunOptions()))["job-name"] == "hetjob-packjob-1"
