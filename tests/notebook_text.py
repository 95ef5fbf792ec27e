"""Compare what two runs of a notebook print: exactly on one machine, with numeric tolerance between machines."""

from __future__ import annotations

import re
from itertools import zip_longest

from nbformat import NotebookNode

NUMBER = re.compile(r"[-+−]?(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?")
PICTURE = re.compile(r"data:image/[^\"']+")
SHARE = 0.05  # two numbers may differ by this share of the larger one, and by one unit of the last printed digit


def printed(cell: NotebookNode) -> list[str]:
    """Return the text of each output of a code cell, an entry a format, pictures left out."""
    texts = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            texts.append(f"{output.name}\n{output.text}")
        elif output.output_type == "error":
            texts.append(f"error\n{output.ename}: {output.evalue}")
        else:
            formats = {kind: text for kind, text in output.data.items() if kind.startswith("text/")}
            texts += [f"{kind}\n{PICTURE.sub('PICTURE', text)}" for kind, text in sorted(formats.items())]
    return texts


def differences(one: NotebookNode, other: NotebookNode, *, exact: bool) -> list[str]:
    """List where two notebooks print different text, a line for each cell.

    Parameters
    ----------
    one, other : NotebookNode
        Executed notebooks with the same cells.
    exact : bool
        Whether each character counts; otherwise numbers may differ as :func:`agree` allows, and so may the width of
        white space.
    """
    same = str.__eq__ if exact else agree
    found = []
    for number, (left, right) in enumerate(zip_longest(one.cells, other.cells)):
        if left is None or right is None:
            found.append(f"cell {number}: only one of the notebooks has it")
            continue
        for first, second in zip_longest(printed(left), printed(right)):
            if first is None or second is None:
                found.append(f"cell {number}: one of the two prints less; the other prints {first or second!r:.300}")
            elif not same(first, second):
                found.append(f"cell {number}: {_first_difference(first, second, same)}")
    return found


def _first_difference(first: str, second: str, same) -> str:
    for one, other in zip_longest(first.splitlines(), second.splitlines()):
        if one is None or other is None or not same(one, other):
            return f"{one!r} against {other!r}"
    return f"{first!r} against {second!r}"


def agree(one: str, other: str) -> bool:
    """Return whether two texts have the same words, and numbers that are equal up to the tolerance."""
    if NUMBER.sub("#", one).split() != NUMBER.sub("#", other).split():
        return False
    pairs = zip(NUMBER.findall(one), NUMBER.findall(other), strict=True)
    return all(first == second or _close(first, second) for first, second in pairs)


def _close(one: str, other: str) -> bool:
    a, b = _value(one), _value(other)
    return abs(a - b) <= (max(_unit(one), _unit(other)) + SHARE * max(abs(a), abs(b))) * (1 + 1e-9)


def _value(text: str) -> float:
    return float(text.replace(",", "").replace("−", "-"))


def _unit(text: str) -> float:
    """Return what one more in the last printed digit is worth."""
    mantissa, _, exponent = text.lower().partition("e")
    return 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
