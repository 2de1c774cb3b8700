"""Jobs of an ordinary user in an image of real Apptainer, over the nodes of the real cluster by srun and PMIx."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from container import image as images
from countedjob import CountedJob, square
from realjobs import counting
from scientist import Scientist

pytestmark = pytest.mark.slow

BODY = """
assert os.environ["APPTAINER_NAME"]
assert not os.path.exists("/usr/share/doc")  # the image has none, the machine does
"""


@pytest.fixture
def path() -> str:
    """A PATH with apptainer on it, as a module of the site's sets it."""
    images.open_fuse()
    return f"{images.get_apptainer().parent}:/usr/local/bin:/usr/bin:/bin"


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that is neither home nor /tmp, as a cluster's file system is."""
    images.CACHE.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=images.CACHE))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def submit(scientist: Scientist, path: str, image: Path, data: Path, *options: str) -> CountedJob:
    side = scientist.folder / "side.txt"
    environment = {"PATH": f"{scientist.testbed.place.venv}/bin:{path}"}
    words = ("--cores", "4x2", "--container", str(image), *options)
    job = scientist.submit(counting(side, BODY, 0.05), data, *words, env=environment)
    return CountedJob(job, side, len(os.listdir(data)))


@pytest.mark.parametrize("kind", ["sif", "sandbox"])
def test_a_job_in_the_image_runs_over_four_nodes(scientist: Scientist, path: str, shared: Path, kind: str):
    image = images.make_image() if kind == "sif" else images.make_sandbox()
    for number in range(1, 81):
        (shared / f"n{number}.txt").write_text(str(number))
    counted = submit(scientist, path, image, shared)
    counted.job.until_merged()
    counted.job.check_table(square)
    counted.check()
    (started,) = counted.job.attempts()
    assert (started.ranks, started.workers) == (4, 8)
    assert f" {image}" in (counted.job.path / "submit.sh").read_text()


def test_ranks_of_the_wrong_launcher_are_refused_with_the_mend(scientist: Scientist, path: str):
    scientist.write("config.toml", '[site]\nlauncher = "pmi2"\n')
    counted = submit(scientist, path, images.make_sandbox(), scientist.numbers(20))
    status = counted.job.until_state("failed")
    assert "the launcher and the MPI library do not fit" in status["reason"]
    assert "launcher = 'pmix'" in status["reason"]
    assert counted.job.rows() == []
