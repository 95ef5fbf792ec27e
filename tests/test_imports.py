"""What a chapter imports: the first ones start without PyTorch, which takes seconds."""

import ast
import os
import subprocess
import sys

import pytest
from conftest import LESSONS, REPOSITORY

from recsys_teach import models


def imports_of(lesson):
    """Return the import statements of a lesson, as a program."""
    tree = ast.parse(lesson.read_text("utf-8"))
    return "\n".join(ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom))


@pytest.mark.parametrize("lesson", LESSONS[:5], ids=lambda path: path.parent.name)
def test_chapters_without_networks_start_without_pytorch(lesson):
    number = lesson.parent.name[:2]
    program = f"""
import sys
{imports_of(lesson)}
from recsys_teach.learn.chapters import chapters
assert chapters()["{number}"].exercises
print("torch" in sys.modules)
"""
    env = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=env, check=False)
    assert ran.stdout == "False\n", ran.stdout + ran.stderr


@pytest.mark.parametrize("name", models.__all__)
def test_every_model_is_found_by_its_name(name):
    assert getattr(models, name).__name__ == name
    assert name in dir(models)


def test_a_model_that_is_none_is_refused_with_the_names_there_are():
    with pytest.raises(AttributeError, match=r"no model 'Svd'.*Use one of .*PureSVD"):
        models.Svd  # noqa: B018
