"""Tables in which nobody stands alone: generalize, count, leave out. Built by hand in chapter 15."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from recsys_teach._validation import check_integer


def generalize(users: pd.DataFrame, age_years: int = 1, zip_digits: int = 5) -> pd.DataFrame:
    """Make ages and postal codes coarser. Built by hand in chapter 15.

    Parameters
    ----------
    users : DataFrame with the columns ``age`` (years) and ``zip_code`` (text); others stay as they are.
    age_years : int, at least 1. Width of an age band; an age becomes the lower end of its band.
    zip_digits : int, at least 0. How many leading characters of the code stay.
    """
    check_integer("age_years", age_years)
    check_integer("zip_digits", zip_digits, 0)
    for column, fits, kind in (
        ("age", pd.api.types.is_numeric_dtype, "numbers: convert text with pd.to_numeric"),
        ("zip_code", _is_text, "text: convert numbers with .astype(str).str.zfill(5)"),
    ):
        if column not in users or not fits(users[column]) or users[column].dtype == bool:
            got = users[column].dtype if column in users else f"a table with {list(users)}"
            raise TypeError(f"Expected a column {column!r} of {kind}; got {got}.")
    return users.assign(age=users["age"] // age_years * age_years, zip_code=users["zip_code"].str[:zip_digits])


def group_sizes(table: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """How many rows share each row's values in these columns, itself included. Built by hand in chapter 15.

    A table is k-anonymous in the columns if the smallest of these is at least k. Missing values equal each other.

    Returns
    -------
    array of int, shape (len(table),).

    References
    ----------
    Sweeney (2002), "k-anonymity: a model for protecting privacy".
    """
    missing = [column for column in columns if column not in table.columns]
    if missing or not len(columns):
        raise ValueError(f"Expected columns of the table, {list(table.columns)}; came {list(columns)}.")
    codes = np.column_stack([pd.factorize(table[column])[0] for column in columns])  # -1 where missing
    _, group, size = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
    return size[group.ravel()]


def suppress(table: pd.DataFrame, columns: Sequence[str], k: int) -> pd.DataFrame:
    """Leave out the rows whose group is smaller than k; what remains is k-anonymous. Built in chapter 15."""
    check_integer("k", k)
    return table[group_sizes(table, columns) >= k]


def _is_text(column: pd.Series) -> bool:
    return pd.api.types.infer_dtype(column.astype(object), skipna=True) in ("string", "empty")
