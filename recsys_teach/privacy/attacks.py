"""Attacks on published logs and models: re-identification and membership inference. Built by hand in chapter 15."""

from __future__ import annotations

import numpy as np
from scipy.stats import binomtest, rankdata

from recsys_teach._validation import check_generator, check_integer, check_number, check_numbers

TOLERANCE = 1  # allowed difference between a rating that the attacker knows and the true one


def candidates(R: np.ndarray, items: np.ndarray, ratings: np.ndarray) -> np.ndarray:
    """Find the rows that contain exactly the ratings that an attacker knows. Built by hand in chapter 15.

    Parameters
    ----------
    R : ndarray, shape (n_users, n_items)
        Ratings, 0 where there is none; or interactions as True and False.
    items : ndarray of int, shape (n_known,)
        Positions of the known items.
    ratings : ndarray, shape (n_known,)
        The person's known ratings of these items.

    Returns
    -------
    ndarray of int, shape (n_candidates,)
        Positions of the matching rows. If there is only one, the person is re-identified.

    Raises
    ------
    TypeError
        If ``R`` or ``ratings`` are not numbers, or ``items`` are not integers.
    ValueError
        If the numbers of items and ratings differ.
    """
    items = np.asarray(items)
    if items.shape != np.shape(ratings):
        raise ValueError(
            f"Expected one rating per item; got {items.shape} items and {np.shape(ratings)} ratings. "
            "Pass two arrays of the same length."
        )
    _check_table(R, items)
    check_numbers("ratings", ratings)
    return np.flatnonzero((R[:, items] == ratings).all(axis=1))


def uniqueness(R: np.ndarray, n_known: int, rng: np.random.Generator) -> float:
    """Return the share of people who are uniquely identified by ``n_known`` of their entries. Chapter 15.

    Parameters
    ----------
    R : ndarray, shape (n_users, n_items)
        Ratings or interactions, as in :func:`candidates`.
    n_known : int
        Number of entries of each person that the attacker knows, drawn at random. People with fewer entries are left
        out.
    rng : Generator
        Source of randomness.

    Returns
    -------
    float
        The share, between 0 and 1.

    Raises
    ------
    TypeError
        If ``R`` is not a numeric array, ``n_known`` not an integer, or ``rng`` not a Generator.
    ValueError
        If no person has ``n_known`` entries, or ``n_known`` is below 1.
    """
    check_integer("n_known", n_known)
    check_generator(rng)
    _check_table(R)
    enough = np.flatnonzero((R > 0).sum(axis=1) >= n_known)
    if not len(enough):
        raise ValueError(f"Expected at least 1 person with n_known entries; got n_known={n_known}. Lower n_known.")
    n_unique = 0
    for user in enough:
        items = rng.choice(np.flatnonzero(R[user]), n_known, replace=False)
        n_unique += len(candidates(R, items, R[user, items])) == 1
    return n_unique / len(enough)


def linkage_scores(R: np.ndarray, items: np.ndarray, ratings: np.ndarray, n_raters: np.ndarray) -> np.ndarray:
    """Score how well each row matches a few noisy ratings. Built by hand in chapter 15.

    An item matches if it is rated and the difference is at most 1. It adds 1 / ln(1 + number of its raters) to the
    score, because a rarely rated item is more informative. An item that does not match adds nothing, so a few wrong
    ratings have little effect.

    Parameters
    ----------
    R : ndarray, shape (n_users, n_items)
        Ratings, 0 where there is none.
    items : ndarray of int, shape (n_known,)
        Positions of the items that the attacker knows.
    ratings : ndarray, shape (n_known,)
        Their ratings, according to the attacker.
    n_raters : ndarray, shape (n_items,)
        Number of ratings of each item.

    Returns
    -------
    ndarray, shape (n_users,)
        Score of each row; higher is more likely.

    Raises
    ------
    TypeError
        If an array is not numeric, or ``items`` are not integers.

    References
    ----------
    Narayanan and Shmatikov (2008), "Robust de-anonymization of large sparse datasets", whose score this simplifies.
    """
    _check_table(R, items)
    ratings, n_raters = check_numbers("ratings", ratings), check_numbers("n_raters", n_raters)
    rated = R[:, items]
    matches = (rated > 0) & (np.abs(rated.astype(float) - ratings) <= TOLERANCE)
    return matches @ (1 / np.log1p(np.maximum(n_raters[items], 1)))


