"""Passes over shards: in one process, and on Spark in local mode; test_scale_cluster.py starts a cluster."""

import numpy as np
import pytest
from conftest import skip_or_fail
from scipy import sparse
from sklearn.linear_model import Ridge

from recsys_teach import scale
from recsys_teach.data import Interactions
from recsys_teach.models.factors import BiasedMF, als_pass, padded_blocks

RNG = np.random.default_rng(18)
RATINGS = np.where(RNG.random((50, 30)) < 0.3, RNG.integers(1, 6, (50, 30)), 0).astype(float)
RATINGS[7], RATINGS[:, 29] = 0, 0  # user 7 has no rating, and neither has the last item
RATINGS[0, :29] = 3  # user 0 has rated nearly everything
MATRIX = sparse.csr_array(RATINGS)
RIDGE = 1.3 * np.sqrt(np.maximum(1, np.diff(MATRIX.indptr)))
ITEM_RIDGE = 1.3 * np.sqrt(np.maximum(1, (RATINGS > 0).sum(axis=0)))
FACTORS = RNG.normal(size=(30, 4))
START = 0.1 * RNG.normal(size=(50, 4))


@pytest.fixture(scope="module")
def session():
    """Spark in local mode, shared by the tests of this file."""
    if reason := scale.why_no_spark():
        skip_or_fail(reason)
    with scale.local_session(2) as running:
        yield running


def in_one_process(solve, n_epochs, start=START):
    """Alternate without shards."""
    by_user, by_item = (padded_blocks(matrix, start.shape[1]) for matrix in (MATRIX, MATRIX.T.tocsr()))
    users, losses = start, []
    for _ in range(n_epochs):
        items, _ = solve(by_item, users, ITEM_RIDGE)
        users, loss = solve(by_user, items, RIDGE)
        losses.append(loss + ITEM_RIDGE @ (items**2).sum(axis=1))
    return users, items, losses


# --- without Spark ------------------------------------------------------------------------------------------------


def test_ridge_pass_solves_the_regression_of_each_row():
    solved, loss = scale.ridge_pass(padded_blocks(MATRIX, 4), FACTORS, RIDGE)
    minimum = 0.0
    for row, ratings in enumerate(RATINGS):
        known = ratings > 0
        if known.any():
            judge = Ridge(alpha=RIDGE[row], fit_intercept=False).fit(FACTORS[known], ratings[known]).coef_
            np.testing.assert_allclose(solved[row], judge, atol=1e-6)
            minimum += ((ratings[known] - FACTORS[known] @ judge) ** 2).sum() + RIDGE[row] * judge @ judge
    assert not solved[7].any()
    assert loss == pytest.approx(minimum, rel=1e-6)


@pytest.mark.parametrize("n_shards", [1, 3, 50])
def test_every_row_is_in_one_shard_and_cells_are_shared_out_evenly(n_shards):
    shards = scale.cut_into_shards(MATRIX, RIDGE, n_shards, 4)
    assert sorted(np.concatenate([shard.rows for shard in shards])) == list(range(50))
    cells = [sum(np.count_nonzero(values) for _, _, values in shard.blocks) for shard in shards]
    assert sum(cells) == MATRIX.nnz
    assert max(cells) - min(cells) <= np.diff(MATRIX.indptr).max()
    for shard in shards:
        np.testing.assert_array_equal(shard.ridge, RIDGE[shard.rows])


@pytest.mark.parametrize("solve", [scale.ridge_pass, als_pass])
@pytest.mark.parametrize("n_shards", [1, 7])
def test_shards_one_after_the_other_equal_one_process(solve, n_shards):
    other = FACTORS.astype(np.float32)
    parts = [scale.solve_shard(shard, other, solve) for shard in scale.cut_into_shards(MATRIX, RIDGE, n_shards, 4)]
    factors, loss = scale.assemble(parts[::-1], 50)  # parts may arrive in any order
    expected, expected_loss = solve(padded_blocks(MATRIX, 4), other, RIDGE)
    np.testing.assert_allclose(factors, expected, atol=1e-5)
    assert loss == pytest.approx(expected_loss, rel=1e-5)


