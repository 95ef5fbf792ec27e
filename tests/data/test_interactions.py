"""The event log, the id maps and the matrix: users are rows, items are columns, and nothing else passes."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.model_selection import train_test_split

from recsys_teach.data import Interactions, clean_log, split_per_user

LOG = pd.DataFrame(
    {"user": ["bob", "ann", "ann", "cem"], "item": ["up", "up", "heat", "jaws"], "rating": [3.0, 5.0, 4.0, 1.0]}
)


def random_log(seed: int, n_users: int = 30, n_items: int = 20, n_events: int = 200) -> pd.DataFrame:
    """Give events whose ids are not positions; the same pair may come twice."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "user": rng.integers(0, n_users, n_events) * 7 + 100,
            "item": rng.integers(0, n_items, n_events) * 3 + 5000,
            "rating": rng.integers(1, 6, n_events).astype(float),
        }
    )


def without_repeats(log: pd.DataFrame) -> pd.DataFrame:
    return log.drop_duplicates(["user", "item"])


# --- the axes -------------------------------------------------------------------------------------------------


def test_rows_are_users_and_columns_are_items_in_sorted_order() -> None:
    interactions = Interactions.from_log(LOG)
    assert list(interactions.user_ids) == ["ann", "bob", "cem"]
    assert list(interactions.item_ids) == ["heat", "jaws", "up"]
    assert interactions.matrix("rating").toarray().tolist() == [[4, 0, 5], [0, 0, 3], [0, 1, 0]]
    assert interactions.shape == (interactions.n_users, interactions.n_items) == (3, 3)


def test_positions_lead_back_to_the_ids_of_each_event() -> None:
    interactions = Interactions.from_log(random_log(0))
    assert (interactions.user_ids[interactions.user_pos] == interactions.log["user"]).all()
    assert (interactions.item_ids[interactions.item_pos] == interactions.log["item"]).all()


@pytest.mark.parametrize("axis", ["user_pos", "item_pos"])
def test_writing_into_the_positions_by_mistake_does_not_change_the_matrix(axis: str) -> None:
    interactions = Interactions.from_log(LOG)
    with contextlib.suppress(ValueError):  # a refusal is fine, too
        getattr(interactions, axis)[:] = 0
    assert interactions.matrix("rating").toarray().tolist() == [[4, 0, 5], [0, 0, 3], [0, 1, 0]]


def test_feature_tables_fix_the_order_and_keep_users_and_items_without_events() -> None:
    users = pd.DataFrame({"age": [1, 2, 3, 4]}, index=["cem", "dana", "bob", "ann"])
    items = pd.DataFrame({"year": [1, 2, 3, 4]}, index=["up", "jaws", "heat", "alien"])
    interactions = Interactions.from_log(LOG, users=users, items=items)
    assert interactions.matrix("rating").toarray().tolist() == [
        [0, 1, 0, 0],
        [0, 0, 0, 0],
        [3, 0, 0, 0],
        [5, 0, 4, 0],
    ]
    pd.testing.assert_frame_equal(interactions.users, users)
    pd.testing.assert_frame_equal(interactions.items, items)


def test_given_ids_fix_the_order() -> None:
    interactions = Interactions.from_log(LOG, user_ids=["cem", "bob", "ann"], item_ids=["up", "jaws", "heat"])
    assert interactions.matrix("rating").toarray().tolist() == [[0, 1, 0], [3, 0, 0], [5, 0, 4]]


def test_log_keeps_its_other_columns_and_the_callers_frame_is_not_changed() -> None:
    log = LOG.assign(time=[1, 2, 3, 4]).set_index(pd.Index([9, 9, 7, 5]))
    before = log.copy()
    interactions = Interactions.from_log(log)
    assert interactions.log["time"].tolist() == [1, 2, 3, 4]
    pd.testing.assert_frame_equal(log, before)
    assert interactions.matrix("rating").toarray().tolist() == [[4, 0, 5], [0, 0, 3], [0, 1, 0]]


def test_length_and_repr_count_events_users_and_items() -> None:
    interactions = Interactions.from_log(LOG, item_ids=["up", "jaws", "heat", "alien"])
    assert len(interactions) == 4
    assert repr(interactions) == "Interactions(4 events, 3 users x 4 items)"


