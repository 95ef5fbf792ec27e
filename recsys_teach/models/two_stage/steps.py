"""The steps around the models: histories, utility, and a cap on groups. Built in chapter 13."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def histories_before(
    taken: tuple[np.ndarray, np.ndarray, np.ndarray], users: np.ndarray, times: np.ndarray, length: int, padding: int
) -> np.ndarray:
    """Give the last items that a user took before a moment, in order, padding behind. Built by hand in chapter 13.

    Parameters
    ----------
    taken : three arrays, shape (n_taken,). User, item and time of each event that counts as history.
    users, times : arrays, shape (n,). Whose history is asked for, and before when: an event at that very time is out.
    length : int. How many items a row holds.
    padding : int. What stands where there is no item.

    Returns
    -------
    array of int, shape (n, length).
    """
    known, times = np.asarray(taken[2]), np.asarray(times)
    kinds = {known.dtype.kind, times.dtype.kind}
    if not (kinds <= {"i", "u", "f"} or kinds in ({"M"}, {"m"})):
        raise ValueError(
            f"Expected times that are all numbers or all datetime64, got {known.dtype} and {times.dtype}. "
            "interactions.times returns those of a log in this form."
        )
    moments, place = np.unique(known, return_inverse=True)
    n_moments = len(moments) + 1  # the last one is after all of them
    taken_key = taken[0] * n_moments + place  # users in order, their moments in order
    order = np.argsort(taken_key, kind="stable")
    taken_key, items = taken_key[order], np.append(taken[1][order], padding)
    end = np.searchsorted(taken_key, users * n_moments + np.searchsorted(moments, times))
    start = np.maximum(np.searchsorted(taken_key, users * n_moments), end - length)
    at = start[:, None] + np.arange(length)
    return items[np.where(at < end[:, None], at, len(items) - 1)]


def utility(outputs: Mapping[str, np.ndarray], weights: Mapping[str, float], gate: str = "click") -> np.ndarray:
    """Give P(gate) · (1 + Σ weight · what follows), all of one shape. Built by hand in chapter 13."""
    return outputs[gate] * (1 + sum(weight * outputs[task] for task, weight in weights.items()))


def cap_groups(ranked: np.ndarray, groups: np.ndarray, k: int, cap: int) -> np.ndarray:
    """Take the first k of a list, at most ``cap`` of a group; what was passed over fills up. Built in chapter 13.

    Parameters
    ----------
    ranked : array of int, shape (n,). Item positions, best first; -1 is no item.
    groups : array, shape (n_items,). The group of each item, such as its genre.
    k, cap : int, at least 1.

    Returns
    -------
    array of int, shape (k,); -1 behind the last item.
    """
    kept: list[int] = []
    passed: list[int] = []
    for item in ranked[ranked >= 0]:
        full = sum(groups[other] == groups[item] for other in kept) >= cap
        (passed if full else kept).append(item)
        if len(kept) == k:
            break
    return np.array([*kept, *passed, *[-1] * k][:k])
