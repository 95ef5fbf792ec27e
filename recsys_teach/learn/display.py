"""What a learner calls: check, hint, quiz, predict, reveal and claim. None of them shows a traceback of the course."""

from __future__ import annotations

import math
import textwrap
import time
from typing import Any

import numpy as np

from recsys_teach.learn.cards import (
    LOOKS,
    beside_as_html,
    beside_as_text,
    card,
    indented,
    inline,
    line,
    paragraph,
    preformatted,
)
from recsys_teach.learn.chapters import chapter_of
from recsys_teach.learn.compare import describe
from recsys_teach.learn.grader import Status, Verdict, grade_decision
from recsys_teach.learn.grader_process import grade_in_process, start_grader_process
from recsys_teach.learn.progress_file import change_progress, n_right, read_progress, report, strict
from recsys_teach.learn.schema import Decision, Exercise, Prediction, Question
from recsys_teach.learn.todo import TODO

_hints_given: dict[str, int] = {}


class NotOk(AssertionError):
    """Raised in strict mode, where anything but ok fails."""


def check(exercise_id: str, answer: Any) -> None:
    """Check an answer and show ``[to do]``, ``[not yet]`` with the reason, or ``[ok]`` with an explanation.

    Parameters
    ----------
    exercise_id : str
        For example "4.2".
    answer : function or value
        What the exercise asks for.

    Raises
    ------
    NotOk
        Only if ``RECSYS_TEACH_STRICT=1`` and the answer is not ok.
    """
    exercise = _find_exercise(exercise_id)
    if exercise is None:
        return
    verdict = grade_decision(exercise, answer) if isinstance(exercise, Decision) else grade_in_process(exercise, answer)
    unit = "minute" if exercise.minutes == 1 else "minutes"
    expected_time = f" ({exercise.level}, about {exercise.minutes} {unit})" * (verdict.status == "to do")
    stuck = f'Stuck? Run hint("{exercise.id}").'
    lines = [f"[{verdict.status}] {exercise}{expected_time}", *indented(verdict.reason)]
    lines += ["    " + line for line in verdict.evidence]
    parts = [paragraph(verdict.reason), *map(preformatted, verdict.evidence)]
    if verdict.beside:
        lines += beside_as_text(verdict.beside)
        parts.append(beside_as_html(verdict.beside))
    if verdict.status == "not yet":
        lines.append(f"    {stuck}")
        parts.append(paragraph(stuck.replace("hint(", "`hint(").replace(").", ")`.")))
    card(verdict.status, f"{exercise}{expected_time}", "\n".join(lines), parts).show()
    change_progress(lambda record: _note_attempt(record["exercises"], exercise.id, verdict))
    _conclude("check", exercise.id, verdict.status, verdict.reason)


def hint(exercise_id: str) -> None:
    """Show the next hint for an exercise; each call goes one step further."""
    exercise = _find_exercise(exercise_id)
    if exercise is None:
        return
    given = min(_hints_given.get(exercise.id, 0), len(exercise.hints) - 1)
    _hints_given[exercise.id] = given + 1
    title, texts = f"Hint {given + 1} of {len(exercise.hints)} for {exercise}", [exercise.hints[given]]
    if given + 1 == len(exercise.hints):
        number = chapter_of(exercise.id).number
        texts.append(f"That was the last one. A worked answer is in solutions/, in the notebook of chapter {number}.")
    lines = [line for text in texts for line in indented(text)]
    card("hint", title, "\n".join([title, *lines]), [*map(paragraph, texts)], tag="").show()