def kept_share(rows: np.ndarray, V: np.ndarray) -> np.ndarray:
    """Compute the share of each row's energy in a model's latent space, to infer membership. Built in chapter 15.

    Parameters
    ----------
    rows : ndarray, shape (n, n_items)
        Ratings or interactions of the people to test.
    V : ndarray, shape (n_items, k)
        Item factors of the model, with orthonormal columns.

    Returns
    -------
    ndarray, shape (n,)
        |row V|² / |row|², from 0 to 1; 0 for an empty row. Members of the training set tend to have higher values.

    Raises
    ------
    TypeError
        If the rows are not a numeric array.
    ValueError
        If the shapes do not match.
    """
    if rows.ndim != 2 or rows.shape[1] != len(V):
        raise ValueError(
            f"Expected rows of shape (n, {len(V)}), one column per item; got {rows.shape}. Check the order of the axes."
        )
    _check_table(rows)
    energy = (rows**2).sum(axis=1)
    kept = ((rows @ V) ** 2).sum(axis=1)
    return np.divide(kept, energy, out=np.zeros(len(rows)), where=energy > 0)


def membership_auc(members: np.ndarray, outsiders: np.ndarray) -> float:
    """Compute the AUC of a membership inference attack. Chapter 15.

    It is the probability that the score of a member is higher than that of an outsider; a tie counts one half.

    Parameters
    ----------
    members : ndarray, shape (n_members,)
        Scores of people in the training set.
    outsiders : ndarray, shape (n_outsiders,)
        Scores of people who are not in the training set.

    Returns
    -------
    float
        The AUC; guessing has .5.

    Raises
    ------
    TypeError
        If the scores are not numbers.
    ValueError
        If there are no members or no outsiders, or a score is not finite.
    """
    members, outsiders = check_numbers("members", members), check_numbers("outsiders", outsiders)
    if not len(members) or not len(outsiders):
        raise ValueError(
            f"Expected scores of members and outsiders; got {len(members)} members and {len(outsiders)} outsiders. "
            "Pass at least one of each."
        )
    ranks = rankdata(np.concatenate([members, outsiders]))[: len(members)]
    n = len(members)
    return float((ranks.sum() - n * (n + 1) / 2) / (n * len(outsiders)))


def epsilon_lower_bound(hits: int, n_in: int, false_alarms: int, n_out: int, delta: float = 0) -> float:
    """Compute a lower bound of ε from the success of an attack, with 95 % confidence. Built by hand in chapter 15.

    For any (ε, δ)-private mechanism, the true positive rate of an attack is at most e^ε · false positive rate + δ. Each
    rate is replaced by the end of its exact (Clopper-Pearson) 95 % interval that favors the defense, so the bound is
    valid with a probability of at least 95 %.

    Parameters
    ----------
    hits : int
        Number of runs with the person in which the attack decided "in".
    n_in : int
        Number of runs with the person. Runs must be independent of each other.
    false_alarms : int
        Number of runs without the person in which the attack decided "in".
    n_out : int
        Number of runs without the person.
    delta : float, default=0
        δ of the privacy guarantee, from 0 to below 1.

    Returns
    -------
    float
        The lower bound, 0 if the attack is not better than guessing.

    Raises
    ------
    TypeError
        If a count is not an integer.
    ValueError
        If a count is larger than its number of runs, or a parameter is out of range.

    References
    ----------
    Kairouz, Oh and Viswanath (2015), "The composition theorem for differential privacy", for the regions of the rates.
    """
    counts = {"hits": hits, "n_in": n_in, "false_alarms": false_alarms, "n_out": n_out}
    for name, count in counts.items():
        check_integer(name, count, 1 if name.startswith("n_") else 0)
    check_number("delta", delta, low=0, below=1)
    if hits > n_in or false_alarms > n_out:
        raise ValueError(
            f"Expected counts within their runs; got {hits} of {n_in} and {false_alarms} of {n_out}. "
            "The order is hits, n_in, false_alarms, n_out."
        )
    low = binomtest(hits, n_in).proportion_ci(0.95).low
    high = binomtest(false_alarms, n_out).proportion_ci(0.95).high
    return float(np.log((low - delta) / high)) if low - delta > high else 0.0


def _check_table(R: np.ndarray, items: np.ndarray | None = None) -> None:
    """Raise if a table is not a numeric array, or items are not integers."""
    if not isinstance(R, np.ndarray) or R.ndim != 2 or R.dtype.kind not in "biuf":
        got = f"dtype {R.dtype}, shape {R.shape}" if isinstance(R, np.ndarray) else type(R).__name__
        raise TypeError(
            f"Expected a numpy array of numbers, shape (n_users, n_items); got {got}. Convert text with "
            "R.astype(float), and a sparse matrix with R.toarray()."
        )
    if items is not None and np.size(items) and np.asarray(items).dtype.kind not in "iu":
        raise TypeError(
            f"items must be positions, an array of int; got dtype {np.asarray(items).dtype}. "
            "Convert a mask with np.flatnonzero(...)."
        )