# --- the matrix -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_matrix_agrees_with_scipy_and_with_a_pandas_pivot(seed: int) -> None:
    log = without_repeats(random_log(seed))
    came = Interactions.from_log(log).matrix("rating")
    rows, columns = log["user"].rank(method="dense") - 1, log["item"].rank(method="dense") - 1
    independent = sparse.csr_array((log["rating"], (rows.astype(int), columns.astype(int))))
    assert (came != independent).nnz == 0
    table = log.pivot_table(index="user", columns="item", values="rating", fill_value=0)
    np.testing.assert_array_equal(came.toarray(), table)


@pytest.mark.parametrize("seed", range(3))
def test_counts_agree_with_a_pandas_crosstab_and_the_plain_matrix_is_where_they_are_not_zero(seed: int) -> None:
    log = random_log(seed, n_users=10, n_items=8)
    interactions = Interactions.from_log(log)
    crosstab = pd.crosstab(log["user"], log["item"]).to_numpy()
    assert crosstab.max() > 1
    np.testing.assert_array_equal(interactions.counts().toarray(), crosstab)
    np.testing.assert_array_equal(interactions.matrix().toarray(), crosstab > 0)


def test_order_of_the_events_changes_neither_matrix_nor_counts() -> None:
    log = random_log(3)
    shuffled = log.sample(frac=1, random_state=1)
    one, other = Interactions.from_log(log), Interactions.from_log(shuffled)
    assert (one.counts() != other.counts()).nnz == 0
    assert (one.matrix() != other.matrix()).nnz == 0
    log, shuffled = without_repeats(log), without_repeats(log).sample(frac=1, random_state=1)
    one, other = Interactions.from_log(log), Interactions.from_log(shuffled)
    assert (one.matrix("rating") != other.matrix("rating")).nnz == 0


def test_relabelling_users_and_items_changes_no_cell_if_the_order_stays() -> None:
    log = without_repeats(random_log(4))
    renamed = log.assign(user="u" + log["user"].astype(str), item="i" + log["item"].astype(str))
    one, other = Interactions.from_log(log), Interactions.from_log(renamed)
    assert (one.matrix("rating") != other.matrix("rating")).nnz == 0


def test_a_rating_of_zero_stays_stored_because_it_is_not_missing() -> None:
    interactions = Interactions.from_log(LOG.assign(rating=[0.0, 5.0, 4.0, 1.0]))
    assert interactions.matrix("rating").nnz == 4
    assert interactions.matrix().sum() == 4


def test_column_indices_of_each_row_are_sorted() -> None:
    for matrix in (Interactions.from_log(random_log(5)).counts(), Interactions.from_log(LOG).matrix("rating")):
        for row in range(matrix.shape[0]):
            assert (np.diff(matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]) > 0).all()


# --- from a matrix --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, sparse.csc_array, sparse.coo_matrix])
def test_from_matrix_and_matrix_are_inverse(kind) -> None:
    dense = np.random.default_rng(0).integers(0, 4, size=(6, 9)).astype(float)
    dense[2] = 0  # a user and an item without events keep their row and column
    dense[:, 4] = 0
    np.testing.assert_array_equal(Interactions.from_matrix(kind(dense)).matrix("rating").toarray(), dense)


def test_from_matrix_takes_ids() -> None:
    interactions = Interactions.from_matrix(np.array([[0, 2], [1, 0]]), user_ids=["b", "a"], item_ids=[7, 3])
    assert interactions.log.to_dict("records") == [
        {"user": "b", "item": 3, "rating": 2},
        {"user": "a", "item": 7, "rating": 1},
    ]
    assert list(interactions.user_ids) == ["b", "a"]
    assert list(interactions.item_ids) == [7, 3]


def test_a_stored_zero_of_a_sparse_matrix_is_no_event_just_as_in_an_array() -> None:
    stored = sparse.csr_array((np.array([0.0, 3.0]), np.array([0, 1]), np.array([0, 2])), shape=(1, 2))
    assert len(Interactions.from_matrix(stored)) == len(Interactions.from_matrix(stored.toarray())) == 1


