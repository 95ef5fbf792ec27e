"""Answers to the exercises of chapter 03: right ones, written in other ways than the reference, and wrong ones."""

from fractions import Fraction
from math import log2

import numpy as np
import pandas as pd
from scipy.stats import hypergeom


def precision_recall_by_loop(hits, n_relevant):
    n_hits = 0
    for hit in hits:
        if hit:
            n_hits += 1
    return [n_hits / len(hits), n_hits / n_relevant]


def precision_recall_by_mean(hits, n_relevant):
    return np.array([hits.mean(), np.count_nonzero(hits) / n_relevant])


def ndcg_by_loop(hits, n_relevant):
    gained = sum(1 / log2(place + 1) for place, hit in enumerate(hits, start=1) if hit)
    best = sum(1 / log2(place + 1) for place in range(1, min(len(hits), n_relevant) + 1))
    return gained / best


def ndcg_by_natural_logarithm(hits, n_relevant):
    ideal = np.arange(len(hits)) < n_relevant
    weights = 1 / np.log(np.arange(len(hits)) + 2)
    return np.dot(hits, weights) / np.dot(ideal, weights)


def bootstrap_by_loop(values, drawn):
    means = [np.mean([values[person] for person in row]) for row in drawn]
    return np.percentile(means, 2.5), np.percentile(means, 97.5)


def bootstrap_by_weights(values, drawn):
    counts = np.array([np.bincount(row, minlength=len(values)) for row in drawn])
    return np.quantile(counts @ values / len(values), [0.025, 0.975])


def bootstrap_by_sum(values, drawn):
    means = pd.Series(values[drawn].sum(axis=1) / drawn.shape[1])
    return list(means.quantile([0.025, 0.975]))


def paired_by_two_means(a, b, drawn):
    means = a[drawn].mean(axis=1) - b[drawn].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return a.mean() - b.mean(), low, high


def paired_by_loop(a, b, drawn):
    means = sorted(np.mean([a[i] - b[i] for i in row]) for row in drawn)
    return [np.mean(a - b), np.quantile(means, 0.025), np.quantile(means, 0.975)]


def sampled_rank_by_distribution(rank, n_items, n_negatives):
    return 1 + hypergeom(n_items - 1, rank - 1, n_negatives).mean()


def sampled_rank_by_fractions(rank, n_items, n_negatives):
    return float(1 + sum(Fraction(rank - 1, n_items - 1) for _ in range(n_negatives)))


RIGHT = {
    "3.1": [precision_recall_by_loop, precision_recall_by_mean],
    "3.2": [ndcg_by_loop, ndcg_by_natural_logarithm],
    "3.3": [bootstrap_by_loop, bootstrap_by_weights, bootstrap_by_sum],
    "3.4": [paired_by_two_means, paired_by_loop],
    "3.5": [["b", "c"], {"C", "B"}, "bc", ("c", "b"), "b, c", "b and c", np.array(["c", "b"]), ["B ", "c"]],
    "3.6": [sampled_rank_by_distribution, sampled_rank_by_fractions],
}


def recall_first(hits, n_relevant):
    return hits.sum() / n_relevant, hits.sum() / len(hits)


def divides_by_k_twice(hits, n_relevant):
    return hits.sum() / len(hits), hits.sum() / len(hits)


def caps_the_recall(hits, n_relevant):
    k = len(hits)
    return hits.sum() / k, hits.sum() / min(n_relevant, k)


def returns_one_number(hits, n_relevant):
    return hits.sum() / n_relevant


def cuts_off(hits, n_relevant):
    return hits.sum() // len(hits), hits.sum() // n_relevant


def rounds_to_two_digits(hits, n_relevant):
    return round(hits.sum() / len(hits), 2), round(hits.sum() / n_relevant, 2)


def caps_the_precision(hits, n_relevant):
    return hits.sum() / min(len(hits), n_relevant), hits.sum() / n_relevant


