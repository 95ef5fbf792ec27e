"""The two-sided gate: chapters run unsolved, solutions pass, and what must fail does fail."""

import json
import os
import platform
import re
import subprocess
import sys

import nbformat
import pytest
from conftest import LESSONS, REPOSITORY
from filelock import FileLock
from nbclient.exceptions import CellExecutionError
from notebook_text import agree, differences

from recsys_teach.course.notebook_env import kernel_env
from recsys_teach.files import write_whole
from recsys_teach.learn.chapters import chapters

sys.path.insert(0, str(REPOSITORY / "authoring"))
import build

# The tests of a chapter form a group, so that one worker runs them where pytest-xdist supports it.
NAMES = [
    pytest.param(name, marks=pytest.mark.xdist_group(name), id=name) for name in (path.parent.name for path in LESSONS)
]
each_chapter = pytest.mark.parametrize("name", NAMES)
pytestmark = pytest.mark.notebook


def read(folder, name):
    return nbformat.read(REPOSITORY / folder / f"{name}.ipynb", as_version=4)


def statuses(results):
    """Index the results of checks as {(kind, id): status}."""
    return {(entry["kind"], entry["id"]): entry["status"] for entry in results}


def expected_ids(name):
    """Everything that a chapter declares and a learner answers."""
    chapter = chapters()[name[:2]]
    answered = {("check", task.id) for task in chapter.tasks}
    answered |= {("predict", prediction.id) for prediction in chapter.predictions}
    return answered | ({("quiz", chapter.number)} if chapter.quiz else set())


@pytest.fixture(scope="session")
def ran(tmp_path_factory, worker_id):
    """Run a chapter once for all tests that look at it: function of a folder and a name to (notebook, results).

    Solutions run strictly and with one thread, unsolved chapters with two threads. The workers share their runs by
    files, because a group of tests is not always sent to one worker (pytest 9.2 with pytest-xdist 3.8).
    """
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent  # the folder of this run of pytest, with a folder for each worker

    def run(folder, name):
        executed, report = (shared / f"{folder}-{name}.{kind}" for kind in ("ipynb", "json"))
        with FileLock(shared / f"{folder}-{name}.lock"):
            if not executed.exists():
                report.unlink(missing_ok=True)
                options = {"threads": 1, "strict": True} if folder == "solutions" else {"threads": 2, "strict": False}
                notebook = build.execute(read(folder, name), report=report, **options)
                write_whole(executed, build.to_text(notebook))
        notebook = nbformat.read(executed, as_version=4)
        return notebook, json.loads(report.read_text("utf-8"))

    return run


@each_chapter
def test_unsolved_chapter_runs_clean(name, ran, record_property):
    _, results = ran("chapters", name)
    record_property("checks", results)
    got = statuses(results)
    for key in expected_ids(name):
        assert got.get(key) == "to do", f"{key} should be to do in the unsolved chapter"
    claims = {key: status for key, status in got.items() if key[0] == "claim"}
    assert set(claims.values()) <= {"ok"}, "claims hold whatever the learner has written"


@each_chapter
def test_unsolved_chapter_fails_in_strict_mode(name):
    with pytest.raises(CellExecutionError, match="NotOk"):
        build.execute(read("chapters", name))


@each_chapter
def test_solved_chapter_passes_strict_with_the_saved_text(name, ran, record_property):
    notebook, results = ran("solutions", name)
    record_property("checks", results)
    got = statuses(results)
    assert expected_ids(name) <= set(got)
    assert set(got.values()) == {"ok"}
    assert differences(read("solutions", name), notebook, exact=False) == []


ABOUT_ANSWERS = re.compile(r"\b(check|predict|reveal|quiz|hint|progress)\(")


def without_answers(notebook, cells):
    """Keep those cells (by id) that a learner's answers have no part in."""
    kept = [cell for cell in notebook.cells if cell.id in cells and not ABOUT_ANSWERS.search(cell.source)]
    return nbformat.v4.new_notebook(cells=kept, metadata=notebook.metadata)


@each_chapter
def test_one_thread_and_two_print_the_same_text_whatever_is_solved(name, ran):
    """What a cell prints depends neither on the number of threads nor on what a learner has written."""
    solved, unsolved = ran("solutions", name)[0], ran("chapters", name)[0]
    sources = {cell.id: cell.source for cell in solved.cells}
    same = {cell.id for cell in unsolved.cells if sources.get(cell.id) == cell.source}
    assert len(same) >= len(unsolved.cells) / 2
    assert differences(without_answers(solved, same), without_answers(unsolved, same), exact=True) == []


