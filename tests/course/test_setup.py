"""Setup: course.py with a fake pip, environment.yml and constraints.txt. These tests install nothing."""

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
    """A fake computer that records which commands were run and returns predefined answers."""

    def __init__(self, course, folder):
        self.course, self.folder, self.ran = course, folder, []
        self.pip: object = (0, "")
        self.fetch_code = 0
        self.offline_code = 1  # exit code of the check whether everything is installed
        self.packages: dict | None = None  # the packages in the environment; None if there is no environment

    def call(self, command, **_):
        self.ran.append(command)
        if "venv" in command:
            python = self.course.venv_program("python")
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
        output = b"Would make no changes" if self.offline_code == 0 else b"Would install numpy"
        return SimpleNamespace(returncode=0, stdout=output)

    def inspect_packages(self, *_):
        return (
            dict(self.packages) if self.packages is not None and self.course.venv_program("python").exists() else None
        )

    def run_and_record_errors(self, command, env):
        self.ran.append(command)
        if "--no-index" in command:
            self.packages["recsys-teach"] = None
            return 0, ""
        if isinstance(self.pip, BaseException):
            raise self.pip
        if self.pip == (0, ""):
            self.packages = dict.fromkeys(["recsys-teach", "numpy", "rich"])
        return self.pip

    def replace_process(self, command, env=None):
        self.ran.append(command)
        return 7

    def times(self, word):
        return sum(word in command for command in self.ran)

    def counts(self):
        """Count the runs of venv, of pip with an index, of uv's check, of uv's installation, and of the download."""
        pips = [command for command in self.ran if command[1:4] == ["-m", "pip", "install"]]
        uvs = [command for command in self.ran if command[1:3] == ["pip", "install"]]
        n_checks = sum("--offline" in command for command in uvs)
        n_pip = sum("--no-index" not in command for command in pips)
        return self.times("venv"), n_pip, n_checks, len(uvs) - n_checks, self.times("fetch")


@pytest.fixture
def course(tmp_path, monkeypatch):
    """The module course.py in a temporary folder with the files that it needs."""
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
    monkeypatch.setattr(course, "inspect_packages", computer.inspect_packages)
    monkeypatch.setattr(course, "run_and_record_errors", computer.run_and_record_errors)
    monkeypatch.setattr(course, "replace_process", computer.replace_process)
    return computer


def test_first_start_creates_installs_downloads_and_passes_arguments(course, computer):
    assert course.main(["lab", "--no-browser"]) == 7
    assert computer.counts() == (1, 1, 0, 1, 1)
    assert computer.ran[-1] == course.course_command(["lab", "--no-browser"])


def test_pip_installs_torch_before_uv_and_the_course_last(course, computer):
    course.main(["progress"])
    _, first, uv, last, _ = computer.ran
    assert first[1:7] == ["-m", "pip", "install", "torch", "setuptools", "uv"]
    assert uv[0] == str(course.venv_program("uv"))
    assert last[-5:] == ["--no-index", "--no-deps", "--no-build-isolation", "--editable", "."]
    for command in (first, uv):
        assert command[-2:] == ["-c", "constraints.txt"], "both must install the tested versions"


def test_the_second_start_runs_only_the_command(course, computer):
    course.main(["test"])
    computer.ran.clear()
    assert course.main(["test", "-k", "world"]) == 7
    assert computer.ran == [course.course_command(["test", "-k", "world"])]


def test_the_first_test_installs_dev_and_the_lab_does_not(course, computer, capsys):
    course.main(["lab"])
    assert not any(".[dev]" in command for command in computer.ran)
    course.main(["test"])
    assert "the extra dev" in capsys.readouterr().out
    assert ".[dev]" in computer.ran[-2]
    assert computer.times("venv") == 1


def test_an_extra_is_kept_when_the_lists_change(course, computer, tmp_path):
    course.main(["add", "scale"])
    (tmp_path / "constraints.txt").write_text("numpy==99\n")
    computer.ran.clear()
    course.main(["lab"])
    assert any(".[scale]" in command for command in computer.ran)


