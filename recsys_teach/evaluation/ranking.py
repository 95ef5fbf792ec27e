"""Rank scores, and recommend the k best unseen items, in chunks that fit a memory budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy import sparse

from recsys_teach._validation import check_integer

MEMORY_BUDGET = 64 * 2**20  # maximum number of bytes of scores and of their copies while they are ranked
COPIES = 4  # number of arrays of this size in memory: the scores, and temporary arrays of top_k


def chunks(user_pos: np.ndarray, n_items: int, budget: int = MEMORY_BUDGET) -> Iterator[np.ndarray]:
    """Split users into groups whose scores fit the memory budget, with at least one user per group.

    Parameters
    ----------
    user_pos : ndarray, shape (n,)
        Positions of users.
    n_items : int
        Number of scores (float64) of each user.
    budget : int, default=MEMORY_BUDGET
        Maximum number of bytes.

    Yields
    ------
    ndarray
        The positions of one group.
    """
    size = max(1, budget // (COPIES * 8 * max(1, n_items)))
    for start in range(0, len(user_pos), size):
        yield user_pos[start : start + size]


def check_positions(axis: str, positions: np.ndarray, size: int) -> np.ndarray:
    """Return positions of users or items as an array of int; raise if they are invalid.

    Parameters
    ----------
    axis : {"user", "item"}
        The axis, for messages.
    positions : array-like of int, shape (n,)
        The positions, or a single one.
    size : int
        Number of users or items.

    Returns
    -------
    ndarray of int, shape (n,)
        The positions.

    Raises
    ------
    ValueError
        If they are not integers from 0 to ``size - 1``, or not one-dimensional.
    """
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
    """Return how to convert ids to positions, or an explanation of -1 among positions, for a message.

    Parameters
    ----------
    axis : {"user", "item"}
        The axis.
    positions : ndarray
        The invalid positions.

    Returns
    -------
    str
        The advice.
    """
    indexer = f"interactions.{axis}_ids.get_indexer(ids)"
    if positions.dtype.kind == "i" and positions.size and positions.min() == -1:
        return (
            f"-1 stands for an id that {indexer} did not find among the {axis}s. Find it with "
            f"[id for id in ids if id not in interactions.{axis}_ids]; the string '1' is not the number 1."
        )
    return f"Convert ids to positions with {indexer}."


def rank_unseen(
    score: Callable[[np.ndarray], np.ndarray],
    user_pos: np.ndarray,
    k: int,
    seen: sparse.csr_array,
    *,
    keep_seen: bool = False,
) -> np.ndarray:
    """Rank the k best unseen items of each user, in chunks that fit the memory budget.

    Parameters
    ----------
    score : callable
        Function of user positions, shape (n,), that returns scores, shape (n, n_items).
    user_pos : ndarray of int, shape (n,)
        Positions of users.
    k : int
        Length of the list, from 1 to n_items.
    seen : csr_array, shape (n_users, n_items)
        Stored cells are the items that each user interacted with in training.
    keep_seen : bool, default=False
        Rank seen items, too.

    Returns
    -------
    ndarray of int, shape (n, k)
        Item positions, best first, as returned by :func:`top_k`.

    Raises
    ------
    TypeError
        If ``score`` is not a function, or k is not an integer.
    ValueError
        If k or a position is out of range, or ``score`` returns NaN, no numbers, or an array of the wrong shape.
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
            got = scores.shape if scores.ndim else f"{type(returned).__name__}: does the function return its scores?"
            raise ValueError(
                f"score must return one row per user and one column per item, {(len(group), n_items)}; got {got}. "
                "Pass a fitted model's score, or a function of user positions such as lambda users: scores[users]."
            )
        ranked.append(top_k(scores, k, None if keep_seen else seen[group]))
    return np.vstack(ranked)


def not_a_score(given: object) -> str:
    """Return the message for a value that was passed in place of a score function.

    Parameters
    ----------
    given : object
        The value.

    Returns
    -------
    str
        What was expected, what was got, and what to pass.
    """
    expected = "Expected score as a function of user positions, such as model.score"
    if isinstance(given, type):
        return f"{expected}; got the class {given.__name__}. Fit a model: {given.__name__}(...).fit(train).score."
    if hasattr(given, "score"):
        return f"{expected}; got {type(given).__name__}, the model itself. Pass model.score."
    if hasattr(given, "shape"):
        return f"{expected}; got {type(given).__name__} of shape {given.shape}. Pass lambda users: scores[users]."
    return f"{expected}; got {type(given).__name__}. Pass the score method of a fitted model."


