"""Checks of an event log: its columns, its ids and its times."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

AXES = ("user", "item")
EMPTY = "The log is empty: expected at least one event. Check the filter before this call."
COPY_ON_WRITE = int(pd.__version__.split(".")[0]) >= 3  # a shallow copy is safe there: whoever writes gets their own


def own_copy(table: pd.DataFrame) -> pd.DataFrame:
    """Return a copy that no later change in place of the other frame reaches."""
    return table.copy(deep=not COPY_ON_WRITE)


def check_log(log: pd.DataFrame, needed: Sequence[str]) -> None:
    """Refuse what is not a table with the columns needed, each of them once."""
    if not isinstance(log, pd.DataFrame):
        raise TypeError(f"Expected the log as a DataFrame, one row an event; got {type(log).__name__}.")
    missing = [column for column in needed if column not in log.columns]
    if missing:
        names = ", ".join(f"{column!r}" for column in needed[:-1]) + f" and {needed[-1]!r}"
        raise ValueError(
            f"The log needs the columns {names}, but {missing[0]!r} is missing; it has "
            f"{list(log.columns)}. Rename your columns with log.rename(columns=...)."
        )
    if not log.columns.is_unique:
        twice = log.columns[log.columns.duplicated()][0]
        raise ValueError(
            f"The log has more than one column {twice!r}; expected each name once. "
            "Keep the first of each name with log.loc[:, ~log.columns.duplicated()]."
        )


# --- ids ------------------------------------------------------------------------------------------------------


def _exact_limit(dtype: np.dtype) -> int:
    """Return the number up to which a floating-point type has every whole number: 2**24 for float32."""
    return 2 ** (np.finfo(dtype).nmant + 1)


def check_ids(axis: str, ids: pd.Series, where: str) -> pd.Series:
    """Refuse ids that cannot be compared, or that have become others on the way; return categories as their values."""
    if isinstance(ids.dtype, pd.CategoricalDtype):
        ids = ids.astype(ids.cat.categories.dtype)
    if pd.api.types.is_float_dtype(ids.dtype):
        numbers = ids.dropna().to_numpy()
        _check_float_ids(axis, numbers, where)
    elif ids.dtype == object:
        values = ids.dropna()
        odd = [value for value in values if not pd.api.types.is_scalar(value)]
        if odd:
            raise ValueError(
                f"An id is one number or one text; {where} has the {axis} id {odd[0]!r}, a {type(odd[0]).__name__}. "
                f"Write log[{axis!r}] = log[{axis!r}].map(str)."
            )
        kinds: dict[str, Any] = {}
        for value in values:
            kinds.setdefault(_kind(value), value)
        if len(kinds) > 1:
            examples = " and ".join(f"{value!r} ({kind})" for kind, value in kinds.items())
            raise ValueError(
                f"Expected {axis} ids of one type; {where} has {examples}. "
                f"Make them one type, for example log[{axis!r}] = log[{axis!r}].astype(str)."
            )
        _check_float_ids(axis, np.array([value for value in values if isinstance(value, float)]), where)
    return ids


def _kind(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "bool"
    return "number" if isinstance(value, numbers.Number) else type(value).__name__


def _check_float_ids(axis: str, values: np.ndarray, where: str) -> None:
    if not values.size:
        return
    limit = _exact_limit(values.dtype)
    if not (np.abs(values) <= limit).all():
        raise ValueError(
            f"{where[0].upper()}{where[1:]} has {axis} ids as {values.dtype}, up to {np.abs(values).max():g}: beyond "
            f"{limit:,} different ids become the same number. A gap in the column makes whole numbers floats; read "
            f"the file again with pd.read_csv(..., dtype={{{axis!r}: 'Int64'}}), or dtype=str."
        )


def known_ids(axis: str, given: Any, seen: pd.Series, table: pd.DataFrame | None) -> pd.Index:
    """Take ids from what was given, else from the feature table, else from the log, sorted."""
    if given is not None:
        ids = pd.Index(given)
    elif table is not None:
        _check_index(axis, table, seen)
        ids = table.index
    else:
        return pd.Index(np.sort(seen.unique()))
    if ids.hasnans:
        raise ValueError(f"Expected {axis} ids without gaps, but one of them is missing (NaN). Drop that row.")
    if ids.has_duplicates:
        raise ValueError(f"Expected each {axis} id once, but {ids[ids.duplicated()].tolist()[0]!r} stands twice.")
    if isinstance(ids, pd.MultiIndex):
        raise ValueError(
            f"Expected one {axis} id in each row, got an index of {ids.nlevels} levels: {list(ids.names)}."
        )
    check_ids(axis, ids.to_series(), f"the index of {axis}s" if given is None else f"{axis}_ids")
    return ids


def _check_index(axis: str, table: pd.DataFrame, seen: pd.Series) -> None:
    """Refuse a feature table whose ids are still a column, so that its index has row numbers."""
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"Expected {axis}s as a DataFrame indexed by {axis} id; got {type(table).__name__}.")
    index = table.index
    unnamed = index.name is None and pd.api.types.is_integer_dtype(index.dtype)
    for position, name in enumerate(table.columns):
        if index.name == axis or not (name == axis or (unnamed and str(name).lower().endswith("id"))):
            continue
        column = table.iloc[:, position]
        if np.array_equal(column.to_numpy(), index.to_numpy()):
            continue
        if (name == axis and unnamed) or (column.is_unique and seen.isin(column).all()):
            raise ValueError(
                f"Expected the table {axis}s indexed by {axis} id, but the ids are in its column {name!r} and its "
                f"index has {index[:3].tolist()}. Write {axis}s={axis}s.set_index({name!r}); if the index is right, "
                f"name it: {axis}s.rename_axis({axis!r})."
            )
    if isinstance(index, pd.RangeIndex) and unnamed and index.start == 0 and not seen.isin(index).all():
        raise ValueError(
            f"The index of the table {axis}s has the row numbers 0 to {len(index) - 1}, and the log has the {axis} id "
            f"{seen[~seen.isin(index)].tolist()[0]!r}. Expected an index of ids: {axis}s.set_index(...) with the "
            f"column among {list(table.columns)} that has them."
        )


def refuse_unknown(axis: str, seen: pd.Series, ids: pd.Index, swapped: bool) -> None:
    """Raise if the log holds ids that the axis does not have; say so if the columns are swapped."""
    unknown = seen[~seen.isin(ids)]
    if unknown.empty:
        return
    if swapped:
        raise ValueError(
            "The axes look swapped: the column 'user' holds ids of items, and the column 'item' ids of users. "
            "Exchange the two columns."
        )
    example, known = unknown.tolist()[0], ids[0] if len(ids) else None
    types = ""
    if known is not None and _kind(example) != _kind(known):
        types = f" They are of different types: {_kind(example)} in the log, {_kind(known)} among the known ones."
    raise ValueError(
        f"The log has {unknown.nunique()} {axis} ids that are not among the {len(ids)} known ones, "
        f"for example {example!r}.{types} Add them to the {axis} ids or drop those events."
    )


# --- times ----------------------------------------------------------------------------------------------------


def check_times(times: pd.Series) -> np.ndarray:
    """Return times that can be ordered: integers, floats or datetime64, with time zones as UTC.

    Parameters
    ----------
    times : Series
        The column ``time`` of a log.

    Returns
    -------
    array, shape (n_events,)
        As exact as the column.

    Raises
    ------
    ValueError
        If a time is missing or infinite, the column is text, categories or a mixture of types, or a floating-point
        type too short to keep its seconds apart.
    """
    dtype = times.dtype
    if not (of_datetimes(times) or pd.api.types.is_any_real_numeric_dtype(dtype)):
        raise ValueError(f"Expected times as numbers or datetimes, got {_what(times)}. {_conversion(times)}")
    if times.isna().any():
        event = int(np.flatnonzero(times.isna())[0])
        raise ValueError(f"Event {event} has no time (NaN). Drop such events with log.dropna(subset=['time']).")
    if zoned(times):
        times = times.dt.tz_convert("UTC").dt.tz_localize(None)
    values = times.to_numpy(dtype=getattr(dtype, "numpy_dtype", None))
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            event = int(np.flatnonzero(~np.isfinite(values))[0])
            raise ValueError(f"Event {event} has the time {values[event]}; expected a finite number. Drop such events.")
        limit = _exact_limit(values.dtype)
        if values.size and np.abs(values).max() > limit:
            raise ValueError(
                f"The column 'time' is {values.dtype}, which does not keep whole numbers beyond {limit:,} apart, and "
                f"has {np.abs(values).max():.0f}. Expected int64 (or float64 up to {2**53:,}): read the file again "
                "with dtype={'time': 'int64'}; converting now would not bring the lost digits back."
            )
    return values


def of_datetimes(times: pd.Series) -> bool:
    return pd.api.types.is_datetime64_any_dtype(times.dtype) or pd.api.types.is_timedelta64_dtype(times.dtype)


def zoned(times: pd.Series) -> bool:
    return pd.api.types.is_datetime64_any_dtype(times.dtype) and times.dt.tz is not None


def _what(times: pd.Series) -> str:
    """Say what a column is that is neither numbers nor datetimes."""
    if isinstance(times.dtype, pd.CategoricalDtype):
        return f"{'ordered ' if times.cat.ordered else ''}categories such as {times.cat.categories[:1].tolist()}"
    kinds = sorted({type(value).__name__ for value in times.dropna().head(1000)})
    example = times.dropna().iloc[:1].tolist()
    return f"{times.dtype} of {' and '.join(kinds) or 'nothing'}, such as {example}"


def _conversion(times: pd.Series) -> str:
    """Name the line that makes times of a column."""
    number, date = 'pd.to_numeric(log["time"])', 'pd.to_datetime(log["time"], dayfirst=...)'
    if isinstance(times.dtype, pd.CategoricalDtype):
        if times.cat.ordered:
            return f'Write log["time"] = log["time"].cat.codes if their order is that of time, or {date}.'
        times = times.cat.categories.to_series()
    if isinstance(times.dtype, pd.PeriodDtype):
        return 'Write log["time"] = log["time"].dt.to_timestamp().'
    if len(times) and pd.to_numeric(times.dropna(), errors="coerce").notna().all():
        return f'Write log["time"] = {number}.'
    return f'Write log["time"] = {date}, True for 31.01.2020 and False for 01/31/2020; for numbers as text, {number}.'
