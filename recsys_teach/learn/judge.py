"""Judge an answer: to do, not yet (with the reason and the smallest counter-example), or ok."""

from __future__ import annotations

import copy
import dis
import inspect
import linecache
import re
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import sparse

from recsys_teach.learn.compare import describe
from recsys_teach.learn.declare import Exercise
from recsys_teach.learn.limited import TimeUp, call_within
from recsys_teach.learn.todo import ADVICE, TODO, TodoError

SECONDS = 1.5  # for all calls of a learner's function together, so that a check ends within 2 s
RANDOM_CASES = 5

CUT_OFF = "Your result lost its fraction: `//` and `int` cut it off. Divide with `/`."
ROUNDED = "Do not round: return the full number."

Status = Literal["to do", "not yet", "ok"]


@dataclass(frozen=True)
class Verdict:
    """What a check says: a status, one reason, and lines of evidence."""

    status: Status
    reason: str
    evidence: tuple[str, ...] = ()


def judge(exercise: Exercise, answer: Any) -> Verdict:
    """Judge an answer to an exercise. Never raises for anything that a learner can write."""
    if answer is TODO:
        return Verdict("to do", ADVICE)
    try:
        return _judge_function(exercise, answer) if exercise.wants_function else _judge_value(exercise, answer)
    except Exception as error:  # an answer so strange that it cannot even be compared or printed
        return Verdict("not yet", f"Your answer could not be compared with what was expected: {error}")


def _judge_value(exercise: Exercise, answer: Any) -> Verdict:
    if callable(answer):
        return Verdict("not yet", "This exercise asks for a value, and you gave the function. Call it first.")
    if not (reason := exercise.compare(exercise.reference(), answer, exercise.atol)):
        return Verdict("ok", exercise.why)
    for message, wrong in exercise.misconceptions.items():
        value = wrong() if callable(wrong) else wrong
        if not exercise.compare(value, answer, exercise.atol):
            return Verdict("not yet", message)
    if not re.search(r"expected (-?[\d.]|')|missing: |too many: ", reason):  # a difference of kind gives nothing away
        return Verdict("not yet", f"The kind of answer differs: {reason}")
    return Verdict("not yet", f"That is not it: {describe(answer)[:60]} came.")


def _judge_function(exercise: Exercise, answer: Any) -> Verdict:
    if not callable(answer):
        name = getattr(exercise.reference, "__name__", "it")
        return Verdict(
            "not yet",
            f"This exercise asks for the function itself, and {describe(answer)[:60]} came.",
            (f'Write check("{exercise.id}", {name}) without calling it.',),
        )
    tried: list[tuple[tuple[Any, ...], Any]] = []
    failures: list[tuple[bool, Verdict]] = []  # was the case drawn; what differs
    for args in exercise.cases[:1]:  # what a library loads at its first use is not on the learner's clock
        exercise.reference(*copy.deepcopy(args))
    deadline = time.monotonic() + SECONDS
    for args in _arguments(exercise):
        came, verdict = _try(exercise, answer, args, deadline - time.monotonic())
        if verdict and failures:
            break  # a wrong value on an earlier case says more
        if verdict:
            return verdict
        if failure := _compare(exercise, answer, args, came):
            failures.append((len(tried) >= len(exercise.cases), failure))
        tried.append((args, came))
    if not failures:
        return Verdict("ok", exercise.why)
    # the smallest counter-example, one that was written by hand before one that was drawn
    _, first = min(failures, key=lambda failure: (failure[0], sum(map(len, failure[1].evidence))))
    reason = _misconception(exercise, tried) or _rounding(exercise, tried) or first.reason
    return Verdict("not yet", reason, first.evidence + _borrowed(answer))


def _arguments(exercise: Exercise) -> Iterator[tuple[Any, ...]]:
    yield from exercise.cases
    if exercise.draw:
        rng = np.random.default_rng()
        for _ in range(RANDOM_CASES):
            yield exercise.draw(rng)


def _try(exercise: Exercise, answer: Callable, args: tuple, seconds: float) -> tuple[Any, Verdict | None]:
    """Call the answer on a copy; a verdict comes back only if there is nothing to compare."""
    given = copy.deepcopy(args)
    called = _called(exercise, answer, args)
    try:
        came = call_within(max(0.05, seconds), answer, *given)
    except TodoError:
        return None, Verdict("to do", _what_is_todo(answer))
    except TimeUp as time_up:
        reason = f"Your function did not return within {SECONDS:g} seconds. Is there a loop that cannot end?"
        if not time_up.stopped:
            reason += " It is still running: restart the kernel (menu Kernel) to end it."
        return None, Verdict("not yet", reason, (called,))
    except Exception as error:
        return None, Verdict("not yet", _raised(error, answer), (called, *_borrowed(answer)))
    except BaseException as error:  # sys.exit(), quit()
        return None, Verdict("not yet", f"Your function ended with {type(error).__name__}.", (called,))
    if came is TODO:
        return None, Verdict("to do", _what_is_todo(answer))
    if came is None and exercise.reference(*copy.deepcopy(args)) is not None:
        reason = "Your function returned None: does its last line say `return`?"
        return None, Verdict("not yet", reason, (called,))
    if changed := _changed(_names_for(exercise, answer, args), args, given):
        reason = f"Your function changed its argument {changed}. Work on a copy, for example {changed}.copy()."
        return None, Verdict("not yet", reason, (called,))
    return came, None


