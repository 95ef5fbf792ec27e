"""Groups of contestants that are compared, the ranges in which they are tuned, and the goals.

The first contestant of each group is ours. All contestants of a group have the same size: number of factors, and number
of passes over the data. What remains is tuned by ``benchmarks.tune``, with the same number of settings for each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from benchmarks.contestants import Decomposition, Implicit, LensKit, Ours, Surprise
from recsys_teach import models


@dataclass(frozen=True)
class Contestant:
    """A model, and what is tuned.

    Attributes
    ----------
    make : callable
        Creates the model, with the tuned parameters as keywords.
    ranges : dict of str to tuple
        For each parameter the lowest and the highest value. Values are drawn uniformly on a logarithmic scale, and
        rounded if both limits are integers.
    """

    make: Callable[..., Any]
    ranges: dict[str, tuple] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """Contestants on the same tasks.

    Attributes
    ----------
    tasks : tuple of str
        Names of tasks in ``benchmarks.tasks``.
    contestants : dict of str to Contestant
        The contestants by name.
    threads : int, optional
        Number of threads, if it differs from that of the other groups.
    tuned_as : str, optional
        Group whose tuned settings are used, contestant by contestant in the same order. Without it the group is tuned.
    """

    tasks: tuple[str, ...]
    contestants: dict[str, Contestant]
    threads: int | None = None
    tuned_as: str | None = None


def _ours(name: str, *args, **fixed) -> Callable[..., Ours]:
    """Return a function that creates a model of the course."""
    return lambda **tuned: Ours(getattr(models, name)(*args, **fixed, **tuned))


IMPLICIT_ALS = partial(Implicit, "als.AlternatingLeastSquares", iterations=15, random_state=0)
SVD = partial(Surprise, "SVD", random_state=0)
BASELINE = {"sim_options": {"name": "pearson_baseline", "user_based": False}, "verbose": False}
OUR_ALS_RANGES = {"alpha": (0.3, 300.0), "regularization": (0.0001, 0.3)}
IMPLICIT_ALS_RANGES = {"alpha": (0.3, 300.0), "regularization": (0.01, 100.0)}
LENSKIT_ALS_RANGES = {"weight": (0.3, 300.0), "regularization": (0.001, 10.0)}
RANKINGS = ("movielens", "long", "short", "shop")

GROUPS = {
    "iALS": Group(
        RANKINGS,
        {
            "ours, 64 factors": Contestant(_ours("IALS", 64), OUR_ALS_RANGES),
            "implicit ALS, 64": Contestant(partial(IMPLICIT_ALS, factors=64), IMPLICIT_ALS_RANGES),
            "LensKit ALS, 64": Contestant(
                partial(LensKit, "als.ImplicitMFScorer", embedding_size=64, epochs=15), LENSKIT_ALS_RANGES
            ),
        },
    ),
    "iALS, two threads": Group(
        RANKINGS,
        {
            "ours, 192 factors": Contestant(_ours("IALS", 192), OUR_ALS_RANGES),
            "implicit ALS, 192": Contestant(partial(IMPLICIT_ALS, factors=192), IMPLICIT_ALS_RANGES),
        },
        threads=2,
        tuned_as="iALS",
    ),
    "BPR": Group(
        ("movielens", "short", "shop"),
        {
            "ours, 64 factors": Contestant(
                _ours("BPR", 64),
                {"learning_rate": (0.02, 0.4), "regularization": (0.001, 0.1), "n_epochs": (10, 100)},
            ),
            "implicit BPR, 64": Contestant(
                partial(Implicit, "bpr.BayesianPersonalizedRanking", factors=64, random_state=0),
                {"learning_rate": (0.005, 0.2), "regularization": (0.001, 0.1), "iterations": (10, 100)},
            ),
        },
    ),
    "item kNN": Group(
        RANKINGS,
        {
            "ours": Contestant(_ours("ItemKNN"), {"k": (20, 300), "shrinkage": (0.1, 100.0)}),
            "implicit cosine": Contestant(partial(Implicit, "nearest_neighbours.CosineRecommender"), {"K": (20, 300)}),
            "implicit BM25": Contestant(
                partial(Implicit, "nearest_neighbours.BM25Recommender"),
                {"K": (20, 300), "K1": (0.1, 100.0), "B": (0.05, 1.0)},
            ),
            "LensKit item kNN": Contestant(
                partial(LensKit, "knn.ItemKNNScorer", by_history=True, feedback="implicit"),
                {"max_nbrs": (10, 100), "save_nbrs": (20, 300)},
            ),
        },
    ),
    "EASE": Group(
        ("movielens", "long"),
        {
            "ours": Contestant(_ours("EASE"), {"regularization": (10.0, 3000.0)}),
            "LensKit EASE": Contestant(
                partial(LensKit, "knn.EASEScorer", by_history=True), {"regularization": (10.0, 3000.0)}
            ),
        },
    ),
    "PureSVD": Group(
        RANKINGS,
        {
            "ours, 64 factors": Contestant(_ours("PureSVD", 64)),
            "scikit-learn TruncatedSVD": Contestant(
                partial(Decomposition, "TruncatedSVD", n_components=64, random_state=0), {"n_iter": (3, 30)}
            ),
        },
    ),
    "MF by ALS": Group(
        ("ratings",),
        {
            "ours, 16 factors": Contestant(_ours("BiasedMF", 16, n_epochs=10), {"regularization": (0.3, 5.0)}),
            "LensKit biased ALS, 16": Contestant(
                partial(LensKit, "als.BiasedMFScorer", embedding_size=16, epochs=10),
                {"regularization": (0.01, 10.0), "damping": (1.0, 20.0)},
            ),
            "LensKit biased ALS, 50": Contestant(
                partial(LensKit, "als.BiasedMFScorer", embedding_size=50, epochs=10),
                {"regularization": (0.01, 10.0), "damping": (1.0, 20.0)},
            ),
            "Surprise SVD, 100": Contestant(
                partial(SVD, n_factors=100), {"lr_all": (0.002, 0.03), "reg_all": (0.01, 0.3), "n_epochs": (10, 60)}
            ),
        },
    ),
    "MF by SGD": Group(
        ("ratings",),
        {
            "ours, 32 factors": Contestant(
                _ours("BiasedMF", 32, solver="sgd"),
                {"learning_rate": (0.02, 0.15), "regularization": (0.3, 5.0), "n_epochs": (10, 60)},
            ),
            "Surprise SVD, 32": Contestant(
                partial(SVD, n_factors=32), {"lr_all": (0.002, 0.03), "reg_all": (0.01, 0.3), "n_epochs": (10, 60)}
            ),
        },
    ),
    "item kNN for ratings": Group(
        ("ratings",),
        {
            "ours": Contestant(_ours("BiasedItemKNN"), {"k": (20, 300), "shrinkage": (5.0, 300.0)}),
            "Surprise KNNBaseline": Contestant(partial(Surprise, "KNNBaseline", **BASELINE), {"k": (10, 150)}),
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
        The largest ratio that meets the goal, on every task of the group.
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
    Goal("BPR", "implicit BPR, 64", 1.0),
    Goal("item kNN", "implicit cosine", 1.0),
    Goal("EASE", "LensKit EASE", 0.67),
    Goal("PureSVD", "scikit-learn TruncatedSVD", 1.0),
    Goal("MF by ALS", "LensKit biased ALS, 16", 0.5),
    Goal("MF by ALS", "LensKit biased ALS, 50", 0.5),
    Goal("MF by ALS", "Surprise SVD, 100", 0.5),
    Goal("MF by SGD", "Surprise SVD, 32", 1.0),
    Goal("item kNN for ratings", "Surprise KNNBaseline", 0.1, what="fit and answer"),
]
METRICS_LIMIT = 0.1
GROWTH_LIMIT = 1.1
