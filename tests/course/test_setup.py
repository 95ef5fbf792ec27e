"""Set-up: course.py with a pretended pip, environment.yml, constraints.txt. Nothing is installed here."""

import ast
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from conftest import REPOSITORY, skip_or_fail
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

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
        self.pip: object = (0, "")
        self.fetch_code = 0
        self.offline_code = 1  # whether pip finds everything without a network
        self.packages: dict | None = None  # what the environment says of itself

    def call(self, command, **_):
        self.ran.append(command)
        if "venv" in command:
            python = self.course.in_venv("python")
            python.parent.mkdir(parents=True, exist_ok=True)
            python.write_text("")
            (self.folder / ".venv" / "pyvenv.cfg").write_text("version = 3.11.7")
            self.packages = {}
            return 0
        if command[1:3] == ["pip", "install"]:
            return 0  # uv
        return self.fetch_code

    def run(self, command, **_):
        self.ran.append(command)
        words = b"Would make no changes" if self.offline_code == 0 else b"Would install numpy"
        return SimpleNamespace(returncode=0, stdout=words)

    def look(self, *_):
        return dict(self.packages) if self.packages is not None and self.course.in_venv("python").exists() else None

    def run_visibly(self, command, env):
        self.ran.append(command)
        if "--no-index" in command:
            self.packages["recsys-teach"] = None
            return 0, ""
        if isinstance(self.pip, BaseException):
            raise self.pip
        if self.pip == (0, ""):
            self.packages = dict.fromkeys(["recsys-teach", "numpy", "rich"])
        return self.pip

    def hand_over(self, command, env=None):
        self.ran.append(command)
        return 7

    def times(self, word):
        return sum(word in command for command in self.ran)

    def counts(self):
        """How often an environment was made, pip asked an index, uv looked, uv installed, the data were fetched."""
        pips = [command for command in self.ran if command[1:4] == ["-m", "pip", "install"]]
        uvs = [command for command in self.ran if command[1:3] == ["pip", "install"]]
        looked = sum("--offline" in command for command in uvs)
        asked = sum("--no-index" not in command for command in pips)
        return self.times("venv"), asked, looked, len(uvs) - looked, self.times("fetch")


@pytest.fixture
def course(tmp_path, monkeypatch):
    """The module course.py, at home in an empty folder with the two lists."""
    course = module_from(REPOSITORY / "course.py")
    monkeypatch.setattr(course, "HERE", tmp_path)
    monkeypatch.setattr(course, "VENV", tmp_path / ".venv")
    for name in ("pyproject.toml", "constraints.txt", "recsys_teach/__main__.py", course.PACKAGE_CHECK):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, tmp_path / name)
    return course


@pytest.fixture
def computer(course, tmp_path, monkeypatch):
    computer = Computer(course, tmp_path)
    monkeypatch.setattr(course.subprocess, "call", computer.call)
    monkeypatch.setattr(course.subprocess, "run", computer.run)
    monkeypatch.setattr(course, "pip_environment", dict)
    monkeypatch.setattr(course, "look", computer.look)
    monkeypatch.setattr(course, "run_visibly", computer.run_visibly)
    monkeypatch.setattr(course, "hand_over", computer.hand_over)
    return computer


def test_first_start_makes_installs_fetches_and_passes_every_argument_on(course, computer):
    assert course.main(["lab", "--no-browser"]) == 7
    assert computer.counts() == (1, 1, 0, 1, 1)
    assert computer.ran[-1] == course.course_command(["lab", "--no-browser"])


def test_torch_is_chosen_by_pip_before_uv_and_pip_finishes(course, computer):
    course.main(["progress"])
    _, first, uv, last, _ = computer.ran
    assert first[1:7] == ["-m", "pip", "install", "torch", "setuptools", "uv"]
    assert uv[0] == str(course.in_venv("uv"))
    assert last[-5:] == ["--no-index", "--no-deps", "--no-build-isolation", "--editable", "."]
    for command in (first, uv):
        assert command[-2:] == ["-c", "constraints.txt"], "the tested versions, whoever installs"


def test_the_second_start_runs_nothing_but_the_command(course, computer):
    course.main(["test"])
    computer.ran.clear()
    assert course.main(["test", "-k", "world"]) == 7
    assert computer.ran == [course.course_command(["test", "-k", "world"])]


