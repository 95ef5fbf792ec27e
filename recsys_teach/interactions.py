"""The event log, the id maps, and the user x item matrix with named axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from recsys_teach._validation import check_number, check_seed

AXES = ("user", "item")


def _known_ids(given: Any, seen: pd.Series, table: pd.DataFrame | None) -> pd.Index:
    """Take ids from what was given, else from the feature table, else from the log, sorted."""
    if given is not None:
        ids = pd.Index(given)
    elif table is not None:
        ids = table.index
    else:
        ids = pd.Index(np.sort(seen.unique()))
    if ids.has_duplicates:
        raise ValueError(f"Each id may stand once, but {ids[ids.duplicated()][0]!r} stands twice.")
    return ids


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
    raise ValueError(
        f"The log has {unknown.nunique()} {axis} ids that are not among the {len(ids)} known ones, "
        f"for example {unknown.iloc[0]!r}. Add them to the {axis} ids or drop those events."
    )


def _positions(ids: pd.Index, column: pd.Series) -> np.ndarray:
    positions = ids.get_indexer(column)
    positions.flags.writeable = False  # they are computed once and shared
    return positions


@dataclass(frozen=True)
class Interactions:
    """An event log whose users are rows and whose items are columns. Built by hand in chapter 01.

    Use :meth:`from_log` to make one. Positions (``user_pos``, ``item_pos``) are 0, 1, 2, … in the order of
    ``user_ids`` and ``item_ids``; every matrix, score and metric of the course speaks of positions.

    Parameters
    ----------
    log : DataFrame, one row an event, with the columns ``user`` and ``item`` and any others.
    user_ids : Index, shape (n_users,). Row ``u`` of every matrix belongs to ``user_ids[u]``.
    item_ids : Index, shape (n_items,). Column ``i`` of every matrix belongs to ``item_ids[i]``.
    users : DataFrame indexed by user id, or None. What is known of each user.
    items : DataFrame indexed by item id, or None. What is known of each item.
    """

    log: pd.DataFrame
    user_ids: pd.Index
    item_ids: pd.Index
    users: pd.DataFrame | None = None
    items: pd.DataFrame | None = None

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
        log : DataFrame with the columns ``user`` and ``item``; others (``rating``, ``time``, …) are kept.
        users, items : DataFrame indexed by id, optional. Their indices fix the ids and the order of the axes.
        user_ids, item_ids : sequence, optional. Fix the ids and the order of the axes directly.

        Raises
        ------
        ValueError
            If the log is empty, lacks a column, has missing ids, ids that the axes do not know, or axes that
            look swapped.
        """
        missing = [axis for axis in AXES if axis not in log.columns]
        if missing:
            raise ValueError(
                f"The log needs the columns 'user' and 'item', but {missing[0]!r} is missing; it has "
                f"{list(log.columns)}. Rename your columns with log.rename(columns=...)."
            )
        if log.empty:
            raise ValueError("The log is empty: expected at least one event. Check the filter before this call.")
        for axis in AXES:
            if log[axis].isna().any():
                row = int(np.flatnonzero(log[axis].isna())[0])
                raise ValueError(f"Event {row} has no {axis} id (NaN). Drop such events with log.dropna().")
        rows = _known_ids(user_ids, log["user"], users)
        columns = _known_ids(item_ids, log["item"], items)
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
        cells = sparse.coo_array(matrix)
        if cells.ndim != 2:
            raise ValueError(f"Expected a matrix of users x items, came shape {cells.shape}; write one row as [[...]].")
        cells.eliminate_zeros()
        if not np.isfinite(cells.data).all():
            raise ValueError("The matrix holds NaN or infinity. Write 0 where there was no event.")
        expected = tuple(
            size if ids is None else len(ids) for ids, size in zip((user_ids, item_ids), cells.shape, strict=True)
        )
        if cells.shape != expected:
            swapped = " That is the transpose: pass matrix.T." if cells.shape == expected[::-1] else ""
            raise ValueError(f"Expected a matrix of users x items {expected}, came {cells.shape}.{swapped}")
        rows = pd.RangeIndex(cells.shape[0]) if user_ids is None else pd.Index(user_ids)
        columns = pd.RangeIndex(cells.shape[1]) if item_ids is None else pd.Index(item_ids)
        user_pos, item_pos = cells.coords
        log = pd.DataFrame({"user": rows[user_pos], "item": columns[item_pos], "rating": cells.data})
        return cls.from_log(log, user_ids=rows, item_ids=columns)

    def __len__(self) -> int:
        return len(self.log)

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
        return _positions(self.user_ids, self.log["user"])

    @cached_property
    def item_pos(self) -> np.ndarray:
        """Column of each event, shape (n_events,)."""
        return _positions(self.item_ids, self.log["item"])

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
        if value not in self.log.columns:
            raise ValueError(f"The log has no column {value!r}; it has {list(self.log.columns)}.")
        values = pd.to_numeric(self.log[value], errors="coerce").to_numpy(dtype=float)
        if not np.isfinite(values).all():
            event = int(np.flatnonzero(~np.isfinite(values))[0])
            raise ValueError(
                f"The column {value!r} holds {self.log[value].iloc[event]} in event {event}: no finite number. "
                "Drop such events first."
            )
        if (cells.data > 1).any():
            pair = self.log[self.log.duplicated(["user", "item"])].iloc[0]
            raise ValueError(
                f"User {pair['user']!r} has more than one {value!r} for item {pair['item']!r}. Decide which one "
                "holds first, for example log.drop_duplicates(['user', 'item'], keep='last')."
            )
        return sparse.coo_array((values, (self.user_pos, self.item_pos)), shape=self.shape).tocsr()

    def take(self, events: np.ndarray) -> Interactions:
        """Keep some events (a mask or positions in the log); users, items and their order stay."""
        log = self.log.loc[events] if events.dtype == bool else self.log.iloc[events]
        return Interactions(log.reset_index(drop=True), self.user_ids, self.item_ids, self.users, self.items)


