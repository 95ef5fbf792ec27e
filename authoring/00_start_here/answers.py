"""Answers to the exercises of chapter 00: right ones, written in other ways than the reference, and wrong ones."""

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
    "0.3": [["04"], ("04",), {"04"}, "04", "4", ["4"], [4], 4],
}


def counts_the_zeros(ratings):
    return sum(ratings) / len(ratings)


def forgets_to_return(ratings):
    ratings[ratings > 0].mean()


def divides_by_the_wrong_length(ratings):
    return ratings[ratings > 0].sum() / len(ratings)


def removes_one_zero(ratings):
    given = list(ratings)
    if 0 in given:
        given.remove(0)
    return sum(given) / len(given)


def drops_the_lowest(ratings):
    return np.sort(ratings)[1:].mean()


def averages_different_ratings(ratings):
    return np.mean([rating for rating in set(ratings) if rating])


def takes_the_share_of_clicks(impressions, item):
    clicked = impressions[impressions["click"] == 1]
    return (clicked["item"] == item).mean()


def gives_percent(impressions, item):
    return 100 * rate_by_loop(impressions, item)


def reads_labels_as_positions(impressions, item):
    places = impressions.index[impressions["item"] == item]
    return impressions["click"].to_numpy()[places].mean()


def counts_clicks(impressions, item):
    return len(impressions[(impressions["item"] == item) & (impressions["click"] == 1)])


def forgets_the_item(impressions, item):
    return impressions.click.mean()


def returns_the_column(impressions, item):
    return impressions[impressions["item"] == item]["click"]


WRONG = {
    "0.1": [
        (counts_the_zeros, 'a 0 here means "not rated"'),
        (forgets_to_return, "ends without `return`"),
        (divides_by_the_wrong_length, 'a 0 here means "not rated"'),
        (removes_one_zero, "You removed a single 0"),
        (drops_the_lowest, "the lowest entry may be a rating"),
        (averages_different_ratings, "You counted equal ratings once"),
    ],
    "0.2": [
        (counts_clicks, "A rate divides by"),
        (forgets_the_item, "Keep the rows of this item first"),
        (returns_the_column, "expected one number"),
        (takes_the_share_of_clicks, "the item's share of all clicks"),
        (gives_percent, "That is a percentage"),
        (reads_labels_as_positions, "raised IndexError"),
    ],
    "0.3": [
        (["01"], "stays where it is"),
        (["01", "04"], "Not both"),
        ([], "Something is set aside"),
        (["00"], "That is not it"),
        ("01, 04", "Not both"),
        ("the fourth", "expected a list of chapter numbers"),
        ({"chapter": None}, "expected a list of chapter numbers"),
    ],
}