def test_the_first_test_adds_dev_and_the_lab_does_not(course, computer, capsys):
    course.main(["lab"])
    assert not any(".[dev]" in command for command in computer.ran)
    course.main(["test"])
    assert "the extra dev" in capsys.readouterr().out
    assert ".[dev]" in computer.ran[-2]
    assert computer.times("venv") == 1


def test_an_extra_stays_when_the_lists_change(course, computer, tmp_path):
    course.main(["add", "scale"])
    (tmp_path / "constraints.txt").write_text("numpy==99\n")
    computer.ran.clear()
    course.main(["lab"])
    assert any(".[scale]" in command for command in computer.ran)


@pytest.mark.parametrize(
    ("arguments", "got"), [([], "nothing"), (["spark"], "'spark'"), (["scale", "x"], "'x'"), (["base"], "'base'")]
)
def test_an_unknown_extra_is_refused_with_the_list_before_anything_is_installed(
    course, computer, capsys, arguments, got
):
    assert course.main(["add", *arguments]) == 1
    assert f"one of benchmarks, dev, scale; got {got}" in capsys.readouterr().err
    assert computer.ran == []


def test_the_peers_of_the_benchmarks_get_their_separate_environment(course, computer):
    course.main(["add", "benchmarks"])
    ((_, script),) = computer.ran
    assert Path(script).parts[-2:] == ("benchmarks", "setup.py")


@pytest.mark.parametrize(
    ("typed", "guess"), [("lb", "'lab'"), ("tets", "'test'"), ("doctr", "'doctor'"), ("notebook", ""), ("--lab", "")]
)
def test_a_mistyped_command_is_refused_with_the_list_before_anything_is_installed(
    course, computer, capsys, typed, guess
):
    assert course.main([typed]) == 1
    said = capsys.readouterr().err
    assert "Expected one of lab, test, fetch, doctor, progress, update, add" in said
    assert f"got {typed!r}" in said
    assert guess in said
    assert computer.ran == []


def test_every_command_of_the_command_line_is_known(course):
    from recsys_teach.course import cli

    of_cli = {command.name or command.callback.__name__ for command in cli.app.registered_commands}
    assert of_cli | {"add"} == set(course.COMMANDS)
    assert all(f"python course.py {command} " in course.__doc__ for command in course.COMMANDS)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("pyproject.toml", '"numpy>=2.0"', '"numpy>=2.1"'),
        ("constraints.txt", "numpy==", "numpy==1"),
        ("pyproject.toml", ">=3.11.5", ">=3.11.4"),
    ],
)
def test_a_changed_list_is_installed_without_a_new_environment(course, computer, tmp_path, name, old, new):
    course.main(["lab"])
    computer.ran.clear()
    text = (tmp_path / name).read_text("utf-8")
    assert old in text
    (tmp_path / name).write_text(text.replace(old, new), "utf-8")
    course.main(["lab"])
    changes_packages = "3.11" not in new
    assert computer.counts() == ((0, 1, 1, 1, 0) if changes_packages else (0, 0, 0, 0, 0))


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
@pytest.mark.parametrize("change", ["# a comment\n{}", "{}\n\n# the end\n", "\ufeff{}", "{} "])
def test_a_list_changed_by_a_comment_changes_nothing(course, computer, tmp_path, name, change):
    if "\ufeff" in change and name == "pyproject.toml":
        pytest.skip("pip cannot read a pyproject.toml with a byte order mark either")
    course.main(["lab"])
    computer.ran.clear()
    text = (tmp_path / name).read_text("utf-8")
    (tmp_path / name).write_text(change.format(text), "utf-8")
    course.main(["lab"])
    assert computer.counts() == (0, 0, 0, 0, 0)


def test_a_moved_folder_opens_without_a_network_with_a_line(course, computer, tmp_path, monkeypatch, capsys):
    course.main(["lab"])
    moved = tmp_path / "moved"
    moved.mkdir()
    for path in [path for path in tmp_path.iterdir() if path != moved]:
        path.rename(moved / path.name)
    monkeypatch.setattr(course, "HERE", moved)
    monkeypatch.setattr(course, "VENV", moved / ".venv")
    computer.ran.clear()
    computer.offline_code, computer.pip = 0, (1, "no network")
    assert course.main(["lab"]) == 7
    assert computer.counts() == (0, 0, 1, 0, 0)
    assert "no network is needed" in capsys.readouterr().out


