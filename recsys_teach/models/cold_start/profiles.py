"""Scores for somebody or something new: from a profile, a few events, or both; and what to ask. Built in chapter 14."""

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

# --- a prior from the profile ---------------------------------------------------------------------------------


def damped_shares(interacted: sparse.csr_array | np.ndarray, group: np.ndarray, damping: float) -> np.ndarray:
    """Share of a group that met each item, as if ``damping`` average people were in it. Built by hand in chapter 14.

    Parameters
    ----------
    met : array or csr_array of 0 and 1, shape (n_users, n_items), n_users at least 1.
    group : bool, shape (n_users,). Who is in the group.
    damping : float, at least 0; above 0 if the group is empty.

    Returns
    -------
    array, shape (n_items,). (users of the group who met the item + damping · everybody's share) / (users + damping).
    """
    group = check_binary("group", group)
    check_number("damping", damping, low=0)
    total = group.sum() + damping
    if not total > 0:
        raise ValueError(f"damping must be above 0 for an empty group; got {damping}.")
    cells = sparse.csr_array(interacted)
    everybody = cells.sum(axis=0) / cells.shape[0]
    return (cells[np.flatnonzero(group)].sum(axis=0) + damping * everybody) / total


class ProfilePopularity(Recommender):
    """Score an item by the share of people of the user's profile who met it. Built by hand in chapter 14.

    Each value of each column, such as gender=F, multiplies everybody's share p_i by the group's damped share over
    p_i: naive Bayes. Without columns, or for a profile that is not known, it is the popularity, as a share.

    Parameters
    ----------
    columns : sequence of str. Columns of ``interactions.users`` that hold categories; a text a|b|c stands for three.
    damping : float above 0. Average people added to each group.

    Attributes
    ----------
    shares_ : array, shape (n_items,). Everybody's share: of the users with events.
    lifts_ : array, shape (n_features, n_items). Logarithm of what a feature multiplies by.
    features_ : list of str, as "gender=F".
    profiles_ : array, shape (n_users, n_features), of 0 and 1.
    """

    own_checks = MappingProxyType({"damping": ABOVE_ZERO})

    def __init__(self, columns: Sequence[str] = (), *, damping: float = 50.0):
        self.columns = columns
        self.damping = damping

    def fit(self, interactions: Interactions) -> ProfilePopularity:
        """Count each group.

        Raises
        ------
        ValueError
            If the damping is not above 0, or the table of users or a column is absent.
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
        """Multiply what the profile says, shape (n, n_items); an item that nobody met scores 0."""
        users = check_users(self, user_pos)
        return self._from_features(self.profiles_[users])

    def from_profiles(self, table: pd.DataFrame) -> np.ndarray:
        """Score every item for users who were not there at ``fit``, one row of the table each."""
        check_fitted(self)
        return self._from_features(encode_features(table, self.columns, self.features_, "columns"))

    def _from_features(self, X: np.ndarray) -> np.ndarray:
        return self.shares_ * np.exp(X @ self.lifts_)
