"""Answers to the exercises of chapter 15: right ones, written differently from the references, and wrong ones."""

from collections import Counter

import numpy as np
from scipy.stats import beta


def fit_by_loop(R, items, ratings):
    return [u for u in range(len(R)) if all(R[u, i] == r for i, r in zip(items, ratings, strict=True))]


def fit_by_crossing_out(R, items, ratings):
    left = np.arange(len(R))
    for item, rating in zip(items, ratings, strict=True):
        left = left[R[left, item] == rating]
    return left


def scores_by_loops(R, items, ratings, n_raters):
    scores = np.zeros(len(R))
    for u in range(len(R)):
        for i, rating in zip(items, ratings, strict=True):
            if R[u, i] and abs(R[u, i] - rating) <= 1:
                scores[u] += 1 / np.log(1 + n_raters[i])
    return scores


def scores_by_film(R, items, ratings, n_raters):
    weights = 1 / np.log1p(n_raters)
    far = np.where(R == 0, 99, R)
    return sum(weights[i] * np.isin(far[:, i], [r - 1, r, r + 1]) for i, r in zip(items, ratings, strict=True))


def kept_by_reconstruction(rows, V):
    back = rows @ V @ V.T
    return np.linalg.norm(back, axis=1) ** 2 / np.linalg.norm(rows, axis=1) ** 2


def kept_by_loop(rows, V):
    return [sum((row @ v) ** 2 for v in V.T) / (row @ row) for row in rows]


def sizes_by_counter(table, columns):
    rows = list(zip(*(table[column] for column in columns), strict=True))
    count = Counter(rows)
    return [count[row] for row in rows]


def sizes_by_merge(table, columns):
    sizes = table.groupby(columns).size().rename("size").reset_index()
    return table.merge(sizes, on=columns, how="left")["size"].to_numpy()


def share_by_values(answers, epsilon):
    p = 1 / (1 + np.exp(-epsilon))
    return np.where(answers, p, p - 1).mean() / (2 * p - 1)


def share_by_tanh(answers, epsilon):
    return 0.5 + (np.mean(answers) - 0.5) / np.tanh(epsilon / 2)


def counts_by_loop(table, most, epsilon, noise):
    kept = table.copy()
    for row in kept:
        row[np.flatnonzero(row)[most:]] = 0
    return kept.sum(axis=0) + most / epsilon * noise


def counts_by_where(table, most, epsilon, noise):
    kept = np.where(table.cumsum(axis=1) <= most, table, 0)
    return [kept[:, item].sum() + noise[item] * (most / epsilon) for item in range(table.shape[1])]


def bound_by_beta(hits, n_in, false_alarms, n_out, delta):
    low = beta.ppf(0.025, hits, n_in - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, false_alarms + 1, n_out - false_alarms) if false_alarms < n_out else 1.0
    return max(0.0, np.log(max(low - delta, 1e-300)) - np.log(high))


def bound_by_binomtest(hits, n_in, false_alarms, n_out, delta):
    from scipy.stats import binomtest

    low = binomtest(hits, n_in).proportion_ci(confidence_level=0.95, method="exact")[0]
    high = binomtest(false_alarms, n_out).proportion_ci(confidence_level=0.95)[1]
    ratio = (low - delta) / high
    return float(np.log(max(ratio, 1)))


RIGHT = {
    "15.1": [fit_by_loop, fit_by_crossing_out],
    "15.2": [scores_by_loops, scores_by_film],
    "15.3": [kept_by_reconstruction, kept_by_loop],
    "15.4": [sizes_by_counter, sizes_by_merge],
    "15.5": [share_by_values, share_by_tanh],
    "15.6": [counts_by_loop, counts_by_where],
    "15.7": [bound_by_beta, bound_by_binomtest],
}


def any_fits(R, items, ratings):
    return [u for u in range(len(R)) if any(R[u, i] == r for i, r in zip(items, ratings, strict=True))]


def gives_a_mask(R, items, ratings):
    return np.all(R[:, items] == ratings, axis=1)


def forgets_the_stars(R, items, ratings):
    return np.flatnonzero(((R[:, items] > 0) == (np.asarray(ratings) > 0)).all(axis=1))


def gives_where(R, items, ratings):
    return np.where((R[:, items] == ratings).all(axis=1))


def asks_each_column(R, items, ratings):
    return np.flatnonzero(np.all(R[:, items] == ratings, axis=0))


def allows_no_other_film(R, items, ratings):
    wanted = np.zeros(R.shape[1], dtype=int)
    wanted[items] = ratings
    return np.flatnonzero((wanted == R).all(axis=1))


def sorts_the_items(R, items, ratings):
    return np.flatnonzero((R[:, sorted(items)] == ratings).all(axis=1))


def sorts_in_place(R, items, ratings):
    order = np.argsort(items)
    items.sort()
    return np.flatnonzero((R[:, items] == ratings[order]).all(axis=1))


