"""Tables in which nobody stands alone: generalise, count, leave out. Built by hand in chapter 15."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def generalise(users: pd.DataFrame, age_years: int = 1, zip_digits: int = 5) -> pd.DataFrame:
    """Make ages and postal codes coarser. Built by hand in chapter 15.

    Parameters
    ----------
    users : DataFrame with the columns ``age`` (years) and ``zip_code`` (text); others stay as they are.
    age_years : int, at least 1. Width of an age band; an age becomes the lower end of its band.
    zip_digits : int, at least 0. How many leading characters of the code stay.
    """
    if age_years < 1 or zip_digits < 0:
        raise ValueError(f"Expected age_years of 1 or more, zip_digits of 0 or more; came {age_years}, {zip_digits}.")
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
    if k < 1:
        raise ValueError(f"k is a number of people, at least 1; came {k}.")
    return table[group_sizes(table, columns) >= k]