def _compare(exercise: Exercise, answer: Callable, args: tuple, came: Any) -> Verdict | None:
    called = _called(exercise, answer, args)
    for message, holds in exercise.properties.items():
        try:
            kept = bool(holds(args, came))
        except Exception:
            kept = False
        if not kept:
            return Verdict("not yet", message, (called, f"you returned {describe(came)}"))
    reason = exercise.compare(exercise.reference(*copy.deepcopy(args)), came, exercise.atol)
    if not reason:
        return None
    return Verdict("not yet", f"The result differs: {reason}", (called, f"you returned {describe(came)}"))


def _misconception(exercise: Exercise, tried: list[tuple[tuple, Any]]) -> str:
    """Find the named wrong answer that gives what the learner's gave, on every case."""
    for message, wrong in exercise.misconceptions.items():
        if all(_gives(exercise, wrong, args, came) for args, came in tried):
            return message
    return ""


def _gives(exercise: Exercise, wrong: Callable, args: tuple, came: Any) -> bool:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return not exercise.compare(wrong(*copy.deepcopy(args)), came, exercise.atol)
        except Exception:
            return False


def _rounding(exercise: Exercise, tried: list[tuple[tuple, Any]]) -> str:
    """Notice right numbers that were cut off or rounded, on every case; some parts of the result may be left exact."""
    try:
        wanted = np.array([np.atleast_1d(exercise.reference(*copy.deepcopy(args))) for args, _ in tried], dtype=float)
        got = np.array([np.atleast_1d(came) for _, came in tried], dtype=float)  # both (n_cases, n_parts)
    except Exception:  # no numbers, or another number of them in each case
        return ""
    if wanted.shape != got.shape or not got.any():
        return ""
    exact = np.isclose(wanted, got).all(axis=0)
    if exact.all():
        return ""
    if (exact | np.isclose(np.floor(wanted), got).all(axis=0)).all():
        return CUT_OFF
    for digits in range(6):
        rounded = np.isclose(got.round(digits), got) & (abs(got - wanted) <= 0.5001 * 10.0**-digits)
        if (exact | rounded.all(axis=0)).all():
            return ROUNDED
    return ""


def _what_is_todo(answer: Callable) -> str:
    """Tell a function that holds TODO itself from one that uses something which does."""
    code = getattr(answer, "__code__", None)
    if code is None or "TODO" in (names := _globals_used(code)):
        return ADVICE
    for name in sorted(names):
        value = answer.__globals__.get(name)
        if value is TODO or "TODO" in _globals_used(getattr(value, "__code__", None)):
            return f"Your function uses {name}, where TODO is still waiting: solve that first, or do without it."
    return "Your function uses something that is still TODO: solve that first, or do without it."


def _globals_used(code: CodeType | None) -> set[str]:
    if code is None:
        return set()
    inner = [_globals_used(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*inner)


def _called(exercise: Exercise, answer: Callable, args: tuple) -> str:
    names = _names_for(exercise, answer, args)
    return "with " + ", ".join(f"{name} = {describe(arg)}" for name, arg in zip(names, args, strict=False))


def _names_for(exercise: Exercise, answer: Callable, args: tuple) -> list[str]:
    """Names of the arguments as the learner wrote them, or those of the reference if their number differs."""
    return _names(answer) if len(_names(answer)) == len(args) else _names(exercise.reference)


def _names(function: Callable) -> list[str]:
    """Names of the arguments, or none if Python cannot tell them."""
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return []


def _borrowed(answer: Callable) -> tuple[str, ...]:
    """Notice values of the notebook that the answer uses although they are not among its arguments."""
    code = getattr(answer, "__code__", None)
    if code is None:
        return ()
    used = {step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    values = [name for name in sorted(used) if isinstance(answer.__globals__.get(name), np.ndarray | int | float)]
    if not values:
        return ()
    return (f"Your function uses {values[0]} from the notebook, which is none of its arguments {_names(answer)}.",)


def _raised(error: Exception, answer: Callable) -> str:
    """Say what a learner's code raised, and the line of theirs that did."""
    reason = f"Your function raised {type(error).__name__}: {error}"
    code = getattr(inspect.unwrap(answer), "__code__", None)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if code and f.filename == code.co_filename]
    if frames:
        line = linecache.getline(frames[-1].filename, frames[-1].lineno or 0).strip()
        reason += f" (line {frames[-1].lineno}: `{line}`)" if line else ""
    return reason


def _changed(names: list[str], before: tuple, after: tuple) -> str:
    """Name the first argument that a call changed, or ""."""
    for name, old, new in zip(names, before, after, strict=False):
        if isinstance(old, np.ndarray) and not np.array_equal(old, new, equal_nan=old.dtype.kind == "f"):
            return name
        if isinstance(old, pd.DataFrame | pd.Series) and not old.equals(new):
            return name
        if sparse.issparse(old) and ((old != new).nnz or old.nnz != new.nnz):
            return name
        if isinstance(old, list | dict | set) and repr(old) != repr(new):
            return name
    return ""
