"""Feature tables of users and items: aligned with the ids, their categories named in training, new rows encoded."""

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
    """Return columns of the feature table of one axis, one row for each id, in the order of the ids.

    Parameters
    ----------
    interactions : Interactions
        Its table may have its ids in any order, and more of them than are needed.
    axis : {"user", "item"}
        Which table.
    columns : sequence of str
        Columns of the table; without any, no table is needed.
    parameter : str
        How the caller names ``columns``, for messages.

    Returns
    -------
    DataFrame, shape (n_users or n_items, n_columns)

    Raises
    ------
    ValueError
        If the table or a column is absent, an id has no row or two, or the index does not have the ids.
    """
    ids, table = getattr(interactions, f"{axis}_ids"), getattr(interactions, f"{axis}s")
    check_columns(table, columns, parameter, f"fit(Interactions.from_log(log, {axis}s=...))")
    if table is None or not len(columns):
        return pd.DataFrame(index=ids)
    if table.index.has_duplicates:
        twice = table.index[table.index.duplicated()].tolist()[0]
        raise ValueError(
            f"Expected one row for each id in the table {axis}s, but {twice!r} has several. "
            f"Keep one: {axis}s[~{axis}s.index.duplicated()]."
        )
    missing = ids[~ids.isin(table.index)]
    if len(missing):
        raise ValueError(
            f"The table {axis}s has no row for {len(missing)} of the {len(ids)} {axis} ids, for example "
            f"{missing.tolist()[0]!r}; its index has {table.index[:3].tolist()}. If its ids are a column, write "
            f"{axis}s.set_index({axis!r}) with the name of that column; else add the rows, empty if need be: "
            f"{axis}s.reindex(ids)."
        )
    return table.reindex(ids)[list(columns)]


def check_columns(table: pd.DataFrame | None, columns: Sequence[str], parameter: str, fix: str) -> None:
    """Refuse columns that are not a list of names, or that the table does not have exactly once."""
    if isinstance(columns, str):
        raise ValueError(
            f"Expected {parameter} as a list of names, for example [{columns!r}]; got the text {columns!r}."
        )
    if table is not None and not isinstance(table, pd.DataFrame):
        raise TypeError(f"Expected a table of features as a DataFrame; got {type(table).__name__}.")
    given = [] if table is None else list(table.columns)
    for column in columns:
        if column not in given:
            raise ValueError(f"{parameter} names {column!r}, but the table has {given}. Give {fix}.")
        if given.count(column) > 1:
            raise ValueError(
                f"{parameter} names {column!r}, which the table has {given.count(column)} times. Keep one."
            )


def fit_features(
    interactions: Interactions, axis: str, columns: Sequence[str], parameter: str
) -> tuple[list[str], np.ndarray]:
    """Name the categories of a feature table, and encode it.

    Parameters and errors as in :func:`align`.

    Returns
    -------
    names : list of str
        As :func:`feature_names` returns them.
    X : array, shape (n_users or n_items, n_features), float32
        One row for each id, as :func:`feature_matrix` writes them.
    """
    table = align(interactions, axis, columns, parameter)
    names = feature_names(table, columns)
    return names, feature_matrix(table, columns, names)


def encode_features(table: pd.DataFrame, columns: Sequence[str], names: Sequence[str], parameter: str) -> np.ndarray:
    """Encode rows that were not there in training; values that training did not have are left out, with a warning.

    Parameters
    ----------
    table : DataFrame
        One row for each new user or item, with the columns. Its index does not matter.
    columns : sequence of str
        Columns of the table.
    names : sequence of str
        What :func:`fit_features` named.
    parameter : str
        How the caller names ``columns``, for messages.

    Returns
    -------
    array, shape (len(table), len(names)), float32

    Raises
    ------
    ValueError
        If a column is absent, or none of its values was there in training: they are then written in another way.

    Warns
    -----
    UserWarning
        If some values were not there in training; it says how many.
    """
    check_columns(table, columns, parameter, "a table with them")
    unseen = []
    for column in columns:
        values = _values(table[column]).dropna()
        new = values[_lookup(column, values, names) < 0]
        if not len(new):
            continue
        known = [name for name in names if name.startswith(f"{column}=")]
        if len(new) == len(values):
            raise ValueError(
                f"Not one value of the column {column!r} was there in training, for example {new.iloc[0]!r}; training "
                f"had {known[:3]}. Write the values as in training, or leave what is new missing (None)."
            )
        unseen.append(f"{len(new)} of {len(values)} values of {column!r}, for example {new.iloc[0]!r}")
    if unseen:
        warnings.warn(f"Not there in training, and left out: {'; '.join(unseen)}.", UserWarning, stacklevel=3)
    return feature_matrix(table, columns, names)


def feature_names(table: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """Name each value of each column, as "genre=drama", sorted; a text a|b|c holds three values.

    Equal numbers have one name, whatever their types: 1990 and 1990.0 are "year=1990".
    """
    return sorted({f"{column}={value}" for column in columns for value in _values(table[column]).dropna()})


def feature_matrix(table: pd.DataFrame, columns: Sequence[str], names: Sequence[str]) -> np.ndarray:
    """Write a 1 where a row has a feature. Values that are not among the names are left out. Built in chapter 10.

    Parameters
    ----------
    table : DataFrame
        One row for each user or item.
    columns : sequence of str
        Columns of the table.
    names : sequence of str
        From :func:`feature_names`.

    Returns
    -------
    array, shape (len(table), len(names)), float32
    """
    X = np.zeros((len(table), len(names)), dtype=np.float32)
    for column in columns:
        values = _values(table[column]).dropna()
        feature = _lookup(column, values, names)
        known = feature >= 0
        X[values.index[known], feature[known]] = 1
    return X


def _lookup(column: str, values: pd.Series, names: Sequence[str]) -> np.ndarray:
    """Find the feature of each value, -1 if there is none; 1 and 0 are True and False where one of them is meant."""
    position = pd.Index(names, dtype=object)
    feature = position.get_indexer(f"{column}=" + values.astype(object))
    absent = feature < 0
    same = values[absent].map({"True": "1", "False": "0", "1": "True", "0": "False"})
    feature[absent] = position.get_indexer(f"{column}=" + same.astype(object).fillna(""))
    return feature


def _values(column: pd.Series) -> pd.Series:
    """Return one row a value, as text, indexed by the row of the table; "" and what is missing have none."""
    values = _as_text(column.reset_index(drop=True)).str.split("|", regex=False).explode()
    return values.where(values != "")


def _as_text(column: pd.Series) -> pd.Series:
    """Write values as text, numbers by their value: 1990.0 as 1990."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    if column.dtype == object:
        bools = {isinstance(value, bool | np.bool_) for value in column.dropna()} == {True}
        return column.map(lambda value: _write(value, bools), na_action="ignore").astype("string")
    text = column.astype("string")
    if pd.api.types.is_float_dtype(column.dtype):
        values = column.to_numpy(dtype=float, na_value=np.nan)
        whole = np.isfinite(values) & (values == np.floor(values))
        text[whole] = [str(int(value)) for value in values[whole]]
    return text


def _write(value: Any, bools: bool) -> str:
    """Write one value; True is 1 unless the column has nothing but True and False."""
    if isinstance(value, bool | np.bool_):
        return str(value) if bools else str(int(value))
    if isinstance(value, numbers.Real | Decimal) and float(value).is_integer():
        return str(int(value))  # type: ignore[arg-type]
    return str(value)
