"""The runs of chapter 12 that take longer than a notebook may: the seesaw, and the funnel with its dials.

`python -m authoring.saved_runs 12` writes saved/seesaw.csv (one row for each width of the shared layer,
method and seed), funnel.csv (one row for what the model sees, the confounding, the number of clicks, the model and
the seed) and movielens.csv (one row for each method and seed). It takes about eight minutes on one core.

Each seed draws another world. Models of one comparison have the same network and the same number of steps; the funnel
keeps the best epoch on a tenth of what was shown. Nothing is chosen on the test part.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from authoring.saved_runs import expected_auc, save
from recsys_teach.data import movielens
from recsys_teach.data.world import FIRST_ITEM_ID, World, make_world
from recsys_teach.evaluation import rmse
from recsys_teach.models.multitask import (
    ESMM,
    GradNorm,
    PairInput,
    SharedBottom,
    UncertaintyWeights,
    gradient_cosines,
    pcgrad,
    set_gradient,
    task_gradients,
    task_losses,
)
from recsys_teach.training import seeded, shuffled, train

SEEDS = range(5)
N_TEST = 12_000
WEIGHTS = (0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99)
METHODS = ("click alone", "watch alone", "minutes", "uncertainty", "GradNorm", "PCGrad")
CLICKS = (250, 1_000, 4_000, 16_000)
CLIP = 0.02  # least propensity


def pairs_shown(world: World) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the user and the item of each impression."""
    log = world.impressions
    return log["user"].to_numpy() - 1, log["item"].to_numpy() - FIRST_ITEM_ID


def taste_features(world: World) -> np.ndarray:
    """All that click and finish depend on: products of the true tastes, the quality, the minutes; standardized."""
    users, items = pairs_shown(world)
    truth, tastes = world.truth, world.truth.user_factors[users]
    columns = [tastes * truth.item_factors[items], tastes * truth.finish_factors[items]]
    X = np.column_stack([*columns, truth.quality[items], world.items["minutes"].to_numpy()[items]])
    return ((X - X.mean(axis=0)) / X.std(axis=0)).astype(np.float32)


def table_features(world: World) -> np.ndarray:
    """Read what a service knows: genre and profile, one column a value."""
    users, items = pairs_shown(world)
    genre = pd.get_dummies(world.items["genre"]).to_numpy()[items]
    profile = pd.get_dummies(world.users[["age_band", "region", "device"]]).to_numpy()[users]
    X = np.hstack([genre, profile]).astype(np.float32)
    return (X - X.mean(axis=0)) / X.std(axis=0)


# --- the seesaw ---


def weigher(
    method: str, weight: float, network: SharedBottom, seed: int
) -> tuple[nn.Module | None, Callable, Callable | None]:
    """Return what a method learns beside the network, the loss that it minimizes, and how it sets gradients."""
    if method == "uncertainty":
        return (weights := UncertaintyWeights(2)), weights, None
    if method == "GradNorm":
        norms = GradNorm(2)
        return norms, lambda losses: norms(losses, [network.bottom[0].weight]), None
    if method == "PCGrad":
        rng, parameters = np.random.default_rng(seed), list(network.parameters())

        def backward(losses: Tensor) -> None:
            set_gradient(parameters, pcgrad(task_gradients(losses, parameters), rng))

        return None, lambda losses: losses, backward
    fixed = {"click alone": (1, 0), "watch alone": (0, 1), "minutes": (1, 1), "weights": (1 - weight, weight)}[method]
    return None, lambda losses: losses @ torch.tensor(fixed, dtype=torch.float32), None