def clean_log(log: pd.DataFrame, now: int) -> pd.DataFrame:
    """Drop events after ``now``, then keep the last event of each user and item. Built by hand in chapter 01.

    Parameters
    ----------
    log : DataFrame with the columns ``user``, ``item`` and ``time``, rows in any order.
    now : the latest time that an event can have, in the unit of ``time``.
    """
    happened = log[log["time"] <= now]
    return happened.sort_values("time", kind="stable").drop_duplicates(["user", "item"], keep="last")


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
    in_test = _latest_of_each_user(interactions, -rng.random(len(interactions)), test_fraction)
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
    in_test = _latest_of_each_user(interactions, _times(interactions), test_fraction)
    return _divide(interactions, in_test, f"per-user time {1 - test_fraction:.0%} to {test_fraction:.0%}")


def split_last_out(interactions: Interactions) -> Split:
    """Hold out the latest event of each user that has more than one. Built by hand in chapter 03.

    Ties and errors as in :func:`split_per_user_time`.
    """
    in_test = _latest_of_each_user(interactions, _times(interactions), 0)
    return _divide(interactions, in_test, "leave last out")


def split_global_time(interactions: Interactions, test_fraction: float = 0.2) -> Split:
    """Hold out the latest share of the whole log, so that nothing is learned from later. Built in chapter 03.

    With n events, ``ceil(test_fraction * n)`` are in the test part, at least one stays for training. Users and items
    that occur only in the test part keep their row and column: a model meets them with an empty history. Ties and
    errors as in :func:`split_per_user_time`.
    """
    _check_share(test_fraction)
    n_events = len(interactions)
    order = np.argsort(_times(interactions), kind="stable")
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
    if not 1 <= n_held_out < len(active):
        raise ValueError(
            f"n_held_out must be at least 1 and leave a user to train on, so less than {len(active)}, the number of "
            f"users with events; came {n_held_out}."
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


def _times(interactions: Interactions) -> np.ndarray:
    if "time" not in interactions.log.columns:
        raise ValueError(f"A split by time needs the column 'time'; the log has {list(interactions.log.columns)}.")
    times = interactions.log["time"]
    if times.isna().any():
        event = int(np.flatnonzero(times.isna())[0])
        raise ValueError(f"Event {event} has no time (NaN). Drop such events with log.dropna(subset=['time']).")
    return times.to_numpy()


def _latest_of_each_user(interactions: Interactions, times: np.ndarray, share: float) -> np.ndarray:
    """Mark the latest ``ceil(share * n)`` of each user's n events, at least one, and never all of them."""
    user_pos = interactions.user_pos
    order = np.lexsort((times, user_pos))  # users in order, their events by time, ties in the order of the log
    n_events = np.bincount(user_pos, minlength=interactions.n_users)
    end = np.repeat(np.cumsum(n_events), n_events)
    n_later = end - 1 - np.arange(len(order))  # …, 1, 0 within each user
    n_test = np.minimum(np.maximum(1, np.ceil(share * n_events)), n_events - 1)
    in_test = np.zeros(len(order), dtype=bool)
    in_test[order] = n_later < np.repeat(n_test, n_events)
    return in_test


def _divide(interactions: Interactions, in_test: np.ndarray, name: str) -> Split:
    return Split(interactions.take(~in_test), interactions.take(in_test), name)
