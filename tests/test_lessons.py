"""The notebooks as texts: headings, claims behind numbers, captions, sizes, and what must not be in them."""

import ast
import json
import re
from itertools import pairwise

import nbformat
import numpy as np
import pytest
from conftest import LESSONS, REPOSITORY

from recsys_teach.learn.chapters import chapters

NAMES = [path.parent.name for path in LESSONS]
each_lesson = pytest.mark.parametrize("name", NAMES)

HYPE = re.compile(r"\b(simply|obviously|drastically|just|clearly|trivially|of course)\b", re.I)
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


def numbers_in(text):
    return [float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*\.?\d*(?:e-?\d+)?|\.\d+", text)]


def claimed_numbers(source):
    """Numbers given to near, within, above and below in the claims of a cell."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    values = [k.value for call in calls if getattr(call.func, "id", "") == "claim" for k in call.keywords]
    return [float(value.value) for value in values if isinstance(value, ast.Constant)]


def backing_numbers(name):
    """Numbers that a claim states or prints, and those that the declared cases of the exercises give."""
    found = []
    for cell in code_cells(read("solutions", name)):
        if "claim" in cell.metadata.get("tags", []):
            found += claimed_numbers(cell.source)
            found += numbers_in(" ".join(output.get("text", "") for output in cell.outputs))
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
def test_number_in_prose_is_backed_by_a_claim(name):
    backing = backing_numbers(name)
    for text in prose(read("solutions", name)):
        for token in NUMBER.findall(text):
            digits = len(token.partition(".")[2])
            value = float(token.replace(",", ""))
            backed = [number for number in backing for scale in (1, 100) if round(number * scale, digits) == value]
            assert backed, f"{token} stands in the text, and no claim backs it: ...{text.strip()[:200]}..."


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
    assert levels.count(1) == 1 and levels[0] == 1
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
    lines = [sum(1 for line in cell.source.splitlines() if line.strip()) for cell in code_cells(notebook)]
    assert max(lines) <= 30
    assert np.median(lines) <= 8
    pairs = pairwise(notebook.cells)
    follows = sum(before.cell_type == "markdown" and cell.cell_type == "code" for before, cell in pairs)
    assert follows >= 0.8 * len(lines)


@each_lesson
def test_chapter_has_the_size_of_a_lesson(name):
    notebook = read("chapters", name)
    words = sum(
        len(re.sub(r"<[^>]+>|https?://\S+|\$[^$]*\$", " ", c.source).split())
        for c in notebook.cells
        if c.cell_type == "markdown"
    )
    assert 25 <= len(notebook.cells) <= 140
    assert 900 <= words <= 6500
    for folder in ("chapters", "solutions"):
        assert (REPOSITORY / folder / f"{name}.ipynb").stat().st_size <= 900_000


@each_lesson
def test_minutes_in_the_front_matter_fit_the_chapter(name):
    notebook = read("chapters", name)
    minutes = notebook.metadata.recsys_teach["minutes"]
    words = sum(len(text.split()) for text in prose(notebook))
    assert 60 <= words / minutes["reading"] <= 150, "slow reading, with formulas, code and figures between"
    exercises = sum(exercise.minutes for exercise in chapters()[name[:2]].exercises)
    assert minutes["doing"] == exercises + 5, "five minutes for the prediction and the quiz"


@each_lesson
def test_objectives_of_text_and_declaration_agree(name):
    chapter = chapters()[name[:2]]
    text = "\n".join(cell.source for cell in read("chapters", name).cells if cell.cell_type == "markdown")
    assert dict(re.findall(r"^- \*\*(O\d+\.\d+)\*\* (.+?)(?=\n- |\n\n|\Z)", text, re.M)) == dict(chapter.objectives)
    recap = text.split("## Recap")[1]
    assert all(objective in recap for objective in chapter.objectives)


@each_lesson
def test_exercise_headings_and_checks_agree_with_the_declaration(name):
    notebook = read("chapters", name)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    code = "\n".join(cell.source for cell in code_cells(notebook))
    declared = []
    for exercise in chapters()[name[:2]].exercises:
        unit = "minute" if exercise.minutes == 1 else "minutes"
        declared.append(f"### Exercise {exercise.id} · {exercise.title} ({exercise.level}, {exercise.minutes} {unit})")
        assert f'check("{exercise.id}"' in code
    assert re.findall(r"^### Exercise .*$", text, re.M) == declared


@each_lesson
def test_each_exercise_has_a_worked_solution(name):
    worked = [c for c in read("solutions", name).cells if "solution" in c.metadata.get("tags", [])]
    assert len(worked) >= len(chapters()[name[:2]].exercises)
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


def test_every_exercise_has_a_chapter_and_every_chapter_exercises():
    assert {name[:2] for name in NAMES} == set(chapters())
