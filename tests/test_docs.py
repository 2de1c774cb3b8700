"""The documentation has every verb, option, method, field, event and file of the code, and no others."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import fields
from pathlib import Path

import pytest
from docpages import ROOT, USER_PAGES, ids, section, text

import jupyter_featx
from jupyter_featx import arguments, client, errors
from jupyter_featx.events import Event, EventLog
from jupyter_featx.jobdir import JobDir
from jupyter_featx.options import SubmitOptions
from jupyter_featx.preflight import Preflight
from jupyter_featx.spec import AllocationSpec, ContainerSpec, JobSpec, LimitSpec, ResourceSpec, SiteSpec
from jupyter_featx.state import Attempt, JobStatus, State
from jupyter_featx.table.errortable import COLUMNS

KINDS = ("exception", "bad-value", "timeout", "memory", "crash")
SITE_OPTIONS = {"--help", "--version"}
FOREIGN_OPTIONS = {  # of srun, sbatch and mpirun; of what runs containers
    *("--mpi", "--signal", "--test-only", "--map-by", "--ntasks", "--time", "--me"),
    *("--sharens", "--bind", "--set-env", "--rm", "--userns", "--network", "--ipc", "--env-host"),
}


@pytest.mark.parametrize("verb", arguments.VERBS)
def test_each_verb_is_documented_with_its_options_and_no_others(verb: str):
    part = section("commands.md", verb)
    options = {option.flag for option in arguments.VERBS[verb][2]}
    assert set(re.findall(r"`(--[a-z-]+)", part)) - {"--data"} == options - {"--data"}
    assert "--data" in part or "--data" not in options
    for option in arguments.VERBS[verb][2]:
        shown = f"{option.flag} {option.metavar}".strip()
        assert f"`{shown}`" in part, f"{verb}: {shown} is not in its table"


@pytest.mark.parametrize("page", USER_PAGES, ids=ids)
def test_each_option_that_is_mentioned_exists(page: Path):
    known = {option.flag for _, _, options in arguments.VERBS.values() for option in options} | SITE_OPTIONS
    known |= FOREIGN_OPTIONS
    prose = re.sub(r"^.*(?:has no option|pip install|jupyter lab|DryRun).*$", "", page.read_text(), flags=re.MULTILINE)
    prose = re.sub(r"^image=.*$", "", prose, flags=re.MULTILINE)  # another runtime's own options
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", prose)) - {"--sharens"} <= known


def test_each_public_name_is_documented():
    for name in jupyter_featx.__all__:
        assert re.search(rf"\b{name}\b", text("python-api.md")), name


def test_each_method_of_a_job_is_documented_with_its_signature():
    names = [name for name in vars(client.Job) if not name.startswith("_")]
    for name in [*names, "lines"]:
        found = vars(client.Job).get(name)
        title = f"{name}({_parameters(found)})" if inspect.isfunction(found) else name
        assert f"\n### {title}\n" in section("python-api.md", "Job"), title


@pytest.mark.parametrize("name", ["submit", "test", "jobs", "job"])
def test_each_function_is_documented_with_its_signature(name: str):
    title = f"{name}({_parameters(getattr(jupyter_featx, name))})"
    assert f"\n### {title}\n" in section("python-api.md", "Functions")


def _parameters(function: object) -> str:
    found = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    plain = (
        f"**{p.name}" if p.kind is p.VAR_KEYWORD else p.name + ("" if p.default is p.empty else f"={p.default!r}")
        for p in found
        if p.name != "self"
    )
    return ", ".join(plain)


def test_each_option_of_submit_is_documented_with_its_default():
    part = section("python-api.md", "Functions")
    for option in fields(SubmitOptions):
        default = option.default if option.name not in ("name", "scheduler") else None
        row = re.search(rf"^\| `{option.name}` \| (.*?) \|", part, re.MULTILINE)
        assert row, option.name
        assert default is None or row[1] == str(default), option.name


PUBLIC = [*jupyter_featx.__all__, *(name for name in vars(client.Job) if not name.startswith("_")), "lines"]


@pytest.mark.parametrize("name", PUBLIC)
def test_each_public_name_has_a_docstring(name: str):
    found = getattr(jupyter_featx, name, None) or getattr(client.Job, name, None)
    assert name == "lines" or inspect.getdoc(found)


@pytest.mark.parametrize("name", PUBLIC)
def test_each_public_name_has_an_example_that_is_run(name: str):
    part = re.search(rf"^### `?{name}\b.*?(?=^##)", text("python-api.md"), re.MULTILINE | re.DOTALL)
    used = "%load_ext" if name == "load_ipython_extension" else f".{name}"
    assert part
    assert any(used in code for code in re.findall(r"^```python\n(.*?)^```", part[0], re.MULTILINE | re.DOTALL))


def test_each_option_of_submit_has_an_example_that_is_taken(home: Path, numbers: Path, tmp_path: Path, monkeypatch):
    configuration = tmp_path / "featx.toml"
    configuration.write_text("[profiles.big]\ncores = 500\n")
    monkeypatch.setenv("FEATX_CONFIG", str(configuration))
    monkeypatch.chdir(tmp_path)
    Path("science.sif").touch()
    Path("paths.csv").write_text("path,size\nnumbers/n1.txt,1\n")
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| `\1=(.*)` \|$", section("python-api.md", "Functions"), re.MULTILINE))
    assert rows.keys() == {option.name for option in fields(SubmitOptions)}
    for name, value in rows.items():
        options = {"scheduler": "slurm", "dry_run": True, name: ast.literal_eval(value)}
        data = "paths.csv" if name == "column" else numbers
        assert jupyter_featx.submit("def _process_input(path):\n    return {}", data, **options).script, name


@pytest.mark.parametrize(
    ("kind", "title"), [(JobStatus, "JobStatus"), (Attempt, "JobStatus"), (Preflight, "Preflight")]
)
def test_each_field_of_what_is_returned_is_documented(kind: type, title: str):
    part = section("python-api.md", title)
    computed = [name for name, value in vars(kind).items() if isinstance(value, property)]
    for name in [field.name for field in fields(kind)] + computed:
        assert f"`{name}`" in part, name


def test_each_error_is_documented():
    known = [name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)]
    for name in known:
        assert f"`{name}`" in text("python-api.md") or name == "FeatxError", name


def messages_of(error: type) -> list[str]:
    """Return the longest constant piece of each text that this error is made with in the code."""
    found = []
    for path in (ROOT / "jupyter_featx").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == error.__name__:
                parts = [part for argument in node.args[:1] for part in ast.walk(argument)]
                pieces = [str(part.value).strip() for part in parts if isinstance(part, ast.Constant)]
                found.append(max(pieces, key=len, default=""))
    if error is errors.ConfigError:  # its text is put together from file, line and what is wrong
        found.append("must be a table. Write [")
    return [message for message in found if len(message) > 12]


SHOWN = [kind for kind in errors.FeatxError.__subclasses__() if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("error", SHOWN, ids=lambda error: error.__name__)
def test_each_error_is_among_the_symptoms_as_a_user_sees_it(error: type):
    row = re.search(
        rf"^\| `{error.__name__}: (.+?)` \| (.+?) \| (.+?) \|$", section("troubleshooting.md", "Errors in Python"), re.M
    )
    assert row, error.__name__
    assert any(message in row[1] for message in messages_of(error)), row[1]


@pytest.mark.parametrize("kind", EventLog.KINDS)
def test_each_event_is_documented_with_its_fields(kind: str):
    row = re.search(rf"^\| `{kind}` \| (.*?) \|", section("job-folder.md", "events"), re.MULTILINE)
    assert row, kind
    own = [field.name for field in fields(EventLog.KINDS[kind]) if field not in fields(Event)]
    assert re.findall(r"`(\w+)`", row[1]) == own


def test_each_file_of_a_job_is_documented():
    job = JobDir(Path("/jobs/iris-3f9a"))
    found = [getattr(job, name) for name, value in vars(JobDir).items() if isinstance(value, property)]
    names = [str(path.relative_to(job.path)) for path in found if isinstance(path, Path) and path != job.path]
    names += [path.name for path in (job.shard(1, 0), job.shard_meta(1, 0), job.output_log(1, 0))]
    for name in [*names, "table.parquet", "table.csv", "errors.csv", "attempt-0001.jsonl"]:
        assert f"{name}" in text("job-folder.md"), name


@pytest.mark.parametrize("record", [JobSpec, ResourceSpec, LimitSpec, AllocationSpec, SiteSpec, ContainerSpec])
def test_each_field_of_the_spec_is_documented(record: type):
    for field in fields(record):
        assert f"`{field.name}`" in section("job-folder.md", "spec.json"), field.name


def test_each_kind_of_error_and_column_of_the_errors_is_documented():
    engine = "".join(path.read_text() for path in (ROOT / "jupyter_featx" / "worker").glob("*.py"))
    for kind in KINDS:
        assert f'"{kind}"' in engine
        assert f"`{kind}`" in section("jobs.md", "Isolation and limits")
        assert f"`{kind}`" in section("results.md", "Failed items")
    for column in COLUMNS:
        assert f"`{column}`" in section("results.md", "Failed items"), column


def test_each_state_is_documented():
    for state in State:
        assert f"| `{state}` |" in section("jobs.md", "States")


def test_the_layers_of_the_design_are_those_that_are_enforced():
    design = (ROOT / "DESIGN.md").read_text()
    shown = re.search(r"^Imports point one way.*?\(.*?\): (.*?)\.\n\n", design, re.MULTILINE | re.DOTALL)
    assert shown
    enforced = re.search(r"^layers = \[.*?\n(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.MULTILINE | re.DOTALL)
    assert enforced
    assert re.findall(r"`(.*?)`", shown[1]) == re.findall(r'"(.*?)"', enforced[1])


def test_the_design_names_each_module_of_the_root_and_of_the_worker():
    design = re.search(r"^## Files\n(.*?)^Imports", (ROOT / "DESIGN.md").read_text(), re.MULTILINE | re.DOTALL)
    assert design
    words = set(re.findall(r"\w+", design[1]))
    package = ROOT / "jupyter_featx"
    names = [path.stem for folder in (package, package / "worker") for path in folder.glob("*.py")]
    names += [path.parent.name for path in package.glob("*/__init__.py")]
    assert {name for name in names if not name.startswith("_")} <= words
