"""The event log, the id maps, and the user x item matrix with named axes."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from recsys_teach._validation import check_integer, check_number, check_seed

AXES = ("user", "item")
EMPTY = "The log is empty: expected at least one event. Check the filter before this call."
COPY_ON_WRITE = int(pd.__version__.split(".")[0]) >= 3  # a shallow copy is safe there: whoever writes gets their own


def _own(table: pd.DataFrame) -> pd.DataFrame:
    """Return a copy that no later change in place of the other frame reaches."""
    return table.copy(deep=not COPY_ON_WRITE)


def _check_log(log: pd.DataFrame, needed: Sequence[str]) -> None:
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


def _check_ids(axis: str, ids: pd.Series, where: str) -> pd.Series:
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


def _known_ids(axis: str, given: Any, seen: pd.Series, table: pd.DataFrame | None) -> pd.Index:
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
    _check_ids(axis, ids.to_series(), f"the index of {axis}s" if given is None else f"{axis}_ids")
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


def _refuse_unknown(axis: str, seen: pd.Series, ids: pd.Index, swapped: bool) -> None:
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
    if not (_of_datetimes(times) or pd.api.types.is_any_real_numeric_dtype(dtype)):
        raise ValueError(f"Expected times as numbers or datetimes, got {_what(times)}. {_conversion(times)}")
    if times.isna().any():
        event = int(np.flatnonzero(times.isna())[0])
        raise ValueError(f"Event {event} has no time (NaN). Drop such events with log.dropna(subset=['time']).")
    if _zoned(times):
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


def _of_datetimes(times: pd.Series) -> bool:
    return pd.api.types.is_datetime64_any_dtype(times.dtype) or pd.api.types.is_timedelta64_dtype(times.dtype)


def _zoned(times: pd.Series) -> bool:
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


# --- the log and its axes -------------------------------------------------------------------------------------


class Interactions:
    """An event log whose users are rows and whose items are columns. Built by hand in chapter 01.

    Use :meth:`from_log` to make one. Positions (``user_pos``, ``item_pos``) are 0, 1, 2, … in the order of
    ``user_ids`` and ``item_ids``; every matrix, score and metric of the course speaks of positions. An id is turned
    into its position by ``user_ids.get_indexer(ids)``, which gives -1 for an id that is not there. An id that is
    passed where a position is expected cannot be noticed if it is a whole number below ``n_users``.

    What was constructed stays what it was: log and tables are copied, and ``log``, ``users`` and ``items`` return
    copies (pandas copies no data until one of them is written to). To change the log, change the copy and make new
    interactions with :meth:`from_log`.

    Parameters
    ----------
    log : DataFrame
        One row an event, with the columns ``user`` and ``item`` and any others.
    user_ids : Index, shape (n_users,)
        Row ``u`` of every matrix belongs to ``user_ids[u]``.
    item_ids : Index, shape (n_items,)
        Column ``i`` of every matrix belongs to ``item_ids[i]``.
    users : DataFrame indexed by user id, or None
        What is known of each user.
    items : DataFrame indexed by item id, or None
        What is known of each item.
    """

    def __init__(
        self,
        log: pd.DataFrame,
        user_ids: pd.Index,
        item_ids: pd.Index,
        users: pd.DataFrame | None = None,
        items: pd.DataFrame | None = None,
    ):
        _check_log(log, AXES)
        self._log = _own(log)
        self._user_ids, self._item_ids = pd.Index(user_ids), pd.Index(item_ids)
        self._users = None if users is None else _own(users)
        self._items = None if items is None else _own(items)

    @property
    def log(self) -> pd.DataFrame:
        """The events, a copy."""
        return _own(self._log)

    @property
    def user_ids(self) -> pd.Index:
        """Id of each row."""
        return self._user_ids

    @property
    def item_ids(self) -> pd.Index:
        """Id of each column."""
        return self._item_ids

    @property
    def users(self) -> pd.DataFrame | None:
        """What is known of each user, a copy, or None."""
        return None if self._users is None else _own(self._users)

    @property
    def items(self) -> pd.DataFrame | None:
        """What is known of each item, a copy, or None."""
        return None if self._items is None else _own(self._items)

    @classmethod
    def from_log(
        cls,
        log: pd.DataFrame,
        *,
        users: pd.DataFrame | None = None,
        items: pd.DataFrame | None = None,
        user_ids: Sequence[Any] | None = None,
        item_ids: Sequence[Any] | None = None,
    ) -> Interactions:
        """Make interactions from an event log.

        Parameters
        ----------
        log : DataFrame
            With the columns ``user`` and ``item``; others (``rating``, ``time``, …) are kept.
        users, items : DataFrame indexed by id, optional
            Their indices fix the ids and the order of the axes.
        user_ids, item_ids : sequence, optional
            Fix the ids and the order of the axes directly.

        Raises
        ------
        ValueError
            If the log is empty, lacks a column or has one twice; has ids that are missing, of several types, floats
            too long to be exact, or not among those of the axes; if axes look swapped, or the ids of a table are a
            column and not its index.
        """
        _check_log(log, AXES)
        if log.empty:
            raise ValueError(EMPTY)
        checked = {}
        for axis in AXES:
            checked[axis] = _check_ids(axis, log[axis], "the log")
            if log[axis].isna().any():
                row = int(np.flatnonzero(log[axis].isna())[0])
                raise ValueError(
                    f"Event {row} has no {axis} id (NaN). Drop such events with log.dropna(subset=[{axis!r}])."
                )
        log = log.assign(**checked)
        rows = _known_ids("user", user_ids, log["user"], users)
        columns = _known_ids("item", item_ids, log["item"], items)
        swapped = bool(log["user"].isin(columns).all() and log["item"].isin(rows).all())
        _refuse_unknown("user", log["user"], rows, swapped)
        _refuse_unknown("item", log["item"], columns, swapped)
        return cls(log.reset_index(drop=True), rows, columns, users, items)

    @classmethod
    def from_matrix(
        cls, matrix: Any, *, user_ids: Sequence[Any] | None = None, item_ids: Sequence[Any] | None = None
    ) -> Interactions:
        """Make interactions from a users x items array or sparse matrix; a zero is "no event".

        Raises
        ------
        ValueError
            If a value is NaN, or if the shape does not fit the ids; the message says so if it is the transpose.
        """
        if isinstance(matrix, np.ma.MaskedArray):
            matrix = matrix.filled(0)  # what is masked is missing: no event
        cells = sparse.coo_array(matrix)
        if cells.ndim != 2:
            raise ValueError(f"Expected a matrix of users x items, got shape {cells.shape}; write one row as [[...]].")
        if (added_up := cells.tocsr()).nnz < cells.nnz:  # cells that stand twice are one, as in an array
            cells = added_up.tocoo()
        cells.eliminate_zeros()
        if not np.isfinite(cells.data).all():
            raise ValueError("The matrix holds NaN or infinity. Write 0 where there was no event.")
        expected = tuple(
            size if ids is None else len(ids) for ids, size in zip((user_ids, item_ids), cells.shape, strict=True)
        )
        if cells.shape != expected:
            swapped = " That is the transpose: pass matrix.T." if cells.shape == expected[::-1] else ""
            raise ValueError(f"Expected a matrix of users x items {expected}, got {cells.shape}.{swapped}")
        rows = pd.RangeIndex(cells.shape[0]) if user_ids is None else pd.Index(user_ids)
        columns = pd.RangeIndex(cells.shape[1]) if item_ids is None else pd.Index(item_ids)
        user_pos, item_pos = cells.coords
        log = pd.DataFrame({"user": rows[user_pos], "item": columns[item_pos], "rating": cells.data})
        return cls.from_log(log, user_ids=rows, item_ids=columns)

    def __len__(self) -> int:
        return len(self._log)

    def __repr__(self) -> str:
        return f"Interactions({len(self):,} events, {self.n_users:,} users x {self.n_items:,} items)"

    @property
    def n_users(self) -> int:
        """Number of rows."""
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        """Number of columns."""
        return len(self.item_ids)

    @property
    def shape(self) -> tuple[int, int]:
        """(n_users, n_items), always in this order."""
        return self.n_users, self.n_items

    @cached_property
    def user_pos(self) -> np.ndarray:
        """Row of each event, shape (n_events,)."""
        return self._positions("user", self._user_ids)

    @cached_property
    def item_pos(self) -> np.ndarray:
        """Column of each event, shape (n_events,)."""
        return self._positions("item", self._item_ids)

    def _positions(self, axis: str, ids: pd.Index) -> np.ndarray:
        positions = ids.get_indexer(pd.Index(self._log[axis]))
        if (positions < 0).any():
            _refuse_unknown(axis, self._log[axis], ids, swapped=False)
        return _read_only(positions)

    @cached_property
    def times(self) -> np.ndarray:
        """Time of each event, shape (n_events,): integers, floats or datetime64; see :func:`check_times`."""
        if "time" not in self._log.columns:
            raise ValueError(
                f"An order in time needs the column 'time'; the log has {list(self._log.columns)}. "
                "Rename your column with log.rename(columns=...)."
            )
        return _read_only(check_times(self._log["time"]).copy())

    @cached_property
    def time_order(self) -> np.ndarray:
        """Events sorted by user, then by time, then as in the log: positions in the log, shape (n_events,)."""
        return _read_only(np.lexsort((self.times, self.user_pos)))

    def counts(self) -> sparse.csr_array:
        """How often each user met each item, shape (n_users, n_items), dtype float64."""
        ones = np.ones(len(self))
        cells = sparse.coo_array((ones, (self.user_pos, self.item_pos)), shape=self.shape)
        return cells.tocsr()  # adds up cells that stand twice

    def matrix(self, value: str | None = None) -> sparse.csr_array:
        """Give the user x item matrix in compressed sparse rows.

        Parameters
        ----------
        value : str, optional. The column of the log to store. Without it a cell is 1 where there was any event.

        Returns
        -------
        csr_array, shape (n_users, n_items), dtype float64, column indices sorted. What is not stored is
        missing, not zero: the arithmetic of a sparse matrix treats it as zero all the same (chapter 04).

        Raises
        ------
        ValueError
            If the column is absent or holds NaN, or if a pair has two values, so that none is the right one.
        """
        cells = self.counts()
        if value is None:
            cells.data[:] = 1.0
            return cells
        if value not in self._log.columns:
            raise ValueError(f"The log has no column {value!r}; it has {list(self._log.columns)}.")
        values = pd.to_numeric(self._log[value], errors="coerce").to_numpy(dtype=float)
        if not np.isfinite(values).all():
            event = int(np.flatnonzero(~np.isfinite(values))[0])
            raise ValueError(
                f"The column {value!r} holds {self._log[value].iloc[event]} in event {event}: no finite number. "
                "Drop such events first."
            )
        if (cells.data > 1).any():
            pair = self._log[self._log.duplicated(["user", "item"])].iloc[0]
            raise ValueError(
                f"User {pair['user']!r} has more than one {value!r} for item {pair['item']!r}. Decide which one "
                "holds first, for example log.drop_duplicates(['user', 'item'], keep='last')."
            )
        return sparse.coo_array((values, (self.user_pos, self.item_pos)), shape=self.shape).tocsr()

    def take(self, events: np.ndarray) -> Interactions:
        """Keep some events (a mask or positions in the log); users, items and their order stay."""
        events = np.asarray(events)
        log = self._log.loc[events] if events.dtype == bool else self._log.iloc[events]
        return Interactions(log.reset_index(drop=True), self._user_ids, self._item_ids, self._users, self._items)


def _read_only(values: np.ndarray) -> np.ndarray:
    values.flags.writeable = False  # they are computed once and shared
    return values


def clean_log(log: pd.DataFrame, now: Any) -> pd.DataFrame:
    """Drop events after ``now``, then keep the last event of each user and item. Built by hand in chapter 01.

    Parameters
    ----------
    log : DataFrame
        With the columns ``user``, ``item`` and ``time``, rows in any order.
    now : number or datetime
        The latest time that an event can have: a number in the unit of ``time``, or a datetime if ``time`` has
        datetimes, with a time zone if they have one.

    Raises
    ------
    ValueError
        If a column is missing or there twice, the times cannot be ordered, or ``now`` is of another kind than they.
    """
    _check_log(log, [*AXES, "time"])
    times = check_times(log["time"])
    happened = times <= _moment(now, log["time"])
    kept = log[happened].iloc[np.argsort(times[happened], kind="stable")]
    return kept.drop_duplicates(["user", "item"], keep="last")


def _moment(now: Any, times: pd.Series) -> Any:
    """Return ``now`` in the form of checked times, or refuse a moment of another kind."""
    if _of_datetimes(times) and not pd.isna(now):
        moment = pd.Series([now]) if isinstance(now, datetime | np.datetime64 | timedelta | np.timedelta64) else None
        if moment is not None and (moment.dtype.kind, _zoned(moment)) == (times.dtype.kind, _zoned(times)):
            return check_times(moment)[0]
    elif isinstance(now, numbers.Real) and not isinstance(now, bool) and now == now:
        return now
    example = "" if times.empty else f", such as {times.iloc[0]!r}"
    raise ValueError(
        f"Expected now of the same kind as the times, which are {times.dtype}{example}; "
        f"got {now!r} ({type(now).__name__}). Compare like with like, for example now=log['time'].max()."
    )


class Split(NamedTuple):
    """A training part and a test part with the same axes, and how they were made."""

    train: Interactions
    test: Interactions
    name: str


def split_per_user(interactions: Interactions, test_fraction: float = 0.2, random_state: int = 0) -> Split:
    """Hold out a random share of each user's events. Chapter 03 says what this split leaks.

    A user with n events has ``ceil(test_fraction * n)`` of them in the test part, the rounding of scikit-learn's
    ``train_test_split``; at least one event stays for training.

    Raises
    ------
    ValueError
        If ``test_fraction`` is not between 0 and 1.
    """
    _check_share(test_fraction)
    check_seed("random_state", random_state)
    rng = np.random.default_rng(random_state)
    at_random = np.lexsort((-rng.random(len(interactions)), interactions.user_pos))
    in_test = _latest_of_each_user(interactions, at_random, test_fraction)
    return _divide(
        interactions, in_test, f"per-user random {1 - test_fraction:.0%} to {test_fraction:.0%}, seed {random_state}"
    )


def split_per_user_time(interactions: Interactions, test_fraction: float = 0.2) -> Split:
    """Hold out the latest share of each user's events. Chapter 03 says what this split leaks.

    As many as :func:`split_per_user` holds out. Nobody's own future is trained on, but that of other users is. Of
    events at the same time, those further down the log count as later.

    Raises
    ------
    ValueError
        If ``test_fraction`` is not between 0 and 1, or the log has no usable column ``time``.
    """
    _check_share(test_fraction)
    in_test = _latest_of_each_user(interactions, interactions.time_order, test_fraction)
    return _divide(interactions, in_test, f"per-user time {1 - test_fraction:.0%} to {test_fraction:.0%}")


def split_last_out(interactions: Interactions) -> Split:
    """Hold out the latest event of each user that has more than one. Built by hand in chapter 03.

    Ties and errors as in :func:`split_per_user_time`.
    """
    in_test = _latest_of_each_user(interactions, interactions.time_order, 0)
    return _divide(interactions, in_test, "leave last out")


def split_global_time(interactions: Interactions, test_fraction: float = 0.2) -> Split:
    """Hold out the latest share of the whole log, so that nothing is learned from later. Built in chapter 03.

    With n events, ``ceil(test_fraction * n)`` are in the test part, at least one stays for training. Users and items
    that occur only in the test part keep their row and column: a model meets them with an empty history. Ties and
    errors as in :func:`split_per_user_time`.
    """
    _check_share(test_fraction)
    n_events = len(interactions)
    order = np.argsort(interactions.times, kind="stable")
    in_test = np.zeros(n_events, dtype=bool)
    in_test[order[max(1, n_events - math.ceil(test_fraction * n_events)) :]] = True
    return _divide(interactions, in_test, f"global time {1 - test_fraction:.0%} to {test_fraction:.0%}")


def split_users(
    interactions: Interactions, n_held_out: int, test_fraction: float = 0.2, random_state: int = 0
) -> tuple[Interactions, Split]:
    """Hold out whole users, and of each of them a random share of the events. Built by hand in chapter 07.

    No event of a held-out user is trained on: a model meets them by their row alone, as it will meet newcomers. This
    is called strong generalisation. Users without events are never held out.

    Parameters
    ----------
    n_held_out : int, at least 1 and less than the number of users with events.
    test_fraction : float. Share of a held-out user's events to hide, rounded as in :func:`split_per_user`.

    Returns
    -------
    Interactions
        All events of the other users, with the axes of the whole: the held-out users' rows are empty.
    Split
        Of the held-out users: ``train`` is what they fold in, ``test`` what they hide.

    Raises
    ------
    ValueError
        If ``n_held_out`` leaves no user to hold out or none to train on, or ``test_fraction`` is no share.

    References
    ----------
    Marlin (2004), "Collaborative filtering: a machine learning perspective", for strong and weak generalisation.
    """
    _check_share(test_fraction)
    active = np.unique(interactions.user_pos)
    check_integer("n_held_out", n_held_out)
    if n_held_out >= len(active):
        raise ValueError(
            f"n_held_out must leave a user to train on, so be less than {len(active)}, "
            f"the number of users with events; got {n_held_out!r}."
        )
    check_seed("random_state", random_state)
    chosen = np.random.default_rng(random_state).choice(active, n_held_out, replace=False)
    held_out = np.isin(interactions.user_pos, chosen)
    split = split_per_user(interactions.take(held_out), test_fraction, random_state)
    shares = f"{1 - test_fraction:.0%} folded in, {test_fraction:.0%} hidden"
    return interactions.take(~held_out), split._replace(
        name=f"{n_held_out:,} held-out users, {shares}, seed {random_state}"
    )


def _check_share(test_fraction: float) -> None:
    check_number("test_fraction", test_fraction, above=0, below=1)


def _latest_of_each_user(interactions: Interactions, order: np.ndarray, share: float) -> np.ndarray:
    """Mark the last ``ceil(share * n)`` of each user's n events, at least one, and never all of them.

    ``order`` has the users in order, and of each user the events, the last one last.
    """
    user_pos = interactions.user_pos
    n_events = np.bincount(user_pos, minlength=interactions.n_users)
    end = np.repeat(np.cumsum(n_events), n_events)
    n_later = end - 1 - np.arange(len(order))  # …, 1, 0 within each user
    n_test = np.minimum(np.maximum(1, np.ceil(share * n_events)), n_events - 1)
    in_test = np.zeros(len(order), dtype=bool)
    in_test[order] = n_later < np.repeat(n_test, n_events)
    return in_test


def _divide(interactions: Interactions, in_test: np.ndarray, name: str) -> Split:
    return Split(interactions.take(~in_test), interactions.take(in_test), name)