def test_an_interrupted_set_up_ends_with_130_and_resumes(course, computer, capsys):
    computer.pip = KeyboardInterrupt()
    assert course.main(["lab"]) == 130
    assert "Type the same command again" in capsys.readouterr().err
    computer.pip = (0, "")
    assert course.main(["lab"]) == 7
    assert computer.times("venv") == 1


@pytest.mark.parametrize("first", [["lab"], ["test"], ["add", "scale"]])
def test_files_that_an_interruption_left_out_make_the_environment_again(course, computer, first):
    course.main(["lab"])
    computer.pip = KeyboardInterrupt()
    course.stamp_file("base").write_text("other lists")
    assert course.main(first) == 130
    computer.pip = (0, "")
    computer.packages["numpy"] = "../../../share/numpy/x.js"
    computer.ran.clear()
    assert course.main(first) in (0, 7)
    assert computer.times("venv") == 1


def test_an_installation_that_is_not_complete_gets_no_stamp(course, computer, capsys, monkeypatch):
    monkeypatch.setattr(course, "look", lambda *_: {"numpy": "numpy/__init__.py"})
    assert course.main(["lab"]) == 1
    assert "numpy/__init__.py is missing" in capsys.readouterr().err
    assert not course.is_installed("base")


def test_an_installation_that_failed_does_not_count_as_complete(course, computer):
    computer.pip = (1, "ERROR: something")
    assert course.main(["lab"]) == 1
    assert not course.is_installed("base")
    computer.pip = (0, "")
    assert course.main(["lab"]) == 7


@pytest.mark.parametrize("loss", ["file", "package"])
def test_a_deleted_module_is_noticed_and_only_its_package_installed_again(course, computer, loss):
    course.main(["lab"])
    if loss == "file":
        computer.packages["rich"] = "rich/console.py"
    else:
        del computer.packages["rich"]
    computer.ran.clear()
    assert course.main(["lab"]) == 7
    assert computer.times("venv") == 0
    again = next(command for command in computer.ran if "--ignore-installed" in command)
    assert [word for word in again if word in ("numpy", "rich", "recsys-teach")] == ["rich"]
    computer.ran.clear()
    course.main(["lab"])
    assert computer.counts() == (0, 0, 0, 0, 0)


def test_a_deleted_entry_point_is_repaired_without_a_network(course, computer):
    course.main(["lab"])
    computer.packages["recsys-teach"] = "../../../bin/recsys-teach"
    computer.offline_code, computer.pip = 0, (1, "no network")
    computer.ran.clear()
    assert course.main(["lab"]) == 7
    assert computer.counts() == (0, 0, 1, 0, 0)


def test_an_environment_without_python_is_made_again(course, computer):
    course.main(["lab"])
    course.in_venv("python").unlink()
    computer.ran.clear()
    assert course.main(["lab"]) == 7
    assert computer.counts() == (1, 1, 0, 1, 0)


def test_without_the_real_data_the_course_opens_all_the_same(course, computer, capsys):
    computer.fetch_code = 1
    assert course.main(["lab"]) == 7
    assert "python course.py fetch" in capsys.readouterr().out


def test_only_lab_and_test_fetch_by_themselves(course, computer):
    course.main(["progress"])
    assert computer.times("fetch") == 0
    course.main(["lab"])
    assert computer.times("fetch") == 1


def test_the_doctor_installs_nothing(course, computer):
    assert course.main(["doctor"]) == 7
    assert computer.ran == [[sys.executable, *course.course_command(["doctor"])[1:]]]


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt", "recsys_teach/__main__.py"])
def test_a_file_without_which_nothing_works_is_named_with_the_way_to_get_it_back(
    course, computer, tmp_path, capsys, name
):
    (tmp_path / name).unlink()
    assert course.main(["lab"]) == 1
    assert f"git checkout -- {name}" in capsys.readouterr().err
    assert computer.ran == []


