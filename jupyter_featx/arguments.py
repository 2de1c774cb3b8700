"""Define the verbs and options of `%featx`, `%%featx` and the `featx` command: once, for all three.

Values stay the text that was typed: `spec` knows what a duration, a memory or a number of cores is.
"""

from __future__ import annotations

import argparse
import difflib
import keyword
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, NoReturn

from jupyter_featx.errors import SpecError

MAGIC, COMMAND = "%featx", "featx"


@dataclass(frozen=True)
class Command:
    """What was typed. `options` holds the fields of `SubmitOptions` that were given, as text."""

    verb: str
    job: str | None = None
    template: str | None = None
    data: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    wait: bool = False
    out: str | None = None
    rows: str | None = None
    tail: str | None = None
    each: bool = False
    yes: bool = False
    hello: bool = True
    force: bool = False
    words: Sequence[str] = ()
    text: str = ""


@dataclass(frozen=True)
class Option:
    """One option; without a metavar a switch. `submit` says whether it is a field of `SubmitOptions`."""

    flag: str
    help: str
    metavar: str = ""
    dest: str = ""
    submit: bool = True
    off: bool = False
    many: bool = False  # may be given more than once

    @property
    def name(self) -> str:
        return self.dest or self.flag.lstrip("-").replace("-", "_")


DATA = Option("--data", "the dataset: a folder, a glob, a text file of paths, a CSV", "PATH", submit=False)
WAIT = Option("--wait", "show the progress until the job has ended, and give the table", submit=False)
OUT = Option(
    "--out",
    "in a notebook: assign the table to this name; in a terminal: copy it to this .csv or .parquet file",
    "NAME",
    submit=False,
)
ITEM_LIMITS = (
    Option("--item-timeout", "the longest one item may take: 90, 90s, 10m, 2h (default: any time)", "DURATION"),
    Option("--item-memory", "the most memory one item may take: 512M, 4G (default: any amount)", "MEMORY"),
)
CLUSTER = (
    Option("--profile", "a set of these options that the site's configuration names", "NAME"),
    Option("--partition", "the partition of the cluster (default: the cluster's)", "NAME"),
    Option("--account", "the account that pays for it (default: yours)", "NAME"),
    Option("--qos", "the quality of service (default: the account's)", "NAME"),
    Option("--constraint", "only nodes with these features, such as 'skylake'", "FEATURES"),
    Option("--reservation", "a reservation that you may use", "NAME"),
    Option("--exclusive", "share the nodes with nobody"),
    Option("--gres", "generic resources on each node, such as gpu:1", "NAME"),
    Option("--nice", "go behind jobs of a smaller number", "N"),
    Option("--mail", "the address that is told how the job ends", "ADDRESS"),
    Option("--memory-per-core", "the memory of each core: 2G, 512M (default: the cluster's)", "MEMORY"),
    Option(
        "--directive",
        "one more line for sbatch, such as comment=pilot; may be repeated",
        "NAME=VALUE",
        "directives",
        many=True,
    ),
    Option("--jobs", "share the dataset out over N Slurm jobs of --cores each (default: 1)", "N"),
    Option("--max-attempts", "go on after the walltime in at most N runs (default: 100)", "N"),
    Option("--container", "the image that the job runs in: a .sif or a folder; none (default: this one's)", "IMAGE"),
    Option("--environment", "where a node's packages differ: strict, warn or off (default: warn)", "POLICY"),
)
JOB_LIMITS = (
    Option("--walltime", "the longest one attempt may run: 90m, 2h, 1-12:00:00 (default: any)", "DURATION"),
    Option("--max-failures", "stop the job when more than N items failed (default: go on)", "N"),
)
DATASET = (
    Option("--pattern", "only the items whose name fits this pattern, such as '*.cif'", "GLOB"),
    Option("--recursive", "take the files in all the folders below, not the folder's children"),
    Option("--limit", "only the first N items (default: all)", "N"),
    Option("--column", "the column of the CSV that holds the paths", "NAME"),
)
RESOURCES = (
    Option("--cores", "the number of cores: 500; or 4x2, four ranks of two workers each (default: 2)", "CORES"),
    Option("--name", "a name for the job (default: the file's or the notebook's)", "NAME"),
    Option("--scheduler", "where the job runs: local, this machine, or slurm (default: the site's)", "NAME"),
    *CLUSTER,
    *JOB_LIMITS,
    *ITEM_LIMITS,
    Option("--threads", "the threads of each worker, for OMP_NUM_THREADS and its kin (default: 1)", "N"),
)
CHECKS = (
    Option("--no-preflight", "do not try the functions on a few items first", dest="preflight", off=True),
    Option("--dry-run", "show the script, and submit nothing"),
)
EVERYTHING = (DATA, *RESOURCES, *DATASET, *CHECKS, WAIT, OUT)