def fits_unrated(R, items, ratings, n_raters):
    return (abs(R[:, items] - ratings) < 2) @ (1 / np.log1p(n_raters[items]))


def counts_what_fits(R, items, ratings, n_raters):
    return ((R[:, items] > 0) & (abs(R[:, items] - ratings) < 2)).sum(axis=1)


def wants_exact_stars(R, items, ratings, n_raters):
    return (R[:, items] == ratings) @ (1 / np.log1p(n_raters[items]))


def prefers_popular(R, items, ratings, n_raters):
    return ((R[:, items] > 0) & (abs(R[:, items] - ratings) < 2)) @ np.log1p(n_raters[items])


def weighs_all_films(R, items, ratings, n_raters):
    return ((R[:, items] > 0) & (abs(R[:, items] - ratings) < 2)) @ (1 / np.log1p(n_raters))


def keeps_of_everybody(rows, V):
    return np.linalg.norm(rows @ V) ** 2 / np.linalg.norm(rows) ** 2


def keeps_energy(rows, V):
    return np.linalg.norm(rows @ V, axis=1) ** 2


def keeps_length(rows, V):
    return np.linalg.norm(rows @ V, axis=1) / np.linalg.norm(rows, axis=1)


def gives_lost(rows, V):
    return 1 - kept_by_reconstruction(rows, V)


def one_a_group(table, columns):
    return table.groupby(columns).size()


def others_only(table, columns):
    return np.array(sizes_by_counter(table, columns)) - 1


def column_by_column(table, columns):
    return np.min([table[column].map(table[column].value_counts()) for column in columns], axis=0)


def joins_text(table, columns):
    key = table[columns].astype(str).agg("".join, axis=1)
    return key.map(key.value_counts()).to_numpy()


def reads_by_label(table, columns):
    rows = [tuple(table[column][i] for column in columns) for i in range(len(table))]
    return [rows.count(row) for row in rows]


def counts_by_label(table, columns):
    return [int((table[columns] == table[columns].loc[i]).all(axis=1).sum()) for i in range(len(table))]


def forgets_the_columns(table, columns):
    rows = [frozenset(row) for row in table[columns].itertuples(index=False)]
    return [rows.count(row) for row in rows]


def sorts_the_values(table, columns):
    rows = [tuple(sorted(row, key=str)) for row in table[columns].to_numpy()]
    return [rows.count(row) for row in rows]


def share_who_said_yes(answers, epsilon):
    return sum(answers) / len(answers)


def divides_by_p(answers, epsilon):
    return np.mean(answers) * (1 + np.exp(epsilon)) / np.exp(epsilon)


def cuts_off(answers, epsilon):
    return min(1, max(0, share_by_tanh(answers, epsilon)))


def divides_the_rest_by_p(answers, epsilon):
    p = np.exp(epsilon) / (1 + np.exp(epsilon))
    return (np.mean(answers) - (1 - p)) / p


def undoes_a_coin(answers, epsilon):
    p = np.exp(epsilon) / (1 + np.exp(epsilon))
    return (np.mean(answers) - (1 - p) / 2) / p


def takes_epsilon_for_its_power(answers, epsilon):
    p = epsilon / (1 + epsilon)
    return (np.mean(answers) - (1 - p)) / (2 * p - 1)


def looks_at_the_table(table, most, epsilon, noise):
    kept = table * (np.cumsum(table, axis=1) <= most)
    return kept.sum(axis=0) + noise * kept.sum(axis=1).max() / epsilon


def replaces_a_person(table, most, epsilon, noise):
    return counts_by_loop(table, most, epsilon, 2 * noise)


def keeps_too_few(table, most, epsilon, noise):
    kept = table * (np.cumsum(table, axis=1) < most)
    return kept.sum(axis=0) + noise * most / epsilon


def trims_columns(table, most, epsilon, noise):
    kept = table * (table.cumsum(axis=0) <= most)
    return kept.sum(axis=0) + noise * most / epsilon


def bounds_the_counts(table, most, epsilon, noise):
    return np.minimum(table.sum(axis=0), most) + noise * most / epsilon


def keeps_first_columns(table, most, epsilon, noise):
    return table[:, :most].sum(axis=0) + noise * most / epsilon


def cuts_counts_off(table, most, epsilon, noise):
    return np.clip(counts_by_loop(table, most, epsilon, noise), 0, None)


def hides_a_rating(table, most, epsilon, noise):
    return counts_by_loop(table, most, epsilon, noise / most)


def forgets_to_trim(table, most, epsilon, noise):
    return np.sum(table, axis=0) + most * noise / epsilon


def multiplies_by_epsilon(table, most, epsilon, noise):
    return counts_by_loop(table, most, 1 / epsilon, noise)


def changes_the_table(table, most, epsilon, noise):
    for row in table:
        row[np.flatnonzero(row)[most:]] = 0
    return table.sum(axis=0) + most / epsilon * noise


