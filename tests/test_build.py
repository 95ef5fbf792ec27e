"""The build of the notebooks: stubs, cell ids, what --check reports, and that no learner's work is lost."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

from recsys_teach.learn import TODO

BUILD = Path(__file__).resolve().parents[1] / "authoring" / "build.py"

HEADER = """\
# ---
# jupyter:
#   kernelspec: {display_name: Python 3 (ipykernel), language: python, name: python3}
#   recsys_teach: {chapter: "09", minutes: {reading: 1, doing: 1}}
# ---
"""

LESSON = (
    HEADER
    + '''
# %% [markdown]
# # Made up

# %%
print("one line")
print("and another")

# %%
def double(x):
    """Return twice x."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION

# %%
### BEGIN SOLUTION
answer = 2 * 21
### END SOLUTION
answer

# %% tags=["solution"]
print("only for those who solved it")

# %% tags=["instructor"]
raise RuntimeError("only in the teaching kit")

# %% tags=["claim"]
assert True

# %%
import ipywidgets

ipywidgets.IntSlider(3)
'''
)


@pytest.fixture(scope="session")
def builder() -> ModuleType:
    """Import authoring/build.py, which is not in a package."""
    spec = importlib.util.spec_from_file_location("course_build", BUILD)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def build(builder: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Let the build work in a separate folder without lessons."""
    return _in_folder(builder, tmp_path / "course", monkeypatch)


def _in_folder(builder: ModuleType, course: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    folders = {"LESSONS": "authoring", "CHAPTERS": "chapters", "SOLUTIONS": "solutions"}
    monkeypatch.setattr(builder, "REPOSITORY", course)
    for name, folder in folders.items():
        monkeypatch.setattr(builder, name, course / folder)
        (course / folder).mkdir(parents=True, exist_ok=True)
    return builder


@pytest.fixture(scope="module")
def course(builder: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course of one lesson, built once; tests that change it use a copy (``built``)."""
    folder = tmp_path_factory.mktemp("course")
    with pytest.MonkeyPatch.context() as monkeypatch:
        build = _in_folder(builder, folder, monkeypatch)
        (build.LESSONS / "09_made_up").mkdir()
        (build.LESSONS / "09_made_up" / "lesson.py").write_text(LESSON, encoding="utf-8")
        build.build(build.LESSONS / "09_made_up" / "lesson.py")
    return folder


@pytest.fixture
def built(build: ModuleType, course: Path) -> ModuleType:
    """Let the build work in a copy of the built course."""
    shutil.copytree(course, build.REPOSITORY, dirs_exist_ok=True)
    return build


@pytest.fixture
def without_kernel(monkeypatch: pytest.MonkeyPatch, build: ModuleType) -> None:
    """Build without executing the cells, for tests of what is written."""
    monkeypatch.setattr(build, "execute", lambda notebook: notebook)


def lesson(build: ModuleType, *cells: str, name: str = "09_made_up"):
    path = build.LESSONS / name / "lesson.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(HEADER + "".join(f"\n# %%{cell}\n" for cell in cells), encoding="utf-8")
    return build.read_lesson(path)


def stub(build: ModuleType, source: str) -> str:
    """Return the learner's version of one cell."""
    return build.unsolved(lesson(build, "\n" + source)).cells[0].source


def chapter(build: ModuleType) -> Path:
    return build.CHAPTERS / "09_made_up.ipynb"


def solution(build: ModuleType) -> Path:
    return build.SOLUTIONS / "09_made_up.ipynb"


def work_on(path: Path, old: str, new: str) -> None:
    """Change the source of a cell as a learner would, in a saved notebook."""
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    assert any(old in cell.source for cell in notebook.cells)
    for cell in notebook.cells:
        cell.source = cell.source.replace(old, new)
    nbformat.write(notebook, path)


# --- stubs ----------------------------------------------------------------------------------------------------


def test_the_solution_of_a_function_becomes_return_todo(build: ModuleType) -> None:
    source = 'def f(x):\n    """Say."""\n    y = x\n    ### BEGIN SOLUTION\n    return y\n    ### END SOLUTION'
    assert stub(build, source) == 'def f(x):\n    """Say."""\n    y = x\n    return TODO'


def test_the_solution_of_a_method_keeps_its_indentation(build: ModuleType) -> None:
    source = (
        "class Model:\n    def fit(self):\n        ### BEGIN SOLUTION\n        for n in range(3):\n"
        "            n\n        return self\n        ### END SOLUTION\n\n    def score(self):\n        return 1"
    )
    assert stub(build, source) == (
        "class Model:\n    def fit(self):\n        return TODO\n\n    def score(self):\n        return 1"
    )


def test_the_solution_of_a_value_becomes_todo_and_other_lines_are_kept(build: ModuleType) -> None:
    source = "R = 1\n### BEGIN SOLUTION\nanswer = R + 1\n### END SOLUTION\nprint(R)"
    assert stub(build, source) == "R = 1\nanswer = TODO\nprint(R)"


def test_the_last_of_several_assignments_is_the_answer(build: ModuleType) -> None:
    source = "### BEGIN SOLUTION\nn = {}\nfor u in 'ab':\n    n[u] = 1\nshare = 0.5\nprint(share)\n### END SOLUTION"
    assert stub(build, source) == "share = TODO"


def test_two_solutions_in_a_cell_become_two_stubs(build: ModuleType) -> None:
    source = "### BEGIN SOLUTION\na = 1\n### END SOLUTION\n### BEGIN SOLUTION\nb = 2\n### END SOLUTION"
    assert stub(build, source) == "a = TODO\nb = TODO"


def test_a_solution_that_assigns_nothing_raises_an_error(build: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"assigns nothing(.|\n)*print\(1\)"):
        stub(build, "### BEGIN SOLUTION\nprint(1)\n### END SOLUTION")


@pytest.mark.parametrize(
    "source",
    [
        "### BEGIN SOLUTION\nU, s = 1, 2\n### END SOLUTION",
        "for k in (1, 2):\n    ### BEGIN SOLUTION\n    error = k\n    ### END SOLUTION",
        "class Model:\n    ### BEGIN SOLUTION\n    def fit(self):\n        return self\n    ### END SOLUTION",
        "### BEGIN SOLUTION\nerror: float = 0.5\n### END SOLUTION",
    ],
    ids=["two names at once", "in a loop", "in a class", "with a type"],
)
def test_a_stub_runs_or_an_error_is_raised(build: ModuleType, source: str) -> None:
    try:
        student = stub(build, source)
    except ValueError:
        return
    exec(compile(student, "student", "exec"), {"TODO": TODO})


@pytest.mark.parametrize(
    "source",
    [
        "### BEGIN SOLUTION\nanswer = 42",
        "answer = 42\n### END SOLUTION",
        "### BEGIN SOLUTION \nanswer = 42\n### END SOLUTION",
        "def f():\n    ### BEGIN SOLUTION\n    return 42\n### end solution",
    ],
    ids=["no end", "no begin", "a blank after it", "misspelled"],
)
def test_unmatched_marks_never_reveal_the_solution(build: ModuleType, source: str) -> None:
    try:
        student = stub(build, source)
    except ValueError:
        return
    assert "42" not in student


# --- solved, unsolved -----------------------------------------------------------------------------------------


def test_solved_keeps_the_code_and_removes_the_marks(build: ModuleType) -> None:
    source = "def f(x):\n    ### BEGIN SOLUTION\n    return r'\\1' + x\n    ### END SOLUTION\n\nf('a')"
    cell = build.solved(lesson(build, "\n" + source)).cells[0]
    assert cell.source == "def f(x):\n    return r'\\1' + x\n\nf('a')"


def test_cells_for_the_solution_and_for_instructors_are_removed(build: ModuleType) -> None:
    tagged = [f' tags=["{tag}"]\n{tag} = 1' for tag in ("solution", "instructor", "claim")]
    notebook = lesson(build, "\na = 1", *tagged)
    assert [cell.source for cell in build.unsolved(notebook).cells] == ["a = 1", "claim = 1"]
    assert [cell.source for cell in build.solved(notebook).cells] == ["a = 1", "solution = 1", "claim = 1"]
    folded = {"tags": ["claim", "hide-input"], "jupyter": {"source_hidden": True}}
    assert build.unsolved(notebook).cells[1].metadata == folded


def test_solved_and_unsolved_do_not_change_the_lesson(build: ModuleType) -> None:
    notebook = lesson(build, "\n### BEGIN SOLUTION\na = 1\n### END SOLUTION")
    before = build.to_text(notebook)
    build.unsolved(notebook)
    build.solved(notebook)
    assert build.to_text(notebook) == before


# --- cell ids -------------------------------------------------------------------------------------------------


def test_ids_of_cells_do_not_change_when_a_cell_is_inserted_elsewhere(build: ModuleType) -> None:
    before = lesson(build, "\na = 1", " [markdown]\n# text", "\nb = 2")
    after = lesson(build, "\nnew = 0", "\na = 1", " [markdown]\n# text", "\nnewer = 0", "\nb = 2")
    ids = [cell.id for cell in after.cells]
    assert [cell.id for cell in before.cells] == [ids[1], ids[2], ids[4]]


def test_ids_are_unique_for_equal_cells_and_between_kinds(build: ModuleType) -> None:
    notebook = lesson(build, "\na", "\na", "\na", " [markdown]\n# a", " [markdown]\n# a")
    assert len({cell.id for cell in notebook.cells}) == 5


def test_ids_differ_between_chapters_and_fit_the_format(build: ModuleType) -> None:
    one = lesson(build, "\na = 1").cells[0].id
    assert lesson(build, "\na = 1", name="08_other").cells[0].id != one
    nbformat.validate(lesson(build, "\na = 1", "\na = 1"))


# --- a build --------------------------------------------------------------------------------------------------


def test_the_chapter_is_unsolved_has_no_outputs_and_is_valid(built: ModuleType) -> None:
    notebook = nbformat.read(chapter(built), as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    text = chapter(built).read_text("utf-8")
    assert "return TODO" in text
    assert "answer = TODO" in text
    for secret in ("2 * x", "2 * 21", "SOLUTION", "only for those", "teaching kit"):
        assert secret not in text
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)


def test_the_solution_is_executed_and_without_marks(built: ModuleType) -> None:
    notebook = nbformat.read(solution(built), as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert code[0].outputs == [{"name": "stdout", "output_type": "stream", "text": "one line\nand another\n"}]
    assert code[2].outputs[0].data["text/plain"] == "42"
    assert "SOLUTION" not in solution(built).read_text("utf-8")
    assert "teaching kit" not in solution(built).read_text("utf-8")


def test_outputs_contain_no_widget_ids_times_or_versions(built: ModuleType) -> None:
    text = solution(built).read_text("utf-8")
    for changing in ("widget-view", "model_id", "IntSlider(value", "iopub", "shell.execute", '"version"'):
        assert changing not in text
    metadata = json.loads(text)["metadata"]
    assert "widgets" not in metadata
    assert metadata["language_info"] == {"name": "python"}
    widget = nbformat.reads(text, as_version=4).cells[-1].outputs[0]
    assert "slider" in widget.data["text/plain"]


def test_an_unchanged_rebuild_writes_equal_bytes_and_copies_nothing(built: ModuleType, capsys) -> None:
    before = chapter(built).read_bytes(), solution(built).read_bytes()
    built.build(built.LESSONS / "09_made_up" / "lesson.py")
    assert (chapter(built).read_bytes(), solution(built).read_bytes()) == before
    assert not (built.REPOSITORY / "my_work").exists()


def test_a_lesson_that_fails_changes_neither_chapter_nor_solution(built: ModuleType) -> None:
    before = chapter(built).read_bytes(), solution(built).read_bytes()
    lesson(built, "\nprint('new')", "\nraise RuntimeError('not today')")
    with pytest.raises(Exception, match="not today"):
        built.build(built.LESSONS / "09_made_up" / "lesson.py")
    assert (chapter(built).read_bytes(), solution(built).read_bytes()) == before
    assert not (built.REPOSITORY / "my_work").exists()


def test_a_lesson_without_a_stub_changes_neither_chapter_nor_solution(built: ModuleType, without_kernel) -> None:
    before = chapter(built).read_bytes(), solution(built).read_bytes()
    lesson(built, "\n### BEGIN SOLUTION\nprint(1)\n### END SOLUTION")
    with pytest.raises(ValueError, match="assigns nothing"):
        built.build(built.LESSONS / "09_made_up" / "lesson.py")
    assert (chapter(built).read_bytes(), solution(built).read_bytes()) == before


# --- a learner's work -----------------------------------------------------------------------------------------


def test_a_chapter_that_a_learner_changed_is_copied_to_my_work(built: ModuleType, without_kernel, capsys) -> None:
    work_on(chapter(built), "answer = TODO", "answer = 7  # mine")
    mine = chapter(built).read_bytes()
    built.build(built.LESSONS / "09_made_up" / "lesson.py")
    [kept] = (built.REPOSITORY / "my_work").iterdir()
    assert kept.read_bytes() == mine
    assert kept.name.startswith("09_made_up.")
    assert kept.name in capsys.readouterr().out
    assert "mine" not in chapter(built).read_text("utf-8")


def test_a_chapter_with_an_added_cell_is_copied_to_my_work(built: ModuleType, without_kernel) -> None:
    notebook = nbformat.read(chapter(built), as_version=nbformat.NO_CONVERT)
    notebook.cells.append(nbformat.v4.new_code_cell("mine = 1"))
    nbformat.write(notebook, chapter(built))
    built.build(built.LESSONS / "09_made_up" / "lesson.py")
    assert len(list((built.REPOSITORY / "my_work").iterdir())) == 1


def test_a_chapter_that_was_only_run_is_not_copied(built: ModuleType, without_kernel, capsys) -> None:
    notebook = nbformat.read(chapter(built), as_version=nbformat.NO_CONVERT)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.execution_count = 1
            cell.outputs = [nbformat.v4.new_output("stream", text="run")]
    nbformat.write(notebook, chapter(built))
    built.build(built.LESSONS / "09_made_up" / "lesson.py")
    assert not (built.REPOSITORY / "my_work").exists()
    assert capsys.readouterr().out == ""


def test_an_unchanged_chapter_of_an_older_lesson_is_not_copied(built: ModuleType, without_kernel) -> None:
    lesson(built, "\nprint('a new edition')")
    built.build(built.LESSONS / "09_made_up" / "lesson.py")
    assert not (built.REPOSITORY / "my_work").exists()
    assert "a new edition" in chapter(built).read_text("utf-8")


def test_two_copies_made_in_one_second_are_both_kept(built: ModuleType, without_kernel) -> None:
    for name in ("mine", "yours"):
        work_on(chapter(built), "answer = TODO", f"answer = 7  # {name}")
        built.build(built.LESSONS / "09_made_up" / "lesson.py")
    assert len(list((built.REPOSITORY / "my_work").iterdir())) == 2


# --- --check --------------------------------------------------------------------------------------------------


def test_check_accepts_what_was_just_built(built: ModuleType, capsys) -> None:
    assert built.main(["--check"]) == 0
    assert capsys.readouterr().out == "All notebooks match their lessons.\n"


def reported_problems(build: ModuleType, capsys) -> list[str]:
    assert build.main(["--check"]) == 1
    *lines, last = capsys.readouterr().out.splitlines()
    assert last == "To build the notebooks again, type: python authoring/build.py"
    return lines


def test_check_reports_a_changed_lesson_and_writes_nothing(built: ModuleType, capsys) -> None:
    before = chapter(built).read_bytes()
    path = built.LESSONS / "09_made_up" / "lesson.py"
    path.write_text(path.read_text("utf-8").replace("one line", "one other line"), encoding="utf-8")
    assert reported_problems(built, capsys) == [
        "chapters/09_made_up.ipynb differs from the lesson",
        "solutions/09_made_up.ipynb differs from the lesson",
    ]
    assert chapter(built).read_bytes() == before


def test_check_reports_a_changed_solution_with_an_unchanged_stub(built: ModuleType, capsys) -> None:
    path = built.LESSONS / "09_made_up" / "lesson.py"
    path.write_text(path.read_text("utf-8").replace("return 2 * x", "return x + x"), encoding="utf-8")
    assert "solutions/09_made_up.ipynb differs from the lesson" in reported_problems(built, capsys)


@pytest.mark.parametrize("which", [chapter, solution])
def test_check_reports_a_missing_notebook(built: ModuleType, capsys, which) -> None:
    which(built).unlink()
    assert reported_problems(built, capsys) == [f"{which(built).parent.name}/09_made_up.ipynb is missing"]


def test_check_reports_a_chapter_that_was_edited_by_hand(built: ModuleType, capsys) -> None:
    work_on(chapter(built), "answer = TODO", "answer = 7")
    assert reported_problems(built, capsys) == ["chapters/09_made_up.ipynb differs from the lesson"]


def test_check_reports_a_solution_that_was_not_executed(built: ModuleType, capsys) -> None:
    notebook = nbformat.read(solution(built), as_version=nbformat.NO_CONVERT)
    notebook.cells[1].execution_count = None
    nbformat.write(notebook, solution(built))
    assert reported_problems(built, capsys) == ["solutions/09_made_up.ipynb was not executed"]


def test_check_ignores_changes_in_outputs(built: ModuleType) -> None:
    text = solution(built).read_text("utf-8")
    solution(built).write_text(text.replace("and another", "of another machine", 1), encoding="utf-8")
    notebook = nbformat.read(solution(built), as_version=nbformat.NO_CONVERT)
    notebook.cells[1].source = notebook.cells[1].source.replace("of another machine", "and another")
    nbformat.write(notebook, solution(built))
    assert built.main(["--check"]) == 0


def test_an_unknown_lesson_is_rejected_with_the_known_ones(built: ModuleType, capsys) -> None:
    assert built.main(["07"]) == 2
    assert "Expected numbers of chapters, the first two digits of one of 09_made_up; got 07." in capsys.readouterr().out


def test_a_named_lesson_is_built_alone(built: ModuleType, without_kernel, capsys) -> None:
    lesson(built, "\na = 1", name="08_other")
    assert built.main(["08"]) == 0
    assert (built.CHAPTERS / "08_other.ipynb").exists()
    assert capsys.readouterr().out.startswith("08_other: built in ")
