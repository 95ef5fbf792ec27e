"""Generate synthetic tasks with a known correlation. Built in chapter 11."""

from __future__ import annotations

import numpy as np

from recsys_teach._validation import check_integer, check_number, check_seed

N_SINES = 10


def related_tasks(
    n: int, correlation: float, *, n_features: int = 100, random_state: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw two regression tasks whose weights have a known cosine. Built by hand in chapter 11.

    y_k = z_k + Σ_i sin(α_i z_k + β_i) + ε with z_k = w_k · x. x and all α, β are drawn from N(0, 1), ε has variance
    .01, and w_1 and w_2 have length 1 and the cosine ``correlation``.

    Parameters
    ----------
    n : int
        Number of rows, at least 1.
    correlation : float
        The cosine of the weights, from -1 to 1. It is not the correlation of the labels; see :func:`label_correlation`.
    n_features : int, default=100
        Number of features, at least 2.
    random_state : int, default=0
        Seed of everything that is drawn.

    Returns
    -------
    X : array, shape (n, n_features), float32
        The features.
    Y : array, shape (n, 2), float32
        The labels of both tasks.
    waves : array, shape (2, 10)
        The α in the first row, the β in the second.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

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
    directions = np.linalg.qr(rng.normal(size=(n_features, 2)))[0].T  # u1, u2: orthonormal
    mixing = np.array([[1, 0], [correlation, np.sqrt(1 - correlation**2)]])
    waves = rng.normal(size=(2, N_SINES))
    X = rng.normal(size=(n, n_features))
    z = X @ (mixing @ directions).T  # (n, 2)
    Y = z + np.sin(z[:, :, None] * waves[0] + waves[1]).sum(axis=2) + rng.normal(scale=0.1, size=(n, 2))
    return X.astype(np.float32), Y.astype(np.float32), waves


def label_correlation(correlation: float, waves: np.ndarray) -> float:
    """Compute the exact correlation of the two labels of :func:`related_tasks`. Built by hand in chapter 11.

    Parameters
    ----------
    correlation : float
        The cosine of the weights.
    waves : array, shape (2, 10)
        The α in the first row, the β in the second.

    Returns
    -------
    float
        The correlation over infinitely many rows, for these waves.
    """
    alpha, beta = waves

    def covariance(p: float) -> float:
        """Return the covariance of the labels without noise, for two z of variance 1 and covariance p.

        It is the sum of three parts: the linear terms, twice a linear term with the sines, and all pairs of sines. They
        follow from E[z' sin(α z + β)] = p α cos(β) exp(-α²/2) and from sin a sin b = (cos(a − b) − cos(a + b)) / 2.
        """
        cross = alpha[:, None] * alpha * p
        damp = np.exp(-(alpha[:, None] ** 2 + alpha**2) / 2)
        minus, plus = np.cos(beta[:, None] - beta), np.cos(beta[:, None] + beta)
        sines = damp * ((np.exp(cross) - 1) * minus - (np.exp(-cross) - 1) * plus) / 2
        lines = p * alpha * np.cos(beta) * np.exp(-(alpha**2) / 2)
        return p + 2 * lines.sum() + sines.sum()

    return covariance(correlation) / (covariance(1.0) + 0.01)  # 0.01 is the variance of the noise
