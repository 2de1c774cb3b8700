"""The panel is built from these sources, is in the package, and speaks the languages it says."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUNDLE = ROOT / "jupyter_featx" / "labextension"


def test_the_bundle_is_at_most_half_a_megabyte_and_has_a_door():
    package = json.loads((BUNDLE / "package.json").read_text())
    files = [file for file in BUNDLE.rglob("*") if file.is_file()]
    assert package["name"] == "jupyter-featx"
    assert (BUNDLE / package["jupyterlab"]["_build"]["load"]).exists()
    assert sum(file.stat().st_size for file in files) <= 500_000


def test_jupyterlab_finds_the_korean_texts():
    (entry,) = metadata.entry_points(group="jupyterlab.locale", name="jupyter_featx")
    folder = Path(entry.load().__file__).parent / "locale" / "ko_KR" / "LC_MESSAGES"
    assert json.loads((folder / "jupyter_featx.json").read_text())[""]["language"] == "ko-KR"


def test_the_lock_names_no_registry():
    assert "resolved" not in (ROOT / "package-lock.json").read_text()
