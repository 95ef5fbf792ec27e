"""Combine a prior from the profile with a few events. Built in chapter 14."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.linalg import eigh

from recsys_teach.data.interactions import Interactions
from recsys_teach.evaluation.ranking import chunks
from recsys_teach.models.base import (
    Recommender,
    check_parameters,
    check_rows,
    check_users,
)
from recsys_teach.models.cold_start.profiles import ProfilePopularity


def fold_into_prior(prior: np.ndarray, H: np.ndarray, known: np.ndarray, noise: float) -> np.ndarray:
    """Update a prior by known events. Built by hand in chapter 14.

    The score is prior + H w, where w minimizes Σ_known (1 − prior_i − h_i·w)² / noise + |w|². An event that the prior
    predicted changes little. An item without a known interaction carries no information. Without events the score is
    the prior.

    Parameters
    ----------
    prior : array, shape (n_items,)
        The expected share of users who interact with each item, from 0 to about 1.
    H : array, shape (n_items, n_factors)
        The directions in which users differ. The length of each is the standard deviation of the users along it.
    known : array of int
        Positions of the items that the user interacted with.
    noise : float
        Variance that H does not explain, above 0.

    Returns
    -------
    array, shape (n_items,)
        The conditional mean given the events, if all distributions are normal.
    """
    h = H[known]
    w = np.linalg.solve(h.T @ h + noise * np.eye(H.shape[1]), h.T @ (1 - prior[known]))
    return prior + H @ w


class HybridFactors(Recommender):
    """Start from the prior of the profile, and update it by known events along factors. Built in chapter 14.

    The factors are the principal directions in which users differ from their prior; see :func:`fold_into_prior`.

    Parameters
    ----------
    n_factors : int, default=30
        Number of factors, at least 1; no more are kept than there are items.
    columns : sequence of str, default=()
        Feature columns of the users; see :class:`ProfilePopularity`.
    damping : float, default=50.0
        Damping of the prior, above 0; see :class:`ProfilePopularity`.
    noise : float, default=0.1
        Variance that the factors do not explain, above 0. With a larger value, more events are needed to change a
        prior.

    Attributes
    ----------
    prior_ : ProfilePopularity
        The fitted prior.
    item_factors_ : array, shape (n_items, n_factors)
        H. HHᵀ approximates the covariance of the residuals of the prior.

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
        """Fit the prior, and decompose the covariance of its residuals.

        The covariance is one array of shape (n_items, n_items).

        Parameters
        ----------
        interactions : Interactions
            The training set, with the user table that ``columns`` need. Any event counts as 1.

        Returns
        -------
        HybridFactors
            The fitted model itself.

        Raises
        ------
        ValueError
            If a parameter is not above 0, or the user table or a column is absent.
        """
        check_parameters(self)
        prior = ProfilePopularity(self.columns, damping=self.damping).fit(interactions)
        seen, n_items = prior.seen_, interactions.n_items
        active = np.flatnonzero(np.diff(seen.indptr))
        covariance = np.zeros((n_items, n_items))
        for users in chunks(active, n_items):
            residuals = seen[users].toarray() - prior.score(users)
            covariance += residuals.T @ residuals / len(active)
        first = max(0, n_items - self.n_factors)
        variances, directions = eigh(covariance, subset_by_index=[first, n_items - 1])
        self.item_factors_ = (directions * np.sqrt(np.maximum(variances, 0)))[:, ::-1]
        self.prior_, self.seen_ = prior, seen
        return self

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Update the prior of each user by the user's training events.

        Parameters
        ----------
        user_pos : array of int, shape (n,)
            Positions of the users, not ids.

        Returns
        -------
        array, shape (n, n_items)
            Higher is better.
        """
        users = check_users(self, user_pos)
        return self._posterior(self.prior_.score(users), self.seen_[users])

    def fold_in(self, rows: sparse.csr_array | np.ndarray, profiles: pd.DataFrame | None = None) -> np.ndarray:
        """Score every item for users outside the training set, from their rows and, if known, profiles.

        Parameters
        ----------
        rows : array or csr_array, shape (n, n_items)
            The interactions of each user; a row may be empty.
        profiles : DataFrame, optional
            n rows with the ``columns``. Without it, the prior is the popularity.

        Returns
        -------
        array, shape (n, n_items)
            Higher is better.

        Raises
        ------
        ValueError
            If the model is not fitted, the rows have another shape, a column is absent, or there is not one profile per
            row.
        """
        rows = check_rows(self, rows)
        if profiles is None:
            return self._posterior(np.tile(self.prior_.shares_, (rows.shape[0], 1)), rows)
        return self._posterior(one_each(self.prior_.from_profiles(profiles), rows), rows)

    def _posterior(self, priors: np.ndarray, rows: sparse.csr_array) -> np.ndarray:
        """Update each prior by the events of its row."""
        known = np.split(rows.indices, rows.indptr[1:-1])
        scores = [
            fold_into_prior(prior, self.item_factors_, positions, self.noise)
            for prior, positions in zip(priors, known, strict=False)
        ]
        return np.array(scores).reshape(priors.shape)  # reshape keeps n_items columns if there are no users


def one_each(priors: np.ndarray, rows: sparse.csr_array) -> np.ndarray:
    """Raise if there is not one prior for each row.

    Parameters
    ----------
    priors : array, shape (n, …)
        Priors or features, one for each user.
    rows : csr_array, shape (n, n_items)
        The interactions of the users.

    Returns
    -------
    array, shape (n, …)
        The priors, unchanged.

    Raises
    ------
    ValueError
        If the numbers differ.
    """
    if len(priors) != rows.shape[0]:
        raise ValueError(
            f"Expected one profile per row; got {len(priors)} profiles and {rows.shape[0]} rows. Select the profiles "
            "of the same users, in the same order."
        )
    return priors
