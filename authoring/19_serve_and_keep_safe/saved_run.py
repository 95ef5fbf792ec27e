"""The runs of chapter 19 that take longer than a notebook may: many attacks on five models, and a real server.

`python -m authoring.saved_runs 19` writes the tables below to saved/. It takes about ten minutes on one core.

* attacks: the share of real people's lists of ten that contain the pushed film, among people who have not rated it,
  before ("n_fakes" is 0) and after an attack, and the median rank of the film among all films that a person has not
  rated. Each seed draws another film with 10 to 30 ratings and other profiles. "short" is "bandwagon" with three
  popular films and no others. "copied" profiles are those of real people, with the film added.
* detection: precision and recall of three rules, for 30 and 100 fake people. Rule "deviation" flags people whose
  rating deviation is above the 99 % quantile of real people, "two-sided" also those whose degree of similarity is below
  the .5 % quantile or above the 99.5 % quantile. The quantiles come from one half of the real people, and the rules are
  used on the other half and the fake people. "film_rank" is the rank of the pushed film among all films by the
  z-value of its new ratings.
* cleaned: lists that contain the film with BiasedMF, after the flagged people are removed.
* latency: milliseconds of a real server process (EASE on MovieLens), per request, measured by clients on the same
  machine, two processor cores with other work on them. Each request opens a new connection.

The rules were written while looking at the random attack with the seeds 0 to 2. The tables have the seeds 10 to 17.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pandas as pd
from scipy import sparse

from authoring.saved_runs import save
from recsys_teach.data import Interactions, movielens
from recsys_teach.files import REPOSITORY
from recsys_teach.models import EASE, IALS, BiasedMF, ItemKNN, Popularity
from recsys_teach.security import ATTACKS, degree_of_similarity, fake_profiles, inject, rating_deviation
from recsys_teach.serving import save_model

SEEDS = range(10, 18)
MODELS = {"Popularity": Popularity, "ItemKNN": ItemKNN, "EASE": EASE, "iALS": IALS, "BiasedMF": BiasedMF}
KINDS = (*ATTACKS, "short", "copied")


def draw_target(ratings: sparse.csr_array, seed: int) -> int:
    """Draw a film with 10 to 30 ratings."""
    counts = np.bincount(ratings.indices, minlength=ratings.shape[1])
    return int(np.random.default_rng(seed).choice(np.flatnonzero((counts >= 10) & (counts <= 30))))


def profiles(ratings: sparse.csr_array, target: int, n: int, kind: str, seed: int) -> sparse.csr_array:
    """Draw fake profiles of one of the six kinds."""
    if kind == "short":
        return fake_profiles(ratings, target, n, attack="bandwagon", n_filler=0, n_popular=3, random_state=seed)
    if kind == "copied":
        dense = ratings[np.random.default_rng(seed).choice(ratings.shape[0], n, replace=False)].toarray()
        dense[:, target] = ratings.data.max()
        return sparse.csr_array(dense)
    return fake_profiles(ratings, target, n, attack=kind, random_state=seed)


def reach(model: object, data: Interactions, ratings: sparse.csr_array, target: int) -> tuple[float, float]:
    """Return the share of lists with the film, and its median rank among unrated films, for real people without it."""
    users = np.flatnonzero(ratings[:, [target]].toarray()[:, 0] == 0)
    scores = np.array(model.fit(data).score(users), dtype=float)
    scores[ratings[users].toarray() > 0] = -np.inf
    own = scores[:, [target]]
    ahead = (scores > own).sum(axis=1) + (scores[:, :target] == own).sum(axis=1)  # ties go to the lower position
    return float((ahead < 10).mean()), float(np.median(ahead) + 1)


def attack_table(ml: Interactions) -> pd.DataFrame:
    """Attack five models."""
    ratings, rows = ml.matrix("rating"), []
    for seed in SEEDS:
        target = draw_target(ratings, seed)
        settings = [("none", 0), *(("average", n) for n in (10, 30, 300)), *((kind, 100) for kind in KINDS)]
        for kind, n in settings:
            data = inject(ml, profiles(ratings, target, n, kind, seed)) if n else ml
            for name, model in MODELS.items():
                share, rank = reach(model(), data, ratings, target)
                rows.append([seed, target, kind, n, name, round(share, 5), rank])
        print("attacked", seed, flush=True)
    return pd.DataFrame(rows, columns=["seed", "target", "attack", "n_fakes", "model", "lists", "median_rank"])


def flags(ratings: sparse.csr_array, reference: np.ndarray) -> dict[str, np.ndarray]:
    """Apply two rules whose thresholds come from the reference people."""
    deviation, similarity = rating_deviation(ratings), degree_of_similarity(ratings)
    high = deviation > np.quantile(deviation[reference], 0.99)
    low_end, high_end = np.quantile(similarity[reference], [0.005, 0.995])
    return {"deviation": high, "two-sided": high | (similarity < low_end) | (similarity > high_end)}


def film_rank(ratings: sparse.csr_array, old: np.ndarray, target: int) -> int:
    """Return the rank of a film by the z-value of the new people's ratings against the old people's mean."""
    before, after = ratings[old], ratings[~old]
    n_old, n_new = ((part != 0).sum(axis=0) for part in (before, after))
    mean = before.data.mean()
    expected = (before.sum(axis=0) + 5 * mean) / (n_old + 5)
    z = (after.sum(axis=0) - n_new * expected) / (before.data.std() * np.sqrt(np.maximum(n_new, 1)))
    return int((z > z[target]).sum() + 1)


def detection_tables(ml: Interactions) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Detect fake people, and train BiasedMF without those that were flagged."""
    ratings, rows, cleaned = ml.matrix("rating"), [], []
    for seed in SEEDS:
        target = draw_target(ratings, seed)
        half = np.random.default_rng(seed).permutation(ml.n_users) < ml.n_users // 2
        for kind in KINDS:
            for n in (30, 100):
                data = inject(ml, profiles(ratings, target, n, kind, seed))
                attacked = data.matrix("rating")
                fake = np.arange(data.n_users) >= ml.n_users
                old = np.append(half, np.zeros(n, dtype=bool))
                rank = film_rank(attacked, old, target)
                for rule, flagged in flags(attacked, np.flatnonzero(old)).items():
                    flagged = flagged & ~old
                    hits = int((flagged & fake).sum())
                    rows.append([seed, kind, n, rule, int(flagged.sum()), hits, hits / n, rank])
                    if n == 30:
                        kept = data.take(~np.isin(data.user_pos, np.flatnonzero(flagged)))
                        cleaned.append([seed, kind, n, rule, round(reach(BiasedMF(), kept, ratings, target)[0], 5)])
                if n == 30:
                    cleaned.append(
                        [seed, kind, n, "nobody removed", round(reach(BiasedMF(), data, ratings, target)[0], 5)]
                    )
        print("detected", seed, flush=True)
    table = pd.DataFrame(rows, columns=["seed", "attack", "n_fakes", "rule", "flagged", "hits", "recall", "film_rank"])
    return table, pd.DataFrame(cleaned, columns=["seed", "attack", "n_fakes", "removed by", "lists"])


