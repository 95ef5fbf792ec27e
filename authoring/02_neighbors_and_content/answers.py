"""Answers to the exercises of chapter 02: right ones, written in other ways than the reference, and wrong ones."""

import math

import numpy as np
import pandas as pd


def damped_in_a_loop(values, groups, n_groups, damping):
    means = []
    for group in range(n_groups):
        inside = [value for value, of in zip(values, groups, strict=True) if of == group]
        means.append(sum(inside) / (len(inside) + damping))
    return means


def damped_by_pandas(values, groups, n_groups, damping):
    grouped = pd.Series(values).groupby(groups).agg(["sum", "count"]).reindex(range(n_groups), fill_value=0)
    return grouped["sum"] / (grouped["count"] + damping)


def damped_by_one_hot(values, groups, n_groups, damping):
    belongs = np.eye(n_groups)[groups]  # (n, n_groups)
    return values @ belongs / (belongs.sum(axis=0) + damping)


def damped_by_add_at(values, groups, n_groups, damping):
    total, count = np.zeros(n_groups), np.full(n_groups, float(damping))
    np.add.at(total, groups, values)
    np.add.at(count, groups, 1)
    return total / count


def cosine_by_loop(a, b):
    product = sum(x * y for x, y in zip(a, b, strict=True))
    return product / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(y * y for y in b))


def cosine_of_units(a, b):
    return (a / np.linalg.norm(a)) @ (b / np.linalg.norm(b))


def shrunk_by_loop(R, shrinkage):
    n_items = R.shape[1]
    S = np.zeros((n_items, n_items))
    for i in range(n_items):
        for j in range(n_items):
            if i != j:
                n = np.count_nonzero(R[:, i] * R[:, j])
                S[i, j] = cosine_of_units(R[:, i], R[:, j]) * n / (n + shrinkage)
    return S


def shrunk_by_products(R, shrinkage):
    norms = np.sqrt((R**2).sum(axis=0))
    n = np.array([[((a > 0) & (b > 0)).sum() for b in R.T] for a in R.T])
    S = R.T @ R / np.outer(norms, norms) / (1 + shrinkage / np.maximum(n, 1))
    return S - np.diag(np.diag(S))


def shrunk_minus_identity(R, shrinkage):
    unit, rated = R / np.linalg.norm(R, axis=0), (R > 0).astype(float)
    S, n = unit.T @ unit, rated.T @ rated
    S = S - np.eye(len(S))  # leaves a rounding error on the diagonal
    return S * n / (n + shrinkage)


def shrunk_with_whole_zeros(R, shrinkage):
    S = shrunk_by_loop(R, shrinkage)
    return [[0 if i == j else float(S[i, j]) for j in range(len(S))] for i in range(len(S))]


def neighbors_by_loop(expected, similar, residuals, prior):
    above, below = 0.0, prior
    for s, e in zip(similar, residuals, strict=True):
        if e == e:
            above += s * e
            below += s
    return expected + above / below


def neighbors_by_nansum(expected, similar, residuals, prior):
    weights = np.where(np.isnan(residuals), 0, similar)
    return expected + np.nansum(weights * residuals) / (prior + weights.sum())


def sums_by_loop(watched, similar, k):
    scores = {}
    for i in range(len(watched)):
        if not watched[i]:
            scores[i] = sum(similar[i, j] for j in range(len(watched)) if watched[j])
    return sorted(scores, key=lambda i: -scores[i])[:k]


def sums_by_columns(watched, similar, k):
    seen = np.flatnonzero(watched)
    scores = similar[:, seen].sum(axis=1)
    scores[seen] = -1
    return np.argsort(-scores, kind="stable")[:k].tolist()


def sums_by_lexsort(watched, similar, k):
    order = np.lexsort((np.arange(len(watched)), -(similar @ watched)))
    return order[watched[order] == 0][:k]


def tfidf_by_loop(counts):
    n_items, n_words = counts.shape
    rows = []
    for i in range(n_items):
        row = []
        for w in range(n_words):
            d = sum(1 for j in range(n_items) if counts[j, w])
            row.append(counts[i, w] * (math.log((1 + n_items) / (1 + d)) + 1))
        rows.append([weight / math.sqrt(sum(x * x for x in row)) for weight in row])
    return rows


def tfidf_by_differences(counts):
    idf = 1 + np.log1p(len(counts)) - np.log1p(np.count_nonzero(counts, axis=0))
    weights = counts @ np.diag(idf)
    return weights / np.sqrt(np.square(weights).sum(1))[:, None]


def tfidf_of_floats(counts):
    weights = counts.astype(float)
    for j in range(counts.shape[1]):
        weights[:, j] *= np.log((1 + len(counts)) / (1 + (counts[:, j] > 0).sum())) + 1
    for row in weights:
        row /= np.linalg.norm(row)
    return weights


