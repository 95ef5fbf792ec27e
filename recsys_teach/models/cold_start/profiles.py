"""Scores for somebody or something new: from a profile, a few events, or both; and what to ask. Built in chapter 14."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import cast

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from scipy.linalg import eigh
from torch import Tensor, nn

from recsys_teach._validation import check_binary, check_integer, check_number, check_seed
from recsys_teach.evaluation import SAMPLES
from recsys_teach.interactions import Interactions, Split
from recsys_teach.models.base import (
    ABOVE_ZERO,
    Recommender,
    check_fitted,
    check_interactions,
    check_parameters,
    check_rows,
    check_users,
)
from recsys_teach.models.features import encode_features, fit_features
from recsys_teach.models.implicit import IALS
from recsys_teach.ranking import chunks
from recsys_teach.training import seeded, shuffled, torch_defaults, train

# --- how newcomers are measured -------------------------------------------------------------------------------


def place_in_history(interactions: Interactions) -> np.ndarray:
    """Say which of its user's events each event is: 0, 1, 2, … by time, ties by the log, shape (n_events,)."""
    order = interactions.time_order
    users = interactions.user_pos[order]
    place = np.empty(len(order), dtype=int)
    place[order] = np.arange(len(order)) - np.searchsorted(users, users)
    return place


def first_events(interactions: Interactions, k: int) -> sparse.csr_array:
    """Give the matrix of 0 and 1 that holds the first k events of each user, shape (n_users, n_items)."""
    check_integer("k", k, 0)
    if k == 0:
        return sparse.csr_array(interactions.shape)
    return interactions.take(place_in_history(interactions) < k).matrix()


def split_newcomers(
    interactions: Interactions, held_out: np.ndarray, n_known: int = 10, n_scored: int = 5
) -> tuple[Interactions, Split]:
    """Hold out whole users: their first events may be shown to a model, the others are scored. Built in chapter 14.

    For any k up to ``n_known`` a model may see ``first_events(split.train, k)``. What is scored and what competes is
    the same for each k, so only what is known differs.

    Parameters
    ----------
    held_out : array of int. Positions of the users; those with fewer than ``n_known + n_scored`` events are dropped.
    n_known, n_scored : int, at least 1. Events that may become known, and fewest events to score.

    Returns
    -------
    Interactions
        All events of the users who are not held out, with the axes of the whole.
    Split
        Of the held-out users: ``train`` is their first ``n_known`` events, ``test`` all later ones.

    Raises
    ------
    ValueError
        If nobody is left to train on or to test.
    """
    check_integer("n_known", n_known)
    check_integer("n_scored", n_scored)
    n_events = np.bincount(interactions.user_pos, minlength=interactions.n_users)
    tested = np.intersect1d(held_out, np.flatnonzero(n_events >= n_known + n_scored))
    others = ~np.isin(interactions.user_pos, held_out)
    if not len(tested) or not others.any():
        raise ValueError(
            f"Of {len(held_out)} held-out users {len(tested)} have {n_known + n_scored} events or more, and "
            f"{others.sum()} events are left to train on; hold out fewer users, or ask for fewer events."
        )
    theirs = interactions.take(np.isin(interactions.user_pos, tested))
    known = place_in_history(theirs) < n_known
    name = f"{len(tested):,} newcomers, the first {n_known} events of each set aside, later ones scored"
    return interactions.take(others), Split(theirs.take(known), theirs.take(~known), name)


def crossover(ks: Sequence[float], lead: np.ndarray, random_state: int = 0) -> tuple[float, float, float]:
    """Find from how many known events on one model leads another, with its 95 % interval. Built in chapter 14.

    Between two k the mean lead is a straight line. The interval is a percentile bootstrap over users.

    Parameters
    ----------
    ks : numbers of known events, rising, shape (n_ks,).
    lead : array, shape (n_users, n_ks). What the one model scores more than the other.

    Returns
    -------
    (crossover, low, high). ``ks[0]`` if the one leads from the start, infinity if it does not lead at the last k.
    """
    check_seed("random_state", random_state)
    known, lead = np.asarray(ks, dtype=float), np.asarray(lead, dtype=float)
    if lead.ndim != 2 or lead.shape[1] != len(known) or (np.diff(known) <= 0).any():
        raise ValueError(f"Expected rising ks and a lead of shape (n_users, {len(known)}); came {lead.shape}.")
    rng = np.random.default_rng(random_state)
    means = (lead[rng.integers(len(lead), size=len(lead))].mean(axis=0) for _ in range(SAMPLES))
    drawn = [_last_crossing(known, mean) for mean in means]
    low, high = np.quantile(drawn, [0.025, 0.975], method="nearest")  # interpolation stumbles over infinity
    return _last_crossing(known, lead.mean(axis=0)), float(low), float(high)


