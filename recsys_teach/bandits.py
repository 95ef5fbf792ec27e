"""Multi-armed and contextual bandits, simulated in many runs in parallel. Built by hand in chapter 14."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from recsys_teach._validation import check_binary, check_integer, check_number, check_numbers, check_seed


class Bandit(Protocol):
    """The interface that :func:`run_bandit` expects of a bandit. Row r of every array belongs to run r."""

    def reset(self, n_runs: int, n_arms: int, n_features: int) -> None:
        """Discard what was learned, and allocate the state of a new simulation.

        Parameters
        ----------
        n_runs, n_arms : int
            Number of parallel runs, and of arms.
        n_features : int
            Number of features of a visitor.
        """

    def choose(self, rng: np.random.Generator, contexts: np.ndarray) -> np.ndarray:
        """Choose an arm in each run.

        Parameters
        ----------
        rng : Generator
            Source of randomness.
        contexts : ndarray, shape (n_runs, n_features)
            Features of the visitor of each run.

        Returns
        -------
        ndarray of int, shape (n_runs,)
            The chosen arms.
        """

    def update(self, arms: np.ndarray, rewards: np.ndarray, contexts: np.ndarray) -> None:
        """Learn from one step.

        Parameters
        ----------
        arms : ndarray of int, shape (n_runs,)
            The arm shown in each run.
        rewards : ndarray of bool, shape (n_runs,)
            Whether it was clicked.
        contexts : ndarray, shape (n_runs, n_features)
            Features of the visitor of each run.
        """


def argmax_at_random(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the position of the largest value of each row; ties are broken at random.

    Parameters
    ----------
    values : ndarray, shape (n_runs, n_arms)
        One value for each run and arm.
    rng : Generator
        Source of randomness for ties.

    Returns
    -------
    ndarray of int, shape (n_runs,)
        The best arm of each run.
    """
    largest = values == values.max(axis=1, keepdims=True)
    return (largest * rng.random(values.shape)).argmax(axis=1)