def quiz(chapter: str | int, answers: list[Any]) -> None:
    """Show the recap questions of a chapter and an explanation of each answer; the best attempt is recorded.

    Parameters
    ----------
    chapter : str or int
        Number of the chapter.
    answers : list of str
        One letter a question; TODO for one that is still open, or in place of the list.
    """
    try:
        number, questions = chapter_of(str(chapter)).number, chapter_of(str(chapter)).quiz
    except KeyError as error:
        _unknown("quiz", str(chapter), error)
        return
    if answers is TODO:
        answers = [TODO] * len(questions)
    if not isinstance(answers, list | tuple) or len(answers) != len(questions):
        _say("not yet", f"Expected a list of {len(questions)} letters, for example {['a'] * len(questions)}.")
        _conclude("quiz", number, "not yet", "not one letter a question")
        return
    letters = [answer if answer is TODO else str(answer).strip().lower() for answer in answers]
    lines: list[str] = []
    parts: list[str] = []
    for place, (question, letter) in enumerate(zip(questions, letters, strict=True), start=1):
        lines += textwrap.wrap(f"{place}. {question.text}", 100)
        parts.append(f"<p style='margin:8px 0 2px'><strong>{inline(f'{place}. {question.text}')}</strong></p>")
        for key, (text, _) in question.options.items():
            mark = ">" if key == letter else " "
            option = f"{mark} {key}) {text}"
            lines += textwrap.wrap(option, 100, initial_indent="   ", subsequent_indent="        ")
            shown = inline(f"{key}) {text}")
            parts.append(
                f"<div style='margin-left:1.5em'>{f'<strong>▸ {shown}</strong>' if mark == '>' else shown}</div>"
            )
        if letter is not TODO:
            outcome, explanation = _reply_to(question, letter)
            reply = f"[{outcome}] {explanation}"
            lines += textwrap.wrap(reply, 100, initial_indent="   ", subsequent_indent="   ")
            symbol, color = LOOKS[outcome]
            border = f"margin:2px 0 2px 1.5em;border-left:4px solid {color};padding-left:8px"
            parts.append(f"<div style='{border}'>{symbol} {inline(reply)}</div>")
        lines.append("")
    right = sum(letter == question.answer for question, letter in zip(questions, letters, strict=True))
    status: Status = "ok" if right == len(questions) else "to do" if TODO in letters else "not yet"
    ends = []
    if TODO in letters:
        example = ", ".join(f'"{list(q.options)[n % len(q.options)]}"' for n, q in enumerate(questions))
        ends.append(f"[to do] Write one letter for each question, for example answers = [{example}].")
    given = {str(n): letter for n, letter in enumerate(letters, start=1) if letter is not TODO}
    if given:
        ends.append(f"{right} of {len(questions)} right.")
        change_progress(lambda record: _note_quiz(record["quiz"], number, given))
    card(status, f"Quiz of chapter {number}", "\n".join([*lines, *ends]), [*parts, *map(paragraph, ends)]).show()
    _conclude("quiz", number, status, f"{right} of {len(questions)} right")


def predict(prediction_id: str, guess: Any) -> None:
    """Show a question about the experiment that follows, and record a guess (a letter)."""
    start_grader_process()  # early, so that the first check does not wait for it
    prediction = _find_prediction(prediction_id)
    if prediction is None:
        return
    if guess is TODO:
        options = [f"{letter}) {text}" for letter, text in prediction.options.items()]
        advice = 'Write a letter in quotes in place of TODO, for example "a". A wrong guess costs nothing.'
        text = "\n".join([prediction.question, *(f"   {option}" for option in options), f"[to do] {advice}"])
        parts = [f"<div style='margin-left:1.5em'>{inline(option)}</div>" for option in options]
        card("to do", prediction.question, text, [*parts, paragraph(advice)]).show()
        _conclude("predict", prediction.id, "to do", "no guess yet")
        return
    letter = str(guess).strip().lower()
    if letter not in prediction.options:
        _say("not yet", f"Expected one of the letters {', '.join(prediction.options)}; got {guess!r}.")
        _conclude("predict", prediction.id, "not yet", "not a letter of the question")
        return
    change_progress(lambda record: record["predictions"].setdefault(prediction.id, letter))
    first = read_progress()["predictions"].get(prediction.id, letter)
    chosen = f"You predict {first}) {prediction.options.get(first, '')}"
    lines, parts = [prediction.question, f"[ok] {chosen}"], [paragraph(chosen)]
    if first != letter:
        kept = f"That was your first guess, and it stays; {letter} is not recorded."
        lines.append(f"    {kept}")
        parts.append(paragraph(kept))
    card("ok", prediction.question, "\n".join(lines), parts).show()
    _conclude("predict", prediction.id, "ok", letter)


def reveal(prediction_id: str, measured: Any) -> None:
    """Show the outcome of an experiment beside the guess that was recorded first."""
    prediction = _find_prediction(prediction_id)
    if prediction is None:
        return
    guess = read_progress()["predictions"].get(prediction.id)
    guessed = f"{guess}) {prediction.options[guess]}" if guess in prediction.options else "nothing yet"
    kind = "to do"
    try:
        outcome = prediction.outcome(measured)
        result = f"{outcome}) {prediction.options[outcome]}"
        kind = "ok" if guess == outcome else "not yet" if guess in prediction.options else "to do"
    except Exception:
        result = f"cannot be read from {describe(measured)[:80]}. Run the cells above first."
    lines = [f"You predicted: {guessed}", f"The result:    {result}"]
    title = {"ok": "Your prediction was right", "not yet": "The result differs from your prediction"}.get(
        kind, "Result"
    )
    card(kind, title, "\n".join(lines), [paragraph(line) for line in lines], tag="").show()