def rank_by_list(liked, vectors, k):
    profile = sum(vectors[i] for i in liked) / len(liked)
    scores = np.round(vectors @ profile, 9)
    unseen = [i for i in range(len(vectors)) if i not in liked]
    return sorted(unseen, key=lambda i: (-scores[i], i))[:k]


def rank_all_then_remove(liked, vectors, k):
    order = np.argsort(-(vectors @ vectors[liked].mean(axis=0)), kind="stable")
    return order[~np.isin(order, liked)][:k]


def rank_by_cosine(liked, vectors, k):
    profile = vectors[liked].sum(axis=0)
    scores = vectors @ (profile / np.linalg.norm(profile))
    scores[liked] = -np.inf
    return np.argsort(-scores, kind="stable")[:k]


RIGHT = {
    "2.1": [damped_in_a_loop, damped_by_pandas, damped_by_one_hot, damped_by_add_at],
    "2.2": [cosine_by_loop, cosine_of_units],
    "2.3": [shrunk_with_whole_zeros, shrunk_by_loop, shrunk_by_products, shrunk_minus_identity],
    "2.4": [neighbors_by_loop, neighbors_by_nansum],
    "2.5": [sums_by_loop, sums_by_columns, sums_by_lexsort],
    "2.6": [tfidf_by_loop, tfidf_by_differences, tfidf_of_floats],
    "2.7": [rank_by_list, rank_by_cosine, rank_all_then_remove],
}


def forgets_the_damping(values, groups, n_groups, damping):
    return [np.mean(values[groups == g]) if (groups == g).any() else 0 for g in range(n_groups)]


def divides_zero_by_zero(values, groups, n_groups, damping):
    with np.errstate(invalid="ignore"):
        return np.bincount(groups, values, n_groups) / np.bincount(groups, minlength=n_groups)


def forgets_minlength(values, groups, n_groups, damping):
    return np.bincount(groups, weights=values) / (damping + np.bincount(groups))


def damps_the_mean(values, groups, n_groups, damping):
    means = []
    for g in range(n_groups):
        inside = values[groups == g]
        means.append(inside.mean() / (len(inside) + damping) if len(inside) else 0)
    return np.array(means)


def adds_at_repeated_positions(values, groups, n_groups, damping):
    out = np.zeros(n_groups)
    out[groups] += values
    return out / (np.bincount(groups, minlength=n_groups) + damping)


def counts_at_repeated_positions(values, groups, n_groups, damping):
    total, count = np.zeros(n_groups), np.zeros(n_groups)
    total[groups] += values
    count[groups] += 1
    return total / (count + damping)


def loses_an_empty_group(values, groups, n_groups, damping):
    grouped = pd.Series(values).groupby(groups)
    return (grouped.sum() / (grouped.count() + damping)).to_numpy()


def takes_the_mean_of_nothing(values, groups, n_groups, damping):
    means, counts = [values[groups == g].mean() for g in range(n_groups)], np.bincount(groups, minlength=n_groups)
    return means * counts / (counts + damping)


def forgets_brackets(a, b):
    return a @ b / np.linalg.norm(a) * np.linalg.norm(b)


def subtracts_the_mean(a, b):
    a, b = a.copy(), b.copy()
    a[a > 0] -= a[a > 0].mean()
    b[b > 0] -= b[b > 0].mean()
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def norms_over_common(a, b):
    both = (a > 0) & (b > 0)
    return a[both] @ b[both] / np.sqrt((a[both] ** 2).sum() * (b[both] ** 2).sum())


def forgets_the_root(a, b):
    return sum(a * b) / (sum(a**2) * sum(b**2))


def correlates_the_zeros(a, b):
    a, b = a - a.mean(), b - b.mean()
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def counts_truth_values(R, shrinkage):
    unit = R / np.linalg.norm(R, axis=0)
    rated = R > 0
    n = rated.T @ rated
    S = unit.T @ unit * n / (n + shrinkage)
    np.fill_diagonal(S, 0)
    return S


def shrinks_common_norms(R, shrinkage):
    S = np.zeros((R.shape[1],) * 2)
    for i in range(len(S)):
        for j in range(len(S)):
            n = ((R[:, i] > 0) & (R[:, j] > 0)).sum()
            if i != j and n:
                S[i, j] = norms_over_common(R[:, i], R[:, j]) * n / (n + shrinkage)
    return S


def shrinks_common_norms_to_nan(R, shrinkage):
    with np.errstate(invalid="ignore"):
        n = (R > 0).T.astype(float) @ (R > 0)
        norms = np.array([[np.linalg.norm(a[b > 0]) for b in R.T] for a in R.T])
        S = R.T @ R / (norms * norms.T) * n / (n + shrinkage)
    np.fill_diagonal(S, 0)
    return S