@pytest.mark.parametrize("hole", [np.nan, np.inf])
def test_from_matrix_refuses_what_is_not_a_number(hole: float) -> None:
    with pytest.raises(ValueError, match=r"NaN or infinity\. Write 0 where"):
        Interactions.from_matrix(np.array([[1.0, hole], [0.0, 1.0]]))


def test_from_matrix_recognizes_the_transpose() -> None:
    with pytest.raises(ValueError, match=r"users x items \(3, 2\), got \(2, 3\).*pass matrix\.T"):
        Interactions.from_matrix(np.ones((2, 3)), user_ids=[1, 2, 3], item_ids=[1, 2])


def test_from_matrix_refuses_ids_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"users x items \(4, 3\), got \(2, 3\)\.$"):
        Interactions.from_matrix(np.ones((2, 3)), user_ids=[1, 2, 3, 4])


def test_from_matrix_refuses_one_row_alone_and_says_what_it_expected() -> None:
    with pytest.raises(ValueError, match="users x items"):
        Interactions.from_matrix(np.array([1, 0, 2]))


def test_from_matrix_refuses_a_matrix_without_events() -> None:
    with pytest.raises(ValueError, match="empty"):
        Interactions.from_matrix(np.zeros((2, 3)))


# --- what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("log", "given", "message"),
    [
        (LOG.drop(columns="item"), {}, r"'item' is missing; it has \['user', 'rating'\].*rename"),
        (pd.DataFrame(), {}, "'user' is missing"),
        (LOG.iloc[:0], {}, "empty: expected at least one event"),
        (LOG.assign(user=["bob", None, "ann", "cem"]), {}, r"Event 1 has no user id \(NaN\).*dropna"),
        (LOG.assign(item=[1.0, 2.0, np.nan, 4.0]), {}, r"Event 2 has no item id \(NaN\).*dropna"),
        (LOG, {"user_ids": ["ann", "bob"]}, "1 user ids that are not among the 2 known ones, for example 'cem'"),
        (LOG, {"item_ids": ["up"]}, "2 item ids that are not among the 1 known ones, for example 'heat'"),
        (LOG, {"user_ids": ["ann", "bob", "cem", "bob"]}, "once; got 'bob' more than once"),
        (LOG, {"items": pd.DataFrame(index=["up", "up", "heat", "jaws"])}, "once; got 'up' more than once"),
    ],
)
def test_from_log_says_what_is_wrong_and_what_to_do(log: pd.DataFrame, given: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Interactions.from_log(log, **given)


def test_from_log_recognizes_swapped_axes() -> None:
    swapped = LOG.rename(columns={"user": "item", "item": "user"})
    with pytest.raises(ValueError, match=r"axes look swapped.*[Ee]xchange the two columns"):
        Interactions.from_log(swapped, user_ids=["ann", "bob", "cem"], item_ids=["heat", "jaws", "up"])


def test_from_log_recognizes_swapped_axes_when_both_are_numbered_from_one() -> None:
    swapped = pd.DataFrame({"user": [5, 3, 4], "item": [1, 2, 1]})
    with pytest.raises(ValueError, match="axes look swapped"):
        Interactions.from_log(swapped, user_ids=[1, 2], item_ids=[1, 2, 3, 4, 5])


def test_one_unknown_user_is_not_called_a_swap_where_the_number_is_also_an_item() -> None:
    log = pd.DataFrame({"user": [1, 2, 4], "item": [5, 3, 5]})
    with pytest.raises(ValueError, match="1 user ids that are not among the 3 known ones, for example"):
        Interactions.from_log(log, user_ids=[1, 2, 3], item_ids=[1, 2, 3, 4, 5])


def test_matrix_refuses_an_absent_column() -> None:
    with pytest.raises(ValueError, match=r"no column 'stars'; it has \['user', 'item', 'rating'\]"):
        Interactions.from_log(LOG).matrix("stars")


def test_matrix_refuses_a_missing_value() -> None:
    with pytest.raises(ValueError, match="'rating' contains nan in event 2"):
        Interactions.from_log(LOG.assign(rating=[1, 2, np.nan, 4])).matrix("rating")


def test_matrix_refuses_two_ratings_of_a_pair_and_names_it() -> None:
    twice = pd.concat([LOG, LOG.iloc[[1]].assign(rating=2.0)])
    with pytest.raises(ValueError, match=r"'ann' has more than one 'rating' for item 'up'.*drop_duplicates"):
        Interactions.from_log(twice).matrix("rating")


def test_cleaning_keeps_the_last_event_of_each_pair_and_none_from_the_future() -> None:
    log = pd.DataFrame(
        {
            "user": ["ann", "ann", "bob", "ann", "bob"],
            "item": ["up", "up", "up", "heat", "jaws"],
            "time": [30, 10, 20, 5, 99],
            "rating": [4, 1, 3, 2, 5],
        }
    )
    before = log.copy()
    kept = clean_log(log, now=50)
    assert sorted(zip(kept["user"], kept["item"], kept["rating"], strict=True)) == [
        ("ann", "heat", 2),
        ("ann", "up", 4),
        ("bob", "up", 3),
    ]
    pd.testing.assert_frame_equal(log, before)
    Interactions.from_log(kept).matrix("rating")  # no pair is left twice


# --- parts of a log -------------------------------------------------------------------------------------------


def test_take_keeps_the_axes_and_the_tables() -> None:
    users = pd.DataFrame(index=["ann", "bob", "cem"])
    interactions = Interactions.from_log(LOG, users=users)
    by_mask = interactions.take(np.array([False, True, False, True]))
    by_position = interactions.take(np.array([1, 3]))
    for part in (by_mask, by_position):
        assert part.log["item"].tolist() == ["up", "jaws"]
        assert part.user_ids.equals(interactions.user_ids)
        assert part.item_ids.equals(interactions.item_ids)
        pd.testing.assert_frame_equal(part.users, users)
        assert part.matrix("rating").toarray().tolist() == [[0, 0, 5], [0, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize("value", [None, "rating"])
def test_a_part_without_events_has_an_empty_matrix(value: str | None) -> None:
    nothing = Interactions.from_log(LOG).take(np.zeros(4, dtype=bool))
    assert nothing.matrix(value).nnz == 0
    assert nothing.matrix(value).shape == (3, 3)


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5, 0.9])
def test_split_parts_are_disjoint_and_together_the_log(fraction: float) -> None:
    log = random_log(6).assign(event=np.arange(200))
    interactions = Interactions.from_log(log)
    train, test, _ = split_per_user(interactions, fraction)
    assert sorted([*train.log["event"], *test.log["event"]]) == list(range(200))
    whole = pd.concat([train.log, test.log]).sort_values("event").reset_index(drop=True)
    pd.testing.assert_frame_equal(whole, log)


def test_split_parts_have_the_axes_of_the_whole() -> None:
    interactions = Interactions.from_log(random_log(6), user_ids=np.arange(0, 400), item_ids=np.arange(5100, 4999, -1))
    for part in split_per_user(interactions)[:2]:
        assert part.user_ids.equals(interactions.user_ids)
        assert part.item_ids.equals(interactions.item_ids)


@pytest.mark.parametrize("fraction", [0.07, 0.1, 0.2, 0.25, 0.5])
def test_split_holds_out_as_many_events_of_a_user_as_scikit_learn_would(fraction: float) -> None:
    lengths = np.arange(2, 41)
    log = pd.DataFrame({"user": np.repeat(lengths, lengths), "item": np.concatenate([np.arange(n) for n in lengths])})
    _, test, _ = split_per_user(Interactions.from_log(log), fraction)
    held_out = test.log["user"].value_counts()
    for n in lengths:
        assert held_out[n] == len(train_test_split(np.arange(n), test_size=fraction)[1])


@pytest.mark.parametrize("fraction", [0.2, 0.9, 0.999])
def test_split_leaves_every_user_an_event_for_training(fraction: float) -> None:
    log = pd.DataFrame({"user": np.repeat(np.arange(1, 9), np.arange(1, 9)), "item": 0})
    train, _, _ = split_per_user(Interactions.from_log(log), fraction)
    assert set(train.log["user"]) == set(range(1, 9))


def test_split_is_determined_by_its_seed() -> None:
    interactions = Interactions.from_log(random_log(7).assign(event=np.arange(200)))
    held_out = [split_per_user(interactions, random_state=seed).test.log["event"].tolist() for seed in (0, 0, 1)]
    assert held_out[0] == held_out[1]
    assert held_out[0] != held_out[2]


def test_split_holds_out_each_event_of_a_user_about_equally_often() -> None:
    interactions = Interactions.from_log(pd.DataFrame({"user": [1] * 5 + [2] * 3, "item": range(8)}))
    drawn = np.concatenate([split_per_user(interactions, random_state=seed).test.log["item"] for seed in range(500)])
    share = np.bincount(drawn, minlength=8) / 500
    np.testing.assert_allclose(share, [1 / 5] * 5 + [1 / 3] * 3, atol=0.08)  # four standard errors


def test_split_is_named_by_its_shares_and_its_seed() -> None:
    names = {split_per_user(Interactions.from_log(LOG), share, seed).name for share in (0.2, 0.5) for seed in (0, 1)}
    assert len(names) == 4
    assert any("20%" in name and "seed 1" in name for name in names)


@pytest.mark.parametrize("fraction", [0, 1, -0.2, 20, float("nan")])
def test_split_refuses_what_is_not_a_share(fraction: float) -> None:
    with pytest.raises(ValueError, match="test_fraction must be a finite number above 0 and below 1; got"):
        split_per_user(Interactions.from_log(LOG), fraction)


# --- ids ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", ["user", "item"])
@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([1, "a", 2], r"ids of one type; the log has 1 \(number\) and 'a' \(str\).*astype\(str\)"),
        ([True, 2, 3], r"True \(bool\) and 2 \(number\)"),
        ([(1, 2), (1, 3), (2, 3)], r"one number or one string; the log has the \w+ id \(1, 2\), a tuple"),
        ([1234567890123456789.0, 1.0, 2.0], r"float64, up to 1\.23457e\+18.*same number.*'Int64'"),
        ([2.0**53 + 2, np.nan, 2.0], "beyond 9,007,199,254,740,992 different ids"),  # and not: drop the gap
        (np.array([1, 2, 2**25], dtype=np.float32), "beyond 16,777,216"),
        ([1.0, np.inf, 2.0], "up to inf"),
        ([1.0, np.nan, 2.0], r"Event 1 has no \w+ id \(NaN\).*dropna\(subset=\['(user|item)'\]\)"),
    ],
    ids=["number and text", "bool and number", "tuples", "long floats", "long beside a gap", "float32", "inf", "gap"],
)
def test_ids_that_cannot_be_kept_apart_are_refused(axis: str, ids, message: str) -> None:
    other = {"user": "item", "item": "user"}[axis]
    column = (
        pd.Series(ids, dtype=object) if isinstance(ids, list) and not isinstance(ids[-1], float) else pd.Series(ids)
    )
    with pytest.raises(ValueError, match=message):
        Interactions.from_log(pd.DataFrame({axis: column, other: [1, 2, 3]}))


