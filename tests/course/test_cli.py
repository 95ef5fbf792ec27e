"""The command line: arguments that are passed on, exit codes, and a doctor that never shows a traceback."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY
from typer.testing import CliRunner

from recsys_teach.course import cli, doctor
from recsys_teach.course.doctor import Finding
from recsys_teach.course.notebook_env import kernel_env
from recsys_teach.data import movielens
from recsys_teach.data.movielens import FetchError
from recsys_teach.data.world import world_folder


@pytest.fixture
def ran(monkeypatch):
    """The commands that would have been run; each returns the exit code 3."""
    ran = []

    def run(command, env=None):
        ran.append((command, env))
        return 3

    monkeypatch.setattr(cli, "run", run)
    return ran


def call(*arguments):
    return CliRunner().invoke(cli.app, arguments)


def test_lab_opens_the_first_chapter_and_passes_arguments_and_exit_code(ran, monkeypatch, tmp_path):
    with_a_chapter(monkeypatch, tmp_path)
    monkeypatch.setattr(cli.os, "geteuid", lambda: 1000, raising=False)
    assert call("lab", "--no-browser", "--port=1").exit_code == 3
    ((command, _),) = ran
    assert command[:4] == [sys.executable, "-m", "jupyterlab", str(Path("chapters") / "00_start_here.ipynb")]
    assert command[-2:] == ["--no-browser", "--port=1"]


def with_a_chapter(monkeypatch, folder):
    monkeypatch.setattr(cli, "REPOSITORY", folder)
    (folder / cli.START).parent.mkdir()
    (folder / cli.START).write_text("{}")


@pytest.mark.parametrize("arguments", [["--allow-root"], ["--ServerApp.allow_root=True"]])
def test_root_can_open_the_lab_with_an_option(ran, monkeypatch, tmp_path, arguments):
    with_a_chapter(monkeypatch, tmp_path)
    monkeypatch.setattr(cli.os, "geteuid", lambda: 0, raising=False)
    monkeypatch.setattr(cli, "in_container", lambda: False)
    assert call("lab", *arguments).exit_code == 3
    assert ran[0][0][-1:] == arguments


def test_root_outside_a_container_gets_an_error_with_the_option(ran, monkeypatch, tmp_path):
    with_a_chapter(monkeypatch, tmp_path)
    monkeypatch.setattr(cli.os, "geteuid", lambda: 0, raising=False)
    monkeypatch.setattr(cli, "in_container", lambda: False)
    result = call("lab")
    assert result.exit_code == 1
    assert "python course.py lab --allow-root" in result.output
    assert ran == []


@pytest.mark.parametrize("variable", ["container", "KUBERNETES_SERVICE_HOST", "WSL_DISTRO_NAME"])
def test_root_in_a_container_opens_the_lab_and_sees_a_message(ran, monkeypatch, tmp_path, variable):
    with_a_chapter(monkeypatch, tmp_path)
    monkeypatch.setattr(cli.os, "geteuid", lambda: 0, raising=False)
    monkeypatch.setenv(variable, "x")
    result = call("lab")
    assert result.exit_code == 3
    assert "--allow-root" in ran[0][0]
    assert "You are root in a container" in result.output


def test_jupyterlab_accepts_the_options_that_disable_update_checks():
    from jupyterlab.labapp import LabApp

    lab = LabApp()
    lab.parse_command_line(list(cli.QUIET))
    assert lab.check_for_updates_class.__name__ == "NeverCheckForUpdate"
    assert lab.extension_manager == "readonly"


def test_jupyterlab_does_not_ask_about_news_unless_the_learner_enables_it(ran, monkeypatch, tmp_path):
    with_a_chapter(monkeypatch, tmp_path)
    monkeypatch.setattr(cli.os, "geteuid", lambda: 1000, raising=False)
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/of/the/learner")
    call("lab")
    ((_, env),) = ran
    assert env["JUPYTER_CONFIG_PATH"].split(os.pathsep)[1:] == ["/of/the/learner"]
    code = (
        "import sys; from pathlib import Path; from jupyterlab_server.settings_utils import get_settings\n"
        "lab, user = Path(sys.prefix, 'share/jupyter/lab'), sys.argv[1]\n"
        "name = '@jupyterlab/apputils-extension:notification'\n"
        "raw, _ = get_settings(str(lab / 'settings'), str(lab / 'schemas'), user, schema_name=name)\n"
        "print(raw['schema']['properties']['fetchNews']['default'], raw['settings'])"
    )
    user = tmp_path / "user"
    for settings, expected in {"": "false {}", '{"fetchNews": "true"}': "false {'fetchNews': 'true'}"}.items():
        if settings:
            folder = user / "@jupyterlab" / "apputils-extension"
            folder.mkdir(parents=True)
            (folder / "notification.jupyterlab-settings").write_text(settings)
        command = [sys.executable, "-c", code, str(user)]
        assert subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.strip() == expected


def test_lab_without_chapters_explains_how_to_restore_them(ran, monkeypatch, tmp_path):
    monkeypatch.setattr(cli, "REPOSITORY", tmp_path)
    result = call("lab")
    assert result.exit_code == 1
    assert "git checkout -- chapters" in result.output
    assert ran == []


def test_test_runs_pytest_with_one_thread_each_and_passes_arguments(ran, monkeypatch):
    monkeypatch.setenv("RECSYS_TEACH_NO_SKIP", "1")
    assert call("test", "-k", "world", "-x").exit_code == 3
    ((command, env),) = ran
    assert command[:3] == [sys.executable, "-m", "pytest"]
    assert command[-3:] == ["-k", "world", "-x"]
    assert env["OMP_NUM_THREADS"] == "1"
    assert env["RECSYS_TEACH_NO_SKIP"] == "1", "otherwise CI would skip tests silently"


def test_test_passes_the_path_of_the_report_as_an_absolute_path(ran, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for given, meant in {"new/checks.json": tmp_path / "new" / "checks.json", "~/c.json": tmp_path / "c.json"}.items():
        monkeypatch.setenv("RECSYS_TEACH_REPORT", given)
        call("test")
        assert ran[-1][1]["RECSYS_TEACH_REPORT"] == str(meant)
        assert meant.read_text() == "[]", "so that the command fails at the start if the file cannot be written"


def test_test_rejects_a_report_that_cannot_be_written(ran, monkeypatch, tmp_path):
    monkeypatch.setenv("RECSYS_TEACH_REPORT", str(tmp_path))
    result = call("test")
    assert result.exit_code == 1
    assert "RECSYS_TEACH_REPORT" in result.output
    assert ran == []


def test_test_without_its_packages_prints_the_command_that_installs_them(ran, monkeypatch):
    monkeypatch.setattr(cli, "find_spec", lambda name: None)
    result = call("test")
    assert result.exit_code == 1
    assert "python course.py test" in result.output
    assert ran == []


@pytest.mark.notebook
def test_report_of_a_test_run_contains_the_checks_of_its_notebooks(tmp_path):
    path = tmp_path / "checks.json"
    env = {**os.environ, "RECSYS_TEACH_REPORT": str(path), "RECSYS_TEACH_STRICT": "1"}
    command = [sys.executable, "-m", "recsys_teach.course.cli", "test", "-q", "-p", "no:cacheprovider"]
    test = "tests/test_notebooks.py::test_unsolved_chapter_runs_clean[00_start_here]"
    ran = subprocess.run([*command, test], cwd=REPOSITORY, env=env, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout[-3000:]
    checks = json.loads(path.read_text("utf-8"))
    assert {"chapter", "notebook", "kind", "id", "status", "reason"} == set(checks[0])
    assert {(c["chapter"], c["notebook"]) for c in checks} == {("00_start_here", "unsolved")}
    assert ("check", "0.1", "to do") in {(c["kind"], c["id"], c["status"]) for c in checks}


@pytest.mark.notebook
@pytest.mark.parametrize(("folder", "code"), [("chapters", 1), ("solutions", 0)])
def test_readme_command_for_a_class_distinguishes_solved_and_unsolved_chapters(tmp_path, folder, code):
    text = (REPOSITORY / "README.md").read_text("utf-8")
    (line,) = [line for line in text.splitlines() if "--nbval-lax" in line]
    options = line.split("-m pytest ")[1].split()[:-1]
    report = tmp_path / "checks.json"
    env = kernel_env(tmp_path / "home", strict=True, report=report)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    ran = subprocess.run([*command, f"{folder}/00_start_here.ipynb"], cwd=REPOSITORY, env=env, capture_output=True)
    assert ran.returncode == code, ran.stdout[-3000:]
    assert {check["status"] == "ok" for check in json.loads(report.read_text("utf-8"))} >= {code == 0}


@pytest.mark.parametrize("command", [["progress"], ["doctor"], ["--help"]])
@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp437"])
def test_output_never_fails_in_a_legacy_code_page(tmp_path, command, encoding):
    env = {**os.environ, "PYTHONIOENCODING": encoding, "RECSYS_TEACH_HOME": str(tmp_path)}
    ran = subprocess.run([sys.executable, "-m", "recsys_teach.course.cli", *command], env=env, capture_output=True)
    assert ran.returncode in (0, 1), ran.stderr
    assert b"Traceback" not in ran.stderr


@pytest.mark.parametrize("missing", ["typer", "rich", "packaging"])
def test_doctor_runs_without_a_package_and_other_commands_name_what_is_missing(tmp_path, missing):
    (tmp_path / missing).mkdir()
    (tmp_path / missing / "__init__.py").write_text(f"raise ImportError('no module named {missing} here')")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(REPOSITORY)])}
    command = [sys.executable, "-P", "-m", "recsys_teach"]
    ran = subprocess.run([*command, "doctor"], env=env, capture_output=True, text=True)
    assert "[ok]  Python" in ran.stdout, ran.stderr
    if missing != "packaging":
        ran = subprocess.run([*command, "progress"], env=env, capture_output=True, text=True)
        assert ran.returncode == 1
        assert ran.stderr.strip().endswith("To find the fix, type: python course.py doctor")
        assert "Traceback" not in ran.stderr


def test_run_returns_the_exit_code_of_the_program():
    assert cli.run([sys.executable, "-c", "raise SystemExit(4)"]) == 4


def test_fetch_prints_why_it_failed(monkeypatch):
    def fail(say):
        raise FetchError("no network [today]. Type: python course.py fetch")

    monkeypatch.setattr(movielens, "fetch", fail)
    result = call("fetch")
    assert result.exit_code == 1
    assert result.output.strip() == "no network [today]. Type: python course.py fetch"


def test_help_lists_every_command_without_importing_large_packages():
    code = "import sys, recsys_teach.course.cli; print([m for m in ('numpy', 'pandas', 'torch') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
    output = call("--help").output
    assert all(command in output for command in ("lab", "test", "fetch", "doctor", "progress", "update"))


def test_doctor_marks_each_finding_and_prints_the_fix(monkeypatch):
    found = [
        Finding("numpy", True, "2.0"),
        Finding("data", False, "missing. Type: x"),
        Finding("git", False, "-", False),
    ]
    monkeypatch.setattr(doctor, "findings", lambda: found)
    result = call("doctor")
    first, second, *_ = result.output.splitlines()
    assert first.split() == ["[ok]", "numpy", "2.0"]
    assert second.split() == ["[fix]", "data", "missing.", "Type:", "x"]
    assert result.exit_code == 1


def test_doctor_succeeds_if_only_an_optional_program_is_missing(monkeypatch):
    monkeypatch.setattr(doctor, "findings", lambda: [Finding("Chromium", False, "not found", needed=False)])
    assert call("doctor").exit_code == 0


def test_a_check_that_raises_is_reported_without_a_traceback(monkeypatch):
    def fail():
        raise RuntimeError("no such thing")

    monkeypatch.setattr(doctor, "_machine", fail)
    (line,) = (finding for finding in doctor.findings() if finding.what == "machine")
    assert not line.ok
    assert "no such thing" in line.message


def test_doctor_reports_a_package_that_is_missing_or_out_of_range(monkeypatch, tmp_path):
    listed = ["surely-not-there>=1", "numpy>=99", "packaging"]
    (tmp_path / "pyproject.toml").write_text(f"[project]\ndependencies = {listed}\n")
    (tmp_path / "constraints.txt").write_text("packaging==0.1\n")
    monkeypatch.setattr(doctor, "REPOSITORY", tmp_path)
    missing, old, untested = doctor._packages()
    assert (missing.ok, missing.needed) == (False, True)
    assert "pip install -e . -c constraints.txt" in missing.message
    assert "Expected a version >=99" in old.message
    assert (untested.ok, untested.needed) == (False, False)
    assert "tested with 0.1" in untested.message


def test_doctor_finds_a_damaged_world(tmp_path):
    shutil.copytree(world_folder(), tmp_path / "world")
    assert doctor._world_problem(tmp_path / "world") is None
    (tmp_path / "world" / "users.csv.gz").write_bytes(b"not complete")
    assert "git checkout -- datasets/world" in str(doctor._world_problem(tmp_path / "world"))
    (tmp_path / "world" / "users.csv.gz").unlink()
    assert "users.csv.gz" in str(doctor._world_problem(tmp_path / "world"))


def test_doctor_finds_a_progress_folder_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RECSYS_TEACH_HOME", str(tmp_path / "file" / "home"))
    (finding,) = doctor._progress()
    assert not finding.ok
    assert "RECSYS_TEACH_HOME" in finding.message


def test_doctor_reports_the_replacement_for_unsupported_locks(monkeypatch, tmp_path):
    from recsys_teach.learn.progress_file import locks_work

    def raise_no_locks(*args):
        raise OSError(37, "No locks available")

    locks_work.cache_clear()
    monkeypatch.setattr("fcntl.flock", raise_no_locks)
    monkeypatch.setenv("RECSYS_TEACH_HOME", str(tmp_path))
    (finding,) = doctor._progress()
    assert finding.ok and "does not support locks, so a second file is used instead" in finding.message
    assert list(tmp_path.iterdir()) == []
    locks_work.cache_clear()


def test_doctor_reports_that_another_process_has_the_lock(monkeypatch, tmp_path):
    from recsys_teach.learn.progress_file import lock

    monkeypatch.setattr("recsys_teach.learn.progress_file.LOCK_SECONDS", 0.1)
    monkeypatch.setenv("RECSYS_TEACH_HOME", str(tmp_path))
    with lock(tmp_path / "progress.json"):
        (finding,) = doctor._progress()
    assert not finding.ok and "Stop the other kernels" in finding.message


@pytest.mark.parametrize("text", ["[]", '{"exercises": 3}', "{", "null"])
def test_doctor_finds_a_damaged_progress_file(monkeypatch, tmp_path, text):
    monkeypatch.setenv("RECSYS_TEACH_HOME", str(tmp_path))
    (tmp_path / "progress.json").write_text(text)
    (finding,) = doctor._progress()
    assert not finding.ok
    assert "is damaged" in finding.message


def test_doctor_finds_a_progress_file_that_cannot_be_read(monkeypatch, tmp_path):
    monkeypatch.setenv("RECSYS_TEACH_HOME", str(tmp_path))
    (tmp_path / "progress.json").mkdir()  # root could read a file without permissions
    (finding,) = doctor._progress()
    assert not finding.ok
    assert "cannot be used" in finding.message


@pytest.mark.parametrize("error", [RuntimeError("Could not determine home directory"), OSError("no home"), KeyError(7)])
def test_doctor_without_a_home_folder_names_the_variable_to_set(monkeypatch, error):
    def no_home():
        raise error

    monkeypatch.setattr("recsys_teach.learn.progress_file.progress_file", no_home)
    (finding,) = doctor._progress()
    assert not finding.ok
    assert "RECSYS_TEACH_HOME" in finding.message


def test_doctor_finds_a_damaged_package(monkeypatch):
    monkeypatch.setattr(doctor, "packages", lambda: {"numpy": None, "rich": "rich/console.py", "six": "six.py"})
    (finding,) = doctor._files()
    assert not finding.ok
    assert "rich (rich/console.py) and 1 more" in finding.message


@pytest.mark.parametrize(
    ("answer", "ok", "words"),
    [
        ('openjdk version "17.0.15" 2025-04-15', True, "17, "),
        ('java version "21" 2023-09-19', True, "21, "),
        ('java version "1.8.0_402"', False, "got Java 8"),
        ("Unable to locate a Java Runtime", False, "got no version"),
        (None, False, "none was found"),
    ],
)
def test_doctor_checks_the_java_version_but_does_not_require_java(monkeypatch, answer, ok, words):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(doctor.shutil, "which", lambda name, path=None: answer and "/bin/java")
    ran = subprocess.CompletedProcess([], 0, "", answer)
    monkeypatch.setattr(doctor.subprocess, "run", lambda *args, **kwargs: ran)
    (finding,) = doctor._java()
    assert (finding.ok, finding.needed) == (ok, False)
    assert words in finding.message


def test_doctor_confirms_that_the_kernel_runs_this_python():
    (finding,) = doctor._kernel()
    assert finding.ok, finding.message


def test_progress_prints_the_chapters():
    result = call("progress")
    assert result.exit_code == 0, result.output
    assert "objectives demonstrated" in result.output


def test_update_without_a_clone_prints_a_message(monkeypatch, tmp_path):
    monkeypatch.setattr(cli, "REPOSITORY", tmp_path)
    result = call("update")
    assert result.exit_code == 1
    assert "not a git clone" in result.output
