"""Grade an answer: to do, not yet (with the reason and the smallest counterexample), or ok."""

from __future__ import annotations

import copy
import dis
import inspect
import linecache
import re
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import sparse

from recsys_teach.learn.compare import beside, describe
from recsys_teach.learn.limits import TimeUp, limited
from recsys_teach.learn.schema import Decision, Exercise
from recsys_teach.learn.todo import ADVICE, TODO, TodoError

RANDOM_CASES = 5
LARGE = 2000  # numbers in an argument; a smaller case that fails is shown before such a one

CUT_OFF = "Your numbers are the right ones without their fractions. `//` and `int` cut fractions off; divide with `/`."
ROUNDED = "Your numbers are the right ones, rounded. Return them in full."

DIFFERS = "The result differs: "

Run = Callable[..., Any]  # run(called, function, *args): call the function, with whatever limits there are
Status = Literal["to do", "not yet", "ok"]


@dataclass(frozen=True)
class Verdict:
    """The result of a check: a status, one reason, lines of evidence, and numbers beside the expected ones."""

    status: Status
    reason: str
    evidence: tuple[str, ...] = ()
    beside: tuple[tuple[str, str, str], ...] = ()  # (place, expected, got)


def grade(exercise: Exercise, answer: Any, run: Run | None = None) -> Verdict:
    """Grade an answer to an exercise. Never raises for anything that a learner can write.

    Parameters
    ----------
    exercise : Exercise
        What is asked.
    answer : function or value
        What the learner wrote.
    run : function ``run(called, function, *args)``, optional
        How to call the answer; ``called`` describes the arguments. Without it the call runs in this process, with
        limits.
    """
    if answer is TODO:
        return Verdict("to do", ADVICE)
    try:
        return (
            _grade_function(exercise, answer, run or limited())
            if exercise.wants_function
            else _grade_value(exercise, answer)
        )
    except Exception as error:  # an answer so strange that it cannot even be compared or printed
        return Verdict("not yet", f"Your answer could not be compared with what was expected: {error}")


def grade_decision(decision: Decision, answer: Any) -> Verdict:
    """Grade a decision: a value for each part. Never raises for anything that a learner can write."""
    if answer is TODO:
        return Verdict("to do", ADVICE)
    parts = list(decision.replies)
    if len(parts) == 1:
        values = list(answer) if isinstance(answer, list | tuple) and len(answer) == 1 else [answer]
    elif isinstance(answer, list | tuple | np.ndarray | pd.Series) and getattr(answer, "ndim", 1) == 1:
        values = list(answer)
    else:
        return Verdict(
            "not yet", f"Expected a list of {len(parts)} values, for {', '.join(parts)}; got {_brief(answer)}."
        )
    if len(values) != len(parts):
        return Verdict("not yet", f"Expected {len(parts)} values, for {', '.join(parts)}; got {len(values)}.")
    if any(value is TODO for value in values):
        return Verdict("to do", ADVICE)
    wrong = []
    for part, value in zip(parts, values, strict=True):
        replies, text = decision.replies[part], _as_choice(value)
        where = f"{part}: " if len(parts) > 1 else ""
        if text not in replies:
            wrong.append(where + _not_listed(list(replies), value))
        elif replies[text]:
            wrong.append(f"{where}you chose {text}. {replies[text]}")
    if not wrong:
        return Verdict("ok", decision.why)
    if len(parts) == 1:
        return Verdict("not yet", wrong[0][0].upper() + wrong[0][1:])
    return Verdict("not yet", f"{len(parts) - len(wrong)} of {len(parts)} are right.", tuple(wrong))


def _not_listed(choices: list[str], value: Any) -> str:
    """Describe a value that a decision does not list. A list of numbers would tell the result, so it is not shown."""
    if not all(map(_is_number, choices)):
        return f"expected one of {', '.join(choices)}; got {_brief(value)}."
    if not _is_number(_as_choice(value)):
        return f"expected a number{' or NaN' if 'nan' in choices else ''}; got {_brief(value)}."
    return f"{_as_choice(value)} is not right. Which numbers does this part need, and what is computed from them?"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _as_choice(value: Any) -> str:
    """Write a chosen value as the text that a decision lists."""
    try:
        if isinstance(value, str):
            text = value.strip().lower()
            return f"{float(text):g}" if _is_number(text) else text  # ".5" is 0.5
        number = float(value)
    except (TypeError, ValueError):
        return ""
    return f"{number:g}"


