"""Answers to the exercises of chapter 03: right ones, written in other ways than the reference, and wrong ones."""

from fractions import Fraction
from math import log2

import numpy as np
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
    "3.3": [bootstrap_by_loop, bootstrap_by_weights],
    "3.4": [paired_by_two_means, paired_by_loop],
    "3.5": [["b", "c"], {"C", "B"}, "bc", ("c", "b"), "b, c"],
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


def forgets_to_normalise(hits, n_relevant):
    return sum(hit / log2(place + 1) for place, hit in enumerate(hits, start=1))


def normalises_by_the_sorted_list(hits, n_relevant):
    discounts = 1 / np.log2(np.arange(len(hits)) + 2)
    best = (np.sort(hits)[::-1] * discounts).sum()
    return (hits * discounts).sum() / best if best else 0.0


def lets_the_best_list_hit_everywhere(hits, n_relevant):
    discounts = 1 / np.log2(np.arange(len(hits)) + 2)
    return (hits * discounts).sum() / discounts.sum()


def starts_at_place_zero(hits, n_relevant):
    discounts = 1 / np.log2(np.arange(len(hits)) + 1)
    return (hits * discounts).sum() / discounts[:n_relevant].sum()


def uses_a_shifted_discount(hits, n_relevant):
    gained = sum(hit / log2(place + 2) for place, hit in enumerate(hits, start=1))
    return gained / sum(1 / log2(place + 2) for place in range(1, min(len(hits), n_relevant) + 1))


def takes_quantiles_of_people(values, drawn):
    return np.quantile(values, 0.025), np.quantile(values, 0.975)


def averages_columns(values, drawn):
    return np.quantile(values[drawn].mean(axis=0), [0.025, 0.975])


def leaves_90_percent(values, drawn):
    return np.percentile(values[drawn].mean(axis=1), [5, 95])


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


def bootstrap_of(d, drawn):
    low, high = np.quantile(d[drawn].mean(axis=1), [0.025, 0.975])
    return d.mean(), low, high


def counts_better_ones(rank, n_items, n_negatives):
    return n_negatives * (rank - 1) / (n_items - 1)


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
        (returns_one_number, "expected 2 things"),
    ],
    "3.2": [
        (forgets_to_normalise, "before it is divided"),
        (normalises_by_the_sorted_list, "only the hits that were found"),
        (lets_the_best_list_hit_everywhere, "hit at all k places"),
        (uses_a_shifted_discount, "off by one place"),
        (starts_at_place_zero, "came"),
    ],
    "3.3": [
        (takes_quantiles_of_people, "quantiles of the people"),
        (averages_columns, "down the columns"),
        (leaves_90_percent, "leaves 90 %"),
        (averages_everything, "expected"),
    ],
    "3.4": [
        (subtracts_limits, "You subtracted the limits"),
        (turns_the_sign, "the wrong way round"),
        (takes_quantiles_of_differences, "quantiles of the differences of people"),
        (leaves_the_mean_out, "expected 3 things"),
    ],
    "3.5": [
        (["b"], "b leaks, and another does"),
        ("c", "c leaks, and another does"),
        (["a", "b", "c"], "That is not it"),
        ({"a", "d"}, "clean ones"),
        (2, "The kind of answer differs"),
    ],
    "3.6": [
        (counts_better_ones, "number of better rivals"),
        (lets_the_item_be_drawn, "no rival of its own"),
        (scales_the_rank, "shrank the rank as a whole"),
        (scales_to_a_hundred, "A first item would then rank better"),
    ],
}
