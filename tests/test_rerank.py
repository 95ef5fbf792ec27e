"""Re-ranking: by hand, by brute force over small sets, and with bad input."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import entropy

from recsys_teach.rerank import (
    calibrated,
    calibration_divergence,
    dpp_kernel,
    greedy_dpp,
    intra_list_distance,
    mmr,
)

SIMILAR = np.array([[1, 0.8, 0.1, 0.2], [0.8, 1, 0.3, 0.2], [0.1, 0.3, 1, 0.7], [0.2, 0.2, 0.7, 1]])
SCORES = np.array([1.0, 0.9, 0.5, 0.4])


def random_kernel(rng, n=8, rank=12):
    vectors = rng.normal(size=(n, rank))
    return vectors @ vectors.T


def greedy_by_determinants(kernel, k):
    chosen = []
    for _ in range(k):
        left = [i for i in range(len(kernel)) if i not in chosen]
        volumes = [np.linalg.det(kernel[np.ix_([*chosen, i], [*chosen, i])]) for i in left]
        chosen.append(left[int(np.argmax(volumes))])
    return chosen


def test_distance_of_a_list_is_the_mean_over_its_pairs():
    lists = np.array([[0, 1, 2], [3, 2, 1]])
    expected = [1 - (0.8 + 0.1 + 0.3) / 3, 1 - (0.7 + 0.2 + 0.3) / 3]
    np.testing.assert_allclose(intra_list_distance(lists, SIMILAR), expected)


def test_mmr_without_trade_off_ranks_by_score_and_with_it_skips_what_is_similar():
    assert mmr(SCORES, SIMILAR, 4, 0).tolist() == [0, 1, 2, 3]
    assert mmr(SCORES, SIMILAR, 2, 0.5).tolist() == [0, 2]  # .25 - .05 against .45 - .4 and .2 - .1
    assert mmr(SCORES, SIMILAR, 3, 1).tolist() == [0, 2, 3]  # .7 to item 2 is less than .8 to item 0


def test_mmr_equals_its_definition_written_as_a_loop():
    rng = np.random.default_rng(0)
    for _ in range(20):
        scores, similarity = rng.random(9), random_kernel(rng, 9)
        trade_off, chosen = rng.random(), [int(scores.argmax())]
        while len(chosen) < 5:
            values = {
                i: (1 - trade_off) * scores[i] - trade_off * max(similarity[i, j] for j in chosen)
                for i in range(9)
                if i not in chosen
            }
            chosen.append(max(values, key=values.get))
        assert mmr(scores, similarity, 5, trade_off).tolist() == chosen


def test_greedy_dpp_equals_the_greedy_choice_by_determinants():
    rng = np.random.default_rng(1)
    for _ in range(50):
        kernel = random_kernel(rng)
        assert greedy_dpp(kernel, 5).tolist() == greedy_by_determinants(kernel, 5)


def test_greedy_dpp_reaches_at_least_the_guaranteed_share_of_the_best_set():
    rng = np.random.default_rng(2)
    best = 0
    for _ in range(100):
        kernel = random_kernel(rng)
        sets = [list(s) for s in combinations(range(8), 3)]
        volumes = [np.linalg.det(kernel[np.ix_(s, s)]) for s in sets]
        chosen = sorted(greedy_dpp(kernel, 3).tolist())
        best += chosen == sets[int(np.argmax(volumes))]
    assert best >= 50


def test_greedy_dpp_of_two_items_by_hand():
    # scores as logs of the diagonal: volumes 4·1·(1 - .81) = .76 and 4·.5·(1 - 0) = 2
    kernel = np.array([[4, 1.8, 0], [1.8, 1, 0], [0, 0, 0.5]])
    assert greedy_dpp(kernel, 2).tolist() == [0, 2]


def test_greedy_dpp_ends_where_no_item_adds_volume():
    vectors = np.random.default_rng(3).normal(size=(6, 2))
    assert len(greedy_dpp(vectors @ vectors.T, 5)) == 2


def test_kernel_weighs_scores_and_keeps_similarities():
    kernel = dpp_kernel(SCORES, SIMILAR, weight=3.0)
    np.testing.assert_allclose(np.log(np.diag(kernel)), 3 * (SCORES - 1))
    root = np.sqrt(np.diag(kernel))
    np.testing.assert_allclose(kernel / np.outer(root, root), SIMILAR)
    assert greedy_dpp(dpp_kernel(SCORES, SIMILAR, weight=100.0), 4).tolist() == [0, 1, 2, 3]


def test_divergence_equals_scipy_and_is_zero_for_equal_shares():
    p, q = np.array([0.7, 0.3, 0.0]), np.array([0.5, 0.0, 0.5])
    assert calibration_divergence(p, q) == pytest.approx(entropy(p, 0.99 * q + 0.01 * p))
    assert calibration_divergence(p, p) == 0


def test_calibrated_equals_its_definition_written_as_a_loop():
    rng = np.random.default_rng(4)
    for _ in range(20):
        scores, genres, target = rng.random(8), rng.dirichlet(np.ones(3), 8), rng.dirichlet(np.ones(3))
        trade_off, chosen = rng.random(), []
        while len(chosen) < 4:
            values = {}
            for i in set(range(8)) - set(chosen):
                items = [*chosen, i]
                divergence = calibration_divergence(target, genres[items].mean(axis=0))
                values[i] = (1 - trade_off) * scores[items].sum() - trade_off * divergence
            chosen.append(max(values, key=values.get))
        assert calibrated(scores, genres, target, 4, trade_off).tolist() == chosen


def test_calibrated_reaches_the_shares_of_the_history():
    genres = np.eye(2)[[0, 0, 0, 0, 0, 0, 1, 1]]
    scores = np.array([9, 8, 7, 6, 5, 4, 3, 2]) / 10
    ranked = calibrated(scores, genres, np.array([0.5, 0.5]), 4, 0.99)
    assert genres[ranked].mean(axis=0).tolist() == [0.5, 0.5]
    assert calibrated(scores, genres, np.array([0.5, 0.5]), 4, 0).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mmr(SCORES, SIMILAR[:3], 2, 0.5), "shape"),
        (lambda: mmr(SCORES[:3], SIMILAR, 2, 0.5), "same items in both"),
        (lambda: mmr(SCORES, SIMILAR, 5, 0.5), "k must be an integer from 1 to 4"),
        (lambda: mmr(SCORES, SIMILAR, 2, 1.5), "trade_off must be a finite number at least 0 and at most 1"),
        (lambda: greedy_dpp(np.triu(SIMILAR), 2), "symmetric"),
        (lambda: dpp_kernel(SCORES, SIMILAR, -1.0), "weight must be"),
        (lambda: calibration_divergence(np.array([0.5, 0.4]), np.array([0.5, 0.5])), "sum to 1"),
        (lambda: calibration_divergence(np.array([0.5, 0.5]), np.array([0, 0.5, 0.5])), "share of each genre"),
        (lambda: calibrated(SCORES, np.eye(3), np.ones(3) / 3, 2, 0.5), "one row of genres per item"),
        (lambda: intra_list_distance(np.array([0, 1]), SIMILAR), "single list"),
        (lambda: intra_list_distance(np.array([[0, -1]]), SIMILAR), "cut off empty ranks"),
    ],
)
def test_bad_input_is_refused_with_a_fix(call, message):
    with pytest.raises(ValueError, match=message):
        call()
