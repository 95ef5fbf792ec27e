"""Answers to the exercises of chapter 10: right ones, written differently from the references, and wrong ones."""

import numpy as np
import torch


def crosses_by_loop(X, V):
    n, n_features = X.shape
    total = np.zeros(n)
    for a in range(n_features):
        for b in range(a + 1, n_features):
            total += (V[a] @ V[b]) * X[:, a] * X[:, b]
    return total


def crosses_by_gram(X, V):
    G = V @ V.T
    return [(x @ G @ x - x**2 @ np.diag(G)) / 2 for x in X]


def softmax_by_loop(U, V, temperature):
    total = 0.0
    for r in range(len(U)):
        weights = [np.exp(U[r] @ v / temperature) for v in V]
        total -= np.log(weights[r] / sum(weights))
    return total / len(U)


def softmax_by_torch(U, V, temperature):
    scores = torch.from_numpy(U @ V.T / temperature)
    return torch.nn.functional.cross_entropy(scores, torch.arange(len(U)))


def corrected_by_weights(scores, q):
    weights = np.exp(scores) / q[None, :]
    return -np.log(np.diag(weights) / weights.sum(axis=1)).mean()


def corrected_by_torch(scores, q):
    log_softmax = torch.log_softmax(torch.from_numpy(scores - np.log(q)), dim=1)
    return -log_softmax.diagonal().mean()


def vector_by_loop(genres, names, W):
    vector = np.zeros(W.shape[1])
    for genre in genres:
        if genre in names:
            vector = vector + W[list(names).index(genre)]
    return vector


def vector_by_product(genres, names, W):
    return np.array([name in genres for name in names], dtype=float) @ W


def best_by_loop(u, V, k):
    left = list(range(len(V)))
    found = []
    for _ in range(k):
        best = max(left, key=lambda i: V[i] @ u)
        found.append(best)
        left.remove(best)
    return found


def best_by_topk(u, V, k):
    return torch.topk(torch.from_numpy(V @ u), k).indices


def best_by_partition(u, V, k):
    scores = V @ u
    best = np.argpartition(-scores, k - 1)[:k]
    return best[np.argsort(-scores[best])]


def probe_by_mask(u, V, centroids, cells, n_probe, k):
    scores = np.full(len(V), -np.inf)
    for cell in np.argsort(centroids @ u)[::-1][:n_probe]:
        scores[cells[cell]] = V[cells[cell]] @ u
    return np.argsort(-scores)[: min(k, np.isfinite(scores).sum())]


def probe_by_pairs(u, V, centroids, cells, n_probe, k):
    opened = sorted(range(len(centroids)), key=lambda c: -(centroids[c] @ u))[:n_probe]
    pairs = [(V[i] @ u, i) for c in opened for i in cells[c]]
    return [i for _, i in sorted(pairs, reverse=True)[:k]]


RIGHT = {
    "10.1": [crosses_by_loop, crosses_by_gram],
    "10.2": [softmax_by_loop, softmax_by_torch],
    "10.3": [corrected_by_weights, corrected_by_torch],
    "10.4": [vector_by_loop, vector_by_product],
    "10.5": [best_by_loop, best_by_partition, best_by_topk],
    "10.6": [probe_by_mask, probe_by_pairs],
}


def counts_pairs_twice(X, V):
    return ((X @ V) ** 2).sum(axis=1) - (X**2 @ V**2).sum(axis=1)


def keeps_the_squares(X, V):
    return 0.5 * ((X @ V) ** 2).sum(axis=1)


def squares_v_alone(X, V):
    return 0.5 * ((X @ V) ** 2 - X @ (V * V)).sum(axis=1)


def sums_everything(X, V):
    return float(np.sum((X @ V) ** 2 - X**2 @ V**2) / 2)


def normalizes_over_users(U, V, temperature):
    weights = np.exp(U @ V.T / temperature)
    return -np.log(np.diag(weights / weights.sum(axis=0))).mean()


def multiplies_by_temperature(U, V, temperature):
    return softmax_by_loop(U, V, 1 / temperature)


def leaves_own_item_out(U, V, temperature):
    weights = np.exp(U @ V.T / temperature)
    own = np.diag(weights)
    return -np.log(own / (weights.sum(axis=1) - own)).mean()


def forgets_the_logarithm(U, V, temperature):
    weights = np.exp(U @ V.T / temperature)
    return -(np.diag(weights) / weights.sum(axis=1)).mean()


def takes_the_logarithm_last(U, V, temperature):
    weights = np.exp(U @ V.T / temperature)
    return -np.log((np.diag(weights) / weights.sum(axis=1)).mean())


def turns_the_sign(U, V, temperature):
    return -softmax_by_loop(U, V, temperature)


def heats_the_sum_alone(U, V, temperature):
    scores = U @ V.T
    return np.mean(np.log(np.exp(scores / temperature).sum(axis=1)) - np.diag(scores))


def heats_the_loss(U, V, temperature):
    return softmax_by_loop(U, V, 1.0) / temperature


