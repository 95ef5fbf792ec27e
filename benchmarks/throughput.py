"""Measure the overhead of the course's training loop: GRURecommender and a plain PyTorch loop on the same batches.

`python benchmarks/throughput.py` prints the targets per second of processor time of both, in turn, in five rounds with
one thread, on MovieLens-100K (or on the world, if MovieLens-100K was not downloaded). It takes about two minutes. The
goal is a throughput of at least 0.8 times that of the plain loop.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TQDM_DISABLE", "1")

import statistics
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from recsys_teach.data import Interactions, movielens
from recsys_teach.data.world import load_world
from recsys_teach.models import GRURecommender
from recsys_teach.models.sequence import histories, padded, windows
from recsys_teach.training import seeded

ROUNDS, N_EPOCHS = 5, 2


def plain(interactions: Interactions, like: GRURecommender) -> tuple[float, float]:
    """Train the same network on the same batches in a plain PyTorch loop.

    Parameters
    ----------
    interactions : Interactions
        Training set.
    like : GRURecommender
        The model whose hyperparameters are used.

    Returns
    -------
    seconds : float
        Processor time of the loop.
    loss : float
        Mean loss of the last epoch.
    """
    n_items = interactions.n_items
    rows = torch.from_numpy(padded(windows(histories(interactions), like.max_length), like.max_length + 1, n_items))
    rng = np.random.default_rng(like.random_state)
    with seeded(like.random_state):
        vectors = nn.Embedding(n_items + 1, like.n_factors, padding_idx=n_items)
        nn.init.normal_(vectors.weight[:-1], std=like.n_factors**-0.5)
        gru, dropout = nn.GRU(like.n_factors, like.n_factors, batch_first=True), nn.Dropout(like.dropout)
        parameters = [*vectors.parameters(), *gru.parameters()]
        adam = torch.optim.Adam(parameters, lr=like.learning_rate)
        start = time.process_time()
        for _ in range(like.n_epochs):
            losses = []
            for batch in torch.from_numpy(rng.permutation(len(rows))).split(like.batch_size):
                inputs, targets = rows[batch, :-1], rows[batch, 1:]
                states = dropout(gru(dropout(vectors(inputs)))[0])
                real = targets < n_items
                loss = F.cross_entropy(states[real] @ vectors.weight[:-1].T, targets[real])
                adam.zero_grad()
                loss.backward()
                adam.step()
                losses.append(loss.detach())
        return time.process_time() - start, float(torch.stack(losses).mean())


def ours(interactions: Interactions, model: GRURecommender) -> tuple[float, float]:
    """Fit the course's model.

    Parameters
    ----------
    interactions : Interactions
        Training set.
    model : GRURecommender
        The model.

    Returns
    -------
    seconds : float
        Processor time, including the preparation of the rows.
    loss : float
        Mean loss of the last epoch.
    """
    start = time.process_time()
    model.fit(interactions)
    return time.process_time() - start, model.loss_history_[-1]


def main() -> None:
    """Measure both in turn, and print their throughput."""
    torch.set_num_threads(1)
    try:
        interactions = movielens.load()
    except FileNotFoundError:
        interactions = load_world().exposed()
    model = GRURecommender(n_epochs=N_EPOCHS)
    n_targets = N_EPOCHS * (len(interactions.log) - interactions.n_users)
    ratios = []
    for turn in range(ROUNDS):
        contestants = [plain, ours][:: -1 if turn % 2 else 1]
        seconds = {}
        for contestant in contestants:
            seconds[contestant.__name__], loss = contestant(interactions, model)
            speed = n_targets / seconds[contestant.__name__]
            print(f"round {turn + 1}, {contestant.__name__:5s} {speed:9,.0f} targets per second, loss {loss:.2f}")
        ratios.append(seconds["plain"] / seconds["ours"])
    print(f"median throughput of ours, relative to the plain loop: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