def counts_stars(R, shrinkage):
    unit = R / np.linalg.norm(R, axis=0)
    n = R.T @ R
    S = unit.T @ unit * n / (n + shrinkage)
    np.fill_diagonal(S, 0)
    return S


def keeps_the_diagonal(R, shrinkage):
    unit = R / np.linalg.norm(R, axis=0)
    rated = 1.0 * (R > 0)
    n = rated.T @ rated
    return unit.T @ unit * n / (n + shrinkage)


def compares_people(R, shrinkage):
    return shrunk_by_loop(R.T, shrinkage)


def takes_the_smaller_count(R, shrinkage):
    n = np.minimum.outer((R > 0).sum(axis=0), (R > 0).sum(axis=0))
    unit = R / np.linalg.norm(R, axis=0)
    S = unit.T @ unit * n / (n + shrinkage)
    np.fill_diagonal(S, 0)
    return S


def counts_raters_of_either(R, shrinkage):
    rated = (R > 0).astype(float)
    unit = R / np.linalg.norm(R, axis=0)
    n = np.array([[((a + b) > 0).sum() for b in rated.T] for a in rated.T])
    S = unit.T @ unit * n / (n + shrinkage)
    np.fill_diagonal(S, 0)
    return S


def takes_one_norm(R, shrinkage):
    unit = R / np.linalg.norm(R)
    rated = (R > 0).astype(float)
    n = rated.T @ rated
    S = unit.T @ unit * n / (n + shrinkage)
    np.fill_diagonal(S, 0)
    return S


def throws_out_zero_residuals(expected, similar, residuals, prior):
    kept = np.nan_to_num(residuals) != 0
    return expected + similar[kept] @ residuals[kept] / (prior + similar[kept].sum())


def adds_the_prior_each_time(expected, similar, residuals, prior):
    above = below = 0.0
    for s, e in zip(similar, residuals, strict=True):
        if not np.isnan(e):
            above += s * e
            below += s + prior
    return expected + above / below if below else expected


def forgets_the_prior_and_returns_early(expected, similar, residuals, prior):
    rated = ~np.isnan(residuals)
    if not rated.any():
        return expected
    return expected + similar[rated] @ residuals[rated] / similar[rated].sum()


def counts_the_unrated(expected, similar, residuals, prior):
    return expected + (similar * np.nan_to_num(residuals)).sum() / (prior + similar.sum())


def lets_nan_through(expected, similar, residuals, prior):
    return expected + np.dot(similar, residuals) / (prior + np.sum(similar))


def takes_a_plain_average(expected, similar, residuals, prior):
    rated = ~np.isnan(residuals)
    with np.errstate(invalid="ignore", divide="ignore"):
        return expected + np.sum(similar[rated] * residuals[rated]) / np.sum(similar[rated])


def divides_before_it_adds(expected, similar, residuals, prior):
    rated = ~np.isnan(residuals)
    return expected + similar[rated] @ residuals[rated] / prior + similar[rated].sum()


def cuts_to_the_scale(expected, similar, residuals, prior):
    return min(5, max(1, neighbors_by_loop(expected, similar, residuals, prior)))


def goes_down_the_columns(watched, similar, k):
    scores = watched @ similar
    scores[watched > 0] = -np.inf
    return np.argsort(-scores, kind="stable")[:k]


def divides_the_sums(watched, similar, k):
    scores = similar @ watched / similar.sum(axis=1)
    scores[watched == 1] = -np.inf
    return np.argsort(-scores, kind="stable")[:k]


def averages_what_was_watched(watched, similar, k):
    seen = similar[:, watched > 0]
    scores = seen.sum(axis=1) / np.maximum((seen > 0).sum(axis=1), 1)
    scores[watched > 0] = -1
    return np.argsort(-scores, kind="stable")[:k]


def recommends_the_watched(watched, similar, k):
    return np.argsort(-(similar @ watched), kind="stable")[:k]


def ranks_sums_unstably(watched, similar, k):
    scores = similar @ watched
    scores[watched > 0] = -np.inf
    return np.argsort(-scores)[:k]


def gives_the_watched_nothing(watched, similar, k):
    return np.argsort(-(similar @ watched) * (watched == 0), kind="stable")[:k]


def _scored(watched, similar):
    scores = similar @ watched
    scores[watched > 0] = -np.inf
    return scores


def takes_the_nearest_watched(watched, similar, k):
    scores = similar[:, watched > 0].max(axis=1)
    scores[watched > 0] = -np.inf
    return np.argsort(-scores, kind="stable")[:k]


def returns_the_best_scores(watched, similar, k):
    return np.sort(_scored(watched, similar))[::-1][:k]


def counts_films_from_one(watched, similar, k):
    return np.argsort(-_scored(watched, similar), kind="stable")[:k] + 1