def ends_the_best_list_early(hits, n_relevant):
    gained = sum(hit / log2(place + 1) for place, hit in enumerate(hits, start=1))
    best = sum(1 / log2(place + 1) for place in range(1, min(len(hits), n_relevant)))
    return gained / best


def discounts_from_place_two(hits, n_relevant):
    def gain(list_of_hits):
        return sum(hit / (log2(place) if place > 1 else 1) for place, hit in enumerate(list_of_hits, start=1))

    return gain(hits) / gain([1] * min(len(hits), n_relevant))


def always_has_three_relevant_items(hits, n_relevant):
    return ndcg_by_loop(hits, 3)


def forgets_to_normalize(hits, n_relevant):
    return sum(hit / log2(place + 1) for place, hit in enumerate(hits, start=1))


def normalizes_by_the_sorted_list(hits, n_relevant):
    discounts = 1 / np.log2(np.arange(len(hits)) + 2)
    best = (np.sort(hits)[::-1] * discounts).sum()
    return (hits * discounts).sum() / best if best else 0.0


def lets_the_best_list_hit_everywhere(hits, n_relevant):
    discounts = 1 / np.log2(np.arange(len(hits)) + 2)
    return (hits * discounts).sum() / discounts.sum()


def divides_by_the_sorted_list(hits, n_relevant):
    with np.errstate(invalid="ignore"):
        discounts = 1 / np.log2(np.arange(len(hits)) + 2)
        return (hits * discounts).sum() / (np.sort(hits)[::-1] * discounts).sum()


def cuts_the_best_list_at_the_hits(hits, n_relevant):
    with np.errstate(invalid="ignore"):
        discounts = 1 / np.log2(np.arange(len(hits)) + 2)
        return (hits * discounts).sum() / discounts[: hits.sum()].sum()


def starts_at_place_zero(hits, n_relevant):
    with np.errstate(divide="ignore", invalid="ignore"):
        discounts = 1 / np.log2(np.arange(len(hits)) + 1)
        return (hits * discounts).sum() / discounts[:n_relevant].sum()


def starts_at_place_zero_by_loop(hits, n_relevant):
    with np.errstate(divide="ignore", invalid="ignore"):
        gained = sum(1 / np.log2(place + 1) for place in range(len(hits)) if hits[place])
        return gained / sum(1 / np.log2(place + 1) for place in range(min(len(hits), n_relevant)))


def starts_at_the_second_hit(hits, n_relevant):
    gained = sum(hits[place] / log2(place + 1) for place in range(1, len(hits)))
    return gained / sum(1 / log2(place + 1) for place in range(1, min(len(hits), n_relevant) + 1))


def leaves_the_first_place_out(hits, n_relevant):
    gained = sum(hits[place] / log2(place + 2) for place in range(1, len(hits)))
    return gained / sum(1 / log2(place + 2) for place in range(min(len(hits), n_relevant)))


def leaves_the_last_place_out(hits, n_relevant):
    gained = sum(hits[place - 1] / log2(place + 1) for place in range(1, len(hits)))
    return gained / sum(1 / log2(place + 1) for place in range(1, min(len(hits), n_relevant) + 1))


def rounds_the_ndcg(hits, n_relevant):
    return round(ndcg_by_loop(hits, n_relevant), 3)


def uses_a_shifted_discount(hits, n_relevant):
    gained = sum(hit / log2(place + 2) for place, hit in enumerate(hits, start=1))
    return gained / sum(1 / log2(place + 2) for place in range(1, min(len(hits), n_relevant) + 1))


def takes_quantiles_of_people(values, drawn):
    return np.quantile(values, 0.025), np.quantile(values, 0.975)


def averages_columns(values, drawn):
    return np.quantile(values[drawn].mean(axis=0), [0.025, 0.975])


def leaves_90_percent(values, drawn):
    return np.percentile(values[drawn].mean(axis=1), [5, 95])


def averages_positions(values, drawn):
    return np.quantile(drawn.mean(axis=1), [0.025, 0.975])


def mistakes_percent_for_share(values, drawn):
    return np.percentile(values[drawn].mean(axis=1), [0.025, 0.975])


