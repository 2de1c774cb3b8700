"""Random notebooks that run: cells of imports, helpers, constants, classes, redefinitions, changes and magics.

Every name has one kind, so that a use always fits what the name is: n0… are ints, xs0… lists of ints, d0… dicts of
ints, f0… functions of an int, C0… classes, deco0… decorators. A function calls only those with a smaller number, so
that nothing recurses for ever. Texts are drawn by hypothesis, which then finds the smallest notebook that goes wrong.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import strategies as st

Draw = Callable[..., object]
NUMBERS, LISTS, DICTS, FUNCTIONS, CLASSES, DECORATORS = "n", "xs", "d", "f", "C", "deco"
MANY = {NUMBERS: 4, LISTS: 2, DICTS: 2, FUNCTIONS: 4, CLASSES: 2, DECORATORS: 2}
MODULES = (
    ("import math", "math.floor({})"),
    ("import math as m, os", "m.ceil({})"),
    ("from math import floor as floor_", "floor_({})"),
    ("from operator import add, mul", "add({}, mul(1, 2))"),
    ("import os.path, collections", "len(os.path.join('a', str({})))"),
    ("from collections import Counter", "Counter([{}]).total()"),
    ("try:\n    from nowhere_at_all import fast\nexcept ImportError:\n    fast = abs", "fast({})"),
)
MAGICS = ("%matplotlib inline", "!echo hello", "%config InlineBackend.figure_format = 'svg'", "?len", "%%time", "len?")


@dataclass
class Writer:
    """Writes one notebook; `known` holds the names that are there at this point."""

    draw: Draw
    known: dict[str, list[int]] = field(default_factory=lambda: {kind: [] for kind in MANY})
    modules: list[str] = field(default_factory=list)
    mutators: list[str] = field(default_factory=list)
    called: set[str] = field(default_factory=set)

    def pick(self, *choices: object) -> object:
        return self.draw(st.sampled_from(choices))

    def number(self, low: int = 0, high: int = 9) -> int:
        return self.draw(st.integers(low, high))  # type: ignore[return-value]

    def name(self, kind: str, below: int = 99) -> str:
        """Return a known name of the kind, or "" when there is none."""
        there = [n for n in self.known[kind] if n < below]
        return f"{kind}{self.pick(*there)}" if there else ""

    def new(self, kind: str) -> str:
        """Return a name that is bound now, perhaps again."""
        number = self.number(0, MANY[kind] - 1)
        if number not in self.known[kind]:
            self.known[kind].append(number)
        return f"{kind}{number}"

    # -- expressions -----------------------------------------------------------------------------------------------

    def value(self, depth: int = 2, below: int = 99, extra: tuple[str, ...] = ()) -> str:
        """Return an expression that is an int; it calls functions of a number below `below`."""
        if depth == 0 or self.number(0, 3) == 0:
            return str(self.pick(*extra, self.name(NUMBERS) or "7", str(self.number())))
        inner = self.value(depth - 1, below, extra)
        if below < 99:  # a function that calls others in loops, and these others, would run for ever
            return self._plain(inner, below)
        xs, d = self.name(LISTS) or "[1, 2]", self.name(DICTS) or "{'a': 1}"
        shadow = self.name(NUMBERS) or "q"
        forms = [
            f"({inner} + {self.value(depth - 1, below, extra)}) % 97",
            f"len({xs})",
            f"sum({xs}) % 97",
            f"{xs}[0]",
            f"{d}.get('a', {inner})",
            f"sum({shadow} for {shadow} in {xs} if {shadow} > 1) % 97",
            f"len([v for v in {xs} for {shadow} in range(2) if v != {inner}])",
            f"len({{k: {shadow} for k, {shadow} in {d}.items()}})",
            f"(lambda {shadow}, w={inner}: ({shadow} + w) % 97)({inner})",
            f"(1 if {inner} > 4 else {inner})",
            f'len(f"{{{self.name(NUMBERS) or 3}}}")',
        ]
        if f := self.name(FUNCTIONS):
            forms += [f"{f}({inner})"] * 4
        if c := self.name(CLASSES):
            forms += [f"{c}({inner}).value()", f"{c}.size"] * 2
        if self.modules:
            forms += [str(self.pick(*self.modules)).format(inner)] * 2
        return str(self.pick(*forms))

    def _plain(self, inner: str, below: int) -> str:
        xs, d = self.name(LISTS) or "[1, 2]", self.name(DICTS) or "{'a': 1}"
        shadow, f = self.name(NUMBERS) or "q", self.name(FUNCTIONS, below)
        forms = [
            f"({inner} + {self.name(NUMBERS) or 3}) % 97",
            f"{d}.get('a', {inner})",
            f"sum({shadow} for {shadow} in {xs} if {shadow} > 1) % 97",
            f"(lambda {shadow}, w={inner}: ({shadow} + w) % 97)(2)",
            f"len([v for v in {xs} if v != {shadow}])" if shadow != "q" else f"len({xs})",
        ]
        forms += [f"{f}({inner})"] * 4 if f else []
        forms += [str(self.pick(*self.modules)).format(inner)] * 2 if self.modules else []
        return str(self.pick(*forms))

    # -- statements ------------------------------------------------------------------------------------------------

    def statement(self) -> str:
        return str(self.draw(st.sampled_from(STATEMENTS).map(lambda write: write(self))))

    def constant(self) -> str:
        value, other = self.value(), self.name(NUMBERS)
        name = self.new(NUMBERS)
        forms = [f"{name} = {value}", f"{name}: int = {value}  # cell [9], line 3", f"{name} = {value}; ignored = 3"]
        if other:
            forms += [f"{name} = {other} = {value}", f"{name}, {other} = {other}, {value}"]
        return str(self.pick(*forms))

    def change_number(self) -> str:
        name = self.name(NUMBERS)
        if not name:
            return self.constant()
        forms = [
            f"{name} += {self.value()}",
            f"{name} = ({name} * 3) % 97",
            f"if (seen := {self.value()}) > 4:\n    {name} = seen\nelse:\n    {name} = 1",
            f"for step in range(3):\n    {name} += step",
            f"while {name} > 5:\n    {name} //= 2",
            f"del {name}\n{name} = {self.number()}",
            f"try:\n    {name} = 1 // 0\nexcept ZeroDivisionError:\n    {name} = 5",
            f"match {name} % 2:\n    case 0:\n        {name} = 3\n    case other_:\n        {name} = other_",
            f"print('n is', {name})",
            f"if {name} > 3: {name} = 2",
        ]
        return str(self.pick(*forms))

    def make_list(self) -> str:
        value = self.value()
        return f"{self.new(LISTS)} = [{value}, {self.number()}]"

    def change_list(self) -> str:
        xs = self.name(LISTS)
        if not xs:
            return self.make_list()
        forms = [
            f"{xs}.append({self.value(1)})",
            f"{xs}[0] = {self.value(1)}",
            f"{xs} += [{self.value(1)}]",
            f"{xs}.extend([1, {self.value(1)}])",
            f"{xs}.sort()",
            f"{xs} = {xs} + [3]",
            f"for v in range(2):\n    {xs}.append(v)",
            f"{xs} = [v + 1 for v in {xs}][:3]",
            f"len({xs})",
            f"with open('/dev/null') as sink:\n    {xs}.insert(0, 4)",
        ]
        return str(self.pick(*forms))

    def make_dict(self) -> str:
        value = self.value()
        return f"{self.new(DICTS)} = {{'a': {value}, 'text': {self.number()}}}"

    def change_dict(self) -> str:
        d = self.name(DICTS)
        if not d:
            return self.make_dict()
        forms = [
            f"{d}['a'] = {self.value(1)}",
            f"{d}.update(b={self.value(1)})",
            f"{d}.setdefault('c', {self.value(1)})",
            f"{d} |= {{'e': {self.value(1)}}}",
            f"for key in list({d}):\n    {d}[key] += 1",
            f"{d}['k'], {d}['l'] = 1, {self.value(1)}",
            f"{d}.pop('text', None)",
        ]
        return str(self.pick(*forms))

    def function(self) -> str:
        number = self.number(0, MANY[FUNCTIONS] - 1)
        body = self.value(2, number, ("x", "k"))
        default = self.value(1, number)
        local, old = self.name(NUMBERS) or "q", self.name(FUNCTIONS, number)
        deco = self.name(DECORATORS)
        name = f"f{number}"
        forms = [
            f"def {name}(x, k={default}):\n    return {body}",
            f"def {name}(x, *, k={default}):\n    {local} = x\n    return ({local} + {body}) % 97",
            f"def {name}(x, k=1):\n    def inner(y):\n        return (y + {body}) % 97\n    return inner(x)",
            f'def {name}(x: "int", k: int = 2) -> int:\n    """cell [1], line 1"""\n    # why\n\n    return {body}',
            f"{name} = lambda x, k={default}: {body}",
            f"if {default} > 3:\n    def {name}(x, k=1):\n        return {body}\nelse:\n    {name} = lambda x, k=2: x",
            f"import functools\n@functools.lru_cache(maxsize=None)\ndef {name}(x, k=0):\n    return {body}",
            f"def {name}(x, k=1):\n    text = '''\n# cell [2], line 1\n  # none\n'''\n    return len(text) + {body}",
        ]
        forms += [f"@{deco}\ndef {name}(x, k=3):\n    return {body}"] * 2 if deco else []
        forms += [f"{name} = {old}"] if old else []
        forms += [f"{name} = {deco}({old})"] if deco and old else []
        if number not in self.known[FUNCTIONS]:
            self.known[FUNCTIONS].append(number)
        return str(self.pick(*forms))

    def decorator(self) -> str:
        body = self.value(1, 0, ("g(x)",))
        name = self.new(DECORATORS)
        return f"def {name}(g):\n    def inner(x, k=0):\n        return (g(x) + {body}) % 97\n    return inner"

    def classes(self) -> str:
        body, size = self.value(2, 98, ("self.x",)), self.value(1, 98)
        base = self.name(CLASSES)
        name = self.new(CLASSES)
        inherits = f"({base})" if base and base != name else ""
        head = f"class {name}{inherits}:\n    size = {size}\n"
        made = "    def __init__(self, x):\n        self.x = x\n    def value(self):\n"
        forms = [
            f"{head}{made}        return ({body}) % 97",
            f"{head}{made}        return self.size + type(self).size",
            f"{head}    each = [v for v in range(size)]\n{made}        return {body}",
            f"from dataclasses import dataclass\n@dataclass\nclass {name}:\n    x: int\n    size: int = {size}\n"
            f"    def value(self):\n        return {body}",
        ]
        return str(self.pick(*forms))

    def change_class(self) -> str:
        c = self.name(CLASSES)
        return f"{c}.size = {self.value(1)}" if c else self.classes()

    def mutator(self) -> str:
        """Write a function that changes a global, or call one."""
        if self.mutators and self.number(0, 1):
            name = str(self.pick(*self.mutators))
            self.called.add(name)
            return f"{name}()"
        xs, d, n = self.name(LISTS), self.name(DICTS), self.name(NUMBERS)
        forms = [f"    {xs}.append(len({xs}))"] if xs else []
        forms += [f"    {d}['a'] = {d}.get('a', 0) + 1"] if d else []
        forms += [f"    global {n}\n    {n} += 1"] if n else []
        if not forms:
            return self.make_list()
        name = f"bump{len(self.mutators)}"
        self.mutators.append(name)
        return f"def {name}():\n{self.pick(*forms)}"

    def module(self) -> str:
        text, use = self.pick(*MODULES)  # type: ignore[misc]
        if use not in self.modules:
            self.modules.append(use)
        return str(text)

    def idle(self) -> str:
        """Write what changes nothing."""
        value = self.value(1)
        return str(self.pick(f"print({value})", "# a comment", '"""a text"""', f"{value}", "pass", "assert True"))


STATEMENTS = (
    Writer.constant,
    Writer.change_number,
    Writer.make_list,
    Writer.change_list,
    Writer.make_dict,
    Writer.change_dict,
    Writer.function,
    Writer.function,
    Writer.decorator,
    Writer.classes,
    Writer.change_class,
    Writer.mutator,
    Writer.module,
    Writer.idle,
)


@dataclass(frozen=True)
class Notebook:
    """The cells as typed, and the same without what only IPython understands."""

    cells: tuple[str, ...]
    plain: tuple[str, ...]


@st.composite
def notebooks(draw: Draw) -> Notebook:
    """Draw a notebook whose last cell defines the two functions."""
    writer = Writer(draw)
    cells, plain = [], []
    for _ in range(writer.number(1, 8)):
        text = "\n".join(writer.statement() for _ in range(writer.number(1, 4)))
        magic = str(writer.pick("", "", "", *MAGICS))
        alone = f"{magic}\n" if magic else ""
        cells.append(f"{alone}{text}")
        plain.append(text)
    inputs = ", ".join(f"'r{k}': {writer.value(3, 99, ('len(path)',))}" for k in range(writer.number(1, 4)))
    # What the functions call themselves is only tried in a cell: what the trial changed is left out, on purpose.
    own = [name for name in writer.mutators if name not in writer.called]
    mutate = f"    {writer.pick(*own)}()\n" if own and writer.number(0, 2) == 0 else ""
    outputs = writer.value(2, 99, ("len(path)",))
    last = f"def _process_input(path):\n{mutate}    return {{{inputs}}}\n\n\n"
    last += textwrap.dedent(f"def _process_output(path):\n    return {{'y': {outputs}}}")
    return Notebook((*cells, last), (*plain, last))
