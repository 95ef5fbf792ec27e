"""Every exercise, as it is declared: what is right passes, what is wrong is told apart, nothing hangs."""

import inspect
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from recsys_teach.learn import TODO
from recsys_teach.learn.chapters import chapters, load_part
from recsys_teach.learn.grader import grade, grade_decision

EXERCISES = [exercise for chapter in chapters().values() for exercise in chapter.exercises]
MISCONCEPTIONS = [(exercise, message) for exercise in EXERCISES for message in exercise.misconceptions]
each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)


def answers(kind):
    """Collect (exercise, answer) from RIGHT or WRONG in the chapters' files answers.py."""
    return [
        (exercise, answer)
        for number, chapter in chapters().items()
        for exercise in chapter.exercises
        for answer in getattr(load_part(number, "answers"), kind)[exercise.id]
    ]


RIGHT, WRONG = answers("RIGHT"), answers("WRONG")


@each_exercise
def test_reference_is_accepted(exercise):
    answer = exercise.reference if exercise.wants_function else exercise.reference()
    assert grade(exercise, answer).status == "ok"


@pytest.mark.parametrize(("exercise", "answer"), RIGHT, ids=lambda value: getattr(value, "id", "answer"))
def test_differently_written_right_answer_is_accepted(exercise, answer):
    verdict = grade(exercise, answer)
    assert verdict.status == "ok", verdict


def reshaped(result, form):
    """Return a result in another usual form, part by part."""
    if isinstance(result, tuple):
        return tuple(reshaped(part, form) for part in result)
    if isinstance(result, dict):
        return {key: reshaped(value, form) for key, value in result.items()}
    if isinstance(result, np.ndarray | np.floating | float) and not isinstance(result, bool):
        return form(np.asarray(result))
    return result


FORMS = {
    "float32": lambda array: array.astype(np.float32) if array.dtype.kind == "f" else array,
    "list": np.ndarray.tolist,
    "Series": lambda array: pd.Series(array) if array.ndim == 1 else array,
    "tensor": torch.tensor,
    "whole": lambda array: array.astype(int) if np.isfinite(array).all() and (array == array.round()).all() else array,
}


@pytest.mark.parametrize("form", FORMS)
@each_exercise
def test_right_answer_is_accepted_in_any_usual_form(exercise, form):
    def answer(*args):
        return reshaped(exercise.reference(*args), FORMS[form])

    verdict = grade(exercise, answer if exercise.wants_function else answer())
    assert verdict.status == "ok", verdict


@each_exercise
def test_at_least_two_right_answers_are_tried(exercise):
    assert sum(tried.id == exercise.id for tried, _ in RIGHT) >= 2


@pytest.mark.parametrize(("exercise", "message"), MISCONCEPTIONS, ids=lambda value: getattr(value, "id", "wrong"))
def test_misconception_gets_its_own_message(exercise, message):
    wrong = exercise.misconceptions[message]
    verdict = grade(exercise, wrong)
    assert verdict.status == "not yet"
    assert verdict.reason == message


@pytest.mark.parametrize(("exercise", "answer"), WRONG, ids=lambda value: getattr(value, "id", "answer"))
def test_what_a_learner_writes_wrongly_is_told_apart(exercise, answer):
    wrong, fragment = answer
    verdict = grade(exercise, wrong)
    assert verdict.status == "not yet"
    # A verdict quotes the line that raised; in answers.py this line contains the fragment itself.
    told = re.sub(r"\(line \d+: `.*?`\)", "", " ".join([verdict.reason, *verdict.evidence]), flags=re.S)
    assert fragment in told, verdict


@each_exercise
def test_at_least_three_wrong_answers_are_tried(exercise):
    assert sum(tried.id == exercise.id for tried, _ in WRONG) >= 3


@each_exercise
def test_at_least_three_misconceptions_are_explained(exercise):
    assert len(exercise.misconceptions) >= 3


