"""The splits of chapters 03 and 07: what is held out, in which order, and under which name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from recsys_teach.evaluation import evaluate
from recsys_teach.interactions import (
    Interactions,
    split_global_time,
    split_last_out,
    split_per_user,
    split_per_user_time,
    split_users,
)
from recsys_teach.models import EASE, Popularity

SPLITS = [split_per_user_time, split_last_out, split_global_time]
LOG = pd.DataFrame({"user": list("aaaabbc"), "item": [1, 2, 3, 4, 1, 2, 5], "time": [40, 10, 30, 20, 15, 5, 50]})


def random_interactions(seed: int, n_events: int = 300) -> Interactions:
    rng = np.random.default_rng(seed)
    cells = rng.permutation(20 * 40)[:n_events]
    time = rng.integers(0, 60, n_events)  # many ties
    return Interactions.from_log(
        pd.DataFrame({"user": cells // 40, "item": cells % 40, "time": time, "event": np.arange(n_events)})
    )


def pairs(part: Interactions) -> set[tuple]:
    return set(zip(part.log["user"], part.log["item"], strict=True))


def test_per_user_time_holds_out_the_latest_share_of_each_user() -> None:
    assert pairs(split_per_user_time(Interactions.from_log(LOG), 0.5).test) == {("a", 1), ("a", 3), ("b", 1)}


def test_last_out_holds_out_one_event_of_each_user_that_has_two() -> None:
    assert pairs(split_last_out(Interactions.from_log(LOG)).test) == {("a", 1), ("b", 1)}


def test_global_time_holds_out_the_end_of_the_log_and_keeps_who_and_what_is_new() -> None:
    train, test, _ = split_global_time(Interactions.from_log(LOG), 0.4)
    assert pairs(test) == {("c", 5), ("a", 1), ("a", 3)}
    assert train.shape == test.shape == (3, 5)
    assert train.matrix().toarray()[:, 4].sum() == 0  # item 5 is new, and so is user c
    assert train.matrix().toarray()[2].sum() == 0


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("seed", range(3))
def test_parts_are_disjoint_and_together_the_log_with_its_axes(split, seed: int) -> None:
    whole = random_interactions(seed)
    train, test, _ = split(whole)
    assert sorted([*train.log["event"], *test.log["event"]]) == list(range(300))
    for part in (train, test):
        assert part.user_ids.equals(whole.user_ids)
        assert part.item_ids.equals(whole.item_ids)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("split", [split_per_user_time, split_last_out])
def test_nobody_is_tested_on_something_before_their_training(split, seed: int) -> None:
    train, test, _ = split(random_interactions(seed))
    latest = train.log.groupby("user")["time"].max()
    assert (test.log["time"] >= latest[test.log["user"]].to_numpy()).all()


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5, 0.9])
def test_per_user_time_holds_out_as_many_as_the_random_split(fraction: float) -> None:
    whole = random_interactions(4)
    at_random, by_time = split_per_user(whole, fraction), split_per_user_time(whole, fraction)
    pd.testing.assert_series_equal(
        at_random.test.log["user"].value_counts().sort_index(), by_time.test.log["user"].value_counts().sort_index()
    )


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5, 0.999])
def test_global_time_trains_before_it_tests(fraction: float) -> None:
    train, test, _ = split_global_time(random_interactions(5), fraction)
    assert len(test) == min(np.ceil(fraction * 300), 299)
    assert train.log["time"].max() <= test.log["time"].min()


@pytest.mark.parametrize("split", SPLITS)
def test_of_events_at_one_time_those_further_down_the_log_are_later(split) -> None:
    log = pd.DataFrame({"user": 1, "item": [7, 3, 9, 5, 1], "time": 60})
    assert split(Interactions.from_log(log)).test.log["item"].tolist() == [1]


@pytest.mark.parametrize("split", SPLITS)
def test_a_single_event_stays_for_training(split) -> None:
    train, test, _ = split(Interactions.from_log(LOG.iloc[:1]))
    assert (len(train), len(test)) == (1, 0)


def test_each_split_has_a_name_of_its_own() -> None:
    whole = Interactions.from_log(LOG)
    names = {split(whole).name for split in SPLITS}
    names |= {split_per_user(whole).name, split_per_user_time(whole, 0.5).name, split_global_time(whole, 0.5).name}
    assert len(names) == 6


@pytest.mark.parametrize("split", SPLITS)
def test_a_log_without_usable_times_is_refused(split) -> None:
    with pytest.raises(ValueError, match=r"needs the column 'time'; the log has \['user', 'item'\]"):
        split(Interactions.from_log(LOG[["user", "item"]]))
    with pytest.raises(ValueError, match=r"Event 2 has no time \(NaN\)"):
        split(Interactions.from_log(LOG.assign(time=[1, 2, np.nan, 4, 5, 6, 7])))


@pytest.mark.parametrize("split", [split_per_user_time, split_global_time])
@pytest.mark.parametrize("fraction", [0, 1, -0.2, 20, float("nan")])
def test_what_is_no_share_is_refused(split, fraction: float) -> None:
    with pytest.raises(ValueError, match=r"share between 0 and 1, for example 0\.2; got"):
        split(Interactions.from_log(LOG), fraction)


def test_the_protocol_counts_who_is_new() -> None:
    split = split_global_time(Interactions.from_log(LOG), 0.4)
    result = evaluate(Popularity().fit(split.train).score, split, name="popularity", k=1)
    assert result.protocol.endswith("2 users, 1 of them not in training, 1 without such an event left out")


# --- whole users held out (chapter 07) ------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_held_out_users_are_trained_on_by_nobody_and_all_events_are_somewhere(seed: int) -> None:
    whole = random_interactions(seed)
    train, split = split_users(whole, 6, random_state=seed)
    parts = (train, split.train, split.test)
    assert sorted(event for part in parts for event in part.log["event"]) == list(range(300))
    held_out = set(split.train.log["user"])
    assert len(held_out) == 6
    assert set(split.test.log["user"]) <= held_out
    assert not held_out & set(train.log["user"])
    for part in parts:
        assert part.user_ids.equals(whole.user_ids)
        assert part.item_ids.equals(whole.item_ids)


def test_held_out_users_hide_the_share_that_the_random_split_hides() -> None:
    _, split = split_users(random_interactions(1), 5, test_fraction=0.3)
    whole = split.train.log["user"].value_counts().add(split.test.log["user"].value_counts(), fill_value=0)
    hidden = split.test.log["user"].value_counts().reindex(whole.index, fill_value=0)
    assert (hidden == np.minimum(np.maximum(1, np.ceil(0.3 * whole)), whole - 1)).all()


def test_users_without_events_are_never_held_out() -> None:
    whole = Interactions.from_log(LOG, user_ids=list("abcdefgh"))
    for seed in range(10):
        _, split = split_users(whole, 2, random_state=seed)
        assert set(split.train.log["user"]) <= set("abc")


def test_same_seed_holds_out_the_same_and_another_seed_others() -> None:
    whole = random_interactions(2)
    one, same, other = (split_users(whole, 6, random_state=seed)[1] for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(one.train.log, same.train.log)
    pd.testing.assert_frame_equal(one.test.log, same.test.log)
    assert set(one.train.log["user"]) != set(other.train.log["user"])
    assert one.name == same.name == "6 held-out users, 80% folded in, 20% hidden, seed 0" != other.name


def test_fold_in_of_held_out_users_is_evaluated_on_them_alone() -> None:
    train, split = split_users(random_interactions(3), 7)
    model, rows = EASE(1.0).fit(train), split.train.matrix()
    result = evaluate(lambda users: model.fold_in(rows[users]), split, name="EASE")
    assert set(result.per_user.index) == set(split.test.log["user"])


@pytest.mark.parametrize("n_held_out", [-1, 0, 3, 99])
def test_nobody_and_everybody_cannot_be_held_out(n_held_out: int) -> None:
    with pytest.raises(ValueError, match=rf"less than 3, the number of users with events; got {n_held_out}"):
        split_users(Interactions.from_log(LOG), n_held_out)


@pytest.mark.parametrize("fraction", [0, 1, float("nan")])
def test_held_out_users_hide_a_share_and_not_something_else(fraction: float) -> None:
    with pytest.raises(ValueError, match="share between 0 and 1"):
        split_users(Interactions.from_log(LOG), 1, fraction)
