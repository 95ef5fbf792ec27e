"""Groups of contestants that are compared, and the goals. The first contestant of each group is ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.contestants import Decomposition, Implicit, LensKit, Ours, Surprise
from recsys_teach import models


@dataclass(frozen=True)
class Group:
    """Contestants on one task.

    Attributes
    ----------
    task : str
        Name of a task in ``benchmarks.tasks``.
    contestants : dict of str to function without arguments
        For each name, a function that creates the contestant.
    threads : int, optional
        Number of threads, if it differs from that of the other groups.
    """

    task: str
    contestants: dict[str, Callable[[], Any]]
    threads: int | None = None


def _ours(name: str, *args, **parameters) -> Callable[[], Ours]:
    """Return a function that creates a model of the course."""
    return lambda: Ours(getattr(models, name)(*args, **parameters))


IMPLICIT_ALS = partial(Implicit, "als.AlternatingLeastSquares", iterations=15, random_state=0)
LENSKIT_ALS = partial(LensKit, "als.ImplicitMFScorer", epochs=15)
SVD = partial(Surprise, "SVD", random_state=0)
BASELINE = {"sim_options": {"name": "pearson_baseline", "user_based": False}, "verbose": False}

# The other libraries use their default parameters, except for those that are set here. Contestants that are compared at
# equal size have our numbers of factors and epochs.
GROUPS = {
    "iALS": Group(
        "long",
        {
            "ours, 64 factors": _ours("IALS", 64),
            "implicit ALS, 64": partial(IMPLICIT_ALS, factors=64),
            "LensKit ALS, 64": partial(LENSKIT_ALS, embedding_size=64),
        },
    ),
    "iALS, short histories": Group(
        "short",
        {
            "ours, 64 factors": _ours("IALS", 64),
            "implicit ALS, 64": partial(IMPLICIT_ALS, factors=64),
        },
    ),
    "iALS, two threads": Group(
        "long",
        {
            "ours, 192 factors": _ours("IALS", 192),
            "implicit ALS, 192": partial(IMPLICIT_ALS, factors=192),
        },
        threads=2,
    ),
    "BPR": Group(
        "movielens",
        {
            "ours": _ours("BPR", 64, 0.2, 0.02, n_epochs=30),
            "implicit BPR, 64": partial(Implicit, "bpr.BayesianPersonalizedRanking", factors=64, random_state=0),
        },
    ),
    "item kNN": Group(
        "long",
        {
            "ours": _ours("ItemKNN"),
            "implicit cosine, K=150": partial(Implicit, "nearest_neighbors.CosineRecommender", K=150),
            "LensKit item kNN": partial(LensKit, "knn.ItemKNNScorer", by_history=True, k=150, feedback="implicit"),
        },
    ),
    "EASE": Group(
        "long",
        {
            "ours": _ours("EASE", 400.0),
            "LensKit EASE": partial(LensKit, "knn.EASEScorer", by_history=True, regularization=400.0),
        },
    ),
    "PureSVD": Group(
        "long",
        {
            "ours, 64 factors": _ours("PureSVD", 64),
            "scikit-learn TruncatedSVD": partial(Decomposition, "TruncatedSVD", n_components=64, random_state=0),
            "scikit-learn NMF": partial(Decomposition, "NMF", n_components=64, max_iter=50, random_state=0),
        },
    ),
    "MF by ALS": Group(
        "ratings",
        {
            "ours, 16 factors": _ours("BiasedMF", 16, 1.3, 10),
            "LensKit biased ALS, 16": partial(LensKit, "als.BiasedMFScorer", embedding_size=16, epochs=10),
            "LensKit biased ALS, 50": partial(LensKit, "als.BiasedMFScorer"),
            "Surprise SVD, 16": partial(SVD, n_factors=16),
            "Surprise SVD, 100": SVD,
        },
    ),
    "MF by SGD": Group(
        "ratings",
        {
            "ours, 32 factors": _ours("BiasedMF", 32, 1.3, 20, solver="sgd"),
            "Surprise SVD, 32": partial(SVD, n_factors=32),
            "Surprise SVD, 100": SVD,
        },
    ),
    "item kNN for ratings": Group(
        "ratings",
        {
            "ours": _ours("BiasedItemKNN"),
            "Surprise KNNBaseline": partial(Surprise, "KNNBaseline", **BASELINE),
        },
    ),
}


@dataclass(frozen=True)
class Goal:
    """A limit for the ratio of our time to that of another library, at equal or better accuracy.

    Attributes
    ----------
    group : str
        Name of the group.
    peer : str
        Name of the contestant that ours is compared with.
    limit : float
        The largest ratio that meets the goal.
    what : {"fit", "fit and answer"}
        The times that are added.
    """

    group: str
    peer: str
    limit: float
    what: str = "fit"


GOALS = [
    Goal("iALS", "implicit ALS, 64", 0.6),
    Goal("iALS", "LensKit ALS, 64", 0.25),
    Goal("iALS, two threads", "implicit ALS, 192", 1.0),
    Goal("MF by ALS", "LensKit biased ALS, 16", 0.5),
    Goal("MF by ALS", "LensKit biased ALS, 50", 0.5),
    Goal("MF by ALS", "Surprise SVD, 100", 0.5),
    Goal("MF by SGD", "Surprise SVD, 100", 1.0),
    Goal("item kNN for ratings", "Surprise KNNBaseline", 0.1, what="fit and answer"),
    Goal("EASE", "LensKit EASE", 0.67),
]
METRICS_LIMIT = 0.1
GROWTH_LIMIT = 1.1
GROWTH_JUDGED = ("BiasedMF, ALS", "IALS")
