"""A comparison says where and how far; TODO says what to do."""

from __future__ import annotations

import threading
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from recsys_teach.learn import TODO
from recsys_teach.learn.compare import describe, same, same_ranking
from recsys_teach.learn.todo import ADVICE

MATRIX = np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 0.5]])


# --- what is the same -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "came",
    [
        MATRIX,
        MATRIX.tolist(),
        tuple(map(tuple, MATRIX)),
        MATRIX.astype(np.float32),
        sparse.csr_array(MATRIX),
        sparse.coo_matrix(MATRIX),
        pd.DataFrame(MATRIX, index=["ann", "bob"]),
        torch.tensor(MATRIX),
        torch.tensor(MATRIX, requires_grad=True),
    ],
    ids=["array", "lists", "tuples", "float32", "csr", "coo", "frame", "tensor", "tensor with gradient"],
)
def test_arrays_frames_tensors_and_lists_of_the_same_numbers_are_the_same(came) -> None:
    assert same(MATRIX, came) == ""


@pytest.mark.parametrize(
    ("expected", "came"),
    [
        (0.25, np.float32(0.25)),
        (3, 3.0),
        (1.0, 1.0 + 1e-9),
        (np.array([1.0, np.nan]), [1.0, np.nan]),
        (np.array([True, False]), [1, 0]),
        (True, np.True_),
        (np.False_, False),
        ("users", np.str_("users")),
        (None, None),
        ({1, 2}, np.array([2, 1, 1])),
        (frozenset("ab"), ["a", "b"]),
        ({"a": 1, "b": [1, 2]}, {"b": np.array([1.0, 2.0]), "a": 1}),
        ((1, MATRIX), [1, MATRIX.tolist()]),
        ((2, 3), np.array([2, 3])),
        (["up", "heat"], ["up", "heat"]),
        (np.array([]), []),
    ],
    ids=lambda value: type(value).__name__,
)
def test_equal_answers_in_another_form_are_the_same(expected, came) -> None:
    assert same(expected, came) == ""


def test_tolerance_is_what_the_exercise_says() -> None:
    assert same(0.5, 0.52, atol=0.05) == ""
    assert same(0.5, 0.52, atol=0.01) != ""


# --- where and how far ----------------------------------------------------------------------------------------

TRANSPOSED = "expected an array of shape (2, 3), got an array of shape (3, 2): that is the transpose."


@pytest.mark.parametrize(
    ("expected", "came", "message"),
    [
        (0.5, 0.25, "expected 0.5, got 0.25."),
        (0.5, float("nan"), "expected 0.5, got nan."),
        (
            MATRIX,
            MATRIX + np.array([[0, 0.1, 0], [0, 0, 4]]),
            "2 of 6 numbers differ, most at row 1, column 2: expected 0.5, got 4.5.",
        ),
        (
            MATRIX,
            np.where(MATRIX == 3, np.nan, MATRIX),
            "1 of 6 numbers differ, most at row 1, column 1: expected 3, got nan.",
        ),
        ([1, 2, 3], [1, 2, 5], "1 of 3 numbers differ, most at position 2: expected 3, got 5."),
        (
            np.zeros((1, 1, 2)),
            [[[0, 7]]],
            "1 of 2 numbers differ, most at [0, 0, 1]: expected 0, got 7.",
        ),
        (MATRIX, MATRIX.T, TRANSPOSED),
        (MATRIX, MATRIX[0], "expected an array of shape (2, 3), got an array of shape (3,)."),
        (MATRIX, 3.0, "expected an array of shape (2, 3), got one number."),
        (3.0, [3.0], "expected one number, got an array of shape (1,)."),
        (3.0, "three", "expected numbers, got str 'three'."),
        (MATRIX, [[1, 2], [3]], "expected numbers of shape (2, 3), got list [[1, 2], [3]]."),
        (MATRIX, None, "expected numbers, got NoneType None."),
        (True, 1, "expected True, got int 1."),
        ("users", "items", "expected 'users', got str 'items'."),
        ({1, 2, 3}, {2, 3, 9}, "missing: [1]; too many: [9]."),
        ({1, 2}, {1}, "missing: [2]."),
        ({1, 2}, 5, "expected a set, got int 5."),
        ({"a": 1}, {"a": 1, "b": 2}, "the keys differ: too many: ['b']."),
        ({"a": 1}, [1], "expected a dictionary with the keys ['a'], got list [1]."),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, "under 'b': expected 2, got 3."),
        ((1, 2), (1, 3), "part 2 of what you return: expected 2, got 3."),
        ((1, 2), 1, "expected 2 values, as in `return a, b`; got int 1."),
        ((1, 2, 3), (1, 2), "expected 3 values, as in `return a, b, c`; got tuple (1, 2)."),
        (
            (1, 2, 3),
            (1, np.array([2, 3])),
            "expected 3 values, as in `return a, b, c`; got 2, the second of which has 2 numbers. "
            "Unpack it: `b, c = ...`.",
        ),
        ((1, MATRIX), (1, MATRIX.T), "part 2 of what you return: " + TRANSPOSED),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)  # fmt: skip
def test_difference_is_told_with_place_and_size(expected, came, message: str) -> None:
    assert same(expected, came) == message


def test_a_small_difference_is_shown_with_the_digits_that_differ() -> None:
    said = same(1.0, 1.0000001, atol=0.0) or same(1.0, 1.00002)
    assert said
    expected, came = said.removeprefix("expected ").rstrip(".").split(", got ")
    assert expected != came


def test_equal_infinities_draw_no_warning_where_another_number_differs() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        said = same(np.array([-np.inf, 1.0]), np.array([-np.inf, 2.0]))
    assert said == "1 of 2 numbers differ, most at position 1: expected 1, got 2."


