"""Servers as users start them: the description holds, nothing leaks, and several of them agree on one home."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from loggedin import Browser
from madejobs import make_job, merged, write_rows
from realjobs import python
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from jupyter_featx.jobdir import all_jobs
from jupyter_featx.manager import Manager
from jupyter_featx.server.contract import FILE

SLOW = """
import os, time
def _process_input(path):
    time.sleep({seconds})
    return {{'n': int(open(path).read()), 'names': sorted(os.environ), 'all': repr(dict(os.environ))}}
"""
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
OPERATIONS = [result.ok() for result in schemathesis.openapi.from_path(str(FILE)).get_all_operations()]
_LONGEST = 8000
BOUNDED = settings(
    max_examples=4,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def submit(live: Any, numbers: Path, seconds: float, **options: Any) -> str:
    """Submit a job of eight items through the server; return its id."""
    asked = {"source": SLOW.format(seconds=seconds), "data": str(numbers), "options": {"preflight": False, **options}}
    status, made = live.ask("jobs", asked)
    assert status == 201, made
    return str(made["job"]["job_id"])


def ended(job: dict[str, Any]) -> bool:
    return job["state"] in ("completed", "failed", "cancelled")


@pytest.mark.slow
def test_no_request_finds_a_mistake_or_an_answer_that_is_not_described(live):
    job = make_job(live.home, "iris", total=3)
    write_rows(job, [{"n": n} for n in range(3)], {1: {}})
    merged(job)
    _, found = live.ask(f"jobs/{job.job_id}/errors")
    own = {"job_id": job.job_id, "group": found["groups"][0]["group"]}
    for operation in OPERATIONS:
        names = {parameter.name for parameter in operation.path_parameters}
        there = {name: value for name, value in own.items() if name in names}
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
            for path in [{}] if operation.method == "delete" or not there else [{}, there]:
                _try(live, operation.as_strategy(mode, **({"path_parameters": path} if path else {})))
    assert live.process.poll() is None
    assert live.ask(f"jobs/{job.job_id}")[1]["state"] == "completed"
    assert "Traceback" not in live.log.read_text()


def _try(live: Any, cases: Any) -> None:
    headers = {"Authorization": f"token {live.token}"}

    @BOUNDED
    @given(case=cases)
    def ask(case: schemathesis.Case) -> None:
        assume(len(repr(case.query)) < _LONGEST)  # a longer line no server reads to its end
        answer = case.call(base_url=f"{live.url}/featx/api/v1", headers=headers, timeout=300)
        case.validate_response(answer, checks=CHECKS)

    ask()


def test_a_job_of_the_server_sees_no_door_to_it(home: Path, numbers: Path, start_server):
    live = start_server(home, JPY_API_TOKEN="sesame-1", JUPYTERHUB_API_TOKEN="sesame-2")
    job_id = submit(live, numbers, 0.1, cores=1)
    live.until(f"jobs/{job_id}", ended)
    status, page = live.ask(f"jobs/{job_id}/result?column=names&column=all")
    assert (status, page["total"]) == (200, 8)
    for row in page["rows"]:
        assert not [name for name in json.loads(row[0]) if "TOKEN" in name]
        assert live.token not in row[1]
        assert "sesame" not in row[1]
    for path in (file for file in (home / "jobs" / job_id).rglob("*") if file.is_file()):
        assert live.token.encode() not in path.read_bytes(), path
    assert live.token not in live.log.read_text()


def test_a_job_outlives_its_server_and_the_next_server_knows_it(home: Path, numbers: Path, start_server):
    first = start_server(home)
    job_id = submit(first, numbers, 1.0, cores=1)
    first.until(f"jobs/{job_id}", lambda job: job["state"] == "running")
    first.process.kill()
    first.process.wait()
    second = start_server(home)
    job = second.until(f"jobs/{job_id}", ended)
    assert (job["state"], job["done"], len(job["attempts"])) == ("completed", 8, 1)


def test_another_origin_can_neither_act_nor_listen(live):
    job = make_job(live.home, "iris", "completed")
    browser = Browser(live)
    address = f"{live.url}/featx/api/v1/jobs/{job.job_id}"
    assert browser.status(address) == 200
    assert browser.status(f"{address}/cancel", body=b"") == 403  # no XSRF token
    evil = {"Origin": "http://evil.example", "Referer": "http://evil.example/"}
    assert browser.status(f"{address}/cancel", evil, b"") in (403, 404)
    assert browser.status(f"{address}/cancel", evil | {"X-XSRFToken": browser.xsrf}, b"") in (403, 404)
    assert browser.status(f"{address}/cancel", {"X-XSRFToken": browser.xsrf}, b"") == 409  # it is heard, and has ended
    assert browser.listen({}) == 101
    assert browser.listen(evil) == 403


CROWD = """
import os, random, sys
from jupyter_featx import client
from jupyter_featx.errors import JobNotFound, JobStateError
from jupyter_featx.manager import Manager
from jupyter_featx.jobdir import all_jobs

