"""Check parameters and arrays for the package: each message states what was expected, what was got, and a fix."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from scipy import sparse

Check = Callable[[str, Any], None]
MAX_SEED = 2**32 - 1  # the largest seed that numpy, torch and scikit-learn all accept


def check_integer(name: str, value: Any, low: int = 1, high: int | None = None) -> None:
    """Raise if a value is not an integer between ``low`` and ``high``.

    Integers of Python and numpy are accepted. A bool is rejected, and so is a float, even 64.0, as in scikit-learn.

    Parameters
    ----------
    name : str
        Name of the parameter in the message.
    value : object
        The value to check.
    low : int, default=1
        Smallest allowed value.
    high : int, optional
        Largest allowed value; None means no upper limit.

    Raises
    ------
    TypeError
        If the value is not an integer.
    ValueError
        If the value is out of range.
    """
    limits = f"an integer, at least {low}" if high is None else f"an integer from {low} to {high}"
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise TypeError(f"{name} must be {limits}; got {value!r}.{_integer_fix(value)}")
    if value < low or (high is not None and value > high):
        raise ValueError(f"{name} must be {limits}; got {value!r}.")


def _integer_fix(value: Any) -> str:
    """Return a hint that shows how to write or convert the value as an integer, or an empty string."""
    if isinstance(value, float | np.floating) and np.isfinite(value):
        return f" Write {int(value)}, or convert a computed value with int(...)."
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
    """Raise if a value is not a finite number in a range.

    Parameters
    ----------
    name : str
        Name of the parameter in the message.
    value : object
        The value to check.
    low, above, high, below : float, optional
        Limits: the value must be at least ``low``, greater than ``above``, at most ``high`` and less than ``below``.

    Raises
    ------
    TypeError
        If the value is not a number. A bool does not count as a number.
    ValueError
        If the value is NaN, infinite or out of range.
    """
    ends = {"at least": low, "above": above, "at most": high, "below": below}
    limits = " and ".join(f"{word} {end:g}" for word, end in ends.items() if end is not None)
    expected = f"a finite number {limits}".rstrip()
    if not isinstance(value, int | float | np.integer | np.floating) or isinstance(value, bool):
        fix = " Convert text with float(...)." if isinstance(value, str) else ""
        raise TypeError(f"{name} must be {expected}; got {value!r}.{fix}")
    too_low = (low is not None and value < low) or (above is not None and value <= above)
    too_high = (high is not None and value > high) or (below is not None and value >= below)
    if not -np.inf < value < np.inf or too_low or too_high:  # NaN fails the first comparison
        raise ValueError(f"{name} must be {expected}; got {value!r}.")


def check_seed(name: str, value: Any) -> None:
    """Raise if a seed is not an integer from 0 to 2³² - 1.

    Parameters
    ----------
    name : str
        Name of the parameter in the message.
    value : object
        The seed to check. None and generators are rejected because results would differ between runs.

    Raises
    ------
    TypeError
        If the seed is not an integer.
    ValueError
        If the seed is out of range.
    """
    if value is None or isinstance(value, np.random.Generator | np.random.RandomState):
        got = "None" if value is None else f"a {type(value).__name__}"
        raise TypeError(
            f"{name} must be an integer from 0 to {MAX_SEED}; got {got}, with which results differ between runs. "
            f"Set {name}=0, for example."
        )
    check_integer(name, value, 0, MAX_SEED)


def check_flag(name: str, value: Any) -> None:
    """Raise if a value is not True or False.

    Parameters
    ----------
    name : str
        Name of the parameter in the message.
    value : object
        The value to check. Text is rejected because ``bool("False")`` is True.

    Raises
    ------
    TypeError
        If the value is not a bool.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False; got {value!r}.")


def check_choice(name: str, value: Any, choices: Iterable[str]) -> None:
    """Raise if a value is not one of the allowed strings.

    Parameters
    ----------
    name : str
        Name of the parameter in the message.
    value : object
        The value to check.
    choices : iterable of str
        The allowed values.

    Raises
    ------
    ValueError
        If the value is not one of the choices.
    """
    choices = list(choices)
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {choices}; got {value!r}.")