def test_what_is_committed_is_what_would_be_built():
    assert [line for path in LESSONS for line in build.check(path)] == []


# --- canaries: a gate that cannot fail is none ------------------------------------------------------------------


def canary(*sources):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": build.KERNEL})


def test_canary_with_an_open_exercise_fails():
    with pytest.raises(CellExecutionError, match="NotOk"):
        build.execute(canary('from recsys_teach.learn import TODO, check\n\ncheck("0.1", TODO)'))


SAVED = 'print("nDCG@10 0.07, 1,682 films")\nprint("The second line")'


@pytest.mark.parametrize(
    ("now", "n_differences"),
    [
        (SAVED, 0),
        (SAVED.replace("0.07", "0.06"), 0),
        (SAVED.replace("1,682", "1,650"), 0),
        (SAVED.replace("0.07", "0.09"), 1),
        (SAVED.replace("0.07", "-0.07"), 1),
        (SAVED.replace("1,682", "943"), 1),
        (SAVED.replace("second", "third"), 1),
        (SAVED.partition("\n")[0], 1),
        (SAVED + '\nprint("One more")', 1),
        ("", 1),
        ("import sys\n" + SAVED + '\nprint("To the other stream", file=sys.stderr)', 1),
        ("import pandas as pd\n" + SAVED + "\npd.DataFrame({'nDCG': [0.07]})", 2),
    ],
)
def test_canary_text_is_compared_with_tolerance_for_numbers_alone(now, n_differences):
    saved, ran = build.execute(canary(SAVED)), build.execute(canary(now))
    assert len(differences(saved, ran, exact=False)) == n_differences, (saved, ran)
    assert bool(differences(saved, ran, exact=True)) == (now != SAVED)


def test_canary_line_about_a_live_or_a_saved_run_is_not_compared():
    live, saved, other = (
        build.execute(canary(f'print("Same")\nprint("{line}")'))
        for line in ("[live run] Spark ran.", "[saved run] No Java.", "[ok] Spark ran.")
    )
    assert differences(live, saved, exact=True) == []
    assert len(differences(live, other, exact=False)) == 1


@pytest.mark.parametrize(
    ("one", "other", "close"),
    [
        ("0.07", "0.06", True),
        (".07", "0.06", True),
        ("0.070", "0.060", False),
        ("100", "106", True),
        ("100", "108", False),
        ("0.999", "1.0", True),
        ("1e-5", "2e-5", True),
        ("1.0e-5", "2.0e-5", False),
        ("-0.00", "0.00", True),
        ("-0.02", "0.02", False),
        ("−0.41", "-0.42", True),
        ("0 to 1", "0 to", False),
        ("   a    0.5", "a 0.5", True),
        ("a 0.5", "b 0.5", False),
        ("nan", "0.5", False),
        ("inf", "inf", True),
        ("[to do] 4.2", "[ok] 4.2", False),
    ],
)
def test_numbers_agree_up_to_a_last_digit_and_five_percent(one, other, close):
    assert agree(one, other) is close
    assert agree(other, one) is close


# --- the instruction sets of an older processor ------------------------------------------------------------------

FEATURES = """
import numpy as np, torch
known = np._core._multiarray_umath.__cpu_features__
print(torch.backends.cpu.get_cpu_capability(), known["X86_V3"], known["X86_V4"])
"""


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names instruction sets of x86-64")
@pytest.mark.parametrize(("cpu", "said"), [("old", "DEFAULT False False"), ("avx2", "AVX2 True False")])
def test_older_processor_is_what_the_kernels_see(cpu, said, tmp_path, monkeypatch):
    features = np_features()
    if cpu == "avx2" and not features["X86_V3"]:
        pytest.skip("this processor has no AVX2")
    monkeypatch.setenv("RECSYS_TEACH_CPU", cpu)
    command = [sys.executable, "-c", FEATURES]
    ran = subprocess.run(command, env=kernel_env(tmp_path), capture_output=True, text=True, check=True)
    assert ran.stdout.split() == said.split()
    assert not ran.stderr
    assert {name: value for name, value in kernel_env(tmp_path).items() if name.startswith("OPENBLAS_CORE")} == {
        name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_CORE")
    }


def np_features():
    import numpy as np

    return np._core._multiarray_umath.__cpu_features__


def test_unknown_processor_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("RECSYS_TEACH_CPU", "pentium")
    with pytest.raises(ValueError, match="RECSYS_TEACH_CPU must be one of native, avx2, old; got 'pentium'"):
        kernel_env(tmp_path)
