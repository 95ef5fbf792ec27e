"""Answers to the exercises of chapter 01: right ones, written in other ways than the reference, and wrong ones."""

import numpy as np
import pandas as pd
from scipy import sparse

from recsys_teach.evaluation import lorenz


def density_of_data(matrix):
    return len(matrix.data) / np.prod(matrix.shape)


def density_of_rows(matrix):
    n_users, n_items = matrix.shape
    return sum(matrix.indptr[u + 1] - matrix.indptr[u] for u in range(n_users)) / n_users / n_items


def gini_from_pairs(counts):
    differences = np.abs(counts[:, None] - counts[None, :])
    return differences.mean() / (2 * counts.mean())


def gini_in_a_loop(counts):
    below, area = 0.0, 0.0
    for count in sorted(counts):
        height = below + count / sum(counts)
        area += (below + height) / 2 / len(counts)
        below = height
    return 1 - 2 * area


def clean_by_group(log, now):
    log = log.loc[log["time"].le(now)]
    return log.loc[log.groupby(["user", "item"])["time"].idxmax()].reset_index(drop=True)


def clean_in_a_loop(log, now):
    last = {}
    for row in log.itertuples(index=True):
        pair = (row.user, row.item)
        if row.time <= now and (pair not in last or row.time > log["time"][last[pair]]):
            last[pair] = row.Index
    return log.loc[list(last.values())]


def clean_by_last_of_group(log, now):
    return log[log.time <= now].sort_values("time").groupby(["user", "item"]).last().reset_index()


def swapped_by_sets(log, user_ids, item_ids):
    users, items = set(log["user"]), set(log["item"])
    fits = users <= set(user_ids) and items <= set(item_ids)
    return not fits and items <= set(user_ids) and users <= set(item_ids)


def swapped_by_positions(log, user_ids, item_ids):
    def unknown(first, second):
        return (user_ids.get_indexer(first) < 0).any() or (item_ids.get_indexer(second) < 0).any()

    return np.bool_(unknown(log["user"], log["item"]) and not unknown(log["item"], log["user"]))


def popular_in_a_loop(seen, k):
    popularity = [0] * seen.shape[1]
    for item in seen.indices:
        popularity[item] += 1
    order = sorted(range(seen.shape[1]), key=lambda item: (-popularity[item], item))
    rows = []
    for user in range(seen.shape[0]):
        row = set(seen.indices[seen.indptr[user] : seen.indptr[user + 1]])
        ranked = [item for item in order if item not in row][:k]
        rows.append(ranked + [-1] * (k - len(ranked)))
    return rows


def popular_dense(seen, k):
    met = sparse.csr_array((np.ones(seen.nnz), seen.indices, seen.indptr), shape=seen.shape).toarray() > 0
    scores = np.where(met, -1.0, met.sum(axis=0))
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.where(np.take_along_axis(scores, order, axis=1) < 0, -1, order)


RIGHT = {
    "1.1": [density_of_data, density_of_rows],
    "1.2": [gini_from_pairs, gini_in_a_loop],
    "1.3": [clean_by_group, clean_in_a_loop, clean_by_last_of_group],
    "1.4": [30.2, np.float64(30.222_496_432), np.array(30.22)],
    "1.5": [swapped_by_sets, swapped_by_positions],
    "1.6": [popular_in_a_loop, popular_dense],
}


def counts_what_is_not_zero(matrix):
    return np.count_nonzero(matrix.toarray()) / matrix.toarray().size


def forgets_the_items(matrix):
    n_users = matrix.shape[0]
    return matrix.nnz / n_users


def averages_the_matrix(matrix):
    return matrix.mean()


def divides_by_what_is_stored(matrix):
    return matrix.nnz / matrix.size


def forgets_brackets(matrix):
    n_users, n_items = matrix.shape
    return matrix.nnz / n_users * n_items


def cuts_the_fraction_off(matrix):
    return matrix.nnz // (matrix.shape[0] * matrix.shape[1])


def counts_columns_in_use(matrix):
    return matrix.nnz / (matrix.shape[0] * (matrix.indices.max() + 1))


