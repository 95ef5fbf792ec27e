"""Answers to the exercises of chapter 04: right ones, written in other ways than the reference, and wrong ones."""

import numpy as np
import torch


def error_by_norm(s, k):
    return np.linalg.norm(s[k:])


def error_by_difference(s, k):
    return np.sqrt(sum(s**2) - sum(s[:k] ** 2))


def rank_k_by_diagonal(R, k):
    U, s, Vt = np.linalg.svd(R)
    return U[:, :k] @ np.diag(s[:k]) @ Vt[:k]


def rank_k_by_layers(R, k):
    U, s, Vt = np.linalg.svd(R, full_matrices=False)
    return sum(s[i] * np.outer(U[:, i], Vt[i]) for i in range(k))


def rank_k_by_projector(R, k):
    U = np.linalg.svd(R, full_matrices=False)[0][:, :k]
    return U @ (U.T @ R)


def rank_k_in_float32(R, k):
    U, s, Vt = torch.linalg.svd(torch.tensor(R, dtype=torch.float32), full_matrices=False)
    return (U[:, :k] * s[:k]) @ Vt[:k]


def rmse_by_loop(R, R_hat):
    errors = [(R[u, i] - R_hat[u, i]) ** 2 for u in range(len(R)) for i in range(R.shape[1]) if R[u, i] > 0]
    return (sum(errors) / len(errors)) ** 0.5


def rmse_by_nan(R, R_hat):
    return np.sqrt(np.nanmean((np.where(R == 0, np.nan, R) - R_hat) ** 2))


def k_by_loop(s, share):
    for k in range(1, len(s) + 1):
        if (s[:k] ** 2).sum() >= (share - 1e-12) * (s**2).sum():
            return k


def k_by_shares(s, share):
    return np.argmax(np.cumsum(s**2 / (s**2).sum()) >= share) + 1


def k_by_counting(s, share):
    return (np.cumsum(s**2) < share * np.sum(s**2)).sum() + 1


def k_by_search(s, share):
    shares = np.cumsum(s**2) / np.sum(s**2)
    return np.searchsorted(shares, share - 1e-9) + 1


def fold_in_from_the_right(row, V):
    return V @ (V.T @ row)


def fold_in_by_projector(row, V):
    return row @ (V @ V.T)


def power_by_gram(R, v, n_steps):
    v = np.linalg.matrix_power(R.T @ R, n_steps) @ v
    return -v / np.linalg.norm(v)


def power_by_while(R, v, n_steps):
    while n_steps > 0:
        u = R @ v
        v = R.T @ u / np.linalg.norm(R.T @ u)
        n_steps -= 1
    return v


RIGHT = {
    "4.1": [error_by_norm, error_by_difference],
    "4.2": [rank_k_by_diagonal, rank_k_by_layers, rank_k_by_projector, rank_k_in_float32],
    "4.3": [rmse_by_loop, rmse_by_nan],
    "4.4": [k_by_loop, k_by_search, k_by_shares, k_by_counting],
    "4.5": [fold_in_from_the_right, fold_in_by_projector],
    "4.6": [power_by_gram, power_by_while],
}


def adds_what_stays(s, k):
    return np.sqrt(sum(value**2 for value in s[:k]))


def forgets_the_root(s, k):
    return np.sum(s[k:] ** 2)


def root_of_the_plain_sum(s, k):
    return np.sqrt(s[k:].sum())


def transposes_vt(R, k):
    U, s, Vt = np.linalg.svd(R, full_matrices=False)
    return U[:, :k] * s[:k] @ Vt[:, :k].T


def leaves_s_out(R, k):
    U, _, Vt = np.linalg.svd(R)
    return U[:, :k] @ Vt[:k, :]


def returns_three_parts(R, k):
    U, s, Vt = np.linalg.svd(R, full_matrices=False)
    return U[:, :k], s[:k], Vt[:k]


def masks_the_prediction(R, R_hat):
    rated = R_hat > 0
    return np.sqrt(((R[rated] - R_hat[rated]) ** 2).mean())


