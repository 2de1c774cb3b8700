"""The documentation has every option, method, event and file; its links lead somewhere; what it shows is true."""

from __future__ import annotations

import ast
import inspect
import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path

import pandas
import pytest
from conftest import kill_jobs_of
from IPython.core.interactiveshell import InteractiveShell

import jupyter_featx
from jupyter_featx import arguments, client, errors, inherited
from jupyter_featx.config import Config
from jupyter_featx.config.parsing import parse
from jupyter_featx.config.schema import SCHEMA, Table
from jupyter_featx.config.toml import parse_toml
from jupyter_featx.events import Event, EventLog
from jupyter_featx.jobdir import JobDir
from jupyter_featx.options import SubmitOptions
from jupyter_featx.preflight import Preflight
from jupyter_featx.spec import AllocationSpec, ContainerSpec, JobSpec, LimitSpec, ResourceSpec, SiteSpec
from jupyter_featx.state import Attempt, JobStatus, State
from jupyter_featx.table.errortable import COLUMNS
from jupyter_featx.worker import setup

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.glob("*.md")), *sorted(ROOT.glob("*.md")), ROOT / "slurm_templates" / "README.md"]
USER_PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
RUN = [ROOT / "README.md", DOCS / "first-steps.md", DOCS / "python-api.md"]
KINDS = ("exception", "bad-value", "timeout", "memory", "crash")
SITE_OPTIONS = {"--help", "--version"}
FOREIGN_OPTIONS = {  # of srun, sbatch and mpirun; of what runs containers
    *("--mpi", "--signal", "--test-only", "--map-by", "--ntasks", "--time", "--me"),
    *("--sharens", "--bind", "--set-env", "--rm", "--userns", "--network", "--ipc", "--env-host"),
}


def text(page: str) -> str:
    return (DOCS / page).read_text()


def section(page: str, title: str) -> str:
    """Return what stands between this heading and the next of its level."""
    match = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^\1 |\Z)", text(page), re.MULTILINE | re.DOTALL)
    assert match, f"docs/{page} has no section '{title}'"
    return match[2]


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


# -- what there is stands in the documentation ------------------------------------------------------------------------


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


def test_each_environment_variable_is_documented():
    source = "".join(path.read_text() for path in (ROOT / "jupyter_featx").rglob("*.py"))
    ours = set(re.findall(r"\bFEATX_[A-Z_]+\b", source))
    prefixes = {f"{prefix}…" for prefix in (*inherited.DROPPED_PREFIXES, *setup._MPI_VARIABLES)}
    for name in ours | set(inherited.DROPPED_VARIABLES) | set(setup._THREAD_VARIABLES) | prefixes:
        assert f"`{name}`" in text("configuration.md"), name


def keys_of(name: str) -> set[str]:
    """Return the keys of a table of the configuration, or of each of the tables in it."""
    table = SCHEMA.keys[name]
    if not isinstance(table, Table):
        return {name}
    return set(table.entry.keys if isinstance(table.entry, Table) else table.keys)


def settings(name: str) -> str:
    return section("configuration.md", name).partition("\n## ")[0]


@pytest.mark.parametrize("name", SCHEMA.keys)
def test_each_key_of_the_configuration_is_documented_and_no_other(name: str):
    shown = set(re.findall(r"^\| `(\w+)` \|", settings(name), re.MULTILINE))
    assert shown == (set() if name == "profiles" else keys_of(name))  # a profile has the keys of the defaults


def test_each_default_of_the_configuration_is_documented():
    config = Config()
    known = {"slurm": vars(config.slurm), "site": vars(config.site), "container": vars(config.container)}
    known |= {"scheduler": {"scheduler": config.scheduler}, "environment": {"policy": config.environment_policy}}
    for name, values in known.items():
        for key, value in values.items():
            row = re.search(rf"^\| `{key}` \| `(.*?)` \|", settings(name), re.MULTILINE)
            assert row, key
            shown = parse_toml(f"key = {row[1]}")["key"]
            assert (tuple(shown) if isinstance(shown, list) else shown) == value, key


@pytest.mark.parametrize("page", USER_PAGES, ids=ids)
def test_each_configuration_that_is_shown_can_be_read(page: Path):
    for block in re.findall(r"^ *```toml\n(.*?)^ *```", page.read_text(), re.MULTILINE | re.DOTALL):
        assert parse(textwrap.dedent(block).encode(), page)


def test_each_example_of_a_default_can_be_read():
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", settings("defaults"), re.MULTILINE)
    for key, examples in rows:
        for example in re.findall(r"`(.*?)`", examples):
            assert parse(f"[defaults]\n{key} = {example}\n".encode(), DOCS / "configuration.md")


# -- its links lead somewhere, and it stands by itself ----------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_each_link_and_picture_is_there(page: Path):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in _anchors(path), f"{page.name}: {target}"


