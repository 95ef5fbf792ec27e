"""Check everything that the course needs, and report how to fix what is missing.

At import, this module needs only the standard library, so that it can check a damaged installation.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from recsys_teach.course.installed import packages
from recsys_teach.files import REPOSITORY

INSTALL = f"Type: python course.py lab. With conda, type in {REPOSITORY}: pip install -e . -c constraints.txt"
NEEDED_MEMORY_GB, NEEDED_DISK_GB = 1.5, 1.0


class Finding(NamedTuple):
    """The result of one check, which is one line of the doctor's report.

    Attributes
    ----------
    what : str
        What was checked.
    ok : bool
        Whether it is as the course needs it.
    message : str
        What was found and, if it is not ok, how to fix it.
    needed : bool
        Whether the chapters need it. If not, a finding that is not ok does not count as a problem.
    """

    what: str
    ok: bool
    message: str
    needed: bool = True


def findings() -> list[Finding]:
    """Run all checks.

    Returns
    -------
    list of Finding
        At least one for each check. A check that raises an exception is reported as a finding that is not ok.
    """
    checks: dict[str, Callable[[], list[Finding]]] = {
        "Python": _python,
        "files": _files,
        "packages": _packages,
        "kernel": _kernel,
        "data": _data,
        "machine": _machine,
        "progress": _progress,
        "Chromium": _chromium,
        "Java": _java,
        "git": _git,
    }
    found = []
    for what, check in checks.items():
        try:
            found += check()
        except Exception as error:
            message = f"The check failed with {type(error).__name__}: {error}. {INSTALL}"
            found.append(Finding(what, False, message))
    return found


def report(say: Callable[[str], None] = print) -> int:
    """Print each finding in one line, and the number of problems at the end.

    Parameters
    ----------
    say : function of str, default=print
        Prints a line.

    Returns
    -------
    int
        Exit code: 0 if everything that the chapters need is ok, otherwise 1.
    """
    found = findings()
    for finding in found:
        say(f"{'[ok] ' if finding.ok else '[fix]'} {finding.what:<12} {finding.message}")
    n_problems = sum(finding.needed and not finding.ok for finding in found)
    say(
        f"\nNumber of problems to fix: {n_problems}."
        if n_problems
        else "\nEverything that the course needs is installed."
    )
    return int(n_problems > 0)


def main() -> int:
    """Print the report without the packages of the command line.

    Returns
    -------
    int
        Exit code, see :func:`report`.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    return report()


def _python() -> list[Finding]:
    """Check the version of Python, and whether the course has a separate environment."""
    version = ".".join(map(str, sys.version_info[:3]))
    is_supported = (3, 11, 5) <= sys.version_info[:3] < (3, 15)
    is_separate = sys.prefix != sys.base_prefix or "CONDA_PREFIX" in os.environ
    unsupported = (
        f"Expected Python 3.11.5 or newer and older than 3.15; got {version}. Install a supported version from "
        "https://www.python.org/downloads/ and type: python course.py lab"
    )
    shared = (
        f"Expected a separate environment for the course; got {sys.prefix}, which other programs use, too. "
        "To create one, type: python course.py lab"
    )
    return [
        Finding("Python", is_supported, version if is_supported else unsupported),
        Finding("environment", is_separate, sys.prefix if is_separate else shared, needed=False),
    ]


def _files() -> list[Finding]:
    """Check that no package lacks a file, as it can after an interrupted installation."""
    found = packages()
    damaged = [f"{name} ({file})" for name, file in found.items() if file]
    if damaged:
        more = f" and {len(damaged) - 1} more" if len(damaged) > 1 else ""
        return [Finding("files", False, f"Files are missing in the installed packages {damaged[0]}{more}. {INSTALL}")]
    return [Finding("files", True, f"all files of {len(found)} packages are complete")]


