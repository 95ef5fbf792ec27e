"""Explain a recommendation by what the user interacted with: contributions and counterfactuals. Built in chapter 17."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from recsys_teach._validation import check_integer
from recsys_teach.evaluation.ranking import check_positions, top_k
from recsys_teach.models.base import RowRecommender, check_rows
from recsys_teach.models.ease import EASE
from recsys_teach.models.implicit import IALS
from recsys_teach.models.neighbors import ItemKNN


def contributions(model: EASE | ItemKNN | IALS, row: sparse.csr_array | np.ndarray, item: int) -> np.ndarray:
    """Compute how much each interaction of a user adds to the score of an item. Built by hand in chapter 17.

    The contributions add up to the score, computed in float64 from the parameters of the model. Models that store
    float32 return the same score with about six digits.

    Parameters
    ----------
    model : EASE, ItemKNN or IALS
        A fitted model whose score is a sum over interactions.
    row : array or csr_array, shape (n_items,) or (1, n_items)
        The interactions of the user, in the unit of the model's ``fold_in``.
    item : int
        Position of the item that is explained.

    Returns
    -------
    ndarray, shape (n_items,)
        The contribution of the interaction with each item; 0 where there is none. It may be negative.

    Raises
    ------
    TypeError
        If the score of the model is not a known sum.
    ValueError
        If the model is not fitted, the row does not have one number per item, or the position is unknown.

    Notes
    -----
    EASE and ItemKNN: r_j times the weight of j in the score of i. IALS: h_i·A⁻¹ (1 + α n_j) h_j, where the user's
    matrix A = HᵀH + Σ_j α n_j h_j h_jᵀ + λ (Σ c) I depends on all interactions of the user.

    References
    ----------
    Hu, Koren and Volinsky (2008), "Collaborative filtering for implicit feedback datasets", section 5.
    """
    if not isinstance(model, EASE | ItemKNN | IALS):
        raise TypeError(
            f"Expected a fitted EASE, ItemKNN or IALS, whose score is a sum over interactions; got "
            f"{type(model).__name__}. For other models with fold_in, leave one interaction out: counterfactual(...)."
        )
    values = check_rows(model, _as_row(row)).toarray()[0]
    item = int(check_positions("item", np.asarray(item), len(values))[0])
    if isinstance(model, EASE):
        return values * model.item_weights_[:, item].astype(float)
    if isinstance(model, ItemKNN):
        return values * model.neighbors_[[item]].toarray()[0]
    return _ials_contributions(model, values, item)


def _as_row(row: sparse.csr_array | np.ndarray) -> sparse.csr_array | np.ndarray:
    """Return a row of shape (1, n_items)."""
    return row if sparse.issparse(row) or np.ndim(row) != 1 else np.asarray(row)[None]


def _ials_contributions(model: IALS, counts: np.ndarray, item: int) -> np.ndarray:
    """Solve the user's least squares problem for the explained item, and multiply by each term of the right side."""
    H = model.item_factors_.astype(float)  # (n_items, n_factors)
    extra = model.alpha * counts  # c - 1
    penalty = model.regularization * (len(counts) + extra.sum())
    A = H.T @ H + (H * extra[:, None]).T @ H + penalty * np.eye(H.shape[1])
    # the weights w solve A w = Σ (1 + extra_j) h_j over interactions, so h_i·w = Σ (A⁻¹ h_i)·h_j (1 + extra_j)
    return np.where(counts > 0, (1 + extra) * (H @ np.linalg.solve(A, H[item])), 0)


def counterfactual(model: RowRecommender | IALS, row: sparse.csr_array | np.ndarray, max_size: int = 10) -> np.ndarray:
    """Find a small set of interactions without which the first recommendation is another one. Built in chapter 17.

    The search is greedy: it removes the interaction whose removal leaves the first item the smallest lead over the best
    other item, until another item is first. Every step folds the remaining interactions in again, so the result is
    verified. A smaller set may exist. Removed items are not recommended.

    Parameters
    ----------
    model : RowRecommender or IALS
        A fitted model with ``fold_in``.
    row : array or csr_array, shape (n_items,) or (1, n_items)
        The interactions of the user, in the unit of the model's ``fold_in``.
    max_size : int, default=10
        Largest number of interactions to remove, at least 1.

    Returns
    -------
    ndarray of int
        Positions of the removed items, in the order of removal; empty if ``max_size`` removals, or the removal of all
        interactions, do not change the first item.

    Raises
    ------
    TypeError
        If the model cannot fold users in, or ``max_size`` is not an integer.
    ValueError
        If the model is not fitted, the row does not have one number per item or has no interaction, fewer than two
        items are left to recommend, or ``max_size`` is below 1.

    References
    ----------
    Ghazimatin, Balalau, Saha Roy and Weikum (2020), "PRINCE: provider-side interpretability with counterfactual
    explanations in recommender systems".
    """
    if not hasattr(model, "fold_in"):
        raise TypeError(
            f"Expected a model with fold_in, to score the user without some interactions; got {type(model).__name__}. "
            "Use for example EASE, ItemKNN or IALS."
        )
    check_integer("max_size", max_size)
    values = check_rows(model, _as_row(row)).toarray()[0]
    interacted = np.flatnonzero(values)
    if not len(interacted) or len(values) - len(interacted) < 2:
        raise ValueError(
            f"Expected a user with interactions and at least two items left to recommend; got {len(interacted)} "
            f"interactions of {len(values)} items. Choose another user."
        )
    exclude = sparse.csr_array(values[None] != 0)
    first = int(top_k(model.fold_in(values[None]), 1, exclude)[0, 0])
    left: list[int] = interacted.tolist()
    removed: list[int] = []
    while left and len(removed) < max_size:
        without = np.tile(values, (len(left), 1))  # row c is the user without the c-th of the interactions left
        without[:, removed] = 0
        without[np.arange(len(left)), left] = 0
        scores = np.array(model.fold_in(without), dtype=float)
        scores[:, interacted] = -np.inf
        leader = top_k(scores, 1)[:, 0]
        others = scores.copy()
        others[:, first] = -np.inf
        lead = scores[:, first] - others.max(axis=1)
        # a removal that changes the first item comes before all others, also where scores are equal
        best = int(np.lexsort((lead, leader == first))[0])
        removed.append(left.pop(best))
        if leader[best] != first:
            return np.array(removed, dtype=int)
    return np.array([], dtype=int)
