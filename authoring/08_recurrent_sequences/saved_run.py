"""The long run of chapter 08: a GRU on MovieLens-100K, full softmax against one sampled item, five seeds each.

    python -m authoring.saved_runs 08

takes about fifteen minutes of one core and no network. Hyper-parameters and the epoch that is kept come from the
validation part, each person's last event but one; the weights never see the two last events. For the test the network
reads all events but the last. It writes into ``saved/``

* ``curves.csv``: loss, seed, epoch, training loss, validation nDCG@10;
* ``test.csv``: nDCG@10 of each person's last event, one column for each loss and seed.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import torch

from authoring.saved_runs import save
from recsys_teach.data import movielens, split_last_out
from recsys_teach.evaluation import evaluate
from recsys_teach.models.sequence import GRURecommender, NextItemModel, histories

SEEDS = range(5)
EPOCHS = {"softmax": 20, "sampled": 40}  # a sampled epoch takes less than half the time, and teaches less
SETTINGS: dict[str, Any] = {"n_factors": 64, "max_length": 50, "dropout": 0.3, "batch_size": 64, "learning_rate": 5e-3}


def run(kind: type[NextItemModel], settings: dict[str, Any], number: str) -> None:
    """Train, test, and write what came after each seed, into the files of a chapter's number."""
    torch.set_num_threads(1)
    split = split_last_out(movielens.load())
    validation = split_last_out(split.train)
    known = histories(split.train)  # what the network reads for the test
    curves, tests = [], {}
    for seed in SEEDS:
        for loss, n_epochs in EPOCHS.items():
            model = kind(loss=loss, n_epochs=n_epochs, random_state=seed, **settings)
            model.fit(validation.train, lambda m: evaluate(m.score, validation, name="").mean("nDCG@10"))
            for epoch, (value, ndcg) in enumerate(zip(model.loss_history_, model.score_history_, strict=True), start=1):
                curves.append((loss, seed, epoch, round(value, 4), round(ndcg, 4)))
            result = evaluate(lambda users, m=model: m.fold_in([known[user] for user in users]), split, name=loss)
            tests[f"{loss} {seed}"] = result.per_user["nDCG@10"].round(4)
            print(loss, seed, "epoch", model.best_epoch_, max(model.score_history_), result.mean("nDCG@10"), flush=True)
        columns = ["loss", "seed", "epoch", "training_loss", "validation_ndcg"]
        of_users = pd.DataFrame(tests).rename_axis("user").reset_index()
        save(number, curves=pd.DataFrame(curves, columns=columns), test=of_users)


def main() -> None:
    """Train, test, and write the tables."""
    run(GRURecommender, SETTINGS, "08")
