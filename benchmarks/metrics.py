"""Compare the metrics with those of ranx and scikit-learn: that the values are equal, and how long they take."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
from scipy import sparse
from sklearn.metrics import ndcg_score

from benchmarks.tasks import small
from recsys_teach.evaluation import metrics, top_k

K, N_ITEMS, TURNS = 20, 3_000, 9
OURS = {
    "ndcg": metrics.ndcg_at_k,
    "recall": metrics.recall_at_k,
    "precision": metrics.precision_at_k,
    "hit_rate": metrics.hit_rate_at_k,
    "mrr": metrics.mrr_at_k,
    "map": metrics.map_at_k,
}


def random_case(n_users: int, seed: int = 0) -> tuple[np.ndarray, sparse.csr_array]:
    """Draw scores with many ties, and 1 to 19 relevant items per user, which fit a list of 20.

    Parameters
    ----------
    n_users : int
        Number of users.
    seed : int, default=0
        Seed of the random numbers.

    Returns
    -------
    scores : array of float, shape (n_users, n_items)
        Scores of all items.
    relevant : sparse array, shape (n_users, n_items)
        1 for each relevant item.
    """
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 400, size=(n_users, N_ITEMS)).astype(float)
    n_relevant = rng.integers(1, K, size=n_users)
    users = np.repeat(np.arange(n_users), n_relevant)
    items = np.concatenate([rng.choice(N_ITEMS, n, replace=False) for n in n_relevant])
    ones = np.ones(len(users))
    scores[users, items] += rng.integers(0, 200, size=len(users))  # better than random scores
    return scores, sparse.coo_array((ones, (users, items)), shape=scores.shape).tocsr()


def for_ranx(ranked: np.ndarray, relevant: sparse.csr_array) -> tuple:
    """Convert ranked lists to the data structures of ranx.

    ranx sorts items by score, and the order of equal scores depends on its sorting algorithm. To evaluate the same
    lists as we do, the score of an item is the number of positions from it to the end of the list.

    Parameters
    ----------
    ranked : array of int, shape (n_users, k)
        Positions of the recommended items, best first.
    relevant : sparse array, shape (n_users, n_items)
        1 for each relevant item.

    Returns
    -------
    qrels : ranx.Qrels
        Relevant items.
    run : ranx.Run
        Ranked lists.
    """
    from ranx import Qrels, Run

    k = ranked.shape[1]
    wanted = [{str(i): 1 for i in row.tolist()} for row in np.split(relevant.indices, relevant.indptr[1:-1])]
    lists = [{str(i): float(k - rank) for rank, i in enumerate(row)} for row in ranked.tolist()]
    names = [f"{user:09d}" for user in range(len(ranked))]  # with leading zeros, because ranx sorts them as text
    return Qrels(dict(zip(names, wanted, strict=True))), Run(dict(zip(names, lists, strict=True)))


def check_against_sklearn(n_users: int = 300) -> float:
    """Assert that nDCG averaged over ties equals that of scikit-learn.

    Parameters
    ----------
    n_users : int, default=300
        Number of users.

    Returns
    -------
    float
        Largest difference.
    """
    scores, relevant = random_case(n_users, seed=1)
    ours = metrics.tied_ndcg_at_k(scores, relevant, K)
    theirs = [ndcg_score(relevant[[u]].toarray(), scores[[u]], k=K) for u in range(n_users)]
    np.testing.assert_allclose(ours, theirs, atol=1e-12)
    return float(np.abs(ours - theirs).max())


def measure_metrics() -> dict:
    """Measure the time of nDCG, and of six metrics together, with our code and with ranx.

    Both are called once before, and then take turns. The function asserts that their values agree.

    Returns
    -------
    dict of str to float
        Median seconds of each measurement, and the largest difference from scikit-learn; with the key "error" if ranx
        cannot be imported.
    """
    found: dict = {"scikit-learn": check_against_sklearn()}
    scores, relevant = random_case(600 if small() else 6_000)
    ranked = top_k(scores, K)
    try:
        from ranx import evaluate
    except ImportError as error:
        return found | {"error": f"ranx cannot be imported: {error}"}
    start = time.process_time()
    qrels, run = for_ranx(ranked, relevant)
    found["ranx, to build its form, compiling"] = time.process_time() - start
    found["ranx, first call, compiling"] = _seconds(lambda: evaluate(qrels, run, [f"{name}@{K}" for name in OURS]))
    for name, measure in OURS.items():
        theirs = evaluate(qrels, run, f"{name}@{K}", return_mean=False)
        np.testing.assert_allclose(measure(ranked, relevant), theirs, atol=1e-12, err_msg=name)
    for label, names in {"nDCG": ["ndcg"], "six metrics": list(OURS)}.items():
        ranx_names = [f"{name}@{K}" for name in names]
        turns = [
            (
                _seconds(lambda names=names: _ours(names, ranked, relevant)),
                _seconds(lambda ranx_names=ranx_names: evaluate(qrels, run, ranx_names)),
            )
            for _ in range(TURNS)
        ]
        for side, seconds in zip(("ours", "ranx"), zip(*turns, strict=True), strict=True):
            found[f"{side}, {label}"] = statistics.median(seconds)
    return found


def _ours(names: list[str], ranked: np.ndarray, relevant: sparse.csr_array) -> object:
    """Compute one metric, or all of them together."""
    return OURS[names[0]](ranked, relevant) if len(names) == 1 else metrics.metrics_at_k(ranked, relevant)


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
