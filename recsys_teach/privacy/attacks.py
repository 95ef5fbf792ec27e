"""Attacks on published logs and models: what they find is what a defense has to stop. Built in chapter 15."""

from __future__ import annotations

import numpy as np
from scipy.stats import binomtest, rankdata

from recsys_teach._validation import check_generator, check_integer, check_number, check_numbers

TOLERANCE = 1  # how far a rating that somebody remembers may be from the true one


def candidates(R: np.ndarray, items: np.ndarray, ratings: np.ndarray) -> np.ndarray:
    """Find the rows that hold exactly the ratings that an attacker knows. Built by hand in chapter 15.

    Parameters
    ----------
    R : array, shape (n_users, n_items). A table of ratings, 0 where there is none; or of who met what, True or False.
    items : array of int, shape (n_known,). Positions of the known items.
    ratings : array, shape (n_known,). What the person gave them.

    Returns
    -------
    array of int. Positions of the matching rows; a single one means that the person is found.
    """
    items = np.asarray(items)
    if items.shape != np.shape(ratings):
        raise ValueError(f"Expected one rating an item; got {items.shape} items and {np.shape(ratings)} ratings.")
    _check_table(R, items)
    check_numbers("ratings", ratings)
    return np.flatnonzero((R[:, items] == ratings).all(axis=1))


def uniqueness(R: np.ndarray, n_known: int, rng: np.random.Generator) -> float:
    """Share of the people whom ``n_known`` of their own entries, drawn at random, single out. Chapter 15.

    Parameters
    ----------
    R : array, shape (n_users, n_items), as in :func:`candidates`. People with fewer entries than n_known are left out.

    Raises
    ------
    ValueError
        If nobody has so many entries, or n_known is below 1.
    """
    check_integer("n_known", n_known)
    check_generator(rng)
    _check_table(R)
    enough = np.flatnonzero((R > 0).sum(axis=1) >= n_known)
    if not len(enough):
        raise ValueError(f"Expected somebody with at least 1 entry and with n_known of them; got n_known={n_known}.")
    alone = 0
    for user in enough:
        items = rng.choice(np.flatnonzero(R[user]), n_known, replace=False)
        alone += len(candidates(R, items, R[user, items])) == 1
    return alone / len(enough)


def linkage_scores(R: np.ndarray, items: np.ndarray, ratings: np.ndarray, n_raters: np.ndarray) -> np.ndarray:
    """Score how well each row fits a noisy handful of ratings. Built by hand in chapter 15.

    An item that fits, rated and at most 1 away, adds 1 / ln(1 + number of its raters): a rare film says
    more. One that does not fit adds nothing, so mistakes cost little.

    Parameters
    ----------
    R : array, shape (n_users, n_items). Ratings, 0 where there is none.
    items, ratings : array, shape (n_known,). What the attacker believes to know.
    n_raters : array, shape (n_items,). Number of ratings of each item.

    Returns
    -------
    array, shape (n_users,). Higher is more likely.

    References
    ----------
    Narayanan and Shmatikov (2008), "Robust de-anonymization of large sparse datasets", whose score this simplifies.
    """
    _check_table(R, items)
    ratings, n_raters = check_numbers("ratings", ratings), check_numbers("n_raters", n_raters)
    rated = R[:, items]
    fits = (rated > 0) & (np.abs(rated.astype(float) - ratings) <= TOLERANCE)
    return fits @ (1 / np.log1p(np.maximum(n_raters[items], 1)))


def kept_share(rows: np.ndarray, V: np.ndarray) -> np.ndarray:
    """Share of each row's energy that a model's directions keep; an attack on membership. Built in chapter 15.

    Parameters
    ----------
    rows : array, shape (n, n_items).
    V : array, shape (n_items, k), orthonormal columns.

    Returns
    -------
    array, shape (n,). |row V|² / |row|², from 0 to 1; 0 for an empty row. Higher speaks for a member.
    """
    if rows.ndim != 2 or rows.shape[1] != len(V):
        raise ValueError(f"Expected rows of shape (n, {len(V)}), one column an item; got {rows.shape}.")
    _check_table(rows)
    energy = (rows**2).sum(axis=1)
    kept = ((rows @ V) ** 2).sum(axis=1)
    return np.divide(kept, energy, out=np.zeros(len(rows)), where=energy > 0)


def membership_auc(members: np.ndarray, outsiders: np.ndarray) -> float:
    """Chance that a member's score is above an outsider's; a tie counts half. .5 is what guessing gives. Chapter 15."""
    members, outsiders = check_numbers("members", members), check_numbers("outsiders", outsiders)
    if not len(members) or not len(outsiders):
        raise ValueError(f"Expected scores of both sides; got {len(members)} members, {len(outsiders)} outsiders.")
    ranks = rankdata(np.concatenate([members, outsiders]))[: len(members)]
    n = len(members)
    return float((ranks.sum() - n * (n + 1) / 2) / (n * len(outsiders)))


def epsilon_lower_bound(hits: int, n_in: int, false_alarms: int, n_out: int, delta: float = 0) -> float:
    """Smallest ε that an attack's success still allows, with 95 % confidence. Built by hand in chapter 15.

    Any (ε, δ)-private mechanism keeps true positive rate ≤ e^ε · false positive rate + δ. The two rates are replaced
    by the ends of their exact (Clopper-Pearson) 95 % intervals that favor the defense, which makes the pair hold with
    at least 95 %.

    Parameters
    ----------
    hits, n_in : int. Runs with the person in them, and how many of those the attack called "in".
    false_alarms, n_out : int. The same for runs without the person. Runs must be independent of each other.
    delta : float. The δ of the claim.

    References
    ----------
    Kairouz, Oh and Viswanath (2015), "The composition theorem for differential privacy", for the regions of the rates.
    """
    counts = {"hits": hits, "n_in": n_in, "false_alarms": false_alarms, "n_out": n_out}
    for name, count in counts.items():
        check_integer(name, count, 1 if name.startswith("n_") else 0)
    check_number("delta", delta, low=0, below=1)
    if hits > n_in or false_alarms > n_out:
        raise ValueError(f"Expected counts within their runs; got {hits} of {n_in} and {false_alarms} of {n_out}.")
    low = binomtest(hits, n_in).proportion_ci(0.95).low
    high = binomtest(false_alarms, n_out).proportion_ci(0.95).high
    return float(np.log((low - delta) / high)) if low - delta > high else 0.0


def _check_table(R: np.ndarray, items: np.ndarray | None = None) -> None:
    """Refuse a table of text, in which nothing would fit, and items that are not positions of its columns."""
    if not isinstance(R, np.ndarray) or R.ndim != 2 or R.dtype.kind not in "biuf":
        got = f"dtype {R.dtype}, shape {R.shape}" if isinstance(R, np.ndarray) else type(R).__name__
        raise TypeError(f"Expected a numpy array of numbers, shape (n_users, n_items); got {got}.")
    if items is not None and np.size(items) and np.asarray(items).dtype.kind not in "iu":
        raise TypeError(f"items must be positions, an array of int; got dtype {np.asarray(items).dtype}.")
