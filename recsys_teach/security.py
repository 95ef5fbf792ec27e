"""Attack a recommender with fake profiles, find them by statistics, and keep a log that shows changes.

Built by hand in chapter 19.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from recsys_teach._validation import check_choice, check_integer, check_seed
from recsys_teach.data.interactions import Interactions
from recsys_teach.evaluation.ranking import check_positions

ATTACKS = ("random", "average", "bandwagon", "popular")
START = "0" * 64  # what the first entry of a log has in place of an earlier digest


def fake_profiles(
    ratings: sparse.csr_array,
    target: int,
    n_profiles: int,
    *,
    attack: str = "random",
    n_filler: int = 50,
    n_popular: int = 10,
    random_state: int = 0,
) -> sparse.csr_array:
    """Draw the ratings of fake users who push one item. Built by hand in chapter 19.

    Each profile gives the target the highest rating. Its other items, the fillers, make it look like a person.

    Parameters
    ----------
    ratings : csr_array, shape (n_users, n_items)
        The ratings of real users, with integer values; empty cells are unknown.
    target : int
        Position of the pushed item.
    n_profiles : int
        Number of fake users.
    attack : {"random", "average", "bandwagon", "popular"}, default="random"
        "random": fillers from the whole catalog, rated around the mean of all ratings. "average": the same fillers,
        rated around the mean of each item. "bandwagon": a random attack that also gives the ``n_popular`` most popular
        items the highest rating. "popular": fillers in proportion to their popularity, rated around the mean of each.
    n_filler : int, default=50
        Number of fillers of each profile, without the target and the popular items of "bandwagon".
    n_popular : int, default=10
        Number of popular items in a profile of "bandwagon".
    random_state : int, default=0
        Seed of the fillers and their ratings.

    Returns
    -------
    csr_array, shape (n_profiles, n_items)
        Integers from the lowest to the highest rating of the real users.

    Raises
    ------
    ValueError
        If the attack or the target is unknown, or there are fewer items to choose from than fillers.

    References
    ----------
    Lam and Riedl (2004), "Shilling recommender systems for fun and profit", for the random and the average attack;
    Burke, Mobasher and Bhaumik (2005), "Limited knowledge shilling attacks", for the bandwagon attack; Hurley, Cheng
    and Zhang (2009), "Statistical attack detection", for fillers among popular items.
    """
    check_choice("attack", attack, ATTACKS)
    check_integer("n_profiles", n_profiles)
    check_integer("n_filler", n_filler, 0)
    check_integer("n_popular", n_popular)
    check_seed("random_state", random_state)
    target = int(check_positions("item", np.array([target]), ratings.shape[1])[0])
    rng = np.random.default_rng(random_state)
    low, high = ratings.data.min(), ratings.data.max()
    counts, means = _item_means(ratings)
    loved = np.array([target])
    if attack == "bandwagon":
        order = np.argsort(-counts, kind="stable")
        loved = np.append(target, order[order != target][:n_popular])
    weight = counts.astype(float) if attack == "popular" else np.ones(len(counts))
    weight[loved] = 0
    if np.count_nonzero(weight) < n_filler:
        raise ValueError(
            f"Expected at least {n_filler} items to choose the fillers from; got {np.count_nonzero(weight)}. "
            "Lower n_filler."
        )
    center = means if attack in ("average", "popular") else np.full(len(means), ratings.data.mean())
    profiles = np.zeros((n_profiles, len(counts)))
    for row in profiles:
        filler = rng.choice(len(counts), n_filler, replace=False, p=weight / weight.sum())
        row[filler] = np.clip(np.rint(rng.normal(center[filler], ratings.data.std())), low, high)
        row[loved] = high
    return sparse.csr_array(profiles)


def _item_means(ratings: sparse.csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of ratings of each item, and their mean; the mean of all ratings for an item without any."""
    counts = np.bincount(ratings.indices, minlength=ratings.shape[1])
    sums = np.bincount(ratings.indices, weights=ratings.data, minlength=ratings.shape[1])
    return counts, np.where(counts > 0, sums / np.maximum(counts, 1), ratings.data.mean())


def inject(interactions: Interactions, profiles: sparse.csr_array) -> Interactions:
    """Add the ratings of new users to interactions. Built by hand in chapter 19.

    Parameters
    ----------
    interactions : Interactions
        The real ratings; user ids are integers.
    profiles : csr_array, shape (n_profiles, n_items)
        The ratings of the new users.

    Returns
    -------
    Interactions
        The columns "user", "item" and "rating" of the log with the new events at its end. The positions of real users
        and of items stay the same; the new users come after them.

    Raises
    ------
    ValueError
        If the profiles have another number of items, or user ids are not integers.
    """
    if profiles.shape[1] != interactions.n_items:
        raise ValueError(
            f"Expected profiles with {interactions.n_items} items; got {profiles.shape[1]}. "
            "Draw them from the ratings of the same interactions."
        )
    if not pd.api.types.is_integer_dtype(interactions.user_ids):
        raise ValueError(
            f"Expected integer user ids, because new ids continue them; got {interactions.user_ids.dtype}. "
            "Build the interactions with integer ids."
        )
    cells = profiles.tocoo()
    new_ids = int(interactions.user_ids.max()) + 1 + np.arange(profiles.shape[0])
    events = pd.DataFrame(
        {
            "user": new_ids[cells.coords[0]],
            "item": interactions.item_ids[cells.coords[1]],
            "rating": cells.data,
        }
    )
    log = pd.concat([interactions.log[["user", "item", "rating"]], events], ignore_index=True)
    ids = [*interactions.user_ids, *new_ids.tolist()]
    return Interactions.from_log(log, user_ids=ids, item_ids=interactions.item_ids)


