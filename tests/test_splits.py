"""The splits of chapter 03: what is held out, in which order, and under which name."""

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
)
from recsys_teach.models import Popularity

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
    with pytest.raises(ValueError, match=r"share between 0 and 1, for example 0\.2; came"):
        split(Interactions.from_log(LOG), fraction)


def test_the_protocol_counts_who_is_new() -> None:
    split = split_global_time(Interactions.from_log(LOG), 0.4)
    result = evaluate(Popularity().fit(split.train).score, split, name="popularity", k=1)
    assert result.protocol.endswith("2 users, 1 of them not in training, 1 without such an event left out")
