"""What a learner has shown: one file in their own data folder, which never leaves the machine."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock
from platformdirs import user_data_path

from recsys_teach.files import write_whole
from recsys_teach.learn.declare import Chapter, chapters


def strict() -> bool:
    """Whether anything but ok fails (``RECSYS_TEACH_STRICT=1``)."""
    return os.environ.get("RECSYS_TEACH_STRICT") == "1"


def progress_file() -> Path:
    """Where progress is kept: ``RECSYS_TEACH_HOME``, else the user's data folder."""
    home = os.environ.get("RECSYS_TEACH_HOME")
    return (Path(home) if home else user_data_path("recsys-teach", appauthor=False)) / "progress.json"


def read_progress() -> dict[str, Any]:
    """Read what is recorded: {"exercises": {...}, "predictions": {...}, "quiz": {...}}."""
    return _read(progress_file())


def change_progress(change: Callable[[dict[str, Any]], None]) -> None:
    """Read, change and write the progress while no other kernel does.

    A folder that cannot be written costs the record, not the lesson: one line says so.
    """
    path = progress_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock"), timeout=5):
            record = _read(path)
            change(record)
            write_whole(path, json.dumps(record, indent=1, sort_keys=True))
    except (OSError, TimeoutError) as error:
        print(f"Your progress could not be saved in {path.parent}: {error}. `recsys-teach doctor` says more.")


def report(kind: str, name: str, status: str, reason: str) -> None:
    """Add a result to the JSON list in ``RECSYS_TEACH_REPORT``, if that is set."""
    target = os.environ.get("RECSYS_TEACH_REPORT")
    if not target:
        return
    path = Path(target)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(path.name + ".lock"), timeout=5):
        results = json.loads(path.read_text("utf-8")) if path.exists() else []
        results.append({"kind": kind, "id": name, "status": status, "reason": reason})
        write_whole(path, json.dumps(results, indent=1))


def _read(path: Path) -> dict[str, Any]:
    empty: dict[str, Any] = {"exercises": {}, "predictions": {}, "quiz": {}}
    if not path.exists():
        return empty
    try:
        record = json.loads(path.read_text("utf-8"))
        rooms = record | {room: dict(record.get(room, {})) for room in empty}  # what a newer version adds is kept
        rooms["exercises"] = {name: dict(entry) for name, entry in rooms["exercises"].items()}
        return rooms
    except (ValueError, AttributeError, TypeError):
        aside = path.with_name(f"progress.unreadable-{time.strftime('%Y%m%d-%H%M%S')}.json")
        path.replace(aside)
        print(f"The progress file could not be read; it is kept as {aside.name}, and a new one begins.")
        return empty


def shown(chapter: Chapter, record: dict[str, Any]) -> dict[str, list[str]]:
    """Give the exercises still open for each objective; none left means shown, and stretch ones do not count."""
    done = {name for name, entry in record["exercises"].items() if entry.get("status") == "ok"}
    required = [exercise for exercise in chapter.exercises if exercise.level != "stretch"]
    return {
        objective: [e.id for e in required if e.objective == objective and e.id not in done]
        for objective in chapter.objectives
    }


def progress(chapter: str | int | None = None) -> None:
    """Print which objectives are shown, for one chapter or for all of them."""
    record = read_progress()
    wanted = [str(chapter).zfill(2)] if chapter is not None else list(chapters())
    for number in wanted:
        if number not in chapters():
            print(f"There is no chapter {chapter!r}; there are {', '.join(chapters())}.")
            continue
        _print_chapter(chapters()[number], record)


def _print_chapter(chapter: Chapter, record: dict[str, Any]) -> None:
    open_exercises = shown(chapter, record)
    n_shown = sum(not left for left in open_exercises.values())
    answers = record["quiz"].get(chapter.number, {})
    print(f"Chapter {chapter.number}  {chapter.title}: {n_shown} of {len(open_exercises)} objectives shown")
    for objective, left in open_exercises.items():
        mark = "[ ]" if left else "[x]"
        rest = f"  (open: {', '.join(left)})" if left else ""
        print(f"  {mark} {objective} {chapter.objectives[objective]}{rest}")
    if chapter.quiz:
        right = sum(answers.get(str(n)) == question.answer for n, question in enumerate(chapter.quiz, start=1))
        print(f"  quiz: {right} of {len(chapter.quiz)}")
