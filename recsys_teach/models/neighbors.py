"""Recommend by item neighborhoods and user neighborhoods. Built in chapter 02."""

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

BLOCK_BYTES = MEMORY_BUDGET // 8  # size of one block of similarities; a few arrays of this size exist at once


def nearest(matrix: sparse.csr_array, k: int, shrinkage: float = 0) -> sparse.csr_array:
    """Find the k columns that are most similar to each column. Built by hand in chapter 02.

    The similarity is the cosine times n / (n + shrinkage), where n is the number of rows in which both columns
    are stored. Shrinkage reduces similarities that are based on few rows. Only similarities above 0 count.

    Parameters
    ----------
    matrix : csr_array, shape (n_rows, n_columns)
        The values to compare. A missing cell counts as 0 in the cosine.
    k : int
        Number of neighbors, at least 1. If fewer columns are similar, all of them are kept. Columns that are exactly as
        similar as the k-th are kept, too, so that no neighbor is chosen by its position.
    shrinkage : float, default=0
        Strength of the shrinkage in rows, at least 0.

    Returns
    -------
    csr_array, shape (n_columns, n_columns)
        Row c contains the similarities of the neighbors of column c, each above 0 and at most 1, without c itself. A
        column that is empty or contains only zeros has no neighbors and is not a neighbor of any column.

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
        weight = stored_columns[group] @ stored  # (n_group, n_columns): n, the number of common rows
        weight.data /= weight.data + shrinkage  # n / (n + shrinkage), in place
        similarities = (unit_columns[group] @ unit).toarray() * weight.toarray()
        similarities[np.arange(len(group)), group] = 0  # a column is not its own neighbor
        if k < n_columns:
            # All values equal to the k-th largest stay, so ties are not broken by position.
            k_th = np.partition(similarities, n_columns - k, axis=1)[:, n_columns - k, None]
            similarities[similarities < k_th] = 0
        kept.append(sparse.csr_array(np.maximum(similarities, 0)))
    return sparse.vstack(kept, format="csr")


class ItemKNN(RowRecommender):
    """Rank an item by its similarity to the user's items, over its k nearest items. Built in chapter 02.

    The score of item i is the sum of s_ij r_uj over those neighbors j of i that the user interacted with. Divided by
    the sum of the similarities it would be a predicted value, which ranks worse.

    Parameters
    ----------
    k : int, default=150
        Number of neighbors of each item, at least 1; all similar items if there are fewer.
    shrinkage : float, default=10
        Strength of the shrinkage in users, at least 0; see :func:`nearest`.
    value : str, optional
        The column of the log to store in the matrix. Without it, every event counts as 1.

    Attributes
    ----------
    matrix_ : csr_array, shape (n_users, n_items)
        The training matrix.
    neighbors_ : csr_array, shape (n_items, n_items)
        Row i contains the similarities of the neighbors of item i.

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

        Parameters
        ----------
        interactions : Interactions
            The training set, with the column ``value`` if one is named.

        Returns
        -------
        ItemKNN
            The fitted model itself.

        Raises
        ------
        ValueError
            If k or the shrinkage is out of its range, the column is absent or contains NaN, or a pair has two values.
        """
        check_parameters(self)
        matrix = check_interactions(interactions).matrix(self.value)
        self.neighbors_ = nearest(matrix, self.k, self.shrinkage)
        self.matrix_, self.seen_ = matrix, interactions.matrix()
        return self

    def fold_in(self, rows: sparse.csr_array | np.ndarray) -> np.ndarray:
        """Score every item for users outside the training set, from their rows alone.

        Parameters
        ----------
        rows : array or csr_array, shape (n, n_items)
            The interactions of each user, in the unit of ``matrix_``.

        Returns
        -------
        array, shape (n, n_items)
            0 for an item that has none of the user's items among its neighbors.
        """
        rows = check_rows(self, rows)
        return (rows @ self.neighbors_.T).toarray()


class UserKNN(Recommender):
    """Rank an item by the similarity of the user's k nearest users who interacted with it. Built in chapter 02.

    The score of item i is the sum of s_uv r_vi over the neighbors v of the user.

    Parameters
    ----------
    k : int, default=100
        Number of neighbors of each user, at least 1; all similar users if there are fewer.
    shrinkage : float, default=0
        Strength of the shrinkage in items, at least 0; see :func:`nearest`.
    value : str, optional
        The column of the log to store in the matrix. Without it, every event counts as 1.

    Attributes
    ----------
    matrix_ : csr_array, shape (n_users, n_items)
        The training matrix.
    neighbors_ : csr_array, shape (n_users, n_users)
        Row u contains the similarities of the neighbors of user u.

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
        """Find the neighbors of each user.

        Parameters
        ----------
        interactions : Interactions
            The training set, with the column ``value`` if one is named.

        Returns
        -------
        UserKNN
            The fitted model itself.

        Raises
        ------
        ValueError
            If k or the shrinkage is out of its range, the column is absent or contains NaN, or a pair has two values.
        """
        check_parameters(self)
        matrix = check_interactions(interactions).matrix(self.value)
        self.neighbors_ = nearest(matrix.T.tocsr(), self.k, self.shrinkage)
        self.matrix_, self.seen_ = matrix, interactions.matrix()
        return self

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Score every item for some users by the weighted sum of their neighbors' rows.

        Parameters
        ----------
        user_pos : array of int, shape (n,)
            Positions of the users, not ids.

        Returns
        -------
        array, shape (n, n_items)
            Higher is better; all scores of a user without neighbors are 0.
        """
        user_pos = check_users(self, user_pos)
        return (self.neighbors_[user_pos] @ self.matrix_).toarray()


class BiasedItemKNN(Recommender):
    """Predict a rating from biases and the user's ratings of similar items. Built in chapter 02.

    The prediction is μ + b_u + b_i plus the damped mean of the user's residuals on the neighbors of i, weighted by
    similarity: Σ s_ij e_uj / (prior + Σ s_ij), where e is the rating minus the biases. The similarity of two items is
    computed from their residuals.

    Parameters
    ----------
    k : int, default=100
        Number of neighbors of each item, at least 1; all similar items if there are fewer.
    shrinkage : float, default=50
        Strength of the shrinkage in users who rated both items, at least 0; see :func:`nearest`.
    prior : float, default=0.1
        Similarity of an imaginary neighbor with residual 0 that is added for every item, above 0.
    damping : float, default=5
        Damping of the biases; see :class:`~recsys_teach.models.biases.DampedBiases`.
    value : str, default="rating"
        The column of the log to predict.

    Attributes
    ----------
    biases_ : DampedBiases
        The fitted biases.
    residuals_ : csr_array, shape (n_users, n_items)
        e, in the unit of the ratings.
    neighbors_ : csr_array, shape (n_items, n_items)
        Row i contains the similarities of the neighbors of item i.

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
        """Fit the biases, then find the neighbors of each item from the residuals.

        Parameters
        ----------
        interactions : Interactions
            The training set, with the column ``value``.

        Returns
        -------
        BiasedItemKNN
            The fitted model itself.

        Raises
        ------
        ValueError
            If a parameter is out of its range, the column is absent or contains NaN, or a pair has two ratings.
        """
        check_parameters(self)
        biases = DampedBiases(self.damping, value=self.value).fit(interactions)
        residuals = biases.matrix_.copy()
        residuals.data -= biases.expected(*residuals.tocoo().coords)
        self.neighbors_ = nearest(residuals, self.k, self.shrinkage)
        self.biases_, self.residuals_, self.seen_ = biases, residuals, biases.seen_
        return self

    def predict(self, user_pos: np.ndarray, item_pos: np.ndarray) -> np.ndarray:
        """Predict one rating for each pair, clipped to the range of the training ratings.

        Parameters
        ----------
        user_pos : array of int, shape (n,)
            Positions of the users, not ids.
        item_pos : array of int, shape (n,)
            Positions of the items, not ids.

        Returns
        -------
        array, shape (n,)
            Ratings. A user without ratings, or without ratings of the item's neighbors, gets μ + b_u + b_i.

        Raises
        ------
        ValueError
            If the model is not fitted, a position is unknown, or the shapes differ.
        """
        user_pos, item_pos = check_pairs(self, user_pos, item_pos)
        expected = self.biases_.expected(user_pos, item_pos)
        with_ones = _with_ones(self.residuals_)
        for pairs in chunks(np.arange(len(expected)), with_ones.shape[1]):
            similarities = self.neighbors_[item_pos[pairs]]  # (n_pairs, n_items)
            expected[pairs] += self._damped(similarities.multiply(with_ones[user_pos[pairs]]).sum(axis=1))
        return np.clip(expected, *self.biases_.rating_range_)

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Predict all ratings of some users, without clipping, so that there are fewer ties.

        Parameters
        ----------
        user_pos : array of int, shape (n,)
            Positions of the users, not ids.

        Returns
        -------
        array, shape (n, n_items)
            Predicted ratings.
        """
        user_pos = check_users(self, user_pos)
        return self._predict_rows(self.biases_.matrix_[user_pos])

    def fold_in(self, rows: sparse.csr_array | np.ndarray) -> np.ndarray:
        """Predict all ratings of users outside the training set, from their rows alone.

        Parameters
        ----------
        rows : array or csr_array, shape (n, n_items)
            Ratings. A cell of 0 is missing, whether it is stored or not.

        Returns
        -------
        array, shape (n, n_items)
            Predicted ratings, not clipped.
        """
        return self._predict_rows(check_rows(self, rows))

    def _predict_rows(self, rows: sparse.csr_array) -> np.ndarray:
        """Predict from rows in which every stored cell is a rating, even a 0."""
        expected, residuals = self.biases_._predict_rows(rows), rows.copy()
        residuals.data -= expected[residuals.tocoo().coords]
        return expected + self._damped((_with_ones(residuals) @ self.neighbors_.T).toarray())

    def _damped(self, sums: np.ndarray) -> np.ndarray:
        """Return Σ s e / (prior + Σ s) from sums whose real part is Σ s e and whose imaginary part is Σ s."""
        return sums.real / (self.prior + sums.imag)


def _with_ones(residuals: sparse.csr_array) -> sparse.csr_array:
    """Return e + 1j, so that one weighted sum yields Σ s e in its real part and Σ s in its imaginary part."""
    data = residuals.data + 1j
    return sparse.csr_array((data, residuals.indices, residuals.indptr), shape=residuals.shape)