def _anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of the headings."""
    titles = re.findall(r"^#+ (.*)$", _without_blocks(page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def _without_blocks(page: str) -> str:
    return re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", USER_PAGES, ids=ids)
def test_each_page_stands_by_itself(page: Path):
    for forbidden in (r"/work\b", r"/tmp\b", r"issue #?\d", r"\.\./shared", r"\bTODO\b"):
        assert not re.search(forbidden, page.read_text(), re.IGNORECASE), forbidden


@pytest.mark.parametrize("page", USER_PAGES, ids=ids)
def test_what_continues_a_list_item_is_indented_by_four_spaces(page: Path):
    """Git hosts take fewer for it, too; the site does not."""
    for line in re.findall(r"(?<=\n\n)( +\S.*)|^( +```.*)", _without_blocks(page.read_text()), re.MULTILINE):
        found = line[0] or line[1]
        assert (len(found) - len(found.lstrip())) % 4 == 0, found


def test_the_index_lists_each_page():
    for page in DOCS.glob("*.md"):
        assert page.name == "index.md" or f"({page.name})" in text("index.md")


# -- it runs ----------------------------------------------------------------------------------------------------------


@dataclass
class Block:
    """A fenced block: what is typed, and what the page says that it shows."""

    kind: str
    text: str
    shown: str = ""


def blocks(page: Path) -> list[Block]:
    """Return the blocks to run, each with the text block right after it (not with one marked `text sample`)."""
    found: list[Block] = []
    for kind, inside in re.findall(r"^```([^\n]*)\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
        if kind in ("python", "bash"):
            found.append(Block(kind, inside))
        elif kind == "text" and found and not found[-1].shown:
            found[-1].shown = inside
    return found


# What differs from run to run: ids, times, machines, and the card, which a terminal draws otherwise than a notebook.
VARYING = re.compile(r"-[0-9a-f]{4}\b|Preflight:|\d m?s on |\[[█▒░]+\]")


@pytest.fixture
def kim(home: Path, monkeypatch) -> Iterator[Path]:
    """A folder whose path is as long as /home/kim, so that tables are wrapped and cut as on the pages."""
    while True:
        folder = Path("/tmp", secrets.token_hex(2))
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            break
    items = ROOT / "examples" / "zeolites" / "items"
    shutil.copytree(items, folder / "zeolites")
    shutil.copytree(items, folder / "examples" / "zeolites" / "items")
    shutil.copy(ROOT / "examples" / "cif_fast.py", folder / "examples")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("COLUMNS", "80")
    yield folder
    kill_jobs_of(home)
    shutil.rmtree(folder)


@pytest.fixture
def reader(kim: Path, monkeypatch, capsys) -> Iterator[InteractiveShell]:
    """The notebook of somebody who reads."""
    monkeypatch.syspath_prepend(str(kim / "examples"))
    monkeypatch.setattr(InteractiveShell, "_instance", None)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    shell = InteractiveShell()
    shell.history_manager.enabled = False
    shell.reset()
    shell.run_cell("%colors nocolor")
    with pandas.option_context("display.max_columns", 20, "display.width", 80):  # as in a notebook
        yield shell
    shell.history_manager.end_session()
    sys.modules.pop("cif_fast", None)


@pytest.mark.parametrize(
    ("page", "folder"),
    [(RUN[0], "."), (RUN[1], "examples"), (RUN[2], ".")],
    ids=["README", "first-steps", "python-api"],
)
def test_what_is_typed_runs_and_shows_what_the_page_says(
    page: Path, folder: str, kim: Path, reader: InteractiveShell, capsys, monkeypatch
):
    monkeypatch.chdir(kim / folder)
    _write_features(page)
    for block in blocks(page):
        if block.kind != "python":
            continue
        capsys.readouterr()
        result = reader.run_cell(block.text, store_history=True)
        out, err = capsys.readouterr()
        assert result.success, f"{block.text}\n{out}\n{err}"
        shown = _lines(out.replace(str(kim), "/home/kim"))
        for line in _lines(block.shown):
            assert line in shown or VARYING.search(line), f"{block.text}\nshows no: {line}\nbut:\n{out}\n{err}"


def _write_features(page: Path) -> None:
    """Write features.py, which holds the functions of the page's first cell that has them."""
    cell = next((b.text for b in blocks(page) if b.text.startswith("%%featx")), "")
    Path("features.py").write_text(cell.partition("\n")[2])


def _lines(shown: str) -> list[str]:
    """Return the lines as they are compared: pandas ends a cut line with a backslash and spaces."""
    plain = re.sub(r"^Out\[\d+\]: ", "", shown, flags=re.MULTILINE)
    return [line.rstrip() for line in plain.splitlines() if line.strip()]


def _provide_featx(folder: Path, monkeypatch) -> None:
    """Put a `featx` into the folder and the folder on PATH, where this Python has the package and no command."""
    if not shutil.which("featx"):
        command = folder / "featx"
        command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m jupyter_featx "$@"\n')
        command.chmod(0o700)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}".rstrip(os.pathsep))


def test_the_commands_of_the_readme_run(kim: Path, tmp_path: Path, monkeypatch):
    _provide_featx(tmp_path, monkeypatch)
    monkeypatch.chdir(kim)
    _write_features(RUN[0])
    lines = [line for block in blocks(RUN[0]) if block.kind == "bash" for line in block.text.splitlines()]
    commands = [line for line in lines if line.startswith("featx ")]
    assert len(commands) > 2
    for command in commands:
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
    assert Path("table.csv").read_bytes().startswith(b"item,lines,numbers,median,kind\r\n")
