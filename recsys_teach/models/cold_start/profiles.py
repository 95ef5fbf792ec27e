"""Score items for new users from their profiles. Built in chapter 14."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd
from scipy import sparse

from recsys_teach._validation import check_binary, check_number
from recsys_teach.data.interactions import Interactions
from recsys_teach.models.base import (
    ABOVE_ZERO,
    Recommender,
    check_fitted,
    check_interactions,
    check_parameters,
    check_users,
)
from recsys_teach.models.features import encode_features, fit_features


def damped_shares(interacted: sparse.csr_array | np.ndarray, group: np.ndarray, damping: float) -> np.ndarray:
    """Compute the damped share of a group that interacted with each item. Built by hand in chapter 14.

    The share is (number of users of the group who interacted with the item + damping · share among all users) / (number
    of users of the group + damping).

    Parameters
    ----------
    interacted : array or csr_array, shape (n_users, n_items)
        1 where the user interacted with the item, 0 elsewhere; n_users is at least 1.
    group : array of bool, shape (n_users,)
        Whether each user is in the group.
    damping : float
        Number of average users that are added to the group, at least 0; above 0 if the group is empty.

    Returns
    -------
    array, shape (n_items,)
        Shares from 0 to 1.

    Raises
    ------
    ValueError
        If the damping is out of its range, or ``group`` is not made of True and False or 1 and 0.
    """
    group = check_binary("group", group)
    check_number("damping", damping, low=0)
    total = group.sum() + damping
    if not total > 0:
        raise ValueError(f"damping must be above 0 for an empty group; got {damping}. Use damping=1, for example.")
    cells = sparse.csr_array(interacted)
    overall_share = cells.sum(axis=0) / cells.shape[0]
    return (cells[np.flatnonzero(group)].sum(axis=0) + damping * overall_share) / total


class ProfilePopularity(Recommender):
    """Score an item by its estimated share among users with the same profile. Built by hand in chapter 14.

    The estimate is naive Bayes: each value of each column, such as gender=F, multiplies the overall share p_i by the
    damped share of its group divided by p_i. Without columns, or for an unknown profile, the score is the popularity as
    a share.

    Parameters
    ----------
    columns : sequence of str, default=()
        Columns of ``interactions.users`` that contain categories; a text a|b|c lists three.
    damping : float, default=50.0
        Number of average users that are added to each group, above 0.

    Attributes
    ----------
    shares_ : array, shape (n_items,)
        p_i, the share among the users with events.
    lifts_ : array, shape (n_features, n_items)
        The logarithm of the factor of each feature.
    features_ : list of str
        The names of the features, such as "gender=F".
    profiles_ : array, shape (n_users, n_features)
        1 where a user has a feature, 0 elsewhere.
    """

    own_checks = MappingProxyType({"damping": ABOVE_ZERO})

    def __init__(self, columns: Sequence[str] = (), *, damping: float = 50.0):
        self.columns = columns
        self.damping = damping

    def fit(self, interactions: Interactions) -> ProfilePopularity:
        """Count the users of each group.

        Parameters
        ----------
        interactions : Interactions
            The training set, with the user table that ``columns`` need. Any event counts as 1.

        Returns
        -------
        ProfilePopularity
            The fitted model itself.

        Raises
        ------
        ValueError
            If the damping is not above 0, or the user table or a column is absent.
        """
        check_parameters(self)
        seen = check_interactions(interactions).matrix()
        active = np.flatnonzero(np.diff(seen.indptr))
        interacted = seen[active]
        self.features_, X = fit_features(interactions, "user", self.columns, "columns")
        shares = interacted.sum(axis=0) / len(active)
        self.lifts_ = np.zeros((len(self.features_), seen.shape[1]))
        for feature, lift in enumerate(self.lifts_):
            group = damped_shares(interacted, X[active, feature] > 0, self.damping)
            np.log(np.divide(group, shares, out=np.ones_like(shares), where=shares > 0), out=lift)
        self.shares_, self.seen_ = shares, seen
        self.profiles_ = X
        return self

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Multiply the overall share by the factors of each user's features.

        Parameters
        ----------
        user_pos : array of int, shape (n,)
            Positions of the users, not ids.

        Returns
        -------
        array, shape (n, n_items)
            Higher is better; an item without interactions scores 0.
        """
        users = check_users(self, user_pos)
        return self._from_features(self.profiles_[users])

    def from_profiles(self, table: pd.DataFrame) -> np.ndarray:
        """Score every item for users outside the training set, from their profiles.

        Parameters
        ----------
        table : DataFrame
            One row for each user, with the ``columns``.

        Returns
        -------
        array, shape (n, n_items)
            Higher is better.

        Raises
        ------
        ValueError
            If the model is not fitted, a column is absent, or no value of a column occurred in training.
        """
        check_fitted(self)
        return self._from_features(encode_features(table, self.columns, self.features_, "columns"))

    def _from_features(self, X: np.ndarray) -> np.ndarray:
        """Multiply the overall share by the factors of encoded features."""
        return self.shares_ * np.exp(X @ self.lifts_)
