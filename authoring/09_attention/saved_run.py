"""The long run of chapter 09: SASRec on MovieLens-100K, full softmax against one sampled item, five seeds each.

    python -m authoring.saved_runs 09

takes about fifteen minutes of one core and no network. The protocol is that of chapter 08, whose script trains the GRU
beside it: hyper-parameters and the epoch that is kept come from the validation part, each person's last event but one;
the weights never see the two last events. For the test the network reads all events but the last. It writes into
``saved/``

* ``curves.csv``: loss, seed, epoch, training loss, validation nDCG@10;
* ``test.csv``: nDCG@10 of each person's last event, one column for each loss and seed.
"""

from __future__ import annotations

from typing import Any

from recsys_teach.learn.chapters import load_part
from recsys_teach.models.attention import SASRec

SETTINGS: dict[str, Any] = {
    "n_factors": 64,
    "n_blocks": 1,
    "max_length": 20,
    "dropout": 0.3,
    "batch_size": 64,
    "learning_rate": 4e-3,
}


def main() -> None:
    """Train, test, and write the tables."""
    load_part("08", "saved_run").run(SASRec, SETTINGS, "09")
