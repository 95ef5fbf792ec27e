"""Bootstrap intervals: what they cover, what they refuse, and where the table shows them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from recsys_teach import evaluation
from recsys_teach.data import Interactions, split_per_user
from recsys_teach.evaluation import Result, bootstrap_interval, evaluate, paired_difference, result_table
from recsys_teach.models import Popularity


def result(name: str, values: np.ndarray, protocol: str = "p", index: list | None = None) -> Result:
    return Result(name, protocol, pd.DataFrame({"nDCG@3": values, "recall@3": 1 - np.asarray(values)}, index=index))


def test_interval_agrees_with_the_normal_approximation_where_there_are_many_users() -> None:
    values = np.random.default_rng(0).random(2000)
    low, high = bootstrap_interval(values)
    error = 1.96 * values.std() / np.sqrt(len(values))
    assert low == pytest.approx(values.mean() - error, abs=0.2 * error)
    assert high == pytest.approx(values.mean() + error, abs=0.2 * error)


def test_interval_holds_the_true_mean_about_19_times_in_20() -> None:
    rng = np.random.default_rng(1)
    limits = np.array([bootstrap_interval(rng.random(80)) for _ in range(300)])
    assert 0.9 <= ((limits[:, 0] <= 0.5) & (limits[:, 1] >= 0.5)).mean() <= 0.98


def test_interval_is_determined_by_its_seed() -> None:
    values = np.random.default_rng(2).random(50)
    assert bootstrap_interval(values) == bootstrap_interval(values)
    assert bootstrap_interval(values, random_state=1) != bootstrap_interval(values)


def test_interval_moves_with_the_values_and_shrinks_with_more_users() -> None:
    values = np.random.default_rng(3).random(60)
    low, high = bootstrap_interval(values)
    assert bootstrap_interval(10 * values + 1) == pytest.approx((10 * low + 1, 10 * high + 1))
    few, many = bootstrap_interval(values), bootstrap_interval(np.tile(values, 4))
    assert (many[1] - many[0]) / (few[1] - few[0]) == pytest.approx(0.5, abs=0.05)


def test_interval_does_not_depend_on_the_memory_budget_in_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(4).random(100)
    at_once = bootstrap_interval(values)
    original = evaluation.chunks
    monkeypatch.setattr(evaluation, "chunks", lambda samples, n: original(samples, n, budget=7 * 4 * 8 * n))
    assert bootstrap_interval(values) == pytest.approx(at_once)


def test_nan_is_left_out_and_nobody_gives_nan() -> None:
    values = np.random.default_rng(5).random(40)
    assert bootstrap_interval(np.append(values, np.nan)) == bootstrap_interval(values)
    assert np.isnan(bootstrap_interval(np.array([np.nan]))).all()
    assert np.isnan(bootstrap_interval(np.array([]))).all()


def test_result_gives_the_interval_of_its_users() -> None:
    values = np.random.default_rng(6).random(40)
    assert result("x", values).interval("nDCG@3") == bootstrap_interval(values)


def test_a_small_difference_that_everybody_has_is_sure_although_the_intervals_overlap() -> None:
    values = np.random.default_rng(7).random(100)
    a, b = result("a", values + 0.01), result("b", values)
    assert a.interval("nDCG@3")[0] < b.interval("nDCG@3")[1]
    assert paired_difference(a, b, "nDCG@3") == pytest.approx((0.01, 0.01, 0.01))


def test_difference_turns_its_sign_with_the_order() -> None:
    rng = np.random.default_rng(8)
    a, b = result("a", rng.random(50)), result("b", rng.random(50))
    mean, low, high = paired_difference(a, b, "nDCG@3")
    assert low < mean < high
    assert paired_difference(b, a, "nDCG@3") == pytest.approx((-mean, -high, -low))


def test_only_results_of_one_protocol_and_the_same_users_can_be_paired() -> None:
    a = result("a", np.ones(2), index=["u", "v"])
    with pytest.raises(ValueError, match="different protocols cannot be paired: 'p' and 'q'"):
        paired_difference(a, result("b", np.ones(2), "q", ["u", "v"]), "nDCG@3")
    for index in (["v", "u"], ["u", "w"]):
        with pytest.raises(ValueError, match="a and b were measured on different users"):
            paired_difference(a, result("b", np.ones(2), index=index), "nDCG@3")


def test_table_shows_the_interval_of_the_first_metric_beside_each_model() -> None:
    rng = np.random.default_rng(9)
    results = [result("weak", rng.random(80) / 2), result("strong", rng.random(80))]
    shown = result_table(results).shown()
    assert list(shown.columns) == ["nDCG@3", "95 % interval", "recall@3"]
    for one in results:
        low, high = one.interval("nDCG@3")
        assert shown.loc[one.name, "95 % interval"] == f"{low:.3f} to {high:.3f}"
        assert f"{low:.3f} to {high:.3f}" in result_table(results)._repr_html_()


def test_evaluate_reports_every_metric_of_the_course() -> None:
    split = split_per_user(Interactions.from_matrix(np.ones((5, 9))))
    came = evaluate(Popularity().fit(split.train).score, split, name="popularity", k=2)
    assert list(came.per_user) == ["nDCG@2", "recall@2", "precision@2", "hit rate@2", "MRR@2", "MAP@2"]
    assert (came.per_user == 1).all(axis=None)  # all that is not seen is hidden


@pytest.mark.parametrize("min_rating", [None, 3])
def test_a_test_part_without_anything_to_find_is_refused(min_rating: int | None) -> None:
    whole = Interactions.from_matrix(np.ones((3, 4)))
    split = split_per_user(whole)
    empty = split if min_rating else split._replace(test=whole.take(np.zeros(12, dtype=bool)))
    with pytest.raises(ValueError, match=r"relevant events in the test set, got none.*[Hh]old out more"):
        evaluate(Popularity().fit(split.train).score, empty, name="popularity", k=2, min_rating=min_rating)
