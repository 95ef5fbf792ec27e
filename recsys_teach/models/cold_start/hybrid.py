"""A profile as prior that a few events move. Built in chapter 14."""

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

# --- a prior that a few events move ---------------------------------------------------------------------------


def fold_into_prior(prior: np.ndarray, H: np.ndarray, known: np.ndarray, noise: float) -> np.ndarray:
    """Move a prior by the events that are known. Built by hand in chapter 14.

    The score is prior + H w, where w minimizes Σ_known (1 − prior_i − h_i·w)² / noise + |w|². An event that the prior
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
        return self._move(one_each(self.prior_.from_profiles(profiles), rows), rows)

    def _move(self, priors: np.ndarray, rows: sparse.csr_array) -> np.ndarray:
        known = np.split(rows.indices, rows.indptr[1:-1])
        moved = [
            fold_into_prior(prior, self.item_factors_, interacted, self.noise)
            for prior, interacted in zip(priors, known, strict=False)
        ]
        return np.array(moved).reshape(priors.shape)


def one_each(priors: np.ndarray, rows: sparse.csr_array) -> np.ndarray:
    """Return the priors if there is one for each row; raise if not."""
    if len(priors) != rows.shape[0]:
        raise ValueError(f"Expected one profile a row; came {len(priors)} profiles and {rows.shape[0]} rows.")
    return priors
