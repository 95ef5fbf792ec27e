"""The notebooks as texts: headings, claims behind numbers, captions, sizes, and what must not be in them."""

import ast
import json
import re
import sys
from itertools import pairwise

import nbformat
import numpy as np
import pytest
from conftest import LESSONS, REPOSITORY

from recsys_teach.learn.chapters import chapters

sys.path.insert(0, str(REPOSITORY / "authoring"))
import build

NAMES = [path.parent.name for path in LESSONS]
each_lesson = pytest.mark.parametrize("name", NAMES)

HYPE = re.compile(r"\b(simply|obviously|drastically|just|clearly|trivially|of course)\b", re.I)
CALCULATION = re.compile(r"\d\s*[=≈]\s*[\d.(−-]|[+·/×−]\s*\.?\d[\d.]*\s*[)=≈]")  # such as 1.2 + 0.3 = 1.5
NUMBER = re.compile(r"(?<![\w.@/])(\d[\d,]*\.\d+|\.\d+|\d[\d,]*(?=\s?%))(?![\w/])")


def read(folder, name):
    return nbformat.read(REPOSITORY / folder / f"{name}.ipynb", as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook):
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def prose(notebook):
    """Markdown without code, formulas, links, and references to sections, tables and exercises."""
    kept = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = re.sub(r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|https?://\S+|<[^>]+>", " ", cell.source, flags=re.S)
            text = re.sub(r"\b(section|table|equation|chapter|exercise|figure)s?\s+[\d.]+", " ", text, flags=re.I)
            kept.append(re.sub(r"\b[OPQ]\d+\.\d+", " ", text))
    return kept


def shown_texts(cell):
    """Return everything that a cell shows as text: printed lines, and the text form of cards and tables."""
    return " ".join(
        output.get("text", "") + " " + output.get("data", {}).get("text/plain", "") for output in cell.outputs
    )


def edition(name):
    """Return the edition that the front matter of a lesson states: 1 until a chapter is rewritten."""
    return read("chapters", name).metadata.recsys_teach.get("edition", 1)


def is_folded(cell):
    return bool(cell.metadata.get("jupyter", {}).get("source_hidden"))


def numbers_in(text):
    return [float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*\.?\d*(?:e-?\d+)?|\.\d+", text)]


def claimed_numbers(source):
    """Numbers given to near, within, above and below in the claims of a cell."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    values = [k.value for call in calls if getattr(call.func, "id", "") == "claim" for k in call.keywords]
    return [float(value.value) for value in values if isinstance(value, ast.Constant)]


def backing_numbers(name):
    """Numbers that a cell shows or a claim tests, and those that the declared cases of the exercises return."""
    found = []
    for cell in code_cells(read("solutions", name)):
        found += numbers_in(shown_texts(cell))
        if "claim" in cell.metadata.get("tags", []):
            found += claimed_numbers(cell.source)
        elif not is_folded(cell):
            found += numbers_in(cell.source)
    for exercise in chapters()[name[:2]].exercises:
        if exercise.wants_function:
            for case in exercise.cases:
                result = exercise.reference(*case)
                for part in result if isinstance(result, tuple) else [result]:
                    found += np.ravel(np.asarray(part, dtype=float)).tolist()
                found += [number for part in case for number in numbers_in(str(part))]
        else:
            found += numbers_in(str(exercise.reference()))
    return found


@each_lesson
def test_number_in_prose_is_shown_claimed_or_calculated(name):
    backing = backing_numbers(name)
    for text in prose(read("solutions", name)):
        if CALCULATION.search(text):  # the text itself shows where its numbers come from
            continue
        for token in NUMBER.findall(text):
            digits = len(token.partition(".")[2])
            value = float(token.replace(",", ""))
            backed = [number for number in backing for scale in (1, 100) if round(number * scale, digits) == value]
            assert backed, f"{token} is in the text, and no output or claim backs it: ...{text.strip()[:200]}..."


def test_unbacked_number_would_be_found():
    text = "The score rises to .731, by 12 % (Smith 2010, table 3.2)."
    cleaned = prose(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)]))
    assert NUMBER.findall(cleaned[0]) == [".731", "12"]


@each_lesson
def test_headings_start_with_one_title_and_never_jump(name):
    levels = []
    for text in (cell.source for cell in read("chapters", name).cells if cell.cell_type == "markdown"):
        text = re.sub(r"```.*?```", "", text, flags=re.S)
        levels += [len(marks) for marks in re.findall(r"^(#{1,6}) ", text, re.M)]
    assert levels[0] == 1
    assert edition(name) > 1 or levels.count(1) == 1  # a rewritten chapter also has a heading for each sitting
    assert all(after <= before + 1 for before, after in pairwise(levels))


@each_lesson
def test_code_has_no_magic_no_semicolon_no_clock_and_no_silenced_warning(name):
    for cell in code_cells(read("solutions", name)):
        assert not re.search(r";[ \t]*$", cell.source, re.M), cell.source
        assert not re.search(r"^\s*[%!]", cell.source, re.M), cell.source
        assert not re.search(
            r"\btime\.(time|perf_counter|monotonic)\b|datetime|simplefilter|filterwarnings", cell.source
        )
        assert not re.search(r"plt\.show|raises-exception", cell.source + str(cell.metadata))


@each_lesson
def test_code_cells_stay_small_and_follow_prose(name):
    notebook = read("chapters", name)
    visible = [cell for cell in code_cells(notebook) if not is_folded(cell)]
    lines = [sum(1 for line in cell.source.splitlines() if line.strip()) for cell in visible]
    assert max(lines) <= (30 if edition(name) == 1 else 20)
    assert np.median(lines) <= 12


@each_lesson
def test_notebook_loads_quickly(name):
    for folder in ("chapters", "solutions"):
        assert (REPOSITORY / folder / f"{name}.ipynb").stat().st_size <= 900_000


@each_lesson
def test_minutes_in_the_front_matter_fit_the_chapter(name):
    notebook = read("solutions", name)
    minutes = notebook.metadata.recsys_teach["minutes"]
    if edition(name) == 1:  # its minutes are known to be too few; each chapter gets others when it is rewritten
        return
    texts = [cell.source for cell in read("chapters", name).cells if cell.cell_type == "markdown"]
    words = sum(len(text.split()) for text in prose(read("chapters", name)))
    formulas = sum(len(found.split()) for text in texts for found in re.findall(r"\$\$.*?\$\$|\$[^$]+\$", text, re.S))
    pictures = sum("image/png" in output.get("data", {}) for output in outputs(notebook))
    tables = sum("<table" in output.get("data", {}).get("text/html", "") for output in outputs(notebook))
    reading = words / 150 + formulas / 40 + 3 * (pictures + tables)
    assert 0.7 <= minutes["reading"] / reading <= 1.3, f"about {reading:.0f} minutes of reading"
    doing = sum(task.minutes for task in chapters()[name[:2]].tasks)
    assert doing <= minutes["doing"] <= 1.5 * doing + 10


@each_lesson
def test_objectives_of_text_and_declaration_agree(name):
    chapter = chapters()[name[:2]]
    text = "\n\n".join(cell.source for cell in read("chapters", name).cells if cell.cell_type == "markdown")
    listed = re.findall(r"^- \*\*(O\d+\.\d+)\*\* (.+?)(?=\n- |\n\n|\Z)", text, re.M | re.S)
    listed = {objective: " ".join(words.split()) for objective, words in listed}
    assert listed == dict(chapter.objectives), "list each objective as '- **O1.1** text', with the text as declared"
    recap = text.split("## Recap")[1]
    assert all(objective in recap for objective in chapter.objectives)


@each_lesson
def test_exercise_headings_and_checks_agree_with_the_declaration(name):
    notebook = read("chapters", name)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    code = "\n".join(cell.source for cell in code_cells(notebook))
    declared = []
    for exercise in chapters()[name[:2]].tasks:
        unit = "minute" if exercise.minutes == 1 else "minutes"
        declared.append(f"### Exercise {exercise.id} · {exercise.title} ({exercise.level}, {exercise.minutes} {unit})")
        assert f'check("{exercise.id}"' in code
    written = re.findall(r"^### Exercise .*$", text, re.M)
    assert not set(declared) - set(written), f"missing headings: {sorted(set(declared) - set(written))}"
    assert sorted(written) == sorted(declared)


@each_lesson
def test_each_exercise_has_a_worked_solution(name):
    worked = [c for c in read("solutions", name).cells if "solution" in c.metadata.get("tags", [])]
    n_tasks = len(chapters()[name[:2]].tasks)
    assert len(worked) >= n_tasks, f"{n_tasks} exercises and decisions, {len(worked)} cells tagged solution"
    assert all("**Typical mistake.**" in c.source and "**Another way.**" in c.source for c in worked)


@each_lesson
def test_figures_have_caption_and_description(name):
    for output in outputs(read("solutions", name)):
        data = output.get("data", {})
        if any(kind.startswith("image/") for kind in data):
            assert re.search(r'<img [^>]*alt="[^"]{60,}"', data["text/html"])
            assert "<figcaption>" in data["text/html"]
            assert data["text/plain"].startswith("Figure: ")


@each_lesson
def test_outputs_hold_no_error_no_warning_and_no_path_of_a_machine(name):
    notebook = read("solutions", name)
    assert all(output.output_type != "error" and output.get("name") != "stderr" for output in outputs(notebook))
    for output in outputs(notebook):
        output.get("data", {}).pop("image/png", None)  # its base64 may look like anything
    text = json.dumps(outputs(notebook))
    assert str(REPOSITORY) not in text
    assert not re.search(r"/home/|/root/|/Users/|site-packages|0x[0-9a-f]{6}", re.sub(r"base64,[^\"\\]*", "", text))


@each_lesson
def test_unsolved_chapter_has_no_outputs_and_no_solution(name):
    notebook = read("chapters", name)
    assert all(not cell.outputs and cell.execution_count is None for cell in code_cells(notebook))
    text = "\n".join(cell.source for cell in notebook.cells)
    assert "SOLUTION" not in text and "**Typical mistake.**" not in text


@each_lesson
def test_prose_has_no_hype_and_no_exclamation_mark(name):
    for text in prose(read("solutions", name)):
        assert not HYPE.search(text), HYPE.search(text)
        assert "!" not in text


def names_defined(cell):
    """Names of variables that a cell defines at its top level; functions, classes and imports do not count."""
    found = set()
    for node in ast.parse(cell.source).body:
        for part in ast.walk(node) if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Import) else ():
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                found.add(part.id)
    return found


@each_lesson
def test_folded_cells_of_figures_and_claims_define_no_variables(name):
    if edition(name) == 1:
        return
    for cell in code_cells(read("chapters", name)):
        if is_folded(cell) and "setup" not in cell.metadata.tags:
            assert not names_defined(cell), f"put into a function: {sorted(names_defined(cell))}"


@each_lesson
def test_rewritten_chapter_has_diagrams_decisions_and_sittings(name):
    if edition(name) == 1:
        return
    notebook = read("chapters", name)
    assert len(chapters()[name[:2]].decisions) >= 2
    assert any("diagram" in cell.metadata.get("tags", []) for cell in code_cells(notebook))
    headings = re.findall(
        r"^# Sitting \d", "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown"), re.M
    )
    assert 2 <= len(headings) <= 3, "expected two or three headings '# Sitting 1 · …', with a single #"


@each_lesson
def test_plots_and_claims_are_folded_and_their_output_is_not(name):
    for cell in code_cells(read("chapters", name)):
        tags = set(cell.metadata.get("tags", []))
        assert is_folded(cell) == bool(tags & build.FOLDED)
        assert is_folded(cell) == ("hide-input" in tags)
        assert not cell.metadata.get("jupyter", {}).get("outputs_hidden")
        if re.search(r"^(show|slider)\(|^claim\(", cell.source, re.M) and edition(name) > 1:
            assert is_folded(cell), cell.source


def test_readme_lists_the_chapters_that_exist_as_available():
    rows = re.findall(r"^\| (\d\d) \|.*\| (\w+) \|$", (REPOSITORY / "README.md").read_text("utf-8"), re.M)
    assert {number for number, status in rows if status == "available"} == {name[:2] for name in NAMES}


def test_every_exercise_has_a_chapter_and_every_chapter_exercises():
    assert {name[:2] for name in NAMES} == set(chapters())
