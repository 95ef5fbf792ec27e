"""Updating a clone: the learner's work is kept, and an update that fails changes nothing."""

import os
import shutil
import subprocess

import pytest

from recsys_teach.course.update import UpdateError, update

CHAPTER = "chapters/04_svd.ipynb"
IDENTITY = {f"GIT_{who}_{what}": "a@b.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def git(folder, *arguments):
    env = {**os.environ, **IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    ran = subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True, text=True, env=env)
    return ran.stdout.strip()


def write(folder, name, text):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def publish(author, **files):
    """Let the author change files and push them; "__" in a name stands for "/" and "_dot_" for "."."""
    for name, text in files.items():
        write(author, name.replace("__", "/").replace("_dot_", "."), text)
    git(author, "add", "--all")
    git(author, "commit", "--quiet", "--message", "change")
    git(author, "push", "--quiet", "origin", "main")


@pytest.fixture
def author(tmp_path):
    """A clone from which the course is published."""
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "upstream.git")
    git(tmp_path, "clone", "--quiet", "upstream.git", "author")
    folder = tmp_path / "author"
    git(folder, "switch", "--quiet", "--create", "main")
    write(folder, ".gitignore", "my_work/\n")
    write(folder, "chapters/01_matrix.ipynb", "matrix 1")
    write(folder, "recsys_teach/metrics.py", "metrics 1")
    write(folder, "pyproject.toml", "list 1")
    publish(folder, **{CHAPTER: "svd 1"})
    return folder


@pytest.fixture
def learner(author, tmp_path):
    """A clone in which a learner works."""
    git(tmp_path, "clone", "--quiet", "upstream.git", "learner")
    return tmp_path / "learner"


