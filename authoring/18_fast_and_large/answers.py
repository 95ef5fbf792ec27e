"""Answers to the exercises of chapter 18: right ones, written in other ways than the reference, and wrong ones."""

import math

import numpy as np
from scipy import stats
from sklearn.linear_model import Ridge


def slope_by_linregress(sizes, costs):
    return stats.linregress(np.log10(sizes), np.log10(costs)).slope


def slope_by_formula(sizes, costs):
    x, y = np.log(sizes), np.log(costs)
    return ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()


def slope_by_least_squares(sizes, costs):
    design = np.stack([np.log2(sizes), np.ones(len(sizes))], axis=1)
    return np.linalg.lstsq(design, np.log2(costs), rcond=None)[0][0]


def batch_by_ridge(columns, values, Q, regularization):
    rows = []
    for mine, stars in zip(columns, values, strict=True):
        known = mine < len(Q)
        if not known.any():
            rows.append(np.zeros(Q.shape[1]))
            continue
        rows.append(Ridge(alpha=regularization, fit_intercept=False).fit(Q[mine[known]], stars[known]).coef_)
    return np.array(rows)


def batch_by_mask(columns, values, Q, regularization):
    known = columns < len(Q)
    X = Q[np.where(known, columns, 0)] * known[..., None]
    A = np.einsum("bli,blj->bij", X, X) + regularization * np.eye(Q.shape[1])
    return np.linalg.solve(A, np.einsum("bli,bl->bi", X, values)[:, :, None]).squeeze(-1)


def batch_by_inverse(columns, values, Q, regularization):
    X = np.concatenate([Q, np.zeros((1, Q.shape[1]))])[columns]
    A = X.transpose(0, 2, 1) @ X + regularization * np.eye(Q.shape[1])
    return (np.linalg.inv(A) @ (X.transpose(0, 2, 1) @ values[..., None]))[..., 0]


def floor_step_by_step(n_ratings, n_users, n_factors, bytes_per_number, bandwidth):
    read = n_ratings * 4 + n_ratings * bytes_per_number
    written = n_users * n_factors * bytes_per_number
    return read / bandwidth / 10**9 + written / bandwidth / 10**9


def floor_in_gigabytes(n_ratings, n_users, n_factors, bytes_per_number, bandwidth):
    gigabytes = (n_ratings * (4 + bytes_per_number) + n_users * n_factors * bytes_per_number) / 1e9
    return gigabytes / bandwidth


def winners_by_loop(validation, test):
    chosen, later = [], []
    for v, t in zip(validation, test, strict=True):
        best = int(np.argmax(v))
        chosen.append(v[best])
        later.append(t[best])
    return sum(chosen) / len(chosen), sum(later) / len(later)


def winners_by_take_along_axis(validation, test):
    winner = validation.argmax(axis=1)[:, None]
    return validation.max(axis=1).mean(), np.take_along_axis(test, winner, axis=1).mean()


