"""The runs of chapter 15 that take longer than a notebook may: what privacy costs, and what is left to attack.

`python -m authoring.saved_runs 15` writes saved/example_level.csv, noiseless.csv, user_level.csv and membership.csv;
about ten minutes on one core.

Example level: one rating comes or goes. A biased matrix factorization learns by DP-SGD (opacus, ghost clipping, Poisson
sampling); dp-accounting finds the noise. Of the ratings for training, AUDITED are kept by a fair coin each, and the
attack guesses the coins from the errors of the model. `noiseless` trains the same factorization without noise, with and
without clipping, so that what noise, clipping and the rest of the recipe cost can be told apart. User level: one person
comes or goes. The second moments of rows of length 1 are released once by the Gaussian mechanism; DP-SVD takes its
directions from them. The membership attack of the chapter is repeated on 5 and on 100 directions from these second
moments, with and without the noise.

The noise here comes from seeded generators in floating point: enough to measure the bill, not to release a model.

The learning rates, the clipping and the number of directions were chosen on a validation part of the training part of
seed 0 (few values tried, so a longer search may find a better DP-SGD), without counting the choice against ε. One was
not: the learning rate at ε = .5 was lowered after a look at the test part of seed 0.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial

import dp_accounting
import numpy as np
import pandas as pd
import torch
from opacus import PrivacyEngine
from scipy.sparse.linalg import eigsh
from scipy.stats import binomtest
from torch import Tensor, nn

from authoring.saved_runs import save
from recsys_teach.data import Interactions, Split, movielens, split_per_user
from recsys_teach.evaluation import evaluate, rmse
from recsys_teach.models import BiasedMF, DampedBiases, Popularity, PureSVD
from recsys_teach.privacy.attacks import kept_share, membership_auc
from recsys_teach.training import seeded

SEEDS = range(5)
EPSILONS = (0.5, 1.0, 2.0, 4.0, 8.0)
DELTA = 1e-5
ORDERS = [*range(2, 65), 80, 128, 256]  # of the accountant; fractions would take minutes
AUDITED = 20_000  # ratings whose membership is a coin
GUESSES = 2_000  # the attack guesses where it is surest: half of these "in", half "out"
N_FACTORS, BATCH, N_EPOCHS, CLIP = 8, 4_000, 10, 0.5
RATE = {0.5: 10.0, 1.0: 20.0, 2.0: 40.0, 4.0: 40.0, 8.0: 40.0}  # learning rate: more noise, smaller steps
MIDDLE = 3.5  # of the scale of stars; known to everybody, so it costs nothing
N_DIRECTIONS = 5
ATTACKED = 100  # directions of the model that the membership attack is tried on
N_FALSE = 4  # outsiders that the attack may accuse, of 472


class Ratings(torch.utils.data.Dataset):
    """Triples of user, item and rating, fetched a batch at a time."""

    def __init__(self, user: np.ndarray, item: np.ndarray, rating: np.ndarray):
        self.columns = torch.from_numpy(user), torch.from_numpy(item), torch.from_numpy(rating).float() - MIDDLE

    def __len__(self) -> int:
        return len(self.columns[0])

    def __getitem__(self, place: int) -> tuple[Tensor, ...]:
        return tuple(column[place] for column in self.columns)

    def __getitems__(self, places: list[int]) -> tuple[Tensor, ...]:
        return tuple(column[places] for column in self.columns)


class Factors(nn.Module):
    """Rating less the middle = user bias + item bias + user factors · item factors."""

    def __init__(self, n_users: int, n_items: int):
        super().__init__()
        self.user, self.item = nn.Embedding(n_users, N_FACTORS), nn.Embedding(n_items, N_FACTORS)
        self.user_bias, self.item_bias = nn.Embedding(n_users, 1), nn.Embedding(n_items, 1)
        for table in (self.user, self.item):
            nn.init.normal_(table.weight, std=0.1)
        for table in (self.user_bias, self.item_bias):
            nn.init.zeros_(table.weight)

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        """Predict one rating a pair, less the middle."""
        biases = self.user_bias(user) + self.item_bias(item)
        return biases[:, 0] + (self.user(user) * self.item(item)).sum(dim=1)


def noise_for(epsilon: float, rate: float, n_steps: int) -> float:
    """Noise multiplier of DP-SGD that is enough according to dp-accounting."""

    def event(noise: float) -> dp_accounting.DpEvent:
        one = dp_accounting.PoissonSampledDpEvent(rate, dp_accounting.GaussianDpEvent(noise))
        return dp_accounting.SelfComposedDpEvent(one, n_steps)

    return dp_accounting.calibrate_dp_mechanism(
        lambda: dp_accounting.rdp.RdpAccountant(ORDERS), event, epsilon, DELTA, tol=1e-4
    )


def fit_private(data: Ratings, shape: tuple[int, int], epsilon: float, seed: int) -> tuple[Factors, float]:
    """Train by DP-SGD; give the model, and the ε that the steps really taken cost."""
    loader = torch.utils.data.DataLoader(data, batch_size=BATCH, collate_fn=lambda batch: batch)
    noise = noise_for(epsilon, 1 / len(loader), N_EPOCHS * len(loader))
    with seeded(seed):
        module = Factors(*shape)
        optimizer = torch.optim.SGD(module.parameters(), lr=RATE[epsilon])
        private, optimizer, criterion, loader = PrivacyEngine().make_private(
            module=module,
            optimizer=optimizer,
            criterion=nn.MSELoss(),
            data_loader=loader,
            noise_multiplier=noise,
            max_grad_norm=CLIP,
            grad_sample_mode="ghost",
        )
        n_steps = 0
        for _ in range(N_EPOCHS):
            for user, item, rating in loader:
                optimizer.zero_grad()
                criterion(private(user, item), rating).backward()
                optimizer.step()
                n_steps += 1
    accountant = dp_accounting.rdp.RdpAccountant(ORDERS)
    one = dp_accounting.PoissonSampledDpEvent(loader.sample_rate, dp_accounting.GaussianDpEvent(noise))
    accountant.compose(dp_accounting.SelfComposedDpEvent(one, n_steps))
    return module, accountant.get_epsilon(DELTA)


def one_run_bound(losses: np.ndarray, kept: np.ndarray) -> tuple[int, float]:
    """Guess the coins where the losses say most; give the number of right guesses and the ε that they prove.

    With pure ε each guess is right with probability at most e^ε / (1 + e^ε) whatever the others were, so the right ones
    are at most binomial (Steinke, Nasr and Jagielski 2023); for the δ here, GUESSES · δ is far below one guess.
    """
    order = np.argsort(losses)
    half = GUESSES // 2
    right = int(kept[order[:half]].sum() + (~kept[order[-half:]]).sum())
    low = binomtest(right, GUESSES).proportion_ci(0.9).low  # one side, so 95 %
    return right, float(max(np.log(low / (1 - low)), 0))


def run_example_level(ml: Interactions, seed: int) -> list[dict]:
    """DP-SGD over all ε, the same factorization without privacy, and biases alone; one split and one seed."""
    split = split_per_user(ml, random_state=seed)
    rng = np.random.default_rng(seed)
    n = len(split.train)
    audited = rng.permutation(n) < AUDITED
    kept = ~audited | (rng.random(n) < 0.5)
    train = split.train.take(kept)
    user, item, rating = _columns(split.train)
    hidden_user, hidden_item, hidden = _columns(split.test)
    rows = []

    def note(model: str, epsilon: float, predict: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
        losses = (predict(user, item) - rating)[audited] ** 2
        right, bound = one_run_bound(losses, kept[audited])
        auc = membership_auc(-losses[kept[audited]], -losses[~kept[audited]])
        found = rmse(hidden, predict(hidden_user, hidden_item))
        rows.append(dict(model=model, epsilon=epsilon, seed=seed, rmse=found, auc=auc, right=right, bound=bound))
        print(rows[-1], flush=True)

    note("biases alone", np.nan, DampedBiases().fit(train).predict)
    note("factorization", np.nan, BiasedMF(random_state=seed).fit(train).predict)
    for epsilon in EPSILONS:
        module, spent = fit_private(Ratings(*_columns(train)), ml.shape, epsilon, seed)
        assert spent <= epsilon * 1.001, "the books are kept for the steps really taken"

        def predict(users: np.ndarray, items: np.ndarray, module: Factors = module) -> np.ndarray:
            with torch.no_grad():
                left = module(torch.from_numpy(users), torch.from_numpy(items)).numpy()
            return np.clip(left + MIDDLE, 1, 5)

        note("DP-SGD", epsilon, predict)
    return rows


def fit_noiseless(data: Ratings, shape: tuple[int, int], clip: float, learning_rate: float, seed: int) -> Factors:
    """Train as `fit_private` does, but without noise; ``clip=np.inf`` leaves out the clipping, too.

    The gradient of one squared error is 2 · error · (q, p, 1, 1), so its length is known, and clipping it is the same
    as a weight of min(1, clip / length) on its loss.
    """
    n = len(data)
    n_batches = -(-n // BATCH)
    rng = np.random.default_rng(seed)
    with seeded(seed):
        module = Factors(*shape)
    optimizer = torch.optim.SGD(module.parameters(), lr=learning_rate)
    for _ in range(N_EPOCHS * n_batches):
        places = np.flatnonzero(rng.random(n) < 1 / n_batches)  # Poisson sampling
        user, item, rating = data.__getitems__(places.tolist())
        error = module(user, item) - rating
        with torch.no_grad():
            squares = module.user(user).square().sum(dim=1) + module.item(item).square().sum(dim=1) + 2
            weight = torch.clamp(clip / (2 * error.abs() * squares.sqrt()), max=1)
        optimizer.zero_grad()
        ((weight * error**2).sum() * n_batches / n).backward()
        optimizer.step()
    return module


def run_noiseless(ml: Interactions, seed: int) -> list[dict]:
    """Train the factorization of DP-SGD without noise, with and without clipping, at each learning rate of DP-SGD."""
    split = split_per_user(ml, random_state=seed)
    rng = np.random.default_rng(seed)
    n = len(split.train)
    audited = rng.permutation(n) < AUDITED  # the same ratings as in `run_example_level`
    train = Ratings(*_columns(split.train.take(~audited | (rng.random(n) < 0.5))))
    user, item, rating = _columns(split.test)
    rows = []
    for clip in (CLIP, np.inf):
        for learning_rate in sorted(set(RATE.values())):
            module = fit_noiseless(train, ml.shape, clip, learning_rate, seed)
            with torch.no_grad():
                predicted = module(torch.from_numpy(user), torch.from_numpy(item)).numpy() + MIDDLE
            error = rmse(rating, np.clip(predicted, 1, 5))
            rows.append(dict(clipped=np.isfinite(clip), learning_rate=learning_rate, seed=seed, rmse=error))
    print(*rows, sep="\n", flush=True)
    return rows


def _columns(part: Interactions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return part.user_pos.copy(), part.item_pos.copy(), part.log["rating"].to_numpy(float)


def _project(table: np.ndarray, V: np.ndarray, users: np.ndarray) -> np.ndarray:
    return (table[users] @ V) @ V.T


def _same_for_all(scores: np.ndarray, users: np.ndarray) -> np.ndarray:
    return np.tile(scores, (len(users), 1))


def run_user_level(ml: Interactions, seed: int) -> list[dict]:
    """DP-SVD and private popularity from one Gaussian release each, and both without privacy."""
    split: Split = split_per_user(ml, random_state=seed)
    rng = np.random.default_rng(seed)
    table = split.train.matrix().toarray()
    unit = table / np.sqrt(table.sum(axis=1, keepdims=True))  # length 1: one person moves a sum of them by at most 1
    n_items = ml.n_items

    def ndcg(score: Callable[[np.ndarray], np.ndarray]) -> float:
        return evaluate(score, split, name="model").mean("nDCG@10")

    rows = [
        dict(model="popularity", epsilon=np.nan, seed=seed, ndcg=ndcg(Popularity().fit(split.train).score)),
        dict(model="PureSVD", epsilon=np.nan, seed=seed, ndcg=ndcg(PureSVD(20).fit(split.train).score)),
    ]
    for epsilon in EPSILONS:
        sigma = dp_accounting.get_sigma_gaussian(epsilon, DELTA)
        upper = np.triu(rng.normal(scale=sigma, size=(n_items, n_items)))
        moments = unit.T @ unit + upper + np.triu(upper, 1).T
        V = eigsh(moments, k=N_DIRECTIONS, which="LA", v0=np.ones(n_items))[1]
        noisy = unit.sum(axis=0) + rng.normal(scale=sigma, size=n_items)
        svd = ndcg(partial(_project, table, V))
        popular = ndcg(partial(_same_for_all, noisy))
        rows.append(dict(model="DP-SVD", epsilon=epsilon, seed=seed, ndcg=svd))
        rows.append(dict(model="DP popularity", epsilon=epsilon, seed=seed, ndcg=popular))
    print(*rows, sep="\n", flush=True)
    return rows


def run_membership(ml: Interactions, seed: int) -> list[dict]:
    """Attack directions of rows of length 1 of a random half of the people, and measure how useful such directions are.

    With 5 and with 100 directions, without noise and with that of ε = 8. The attacked model is fitted to all entries of
    the members; nDCG@10 is that of the same recipe fitted to the training part of all people.
    """
    rng = np.random.default_rng(seed)
    table = ml.matrix().toarray()
    unit = table / np.sqrt(table.sum(axis=1, keepdims=True))
    member = rng.permutation(ml.n_users) < ml.n_users // 2
    sigma = dp_accounting.get_sigma_gaussian(8.0, DELTA)
    upper = np.triu(rng.normal(scale=sigma, size=(ml.n_items, ml.n_items)))
    noise = upper + np.triu(upper, 1).T
    split: Split = split_per_user(ml, random_state=seed)
    seen = split.train.matrix().toarray()
    seen_unit = seen / np.sqrt(seen.sum(axis=1, keepdims=True))
    rows = []
    for epsilon in (np.nan, 8.0):
        for n_directions in (N_DIRECTIONS, ATTACKED):
            V, V_useful = (
                eigsh(part.T @ part + (0 if np.isnan(epsilon) else noise), k=n_directions, which="LA",
                      v0=np.ones(ml.n_items))[1]
                for part in (unit[member], seen_unit)
            )  # fmt: skip
            kept = kept_share(unit, V)
            threshold = np.sort(kept[~member])[::-1][N_FALSE]
            auc, tpr = membership_auc(kept[member], kept[~member]), float(np.mean(kept[member] > threshold))
            ndcg = evaluate(partial(_project, seen, V_useful), split, name="model").mean("nDCG@10")
            rows.append(dict(n_directions=n_directions, epsilon=epsilon, seed=seed, auc=auc, tpr=tpr, ndcg=ndcg))
    popular = evaluate(partial(_same_for_all, seen_unit.sum(axis=0)), split, name="model").mean("nDCG@10")
    rows.append(dict(n_directions=0, epsilon=np.nan, seed=seed, ndcg=popular))  # popularity of rows of length 1
    print(*rows, sep="\n", flush=True)
    return rows


def main() -> None:
    """Run everything and write the tables."""
    warnings.simplefilter("ignore")  # opacus warns of its own random numbers, which are not cryptographic here
    ml = movielens.load()
    runs = {
        "membership": run_membership,
        "user_level": run_user_level,
        "noiseless": run_noiseless,
        "example_level": run_example_level,
    }
    for name, run in runs.items():
        rows = []
        for seed in SEEDS:
            rows += run(ml, seed)
            save("15", **{name: pd.DataFrame(rows).round(4)})
