"""The runs of chapter 14 that take longer than a notebook may: everybody is a newcomer once, and five sets of arms.

`python -m authoring.saved_runs 14` writes saved/newcomers.csv (data, new, model, known, fold, ndcg,
tested), crossovers.csv (data, new, order, ahead, behind, known, low, high) and bandits.csv (seed, bandit, regret,
locked). It takes about five minutes on one core.

Each fifth of the people (or items) of a world of 2,000 people and of MovieLens-100K is held out whole once; their first
k events are known, those after the tenth are scored. For items, the log is transposed: which people meet a new item?
The noise of the hybrid is chosen, for each of the four, on newcomers cut from the first fold's training part; the other
settings are the defaults.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from authoring.saved_runs import save
from recsys_teach.bandits import UCB1, EpsilonGreedy, LinUCB, Thompson, run_bandit
from recsys_teach.data import Interactions, Split, movielens
from recsys_teach.data.world import load_world, make_world
from recsys_teach.evaluation import evaluate
from recsys_teach.models import IALS, ContentProfile, DropoutNet, HybridFactors, Popularity, ProfilePopularity
from recsys_teach.models.cold_start import crossover, first_events, split_newcomers
from recsys_teach.models.features import feature_matrix, feature_names

KNOWN = [0, 1, 2, 5, 10]
NOISES = [0.03, 0.1, 0.3, 1.0]
AGES = [0, 17, 24, 34, 44, 54, 120]
Score = Callable[[int, np.ndarray], np.ndarray]


def transposed(log: Interactions) -> Interactions:
    """Exchange users and items, so that a new item is a new row."""
    assert log.users is not None
    exchanged = log.log.rename(columns={"user": "item", "item": "user"})
    return Interactions.from_log(exchanged, users=log.items, items=log.users)


def at_random(log: Interactions) -> Interactions:
    """Bring the events of each user into an order of chance."""
    times = np.random.default_rng(0).permutation(len(log))
    return Interactions(log.log.assign(time=times), log.user_ids, log.item_ids, log.users, log.items)


def per_person(score: Score, split: Split) -> np.ndarray:
    """NDCG@10 of each newcomer and each number of known events, (n, 5); ties are broken by chance."""
    ties = 1e-7 * np.random.default_rng(0).random(split.train.shape)
    columns = [
        evaluate(lambda users, k=k: score(k, users) + ties[users], split, name="").per_user["nDCG@10"] for k in KNOWN
    ]
    return np.column_stack(columns)


def scorers(train: Interactions, split: Split, columns: list[str], others: list[str], noise: float) -> dict[str, Score]:
    """Fit the models; each scores newcomers from their first k events."""
    assert train.users is not None
    profiles = train.users.reindex(train.user_ids)
    known = {k: first_events(split.train, k) for k in KNOWN}
    popular, profile = Popularity().fit(train), ProfilePopularity(columns).fit(train)
    factors = IALS(32, n_epochs=8).fit(train)
    hybrid = HybridFactors(columns=columns, noise=noise).fit(train)
    net = DropoutNet(32, columns, others).fit(train)
    content = ContentProfile(others).fit(train)
    return {
        "popularity": lambda k, users: popular.score(users),
        "profile": lambda k, users: profile.score(users),
        "content": lambda k, users: content.fold_in(known[k][users]),
        "factors": lambda k, users: factors.fold_in(known[k][users]),
        "hybrid": lambda k, users: hybrid.fold_in(known[k][users], profiles.iloc[users]),
        "DropoutNet": lambda k, users: net.fold_in(known[k][users], profiles.iloc[users]),
    }


def choose_noise(train: Interactions, columns: list[str]) -> float:
    """Take the noise whose hybrid ranks best for newcomers cut from the training part, over all k."""
    active = np.unique(train.user_pos)
    inner, split = split_newcomers(train, np.random.default_rng(1).choice(active, len(active) // 5, replace=False))
    assert train.users is not None
    profiles = train.users.reindex(train.user_ids)
    means = {}
    for noise in NOISES:
        model = HybridFactors(columns=columns, noise=noise).fit(inner)
        known = {k: first_events(split.train, k) for k in KNOWN}
        means[noise] = per_person(
            lambda k, users, model=model, known=known: model.fold_in(known[k][users], profiles.iloc[users]), split
        ).mean()
    print("  noise:", {noise: round(float(mean), 4) for noise, mean in means.items()}, flush=True)
    return max(means, key=means.__getitem__)


def run(log: Interactions, columns: list[str], others: list[str]) -> tuple[list[dict], dict[str, np.ndarray]]:
    """Make everybody a newcomer once."""
    fold = np.random.default_rng(0).permutation(log.n_users) % 5
    rows: list[dict] = []
    found: dict[str, list[np.ndarray]] = {}
    noise = 0.0
    for number in range(5):
        train, split = split_newcomers(log, np.flatnonzero(fold == number))
        noise = noise or choose_noise(train, columns)
        for name, score in scorers(train, split, columns, others, noise).items():
            scores = per_person(score, split)
            found.setdefault(name, []).append(scores)
            for k, mean in zip(KNOWN, scores.mean(axis=0), strict=True):
                row = {"model": name, "known": k, "fold": number, "ndcg": mean, "tested": len(scores), "noise": noise}
                rows.append(row)
    return rows, {name: np.vstack(scores) for name, scores in found.items()}


def run_bandits(seed: int) -> list[dict]:
    """Ten titles of the world drawn at random, every bandit on 5,000 visitors."""
    world = load_world()
    probabilities = world.truth.click_probability(np.arange(1000))
    arms = np.random.default_rng(seed).choice(600, 10, replace=False)
    columns = ["age_band", "region", "device"]
    profile = feature_matrix(world.users, columns, feature_names(world.users, columns))
    contexts = np.column_stack([np.ones(1000), profile])
    bandits = {"greedy": EpsilonGreedy(0), "epsilon": EpsilonGreedy(0.1), "UCB1": UCB1(), "Thompson": Thompson()}
    rows = []
    for name, bandit in bandits.items():
        regret = run_bandit(bandit, probabilities[:, arms].mean(axis=0), 5000, 200, random_state=seed)
        locked = (np.diff(regret[:, 2500:], axis=1) > 0).all(axis=1).mean()
        rows.append({"seed": seed, "bandit": name, "regret": regret[:, -1].mean(), "locked": locked})
    for_each = {"Thompson, each": Thompson(), "LinUCB 0, each": LinUCB(0), "LinUCB, each": LinUCB(0.5)}
    for name, bandit in for_each.items():
        regret = run_bandit(bandit, probabilities[:, arms], 5000, 50, contexts=contexts, random_state=seed)
        rows.append({"seed": seed, "bandit": name, "regret": regret[:, -1].mean(), "locked": np.nan})
    return rows


def main() -> None:
    """Run everything and write the tables."""
    ml = movielens.load()
    assert ml.users is not None
    ml = Interactions(
        ml.log,
        ml.user_ids,
        ml.item_ids,
        ml.users.assign(age_band=pd.cut(ml.users["age"], AGES).astype(str)),
        ml.items,
    )
    clicks = make_world(2000).clicks()
    of_world = (["age_band", "region", "device"], ["genre", "second_genre"])
    of_ml = (["gender", "occupation", "age_band"], ["genres"])
    runs = {
        ("world", "people", "time"): (clicks, *of_world),
        ("world", "items", "time"): (transposed(clicks), *of_world[::-1]),
        ("ml-100k", "people", "time"): (ml, *of_ml),
        ("ml-100k", "items", "time"): (transposed(ml), *of_ml[::-1]),
        ("ml-100k", "people", "random"): (at_random(ml), *of_ml),
    }
    rows, crossings = [], []
    pairs = [("factors", "content"), ("factors", "profile"), ("factors", "popularity"), ("hybrid", "profile")]
    for (data, new, order), (log, columns, others) in runs.items():
        print(data, new, order, flush=True)
        labels = {"data": data, "new": new, "order": order}
        summary, found = run(log, columns, others)
        rows += [{**labels, **row} for row in summary]
        for ahead, behind in pairs:
            known, low, high = crossover(KNOWN, found[ahead] - found[behind])
            pair = {"ahead": ahead, "behind": behind, "known": known, "low": low, "high": high}
            crossings.append({**labels, **pair})
            print("  ", ahead, behind, known, low, high, flush=True)
    bandits = [row for seed in range(5) for row in run_bandits(seed)]
    save("14", newcomers=pd.DataFrame(rows).round(4))
    save("14", crossovers=pd.DataFrame(crossings).round(2))
    save("14", bandits=pd.DataFrame(bandits).round(3))
