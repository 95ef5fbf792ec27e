"""Write constraints.txt: the tested version of every package that the course needs, on every supported platform.

python authoring/constraints.py           write the file, from the running environment and the package index
python authoring/constraints.py --check   check that the file contains every dependency in its range; needs no network

Packages that are not installed here (those of other platforms, CUDA, Spark) keep the version in the file. If the file
does not contain them, they get the newest version that the package index has for the platform.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from itertools import product
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

REPOSITORY = Path(__file__).resolve().parents[1]
FILE = REPOSITORY / "constraints.txt"
HEADER = """\
# The versions that were tested together. Made by: python authoring/constraints.py
# Do not edit: change the ranges in pyproject.toml, install, run the tests, and make this file again.
"""
EXTRAS = ("dev", "scale")  # the libraries for the benchmarks are in a separate environment
# The supported platforms: their names in uv, and the values of the environment markers on them.
PLATFORMS = {
    "x86_64-manylinux_2_28": {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64"},
    "aarch64-manylinux_2_28": {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "aarch64"},
    "aarch64-apple-darwin": {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64"},
    "x86_64-pc-windows-msvc": {"sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64"},
}
PYTHONS = ("3.11.5", "3.12.0", "3.13.0", "3.14.0")


class ResolveError(RuntimeError):
    """Raised when uv is missing or cannot resolve the dependencies; the message contains its output."""


def direct_requirements() -> list[Requirement]:
    """Return the dependencies in pyproject.toml, with the extras that share the course's environment.

    Returns
    -------
    list of Requirement
        Requirements with their version ranges.
    """
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [text for extra in EXTRAS for text in project["optional-dependencies"][extra]]
    return [Requirement(text) for text in [*project["dependencies"], *extras]]


def environments() -> list[dict[str, str]]:
    """Return the values of the environment markers for each supported platform and Python.

    Returns
    -------
    list of dict of str to str
        Value of each marker, for every pair of a platform and a version of Python.
    """
    common = {"implementation_name": "cpython", "platform_python_implementation": "CPython"}
    return [
        platform
        | common
        | {"os_name": "nt" if platform["sys_platform"] == "win32" else "posix"}
        | {"python_version": python.rpartition(".")[0], "python_full_version": python}
        for platform, python in product(PLATFORMS.values(), PYTHONS)
    ]


def _applies(requirement: Requirement, extra: str) -> bool:
    """Return whether a requirement applies to any supported platform and Python."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({**environment, "extra": extra}) for environment in environments())


def closure(requirements: list[Requirement]) -> set[str]:
    """Return every package that some requirements need on any supported platform, directly or indirectly.

    Parameters
    ----------
    requirements : list of Requirement
        Direct requirements.

    Returns
    -------
    set of str
        Normalized names.
    """
    seen: set[tuple[str, str]] = set()
    waiting = list(requirements)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras}:
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            needed = [Requirement(text) for text in _needs(name)]
            waiting += [requirement for requirement in needed if _applies(requirement, extra)]
    return {name for name, _ in seen}


def _needs(name: str) -> list[str]:
    """Return the direct requirements of a package; none if it is not installed here."""
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []


def resolve(platform: str, python: str, constraints: Path, timeout: int = 300) -> dict[str, str]:
    """Resolve the versions that would be installed with the extra dev on a platform, using only wheels.

    Parameters
    ----------
    platform : str
        Name of the platform in uv.
    python : str
        Version of Python.
    constraints : Path
        A constraints file.
    timeout : int, default=300
        Seconds after which uv is stopped.

    Returns
    -------
    dict of str to str
        Version of each package.

    Raises
    ------
    ResolveError
        If uv is not installed, the package index cannot be reached, or no set of versions meets all requirements.
    """
    uv = shutil.which("uv", path=sysconfig.get_path("scripts")) or shutil.which("uv")
    if uv is None:
        raise ResolveError("Expected the program uv, but it is not installed. Install it: python -m pip install uv")
    command = [uv, "pip", "compile", "--quiet", "--no-annotate", "--no-header", "--no-config", "--only-binary", ":all:"]
    command += ["--python-platform", platform, "--python-version", python, "--extra", "dev"]
    command += ["--constraint", str(constraints), str(REPOSITORY / "pyproject.toml")]
    env = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"}  # torch has no wheel for an older macOS
    try:
        ran = subprocess.run(command, capture_output=True, text=True, env=env, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise ResolveError(
            f"uv did not resolve the dependencies within {timeout} s. Check the network connection, then try again"
        ) from None
    if ran.returncode:
        raise ResolveError(f"uv failed for {platform}, Python {python}: {ran.stderr.strip()}")
    return pinned(ran.stdout)


def resolve_all(constraints: Path) -> dict[tuple[str, str], dict[str, str]]:
    """Resolve the versions for every supported platform and Python.

    Parameters
    ----------
    constraints : Path
        A constraints file.

    Returns
    -------
    dict of (str, str) to dict of str to str
        For each platform and Python, the version of each package.
    """
    pairs = list(product(PLATFORMS, PYTHONS))
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(pairs, pool.map(lambda pair: resolve(pair[0], pair[1], constraints), pairs), strict=True))