def test_missing_and_repeated_rows_are_refused():
    parts = [scale.solve_shard(shard, FACTORS) for shard in scale.cut_into_shards(MATRIX, RIDGE, 2, 4)]
    with pytest.raises(ValueError, match=r"50 rows exactly once; got 25 rows, 25 of them different"):
        scale.assemble(parts[:1], 50)
    with pytest.raises(ValueError, match=r"got 50 rows, 25 of them different"):
        scale.assemble([parts[0], parts[0]], 50)
    with pytest.raises(ValueError, match=r"got 0 rows"):
        scale.assemble([], 50)


def test_wrong_shards_are_refused():
    with pytest.raises(ValueError, match="n_shards must be an integer from 1 to 50; got 51"):
        scale.cut_into_shards(MATRIX, RIDGE, 51, 4)
    with pytest.raises(ValueError, match=r"shape \(50,\); got \(\)"):
        scale.cut_into_shards(MATRIX, 1.3, 2, 4)


@pytest.mark.parametrize(
    ("installed", "java", "words"),
    [
        (False, ("/bin/java", 17), "python course.py add scale"),
        (True, (None, None), "none was found. Install Java 17"),
        (True, ("/bin/java", 8), "got 8. Install Java 17"),
        (True, ("/bin/java", None), "got no version. Install Java 17"),
    ],
)
def test_missing_parts_are_named_with_their_remedy(monkeypatch, installed, java, words):
    monkeypatch.setattr(scale, "find_spec", lambda name: installed or None)
    monkeypatch.setattr(scale, "find_java", lambda: java)
    assert words in scale.why_no_spark()
    with pytest.raises(ImportError, match=words), scale.local_session():
        pass


def test_java_home_comes_before_the_path(monkeypatch, tmp_path):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert scale.find_java() == (None, None)


# --- Spark in local mode ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_shards", [1, 3, 100])
def test_passes_on_spark_equal_one_process(session, n_shards):
    users, items, losses = scale.alternate_on_spark(
        session.sparkContext, MATRIX, START, RIDGE, ITEM_RIDGE, 3, n_shards=n_shards
    )
    expected_users, expected_items, expected_losses = in_one_process(scale.ridge_pass, 3)
    np.testing.assert_allclose(users, expected_users, atol=1e-5)
    np.testing.assert_allclose(items, expected_items, atol=1e-5)
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-5)
    assert losses == sorted(losses, reverse=True)


def test_passes_with_biases_on_spark_equal_biased_mf(session):
    model = BiasedMF(3, n_epochs=2).fit(Interactions.from_matrix(RATINGS))
    start = 0.1 * np.random.default_rng(0).standard_normal((50, 4), dtype=np.float32)
    start[:, -1] = 0
    centered = MATRIX.copy()
    centered.data = centered.data - model.mean_
    ridges = (1.3 * np.sqrt((RATINGS > 0).sum(axis=axis)) for axis in (1, 0))
    users, items, losses = scale.alternate_on_spark(session.sparkContext, centered, start, *ridges, 2, solve=als_pass)
    np.testing.assert_allclose(users[:, :-1], model.user_factors_, atol=1e-5)
    np.testing.assert_allclose(items[:, -1], model.item_biases_, atol=1e-5)
    np.testing.assert_allclose(losses, model.loss_history_, rtol=1e-5)


def test_user_factors_given_those_of_mllib_equal_its_own(session):
    from pyspark.ml.recommendation import ALS

    u, i = MATRIX.nonzero()
    table = session.createDataFrame(
        [(int(a), int(b), float(RATINGS[a, b])) for a, b in zip(u, i, strict=True)], ["user", "item", "rating"]
    )
    model = ALS(rank=4, maxIter=15, regParam=0.1, numUserBlocks=2, numItemBlocks=2, seed=0).fit(table)
    items, users = np.zeros((30, 4)), np.zeros((50, 4))
    for factors, name in ((items, "itemFactors"), (users, "userFactors")):
        for row in getattr(model, name).collect():
            factors[row["id"]] = row["features"]
    penalty = 0.1 * np.diff(MATRIX.indptr)  # MLlib's penalty of a row is regParam times its number of ratings
    solved, _ = scale.ridge_pass(padded_blocks(MATRIX, 4), items, penalty)
    np.testing.assert_allclose(solved, users, atol=1e-5)


def test_only_one_session_at_a_time(session):
    with pytest.raises(RuntimeError, match="Expected no running Spark"), scale.local_session():
        pass
    assert session.sparkContext.parallelize([1, 2], 2).sum() == 3