def averages_all_cells(R, R_hat):
    return np.mean((R - R_hat) ** 2) ** 0.5


def averages_over_people(R, R_hat):
    return np.mean([np.sqrt(((r - h)[r > 0] ** 2).mean()) for r, h in zip(R, R_hat, strict=True) if (r > 0).any()])


def wants_more_than_the_share(s, share):
    shares = np.cumsum(s**2) / (s**2).sum()
    return int(np.argmax(shares > share)) + 1


def starts_counting_at_zero(s, share):
    return int(np.argmax(np.cumsum(s**2) / (s**2).sum() >= share - 1e-12))


def does_not_square(s, share):
    return int(np.argmax(np.cumsum(s) / s.sum() >= share - 1e-12)) + 1


def takes_the_last_below(s, share):
    return np.flatnonzero(np.cumsum(s**2) / (s**2).sum() <= share)[-1] + 1


def falls_off_the_loop(s, share):
    for k in range(1, len(s) + 1):
        if (s[:k] ** 2).sum() > share * (s**2).sum():
            return k


def multiplies_two_directions(row, V):
    return V.T @ V @ row


def returns_the_singular_value_too(R, v, n_steps):
    v = power_by_while(R, v, n_steps)
    return v, np.linalg.norm(R @ v)


def lists_the_singular_value_too(R, v, n_steps):
    return list(returns_the_singular_value_too(R, v, n_steps))


def cuts_the_rows_of_u(R, k):
    U, s, Vt = np.linalg.svd(R, full_matrices=False)
    return (U[:k] * s) @ Vt


def stops_at_coordinates(row, V):
    return V.T @ row


def multiplies_the_wrong_way(row, V):
    return V @ row


def keeps_only_new_items(row, V):
    scores = V @ V.T @ row
    scores[row > 0] = 0
    return scores


def never_normalizes(R, v, n_steps):
    for _ in range(n_steps):
        v = R.T @ R @ v
    return v


def returns_inside_the_loop(R, v, n_steps):
    for _ in range(n_steps):
        v = R.T @ R @ v
        return v / np.linalg.norm(v)


def makes_one_step_too_many(R, v, n_steps):
    for _ in range(n_steps + 1):
        v = R.T @ R @ v
        v /= np.linalg.norm(v)
    return v


WRONG = {
    "4.1": [
        (adds_what_stays, "The error comes from those that are left out"),
        (forgets_the_root, "the root is missing"),
        (root_of_the_plain_sum, "Square the singular values before you add"),
    ],
    "4.2": [
        (transposes_vt, "The rows of Vt are the directions"),
        (leaves_s_out, "You left the singular values out"),
        (returns_three_parts, "Your answer has three parts"),
        (cuts_the_rows_of_u, "expected an array of shape"),
    ],
    "4.3": [
        (masks_the_prediction, "The mask belongs to R"),
        (averages_all_cells, "You averaged over all cells"),
        (averages_over_people, "one RMSE for each person"),
    ],
    "4.4": [
        (wants_more_than_the_share, "compare with >="),
        (starts_counting_at_zero, "The position 0 means k = 1"),
        (does_not_square, "Energy is their square"),
        (takes_the_last_below, "The first k that reaches it is enough"),
        (falls_off_the_loop, "compare with >="),
    ],
    "4.5": [
        (stops_at_coordinates, "Those are the coordinates"),
        (multiplies_the_wrong_way, "is a transpose (`.T`) missing"),
        (multiplies_two_directions, "is a transpose (`.T`) missing"),
        (keeps_only_new_items, "You blanked what the person has rated"),
    ],
    "4.6": [
        (never_normalizes, "not a unit vector"),
        (returns_inside_the_loop, "is the `return` inside the loop"),
        (makes_one_step_too_many, "one step too many"),
        (returns_the_singular_value_too, "Return the vector alone"),
        (lists_the_singular_value_too, "Return the vector alone"),
    ],
}
