"""Train the autoencoders of chapter 07 on MovieLens-100K for longer than a notebook may.

python -m authoring.saved_runs 07

Five draws of 150 held-out people, and for each five 150 others to choose the epoch on: the models are fitted without
either and followed epoch by epoch on the second, then fitted with the second, for as many epochs as were best, and
measured once on the first. The other settings were chosen on the second group of the draws 0 and 1. AutoRec is fitted
on five random folds. Then the world: five draws of 250 held-out people, settings as in the notebook. Writes
saved/curves.csv, results.csv and world.csv. It takes about five minutes on one core, and the
fetched MovieLens-100K.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import KFold

from authoring.saved_runs import save
from recsys_teach.data import Interactions, Split, movielens, split_users
from recsys_teach.data.world import load_world
from recsys_teach.evaluation import evaluate, rmse
from recsys_teach.models import EASE, AutoRec, MultDAE, MultVAE, Popularity
from recsys_teach.models.autoencoder import kl_to_normal

N_EPOCHS = 40
SETTINGS = {"Mult-DAE": (MultDAE, {}), "Mult-VAE": (MultVAE, {})}


def ndcg(score, split: Split) -> float:
    """Mean nDCG@10 of a function of rows on the hidden events of the held-out people."""
    rows = split.train.matrix()
    return evaluate(lambda users: score(rows[users]), split, name="model").mean("nDCG@10")


def held_out(ml: Interactions, seed: int) -> tuple[list[dict], list[dict]]:
    """Give the curves and the results of one draw of held-out people."""
    train, test = split_users(ml, 150, random_state=seed)
    inner, validation = split_users(train, 150, random_state=100 + seed)
    popularity = Popularity().fit(train).popularity_
    by_lam = {lam: ndcg(EASE(lam).fit(inner).fold_in, validation) for lam in (100, 200, 400, 800)}
    scorers = {
        "popularity": (0, lambda rows: np.tile(popularity, (rows.shape[0], 1))),
        "EASE": (0, EASE(max(by_lam, key=by_lam.get)).fit(train).fold_in),
    }
    curves = [{"model": "EASE", "seed": seed, "epoch": 0, "loss": np.nan, "ndcg": max(by_lam.values())}]
    for name, (model, options) in SETTINGS.items():
        fitted = model(n_epochs=N_EPOCHS, **options).fit(inner, validate=lambda one: ndcg(one.fold_in, validation))
        for epoch, (loss, score) in enumerate(zip(fitted.loss_history_, fitted.score_history_, strict=True), start=1):
            curves.append({"model": name, "seed": seed, "epoch": epoch, "loss": loss, "ndcg": score})
        again = model(n_epochs=fitted.best_epoch_, **options).fit(train)
        scorers[name] = fitted.best_epoch_, again.fold_in
    results = [
        {"model": name, "seed": seed, "epoch": epoch, "metric": "nDCG@10", "value": ndcg(score, test)}
        for name, (epoch, score) in scorers.items()
    ]
    return curves, results


def autorec_folds(ml: Interactions) -> list[dict]:
    """Give the RMSE of AutoRec on five random folds."""
    results = []
    for seed, (train, test) in enumerate(KFold(5, shuffle=True, random_state=0).split(np.arange(len(ml)))):
        model, hidden = AutoRec().fit(ml.take(train)), ml.take(test)
        value = rmse(hidden.log["rating"], model.predict(hidden.user_pos, hidden.item_pos))
        results.append({"model": "AutoRec", "seed": seed, "epoch": model.n_epochs, "metric": "RMSE", "value": value})
    return results


def world_draws(clicks: Interactions) -> list[dict]:
    """Give the results of five draws of held-out people of the world, a collapsed Mult-VAE among them."""
    results = []
    for seed in range(5):
        people, held = split_users(clicks, 250, random_state=seed)
        popularity = Popularity().fit(people).popularity_
        rows = held.train.matrix()[np.unique(held.train.user_pos)]
        collapsed = MultVAE(32, beta=10, n_anneal=1, n_epochs=15).fit(people)
        with torch.no_grad():
            code = collapsed.network_.encode(torch.tensor(rows.toarray(), dtype=torch.float32))
        scorers = {
            "popularity": lambda rows, scores=popularity: np.tile(scores, (rows.shape[0], 1)),
            "EASE": EASE(300).fit(people).fold_in,
            "Mult-DAE": MultDAE(32).fit(people).fold_in,
            "Mult-VAE": MultVAE(32).fit(people).fold_in,
            "collapsed": collapsed.fold_in,
        }
        results += [{"model": n, "seed": seed, "metric": "nDCG@10", "value": ndcg(f, held)} for n, f in scorers.items()]
        kl = kl_to_normal(*code).mean().item()
        results.append({"model": "collapsed", "seed": seed, "metric": "KL", "value": kl})
        print(pd.DataFrame(results[-6:]).to_string(), flush=True)
    return results


def main() -> None:
    """Run everything and write both tables."""
    torch.set_num_threads(1)
    ml = movielens.load()
    curves, results = [], autorec_folds(ml)
    for seed in range(5):
        of_curves, of_results = held_out(ml, seed)
        curves, results = curves + of_curves, results + of_results
        print(pd.DataFrame(of_results).to_string(), flush=True)
    save("07", world=pd.DataFrame(world_draws(load_world().clicks())).round(4))
    save("07", curves=pd.DataFrame(curves).round(4))
    save("07", results=pd.DataFrame(results).round(4))
