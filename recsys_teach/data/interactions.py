"""The event log, the maps from ids to positions, and the user x item matrix. Built by hand in chapter 01."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from recsys_teach.data._log_checks import (
    AXES,
    EMPTY,
    axis_ids,
    check_ids,
    check_known,
    check_log,
    check_times,
    has_time_zone,
    independent_copy,
    is_datetime,
)

# --- the log and its axes -------------------------------------------------------------------------------------


class Interactions:
    """An event log with a fixed order of users (rows) and items (columns). Built by hand in chapter 01.

    Use :meth:`from_log` to create one. Positions (``user_pos``, ``item_pos``) are 0, 1, 2, … in the order of
    ``user_ids`` and ``item_ids``; every matrix, score and metric of the course uses positions. Convert ids to
    positions with ``user_ids.get_indexer(ids)``, which returns -1 for an unknown id. An integer id that is passed
    where a position is expected cannot be detected if it is below ``n_users``.

    Interactions are immutable: the log and the tables are copied, and ``log``, ``users`` and ``items`` return copies
    (pandas copies the data only when one of them is written to). To change the log, change the copy and create new
    interactions with :meth:`from_log`.

    Parameters
    ----------
    log : DataFrame
        One row per event, with the columns ``user`` and ``item`` and any others.
    user_ids : Index, shape (n_users,)
        Row ``u`` of every matrix belongs to ``user_ids[u]``.
    item_ids : Index, shape (n_items,)
        Column ``i`` of every matrix belongs to ``item_ids[i]``.
    users : DataFrame or None
        Features of the users, indexed by user id.
    items : DataFrame or None
        Features of the items, indexed by item id.
    """

    def __init__(
        self,
        log: pd.DataFrame,
        user_ids: pd.Index,
        item_ids: pd.Index,
        users: pd.DataFrame | None = None,
        items: pd.DataFrame | None = None,
    ):
        check_log(log, AXES)
        self._log = independent_copy(log)
        self._user_ids, self._item_ids = pd.Index(user_ids), pd.Index(item_ids)
        self._users = None if users is None else independent_copy(users)
        self._items = None if items is None else independent_copy(items)

    @property
    def log(self) -> pd.DataFrame:
        """Copy of the events."""
        return independent_copy(self._log)

    @property
    def user_ids(self) -> pd.Index:
        """User id of each row."""
        return self._user_ids

    @property
    def item_ids(self) -> pd.Index:
        """Item id of each column."""
        return self._item_ids

    @property
    def users(self) -> pd.DataFrame | None:
        """Copy of the features of the users, or None."""
        return None if self._users is None else independent_copy(self._users)

    @property
    def items(self) -> pd.DataFrame | None:
        """Copy of the features of the items, or None."""
        return None if self._items is None else independent_copy(self._items)

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
        """Build interactions from an event log.

        Parameters
        ----------
        log : DataFrame
            One row per event, with the columns ``user`` and ``item``. Other columns (``rating``, ``time``, …) are
            kept.
        users, items : DataFrame, optional
            Features, indexed by id. The order of the index is the order of the positions.
        user_ids, item_ids : sequence, optional
            The ids in the order of the positions. They take precedence over the indices of the tables. Without ids
            and table, the ids of the log are sorted.

        Returns
        -------
        Interactions
            The interactions.

        Raises
        ------
        TypeError
            If the log or a table is not a DataFrame.
        ValueError
            If the log is empty, a column is missing or occurs twice, an id is missing, unknown or inexact, ids have
            several types, the axes look swapped, or the ids of a table are a column rather than its index.
        """
        check_log(log, AXES)
        if log.empty:
            raise ValueError(EMPTY)
        checked = {}
        for axis in AXES:
            checked[axis] = check_ids(axis, log[axis], "the log")
            if log[axis].isna().any():
                row = int(np.flatnonzero(log[axis].isna())[0])
                raise ValueError(
                    f"Event {row} has no {axis} id (NaN). Drop such events with log.dropna(subset=[{axis!r}])."
                )
        log = log.assign(**checked)
        rows = axis_ids("user", user_ids, log["user"], users)
        columns = axis_ids("item", item_ids, log["item"], items)
        swapped = bool(log["user"].isin(columns).all() and log["item"].isin(rows).all())
        check_known("user", log["user"], rows, swapped)
        check_known("item", log["item"], columns, swapped)
        return cls(log.reset_index(drop=True), rows, columns, users, items)

    @classmethod
    def from_matrix(
        cls, matrix: Any, *, user_ids: Sequence[Any] | None = None, item_ids: Sequence[Any] | None = None
    ) -> Interactions:
        """Build interactions from a matrix of users x items, where zero means "no event".

        Parameters
        ----------
        matrix : array-like or sparse matrix, shape (n_users, n_items)
            The values, which become the column ``rating`` of the log. Masked cells count as zero, and duplicate cells
            of a sparse matrix are added up.
        user_ids : sequence, shape (n_users,), optional
            Id of each row; 0, 1, 2, … by default.
        item_ids : sequence, shape (n_items,), optional
            Id of each column; 0, 1, 2, … by default.

        Returns
        -------
        Interactions
            The interactions.

        Raises
        ------
        ValueError
            If a value is NaN or infinite, or the shape does not match the ids. The message states whether the matrix
            is the transpose of the expected one.
        """
        if isinstance(matrix, np.ma.MaskedArray):
            matrix = matrix.filled(0)  # a masked cell is missing, so there was no event
        cells = sparse.coo_array(matrix)
        if cells.ndim != 2:
            raise ValueError(f"Expected a matrix of users x items, got shape {cells.shape}. Write one row as [[...]].")
        if (added_up := cells.tocsr()).nnz < cells.nnz:  # duplicate cells are one cell, as in a dense array
            cells = added_up.tocoo()
        cells.eliminate_zeros()
        if not np.isfinite(cells.data).all():
            raise ValueError("Expected finite values, got NaN or infinity. Write 0 where there was no event.")
        expected = tuple(
            size if ids is None else len(ids) for ids, size in zip((user_ids, item_ids), cells.shape, strict=True)
        )
        if cells.shape != expected:
            fix = " That is the transpose: pass matrix.T." if cells.shape == expected[::-1] else ""
            raise ValueError(f"Expected a matrix of users x items {expected}, got {cells.shape}.{fix}")
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
        """Number of users, which is the number of rows."""
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        """Number of items, which is the number of columns."""
        return len(self.item_ids)

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of every matrix: (n_users, n_items)."""
        return self.n_users, self.n_items

    @cached_property
    def user_pos(self) -> np.ndarray:
        """User position (row) of each event, shape (n_events,)."""
        return self._positions("user", self._user_ids)

    @cached_property
    def item_pos(self) -> np.ndarray:
        """Item position (column) of each event, shape (n_events,)."""
        return self._positions("item", self._item_ids)

    def _positions(self, axis: str, ids: pd.Index) -> np.ndarray:
        """Return the position of the user or item of each event; raise if an id is unknown."""
        positions = ids.get_indexer(pd.Index(self._log[axis]))
        if (positions < 0).any():
            check_known(axis, self._log[axis], ids, swapped=False)
        return _read_only(positions)

    @cached_property
    def times(self) -> np.ndarray:
        """Time of each event, shape (n_events,), as integers, floats or datetime64."""
        if "time" not in self._log.columns:
            raise ValueError(
                f"An order in time needs the column 'time'; the log has {list(self._log.columns)}. "
                "Rename your column with log.rename(columns=...)."
            )
        return _read_only(check_times(self._log["time"]).copy())

    @cached_property
    def time_order(self) -> np.ndarray:
        """Positions in the log, sorted by user, then time, then order in the log, shape (n_events,)."""
        return _read_only(np.lexsort((self.times, self.user_pos)))

    def counts(self) -> sparse.csr_array:
        """Count how often each user interacted with each item.

        Returns
        -------
        csr_array of float, shape (n_users, n_items)
            The counts; pairs without an event are not stored.
        """
        ones = np.ones(len(self))
        cells = sparse.coo_array((ones, (self.user_pos, self.item_pos)), shape=self.shape)
        return cells.tocsr()  # adds up duplicate cells

    def matrix(self, value: str | None = None) -> sparse.csr_array:
        """Return the user x item matrix in compressed sparse row format.

        Parameters
        ----------
        value : str, optional
            The column of the log to store. Without it, a cell is 1 where there was at least one event.

        Returns
        -------
        csr_array of float, shape (n_users, n_items)
            The values, with sorted column indices. A cell that is not stored is missing rather than zero, although
            the arithmetic of sparse matrices treats it as zero (chapter 04).

        Raises
        ------
        ValueError
            If the column is absent, contains NaN, or has several values for the same user and item.
        """
        cells = self.counts()
        if value is None:
            cells.data[:] = 1.0
            return cells
        if value not in self._log.columns:
            raise ValueError(
                f"The log has no column {value!r}; it has {list(self._log.columns)}. "
                "Pass one of them, or rename your column with log.rename(columns=...)."
            )
        values = pd.to_numeric(self._log[value], errors="coerce").to_numpy(dtype=float)
        if not np.isfinite(values).all():
            event = int(np.flatnonzero(~np.isfinite(values))[0])
            raise ValueError(
                f"The column {value!r} contains {self._log[value].iloc[event]} in event {event}; expected a finite "
                "number. Drop such events first."
            )
        if (cells.data > 1).any():
            pair = self._log[self._log.duplicated(["user", "item"])].iloc[0]
            raise ValueError(
                f"User {pair['user']!r} has more than one {value!r} for item {pair['item']!r}; expected one. Choose "
                "one first, for example with log.drop_duplicates(['user', 'item'], keep='last')."
            )
        return sparse.coo_array((values, (self.user_pos, self.item_pos)), shape=self.shape).tocsr()

    def take(self, events: np.ndarray) -> Interactions:
        """Select events, and keep the users, the items and their order.

        Parameters
        ----------
        events : ndarray of bool, shape (n_events,), or ndarray of int
            A mask of the events, or their positions in the log.

        Returns
        -------
        Interactions
            The selected events, with the same axes.
        """
        events = np.asarray(events)
        log = self._log.loc[events] if events.dtype == bool else self._log.iloc[events]
        return Interactions(log.reset_index(drop=True), self._user_ids, self._item_ids, self._users, self._items)


