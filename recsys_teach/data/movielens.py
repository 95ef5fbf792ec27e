"""MovieLens-100K, ratings of movies by real people: fetch it once, verify it, and load it. First used in chapter 00.

Its license allows use in research and education but no redistribution, so the files are never committed. F. M. Harper
and J. A. Konstan (2015), "The MovieLens Datasets: History and Context", ACM Transactions on Interactive
Intelligent Systems 5(4).
"""

from __future__ import annotations

import csv
import hashlib
import http.client
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from filelock import BaseFileLock, FileLock, Timeout

from recsys_teach.data.interactions import Interactions
from recsys_teach.files import REPOSITORY, as_shipped

FOLDER = REPOSITORY / "datasets" / "ml-100k"
SIZES = (100_000, 943, 1_682)  # ratings, users, films
COLUMNS = {
    "ratings.csv": ("user", "item", "rating", "time"),
    "users.csv": ("user", "age", "gender", "occupation", "zip_code"),
    "items.csv": ("item", "title", "year", "genres"),
}
# The checksum of items.csv covers only the ids and genres, because the sources spell a few titles differently.
PINNED = {
    "ratings.csv": "d7c58b3cf9e16a735109155f9bfa3f6bbdef76a6dc0c9a87643bf63c8b3fa38b",
    "users.csv": "586809072f124e8ada5d8c931da27fe31edaf31ebec99194082c6b6e680ff363",
    "items.csv": "4978534f865a34e76791997477971b6782d1b1331a36be8937b7fe95a3f0c82b",
}
# fmt: off
GENRES = [  # in the order of the flags in the file of GroupLens
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
]
# fmt: on
WHEEL = "recbole==1.2.1 --hash=sha256:9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"
GROUPLENS = "https://files.grouplens.org/datasets/movielens/ml-100k.zip"
LONGEST_WAIT = 600  # seconds; time limit for a download, and for a fetch by another process

Files = dict[str, bytes]  # name and content of the three CSV files


class FetchError(RuntimeError):
    """MovieLens-100K could not be fetched, or differs from the published data; the message explains the fix."""


class Source(NamedTuple):
    """A source of the data.

    Attributes
    ----------
    name : str
        Name of the source in messages.
    get : callable
        Function of an empty temporary folder that returns the files.
    """

    name: str
    get: Callable[[Path], Files]