@each_exercise
def test_stub_is_to_do(exercise):
    assert grade(exercise, TODO).status == "to do"
    if exercise.wants_function:
        assert grade(exercise, lambda *args: TODO).status == "to do"


@each_exercise
def test_wrong_kind_of_answer_is_not_yet(exercise):
    for answer in (None, object(), "nothing of the kind", [[1], [2, 3]]):
        assert grade(exercise, answer).status == "not yet"


@pytest.mark.parametrize("exercise", [e for e in EXERCISES if e.wants_function], ids=lambda exercise: exercise.id)
def test_endless_loop_is_stopped(exercise, monkeypatch):
    monkeypatch.setattr("recsys_teach.learn.limits.CALL_SECONDS", 0.1)

    def answer(*args):
        while True:
            pass

    assert "ran out of time" in grade(exercise, answer).reason


@each_exercise
def test_declaration_is_complete(exercise):
    chapter = next(chapter for chapter in chapters().values() if exercise in chapter.exercises)
    assert exercise.id.split(".")[0].zfill(2) == chapter.number
    assert exercise.objective in chapter.objectives
    assert exercise.minutes > 0
    assert 2 <= len(exercise.hints) <= 3
    if exercise.wants_function:
        n_arguments = len(inspect.signature(exercise.reference).parameters)
        assert all(len(case) == n_arguments for case in exercise.cases)


@pytest.mark.parametrize("chapter", chapters().values(), ids=lambda chapter: chapter.number)
def test_each_objective_has_an_exercise_and_a_question(chapter):
    assert 3 <= len(chapter.objectives) <= 5
    required = {task.objective for task in chapter.tasks if task.level != "stretch"}
    assert required == set(chapter.objectives)
    assert {question.objective for question in chapter.quiz} == set(chapter.objectives)


@pytest.mark.parametrize("chapter", chapters().values(), ids=lambda chapter: chapter.number)
def test_quiz_has_five_questions_with_every_option_explained(chapter):
    assert len(chapter.quiz) == 5
    for question in chapter.quiz:
        assert len(question.options) >= 3
        assert question.answer in question.options
        assert all(text and explanation for text, explanation in question.options.values())


@pytest.mark.parametrize(
    ("exercise", "wrong"),
    [(e, wrong) for e, (wrong, _) in WRONG if e.draw] + [(e, e.misconceptions[m]) for e, m in MISCONCEPTIONS if e.draw],
    ids=lambda value: getattr(value, "id", "answer"),
)
def test_wrong_answer_is_refused_by_written_cases_alone(exercise, wrong):
    """No verdict hangs on which cases happen to be drawn."""
    assert grade(replace(exercise, draw=None), wrong).status == "not yet"


DECISIONS = [decision for chapter in chapters().values() for decision in chapter.decisions]


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda decision: decision.id)
def test_decision_has_one_right_value_for_each_part_and_a_message_for_the_others(decision):
    for replies in decision.replies.values():
        assert len(replies) >= 2
        assert sum(not message for message in replies.values()) == 1
        assert all(text == text.strip().lower() for text in replies)
    assert decision.minutes > 0
    assert 1 <= len(decision.hints) <= 3


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda decision: decision.id)
def test_right_choice_is_accepted_and_each_wrong_one_gets_its_message(decision):
    right = decision.reference if isinstance(decision.reference, list) else [decision.reference]
    single = len(right) == 1
    assert grade_decision(decision, right[0] if single else right).status == "ok"
    assert grade_decision(decision, TODO).status == "to do"
    for place, replies in enumerate(decision.replies.values()):
        for value, message in replies.items():
            if message:
                choice = [*right[:place], value, *right[place + 1 :]]
                verdict = grade_decision(decision, choice[0] if single else choice)
                assert verdict.status == "not yet"
                assert message in " ".join([verdict.reason, *verdict.evidence])
    for answer in (None, object(), "nothing of the kind", [[1], [2, 3]], {}, 17):
        assert grade_decision(decision, answer).status == "not yet"
