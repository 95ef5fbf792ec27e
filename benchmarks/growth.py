"""How time and memory of each model grow with the world."""

from __future__ import annotations

import numpy as np

from recsys_teach import models

MOST_USERS = {"UserKNN": 10_000}  # its similarities are users x users: time and memory grow with the square
LEAST = {"fit": 0.01, "peak": 1.0}  # seconds and MB; below, noise and fixed costs rule
MODELS = {
    "Popularity": models.Popularity,
    "ItemKNN": models.ItemKNN,
    "UserKNN": models.UserKNN,
    "BiasedItemKNN": lambda: models.BiasedItemKNN(value="watch_share"),
    "PureSVD": lambda: models.PureSVD(32),
    "BiasedMF, ALS": lambda: models.BiasedMF(16, value="watch_share"),
    "BiasedMF, SGD": lambda: models.BiasedMF(16, n_epochs=5, solver="sgd", value="watch_share"),
    "IALS": lambda: models.IALS(64, n_epochs=5),
    "BPR, 3 epochs": lambda: models.BPR(32, n_epochs=3),
    "EASE": models.EASE,
}


def exponent(events: list[float], cost: list[float], least: float) -> float:
    """Give p of cost ~ events^p: least squares on logarithms, over the sizes that cost at least ``least``."""
    points = [(e, c) for e, c in zip(events, cost, strict=True) if c >= least]
    if len(points) < 2:
        return float("nan")
    return float(np.polyfit(*np.log(points).T, 1)[0])