def _brief(value: Any) -> str:
    try:
        return describe(value)[:60]
    except Exception:  # an object that cannot be written
        return f"a {type(value).__name__}"


def _grade_value(exercise: Exercise, answer: Any) -> Verdict:
    if callable(answer):
        return Verdict("not yet", "This exercise asks for a value, and you gave the function. Call it first.")
    if not (reason := exercise.compare(exercise.reference(), answer, exercise.atol)):
        return Verdict("ok", exercise.why)
    for message, wrong in exercise.misconceptions.items():
        value = wrong() if callable(wrong) else wrong
        if not exercise.compare(value, answer, exercise.atol):
            return Verdict("not yet", message)
    if not re.search(r"expected (-?[\d.]|')|missing: |too many: ", reason):  # reveals nothing
        return Verdict("not yet", f"The kind of answer differs: {reason}")
    return Verdict("not yet", f"That is not it: you gave {describe(answer)[:60]}.")


def _grade_function(exercise: Exercise, answer: Any, run: Run) -> Verdict:
    if not callable(answer):
        name = getattr(exercise.reference, "__name__", "it")
        return Verdict(
            "not yet",
            f"This exercise asks for the function itself, and you gave {describe(answer)[:60]}.",
            (f'Write check("{exercise.id}", {name}) without calling it.',),
        )
    tried: list[tuple[tuple[Any, ...], Any]] = []
    failures: list[tuple[bool, bool, Verdict]] = []  # is the case large; was it drawn; what differs
    for args in _arguments(exercise):
        expected = exercise.reference(*copy.deepcopy(args))  # first: what it loads is not on the learner's clock
        got, verdict = _try(exercise, answer, args, expected, run)
        if verdict and failures:
            break  # a wrong value on an earlier case says more
        if verdict:
            return verdict
        if failure := _compare(exercise, answer, args, expected, got):
            large = any(isinstance(arg, np.ndarray) and arg.size > LARGE for arg in args)
            failures.append((large, len(tried) >= len(exercise.cases), failure))
        tried.append((args, got))
    if not failures:
        return Verdict("ok", exercise.why)
    # the smallest counterexample, and one that was written by hand before one that was drawn
    *_, first = min(failures, key=lambda failure: (*failure[:2], sum(map(len, failure[2].evidence))))
    reason = _misconception(exercise, tried)
    if not reason and first.reason.startswith(DIFFERS):  # else a property was not kept, which says more
        reason = _rounding(exercise, tried)
    reason = reason or first.reason
    return Verdict("not yet", reason, first.evidence + _borrowed(answer), first.beside)


def _arguments(exercise: Exercise) -> Iterator[tuple[Any, ...]]:
    """Yield the cases written by hand, then those drawn, which are the same ones each time."""
    yield from exercise.cases
    if exercise.draw:
        rng = np.random.default_rng(zlib.crc32(exercise.id.encode()))
        for _ in range(RANDOM_CASES):
            yield exercise.draw(rng)


