"""Chapter 02's models: damped biases, neighbors, content profiles."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.model_selection import KFold

from recsys_teach.data import Interactions, split_per_user
from recsys_teach.evaluation import evaluate, rmse
from recsys_teach.models import neighbors as neighbors
from recsys_teach.models.biases import DampedBiases, damped_means
from recsys_teach.models.content import ContentProfile
from recsys_teach.models.neighbors import BiasedItemKNN, ItemKNN, UserKNN, nearest

ITEMS = pd.DataFrame(
    {
        "title": ["Red Dust", "Blue Dust", "Night Train", "Slow Train", "Red Night", "Green", "Ghost Sea", "Sea", None],
        "genres": ["War", "War|Drama", "Crime", "Crime|Drama", "Crime", "Comedy", "", "Drama", ""],
        "year": pd.array([1990, 1991, 1990, None, 1993, 1990, 1993, 1990, None], dtype="Int64"),
    },
    index=pd.RangeIndex(9),
)
MODELS = {
    "biases": DampedBiases(),
    "item neighbors": ItemKNN(k=3, shrinkage=1),
    "item neighbors by rating": ItemKNN(k=20, value="rating"),
    "user neighbors": UserKNN(k=3, shrinkage=1),
    "user neighbors by rating": UserKNN(k=20, value="rating"),
    "biased neighbors": BiasedItemKNN(k=3, shrinkage=1),
    "content": ContentProfile(),
    "content by rating": ContentProfile(value="rating"),
}
PREDICTORS = ["biases", "biased neighbors"]
WITH_FOLD_IN = [name for name in MODELS if not name.startswith("user")]


def random_ratings(seed: int = 0, n_users: int = 12, n_items: int = 9, share: float = 0.5) -> np.ndarray:
    """Give ratings 1 to 5, 0 where there is none; user 2 and item 4 have none at all."""
    rng = np.random.default_rng(seed)
    ratings = rng.integers(1, 6, (n_users, n_items)) * (rng.random((n_users, n_items)) < share)
    ratings[2], ratings[:, 4] = 0, 0
    return ratings.astype(float)


def with_items(ratings: np.ndarray, items: pd.DataFrame = ITEMS) -> Interactions:
    user_pos, item_pos = np.nonzero(ratings)
    log = pd.DataFrame({"user": user_pos, "item": items.index[item_pos], "rating": ratings[user_pos, item_pos]})
    return Interactions.from_log(log, user_ids=np.arange(len(ratings)), items=items)


RATINGS = random_ratings()
EVERYBODY = np.arange(len(RATINGS))
INTERACTIONS = with_items(RATINGS)
CELLS = np.nonzero(np.ones_like(RATINGS))


# --- damped means and biases ----------------------------------------------------------------------------------


def test_damped_means_by_hand() -> None:
    means = damped_means(np.array([2.0, 4, 1]), np.array([0, 0, 2]), 3, damping=1)
    np.testing.assert_allclose(means, [6 / 3, 0, 1 / 2])


def test_without_damping_a_mean_is_a_mean_and_an_empty_group_has_none() -> None:
    means = damped_means(np.array([2.0, 4, 1]), np.array([0, 0, 2]), 3, damping=0)
    np.testing.assert_allclose(means, [3, 0, 1])


@pytest.mark.parametrize("damping", [-1, np.nan])
@pytest.mark.parametrize("kind", [DampedBiases, BiasedItemKNN])
def test_damping_below_zero_is_refused(kind, damping: float) -> None:
    with pytest.raises(ValueError, match="damping must be a finite number at least 0"):
        kind(damping=damping).fit(INTERACTIONS)


def test_biases_of_a_table_that_is_a_sum_are_found_exactly() -> None:
    table = 3 + np.array([-1.0, 0, 1])[:, None] + np.array([0.5, -0.5])
    model = DampedBiases(damping=0).fit(Interactions.from_matrix(table))
    assert model.mean_ == 3
    np.testing.assert_allclose(model.user_biases_, [-1, 0, 1])
    np.testing.assert_allclose(model.item_biases_, [0.5, -0.5])
    np.testing.assert_allclose(model.score(np.arange(3)), table)


@pytest.mark.parametrize("damping", [2.0, 5.0])
def test_biases_solve_the_ridge_regression_of_scikit_learn(damping: float) -> None:
    ratings = random_ratings(1, 40, 25)
    model = DampedBiases(damping).fit(Interactions.from_matrix(ratings))
    user_pos, item_pos = np.nonzero(ratings)
    indicators = np.hstack([np.eye(40)[user_pos], np.eye(25)[item_pos]])
    left = ratings[user_pos, item_pos] - model.mean_
    grade = Ridge(alpha=damping, fit_intercept=False).fit(indicators, left)
    np.testing.assert_allclose(np.concatenate([model.user_biases_, model.item_biases_]), grade.coef_, atol=4e-3)


def test_a_user_or_an_item_without_ratings_has_bias_zero() -> None:
    model = DampedBiases().fit(INTERACTIONS)
    assert model.user_biases_[2] == 0
    assert model.item_biases_[4] == 0
    np.testing.assert_allclose(model.predict([2, 2], [4, 0]), [model.mean_, model.mean_ + model.item_biases_[0]])


# --- nearest --------------------------------------------------------------------------------------------------


def loop_nearest(matrix: np.ndarray, k: int, shrinkage: float) -> np.ndarray:
    """One pair of columns after the other; 0 is "not stored"."""
    n = matrix.shape[1]
    similar = np.zeros((n, n))
    for a in range(n):
        for b in range(n):
            norms = math.sqrt((matrix[:, a] ** 2).sum() * (matrix[:, b] ** 2).sum())
            common = np.count_nonzero((matrix[:, a] != 0) & (matrix[:, b] != 0))
            if a != b and norms and common:
                similar[a, b] = max(0, matrix[:, a] @ matrix[:, b] / norms * common / (common + shrinkage))
        similar[a, similar[a] < np.sort(similar[a])[::-1][min(k, n) - 1]] = 0
    return similar


def test_nearest_by_hand() -> None:
    seen = sparse.csr_array(np.array([[1.0, 1, 0], [1, 1, 0], [1, 0, 1], [1, 0, 0]]))
    near, middle = 2 / math.sqrt(4 * 2), 1 / math.sqrt(4 * 1)
    np.testing.assert_allclose(nearest(seen, 2).toarray(), [[0, near, middle], [near, 0, 0], [middle, 0, 0]])
    np.testing.assert_allclose(nearest(seen, 1).toarray(), [[0, near, 0], [near, 0, 0], [middle, 0, 0]])
    shrunk = nearest(seen, 2, shrinkage=2).toarray()  # 2 common users of 2 + 2, 1 of 1 + 2
    np.testing.assert_allclose(shrunk, [[0, near / 2, middle / 3], [near / 2, 0, 0], [middle / 3, 0, 0]])


@pytest.mark.parametrize("seed", range(3))
def test_all_neighbors_without_shrinkage_are_the_cosines_of_scikit_learn(seed: int) -> None:
    matrix = random_ratings(seed, 20, 15)
    cosines = cosine_similarity(matrix.T)
    np.fill_diagonal(cosines, 0)
    np.testing.assert_allclose(nearest(sparse.csr_array(matrix), 15).toarray(), cosines, atol=1e-12)


@pytest.mark.parametrize("k", [1, 3, 11, 12, 100])
@pytest.mark.parametrize("shrinkage", [0, 2.5])
@pytest.mark.parametrize("block_bytes", [1, 300, 2**20])
def test_nearest_agrees_with_the_loop_whatever_the_block(monkeypatch, k: int, shrinkage, block_bytes: int) -> None:
    monkeypatch.setattr(neighbors, "BLOCK_BYTES", block_bytes)
    matrix = np.random.default_rng(k).normal(size=(15, 12)) * (random_ratings(k, 15, 12, 0.6) > 0)
    found = nearest(sparse.csr_array(matrix), k, shrinkage)
    np.testing.assert_allclose(found.toarray(), loop_nearest(matrix, k, shrinkage), atol=1e-12)
    assert (found.data > 0).all()


def test_neighbors_that_equal_the_kth_are_all_kept() -> None:
    assert (np.diff(nearest(sparse.csr_array(np.ones((4, 6))), 2).indptr) == 5).all()


def test_a_rating_of_zero_is_common_but_not_similar() -> None:
    stored = sparse.csr_array((np.array([0.0, 1, 1, 1]), (np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))))
    assert nearest(stored, 1, shrinkage=2).toarray()[0, 1] == pytest.approx(1 / math.sqrt(2) * 2 / 4)


@pytest.mark.parametrize(("k", "shrinkage"), [(0, 0), (-1, 0), (1, -1), (1, np.nan)])
@pytest.mark.parametrize("kind", [ItemKNN, UserKNN, BiasedItemKNN])
def test_no_neighbors_or_negative_shrinkage_is_refused_and_leaves_no_model(kind, k: int, shrinkage: float) -> None:
    model = kind(k=k, shrinkage=shrinkage)
    with pytest.raises(ValueError, match=r"k must be an integer, at least 1|shrinkage must be .* at least 0"):
        model.fit(INTERACTIONS)
    with pytest.raises(ValueError, match="not fitted"):
        model.score([0])


# --- ranking by neighbors ------------------------------------------------------------------------------------


def test_item_neighbors_find_the_third_item_of_a_taste() -> None:
    two_tastes = np.kron(np.eye(2), np.ones((4, 3)))
    two_tastes[0, 2] = two_tastes[7, 3] = 0
    for model in (ItemKNN(), UserKNN()):
        assert model.fit(Interactions.from_matrix(two_tastes)).recommend([0, 7], 1).tolist() == [[2], [3]]


@pytest.mark.parametrize("value", [None, "rating"])
def test_item_neighbors_agree_with_the_loop(value: str | None) -> None:
    rows = RATINGS if value else (RATINGS > 0).astype(float)
    similar = loop_nearest(rows, 3, 2)
    expected = np.zeros_like(rows)
    for u, i in zip(*CELLS, strict=True):
        expected[u, i] = sum(similar[i, j] * rows[u, j] for j in range(9))
    model = ItemKNN(3, 2, value=value).fit(INTERACTIONS)
    np.testing.assert_allclose(model.score(EVERYBODY), expected, atol=1e-12)


@pytest.mark.parametrize("value", [None, "rating"])
def test_user_neighbors_agree_with_the_loop(value: str | None) -> None:
    rows = RATINGS if value else (RATINGS > 0).astype(float)
    similar = loop_nearest(rows.T, 3, 2)
    expected = np.zeros_like(rows)
    for u, i in zip(*CELLS, strict=True):
        expected[u, i] = sum(similar[u, v] * rows[v, i] for v in range(12))
    model = UserKNN(3, 2, value=value).fit(INTERACTIONS)
    np.testing.assert_allclose(model.score(EVERYBODY), expected, atol=1e-12)


def test_a_user_without_any_neighbor_scores_zero_everywhere() -> None:
    loner = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1]], dtype=float)
    for model in (ItemKNN(), UserKNN()):
        assert not model.fit(Interactions.from_matrix(loner)).score([2]).any()


# --- ratings by neighbors ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_biased_neighbors_agree_with_the_loop(seed: int) -> None:
    ratings = random_ratings(seed, 30, 14)
    interactions = Interactions.from_matrix(ratings)
    biases = DampedBiases(3).fit(interactions)
    left = np.where(ratings > 0, ratings - biases.score(np.arange(30)), 0)
    similar = loop_nearest(left, 4, 2)
    expected = biases.score(np.arange(30))
    for u, i in np.ndindex(ratings.shape):
        near = [j for j in range(14) if ratings[u, j] and similar[i, j]]
        weight = 0.1 + sum(similar[i, j] for j in near)
        expected[u, i] += sum(similar[i, j] * left[u, j] for j in near) / weight
    model = BiasedItemKNN(4, 2, damping=3).fit(interactions)
    np.testing.assert_allclose(model.score(np.arange(30)), expected, atol=1e-12)


def test_where_no_neighbor_was_rated_the_biases_speak() -> None:
    model = BiasedItemKNN().fit(INTERACTIONS)
    biases = DampedBiases().fit(INTERACTIONS)
    np.testing.assert_allclose(model.predict([2] * 9, range(9)), biases.predict([2] * 9, range(9)))
    np.testing.assert_allclose(model.predict(EVERYBODY, [4] * 12), biases.predict(EVERYBODY, [4] * 12))


@pytest.mark.parametrize("prior", [0, -1, np.nan])
def test_a_prior_that_is_not_above_zero_is_refused(prior: float) -> None:
    with pytest.raises(ValueError, match="prior must be a finite number above 0"):
        BiasedItemKNN(prior=prior).fit(INTERACTIONS)


@pytest.mark.parametrize("name", PREDICTORS)
def test_a_prediction_is_the_score_clipped_to_the_ratings_seen(monkeypatch, name: str) -> None:
    extremes = np.where(RATINGS > 0, np.where(RATINGS > 2, 5.0, 1.0), 0)
    model = clone(MODELS[name]).fit(with_items(extremes))
    scores = model.score(EVERYBODY)
    predicted = model.predict(*CELLS)
    assert predicted.min() >= 1 and predicted.max() <= 5
    np.testing.assert_allclose(predicted, np.clip(scores, 1, 5)[CELLS], atol=1e-12)
    monkeypatch.setattr("recsys_teach.evaluation.ranking.MEMORY_BUDGET", 1)
    np.testing.assert_allclose(model.predict([5, 0, 5], [1, 8, 1]), np.clip(scores, 1, 5)[[5, 0, 5], [1, 8, 1]])


@pytest.mark.parametrize("name", PREDICTORS)
@pytest.mark.parametrize("items", [[9], [-1], [0.5], ["x"]])
def test_predict_refuses_an_item_that_is_none_with_the_mend(name: str, items: list) -> None:
    model = clone(MODELS[name]).fit(INTERACTIONS)
    with pytest.raises(ValueError, match=r"item positions from 0 to 8, got .*item_ids\.get_indexer\(ids\)"):
        model.predict([0], items)


@pytest.mark.parametrize("name", PREDICTORS)
def test_predict_refuses_users_and_items_that_are_no_pairs(name: str) -> None:
    model = clone(MODELS[name]).fit(INTERACTIONS)
    with pytest.raises(ValueError, match="one item per user"):
        model.predict([0, 1], [0])
    with pytest.raises(ValueError, match=r"user positions from 0 to 11"):
        model.predict([12], [0])
    with pytest.raises(ValueError, match="not fitted"):
        clone(model).predict([0], [0])
    assert model.predict(np.array([], dtype=int), np.array([], dtype=int)).shape == (0,)


@pytest.mark.parametrize("name", PREDICTORS)
def test_ratings_that_are_all_equal_are_predicted(name: str) -> None:
    model = clone(MODELS[name]).fit(with_items(3.7 * (RATINGS > 0)))
    np.testing.assert_allclose(model.predict(*CELLS), 3.7)


@pytest.mark.parametrize("name", PREDICTORS)
def test_one_more_star_for_all_is_one_more_star_predicted(name: str) -> None:
    one = clone(MODELS[name]).fit(INTERACTIONS).score(EVERYBODY)
    more = clone(MODELS[name]).fit(with_items(np.where(RATINGS > 0, RATINGS + 1, 0))).score(EVERYBODY)
    np.testing.assert_allclose(more, one + 1, atol=1e-9)


# --- content --------------------------------------------------------------------------------------------------


def test_content_agrees_with_scikit_learn() -> None:
    model = ContentProfile(["title", "genres"], value="rating").fit(INTERACTIONS)
    vectors = TfidfVectorizer().fit_transform(ITEMS["title"].fillna("") + " " + ITEMS["genres"]).toarray()
    np.testing.assert_allclose(model.item_vectors_.toarray(), vectors)
    means = RATINGS @ vectors / np.maximum(RATINGS.sum(axis=1, keepdims=True), 1)
    np.testing.assert_allclose(model.score(EVERYBODY), cosine_similarity(means, vectors), atol=1e-12)


def test_content_by_hand() -> None:
    items = pd.DataFrame({"genre": ["war", "war drama", "drama", "crime"]}, index=list("abcd"))
    log = pd.DataFrame({"user": ["ann"], "item": ["a"]})
    model = ContentProfile(["genre"]).fit(Interactions.from_log(log, items=items))
    assert model.words_.tolist() == ["crime", "drama", "war"]
    np.testing.assert_allclose(model.score([0]), [[1, math.sqrt(1 / 2), 0, 0]])  # war and drama are as rare
    assert model.recommend([0], 1).tolist() == [[1]]


def test_content_ranks_an_item_that_nobody_met() -> None:
    scores = ContentProfile().fit(INTERACTIONS).score(EVERYBODY)
    assert not RATINGS[:, 4].any()
    assert (scores[[0, 1], 4] > 0).all()


def test_content_takes_the_words_of_the_item_whatever_the_order_of_the_table() -> None:
    user_pos, item_pos = np.nonzero(RATINGS)
    log = pd.DataFrame({"user": user_pos, "item": item_pos})
    shuffled = Interactions.from_log(log, user_ids=EVERYBODY, item_ids=range(9), items=ITEMS[::-1])
    np.testing.assert_allclose(
        ContentProfile().fit(shuffled).score(EVERYBODY), ContentProfile().fit(INTERACTIONS).score(EVERYBODY)
    )


def test_content_without_an_item_table_says_where_it_comes_from() -> None:
    with pytest.raises(ValueError, match=r"Pass one: Interactions\.from_log\(log, items="):
        ContentProfile().fit(Interactions.from_matrix(RATINGS))


@pytest.mark.parametrize("columns", [["plot"], ["title", "plot"], [], "title"])
def test_content_refuses_columns_that_are_none(columns) -> None:
    with pytest.raises(
        ValueError, match=r"the table has \['title', 'genres', 'year'\]|columns.* for example \['title'\]"
    ):
        ContentProfile(columns).fit(INTERACTIONS)


def test_content_without_a_word_says_so() -> None:
    with pytest.raises(ValueError, match=r"\['genres'\], which contain no such word"):
        ContentProfile(["genres"]).fit(with_items(RATINGS, ITEMS.assign(genres="")))


def test_content_reads_numbers_and_skips_what_is_missing() -> None:
    model = ContentProfile(["year"]).fit(INTERACTIONS)
    assert model.words_.tolist() == ["1990", "1991", "1993"]
    assert not model.item_vectors_[[3, 8]].nnz


# --- what holds for each --------------------------------------------------------------------------------------


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest):
    """Give a fresh model that is not fitted."""
    return clone(MODELS[request.param])


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("name", WITH_FOLD_IN)
def test_folding_in_a_row_of_training_gives_its_score(name: str, kind) -> None:
    model = clone(MODELS[name]).fit(INTERACTIONS)
    rows = model.get_params().get("value") and RATINGS
    rows = (RATINGS > 0).astype(float) if rows is None else rows
    given = kind(rows[[4, 2, 1]])
    np.testing.assert_allclose(model.fold_in(given), model.score([4, 2, 1]), atol=1e-12)
    np.testing.assert_array_equal(np.asarray(given.sum()), rows[[4, 2, 1]].sum())


@pytest.mark.parametrize("name", WITH_FOLD_IN)
def test_folding_in_refuses_what_are_no_rows(name: str) -> None:
    model = clone(MODELS[name])
    with pytest.raises(ValueError, match="not fitted yet"):
        model.fold_in(RATINGS)
    model.fit(INTERACTIONS)
    for rows in (RATINGS.T, RATINGS[0]):
        with pytest.raises(ValueError, match="one column per item"):
            model.fold_in(rows)
    with pytest.raises(ValueError, match="NaN"):
        model.fold_in(np.where(RATINGS > 0, RATINGS, np.nan))


def test_renaming_users_and_items_permutes_the_scores(model) -> None:
    rng = np.random.default_rng(3)
    users, items = rng.permutation(12), rng.permutation(9)
    scores = clone(model).fit(INTERACTIONS).score(EVERYBODY)
    permuted = with_items(RATINGS[users][:, items], ITEMS.iloc[items].reset_index(drop=True))
    np.testing.assert_allclose(clone(model).fit(permuted).score(EVERYBODY), scores[users][:, items], atol=1e-9)


def test_scores_are_finite_for_a_user_without_history_and_recommend_everything(model) -> None:
    model.fit(INTERACTIONS)
    assert np.isfinite(model.score(EVERYBODY)).all()
    assert sorted(model.recommend([2], 9)[0]) == list(range(9))


def test_one_user_or_one_item_is_enough(model) -> None:
    for ratings, items in ((np.array([[4.0, 0, 5, 3]]), ITEMS[:4]), (np.array([[4.0], [0], [5]]), ITEMS[:1])):
        fitted = clone(model).fit(with_items(ratings, items))
        scores = fitted.score(np.arange(len(ratings)))
        assert scores.shape == ratings.shape
        assert np.isfinite(scores).all()


def test_equal_ratings_do_no_harm(model) -> None:
    assert np.isfinite(model.fit(with_items(4.0 * (RATINGS > 0))).score(EVERYBODY)).all()


def test_ratings_that_are_missing_or_come_twice_are_refused_where_they_count(model) -> None:
    log = INTERACTIONS.log
    missing = Interactions.from_log(log.assign(rating=log["rating"].where(log.index != 3)), items=ITEMS)
    twice = Interactions.from_log(pd.concat([log, log[:2]]), items=ITEMS)
    if model.value is None:
        once = clone(model).fit(Interactions.from_log(log, items=ITEMS)).score([0, 1])
        for odd in (missing, twice):
            np.testing.assert_array_equal(clone(model).fit(odd).score([0, 1]), once)
    else:
        with pytest.raises(ValueError, match="nan in event 3"):
            model.fit(missing)
        with pytest.raises(ValueError, match="more than one 'rating'"):
            model.fit(twice)


# --- on real people -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "expected"), [(DampedBiases, 0.941), (BiasedItemKNN, 0.906)])
def test_rmse_on_five_folds_of_movielens(movielens: Interactions, kind, expected: float) -> None:
    ratings = movielens.log["rating"].to_numpy(dtype=float)
    predicted = np.empty(len(ratings))
    for train, test in KFold(5, shuffle=True, random_state=0).split(ratings):
        held_out = movielens.take(test)
        predicted[test] = kind().fit(movielens.take(train)).predict(held_out.user_pos, held_out.item_pos)
    assert rmse(ratings, predicted) == pytest.approx(expected, abs=0.002)


def mean_ndcg(model, interactions: Interactions, seeds: range) -> float:
    means = []
    for seed in seeds:
        split = split_per_user(interactions, random_state=seed)
        means.append(evaluate(model.fit(split.train).score, split, name=type(model).__name__).mean("nDCG@10"))
    return float(np.mean(means))


@pytest.mark.parametrize(("model", "expected"), [(ItemKNN(), 0.400), (UserKNN(), 0.398)], ids=["items", "users"])
def test_neighbors_rank_movielens_as_well_as_they_should(movielens: Interactions, model, expected: float) -> None:
    assert mean_ndcg(model, movielens, range(5)) == pytest.approx(expected, abs=0.005)


def test_the_predictor_of_ratings_and_the_words_rank_movielens_poorly(movielens: Interactions) -> None:
    assert mean_ndcg(BiasedItemKNN(), movielens, range(1)) == pytest.approx(0.085, abs=0.015)
    assert mean_ndcg(ContentProfile(), movielens, range(1)) == pytest.approx(0.07, abs=0.015)