@pytest.mark.parametrize("given", ["user_ids", "users"])
def test_long_float_ids_are_refused_also_where_they_are_given(given: str) -> None:
    log = pd.DataFrame({"user": [1234567890123456789, 1234567890123456788], "item": [1, 2]})
    ids = log["user"].astype(float).unique()
    with pytest.raises(ValueError, match="different ids become the same number"):
        Interactions.from_log(log, **{given: ids if given == "user_ids" else pd.DataFrame(index=ids)})


def test_the_advice_for_a_gap_beside_long_ids_keeps_all_people_apart() -> None:
    text = "user,item,comment\n1234567890123456789,1,\n1234567890123456788,2,\n,3,fine\n"
    log = pd.read_csv(io.StringIO(text), dtype={"user": "Int64"}).dropna(subset=["user"])
    assert Interactions.from_log(log).shape == (2, 2)


@pytest.mark.parametrize("name", ["user", "item", "rating"])
def test_a_column_that_is_there_twice_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"more than one column '{name}'.*duplicated"):
        Interactions.from_log(pd.concat([LOG, LOG[[name]]], axis=1))


@pytest.mark.parametrize("dtype", ["Int64", "int8", "uint64", "float32", "category", object])
def test_whole_ids_of_any_type_make_the_same_axes(dtype) -> None:
    log = pd.DataFrame({"user": [3, 1, 2, 1], "item": [7, 7, 9, 8]})
    other = Interactions.from_log(log.astype({"user": dtype, "item": dtype}))
    assert list(other.user_ids) == [1, 2, 3]
    assert list(other.item_ids) == [7, 8, 9]
    np.testing.assert_array_equal(other.matrix().toarray(), Interactions.from_log(log).matrix().toarray())


