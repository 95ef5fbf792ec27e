"""The ground truth of the world: factors, exposure, sequence and labels as probabilities."""

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
    """The ground truth, which a real service does not know.

    Users and items are given by position: 0, 1, 2, … in the order of the tables. Each method takes ``user_pos`` of
    shape (n,) and returns an array of float64 of shape (n, n_items), so in a large world pass only a few users at a
    time. The attributes are stored as float32 or integers, except ``next_genre``, which is float64.

    Attributes
    ----------
    config : WorldConfig
        The parameters of the world.
    user_factors : ndarray, shape (n_users, n_factors)
        Latent factors p_u, with mean 0 and variance about 1.
    item_factors, finish_factors : ndarray, shape (n_items, n_factors)
        Latent factors q_i that determine clicks, and those that determine finish and like.
    genre : ndarray of int, shape (n_items,)
        Position of the main genre in :data:`GENRES`.
    log_popularity, quality : ndarray, shape (n_items,)
        Effect of an item on the exposure and on the click, in logits.
    release_day : ndarray of int, shape (n_items,)
        Day on which the item is released.
    arrival_day, n_impressions : ndarray of int, shape (n_users,)
        Day on which the user arrives, and length of the history.
    next_genre : ndarray, shape (12, 12, 12)
        P(next genre | genre before the last, last genre) of the sequence law.
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
        """Return the inner products of users with all items, multiplied by ``taste_strength``."""
        users = self.user_factors[user_pos].astype(float)
        return self.config.taste_strength * (users @ factors.T.astype(float))

    def affinity(self, user_pos: np.ndarray) -> np.ndarray:
        """Return the affinity a_ui = taste_strength · <p_u, q_i>, a matrix of rank ``n_factors``.

        Parameters
        ----------
        user_pos : ndarray of int, shape (n,)
            Positions of users.

        Returns
        -------
        ndarray, shape (n, n_items)
            The affinity, in logits.
        """
        return self._inner(user_pos, self.item_factors)

    def exposure(self, user_pos: np.ndarray) -> np.ndarray:
        """Return the exposure policy: P(item i is shown to user u) if all items are released and none was shown yet.

        Parameters
        ----------
        user_pos : ndarray of int, shape (n,)
            Positions of users.

        Returns
        -------
        ndarray, shape (n, n_items)
            The probabilities; each row sums to 1.
        """
        return exposure_policy(self.affinity(user_pos), self.log_popularity, self.config)

    def next_item(self, user_pos: np.ndarray, previous: np.ndarray, seen: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Return P(next item shown | user, last two items, seen items, time), the limit of any sequence model.

        Parameters
        ----------
        user_pos : ndarray of int, shape (n,)
            Positions of users.
        previous : ndarray of int, shape (n, 2)
            Position of the item before the last one, and of the last one; -1 if there is none.
        seen : ndarray of bool, shape (n, n_items)
            Which items were shown to the user before.
        time : ndarray, shape (n,)
            Time of the next impression, in seconds since day 0.

        Returns
        -------
        ndarray, shape (n, n_items)
            The probabilities; each row sums to 1.
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
        """Return the propensity P(item i was shown to user u by the last day), accurate to a few percent.

        Parameters
        ----------
        user_pos : ndarray of int, shape (n,)
            Positions of users.

        Returns
        -------
        ndarray, shape (n, n_items)
            The probabilities; each row sums to the length of the user's history.

        Notes
        -----
        Drawing without replacement is equivalent to a clock for each item that rings at the item's rate r_ui (Rosén
        1972): the item was shown with probability 1 - exp(-T r_ui), where the time T is chosen so that the row sums
        to the length of the history.
        """
        rate = self._long_run_rate(self.exposure(user_pos))
        arrival = self.arrival_day[user_pos][:, None]
        rate *= (LAST_DAY - np.maximum(self.release_day, arrival)) / (LAST_DAY - arrival)
        length = self.n_impressions[user_pos][:, None].astype(float)
        clock = length.copy()
        for _ in range(12):  # Newton's method from below on a concave function does not overshoot the root
            not_shown = np.exp(-clock * rate)
            gap = length - (1 - not_shown).sum(axis=1, keepdims=True)
            clock += gap / (rate * not_shown).sum(axis=1, keepdims=True)
        return 1 - np.exp(-clock * rate)

    def _long_run_rate(self, exposure: np.ndarray) -> np.ndarray:
        """Return the long-run share of each item among the impressions, after the sequence law has mixed the genres."""
        genre_mass = mass_by_genre(exposure, self.genre)
        share, strength = genre_mass, self.config.sequence_strength
        for _ in range(20):
            law = np.einsum("na,nb,abc->nc", share, share, self.next_genre, optimize=True)
            share = (1 - strength) * genre_mass + strength * law
        return exposure * (share / genre_mass)[:, self.genre]

    def click_probability(self, user_pos: np.ndarray) -> np.ndarray:
        """Return P(click | shown), averaged over the hidden confounder.

        Parameters
        ----------
        user_pos : ndarray of int, shape (n,)
            Positions of users.

        Returns
        -------
        ndarray, shape (n, n_items)
            The probabilities.
        """
        return _mean_over_hidden(self.config.confounding, self._click_logit(user_pos))

    def finish_given_click(self, user_pos: np.ndarray, *, do: bool = False) -> np.ndarray:
        """Return P(finish | click), or the interventional P(finish | do(click)).

        The two differ only if ``confounding`` is not 0: then users who click tend to have a high value of the hidden
        variable, which also makes them finish more often.

        Parameters
        ----------
        user_pos : ndarray of int, shape (n,)
            Positions of users.
        do : bool, default=False
            Return P(finish | do(click)), the probability if every user had to open every item.

        Returns
        -------
        ndarray, shape (n, n_items)
            The probabilities.
        """
        finish = FINISH_INTERCEPT + self._inner(user_pos, self.finish_factors)
        if do:
            return _mean_over_hidden(self.config.confounding, finish)
        click = self._click_logit(user_pos)
        click_and_finish = _mean_over_hidden(self.config.confounding, click, finish)
        return click_and_finish / _mean_over_hidden(self.config.confounding, click)

    def like_given_click(self, user_pos: np.ndarray) -> np.ndarray:
        """Return P(like | click).

        Parameters
        ----------
        user_pos : ndarray of int, shape (n,)
            Positions of users.

        Returns
        -------
        ndarray, shape (n, n_items)
            The probabilities.
        """
        return expit(LIKE_INTERCEPT + self._inner(user_pos, self.finish_factors))

    def _click_logit(self, user_pos: np.ndarray) -> np.ndarray:
        return CLICK_INTERCEPT + self.affinity(user_pos) + self.quality

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Return the score of an oracle, P(shown) · P(click), with the interface of a model.

        The oracle knows all factors and the policy, but not the log. A model that uses which items were shown and not
        clicked can do better on a split of that log.

        Parameters
        ----------
        user_pos : ndarray of int, shape (n,)
            Positions of users.

        Returns
        -------
        ndarray, shape (n, n_items)
            The scores; higher is better.
        """
        return self.shown_probability(user_pos) * self.click_probability(user_pos)


