"""Predict ratings from damped user and item biases. Built by hand in chapter 02."""

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

ROUNDS = 5  # each updates item biases, then user biases; on MovieLens-100K more rounds change no third decimal


def damped_means(values: np.ndarray, groups: np.ndarray, n_groups: int, damping: float) -> np.ndarray:
    """Average values by group, as if each group had ``damping`` more values of 0. Built in chapter 02.

    Parameters
    ----------
    values : array, shape (n,)
        The values to average.
    groups : array of int, shape (n,)
        The group of each value, from 0 to n_groups - 1.
    n_groups : int
        Number of groups.
    damping : float
        Number of additional values of 0 in each group, at least 0.

    Returns
    -------
    array, shape (n_groups,)
        The damped means; 0 for an empty group.

    Raises
    ------
    ValueError
        If the damping is negative.
    """
    check_number("damping", damping, low=0)
    total = np.bincount(groups, values, minlength=n_groups)
    weight = np.bincount(groups, minlength=n_groups) + damping
    return np.divide(total, weight, out=np.zeros(n_groups), where=weight > 0)


class DampedBiases(Recommender):
    """Predict a rating as overall mean + user bias + item bias, μ + b_u + b_i. Built by hand in chapter 02.

    An item bias is the damped mean of r_ui − μ − b_u over the ratings of the item. A user bias is the damped mean of
    r_ui − μ − b_i over the ratings of the user. Both are computed in turn, starting with b_u = 0, until they hardly
    change. A user or item without ratings has bias 0.

    Parameters
    ----------
    damping : float, default=5
        Number of imaginary ratings with residual 0 that are added for each user and each item, at least 0.
    value : str, default="rating"
        The column of the log to predict.

    Attributes
    ----------
    matrix_ : csr_array, shape (n_users, n_items)
        The training ratings.
    mean_ : float
        μ, the mean of all ratings, in their unit.
    user_biases_ : array, shape (n_users,)
        b_u, in the unit of the ratings.
    item_biases_ : array, shape (n_items,)
        b_i, in the unit of the ratings.
    rating_range_ : tuple of float
        The lowest and the highest training rating.

    References
    ----------
    Koren (2010), "Factor in the Neighbors: scalable and accurate collaborative filtering", where the damped means
    are taken once.
    """

    def __init__(self, damping: float = 5, *, value: str = "rating"):
        self.damping = damping
        self.value = value

    def fit(self, interactions: Interactions) -> DampedBiases:
        """Compute the mean and the biases.

        Parameters
        ----------
        interactions : Interactions
            The training set, with the column ``value``.

        Returns
        -------
        DampedBiases
            The fitted model itself.

        Raises
        ------
        ValueError
            If the column is absent or contains NaN, a pair has two ratings, or the damping is negative.
        """
        check_parameters(self)
        ratings = check_interactions(interactions).matrix(self.value)
        n_users, n_items = ratings.shape
        user_pos, item_pos = ratings.tocoo().coords
        mean = float(ratings.data.mean())
        user_bias = np.zeros(n_users)
        for _ in range(ROUNDS):  # each bias is the damped mean of what the mean and the other biases leave
            item_bias = damped_means(ratings.data - mean - user_bias[user_pos], item_pos, n_items, self.damping)
            user_bias = damped_means(ratings.data - mean - item_bias[item_pos], user_pos, n_users, self.damping)
        self.matrix_, self.seen_ = ratings, interactions.matrix()
        self.mean_, self.user_biases_, self.item_biases_ = mean, user_bias, item_bias
        self.rating_range_ = float(ratings.data.min()), float(ratings.data.max())
        return self

    def predict(self, user_pos: np.ndarray, item_pos: np.ndarray) -> np.ndarray:
        """Predict one rating for each pair.

        Parameters
        ----------
        user_pos : array of int, shape (n,)
            Positions of the users, not ids.
        item_pos : array of int, shape (n,)
            Positions of the items, not ids.

        Returns
        -------
        array, shape (n,)
            μ + b_u + b_i, clipped to the range of the training ratings. Ratings on the same scale lie in this range, so
            clipping can only reduce the error.

        Raises
        ------
        ValueError
            If the model is not fitted, a position is unknown, or the shapes differ.
        """
        user_pos, item_pos = check_pairs(self, user_pos, item_pos)
        return np.clip(self.expected(user_pos, item_pos), *self.rating_range_)

    def expected(self, user_pos: np.ndarray, item_pos: np.ndarray) -> np.ndarray:
        """Add up μ + b_u + b_i without clipping.

        Parameters
        ----------
        user_pos, item_pos : array of int
            Known positions, in shapes that broadcast. They are not checked.

        Returns
        -------
        array
            Expected ratings, in the broadcast shape.
        """
        return self.mean_ + self.user_biases_[user_pos] + self.item_biases_[item_pos]

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
        return self._predict_rows(self.matrix_[user_pos])

    def fold_in(self, rows: sparse.csr_array | np.ndarray) -> np.ndarray:
        """Predict all ratings of users outside the training set, from their rows alone.

        Parameters
        ----------
        rows : array or csr_array, shape (n, n_items)
            Ratings. A cell of 0 is missing, whether it is stored or not.

        Returns
        -------
        array, shape (n, n_items)
            Predicted ratings, not clipped; μ + b_i for a user without ratings.
        """
        return self._predict_rows(check_rows(self, rows))

    def _predict_rows(self, rows: sparse.csr_array) -> np.ndarray:
        """Predict from rows in which every stored cell is a rating, even a 0."""
        user_pos, item_pos = rows.tocoo().coords
        residuals = rows.data - self.mean_ - self.item_biases_[item_pos]
        user_bias = damped_means(residuals, user_pos, rows.shape[0], self.damping)
        return self.mean_ + user_bias[:, None] + self.item_biases_
