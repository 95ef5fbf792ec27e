"""Encode feature tables of users and items: align them with the ids, name the categories, encode new rows."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from recsys_teach.data.interactions import Interactions


def align(interactions: Interactions, axis: str, columns: Sequence[str], parameter: str) -> pd.DataFrame:
    """Return columns of the feature table of one axis, with one row for each id, in the order of the ids.

    Parameters
    ----------
    interactions : Interactions
        Interactions whose feature table may have its ids in any order, and more ids than are needed.
    axis : {"user", "item"}
        The table to use.
    columns : sequence of str
        Columns of the table. If there are none, no table is needed.
    parameter : str
        The caller's name of ``columns``, for messages.

    Returns
    -------
    DataFrame, shape (n_users or n_items, n_columns)
        The columns, indexed by the ids.

    Raises
    ------
    ValueError
        If the table or a column is absent, an id has no row or several, or the index does not contain the ids.
    """
    ids, table = getattr(interactions, f"{axis}_ids"), getattr(interactions, f"{axis}s")
    check_columns(table, columns, parameter, f"fit(Interactions.from_log(log, {axis}s=...))")
    if table is None or not len(columns):
        return pd.DataFrame(index=ids)
    if table.index.has_duplicates:
        duplicate = table.index[table.index.duplicated()].tolist()[0]
        raise ValueError(
            f"Expected one row for each id in the table {axis}s, but {duplicate!r} has several. "
            f"Keep one: {axis}s[~{axis}s.index.duplicated()]."
        )
    missing = ids[~ids.isin(table.index)]
    if len(missing):
        raise ValueError(
            f"The table {axis}s has no row for {len(missing)} of the {len(ids)} {axis} ids, for example "
            f"{missing.tolist()[0]!r}; its index has {table.index[:3].tolist()}. If its ids are a column, write "
            f"{axis}s.set_index({axis!r}) with the name of that column; otherwise add rows with missing values: "
            f"{axis}s.reindex(ids)."
        )
    return table.reindex(ids)[list(columns)]


def check_columns(table: pd.DataFrame | None, columns: Sequence[str], parameter: str, fix: str) -> None:
    """Raise if columns are not a list of names, or the table does not have each of them exactly once.

    Parameters
    ----------
    table : DataFrame or None
        The table that should have the columns.
    columns : sequence of str
        The columns to check.
    parameter : str
        The caller's name of ``columns``, for messages.
    fix : str
        What the caller should pass instead, for messages.

    Raises
    ------
    ValueError
        If ``columns`` is a string, or a column is absent or duplicated.
    TypeError
        If the table is not a DataFrame.
    """
    if isinstance(columns, str):
        raise ValueError(
            f"Expected {parameter} as a list of names, for example [{columns!r}]; got the string {columns!r}."
        )
    if table is not None and not isinstance(table, pd.DataFrame):
        raise TypeError(f"Expected a table of features as a DataFrame; got {type(table).__name__}.")
    existing = [] if table is None else list(table.columns)
    for column in columns:
        if column not in existing:
            raise ValueError(f"{parameter} names {column!r}, but the table has {existing}. Pass {fix}.")
        if existing.count(column) > 1:
            raise ValueError(
                f"{parameter} names {column!r}, which the table has {existing.count(column)} times. Keep one."
            )


def fit_features(
    interactions: Interactions, axis: str, columns: Sequence[str], parameter: str
) -> tuple[list[str], np.ndarray]:
    """Name the categories of a feature table, and encode the table.

    Parameters
    ----------
    interactions : Interactions
        Interactions whose feature table may have its ids in any order, and more ids than are needed.
    axis : {"user", "item"}
        The table to use.
    columns : sequence of str
        Columns of the table. If there are none, no table is needed.
    parameter : str
        The caller's name of ``columns``, for messages.

    Returns
    -------
    names : list of str
        The features, as returned by :func:`feature_names`.
    X : array, shape (n_users or n_items, n_features), float32
        One row for each id, as returned by :func:`feature_matrix`.

    Raises
    ------
    ValueError
        In the same cases as :func:`align`.
    """
    table = align(interactions, axis, columns, parameter)
    names = feature_names(table, columns)
    return names, feature_matrix(table, columns, names)


def encode_features(table: pd.DataFrame, columns: Sequence[str], names: Sequence[str], parameter: str) -> np.ndarray:
    """Encode new rows with the features of the training set; new values are ignored, with a warning.

    Parameters
    ----------
    table : DataFrame
        One row for each new user or item, with the columns. Its index is not used.
    columns : sequence of str
        Columns of the table.
    names : sequence of str
        The features, as returned by :func:`fit_features`.
    parameter : str
        The caller's name of ``columns``, for messages.

    Returns
    -------
    array, shape (len(table), len(names)), float32
        1 where a row has a feature, 0 elsewhere.

    Raises
    ------
    ValueError
        If a column is absent, or none of its values occurred in training, which suggests another spelling.

    Warns
    -----
    UserWarning
        If some values did not occur in training. The message contains their number.
    """
    check_columns(table, columns, parameter, "a table with all of these columns")
    unknown = []
    for column in columns:
        values = _values(table[column]).dropna()
        new = values[_lookup(column, values, names) < 0]
        if not len(new):
            continue
        known = [name for name in names if name.startswith(f"{column}=")]
        if len(new) == len(values):
            raise ValueError(
                f"Expected values of the column {column!r} that occurred in training, such as {known[:3]}; got only "
                f"others, for example {new.iloc[0]!r}. Write the values as in training, or replace new ones by None."
            )
        unknown.append(f"{len(new)} of {len(values)} values of {column!r}, for example {new.iloc[0]!r}")
    if unknown:
        warnings.warn(
            f"Values that did not occur in training are ignored: {'; '.join(unknown)}. Write known values as in "
            "training.",
            UserWarning,
            stacklevel=3,
        )
    return feature_matrix(table, columns, names)


def feature_names(table: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """Name each value of each column, such as "genre=drama", in sorted order.

    A text a|b|c contains three values. Equal numbers have the same name, whatever their types: 1990 and 1990.0 are both
    "year=1990".

    Parameters
    ----------
    table : DataFrame
        One row for each user or item.
    columns : sequence of str
        Columns of the table.

    Returns
    -------
    list of str
        The names, without duplicates.
    """
    return sorted({f"{column}={value}" for column in columns for value in _values(table[column]).dropna()})


def feature_matrix(table: pd.DataFrame, columns: Sequence[str], names: Sequence[str]) -> np.ndarray:
    """Encode a table as 0 and 1; values that are not among the names are ignored. Built in chapter 10.

    Parameters
    ----------
    table : DataFrame
        One row for each user or item.
    columns : sequence of str
        Columns of the table.
    names : sequence of str
        The features, as returned by :func:`feature_names`.

    Returns
    -------
    array, shape (len(table), len(names)), float32
        1 where a row has a feature, 0 elsewhere.
    """
    X = np.zeros((len(table), len(names)), dtype=np.float32)
    for column in columns:
        values = _values(table[column]).dropna()
        feature = _lookup(column, values, names)
        known = feature >= 0
        X[values.index[known], feature[known]] = 1
    return X


def _lookup(column: str, values: pd.Series, names: Sequence[str]) -> np.ndarray:
    """Return the position of each value's feature, -1 if there is none; 1 and 0 match True and False."""
    index = pd.Index(names, dtype=object)
    feature = index.get_indexer(f"{column}=" + values.astype(object))
    absent = feature < 0
    equal = values[absent].map({"True": "1", "False": "0", "1": "True", "0": "False"})
    feature[absent] = index.get_indexer(f"{column}=" + equal.astype(object).fillna(""))
    return feature