draw = random.Random(int(sys.argv[1]))
source = "def _process_input(path):\\n    n = int(open(path).read())\\n    assert n != 3\\n    return {'n': n}\\n"
for round in range(3):
    client.submit(source, sys.argv[2], name=f"crowd-{sys.argv[1]}", preflight=False, cores=1)
    for act in draw.sample(["cancel", "retry", "delete", "retry"], 3):
        known = list(all_jobs())
        if known:
            job = client.Job(draw.choice(known), Manager())
            try:
                getattr(job, act)()
            except (JobNotFound, JobStateError):
                pass
print("done", flush=True)
os._exit(0)
"""


@pytest.mark.slow
def test_two_servers_and_several_processes_agree_on_one_home(home: Path, numbers: Path, start_server):
    servers = [start_server(home), start_server(home)]
    script = home.parent / "crowd.py"
    script.write_text(CROWD)
    code = f"import runpy, sys; sys.argv[1:] = [{{}}, {str(numbers)!r}]; runpy.run_path({str(script)!r})"
    crowd = [python(code.format(repr(str(number))), env=dict(os.environ)) for number in range(3)]
    for act in ("retry", "cancel", "delete") * 2:
        for live in servers:
            submit(live, numbers, 0.01, cores=1, name="served")
            _, listed = live.ask("jobs")
            job_id = listed["jobs"][len(listed["jobs"]) // 2]["job_id"]
            how = ("DELETE", f"jobs/{job_id}") if act == "delete" else ("POST", f"jobs/{job_id}/{act}")
            status, said = live.ask(how[1], method=how[0])
            assert status in (200, 204, 404, 409), said
    for process in crowd:
        out, _ = process.communicate(timeout=400)
        assert (process.returncode, out.strip()) == (0, "done")
    views = [live.until("jobs?limit=1000", lambda found: not _active(found)) for live in servers]
    facts = [{job["job_id"]: _fixed(job) for job in view["jobs"]} for view in views]
    assert facts[0] == facts[1]
    assert set(facts[0]) == {job.job_id for job in all_jobs(home)}
    for status in Manager().jobs():
        assert (str(status.state), status.done, status.failed) == facts[0][status.job_id][:3]
    assert not list((home / "jobs").glob(".new-*"))


def _active(found: dict[str, Any]) -> int:
    return int(found["counts"]["queued"] + found["counts"]["running"])


def _fixed(job: dict[str, Any]) -> tuple[Any, ...]:
    return job["state"], job["done"], job["failed"], job["attempt_count"], job["reason"]


def test_installing_switches_the_extension_on():
    import jupyter_featx
    from jupyter_featx.server.app import FeatxServer

    assert jupyter_featx._jupyter_server_extension_points() == [
        {"module": "jupyter_featx.server.app", "app": FeatxServer}
    ]
    config = json.loads((Path(jupyter_featx.__file__).parent / "etc" / "jupyter_featx.json").read_text())
    assert config == {"ServerApp": {"jpserver_extensions": {"jupyter_featx": True}}}
