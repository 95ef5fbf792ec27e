"""Metrics of inequality, prediction error and ranking quality, vectorized over users."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import sparse

from recsys_teach._validation import check_integer, rows_by_value
from recsys_teach.evaluation.ranking import as_scores


def density(matrix: sparse.csr_array) -> float:
    """Return the share of stored cells in a sparse matrix. Built by hand in chapter 01.

    Parameters
    ----------
    matrix : csr_array, shape (n_users, n_items)
        The user x item matrix.

    Returns
    -------
    float
        The density, between 0 and 1.
    """
    return matrix.nnz / (matrix.shape[0] * matrix.shape[1])


def lorenz(counts: np.ndarray) -> np.ndarray:
    """Compute the Lorenz curve: the cumulative share of the events of the least popular items. Built in chapter 01.

    Parameters
    ----------
    counts : ndarray, shape (n_items,)
        Number of events of each item: non-negative, at least one above 0.

    Returns
    -------
    ndarray, shape (n_items + 1,)
        Share of the events of the i least popular items, for i = 0 … n_items. It increases from 0 to 1.

    Raises
    ------
    ValueError
        If the counts are not one-dimensional, a count is negative or NaN, or all are 0.
    """
    counts = np.sort(_numbers(counts, "counts"))
    if not (counts.ndim == 1 and counts.size and counts[0] >= 0 and counts[-1] > 0):  # NaN is sorted last and fails too
        raise ValueError(
            "Expected one count per item, none negative and at least one above 0, shape (n_items,); got "
            f"{np.array2string(counts, threshold=6)}, shape {counts.shape}. Count events with np.bincount(item_pos)."
        )
    return np.concatenate([[0.0], np.cumsum(counts)]) / counts.sum()


def gini(counts: np.ndarray) -> float:
    """Compute the Gini coefficient of the counts. Built by hand in chapter 01.

    It is twice the area between the diagonal and the Lorenz curve, with straight lines between the points of the curve.

    Parameters
    ----------
    counts : ndarray, shape (n_items,)
        Number of events of each item: non-negative, at least one above 0.

    Returns
    -------
    float
        0 if all counts are equal, near 1 if one item has all events.

    Raises
    ------
    ValueError
        If the counts are not one-dimensional, a count is negative or NaN, or all are 0.
    """
    return float(1 - 2 * np.trapezoid(lorenz(counts), dx=1 / len(counts)))


def rmse(expected: np.ndarray, predicted: np.ndarray) -> float:
    """Compute the root mean squared error over all pairs. Built by hand in chapter 04.

    Parameters
    ----------
    expected, predicted : ndarray
        True and predicted ratings, in the same unit and of the same shape.

    Returns
    -------
    float
        The error, in the unit of the ratings.

    Raises
    ------
    ValueError
        If the shapes differ, the arrays are empty, or a value is NaN or infinite.
    """
    expected, predicted = _numbers(expected, "ratings"), _numbers(predicted, "predictions")
    if expected.shape != predicted.shape or not expected.size:
        raise ValueError(
            f"Expected one prediction per rating and at least one rating, shape {expected.shape}; got "
            f"{predicted.shape}. Predict exactly the rated pairs."
        )
    if not (np.isfinite(expected).all() and np.isfinite(predicted).all()):
        raise ValueError("Expected finite ratings and predictions, got NaN or infinity. Drop such pairs first.")
    return float(np.sqrt(np.mean((expected - predicted) ** 2)))


def hits_at_k(ranked: np.ndarray, relevant: sparse.csr_array | np.ndarray) -> np.ndarray:
    """Return which recommended items are relevant.

    Parameters
    ----------
    ranked : ndarray of int, shape (n_users, k)
        Item positions, best first. -1 marks an empty rank.
    relevant : csr_array or ndarray, shape (n_users, n_items)
        Each nonzero cell is a relevant item.

    Returns
    -------
    ndarray of bool, shape (n_users, k)
        True where the item is relevant.

    Raises
    ------
    TypeError
        If ``relevant`` is not numeric.
    ValueError
        If the number of rows differs, a value is not an item position, or a list contains an item twice.
    """
    return _hits(*_check_lists(ranked, relevant))


def _check_lists(ranked: np.ndarray, relevant: sparse.csr_array) -> tuple[np.ndarray, sparse.csr_array]:
    """Return ranked lists and relevant cells; raise if the lists do not contain item positions for each user."""
    ranked, relevant = _integer_positions(ranked), rows_by_value(relevant)
    n_users, n_items = relevant.shape
    if ranked.ndim != 2:
        raise ValueError(
            f"Expected lists of shape (n_users, k), got shape {ranked.shape}. Write a single list as ranked[None]."
        )
    if len(ranked) != n_users:
        raise ValueError(
            f"Expected one list of recommendations for each of {n_users} users, got {len(ranked)}. Select the rows of "
            "both arrays with the same users."
        )
    if not ranked.shape[1]:
        raise ValueError("Expected lists of at least one item, got k = 0. Recommend at least one item.")
    if ranked.size and (ranked.max() >= n_items or ranked.min() < -1):
        wrong = ranked.max() if ranked.max() >= n_items else ranked.min()
        raise ValueError(
            f"Expected item positions from 0 to {n_items - 1}, or -1 for an empty rank; got {wrong}. "
            "Convert ids to positions with interactions.item_ids.get_indexer(ids)."
        )
    return ranked, relevant


def _integer_positions(ranked: np.ndarray) -> np.ndarray:
    """Return ranked lists as an array; raise if they do not contain integers."""
    ranked = np.asarray(ranked)
    if ranked.size and ranked.dtype.kind not in "iu":
        raise ValueError(
            f"Expected lists of item positions as integers; got {ranked.dtype}. Rank scores with top_k(scores, k)."
        )
    return ranked


def _hits(ranked: np.ndarray, relevant: sparse.csr_array) -> np.ndarray:
    """Return which recommended items are relevant; raise if a list contains an item twice."""
    n_users, n_items = relevant.shape
    ascending = np.sort(ranked, axis=1)
    duplicate = ((ascending[:, 1:] == ascending[:, :-1]) & (ascending[:, 1:] >= 0)).any(axis=1)
    if duplicate.any():
        raise ValueError(
            f"Expected each item at most once in a list; got an item twice in row {int(duplicate.argmax())}. "
            "Remove duplicates from the list."
        )
    # Each pair of user and item becomes one integer, user * n_items + item, so one binary search finds all hits.
    rows = np.arange(n_users)
    relevant_pairs = np.sort(np.repeat(rows, np.diff(relevant.indptr)) * n_items + relevant.indices)
    ranked_pairs = rows[:, None] * n_items + ranked
    index = np.minimum(np.searchsorted(relevant_pairs, ranked_pairs), max(0, len(relevant_pairs) - 1))
    found = relevant_pairs[index] == ranked_pairs if len(relevant_pairs) else np.zeros(ranked.shape, dtype=bool)
    return found & (ranked >= 0)  # -1 would otherwise match the last item of the user before


def metrics_at_k(ranked: np.ndarray, relevant: sparse.csr_array | np.ndarray) -> dict[str, np.ndarray]:
    """Compute nDCG, recall, precision, hit rate, MRR and MAP together; the hits are found only once.

    Errors are raised as in :func:`hits_at_k`.

    Parameters
    ----------
    ranked : ndarray of int, shape (n_users, k)
        Item positions, best first. -1 marks an empty rank.
    relevant : csr_array or ndarray, shape (n_users, n_items)
        Each nonzero cell is a relevant item.

    Returns
    -------
    dict of str to ndarray, shape (n_users,)
        The metrics, with the values of the separate functions.
    """
    ranked, relevant = _check_lists(ranked, relevant)
    hits, n_relevant = _hits(ranked, relevant), np.diff(relevant.indptr)
    return {name: formula(hits, n_relevant) for name, formula in _FORMULAS.items()}


def precision_at_k(ranked: np.ndarray, relevant: sparse.csr_array | np.ndarray) -> np.ndarray:
    """Compute the share of the k ranks with a relevant item; an empty rank is a miss. Built by hand in chapter 03.

    Errors are raised as in :func:`hits_at_k`.

    Parameters
    ----------
    ranked : ndarray of int, shape (n_users, k)
        Item positions, best first. -1 marks an empty rank.
    relevant : csr_array or ndarray, shape (n_users, n_items)
        Each nonzero cell is a relevant item.

    Returns
    -------
    ndarray, shape (n_users,)
        Precision of each user; NaN for a user without relevant items.
    """
    return _measure(_precision, ranked, relevant)


def recall_at_k(ranked: np.ndarray, relevant: sparse.csr_array | np.ndarray) -> np.ndarray:
    """Compute the share of each user's relevant items among the k recommended. Built by hand in chapter 01.

    Errors are raised as in :func:`hits_at_k`.

    Parameters
    ----------
    ranked : ndarray of int, shape (n_users, k)
        Item positions, best first. -1 marks an empty rank.
    relevant : csr_array or ndarray, shape (n_users, n_items)
        Each nonzero cell is a relevant item.

    Returns
    -------
    ndarray, shape (n_users,)
        Recall of each user; NaN for a user without relevant items, for whom it is not defined.
    """
    return _measure(_recall, ranked, relevant)


def hit_rate_at_k(ranked: np.ndarray, relevant: sparse.csr_array | np.ndarray) -> np.ndarray:
    """Return 1 for each user with a relevant item among the k recommended, else 0. Built by hand in chapter 03.

    Errors are raised as in :func:`hits_at_k`.

    Parameters
    ----------
    ranked : ndarray of int, shape (n_users, k)
        Item positions, best first. -1 marks an empty rank.
    relevant : csr_array or ndarray, shape (n_users, n_items)
        Each nonzero cell is a relevant item.

    Returns
    -------
    ndarray, shape (n_users,)
        1 or 0 for each user; NaN for a user without relevant items.
    """
    return _measure(_hit_rate, ranked, relevant)


def mrr_at_k(ranked: np.ndarray, relevant: sparse.csr_array | np.ndarray) -> np.ndarray:
    """Compute the reciprocal rank of the first relevant item of each user. Built by hand in chapter 03.

    The mean over users is the mean reciprocal rank (MRR). Errors are raised as in :func:`hits_at_k`.

    Parameters
    ----------
    ranked : ndarray of int, shape (n_users, k)
        Item positions, best first. -1 marks an empty rank.
    relevant : csr_array or ndarray, shape (n_users, n_items)
        Each nonzero cell is a relevant item.

    Returns
    -------
    ndarray, shape (n_users,)
        1 / rank of the first relevant item, 0 if none is among the k; NaN for a user without relevant items.
    """
    return _measure(_reciprocal_rank, ranked, relevant)


def map_at_k(ranked: np.ndarray, relevant: sparse.csr_array | np.ndarray) -> np.ndarray:
    """Compute the average precision of each user; the mean over users is MAP@k. Built by hand in chapter 03.

    The precision at the rank of each hit is added up, and divided by the number of hits of the ideal list, min(k,
    number of relevant items). (A few libraries divide by the number of hits found, which rewards finding fewer.)
    Errors are raised as in :func:`hits_at_k`.

    Parameters
    ----------
    ranked : ndarray of int, shape (n_users, k)
        Item positions, best first. -1 marks an empty rank.
    relevant : csr_array or ndarray, shape (n_users, n_items)
        Each nonzero cell is a relevant item.

    Returns
    -------
    ndarray, shape (n_users,)
        Average precision of each user; NaN for a user without relevant items.
    """
    return _measure(_average_precision, ranked, relevant)


def ndcg_at_k(ranked: np.ndarray, relevant: sparse.csr_array | np.ndarray) -> np.ndarray:
    """Compute the normalized discounted cumulative gain (nDCG) of each user. Built by hand in chapter 03.

    A hit at rank r has the gain 1 / log2(r + 1). The sum is divided by that of the ideal list of k items. Errors are
    raised as in :func:`hits_at_k`.

    Parameters
    ----------
    ranked : ndarray of int, shape (n_users, k)
        Item positions, best first. -1 marks an empty rank.
    relevant : csr_array or ndarray, shape (n_users, n_items)
        Each nonzero cell is a relevant item.

    Returns
    -------
    ndarray, shape (n_users,)
        nDCG of each user; NaN for a user without relevant items.

    Notes
    -----
    Järvelin and Kekäläinen (2002) do not discount the ranks below the base of the logarithm; the discount
    log2(r + 1) for every rank is the one that has become common.
    """
    return _measure(_ndcg, ranked, relevant)


def tied_ndcg_at_k(scores: np.ndarray, relevant: sparse.csr_array | np.ndarray, k: int) -> np.ndarray:
    """Compute the mean of nDCG@k over all orders of items with equal scores. Built by hand in chapter 03.

    Each item gets the mean discount of the ranks of all items with its score; a rank beyond k has the discount 0.
    Without ties this is :func:`ndcg_at_k` of the best k items.

    Parameters
    ----------
    scores : ndarray, shape (n_users, n_items)
        Score of each item; higher is better. Every item is ranked.
    relevant : csr_array or ndarray, shape (n_users, n_items)
        Each nonzero cell is a relevant item.
    k : int
        Length of the list, at least 1.

    Returns
    -------
    ndarray, shape (n_users,)
        Mean nDCG of each user; NaN for a user without relevant items.

    Raises
    ------
    TypeError
        If k is not an integer.
    ValueError
        If k is below 1, the shapes differ, or a score is NaN.

    References
    ----------
    McSherry and Najork (2008), "Computing information retrieval performance measures efficiently in the presence of
    tied scores".
    """
    scores, relevant = as_scores(scores).astype(float), rows_by_value(relevant)
    check_integer("k", k)
    if scores.shape != relevant.shape or np.isnan(scores).any() or k < 1:
        raise ValueError(
            f"Expected k of 1 or more and scores of shape {relevant.shape} without NaN; got {scores.shape}, k={k}. "
            "Score every item of every user."
        )
    n_users, n_items = scores.shape
    order = np.argsort(-scores, axis=1, kind="stable")
    descending = np.take_along_axis(scores, order, axis=1)
    starts = np.ones(scores.shape, dtype=bool)  # the first rank of each group of equal scores
    starts[:, 1:] = descending[:, 1:] != descending[:, :-1]
    group = np.cumsum(starts.ravel()) - 1  # number of the group of each rank, counted over all users
    discounts = np.zeros(n_items)
    discounts[:k] = _discounts(min(k, n_items))
    mean_discount = np.bincount(group, np.tile(discounts, n_users)) / np.bincount(group)
    hits = np.take_along_axis(_stored(relevant), order, axis=1)
    gain = (hits * mean_discount[group].reshape(scores.shape)).sum(axis=1)
    return _share(gain, _best_gain(np.diff(relevant.indptr), k))


def coverage(ranked: np.ndarray, n_items: int) -> float:
    """Compute the share of the catalog that is recommended to at least one user. Built by hand in chapter 03.

    Parameters
    ----------
    ranked : ndarray of int, shape (n_users, k)
        Item positions. -1 marks an empty rank.
    n_items : int
        Size of the catalog.

    Returns
    -------
    float
        The coverage, between 0 and 1.
    """
    return np.count_nonzero(_times_recommended(ranked, n_items)) / n_items


def recommended_gini(ranked: np.ndarray, n_items: int) -> float:
    """Compute the Gini coefficient of how often each item of the catalog is recommended. Built in chapter 03.

    Parameters
    ----------
    ranked : ndarray of int, shape (n_users, k)
        Item positions. -1 marks an empty rank.
    n_items : int
        Size of the catalog.

    Returns
    -------
    float
        0 if every item is recommended equally often, near 1 if a single item is recommended; see :func:`gini`.
    """
    return gini(_times_recommended(ranked, n_items))


def novelty(ranked: np.ndarray, popularity: np.ndarray, n_users: int) -> float:
    """Compute the mean self-information of the recommended items, in bits. Built by hand in chapter 03.

    The self-information of an item is -log2 of the share of users who interacted with it.

    Parameters
    ----------
    ranked : ndarray of int, shape (n_users, k)
        Item positions. -1 marks an empty rank and is ignored.
    popularity : ndarray, shape (n_items,)
        Number of users who interacted with each item; 0 counts as 1.
    n_users : int
        Number of all users.

    Returns
    -------
    float
        The novelty; higher means less popular items.
    """
    shares = np.maximum(popularity, 1) / n_users
    times = _times_recommended(ranked, len(shares))
    return float(-(times @ np.log2(shares)) / times.sum())


def _times_recommended(ranked: np.ndarray, n_items: int) -> np.ndarray:
    """Count how often each item is recommended, shape (n_items,)."""
    check_integer("n_items", n_items)
    ranked = _integer_positions(ranked)
    recommended = ranked[ranked >= 0]
    if not recommended.size or recommended.max() >= n_items or ranked.min() < -1:
        raise ValueError(
            f"Expected lists of item positions from 0 to {n_items - 1}, at least one item in all, and -1 for an empty "
            f"rank; got {ranked.ravel()[:5]}. Convert ids to positions with interactions.item_ids.get_indexer(ids)."
        )
    return np.bincount(recommended, minlength=n_items)


def _numbers(values: np.ndarray, name: str) -> np.ndarray:
    """Return values as an array of float; raise if they are not numeric or some of them are masked."""
    if np.ma.is_masked(values):
        raise ValueError(f"Expected {name} without missing values, got a masked array. Write {name}.compressed().")
    try:
        return np.asarray(values, dtype=float)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ValueError(
            f"Expected {name} as numbers, got {type(values).__name__} that cannot be converted: {error}."
        ) from error


def _discounts(k: int) -> np.ndarray:
    """Return the discount of each rank, shape (k,)."""
    return 1 / np.log2(np.arange(k) + 2)


def _best_gain(n_relevant: np.ndarray, k: int) -> np.ndarray:
    """Return the gain of the ideal list of each user, shape (n_users,)."""
    return np.concatenate([[0.0], np.cumsum(_discounts(k))])[np.minimum(n_relevant, k)]


def _stored(relevant: sparse.csr_array) -> np.ndarray:
    """Return a dense mask of the stored cells."""
    stored = np.zeros(relevant.shape, dtype=bool)
    stored[relevant.tocoo().coords] = True
    return stored


def _share(gain: np.ndarray, best_gain: np.ndarray) -> np.ndarray:
    """Divide the gain of each user by the best possible one; NaN where that is 0, for a user without relevant items."""
    return np.divide(gain, best_gain, out=np.full(len(gain), np.nan), where=best_gain > 0)


# The formulas of the metrics. All start from the hits, shape (n_users, k), and from the number of relevant items of
# each user, shape (n_users,), so that several metrics need the search for hits only once.


def _precision(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    return _share(hits.mean(axis=1), n_relevant > 0)


def _recall(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    return _share(hits.sum(axis=1), n_relevant)


def _hit_rate(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    return _share(hits.max(axis=1), n_relevant > 0)


def _reciprocal_rank(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    return _share(hits.any(axis=1) / (hits.argmax(axis=1) + 1), n_relevant > 0)


def _average_precision(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    k = hits.shape[1]
    precision = np.cumsum(hits, axis=1) / (np.arange(k) + 1)
    # cumsum adds in the order of the ranks; sum would group the terms depending on k, with different rounding
    total = np.cumsum(precision * hits, axis=1)[:, -1]
    return _share(total, np.minimum(n_relevant, k))


def _ndcg(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    k = hits.shape[1]
    # cumsum adds in the order of the ranks, as in _best_gain, so that an ideal list has exactly nDCG 1
    gain = np.cumsum(hits * _discounts(k), axis=1)[:, -1]
    return _share(gain, _best_gain(n_relevant, k))


def _measure(
    formula: Callable[[np.ndarray, np.ndarray], np.ndarray], ranked: np.ndarray, relevant: sparse.csr_array | np.ndarray
) -> np.ndarray:
    """Check the lists, find the hits, and compute one metric, shape (n_users,)."""
    ranked, relevant = _check_lists(ranked, relevant)
    return formula(_hits(ranked, relevant), np.diff(relevant.indptr))


_FORMULAS = {
    "nDCG": _ndcg,
    "recall": _recall,
    "precision": _precision,
    "hit rate": _hit_rate,
    "MRR": _reciprocal_rank,
    "MAP": _average_precision,
}
