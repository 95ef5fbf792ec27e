"""Answers to the exercises of chapter 17: right ones, written in other ways than the reference, and wrong ones."""

import numpy as np


def by_loop(row, B, item):
    return [row[j] * B[j, item] for j in range(len(row))]


def by_where(row, B, item):
    return np.where(row > 0, B.T[item], 0)


def ials_by_loop(H, counts, item, alpha, penalty):
    n_items, n_factors = H.shape
    A = penalty * np.eye(n_factors)
    for j in range(n_items):
        A = A + (1 + alpha * counts[j]) * np.outer(H[j], H[j])
    parts = np.zeros(n_items)
    for j in range(n_items):
        if counts[j] > 0:
            parts[j] = H[item] @ np.linalg.inv(A) @ H[j] * (1 + alpha * counts[j])
    return parts


def ials_by_smoother(H, counts, item, alpha, penalty):
    C = np.diag(1 + alpha * counts)
    A = H.T @ C @ H + penalty * np.identity(H.shape[1])
    return H[item] @ np.linalg.solve(A, H.T @ C) * (counts > 0)


def ials_without_mask(H, counts, item, alpha, penalty):
    C = np.diag(1 + alpha * counts)
    return H[item] @ np.linalg.solve(H.T @ C @ H + penalty * np.eye(H.shape[1]), H.T @ C)


def ials_sum(H, counts, item, alpha, penalty):
    return ials_by_smoother(H, counts, item, alpha, penalty).sum()


def ials_row_of_alpha(H, counts, item, alpha, penalty):
    C = np.diag(1.0 + alpha * (counts > 0))
    return H[item] @ np.linalg.solve(H.T @ C @ H + penalty * np.eye(H.shape[1]), H.T @ C) * (counts > 0)


def ials_of_all(H, counts, item, alpha, penalty):
    A = H.T @ H + penalty * np.eye(H.shape[1])
    return np.where(counts > 0, (1 + alpha * counts) * (H @ np.linalg.inv(A) @ H[item]), 0)


def ials_no_penalty_one(H, counts, item, alpha, penalty):
    C = np.diag(1 + alpha * counts)
    return H[item] @ np.linalg.solve(H.T @ C @ H + penalty, H.T @ C) * (counts > 0)


def ials_with(matrix):
    def answer(H, counts, item, alpha, penalty):
        A = matrix(H, counts, alpha) + penalty * np.eye(H.shape[1])
        return (1 + alpha * counts) * (H @ np.linalg.solve(A, H[item])) * (counts > 0)

    return answer


def mmr_by_python(scores, similar, k, trade_off):
    left = list(range(len(scores)))
    chosen = [max(left, key=lambda i: scores[i])]
    while len(chosen) < k:
        rest = [i for i in left if i not in chosen]
        best = max(rest, key=lambda i: (1 - trade_off) * scores[i] - trade_off * max(similar[i][j] for j in chosen))
        chosen.append(best)
    return chosen


def mmr_running(scores, similar, k, trade_off):
    chosen, nearest = [], np.full(len(scores), -np.inf)
    for step in range(k):
        value = scores if step == 0 else (1 - trade_off) * scores - trade_off * nearest
        value = value.astype(float).copy()
        value[chosen] = -np.inf
        chosen.append(int(np.argmax(value)))
        nearest = np.maximum(nearest, similar[chosen[-1]])
    return np.array(chosen)


def mmr_of(combine):
    def answer(scores, similar, k, trade_off):
        chosen = [int(scores.argmax())]
        while len(chosen) < k:
            value = combine(scores, similar[:, chosen], trade_off)
            value[chosen] = -np.inf
            chosen.append(int(value.argmax()))
        return chosen

    return answer


