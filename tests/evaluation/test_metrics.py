"""Metrics against hand-worked cases and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import ndcg_score, root_mean_squared_error

from recsys_teach.evaluation import (
    density,
    gini,
    hit_rate_at_k,
    hits_at_k,
    lorenz,
    map_at_k,
    mrr_at_k,
    ndcg_at_k,
    precision_at_k,
    recall_at_k,
    rmse,
)


def relevant(*rows: list[int], n_items: int = 8) -> sparse.csr_array:
    """Give the relevant items of each user as a matrix."""
    dense = np.zeros((len(rows), n_items))
    for user, items in enumerate(rows):
        dense[user, items] = 1
    return sparse.csr_array(dense)


def random_case(seed: int, n_users: int = 40, n_items: int = 25, k: int = 7) -> tuple[np.ndarray, sparse.csr_array]:
    """Give random lists of different items, and relevant items; some users have none."""
    rng = np.random.default_rng(seed)
    ranked = np.array([rng.permutation(n_items)[:k] for _ in range(n_users)])
    return ranked, sparse.csr_array(rng.random((n_users, n_items)) < rng.choice([0, 0.05, 0.4], size=(n_users, 1)))


# --- ranking --------------------------------------------------------------------------------------------------


def test_hits_are_told_place_by_place() -> None:
    hits = hits_at_k(np.array([[3, 0, 5], [1, 2, 3]]), relevant([0, 5, 7], [3]))
    assert hits.tolist() == [[False, True, True], [False, False, True]]


def test_ndcg_of_hits_at_places_1_3_and_5_with_three_relevant_is_0_8855() -> None:
    # (1 + 1/2 + 1/log2(6)) / (1 + 1/log2(3) + 1/2)
    assert ndcg_at_k(np.array([[0, 1, 2, 3, 4]]), relevant([0, 2, 4])) == pytest.approx([0.8855], abs=5e-5)


def test_ndcg_is_1_for_the_best_list_and_0_for_a_list_without_hits() -> None:
    ranked = np.array([[4, 6, 0], [1, 2, 3], [5, 1, 2]])
    wanted = relevant([4, 6], [0, 7], [5, 1, 2, 0, 7])
    assert ndcg_at_k(ranked, wanted) == pytest.approx([1, 0, 1])


def test_an_earlier_hit_is_worth_more() -> None:
    early, late = ndcg_at_k(np.array([[0, 1, 2], [1, 2, 0]]), relevant([0], [0]))
    assert early == 1
    assert late == pytest.approx(0.5)  # place 3: 1 / log2(4)


@pytest.mark.parametrize("seed", range(5))
def test_ndcg_agrees_with_scikit_learn(seed: int) -> None:
    ranked, wanted = random_case(seed)
    n_users, k = ranked.shape
    scores = np.zeros(wanted.shape)
    np.put_along_axis(scores, ranked, np.arange(k, 0, -1)[None].repeat(n_users, axis=0), axis=1)
    truth = wanted.toarray().astype(int)
    came = ndcg_at_k(ranked, wanted)
    assert np.isnan(came).any()
    for user in np.flatnonzero(truth.any(axis=1)):
        assert came[user] == pytest.approx(ndcg_score(truth[[user]], scores[[user]], k=k), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_hits_and_recall_agree_with_sets(seed: int) -> None:
    ranked, wanted = random_case(seed)
    hits, recall = hits_at_k(ranked, wanted), recall_at_k(ranked, wanted)
    for user, items in enumerate(ranked):
        liked = set(np.flatnonzero(wanted.toarray()[user]))
        assert hits[user].tolist() == [item in liked for item in items]
        if liked:
            assert recall[user] == pytest.approx(len(liked & set(items)) / len(liked))


def test_recall_counts_what_was_found_of_all_that_could_be_found() -> None:
    assert recall_at_k(np.array([[0, 1, 2], [5, 6, 7]]), relevant([2, 3, 4, 5], [7])).tolist() == [0.25, 1.0]


@pytest.mark.parametrize("metric", [recall_at_k, ndcg_at_k])
def test_a_user_without_relevant_items_gets_nan_and_no_warning(metric, recwarn: pytest.WarningsRecorder) -> None:
    came = metric(np.array([[0, 1], [0, 1]]), relevant([], [0]))
    assert np.isnan(came[0])
    assert came[1] == 1
    assert not recwarn.list


@pytest.mark.parametrize("metric", [recall_at_k, ndcg_at_k])
def test_nobody_with_relevant_items_gives_nan_for_all(metric) -> None:
    assert np.isnan(metric(np.array([[0, 1], [2, 3]]), relevant([], []))).all()


def test_empty_places_never_hit() -> None:
    # An empty place of user 1 lies, counted through, where the last item of user 0 lies.
    wanted = relevant([7], [0], [7])
    assert not hits_at_k(np.array([[-1, -1], [-1, -1], [-1, -1]]), wanted).any()
    assert hits_at_k(np.array([[-1, 7], [0, -1], [7, -1]]), wanted).sum() == 3


def test_an_empty_place_costs_as_much_as_a_miss() -> None:
    wanted = relevant([0, 4])
    assert ndcg_at_k(np.array([[0, -1, 4]]), wanted) == ndcg_at_k(np.array([[0, 6, 4]]), wanted)


@pytest.mark.parametrize("metric", [recall_at_k, ndcg_at_k])
def test_relabelling_items_and_permuting_users_change_nothing(metric) -> None:
    ranked, wanted = random_case(9)
    rng = np.random.default_rng(9)
    n_users, n_items = wanted.shape
    new_position, order = rng.permutation(n_items), rng.permutation(n_users)
    relabeled = sparse.csr_array(wanted.toarray()[:, np.argsort(new_position)])
    np.testing.assert_array_equal(metric(new_position[ranked], relabeled), metric(ranked, wanted))
    np.testing.assert_array_equal(metric(ranked[order], wanted[order]), metric(ranked, wanted)[order])


@pytest.mark.parametrize("metric", [hits_at_k, recall_at_k, ndcg_at_k])
def test_each_user_needs_a_row(metric) -> None:
    with pytest.raises(ValueError, match="for each of 2 users, got 3"):
        metric(np.zeros((3, 2), dtype=int), relevant([0], [1]))


@pytest.mark.parametrize("metric", [hits_at_k, recall_at_k, ndcg_at_k])
def test_an_item_outside_the_catalog_is_refused_and_is_no_hit_of_the_next_user(metric) -> None:
    with pytest.raises(ValueError, match="8"):
        metric(np.array([[8], [1]]), relevant([3], [0]))


# --- inequality -----------------------------------------------------------------------------------------------


def test_lorenz_of_three_items() -> None:
    assert lorenz(np.array([2, 1, 1])).tolist() == [0, 0.25, 0.5, 1]


def test_lorenz_rises_from_0_to_1_below_the_diagonal_and_ever_steeper() -> None:
    for seed in range(20):
        counts = np.random.default_rng(seed).geometric(0.05, size=30) - 1
        curve = lorenz(counts)
        assert curve[0] == 0
        assert curve[-1] == 1
        assert (np.diff(curve) >= 0).all()
        assert (np.diff(curve, n=2) >= -1e-12).all()
        assert (curve <= np.linspace(0, 1, 31) + 1e-12).all()


def test_gini_is_the_mean_difference_of_pairs_over_twice_the_mean() -> None:
    for seed in range(20):
        counts = np.random.default_rng(seed).geometric(0.05, size=30) - 1
        pairs = np.abs(counts[:, None] - counts[None, :])
        assert gini(counts) == pytest.approx(pairs.mean() / (2 * counts.mean()), abs=1e-12)


def test_gini_is_0_if_all_are_equal_and_nearly_1_if_one_holds_all() -> None:
    assert gini(np.full(7, 3)) == pytest.approx(0, abs=1e-12)
    assert gini(np.array([0, 0, 0, 0, 12])) == pytest.approx(4 / 5)


def test_gini_knows_neither_unit_nor_order() -> None:
    counts = np.random.default_rng(0).geometric(0.1, size=20)
    assert gini(counts * 17) == pytest.approx(gini(counts))
    assert gini(counts[::-1]) == pytest.approx(gini(counts))


@pytest.mark.parametrize("measure", [lorenz, gini])
@pytest.mark.parametrize("counts", [[], [0, 0], [1, -1], [1, float("nan")]], ids=["none", "all 0", "negative", "NaN"])
def test_inequality_needs_counts(measure, counts: list) -> None:
    with pytest.raises(ValueError, match="one count per item, none negative"):
        measure(np.array(counts))


def test_density_is_the_share_of_stored_cells() -> None:
    assert density(sparse.csr_array(np.array([[1, 0, 2, 0], [0, 0, 0, 0]]))) == 0.25


# --- error of predictions -------------------------------------------------------------------------------------


def test_rmse_by_hand() -> None:
    assert rmse([5, 3, 1], [4, 3, 3]) == pytest.approx(np.sqrt(5 / 3))


def test_rmse_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    expected, predicted = rng.integers(1, 6, 500), rng.normal(3, 1, 500)
    assert rmse(expected, predicted) == pytest.approx(root_mean_squared_error(expected, predicted))


def test_rmse_refuses_to_stretch_one_prediction_over_many_ratings() -> None:
    with pytest.raises(ValueError, match=r"shape \(3,\); got \(1,\)"):
        rmse([5, 3, 1], [4])


# --- slips ----------------------------------------------------------------------------------------------------

AT_K = [hits_at_k, precision_at_k, recall_at_k, hit_rate_at_k, mrr_at_k, map_at_k, ndcg_at_k]


@pytest.mark.parametrize("metric", AT_K)
@pytest.mark.parametrize(
    ("ranked", "message"),
    [
        ([[0.0, 1.0]], "item positions as integers; got float64"),
        ([["0", "1"]], "item positions as integers; got <U1"),
        ([0, 1], r"lists of shape \(n_users, k\), got shape \(2,\)\. Write a single list as ranked\[None\]"),
        ([[0, -2]], "got -2"),
        (np.empty((1, 0), dtype=int), "at least one item, got k = 0"),
    ],
    ids=["floats", "text", "one list", "-2", "k 0"],
)
def test_lists_that_are_none_are_refused_in_a_sentence(metric, ranked, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metric(np.array(ranked), relevant([0, 4]))


@pytest.mark.parametrize("metric", AT_K)
def test_relevant_may_be_dense_or_have_a_cell_twice(metric) -> None:
    ranked, wanted = random_case(4)
    expected = metric(ranked, wanted)
    once = wanted.tocoo()
    order = np.lexsort(np.tile(once.coords, 2)[::-1])
    indices = np.tile(once.coords[1], 2)[order]
    twice = sparse.csr_array((np.ones(2 * once.nnz), indices, 2 * wanted.indptr), shape=wanted.shape)
    assert twice.nnz == 2 * wanted.nnz
    for same in (wanted.toarray(), wanted.toarray() > 0, wanted.tocsc(), twice):
        np.testing.assert_array_equal(metric(ranked.tolist(), same), expected)
    assert twice.nnz == 2 * wanted.nnz, "the caller's matrix is not changed"
    np.testing.assert_array_equal(metric(ranked, wanted.toarray().tolist()), expected)
    with pytest.raises(TypeError, match="Expected rows of numbers; got dtype"):
        metric(ranked, wanted.toarray().astype(str))


@pytest.mark.parametrize("hole", [np.nan, np.inf])
def test_rmse_refuses_what_is_no_number(hole: float) -> None:
    with pytest.raises(ValueError, match="finite ratings and predictions"):
        rmse([5, 3], [4, hole])
    with pytest.raises(ValueError, match="predictions as numbers, got list"):
        rmse([5, 3], ["a", "b"])
    with pytest.raises(ValueError, match="got a masked array"):
        rmse(np.ma.array([5, 3], mask=[True, False]), [4, 3])
