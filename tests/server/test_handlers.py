"""Every route is described, authenticated and checked, and answers as openapi.yaml says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import kill_jobs_of
from madejobs import make_job, merged, write_rows
from tornado.httpclient import HTTPClientError

from jupyter_featx.server.contract import Contract
from jupyter_featx.server.handlers import ROUTES

CONTRACT = Contract()
METHODS = ("get", "post", "delete", "put", "patch")
OPERATIONS = [
    (method, path) for path, item in CONTRACT.document["paths"].items() for method in item if method in METHODS
]


def described(pattern: str) -> str:
    """Return the route as openapi.yaml writes it."""
    return "/" + pattern.replace(r"([a-z0-9][a-z0-9_-]{0,47})", "{job_id}").replace("([0-9a-f]{16})", "{group}")


def filled(path: str) -> list[str]:
    return path.format(job_id="iris-3f9a", group="0123456789abcdef").strip("/").split("/")


def test_the_routes_are_those_of_the_description():
    assert {described(pattern) for pattern, _ in ROUTES} == set(CONTRACT.document["paths"])
    for pattern, handler in ROUTES:
        own = {method for method in METHODS if method in vars(handler)}
        assert own == set(CONTRACT.document["paths"][described(pattern)]) - {"parameters"}, pattern


def test_a_job_id_of_the_routes_is_one_of_the_job_folders():
    from jupyter_featx.jobdir import JOB_ID
    from jupyter_featx.server.handlers import JOB

    assert f"({JOB_ID.pattern})" == JOB
    described = CONTRACT.document["components"]["parameters"]["job_id"]["schema"]["pattern"]
    assert described == f"^{JOB_ID.pattern}$"


@pytest.mark.parametrize("token", [None, "wrong", ""])
async def test_no_route_answers_who_is_not_logged_in(token: str | None, home: Path, jp_serverapp, http_server_client):
    for method, path in [*OPERATIONS, ("get", "/nonsense"), ("post", "/nonsense")]:
        headers = {} if token is None else {"Authorization": f"token {token}"}
        url = "/".join((jp_serverapp.base_url.rstrip("/"), "featx/api/v1", *filled(path)))
        body = "{}" if method == "post" else None
        with pytest.raises(HTTPClientError) as refused:
            await http_server_client.fetch(
                url, method=method.upper(), headers=headers, body=body, allow_nonstandard_methods=True
            )
        assert refused.value.code == 403, path
        assert refused.value.response is not None
        assert json.loads(refused.value.response.body)["code"] == "forbidden", path


async def test_no_route_answers_who_is_not_authorized(home: Path, jp_serverapp, jp_fetch, monkeypatch):
    async def refuse(*_: object) -> bool:
        return False

    monkeypatch.setattr(type(jp_serverapp.authorizer), "is_authorized", refuse)
    for method, path in OPERATIONS:
        body = "{}" if method == "post" else None
        with pytest.raises(HTTPClientError) as refused:
            await jp_fetch(
                "featx", "api", "v1", *filled(path), method=method.upper(), body=body, allow_nonstandard_methods=True
            )
        assert refused.value.code == 403, path


async def test_jobs_are_listed_read_filtered_and_deleted(api, home: Path):
    done = make_job(home, "zeolites", notebook="/data/a.ipynb")
    make_job(home, "perovskites", "running")
    status, found = await api("jobs")
    assert (status, found["total"], found["counts"]["running"]) == (200, 2, 1)
    status, found = await api("jobs", state="completed", q="ZEO")
    assert [job["job_id"] for job in found["jobs"]] == [done.job_id]
    assert (await api("jobs", notebook="/data/a.ipynb"))[1]["total"] == 1
    status, job = await api("jobs", done.job_id)
    assert (status, job["state"], job["actions"]["delete"]) == (200, "completed", True)
    assert (await api("jobs", done.job_id, method="DELETE"))[0] == 204
    assert not done.path.exists()
    status, problem = await api("jobs", done.job_id)
    assert (status, problem["code"]) == (404, "job_not_found")


async def test_what_runs_is_not_deleted_and_what_ended_is_not_cancelled(api, home: Path):
    running, ended = make_job(home, "a", "running"), make_job(home, "b", "failed")
    assert (await api("jobs", running.job_id, method="DELETE"))[0] == 409
    status, problem = await api("jobs", ended.job_id, "cancel", method="POST")
    assert (status, problem["code"]) == (409, "job_state")
    assert running.path.exists()


@pytest.mark.parametrize("job_id", ["..%2F..%2Fetc", "%2e%2e", "IRIS-1", "a" * 49, "iris%00", ".new-aa", "a%2Fb"])
async def test_nothing_but_the_id_of_a_job_names_a_job(
    job_id: str, home: Path, jp_serverapp, jp_auth_header, http_server_client
):
    (home / "jobs" / ".new-aa").mkdir(parents=True)
    for rest in ("", "/log", "/result", "/download", "/script"):
        url = f"{jp_serverapp.base_url.rstrip('/')}/featx/api/v1/jobs/{job_id}{rest}"
        with pytest.raises(HTTPClientError) as refused:
            await http_server_client.fetch(url, headers=jp_auth_header)
        assert refused.value.code in (400, 404), url


async def test_what_is_not_as_described_is_refused_with_the_reason(api, home: Path):
    for query in ({"limit": "x"}, {"limit": "1001"}, {"offset": "-1"}, {"state": "lost"}, {"sort": "size"}):
        status, problem = await api("jobs", **query)
        assert (status, problem["code"]) == (400, "bad_request"), query
    for body in ([], "x", {}, {"data": 1}, {"data": "x"}, {"data": "x", "path": "a.py", "source": "def f(): pass"}):
        status, problem = await api("jobs", body=body)
        assert (status, problem["code"]) == (400, "bad_request"), body
    status, problem = await api("jobs", body={"data": "x", "path": "a.py", "options": {"dry_run": True}})
    assert (status, problem["code"]) == (422, "spec")
    assert (await api("nonsense"))[0] == 404
    assert (await api("jobs", method="PUT"))[0] == 405


async def test_the_table_is_paged_sorted_and_filtered(api, home: Path):
    job = make_job(home, total=4)
    write_rows(job, [{"n": n, "name": f"x{n}"} for n in range(4)], {2: {}})
    merged(job)
    status, page = await api("jobs", job.job_id, "result", limit="2", sort="-n")
    assert (status, page["total"], page["matching"], page["partial"]) == (200, 3, 3, False)
    assert [row[1] for row in page["rows"]] == [3, 1]
    condition = json.dumps([{"column": "name", "op": "contains", "value": "X1"}])
    _, page = await api("jobs", job.job_id, "result", filter=condition, column="n")
    assert (page["matching"], page["rows"], page["columns"][0]["type"]) == (1, [[1]], "integer")
    assert (await api("jobs", job.job_id, "result", sort="nope"))[0] == 422
    assert (await api("jobs", job.job_id, "result", filter="[{]"))[0] == 400
    status, found = await api("jobs", job.job_id, "distribution", column="n")
    assert (status, found["count"], sum(found["counts"])) == (200, 3, 3)


async def test_a_running_job_gives_the_rows_that_there_are(api, home: Path):
    job = make_job(home, state="running", total=4)
    write_rows(job, [{"n": n} for n in range(2)])
    status, page = await api("jobs", job.job_id, "result")
    assert (status, page["total"], page["partial"]) == (200, 2, True)


async def test_failed_items_are_grouped_and_each_can_be_run_again(api, home: Path):
    job = make_job(home, total=5)
    errors: dict[int, dict[str, Any]] = {1: {"message": "bad 1"}, 2: {"message": "bad 2"}, 4: {"kind": "crash"}}
    write_rows(job, [{"n": n} for n in range(5)], errors)
    merged(job)
    status, found = await api("jobs", job.job_id, "errors")
    assert (status, found["total"], found["items"]) == (200, 2, 3)
    first = found["groups"][0]
    assert (first["count"], first["example"], first["where"]) == (2, "/data/n1", "cell [3], line 2")
    assert first["code"] == 'return {"n": int(path)}'
    assert "runpy" in first["reproduce"]
    assert "subprocess" in found["groups"][1]["reproduce"]
    status, items = await api("jobs", job.job_id, "errors", first["group"], offset="1")
    assert (status, items["total"], [item["item"] for item in items["items"]]) == (200, 2, ["/data/n2"])
    assert (await api("jobs", job.job_id, "errors", "0" * 16))[0] == 404


async def test_a_log_is_read_from_its_end_and_from_anywhere(api, home: Path):
    job = make_job(home)
    job.job_log.write_text("one\ntwo\nthree ü\n")
    _, part = await api("jobs", job.job_id, "log", tail="1")
    assert (part["text"], part["size"]) == ("three ü\n", part["next_offset"])
    _, part = await api("jobs", job.job_id, "log", offset="4", limit="4")
    assert (part["text"], part["next_offset"]) == ("two\n", 8)
    assert (await api("jobs", job.job_id, "log", file="../spec.json"))[0] == 400
    assert (await api("jobs", job.job_id, "log", file="spec.json"))[0] == 404


async def test_a_job_goes_the_whole_way(api, home: Path, jp_root_dir: Path, numbers: Path):
    notebook = jp_root_dir / "square.py"
    notebook.write_text(
        "def _process_input(path):\n    n = int(open(path).read())\n    assert n != 3, 'no three'\n"
        "    return {'n': n * n}\n"
    )
    asked = {"path": "square.py", "data": str(numbers), "options": {"cores": 1, "preflight": False}}
    status, dry = await api("script", body=asked)
    assert (status, "_process_input" in dry["template"]) == (200, True)
    status, made = await api("jobs", body=asked)
    assert (status, made["job"]["notebook_path"]) == (201, "square.py")
    job_id = made["job"]["job_id"]
    job = made["job"]
    while job["state"] in ("new", "queued", "running"):
        status, job = await api("jobs", job_id)
    assert (job["state"], job["done"], job["failed"], job["actions"]["retry"]) == ("completed", 7, 1, True)
    status, chart = await api("jobs", job_id, "chart")
    assert (status, chart["points"][-1]["done"], chart["histogram"]["sampled"]) == (200, 7, 8)
    status, usage = await api("jobs", job_id, "usage")
    assert (status, usage["attempts"][0]["number"], usage["accounting"]) == (200, 1, False)
    notebook.unlink()
    status, job = await api("jobs", job_id, "retry", body={"item_timeout": "10m"})
    assert status == 200
    while len(job["attempts"]) < 2 or job["state"] in ("queued", "running"):
        status, job = await api("jobs", job_id)
    assert (job["done"], job["failed"]) == (7, 1)
    assert (await api("workspaces"))[1]["workspaces"][0]["exists"] is False
    kill_jobs_of(home)


async def test_a_sample_is_run_before_anything_is_submitted(api, home: Path, numbers: Path):
    source = "def _process_input(path):\n    return {'n': int(open(path).read())}\n"
    status, found = await api("preflight", body={"source": source, "data": str(numbers), "options": {"cores": 4}})
    assert (status, found["total"], found["sample"]) == (200, 8, 8)
    assert {estimate["cores"] for estimate in found["estimates"]} >= {1, 4}
    status, problem = await api("preflight", body={"source": "x = 1\n", "data": str(numbers)})
    assert (status, problem["code"]) == (422, "template")
    assert (await api("jobs"))[1]["total"] == 0


async def test_the_form_learns_what_can_be_asked(api, home: Path):
    from jupyter_featx.arguments import VERBS

    status, config = await api("config")
    wanted = [option.name for option in VERBS["submit"][2] if option.submit and option.name != "dry_run"]
    assert (status, [option["name"] for option in config["options"]]) == (200, wanted)
    status, cluster = await api("cluster")
    assert (status, cluster["default"], cluster["schedulers"][0]["name"]) == (200, "local", "local")
    assert cluster["cores"] >= 1


async def test_a_broken_configuration_is_said_and_jobs_are_still_listed(api, home: Path, tmp_path: Path, monkeypatch):
    file = tmp_path / "config.toml"
    file.write_text("scheduler = \n")
    monkeypatch.setenv("FEATX_CONFIG", str(file))
    status, problem = await api("config")
    assert (status, problem["code"]) == (422, "config")
    assert (await api("jobs"))[0] == 200
    status, cluster = await api("cluster")
    assert (status, bool(cluster["schedulers"][0]["message"])) == (200, True)


async def test_answers_hold_what_the_description_says(api, home: Path, numbers: Path):
    import jsonschema

    job = make_job(home, total=3)
    write_rows(job, [{"n": n, "x": 0.5} for n in range(3)], {1: {}})
    merged(job)
    for path, item in CONTRACT.document["paths"].items():
        operation = item.get("get")
        if not operation or path.endswith(("{group}", "/download")):
            continue
        query = {"column": "n"} if path.endswith("distribution") else {}
        query |= {"path": str(numbers)} if path == "/datasets" else {}
        status, found = await api(*path.format(job_id=job.job_id).strip("/").split("/"), **query)
        assert status == 200, path
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(found, {"components": CONTRACT.document["components"], **schema})


def test_a_handler_carries_no_rule_of_its_own():
    source = (Path(__file__).parents[2] / "jupyter_featx" / "server" / "handlers.py").read_text()
    for body in re.findall(r"async def \w+\(.*?(?=\n    @|\nclass |\n\n\nROUTES)", source, re.DOTALL):
        assert len(body.strip().splitlines()) <= 7
        assert "try:" not in body
    methods = len(re.findall("async def ", source))
    assert len(re.findall(r"@web.authenticated\n    @authorized\n    async def ", source)) == methods