# what may stand after a verb -> how help calls and explains it
_SUBJECTS = {
    "": ("", ""),
    "job": ("JOB", "the job's id, the beginning of it, or its name (default: the last job)"),
    "template": (
        "TEMPLATE",
        "a .py or .ipynb file with the functions (default, in a notebook: the notebook itself)",
    ),
    "data": ("PATH", f"{DATA.help} (default, in a notebook: say which)"),
    "topic": ("VERB", "a verb"),
    "words": (
        "WORDS",
        "'build SOURCE [TARGET.sif]', from a docker reference, an archive or a definition file; or 'digest IMAGE'",
    ),
}

# verb -> what it does, what stands after it, its options
VERBS: Mapping[str, tuple[str, str, Sequence[Option]]] = {
    "submit": ("run the functions over every item of a dataset", "template", EVERYTHING),
    "test": ("try the functions on a small sample and estimate the whole", "template", EVERYTHING[:-4]),
    "data": ("look at a dataset; a notebook remembers it for later submits", "data", DATASET),
    "jobs": ("list all jobs, newest first", "", ()),
    "status": ("show where a job is", "job", ()),
    "wait": ("show the progress until the job has ended, and give the table", "job", (OUT,)),
    "result": (
        "give the table; while the job runs, of the rows there are so far",
        "job",
        (Option("--limit", "only the first N rows (default: all)", "N", "rows", False), OUT),
    ),
    "errors": (
        "show what failed, and why: grouped by cause, with a count and an example",
        "job",
        (Option("--each", "one line for each failed item", submit=False), OUT),
    ),
    "log": (
        "show what the job and the functions printed",
        "job",
        (Option("--tail", "the last N lines; 0 for all (default: 200)", "N", submit=False),),
    ),
    "usage": ("show what each run of a job cost: core-hours, memory, how busy its cores were", "job", ()),
    "script": ("show the script that was submitted", "job", ()),
    "cancel": ("stop a job; every finished row stays", "job", ()),
    "retry": ("run only the failed and the missing items again", "job", (*ITEM_LIMITS, *JOB_LIMITS, WAIT, OUT)),
    "delete": (
        "remove a job with its rows and its table",
        "job",
        (Option("--yes", "do not ask", submit=False),),
    ),
    "cluster": ("show where jobs can run: this machine, the partitions, their limits and free cores", "", ()),
    "doctor": (
        "check everything from here to the nodes, and say what to do about what is wrong",
        "",
        (Option("--no-job", "do not submit the job of two ranks that lasts some seconds", "", "hello", False, True),),
    ),
    "image": (
        "make the container image that jobs run in, or show what tells it from others",
        "words",
        (Option("--force", "build it also when its source has not changed", submit=False),),
    ),
    "help": ("show the verbs, or the options of one", "topic", ()),
}


def parse(words: str | Sequence[str], prog: str = MAGIC) -> Command:
    """Return what the words ask for. Raises SpecError of one line; never exits: help is a command as well."""
    words = list(_split(words) if isinstance(words, str) else words) or ["help"]
    try:
        if words[0] == "help":
            words = [*words[1:2], "--help"]
        _known_verb(words[0], prog)
        found, extra = _parser(prog).parse_known_args(words)
    except _Shown as shown:
        return Command("help", text=str(shown))
    _refuse(extra, found, prog)
    return _checked(_command(found), prog)


class _Shown(Exception):
    """There is a text to show, and nothing to do."""


class _Parser(argparse.ArgumentParser):
    def print_help(self, file: object = None) -> NoReturn:
        raise _Shown(self.format_help().rstrip())

    def error(self, message: str) -> NoReturn:
        what = message.removeprefix("argument ").replace("expected one argument", "needs a value")
        raise SpecError(f"{what[:1].upper()}{what[1:]}. Type '{self.prog} --help' for the options.")


class _Version(argparse.Action):
    def __call__(self, *_: object) -> NoReturn:
        from importlib import metadata

        try:
            raise _Shown(f"jupyter-featx {metadata.version('jupyter_featx')}")
        except metadata.PackageNotFoundError:
            raise _Shown("jupyter-featx, run from its source folder") from None


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as exc:
        raise SpecError(f"{exc} in: {line.strip()[:200]}. Close the quotation mark.") from exc


