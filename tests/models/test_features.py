"""Feature tables: rows found by id in every model, categories equal whatever their type, unseen ones said."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from recsys_teach.data import Interactions
from recsys_teach.models import ContentProfile, DropoutNet, HybridFactors, ProfilePopularity, TwoTower
from recsys_teach.models.features import align, encode_features, feature_matrix, feature_names, fit_features
from recsys_teach.models.two_stage import TwoStageRecommender

LOG = pd.DataFrame(
    {"user": [1, 1, 2, 2, 3, 3], "item": [10, 11, 10, 12, 11, 12], "time": range(6), "click": [1, 1, 1, 1, 1, 1]}
)
PEOPLE = pd.DataFrame({"kind": ["old", "young", "old"]}, index=[1, 2, 3])
FILMS = pd.DataFrame({"kind": ["drama", "space", "space crime"]}, index=[10, 11, 12])
SMALL = {"n_epochs": 1, "random_state": 3}
MODELS = {  # each reads a table; what is compared is what came of it
    "TwoTower, users": ("users", lambda c: TwoTower(2, user_columns=c, **SMALL)),
    "TwoTower, items": ("items", lambda c: TwoTower(2, item_columns=c, **SMALL)),
    "DropoutNet, users": ("users", lambda c: DropoutNet(2, user_columns=c, **SMALL)),
    "DropoutNet, items": ("items", lambda c: DropoutNet(2, item_columns=c, **SMALL)),
    "ProfilePopularity": ("users", ProfilePopularity),
    "HybridFactors": ("users", lambda c: HybridFactors(2, c)),
    "ContentProfile": ("items", ContentProfile),
    "TwoStageRecommender, users": (
        "users",
        lambda c: TwoStageRecommender({"click": "binary"}, user_columns=c, n_factors=2, **SMALL),
    ),
    "TwoStageRecommender, items": (
        "items",
        lambda c: TwoStageRecommender({"click": "binary"}, item_columns=c, n_factors=2, **SMALL),
    ),
    "TwoStageRecommender, groups": (
        "items",
        lambda c: TwoStageRecommender({"click": "binary"}, group_column=c[0], n_factors=2, **SMALL),
    ),
}
NEW_ROWS = {  # what encodes rows that were not there in training
    "TwoTower.new_users": ("users", lambda c: TwoTower(2, user_columns=c, **SMALL), "new_users"),
    "TwoTower.new_items": ("items", lambda c: TwoTower(2, item_columns=c, **SMALL), "new_items"),
    "ProfilePopularity": ("users", ProfilePopularity, "from_profiles"),
    "HybridFactors": ("users", lambda c: HybridFactors(2, c), "fold_in"),
    "DropoutNet": ("users", lambda c: DropoutNet(2, user_columns=c, **SMALL), "fold_in"),
}


def tables(which: str, table: pd.DataFrame) -> Interactions:
    """Give the log with one table, and ids in an order that is none of the table."""
    return Interactions.from_log(LOG, **{which: table}, user_ids=[3, 1, 2], item_ids=[12, 10, 11])


def outcome(model) -> list:
    groups = getattr(model, "groups_", None)
    return [model.score(np.arange(3)).tolist(), None if groups is None else groups.tolist()]


@pytest.fixture(params=MODELS.values(), ids=MODELS)
def reader(request: pytest.FixtureRequest):
    return request.param


# --- alignment ------------------------------------------------------------------------------------------------


def test_each_id_gets_its_own_row_whatever_the_order_and_however_many_there_are(reader) -> None:
    which, make = reader
    table = PEOPLE if which == "users" else FILMS
    expected = outcome(make(["kind"]).fit(tables(which, table.loc[[3, 1, 2] if which == "users" else [12, 10, 11]])))
    more = pd.concat([pd.DataFrame({"kind": ["of nobody"]}, index=[99]), table.iloc[::-1]])
    for other in (table, table.iloc[::-1], more, table.astype({"kind": "category"})):
        assert outcome(make(["kind"]).fit(tables(which, other))) == expected


def test_what_a_system_groups_by_is_found_by_id() -> None:
    model = MODELS["TwoStageRecommender, groups"][1](["kind"]).fit(tables("items", FILMS))
    assert model.groups_.tolist() == ["space crime", "drama", "space"]


def test_a_table_changed_in_place_changes_nothing(reader) -> None:
    which, make = reader
    table = (PEOPLE if which == "users" else FILMS).copy()
    data = tables(which, table)
    expected = outcome(make(["kind"]).fit(data))
    table["kind"] = "other"
    table.index = [7, 8, 9]
    assert outcome(make(["kind"]).fit(data)) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.iloc[:2], r"no row for 1 of the 3 \w+ ids, for example (3|12); its index has \["),
        (lambda table: table.set_axis(table.index.astype(str)), r"no row for 3 of the 3 .*index has \['1"),
        (lambda table: table.reset_index(drop=True), r"no row for .*If its ids are a column, write \w+\.set_index"),
        (lambda table: pd.concat([table, table.iloc[:1]]), r"one row for each id in the table \w+, but (1|10) has sev"),
        (lambda table: pd.concat([table, table], axis=1), r"names 'kind', which the table has 2 times"),
        (lambda table: table.rename(columns={"kind": "sort"}), r"names 'kind', but the table has \['sort'\]"),
    ],
    ids=["a row missing", "text ids", "row numbers", "a row twice", "a column twice", "no column"],
)
def test_a_table_that_does_not_fit_the_ids_is_refused_with_one_of_them(reader, change, message: str) -> None:
    which, make = reader
    data = Interactions(LOG, pd.Index([3, 1, 2]), pd.Index([12, 10, 11]), **{which: change(tables_of(which))})
    with pytest.raises(ValueError, match=message):
        make(["kind"]).fit(data)


def tables_of(which: str) -> pd.DataFrame:
    return PEOPLE if which == "users" else FILMS


def test_no_columns_need_no_table() -> None:
    names, X = fit_features(Interactions.from_log(LOG), "user", [], "columns")
    assert (names, X.shape) == ([], (3, 0))
    assert align(Interactions.from_log(LOG), "item", [], "columns").index.tolist() == [10, 11, 12]


# --- categories -----------------------------------------------------------------------------------------------

SAME = {
    "numbers": (
        [1990, 1991, 1990],
        [[1990.0, 1991.0, 1990.0], ["1990", "1991", "1990"], np.float32([1990, 1991, 1990])],
    ),
    "a gap": ([1990.0, np.nan, 1991.0], [pd.array([1990, None, 1991], dtype="Int64"), ["1990", None, "1991"]]),
    "Int64": (pd.array([1990, None, 1991], dtype="Int64"), [[1990.0, np.nan, 1991.0], [Decimal(1990), None, 1991]]),
    "bool": ([True, False, True], [[1, 0, 1], [1.0, 0.0, 1.0], ["True", "False", "True"], pd.array([1, 0, 1], "Int8")]),
    "0 and 1": ([1, 0, 1], [[True, False, True], [1.0, 0.0, 1.0], np.array([1, 0, 1], dtype=object)]),
    "category": (pd.Categorical([5, 7, 5]), [[5, 7, 5], [5.0, 7.0, 5.0], pd.Categorical(["5", "7", "5"])]),
    "fractions": ([0.1, 2.5, 0.1], [np.float32([0.1, 2.5, 0.1]), ["0.1", "2.5", "0.1"]]),
}


@pytest.mark.parametrize(("fitted", "others"), SAME.values(), ids=SAME)
def test_equal_values_are_one_category_whatever_their_type(fitted, others) -> None:
    table = pd.DataFrame({"x": fitted})
    names = feature_names(table, ["x"])
    expected = feature_matrix(table, ["x"], names)
    np.testing.assert_array_equal(expected.sum(axis=1), table["x"].notna())
    for other in others:
        np.testing.assert_array_equal(encode_features(pd.DataFrame({"x": other}), ["x"], names, "columns"), expected)


def test_names_are_those_of_the_course() -> None:
    table = pd.DataFrame(
        {
            "year": pd.array([1990, None], dtype="Int64"),
            "gap": [1990.0, np.nan],
            "gender": ["F", "M"],
            "premium": [True, False],
            "mixed": np.array([True, 1.0], dtype=object),
        }
    )
    assert feature_names(table, list(table)) == [
        *("gap=1990", "gender=F", "gender=M", "mixed=1", "premium=False", "premium=True", "year=1990")
    ]


@pytest.fixture(params=NEW_ROWS.values(), ids=NEW_ROWS)
def encode(request: pytest.FixtureRequest):
    """Give a function: the column of training, the column of new rows, to what the model makes of them."""
    which, make, method = request.param

    def run(fitted, new) -> np.ndarray:
        table = pd.DataFrame({"kind": fitted}, index=tables_of(which).index)
        model = make(["kind"]).fit(tables(which, table))
        rows = pd.DataFrame({"kind": new})
        return getattr(model, method)(*([np.zeros((len(rows), 3))] if method == "fold_in" else []), rows)

    return run


def test_new_rows_of_another_type_are_what_they_were_in_training(encode) -> None:
    gap = [1990, 1991, np.nan]
    np.testing.assert_array_equal(encode(gap, [1990]), encode(gap, [1990.0]))
    bools = [True, False, True]
    np.testing.assert_array_equal(encode(bools, [1, 0]), encode(bools, [True, False]))


@pytest.mark.parametrize("wrong", ["F ", "f", "female"])
def test_a_column_without_one_known_value_is_refused(encode, wrong: str) -> None:
    with pytest.raises(ValueError, match=rf"values of the column 'kind'.*such as \['kind=F'.*got only .*'{wrong}'"):
        encode(["F", "M", "F"], [wrong, None])


@pytest.mark.filterwarnings("error")
def test_what_is_missing_is_not_unseen(encode) -> None:
    assert np.isfinite(encode(["F", "M", "F"], [None, ""])).all()
    assert np.isfinite(encode(["F|M", "M", "F"], ["M|F", None])).all()


def test_unseen_values_are_counted_and_said_once(encode) -> None:
    with pytest.warns(UserWarning, match=r"2 of 4 values of 'kind', for example 'F '") as said:
        came = encode(["F", "M", "F"], ["F", "F ", "M|x"])
    assert len(said) == 1
    np.testing.assert_array_equal(came[[0, 2]], encode(["F", "M", "F"], ["F", "M"]))


def test_new_rows_that_are_no_table_or_lack_the_column_are_refused() -> None:
    with pytest.raises(ValueError, match=r"columns names 'kind', but the table has \['sort'\]"):
        encode_features(pd.DataFrame({"sort": ["F"]}), ["kind"], ["kind=F"], "columns")
    with pytest.raises(TypeError, match="as a DataFrame; got list"):
        encode_features([["F"]], ["kind"], ["kind=F"], "columns")