def _packages() -> list[Finding]:
    """Compare the installed versions with the ranges in pyproject.toml and the tested versions."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name
    from packaging.version import Version

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    tested = dict(line.split("==") for line in lines if "==" in line)
    found = []
    needed = [(text, True) for text in project["dependencies"]]
    extras = project.get("optional-dependencies", {})
    needed += [(text, False) for extra in ("dev", "scale") for text in extras.get(extra, [])]
    for text, is_needed in needed:
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        try:
            version = Version(metadata.version(name)).public
        except metadata.PackageNotFoundError:
            if is_needed:
                found.append(Finding(name, False, f"This package is not installed. {INSTALL}"))
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            message = f"Expected a version {requirement.specifier}; got {version}. {INSTALL}"
            found.append(Finding(name, False, message, is_needed))
        elif version != tested.get(name):
            message = f"Got version {version}; the course was tested with {tested.get(name)}. {INSTALL}"
            found.append(Finding(name, False, message, needed=False))
        else:
            found.append(Finding(name, True, version))
    return found + _extras(extras)


def _extras(extras: dict[str, list[str]]) -> list[Finding]:
    """List the extras that are not installed; every chapter runs without them."""
    from packaging.requirements import Requirement

    found = []
    for extra, command in {"dev": "python course.py test", "scale": "python course.py add scale"}.items():
        missing = [name for text in extras.get(extra, []) if not _is_installed(name := Requirement(text).name)]
        if missing:
            message = (
                f"These packages are not installed: {', '.join(missing)}. Every chapter runs without them. To "
                f"install them, type: {command}"
            )
            found.append(Finding(f"extra {extra}", False, message, needed=False))
    return found


def _is_installed(name: str) -> bool:
    try:
        return bool(metadata.version(name))
    except metadata.PackageNotFoundError:
        return False


def _kernel() -> list[Finding]:
    """Check that the kernel with which notebooks open runs this Python."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        program = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return [Finding("kernel", False, f"There is no Jupyter kernel named python3. {INSTALL}")]
    # Jupyter replaces a name without a folder by the interpreter that starts the kernel.
    is_name_only = program in ("python", "python3", f"python3.{sys.version_info.minor}")
    if is_name_only or Path(program).absolute() == Path(sys.executable).absolute():
        return [Finding("kernel", True, f"python3 runs {sys.executable}")]
    message = (
        f"Expected that the kernel python3 runs {sys.executable}; got {program}. To change it, type: "
        f"{sys.executable} -m ipykernel install --sys-prefix"
    )
    return [Finding("kernel", False, message)]


def _data() -> list[Finding]:
    """Check the files of both data sets against their checksums."""
    from recsys_teach.data import movielens

    world = _world_problem(REPOSITORY / "datasets" / "world")
    films = movielens.problem()
    return [
        Finding("world", world is None, world or "the checksums of datasets/world are correct"),
        Finding("MovieLens", films is None, films or "the checksums of datasets/ml-100k are correct"),
    ]


def _world_problem(folder: Path) -> str | None:
    """Return why the world in a folder cannot be loaded, or None if it can."""
    from recsys_teach.data.world.files import load_world

    try:
        load_world(folder)
    except (OSError, ValueError) as error:
        return str(error)
    return None


def _machine() -> list[Finding]:
    """Check the free memory and the free disk space."""
    import psutil

    memory = psutil.virtual_memory().available / 1e9
    disk = shutil.disk_usage(REPOSITORY).free / 1e9
    memory_message = f"{memory:.1f} GB are free"
    disk_message = f"{disk:.1f} GB are free"
    if memory < NEEDED_MEMORY_GB:
        memory_message = (
            f"Expected at least {NEEDED_MEMORY_GB} GB of free memory, which a chapter needs; got {memory:.1f} GB. "
            "Close other programs and other kernels."
        )
    if disk < NEEDED_DISK_GB:
        disk_message = (
            f"Expected at least {NEEDED_DISK_GB:.0f} GB of free disk space; got {disk:.1f} GB. "
            "Delete files that you no longer need."
        )
    return [
        Finding("memory", memory >= NEEDED_MEMORY_GB, memory_message),
        Finding("disk", disk >= NEEDED_DISK_GB, disk_message),
    ]