def test_a_log_that_is_no_table_is_refused() -> None:
    for wrong in (LOG.to_numpy(), LOG.to_dict("list"), Interactions.from_log(LOG), None):
        with pytest.raises(TypeError, match="Expected the log as a DataFrame"):
            Interactions.from_log(wrong)


def test_text_ids_beside_numbers_are_said_to_be_of_another_type() -> None:
    with pytest.raises(ValueError, match=r"different types: str in the log, number among the known ones"):
        Interactions.from_log(pd.DataFrame({"user": ["1"], "item": [1]}), user_ids=[1])


FILMS = pd.DataFrame({"item": [1, 2, 3, 4], "title": list("ABCD")})


@pytest.mark.parametrize(
    "films",
    [
        FILMS,  # row numbers 0 to 3, which have the ids 1 and 2 of the log
        FILMS[FILMS["title"] != "A"],  # a filter makes other row numbers of them
        FILMS.rename(columns={"item": "movieId"}),
        FILMS.rename(columns={"item": "item_id"}),
    ],
    ids=["item", "filtered", "movieId", "item_id"],
)
def test_a_table_whose_ids_are_a_column_is_refused(films: pd.DataFrame) -> None:
    log = pd.DataFrame({"user": [7, 8], "item": [2, 2 if len(films) < 4 else 1]})
    with pytest.raises(ValueError, match=rf"indexed by item id.*items\.set_index\('{films.columns[0]}'\)"):
        Interactions.from_log(log, items=films)
    flipped = log.rename(columns={"user": "item", "item": "user"})
    with pytest.raises(ValueError, match=r"indexed by user id.*users\.set_index"):
        Interactions.from_log(flipped, users=films.rename(columns={"item": "user"}))


