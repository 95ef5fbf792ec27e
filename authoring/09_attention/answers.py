"""Answers to the exercises of chapter 09: right ones, written differently from the references, and wrong ones."""

from itertools import combinations

import numpy as np
import torch
from torch.nn import functional as F


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rows_softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def attend_by_loop(query, keys, values):
    weights = [np.exp(sum(q * k for q, k in zip(query, key, strict=True)) / len(query) ** 0.5) for key in keys]
    mixed = np.zeros(values.shape[1])
    for weight, value in zip(weights, values, strict=True):
        mixed += weight / sum(weights) * value
    return mixed


def attend_by_torch(query, keys, values):
    parts = [torch.from_numpy(part) for part in (query[None], keys, values)]
    return F.scaled_dot_product_attention(*parts)[0]


def causal_by_loop(Q, K, V):
    out = np.zeros(V.shape)
    for row in range(len(Q)):
        for t in range(Q.shape[1]):
            out[row, t] = attend_by_loop(Q[row, t], K[row, : t + 1], V[row, : t + 1])
    return out


def causal_by_exponentials(Q, K, V):
    weights = np.tril(np.exp(np.einsum("nqd,nkd->nqk", Q, K) / np.sqrt(Q.shape[2])))
    return weights / weights.sum(axis=2, keepdims=True) @ V


def causal_by_torch(Q, K, V):
    return F.scaled_dot_product_attention(*(torch.from_numpy(part) for part in (Q, K, V)), is_causal=True)


def gap_by_pairs(read, items):
    largest = 0.0
    for i, j in combinations(range(len(items) - 1), 2):
        order = np.arange(len(items))
        order[i], order[j] = j, i
        largest = max(largest, np.abs(read(items[order])[-1] - read(items)[-1]).max())
    return largest


def gap_by_list(read, items):
    n, last = len(items), read(items)[-1]
    gaps = []
    for i in range(n - 1):
        for j in range(n - 1):
            row = list(items)
            row[i], row[j] = row[j], row[i]
            gaps.append(max(abs(a - b) for a, b in zip(read(np.array(row))[-1], last, strict=True)))
    return max(gaps)


def ahead_by_loop(read, items, other):
    before, ahead = read(items), 0
    for j in range(len(items)):
        row = np.array([other if place == j else item for place, item in enumerate(items)])
        after = read(row)
        for i in range(j):
            if not np.allclose(before[i], after[i]):
                ahead = max(ahead, j - i)
    return ahead


def ahead_from_far(read, items, other):
    n = len(items)
    for distance in range(n - 1, 0, -1):
        for i in range(n - distance):
            row = items.copy()
            row[i + distance] = other
            if np.abs(read(row)[i] - read(items)[i]).max() > 1e-9:
                return distance
    return 0


def losses_by_loop(states, vectors, right, drawn):
    full, sampled = [], []
    for state, j, others in zip(states, right, drawn, strict=True):
        scores = vectors @ state
        full.append(np.log(np.exp(scores).sum()) - scores[j])
        sampled.append(-np.log(sigmoid(scores[j])))
        sampled += [-np.log(1 - sigmoid(scores[other])) for other in others]
    return np.mean(full), np.mean(sampled)


def losses_by_torch(states, vectors, right, drawn):
    scores = torch.from_numpy(states @ vectors.T)
    full = F.cross_entropy(scores, torch.from_numpy(right))
    some = scores.gather(1, torch.from_numpy(np.hstack([right[:, None], drawn])))
    labels = torch.zeros_like(some)
    labels[:, 0] = 1
    return full.item(), F.binary_cross_entropy_with_logits(some, labels).item()


def believed_by_score(p, n_drawn):
    with np.errstate(divide="ignore"):
        return sigmoid(np.log(p) + np.log(len(p)) - np.log(n_drawn))


def believed_by_loop(p, n_drawn):
    m = len(p)
    return [m * chance / (m * chance + n_drawn) for chance in p]