def turns_the_list_round(watched, similar, k):
    return np.argsort(-_scored(watched, similar), kind="stable")[:k][::-1]


def takes_the_last_k_films(watched, similar, k):
    return np.argsort(_scored(watched, similar), kind="stable")[-k:]


def partitions_films(watched, similar, k):
    return np.argpartition(-_scored(watched, similar), k - 1)[:k]


def partitions_films_at_k(watched, similar, k):
    return np.argpartition(-_scored(watched, similar), min(k, len(watched) - 1))[:k]


def forgets_keepdims(counts):
    weights = counts * (np.log((1 + len(counts)) / (1 + (counts > 0).sum(axis=0))) + 1)
    return weights / np.linalg.norm(weights, axis=1)


def takes_the_idf_of_rows(counts):
    idf = np.log((1 + len(counts)) / (1 + (counts > 0).sum(axis=1))) + 1
    weights = counts * idf
    return weights / np.linalg.norm(weights, axis=1, keepdims=True)


def takes_the_idf_of_rows_and_keeps_them(counts):
    idf = np.log((1 + len(counts)) / (1 + (counts > 0).sum(axis=1, keepdims=True))) + 1
    weights = counts * idf
    return weights / np.linalg.norm(weights, axis=1, keepdims=True)


def rounds_the_weights(counts):
    return np.round(tfidf_by_loop(counts), 2)


def cuts_weights(counts):
    weights = counts.copy()
    idf = np.log((1 + len(counts)) / (1 + (counts > 0).sum(axis=0))) + 1
    for j in range(counts.shape[1]):
        weights[:, j] = weights[:, j] * idf[j]
    return weights / np.linalg.norm(weights, axis=1, keepdims=True)


def cuts_lengths(counts):
    weights = np.zeros_like(counts)
    for i, row in enumerate(counts):
        weights[i] = row / np.linalg.norm(row)
    return weights


def adds_one_inside(counts):
    weights = counts * np.log((1 + len(counts)) / (1 + (counts > 0).sum(axis=0)) + 1)
    return weights / np.linalg.norm(weights, axis=1, keepdims=True)


def stops_before_the_length(counts):
    d = np.array([(column > 0).sum() for column in counts.T])
    return counts * (np.log((1 + len(counts)) / (1 + d)) + 1)


def takes_the_textbook(counts):
    weights = counts * np.log(len(counts) / (counts > 0).sum(0))
    with np.errstate(invalid="ignore"):
        return weights / np.linalg.norm(weights, axis=1)[:, None]


def counts_every_word(counts):
    idf = np.log((len(counts) + 1) / (counts.sum(axis=0) + 1)) + 1
    weights = counts * idf
    return weights / np.sqrt((weights**2).sum(axis=1, keepdims=True))


def divides_by_columns(counts):
    weights = stops_before_the_length(counts)
    return weights / np.linalg.norm(weights, axis=0)


def recommends_the_liked(liked, vectors, k):
    return np.argsort(-(vectors @ vectors[liked].mean(axis=0)).round(9), kind="stable")[:k]


def takes_the_last_k(liked, vectors, k):
    scores = vectors @ vectors[liked].mean(axis=0)
    scores[liked] = np.inf
    return np.argsort(scores.round(9), kind="stable")[:k]


def takes_the_nearest_liked(liked, vectors, k):
    scores = np.max(vectors @ vectors[liked].T, axis=1)
    scores[liked] = -1
    return np.argsort(-scores.round(9), kind="stable")[:k]


def recommends_the_liked_unrounded(liked, vectors, k):
    return np.argsort(-(vectors @ vectors[liked].mean(axis=0)), kind="stable")[:k]


def ranks_unstably(liked, vectors, k):
    scores = vectors @ vectors[liked].mean(axis=0)
    scores[liked] = -np.inf
    return np.argsort(-scores)[:k]


def turns_ties_round(liked, vectors, k):
    scores = vectors @ vectors[liked].mean(axis=0)
    scores[liked] = -np.inf
    return np.argsort(scores)[::-1][:k]


def removes_before_the_sort(liked, vectors, k):
    scores = np.delete(vectors @ vectors[liked].mean(axis=0), liked)
    return np.argsort(-scores, kind="stable")[:k]


def gives_the_liked_zero(liked, vectors, k):
    scores = vectors @ vectors[liked].mean(axis=0)
    scores[liked] = 0
    return np.argsort(-scores, kind="stable")[:k]


def _content_scores(liked, vectors):
    scores = vectors @ vectors[liked].mean(axis=0)
    scores[liked] = -np.inf
    return scores.round(9)


def takes_the_largest_weights(liked, vectors, k):
    scores = vectors @ vectors[liked].max(axis=0)
    scores[liked] = -np.inf
    return np.argsort(-scores, kind="stable")[:k]


