import json
import os
from pathlib import Path

import pandas as pd
from distributed import Client, LocalCluster, as_completed
from work import _process_input

ROWS = Path("rows.jsonl")


def attempt(path):
    try:
        return {"item": path, **_process_input(path)}
    except Exception as error:
        return {"item": path, "error": repr(error)}


def finished():
    lines = ROWS.read_text().splitlines() if ROWS.exists() else []
    return {row["item"]: row for row in map(json.loads, lines)}


def main():
    items = sorted(str(path) for path in Path("data").resolve().iterdir())
    for _ in range(2):  # what failed is tried once more
        done = finished()
        todo = [item for item in items if item not in done or "error" in done[item]]
        with (
            LocalCluster(n_workers=2, threads_per_worker=1) as cluster,
            Client(cluster) as client,
            ROWS.open("a") as file,
        ):
            futures = client.map(attempt, todo, pure=False)
            for _, row in as_completed(futures, with_results=True):
                file.write(json.dumps(row) + "\n")
                file.flush()
                os.fsync(file.fileno())
    done = finished()
    frame = pd.DataFrame([done[item] for item in items if "error" not in done[item]])
    frame.to_csv("features.csv", index=False)
    errors = pd.DataFrame([done[item] for item in items if "error" in done[item]])
    errors.to_csv("errors.csv", index=False)


if __name__ == "__main__":
    main()