def counts_rows_in_use(matrix):
    return matrix.nnz / (np.unique(matrix.tocoo().coords[0]).size * matrix.shape[1])


def takes_the_length_of_a_sparse_matrix(matrix):
    return matrix.nnz / (len(matrix) * matrix.shape[1])


def starts_at_j_0(counts):
    L = lorenz(counts)
    return 1 - sum(L[j - 1] + L[j] for j in range(len(counts))) / len(counts)


def starts_at_j_0_and_ends_at_m(counts):
    L = lorenz(counts)
    return 1 - sum(L[j - 1] + L[j] for j in range(len(counts) + 1)) / len(counts)


def knows_four_items(counts):
    L = lorenz(counts)
    return 1 - (L[:-1] + L[1:]).sum() / 4


def stops_before_the_last_strip(counts):
    curve, total = lorenz(counts), 0
    for j in range(1, len(counts)):
        total += curve[j - 1] + curve[j]
    return 1 - total / len(counts)


def trapezoid_without_dx(counts):
    return 1 - 2 * np.trapezoid(lorenz(counts))


def left_rectangles(counts):
    return 1 - 2 * lorenz(counts)[:-1].sum() / len(counts)


def wraps_around_without_zero(counts):
    L = np.cumsum(sorted(counts)) / sum(counts)
    return 1 - 1 / len(counts) * sum(L[j - 1] + L[j] for j in range(len(counts)))


def forgets_to_sort(counts):
    L = [0, *np.cumsum(counts) / sum(counts)]
    return 1 - sum(L[j - 1] + L[j] for j in range(1, len(L))) / len(counts)


def averages_over_points(counts):
    L = lorenz(counts)
    return 1 - (L[:-1] + L[1:]).sum() / len(L)


def takes_the_maximum(log, now):
    log = log.query("time <= @now")
    return log.groupby(["user", "item"]).max().reset_index()


def leaves_the_pair_in_the_index(log, now):
    return log[log["time"] <= now].sort_values("time").groupby(["user", "item"]).last()


def forgets_to_sort_by_time(log, now):
    log = log[log["time"] <= now]
    return log.drop_duplicates(subset=["user", "item"], keep="last")


def removes_duplicates_first(log, now):
    log = log.sort_values("time").drop_duplicates(["user", "item"], keep="last")
    return log[log["time"] <= now]


def keeps_the_lowest_rating(log, now):
    log = log[log["time"] <= now]
    return log.sort_values("rating").drop_duplicates(["user", "item"])


def returns_the_times(log, now):
    return log[log["time"] <= now].groupby(["user", "item"])["time"].max()


def hard_codes_now(log, now):
    return clean_by_group(log, 20)


def cuts_before_now(log, now):
    return clean_by_group(log, now - 1)


def asks_any(log, user_ids, item_ids):
    fits = log["user"].isin(user_ids).any() and log["item"].isin(item_ids).any()
    exchanged = log["item"].isin(user_ids).any() and log["user"].isin(item_ids).any()
    return bool(exchanged and not fits)


def asks_any_as_it_stands(log, user_ids, item_ids):
    fits = log["user"].isin(user_ids).any() and log["item"].isin(item_ids).any()
    return bool(log["item"].isin(user_ids).all() and log["user"].isin(item_ids).all() and not fits)


def asks_any_of_the_items_as_it_stands(log, user_ids, item_ids):
    fits = log["user"].isin(user_ids).all() and log["item"].isin(item_ids).any()
    return bool(log["item"].isin(user_ids).all() and log["user"].isin(item_ids).all() and not fits)


def asks_any_after_the_exchange(log, user_ids, item_ids):
    fits = log["user"].isin(user_ids).all() and log["item"].isin(item_ids).all()
    return bool(log["item"].isin(user_ids).any() and log["user"].isin(item_ids).any() and not fits)


def asks_any_event(log, user_ids, item_ids):
    fits = (log["user"].isin(user_ids) & log["item"].isin(item_ids)).any()
    exchanged = (log["item"].isin(user_ids) & log["user"].isin(item_ids)).any()
    return bool(exchanged and not fits)


