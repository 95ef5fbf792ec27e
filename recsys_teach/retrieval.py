"""Maximum inner product search: exact, and approximate with an inverted file. Built by hand in chapter 10."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.preprocessing import normalize

from recsys_teach._validation import check_integer, check_seed

TRAINING_SAMPLE = 50  # vectors per cell that k-means is trained on: more of them hardly move the centroids
BLOCK = 20_000  # vectors that are compared with all centroids at once


def exact_search(queries: np.ndarray, vectors: np.ndarray, k: int) -> np.ndarray:
    """Find the k items with the largest inner product by exhaustive search. Built by hand in chapter 10.

    Parameters
    ----------
    queries : ndarray, shape (n, n_factors)
        Embeddings of users.
    vectors : ndarray, shape (n_items, n_factors)
        Embeddings of items.
    k : int
        Number of items to find for each query, from 1 to n_items.

    Returns
    -------
    ndarray of int, shape (n, k)
        Item positions, best first.

    Raises
    ------
    TypeError
        If k is not an integer.
    ValueError
        If the shapes do not match, an inner product is not finite, or k is out of range.
    """
    queries, vectors = _check_vectors(queries, vectors, k)
    found = [_best(vectors @ query, k) for query in queries]
    return np.array(found, dtype=int).reshape(len(queries), k)


def _best(scores: np.ndarray, k: int) -> np.ndarray:
    """Return the positions of the k largest scores of one query, best first."""
    if not np.isfinite(scores).all():  # topk would rank NaN first
        raise ValueError(
            "Expected finite vectors, got NaN or infinity. Check that the loss stayed finite during training."
        )
    return torch.topk(torch.from_numpy(scores), k).indices.numpy()


def _check_vectors(queries: np.ndarray, vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return queries and vectors as arrays; raise if their shapes do not match or k is out of range."""
    queries, vectors = np.asarray(queries), np.asarray(vectors)
    if queries.ndim != 2 or vectors.ndim != 2 or queries.shape[1] != vectors.shape[1]:
        raise ValueError(
            f"Expected queries of shape (n, n_factors) and vectors of shape (n_items, n_factors); got {queries.shape} "
            f"and {vectors.shape}. Write one query as query[None]."
        )
    check_integer("k", k, 1, len(vectors))
    return queries, vectors


class InvertedFile:
    """Approximate search for the largest inner products with an inverted file. Built by hand in chapter 10.

    k-means assigns items with similar directions to the same cell, regardless of the lengths of their vectors. Each
    query is compared only with the items of the ``n_probe`` cells whose centroids have the largest inner product with
    it.

    Parameters
    ----------
    n_cells : int, default=256
        Number of cells, from 1 to n_items. A common choice is about the square root of n_items.
    random_state : int, default=0
        Seed of k-means.

    Attributes
    ----------
    centroids_ : ndarray of float32, shape (n_cells, n_factors)
        Mean direction of each cell, normalized to length 1.
    items_ : ndarray of int, shape (n_items,)
        Item positions, ordered by cell.
    starts_ : ndarray of int, shape (n_cells + 1,)
        Cell c consists of ``items_[starts_[c] : starts_[c + 1]]``.
    vectors_ : ndarray of float32, shape (n_items, n_factors)
        Embeddings of the items, in the order of ``items_``.

    References
    ----------
    Jégou, Douze and Schmid (2011), "Product quantization for nearest neighbor search", for the inverted file.
    """

    def __init__(self, n_cells: int = 256, *, random_state: int = 0):
        self.n_cells = n_cells
        self.random_state = random_state

    def fit(self, vectors: np.ndarray) -> InvertedFile:
        """Assign the items to cells.

        Parameters
        ----------
        vectors : ndarray, shape (n_items, n_factors)
            Embeddings of the items.

        Returns
        -------
        InvertedFile
            The fitted index.

        Raises
        ------
        TypeError
            If ``n_cells`` or ``random_state`` is not an integer.
        ValueError
            If there are more cells than items, or a number is not finite.
        """
        vectors = np.asarray(vectors, dtype=np.float32)
        if vectors.ndim != 2 or not np.isfinite(vectors).all():
            got = f"shape {vectors.shape}" if vectors.ndim != 2 else "NaN or infinity"
            raise ValueError(
                f"Expected finite vectors of shape (n_items, n_factors); got {got}. Pass the embeddings of all items."
            )
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
        self.vectors_ = vectors[self.items_]  # the vectors of a cell are contiguous in memory
        return self

    def search(self, queries: np.ndarray, k: int, n_probe: int = 8) -> np.ndarray:
        """Find approximately the k items with the largest inner product for each query.

        Parameters
        ----------
        queries : ndarray, shape (n, n_factors)
            Embeddings of users.
        k : int
            Number of items to find for each query, from 1 to n_items.
        n_probe : int, default=8
            Number of cells to search, from 1 to n_cells. With all cells the search is exact.

        Returns
        -------
        ndarray of int, shape (n, k)
            Item positions, best first. The row ends in -1 where the searched cells contain fewer than k items.

        Raises
        ------
        TypeError
            If k or n_probe is not an integer.
        ValueError
            If the index is not fitted, the shapes do not match, a number is not finite, or k or n_probe is out of
            range.
        """
        if not hasattr(self, "items_"):
            raise ValueError("InvertedFile is not fitted yet: call fit(vectors) first.")
        queries = np.asarray(queries, dtype=np.float32)
        if queries.ndim != 2 or queries.shape[1] != self.vectors_.shape[1]:
            raise ValueError(
                f"Expected queries of shape (n, {self.vectors_.shape[1]}); got {queries.shape}. Write one query as "
                "query[None]."
            )
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
    """Return the recall of an approximate search: the mean share of the exact results that were found.

    Parameters
    ----------
    found : ndarray of int, shape (n, k)
        Item positions of the approximate search.
    exact : ndarray of int, shape (n, k)
        Item positions of the exact search.

    Returns
    -------
    float
        Mean over the queries, between 0 and 1.
    """
    return float(np.mean([np.isin(best, row).mean() for row, best in zip(found, exact, strict=True)]))
