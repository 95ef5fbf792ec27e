"""Provide all models of the course, one module for each family.

A module is imported when one of its models is first used, so chapters that do not need PyTorch start without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recsys_teach.models.attention import SASRec
    from recsys_teach.models.autoencoder import AutoRec, MultDAE, MultVAE
    from recsys_teach.models.biases import DampedBiases
    from recsys_teach.models.cold_start.dropoutnet import DropoutNet
    from recsys_teach.models.cold_start.hybrid import HybridFactors
    from recsys_teach.models.cold_start.profiles import ProfilePopularity
    from recsys_teach.models.content import ContentProfile
    from recsys_teach.models.ease import EASE
    from recsys_teach.models.factors import BiasedMF
    from recsys_teach.models.implicit import BPR, IALS
    from recsys_teach.models.neighbors import BiasedItemKNN, ItemKNN, UserKNN
    from recsys_teach.models.popularity import Popularity
    from recsys_teach.models.sequence import CoVisitation, GRURecommender, MarkovChain
    from recsys_teach.models.svd import PureSVD, rank_k
    from recsys_teach.models.two_tower import TwoTower

_FAMILIES = {
    "BPR": "implicit",
    "EASE": "ease",
    "IALS": "implicit",
    "AutoRec": "autoencoder",
    "BiasedItemKNN": "neighbors",
    "BiasedMF": "factors",
    "CoVisitation": "sequence",
    "ContentProfile": "content",
    "DampedBiases": "biases",
    "DropoutNet": "cold_start",
    "GRURecommender": "sequence",
    "HybridFactors": "cold_start",
    "ItemKNN": "neighbors",
    "MarkovChain": "sequence",
    "MultDAE": "autoencoder",
    "MultVAE": "autoencoder",
    "Popularity": "popularity",
    "ProfilePopularity": "cold_start",
    "PureSVD": "svd",
    "SASRec": "attention",
    "TwoTower": "two_tower",
    "UserKNN": "neighbors",
    "rank_k": "svd",
}

__all__ = [
    "BPR",
    "EASE",
    "IALS",
    "AutoRec",
    "BiasedItemKNN",
    "BiasedMF",
    "CoVisitation",
    "ContentProfile",
    "DampedBiases",
    "DropoutNet",
    "GRURecommender",
    "HybridFactors",
    "ItemKNN",
    "MarkovChain",
    "MultDAE",
    "MultVAE",
    "Popularity",
    "ProfilePopularity",
    "PureSVD",
    "SASRec",
    "TwoTower",
    "UserKNN",
    "rank_k",
]


def __getattr__(name: str) -> Any:
    if name not in _FAMILIES:
        raise AttributeError(f"module {__name__!r} has no model {name!r}. Use one of {', '.join(__all__)}.")
    return getattr(import_module(f"{__name__}.{_FAMILIES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
