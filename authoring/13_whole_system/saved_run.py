"""The runs of chapter 13 that take longer than a notebook may: the ablation of the whole system, five seeds.

`python -m authoring.saved_runs 13` writes saved/ablation.csv. It takes about six minutes on one core.

On the world each seed draws another world. Impressions before day 180 train; everybody then gets ten titles out of
those not shown before, measured under the truth and by nDCG@10 on the clicks from day 180 on. "newcomers": training
ends on day 120, histories go on until day 180, and those who came between with ten impressions or more are measured.
On MovieLens-100K the last fifth of the whole log is the test part, and a seed moves the start and the batches: the
spread over seeds is that of the training, not that of the people.

In world 3 two runs are no fair picture of the part left out, because training collapsed: the click head of "single
task" gives every title the same probability, and without features the click head hardly distinguishes titles (standard
deviation over titles 0.004).

Columns: data, model, seed, metric, value, then the paired difference to the whole system with its 95 % bootstrap
interval over users (difference, low, high), and the number of parameters.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from authoring.saved_runs import save
from recsys_teach.data import Interactions, movielens, split_global_time
from recsys_teach.data.world import DAY, World, make_world
from recsys_teach.evaluation import bootstrap_interval, ndcg_at_k, rank_unseen
from recsys_teach.models import EASE, Popularity
from recsys_teach.models.multitask import n_parameters
from recsys_teach.models.two_stage import TwoStageRecommender

SEEDS = range(5)
PROFILE, GENRES = ["age_band", "region", "device"], ["genre", "second_genre"]
WHOLE = {
    "weights": {"finish": 1.0, "like": 1.0},
    "user_columns": PROFILE,
    "item_columns": GENRES,
    "group_column": "genre",
}
PARTS_LEFT_OUT = {
    "without re-ranking": {"group_column": None},
    "without behavior": {"behavior": False},
    "without features": {"user_columns": [], "item_columns": []},
    "single task": {"tasks": {"click": "binary"}, "weights": None, "width": 20},  # as many parameters, within 1 %
}
MOVIELENS = {
    "tasks": {"rating": "regression", "like": "binary"},
    "gate": None,
    "weights": {"like": 1.0},
    "user_columns": ["gender", "occupation", "age_band"],
    "item_columns": ["genres"],
    "temperature": 0.1,
    "batch_size": 1024,
    "n_epochs": 3,
}
AGES = [0, 17, 24, 34, 44, 54, 120]
PerUser = dict[str, np.ndarray]  # one number a user for each metric; NaN where a user is not measured


def until(world: World, day: int) -> tuple[Interactions, Interactions]:
    """Cut the impressions at a day."""
    exposed = world.exposed()
    early = (exposed.log["time"] < day * DAY).to_numpy()
    return exposed.take(early), exposed.take(~early)


def measure(world: World, lists: np.ndarray, test: Interactions | None, users: np.ndarray) -> PerUser:
    """Say what each of the users gets from a list (n, 10), by the truth and by the log."""
    truth = world.truth
    click = truth.click_probability(users)
    finish, like = click * truth.finish_given_click(users), click * truth.like_given_click(users)
    tables = {"clicks": click, "finishes": finish, "likes": like, "utility": click + finish + like}
    found = {name: np.take_along_axis(table, lists, axis=1).sum(axis=1) for name, table in tables.items()}
    found["genres"] = np.array([len(set(truth.genre[row])) for row in lists], dtype=float)
    if test is not None:
        wanted = test.take(test.log["click"].to_numpy(dtype=bool)).matrix()[users]
        some = np.diff(wanted.indptr) > 0
        found["nDCG@10"] = np.full(len(users), np.nan)
        found["nDCG@10"][some] = ndcg_at_k(lists[some], wanted[some])
    return found


def rows(data: str, seed: int, found: dict[str, PerUser], base: str, sizes: dict[str, int]) -> list[dict]:
    """Write means, and paired differences to the base."""
    table = []
    for model, per_user in found.items():
        for metric, values in per_user.items():
            difference = values - found[base][metric]
            low, high = bootstrap_interval(difference)
            row = {"data": data, "model": model, "seed": seed, "metric": metric, "value": np.nanmean(values)}
            row |= {"difference": np.nanmean(difference), "low": low, "high": high}
            table.append(row | {"parameters": sizes.get(model, 0)})
            if metric in ("clicks", "utility", "nDCG@10"):
                print(
                    data,
                    model,
                    seed,
                    metric,
                    *(f"{row[c]:.3f}" for c in ("value", "difference", "low", "high")),
                    flush=True,
                )
    return table


def run_world(seed: int) -> list[dict]:
    """Run the whole system, what is left without a part, and the lines below and above."""
    world = make_world(random_state=seed)
    train, test = until(world, 180)
    users, seen = np.arange(train.n_users), train.matrix()
    whole = TwoStageRecommender(**WHOLE, random_state=seed).fit(train)
    lists, sizes = {"whole": whole.recommend(users, 10)}, {"whole": n_parameters(whole.parts_)}
    for name, change in PARTS_LEFT_OUT.items():
        model = TwoStageRecommender(**{**WHOLE, **change}, random_state=seed)
        model = model.fit(train)
        lists[name], sizes[name] = model.recommend(users, 10), n_parameters(model.parts_)
    lists["interest alone"] = whole.candidates(users, 10)
    lists["all items ranked"] = rank_unseen(whole.score, users, 10, seen)
    clicks = train.take(train.log["click"].to_numpy(dtype=bool))
    lists["popularity"] = rank_unseen(Popularity().fit(clicks).score, users, 10, seen)
    lists["EASE"] = rank_unseen(EASE(100.0).fit(clicks).score, users, 10, seen)
    lists["random"] = rank_unseen(lambda u: np.random.default_rng(seed).random((len(u), 600)), users, 10, seen)
    truth = world.truth

    def best(u: np.ndarray) -> np.ndarray:
        return truth.click_probability(u) * (1 + truth.finish_given_click(u) + truth.like_given_click(u))

    lists["truth"] = rank_unseen(best, users, 10, seen)
    found = {name: measure(world, chosen, test, users) for name, chosen in lists.items()}
    return rows("world", seed, found, "whole", sizes)


def run_newcomers(seed: int) -> list[dict]:
    """Let people come after the training, and read their histories."""
    world = make_world(random_state=seed)
    early, now = until(world, 120)[0], until(world, 180)[0]
    n_then, n_now = (np.diff(part.matrix().indptr) for part in (early, now))
    users = np.flatnonzero((n_then == 0) & (n_now >= 10))
    found = {}
    for name, behavior in {"whole": True, "without behavior": False}.items():
        model = TwoStageRecommender(**WHOLE, behavior=behavior, random_state=seed).fit(early).update_histories(now)
        found[name] = measure(world, model.recommend(users, 10), None, users)
    return rows("newcomers", seed, found, "whole", {})


def with_labels(ml: Interactions) -> Interactions:
    """Add a column ``like`` to the log of MovieLens, four stars or more, and age bands to its users."""
    assert ml.users is not None
    users = ml.users.assign(age_band=pd.cut(ml.users["age"], AGES).astype(str))
    log = ml.log.assign(like=(ml.log["rating"] >= 4).astype(int))
    return Interactions(log, ml.user_ids, ml.item_ids, users, ml.items)


def run_movielens(seed: int) -> list[dict]:
    """Rank by the utility, by the interest model and by P(like) alone."""
    split = split_global_time(with_labels(movielens.load()))
    seen, wanted = split.train.matrix(), split.test.matrix()
    users = np.flatnonzero(np.diff(wanted.indptr))
    whole = TwoStageRecommender(**MOVIELENS, random_state=seed).fit(split.train)
    without = TwoStageRecommender(**{**MOVIELENS, "behavior": False}, random_state=seed).fit(split.train)
    everything = np.arange(split.train.n_items)[None]
    scores = {
        "interest alone": whole.interest,
        "like alone": lambda u: whole.outputs(u, np.repeat(everything, len(u), axis=0))["like"],
        "popularity": Popularity().fit(split.train).score,
        "EASE": EASE(400.0).fit(split.train).score,
    }
    lists = {name: rank_unseen(score, users, 10, seen) for name, score in scores.items()}
    lists = {"whole": whole.recommend(users, 10), "without behavior": without.recommend(users, 10)} | lists
    found = {name: {"nDCG@10": ndcg_at_k(chosen, wanted[users])} for name, chosen in lists.items()}
    pairs = split.test.user_pos, split.test.item_pos[:, None]
    error = whole.outputs(*pairs)["rating"][:, 0] - split.test.log["rating"].to_numpy()
    known = np.diff(seen.indptr)[split.test.user_pos] > 0
    print("RMSE", np.sqrt(np.mean(error**2)), "of people in training", np.sqrt(np.mean(error[known] ** 2)))
    return rows("ml-100k", seed, found, "whole", {"whole": n_parameters(whole.parts_)})


def main() -> None:
    """Run everything and write the table."""
    torch.set_num_threads(1)
    table = []
    for seed in SEEDS:
        for run in (run_world, run_newcomers, run_movielens):
            table += run(seed)
    frame = pd.DataFrame(table).round(4)
    save("13", ablation=frame)
