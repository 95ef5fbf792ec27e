"""Splits of interactions into a training and a test part."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from recsys_teach._validation import check_integer, check_number, check_seed
from recsys_teach.data.interactions import Interactions


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
    is called strong generalization. Users without events are never held out.

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
    Marlin (2004), "Collaborative filtering: a machine learning perspective", for strong and weak generalization.
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
