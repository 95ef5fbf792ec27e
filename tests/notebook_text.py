"""Compare the output of two runs of a notebook, exactly or with a tolerance for numbers from different machines."""

from __future__ import annotations

import re
from itertools import zip_longest

from nbformat import NotebookNode

NUMBER = re.compile(r"[-+−]?(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?")
PICTURE = re.compile(r"data:image/[^\"']+")
# A line with one of these marks says whether a result was computed here or read from a saved run. That depends on what
# is installed, so it is not compared.
SOURCE = re.compile(r"^\[(?:live|saved) run\].*\n?", re.M)
# Two numbers may differ by this fraction of the larger one, plus one unit of the last printed digit.
RELATIVE_TOLERANCE = 0.05


def printed(cell: NotebookNode) -> list[str]:
    """Return the text of each output of a code cell, one entry for each format, without pictures and marked lines.

    Parameters
    ----------
    cell : NotebookNode
        An executed cell.

    Returns
    -------
    list of str
        Kind and text of each output.
    """
    texts = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            texts.append(f"{output.name}\n{SOURCE.sub('', output.text)}")
        elif output.output_type == "error":
            texts.append(f"error\n{output.ename}: {output.evalue}")
        else:
            formats = {kind: text for kind, text in output.data.items() if kind.startswith("text/")}
            texts += [f"{kind}\n{PICTURE.sub('PICTURE', text)}" for kind, text in sorted(formats.items())]
    return texts


def differences(one: NotebookNode, other: NotebookNode, *, exact: bool) -> list[str]:
    """List the cells of two notebooks that print different text.

    Parameters
    ----------
    one, other : NotebookNode
        Executed notebooks with the same cells.
    exact : bool
        Whether every character must be equal. Otherwise, numbers may differ as :func:`agree` allows, and so may the
        amount of white space.

    Returns
    -------
    list of str
        A description of each difference.
    """
    is_same = str.__eq__ if exact else agree
    found = []
    for number, (left, right) in enumerate(zip_longest(one.cells, other.cells)):
        if left is None or right is None:
            found.append(f"cell {number}: only one of the notebooks has this cell")
            continue
        for first, second in zip_longest(printed(left), printed(right)):
            if first is None or second is None:
                found.append(f"cell {number}: only one of the notebooks prints {first or second!r:.300}")
            elif not is_same(first, second):
                found.append(f"cell {number}: {_first_difference(first, second, is_same)}")
    return found


def _first_difference(first: str, second: str, is_same) -> str:
    """Return the first pair of lines that differ."""
    for one, other in zip_longest(first.splitlines(), second.splitlines()):
        if one is None or other is None or not is_same(one, other):
            return f"{one!r} and {other!r}"
    return f"{first!r} and {second!r}"


def agree(one: str, other: str) -> bool:
    """Return whether two texts have the same words, and numbers that are equal within the tolerance.

    Parameters
    ----------
    one, other : str
        Texts of outputs.

    Returns
    -------
    bool
        True if they agree.
    """
    if NUMBER.sub("#", one).split() != NUMBER.sub("#", other).split():
        return False
    pairs = zip(NUMBER.findall(one), NUMBER.findall(other), strict=True)
    return all(first == second or _close(first, second) for first, second in pairs)


def _close(one: str, other: str) -> bool:
    """Return whether two printed numbers are equal within the tolerance and rounding errors."""
    a, b = _value(one), _value(other)
    return abs(a - b) <= (max(_unit(one), _unit(other)) + RELATIVE_TOLERANCE * max(abs(a), abs(b))) * (1 + 1e-9)


def _value(text: str) -> float:
    return float(text.replace(",", "").replace("−", "-"))


def _unit(text: str) -> float:
    """Return the value of one unit of the last printed digit."""
    mantissa, _, exponent = text.lower().partition("e")
    return 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
