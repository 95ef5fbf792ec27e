"""Answers to the exercises of chapter 15: right ones, written differently from the references, and wrong ones."""

from collections import Counter

import numpy as np
from sklearn.metrics import roc_curve


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


def rate_by_counting(members, outsiders, n_false):
    return sum(sum(o >= m for o in outsiders) <= n_false for m in members) / len(members)


def rate_by_roc_curve(members, outsiders, n_false):
    truth = np.repeat([1, 0], [len(members), len(outsiders)])
    fpr, tpr, _ = roc_curve(truth, np.concatenate([members, outsiders]), drop_intermediate=False)
    return tpr[fpr <= (n_false + 0.5) / len(outsiders)].max()


def rate_by_partition(members, outsiders, n_false):
    threshold = -np.partition(-outsiders, n_false)[n_false]
    return np.count_nonzero(members > threshold) / members.size


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


RIGHT = {
    "15.1": [fit_by_loop, fit_by_crossing_out],
    "15.2": [scores_by_loops, scores_by_film],
    "15.8": [rate_by_counting, rate_by_roc_curve, rate_by_partition],
    "15.4": [sizes_by_counter, sizes_by_merge],
    "15.5": [share_by_values, share_by_tanh],
    "15.6": [counts_by_loop, counts_by_where],
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


def accuses_at_the_threshold(members, outsiders, n_false):
    threshold = sorted(outsiders, reverse=True)[n_false]
    return sum(score >= threshold for score in members) / len(members)


def sorts_from_low_to_high(members, outsiders, n_false):
    return (members > np.sort(outsiders)[n_false]).mean()


def does_not_sort(members, outsiders, n_false):
    return (members > outsiders[n_false]).mean()


def one_place_too_early(members, outsiders, n_false):
    return (members > np.sort(outsiders)[::-1][n_false - 1]).mean()


def one_place_too_late(members, outsiders, n_false):
    worst_first = sorted(outsiders, reverse=True)
    threshold = worst_first[n_false + 1] if n_false + 1 < len(outsiders) else -np.inf
    return (members > threshold).mean()


def threshold_of_members(members, outsiders, n_false):
    worst_first = np.sort(members)[::-1]
    return (members > worst_first[min(n_false, len(members) - 1)]).mean()


def counts_members(members, outsiders, n_false):
    return (members > np.sort(outsiders)[::-1][n_false]).sum()


def rate_of_outsiders(members, outsiders, n_false):
    return (outsiders > np.sort(outsiders)[::-1][n_false]).mean()


def rate_by_quantile(members, outsiders, n_false):
    return (members > np.quantile(outsiders, 1 - n_false / len(outsiders))).mean()


def sorts_outsiders_in_place(members, outsiders, n_false):
    outsiders.sort()
    return (members > outsiders[::-1][n_false]).mean()


def first_row_only(R, items, ratings):
    return np.flatnonzero((R[:, items] == ratings).all(axis=1))[:1]


def compares_first_columns(R, items, ratings):
    return np.flatnonzero((R[:, : len(items)] == ratings).all(axis=1))


def forgets_the_sign(R, items, ratings, n_raters):
    near = (R[:, items] > 0) & (R[:, items] - ratings <= 1)
    return near @ (1 / np.log1p(n_raters[items]))


def takes_first_raters(R, items, ratings, n_raters):
    near = (R[:, items] > 0) & (abs(R[:, items] - ratings) <= 1)
    return near @ (1 / np.log1p(n_raters[: len(items)]))


def averages_the_films(R, items, ratings, n_raters):
    return scores_by_loops(R, items, ratings, n_raters) / len(items)


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


def share_of_yeses(answers, epsilon):
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


def accepts_more_stars(R, items, ratings):
    return np.flatnonzero((R[:, items] >= ratings).all(axis=1))


def counts_two_fits(R, items, ratings):
    return np.flatnonzero((R[:, items] == ratings).sum(axis=1) >= 2)


def compares_all_films(R, items, ratings):
    return np.flatnonzero((ratings == R).all(axis=1))


def takes_positions_for_films(R, items, ratings, n_raters):
    scores = np.zeros(len(R))
    for u in range(len(R)):
        for k in range(len(items)):
            if R[u, items[k]] > 0 and abs(R[u, items[k]] - ratings[k]) <= 1:
                scores[u] += 1 / np.log(1 + n_raters[k])
    return scores


def overwrites_the_score(R, items, ratings, n_raters):
    scores = np.zeros(len(R))
    for u in range(len(R)):
        for i, rating in zip(items, ratings, strict=True):
            if R[u, i] > 0 and abs(R[u, i] - rating) <= 1:
                scores[u] = 1 / np.log(1 + n_raters[i])
    return scores


def recounts_the_raters(R, items, ratings, n_raters):
    return scores_by_loops(R, items, ratings, (R > 0).sum(axis=0))


def precision(members, outsiders, n_false):
    threshold = np.sort(outsiders)[::-1][n_false]
    true, false = (members > threshold).sum(), (outsiders > threshold).sum()
    return true / (true + false)


def drops_ties(members, outsiders, n_false):
    return (members > np.unique(outsiders)[::-1][n_false]).mean()


def adds_up_values(table, columns):
    return table.groupby(columns)[columns[0]].transform("sum").to_numpy()


def cuts_off_at_zero(answers, epsilon):
    return max(0, share_by_tanh(answers, epsilon))


def goes_forward(answers, epsilon):
    m, p = np.mean(answers), np.exp(epsilon) / (1 + np.exp(epsilon))
    return m * p + (1 - m) * (1 - p)


def forgets_parentheses(answers, epsilon):
    p = np.exp(epsilon) / 1 + np.exp(epsilon)
    return (np.mean(answers) - (1 - p)) / (2 * p - 1)


def busiest_row(table, most, epsilon, noise):
    kept = table * (np.cumsum(table, axis=1) <= most)
    return kept.sum(axis=0) + noise * table.sum(axis=1).max() / epsilon


def scales_the_rows(table, most, epsilon, noise):
    lengths = np.maximum(table.sum(axis=1, keepdims=True), most)
    return (table * most / lengths).sum(axis=0) + noise * most / epsilon


def bounds_films_for_a_rating(table, most, epsilon, noise):
    return np.minimum(table.sum(axis=0), most) + noise / epsilon


def fits_first_film_only(R, items, ratings):
    return [u for u in range(len(R)) if R[u, items[0]] == ratings[0]]


def copies_the_days(R, items, ratings):
    return np.flatnonzero((R[:, items] > ratings).any(axis=1))


def sorts_the_stars(R, items, ratings):
    return [u for u in range(len(R)) if sorted(R[u, items]) == sorted(ratings)]


def joins_with_or(R, items, ratings, n_raters):
    return ((R[:, items] > 0) | (abs(R[:, items] - ratings) <= 1)) @ (1 / np.log1p(n_raters[items]))


def averages_what_fits(R, items, ratings, n_raters):
    fits = (R[:, items] > 0) & (abs(R[:, items] - ratings) <= 1)
    return fits @ (1 / np.log1p(n_raters[items])) / np.maximum(1, fits.sum(axis=1))


def rate_by_percentile(members, outsiders, n_false):
    return np.mean(members > np.percentile(outsiders, 100 - n_false))


def area_under_curve(members, outsiders, n_false):
    return np.mean([member > outsider for member in members for outsider in outsiders])


def subtracts_false_positives(members, outsiders, n_false):
    threshold = np.sort(outsiders)[::-1][n_false]
    return np.mean(members > threshold) - np.mean(outsiders > threshold)


def agrees_somewhere(table, columns):
    cells = table[columns].to_numpy()
    return [int((cells == row).any(axis=1).sum()) for row in cells]


def order_of_the_groups(table, columns):
    return table.groupby(columns).size().rename("n").reset_index().merge(table, on=columns)["n"].to_numpy()


def forgets_the_mean(answers, epsilon):
    p = 1 / (1 + np.exp(-epsilon))
    return (answers - (1 - p)) / (2 * p - 1)


def divides_by_two_p(answers, epsilon):
    p = np.exp(epsilon) / (1 + np.exp(epsilon))
    return (np.mean(answers) - (1 - p)) / (2 * p)


def draws_noise(table, most, epsilon, noise):
    kept = table * (np.cumsum(table, axis=1) <= most)
    return kept.sum(axis=0) + np.random.default_rng(0).laplace(scale=most / epsilon, size=table.shape[1])


def drops_busy_people(table, most, epsilon, noise):
    return table[np.sum(table, axis=1) <= most].sum(axis=0) + noise * most / epsilon


def divides_by_most(table, most, epsilon, noise):
    return counts_by_loop(table, most, most**2 * epsilon, noise)


def takes_a_known_zero_as_unknown(R, items, ratings):
    return [u for u in range(len(R)) if all(r in (0, R[u, i]) for i, r in zip(items, ratings, strict=True))]


def reads_ratings_by_film(R, items, ratings, n_raters):
    scores = np.zeros(len(R))
    for u in range(len(R)):
        for i in items:
            if R[u, i] > 0 and abs(R[u, i] - ratings[i]) <= 1:
                scores[u] += 1 / np.log(1 + n_raters[i])
    return scores


def joins_with_and(R, items, ratings, n_raters):
    fits = R[:, items] > 0 and abs(R[:, items] - ratings) <= 1
    return fits @ (1 / np.log(1 + n_raters[items]))


def divides_at_the_end(R, items, ratings, n_raters):
    fits = (R[:, items] > 0) & (abs(R[:, items] - ratings) <= 1)
    return 1 / (fits @ np.log(1 + n_raters[items]))


def starts_the_score_inside(R, items, ratings, n_raters):
    for i, rating in zip(items, ratings, strict=True):
        scores = np.zeros(len(R))
        scores[(R[:, i] > 0) & (abs(R[:, i] - rating) <= 1)] += 1 / np.log(1 + n_raters[i])
    return scores


def counts_from_the_low_end(members, outsiders, n_false):
    return np.mean(members > np.sort(outsiders)[-n_false])


def always_position_4(members, outsiders, n_false):
    return np.mean(members > np.sort(outsiders)[::-1][min(4, len(outsiders) - 1)])


def counts_in_all_columns(table, columns):
    return table.groupby(columns)[columns].transform("count").to_numpy()


def takes_25_and_50(answers, epsilon):
    return (sum(answers) - 25) / 50


def keeps_the_marks_of_a_rating(table, most, epsilon, noise):
    return (np.cumsum(table, axis=1) <= most).sum(axis=0) + noise / epsilon


def keeps_first_people(table, most, epsilon, noise):
    return table[:most].sum(axis=0) + noise * most / epsilon


WRONG = {
    "15.1": [
        (takes_a_known_zero_as_unknown, "A known 0 fits everything"),
        (fits_first_film_only, "Only the first known film"),
        (copies_the_days, "example of the days"),
        (sorts_the_stars, "in another order"),
        (accepts_more_stars, "more stars"),
        (counts_two_fits, "two known ratings"),
        (compares_all_films, "R alone has all films"),
        (any_fits, "All known ratings have to fit"),
        (gives_a_mask, "positions of the rows"),
        (forgets_the_stars, "how many stars"),
        (gives_where, "take its [0]"),
        (asks_each_column, "one answer for each row"),
        (allows_no_other_film, "who rated other films"),
        (sorts_the_items, "You sorted the items"),
        (sorts_in_place, "changed its argument items"),
        (first_row_only, "only the first row"),
        (compares_first_columns, "first columns of the table"),
    ],
    "15.2": [
        (reads_ratings_by_film, "ratings[film]"),
        (joins_with_and, "with & or |"),
        (divides_at_the_end, "Divide for each film"),
        (starts_the_score_inside, "before the loop"),
        (joins_with_or, "not with |"),
        (averages_what_fits, "number of films that fit"),
        (takes_positions_for_films, "n_raters[items]"),
        (overwrites_the_score, "overwrites it"),
        (recounts_the_raters, "counted the raters in R"),
        (fits_unrated, "there is no rating"),
        (counts_what_fits, "few raters has a larger weight"),
        (wants_exact_stars, "off by one star"),
        (prefers_popular, "Divide by it"),
        (weighs_all_films, "n_raters[items]"),
        (takes_first_raters, "You took its first ones"),
        (forgets_the_sign, "np.abs"),
        (averages_the_films, "is their sum"),
    ],
    "15.4": [
        (counts_in_all_columns, "one column of the groups"),
        (agrees_somewhere, "agree in *some* column"),
        (order_of_the_groups, "order of the groups"),
        (adds_up_values, 'transform("size") counts'),
        (one_a_group, "one number for each row"),
        (others_only, "counts itself"),
        (column_by_column, "combination"),
        (joins_text, "without a separator"),
        (reads_by_label, "labels of the index"),
        (counts_by_label, "labels of the index"),
        (forgets_the_columns, "order of the values"),
        (sorts_the_values, "order of the values"),
    ],
    "15.5": [
        (takes_25_and_50, "25 and 50 of the text"),
        (forgets_the_mean, "one number for each answer"),
        (divides_by_two_p, "divided by 2p"),
        (cuts_off_at_zero, "max(0, ...)"),
        (goes_forward, "randomized once more"),
        (forgets_parentheses, "Parentheses are missing in p"),
        (share_of_yeses, "answer yes"),
        (divides_by_p, "divided the yeses by p"),
        (cuts_off, "cut the estimate off"),
        (divides_the_rest_by_p, "then divided by p"),
        (undoes_a_coin, "say the opposite"),
        (takes_epsilon_for_its_power, "ε / (1 + ε)"),
    ],
    "15.6": [
        (keeps_the_marks_of_a_rating, "your noise hides one rating"),
        (keeps_first_people, "first *people*"),
        (draws_noise, "draw none yourself"),
        (drops_busy_people, "left out everybody"),
        (divides_by_most, "divided the noise by `most`"),
        (busiest_row, "busiest row"),
        (scales_the_rows, "scaled long rows down"),
        (bounds_films_for_a_rating, "your noise hides one rating"),
        (hides_a_rating, "hides one rating"),
        (forgets_to_trim, "clip each row"),
        (multiplies_by_epsilon, "multiplied the noise"),
        (looks_at_the_table, "sensitivity from the table"),
        (replaces_a_person, "who is replaced"),
        (keeps_too_few, "one film too few"),
        (trims_columns, "never exceed `most`"),
        (bounds_the_counts, "never exceed `most`"),
        (keeps_first_columns, "keeps the first columns"),
        (cuts_counts_off, "cut the counts off"),
        (changes_the_table, "changed its argument table"),
    ],
    "15.8": [
        (counts_from_the_low_end, "one place too early"),
        (always_position_4, "position 4, as in the text"),
        (rate_by_percentile, "*percent*"),
        (area_under_curve, "That is the AUC"),
        (subtracts_false_positives, "subtracted the false positive rate"),
        (precision, "all who are accused"),
        (drops_ties, "np.unique removes"),
        (accuses_at_the_threshold, "equal to the threshold"),
        (sorts_from_low_to_high, "from low to high"),
        (does_not_sort, "Sort them from high to low"),
        (one_place_too_early, "one place too early"),
        (one_place_too_late, "one place too late"),
        (threshold_of_members, "limits how many *outsiders*"),
        (counts_members, "divide by the number of members"),
        (rate_of_outsiders, "false positive rate"),
        (rate_by_quantile, "np.quantile"),
        (sorts_outsiders_in_place, "changed its argument outsiders"),
    ],
}