def mmr_from_zero(scores, similar, k, trade_off):
    chosen, nearest = [int(scores.argmax())], np.zeros(len(scores))
    while len(chosen) < k:
        nearest = np.maximum(nearest, similar[:, chosen[-1]])
        value = (1 - trade_off) * scores - trade_off * nearest
        value[chosen] = -np.inf
        chosen.append(int(value.argmax()))
    return chosen


def mmr_ties_to_the_right(scores, similar, k, trade_off):
    chosen, value = [], scores.astype(float)
    while len(chosen) < k:
        chosen.append(len(scores) - 1 - int(value[::-1].argmax()))
        value = (1 - trade_off) * scores - trade_off * similar[:, chosen].max(axis=1)
        value[chosen] = -np.inf
    return chosen


def mmr_masked_by_minus_one(scores, similar, k, trade_off):
    chosen = [int(scores.argmax())]
    while len(chosen) < k:
        value = (1 - trade_off) * scores - trade_off * similar[:, chosen].max(axis=1)
        value[chosen] = -1
        chosen.append(int(value.argmax()))
    return chosen


def mmr_last_first(scores, similar, k, trade_off):
    return mmr_by_python(scores, similar, k, trade_off)[::-1]


def mmr_scores(scores, similar, k, trade_off):
    return scores[mmr_by_python(scores, similar, k, trade_off)]


def mmr_too_many(scores, similar, k, trade_off):
    return mmr_by_python(scores, similar, min(k + 1, len(scores)), trade_off)


def mmr_from_value(scores, similar, k, trade_off):
    """Begin with the film that is least like all others."""
    chosen = [int(((1 - trade_off) * scores - trade_off * (similar - np.eye(len(scores))).max(axis=1)).argmax())]
    while len(chosen) < k:
        value = (1 - trade_off) * scores - trade_off * similar[:, chosen].max(axis=1)
        value[chosen] = -np.inf
        chosen.append(int(value.argmax()))
    return chosen


def divergence_by_loop(target, shares, alpha):
    total = 0.0
    for p, q in zip(target, shares, strict=True):
        if p > 0:
            total += p * np.log(p / ((1 - alpha) * q + alpha * p))
    return total


def divergence_by_entropy(target, shares, alpha):
    mixed = (1 - alpha) * shares + alpha * target
    safe = np.where(target > 0, target, 1)
    return np.sum(target * np.log(safe)) - np.sum(target * np.log(np.where(target > 0, mixed, 1)))


def divergence_plain(target, shares, alpha):
    mixed = (1 - alpha) * shares + alpha * target
    return np.sum(target * np.log(target / mixed))


def divergence_unmixed(target, shares, alpha):
    known = target > 0
    return np.sum(target[known] * np.log(target[known] / shares[known]))


def divergence_reversed(target, shares, alpha):
    mixed, known = mixed_of(target, shares, alpha), target > 0
    return np.sum(mixed[known] * np.log(mixed[known] / target[known]))


def mixed_of(target, shares, alpha):
    return (1 - alpha) * shares + alpha * target


def exposure_by_loop(ranked, in_group):
    inside = everything = 0.0
    for row in ranked:
        for rank, item in enumerate(row, start=1):
            everything += 1 / np.log2(1 + rank)
            inside += in_group[item] / np.log2(1 + rank)
    return inside / everything


def exposure_by_items(ranked, in_group):
    weight = np.tile(1 / np.log(np.arange(ranked.shape[1]) + 2), (len(ranked), 1))
    per_item = np.bincount(ranked.ravel(), weight.ravel(), minlength=len(in_group))
    return per_item[in_group].sum() / per_item.sum()


def exposure_with(weights):
    def answer(ranked, in_group):
        w = np.tile(weights(ranked.shape[1]), (len(ranked), 1))
        return (w * in_group[ranked]).sum() / w.sum()

    return answer


def policy_by_loop(rewards, target, logging):
    total = weight = 0.0
    for r, t, p in zip(rewards, target, logging, strict=True):
        total += r * t / p
        weight += t / p
    return total / len(rewards), total / weight


