"""Right answers to the exercises of chapter 10, written differently from the references."""

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


def best_by_partition(u, V, k):
    scores = V @ u
    best = np.argpartition(-scores, k - 1)[:k]
    return best[np.argsort(-scores[best])]


def probe_by_mask(u, V, centroids, cells, n_probe, k):
    scores = np.full(len(V), -np.inf)
    for cell in np.argsort(centroids @ u)[::-1][:n_probe]:
        scores[cells[cell]] = V[cells[cell]] @ u
    return np.argsort(-scores)[:k]


def probe_by_pairs(u, V, centroids, cells, n_probe, k):
    opened = sorted(range(len(centroids)), key=lambda c: -(centroids[c] @ u))[:n_probe]
    pairs = [(V[i] @ u, i) for c in opened for i in cells[c]]
    return [i for _, i in sorted(pairs, reverse=True)[:k]]


RIGHT = {
    "10.1": [crosses_by_loop, crosses_by_gram],
    "10.2": [softmax_by_loop, softmax_by_torch],
    "10.3": [corrected_by_weights, corrected_by_torch],
    "10.4": [vector_by_loop, vector_by_product],
    "10.5": [best_by_loop, best_by_partition],
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


def normalises_over_users(U, V, temperature):
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


def takes_the_last_row(genres, names, W):
    import pandas as pd

    return W[pd.Index(names).get_indexer(genres)].sum(axis=0)


def takes_the_mean(genres, names, W):
    return vector_by_loop(genres, names, W) / len(genres)


def cannot_take_the_unknown(genres, names, W):
    return sum(W[names.index(genre)] for genre in genres)


def ranks_by_cosine(u, V, k):
    return np.argsort(-(V @ u) / (np.linalg.norm(V, axis=1) * np.linalg.norm(u)))[:k]


def ranks_by_distance(u, V, k):
    return np.argsort(np.linalg.norm(V - u, axis=1))[:k]


def takes_the_worst(u, V, k):
    return np.argsort(V @ u)[:k]


def stays_in_the_short_list(u, V, centroids, cells, n_probe, k):
    items = np.concatenate([cells[c] for c in np.argsort(-(centroids @ u))[:n_probe]])
    return np.argsort(-(V[items] @ u))[:k]


def looks_everywhere(u, V, centroids, cells, n_probe, k):
    return np.argsort(-(V @ u))[:k]


def opens_the_worst(u, V, centroids, cells, n_probe, k):
    items = np.concatenate([cells[c] for c in np.argsort(centroids @ u)[:n_probe]])
    return items[np.argsort(-(V[items] @ u))[:k]]


WRONG = {
    "10.1": [
        (counts_pairs_twice, "halve the sum"),
        (keeps_the_squares, "squares are still in it"),
        (squares_v_alone, "squared V and not X"),
        (sums_everything, "expected an array"),
    ],
    "10.2": [
        (normalises_over_users, "over users"),
        (multiplies_by_temperature, "It divides"),
        (leaves_own_item_out, "own item is missing"),
        (forgets_the_logarithm, "expected"),
    ],
    "10.3": [
        (adds_log_q, "You added log q"),
        (takes_the_share_off, "the share itself"),
        (corrects_the_rows, "q belongs to the columns"),
        (corrects_the_others_alone, "wrong answers only"),
    ],
    "10.4": [
        (takes_the_last_row, "got the last row"),
        (takes_the_mean, "You took the mean"),
        (cannot_take_the_unknown, "raised ValueError"),
    ],
    "10.5": [
        (ranks_by_cosine, "order by cosine"),
        (ranks_by_distance, "nearest by distance"),
        (takes_the_worst, "Those are the worst"),
    ],
    "10.6": [
        (stays_in_the_short_list, "places in the short list"),
        (looks_everywhere, "You looked at every item"),
        (opens_the_worst, "worst cells"),
    ],
}
