"""The splits of chapters 03 and 07: what is held out, in which order, and under which name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from recsys_teach.data import (
    Interactions,
    split_global_time,
    split_last_out,
    split_per_user,
    split_per_user_time,
    split_users,
)
from recsys_teach.evaluation import evaluate
from recsys_teach.models import EASE, MarkovChain, Popularity
from recsys_teach.models.cold_start import position_in_history
from recsys_teach.models.sequence import histories
from recsys_teach.models.two_stage import TwoStageRecommender, histories_before

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
@pytest.mark.parametrize("fraction", [0, 1, -0.2, 20, float("nan"), "0.2", None])
def test_what_is_no_share_is_refused(split, fraction: float) -> None:
    with pytest.raises((TypeError, ValueError), match="test_fraction must be a finite number above 0 and below 1; got"):
        split(Interactions.from_log(LOG), fraction)


READERS = {  # all that puts events in an order of time
    **{split.__name__: lambda whole, split=split: [list(split(whole).test.log["item"])] for split in SPLITS},
    "histories": lambda whole: [items.tolist() for items in histories(whole)],
    "position in history": lambda whole: position_in_history(whole).tolist(),
    "Markov chain": lambda whole: MarkovChain().fit(whole).transitions_.toarray().tolist(),
    "TwoStageRecommender": lambda whole: (
        TwoStageRecommender({"click": "binary"}, n_epochs=1, n_factors=2).fit(whole).histories_.tolist()
    ),
}
SECONDS = np.array([1_600_000_009, 1_600_000_010, 1_600_000_005, 1_600_000_007, 7, 8, 6])  # text has another order
IN_ORDER = pd.DataFrame({"user": list("aaaabbb"), "item": [1, 2, 3, 4, 1, 2, 5], "click": 1})


@pytest.fixture(params=READERS.values(), ids=READERS)
def reader(request: pytest.FixtureRequest):
    return request.param


@pytest.mark.parametrize(
    "convert",
    [
        lambda times: times.astype("int64"),
        lambda times: times.astype("Int64"),
        lambda times: times.astype("uint32"),
        lambda times: times.astype(float),
        lambda times: times.astype("Float64"),
        lambda times: pd.to_datetime(times, unit="s"),
        lambda times: pd.to_datetime(times, unit="s").astype("datetime64[ns]"),
        lambda times: pd.to_datetime(times, unit="s", utc=True).dt.tz_convert("Asia/Tokyo"),
        lambda times: (times % 1000).astype("float32"),
        lambda times: 10**18 + times,  # neighbors as floats would be equal
    ],
    ids=["int", "Int64", "uint", "float", "Float64", "datetime", "ns", "with a zone", "short, exact", "long"],
)
def test_times_of_any_kind_that_keeps_seconds_apart_are_put_in_order(reader, convert) -> None:
    expected = reader(Interactions.from_log(IN_ORDER.assign(time=SECONDS.argsort().argsort())))
    assert reader(Interactions.from_log(IN_ORDER.assign(time=convert(pd.Series(SECONDS))))) == expected


@pytest.mark.parametrize(
    ("convert", "message"),
    [
        (lambda times: times.astype(str), r"got .*str.*pd\.to_numeric\(log\[\"time\"\]\)"),
        (lambda times: pd.to_datetime(times, unit="s").dt.strftime("%d.%m.%Y"), r"pd\.to_datetime\(.*dayfirst"),
        (lambda times: pd.Categorical(times.astype(str), ordered=True), r"ordered categories .*cat\.codes"),
        (lambda times: pd.Categorical(times), r"got categories .*pd\.to_numeric"),
        (lambda times: times.astype(object).where(times > 9, "9"), "got object of int and str"),
        (lambda times: times.astype(object).where(times > 9, pd.Timestamp(0)), "got object of Timestamp and int"),
        (lambda times: pd.to_datetime(times, unit="s").dt.date, r"got object of date.*pd\.to_datetime"),
        (lambda times: pd.to_datetime(times, unit="s").dt.to_period("D"), r"dt\.to_timestamp"),
        (lambda times: times > 9, "got bool of bool"),
        (
            lambda times: times.astype("float32"),
            "is float32, which does not represent every integer beyond 16,777,216, and",
        ),
        (lambda times: (times % 5000 + 3000).astype("float16"), "is float16, which .* beyond 2,048, and"),
        (lambda times: times * 1e9 + 0.0, "is float64, which .* beyond 9,007,199,254,740,992, and"),
        (lambda times: times.astype("Int64").where(times > 7), r"Event 4 has no time \(NaN\).*dropna\(subset"),
        (lambda times: pd.to_datetime(times, unit="s").where(times != 8), r"Event 5 has no time"),
        (lambda times: times.where(times > 7, np.inf), "Event 4 has the time inf; expected a finite number"),
    ],
)
def test_times_that_have_no_order_or_lost_it_are_refused(reader, convert, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        reader(Interactions.from_log(IN_ORDER.assign(time=convert(pd.Series(SECONDS)))))


def test_histories_before_refuse_moments_of_another_kind_than_the_times() -> None:
    steps = np.array([0, 0]), np.array([1, 2]), np.array([5, 6])
    for wrong in (np.array(["5"]), np.array(["2020-01-01"], dtype="datetime64[s]"), np.array([None])):
        with pytest.raises(ValueError, match="all numbers or all datetime64; got int64 and"):
            histories_before(steps, np.array([0]), wrong, 2, 9)
    long = steps[0], steps[1], np.array([10**18 + 1, 10**18])
    assert histories_before(long, np.array([0]), np.array([np.inf]), 2, 9).tolist() == [[2, 1]]


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


@pytest.mark.parametrize("n_held_out", [-1, 0, 3, 99, 2.0, True, None])
def test_nobody_and_everybody_cannot_be_held_out(n_held_out: int) -> None:
    with pytest.raises((TypeError, ValueError), match=rf"n_held_out must .*; got {n_held_out}"):
        split_users(Interactions.from_log(LOG), n_held_out)


@pytest.mark.parametrize("fraction", [0, 1, float("nan")])
def test_held_out_users_hide_a_share_and_not_something_else(fraction: float) -> None:
    with pytest.raises(ValueError, match="test_fraction must be a finite number above 0 and below 1"):
        split_users(Interactions.from_log(LOG), 1, fraction)
