"""Style and types of all code are part of the gate."""

import subprocess
import sys

import pytest
from conftest import REPOSITORY


@pytest.mark.parametrize(
    "command",
    ["ruff check .", "ruff format --check .", "mypy recsys_teach authoring/build.py authoring/constraints.py"],
)
def test_tool_finds_nothing(command):
    ran = subprocess.run(
        [sys.executable, "-m", *command.split()], cwd=REPOSITORY, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
