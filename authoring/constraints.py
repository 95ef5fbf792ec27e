"""Write constraints.txt: the version of every package that the course needs, as installed and tested here.

python authoring/constraints.py           write the file from the environment that runs this
python authoring/constraints.py --check   say whether the file holds every dependency, in its range
"""

from __future__ import annotations

import sys
import tomllib
from importlib import metadata
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
# The same list on every system: what Linux and the oldest Python need.
TARGET = {
    "sys_platform": "linux",
    "platform_system": "Linux",
    "os_name": "posix",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "platform_machine": "x86_64",
    "python_version": "3.11",
    "python_full_version": "3.11.0",
}


def direct_requirements() -> list[Requirement]:
    """Read the one list of dependencies."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [Requirement(text) for text in project["dependencies"]]


def _applies(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({**TARGET, "extra": extra})


def closure(requirements: list[Requirement]) -> set[str]:
    """Name every package that these need, directly or through others."""
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
        return []  # not on this system; writing the file refuses it later


def tested_version(name: str) -> str:
    """Give the installed version without its local part, which no index knows ("2.13.0+cpu")."""
    return Version(metadata.version(name)).public


def made() -> str:
    """Make the text of the file from this environment."""
    names = sorted(closure(direct_requirements()))
    return HEADER + "".join(f"{name}=={tested_version(name)}\n" for name in names)


def problems(text: str) -> list[str]:
    """Say what is wrong with the text of a constraints file; an empty list if nothing is."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found = [f"{line}: expected name==version" for line in lines if "==" not in line or "+" in line]
    names = [line.partition("==")[0] for line in lines]
    if names != sorted(set(names)):
        found.append("the lines are not sorted, or one stands twice")
    pinned = {line.partition("==")[0]: line.partition("==")[2] for line in lines}
    for requirement in direct_requirements():
        version = pinned.get(canonicalize_name(requirement.name))
        if version and not requirement.specifier.contains(version, prereleases=True):
            found.append(f"{requirement.name}: {version} is not in the range {requirement.specifier}")
    missing = closure(direct_requirements()) - pinned.keys()
    return found + [f"{name} is missing" for name in sorted(missing)]


def main(args: list[str]) -> int:
    """Write or check the file; return the exit code."""
    if args == ["--check"]:
        found = problems(FILE.read_text(encoding="utf-8")) if FILE.exists() else ["there is no constraints.txt"]
        for line in found:
            print(f"constraints.txt: {line}")
        print("Make it again: python authoring/constraints.py" if found else "constraints.txt holds every dependency.")
        return int(bool(found))
    if args:
        print(__doc__)
        return 2
    try:
        FILE.write_text(made(), encoding="utf-8", newline="\n")
    except metadata.PackageNotFoundError as error:
        print(f"{error.name} is not installed here. Install the course whole, then make the file again.")
        return 1
    print(f"Wrote {FILE.name}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
