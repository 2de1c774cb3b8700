"""Read what the doctor's job wrote, and say what it means."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_featx.cards.wording import short_time
from jupyter_featx.doctor import mpi
from jupyter_featx.doctor.findings import Finding, failed, ok, skipped
from jupyter_featx.doctor.hello import Ending, Hello
from jupyter_featx.doctor.here import version

_HANGS = (
    "Several ranks on one node hang on large messages where the container's runtime has no --sharens: install "
    "Apptainer 1.3 or newer on the nodes, or set OMPI_MCA_btl_vader_single_copy_mechanism=none in [site] setup. "
    "Between nodes, ask your administrators which network MPI may use."
)


_SILENT: Mapping[str, Any] = {"host": "?", "size": 0, "mpi": "", "python": "", "featx": ""}


@dataclass(frozen=True)
class Answers:
    """The files that the job wrote."""

    folder: Path

    def text(self, name: str) -> str:
        try:
            return (self.folder / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def nodes(self) -> list[dict[str, str]]:
        """Return what the shell of each rank said: word -> the rest of its line."""
        found = [path.read_text(errors="replace") for path in sorted(self.folder.glob("node-*.txt"))]
        return [{"host": "?", **dict(line.partition(" ")[::2] for line in text.splitlines())} for text in found]

    def ranks(self, step: str) -> list[dict[str, Any]]:
        """Return what the ranks of a step said; a file that was cut short is as good as none."""
        found = []
        for path in sorted(self.folder.glob(f"{step}-*.json")):
            with suppress(OSError, ValueError):
                found.append({**_SILENT, **json.loads(path.read_text())})
        return found

    def status(self, step: str) -> int | None:
        text = self.text(f"{step}.status").strip()
        return int(text) if text.isdigit() else None

    def said(self, step: str) -> str:
        """Return the line of a step that says most: its last that is no frame of a traceback."""
        lines = [line.strip() for line in self.text(f"{step}.out").splitlines() if line.strip()]
        telling = [line for line in lines if not line.startswith(("srun:", "slurmstepd", "File ", "--", "=="))]
        return (telling or lines or ["it printed nothing"])[-1]


def read(hello: Hello, ending: Ending, image_here: str = "") -> Iterator[Finding]:
    """Yield what the job showed: whether it ran, then node by node and step by step."""
    answers = Answers(hello.folder)
    yield _went(hello, ending, answers)
    if ending.how == "waited" or not answers.text("begun"):
        return
    if (code := answers.status("modules")) is not None:
        yield _modules(code, answers)
    yield _shared(hello, answers)
    if hello.in_container:
        yield _runtime(answers)
        yield _image(answers, image_here)
        yield _step("image", "MPI in the container", hello, answers)
        if answers.status("bare") is not None:
            bare = _step("bare", "MPI on the nodes", hello, answers)
            yield (
                bare
                if bare.state == "ok"
                else skipped(bare.name, f"{bare.text}; jobs run in the image, so that is no harm")
            )
    else:
        yield _step("bare", "MPI on the nodes", hello, answers)
    if ranks := answers.ranks("image" if hello.in_container else "bare"):
        yield _versions(ranks)


def _went(hello: Hello, ending: Ending, answers: Answers) -> Finding:
    name = "hello job"
    if ending.how == "done":
        return ok(
            name,
            f"{hello.nodes} node{'s' if hello.nodes > 1 else ''}, {short_time(ending.seconds)} from submit to its end",
        )
    if ending.how == "waited":
        why = f" ({ending.reason})" if ending.reason else ""
        return skipped(name, f"it had not begun after {ending.seconds:.0f} s{why}, and was cancelled. Try again later")
    if not answers.text("begun"):
        return _unseen(hello, ending)
    why = ending.reason or f"it had not ended after {ending.seconds:.0f} s, and was cancelled"
    log = answers.text("hello.log").strip().splitlines()
    return failed(
        name, f"{why}{f'; its log ends: {log[-1]}' if log else ''}", "Mend what stands below, then try again."
    )


def _unseen(hello: Hello, ending: Ending) -> Finding:
    """The job ran, and nothing came of it: it wrote to another folder of that name, or could not write at all."""
    place, verb = hello.folder.parent, "ended" if ending.how == "lost" else "began"
    why = f": {ending.reason}" if ending.reason else ""
    mend = (
        "FEATX_HOME must be a folder that every node mounts at the same path, and that is yours there, too. Type "
        f"'srun ls -ld {place}' to see, or set FEATX_HOME to such a folder."
    )
    return failed("hello job", f"it {verb}, but nothing that it wrote into {place} is seen here{why}", mend)


def _modules(code: int, answers: Answers) -> Finding:
    if code:
        return failed(
            "modules", answers.said("modules"), "Mend [site] modules: 'module avail' on a node lists the names."
        )
    return ok("modules", "they load")


def _shared(hello: Hello, answers: Answers) -> Finding:
    """See that every rank's node read the same file, and ran as us."""
    nodes, name = answers.nodes(), "shared home"
    place = hello.folder.parent
    if len(nodes) < 2:
        said = answers.said("node")
        hosts = ", ".join(_names(nodes)) or "no node"
        return failed(
            name,
            f"only {hosts} wrote into {place}: {said}",
            f"Every node must mount {place}: 'srun -N 2 ls -ld {place}'.",
        )
    if blind := [node["host"] for node in nodes if node.get("nonce") != hello.nonce]:
        return failed(
            name,
            f"{', '.join(blind)} sees another {place}",
            f"Mount the same {place} on every node, or set FEATX_HOME.",
        )
    if others := sorted({node.get("user", "") for node in nodes} - {str(os.getuid())}):
        mend = "Start the notebook's container with the user id of the cluster (docs/administrators.md)."
        return failed(name, f"on the nodes you are user {others[0]}, here {os.getuid()}", mend)
    return ok(name, f"{_hosts(nodes)} see{'s' if len(set(_names(nodes))) == 1 else ''} {place}, as user {os.getuid()}")