def fetch(
    folder: Path | str | None = None,
    sources: Sequence[Source] | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """Fetch MovieLens-100K, unless a valid copy already exists.

    The sources are tried in order: a zip file that was put beside the folder by hand, the package index, and the
    server of GroupLens. The data are verified before anything is written, and are written completely or not at all.

    Parameters
    ----------
    folder : Path or str, optional
        Where to write the three files; ``datasets/ml-100k`` of the repository by default.
    sources : sequence of Source, optional
        The sources to try; those of :func:`default_sources` by default.
    say : callable, default=print
        Function that is called with one line of text for each step.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    FetchError
        If all sources failed, the folder cannot be written, or another fetch does not end.
    """
    folder = FOLDER if folder is None else Path(folder)
    if problem(folder) is None:
        say(f"MovieLens-100K already exists and is complete: {folder}")
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _exclusive(folder, say):
            if problem(folder) is None:
                say(f"MovieLens-100K was fetched by another process: {folder}")
                return folder
            files = _try_sources(default_sources(folder) if sources is None else sources, folder, say)
            _write(files, folder)
    except OSError as error:
        raise FetchError(
            f"MovieLens-100K could not be written to {folder}: {error}. Make {folder.parent} writable, "
            "or free some disk space (20 MB is enough), then type: python course.py fetch"
        ) from error
    say(f"MovieLens-100K was fetched and verified: {folder}")
    return folder


def load(folder: Path | str | None = None) -> Interactions:
    """Load MovieLens-100K.

    Parameters
    ----------
    folder : Path or str, optional
        Folder of the three files; ``datasets/ml-100k`` of the repository by default.

    Returns
    -------
    Interactions
        100,000 events of 943 users and 1,682 items. The log has ``user``, ``item``, ``rating`` (1 to 5) and ``time``
        (seconds since 1970), all integers. ``users`` has ``age``, ``gender``, ``occupation`` and ``zip_code`` (text,
        because it may begin with 0); ``items`` has ``title``, ``year`` (missing for one film) and ``genres`` (text,
        separated by ``|``).

    Raises
    ------
    FileNotFoundError
        If a file is missing; the message explains the fix.
    FetchError
        If the files differ from the published data; the message names the difference.
    """
    folder = FOLDER if folder is None else Path(folder)
    message = problem(folder)
    if message:
        raise FileNotFoundError(message) if _missing(folder) else FetchError(message)
    files = _read(folder)
    log = _table(files, "ratings.csv")
    users = _table(files, "users.csv", index_col="user", dtype={"zip_code": str})
    items = _table(files, "items.csv", index_col="item", dtype={"year": "Int64"}, na_values={"year": [""]})
    return Interactions.from_log(log, users=users, items=items)


def problem(folder: Path | str | None = None) -> str | None:
    """Return what is wrong with the data in a folder and how to fix it, or None if they are valid.

    Parameters
    ----------
    folder : Path or str, optional
        Folder of the three files; ``datasets/ml-100k`` of the repository by default.

    Returns
    -------
    str or None
        The problem and its fix.
    """
    folder = FOLDER if folder is None else Path(folder)
    missing = _missing(folder)
    if missing:
        return f"MovieLens-100K was not found: {folder / missing[0]} is missing. Type: python course.py fetch"
    try:
        _check(_read(folder))
    except (FetchError, OSError, ValueError, csv.Error) as error:
        return f"MovieLens-100K in {folder} is damaged: {error} Type: python course.py fetch"
    return None


def _missing(folder: Path) -> list[str]:
    """Return the names of the files that do not exist."""
    return [name for name in COLUMNS if not (folder / name).is_file()]


def default_sources(folder: Path) -> list[Source]:
    """Return the sources in the order in which they are tried.

    Parameters
    ----------
    folder : Path
        Folder of the three files. A zip file of GroupLens beside it, if there is one, is the first source.

    Returns
    -------
    list of Source
        The sources.
    """
    local_zip = folder.with_name("ml-100k.zip")
    local = [Source(f"the file {local_zip}", lambda _: read_zip(local_zip))] if local_zip.exists() else []
    return [
        *local,
        Source("the package index (the wheel of recbole 1.2.1, which is not installed)", _from_package_index),
        Source("GroupLens", _from_grouplens),
    ]


def read_zip(path: Path) -> Files:
    """Read the zip file of GroupLens, and convert it to the three CSV files.

    Parameters
    ----------
    path : Path
        The zip file.

    Returns
    -------
    dict of str to bytes
        Name and content of each file.
    """
    with zipfile.ZipFile(path) as archive:
        ratings, users, items = (archive.read(f"ml-100k/u.{part}") for part in ("data", "user", "item"))
    films = []
    for row in _rows(items, "|", "latin-1"):
        genres = [genre for genre, flag in zip(GENRES, row[5:], strict=True) if flag == "1"]
        films.append((row[0], *_title_and_year(row[1]), "|".join(genres)))
    return _as_files(_rows(ratings, "\t"), _rows(users, "|"), films)


def read_wheel(path: Path) -> Files:
    """Read the data from the wheel of recbole, and convert them to the three CSV files.

    Parameters
    ----------
    path : Path
        The wheel.

    Returns
    -------
    dict of str to bytes
        Name and content of each file.
    """
    stem = "recbole/dataset_example/ml-100k/ml-100k"
    with zipfile.ZipFile(path) as archive:
        parts = [archive.read(f"{stem}.{part}") for part in ("inter", "user", "item")]
    ratings, users, items = (_rows(part, "\t")[1:] for part in parts)  # the first line is the header
    films = []
    for item, title, year, genres in items:
        title, year_in_title = _title_and_year(title)
        films.append((item, title, year if year.isdigit() else year_in_title, genres.replace(" ", "|")))
    return _as_files(ratings, users, films)


def _from_package_index(temporary: Path) -> Files:
    """Download the wheel with pip, which uses the index, proxy and certificates of the learner's configuration."""
    requirement = temporary / "wanted.txt"
    requirement.write_text(WHEEL + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes", "--no-input"]
    command += ["--disable-pip-version-check", "--retries", "2", "--timeout", "30"]
    command += ["--dest", str(temporary), "--requirement", str(requirement)]
    result = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=LONGEST_WAIT)
    if result.returncode:
        raise FetchError(_error_summary(result.stderr) or f"pip ended with exit code {result.returncode}")
    return read_wheel(next(temporary.glob("recbole-*.whl")))


FIXES = {  # part of an error message of pip -> the setting that fixes it
    "SOCKS support": "Set HTTPS_PROXY and ALL_PROXY to an http:// proxy, or unset them where no proxy is needed.",
    "invalid path": "Set PIP_CERT to the correct file, or unset PIP_CERT, REQUESTS_CA_BUNDLE and SSL_CERT_FILE.",
    "CERTIFICATE_VERIFY_FAILED": "Set PIP_CERT to the file with your network's certificates.",
    "ProxyError": "Set HTTPS_PROXY to the address of your network's proxy, or unset it where no proxy is needed.",
}


def _error_summary(errors: str) -> str:
    """Return the last line of the error output of pip, which may be a traceback, and the fix if it is known."""
    lines = [line.strip() for line in errors.splitlines() if line.strip() and "notice" not in line]
    fix = next((fix for sign, fix in FIXES.items() if sign in errors), "")
    return f"{lines[-1]} {fix}".strip() if lines else fix


def _from_grouplens(temporary: Path) -> Files:
    """Download the zip file from the server of GroupLens."""
    archive = temporary / "ml-100k.zip"
    with urllib.request.urlopen(GROUPLENS, timeout=30) as response:
        archive.write_bytes(response.read())
    return read_zip(archive)


def _rows(data: bytes, separator: str, encoding: str = "utf-8") -> list[list[str]]:
    """Split the content of a file into lines and fields."""
    return [line.split(separator) for line in data.decode(encoding).split("\n") if line]


def _title_and_year(title: str) -> tuple[str, str]:
    """Split a title into name and year: "Toy Story (1995)" becomes "Toy Story" and "1995"."""
    title = title.replace("unkonwn", "unknown")  # how recbole misspells the placeholder of the only film without title
    found = re.fullmatch(r"(.*\S)\s*\((\d{4})\)(?:\s*\(V\))?\s*", title)
    return (found[1], found[2]) if found else (title.strip(), "")


def _as_files(*tables: Iterable[Sequence[str]]) -> Files:
    """Write the rows of ratings, users and films, in this order, as CSV files with a header."""
    files = {}
    for (name, columns), rows in zip(COLUMNS.items(), tables, strict=True):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([columns, *rows])
        files[name] = text.getvalue().encode()
    return files


def _table(files: Files, name: str, **options: object) -> pd.DataFrame:
    # The default keep_default_na=True would turn strings such as "None" into missing values.
    return pd.read_csv(io.BytesIO(files[name]), keep_default_na=False, **options)  # type: ignore[call-overload]


def _read(folder: Path) -> Files:
    """Read the three files, and undo changes of line endings and encodings by other programs."""
    return {name: as_shipped((folder / name).read_bytes(), partial(_is_whole, name)) for name in COLUMNS}


def _is_whole(name: str, data: bytes) -> bool:
    """Return whether the content of a file has LF line endings, the expected header and the pinned checksum."""
    try:
        if "\r" in data.decode("utf-8"):  # the checksum of the films covers neither titles nor line endings
            return False
    except UnicodeError:
        return False
    return checksum(name, data) == PINNED[name] and data.startswith(",".join(COLUMNS[name]).encode() + b"\n")


def checksum(name: str, data: bytes) -> str:
    """Compute the SHA-256 checksum of a file.

    Parameters
    ----------
    name : str
        Name of the file. The checksum of ``items.csv`` covers only the ids and genres.
    data : bytes
        Content of the file.

    Returns
    -------
    str
        The checksum in hexadecimal.
    """
    if name == "items.csv":
        rows = csv.reader(io.StringIO(data.decode(errors="replace")))
        data = "".join(f"{row[0]},{row[-1]}\n" for row in rows if row).encode()
    return hashlib.sha256(data).hexdigest()


def _check(files: Files) -> None:
    """Raise if the files differ from the published data."""
    for (name, data), size in zip(files.items(), SIZES, strict=True):
        lines = data.count(b"\n") - 1  # without the header
        if lines != size:
            raise FetchError(f"{name}: expected {size:,} lines, got {lines:,}. The file is incomplete.")
        got = checksum(name, data)
        if got != PINNED[name]:
            raise FetchError(f"{name}: expected SHA-256 {PINNED[name]}, got {got}.")


def _try_sources(sources: Sequence[Source], folder: Path, say: Callable[[str], None]) -> Files:
    """Try the sources in order, and return the first files that pass the check."""
    reasons = []
    for source in sources:
        say(f"Fetching MovieLens-100K from {source.name} ...")
        with tempfile.TemporaryDirectory() as temporary:
            try:
                files = source.get(Path(temporary))
                _check(files)
                return files
            except Exception as error:  # after any error of a source, the next one is tried
                reasons.append(f"{source.name}: {_explain(error)}")
                say(f"  Failed: {_explain(error)}")
    raise FetchError(
        "MovieLens-100K could not be fetched.\n  "
        + "\n  ".join(reasons)
        + "\nCheck the network connection and type: python course.py fetch\nOr download this file on another machine: "
        + f"{GROUPLENS}\nsave it without unpacking as {folder.with_name('ml-100k.zip')}, and type the same command."
    )


def _explain(error: Exception) -> str:
    """Return the reason for a failure as text for the learner."""
    if isinstance(error, zipfile.BadZipFile | http.client.IncompleteRead | EOFError):
        return f"the file is truncated or not a zip ({error})"
    if isinstance(error, subprocess.TimeoutExpired):
        return f"no response within {error.timeout:.0f} seconds"
    if isinstance(error, OSError | FetchError):
        return str(error)
    return f"the contents are not as expected ({type(error).__name__}: {error})"


@contextmanager
def _exclusive(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold a lock, so that only one fetch runs at a time; announce when another process must be waited for."""
    lock = FileLock(_sibling(folder, "lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say("Another fetch is running; waiting until it has finished ...")
        _wait_for(lock)
    try:
        yield
    finally:
        lock.release()


def _wait_for(lock: BaseFileLock) -> None:
    """Acquire the lock of another fetch when it ends; raise after the time limit."""
    try:
        lock.acquire(timeout=LONGEST_WAIT)
    except Timeout:
        raise FetchError(
            f"Another fetch has not ended within {LONGEST_WAIT} seconds. Stop it, then type: python course.py fetch"
        ) from None


def _sibling(folder: Path, kind: str) -> Path:
    """Return a hidden path beside the folder, on the same disk, so that a rename is atomic."""
    return folder.with_name(f".{folder.name}.{kind}")


def _write(files: Files, folder: Path) -> None:
    """Write the files to a temporary sibling folder, then rename them; other files in the folder are kept."""
    new = _sibling(folder, "new")
    shutil.rmtree(new, ignore_errors=True)  # left over from a fetch that was killed
    try:
        new.mkdir()
        for name, data in files.items():
            (new / name).write_bytes(data)
        if not folder.exists():
            os.replace(new, folder)
            return
        for name in files:
            os.replace(new / name, folder / name)
    finally:
        shutil.rmtree(new, ignore_errors=True)