def claim(sentence: str, value: Any, *, near: float | None = None, within: float = 0.0,
          above: float | None = None, below: float | None = None) -> None:  # fmt: skip
    """State a result and test it: ``claim("nDCG@10 of PureSVD", ndcg, near=0.43, within=0.02)``.

    Parameters
    ----------
    sentence : str
        The result as a sentence.
    value : bool or number
        Whether it is true, or what was measured.
    near : float, optional
        The expected value.
    within : float, optional
        How far the value may be from ``near`` on another machine or with another seed.
    above, below : float, optional
        Bounds of the value.

    Raises
    ------
    NotOk
        Only in strict mode, if the claim does not hold.
    """
    tests = {f"within {within:g} of {near:g}": lambda: abs(value - near) <= within} if near is not None else {}
    if above is not None:
        tests[f"above {above:g}"] = lambda: value > above
    if below is not None:
        tests[f"below {below:g}"] = lambda: value < below
    try:
        holds = all(test() for test in tests.values()) if tests else isinstance(value, bool | np.bool_) and bool(value)
        measured = ""
        if tests:
            shown = _rounded(value, near, within, above, below) if holds else f"{value:.6g}"
            measured = f": {shown} ({', '.join(tests)})"
    except (TypeError, ValueError):  # not a number
        holds, measured = False, f": {describe(value)[:80]} ({', '.join(tests)})"
    if holds:
        line("claim", f"[holds] {sentence}{measured}", f"{sentence}{measured}").show()
    else:
        failed = f"{sentence}{measured.replace('(', '(expected ')}"
        advice = "With the data and settings of the course it holds. Did you change something above?"
        text = f"[does not hold here] {failed}\n    {advice}"
        card("not yet", failed, text, [paragraph(advice)], tag="does not hold here").show()
    _conclude("claim", sentence, "ok" if holds else "not yet", measured)


def _rounded(value: float, near: float | None, within: float, above: float | None, below: float | None) -> str:
    """Write a number with the digits that were expected, those that the tolerance allows, or one more than a bound."""
    stated = [f"{number:g}" for number in (near, above, below) if number is not None]
    if any("e" in text for text in stated):
        return f"{value:.2g}"
    if near is None and value == round(value):
        return f"{value:,.0f}"
    digits = max((len(text.partition(".")[2]) for text in stated), default=0) + (near is None)
    if near is None and 0 in (above, below) and abs(value) < 0.1:  # no digit says how far from 0 is far
        digits = max(digits, min(6, math.ceil(-math.log10(abs(value)))))
    if near is not None and within >= 1e-5:
        digits = max(digits, math.ceil(-math.log10(within)))
    return f"{value:z,.{digits}f}"  # z: no minus before zeros alone, which another thread count could turn


def _find_exercise(exercise_id: str) -> Exercise | Decision | None:
    try:
        return chapter_of(exercise_id).exercise(str(exercise_id))
    except KeyError as error:
        _unknown("check", exercise_id, error)
        return None


def _find_prediction(prediction_id: str) -> Prediction | None:
    try:
        return chapter_of(prediction_id).prediction(str(prediction_id))
    except KeyError as error:
        _unknown("predict", prediction_id, error)
        return None


def _unknown(kind: str, name: str, error: KeyError) -> None:
    _say("not yet", error.args[0])
    _conclude(kind, str(name), "not yet", "unknown id")


def _reply_to(question: Question, letter: str) -> tuple[str, str]:
    if letter not in question.options:
        return "not yet", f"{letter!r} is not one of {', '.join(question.options)}."
    return ("ok" if letter == question.answer else "not yet"), question.options[letter][1]


def _note_quiz(quizzes: dict[str, Any], number: str, given: dict[str, str]) -> None:
    """Record the answers of an attempt unless an earlier attempt had more right ones."""
    before = quizzes.get(number, {})
    attempt = before | given
    if n_right(chapter_of(number), attempt) >= n_right(chapter_of(number), before):
        quizzes[number] = attempt


def _note_attempt(exercises: dict[str, Any], name: str, verdict: Verdict) -> None:
    entry = exercises.setdefault(name, {"status": "to do", "attempts": 0})
    if verdict.status != "to do":
        entry["attempts"] += 1
    if entry["status"] != "ok":
        entry["status"] = verdict.status
        entry["changed"] = time.strftime("%Y-%m-%d %H:%M")


def _say(kind: str, sentence: str) -> None:
    card(kind, sentence, f"[{kind}] {sentence}").show()


def _conclude(kind: str, name: str, status: str, reason: str) -> None:
    report(kind, name, status, reason)
    if strict() and status != "ok":
        raise NotOk(f"{kind} {name}: {status}. {reason}")