def _names(nodes: Sequence[Mapping[str, Any]]) -> list[str]:
    return [str(node["host"]) for node in nodes]


def _hosts(nodes: Sequence[Mapping[str, Any]]) -> str:
    return " and ".join(dict.fromkeys(_names(nodes)))


def _runtime(answers: Answers) -> Finding:
    name, nodes = "container runtime", answers.nodes()
    without = [node["host"] for node in nodes if "version" not in node.get("runtime", "")]
    if without or not nodes:
        mend = "Install Apptainer on the nodes, or name its module in [site] modules."
        return failed(name, f"it does not start on {', '.join(without) or 'the nodes'}", mend)
    if any("sharens" not in node for node in nodes):
        return ok(name, f"{nodes[0]['runtime']}; without --sharens: one rank on a node is safe, several may hang")
    return ok(name, f"{nodes[0]['runtime']}, with --sharens")


def _image(answers: Answers, here: str) -> Finding:
    name = "image on the nodes"
    seen = {node["host"]: node.get("image", "missing") for node in answers.nodes()}
    if missing := [host for host, image in seen.items() if image == "missing"]:
        return failed(
            name, f"{', '.join(missing)} does not see it", "Put the image on a file system that every node mounts."
        )
    if len(set(seen.values())) > 1 or (here and set(seen.values()) != {here}):
        return failed(
            name, "it is not the same file everywhere", "Copy the image once, to a file system that all share."
        )
    return ok(name, f"the same on {_hosts(answers.nodes())}{'' if here else '; not seen from here'}")


def image_identity(path: Path) -> str:
    """Return what tells an image from another, as the job's shell does: size and UUID of a SIF."""
    try:
        if path.is_dir():
            return "folder"
        with path.open("rb") as file:
            return f"{path.stat().st_size} {file.read(64)[48:].hex()}"
    except OSError:
        return ""


