"""How a chapter declares its objectives, exercises, predictions and quiz: as data, in one file a chapter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np

from recsys_teach.learn.compare import same


@dataclass(frozen=True)
class Exercise:
    """One exercise, declared once. ``check`` judges an answer by it, ``hint`` and ``progress`` read it.

    Parameters
    ----------
    id : str. Chapter and number, for example "4.2".
    title : str. A few words.
    objective : str. The id of the objective that a right answer shows, for example "O4.2".
    level : "warm-up", "core" or "stretch".
    minutes : int. Time a learner needs.
    reference : function. The right answer; with neither cases nor draw, a function without arguments that gives
        the right value.
    why : str. One line that says why the right answer is right.
    hints : strings, from restating the question to almost the code.
    misconceptions : message -> the wrong answer that it explains, as a function like ``reference`` (or a value).
    cases : argument tuples small enough to work out by hand, smallest first.
    draw : function of a random generator that gives one more argument tuple.
    properties : message -> function of (arguments, result) that must be true; checked before the comparison.
    compare : function (expected, answer, atol) -> "" or what differs.
    atol : float. Largest difference of a number that still counts as equal.
    """

    id: str
    title: str
    objective: str
    level: Literal["warm-up", "core", "stretch"]
    minutes: int
    reference: Callable[..., Any]
    why: str
    hints: Sequence[str]
    misconceptions: Mapping[str, Any]
    cases: Sequence[tuple[Any, ...]] = ()
    draw: Callable[[np.random.Generator], tuple[Any, ...]] | None = None
    properties: Mapping[str, Callable[[tuple[Any, ...], Any], bool]] = field(default_factory=dict)
    compare: Callable[[Any, Any, float], str] = same
    atol: float = 1e-6

    @property
    def wants_function(self) -> bool:
        """Whether the answer is a function (True) or a value (False)."""
        return bool(self.cases) or self.draw is not None

    def __str__(self) -> str:
        return f"{self.id} {self.title}"


@dataclass(frozen=True)
class Decision:
    """An exercise that asks for a choice: one option, or a short value for each of several parts.

    Parameters
    ----------
    id : str
        Chapter and letter, for example "11.A".
    title : str
        A few words.
    objective : str
        The id of the objective that the right choice shows.
    minutes : int
        Time that a learner needs.
    replies : mapping from a part to {value: message}
        Every value that can be chosen for a part, as text, and what is wrong with it; the message of the right value
        is "". A decision with one part is answered by a value, one with several by a list of values in their order.
        Write numbers without decimals that are not needed ("1", "0.5"), and "nan" for NaN.
    why : str
        One line that says why the right choice is right.
    hints : sequence of str
        From restating the question to almost the answer.
    """

    id: str
    title: str
    objective: str
    minutes: int
    replies: Mapping[str, Mapping[str, str]]
    why: str
    hints: Sequence[str]

    level: ClassVar[str] = "decision"

    @property
    def reference(self) -> Any:
        """The right choice: a text, or a list of texts if there are several parts."""
        right = [next(value for value, message in replies.items() if not message) for replies in self.replies.values()]
        return right if len(right) > 1 else right[0]

    def __str__(self) -> str:
        return f"{self.id} {self.title}"


@dataclass(frozen=True)
class Prediction:
    """A guess before an experiment. ``outcome`` turns what was measured into the letter that came true."""

    id: str
    question: str
    options: Mapping[str, str]
    outcome: Callable[[Any], str]


@dataclass(frozen=True)
class Question:
    """A recap question: each option is a text and what there is to say about it."""

    objective: str
    text: str
    options: Mapping[str, tuple[str, str]]
    answer: str


@dataclass(frozen=True)
class Chapter:
    """What a chapter promises and how it checks."""

    number: str
    title: str
    objectives: Mapping[str, str]
    exercises: Sequence[Exercise]
    decisions: Sequence[Decision] = ()
    predictions: Sequence[Prediction] = ()
    quiz: Sequence[Question] = ()

    @property
    def tasks(self) -> list[Exercise | Decision]:
        """All that a learner answers and checks: the exercises, then the decisions."""
        return [*self.exercises, *self.decisions]

    def exercise(self, name: str) -> Exercise | Decision:
        """Find an exercise or a decision, or raise a KeyError that lists those that exist."""
        return self._find({task.id: task for task in self.tasks}, name)

    def prediction(self, name: str) -> Prediction:
        """Find a prediction, or raise a KeyError that lists those that exist."""
        return self._find({prediction.id: prediction for prediction in self.predictions}, name)

    def _find(self, declared: dict[str, Any], name: str) -> Any:
        if name not in declared:
            raise KeyError(f"There is no {name!r} in chapter {self.number}; it has {', '.join(declared) or 'none'}.")
        return declared[name]
