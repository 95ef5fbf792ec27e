"""Make the saved runs of chapters again, those that take longer than a notebook may.

    python -m authoring.saved_runs 08 09

runs saved_run.py of these chapters, one after the other, with one thread. Each says at its top what it computes, what
its tables contain and how long it takes. The tables, and a card with the versions and the minutes, are written to the
chapter's folder saved/, where ``load_saved_run`` reads them.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and torch are imported
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("TQDM_DISABLE", "1")

import json
import time
from importlib import metadata

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from recsys_teach.files import write_whole
from recsys_teach.learn.chapters import folders, load_part

PACKAGES = ("numpy", "scipy", "pandas", "scikit-learn", "torch", "opacus")


def save(chapter: str, **tables: pd.DataFrame) -> None:
    """Write tables into the folder saved/ of a chapter, each as a CSV file of its name, the index left out.

    Parameters
    ----------
    chapter : str
        Its number, for example "08".
    **tables : DataFrame
    """
    for name, table in tables.items():
        write_whole(folders()[chapter] / "saved" / f"{name}.csv", table.to_csv(index=False))


def expected_auc(scores: np.ndarray, probabilities: np.ndarray) -> float:
    """Compute the AUC that scores have on average if labels are drawn with these probabilities.

    Parameters
    ----------
    scores, probabilities : array, shape (n,)
        Each row counts as a 1 with its probability, and as a 0 with the rest.
    """
    weights = np.concatenate([probabilities, 1 - probabilities])
    return float(roc_auc_score(np.repeat([1, 0], len(scores)), np.tile(scores, 2), sample_weight=weights))


def main(numbers: list[str]) -> int:
    """Run the chapters' scripts; return the exit code."""
    known = [number for number, folder in folders().items() if (folder / "saved_run.py").exists()]
    if not numbers or set(numbers) - set(known):
        print(f"Expected numbers of chapters with a saved run, of {', '.join(known)}; got {numbers}.")
        return 2
    for number in numbers:
        start = time.monotonic()
        load_part(number, "saved_run").main()
        card = {
            "minutes": round((time.monotonic() - start) / 60, 1),
            "python": ".".join(map(str, sys.version_info[:3])),
            "versions": {name: metadata.version(name) for name in PACKAGES},
        }
        write_whole(folders()[number] / "saved" / "card.json", json.dumps(card, indent=1) + "\n")
        print(f"Chapter {number}: {card['minutes']} minutes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
