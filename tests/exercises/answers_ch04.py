"""Right answers to the exercises of chapter 04, written differently from the references."""

import numpy as np


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


def rmse_by_loop(R, R_hat):
    errors = [(R[u, i] - R_hat[u, i]) ** 2 for u in range(len(R)) for i in range(R.shape[1]) if R[u, i] > 0]
    return (sum(errors) / len(errors)) ** 0.5


def rmse_by_nan(R, R_hat):
    return np.sqrt(np.nanmean((np.where(R == 0, np.nan, R) - R_hat) ** 2))


def k_by_loop(s, share):
    for k in range(1, len(s) + 1):
        if (s[:k] ** 2).sum() >= (share - 1e-12) * (s**2).sum():
            return k


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
    "4.2": [rank_k_by_diagonal, rank_k_by_layers, rank_k_by_projector],
    "4.3": [rmse_by_loop, rmse_by_nan],
    "4.4": [k_by_loop, k_by_search],
    "4.5": [fold_in_from_the_right, fold_in_by_projector],
    "4.6": [power_by_gram, power_by_while],
}
