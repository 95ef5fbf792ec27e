"""A made-up streaming service whose truth is known: tastes, exposure, sequence, labels (chapter 00)."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, softmax

from recsys_teach._validation import check_integer, check_number, check_seed
from recsys_teach.files import REPOSITORY, as_shipped, write_whole
from recsys_teach.interactions import Interactions

Array = np.ndarray

DAY = 86_400  # seconds
LAST_ARRIVAL = 180  # days; users and items that are not there on day 0 come until then
LAST_DAY = 240  # the log ends here, up to the minutes of a last session
FIRST_ITEM_ID = 1_000_001  # above every user id, so that swapped columns are noticed
STRETCH = 32  # columns that are drawn from together
MAX_IMPRESSIONS = 250  # of one user
FILES = {"impressions.csv.gz", "users.csv.gz", "items.csv.gz", "truth.npz", "dials.json"}
BLOCK = 500  # users who share one random stream
SECOND_ORDER, FIRST_ORDER = 0.6, 0.2  # P(next genre is the one preferred after the last two, after the last)
CLICK_INTERCEPT, FINISH_INTERCEPT, LIKE_INTERCEPT = -2.2, -1.3, -3.1

PROFILE = {
    "age_band": ("under 25", "25-39", "40-59", "60 and over"),
    "region": ("north", "east", "south", "west"),
    "device": ("phone", "tablet", "computer", "tv"),
}
NOUNS = {
    "action": "Chase Heist Strike Fuse Runner",
    "comedy": "Neighbour Wedding Lodger Mishap Cousin",
    "crime": "Alibi Witness Ledger Verdict Suspect",
    "documentary": "Archive Factory Atlas Bridge Workshop",
    "drama": "Letter Harbour Daughter Winter Silence",
    "family": "Treehouse Puppy Kite Holiday Lantern",
    "fantasy": "Dragon Sorcerer Crown Forest Oracle",
    "history": "Empire Voyage Siege Treaty Dynasty",
    "horror": "Cellar Whisper Mirror Fog Curse",
    "music": "Chorus Violin Encore Rhythm Melody",
    "romance": "Summer Promise Garden Waltz Stranger",
    "space": "Orbit Comet Colony Signal Horizon",
}
ADJECTIVES = (
    *("Amber", "Brave", "Crooked", "Distant", "Early", "Fading", "Gentle", "Hidden", "Idle", "Jagged"),
    *("Kindred", "Last", "Midnight", "Narrow", "Open", "Paper", "Quiet", "Restless", "Silver", "Tender"),
)
GENRES = tuple(NOUNS)

RANGES = {  # least and greatest value of each dial
    "n_users": (1, 1_000_000),
    "n_items": (50, 20_000),
    "mean_impressions": (5, 100),
    "n_factors": (2, 32),
    "taste_strength": (0, 5),
    "content_strength": (0, 1),
    "profile_strength": (0, 1),
    "sensitive_strength": (0, 3),
    "exposure_bias": (0, 3),
    "personalisation": (0, 3),
    "sequence_strength": (0, 1),
    "task_correlation": (0, 1),
    "confounding": (0, 3),
}


@dataclass(frozen=True)
class Dials:
    """What the world is made from; :data:`RANGES` holds what each may be.

    Parameters
    ----------
    n_users, n_items : int.
    mean_impressions : float. Mean length of a user's history before it is capped at 250.
    n_factors : int. Number of latent tastes, and so the rank of the affinity.
    taste_strength : float. Standard deviation of the affinity, in logits.
    content_strength : float. Share of an item's variance that its genres explain.
    profile_strength : float. Share of a user's variance that age band, region and device explain.
    sensitive_strength : float. How far ``chronic_illness`` moves a taste, in standard deviations.
    exposure_bias : float. Weight of the popularity in what is shown; 0 shows all items alike.
    personalisation : float. Weight of the affinity in what is shown.
    sequence_strength : float. Share of the sequence law in what is shown next.
    task_correlation : float. Correlation of the taste behind finish and like with the taste behind click.
    confounding : float. Weight of a hidden normal variable that enters click and finish, in logits.
    random_state : int. The seed.

    Raises
    ------
    ValueError
        If a dial is outside its range; a TypeError if it is no number.
    """

    n_users: int = 1_000
    n_items: int = 600
    mean_impressions: float = 60.0
    n_factors: int = 8
    taste_strength: float = 1.6
    content_strength: float = 0.7
    profile_strength: float = 0.3
    sensitive_strength: float = 1.0
    exposure_bias: float = 1.0
    personalisation: float = 0.5
    sequence_strength: float = 0.5
    task_correlation: float = 0.5
    confounding: float = 0.0
    random_state: int = 0

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            if name.startswith("n_"):
                check_integer(name, getattr(self, name), low, high)
            else:
                check_number(name, getattr(self, name), low=low, high=high)
        check_seed("random_state", self.random_state)


@dataclass(frozen=True, eq=False)
class Truth:
    """What a real service never knows. Users and items are positions: 0, 1, 2, … in the order of the tables.

    Each method takes ``user_pos`` of shape (n,) and gives an array of shape (n, n_items), float64: in a large
    world pass few users at a time. What is stored is float32 or integer.

    Parameters
    ----------
    dials : Dials.
    user_factors : shape (n_users, n_factors). p_u, of mean 0 and variance about 1.
    item_factors, finish_factors : shape (n_items, n_factors). q_i behind click, behind finish and like.
    genre : shape (n_items,). Position of the main genre in :data:`GENRES`.
    log_popularity, quality : shape (n_items,). In logits of the exposure and of the click.
    release_day : shape (n_items,). In days.
    arrival_day, n_impressions : shape (n_users,). In days; length of the history.
    next_genre : shape (12, 12, 12). P(next | one before last, last) of the sequence law.
    """

    dials: Dials
    user_factors: Array
    item_factors: Array
    finish_factors: Array
    genre: Array
    log_popularity: Array
    quality: Array
    release_day: Array
    arrival_day: Array
    n_impressions: Array
    next_genre: Array

    def _inner(self, user_pos: Array, factors: Array) -> Array:
        users = self.user_factors[user_pos].astype(float)
        return self.dials.taste_strength * (users @ factors.T.astype(float))

    def affinity(self, user_pos: Array) -> Array:
        """a_ui = taste_strength · <p_u, q_i>, in logits. Its rank is ``n_factors``."""
        return self._inner(user_pos, self.item_factors)

    def exposure(self, user_pos: Array) -> Array:
        """Policy: P(i is shown to u) where all items are there and none was shown yet. Rows sum to 1."""
        return _exposure(self.affinity(user_pos), self.log_popularity, self.dials)

    def next_item(self, user_pos: Array, previous: Array, seen: Array, time: Array) -> Array:
        """P(next item shown | user, last two items, seen items, time): the ceiling of a sequence model.

        Parameters
        ----------
        user_pos : shape (n,).
        previous : shape (n, 2). Positions of the item before the last one and of the last one; -1 if none.
        seen : bool, shape (n, n_items). What was shown to the user before.
        time : shape (n,). In seconds.

        Returns
        -------
        Array of shape (n, n_items). Rows sum to 1.
        """
        exposure = self.exposure(user_pos)
        genre_mass = _genre_mass(exposure, self.genre)
        rows = self.next_genre[self.genre[previous[:, 0]], self.genre[previous[:, 1]]]
        law = np.where(np.all(previous >= 0, axis=1, keepdims=True), rows, genre_mass)
        allowed = ~seen & (self.release_day.astype(int) * DAY <= np.asarray(time)[:, None])
        lift = _law_lift(law, genre_mass, self.dials.sequence_strength)
        weights = exposure * allowed * lift[:, self.genre]
        return weights / weights.sum(axis=1, keepdims=True)

    def shown_probability(self, user_pos: Array) -> Array:
        """P(i was shown to u by the last day), to a few per cent: what inverse propensity weights need.

        Drawing without repeats is like a clock per item that rings at the item's rate (Rosén 1972): i was
        shown with probability 1 - exp(-T r_ui), where T makes a row sum to the length of the history.
        """
        rate = self._long_run_rate(self.exposure(user_pos))
        arrival = self.arrival_day[user_pos][:, None]
        rate *= (LAST_DAY - np.maximum(self.release_day, arrival)) / (LAST_DAY - arrival)
        wanted = self.n_impressions[user_pos][:, None].astype(float)
        clock = wanted.copy()
        for _ in range(12):  # Newton from below on a concave function: never jumps over the root
            missed = np.exp(-clock * rate)
            gap = wanted - (1 - missed).sum(axis=1, keepdims=True)
            clock += gap / (rate * missed).sum(axis=1, keepdims=True)
        return 1 - np.exp(-clock * rate)

    def _long_run_rate(self, exposure: Array) -> Array:
        """Give the share of each item among the draws once the sequence law has mixed the genres."""
        genre_mass = _genre_mass(exposure, self.genre)
        share, strength = genre_mass, self.dials.sequence_strength
        for _ in range(20):
            law = np.einsum("na,nb,abc->nc", share, share, self.next_genre, optimize=True)
            share = (1 - strength) * genre_mass + strength * law
        return exposure * (share / genre_mass)[:, self.genre]

    def click_probability(self, user_pos: Array) -> Array:
        """P(click | shown), the hidden confounder averaged out."""
        return _mean_over_hidden(self.dials.confounding, self._click_logit(user_pos))

    def finish_given_click(self, user_pos: Array, *, do: bool = False) -> Array:
        """P(finish | click) or, with ``do=True``, P(finish | do(click)), as if everybody had to open it.

        The two differ only if ``confounding`` is not 0: who clicks then has a favourable hidden variable.
        """
        finish = FINISH_INTERCEPT + self._inner(user_pos, self.finish_factors)
        if do:
            return _mean_over_hidden(self.dials.confounding, finish)
        click = self._click_logit(user_pos)
        both = _mean_over_hidden(self.dials.confounding, click, finish)
        return both / _mean_over_hidden(self.dials.confounding, click)

    def like_given_click(self, user_pos: Array) -> Array:
        """P(like | click)."""
        return expit(LIKE_INTERCEPT + self._inner(user_pos, self.finish_factors))

    def _click_logit(self, user_pos: Array) -> Array:
        return CLICK_INTERCEPT + self.affinity(user_pos) + self.quality

    def score(self, user_pos: Array) -> Array:
        """P(shown) · P(click), under the name that models use: what an oracle ranks by.

        The oracle knows every taste and the policy, and not the log. A model that sees what was shown and left
        unclicked can do better on a split of that log.
        """
        return self.shown_probability(user_pos) * self.click_probability(user_pos)


@dataclass(frozen=True, eq=False)
class World:
    """A log, what is known of users and items, and the truth behind them.

    Parameters
    ----------
    impressions : DataFrame, one row each time an item was shown, sorted by ``time`` (seconds since day 0):
        ``user``, ``item``, ``time``, ``click``, ``watch_share`` (0 without a click, above .9 if finished),
        ``finish``, ``like``. No pair stands twice.
    users : DataFrame indexed by user id: ``age_band``, ``region``, ``device``, ``chronic_illness``,
        ``arrival_day``.
    items : DataFrame indexed by item id: ``title``, ``genre``, ``second_genre`` ("" if none),
        ``release_day``, ``minutes``.
    truth : Truth.
    """

    impressions: pd.DataFrame
    users: pd.DataFrame
    items: pd.DataFrame
    truth: Truth

    @property
    def dials(self) -> Dials:
        """What this world was made from."""
        return self.truth.dials

    def exposed(self) -> Interactions:
        """Give all impressions, clicked or not."""
        return Interactions.from_log(self.impressions, users=self.users, items=self.items)

    def clicks(self) -> Interactions:
        """Give the clicked impressions only."""
        log = self.impressions[self.impressions["click"]]
        return Interactions.from_log(log, users=self.users, items=self.items)


def make_world(
    n_users: int = 1_000,
    n_items: int = 600,
    mean_impressions: float = 60.0,
    *,
    random_state: int = 0,
    **dials: float,
) -> World:
    """Generate a world. The first users of a larger world are those of a smaller one.

    Parameters
    ----------
    n_users, n_items, mean_impressions, random_state : the dials that change most often.
    **dials : any other dial of :class:`Dials`, for example ``sequence_strength=0``.

    Returns
    -------
    World. Beyond the log it never holds more than one block of 500 users x n_items.

    Raises
    ------
    ValueError
        If a dial is unknown or outside its range.
    """
    unknown = set(dials) - {field.name for field in fields(Dials)}
    if unknown:
        raise ValueError(f"There is no dial {min(unknown)!r}. Take one of {[f.name for f in fields(Dials)]}.")
    checked = Dials(n_users, n_items, mean_impressions, random_state=random_state, **dials)  # type: ignore[arg-type]
    item_seed, users_seed = np.random.SeedSequence(random_state).spawn(2)
    catalogue = _make_catalogue(checked, np.random.default_rng(item_seed))
    starts = range(0, n_users, BLOCK)
    blocks = [
        _make_block(checked, catalogue, np.random.default_rng(seed), min(BLOCK, n_users - start), start)
        for start, seed in zip(starts, users_seed.spawn(len(starts)), strict=True)
    ]
    return _assemble(checked, catalogue, blocks)


def _exposure(affinity: Array, log_popularity: Array, dials: Dials) -> Array:
    return softmax(dials.exposure_bias * log_popularity + dials.personalisation * affinity, axis=1)


def _genre_mass(exposure: Array, genre: Array) -> Array:
    """P(genre) under the policy, shape (n, 12)."""
    return exposure @ np.eye(len(GENRES))[genre]


def _law_lift(law: Array, genre_mass: Array, strength: float) -> Array:
    """By how much mixing with the law multiplies the exposure of each genre, shape (n, 12)."""
    return 1 - strength + strength * law / genre_mass


def _mean_over_hidden(weight: float, *logits: Array) -> Array:
    """E over z ~ N(0, 1) of the product of sigmoid(logit + weight · z), by Gauss-Hermite quadrature."""
    nodes, shares = np.polynomial.hermite_e.hermegauss(41) if weight else (np.zeros(1), np.ones(1))
    shares = shares / shares.sum()
    total = np.zeros_like(logits[0])
    for node, share in zip(nodes, shares, strict=True):
        product = np.full_like(total, share)
        for logit in logits:
            product *= expit(logit + weight * node)
        total += product
    return total


def _days(rng: np.random.Generator, n: int, on_day_0: float) -> Array:
    """Draw the days on which users or items arrive, shape (n,)."""
    late = rng.random(n) >= on_day_0
    return np.where(late, rng.integers(1, LAST_ARRIVAL + 1, n), 0).astype(np.int16)


def _law_table(rng: np.random.Generator) -> Array:
    """P(next genre | one before last, last), shape (12, 12, 12).

    For each last genre the genres that the last two prefer are a permutation of all. If all pairs were equally
    common, the last genre alone would tell no more than what ``FIRST_ORDER`` says; the law makes some pairs common, so
    that it tells a little more (chapter 08).
    """
    n = len(GENRES)
    second = np.stack([rng.permutation(n) for _ in GENRES], axis=1)  # (one before last, last)
    first = rng.permutation(n)  # (last,)
    table = np.full((n, n, n), (1 - SECOND_ORDER - FIRST_ORDER) / n)
    table += SECOND_ORDER * np.eye(n)[second] + FIRST_ORDER * np.eye(n)[first]
    return table


def _make_catalogue(dials: Dials, rng: np.random.Generator) -> dict[str, Array]:
    """Draw the items, the sequence law, and how profiles move a taste."""
    n, k = dials.n_items, dials.n_factors
    rest = rng.choice(len(GENRES), n - 2 * len(GENRES), p=rng.dirichlet(np.full(len(GENRES), 8.0)))
    genre = rng.permutation(np.concatenate([np.arange(len(GENRES))] * 2 + [rest]))
    second = (genre + rng.integers(1, len(GENRES), n)) % len(GENRES)
    second = np.where(rng.random(n) < 0.4, second, -1)
    release_day = _days(rng, n, on_day_0=0.7)
    log_popularity = rng.normal(0, 1.7, n)
    quality = rng.normal(0, 0.4, n)
    directions = rng.normal(size=(2, len(GENRES), k))
    own = rng.normal(size=(2, n, k)) / np.sqrt(k)
    mixture = directions[:, genre] + 0.6 * (second >= 0)[:, None] * directions[:, second]
    mixture /= np.linalg.norm(mixture, axis=2, keepdims=True)
    tastes = np.sqrt(dials.content_strength) * mixture + np.sqrt(1 - dials.content_strength) * own
    same = dials.task_correlation
    return {
        "genre": genre.astype(np.int8),
        "second_genre": second.astype(np.int8),
        "release_day": release_day,
        "minutes": rng.integers(20, 150, n),
        "log_popularity": log_popularity.astype(np.float32),
        "quality": quality.astype(np.float32),
        "item_factors": tastes[0].astype(np.float32),
        "finish_factors": (same * tastes[0] + np.sqrt(1 - same**2) * tastes[1]).astype(np.float32),
        "next_genre": _law_table(rng),
        "profile_means": rng.normal(0, np.sqrt(1 / len(PROFILE)), size=(len(PROFILE), 4, k)),
        "sensitive_mean": _unit(rng.normal(size=k)),
    }


def _unit(vector: Array) -> Array:
    return vector / np.linalg.norm(vector)


def _make_users(dials: Dials, catalogue: dict[str, Array], rng: np.random.Generator) -> dict[str, Array]:
    """Draw one block of users: profile, tastes, arrival, length of the history."""
    profile = rng.integers(0, 4, size=(BLOCK, len(PROFILE)))
    ill = rng.random(BLOCK) < 0.2
    mean = catalogue["profile_means"][np.arange(len(PROFILE)), profile].sum(axis=1)
    own = rng.normal(size=(BLOCK, dials.n_factors))
    factors = np.sqrt(dials.profile_strength) * mean + np.sqrt(1 - dials.profile_strength) * own
    factors += dials.sensitive_strength * (ill - 0.2)[:, None] * catalogue["sensitive_mean"]
    spread = 0.75
    length = rng.lognormal(np.log(dials.mean_impressions) - spread**2 / 2, spread, BLOCK)
    longest = min(MAX_IMPRESSIONS, int((catalogue["release_day"] == 0).sum()))  # so that something is left
    return {
        "profile": profile.astype(np.int8),
        "chronic_illness": ill,
        "arrival_day": _days(rng, BLOCK, on_day_0=0.6),
        "user_factors": factors.astype(np.float32),
        "n_impressions": np.clip(np.rint(length), 2, longest).astype(np.int16),
    }


def _draw_times(users: dict[str, Array], rng: np.random.Generator) -> Array:
    """Draw increasing seconds for each impression in sessions of about eight, shape (n, MAX_IMPRESSIONS)."""
    shape = (BLOCK, MAX_IMPRESSIONS)
    gap, pause, starts = rng.exponential(90.0, shape), rng.exponential(1.0, shape), rng.random(shape) < 1 / 8
    n = len(users["n_impressions"])
    within = np.cumsum(20 + gap[:n], axis=1)
    starts[:, 0] = True
    between = np.cumsum(pause[:n] * starts[:n], axis=1)
    last = between[np.arange(n), users["n_impressions"] - 1] + pause[:n].mean(axis=1)
    arrival = users["arrival_day"].astype(float) * DAY
    span = LAST_DAY * DAY - arrival
    return (arrival[:, None] + span[:, None] * between / last[:, None] + within).astype(np.int64)


def _draw_items(
    dials: Dials, catalogue: dict[str, Array], users: dict[str, Array], time: Array, uniform: Array
) -> Array:
    """Draw what is shown, step by step, by inverting each user's cumulative weights, shape as ``time``."""
    longest_first = np.argsort(-users["n_impressions"], kind="stable")  # who is still active is a slice
    length, time, uniform = users["n_impressions"][longest_first], time[longest_first], uniform[longest_first]
    affinity = users["user_factors"][longest_first].astype(float) @ catalogue["item_factors"].T.astype(float)
    available = _exposure(dials.taste_strength * affinity, catalogue["log_popularity"], dials)
    genre, release = catalogue["genre"].astype(np.intp), catalogue["release_day"].astype(np.int64) * DAY
    genre_mass = _genre_mass(available, genre)
    padding = (0, -len(genre) % STRETCH)  # items that are never shown, so that the stretches are of one length
    available = np.pad(available, ((0, 0), padding))
    genre, release = np.pad(genre, padding), np.pad(release, padding)
    items = np.zeros(time.shape, dtype=np.int32)
    for step in range(length[0]):
        active = np.count_nonzero(length > step)
        law = genre_mass[:active]
        if step >= 2:
            law = catalogue["next_genre"][genre[items[:active, step - 2]], genre[items[:active, step - 1]]]
        lift = _law_lift(law, genre_mass[:active], dials.sequence_strength)
        weights = np.take(lift, genre, axis=1) * available[:active]
        if (time[:active, step] < release.max()).any():
            weights *= release <= time[:active, step, None]
        items[:active, step] = _invert(weights, uniform[:active, step])
        available[np.arange(active), items[:active, step]] = 0.0  # no pair stands twice
    return items[np.argsort(longest_first)]


