"""Run a recommender as a living service on the synthetic world: recommend, log, retrain. Built in chapter 17."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import softmax

from recsys_teach._validation import check_flag, check_integer, check_number, check_seed
from recsys_teach.data.interactions import Interactions
from recsys_teach.data.world.truth import World
from recsys_teach.evaluation.metrics import coverage, recommended_gini
from recsys_teach.evaluation.ranking import top_k
from recsys_teach.models.base import Recommender
from recsys_teach.models.ease import EASE


def exposure_rates(shown: np.ndarray, damping: float = 10.0) -> np.ndarray:
    """Compute the share of users to whom each item was shown, damped toward 1. Built by hand in chapter 17.

    Parameters
    ----------
    shown : ndarray of bool, shape (n_users, n_items)
        What was shown to whom.
    damping : float, default=10.0
        Number of imaginary users who were shown every item, above 0. It limits the correction of rare items.

    Returns
    -------
    ndarray, shape (n_items,)
        (times shown + damping) / (n_users + damping), above 0.
    """
    check_number("damping", damping, above=0)
    return (shown.sum(axis=0) + damping) / (len(shown) + damping)


def explore(lists: np.ndarray, shown: np.ndarray, exploration: float, rng: np.random.Generator) -> np.ndarray:
    """Replace a random share of the places by random items that were not shown before. Built by hand in chapter 17.

    Parameters
    ----------
    lists : ndarray of int, shape (n_users, k)
        Item positions, best first.
    shown : ndarray of bool, shape (n_users, n_items)
        What was shown before; at least 2 k items of each user were not.
    exploration : float
        Probability that a place is replaced.
    rng : Generator
        Source of randomness.

    Returns
    -------
    ndarray of int, shape (n_users, k)
        Lists without repetition.
    """
    order = rng.random(shown.shape)
    order[shown] = -np.inf
    np.put_along_axis(order, lists, -np.inf, axis=1)
    random = top_k(order, lists.shape[1])
    return np.where(rng.random(lists.shape) < exploration, random, lists)


def run_loop(
    world: World,
    *,
    n_rounds: int = 10,
    k: int = 10,
    exploration: float = 0.0,
    correct: bool = False,
    oracle: bool = False,
    model: Recommender | None = None,
    random_state: int = 0,
) -> pd.DataFrame:
    """Recommend, log, and retrain for some rounds, and measure each round by the truth. Built by hand in chapter 17.

    In round 0 every user is shown k items drawn by popularity alone. In every further round the model is fitted to all
    clicks so far, and each user is shown the k best items that were not shown to this user before. A pair of user and
    item has the same outcome in all runs with the same seed, so runs can be compared in pairs.

    Parameters
    ----------
    world : World
        Its truth draws the clicks; its log is not used.
    n_rounds : int, default=10
        Number of rounds after round 0.
    k : int, default=10
        Length of a list. All rounds together, and one more, must fit into the catalog.
    exploration : float, default=0.0
        Share of the places that show a random item.
    correct : bool, default=False
        Whether the scores are divided by :func:`exposure_rates`.
    oracle : bool, default=False
        Whether the true click probabilities are used as scores.
    model : Recommender, optional
        The model that is fitted in each round; ``EASE(20)`` by default.
    random_state : int, default=0
        Seed of the clicks, of round 0 and of the exploration.

    Returns
    -------
    DataFrame
        One row for each round, with ``round``; ``utility``, the mean true click probability of what was shown;
        ``gini`` and ``coverage`` of the lists; and ``overlap``, the mean share of common items of two users' lists.

    Raises
    ------
    TypeError
        If a parameter has the wrong type.
    ValueError
        If a parameter is out of its range, or the catalog is too small.
    """
    check_integer("n_rounds", n_rounds)
    check_integer("k", k)
    check_number("exploration", exploration, low=0, high=1)
    check_flag("correct", correct)
    check_flag("oracle", oracle)
    check_seed("random_state", random_state)
    truth, n_users, n_items = world.truth, len(world.users), len(world.items)
    if (n_rounds + 2) * k > n_items:
        raise ValueError(
            f"Expected at least {(n_rounds + 2) * k} items for {n_rounds} rounds of {k}; got {n_items}. "
            "Use a larger world, fewer rounds or shorter lists."
        )
    users = np.arange(n_users)
    probability = truth.click_probability(users)
    outcome_rng, start_rng, rng = (np.random.default_rng(s) for s in np.random.SeedSequence(random_state).spawn(3))
    would_click = outcome_rng.random(probability.shape) < probability
    # the k largest of log p + Gumbel noise are k draws without replacement with probabilities p
    log_share = np.log(softmax(truth.log_popularity.astype(float)))
    lists = top_k(log_share + start_rng.gumbel(size=probability.shape), k)
    shown = np.zeros(probability.shape, dtype=bool)
    rounds = []
    for number in range(n_rounds + 1):
        if number:
            scores = _scores(model, shown & would_click, probability if oracle else None)
            if correct:
                scores = scores / exposure_rates(shown)
            scores[shown] = -np.inf
            lists = explore(top_k(scores, k), shown, exploration, rng)
        np.put_along_axis(shown, lists, values=True, axis=1)
        rounds.append({
            "round": number,
            "utility": float(np.take_along_axis(probability, lists, axis=1).mean()),
            "gini": recommended_gini(lists, n_items),
            "coverage": coverage(lists, n_items),
            "overlap": mean_overlap(lists, n_items),
        })  # fmt: skip
    return pd.DataFrame(rounds)


def _scores(model: Recommender | None, clicked: np.ndarray, probability: np.ndarray | None) -> np.ndarray:
    """Return the true probabilities if there are any, else the scores of a model that is fitted to the clicks."""
    if probability is not None:
        return probability.copy()
    fitted = (EASE(20.0) if model is None else model).fit(Interactions.from_matrix(sparse.csr_array(clicked * 1.0)))
    return np.array(fitted.score(np.arange(len(clicked))), dtype=float)


def mean_overlap(lists: np.ndarray, n_items: int) -> float:
    """Compute the mean share of common items of two different users' lists. Built by hand in chapter 17.

    Parameters
    ----------
    lists : ndarray of int, shape (n_users, k)
        Item positions, without repetition and without empty ranks, of at least two users.
    n_items : int
        Size of the catalog.

    Returns
    -------
    float
        0 if no two users have an item in common, 1 if all lists contain the same items.
    """
    n_users, k = lists.shape
    times = np.bincount(lists.ravel(), minlength=n_items).astype(float)
    # an item in c lists is shared by c (c - 1) ordered pairs of users
    return float((times * (times - 1)).sum() / (n_users * (n_users - 1) * k))
