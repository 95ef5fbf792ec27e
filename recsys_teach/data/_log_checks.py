"""Check the columns, the ids and the times of an event log."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

AXES = ("user", "item")
EMPTY = "The log is empty: expected at least one event. Check the filter before this call."
COPY_ON_WRITE = int(pd.__version__.split(".")[0]) >= 3  # from pandas 3 on, a shallow copy is copied before a write


def independent_copy(table: pd.DataFrame) -> pd.DataFrame:
    """Return a copy that does not change when the original is modified in place.

    Parameters
    ----------
    table : DataFrame
        The table to copy.

    Returns
    -------
    DataFrame
        The copy.
    """
    return table.copy(deep=not COPY_ON_WRITE)


def check_log(log: pd.DataFrame, needed: Sequence[str]) -> None:
    """Raise if a log is not a DataFrame with the needed columns, or a column name is not unique.

    Parameters
    ----------
    log : DataFrame
        The event log.
    needed : sequence of str
        Names of the columns that must exist.

    Raises
    ------
    TypeError
        If the log is not a DataFrame.
    ValueError
        If a column is missing, or a column name occurs more than once.
    """
    if not isinstance(log, pd.DataFrame):
        raise TypeError(
            f"Expected the log as a DataFrame, one row per event; got {type(log).__name__}. Convert it with "
            "pd.DataFrame(...)."
        )
    missing = [column for column in needed if column not in log.columns]
    if missing:
        names = ", ".join(f"{column!r}" for column in needed[:-1]) + f" and {needed[-1]!r}"
        raise ValueError(
            f"The log needs the columns {names}, but {missing[0]!r} is missing; it has "
            f"{list(log.columns)}. Rename your columns with log.rename(columns=...)."
        )
    if not log.columns.is_unique:
        duplicate = log.columns[log.columns.duplicated()][0]
        raise ValueError(
            f"The log has more than one column {duplicate!r}; expected each name once. "
            "Keep the first of each name with log.loc[:, ~log.columns.duplicated()]."
        )


# --- ids ------------------------------------------------------------------------------------------------------


def _exact_limit(dtype: np.dtype) -> int:
    """Return the number up to which a floating-point type represents every integer exactly: 2**24 for float32."""
    return 2 ** (np.finfo(dtype).nmant + 1)


def check_ids(axis: str, ids: pd.Series, where: str) -> pd.Series:
    """Check that ids can be compared and are exact, and return them without a categorical dtype.

    Parameters
    ----------
    axis : {"user", "item"}
        The axis, for messages.
    ids : Series
        The ids.
    where : str
        Name of the source of the ids in messages, such as "the log".

    Returns
    -------
    Series
        The ids; categories are replaced by their values.

    Raises
    ------
    ValueError
        If an id is not a scalar, ids have several types, or floating-point ids are too large to be exact.
    """
    if isinstance(ids.dtype, pd.CategoricalDtype):
        ids = ids.astype(ids.cat.categories.dtype)
    if pd.api.types.is_float_dtype(ids.dtype):
        numbers = ids.dropna().to_numpy()
        _check_float_ids(axis, numbers, where)
    elif ids.dtype == object:
        values = ids.dropna()
        not_scalar = [value for value in values if not pd.api.types.is_scalar(value)]
        if not_scalar:
            raise ValueError(
                f"Expected each id as one number or one string; {where} has the {axis} id {not_scalar[0]!r}, a "
                f"{type(not_scalar[0]).__name__}. Write log[{axis!r}] = log[{axis!r}].map(str)."
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
    """Return the kind of an id for messages: "bool", "number" for any numeric type, or the name of its type."""
    if isinstance(value, bool | np.bool_):
        return "bool"
    return "number" if isinstance(value, numbers.Number) else type(value).__name__


def _check_float_ids(axis: str, values: np.ndarray, where: str) -> None:
    """Raise if floating-point ids are so large that different integers are stored as the same number."""
    if not values.size:
        return
    limit = _exact_limit(values.dtype)
    if not (np.abs(values) <= limit).all():
        raise ValueError(
            f"{where[0].upper()}{where[1:]} has {axis} ids as {values.dtype}, up to {np.abs(values).max():g}: beyond "
            f"{limit:,} different ids become the same number. A missing value in the column turns integers into "
            f"floats; read the file again with pd.read_csv(..., dtype={{{axis!r}: 'Int64'}}), or dtype=str."
        )


def axis_ids(axis: str, given: Any, in_log: pd.Series, table: pd.DataFrame | None) -> pd.Index:
    """Return the ids of an axis, in the order of its positions.

    Parameters
    ----------
    axis : {"user", "item"}
        The axis, for messages.
    given : sequence or None
        The ids, if the caller passes them.
    in_log : Series
        The ids of the events.
    table : DataFrame or None
        Features of the users or items, indexed by id.

    Returns
    -------
    Index
        The given ids; without them the index of the table; without a table the sorted ids of the log.

    Raises
    ------
    TypeError
        If the table is not a DataFrame.
    ValueError
        If an id is missing, occurs twice or has several levels, or the index of the table does not contain the ids.
    """
    if given is not None:
        ids = pd.Index(given)
    elif table is not None:
        _check_index(axis, table, in_log)
        ids = table.index
    else:
        return pd.Index(np.sort(in_log.unique()))
    if ids.hasnans:
        raise ValueError(f"Expected {axis} ids without missing values; got NaN among them. Drop that row.")
    if ids.has_duplicates:
        raise ValueError(
            f"Expected each {axis} id once; got {ids[ids.duplicated()].tolist()[0]!r} more than once. "
            "Drop the duplicates."
        )
    if isinstance(ids, pd.MultiIndex):
        raise ValueError(
            f"Expected one {axis} id per row; got an index of {ids.nlevels} levels: {list(ids.names)}. "
            "Keep one level with droplevel(...)."
        )
    check_ids(axis, ids.to_series(), f"the index of {axis}s" if given is None else f"{axis}_ids")
    return ids


def _check_index(axis: str, table: pd.DataFrame, in_log: pd.Series) -> None:
    """Raise if the ids of a feature table are one of its columns, and its index contains row numbers instead."""
    if not isinstance(table, pd.DataFrame):
        raise TypeError(
            f"Expected {axis}s as a DataFrame indexed by {axis} id; got {type(table).__name__}. Convert it with "
            "pd.DataFrame(...)."
        )
    index = table.index
    unnamed = index.name is None and pd.api.types.is_integer_dtype(index.dtype)
    for position, name in enumerate(table.columns):
        if index.name == axis or not (name == axis or (unnamed and str(name).lower().endswith("id"))):
            continue
        column = table.iloc[:, position]
        if np.array_equal(column.to_numpy(), index.to_numpy()):
            continue
        if (name == axis and unnamed) or (column.is_unique and in_log.isin(column).all()):
            raise ValueError(
                f"Expected the table {axis}s indexed by {axis} id; got the ids in its column {name!r} and "
                f"{index[:3].tolist()} in its index. Write {axis}s={axis}s.set_index({name!r}); if the index is "
                f"correct, name it: {axis}s.rename_axis({axis!r})."
            )
    if isinstance(index, pd.RangeIndex) and unnamed and index.start == 0 and not in_log.isin(index).all():
        raise ValueError(
            f"The index of the table {axis}s has the row numbers 0 to {len(index) - 1}, and the log has the {axis} id "
            f"{in_log[~in_log.isin(index)].tolist()[0]!r}. Expected an index of ids: write {axis}s.set_index(...) with "
            f"the id column, one of {list(table.columns)}."
        )


def check_known(axis: str, in_log: pd.Series, ids: pd.Index, swapped: bool) -> None:
    """Raise if the log contains ids that are not among the ids of the axis.

    Parameters
    ----------
    axis : {"user", "item"}
        The axis, for messages.
    in_log : Series
        The ids of the events.
    ids : Index
        The ids of the axis.
    swapped : bool
        Whether the user and item columns look exchanged, which the message then states.

    Raises
    ------
    ValueError
        If an id is unknown.
    """
    unknown = in_log[~in_log.isin(ids)]
    if unknown.empty:
        return
    if swapped:
        raise ValueError(
            "The axes look swapped: the column 'user' contains item ids, and the column 'item' contains user ids. "
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
    """Return times as an array that can be sorted: integers, floats or datetime64, with time zones converted to UTC.

    Parameters
    ----------
    times : Series
        The column ``time`` of a log.

    Returns
    -------
    ndarray, shape (n_events,)
        The times, with the precision of the column.

    Raises
    ------
    ValueError
        If a time is missing or infinite, the column is text, categorical or of mixed types, or its floating-point
        type is too imprecise for its values.
    """
    dtype = times.dtype
    if not (is_datetime(times) or pd.api.types.is_any_real_numeric_dtype(dtype)):
        raise ValueError(f"Expected times as numbers or datetimes, got {_describe(times)}. {_conversion(times)}")
    if times.isna().any():
        event = int(np.flatnonzero(times.isna())[0])
        raise ValueError(f"Event {event} has no time (NaN). Drop such events with log.dropna(subset=['time']).")
    if has_time_zone(times):
        times = times.dt.tz_convert("UTC").dt.tz_localize(None)
    values = times.to_numpy(dtype=getattr(dtype, "numpy_dtype", None))
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            event = int(np.flatnonzero(~np.isfinite(values))[0])
            raise ValueError(f"Event {event} has the time {values[event]}; expected a finite number. Drop such events.")
        limit = _exact_limit(values.dtype)
        if values.size and np.abs(values).max() > limit:
            raise ValueError(
                f"The column 'time' is {values.dtype}, which does not represent every integer beyond {limit:,}, and "
                f"contains {np.abs(values).max():.0f}. Expected int64 (or float64 up to {2**53:,}): read the file "
                "again with dtype={'time': 'int64'}; converting the column now does not restore the lost digits."
            )
    return values


def is_datetime(times: pd.Series) -> bool:
    """Return whether a column contains datetimes or time differences.

    Parameters
    ----------
    times : Series
        The column.

    Returns
    -------
    bool
        True for datetime64 (with or without a time zone) and timedelta64.
    """
    return pd.api.types.is_datetime64_any_dtype(times.dtype) or pd.api.types.is_timedelta64_dtype(times.dtype)


def has_time_zone(times: pd.Series) -> bool:
    """Return whether a column contains datetimes with a time zone.

    Parameters
    ----------
    times : Series
        The column.

    Returns
    -------
    bool
        True for datetime64 with a time zone.
    """
    return pd.api.types.is_datetime64_any_dtype(times.dtype) and times.dt.tz is not None


def _describe(times: pd.Series) -> str:
    """Describe a column that contains neither numbers nor datetimes."""
    if isinstance(times.dtype, pd.CategoricalDtype):
        return f"{'ordered ' if times.cat.ordered else ''}categories such as {times.cat.categories[:1].tolist()}"
    kinds = sorted({type(value).__name__ for value in times.dropna().head(1000)})
    example = times.dropna().iloc[:1].tolist()
    return f"{times.dtype} of {' and '.join(kinds) or 'nothing'}, such as {example}"


def _conversion(times: pd.Series) -> str:
    """Return the line of code that converts a column to times."""
    number, date = 'pd.to_numeric(log["time"])', 'pd.to_datetime(log["time"], dayfirst=...)'
    if isinstance(times.dtype, pd.CategoricalDtype):
        if times.cat.ordered:
            return f'Write log["time"] = log["time"].cat.codes if the categories are in time order, or {date}.'
        times = times.cat.categories.to_series()
    if isinstance(times.dtype, pd.PeriodDtype):
        return 'Write log["time"] = log["time"].dt.to_timestamp().'
    if len(times) and pd.to_numeric(times.dropna(), errors="coerce").notna().all():
        return f'Write log["time"] = {number}.'
    return f'Write log["time"] = {date}, True for 31.01.2020 and False for 01/31/2020; for numbers as text, {number}.'
