"""Set-up: course.py with a pretended pip, environment.yml, constraints.txt. Nothing is installed here."""

import ast
import importlib.util
import subprocess
import sys
import tomllib
from collections import namedtuple
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def module_from(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Computer:
    """A pretended computer: what was run, and what the programs answer."""

    def __init__(self, course, folder):
        self.course, self.folder, self.ran = course, folder, []
        self.pip = (0, "")
        self.fetch_code = 0

    def call(self, command, **_):
        self.ran.append(command)
        if "venv" in command:
            python = self.course.in_venv("python")
            python.parent.mkdir(parents=True, exist_ok=True)
            python.write_text("")
            (self.folder / ".venv" / "pyvenv.cfg").write_text("version = 3.11.7")
            return 0
        if "-c" in command:
            return 0 if Path(command[0]).exists() else 1
        return self.fetch_code

    def run_visibly(self, command):
        self.ran.append(command)
        if isinstance(self.pip, BaseException):
            raise self.pip
        return self.pip

    def hand_over(self, command):
        self.ran.append(command)
        return 7

    def times(self, word):
        return sum(word in command for command in self.ran)


@pytest.fixture
def course(tmp_path, monkeypatch):
    """The module course.py, at home in an empty folder with the two lists."""
    course = module_from(REPOSITORY / "course.py")
    monkeypatch.setattr(course, "HERE", tmp_path)
    monkeypatch.setattr(course, "VENV", tmp_path / ".venv")
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text(name)
    return course


@pytest.fixture
def computer(course, tmp_path, monkeypatch):
    computer = Computer(course, tmp_path)
    monkeypatch.setattr(course.subprocess, "call", computer.call)
    monkeypatch.setattr(course, "run_visibly", computer.run_visibly)
    monkeypatch.setattr(course, "hand_over", computer.hand_over)
    return computer


def test_the_first_start_makes_installs_fetches_and_hands_on_every_argument(course, computer):
    assert course.main(["lab", "--no-browser"]) == 7
    assert [computer.times(word) for word in ("venv", "pip", "fetch")] == [1, 1, 1]
    assert computer.ran[-1] == [str(course.in_venv("recsys-teach")), "lab", "--no-browser"]


def test_the_installation_takes_the_tested_versions(course, computer, tmp_path):
    course.main(["doctor"])
    (pip,) = (command for command in computer.ran if "pip" in command)
    assert pip[-4:] == ["-e", str(tmp_path), "-c", str(tmp_path / "constraints.txt")]


def test_the_second_start_runs_nothing_but_the_command(course, computer):
    course.main(["test"])
    computer.ran.clear()
    assert course.main(["test", "-k", "world"]) == 7
    assert computer.ran == [course.course_command(["test", "-k", "world"])]


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_changed_list_installs_again_without_a_new_environment(course, computer, tmp_path, name):
    course.main(["lab"])
    computer.ran.clear()
    (tmp_path / name).write_text("changed")
    course.main(["lab"])
    assert [computer.times(word) for word in ("venv", "pip", "fetch")] == [0, 1, 0]


def test_an_interrupted_set_up_ends_with_130_and_resumes_without_a_new_environment(course, computer, capsys):
    computer.pip = KeyboardInterrupt()
    assert course.main(["lab"]) == 130
    assert "Type the same command again" in capsys.readouterr().err
    computer.pip = (0, "")
    assert course.main(["lab"]) == 7
    assert [computer.times(word) for word in ("venv", "pip")] == [1, 2]


def test_an_installation_that_failed_is_not_taken_for_whole(course, computer):
    computer.pip = (1, "ERROR: something")
    assert course.main(["lab"]) == 1
    assert not course.is_installed()
    computer.pip = (0, "")
    assert course.main(["lab"]) == 7


def test_an_environment_without_python_is_made_anew(course, computer):
    course.main(["lab"])
    course.in_venv("python").unlink()
    computer.ran.clear()
    assert course.main(["lab"]) == 7
    assert [computer.times(word) for word in ("venv", "pip")] == [1, 1]


def test_without_the_real_data_the_course_opens_all_the_same(course, computer, capsys):
    computer.fetch_code = 1
    assert course.main(["lab"]) == 7
    assert "python course.py fetch" in capsys.readouterr().out


def test_only_lab_and_test_fetch_by_themselves(course, computer):
    course.main(["doctor"])
    assert computer.times("fetch") == 0
    course.main(["lab"])
    assert computer.times("fetch") == 1


@pytest.mark.parametrize(
    ("pip_says", "words"),
    [
        ("Failed to establish a new connection: [Errno -2]", "index could not be reached"),
        ("ERROR: No matching distribution found for torch", "index could not be reached"),
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("ERROR: [Errno 13] Permission denied: 'x'", "cannot be written"),
        ("ERROR: something nobody thought of", "pip stopped with code 2"),
    ],
)
def test_each_failure_of_pip_says_what_to_do(course, computer, capsys, pip_says, words):
    computer.pip = (2, pip_says)
    assert course.main(["lab"]) == 1
    said = capsys.readouterr().err
    assert words in said
    assert "Then type the same command again" in said


def test_an_old_python_is_told_which_one_is_needed(course, computer, capsys, monkeypatch):
    monkeypatch.setattr(course.sys, "version_info", (3, 8, 1))
    assert course.main(["lab"]) == 1
    assert "needs Python 3.11 or newer; this is 3.8" in capsys.readouterr().err
    assert computer.ran == []


def test_an_old_python_can_read_the_file():
    ast.parse((REPOSITORY / "course.py").read_text(encoding="utf-8"), feature_version=(3, 6))


def test_the_oldest_python_is_the_one_of_pyproject(course):
    assert PROJECT["requires-python"] == ">=3.11"
    assert "Python 3.11 or newer" in (REPOSITORY / "course.py").read_text(encoding="utf-8")


def test_a_full_disk_is_found_before_anything_is_made(course, computer, capsys, monkeypatch):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(course.shutil, "disk_usage", lambda _: usage(1_500_000_000))
    assert course.main(["lab"]) == 1
    assert "1.5 GB are free" in capsys.readouterr().err
    assert computer.times("venv") == 0


def test_a_python_without_ensurepip_names_the_debian_package(course, computer, capsys, monkeypatch):
    monkeypatch.setattr(course.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else "spec")
    assert course.main(["lab"]) == 1
    assert "python3-venv" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_named(course, computer, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(course, "VENV", tmp_path / "pyproject.toml" / ".venv")
    assert course.main(["lab"]) == 1
    assert f"{tmp_path} cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_without_a_command_it_says_what_can_be_typed(course, computer, capsys, arguments):
    assert course.main(arguments) == 0
    said = capsys.readouterr().out
    assert all(f"python course.py {command}" in said for command in ("lab", "test", "doctor", "update"))
    assert computer.ran == []


def test_what_pip_writes_as_errors_is_shown_and_kept(course, capsys):
    program = "import sys; print('trouble', file=sys.stderr); sys.exit(3)"
    assert course.run_visibly([sys.executable, "-c", program]) == (3, "trouble\n")
    assert capsys.readouterr().err == "trouble\n"


def test_the_exit_code_is_that_of_the_command():
    run = f"import runpy, sys; course = runpy.run_path({str(REPOSITORY / 'course.py')!r})"
    code = f"{run}; sys.exit(course['hand_over']([sys.executable, '-c', 'raise SystemExit(5)']))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 5


def test_conda_installs_the_same_package_and_names_no_version_twice():
    conda = yaml.safe_load((REPOSITORY / "environment.yml").read_text(encoding="utf-8"))
    *from_conda, last = conda["dependencies"]
    assert from_conda == [f"python{PROJECT['requires-python']}", "pip"]
    assert sorted(last["pip"]) == ["-c constraints.txt", "-e ."]


def test_constraints_hold_every_dependency():
    constraints = module_from(REPOSITORY / "authoring" / "constraints.py")
    assert constraints.problems(constraints.FILE.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("torch==2.13.0\n", "", "torch is missing"),
        ("torch==2.13.0\n", "torch==2.13.0+cpu\n", "expected name==version"),
        ("torch==2.13.0\n", "torch==2.14.0\n", "not in the range"),
        ("torch==2.13.0\n", "torch==2.13.0\nabc==1\n", "not sorted"),
    ],
)
def test_the_check_of_constraints_finds_a_wrong_line(old, new, words):
    constraints = module_from(REPOSITORY / "authoring" / "constraints.py")
    text = constraints.FILE.read_text(encoding="utf-8")
    assert old in text
    assert any(words in problem for problem in constraints.problems(text.replace(old, new)))


def test_each_direct_dependency_stands_once_in_the_list():
    names = [canonicalize_name(Requirement(text).name) for text in PROJECT["dependencies"]]
    assert len(names) == len(set(names))
