"""The evaluator against an independent computation, and what it refuses to mix."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from recsys_teach.data import Interactions, Split, split_per_user, split_users
from recsys_teach.evaluation import (
    Result,
    bootstrap_interval,
    chunks,
    evaluate,
    paired_difference,
    rank_unseen,
    result_table,
    tied_ndcg_at_k,
    top_k,
)
from recsys_teach.models import Popularity

SPLIT = "per-user random 80/20, seed 0"


def random_parts(seed: int, n_users: int = 60, n_items: int = 40) -> tuple[Interactions, Interactions]:
    rng = np.random.default_rng(seed)
    taste = rng.random(n_items) ** 3
    rated = rng.random((n_users, n_items)) < taste
    rated[:, 0] |= ~rated.any(axis=1)  # nobody without an event
    return split_per_user(Interactions.from_matrix(rated.astype(float)), random_state=seed)[:2]


def popularity_by_hand(train: Interactions, test: Interactions, k: int) -> list[tuple[float, ...]]:
    """Give the six metrics of each user with test items: ids, sets and loops, nothing of the package."""
    seen, liked = {}, {}
    for part, items_of in ((train, seen), (test, liked)):
        for user, item in zip(part.log["user"], part.log["item"], strict=True):
            items_of.setdefault(user, set()).add(item)
    n_fans = {item: sum(item in items for items in seen.values()) for item in train.item_ids}
    chart = sorted(n_fans, key=lambda item: -n_fans[item])  # equal numbers stay in the order of the catalog
    numbers = []
    for user in (user for user in train.user_ids if user in liked):
        best = [item for item in chart if item not in seen.get(user, ())][:k]
        places = [place for place, item in enumerate(best, start=1) if item in liked[user]]
        n_liked, n_best = len(liked[user]), min(k, len(liked[user]))
        gain = sum(1 / math.log2(place + 1) for place in places)
        most = sum(1 / math.log2(place + 1) for place in range(1, n_best + 1))
        reciprocal = 1 / places[0] if places else 0
        precisions = sum(n_hits / place for n_hits, place in enumerate(places, start=1))
        n_hits = len(places)
        numbers.append((gain / most, n_hits / n_liked, n_hits / k, min(1, n_hits), reciprocal, precisions / n_best))
    return numbers


def popularity(train: Interactions, test: Interactions, k: int = 10) -> Result:
    return evaluate(Popularity().fit(train).score, Split(train, test, SPLIT), name="popularity", k=k)


@pytest.mark.parametrize("k", [1, 5, 10])
@pytest.mark.parametrize("seed", range(3))
def test_popularity_equals_an_independent_computation_exactly(seed: int, k: int) -> None:
    train, test = random_parts(seed)
    came = popularity(train, test, k).per_user
    assert list(came.itertuples(index=False, name=None)) == popularity_by_hand(train, test, k)


def test_popularity_on_movielens_equals_an_independent_computation_exactly(movielens: Interactions) -> None:
    train, test, _ = split_per_user(movielens)
    result = popularity(train, test)
    by_hand = popularity_by_hand(train, test, 10)
    assert list(result.per_user.itertuples(index=False, name=None)) == by_hand
    assert len(by_hand) == 943
    assert result.mean("nDCG@10") == pytest.approx(sum(ndcg for ndcg, *_ in by_hand) / 943, abs=1e-15)


def test_order_of_the_events_does_not_matter() -> None:
    train, test = random_parts(1)
    shuffled = [part.take(np.random.default_rng(0).permutation(len(part))) for part in (train, test)]
    pd.testing.assert_frame_equal(popularity(*shuffled).per_user, popularity(train, test).per_user)


def test_users_without_test_items_are_left_out_and_counted() -> None:
    log = pd.DataFrame({"user": list("aaabcc"), "item": [1, 2, 3, 1, 2, 3]})
    whole = Interactions.from_log(log)
    train, test = whole.take(np.array([0, 1, 3, 4])), whole.take(np.array([2, 5]))
    result = popularity(train, test, k=2)
    assert list(result.per_user.index) == ["a", "c"]
    assert result.protocol == f"{SPLIT}; all unseen items ranked; any test event is a hit; " + (
        "2 users, 1 without such an event left out"
    )


def test_protocol_does_not_speak_of_users_left_out_if_there_are_none() -> None:
    whole = Interactions.from_matrix(np.ones((3, 5)))
    assert "left out" not in popularity(*split_per_user(whole)[:2], k=2).protocol
    assert "3 users" in popularity(*split_per_user(whole)[:2], k=2).protocol


def test_seen_items_are_never_ranked_however_high_their_score() -> None:
    train, test = random_parts(2)
    scores = 1000 * train.matrix().toarray() + test.matrix().toarray()
    result = evaluate(lambda users: scores[users], Split(train, test, SPLIT), name="oracle")
    assert result.mean("nDCG@10") == 1


def test_a_user_who_was_not_in_training_is_ranked_all_items() -> None:
    whole = Interactions.from_log(pd.DataFrame({"user": [1, 1, 2], "item": [7, 8, 7]}))
    result = popularity(whole.take(np.array([0, 1])), whole.take(np.array([2])), k=1)
    assert result.per_user["recall@1"].to_dict() == {2: 1.0}


def test_scores_are_asked_for_in_chunks_and_each_user_once(monkeypatch: pytest.MonkeyPatch) -> None:
    train, test = random_parts(3)
    at_once = popularity(train, test)
    asked = []

    def score(users: np.ndarray) -> np.ndarray:
        asked.append(users)
        return model.score(users)

    model = Popularity().fit(train)
    monkeypatch.setattr("recsys_teach.evaluation.ranking.chunks", lambda *a: chunks(*a, budget=4 * 7 * 40 * 8))
    in_chunks = evaluate(score, Split(train, test, SPLIT), name="popularity")
    pd.testing.assert_frame_equal(in_chunks.per_user, at_once.per_user)
    assert max(map(len, asked)) == 7
    assert train.user_ids[np.concatenate(asked)].equals(at_once.per_user.index)


def test_only_liked_test_items_are_hits_if_a_least_rating_is_given() -> None:
    log = pd.DataFrame({"user": [1, 1, 2, 2, 3], "item": [7, 8, 7, 9, 9], "rating": [5, 2, 5, 4, 1]})
    whole = Interactions.from_log(log)
    split = Split(whole.take(np.array([0, 2])), whole.take(np.array([1, 3, 4])), SPLIT)
    by_position = np.array([[0.0, 2.0, 1.0]]).repeat(3, axis=0)
    result = evaluate(lambda users: by_position[users], split, name="x", k=2, min_rating=4)
    assert result.per_user["nDCG@2"].to_dict() == {2: pytest.approx(1 / np.log2(3))}
    assert "at least 4 is a hit" in result.protocol
    assert result.protocol != evaluate(lambda users: by_position[users], split, name="x", k=2).protocol


def test_a_pair_in_both_parts_is_refused_because_it_could_never_be_hit() -> None:
    train, test = random_parts(4)
    with pytest.raises(ValueError, match=r"1 pairs? .*in train and in test.*drop_duplicates"):
        popularity(
            Interactions.from_log(
                pd.concat([train.log, test.log.iloc[:1]]), user_ids=train.user_ids, item_ids=train.item_ids
            ),
            test,
        )


def test_different_axes_are_refused() -> None:
    train, test = random_parts(4)
    backwards = Interactions.from_log(test.log, user_ids=test.user_ids, item_ids=test.item_ids[::-1])
    fewer = Interactions.from_log(test.log)
    for other in (backwards, fewer):
        with pytest.raises(ValueError, match="same users and items in the same order"):
            popularity(train, other)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda scores: scores.T,
        lambda scores: scores[:1],
        lambda scores: scores[0],
        lambda scores: scores[:, :-1],
    ],
    ids=["transposed", "one user", "one dimension", "an item missing"],
)
def test_scores_of_the_wrong_shape_are_refused(wrong) -> None:
    train, test = random_parts(5)
    model = Popularity().fit(train)
    with pytest.raises(ValueError, match="one row per user and one column per item"):
        evaluate(lambda users: wrong(model.score(users)), Split(train, test, SPLIT), name="x")


def test_scores_with_nan_are_refused() -> None:
    train, test = random_parts(5)
    with pytest.raises(ValueError, match="NaN"):
        evaluate(lambda users: np.full((len(users), 40), np.nan), Split(train, test, SPLIT), name="x")


@pytest.mark.parametrize("k", [-1, 0, 41])
def test_a_list_that_cannot_be_is_refused(k: int) -> None:
    train, test = random_parts(5)
    with pytest.raises(ValueError, match="k must be an integer from 1 to the 40 items"):
        popularity(train, test, k=k)


def test_result_shows_its_numbers_with_its_protocol() -> None:
    result = Result("oracle", "some split", pd.DataFrame({"nDCG@3": [1.0, 0.5], "recall@3": [0.0, 0.25]}))
    assert result.mean("nDCG@3") == 0.75
    assert repr(result) == "oracle: nDCG@3 0.750, recall@3 0.125  (some split)"


def test_table_has_the_best_first_and_names_the_protocol() -> None:
    numbers = {"weak": 0.2, "strong": 0.9, "fair": 0.5}
    results = [Result(name, "p", pd.DataFrame({"nDCG@3": [x], "recall@3": [1 - x]})) for name, x in numbers.items()]
    table = result_table(results)
    assert table.protocol == "p"
    assert list(table.frame.index) == ["strong", "fair", "weak"]
    assert table.frame.loc["strong"].tolist() == pytest.approx([0.9, 0.1])


def test_table_shows_its_protocol_as_text_and_as_html() -> None:
    table = result_table([Result("oracle", "seed <0>", pd.DataFrame({"nDCG@3": [0.12345]}))])
    assert repr(table).startswith("seed <0>\n")
    assert "0.123" in repr(table)
    assert "oracle" in table._repr_html_()
    assert "seed &lt;0&gt;" in table._repr_html_()


def test_table_refuses_to_mix_protocols() -> None:
    train, test = random_parts(6)
    score = Popularity().fit(train).score
    results = [evaluate(score, Split(train, test, name), name=name) for name in ("leave-last-out", "random 80/20")]
    with pytest.raises(ValueError, match=r"different protocols .*leave-last-out.*random 80/20"):
        result_table(results)


def test_table_refuses_to_mix_lengths_of_the_list() -> None:
    train, test = random_parts(6)
    with pytest.raises(ValueError, match="different protocols"):
        result_table([popularity(train, test, k=5), popularity(train, test, k=10)])


def test_table_loses_no_result_silently_if_two_have_one_name() -> None:
    one, other = (Result("SVD", "p", pd.DataFrame({"nDCG@3": [x]})) for x in (0.1, 0.9))
    with pytest.raises(ValueError, match=r"different name for each result; got .*SVD"):
        result_table([one, other])


# --- everyday slips -------------------------------------------------------------------------------------------

RATED = Interactions.from_log(
    pd.DataFrame({"user": [1, 1, 1, 2, 2, 2], "item": [10, 11, 12, 10, 11, 13], "rating": [5.0, 4, 2, 3, 4, 5]})
)
PARTS = split_per_user(RATED, 0.5)
MODEL = Popularity().fit(PARTS.train)


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (MODEL, r"got Popularity, the model itself\. Pass model\.score"),
        (Popularity, "got the class Popularity"),
        (MODEL.score(np.arange(2)), r"got ndarray of shape \(2, 4\)\. Pass lambda users: scores\[users\]"),
        (None, "got NoneType"),
    ],
    ids=["model", "class", "scores", "None"],
)
def test_something_else_in_the_place_of_score_is_named(score, message: str) -> None:
    with pytest.raises(TypeError, match=rf"Expected score as a function of user positions.*{message}"):
        evaluate(score, PARTS, name="x", k=2)
    with pytest.raises(TypeError, match=message):
        rank_unseen(score, np.arange(2), 2, PARTS.train.matrix())


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (RATED, r"got Interactions\. Create one with split_per_user\(interactions\)"),
        ((PARTS.train, PARTS.test), r"got tuple.*Split\(train, test, name\)"),
        (split_users(RATED, 1), r"train, split = split_users\(\.\.\.\)"),
        (Split(PARTS.train.log, PARTS.test.log, "x"), r"split\.train as Interactions, got DataFrame"),
        (Split(PARTS.train, PARTS.test.matrix(), "x"), r"split\.test as Interactions, got csr_array"),
    ],
    ids=["whole", "pair", "split_users", "frames", "matrix"],
)
def test_something_else_in_the_place_of_the_split_is_named(split, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        evaluate(MODEL.score, split, name="x", k=2)


@pytest.mark.parametrize("k", [2.0, "2", None, True, np.float64(2), 1.5])
def test_a_length_that_is_no_whole_number_is_refused_everywhere(k) -> None:
    wanted, scores = PARTS.test.matrix(), MODEL.score(np.arange(2))
    calls = [
        lambda: evaluate(MODEL.score, PARTS, name="x", k=k),
        lambda: rank_unseen(MODEL.score, np.arange(2), k, PARTS.train.matrix()),
        lambda: top_k(scores, k),
        lambda: MODEL.recommend(np.arange(2), k),
        lambda: tied_ndcg_at_k(scores, wanted, k),
    ]
    for call in calls:
        with pytest.raises(TypeError, match="k must be an integer"):
            call()


def test_a_length_of_any_integer_type_is_taken() -> None:
    assert evaluate(MODEL.score, PARTS, name="x", k=np.int8(2)).mean("nDCG@2") > 0


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda scores: None, "got NoneType: does the function return its scores"),
        (lambda scores: sparse.csr_array(scores), r"got csr_array\. Write scores\.toarray\(\)"),
        (lambda scores: [[1.0], [1.0, 2.0]], "got list that cannot be converted"),
        (lambda scores: torch.tensor(scores, requires_grad=True), r"got Tensor .*detach\(\)\.cpu\(\)\.numpy\(\)"),
        (lambda scores: scores.astype(str), "scores as numbers, got <U"),
        (lambda scores: scores.astype(complex), "scores as numbers, got complex128"),
        (lambda scores: np.ma.array(scores, mask=scores > 0), r"a masked array\. Write scores\.filled"),
        (lambda scores: top_k(scores, 2), r"one column per item, \(2, 4\); got \(2, 2\)"),
        (lambda scores: np.where(scores > 0, np.nan, scores), "contain NaN"),
    ],
    ids=["None", "sparse", "ragged", "gradient", "text", "complex", "masked", "lists", "NaN"],
)
def test_scores_that_are_none_are_refused_in_a_sentence(returned, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate(lambda users: returned(MODEL.score(users).astype(float)), PARTS, name="x", k=2)


@pytest.mark.parametrize("kind", [np.ndarray.tolist, torch.from_numpy, pd.DataFrame], ids=["list", "tensor", "frame"])
def test_scores_of_another_type_count_as_the_array(kind) -> None:
    came = evaluate(lambda users: kind(MODEL.score(users).astype(float)), PARTS, name="x", k=2)
    pd.testing.assert_frame_equal(came.per_user, evaluate(MODEL.score, PARTS, name="x", k=2).per_user)


@pytest.mark.parametrize(
    ("log", "min_rating", "message"),
    [
        (RATED.log.drop(columns="rating"), 4, r"needs the column 'rating' in the log; it has \['user', 'item'\]"),
        (RATED.log, "4", r"min_rating as a finite number, got '4' \(str\)"),
        (RATED.log, float("nan"), "min_rating as a finite number, got nan"),
        (RATED.log.assign(rating="good"), 4, "ratings as numbers, got 'good'"),
        (RATED.log, 6, r"got none with a rating of at least 6, of \d in all"),
    ],
    ids=["no column", "text", "NaN", "words", "too high"],
)
def test_a_least_rating_that_cannot_be_is_refused(log: pd.DataFrame, min_rating, message: str) -> None:
    split = split_per_user(Interactions.from_log(log), 0.5)
    with pytest.raises(ValueError, match=message):
        evaluate(Popularity().fit(split.train).score, split, name="x", k=2, min_rating=min_rating)


@pytest.mark.parametrize(
    ("metric", "write"),
    [("nDCG", "nDCG@2"), ("ndcg@2", "nDCG@2"), ("NDCG", "nDCG@2"), ("nDCG@10", "nDCG@2"), ("recal@2", "recall@2")],
)
@pytest.mark.parametrize(
    "ask",
    [
        lambda result, metric: result.mean(metric),
        lambda result, metric: result.interval(metric),
        lambda result, metric: paired_difference(result, result, metric),
    ],
    ids=["mean", "interval", "paired_difference"],
)
def test_a_metric_that_is_not_there_is_answered_with_what_to_write(ask, metric: str, write: str) -> None:
    result = evaluate(MODEL.score, PARTS, name="x", k=2)
    with pytest.raises(ValueError, match=rf"metric with its k, one of \['nDCG@2', .*got '{metric}'\. Write '{write}'"):
        ask(result, metric)


def test_what_is_no_result_is_refused() -> None:
    result = evaluate(MODEL.score, PARTS, name="x", k=2)
    with pytest.raises(TypeError, match=r"a Result; got float"):
        paired_difference(result, result.mean("nDCG@2"), "nDCG@2")
    with pytest.raises(TypeError, match=r"Write result_table\(\[result\]\)"):
        result_table(result)
    with pytest.raises(TypeError, match=r"a Result; got DataFrame"):
        result_table([result.per_user])
    with pytest.raises(ValueError, match="at least one result"):
        result_table([])
    with pytest.raises(TypeError, match="name as a string"):
        evaluate(MODEL.score, PARTS, name=None, k=2)
    with pytest.raises(TypeError, match=r"one number per user, got Result"):
        bootstrap_interval(result)
    with pytest.raises(ValueError, match=r"got shape \(2, 6\)"):
        bootstrap_interval(result.per_user)


@pytest.mark.parametrize("users", [[-1], [2], [0.0], ["1"], [[0, 1]]])
def test_rank_unseen_refuses_users_that_are_no_positions(users: list) -> None:
    with pytest.raises(ValueError, match=r"Expected user positions from 0 to 1, got .*get_indexer\(ids\)"):
        rank_unseen(MODEL.score, np.array(users), 2, PARTS.train.matrix())
