"""Look at everything the course needs, and name the mend for what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from recsys_teach.files import REPOSITORY

INSTALL = f"Type, in the course's folder: {sys.executable} -m pip install -e . -c constraints.txt"
NEEDED_MEMORY_GB, NEEDED_DISK_GB = 1.5, 1.0


class Finding(NamedTuple):
    """One line of the doctor's report; what is not needed does not make the course ill."""

    what: str
    ok: bool
    says: str
    needed: bool = True


def findings() -> list[Finding]:
    """Look at everything; a look that fails is a finding too, never a traceback."""
    looks: dict[str, Callable[[], list[Finding]]] = {
        "Python": _python,
        "packages": _packages,
        "kernel": _kernel,
        "data": _data,
        "machine": _machine,
        "progress": _progress,
        "Chromium": _chromium,
        "git": _git,
    }
    found = []
    for what, look in looks.items():
        try:
            found += look()
        except Exception as error:
            found.append(Finding(what, False, f"could not be looked at: {type(error).__name__}: {error}. {INSTALL}"))
    return found


def _python() -> list[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    new_enough = sys.version_info >= (3, 11)
    own = sys.prefix != sys.base_prefix or "CONDA_PREFIX" in os.environ
    mend = " is shared with other programs. Give the course its own: python course.py doctor"
    return [
        Finding("Python", new_enough, version if new_enough else f"{version}; the course needs 3.11 or newer"),
        Finding("environment", own, sys.prefix if own else sys.prefix + mend, needed=False),
    ]


def _packages() -> list[Finding]:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name
    from packaging.version import Version

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    tested = dict(line.split("==") for line in lines if "==" in line)
    found = []
    for requirement in map(Requirement, project["dependencies"]):
        name = canonicalize_name(requirement.name)
        try:
            version = Version(metadata.version(name)).public
        except metadata.PackageNotFoundError:
            found.append(Finding(name, False, f"is not installed. {INSTALL}"))
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            found.append(Finding(name, False, f"{version} is not in {requirement.specifier}. {INSTALL}"))
        elif version != tested.get(name):
            tried = f"{version}, tested with {tested.get(name)}. {INSTALL}"
            found.append(Finding(name, False, tried, needed=False))
        else:
            found.append(Finding(name, True, version))
    return found


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
    mend = f"Type: {sys.executable} -m ipykernel install --sys-prefix"
    return [Finding("kernel", False, f"python3 runs {program}, not {sys.executable}. {mend}")]


def _data() -> list[Finding]:
    from recsys_teach import movielens

    world = _world_problem(REPOSITORY / "datasets" / "world")
    films = movielens.problem()
    return [
        Finding("world", world is None, world or "datasets/world, checksums agree"),
        Finding("MovieLens", films is None, films or "datasets/ml-100k, checksums agree"),
    ]


def _world_problem(folder: Path) -> str | None:
    from recsys_teach.world import load_world

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
        room += f"; a chapter wants {NEEDED_MEMORY_GB}. Close other programs and other kernels"
    if disk < NEEDED_DISK_GB:
        space += f"; {NEEDED_DISK_GB:.0f} are wanted. Remove what you no longer need"
    return [
        Finding("memory", memory >= NEEDED_MEMORY_GB, room),
        Finding("disk", disk >= NEEDED_DISK_GB, space),
    ]


def _progress() -> list[Finding]:
    from recsys_teach.learn.record import progress_file

    folder = progress_file().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial = folder / f"doctor-{os.getpid()}"
        trial.write_text("")
        trial.unlink()
    except OSError as error:
        says = f"{folder} cannot be written: {error}. Make it writable, or name another in RECSYS_TEACH_HOME"
        return [Finding("progress", False, says)]
    return [Finding("progress", True, f"kept in {folder}")]


def _chromium() -> list[Finding]:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    says = path or "not found; only the browser test wants it. On Debian: sudo apt install chromium"
    return [Finding("Chromium", path is not None, says, needed=False)]


def _git() -> list[Finding]:
    if not shutil.which("git") or not (REPOSITORY / ".git").exists():
        says = "not a git clone, so `python course.py update` cannot work. Clone the course with git"
        return [Finding("git", False, says, needed=False)]
    command = ["git", "-C", str(REPOSITORY), "status", "--porcelain", "--branch", "--untracked-files=no"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=30)
    if ran.returncode:
        return [Finding("git", False, f"git says: {ran.stderr.strip()}", needed=False)]
    branch, *changed = ran.stdout.splitlines()
    return [Finding("git", True, f"{branch.removeprefix('## ')}, {len(changed)} files changed by you")]
