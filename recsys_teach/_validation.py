"""Checks of parameters and arrays, for the whole package: what was expected, what was got, how to fix it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from scipy import sparse

Check = Callable[[str, Any], None]
MAX_SEED = 2**32 - 1  # numpy, torch and scikit-learn all take seeds up to here


def check_integer(name: str, value: Any, low: int = 1, high: int | None = None) -> None:
    """Refuse what is not an integer between ``low`` and ``high``.

    Integers of Python and numpy are accepted; a bool is not, and neither is a float, not even 64.0: scikit-learn draws
    the line there, too.

    Raises
    ------
    TypeError
        If the value is not an integer.
    ValueError
        If it is out of its range.
    """
    limits = f"an integer, at least {low}" if high is None else f"an integer from {low} to {high}"
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise TypeError(f"{name} must be {limits}; got {value!r}.{_integer_fix(value)}")
    if value < low or (high is not None and value > high):
        raise ValueError(f"{name} must be {limits}; got {value!r}.")


def _integer_fix(value: Any) -> str:
    if isinstance(value, float | np.floating) and np.isfinite(value):
        return f" Write {int(value)}, or convert what was calculated with int(...)."
    return " Convert text with int(...)." if isinstance(value, str) else ""


def check_number(
    name: str,
    value: Any,
    *,
    low: float | None = None,
    above: float | None = None,
    high: float | None = None,
    below: float | None = None,
) -> None:
    """Refuse what is not a finite number in a range, whose ends are in it (low, high) or not (above, below).

    Raises
    ------
    TypeError
        If the value is not a number; a bool is none.
    ValueError
        If it is NaN, infinite or out of its range.
    """
    ends = {"at least": low, "above": above, "at most": high, "below": below}
    limits = " and ".join(f"{word} {end:g}" for word, end in ends.items() if end is not None)
    expected = f"a finite number {limits}".rstrip()
    if not isinstance(value, int | float | np.integer | np.floating) or isinstance(value, bool):
        fix = " Convert text with float(...)." if isinstance(value, str) else ""
        raise TypeError(f"{name} must be {expected}; got {value!r}.{fix}")
    too_low = (low is not None and value < low) or (above is not None and value <= above)
    too_high = (high is not None and value > high) or (below is not None and value >= below)
    if not -np.inf < value < np.inf or too_low or too_high:  # NaN fails the first
        raise ValueError(f"{name} must be {expected}; got {value!r}.")


def check_seed(name: str, value: Any) -> None:
    """Refuse a seed that is not an integer from 0 to 2³² - 1: None would give another result in each run."""
    if value is None or isinstance(value, np.random.Generator | np.random.RandomState):
        got = "None" if value is None else f"a {type(value).__name__}"
        raise TypeError(
            f"{name} must be an integer from 0 to {MAX_SEED}; got {got}, with which the next run would give other "
            f"numbers. Write {name}=0, for example."
        )
    check_integer(name, value, 0, MAX_SEED)


def check_flag(name: str, value: Any) -> None:
    """Refuse what is not True or False: the text "False" would count as true."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False; got {value!r}.")


def check_choice(name: str, value: Any, choices: Iterable[str]) -> None:
    """Refuse what is none of some texts."""
    choices = list(choices)
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {choices}; got {value!r}.")


def optional(check: Check) -> Check:
    """Accept None, too."""

    def checked(name: str, value: Any) -> None:
        if value is not None:
            check(name, value)

    return checked


def check_generator(rng: Any) -> None:
    """Refuse what is not a numpy Generator, such as a seed."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a numpy Generator; got {rng!r}. Write np.random.default_rng(0).")


def check_binary(name: str, values: Any) -> np.ndarray:
    """Return an array of bool; refuse what is not made of bool, 0 and 1 alone, such as "no", which would be true."""
    array = _plain(name, values, "True and False, or 1 and 0")
    wrong = array.ravel()[~np.isin(array, (0, 1)).ravel()]
    if wrong.size:
        raise ValueError(f"{name} must be True and False, or 1 and 0; got {wrong[0]}. Drop or convert it first.")
    return array.astype(bool)


def check_numbers(name: str, values: Any) -> np.ndarray:
    """Return an array of float64; refuse what is not made of finite numbers alone."""
    array = _plain(name, values, "finite numbers")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite numbers; got NaN or infinity among them. Drop or fill those first.")
    return array.astype(float)


def _plain(name: str, values: Any, expected: str) -> np.ndarray:
    """Refuse arrays of text or of objects, and those that hide a part of their values."""
    if np.ma.is_masked(values):
        raise TypeError(f"{name} must be {expected}; got an array with masked values. Write {name}.filled(...) first.")
    array = np.asarray(values)
    if array.size and array.dtype.kind not in "biuf":
        raise TypeError(
            f"{name} must be {expected}; got values such as {str(array.ravel()[0])!r} of dtype {array.dtype}. "
            f"Convert text first, for example {name} == 'yes' or {name}.astype(float)."
        )
    return array if array.size else array.astype(float)


def rows_by_value(rows: Any) -> sparse.csr_array:
    """Return a csr_array of float64 that stores each cell that is not 0, once, in order, and nothing else.

    So what is computed from it depends on the values of the rows alone, and not on how they were stored: a 0 that is
    stored is no cell, cells that are stored twice are added up, and what is masked counts as 0.

    Raises
    ------
    TypeError
        If the rows are not a dense or sparse matrix of numbers.
    ValueError
        If one of them is NaN or infinite.
    """
    given = rows.filled(0) if np.ma.isMaskedArray(rows) else rows if sparse.issparse(rows) else np.asarray(rows)
    if given.ndim != 2:
        raise ValueError(f"Expected rows of shape (n, n_items); got {given.shape}. Write a single row as row[None].")
    if given.dtype.kind not in "biuf":
        raise TypeError(f"Expected rows of numbers; got dtype {given.dtype}. Convert them with rows.astype(float).")
    cells = sparse.csr_array(given, dtype=float)
    if not np.isfinite(cells.data).all():
        raise ValueError("The rows contain NaN or infinity. Write 0 where there was no event.")
    if cells.has_canonical_format and cells.data.all():
        return cells
    cells = cells.copy()
    cells.sum_duplicates()
    cells.eliminate_zeros()
    return cells