def _last_crossing(ks: np.ndarray, lead: np.ndarray) -> float:
    behind = np.flatnonzero(lead <= 0)
    if not len(behind):
        return float(ks[0])
    last = behind[-1]
    if last == len(ks) - 1:
        return np.inf
    share = lead[last] / (lead[last] - lead[last + 1])
    return float(ks[last] + share * (ks[last + 1] - ks[last]))


# --- a prior from the profile ---------------------------------------------------------------------------------


def damped_shares(met: sparse.csr_array | np.ndarray, group: np.ndarray, damping: float) -> np.ndarray:
    """Share of a group that met each item, as if ``damping`` average people were in it. Built by hand in chapter 14.

    Parameters
    ----------
    met : array or csr_array of 0 and 1, shape (n_users, n_items), n_users at least 1.
    group : bool, shape (n_users,). Who is in the group.
    damping : float, at least 0; above 0 if the group is empty.

    Returns
    -------
    array, shape (n_items,). (users of the group who met the item + damping · everybody's share) / (users + damping).
    """
    group = check_binary("group", group)
    check_number("damping", damping, low=0)
    total = group.sum() + damping
    if not total > 0:
        raise ValueError(f"damping must be above 0 for an empty group; got {damping}.")
    cells = sparse.csr_array(met)
    everybody = cells.sum(axis=0) / cells.shape[0]
    return (cells[np.flatnonzero(group)].sum(axis=0) + damping * everybody) / total


