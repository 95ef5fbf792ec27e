"""The runs of chapter 02 that take longer than a notebook may: new titles on a shelf, and the number of neighbors.

`python -m authoring.saved_runs 02` writes saved/shelf.csv (service, seed, kept, model, ndcg) and saved/neighbors.csv
(seed, k, model, validation, without_test, test). It takes about ten minutes on one core.

A shelf is a random hundred of the titles that have at least 48 clicks (100 ratings in MovieLens). Of each title on it,
32 events, drawn at random, are set aside, and all others are hidden. The models see the first n of the 32 ("kept").
Everybody with a hidden title has the shelf ranked; titles that the person has in the kept part are left out. In the
world without content genres say nothing about who clicks. A seed draws another shelf and other events to set aside.
The hybrid blends content and ItemKNN with λ = 0; its HALF = 2 was the best of 1, 2, 4, 8 and 16 on four other shelves
of MovieLens (seeds 90 to 93), by the mean nDCG over all numbers kept above 0. No other setting was tuned.

For the number of neighbors k, the training part of a split of MovieLens is split once more in the same way. The
nDCG@10 on the inner held-out part is that of the validation set (models fitted on the inner training part), and the
nDCG@10 of the same k, fitted on the outer training part, is that of the test set. On the validation set the films of
the test set are in the ranking as well; "without_test" is the nDCG@10 of the same models when they are left out.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from authoring.saved_runs import save
from recsys_teach.data import Interactions, movielens, split_per_user
from recsys_teach.data.world import load_world, make_world
from recsys_teach.evaluation import evaluate, ndcg_at_k, top_k
from recsys_teach.models import ContentProfile, ItemKNN, UserKNN

KEPT = (0, 1, 2, 4, 8, 16, 32)
SIZE, SEEDS = 100, range(100, 110)
HALF = 2  # with this number of events, content and neighbors have the same weight in the hybrid
NEIGHBORS, SPLITS = (1, 3, 10, 30, 100, 300, 900), range(100, 105)


def standardized(scores: np.ndarray) -> np.ndarray:
    """Subtract the mean of each row and divide by its standard deviation; a row of equal scores becomes 0."""
    spread = scores.std(axis=1, keepdims=True)
    return (scores - scores.mean(axis=1, keepdims=True)) / np.where(spread > 1e-7, spread, 1)


def hybrid(content: np.ndarray, neighbors: np.ndarray, n: int) -> np.ndarray:
    """Blend two tables of scores; with n events, neighbors have the weight n / (n + HALF)."""
    weight = n / (n + HALF)
    return (1 - weight) * standardized(content) + weight * standardized(neighbors)


def shelf(data: Interactions, columns: list[str], seed: int, least: int) -> list[dict[str, object]]:
    """Measure the models on one shelf of titles that keep a few of their events each."""
    rng = np.random.default_rng(seed)
    n_events = np.bincount(data.item_pos, minlength=data.n_items)
    titles = rng.choice(np.flatnonzero(n_events >= least), SIZE, replace=False)
    on_shelf = np.isin(data.item_pos, titles)
    # the place of each event in a random order of those of its title: 1, 2, ... (a title keeps the first ones)
    place = pd.Series(rng.random(len(data))).groupby(data.item_pos).rank().to_numpy()
    hidden = data.take(on_shelf & (place > max(KEPT))).matrix()[:, titles]  # the same for every number kept
    users = np.flatnonzero(np.diff(hidden.indptr))  # those with something to find
    ties = 1e-9 * rng.random((len(users), SIZE))  # too small for anything but ties, which it breaks at random
    models = {
        "content": ContentProfile(columns),
        "ItemKNN": ItemKNN(),
        "ItemKNN, λ = 0": ItemKNN(shrinkage=0),
        "UserKNN": UserKNN(),
    }
    rows: list[dict[str, object]] = []
    for kept in KEPT:
        train = data.take(~on_shelf | (place <= kept))
        known = train.matrix()[users][:, titles]  # not recommended again
        scores = {name: model.fit(train).score(users)[:, titles] for name, model in models.items()}
        scores["hybrid"] = hybrid(scores["content"], scores["ItemKNN, λ = 0"], kept)
        scores["random"] = np.zeros((len(users), SIZE))
        for name, values in scores.items():
            ndcg = float(ndcg_at_k(top_k(values + ties, 10, known), hidden[users]).mean())
            rows.append({"seed": seed, "kept": kept, "model": name, "ndcg": round(ndcg, 5)})
    return rows


def numbers_of_neighbors(data: Interactions, seed: int) -> list[dict[str, object]]:
    """Measure both kinds of neighbors with few and many of them, on a validation set and on a test set."""
    outer = split_per_user(data, random_state=seed)
    inner = split_per_user(outer.train, random_state=seed)
    hidden = inner.test.matrix()
    users = np.flatnonzero(np.diff(hidden.indptr))
    seen = (inner.train.matrix() + outer.test.matrix())[users]
    rows: list[dict[str, object]] = []
    for k in NEIGHBORS:
        models = {"ItemKNN": ItemKNN(k=k), "ItemKNN, λ = 0": ItemKNN(k=k, shrinkage=0), "UserKNN": UserKNN(k=k)}
        for name, model in models.items():
            row: dict[str, object] = {"seed": seed, "k": k, "model": name}
            row["validation"] = round(evaluate(model.fit(inner.train).score, inner, name=name).mean("nDCG@10"), 5)
            row["without_test"] = round(float(ndcg_at_k(top_k(model.score(users), 10, seen), hidden[users]).mean()), 5)
            row["test"] = round(evaluate(model.fit(outer.train).score, outer, name=name).mean("nDCG@10"), 5)
            rows.append(row)
    return rows


def main() -> None:
    """Measure ten shelves in each of three services, and seven numbers of neighbors on five splits of MovieLens."""
    genres = ["genre", "second_genre"]
    services = {
        "MovieLens": (movielens.load(), ["genres", "title"], 100),
        "world": (load_world().clicks(), genres, 48),
        "world without content": (make_world(content_strength=0).clicks(), genres, 48),
    }
    rows = [
        {"service": name, **row}
        for name, (data, columns, least) in services.items()
        for seed in SEEDS
        for row in shelf(data, columns, seed, least)
    ]
    ratings = movielens.load()
    sweep = [row for seed in SPLITS for row in numbers_of_neighbors(ratings, seed)]
    save("02", shelf=pd.DataFrame(rows), neighbors=pd.DataFrame(sweep))
