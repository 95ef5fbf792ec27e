"""The k best unseen items: ties, exclusion, padding, and chunks that fit a budget."""

from __future__ import annotations

import tracemalloc
from functools import partial

import numpy as np
import pytest
from scipy import sparse

from recsys_teach.data import Interactions
from recsys_teach.evaluation import chunks, top_k
from recsys_teach.models import Popularity


def by_sorting(scores: np.ndarray, k: int, excluded: np.ndarray) -> list[list[int]]:
    """Rank with sorted(): best first, equal scores by position, -1 where nothing is left."""
    lists = []
    for row, gone in zip(scores, excluded, strict=True):
        left = [item for item in range(len(row)) if not gone[item]]
        best = sorted(left, key=lambda item: (-row[item], item))[:k]
        lists.append(best + [-1] * (k - len(best)))
    return lists


@pytest.mark.parametrize("n_levels", [1, 2, 4, 1000])
def test_top_k_agrees_with_sorting_however_many_ties_there_are(n_levels: int) -> None:
    rng = np.random.default_rng(n_levels)
    for _ in range(60):
        n_users, n_items = rng.integers(1, 8), rng.integers(1, 30)
        scores = rng.integers(0, n_levels, size=(n_users, n_items)).astype(float)
        excluded = rng.random((n_users, n_items)) < rng.choice([0, 0.3, 0.9])
        k = int(rng.integers(1, n_items + 1))
        assert top_k(scores, k, sparse.csr_array(excluded)).tolist() == by_sorting(scores, k, excluded)


def test_top_k_agrees_with_sorting_on_wide_rows() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(-20, 20, size=(5, 2000)).astype(float)
    assert top_k(scores, 50).tolist() == by_sorting(scores, 50, np.zeros_like(scores))


def test_equal_scores_come_in_the_order_of_their_positions() -> None:
    scores = np.array([[1.0, 3.0, 2.0, 3.0, 2.0, 2.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
    assert top_k(scores, 4).tolist() == [[1, 3, 2, 4], [0, 1, 2, 3]]


def test_the_best_item_comes_first() -> None:
    assert top_k(np.array([[0.1, 0.9, 0.5]]), 3).tolist() == [[1, 2, 0]]


def test_excluded_items_never_come_back_and_the_empty_places_say_minus_one() -> None:
    scores = np.array([[9.0, 8.0, 7.0, 6.0], [1.0, 2.0, 3.0, 4.0]])
    seen = sparse.csr_array(np.array([[1, 1, 0, 1], [1, 1, 1, 1]]))
    assert top_k(scores, 3, exclude=seen).tolist() == [[2, -1, -1], [-1, -1, -1]]


def test_a_stored_cell_is_excluded_even_if_a_zero_is_stored_there() -> None:
    rated_zero = sparse.csr_array((np.array([0.0]), np.array([0]), np.array([0, 1])), shape=(1, 3))
    assert top_k(np.array([[3.0, 2.0, 1.0]]), 2, exclude=rated_zero).tolist() == [[1, 2]]


def test_scores_may_be_integers_negative_or_infinite() -> None:
    assert top_k(np.array([[-5, -1, -3]]), 3).tolist() == [[1, 2, 0]]
    assert top_k(np.array([[0.0, np.inf, -1e300]]), 3).tolist() == [[1, 0, 2]]


def test_input_is_not_changed() -> None:
    scores, seen = np.arange(6.0).reshape(2, 3), sparse.csr_array(np.eye(2, 3))
    before, seen_before = scores.copy(), seen.copy()
    top_k(scores, 2, exclude=seen)
    np.testing.assert_array_equal(scores, before)
    np.testing.assert_array_equal(seen.toarray(), seen_before.toarray())


def test_permuting_users_permutes_the_lists() -> None:
    rng = np.random.default_rng(1)
    scores, order = rng.integers(0, 5, size=(8, 12)).astype(float), rng.permutation(8)
    np.testing.assert_array_equal(top_k(scores[order], 5), top_k(scores, 5)[order])


def test_no_users_give_no_lists() -> None:
    assert top_k(np.empty((0, 5)), 3).shape == (0, 3)


@pytest.mark.parametrize("k", [0, -1, 4])
def test_k_must_fit_the_catalog(k: int) -> None:
    with pytest.raises(ValueError, match=f"k must be an integer from 1 to the 3 items of the catalog; got {k}"):
        top_k(np.ones((2, 3)), k)


def test_nan_is_refused_with_its_row() -> None:
    with pytest.raises(ValueError, match="row 1 contain NaN"):
        top_k(np.array([[1.0, 2.0], [np.nan, 1.0], [np.nan, 1.0]]), 1)


def test_exclude_must_have_the_shape_of_the_scores() -> None:
    with pytest.raises(ValueError, match=r"exclude of shape \(2, 3\) like the scores, got \(3, 2\)"):
        top_k(np.ones((2, 3)), 1, exclude=sparse.csr_array((3, 2)))


# --- chunks ---------------------------------------------------------------------------------------------------


def test_chunks_cover_all_users_in_order_and_respect_the_budget() -> None:
    rng = np.random.default_rng(2)
    for _ in range(50):
        users, n_items = rng.permutation(rng.integers(1, 60)), int(rng.integers(1, 40))
        budget = int(rng.integers(1, 4000))
        groups = list(chunks(users, n_items, budget))
        np.testing.assert_array_equal(np.concatenate(groups), users)
        assert all(len(group) == 1 or 8 * len(group) * n_items <= budget for group in groups)


def test_chunks_are_as_large_as_the_budget_allows() -> None:
    assert [len(group) for group in chunks(np.arange(10), n_items=4, budget=4 * 3 * 4 * 8)] == [3, 3, 3, 1]


def test_a_budget_too_small_for_one_user_still_gives_one_user_at_a_time() -> None:
    assert [group.tolist() for group in chunks(np.array([4, 2]), n_items=1000, budget=1)] == [[4], [2]]


def test_no_users_give_no_chunks() -> None:
    assert list(chunks(np.array([], dtype=int), n_items=5)) == []


def test_recommending_in_chunks_gives_what_recommending_at_once_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = np.random.default_rng(3).integers(0, 2, size=(23, 11))
    model = Popularity().fit(Interactions.from_matrix(matrix))
    users = np.random.default_rng(4).permutation(23)
    at_once = model.recommend(users, 5)
    sizes = []

    def small_chunks(*arguments):
        for group in chunks(*arguments, budget=4 * 3 * 11 * 8):
            sizes.append(len(group))
            yield group

    monkeypatch.setattr("recsys_teach.evaluation.ranking.chunks", small_chunks)
    np.testing.assert_array_equal(model.recommend(users, 5), at_once)
    assert sizes == [3] * 7 + [2]


def test_memory_of_recommend_does_not_grow_with_the_number_of_users(monkeypatch: pytest.MonkeyPatch) -> None:
    budget = 2**20
    monkeypatch.setattr("recsys_teach.evaluation.ranking.chunks", partial(chunks, budget=budget))
    matrix = sparse.random_array((4000, 500), density=0.01, rng=np.random.default_rng(5), format="csr")
    model = Popularity().fit(Interactions.from_matrix(matrix))
    tracemalloc.start()
    try:
        model.recommend(np.arange(4000), 10)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * budget < 4000 * 500 * 8  # sorting needs a few times the scores, never all of them
