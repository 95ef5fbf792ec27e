"""The evaluator gives the popularity figures that MyMediaLite published for the public split u1 of MovieLens-100K.

Published at mymedialite.net/documentation/command_line.html (source: github.com/zenogantner/mymedialite.net):
UserAverage RMSE 1.063 MAE 0.85019; MostPopular prec@5 0.322 prec@10 0.30458 NDCG 0.57038, num_users 459
num_items 1650. NDCG is over the whole list; its MAP and AUC there are other measures than ours.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from recsys_teach.data import Interactions, Split
from recsys_teach.evaluation import evaluate, rmse
from recsys_teach.models import Popularity


@pytest.fixture(scope="module")
def u1(movielens: Interactions) -> Split:
    """Hold out the first 20,000 ratings of u.data, as the data set's own mku.sh does; their order is kept here."""
    in_test = np.arange(len(movielens)) < 20_000
    return Split(movielens.take(~in_test), movielens.take(in_test), "u1.base and u1.test")


def popularity_of_candidates(split: Split):
    """Score by popularity; items without a training event cannot be recommended, as in MyMediaLite."""
    model = Popularity().fit(split.train)
    never = np.where(model.popularity_ > 0, 0, -np.inf)
    return lambda users: model.score(users) + never


def test_the_split_is_the_public_one(u1: Split) -> None:
    train, test = u1.train.log, u1.test.log
    predicted = test["user"].map(train.groupby("user")["rating"].mean()).fillna(train["rating"].mean())
    assert f"{rmse(test['rating'].to_numpy(), predicted.to_numpy()):.3f}" == "1.063"
    assert f"{(test['rating'] - predicted).abs().mean():.5f}" == "0.85019"
    assert (test["user"].nunique(), train["item"].nunique()) == (459, 1650)


def test_popularity_has_the_published_precision_and_ndcg(u1: Split) -> None:
    score = popularity_of_candidates(u1)
    at_5 = evaluate(score, u1, name="popularity", k=5)
    assert len(at_5.per_user) == 459
    assert f"{at_5.mean('precision@5'):.5f}" == "0.32200"
    whole = evaluate(score, u1, name="popularity", k=u1.train.n_items)
    assert f"{whole.mean(f'nDCG@{u1.train.n_items}'):.5f}" == "0.57038"


def test_the_published_precision_at_10_is_one_that_ties_leave_open(u1: Split) -> None:
    """Ten users have films of equal popularity across place 10; MyMediaLite does not say which it takes."""
    hits = {}
    score = popularity_of_candidates(u1)
    test = u1.test.matrix()
    for luck in (-0.5, 0, 0.5):  # a test film loses or wins every tie; popularity is a whole number

        def lucky(users: np.ndarray, luck: float = luck) -> np.ndarray:
            return score(users) + luck * test[users].toarray()

        result = evaluate(lucky, u1, name="popularity", k=10)
        hits[luck] = round(10 * float(pd.Series(result.per_user["precision@10"]).sum()))
    assert hits == {-0.5: 1394, 0: 1399, 0.5: 1401}
    published = round(0.30458 * 4590)
    assert hits[-0.5] <= published == 1398 <= hits[0.5]
    assert f"{published / 4590:.5f}" == "0.30458"