def _progress() -> list[Finding]:
    """Try the steps with which a check stores progress: create the folder, read and lock the file, write next to it."""
    from recsys_teach.learn.progress_file import lock, locks_work, progress_file

    try:
        path = progress_file()
    except (OSError, RuntimeError, KeyError) as error:
        message = f"There is no home folder to store your progress in: {error}. Set RECSYS_TEACH_HOME to a folder."
        return [Finding("progress", False, message)]
    folder = path.parent
    trial = folder / f"doctor-{os.getpid()}"
    fix = (
        "Make yourself its owner (if you used sudo before: sudo chown -R $USER FOLDER), or set RECSYS_TEACH_HOME to "
        "another folder."
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial.write_text("")
        trial.unlink()
        if path.exists() and path.read_bytes().strip():
            record = json.loads(path.read_text("utf-8"))
            if not isinstance(record, dict) or not all(isinstance(room, dict) for room in record.values()):
                raise ValueError("its entries do not have the format that the course writes")
    except OSError as error:
        message = f"The folder {folder}, which stores your progress, cannot be used: {error}. {fix}"
        return [Finding("progress", False, message)]
    except ValueError as error:
        message = (
            f"The file {path} is damaged: {error}. The next check in a notebook renames it and starts a new file. "
            "Repair it before that if you want to keep your progress."
        )
        return [Finding("progress", False, message)]
    try:
        with lock(path):
            pass
    except OSError as error:
        message = f"The file {path} cannot be locked: {error}. Stop the other kernels, then run the doctor again."
        return [Finding("progress", False, message)]
    without = "" if locks_work(folder) else "; its disk does not support locks, so a second file is used instead"
    inside = (
        " (in the folder of the course, because there is no home folder)" if folder.is_relative_to(REPOSITORY) else ""
    )
    return [Finding("progress", True, f"stored in {folder}{inside}{without}")]


def _chromium() -> list[Finding]:
    """Look for a browser for the browser test."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    missing = "Chromium was not found. Only the browser test needs it. On Debian, type: sudo apt install chromium"
    return [Finding("Chromium", path is not None, path or missing, needed=False)]


def _java() -> list[Finding]:
    """Look for the Java that Spark starts: the one in JAVA_HOME or, if that is not set, the one on the path."""
    from recsys_teach.scale import LEAST_JAVA, find_java

    expected = f"Expected Java {LEAST_JAVA} or newer"
    fix = (
        "Only Spark (the extra scale, chapter 18) needs it. On Debian, type: sudo apt install openjdk-17-jre-headless. "
        "For other systems it is on https://adoptium.net"
    )
    program, version = find_java()
    if program is None:
        home = os.environ.get("JAVA_HOME")
        where = f" in JAVA_HOME={home}" if home else ""
        return [Finding("Java", False, f"{expected}; none was found{where}. {fix}", needed=False)]
    if version is None or version < LEAST_JAVA:
        got = f"Java {version}" if version else "no version"
        return [Finding("Java", False, f"{expected}; got {got} from {program}. {fix}", needed=False)]
    return [Finding("Java", True, f"{version}, {program}", needed=False)]


def _git() -> list[Finding]:
    """Check that the course is a git clone in which no file was deleted."""
    if not shutil.which("git") or not (REPOSITORY / ".git").exists():
        message = (
            "The course is not a git clone, or git is not installed, so `python course.py update` cannot be used. To "
            "use it, install git and clone the course."
        )
        return [Finding("git", False, message, needed=False)]
    command = ["git", "-C", str(REPOSITORY), "status", "--porcelain", "--branch", "--untracked-files=no"]
    ran = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=30)
    if ran.returncode:
        message = f"git cannot read the clone; its message is: {' '.join(ran.stderr.split())}"
        return [Finding("git", False, message, needed=False)]
    branch, *changed = ran.stdout.splitlines()
    deleted = [line[3:] for line in changed if line[1] == "D"]
    if deleted:
        message = f"{len(deleted)} files of the course were deleted. Restore them with: git checkout -- {deleted[0]}"
        return [Finding("git", False, message, needed=any(name.startswith("recsys_teach/") for name in deleted))]
    return [Finding("git", True, f"{branch.removeprefix('## ')}, {len(changed)} files changed by you")]


if __name__ == "__main__":
    sys.exit(main())