@pytest.mark.parametrize(
    ("pip_says", "words"),
    [
        ("Failed to establish a new connection: [Errno -2]", "index could not be reached"),
        ("ERROR: No matching distribution found for torch", "macOS 14"),
        ("Connection refused\nERROR: No matching distribution found for torch", "index could not be reached"),
        ("OSError: [Errno 28] No space left on device", "is full"),
        ("ERROR: [Errno 13] Permission denied: 'x'", "cannot be written"),
        ("ERROR: Missing dependencies for SOCKS support.", "Set HTTPS_PROXY and ALL_PROXY to an http:// proxy"),
        ("OSError: Could not find a suitable TLS CA certificate bundle, invalid path: /x", "Set PIP_CERT"),
        ("ERROR: something nobody thought of", "pip stopped with code 2"),
    ],
)
def test_each_failure_of_pip_says_its_last_line_and_what_to_do(course, computer, capsys, pip_says, words):
    computer.pip = (2, pip_says)
    assert course.main(["lab"]) == 1
    said = capsys.readouterr().err
    assert words in said
    assert f"pip: {pip_says.splitlines()[-1]}" in said
    assert "Then type the same command again" in said


@pytest.mark.parametrize(
    ("full", "words"),
    [("here", "Free about 4 GB"), ("temporary", "Set TMPDIR"), ("home", "Set PIP_CACHE_DIR")],
)
def test_the_disk_that_is_full_is_named(course, tmp_path, monkeypatch, full, words):
    places = {"here": course.HERE, "temporary": tmp_path / "temporary", "home": tmp_path / "home"}
    for name, variable in {"temporary": "TMPDIR", "home": "HOME" if os.name != "nt" else "USERPROFILE"}.items():
        places[name].mkdir()
        monkeypatch.setenv(variable, str(places[name]))
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(course.shutil, "disk_usage", lambda path: usage(1e6 if str(path) == str(places[full]) else 9e9))
    said = course.which_disk_is_full()
    assert f"The disk with {places[full]} is full: 0.0 GB" in said
    assert words in said


REDIRECTS = {
    "PIP_USER": "1",
    "PIP_TARGET": "/x",
    "PIP_PREFIX": "/x",
    "PIP_ROOT": "/x",
    "PIP_REQUIRE_HASHES": "1",
    "PIP_NO_DEPS": "1",
    "PIP_DRY_RUN": "1",
    "PIP_ONLY_BINARY": ":all:",
    "PIP_NO_BINARY": ":all:",
    "PIP_PYTHON": "/x",
    "PIP_CONSTRAINT": "/x",
    "PIP_REQUIREMENT": "/x",
    "PIP_NO_BUILD_ISOLATION": "0",
    "PIP_QUIET": "3",
    "UV_TORCH_BACKEND": "cu130",
    "UV_NO_DEPS": "1",
}


@pytest.mark.parametrize("name", REDIRECTS)
def test_a_setting_that_redirects_pip_is_not_passed_on(course, monkeypatch, name):
    monkeypatch.setattr(course, "in_venv", lambda program: sys.executable)
    monkeypatch.setenv(name, REDIRECTS[name])
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple")
    env = course.pip_environment()
    assert name not in env
    assert env["PIP_INDEX_URL"] == "https://index.example/simple"


def test_what_a_configuration_file_of_pip_says_counts_only_for_reaching_an_index(course, tmp_path, monkeypatch):
    (tmp_path / "pip.conf").write_text(
        "[global]\nuser = true\nindex-url = https://a.example\ntarget = /x\ncert = /c\n"
        "[install]\nrequire-hashes = true\nindex-url = https://b.example\nextra-index-url =\n  https://c\n  https://d\n"
    )
    monkeypatch.setattr(course, "in_venv", lambda program: sys.executable)
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    env = course.pip_environment()
    assert env["PIP_CONFIG_FILE"] == os.devnull
    assert env["PIP_INDEX_URL"] == "https://b.example"
    assert env["PIP_EXTRA_INDEX_URL"].split() == ["https://c", "https://d"]
    assert env["PIP_CERT"] == "/c"
    assert not {"PIP_USER", "PIP_TARGET", "PIP_REQUIRE_HASHES"} & env.keys()


def test_uv_is_told_how_pip_reaches_an_index(course, monkeypatch):
    seen = {}
    monkeypatch.setattr(course.subprocess, "call", lambda command, env, **_: seen.update(env) or 0)
    course.run_uv({"PIP_INDEX_URL": "https://a", "PIP_FIND_LINKS": "/a /b", "PIP_CERT": "/c"}, [])
    assert (seen["UV_DEFAULT_INDEX"], seen["UV_FIND_LINKS"], seen["SSL_CERT_FILE"]) == ("https://a", "/a,/b", "/c")


