"""Write constraints.txt: the tested version of every package that the course needs, on every supported platform.

python authoring/constraints.py           write the file from the environment that runs this, and from the package index
python authoring/constraints.py --check   say whether the file has every dependency, in its range; needs no network

What is not installed here (packages of other platforms, CUDA, Spark) keeps the version that the file has, or gets the
newest that the package index has for it.
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
EXTRAS = ("dev", "scale")  # the peers of the benchmarks have a separate environment
# The supported platforms, as uv names them and as markers see them.
PLATFORMS = {
    "x86_64-manylinux_2_28": {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64"},
    "aarch64-manylinux_2_28": {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "aarch64"},
    "aarch64-apple-darwin": {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64"},
    "x86_64-pc-windows-msvc": {"sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64"},
}
PYTHONS = ("3.11.5", "3.12.0", "3.13.0", "3.14.0")


class ResolveError(RuntimeError):
    """uv is not here, or could not resolve the dependencies; the message has its words."""


def direct_requirements() -> list[Requirement]:
    """Read the one list of dependencies, with the extras that share the course's environment."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [text for extra in EXTRAS for text in project["optional-dependencies"][extra]]
    return [Requirement(text) for text in [*project["dependencies"], *extras]]


def environments() -> list[dict[str, str]]:
    """Build the values of the markers for each supported platform and Python."""
    common = {"implementation_name": "cpython", "platform_python_implementation": "CPython"}
    return [
        platform
        | common
        | {"os_name": "nt" if platform["sys_platform"] == "win32" else "posix"}
        | {"python_version": python.rpartition(".")[0], "python_full_version": python}
        for platform, python in product(PLATFORMS.values(), PYTHONS)
    ]


def _applies(requirement: Requirement, extra: str) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({**environment, "extra": extra}) for environment in environments())


def closure(requirements: list[Requirement]) -> set[str]:
    """Name every package that these need on some supported platform, directly or through others."""
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
            waiting += [one for one in needed if _applies(one, extra)]
    return {name for name, _ in seen}


def _needs(name: str) -> list[str]:
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []  # not on this system


def resolve(platform: str, python: str, constraints: Path, timeout: int = 300) -> dict[str, str]:
    """Ask uv which versions a set-up with the tests' packages takes on a platform, from wheels alone.

    Raises
    ------
    ResolveError
        If uv is not here, the package index cannot be reached, or no set of versions fits.
    """
    uv = shutil.which("uv", path=sysconfig.get_path("scripts")) or shutil.which("uv")
    if uv is None:
        raise ResolveError("uv is not installed here")
    command = [uv, "pip", "compile", "--quiet", "--no-annotate", "--no-header", "--no-config", "--only-binary", ":all:"]
    command += ["--python-platform", platform, "--python-version", python, "--extra", "dev"]
    command += ["--constraint", str(constraints), str(REPOSITORY / "pyproject.toml")]
    env = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"}  # torch has no wheel for an older macOS
    try:
        ran = subprocess.run(command, capture_output=True, text=True, env=env, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise ResolveError(f"uv did not answer within {timeout} s") from None
    if ran.returncode:
        raise ResolveError(f"{platform}, Python {python}: {ran.stderr.strip()}")
    return pinned(ran.stdout)


def resolve_all(constraints: Path) -> dict[tuple[str, str], dict[str, str]]:
    """Ask uv for every supported platform and Python."""
    asked = list(product(PLATFORMS, PYTHONS))
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(asked, pool.map(lambda one: resolve(one[0], one[1], constraints), asked), strict=True))


def pinned(text: str) -> dict[str, str]:
    """Read the versions from the text of a constraints file."""
    lines = [line.partition("==") for line in text.splitlines() if "==" in line and not line.startswith("#")]
    return {name: version for name, _, version in lines}


def tested_version(name: str) -> str:
    """Return the installed version without its local part, which no index knows ("2.13.0+cpu")."""
    return Version(metadata.version(name)).public


def made() -> str:
    """Make the text of the file."""
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
        raise ResolveError(f"{missing[0]} is not installed here. Install it, then make the file again")
    return HEADER + _lines(versions)


def _lines(versions: dict[str, str]) -> str:
    return "".join(f"{name}=={version}\n" for name, version in sorted(versions.items()))


def problems(text: str) -> list[str]:
    """Say what is wrong with the text of a constraints file; an empty list if nothing is."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found = [f"{line}: expected name==version" for line in lines if "==" not in line or "+" in line]
    names = [line.partition("==")[0] for line in lines]
    if names != sorted(set(names)):
        found.append("the lines are not sorted, or one is repeated")
    versions = pinned(text)
    for requirement in direct_requirements():
        version = versions.get(canonicalize_name(requirement.name))
        if version and not requirement.specifier.contains(version, prereleases=True):
            found.append(f"{requirement.name}: {version} is not in the range {requirement.specifier}")
    missing = closure(direct_requirements()) - versions.keys()
    return found + [f"{name} is missing" for name in sorted(missing)]


def main(args: list[str]) -> int:
    """Write or check the file; return the exit code."""
    if args == ["--check"]:
        found = problems(FILE.read_text(encoding="utf-8")) if FILE.exists() else ["there is no constraints.txt"]
        for line in found:
            print(f"constraints.txt: {line}")
        print("Make it again: python authoring/constraints.py" if found else "constraints.txt has every dependency.")
        return int(bool(found))
    if args:
        print(__doc__)
        return 2
    try:
        FILE.write_text(made(), encoding="utf-8", newline="\n")
    except ResolveError as error:
        print(f"{error}.")
        return 1
    print(f"Wrote {FILE.name}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
