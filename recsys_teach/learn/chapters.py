"""Find what belongs to a chapter in its folder under authoring/, one chapter at a time, when it is asked for."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import pandas as pd

from recsys_teach.files import REPOSITORY
from recsys_teach.learn.schema import Chapter, Decision

AUTHORING = REPOSITORY / "authoring"


@cache
def folders() -> dict[str, Path]:
    """Return the folder of each chapter, by number ("00", "01", …).

    Raises
    ------
    FileNotFoundError
        If the package is used without the course around it.
    """
    found = {path.parent.name[:2]: path.parent for path in sorted(AUTHORING.glob("[0-9][0-9]_*/exercises.py"))}
    if not found:
        raise FileNotFoundError(
            f"Expected the folders of the chapters in {AUTHORING}; got none. Exercises need the course: clone it "
            "with git, and use the Python that `python course.py lab` sets up in it."
        )
    return found


@cache
def load_part(number: str, part: str) -> ModuleType:
    """Load a file of a chapter's folder as a module, for example ``load_part("04", "exercises")``."""
    name = f"chapter_{number}_{part}"
    spec = importlib.util.spec_from_file_location(name, folders()[number] / f"{part}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look there
    spec.loader.exec_module(module)
    cloudpickle.register_pickle_by_value(module)  # no other process can import it by its name
    return module


class _Chapters(Mapping[str, Chapter]):
    """The chapters by number; each is loaded when it is asked for."""

    def __getitem__(self, number: str) -> Chapter:
        if number not in folders():
            raise KeyError(number)
        return load_part(number, "exercises").CHAPTER

    def __contains__(self, number: object) -> bool:
        return number in folders()

    def __iter__(self) -> Iterator[str]:
        return iter(folders())

    def __len__(self) -> int:
        return len(folders())


def chapters() -> Mapping[str, Chapter]:
    """Return the chapters that exist, by number ("00", "01", …)."""
    return _Chapters()


def chapter_of(name: str) -> Chapter:
    """Find the chapter of an id such as "4.2", "P4.1" or "4"; raise a KeyError that says which there are."""
    number = str(name).lstrip("OPQ").split(".")[0].zfill(2)
    if number not in chapters():
        raise KeyError(f"{name!r} names no chapter; there are the chapters {', '.join(chapters())}.")
    return chapters()[number]


def reference(exercise_id: str) -> Any:
    """Return the course's own answer to an exercise: a function, or the value that it asks for.

    A lesson takes it where it goes on with the result of an exercise, so that it runs whatever a learner wrote.

    Parameters
    ----------
    exercise_id : str
        For example "11.2".
    """
    exercise = chapter_of(exercise_id).exercise(exercise_id)
    if isinstance(exercise, Decision):
        return exercise.reference
    return exercise.reference if exercise.wants_function else exercise.reference()


def load_saved_run(chapter: str) -> dict[str, pd.DataFrame]:
    """Read the tables that a chapter's ``saved_run.py`` has written, by name.

    Parameters
    ----------
    chapter : str
        Its number, for example "16".
    """
    number = str(chapter).zfill(2)
    files = sorted((folders()[number] / "saved").glob("*.csv")) if number in folders() else []
    if not files:
        raise FileNotFoundError(
            f"Expected the number of a chapter with a saved run, for example '16'; got {chapter!r}."
        )
    return {path.stem: pd.read_csv(path) for path in files}
