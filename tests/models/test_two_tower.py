"""The two towers: what the loss learns, what features are for, and whether the search finds what it should."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch.nn import functional as F

from recsys_teach.data import Interactions
from recsys_teach.models.features import feature_matrix, feature_names
from recsys_teach.models.two_tower import TwoTower, fm_pairs, in_batch_softmax
from recsys_teach.retrieval import InvertedFile, exact_search, search_recall

QUICK = {"n_factors": 8, "temperature": 0.3, "n_epochs": 20, "batch_size": 16}


@pytest.fixture(scope="module")
def two_kinds() -> Interactions:
    """Sixteen people who take what is theirs: the old dramas or the young space films; item 7 was never met."""
    drama = np.arange(8) % 2 == 0
    old = np.arange(16) % 2 == 0
    taken = np.where(old[:, None] == drama[None], 1.0, 0.0)
    taken[:, 7], taken[15] = 0, 0
    taken[np.arange(15), np.arange(15) % 7] = 0  # something is left to recommend
    items = pd.DataFrame({"genre": np.where(drama, "drama", "space")})
    users = pd.DataFrame({"age": np.where(old, "old", "young")})
    return Interactions.from_log(Interactions.from_matrix(taken).log, users=users, items=items)


@pytest.fixture(scope="module")
def towers(two_kinds) -> TwoTower:
    return TwoTower(user_columns=["age"], item_columns=["genre"], **QUICK).fit(two_kinds)


# --- crosses --------------------------------------------------------------------------------------------------


def test_crosses_equal_the_double_sum_over_pairs() -> None:
    rng = np.random.default_rng(0)
    X, V = rng.normal(size=(7, 9)), rng.normal(size=(9, 4))
    slow = [sum((V[a] @ V[b]) * x[a] * x[b] for a in range(9) for b in range(a + 1, 9)) for x in X]
    np.testing.assert_allclose(fm_pairs(X, V), slow, atol=1e-10)


def test_one_feature_alone_has_no_cross() -> None:
    np.testing.assert_allclose(fm_pairs(3 * np.eye(4), np.random.default_rng(1).normal(size=(4, 2))), 0, atol=1e-12)


# --- the loss -------------------------------------------------------------------------------------------------


def test_in_batch_softmax_is_the_cross_entropy_of_the_diagonal() -> None:
    scores = torch.randn(6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(in_batch_softmax(scores), F.cross_entropy(scores, torch.arange(6)))
    by_hand = -torch.log(torch.softmax(scores, dim=1).diagonal()).mean()
    torch.testing.assert_close(in_batch_softmax(scores), by_hand)


def test_correction_notices_shares_and_not_their_scale() -> None:
    scores = torch.randn(5, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    counts = torch.tensor([1.0, 5.0, 2.0, 8.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(in_batch_softmax(scores, counts.log()), in_batch_softmax(scores, (counts / 99).log()))
    even = torch.full((5,), 0.2, dtype=torch.float64).log()
    torch.testing.assert_close(in_batch_softmax(scores, even), in_batch_softmax(scores))


@pytest.mark.parametrize("correct", [True, False])
def test_loss_recovers_the_planted_log_odds_with_the_correction_and_those_less_popularity_without(correct) -> None:
    P = np.array([[0.6, 0.2, 0.15, 0.05], [0.6, 0.05, 0.15, 0.2]])
    rng = np.random.default_rng(0)
    kind = rng.integers(2, size=6_000)
    item = (rng.random((6_000, 1)) > P[kind].cumsum(axis=1)[:, :3]).sum(axis=1)
    log_q = torch.from_numpy(np.log(np.bincount(item) / 6_000))
    scores = torch.zeros(2, 4, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([scores], lr=0.1)
    for _ in range(3):
        for group in torch.from_numpy(rng.permutation(6_000)).split(300):
            k, i = torch.from_numpy(kind)[group], torch.from_numpy(item)[group]
            loss = in_batch_softmax(scores[k][:, i], log_q[i] if correct else None)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    learned = scores.detach().numpy()
    truth = np.log(P) - (0 if correct else np.log(P.mean(axis=0)))
    centered = [table - table.mean(axis=1, keepdims=True) for table in (learned, truth)]
    np.testing.assert_allclose(*centered, atol=0.25)


# --- features -------------------------------------------------------------------------------------------------


def test_features_are_named_and_written_as_ones() -> None:
    table = pd.DataFrame({"genres": ["drama|crime", "", None, "crime"], "year": [1999, 2000, 2000, 2001]})
    names = feature_names(table, ["genres", "year"])
    assert names == ["genres=crime", "genres=drama", "year=1999", "year=2000", "year=2001"]
    expected = [[1, 1, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 1, 0], [1, 0, 0, 0, 1]]
    np.testing.assert_array_equal(feature_matrix(table, ["genres", "year"], names), expected)


def test_a_value_that_is_not_known_adds_nothing() -> None:
    table = pd.DataFrame({"genre": ["western", "drama"]}, index=[7, 7])
    np.testing.assert_array_equal(feature_matrix(table, ["genre"], ["genre=crime", "genre=drama"]), [[0, 0], [0, 1]])


# --- the model ------------------------------------------------------------------------------------------------


def test_vectors_have_length_one_and_scores_are_their_products(towers) -> None:
    np.testing.assert_allclose(np.linalg.norm(towers.user_vectors_, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(towers.item_vectors_, axis=1), 1, atol=1e-5)
    scores = towers.user_vectors_[[3]] @ towers.item_vectors_.T / 0.3
    np.testing.assert_allclose(towers.score(np.array([3])), scores, atol=1e-5)


def test_an_item_that_nobody_met_is_scored_from_its_features(towers) -> None:
    scores = towers.score(np.arange(15))
    young = np.arange(15) % 2 == 1
    assert scores[young, 7].min() > scores[~young, 7].max(), "a space film, for the young"
    new = towers.new_items(pd.DataFrame({"genre": ["space"]}))
    np.testing.assert_allclose(new[0], towers.item_vectors_[7], atol=1e-6)


def test_an_item_that_nobody_met_is_scored_zero_without_features(two_kinds) -> None:
    model = TwoTower(**QUICK).fit(two_kinds)
    np.testing.assert_array_equal(model.score(np.arange(16))[:, 7], 0)


def test_a_new_user_is_scored_by_their_profile(towers) -> None:
    scores = towers.new_users(pd.DataFrame({"age": ["old", "young"]})) @ towers.item_vectors_.T
    drama = np.arange(8) % 2 == 0
    assert scores[0, drama].min() > scores[0, ~drama].max()
    assert scores[1, ~drama].min() > scores[1, drama].max()


def test_a_new_item_without_a_known_feature_gets_the_vector_zero(towers) -> None:
    np.testing.assert_array_equal(towers.new_items(pd.DataFrame({"genre": [None, ""]})), np.zeros((2, 8)))


def test_ids_may_have_any_order_in_the_tables(two_kinds, towers) -> None:
    turned = Interactions(
        two_kinds.log, two_kinds.user_ids, two_kinds.item_ids, two_kinds.users.iloc[::-1], two_kinds.items.iloc[::-1]
    )
    again = TwoTower(user_columns=["age"], item_columns=["genre"], **QUICK).fit(turned)
    np.testing.assert_array_equal(again.score(np.arange(16)), towers.score(np.arange(16)))


def test_loss_falls(towers) -> None:
    assert towers.loss_history_[-1] < towers.loss_history_[0]


@pytest.mark.parametrize("name", ["n_factors", "temperature", "n_epochs", "batch_size", "learning_rate"])
def test_a_parameter_that_is_not_above_0_is_refused(two_kinds, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be .*; got 0"):
        TwoTower(**{name: 0}).fit(two_kinds)


def test_a_column_that_is_not_there_is_refused_with_what_there_is(two_kinds, towers) -> None:
    with pytest.raises(ValueError, match=r"item_columns names 'color', but the table has \['genre'\]"):
        TwoTower(item_columns=["color"]).fit(two_kinds)
    with pytest.raises(ValueError, match=r"user_columns names 'age', but the table has \[\].*users=\.\.\."):
        TwoTower(user_columns=["age"]).fit(Interactions.from_matrix(np.eye(3)))
    with pytest.raises(ValueError, match="item_columns names 'genre'"):
        towers.new_items(pd.DataFrame({"color": ["red"]}))


def test_columns_given_as_one_text_are_refused(two_kinds) -> None:
    with pytest.raises(ValueError, match=r"list of names, for example \['genre'\]"):
        TwoTower(item_columns="genre").fit(two_kinds)


def test_new_items_before_fit_says_that_the_model_is_not_fitted() -> None:
    with pytest.raises(ValueError, match="TwoTower is not fitted yet"):
        TwoTower().new_items(pd.DataFrame())


# --- search ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cloud() -> tuple[np.ndarray, np.ndarray]:
    """Forty queries, and a thousand vectors of twenty kinds and many lengths."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(20, 8))[rng.integers(20, size=1000)] + 0.3 * rng.normal(size=(1000, 8))
    vectors *= rng.lognormal(0, 0.5, size=(1000, 1))
    return rng.normal(size=(40, 8)).astype(np.float32), vectors.astype(np.float32)


