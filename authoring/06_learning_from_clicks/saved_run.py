"""The long run of chapter 06: BPR for more epochs than a notebook may wait for, and the grids behind the settings.

    python -m authoring.saved_runs 06

takes about ten minutes of one core, the fetched MovieLens-100K and no network. It writes
``saved/bpr.csv``, with the columns data, part, seed, model, setting, ndcg, behind, low and high:

* part "test": five random splits of MovieLens-100K per person, BPR after 30, 60 and 120 epochs, beside the other
  models. ``behind`` is PureSVD minus the model over the people of that split, ``low`` and ``high`` its 95 % interval;
* part "validation": a fifth of the training part of the first split, on which settings are compared. On the world it
  is the mean over three such parts, as in the notebook.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from authoring.saved_runs import save
from recsys_teach.data import movielens, split_per_user
from recsys_teach.data.world import load_world
from recsys_teach.evaluation import evaluate, paired_difference
from recsys_teach.models import BPR, EASE, IALS, Popularity, PureSVD

EPOCHS = (30, 60, 120)
BPR_GRID = [(64, 0.2, 0.02), (64, 0.1, 0.02), (64, 0.4, 0.02), (64, 0.2, 0.01), (64, 0.2, 0.04), (32, 0.2, 0.02),
            (128, 0.2, 0.02)]  # fmt: skip
GRIDS = {
    "PureSVD": [(f"{d} factors", PureSVD(d)) for d in (10, 20, 40)],
    "EASE": [(f"lam {lam}", EASE(lam)) for lam in (100, 200, 400, 800)],
    "iALS": [(f"{d} factors", IALS(d)) for d in (32, 64, 128)],
    "BPR": [(f"{d} factors, rate {rate}, ridge {ridge}", BPR(d, rate, ridge)) for d, rate, ridge in BPR_GRID],
}
WORLD_GRID = [(8, 0.2, 0.05), (4, 0.2, 0.05), (16, 0.2, 0.05), (8, 0.1, 0.05), (8, 0.4, 0.05), (8, 0.2, 0.02)]
WORLD_GRID += [(8, 0.2, 0.1)]


def ndcg(model, split) -> float:
    """Mean nDCG@10 of a model fitted on the training part of a split."""
    return evaluate(model.fit(split.train).score, split, name="model").mean("nDCG@10")


def test_runs(ml, seed: int) -> list[dict]:
    """Measure each model on one split, beside PureSVD."""
    split = split_per_user(ml, random_state=seed)
    models = {("PureSVD", ""): PureSVD(20), ("popularity", ""): Popularity(), ("EASE", ""): EASE(400)}
    models |= {("iALS", ""): IALS(64)}
    models |= {("BPR", str(n_epochs)): BPR(64, 0.2, 0.02, n_epochs=n_epochs) for n_epochs in EPOCHS}
    results = {key: evaluate(model.fit(split.train).score, split, name=key[0]) for key, model in models.items()}
    rows = []
    for (name, setting), result in results.items():
        row = {"data": "ml", "part": "test", "seed": seed, "model": name, "setting": setting}
        row["ndcg"] = result.mean("nDCG@10")
        if name != "PureSVD":
            behind, low, high = paired_difference(results["PureSVD", ""], result, "nDCG@10")
            row |= {"behind": behind, "low": low, "high": high}
        rows.append(row)
    return rows


def validation_runs(ml) -> list[dict]:
    """Measure the settings of each grid on a fifth of the first split's training part."""
    split = split_per_user(split_per_user(ml).train)
    grid = [(name, setting, model) for name, settings in GRIDS.items() for setting, model in settings]
    grid += [("BPR", f"{n_epochs} epochs", BPR(64, 0.2, 0.02, n_epochs=n_epochs)) for n_epochs in EPOCHS[1:]]
    row = {"data": "ml", "part": "validation", "seed": 0}
    return [row | {"model": name, "setting": setting, "ndcg": ndcg(model, split)} for name, setting, model in grid]


def world_runs() -> list[dict]:
    """Measure BPR's settings on three validation parts of the world's training part."""
    train = split_per_user(load_world().clicks()).train
    parts = [split_per_user(train, random_state=seed) for seed in range(3)]
    rows = []
    for d, rate, ridge in WORLD_GRID:
        value = np.mean([ndcg(BPR(d, rate, ridge), part) for part in parts])
        setting = f"{d} factors, rate {rate}, ridge {ridge}"
        row = {"data": "world", "part": "validation", "seed": 0, "model": "BPR", "setting": setting, "ndcg": value}
        rows.append(row)
    return rows


def main() -> None:
    """Run everything, and write after each part what there is."""
    torch.set_num_threads(1)
    ml = movielens.load()
    runs = [lambda seed=seed: test_runs(ml, seed) for seed in range(5)]
    runs += [world_runs, lambda: validation_runs(ml)]
    rows: list[dict] = []
    for run in runs:
        came = run()
        print(pd.DataFrame(came).round(4).to_string(), flush=True)
        rows += came
        save("06", bpr=pd.DataFrame(rows).round(4))