def policy_by_average(rewards, target, logging):
    w = target / logging
    return np.array([np.dot(rewards, w) / w.size, np.average(rewards, weights=w)])


RIGHT = {
    "17.1": [by_loop, by_where],
    "17.2": [ials_by_loop, ials_by_smoother],
    "17.3": [mmr_by_python, mmr_running],
    "17.4": [divergence_by_loop, divergence_by_entropy],
    "17.5": [exposure_by_loop, exposure_by_items],
    "17.6": [policy_by_loop, policy_by_average],
}

WRONG = {
    "17.1": [
        (lambda row, B, item: row * B[item], "took a row of B"),
        (lambda row, B, item: row @ B[:, item], "a single number"),
        (lambda row, B, item: B[:, item], "weights of all films"),
        (lambda row, B, item: row @ B, "scores of all films"),
        (lambda row, B, item: np.abs(row * B[:, item]), "Keep the sign"),
        (lambda row, B, item: B[row > 0, item], "watched films alone"),
        (lambda row, B, item: row[:, None] * B, "for each pair of films"),
        (lambda row, B, item: np.round(row * B[:, item], 3), "rounded"),
        (lambda row, B, item: (row * B)[:, item], "multiplied by row[item]"),
    ],
    "17.2": [
        (ials_without_mask, "film without interaction"),
        (ials_sum, "a single number"),
        (ials_of_all, "the same for everybody"),
        (ials_no_penalty_one, "belongs on the diagonal"),
        (ials_row_of_alpha, "replaced the counts by 1"),
        (ials_with(lambda H, n, alpha: H.T @ H + (H.T * (1 + alpha * n)) @ H), "counts every film twice"),
        (ials_with(lambda H, n, alpha: (H.T * alpha * n) @ H), "H.T @ H is missing"),
        (ials_with(lambda H, n, alpha: H.T @ H + (H.T * n) @ H), "alpha is missing in A"),
        (lambda H, n, item, alpha, penalty: ials_by_smoother(H, n, item, alpha, penalty)[n > 0], "watched films alone"),
        (
            lambda H, counts, item, alpha, penalty: np.where(counts > 0, (1 + alpha * counts) * (H @ H[item]), 0),
            "inverse of A is missing",
        ),
        (
            lambda H, counts, item, alpha, penalty: (
                ials_by_smoother(H, counts, item, alpha, penalty) * alpha * counts / (1 + alpha * counts)
            ),
            "Your weights are alpha",
        ),
    ],
    "17.3": [
        (lambda scores, similar, k, trade_off: np.argsort(-scores, kind="stable")[:k], "the ranking by score"),
        (mmr_of(lambda s, near, t: (1 - t) * s - t * near.max()), "the same number from every film"),
        (mmr_of(lambda s, near, t: (1 - t) * s - t * near.mean(axis=1)), "mean similarity"),
        (mmr_of(lambda s, near, t: (1 - t) * s - t * near.sum(axis=1)), "sum of the similarities"),
        (mmr_of(lambda s, near, t: (1 - t) * s - t * near[:, -1]), "chosen last only"),
        (mmr_of(lambda s, near, t: t * s - (1 - t) * near.max(axis=1)), "two weights are swapped"),
        (mmr_of(lambda s, near, t: s - near.max(axis=1)), "equal weights"),
        (mmr_of(lambda s, near, t: (1 - t) * s - t * np.maximum(near.max(axis=1), 0)), "never below 0"),
        (mmr_from_zero, "never below 0"),
        (mmr_of(lambda s, near, t: (1 - t) * s - t * np.abs(near).max(axis=1)), "absolute similarity"),
        (mmr_of(lambda s, near, t: 0.5 * s - 0.5 * near.max(axis=1)), "equal weights"),
        (mmr_ties_to_the_right, "the higher position"),
        (mmr_masked_by_minus_one, "the value -1"),
        (lambda scores, similar, k, trade_off: sorted(mmr_by_python(scores, similar, k, trade_off)), "sorted by pos"),
        (mmr_last_first, "reverse order"),
        (mmr_scores, "The result differs"),
        (mmr_too_many, "The result differs"),
        (mmr_from_value, "first film of your list is not"),
    ],
    "17.4": [
        (divergence_plain, "NaN"),
        (divergence_reversed, "swapped the two"),
        (lambda target, shares, alpha: divergence_by_loop(target, shares, 0.01), "weight .01"),
        (lambda target, shares, alpha: divergence_by_loop(target, shares, 0.2), "weight .2"),
        (lambda target, shares, alpha: divergence_by_loop(target, shares, alpha) / np.log(10), "log10"),
        (lambda target, shares, alpha: divergence_unmixed(target, shares + 1e-9, alpha), "another formula"),
        (divergence_unmixed, "infinite"),
        (lambda target, shares, alpha: divergence_by_loop(target, shares, alpha) / np.log(2), "log2"),
        (lambda target, shares, alpha: -divergence_by_loop(target, shares, alpha), "sign is reversed"),
        (lambda target, shares, alpha: divergence_by_loop(target, shares, 1 - alpha), "weights of the mixture"),
        (
            lambda target, shares, alpha: (target * np.log(np.maximum(target, 1e-9) / mixed_of(target, shares, alpha)))[
                target > 0
            ],
            "number for each genre",
        ),
        (lambda target, shares, alpha: np.abs(target - shares).sum(), "The result differs"),
    ],
    "17.5": [
        (lambda ranked, in_group: in_group[ranked].mean(), "counted places"),
        (lambda ranked, in_group: in_group.mean(), "does not use the lists"),
        (exposure_with(lambda k: 1 / np.arange(1, k + 1)), "1 / rank"),
        (exposure_with(lambda k: 1 / np.log2(np.arange(3, k + 3))), "off by one"),
        (exposure_with(lambda k: np.log2(np.arange(2, k + 2))), "grow with the rank"),
        (
            lambda ranked, in_group: (in_group[ranked] / np.log2(np.arange(2, ranked.shape[1] + 2))).sum(),
            "without dividing by the exposure of all",
        ),
        (lambda ranked, in_group: exposure_by_loop(ranked, ~in_group), "outside the group"),
        (lambda ranked, in_group: np.float64(exposure_by_loop(ranked, in_group)) / in_group.sum(), "as well"),
        (exposure_with(lambda k: 1 / np.log2(np.arange(1, k + 1))), "log2(rank)"),
        (lambda ranked, in_group: exposure_by_loop(ranked.T, in_group), "over the people"),
        (lambda ranked, in_group: exposure_by_loop(ranked[:1], in_group), "first list only"),
        (lambda ranked, in_group: 100 * exposure_by_loop(ranked, in_group), "in percent"),
    ],
    "17.6": [
        (lambda rewards, target, logging: policy_by_loop(rewards, target, logging)[0], "two numbers"),
        (lambda rewards, target, logging: policy_by_loop(rewards, target, logging)[::-1], "wrong order"),
        (lambda rewards, target, logging: policy_by_average(rewards, logging, target), "upside down"),
        (
            lambda rewards, target, logging: policy_by_average(rewards, np.minimum(target, 10 * logging), logging),
            "cut the weights off at 10",
        ),
        (lambda rewards, target, logging: policy_by_loop(rewards, target, np.ones(len(rewards))), "alone"),
        (lambda rewards, target, logging: policy_by_loop(rewards, np.ones(len(rewards)), logging), "1 / logging"),
        (
            lambda rewards, target, logging: (
                np.sum(rewards * target / logging),
                policy_by_loop(rewards, target, logging)[1],
            ),
            "is a sum",
        ),
        (
            lambda rewards, target, logging: (rewards.mean(), policy_by_loop(rewards, target, logging)[1]),
            "The result differs",
        ),
    ],
}