def takes_places_of_the_sorted_means(values, drawn):
    means, n = np.sort(values[drawn].mean(axis=1)), len(drawn)
    return means[int(0.025 * n)], means[int(0.975 * n)]


def takes_the_extreme_means(values, drawn):
    means = values[drawn].mean(axis=1)
    return means.min(), means.max()


def gives_the_high_limit_first(values, drawn):
    low, high = bootstrap_by_loop(values, drawn)
    return high, low


def mirrors_the_limits(values, drawn):
    low, high = bootstrap_by_loop(values, drawn)
    return 2 * values.mean() - high, 2 * values.mean() - low


def counts_equal_groups_once(values, drawn):
    return bootstrap_by_loop(values, np.unique(drawn, axis=0))


def asks_for_the_quantile_2_5(values, drawn):
    return np.quantile(values[drawn].mean(axis=1), [2.5, 97.5])


def draws_groups_of_its_own(values, drawn):
    rng = np.random.default_rng()
    means = [rng.choice(values, size=len(values)).mean() for _ in range(500)]
    return np.quantile(means, [0.025, 0.975])


def rounds_the_limits(values, drawn):
    return tuple(round(limit, 2) for limit in bootstrap_by_loop(values, drawn))


def averages_everything(values, drawn):
    return np.quantile(values[drawn].mean(), [0.025, 0.975])


def subtracts_limits(a, b, drawn):
    of_a, of_b = np.quantile(a[drawn].mean(axis=1), [0.025, 0.975]), np.quantile(b[drawn].mean(axis=1), [0.025, 0.975])
    return (a - b).mean(), of_a[0] - of_b[0], of_a[1] - of_b[1]


def turns_the_sign(a, b, drawn):
    return bootstrap_of(b - a, drawn)


def takes_quantiles_of_differences(a, b, drawn):
    low, high = np.quantile(a - b, [0.025, 0.975])
    return np.mean(a) - np.mean(b), low, high


def leaves_the_mean_out(a, b, drawn):
    return bootstrap_of(a - b, drawn)[1:]


def nests_the_interval(a, b, drawn):
    return (a - b).mean(), np.quantile((a - b)[drawn].mean(axis=1), [0.025, 0.975])


def averages_the_groups(a, b, drawn):
    means = (a - b)[drawn].mean(axis=1)
    return means.mean(), *np.quantile(means, [0.025, 0.975])


def bootstrap_of(d, drawn):
    low, high = np.quantile(d[drawn].mean(axis=1), [0.025, 0.975])
    return d.mean(), low, high


def gives_high_before_low(a, b, drawn):
    mean, low, high = bootstrap_of(a - b, drawn)
    return mean, high, low


def cuts_to_whole(rank, n_items, n_negatives):
    return int(1 + n_negatives * (rank - 1) / (n_items - 1))


def counts_better_ones(rank, n_items, n_negatives):
    return n_negatives * (rank - 1) / (n_items - 1)


def is_off_by_one_twice(rank, n_items, n_negatives):
    return 1 + n_negatives * rank / n_items


def counts_worse_ones(rank, n_items, n_negatives):
    return 1 + n_negatives * (n_items - rank) / (n_items - 1)


def cuts_the_rank_off(rank, n_items, n_negatives):
    return 1 + n_negatives * (rank - 1) // (n_items - 1)


def rounds_the_rank(rank, n_items, n_negatives):
    return np.round(1 + n_negatives * (rank - 1) / (n_items - 1))


def rounds_to_one_digit(rank, n_items, n_negatives):
    return round(1 + n_negatives * (rank - 1) / (n_items - 1), 1)


def simulates(rank, n_items, n_negatives):
    rng = np.random.default_rng(3)
    return 1 + np.mean([(rng.permutation(n_items - 1)[:n_negatives] < rank - 1).sum() for _ in range(999)])


def lets_the_item_be_drawn(rank, n_items, n_negatives):
    return 1 + n_negatives * (rank - 1) / n_items


def scales_the_rank(rank, n_items, n_negatives):
    return rank / n_items * n_negatives


