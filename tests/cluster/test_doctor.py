"""The doctor on the real cluster, as an ordinary user: it finds it in order, and finds what is spoilt."""

from __future__ import annotations

from container.image import get_apptainer, make_sandbox
from scientist import Scientist

SLURM = 'scheduler = "slurm"\n'


def test_a_cluster_in_order_is_found_in_order(scientist: Scientist):
    scientist.write("config.toml", SLURM)
    said = scientist.featx("doctor", check=False)
    assert "none failed" in said, said
    assert "see" in line(said, "shared home")
    assert "2 ranks on" in line(said, "MPI on the nodes")
    assert "Open MPI" in line(said, "MPI on the nodes")
    assert line(said, "accounting").startswith("✔")
    assert "sbatch --test-only" in said
    assert list(scientist.featx_home.glob(".doctor*")) == []


def test_a_launcher_that_does_not_fit_the_mpi_is_found(scientist: Scientist):
    scientist.write("config.toml", SLURM + '[site]\nlauncher = "pmi2"\n')
    said = scientist.featx("doctor", check=False)
    assert line(said, "srun and MPI").startswith("✖"), said
    assert line(said, "MPI on the nodes").startswith("✖"), said
    assert 'set [site] launcher = "pmix"' in said


def test_a_partition_that_is_not_there_is_found_before_anything_is_submitted(scientist: Scientist):
    scientist.write("config.toml", SLURM + '[defaults]\npartition = "mian"\n')
    said = scientist.featx("doctor", check=False)
    assert "[defaults] names the partition 'mian'" in said, said
    assert line(said, "sbatch --test-only").startswith("✖")
    assert line(said, "hello job").startswith("–")


def test_ranks_in_the_container_are_looked_at_too(scientist: Scientist):
    programs, image = get_apptainer().parent, make_sandbox()
    scientist.write(
        "config.toml",
        f'{SLURM}[site]\nsetup = ["export PATH={programs}:$PATH"]\n[container]\nimage = "{image}"\n',
    )
    said = scientist.featx("doctor", check=False)
    assert "none failed" in said, said
    assert "with --sharens" in line(said, "container runtime")
    assert "Open MPI" in line(said, "MPI in the container")


def test_the_cluster_is_shown_with_its_partitions(scientist: Scientist):
    scientist.write("config.toml", SLURM)
    said = scientist.featx("cluster")
    assert "main *" in said
    assert "of 16" in said
    assert "Your accounts: " in said


def line(said: str, name: str) -> str:
    """Return the line of one check."""
    found = [line for line in said.splitlines() if line[2:].startswith(f"{name}: ")]
    assert len(found) == 1, said
    return found[0]
