"""Privacy accounting of repeated private steps by Rényi divergences. For learning: use dp-accounting in practice.

Built by hand in chapter 15. The tests check that ε is within 1 % of that of dp-accounting over a grid of settings.
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp
from scipy.stats import norm

from recsys_teach._validation import check_integer, check_number

ORDERS = (*np.round(np.arange(1.1, 11, 0.1), 1).tolist(), *range(11, 64), 128, 256, 512)


def gaussian_rdp(noise_multiplier: float, sampling_rate: float, order: float) -> float:
    """Compute the Rényi divergence of one step: Poisson sampling, then a sum with Gaussian noise. Chapter 15.

    Parameters
    ----------
    noise_multiplier : float
        σ, the standard deviation of the noise in units of the L2 sensitivity, above 0.
    sampling_rate : float
        q, the probability of each example (or person) to be in the step, above 0 and at most 1.
    order : float
        α, the order of the divergence, above 1.

    Returns
    -------
    float
        ln E[(1 - q + q e^((2z - 1) / (2σ²)))^α] / (α - 1) with z ~ N(0, σ²), by numerical integration. With q = 1
        this equals α / (2σ²).

    Raises
    ------
    TypeError
        If a parameter is not a number.
    ValueError
        If a parameter is out of range.

    References
    ----------
    Mironov, Talwar and Zhang (2019), "Rényi differential privacy of the sampled Gaussian mechanism".
    """
    check_number("noise_multiplier", noise_multiplier, above=0)
    check_number("sampling_rate", sampling_rate, above=0, high=1)
    check_number("order", order, above=1)
    if sampling_rate == 1:
        return order / (2 * noise_multiplier**2)
    step = noise_multiplier / 20  # step and range are chosen so that the sum equals the integral to nine digits
    z = np.arange(-12 * noise_multiplier, order + 12 * noise_multiplier, step)
    ratio = np.logaddexp(np.log1p(-sampling_rate), np.log(sampling_rate) + (2 * z - 1) / (2 * noise_multiplier**2))
    return float(logsumexp(norm.logpdf(z, scale=noise_multiplier) + order * ratio) + np.log(step)) / (order - 1)


def epsilon_spent(noise_multiplier: float, sampling_rate: float, n_steps: int, delta: float) -> float:
    """Compute the ε of ``n_steps`` steps of :func:`gaussian_rdp` by composition, for a given δ. Chapter 15.

    The divergences of one order add up over steps. Each order results in a valid ε, and the smallest one is returned.
    Whether the guarantee protects an example or a person depends on what was sampled and clipped.

    Parameters
    ----------
    noise_multiplier : float
        σ, the standard deviation of the noise in units of the L2 sensitivity, above 0.
    sampling_rate : float
        q, the probability of each example (or person) to be in a step, above 0 and at most 1.
    n_steps : int
        Number of steps, at least 1.
    delta : float
        δ, above 0 and below 1.

    Returns
    -------
    float
        The privacy budget spent, ε.

    Raises
    ------
    TypeError
        If a parameter has the wrong type.
    ValueError
        If a parameter is out of range.

    References
    ----------
    Mironov (2017), "Rényi differential privacy"; Canonne, Kamath and Steinke (2020), "The discrete Gaussian for
    differential privacy", for the step from divergence to ε.
    """
    check_integer("n_steps", n_steps)
    check_number("delta", delta, above=0, below=1)
    best = min(
        n_steps * gaussian_rdp(noise_multiplier, sampling_rate, order)
        + np.log1p(-1 / order)
        - np.log(delta * order) / (order - 1)
        for order in ORDERS
    )
    return float(max(best, 0))
