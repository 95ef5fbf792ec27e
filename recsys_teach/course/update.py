"""Bring the newest chapters into a git clone without losing what the learner wrote."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from recsys_teach.files import MY_WORK, copy_aside

PACKAGE_LISTS = ("pyproject.toml", "constraints.txt")


class UpdateError(RuntimeError):
    """The update cannot be made; nothing was changed, and the message says what to do."""


@dataclass
class Updated:
    """What an update did."""

    changed: list[str] = field(default_factory=list)
    set_aside: dict[str, Path] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """Say it to the learner."""
        if not self.changed:
            return ["The course is up to date; nothing was changed."]
        chapters = [name for name in self.changed if name.startswith("chapters/")]
        lines = [f"Updated {len(self.changed)} files" + (", among them:" if chapters else ".")]
        lines += [f"  {name}" for name in chapters]
        lines += [f"Your version of {name} is kept as {copy}" for name, copy in self.set_aside.items()]
        if any(name in PACKAGE_LISTS for name in self.changed):
            lines.append("The list of packages changed too: the next `python course.py lab` installs them.")
        return lines


def update(root: Path) -> Updated:
    """Bring a clone to the newest state of the branch it follows.

    A file that both the learner and the course changed is first copied to ``my_work/``, and so is what is only
    staged of it. One that only the learner changed stays as it is, and untracked files are never touched.

    Raises
    ------
    UpdateError
        If there is no clone, no network, nothing to follow, commits made by the learner, a merge that is not
        finished, an untracked file in the way of a new one, or a copy that cannot be written.
    """
    _refuse_without_clone(root)
    _fetch(root)
    ahead, behind = map(int, _git(root, "rev-list", "--left-right", "--count", "HEAD...@{upstream}").split())
    if not behind:
        return Updated()
    if ahead:
        raise UpdateError(
            f"Your copy has {ahead} commits that the course does not have, so it cannot be updated automatically. "
            "Nothing was changed. To put yours on top of the new ones, commit your changes and type: git rebase\n"
            "To keep yours apart, type: git branch my-commits, and then ask somebody who knows git."
        )
    changed = _names(root, "diff", "--name-only", "--no-renames", "HEAD", "@{upstream}")
    _refuse_files_in_the_way(root)
    _refuse_unfinished_merge(root)
    staged = set(_names(root, "diff", "--name-only", "--no-renames", "--cached", "HEAD"))
    collide = sorted(set(changed) & (staged | set(_names(root, "diff", "--name-only", "--no-renames", "HEAD"))))
    set_aside, copies = _copy_aside(root, collide, staged)
    _fast_forward(root, collide, set_aside)
    return Updated(changed, copies)


def _copy_aside(root: Path, names: list[str], staged: set[str]) -> tuple[dict[str, Path], dict[str, Path]]:
    """Copy each file to ``my_work/``, and beside it what is staged of it and nowhere else.

    Returns
    -------
    tuple
        The copies of the files, from which they can be put back; and the path in the repository of every copy, by
        what it is a copy of.
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
            f"Your version of a file cannot be copied to {root / MY_WORK}: {error}. Nothing was changed. Make that "
            "a folder that you can write to, then type: python course.py update"
        ) from error
    return set_aside, copies


def _refuse_without_clone(root: Path) -> None:
    if not (root / ".git").exists():
        raise UpdateError(
            f"{root} is not a git clone, so it cannot update itself. Download the course again into another "
            "folder, and copy the chapters you worked on into its folder my_work."
        )
    if not shutil.which("git"):
        raise UpdateError("The program git was not found. Get it from https://git-scm.com/downloads.")
    try:
        _git(root, "rev-parse", "--git-dir")
    except UpdateError as error:
        fix = f"\nIf you trust the folder, type: git config --global --add safe.directory {_quoted(root)}"
        known = "dubious ownership" in str(error)
        raise UpdateError(f"git cannot use this clone. git says: {error}{fix if known else ''}") from None
    try:
        _git(root, "rev-parse", "--verify", "@{upstream}")
    except UpdateError as error:
        raise UpdateError(
            f"This copy follows no branch of another repository, so there is nothing to update from. git says: {error}"
            "\nType: git switch main, and if that does not help: git branch --set-upstream-to origin/main main"
        ) from None


def _quoted(path: Path) -> str:
    return f'"{path}"' if " " in str(path) else str(path)


def _refuse_unfinished_merge(root: Path) -> None:
    if _names(root, "ls-files", "--unmerged") or (root / ".git" / "MERGE_HEAD").exists():
        raise UpdateError(
            "A merge in this clone is not finished. Nothing was changed. To give it up, type: git merge --abort\n"
            "Then type: python course.py update"
        )


def _fetch(root: Path) -> None:
    try:
        _git(root, "fetch", "--quiet")
    except UpdateError as error:
        raise UpdateError(
            f"The course's repository could not be reached; nothing was changed. Check the network, then "
            f"type: python course.py update\n{error}"
        ) from None


def _refuse_files_in_the_way(root: Path) -> None:
    """Raise if the update brings a file where an untracked one lies, for it would be lost."""
    new = _names(root, "diff", "--name-only", "--no-renames", "--diff-filter=A", "HEAD", "@{upstream}")
    in_the_way = [name for name in new if os.path.lexists(root / name)]
    if in_the_way:
        raise UpdateError(
            f"The update brings {in_the_way[0]}, but you have a file of that name. Nothing was changed. "
            "Rename yours or move it to my_work, then type: python course.py update"
        )


def _fast_forward(root: Path, collide: list[str], set_aside: dict[str, Path]) -> None:
    """Restore what collides and go forward; if git refuses, put everything back."""
    try:
        if collide:
            _git(root, "reset", "--quiet", "HEAD", "--", *map(":(literal){}".format, collide))
        if known := [name for name in collide if _names(root, "ls-files", "--", f":(literal){name}")]:
            _git(root, "checkout", "--quiet", "HEAD", "--", *map(":(literal){}".format, known))
        _git(root, "merge", "--quiet", "--ff-only", "@{upstream}")
    except UpdateError as error:
        for name, copy in set_aside.items():
            shutil.copy2(copy, root / name)
        raise UpdateError(f"git could not update; your files are as they were.\n{error}") from None


def _names(root: Path, *arguments: str) -> list[str]:
    return [os.fsdecode(name) for name in _git_bytes(root, *_with_z(arguments)).split(b"\0") if name]


def _with_z(arguments: tuple[str, ...]) -> list[str]:
    """Add -z before a list of paths."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return [*arguments[:at], "-z", *arguments[at:]]


def _git(root: Path, *arguments: str) -> str:
    return _git_bytes(root, *arguments).decode("utf-8", "replace")


def _git_bytes(root: Path, *arguments: str) -> bytes:
    # Without a terminal prompt a missing password is an error, not an endless wait.
    env = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    ran = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, env=env)
    if ran.returncode:
        said = ran.stderr.decode("utf-8", "replace").strip()
        raise UpdateError(said or f"git {arguments[0]} stopped with code {ran.returncode}.")
    return ran.stdout
