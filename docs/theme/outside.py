"""Bring into the site what the pages of docs/ link to outside of it, so that each page reads the same on a Git host.

MkDocs calls the functions that begin with `on_`.
"""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
PAGES = {  # a page that stands elsewhere in the repository -> where it is in the site
    "README.md": "readme.md",
    "CHANGELOG.md": "changes.md",
    "DESIGN.md": "design.md",
    "CONTRIBUTING.md": "contributing.md",
    "slurm_templates/README.md": "script-templates.md",
    "benchmarks/README.md": "benchmarks-of-parts.md",
    "benchmarks/peers/REPORT.md": "peers.md",
}
FILES = "files"  # the folder of the site for all else
_LINK = re.compile(r"(?<=\]\()([^)\s#]+)(#[^)\s]*)?(?=\))")
_REPORT_FILE = "benchmarks/peers/REPORT.md"  # the pages only name it: it is not there before the first run
_FENCE = re.compile(r"^( *```\w+) sample$", re.MULTILINE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Leave out of the navigation what this copy of the repository does not have."""
    missing = {uri for source, uri in PAGES.items() if not (ROOT / source).exists()}
    missing |= {"security.md"} if not (ROOT / "docs" / "security.md").exists() else set()
    config.nav = _without(config.nav, missing)
    return config


def _without(nav: list, missing: set[str]) -> list:
    kept = []
    for entry in nav:
        title, target = next(iter(entry.items()))
        if isinstance(target, list):
            kept.append({title: _without(target, missing)})
        elif target not in missing:
            kept.append(entry)
    return kept


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages and files that are linked to and stand outside of docs/."""
    for source, uri in PAGES.items():
        if (ROOT / source).exists():
            files.append(File.generated(config, uri, abs_src_path=str(ROOT / source)))
    for page in files.documentation_pages():
        for target, _ in _LINK.findall(Path(page.abs_src_path).read_text(encoding="utf-8")):
            source = _in_repository(page, target)
            if (
                source
                and source not in PAGES
                and not source.startswith("docs/")
                and not files.get_file_from_path(f"{FILES}/{source}")
            ):
                files.append(File.generated(config, f"{FILES}/{source}", abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links lead to where the site has what the repository has elsewhere."""

    def moved(link: re.Match[str]) -> str:
        source = _in_repository(page.file, link[1])
        if source is None:
            return link[0]
        uri = PAGES.get(source) or (source[5:] if source.startswith("docs/") else f"{FILES}/{source}")
        return posixpath.relpath(uri, posixpath.dirname(page.file.src_uri)) + (link[2] or "")

    text = _FENCE.sub(r"\1", markdown)
    if (ROOT / _REPORT_FILE).exists():
        text = text.replace(f"`{_REPORT_FILE}`", f"[the report](../{_REPORT_FILE})")
    return _LINK.sub(moved, text)


def _in_repository(page: File, target: str) -> str | None:
    """Return the path, from the repository's root, of the file that a link of this page leads to."""
    if re.match(r"[a-z]+:", target):
        return None
    path = Path(os.path.normpath(Path(page.abs_src_path).parent / target))
    return path.relative_to(ROOT).as_posix() if path.is_file() and path.is_relative_to(ROOT) else None
