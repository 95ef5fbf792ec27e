"""Build the notebooks from the lessons: chapters (unsolved, without outputs) and solutions (solved, executed).

python authoring/build.py           build every lesson
python authoring/build.py 04 01     build the lessons of these chapters
python authoring/build.py --check   check that the committed notebooks match the lessons; write nothing
"""

from __future__ import annotations

import ast
import copy
import hashlib
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

try:
    import jupytext
    import nbformat
    from nbclient import NotebookClient
    from nbformat import NotebookNode
except ImportError as error:
    raise SystemExit(
        f"{error}. Activate the environment first: source .venv/bin/activate (see CONTRIBUTING.md)."
    ) from None

from recsys_teach.course.notebook_env import kernel_env
from recsys_teach.files import REPOSITORY, copy_aside, write_whole

LESSONS = REPOSITORY / "authoring"  # contains a folder for each chapter
EACH_LESSON = "[0-9][0-9]_*/lesson.py"
CHAPTERS = REPOSITORY / "chapters"
SOLUTIONS = REPOSITORY / "solutions"

# Stops a cell that never ends. A cell should take at most 20 s on an idle machine, but nothing asserts that.
CELL_SECONDS = 300
WIDGET = "application/vnd.jupyter.widget-view+json"
FOLDED = {"figure", "diagram", "claim", "setup"}  # tags of cells whose output is shown and whose code is one click away
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
REGION = re.compile(r"^([ \t]*)### BEGIN SOLUTION[ \t]*\n(.*?)^[ \t]*### END SOLUTION[ \t]*\n?", re.M | re.S)


def read_lesson(path: Path) -> NotebookNode:
    """Read a lesson in py:percent format as a notebook that is the same every time.

    Parameters
    ----------
    path : Path
        Path of a ``lesson.py``.

    Returns
    -------
    NotebookNode
        The lesson as a notebook. The ids of its cells are derived from their text. The first cell names the file in a
        comment that JupyterLab does not display, for readers of the notebook's source.
    """
    lesson = jupytext.read(path, fmt="py:percent")
    chapter = path.parent.name[:2]
    seen: Counter[tuple[str, str]] = Counter()
    for cell in lesson.cells:
        key = (cell.cell_type, cell.source)
        cell.id = _digest(chapter, *key, str(seen[key]))[:12]
        seen[key] += 1
        cell.metadata = _metadata(cell.metadata.get("tags", []))
    folder = path.parent.name
    for cell in lesson.cells[:1]:
        if cell.cell_type == "markdown":
            cell.source = f"<!-- Generated from authoring/{folder}/lesson.py: edit that file. -->\n{cell.source}"
    lesson.metadata = NotebookNode(
        kernelspec=KERNEL, language_info={"name": "python"}, recsys_teach=lesson.metadata["recsys_teach"]
    )
    lesson.nbformat, lesson.nbformat_minor = 4, 5
    return lesson


def unsolved(lesson: NotebookNode) -> NotebookNode:
    """Replace the solutions by stubs that run.

    Parameters
    ----------
    lesson : NotebookNode
        A lesson as returned by :func:`read_lesson`; not changed.

    Returns
    -------
    NotebookNode
        The chapter for learners.

    Raises
    ------
    ValueError
        If a solution has no stub that runs, or its marks do not match.
    """
    notebook = copy.deepcopy(lesson)
    notebook.cells = [cell for cell in notebook.cells if not {"solution", "instructor"} & _tags(cell)]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = _checked(REGION.sub(_stub, cell.source + "\n").rstrip("\n"))
    notebook.metadata.recsys_teach["built"] = fingerprint(notebook)
    return notebook


def solved(lesson: NotebookNode) -> NotebookNode:
    """Keep the solutions and remove their marks.

    Parameters
    ----------
    lesson : NotebookNode
        A lesson as returned by :func:`read_lesson`; not changed.

    Returns
    -------
    NotebookNode
        The solved chapter, not executed.
    """
    notebook = copy.deepcopy(lesson)
    notebook.cells = [cell for cell in notebook.cells if "instructor" not in _tags(cell)]
    for cell in notebook.cells:
        cell.source = REGION.sub(r"\2", cell.source + "\n").rstrip("\n")
    return notebook


