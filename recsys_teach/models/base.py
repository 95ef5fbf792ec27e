"""What every model of the course can do: fit, score, recommend."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator

from recsys_teach.interactions import EMPTY, Interactions
from recsys_teach.ranking import check_positions, rank_unseen


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
        return rank_unseen(self.score, user_pos, k, self.seen_, keep_seen=not exclude_seen)


def check_axes(interactions: Interactions) -> Interactions:
    """Refuse anything but Interactions, whose axes have names."""
    if not isinstance(interactions, Interactions):
        raise TypeError(
            f"This expects Interactions, which name their axes; got {type(interactions).__name__}. "
            "Make them with Interactions.from_log(log) or Interactions.from_matrix(matrix)."
        )
    return interactions


def check_interactions(interactions: Interactions) -> Interactions:
    """Refuse what nothing can be learned from: anything but Interactions, or those without events."""
    if not len(check_axes(interactions)):
        raise ValueError(EMPTY)
    return interactions


def check_fitted(model: Recommender) -> None:
    """Refuse a model that is not fitted."""
    if not hasattr(model, "seen_"):
        raise ValueError(f"{type(model).__name__} is not fitted yet: call fit(interactions) first.")


def check_rows(model: Recommender, rows: sparse.csr_array | np.ndarray) -> sparse.csr_array:
    """Refuse a model that is not fitted, and rows of new users that are not finite numbers, one for each item."""
    check_fitted(model)
    n_items = model.seen_.shape[1]
    if np.ndim(rows) != 2 or rows.shape[1] != n_items:
        raise ValueError(
            f"Expected rows of shape (n, {n_items}), one column per item; came {np.shape(rows)}. "
            "Write a single row as row[None]."
        )
    rows = sparse.csr_array(rows, dtype=float)
    if not np.isfinite(rows.data).all():
        raise ValueError("The rows hold NaN or infinity. Write 0 where there was no event.")
    return rows


def check_positive(model: Recommender, *names: str) -> None:
    """Refuse parameters that are not above 0."""
    for name in names:
        if not getattr(model, name) > 0:
            raise ValueError(f"{name} must be above 0; came {getattr(model, name)}.")


def check_users(model: Recommender, user_pos: np.ndarray) -> np.ndarray:
    """Refuse a model that is not fitted and positions that it does not know."""
    check_fitted(model)
    return check_positions("user", user_pos, model.seen_.shape[0])


def check_pairs(model: Recommender, user_pos: np.ndarray, item_pos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Refuse a model that is not fitted, positions that it does not know, and pairs that are none."""
    user_pos, item_pos = check_users(model, user_pos), check_positions("item", item_pos, model.seen_.shape[1])
    if user_pos.shape != item_pos.shape:
        raise ValueError(f"Expected one item a user, two arrays of shape (n,); got {user_pos.shape}, {item_pos.shape}.")
    return user_pos, item_pos
