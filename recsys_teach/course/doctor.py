"""Look at everything the course needs, and say how to fix what is missing.

At import it needs the standard library only, so that it can look at an installation that is damaged.
"""

from __future__ import annotations

import json
import os
import re
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

INSTALL = f"Type: python course.py lab. With conda, in {REPOSITORY}: pip install -e . -c constraints.txt"
NEEDED_MEMORY_GB, NEEDED_DISK_GB = 1.5, 1.0


class Finding(NamedTuple):
    """One line of the doctor's report; what is not needed does not count as broken."""

    what: str
    ok: bool
    says: str
    needed: bool = True


def findings() -> list[Finding]:
    """Look at everything; a look that fails is a finding too, never a traceback."""
    looks: dict[str, Callable[[], list[Finding]]] = {
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
    for what, look in looks.items():
        try:
            found += look()
        except Exception as error:
            found.append(Finding(what, False, f"could not be looked at: {type(error).__name__}: {error}. {INSTALL}"))
    return found


def report(say: Callable[[str], None] = print) -> int:
    """Say each finding in one line and the verdict at the end; return the exit code."""
    found = findings()
    for finding in found:
        say(f"{'[ok] ' if finding.ok else '[fix]'} {finding.what:<12} {finding.says}")
    broken = sum(finding.needed and not finding.ok for finding in found)
    say(f"\n{broken} to fix." if broken else "\nEverything that the course needs is there.")
    return int(broken > 0)


def main() -> int:
    """Report without the packages of the command line; return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    return report()


def _python() -> list[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    fits = (3, 11, 5) <= sys.version_info[:3] < (3, 15)
    own = sys.prefix != sys.base_prefix or "CONDA_PREFIX" in os.environ
    expected = f"expected 3.11.5 or newer and older than 3.15, got {version}. https://www.python.org/downloads/"
    shared = f"{sys.prefix} is shared with other programs. Make one for the course: python course.py lab"
    return [
        Finding("Python", fits, version if fits else expected),
        Finding("environment", own, sys.prefix if own else shared, needed=False),
    ]


def _files() -> list[Finding]:
    """Look whether every file of every package is there, as it is not after an interrupted installation."""
    found = packages()
    damaged = [f"{name} ({file})" for name, file in found.items() if file]
    if damaged:
        more = f" and {len(damaged) - 1} more" if len(damaged) > 1 else ""
        return [Finding("files", False, f"a file of {damaged[0]}{more} is missing. {INSTALL}")]
    return [Finding("files", True, f"all files of {len(found)} packages")]


def _packages() -> list[Finding]:
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
                found.append(Finding(name, False, f"is not installed. {INSTALL}"))
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            expected = f"expected {requirement.specifier}, got {version}. {INSTALL}"
            found.append(Finding(name, False, expected, is_needed))
        elif version != tested.get(name):
            tried = f"{version}, tested with {tested.get(name)}. {INSTALL}"
            found.append(Finding(name, False, tried, needed=False))
        else:
            found.append(Finding(name, True, version))
    return found + _extras(extras)


def _extras(extras: dict[str, list[str]]) -> list[Finding]:
    """Say which extras are not installed; nobody needs them for the chapters."""
    from packaging.requirements import Requirement

    found = []
    for extra, command in {"dev": "python course.py test", "scale": "python course.py add scale"}.items():
        missing = [name for text in extras.get(extra, []) if not _is_there(name := Requirement(text).name)]
        if missing:
            says = f"not installed: {', '.join(missing)}. The chapters do not need it; {command} adds it"
            found.append(Finding(f"extra {extra}", False, says, needed=False))
    return found


def _is_there(name: str) -> bool:
    try:
        return bool(metadata.version(name))
    except metadata.PackageNotFoundError:
        return False


def _kernel() -> list[Finding]:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        program = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return [Finding("kernel", False, f"there is no kernel named python3. {INSTALL}")]
    # A bare name stands for the interpreter that starts the kernel.
    bare = program in ("python", "python3", f"python3.{sys.version_info.minor}")
    if bare or Path(program).absolute() == Path(sys.executable).absolute():
        return [Finding("kernel", True, f"python3 runs {sys.executable}")]
    fix = f"Type: {sys.executable} -m ipykernel install --sys-prefix"
    return [Finding("kernel", False, f"expected that python3 runs {sys.executable}, got {program}. {fix}")]


def _data() -> list[Finding]:
    from recsys_teach.data import movielens

    world = _world_problem(REPOSITORY / "datasets" / "world")
    films = movielens.problem()
    return [
        Finding("world", world is None, world or "datasets/world, checksums agree"),
        Finding("MovieLens", films is None, films or "datasets/ml-100k, checksums agree"),
    ]


def _world_problem(folder: Path) -> str | None:
    from recsys_teach.data.world.files import load_world

    try:
        load_world(folder)
    except (OSError, ValueError) as error:
        return str(error)
    return None


def _machine() -> list[Finding]:
    import psutil

    memory = psutil.virtual_memory().available / 1e9
    disk = shutil.disk_usage(REPOSITORY).free / 1e9
    room = f"{memory:.1f} GB free"
    space = f"{disk:.1f} GB free"
    if memory < NEEDED_MEMORY_GB:
        room += f"; a chapter needs {NEEDED_MEMORY_GB}. Close other programs and other kernels"
    if disk < NEEDED_DISK_GB:
        space += f"; {NEEDED_DISK_GB:.0f} are needed. Remove what you no longer need"
    return [
        Finding("memory", memory >= NEEDED_MEMORY_GB, room),
        Finding("disk", disk >= NEEDED_DISK_GB, space),
    ]


def _progress() -> list[Finding]:
    """Try what a check does: make the folder, lock, read the record, and write beside it."""
    from recsys_teach.learn.progress_file import lock, locks_work, progress_file

    try:
        path = progress_file()
    except (OSError, RuntimeError, KeyError) as error:
        return [Finding("progress", False, f"there is no home folder: {error}. Name a folder in RECSYS_TEACH_HOME")]
    folder = path.parent
    trial = folder / f"doctor-{os.getpid()}"
    fix = "Make it yours (after sudo: sudo chown -R $USER FOLDER), or name another folder in RECSYS_TEACH_HOME"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial.write_text("")
        trial.unlink()
        if path.exists() and path.read_bytes().strip():
            record = json.loads(path.read_text("utf-8"))
            if not isinstance(record, dict) or not all(isinstance(room, dict) for room in record.values()):
                raise ValueError("its entries do not have the shape that the course writes")
    except OSError as error:
        return [Finding("progress", False, f"{folder} cannot be used: {error}. {fix}")]
    except ValueError as error:
        says = f"{path} is damaged: {error}. The next check keeps it under another name and begins a new one"
        return [Finding("progress", False, says)]
    try:
        with lock(path):
            pass
    except OSError as error:
        says = f"{folder} cannot be locked: {error}. End the other kernels, then look again"
        return [Finding("progress", False, says)]
    without = "" if locks_work(folder) else "; its disk has no locks, so a second file takes their place"
    inside = " (inside the course: there is no home folder)" if folder.is_relative_to(REPOSITORY) else ""
    return [Finding("progress", True, f"kept in {folder}{inside}{without}")]


def _chromium() -> list[Finding]:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    says = path or "not found; only the browser test needs it. On Debian: sudo apt install chromium"
    return [Finding("Chromium", path is not None, says, needed=False)]


def _java() -> list[Finding]:
    """Look for the Java that Spark starts: JAVA_HOME's, else the one on the path."""
    home = os.environ.get("JAVA_HOME")
    program = shutil.which("java", path=str(Path(home, "bin"))) if home else shutil.which("java")
    fix = "Only Spark (the extra scale) needs it. On Debian: sudo apt install openjdk-17-jre-headless"
    if program is None:
        where = f"not found in JAVA_HOME={home}" if home else "not found"
        return [Finding("Java", False, f"{where}; expected Java 17 or newer. {fix}", needed=False)]
    ran = subprocess.run([program, "-version"], capture_output=True, text=True, errors="replace", timeout=30)
    found = re.search(r'version "(?:1\.)?(\d+)', ran.stderr + ran.stdout)
    if found is None or int(found[1]) < 17:
        said = f"Java {found[1]}" if found else "no version"
        return [Finding("Java", False, f"expected Java 17 or newer, got {said} from {program}. {fix}", needed=False)]
    return [Finding("Java", True, f"{found[1]}, {program}", needed=False)]


def _git() -> list[Finding]:
    if not shutil.which("git") or not (REPOSITORY / ".git").exists():
        says = "not a git clone, or git is missing, so `python course.py update` cannot work. Clone the course with git"
        return [Finding("git", False, says, needed=False)]
    command = ["git", "-C", str(REPOSITORY), "status", "--porcelain", "--branch", "--untracked-files=no"]
    ran = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=30)
    if ran.returncode:
        return [Finding("git", False, f"git says: {' '.join(ran.stderr.split())}", needed=False)]
    branch, *changed = ran.stdout.splitlines()
    deleted = [line[3:] for line in changed if line[1] == "D"]
    if deleted:
        says = f"{len(deleted)} files of the course were deleted. Get them back with: git checkout -- {deleted[0]}"
        return [Finding("git", False, says, needed=any(name.startswith("recsys_teach/") for name in deleted))]
    return [Finding("git", True, f"{branch.removeprefix('## ')}, {len(changed)} files changed by you")]


if __name__ == "__main__":
    sys.exit(main())
