"""The runs of chapter 10 that take longer than a notebook may: five seeds of the two towers.

`python -m authoring.saved_runs 10` writes saved/two_towers.csv with the columns data, model, seed,
metric and value. It takes about three minutes on one core.

On the world each seed draws another world; on MovieLens-100K the last event of each user is held out, and a seed moves
the start and the order of the batches. The settings for MovieLens were chosen on the last event but one, those for the
world on the test part of seed 0, as the chapter says.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from authoring.saved_runs import save
from recsys_teach.data import Interactions, movielens, split_last_out, split_per_user
from recsys_teach.data.world import World, make_world
from recsys_teach.evaluation import evaluate
from recsys_teach.models import EASE, Popularity, PureSVD
from recsys_teach.models.two_tower import TwoTower

SEEDS = range(5)
WORLD = {
    "user_columns": ["age_band", "region", "device"],
    "item_columns": ["genre", "second_genre"],
    "n_factors": 16,
    "temperature": 0.3,
    "weight_decay": 1e-3,
    "batch_size": 256,
    "n_epochs": 8,
}
AGES = [0, 17, 24, 34, 44, 54, 120]
Row = tuple[str, str, int, str, float]


def popularity_slope(model: TwoTower, truth: np.ndarray) -> tuple[float, float]:
    """Slope of an item's mean score on its log popularity, and the mean correlation of a row with the true one.

    Over the items met at least 20 times.
    """
    met = model.seen_.sum(axis=0)
    often = met >= 20
    scores = model.score(np.arange(len(truth)))[:, often]
    slope = np.polyfit(np.log(met[often]), scores.mean(axis=0), 1)[0]
    rows = zip(scores, truth[:, often], strict=True)
    return float(slope), float(np.mean([np.corrcoef(row, true)[0, 1] for row, true in rows]))


def auc_of_new_items(world: World, seed: int) -> dict[str, float]:
    """Hide all clicks of a fifth of the items, and rank those items for each user who clicked one: the AUC."""
    clicks = world.clicks()
    new = np.random.default_rng(seed).permutation(clicks.n_items) < clicks.n_items // 5
    train = clicks.take(~new[clicks.item_pos])
    wanted = clicks.matrix().toarray()[:, new] > 0
    users = np.flatnonzero((wanted.sum(axis=1) > 0) & (np.diff(train.matrix().indptr) > 0))
    towers = TwoTower(**WORLD, random_state=seed).fit(train)
    ids = TwoTower(**{**WORLD, "item_columns": []}, random_state=seed).fit(train)
    found = {}
    for name, model in {"features": towers, "ids alone": ids}.items():
        ranks = rankdata(model.score(users)[:, new], axis=1)
        n_wanted = wanted[users].sum(axis=1)
        below = (ranks * wanted[users]).sum(axis=1) - n_wanted * (n_wanted + 1) / 2
        found[name] = float(np.mean(below / (n_wanted * (new.sum() - n_wanted))))
    return found


def run_world(seed: int) -> list[Row]:
    """Measure one world: with and without the correction, with and without features, and new items."""
    world = make_world(random_state=seed)
    split = split_per_user(world.clicks(), random_state=seed)
    truth = np.log(world.truth.score(np.arange(1000)))
    models = {
        "corrected": TwoTower(**WORLD, random_state=seed),
        "uncorrected": TwoTower(**WORLD, correct=False, random_state=seed),
        "ids alone": TwoTower(**{**WORLD, "user_columns": [], "item_columns": []}, random_state=seed),
    }
    rows: list[Row] = []
    for name, model in models.items():
        ndcg = evaluate(model.fit(split.train).score, split, name=name).mean("nDCG@10")
        slope, correlation = popularity_slope(model, truth)
        rows += [("world", name, seed, "nDCG@10", ndcg), ("world", name, seed, "slope", slope)]
        rows.append(("world", name, seed, "correlation", correlation))
    for name, auc in auc_of_new_items(world, seed).items():
        rows.append(("world", name, seed, "AUC of new items", auc))
    return rows


def with_age_bands(ml: Interactions) -> Interactions:
    """Add a column ``age_band`` to the users of MovieLens."""
    assert ml.users is not None
    users = ml.users.assign(age_band=pd.cut(ml.users["age"], AGES).astype(str))
    return Interactions(ml.log, ml.user_ids, ml.item_ids, users, ml.items)


def run_movielens() -> list[Row]:
    """Measure MovieLens-100K, leave last out."""
    split = split_last_out(with_age_bands(movielens.load()))
    profile, genres = ["gender", "occupation", "age_band"], ["genres"]
    models = {("popularity", 0): Popularity(), ("PureSVD", 0): PureSVD(20), ("EASE", 0): EASE(400)}
    for seed in SEEDS:
        models["two towers", seed] = TwoTower(32, profile, genres, random_state=seed)
        models["ids alone", seed] = TwoTower(32, random_state=seed)
        models["uncorrected", seed] = TwoTower(32, profile, genres, correct=False, random_state=seed)
    rows: list[Row] = []
    for (name, seed), model in models.items():
        result = evaluate(model.fit(split.train).score, split, name=name)
        rows.append(("ml-100k", name, seed, "nDCG@10", result.mean("nDCG@10")))
        print(*rows[-1], flush=True)
    return rows


def main() -> None:
    """Run everything and write the table."""
    rows: list[Row] = []
    for seed in SEEDS:
        rows += run_world(seed)
        print(*rows[-11:], sep="\n", flush=True)
    rows += run_movielens()
    table = pd.DataFrame(rows, columns=["data", "model", "seed", "metric", "value"]).round(4)
    save("10", two_towers=table)
