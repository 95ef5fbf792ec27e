"""Nearest vectors by inner product: exact, and with an inverted file. Built in chapter 10."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.preprocessing import normalize

from recsys_teach._validation import check_integer, check_seed

TRAINING_SAMPLE = 50  # vectors per cell that k-means is trained on: more of them hardly move the centroids
BLOCK = 20_000  # vectors that are compared with all centroids at once


def exact_search(queries: np.ndarray, vectors: np.ndarray, k: int) -> np.ndarray:
    """Find the k items of the largest inner product by comparing with all of them. Built by hand in chapter 10.

    Parameters
    ----------
    queries : array, shape (n, n_factors). Vectors of users.
    vectors : array, shape (n_items, n_factors). Vectors of items.
    k : int, from 1 to n_items.

    Returns
    -------
    array of int, shape (n, k). Item positions, best first.

    Raises
    ------
    ValueError
        If shapes do not fit, a number is not finite, or k does not fit.
    """
    queries, vectors = _check_vectors(queries, vectors, k)
    found = [_best(vectors @ query, k) for query in queries]
    return np.array(found, dtype=int).reshape(len(queries), k)


def _best(scores: np.ndarray, k: int) -> np.ndarray:
    """Give the positions of the k largest of one row, best first."""
    if not np.isfinite(scores).all():  # topk would take NaN for the best
        raise ValueError("The vectors hold NaN or infinity. Look at the training: did its loss stay finite?")
    return torch.topk(torch.from_numpy(scores), k).indices.numpy()


def _check_vectors(queries: np.ndarray, vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    queries, vectors = np.asarray(queries), np.asarray(vectors)
    if queries.ndim != 2 or vectors.ndim != 2 or queries.shape[1] != vectors.shape[1]:
        raise ValueError(
            f"Expected queries (n, n_factors) and vectors (n_items, n_factors); came {queries.shape}, {vectors.shape}. "
            "Write one query as query[None]."
        )
    check_integer("k", k, 1, len(vectors))
    return queries, vectors


class InvertedFile:
    """Find most of the k best items without looking at all: items lie in cells, and few cells are opened.

    k-means puts items of similar direction into one cell, whatever their lengths; each query opens the ``n_probe``
    cells whose centroids have the largest inner product with it, and compares with their items. Built in chapter 10.

    Parameters
    ----------
    n_cells : int, at least 1, at most n_items. About the square root of n_items is a good start.
    random_state : int. Seed of k-means.

    Attributes
    ----------
    centroids_ : array, shape (n_cells, n_factors), float32. Mean direction of each cell, of length 1.
    items_ : array of int, shape (n_items,). Item positions, cell after cell.
    starts_ : array of int, shape (n_cells + 1,). Cell c holds ``items_[starts_[c] : starts_[c + 1]]``.

    References
    ----------
    Jégou, Douze and Schmid (2011), "Product quantization for nearest neighbor search", for the inverted file.
    """

    def __init__(self, n_cells: int = 256, *, random_state: int = 0):
        self.n_cells = n_cells
        self.random_state = random_state

    def fit(self, vectors: np.ndarray) -> InvertedFile:
        """Put the items, shape (n_items, n_factors), into cells.

        Raises
        ------
        ValueError
            If there are more cells than items, or a number is not finite.
        """
        vectors = np.asarray(vectors, dtype=np.float32)
        if vectors.ndim != 2 or not np.isfinite(vectors).all():
            raise ValueError(f"Expected finite vectors of shape (n_items, n_factors); came {vectors.shape}, or NaN.")
        check_integer("n_cells", self.n_cells, 1, len(vectors))
        check_seed("random_state", self.random_state)
        rng = np.random.default_rng(self.random_state)
        sample = rng.permutation(len(vectors))[: max(self.n_cells * TRAINING_SAMPLE, 1000)]
        kmeans = KMeans(self.n_cells, init="random", n_init=1, max_iter=10, random_state=self.random_state)
        self.centroids_ = normalize(kmeans.fit(normalize(vectors[sample])).cluster_centers_)
        blocks = np.split(vectors, range(BLOCK, len(vectors), BLOCK))
        cell = np.concatenate([(block @ self.centroids_.T).argmax(axis=1) for block in blocks])
        self.items_ = np.argsort(cell, kind="stable")
        self.starts_ = np.searchsorted(cell[self.items_], np.arange(self.n_cells + 1))
        self.vectors_ = vectors[self.items_]  # the items of a cell lie side by side in memory
        return self

    def search(self, queries: np.ndarray, k: int, n_probe: int = 8) -> np.ndarray:
        """Find about the k best items of each query.

        Parameters
        ----------
        queries : array, shape (n, n_factors). Vectors of users.
        k : int, from 1 to n_items.
        n_probe : int, from 1 to n_cells. With all cells the search is exact.

        Returns
        -------
        array of int, shape (n, k). Item positions, best first; -1 where the cells opened hold fewer than k.

        Raises
        ------
        ValueError
            If it is not fitted, shapes do not fit, a number is not finite, or k or n_probe is out of its range.
        """
        if not hasattr(self, "items_"):
            raise ValueError("InvertedFile is not fitted yet: call fit(vectors) first.")
        queries = np.asarray(queries, dtype=np.float32)
        if queries.ndim != 2 or queries.shape[1] != self.vectors_.shape[1]:
            raise ValueError(f"Expected queries of shape (n, {self.vectors_.shape[1]}); came {queries.shape}.")
        check_integer("k", k, 1, len(self.items_))
        check_integer("n_probe", n_probe, 1, self.n_cells)
        found = np.full((len(queries), k), -1)
        for row, query in zip(found, queries, strict=True):
            cells = _best(self.centroids_ @ query, n_probe)
            spans = [slice(self.starts_[cell], self.starts_[cell + 1]) for cell in cells]
            scores = np.concatenate([self.vectors_[span] @ query for span in spans])
            items = np.concatenate([self.items_[span] for span in spans])
            n_found = min(k, len(items))
            row[:n_found] = items[_best(scores, n_found)]
        return found


def search_recall(found: np.ndarray, exact: np.ndarray) -> float:
    """Give the share of the items that an exact search finds, both of shape (n, k), that were found."""
    return float(np.mean([np.isin(best, row).mean() for row, best in zip(found, exact, strict=True)]))
