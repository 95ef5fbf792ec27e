"""Every model of the course; a model joins the shared tests by being listed in MODELS."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.decomposition import TruncatedSVD

from recsys_teach.data import Interactions, Split, split_per_user
from recsys_teach.evaluation import evaluate, rmse, top_k
from recsys_teach.models import (
    BPR,
    EASE,
    IALS,
    AutoRec,
    BiasedItemKNN,
    BiasedMF,
    CoVisitation,
    DampedBiases,
    DropoutNet,
    GRURecommender,
    HybridFactors,
    ItemKNN,
    MarkovChain,
    MultDAE,
    MultVAE,
    Popularity,
    ProfilePopularity,
    PureSVD,
    SASRec,
    TwoTower,
    UserKNN,
    rank_k,
)

MODELS = {
    "Popularity": Popularity(),
    "PureSVD": PureSVD(n_factors=3),
    "PureSVD of ratings": PureSVD(n_factors=3, value="rating"),
    "item neighbors": ItemKNN(5, 1),
    "user neighbors": UserKNN(5),
    "biases": DampedBiases(2),
    "biased neighbors": BiasedItemKNN(5, 1),
    "MF by ALS": BiasedMF(3),
    "MF by SGD": BiasedMF(3, solver="sgd", n_epochs=20),
    "iALS": IALS(3),
    "BPR": BPR(3),
    "EASE": EASE(5.0),
    "AutoRec": AutoRec(3, n_epochs=3),
    "Mult-DAE": MultDAE(3, n_epochs=20, learning_rate=0.03),
    "Markov chain": MarkovChain(),
    "co-visitation": CoVisitation(3),
    "GRU": GRURecommender(4, n_epochs=40, learning_rate=0.03),
    "GRU, sampled": GRURecommender(4, loss="sampled", n_epochs=40, learning_rate=0.03, max_length=3),
    "SASRec": SASRec(4, n_blocks=1, n_epochs=40, learning_rate=0.03),
    "Mult-VAE": MultVAE(3, n_epochs=20, learning_rate=0.03),
    "two towers": TwoTower(3, n_epochs=3, batch_size=16),
    "profile": ProfilePopularity(damping=2),
    "hybrid": HybridFactors(3),
    "DropoutNet": DropoutNet(3, n_epochs=3),
}
PREDICT_RATINGS = ("biases", "biased neighbors", "MF by ALS", "MF by SGD", "AutoRec")
TRAINED_BY_TORCH = ("AutoRec", "Mult-DAE", "Mult-VAE", "GRU", "GRU, sampled", "two towers", "SASRec", "DropoutNet")
START_AT_RANDOM = ("MF by ALS", "MF by SGD", "iALS", "BPR", *TRAINED_BY_TORCH)  # so that positions matter
READ_IN_ORDER = ("Markov chain", "co-visitation", "GRU", "GRU, sampled", "SASRec")  # and matrix cells have an order
COUNT_EVENTS = ("iALS", *READ_IN_ORDER)  # an event that comes twice is one more reason for confidence
IN_FLOAT32 = 1e-5

TINY = np.array([[5, 4, 0, 1], [4, 5, 1, 0], [1, 0, 5, 4], [0, 1, 4, 5], [5, 5, 1, 1]], dtype=float)


def random_ratings(seed: int = 0, n_users: int = 12, n_items: int = 9) -> np.ndarray:
    """Give ratings 1 to 5, 0 where there is none; user 2 and item 4 have none at all."""
    rng = np.random.default_rng(seed)
    ratings = rng.integers(1, 6, (n_users, n_items)) * (rng.random((n_users, n_items)) < 0.5)
    ratings[2], ratings[:, 4] = 0, 0
    return ratings.astype(float)


def from_matrix(matrix) -> Interactions:
    """Give the interactions of a matrix, one event a second in the order of its cells."""
    whole = Interactions.from_matrix(matrix)
    log = whole.log.assign(time=np.arange(len(whole)))
    return Interactions.from_log(log, user_ids=whole.user_ids, item_ids=whole.item_ids)


RATINGS = random_ratings()
EVERYBODY = np.arange(len(RATINGS))


@pytest.fixture(params=MODELS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def model(name: str):
    """Give a fresh model that is not fitted."""
    return clone(MODELS[name])


@pytest.fixture
def fitted(model):
    return model.fit(from_matrix(RATINGS))


# --- what holds for every model -------------------------------------------------------------------------------


def test_constructor_stores_its_parameters_and_nothing_else(model) -> None:
    assert vars(model) == model.get_params()


def test_fit_returns_self_and_keeps_the_parameters(model) -> None:
    before = model.get_params()
    assert model.fit(from_matrix(RATINGS)) is model
    assert model.get_params() == before
    assert all(name in before or name.endswith("_") for name in vars(model))


def test_clone_is_not_fitted_and_has_the_same_parameters(fitted) -> None:
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not any(name.endswith("_") for name in vars(copy))


def test_fit_does_not_change_the_interactions(model) -> None:
    interactions = from_matrix(RATINGS)
    before = interactions.log.copy()
    model.fit(interactions)
    pd.testing.assert_frame_equal(interactions.log, before)


def test_two_fits_give_the_same_scores_bit_by_bit(model) -> None:
    interactions = from_matrix(RATINGS)
    one, other = (clone(model).fit(interactions).score(EVERYBODY) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_a_second_fit_forgets_the_first(model, fitted) -> None:
    other = random_ratings(seed=1, n_users=7, n_items=8)
    again = clone(model).fit(from_matrix(RATINGS)).fit(from_matrix(other))
    once = clone(model).fit(from_matrix(other))
    np.testing.assert_array_equal(again.score(np.arange(7)), once.score(np.arange(7)))


def test_a_row_of_scores_belongs_to_the_user_asked_for(fitted, name) -> None:
    scores = fitted.score(EVERYBODY)
    assert scores.shape == RATINGS.shape
    atol = IN_FLOAT32 if name in TRAINED_BY_TORCH else 1e-12
    np.testing.assert_allclose(fitted.score(np.array([7, 1, 7])), scores[[7, 1, 7]], atol=atol)


def test_seen_items_are_never_recommended(fitted) -> None:
    lists = fitted.recommend(EVERYBODY, 9)
    for user, items in zip(EVERYBODY, lists, strict=True):
        seen = set(np.flatnonzero(RATINGS[user]))
        assert not seen & set(items)
        assert set(items) - {-1} == set(range(9)) - seen
        assert (items[9 - len(seen) :] == -1).all()


def test_seen_items_are_recommended_if_asked(fitted) -> None:
    lists = fitted.recommend(EVERYBODY, 4, exclude_seen=False)
    np.testing.assert_array_equal(lists, top_k(fitted.score(EVERYBODY), 4))
    assert any(set(items) & set(np.flatnonzero(RATINGS[user])) for user, items in enumerate(lists))


def test_recommendations_follow_the_scores(fitted) -> None:
    scores, lists = fitted.score(EVERYBODY), fitted.recommend(EVERYBODY, 3)
    for user, items in enumerate(lists):
        given = scores[user, items[items >= 0]]
        left = np.setdiff1d(np.flatnonzero(RATINGS[user] == 0), items)
        assert (np.diff(given) <= 0).all()
        assert not len(left) or given.min() >= scores[user, left].max()


@pytest.mark.parametrize("name", sorted(set(MODELS) - set(START_AT_RANDOM)))
def test_permuting_the_users_permutes_the_rows(model, name) -> None:
    order = np.random.default_rng(3).permutation(len(RATINGS))
    scores = clone(model).fit(from_matrix(RATINGS)).score(EVERYBODY)
    permuted = clone(model).fit(from_matrix(RATINGS[order])).score(EVERYBODY)
    np.testing.assert_allclose(permuted, scores[order], atol=IN_FLOAT32)


@pytest.mark.parametrize("name", sorted(set(MODELS) - set(START_AT_RANDOM) - set(READ_IN_ORDER)))
def test_permuting_the_items_permutes_the_columns(model, name) -> None:
    order = np.random.default_rng(4).permutation(RATINGS.shape[1])
    scores = clone(model).fit(from_matrix(RATINGS)).score(EVERYBODY)
    permuted = clone(model).fit(from_matrix(RATINGS[:, order])).score(EVERYBODY)
    np.testing.assert_allclose(permuted, scores[:, order], atol=IN_FLOAT32)


def test_a_user_without_history_gets_a_full_list_and_finite_scores(fitted) -> None:
    assert np.isfinite(fitted.score(np.array([2]))).all()
    assert sorted(fitted.recommend(np.array([2]), 9)[0]) == list(range(9))


def test_an_item_that_nobody_met_is_scored_by_what_is_known_of_the_user_alone(fitted, name) -> None:
    scores = fitted.score(EVERYBODY)
    assert np.isfinite(scores).all()
    if name in PREDICT_RATINGS:
        assert (np.abs(scores[:, 4] - scores[2, 4]) < 2).all(), "mean plus the user's bias, in stars"
        assert 1 < scores[2, 4] < 5
    elif name in ("BPR", "Mult-DAE", "Mult-VAE", "GRU", "GRU, sampled", "SASRec"):
        assert scores[:, 4].mean() < scores[:, [0, 1, 2, 3, 5, 6, 7, 8]].mean(), "pushed down"
    elif name != "DropoutNet":  # which takes an item without factors for any item that lost them
        np.testing.assert_allclose(scores[:, 4], 0, atol=1e-9)


def test_ratings_that_are_all_equal_do_no_harm(model) -> None:
    scores = model.fit(from_matrix(4.0 * (RATINGS > 0))).score(EVERYBODY)
    assert np.isfinite(scores).all()


def test_a_matrix_full_of_equal_ratings_does_no_harm(model) -> None:
    model.fit(from_matrix(np.full((6, 5), 4.0)))
    assert np.isfinite(model.score(np.arange(6))).all()
    assert (model.recommend(np.arange(6), 2) == -1).all()


@pytest.mark.parametrize("name", sorted(set(MODELS) - set(COUNT_EVENTS)))
def test_an_event_that_comes_twice_counts_once_or_is_refused(model, name) -> None:
    log = from_matrix(RATINGS).log
    twice = Interactions.from_log(pd.concat([log, log.iloc[:5]]), user_ids=EVERYBODY, item_ids=np.arange(9))
    if model.get_params().get("value"):
        with pytest.raises(ValueError, match=r"more than one 'rating'.*drop_duplicates"):
            model.fit(twice)
    else:
        once = clone(model).fit(from_matrix(RATINGS))
        np.testing.assert_array_equal(model.fit(twice).score(EVERYBODY), once.score(EVERYBODY))


@pytest.mark.parametrize("ask", ["score", "recommend"])
def test_a_model_that_is_not_fitted_says_so(model, ask: str) -> None:
    with pytest.raises(ValueError, match=rf"{type(model).__name__} is not fitted yet: call fit\(interactions\)"):
        getattr(model, ask)(np.array([0]))


@pytest.mark.parametrize(
    "matrix",
    [RATINGS, sparse.csr_array(RATINGS), pd.DataFrame(RATINGS), RATINGS.tolist(), None],
    ids=["array", "sparse", "frame", "list", "nothing"],
)
def test_fit_refuses_a_matrix_and_says_how_to_make_interactions(model, matrix) -> None:
    with pytest.raises(TypeError, match=r"Expected Interactions.*Interactions\.from_matrix\(matrix\)"):
        model.fit(matrix)


@pytest.mark.parametrize(
    "users", [[12], [-1], [0, 99], [1.0, 2.0], [np.nan], ["ann"], [True]],
    ids=["one too many", "negative", "one of two", "floats", "NaN", "names", "bool"],
)  # fmt: skip
@pytest.mark.parametrize("ask", ["score", "recommend"])
def test_a_position_that_is_none_is_refused_with_the_mend(fitted, ask: str, users: list) -> None:
    with pytest.raises(ValueError, match=r"user positions from 0 to 11, got .*user_ids\.get_indexer\(ids\)"):
        getattr(fitted, ask)(np.array(users))


@pytest.mark.parametrize("ask", ["score", "recommend"])
def test_an_id_that_was_not_found_is_called_that(fitted, ask: str) -> None:
    unknown = pd.RangeIndex(12).get_indexer(["1", 3])
    with pytest.raises(
        ValueError, match=r"-1 stands for an id that interactions\.user_ids.*did not find among the users"
    ):
        getattr(fitted, ask)(unknown)


def test_fit_refuses_a_log_without_events_in_the_words_of_from_log(model) -> None:
    whole = from_matrix(RATINGS)
    with pytest.raises(ValueError, match="The log is empty: expected at least one event"):
        model.fit(whole.take(np.zeros(len(whole), dtype=bool)))
    with pytest.raises(ValueError, match="not fitted yet"):
        model.score(EVERYBODY)


def test_a_log_changed_in_place_after_fit_changes_no_scores(fitted) -> None:
    whole = from_matrix(RATINGS)
    again = clone(fitted).fit(whole)
    log = whole.log
    log.loc[:, "item"] = 0
    np.testing.assert_array_equal(again.score(EVERYBODY), fitted.score(EVERYBODY))
    np.testing.assert_array_equal(clone(fitted).fit(whole).score(EVERYBODY), fitted.score(EVERYBODY))


@pytest.mark.parametrize("k", [-1, 0, 10])
def test_a_list_longer_than_the_catalog_or_without_length_is_refused(fitted, k: int) -> None:
    with pytest.raises(ValueError, match=f"k must be an integer from 1 to the 9 items of the catalog; got {k}"):
        fitted.recommend(EVERYBODY, k)


def test_no_users_get_no_lists(fitted) -> None:
    assert fitted.recommend(np.array([], dtype=int), 3).shape == (0, 3)
    assert fitted.score(np.array([], dtype=int)).shape == (0, 9)


# --- popularity -----------------------------------------------------------------------------------------------


def test_popularity_counts_users_and_not_events() -> None:
    log = pd.DataFrame({"user": list("aaabc"), "item": list("xxxyy")})
    model = Popularity().fit(Interactions.from_log(log))
    assert model.popularity_.tolist() == [1, 2]
    assert model.recommend(np.array([0, 1]), 1).tolist() == [[1], [0]]


# --- the best matrix of rank k --------------------------------------------------------------------------------


def test_rank_2_error_of_the_tiny_matrix_is_exactly_2() -> None:
    s = np.linalg.svd(TINY, compute_uv=False)
    np.testing.assert_allclose(s, [12.0365, 8.4334, np.sqrt(2), np.sqrt(2)], atol=5e-5)
    assert np.linalg.norm(TINY - rank_k(TINY, 2)) == pytest.approx(2, abs=1e-12)


@pytest.mark.parametrize("shape", [(5, 7), (7, 5), (4, 4)])
def test_rank_k_has_rank_k_and_the_error_of_the_singular_values_left_out(shape: tuple[int, int]) -> None:
    matrix = np.random.default_rng(0).normal(size=shape)
    s = np.linalg.svd(matrix, compute_uv=False)
    for k in range(min(shape) + 1):
        nearest = rank_k(matrix, k)
        assert np.linalg.matrix_rank(nearest) == k
        assert np.linalg.norm(matrix - nearest) == pytest.approx(np.sqrt((s[k:] ** 2).sum()), abs=1e-12)
    np.testing.assert_allclose(rank_k(matrix, min(shape)), matrix, atol=1e-12)


def test_no_other_matrix_of_rank_k_is_nearer() -> None:
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(6, 8))
    nearest = np.linalg.norm(matrix - rank_k(matrix, 2))
    for _ in range(200):
        left = rng.normal(size=(6, 2))
        best_right = np.linalg.lstsq(left, matrix, rcond=None)[0]
        assert np.linalg.norm(matrix - left @ best_right) >= nearest


@pytest.mark.parametrize("k", [-1, 5])
def test_rank_k_refuses_a_rank_that_cannot_be(k: int) -> None:
    with pytest.raises(ValueError, match=f"k must be an integer from 0 to 4; got {k}"):
        rank_k(TINY, k)


# --- PureSVD --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, "rating"])
@pytest.mark.parametrize("k", [1, 5, 19])
def test_puresvd_agrees_with_truncated_svd_of_scikit_learn(k: int, value: str | None) -> None:
    ratings = random_ratings(seed=k, n_users=30, n_items=20)
    model = PureSVD(k, value=value).fit(Interactions.from_matrix(ratings))
    rows = ratings if value else (ratings > 0).astype(float)
    grade = TruncatedSVD(k, algorithm="arpack", random_state=1).fit(sparse.csr_array(rows))
    np.testing.assert_allclose(model.singular_values_, grade.singular_values_, atol=1e-9)
    np.testing.assert_allclose(model.score(np.arange(30)), grade.inverse_transform(grade.transform(rows)), atol=1e-9)


def test_puresvd_agrees_with_numpy_up_to_the_signs() -> None:
    model = PureSVD(4, value="rating").fit(Interactions.from_matrix(RATINGS))
    U, s, Vt = np.linalg.svd(RATINGS)
    np.testing.assert_allclose(model.singular_values_, s[:4], atol=1e-9)
    np.testing.assert_allclose(np.abs(model.item_factors_), np.abs(Vt[:4].T), atol=1e-7)
    np.testing.assert_allclose(model.score(EVERYBODY), (U[:, :4] * s[:4]) @ Vt[:4], atol=1e-9)


def test_puresvd_scores_are_the_nearest_matrix_of_rank_k() -> None:
    model = PureSVD(2, value="rating").fit(Interactions.from_matrix(TINY))
    np.testing.assert_allclose(model.score(np.arange(5)), rank_k(TINY, 2), atol=1e-9)


def test_item_factors_are_orthonormal_even_where_the_rank_is_less_than_k() -> None:
    two_tastes = np.kron(np.eye(2), np.ones((4, 3)))
    model = PureSVD(4).fit(Interactions.from_matrix(two_tastes))
    np.testing.assert_allclose(model.item_factors_.T @ model.item_factors_, np.eye(4), atol=1e-9)
    np.testing.assert_allclose(model.score(np.arange(8)), two_tastes, atol=1e-9)


def test_seed_moves_nothing_but_rounding() -> None:
    one, other = (PureSVD(3, random_state=seed).fit(Interactions.from_matrix(RATINGS)) for seed in (0, 7))
    np.testing.assert_allclose(one.score(EVERYBODY), other.score(EVERYBODY), atol=1e-9)


@pytest.mark.parametrize("value", [None, "rating"])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_folding_in_a_row_of_training_gives_its_score(kind, value: str | None) -> None:
    model = PureSVD(3, value=value).fit(Interactions.from_matrix(RATINGS))
    rows = RATINGS if value else (RATINGS > 0).astype(float)
    np.testing.assert_allclose(model.fold_in(kind(rows[[4, 1]])), model.score(np.array([4, 1])), atol=1e-12)


def test_folding_in_a_new_user_finds_the_taste_of_their_kind() -> None:
    two_tastes = np.kron(np.eye(2), np.ones((4, 3)))
    model = PureSVD(2).fit(Interactions.from_matrix(two_tastes))
    scores = model.fold_in(np.array([[0, 0, 0, 1, 0, 0]]))
    np.testing.assert_allclose(scores, [[0, 0, 0, 1 / 3, 1 / 3, 1 / 3]], atol=1e-9)


def test_folding_in_refuses_rows_of_another_catalog() -> None:
    model = PureSVD(3).fit(Interactions.from_matrix(RATINGS))
    with pytest.raises(ValueError, match=r"\(n, 9\).*got \(9, 12\)"):
        model.fold_in(RATINGS.T)


def test_folding_in_refuses_one_row_without_its_second_axis() -> None:
    model = PureSVD(3).fit(Interactions.from_matrix(RATINGS))
    with pytest.raises(ValueError, match=r"\(n, 9\).*got \(9,\)"):
        model.fold_in(RATINGS[0])


def test_folding_in_before_fit_says_that_the_model_is_not_fitted() -> None:
    with pytest.raises(ValueError, match="not fitted yet"):
        PureSVD(3).fold_in(RATINGS)


@pytest.mark.parametrize("k", [-1, 0, 9, 20])
def test_puresvd_refuses_a_k_that_the_matrix_does_not_have(k: int) -> None:
    with pytest.raises(ValueError, match=f"n_factors must be .*; got {k}"):
        PureSVD(k).fit(Interactions.from_matrix(RATINGS))


def test_puresvd_of_one_user_is_refused_in_words_that_can_be_followed() -> None:
    with pytest.raises(ValueError, match="1 x 5") as refusal:
        PureSVD(1).fit(Interactions.from_matrix(np.ones((1, 5))))
    assert "between 1 and 0" not in str(refusal.value)


def test_puresvd_refuses_a_column_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="no column 'stars'"):
        PureSVD(2, value="stars").fit(Interactions.from_matrix(RATINGS))


def test_a_fit_that_fails_does_not_leave_a_model_that_looks_fitted() -> None:
    model = PureSVD(20)
    with pytest.raises(ValueError, match="n_factors must be"):
        model.fit(Interactions.from_matrix(RATINGS))
    with pytest.raises(ValueError, match="not fitted yet"):
        model.recommend(np.array([0]), 2)


# --- on real people -------------------------------------------------------------------------------------------


def test_puresvd_on_movielens_reaches_the_known_ndcg(movielens: Interactions) -> None:
    means = []
    for seed in range(5):
        train, test, _ = split_per_user(movielens, random_state=seed)
        score = PureSVD(20).fit(train).score
        means.append(evaluate(score, Split(train, test, ""), name="PureSVD").mean("nDCG@10"))
    assert np.mean(means) == pytest.approx(0.4346, abs=0.01)


def test_the_zero_filled_svd_predicts_ratings_of_movielens_badly(movielens: Interactions) -> None:
    train, test, _ = split_per_user(movielens)
    predicted = PureSVD(20, value="rating").fit(train).score(np.arange(train.n_users))
    assert rmse(test.log["rating"], predicted[test.user_pos, test.item_pos]) > 2


def test_ranking_movielens_by_mean_rating_is_worse_than_chance(movielens: Interactions) -> None:
    train, test, _ = split_per_user(movielens)
    mean = train.log.groupby("item")["rating"].mean().reindex(train.item_ids, fill_value=0).to_numpy()
    rng = np.random.default_rng(0)
    by_mean = evaluate(lambda users: np.tile(mean, (len(users), 1)), Split(train, test, ""), name="mean rating")
    by_chance = evaluate(lambda users: rng.random((len(users), 1682)), Split(train, test, ""), name="random")
    assert by_mean.mean("nDCG@10") < by_chance.mean("nDCG@10") / 2
