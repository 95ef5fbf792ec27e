"""What is recorded of a learner: whole or not at all, by several kernels at once, and never lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from recsys_teach.files import REPOSITORY, write_whole
from recsys_teach.learn import check, predict, progress, quiz
from recsys_teach.learn.chapters import chapter_of, chapters
from recsys_teach.learn.progress_file import change_progress, locks_work, progress_file, read_progress, report
from recsys_teach.learn.schema import Chapter, Exercise, Prediction, Question

EMPTY = {"exercises": {}, "predictions": {}, "quiz": {}}


def exercise(exercise_id: str, objective: str, level: str = "core") -> Exercise:
    return Exercise(
        exercise_id, "Made up", objective=objective, level=level, minutes=1, reference=lambda: 1, why="", hints=("",),
        misconceptions={},
    )  # fmt: skip


CHAPTER = Chapter(
    number="09",
    title="Made up",
    objectives={"O9.1": "Count", "O9.2": "Rank"},
    exercises=[
        exercise("9.1", "O9.1"),
        exercise("9.2", "O9.2"),
        exercise("9.3", "O9.2"),
        exercise("9.4", "O9.2", level="stretch"),
    ],
    predictions=[Prediction("P9.1", "Which?", {"a": "this", "b": "that"}, lambda x: "a")],
    quiz=[Question("O9.1", "How many?", {"a": ("One", "No."), "b": ("Two", "Yes.")}, "b")] * 2,
)


@pytest.fixture(autouse=True)
def made_up_chapter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RECSYS_TEACH_REPORT", raising=False)
    monkeypatch.delenv("RECSYS_TEACH_STRICT", raising=False)
    monkeypatch.setenv("RECSYS_TEACH_HOME", str(tmp_path / "data"))
    for module in ("chapters", "progress_file"):
        monkeypatch.setattr(f"recsys_teach.learn.{module}.chapters", lambda: {"09": CHAPTER})


def note(name: str, status: str = "ok") -> None:
    change_progress(lambda record: record["exercises"].update({name: {"status": status, "attempts": 1}}))


def run_at_once(imports: str, *programs: str) -> None:
    """Run Python programs side by side, all beginning when all have imported, and wait until they end well."""
    begin = f"{imports}\nprint('ready', flush=True)\ninput()\n"
    pipes: dict = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    running = [subprocess.Popen([sys.executable, "-c", begin + program], **pipes) for program in programs]
    assert [process.stdout.readline() for process in running] == ["ready\n"] * len(programs)
    for process in running:
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[0] for process in running] == [""] * len(programs)
    assert [process.returncode for process in running] == [0] * len(programs)


# --- write whole ----------------------------------------------------------------------------------------------


def test_text_and_bytes_are_written_as_they_are(tmp_path: Path) -> None:
    write_whole(tmp_path / "new" / "folder" / "text", "Zoë\n")
    assert (tmp_path / "new" / "folder" / "text").read_bytes() == b"Zo\xc3\xab\n"
    write_whole(tmp_path / "bytes", b"\r\n\x00")
    assert (tmp_path / "bytes").read_bytes() == b"\r\n\x00"


@pytest.mark.parametrize("crash", [OSError("disk full"), KeyboardInterrupt()], ids=["error", "interrupt"])
def test_after_a_crash_the_old_file_is_whole_and_nothing_else_is_left(tmp_path: Path, monkeypatch, crash) -> None:
    path = tmp_path / "file"
    write_whole(path, "old")

    def fails(*args):
        raise crash

    monkeypatch.setattr("recsys_teach.files.os.replace", fails)
    with pytest.raises(type(crash)):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="file modes are a matter of POSIX")
def test_a_file_written_whole_can_be_read_by_whom_any_new_file_can(tmp_path: Path) -> None:
    (tmp_path / "usual").write_text("")
    write_whole(tmp_path / "whole", "")
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "usual").stat().st_mode


# --- the progress file ----------------------------------------------------------------------------------------


def test_progress_is_kept_where_the_environment_says(tmp_path: Path) -> None:
    note("9.1")
    assert progress_file() == tmp_path / "data" / "progress.json"
    assert json.loads(progress_file().read_text())["exercises"]["9.1"]["status"] == "ok"


def test_without_the_environment_it_is_kept_in_the_users_data_folder(monkeypatch) -> None:
    monkeypatch.delenv("RECSYS_TEACH_HOME")
    assert progress_file().name == "progress.json"
    assert "recsys-teach" in progress_file().parts
    assert Path.home() in progress_file().parents


def test_before_anything_is_recorded_the_record_is_empty_and_no_file_is_made() -> None:
    assert read_progress() == EMPTY
    assert not progress_file().exists()


def disk_full(*args):
    raise OSError("no space left on device")


def test_a_crash_while_saving_costs_one_line_and_the_old_record_stays(monkeypatch, capsys) -> None:
    note("9.1")
    before = progress_file().read_bytes()
    with monkeypatch.context() as broken:
        broken.setattr("recsys_teach.files.os.replace", disk_full)
        note("9.2")
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert "could not be saved" in out
    assert "no space left on device" in out
    assert progress_file().read_bytes() == before
    assert not list(progress_file().parent.glob(".progress*"))
    note("9.2")
    assert set(read_progress()["exercises"]) == {"9.1", "9.2"}


def test_two_kernels_that_record_at_once_lose_nothing() -> None:
    program = """
