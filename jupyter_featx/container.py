"""Find the image that a job runs in, and say how a rank gets into it: `apptainer exec … IMAGE python …`.

Everything that a rank needs is mounted under the name that it has outside. Nothing is hidden from it but the variables
that would lead it astray, by name: `--cleanenv` would drop those of PMI, and MPI would run N worlds of one rank.

For the script: `command(spec)` are the words before the rank's own, each to be quoted as one, the same for every way
to start ranks (`srun … WORDS python -m mpi4py …`). What depends on the node is decided there, by the lines of `_ENTER`:
whether its Apptainer knows `--sharens`, and where its PMIx and its scratch folder are. Other runtimes are a template's
matter (docs/containers.md).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from jupyter_featx.environment import image_identity
from jupyter_featx.errors import ImageError, SpecError
from jupyter_featx.mounts import Bind, dataset_folders, joined, outside, process_folders
from jupyter_featx.spec import ContainerSpec, JobSpec

NO_CONTAINER = "none"  # as an image: the job runs without one, also where the notebook has one
RUNTIMES = ("apptainer", "singularity")

# Left by the notebook's own container, these would steer the job's: APPTAINER_BIND and so on.
_LEFTOVERS = (
    *("APPNAME", "BIND", "BINDPATH", "CLEANENV", "COMMAND", "CONTAIN", "CONTAINALL", "CONTAINER", "CWD"),
    *("ENVIRONMENT", "HOME", "INSTANCE", "MOUNT", "NAME", "NO_HOME", "NO_MOUNT", "PWD", "SHARENS_MASTER"),
)

# Libraries of the machine do not fit the image.
DROPPED = ("LD_LIBRARY_PATH", "LD_PRELOAD", "PROMPT_COMMAND", "PYTHONHOME")

# Run by bash on the node, as `$0 OPTIONS IMAGE …` with the runtime's name for $0. One rank after another on a node may
# find what a killed one left: a squashfuse that serves nobody; only ours have no parent and read such a file.
_ENTER = """\
if ! command -v "$0" >/dev/null; then \
echo "jupyter-featx: there is no $0 on $HOSTNAME. Name its module in the configuration." >&2; exit 127; fi
for name in LEFTOVERS; do unset APPTAINER_$name SINGULARITY_$name; done
unset DROPPED
for name in TMPDIR ${!PMIX_@}; do case ${!name} in /tmp|/|*[:,]*) ;; \
/*) if [ -d "${!name}" ]; then set -- --bind "${!name}" "$@"; fi ;; esac; done
if "$0" exec --help 2>/dev/null | grep -q -e --sharens; then set -- --sharens "$@"; fi
pkill -U "$UID" -P 1 -f "^[^ ]*squashfuse_ll -f .* /proc/self/fd/" 2>/dev/null
exec "$0" --quiet exec "$@"
"""


class Settings(Protocol):
    """What the site's configuration says of containers."""

    @property
    def image(self) -> str: ...
    @property
    def binds(self) -> Sequence[str]: ...
    @property
    def images(self) -> Mapping[str, str]: ...
    @property
    def runtime(self) -> str: ...
    @property
    def drop(self) -> Sequence[str]: ...


def find(settings: Settings, image: str | None = None) -> ContainerSpec | None:
    """Return the container for a job: the image that was asked for, the site's, or the notebook's own; else None.

    Raises ImageError where there is no such image, and SpecError for a setting that cannot be.
    """
    asked = image or settings.image
    if asked == NO_CONTAINER:
        return None
    path, sure = (os.path.expanduser(asked), True) if asked else (_own_image(settings.images), False)
    if not path:
        return None
    if settings.runtime not in RUNTIMES:
        raise SpecError(f"runtime={settings.runtime!r} is not known. Choose one of: {', '.join(RUNTIMES)}.")
    binds = tuple(str(Bind.parse(text)) for text in settings.binds)
    place, digest = _checked(path, sure=sure)
    return ContainerSpec(place, binds, settings.runtime, digest, drop=_names(settings.drop))


def _own_image(images: Mapping[str, str]) -> str:
    """Return the image that this process runs in: by Apptainer's own word, or by JupyterHub's and the site's map."""
    own = os.environ.get("APPTAINER_CONTAINER") or os.environ.get("SINGULARITY_CONTAINER")
    reference = os.environ.get("JUPYTER_IMAGE_SPEC") or ""
    return own or mapped(reference, images) or ""


def mapped(reference: str, images: Mapping[str, str]) -> str | None:
    """Return the SIF of a docker image: by the whole reference, then without digest, tag and registry."""
    spellings = [reference, reference.partition("@")[0]]
    spellings.append(re.sub(r":[^:/]*$", "", spellings[-1]))
    host, slash, rest = spellings[-1].partition("/")
    if slash and (re.search(r"[.:]", host) or host == "localhost"):
        spellings += [re.sub(r"^[^/]*/", "", spelling) for spelling in spellings]
        spellings.append(rest)
    return next((images[spelling] for spelling in spellings if spelling and spelling in images), None)


def _checked(image: str, *, sure: bool) -> tuple[str, str]:
    """Return the image's full path and its identity.

    The notebook's own image may lie where the notebook cannot look; only a path that somebody typed must be there.
    """
    path = os.path.abspath(image)
    if not os.path.exists(path):
        if not sure and not os.path.isdir(os.path.dirname(path)):
            return path, ""
        raise ImageError(f"There is no container image {path}. Type 'featx image build SOURCE {path}' to make it.")
    identity = image_identity(path)
    if not identity:
        raise ImageError(f"The container image {path} cannot be read. Type 'chmod a+r {path}', or ask its owner.")
    return Bind.same(path).source, identity


def _names(names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*\*?", name):
            raise SpecError(
                f"drop={name!r} is no name of a variable. Type 'CONDA_PREFIX', or 'CONDA_*' for all of them."
            )
    return tuple(names)


def mounted(container: ContainerSpec, items: Iterable[str], workdir: str, root: Path) -> ContainerSpec:
    """Return the container with all that the job needs mounted; `root` is FEATX_HOME, `items` the dataset's paths.

    Raises SpecError for a folder that cannot be mounted.
    """
    given = [Bind.parse(text) for text in container.binds]
    home_folder = os.path.expanduser("~")
    home = next((bind for bind in given if bind.target == home_folder), None) or Bind.same(home_folder)
    folders = [str(root), *dataset_folders(items), *process_folders()]
    folders += [workdir] if os.path.isdir(workdir) and outside(workdir) else []
    folders.append(container.image)  # so that a rank can tell it from others
    binds = joined(given, home, folders)
    return replace(container, binds=tuple(map(str, binds)), home=str(home))


def command(spec: JobSpec) -> list[str]:
    """Return the words that start what follows them in the job's container; none without one."""
    container = spec.container
    if container is None:
        return []
    # A module of the machine's that sets PYTHONPATH has other packages in mind than the image's; a user's own stays.
    dropped = (*DROPPED, *(("PYTHONPATH",) if spec.site.modules else ()), *container.drop)
    unset = " ".join(f"${{!{name[:-1]}@}}" if name.endswith("*") else name for name in dropped)
    lines = _ENTER.replace("LEFTOVERS", " ".join(_LEFTOVERS)).replace("DROPPED", unset).strip().splitlines()
    words = ["bash", "-c", "; ".join(lines), container.runtime]
    words += ["--home", container.home] if container.home else []
    for bind in container.binds:
        words += ["--bind", bind]
    return [*words, container.image]
