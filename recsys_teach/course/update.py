"""Update a git clone to the newest chapters without losing what the learner wrote."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from recsys_teach.files import MY_WORK, copy_aside

PACKAGE_LISTS = ("pyproject.toml", "constraints.txt")


class UpdateError(RuntimeError):
    """Raised when the update is not possible; the message explains how to fix the problem.

    The learner's files are then as they were before.
    """


@dataclass
class Updated:
    """The result of an update.

    Attributes
    ----------
    changed : list of str
        Files that differ between the old and the new version of the course, as paths in the repository.
    set_aside : dict of str to Path
        What was copied to ``my_work/``, and the path of the copy in the repository.
    """

    changed: list[str] = field(default_factory=list)
    set_aside: dict[str, Path] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """Return the lines that describe the result to the learner.

        Returns
        -------
        list of str
            At least one line.
        """
        if not self.changed:
            return ["The course is up to date; nothing was changed."]
        chapters = [name for name in self.changed if name.startswith("chapters/")]
        lines = [f"Files that were updated: {len(self.changed)}" + (", including these chapters:" if chapters else ".")]
        lines += [f"  {name}" for name in chapters]
        lines += [f"Your version of {name} was copied to {copy}" for name, copy in self.set_aside.items()]
        if any(name in PACKAGE_LISTS for name in self.changed):
            lines.append("The list of packages changed, too. The next `python course.py lab` installs the changes.")
        return lines


def update(root: Path) -> Updated:
    """Update a clone to the newest commit of the branch that it tracks.

    A file that both the learner and the course changed is first copied to ``my_work/``. The same applies to a version
    of the file that is only staged. A file that only the learner changed stays as it is, and untracked files are never
    changed.

    Parameters
    ----------
    root : Path
        Folder of the clone.

    Returns
    -------
    Updated
        What was changed and what was copied.

    Raises
    ------
    UpdateError
        If the folder is not a clone, the network is not available, the branch tracks no other, the learner made
        commits, a merge is not finished, an untracked file has the path of a new one, or a file cannot be copied.
    """
    _check_clone(root)
    _fetch(root)
    ahead, behind = map(int, _git(root, "rev-list", "--left-right", "--count", "HEAD...@{upstream}").split())
    if not behind:
        return Updated()
    if ahead:
        raise UpdateError(
            f"Expected a clone without commits of your own; got {ahead} commits that the course does not have, so it "
            "cannot be updated automatically. Nothing was changed. To apply your commits on top of the new version, "
            "commit all your changes and type: git rebase\n"
            "To keep your commits separately, type: git branch my-commits, and then ask somebody who knows git for "
            "help with the update."
        )
    changed = _names(root, "diff", "--name-only", "--no-renames", "HEAD", "@{upstream}")
    _check_untracked_files(root)
    _check_unfinished_merge(root)
    staged = set(_names(root, "diff", "--name-only", "--no-renames", "--cached", "HEAD"))
    conflicts = sorted(set(changed) & (staged | set(_names(root, "diff", "--name-only", "--no-renames", "HEAD"))))
    set_aside, copies = _copy_aside(root, conflicts, staged)
    _fast_forward(root, conflicts, set_aside)
    return Updated(changed, copies)


def _copy_aside(root: Path, names: list[str], staged: set[str]) -> tuple[dict[str, Path], dict[str, Path]]:
    """Copy each file to ``my_work/``, and separately a version of it that is only staged.

    Returns
    -------
    set_aside : dict of str to Path
        The copies of the files in the working tree, from which they can be restored.
    copies : dict of str to Path
        All copies, described for the learner, with their paths in the repository.
    """
    set_aside, copies = {}, {}
    try:
        for name in names:
            is_file = (root / name).is_file()
            if is_file:
                set_aside[name] = copy_aside(root, name)
                copies[name] = set_aside[name].relative_to(root)
            if name in staged and _names(root, "ls-files", "--", f":(literal){name}"):
                content = _git_bytes(root, "cat-file", "--filters", f":{name}")
                if not is_file or content != (root / name).read_bytes():
                    copies[f"{name} (staged)"] = copy_aside(root, name, content).relative_to(root)
    except OSError as error:
        raise UpdateError(
            f"Your version of a file cannot be copied to {root / MY_WORK}: {error}. Nothing was changed. Make sure "
            "that this is a folder that you can write to, then type: python course.py update"
        ) from error
    return set_aside, copies


def _check_clone(root: Path) -> None:
    """Raise an error unless the folder is a clone that git can read and whose branch tracks another one."""
    if not (root / ".git").exists():
        raise UpdateError(
            f"Expected a git clone; got the folder {root}, which is not a git clone and cannot be updated. Download "
            "the course again into another folder, and copy the chapters that you worked on into its folder my_work."
        )
    if not shutil.which("git"):
        raise UpdateError(
            "The update needs the program git, which was not found. Install it from https://git-scm.com/downloads."
        )
    try:
        _git(root, "rev-parse", "--git-dir")
    except UpdateError as error:
        fix = f"\nIf you trust the folder, type: git config --global --add safe.directory {_quoted(root)}"
        is_known = "dubious ownership" in str(error)
        raise UpdateError(f"git cannot read this clone. Its message is: {error}{fix if is_known else ''}") from None
    try:
        _git(root, "rev-parse", "--verify", "@{upstream}")
    except UpdateError as error:
        raise UpdateError(
            "Expected a branch that tracks a branch of the course's repository; got one that tracks no branch, so "
            f"the newest version is unknown. The message of git is: {error}"
            "\nType: git switch main, and if that does not help: git branch --set-upstream-to origin/main main"
        ) from None


def _quoted(path: Path) -> str:
    """Return a path as it is typed in a terminal."""
    return f'"{path}"' if " " in str(path) else str(path)


def _check_unfinished_merge(root: Path) -> None:
    """Raise an error if the clone is in the middle of a merge."""
    if _names(root, "ls-files", "--unmerged") or (root / ".git" / "MERGE_HEAD").exists():
        raise UpdateError(
            "A merge in this clone is not finished. Nothing was changed. To cancel the merge, type: git merge --abort\n"
            "Then type: python course.py update"
        )


def _fetch(root: Path) -> None:
    try:
        _git(root, "fetch", "--quiet")
    except UpdateError as error:
        raise UpdateError(
            "The course's repository could not be reached; nothing was changed. Check the network connection, then "
            f"type: python course.py update\nThe message of git is: {error}"
        ) from None


def _check_untracked_files(root: Path) -> None:
    """Raise an error if the update adds a file whose path an untracked file already has, which would be lost."""
    new = _names(root, "diff", "--name-only", "--no-renames", "--diff-filter=A", "HEAD", "@{upstream}")
    untracked = [name for name in new if os.path.lexists(root / name)]
    if untracked:
        raise UpdateError(
            f"The update adds {untracked[0]}, but you already have a file with that name. Nothing was changed. "
            "Rename your file or move it to my_work, then type: python course.py update"
        )


def _fast_forward(root: Path, conflicts: list[str], set_aside: dict[str, Path]) -> None:
    """Restore the course's version of the conflicting files and fast-forward; if git fails, restore the learner's."""
    try:
        if conflicts:
            _git(root, "reset", "--quiet", "HEAD", "--", *map(":(literal){}".format, conflicts))
        if tracked := [name for name in conflicts if _names(root, "ls-files", "--", f":(literal){name}")]:
            _git(root, "checkout", "--quiet", "HEAD", "--", *map(":(literal){}".format, tracked))
        _git(root, "merge", "--quiet", "--ff-only", "@{upstream}")
    except UpdateError as error:
        for name, copy in set_aside.items():
            shutil.copy2(copy, root / name)
        raise UpdateError(
            "git could not update the clone; your files are as they were before. Fix the problem that git describes, "
            f"then type: python course.py update\nThe message of git is: {error}"
        ) from None


def _names(root: Path, *arguments: str) -> list[str]:
    """Return the paths that a git command lists."""
    return [os.fsdecode(name) for name in _git_bytes(root, *_with_z(arguments)).split(b"\0") if name]


def _with_z(arguments: tuple[str, ...]) -> list[str]:
    """Add the option -z, which separates paths with null bytes, before the list of paths."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return [*arguments[:at], "-z", *arguments[at:]]


def _git(root: Path, *arguments: str) -> str:
    """Return the output of a git command as text."""
    return _git_bytes(root, *arguments).decode("utf-8", "replace")


def _git_bytes(root: Path, *arguments: str) -> bytes:
    """Return the output of a git command; raise UpdateError with git's message if it fails."""
    # Without a prompt in the terminal, a missing password is an error instead of an endless wait.
    env = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    ran = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, env=env)
    if ran.returncode:
        message = ran.stderr.decode("utf-8", "replace").strip()
        raise UpdateError(message or f"git {arguments[0]} failed with exit code {ran.returncode}.")
    return ran.stdout