def _invert(weights: Array, uniform: Array) -> Array:
    """Draw one column per row in proportion to the weights: first the stretch of columns, then the column in it."""
    stretches = weights.reshape(len(weights), -1, STRETCH)
    ends = np.cumsum(stretches.sum(axis=2), axis=1)
    drawn = uniform * ends[:, -1]
    stretch = (ends > drawn[:, None]).argmax(axis=1)
    rows = np.arange(len(weights))
    inside = np.cumsum(stretches[rows, stretch], axis=1)
    left = drawn - ends[rows, stretch] + inside[:, -1]
    left = np.minimum(left, inside[:, -1] * (1 - 1e-12))  # rounding may not lead past the last weight
    return stretch * STRETCH + (inside > left[:, None]).argmax(axis=1)


def _draw_labels(
    dials: Dials, catalogue: dict[str, Array], factors: Array, items: Array, normal: Array, uniform: Array
) -> dict[str, Array]:
    """Draw the funnel of each impression; ``normal`` (2, n_events), ``uniform`` (4, n_events): the noise."""
    factors = dials.taste_strength * factors.astype(float)
    affinity = np.einsum("ek,ek->e", factors, catalogue["item_factors"][items])
    second = np.einsum("ek,ek->e", factors, catalogue["finish_factors"][items])
    hidden = dials.confounding * normal[0]
    click = uniform[0] < expit(CLICK_INTERCEPT + affinity + catalogue["quality"][items] + hidden)
    finish = click & (uniform[1] < expit(FINISH_INTERCEPT + second + hidden))
    like = click & (uniform[2] < expit(LIKE_INTERCEPT + second))
    unfinished = np.clip(0.9 * expit(second + normal[1]), 0.001, 0.9)
    share = np.where(finish, 0.901 + 0.098 * uniform[3], unfinished)
    return {
        "click": click,
        "watch_share": np.where(click, share, 0).round(3).astype(np.float32),
        "finish": finish,
        "like": like,
    }