def optional(check: Check) -> Check:
    """Return a check that also accepts None.

    Parameters
    ----------
    check : callable
        A check that is called with a name and a value.

    Returns
    -------
    callable
        A check that skips None and passes every other value to ``check``.
    """

    def checked(name: str, value: Any) -> None:
        if value is not None:
            check(name, value)

    return checked


def check_generator(rng: Any) -> None:
    """Raise if a value is not a numpy Generator.

    Parameters
    ----------
    rng : object
        The value to check. A seed is rejected, too.

    Raises
    ------
    TypeError
        If the value is not a ``numpy.random.Generator``.
    """
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a numpy Generator; got {rng!r}. Write np.random.default_rng(0).")


def check_binary(name: str, values: Any) -> np.ndarray:
    """Return binary values as an array of bool.

    Parameters
    ----------
    name : str
        Name of the parameter in the message.
    values : array-like
        Booleans, or the numbers 0 and 1. Text is rejected because ``bool("no")`` is True.

    Returns
    -------
    ndarray of bool
        The values, in their original shape.

    Raises
    ------
    TypeError
        If the values are text or objects, or some of them are masked.
    ValueError
        If a number is neither 0 nor 1.
    """
    array = _plain(name, values, "True and False, or 1 and 0")
    wrong = array.ravel()[~np.isin(array, (0, 1)).ravel()]
    if wrong.size:
        raise ValueError(
            f"{name} must be True and False, or 1 and 0; got {wrong[0]}. Drop or convert other values first."
        )
    return array.astype(bool)


def check_numbers(name: str, values: Any) -> np.ndarray:
    """Return finite numbers as an array of float64.

    Parameters
    ----------
    name : str
        Name of the parameter in the message.
    values : array-like
        The numbers to check.

    Returns
    -------
    ndarray of float
        The values, in their original shape.

    Raises
    ------
    TypeError
        If the values are text or objects, or some of them are masked.
    ValueError
        If a value is NaN or infinite.
    """
    array = _plain(name, values, "finite numbers")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite numbers; got NaN or infinity. Drop or replace such values first.")
    return array.astype(float)


def _plain(name: str, values: Any, expected: str) -> np.ndarray:
    """Return values as a numeric array; raise on arrays of text or objects, and on masked values."""
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
    """Return rows as a csr_array of float64 in canonical format, without explicit zeros.

    Results computed from it depend only on the values of the rows, regardless of how the rows were stored: explicit
    zeros are removed, duplicate cells are added up, and masked cells count as 0.

    Parameters
    ----------
    rows : array-like or sparse matrix, shape (n, n_items)
        Dense, masked or sparse rows.

    Returns
    -------
    csr_array, shape (n, n_items)
        Each nonzero cell is stored exactly once, with sorted column indices.

    Raises
    ------
    TypeError
        If the rows are not numeric.
    ValueError
        If the rows are not two-dimensional, or a value is NaN or infinite.
    """
    matrix = rows.filled(0) if np.ma.isMaskedArray(rows) else rows if sparse.issparse(rows) else np.asarray(rows)
    if matrix.ndim != 2:
        raise ValueError(f"Expected rows of shape (n, n_items); got {matrix.shape}. Write a single row as row[None].")
    if matrix.dtype.kind not in "biuf":
        raise TypeError(f"Expected rows of numbers; got dtype {matrix.dtype}. Convert them with rows.astype(float).")
    cells = sparse.csr_array(matrix, dtype=float)
    if not np.isfinite(cells.data).all():
        raise ValueError("The rows contain NaN or infinity. Write 0 where there was no event.")
    if cells.has_canonical_format and cells.data.all():
        return cells
    cells = cells.copy()
    cells.sum_duplicates()
    cells.eliminate_zeros()
    return cells