def bare_rates(hits, n_in, false_alarms, n_out, delta):
    rate = false_alarms / n_out
    return max(0, np.log((hits / n_in - delta) / rate)) if rate else 0.0


def ratio_of_ends(hits, n_in, false_alarms, n_out, delta):
    low = beta.ppf(0.025, hits, n_in - hits + 1) if hits else 0.0
    return (low - delta) / beta.ppf(0.975, false_alarms + 1, n_out - false_alarms)


def forgets_the_logarithm(hits, n_in, false_alarms, n_out, delta):
    return max(0, ratio_of_ends(hits, n_in, false_alarms, n_out, delta))


def forgets_the_logarithm_with_if(hits, n_in, false_alarms, n_out, delta):
    ratio = ratio_of_ends(hits, n_in, false_alarms, n_out, delta)
    return ratio if ratio > 1 else 0


def may_be_negative(hits, n_in, false_alarms, n_out, delta):
    return np.log(ratio_of_ends(hits, n_in, false_alarms, n_out, delta))


def may_be_nan(hits, n_in, false_alarms, n_out, delta):
    return max(np.log(ratio_of_ends(hits, n_in, false_alarms, n_out, delta)), 0)


def _log_ratio(above, below):
    return np.log(above / below) if above > below > 0 else 0.0


def low_ends(hits, n_in, false_alarms, n_out, delta):
    low = beta.ppf(0.025, hits, n_in - hits + 1) if hits else 0.0
    return _log_ratio(low - delta, beta.ppf(0.025, false_alarms, n_out - false_alarms + 1) if false_alarms else 0.0)


def high_ends(hits, n_in, false_alarms, n_out, delta):
    high = beta.ppf(0.975, hits + 1, n_in - hits) if hits < n_in else 1.0
    return _log_ratio(high - delta, beta.ppf(0.975, false_alarms + 1, n_out - false_alarms))


def bound_of_misses(hits, n_in, false_alarms, n_out, delta):
    low = beta.ppf(0.025, hits, n_in - hits + 1) if hits else 0.0
    return _log_ratio(1 - delta - beta.ppf(0.975, false_alarms + 1, n_out - false_alarms), 1 - low)


def larger_bound(*counts):
    return max(bound_by_beta(*counts), bound_of_misses(*counts))


WRONG = {
    "15.1": [
        (any_fits, "all known ratings have to fit"),
        (gives_a_mask, "positions of the rows"),
        (forgets_the_stars, "how many stars"),
        (gives_where, "take its [0]"),
        (asks_each_column, "One answer a row"),
        (allows_no_other_film, "who rated other films"),
        (sorts_the_items, "You sorted the items"),
        (sorts_in_place, "changed its argument items"),
    ],
    "15.2": [
        (fits_unrated, "0 is no rating"),
        (counts_what_fits, "few raters has a larger weight"),
        (wants_exact_stars, "may be off by one"),
        (prefers_popular, "Divide by it"),
        (weighs_all_films, "n_raters[items]"),
    ],
    "15.3": [
        (keeps_energy, "energy of the row itself"),
        (keeps_length, "no root"),
        (gives_lost, "share that is lost"),
        (keeps_of_everybody, "one share for each row"),
    ],
    "15.4": [
        (one_a_group, "one number a group"),
        (others_only, "counts itself"),
        (column_by_column, "combination"),
        (joins_text, "without a separator"),
        (reads_by_label, "by their labels"),
        (counts_by_label, "by their labels"),
        (forgets_the_columns, "as a set, or sorted"),
        (sorts_the_values, "as a set, or sorted"),
    ],
    "15.5": [
        (share_who_said_yes, "said yes"),
        (divides_by_p, "divided the yeses by p"),
        (cuts_off, "cut the estimate off"),
        (divides_the_rest_by_p, "divisor is 2p - 1"),
        (undoes_a_coin, "tells the opposite"),
        (takes_epsilon_for_its_power, "ε / (1 + ε)"),
    ],
    "15.6": [
        (hides_a_rating, "hides one rating"),
        (forgets_to_trim, "trim each row"),
        (multiplies_by_epsilon, "multiplied the noise"),
        (looks_at_the_table, "sensitivity from the table"),
        (replaces_a_person, "replaced by another"),
        (keeps_too_few, "one too few"),
        (trims_columns, "Your counts end at `most`"),
        (bounds_the_counts, "Your counts end at `most`"),
        (keeps_first_columns, "keeps the first columns"),
        (cuts_counts_off, "cut counts off"),
        (changes_the_table, "changed its argument table"),
    ],
    "15.7": [
        (bare_rates, "bare rates"),
        (forgets_the_logarithm, "logarithm is missing"),
        (may_be_negative, "give 0 there"),
        (forgets_the_logarithm_with_if, "Take its logarithm"),
        (may_be_nan, "max(nan, 0)"),
        (low_ends, "low end of both"),
        (high_ends, "high end of both"),
        (bound_of_misses, "bound from the misses"),
        (larger_bound, "larger of the bounds"),
    ],
}