@pytest.mark.parametrize("trouble", [OSError("no such program"), 2])
def test_without_uv_pip_does_it_with_a_line(course, computer, capsys, trouble):
    call = computer.call

    def without_uv(command, **options):
        if command[1:3] != ["pip", "install"]:
            return call(command, **options)
        if isinstance(trouble, OSError):
            raise trouble
        return trouble

    course.subprocess.call = without_uv
    assert course.main(["lab"]) == 7
    assert "pip does it" in capsys.readouterr().out
    pip = next(command for command in computer.ran if "--editable" in command)
    assert "--no-deps" not in pip
    assert "constraints.txt" in pip


@pytest.mark.parametrize("version", [(3, 8, 1), (3, 11, 4), (3, 15, 0), (4, 0, 0)])
def test_a_python_out_of_range_is_told_both_ends(course, computer, capsys, monkeypatch, version):
    monkeypatch.setattr(course.sys, "version_info", version)
    assert course.main(["lab"]) == 1
    said = capsys.readouterr().err
    got = ".".join(map(str, version))
    assert f"Expected Python 3.11.5 or newer and older than 3.15; got {got}" in said
    assert computer.ran == []


@pytest.mark.parametrize("version", [(3, 11, 5), (3, 14, 9)])
def test_a_python_in_range_goes_on(course, computer, monkeypatch, version):
    monkeypatch.setattr(course.sys, "version_info", version)
    assert course.main(["progress"]) == 7


def test_an_old_python_can_read_the_file():
    ast.parse((REPOSITORY / "course.py").read_text(encoding="utf-8"), feature_version=(3, 6))


def test_the_file_needs_the_standard_library_only():
    tree = ast.parse((REPOSITORY / "course.py").read_text(encoding="utf-8"))
    names = [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    names += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_the_range_of_pythons_is_the_one_of_pyproject(course):
    oldest, too_new = (".".join(map(str, version)) for version in (course.OLDEST, course.TOO_NEW))
    assert PROJECT["requires-python"] == f">={oldest},<{too_new}"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such folder names")
@pytest.mark.parametrize("name", ["Курс é", "\udce9t\udce9"])
def test_a_folder_with_any_name_has_a_stamp_under_a_posix_locale(tmp_path, name):
    folder = tmp_path / name
    (folder / ".venv").mkdir(parents=True)
    (folder / ".venv" / "pyvenv.cfg").write_text("version = 3.11.7")
    for file in ("course.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(REPOSITORY / file, folder)
    code = "import course, sys; print(len(course.stamp('base'))); sys.exit(course.main(['x']))"
    for variables in ({"LC_ALL": "POSIX"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}, {"PYTHONIOENCODING": "cp1252"}):
        env = {"PATH": os.environ["PATH"], **variables}
        ran = subprocess.run([sys.executable, "-c", code], cwd=folder, env=env, capture_output=True)
        assert (ran.returncode, ran.stdout[:2]) == (1, b"64"), ran.stderr


def test_output_never_fails_in_a_legacy_code_page(tmp_path):
    command = [sys.executable, str(REPOSITORY / "course.py"), "Ж→"]
    env = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    ran = subprocess.run(command, env=env, capture_output=True)
    assert ran.returncode == 1
    assert b"\\u0416\\u2192" in ran.stderr


# --- what is damaged, in real packages ------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A folder with one installed package, which the look sees alone."""
    from recsys_teach.course import installed

    monkeypatch.setattr(installed.sysconfig, "get_paths", lambda: dict.fromkeys(["purelib", "platlib"], str(tmp_path)))
    info = tmp_path / "My_Package-1.0.dist-info"
    info.mkdir()
    (tmp_path / "module.py").write_text("12345")
    (tmp_path / "with, comma.txt").write_text("")
    (info / "RECORD").write_text(
        'module.py,sha256=x,5\n"with, comma.txt",sha256=x,0\n__pycache__/module.pyc,,\n'
        "My_Package-1.0.dist-info/RECORD,,\n"
    )
    return tmp_path


def test_a_complete_package_has_no_damage(package):
    from recsys_teach.course.installed import packages

    assert packages(sizes=True) == {"my-package": None}


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda p: (p / "module.py").unlink(), "module.py"),
        (lambda p: (p / "with, comma.txt").unlink(), "with, comma.txt"),
        (lambda p: (p / "My_Package-1.0.dist-info/RECORD").unlink(), "My_Package-1.0.dist-info/RECORD"),
        (
            lambda p: (p / "My_Package-1.0.dist-info/RECORD").write_text("module.py,x,5"),
            "My_Package-1.0.dist-info/RECORD",
        ),
        (lambda p: (p / "My_Package-1.0.dist-info/RECORD").write_text("modu"), "My_Package-1.0.dist-info/RECORD"),
    ],
)
def test_a_file_that_is_missing_is_found(package, damage, found):
    from recsys_teach.course.installed import packages

    damage(package)
    assert packages() == {"my-package": found}