def as_scores(scores: Any) -> np.ndarray:
    """Return scores as an array of real numbers.

    Parameters
    ----------
    scores : array-like
        The scores.

    Returns
    -------
    ndarray
        The scores. None and other single objects are returned as an array of shape (), which the caller rejects.

    Raises
    ------
    ValueError
        If the scores are sparse, masked or not numeric.
    """
    if sparse.issparse(scores):
        raise ValueError(f"Expected scores as an array, got {type(scores).__name__}. Write scores.toarray().")
    if np.ma.is_masked(scores):
        raise ValueError(
            "Expected scores of all items, got a masked array. Write scores.filled(-np.inf) to rank masked items last."
        )
    try:
        array = np.asarray(scores)
    except (ValueError, TypeError, RuntimeError) as error:  # rows of different lengths, a tensor with a gradient
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"Expected scores as an array of numbers, got {type(scores).__name__} that cannot be converted: {reason} "
            "Convert a tensor with scores.detach().cpu().numpy()."
        ) from error
    if array.dtype.kind not in "biuf" and scores is not None and not (array.dtype == object and array.ndim == 0):
        raise ValueError(f"Expected scores as numbers, got {array.dtype}. Convert them with scores.astype(float).")
    return array


def top_k(scores: np.ndarray, k: int, exclude: sparse.csr_array | None = None) -> np.ndarray:
    """Rank the k best items of each row. Built by hand in chapter 01.

    Parameters
    ----------
    scores : ndarray, shape (n_users, n_items)
        Score of each item; higher is better. The array is not changed.
    k : int
        Length of the list, from 1 to n_items.
    exclude : csr_array, shape (n_users, n_items), optional
        Stored cells are never recommended, even if their value is 0.

    Returns
    -------
    ndarray of int, shape (n_users, k)
        Item positions, best first. Equal scores are ordered by position, lowest first. If fewer than k items remain,
        the row ends in -1.

    Raises
    ------
    TypeError
        If k is not an integer.
    ValueError
        If k is out of range, a score is NaN or not a number, or the shapes of ``scores`` and ``exclude`` differ.
    """
    scores = as_scores(scores)
    if scores.ndim != 2:
        raise ValueError(
            f"Expected scores of shape (n_users, n_items), got {scores.shape}. Write a single row as scores[None]."
        )
    check_k(k, scores.shape[1])
    if np.isnan(scores).any():
        raise ValueError(
            f"The scores of row {int(np.isnan(scores).any(axis=1).argmax())} contain NaN; expected numbers. "
            "Write -np.inf for an item that must be ranked last."
        )
    scores = np.array(scores, dtype=float)
    if exclude is not None:
        if np.shape(exclude) != scores.shape:
            raise ValueError(
                f"Expected exclude of shape {scores.shape} like the scores, got {np.shape(exclude)}. "
                "Select the rows of the same users."
            )
        stored = sparse.coo_array(exclude)  # .nonzero() would skip explicit zeros
        scores[stored.coords] = -np.inf
    # argpartition finds the k best items in linear time, but chooses arbitrarily among items tied at the k-th rank, so
    # only rows with such a tie are sorted completely. Sorting the positions before the stable sort by score puts items
    # with equal scores in the order of their positions.
    best = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    threshold = np.take_along_axis(scores, best, axis=1).min(axis=1, keepdims=True)
    tied = np.flatnonzero((scores >= threshold).sum(axis=1) > k)  # rows with a tie across the k-th rank
    best[tied] = np.argsort(-scores[tied], axis=1, kind="stable")[:, :k]
    best.sort(axis=1)
    best_scores = np.take_along_axis(scores, best, axis=1)
    order = np.argsort(-best_scores, axis=1, kind="stable")
    ranked = np.take_along_axis(best, order, axis=1)
    return np.where(np.take_along_axis(best_scores, order, axis=1) == -np.inf, -1, ranked)


def check_k(k: int, n_items: int) -> None:
    """Raise if the length of a list is not an integer from 1 to the size of the catalog.

    Parameters
    ----------
    k : int
        Length of the list.
    n_items : int
        Size of the catalog.

    Raises
    ------
    TypeError
        If k is not an integer.
    ValueError
        If k is out of range.
    """
    try:
        check_integer("k", k, 1, n_items)
    except ValueError:
        raise ValueError(f"k must be an integer from 1 to the {n_items} items of the catalog; got {k}.") from None
