"""Event logs with fixed axes, splits, and two data sets: a synthetic world with known truth, and MovieLens."""

from recsys_teach.data.interactions import Interactions, clean_log
from recsys_teach.data.splits import (
    Split,
    split_global_time,
    split_last_out,
    split_per_user,
    split_per_user_time,
    split_users,
)

__all__ = [
    "Interactions",
    "Split",
    "clean_log",
    "split_global_time",
    "split_last_out",
    "split_per_user",
    "split_per_user_time",
    "split_users",
]
