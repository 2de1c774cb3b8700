"""docs/server.md says what openapi.yaml says: every route with an example, every code of an error."""

from __future__ import annotations

import json
import re
from pathlib import Path

from jupyter_featx.server.contract import Contract
from jupyter_featx.server.problems import _HTTP, _TABLE
from jupyter_featx.server.watcher import SCHEMA_ID

PAGE = (Path(__file__).parents[2] / "docs" / "server.md").read_text()
DOCUMENT = Contract().document
METHODS = ("get", "post", "delete", "put", "patch")


def test_each_route_has_a_section_with_an_example_and_no_other_has():
    routes = {f"{m.upper()} {path}" for path, item in DOCUMENT["paths"].items() for m in item if m in METHODS}
    sections = re.split(r"^#+ ", PAGE, flags=re.MULTILINE)
    found = {section.partition("\n")[0].strip("`"): section for section in sections if section.startswith("`")}
    assert set(found) == routes
    for route, section in found.items():
        path = route.split()[1].split("{")[0].strip("/")
        assert re.search(rf"^api ['\"]?{path}", section, re.MULTILINE), route


def test_each_parameter_of_an_example_is_described():
    for path, item in DOCUMENT["paths"].items():
        title = f"`GET {path}`"
        if "get" not in item or title not in PAGE:
            continue
        section = PAGE.partition(title)[2].partition("\n#")[0]
        for line in re.findall(r"^api .*\?.*$", section, re.MULTILINE):
            names = set(re.findall(r"[?&](\w+)=", line))
            known = {p.get("name") or p["$ref"].rpartition("/")[2] for p in item["get"]["parameters"]}
            assert names <= known, line


def test_each_example_of_an_answer_is_json():
    blocks = re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) > 4
    for block in blocks:
        json.loads(block)


def test_each_code_is_described_with_its_status():
    known = {(str(status), code) for _, status, code, _ in _TABLE} | {(str(s), code) for s, (code, _) in _HTTP.items()}
    known.add(("500", "internal"))
    rows = re.findall(r"^\| (\d{3}) \| (.*?) \|", PAGE, re.MULTILINE)
    assert {(status, code) for status, codes in rows for code in re.findall(r"`(\w+)`", codes)} == known
    codes = DOCUMENT["components"]["schemas"]["Error"]["properties"]["code"]["enum"]
    assert {code for _, code in known} == set(codes)


def test_the_event_is_described():
    assert SCHEMA_ID in PAGE
