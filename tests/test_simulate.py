"""The closed loop: what is shown, what is compared in pairs, and its measures by hand."""

from __future__ import annotations

import numpy as np
import pytest

from recsys_teach.data.world import make_world
from recsys_teach.models import Popularity
from recsys_teach.simulate import explore, exposure_rates, mean_overlap, run_loop

WORLD = make_world(60, 60, random_state=0)


def test_rates_are_damped_shares():
    shown = np.array([[True, False], [True, False], [True, True]])
    np.testing.assert_allclose(exposure_rates(shown, damping=2.0), [1, 3 / 5])


def test_exploration_replaces_the_asked_share_by_new_items():
    rng = np.random.default_rng(0)
    shown = rng.random((300, 40)) < 0.3
    order = np.where(shown, -1, rng.random(shown.shape))
    lists = np.argsort(-order, axis=1)[:, :5]
    assert (explore(lists, shown, 0.0, rng) == lists).all()
    explored = explore(lists, shown, 0.3, rng)
    assert abs((explored != lists).mean() - 0.3) < 0.04
    assert not np.take_along_axis(shown, explored, axis=1).any()
    assert all(len(set(row)) == 5 for row in explored.tolist())
    everything = explore(lists, shown, 1.0, rng)
    assert not any(set(a) & set(b) for a, b in zip(everything.tolist(), lists.tolist(), strict=True))


def test_overlap_by_hand():
    assert mean_overlap(np.array([[0, 1], [1, 2], [3, 4]]), 5) == pytest.approx((0.5 + 0 + 0) / 3)
    assert mean_overlap(np.array([[0, 1], [1, 0]]), 5) == 1


def test_the_oracle_is_best_in_the_first_round_and_runs_share_round_0():
    plain, oracle = run_loop(WORLD, n_rounds=3, k=5), run_loop(WORLD, n_rounds=3, k=5, oracle=True)
    assert plain.loc[0].equals(oracle.loc[0])
    assert plain["round"].tolist() == [0, 1, 2, 3]
    truth = np.sort(WORLD.truth.click_probability(np.arange(60)), axis=1)[:, -5:].mean()
    assert plain["utility"][1] < oracle["utility"][1] <= truth


def test_oracle_shows_every_item_once_and_best_first():
    table = run_loop(WORLD, n_rounds=10, k=5, oracle=True)
    assert (np.diff(table["utility"][1:]) < 0).all()


@pytest.mark.parametrize("correct", [False, True])
def test_a_run_by_hand(correct):
    probability = WORLD.truth.click_probability(np.arange(60))
    outcome, start, _ = (np.random.default_rng(seed) for seed in np.random.SeedSequence(3).spawn(3))
    would_click = outcome.random(probability.shape) < probability
    scores = WORLD.truth.log_popularity.astype(float) + start.gumbel(size=probability.shape)
    shown, utility = np.zeros(probability.shape, dtype=bool), []
    for _ in range(4):
        lists = np.argsort(-scores, axis=1, kind="stable")[:, :5]
        np.put_along_axis(shown, lists, values=True, axis=1)
        utility.append(np.take_along_axis(probability, lists, axis=1).mean())
        clicks = (shown & would_click).sum(axis=0)
        score = clicks / ((shown.sum(axis=0) + 10) / (60 + 10)) if correct else clicks
        scores = np.where(shown, -np.inf, score)
    table = run_loop(WORLD, n_rounds=3, k=5, correct=correct, model=Popularity(), random_state=3)
    np.testing.assert_allclose(table["utility"], utility)


def test_the_same_seed_repeats_a_run_and_another_does_not():
    options = {"n_rounds": 2, "k": 5, "exploration": 0.2, "correct": True}
    assert run_loop(WORLD, **options).equals(run_loop(WORLD, **options))
    assert not run_loop(WORLD, **options).equals(run_loop(WORLD, random_state=1, **options))


def test_another_model_can_be_retrained():
    table = run_loop(WORLD, n_rounds=2, k=5, model=Popularity())
    assert len(table) == 3
    assert table["coverage"].between(0, 1).all()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_rounds": 11}, ValueError, "Use a larger world"),
        ({"n_rounds": 0}, ValueError, "n_rounds must be"),
        ({"exploration": 1.2, "k": 2}, ValueError, "exploration must be"),
        ({"correct": "yes", "k": 2}, TypeError, "correct must be True or False"),
    ],
)
def test_bad_options_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        run_loop(WORLD, **options)
    with pytest.raises(ValueError, match="damping must be"):
        exposure_rates(np.ones((2, 2), dtype=bool), 0.0)