def returns_the_scores(liked, vectors, k):
    return vectors @ vectors[liked].mean(axis=0)


def returns_the_scores_of_the_best(liked, vectors, k):
    scores = vectors @ vectors[liked].mean(axis=0)
    scores[liked] = -np.inf
    return np.sort(scores)[::-1][:k]


def counts_items_from_one(liked, vectors, k):
    return np.argsort(-_content_scores(liked, vectors), kind="stable")[:k] + 1


def puts_the_best_last(liked, vectors, k):
    return np.argsort(-_content_scores(liked, vectors), kind="stable")[:k][::-1]


def takes_the_last_k_items(liked, vectors, k):
    return np.argsort(_content_scores(liked, vectors), kind="stable")[-k:]


def partitions_items(liked, vectors, k):
    return np.argpartition(-_content_scores(liked, vectors), k - 1)[:k]


def averages_everything(liked, vectors, k):
    return np.argsort(-(vectors @ vectors[liked].mean()))[:k]


def gives_a_set(liked, vectors, k):
    return set(rank_by_list(liked, vectors, k))


def averages_over_words(liked, vectors, k):
    return vectors @ vectors[liked].mean(axis=1)


def adds_the_damping_to_the_mean(values, groups, n_groups, damping):
    with np.errstate(invalid="ignore"):
        return np.bincount(groups, values, n_groups) / np.bincount(groups, minlength=n_groups) + damping


def pulls_toward_the_mean_of_the_values(values, groups, n_groups, damping):
    total = np.bincount(groups, values, n_groups) + damping * values.mean()
    return total / (np.bincount(groups, minlength=n_groups) + damping)


def damps_one_mean_for_all(values, groups, n_groups, damping):
    return values.sum() / (len(values) + damping)


def rounds_the_means(values, groups, n_groups, damping):
    return np.round(damped_in_a_loop(values, groups, n_groups, damping), 2)


def adds_the_norms(a, b):
    return a @ b / (np.linalg.norm(a) + np.linalg.norm(b))


def keeps_the_products_apart(a, b):
    return a * b / (np.linalg.norm(a) * np.linalg.norm(b))


def divides_by_one_norm(a, b):
    return a @ b / np.linalg.norm(a)


def takes_the_mean_product(a, b):
    return (a * b).mean()


def rounds_the_cosine(a, b):
    return round(cosine_of_units(a, b), 2)


def forgets_brackets_of_the_share(R, shrinkage):
    unit, rated = R / np.linalg.norm(R, axis=0), (R > 0).astype(float)
    n = rated.T @ rated
    with np.errstate(invalid="ignore"):
        S = np.nan_to_num(unit.T @ unit * n / n) + shrinkage
    np.fill_diagonal(S, 0)
    return S


def returns_the_shares_alone(R, shrinkage):
    rated = (R > 0).astype(float)
    S = rated.T @ rated / (rated.T @ rated + shrinkage)
    np.fill_diagonal(S, 0)
    return S


def returns_what_fill_diagonal_returns(R, shrinkage):
    return np.fill_diagonal(shrunk_by_loop(R, shrinkage), 0)


def shrinks_by_one_number(R, shrinkage):
    rated = (R > 0).astype(float)
    S = (R.T @ R) / np.outer(np.linalg.norm(R, axis=0), np.linalg.norm(R, axis=0)) * (rated.T @ rated) / (1 + shrinkage)
    np.fill_diagonal(S, 0)
    return S


def normalizes_rows(R, shrinkage):
    with np.errstate(invalid="ignore"):
        unit = R / np.linalg.norm(R, axis=1, keepdims=True)
    n = (R > 0).T.astype(int) @ (R > 0)
    S = unit.T @ unit * n / (n + shrinkage)
    np.fill_diagonal(S, 0)
    return S


def keeps_positive_residuals(expected, similar, residuals, prior):
    kept = residuals > 0
    return expected + (similar[kept] * residuals[kept]).sum() / (prior + similar[kept].sum())


def multiplies_by_the_prior(expected, similar, residuals, prior):
    rated = ~np.isnan(residuals)
    with np.errstate(invalid="ignore"):
        return expected + (similar[rated] * residuals[rated]).sum() / (prior * similar[rated].sum())


def returns_the_correction(expected, similar, residuals, prior):
    return neighbors_by_loop(0, similar, residuals, prior)


def averages_the_residuals(expected, similar, residuals, prior):
    rated = residuals[~np.isnan(residuals)]
    return expected + rated.sum() / (prior + len(rated))


def forgets_to_divide(expected, similar, residuals, prior):
    return expected + np.nansum(similar * residuals)


def indexes_by_zeros_and_ones(watched, similar, k):
    scores = (similar @ watched).astype(float)
    scores[watched.astype(int)] = -np.inf
    return np.argsort(-scores, kind="stable")[:k]


