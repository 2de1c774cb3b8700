import json
import os
from pathlib import Path

import pandas as pd
from mpi4py import MPI
from work import _process_input


def attempt(path):
    try:
        return {"item": path, **_process_input(path)}
    except Exception as error:
        return {"item": path, "error": repr(error)}


def finished():
    files = sorted(Path(".").glob("rows-*.jsonl"), key=lambda path: path.stat().st_mtime)
    rows = [json.loads(line) for path in files for line in path.read_text().splitlines()]
    good = {row["item"]: row for row in rows if "error" not in row}
    return {**{row["item"]: row for row in rows}, **good}


world = MPI.COMM_WORLD
rank, size = world.Get_rank(), world.Get_size()
items = sorted(str(path) for path in Path("data").iterdir())
for _ in range(2):  # what failed is tried once more
    done = finished()
    todo = [item for item in items if item not in done or "error" in done[item]]
    world.Barrier()  # nobody writes while another still reads
    with Path(f"rows-{rank}.jsonl").open("a") as file:
        for item in todo[rank::size]:
            file.write(json.dumps(attempt(item)) + "\n")
            file.flush()
            os.fsync(file.fileno())
    world.Barrier()
if rank == 0:
    done = finished()
    frame = pd.DataFrame([done[item] for item in items if "error" not in done[item]])
    frame.to_csv("features.csv", index=False)
    errors = pd.DataFrame([done[item] for item in items if "error" in done[item]])
    errors.to_csv("errors.csv", index=False)
