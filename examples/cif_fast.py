"""Read a crystal structure from a CIF file, with numpy alone.

It expands the asymmetric unit by the symmetry operators that the file lists, and reads what the files of real
databases hold: a `data ABW` without its underscore, tabs, numbers with a standard uncertainty (`9.873(2)`).
It is a small module beside a notebook: `from cif_fast import read_cif` works in a job as it does in a cell.
"""

import os
import re
import shlex
from collections.abc import Iterable

import numpy as np

CELL = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
SAME_SITE = 1e-3  # fractional distance under which two symmetry images are one atom

_NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_TERM = re.compile(r"([+-]?)(\d+(?:\.\d+)?(?:/\d+)?)?([xyz])?")
_OPERATOR = re.compile(r"[-+xyzXYZ0-9/. ]+,[-+xyzXYZ0-9/. ]+,[-+xyzXYZ0-9/. ]+")


def read_cif(path: str | os.PathLike[str]) -> tuple[np.ndarray, list[str], np.ndarray, dict]:
    """Return the lattice (rows a, b, c), the elements, their fractional positions and a dict of facts.

    Raises ValueError where the file holds no complete structure.
    """
    with open(path, "rb") as file:
        lines = file.read().decode("utf-8", "replace").splitlines()
    cell, operators, sites = _parse(lines)
    if len(cell) < len(CELL) or not sites:
        raise ValueError(f"no complete structure in {path} (cell keys {len(cell)}, sites {len(sites)})")
    parameters = [cell[key] for key in CELL]
    vectors = lattice(*parameters)
    elements = [element for element, _, _ in sites]
    positions = np.array([position for _, position, _ in sites])
    occupancies = np.array([occupancy for _, _, occupancy in sites])
    info = {
        "n_asym": len(sites),
        "n_ops": max(1, len(operators)),
        "max_occ_gap": float((1 - occupancies).max()),
        "cell": parameters,
    }
    elements, positions = _expand(elements, positions, operators)
    return vectors, elements, positions, info


def lattice(a: float, b: float, c: float, alpha: float, beta: float, gamma: float) -> np.ndarray:
    """Return the cell vectors as rows, a along x; angles in degrees."""
    alpha, beta, gamma = np.radians([alpha, beta, gamma])
    x = np.cos(beta)
    y = (np.cos(alpha) - np.cos(beta) * np.cos(gamma)) / np.sin(gamma)
    z_squared = 1 - x * x - y * y
    if z_squared <= 0:
        raise ValueError("impossible cell angles")
    return np.array(
        [
            [a, 0, 0],
            [b * np.cos(gamma), b * np.sin(gamma), 0],
            [c * x, c * y, c * np.sqrt(z_squared)],
        ]
    )


def _parse(lines: list[str]) -> tuple[dict[str, float], list, list]:
    """Collect cell parameters, symmetry operators and sites; the first loop of each kind counts."""
    cell: dict[str, float] = {}
    operators: list = []
    sites: list = []
    at = 0
    while at < len(lines):
        line = lines[at].strip()
        at += 1
        if line.lower().startswith(("_cell_length_", "_cell_angle_")):
            key, value = _words(line)[:2]
            cell[key.lower().removeprefix("_cell_")] = _number(value)
        elif line.lower() == "loop_":
            heads, rows, at = _loop(lines, at)
            if _lists_operators(heads) and not operators:
                operators = _operators(rows)
            elif "_atom_site_fract_x" in heads and not sites:
                sites = _sites(heads, rows)
    return cell, operators, sites


def _loop(lines: list[str], at: int) -> tuple[list[str], list[str], int]:
    """Return the column names of the loop that starts at line `at`, its rows, and the line after it."""
    heads: list[str] = []
    while at < len(lines) and lines[at].strip().startswith("_"):
        heads.append(lines[at].split()[0].lower())
        at += 1
    rows: list[str] = []
    while at < len(lines):
        line = lines[at].strip()
        if line.startswith("_") or line.lower().startswith(("loop_", "data_", "data ")):
            break
        at += 1
        if not line and rows:
            break
        if line and not line.startswith("#"):
            rows.append(line)
    return heads, rows, at


def _lists_operators(heads: Iterable[str]) -> bool:
    return any(head.endswith("_pos_as_xyz") or head == "_space_group_symop_operation_xyz" for head in heads)


def _operators(rows: Iterable[str]) -> list[tuple[np.ndarray, np.ndarray]]:
    found = filter(None, map(_OPERATOR.search, rows))
    return [_operator(re.sub(r"^\s*\d+\s+", "", match.group(0))) for match in found]


def _operator(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Turn 'x,1/2-y,+z' into its rotation and its translation."""
    rotation, translation = np.zeros((3, 3)), np.zeros(3)
    for row, part in enumerate(text.replace(" ", "").lower().split(",")):
        for sign, number, axis in _TERM.findall(part):
            factor = -1.0 if sign == "-" else 1.0
            if axis:
                rotation[row, "xyz".index(axis)] += factor * (float(number) if number else 1.0)
            elif number:
                above, _, below = number.partition("/")
                translation[row] += factor * (float(above) / float(below) if below else float(above))
    return rotation, translation


def _sites(heads: list[str], rows: Iterable[str]) -> list[tuple[str, list[float], float]]:
    """Return (element, fractional position, occupancy) of every complete row."""
    axes = [heads.index(f"_atom_site_fract_{axis}") for axis in "xyz"]
    named = "_atom_site_type_symbol" if "_atom_site_type_symbol" in heads else "_atom_site_label"
    symbol = heads.index(named)
    occupancy = heads.index("_atom_site_occupancy") if "_atom_site_occupancy" in heads else None
    sites = []
    for words in map(_words, rows):
        if len(words) < len(heads):
            continue
        letters = re.match(r"[A-Za-z]{1,2}", words[symbol])
        element = letters.group(0).capitalize() if letters else "X"
        known = occupancy is not None and _NUMBER.match(words[occupancy])
        position = [_number(words[axis]) for axis in axes]
        sites.append((element, position, _number(words[occupancy]) if known else 1.0))
    return sites


def _expand(elements: list[str], positions: np.ndarray, operators: list) -> tuple[list[str], np.ndarray]:
    """Apply every operator to every site, and keep one of the images that fall on each other."""
    if len(operators) < 2:
        return elements, positions % 1.0
    from scipy.spatial import cKDTree

    images = np.concatenate([positions @ rotation.T + shift for rotation, shift in operators]) % 1.0
    images[images > 1 - 1e-9] = 0.0
    keep = np.ones(len(images), bool)
    for first, second in sorted(cKDTree(images, boxsize=1.0 + 1e-12).query_pairs(SAME_SITE)):
        if keep[first]:
            keep[second] = False
    named = elements * len(operators)
    return [element for element, kept in zip(named, keep, strict=True) if kept], images[keep]


def _number(text: str) -> float:
    """Read a number as CIF writes it: the standard uncertainty in brackets is dropped."""
    match = _NUMBER.match(text)
    if not match:
        raise ValueError(f"not a number: {text!r}")
    return float(match.group(0))


def _words(line: str) -> list[str]:
    """Split a line into its values, quoted ones whole."""
    if "'" in line or '"' in line:
        try:
            return shlex.split(line, comments=False, posix=True)
        except ValueError:  # an apostrophe in a bare word, as in O1'
            pass
    return line.split()
