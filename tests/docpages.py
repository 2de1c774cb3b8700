"""The pages of the documentation, as its tests read them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.glob("*.md")), *sorted(ROOT.glob("*.md")), ROOT / "slurm_templates" / "README.md"]
USER_PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]


def text(page: str) -> str:
    return (DOCS / page).read_text()


def section(page: str, title: str) -> str:
    """Return what stands between this heading and the next of its level."""
    match = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^\1 |\Z)", text(page), re.MULTILINE | re.DOTALL)
    assert match, f"docs/{page} has no section '{title}'"
    return match[2]


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))