@pytest.mark.parametrize(
    ("arguments", "got"), [([], "nothing"), (["spark"], "'spark'"), (["scale", "x"], "'x'"), (["base"], "'base'")]
)
def test_an_unknown_extra_is_rejected_before_anything_is_installed(course, computer, capsys, arguments, got):
    assert course.main(["add", *arguments]) == 1
    assert f"one of benchmarks, dev, scale; got {got}" in capsys.readouterr().err
    assert computer.ran == []


def test_benchmarks_are_installed_into_a_separate_environment(course, computer):
    course.main(["add", "benchmarks"])
    ((_, script),) = computer.ran
    assert Path(script).parts[-2:] == ("benchmarks", "setup.py")


@pytest.mark.parametrize(
    ("typed", "guess"), [("lb", "'lab'"), ("tets", "'test'"), ("doctr", "'doctor'"), ("notebook", ""), ("--lab", "")]
)
def test_a_mistyped_command_is_rejected_before_anything_is_installed(course, computer, capsys, typed, guess):
    assert course.main([typed]) == 1
    output = capsys.readouterr().err
    assert "Expected one of lab, test, fetch, doctor, progress, update, serve, add" in output
    assert f"got {typed!r}" in output
    assert guess in output
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


def test_a_moved_folder_opens_without_a_network_and_prints_a_message(course, computer, tmp_path, monkeypatch, capsys):
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


def test_an_interrupted_setup_exits_with_130_and_can_be_resumed(course, computer, capsys):
    computer.pip = KeyboardInterrupt()
    assert course.main(["lab"]) == 130
    assert "type the same command again" in capsys.readouterr().err
    computer.pip = (0, "")
    assert course.main(["lab"]) == 7
    assert computer.times("venv") == 1


@pytest.mark.parametrize("first", [["lab"], ["test"], ["add", "scale"]])
def test_an_environment_with_files_missing_after_an_interruption_is_recreated(course, computer, first):
    course.main(["lab"])
    computer.pip = KeyboardInterrupt()
    course.stamp_file("base").write_text("other lists")
    assert course.main(first) == 130
    computer.pip = (0, "")
    computer.packages["numpy"] = "../../../share/numpy/x.js"
    computer.ran.clear()
    assert course.main(first) in (0, 7)
    assert computer.times("venv") == 1


def test_an_incomplete_installation_gets_no_stamp(course, computer, capsys, monkeypatch):
    monkeypatch.setattr(course, "inspect_packages", lambda *_: {"numpy": "numpy/__init__.py"})
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
def test_only_the_package_of_a_deleted_module_is_reinstalled(course, computer, loss):
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


def test_an_environment_without_python_is_recreated(course, computer):
    course.main(["lab"])
    course.venv_program("python").unlink()
    computer.ran.clear()
    assert course.main(["lab"]) == 7
    assert computer.counts() == (1, 1, 0, 1, 0)


def test_the_course_opens_without_the_real_data_set(course, computer, capsys):
    computer.fetch_code = 1
    assert course.main(["lab"]) == 7
    assert "python course.py fetch" in capsys.readouterr().out


def test_only_lab_and_test_download_the_data_automatically(course, computer):
    course.main(["progress"])
    assert computer.times("fetch") == 0
    course.main(["lab"])
    assert computer.times("fetch") == 1


def test_the_doctor_installs_nothing(course, computer):
    assert course.main(["doctor"]) == 7
    assert computer.ran == [[sys.executable, *course.course_command(["doctor"])[1:]]]


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt", "recsys_teach/__main__.py"])
def test_a_missing_required_file_is_named_with_the_command_that_restores_it(course, computer, tmp_path, capsys, name):
    (tmp_path / name).unlink()
    assert course.main(["lab"]) == 1
    assert f"git checkout -- {name}" in capsys.readouterr().err
    assert computer.ran == []


