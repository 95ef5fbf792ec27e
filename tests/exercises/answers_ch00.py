"""Right answers to the exercises of chapter 00, written differently from the references."""

import numpy as np


def mean_by_sum(ratings):
    return ratings.sum() / np.count_nonzero(ratings)


def mean_by_loop(ratings):
    given = [rating for rating in ratings if rating != 0]
    return sum(given) / len(given)


def rate_by_group(impressions, item):
    return impressions.groupby("item")["click"].mean()[item]


def rate_by_loop(impressions, item):
    clicks = [click for shown, click in zip(impressions["item"], impressions["click"], strict=True) if shown == item]
    return sum(clicks) / len(clicks)


RIGHT = {
    "0.1": [mean_by_sum, mean_by_loop],
    "0.2": [rate_by_group, rate_by_loop],
    "0.3": ["update", " Update "],
}
