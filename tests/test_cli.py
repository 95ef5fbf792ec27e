"""The command line: what is handed on, exit codes, and a doctor that never shows a traceback."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from recsys_teach import cli, doctor, movielens
from recsys_teach.doctor import Finding
from recsys_teach.movielens import FetchError
from recsys_teach.world import world_folder


@pytest.fixture
def ran(monkeypatch):
    """The commands that would have been run; each ends with the code 3."""
    ran = []

    def run(command, env=None):
        ran.append((command, env))
        return 3

    monkeypatch.setattr(cli, "run", run)
    return ran


def call(*arguments):
    return CliRunner().invoke(cli.app, arguments)


def test_lab_opens_the_first_chapter_and_hands_on_arguments_and_exit_code(ran, monkeypatch, tmp_path):
    monkeypatch.setattr(cli, "REPOSITORY", tmp_path)
    (tmp_path / cli.START).parent.mkdir()
    (tmp_path / cli.START).write_text("{}")
    assert call("lab", "--no-browser", "--port=1").exit_code == 3
    ((command, _),) = ran
    assert command[:4] == [sys.executable, "-m", "jupyterlab", str(Path("chapters") / "00_start_here.ipynb")]
    assert command[-2:] == ["--no-browser", "--port=1"]


def test_jupyterlab_understands_the_settings_that_keep_it_quiet():
    from jupyterlab.labapp import LabApp

    lab = LabApp()
    lab.parse_command_line(list(cli.QUIET))
    assert lab.news_url is None
    assert lab.check_for_updates_class.__name__ == "NeverCheckForUpdate"
    assert lab.extension_manager == "readonly"


def test_lab_without_chapters_says_how_to_get_them(ran, monkeypatch, tmp_path):
    monkeypatch.setattr(cli, "REPOSITORY", tmp_path)
    result = call("lab")
    assert result.exit_code == 1
    assert "git checkout -- chapters" in result.output
    assert ran == []


def test_test_runs_pytest_with_one_thread_each_and_hands_on_arguments(ran, monkeypatch):
    monkeypatch.setenv("RECSYS_TEACH_NO_SKIP", "1")
    assert call("test", "-k", "world", "-x").exit_code == 3
    ((command, env),) = ran
    assert command[:3] == [sys.executable, "-m", "pytest"]
    assert command[-3:] == ["-k", "world", "-x"]
    assert env["OMP_NUM_THREADS"] == "1"
    assert env["RECSYS_TEACH_NO_SKIP"] == "1", "or CI would skip in silence"


def test_run_gives_the_exit_code_of_the_program():
    assert cli.run([sys.executable, "-c", "raise SystemExit(4)"]) == 4


def test_fetch_says_why_it_failed(monkeypatch):
    def fail(say):
        raise FetchError("no network [today]. Type: python course.py fetch")

    monkeypatch.setattr(movielens, "fetch", fail)
    result = call("fetch")
    assert result.exit_code == 1
    assert result.output.strip() == "no network [today]. Type: python course.py fetch"


def test_help_names_every_command_without_loading_what_is_heavy():
    code = "import sys, recsys_teach.cli; print([m for m in ('numpy', 'pandas', 'torch') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
    said = call("--help").output
    assert all(command in said for command in ("lab", "test", "fetch", "doctor", "progress", "update"))


def test_doctor_marks_what_is_there_and_names_the_mend(monkeypatch):
    found = [
        Finding("numpy", True, "2.0"),
        Finding("data", False, "missing. Type: x"),
        Finding("git", False, "-", False),
    ]
    monkeypatch.setattr(doctor, "findings", lambda: found)
    result = call("doctor")
    first, second, *_ = result.output.splitlines()
    assert first.split() == ["[ok]", "numpy", "2.0"]
    assert second.split() == ["[mend]", "data", "missing.", "Type:", "x"]
    assert result.exit_code == 1


def test_doctor_is_content_if_only_something_optional_is_missing(monkeypatch):
    monkeypatch.setattr(doctor, "findings", lambda: [Finding("Chromium", False, "not found", needed=False)])
    assert call("doctor").exit_code == 0


def test_a_look_that_fails_is_a_line_not_a_traceback(monkeypatch):
    def broken():
        raise RuntimeError("no such thing")

    monkeypatch.setattr(doctor, "_machine", broken)
    (line,) = (finding for finding in doctor.findings() if finding.what == "machine")
    assert not line.ok
    assert "no such thing" in line.says


def test_doctor_names_a_package_that_is_missing_or_out_of_range(monkeypatch, tmp_path):
    listed = ["surely-not-there>=1", "numpy>=99", "packaging"]
    (tmp_path / "pyproject.toml").write_text(f"[project]\ndependencies = {listed}\n")
    (tmp_path / "constraints.txt").write_text("packaging==0.1\n")
    monkeypatch.setattr(doctor, "REPOSITORY", tmp_path)
    missing, old, untested = doctor._packages()
    assert (missing.ok, missing.needed) == (False, True)
    assert "pip install -e . -c constraints.txt" in missing.says
    assert "not in >=99" in old.says
    assert (untested.ok, untested.needed) == (False, False)
    assert "tested with 0.1" in untested.says


def test_doctor_finds_a_damaged_world(tmp_path):
    shutil.copytree(world_folder(), tmp_path / "world")
    assert doctor._world_problem(tmp_path / "world") is None
    (tmp_path / "world" / "users.csv.gz").write_bytes(b"not whole")
    assert "git checkout -- datasets/world" in str(doctor._world_problem(tmp_path / "world"))
    (tmp_path / "world" / "users.csv.gz").unlink()
    assert "users.csv.gz" in str(doctor._world_problem(tmp_path / "world"))


def test_doctor_finds_a_progress_folder_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RECSYS_TEACH_HOME", str(tmp_path / "file" / "home"))
    (finding,) = doctor._progress()
    assert not finding.ok
    assert "RECSYS_TEACH_HOME" in finding.says


def test_doctor_sees_that_the_kernel_runs_this_python():
    (finding,) = doctor._kernel()
    assert finding.ok, finding.says


def test_progress_prints_the_chapters():
    result = call("progress")
    assert result.exit_code == 0, result.output
    assert "objectives shown" in result.output


def test_update_without_a_clone_is_a_message(monkeypatch, tmp_path):
    monkeypatch.setattr(cli, "REPOSITORY", tmp_path)
    result = call("update")
    assert result.exit_code == 1
    assert "not a git clone" in result.output