def run_seesaw(seed: int) -> list[dict]:
    """Train every method on a world whose two tastes have nothing in common, with one and with sixteen shared units."""
    world = make_world(random_state=seed, task_correlation=0)
    users, items = pairs_shown(world)
    X, click = torch.from_numpy(taste_features(world)), world.impressions["click"].to_numpy()
    watched = world.impressions["watch_share"].to_numpy() * world.items["minutes"].to_numpy()[items]
    minutes = np.where(click, watched, np.nan)
    chance = world.truth.click_probability(np.arange(len(world.users)))[users, items]
    order = np.random.default_rng(seed).permutation(len(X))
    test, known = order[:N_TEST], order[N_TEST:]
    mean, spread = np.nanmean(minutes[known]), np.nanstd(minutes[known])
    true_minutes, X_known = minutes[test][click[test]], X[known]
    rows = []
    for width in (1, 16):
        for method, weight in [(m, np.nan) for m in METHODS] + [("weights", w) for w in WEIGHTS]:
            scale, shift = (1, 0) if method == "minutes" else (spread, mean)
            Y = torch.tensor(np.column_stack([click, (minutes - shift) / scale])[known], dtype=torch.float32)
            with seeded(seed):
                network = SharedBottom(X.shape[1], 2, width=width)
                extra, weigh, backward = weigher(method, weight, network, seed)

            def loss(x: Tensor, y: Tensor, network=network, weigh=weigh) -> Tensor:
                return weigh(task_losses(network(x), y, ["binary", "regression"]))

            train(
                nn.ModuleList([network] if extra is None else [network, extra]),
                lambda rng, Y=Y: ((X_known[g], Y[g]) for g in shuffled(len(known), 512, rng)),
                loss,
                n_epochs=3,
                learning_rate=1e-2,
                backward=backward,
                random_state=seed,
            )
            with torch.no_grad():
                scores = network(X[test]).numpy()
            off = true_minutes - (scores[click[test], 1] * scale + shift)
            measured = {
                "click_auc": expected_auc(scores[:, 0], chance[test]),
                "click_ceiling": expected_auc(chance[test], chance[test]),
                "watch_r2": 1 - np.mean(off**2) / np.var(true_minutes),
            }
            rows.append({"width": width, "method": method, "weight": weight, "seed": seed, **measured})
    return rows


# --- the funnel ---


def funnel_loss(model: ESMM, name: str) -> Callable[..., Tensor]:
    """Give the loss of a batch of features, clicks, finishes and propensities."""

    def loss(x: Tensor, click: Tensor, finish: Tensor, propensity: Tensor) -> Tensor:
        if name == "ESMM":
            return model.losses((x,), click, finish).sum()
        weight = click / propensity.clamp(min=CLIP) if name == "inverse propensity" else click
        each = F.binary_cross_entropy_with_logits(model.network(x)[:, 1], finish, reduction="none")
        return (weight * each).sum() / weight.sum().clamp(min=1e-6)

    return loss


def fit_funnel(name: str, data: tuple[Tensor, ...], seed: int) -> ESMM:
    """Train one of the models on a tenth less than what was shown; keep the epoch that is best on that tenth."""
    kept, held = torch.arange(len(data[0])) % 10 > 0, torch.arange(len(data[0])) % 10 == 0
    with seeded(seed):
        model = ESMM(SharedBottom(data[0].shape[1], 2, width=32, head_width=16))
    loss, held_out = funnel_loss(model, name), tuple(part[held] for part in data)
    use = kept if name == "ESMM" else kept & (data[1] > 0)
    batch = tuple(part[use] for part in data)
    n = len(batch[0])
    train(
        model,
        lambda rng: (tuple(part[g] for part in batch) for _ in range(repeats(n)) for g in shuffled(n, 256, rng)),
        loss,
        n_epochs=15,
        learning_rate=5e-3,
        weight_decay=1e-4,
        validate=lambda: -float(loss(*held_out)),
        random_state=seed,
    )
    return model


def repeats(n: int) -> int:
    """Say how often an epoch passes over n rows, so that it has at least 20 steps."""
    return max(1, round(20 * 256 / n))


def run_funnel(seed: int, sees: str, confounding: float) -> list[dict]:
    """Measure bias and AUC of P(finish | click) over all that was shown, at four volumes."""
    world = make_world(1_500, confounding=confounding, random_state=seed)
    users, items = pairs_shown(world)
    X = torch.from_numpy(taste_features(world)[:, :-1] if sees == "tastes" else table_features(world))
    click, finish = (torch.tensor(world.impressions[n].to_numpy(), dtype=torch.float32) for n in ("click", "finish"))
    everybody = np.arange(len(world.users))
    truth = world.truth.finish_given_click(everybody, do=True)[users, items]
    given = world.truth.finish_given_click(everybody)[users, items]
    chance = torch.from_numpy(world.truth.click_probability(everybody)[users, items]).float()
    order = np.random.default_rng(seed).permutation(len(users))
    test, known = order[:N_TEST], order[N_TEST:]
    so_far = np.cumsum(click.numpy()[known])
    rows = []
    for n_clicks in CLICKS:
        part = known[: np.searchsorted(so_far, n_clicks) + 1]
        for name in ("clicks only", "inverse propensity", "ESMM"):
            model = fit_funnel(name, tuple(values[part] for values in (X, click, finish, chance)), seed)
            with torch.no_grad():
                guess = model(X[test])[:, 1].numpy().astype(float)
            measured = {
                "bias": guess.mean() - truth[test].mean(),
                "bias_given_click": guess.mean() - given[test].mean(),
                "auc": expected_auc(guess, truth[test]),
                "auc_ceiling": expected_auc(truth[test], truth[test]),
            }
            config = {"sees": sees, "confounding": confounding, "clicks": n_clicks, "model": name, "seed": seed}
            rows.append({**config, **measured})
    return rows