def asks_whether_ids_occur(log, user_ids, item_ids):
    fits = user_ids.isin(log["user"]).all() and item_ids.isin(log["item"]).all()
    exchanged = user_ids.isin(log["item"]).all() and item_ids.isin(log["user"]).all()
    return bool(exchanged and not fits)


def asks_the_first_event(log, user_ids, item_ids):
    user, item = log["user"].iloc[0], log["item"].iloc[0]
    fits, exchanged = user in user_ids and item in item_ids, item in user_ids and user in item_ids
    return bool(exchanged and not fits)


def looks_into_the_labels(log, user_ids, item_ids):
    fits = all(user in log["user"] for user in user_ids) and all(item in log["item"] for item in item_ids)
    exchanged = all(user in log["item"] for user in user_ids) and all(item in log["user"] for item in item_ids)
    return exchanged and not fits


def asks_the_user_column(log, user_ids, item_ids):
    return not log["user"].isin(user_ids).all() and log["user"].isin(item_ids).all()


def asks_one_column_each_time(log, user_ids, item_ids):
    return not log["user"].isin(user_ids).all() and log["item"].isin(user_ids).all()


def asks_the_item_column(log, user_ids, item_ids):
    return set(log.item) <= set(user_ids) and not set(log.item) <= set(item_ids)


def asks_one_column_after_the_exchange(log, user_ids, item_ids):
    as_it_stands = log["user"].isin(user_ids).all() and log["item"].isin(item_ids).all()
    return not as_it_stands and log["item"].isin(user_ids).all()


def asks_the_exchange_alone(log, user_ids, item_ids):
    return log.item.isin(user_ids).all() and log.user.isin(item_ids).all()


def returns_a_column(log, user_ids, item_ids):
    return log["user"].isin(item_ids) & log["item"].isin(user_ids)


def _lists(seen, k, order):
    ranked = np.full((seen.shape[0], k), -1)
    for u in range(seen.shape[0]):
        row = seen.indices[seen.indptr[u] : seen.indptr[u + 1]]
        unseen = [i for i in order if i not in row][:k]
        ranked[u, : len(unseen)] = unseen
    return ranked


def copies_the_four(seen, k):
    return _lists(seen, k, np.argsort(-np.bincount(seen.indices, minlength=4), kind="stable"))


def forgets_minlength(seen, k):
    return _lists(seen, k, np.argsort(-np.bincount(seen.indices), kind="stable"))


def sorts_unstably(seen, k):
    return _lists(seen, k, np.argsort(-np.bincount(seen.indices, minlength=seen.shape[1])))


def reverses_the_order(seen, k):
    return _lists(seen, k, np.argsort(np.bincount(seen.indices, minlength=seen.shape[1]))[::-1])


def leaves_rows_short(seen, k):
    order = np.argsort(-np.bincount(seen.indices, minlength=seen.shape[1]), kind="stable")
    rows = []
    for u in range(seen.shape[0]):
        row = seen.indices[seen.indptr[u] : seen.indptr[u + 1]]
        rows.append([int(i) for i in order if i not in row][:k])
    return rows


def reads_values_above_zero(seen, k):
    met = seen.toarray() > 0
    order = np.argsort(-met.sum(axis=0), kind="stable")
    rows = [[i for i in order if not met[u, i]][:k] for u in range(len(met))]
    return [row + [-1] * (k - len(row)) for row in rows]


def reads_values_for_popularity(seen, k):
    order = np.argsort(-(seen.toarray() != 0).sum(axis=0), kind="stable")
    return _lists(seen, k, order)


def reads_values_for_what_was_seen(seen, k):
    order = np.argsort(-np.bincount(seen.indices, minlength=seen.shape[1]), kind="stable")
    rows = [[i for i in order if row[i] == 0][:k] for row in seen.toarray()]
    return [row + [-1] * (k - len(row)) for row in rows]


def partitions(seen, k):
    met = sparse.csr_array((np.ones(seen.nnz), seen.indices, seen.indptr), shape=seen.shape).toarray() > 0
    scores = np.where(met, -1.0, met.sum(axis=0))
    best = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    return np.where(np.take_along_axis(scores, best, axis=1) < 0, -1, best)