def test_a_table_with_row_numbers_that_lack_an_id_says_so() -> None:
    with pytest.raises(ValueError, match=r"row numbers 0 to 3, and the log has the item id 9.*\['film', 'title'\]"):
        Interactions.from_log(pd.DataFrame({"user": [1], "item": [9]}), items=FILMS.rename(columns={"item": "film"}))


@pytest.mark.parametrize(
    "films",
    [
        FILMS.set_index("item"),
        FILMS.set_index("item", drop=False).rename_axis(None),
        FILMS[["title"]].set_axis([1, 2, 3, 4]),
        FILMS.drop(columns="item"),  # row numbers are the ids
        FILMS.assign(item=[9, 9, 8, 8]).rename_axis("item"),  # a name for the index says that it is right
        FILMS[["title"]].assign(genre_id=[1, 1, 2, 2]),
    ],
    ids=["set_index", "both", "unnamed", "row numbers", "named", "another id"],
)
def test_a_table_indexed_by_id_is_taken(films: pd.DataFrame) -> None:
    data = Interactions.from_log(pd.DataFrame({"user": [7, 8], "item": [1, 2]}), items=films)
    assert list(data.item_ids) == list(films.index)


# --- changes in place -----------------------------------------------------------------------------------------

CHANGES = {
    "sort": lambda log: log.sort_values("time", inplace=True),  # noqa: PD002
    "filter": lambda log: log.drop(index=log.index[0], inplace=True),  # noqa: PD002
    "write": lambda log: log.loc.__setitem__((log.index[0], "rating"), 99.0),
    "ids": lambda log: log.loc.__setitem__((slice(None), "user"), log["user"].iloc[0]),
}


@pytest.mark.filterwarnings("ignore::Warning")  # pandas may say that inplace will go
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("early", [True, False], ids=["computed before", "computed after"])
@pytest.mark.parametrize("whose", ["caller's", "handed out"])
def test_a_log_changed_in_place_changes_nothing(change, early: bool, whose: str) -> None:
    log = LOG.assign(time=[4, 3, 2, 1])
    expected = Interactions.from_log(log.copy())
    data = Interactions.from_log(log)
    if early:
        data.matrix("rating"), data.time_order
    change(log if whose == "caller's" else data.log)
    np.testing.assert_array_equal(data.matrix("rating").toarray(), expected.matrix("rating").toarray())
    np.testing.assert_array_equal(data.time_order, expected.time_order)
    pd.testing.assert_frame_equal(data.log, expected.log)


