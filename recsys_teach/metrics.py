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
    if counts.size == 0 or counts[0] < 0 or counts[-1] <= 0:
        raise ValueError("Expected one count an item, none negative and at least one above 0.")
    return np.concatenate([[0.0], np.cumsum(counts)]) / counts.sum()


def gini(counts: np.ndarray) -> float:
    """Inequality of the counts: 0 if all are equal, near 1 if one holds all. Built by hand in chapter 01.

    Twice the area between the diagonal and the Lorenz curve, with straight lines between its points.
    """
    return float(1 - 2 * np.trapezoid(lorenz(counts), dx=1 / len(counts)))


def rmse(expected: np.ndarray, predicted: np.ndarray) -> float:
    """Root of the mean squared error over all pairs, in the unit of the ratings. Built by hand in chapter 04."""
    expected, predicted = np.asarray(expected, dtype=float), np.asarray(predicted, dtype=float)
    if expected.shape != predicted.shape:
        raise ValueError(f"Expected one prediction a rating, shape {expected.shape}; came {predicted.shape}.")
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
    """
    n_users, n_items = relevant.shape
    if len(ranked) != n_users:
        raise ValueError(f"Expected one row of recommendations for each of {n_users} users, came {len(ranked)}.")
    rows = np.arange(n_users)
    wanted = np.sort(np.repeat(rows, np.diff(relevant.indptr)) * n_items + relevant.indices)
    asked = rows[:, None] * n_items + ranked
    place = np.minimum(np.searchsorted(wanted, asked), max(0, len(wanted) - 1))
    found = wanted[place] == asked if len(wanted) else np.zeros(ranked.shape, dtype=bool)
    return found & (ranked >= 0)


def recall_at_k(ranked: np.ndarray, relevant: sparse.csr_array) -> np.ndarray:
    """Share of each user's relevant items among the k recommended, shape (n_users,). Built in chapter 01.

    A user without relevant items gets NaN: there is nothing that could be found.
    """
    n_relevant = np.diff(relevant.indptr)
    found = hits_at_k(ranked, relevant).sum(axis=1)
    return np.divide(found, n_relevant, out=np.full(len(found), np.nan), where=n_relevant > 0)


def ndcg_at_k(ranked: np.ndarray, relevant: sparse.csr_array) -> np.ndarray:
    """Normalised discounted cumulative gain of each user, shape (n_users,). Built by hand in chapter 04.

    A hit at place r gains 1 / log2(r + 1); the sum is divided by that of the best possible list of k items.
    A user without relevant items gets NaN.

    References
    ----------
    Järvelin and Kekäläinen (2002), section 2.2, with gains 0 and 1 and the discount log2(r + 1).
    """
    k = ranked.shape[1]
    discounts = 1 / np.log2(np.arange(k) + 2)
    n_relevant = np.diff(relevant.indptr)
    best = np.concatenate([[0.0], np.cumsum(discounts)])[np.minimum(n_relevant, k)]
    gained = hits_at_k(ranked, relevant) @ discounts
    return np.divide(gained, best, out=np.full(len(gained), np.nan), where=best > 0)