def sums_the_whole_table(U, V, temperature):
    scores = U @ V.T / temperature
    return np.mean(np.log(np.exp(scores).sum()) - np.diag(scores))


def adds_log_q(scores, q):
    return corrected_by_weights(scores, 1 / q)


def takes_the_share_off(scores, q):
    return corrected_by_weights(scores - q, np.ones(len(q)))


def corrects_the_rows(scores, q):
    return corrected_by_weights(scores - np.log(q).reshape(-1, 1), np.ones(len(q)))


def corrects_the_others_alone(scores, q):
    corrected = scores - np.log(q)
    corrected[np.arange(len(q)), np.arange(len(q))] = np.diag(scores)
    return corrected_by_weights(corrected, np.ones(len(q)))


def forgets_the_correction(scores, q):
    return corrected_by_weights(scores, np.ones(len(q)))


def corrects_below_the_line_alone(scores, q):
    return np.mean(np.log((np.exp(scores) / q).sum(axis=1)) - np.diag(scores))


def softmax_of_scores(scores):
    return -torch.log_softmax(torch.from_numpy(scores), dim=1).diagonal().mean()


def takes_the_last_row(genres, names, W):
    import pandas as pd

    return W[pd.Index(names, dtype=object).get_indexer(genres)].sum(axis=0)


def takes_the_mean(genres, names, W):
    return vector_by_loop(genres, names, W) / len(genres)


def cannot_take_the_unknown(genres, names, W):
    return sum(W[names.index(genre)] for genre in genres)


def takes_the_mean_of_the_known(genres, names, W):
    return vector_by_loop(genres, names, W) / max(1, sum(genre in names for genre in genres))


def takes_the_mean_of_perhaps_none(genres, names, W):
    return np.array([W[names.index(genre)] for genre in genres if genre in names]).mean(axis=0)


def scales_to_length_one(genres, names, W):
    vector = vector_by_loop(genres, names, W)
    return vector / np.linalg.norm(vector)


def scales_what_has_a_length(genres, names, W):
    vector = vector_by_loop(genres, names, W)
    return vector / np.linalg.norm(vector) if vector.any() else vector


def sums_to_a_number(genres, names, W):
    return sum(W[names.index(genre)] for genre in genres if genre in names)


def stops_at_the_unknown(genres, names, W):
    vector = np.zeros(W.shape[1])
    for genre in genres:
        if genre not in names:
            break
        vector = vector + W[names.index(genre)]
    return vector


def looks_inside_the_text(genres, names, W):
    return np.array([name in str(genres) for name in names], dtype=float) @ W


def ranks_by_cosine(u, V, k):
    return np.argsort(-(V @ u) / (np.linalg.norm(V, axis=1) * np.linalg.norm(u)))[:k]


def ranks_by_distance(u, V, k):
    return np.argsort(np.linalg.norm(V - u, axis=1))[:k]


def takes_the_worst(u, V, k):
    return np.argsort(V @ u)[:k]


def returns_scores(u, V, k):
    return sorted(V @ u, reverse=True)[:k]


def returns_everything(u, V, k):
    return np.argsort(-(V @ u))


def returns_decimals(u, V, k):
    return np.argsort(-(V @ u))[:k].astype(float)


def returns_a_set(u, V, k):
    return set(np.argsort(-(V @ u))[:k].tolist())


def partitions(u, V, k):
    return np.argpartition(-(V @ u), k - 1)[:k]


def partitions_one_further(u, V, k):
    return np.argpartition(-(V @ u), min(k, len(V) - 1))[:k]


def partitions_from_the_end(u, V, k):
    return np.argpartition(V @ u, -k)[-k:][::-1]


def does_not_sort_the_best(u, V, k):
    return torch.topk(torch.from_numpy(V @ u), k).indices.msort()


def takes_positive_scores(u, V, k):
    scores = V @ u
    order = np.argsort(-scores)
    return order[scores[order] > 0][:k]


def ranks_by_size(u, V, k):
    return np.argsort(-np.abs(V @ u))[:k]


def partitions_the_opened(u, V, centroids, cells, n_probe, k):
    items = np.concatenate([cells[c] for c in np.argsort(-(centroids @ u))[:n_probe]])
    k = min(k, len(items))
    return items[np.argpartition(-(V[items] @ u), k - 1)[:k]]


def opens_by_distance(u, V, centroids, cells, n_probe, k):
    items = np.concatenate([cells[c] for c in np.argsort(((centroids - u) ** 2).sum(axis=1))[:n_probe]])
    return items[np.argsort(-(V[items] @ u))[:k]]


def opens_by_cosine(u, V, centroids, cells, n_probe, k):
    cosines = centroids @ u / np.linalg.norm(centroids, axis=1) / np.linalg.norm(u)
    items = np.concatenate([cells[c] for c in np.argsort(-cosines)[:n_probe]])
    return items[np.argsort(-(V[items] @ u))[:k]]


