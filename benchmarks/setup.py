"""Make .venv-benchmarks: the course and its peers in one environment, apart from the learner's.

    python course.py add benchmarks

LensKit needs pandas 2 where the course is tested with pandas 3, so the peers get a separate environment, with the
course's tested version of every package but pandas. Each peer is installed alone: one that fails keeps no other out.
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
CONFLICTS = ("pandas==",)  # what the peers and the course's tested versions disagree about


def peers() -> list[str]:
    """Read the extra ``benchmarks`` of pyproject.toml."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["optional-dependencies"]["benchmarks"]


def constraints() -> str:
    """Return the tested versions without those that the peers cannot use."""
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith(CONFLICTS)) + "\n"


def install(folder: str, *wanted: str) -> bool:
    """Install within the constraints; say whether it worked."""
    file = Path(folder, "constraints.txt")
    file.write_text(constraints(), encoding="utf-8")
    print(f"Installing {' '.join(wanted)} ...", flush=True)
    return subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "-c", file, *wanted]).returncode == 0


def main() -> int:
    """Make the environment; 0 if every peer is in it."""
    venv.create(HOME, with_pip=True)
    (HOME / ".gitignore").write_text("*\n", encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        # LensKit limits pandas, so the course is installed beside it; alone it would take a pandas that is too new.
        if not install(folder, "-e", str(REPOSITORY), "pandas<3"):
            return 1
        failed = [peer for peer in peers() if not install(folder, peer, "pandas<3")]
    for peer in failed:
        print(f"{peer} did not install; its rows in the tables will say so.")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