def believed_by_bisection(p, n_drawn):
    low, high = np.full(len(p), -60.0), np.full(len(p), 60.0)
    for _ in range(60):
        s = (low + high) / 2
        slope = n_drawn / len(p) * sigmoid(s) - p * (1 - sigmoid(s))
        low, high = np.where(slope < 0, s, low), np.where(slope < 0, high, s)
    return sigmoid(low)


RIGHT = {
    "9.1": [attend_by_loop, attend_by_torch],
    "9.2": [causal_by_loop, causal_by_exponentials, causal_by_torch],
    "9.3": [gap_by_pairs, gap_by_list],
    "9.4": [ahead_by_loop, ahead_from_far],
    "9.5": [losses_by_loop, losses_by_torch],
    "9.6": [believed_by_score, believed_by_loop, believed_by_bisection],
}


def forgets_the_root(query, keys, values):
    return rows_softmax(query @ keys.T) @ values


def gives_weights(query, keys, values):
    return rows_softmax(query @ keys.T / len(query) ** 0.5)


def divides_by_d(query, keys, values):
    return rows_softmax(query @ keys.T / len(query)) @ values


def copies_the_root_of_two(query, keys, values):
    weights = np.exp(keys @ query / np.sqrt(2))
    return weights / weights.sum() @ values


def takes_the_root_of_the_keys(query, keys, values):
    return rows_softmax(query @ keys.T / len(keys) ** 0.5) @ values


def uses_the_products(query, keys, values):
    return keys @ query / np.sqrt(len(query)) @ values


def divides_by_the_sum(query, keys, values):
    products = keys @ query / np.sqrt(len(query))
    return (products / products.sum()) @ values


def compares_with_the_values(query, keys, values):
    return rows_softmax(query @ values.T) @ keys


def reads_everything(Q, K, V):
    return F.scaled_dot_product_attention(*(torch.from_numpy(part) for part in (Q, K, V)))


def reads_the_next(Q, K, V):
    weights = np.tril(np.exp(Q @ K.swapaxes(1, 2) / np.sqrt(Q.shape[2])), 1)
    return weights / weights.sum(axis=2, keepdims=True) @ V


def masks_too_late(Q, K, V):
    return np.tril(rows_softmax(Q @ K.swapaxes(1, 2) / np.sqrt(Q.shape[2]))) @ V


def masks_with_zero(Q, K, V):
    return rows_softmax(np.tril(Q @ K.swapaxes(1, 2) / np.sqrt(Q.shape[2]))) @ V


def causal_with_root(root):
    def causal(Q, K, V):
        weights = np.tril(np.exp(Q @ K.swapaxes(1, 2) / np.sqrt(root(Q, V))))
        return weights / weights.sum(axis=2, keepdims=True) @ V

    return causal


def masks_four_places(Q, K, V):
    weights = np.exp(Q @ K.swapaxes(1, 2) / np.sqrt(Q.shape[2])) * np.tril(np.ones((4, 4)))
    return weights / weights.sum(axis=2, keepdims=True) @ V


def masks_itself(Q, K, V):
    weights = np.tril(np.exp(Q @ K.swapaxes(1, 2) / np.sqrt(Q.shape[2])), -1)
    return weights / weights.sum(axis=2, keepdims=True) @ V


def masks_by_the_products(Q, K, V):
    A = Q @ K.swapaxes(-1, -2) / np.sqrt(Q.shape[-1])
    weights = np.exp(np.where(np.tril(A), A, -np.inf))
    return weights / weights.sum(axis=-1, keepdims=True) @ V


def transposes_all_axes(Q, K, V):
    return rows_softmax(Q @ K.T) @ V


def swaps_the_last(read, items):
    row = lambda i, j: np.array([items[j] if t == i else items[i] if t == j else items[t] for t in range(len(items))])  # noqa: E731
    n = len(items)
    return max(np.abs(read(row(i, j))[-1] - read(items)[-1]).max() for i in range(n) for j in range(i))


