"""Recommend what is near: to the items a user met, or met by the users who are near. Built in chapter 02."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from recsys_teach._validation import check_integer, check_number
from recsys_teach.data.interactions import Interactions
from recsys_teach.evaluation.ranking import MEMORY_BUDGET, chunks
from recsys_teach.models.base import (
    Recommender,
    RowRecommender,
    check_interactions,
    check_pairs,
    check_parameters,
    check_rows,
    check_users,
)
from recsys_teach.models.biases import DampedBiases

BLOCK_BYTES = MEMORY_BUDGET // 8  # of one block of similarities; a few arrays of its size exist at once


def nearest(matrix: sparse.csr_array, k: int, shrinkage: float = 0) -> sparse.csr_array:
    """Find the k columns that are most similar to each column. Built by hand in chapter 02.

    The similarity is the cosine times n / (n + shrinkage), where n is the number of rows in which both columns
    are stored: what two columns owe to a few rows is not believed. Only similarities above 0 count.

    Parameters
    ----------
    matrix : csr_array, shape (n_rows, n_columns).
    k : int, at least 1. If fewer columns are similar, these are all. What equals the k-th is kept too, so that
        no neighbor is chosen by its position.
    shrinkage : float, at least 0, in rows.

    Returns
    -------
    csr_array, shape (n_columns, n_columns). Row c holds the similarities of c's neighbors, each above 0 and at
    most 1; c is none of them. A column that is empty or all 0 has no neighbors and is nobody's.

    Raises
    ------
    ValueError
        If k or the shrinkage is out of its range.

    References
    ----------
    Sarwar, Karypis, Konstan and Riedl (2001), "Item-based collaborative filtering recommendation algorithms", for
    the cosine of items; Koren (2010), "Factor in the Neighbors", for the shrinkage.
    """
    check_integer("k", k)
    check_number("shrinkage", shrinkage, low=0)
    n_columns = matrix.shape[1]
    norms = np.sqrt(np.bincount(matrix.indices, matrix.data**2, minlength=n_columns))
    norms[norms == 0] = 1
    unit = sparse.csr_array((matrix.data / norms[matrix.indices], matrix.indices, matrix.indptr), shape=matrix.shape)
    stored = sparse.csr_array((np.ones(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape)
    unit_columns, stored_columns = unit.T.tocsr(), stored.T.tocsr()
    kept = [sparse.csr_array((0, n_columns))]
    for group in chunks(np.arange(n_columns), n_columns, BLOCK_BYTES):
        trust = stored_columns[group] @ stored  # (n_group, n_columns), first the number of common rows
        trust.data /= trust.data + shrinkage
        similar = (unit_columns[group] @ unit).toarray() * trust.toarray()
        similar[np.arange(len(group)), group] = 0
        if k < n_columns:
            k_th = np.partition(similar, n_columns - k, axis=1)[:, n_columns - k, None]
            similar[similar < k_th] = 0
        kept.append(sparse.csr_array(np.maximum(similar, 0)))
    return sparse.vstack(kept, format="csr")


class ItemKNN(RowRecommender):
    """Rank an item by its similarity to what the user met, over its k nearest items. Built in chapter 02.

    The score of item i is the sum of s_ij r_uj over those of i's neighbors j that the user met. Divided by the
    sum of the similarities it would be a predicted value, which ranks worse.

    Parameters
    ----------
    k : int, at least 1. Neighbors of each item; all similar ones if there are fewer.
    shrinkage : float, at least 0. See :func:`nearest`; in users.
    value : str, optional. The column of the log to store in the matrix; without it, 1 for any event.

    Attributes
    ----------
    matrix_ : csr_array, shape (n_users, n_items).
    neighbors_ : csr_array, shape (n_items, n_items). Row i holds the similarities of i's neighbors.

    References
    ----------
    Deshpande and Karypis (2004), "Item-based top-N recommendation algorithms".
    """

    def __init__(self, k: int = 150, shrinkage: float = 10, *, value: str | None = None):
        self.k = k
        self.shrinkage = shrinkage
        self.value = value

    def fit(self, interactions: Interactions) -> ItemKNN:
        """Find the neighbors of each item.

        Raises
        ------
        ValueError
            If k or the shrinkage is out of its range, the column is absent or holds NaN, or a pair has two values.
        """
        check_parameters(self)
        matrix = check_interactions(interactions).matrix(self.value)
        self.neighbors_ = nearest(matrix, self.k, self.shrinkage)
        self.matrix_, self.seen_ = matrix, interactions.matrix()
        return self

    def fold_in(self, rows: sparse.csr_array | np.ndarray) -> np.ndarray:
        """Score every item for users who were not there at ``fit``, from their rows alone.

        Parameters
        ----------
        rows : array or csr_array, shape (n, n_items), in the same unit as the matrix of ``fit``.

        Returns
        -------
        array, shape (n, n_items). 0 where nothing the user met is a neighbor.
        """
        rows = check_rows(self, rows)
        return (rows @ self.neighbors_.T).toarray()


class UserKNN(Recommender):
    """Rank an item by the similarity of those of the user's k nearest users who met it. Built in chapter 02.

    Parameters
    ----------
    k : int, at least 1. Neighbors of each user; all similar ones if there are fewer.
    shrinkage : float, at least 0. See :func:`nearest`; in items.
    value : str, optional. The column of the log to store in the matrix; without it, 1 for any event.

    Attributes
    ----------
    matrix_ : csr_array, shape (n_users, n_items).
    neighbors_ : csr_array, shape (n_users, n_users). Row u holds the similarities of u's neighbors.

    References
    ----------
    Herlocker, Konstan, Borchers and Riedl (1999), "An algorithmic framework for performing collaborative
    filtering", here with the cosine and for ranking.
    """

    def __init__(self, k: int = 100, shrinkage: float = 0, *, value: str | None = None):
        self.k = k
        self.shrinkage = shrinkage
        self.value = value

    def fit(self, interactions: Interactions) -> UserKNN:
        """Find the neighbors of each user; raises what :meth:`ItemKNN.fit` raises."""
        check_parameters(self)
        matrix = check_interactions(interactions).matrix(self.value)
        self.neighbors_ = nearest(matrix.T.tocsr(), self.k, self.shrinkage)
        self.matrix_, self.seen_ = matrix, interactions.matrix()
        return self

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Add up the neighbors' rows, shape (n, n_items); 0 throughout for a user without neighbors."""
        user_pos = check_users(self, user_pos)
        return (self.neighbors_[user_pos] @ self.matrix_).toarray()


