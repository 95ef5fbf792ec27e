"""Recommend to new users, or new items, from profiles, a few events and questions. Built in chapter 14."""

from recsys_teach.models.cold_start.dropoutnet import DropoutNet, drop_rows
from recsys_teach.models.cold_start.hybrid import HybridFactors, fold_into_prior
from recsys_teach.models.cold_start.interview import (
    greedy_question,
    plan_interview,
    posterior_covariance,
    posterior_mean,
)
from recsys_teach.models.cold_start.newcomers import crossover, first_events, position_in_history, split_newcomers
from recsys_teach.models.cold_start.profiles import ProfilePopularity, damped_shares

__all__ = [
    "DropoutNet",
    "HybridFactors",
    "ProfilePopularity",
    "crossover",
    "damped_shares",
    "drop_rows",
    "first_events",
    "fold_into_prior",
    "greedy_question",
    "plan_interview",
    "position_in_history",
    "posterior_covariance",
    "posterior_mean",
    "split_newcomers",
]
