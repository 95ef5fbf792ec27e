"""Choose, see whether it was clicked, choose better: bandits, many runs side by side. Built by hand in chapter 14."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from recsys_teach._validation import check_binary, check_integer, check_number, check_numbers, check_seed


class Bandit(Protocol):
    """What :func:`run_bandit` expects of a bandit. Row r of every array belongs to run r."""

    def reset(self, n_runs: int, n_arms: int, n_features: int) -> None:
        """Forget everything, and prepare for this many runs, arms and features of a visitor."""

    def choose(self, rng: np.random.Generator, contexts: np.ndarray) -> np.ndarray:
        """Choose an arm in each run: contexts (n_runs, n_features) to arms (n_runs,)."""

    def update(self, arms: np.ndarray, rewards: np.ndarray, contexts: np.ndarray) -> None:
        """Learn from one step: arms and rewards, both (n_runs,)."""


def argmax_at_random(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Choose the largest of each row, one of them at random if several are; shape (n_runs, n_arms) to (n_runs,)."""
    largest = values == values.max(axis=1, keepdims=True)
    return (largest * rng.random(values.shape)).argmax(axis=1)


def ucb1_index(clicks: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Mean plus √(2 ln t / shown), where t is how often any arm was shown; infinity for an arm never shown.

    Parameters
    ----------
    clicks, shown : arrays, shape (..., n_arms). The last axis counts arms. Built by hand in chapter 14.

    References
    ----------
    Auer, Cesa-Bianchi and Fischer (2002), "Finite-time analysis of the multiarmed bandit problem", figure 1.
    """
    clicks, shown = np.asarray(clicks, dtype=float), np.asarray(shown, dtype=float)
    t = np.maximum(shown.sum(axis=-1, keepdims=True), 1)
    index = np.full(shown.shape, np.inf)
    bonus = np.sqrt(2 * np.log(t) / np.maximum(shown, 1))
    return np.divide(clicks, shown, out=index, where=shown > 0) + np.where(shown > 0, bonus, 0)


class _Counting:
    """A bandit that knows how often each arm was shown and clicked, and nothing of the visitor."""

    def reset(self, n_runs: int, n_arms: int, n_features: int = 0) -> None:
        """Forget everything."""
        self.shown_ = np.zeros((n_runs, n_arms))
        self.clicks_ = np.zeros((n_runs, n_arms))

    def update(self, arms: np.ndarray, rewards: np.ndarray, contexts: np.ndarray | None = None) -> None:
        """Count."""
        runs = np.arange(len(arms))
        self.shown_[runs, arms] += 1
        self.clicks_[runs, arms] += check_binary("rewards", rewards)


class EpsilonGreedy(_Counting):
    """Show the arm of the best mean so far, but with probability epsilon any arm. Built by hand in chapter 14.

    Each arm is shown once before means are compared. With ``epsilon=0`` it is greedy.

    Parameters
    ----------
    epsilon : float, from 0 to 1.

    Attributes
    ----------
    shown_, clicks_ : arrays, shape (n_runs, n_arms).
    """

    def __init__(self, epsilon: float = 0.1):
        check_number("epsilon", epsilon, low=0, high=1)
        self.epsilon = epsilon

    def choose(self, rng: np.random.Generator, contexts: np.ndarray | None = None) -> np.ndarray:
        """Explore or exploit, by a coin for each run."""
        unknown = np.full(self.shown_.shape, np.inf)
        means = np.divide(self.clicks_, self.shown_, out=unknown, where=self.shown_ > 0)
        best = argmax_at_random(means, rng)
        n_runs, n_arms = means.shape
        explore = rng.random(n_runs) < self.epsilon
        return np.where(explore, rng.integers(n_arms, size=n_runs), best)


class UCB1(_Counting):
    """Show the arm of the largest :func:`ucb1_index`: what it may be worth, at best. Built by hand in chapter 14.

    Attributes
    ----------
    shown_, clicks_ : arrays, shape (n_runs, n_arms).
    """

    def choose(self, rng: np.random.Generator, contexts: np.ndarray | None = None) -> np.ndarray:
        """Take the largest index of each run."""
        return argmax_at_random(ucb1_index(self.clicks_, self.shown_), rng)


class Thompson(_Counting):
    """Show each arm as often as it is likely to be the best. Built by hand in chapter 14.

    The posterior of a click rate is Beta(1 + clicks, 1 + shown − clicks); one draw of each, and the largest is shown.

    Attributes
    ----------
    shown_, clicks_ : arrays, shape (n_runs, n_arms).

    References
    ----------
    Thompson (1933); Chapelle and Li (2011), "An empirical evaluation of Thompson sampling".
    """

    def choose(self, rng: np.random.Generator, contexts: np.ndarray | None = None) -> np.ndarray:
        """Draw a click rate for each arm of each run, and take the largest."""
        return rng.beta(1 + self.clicks_, 1 + self.shown_ - self.clicks_).argmax(axis=1)


def sherman_morrison(inverse: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Give (A + x xᵀ)⁻¹ from A⁻¹ by Sherman and Morrison's formula. Built by hand in chapter 14.

    Parameters
    ----------
    inverse : array, shape (..., d, d). A⁻¹, symmetric.
    x : array, shape (..., d).
    """
    moved = np.einsum("...ij,...j->...i", inverse, x)
    shrink = 1 + np.einsum("...i,...i->...", x, moved)
    return inverse - moved[..., :, None] * moved[..., None, :] / shrink[..., None, None]


class LinUCB:
    """Predict each arm's click by a ridge regression on the visitor's features, and add its uncertainty. Chapter 14.

    Arm a has weights θ_a = A_a⁻¹ b_a with A_a = λ I + Σ x xᵀ and b_a = Σ reward · x over the visitors who saw it. It is
    shown where θ_a·x + α √(xᵀ A_a⁻¹ x) is largest.

    Parameters
    ----------
    alpha : float, at least 0. Weight of the uncertainty; 0 is greedy.
    regularization : float above 0. λ.

    Attributes
    ----------
    inverse_ : array, shape (n_runs, n_arms, n_features, n_features). A⁻¹.
    b_ : array, shape (n_runs, n_arms, n_features).

    References
    ----------
    Li, Chu, Langford and Schapire (2010), "A contextual-bandit approach to personalized news article recommendation",
    algorithm 1.
    """

    def __init__(self, alpha: float = 0.5, *, regularization: float = 1.0):
        check_number("alpha", alpha, low=0)
        check_number("regularization", regularization, above=0)
        self.alpha = alpha
        self.regularization = regularization

    def reset(self, n_runs: int, n_arms: int, n_features: int) -> None:
        """Forget everything."""
        if n_features < 1:
            raise ValueError("LinUCB reads features of the visitor: give contexts; a column of ones is the least.")
        self.inverse_ = np.tile(np.eye(n_features) / self.regularization, (n_runs, n_arms, 1, 1))
        self.b_ = np.zeros((n_runs, n_arms, n_features))
        self.weights_ = np.zeros((n_runs, n_arms, n_features))

    def choose(self, rng: np.random.Generator, contexts: np.ndarray) -> np.ndarray:
        """Take the arm of the largest upper bound for each run's visitor."""
        x = contexts[:, None, :]  # (n_runs, 1, n_features)
        spread = np.einsum("raf,rf->ra", np.matmul(self.inverse_, contexts[:, None, :, None])[..., 0], contexts)
        return argmax_at_random((self.weights_ * x).sum(axis=2) + self.alpha * np.sqrt(np.maximum(spread, 0)), rng)

    def update(self, arms: np.ndarray, rewards: np.ndarray, contexts: np.ndarray) -> None:
        """Learn from one visitor a run."""
        runs = np.arange(len(arms))
        self.inverse_[runs, arms] = sherman_morrison(self.inverse_[runs, arms], contexts)
        self.b_[runs, arms] += check_binary("rewards", rewards)[:, None] * contexts
        self.weights_[runs, arms] = np.einsum("rij,rj->ri", self.inverse_[runs, arms], self.b_[runs, arms])


def run_bandit(
    bandit: Bandit,
    probabilities: np.ndarray,
    n_steps: int,
    n_runs: int = 100,
    *,
    contexts: np.ndarray | None = None,
    random_state: int = 0,
) -> np.ndarray:
    """Run a bandit many times side by side, and return its regret against the best arm. Built in chapter 14.

    In each step of each run a visitor is drawn uniformly, and the bandit shows one arm. The regret of the step is the
    visitor's click probability of the best arm, minus that of the arm shown. It is computed from probabilities, not
    from clicks, so that noise in the clicks does not enter it. With the same seed every bandit meets the same visitors.

    Parameters
    ----------
    bandit : Bandit
        It is reset first; afterward it has the state of the last step.
    probabilities : array, shape (n_arms,) or (n_visitors, n_arms)
        Click probabilities; one row if all visitors are alike.
    n_steps, n_runs : int
        At least 1.
    contexts : array, shape (n_visitors, n_features), optional
        What the bandit may know about each visitor.
    random_state : int
        Seed.

    Returns
    -------
    array, shape (n_runs, n_steps)
        Cumulative regret, in clicks.

    Raises
    ------
    ValueError
        If ``probabilities`` are not between 0 and 1, or there is not one context for each visitor.
    """
    probabilities = np.atleast_2d(check_numbers("probabilities", probabilities))
    if probabilities.ndim != 2 or not probabilities.size or not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError(
            f"Expected probabilities from 0 to 1, shape (n_visitors, n_arms); got shape {probabilities.shape}."
        )
    check_integer("n_steps", n_steps)
    check_integer("n_runs", n_runs)
    check_seed("random_state", random_state)
    n_visitors, n_arms = probabilities.shape
    features = np.zeros((n_visitors, 0)) if contexts is None else check_numbers("contexts", contexts)
    if features.ndim != 2 or len(features) != n_visitors:
        raise ValueError(f"Expected contexts of shape ({n_visitors}, n_features); got {features.shape}.")
    visitor_rng, policy_rng = (np.random.default_rng(seed) for seed in np.random.SeedSequence(random_state).spawn(2))
    best = probabilities.max(axis=1)
    regret = np.empty((n_runs, n_steps))
    bandit.reset(n_runs, n_arms, features.shape[1])
    for step in range(n_steps):
        visitors, uniform = visitor_rng.integers(n_visitors, size=n_runs), visitor_rng.random(n_runs)
        arms = bandit.choose(policy_rng, features[visitors])
        shown = probabilities[visitors, arms]
        bandit.update(arms, uniform < shown, features[visitors])
        regret[:, step] = best[visitors] - shown
    return regret.cumsum(axis=1)
