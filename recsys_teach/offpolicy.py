"""Estimate what a new policy would earn from the log of an old one: IPS, SNIPS, doubly robust. Built in chapter 17."""

from __future__ import annotations

import numpy as np

from recsys_teach._validation import check_numbers


def ips(rewards: np.ndarray, target: np.ndarray, logging: np.ndarray) -> float:
    """Compute the inverse propensity score estimate of a policy's mean reward. Built by hand in chapter 17.

    Parameters
    ----------
    rewards : ndarray, shape (n,)
        The reward of each logged event, such as 1 for a click.
    target : ndarray, shape (n,)
        Probability that the new policy shows the logged item.
    logging : ndarray, shape (n,)
        Probability with which the old policy showed it: the propensity, above 0.

    Returns
    -------
    float
        Mean of reward · target / logging. Its expected value is the mean reward of the new policy if the propensities
        are right, and the old policy can show everything that the new one shows.

    Raises
    ------
    ValueError
        If the shapes differ, there are no events, or a probability is out of its range.

    References
    ----------
    Horvitz and Thompson (1952), "A generalization of sampling without replacement from a finite universe".
    """
    rewards, weights = _weights(rewards, target, logging)
    return float((rewards * weights).mean())


def snips(rewards: np.ndarray, target: np.ndarray, logging: np.ndarray) -> float:
    """Compute the self-normalized estimate of a policy's mean reward. Built by hand in chapter 17.

    Parameters
    ----------
    rewards, target, logging : ndarray, shape (n,)
        As for :func:`ips`.

    Returns
    -------
    float
        Sum of reward · target / logging, divided by the sum of target / logging; NaN if that sum is 0.

    Raises
    ------
    ValueError
        If the shapes differ, there are no events, or a probability is out of its range.

    References
    ----------
    Swaminathan and Joachims (2015), "The self-normalized estimator for counterfactual learning".
    """
    rewards, weights = _weights(rewards, target, logging)
    total = weights.sum()
    return float((rewards * weights).sum() / total) if total else float("nan")


def doubly_robust(
    rewards: np.ndarray, target: np.ndarray, logging: np.ndarray, predicted: np.ndarray, expected: np.ndarray
) -> float:
    """Compute the doubly robust estimate of a policy's mean reward. Built by hand in chapter 17.

    Parameters
    ----------
    rewards, target, logging : ndarray, shape (n,)
        As for :func:`ips`.
    predicted : ndarray, shape (n,)
        What a reward model predicts for the logged item of each event. The model must not be fitted to these events.
    expected : ndarray, shape (n,)
        What it predicts for the new policy in each event: the mean over items, weighted by the new policy.

    Returns
    -------
    float
        Mean of expected + (reward - predicted) · target / logging. It is right on average if the propensities or the
        predictions are right.

    Raises
    ------
    ValueError
        If the shapes differ, there are no events, or a probability is out of its range.

    References
    ----------
    Dudík, Langford and Li (2011), "Doubly robust policy evaluation and learning".
    """
    rewards, weights = _weights(rewards, target, logging)
    predicted, expected = check_numbers("predicted", predicted), check_numbers("expected", expected)
    if not predicted.shape == expected.shape == rewards.shape:
        raise ValueError(
            f"Expected a prediction for the logged item and for the new policy in each event, shape {rewards.shape}; "
            f"got {predicted.shape} and {expected.shape}. Use one row per event."
        )
    return float((expected + (rewards - predicted) * weights).mean())


def _weights(rewards: np.ndarray, target: np.ndarray, logging: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rewards and target / logging; raise if the events are not complete or a probability is impossible."""
    rewards, target, logging = (
        check_numbers(name, values) for name, values in (("rewards", rewards), ("target", target), ("logging", logging))
    )
    if rewards.ndim != 1 or not len(rewards) or not rewards.shape == target.shape == logging.shape:
        raise ValueError(
            f"Expected a reward and two probabilities of each event, shape (n,); got {rewards.shape}, {target.shape} "
            f"and {logging.shape}. Use one row per event."
        )
    if ((target < 0) | (target > 1)).any():
        raise ValueError("Expected target probabilities from 0 to 1; got others. Check that each policy sums to 1.")
    if ((logging <= 0) | (logging > 1)).any():
        raise ValueError(
            "Expected propensities above 0 and at most 1; got others. An event that was logged had a positive "
            "probability: log it when the item is drawn."
        )
    return rewards, target / logging
