"""A hostile page in the browser of a user who is logged in: it can send requests, and changes and reads nothing."""

from __future__ import annotations

import gzip
import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from loggedin import Browser
from madejobs import make_job, merged, write_rows

from jupyter_featx.jobdir import JobDir
from jupyter_featx.server.base import MOST_BYTES
from jupyter_featx.server.contract import FILE

EVIL = "http://evil.example"
PATHS = yaml.safe_load(FILE.read_text())["paths"]
ROUTES = [(method.upper(), path) for path, methods in PATHS.items() for method in methods if method != "parameters"]
CHANGES = [route for route in ROUTES if route[0] != "GET"]
READS = [path for method, path in ROUTES if method == "GET"]
REFUSED = (400, 403, 404)  # 400: a form that is none
FORMS = ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"]  # a page may send these


@pytest.fixture
def job(home: Path) -> JobDir:
    """A job whose texts are what an attacker would write."""
    made = make_job(home, "<script>bad()</script>", total=3)
    write_rows(made, [{"<img src=x>": "<script>bad()</script>"}] * 3, {1: {"message": "<script>bad()</script>"}})
    made.job_log.write_text("<script>bad()</script>\n")
    return merged(made)


@pytest.fixture
def browser(job: JobDir, live: Any) -> Browser:
    return Browser(live)


def address(live: Any, path: str, job: JobDir) -> str:
    """Return an address of a route, its parameters filled in."""
    query = {"/jobs/{job_id}/distribution": "?column=n", "/jobs/{job_id}/download": "?file=table.csv"}.get(path, "")
    own = path.replace("{job_id}", job.job_id).replace("{group}", "0123456789abcdef")
    return f"{live.url}/featx/api/v1{own}{query}"


def held(home: Path) -> dict[str, bytes]:
    """Return all that is kept, but for what says when it was looked at."""
    files = (path for path in home.rglob("*") if path.is_file() and "cache" not in path.parts)
    return {str(path.relative_to(home)): path.read_bytes() for path in files}