def test_exact_search_finds_the_largest_inner_products(cloud) -> None:
    queries, vectors = cloud
    np.testing.assert_array_equal(exact_search(queries, vectors, 7), np.argsort(-(queries @ vectors.T), axis=1)[:, :7])


def test_inner_product_is_not_cosine_unless_all_lengths_are_one(cloud) -> None:
    queries, vectors = cloud
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    by_cosine = NearestNeighbors(n_neighbors=10, metric="cosine").fit(vectors).kneighbors(queries)[1]
    assert search_recall(by_cosine, exact_search(queries, vectors, 10)) < 0.7
    assert search_recall(by_cosine, exact_search(queries, units, 10)) > 0.99


def test_with_all_cells_open_the_search_is_exact(cloud) -> None:
    queries, vectors = cloud
    index = InvertedFile(20).fit(vectors)
    np.testing.assert_array_equal(index.search(queries, 10, n_probe=20), exact_search(queries, vectors, 10))


def test_recall_rises_with_the_cells_opened_and_few_are_enough(cloud) -> None:
    queries, vectors = cloud
    index, exact = InvertedFile(20).fit(vectors), exact_search(queries, vectors, 10)
    recalls = [search_recall(index.search(queries, 10, n), exact) for n in (1, 3, 6, 20)]
    assert recalls == sorted(recalls)
    assert recalls[2] > 0.9