@pytest.mark.parametrize(
    ("pip_output", "words"),
    [
        ("Failed to establish a new connection: [Errno -2]", "index could not be reached"),
        ("ERROR: No matching distribution found for torch", "macOS 14"),
        ("Connection refused\nERROR: No matching distribution found for torch", "index could not be reached"),
        ("OSError: [Errno 28] No space left on device", "is full"),
        ("ERROR: [Errno 13] Permission denied: 'x'", "cannot be written"),
        ("ERROR: Missing dependencies for SOCKS support.", "Set HTTPS_PROXY and ALL_PROXY to an http:// proxy"),
        ("OSError: Could not find a suitable TLS CA certificate bundle, invalid path: /x", "Set PIP_CERT"),
        ("ERROR: an unknown error", "pip failed with exit code 2"),
    ],
)
def test_each_failure_of_pip_prints_its_last_line_and_the_fix(course, computer, capsys, pip_output, words):
    computer.pip = (2, pip_output)
    assert course.main(["lab"]) == 1
    output = capsys.readouterr().err
    assert words in output
    assert f"pip: {pip_output.splitlines()[-1]}" in output
    assert "Then type the same command again" in output


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
    output = course.describe_full_disk()
    assert f"The disk that contains {places[full]} is full: 0.0 GB" in output
    assert words in output


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
def test_a_setting_that_redirects_pip_is_removed(course, monkeypatch, name):
    monkeypatch.setattr(course, "venv_program", lambda program: sys.executable)
    monkeypatch.setenv(name, REDIRECTS[name])
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple")
    env = course.pip_environment()
    assert name not in env
    assert env["PIP_INDEX_URL"] == "https://index.example/simple"


def test_only_index_settings_of_a_pip_configuration_file_are_used(course, tmp_path, monkeypatch):
    (tmp_path / "pip.conf").write_text(
        "[global]\nuser = true\nindex-url = https://a.example\ntarget = /x\ncert = /c\n"
        "[install]\nrequire-hashes = true\nindex-url = https://b.example\nextra-index-url =\n  https://c\n  https://d\n"
    )
    monkeypatch.setattr(course, "venv_program", lambda program: sys.executable)
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    env = course.pip_environment()
    assert env["PIP_CONFIG_FILE"] == os.devnull
    assert env["PIP_INDEX_URL"] == "https://b.example"
    assert env["PIP_EXTRA_INDEX_URL"].split() == ["https://c", "https://d"]
    assert env["PIP_CERT"] == "/c"
    assert not {"PIP_USER", "PIP_TARGET", "PIP_REQUIRE_HASHES"} & env.keys()


def test_uv_gets_the_index_settings_of_pip(course, monkeypatch):
    seen = {}
    monkeypatch.setattr(course.subprocess, "call", lambda command, env, **_: seen.update(env) or 0)
    course.run_uv({"PIP_INDEX_URL": "https://a", "PIP_FIND_LINKS": "/a /b", "PIP_CERT": "/c"}, [])
    assert (seen["UV_DEFAULT_INDEX"], seen["UV_FIND_LINKS"], seen["SSL_CERT_FILE"]) == ("https://a", "/a,/b", "/c")


@pytest.mark.parametrize("trouble", [OSError("no such program"), 2])
def test_without_uv_pip_installs_everything_and_a_message_is_printed(course, computer, capsys, trouble):
    call = computer.call

    def without_uv(command, **options):
        if command[1:3] != ["pip", "install"]:
            return call(command, **options)
        if isinstance(trouble, OSError):
            raise trouble
        return trouble

    course.subprocess.call = without_uv
    assert course.main(["lab"]) == 7
    assert "Using pip instead" in capsys.readouterr().out
    pip = next(command for command in computer.ran if "--editable" in command)
    assert "--no-deps" not in pip
    assert "constraints.txt" in pip


@pytest.mark.parametrize("version", [(3, 8, 1), (3, 11, 4), (3, 15, 0), (4, 0, 0)])
def test_an_unsupported_python_gets_a_message_with_both_limits(course, computer, capsys, monkeypatch, version):
    monkeypatch.setattr(course.sys, "version_info", version)
    assert course.main(["lab"]) == 1
    output = capsys.readouterr().err
    got = ".".join(map(str, version))
    assert f"Expected Python 3.11.5 or newer and older than 3.15; got {got}" in output
    assert computer.ran == []


