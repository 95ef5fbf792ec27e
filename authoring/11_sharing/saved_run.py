"""The runs of chapter 11 that take longer than a notebook may: two services, a generator of two tasks, and worlds.

`python -m authoring.saved_runs 11` writes saved/services.csv (service, rows, log, model, errors in percentage points,
predictions for Noor's two films), wide.csv (the same for single-task models with the layer of the shared bottom, 426
parameters in all), gates.csv (service, log, part of their weight that the two gates of an MMoE put on different
experts: before training on fresh rows, after it on fresh rows and on Noor's two), scarce.csv (cosine, draw, model,
error of a task with few labels), scarce_wide.csv (the same for a single-task model of 40 units), generator.csv (cosine,
draw, seed, model, task, error), relu.csv (the same with ReLU in place of LeakyReLU in the towers), dead.csv (draw,
model, number of dead ReLUs among the 16 units of the towers) and world.csv (setting, seed, model, task, auc).
It takes about half an hour on one core.

A service has known probabilities; a log draws rows, labels and the networks' start. The sizes and the learning rate of
the services were chosen on logs 0 to 9, which are not in the table.

On the generator an error is the mean squared error on new rows as a share of the variance of the label. A draw moves
data, weights and waves; a seed moves the start of the network and the order of the batches. In a world each seed draws
another world; an AUC weighs each held-out row by its true chances, so that no coin is tossed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from authoring.saved_runs import expected_auc, save
from recsys_teach.data.world import make_world
from recsys_teach.models.multitask import PLE, MMoE, PairInput, SharedBottom, related_tasks, task_losses
from recsys_teach.training import seeded, shuffled, train

LOGS = range(100, 120)
CASES = (("same match", 2_000), ("other match", 2_000), ("same match", 8_000))  # service, rows of its log
NOOR = np.array([[-0.5, 1.0, 1.0, 0.31, 1.60], [-0.5, 1.0, -0.5, 0.27, -0.91]])  # rows of Chase and Letter
DESIGNS: dict[str, list[tuple[Callable[[], nn.Module], list[int]]]] = {  # 342, 342 and 336 parameters
    "single-task": [(lambda: SharedBottom(5, 1, width=11), [0]), (lambda: SharedBottom(5, 1, width=11), [1])],
    "shared bottom": [(lambda: SharedBottom(5, 2, width=14), [0, 1])],
    "MMoE": [(lambda: MMoE(5, 2, n_experts=3, width=8), [0, 1])],
}


def service_probabilities(X: np.ndarray, service: str) -> np.ndarray:
    """Compute the true P(click) and P(like | click), shape (n, 2)."""
    taste_1, taste_2, content_1, content_2, trailer = X.T
    match = taste_1 * content_1 + taste_2 * content_2
    like_match = match if service == "same match" else taste_1 * content_2 - taste_2 * content_1
    logits = np.stack([match + trailer - 1, 1.5 * like_match - trailer + 0.5], axis=1)
    return 1 / (1 + np.exp(-logits))


def service_log(n: int, log: int, service: str) -> tuple[Tensor, Tensor]:
    """Draw features (n, 5) and labels (n, 2); like is NaN where nobody clicked."""
    rng = np.random.default_rng(log)
    X = rng.normal(size=(n, 5))
    Y = (rng.random((n, 2)) < service_probabilities(X, service)).astype(float)
    Y[Y[:, 0] == 0, 1] = np.nan
    return torch.tensor(X).float(), torch.tensor(Y).float()


def fit_service(build: Callable[[], nn.Module], X: Tensor, Y: Tensor, random_state: int) -> nn.Module:
    """Train on the first 70 % of the rows, and keep the epoch with the best loss on the others."""
    n_train, kinds = int(0.7 * len(X)), ["binary"] * Y.shape[1]
    with seeded(random_state):
        network = build()

        def loss(rows: Tensor | slice) -> Tensor:
            return task_losses(network(X[rows]), Y[rows], kinds).sum()

        train(
            network,
            lambda rng: ((rows,) for rows in shuffled(n_train, 200, rng)),
            loss,
            n_epochs=200,
            learning_rate=0.02,
            patience=20,
            validate=lambda: -float(loss(slice(n_train, None))),
            random_state=random_state,
        )
    return network


WIDE = {
    "single-task, 14 units": [(lambda: SharedBottom(5, 1, width=14), [0]), (lambda: SharedBottom(5, 1, width=14), [1])]
}


def run_services(table: str, designs: dict) -> None:
    """Measure these designs on all logs, and write the table of this name after each case."""
    X_new = np.random.default_rng(10_000).normal(size=(4_000, 5))
    X_all = torch.tensor(np.vstack([NOOR, X_new])).float()
    rows = []
    for service, n in CASES:
        truth = service_probabilities(X_new, service)
        for log in LOGS:
            X, Y = service_log(n, log, service)
            for name, parts in designs.items():
                networks = [fit_service(build, X, Y[:, tasks], log) for build, tasks in parts]
                with torch.no_grad():
                    p = torch.sigmoid(torch.cat([network(X_all) for network in networks], dim=1)).numpy()
                errors = 100 * np.abs(p[2:] - truth).mean(axis=0)
                rows.append((service, n, log, name, *errors, *p[0], *p[1]))
        columns = ["service", "rows", "log", "model", "click", "like"]
        noor = ["chase_click", "chase_like", "letter_click", "letter_like"]
        save("11", **{table: pd.DataFrame(rows, columns=columns + noor).round(4)})
        print(table, service, n, flush=True)


def run_gates() -> None:
    """Measure how far the two gates of the MMoE differ, for the logs of 2,000 rows (about a minute)."""
    X_all = torch.tensor(np.vstack([NOOR, np.random.default_rng(10_000).normal(size=(4_000, 5))])).float()
    build = DESIGNS["MMoE"][0][0]
    rows = []
    for service, n in CASES[:2]:
        for log in LOGS:
            with seeded(log):  # as in fit_service
                start = weight_apart(build(), X_all)
            after = weight_apart(fit_service(build, *service_log(n, log, service), log), X_all)
            rows.append((service, log, start[2:].mean(), after[2:].mean(), after[0], after[1]))
    save("11", gates=pd.DataFrame(rows, columns=["service", "log", "start", "fresh", "chase", "letter"]).round(4))


def weight_apart(network: MMoE, X: Tensor) -> np.ndarray:
    """Compute for each row which part of their weight two gates put on different experts: 0 if they agree."""
    with torch.no_grad():
        gates = network.gates(X).numpy()  # (n, 2, n_experts)
    return np.abs(gates[:, 0] - gates[:, 1]).sum(axis=1) / 2


DIAL = (0.0, 0.5, 0.9, 1.0)
N_SCARCE, N_SCARCE_TRAIN, N_FEATURES, SCARCE_SHARE = 3_000, 2_100, 30, 0.1  # rows of a log, features, labels of task 2
SCARCE = {  # 1,906 and 1,914 parameters in all; chosen on draws 100 to 102, which are not in the table
    "single-task": (lambda: SharedBottom(N_FEATURES, 1, width=24), [1]),  # the other one would learn task 1 alone
    "shared bottom": (lambda: SharedBottom(N_FEATURES, 2, width=40), [0, 1]),
}


SCARCE_WIDE = {"single-task, 40 units": (lambda: SharedBottom(N_FEATURES, 1, width=40), [1])}


def run_scarce(table: str, models: dict) -> None:
    """Turn the dial where task 2 has few labels and task 1 has many, and write this table after each draw."""
    rows = []
    for draw in DRAWS:
        for cosine in DIAL:
            parts = related_tasks(N_SCARCE + 4_000, cosine, n_features=N_FEATURES, random_state=draw)
            X, Y, _ = (torch.from_numpy(part) for part in parts)
            labels, test = Y[:N_SCARCE].clone(), Y[N_SCARCE:, 1]
            labels[torch.from_numpy(np.random.default_rng(draw).random(N_SCARCE) > SCARCE_SHARE), 1] = np.nan
            for name, (build, tasks) in models.items():
                network = fit_scarce(build, X[:N_SCARCE], labels[:, tasks], draw)
                with torch.no_grad():
                    output = network(X[N_SCARCE:])[:, -1]
                rows.append((cosine, draw, name, float(((output - test) ** 2).mean() / test.var())))
        save("11", **{table: pd.DataFrame(rows, columns=["cosine", "draw", "model", "error"]).round(5)})
        print(table, "draw", draw, flush=True)


def fit_scarce(build: Callable[[], nn.Module], X: Tensor, Y: Tensor, random_state: int) -> nn.Module:
    """Train on the first rows, and keep the epoch with the best loss on the others."""
    kinds = ["regression"] * Y.shape[1]
    with seeded(random_state):
        network = build()

        def loss(rows: Tensor | slice) -> Tensor:
            return task_losses(network(X[rows]), Y[rows], kinds).sum()

        train(
            network,
            lambda rng: ((rows,) for rows in shuffled(N_SCARCE_TRAIN, 150, rng)),
            loss,
            n_epochs=100,
            learning_rate=0.01,
            patience=12,
            validate=lambda: -float(loss(slice(N_SCARCE_TRAIN, None))),
            random_state=random_state,
        )
    return network


COSINES, DRAWS, SEEDS = (0.5, 1.0), range(10), range(2)
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


def with_relu(network: nn.Module) -> nn.Module:
    """Replace the leaky units of all towers by ReLUs."""
    for tower in network.heads.heads:
        tower[1] = nn.ReLU()
    return network


def generator_errors(cosine: float, draw: int, seed: int, change: Callable[[nn.Module], nn.Module]) -> dict:
    """Compute the errors of both tasks for each model, after a change of the network."""
    X, Y, _ = (torch.from_numpy(part) for part in related_tasks(N_TRAIN + N_TEST, cosine, random_state=draw))
    train_part, test = slice(0, N_TRAIN), slice(N_TRAIN, None)
    models = {
        name: fit_generator(lambda make=make: change(make()), X[train_part], Y[train_part], seed)
        for name, make in GENERATOR.items()
    }
    alone = [
        fit_generator(
            lambda: change(SharedBottom(100, 1, width=SINGLE_WIDTH)), X[train_part], Y[train_part, [task]], seed
        )
        for task in range(2)
    ]
    with torch.no_grad():
        outputs = {name: model(X[test]) for name, model in models.items()}
        outputs["single task"] = torch.cat([model(X[test]) for model in alone], dim=1)
    return {
        name: (((output - Y[test]) ** 2).mean(dim=0) / Y[test].var(dim=0)).numpy() for name, output in outputs.items()
    }


def run_generator(table: str, change: Callable[[nn.Module], nn.Module]) -> None:
    """Measure all draws, cosines and seeds, and write the table of this name after each draw."""
    rows = []
    for draw in DRAWS:
        for cosine in COSINES:
            for seed in SEEDS:
                for name, errors in generator_errors(cosine, draw, seed, change).items():
                    rows += [(cosine, draw, seed, name, task, error) for task, error in enumerate(errors)]
        columns = ["cosine", "draw", "seed", "model", "task", "error"]
        save("11", **{table: pd.DataFrame(rows, columns=columns).round(5)})
        print(table, "draw", draw, flush=True)


def count_dead(network: nn.Module, X: Tensor) -> int:
    """Count the hidden units of all towers whose input is never positive on these rows."""
    inputs: list[Tensor] = []
    for tower in network.heads.heads:
        tower[0].register_forward_hook(lambda module, args, output: inputs.append(output))
    with torch.no_grad():
        network(X)
    return sum(int((values <= 0).all(dim=0).sum()) for values in inputs)


def run_dead() -> None:
    """Count dead ReLUs after training, for the dial at .5 and one random start for each draw."""
    rows = []
    for draw in DRAWS:
        X, Y, _ = (torch.from_numpy(part)[:N_TRAIN] for part in related_tasks(N_TRAIN + N_TEST, 0.5, random_state=draw))
        for name, make in GENERATOR.items():
            network = fit_generator(lambda make=make: with_relu(make()), X, Y, 0)
            rows.append((draw, name, count_dead(network, X)))
        alone = [
            fit_generator(lambda: with_relu(SharedBottom(100, 1, width=SINGLE_WIDTH)), X, Y[:, [task]], 0)
            for task in range(2)
        ]
        rows.append((draw, "single task", sum(count_dead(network, X) for network in alone)))
    save("11", dead=pd.DataFrame(rows, columns=["draw", "model", "dead"]))


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
    """Run everything and write the tables."""
    torch.set_num_threads(1)
    run_services("services", DESIGNS)
    run_services("wide", WIDE)
    run_gates()
    run_scarce("scarce", SCARCE)
    run_scarce("scarce_wide", SCARCE_WIDE)
    run_generator("generator", lambda network: network)
    run_generator("relu", with_relu)
    run_dead()
    rows: list[tuple] = []
    for setting in SETTINGS:
        for seed in range(5):
            rows += run_world(setting, seed)
            print(setting, seed, flush=True)
            table = pd.DataFrame(rows, columns=["setting", "seed", "model", "task", "auc"])
            save("11", world=table.round(4))
