"""The truth behind the world: tastes, exposure, sequence and labels as probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, softmax

from recsys_teach.data.interactions import Interactions
from recsys_teach.data.world.config import (
    CLICK_INTERCEPT,
    DAY,
    FINISH_INTERCEPT,
    GENRES,
    LAST_DAY,
    LIKE_INTERCEPT,
    WorldConfig,
)


@dataclass(frozen=True, eq=False)
class Truth:
    """What a real service never knows. Users and items are positions: 0, 1, 2, … in the order of the tables.

    Each method takes ``user_pos`` of shape (n,) and gives an array of shape (n, n_items), float64: in a large
    world pass few users at a time. What is stored is float32 or integer.

    Parameters
    ----------
    config : WorldConfig.
    user_factors : shape (n_users, n_factors). p_u, of mean 0 and variance about 1.
    item_factors, finish_factors : shape (n_items, n_factors). q_i behind click, behind finish and like.
    genre : shape (n_items,). Position of the main genre in :data:`GENRES`.
    log_popularity, quality : shape (n_items,). In logits of the exposure and of the click.
    release_day : shape (n_items,). In days.
    arrival_day, n_impressions : shape (n_users,). In days; length of the history.
    next_genre : shape (12, 12, 12). P(next | one before last, last) of the sequence law.
    """

    config: WorldConfig
    user_factors: np.ndarray
    item_factors: np.ndarray
    finish_factors: np.ndarray
    genre: np.ndarray
    log_popularity: np.ndarray
    quality: np.ndarray
    release_day: np.ndarray
    arrival_day: np.ndarray
    n_impressions: np.ndarray
    next_genre: np.ndarray

    def _inner(self, user_pos: np.ndarray, factors: np.ndarray) -> np.ndarray:
        users = self.user_factors[user_pos].astype(float)
        return self.config.taste_strength * (users @ factors.T.astype(float))

    def affinity(self, user_pos: np.ndarray) -> np.ndarray:
        """a_ui = taste_strength · <p_u, q_i>, in logits. Its rank is ``n_factors``."""
        return self._inner(user_pos, self.item_factors)

    def exposure(self, user_pos: np.ndarray) -> np.ndarray:
        """Policy: P(i is shown to u) where all items are there and none was shown yet. Rows sum to 1."""
        return exposure_policy(self.affinity(user_pos), self.log_popularity, self.config)

    def next_item(self, user_pos: np.ndarray, previous: np.ndarray, seen: np.ndarray, time: np.ndarray) -> np.ndarray:
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
        genre_mass = mass_by_genre(exposure, self.genre)
        rows = self.next_genre[self.genre[previous[:, 0]], self.genre[previous[:, 1]]]
        law = np.where(np.all(previous >= 0, axis=1, keepdims=True), rows, genre_mass)
        allowed = ~seen & (self.release_day.astype(int) * DAY <= np.asarray(time)[:, None])
        lift = law_lift(law, genre_mass, self.config.sequence_strength)
        weights = exposure * allowed * lift[:, self.genre]
        return weights / weights.sum(axis=1, keepdims=True)

    def shown_probability(self, user_pos: np.ndarray) -> np.ndarray:
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

    def _long_run_rate(self, exposure: np.ndarray) -> np.ndarray:
        """Give the share of each item among the draws once the sequence law has mixed the genres."""
        genre_mass = mass_by_genre(exposure, self.genre)
        share, strength = genre_mass, self.config.sequence_strength
        for _ in range(20):
            law = np.einsum("na,nb,abc->nc", share, share, self.next_genre, optimize=True)
            share = (1 - strength) * genre_mass + strength * law
        return exposure * (share / genre_mass)[:, self.genre]

    def click_probability(self, user_pos: np.ndarray) -> np.ndarray:
        """P(click | shown), the hidden confounder averaged out."""
        return _mean_over_hidden(self.config.confounding, self._click_logit(user_pos))

    def finish_given_click(self, user_pos: np.ndarray, *, do: bool = False) -> np.ndarray:
        """P(finish | click) or, with ``do=True``, P(finish | do(click)), as if everybody had to open it.

        The two differ only if ``confounding`` is not 0: who clicks then has a favorable hidden variable.
        """
        finish = FINISH_INTERCEPT + self._inner(user_pos, self.finish_factors)
        if do:
            return _mean_over_hidden(self.config.confounding, finish)
        click = self._click_logit(user_pos)
        both = _mean_over_hidden(self.config.confounding, click, finish)
        return both / _mean_over_hidden(self.config.confounding, click)

    def like_given_click(self, user_pos: np.ndarray) -> np.ndarray:
        """P(like | click)."""
        return expit(LIKE_INTERCEPT + self._inner(user_pos, self.finish_factors))

    def _click_logit(self, user_pos: np.ndarray) -> np.ndarray:
        return CLICK_INTERCEPT + self.affinity(user_pos) + self.quality

    def score(self, user_pos: np.ndarray) -> np.ndarray:
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
    def config(self) -> WorldConfig:
        """What this world was made from."""
        return self.truth.config

    def exposed(self) -> Interactions:
        """Give all impressions, clicked or not."""
        return Interactions.from_log(self.impressions, users=self.users, items=self.items)

    def clicks(self) -> Interactions:
        """Give the clicked impressions only."""
        log = self.impressions[self.impressions["click"]]
        return Interactions.from_log(log, users=self.users, items=self.items)


def exposure_policy(affinity: np.ndarray, log_popularity: np.ndarray, config: WorldConfig) -> np.ndarray:
    """P(shown) for each user and item, shape (n, n_items)."""
    return softmax(config.exposure_bias * log_popularity + config.personalization * affinity, axis=1)


def mass_by_genre(exposure: np.ndarray, genre: np.ndarray) -> np.ndarray:
    """P(genre) under the policy, shape (n, 12)."""
    return exposure @ np.eye(len(GENRES))[genre]


def law_lift(law: np.ndarray, genre_mass: np.ndarray, strength: float) -> np.ndarray:
    """By how much mixing with the law multiplies the exposure of each genre, shape (n, 12)."""
    return 1 - strength + strength * law / genre_mass


def _mean_over_hidden(weight: float, *logits: np.ndarray) -> np.ndarray:
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