# --- MovieLens ---


class PairNetwork(nn.Module):
    """A shared bottom on the vectors of a user and an item."""

    def __init__(self, n_users: int, n_items: int):
        super().__init__()
        self.pairs, self.shared = PairInput(n_users, n_items, 8), SharedBottom(24, 2, width=16)

    def forward(self, user_pos: Tensor, item_pos: Tensor) -> Tensor:
        """(n,), (n,) to (n, 2): a standardized rating, and the logit of a like."""
        return self.shared(self.pairs(user_pos, item_pos))


def run_movielens(seed: int) -> list[dict]:
    """Learn rating and like (4 stars or more) of MovieLens-100K, alone and together; a fifth is the test part."""
    ml = movielens.load()
    rating = ml.log["rating"].to_numpy(float)
    order = np.random.default_rng(seed).permutation(len(rating))
    test, known = order[: len(order) // 5], order[len(order) // 5 :]
    mean, spread = rating[known].mean(), rating[known].std()
    Y = torch.tensor(np.column_stack([(rating - mean) / spread, rating >= 4]), dtype=torch.float32)
    users, items = torch.tensor(ml.user_pos).long(), torch.tensor(ml.item_pos).long()
    data, rows = (users[known], items[known], Y[known]), []
    for method in ("rating alone", "like alone", "sum", "uncertainty"):
        with seeded(seed):
            network, extra = PairNetwork(ml.n_users, ml.n_items), UncertaintyWeights(2)
        fixed = torch.tensor({"rating alone": (1.0, 0.0), "like alone": (0.0, 1.0)}.get(method, (1.0, 1.0)))
        cosines: list[float] = []

        def loss(u: Tensor, i: Tensor, y: Tensor, method=method, network=network, extra=extra, fixed=fixed,
                 cosines=cosines) -> Tensor:  # fmt: skip
            losses = task_losses(network(u, i), y, ["regression", "binary"])
            if method == "sum":
                bottom = network.shared.bottom[0].weight
                cosines.append(float(gradient_cosines(task_gradients(losses, [bottom]))[0, 1]))
            return extra(losses) if method == "uncertainty" else losses @ fixed

        train(
            nn.ModuleList([network, extra]),
            lambda rng: (tuple(part[g] for part in data) for g in shuffled(len(known), 512, rng)),
            loss,
            n_epochs=4,
            learning_rate=5e-3,
            weight_decay=1e-5,
            random_state=seed,
        )
        with torch.no_grad():
            scores = network(users[test], items[test]).numpy()
        measured = {
            "rmse": rmse(rating[test], scores[:, 0] * spread + mean),
            "like_auc": expected_auc(scores[:, 1], (rating[test] >= 4).astype(float)),
            "cosine": np.mean(cosines) if cosines else np.nan,
        }
        rows.append({"method": method, "seed": seed, **measured})
    return rows


def main() -> None:
    """Run everything and write the three tables."""
    seesaw = [row for seed in SEEDS for row in run_seesaw(seed)]
    save("12", seesaw=pd.DataFrame(seesaw).round(4))
    print(
        pd.DataFrame(seesaw).drop(columns="seed").groupby(["width", "method", "weight"], dropna=False).mean().round(3)
    )
    settings = [("tastes", 0.0), ("tastes", 2.0), ("genre and profile", 0.0)]
    funnel = [row for seed in SEEDS for sees, dial in settings for row in run_funnel(seed, sees, dial)]
    save("12", funnel=pd.DataFrame(funnel).round(4))
    print(pd.DataFrame(funnel).drop(columns="seed").groupby(["sees", "confounding", "clicks", "model"]).mean().round(3))
    real = [row for seed in SEEDS for row in run_movielens(seed)]
    save("12", movielens=pd.DataFrame(real).round(4))
    print(pd.DataFrame(real).drop(columns="seed").groupby("method").mean().round(3))