def halving_by_lists(scores, first):
    alive, spent, before = list(range(len(scores))), 0, 0
    n_rounds = scores.shape[1]
    for j in range(n_rounds):
        now = first * 2**j
        spent += len(alive) * (now - before)
        before = now
        ranked = sorted(alive, key=lambda s: -scores[s, j])
        alive = sorted(ranked[: len(alive) // 2]) if j + 1 < n_rounds else ranked
    return alive[0], spent


def halving_by_scores_of_minus_infinity(scores, first):
    scores, spent = scores.astype(float).copy(), 0
    n = len(scores)
    for j in range(scores.shape[1]):
        spent += n * (first if j == 0 else first * 2 ** (j - 1))
        if j < scores.shape[1] - 1:
            n = n // 2
            scores[np.argsort(-scores[:, j], kind="stable")[n:], j + 1 :] = -np.inf
    return int(np.argmax(scores[:, -1])), spent


def assembled_by_argsort(parts, n_rows):
    rows = np.concatenate([part[0] for part in parts])
    solved = np.vstack([part[1] for part in parts])
    return solved[np.argsort(rows)], sum(part[2] for part in parts)


def assembled_row_by_row(parts, n_rows):
    table, total = [None] * n_rows, 0.0
    for rows, solved, loss in parts:
        total += loss
        for place, vector in zip(rows, solved, strict=True):
            table[place] = vector
    return np.array(table), total


def plan_step_by_step(n_ratings, n_users, n_items, n_factors, memory_gb):
    half = memory_gb / 2
    ratings = 2 * 8 * n_ratings / 10**9
    users, items = (4 * n_factors * n / 10**9 for n in (n_users, n_items))
    n_workers = int(np.ceil(ratings / half))
    return n_workers, n_workers * (users + items) + users + items, max(users, items) <= half


def plan_by_division(n_ratings, n_users, n_items, n_factors, memory_gb):
    half = memory_gb * 5e8
    n_workers = int(-(-16 * n_ratings // half))
    network = (1 + n_workers) * (n_users + n_items) * n_factors * 4e-9
    return n_workers, network, 4 * n_factors * n_users <= half and 4 * n_factors * n_items <= half


RIGHT = {
    "18.1": [slope_by_linregress, slope_by_formula, slope_by_least_squares],
    "18.2": [batch_by_ridge, batch_by_mask, batch_by_inverse],
    "18.3": [floor_step_by_step, floor_in_gigabytes],
    "18.4": [winners_by_loop, winners_by_take_along_axis],
    "18.5": [halving_by_lists, halving_by_scores_of_minus_infinity],
    "18.6": [assembled_by_argsort, assembled_row_by_row],
    "18.7": [plan_step_by_step, plan_by_division],
}


def slope_of_raw_numbers(sizes, costs):
    return stats.linregress(sizes, costs).slope


def both_coefficients(sizes, costs):
    return np.polyfit(np.log(sizes), np.log(costs), 1)


def exchanged_axes(sizes, costs):
    with np.errstate(all="ignore"):
        x, y = np.log(costs), np.log(sizes)
        return ((x - x.mean()) * (y - y.mean())).sum() / max(((x - x.mean()) ** 2).sum(), 1e-300)


def logs_of_costs(sizes, costs):
    return np.polyfit(sizes, np.log10(costs) * np.log(10), 1)[0]


def first_and_last(sizes, costs):
    return (np.log(costs[-1]) - np.log(costs[0])) / (np.log(sizes[-1]) - np.log(sizes[0]))


def batch_without_padding(columns, values, Q, regularization):
    X = Q[columns]
    A = np.matmul(X.swapaxes(1, 2), X) + regularization * np.eye(Q.shape[1])
    return np.linalg.solve(A, np.matmul(values[:, None], X)[:, 0][..., None])[..., 0]


def batch_with_a_number_everywhere(columns, values, Q, regularization):
    X = np.vstack([Q, np.zeros(Q.shape[1])])[columns]
    A = np.matmul(X.swapaxes(1, 2), X) + regularization + 1e-9 * np.eye(Q.shape[1])
    return np.linalg.solve(A, np.matmul(values[:, None], X)[:, 0][..., None])[..., 0]


def batch_with_an_axis_too_many(columns, values, Q, regularization):
    return batch_by_mask(columns, values, Q, regularization)[..., None]


def batch_transposed(columns, values, Q, regularization):
    return batch_by_mask(columns, values, Q, regularization).T


def batch_in_the_wrong_order(columns, values, Q, regularization):
    X = np.vstack([Q, np.zeros(Q.shape[1])])[columns]
    A = np.matmul(X, X.swapaxes(1, 2)) + regularization * np.eye(X.shape[1])
    return np.linalg.solve(A, values[..., None])[..., 0]


def floor_without_columns(n_ratings, n_users, n_factors, bytes_per_number, bandwidth):
    return (n_ratings + n_users * n_factors) * bytes_per_number / bandwidth / 1e9


def floor_in_bytes(n_ratings, n_users, n_factors, bytes_per_number, bandwidth):
    return n_ratings * (4 + bytes_per_number) + n_users * n_factors * bytes_per_number


def floor_with_wide_columns(n_ratings, n_users, n_factors, bytes_per_number, bandwidth):
    return (2 * n_ratings + n_users * n_factors) * bytes_per_number / bandwidth / 1e9


def floor_of_float32(n_ratings, n_users, n_factors, bytes_per_number, bandwidth):
    return (8 * n_ratings + 4 * n_users * n_factors) / bandwidth / 1e9


def floor_without_unit(n_ratings, n_users, n_factors, bytes_per_number, bandwidth):
    return (n_ratings * (4 + bytes_per_number) + n_users * n_factors * bytes_per_number) / bandwidth


def best_of_both(validation, test):
    return validation.max(axis=1).mean(), test.max(axis=1).mean()


def one_winner_for_all(validation, test):
    winner = validation.mean(axis=0).argmax()
    return validation[:, winner].mean(), test[:, winner].mean()


def winners_as_arrays(validation, test):
    winner = validation.argmax(axis=1)
    rows = np.arange(len(validation))
    return validation[rows, winner], test[rows, winner]


def columns_of_winners(validation, test):
    winner = validation.argmax(axis=1)
    return validation[:, winner].mean(), test[:, winner].mean()


def only_the_test_score(validation, test):
    return winners_by_loop(validation, test)[1]


def best_at_the_end(scores, first):
    return int(scores[:, -1].argmax()), halving_by_lists(scores, first)[1]


def from_scratch(scores, first):
    n, spent = len(scores), 0
    for j in range(scores.shape[1]):
        spent += n * first * 2**j
        n //= 2
    return halving_by_lists(scores, first)[0], spent


def score_of_the_winner(scores, first):
    winner, spent = halving_by_lists(scores, first)
    return scores[winner, -1] + 0.001, spent


def only_the_winner(scores, first):
    return halving_by_lists(scores, first)[0]


def last_of_equals(scores, first):
    winner, spent = halving_by_lists(scores[::-1], first)
    return len(scores) - 1 - winner, spent


def in_order_of_arrival(parts, n_rows):
    return np.vstack([part[1] for part in parts]), sum(part[2] for part in parts)


def read_for_written(parts, n_rows):
    rows, solved = np.concatenate([part[0] for part in parts]), np.vstack([part[1] for part in parts])
    return solved[rows], sum(part[2] for part in parts)


def mean_loss(parts, n_rows):
    return assembled_by_argsort(parts, n_rows)[0], np.mean([part[2] for part in parts])


def list_of_losses(parts, n_rows):
    return assembled_by_argsort(parts, n_rows)[0], np.array([part[2] for part in parts])


def factors_only(parts, n_rows):
    return assembled_by_argsort(parts, n_rows)[0]


def workers_as_a_fraction(n_ratings, n_users, n_items, n_factors, memory_gb):
    n_workers = 16 * n_ratings / (memory_gb * 5e8)
    return n_workers, (n_workers + 1) * 4e-9 * n_factors * (n_users + n_items), True


def one_copy_of_the_ratings(n_ratings, n_users, n_items, n_factors, memory_gb):
    n_workers = math.ceil(8 * n_ratings / (memory_gb * 5e8))
    fits = 4 * n_factors * max(n_users, n_items) <= memory_gb * 5e8
    return n_workers, (n_workers + 1) * 4e-9 * n_factors * (n_users + n_items), fits


def no_way_back(n_ratings, n_users, n_items, n_factors, memory_gb):
    n_workers, network, fits = plan_step_by_step(n_ratings, n_users, n_items, n_factors, memory_gb)
    return n_workers, network * n_workers / (n_workers + 1), fits


def full_memory(n_ratings, n_users, n_items, n_factors, memory_gb):
    n_workers = math.ceil(16 * n_ratings / (memory_gb * 1e9))
    fits = 4 * n_factors * max(n_users, n_items) <= memory_gb * 5e8
    return n_workers, (n_workers + 1) * 4e-9 * n_factors * (n_users + n_items), fits


def size_for_an_answer(n_ratings, n_users, n_items, n_factors, memory_gb):
    n_workers, network, _ = plan_step_by_step(n_ratings, n_users, n_items, n_factors, memory_gb)
    return n_workers, network, 4e-9 * n_factors * n_users


WRONG = {
    "18.1": [
        (slope_of_raw_numbers, "a line to the costs themselves"),
        (both_coefficients, "You returned several numbers"),
        (exchanged_axes, "Your axes are exchanged"),
        (logs_of_costs, "logarithm of the costs only"),
        (first_and_last, "the first and the last value only"),
    ],
    "18.2": [
        (batch_without_padding, "IndexError"),
        (batch_with_a_number_everywhere, "to every entry of the matrices"),
        (batch_with_an_axis_too_many, "Take the last axis away"),
        (batch_transposed, "shape"),
        (batch_in_the_wrong_order, "shape"),
    ],
    "18.3": [
        (floor_without_columns, "left out the position of the film"),
        (floor_in_bytes, "You returned bytes"),
        (floor_with_wide_columns, "It always has 4 bytes"),
        (floor_of_float32, "The result differs"),
        (floor_without_unit, "The unit of the bandwidth is missing"),
    ],
    "18.4": [
        (best_of_both, "the best test score of each row"),
        (one_winner_for_all, "one setting for all repetitions"),
        (winners_as_arrays, "a number for each repetition"),
        (columns_of_winners, "The result differs"),
        (only_the_test_score, "The contract asks for two"),
    ],
    "18.5": [
        (best_at_the_end, "the best of all settings in the last column"),
        (from_scratch, "only the additional epochs"),
        (score_of_the_winner, "Yours is a fraction"),
        (only_the_winner, "The contract asks for two"),
        (last_of_equals, "In a tie you preferred"),
    ],
    "18.6": [
        (in_order_of_arrival, "in the order of arrival"),
        (read_for_written, "the wrong way round"),
        (mean_loss, "You averaged the losses"),
        (list_of_losses, "Your loss is not a single number"),
        (factors_only, "The contract asks for two results"),
    ],
    "18.7": [
        (workers_as_a_fraction, "a whole number"),
        (one_copy_of_the_ratings, "about half of what is needed"),
        (no_way_back, "The way back is missing"),
        (full_memory, "about half of what is needed"),
        (size_for_an_answer, "return True or False"),
    ],
}