class ProfilePopularity(Recommender):
    """Score an item by the share of people of the user's profile who met it. Built by hand in chapter 14.

    Each value of each column, such as gender=F, multiplies everybody's share p_i by the group's damped share over
    p_i: naive Bayes. Without columns, or for a profile that is not known, it is the popularity, as a share.

    Parameters
    ----------
    columns : sequence of str. Columns of ``interactions.users`` that hold categories; a text a|b|c stands for three.
    damping : float above 0. Average people added to each group.

    Attributes
    ----------
    shares_ : array, shape (n_items,). Everybody's share: of the users with events.
    lifts_ : array, shape (n_features, n_items). Logarithm of what a feature multiplies by.
    features_ : list of str, as "gender=F".
    profiles_ : array, shape (n_users, n_features), of 0 and 1.
    """

    own_checks = MappingProxyType({"damping": ABOVE_ZERO})

    def __init__(self, columns: Sequence[str] = (), *, damping: float = 50.0):
        self.columns = columns
        self.damping = damping

    def fit(self, interactions: Interactions) -> ProfilePopularity:
        """Count each group.

        Raises
        ------
        ValueError
            If the damping is not above 0, or the table of users or a column is absent.
        """
        check_parameters(self)
        seen = check_interactions(interactions).matrix()
        active = np.flatnonzero(np.diff(seen.indptr))
        met = seen[active]
        self.features_, X = fit_features(interactions, "user", self.columns, "columns")
        shares = met.sum(axis=0) / len(active)
        self.lifts_ = np.zeros((len(self.features_), seen.shape[1]))
        for feature, lift in enumerate(self.lifts_):
            group = damped_shares(met, X[active, feature] > 0, self.damping)
            np.log(np.divide(group, shares, out=np.ones_like(shares), where=shares > 0), out=lift)
        self.shares_, self.seen_ = shares, seen
        self.profiles_ = X
        return self

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Multiply what the profile says, shape (n, n_items); an item that nobody met scores 0."""
        users = check_users(self, user_pos)
        return self._from_features(self.profiles_[users])

    def from_profiles(self, table: pd.DataFrame) -> np.ndarray:
        """Score every item for users who were not there at ``fit``, one row of the table each."""
        check_fitted(self)
        return self._from_features(encode_features(table, self.columns, self.features_, "columns"))

    def _from_features(self, X: np.ndarray) -> np.ndarray:
        return self.shares_ * np.exp(X @ self.lifts_)


# --- a prior that a few events move ---------------------------------------------------------------------------


def fold_into_prior(prior: np.ndarray, H: np.ndarray, known: np.ndarray, noise: float) -> np.ndarray:
    """Move a prior by the events that are known. Built by hand in chapter 14.

    The score is prior + H w, where w minimises Σ_known (1 − prior_i − h_i·w)² / noise + |w|². An event that the prior
    expected moves little; what is not known to be met says nothing. Without events it is the prior.

    Parameters
    ----------
    prior : array, shape (n_items,). Expected share, from 0 to about 1.
    H : array, shape (n_items, n_factors). Directions in which people differ, as long as they differ along them.
    known : array of int. Positions of the items met.
    noise : float above 0. Variance of what H does not explain.

    Returns
    -------
    array, shape (n_items,). The conditional mean given the events, if all is normal.
    """
    h = H[known]
    w = np.linalg.solve(h.T @ h + noise * np.eye(H.shape[1]), h.T @ (1 - prior[known]))
    return prior + H @ w


class HybridFactors(Recommender):
    """Start from the profile's prior, and let the events that are known move it along factors. Built in chapter 14.

    The factors are the strongest directions in which people differ from the prior; see :func:`fold_into_prior`.

    Parameters
    ----------
    n_factors : int, at least 1; no more are kept than there are items.
    columns, damping : see :class:`ProfilePopularity`.
    noise : float above 0. The larger, the more events it takes to move a prior.

    Attributes
    ----------
    prior_ : ProfilePopularity, fitted.
    item_factors_ : array, shape (n_items, n_factors). H: HHᵀ is nearly the covariance of what the prior leaves.

    References
    ----------
    Agarwal and Chen (2009), "Regression-based latent factor models", for factors whose prior mean comes from features;
    here in closed form for 0 and 1.
    """

    own_checks = ProfilePopularity.own_checks

    def __init__(self, n_factors: int = 30, columns: Sequence[str] = (), *, damping: float = 50.0, noise: float = 0.1):
        self.n_factors = n_factors
        self.columns = columns
        self.damping = damping
        self.noise = noise

    def fit(self, interactions: Interactions) -> HybridFactors:
        """Fit the prior, and decompose the covariance of what it leaves; memory is an n_items x n_items matrix.

        Raises
        ------
        ValueError
            If a parameter is not above 0, or the table of users or a column is absent.
        """
        check_parameters(self)
        prior = ProfilePopularity(self.columns, damping=self.damping).fit(interactions)
        seen, n_items = prior.seen_, interactions.n_items
        active = np.flatnonzero(np.diff(seen.indptr))
        covariance = np.zeros((n_items, n_items))
        for users in chunks(active, n_items):
            left = seen[users].toarray() - prior.score(users)
            covariance += left.T @ left / len(active)
        first = max(0, n_items - self.n_factors)
        variances, directions = eigh(covariance, subset_by_index=[first, n_items - 1])
        self.item_factors_ = (directions * np.sqrt(np.maximum(variances, 0)))[:, ::-1]
        self.prior_, self.seen_ = prior, seen
        return self

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Move each user's prior by their own events, shape (n, n_items)."""
        users = check_users(self, user_pos)
        return self._move(self.prior_.score(users), self.seen_[users])

    def fold_in(self, rows: sparse.csr_array | np.ndarray, profiles: pd.DataFrame | None = None) -> np.ndarray:
        """Score every item for users who were not there at ``fit``, from their rows and, if known, profiles.

        Parameters
        ----------
        rows : array or csr_array, shape (n, n_items). What each of them met; a row may be empty.
        profiles : DataFrame of n rows with the ``columns``, optional.

        Returns
        -------
        array, shape (n, n_items).
        """
        rows = check_rows(self, rows)
        if profiles is None:
            return self._move(np.tile(self.prior_.shares_, (rows.shape[0], 1)), rows)
        return self._move(_one_each(self.prior_.from_profiles(profiles), rows), rows)

    def _move(self, priors: np.ndarray, rows: sparse.csr_array) -> np.ndarray:
        known = np.split(rows.indices, rows.indptr[1:-1])
        moved = [
            fold_into_prior(prior, self.item_factors_, met, self.noise)
            for prior, met in zip(priors, known, strict=False)
        ]
        return np.array(moved).reshape(priors.shape)


# --- a network that learned to do without ---------------------------------------------------------------------


def drop_rows(factors: Tensor, features: Tensor, kept: Tensor) -> Tensor:
    """Put factors and features side by side, the factors of some rows replaced by 0. Built by hand in chapter 14.

    Parameters
    ----------
    factors, features : shapes (n, n_factors) and (n, n_features).
    kept : bool, shape (n,). Rows that keep their factors. Nothing is scaled: a 0 stands for "not known".

    Returns
    -------
    Tensor, shape (n, n_factors + n_features).
    """
    return torch.cat([factors * kept[:, None], features], dim=1)