def _try(exercise: Exercise, answer: Callable, args: tuple, expected: Any, run: Run) -> tuple[Any, Verdict | None]:
    """Call the answer on a copy; a verdict is returned only if there is nothing to compare."""
    given = copy.deepcopy(args)
    called = _called(exercise, answer, args)
    try:
        got = run(called, answer, *given)
    except TodoError:
        return None, Verdict("to do", _what_is_todo(answer))
    except TimeUp as time_up:
        reason = str(time_up)
        if not time_up.stopped:
            reason += " It is still running: restart the kernel (menu Kernel) to end it."
        return None, Verdict("not yet", reason, (called,))
    except Exception as error:
        return None, Verdict("not yet", _raised(error, answer), (called, *_borrowed(answer)))
    except BaseException as error:  # sys.exit(), quit()
        return None, Verdict("not yet", f"Your function ended with {type(error).__name__}.", (called,))
    if got is TODO:
        return None, Verdict("to do", _what_is_todo(answer))
    if got is None and expected is not None:
        reason = "Your function returned None. So does one that ends without `return`, and so do functions that change "
        reason += "something in place, such as np.fill_diagonal and list.sort: return what they changed."
        return None, Verdict("not yet", reason, (called,))
    if changed := _changed(_names_for(exercise, answer, args), args, given):
        reason = f"Your function changed its argument {changed}. Work on a copy, for example {changed}.copy()."
        return None, Verdict("not yet", reason, (called,))
    return got, None


def _compare(exercise: Exercise, answer: Callable, args: tuple, expected: Any, got: Any) -> Verdict | None:
    evidence = (_called(exercise, answer, args), f"you returned {describe(got)}")
    rows = tuple(beside(expected, got, exercise.atol))
    for message, is_kept in exercise.properties.items():
        try:
            kept = bool(is_kept(args, got))
        except Exception:  # a result of another kind, which the comparison describes
            continue
        if not kept:
            return Verdict("not yet", message, evidence, rows)
    reason = exercise.compare(expected, got, exercise.atol)
    return Verdict("not yet", DIFFERS + reason, evidence, rows) if reason else None


def _misconception(exercise: Exercise, tried: list[tuple[tuple, Any]]) -> str:
    """Find the named wrong answer that returns what the learner's returned, on every case."""
    for message, wrong in exercise.misconceptions.items():
        if all(_returns(exercise, wrong, args, got) for args, got in tried):
            return message
    return ""


def _returns(exercise: Exercise, wrong: Callable, args: tuple, got: Any) -> bool:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return not exercise.compare(wrong(*copy.deepcopy(args)), got, exercise.atol)
        except Exception:
            return False


def _rounding(exercise: Exercise, tried: list[tuple[tuple, Any]]) -> str:
    """Notice right numbers that were rounded or cut off on every case; some parts of a tuple may be left exact."""
    try:
        pairs = [pair for args, got in tried for pair in _parts(exercise.reference(*copy.deepcopy(args)), got)]
    except Exception:  # no numbers, or another number of them
        return ""
    lost = [(wanted, got) for wanted, got in pairs if not np.allclose(wanted, got, equal_nan=True)]
    wanted, got = (np.concatenate(side) for side in zip(*lost, strict=True)) if lost else (np.empty(0), np.empty(0))
    zeros = not any(got.any() for _, got in pairs)
    if np.count_nonzero(~np.isclose(wanted, got)) < 2 or zeros:  # one number, or zeros alone, may be a coincidence
        return ""
    if np.isclose(np.floor(wanted), got).all() or np.isclose(np.trunc(wanted), got).all():
        return CUT_OFF
    for digits in range(6):
        if (np.isclose(got.round(digits), got) & (abs(got - wanted) <= 0.5001 * 10.0**-digits)).all():
            return ROUNDED
    return ""


def _parts(wanted: Any, got: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pair the numbers of a result with the right ones, a pair of flat arrays for each part of a tuple."""
    if isinstance(wanted, tuple):
        return [pair for part in zip(wanted, got, strict=True) for pair in _parts(*part)]
    one, other = np.ravel(np.asarray(wanted)), np.ravel(np.asarray(got))
    if one.shape != other.shape or {one.dtype.kind, other.dtype.kind} - set("biuf"):
        raise ValueError("no numbers, or another number of them")
    return [(one.astype(float), other.astype(float))]


def _what_is_todo(answer: Callable) -> str:
    """Return whether a function contains TODO itself or uses something that does, as a sentence."""
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
    """Notice values of the notebook that the answer uses although they are not its arguments."""
    code = getattr(answer, "__code__", None)
    if code is None:
        return ()
    used = {step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    values = [name for name in sorted(used) if isinstance(answer.__globals__.get(name), np.ndarray | int | float)]
    if not values:
        return ()
    return (f"Your function uses {values[0]} from the notebook, which is not one of its arguments {_names(answer)}.",)


def _raised(error: Exception, answer: Callable) -> str:
    """Describe what a learner's code raised, and the line of theirs that did."""
    reason = _in_words(error) or f"Your function raised {type(error).__name__}: {error}"
    code = getattr(inspect.unwrap(answer), "__code__", None)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if code and f.filename == code.co_filename]
    if frames:
        line = linecache.getline(frames[-1].filename, frames[-1].lineno or 0).strip()
        reason += f" (line {frames[-1].lineno}: `{line}`)" if line else ""
    return reason


