"""A SIF is made by real Apptainer from all that it can be made from, and not twice from the same."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import multiprocessing
import os
import pwd
import shutil
import tarfile
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from container import image as images

from jupyter_featx import cli, image, imagesource
from jupyter_featx.environment import image_identity
from jupyter_featx.errors import ImageError, SpecError
from jupyter_featx.image import Built, build


@pytest.fixture(autouse=True)
def _apptainer(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", f"{images.get_apptainer().parent}:{os.environ['PATH']}")
    monkeypatch.setenv("APPTAINER_CACHEDIR", str(tmp_path / "apptainer-cache"))


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def layer(text: str) -> bytes:
    """Return a file system of one file, as a tar."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        for folder in ("bin", "etc"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        entry = tarfile.TarInfo("etc/what")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text.encode()))
    return whole.getvalue()


def config(content: bytes) -> bytes:
    found = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers"}}
    found["rootfs"]["diff_ids"] = [digest(content)]
    return json.dumps(found).encode()


def docker_archive(path: Path, text: str) -> Path:
    """Write what `docker save` writes."""
    content = layer(text)
    files = {
        "layer.tar": content,
        "config.json": config(content),
        "manifest.json": json.dumps(
            [{"Config": "config.json", "RepoTags": ["tiny:1"], "Layers": ["layer.tar"]}]
        ).encode(),
    }
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


