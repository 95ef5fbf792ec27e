"""The two-sided gate: chapters run unsolved, solutions hold, and what must fail does fail."""

import json
import re
import subprocess
import sys

import nbformat
import pytest
from conftest import LESSONS, REPOSITORY

from recsys_teach.kernel_env import kernel_env
from recsys_teach.learn.declare import chapters

sys.path.insert(0, str(REPOSITORY / "authoring"))
import build

NAMES = [path.stem for path in LESSONS]
each_chapter = pytest.mark.parametrize("name", NAMES)
pytestmark = pytest.mark.notebook


def run_nbval(notebook, home, *options, **env):
    """Run one notebook through nbval in a process of its own."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "-q", "--no-header"]
    command += ["--nbval-lax", "--nbval-cell-timeout=60", *options, str(notebook)]
    return subprocess.run(
        command, cwd=home, env=kernel_env(home, **env), capture_output=True, text=True, timeout=300, check=False
    )


def statuses(report):
    """Read a JSON report as {(kind, id): status}."""
    return {(entry["kind"], entry["id"]): entry["status"] for entry in json.loads(report.read_text("utf-8"))}


def expected_ids(name):
    """Everything that a chapter declares and a learner answers."""
    chapter = chapters()[name[:2]]
    answered = {("check", exercise.id) for exercise in chapter.exercises}
    answered |= {("predict", prediction.id) for prediction in chapter.predictions}
    return answered | ({("quiz", chapter.number)} if chapter.quiz else set())


@each_chapter
def test_unsolved_chapter_runs_clean(name, tmp_path):
    report = tmp_path / "report.json"
    result = run_nbval(REPOSITORY / "chapters" / f"{name}.ipynb", tmp_path, report=report)
    assert result.returncode == 0, result.stdout[-5000:]
    came = statuses(report)
    for key in expected_ids(name):
        assert came.get(key) == "to do", f"{key} should be to do in the unsolved chapter"
    claims = {key: status for key, status in came.items() if key[0] == "claim"}
    assert set(claims.values()) <= {"ok"}, "claims hold whatever the learner has written"


@each_chapter
def test_solved_chapter_passes_strict(name, tmp_path):
    report = tmp_path / "report.json"
    result = run_nbval(REPOSITORY / "solutions" / f"{name}.ipynb", tmp_path, strict=True, report=report)
    assert result.returncode == 0, result.stdout[-5000:]
    came = statuses(report)
    assert expected_ids(name) <= set(came)
    assert set(came.values()) == {"ok"}


@each_chapter
def test_unsolved_chapter_fails_in_strict_mode(name, tmp_path):
    result = run_nbval(REPOSITORY / "chapters" / f"{name}.ipynb", tmp_path, "-x", strict=True)
    assert result.returncode == 1, result.stdout[-5000:]
    assert "NotOk" in result.stdout


@each_chapter
def test_text_is_the_same_with_two_threads(name):
    saved = nbformat.read(REPOSITORY / "solutions" / f"{name}.ipynb", as_version=4)
    assert printed(build.execute(saved, threads=2)) == printed(saved)


def printed(notebook):
    """All text of a notebook's outputs, cell by cell; pictures are not compared."""
    return [
        [output.get("text") or output.get("data", {}).get("text/plain") for output in cell.outputs]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def test_what_is_committed_is_what_would_be_built():
    assert [line for path in LESSONS for line in build.check(path)] == []


def test_canary_notebook_fails(tmp_path):
    check_of_todo = nbformat.v4.new_code_cell('from recsys_teach.learn import TODO, check\n\ncheck("0.1", TODO)')
    wrong_output = nbformat.v4.new_code_cell("print(1 + 1)", metadata={"tags": ["nbval-check-output"]})
    wrong_output.outputs = [nbformat.v4.new_output("stream", text="3\n")]
    canary = nbformat.v4.new_notebook(cells=[check_of_todo, wrong_output], metadata={"kernelspec": build.KERNEL})
    nbformat.write(canary, tmp_path / "canary.ipynb")
    result = run_nbval(tmp_path / "canary.ipynb", tmp_path, strict=True)
    assert re.search(r"2 failed", result.stdout), result.stdout[-5000:]
