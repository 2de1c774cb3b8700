"""What one item changes, the next one does not see."""

from __future__ import annotations

import pytest
from engine import go

CHANGES = {
    "directory": ("os.chdir('/')", "os.getcwd()"),
    "environment": ("os.environ['LEAK'] = '1'; os.environ.pop('PATH', None)", "sorted(os.environ.items())"),
    "umask": ("os.umask(0)", "(lambda m: (os.umask(m), m)[1])(os.umask(0))"),
    "warnings": ("warnings.simplefilter('error')", "len(warnings.filters)"),
    "alarm handler": ("signal.signal(signal.SIGALRM, signal.SIG_IGN)", "str(signal.getsignal(signal.SIGALRM))"),
    "timer": ("signal.signal(signal.SIGALRM, lambda *_: 1/0); signal.setitimer(signal.ITIMER_REAL, 0.01)", "0"),
    "signal mask": (
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])",
        "len(signal.pthread_sigmask(signal.SIG_BLOCK, []))",
    ),
    "path": ("sys.path.insert(0, '/nowhere')", "len(sys.path)"),
    "stdout": ("sys.stdout = None", "str(sys.stdout is None)"),
    "closed stdout": ("sys.stdout.close()", "print('x') or 1"),
    "closed descriptors": ("os.close(1); os.close(2)", "os.fstat(1).st_mode > 0"),
    "memory limit": (
        "resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))",
        "resource.getrlimit(resource.RLIMIT_AS)",
    ),
    "random state": ("random.seed(1)", "0"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_process_is_put_back(tmp_path, change):
    act, look = change
    template = f"""
    import os, random, resource, signal, sys, time, warnings
    def _process_input(path):
        seen = repr({look})
        {act}
        return {{"seen": seen}}
    """
    run = go(tmp_path, template, items=12, cores=1)
    assert run.failed == []
    assert len({run.row(n)["ft:seen"] for n in range(12)}) == 1


def test_random_numbers_depend_on_the_item_alone(tmp_path):
    template = """
    import random
    import numpy as np
    def _process_input(path):
        if path.endswith("2"):
            random.seed(7); np.random.seed(7)
        return {"a": random.random(), "b": float(np.random.rand())}
    """
    one, two = (go(tmp_path, template, items=30, cores=cores) for cores in (1, 3))
    values = [(one.row(n)["fd:a"], one.row(n)["fd:b"]) for n in range(30)]
    assert values == [(two.row(n)["fd:a"], two.row(n)["fd:b"]) for n in range(30)]
    assert len(set(values)) > 25


def test_generators_of_the_templates_own_start_from_the_item_too(tmp_path):
    template = """
    import random
    import numpy as np
    rng, old, plain = np.random.default_rng(3), np.random.RandomState(3), random.Random(3)
    def _process_input(path):
        return {"a": float(rng.random()), "b": float(old.rand()), "c": plain.random()}
    """
    one, two = (go(tmp_path, template, items=20, cores=cores) for cores in (1, 3))
    rows = [[run.row(n)[key] for n in range(20) for key in ("fd:a", "fd:b", "fd:c")] for run in (one, two)]
    assert rows[0] == rows[1]
    assert len(set(rows[0])) == 60


def test_leaked_descriptors_do_not_add_up(tmp_path):
    template = """
    import os
    kept = []
    def _process_input(path):
        kept.extend(open("/dev/null") for _ in range(20))
        return {"open": len(os.listdir("/proc/self/fd"))}
    """
    run = go(tmp_path, template, items=200)
    assert run.failed == []
    assert max(run.row(n)["fi:open"] for n in range(200)) < 120


def test_closing_every_descriptor_costs_at_most_that_item(tmp_path):
    template = """
    import os
    def _process_input(path):
        if path.endswith("/3"):
            os.closerange(0, 400)
        return {"n": 1}
    """
    run = go(tmp_path, template, items=30)
    assert run.failed in ([], [3])
    assert sorted(run.rows) == list(range(30))


def test_leaked_threads_do_not_add_up(tmp_path):
    template = """
    import threading, time
    def _process_input(path):
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
        return {"threads": threading.active_count()}
    """
    run = go(tmp_path, template, items=100)
    assert run.failed == []
    assert max(run.row(n)["fi:threads"] for n in range(100)) < 20
    assert run.seconds < 15


def test_leaked_children_are_killed_after_their_item(tmp_path):
    template = """
    import os, subprocess
    def _process_input(path):
        subprocess.Popen(["sleep", "1000"])
        subprocess.Popen(["setsid", "sh", "-c", "sleep 1000 & sleep 1000"], start_new_session=True)
        alive = [p for p in os.listdir("/proc") if p.isdigit() and _is_ours(p)]
        return {"alive": len(alive)}
    def _is_ours(pid):
        try:
            return open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[1] == str(os.getpid())
        except OSError:
            return False
    """
    run = go(tmp_path, template, items=10, cores=1)
    assert run.failed == []
    assert max(run.row(n)["fi:alive"] for n in range(10)) <= 3


def test_what_c_code_changes_in_a_quick_item_is_found_some_items_later(tmp_path):
    template = """
    import ctypes, os
    libc = ctypes.CDLL(None)
    def _process_input(path):
        if path.endswith("/0"):
            libc.chdir(b"/")
        return {"where": os.getcwd()}
    """
    run = go(tmp_path, template, items=400, cores=1)
    assert run.failed == []
    assert [run.row(n)["ft:where"] for n in range(400)].count("/") <= 65


def test_functions_that_are_watched_are_still_those_of_their_modules(tmp_path):
    template = """
    import os, pickle, posix, signal
    def _process_input(path):
        functions = (os.chdir, os.putenv, os.umask, signal.setitimer, signal.signal)
        return {
            "same": all(pickle.loads(pickle.dumps(each)) is each for each in functions),
            "one": os.chdir is posix.chdir,
            "by descriptor": os.chdir in os.supports_fd,
        }
    """
    run = go(tmp_path, template, items=1)
    assert [run.row(0)[f"fb:{key}"] for key in ("same", "one", "by descriptor")] == [True] * 3


def test_a_failed_change_of_folder_names_the_line_of_the_template(tmp_path):
    run = go(tmp_path, "import os\ndef _process_input(path):\n    os.chdir('/nowhere')\n", items=1)
    assert run.error(0)["line"] == 3
    assert "tripwires" not in run.error(0)["traceback"]