def _formatter(prog: str) -> argparse.HelpFormatter:
    return argparse.HelpFormatter(prog, max_help_position=26, width=100)


def _parser(prog: str) -> argparse.ArgumentParser:
    about = "Turn _process_input(path) and _process_output(path) into a table of a whole dataset."
    parser = _one_parser(_Parser, prog=prog, usage=f"{prog} VERB [options]".replace("%", "%%"), description=about)
    parser.add_argument("--version", action=_Version, nargs=0, default=argparse.SUPPRESS, help="show the version")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, title="verbs", prog=prog)
    for verb, (about, subject, options) in VERBS.items():
        word = _SUBJECTS[subject][0]
        words = (prog, verb, f"[{word}]" if word else "", "[options]" if options else "")
        usage = " ".join(filter(None, words)).replace("%", "%%")  # argparse fills its own names into it
        one = _one_parser(verbs.add_parser, verb, usage=usage, help=about, description=f"{about.capitalize()}.")
        if subject:
            many = "*" if subject == "words" else "?"
            one.add_argument(subject, nargs=many, metavar=word, help=_SUBJECTS[subject][1])
        for option in options:
            _add_option(one, option)
    return parser


def _one_parser(make: Callable[..., argparse.ArgumentParser], *args: str, **texts: str) -> argparse.ArgumentParser:
    parser = make(*args, **texts, allow_abbrev=False, add_help=False, formatter_class=_formatter)
    parser.add_argument("-h", "--help", action="help", help="show this text")
    return parser


def _add_option(parser: argparse.ArgumentParser, option: Option) -> None:
    how = {"dest": option.name, "help": option.help, "default": argparse.SUPPRESS}
    if option.many:
        parser.add_argument(option.flag, metavar=option.metavar, action="append", **how)  # type: ignore[arg-type]
    elif option.metavar:
        parser.add_argument(option.flag, metavar=option.metavar, **how)  # type: ignore[arg-type]
    else:
        parser.add_argument(option.flag, action="store_false" if option.off else "store_true", **how)  # type: ignore[arg-type]


def _known_verb(word: str, prog: str) -> None:
    if word in VERBS or word in ("-h", "--help", "--version"):
        return
    near = difflib.get_close_matches(word, VERBS, 1, 0.5)
    hint = f" Did you mean '{prog} {near[0]}'?" if near else ""
    raise SpecError(f"'{word}' is no verb of {prog}.{hint} Type one of: {', '.join(VERBS)}.")


def _refuse(extra: Sequence[str], found: argparse.Namespace, prog: str) -> None:
    """Refuse what no option takes, and say which option was meant."""
    if not extra:
        return
    verb = found.verb
    unknown = next((word for word in extra if word.startswith("-")), None)
    if unknown is None:
        raise SpecError(f"'{extra[0]}' is one word too many. {_meant(extra[0], found)}")
    flag = unknown.split("=")[0]
    if verb == "data" and flag == DATA.flag:
        raise SpecError(f"data has no option --data. Type '{prog} data PATH', without it.")
    near = difflib.get_close_matches(flag, [option.flag for option in VERBS[verb][2]], 1, 0.5)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise SpecError(f"{verb} has no option {flag}.{hint} Type '{prog} {verb} --help' for the options.")


def _meant(word: str, found: argparse.Namespace) -> str:
    """Say what to type where a dataset has lost its option, or a glob its quotation marks."""
    if DATA in VERBS[found.verb][2] and "data" not in found:
        return f"For a dataset type --data '{word}'; a path that holds spaces needs quotation marks."
    what = "a glob, and around a value" if "data" in found else "a value"
    return f"Put quotation marks around {what} that holds spaces."


def _command(found: argparse.Namespace) -> Command:
    values = dict(vars(found))
    asked = {option.name for option in VERBS[found.verb][2] if option.submit}
    options = {name: values.pop(name) for name in asked & set(values)}
    return Command(**values, options=options)


def _checked(command: Command, prog: str) -> Command:
    if command.template is not None and PurePath(command.template).suffix not in (".py", ".ipynb"):
        raise SpecError(
            f"'{command.template}' is no .py or .ipynb file. For a dataset type --data '{command.template}'; "
            "a path that holds spaces needs quotation marks."
        )
    if prog == MAGIC and command.out is not None and (not command.out.isidentifier() or keyword.iskeyword(command.out)):
        raise SpecError(f"--out {command.out!r} is no name for a variable. Type --out df.")
    return command


def submit_options() -> Iterator[Option]:
    """Yield the options that are fields of `SubmitOptions`."""
    yield from (option for option in EVERYTHING if option.submit)
