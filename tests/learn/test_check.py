"""check(): what a learner reads for a right answer, for a wrong one, and for everything that goes wrong on the way."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import threading
import time
from types import GeneratorType

import cloudpickle
import numpy as np
import pandas as pd
import psutil
import pytest
import torch
from scipy import sparse

from recsys_teach.learn import TODO, NotOk, check
from recsys_teach.learn.compare import same_ranking
from recsys_teach.learn.grader import grade
from recsys_teach.learn.progress_file import read_progress
from recsys_teach.learn.schema import Chapter, Exercise


def center(R: np.ndarray) -> np.ndarray:
    """Take each user's mean off their ratings."""
    return R - R.mean(axis=1, keepdims=True)


def subtract_item_means(R):
    return R - R.mean(axis=0)


def center_one_user_only(R):
    return center(R) if len(R) == 1 else R * 0


def center_unless_negative(R):
    return center(abs(R))


def rank_two(scores: np.ndarray) -> np.ndarray:
    return np.argsort(-scores, axis=1, kind="stable")[:, :2]


def declare(exercise_id: str, reference, **rest) -> Exercise:
    about = {"title": "Made up", "objective": "O9.1", "level": "core", "minutes": 3, "why": "Because.", "hints": ("",)}
    return Exercise(exercise_id, reference=reference, **({"misconceptions": {}} | about | rest))


TWO_RATINGS = pd.DataFrame({"rating": [1, 2]})


CHAPTER = Chapter(
    number="09",
    title="Made up",
    objectives={"O9.1": "Check"},
    exercises=[
        declare(
            "9.1",
            center,
            title="Center the ratings",
            why="What is left is how a user differs from their own mean.",
            cases=[(np.array([[1.0, 3.0]]),), (np.array([[1.0, 3.0, 8.0], [2.0, 6.0, 4.0]]),)],
            draw=lambda rng: (rng.integers(-9, 0, size=(3, 4)) / 4,),
            misconceptions={
                "You took off the mean of each item.": subtract_item_means,
                "You took off the mean of all ratings.": lambda R: R - R.mean(),
                "You divided instead.": lambda R: R / R.mean(axis=1, keepdims=True),
            },
        ),
        declare("9.2", lambda: 0.375, misconceptions={"That is the empty part.": lambda: 0.625, "A count.": 6}),
        declare("9.3", rank_two, cases=[(np.array([[0.1, 0.9, 0.5], [3, 2, 1]]),)], compare=same_ranking),
        declare(
            "9.4",
            lambda x: x / x.sum(),
            cases=[(np.array([1.0, 3.0]),)],
            properties={"Shares add up to 1.": lambda args, came: abs(sum(came) - 1) < 1e-9},
        ),
        declare("9.5", lambda: {"shape": (3, 4), "n": 12}),
        declare("9.6", lambda log, seen, cells: len(log), cases=[(TWO_RATINGS, [1, 2], sparse.csr_array(np.eye(2)))]),
        declare("9.7", lambda x: None, cases=[(1,)]),
        declare("9.9", lambda x: x.sum(), cases=[(np.arange(6),)], draw=lambda rng: (rng.integers(9, size=1),)),
        declare("9.8", lambda x: 8 * x / x.sum(), cases=[(np.array([1.0, 2.0]),), (np.array([2.0, 5.0]),)]),
    ],
)  # fmt: skip


@pytest.fixture(autouse=True)
def made_up_chapter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECSYS_TEACH_STRICT", raising=False)
    # As the functions of a notebook, those of this file are sent to the judge process with all that they use.
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    for module in ("chapters", "progress_file"):
        monkeypatch.setattr(f"recsys_teach.learn.{module}.chapters", lambda: {"09": CHAPTER})


@pytest.fixture
def said(capsys: pytest.CaptureFixture):
    """Check an answer and give what is printed; nothing of ours may show in it."""

    def ask(exercise_id, answer) -> str:
        check(exercise_id, answer)
        printed = capsys.readouterr()
        everything = printed.out + printed.err
        for trace in ("Traceback", "recsys_teach/", "judge.py", "limited.py", "_Stop"):
            assert trace not in everything
        return printed.out

    return ask


# --- the three states -----------------------------------------------------------------------------------------


def test_todo_is_to_do_and_says_how_long_it_takes(said) -> None:
    out = said("9.1", TODO)
    assert out.startswith("[to do] 9.1 Center the ratings (core, about 3 minutes)\n")
    assert "replace it by your own answer" in out