def latency_table(ml: Interactions) -> pd.DataFrame:
    """Ask a server process for lists, with 1, 4 and 16 clients at once."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        save_model(EASE().fit(ml), ml, Path(folder))
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        command = [sys.executable, "-m", "recsys_teach", "serve", folder, "--port", str(port)]
        with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL) as server:
            try:
                wait_for(f"http://127.0.0.1:{port}/health")
                return pd.DataFrame([load(ml, port, n_clients) for n_clients in (1, 4, 16)])
            finally:
                server.terminate()


def wait_for(address: str) -> None:
    """Wait until a server answers, at most a minute."""
    for _ in range(600):
        try:
            urlopen(address).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"Nothing answers at {address}.")


def load(ml: Interactions, port: int, n_clients: int) -> dict[str, float]:
    """Send 600 requests by some clients at once; return quantiles of the milliseconds."""

    def ask(user: int) -> float:
        begin = time.perf_counter()
        with urlopen(f"http://127.0.0.1:{port}/recommend?user={user}&k=10") as response:
            response.read()
        return 1000 * (time.perf_counter() - begin)

    users = np.random.default_rng(0).choice(ml.user_ids, 600)
    with ThreadPoolExecutor(n_clients) as pool:
        begin = time.perf_counter()
        times = list(pool.map(ask, users))
        seconds = time.perf_counter() - begin
    p50, p95 = np.quantile(times, [0.5, 0.95]).round(1)
    return {"clients": n_clients, "requests per second": round(600 / seconds), "p50 (ms)": p50, "p95 (ms)": p95}


def main() -> None:
    """Write all tables."""
    ml = movielens.load()
    detection, cleaned = detection_tables(ml)
    save("19", detection=detection, cleaned=cleaned)
    save("19", attacks=attack_table(ml), latency=latency_table(ml))


if __name__ == "__main__":
    main()
