"""The metrics of chapter 03 against hand-worked cases, loops and scikit-learn, ties included."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import average_precision_score, ndcg_score

from recsys_teach.evaluation import (
    coverage,
    hit_rate_at_k,
    map_at_k,
    metrics_at_k,
    mrr_at_k,
    ndcg_at_k,
    novelty,
    precision_at_k,
    recall_at_k,
    recommended_gini,
    tied_ndcg_at_k,
    top_k,
)

LIST_METRICS = [precision_at_k, hit_rate_at_k, mrr_at_k, map_at_k, ndcg_at_k]


def relevant(*rows: list[int], n_items: int = 8) -> sparse.csr_array:
    dense = np.zeros((len(rows), n_items))
    for user, items in enumerate(rows):
        dense[user, items] = 1
    return sparse.csr_array(dense)


def random_case(seed: int, n_users: int = 40, n_items: int = 25, k: int = 7) -> tuple[np.ndarray, sparse.csr_array]:
    rng = np.random.default_rng(seed)
    ranked = np.array([rng.permutation(n_items)[:k] for _ in range(n_users)])
    ranked[3, 4:] = -1  # a list that is not full
    return ranked, sparse.csr_array(rng.random((n_users, n_items)) < rng.choice([0, 0.05, 0.4], size=(n_users, 1)))


# --- lists ----------------------------------------------------------------------------------------------------


def test_hits_at_places_1_3_and_5_of_four_relevant() -> None:
    case = np.array([[0, 1, 2, 3, 4]]), relevant([0, 2, 4, 7])
    assert precision_at_k(*case) == pytest.approx([3 / 5])
    assert hit_rate_at_k(*case).tolist() == [1]
    assert mrr_at_k(*case).tolist() == [1]
    assert map_at_k(*case) == pytest.approx([(1 + 2 / 3 + 3 / 5) / 4])


def test_only_the_first_hit_counts_for_mrr() -> None:
    assert mrr_at_k(np.array([[5, 0, 1], [5, 0, 6], [5, 6, 7]]), relevant([0, 1], [0], [0])).tolist() == [0.5, 0.5, 0]


def test_map_divides_by_what_could_be_found_and_not_by_what_was() -> None:
    one_of_many, more_than_k = map_at_k(np.array([[0, 5], [0, 1]]), relevant([0, 1, 2], [0, 1, 2]))
    assert one_of_many == 0.5
    assert more_than_k == 1


def test_map_of_a_whole_ranking_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    scores, wanted = rng.random((30, 12)), rng.random((30, 12)) < 0.3
    wanted[:, 0] = True
    came = map_at_k(top_k(scores, 12), sparse.csr_array(wanted))
    expected = [average_precision_score(truth, row) for truth, row in zip(wanted, scores, strict=True)]
    np.testing.assert_allclose(came, expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_list_metrics_agree_with_loops(seed: int) -> None:
    ranked, wanted = random_case(seed)
    k = ranked.shape[1]
    came = [metric(ranked, wanted) for metric in (precision_at_k, hit_rate_at_k, mrr_at_k, map_at_k)]
    for user, items in enumerate(ranked):
        liked = set(np.flatnonzero(wanted.toarray()[user]))
        places = [place for place, item in enumerate(items, start=1) if item in liked]
        if not liked:
            assert all(np.isnan(values[user]) for values in came)
            continue
        precisions = sum(n_hits / place for n_hits, place in enumerate(places, start=1))
        expected = [len(places) / k, int(bool(places)), 1 / places[0] if places else 0, precisions / min(k, len(liked))]
        assert [values[user] for values in came] == pytest.approx(expected)


@pytest.mark.parametrize("metric", LIST_METRICS)
def test_a_user_without_relevant_items_gets_nan_and_no_warning(metric, recwarn: pytest.WarningsRecorder) -> None:
    came = metric(np.array([[0, 1], [0, 1]]), relevant([], [0, 1]))
    assert np.isnan(came[0])
    assert came[1] == 1
    assert not recwarn.list


@pytest.mark.parametrize("metric", LIST_METRICS)
def test_an_empty_place_costs_as_much_as_a_miss(metric) -> None:
    wanted = relevant([0, 4])
    assert metric(np.array([[0, -1, 4]]), wanted) == metric(np.array([[0, 6, 4]]), wanted)


@pytest.mark.parametrize("metric", LIST_METRICS)
def test_values_lie_between_0_and_1_and_a_perfect_list_has_1(metric) -> None:
    ranked, wanted = random_case(7)
    came = metric(ranked, wanted)
    assert ((came[~np.isnan(came)] >= 0) & (came[~np.isnan(came)] <= 1)).all()
    assert metric(np.array([[2, 5, 1]]), relevant([1, 2, 5, 7])).tolist() == [1]


# --- ties -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 3, 7, 12, 20])
@pytest.mark.parametrize("n_levels", [1, 2, 4, 1000])
def test_tied_ndcg_agrees_with_scikit_learn(n_levels: int, k: int) -> None:
    rng = np.random.default_rng(n_levels + k)
    scores, wanted = rng.integers(n_levels, size=(40, 12)).astype(float), rng.random((40, 12)) < 0.3
    came = tied_ndcg_at_k(scores, sparse.csr_array(wanted), k)
    some = wanted.any(axis=1)
    assert np.isnan(came[~some]).all()
    expected = [ndcg_score(wanted[[user]].astype(int), scores[[user]], k=k) for user in np.flatnonzero(some)]
    np.testing.assert_allclose(came[some], expected, atol=1e-12)


def test_tied_ndcg_is_the_mean_over_all_orders_that_fit() -> None:
    scores, wanted = np.array([2.0, 1, 2, 1, 1]), relevant([0, 4], n_items=5)
    orders = [order for order in permutations(range(5)) if (np.diff(scores[list(order)]) <= 0).all()]
    mean = np.mean([ndcg_at_k(np.array([order[:3]]), wanted)[0] for order in orders])
    assert len(orders) == 12
    assert tied_ndcg_at_k(scores[None], wanted, 3) == pytest.approx([mean])


def test_tied_ndcg_without_ties_is_ndcg() -> None:
    scores = np.random.default_rng(1).random((40, 25))
    wanted = random_case(1)[1]
    np.testing.assert_allclose(tied_ndcg_at_k(scores, wanted, 7), ndcg_at_k(top_k(scores, 7), wanted), atol=1e-12)


@pytest.mark.parametrize(("scores", "k"), [(np.zeros((1, 8)), 0), (np.zeros((2, 8)), 1), (np.full((1, 8), np.nan), 1)])
def test_tied_ndcg_says_what_it_expected(scores: np.ndarray, k: int) -> None:
    with pytest.raises(ValueError, match=r"k must be an integer, at least 1|scores of shape \(1, 8\) without NaN; got"):
        tied_ndcg_at_k(scores, relevant([0]), k)


# --- beyond accuracy ------------------------------------------------------------------------------------------


def test_coverage_gini_and_novelty_of_two_lists() -> None:
    ranked = np.array([[0, 1, -1], [0, 2, -1]])
    assert coverage(ranked, 5) == 3 / 5
    assert recommended_gini(ranked, 5) == pytest.approx(0.5)  # shown 0, 0, 1, 1 and 2 times
    assert novelty(ranked, np.array([4, 2, 1, 9, 9]), 4) == pytest.approx((0 + 1 + 0 + 2) / 4)


def test_an_item_that_nobody_met_is_as_novel_as_one_that_one_user_met() -> None:
    assert novelty(np.array([[0]]), np.array([0, 3]), 8) == novelty(np.array([[0]]), np.array([1, 3]), 8) == 3


def test_everybody_shown_the_same_covers_little_and_is_unequal() -> None:
    same, different = np.tile(np.arange(2), (5, 1)), np.arange(10).reshape(5, 2)
    assert coverage(same, 10) == 0.2
    assert coverage(different, 10) == 1
    assert recommended_gini(same, 10) == pytest.approx(0.8)
    assert recommended_gini(different, 10) == pytest.approx(0)


@pytest.mark.parametrize("ranked", [np.empty((0, 3), dtype=int), np.array([[-1, -1]]), np.array([[5]])])
def test_lists_without_an_item_or_with_an_unknown_one_are_refused(ranked: np.ndarray) -> None:
    with pytest.raises(ValueError, match="item positions from 0 to 4, at least one item"):
        coverage(ranked, 5)


def test_metrics_together_equal_the_separate_functions():
    rng = np.random.default_rng(3)
    ranked = np.argsort(rng.random((50, 30)), axis=1)[:, :7]
    ranked[:, 6] = -1
    relevant = sparse.csr_array(rng.random((50, 30)) < 0.1)
    found = metrics_at_k(ranked, relevant)
    separate = {
        "nDCG": ndcg_at_k,
        "recall": recall_at_k,
        "precision": precision_at_k,
        "hit rate": hit_rate_at_k,
        "MRR": mrr_at_k,
        "MAP": map_at_k,
    }
    assert list(found) == list(separate)
    for name, metric in separate.items():
        np.testing.assert_array_equal(found[name], metric(ranked, relevant), err_msg=name)
