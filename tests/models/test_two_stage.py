"""The whole system: what its parts promise each other, and what must hold whatever was learned."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone

from recsys_teach.data import Interactions
from recsys_teach.data.world import DAY, make_world
from recsys_teach.models.multitask import MMoE, n_parameters
from recsys_teach.models.two_stage import (
    FUNNEL,
    Behavior,
    NoBehavior,
    Parts,
    TwoStageRecommender,
    cap_groups,
    histories_before,
    pair_rows,
    utility,
)

QUICK = {"n_factors": 4, "width": 4, "max_length": 5, "n_epochs": 1, "n_candidates": 20}
WHOLE = {"weights": {"finish": 1.0, "like": 2.0}, "item_columns": ["genre"], "user_columns": ["device"]}


@pytest.fixture(scope="module")
def train() -> Interactions:
    """Impressions of a small world before day 120: some titles are not out yet, some people have not come."""
    exposed = make_world(60, 80, 20).exposed()
    return exposed.take((exposed.log["time"] < 120 * DAY).to_numpy())


@pytest.fixture(scope="module")
def system(train) -> TwoStageRecommender:
    return TwoStageRecommender(**QUICK, **WHOLE, group_column="genre").fit(train)


@pytest.fixture(scope="module")
def everybody(train) -> np.ndarray:
    return np.arange(train.n_users)


def by_loop(log: pd.DataFrame, length: int, padding: int) -> np.ndarray:
    rows = np.full((len(log), length), padding)
    for n, event in enumerate(log.itertuples()):
        before = log[(log["user"] == event.user) & (log["time"] < event.time) & log["click"]].sort_values(
            "time", kind="stable"
        )
        last = before["item"].to_numpy()[-length:]
        rows[n, : len(last)] = last
    return rows


# --- histories ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_histories_hold_own_earlier_clicks_in_any_order_of_the_log(seed) -> None:
    rng = np.random.default_rng(seed)
    log = pd.DataFrame({"user": rng.integers(4, size=60), "item": rng.integers(9, size=60)})
    log["time"], log["click"] = rng.integers(20, size=60), rng.random(60) < 0.5
    taken = log[log["click"]]
    columns = [taken[name].to_numpy() for name in ("user", "item", "time")]
    rows = histories_before(tuple(columns), log["user"].to_numpy(), log["time"].to_numpy(), 3, 9)
    np.testing.assert_array_equal(rows, by_loop(log, 3, 9))


def test_histories_of_people_without_clicks_are_padding() -> None:
    nothing = np.empty(0, dtype=int)
    rows = histories_before((nothing, nothing, nothing), np.array([0, 3]), np.array([1.0, np.inf]), 2, 7)
    assert rows.tolist() == [[7, 7], [7, 7]]


def test_the_future_of_a_history_does_not_matter(train) -> None:
    users, items, times = train.user_pos, train.item_pos, train.log["time"].to_numpy()
    late = times >= 60 * DAY
    one = histories_before((users, items, times), users, times, 5, 80)
    other = histories_before((users, np.where(late, 0, items), times), users, times, 5, 80)
    np.testing.assert_array_equal(one[~late], other[~late])
    assert (one[late] != other[late]).any()


# --- parts and their interfaces -------------------------------------------------------------------------------


def test_shapes_at_each_interface(system) -> None:
    users, items, rows = torch.tensor([0, 1, 2]), torch.tensor([5, 5, 6]), torch.full((3, 5), 80)
    states = system.parts_.behavior(rows)
    u, v = system.parts_.interest.users(users), system.parts_.interest.items(items)
    assert states.shape == u.shape == v.shape == (3, 4)
    assert pair_rows(states, u, v).shape == (3, 20)
    assert system.parts_(users, items, rows).shape == (3, 4)


def test_a_state_is_zero_without_a_history_and_does_not_see_padding() -> None:
    behavior = Behavior(6, 3, dropout=0.5).eval()
    assert (behavior(torch.full((1, 4), 6)) == 0).all()
    short, long = behavior(torch.tensor([[2, 4, 6]])), behavior(torch.tensor([[2, 4, 6, 6, 6]]))
    torch.testing.assert_close(short, long)
    assert not torch.allclose(short, behavior(torch.tensor([[4, 2, 6]])))


def test_any_part_with_the_same_shapes_fits(system) -> None:
    parts = Parts(NoBehavior(4), system.parts_.interest, MMoE(20, 2))
    assert parts(torch.tensor([0, 1]), torch.tensor([5, 6]), torch.full((2, 5), 80)).shape == (2, 2)


def test_every_loss_of_a_task_reaches_all_parts(system) -> None:
    outputs = system.parts_(torch.arange(9), torch.arange(9), torch.arange(45).reshape(9, 5))
    for answer in outputs.sum(dim=0):
        system.parts_.zero_grad()
        answer.backward(retain_graph=True)
        for part in system.parts_.children():
            assert sum(float(p.grad.abs().sum()) for p in part.parameters() if p.grad is not None) > 0


def test_single_task_twin_of_the_ablation_has_as_many_parameters(train) -> None:
    short = {"n_epochs": 1, "max_length": 2}
    several = TwoStageRecommender(**short).fit(train)
    one = TwoStageRecommender({"click": "binary"}, width=20, **short).fit(train)
    for part in ("recommendation", "behavior", "interest"):
        sizes = [n_parameters(getattr(model.parts_, part)) for model in (several, one)]
        assert sizes[0] == pytest.approx(sizes[1], rel=0.01)


# --- utility and lists ----------------------------------------------------------------------------------------


def test_utility_by_hand() -> None:
    outputs = {"click": np.array([0.5]), "finish": np.array([0.4]), "like": np.array([0.1])}
    assert utility(outputs, {"finish": 1, "like": 2}) == pytest.approx(0.8)
    assert utility(outputs, {}) == pytest.approx(0.5)


def test_cap_keeps_the_order_and_fills_up() -> None:
    groups = np.array(["a", "a", "b", "a", "c"])
    assert cap_groups(np.array([0, 1, 3, 2, 4]), groups, 4, 2).tolist() == [0, 1, 2, 4]
    assert cap_groups(np.array([0, 1, 3, 2, 4]), groups, 5, 2).tolist() == [0, 1, 2, 4, 3]
    assert cap_groups(np.array([3, 0, -1, -1]), groups, 3, 1).tolist() == [3, 0, -1]


def test_list_has_at_most_two_of_a_genre_where_that_is_possible(system, train, everybody) -> None:
    genres = train.items["genre"].to_numpy()
    for row in system.recommend(everybody, 5):
        assert np.unique(genres[row], return_counts=True)[1].max() <= 2


def test_ranking_reorders_the_candidates_by_utility_and_adds_none(system, everybody) -> None:
    fetched = system.candidates(everybody, 20)
    ranked = system.rank(everybody, fetched)
    np.testing.assert_array_equal(np.sort(ranked), np.sort(fetched))
    values = np.take_along_axis(system.score(everybody), ranked, axis=1)
    assert (np.diff(values, axis=1) <= 1e-6).all()


def test_candidates_are_the_unseen_items_of_most_interest(system, everybody) -> None:
    fetched, interest = system.candidates(everybody, 3), system.interest(everybody)
    interest[system.seen_.toarray() > 0] = -np.inf
    np.testing.assert_array_equal(fetched, np.argsort(-interest, axis=1, kind="stable")[:, :3])


def test_score_is_the_utility_of_the_outputs(system) -> None:
    every = np.arange(80)[None]
    outputs = system.outputs(np.array([7]), every)
    assert set(outputs) == set(FUNNEL)
    expected = outputs["click"] * (1 + outputs["finish"] + 2 * outputs["like"])
    np.testing.assert_allclose(system.score(np.array([7])), expected, rtol=1e-5)
    assert all(((outputs[t] > 0) & (outputs[t] < 1)).all() for t in ("click", "finish", "like"))


def test_no_seen_item_comes_back(system, everybody) -> None:
    for user, row in enumerate(system.recommend(everybody, 10)):
        assert not set(row) & set(system.seen_[[user]].indices)


def test_permuting_the_batch_permutes_the_answers(system, everybody) -> None:
    order = np.random.default_rng(0).permutation(everybody)
    np.testing.assert_array_equal(system.recommend(order, 5), system.recommend(everybody, 5)[order])


def test_a_title_without_impressions_can_be_recommended_by_its_features(system, train, everybody) -> None:
    new = np.diff(train.matrix().tocsc().indptr) == 0
    assert new.sum() >= 5
    vectors = system.parts_.interest.items(torch.from_numpy(np.flatnonzero(new)))
    assert (vectors.norm(dim=1) > 0.99).all()
    assert new[system.recommend(everybody, 10)].any()


def test_a_newcomer_without_a_history_gets_a_full_list(system, train) -> None:
    newcomers = np.flatnonzero(np.diff(train.matrix().indptr) == 0)
    assert len(newcomers)
    assert (system.histories_[newcomers] == 80).all()
    assert (system.recommend(newcomers, 10) >= 0).all()


def test_reading_a_later_log_changes_histories_and_leaves_what_was_learned(system, train) -> None:
    model = TwoStageRecommender(**QUICK, **WHOLE).fit(train.take(np.arange(len(train)) < 200))
    before, states = model.score(np.arange(60)), {k: v.clone() for k, v in model.parts_.state_dict().items()}
    assert model.update_histories(train) is model
    assert all(torch.equal(v, states[k]) for k, v in model.parts_.state_dict().items())
    assert not np.allclose(model.score(np.arange(60)), before)
    np.testing.assert_array_equal(model.histories_, system.histories_)


def test_saving_and_loading_a_state_gives_the_same_scores(system, train, everybody) -> None:
    buffer = io.BytesIO()
    torch.save(system.parts_.state_dict(), buffer)
    twin = clone(system).set_params(random_state=5).fit(train)
    assert not np.allclose(twin.score(everybody), system.score(everybody))
    buffer.seek(0)
    twin.parts_.load_state_dict(torch.load(buffer, weights_only=True))
    np.testing.assert_array_equal(twin.score(everybody), system.score(everybody))


def test_without_a_gate_every_event_counts_and_the_interest_model_gives_the_chance(train) -> None:
    log = train.log.assign(rating=1.0 + train.log["finish"] * 4)
    ratings = Interactions(log, train.user_ids, train.item_ids)
    model = TwoStageRecommender({"rating": "regression"}, gate=None, **QUICK).fit(ratings)
    np.testing.assert_allclose(model.score(np.array([3])), np.exp(model.interest(np.array([3]))), rtol=1e-5)
    assert (np.abs(model.outputs(np.array([3]), np.arange(80)[None])["rating"] - 1.5) < 1.5).all()


def test_a_planted_taste_is_found() -> None:
    """Half of the people click the first half of the titles and like what they click; the others the second half."""
    rng = np.random.default_rng(0)
    user, item = np.repeat(np.arange(40), 15), np.concatenate([rng.permutation(30)[:15] for _ in range(40)])
    click = (user < 20) == (item < 15)
    log = pd.DataFrame({"user": user, "item": item, "time": np.arange(600), "click": click, "like": click})
    model = TwoStageRecommender(
        {"click": "binary", "like": "binary"}, n_factors=4, n_epochs=40, batch_size=64, n_candidates=30
    )
    lists = model.fit(Interactions.from_log(log)).recommend(np.arange(40), 3)
    assert ((lists < 15) == (np.arange(40) < 20)[:, None]).mean() > 0.95


# --- bad input ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["click", "finish", "time"])
def test_a_log_without_a_column_is_refused_with_its_name(train, column) -> None:
    bare = Interactions(train.log.drop(columns=column), train.user_ids, train.item_ids)
    with pytest.raises(ValueError, match=f"needs a column '{column}'"):
        TwoStageRecommender(**QUICK).fit(bare)


def test_nan_is_refused_where_a_label_is_needed_and_nowhere_else(train) -> None:
    clicked = train.log["click"].to_numpy(dtype=bool)

    def holed(column, rows):
        log = train.log.assign(**{column: train.log[column].astype(float)})
        log.loc[rows, column] = np.nan
        return Interactions(log, train.user_ids, train.item_ids)

    for column, rows in (("click", [0]), ("watch_share", [np.argmax(clicked)]), ("time", [0])):
        with pytest.raises(ValueError, match=r"Expected (only 0 and 1|finite numbers) .*got nan|has no time"):
            TwoStageRecommender(**QUICK).fit(holed(column, rows))
    TwoStageRecommender(**QUICK).fit(holed("watch_share", ~clicked))


def test_a_binary_label_that_is_not_0_or_1_is_refused(train) -> None:
    log = train.log.assign(like=5)
    with pytest.raises(ValueError, match="Expected only 0 and 1 as labels of the binary task 'like'; got 5"):
        TwoStageRecommender(**QUICK).fit(Interactions(log, train.user_ids, train.item_ids))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"gate": "watch_share"}, "Expected gate as the name of a binary task"),
        ({"weights": {"share": 1}}, "got a weight of 'share'"),
        ({"weights": {"click": 1}}, "got a weight of 'click'"),
        ({"group_column": "studio"}, "group_column names 'studio'"),
        ({"item_columns": ["studio"]}, "item_columns names 'studio'"),
        ({"n_factors": 0}, "n_factors must be an integer, at least 1"),
        ({"n_epochs": 0}, "n_epochs must be an integer, at least 1"),
    ],
)
def test_parameters_that_cannot_be_are_refused(train, wrong, said) -> None:
    with pytest.raises(ValueError, match=said):
        TwoStageRecommender(**{**QUICK, **wrong}).fit(train)


def test_unknown_users_a_list_too_long_and_a_system_that_is_not_fitted_are_refused(system) -> None:
    with pytest.raises(ValueError, match="user positions from 0 to 59"):
        system.recommend(np.array([60]))
    with pytest.raises(ValueError, match="k must be an integer from 1 to the 80 items of the catalog; got 81"):
        system.recommend(np.array([0]), 81)
    with pytest.raises(ValueError, match="k must be an integer from 1 to the 80 items"):
        system.recommend(np.array([0]), 0)
    with pytest.raises(ValueError, match="not fitted yet"):
        TwoStageRecommender().recommend(np.array([0]))
    with pytest.raises(TypeError, match="Expected Interactions"):
        TwoStageRecommender().fit(np.eye(3))


def test_a_log_without_any_click_still_trains(train) -> None:
    log = train.log.assign(click=False, watch_share=0.0, finish=False, like=False)
    model = TwoStageRecommender(**QUICK).fit(Interactions(log, train.user_ids, train.item_ids))
    assert np.isfinite(model.score(np.arange(60))).all()
