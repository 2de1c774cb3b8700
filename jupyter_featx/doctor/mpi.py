"""Which MPI library speaks with which srun: the pairs that were seen to work, and what the others look like."""

from __future__ import annotations

import re
from collections.abc import Collection

# Beginning of the library's own version -> its name, and the kinds of srun --mpi that start it, the best first.
_LIBRARIES = (
    ("Open MPI", "Open MPI", ("pmix",)),
    ("MPICH", "MPICH", ("pmi2", "cray_shasta", "pmix")),  # with pmix where it was built for it
    ("Intel(R) MPI", "Intel MPI", ("pmi2", "pmix")),
    ("MVAPICH", "MVAPICH", ("pmi2", "pmix")),
)


def short_library(version: str) -> str:
    """Return "Open MPI 4.1.4" of the long text that a library calls its version."""
    text = " ".join(version.split())
    number = re.search(r"\d+(\.\d+)+", text)
    name = next((name for begins, name, _ in _LIBRARIES if text.startswith(begins)), text[:40])
    return f"{name} {number[0]}" if number and not any(char.isdigit() for char in name) else name


def wanted(version: str) -> tuple[str, ...]:
    """Return the kinds of srun --mpi that start ranks of this library; nothing for one that we do not know."""
    text = " ".join(version.split())
    return next((kinds for begins, _, kinds in _LIBRARIES if text.startswith(begins)), ())


def listed(said: str) -> list[str]:
    """Return the kinds that `srun --mpi=list` names, a line each; versions differ in the lines around them."""
    kinds: list[str] = []
    for line in said.splitlines():
        text = line.removeprefix("srun:").strip()
        kinds += text.partition(":")[2].replace(",", " ").split() if ":" in text else [text]
    return [kind for kind in dict.fromkeys(kinds) if re.fullmatch(r"[a-z]\w*", kind)]


def chosen(launcher: str, kinds: Collection[str]) -> str:
    """Return the kind that a job's script takes: the configured one, else pmix where srun lists it, else pmi2."""
    return launcher or ("pmix" if "pmix" in kinds else "pmi2")


def usual(version: str, kind: str) -> str:
    """Return the kind that this library usually wants, where it is not this one; else ""."""
    kinds = wanted(version)
    return "" if not kinds or kind.startswith(kinds[0]) else kinds[0]


def crossed(kind: str) -> str:
    """Say what to do where an MPI library was started as a kind that it does not speak."""
    other = "pmi2" if kind.startswith("pmix") else "pmix"
    return (
        f'The MPI of mpi4py does not speak --mpi={kind}: set [site] launcher = "{other}" (Open MPI wants pmix, MPICH '
        "and Intel MPI pmi2), or install mpi4py for another MPI."
    )
