"""Recommend by the truncated SVD of the zero-filled matrix. Built by hand in chapter 04."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import svds

from recsys_teach._validation import check_integer
from recsys_teach.data.interactions import Interactions
from recsys_teach.models.base import (
    RowRecommender,
    check_interactions,
    check_parameters,
    check_rows,
)


def rank_k(matrix: np.ndarray, k: int) -> np.ndarray:
    """Return the best approximation of a dense matrix by a matrix of rank k. Built by hand in chapter 04.

    Parameters
    ----------
    matrix : array, shape (n_users, n_items)
        The matrix to approximate.
    k : int
        The rank, from 0 to min(n_users, n_items).

    Returns
    -------
    array, shape (n_users, n_items)
        U_k Σ_k V_kᵀ. Its Frobenius error is the root of the sum of the squared singular values left out.

    References
    ----------
    Eckart and Young (1936); Mirsky (1960) for every unitarily invariant norm.
    """
    check_integer("k", k, 0, min(matrix.shape))
    U, s, Vt = np.linalg.svd(matrix, full_matrices=False)
    return (U[:, :k] * s[:k]) @ Vt[:k]


class PureSVD(RowRecommender):
    """Rank items by the projection of a user's row on the k strongest item directions. Built in chapter 04.

    Missing cells count as 0. This makes the model a poor predictor of ratings, but a good ranker.

    Parameters
    ----------
    n_factors : int, default=20
        Number of directions, the k of the formulas, from 1 to min(n_users, n_items) - 1.
    value : str, optional
        The column of the log to store in the matrix. Without it, every event counts as 1.
    random_state : int, default=0
        Seed of the start vector of the iterative solver.

    Attributes
    ----------
    item_factors_ : array, shape (n_items, n_factors)
        V_k. The columns are orthonormal, the strongest direction first.
    singular_values_ : array, shape (n_factors,)
        The singular values, largest first.

    References
    ----------
    Cremonesi, Koren and Turrin (2010), "Performance of recommender algorithms on top-N recommendation tasks".
    """

    def __init__(self, n_factors: int = 20, *, value: str | None = None, random_state: int = 0):
        self.n_factors = n_factors
        self.value = value
        self.random_state = random_state

    def fit(self, interactions: Interactions) -> PureSVD:
        """Factorize the zero-filled matrix.

        Parameters
        ----------
        interactions : Interactions
            The training set, with the column ``value`` if one is named.

        Returns
        -------
        PureSVD
            The fitted model itself.

        Raises
        ------
        ValueError
            If ``n_factors`` is out of its range, the column is absent or contains NaN, a pair has two values, or all
            values are 0.
        """
        check_parameters(self)
        matrix = check_interactions(interactions).matrix(self.value)
        if self.n_factors >= min(matrix.shape):
            raise ValueError(
                f"n_factors must be less than the smaller side of the {matrix.shape[0]} x {matrix.shape[1]} matrix; "
                f"got {self.n_factors}. Use fewer factors, or more users and items."
            )
        if not matrix.data.any():
            raise ValueError(
                f"Expected at least one value of {self.value!r} that is not 0; got only zeros, which have no "
                "direction. Use another column, or value=None to count every event as 1."
            )
        start = np.random.default_rng(self.random_state).standard_normal(min(matrix.shape))
        _, s, Vt = svds(matrix, k=self.n_factors, v0=start)
        strongest_first = np.argsort(-s)
        self.singular_values_ = s[strongest_first]
        self.item_factors_ = Vt[strongest_first].T
        self.matrix_, self.seen_ = matrix, interactions.matrix()
        return self

    def fold_in(self, rows: sparse.csr_array | np.ndarray) -> np.ndarray:
        """Score every item for users outside the training set, from their rows alone.

        Parameters
        ----------
        rows : array or csr_array, shape (n, n_items)
            The interactions of each user, in the unit of ``matrix_``.

        Returns
        -------
        array, shape (n, n_items)
            The product of the rows and V_k V_kᵀ.
        """
        rows = check_rows(self, rows)
        return (rows @ self.item_factors_) @ self.item_factors_.T