def execute(
    notebook: NotebookNode, *, threads: int = 1, strict: bool = True, report: Path | None = None
) -> NotebookNode:
    """Execute a copy of a notebook without network access.

    Parameters
    ----------
    notebook : NotebookNode
        An unsolved chapter, a solved chapter or any other notebook; not changed.
    threads : int, default=1
        Number of threads for linear algebra.
    strict : bool, default=True
        Whether every check that is not ok stops the run.
    report : Path, optional
        JSON file to which the results of all checks are written.

    Returns
    -------
    NotebookNode
        The executed copy, without metadata that differ from run to run.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell raises an exception.
    """
    notebook = copy.deepcopy(notebook)
    with tempfile.TemporaryDirectory() as home:
        client = NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            coalesce_streams=True,
            record_timing=False,
            resources={"metadata": {"path": str(SOLUTIONS)}},
        )
        client.execute(env=kernel_env(Path(home), strict=strict, threads=threads, report=report))
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.get("data", {}).pop(WIDGET, None):
                output.data["text/plain"] = (
                    "A slider, for JupyterLab with a kernel; the figure nearby is its still picture."
                )
    notebook.metadata.pop("widgets", None)
    notebook.metadata.language_info = {"name": "python"}
    return notebook


def fingerprint(notebook: NotebookNode) -> str:
    """Compute a digest of the cells' text, which shows whether a learner changed a chapter.

    Parameters
    ----------
    notebook : NotebookNode
        Any notebook.

    Returns
    -------
    str
        Digest of the sources of all cells; outputs do not change it.
    """
    return _digest(*(cell.source for cell in notebook.cells))


def to_text(notebook: NotebookNode) -> str:
    """Return the text of a notebook's file.

    Parameters
    ----------
    notebook : NotebookNode
        Any notebook.

    Returns
    -------
    str
        The notebook as JSON.
    """
    return nbformat.writes(notebook, version=nbformat.NO_CONVERT, indent=1) + "\n"


def sources_only(notebook: NotebookNode) -> str:
    """Return the text of a notebook's file without outputs, which may depend on the machine.

    Parameters
    ----------
    notebook : NotebookNode
        Any notebook; not changed.

    Returns
    -------
    str
        The notebook as JSON.
    """
    without_outputs = copy.deepcopy(notebook)
    for cell in without_outputs.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return to_text(without_outputs)


def check(path: Path) -> list[str]:
    """List the differences between the notebooks of a lesson and what would be built.

    Parameters
    ----------
    path : Path
        Path of a ``lesson.py``.

    Returns
    -------
    list of str
        A line for each problem; empty if there is none.
    """
    lesson = read_lesson(path)
    chapter, solution = (folder / f"{path.parent.name}.ipynb" for folder in (CHAPTERS, SOLUTIONS))
    missing = [f"{file.relative_to(REPOSITORY)} is missing" for file in (chapter, solution) if not file.exists()]
    if missing:
        return missing
    problems = []
    if chapter.read_text("utf-8") != to_text(unsolved(lesson)):
        problems.append(f"chapters/{chapter.name} differs from the lesson")
    committed = nbformat.read(solution, as_version=nbformat.NO_CONVERT)
    if sources_only(committed) != sources_only(solved(lesson)):
        problems.append(f"solutions/{solution.name} differs from the lesson")
    if any(cell.cell_type == "code" and not cell.execution_count for cell in committed.cells):
        problems.append(f"solutions/{solution.name} was not executed")
    return problems


