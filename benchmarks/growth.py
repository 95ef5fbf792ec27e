"""Models whose time and memory are measured on worlds of growing size."""

from __future__ import annotations

import numpy as np

from recsys_teach import models

MOST_USERS = {"UserKNN": 10_000}  # its users x users similarities take quadratic time and memory
LEAST = {"fit": 0.01, "peak": 1.0}  # seconds and MB; smaller values are mostly noise and fixed costs
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
    """Fit the exponent p in cost ~ events^p by least squares on logarithms.

    Parameters
    ----------
    events : list of float
        Sizes of the data.
    cost : list of float
        Time or memory for each size.
    least : float
        Sizes with a smaller cost are ignored.

    Returns
    -------
    float
        The exponent; NaN if fewer than two sizes remain.
    """
    points = [(e, c) for e, c in zip(events, cost, strict=True) if c >= least]
    if len(points) < 2:
        return float("nan")
    return float(np.polyfit(*np.log(points).T, 1)[0])
