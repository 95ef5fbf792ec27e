"""Recommend the most popular items to every user. Built by hand in chapter 01."""

from __future__ import annotations

import numpy as np

from recsys_teach.data.interactions import Interactions
from recsys_teach.models.base import Recommender, check_interactions, check_users


class Popularity(Recommender):
    """Score an item by the number of users who interacted with it. Built by hand in chapter 01.

    Attributes
    ----------
    popularity_ : array, shape (n_items,)
        The number of users of each item.
    """

    def fit(self, interactions: Interactions) -> Popularity:
        """Count the users of each item.

        Parameters
        ----------
        interactions : Interactions
            The training set.

        Returns
        -------
        Popularity
            The fitted model itself.
        """
        self.seen_ = check_interactions(interactions).matrix()
        self.popularity_ = np.bincount(self.seen_.indices, minlength=self.seen_.shape[1]).astype(float)
        return self

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Return the same scores for every user.

        Parameters
        ----------
        user_pos : array of int, shape (n,)
            Positions of the users, not ids.

        Returns
        -------
        array, shape (n, n_items)
            The popularity of each item, repeated in n rows.
        """
        user_pos = check_users(self, user_pos)
        return np.tile(self.popularity_, (len(user_pos), 1))
