"""Bring the newest chapters into a git clone without losing what the learner wrote."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from recsys_teach.files import copy_aside

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
            lines.append("The list of packages changed too: your next `python course.py lab` installs them.")
        return lines


def update(root: Path) -> Updated:
    """Bring a clone to the newest state of the branch it follows.

    A file that both the learner and the course changed is first copied to ``my_work/``. One that only the
    learner changed stays as it is, and untracked files are never touched.

    Raises
    ------
    UpdateError
        If there is no clone, no network, nothing to follow, commits of the learner's own, or an
        untracked file in the way of a new one.
    """
    _refuse_without_clone(root)
    _fetch(root)
    ahead, behind = map(int, _git(root, "rev-list", "--left-right", "--count", "HEAD...@{upstream}").split())
    if not behind:
        return Updated()
    if ahead:
        raise UpdateError(
            f"Your copy has {ahead} commits of its own, so it cannot follow the course by itself. Nothing "
            "was changed. To put yours on top of the new ones, commit what is open and type: git rebase\n"
            "To keep yours apart, type: git branch my-commits, and then ask somebody who knows git."
        )
    changed = _names(root, "diff", "--name-only", "--no-renames", "HEAD", "@{upstream}")
    _refuse_files_in_the_way(root)
    collide = sorted(set(changed) & set(_names(root, "diff", "--name-only", "--no-renames", "HEAD")))
    set_aside = {name: copy_aside(root, name) for name in collide if (root / name).is_file()}
    _fast_forward(root, collide, set_aside)
    return Updated(changed, {name: copy.relative_to(root) for name, copy in set_aside.items()})


def _refuse_without_clone(root: Path) -> None:
    if not (root / ".git").exists():
        raise UpdateError(
            f"{root} is not a git clone, so it cannot update itself. Download the course again into another "
            "folder, and copy the chapters you worked on into its folder my_work."
        )
    if not shutil.which("git"):
        raise UpdateError("The program git was not found. Get it from https://git-scm.com/downloads.")
    try:
        _git(root, "rev-parse", "--verify", "@{upstream}")
    except UpdateError:
        raise UpdateError(
            "This copy follows no branch of another repository, so there is nothing to update from. "
            "Type: git switch main, and if that does not help: git branch --set-upstream-to origin/main main"
        ) from None


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
            _git(root, "checkout", "--quiet", "HEAD", "--", *collide)
        _git(root, "merge", "--quiet", "--ff-only", "@{upstream}")
    except UpdateError as error:
        for name, copy in set_aside.items():
            shutil.copy2(copy, root / name)
        raise UpdateError(f"git could not update; your files are as they were.\n{error}") from None


def _names(root: Path, *arguments: str) -> list[str]:
    return [name for name in _git(root, *arguments, "-z").split("\0") if name]


def _git(root: Path, *arguments: str) -> str:
    # Without a terminal prompt a missing password is an error, not an endless wait.
    env = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    ran = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, encoding="utf-8", env=env
    )
    if ran.returncode:
        raise UpdateError(ran.stderr.strip() or f"git {arguments[0]} stopped with code {ran.returncode}.")
    return ran.stdout