def test_a_size_counts_after_an_interruption_and_not_after_an_edit(package):
    from recsys_teach.course.installed import packages

    (package / "module.py").write_text("123")
    assert packages(sizes=True) == {"my-package": "module.py"}
    assert packages() == {"my-package": None}


def test_packages_of_this_environment_are_found_by_the_script(course):
    command = [sys.executable, "-I", str(REPOSITORY / course.PACKAGE_CHECK)]
    answer = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert answer["python"] == list(sys.version_info[:3])
    assert {"numpy", "scikit-learn", "torch"} <= answer["packages"].keys()


@pytest.mark.skipif(os.name == "nt", reason="uses POSIX locks")
def test_a_second_set_up_waits_for_the_first(course, tmp_path, monkeypatch, capsys):
    import fcntl

    with (tmp_path / ".venv.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        monkeypatch.setattr(course.time, "sleep", lambda _: fcntl.flock(other, fcntl.LOCK_UN))
        with course.only_one_set_up():
            pass
    assert "Another set-up of the course is running" in capsys.readouterr().out


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
    assert course.run_visibly([sys.executable, "-c", program], dict(os.environ)) == (3, "trouble\n")
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


def test_constraints_have_every_dependency():
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


def test_each_direct_dependency_is_listed_once_with_its_extras():
    texts = PROJECT["dependencies"] + [t for extra in ("dev", "scale") for t in PROJECT["optional-dependencies"][extra]]
    names = [canonicalize_name(Requirement(text).name) for text in texts]
    assert len(names) == len(set(names))


@pytest.mark.network
def test_every_package_of_every_supported_platform_is_pinned():
    constraints = module_from(REPOSITORY / "authoring" / "constraints.py")
    pinned = constraints.pinned(constraints.FILE.read_text(encoding="utf-8"))
    try:
        resolved = constraints.resolve_all(constraints.FILE)
    except constraints.ResolveError as error:
        if "No solution found" in str(error):
            raise
        skip_or_fail(f"the package index could not be asked: {error}")
    assert len(resolved) == 16
    for where, versions in resolved.items():
        assert len(versions) > 150, where
        assert {name: pinned.get(name) for name in versions} == versions, where


# --- files that git brings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [["core.autocrlf=true"], ["core.eol=crlf"], ["core.autocrlf=true", "core.eol=crlf"], ["core.autocrlf=input"]],
)
def test_a_clone_has_the_same_bytes_whatever_git_does_with_line_ends(tmp_path, settings):
    if not (REPOSITORY / ".git").exists():
        pytest.skip("this is not a git clone")
    options = [word for setting in settings for word in ("-c", setting)]
    git = ["git", "-c", f"safe.directory={REPOSITORY}", *options]
    clone = [*git, "clone", "--quiet", "--shared", str(REPOSITORY), str(tmp_path / "clone")]
    if subprocess.run(clone, capture_output=True).returncode:
        skip_or_fail("this clone cannot be cloned")
    texts = [
        path for path in (tmp_path / "clone").rglob("*.*") if path.suffix in (".py", ".ipynb", ".json", ".csv", ".md")
    ]
    assert len(texts) > 100
    assert [path.name for path in texts if b"\r\n" in path.read_bytes()] == []
    from recsys_teach.data.world import load_world

    load_world(tmp_path / "clone" / "datasets" / "world")
    json.loads((tmp_path / "clone" / "chapters" / "00_start_here.ipynb").read_text("utf-8"))