def ranks_the_least_similar(watched, similar, k):
    scores = (similar @ watched).astype(float)
    scores[watched > 0] = np.inf
    return np.argsort(scores, kind="stable")[:k]


def returns_all_scores(watched, similar, k):
    return _scored(watched, similar)


def counts_watched_neighbors(watched, similar, k):
    scores = ((similar > 0) @ watched).astype(float)
    scores[watched > 0] = -np.inf
    return np.argsort(-scores, kind="stable")[:k]


def multiplies_in_place(counts):
    counts *= np.log((1 + len(counts)) / (1 + (counts > 0).sum(axis=0))) + 1
    return counts / np.linalg.norm(counts, axis=1, keepdims=True)


def forgets_the_logarithm(counts):
    weights = counts * ((1 + len(counts)) / (1 + (counts > 0).sum(axis=0)) + 1)
    return weights / np.linalg.norm(weights, axis=1, keepdims=True)


def sums_to_one(counts):
    weights = stops_before_the_length(counts)
    return weights / weights.sum(axis=1, keepdims=True)


def takes_log10(counts):
    weights = counts * (np.log10((1 + len(counts)) / (1 + (counts > 0).sum(axis=0))) + 1)
    return weights / np.linalg.norm(weights, axis=1, keepdims=True)


def divides_by_squares(counts):
    weights = stops_before_the_length(counts)
    return weights / (weights**2).sum(axis=1, keepdims=True)


def returns_the_idf(counts):
    return np.log((1 + len(counts)) / (1 + (counts > 0).sum(axis=0))) + 1


def takes_one_norm_for_all(counts):
    weights = stops_before_the_length(counts)
    return weights / np.linalg.norm(weights)


def takes_words_for_items(counts):
    weights = counts * (np.log((1 + counts.shape[1]) / (1 + (counts > 0).sum(axis=0))) + 1)
    return weights / np.linalg.norm(weights, axis=1, keepdims=True)


def averages_all_items(liked, vectors, k):
    scores = vectors @ vectors.mean(axis=0)
    scores[liked] = -np.inf
    return np.argsort(-scores, kind="stable")[:k]


def takes_the_first_liked(liked, vectors, k):
    scores = vectors @ vectors[liked[0]]
    scores[liked] = -np.inf
    return np.argsort(-scores, kind="stable")[:k]


def selects_by_the_size_of_positions(liked, vectors, k):
    profile = vectors[liked > 0].mean(axis=0)  # liked has positions, so this is no mask of the rows
    return np.argsort(-(vectors @ profile), kind="stable")[:k]


def masks_scores_by_the_size_of_positions(liked, vectors, k):
    scores = vectors @ vectors[liked].mean(axis=0)
    scores[liked > 0] = -np.inf
    return np.argsort(-scores, kind="stable")[:k]


def returns_one_too_many(liked, vectors, k):
    return np.argsort(-_content_scores(liked, vectors), kind="stable")[: k + 1]


def compares_with_each_liked_film(liked, vectors, k):
    return np.argsort(-(vectors @ vectors[liked].T), kind="stable")[:k]


def puts_the_liked_first(liked, vectors, k):
    scores = vectors @ vectors[liked].mean(axis=0)
    scores[liked] = np.inf
    return np.argsort(-scores.round(9), kind="stable")[:k]


def removes_after_the_cut(liked, vectors, k):
    ranked = np.argsort(-(vectors @ vectors[liked].mean(axis=0)).round(9), kind="stable")[:k]
    return [int(i) for i in ranked if i not in liked]


def skips_the_best_film(watched, similar, k):
    return np.argsort(-_scored(watched, similar), kind="stable")[1 : k + 1]


def asks_one_watched_film(watched, similar, k):
    scores = similar[:, np.argmax(watched)].astype(float)
    scores[watched > 0] = -np.inf
    return np.argsort(-scores, kind="stable")[:k]


def puts_the_watched_first(watched, similar, k):
    scores = (similar @ watched).astype(float)
    scores[watched > 0] = np.inf
    return np.argsort(-scores, kind="stable")[:k]


def forgets_the_minus(watched, similar, k):
    return np.argsort(_scored(watched, similar), kind="stable")[:k]


def forgets_the_minus_of_content(liked, vectors, k):
    scores = vectors @ vectors[liked].mean(axis=0)
    scores[liked] = -np.inf
    return np.argsort(scores)[:k]


def counts_what_is_not_zero(values, groups, n_groups, damping):
    counts = np.bincount(groups, weights=values != 0, minlength=n_groups)
    return np.bincount(groups, weights=values, minlength=n_groups) / (counts + damping)


def cuts_the_damping(values, groups, n_groups, damping):
    with np.errstate(all="ignore"):
        counts = np.bincount(groups, minlength=n_groups) + int(damping)
        return np.bincount(groups, weights=values, minlength=n_groups) / counts


