"""What every model of the course can do: fit, score, recommend."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator

from recsys_teach.interactions import Interactions
from recsys_teach.ranking import chunks, top_k


class Recommender(BaseEstimator):
    """Base of all models. A model sets ``seen_`` in ``fit`` and answers ``score``.

    Attributes
    ----------
    seen_ : csr_array, shape (n_users, n_items). What each user met in training.
    """

    seen_: sparse.csr_array

    def fit(self, interactions: Interactions) -> Recommender:
        """Learn from interactions and return self."""
        raise NotImplementedError

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Score every item for some users: positions (n,) to scores (n, n_items); higher is better."""
        raise NotImplementedError

    def recommend(self, user_pos: np.ndarray, k: int = 10, *, exclude_seen: bool = True) -> np.ndarray:
        """Rank the k best items for some users, without the items they met in training unless asked.

        Parameters
        ----------
        user_pos : array of int, shape (n,). Positions, not ids.
        k : int, from 1 to n_items.

        Returns
        -------
        array of int, shape (n, k)
            Item positions, best first; -1 where a user has fewer than k unseen items.

        Raises
        ------
        ValueError
            If the model is not fitted, a position is unknown, or k does not fit the catalogue.
        """
        user_pos = check_users(self, user_pos)
        ranked = [np.empty((0, k), dtype=int)]
        for group in chunks(user_pos, self.seen_.shape[1]):
            exclude = self.seen_[group] if exclude_seen else None
            ranked.append(top_k(self.score(group), k, exclude))
        return np.vstack(ranked)


def check_interactions(interactions: Interactions) -> Interactions:
    """Refuse anything but Interactions, whose axes have names."""
    if not isinstance(interactions, Interactions):
        raise TypeError(
            f"fit expects Interactions, which name their axes; came {type(interactions).__name__}. "
            "Make them with Interactions.from_log(log) or Interactions.from_matrix(matrix)."
        )
    return interactions


def check_users(model: Recommender, user_pos: np.ndarray) -> np.ndarray:
    """Refuse a model that is not fitted and positions that it does not know."""
    if not hasattr(model, "seen_"):
        raise ValueError(f"{type(model).__name__} is not fitted yet: call fit(interactions) first.")
    user_pos = np.atleast_1d(np.asarray(user_pos))
    n_users = model.seen_.shape[0]
    if user_pos.size and (user_pos.dtype.kind not in "iu" or user_pos.min() < 0 or user_pos.max() >= n_users):
        raise ValueError(
            f"Expected user positions from 0 to {n_users - 1}, came {user_pos.ravel()[:5]}. "
            "Turn ids into positions with interactions.user_ids.get_indexer(ids)."
        )
    return user_pos.astype(int)
