"""EASE: the best linear item-to-item model that may not use an item to predict itself. Built in chapter 06."""

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
    """Count how many users met each pair of items: XᵀX, shape (n_items, n_items), upper triangle, float32.

    Users are taken in dense chunks, for a matrix product of dense float32 is faster than a sparse one. Whole
    numbers are exact up to 2²⁴.
    """
    n_items = matrix.shape[1]
    total = np.zeros((n_items, n_items), dtype=np.float32, order="F")
    for users in chunks(np.arange(matrix.shape[0]), n_items):
        dense = matrix[users].astype(np.float32).toarray()
        total = blas.ssyrk(1.0, dense.T, beta=1.0, c=total, overwrite_c=True)
    return total


class EASE(RowRecommender):
    """Score an item by a weighted sum over the items a user met; the weights have a closed form. Built in chapter 06.

    The weights B minimize |X − XB|² + λ|B|² with a diagonal of 0, where X is 1 for a pair that met and 0 otherwise.
    With P = (XᵀX + λI)⁻¹ they are B_ij = −P_ij / P_jj. A user with no history scores 0 everywhere, and so does
    an item never seen.

    Parameters
    ----------
    regularization : float above 0. λ, in users: it is added to the number of users who met each item.

    Attributes
    ----------
    item_weights_ : array, shape (n_items, n_items), float32. B: row i says what having met item i adds to each item.

    References
    ----------
    Steck (2019), "Embarrassingly shallow autoencoders for sparse data".
    """

    def __init__(self, regularization: float = 400.0):
        self.regularization = regularization

    def fit(self, interactions: Interactions) -> EASE:
        """Invert the regularized Gram matrix by Cholesky; memory is one n_items x n_items matrix of float32, twice.

        Raises
        ------
        ValueError
            If ``regularization`` is not above 0, or so small that float32 cannot invert.
        """
        check_parameters(self)
        seen = check_interactions(interactions).matrix()
        G = gram(seen)
        diagonal = np.diag_indices_from(G)
        G[diagonal] += self.regularization
        root, failed = lapack.spotrf(G, overwrite_a=True)
        if failed:
            raise ValueError(f"The Gram matrix cannot be inverted with regularization {self.regularization}: raise it.")
        P, _ = lapack.spotri(root, overwrite_c=True)
        P = np.triu(P, 1) + np.triu(P).T
        self.item_weights_ = P / -P[diagonal]
        self.item_weights_[diagonal] = 0
        self.matrix_ = self.seen_ = seen
        return self

    def fold_in(self, rows: sparse.csr_array | np.ndarray) -> np.ndarray:
        """Score every item for any users from their rows alone.

        Parameters
        ----------
        rows : array or csr_array, shape (n, n_items). 1 where the user met the item.

        Returns
        -------
        array, shape (n, n_items), float32. rows B.
        """
        return check_rows(self, rows).astype(np.float32) @ self.item_weights_