def _make_block(
    dials: Dials, catalogue: dict[str, Array], rng: np.random.Generator, n: int, start: int
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Generate the first ``n`` users of a block; the noise is drawn for a whole block whatever ``n`` is."""
    users = {name: values[:n] for name, values in _make_users(dials, catalogue, rng).items()}
    time = _draw_times(users, rng)
    uniform = rng.random((5, BLOCK, MAX_IMPRESSIONS))[:, :n]
    normal = rng.normal(size=(2, BLOCK, MAX_IMPRESSIONS))[:, :n]
    items = _draw_items(dials, catalogue, users, time, uniform[4])
    user, step = np.nonzero(np.arange(MAX_IMPRESSIONS) < users["n_impressions"][:, None])
    shown = items[user, step]
    labels = _draw_labels(
        dials, catalogue, users["user_factors"][user], shown, normal[:, user, step], uniform[:4, user, step]
    )
    ids = {"user": (start + 1 + user).astype(np.int64), "item": (FIRST_ITEM_ID + shown).astype(np.int64)}
    return users, {**ids, "time": time[user, step], **labels}


def _titles(genre: Array) -> list[str]:
    """Give each item an adjective and a noun of its genre; a number follows where they run out."""
    titles, used = [], [0] * len(GENRES)
    for g in genre.tolist():
        k, used[g] = used[g], used[g] + 1
        noun = NOUNS[GENRES[g]].split()[(k // 20 + k) % 5]
        number = f" {k // 100 + 1}" if k >= 100 else ""
        titles.append(f"{ADJECTIVES[(7 * k + g) % 20]} {noun}{number}")
    return titles


def _item_table(catalogue: dict[str, Array]) -> pd.DataFrame:
    names = np.array([*GENRES, ""], dtype=object)  # position -1 is ""
    columns = {
        "title": _titles(catalogue["genre"]),
        "genre": names[catalogue["genre"]],
        "second_genre": names[catalogue["second_genre"]],
        "release_day": catalogue["release_day"].astype(np.int64),
        "minutes": catalogue["minutes"],
    }
    ids = pd.RangeIndex(FIRST_ITEM_ID, FIRST_ITEM_ID + len(columns["title"]), name="item")
    return pd.DataFrame(columns, index=ids)


def _user_table(users: dict[str, Array]) -> pd.DataFrame:
    columns: dict[str, Any] = {
        name: np.array(values, dtype=object)[users["profile"][:, column]]
        for column, (name, values) in enumerate(PROFILE.items())
    }
    columns["chronic_illness"] = users["chronic_illness"]
    columns["arrival_day"] = users["arrival_day"].astype(np.int64)
    return pd.DataFrame(columns, index=pd.RangeIndex(1, len(columns["arrival_day"]) + 1, name="user"))


def _assemble(dials: Dials, catalogue: dict[str, Array], blocks: list[tuple[dict, dict]]) -> World:
    """Join the blocks and sort the log by time (and by user within a second)."""
    users = {name: np.concatenate([block[0][name] for block in blocks]) for name in blocks[0][0]}
    log = {name: np.concatenate([block[1].pop(name) for block in blocks]) for name in list(blocks[0][1])}
    order = np.argsort(log["time"], kind="stable")
    known = {**catalogue, **users}
    arrays = {field.name: known[field.name] for field in fields(Truth) if field.name != "dials"}
    impressions = pd.DataFrame({name: log.pop(name)[order] for name in list(log)})
    return World(impressions, _user_table(users), _item_table(catalogue), Truth(dials, **arrays))


def calibration(world: World) -> dict[str, float]:
    """Measure the statistics that the data card states."""
    log, cells = world.impressions, len(world.users) * len(world.items)
    clicked = log[log["click"]]
    per_item = np.sort(clicked["item"].value_counts().reindex(world.items.index, fill_value=0).to_numpy())
    shown = log["item"].value_counts().reindex(world.items.index, fill_value=0)
    lengths = log["user"].value_counts()
    ranks = 2 * np.arange(1, len(per_item) + 1) - len(per_item) - 1
    return {
        "impressions": len(log),
        "density of impressions": len(log) / cells,
        "density of clicks": len(clicked) / cells,
        "click rate": log["click"].mean(),
        "finish rate given click": clicked["finish"].mean(),
        "like rate given click": clicked["like"].mean(),
        "Gini of clicks over items": float(ranks @ per_item / (len(per_item) * per_item.sum())),
        "median history": lengths.median(),
        "longest history": lengths.max(),
        "items shown fewer than 20 times": (shown < 20).mean(),
        "users with the sensitive attribute": world.users["chronic_illness"].mean(),
        "users who arrive after day 0": (world.users["arrival_day"] > 0).mean(),
    }


def world_folder() -> Path:
    """Where the shipped files are: ``datasets/world`` in the repository."""
    return REPOSITORY / "datasets" / "world"


def _file_contents(world: World) -> dict[str, bytes]:
    """Give the bytes of each shipped file; the same world gives the same bytes."""
    tables = {"impressions": world.impressions, "users": world.users, "items": world.items}
    contents = {}
    for name, table in tables.items():
        text = table.to_csv(index=name != "impressions", float_format="%.3f", lineterminator="\n")
        contents[f"{name}.csv.gz"] = gzip.compress(text.encode(), mtime=0)
    arrays = {f.name: getattr(world.truth, f.name) for f in fields(Truth) if f.name != "dials"}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    dials = json.dumps(asdict(world.dials), indent=1) + "\n"
    return {**contents, "truth.npz": buffer.getvalue(), "dials.json": dials.encode()}


def save_world(world: World, folder: Path | str) -> None:
    """Write a world and its checksums; each file is renamed into place when it is whole."""
    contents = _file_contents(world)
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in contents.items())
    for name, data in {**contents, "SHA256SUMS": sums.encode()}.items():
        write_whole(Path(folder) / name, data)


def _read_checked(folder: Path) -> dict[str, bytes]:
    """Read the files that SHA256SUMS lists and compare their checksums; changed line ends and encodings are undone."""
    fix = (
        "Get it back with `git checkout -- datasets/world`, or make it with `python -m recsys_teach.world`; "
        "`python course.py doctor` looks at all files."
    )
    contents = {}
    try:
        sums = as_shipped((folder / "SHA256SUMS").read_bytes(), _are_sums)
        if not _are_sums(sums):
            raise ValueError(f"{folder / 'SHA256SUMS'} is damaged: expected a checksum and a name in each line. {fix}")
        for line in sums.decode().splitlines():
            checksum, name = line.split()
            data = (folder / name).read_bytes()
            contents[name] = as_shipped(data, partial(_has_checksum, checksum))
            if not _has_checksum(checksum, contents[name]):
                raise ValueError(
                    f"{folder / name} is damaged: expected SHA-256 {checksum}, got another one, and not because of "
                    f"line ends or a byte order mark. {fix}"
                )
    except FileNotFoundError as error:
        text = f"Expected the files of the world in {folder}, but there is no {error.filename}. {fix}"
        raise FileNotFoundError(text) from error
    return contents


def _has_checksum(checksum: str, data: bytes) -> bool:
    return hashlib.sha256(data).hexdigest() == checksum


def _are_sums(data: bytes) -> bool:
    names = {line.split()[1].decode() for line in data.splitlines() if re.fullmatch(rb"[0-9a-f]{64} +[\w.]+", line)}
    return names >= FILES


def load_world(folder: Path | str | None = None) -> World:
    """Read a saved world; without a folder the shipped one, which equals ``make_world()``.

    Raises
    ------
    FileNotFoundError, ValueError
        If a file is absent, or is not the one whose checksum is listed in SHA256SUMS. Line ends, a byte order mark
        or an encoding that another program has changed are undone.
    """
    contents = _read_checked(world_folder() if folder is None else Path(folder))

    def table(name: str, **options: Any) -> pd.DataFrame:
        text = io.BytesIO(gzip.decompress(contents[f"{name}.csv.gz"]))
        return pd.read_csv(text, keep_default_na=False, **options)

    with np.load(io.BytesIO(contents["truth.npz"]), allow_pickle=False) as arrays:
        truth = Truth(Dials(**json.loads(contents["dials.json"])), **arrays)
    impressions = table("impressions", dtype={"watch_share": np.float32})
    return World(impressions, table("users", index_col="user"), table("items", index_col="item"), truth)


if __name__ == "__main__":
    world = make_world()
    save_world(world, world_folder())
    for name, value in calibration(world).items():
        print(f"| {name} | {round(float(value), 4):,} |")
