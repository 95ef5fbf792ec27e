"""Fit EASE, a linear item-to-item model that may not use an item to predict itself. Built in chapter 06."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.linalg import blas, lapack

from recsys_teach.data.interactions import Interactions
from recsys_teach.evaluation.ranking import chunks
from recsys_teach.models.base import (
    RowRecommender,
    check_interactions,
    check_parameters,
    check_rows,
)


def gram(matrix: sparse.csr_array) -> np.ndarray:
    """Count how many users interacted with each pair of items, XᵀX.

    The users are converted to dense chunks, because a product of dense float32 matrices is faster than a sparse one.
    Integers are exact up to 2²⁴.

    Parameters
    ----------
    matrix : csr_array, shape (n_users, n_items)
        X, of 0 and 1.

    Returns
    -------
    array, shape (n_items, n_items), float32
        Only the upper triangle is filled; the lower one contains zeros.
    """
    n_items = matrix.shape[1]
    total = np.zeros((n_items, n_items), dtype=np.float32, order="F")
    for users in chunks(np.arange(matrix.shape[0]), n_items):
        dense = matrix[users].astype(np.float32).toarray()
        # dense.T is Fortran-ordered, as BLAS expects; ssyrk updates only the upper triangle, in place.
        total = blas.ssyrk(1.0, dense.T, beta=1.0, c=total, overwrite_c=True)
    return total


class EASE(RowRecommender):
    """Score an item by a weighted sum over the user's items, with closed-form weights. Built in chapter 06.

    The weights B minimize |X − XB|² + λ|B|² under the constraint that the diagonal of B is 0. X_ui is 1 if user u
    interacted with item i and 0 otherwise. With P = (XᵀX + λI)⁻¹ the solution is B_ij = −P_ij / P_jj for i ≠ j. A user
    without a history scores 0 everywhere, and so does an item without users.

    Parameters
    ----------
    regularization : float, default=400.0
        λ, above 0. It is added to the number of users of each item, so its unit is users.

    Attributes
    ----------
    item_weights_ : array, shape (n_items, n_items), float32
        B. Row i contains what an interaction with item i adds to the score of each item.

    References
    ----------
    Steck (2019), "Embarrassingly shallow autoencoders for sparse data".
    """

    def __init__(self, regularization: float = 400.0):
        self.regularization = regularization

    def fit(self, interactions: Interactions) -> EASE:
        """Invert the regularized Gram matrix by Cholesky decomposition.

        A few float32 matrices of shape (n_items, n_items) are in memory at once.

        Parameters
        ----------
        interactions : Interactions
            The training set. Any event counts as 1.

        Returns
        -------
        EASE
            The fitted model itself.

        Raises
        ------
        ValueError
            If ``regularization`` is not above 0, or too small for the inversion in float32.
        """
        check_parameters(self)
        seen = check_interactions(interactions).matrix()
        G = gram(seen)
        diagonal = np.diag_indices_from(G)
        G[diagonal] += self.regularization
        root, not_positive_definite = lapack.spotrf(G, overwrite_a=True)
        if not_positive_definite:
            raise ValueError(
                "Expected a positive definite Gram matrix; got one that float32 cannot invert with "
                f"regularization={self.regularization}. Increase regularization."
            )
        P, _ = lapack.spotri(root, overwrite_c=True)
        P = np.triu(P, 1) + np.triu(P).T  # LAPACK fills only the upper triangle; the inverse is symmetric
        self.item_weights_ = P / -P[diagonal]
        self.item_weights_[diagonal] = 0
        self.matrix_ = self.seen_ = seen
        return self

    def fold_in(self, rows: sparse.csr_array | np.ndarray) -> np.ndarray:
        """Score every item for any users from their rows alone.

        Parameters
        ----------
        rows : array or csr_array, shape (n, n_items)
            1 where the user interacted with the item.

        Returns
        -------
        array, shape (n, n_items), float32
            The product of the rows and B.
        """
        return check_rows(self, rows).astype(np.float32) @ self.item_weights_
