"""Fairness: exposure, popularity lift and gaps, by hand and by scipy's bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.stats import bootstrap

from recsys_teach.fairness import group_gap, item_exposure, popularity_lift

SEEN = sparse.csr_array(np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1.0]]))
POPULARITY = np.array([1, 2, 1, 1])


def test_exposure_by_hand():
    lists = np.array([[2, 0], [2, 3], [0, -1]])
    second = 1 / np.log2(3)
    np.testing.assert_allclose(item_exposure(lists, 5), [second + 1, 0, 2, second, 0])


def test_exposure_of_full_lists_sums_to_the_places():
    lists = np.argsort(np.random.default_rng(0).random((7, 9)), axis=1)[:, :4]
    assert item_exposure(lists, 9).sum() == pytest.approx(7 * (1 / np.log2([2, 3, 4, 5])).sum())


def test_popularity_lift_by_hand():
    lists = np.array([[2, 3], [0, 3], [1, -1]])
    histories = (1.5 + 1.5 + 1) / 3
    recommended = (1 + 1 + 2) / 3
    assert popularity_lift(lists, SEEN, POPULARITY) == pytest.approx(recommended / histories - 1)


def test_lift_does_not_depend_on_stored_values():
    lists = np.array([[2, 3], [0, 3], [1, 2]])
    assert popularity_lift(lists, SEEN * 5, POPULARITY) == popularity_lift(lists, SEEN, POPULARITY)


def test_gap_and_its_interval_agree_with_scipy():
    rng = np.random.default_rng(1)
    values, member = rng.normal(size=200), np.arange(200) < 60
    values[member] += 0.5
    gap, low, high = group_gap(values, member)
    reference = bootstrap((values[member], values[~member]), lambda a, b, axis: a.mean(axis) - b.mean(axis),
                          method="percentile", rng=np.random.default_rng(0)).confidence_interval  # fmt: skip
    assert gap == pytest.approx(values[member].mean() - values[~member].mean())
    assert (low, high) == pytest.approx((reference.low, reference.high), abs=0.04)
    assert group_gap(values, ~member)[0] == pytest.approx(-gap)
    assert group_gap(values, member) == (gap, low, high)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: item_exposure(np.array([0, 1]), 3), "single list"),
        (lambda: item_exposure(np.array([[0, 3]]), 3), "item positions from 0 to 2"),
        (lambda: popularity_lift(np.array([[0]]), SEEN, POPULARITY), "rows of the same users"),
        (lambda: popularity_lift(np.array([[0], [1], [-1]]), SEEN, POPULARITY), "Leave them out"),
        (lambda: group_gap(np.ones(3), np.array([True, True, True])), "both groups"),
        (lambda: group_gap(np.ones(3), np.array([True, False])), "one True or False per user"),
    ],
)
def test_bad_input_is_refused_with_a_fix(call, message):
    with pytest.raises(ValueError, match=message):
        call()