def build(path: Path) -> None:
    """Write the chapter and the executed solution of a lesson.

    Parameters
    ----------
    path : Path
        Path of a ``lesson.py``.
    """
    lesson = read_lesson(path)
    executed = execute(solved(lesson))  # before anything is written, so that a lesson that fails replaces no chapter
    chapter = CHAPTERS / f"{path.parent.name}.ipynb"
    keep_learners_work(chapter)
    write_whole(chapter, to_text(unsolved(lesson)))
    write_whole(SOLUTIONS / f"{path.parent.name}.ipynb", to_text(executed))


def keep_learners_work(chapter: Path) -> None:
    """Copy a chapter to ``my_work/`` before it is overwritten, if somebody changed it.

    Parameters
    ----------
    chapter : Path
        Path of the notebook, whether or not it exists.
    """
    if not chapter.exists():
        return
    notebook = nbformat.read(chapter, as_version=nbformat.NO_CONVERT)
    if notebook.metadata.get("recsys_teach", {}).get("built") == fingerprint(notebook):
        return
    copy = copy_aside(CHAPTERS.parent, f"{CHAPTERS.name}/{chapter.name}")
    print(f"{chapter.name} contained changes of yours; they were copied to {copy.relative_to(CHAPTERS.parent)}")


def _stub(region: re.Match[str]) -> str:
    """Return the stub that replaces a solution: `return TODO` in a function, `name = TODO` for a value."""
    indent, code = region.groups()
    if indent:
        return f"{indent}return TODO\n"
    assigned = [statement.targets[0] for statement in ast.parse(code).body if isinstance(statement, ast.Assign)]
    names = [ast.unparse(part) for part in getattr(assigned[-1], "elts", assigned[-1:])] if assigned else []
    if not names:
        raise ValueError(
            "Expected a solution that assigns its result to a name, for which the stub is name = TODO; got one that "
            f"assigns nothing. Assign the result to a name:\n{code}"
        )
    return f"{' = '.join(names)} = TODO\n"


def _checked(source: str) -> str:
    """Return a learner's cell; raise an error if it does not compile or still contains marks of a solution."""
    if re.search(r"#+ *(begin|end) +solution", source, re.I):
        raise ValueError(
            "Expected pairs of the lines ### BEGIN SOLUTION and ### END SOLUTION; got marks without a partner or with "
            f"another spelling. Fix the marks in this cell:\n{source}"
        )
    try:
        compile(source, "student", "exec")
    except SyntaxError as error:
        raise ValueError(
            f"Expected a stub that Python can compile; got {error}. Put the marks around the complete body of a "
            f"function:\n{source}"
        ) from error
    return source


def _metadata(tags: list[str]) -> NotebookNode:
    """Keep the tags; what plots, claims or sets up is folded in JupyterLab, and in the books that are built from it."""
    if not tags:
        return NotebookNode()
    if FOLDED & set(tags):
        return NotebookNode(tags=[*tags, "hide-input"], jupyter=NotebookNode(source_hidden=True))
    return NotebookNode(tags=tags)


def _tags(cell: NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", []))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8")).hexdigest()


def main(arguments: list[str]) -> int:
    """Build or check lessons.

    Parameters
    ----------
    arguments : list of str
        Numbers of chapters (none for all), and ``--check`` to write nothing.

    Returns
    -------
    int
        Exit code: 0 if the lessons were built or match, 1 if the check found differences, 2 for an unknown number.
    """
    numbers = [argument for argument in arguments if argument != "--check"]
    known = sorted(LESSONS.glob(EACH_LESSON))
    lessons = [path for path in known if not numbers or path.parent.name[:2] in numbers]
    if not lessons:
        names = ", ".join(path.parent.name for path in known)
        print(f"Expected numbers of chapters, the first two digits of one of {names}; got {' '.join(numbers)}.")
        return 2
    if "--check" in arguments:
        problems = [line for path in lessons for line in check(path)]
        fix = "To build the notebooks again, type: python authoring/build.py"
        print("\n".join([*problems, fix]) if problems else "All notebooks match their lessons.")
        return bool(problems)
    for path in lessons:
        start = time.monotonic()
        build(path)
        print(f"{path.parent.name}: built in {time.monotonic() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
