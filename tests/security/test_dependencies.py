"""What we depend on is written down with a reason, and what is installed from the lock is what was locked."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
LOCK = json.loads((ROOT / "package-lock.json").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_each_package_of_the_lock_is_pinned_by_its_digest():
    packages = {name: each for name, each in LOCK["packages"].items() if name and not each.get("link")}
    own = [name for name, each in packages.items() if not each.get("inBundle")]
    assert len(own) > 200
    for name in own:
        assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", packages[name].get("integrity", "")), name
        assert re.fullmatch(r"\d+\.\d+\.\d+[\w.+-]*", packages[name]["version"]), name


def test_packages_that_run_code_when_they_are_installed_are_known():
    scripts = {
        name.rpartition("node_modules/")[2] for name, each in LOCK["packages"].items() if "hasInstallScript" in each
    }
    assert scripts <= {"fsevents", "@fortawesome/fontawesome-free"}  # on macOS alone; prints thanks


@pytest.mark.parametrize("part", ["dependencies", "lab", "mpi"])
def test_each_runtime_dependency_is_documented_with_its_reason(part: str):
    page = (ROOT / "docs" / "security.md").read_text()
    lines = PROJECT["dependencies"] if part == "dependencies" else PROJECT["optional-dependencies"][part]
    for name in (re.match(r"[\w-]+", line)[0] for line in lines):  # type: ignore[index]
        assert re.search(rf"^\| `{name}` \| \w.{{10,}}\|$", page, re.MULTILINE), name


def test_no_other_dependency_is_documented():
    page = (ROOT / "docs" / "security.md").read_text()
    table = page.partition("## Dependencies")[2].partition("\n## ")[0]
    extras = PROJECT["optional-dependencies"]
    lines = [*PROJECT["dependencies"], *extras["mpi"], *extras["lab"]]
    assert set(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)) == {
        re.split(r"[<>=; ]", line)[0] for line in lines
    }


TOOLS = {
    "pip-audit": "echo '{\"dependencies\": [%s]}'",
    "npm": "echo '{\"vulnerabilities\": {%s}}'",
}
BAD = '{"name": "jinja2", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}'
GOOD = '{"name": "jinja2", "version": "1", "vulns": []}'
UNKNOWN = '{"name": "jinja2", "skip_reason": "not on PyPI"}'


@pytest.mark.parametrize(
    ("python", "panel", "status", "said"),
    [
        (GOOD, "", 0, "no known vulnerability"),
        (BAD, "", 1, "jinja2 1: CVE-1, mended in 2"),
        (GOOD, '"rimraf": {"severity": "high"}', 1, "rimraf : high"),
        (UNKNOWN, "", 0, "NOT looked at: Python packages"),
        (None, None, 0, "packages of the panel (npm audit: "),
    ],
)
def test_the_audit_fails_for_a_vulnerability_and_says_what_it_could_not_ask(
    python: str | None, panel: str | None, status: int, said: str, tmp_path: Path
):
    copy = tmp_path / ".ci" / "audit"
    copy.parent.mkdir()
    copy.write_text((ROOT / ".ci" / "audit").read_text())
    for place, name, found in ((tmp_path / ".venv.audit/bin", "pip-audit", python), (tmp_path / "bin", "npm", panel)):
        place.mkdir(parents=True)
        answer = TOOLS[name] % found if found is not None else "echo 'no such host' >&2; exit 1"
        (place / name).write_text(f"#!/bin/sh\n{answer}\n")
        (place / name).chmod(stat.S_IRWXU)
    environment = os.environ | {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    done = subprocess.run([sys.executable, copy, venv], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (status, "")
    assert said in done.stdout
