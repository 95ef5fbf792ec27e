"""What every model of the course can do: fit, score, recommend."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator

from recsys_teach._validation import (
    Check,
    check_flag,
    check_integer,
    check_number,
    check_seed,
    optional,
    rows_by_value,
)
from recsys_teach.data._log_checks import EMPTY
from recsys_teach.data.interactions import Interactions
from recsys_teach.evaluation.ranking import check_positions, rank_unseen

AT_LEAST_ONE = partial(check_integer, low=1)
ABOVE_ZERO = partial(check_number, above=0)
NOT_NEGATIVE = partial(check_number, low=0)
PARAMETERS: dict[str, Check] = {  # a parameter has the same meaning in all models, and so the same check
    **dict.fromkeys(("n_factors", "n_hidden", "n_blocks", "n_experts", "width", "k", "window", "cap"), AT_LEAST_ONE),
    **dict.fromkeys(("n_epochs", "n_epochs", "n_steps", "n_anneal", "batch_size"), AT_LEAST_ONE),
    **dict.fromkeys(("max_length", "n_candidates"), AT_LEAST_ONE),
    **dict.fromkeys(("alpha", "regularization", "learning_rate", "temperature"), ABOVE_ZERO),
    **dict.fromkeys(("back_off", "noise", "prior"), ABOVE_ZERO),
    **dict.fromkeys(("weight_decay", "beta", "shrinkage", "damping"), NOT_NEGATIVE),
    **dict.fromkeys(("correct", "behavior"), check_flag),
    "dropout": partial(check_number, low=0, below=1),
    "decay": partial(check_number, above=0, high=1),
    "patience": optional(AT_LEAST_ONE),
    "random_state": check_seed,
}


class Recommender(BaseEstimator):
    """Base of all models. A model sets ``seen_`` in ``fit`` and answers ``score``.

    ``fit`` begins with :func:`check_parameters`; a model whose parameter is checked in another way than in
    :data:`PARAMETERS` says so in ``own_checks``.

    Attributes
    ----------
    seen_ : csr_array, shape (n_users, n_items). What each user met in training.
    """

    own_checks: ClassVar[Mapping[str, Check]] = MappingProxyType({})
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
            If the model is not fitted, a position is unknown, or k does not fit the catalog.
        """
        user_pos = check_users(self, user_pos)
        return rank_unseen(self.score, user_pos, k, self.seen_, keep_seen=not exclude_seen)


class RowRecommender(Recommender):
    """Base of the models that score items from a user's row of the matrix alone. A subclass implements ``fold_in``.

    Attributes
    ----------
    matrix_ : csr_array, shape (n_users, n_items)
        The rows of the users in training, in the unit that ``fold_in`` expects.
    """

    matrix_: sparse.csr_array

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Score every item for some users from their rows in training, shape (n, n_items)."""
        return self.fold_in(self.matrix_[check_users(self, user_pos)])

    def fold_in(self, rows: sparse.csr_array | np.ndarray) -> np.ndarray:
        """Score every item for users who need not have been there at ``fit``.

        Parameters
        ----------
        rows : array or csr_array, shape (n, n_items)
            What each of them interacted with, in the unit of ``matrix_``.

        Returns
        -------
        array, shape (n, n_items)
        """
        raise NotImplementedError


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
    """Refuse a model that is not fitted, and rows of new users that are not finite numbers, one for each item.

    Returns
    -------
    csr_array, shape (n, n_items), as :func:`~recsys_teach._validation.rows_by_value`.
    """
    check_fitted(model)
    n_items = model.seen_.shape[1]
    if np.ndim(rows) != 2 or np.shape(rows)[1] != n_items:
        raise ValueError(
            f"Expected rows of shape (n, {n_items}), one column per item; got {np.shape(rows)}. "
            "Write a single row as row[None]."
        )
    return rows_by_value(rows)


def check_parameters(model: Recommender) -> None:
    """Refuse parameters of the constructor that are of another kind than expected, or out of their range.

    A number of numpy is replaced by the same number of Python: torch takes no others as sizes, and int8 overflows.
    """
    checks = {**PARAMETERS, **model.own_checks}
    for name, value in model.get_params(deep=False).items():
        if name in checks:
            checks[name](name, value)
            if isinstance(value, np.generic):
                setattr(model, name, value.item())


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