@dataclass(frozen=True, eq=False)
class World:
    """A log of impressions, the features of users and items, and the ground truth.

    Attributes
    ----------
    impressions : DataFrame
        One row per impression, sorted by ``time`` (seconds since day 0), with the columns ``user``, ``item``,
        ``time``, ``click``, ``watch_share`` (0 without a click, above .9 if finished), ``finish`` and ``like``. Each
        pair of user and item occurs at most once.
    users : DataFrame
        ``age_band``, ``region``, ``device``, ``chronic_illness`` and ``arrival_day``, indexed by user id.
    items : DataFrame
        ``title``, ``genre``, ``second_genre`` ("" if there is none), ``release_day`` and ``minutes``, indexed by item
        id.
    truth : Truth
        The ground truth.
    """

    impressions: pd.DataFrame
    users: pd.DataFrame
    items: pd.DataFrame
    truth: Truth

    @property
    def config(self) -> WorldConfig:
        """Parameters of this world."""
        return self.truth.config

    def exposed(self) -> Interactions:
        """Return all impressions, clicked or not.

        Returns
        -------
        Interactions
            The impressions, with the features of users and items.
        """
        return Interactions.from_log(self.impressions, users=self.users, items=self.items)

    def clicks(self) -> Interactions:
        """Return the clicked impressions.

        Returns
        -------
        Interactions
            The clicked impressions, with the features of users and items.
        """
        log = self.impressions[self.impressions["click"]]
        return Interactions.from_log(log, users=self.users, items=self.items)


def exposure_policy(affinity: np.ndarray, log_popularity: np.ndarray, config: WorldConfig) -> np.ndarray:
    """Compute the exposure policy: the probability of each item to be shown.

    Parameters
    ----------
    affinity : ndarray, shape (n, n_items)
        Affinity of each user and item, in logits.
    log_popularity : ndarray, shape (n_items,)
        Popularity of each item, in logits.
    config : WorldConfig
        Contains the weights ``exposure_bias`` and ``personalization``.

    Returns
    -------
    ndarray, shape (n, n_items)
        The probabilities; each row sums to 1.
    """
    return softmax(config.exposure_bias * log_popularity + config.personalization * affinity, axis=1)


def mass_by_genre(exposure: np.ndarray, genre: np.ndarray) -> np.ndarray:
    """Sum the exposure of the items of each genre.

    Parameters
    ----------
    exposure : ndarray, shape (n, n_items)
        Exposure of each user and item.
    genre : ndarray of int, shape (n_items,)
        Genre of each item.

    Returns
    -------
    ndarray, shape (n, 12)
        Exposure of each genre.
    """
    return exposure @ np.eye(len(GENRES))[genre]


def law_lift(law: np.ndarray, genre_mass: np.ndarray, strength: float) -> np.ndarray:
    """Compute the factor by which the sequence law changes the exposure of each genre.

    Parameters
    ----------
    law : ndarray, shape (n, 12)
        P(next genre) of the sequence law.
    genre_mass : ndarray, shape (n, 12)
        P(genre) of the exposure policy.
    strength : float
        Weight of the law, from 0 to 1.

    Returns
    -------
    ndarray, shape (n, 12)
        The factors.
    """
    return 1 - strength + strength * law / genre_mass


def _mean_over_hidden(weight: float, *logits: np.ndarray) -> np.ndarray:
    """Return E[product of sigmoid(logit + weight · z)] over z ~ N(0, 1), by Gauss-Hermite quadrature."""
    nodes, node_weights = np.polynomial.hermite_e.hermegauss(41) if weight else (np.zeros(1), np.ones(1))
    node_weights = node_weights / node_weights.sum()
    total = np.zeros_like(logits[0])
    for node, node_weight in zip(nodes, node_weights, strict=True):
        product = np.full_like(total, node_weight)
        for logit in logits:
            product *= expit(logit + weight * node)
        total += product
    return total