def test_a_set_is_compared_with_something_endless_in_finite_time() -> None:
    released = threading.Event()

    def endless():
        while not released.is_set():
            yield 1

    thread = threading.Thread(target=same, args=({1, 2}, endless()), daemon=True)
    thread.start()
    thread.join(1)
    hangs = thread.is_alive()
    released.set()
    assert not hangs


def test_a_set_is_compared_with_a_matrix_without_raising() -> None:
    assert same({1, 2}, np.array([[1, 2]])) != ""


# --- rankings -------------------------------------------------------------------------------------------------


def test_ranking_is_told_by_row_and_place() -> None:
    expected = np.array([[1, 2, 3], [5, 6, 7], [8, 9, 0], [4, 3, 2]])
    came = expected.copy()
    came[3] = [17, 3, 4]
    assert same_ranking(expected, came) == "row 3: at place 1 you ranked item 17, expected 4."
    assert same_ranking(expected, expected.tolist()) == ""


def test_ranking_of_one_user_needs_no_row() -> None:
    assert same_ranking([4, 2, 9], [4, 9, 2]) == "at place 2 you ranked item 9, expected 2."
    assert same_ranking([4, 2, 9], np.array([[4, 2, 9]])) == ""
    assert same_ranking([4, 2, 9], [4, 2]) == "expected 3 positions, got 2."
    assert "has no order" in same_ranking([4, 2, 9], {4, 2, 9})
    assert "whole numbers" in same_ranking([4, 2, 9], [4.0, 2.0, 9.0])


def test_ranking_of_another_length_is_told_by_its_shape() -> None:
    said = same_ranking(np.ones((4, 3), dtype=int), np.ones((4, 2), dtype=int))
    assert said == "expected an array of shape (4, 3), got an array of shape (4, 2)."
    assert "that is the transpose" in same_ranking(np.ones((4, 3), dtype=int), np.ones((3, 4), dtype=int))


@pytest.mark.parametrize("came", [[["up"], ["heat"]], None, "up", [[1, 2], [3]], {1, 2}])
def test_ranking_of_anything_else_is_refused_without_raising(came) -> None:
    assert "expected" in same_ranking(np.array([[1], [2]]), came)


# --- arguments as a learner would type them -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.array([1.0, 0.25]), "[1.  , 0.25]"),
        (sparse.csr_array(np.eye(1)), "a sparse matrix equal to [[1.]]"),
        (
            sparse.csr_array((np.array([0.0]), ([0], [0])), (1, 1)),
            "a sparse matrix equal to [[0.]], with a stored 0 at (0, 0)",
        ),
        (np.int64(3), "3"),
        ([np.float64(3.5), (np.int64(2), np.bool_(True))], "[3.5, (2, True)]"),
        ({"a": np.float32(0.5)}, "{'a': 0.5}"),
        (np.zeros((2, 1, 1)), "[[[0.]],\n          [[0.]]]"),
        ("ann", "'ann'"),
        (np.zeros((100, 3)), "an array of shape (100, 3) and type float64"),
        (pd.DataFrame({"a": [1]}), "\n   a\n0  1"),
    ],
    ids=lambda value: str(type(value).__name__),
)
def test_arguments_are_written_so_that_they_can_be_typed_again(value, said: str) -> None:
    assert describe(value) == said


@pytest.mark.parametrize(
    "value", [list(range(100_000)), "x" * 100_000, dict.fromkeys(range(10_000))], ids=["list", "text", "dict"]
)
def test_a_huge_value_is_described_in_few_words(value) -> None:
    assert len(describe(value)) < 1000


# --- TODO -----------------------------------------------------------------------------------------------------


def test_todo_shows_what_to_do() -> None:
    assert ADVICE in repr(TODO)
    assert "replace it by your own answer" in f"{TODO}"


USES = {
    "TODO + 1": lambda: TODO + 1,
    "1 - TODO": lambda: 1 - TODO,
    "array * TODO": lambda: np.ones(2) * TODO,
    "TODO / array": lambda: TODO / np.ones(2),
    "matrix @ TODO": lambda: sparse.eye_array(2) @ TODO,
    "tensor * TODO": lambda: torch.ones(2) * TODO,
    "series + TODO": lambda: pd.Series([1.0, 2.0]) + TODO,
    "-TODO": lambda: -TODO,
    "TODO // 2": lambda: TODO // 2,
    "2 % TODO": lambda: 2 % TODO,
    "mask & TODO": lambda: True & TODO,
    "~TODO": lambda: ~TODO,
    "TODO < 1": lambda: TODO < 1,
    "if TODO": lambda: bool(TODO),
    "float(TODO)": lambda: float(TODO),
    "round(TODO, 2)": lambda: round(TODO, 2),
    "f'{TODO:.3f}'": lambda: f"{TODO:.3f}",
    "TODO[0]": lambda: TODO[0],
    "TODO[0] = 1": lambda: TODO.__setitem__(0, 1),
    "list[TODO]": lambda: [1, 2][TODO],
    "array[:TODO]": lambda: np.ones(2)[:TODO],
    "range(TODO)": lambda: range(TODO),
    "np.zeros(TODO)": lambda: np.zeros(TODO),
    "np.mean(TODO)": lambda: np.mean(TODO),
    "for x in TODO": lambda: list(TODO),
    "len(TODO)": lambda: len(TODO),
    "TODO()": lambda: TODO(),
    "TODO.shape": lambda: TODO.shape,
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_computing_with_todo_says_what_to_do(use) -> None:
    with pytest.raises(TypeError, match="replace it by your own answer"):
        use()