def _in_words(error: Exception) -> str:
    """Translate numpy's message about shapes that do not fit, or return ""."""
    text = str(error)
    if "gufunc" in text or "not aligned" in text:
        product = "matmul" in text or "not aligned" in text
        what = "the matrix product (`@`)" if product else f"`{text.split(':')[0].split('(')[0].rstrip('1')}`"
        sizes = re.search(r"size (\d+) is different from (\d+)", text) or re.search(r"(\d+) \(dim \d+\) != (\d+)", text)
        if sizes:
            rule = (
                " In A @ B, A needs as many columns as B has rows: is a transpose (`.T`) missing, or was a sum or mean "
                "taken along the other axis?"
            )
            return (
                f"Two arrays do not fit together in {what}: a size is {sizes[1]} where it has to be {sizes[2]}."
                f"{rule if product else ''}"
            )
        return (
            f"{what[0].upper() + what[1:]} got a single number, or an array with too few axes. A sum or mean without "
            "`axis=` returns one number for all of the table."
        )
    if sizes := re.search(r"broadcast together with (?:remapped )?shapes \((\d+),\) \((\d+),\)", text):
        return (
            f"Two arrays of {sizes[1]} and {sizes[2]} numbers do not fit together number by number: they need the same "
            "length. Look at how each of them was made."
        )
    if sizes := re.search(r"boolean index did not match .* axis (\d+); .* is (\d+) but .* is (\d+)", text):
        return (
            f"Your function raised IndexError: you selected by {sizes[3]} values of True and False where axis "
            f"{sizes[1]} has the length {sizes[2]}. A mask needs one True or False for each place. If the array has "
            "positions, use them as they are: table[positions]."
        )
    if "arrays used as indices must be of integer" in text:
        return (
            "Your function raised IndexError: it used numbers with a decimal point as positions. To select by zeros "
            "and ones, compare first: table[marks > 0]."
        )
    if "truth value of an array" in text:
        return (
            "`and`, `or`, `if` and a chain such as a < b <= c need one True or False, and got an array of them. Join "
            "comparisons with & or |, each in parentheses; .all() and .any() make one answer of many."
        )
    if position := re.search(r"index (-?\d+) is out of bounds for axis \d+ with size (\d+)", text):
        last = int(position[2]) - 1
        which = f"Positions run from 0 to {last}." if last >= 0 else "The array is empty."
        return f"Your function raised IndexError: there is no position {position[1]} among {position[2]}. {which}"
    if "Cannot cast ufunc" in text and "int" in text:
        return (
            "An array of whole numbers cannot store fractions, and `*=`, `/=`, `+=` and `-=` write into the array. "
            "Make a new array, or start from .astype(float)."
        )
    if "Cannot cast array data" in text and "int" in text:
        return (
            "A function that needs whole numbers, such as positions, got others. Are its arguments in the right order?"
        )
    if operation := re.search(r"dtype '.*' does not support operation '(\w+)'", text):
        return f"`{operation[1]}` cannot be computed for a column of text; `size` counts rows of any kind."
    if shapes := re.search(r"could not be broadcast together with (?:remapped )?shapes (.+)", text):
        return (
            f"Arrays of the shapes {shapes[1].strip()} do not fit together number by number. Shapes are compared from "
            "the last axis: for one number a row use keepdims=True or [:, None]; for one a column look at axis="
        )
    return ""


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
