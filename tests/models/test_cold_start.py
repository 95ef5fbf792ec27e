"""Cold start: the split, the prior, the fold-in, DropoutNet and the interview."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import DotProduct, WhiteKernel
from sklearn.linear_model import Ridge

from recsys_teach.data import Interactions
from recsys_teach.models import DropoutNet, HybridFactors, Popularity, ProfilePopularity
from recsys_teach.models.cold_start import (
    crossover,
    damped_shares,
    drop_rows,
    first_events,
    fold_into_prior,
    greedy_question,
    plan_interview,
    position_in_history,
    posterior_covariance,
    posterior_mean,
    split_newcomers,
)

MET = np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 1.0]])


@pytest.fixture(scope="module")
def two_kinds() -> Interactions:
    """Forty people, old and young, who mostly take what is theirs: even items the old, odd items the young."""
    rng = np.random.default_rng(0)
    old = np.arange(40) % 2 == 0
    theirs = old[:, None] == (np.arange(20) % 2 == 0)[None]
    interacted = rng.random((40, 20)) < np.where(theirs, 0.8, 0.1)
    interacted[:, 19] = False  # nobody met the last one
    interacted[38:] = False  # two newcomers
    users = pd.DataFrame({"age": np.where(old, "old", "young")})
    items = pd.DataFrame({"genre": np.where(np.arange(20) % 2 == 0, "drama", "space")})
    log = Interactions.from_matrix(interacted.astype(float)).log.assign(time=0)
    return Interactions.from_log(log, users=users, items=items)


@pytest.fixture(scope="module")
def net(two_kinds) -> DropoutNet:
    return DropoutNet(4, ["age"], ["genre"], n_epochs=60, batch_size=8).fit(two_kinds)


# --- the split ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def history() -> Interactions:
    """Four people with six events each, in an order of time that is not that of the log."""
    rng = np.random.default_rng(2)
    log = pd.DataFrame({"user": np.repeat(range(4), 6), "item": np.tile(range(6), 4), "time": rng.permutation(24)})
    return Interactions.from_log(log)


def test_position_in_history_counts_by_time(history) -> None:
    place = position_in_history(history)
    for user in range(4):
        theirs = history.log[history.user_pos == user]
        assert place[theirs.index[np.argsort(theirs["time"])]].tolist() == list(range(6))


def test_events_of_one_time_keep_the_order_of_the_log() -> None:
    log = pd.DataFrame({"user": list("baab"), "item": list("xyzy"), "time": [1, 1, 1, 1]})
    assert position_in_history(Interactions.from_log(log)).tolist() == [0, 0, 1, 1]


def test_newcomers_are_not_trained_on_and_nothing_stands_on_both_sides(history) -> None:
    train, split = split_newcomers(history, np.array([1, 3]), n_known=2, n_scored=4)
    assert set(train.user_pos) == {0, 2}
    assert set(split.train.user_pos) == set(split.test.user_pos) == {1, 3}
    assert len(split.train) == 4 and len(split.test) == 8
    for user in (1, 3):
        known = split.train.log["time"][split.train.user_pos == user]
        assert known.max() < split.test.log["time"][split.test.user_pos == user].min()


def test_first_events_grow_with_k_and_stay_inside_what_is_known(history) -> None:
    _, split = split_newcomers(history, np.array([1, 3]), n_known=3, n_scored=2)
    matrices = [first_events(split.train, k).toarray() for k in (0, 1, 3)]
    assert [matrix.sum() for matrix in matrices] == [0, 2, 6]
    assert (matrices[1] <= matrices[2]).all()
    np.testing.assert_array_equal(matrices[2], split.train.matrix().toarray())


def test_people_with_too_few_events_are_not_tested_and_not_trained_on(history) -> None:
    short = history.take(~((history.user_pos == 1) & (history.log["time"] > history.log["time"].median()).to_numpy()))
    train, split = split_newcomers(short, np.array([1, 3]), n_known=3, n_scored=3)
    assert set(split.test.user_pos) == {3}
    assert 1 not in train.user_pos


def test_split_without_anybody_is_refused(history) -> None:
    with pytest.raises(ValueError, match=r"at least 20 events.*got 0 such users"):
        split_newcomers(history, np.array([1]), n_known=10, n_scored=10)
    with pytest.raises(ValueError, match="0 events to train on"):
        split_newcomers(history, np.arange(4), n_known=2, n_scored=2)


def test_crossover_lies_where_the_mean_lead_crosses_zero() -> None:
    lead = np.tile([-2.0, -1.0, 1.0, 2.0], (50, 1))
    assert crossover([0, 1, 2, 5], lead) == (1.5, 1.5, 1.5)
    assert crossover([0, 1, 2, 5], lead + 3)[0] == 0
    assert crossover([0, 1, 2, 5], lead - 3) == (np.inf, np.inf, np.inf)


def test_crossover_interval_holds_the_point_and_widens_with_noise() -> None:
    rng = np.random.default_rng(0)
    lead = np.array([-1.0, 0.5, 1.0]) + rng.normal(0, 1, size=(200, 3))
    point, low, high = crossover([0, 1, 2], lead)
    assert low <= point <= high
    noisy = crossover([0, 1, 2], lead + rng.normal(0, 3, size=(200, 3)))
    assert noisy[2] - noisy[1] > high - low
    with pytest.raises(ValueError, match=r"lead of shape \(n_users, 3\)"):
        crossover([0, 1, 2], lead[:, :2])


# --- the prior ------------------------------------------------------------------------------------------------


def test_damped_shares_by_hand() -> None:
    np.testing.assert_allclose(damped_shares(MET, np.array([True, True, False, False]), 2.0), [0.875, 0.375, 0.25])


def test_damping_leads_from_the_group_to_everybody() -> None:
    group = np.array([True, True, False, False])
    np.testing.assert_allclose(damped_shares(MET, group, 0.0), MET[:2].mean(axis=0))
    np.testing.assert_allclose(damped_shares(MET, group, 1e9), MET.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(damped_shares(MET, ~(group | ~group), 3.0), MET.mean(axis=0))
    with pytest.raises(ValueError, match="above 0 for an empty group"):
        damped_shares(MET, ~(group | ~group), 0.0)


def test_profile_without_columns_is_popularity(two_kinds) -> None:
    profile, popular = ProfilePopularity().fit(two_kinds), Popularity().fit(two_kinds)
    np.testing.assert_allclose(38 * profile.score(np.array([3])), popular.score(np.array([3])))


def test_profile_of_one_column_is_the_damped_share_of_the_group(two_kinds) -> None:
    model = ProfilePopularity(["age"], damping=4.0).fit(two_kinds)
    interacted = two_kinds.matrix()[np.arange(38)]
    expected = damped_shares(interacted, np.arange(38) % 2 == 0, 4.0)
    np.testing.assert_allclose(model.score(np.array([0])), [expected], atol=1e-12)


def test_newcomer_gets_what_their_profile_takes(two_kinds) -> None:
    model = ProfilePopularity(["age"], damping=5.0).fit(two_kinds)
    for user in (38, 39):
        assert set(model.recommend(np.array([user]), 9)[0] % 2) == {user % 2}
    by_table = model.from_profiles(pd.DataFrame({"age": ["old", "young"]}))
    np.testing.assert_allclose(by_table, model.score(np.array([38, 39])))


def test_profile_that_is_not_known_gives_everybodys_share(two_kinds) -> None:
    model = ProfilePopularity(["age"]).fit(two_kinds)
    np.testing.assert_allclose(model.from_profiles(pd.DataFrame({"age": [None]}))[0], model.shares_)
    with pytest.warns(UserWarning, match="1 of 2 values of 'age', for example 'a child'"):
        some = model.from_profiles(pd.DataFrame({"age": ["a child", "old"]}))
    np.testing.assert_allclose(some[0], model.shares_)


# --- the hybrid -----------------------------------------------------------------------------------------------


def test_fold_into_prior_by_hand() -> None:
    moved = fold_into_prior(np.array([0.5, 0.5, 0.2]), np.array([[1.0], [1.0], [0.0]]), np.array([0]), 1.0)
    np.testing.assert_allclose(moved, [0.75, 0.75, 0.2])


def test_fold_into_prior_is_ridge_regression_on_the_surprise() -> None:
    rng = np.random.default_rng(0)
    prior, H, known = rng.random(8), rng.normal(size=(8, 3)), np.array([1, 4, 6, 7])
    grade = Ridge(alpha=0.3, fit_intercept=False).fit(H[known], 1 - prior[known])
    np.testing.assert_allclose(fold_into_prior(prior, H, known, 0.3), prior + H @ grade.coef_, atol=1e-10)


def test_fold_into_prior_is_the_mean_of_a_gaussian_process() -> None:
    rng = np.random.default_rng(1)
    prior, H, known = rng.random(8), rng.normal(size=(8, 3)), np.array([0, 2, 5])
    kernel = DotProduct(sigma_0=0, sigma_0_bounds="fixed") + WhiteKernel(0.4, noise_level_bounds="fixed")
    grade = GaussianProcessRegressor(kernel, optimizer=None).fit(H[known], 1 - prior[known])
    np.testing.assert_allclose(fold_into_prior(prior, H, known, 0.4), prior + grade.predict(H), atol=1e-8)


def test_without_events_the_prior_stands_and_an_expected_event_moves_nothing() -> None:
    prior, H = np.array([1.0, 0.3]), np.ones((2, 1))
    np.testing.assert_array_equal(fold_into_prior(prior, H, np.array([], dtype=int), 0.1), prior)
    np.testing.assert_allclose(fold_into_prior(prior, H, np.array([0]), 0.1), prior)


def test_hybrid_of_a_newcomer_is_the_profile(two_kinds) -> None:
    model = HybridFactors(3, ["age"]).fit(two_kinds)
    np.testing.assert_allclose(model.score(np.array([38])), model.prior_.score(np.array([38])))


def test_hybrid_factors_hold_the_covariance_of_what_the_prior_leaves(two_kinds) -> None:
    model = HybridFactors(20, ["age"]).fit(two_kinds)
    left = two_kinds.matrix().toarray()[:38] - model.prior_.score(np.arange(38))
    np.testing.assert_allclose(model.item_factors_ @ model.item_factors_.T, left.T @ left / 38, atol=1e-10)


def test_one_event_moves_the_hybrid_against_the_profile(two_kinds) -> None:
    model = HybridFactors(5, [], noise=0.1).fit(two_kinds)
    row = np.zeros((1, 20))
    row[0, 3] = 1
    scores = model.fold_in(row)[0]
    assert scores[1:19:2].mean() > scores[0:19:2].mean() + 0.1


def test_folding_in_a_row_of_training_gives_its_score(two_kinds) -> None:
    users, rows = two_kinds.users.iloc[[4, 9]], two_kinds.matrix()[[4, 9]]
    for model in (HybridFactors(4, ["age"]), DropoutNet(3, ["age"], ["genre"], n_epochs=2)):
        model.fit(two_kinds)
        np.testing.assert_allclose(model.fold_in(rows, users), model.score(np.array([4, 9])), atol=1e-5)


# --- DropoutNet -----------------------------------------------------------------------------------------------


def test_drop_rows_drops_factors_and_nothing_else() -> None:
    came = drop_rows(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1.0], [5.0]]), torch.tensor([True, False]))
    assert came.tolist() == [[1, 2, 1], [0, 0, 5]]


def test_dropoutnet_gives_newcomers_what_their_profile_takes(net) -> None:
    for user in (38, 39):
        assert (net.recommend(np.array([user]), 5)[0] % 2 == user % 2).mean() >= 0.8


def test_dropoutnet_ranks_an_item_that_nobody_met_by_its_genre(net) -> None:
    scores = net.score(np.arange(38))[:, 19]  # of the young ones' genre
    assert scores[1::2].mean() > scores[0::2].mean()


def test_dropoutnet_learns_the_scores_of_its_factors(net) -> None:
    factors, users = net.factors_.score(np.arange(38))[:, :19], net.score(np.arange(38))[:, :19]
    assert np.corrcoef(factors.ravel(), users.ravel())[0, 1] > 0.8
    assert net.loss_history_[-1] < net.loss_history_[0]


@pytest.mark.parametrize("dropout", [-0.1, 1.0, 2.0])
def test_dropout_that_is_no_share_is_refused(two_kinds, dropout) -> None:
    with pytest.raises(ValueError, match="dropout must be a finite number at least 0 and below 1"):
        DropoutNet(3, dropout=dropout).fit(two_kinds)


@pytest.mark.parametrize("model", [ProfilePopularity(["zip"]), HybridFactors(3, ["zip"]), DropoutNet(3, ["zip"])])
def test_a_column_that_is_not_there_is_refused(two_kinds, model) -> None:
    with pytest.raises(ValueError, match="columns names 'zip', but the table has"):
        model.fit(two_kinds)


def test_wrong_parameters_and_rows_are_refused(two_kinds, net) -> None:
    with pytest.raises(ValueError, match="damping must be a finite number above 0"):
        ProfilePopularity(damping=0).fit(two_kinds)
    with pytest.raises(ValueError, match="noise must be a finite number above 0"):
        HybridFactors(noise=0).fit(two_kinds)
    with pytest.raises(ValueError, match=r"\(n, 20\).*got \(2, 3\)"):
        net.fold_in(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="one profile per row; got 40 profiles and 2 rows"):
        net.fold_in(np.zeros((2, 20)), two_kinds.users)
    with pytest.raises(ValueError, match="Expected columns as a list of names"):
        ProfilePopularity("age").fit(two_kinds)


# --- the interview --------------------------------------------------------------------------------------------


def test_question_and_what_stays_uncertain_by_hand() -> None:
    C = np.array([[1.0, 0.5, 0.0], [0.5, 1.0, 0.9], [0.0, 0.9, 1.0]])
    assert greedy_question(C, np.array([0, 1]), np.array([2]), 1.0) == 1
    np.testing.assert_allclose(posterior_covariance(C, 1, 1.0)[0], [0.875, 0.25, -0.225])


def test_answers_one_by_one_leave_what_a_normal_model_leaves_after_all() -> None:
    rng = np.random.default_rng(0)
    root = rng.normal(size=(7, 5))
    C = root.T @ root
    left, asked = C, [3, 0, 4]
    for question in asked:
        left = posterior_covariance(left, question, 0.5)
    expected = C - C[:, asked] @ np.linalg.solve(C[np.ix_(asked, asked)] + 0.5 * np.eye(3), C[asked])
    np.testing.assert_allclose(left, expected, atol=1e-10)


def test_plan_asks_no_twin_of_what_was_asked() -> None:
    taste = np.array([[1.0, 1.0, 0.0, 1.0], [0.0, 0.0, 0.8, 0.0]])  # items 0 and 1 say the same
    C = taste.T @ taste
    assert plan_interview(C, 2, np.arange(3), np.arange(4), 0.01).tolist()[1] == 2


def test_plan_takes_no_question_twice_and_needs_enough_of_them() -> None:
    root = np.random.default_rng(0).normal(size=(9, 6))
    plan = plan_interview(root.T @ root, 4, np.arange(4), np.array([4, 5]))
    assert sorted(plan) == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="n_questions must be an integer from 0 to 4; got 5"):
        plan_interview(root.T @ root, 5, np.arange(4), np.array([4, 5]))


def test_no_question_leaves_the_mean_and_answers_move_it_their_way() -> None:
    mean, C = np.array([0.5, 0.4]), np.array([[0.25, 0.2], [0.2, 0.24]])
    none = posterior_mean(mean, C, np.array([], dtype=int), np.zeros((3, 0)))
    np.testing.assert_allclose(none, np.tile(mean, (3, 1)))
    yes, no = posterior_mean(mean, C, np.array([0]), np.array([[1.0], [0.0]]), noise=0.05)
    assert yes[1] > mean[1] > no[1]
    np.testing.assert_allclose(yes, mean + 0.5 * C[0] / 0.3)