def _step(step: str, name: str, hello: Hello, answers: Answers) -> Finding:
    """Say how one start of the ranks went."""
    code, ranks, said = answers.status(step), answers.ranks(step), answers.said(step)
    kind = answers.text("mpi").strip() or "mpirun"
    if ranks and (missing := _alone(ranks, hello)):
        return failed(name, missing, mpi.crossed(kind))
    if any("message_seconds" not in rank for rank in ranks):
        return failed(name, f"{len(ranks)} ranks began, and a message of 8 MB between them did not arrive", _HANGS)
    if code == 0 and ranks:
        seconds = max(rank["message_seconds"] for rank in ranks)
        how = f"by srun --mpi={kind}" if answers.text("mpi") else "by mpirun"
        library = mpi.short_library(ranks[0]["mpi"])
        return ok(name, f"{len(ranks)} ranks on {_hosts(ranks)} {how}, {library}, 8 MB in {short_time(seconds)}")
    return failed(name, _ended(code, said), _mend(code, answers.text(f"{step}.out"), kind))


def _alone(ranks: list[dict[str, Any]], hello: Hello) -> str:
    size = ranks[0]["size"]
    if size == hello.ranks:
        return ""
    return f"{hello.ranks} ranks were started, and each sees {'only itself' if size == 1 else f'{size} of them'}"


def _ended(code: int | None, said: str) -> str:
    if code is None:
        return "the job ended before it came to that"
    return "the ranks did not begin in time" if code in (124, 137) else f"exit status {code}: {said}"


def _mend(code: int | None, out: str, kind: str) -> str:
    """Return what to do, by the words that each cause is known for."""
    for words, mend in _CAUSES.items():
        if words in out:
            return mend
    if code in (126, 127):
        return _NO_PYTHON
    if "PMI" in out:  # the library's own complaint about who started it
        return mpi.crossed(kind)
    if code in (124, 137):
        return f"{mpi.crossed(kind)} A crossed pair may wait for ever."
    return "Type 'featx doctor' again after mending what stands above; the words are those of MPI or Slurm."


_NO_MPI4PY = "Install mpi4py in the Python of the jobs: 'pip install mpi4py', for the MPI of the nodes."
_NO_FEATX = "Install the same jupyter_featx in the Python of the jobs, or in the image."
_NO_LIBRARY = "mpi4py finds no MPI on the nodes: load its module by [site] modules, or type 'pip install mpich'."
_NO_PYTHON = (
    "The Python of the notebook is not on the nodes: run jobs in the notebook's image ([container] image), or use a "
    "Python in a folder that the nodes mount."
)

# What stands in the output of a step that failed -> what to do.
_CAUSES: Mapping[str, str] = {
    "No module named 'mpi4py'": _NO_MPI4PY,
    "No module named mpi4py": _NO_MPI4PY,
    "No module named 'jupyter_featx": _NO_FEATX,
    "No module named jupyter_featx": _NO_FEATX,
    "cannot load MPI library": _NO_LIBRARY,
    "libmpi": _NO_LIBRARY,
    "Invalid MPI plugin": "srun does not know this [site] launcher: take one that 'srun --mpi=list' names.",
    "Permission denied": "The Python of the notebook must lie in a folder that you may read and run on the nodes.",
    "No such file or directory": _NO_PYTHON,
}


def _versions(ranks: list[dict[str, Any]]) -> Finding:
    """Compare Python and this package, there and here: the same rows need the same code."""
    name, here = "versions there", (platform.python_version(), version())
    there = {(rank["python"], rank["featx"]) for rank in ranks}
    if {python for python, _ in there} != {here[0]}:
        python = next(python for python, _ in there if python != here[0])
        return failed(
            name, f"Python {python} on the nodes, {here[0]} here", "Use the same image, or the same environment."
        )
    if {featx for _, featx in there} != {here[1]}:
        featx = next(featx for _, featx in there if featx != here[1])
        mend = f"Type 'pip install jupyter_featx=={here[1]}' in the Python of the jobs, or make the image again."
        return failed(name, f"jupyter_featx {featx or 'unknown'} on the nodes, {here[1] or 'unknown'} here", mend)
    return ok(name, f"Python {here[0]} and jupyter_featx{f' {here[1]}' if here[1] else ''}, as here")