def sent(browser: Browser, method: str, url: str, body: bytes = b"{}", **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return browser.ask(urllib.request.Request(url, body, named, method=method))[0]


def test_a_page_of_another_origin_changes_nothing_whatever_it_sends(browser: Browser, live: Any, job: JobDir):
    before = held(live.home)
    for method, path in CHANGES:
        url = address(live, path, job)
        for kind in ["application/json", *FORMS]:
            body = f"_xsrf={browser.xsrf}".encode() if kind == FORMS[0] else b"{}"
            assert sent(browser, method, url, body, Content_Type=kind, Origin=EVIL, Referer=f"{EVIL}/") in REFUSED, url
        assert sent(browser, method, url, Content_Type="text/plain") == 403, url  # an old browser, that tells no origin
        assert sent(browser, method, url, Origin="null", Content_Type="text/plain") in (403, 404), (
            url
        )  # a sandboxed frame
    assert held(live.home) == before


def test_reading_changes_nothing(browser: Browser, live: Any, job: JobDir):
    before = held(live.home)
    for path in READS:
        assert browser.status(address(live, path, job)) in (200, 202, 404, 422), path
    assert held(live.home) == before


def test_no_answer_is_taken_for_a_page_a_script_or_a_frame(browser: Browser, live: Any, job: JobDir):
    for path in [*READS, "/no-such-route", "/jobs/no-such-job"]:
        _, headers, body = browser.ask(urllib.request.Request(address(live, path, job)))
        kind = headers["Content-Type"].partition(";")[0]
        assert kind == ("text/csv" if path.endswith("download") else "application/json"), path
        assert kind == "text/csv" or isinstance(json.loads(body), dict), path  # an array would be a script
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["Cache-Control"] == "no-store", path
        policy = headers["Content-Security-Policy"]
        assert "frame-ancestors 'self'" in policy, path
        assert "default-src 'none'" in policy, path
        assert "Access-Control-Allow-Origin" not in headers, path
    _, headers, _ = browser.ask(urllib.request.Request(address(live, "/jobs/{job_id}/download", job)))
    assert headers["Content-Disposition"].startswith("attachment;")


def test_nobody_is_answered_without_a_login(live: Any, job: JobDir):
    for method, path in ROUTES:
        request = urllib.request.Request(address(live, path, job), None if method == "GET" else b"{}", method=method)
        status, _, body = Browser(live, login=False).ask(request)
        assert (status, json.loads(body)["code"]) == (403, "forbidden"), path


OUTSIDE = [
    "..",
    "../..",
    "..%2f..%2fetc",
    "%2e%2e%2f%2e%2e",
    "....//",
    "/etc/passwd",
    ".new-0000",
    "x/../y",
    "a%00b",
    "%5c",
]


def test_no_route_leads_out_of_the_folder_of_jobs(browser: Browser, live: Any, job: JobDir):
    (live.home / "secret").write_text("sesame")
    (live.home / "jobs" / ".new-0000").mkdir()
    shapes = [path for _, path in ROUTES if "{job_id}" in path]
    own = [f"/jobs/{job.job_id}/{query}" for query in ("log?file={group}", "download?file={group}", "errors/{group}")]
    for part in OUTSIDE:
        for shape in [*shapes, *own]:
            path = shape.replace("{job_id}", part).replace("{group}", part)
            status, _, body = browser.ask(urllib.request.Request(f"{live.url}/featx/api/v1{path}"))
            assert status in (400, 404, 405), (path, body)
            assert b"sesame" not in body


def test_a_log_that_is_a_link_to_elsewhere_is_not_read(browser: Browser, live: Any, job: JobDir):
    secret = live.home / "secret"
    secret.write_text("sesame")
    url = f"{live.url}/featx/api/v1/jobs/{job.job_id}/log"
    for name in ("link.out", "job-link.log"):
        (job.logs / name).symlink_to(secret)
        assert browser.status(f"{url}?file={name}") == 404
    assert b"sesame" not in browser.ask(urllib.request.Request(url))[2]


def test_a_body_that_is_large_packed_or_deep_is_refused_at_once(live: Any, job: JobDir):
    large = b'{"source": "' + b"x" * MOST_BYTES + b'"}'
    packed = gzip.compress(b'{"source": "' + b"x" * 50_000_000 + b'"}')
    deep = b"[" * 1_000_000
    for body, encoding in ((large, ""), (packed, "gzip"), (deep, "")):
        headers = {"Authorization": f"token {live.token}", "Content-Type": "application/json"}
        headers |= {"Content-Encoding": encoding} if encoding else {}
        request = urllib.request.Request(f"{live.url}/featx/api/v1/jobs", body, headers, method="POST")
        status, _, answer = Browser(live, login=False).ask(request)
        assert (status, json.loads(answer)["code"]) == (400, "bad_request")


def test_the_token_is_in_no_log_process_list_or_environment_of_a_job(browser: Browser, live: Any, job: JobDir):
    source = "import time\ndef _process_input(path):\n    time.sleep(20)\n    return {}\n"
    asked = {"source": source, "data": [str(live.home)], "options": {"preflight": False, "cores": 1}}
    status, made = live.ask("jobs", asked)
    assert status == 201
    live.until(f"jobs/{made['job']['job_id']}", lambda found: found["running"])
    seen = 0
    for process in psutil.process_iter():
        try:
            words = " ".join(process.cmdline())
            inside = "\n".join(process.environ().values()) if made["job"]["job_id"] in words else ""
        except psutil.Error:
            continue
        seen += bool(inside)
        assert live.token not in words
        assert live.token not in inside
    assert seen >= 2
    live.ask(f"jobs/{made['job']['job_id']}/cancel", {})
    log = live.log.read_text()
    assert not re.search(live.token, log)


def test_the_code_of_an_errand_runs_as_the_user_and_without_the_servers_tokens(live: Any, job: JobDir, tmp_path: Path):
    (tmp_path / "item").write_text("x")
    for name in ("json", "csv"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('pwned')")
    source = (
        "import json, os\ndef _process_input(path):\n"
        "    print('SEEN', os.getuid(), os.environ.get('JUPYTER_TOKEN'), json.__file__)\n    return {'n': 1}\n"
    )
    status, found = live.ask("preflight", {"source": source, "data": [str(tmp_path / "item")], "folder": str(tmp_path)})
    assert status == 200, found
    _, uid, token, file = re.search(r"(SEEN) (\d+) (\S+) (\S+)", found["printed"]).groups()  # type: ignore[union-attr]
    assert (int(uid), token) == (Path(f"/proc/{live.process.pid}").stat().st_uid, "None")
    assert str(tmp_path) not in file
