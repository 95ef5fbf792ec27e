"""Run the experiments that take too long for a notebook, and save their results.

    python -m authoring.saved_runs 08 09

runs saved_run.py of these chapters, one after the other, with one thread. The docstring of each saved_run.py describes
what it computes, what its tables contain and how long it takes. The tables, and a file card.json with the versions and
the minutes, are written to the folder saved/ of the chapter, from which ``load_saved_run`` reads them.
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

PACKAGES = ("numpy", "scipy", "pandas", "scikit-learn", "torch", "opacus", "pyspark")  # those that are installed


def save(chapter: str, **tables: pd.DataFrame) -> None:
    """Write tables to the folder saved/ of a chapter, each as a CSV file without the index.

    Parameters
    ----------
    chapter : str
        Number of the chapter, for example "08".
    **tables : DataFrame
        The tables; their names become the names of the files.
    """
    for name, table in tables.items():
        write_whole(folders()[chapter] / "saved" / f"{name}.csv", table.to_csv(index=False))


def expected_auc(scores: np.ndarray, probabilities: np.ndarray) -> float:
    """Compute the expected AUC of scores whose labels are random with known probabilities.

    Parameters
    ----------
    scores : array, shape (n,)
        Predicted scores.
    probabilities : array, shape (n,)
        Probability that the label of a row is 1. The row counts as a positive with this weight and as a negative with
        the remaining weight.

    Returns
    -------
    float
        Weighted AUC, between 0 and 1.
    """
    weights = np.concatenate([probabilities, 1 - probabilities])
    return float(roc_auc_score(np.repeat([1, 0], len(scores)), np.tile(scores, 2), sample_weight=weights))


def main(numbers: list[str]) -> int:
    """Run the saved runs of chapters.

    Parameters
    ----------
    numbers : list of str
        Numbers of chapters, for example "08".

    Returns
    -------
    int
        Exit code: 0, or 2 if a number is missing or unknown.
    """
    known = [number for number, folder in folders().items() if (folder / "saved_run.py").exists()]
    if not numbers or set(numbers) - set(known):
        got = " ".join(numbers) or "nothing"
        print(f"Expected the numbers of chapters that have a saved_run.py, among {', '.join(known)}; got {got}.")
        return 2
    for number in numbers:
        start = time.monotonic()
        load_part(number, "saved_run").main()
        installed = {package.name: package.version for package in metadata.distributions()}
        card = {
            "minutes": round((time.monotonic() - start) / 60, 1),
            "python": ".".join(map(str, sys.version_info[:3])),
            "versions": {name: installed[name] for name in PACKAGES if name in installed},
        }
        write_whole(folders()[number] / "saved" / "card.json", json.dumps(card, indent=1) + "\n")
        print(f"Chapter {number}: {card['minutes']} minutes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