def compares_all_states(read, items):
    gaps = []
    for i, j in combinations(range(len(items) - 1), 2):
        row = items.copy()
        row[i], row[j] = items[j], items[i]
        gaps.append(np.abs(read(row) - read(items)).max())
    return max(gaps)


def swaps_the_first_two(read, items):
    return np.abs(read(items[[1, 0, *range(2, len(items))]])[-1] - read(items)[-1]).max()


def swaps_neighbors(read, items):
    gap = 0
    for i in range(len(items) - 2):
        row = items.copy()
        row[i], row[i + 1] = items[i + 1], items[i]
        gap = max(gap, np.abs(read(row)[-1] - read(items)[-1]).max())
    return gap


def swaps_the_first(read, items):
    gap = 0
    for i in range(1, len(items) - 1):
        row = items.copy()
        row[0], row[i] = items[i], items[0]
        gap = max(gap, np.abs(read(row)[-1] - read(items)[-1]).max())
    return gap


def gap_by_size(size, start):
    def gap(read, items):
        largest = start
        for i, j in combinations(range(len(items) - 1), 2):
            row = items.copy()
            row[i], row[j] = items[j], items[i]
            largest = max(largest, size(read(row)[-1], read(items)[-1]))
        return largest

    return gap


def lists_all_changes(read, items):
    gaps = []
    for i in range(len(items) - 1):
        for j in range(i):
            row = items.copy()
            row[i], row[j] = items[j], items[i]
            gaps.append(np.abs(read(row)[-1] - read(items)[-1]).max())
    return gaps


def swaps_in_place(read, items):
    before = read(items)[-1]
    items[0], items[1] = items[1], items[0]
    return np.abs(read(items)[-1] - before).max()


def says_whether(read, items, other):
    return ahead_by_loop(read, items, other) > 0


def looks_at_all_states(read, items, other):
    before, ahead = read(items), 0
    for j in range(len(items)):
        row = items.copy()
        row[j] = other
        for i in np.flatnonzero(np.abs(read(row) - before).max(axis=1) > 1e-9):
            ahead = max(ahead, abs(i - j))
    return ahead


def changes_the_last(read, items, other):
    row = items.copy()
    row[-1] = other
    moved = np.flatnonzero(np.abs(read(row) - read(items)).max(axis=1) > 1e-9)
    return len(items) - 1 - moved[0]


def ahead_of_state_0(read, items, other):
    distance = 0
    for j in range(1, len(items)):
        row = items.copy()
        row[j] = other
        if not np.allclose(read(row)[0], read(items)[0]):
            distance = j
    return distance


def ahead_with(number):
    return lambda read, items, other: ahead_by_loop(read, items, number)


def ahead_by_sums(read, items, other):
    return ahead_by_loop(lambda row: read(row).sum(axis=1, keepdims=True), items, other)


def ahead_by_size(most):
    def answer(read, items, other):
        before, ahead = read(items), 0
        for j in range(len(items)):
            row = items.copy()
            row[j] = other
            after = read(row)
            ahead = max([ahead, *[j - i for i in range(j) if abs(after[i] - before[i]).max() > most]])
        return ahead

    return answer


def ahead_of_first_numbers(read, items, other):
    return ahead_by_loop(lambda row: read(row)[:, :1], items, other)


def ahead_on_one_copy(read, items, other):
    before, row, ahead = read(items), items.copy(), 0
    for j in range(len(items)):
        row[j] = other
        after = read(row)
        for i in range(j):
            if not np.allclose(before[i], after[i]):
                ahead = max(ahead, j - i)
    return ahead


def halves_two_means(states, vectors, right, drawn):
    s_right = (states * vectors[right]).sum(axis=1)
    s_drawn = (states[:, None] * vectors[drawn]).sum(axis=2)
    sampled = (-np.log(sigmoid(s_right)).mean() - np.log(sigmoid(-s_drawn)).mean()) / 2
    return losses_by_loop(states, vectors, right, drawn)[0], sampled


