"""The models of the course, one file a family."""

from recsys_teach.models.biases import DampedBiases
from recsys_teach.models.content import ContentProfile
from recsys_teach.models.ease import EASE
from recsys_teach.models.factors import BiasedMF
from recsys_teach.models.implicit import BPR, IALS
from recsys_teach.models.neighbours import BiasedItemKNN, ItemKNN, UserKNN
from recsys_teach.models.popularity import Popularity
from recsys_teach.models.svd import PureSVD, rank_k

__all__ = [
    "BPR",
    "EASE",
    "IALS",
    "BiasedItemKNN",
    "BiasedMF",
    "ContentProfile",
    "DampedBiases",
    "ItemKNN",
    "Popularity",
    "PureSVD",
    "UserKNN",
    "rank_k",
]