def _read_only(values: np.ndarray) -> np.ndarray:
    values.flags.writeable = False  # the array is computed once and shared by all callers
    return values


def clean_log(log: pd.DataFrame, now: Any) -> pd.DataFrame:
    """Drop events after ``now``, then keep the last event of each user and item. Built by hand in chapter 01.

    Parameters
    ----------
    log : DataFrame
        One row per event, with the columns ``user``, ``item`` and ``time``, in any order.
    now : number or datetime
        The latest allowed time: a number in the unit of ``time``, or a datetime if ``time`` contains datetimes, with
        a time zone if they have one.

    Returns
    -------
    DataFrame
        The remaining events, sorted by time.

    Raises
    ------
    TypeError
        If the log is not a DataFrame.
    ValueError
        If a column is missing or occurs twice, the times cannot be sorted, or ``now`` has a different kind than the
        times.
    """
    check_log(log, [*AXES, "time"])
    times = check_times(log["time"])
    past = times <= _moment(now, log["time"])
    kept = log[past].iloc[np.argsort(times[past], kind="stable")]
    return kept.drop_duplicates(["user", "item"], keep="last")


def _moment(now: Any, times: pd.Series) -> Any:
    """Return ``now`` in the form of checked times; raise if it is of a different kind than the times."""
    if is_datetime(times) and not pd.isna(now):
        moment = pd.Series([now]) if isinstance(now, datetime | np.datetime64 | timedelta | np.timedelta64) else None
        if moment is not None and _kind(moment) == _kind(times):
            return check_times(moment)[0]
    elif isinstance(now, numbers.Real) and not isinstance(now, bool) and now == now:
        return now
    example = "" if times.empty else f", such as {times.iloc[0]!r}"
    raise ValueError(
        f"Expected now of the same kind as the times, which are {times.dtype}{example}; "
        f"got {now!r} ({type(now).__name__}). Pass for example now=log['time'].max()."
    )


def _kind(times: pd.Series) -> tuple[str, bool]:
    """Return the kind of a datetime column (datetimes or time differences), and whether it has a time zone."""
    return times.dtype.kind, has_time_zone(times)
