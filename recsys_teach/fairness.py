"""Measure who gets what: exposure of items, popularity lift, and gaps between groups of users. Built in chapter 17."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from recsys_teach._validation import check_binary, check_integer, check_numbers, check_seed
from recsys_teach.evaluation.ranking import check_positions

SAMPLES = 1000  # bootstrap samples


def item_exposure(ranked: np.ndarray, n_items: int) -> np.ndarray:
    """Compute the exposure of each item: the sum of 1 / log2(1 + rank) over its places. Built by hand in chapter 17.

    Parameters
    ----------
    ranked : ndarray of int, shape (n_users, k)
        Item positions, best first. -1 marks an empty rank.
    n_items : int
        Size of the catalog.

    Returns
    -------
    ndarray, shape (n_items,)
        Exposure in units of a first place.

    Raises
    ------
    ValueError
        If the lists are not two-dimensional, or contain a position that is not in the catalog.

    References
    ----------
    Singh and Joachims (2018), "Fairness of exposure in rankings", section 3, for the exposure by position.
    """
    ranked = np.asarray(ranked)
    check_integer("n_items", n_items)
    if ranked.ndim != 2:
        raise ValueError(
            f"Expected lists of shape (n_users, k); got {ranked.shape}. Write a single list as ranked[None]."
        )
    weight = np.broadcast_to(1 / np.log2(np.arange(2, ranked.shape[1] + 2)), ranked.shape)
    filled = ranked != -1
    items = check_positions("item", ranked[filled], n_items)
    return np.bincount(items, weights=weight[filled], minlength=n_items)


def popularity_lift(ranked: np.ndarray, seen: sparse.csr_array, popularity: np.ndarray) -> float:
    """Compute how much more popular recommended items are than those in the histories. Built in chapter 17.

    Parameters
    ----------
    ranked : ndarray of int, shape (n_users, k)
        Item positions, best first. -1 marks an empty rank.
    seen : csr_array, shape (n_users, n_items)
        The histories of the same users; each user has one.
    popularity : ndarray, shape (n_items,)
        Number of users who interacted with each item.

    Returns
    -------
    float
        Mean popularity in the lists divided by that in the histories, minus 1; both are means over users of the mean
        of their items. 0.5 means that recommended items are 50 % more popular.

    Raises
    ------
    ValueError
        If the shapes differ, or a user has no history or no recommendation.

    References
    ----------
    Abdollahpouri, Mansoury, Burke, Mobasher and Malthouse (2021), "User-centered evaluation of popularity bias in
    recommender systems", for the lift of a group of users.
    """
    ranked, popularity = np.asarray(ranked), check_numbers("popularity", popularity)
    if ranked.ndim != 2 or seen.shape != (len(ranked), len(popularity)):
        raise ValueError(
            f"Expected lists (n_users, k), histories (n_users, n_items) and popularity (n_items,); got {ranked.shape}, "
            f"{seen.shape} and {popularity.shape}. Select the rows of the same users."
        )
    filled = ranked != -1
    lengths, sizes = np.diff(seen.indptr), filled.sum(axis=1)
    if not lengths.all() or not sizes.all():
        raise ValueError("Expected a history and a recommendation of each user; some have none. Leave them out.")
    check_positions("item", ranked[filled], len(popularity))
    recommended = np.where(filled, popularity[ranked], 0).sum(axis=1) / sizes  # -1 reads the last item, not counted
    stored = sparse.csr_array((np.ones(seen.nnz), seen.indices, seen.indptr), shape=seen.shape)
    return float(recommended.mean() / ((stored @ popularity) / lengths).mean() - 1)


def group_gap(values: np.ndarray, in_group: np.ndarray, random_state: int = 0) -> tuple[float, float, float]:
    """Compute the mean of a group minus that of all others, with its 95 % bootstrap interval. Built in chapter 17.

    Users are drawn with replacement within each of the two groups, so their sizes stay as they are.

    Parameters
    ----------
    values : ndarray, shape (n_users,)
        One number per user, such as nDCG.
    in_group : ndarray of bool, shape (n_users,)
        Whether a user belongs to the group.
    random_state : int, default=0
        Seed of the bootstrap samples.

    Returns
    -------
    gap, low, high : float
        The difference and the limits of its interval.

    Raises
    ------
    ValueError
        If the shapes differ, or one of the two groups is empty.
    """
    values, in_group = check_numbers("values", values), check_binary("in_group", in_group)
    check_seed("random_state", random_state)
    if values.ndim != 1 or values.shape != in_group.shape or not in_group.any() or in_group.all():
        raise ValueError(
            f"Expected one number and one True or False per user, with users in both groups; got shapes "
            f"{values.shape} and {in_group.shape} with {int(in_group.sum())} in the group. Choose another group."
        )
    rng = np.random.default_rng(random_state)
    inside, outside = values[in_group], values[~in_group]
    means = [np.array([rng.choice(part, len(part)).mean() for _ in range(SAMPLES)]) for part in (inside, outside)]
    low, high = np.quantile(means[0] - means[1], [0.025, 0.975])
    return float(inside.mean() - outside.mean()), float(low), float(high)
