"""A notebook over real crystal structures on four nodes, bare and in the container: a plain loop's table."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from container.image import get_apptainer, make_image, open_fuse
from people import PROJECT
from scientist import CONFIG, Scientist

pytestmark = pytest.mark.slow

DATA = PROJECT / "tests/data"
COPIES = 2  # of each structure
RUN = """
import json, sys
import nbformat
from nbclient import NotebookClient
cells = [nbformat.v4.new_code_cell(source) for source in json.load(open(sys.argv[1]))]
book = nbformat.v4.new_notebook(cells=cells)
try:
    NotebookClient(book, timeout=600, kernel_name="python3").execute()
finally:
    for cell in book.cells:
        for output in cell.outputs:
            print(output.get("text") or output.get("data", {}).get("text/plain") or output.get("traceback"))
"""
PLAIN = """
import pathlib
import jupyter_featx as featx

def plain_loop(items):
    rows, failed = {}, {}
    for item in items:
        try:
            rows[item] = {**{f"f.{k}": v for k, v in _process_input(item).items()},
                          **{f"l.{k}": v for k, v in _process_output(item).items()}}
        except Exception as exc:
            failed[item] = type(exc).__name__
    return rows, failed

def missing(value):
    return value is None or value != value or str(value) == "<NA>"

def differences(job, rows, failed):
    made, found = {}, []
    for side, frame in (("f", job.features()), ("l", job.labels())):
        assert list(frame.index) == list(rows), "the dataset's order"
        for item, row in frame.to_dict("index").items():
            made.setdefault(item, {}).update({f"{side}.{k}": v for k, v in row.items()})
    for item, row in rows.items():
        assert made[item].keys() == row.keys()
        found += [(item, k, v, made[item][k]) for k, v in row.items()
                  if not (made[item][k] == v or (missing(v) and missing(made[item][k])))]
    each = job.errors(grouped=False)
    assert dict(zip(each["item"], each["type"])) == failed
    return found

def facts(job):
    started = job.status().attempts[-1]
    return {"rows": len(rows), "failed": len(failed), "ranks": started.ranks, "workers": started.workers,
            "attempts": len(job.status().attempts), "state": str(job.status().state),
            "differences": differences(job, rows, failed)}
"""


@pytest.fixture
def apptainer() -> tuple[Path, Path]:
    """A real Apptainer, and an image of Debian with its Python and its Open MPI."""
    open_fuse()
    return get_apptainer(), make_image()


def test_a_notebook_turns_crystal_structures_into_a_plain_loops_table_on_four_nodes(scientist: Scientist):
    assert _run(scientist, "") == _FINE


def test_the_same_in_the_container(scientist: Scientist, apptainer: tuple[Path, Path]):
    program, image = apptainer
    scientist.path = f"{program.parent}:{scientist.path}"
    assert _run(scientist, f"--container {image}") == _FINE
    (job,) = scientist.jobs
    assert f" {image} " in (job.path / "submit.sh").read_text()


_FINE = {"ranks": 4, "workers": 8, "rows": 30, "failed": 0, "attempts": 1, "state": "completed", "differences": []}


def _run(scientist: Scientist, options: str) -> dict[str, Any]:
    """Run the notebook as the user does; return the facts of its job."""
    _give(scientist)
    # The site's partition gives two cores of each node: eight cores are four nodes.
    scientist.write("config.toml", f'{CONFIG}\n[defaults]\npartition = "wide"\n')
    functions = (DATA / "templates/template_cif.py").read_text()
    functions = functions.partition("\nif __name__")[0]  # a notebook is __main__
    cells = [
        "%load_ext jupyter_featx",
        f"%%featx submit --data items --cores 8 --scheduler slurm {options} --wait --out table\n{functions}",
        f"{PLAIN}\nrows, failed = plain_loop(sorted(map(str, pathlib.Path('items').absolute().glob('*.cif'))))",
        "import json\nassert len(table) == len(rows)\nprint('FACTS', json.dumps(facts(featx.job())))",
    ]
    listed = scientist.write("cells.json", json.dumps(cells))
    printed = scientist.run(scientist.python, scientist.write("run.py", RUN), listed)
    scientist.find_jobs()
    (line,) = [line for line in printed.splitlines() if line.startswith("FACTS ")]
    return json.loads(line.removeprefix("FACTS "))  # type: ignore[no-any-return] # what `facts` made


def _give(scientist: Scientist) -> None:
    """Give the user copies of the structures, and the reader beside the notebook."""
    scientist.write("cif_fast.py", (DATA / "templates/cif_fast.py").read_text())
    folder = scientist.folder / "items"
    scientist.run("mkdir", "--mode=777", folder)
    for source in sorted((*DATA.glob("mofs/items/*.cif"), *DATA.glob("cofs/items/*.cif"))):
        for copy in range(COPIES):
            shutil.copyfile(source, folder / f"{copy}-{source.name}")
    os.chmod(folder, 0o755)
