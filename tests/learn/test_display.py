"""hint, quiz, predict, reveal and claim: what is printed, what is recorded, and what fails in strict mode."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from recsys_teach.learn import TODO, NotOk, check, claim, hint, predict, progress, quiz, reference, reveal
from recsys_teach.learn.cards import beside_as_html, beside_as_text
from recsys_teach.learn.compare import beside
from recsys_teach.learn.grader import grade_decision
from recsys_teach.learn.progress_file import change_progress, open_exercises, read_progress
from recsys_teach.learn.schema import Chapter, Decision, Exercise, Prediction, Question

CHAPTER = Chapter(
    number="09",
    title="Made up",
    objectives={"O9.1": "Ask"},
    exercises=[
        Exercise(
            "9.1", "Made up", objective="O9.1", level="core", minutes=1, reference=lambda: 1, why="Because.",
            hints=("Read it again.", "Think of rows.", "return 1"), misconceptions={},
        )
    ],
    decisions=[
        Decision(
            "9.A", "Made up choice", objective="O9.1", minutes=2, why="Because.", hints=("Look at rows.",),
            replies={
                "first": {"a": "A row is a user.", "b": ""},
                "second": {"3": "", "4": "Count again.", "nan": "It is known."},
            },
        )
    ],
    predictions=[
        Prediction("P9.1", "Which is better?", {"a": "the first", "b": "the second"}, lambda x: "a" if x > 0 else "b")
    ],
    quiz=[
        Question("O9.1", "What is a row?", {"a": ("A user", "Yes, a user."), "b": ("An item", "No, a column.")}, "a"),
        Question("O9.1", "What is a column?", {"a": ("A user", "No, a row."), "b": ("An item", "Yes, an item.")}, "b"),
    ],
)  # fmt: skip


@pytest.fixture(autouse=True)
def made_up_chapter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECSYS_TEACH_STRICT", raising=False)
    monkeypatch.setattr("recsys_teach.learn.display._hints_given", {})
    for module in ("chapters", "progress_file"):
        monkeypatch.setattr(f"recsys_teach.learn.{module}.chapters", lambda: {"09": CHAPTER})


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_TEACH_STRICT", "1")


@pytest.fixture
def out(capsys: pytest.CaptureFixture):
    return lambda: capsys.readouterr().out


# --- hints ----------------------------------------------------------------------------------------------------


def test_each_call_of_hint_goes_one_step_further_and_the_last_one_repeats(out) -> None:
    seen = []
    for _ in range(5):
        hint("9.1")
        seen.append(out().splitlines())
    assert [lines[0] for lines in seen] == [f"Hint {n} of 3 for 9.1 Made up" for n in (1, 2, 3, 3, 3)]
    first, second, last = "Read it again.", "Think of rows.", "return 1"
    assert [lines[1].strip() for lines in seen] == [first, second, last, last, last]


def test_the_last_hint_points_to_the_worked_answer_and_the_first_does_not(out) -> None:
    hint("9.1")
    assert "solutions/" not in out()
    hint("9.1")
    hint("9.1")
    assert "solutions/, in the notebook of chapter 09" in out()


def test_a_hint_for_no_exercise_says_which_there_are(out) -> None:
    hint("9.7")
    printed = out()
    assert printed.startswith("[not yet] There is no '9.7' in chapter 09")
    assert "9.1" in printed


# --- quiz -----------------------------------------------------------------------------------------------------


def test_a_quiz_says_something_about_each_answer(out) -> None:
    quiz("09", ["a", "a"])
    lines = out().splitlines()
    assert "1. What is a row?" in lines
    assert "   > a) A user" in lines
    assert "     b) An item" in lines
    assert "   [ok] Yes, a user." in lines
    assert "   [not yet] No, a row." in lines
    assert lines[-1] == "1 of 2 right."


@pytest.mark.parametrize("answers", [["A", " b "], ("a", "B")])
def test_letters_may_be_upper_case_and_have_blanks(out, answers) -> None:
    quiz(9, answers)
    assert out().endswith("2 of 2 right.\n")
    assert read_progress()["quiz"] == {"09": {"1": "a", "2": "b"}}


def test_what_is_still_todo_is_to_do_and_not_recorded(out) -> None:
    quiz("9", [TODO, "b"])
    printed = out()
    assert "[to do] Write one letter for each question" in printed
    assert "[ok] Yes, an item." in printed
    assert read_progress()["quiz"] == {"09": {"2": "b"}}


def test_a_quiz_without_any_answer_is_to_do_and_shows_its_questions(out, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("RECSYS_TEACH_REPORT", str(tmp_path / "report.json"))
    quiz("9", TODO)
    printed = out()
    assert "[to do]" in printed
    assert "[not yet]" not in printed
    assert "What is a row?" in printed
    assert "Yes" not in printed
    assert "right" not in printed
    assert json.loads((tmp_path / "report.json").read_text())[0]["status"] == "to do"
    assert not read_progress()["quiz"].get("09")


def test_a_worse_attempt_does_not_overwrite_a_better_one(out) -> None:
    quiz("9", ["a", "b"])
    quiz("9", ["a", "a"])
    quiz("9", TODO)
    assert read_progress()["quiz"]["09"] == {"1": "a", "2": "b"}


def test_an_attempt_with_as_many_right_answers_is_recorded(out) -> None:
    quiz("9", ["b", "b"])
    quiz("9", ["a", "a"])
    assert read_progress()["quiz"]["09"] == {"1": "a", "2": "a"}


def test_a_letter_that_is_no_option_is_told_which_there_are(out) -> None:
    quiz("9", ["z", None])
    assert "[not yet] 'z' is not one of a, b." in out()


def test_a_wrong_letter_does_not_give_the_right_one_away(out) -> None:
    quiz("9", ["b", "a"])
    assert "Yes" not in out()


@pytest.mark.parametrize("answers", [[], ["a"], ["a", "b", "a"], "ab", None, 7, {"1": "a", "2": "b"}])
def test_a_quiz_wants_one_letter_a_question(out, answers) -> None:
    quiz("9", answers)
    assert "Expected a list of 2 letters, for example ['a', 'a']." in out()
    assert read_progress()["quiz"] == {}


@pytest.mark.parametrize("chapter", ["77", 77, None, "x", TODO])
def test_a_quiz_of_no_chapter_says_which_there_are(out, chapter) -> None:
    quiz(chapter, ["a"])
    assert "there are the chapters 09" in out()


# --- predict and reveal ---------------------------------------------------------------------------------------


def test_a_prediction_that_is_to_do_shows_the_question_and_its_options(out) -> None:
    predict("P9.1", TODO)
    lines = out().splitlines()
    assert lines[:3] == ["Which is better?", "   a) the first", "   b) the second"]
    assert lines[3].startswith("[to do] Write a letter in quotes in place of TODO")
    assert read_progress()["predictions"] == {}


def test_a_guess_is_noted_and_shown_beside_what_came_out(out) -> None:
    predict("P9.1", "B")
    assert "[ok] You predict b) the second" in out()
    reveal("P9.1", 0.7)
    assert out().splitlines() == ["You predicted: b) the second", "The result:    a) the first"]


def test_the_first_guess_stays(out) -> None:
    predict("P9.1", "b")
    predict("P9.1", "a")
    out()
    reveal("P9.1", 0.7)
    assert "You predicted: b) the second" in out()


def test_without_a_guess_the_result_is_shown_all_the_same(out) -> None:
    reveal("P9.1", -1)
    assert out().splitlines() == ["You predicted: nothing yet", "The result:    b) the second"]


@pytest.mark.parametrize("guess", ["z", "", None, 1, ["a"]])
def test_a_guess_that_is_no_option_is_told_which_there_are(out, guess) -> None:
    predict("P9.1", guess)
    assert f"[not yet] Expected one of the letters a, b; got {guess!r}." in out()
    assert read_progress()["predictions"] == {}


@pytest.mark.parametrize("ask", [predict, reveal])
@pytest.mark.parametrize(("name", "there_is"), [("P77.1", "chapters 09"), ("P9.7", "P9.1"), (9.1, "P9.1")])
def test_a_prediction_that_is_none_is_told_which_there_are(out, ask, name, there_is: str) -> None:
    ask(name, 1)
    printed = out()
    assert printed.startswith("[not yet]")
    assert there_is in printed


@pytest.mark.parametrize("measured", [TODO, None, "much", np.array([1, 2])], ids=["TODO", "None", "text", "array"])
def test_a_result_that_is_no_result_is_told_without_raising(out, measured) -> None:
    reveal("P9.1", measured)
    assert out()


def test_a_guess_at_an_option_that_is_gone_since_an_update_does_not_raise(out) -> None:
    change_progress(lambda record: record["predictions"].update({"P9.1": "d"}))
    reveal("P9.1", 1)
    assert "The result:    a) the first" in out()


# --- claims ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "bounds"),
    [
        (0.434, {"near": 0.43, "within": 0.01}),
        (np.float32(0.434), {"near": 0.43, "within": 0.01}),
        (3, {"above": 2}),
        (3, {"above": 2, "below": 4}),
        (-0.5, {"below": 0}),
        (True, {}),
        (np.True_, {}),
    ],
)
def test_a_claim_that_holds_says_so(out, value, bounds: dict) -> None:
    claim("nDCG@10 of PureSVD", value, **bounds)
    assert out().startswith("[holds] nDCG@10 of PureSVD")


@pytest.mark.parametrize(
    ("value", "bounds"),
    [
        (0.45, {"near": 0.43, "within": 0.01}),
        (2, {"above": 2}),
        (5, {"above": 2, "below": 4}),
        (1, {"above": 2, "below": 4}),
        (0.0, {"below": 0}),
        (float("nan"), {"near": 0.43, "within": 1}),
        (float("nan"), {"above": 0}),
        (False, {}),
        (np.False_, {}),
    ],
)
def test_a_claim_that_does_not_hold_says_so_and_asks_what_was_changed(out, value, bounds: dict) -> None:
    claim("nDCG@10 of PureSVD", value, **bounds)
    printed = out()
    assert printed.startswith("[does not hold here] nDCG@10 of PureSVD")
    assert "Did you change something above?" in printed
    assert "true" not in printed.lower()


def test_a_claim_shows_the_number_and_the_bounds(out) -> None:
    claim("nDCG@10 of PureSVD", 0.43612, near=0.43, within=0.01)
    printed = out()
    assert "0.44" in printed
    assert "within 0.01 of 0.43" in printed


@pytest.mark.parametrize(
    ("value", "bounds", "shown"),
    [
        (0.2052, {"near": 0.205, "within": 0.01}, "0.205 ("),
        (0.43012, {"near": 0.43, "within": 0.001}, "0.430 ("),
        (2.75, {"near": 2.75}, "2.75 ("),
        (1682, {"near": 1682}, "1,682 ("),
        (1.9506, {"above": 1.8}, "1.95 ("),
        (10.138, {"above": 9}, "10.1 ("),
        (1234.5, {"above": 9}, "1,234.5 ("),
        (58.0, {"above": 40}, "58 ("),
        (-0.00271, {"below": 0}, "-0.003 ("),
        (0.31, {"above": 0}, "0.3 ("),
        (-0.001, {"near": 0, "within": 0.02}, "0.00 ("),
    ],
)
def test_a_claim_shows_no_fewer_digits_than_it_expects(out, value, bounds: dict, shown: str) -> None:
    claim("it", value, **bounds)
    assert f"it: {shown}" in out()


@pytest.mark.parametrize(
    ("value", "bounds", "breaks"),
    [
        (0.4404, {"near": 0.43, "within": 0.01}, lambda shown: shown > 0.4401),
        (0.4996, {"above": 0.5}, lambda shown: shown < 0.5),
        (100.4, {"below": 100}, lambda shown: shown >= 100.1),
    ],
    ids=["near", "above", "below"],
)
def test_a_claim_that_does_not_hold_shows_a_number_that_is_seen_to_break_it(out, value, bounds, breaks) -> None:
    claim("it", value, **bounds)
    assert breaks(float(out().removeprefix("[does not hold here] it: ").split()[0]))


@pytest.mark.parametrize("value", [0.43, 943, np.float64(0.43), "yes"])
def test_a_number_without_bounds_claims_nothing_and_does_not_hold(strict, value) -> None:
    with pytest.raises((NotOk, TypeError, ValueError)):
        claim("nDCG@10 of PureSVD", value)


@pytest.mark.parametrize("bounds", [{"near": 1, "within": 0.1}, {"above": 0}, {}], ids=["near", "above", "none"])
@pytest.mark.parametrize("value", [TODO, None, "much", np.array([1.0, 2.0])], ids=["TODO", "None", "text", "array"])
def test_a_claim_about_what_is_no_number_does_not_raise_outside_strict_mode(out, value, bounds: dict) -> None:
    claim("nDCG@10 of PureSVD", value, **bounds)
    assert not out().startswith("[holds]")


# --- strict mode ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ask",
    [
        lambda: check("9.1", 2),
        lambda: check("9.1", TODO),
        lambda: check("9.7", 1),
        lambda: quiz("9", ["a", "a"]),
        lambda: quiz("9", ["a", TODO]),
        lambda: quiz("9", ["a", "z"]),
        lambda: quiz("9", []),
        lambda: quiz("9", TODO),
        lambda: predict("P9.1", TODO),
        lambda: predict("P9.1", "z"),
        lambda: predict("P9.7", "a"),
        lambda: claim("It holds", False),
        lambda: claim("It is near", 0.5, near=0.4, within=0.05),
        lambda: claim("It is large", float("nan"), above=0),
    ],
    ids=[
        *("wrong answer", "no answer", "no exercise"),
        *("wrong quiz", "half a quiz", "no option", "empty quiz", "quiz to do"),
        *("no guess", "no letter", "no prediction"),
        *("false", "too far", "NaN"),
    ],
)
def test_strict_mode_fails_for_anything_but_ok(strict, ask) -> None:
    with pytest.raises(NotOk):
        ask()


@pytest.mark.parametrize(
    "ask",
    [
        lambda: check("9.1", 1),
        lambda: quiz("9", ["a", "b"]),
        lambda: predict("P9.1", "a"),
        lambda: reveal("P9.1", 1),
        lambda: hint("9.1"),
        lambda: claim("It is large", 1, above=0),
    ],
    ids=["check", "quiz", "predict", "reveal", "hint", "claim"],
)
def test_strict_mode_passes_what_is_ok(strict, ask) -> None:
    ask()


# --- cards ----------------------------------------------------------------------------------------------------


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> list:
    shown: list = []
    monkeypatch.setattr("recsys_teach.learn.cards.display", shown.append)
    return shown


def words_of(page: str) -> list[str]:
    tags = r"</?(?:div|span|p|pre|strong|code|table|tr|th|td)\b[^>]*>"
    return [word.strip(".`") for word in html.unescape(re.sub(tags, " ", page)).replace("`", " ").split()]


def test_every_word_of_the_text_is_on_the_card(cards) -> None:
    check("9.1", TODO)
    check("9.1", 7)
    check("9.1", 1)
    check("9.A", ["b", 3])
    hint("9.1")
    predict("P9.1", TODO)
    predict("P9.1", "a")
    reveal("P9.1", 1)
    quiz("09", ["a", "a"])
    claim("Rows beat columns by 0.2", True)
    claim("Rows beat columns by 0.2", False)
    progress("9")
    assert len(cards) == 12
    for one in cards:
        bundle = one._repr_mimebundle_()
        assert bundle["text/plain"] == repr(one)
        missing = set(words_of(bundle["text/plain"])) - set(words_of(bundle["text/html"]))
        assert missing <= {"[holds]", ">", "<-", "[to", "do]", "[ok]"}, bundle  # symbols and labels are drawn there


def test_a_card_shows_what_was_written_and_runs_none_of_it(cards) -> None:
    claim("<script>alert(1)</script> & `x < y`", True)
    page = cards[0]._repr_mimebundle_()["text/html"]
    assert "<script>" not in page
    assert "<code>x &lt; y</code>" in page


def test_expected_is_shown_beside_got_with_the_first_difference_marked(cards) -> None:
    rows = beside(np.array([[1.0, 2.0], [3.0, 4.0]]), [[1.0, 2.5], [3.0, 4.0]])
    assert rows[1] == ("row 0, column 1", "2", "2.5")
    text = "\n".join(beside_as_text(rows))
    assert [line for line in text.splitlines() if "first difference" in line] == [
        "    > row 0, column 1  2         2.5  <- first difference"
    ]
    assert beside_as_html(rows).count("first difference") == 1


def test_of_many_numbers_those_that_differ_are_shown() -> None:
    wanted = np.zeros(100)
    got = wanted.copy()
    got[[70, 80]] = 1, 2
    assert beside(wanted, got) == [("position 70", "0", "1"), ("position 80", "0", "2")]


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        (np.ones(2), np.ones(2)),
        (np.ones(2), np.ones(3)),
        ("a", "b"),
        (1, None),
        ((1, 2), (1,)),
        ({"a": 1}, {"a": 2}),
        (np.ones(1), [torch.ones(1, requires_grad=True)]),
    ],
)
def test_what_cannot_be_put_beside_each_other_is_left_out(wanted, got) -> None:
    assert beside(wanted, got) == []


def test_parts_of_a_tuple_are_named() -> None:
    assert beside((1, np.array([1, 2])), (1, [1, 3])) == [
        ("part 2, position 0", "1", "1"),
        ("part 2, position 1", "2", "3"),
    ]


# --- decisions ------------------------------------------------------------------------------------------------


def test_a_right_decision_is_ok_however_it_is_written(out) -> None:
    for answer in (["b", 3], ("B ", 3.0), np.array(["b", "3"]), ["b", np.int64(3)]):
        check("9.A", answer)
        assert "[ok] 9.A" in out()


def test_each_wrong_part_of_a_decision_gets_its_message_and_the_rest_is_counted(out) -> None:
    check("9.A", ["a", 3])
    printed = out()
    assert "1 of 2 are right." in printed
    assert "first: you chose a. A row is a user." in printed
    check("9.A", ["b", np.nan])
    assert "second: you chose nan. It is known." in out()


@pytest.mark.parametrize("answer", ["b", None, 3, {"first": "b"}, ["b"], ["b", 3, 3], [["b"], [3]], object()])
def test_a_decision_in_another_form_is_refused_with_what_is_expected(out, answer) -> None:
    check("9.A", answer)
    assert re.search(r"\[not yet\] 9\.A.*\n.*(Expected|are right)", out())


def test_a_number_that_a_decision_does_not_list_is_refused_without_the_list(out) -> None:
    for value, message in ((0.6, "second: 0.6 is not right."), ("0.6", "0.6 is not right"), ("x", "expected a number")):
        check("9.A", ["b", value])
        printed = out()
        assert message in printed
        assert "3, 4" not in printed
    check("9.A", ["c", 3])
    assert "first: expected one of a, b; got 'c'" in out()


def test_a_decision_that_allows_nan_says_so_if_a_text_is_written_for_an_unknown_value() -> None:
    decision = replace(CHAPTER.decisions[0], replies={"label": {"0": "Nobody knows.", "1": "Nobody knows.", "nan": ""}})
    assert grade_decision(decision, None).reason == "Expected a number or NaN; got None."


def test_a_number_may_be_written_as_a_text_in_any_form() -> None:
    decision = replace(CHAPTER.decisions[0], replies={"share": {"0.5": "", "1": "Half of them."}})
    for answer in (0.5, ".5", "0.50", " 0.5 ", np.float32(0.5)):
        assert grade_decision(decision, answer).status == "ok"
    assert grade_decision(decision, "1.0").reason == "You chose 1. Half of them."


def test_a_decision_with_one_part_may_be_answered_by_a_list_of_one() -> None:
    decision = replace(CHAPTER.decisions[0], replies={"first": {"a": "A row is a user.", "b": ""}})
    for answer in ("b", ["b"], ("b",)):
        assert grade_decision(decision, answer).status == "ok"
    assert grade_decision(decision, ["a"]).reason == "You chose a. A row is a user."
    assert grade_decision(decision, ["b", "b"]).status == grade_decision(decision, []).status == "not yet"
    assert grade_decision(decision, [TODO]).status == "to do"


def test_a_decision_is_to_do_while_a_part_is(out) -> None:
    check("9.A", TODO)
    assert out().startswith("[to do] 9.A Made up choice (decision, about 2 minutes)")
    check("9.A", ["b", TODO])
    assert out().startswith("[to do]")


def test_a_right_decision_shows_its_objective() -> None:
    check("9.1", 1)
    assert open_exercises(CHAPTER, read_progress()) == {"O9.1": ["9.A"]}
    check("9.A", ["b", 3])
    assert open_exercises(CHAPTER, read_progress()) == {"O9.1": []}


def test_the_course_takes_its_own_choice_as_a_reference() -> None:
    assert reference("9.A") == ["b", "3"]
    assert reference("9.1") == 1