def helper_still_to_do(R):
    return R - TODO(R)


@pytest.mark.parametrize(
    "stub", [lambda R: TODO, lambda R: R - TODO, lambda R: TODO[0], helper_still_to_do, lambda R: R[: len(R) // TODO]],
    ids=["returned", "computed with", "indexed", "called", "divided by"],
)  # fmt: skip
def test_a_function_that_still_holds_todo_is_to_do(said, stub) -> None:
    assert said("9.1", stub).startswith("[to do]")


def open_exercise(R):
    return TODO


def uses_an_open_exercise(R):
    return open_exercise(R) * 2


def test_a_function_that_uses_what_is_still_todo_is_told_its_name(said) -> None:
    out = said("9.1", uses_an_open_exercise)
    assert out.startswith("[to do]")
    assert "Your function uses open_exercise, where TODO is still waiting" in out
    assert "replace it by your own answer" in said("9.1", open_exercise)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda shares: shares.round(2), "Return them in full."),
        (lambda shares: shares.round(), "Return them in full."),
        (np.floor, "divide with `/`."),
        (lambda shares: [shares[0], round(shares[1])], "numbers differ"),
        (lambda shares: shares * 0, "numbers differ"),
        (lambda shares: shares.round(2) + 0.1, "numbers differ"),
    ],
    ids=["two digits", "whole", "cut off", "one of two numbers", "always 0", "another mistake"],
)
def test_a_right_number_that_lost_digits_is_told_so(said, change, message: str) -> None:
    assert message in " ".join(said("9.8", lambda x: change(8 * x / x.sum())).split())


