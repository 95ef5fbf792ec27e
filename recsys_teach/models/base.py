"""Define the interface of all models: fit, score and recommend."""

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
# A parameter name has the same meaning in all models, so one check per name is enough.
PARAMETERS: dict[str, Check] = {
    **dict.fromkeys(("n_factors", "n_blocks", "width", "k", "window"), AT_LEAST_ONE),
    **dict.fromkeys(("n_epochs", "n_steps", "n_anneal", "batch_size"), AT_LEAST_ONE),
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
    """Provide ``recommend`` and the parameter checks for all models.

    A subclass implements ``fit``, which sets ``seen_``, and ``score``.

    Its ``fit`` begins with :func:`check_parameters`. A parameter that needs another check than the one in
    :data:`PARAMETERS` is listed in ``own_checks``.

    Attributes
    ----------
    seen_ : csr_array, shape (n_users, n_items)
        The items that each user interacted with in training.
    own_checks : mapping from str to callable
        The checks of parameters whose meaning differs from the one in :data:`PARAMETERS`.
    """

    own_checks: ClassVar[Mapping[str, Check]] = MappingProxyType({})
    seen_: sparse.csr_array

    def fit(self, interactions: Interactions) -> Recommender:
        """Fit the model to interactions.

        Parameters
        ----------
        interactions : Interactions
            The training set.

        Returns
        -------
        Recommender
            The fitted model itself.
        """
        raise NotImplementedError

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Score every item for some users.

        Parameters
        ----------
        user_pos : array of int, shape (n,)
            Positions of the users, not ids.

        Returns
        -------
        array, shape (n, n_items)
            Higher is better.
        """
        raise NotImplementedError

    def recommend(self, user_pos: np.ndarray, k: int = 10, *, exclude_seen: bool = True) -> np.ndarray:
        """Rank the k best items for some users, by default without the items seen in training.

        Parameters
        ----------
        user_pos : array of int, shape (n,)
            Positions of the users, not ids.
        k : int, default=10
            Length of the list, from 1 to n_items.
        exclude_seen : bool, default=True
            Whether to leave out the items that the user interacted with in training.

        Returns
        -------
        array of int, shape (n, k)
            Item positions, best first; -1 where a user has fewer than k unseen items.

        Raises
        ------
        ValueError
            If the model is not fitted, a position is unknown, or k is not between 1 and n_items.
        """
        user_pos = check_users(self, user_pos)
        return rank_unseen(self.score, user_pos, k, self.seen_, keep_seen=not exclude_seen)


class RowRecommender(Recommender):
    """Provide ``score`` for models that compute the scores from a user's row of the matrix alone.

    A subclass implements ``fit``, which sets ``matrix_``, and ``fold_in``.

    Attributes
    ----------
    matrix_ : csr_array, shape (n_users, n_items)
        The rows of the training users, in the unit that ``fold_in`` expects.
    """

    matrix_: sparse.csr_array

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Score every item for some users from their rows in training.

        Parameters
        ----------
        user_pos : array of int, shape (n,)
            Positions of the users, not ids.

        Returns
        -------
        array, shape (n, n_items)
            Higher is better.
        """
        user_pos = check_users(self, user_pos)  # first, because a model that is not fitted has no matrix_
        return self.fold_in(self.matrix_[user_pos])

    def fold_in(self, rows: sparse.csr_array | np.ndarray) -> np.ndarray:
        """Score every item for users who may not be part of the training set.

        Parameters
        ----------
        rows : array or csr_array, shape (n, n_items)
            The interactions of each user, in the unit of ``matrix_``.

        Returns
        -------
        array, shape (n, n_items)
            Higher is better.
        """
        raise NotImplementedError


def check_axes(interactions: Interactions) -> Interactions:
    """Raise if the argument is not Interactions.

    Parameters
    ----------
    interactions : Interactions
        The argument to check. It may have no events.

    Returns
    -------
    Interactions
        The argument, unchanged.

    Raises
    ------
    TypeError
        If the argument is anything else, such as an array, whose rows and columns have no ids.
    """
    if not isinstance(interactions, Interactions):
        raise TypeError(
            f"Expected Interactions, which name their users and items; got {type(interactions).__name__}. "
            "Create them with Interactions.from_log(log) or Interactions.from_matrix(matrix)."
        )
    return interactions


def check_interactions(interactions: Interactions) -> Interactions:
    """Raise if the argument is not Interactions with at least one event.

    Parameters
    ----------
    interactions : Interactions
        The argument to check.

    Returns
    -------
    Interactions
        The argument, unchanged.

    Raises
    ------
    TypeError
        If the argument is not Interactions.
    ValueError
        If there are no events to learn from.
    """
    if not len(check_axes(interactions)):
        raise ValueError(EMPTY)
    return interactions


def check_fitted(model: Recommender) -> None:
    """Raise if a model is not fitted.

    Parameters
    ----------
    model : Recommender
        The model to check.

    Raises
    ------
    ValueError
        If ``fit`` has not been called.
    """
    if not hasattr(model, "seen_"):
        raise ValueError(f"{type(model).__name__} is not fitted yet: call fit(interactions) first.")


def check_rows(model: Recommender, rows: sparse.csr_array | np.ndarray) -> sparse.csr_array:
    """Raise if a model is not fitted, or rows of new users do not have one finite number per item.

    Parameters
    ----------
    model : Recommender
        The model that will score the rows.
    rows : array or csr_array, shape (n, n_items)
        One row for each new user.

    Returns
    -------
    csr_array, shape (n, n_items)
        The rows in the form of :func:`~recsys_teach._validation.rows_by_value`.

    Raises
    ------
    ValueError
        If the model is not fitted, or the rows have another shape or values that are not finite.
    TypeError
        If the rows do not contain numbers.
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
    """Raise if a constructor parameter has the wrong type or is out of its range.

    A NumPy scalar is replaced by the equal Python number: PyTorch does not accept NumPy scalars as sizes, and int8
    overflows.

    Parameters
    ----------
    model : Recommender
        The model whose parameters are checked, and converted in place.

    Raises
    ------
    TypeError
        If a parameter has the wrong type.
    ValueError
        If a parameter is out of its range.
    """
    checks = {**PARAMETERS, **model.own_checks}
    for name, value in model.get_params(deep=False).items():
        if name in checks:
            checks[name](name, value)
            if isinstance(value, np.generic):
                setattr(model, name, value.item())


def check_users(model: Recommender, user_pos: np.ndarray) -> np.ndarray:
    """Raise if a model is not fitted, or does not know a user position.

    Parameters
    ----------
    model : Recommender
        The model that will score the users.
    user_pos : array of int, shape (n,)
        Positions of the users, not ids.

    Returns
    -------
    array of int, shape (n,)
        The positions; a single position becomes an array of length 1.

    Raises
    ------
    ValueError
        If the model is not fitted, or a position is unknown.
    """
    check_fitted(model)
    return check_positions("user", user_pos, model.seen_.shape[0])


def check_pairs(model: Recommender, user_pos: np.ndarray, item_pos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Raise if a model is not fitted, does not know a position, or the arrays do not form pairs.

    Parameters
    ----------
    model : Recommender
        The model that will predict the pairs.
    user_pos : array of int, shape (n,)
        Positions of the users, not ids.
    item_pos : array of int, shape (n,)
        Positions of the items, not ids.

    Returns
    -------
    user_pos, item_pos : array of int, shape (n,)
        The positions; a single position becomes an array of length 1.

    Raises
    ------
    ValueError
        If the model is not fitted, a position is unknown, or the shapes differ.
    """
    user_pos, item_pos = check_users(model, user_pos), check_positions("item", item_pos, model.seen_.shape[1])
    if user_pos.shape != item_pos.shape:
        raise ValueError(
            f"Expected one item per user, two arrays of the same shape (n,); got {user_pos.shape} and "
            f"{item_pos.shape}. Repeat the user position for each of its items."
        )
    return user_pos, item_pos
