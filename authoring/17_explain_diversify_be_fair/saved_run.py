"""The runs of chapter 17 that take longer than a notebook may: many worlds, many lists, many logs.

`python -m authoring.saved_runs 17` writes the tables below to saved/. It takes about ten minutes on one core.

* counterfactuals: on MovieLens, the number of interactions that the greedy search removes until the first title is
  another one, and the smallest number (found by trying all sets of up to three), for people with 20 to 30 ratings.
  "refit" says whether the first title still is another one after EASE is fitted without these interactions. "error"
  is the largest relative difference between the sum of contributions and the score over the ten first titles.
* diversity: lists of ten re-ranked from the hundred best of EASE, with many settings, in ten worlds. In diversity_flat
  the popularity of a title has no effect on what the old service showed.
* fairness: four models, and random titles, in ten worlds, with gaps between groups of users. With exposure_bias 0 the
  world is as in diversity_flat.
* loop: ten rounds of recommending, logging and retraining, in ten worlds.
* offpolicy: bias and root mean squared error of estimates from 200 logs of each size, in five worlds.

The regularization of EASE in lists of the world (200) had the best mean nDCG@10 of 20, 50, 100, 200 and 400 in the
worlds 10 to 12 (400 was equal), and that in the loop (20) is the default of `run_loop`. Nothing else was tuned. All
worlds here are others.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import softmax

from authoring.saved_runs import save
from recsys_teach.data import Split, movielens, split_per_user
from recsys_teach.data.world import GENRES, World, make_world
from recsys_teach.evaluation import coverage, gini, ndcg_at_k, novelty, top_k
from recsys_teach.explain import contributions, counterfactual
from recsys_teach.fairness import item_exposure, popularity_lift
from recsys_teach.models import EASE, IALS, ItemKNN, Popularity
from recsys_teach.offpolicy import doubly_robust, ips, snips
from recsys_teach.rerank import (
    calibrated,
    calibration_divergence,
    dpp_kernel,
    greedy_dpp,
    intra_list_distance,
    mmr,
)
from recsys_teach.simulate import run_loop

WORLDS = range(100, 110)
SETTINGS = [
    ("EASE", 0.0),
    *(("MMR", trade_off) for trade_off in (0.1, 0.2, 0.3, 0.4, 0.5, 0.7)),
    *(("DPP", weight) for weight in (40.0, 20.0, 10.0, 5.0, 2.0)),
    *(("calibrated", trade_off) for trade_off in (0.1, 0.3, 0.5, 0.7, 0.9)),
]
FLAT_SETTINGS = [("EASE", 0.0), ("calibrated", 0.5), ("calibrated", 0.7)]
LOOPS = {
    "retrained": {},
    "with exploration": {"exploration": 0.1},
    "with correction": {"correct": True},
    "with both": {"exploration": 0.1, "correct": True},
    "oracle": {"oracle": True},
}


def genre_table(world: World) -> np.ndarray:
    """Return the genre shares of each item, shape (n_items, 12): all to the genre, or half to each of two."""
    both = [pd.Categorical(world.items[column], GENRES).codes for column in ("genre", "second_genre")]
    table = sum((code[:, None] == np.arange(len(GENRES))).astype(float) for code in both)
    return table / table.sum(axis=1, keepdims=True)


def first_without(model: EASE | ItemKNN | IALS, row: np.ndarray, sets: np.ndarray) -> np.ndarray:
    """Return the first title of a user without each of some sets of interactions; what the user has is left out."""
    rows = np.tile(row, (len(sets), 1))
    np.put_along_axis(rows, sets, 0, axis=1)
    scores = np.array(model.fold_in(rows), dtype=float)
    scores[:, np.flatnonzero(row)] = -np.inf
    return top_k(scores, 1)[:, 0]


def counterfactuals() -> list[dict[str, object]]:
    """Compare the greedy search with all sets of up to three interactions."""
    ratings = movielens.load()
    matrix = ratings.matrix()
    lengths = np.diff(matrix.indptr)
    users = np.random.default_rng(0).choice(np.flatnonzero((lengths >= 20) & (lengths <= 30)), 120, replace=False)
    rows: list[dict[str, object]] = []
    for name, model in {"EASE": EASE(), "ItemKNN": ItemKNN(), "iALS": IALS()}.items():
        model.fit(ratings)
        for number, user in enumerate(users):
            row = matrix[[user]].toarray()[0]
            removed = counterfactual(model, row, max_size=10)
            first = first_without(model, row, np.empty((1, 0), dtype=int))[0]
            smallest = 0  # 0: no set of up to three interactions is enough
            for size in (1, 2, 3):
                sets = np.array(list(combinations(np.flatnonzero(row), size)))
                if (first_without(model, row, sets) != first).any():
                    smallest = size
                    break
            refit: object = ""
            if name == "EASE" and number < 60 and len(removed):
                kept = ~((ratings.user_pos == user) & np.isin(ratings.item_pos, removed))
                again = (
                    EASE()
                    .fit(ratings.take(kept))
                    .fold_in(np.where(np.isin(np.arange(len(row)), removed), 0, row)[None])
                )
                again[:, np.flatnonzero(row)] = -np.inf
                refit = int(top_k(again, 1)[0, 0] != first)
            scores = np.array(model.fold_in(row[None]))
            scores[:, np.flatnonzero(row)] = -np.inf
            errors = [
                abs(contributions(model, row, i).sum() / scores64(model, row, i) - 1) for i in top_k(scores, 10)[0]
            ]
            rows.append({
                "model": name, "person": number, "history": int(row.sum()), "greedy": len(removed),
                "smallest": smallest, "refit": refit, "error": f"{max(errors):.1e}",
            })  # fmt: skip
    return rows


def scores64(model: EASE | ItemKNN | IALS, row: np.ndarray, item: int) -> float:
    """Compute the score of an item for a new user in float64 from the parameters of a model."""
    if isinstance(model, IALS):
        H, extra = model.item_factors_.astype(float), model.alpha * row
        penalty = model.regularization * (len(row) + extra.sum())
        A = H.T @ (H * (1 + extra)[:, None]) + penalty * np.eye(H.shape[1])
        return float(np.linalg.solve(A, H.T @ np.where(row > 0, 1 + extra, 0)) @ H[item])
    weights = model.item_weights_.astype(float) if isinstance(model, EASE) else model.neighbors_.toarray().T
    return float((row @ weights)[item])


def split_of(world: World, seed: int) -> tuple[Split, np.ndarray]:
    """Split the clicks of a world, and return the users with clicks in both sets."""
    split = split_per_user(world.clicks(), random_state=seed)
    both = (np.diff(split.train.matrix().indptr) > 0) & (np.diff(split.test.matrix().indptr) > 0)
    return split, np.flatnonzero(both)


def diversity(seed: int, settings: list[tuple[str, float]], exposure_bias: float = 1.0) -> list[dict[str, object]]:
    """Re-rank the hundred best titles of each user in many ways."""
    world = make_world(600, 600, random_state=seed, exposure_bias=exposure_bias)
    split, users = split_of(world, seed)
    seen, hidden = split.train.matrix()[users], split.test.matrix()[users]
    scores = np.array(EASE(200.0).fit(split.train).score(users), dtype=float)
    candidates = top_k(scores, 100, seen)
    best = np.take_along_axis(scores, candidates, axis=1)
    differ = best[:, 0] > best[:, -1]  # leaves out a user whose scores are all 0
    users, seen, hidden, candidates, best = (part[differ] for part in (users, seen, hidden, candidates, best))
    best = (best - best[:, -1:]) / (best[:, :1] - best[:, -1:])  # from 0 to 1
    genres = genre_table(world)
    unit = genres / np.linalg.norm(genres, axis=1, keepdims=True)
    similar = unit @ unit.T
    targets = np.array([genres[seen[[u]].indices].mean(axis=0) for u in range(len(users))])
    truth = world.truth.click_probability(users)
    popularity = np.bincount(split.train.item_pos, minlength=600)
    rows: list[dict[str, object]] = []
    for method, setting in settings:
        lists = []
        for items, s, target in zip(candidates, best, targets, strict=True):
            near = similar[np.ix_(items, items)]
            if method == "MMR":
                places = mmr(s, near, 10, setting)
            elif method == "DPP":  # a tenth of the identity, so that ten titles of twelve genres have a volume
                places = greedy_dpp(dpp_kernel(s, 0.9 * near + 0.1 * np.eye(100), setting), 10)
            elif method == "calibrated":
                places = calibrated(s, genres[items], target, 10, setting)
            else:
                places = np.arange(10)
            lists.append(items[places])
        ranked = np.array(lists)
        p = np.take_along_axis(truth, ranked, axis=1)
        divergences = [calibration_divergence(t, genres[r].mean(axis=0)) for t, r in zip(targets, ranked, strict=True)]
        rows.append({
            "seed": seed, "method": method, "setting": setting, "ndcg": ndcg_at_k(ranked, hidden).mean(),
            "truth": p.mean(), "any_click": (1 - (1 - p).prod(axis=1)).mean(),
            "distance": intra_list_distance(ranked, similar).mean(), "divergence": np.mean(divergences),
            "novelty": novelty(ranked, popularity, 600), "coverage": coverage(ranked, 600),
        })  # fmt: skip
    return rows


def fairness(seed: int, exposure_bias: float) -> list[dict[str, object]]:
    """Measure models by the log, by the truth, and by who gets what."""
    world = make_world(1000, 600, random_state=seed, exposure_bias=exposure_bias)
    split, users = split_of(world, seed)
    seen, hidden = split.train.matrix()[users], split.test.matrix()[users]
    truth = world.truth.click_probability(users)
    best = np.sort(truth, axis=1)[:, -10:].mean(axis=1)
    ill = world.users["chronic_illness"].to_numpy()[users]
    active = np.diff(seen.indptr) > np.median(np.diff(seen.indptr))
    popularity = np.bincount(split.train.item_pos, minlength=600)
    rows: list[dict[str, object]] = []
    models = {"popularity": Popularity(), "ItemKNN": ItemKNN(), "iALS": IALS(), "EASE": EASE(200.0)}
    lists = {name: model.fit(split.train).recommend(users, 10) for name, model in models.items()}
    lists["random"] = top_k(np.random.default_rng(seed).random(truth.shape), 10, seen)
    for name, ranked in lists.items():
        measured = {
            "ndcg": ndcg_at_k(ranked, hidden),
            "truth": np.take_along_axis(truth, ranked, axis=1).mean(axis=1),
            "best": best,
        }
        row: dict[str, object] = {"seed": seed, "exposure_bias": exposure_bias, "model": name}
        row["gini"] = gini(item_exposure(ranked, 600))
        row["lift"] = popularity_lift(ranked, seen, popularity)
        row |= {metric: values.mean() for metric, values in measured.items()}
        for group, member in {"ill": ill, "active": active}.items():
            row |= {f"{metric}_gap_{group}": v[member].mean() - v[~member].mean() for metric, v in measured.items()}
        rows.append(row)
    return rows


def loop(seed: int) -> list[pd.DataFrame]:
    """Run the service in five variants."""
    world = make_world(500, 600, random_state=seed)
    return [
        run_loop(world, random_state=seed, **options).assign(seed=seed, service=name) for name, options in LOOPS.items()
    ]


def offpolicy(seed: int, n_logs: int = 200) -> list[dict[str, object]]:
    """Estimate a new policy from many logs of an old one, with propensities that were logged or guessed."""
    world = make_world(300, 100, random_state=seed)
    truth = world.truth.click_probability(np.arange(300))
    clicks = world.clicks()
    scores = np.array(EASE(20.0).fit(clicks).score(np.arange(300)), dtype=float)
    spread = scores.std(axis=1, keepdims=True)
    z = (scores - scores.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1)
    popular = np.log1p(np.bincount(clicks.item_pos, minlength=100))
    old = softmax((popular - popular.mean()) / popular.std() + 0.5 * z, axis=1)
    new = softmax(2 * z, axis=1)
    value = float((new * truth).sum(axis=1).mean())
    rng = np.random.default_rng(seed)
    rows: list[dict[str, object]] = []
    for n in (300, 3_000, 30_000):
        estimates = pd.DataFrame([_estimates(rng, old, new, truth, n) for _ in range(n_logs)])
        for name, found in estimates.items():
            estimator, propensity = str(name).split(", ")
            rows.append({
                "seed": seed, "n": n, "estimator": estimator, "propensity": propensity, "value": value,
                "bias": found.mean() - (0 if estimator == "mean weight" else value),
                "rmse": np.sqrt(((found - value) ** 2).mean()),
            })  # fmt: skip
    return rows


def _estimates(
    rng: np.random.Generator, old: np.ndarray, new: np.ndarray, truth: np.ndarray, n: int
) -> dict[str, float]:
    """Draw a log of the old policy, and compute all estimates of the new one."""
    n_users, n_items = old.shape
    u = rng.integers(n_users, size=n)
    ends = old.cumsum(axis=1)[u]
    i = (rng.random(n)[:, None] * ends[:, -1:] > ends).sum(axis=1)
    reward = (rng.random(n) < truth[u, i]).astype(float)
    half = np.arange(n) < n // 2
    predicted, expected = np.zeros(n), np.zeros(n)
    for here, there in ((half, ~half), (~half, half)):  # a click rate for each item, from the other half of the log
        mean = reward[there].mean()
        shown = np.bincount(i[there], minlength=n_items)
        rate = (np.bincount(i[there], reward[there], n_items) + 10 * mean) / (shown + 10)
        predicted[here], expected[here] = rate[i[here]], new[u[here]] @ rate
    times = np.bincount(i, minlength=n_items)
    found = {"mean of the log, none": float(reward.mean()), "reward model, none": float(expected.mean())}
    for name, propensity in {"logged": old[u, i], "guessed": times[i] / n}.items():
        found |= {
            f"IPS, {name}": ips(reward, new[u, i], propensity),
            f"SNIPS, {name}": snips(reward, new[u, i], propensity),
            f"DR, {name}": doubly_robust(reward, new[u, i], propensity, predicted, expected),
            f"DR with the true rates, {name}": doubly_robust(
                reward, new[u, i], propensity, truth[u, i], (new * truth).sum(axis=1)[u]
            ),
            f"mean weight, {name}": float((new[u, i] / propensity).mean()),
        }
    return found


def main() -> None:
    """Run all experiments."""
    worlds, five = list(WORLDS), list(WORLDS)[:5]
    save("17", offpolicy=pd.DataFrame([row for seed in five for row in offpolicy(seed)]).round(5))
    save("17", loop=pd.concat([table for seed in worlds for table in loop(seed)]).round(5))
    save(
        "17",
        fairness=pd.DataFrame([row for bias in (1.0, 0.0) for seed in worlds for row in fairness(seed, bias)]).round(5),
    )
    save("17", counterfactuals=pd.DataFrame(counterfactuals()))
    flat = [row for seed in worlds for row in diversity(seed, FLAT_SETTINGS, exposure_bias=0.0)]
    save("17", diversity_flat=pd.DataFrame(flat).round(5))
    save("17", diversity=pd.DataFrame([row for seed in worlds for row in diversity(seed, SETTINGS)]).round(5))
