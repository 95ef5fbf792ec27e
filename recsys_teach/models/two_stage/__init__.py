"""Retrieve candidates by two towers, rank them by a multi-task network, and re-rank the list. Built in chapter 13."""

from recsys_teach.models.two_stage.parts import Behavior, NoBehavior, Parts, pair_rows
from recsys_teach.models.two_stage.recommender import FUNNEL, TwoStageRecommender
from recsys_teach.models.two_stage.steps import cap_groups, histories_before, utility

__all__ = [
    "FUNNEL",
    "Behavior",
    "NoBehavior",
    "Parts",
    "TwoStageRecommender",
    "cap_groups",
    "histories_before",
    "pair_rows",
    "utility",
]
