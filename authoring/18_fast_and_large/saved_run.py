"""The runs of chapter 18 that take longer than a notebook may: faster passes, tuning, and Spark beside one process.

`python -m authoring.saved_runs 18` writes all tables but growth.csv, in about 20 minutes on an idle core. All seconds
are processor time (the sum over all processes), which other programs on the machine disturb less than the clock.

* saved/steps.csv (version, people, ratings, seconds, difference): one pass over the people of MovieLens-100K, in six
  versions; "difference" is the largest one to the first version. More people than 943 are copies of all of them.
* saved/floor.csv (task, dtype, gigabytes, seconds, floor): three tasks beside the time in which their bytes can move at
  the speed that was measured by copying an array.
* saved/approximate.csv (seed, steps, seconds, ndcg): IALS with few and with many conjugate-gradient steps.
* saved/settings.csv (seed, draw, kind, setting, alpha, regularization, epochs_1 to epochs_16, test): settings of IALS,
  drawn at random ("random"), on a grid of two by three ("grid") or on three such grids that are shifted at random
  ("shifted grid"), and one setting with 64 random starts ("start"). A seed is a split of MovieLens, on which each
  setting is fitted once. A draw takes 100 people; their nDCG@10 on the hidden fifth of their ratings, after 1 to 16
  epochs, is the validation score, and "test" is that of the other 843 people after 16 epochs.
* saved/spark.csv (engine, ratings, seconds, megabytes, difference): ten epochs of ALS in one process and on Spark in
  local mode with one thread, start of Spark included; "difference" is the largest one between the user factors.

growth.csv (model, users, events, seconds, megabytes) is written by `python -m benchmarks`, one row per model, size and
run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pandas as pd
import psutil
from scipy import sparse

from authoring.saved_runs import save
from benchmarks.measure import peak_mb
from recsys_teach import scale
from recsys_teach.data import movielens, split_per_user
from recsys_teach.evaluation import evaluate, ndcg_at_k, top_k
from recsys_teach.models.factors import padded_blocks
from recsys_teach.models.implicit import IALS, ials_pass

SEEDS = range(100, 108)
FACTORS, REGULARIZATION = 16, 5.0
EPOCHS = (1, 2, 4, 8, 16)
N_SETTINGS, N_DRAWS, N_VALIDATION = 64, 5, 100
ALPHA, LAMBDA = (0.25, 64.0), (0.0003, 0.3)


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the processor time of a call in this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


# --- faster passes ------------------------------------------------------------------------------------------------


def pass_by_loop(users, items, values, n_users, Q):
    """Find each person's ratings in the complete log, and add them one by one."""
    P = np.zeros((n_users, Q.shape[1]))
    for u in range(n_users):
        A, b = REGULARIZATION * np.eye(Q.shape[1]), np.zeros(Q.shape[1])
        for at in np.flatnonzero(users == u):
            q = Q[items[at]]
            A += np.outer(q, q)
            b += values[at] * q
        P[u] = np.linalg.solve(A, b)
    return P


def pass_sorted(users, items, values, n_users, Q):
    """Sort the log by person first, so that a person's ratings are a slice."""
    matrix = sparse.csr_array((values, (users, items)), shape=(n_users, len(Q)))
    P = np.zeros((n_users, Q.shape[1]))
    for u in range(n_users):
        A, b = REGULARIZATION * np.eye(Q.shape[1]), np.zeros(Q.shape[1])
        for at in range(matrix.indptr[u], matrix.indptr[u + 1]):
            q = Q[matrix.indices[at]]
            A += np.outer(q, q)
            b += matrix.data[at] * q
        P[u] = np.linalg.solve(A, b)
    return P


def pass_vectorized(users, items, values, n_users, Q):
    """Take the slice of each person, and one matrix product for all of its ratings."""
    matrix = sparse.csr_array((values, (users, items)), shape=(n_users, len(Q)))
    P = np.zeros((n_users, Q.shape[1]))
    penalty = REGULARIZATION * np.eye(Q.shape[1])
    for u in range(n_users):
        mine = slice(matrix.indptr[u], matrix.indptr[u + 1])
        X = Q[matrix.indices[mine]]
        P[u] = np.linalg.solve(X.T @ X + penalty, X.T @ matrix.data[mine])
    return P


def pass_batched(users, items, values, n_users, Q):
    """Solve the people in padded blocks."""
    matrix = sparse.csr_array((values, (users, items)), shape=(n_users, len(Q)))
    return scale.ridge_pass(padded_blocks(matrix, Q.shape[1]), Q, np.full(n_users, REGULARIZATION, dtype=Q.dtype))[0]


def pass_float32(users, items, values, n_users, Q):
    """Do the same with numbers of four bytes."""
    return pass_batched(users, items, values, n_users, Q.astype(np.float32))


VERSIONS = {
    "loop": (pass_by_loop, 1),
    "sorted": (pass_sorted, 1),
    "one product per person": (pass_vectorized, 10),
    "batched": (pass_batched, 100),
    "batched, float32": (pass_float32, 100),
}


