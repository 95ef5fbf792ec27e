"""Compare an answer with what was expected, and describe where and how far they differ."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping
from itertools import islice
from string import ascii_lowercase
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

RTOL = 1e-5
MANY = 8  # numbers that are shown beside the expected ones

_brief = reprlib.Repr()
_brief.maxlist = _brief.maxtuple = _brief.maxdict = _brief.maxset = 24
_brief.maxstring = _brief.maxother = 200


def same(expected: Any, answer: Any, atol: float = 1e-6) -> str:
    """Return "" if the answer equals what was expected, else one or two lines on where and how far.

    Arrays, sparse matrices, series and tensors are compared by value and may replace each other; so may lists,
    tuples and arrays of numbers. NaN equals NaN. Numbers may differ by ``atol`` plus a hundred-thousandth of their
    size, so that an answer computed in float32 counts.
    """
    if isinstance(expected, Mapping):
        return _same_mapping(expected, answer, atol)
    if isinstance(expected, str | bool | np.bool_ | None):
        return _same_plain(expected, answer)
    if isinstance(expected, set | frozenset):
        return _same_set(set(expected), answer)
    if isinstance(expected, tuple):
        return _same_parts(expected, answer, atol)
    return _same_numbers(_as_array(expected), answer, atol)


def same_ranking(expected: Any, answer: Any, atol: float = 0) -> str:
    """Compare lists of item positions, best first: return "" or which row and place differ."""
    wanted = _as_array(expected)
    if isinstance(answer, set | frozenset):
        return "expected a list or an array, got a set, which has no order."
    try:
        got = _as_array(answer)
    except (ValueError, TypeError):
        return f"expected item positions of shape {wanted.shape}, got {_short(answer)}."
    if wanted.ndim == got.ndim == 1 and len(wanted) != len(got):
        return f"expected {len(wanted)} positions, got {len(got)}."
    wanted, got = np.atleast_2d(wanted), got[None] if got.ndim == 1 else got
    if (reason := _wrong_shape(wanted, got)) or (reason := _not_numbers(got)):
        return reason
    if wanted.dtype.kind in "iu" and got.dtype.kind == "f":
        return "expected positions, whole numbers that can index an array; got numbers with a decimal point."
    if (wanted == got).all():
        return ""
    row, place = np.argwhere(wanted != got)[0]
    where = f"row {row}: " if len(wanted) > 1 else ""
    return f"{where}at place {place + 1} you ranked item {got[row, place]}, expected {wanted[row, place]}."


def beside(expected: Any, answer: Any, atol: float = 1e-6) -> list[tuple[str, str, str]]:
    """List numbers of an answer beside the expected ones: all of a few, or those around the first differences.

    Parameters
    ----------
    expected, answer : anything
        What was expected and what was returned.
    atol : float
        Largest difference of numbers that count as equal.

    Returns
    -------
    list of (place, expected, got)
        The two texts are equal where the numbers are. Empty if there is nothing to put beside each other: equal
        answers, other kinds or other shapes.
    """
    try:
        if isinstance(expected, tuple):
            parts = [
                (f"part {number}", beside(want, got, atol))
                for number, (want, got) in enumerate(zip(expected, answer, strict=True), start=1)
            ]
            return next(([(f"{part}, {at}", one, two) for at, one, two in rows] for part, rows in parts if rows), [])
        if isinstance(expected, Mapping | str | bool | set | frozenset | None):
            return []
        want, got = _as_array(expected), _as_array(answer)
        if want.shape != got.shape or {want.dtype.kind, got.dtype.kind} - set("biuf"):
            return []
        close = np.isclose(got, want, rtol=RTOL, atol=atol, equal_nan=True)
    except (TypeError, ValueError, RuntimeError):  # RuntimeError: a list of tensors with gradients
        return []
    differ = np.argwhere(~close)
    if not len(differ):
        return []
    places = [*np.ndindex(want.shape)] if want.size <= MANY else [tuple(place) for place in differ[:MANY]]
    return [
        (_place(place) if place else "result", *_two_numbers(want[place], got[place], bool(close[place])))
        for place in places
    ]


def _two_numbers(expected: Any, got: Any, equal: bool) -> tuple[str, str]:
    """Write two numbers with as many digits as it takes to see a difference, or as the same text if they are equal."""
    if equal:
        return _number(expected), _number(expected)
    for digits in (6, 9, 17):
        texts = f"{float(expected):.{digits}g}", f"{float(got):.{digits}g}"
        if texts[0] != texts[1]:
            break
    return texts


def _as_array(value: Any) -> np.ndarray:
    if sparse.issparse(value):
        return value.toarray()
    if hasattr(value, "detach"):
        value = value.detach().numpy()
    return np.asarray(value)


def _same_plain(expected: Any, answer: Any) -> str:
    if getattr(answer, "ndim", None) == 0 and hasattr(answer, "item"):  # a number of numpy, a tensor of one number
        answer = answer.item()
    if isinstance(expected, np.bool_):
        expected = expected.item()
    if type(answer) is type(expected) and answer == expected:
        return ""
    return f"expected {expected!r}, got {_short(answer)}."


def _same_set(expected: set, answer: Any) -> str:
    try:
        most = islice(answer, 10 * len(expected) + 1000)  # a generator may be endless
        got = {value.item() if hasattr(value, "item") else value for value in most}
    except (TypeError, ValueError):
        return f"expected a set, got {_short(answer)}."
    missing, extra = sorted(expected - got, key=str), sorted(got - expected, key=str)
    parts = [f"missing: {missing[:5]}"] * bool(missing) + [f"too many: {extra[:5]}"] * bool(extra)
    return "; ".join(parts) + ("." if parts else "")


def _same_mapping(expected: Mapping, answer: Any, atol: float) -> str:
    if not isinstance(answer, Mapping):
        return f"expected a dictionary with the keys {list(expected)}, got {_short(answer)}."
    if wrong := _same_set(set(expected), set(answer)):
        return f"the keys differ: {wrong}"
    for key, value in expected.items():
        if reason := same(value, answer[key], atol):
            return f"under {key!r}: {reason}"
    return ""


def _same_parts(expected: tuple, answer: Any, atol: float) -> str:
    if (not isinstance(answer, tuple | list) and getattr(answer, "ndim", 0) != 1) or len(answer) != len(expected):
        example = ", ".join(ascii_lowercase[: len(expected)])
        return f"expected {len(expected)} values, as in `return {example}`; got {_nested(expected, answer)}."
    for place, (want, got) in enumerate(zip(expected, answer, strict=True), start=1):
        if reason := same(want, got, atol):
            return f"part {place} of what you return: {reason}"
    return ""


def _nested(expected: tuple, answer: Any) -> str:
    """Describe an answer, and which part to unpack if its numbers are as many as expected, but nested."""
    try:
        sizes = [np.size(part) for part in answer] if isinstance(answer, tuple | list) else []
        wide = [place for place, size in enumerate(sizes) if size > 1]
        if sum(sizes) != len(expected) or len(wide) != 1 or any(np.ndim(part) for part in expected):
            return _short(answer)
    except (ValueError, TypeError):
        return _short(answer)
    place, size = wide[0], sizes[wide[0]]
    names = ", ".join(ascii_lowercase[place : place + size])
    nth = ("first", "second", "third")[place] if place < 3 else f"{place + 1}th"
    return f"{len(sizes)}, the {nth} of which has {size} numbers. Unpack it: `{names} = ...`"


def _same_numbers(expected: np.ndarray, answer: Any, atol: float) -> str:
    try:
        got = _as_array(answer)
    except (ValueError, TypeError):
        return f"expected numbers of shape {expected.shape}, got {_short(answer)}."
    if expected.dtype.kind == "U":
        return "" if np.array_equal(expected, got) else f"expected {_short(expected.tolist())}, got {_short(answer)}."
    if (reason := _not_numbers(got)) or (reason := _wrong_shape(expected, got)):
        return reason
    if got.dtype == np.float32 and expected.size:  # sums of float32 are off by a share of their largest term
        atol = max(atol, RTOL * float(np.abs(expected[np.isfinite(expected)], dtype=float).max(initial=0)))
    close = np.isclose(got, expected, rtol=RTOL, atol=atol, equal_nan=True)
    if close.all():
        return ""
    if expected.ndim == 0:
        return _expected_got(expected, got)
    with np.errstate(invalid="ignore"):  # infinity minus infinity
        distance = np.where(close, -1.0, np.nan_to_num(np.abs(got - expected.astype(float)), nan=np.inf))
    place = np.unravel_index(distance.argmax(), expected.shape)
    return f"{(~close).sum()} of {expected.size} numbers differ, most at {_place(place)}: " + _expected_got(
        expected[place], got[place]
    )


def _not_numbers(got: np.ndarray) -> str:
    if got.dtype.kind in "biuf":
        return ""
    return f"expected numbers, got {_short(got.item() if got.ndim == 0 else got)}."


def _wrong_shape(expected: np.ndarray, got: np.ndarray) -> str:
    if expected.shape == got.shape:
        return ""
    kind = "one number" if expected.ndim == 0 else f"an array of shape {expected.shape}"
    shown = "one number" if got.ndim == 0 else f"an array of shape {got.shape}"
    swapped = got.ndim == 2 and got.shape == expected.shape[::-1]
    return f"expected {kind}, got {shown}{': that is the transpose' if swapped else ''}."


def _place(place: tuple[Any, ...]) -> str:
    if len(place) > 2:
        return str([int(index) for index in place])
    names = ("position",) if len(place) == 1 else ("row", "column")
    return ", ".join(f"{name} {int(index)}" for name, index in zip(names, place, strict=True))


def _expected_got(expected: Any, answer: Any) -> str:
    """Show both numbers with as many digits as it takes to see a difference."""
    want, got = _two_numbers(expected, answer, equal=False)
    return f"expected {want}, got {got}."


def _number(value: Any) -> str:
    return f"{float(value):.6g}"


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and type {value.dtype}"
    value = _plain(value)
    return "a function" if callable(value) else f"{type(value).__name__} {_brief.repr(value)}"


def _plain(value: Any) -> Any:
    """Turn the numbers of numpy inside lists, tuples, sets and dictionaries into those of Python, to print them."""
    if isinstance(value, np.generic):
        return value.item()
    if type(value) in (list, tuple, set, frozenset) and len(value) <= 1000:
        return type(value)(map(_plain, value))
    if type(value) is dict and len(value) <= 1000:
        return {_plain(key): _plain(part) for key, part in value.items()}
    return value


def describe(value: Any) -> str:
    """Write an argument so that a learner can type it again, or describe it if it is large."""
    if sparse.issparse(value):
        return _sparse(value)
    if isinstance(value, np.ndarray) and value.size <= 48:
        text = np.array2string(value, precision=3, suppress_small=True, separator=", ")
        return text if value.ndim < 2 else re.sub(r"\n+", "\n" + " " * 9, text)  # in line below "with "
    if isinstance(value, pd.DataFrame) and len(value) <= 12:
        return "\n" + value.to_string()
    value = _plain(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, str | list | tuple | dict | set | frozenset):
        return _brief.repr(value)
    text = _short(value) if isinstance(value, np.ndarray) else repr(value)
    return text if len(text) <= 400 else text[:400] + " ..."


def _sparse(value: Any) -> str:
    """Describe a sparse matrix by its dense form, and name the zeros that are stored, which that cannot show."""
    text = f"a sparse matrix equal to {describe(value.toarray())}"
    cells = sparse.coo_array(value)
    zeros = [tuple(map(int, place)) for place, number in zip(zip(*cells.coords, strict=True), cells.data, strict=True)
             if number == 0]  # fmt: skip
    return text + f", with a stored 0 at {', '.join(map(str, zeros[:4]))}" * bool(zeros)
