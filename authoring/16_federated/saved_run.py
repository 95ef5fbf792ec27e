"""The runs of chapter 16 that take longer than a notebook may: sixty rounds, private rounds, and a phone that lies.

`python -m authoring.saved_runs 16` writes saved/rounds.csv (model, seed, round, rmse), privacy.csv
(model, epsilon, seed, rmse) and poison.csv (defense, holders, seed, film, raters, top10, rmse); about two minutes on
one core.

MovieLens-100K, 80 % of each person's ratings for training, one split a seed. The rates (.5 over holders, 5 over
everybody), the clipping and the number of private rounds were chosen on a fifth of the training part of seed 0; the
choice itself is not counted against ε. ε is at user level: a person is one phone, every phone is in every round, and
the person's own row never leaves the phone.
"""

from __future__ import annotations

from collections.abc import Iterator

import dp_accounting
import numpy as np
import pandas as pd

from authoring.saved_runs import save
from recsys_teach.data import Interactions, Split, movielens, split_per_user
from recsys_teach.evaluation import rmse
from recsys_teach.federated import Clients, predict_ratings, train_federated
from recsys_teach.models import BiasedMF, DampedBiases

SEEDS = range(5)
N_ROUNDS = 60
DELTA = 1e-5
MIDDLE = 3.5  # of the scale of stars; known to everybody, so it costs nothing
PRIVATE_ROUNDS, CLIP = 10, 4.0
PRIVATE_RATES = {1.0: 2.0, 2.0: 4.0, 4.0: 4.0, 8.0: 8.0}  # by ε
HOLDERS = {"5 to 15": (5, 15), "40 to 60": (40, 60)}
LOUD = 1000.0  # length of the lying phone's upload


def clients_of(train: Interactions, middle: float | None = None) -> tuple[Clients, float]:
    """Put each person's ratings on a phone, less their mean or a public middle."""
    ratings = train.matrix("rating")
    mean = float(ratings.data.mean()) if middle is None else middle
    ratings.data -= mean
    return Clients(ratings), mean


def error(split: Split, mean: float, P: np.ndarray, Q: np.ndarray) -> float:
    """RMSE on the test part, predictions cut to the scale."""
    predicted = mean + predict_ratings(P, Q, split.test.user_pos, split.test.item_pos)
    return rmse(split.test.log["rating"].to_numpy(), np.clip(predicted, 1, 5))


def run_rounds(split: Split, seed: int) -> Iterator[dict]:
    """Federated rounds by four rules, and the same model fitted in one place."""
    rules: dict[str, dict] = {
        "over holders": dict(learning_rate=0.5),
        "over everybody": dict(learning_rate=0.5, average="clients"),
        "over everybody, rate 5": dict(learning_rate=5.0, average="clients"),
        "five local steps": dict(learning_rate=0.5, n_steps=5),
    }
    clients, mean = clients_of(split.train)
    for name, rule in rules.items():
        tables = train_federated(clients, 8, N_ROUNDS, **rule, rng=np.random.default_rng(seed))
        for number, (P, Q) in enumerate(tables):
            yield dict(model=name, seed=seed, round=number, rmse=error(split, mean, P, Q))
    for name, model in {"central": BiasedMF(8, random_state=seed), "biases alone": DampedBiases()}.items():
        predicted = model.fit(split.train).predict(split.test.user_pos, split.test.item_pos)
        yield dict(model=name, seed=seed, round=N_ROUNDS, rmse=rmse(split.test.log["rating"], predicted))


def run_privacy(split: Split, seed: int) -> Iterator[dict]:
    """Run rounds with clipping and Gaussian noise, at user level; and what a phone does alone."""
    clients, mean = clients_of(split.train, MIDDLE)
    alone = np.zeros((split.train.n_items, 3))
    yield dict(model="phones alone", epsilon=np.nan, seed=seed, rmse=error(split, mean, clients.solve(alone), alone))
    for epsilon, rate in PRIVATE_RATES.items():
        noise = dp_accounting.get_sigma_gaussian(epsilon, DELTA) * PRIVATE_ROUNDS**0.5
        for n_factors in (0, 2):
            rng = np.random.default_rng(seed)
            *_, (P, Q) = train_federated(
                clients, n_factors, PRIVATE_ROUNDS, learning_rate=rate, regularization=0, average="clients", clip=CLIP,
                noise_multiplier=noise, rng=rng,
            )  # fmt: skip
            name = f"private, {n_factors} factors"
            yield dict(model=name, epsilon=epsilon, seed=seed, rmse=error(split, mean, P, Q))


def run_poison(split: Split, seed: int) -> Iterator[dict]:
    """Let one more phone push a film in each of ten rounds, and count who sees it among their first ten."""
    clients, mean = clients_of(split.train)
    unseen = split.train.matrix().toarray() == 0
    rng = np.random.default_rng(seed)
    defenses: dict[str, dict] = {"none": {}, "clipping": dict(clip=10.0), "median": dict(average="median")}
    for holders, (low, high) in HOLDERS.items():
        film = int(rng.choice(np.flatnonzero((clients.n_raters >= low) & (clients.n_raters <= high))))
        fake = np.zeros((1, split.train.n_items, 9))
        fake[0, film, -1] = -LOUD
        for defense, rule in {"no attack": {}, **defenses}.items():
            fakes = None if defense == "no attack" else fake
            *_, (P, Q) = train_federated(clients, 8, 10, **rule, fakes=fakes, rng=np.random.default_rng(seed))
            scores = P[:, [-1]] + Q[:, -1] + P[:, :-1] @ Q[:, :-1].T
            ahead = ((scores > scores[:, [film]]) & unseen).sum(axis=1)
            yield dict(
                defense=defense, holders=holders, seed=seed, film=film, raters=int(clients.n_raters[film]),
                top10=float((ahead < 10)[unseen[:, film]].mean()), rmse=error(split, mean, P, Q),
            )  # fmt: skip


def main() -> None:
    """Run everything and write the tables."""
    ml = movielens.load()
    for name, run in {"rounds": run_rounds, "privacy": run_privacy, "poison": run_poison}.items():
        rows = [row for seed in SEEDS for row in run(split_per_user(ml, random_state=seed), seed)]
        save("16", **{name: pd.DataFrame(rows).round(4)})
        print(name, "is written", flush=True)
