"""Explanations: contributions add up, leaving out is checked by brute force, bad input is refused."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import sparse

from recsys_teach.data import Interactions
from recsys_teach.explain import contributions, counterfactual
from recsys_teach.models import EASE, IALS, ItemKNN, Popularity, PureSVD

MATRIX = (np.random.default_rng(0).random((60, 12)) < 0.35).astype(float)
MATRIX[np.arange(60), np.arange(60) % 12] = 1  # nobody without interactions
DATA = Interactions.from_matrix(sparse.csr_array(MATRIX))
MODELS = {"EASE": EASE(5.0), "ItemKNN": ItemKNN(k=5, shrinkage=1), "iALS": IALS(4, n_epochs=5)}
each_model = pytest.mark.parametrize("name", MODELS)


def fitted(name):
    return MODELS[name].fit(DATA)


def first_without(model, row, removed):
    """Rank what the user does not have, without some interactions, and return the first item."""
    without = row.copy()
    without[list(removed)] = 0
    scores = np.array(model.fold_in(without[None]), dtype=float)[0]
    scores[row > 0] = -np.inf
    return int(scores.argmax())


@each_model
def test_contributions_add_up_to_the_score_of_the_model(name):
    model = fitted(name)
    for row in MATRIX[:10]:
        scores = np.array(model.fold_in(row[None]), dtype=float)[0]
        for item in range(12):
            parts = contributions(model, row, item)
            assert parts.sum() == pytest.approx(scores[item], rel=1e-4, abs=1e-5)  # the models store float32
            assert (parts[row == 0] == 0).all()


def test_contributions_of_linear_models_add_up_in_float64():
    ease, neighbors = fitted("EASE"), fitted("ItemKNN")
    for row in MATRIX[:10]:
        exact = row @ ease.item_weights_.astype(float)
        sums = np.array([contributions(ease, row, item).sum() for item in range(12)])
        np.testing.assert_allclose(sums, exact, rtol=1e-10, atol=1e-14)
        sums = np.array([contributions(neighbors, row, item).sum() for item in range(12)])
        np.testing.assert_allclose(sums, neighbors.fold_in(row[None])[0], rtol=1e-10, atol=1e-14)


def test_contributions_of_ials_add_up_to_the_solution_of_the_normal_equations():
    model = fitted("iALS")
    H = model.item_factors_.astype(float)
    counts = np.array([0, 3, 0, 1, 0, 0, 2, 0, 0, 0, 0, 0.0])  # counts above 1
    confidence = 1 + model.alpha * counts
    A = H.T @ np.diag(confidence) @ H + model.regularization * confidence.sum() * np.eye(4)
    w = np.linalg.solve(A, H.T @ (confidence * (counts > 0)))
    for item in range(12):
        assert contributions(model, counts, item).sum() == pytest.approx(w @ H[item], rel=1e-10)


def test_contributions_of_item_neighbors_use_the_values_of_the_row():
    model = fitted("ItemKNN")
    row = MATRIX[0] * 3
    np.testing.assert_allclose(contributions(model, row, 5), 3 * contributions(model, MATRIX[0], 5))


def test_sparse_and_dense_rows_have_the_same_contributions():
    model = fitted("EASE")
    np.testing.assert_array_equal(
        contributions(model, sparse.csr_array(MATRIX[[1]]), 3), contributions(model, MATRIX[1], 3)
    )


@each_model
def test_without_the_counterfactual_another_item_is_first(name):
    model = fitted(name)
    found = 0
    for row in MATRIX[:20]:
        first = first_without(model, row, [])
        removed = counterfactual(model, row, max_size=4)
        assert (row[removed] > 0).all()
        assert len(set(removed.tolist())) == len(removed)
        if len(removed):
            found += 1
            assert first_without(model, row, removed) != first
            assert all(first_without(model, row, removed[:n]) == first for n in range(len(removed)))
    assert found > 5


@each_model
def test_a_single_removal_is_found_whenever_there_is_one(name):
    model = fitted(name)
    for row in MATRIX[:20]:
        first = first_without(model, row, [])
        single = any(first_without(model, row, [j]) != first for j in np.flatnonzero(row))
        assert (len(counterfactual(model, row)) == 1) == single


def test_counterfactual_is_never_smaller_than_the_smallest_set():
    model = fitted("EASE")
    for row in MATRIX[:15]:
        first, n_removed = first_without(model, row, []), len(counterfactual(model, row))
        for size in range(1, min(n_removed, 4)):
            enough = [first_without(model, row, s) != first for s in combinations(np.flatnonzero(row), size)]
            assert size > 1 or not any(enough)  # the greedy search never misses a single interaction


def test_counterfactual_is_empty_if_no_removal_is_allowed_to_suffice():
    model = fitted("EASE")
    sizes = [len(counterfactual(model, row, max_size=1)) for row in MATRIX[:20]]
    assert 0 in sizes and 1 in sizes


def test_any_model_that_folds_in_has_counterfactuals():
    model = PureSVD(3).fit(DATA)
    assert len(counterfactual(model, MATRIX[0])) >= 0


def test_models_without_a_sum_are_refused():
    with pytest.raises(TypeError, match=r"Expected a fitted EASE.*got Popularity"):
        contributions(Popularity().fit(DATA), MATRIX[0], 0)
    with pytest.raises(TypeError, match=r"model with fold_in.*got Popularity"):
        counterfactual(Popularity().fit(DATA), MATRIX[0])


def test_bad_rows_positions_and_sizes_are_refused():
    model = fitted("EASE")
    with pytest.raises(ValueError, match=r"rows of shape \(n, 12\)"):
        contributions(model, np.ones(5), 0)
    with pytest.raises(ValueError, match="item positions from 0 to 11"):
        contributions(model, MATRIX[0], 12)
    with pytest.raises(ValueError, match="not fitted"):
        contributions(EASE(), MATRIX[0], 0)
    with pytest.raises(ValueError, match="interactions and at least two items left"):
        counterfactual(model, np.zeros(12))
    with pytest.raises(ValueError, match="max_size must be an integer, at least 1"):
        counterfactual(model, MATRIX[0], max_size=0)
