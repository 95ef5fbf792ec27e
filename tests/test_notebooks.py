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
PICTURES = REPOSITORY / "tests" / "nbval_pictures.cfg"  # what is not compared
pytestmark = pytest.mark.notebook


def run_nbval(notebook, home, *options, compare=False, **env):
    """Run one notebook through nbval in a process of its own; compare all text, or that of tagged cells only."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "-q", "--no-header"]
    command += ["--nbval", f"--nbval-sanitize-with={PICTURES}"] if compare else ["--nbval-lax"]
    command += ["--nbval-cell-timeout=60", *options, str(notebook)]
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
def test_solved_chapter_passes_strict_with_the_same_text(name, tmp_path):
    report = tmp_path / "report.json"
    notebook = REPOSITORY / "solutions" / f"{name}.ipynb"  # it was built with one thread
    result = run_nbval(notebook, tmp_path, compare=True, threads=2, strict=True, report=report)
    assert result.returncode == 0, result.stdout[-5000:]
    came = statuses(report)
    assert expected_ids(name) <= set(came)
    assert set(came.values()) == {"ok"}


@each_chapter
def test_unsolved_chapter_fails_in_strict_mode(name, tmp_path):
    result = run_nbval(REPOSITORY / "chapters" / f"{name}.ipynb", tmp_path, "-x", strict=True)
    assert result.returncode == 1, result.stdout[-5000:]
    assert "NotOk" in result.stdout


def test_what_is_committed_is_what_would_be_built():
    assert [line for path in LESSONS for line in build.check(path)] == []


@pytest.mark.parametrize(("tags", "compare"), [(["nbval-check-output"], False), ([], True)])
def test_canary_notebook_fails(tmp_path, tags, compare):
    check_of_todo = nbformat.v4.new_code_cell('from recsys_teach.learn import TODO, check\n\ncheck("0.1", TODO)')
    wrong_output = nbformat.v4.new_code_cell("print(1 + 1)", metadata={"tags": tags})
    wrong_output.outputs = [nbformat.v4.new_output("stream", text="3\n")]
    canary = nbformat.v4.new_notebook(cells=[check_of_todo, wrong_output], metadata={"kernelspec": build.KERNEL})
    nbformat.write(canary, tmp_path / "canary.ipynb")
    result = run_nbval(tmp_path / "canary.ipynb", tmp_path, strict=True, compare=compare)
    assert re.search(r"2 failed", result.stdout), result.stdout[-5000:]
