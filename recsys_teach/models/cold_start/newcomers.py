"""Compare models on users with short histories. Built in chapter 14."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from recsys_teach._validation import check_integer, check_seed
from recsys_teach.data.interactions import Interactions
from recsys_teach.data.splits import Split
from recsys_teach.evaluation.evaluator import SAMPLES


def position_in_history(interactions: Interactions) -> np.ndarray:
    """Return the position of each event in the history of its user, counted from 0 in the order of time.

    Events at the same time stay in the order of the log.

    Parameters
    ----------
    interactions : Interactions
        A log with the column ``time``.

    Returns
    -------
    array of int, shape (n_events,)
        The positions, in the order of the log.
    """
    order = interactions.time_order
    users = interactions.user_pos[order]
    position = np.empty(len(order), dtype=int)
    # time_order sorts by user, then by time, so searchsorted finds the first event of each user.
    position[order] = np.arange(len(order)) - np.searchsorted(users, users)
    return position


def first_events(interactions: Interactions, k: int) -> sparse.csr_array:
    """Build the binary matrix of the first k events of each user.

    Parameters
    ----------
    interactions : Interactions
        A log with the column ``time``.
    k : int
        Number of events, at least 0.

    Returns
    -------
    csr_array, shape (n_users, n_items)
        1 for the items of these events.
    """
    check_integer("k", k, 0)
    if k == 0:
        return sparse.csr_array(interactions.shape)
    return interactions.take(position_in_history(interactions) < k).matrix()


def split_newcomers(
    interactions: Interactions, held_out: np.ndarray, n_known: int = 10, n_scored: int = 5
) -> tuple[Interactions, Split]:
    """Hold out users: models may see their first events, the later ones are the test set. Built in chapter 14.

    For any k up to ``n_known`` a model may see ``first_events(split.train, k)``. The test items and the candidates are
    the same for each k, so only the known events differ.

    Parameters
    ----------
    interactions : Interactions
        A log with the column ``time``.
    held_out : array of int
        Positions of the users to hold out. Users with fewer than ``n_known + n_scored`` events are dropped.
    n_known : int, default=10
        Number of events that may become known, at least 1.
    n_scored : int, default=5
        Minimum number of events in the test set of a user, at least 1.

    Returns
    -------
    train : Interactions
        All events of the users who are not held out, with the same users and items as ``interactions``.
    split : Split
        The held-out users: ``train`` contains their first ``n_known`` events, ``test`` all later ones.

    Raises
    ------
    ValueError
        If there is no user to train on or to test.
    """
    check_integer("n_known", n_known)
    check_integer("n_scored", n_scored)
    n_events = np.bincount(interactions.user_pos, minlength=interactions.n_users)
    tested = np.intersect1d(held_out, np.flatnonzero(n_events >= n_known + n_scored))
    others = ~np.isin(interactions.user_pos, held_out)
    if not len(tested) or not others.any():
        raise ValueError(
            f"Expected held-out users with at least {n_known + n_scored} events, and other users to train on; got "
            f"{len(tested)} such users among {len(held_out)}, and {others.sum()} events to train on. Hold out other "
            "users, or decrease n_known or n_scored."
        )
    of_tested = interactions.take(np.isin(interactions.user_pos, tested))
    known = position_in_history(of_tested) < n_known
    name = f"{len(tested):,} newcomers, the first {n_known} events of each set aside, later ones scored"
    return interactions.take(others), Split(of_tested.take(known), of_tested.take(~known), name)


def crossover(ks: Sequence[float], lead: np.ndarray, random_state: int = 0) -> tuple[float, float, float]:
    """Find the number of known events from which one model leads another. Built in chapter 14.

    The mean lead is interpolated linearly between two k. The interval is a percentile bootstrap over users.

    Parameters
    ----------
    ks : sequence of float, shape (n_ks,)
        Numbers of known events, increasing.
    lead : array, shape (n_users, n_ks)
        The metric of the first model minus that of the second.
    random_state : int, default=0
        Seed of the bootstrap.

    Returns
    -------
    crossover : float
        ``ks[0]`` if the first model leads from the start, infinity if it does not lead at the last k.
    low, high : float
        The ends of the 95 % interval of the crossover.

    Raises
    ------
    ValueError
        If ks does not increase, or the shapes do not match.
    """
    check_seed("random_state", random_state)
    known, lead = np.asarray(ks, dtype=float), np.asarray(lead, dtype=float)
    if lead.ndim != 2 or lead.shape[1] != len(known) or (np.diff(known) <= 0).any():
        raise ValueError(
            f"Expected increasing ks and a lead of shape (n_users, {len(known)}); got ks={known.tolist()} and a lead "
            f"of shape {lead.shape}. Sort ks, and use one column for each of them."
        )
    rng = np.random.default_rng(random_state)
    means = (lead[rng.integers(len(lead), size=len(lead))].mean(axis=0) for _ in range(SAMPLES))
    crossings = [_last_crossing(known, mean) for mean in means]
    low, high = np.quantile(crossings, [0.025, 0.975], method="nearest")  # interpolation fails at infinity
    return _last_crossing(known, lead.mean(axis=0)), float(low), float(high)


def _last_crossing(ks: np.ndarray, lead: np.ndarray) -> float:
    """Return the k after which the mean lead stays above 0, interpolated linearly."""
    behind = np.flatnonzero(lead <= 0)
    if not len(behind):
        return float(ks[0])
    last = behind[-1]
    if last == len(ks) - 1:
        return np.inf
    share = lead[last] / (lead[last] - lead[last + 1])
    return float(ks[last] + share * (ks[last + 1] - ks[last]))