def makes_one_place_too_many(values, groups, n_groups, damping):
    counts = np.bincount(groups, minlength=n_groups + 1)
    return np.bincount(groups, weights=values, minlength=n_groups + 1) / (counts + damping)


def returns_a_dict_of_means(values, groups, n_groups, damping):
    return dict(enumerate(damped_in_a_loop(values, groups, n_groups, damping)))


def correlates_all_columns(R, shrinkage):
    with np.errstate(all="ignore"):
        rated = (R > 0).astype(float)
        n = rated.T @ rated
        S = np.atleast_2d(np.corrcoef(R.T)) * n / (n + shrinkage)
    np.fill_diagonal(S, 0)
    return S


def returns_one_number_in_an_array(expected, similar, residuals, prior):
    return np.array([neighbors_by_loop(expected, similar, residuals, prior)])


def selects_columns_by_zeros_and_ones(watched, similar, k):
    scores = similar[:, watched.astype(int)].sum(axis=1)
    scores[watched > 0] = -np.inf
    return np.argsort(-scores, kind="stable")[:k]


def turns_whole_numbers_round(watched, similar, k):
    scores = similar @ watched
    scores[~watched] = -np.inf
    return np.argsort(-scores, kind="stable")[:k]


def sorts_twice(watched, similar, k):
    scores = similar @ watched
    scores[watched > 0] = -np.inf
    return np.argsort(np.argsort(-scores, kind="stable"), kind="stable")[:k]


def multiplies_positions(liked, vectors, k):
    scores = vectors @ (liked @ vectors[: len(liked)])
    scores[liked] = -np.inf
    return np.argsort(-scores, kind="stable")[:k]


