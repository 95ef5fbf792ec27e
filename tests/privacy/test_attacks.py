"""Attacks: what they find in logs and models, by hand, at random, and beside well-known libraries."""

import numpy as np
import pytest
from scipy.stats import beta, mannwhitneyu

from recsys_teach.privacy.attacks import (
    candidates,
    epsilon_lower_bound,
    kept_share,
    linkage_scores,
    membership_auc,
    uniqueness,
)

R = np.array([[5, 4, 0, 1], [4, 5, 1, 0], [1, 0, 5, 4], [0, 1, 4, 5], [5, 5, 1, 1]])


@pytest.fixture
def rng():
    return np.random.default_rng(15)


@pytest.fixture
def ratings(rng):
    return rng.integers(0, 6, size=(60, 30)) * (rng.random((60, 30)) < 0.4)


def test_candidates_are_the_rows_that_hold_all_known_ratings():
    assert candidates(R, [0], [5]).tolist() == [0, 4]
    assert candidates(R, [0, 1], [5, 4]).tolist() == [0]
    assert candidates(R, [0], [3]).tolist() == []


def test_person_is_always_among_their_own_candidates_and_more_knowledge_never_adds_any(ratings, rng):
    for user in range(60):
        items = rng.permutation(np.flatnonzero(ratings[user]))
        for n in range(1, len(items)):
            fewer, more = (candidates(ratings, items[:k], ratings[user, items[:k]]) for k in (n, n + 1))
            assert user in more and set(more) <= set(fewer)


def test_candidates_refuse_a_rating_too_many():
    with pytest.raises(ValueError, match="one rating per item"):
        candidates(R, [0, 1], [5, 4, 1])


def test_uniqueness_is_one_where_all_rows_differ_and_zero_where_rows_are_twins(rng):
    assert uniqueness(np.diag([1, 2, 3]), 1, rng) == 1
    assert uniqueness(np.repeat(R, 2, axis=0), 3, rng) == 0


def test_uniqueness_leaves_out_people_with_too_few_ratings(rng):
    table = np.array([[5, 0, 0], [1, 2, 3]])
    assert uniqueness(table, 2, rng) == 1
    with pytest.raises(ValueError, match="at least 1 person with n_known entries; got n_known=4"):
        uniqueness(table, 4, rng)
    with pytest.raises(ValueError, match="at least 1"):
        uniqueness(table, 0, rng)


def test_linkage_adds_the_weights_of_the_films_that_fit():
    n_raters = (R > 0).sum(axis=0)  # 4, 4, 4, 4
    scores = linkage_scores(R, np.array([0, 2]), np.array([4, 2]), n_raters)
    assert np.allclose(scores, np.array([1, 2, 0, 0, 2]) / np.log(5))


def test_linkage_lets_a_rare_film_count_more_and_an_unrated_one_never():
    scores = linkage_scores(np.array([[1, 0], [0, 1]]), np.array([0, 1]), np.array([0, 0]), np.array([1, 50]))
    assert np.allclose(scores, [1 / np.log(2), 1 / np.log(51)])


def test_linkage_finds_people_despite_mistakes(ratings, rng):
    n_raters = (ratings > 0).sum(axis=0)
    users = np.flatnonzero((ratings > 0).sum(axis=1) >= 6)
    found = 0
    for user in users:
        items = rng.choice(np.flatnonzero(ratings[user]), 6, replace=False)
        noisy = ratings[user, items] + rng.integers(-1, 2, size=6)
        items[0] = np.flatnonzero(ratings[user] == 0)[0]  # one is wrong altogether
        found += linkage_scores(ratings, items, noisy, n_raters).argmax() == user
    assert found > len(users) / 2  # by chance one


def test_kept_share_is_one_inside_the_directions_and_zero_across_them():
    V = np.array([[0.6], [0.8], [0.0]])
    assert np.allclose(kept_share(np.array([[3.0, 4, 0], [0, 0, 2], [4, -3, 0], [0, 0, 0]]), V), [1, 0, 0, 0])


def test_kept_share_rises_with_directions_and_does_not_depend_on_length(rng):
    rows = rng.normal(size=(10, 8))
    Q, _ = np.linalg.qr(rng.normal(size=(8, 8)))
    shares = [kept_share(rows, Q[:, :k]) for k in range(1, 9)]
    assert (np.diff(shares, axis=0) >= 0).all()
    assert np.allclose(shares[-1], 1)
    assert np.allclose(kept_share(7 * rows, Q[:, :3]), shares[2])


def test_kept_share_refuses_swapped_axes():
    with pytest.raises(ValueError, match="one column per item"):
        kept_share(np.ones((3, 4)), np.ones((3, 2)))


def test_auc_agrees_with_scipy_on_ties_too(rng):
    for _ in range(20):
        members, outsiders = rng.integers(0, 6, size=30), rng.integers(0, 5, size=20)
        expected = mannwhitneyu(members, outsiders).statistic / 600
        assert membership_auc(members, outsiders) == pytest.approx(expected)


def test_auc_of_nobody_is_refused():
    with pytest.raises(ValueError, match="scores of members and outsiders"):
        membership_auc(np.array([]), np.ones(3))


def test_lower_bound_uses_the_exact_interval():
    low, high = beta.ppf(0.025, 90, 11), beta.ppf(0.975, 11, 90)
    assert epsilon_lower_bound(90, 100, 10, 100) == pytest.approx(np.log(low / high))
    assert epsilon_lower_bound(90, 100, 10, 100, 0.1) == pytest.approx(np.log((low - 0.1) / high))


def test_lower_bound_is_finite_without_a_false_alarm_and_zero_for_guessing():
    assert 2 < epsilon_lower_bound(100, 100, 0, 100) < 4
    assert epsilon_lower_bound(50, 100, 50, 100) == 0
    assert epsilon_lower_bound(0, 100, 100, 100) == 0


def test_lower_bound_exceeds_the_truth_in_at_most_one_case_of_twenty(rng):
    p = np.e / (1 + np.e)  # randomized response with ε = 1: the best attack believes the answer
    above = sum(epsilon_lower_bound(rng.binomial(300, p), 300, rng.binomial(300, 1 - p), 300) > 1 for _ in range(100))
    assert above <= 5


def test_lower_bound_refuses_more_hits_than_runs():
    with pytest.raises(ValueError, match="within their runs"):
        epsilon_lower_bound(11, 10, 0, 10)
