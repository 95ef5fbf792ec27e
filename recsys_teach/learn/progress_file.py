"""What a learner has demonstrated: one file in the learner's data folder, which never leaves the machine."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock, SoftFileLock
from platformdirs import user_data_path

from recsys_teach.files import REPOSITORY, write_whole
from recsys_teach.learn.cards import card, paragraph
from recsys_teach.learn.chapters import chapters
from recsys_teach.learn.schema import Chapter

LOCK_SECONDS = 5


def strict() -> bool:
    """Return whether anything but ok fails (``RECSYS_TEACH_STRICT=1``)."""
    return os.environ.get("RECSYS_TEACH_STRICT") == "1"


def progress_file() -> Path:
    """Return where progress is kept.

    That is the folder in ``RECSYS_TEACH_HOME`` (``~`` is your home folder; a relative one starts at the course's
    folder), or else the user's data folder, or, for a user without a home, ``my_work/`` in the course's folder.
    """
    named = os.environ.get("RECSYS_TEACH_HOME")
    try:
        folder = Path(named).expanduser() if named else user_data_path("recsys-teach", appauthor=False)
    except RuntimeError:  # a user whom the system does not know, as in some containers
        folder = Path("my_work")
    return REPOSITORY / folder / "progress.json"


def lock(path: Path) -> AbstractContextManager[Any]:
    """Return a lock for a file in an existing folder.

    It is the system's, or a second file where the system refuses locks, as some network disks do.
    """
    kind = FileLock if locks_work(path.parent) else SoftFileLock
    return kind(path.with_name(path.name + (".lock" if kind is FileLock else ".softlock")), timeout=LOCK_SECONDS)


@cache
def locks_work(folder: Path) -> bool:
    """Return whether files in a folder can be locked, tried on a temporary file."""
    trial = folder / f".lock-trial-{uuid.uuid4().hex}"
    trial.touch()  # a folder that cannot be written is another matter
    try:
        with FileLock(trial, timeout=0):
            return True
    except (OSError, NotImplementedError):
        return False
    finally:
        trial.unlink(missing_ok=True)


def read_progress() -> dict[str, Any]:
    """Read what is recorded: {"exercises": {...}, "predictions": {...}, "quiz": {...}}.

    What cannot be read is set aside or skipped, and a line is printed about it.
    """
    try:
        return _read(progress_file())
    except OSError as error:
        print(
            f"Your progress in {progress_file()} could not be read: {error.strerror}. Make the file readable for you."
        )
        return _repaired({})[0]


def change_progress(change: Callable[[dict[str, Any]], None]) -> None:
    """Read, change and write the progress while no other kernel does.

    If the folder cannot be written, nothing is recorded, a line is printed, and the lesson continues.
    """
    path = progress_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with lock(path):
            record = _read(path)
            change(record)
            write_whole(path, json.dumps(record, indent=1, sort_keys=True))
    except (OSError, TimeoutError) as error:
        print(f"Your progress could not be saved in {path.parent}: {error}. `python course.py doctor` says more.")


def report(kind: str, name: str, status: str, reason: str) -> None:
    """Add a result to the JSON list in ``RECSYS_TEACH_REPORT``, if that is set.

    If it cannot be written, a line is printed. A file with other content is kept under another name.
    """
    target = os.environ.get("RECSYS_TEACH_REPORT")
    if not target:
        return
    path = REPOSITORY / Path(target).expanduser()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with lock(path):
            results = _reported(path)
            results.append({"kind": kind, "id": name, "status": status, "reason": reason})
            write_whole(path, json.dumps(results, indent=1))
    except (OSError, TimeoutError) as error:
        print(f"The report could not be written to {path}: {error}. Name a file in RECSYS_TEACH_REPORT, or unset it.")


def _reported(path: Path) -> list[Any]:
    if not path.exists() or not path.read_bytes().strip():
        return []
    with suppress(ValueError):
        results = json.loads(path.read_text("utf-8"))
        if isinstance(results, list):
            return results
    print(f"{path.name} is no report: it is kept as {_set_aside(path).name}, and a new report begins.")
    return []


def _read(path: Path) -> dict[str, Any]:
    if not path.exists() or not path.read_bytes().strip():
        return _repaired({})[0]
    try:
        record, lost = _repaired(json.loads(path.read_text("utf-8")))
    except (ValueError, TypeError):
        print(f"The progress file could not be read: it is kept as {_set_aside(path).name}, and a new one begins.")
        return _repaired({})[0]
    if lost:
        aside = _set_aside(path)
        write_whole(path, json.dumps(record, indent=1, sort_keys=True))
        print(f"The progress file had entries of another shape ({', '.join(lost[:3])}): it is kept as {aside.name}.")
    return record


def _repaired(record: Any) -> tuple[dict[str, Any], list[str]]:
    """Bring a record into its shape, and name what was left out; what a newer version added is kept."""
    if not isinstance(record, dict):
        raise TypeError("no record of progress")
    lost: list[str] = []

    def part(name: str, fits: Callable[[Any], bool]) -> dict[str, Any]:
        entries = record.get(name, {})
        if not isinstance(entries, dict):
            lost.append(name)
            return {}
        lost.extend(f"{name} {key}" for key, entry in entries.items() if not fits(entry))
        return {key: entry for key, entry in entries.items() if fits(entry)}

    exercises = part("exercises", lambda entry: isinstance(entry, dict))
    for key, entry in exercises.items():
        known = entry.get("status") in ("to do", "not yet", "ok")
        count = entry.get("attempts")
        counted = isinstance(count, int) and not isinstance(count, bool)
        exercises[key] = entry | {"status": entry["status"] if known else "to do", "attempts": count if counted else 0}
    predictions = part("predictions", lambda entry: isinstance(entry, str))
    quizzes = part("quiz", lambda entry: isinstance(entry, dict))
    return record | {"exercises": exercises, "predictions": predictions, "quiz": quizzes}, lost


def _set_aside(path: Path) -> Path:
    """Rename a file that cannot be used, to a name that is free."""
    stem, n = f"{path.stem}.unreadable-{time.strftime('%Y%m%d-%H%M%S')}", 1
    aside = path.with_name(f"{stem}{path.suffix}")
    while aside.exists():
        n += 1
        aside = path.with_name(f"{stem}_{n}{path.suffix}")
    return path.replace(aside)


def open_exercises(chapter: Chapter, record: dict[str, Any]) -> dict[str, list[str]]:
    """Return the exercises still open for each objective; none left means demonstrated; stretch ones do not count."""
    done = {name for name, entry in record["exercises"].items() if entry.get("status") == "ok"}
    required = [task for task in chapter.tasks if task.level != "stretch"]
    return {
        objective: [e.id for e in required if e.objective == objective and e.id not in done]
        for objective in chapter.objectives
    }


def n_right(chapter: Chapter, answers: dict[str, Any]) -> int:
    """Count the right answers to a chapter's quiz."""
    return sum(answers.get(str(n)) == question.answer for n, question in enumerate(chapter.quiz, start=1))


