"""Bandits: their indices by hand, what they learn, and the regret against a truth that is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import Ridge

from recsys_teach.bandits import UCB1, EpsilonGreedy, LinUCB, Thompson, after_seeing, best_at_random, play, ucb1_index

CHANCES = np.array([0.2, 0.6, 0.4])
ALL = [EpsilonGreedy(0), EpsilonGreedy(0.1), UCB1(), Thompson(), LinUCB(0.5)]


class Always:
    """Shows one arm."""

    def __init__(self, arm: int):
        self.arm = arm

    def start(self, n_runs: int, n_arms: int, n_features: int) -> None:
        self.n_runs, self.rewards = n_runs, []

    def choose(self, rng: np.random.Generator, contexts: np.ndarray) -> np.ndarray:
        return np.full(self.n_runs, self.arm)

    def update(self, arms: np.ndarray, rewards: np.ndarray, contexts: np.ndarray) -> None:
        self.rewards.append(rewards)


# --- regret ---------------------------------------------------------------------------------------------------


def test_regret_of_the_best_arm_is_zero() -> None:
    np.testing.assert_array_equal(play(Always(1), CHANCES, 50, 4), np.zeros((4, 50)))


def test_regret_of_another_arm_grows_by_what_it_lacks() -> None:
    np.testing.assert_allclose(play(Always(2), CHANCES, 10, 2), np.tile(0.2 * np.arange(1, 11), (2, 1)))


def test_regret_counts_against_the_best_arm_of_each_visitor() -> None:
    regret = play(Always(0), np.array([[0.9, 0.1], [0.1, 0.9]]), 4000, 5)
    np.testing.assert_allclose(regret[:, -1] / 4000, 0.4, atol=0.03)


def test_clicks_come_as_often_as_the_chance_says() -> None:
    bandit = Always(1)
    play(bandit, CHANCES, 2000, 10)
    assert np.mean(bandit.rewards) == pytest.approx(0.6, abs=0.02)


def test_all_bandits_meet_the_same_visitors() -> None:
    chances = np.random.default_rng(0).random((6, 3))
    first, second = Always(0), Always(0)
    play(first, chances, 20, 3, random_state=5)
    play(second, chances, 20, 3, random_state=5)
    np.testing.assert_array_equal(first.rewards, second.rewards)


@pytest.mark.parametrize("bandit", ALL, ids=lambda bandit: type(bandit).__name__)
def test_regret_never_falls_and_a_seed_repeats_it(bandit) -> None:
    one, two = (play(bandit, CHANCES, 60, 5, contexts=np.ones((1, 1)), random_state=3) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert (np.diff(one, axis=1) >= 0).all()


def test_greedy_locks_in_and_the_others_do_not() -> None:
    late = {}
    for name, bandit in {"greedy": EpsilonGreedy(0), "UCB1": UCB1(), "Thompson": Thompson()}.items():
        regret = play(bandit, CHANCES, 3000, 60)
        late[name] = (np.diff(regret[:, 1500:], axis=1) > 0).all(axis=1).mean()
    assert late["greedy"] > 0.1
    assert late["UCB1"] == late["Thompson"] == 0


# --- counting -------------------------------------------------------------------------------------------------


def test_ucb1_index_by_hand() -> None:
    index = ucb1_index(np.array([3.0, 1.0]), np.array([6.0, 2.0]))
    np.testing.assert_allclose(index, [0.5 + np.sqrt(2 * np.log(8) / 6), 0.5 + np.sqrt(2 * np.log(8) / 2)])


def test_ucb1_shows_each_arm_once_before_it_compares() -> None:
    bandit = UCB1()
    play(bandit, CHANCES, 3, 20)
    np.testing.assert_array_equal(bandit.shown_, np.ones((20, 3)))


def test_counts_add_up_to_the_steps() -> None:
    bandit = Thompson()
    play(bandit, CHANCES, 40, 7)
    np.testing.assert_array_equal(bandit.shown_.sum(axis=1), np.full(7, 40))
    assert (bandit.clicks_ <= bandit.shown_).all()


def test_update_counts_clicks_of_the_arm_that_was_shown() -> None:
    bandit = EpsilonGreedy()
    bandit.start(2, 3)
    bandit.update(np.array([2, 0]), np.array([True, False]))
    assert bandit.shown_.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert bandit.clicks_.tolist() == [[0, 0, 1], [0, 0, 0]]


def test_epsilon_of_one_shows_all_arms_alike_and_of_zero_the_best_mean() -> None:
    bandit = EpsilonGreedy(1.0)
    play(bandit, CHANCES, 3000, 4)
    np.testing.assert_allclose(bandit.shown_ / 3000, 1 / 3, atol=0.04)
    greedy = EpsilonGreedy(0)
    greedy.start(1, 3)
    greedy.shown_[:], greedy.clicks_[:] = [[5, 5, 5]], [[1, 4, 3]]
    assert greedy.choose(np.random.default_rng(0)).tolist() == [1]


def test_thompson_shows_an_arm_as_often_as_its_posterior_is_largest() -> None:
    n = 20_000
    bandit = Thompson()
    bandit.start(n, 2)
    bandit.shown_[:], bandit.clicks_[:] = [10, 10], [4, 3]
    share = (bandit.choose(np.random.default_rng(0)) == 0).mean()
    grid = np.linspace(0, 1, 2001)
    better = np.trapezoid(stats.beta(5, 7).pdf(grid) * stats.beta(4, 8).cdf(grid), grid)
    assert share == pytest.approx(better, abs=0.015)


def test_equal_values_are_chosen_alike() -> None:
    chosen = best_at_random(np.tile([1.0, 0.0, 1.0], (4000, 1)), np.random.default_rng(0))
    assert set(chosen) == {0, 2}
    assert (chosen == 0).mean() == pytest.approx(0.5, abs=0.04)


def test_an_index_of_infinity_is_chosen() -> None:
    assert best_at_random(np.array([[1.0, np.inf]]), np.random.default_rng(0)).tolist() == [1]


# --- LinUCB ---------------------------------------------------------------------------------------------------


def test_sherman_morrison_equals_the_inverse() -> None:
    rng = np.random.default_rng(0)
    root, x = rng.normal(size=(4, 3, 3)), rng.normal(size=(4, 3))
    A = root @ root.swapaxes(1, 2) + np.eye(3)
    expected = np.linalg.inv(A + x[:, :, None] * x[:, None, :])
    np.testing.assert_allclose(after_seeing(np.linalg.inv(A), x), expected, atol=1e-10)


def test_linucb_weights_equal_ridge_regression_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    X, rewards = rng.normal(size=(50, 4)), rng.integers(2, size=50)
    arms = rng.integers(2, size=50)
    bandit = LinUCB(0.3, ridge=2.0)
    bandit.start(1, 2, 4)
    for x, arm, reward in zip(X, arms, rewards, strict=True):
        bandit.update(np.array([arm]), np.array([reward]), x[None])
    for arm in (0, 1):
        judge = Ridge(alpha=2.0, fit_intercept=False).fit(X[arms == arm], rewards[arms == arm])
        np.testing.assert_allclose(bandit.weights_[0, arm], judge.coef_, atol=1e-8)


def test_linucb_prefers_the_arm_it_knows_less_of_two_that_look_alike() -> None:
    bandit = LinUCB(1.0)
    bandit.start(1, 2, 1)
    bandit.update(np.array([0]), np.array([0]), np.ones((1, 1)))
    assert bandit.choose(np.random.default_rng(0), np.ones((1, 1))).tolist() == [1]


def test_linucb_learns_who_wants_what_and_a_bandit_without_context_cannot() -> None:
    chances, contexts = np.array([[0.8, 0.2], [0.2, 0.8]]), np.eye(2)
    blind, reads = (play(bandit, chances, 1000, 10, contexts=contexts) for bandit in (Thompson(), LinUCB(0.5)))
    assert reads[:, -1].mean() < 0.3 * blind[:, -1].mean()


# --- bad input ------------------------------------------------------------------------------------------------


def test_bad_input_is_refused_in_words_that_can_be_followed() -> None:
    with pytest.raises(ValueError, match="epsilon must be a finite number at least 0 and at most 1"):
        EpsilonGreedy(1.5)
    with pytest.raises(ValueError, match=r"alpha must be .* at least 0|ridge must be .* above 0"):
        LinUCB(-1)
    with pytest.raises(ValueError, match=r"alpha must be .* at least 0|ridge must be .* above 0"):
        LinUCB(ridge=0)
    with pytest.raises(ValueError, match="chances from 0 to 1"):
        play(UCB1(), np.array([0.5, 1.2]), 5)
    with pytest.raises(ValueError, match="chances must be finite numbers"):
        play(UCB1(), np.array([np.nan, 0.2]), 5)
    with pytest.raises(ValueError, match=r"(n_steps|n_runs) must be an integer, at least 1"):
        play(UCB1(), CHANCES, 0)
    with pytest.raises(ValueError, match=r"contexts of shape \(1, n_features\); got \(2, 2\)"):
        play(LinUCB(), CHANCES, 5, contexts=np.eye(2))
    with pytest.raises(ValueError, match="give contexts"):
        play(LinUCB(), CHANCES, 5)
