"""How unequal, how far off, how well ranked: the numbers of the course, vectorized over users."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from recsys_teach._validation import check_integer, rows_by_value
from recsys_teach.evaluation.ranking import as_scores


def density(matrix: sparse.csr_array) -> float:
    """Share of the cells that are stored, between 0 and 1. Built by hand in chapter 01."""
    return matrix.nnz / (matrix.shape[0] * matrix.shape[1])


def lorenz(counts: np.ndarray) -> np.ndarray:
    """Share of all events that the least popular items hold together. Built by hand in chapter 01.

    Parameters
    ----------
    counts : array, shape (n_items,), non-negative, at least one above 0.

    Returns
    -------
    array, shape (n_items + 1,), rising from 0 to 1.
    """
    counts = np.sort(_numbers(counts, "counts"))
    if not (counts.ndim == 1 and counts.size and counts[0] >= 0 and counts[-1] > 0):  # NaN, sorted last, fails too
        raise ValueError("Expected one count an item, none negative and at least one above 0, shape (n_items,).")
    return np.concatenate([[0.0], np.cumsum(counts)]) / counts.sum()


def gini(counts: np.ndarray) -> float:
    """Inequality of the counts: 0 if all are equal, near 1 if one holds all. Built by hand in chapter 01.

    Twice the area between the diagonal and the Lorenz curve, with straight lines between its points.

    Parameters
    ----------
    counts : array, shape (n_items,), non-negative, at least one above 0; otherwise a ValueError.
    """
    return float(1 - 2 * np.trapezoid(lorenz(counts), dx=1 / len(counts)))


def rmse(expected: np.ndarray, predicted: np.ndarray) -> float:
    """Root of the mean squared error over all pairs. Built by hand in chapter 04.

    Parameters
    ----------
    expected, predicted : arrays of one shape, in the same unit, which is also that of the result.

    Raises
    ------
    ValueError
        If the shapes differ or there is nothing to compare.
    """
    expected, predicted = _numbers(expected, "ratings"), _numbers(predicted, "predictions")
    if expected.shape != predicted.shape or not expected.size:
        raise ValueError(f"Expected one prediction per rating, shape {expected.shape}; got {predicted.shape}.")
    if not (np.isfinite(expected).all() and np.isfinite(predicted).all()):
        raise ValueError("Expected finite ratings and predictions, got NaN or infinity. Drop the pairs without either.")
    return float(np.sqrt(np.mean((expected - predicted) ** 2)))


def hits_at_k(ranked: np.ndarray, relevant: sparse.csr_array | np.ndarray) -> np.ndarray:
    """Say which recommended items are relevant.

    Parameters
    ----------
    ranked : array of int, shape (n_users, k). Item positions, best first; -1 is an empty place.
    relevant : csr_array or array, shape (n_users, n_items). A cell that is not 0 is a relevant item.

    Returns
    -------
    array of bool, shape (n_users, k)

    Raises
    ------
    ValueError
        If the number of rows differs, a position is none of an item, or a list holds an item twice.
    """
    return _hits(*_check_lists(ranked, relevant))


def _check_lists(ranked: np.ndarray, relevant: sparse.csr_array) -> tuple[np.ndarray, sparse.csr_array]:
    """Refuse what are not lists of item positions for the users of the matrix."""
    ranked, relevant = _positions_or_none(ranked), rows_by_value(relevant)
    n_users, n_items = relevant.shape
    if ranked.ndim != 2:
        raise ValueError(
            f"Expected lists of shape (n_users, k), got shape {ranked.shape}. Write a single list as ranked[None]."
        )
    if len(ranked) != n_users:
        raise ValueError(f"Expected one row of recommendations for each of {n_users} users, got {len(ranked)}.")
    if not ranked.shape[1]:
        raise ValueError("Expected lists of at least one item, got k = 0.")
    if ranked.size and (ranked.max() >= n_items or ranked.min() < -1):
        wrong = ranked.max() if ranked.max() >= n_items else ranked.min()
        raise ValueError(
            f"Item positions run from 0 to {n_items - 1}, and -1 is an empty place; got {wrong}. "
            "Turn ids into positions with interactions.item_ids.get_indexer(ids)."
        )
    return ranked, relevant


def _positions_or_none(ranked: np.ndarray) -> np.ndarray:
    ranked = np.asarray(ranked)
    if ranked.size and ranked.dtype.kind not in "iu":
        raise ValueError(
            f"Expected lists of item positions, whole numbers; got {ranked.dtype}. "
            "top_k(scores, k) makes them from scores."
        )
    return ranked


def _hits(ranked: np.ndarray, relevant: sparse.csr_array) -> np.ndarray:
    n_users, n_items = relevant.shape
    in_order = np.sort(ranked, axis=1)
    twice = ((in_order[:, 1:] == in_order[:, :-1]) & (in_order[:, 1:] >= 0)).any(axis=1)
    if twice.any():
        raise ValueError(f"Row {int(twice.argmax())} recommends an item twice. Each item may stand once in a list.")
    rows = np.arange(n_users)
    wanted = np.sort(np.repeat(rows, np.diff(relevant.indptr)) * n_items + relevant.indices)
    asked = rows[:, None] * n_items + ranked
    place = np.minimum(np.searchsorted(wanted, asked), max(0, len(wanted) - 1))
    found = wanted[place] == asked if len(wanted) else np.zeros(ranked.shape, dtype=bool)
    return found & (ranked >= 0)


def precision_at_k(ranked: np.ndarray, relevant: sparse.csr_array | np.ndarray) -> np.ndarray:
    """Share of the k places that hold a relevant item; an empty place is a miss. Built by hand in chapter 03.

    Parameters and errors as in :func:`hits_at_k`.

    Returns
    -------
    array, shape (n_users,). NaN for a user without relevant items.
    """
    ranked, relevant = _check_lists(ranked, relevant)
    return _per_user(_hits(ranked, relevant).mean(axis=1), 1, relevant)


def recall_at_k(ranked: np.ndarray, relevant: sparse.csr_array | np.ndarray) -> np.ndarray:
    """Share of each user's relevant items among the k recommended. Built by hand in chapter 01.

    Parameters and errors as in :func:`hits_at_k`.

    Returns
    -------
    array, shape (n_users,). NaN for a user without relevant items: there is nothing that could be found.
    """
    ranked, relevant = _check_lists(ranked, relevant)
    return _per_user(_hits(ranked, relevant).sum(axis=1), np.diff(relevant.indptr), relevant)


def hit_rate_at_k(ranked: np.ndarray, relevant: sparse.csr_array | np.ndarray) -> np.ndarray:
    """1 for a user with a relevant item among the k recommended, else 0. Built by hand in chapter 03.

    Parameters and errors as in :func:`hits_at_k`.

    Returns
    -------
    array, shape (n_users,). NaN for a user without relevant items.
    """
    ranked, relevant = _check_lists(ranked, relevant)
    return _per_user(_hits(ranked, relevant).max(axis=1), 1, relevant)


def mrr_at_k(ranked: np.ndarray, relevant: sparse.csr_array | np.ndarray) -> np.ndarray:
    """1 / place of the first relevant item, 0 if none is among the k; the mean is MRR. Built by hand in chapter 03.

    Parameters and errors as in :func:`hits_at_k`.

    Returns
    -------
    array, shape (n_users,). NaN for a user without relevant items.
    """
    ranked, relevant = _check_lists(ranked, relevant)
    places = np.arange(ranked.shape[1]) + 1
    return _per_user((_hits(ranked, relevant) / places).max(axis=1), 1, relevant)


def map_at_k(ranked: np.ndarray, relevant: sparse.csr_array | np.ndarray) -> np.ndarray:
    """Average precision of each user; the mean over users is MAP@k. Built by hand in chapter 03.

    The precision of the list up to each hit is added up and divided by the number of hits of the best possible list,
    min(k, number of relevant items). (A few libraries divide by the hits found, which rewards finding less.)
    Parameters and errors as in :func:`hits_at_k`.

    Returns
    -------
    array, shape (n_users,). NaN for a user without relevant items.
    """
    ranked, relevant = _check_lists(ranked, relevant)
    hits, k = _hits(ranked, relevant), ranked.shape[1]
    precision = np.cumsum(hits, axis=1) / (np.arange(k) + 1)
    added = np.cumsum(precision * hits, axis=1)[:, -1]  # in order, so that sums are exact
    return _per_user(added, np.minimum(np.diff(relevant.indptr), k), relevant)


def ndcg_at_k(ranked: np.ndarray, relevant: sparse.csr_array | np.ndarray) -> np.ndarray:
    """Compute the normalized discounted cumulative gain of each user. Built by hand in chapter 03.

    A hit at place r gains 1 / log2(r + 1); the sum is divided by that of the best possible list of k items.
    Parameters and errors as in :func:`hits_at_k`.

    Returns
    -------
    array, shape (n_users,). NaN for a user without relevant items.

    Notes
    -----
    Järvelin and Kekäläinen (2002) do not discount the ranks below the base of the logarithm; the discount
    log2(r + 1) for every rank is the one that has become common.
    """
    ranked, relevant = _check_lists(ranked, relevant)
    k = ranked.shape[1]
    discounts = _discounts(k)
    gained = np.cumsum(_hits(ranked, relevant) * discounts, axis=1)[:, -1]  # in order, so that sums are exact
    return _per_user(gained, _best_gain(relevant, k), relevant)


def tied_ndcg_at_k(scores: np.ndarray, relevant: sparse.csr_array | np.ndarray, k: int) -> np.ndarray:
    """Mean of nDCG@k over all orders that equal scores leave open. Built by hand in chapter 03.

    Items of one score share the mean discount of the places that they take together; a place beyond k has the
    discount 0. Without ties this is :func:`ndcg_at_k` of the best k.

    Parameters
    ----------
    scores : array, shape (n_users, n_items). Higher is better; every item is ranked.
    relevant : csr_array or array, shape (n_users, n_items). A cell that is not 0 is a relevant item.
    k : int, at least 1.

    Returns
    -------
    array, shape (n_users,). NaN for a user without relevant items.

    References
    ----------
    McSherry and Najork (2008), "Computing information retrieval performance measures efficiently in the presence of
    tied scores".
    """
    scores, relevant = as_scores(scores).astype(float), rows_by_value(relevant)
    check_integer("k", k)
    if scores.shape != relevant.shape or np.isnan(scores).any() or k < 1:
        raise ValueError(
            f"Expected k of 1 or more and scores of shape {relevant.shape} without NaN; got {scores.shape}, k={k}."
        )
    n_users, n_items = scores.shape
    order = np.argsort(-scores, axis=1, kind="stable")
    in_order = np.take_along_axis(scores, order, axis=1)
    starts = np.ones(scores.shape, dtype=bool)  # where a group of equal scores begins
    starts[:, 1:] = in_order[:, 1:] != in_order[:, :-1]
    group = np.cumsum(starts.ravel()) - 1
    discounts = np.zeros(n_items)
    discounts[:k] = _discounts(min(k, n_items))
    shared = np.bincount(group, np.tile(discounts, n_users)) / np.bincount(group)
    hits = np.take_along_axis(_stored(relevant), order, axis=1)
    gained = (hits * shared[group].reshape(scores.shape)).sum(axis=1)
    return _per_user(gained, _best_gain(relevant, k), relevant)


def coverage(ranked: np.ndarray, n_items: int) -> float:
    """Share of the catalog that is recommended to anybody. Built by hand in chapter 03.

    Parameters
    ----------
    ranked : array of int, shape (n_users, k). Item positions; -1 is an empty place.
    n_items : int. Size of the catalog.
    """
    return np.count_nonzero(_times_recommended(ranked, n_items)) / n_items


def recommended_gini(ranked: np.ndarray, n_items: int) -> float:
    """Inequality of how often items are recommended, over the whole catalog. Built by hand in chapter 03.

    Parameters as in :func:`coverage`; 0 if every item is recommended equally often, see :func:`gini`.
    """
    return gini(_times_recommended(ranked, n_items))


def novelty(ranked: np.ndarray, popularity: np.ndarray, n_users: int) -> float:
    """Mean surprise of a recommended item, in bits: -log2 of the share of users who met it. Built in chapter 03.

    Parameters
    ----------
    ranked : array of int, shape (n_users, k). Item positions; -1 is an empty place and does not count.
    popularity : array, shape (n_items,). Number of users who met each item; 0 counts as 1.
    n_users : int. Number of all users.
    """
    shares = np.maximum(popularity, 1) / n_users
    times = _times_recommended(ranked, len(shares))
    return float(-(times @ np.log2(shares)) / times.sum())


def _times_recommended(ranked: np.ndarray, n_items: int) -> np.ndarray:
    check_integer("n_items", n_items)
    ranked = _positions_or_none(ranked)
    recommended = ranked[ranked >= 0]
    if not recommended.size or recommended.max() >= n_items or ranked.min() < -1:
        raise ValueError(
            f"Expected lists of item positions from 0 to {n_items - 1}, at least one item in all, and -1 for an empty "
            f"place; got {ranked.ravel()[:5]}."
        )
    return np.bincount(recommended, minlength=n_items)


def _numbers(values: np.ndarray, name: str) -> np.ndarray:
    if np.ma.is_masked(values):
        raise ValueError(f"Expected {name} without gaps, got a masked array. Write {name}.compressed().")
    try:
        return np.asarray(values, dtype=float)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ValueError(f"Expected {name} as numbers, got {type(values).__name__} that is none: {error}.") from error


def _discounts(k: int) -> np.ndarray:
    return 1 / np.log2(np.arange(k) + 2)


def _best_gain(relevant: sparse.csr_array, k: int) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum(_discounts(k))])[np.minimum(np.diff(relevant.indptr), k)]


def _stored(relevant: sparse.csr_array) -> np.ndarray:
    stored = np.zeros(relevant.shape, dtype=bool)
    stored[relevant.tocoo().coords] = True
    return stored


def _per_user(gained: np.ndarray, possible: np.ndarray | int, relevant: sparse.csr_array) -> np.ndarray:
    """Divide what was gained by what was possible; NaN for a user without relevant items."""
    some = np.diff(relevant.indptr) > 0
    return np.divide(gained, possible, out=np.full(len(some), np.nan), where=some)