WRONG = {
    "2.1": [
        (counts_what_is_not_zero, "You did not count values of exactly 0"),
        (cuts_the_damping, "You cut the damping to a whole number"),
        (makes_one_place_too_many, "Your result is too long"),
        (returns_a_dict_of_means, "You returned a dict"),
        (forgets_the_damping, "with 0 for an empty group"),
        (divides_zero_by_zero, "the damping is missing"),
        (forgets_minlength, "Your result is too short"),
        (damps_the_mean, "You divided twice"),
        (adds_at_repeated_positions, "have only the last value of each group"),
        (counts_at_repeated_positions, "your counts are at most 1"),
        (loses_an_empty_group, "Your result is too short"),
        (takes_the_mean_of_nothing, "One of your numbers is NaN"),
        (adds_the_damping_to_the_mean, "Python divides before it adds"),
        (pulls_toward_the_mean_of_the_values, "an imaginary value is 0"),
        (damps_one_mean_for_all, "You returned one number for all values"),
        (rounds_the_means, "rounded"),
    ],
    "2.2": [
        (norms_over_common, "over the common raters only"),
        (forgets_the_root, "sums of squares"),
        (correlates_the_zeros, "zeros included"),
        (forgets_brackets, "works from left to right"),
        (subtracts_the_mean, "take the stars as they are"),
        (adds_the_norms, "the sum of the norms"),
        (keeps_the_products_apart, "You returned an array"),
        (divides_by_one_norm, "Divide by the norm of b, too"),
        (takes_the_mean_product, "by the number of people"),
        (rounds_the_cosine, "rounded"),
    ],
    "2.3": [
        (correlates_all_columns, "You used np.corrcoef"),
        (counts_truth_values, "Your n is at most 1"),
        (keeps_the_diagonal, "put 0 on the diagonal"),
        (compares_people, "one row for each person"),
        (takes_the_smaller_count, "the smaller number of raters"),
        (counts_raters_of_either, "at least one of the two films"),
        (takes_one_norm, "one norm for the full table"),
        (shrinks_common_norms, "over the common raters only"),
        (shrinks_common_norms_to_nan, "over the common raters only"),
        (counts_stars, "Your n is R.T @ R"),
        (forgets_brackets_of_the_share, "put brackets around n + shrinkage"),
        (returns_the_shares_alone, "without the cosines"),
        (returns_what_fill_diagonal_returns, "returned None"),
        (shrinks_by_one_number, "n / (1 + shrinkage)"),
        (normalizes_rows, "You divided the rows by their norms"),
    ],
    "2.4": [
        (returns_one_number_in_an_array, "You returned an array"),
        (counts_the_unrated, "runs over all neighbors"),
        (lets_nan_through, "Your result is NaN"),
        (takes_a_plain_average, "The prior is missing"),
        (divides_before_it_adds, "put brackets around the denominator"),
        (cuts_to_the_scale, "You cut the result to the scale"),
        (throws_out_zero_residuals, "with the residual 0"),
        (adds_the_prior_each_time, "You added the prior once for each rated film"),
        (forgets_the_prior_and_returns_early, "The prior is missing"),
        (keeps_positive_residuals, "positive residuals alone"),
        (multiplies_by_the_prior, "multiplied the sum of weights by the prior"),
        (returns_the_correction, "You returned the correction alone"),
        (averages_the_residuals, "Every neighbor has the same weight"),
        (forgets_to_divide, "You did not divide"),
    ],
    "2.5": [
        (selects_columns_by_zeros_and_ones, "You selected similar[:, watched.astype(int)]"),
        (turns_whole_numbers_round, "You wrote scores[~watched]"),
        (sorts_twice, "You sorted twice"),
        (goes_down_the_columns, "You added along the columns"),
        (divides_the_sums, "add and do not divide"),
        (averages_what_was_watched, "You took the mean similarity"),
        (recommends_the_watched, "a film that the person has watched"),
        (ranks_sums_unstably, "Films with equal scores are in the wrong order"),
        (gives_the_watched_nothing, "You set the scores of watched films to 0"),
        (takes_the_nearest_watched, "You took the largest similarity"),
        (returns_the_best_scores, "You returned the scores of the k best"),
        (counts_films_from_one, "Your positions count from 1"),
        (turns_the_list_round, "Your list is reversed"),
        (skips_the_best_film, "your slice starts at 1"),
        (forgets_the_minus, "You forgot the minus"),
        (takes_the_last_k_films, "the best film at the end"),
        (partitions_films, "np.argpartition finds"),
        (partitions_films_at_k, "np.argpartition finds"),
        (indexes_by_zeros_and_ones, "You wrote scores[watched]"),
        (ranks_the_least_similar, "You ranked the least similar films first"),
        (returns_all_scores, "You returned the scores"),
        (counts_watched_neighbors, "You counted the watched neighbors"),
        (asks_one_watched_film, "one watched film only"),
        (puts_the_watched_first, "+np.inf"),
    ],
    "2.6": [
        (stops_before_the_length, "do not have length 1 yet"),
        (takes_the_textbook, "as many textbooks do"),
        (counts_every_word, "You summed the counts"),
        (divides_by_columns, "You gave the columns length 1"),
        (cuts_weights, "lost their fractions"),
        (cuts_lengths, "lost their fractions"),
        (adds_one_inside, "inside the logarithm"),
        (forgets_keepdims, "the columns by the norms of the rows"),
        (takes_the_idf_of_rows, "You counted along each row"),
        (takes_the_idf_of_rows_and_keeps_them, "one for each row, which cancels"),
        (rounds_the_weights, ""),
        (multiplies_in_place, "cannot store fractions"),
        (forgets_the_logarithm, "The logarithm is missing"),
        (sums_to_one, "Your rows sum to 1"),
        (takes_log10, "base 10"),
        (divides_by_squares, "sum of squares of each row"),
        (returns_the_idf, "You returned one weight for each word"),
        (takes_one_norm_for_all, "one norm for the full table"),
        (takes_words_for_items, "You took the number of words"),
    ],
    "2.7": [
        (multiplies_positions, "as if it had zeros and ones"),
        (recommends_the_liked, "a film that the person has liked already"),
        (takes_the_last_k, "least similar films first"),
        (takes_the_nearest_liked, "the largest similarity to a liked film"),
        (averages_over_words, "a sum or mean taken along the other axis"),
        (recommends_the_liked_unrounded, "a film that the person has liked already"),
        (ranks_unstably, "Films with equal scores are in the wrong order"),
        (turns_ties_round, "[::-1] reverses them"),
        (removes_before_the_sort, "count only the films that were left"),
        (gives_the_liked_zero, "You set the scores of liked films to 0"),
        (gives_a_set, "You returned a set"),
        (takes_the_largest_weights, "the largest weight of each word"),
        (returns_the_scores, "You returned the scores. "),
        (returns_the_scores_of_the_best, "You returned the scores of the k best"),
        (counts_items_from_one, "Your positions count from 1"),
        (puts_the_best_last, "Your list is reversed"),
        (forgets_the_minus_of_content, "argsort sorts upward"),
        (takes_the_last_k_items, "the best film at the end"),
        (partitions_items, "np.argpartition finds"),
        (averages_everything, "a single number, or an array with too few axes"),
        (selects_by_the_size_of_positions, "A mask needs one True or False for each place"),
        (masks_scores_by_the_size_of_positions, "A mask needs one True or False for each place"),
        (returns_one_too_many, "more than k positions"),
        (compares_with_each_liked_film, "Your result is a table"),
        (puts_the_liked_first, "+np.inf"),
        (averages_all_items, "the mean of all films"),
        (takes_the_first_liked, "the first liked film only"),
        (removes_after_the_cut, "fewer than k positions"),
    ],
}