class Registry(http.server.ThreadingHTTPServer):
    """A docker registry of one image, which can be changed; with `login` it wants a token that everybody can have."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, tuple[str, bytes]] = {}
        self.login = False
        self.hold("first")

    @property
    def host(self) -> str:
        return f"localhost:{self.server_port}"

    def hold(self, text: str) -> None:
        content = layer(text)
        blobs = [config(content), content]
        kinds = ("application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar")
        parts = [
            {"mediaType": kind, "size": len(blob), "digest": digest(blob)}
            for kind, blob in zip(kinds, blobs, strict=True)
        ]
        kind = "application/vnd.oci.image.manifest.v1+json"
        text = {"schemaVersion": 2, "mediaType": kind, "config": parts[0], "layers": parts[1:]}
        manifest = json.dumps(text).encode()
        self.files = {f"/v2/tiny/blobs/{digest(blob)}": ("application/octet-stream", blob) for blob in blobs}
        self.files |= {f"/v2/tiny/manifests/{name}": (kind, manifest) for name in ("1", digest(manifest))}
        self.files["/v2/"] = ("application/json", b"{}")


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        if self.path.startswith("/token?"):
            return self._answer(200, "application/json", b'{"token": "everybody"}')
        if self.server.login and self.headers.get("Authorization") != "Bearer everybody":
            realm = f'Bearer realm="http://{self.server.host}/token",service="tests",scope="pull"'
            return self._answer(401, "text/plain", b"", ("WWW-Authenticate", realm))
        kind, data = self.server.files.get(self.path, ("", b""))
        return self._answer(200 if kind else 404, kind or "application/json", data or b'{"errors": []}')

    do_HEAD = do_GET

    def _answer(self, status: int, kind: str, data: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (
            *headers,
            ("Content-Type", kind),
            ("Content-Length", str(len(data))),
            ("Docker-Content-Digest", digest(data)),
        ):
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def registry(monkeypatch) -> Iterator[Registry]:
    monkeypatch.setenv("APPTAINER_NOHTTPS", "1")
    server = Registry()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_archive_becomes_a_sif_with_its_digests_beside_it(tmp_path):
    archive = docker_archive(tmp_path / "tiny.tar", "one")
    built = build(str(archive), tmp_path / "a" / "tiny.sif")
    place = tmp_path / "a" / "tiny.sif"
    assert built.fresh
    assert built.path == str(place)
    assert built.source == f"docker-archive:{archive}"
    assert built.source_digest == imagesource.file_digest(archive)
    assert built.sha256 == imagesource.file_digest(place)
    assert built.identity == image_identity(str(place))
    assert built.identity.startswith("sif:")
    assert Built(**json.loads(image.record_of(place).read_text())) == built
    assert sorted(path.name for path in place.parent.iterdir()) == ["tiny.sif", "tiny.sif.json"]


def test_the_same_source_is_not_built_again(tmp_path):
    archive, place = docker_archive(tmp_path / "tiny.tar", "one"), tmp_path / "tiny.sif"
    first = build(str(archive), place)
    again = build(str(archive), place)
    assert not again.fresh
    assert again.sha256 == first.sha256
    assert build(str(archive), place, force=True).identity != first.identity
    docker_archive(archive, "two")
    assert build(str(archive), place).fresh
    place.write_bytes(b"somebody else's")
    assert build(str(archive), place).fresh


@pytest.mark.parametrize("login", [False, True])
def test_a_docker_reference_is_built_again_only_when_its_digest_changed(tmp_path, registry, login):
    place, source = tmp_path / "tiny.sif", f"docker://{registry.host}/tiny:1"
    registry.login = login
    first = build(source, place)
    assert first.source_digest.startswith("sha256:")
    assert not build(source, place).fresh
    registry.hold("second")
    second = build(source, place)
    assert second.fresh
    assert second.source_digest != first.source_digest


def test_an_ordinary_user_builds_from_a_definition_file(monkeypatch):
    user = images.ordinary_user()
    base = images.make_image()
    images.open_fuse()
    home = pwd.getpwnam(user).pw_dir if user else os.path.expanduser("~")
    folder = Path(tempfile.mkdtemp(dir=home))
    (folder / "added.txt").write_text("from beside the definition file")
    definition = folder / "mine.def"
    definition.write_text(
        f"Bootstrap: localimage\nFrom: {base}\n%files\n    added.txt /etc/added.txt\n%post\n    id -u > /etc/who\n"
    )
    if user:
        shutil.chown(folder, user, user)
    try:
        answers = multiprocessing.get_context("fork").SimpleQueue()
        process = multiprocessing.get_context("fork").Process(
            target=_build_as, args=(user, home, str(definition), str(folder / "mine.sif"), answers)
        )
        process.start()
        process.join(200)
        assert not answers.empty()
        assert answers.get() == "made"
        assert (folder / "mine.sif").stat().st_uid == (pwd.getpwnam(user).pw_uid if user else os.getuid())
    finally:
        shutil.rmtree(folder)


def _build_as(user: str | None, home: str, source: str, target: str, answers: multiprocessing.SimpleQueue[str]) -> None:
    """Become the user and build."""
    if user:
        os.setgroups([])
        os.setgid(pwd.getpwnam(user).pw_gid)
        os.setuid(pwd.getpwnam(user).pw_uid)
    os.environ.update(HOME=home, APPTAINER_CACHEDIR=f"{home}/.apptainer/cache")
    os.chdir("/")
    try:
        built = build(source, target)
        answers.put("made" if built.fresh and not build(source, target).fresh else "made twice")
    except Exception as exc:
        answers.put(str(exc))


def test_a_folder_becomes_a_sif(tmp_path):
    (tmp_path / "tree" / "etc").mkdir(parents=True)
    built = build(str(tmp_path / "tree"), tmp_path / "x.sif")
    assert built.source_digest == ""
    assert build(str(tmp_path / "tree"), tmp_path / "x.sif").fresh  # nobody can tell whether it changed


def test_what_goes_wrong_is_said_with_what_to_do(tmp_path, registry, monkeypatch):
    for source, pattern in (
        (f"docker://{registry.host}/tiny:2", "Check the name and the tag"),
        ("docker://localhost:9/tiny:1", "The registry cannot be reached"),
        (str(tmp_path / "gone.tar"), "There is no file"),
        ("docker-archive:/nowhere.tar", "docker save"),
    ):
        with pytest.raises(ImageError, match=pattern):
            build(source, tmp_path / "x.sif")
    assert not list(tmp_path.glob("*.sif*"))
    bad = tmp_path / "bad.def"
    bad.write_text("Bootstrap: nothing\nFrom: x\n")
    with pytest.raises(ImageError, match=r"Apptainer said: .*FATAL"):
        build(str(bad), tmp_path / "x.sif")
    with tarfile.open(tmp_path / "other.tar", "w"):
        pass
    with pytest.raises(ImageError, match="no archive of an image"):
        build(str(tmp_path / "other.tar"), tmp_path / "x.sif")
    with pytest.raises(ImageError, match=r"ends in \.sif"):
        build(str(bad), tmp_path / "x.img")
    with pytest.raises(ImageError, match="Choose another folder"):
        build(str(bad), bad / "x.sif")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ImageError, match="There is no apptainer on this machine"):
        build(str(bad), tmp_path / "x.sif")


@pytest.mark.parametrize(
    ("said", "mend"),
    [
        ("FATAL: write /tmp/x: no space left on device", "APPTAINER_TMPDIR"),
        ("FATAL: unauthorized: access to the requested resource", "registry login"),
        ("ERROR: \x1b[31mcould not use fakeroot\x1b[0m: no mapping", "user namespaces"),
    ],
)
def test_the_mend_fits_what_apptainer_says(said, mend):
    text = image._explained(imagesource.Source("docker://x", "x"), f"INFO: a\n{said}\n")
    assert mend in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ubuntu", ("registry-1.docker.io", "library/ubuntu", "latest")),
        ("jupyter/base:2", ("registry-1.docker.io", "jupyter/base", "2")),
        ("docker.io/ubuntu:1", ("registry-1.docker.io", "library/ubuntu", "1")),
        ("quay.io/a/b/c:1.2", ("quay.io", "a/b/c", "1.2")),
        ("localhost:5000/x", ("localhost:5000", "x", "latest")),
    ],
)
def test_references_are_read_as_docker_reads_them(text, expected):
    assert imagesource._parts(text) == expected


def test_a_reference_with_a_digest_needs_no_registry():
    wanted = "sha256:" + "0" * 64
    source = imagesource.resolve(f"docker://quay.io/a/b@{wanted}")
    assert (source.digest, source.name) == (wanted, "b")


def test_the_command_builds_and_tells_images_apart(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    docker_archive(tmp_path / "tiny.tar", "one")
    assert cli.main(["image", "build", "tiny.tar"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith(f"{tmp_path / 'tiny.sif'} sha256:")
    assert "Building" in shown.err
    assert cli.main(["image", "build", "tiny.tar", "tiny.sif"]) == 0
    assert "Type --force" in capsys.readouterr().err
    assert cli.main(["image", "digest", "tiny.sif"]) == 0
    assert capsys.readouterr().out.strip() == image_identity("tiny.sif")
    assert cli.main(["image", "digest", "gone.sif"]) == 1
    for words in ([], ["build"], ["make", "x"], ["digest", "a", "b"]):
        with pytest.raises(SpecError, match="featx image build SOURCE"):
            image.answer(words, force=False, runtime="apptainer", tell=print)
