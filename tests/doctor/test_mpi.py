"""Which MPI speaks with which srun."""

from __future__ import annotations

import pytest

from jupyter_featx.doctor import mpi

DEBIAN = (
    "MPI plugin types are...\n\tpmix\n\tnone\n\tcray_shasta\n\tpmi2\nspecific pmix plugin versions available: pmix_v4\n"
)
OLD = "srun: MPI types are...\nsrun: none\nsrun: openmpi\nsrun: pmi2\n"


@pytest.mark.parametrize(
    ("said", "kinds"),
    [
        (DEBIAN, ["pmix", "none", "cray_shasta", "pmi2", "pmix_v4"]),
        (OLD, ["none", "openmpi", "pmi2"]),
        ("specific pmix plugin versions available: pmix_v3,pmix_v5\n", ["pmix_v3", "pmix_v5"]),
        ("", []),
    ],
)
def test_the_kinds_of_each_version_of_srun_are_read(said: str, kinds: list[str]):
    assert mpi.listed(said) == kinds


@pytest.mark.parametrize(
    ("version", "short", "first"),
    [
        ("Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4, repo rev: v4.1.4", "Open MPI 4.1.4", "pmix"),
        ("MPICH Version:      4.2.3\nMPICH Release date: x\n", "MPICH 4.2.3", "pmi2"),
        ("Intel(R) MPI Library 2021.11 for Linux* OS\n", "Intel MPI 2021.11", "pmi2"),
        ("HAL MPI 9", "HAL MPI 9", ""),
    ],
)
def test_a_library_is_known_by_its_own_words(version: str, short: str, first: str):
    assert mpi.short_library(version) == short
    assert (mpi.wanted(version) or ("",))[0] == first


def test_the_kind_is_the_one_that_a_script_takes():
    assert mpi.chosen("", ["none", "pmix"]) == "pmix"
    assert mpi.chosen("", ["none", "pmi2"]) == "pmi2"
    assert mpi.chosen("pmi2", ["pmix"]) == "pmi2"


def test_an_unusual_pair_is_noticed():
    assert mpi.usual("MPICH Version: 4.2", "pmix") == "pmi2"
    assert mpi.usual("MPICH Version: 4.2", "pmi2") == ""
    assert mpi.usual("Open MPI v5.0", "pmix_v4") == ""
    assert mpi.usual("something else", "pmix") == ""
    assert 'launcher = "pmi2"' in mpi.crossed("pmix_v4")
    assert 'launcher = "pmix"' in mpi.crossed("pmi2")