def test_arrays_and_tables_changed_in_place_change_nothing() -> None:
    matrix, ids = np.array([[0.0, 2.0], [1.0, 0.0]]), np.array([5, 6])
    for kind in (np.array, sparse.csr_array, sparse.coo_array):
        given, rows = kind(matrix), ids.copy()
        data = Interactions.from_matrix(given, user_ids=rows)
        (given if kind is np.array else given.data)[:] = 9
        rows[:] = 0
        assert data.matrix("rating").toarray().tolist() == matrix.tolist()
        assert list(data.user_ids) == [5, 6]
    users = pd.DataFrame({"age": [1, 2, 3]}, index=["ann", "bob", "cem"])
    data = Interactions.from_log(LOG, users=users)
    users["age"] = 0
    data.users["age"] *= 7
    users.index = ["x", "y", "z"]
    assert data.users["age"].to_dict() == {"ann": 1, "bob": 2, "cem": 3}


def test_masked_and_doubled_cells_are_what_they_are_in_a_dense_array() -> None:
    dense = np.array([[0.0, 2.0, 3.0], [1.0, 0.0, 4.0]])
    masked = np.ma.array(np.where(dense == 0, 7, dense), mask=dense == 0)
    doubled = sparse.coo_array(([1.0, 1.0, 3.0, 1.0, 4.0], ([0, 0, 0, 1, 1], [1, 1, 2, 0, 2])), shape=(2, 3))
    for matrix in (masked, doubled):
        pd.testing.assert_frame_equal(Interactions.from_matrix(matrix).log, Interactions.from_matrix(dense).log)


# --- cleaning and times ---------------------------------------------------------------------------------------

DIRTY = pd.DataFrame({"user": [1, 1, 1, 2], "item": [7, 7, 8, 7], "time": [30, 10, 50, 20]})


@pytest.mark.parametrize(
    "to_moment",
    [
        int,
        float,
        np.int64,
        lambda second: pd.Timestamp(second, unit="s"),
        lambda second: pd.Timestamp(second, unit="s").to_pydatetime(),
        lambda second: pd.Timestamp(second, unit="s").to_datetime64(),
        lambda second: pd.Timestamp(second, unit="s", tz="Europe/Berlin"),
    ],
    ids=["int", "float", "np.int64", "Timestamp", "datetime", "datetime64", "with a zone"],
)
def test_cleaning_takes_numbers_and_datetimes(to_moment) -> None:
    kept = clean_log(DIRTY.assign(time=[to_moment(second) for second in DIRTY["time"]]), to_moment(30))
    assert list(zip(kept["user"], kept["item"], strict=True)) == [(2, 7), (1, 7)]


ZONED = pd.to_datetime(DIRTY["time"], unit="s", utc=True)


@pytest.mark.parametrize(
    ("times", "now"),
    [
        (DIRTY["time"], pd.Timestamp(30, unit="s")),
        (DIRTY["time"], "30"),
        (DIRTY["time"], None),
        (DIRTY["time"], float("nan")),
        (DIRTY["time"], True),
        (ZONED, 30),
        (ZONED, pd.Timestamp(30, unit="s")),
        (ZONED.dt.tz_localize(None), pd.Timestamp(30, unit="s", tz="UTC")),
        (ZONED.dt.tz_localize(None), "2020-01-01"),
        (ZONED, pd.NaT),
    ],
)
def test_cleaning_refuses_a_moment_of_another_kind_than_the_times(times: pd.Series, now) -> None:
    with pytest.raises(ValueError, match=r"Expected now of the same kind as the times, which are .*; got "):
        clean_log(DIRTY.assign(time=times), now)


def test_cleaning_refuses_a_log_without_time_and_times_without_order() -> None:
    with pytest.raises(ValueError, match="'time' is missing"):
        clean_log(DIRTY.drop(columns="time"), 30)
    with pytest.raises(ValueError, match=r"as numbers or datetimes, got .*pd\.to_numeric"):
        clean_log(DIRTY.assign(time=DIRTY["time"].astype(str)), 30)
