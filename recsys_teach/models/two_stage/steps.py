"""Prepare histories, combine outputs to a utility, and cap the groups of a list. Built in chapter 13."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def histories_before(
    taken: tuple[np.ndarray, np.ndarray, np.ndarray], users: np.ndarray, times: np.ndarray, length: int, padding: int
) -> np.ndarray:
    """Return the last items that a user interacted with before a given time. Built by hand in chapter 13.

    Parameters
    ----------
    taken : tuple of three arrays, shape (n_taken,)
        User, item and time of each event that belongs to a history.
    users, times : array, shape (n,)
        The user of each history and its time. An event at exactly this time is not included.
    length : int
        Maximum number of items in a history.
    padding : int
        The number that fills a row after the items.

    Returns
    -------
    array of int, shape (n, length)
        Item positions in the order of time, then padding.

    Raises
    ------
    ValueError
        If the times are neither all numbers nor all dates of one kind.
    """
    known, times = np.asarray(taken[2]), np.asarray(times)
    kinds = {known.dtype.kind, times.dtype.kind}
    if not (kinds <= {"i", "u", "f"} or kinds in ({"M"}, {"m"})):
        raise ValueError(
            f"Expected times that are all numbers or all datetime64; got {known.dtype} and {times.dtype}. "
            "interactions.times returns those of a log in this form."
        )
    # One integer key for each event, user · n_times + rank of its time, sorts the events by user and then by time, so
    # that all histories are slices of one array. Times are replaced by their ranks because they may be dates or floats.
    unique_times, time_rank = np.unique(known, return_inverse=True)
    n_times = len(unique_times) + 1  # the additional rank is for times after all events
    taken_key = taken[0] * n_times + time_rank
    order = np.argsort(taken_key, kind="stable")
    taken_key, items = taken_key[order], np.append(taken[1][order], padding)  # the last element is the padding
    # searchsorted returns the first position, so an event at exactly the given time is not included.
    end = np.searchsorted(taken_key, users * n_times + np.searchsorted(unique_times, times))
    start = np.maximum(np.searchsorted(taken_key, users * n_times), end - length)
    index = start[:, None] + np.arange(length)  # (n, length)
    return items[np.where(index < end[:, None], index, len(items) - 1)]


def utility(outputs: Mapping[str, np.ndarray], weights: Mapping[str, float], gate: str = "click") -> np.ndarray:
    """Compute the utility P(gate) · (1 + Σ weight · output of a task). Built by hand in chapter 13.

    Parameters
    ----------
    outputs : mapping from str to array
        The output of each task, all of one shape. Outputs after the gate are expected values, given that the gate is 1.
    weights : mapping from str to float
        The weight of each task that counts.
    gate : str, default="click"
        The task whose probability multiplies all others.

    Returns
    -------
    array
        The utility, in the shape of the outputs.
    """
    return outputs[gate] * (1 + sum(weight * outputs[task] for task, weight in weights.items()))


def cap_groups(ranked: np.ndarray, groups: np.ndarray, k: int, cap: int) -> np.ndarray:
    """Take the first k items of a list, at most ``cap`` of each group. Built in chapter 13.

    If fewer than k items remain, the list is filled with skipped items in their original order.

    Parameters
    ----------
    ranked : array of int, shape (n,)
        Item positions, best first; -1 means no item.
    groups : array, shape (n_items,)
        The group of each item, such as its genre.
    k : int
        Length of the list, at least 1.
    cap : int
        Maximum number of items of a group, at least 1.

    Returns
    -------
    array of int, shape (k,)
        Item positions; -1 after the last item.
    """
    kept: list[int] = []
    skipped: list[int] = []
    for item in ranked[ranked >= 0]:
        full = sum(groups[other] == groups[item] for other in kept) >= cap
        (skipped if full else kept).append(item)
        if len(kept) == k:
            break
    return np.array([*kept, *skipped, *[-1] * k][:k])