def rating_deviation(ratings: sparse.csr_array) -> np.ndarray:
    """Compute the rating deviation from mean agreement of each user (RDMA). Built by hand in chapter 19.

    It is the mean over a user's items of |rating − mean of the item| / number of ratings of the item, so disagreement
    about items that few people rated counts most.

    Parameters
    ----------
    ratings : csr_array, shape (n_users, n_items)
        Ratings; empty cells are unknown.

    Returns
    -------
    ndarray, shape (n_users,)
        0 for a user without ratings.

    References
    ----------
    Chirita, Nejdl and Zamfir (2005), "Preventing shilling attacks in online recommender systems".
    """
    counts, means = _item_means(ratings)
    parts = np.abs(ratings.data - means[ratings.indices]) / counts[ratings.indices]
    lengths = np.diff(ratings.indptr)
    users = np.repeat(np.arange(ratings.shape[0]), lengths)
    return np.bincount(users, weights=parts, minlength=ratings.shape[0]) / np.maximum(lengths, 1)


def degree_of_similarity(ratings: sparse.csr_array, k: int = 25) -> np.ndarray:
    """Compute the mean similarity of each user to the k nearest other users. Built by hand in chapter 19.

    The similarity is the cosine of the ratings minus the user's mean, with 0 for unknown cells.

    Parameters
    ----------
    ratings : csr_array, shape (n_users, n_items)
        Ratings; empty cells are unknown.
    k : int, default=25
        Number of neighbors, from 1 to n_users - 1.

    Returns
    -------
    ndarray, shape (n_users,)
        From -1 to 1. The similarity to a user whose ratings are all equal is 0.

    References
    ----------
    Chirita, Nejdl and Zamfir (2005), "Preventing shilling attacks in online recommender systems".
    """
    check_integer("k", k, 1, ratings.shape[0] - 1)
    lengths = np.diff(ratings.indptr)
    users = np.repeat(np.arange(ratings.shape[0]), lengths)
    means = np.bincount(users, weights=ratings.data, minlength=len(lengths)) / np.maximum(lengths, 1)
    centered = sparse.csr_array((ratings.data - means[users], ratings.indices, ratings.indptr), shape=ratings.shape)
    norms = np.sqrt(np.bincount(users, weights=centered.data**2, minlength=len(lengths)))
    unit = sparse.diags_array(1 / np.where(norms > 1e-9, norms, np.inf)) @ centered
    similar = (unit @ unit.T).toarray()
    np.fill_diagonal(similar, -np.inf)
    return np.partition(similar, -k, axis=1)[:, -k:].mean(axis=1)


class AuditLog:
    """A log in which each entry carries the digest of all entries before it. Built by hand in chapter 19.

    The digest of an entry is the SHA-256 of the digest before it and of the entry as JSON with sorted keys. Who changes
    an entry has to change all digests after it. The log alone does not show that its end was cut off, or that all of it
    was written again: compare it with a head that is kept elsewhere.

    Parameters
    ----------
    lines : sequence of (entry, digest), optional
        A log that was stored. It is not verified; call :meth:`first_broken`.

    References
    ----------
    Schneier and Kelsey (1999), "Secure audit logs to support computer forensics".
    """

    def __init__(self, lines: Sequence[tuple[Mapping[str, Any], str]] = ()):
        self.lines: list[tuple[Mapping[str, Any], str]] = list(lines)

    @property
    def head(self) -> str:
        """The digest of the last entry, which stands for the whole log."""
        return self.lines[-1][1] if self.lines else START

    def append(self, entry: Mapping[str, Any]) -> str:
        """Add an entry.

        Parameters
        ----------
        entry : mapping
            Names and values that JSON can store.

        Returns
        -------
        str
            The new head, 64 hexadecimal digits.
        """
        digest = link(self.head, entry)
        self.lines.append((dict(entry), digest))
        return digest

    def first_broken(self, head: str | None = None) -> int | None:
        """Find the first line that does not follow from the lines before it.

        Parameters
        ----------
        head : str, optional
            A head that was kept elsewhere. With it, a log that was cut off or written again is found, too.

        Returns
        -------
        int or None
            Its position; the length of the log if all lines follow but the head is another one; None if all is well.
        """
        before = START
        for position, (entry, digest) in enumerate(self.lines):
            if link(before, entry) != digest:
                return position
            before = digest
        return None if head is None or head == before else len(self.lines)


def link(before: str, entry: Mapping[str, Any]) -> str:
    """Compute the digest of an entry that follows another digest. Built by hand in chapter 19.

    Parameters
    ----------
    before : str
        The digest before it.
    entry : mapping
        Names and values that JSON can store.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    TypeError
        If JSON cannot store the entry.
    """
    try:
        text = json.dumps(entry, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"Expected an entry of text, finite numbers, lists and mappings; got {entry!r}: {error}. Convert its "
            "values with str(...), int(...) or float(...)."
        ) from None
    return hashlib.sha256((before + text).encode()).hexdigest()