class DropoutNet(Recommender):
    """Learn to give a factor model's scores, also where its factors are missing and features must do. Chapter 14.

    The factors are those of :class:`~recsys_teach.models.implicit.IALS`. Two small networks read factors and features
    of a user and of an item, and their outputs meet in an inner product that should equal the factor model's score.
    In training a share of the users and items loses its factors.

    Parameters
    ----------
    n_factors : int, at least 1. Of the factor model.
    user_columns, item_columns : see :class:`~recsys_teach.models.two_tower.TwoTower`.
    dropout : float, from 0 to less than 1. Share of rows that lose their factors in each batch.
    n_hidden : int, at least 1. Width of each network, of one hidden layer and of the output.
    n_epochs, batch_size, learning_rate, random_state : see :func:`~recsys_teach.training.train`; a batch is of users.

    Attributes
    ----------
    factors_ : IALS, fitted.
    towers_ : ModuleDict with "user" and "item".
    training_ : History of the training.

    References
    ----------
    Volkovs, Yu and Poutanen (2017), "DropoutNet: addressing cold start in recommender systems".
    """

    def __init__(
        self,
        n_factors: int = 32,
        user_columns: Sequence[str] = (),
        item_columns: Sequence[str] = (),
        *,
        dropout: float = 0.5,
        n_hidden: int = 64,
        n_epochs: int = 20,
        batch_size: int = 64,
        learning_rate: float = 5e-3,
        random_state: int = 0,
    ):
        self.n_factors = n_factors
        self.user_columns = user_columns
        self.item_columns = item_columns
        self.dropout = dropout
        self.n_hidden = n_hidden
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state

    @torch_defaults()
    def fit(self, interactions: Interactions) -> DropoutNet:
        """Fit the factors, then the networks.

        Raises
        ------
        ValueError
            If a parameter is out of its range, a table or a column is absent, or the loss is no finite number.
        """
        check_parameters(self)
        seen = check_interactions(interactions).matrix()
        factors = IALS(self.n_factors, n_iterations=8, random_state=self.random_state)
        self.factors_ = factors.fit(Interactions.from_matrix(seen))  # an event that comes twice counts once
        all_U, all_V = self.factors_.user_factors_, self.factors_.item_factors_
        self.user_features_, profiles = fit_features(interactions, "user", self.user_columns, "user_columns")
        self.item_features_, of_items = fit_features(interactions, "item", self.item_columns, "item_columns")
        self.user_scale_, self.item_scale_ = float(all_U.std()), float(all_V.std())
        active, known = np.flatnonzero(np.diff(seen.indptr)), np.flatnonzero(np.bincount(seen.indices))
        U, V = _tensor(all_U[active] / self.user_scale_), _tensor(all_V[known] / self.item_scale_)
        X, Y = _tensor(profiles[active]), _tensor(of_items[known])
        target = U @ V.T
        target /= target.std().clamp(min=1e-6)

        def batches(rng: np.random.Generator):
            for users in shuffled(len(U), self.batch_size, rng):
                kept = torch.from_numpy(rng.random(len(users) + len(V)) >= self.dropout)
                yield users, kept[: len(users)], kept[len(users) :]

        def loss(users: Tensor, user_kept: Tensor, item_kept: Tensor) -> Tensor:
            u = self.towers_["user"](drop_rows(U[users], X[users], user_kept))
            v = self.towers_["item"](drop_rows(V, Y, item_kept))
            return ((u @ v.T - target[users]) ** 2).mean()

        with seeded(self.random_state):
            self.towers_ = nn.ModuleDict({"user": self._tower(X.shape[1]), "item": self._tower(Y.shape[1])})
            self.training_ = train(
                self.towers_,
                batches,
                loss,
                n_epochs=self.n_epochs,
                learning_rate=self.learning_rate,
                random_state=self.random_state,
            )
        self.profiles_ = profiles
        self.item_vectors_ = self._vectors("item", all_V / self.item_scale_, of_items)
        self.seen_ = seen
        return self

    def _tower(self, n_features: int) -> nn.Sequential:
        n, width = self.n_factors + n_features, self.n_hidden
        return nn.Sequential(nn.Linear(n, width), nn.Tanh(), nn.Linear(width, width))

    @torch_defaults()
    def _vectors(self, axis: str, factors: np.ndarray, features: np.ndarray) -> np.ndarray:
        inputs = torch.cat([_tensor(factors), _tensor(features)], dim=1)
        with torch.no_grad():
            return cast(nn.Module, self.towers_[axis])(inputs).numpy()

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Multiply the outputs of the two networks, shape (n, n_items), float32."""
        users = check_users(self, user_pos)
        return self._score(self.seen_[users], self.profiles_[users])

    def fold_in(self, rows: sparse.csr_array | np.ndarray, profiles: pd.DataFrame | None = None) -> np.ndarray:
        """Score every item for users who were not there at ``fit``; parameters as :meth:`HybridFactors.fold_in`."""
        rows = check_rows(self, rows)
        if profiles is None:
            return self._score(rows, np.zeros((rows.shape[0], len(self.user_features_))))
        return self._score(
            rows, _one_each(encode_features(profiles, self.user_columns, self.user_features_, "user_columns"), rows)
        )

    def _score(self, rows: sparse.csr_array, features: np.ndarray) -> np.ndarray:
        scores = self.factors_.fold_in(rows)  # U Vᵀ, from which U can be had again
        factors = scores @ np.linalg.pinv(self.factors_.item_factors_).T / self.user_scale_
        return self._vectors("user", factors, features) @ self.item_vectors_.T


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float32))


def _one_each(priors: np.ndarray, rows: sparse.csr_array) -> np.ndarray:
    if len(priors) != rows.shape[0]:
        raise ValueError(f"Expected one profile a row; came {len(priors)} profiles and {rows.shape[0]} rows.")
    return priors


# --- an interview ---------------------------------------------------------------------------------------------


def greedy_question(covariance: np.ndarray, candidates: np.ndarray, targets: np.ndarray, noise: float) -> int:
    """Choose the question whose answer takes most variance off the targets. Built by hand in chapter 14.

    The answer to question q takes C_tq² / (C_qq + noise) off the variance of t.

    Parameters
    ----------
    covariance : array C, shape (n_items, n_items). What is still uncertain, symmetric.
    candidates, targets : array of int. Positions that may be asked, and that we want to know.
    noise : float above 0. Variance of an answer that says nothing.

    Returns
    -------
    int. A position of ``candidates``' items; the first one if several take off as much.
    """
    gains = (covariance[np.ix_(targets, candidates)] ** 2).sum(axis=0) / (np.diag(covariance)[candidates] + noise)
    return int(candidates[gains.argmax()])


def after_answer(covariance: np.ndarray, question: int, noise: float) -> np.ndarray:
    """Give what is still uncertain once a question has been answered: C − C_q C_qᵀ / (C_qq + noise). Chapter 14."""
    column = covariance[:, question]
    return covariance - np.outer(column, column) / (column[question] + noise)


def plan_interview(
    covariance: np.ndarray, n_questions: int, candidates: np.ndarray, targets: np.ndarray, noise: float = 0.1
) -> np.ndarray:
    """Plan the questions one after the other, each given those before, shape (n_questions,). Built in chapter 14.

    A normal model's uncertainty depends on what is asked and not on what is answered, so one plan serves everybody.

    Raises
    ------
    ValueError
        If there are fewer candidates than questions, or the noise is not above 0.

    References
    ----------
    Rashid et al. (2002), "Getting to know you: learning new user preferences in recommender systems", for the
    question; Krause, Singh and Guestrin (2008) for greedy choice under a normal model.
    """
    check_integer("n_questions", n_questions, 0, len(candidates))
    check_number("noise", noise, above=0)
    questions: list[int] = []
    for _ in range(n_questions):
        left = np.setdiff1d(candidates, questions)
        questions.append(greedy_question(covariance, left, targets, noise))
        covariance = after_answer(covariance, questions[-1], noise)
    return np.array(questions, dtype=int)


def expect_after(
    mean: np.ndarray, covariance: np.ndarray, questions: np.ndarray, answers: np.ndarray, noise: float = 0.1
) -> np.ndarray:
    """Give what is expected of every item once questions are answered, yes or no. Used in chapter 14.

    Parameters
    ----------
    mean, covariance : arrays, shapes (n_items,), (n_items, n_items). Of the rows of other users.
    questions : array of int, shape (n_questions,).
    answers : array of 0 and 1, shape (n, n_questions). One row for each person asked.

    Returns
    -------
    array, shape (n, n_items).
    """
    answers = check_binary("answers", answers)
    check_number("noise", noise, above=0)
    asked = covariance[np.ix_(questions, questions)] + noise * np.eye(len(questions))
    return mean + (answers - mean[questions]) @ np.linalg.solve(asked, covariance[questions])