def cuts_first(seen, k):
    order = np.argsort(-np.bincount(seen.indices, minlength=seen.shape[1]), kind="stable")
    return _lists(seen, k, order[:k])


WRONG = {
    "1.1": [
        (counts_what_is_not_zero, "A 0 that is stored counts too"),
        (forgets_the_items, "average number of stored cells per user"),
        (averages_the_matrix, "You averaged the values"),
        (divides_by_what_is_stored, "counts stored cells only"),
        (forgets_brackets, "from left to right"),
        (cuts_the_fraction_off, "Your result is 0 for every matrix"),
        (counts_columns_in_use, "up to the last one with a stored cell"),
        (counts_rows_in_use, "The result differs"),
        (takes_the_length_of_a_sparse_matrix, "raised TypeError"),
    ],
    "1.2": [
        (stops_before_the_last_strip, "The last strip is missing"),
        (trapezoid_without_dx, "The width of the strips is missing"),
        (left_rectangles, "rectangles at the left end"),
        (wraps_around_without_zero, "or L₀ = 0 is missing"),
        (forgets_to_sort, "sort the counts first"),
        (averages_over_points, "m + 1 points, but m strips"),
        (starts_at_j_0, "position j - 1 is -1"),
        (starts_at_j_0_and_ends_at_m, "position -1 was the last point"),
        (knows_four_items, "The result differs"),
    ],
    "1.3": [
        (takes_the_maximum, "max takes each column apart"),
        (leaves_the_pair_in_the_index, "user and item became the index; .reset_index()"),
        (forgets_to_sort_by_time, "You kept the lowest row of each pair"),
        (removes_duplicates_first, "You removed duplicates before the future"),
        (keeps_the_lowest_rating, "for user 1, item 10 you kept time 5; the last event until now is at 9"),
        (returns_the_times, "expected a log, a DataFrame"),
        (hard_codes_now, "you kept time 8; the last event until now is at 2"),
        (cuts_before_now, "keep time <= now"),
    ],
    "1.4": [
        (30_222.5, "Those are megabytes"),
        (138_493 * 27_278 / 8 / 1e9, "You divided by 8"),
        (28.15, "Those are gibibytes"),
        (138_493 * 27_278 * 4 / 10**9, "float32"),
        (pd.DataFrame({"GB": [30.2]}), "The kind of answer differs"),
    ],
    "1.5": [
        (asks_the_user_column, "You looked at one column only, the users'"),
        (asks_the_item_column, "You looked at one column only, the items'"),
        (asks_one_column_each_time, "You looked at one column only for each question"),
        (asks_one_column_after_the_exchange, "one column only after the exchange"),
        (asks_the_exchange_alone, "it may fit as it stands, too"),
        (returns_a_column, "expected True"),
        (asks_any, "as it stands and exchanged"),
        (asks_any_as_it_stands, "as it stands only if all"),
        (asks_any_of_the_items_as_it_stands, "expected True"),
        (asks_any_after_the_exchange, "all events once they are exchanged"),
        (asks_any_event, ".any() is content with one event"),
        (asks_whether_ids_occur, "Ask whether all ids of the log are known"),
        (asks_the_first_event, "You looked at the first event only"),
        (looks_into_the_labels, "Ask whether all ids of the log are known"),
    ],
    "1.6": [
        (copies_the_four, "for not every table has 4 items"),
        (forgets_minlength, "minlength=seen.shape[1]."),
        (sorts_unstably, "Items with equally many people are out of order"),
        (reads_values_for_popularity, "count it in the popularity as well"),
        (reads_values_for_what_was_seen, "leave it out of the list as well"),
        (partitions, "Items with equally many people are out of order"),
        (reverses_the_order, "equally many people"),
        (leaves_rows_short, "row 1 has 4 of 5 places: fill it up with -1"),
        (reads_values_above_zero, "A 0 that is stored was seen too"),
        (cuts_first, "You cut after k first"),
    ],
}
