import json
import os
import sys
from pathlib import Path

import pandas as pd
from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig
from hyperqueue.task.function import PythonEnv
from work import _process_input

ROWS = Path("rows").resolve()


def save(path):
    target = ROWS / (Path(path).name + ".json")
    try:
        row = {"item": path, **_process_input(path)}
    except Exception as error:
        row = {"item": path, "error": repr(error)}
    with open(f"{target}.tmp", "w") as file:
        json.dump(row, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(f"{target}.tmp", target)


def finished():
    return {row["item"]: row for row in (json.loads(path.read_text()) for path in ROWS.glob("*.json"))}


def main():
    ROWS.mkdir(exist_ok=True)
    items = sorted(str(path) for path in Path("data").resolve().iterdir())
    with LocalCluster(worker_config=WorkerConfig(cores=2)) as cluster:
        client = cluster.client(python_env=PythonEnv(python_bin=sys.executable))
        for _ in range(2):  # what failed is tried once more
            done = finished()
            todo = [item for item in items if item not in done or "error" in done[item]]
            job = Job(max_fails=None)
            for item in todo:
                job.function(save, args=(item,))
            if todo:
                client.wait_for_jobs([client.submit(job)], raise_on_error=False)
    done = finished()
    frame = pd.DataFrame([done[item] for item in items if "error" not in done[item]])
    frame.to_csv("features.csv", index=False)
    errors = pd.DataFrame([done[item] for item in items if "error" in done[item]])
    errors.to_csv("errors.csv", index=False)


if __name__ == "__main__":
    main()
