"""k-anonymity of tables: generalize, count the groups, and suppress small ones. Built by hand in chapter 15."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from recsys_teach._validation import check_integer


def generalize(users: pd.DataFrame, age_years: int = 1, zip_digits: int = 5) -> pd.DataFrame:
    """Generalize ages to age bands and shorten postal codes. Built by hand in chapter 15.

    Parameters
    ----------
    users : DataFrame
        Table with the columns ``age`` (years) and ``zip_code`` (text). Other columns are not changed.
    age_years : int, default=1
        Width of an age band, at least 1. Each age becomes the lower end of its band.
    zip_digits : int, default=5
        Number of leading characters of the postal code to keep, at least 0.

    Returns
    -------
    DataFrame
        The generalized table.

    Raises
    ------
    TypeError
        If a column is missing or has the wrong type, or a parameter is not an integer.
    ValueError
        If a parameter is out of range.
    """
    check_integer("age_years", age_years)
    check_integer("zip_digits", zip_digits, 0)
    for column, is_valid, kind, fix in (
        ("age", pd.api.types.is_numeric_dtype, "numbers", "Convert text with pd.to_numeric(...)."),
        ("zip_code", _is_text, "text", "Convert numbers with .astype(str).str.zfill(5)."),
    ):
        if column not in users or not is_valid(users[column]) or users[column].dtype == bool:
            got = users[column].dtype if column in users else f"a table with {list(users)}"
            raise TypeError(f"Expected a column {column!r} of {kind}; got {got}. {fix}")
    return users.assign(age=users["age"] // age_years * age_years, zip_code=users["zip_code"].str[:zip_digits])


def group_sizes(table: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """Return the size of each row's group of rows with the same quasi-identifiers. Built by hand in chapter 15.

    A table is k-anonymous with respect to the columns if the smallest group has at least k rows. Missing values count
    as equal.

    Parameters
    ----------
    table : DataFrame
        The table, with one row per person.
    columns : sequence of str
        Names of the quasi-identifiers.

    Returns
    -------
    ndarray of int, shape (n_rows,)
        Number of rows in the group of each row, including the row itself.

    Raises
    ------
    ValueError
        If a column is missing, or no columns were passed.

    References
    ----------
    Sweeney (2002), "k-anonymity: a model for protecting privacy".
    """
    missing = [column for column in columns if column not in table.columns]
    if missing or not len(columns):
        raise ValueError(
            f"Expected one or more columns of the table, {list(table.columns)}; got {list(columns)}. "
            "Pass names of existing columns."
        )
    codes = np.column_stack([pd.factorize(table[column])[0] for column in columns])  # -1 where missing
    _, group, size = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
    return size[group.ravel()]


def suppress(table: pd.DataFrame, columns: Sequence[str], k: int) -> pd.DataFrame:
    """Drop the rows whose group is smaller than k, so that the table is k-anonymous. Built by hand in chapter 15.

    Parameters
    ----------
    table : DataFrame
        The table, with one row per person.
    columns : sequence of str
        Names of the quasi-identifiers.
    k : int
        Smallest allowed size of a group, at least 1.

    Returns
    -------
    DataFrame
        The remaining rows.

    Raises
    ------
    TypeError
        If k is not an integer.
    ValueError
        If k is below 1, or a column is missing.
    """
    check_integer("k", k)
    return table[group_sizes(table, columns) >= k]


def _is_text(column: pd.Series) -> bool:
    """Return whether all values that are not missing are strings."""
    return pd.api.types.infer_dtype(column.astype(object), skipna=True) in ("string", "empty")
