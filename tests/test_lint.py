"""Style, types and the syntax of docstrings are part of the gate."""

import ast
import importlib
import inspect
import re
import subprocess
import sys

import pytest
from conftest import REPOSITORY

DOCUMENTED = [
    path
    for path in [*(REPOSITORY / "recsys_teach").rglob("*.py"), *(REPOSITORY / "authoring").glob("*.py")]
    if "no_network" not in path.parts
]


def run_module(*command):
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.parametrize(
    "command",
    ["ruff check .", "ruff format --check .", "mypy recsys_teach authoring/build.py authoring/constraints.py"],
)
def test_tool_finds_nothing(command):
    ran = run_module(*command.split())
    assert ran.returncode == 0, ran.stdout + ran.stderr


def parameters_of_class(path, line):
    """Return the parameters of the class in this line: of a dataclass, inherited, or declared for subclasses."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    name = next((node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.lineno == line), None)
    if name is None:
        return set()
    module = importlib.import_module(".".join(path.relative_to(REPOSITORY).with_suffix("").parts))
    found = getattr(module, name)
    return {*inspect.signature(found).parameters, *inspect.get_annotations(found)}


def test_docstrings_are_numpydoc():
    """Numpydoc reads a signature from ``__init__`` in the class itself; the other classes are looked up here."""
    files = sorted(path.relative_to(REPOSITORY).as_posix() for path in DOCUMENTED)
    ran = run_module("numpydoc", "lint", "--config", ".", *files)
    found = []
    for finding in filter(None, ran.stdout.splitlines() + ran.stderr.splitlines()):
        if unknown := re.match(r"(.+\.py):(\d+): PR02 Unknown parameters (.+)", finding):
            names = ast.literal_eval(unknown[3])
            if names <= parameters_of_class(REPOSITORY / unknown[1], int(unknown[2])):
                continue
        found.append(finding)
    assert not found, "\n".join([f"{len(found)} findings", *found])


def test_numpydoc_would_find_a_description_on_the_line_of_the_type(tmp_path):
    text = (
        '"""Say."""\n\n\ndef f(k):\n    """Return k.\n\n    Parameters\n    ----------\n    k : int. A size.\n    """\n'
    )
    (tmp_path / "made_up.py").write_text(text, encoding="utf-8")
    ran = run_module("numpydoc", "lint", "--config", ".", str(tmp_path / "made_up.py"))
    assert ran.returncode and "PR05" in ran.stdout + ran.stderr and "PR07" in ran.stdout + ran.stderr