class BiasedItemKNN(Recommender):
    """Predict a rating as the biases plus what the user's ratings of similar items add. Built in chapter 02.

    To μ + b_u + b_i comes the damped mean of the user's residuals on i's neighbors, weighted by similarity:
    Σ s_ij e_uj / (prior + Σ s_ij), where e is what the biases leave of a rating. Items are similar if their
    residuals are.

    Parameters
    ----------
    k : int, at least 1. Neighbors of each item; all similar ones if there are fewer.
    shrinkage : float, at least 0. See :func:`nearest`; in users who rated both.
    prior : float, above 0. Similarity of one more neighbor, with residual 0, that every item is given.
    damping, value : see :class:`~recsys_teach.models.biases.DampedBiases`.

    Attributes
    ----------
    biases_ : DampedBiases, fitted.
    residuals_ : csr_array, shape (n_users, n_items). e, in the unit of the ratings.
    neighbors_ : csr_array, shape (n_items, n_items). Row i holds the similarities of i's neighbors.

    References
    ----------
    Koren (2010), "Factor in the Neighbors"; here with the cosine of all residuals for the correlation of the
    common ones, and with the neighbors chosen once for each item, not among what each user rated.
    """

    def __init__(
        self, k: int = 100, shrinkage: float = 50, *, prior: float = 0.1, damping: float = 5, value: str = "rating"
    ):
        self.k = k
        self.shrinkage = shrinkage
        self.prior = prior
        self.damping = damping
        self.value = value

    def fit(self, interactions: Interactions) -> BiasedItemKNN:
        """Learn the biases, then find the neighbors of each item by what they leave.

        Raises
        ------
        ValueError
            If a parameter is out of its range, the column is absent or holds NaN, or a pair has two ratings.
        """
        check_parameters(self)
        biases = DampedBiases(self.damping, value=self.value).fit(interactions)
        residuals = biases.matrix_.copy()
        residuals.data -= biases.expected(*residuals.tocoo().coords)
        self.neighbors_ = nearest(residuals, self.k, self.shrinkage)
        self.biases_, self.residuals_, self.seen_ = biases, residuals, biases.seen_
        return self

    def predict(self, user_pos: np.ndarray, item_pos: np.ndarray) -> np.ndarray:
        """Predict one rating a pair, clipped to the scale of the ratings: see :meth:`DampedBiases.predict`.

        A user without ratings, or without ratings of the item's neighbors, gets what the biases say.
        """
        user_pos, item_pos = check_pairs(self, user_pos, item_pos)
        expected = self.biases_.expected(user_pos, item_pos)
        rated = _with_ones(self.residuals_)
        for pairs in chunks(np.arange(len(expected)), rated.shape[1]):
            near = self.neighbors_[item_pos[pairs]]  # (n_pairs, n_items)
            expected[pairs] += self._damped(near.multiply(rated[user_pos[pairs]]).sum(axis=1))
        return np.clip(expected, *self.biases_.rating_range_)

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Predict all ratings of some users, shape (n, n_items), not clipped, so that there are fewer ties."""
        user_pos = check_users(self, user_pos)
        return self._predict_rows(self.biases_.matrix_[user_pos])

    def fold_in(self, rows: sparse.csr_array | np.ndarray) -> np.ndarray:
        """Predict all ratings of users who were not there at ``fit``: see :meth:`DampedBiases.fold_in`."""
        return self._predict_rows(check_rows(self, rows))

    def _predict_rows(self, rows: sparse.csr_array) -> np.ndarray:
        """Predict from rows in which a cell that is stored is a rating, even of 0."""
        expected, residuals = self.biases_._predict_rows(rows), rows.copy()
        residuals.data -= expected[residuals.tocoo().coords]
        return expected + self._damped((_with_ones(residuals) @ self.neighbors_.T).toarray())

    def _damped(self, sums: np.ndarray) -> np.ndarray:
        return sums.real / (self.prior + sums.imag)


def _with_ones(residuals: sparse.csr_array) -> sparse.csr_array:
    """Give e + 1j, so that one weighted sum holds Σ s e in its real and Σ s in its imaginary part."""
    data = residuals.data + 1j
    return sparse.csr_array((data, residuals.indices, residuals.indptr), shape=residuals.shape)
