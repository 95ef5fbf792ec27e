"""Synthetic tasks whose relation is known. Built in chapter 11."""

from __future__ import annotations

import numpy as np

from recsys_teach._validation import check_integer, check_number, check_seed


def related_tasks(
    n: int, correlation: float, *, n_features: int = 100, n_sines: int = 10, scale: float = 1.0, random_state: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw two regressions whose weights have a known cosine. Built by hand in chapter 11.

    y_k = z_k + Σ_i sin(α_i z_k + β_i) + ε with z_k = w_k · x, x and all α, β from N(0, 1), ε of variance .01, w_1 and
    w_2 of length ``scale`` and with cosine ``correlation``.

    Parameters
    ----------
    n : int. Number of rows.
    correlation : float from -1 to 1. The cosine of the weights, not the correlation of the labels.
    n_features, n_sines, scale : m sines; the paper of the generator does not give their number, nor the scale c.

    Returns
    -------
    X : array, shape (n, n_features), float32.
    Y : array, shape (n, 2), float32.
    waves : array, shape (2, n_sines). The α and the β.

    Raises
    ------
    ValueError
        If the cosine is not between -1 and 1.

    References
    ----------
    Ma et al. (2018); Tang et al. (2020) for the scale, the number of sines and their distribution.
    """
    check_number("correlation", correlation, low=-1, high=1)
    check_number("scale", scale, above=0)
    check_integer("n", n)
    check_integer("n_features", n_features, 2)
    check_integer("n_sines", n_sines, 0)
    check_seed("random_state", random_state)
    rng = np.random.default_rng(random_state)
    directions = np.linalg.qr(rng.normal(size=(n_features, 2)))[0].T  # u1, u2: of length 1, at a right angle
    mixing = np.array([[1, 0], [correlation, np.sqrt(1 - correlation**2)]])
    waves = rng.normal(size=(2, n_sines))
    X = rng.normal(size=(n, n_features))
    z = X @ (scale * mixing @ directions).T  # (n, 2)
    Y = z + np.sin(z[:, :, None] * waves[0] + waves[1]).sum(axis=2) + rng.normal(scale=0.1, size=(n, 2))
    return X.astype(np.float32), Y.astype(np.float32), waves


def label_correlation(correlation: float, waves: np.ndarray, scale: float = 1.0) -> float:
    """Give the exact correlation of the two labels of :func:`related_tasks`. Built by hand in chapter 11.

    Parameters
    ----------
    correlation : float. Cosine of the weights.
    waves : array, shape (2, n_sines). The α and the β.
    scale : float. Length of the weights.
    """
    alpha, beta = waves
    variance = scale**2

    def covariance(p: float) -> float:
        """Of the labels without noise: the lines, twice a line with the sines, and all pairs of sines."""
        cross = alpha[:, None] * alpha * p * variance
        damp = np.exp(-variance * (alpha[:, None] ** 2 + alpha**2) / 2)
        minus, plus = np.cos(beta[:, None] - beta), np.cos(beta[:, None] + beta)
        sines = damp * ((np.exp(cross) - 1) * minus - (np.exp(-cross) - 1) * plus) / 2
        lines = p * variance * alpha * np.cos(beta) * np.exp(-variance * alpha**2 / 2)
        return p * variance + 2 * lines.sum() + sines.sum()

    return covariance(correlation) / (covariance(1.0) + 0.01)
