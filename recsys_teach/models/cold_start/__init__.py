"""Scores for a new user or item: from a profile, a few events, or both; and what to ask. Built in chapter 14."""

from recsys_teach.models.cold_start.dropoutnet import DropoutNet, drop_rows
from recsys_teach.models.cold_start.hybrid import HybridFactors, fold_into_prior
from recsys_teach.models.cold_start.interview import after_answer, expect_after, greedy_question, plan_interview
from recsys_teach.models.cold_start.newcomers import crossover, first_events, place_in_history, split_newcomers
from recsys_teach.models.cold_start.profiles import ProfilePopularity, damped_shares

__all__ = [
    "DropoutNet",
    "HybridFactors",
    "ProfilePopularity",
    "after_answer",
    "crossover",
    "damped_shares",
    "drop_rows",
    "expect_after",
    "first_events",
    "fold_into_prior",
    "greedy_question",
    "place_in_history",
    "plan_interview",
    "split_newcomers",
]
