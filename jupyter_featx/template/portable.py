"""Tell why a value cannot be made again in a job, from the statement that made it or from the object."""

from __future__ import annotations

import ast
import io
import types
from collections.abc import Collection, Iterator

from jupyter_featx.template.ipython_syntax import MAGIC, MAGIC_LINE
from jupyter_featx.template.scopes import dotted, running
from jupyter_featx.template.statements import Statement, shell_line

INJECTED = {"get_ipython", "display", "In", "Out", "exit", "quit"}
_FRAMES = {"pandas", "polars", "geopandas", "dask", "modin", "cudf", "pd", "pl", "gpd"}
_OPENERS = {
    "open",
    "popen",
    "urlopen",
    "open_file",
    "ZipFile",
    "TarFile",
    "TemporaryFile",
    "NamedTemporaryFile",
}
_FITTERS = {"fit", "partial_fit", "fit_transform", "fit_predict", "fit_resample"}
_THREADING = {"Thread", "Lock", "RLock", "Condition", "Semaphore", "Event", "Barrier", "Timer"}
_PLAIN_CALLS = {"dict", "list", "tuple", "set", "range", "zip", "str", "int", "float"}
_BINDING = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr, ast.withitem)

FRAME = "a DataFrame made at run time"
FILE = "a file opened at run time"
MODEL = "a model fitted at run time"


def is_injected(name: str) -> bool:
    """Tell the names that exist only because IPython runs the cell."""
    return name in INJECTED - {"exit", "quit"} or (bool(name) and (not name.strip("_") or _is_output_name(name)))


def _is_output_name(name: str) -> bool:
    return name.lstrip("_").lstrip("i").isdigit() and name.startswith("_")


def made_at_run_time(statement: Statement, name: str) -> str:
    """Return what the statement makes that cannot be made again, in words; "" when it can run again."""
    node = statement.node
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)):
        return ""
    if MAGIC in statement.uses.now:
        return f"made by '{shell_line(statement)}' at run time"
    for child in running(node):
        if reason := _reason(child):
            return reason
    for value in _values(node, name):
        if reason := _reason_of_value(value):
            return reason
    return ""


def _values(node: ast.AST, name: str) -> Iterator[ast.expr]:
    for child in running(node):
        if not isinstance(child, _BINDING):
            continue
        bound: list[ast.AST | None] = list(getattr(child, "targets", []))
        bound += [getattr(child, "target", None), getattr(child, "optional_vars", None)]
        value = child.context_expr if isinstance(child, ast.withitem) else child.value
        targets = {n.id for target in bound if target for n in ast.walk(target) if isinstance(n, ast.Name)}
        if value is not None and name in targets:
            yield value


def _reason(node: ast.AST) -> str:
    if isinstance(node, (ast.Await, ast.AsyncFor, ast.AsyncWith)):
        return "made with 'await' at run time"
    chain = dotted(node.func) if isinstance(node, ast.Call) else ()
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _FITTERS:
        return MODEL
    if len(chain) > 1 and chain[0] in _FRAMES and chain[-1].startswith(("read_", "scan_")):
        return FRAME
    if chain in (("read_csv",), ("read_parquet",), ("read_excel",)):
        return FRAME
    if chain and chain[-1] in ("DataFrame", "Series") and not _is_literal_call(node):
        return FRAME
    return ""


def _is_literal_call(node: ast.AST) -> bool:
    arguments = [*getattr(node, "args", []), *(keyword.value for keyword in getattr(node, "keywords", []))]
    parts = [child for argument in arguments for child in ast.walk(argument)]
    calls = [child for child in parts if isinstance(child, ast.Call)]
    names = {child.id for child in parts if isinstance(child, ast.Name)}
    return all(isinstance(call.func, ast.Name) and call.func.id in _PLAIN_CALLS for call in calls) and not (
        names - _PLAIN_CALLS
    )


def _reason_of_value(value: ast.expr) -> str:
    if isinstance(value, ast.GeneratorExp):
        return "a generator made at run time"
    if not isinstance(value, ast.Call):
        return ""
    called = (
        value.func.attr if isinstance(value.func, ast.Attribute) else dotted(value.func)[-1:] and dotted(value.func)[-1]
    )
    chain = dotted(value.func)
    if called in _OPENERS or chain[-2:] == ("h5py", "File") or chain[-2:] == ("sqlite3", "connect"):
        return FILE
    if chain[:1] == ("socket",):
        return "a socket opened at run time"
    if chain[:1] in (("threading",), ("multiprocessing",)) and called in _THREADING:
        return "a thread or lock made at run time"
    return ""


def live_reason(value: object) -> str:
    """Return what an object of the kernel is, in words, when it cannot travel; "" when it may."""
    kind = type(value)
    if isinstance(value, io.IOBase):
        return FILE
    if kind.__module__.split(".")[0] in _FRAMES and kind.__name__ in ("DataFrame", "Series", "LazyFrame"):
        return FRAME.replace("DataFrame", kind.__name__)
    if isinstance(value, (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType)):
        return "a generator made at run time"
    if kind.__module__ in ("socket", "_thread", "threading"):
        return "a socket opened at run time" if kind.__module__ == "socket" else "a thread or lock made at run time"
    attributes = getattr(value, "__dict__", None)
    fitted = isinstance(attributes, dict) and any(n.endswith("_") and not n.startswith("_") for n in attributes)
    return MODEL if fitted and hasattr(kind, "fit") else ""


def is_literal_frame(statement: Statement) -> bool:
    """Tell `TABLE = pd.DataFrame({...})` of constants only, which can be made again anywhere."""
    value = getattr(statement.node, "value", None)
    called = dotted(value.func) if isinstance(value, ast.Call) else ()
    return called[-1:] in (("DataFrame",), ("Series",)) and _is_literal_call(value) if value else False


def next_step(reason: str) -> str:
    """Return what to do about it."""
    if reason == MODEL:
        return "Save the model to a file and load it inside the function."
    if "DataFrame" in reason or "Series" in reason or "LazyFrame" in reason:
        return "Read it inside the function, or save it to a file and open that file there."
    if reason == FILE:
        return "Open the file inside the function."
    return "Make it inside the function."


def keyboard_call(statement: Statement, defined: Collection[str]) -> tuple[str, int] | None:
    """Return the call that would wait for somebody at the keyboard, and its line."""
    for node in ast.walk(statement.node):
        chain = dotted(node.func) if isinstance(node, ast.Call) else ()
        asks = (chain == ("input",) and "input" not in defined) or chain[-1:] == ("getpass",)
        if asks and isinstance(node, ast.Call):
            return ".".join(chain), node.lineno
    return None


def shell_reason(statement: Statement) -> str:
    """Return the magic or the shell command on which a statement depends."""
    if not {MAGIC, MAGIC_LINE} & (statement.uses.now | statement.uses.later):
        return ""
    return shell_line(statement)
