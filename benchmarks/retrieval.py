"""The best 100 of a million items: exact search, our inverted file, and faiss beside it if it is installed.

`python benchmarks/retrieval.py` prints seconds to build, milliseconds a query (one query at a time, one thread) and
recall against the exact search. It takes about two minutes and 2 GB. The peer is optional: `pip install faiss-cpu`.

The items are made up, in 64 dimensions: 2,000 kinds, noise around each, and lengths that differ. A query is a vector
near one of the kinds. `--even` takes items and queries without any kinds instead, the hardest case for cells.
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


def draw(kinds: bool, random_state: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw queries (100, 64) and items (1,000,000, 64), float32."""
    rng = np.random.default_rng(random_state)
    items = rng.standard_normal((N_ITEMS, N_FACTORS), dtype=np.float32)
    queries = rng.standard_normal((N_QUERIES, N_FACTORS), dtype=np.float32)
    if kinds:
        centers = rng.standard_normal((2000, N_FACTORS), dtype=np.float32)
        items = centers[rng.integers(2000, size=N_ITEMS)] + np.float32(0.6) * items
        queries = centers[rng.integers(2000, size=N_QUERIES)] + np.float32(0.6) * queries
    items *= rng.lognormal(0, 0.3, size=(N_ITEMS, 1)).astype(np.float32)
    return queries, items


def measure(search: Callable[[np.ndarray], np.ndarray], queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Search one query at a time; give what was found and the milliseconds of each query."""
    search(queries[:1])  # warm
    found, times = [], []
    for query in queries:
        start = time.perf_counter()
        found.append(search(query[None])[0])
        times.append(1000 * (time.perf_counter() - start))
    return np.array(found), np.array(times)


def report(name: str, found: np.ndarray, times: np.ndarray, exact: np.ndarray) -> None:
    """Print one line."""
    recall = search_recall(found, exact)
    middle, slow = np.quantile(times, [0.5, 0.95])
    print(f"{name:32s} recall {recall:.3f}   ms a query: median {middle:6.1f}, 95 % {slow:6.1f}")


def main() -> None:
    """Measure everything."""
    torch.set_num_threads(1)
    queries, items = draw(kinds="--even" not in sys.argv)
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
        print("faiss is not installed: pip install faiss-cpu, to see it beside ours")
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
