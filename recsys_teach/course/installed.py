"""List the installed packages of the running Python and their first damaged files, and print them as JSON.

course.py runs this file by its path with the environment's Python, so the file uses only the standard library.
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
    """Check every file of every installed package.

    Parameters
    ----------
    sizes : bool, default=False
        Whether a file whose size differs from the size in the package's list counts as damaged, too. This finds
        incomplete files after an interrupted installation; later, the learner may have edited a file.

    Returns
    -------
    dict of str to (str or None)
        Normalized name of each package, and its first damaged file or None if there is no such file.
    """
    sites = {Path(sysconfig.get_paths()[kind]) for kind in ("purelib", "platlib")}
    folders = sorted(folder for site in sites for folder in site.glob("[!~]*.dist-info"))
    return {re.sub(r"[-_.]+", "-", folder.name.split("-")[0]).lower(): _damage(folder, sizes) for folder in folders}


def _damage(folder: Path, sizes: bool) -> str | None:
    """Return the first damaged file of the package with this .dist-info folder, or None."""
    record = f"{folder.name}/RECORD"
    try:
        rows = list(csv.reader((folder / "RECORD").read_text("utf-8").splitlines()))
        files = {name: size for name, _, size in rows}
    except (OSError, ValueError):
        return None if _is_from_conda(folder) else record
    if record not in files:
        return record
    for name, size in files.items():
        if name.endswith(".pyc"):  # Python compiles these again
            continue
        try:
            found = os.stat(os.path.join(folder.parent, name)).st_size
        except (OSError, ValueError):
            return name
        if sizes and size and found != int(size):
            return name
    return None


def _is_from_conda(folder: Path) -> bool:
    """Return whether conda installed the package; it need not write a RECORD, the list of files."""
    try:
        return (folder / "INSTALLER").read_text("utf-8").strip() == "conda"
    except OSError:
        return False


if __name__ == "__main__":
    print(json.dumps({"python": sys.version_info[:3], "packages": packages("--sizes" in sys.argv)}))
