"""Create .venv-benchmarks, an environment with the course and the libraries that it is compared with.

    python course.py add benchmarks

LensKit needs pandas 2, but the course is tested with pandas 3. The libraries are therefore installed into a separate
environment, with the tested version of every package except pandas. Each library is installed separately, so that one
that fails does not prevent the others.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
HOME = REPOSITORY / ".venv-benchmarks"
PYTHON = HOME / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
CONFLICTS = ("pandas==",)  # tested versions with which the libraries cannot be installed


def peers() -> list[str]:
    """Return the extra ``benchmarks`` of pyproject.toml.

    Returns
    -------
    list of str
        Requirements.
    """
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["optional-dependencies"]["benchmarks"]


def constraints() -> str:
    """Return the tested versions without those in ``CONFLICTS``.

    Returns
    -------
    str
        Text of a constraints file.
    """
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith(CONFLICTS)) + "\n"


def install(folder: str, *wanted: str) -> bool:
    """Install packages within the constraints.

    Parameters
    ----------
    folder : str
        Folder for temporary files.
    *wanted : str
        Requirements, as arguments of pip.

    Returns
    -------
    bool
        Whether the installation succeeded.
    """
    file = Path(folder, "constraints.txt")
    file.write_text(constraints(), encoding="utf-8")
    print(f"Installing {' '.join(wanted)} ...", flush=True)
    return subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "-c", file, *wanted]).returncode == 0


def main() -> int:
    """Create the environment.

    Returns
    -------
    int
        Exit code: 0 if every library was installed, otherwise 1.
    """
    venv.create(HOME, with_pip=True)
    (HOME / ".gitignore").write_text("*\n", encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        # Without the limit of LensKit, the course alone would install a version of pandas that is too new.
        if not install(folder, "-e", str(REPOSITORY), "pandas<3"):
            return 1
        failed = [peer for peer in peers() if not install(folder, peer, "pandas<3")]
    for peer in failed:
        print(f"{peer} could not be installed; its rows in the tables will contain an error message.")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