def test_each_item_lies_in_one_cell(cloud) -> None:
    index = InvertedFile(20).fit(cloud[1])
    assert sorted(index.items_) == list(range(1000))
    assert index.starts_[0] == 0 and index.starts_[-1] == 1000
    assert (np.diff(index.starts_) >= 0).all()


def test_what_is_not_in_the_cells_opened_is_minus_one() -> None:
    index = InvertedFile(2).fit(np.array([[1.0, 0.0], [1.1, 0.0], [-1.0, 0.0]]))
    assert index.search(np.array([[1.0, 0.0]]), 3, n_probe=1).tolist() == [[1, 0, -1]]


def test_no_queries_find_nothing(cloud) -> None:
    assert exact_search(cloud[0][:0], cloud[1], 5).shape == (0, 5)
    assert InvertedFile(5).fit(cloud[1]).search(cloud[0][:0], 5, n_probe=2).shape == (0, 5)


def test_recall_is_the_share_that_was_found() -> None:
    assert search_recall(np.array([[3, 1, -1], [0, 1, 2]]), np.array([[1, 2, 3], [2, 1, 0]])) == pytest.approx(5 / 6)


def test_searches_refuse_what_they_cannot_use(cloud) -> None:
    queries, vectors = cloud
    index = InvertedFile(5).fit(vectors)
    with pytest.raises(ValueError, match=r"Write one query as query\[None\]"):
        exact_search(queries[0], vectors, 5)
    with pytest.raises(ValueError, match="finite vectors, got NaN or infinity"):
        exact_search(queries, np.full((3, 8), np.nan), 1)
    for search in (lambda k: exact_search(queries, vectors, k), lambda k: index.search(queries, k, 5)):
        with pytest.raises(ValueError, match="k must be an integer from 1 to 1000; got 1001"):
            search(1001)
    with pytest.raises(ValueError, match="n_probe must be an integer from 1 to 5; got 6"):
        index.search(queries, 5, n_probe=6)
    with pytest.raises(ValueError, match=r"queries of shape \(n, 8\); got \(8,\)"):
        index.search(queries[0], 5, 5)
    with pytest.raises(ValueError, match="not fitted yet"):
        InvertedFile(5).search(queries, 5)
    with pytest.raises(ValueError, match="finite vectors, got NaN or infinity"):
        index.search(np.full((1, 8), np.nan), 5, 5)
    with pytest.raises(ValueError, match="Expected finite vectors"):
        InvertedFile(1).fit(np.full((3, 8), np.nan))
    with pytest.raises(ValueError, match="n_cells must be an integer from 1 to 1000; got 1001"):
        InvertedFile(1001).fit(vectors)