def people(share: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Return users, items and ratings minus their mean of a part of MovieLens, or of several copies of all people."""
    ml = movielens.load()
    stars = ml.log["rating"].to_numpy(float)
    stars -= stars.mean()
    n = max(1, round(share))
    users = (ml.user_pos + ml.n_users * np.arange(n)[:, None]).ravel()
    items, values, n_users = np.tile(ml.item_pos, n), np.tile(stars, n), round(ml.n_users * share)
    keep = users < n_users
    return users[keep], items[keep], values[keep], n_users


def faster_passes() -> pd.DataFrame:
    """Measure one pass of each version on growing numbers of people."""
    Q = np.random.default_rng(18).normal(size=(movielens.load().n_items, FACTORS)) / 4
    rows, expected = [], {}
    for name, (one_pass, most) in VERSIONS.items():
        for share in (0.25, 0.5, 1, 10, 100):
            if share > most:
                continue
            data = people(share)
            found = []
            seconds = min(cpu_seconds(lambda: found.append(one_pass(*data, Q))) for _ in range(3 if share <= 1 else 1))  # noqa: B023
            first = expected.setdefault(share, found[0]) if share <= 1 else found[0]
            difference = float(np.abs(found[0] - first).max())
            rows.append([name, data[3], len(data[0]), round(seconds, 4), f"{difference:.1e}"])
    return pd.DataFrame(rows, columns=["version", "people", "ratings", "seconds", "difference"])


def fastest(work: Callable[[], object]) -> float:
    """Return the smallest processor time of seven calls."""
    return min(cpu_seconds(work) for _ in range(7))


def floors() -> pd.DataFrame:
    """Measure three tasks on ten or fifty million ratings beside the time that their bytes need to move."""
    source = np.ones(50_000_000)
    copy = fastest(partial(np.copyto, np.zeros_like(source), source))
    bandwidth = 2 * source.nbytes / copy  # each byte is read and written
    rows = [["copy an array", "float64", 2 * source.nbytes / 1e9, copy, copy]]
    for values in (source, source.astype(np.float32)):
        seconds = fastest(values.sum)
        rows.append(
            ["add 50 million ratings", values.dtype.name, values.nbytes / 1e9, seconds, values.nbytes / bandwidth]
        )
    users, items, ratings, n_users = people(100)
    Q = (np.random.default_rng(18).normal(size=(items.max() + 1, FACTORS)) / 4).astype(np.float32)
    blocks = padded_blocks(sparse.csr_array((ratings, (users, items)), shape=(n_users, len(Q))), FACTORS)
    seconds = cpu_seconds(lambda: scale.ridge_pass(blocks, Q, np.full(n_users, np.float32(REGULARIZATION))))
    traffic = 8 * len(ratings) + 4 * FACTORS * n_users
    rows.append(["one pass over 10 million ratings", "float32", traffic / 1e9, seconds, traffic / bandwidth])
    return pd.DataFrame(rows, columns=["task", "dtype", "gigabytes", "seconds", "floor"]).round(4)


def approximate() -> pd.DataFrame:
    """Measure IALS with few and with many steps of the conjugate gradient on eight splits."""
    rows = []
    for seed in SEEDS:
        split = split_per_user(movielens.load(), random_state=seed)
        for steps in (1, 3, 64):
            model = IALS(64, n_steps=steps)
            seconds = cpu_seconds(lambda: model.fit(split.train))  # noqa: B023
            ndcg = evaluate(model.score, split, name="").mean("nDCG@10")
            rows.append([seed, steps, round(seconds, 2), round(ndcg, 5)])
    return pd.DataFrame(rows, columns=["seed", "steps", "seconds", "ndcg"])


# --- tuning -------------------------------------------------------------------------------------------------------


def scores_after_epochs(split, alpha: float, regularization: float, random_state: int, epochs: tuple) -> np.ndarray:
    """Return the nDCG@10 of each person after some numbers of epochs of one fit, shape (5, n_users)."""
    model = IALS(FACTORS, alpha, regularization)
    extra = alpha * split.train.counts()
    by_user, by_item = (padded_blocks(matrix, FACTORS) for matrix in (extra, extra.T.tocsr()))
    user_ridge, item_ridge = model._ridge(extra), model._ridge(extra.T.tocsr())
    rng = np.random.default_rng(random_state)
    users, items = (rng.standard_normal((n, FACTORS), dtype=np.float32) / np.float32(FACTORS) for n in extra.shape)
    hidden, seen = split.test.matrix(), split.train.matrix()
    found = np.full((len(EPOCHS), extra.shape[0]), np.nan)
    for epoch in range(1, max(EPOCHS) + 1):
        items, _ = ials_pass(by_item, items, users, item_ridge, 3)
        users, _ = ials_pass(by_user, users, items, user_ridge, 3)
        if epoch in epochs:
            found[EPOCHS.index(epoch)] = ndcg_at_k(top_k(users @ items.T, 10, seen), hidden)
    return found


def candidates(rng: np.random.Generator) -> Iterator[tuple[str, int, float, float]]:
    """Yield the settings of a seed, on a logarithmic scale: drawn at random, a grid, and three shifted grids."""
    for number in range(N_SETTINGS):
        yield "random", number, *_in_box(rng.random(), rng.random())
    for number in range(6):
        yield "grid", number, *_in_box((number // 3 + 0.5) / 2, (number % 3 + 0.5) / 3)
    shifts = rng.random((3, 2))
    for number in range(18):
        down, right = shifts[number // 6]
        yield "shifted grid", number, *_in_box((number % 6 // 3 + down) / 2, (number % 3 + right) / 3)


def _in_box(x: float, y: float) -> list[float]:
    """Return the setting at a place of the unit square."""
    return [float(low * (high / low) ** z) for z, (low, high) in zip((x, y), (ALPHA, LAMBDA), strict=True)]


def settings() -> pd.DataFrame:
    """Fit every setting once for each seed, and one setting with 64 starts; score them on five draws of people."""
    rows = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        split = split_per_user(movielens.load(), random_state=seed)
        n_users = split.train.n_users
        draws = [rng.permutation(n_users)[:N_VALIDATION] for _ in range(N_DRAWS)]
        fits = [(*candidate, 0, EPOCHS) for candidate in candidates(rng)]
        fits += [("start", number, 4.0, 0.02, number, EPOCHS[-1:]) for number in range(N_SETTINGS)]
        for kind, number, alpha, regularization, random_state, epochs in fits:
            scores = scores_after_epochs(split, alpha, regularization, random_state, epochs)
            for draw, validation in enumerate(draws):
                others = np.setdiff1d(np.arange(n_users), validation)
                after = scores[:, validation].mean(axis=1).round(5)
                test = round(float(scores[-1, others].mean()), 5)
                rows.append([seed, draw, kind, number, f"{alpha:.3g}", f"{regularization:.2g}", *after, test])
        print(f"settings: seed {seed}", flush=True)
    columns = [f"epochs_{epoch}" for epoch in EPOCHS]
    return pd.DataFrame(rows, columns=["seed", "draw", "kind", "setting", "alpha", "regularization", *columns, "test"])


# --- Spark --------------------------------------------------------------------------------------------------------


def in_one_process(matrix: sparse.csr_array, start: np.ndarray, n_epochs: int) -> np.ndarray:
    """Alternate in this process and return the factors of the users."""
    by_user, by_item = (padded_blocks(each, FACTORS) for each in (matrix, matrix.T.tocsr()))
    ridges = [np.full(n, np.float32(REGULARIZATION)) for n in matrix.shape]
    users = start
    for _ in range(n_epochs):
        items, _ = scale.ridge_pass(by_item, users, ridges[1])
        users, _ = scale.ridge_pass(by_user, items, ridges[0])
    return users


def on_spark(matrix: sparse.csr_array, start: np.ndarray, n_epochs: int) -> tuple[np.ndarray, float, float]:
    """Do the same on Spark with one thread; return the factors, the processor time and the memory of all processes."""
    ridges = [np.full(n, np.float32(REGULARIZATION)) for n in matrix.shape]
    me, began = psutil.Process(), time.process_time()
    with scale.local_session(1, memory_gb=2) as session:
        users, _, _ = scale.alternate_on_spark(session.sparkContext, matrix, start, *ridges, n_epochs)
        children = me.children(recursive=True)
        seconds = sum(child.cpu_times().user + child.cpu_times().system for child in children)
        megabytes = sum(process.memory_info().rss for process in [me, *children]) / 2**20
    return users, seconds + time.process_time() - began, megabytes


def spark_beside_one_process() -> pd.DataFrame:
    """Fit ten epochs at three sizes, in one process and on Spark."""
    rows = []
    for copies in (1, 10, 50):
        users, items, values, n_users = people(copies)
        matrix = sparse.csr_array((values.astype(np.float32), (users, items)), shape=(n_users, items.max() + 1))
        rng = np.random.default_rng(18)
        start = (rng.normal(size=(n_users, FACTORS)) / 4).astype(np.float32)
        began, found = time.process_time(), []
        _, peak = peak_mb(lambda: found.append(in_one_process(matrix, start, 10)))  # noqa: B023
        seconds = time.process_time() - began
        rows.append(["one process", matrix.nnz, round(seconds, 2), round(peak), "0"])
        factors, seconds, megabytes = on_spark(matrix, start, 10)
        difference = float(np.abs(factors - found[0]).max())
        rows.append(["Spark, one thread", matrix.nnz, round(seconds, 2), round(megabytes), f"{difference:.1e}"])
        print(rows[-2:], flush=True)
    return pd.DataFrame(rows, columns=["engine", "ratings", "seconds", "megabytes", "difference"])


def main() -> None:
    """Write all tables but growth.csv."""
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [os.getcwd(), os.environ.get("PYTHONPATH")]))
    save("18", steps=faster_passes(), floor=floors(), approximate=approximate())
    save("18", settings=settings())
    save("18", spark=spark_beside_one_process())
