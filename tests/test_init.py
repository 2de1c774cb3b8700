"""The front door: what it exports, and how little it loads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import jupyter_featx

ROOT = Path(__file__).parent.parent
HEAVY = {
    "pandas",
    "numpy",
    "polars",
    "duckdb",
    "pyarrow",
    "jinja2",
    "IPython",
    "nbformat",
    "traitlets",
    "tornado",
    "mpi4py",
}


def loaded_by(code: str) -> set[str]:
    """Return the modules that a fresh Python has more after the code, without those of site packages' .pth files."""
    program = f"import sys; before = set(sys.modules); {code}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


def test_the_exports_are_the_promised_ones() -> None:
    assert sorted(jupyter_featx.__all__) == [
        "__version__",
        "job",
        "jobs",
        "load_ipython_extension",
        "submit",
        "test",
    ]
    assert all(hasattr(jupyter_featx, name) for name in jupyter_featx.__all__)


def test_the_version_is_that_of_package_json() -> None:
    assert jupyter_featx.__version__ == json.loads((ROOT / "package.json").read_text())["version"]


def test_importing_the_package_loads_nothing_else() -> None:
    assert loaded_by("import jupyter_featx") <= {"jupyter_featx", "__future__"}


@pytest.mark.parametrize(
    "module", ["jupyter_featx.worker.__main__", "jupyter_featx.worker.nursery", "jupyter_featx.worker.leader"]
)
def test_a_rank_loads_no_front_end_and_no_table_engine(module: str) -> None:
    roots = {name.partition(".")[0] for name in loaded_by(f"import {module}")}
    assert roots & HEAVY == set()


def test_every_worker_module_is_as_light() -> None:
    names = [p.stem for p in (ROOT / "jupyter_featx" / "worker").glob("*.py") if p.stem != "__init__"]
    code = "; ".join(f"import jupyter_featx.worker.{name}" for name in names)
    assert {name.partition(".")[0] for name in loaded_by(code)} & HEAVY == set()


def test_the_client_loads_pandas_only_for_a_table() -> None:
    roots = {name.partition(".")[0] for name in loaded_by("import jupyter_featx.client")}
    assert roots & {"pandas", "numpy", "polars", "duckdb", "pyarrow", "IPython"} == set()
