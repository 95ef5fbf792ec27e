"""The models of the course, one file a family."""

from recsys_teach.models.popularity import Popularity
from recsys_teach.models.svd import PureSVD, rank_k

__all__ = ["Popularity", "PureSVD", "rank_k"]
