"""Ratings from damped means: who rates high, and what is rated high. Built by hand in chapter 02."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from recsys_teach._validation import check_number
from recsys_teach.data.interactions import Interactions
from recsys_teach.models.base import (
    Recommender,
    check_interactions,
    check_pairs,
    check_parameters,
    check_rows,
    check_users,
)

ROUNDS = 5  # of item biases, then user biases; on MovieLens-100K more of them change no third decimal


def damped_means(values: np.ndarray, groups: np.ndarray, n_groups: int, damping: float) -> np.ndarray:
    """Average values by group, as if each group held ``damping`` more values of 0. Built in chapter 02.

    Parameters
    ----------
    values : array, shape (n,).
    groups : array of int, shape (n,), from 0 to n_groups - 1.
    damping : float, at least 0.

    Returns
    -------
    array, shape (n_groups,). An empty group has mean 0.
    """
    check_number("damping", damping, low=0)
    total = np.bincount(groups, values, minlength=n_groups)
    weight = np.bincount(groups, minlength=n_groups) + damping
    return np.divide(total, weight, out=np.zeros(n_groups), where=weight > 0)


class DampedBiases(Recommender):
    """Predict a rating as overall mean + user bias + item bias, μ + b_u + b_i. Built by hand in chapter 02.

    Item biases are the damped means of what μ leaves, user biases of what μ and the item biases leave; that is
    repeated, each given the other, until they fit together. Somebody or something without a rating has bias 0.

    Parameters
    ----------
    damping : float, at least 0. Ratings of "nothing special" that each user and each item is given.
    value : str. The column of the log to predict.

    Attributes
    ----------
    matrix_ : csr_array, shape (n_users, n_items). The ratings.
    mean_ : float. μ, the mean of all ratings, in their unit.
    user_biases_ : array, shape (n_users,). b_u, in the unit of the ratings.
    item_biases_ : array, shape (n_items,). b_i, in the unit of the ratings.
    rating_range_ : tuple of float. The lowest and the highest rating of the log.

    References
    ----------
    Koren (2010), "Factor in the Neighbors: scalable and accurate collaborative filtering", where the damped means
    are taken once.
    """

    def __init__(self, damping: float = 5, *, value: str = "rating"):
        self.damping = damping
        self.value = value

    def fit(self, interactions: Interactions) -> DampedBiases:
        """Learn the biases.

        Raises
        ------
        ValueError
            If the column is absent or holds NaN, a pair has two ratings, or the damping is negative.
        """
        check_parameters(self)
        ratings = check_interactions(interactions).matrix(self.value)
        n_users, n_items = ratings.shape
        user_pos, item_pos = ratings.tocoo().coords
        mean = float(ratings.data.mean())
        user_bias = np.zeros(n_users)
        for _ in range(ROUNDS):
            item_bias = damped_means(ratings.data - mean - user_bias[user_pos], item_pos, n_items, self.damping)
            user_bias = damped_means(ratings.data - mean - item_bias[item_pos], user_pos, n_users, self.damping)
        self.matrix_, self.seen_ = ratings, interactions.matrix()
        self.mean_, self.user_biases_, self.item_biases_ = mean, user_bias, item_bias
        self.rating_range_ = float(ratings.data.min()), float(ratings.data.max())
        return self

    def predict(self, user_pos: np.ndarray, item_pos: np.ndarray) -> np.ndarray:
        """Predict one rating a pair.

        Parameters
        ----------
        user_pos, item_pos : array of int, shape (n,). Positions, not ids.

        Returns
        -------
        array, shape (n,)
            μ + b_u + b_i, clipped to the scale of the ratings seen in ``fit``: no rating lies outside it, so
            clipping can only bring a prediction nearer.

        Raises
        ------
        ValueError
            If the model is not fitted, a position is unknown, or there is not one item a user.
        """
        user_pos, item_pos = check_pairs(self, user_pos, item_pos)
        return np.clip(self.expected(user_pos, item_pos), *self.rating_range_)

    def expected(self, user_pos: np.ndarray, item_pos: np.ndarray) -> np.ndarray:
        """Add up μ + b_u + b_i without clipping, for known positions of any shapes that broadcast."""
        return self.mean_ + self.user_biases_[user_pos] + self.item_biases_[item_pos]

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Predict all ratings of some users, shape (n, n_items), not clipped, so that there are fewer ties."""
        user_pos = check_users(self, user_pos)
        return self._predict_rows(self.matrix_[user_pos])

    def fold_in(self, rows: sparse.csr_array | np.ndarray) -> np.ndarray:
        """Predict all ratings of users who were not there at ``fit``, from their rows alone.

        Parameters
        ----------
        rows : array or csr_array, shape (n, n_items). Ratings; a cell of 0 is missing, whether it is stored
            or not.

        Returns
        -------
        array, shape (n, n_items). Not clipped. A user without a rating gets μ + b_i.
        """
        return self._predict_rows(check_rows(self, rows))

    def _predict_rows(self, rows: sparse.csr_array) -> np.ndarray:
        """Predict from rows in which a cell that is stored is a rating, even of 0."""
        user_pos, item_pos = rows.tocoo().coords
        left = rows.data - self.mean_ - self.item_biases_[item_pos]
        user_bias = damped_means(left, user_pos, rows.shape[0], self.damping)
        return self.mean_ + user_bias[:, None] + self.item_biases_
