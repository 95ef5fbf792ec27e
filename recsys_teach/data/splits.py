"""Split interactions into a training set and a test set."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from recsys_teach._validation import check_integer, check_number, check_seed
from recsys_teach.data.interactions import Interactions


class Split(NamedTuple):
    """A training set and a test set with the same axes.

    Attributes
    ----------
    train, test : Interactions
        The two sets.
    name : str
        Description of the split, which is part of the protocol of a result.
    """

    train: Interactions
    test: Interactions
    name: str


def split_per_user(interactions: Interactions, test_fraction: float = 0.2, random_state: int = 0) -> Split:
    """Hold out a random share of each user's events. Chapter 03 shows the leakage of this split.

    Of a user with n events, ``ceil(test_fraction * n)`` are in the test set, which is how scikit-learn's
    ``train_test_split`` rounds; at least one event stays in the training set.

    Parameters
    ----------
    interactions : Interactions
        The events to split.
    test_fraction : float, default=0.2
        Share of the events to hold out, between 0 and 1 (exclusive).
    random_state : int, default=0
        Seed of the random choice.

    Returns
    -------
    Split
        The training set and the test set.

    Raises
    ------
    TypeError
        If a parameter has the wrong type.
    ValueError
        If ``test_fraction`` is not between 0 and 1.
    """
    _check_fraction(test_fraction)
    check_seed("random_state", random_state)
    rng = np.random.default_rng(random_state)
    random_order = np.lexsort((-rng.random(len(interactions)), interactions.user_pos))  # by user, then at random
    in_test = _last_of_each_user(interactions, random_order, test_fraction)
    return _divide(
        interactions, in_test, f"per-user random {1 - test_fraction:.0%} to {test_fraction:.0%}, seed {random_state}"
    )


def split_per_user_time(interactions: Interactions, test_fraction: float = 0.2) -> Split:
    """Hold out the latest share of each user's events. Chapter 03 shows the leakage of this split.

    The number of events is the same as in :func:`split_per_user`. A model is not trained on the future of the user for
    whom it is tested, but it is trained on the future of other users. Of events at the same time, those further down
    in the log count as later.

    Parameters
    ----------
    interactions : Interactions
        The events to split.
    test_fraction : float, default=0.2
        Share of the events to hold out, between 0 and 1 (exclusive).

    Returns
    -------
    Split
        The training set and the test set.

    Raises
    ------
    TypeError
        If ``test_fraction`` is not a number.
    ValueError
        If ``test_fraction`` is not between 0 and 1, or the log has no valid column ``time``.
    """
    _check_fraction(test_fraction)
    in_test = _last_of_each_user(interactions, interactions.time_order, test_fraction)
    return _divide(interactions, in_test, f"per-user time {1 - test_fraction:.0%} to {test_fraction:.0%}")


def split_last_out(interactions: Interactions) -> Split:
    """Hold out the latest event of each user that has more than one. Built by hand in chapter 03.

    Ties are resolved as in :func:`split_per_user_time`.

    Parameters
    ----------
    interactions : Interactions
        The events to split.

    Returns
    -------
    Split
        The training set and the test set.

    Raises
    ------
    ValueError
        If the log has no valid column ``time``.
    """
    in_test = _last_of_each_user(interactions, interactions.time_order, 0)
    return _divide(interactions, in_test, "leave last out")


def split_global_time(interactions: Interactions, test_fraction: float = 0.2) -> Split:
    """Hold out the latest share of all events, so that no training event is in the future. Built in chapter 03.

    With n events, ``ceil(test_fraction * n)`` are in the test set, and at least one stays in the training set. Users
    and items that occur only in the test set keep their row and column; their training history is empty. Ties are
    resolved as in :func:`split_per_user_time`.

    Parameters
    ----------
    interactions : Interactions
        The events to split.
    test_fraction : float, default=0.2
        Share of the events to hold out, between 0 and 1 (exclusive).

    Returns
    -------
    Split
        The training set and the test set.

    Raises
    ------
    TypeError
        If ``test_fraction`` is not a number.
    ValueError
        If ``test_fraction`` is not between 0 and 1, or the log has no valid column ``time``.
    """
    _check_fraction(test_fraction)
    n_events = len(interactions)
    order = np.argsort(interactions.times, kind="stable")
    in_test = np.zeros(n_events, dtype=bool)
    in_test[order[max(1, n_events - math.ceil(test_fraction * n_events)) :]] = True
    return _divide(interactions, in_test, f"global time {1 - test_fraction:.0%} to {test_fraction:.0%}")


def split_users(
    interactions: Interactions, n_held_out: int, test_fraction: float = 0.2, random_state: int = 0
) -> tuple[Interactions, Split]:
    """Hold out users with all their events, and split these events at random. Built by hand in chapter 07.

    A model is not trained on any event of a held-out user. It predicts from their fold-in events alone, as it would
    for new users. This protocol is called strong generalization. Users without events are never held out.

    Parameters
    ----------
    interactions : Interactions
        The events to split.
    n_held_out : int
        Number of users to hold out, at least 1 and less than the number of users with events.
    test_fraction : float, default=0.2
        Share of a held-out user's events in the test set, rounded as in :func:`split_per_user`.
    random_state : int, default=0
        Seed of the choice of users and events.

    Returns
    -------
    Interactions
        All events of the other users, with the axes of ``interactions``: the rows of the held-out users are empty.
    Split
        Events of the held-out users: ``train`` is folded in, ``test`` is hidden from the model.

    Raises
    ------
    TypeError
        If a parameter has the wrong type.
    ValueError
        If ``n_held_out`` is below 1 or leaves no user for training, or ``test_fraction`` is not between 0 and 1.

    References
    ----------
    Marlin (2004), "Collaborative filtering: a machine learning perspective", for strong and weak generalization.
    """
    _check_fraction(test_fraction)
    active = np.unique(interactions.user_pos)
    check_integer("n_held_out", n_held_out)
    if n_held_out >= len(active):
        raise ValueError(
            f"n_held_out must be less than {len(active)}, the number of users with events, so that a user is left for "
            f"training; got {n_held_out!r}."
        )
    check_seed("random_state", random_state)
    chosen = np.random.default_rng(random_state).choice(active, n_held_out, replace=False)
    held_out = np.isin(interactions.user_pos, chosen)
    split = split_per_user(interactions.take(held_out), test_fraction, random_state)
    shares = f"{1 - test_fraction:.0%} folded in, {test_fraction:.0%} hidden"
    return interactions.take(~held_out), split._replace(
        name=f"{n_held_out:,} held-out users, {shares}, seed {random_state}"
    )


def _check_fraction(test_fraction: float) -> None:
    check_number("test_fraction", test_fraction, above=0, below=1)


def _last_of_each_user(interactions: Interactions, order: np.ndarray, fraction: float) -> np.ndarray:
    """Return a mask of the last ``ceil(fraction * n)`` of each user's n events: at least one, but never all of them.

    ``order`` contains positions in the log, sorted by user; the last event of each user is last.
    """
    user_pos = interactions.user_pos
    n_events = np.bincount(user_pos, minlength=interactions.n_users)
    end = np.repeat(np.cumsum(n_events), n_events)
    n_later = end - 1 - np.arange(len(order))  # number of later events of the same user: …, 1, 0
    n_test = np.minimum(np.maximum(1, np.ceil(fraction * n_events)), n_events - 1)
    in_test = np.zeros(len(order), dtype=bool)
    in_test[order] = n_later < np.repeat(n_test, n_events)
    return in_test


def _divide(interactions: Interactions, in_test: np.ndarray, name: str) -> Split:
    """Return the split with the events of a mask in the test set."""
    return Split(interactions.take(~in_test), interactions.take(in_test), name)