def _values(column: pd.Series) -> pd.Series:
    """Split each text at "|" into rows of one value, indexed by the row of the table; "" becomes missing."""
    values = _as_text(column.reset_index(drop=True)).str.split("|", regex=False).explode()
    return values.where(values != "")


def _as_text(column: pd.Series) -> pd.Series:
    """Convert values to text, equal numbers to the same text: 1990.0 becomes "1990"."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    if column.dtype == object:
        only_bools = {isinstance(value, bool | np.bool_) for value in column.dropna()} == {True}
        return column.map(lambda value: _value_text(value, only_bools), na_action="ignore").astype("string")
    text = column.astype("string")
    if pd.api.types.is_float_dtype(column.dtype):
        values = column.to_numpy(dtype=float, na_value=np.nan)
        is_integer = np.isfinite(values) & (values == np.floor(values))
        text[is_integer] = [str(int(value)) for value in values[is_integer]]
    return text


def _value_text(value: Any, only_bools: bool) -> str:
    """Convert one value to text; True becomes "1", unless the column contains only bools."""
    if isinstance(value, bool | np.bool_):
        return str(value) if only_bools else str(int(value))
    if isinstance(value, numbers.Real | Decimal) and float(value).is_integer():
        return str(int(value))  # type: ignore[arg-type]
    return str(value)