def ucb1_index(clicks: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Compute the UCB1 index of each arm: mean + √(2 ln t / shown). Built by hand in chapter 14.

    Here t is the total number of times that any arm was shown.

    Parameters
    ----------
    clicks, shown : ndarray, shape (..., n_arms)
        Number of clicks, and number of times that each arm was shown.

    Returns
    -------
    ndarray, shape (..., n_arms)
        The indices; infinity for an arm that was never shown.

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
    """Base of the bandits that count how often each arm was shown and clicked, and ignore the visitor's features."""

    def reset(self, n_runs: int, n_arms: int, n_features: int = 0) -> None:
        """Set all counts to zero.

        Parameters
        ----------
        n_runs, n_arms : int
            Number of parallel runs, and of arms.
        n_features : int, default=0
            Ignored.
        """
        self.shown_ = np.zeros((n_runs, n_arms))
        self.clicks_ = np.zeros((n_runs, n_arms))

    def update(self, arms: np.ndarray, rewards: np.ndarray, contexts: np.ndarray | None = None) -> None:
        """Count one step.

        Parameters
        ----------
        arms : ndarray of int, shape (n_runs,)
            The arm shown in each run.
        rewards : ndarray of bool, shape (n_runs,)
            Whether it was clicked.
        contexts : ndarray, optional
            Ignored.
        """
        runs = np.arange(len(arms))
        self.shown_[runs, arms] += 1
        self.clicks_[runs, arms] += check_binary("rewards", rewards)


class EpsilonGreedy(_Counting):
    """Bandit that shows a random arm with probability epsilon, and else the best one. Built by hand in chapter 14.

    The best arm is the one with the highest mean reward so far. Outside of exploration, an arm that was never shown is
    shown first. With ``epsilon=0`` the bandit is greedy.

    Parameters
    ----------
    epsilon : float, default=0.1
        Probability of exploration, from 0 to 1.

    Attributes
    ----------
    shown_, clicks_ : ndarray, shape (n_runs, n_arms)
        How often each arm was shown and clicked.
    """

    def __init__(self, epsilon: float = 0.1):
        check_number("epsilon", epsilon, low=0, high=1)
        self.epsilon = epsilon

    def choose(self, rng: np.random.Generator, contexts: np.ndarray | None = None) -> np.ndarray:
        """Choose an arm in each run: explore with probability epsilon, exploit otherwise.

        Parameters
        ----------
        rng : Generator
            Source of randomness.
        contexts : ndarray, optional
            Ignored.

        Returns
        -------
        ndarray of int, shape (n_runs,)
            The chosen arms.
        """
        unknown = np.full(self.shown_.shape, np.inf)
        means = np.divide(self.clicks_, self.shown_, out=unknown, where=self.shown_ > 0)
        best = argmax_at_random(means, rng)
        n_runs, n_arms = means.shape
        explore = rng.random(n_runs) < self.epsilon
        return np.where(explore, rng.integers(n_arms, size=n_runs), best)


class UCB1(_Counting):
    """Bandit that shows the arm with the largest upper confidence bound. Built by hand in chapter 14.

    The bound is :func:`ucb1_index`.

    Attributes
    ----------
    shown_, clicks_ : ndarray, shape (n_runs, n_arms)
        How often each arm was shown and clicked.
    """

    def choose(self, rng: np.random.Generator, contexts: np.ndarray | None = None) -> np.ndarray:
        """Choose the arm with the largest index in each run.

        Parameters
        ----------
        rng : Generator
            Source of randomness for ties.
        contexts : ndarray, optional
            Ignored.

        Returns
        -------
        ndarray of int, shape (n_runs,)
            The chosen arms.
        """
        return argmax_at_random(ucb1_index(self.clicks_, self.shown_), rng)


class Thompson(_Counting):
    """Thompson sampling: show each arm with the probability that it is the best. Built by hand in chapter 14.

    The posterior of a click rate is Beta(1 + clicks, 1 + shown − clicks). One rate is drawn for each arm, and the arm
    with the largest one is shown.

    Attributes
    ----------
    shown_, clicks_ : ndarray, shape (n_runs, n_arms)
        How often each arm was shown and clicked.

    References
    ----------
    Thompson (1933); Chapelle and Li (2011), "An empirical evaluation of Thompson sampling".
    """

    def choose(self, rng: np.random.Generator, contexts: np.ndarray | None = None) -> np.ndarray:
        """Draw a click rate for each arm from its posterior, and choose the largest one in each run.

        Parameters
        ----------
        rng : Generator
            Source of randomness.
        contexts : ndarray, optional
            Ignored.

        Returns
        -------
        ndarray of int, shape (n_runs,)
            The chosen arms.
        """
        return rng.beta(1 + self.clicks_, 1 + self.shown_ - self.clicks_).argmax(axis=1)


def sherman_morrison(inverse: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Compute (A + x xᵀ)⁻¹ from A⁻¹ by the Sherman-Morrison formula. Built by hand in chapter 14.

    Parameters
    ----------
    inverse : ndarray, shape (..., d, d)
        A⁻¹, symmetric.
    x : ndarray, shape (..., d)
        Vector of the rank-one update.

    Returns
    -------
    ndarray, shape (..., d, d)
        The updated inverse.
    """
    product = np.einsum("...ij,...j->...i", inverse, x)  # A⁻¹ x, shape (..., d)
    denominator = 1 + np.einsum("...i,...i->...", x, product)
    return inverse - product[..., :, None] * product[..., None, :] / denominator[..., None, None]


class LinUCB:
    """Contextual bandit: a ridge regression for each arm with an upper confidence bound. Built by hand in chapter 14.

    Arm a has weights θ_a = A_a⁻¹ b_a with A_a = λ I + Σ x xᵀ and b_a = Σ reward · x over the visitors who saw it. The
    arm with the largest θ_a·x + α √(xᵀ A_a⁻¹ x) is shown.

    Parameters
    ----------
    alpha : float, default=0.5
        Weight of the uncertainty, at least 0. With 0 the bandit is greedy.
    regularization : float, default=1.0
        λ, above 0.

    Attributes
    ----------
    inverse_ : ndarray, shape (n_runs, n_arms, n_features, n_features)
        A⁻¹ of each arm.
    b_ : ndarray, shape (n_runs, n_arms, n_features)
        Sum of reward · x of each arm.
    weights_ : ndarray, shape (n_runs, n_arms, n_features)
        θ of each arm.

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
        """Reset every regression to zero weights.

        Parameters
        ----------
        n_runs, n_arms : int
            Number of parallel runs, and of arms.
        n_features : int
            Number of features of a visitor, at least 1.

        Raises
        ------
        ValueError
            If there are no features.
        """
        if n_features < 1:
            raise ValueError(
                f"LinUCB expects at least one feature per visitor; got {n_features}. Pass contexts; a column of ones "
                "is enough."
            )
        self.inverse_ = np.tile(np.eye(n_features) / self.regularization, (n_runs, n_arms, 1, 1))
        self.b_ = np.zeros((n_runs, n_arms, n_features))
        self.weights_ = np.zeros((n_runs, n_arms, n_features))

    def choose(self, rng: np.random.Generator, contexts: np.ndarray) -> np.ndarray:
        """Choose the arm with the largest upper confidence bound for the visitor of each run.

        Parameters
        ----------
        rng : Generator
            Source of randomness for ties.
        contexts : ndarray, shape (n_runs, n_features)
            Features of the visitor of each run.

        Returns
        -------
        ndarray of int, shape (n_runs,)
            The chosen arms.
        """
        x = contexts[:, None, :]  # (n_runs, 1, n_features), broadcast over arms
        # xᵀ A⁻¹ x for each run and arm: matmul returns A⁻¹ x, shape (n_runs, n_arms, n_features, 1)
        variance = np.einsum("raf,rf->ra", np.matmul(self.inverse_, contexts[:, None, :, None])[..., 0], contexts)
        return argmax_at_random((self.weights_ * x).sum(axis=2) + self.alpha * np.sqrt(np.maximum(variance, 0)), rng)

    def update(self, arms: np.ndarray, rewards: np.ndarray, contexts: np.ndarray) -> None:
        """Update the regression of the arm that was shown in each run.

        Parameters
        ----------
        arms : ndarray of int, shape (n_runs,)
            The arm shown in each run.
        rewards : ndarray of bool, shape (n_runs,)
            Whether it was clicked.
        contexts : ndarray, shape (n_runs, n_features)
            Features of the visitor of each run.
        """
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
    """Simulate a bandit in many parallel runs, and return its cumulative regret. Built by hand in chapter 14.

    In each step of each run, a visitor is drawn uniformly, and the bandit shows one arm. The regret of the step is the
    visitor's click probability of the best arm, minus that of the arm shown. It is computed from probabilities rather
    than clicks, so it is not affected by the noise of the clicks. With the same seed, every bandit gets the same
    visitors.

    Parameters
    ----------
    bandit : Bandit
        The bandit to simulate. It is reset first; afterward it has the state of the last step.
    probabilities : ndarray, shape (n_arms,) or (n_visitors, n_arms)
        Click probabilities; a single row if they are the same for all visitors.
    n_steps : int
        Number of steps in each run, at least 1.
    n_runs : int, default=100
        Number of runs, at least 1.
    contexts : ndarray, shape (n_visitors, n_features), optional
        Features of each visitor that the bandit may use.
    random_state : int, default=0
        Seed of the visitors, the clicks and the bandit.

    Returns
    -------
    ndarray, shape (n_runs, n_steps)
        Cumulative regret, in clicks.

    Raises
    ------
    TypeError
        If a parameter has the wrong type.
    ValueError
        If ``probabilities`` are not between 0 and 1, a parameter is out of range, or the number of contexts differs
        from the number of visitors.
    """
    probabilities = np.atleast_2d(check_numbers("probabilities", probabilities))
    if probabilities.ndim != 2 or not probabilities.size or not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError(
            f"Expected probabilities from 0 to 1, shape (n_visitors, n_arms); got shape {probabilities.shape}. "
            "Check the shape, and that no value is below 0 or above 1."
        )
    check_integer("n_steps", n_steps)
    check_integer("n_runs", n_runs)
    check_seed("random_state", random_state)
    n_visitors, n_arms = probabilities.shape
    features = np.zeros((n_visitors, 0)) if contexts is None else check_numbers("contexts", contexts)
    if features.ndim != 2 or len(features) != n_visitors:
        raise ValueError(
            f"Expected contexts of shape ({n_visitors}, n_features); got {features.shape}. Pass one row per visitor, "
            "in the order of probabilities."
        )
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
