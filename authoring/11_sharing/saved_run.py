"""The runs of chapter 11 that take longer than a notebook may: the generator of two tasks, and three kinds of worlds.

`python -m authoring.saved_runs 11` writes saved/generator.csv (cosine, draw, seed, model, task, error)
and world.csv (setting, seed, model, task, auc). It takes about ten minutes on one core.

On the generator an error is the mean squared error on new rows as a share of the variance of the label. A draw moves
data, weights and waves; a seed moves the start of the network and the order of the batches. In a world each seed draws
another world; an AUC weighs each held-out row by its true chances, so that no coin is tossed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from authoring.saved_runs import expected_auc, save
from recsys_teach.data.world import make_world
from recsys_teach.models.multitask import PLE, MMoE, PairInput, SharedBottom, related_tasks, task_losses
from recsys_teach.training import seeded, shuffled, train

COSINES, DRAWS, SEEDS = (0.5, 0.9, 1.0), range(10), range(2)
N_TRAIN, N_TEST = 10_000, 5_000
GENERATOR = {  # all within 1 % of 14,818 parameters, gates counted
    "shared bottom": lambda: SharedBottom(100, 2, width=126),
    "MMoE": lambda: MMoE(100, 2),
    "PLE": lambda: PLE(100, 2, head_width=19),
}
SINGLE_WIDTH = 68  # of each of two single-task models


def fit_generator(make: Callable[[], nn.Module], X: Tensor, Y: Tensor, seed: int) -> nn.Module:
    """Train one network on all tasks of Y."""
    kinds = ["regression"] * Y.shape[1]
    with seeded(seed):
        network = make()
        train(
            network,
            lambda rng: ((X[rows], Y[rows]) for rows in shuffled(len(X), 500, rng)),
            lambda x, y: task_losses(network(x), y, kinds).sum(),
            n_epochs=15,
            learning_rate=0.01,
            random_state=seed,
        )
    return network


def generator_errors(cosine: float, draw: int, seed: int) -> dict[str, np.ndarray]:
    """Error of each task, for each model."""
    X, Y, _ = (torch.from_numpy(part) for part in related_tasks(N_TRAIN + N_TEST, cosine, random_state=draw))
    train_part, test = slice(0, N_TRAIN), slice(N_TRAIN, None)
    models = {name: fit_generator(make, X[train_part], Y[train_part], seed) for name, make in GENERATOR.items()}
    alone = [
        fit_generator(lambda: SharedBottom(100, 1, width=SINGLE_WIDTH), X[train_part], Y[train_part, [task]], seed)
        for task in range(2)
    ]
    with torch.no_grad():
        outputs = {name: model(X[test]) for name, model in models.items()}
        outputs["single task"] = torch.cat([model(X[test]) for model in alone], dim=1)
    return {
        name: (((output - Y[test]) ** 2).mean(dim=0) / Y[test].var(dim=0)).numpy() for name, output in outputs.items()
    }


def run_generator() -> None:
    """Measure all draws, cosines and seeds, and write the table after each draw."""
    rows = []
    for draw in DRAWS:
        for cosine in COSINES:
            for seed in SEEDS:
                for name, errors in generator_errors(cosine, draw, seed).items():
                    rows += [(cosine, draw, seed, name, task, error) for task, error in enumerate(errors)]
        table = pd.DataFrame(rows, columns=["cosine", "draw", "seed", "model", "task", "error"])
        save("11", generator=table.round(5))
        print("draw", draw, flush=True)


KINDS = ["binary"] * 3  # click, finish, like
SMALL_WORLD = {"n_users": 600, "n_items": 150, "mean_impressions": 80, "n_factors": 3}
WIDTHS = {  # numbers for each user and item in the shared model -> units, so that all budgets are within 1 %
    3: {"shared bottom": 31, "MMoE": 15, "PLE": 13, "single task": 29},
    12: {"shared bottom": 32, "MMoE": 9, "PLE": 8, "single task": 31},
}
SETTINGS = {  # name: (task_correlation, numbers for each user and item)
    "one taste, 3 numbers": (1.0, 3),
    "one taste, 12 numbers": (1.0, 12),
    "two tastes, 12 numbers": (0.0, 12),
}


class Ranker(nn.Module):
    """Vectors of users and items, then a network of tasks."""

    def __init__(self, n_users: int, n_items: int, n_factors: int, network: nn.Module):
        super().__init__()
        self.pairs, self.network = PairInput(n_users, n_items, n_factors), network

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """(n,), (n,) to (n, n_tasks)."""
        return self.network(self.pairs(users, items))


def make_ranker(name: str, n_factors: int, n_users: int = 600, n_items: int = 150) -> Ranker:
    """Make one of the rankers.

    "single task" makes one of three twins, with a third of the numbers for each user and item; "single task, roomy" one
    with all of them, and the shared bottom's width: three of these are about two and a half times as large.
    """
    width = WIDTHS[n_factors]["shared bottom" if name == "single task, roomy" else name]
    if name == "single task":
        n_factors //= 3
    networks = {
        "shared bottom": lambda: SharedBottom(3 * n_factors, 3, width=width),
        "MMoE": lambda: MMoE(3 * n_factors, 3, n_experts=4, width=width),
        "PLE": lambda: PLE(3 * n_factors, 3, n_task_experts=1, n_shared_experts=2, width=width),
        "single task": lambda: SharedBottom(3 * n_factors, 1, width=width),
        "single task, roomy": lambda: SharedBottom(3 * n_factors, 1, width=width),
    }
    return Ranker(n_users, n_items, n_factors, networks[name]())


def world_rows(task_correlation: float, seed: int) -> dict:
    """Positions, labels (NaN if unknown), true chances and part of each impression of a small world."""
    world = make_world(random_state=seed, task_correlation=task_correlation, **SMALL_WORLD)
    log, truth = world.impressions, world.truth
    users, items = world.users.index.get_indexer(log["user"]), world.items.index.get_indexer(log["item"])
    labels = log[["click", "finish", "like"]].to_numpy(dtype=np.float32, copy=True)
    labels[labels[:, 0] == 0, 1:] = np.nan
    everybody = np.arange(len(world.users))
    tables = (truth.click_probability, truth.finish_given_click, truth.like_given_click)
    probabilities = np.stack([table(everybody)[users, items] for table in tables], axis=1)
    part = np.random.default_rng(seed).choice(["train", "validation", "test"], size=len(log), p=[0.7, 0.1, 0.2])
    tensors = {"users": torch.from_numpy(users), "items": torch.from_numpy(items), "labels": torch.from_numpy(labels)}
    return {**tensors, "chances": probabilities, "part": part}


def fit_ranker(
    make: Callable[[], nn.Module], rows: dict, tasks: list[int], seed: int, *, by_label: bool = True
) -> np.ndarray:
    """Train on the given tasks; each known label counts once, or (not ``by_label``) each task."""
    labels = rows["labels"][:, tasks]
    known = (~labels.isnan()).any(dim=1).numpy()
    groups = [torch.from_numpy(np.flatnonzero(known & (rows["part"] == part))) for part in ("train", "validation")]
    weights = (~labels[groups[0]].isnan()).float().mean(dim=0) if by_label else torch.ones(len(tasks))
    with seeded(seed):
        ranker = make()

        def loss(group: Tensor) -> Tensor:
            outputs = ranker(rows["users"][group], rows["items"][group])
            return (task_losses(outputs, labels[group], KINDS[: len(tasks)]) * weights).sum()

        train(
            ranker,
            lambda rng: ((groups[0][batch],) for batch in shuffled(len(groups[0]), 1024, rng)),
            loss,
            n_epochs=16,
            learning_rate=0.03,
            weight_decay=2e-4,
            validate=lambda: -float(loss(groups[1])),
            random_state=seed,
        )
    with torch.no_grad():
        return ranker(rows["users"], rows["items"]).numpy()


def world_aucs(rows: dict, scores: np.ndarray) -> list[float]:
    """AUC of each task over its held-out rows."""
    aucs = []
    for task in range(3):
        here = (rows["part"] == "test") & ~rows["labels"][:, task].isnan().numpy()
        aucs.append(expected_auc(scores[here, task], rows["chances"][here, task]))
    return aucs


def run_world(setting: str, seed: int) -> list[tuple]:
    """Measure one world: all models, and the truth."""
    task_correlation, n_factors = SETTINGS[setting]
    rows = world_rows(task_correlation, seed)
    scores = {"truth": rows["chances"]}
    for name in ("shared bottom", "MMoE", "PLE"):
        scores[name] = fit_ranker(lambda name=name: make_ranker(name, n_factors), rows, [0, 1, 2], seed)
    for name in ("single task", "single task, roomy"):
        alone = [fit_ranker(lambda name=name: make_ranker(name, n_factors), rows, [task], seed) for task in range(3)]
        scores[name] = np.hstack(alone)
    if setting == "one taste, 3 numbers":
        scores["shared bottom, tasks alike"] = fit_ranker(
            lambda: make_ranker("shared bottom", n_factors), rows, [0, 1, 2], seed, by_label=False
        )
    return [
        (setting, seed, name, task, auc)
        for name, score in scores.items()
        for task, auc in zip(("click", "finish", "like"), world_aucs(rows, score), strict=True)
    ]


def main() -> None:
    """Run everything, or only what is named (generator, world), and write the tables."""
    torch.set_num_threads(1)
    wanted = sys.argv[1:] or ["generator", "world"]
    if "generator" in wanted:
        run_generator()
    if "world" in wanted:
        rows: list[tuple] = []
        for setting in SETTINGS:
            for seed in range(5):
                rows += run_world(setting, seed)
                print(setting, seed, flush=True)
                table = pd.DataFrame(rows, columns=["setting", "seed", "model", "task", "auc"])
                save("11", world=table.round(4))
