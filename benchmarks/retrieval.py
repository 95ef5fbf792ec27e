"""Search the best 100 of a million items: exact search, our inverted file and, if it is installed, that of faiss.

`python benchmarks/retrieval.py` prints the seconds to build an index, the milliseconds per query (one query at a time,
one thread) and the recall relative to the exact search. It takes about two minutes and 2 GB of memory. faiss is
optional: `pip install faiss-cpu`.

The items are synthetic vectors in 64 dimensions: 2,000 clusters with noise around each center, and different lengths. A
query is a vector near one of the centers. With `--even`, items and queries have no clusters, which is the hardest case
for an inverted file.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from recsys_teach.retrieval import InvertedFile, exact_search, search_recall

N_ITEMS, N_FACTORS, N_QUERIES, K, N_CELLS = 1_000_000, 64, 100, 100, 1000
PROBES = (8, 16, 32, 64, 128)


def draw(clustered: bool, random_state: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw queries and items.

    Parameters
    ----------
    clustered : bool
        Whether the vectors have clusters.
    random_state : int, default=0
        Seed of the random numbers.

    Returns
    -------
    queries : array of float32, shape (100, 64)
        Queries.
    items : array of float32, shape (1,000,000, 64)
        Items.
    """
    rng = np.random.default_rng(random_state)
    items = rng.standard_normal((N_ITEMS, N_FACTORS), dtype=np.float32)
    queries = rng.standard_normal((N_QUERIES, N_FACTORS), dtype=np.float32)
    if clustered:
        centers = rng.standard_normal((2000, N_FACTORS), dtype=np.float32)
        items = centers[rng.integers(2000, size=N_ITEMS)] + np.float32(0.6) * items
        queries = centers[rng.integers(2000, size=N_QUERIES)] + np.float32(0.6) * queries
    items *= rng.lognormal(0, 0.3, size=(N_ITEMS, 1)).astype(np.float32)
    return queries, items


def measure(search: Callable[[np.ndarray], np.ndarray], queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Search one query at a time.

    Parameters
    ----------
    search : function of array, shape (1, 64), to array of int, shape (1, k)
        Returns the positions of the best items.
    queries : array, shape (n, 64)
        Queries.

    Returns
    -------
    found : array of int, shape (n, k)
        Positions of the best items.
    times : array of float, shape (n,)
        Milliseconds per query.
    """
    search(queries[:1])  # warm up
    found, times = [], []
    for query in queries:
        start = time.perf_counter()
        found.append(search(query[None])[0])
        times.append(1000 * (time.perf_counter() - start))
    return np.array(found), np.array(times)


def report(name: str, found: np.ndarray, times: np.ndarray, exact: np.ndarray) -> None:
    """Print recall and time of a search.

    Parameters
    ----------
    name : str
        Name of the search.
    found : array of int, shape (n, k)
        Positions of the items that were found.
    times : array of float, shape (n,)
        Milliseconds per query.
    exact : array of int, shape (n, k)
        Positions of the best items.
    """
    recall = search_recall(found, exact)
    median, slow = np.quantile(times, [0.5, 0.95])
    print(f"{name:32s} recall {recall:.3f}   ms per query: median {median:6.1f}, 95 % {slow:6.1f}")


def main() -> None:
    """Measure all searches."""
    torch.set_num_threads(1)
    queries, items = draw(clustered="--even" not in sys.argv)
    exact, times = measure(lambda rows: exact_search(rows, items, K), queries)
    report("exact, inner product", exact, times, exact)
    start = time.perf_counter()
    index = InvertedFile(N_CELLS).fit(items)
    print(f"inverted file of {N_CELLS} cells built in {time.perf_counter() - start:.1f} s")
    for n_probe in PROBES:
        report(f"inverted file, {n_probe} cells", *measure(lambda q, n=n_probe: index.search(q, K, n), queries), exact)
    try:
        import faiss
    except ImportError:
        print("faiss is not installed. To compare with it, type: pip install faiss-cpu")
        return
    faiss.omp_set_num_threads(1)
    start = time.perf_counter()
    peer = faiss.index_factory(N_FACTORS, f"IVF{N_CELLS},Flat", faiss.METRIC_INNER_PRODUCT)
    peer.train(items[np.random.default_rng(0).permutation(N_ITEMS)[: 50 * N_CELLS]])
    peer.add(items)
    print(f"faiss IVF{N_CELLS} built in {time.perf_counter() - start:.1f} s")
    for n_probe in PROBES:
        peer.nprobe = n_probe
        report(f"faiss IVF, {n_probe} cells", *measure(lambda q: peer.search(q, K)[1], queries), exact)


if __name__ == "__main__":
    main()