def pinned(text: str) -> dict[str, str]:
    """Return the versions in the text of a constraints file.

    Parameters
    ----------
    text : str
        Lines of the form "name==version", and comments.

    Returns
    -------
    dict of str to str
        Version of each package.
    """
    lines = [line.partition("==") for line in text.splitlines() if "==" in line and not line.startswith("#")]
    return {name: version for name, _, version in lines}


def tested_version(name: str) -> str:
    """Return the installed version without its local part, such as "+cpu" in "2.13.0+cpu".

    Parameters
    ----------
    name : str
        Name of an installed package.

    Returns
    -------
    str
        A version that a package index may have.
    """
    return Version(metadata.version(name)).public


def constraints_text() -> str:
    """Return the new text of the file.

    Returns
    -------
    str
        The header, and a line for each package.

    Raises
    ------
    ResolveError
        If uv fails, or a package has no known version.
    """
    before = pinned(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    versions, unknown = {}, []
    for name in closure(direct_requirements()):
        try:
            versions[name] = tested_version(name)
        except metadata.PackageNotFoundError:
            if name in before:
                versions[name] = before[name]
            else:
                unknown.append(name)
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder, "constraints.txt")
        draft.write_text(_lines({**before, **versions}), encoding="utf-8")
        for found in resolve_all(draft).values():
            versions = {**found, **versions}
    if missing := sorted(set(unknown) - versions.keys()):
        raise ResolveError(
            f"The version of {missing[0]} is unknown because it is not installed here. Install it, then type: python "
            "authoring/constraints.py"
        )
    return HEADER + _lines(versions)


def _lines(versions: dict[str, str]) -> str:
    """Return the sorted lines of a constraints file."""
    return "".join(f"{name}=={version}\n" for name, version in sorted(versions.items()))


def problems(text: str) -> list[str]:
    """List the problems of a constraints file.

    Parameters
    ----------
    text : str
        Text of the file.

    Returns
    -------
    list of str
        A description of each problem; empty if there is none.
    """
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found = [f"expected name==version, got {line}" for line in lines if "==" not in line or "+" in line]
    names = [line.partition("==")[0] for line in lines]
    if names != sorted(set(names)):
        found.append("the lines are not sorted, or a package is repeated")
    versions = pinned(text)
    for requirement in direct_requirements():
        version = versions.get(canonicalize_name(requirement.name))
        if version and not requirement.specifier.contains(version, prereleases=True):
            found.append(
                f"expected {requirement.name}{requirement.specifier}, got {version}, which is not in the range"
            )
    missing = closure(direct_requirements()) - versions.keys()
    return found + [f"{name} is missing" for name in sorted(missing)]


def main(args: list[str]) -> int:
    """Write or check the file.

    Parameters
    ----------
    args : list of str
        Empty, or ``--check``.

    Returns
    -------
    int
        Exit code: 0 if the file was written or has no problem, 1 if not, 2 for unknown arguments.
    """
    if args == ["--check"]:
        found = problems(FILE.read_text(encoding="utf-8")) if FILE.exists() else ["the file does not exist"]
        for line in found:
            print(f"constraints.txt: {line}")
        fix = "To write the file again, type: python authoring/constraints.py"
        print(fix if found else "constraints.txt contains every dependency.")
        return int(bool(found))
    if args:
        print(__doc__)
        return 2
    try:
        FILE.write_text(constraints_text(), encoding="utf-8", newline="\n")
    except ResolveError as error:
        print(f"{error}.")
        return 1
    print(f"Wrote {FILE.name}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
