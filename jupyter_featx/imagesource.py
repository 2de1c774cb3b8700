"""Tell what an image can be made from, and by what digest a source is known: a changed source is another digest."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tarfile
import urllib.error
import urllib.parse
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jupyter_featx.errors import ImageError

_TIMEOUT_SECONDS = 20.0
_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_SCHEMES = ("docker", "oras", "library", "shub", "docker-archive", "oci-archive", "oci", "docker-daemon")


@dataclass(frozen=True)
class Source:
    """What is given to `apptainer build`, a name for the image, and the digest ("" where none can be told)."""

    words: str
    name: str
    digest: str = ""


def resolve(text: str) -> Source:
    """Return the source of a docker reference, an archive, a definition file or a folder. Raises ImageError."""
    scheme, colon, rest = text.partition(":")
    if colon and scheme in _SCHEMES:
        if scheme.endswith("archive"):
            return _archive(Path(rest).expanduser(), scheme)
        rest = rest.removeprefix("//")
        return Source(text, _named(rest), reference_digest(rest) if scheme == "docker" else "")
    path = Path(text).expanduser()
    if path.is_dir():
        return Source(str(path.absolute()), path.name)
    if path.exists():
        if tarfile.is_tarfile(path):
            return _archive(path, _archive_kind(path))
        return Source(str(path.absolute()), path.stem, file_digest(path))
    if re.fullmatch(r"[\w.-]+(:\d+)?(/[\w.-]+)*(:[\w.-]+)?(@sha256:[0-9a-f]{64})?", text) and not path.suffix:
        return Source(f"docker://{text}", _named(text), reference_digest(text))
    raise ImageError(
        f"There is no file {text}. Give a docker reference (docker://jupyter/scipy-notebook:latest), an archive "
        "(image.tar), a definition file (image.def) or a folder."
    )


def _archive(path: Path, kind: str) -> Source:
    if not path.is_file():
        raise ImageError(f"There is no archive {path}. Make it with 'docker save -o {path.name} IMAGE'.")
    return Source(f"{kind}:{path.absolute()}", path.name.split(".")[0], file_digest(path))


def _archive_kind(path: Path) -> str:
    """Tell what `docker save` writes from what `skopeo copy … oci-archive:` and `podman save` may."""
    with tarfile.open(path) as archive:
        for member in archive:
            if member.name.removeprefix("./") == "manifest.json":
                return "docker-archive"
    with tarfile.open(path) as archive:
        if any(member.name.removeprefix("./") == "oci-layout" for member in archive):
            return "oci-archive"
    raise ImageError(f"{path} is no archive of an image. Make one with 'docker save -o {path.name} IMAGE'.")


def _named(reference: str) -> str:
    name = reference.partition("@")[0].rsplit("/", 1)[-1]
    return re.sub(r"[^\w.-]+", "-", name)


def file_digest(path: Path) -> str:
    """Return the sha256 of a file. Raises ImageError where it cannot be read."""
    total = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                total.update(block)
    except OSError as exc:
        raise ImageError(f"Cannot read {path}: {exc.strerror}.") from exc
    return f"sha256:{total.hexdigest()}"


def reference_digest(reference: str) -> str:
    """Return the digest that the registry has for a reference now; "" where it does not tell us.

    A registry that wants a login, or that cannot be reached, is left to Apptainer, which says so better.
    """
    name, _, digest = reference.partition("@")
    if digest:
        return digest
    host, repository, tag = _parts(name)
    secure = not os.environ.get("APPTAINER_NOHTTPS")
    url = f"{'https' if secure else 'http'}://{host}/v2/{repository}/manifests/{tag}"
    with suppress(OSError, ValueError, KeyError):  # what urllib raises descends from OSError
        try:
            return _asked(url)
        except urllib.error.HTTPError as exc:
            challenge = exc.headers.get("WWW-Authenticate", "") if exc.code == 401 else ""
            if challenge.startswith("Bearer "):
                return _asked(url, _token(challenge))
    return ""


def _parts(name: str) -> tuple[str, str, str]:
    """Return host, repository and tag, as docker reads a reference."""
    first, slash, rest = name.partition("/")
    host, path = (first, rest) if slash and (re.search(r"[.:]", first) or first == "localhost") else ("", name)
    repository, _, tag = path.partition(":")
    if host in ("", "docker.io"):
        host, repository = "registry-1.docker.io", repository if "/" in repository else f"library/{repository}"
    return host, repository, tag or "latest"


def _asked(url: str, token: str = "") -> str:
    headers = {"Accept": ", ".join(_MANIFESTS), **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(url, method="HEAD", headers=headers)
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
        return str(answer.headers.get("Docker-Content-Digest") or "")


def _token(challenge: str) -> str:
    """Return the token that a registry gives to everybody, from where it says."""
    fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    query = urllib.parse.urlencode({name: fields[name] for name in ("service", "scope") if name in fields})
    if not fields["realm"].startswith(("https://", "http://")):
        raise ValueError(fields["realm"])
    with urllib.request.urlopen(f"{fields['realm']}?{query}", timeout=_TIMEOUT_SECONDS) as answer:
        found = json.load(answer)
    return str(found.get("token") or found["access_token"])