for n in range(50):
    change_progress(lambda record: record["exercises"].update({{f"{0}.{{n}}": {{"status": "ok"}}}}))
"""
    run_at_once("from recsys_teach.learn.progress_file import change_progress", program.format(1), program.format(2))
    assert set(read_progress()["exercises"]) == {f"{kernel}.{n}" for kernel in (1, 2) for n in range(50)}


@pytest.mark.parametrize(
    "content",
    [
        b"not json",
        b'{"exercises": {"9.1": {"status": ',
        b"\xff\xfe\x00",
        b"[]",
        b"null",
        b'{"exercises": 3}',
        b'{"exercises": {"9.1": "ok"}}',
    ],
    ids=["text", "cut off", "binary", "list", "null", "number", "another shape"],
)
def test_a_file_that_cannot_be_read_is_set_aside_and_kept(capsys, content: bytes) -> None:
    progress_file().parent.mkdir(parents=True)
    progress_file().write_bytes(content)
    check("9.1", 1)
    out = capsys.readouterr().out
    kept = list(progress_file().parent.glob("progress.unreadable-*.json"))
    assert [path.read_bytes() for path in kept] == [content]
    assert kept[0].name in out
    assert read_progress()["exercises"]["9.1"]["status"] == "ok"


@pytest.mark.parametrize(
    "record",
    [
        {"exercises": {"9.1": {"status": "not yet"}}},
        {"exercises": {"9.1": {}}},
        {"exercises": {"9.1": {"status": 7, "attempts": "many"}}},
        {"exercises": {"9.1": {"status": "not yet", "attempts": None}}},
        {"quiz": {"09": {}}},
        {"later": {"kept": True}},
        {},
    ],
)
def test_a_record_without_an_inner_field_is_completed_and_nothing_is_lost(capsys, record) -> None:
    progress_file().parent.mkdir(parents=True)
    progress_file().write_text(json.dumps(record))
    check("9.1", 2)
    quiz("09", ["b", "b"])
    predict("P9.1", "a")
    progress()
    assert "kept as" not in capsys.readouterr().out
    after = json.loads(progress_file().read_text())
    assert after["exercises"]["9.1"]["attempts"] >= 1
    assert after["quiz"]["09"] == {"1": "b", "2": "b"}
    assert after["predictions"]["P9.1"] == "a"
    assert after.get("later") == record.get("later")


@pytest.mark.parametrize("part", ["exercises", "predictions", "quiz"])
@pytest.mark.parametrize("entry", [["a"], None, 3, [{"1": "a"}]])
def test_an_entry_of_another_shape_is_named_kept_aside_and_the_rest_stays(capsys, part, entry) -> None:
    whole = {"exercises": {"9.2": {"status": "ok", "attempts": 1}}, "predictions": {"P9.2": "b"}, "quiz": {"10": {}}}
    damaged = whole | {part: whole[part] | {"9.1": entry}}
    progress_file().parent.mkdir(parents=True)
    progress_file().write_text(json.dumps(damaged))
    check("9.1", 1)
    quiz("09", ["b", "b"])
    predict("P9.1", "a")
    out = capsys.readouterr().out
    assert f"entries of another shape ({part} 9.1)" in out
    kept = list(progress_file().parent.glob("progress.unreadable-*.json"))
    assert [json.loads(path.read_text()) for path in kept] == [damaged]
    after = read_progress()
    assert all(after[name].items() >= entries.items() for name, entries in whole.items())


def test_an_empty_progress_file_begins_a_record_without_a_word(capsys) -> None:
    progress_file().parent.mkdir(parents=True)
    progress_file().write_text("")
    check("9.1", 1)
    assert "kept as" not in capsys.readouterr().out
    assert read_progress()["exercises"]["9.1"]["status"] == "ok"


@pytest.mark.parametrize(
    ("named", "folder"), [("~/course-progress", Path.home() / "course-progress"), ("here", REPOSITORY / "here")]
)
def test_home_may_be_named_by_a_tilde_or_relative_to_the_course(monkeypatch, tmp_path, named, folder) -> None:
    monkeypatch.setenv("RECSYS_TEACH_HOME", named)
    monkeypatch.chdir(tmp_path)
    assert progress_file() == folder / "progress.json"


def test_a_user_without_a_home_keeps_progress_in_the_course(monkeypatch) -> None:
    def unknown(*args, **kwargs):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("recsys_teach.learn.progress_file.user_data_path", unknown)
    monkeypatch.delenv("RECSYS_TEACH_HOME")
    assert progress_file() == REPOSITORY / "my_work" / "progress.json"
    monkeypatch.setattr(Path, "expanduser", unknown)
    monkeypatch.setenv("RECSYS_TEACH_HOME", "~/x")
    assert progress_file() == REPOSITORY / "my_work" / "progress.json"


def test_without_locks_of_the_system_progress_is_saved_all_the_same(monkeypatch, capsys) -> None:
    def refuse(*args):
        raise OSError(37, "No locks available")

    locks_work.cache_clear()
    monkeypatch.setattr("fcntl.flock", refuse)
    note("9.1")
    note("9.2")
    assert capsys.readouterr().out == ""
    assert set(read_progress()["exercises"]) == {"9.1", "9.2"}
    assert sorted(path.name for path in progress_file().parent.iterdir()) == ["progress.json"]
    locks_work.cache_clear()


def test_a_progress_file_that_may_not_be_read_costs_one_line(monkeypatch, capsys) -> None:
    note("9.1")

    def refuse(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    check("9.1", 1)
    progress()
    out = capsys.readouterr().out
    assert "could not be saved" in out
    assert "could not be read: Permission denied. Make the file readable for you." in out


def test_a_folder_that_cannot_be_written_costs_one_line_and_not_the_lesson(tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("RECSYS_TEACH_HOME", str(tmp_path / "file" / "folder"))
    check("9.1", 1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "[ok] 9.1 Made up"
    assert [line for line in lines if "could not be saved" in line] == lines[1:]
    progress()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_costs_one_line_and_not_the_lesson(capsys) -> None:
    progress_file().parent.mkdir(parents=True)
    progress_file().parent.chmod(0o500)
    check("9.1", 1)
    assert "could not be saved" in capsys.readouterr().out


# --- the report -----------------------------------------------------------------------------------------------


def test_without_the_environment_no_report_is_written(tmp_path: Path) -> None:
    report("check", "9.1", "ok", "")
    assert not list(tmp_path.rglob("*.json"))


def test_report_is_a_json_list_of_every_result_in_order(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "new" / "report.json"
    monkeypatch.setenv("RECSYS_TEACH_REPORT", str(path))
    check("9.1", 2)
    check("9.1", 1)
    assert [(entry["kind"], entry["id"], entry["status"]) for entry in json.loads(path.read_text())] == [
        ("check", "9.1", "not yet"),
        ("check", "9.1", "ok"),
    ]
    assert "That is not it" in json.loads(path.read_text())[0]["reason"]


@pytest.mark.parametrize("content", [b"", b"\n"], ids=["empty", "blank"])
def test_an_empty_report_file_is_a_report_without_results(tmp_path, monkeypatch, capsys, content) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(content)
    monkeypatch.setenv("RECSYS_TEACH_REPORT", str(path))
    check("9.1", 1)
    assert len(json.loads(path.read_text())) == 1
    assert "kept" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b'[{"kind": "che', b"{}", b"\xff\xfe", b"notes of mine"])
def test_a_report_that_is_none_is_kept_beside_the_new_one(tmp_path, monkeypatch, capsys, content) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(content)
    monkeypatch.setenv("RECSYS_TEACH_REPORT", str(path))
    check("9.1", 1)
    assert len(json.loads(path.read_text())) == 1
    assert [kept.read_bytes() for kept in tmp_path.glob("report.unreadable-*.json")] == [content]
    assert capsys.readouterr().out.count("is no report: it is kept as") == 1


def test_a_report_in_place_of_a_folder_costs_one_line_after_the_verdict(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("RECSYS_TEACH_REPORT", str(tmp_path))
    check("9.1", 1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "[ok] 9.1 Made up"
    assert [line for line in lines if "The report could not be written" in line] == lines[1:]


def test_two_kernels_that_report_at_once_lose_nothing(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "report.json"
    monkeypatch.setenv("RECSYS_TEACH_REPORT", str(path))
    program = """
