"""Synthetic tasks whose relation is known. Built in chapter 11."""

from __future__ import annotations

import numpy as np

from recsys_teach._validation import check_integer, check_number, check_seed

N_SINES = 10


def related_tasks(
    n: int, correlation: float, *, n_features: int = 100, random_state: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw two regressions whose weights have a known cosine. Built by hand in chapter 11.

    y_k = z_k + Σ_i sin(α_i z_k + β_i) + ε with z_k = w_k · x, x and all α, β from N(0, 1), ε of variance .01, w_1 and
    w_2 of length 1 and with cosine ``correlation``.

    Parameters
    ----------
    n : int. Number of rows.
    correlation : float from -1 to 1. The cosine of the weights, not the correlation of the labels.
    n_features : int.

    Returns
    -------
    X : array, shape (n, n_features), float32.
    Y : array, shape (n, 2), float32.
    waves : array, shape (2, 10). The α and the β.

    Raises
    ------
    ValueError
        If the cosine is not between -1 and 1.

    References
    ----------
    Ma et al. (2018), whose paper states neither the length of the weights nor the number of sines; Tang et al. (2020)
    state both.
    """
    check_number("correlation", correlation, low=-1, high=1)
    check_integer("n", n)
    check_integer("n_features", n_features, 2)
    check_seed("random_state", random_state)
    rng = np.random.default_rng(random_state)
    directions = np.linalg.qr(rng.normal(size=(n_features, 2)))[0].T  # u1, u2: of length 1, at a right angle
    mixing = np.array([[1, 0], [correlation, np.sqrt(1 - correlation**2)]])
    waves = rng.normal(size=(2, N_SINES))
    X = rng.normal(size=(n, n_features))
    z = X @ (mixing @ directions).T  # (n, 2)
    Y = z + np.sin(z[:, :, None] * waves[0] + waves[1]).sum(axis=2) + rng.normal(scale=0.1, size=(n, 2))
    return X.astype(np.float32), Y.astype(np.float32), waves


def label_correlation(correlation: float, waves: np.ndarray) -> float:
    """Give the exact correlation of the two labels of :func:`related_tasks`. Built by hand in chapter 11.

    Parameters
    ----------
    correlation : float. Cosine of the weights.
    waves : array, shape (2, 10). The α and the β.
    """
    alpha, beta = waves

    def covariance(p: float) -> float:
        """Of the labels without noise: the lines, twice a line with the sines, and all pairs of sines."""
        cross = alpha[:, None] * alpha * p
        damp = np.exp(-(alpha[:, None] ** 2 + alpha**2) / 2)
        minus, plus = np.cos(beta[:, None] - beta), np.cos(beta[:, None] + beta)
        sines = damp * ((np.exp(cross) - 1) * minus - (np.exp(-cross) - 1) * plus) / 2
        lines = p * alpha * np.cos(beta) * np.exp(-(alpha**2) / 2)
        return p + 2 * lines.sum() + sines.sum()

    return covariance(correlation) / (covariance(1.0) + 0.01)