@pytest.mark.parametrize("version", [(3, 11, 5), (3, 14, 9)])
def test_a_supported_python_is_accepted(course, computer, monkeypatch, version):
    monkeypatch.setattr(course.sys, "version_info", version)
    assert course.main(["progress"]) == 7


def test_an_old_python_can_parse_the_file():
    ast.parse((REPOSITORY / "course.py").read_text(encoding="utf-8"), feature_version=(3, 6))


def test_the_file_imports_only_the_standard_library():
    tree = ast.parse((REPOSITORY / "course.py").read_text(encoding="utf-8"))
    names = [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    names += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_supported_python_versions_are_those_of_pyproject(course):
    oldest, too_new = (".".join(map(str, version)) for version in (course.OLDEST, course.TOO_NEW))
    assert PROJECT["requires-python"] == f">={oldest},<{too_new}"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such folder names")
@pytest.mark.parametrize("name", ["Курс é", "\udce9t\udce9"])
def test_the_stamp_works_for_any_folder_name_under_a_posix_locale(tmp_path, name):
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


# --- damaged files, in real packages --------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A folder with one installed package, the only one that is checked."""
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


def test_file_sizes_are_compared_only_on_request(package):
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
def test_a_second_setup_waits_for_the_first(course, tmp_path, monkeypatch, capsys):
    import fcntl

    with (tmp_path / ".venv.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        monkeypatch.setattr(course.time, "sleep", lambda _: fcntl.flock(other, fcntl.LOCK_UN))
        with course.setup_lock():
            pass
    assert "Another setup of the course is running" in capsys.readouterr().out


def test_a_full_disk_is_detected_before_anything_is_created(course, computer, capsys, monkeypatch):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(course.shutil, "disk_usage", lambda _: usage(1_500_000_000))
    assert course.main(["lab"]) == 1
    assert "1.5 GB are free" in capsys.readouterr().err
    assert computer.times("venv") == 0


def test_a_python_without_ensurepip_names_the_debian_package(course, computer, capsys, monkeypatch):
    monkeypatch.setattr(course.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else "spec")
    assert course.main(["lab"]) == 1
    assert "python3-venv" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_to_is_named(course, computer, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(course, "VENV", tmp_path / "pyproject.toml" / ".venv")
    assert course.main(["lab"]) == 1
    assert f"{tmp_path} cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_without_a_command_the_help_is_printed(course, computer, capsys, arguments):
    assert course.main(arguments) == 0
    output = capsys.readouterr().out
    assert all(f"python course.py {command}" in output for command in ("lab", "test", "doctor", "update"))
    assert computer.ran == []


def test_the_error_output_of_pip_is_shown_and_recorded(course, capsys):
    program = "import sys; print('trouble', file=sys.stderr); sys.exit(3)"
    assert course.run_and_record_errors([sys.executable, "-c", program], dict(os.environ)) == (3, "trouble\n")
    assert capsys.readouterr().err == "trouble\n"


def test_the_exit_code_is_that_of_the_command():
    run = f"import runpy, sys; course = runpy.run_path({str(REPOSITORY / 'course.py')!r})"
    code = f"{run}; sys.exit(course['replace_process']([sys.executable, '-c', 'raise SystemExit(5)']))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 5


def test_conda_installs_the_same_package_without_repeating_versions():
    conda = yaml.safe_load((REPOSITORY / "environment.yml").read_text(encoding="utf-8"))
    *from_conda, last = conda["dependencies"]
    assert from_conda == [f"python{PROJECT['requires-python']}", "pip"]
    assert sorted(last["pip"]) == ["-c constraints.txt", "-e ."]


def test_constraints_contain_every_dependency():
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


def test_each_direct_dependency_is_listed_once_including_extras():
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
        skip_or_fail(f"the package index could not be reached: {error}")
    assert len(resolved) == 16
    for where, versions in resolved.items():
        assert len(versions) > 150, where
        assert {name: pinned.get(name) for name in versions} == versions, where


# --- files in a git clone -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [["core.autocrlf=true"], ["core.eol=crlf"], ["core.autocrlf=true", "core.eol=crlf"], ["core.autocrlf=input"]],
)
def test_a_clone_has_the_same_bytes_for_every_line_ending_setting(tmp_path, settings):
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