def contents(folder):
    """Return the text of every file of a clone, without the files of git."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.parts
    }


def assert_update_fails(learner, match):
    """Check that the update fails with a message that matches, and changes nothing."""
    before, head = contents(learner), git(learner, "rev-parse", "HEAD")
    with pytest.raises(UpdateError, match=match):
        update(learner)
    assert contents(learner) == before
    assert git(learner, "rev-parse", "HEAD") == head


def test_new_chapters_are_added(author, learner):
    publish(author, **{CHAPTER: "svd 2", "chapters/05_mf.ipynb": "mf 1"})
    done = update(learner)
    assert (learner / CHAPTER).read_text() == "svd 2"
    assert (learner / "chapters/05_mf.ipynb").read_text() == "mf 1"
    assert "chapters/05_mf.ipynb" in "\n".join(done.lines())
    assert git(learner, "status", "--porcelain") == ""


def test_a_chapter_that_both_changed_is_copied_to_my_work_and_updated(author, learner):
    write(learner, CHAPTER, "my answers")
    publish(author, **{CHAPTER: "svd 2"})
    done = update(learner)
    (copy,) = (learner / "my_work").iterdir()
    assert copy.read_text() == "my answers"
    assert copy.name.startswith("04_svd.20")
    assert copy.suffix == ".ipynb"
    assert (learner / CHAPTER).read_text() == "svd 2"
    assert f"my_work/{copy.name}" in "\n".join(done.lines()).replace("\\", "/")


def test_two_updates_in_one_second_keep_both_versions(author, learner, monkeypatch):
    monkeypatch.setattr("recsys_teach.files.time.strftime", lambda _: "2030-01-01_00-00-00")
    for n in (2, 3):
        write(learner, CHAPTER, f"my answers {n}")
        publish(author, **{CHAPTER: f"svd {n}"})
        update(learner)
    kept = sorted(path.read_text() for path in (learner / "my_work").iterdir())
    assert kept == ["my answers 2", "my answers 3"]


def test_a_chapter_that_only_the_learner_changed_is_unchanged(author, learner):
    write(learner, "chapters/01_matrix.ipynb", "my answers")
    publish(author, **{CHAPTER: "svd 2"})
    assert update(learner).set_aside == {}
    assert (learner / "chapters/01_matrix.ipynb").read_text() == "my answers"
    assert (learner / CHAPTER).read_text() == "svd 2"


def test_a_changed_module_is_copied_with_its_folder(author, learner):
    write(learner, "recsys_teach/metrics.py", "my metric")
    publish(author, recsys_teach__metrics_dot_py="metrics 2")
    update(learner)
    (copy,) = (learner / "my_work" / "recsys_teach").iterdir()
    assert copy.read_text() == "my metric"
    assert (learner / "recsys_teach/metrics.py").read_text() == "metrics 2"


def test_a_staged_version_is_copied(author, learner):
    write(learner, CHAPTER, "my answers")
    git(learner, "add", CHAPTER)
    publish(author, **{CHAPTER: "svd 2"})
    update(learner)
    assert [path.read_text() for path in (learner / "my_work").iterdir()] == ["my answers"]


@pytest.mark.parametrize("on_disk", [None, "on disk", "svd 1"])
def test_a_version_that_is_only_staged_is_copied(author, learner, on_disk):
    write(learner, CHAPTER, "staged")
    git(learner, "add", CHAPTER)
    (learner / CHAPTER).unlink()
    if on_disk:
        write(learner, CHAPTER, on_disk)
    publish(author, **{CHAPTER: "svd 2"})
    done = update(learner)
    kept = {path.read_text() for path in (learner / "my_work").iterdir()}
    assert kept == {"staged", *filter(None, [on_disk])}
    assert (learner / CHAPTER).read_text() == "svd 2"
    assert git(learner, "status", "--porcelain") == ""
    assert f"{CHAPTER} (staged) was copied to my_work" in "\n".join(done.lines()).replace("\\", "/")


def test_a_new_file_that_is_only_staged_is_copied_when_the_course_adds_its_path(author, learner):
    write(learner, "chapters/05_mf.ipynb", "mine")
    git(learner, "add", "chapters/05_mf.ipynb")
    (learner / "chapters/05_mf.ipynb").unlink()
    publish(author, **{"chapters/05_mf.ipynb": "mf 1"})
    update(learner)
    assert (learner / "chapters/05_mf.ipynb").read_text() == "mf 1"
    assert [path.read_text() for path in (learner / "my_work").iterdir()] == ["mine"]


def test_a_file_named_my_work_stops_the_update_with_a_message(author, learner):
    write(learner, CHAPTER, "my answers")
    write(learner, "my_work", "a file")
    publish(author, **{CHAPTER: "svd 2"})
    assert_update_fails(learner, "cannot be copied to .*my_work.*Nothing was changed")


def test_a_merge_that_is_not_finished_stops_the_update(author, learner):
    git(learner, "switch", "--quiet", "--create", "other")
    write(learner, CHAPTER, "other")
    git(learner, "commit", "--quiet", "--all", "--message", "other")
    git(learner, "switch", "--quiet", "main")
    write(learner, CHAPTER, "mine")
    git(learner, "commit", "--quiet", "--all", "--message", "mine")
    with pytest.raises(subprocess.CalledProcessError):
        git(learner, "merge", "other")
    git(learner, "update-ref", "refs/remotes/origin/main", "HEAD")
    git(author, "pull", "--quiet", str(learner), "main")
    publish(author, **{"chapters/01_matrix.ipynb": "matrix 2"})
    assert_update_fails(learner, "merge in this clone is not finished.*git merge --abort")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can change the owner of a folder"
)
def test_a_clone_with_another_owner_prints_the_message_of_git_and_the_fix(learner, monkeypatch, tmp_path):
    for path in [learner, *learner.rglob("*")]:
        os.chown(path, 1000, 1000)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SUDO_UID", raising=False)
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    with pytest.raises(UpdateError, match=rf"dubious ownership[\s\S]*--add safe\.directory {learner}"):
        update(learner)


def test_a_changed_chapter_that_the_course_removed_is_copied(author, learner):
    write(learner, CHAPTER, "my answers")
    (author / CHAPTER).unlink()
    publish(author)
    update(learner)
    assert [path.read_text() for path in (learner / "my_work").iterdir()] == ["my answers"]
    assert not (learner / CHAPTER).exists()


def test_untracked_files_are_never_changed(author, learner):
    write(learner, "chapters/my_own.ipynb", "mine")
    publish(author, **{CHAPTER: "svd 2"})
    update(learner)
    assert (learner / "chapters/my_own.ipynb").read_text() == "mine"


def test_an_untracked_file_with_the_path_of_a_new_one_stops_the_update(author, learner):
    write(learner, CHAPTER, "my answers")
    write(learner, "chapters/05_mf.ipynb", "mine")
    publish(author, **{CHAPTER: "svd 2", "chapters/05_mf.ipynb": "mf 1"})
    assert_update_fails(learner, r"adds chapters/05_mf\.ipynb.*Rename your file")


def test_the_learners_version_is_restored_if_git_fails(author, learner):
    write(learner, CHAPTER, "my answers")
    write(learner, "notes", "an untracked file where the course has a folder")
    publish(author, **{CHAPTER: "svd 2", "notes/a.md": "text"})
    with pytest.raises(UpdateError, match="your files are as they were"):
        update(learner)
    assert (learner / CHAPTER).read_text() == "my answers"
    assert (learner / "notes").read_text().startswith("an untracked file")


def test_commits_of_the_learner_stop_the_update_with_both_solutions(author, learner):
    write(learner, "chapters/01_matrix.ipynb", "my answers")
    git(learner, "commit", "--quiet", "--all", "--message", "mine")
    publish(author, **{CHAPTER: "svd 2"})
    assert_update_fails(learner, r"1 commits that the course does not have[\s\S]*git rebase")


def test_without_network_nothing_changes(author, learner, tmp_path):
    write(learner, CHAPTER, "my answers")
    shutil.rmtree(tmp_path / "upstream.git")
    assert_update_fails(learner, "could not be reached; nothing was changed")


def test_without_a_new_version_nothing_changes(learner):
    write(learner, CHAPTER, "my answers")
    assert update(learner).lines() == ["The course is up to date; nothing was changed."]
    assert (learner / CHAPTER).read_text() == "my answers"


def test_a_changed_list_of_packages_is_reported(author, learner):
    publish(author, pyproject_dot_toml="list 2")
    assert any("installs the changes" in line for line in update(learner).lines())


def test_a_copy_without_git_explains_what_to_do(tmp_path):
    with pytest.raises(UpdateError, match="not a git clone"):
        update(tmp_path)


def test_a_clone_without_an_upstream_branch_explains_what_to_do(learner):
    git(learner, "checkout", "--quiet", "--detach")
    assert_update_fails(learner, "tracks no branch")