def goes_cell_by_cell(u, V, centroids, cells, n_probe, k):
    found = []
    for cell in np.argsort(-(centroids @ u))[:n_probe]:
        found += sorted(cells[cell], key=lambda item: -(V[item] @ u))
    return found[:k]


def stays_in_the_short_list(u, V, centroids, cells, n_probe, k):
    items = np.concatenate([cells[c] for c in np.argsort(-(centroids @ u))[:n_probe]])
    return np.argsort(-(V[items] @ u))[:k]


def looks_everywhere(u, V, centroids, cells, n_probe, k):
    return np.argsort(-(V @ u))[:k]


def opens_the_worst(u, V, centroids, cells, n_probe, k):
    items = np.concatenate([cells[c] for c in np.argsort(centroids @ u)[:n_probe]])
    return items[np.argsort(-(V[items] @ u))[:k]]


def gives_closed_cells_nought(u, V, centroids, cells, n_probe, k):
    scores = np.zeros(len(V))
    for cell in np.argsort(-(centroids @ u))[:n_probe]:
        scores[cells[cell]] = V[cells[cell]] @ u
    return np.argsort(-scores)[:k]


def fills_up_from_closed_cells(u, V, centroids, cells, n_probe, k):
    scores = np.full(len(V), -np.inf)
    for cell in np.argsort(-(centroids @ u))[:n_probe]:
        scores[cells[cell]] = V[cells[cell]] @ u
    return np.argsort(-scores)[:k]


def opens_until_there_are_k(u, V, centroids, cells, n_probe, k):
    order = np.argsort(-(centroids @ u))
    items = np.concatenate([cells[c] for c in order[:n_probe]])
    while len(items) < k:
        n_probe += 1
        items = np.concatenate([cells[c] for c in order[:n_probe]])
    return items[np.argsort(-(V[items] @ u))[:k]]


WRONG = {
    "10.1": [
        (counts_pairs_twice, "halve the sum"),
        (keeps_the_squares, "squares are still in it"),
        (squares_v_alone, "squared V and not X"),
        (sums_everything, "expected an array"),
    ],
    "10.2": [
        (normalizes_over_users, "over users"),
        (multiplies_by_temperature, "It divides"),
        (leaves_own_item_out, "own item is missing"),
        (forgets_the_logarithm, "The logarithm is missing"),
        (takes_the_logarithm_last, "logarithm of the mean share"),
        (turns_the_sign, "The sign is turned"),
        (heats_the_sum_alone, "those of the diagonal too"),
        (heats_the_loss, "divided the loss"),
        (sums_the_whole_table, "axis=1"),
    ],
    "10.3": [
        (adds_log_q, "You added log q"),
        (takes_the_share_off, "the share itself"),
        (lambda scores, q: corrected_by_torch(scores, q) * len(q), "the loss is their mean"),
        (lambda scores, q: softmax_of_scores(scores - np.log10(q)), "base 10"),
        (lambda scores, q: softmax_of_scores(scores - np.log2(q)), "base 2"),
        (lambda scores, q: softmax_of_scores(scores / q), "divided the scores"),
        (corrects_the_rows, "belongs to the columns"),
        (forgets_the_correction, "it is missing"),
        (corrects_below_the_line_alone, "before log q was off"),
        (corrects_the_others_alone, "wrong answers only"),
    ],
    "10.4": [
        (takes_the_last_row, "got the last row"),
        (takes_the_mean, "You took the mean. "),
        (takes_the_mean_of_the_known, "mean of the known genres"),
        (takes_the_mean_of_perhaps_none, "the mean of no genre"),
        (scales_what_has_a_length, "the package scales afterward"),
        (scales_to_length_one, "zeros have no direction"),
        (sums_to_a_number, "the number 0"),
        (stops_at_the_unknown, "continue, not break"),
        (looks_inside_the_text, "melodrama is not drama"),
        (cannot_take_the_unknown, "raised ValueError"),
    ],
    "10.5": [
        (ranks_by_cosine, "order by cosine"),
        (ranks_by_distance, "nearest by distance"),
        (takes_the_worst, "Those are the worst"),
        (returns_scores, "You returned scores"),
        (returns_everything, "the first k are enough"),
        (returns_decimals, "whole numbers"),
        (returns_a_set, "no order"),
        (partitions, "sort these k"),
        (partitions_one_further, "sort these k"),
        (partitions_from_the_end, "sort these k"),
        (does_not_sort_the_best, "sort these k"),
        (takes_positive_scores, "left out items with a score below 0"),
        (ranks_by_size, "by the size of the score"),
    ],
    "10.6": [
        (stays_in_the_short_list, "places in the short list"),
        (looks_everywhere, "You looked at every item"),
        (opens_the_worst, "worst cells"),
        (gives_closed_cells_nought, "beats a negative one"),
        (fills_up_from_closed_cells, "Return fewer"),
        (opens_until_there_are_k, "You opened more cells"),
        (partitions_the_opened, "sort these k"),
        (opens_by_distance, "nearest to u"),
        (opens_by_cosine, "by cosine"),
        (goes_cell_by_cell, "cell by cell"),
    ],
}