def test_of_several_values_one_that_was_cut_off_is_noticed() -> None:
    exercise = declare("9.9", lambda x: (x.sum() / 7, len(x)), cases=[(np.arange(4),), (np.arange(6),)])
    assert "divide with `/`." in grade(exercise, lambda x: (x.sum() // 7, len(x))).reason


def test_a_number_that_is_by_chance_the_rounded_one_is_not_called_rounded(said) -> None:
    exercise = declare("9.9", lambda x: np.array([0.815, 0.58]), cases=[(1,), (2,)])
    assert "rounded" not in grade(exercise, lambda x: np.array([0.815, 1])).reason


def test_a_right_answer_is_ok_with_the_reason_why_and_nothing_else(said) -> None:
    out = said("9.1", lambda R: (R.T - R.mean(axis=1)).T)
    assert out == "[ok] 9.1 Center the ratings\n    What is left is how a user differs from their own mean.\n"


@pytest.mark.parametrize(
    "form", [np.ndarray.tolist, pd.DataFrame, sparse.csr_array, torch.tensor, list],
    ids=["lists", "frame", "sparse", "tensor", "list of rows"],
)  # fmt: skip
def test_a_right_answer_is_ok_in_any_usual_form(said, form) -> None:
    assert said("9.1", lambda R: form(center(R))).startswith("[ok]")


def test_a_wrong_answer_is_not_yet_and_points_to_the_hint(said) -> None:
    out = said("9.1", lambda R: R)
    assert out.startswith("[not yet] 9.1 Center the ratings\n")
    assert out.endswith('    Stuck? Run hint("9.1").\n')


def test_a_value_is_right_wrong_or_to_do(said) -> None:
    assert said("9.2", 0.375).startswith("[ok]")
    assert said("9.2", np.float64(3 / 8)).startswith("[ok]")
    assert said("9.2", TODO).startswith("[to do]")
    assert "That is not it: you gave 0.5." in said("9.2", 0.5)


def test_a_function_that_rightly_returns_nothing_is_ok(said) -> None:
    assert said("9.7", lambda x: None).startswith("[ok]")


# --- counter-examples and misconceptions ----------------------------------------------------------------------


def test_the_smallest_counter_example_is_shown_with_what_came(said) -> None:
    out = said("9.1", lambda R: R * 2)
    assert "The result differs: 2 of 2 numbers differ, most at position" not in out
    assert "2 of 2 numbers differ, most at row 0, column 1: expected 1, got 6." in out
    assert "    with R = [[1., 3.]]\n" in out
    assert "    you returned [[2., 6.]]\n" in out


def test_where_the_smallest_case_comes_out_right_the_next_one_is_shown(said) -> None:
    out = said("9.1", center_one_user_only)
    assert "with R = [[1., 3., 8.]" in out
    assert "with R = [[1., 3.]]" not in out


def test_an_answer_right_by_hand_and_wrong_at_random_is_shown_the_random_case(said) -> None:
    out = said("9.1", center_unless_negative)
    assert out.startswith("[not yet]")
    assert "with R = [[-" in out


def raises_at_random_and_doubles_by_hand(R):
    if (R < 0).any():
        raise ValueError("operands could not be broadcast together")
    return R * 2


def test_a_wrong_value_by_hand_is_shown_before_an_exception_at_random(said) -> None:
    out = said("9.1", raises_at_random_and_doubles_by_hand)
    assert "with R = [[1., 3.]]" in out
    assert "ValueError" not in out


def test_a_case_written_by_hand_is_shown_before_a_drawn_one_with_a_shorter_text(said) -> None:
    out = said("9.9", lambda x: x.sum() + 1)
    assert "with x = [0, 1, 2, 3, 4, 5]" in out


def test_a_known_wrong_answer_gets_its_own_message_and_the_counter_example(said) -> None:
    out = said("9.1", lambda R: R - R.sum(axis=0) / len(R))
    assert "    You took off the mean of each item.\n" in out
    assert "with R = [[1., 3.]]" in out
    assert "The result differs" not in out


def test_a_message_is_given_only_if_the_wrong_answer_agrees_on_every_case(said) -> None:
    out = said("9.1", lambda R: subtract_item_means(R) if len(R) == 1 else R)
    assert "mean of each item" not in out
    assert "differ" in out


def test_a_known_wrong_value_gets_its_own_message(said) -> None:
    assert "That is the empty part." in said("9.2", 0.625)
    assert "A count." in said("9.2", 6)


def test_a_property_that_fails_is_named_before_the_numbers_are_compared(said) -> None:
    out = said("9.4", lambda x: x)
    assert "Shares add up to 1." in out
    assert "you returned [1., 3.]" in out
    assert "expected an array of shape (2,), got one number" in said("9.4", lambda x: 7)
    assert "numbers differ" in said("9.4", lambda x: np.array([0.5, 0.5]))


def test_a_ranking_is_told_by_row_and_place(said) -> None:
    out = said("9.3", lambda scores: np.array([[1, 2], [2, 1]]))
    assert "The result differs: row 1: at place 1 you ranked item 2, expected 0." in out


def test_a_wrong_value_is_not_told_the_right_one(said) -> None:
    assert "375" not in said("9.2", 0.38)
    assert "expected one number" in said("9.2", [0.38, 1])
    assert "expected numbers" in said("9.2", "a third")
    assert "expected 3" not in said("9.5", {"shape": (4, 3), "n": 12})


def test_a_huge_answer_does_not_flood_the_notebook(said) -> None:
    assert len(said("9.1", lambda R: list(range(100_000)))) < 5000


# --- what beginners write -------------------------------------------------------------------------------------


def forgets_to_return(R):
    R - R.mean(axis=1, keepdims=True)


def prints_instead(R):
    print(R - R.mean(axis=1, keepdims=True))


def raises(R):
    n_ratings = 0
    return R / (3 // n_ratings)


def raises_in_a_helper(R):
    return raises(R)


def changes_in_place(R):
    R -= R.mean(axis=1, keepdims=True)
    return R


def recurses(R):
    return recurses(R)


def exits(R):
    sys.exit()


def yields(R):
    yield from center(R)


WRONG = {
    "no return": (forgets_to_return, "returned None. So does one that ends without `return`"),
    "prints": (prints_instead, "returned None. So does one that ends without `return`"),
    "raises": (raises, "raised ZeroDivisionError: integer division or modulo by zero (line "),
    "helper raises": (raises_in_a_helper, "ZeroDivisionError"),
    "transposed": (lambda R: center(R).T, "that is the transpose"),
    "wrong shape": (lambda R: center(R)[0], "expected an array of shape (1, 2), got an array of shape (2,)"),
    "in place": (changes_in_place, "changed its argument R. Work on a copy, for example R.copy()."),
    "no end of recursion": (recurses, "RecursionError"),
    "exits": (exits, "ended with SystemExit"),
    "quits": (lambda R: (_ for _ in ()).throw(KeyboardInterrupt), "ended with KeyboardInterrupt"),
    "too many arguments": (lambda R, k: R, "TypeError: "),
    "no argument": (lambda: 1, "TypeError: "),
    "result, not function": (center(np.eye(2)), 'Write check("9.1", center) without calling it.'),
    "nothing given": (None, "asks for the function itself"),
    "name, not function": ("center", "asks for the function itself, and you gave 'center'"),
    "generator": (yields, "expected numbers, got generator"),
    "NaN": (lambda R: center(R) * np.nan, "got nan"),
    "text": (lambda R: "centered", "expected numbers, got str 'centered'"),
    "texts": (lambda R: center(R).astype(str), "expected numbers, got an array of shape (1, 2)"),
    "function returned": (lambda R: center, "expected numbers, got a function"),
    "complex": (lambda R: center(R) * 1j, "expected numbers"),
    "ragged": (lambda R: [[1], [1, 2]], "expected numbers of shape (1, 2), got list [[1], [1, 2]]"),
    "class": (GeneratorType, "TypeError"),
}


@pytest.mark.parametrize(("answer", "message"), WRONG.values(), ids=WRONG)
def test_a_beginners_mistake_is_told_in_words(said, answer, message: str) -> None:
    out = said("9.1", answer)
    assert "[not yet] 9.1 Center the ratings\n" in out
    assert message in " ".join(out.split())


def multiplies_whole_numbers(R):
    counts = R.astype(int)
    counts *= 0.5
    return counts


# The messages are kept apart from the answers: a verdict quotes the line that raised, and would contain its own test.
NUMPY_ERRORS = {
    "product": lambda R: R @ R.mean(axis=1),
    "lengths": lambda R: np.ones(3) + np.ones(4),
    "mask": lambda R: R[np.array([True, False, True])],
    "mask of columns": lambda R: R[:, np.ones(9, bool)],
    "marks": lambda R: R[np.array([1.0, 0.0])],
    "position": lambda R: R[5],
    "and": lambda R: (R > 0) and (R < 2),
    "in place": multiplies_whole_numbers,
    "order": lambda R: np.bincount(R[0], weights=np.array([0, 1])),
    "text": lambda R: pd.DataFrame({"town": ["Ulm", "Ulm"]}).groupby("town")["town"].transform("mean"),
}
IN_WORDS = {
    "product": "is a transpose (`.T`) missing, or was a sum or mean taken along",
    "lengths": "Two arrays of 3 and 4 numbers do not fit together",
    "mask": "by 3 values of True and False where axis 0 has the length 1",
    "mask of columns": "by 9 values of True and False where axis 1 has the length",
    "marks": "it used numbers with a decimal point as positions",
    "position": "there is no position 5 among 1. Positions run from 0 to 0.",
    "and": "Join comparisons with & or |, each in parentheses",
    "in place": "An array of whole numbers cannot store fractions",
    "order": "Are its arguments in the right order?",
    "text": "`mean` cannot be computed for a column of text",
}


@pytest.mark.parametrize("slip", NUMPY_ERRORS)
def test_an_error_of_numpy_is_told_in_plain_words(said, slip: str) -> None:
    assert IN_WORDS[slip] in " ".join(said("9.1", NUMPY_ERRORS[slip]).split())


def test_an_error_is_told_with_the_line_of_the_learners_code_that_raised(said) -> None:
    line = raises.__code__.co_firstlineno + 2
    assert f"(line {line}: `return R / (3 // n_ratings)`)" in " ".join(said("9.1", raises).split())


def test_an_error_is_told_with_the_argument_that_raised_it(said) -> None:
    assert "    with R = [[1., 3.]]\n" in said("9.1", raises)


def test_a_value_exercise_given_a_function_asks_to_call_it(said) -> None:
    assert "asks for a value, and you gave the function. Call it first." in said("9.2", lambda: 0.375)


def overwrites(log, seen, cells):
    log.loc[0, "rating"] = 9
    return 2


def appends(log, seen, cells):
    seen.append(3)
    return 2


def zeroes(log, seen, cells):
    cells.data[:] = 0
    return 2


@pytest.mark.parametrize(("answer", "name"), [(overwrites, "log"), (appends, "seen"), (zeroes, "cells")])
def test_a_change_of_any_argument_is_noticed(said, answer, name: str) -> None:
    assert f"changed its argument {name}" in said("9.6", answer)


def test_a_change_is_told_by_the_name_that_the_learner_gave(said) -> None:
    def answer(events, interacted, table):
        interacted.append(3)
        return 2

    assert "changed its argument interacted" in said("9.6", answer)


def test_the_arguments_of_the_exercise_survive_a_change_in_place(said) -> None:
    said("9.1", changes_in_place)
    assert said("9.1", center).startswith("[ok]")


class Hostile:
    """Raise whatever is asked of it."""

    def _raise(self, *args):
        raise RuntimeError("no")

    __eq__ = __repr__ = __array__ = __len__ = __iter__ = __bool__ = __float__ = _raise
    __hash__ = None


STRANGE = [Hostile(), Hostile, lambda R: Hostile(), np, object(), {"R": 1}, 10**400, b"x", float("inf")]


@pytest.mark.parametrize("answer", STRANGE)
@pytest.mark.parametrize("exercise_id", ["9.1", "9.2", "9.3", "9.5"])
def test_nothing_that_can_be_given_makes_check_raise(said, exercise_id: str, answer) -> None:
    assert said(exercise_id, answer).startswith("[not yet]")


@pytest.mark.parametrize("exercise_id", ["9.99", "7.1", "", None, center, ["9.1"]])
def test_an_unknown_exercise_is_told_which_there_are(said, exercise_id) -> None:
    out = said(exercise_id, 1)
    assert out.startswith("[not yet]")
    assert "there are the chapters 09" in out or "chapter 09; it has 9.1, 9.2" in out


def test_a_number_may_stand_for_the_id(said) -> None:
    assert said(9.2, 0.375).startswith("[ok]")


# --- what never ends, and the judge process ---------------------------------------------------------------------


def loops(R):
    while True:
        pass


def loops_and_catches(R):
    while True:
        try:
            n = 1
        except:  # noqa: E722
            n = 2
        n += 1


def loops_and_catches_the_first_stop(R):
    try:
        loops(R)
    except:  # noqa: E722
        loops(R)


def loops_in_compiled_code(R):
    return max(range(10**12))


def counts_for_ever(R):
    return sum(itertools.repeat(1))


def powers(R):
    return 10**10**9


def matches_for_ever(R):
    return re.match(r"(a+)+$", "a" * 60 + "b")


def sleeps(R):
    time.sleep(1000)


def loops_and_sleeps(R):
    while True:
        time.sleep(0.01)


@pytest.fixture
def short(monkeypatch) -> None:
    for name in ("CALL_SECONDS", "IDLE_SECONDS"):
        monkeypatch.setattr(f"recsys_teach.learn.limits.{name}", 0.3)


LOOPS = [loops, loops_and_catches, loops_and_catches_the_first_stop]
COMPILED = [loops_in_compiled_code, counts_for_ever, powers, matches_for_ever]


@pytest.mark.parametrize("answer", LOOPS + COMPILED)
def test_what_never_ends_runs_out_of_time_and_the_next_check_works(said, short, answer) -> None:
    out = said("9.1", answer)
    assert "ran out of time: it had used 0.3 s of processor time and not returned." in " ".join(out.split())
    assert "loop" not in out
    assert "with R = [[1., 3.]]" in out
    assert said("9.1", center).startswith("[ok]")


@pytest.mark.parametrize("answer", [sleeps, loops_and_sleeps])
def test_what_waits_for_ever_is_ended(said, short, answer) -> None:
    assert "waited for more than 0.3 s without computing" in said("9.1", answer)


def test_many_slow_calls_run_out_of_time_together(said, monkeypatch) -> None:
    monkeypatch.setattr("recsys_teach.learn.limits.CHECK_SECONDS", 0.5)

    def slow(R):
        end = time.process_time() + 0.2
        while time.process_time() < end:
            pass
        return center(R)

    assert "its calls for this check had used 0.5 s" in said("9.1", slow)


def test_a_busy_machine_refuses_no_right_answer(said) -> None:
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(6)]
    try:
        for _ in range(5):
            assert said("9.1", lambda R: R - R.mean(axis=1)[:, None]).startswith("[ok]")
    finally:
        for process in busy:
            process.kill()
            process.wait()


def test_an_answer_that_ends_python_costs_a_verdict_not_the_kernel(said) -> None:
    assert "ended the Python process that ran it" in said("9.1", lambda R: os._exit(1))
    assert said("9.1", center).startswith("[ok]")


def test_what_an_answer_prints_is_shown_up_to_a_limit(said) -> None:
    def chatty(R):
        print("looked at", R.shape)
        return center(R)

    assert "looked at (1, 2)\n" in said("9.1", chatty)
    assert "looked at (1, 2)\n" in said("9.1", lambda R: chatty(R) * 2)

    def floods(R):
        while True:
            print("again")

    assert 1000 < len(said("9.1", floods)) < 20_000


def test_what_an_answer_does_to_the_notebook_stays_in_the_judge_process(said) -> None:
    seen = []
    said("9.1", lambda R: seen.append(R) or center(R))
    assert seen == []


def test_what_loads_at_its_first_use_is_not_on_the_learners_clock(monkeypatch) -> None:
    monkeypatch.setattr("recsys_teach.learn.limits.IDLE_SECONDS", 0.2)
    loaded = []

    def center_after_loading(R):
        time.sleep(0 if loaded else 0.5)
        loaded.append(True)
        return center(R)

    exercise = declare("9.9", center_after_loading, cases=[(np.eye(2),)])
    assert grade(exercise, center_after_loading).status == "ok"


def test_a_function_that_loops_only_on_a_later_case_is_stopped_too(said, short) -> None:
    assert "ran out of time" in said("9.1", lambda R: center(R) if len(R) < 3 else loops(R))


def test_the_judge_process_ends_with_its_kernel() -> None:
    program = """
import psutil
from recsys_teach.learn.grader_process import start_grader_process
start_grader_process()
print(psutil.Process().children()[0].pid, flush=True)
input()
"""
    pipes: dict = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    kernel = subprocess.Popen([sys.executable, "-c", program], **pipes)
    child = psutil.Process(int(kernel.stdout.readline()))
    kernel.kill()
    kernel.communicate()
    child.wait(timeout=30)


def test_an_interrupt_ends_the_check_and_not_the_kernel(monkeypatch, said) -> None:
    def interrupt(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as pressed:
        pressed.setattr("recsys_teach.learn.grader_process._GraderProcess._await_verdict", interrupt)
        with pytest.raises(KeyboardInterrupt):
            check("9.1", center)
    assert said("9.1", center).startswith("[ok]")


# What cannot be sent to the judge process is judged here.


def is_gone(before: set[threading.Thread], seconds: float = 1.0) -> bool:
    """Whether every thread begun since then ends within some seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if set(threading.enumerate()) <= before:
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("loop", [*LOOPS, loops_and_sleeps])
def test_an_answer_that_cannot_be_sent_is_stopped_and_its_thread_is_gone(said, short, loop) -> None:
    said("9.1", center)
    before, lock = set(threading.enumerate()), threading.Lock()
    out = said("9.1", lambda R: loop(R) if lock else R)
    assert "ran out of time" in out or "waited" in out
    assert "with R = [[1., 3.]]" in out
    assert is_gone(before)


def test_an_answer_that_cannot_be_sent_is_judged_all_the_same(said) -> None:
    lock = threading.Lock()
    assert said("9.1", lambda R: center(R) if lock else R).startswith("[ok]")
    assert "numbers differ" in said("9.1", lambda R: R if lock else None)


def test_an_endless_loop_that_cannot_be_stopped_is_told_to_restart_the_kernel(said, short) -> None:
    said("9.1", center)
    before, released = set(threading.enumerate()), threading.Event()

    def catches_everything(R):
        while not released.is_set():
            try:
                time.sleep(0.01)
            except:  # noqa: E722
                continue

    out = said("9.1", catches_everything)
    gone = is_gone(before, seconds=0.2)
    released.set()
    assert is_gone(before)
    assert gone or "restart" in out.lower()


# --- what is recorded, and strict mode ------------------------------------------------------------------------


def test_an_ok_is_never_taken_back(said) -> None:
    said("9.2", 0.5)
    assert read_progress()["exercises"]["9.2"]["status"] == "not yet"
    said("9.2", 0.375)
    for later in (0.5, TODO):
        said("9.2", later)
        assert read_progress()["exercises"]["9.2"]["status"] == "ok"


def test_attempts_are_counted_and_what_is_to_do_is_no_attempt(said) -> None:
    for answer in (TODO, 0.5, 0.6, 0.375):
        said("9.2", answer)
    assert read_progress()["exercises"]["9.2"]["attempts"] == 3


@pytest.mark.parametrize(
    ("exercise_id", "answer"), [("9.2", 0.5), ("9.2", TODO), ("9.1", loops), ("9.99", 1), ("9.1", exits)]
)
def test_strict_mode_fails_for_anything_but_ok(monkeypatch, capsys, exercise_id: str, answer) -> None:
    monkeypatch.setattr("recsys_teach.learn.limits.CALL_SECONDS", 0.2)
    monkeypatch.setenv("RECSYS_TEACH_STRICT", "1")
    with pytest.raises(NotOk):
        check(exercise_id, answer)
    assert capsys.readouterr().out.startswith("[")


def test_strict_mode_passes_what_is_ok(monkeypatch) -> None:
    monkeypatch.setenv("RECSYS_TEACH_STRICT", "1")
    check("9.1", center)
    check("9.2", 0.375)