def scales_to_a_hundred(rank, n_items, n_negatives):
    return rank / n_items * (n_negatives + 1)


WRONG = {
    "3.1": [
        (recall_first, "You exchanged them"),
        (divides_by_k_twice, "You divided both by k"),
        (caps_the_recall, "That is a variant"),
        (returns_one_number, "expected 2 values"),
        (cuts_off, "`//` and `int` cut fractions off"),
        (rounds_to_two_digits, "Return them in full"),
        (caps_the_precision, "Your precision divides by min(k, n_relevant)"),
    ],
    "3.2": [
        (forgets_to_normalize, "before it is divided"),
        (normalizes_by_the_sorted_list, "only the hits that were found"),
        (lets_the_best_list_hit_everywhere, "hit at all k places"),
        (uses_a_shifted_discount, "off by one place"),
        (divides_by_the_sorted_list, "only the hits that were found"),
        (cuts_the_best_list_at_the_hits, "only the hits that were found"),
        (starts_at_place_zero, "log2(1) is 0 and you divided by it"),
        (starts_at_place_zero_by_loop, "1 / log2(position + 2)"),
        (starts_at_the_second_hit, "hits[0] belongs to place 1"),
        (leaves_the_first_place_out, "the gain starts with hits[0]"),
        (leaves_the_last_place_out, "ends before k"),
        (rounds_the_ndcg, "Return them in full"),
        (ends_the_best_list_early, "one hit less than k and n_relevant allow"),
        (discounts_from_place_two, "That is the older form"),
        (always_has_three_relevant_items, "The result differs"),
    ],
    "3.3": [
        (takes_quantiles_of_people, "quantiles of the people"),
        (averages_columns, "down the columns"),
        (leaves_90_percent, "leaves 90 %"),
        (averages_everything, "expected"),
        (averages_positions, "You averaged the positions"),
        (mistakes_percent_for_share, "counts from 0 to 100"),
        (takes_places_of_the_sorted_means, "places of the sorted list"),
        (takes_the_extreme_means, "the smallest and the largest mean"),
        (draws_groups_of_its_own, "each group is one and the same person"),
        (rounds_the_limits, "Return them in full"),
        (gives_the_high_limit_first, "The low one comes first"),
        (mirrors_the_limits, "the basic bootstrap"),
        (counts_equal_groups_once, "You counted equal groups once"),
        (asks_for_the_quantile_2_5, "raised ValueError"),
    ],
    "3.4": [
        (subtracts_limits, "You subtracted the limits"),
        (turns_the_sign, "the wrong way round"),
        (takes_quantiles_of_differences, "quantiles of the differences of people"),
        (leaves_the_mean_out, "expected 3 values, as in `return a, b, c`"),
        (nests_the_interval, "Unpack it: `b, c = ...`"),
        (averages_the_groups, "of the people themselves"),
        (gives_high_before_low, "The order is mean, low, high"),
    ],
    "3.5": [
        (["b"], "b leaks, and another does"),
        ("c", "c leaks, and another does"),
        (["a", "b", "c"], "two letters are asked, got three"),
        ([], "two letters are asked, got none"),
        (["b", "e"], "letters are a to d"),
        (["a", "d"], "clean ones"),
        ({"a", "d"}, "clean ones"),
        (2, "The kind of answer differs"),
    ],
    "3.6": [
        (counts_better_ones, "number of better rivals"),
        (lets_the_item_be_drawn, "does not compete with itself"),
        (cuts_to_whole, "`//` and `int` cut its fraction off"),
        (scales_the_rank, "shrank the rank as a whole"),
        (is_off_by_one_twice, "Two counts are one too high"),
        (counts_worse_ones, "You counted the worse items"),
        (cuts_the_rank_off, "`//` and `int` cut its fraction off"),
        (rounds_the_rank, "do not round"),
        (rounds_to_one_digit, "Return them in full"),
        (simulates, "the exact mean is asked"),
        (scales_to_a_hundred, "A first item would then rank better"),
    ],
}
