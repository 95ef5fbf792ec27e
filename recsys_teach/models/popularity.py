"""Recommend to everybody what most people met. Built by hand in chapter 01."""

from __future__ import annotations

import numpy as np

from recsys_teach.data.interactions import Interactions
from recsys_teach.models.base import Recommender, check_interactions, check_users


class Popularity(Recommender):
    """Score an item by the number of users who met it. Built by hand in chapter 01.

    Attributes
    ----------
    popularity_ : array, shape (n_items,). Number of users.
    """

    def fit(self, interactions: Interactions) -> Popularity:
        """Count the users of each item."""
        self.seen_ = check_interactions(interactions).matrix()
        self.popularity_ = np.bincount(self.seen_.indices, minlength=self.seen_.shape[1]).astype(float)
        return self

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Give everybody the same scores, shape (n, n_items)."""
        user_pos = check_users(self, user_pos)
        return np.tile(self.popularity_, (len(user_pos), 1))