def progress(chapter: str | int | None = None) -> None:
    """Display which objectives are demonstrated, for one chapter or for all of them."""
    record = read_progress()
    wanted = [str(chapter).zfill(2)] if chapter is not None else list(chapters())
    for number in wanted:
        if number not in chapters():
            known = ", ".join(chapters())
            sentence = f"There is no chapter {chapter!r}; there are {known}."
            card("not yet", sentence, sentence).show()
            continue
        _show_chapter(chapters()[number], record)


def _show_chapter(chapter: Chapter, record: dict[str, Any]) -> None:
    still_open = open_exercises(chapter, record)
    n_demonstrated = sum(not left for left in still_open.values())
    title = f"Chapter {chapter.number}  {chapter.title}: {n_demonstrated} of {len(still_open)} objectives demonstrated"
    lines = []
    for objective, left in still_open.items():
        rest = f"  (open: {', '.join(left)})" if left else ""
        lines.append(f"{'[ ]' if left else '[x]'} {objective} {chapter.objectives[objective]}{rest}")
    if chapter.quiz:
        answers = record["quiz"].get(chapter.number, {})
        lines.append(f"quiz: {n_right(chapter, answers)} of {len(chapter.quiz)} right")
    text = "\n".join([title, *(f"  {line}" for line in lines)])
    card("progress", title, text, [*map(paragraph, lines)], tag="").show()
