"""Noise that hides one person or one rating. For learning: what has to protect comes from OpenDP. Chapter 15.

Noise in floating point, as here, gives itself away in its last bits (Mironov 2012), and a seeded generator can be
guessed. The tests hold the distributions against OpenDP's.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from recsys_teach._validation import check_binary, check_generator, check_integer, check_number, check_numbers


def truth_probability(epsilon: float) -> float:
    """Chance of a true answer in randomized response: e^ε / (1 + e^ε). Built by hand in chapter 15."""
    check_number("epsilon", epsilon, above=0)
    return float(1 / (1 + np.exp(-epsilon)))


def randomized_response(answers: np.ndarray, epsilon: float, rng: np.random.Generator) -> np.ndarray:
    """Tell the truth with probability e^ε / (1 + e^ε), else the opposite. Built by hand in chapter 15.

    Each answer is ε-private by itself, before anybody has collected it (local differential privacy). It hides what was
    answered, not who takes part: the unit is one answer, changed.

    Parameters
    ----------
    answers : array of bool, or of 0 and 1, shape (n,).

    Raises
    ------
    TypeError or ValueError
        If an answer is neither: the text "no" would count as a yes.

    References
    ----------
    Warner (1965), "Randomized response: a survey technique for eliminating evasive answer bias".
    """
    answers = check_binary("answers", answers)
    check_generator(rng)
    return answers ^ (rng.random(answers.shape) >= truth_probability(epsilon))


def true_share(answers: np.ndarray, epsilon: float) -> float:
    """Estimate the share of true yeses from randomized responses, without bias. Built by hand in chapter 15.

    It may lie below 0 or above 1; cutting it off there would bring a bias.
    """
    p = truth_probability(epsilon)
    return float((np.mean(check_binary("answers", answers)) - (1 - p)) / (2 * p - 1))


def share_error(share: float, n: int, epsilon: float) -> float:
    """Give the standard error of :func:`true_share` for n people drawn from a population with this share of yeses."""
    p = truth_probability(epsilon)
    check_number("share", share, low=0, high=1)
    check_integer("n", n)
    said_yes = p * share + (1 - p) * (1 - share)
    return float(np.sqrt(said_yes * (1 - said_yes) / n) / (2 * p - 1))


def laplace(
    value: np.ndarray | float, sensitivity: float, epsilon: float, rng: np.random.Generator
) -> np.ndarray | float:
    """Add Laplace noise of scale sensitivity / ε to a number or to each of an array. Built by hand in chapter 15.

    Parameters
    ----------
    value : float or array. What would be released without privacy.
    sensitivity : float. Largest L1 distance by which one person (or one rating: say which), added or removed, can
        change ``value``.
    epsilon : float. The ε of the whole release.

    References
    ----------
    Dwork, McSherry, Nissim and Smith (2006), "Calibrating noise to sensitivity in private data analysis".
    """
    check_number("sensitivity", sensitivity, above=0)
    check_number("epsilon", epsilon, above=0)
    check_numbers("value", value)
    check_generator(rng)
    return value + rng.laplace(scale=sensitivity / epsilon, size=np.shape(value))


def gaussian_delta(noise_multiplier: float, epsilon: float) -> float:
    """Smallest δ for which Gaussian noise of this multiplier is (ε, δ)-private, exactly. Chapter 15.

    Parameters
    ----------
    noise_multiplier : float. Standard deviation of the noise in units of the L2 sensitivity.

    References
    ----------
    Balle and Wang (2018), "Improving the Gaussian mechanism for differential privacy", theorem 8.
    """
    check_number("noise_multiplier", noise_multiplier, above=0)
    check_number("epsilon", epsilon, low=0)
    a, b = 1 / (2 * noise_multiplier), epsilon * noise_multiplier
    return float(norm.cdf(a - b) - np.exp(epsilon + norm.logcdf(-a - b)))


def noise_multiplier(epsilon: float, delta: float) -> float:
    """Give the inverse of :func:`gaussian_delta`: the smallest multiplier that is (ε, δ)-private. Chapter 15."""
    check_number("epsilon", epsilon, above=0)
    check_number("delta", delta, above=0, below=1)
    log = brentq(lambda log: gaussian_delta(np.exp(log), epsilon) - delta, -7, 12, xtol=1e-12)
    return float(np.exp(log))


def gaussian(
    value: np.ndarray | float, sensitivity: float, epsilon: float, delta: float, rng: np.random.Generator
) -> np.ndarray | float:
    """Add Gaussian noise that makes a release (ε, δ)-private. Chapter 15.

    Parameters
    ----------
    value : float or array. What would be released without privacy.
    sensitivity : float. Largest L2 distance by which one person (or one rating: say which), added or removed, can
        change ``value``.
    """
    check_number("sensitivity", sensitivity, above=0)
    check_numbers("value", value)
    check_generator(rng)
    return value + rng.normal(scale=sensitivity * noise_multiplier(epsilon, delta), size=np.shape(value))
