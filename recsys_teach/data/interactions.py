"""The event log, the id maps, and the user x item matrix with named axes."""

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
    check_ids,
    check_log,
    check_times,
    known_ids,
    of_datetimes,
    own_copy,
    refuse_unknown,
    zoned,
)

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
        check_log(log, AXES)
        self._log = own_copy(log)
        self._user_ids, self._item_ids = pd.Index(user_ids), pd.Index(item_ids)
        self._users = None if users is None else own_copy(users)
        self._items = None if items is None else own_copy(items)

    @property
    def log(self) -> pd.DataFrame:
        """The events, a copy."""
        return own_copy(self._log)

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
        return None if self._users is None else own_copy(self._users)

    @property
    def items(self) -> pd.DataFrame | None:
        """What is known of each item, a copy, or None."""
        return None if self._items is None else own_copy(self._items)

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
        rows = known_ids("user", user_ids, log["user"], users)
        columns = known_ids("item", item_ids, log["item"], items)
        swapped = bool(log["user"].isin(columns).all() and log["item"].isin(rows).all())
        refuse_unknown("user", log["user"], rows, swapped)
        refuse_unknown("item", log["item"], columns, swapped)
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
            refuse_unknown(axis, self._log[axis], ids, swapped=False)
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
    check_log(log, [*AXES, "time"])
    times = check_times(log["time"])
    happened = times <= _moment(now, log["time"])
    kept = log[happened].iloc[np.argsort(times[happened], kind="stable")]
    return kept.drop_duplicates(["user", "item"], keep="last")


def _moment(now: Any, times: pd.Series) -> Any:
    """Return ``now`` in the form of checked times, or refuse a moment of another kind."""
    if of_datetimes(times) and not pd.isna(now):
        moment = pd.Series([now]) if isinstance(now, datetime | np.datetime64 | timedelta | np.timedelta64) else None
        if moment is not None and (moment.dtype.kind, zoned(moment)) == (times.dtype.kind, zoned(times)):
            return check_times(moment)[0]
    elif isinstance(now, numbers.Real) and not isinstance(now, bool) and now == now:
        return now
    example = "" if times.empty else f", such as {times.iloc[0]!r}"
    raise ValueError(
        f"Expected now of the same kind as the times, which are {times.dtype}{example}; "
        f"got {now!r} ({type(now).__name__}). Compare like with like, for example now=log['time'].max()."
    )
