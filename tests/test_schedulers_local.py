"""This machine as a scheduler: detached, found again, ended whole."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest
from realjobs import python, running, until

from jupyter_featx.errors import SchedulerError
from jupyter_featx.events import Lost
from jupyter_featx.schedulers.local import LocalScheduler, run_id

TAG = """
stat=$(</proc/$$/stat); set -- ${stat##*) }
export FEATX_NATIVE_ID="$(</proc/sys/kernel/hostname)/$$/${20}/$(head -c 8 /proc/sys/kernel/random/boot_id)"
"""


def write(folder: Path, text: str) -> Path:
    script = folder / f"{len(list(folder.iterdir()))}.sh"
    script.write_text(TAG + text)
    return script


def reason(found: object) -> str:
    assert isinstance(found, Lost)
    return found.reason


def test_an_id_that_is_none_hides_no_other_run() -> None:
    gone = f"{socket.gethostname()}/1/2/00000000"
    assert list(LocalScheduler().poll(["nonsense", "a/b/c/d", gone])) == [gone]


def test_a_script_runs_in_a_session_of_its_own_with_its_output_in_the_log(tmp_path: Path) -> None:
    script = write(tmp_path, "echo out; echo err >&2; cat; ps -o sid= -p $$ || true; sleep 0.2")
    native_id = LocalScheduler().submit(script, tmp_path / "log")
    pid = int(native_id.split("/")[1])
    assert os.getsid(pid) == pid != os.getsid(0)
    until(lambda: LocalScheduler().poll([native_id]))
    assert (tmp_path / "log").read_text().splitlines()[:2] == ["out", "err"]
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_the_script_and_the_scheduler_name_the_run_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTNAME", "what-a-container-says")
    native_id = LocalScheduler().submit(write(tmp_path, "echo $FEATX_NATIVE_ID"), tmp_path / "log")
    until(lambda: LocalScheduler().poll([native_id]))
    assert (tmp_path / "log").read_text().strip() == native_id


def test_a_run_that_ended_is_lost_and_a_running_one_is_not(tmp_path: Path) -> None:
    scheduler = LocalScheduler()
    short = scheduler.submit(write(tmp_path, "exit 0"), tmp_path / "log")
    long = scheduler.submit(write(tmp_path, "exec sleep 60"), tmp_path / "log")
    until(lambda: short in scheduler.poll([short, long]))
    assert list(scheduler.poll([short, long])) == [short]
    scheduler.cancel(long)
    assert long in scheduler.poll([long])


def test_another_boot_another_host_and_a_recycled_number_are_told_apart() -> None:
    host, pid, start, boot = run_id(os.getpid()).split("/")
    scheduler = LocalScheduler()
    assert scheduler.poll([f"{host}/{pid}/{start}/{boot}"]) == {}
    other_boot, other_start = f"{host}/{pid}/{start}/00000000", f"{host}/{pid}/1/{boot}"
    found = scheduler.poll([other_boot, other_start, f"elsewhere/{pid}/{start}/{boot}"])
    assert reason(found[other_boot]) == "host restarted"
    assert "ended" in reason(found[other_start])
    assert len(found) == 2
    scheduler.cancel(other_boot)  # none of these is us: we live
    scheduler.cancel(other_start)
    with pytest.raises(SchedulerError, match="runs on elsewhere"):
        scheduler.cancel(f"elsewhere/{pid}/{start}/{boot}")


@pytest.mark.parametrize("native_id", ["", "7", "a/b/c/d", "x/1/2"])
def test_an_id_of_another_scheduler_is_refused(native_id: str) -> None:
    with pytest.raises(SchedulerError, match="no id of a local run"):
        LocalScheduler().cancel(native_id)


@pytest.mark.parametrize(
    "child",
    [
        "trap '' TERM; while :; do sleep 1; done",
        "trap '' TERM; env -i setsid bash -c 'trap \"\" TERM; sleep 1000' & wait; sleep 1000",
        "trap '' TERM; (setsid sleep 1000 &) ; sleep 1000",
    ],
)
def test_cancel_ends_the_whole_tree_within_two_seconds(tmp_path: Path, child: str) -> None:
    child = child.replace("sleep 1000", f"sleep 1000.{os.getpid()}{time.monotonic_ns() % 100000}")
    scheduler = LocalScheduler()
    native_id = scheduler.submit(write(tmp_path, child), tmp_path / "log")
    time.sleep(0.3)
    begun = time.monotonic()
    scheduler.cancel(native_id)
    assert time.monotonic() - begun < 2
    mark = child.partition("1000.")[2].split()[0].rstrip("'") if "1000." in child else native_id
    assert running(f"1000.{mark}" if "1000." in child else native_id) == []
    assert running(native_id) == []


def test_cancelling_what_is_gone_is_no_error(tmp_path: Path) -> None:
    scheduler = LocalScheduler()
    native_id = scheduler.submit(write(tmp_path, "exit 0"), tmp_path / "log")
    until(lambda: scheduler.poll([native_id]))
    scheduler.cancel(native_id)


def test_what_a_killed_run_left_behind_is_ended_when_it_is_noticed(tmp_path: Path) -> None:
    scheduler = LocalScheduler()
    native_id = scheduler.submit(write(tmp_path, "setsid sleep 1000 & wait"), tmp_path / "log")
    until(lambda: len(running(native_id)) >= 1)
    os.kill(int(native_id.split("/")[1]), signal.SIGKILL)
    until(lambda: scheduler.poll([native_id]))
    until(lambda: not running(native_id))


def test_a_run_outlives_the_process_and_the_session_that_started_it(tmp_path: Path) -> None:
    script = write(tmp_path, "sleep 0.5; echo done")
    process = python(
        f"""
        from pathlib import Path
        from jupyter_featx.schedulers.local import LocalScheduler
        print(LocalScheduler().submit(Path({str(script)!r}), Path({str(tmp_path / "log")!r})), flush=True)
        import time; time.sleep(60)
        """
    )
    assert process.stdout is not None
    native_id = process.stdout.readline().strip()
    os.killpg(process.pid, signal.SIGHUP)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert LocalScheduler().poll([native_id]) == {}
    until(lambda: LocalScheduler().poll([native_id]))
    assert (tmp_path / "log").read_text() == "done\n"


def test_a_script_that_cannot_start_is_said(tmp_path: Path) -> None:
    with pytest.raises(SchedulerError, match="Cannot start"):
        LocalScheduler().submit(write(tmp_path, ""), tmp_path / "none" / "log")


def test_the_host_in_an_id_is_ours() -> None:
    assert run_id(os.getpid()).split("/")[0] == socket.gethostname()


def test_no_token_reaches_the_process_of_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "secret")
    monkeypatch.setenv("KEPT", "yes")
    script, log = tmp_path / "s.sh", tmp_path / "log"
    script.write_text("tr '\\0' '\\n' </proc/$$/environ\n")
    scheduler = LocalScheduler()
    native_id = scheduler.submit(script, log)
    deadline = time.monotonic() + 30
    while native_id not in scheduler.poll([native_id]) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "KEPT=yes" in log.read_text()
    assert "secret" not in log.read_text()
