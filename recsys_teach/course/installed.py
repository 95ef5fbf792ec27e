"""Look at the packages of the Python that runs this, and print what is there and what is damaged, as JSON.

course.py runs this file by its path with the environment's Python, so it uses the standard library only.
"""

from __future__ import annotations

import csv
import json
import os
import re
import sys
import sysconfig
from pathlib import Path


def packages(sizes: bool = False) -> dict[str, str | None]:
    """Look at every file of every installed package.

    Parameters
    ----------
    sizes : bool
        Whether a file of another size than listed counts as damaged too: it does after an interruption, but later
        somebody may have edited it.

    Returns
    -------
    dict
        Name of each package, normalized, and its first damaged file; None if there is no such file.
    """
    sites = {Path(sysconfig.get_paths()[kind]) for kind in ("purelib", "platlib")}
    folders = sorted(folder for site in sites for folder in site.glob("[!~]*.dist-info"))
    return {re.sub(r"[-_.]+", "-", folder.name.split("-")[0]).lower(): _damage(folder, sizes) for folder in folders}


def _damage(folder: Path, sizes: bool) -> str | None:
    record = f"{folder.name}/RECORD"
    try:
        rows = list(csv.reader((folder / "RECORD").read_text("utf-8").splitlines()))
        files = {name: size for name, _, size in rows}
    except (OSError, ValueError):
        return None if _is_from_conda(folder) else record
    if record not in files:
        return record
    for name, size in files.items():
        if name.endswith(".pyc"):  # Python makes these again
            continue
        try:
            found = os.stat(os.path.join(folder.parent, name)).st_size
        except (OSError, ValueError):
            return name
        if sizes and size and found != int(size):
            return name
    return None


def _is_from_conda(folder: Path) -> bool:
    try:
        return (folder / "INSTALLER").read_text("utf-8").strip() == "conda"
    except OSError:
        return False


if __name__ == "__main__":
    print(json.dumps({"python": sys.version_info[:3], "packages": packages("--sizes" in sys.argv)}))