for n in range(50):
    report("check", f"{0}.{{n}}", "ok", "")
"""
    run_at_once("from recsys_teach.learn.progress_file import report", program.format(1), program.format(2))
    names = [entry["id"] for entry in json.loads(path.read_text())]
    assert sorted(names) == sorted(f"{kernel}.{n}" for kernel in (1, 2) for n in range(50))
    assert [name for name in names if name.startswith("1.")] == [f"1.{n}" for n in range(50)]


# --- progress as a learner sees it ----------------------------------------------------------------------------


def test_progress_shows_what_is_open(capsys) -> None:
    progress("09")
    assert capsys.readouterr().out.splitlines() == [
        "Chapter 09  Made up: 0 of 2 objectives demonstrated",
        "  [ ] O9.1 Count  (open: 9.1)",
        "  [ ] O9.2 Rank  (open: 9.2, 9.3)",
        "  quiz: 0 of 2 right",
    ]


def test_an_objective_is_shown_when_its_exercises_are_ok_and_a_stretch_one_is_not_needed(capsys) -> None:
    note("9.2")
    note("9.3")
    note("9.1", "not yet")
    change_progress(lambda record: record["quiz"].update({"09": {"1": "b", "2": "a"}}))
    progress(9)
    out = capsys.readouterr().out
    assert "1 of 2 objectives demonstrated" in out
    assert "  [x] O9.2 Rank\n" in out
    assert "  [ ] O9.1 Count  (open: 9.1)" in out
    assert "  quiz: 1 of 2 right" in out


def test_progress_without_a_chapter_shows_all(capsys) -> None:
    progress()
    assert "Chapter 09" in capsys.readouterr().out


def test_progress_of_a_chapter_that_is_none_says_which_there_are(capsys) -> None:
    progress(77)
    assert capsys.readouterr().out == "There is no chapter 77; there are 09.\n"


# --- finding a chapter ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["9", "09", "9.2", "P9.1", "O9.1", "Q9.1"])
def test_a_chapter_is_found_by_any_of_its_ids(name: str) -> None:
    assert chapter_of(name) is CHAPTER


def test_an_id_of_no_chapter_is_told_which_there_are() -> None:
    with pytest.raises(KeyError, match=r"'77\.1' names no chapter; there are the chapters 09"):
        chapter_of("77.1")


def test_an_exercise_that_is_none_is_told_which_there_are() -> None:
    with pytest.raises(KeyError, match=r"no '9\.8' in chapter 09; it has 9\.1, 9\.2, 9\.3, 9\.4"):
        CHAPTER.exercise("9.8")


def test_chapters_of_the_course_are_found_under_their_own_number() -> None:
    found = chapters()
    assert "00" in found
    assert all(chapter.number == number for number, chapter in found.items())
