"""Bandits: their indices by hand, what they learn, and the regret against a truth that is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import Ridge

from recsys_teach.bandits import (
    UCB1,
    EpsilonGreedy,
    LinUCB,
    Thompson,
    argmax_at_random,
    run_bandit,
    sherman_morrison,
    ucb1_index,
)

PROBABILITIES = np.array([0.2, 0.6, 0.4])
ALL = [EpsilonGreedy(0), EpsilonGreedy(0.1), UCB1(), Thompson(), LinUCB(0.5)]


class Always:
    """Shows one arm."""

    def __init__(self, arm: int):
        self.arm = arm

    def reset(self, n_runs: int, n_arms: int, n_features: int) -> None:
        self.n_runs, self.rewards = n_runs, []

    def choose(self, rng: np.random.Generator, contexts: np.ndarray) -> np.ndarray:
        return np.full(self.n_runs, self.arm)

    def update(self, arms: np.ndarray, rewards: np.ndarray, contexts: np.ndarray) -> None:
        self.rewards.append(rewards)


# --- regret ---------------------------------------------------------------------------------------------------


def test_regret_of_the_best_arm_is_zero() -> None:
    np.testing.assert_array_equal(run_bandit(Always(1), PROBABILITIES, 50, 4), np.zeros((4, 50)))


def test_regret_of_another_arm_grows_by_what_it_lacks() -> None:
    np.testing.assert_allclose(run_bandit(Always(2), PROBABILITIES, 10, 2), np.tile(0.2 * np.arange(1, 11), (2, 1)))


def test_regret_counts_against_the_best_arm_of_each_visitor() -> None:
    regret = run_bandit(Always(0), np.array([[0.9, 0.1], [0.1, 0.9]]), 4000, 5)
    np.testing.assert_allclose(regret[:, -1] / 4000, 0.4, atol=0.03)


def test_clicks_come_as_often_as_the_chance_says() -> None:
    bandit = Always(1)
    run_bandit(bandit, PROBABILITIES, 2000, 10)
    assert np.mean(bandit.rewards) == pytest.approx(0.6, abs=0.02)


def test_all_bandits_meet_the_same_visitors() -> None:
    probabilities = np.random.default_rng(0).random((6, 3))
    first, second = Always(0), Always(0)
    run_bandit(first, probabilities, 20, 3, random_state=5)
    run_bandit(second, probabilities, 20, 3, random_state=5)
    np.testing.assert_array_equal(first.rewards, second.rewards)


@pytest.mark.parametrize("bandit", ALL, ids=lambda bandit: type(bandit).__name__)
def test_regret_never_falls_and_a_seed_repeats_it(bandit) -> None:
    one, two = (run_bandit(bandit, PROBABILITIES, 60, 5, contexts=np.ones((1, 1)), random_state=3) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert (np.diff(one, axis=1) >= 0).all()


def test_greedy_locks_in_and_the_others_do_not() -> None:
    late = {}
    for name, bandit in {"greedy": EpsilonGreedy(0), "UCB1": UCB1(), "Thompson": Thompson()}.items():
        regret = run_bandit(bandit, PROBABILITIES, 3000, 60)
        late[name] = (np.diff(regret[:, 1500:], axis=1) > 0).all(axis=1).mean()
    assert late["greedy"] > 0.1
    assert late["UCB1"] == late["Thompson"] == 0


# --- counting -------------------------------------------------------------------------------------------------


def test_ucb1_index_by_hand() -> None:
    index = ucb1_index(np.array([3.0, 1.0]), np.array([6.0, 2.0]))
    np.testing.assert_allclose(index, [0.5 + np.sqrt(2 * np.log(8) / 6), 0.5 + np.sqrt(2 * np.log(8) / 2)])


def test_ucb1_shows_each_arm_once_before_it_compares() -> None:
    bandit = UCB1()
    run_bandit(bandit, PROBABILITIES, 3, 20)
    np.testing.assert_array_equal(bandit.shown_, np.ones((20, 3)))


def test_counts_add_up_to_the_steps() -> None:
    bandit = Thompson()
    run_bandit(bandit, PROBABILITIES, 40, 7)
    np.testing.assert_array_equal(bandit.shown_.sum(axis=1), np.full(7, 40))
    assert (bandit.clicks_ <= bandit.shown_).all()


def test_update_counts_clicks_of_the_arm_that_was_shown() -> None:
    bandit = EpsilonGreedy()
    bandit.reset(2, 3)
    bandit.update(np.array([2, 0]), np.array([True, False]))
    assert bandit.shown_.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert bandit.clicks_.tolist() == [[0, 0, 1], [0, 0, 0]]


def test_epsilon_of_one_shows_all_arms_alike_and_of_zero_the_best_mean() -> None:
    bandit = EpsilonGreedy(1.0)
    run_bandit(bandit, PROBABILITIES, 3000, 4)
    np.testing.assert_allclose(bandit.shown_ / 3000, 1 / 3, atol=0.04)
    greedy = EpsilonGreedy(0)
    greedy.reset(1, 3)
    greedy.shown_[:], greedy.clicks_[:] = [[5, 5, 5]], [[1, 4, 3]]
    assert greedy.choose(np.random.default_rng(0)).tolist() == [1]


def test_thompson_shows_an_arm_as_often_as_its_posterior_is_largest() -> None:
    n = 20_000
    bandit = Thompson()
    bandit.reset(n, 2)
    bandit.shown_[:], bandit.clicks_[:] = [10, 10], [4, 3]
    share = (bandit.choose(np.random.default_rng(0)) == 0).mean()
    grid = np.linspace(0, 1, 2001)
    better = np.trapezoid(stats.beta(5, 7).pdf(grid) * stats.beta(4, 8).cdf(grid), grid)
    assert share == pytest.approx(better, abs=0.015)


def test_equal_values_are_chosen_alike() -> None:
    chosen = argmax_at_random(np.tile([1.0, 0.0, 1.0], (4000, 1)), np.random.default_rng(0))
    assert set(chosen) == {0, 2}
    assert (chosen == 0).mean() == pytest.approx(0.5, abs=0.04)


def test_an_index_of_infinity_is_chosen() -> None:
    assert argmax_at_random(np.array([[1.0, np.inf]]), np.random.default_rng(0)).tolist() == [1]


# --- LinUCB ---------------------------------------------------------------------------------------------------


def test_sherman_morrison_equals_the_inverse() -> None:
    rng = np.random.default_rng(0)
    root, x = rng.normal(size=(4, 3, 3)), rng.normal(size=(4, 3))
    A = root @ root.swapaxes(1, 2) + np.eye(3)
    expected = np.linalg.inv(A + x[:, :, None] * x[:, None, :])
    np.testing.assert_allclose(sherman_morrison(np.linalg.inv(A), x), expected, atol=1e-10)


def test_linucb_weights_equal_ridge_regression_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    X, rewards = rng.normal(size=(50, 4)), rng.integers(2, size=50)
    arms = rng.integers(2, size=50)
    bandit = LinUCB(0.3, regularization=2.0)
    bandit.reset(1, 2, 4)
    for x, arm, reward in zip(X, arms, rewards, strict=True):
        bandit.update(np.array([arm]), np.array([reward]), x[None])
    for arm in (0, 1):
        grade = Ridge(alpha=2.0, fit_intercept=False).fit(X[arms == arm], rewards[arms == arm])
        np.testing.assert_allclose(bandit.weights_[0, arm], grade.coef_, atol=1e-8)


def test_linucb_prefers_the_arm_it_knows_less_of_two_that_look_alike() -> None:
    bandit = LinUCB(1.0)
    bandit.reset(1, 2, 1)
    bandit.update(np.array([0]), np.array([0]), np.ones((1, 1)))
    assert bandit.choose(np.random.default_rng(0), np.ones((1, 1))).tolist() == [1]


def test_linucb_learns_who_wants_what_and_a_bandit_without_context_cannot() -> None:
    probabilities, contexts = np.array([[0.8, 0.2], [0.2, 0.8]]), np.eye(2)
    blind, reads = (
        run_bandit(bandit, probabilities, 1000, 10, contexts=contexts) for bandit in (Thompson(), LinUCB(0.5))
    )
    assert reads[:, -1].mean() < 0.3 * blind[:, -1].mean()


# --- bad input ------------------------------------------------------------------------------------------------


def test_bad_input_is_refused_in_words_that_can_be_followed() -> None:
    with pytest.raises(ValueError, match="epsilon must be a finite number at least 0 and at most 1"):
        EpsilonGreedy(1.5)
    with pytest.raises(ValueError, match=r"alpha must be .* at least 0|regularization must be .* above 0"):
        LinUCB(-1)
    with pytest.raises(ValueError, match=r"alpha must be .* at least 0|regularization must be .* above 0"):
        LinUCB(regularization=0)
    with pytest.raises(ValueError, match="probabilities from 0 to 1"):
        run_bandit(UCB1(), np.array([0.5, 1.2]), 5)
    with pytest.raises(ValueError, match="probabilities must be finite numbers"):
        run_bandit(UCB1(), np.array([np.nan, 0.2]), 5)
    with pytest.raises(ValueError, match=r"(n_steps|n_runs) must be an integer, at least 1"):
        run_bandit(UCB1(), PROBABILITIES, 0)
    with pytest.raises(ValueError, match=r"contexts of shape \(1, n_features\); got \(2, 2\)"):
        run_bandit(LinUCB(), PROBABILITIES, 5, contexts=np.eye(2))
    with pytest.raises(ValueError, match=r"at least one feature per visitor; got 0\. Pass contexts"):
        run_bandit(LinUCB(), PROBABILITIES, 5)
