"""From scores to the k best unseen items, in chunks that fit a memory budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy import sparse

from recsys_teach._validation import check_integer

MEMORY_BUDGET = 64 * 2**20  # bytes of scores, and of their copies while they are ranked, that may exist at once
COPIES = 4  # the scores, and what top_k makes of them


def chunks(user_pos: np.ndarray, n_items: int, budget: int = MEMORY_BUDGET) -> Iterator[np.ndarray]:
    """Cut users into groups whose scores (float64, one per item) fit the budget; at least one user per group."""
    size = max(1, budget // (COPIES * 8 * max(1, n_items)))
    for start in range(0, len(user_pos), size):
        yield user_pos[start : start + size]


def check_positions(axis: str, positions: np.ndarray, size: int) -> np.ndarray:
    """Refuse what are not positions of users or items, shape (n,); return them as an array of int."""
    positions = np.atleast_1d(np.asarray(positions))
    if not positions.size and positions.ndim == 1:
        return positions.astype(int)
    if positions.dtype.kind not in "iu" or positions.ndim != 1 or positions.min() < 0 or positions.max() >= size:
        got = positions if positions.size < 6 else f"{positions.ravel()[:5]} …"
        shape = f" of shape {positions.shape}" if positions.ndim != 1 else ""
        raise ValueError(
            f"Expected {axis} positions from 0 to {size - 1}, got {got}{shape}. " + position_advice(axis, positions)
        )
    return positions.astype(int)


def position_advice(axis: str, positions: np.ndarray) -> str:
    """Say how ids become positions, or what -1 among positions means."""
    indexer = f"interactions.{axis}_ids.get_indexer(ids)"
    if positions.dtype.kind == "i" and positions.size and positions.min() == -1:
        return (
            f"-1 stands for an id that {indexer} did not find among the {axis}s. Look for it with "
            f"[id for id in ids if id not in interactions.{axis}_ids]; the text '1' is not the number 1."
        )
    return f"Turn ids into positions with {indexer}."


def rank_unseen(
    score: Callable[[np.ndarray], np.ndarray],
    user_pos: np.ndarray,
    k: int,
    seen: sparse.csr_array,
    *,
    keep_seen: bool = False,
) -> np.ndarray:
    """Rank the k best items that each user has not met, in chunks that fit the memory budget.

    Parameters
    ----------
    score : function of user positions, shape (n,), to scores, shape (n, n_items).
    user_pos : array of int, shape (n,).
    k : int, from 1 to n_items.
    seen : csr_array, shape (n_users, n_items). What each user met.
    keep_seen : bool. Rank what was met, too.

    Returns
    -------
    array of int, shape (n, k), as :func:`top_k`.
    """
    if not callable(score) or isinstance(score, type):
        raise TypeError(not_a_score(score))
    seen = sparse.csr_array(seen)
    n_users, n_items = seen.shape
    check_k(k, n_items)
    user_pos = check_positions("user", user_pos, n_users)
    ranked = [np.empty((0, k), dtype=int)]
    for group in chunks(user_pos, n_items):
        returned = score(group)
        scores = as_scores(returned)
        if scores.shape != (len(group), n_items):
            what = scores.shape if scores.ndim else f"{type(returned).__name__}: does the function return its scores?"
            raise ValueError(
                f"score must return one row per user and one column per item, {(len(group), n_items)}; got {what}. "
                "Pass a fitted model's score, or a function of user positions like lambda users: scores[users]."
            )
        ranked.append(top_k(scores, k, None if keep_seen else seen[group]))
    return np.vstack(ranked)


def not_a_score(given: object) -> str:
    """Say what to pass where a score function is expected."""
    expected = "Expected score as a function of user positions, as model.score is"
    if isinstance(given, type):
        return f"{expected}; got the class {given.__name__}. Fit a model of it, {given.__name__}(...).fit(train).score."
    if hasattr(given, "score"):
        return f"{expected}; got {type(given).__name__}, the model itself. Pass model.score."
    if hasattr(given, "shape"):
        return f"{expected}; got {type(given).__name__} of shape {given.shape}. Pass lambda users: scores[users]."
    return f"{expected}; got {type(given).__name__}."


def as_scores(scores: Any) -> np.ndarray:
    """Return scores as an array of real numbers, or say what they are instead."""
    if sparse.issparse(scores):
        raise ValueError(f"Expected scores as an array, got {type(scores).__name__}. Write scores.toarray().")
    if np.ma.is_masked(scores):
        raise ValueError(
            "Expected scores of all items, got a masked array. Write scores.filled(-np.inf) for the worst."
        )
    try:
        array = np.asarray(scores)
    except (ValueError, TypeError, RuntimeError) as error:  # rows of different lengths, a tensor with a gradient
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"Expected scores as an array of numbers, got {type(scores).__name__} that is none: {reason} "
            "A tensor becomes one by scores.detach().cpu().numpy()."
        ) from error
    if array.dtype.kind not in "biuf" and scores is not None and not (array.dtype == object and array.ndim == 0):
        raise ValueError(f"Expected scores as numbers, got {array.dtype}. Write scores.astype(float), if they are.")
    return array


def top_k(scores: np.ndarray, k: int, exclude: sparse.csr_array | None = None) -> np.ndarray:
    """Rank the k best items of each row. Built by hand in chapter 01.

    Parameters
    ----------
    scores : array, shape (n_users, n_items). Higher is better; not changed.
    k : int, from 1 to n_items.
    exclude : csr_array, shape (n_users, n_items), optional. Stored cells are never recommended.

    Returns
    -------
    array of int, shape (n_users, k)
        Item positions, best first. Equal scores are ordered by position, lowest first. Where fewer than k items
        are left, the row ends in -1.

    Raises
    ------
    ValueError
        If k does not fit the catalog, a score is NaN, or the shapes of scores and exclude differ.
    """
    scores = as_scores(scores)
    if scores.ndim != 2:
        raise ValueError(
            f"Expected scores of shape (n_users, n_items), got {scores.shape}. Write a single row as scores[None]."
        )
    check_k(k, scores.shape[1])
    if np.isnan(scores).any():
        raise ValueError(
            f"The scores of row {int(np.isnan(scores).any(axis=1).argmax())} hold NaN; expected numbers. "
            "Write -np.inf for an item that must come last."
        )
    scores = np.array(scores, dtype=float)
    if exclude is not None:
        if np.shape(exclude) != scores.shape:
            raise ValueError(f"Expected exclude of shape {scores.shape} like the scores, got {np.shape(exclude)}.")
        stored = sparse.coo_array(exclude)  # .nonzero() would pass over a zero that is stored
        scores[stored.coords] = -np.inf
    best = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    threshold = np.take_along_axis(scores, best, axis=1).min(axis=1, keepdims=True)
    split = np.flatnonzero((scores >= threshold).sum(axis=1) > k)  # rows with a tie across the k-th place
    best[split] = np.argsort(-scores[split], axis=1, kind="stable")[:, :k]
    best.sort(axis=1)
    best_scores = np.take_along_axis(scores, best, axis=1)
    order = np.argsort(-best_scores, axis=1, kind="stable")
    ranked = np.take_along_axis(best, order, axis=1)
    return np.where(np.take_along_axis(best_scores, order, axis=1) == -np.inf, -1, ranked)


def check_k(k: int, n_items: int) -> None:
    """Refuse a length of list that is not a whole number from 1 to the size of the catalog."""
    try:
        check_integer("k", k, 1, n_items)
    except ValueError:
        raise ValueError(f"k must be an integer from 1 to the {n_items} items of the catalog; got {k}.") from None
