"""The models of the course, one file a family."""

from recsys_teach.models.attention import SASRec
from recsys_teach.models.autoencoder import AutoRec, MultDAE, MultVAE
from recsys_teach.models.biases import DampedBiases
from recsys_teach.models.coldstart import DropoutNet, HybridFactors, ProfilePopularity
from recsys_teach.models.content import ContentProfile
from recsys_teach.models.ease import EASE
from recsys_teach.models.factors import BiasedMF
from recsys_teach.models.implicit import BPR, IALS
from recsys_teach.models.neighbours import BiasedItemKNN, ItemKNN, UserKNN
from recsys_teach.models.popularity import Popularity
from recsys_teach.models.sequence import CoVisitation, GRURecommender, MarkovChain
from recsys_teach.models.svd import PureSVD, rank_k
from recsys_teach.models.two_tower import TwoTower

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
