"""Mechanisms of differential privacy. For learning: use OpenDP to protect people. Built by hand in chapter 15.

The last bits of noise in floating point, as here, can reveal the true value (Mironov 2012), and a seeded generator can
be guessed. The tests compare the distributions with those of OpenDP.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from recsys_teach._validation import check_binary, check_generator, check_integer, check_number, check_numbers


def truth_probability(epsilon: float) -> float:
    """Compute the probability of a true answer in randomized response: e^ε / (1 + e^ε). Built by hand in chapter 15.

    Parameters
    ----------
    epsilon : float
        ε of each answer, above 0.

    Returns
    -------
    float
        The probability, between .5 and 1.

    Raises
    ------
    TypeError
        If ε is not a number.
    ValueError
        If ε is not above 0.
    """
    check_number("epsilon", epsilon, above=0)
    return float(1 / (1 + np.exp(-epsilon)))


def randomized_response(answers: np.ndarray, epsilon: float, rng: np.random.Generator) -> np.ndarray:
    """Return each answer unchanged with probability e^ε / (1 + e^ε), else flipped. Built by hand in chapter 15.

    Each answer is ε-private before it is collected (local differential privacy). The mechanism hides the answers, but
    not who takes part: neighboring data sets differ in the value of one answer.

    Parameters
    ----------
    answers : ndarray of bool, or of 0 and 1, shape (n,)
        The true answers.
    epsilon : float
        ε of each answer, above 0.
    rng : Generator
        Source of randomness.

    Returns
    -------
    ndarray of bool, shape (n,)
        The randomized answers.

    Raises
    ------
    TypeError
        If the answers are text or objects, or ``rng`` is not a Generator.
    ValueError
        If an answer is neither 0 nor 1, or ε is not above 0.

    References
    ----------
    Warner (1965), "Randomized response: a survey technique for eliminating evasive answer bias".
    """
    answers = check_binary("answers", answers)
    check_generator(rng)
    return answers ^ (rng.random(answers.shape) >= truth_probability(epsilon))


def true_share(answers: np.ndarray, epsilon: float) -> float:
    """Estimate the share of true "yes" answers from randomized responses, without bias. Built by hand in chapter 15.

    The estimate may be below 0 or above 1. It is not truncated, because that would introduce a bias.

    Parameters
    ----------
    answers : ndarray of bool, or of 0 and 1, shape (n,)
        The randomized answers.
    epsilon : float
        ε of each answer, above 0.

    Returns
    -------
    float
        The estimate.

    Raises
    ------
    TypeError
        If the answers are text or objects.
    ValueError
        If an answer is neither 0 nor 1, or ε is not above 0.
    """
    p = truth_probability(epsilon)
    return float((np.mean(check_binary("answers", answers)) - (1 - p)) / (2 * p - 1))


def share_error(share: float, n: int, epsilon: float) -> float:
    """Compute the standard error of :func:`true_share` for people drawn at random from a population.

    Parameters
    ----------
    share : float
        Share of "yes" in the population, from 0 to 1.
    n : int
        Number of people.
    epsilon : float
        ε of each answer, above 0.

    Returns
    -------
    float
        The standard error.

    Raises
    ------
    TypeError
        If a parameter has the wrong type.
    ValueError
        If a parameter is out of range.
    """
    p = truth_probability(epsilon)
    check_number("share", share, low=0, high=1)
    check_integer("n", n)
    reported_share = p * share + (1 - p) * (1 - share)  # expected share of "yes" among the randomized answers
    return float(np.sqrt(reported_share * (1 - reported_share) / n) / (2 * p - 1))


def laplace(
    value: np.ndarray | float, sensitivity: float, epsilon: float, rng: np.random.Generator
) -> np.ndarray | float:
    """Add Laplace noise of scale sensitivity / ε to a number or to each element of an array. Built in chapter 15.

    Parameters
    ----------
    value : float or ndarray
        The value that would be released without privacy.
    sensitivity : float
        L1 sensitivity: the largest L1 distance by which adding or removing one unit (a person or a rating; state which
        one) can change ``value``. Above 0.
    epsilon : float
        ε of the release of all elements together, above 0.
    rng : Generator
        Source of randomness.

    Returns
    -------
    float or ndarray
        The noisy value, in the shape of ``value``.

    Raises
    ------
    TypeError
        If ``value`` is not numeric, or ``rng`` is not a Generator.
    ValueError
        If a parameter is out of range, or ``value`` is not finite.

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
    """Compute the exact smallest δ for which Gaussian noise is (ε, δ)-private. Chapter 15.

    Parameters
    ----------
    noise_multiplier : float
        Standard deviation of the noise in units of the L2 sensitivity, above 0.
    epsilon : float
        ε, at least 0.

    Returns
    -------
    float
        δ, between 0 and 1.

    Raises
    ------
    TypeError
        If a parameter is not a number.
    ValueError
        If a parameter is out of range.

    References
    ----------
    Balle and Wang (2018), "Improving the Gaussian mechanism for differential privacy", theorem 8.
    """
    check_number("noise_multiplier", noise_multiplier, above=0)
    check_number("epsilon", epsilon, low=0)
    a, b = 1 / (2 * noise_multiplier), epsilon * noise_multiplier
    return float(norm.cdf(a - b) - np.exp(epsilon + norm.logcdf(-a - b)))


def noise_multiplier(epsilon: float, delta: float) -> float:
    """Compute the smallest noise multiplier that is (ε, δ)-private, the inverse of :func:`gaussian_delta`. Chapter 15.

    Parameters
    ----------
    epsilon : float
        ε, above 0.
    delta : float
        δ, above 0 and below 1.

    Returns
    -------
    float
        Standard deviation of the noise in units of the L2 sensitivity.

    Raises
    ------
    TypeError
        If a parameter is not a number.
    ValueError
        If a parameter is out of range.
    """
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
    value : float or ndarray
        The value that would be released without privacy.
    sensitivity : float
        L2 sensitivity: the largest L2 distance by which adding or removing one unit (a person or a rating; state which
        one) can change ``value``. Above 0.
    epsilon : float
        ε of the release of all elements together, above 0.
    delta : float
        δ of the release, above 0 and below 1.
    rng : Generator
        Source of randomness.

    Returns
    -------
    float or ndarray
        The noisy value, in the shape of ``value``.

    Raises
    ------
    TypeError
        If ``value`` is not numeric, or ``rng`` is not a Generator.
    ValueError
        If a parameter is out of range, or ``value`` is not finite.
    """
    check_number("sensitivity", sensitivity, above=0)
    check_numbers("value", value)
    check_generator(rng)
    return value + rng.normal(scale=sensitivity * noise_multiplier(epsilon, delta), size=np.shape(value))
