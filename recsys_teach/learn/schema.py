"""How a chapter declares its objectives, exercises, predictions and quiz: as data, in one file a chapter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

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
    predictions: Sequence[Prediction] = ()
    quiz: Sequence[Question] = ()

    def exercise(self, name: str) -> Exercise:
        """Find an exercise, or raise a KeyError that lists those that exist."""
        return self._find({exercise.id: exercise for exercise in self.exercises}, name)

    def prediction(self, name: str) -> Prediction:
        """Find a prediction, or raise a KeyError that lists those that exist."""
        return self._find({prediction.id: prediction for prediction in self.predictions}, name)

    def _find(self, declared: dict[str, Any], name: str) -> Any:
        if name not in declared:
            raise KeyError(f"There is no {name!r} in chapter {self.number}; it has {', '.join(declared) or 'none'}.")
        return declared[name]
