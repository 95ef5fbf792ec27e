"""How a chapter declares its objectives, exercises, decisions, predictions and quiz: as data, in one file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np

from recsys_teach.learn.compare import same


@dataclass(frozen=True)
class Exercise:
    """One exercise, declared once. ``check`` grades an answer by it; ``hint`` and ``progress`` read it.

    Attributes
    ----------
    id : str
        Chapter and number, for example "4.2".
    title : str
        A few words.
    objective : str
        The id of the objective that a right answer shows, for example "O4.2".
    level : {"warm-up", "core", "stretch"}
        An exercise of level "stretch" is not needed for its objective.
    minutes : int
        Time that a learner needs, one wrong try included.
    reference : function
        The right answer. Without cases and draw, a function without arguments that returns the right value.
    why : str
        One line that explains why the right answer is right.
    hints : sequence of str
        From restating the question to almost the code.
    misconceptions : mapping from a message to a wrong answer
        The wrong answer that a message explains: a function like ``reference``, or a value.
    cases : sequence of tuples
        Arguments small enough to work out by hand, smallest first.
    draw : function of a random generator, optional
        Returns one more tuple of arguments.
    properties : mapping from a message to a function of (arguments, result)
        The function must return True for every right result; checked before the comparison.
    compare : function of (expected, answer, atol)
        Returns "", or a description of the difference.
    atol : float
        Largest difference of numbers that count as equal.
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

    Attributes
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
        Another text is answered with the texts that can be chosen, another number without the numbers listed here.
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
    """A guess before an experiment. ``outcome`` maps what was measured to the letter of the option that is true."""

    id: str
    question: str
    options: Mapping[str, str]
    outcome: Callable[[Any], str]


@dataclass(frozen=True)
class Question:
    """A recap question. Each option is a text and an explanation of why it is right or wrong."""

    objective: str
    text: str
    options: Mapping[str, tuple[str, str]]
    answer: str


@dataclass(frozen=True)
class Chapter:
    """What a chapter teaches, and how that is checked."""

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
