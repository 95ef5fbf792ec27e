"""Measure how long a learner waits, and write benchmarks/learner.md.

python -m benchmarks.learner        run everything (about half an hour; no other program should be busy meanwhile)

The course is cloned into a temporary folder. Set-up is measured twice: with empty caches of uv and pip, and again in a
second clone with the caches that the first one has filled. MovieLens-100K is copied from this checkout.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.__main__ import log, table
from benchmarks.measure import cpu_model
from benchmarks.setup import REPOSITORY

RESULTS = REPOSITORY / "benchmarks" / "learner.md"
# Runs the code cells of a notebook until one of them has printed a text, and prints the seconds since the start.
RUN_CELLS = """
import json, sys, time
start = time.perf_counter()
import nbformat
from nbclient import NotebookClient
path, until = sys.argv[1:]
notebook = nbformat.read(path, as_version=4)
client = NotebookClient(notebook, timeout=300, allow_errors=True, resources={"metadata": {"path": "chapters"}})
with client.setup_kernel():
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            client.execute_cell(cell, index)
            if until == "first cell" or (until != "last cell" and until in json.dumps(cell.outputs)):
                break
print(time.perf_counter() - start)
"""


def clone(folder: Path) -> Path:
    """Clone the course and copy MovieLens-100K.

    Parameters
    ----------
    folder : Path
        Folder that does not exist yet.

    Returns
    -------
    Path
        The folder.
    """
    subprocess.run(["git", "clone", "--quiet", REPOSITORY, folder], check=True)
    shutil.copytree(REPOSITORY / "datasets" / "ml-100k", folder / "datasets" / "ml-100k")
    return folder


def run_cells(folder: Path, notebook: Path, until: str, env: dict[str, str]) -> float:
    """Run a notebook in the environment of a clone.

    Parameters
    ----------
    folder : Path
        The clone.
    notebook : Path
        The notebook, relative to the clone.
    until : str
        "first cell" or "last cell", or a text that an output contains.
    env : dict of str to str
        Environment variables.

    Returns
    -------
    float
        Seconds, with the start of the kernel.
    """
    python = folder / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    command = [python, "-c", RUN_CELLS, str(notebook), until]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def first_ok(folder: Path, env: dict[str, str]) -> dict[str, float]:
    """Measure the time from ``git clone`` to the first ``[ok]`` of chapter 00.

    Parameters
    ----------
    folder : Path
        Folder that does not exist yet.
    env : dict of str to str
        Environment variables.

    Returns
    -------
    dict of str to float
        Seconds of each part.
    """
    started = time.perf_counter()
    clone(folder)
    cloned = time.perf_counter()
    subprocess.run([sys.executable, "course.py", "doctor"], cwd=folder, env=env, capture_output=True, check=True)
    installed = time.perf_counter()
    chapter = next((folder / "solutions").glob("00_*.ipynb")).relative_to(folder)
    checked = run_cells(folder, chapter, "[ok]", env)
    return {"clone": cloned - started, "set-up and doctor": installed - cloned, "to the first [ok]": checked}


def start_of_lab(folder: Path, env: dict[str, str]) -> float:
    """Measure the time from ``course.py lab`` until JupyterLab answers, when everything is installed.

    Parameters
    ----------
    folder : Path
        A clone that is set up.
    env : dict of str to str
        Environment variables.

    Returns
    -------
    float
        Seconds.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "course.py", "lab", "--no-browser", f"--port={port}", "--allow-root"]
    started = time.perf_counter()
    lab = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while time.perf_counter() - started < 120:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return time.perf_counter() - started
            time.sleep(0.05)
        raise TimeoutError("Expected JupyterLab to answer within 120 s; got no connection.")
    finally:
        for process in [*psutil.Process(lab.pid).children(recursive=True), psutil.Process(lab.pid)]:
            process.kill()
        lab.wait()


def main() -> int:
    """Measure everything and write the results.

    Returns
    -------
    int
        Exit code, 0.
    """
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary)
        env = os.environ | {"UV_CACHE_DIR": str(base / "uv"), "PIP_CACHE_DIR": str(base / "pip")}
        env |= {"RECSYS_TEACH_HOME": str(base / "home")}
        env.pop("VIRTUAL_ENV", None)
        for cache in ("empty caches", "filled caches"):
            log(f"from clone to the first [ok], {cache}")
            folder = base / cache.split()[0]
            parts = first_ok(folder, env)
            rows += [[f"{part}, {cache}", f"{seconds:.0f}"] for part, seconds in parts.items()]
            rows.append([f"**sum, {cache}**", f"{sum(parts.values()):.0f}"])
        log("second start of JupyterLab")
        rows.append(["second start: until JupyterLab answers", f"{start_of_lab(folder, env):.1f}"])
        chapters, total = sorted((folder / "chapters").glob("[0-9]*.ipynb")), 0.0
        details = []
        for chapter in chapters:
            log(chapter.stem)
            name = chapter.relative_to(folder)
            first, everything = (run_cells(folder, name, until, env) for until in ("first cell", "last cell"))
            details.append([chapter.stem, f"{first:.1f}", f"{everything:.0f}"])
            total += everything
        rows.append([f"all {len(chapters)} unsolved notebooks, one after the other", f"{total:.0f}"])
    uv = "with uv" if shutil.which("uv") else "with pip"
    text = (
        "# How long a learner waits\n\nWritten by `python -m benchmarks.learner`. Seconds of one run, on "
        f"{cpu_model()}, {psutil.cpu_count()} cores, Python {platform.python_version()}, {uv}; packages came from a "
        "package index in the local network, so downloads over the internet take longer.\n\n"
        f"{table(['', 's'], rows)}\n\n{table(['chapter', 'first cell, s', 'all cells, s'], details)}\n"
    )
    RESULTS.write_text(text, encoding="utf-8")
    print(json.dumps(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