def skips_hits(states, vectors, right, drawn):
    costs = []
    for state, j, others in zip(states, right, drawn, strict=True):
        costs.append(-np.log(sigmoid(vectors[j] @ state)))
        costs += [-np.log(sigmoid(-vectors[other] @ state)) for other in others if other != j]
    return losses_by_loop(states, vectors, right, drawn)[0], np.mean(costs)


def takes_columns(states, vectors, right, drawn):
    full = -np.log(rows_softmax(states @ vectors.T)[:, right]).mean()
    return full, losses_by_loop(states, vectors, right, drawn)[1]


def takes_columns_twice(states, vectors, right, drawn):
    S = states @ vectors.T
    costs = np.append(-np.log(sigmoid(S[:, right])), -np.log(sigmoid(-S[:, drawn])))
    return -np.log(rows_softmax(S)[:, right]).mean(), costs.mean()


def takes_columns_of_the_drawn(states, vectors, right, drawn):
    S = states @ vectors.T
    costs = np.append(-np.log(sigmoid(S[np.arange(len(S)), right])), -np.log(sigmoid(-S[:, drawn])))
    return losses_by_loop(states, vectors, right, drawn)[0], costs.mean()


def divides_by_the_whole_sum(states, vectors, right, drawn):
    probabilities = np.exp(states @ vectors.T) / np.exp(states @ vectors.T).sum()
    full = -np.log(probabilities[np.arange(len(right)), right]).mean()
    return full, losses_by_loop(states, vectors, right, drawn)[1]


def pushes_up(states, vectors, right, drawn):
    scores = states @ vectors.T
    some = np.take_along_axis(scores, np.hstack([right[:, None], drawn]), axis=1)
    return losses_by_loop(states, vectors, right, drawn)[0], -np.log(sigmoid(some)).mean()


def sums_a_state(states, vectors, right, drawn):
    full, sampled = losses_by_loop(states, vectors, right, drawn)
    return full, sampled * (1 + drawn.shape[1])


def full_of_few(states, vectors, right, drawn):
    scores = states @ vectors.T
    some = np.take_along_axis(scores, np.hstack([right[:, None], drawn]), axis=1)
    full = np.log(np.exp(some).sum(axis=1)) - some[:, 0]
    return full.mean(), losses_by_loop(states, vectors, right, drawn)[1]


def gives_one_number(states, vectors, right, drawn):
    return losses_by_loop(states, vectors, right, drawn)[0]


def believes_the_truth(p, n_drawn):
    return p.copy()


def forgets_how_many(p, n_drawn):
    return p / (p + 1 / len(p))


def believes_in_four_films(p, n_drawn):
    return p / (p + n_drawn / 4)


def forgets_the_catalog(p, n_drawn):
    return p / (p + n_drawn)


def gives_the_odds(p, n_drawn):
    return np.exp(np.log(p + 1e-300) + np.log(len(p) / n_drawn))


def draws_where_not_right(p, n_drawn):
    return [chance / (chance + n_drawn / len(p) * (1 - chance)) for chance in p]


def gives_the_score(p, n_drawn):
    with np.errstate(divide="ignore"):
        return np.log(p) + np.log(len(p) / n_drawn)


def makes_them_sum_to_1(p, n_drawn):
    sigma = p / (p + n_drawn / len(p))
    return sigma / sigma.sum()


