"""The code that the jobs of the random-fault run submit: the name of an item says what it does.

`00017.ok.25` is item 17: it sleeps 25 ms and succeeds. What it must give stands in `oracle.py`, apart from this.
"""

import ctypes
import os
import subprocess
import threading
import time


def _process_input(path):
    number, act, milliseconds = os.path.basename(path).split(".")
    number = int(number)
    time.sleep(int(milliseconds) / 1000)
    row = {"number": number, "square": number * number, "third": number / 3, "text": f'제 {number}, "quoted"'}
    if act == "raise":
        raise ValueError(f"item {number} is bad")
    if act == "segv":
        ctypes.string_at(0)
    if act == "exit":
        os._exit(7)
    if act == "hog":
        held = [b"x" * (10 << 20) for _ in range(60)]
        time.sleep(30 + len(held))
    if act == "loop":
        while True:
            pass
    if act == "blocked":
        subprocess.run(["sleep", "1000"])
    if act == "lock":
        row["lock"] = threading.Lock()
    if act == "none":
        return None
    if act == "nan":
        row["third"] = float("nan")
    if act == "child":
        subprocess.Popen(["sleep", "1000"])
    if act == "wide":
        row["text"] = f"{number % 10}" * 20_000
    return row


def _process_output(path):
    return {"odd": int(os.path.basename(path).partition(".")[0]) % 2 == 1}
