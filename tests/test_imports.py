"""Imports: the first chapters start without PyTorch, which takes seconds; the package's layers import downward only."""

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


# The layers of the package from the lowest on; a module imports from its own layer and from lower ones.
LAYERS = (
    {"files", "_validation"},
    {"data", "figures", "bandits"},
    {"evaluation", "training"},
    {
        *("retrieval", "models", "privacy", "federated", "fairness", "offpolicy", "rerank", "scale"),
        *("security", "serving"),
    },
    {"explain", "simulate"},
    {"learn"},
    {"course", "__main__"},
)
PACKAGE = REPOSITORY / "recsys_teach"


def imported():
    """Map each module of the package to the modules of the package that it imports, wherever in its code."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")
        nodes = ast.walk(ast.parse(path.read_text("utf-8")))
        found[name] = {
            module
            for node in nodes
            if isinstance(node, ast.ImportFrom) and (module := node.module or "").startswith("recsys_teach.")
        }
    return found


def layer(module):
    part = [*module.split("."), "__main__"][1]
    return next(number for number, parts in enumerate(LAYERS) if part in parts)


def test_imports_point_down():
    for module, others in imported().items():
        if module != "recsys_teach":
            assert all(layer(other) <= layer(module) for other in others), (module, others)


def test_no_module_imports_itself_through_others():
    modules, done = imported(), set()

    def visit(module, above):
        assert module not in above, " imports ".join([*above[above.index(module) :], module])
        if module not in done:
            for other in modules.get(module, ()):
                visit(other, [*above, module])
            done.add(module)

    for module in modules:
        visit(module, [])
