import json
import os
from pathlib import Path

import ipyparallel
import pandas as pd

ROWS = Path("rows.jsonl")


def attempt(path):
    from work import _process_input

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
        with ipyparallel.Cluster(n=2) as client, ROWS.open("a") as file:
            client.wait_for_engines(2)
            for row in client.load_balanced_view().imap(attempt, todo, ordered=False):
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
