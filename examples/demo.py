"""Run zeolites.ipynb from top to bottom without a browser, and show what it made: `make demo`."""

import os
import shutil
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

HERE = Path(__file__).resolve().parent
HOME = HERE.parent / ".demo"  # made anew by each run; nothing is left in the user's own ~/featx
SHOWN = ("test", "submit", "errors", "fit")  # the cells whose output is worth a line in the terminal


class StreamingClient(NotebookClient):
    """A notebook client that shows what the cells print while they run, not after."""

    def process_message(self, msg, cell, cell_index):
        if cell.id in SHOWN:
            self._show(msg["msg_type"], msg["content"])
        return super().process_message(msg, cell, cell_index)

    def _show(self, kind, content):
        if kind == "stream":
            sys.stdout.write(content["text"])
        elif kind == "update_display_data":
            print(progress(content["data"].get("text/plain", "")))
        elif kind in ("display_data", "execute_result"):
            print(content["data"].get("text/plain", ""))
        sys.stdout.flush()


def progress(card: str) -> str:
    """Return what moves in the card of a job that runs: its bar and its counts."""
    lines = card.splitlines()
    return card if len(lines) < 2 or "running" not in lines[0] else lines[1]


def main() -> int:
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir()
    os.environ["FEATX_HOME"] = str(HOME)
    path = HERE / "zeolites.ipynb"
    os.environ["JPY_SESSION_NAME"] = str(path)  # as Jupyter's server tells a kernel which notebook it serves
    notebook = nbformat.read(path, as_version=4)
    client = StreamingClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(HERE)}},
        on_cell_execute=announce,
    )
    print(f"demo: running {path.relative_to(HERE.parent)}", flush=True)
    try:
        client.execute()
    except CellExecutionError as error:
        print(f"demo: the notebook stopped.\n{error}", file=sys.stderr)
        return 1
    executed = HOME / path.name
    nbformat.write(notebook, executed)
    summarise(executed)
    return 0


def announce(cell, cell_index):
    """Show the line of the cell that comes next, as in a terminal."""
    if cell.id in SHOWN and cell.source.startswith("%"):
        print(f"\n>>> {cell.source}", flush=True)


def summarise(executed: Path) -> None:
    import jupyter_featx as featx

    job = featx.job()
    status = job.status()
    print(f"\n>>> df.head()      # {status.total} items, {status.failed} failed")
    width = shutil.get_terminal_size((110, 24)).columns
    print(job.result().head().to_string(max_cols=9, line_width=max(width, 110), max_colwidth=28))
    files = [job.path / name for name in ("table.parquet", "table.csv", "errors.csv")]
    print("\nWhere it is:")
    for file in [*filter(Path.exists, files), executed]:
        print(f"  {relative(file)}")
    print("\nOpen it in JupyterLab:")
    print(f"  {open_command()}")


def open_command() -> str:
    bin_folder = Path(sys.executable).parent
    lab = bin_folder / "jupyter-lab"
    command = f"{relative(lab)} {relative(HERE / 'zeolites.ipynb')}"
    install = f"{relative(bin_folder / 'pip')} install jupyterlab"
    return command if lab.exists() else f"{install} && {command}"


def relative(path: Path) -> str:
    """Return the path as a person here would type it."""
    return os.path.relpath(path)


if __name__ == "__main__":
    sys.exit(main())
