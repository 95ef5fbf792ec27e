"""Build the notebooks: lessons -> chapters (unsolved, no outputs) and solutions (solved, executed).

`python authoring/build.py` builds every lesson, `build.py 04 01` some of them; `build.py --check` says whether what
is committed is what would be built, and writes nothing.
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

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from recsys_teach.course.notebook_env import kernel_env
from recsys_teach.files import REPOSITORY, copy_aside, write_whole

LESSONS = REPOSITORY / "authoring"  # a folder for each chapter
EACH_LESSON = "[0-9][0-9]_*/lesson.py"
CHAPTERS = REPOSITORY / "chapters"
SOLUTIONS = REPOSITORY / "solutions"

CELL_SECONDS = 300  # for a cell that never ends; the budget of 20 s is for a quiet machine, and looked at, not asserted
WIDGET = "application/vnd.jupyter.widget-view+json"
FOLDED = {"figure", "diagram", "claim", "setup"}  # tags of cells whose output is shown and whose code is one click away
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
REGION = re.compile(r"^([ \t]*)### BEGIN SOLUTION[ \t]*\n(.*?)^[ \t]*### END SOLUTION[ \t]*\n?", re.M | re.S)


def read_lesson(path: Path) -> NotebookNode:
    """Read a py:percent lesson as a notebook with derived cell ids and nothing that changes from run to run.

    Its first text names the file, in a comment that JupyterLab does not show, for whoever opens the notebook's source.
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
    """Leave out the solutions and put stubs that run in their place."""
    notebook = copy.deepcopy(lesson)
    notebook.cells = [cell for cell in notebook.cells if not {"solution", "instructor"} & _tags(cell)]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = _checked(REGION.sub(_stub, cell.source + "\n").rstrip("\n"))
    notebook.metadata.recsys_teach["built"] = fingerprint(notebook)
    return notebook


def solved(lesson: NotebookNode) -> NotebookNode:
    """Keep the solutions, drop their marks."""
    notebook = copy.deepcopy(lesson)
    notebook.cells = [cell for cell in notebook.cells if "instructor" not in _tags(cell)]
    for cell in notebook.cells:
        cell.source = REGION.sub(r"\2", cell.source + "\n").rstrip("\n")
    return notebook


def execute(
    notebook: NotebookNode, *, threads: int = 1, strict: bool = True, report: Path | None = None
) -> NotebookNode:
    """Return a copy of a notebook that was run without network, its outputs free of what changes from run to run.

    Parameters
    ----------
    notebook : NotebookNode
        An unsolved chapter, a solved one or any other; not changed.
    threads : int
        For linear algebra.
    strict : bool
        Whether every check that is not ok stops the run.
    report : Path, optional
        JSON file for the results of all checks.
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
    """Digest of the cells' text, to notice whether a learner changed a chapter."""
    return _digest(*(cell.source for cell in notebook.cells))


def to_text(notebook: NotebookNode) -> str:
    """Write a notebook as the text of its file."""
    return nbformat.writes(notebook, version=nbformat.NO_CONVERT, indent=1) + "\n"


def sources_only(notebook: NotebookNode) -> str:
    """Write a notebook without outputs, to compare what does not depend on the machine."""
    bare = copy.deepcopy(notebook)
    for cell in bare.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return to_text(bare)


def check(path: Path) -> list[str]:
    """List what is committed for a lesson and would be built differently."""
    lesson = read_lesson(path)
    chapter, solution = (folder / f"{path.parent.name}.ipynb" for folder in (CHAPTERS, SOLUTIONS))
    missing = [f"{file.relative_to(REPOSITORY)} is missing" for file in (chapter, solution) if not file.exists()]
    if missing:
        return missing
    wrong = []
    if chapter.read_text("utf-8") != to_text(unsolved(lesson)):
        wrong.append(f"chapters/{chapter.name} is not what the lesson says")
    committed = nbformat.read(solution, as_version=nbformat.NO_CONVERT)
    if sources_only(committed) != sources_only(solved(lesson)):
        wrong.append(f"solutions/{solution.name} is not what the lesson says")
    if any(cell.cell_type == "code" and not cell.execution_count for cell in committed.cells):
        wrong.append(f"solutions/{solution.name} was not executed")
    return wrong


def build(path: Path) -> None:
    """Write the chapter and the executed solution of a lesson."""
    lesson = read_lesson(path)
    executed = execute(solved(lesson))  # first: a lesson that fails must not replace a chapter
    chapter = CHAPTERS / f"{path.parent.name}.ipynb"
    keep_learners_work(chapter)
    write_whole(chapter, to_text(unsolved(lesson)))
    write_whole(SOLUTIONS / f"{path.parent.name}.ipynb", to_text(executed))


def keep_learners_work(chapter: Path) -> None:
    """Copy a chapter that somebody worked in to my_work/ before it is written anew."""
    if not chapter.exists():
        return
    notebook = nbformat.read(chapter, as_version=nbformat.NO_CONVERT)
    if notebook.metadata.get("recsys_teach", {}).get("built") == fingerprint(notebook):
        return
    copy = copy_aside(CHAPTERS.parent, f"{CHAPTERS.name}/{chapter.name}")
    print(f"{chapter.name} held work of yours: it is kept as {copy.relative_to(CHAPTERS.parent)}")


def _stub(region: re.Match[str]) -> str:
    """Choose what stands in place of a solution: `return TODO` in a function, `name = TODO` for a value."""
    indent, code = region.groups()
    if indent:
        return f"{indent}return TODO\n"
    assigned = [statement.targets[0] for statement in ast.parse(code).body if isinstance(statement, ast.Assign)]
    names = [ast.unparse(part) for part in getattr(assigned[-1], "elts", assigned[-1:])] if assigned else []
    if not names:
        raise ValueError(f"This solution assigns nothing, so there is no stub for it:\n{code}")
    return f"{' = '.join(names)} = TODO\n"


def _checked(source: str) -> str:
    """Refuse a student's cell that does not run or gives the solution away."""
    if re.search(r"#+ *(begin|end) +solution", source, re.I):
        raise ValueError(f"The marks ### BEGIN SOLUTION and ### END SOLUTION do not fit together:\n{source}")
    try:
        compile(source, "student", "exec")
    except SyntaxError as error:
        raise ValueError(
            f"The stub would not run ({error}); put the marks around a function's body:\n{source}"
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
    """Build or check the lessons that are named, or all."""
    numbers = [argument for argument in arguments if argument != "--check"]
    known = sorted(LESSONS.glob(EACH_LESSON))
    lessons = [path for path in known if not numbers or path.parent.name[:2] in numbers]
    if not lessons:
        print(f"No lesson matches {numbers}; there are {[path.parent.name for path in known]}.")
        return 2
    if "--check" in arguments:
        wrong = [line for path in lessons for line in check(path)]
        print("\n".join([*wrong, "Run: python authoring/build.py"]) if wrong else "Everything committed is as built.")
        return bool(wrong)
    for path in lessons:
        start = time.monotonic()
        build(path)
        print(f"{path.parent.name}: built in {time.monotonic() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