WRONG = {
    "9.1": [
        (forgets_the_root, "not divided by the root"),
        (uses_the_products, "weighted the values by the products themselves"),
        (gives_weights, "Those are the weights"),
        (divides_by_d, "You divided by d"),
        (copies_the_root_of_two, "by the root of 2"),
        (takes_the_root_of_the_keys, "by the root of the number of keys"),
        (divides_by_the_sum, "take np.exp of them first"),
        (compares_with_the_values, "do not fit together"),
    ],
    "9.2": [
        (reads_everything, "The mask is missing"),
        (reads_the_next, "off by one"),
        (masks_too_late, "after the softmax"),
        (masks_with_zero, "put -np.inf"),
        (causal_with_root(lambda Q, V: Q.shape[1]), "the root of the length of the row"),
        (causal_with_root(lambda Q, V: Q.shape[0]), "the root of the number of rows"),
        (causal_with_root(lambda Q, V: V.shape[-1]), "the root of the number of values"),
        (causal_with_root(lambda Q, V: 3), "expected 5"),
        (causal_with_root(lambda Q, V: 4), "The result differs"),
        (masks_itself, "leaves out the place itself"),
        (masks_by_the_products, "took the products for the mask"),
        (masks_four_places, "do not fit together number by number"),
        (transposes_all_axes, "do not fit together"),
    ],
    "9.3": [
        (swaps_the_last, "You swapped the last item"),
        (compares_all_states, "You compared all states"),
        (swaps_the_first_two, "one swap"),
        (swaps_neighbors, "neighbors only"),
        (swaps_the_first, "the first item only"),
        (gap_by_size(lambda new, old: (new - old).max(), 0), "you miss the numbers that fall"),
        (gap_by_size(lambda new, old: (new - old).max(), -np.inf), "may be below 0"),
        (gap_by_size(lambda new, old: (old - new).max(), 0), "you miss the numbers that rise"),
        (gap_by_size(lambda new, old: np.linalg.norm(new - old), 0), "the length of the change"),
        (gap_by_size(lambda new, old: np.abs(new - old).sum(), 0), "You added up the changes"),
        (gap_by_size(lambda new, old: abs(new.sum() - old.sum()), 0), "rises and falls cancel"),
        (gap_by_size(lambda new, old: abs((new - old).max()), 0), "larger than every rise"),
        (gap_by_size(lambda new, old: abs((old - new).max()), 0), "larger than every fall"),
        (gap_by_size(lambda new, old: abs(new[0] - old[0]), 0), "the first number of the state only"),
        (lists_all_changes, "Give one number"),
        (swaps_in_place, "changed its argument items"),
    ],
    "9.4": [
        (says_whether, "Asked is how far"),
        (looks_at_all_states, "states after the change"),
        (changes_the_last, "the last item only"),
        (ahead_of_state_0, "the first state only"),
        (ahead_with(9), "expected 2,"),
        (ahead_with(0), "expected 2,"),
        (ahead_with(7), "expected 2,"),
        (ahead_by_sums, "changes may cancel"),
        (ahead_by_size(0.05), "expected 1,"),
        (ahead_by_size(1e-3), "expected 1,"),
        (ahead_by_size(0.0), "You compared states exactly"),
        (ahead_of_first_numbers, "the first number of each state only"),
        (ahead_on_one_copy, "earlier changes in place"),
    ],
    "9.5": [
        (pushes_up, "pushed up"),
        (sums_a_state, "is the sum over the items of a state"),
        (full_of_few, "over the right and the drawn items only"),
        (gives_one_number, "expected 2"),
        (halves_two_means, "separately, then halved"),
        (skips_hits, "draws that hit the right film"),
        (takes_columns, "gives n columns"),
        (takes_columns_twice, "scores[:, right] and scores[:, drawn]"),
        (takes_columns_of_the_drawn, "holds each state against"),
        (divides_by_the_whole_sum, "its own softmax"),
    ],
    "9.6": [
        (believes_the_truth, "That is the true probability"),
        (forgets_how_many, "n_drawn items are drawn"),
        (believes_in_four_films, "The result differs"),
        (forgets_the_catalog, "not with probability 1"),
        (gives_the_odds, "That is the ratio"),
        (draws_where_not_right, "Here any film may be drawn"),
        (gives_the_score, "That is the best score s"),
        (makes_them_sum_to_1, "They need not"),
    ],
}
