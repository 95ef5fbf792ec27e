"""How models are compared on users who have just arrived. Built in chapter 14."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from recsys_teach._validation import check_integer, check_seed
from recsys_teach.data.interactions import Interactions
from recsys_teach.data.splits import Split
from recsys_teach.evaluation.evaluator import SAMPLES

# --- how newcomers are measured -------------------------------------------------------------------------------


def position_in_history(interactions: Interactions) -> np.ndarray:
    """Say which of its user's events each event is: 0, 1, 2, … by time, ties by the log, shape (n_events,)."""
    order = interactions.time_order
    users = interactions.user_pos[order]
    place = np.empty(len(order), dtype=int)
    place[order] = np.arange(len(order)) - np.searchsorted(users, users)
    return place


def first_events(interactions: Interactions, k: int) -> sparse.csr_array:
    """Give the matrix of 0 and 1 that holds the first k events of each user, shape (n_users, n_items)."""
    check_integer("k", k, 0)
    if k == 0:
        return sparse.csr_array(interactions.shape)
    return interactions.take(position_in_history(interactions) < k).matrix()


def split_newcomers(
    interactions: Interactions, held_out: np.ndarray, n_known: int = 10, n_scored: int = 5
) -> tuple[Interactions, Split]:
    """Hold out whole users: their first events may be shown to a model, the others are scored. Built in chapter 14.

    For any k up to ``n_known`` a model may see ``first_events(split.train, k)``. What is scored and what competes is
    the same for each k, so only what is known differs.

    Parameters
    ----------
    held_out : array of int. Positions of the users; those with fewer than ``n_known + n_scored`` events are dropped.
    n_known, n_scored : int, at least 1. Events that may become known, and fewest events to score.

    Returns
    -------
    Interactions
        All events of the users who are not held out, with the axes of the whole.
    Split
        Of the held-out users: ``train`` is their first ``n_known`` events, ``test`` all later ones.

    Raises
    ------
    ValueError
        If nobody is left to train on or to test.
    """
    check_integer("n_known", n_known)
    check_integer("n_scored", n_scored)
    n_events = np.bincount(interactions.user_pos, minlength=interactions.n_users)
    tested = np.intersect1d(held_out, np.flatnonzero(n_events >= n_known + n_scored))
    others = ~np.isin(interactions.user_pos, held_out)
    if not len(tested) or not others.any():
        raise ValueError(
            f"Of {len(held_out)} held-out users {len(tested)} have {n_known + n_scored} events or more, and "
            f"{others.sum()} events are left to train on; hold out fewer users, or ask for fewer events."
        )
    theirs = interactions.take(np.isin(interactions.user_pos, tested))
    known = position_in_history(theirs) < n_known
    name = f"{len(tested):,} newcomers, the first {n_known} events of each set aside, later ones scored"
    return interactions.take(others), Split(theirs.take(known), theirs.take(~known), name)


def crossover(ks: Sequence[float], lead: np.ndarray, random_state: int = 0) -> tuple[float, float, float]:
    """Find from how many known events on one model leads another, with its 95 % interval. Built in chapter 14.

    Between two k the mean lead is a straight line. The interval is a percentile bootstrap over users.

    Parameters
    ----------
    ks : numbers of known events, rising, shape (n_ks,).
    lead : array, shape (n_users, n_ks). What the one model scores more than the other.

    Returns
    -------
    (crossover, low, high). ``ks[0]`` if the one leads from the start, infinity if it does not lead at the last k.
    """
    check_seed("random_state", random_state)
    known, lead = np.asarray(ks, dtype=float), np.asarray(lead, dtype=float)
    if lead.ndim != 2 or lead.shape[1] != len(known) or (np.diff(known) <= 0).any():
        raise ValueError(f"Expected rising ks and a lead of shape (n_users, {len(known)}); came {lead.shape}.")
    rng = np.random.default_rng(random_state)
    means = (lead[rng.integers(len(lead), size=len(lead))].mean(axis=0) for _ in range(SAMPLES))
    drawn = [_last_crossing(known, mean) for mean in means]
    low, high = np.quantile(drawn, [0.025, 0.975], method="nearest")  # interpolation stumbles over infinity
    return _last_crossing(known, lead.mean(axis=0)), float(low), float(high)


def _last_crossing(ks: np.ndarray, lead: np.ndarray) -> float:
    behind = np.flatnonzero(lead <= 0)
    if not len(behind):
        return float(ks[0])
    last = behind[-1]
    if last == len(ks) - 1:
        return np.inf
    share = lead[last] / (lead[last] - lead[last + 1])
    return float(ks[last] + share * (ks[last + 1] - ks[last]))
