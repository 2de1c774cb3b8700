"""Build the JupyterLab panel into the package, where npm is there to build it; hatchling calls this."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_SOURCES = ("package.json", "package-lock.json", "labextension")


class PanelHook(BuildHookInterface):
    """Makes jupyter_featx/labextension, which the wheel and the sdist ship."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the bundle unless the one that is there was made of these very sources."""
        root = Path(self.root)
        bundle = root / "jupyter_featx" / "labextension"
        stamp, digest = bundle / "sources.sha256", _digest(root)
        if stamp.exists() and stamp.read_text() == digest:
            return
        npm = shutil.which("npm")
        if npm is None or os.environ.get("FEATX_NO_PANEL"):
            bundle.mkdir(exist_ok=True)  # hatchling wants the folder, also an empty one
            why = "npm is missing" if npm is None else "FEATX_NO_PANEL is set"
            left_out = "the JupyterLab panel is not rebuilt" if stamp.exists() else "the JupyterLab panel is left out"
            self.app.display_warning(f"jupyter_featx: {why}: {left_out}. Everything else works.")
            return
        _build(npm, root)
        stamp.write_text(digest)


def _build(npm: str, root: Path) -> None:
    # jupyter-builder is a script beside this Python, or on pip's own path.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    if not _installed(root):
        subprocess.run([npm, "ci", "--no-progress", "--loglevel=error"], cwd=root, check=True)
    subprocess.run([npm, "run", "--silent", "build:prod"], cwd=root, check=True, env={**os.environ, "PATH": path})


def _installed(root: Path) -> bool:
    """Tell whether node_modules is what package-lock.json asks for."""
    installed = root / "node_modules" / ".package-lock.json"
    return installed.exists() and installed.stat().st_mtime >= (root / "package-lock.json").stat().st_mtime


def _digest(root: Path) -> str:
    found = hashlib.sha256()
    for name in _SOURCES:
        place = root / name
        files = sorted(place.rglob("*")) if place.is_dir() else [place]
        for file in files:
            if (
                file.is_file()
                and not {"lib", "__tests__"} & set(file.relative_to(root).parts)
                and file.suffix != ".tsbuildinfo"
            ):
                found.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes())
    return found.hexdigest()
