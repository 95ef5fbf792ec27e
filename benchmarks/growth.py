"""Models whose time and memory are measured on worlds of growing size."""

from __future__ import annotations

import numpy as np
from scipy import stats

from recsys_teach import models

MOST_USERS = {"UserKNN": 10_000}  # its users x users similarities take quadratic time and memory
LEAST = {"fit": 0.05, "peak": 5.0}  # seconds and MB; smaller values are mostly noise and fixed costs
ONE_EPOCH = {"n_epochs": 1}
MODELS = {
    "Popularity": models.Popularity,
    "DampedBiases": lambda: models.DampedBiases(value="watch_share"),
    "ItemKNN": models.ItemKNN,
    "UserKNN": models.UserKNN,
    "BiasedItemKNN": lambda: models.BiasedItemKNN(value="watch_share"),
    "PureSVD": lambda: models.PureSVD(32),
    "BiasedMF, ALS": lambda: models.BiasedMF(16, value="watch_share"),
    "BiasedMF, SGD, 5 epochs": lambda: models.BiasedMF(
        16, n_epochs=5, solver="sgd", learning_rate=0.02, batch_size=500, value="watch_share"
    ),
    "IALS": lambda: models.IALS(64, n_epochs=5),
    "BPR, 3 epochs": lambda: models.BPR(32, n_epochs=3),
    "EASE": models.EASE,
    "AutoRec, 1 epoch": lambda: models.AutoRec(value="watch_share", **ONE_EPOCH),
    "MultDAE, 1 epoch": lambda: models.MultDAE(**ONE_EPOCH),
    "MultVAE, 1 epoch": lambda: models.MultVAE(**ONE_EPOCH),
    "GRURecommender, 1 epoch": lambda: models.GRURecommender(**ONE_EPOCH),
    "SASRec, 1 epoch": lambda: models.SASRec(**ONE_EPOCH),
    "TwoTower, 1 epoch": lambda: models.TwoTower(**ONE_EPOCH),
}


def exponent(events: list[float], cost: list[float], least: float) -> tuple[float, float, float]:
    """Fit the exponent p in cost ~ events^p by least squares on logarithms.

    Parameters
    ----------
    events : list of float
        Sizes of the data, one for each run.
    cost : list of float
        Time or memory of each run.
    least : float
        Runs with a smaller cost are ignored.

    Returns
    -------
    p, low, high : float
        The exponent and its 95 % interval; NaN if fewer than three runs or two sizes remain.
    """
    points = [(e, c) for e, c in zip(events, cost, strict=True) if c >= least]
    if len(points) < 3 or len({e for e, _ in points}) < 2:
        return (float("nan"),) * 3
    fitted = stats.linregress(*np.log(points).T)
    margin = stats.t.ppf(0.975, len(points) - 2) * fitted.stderr
    return float(fitted.slope), float(fitted.slope - margin), float(fitted.slope + margin)
