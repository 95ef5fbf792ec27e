"""How unequal, how far off, how well ranked: the numbers of the course, vectorised over users."""

from __future__ import annotations

import numpy as np
from scipy import sparse


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
    counts = np.sort(np.asarray(counts, dtype=float))
    if not (counts.size and counts[0] >= 0 and counts[-1] > 0):  # NaN, sorted last, fails too
        raise ValueError("Expected one count an item, none negative and at least one above 0.")
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
    expected, predicted = np.asarray(expected, dtype=float), np.asarray(predicted, dtype=float)
    if expected.shape != predicted.shape or not expected.size:
        raise ValueError(f"Expected one prediction per rating, shape {expected.shape}; came {predicted.shape}.")
    return float(np.sqrt(np.mean((expected - predicted) ** 2)))


def hits_at_k(ranked: np.ndarray, relevant: sparse.csr_array) -> np.ndarray:
    """Say which recommended items are relevant.

    Parameters
    ----------
    ranked : array of int, shape (n_users, k). Item positions, best first; -1 is an empty place.
    relevant : csr_array, shape (n_users, n_items). A stored cell is a relevant item.

    Returns
    -------
    array of bool, shape (n_users, k)

    Raises
    ------
    ValueError
        If the number of rows differs, a position is none of an item, or a list holds an item twice.
    """
    ranked = np.asarray(ranked)
    n_users, n_items = relevant.shape
    if len(ranked) != n_users:
        raise ValueError(f"Expected one row of recommendations for each of {n_users} users, came {len(ranked)}.")
    if ranked.size and (ranked.max() >= n_items or ranked.min() < -1):
        raise ValueError(f"Item positions run from 0 to {n_items - 1}, and -1 is an empty place; came {ranked.max()}.")
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


def recall_at_k(ranked: np.ndarray, relevant: sparse.csr_array) -> np.ndarray:
    """Share of each user's relevant items among the k recommended. Built by hand in chapter 01.

    Parameters and errors as in :func:`hits_at_k`.

    Returns
    -------
    array, shape (n_users,). NaN for a user without relevant items: there is nothing that could be found.
    """
    n_relevant = np.diff(relevant.indptr)
    found = hits_at_k(ranked, relevant).sum(axis=1)
    return np.divide(found, n_relevant, out=np.full(len(found), np.nan), where=n_relevant > 0)


def ndcg_at_k(ranked: np.ndarray, relevant: sparse.csr_array) -> np.ndarray:
    """Normalised discounted cumulative gain of each user. Built by hand in chapter 04.

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
    k = ranked.shape[1]
    discounts = 1 / np.log2(np.arange(k) + 2)
    n_relevant = np.diff(relevant.indptr)
    best = np.concatenate([[0.0], np.cumsum(discounts)])[np.minimum(n_relevant, k)]
    gained = np.cumsum(hits_at_k(ranked, relevant) * discounts, axis=1)[:, -1]  # in order, so that sums are exact
    return np.divide(gained, best, out=np.full(len(gained), np.nan), where=best > 0)
