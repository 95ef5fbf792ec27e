"""MovieLens-100K, real ratings of real people: fetched once, checked, then loaded. First used in chapter 00.

Its license allows use in research and education but no redistribution, so it is never committed. F. M. Harper
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
# Of items.csv only the ids and genres count: the sources spell a few titles differently.
PINNED = {
    "ratings.csv": "d7c58b3cf9e16a735109155f9bfa3f6bbdef76a6dc0c9a87643bf63c8b3fa38b",
    "users.csv": "586809072f124e8ada5d8c931da27fe31edaf31ebec99194082c6b6e680ff363",
    "items.csv": "4978534f865a34e76791997477971b6782d1b1331a36be8937b7fe95a3f0c82b",
}
# fmt: off
GENRES = [  # in the order of GroupLens's flags
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
]
# fmt: on
WHEEL = "recbole==1.2.1 --hash=sha256:9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"
GROUPLENS = "https://files.grouplens.org/datasets/movielens/ml-100k.zip"
LONGEST_WAIT = 600  # seconds, for a fetch that somebody else has begun

Files = dict[str, bytes]  # the three files in the form in which they are kept


class FetchError(RuntimeError):
    """MovieLens-100K could not be fetched, or is not as it should be; the message says what to do."""


class Source(NamedTuple):
    """A place that may have the data: its name, and what gets the files, given an empty folder to work in."""

    name: str
    get: Callable[[Path], Files]


def fetch(
    folder: Path | str | None = None,
    sources: Sequence[Source] | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """Bring MovieLens-100K, unless a good copy is there already.

    The sources are asked in turn: a zip that somebody put beside the folder by hand, the package index, the
    server of GroupLens. What comes is checked before anything is written, and is written whole or not at all.

    Parameters
    ----------
    folder : where the three files go; without it ``datasets/ml-100k`` beside the package.
    sources : whom to ask instead.
    say : called with one line for each step.

    Returns
    -------
    Path of the folder.

    Raises
    ------
    FetchError
        If no source had it, the folder cannot be written, or another fetch does not end.
    """
    folder = FOLDER if folder is None else Path(folder)
    if problem(folder) is None:
        say(f"MovieLens-100K is already there and complete: {folder}")
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _only_one(folder, say):
            if problem(folder) is None:
                say(f"MovieLens-100K is there now; another fetch got it: {folder}")
                return folder
            files = _ask(default_sources(folder) if sources is None else sources, folder, say)
            _write(files, folder)
    except OSError as error:
        raise FetchError(
            f"MovieLens-100K could not be written to {folder}: {error}. Make {folder.parent} writable, "
            "or free some space (20 MB is enough), then type: python course.py fetch"
        ) from error
    say(f"MovieLens-100K is there and was checked: {folder}")
    return folder


def load(folder: Path | str | None = None) -> Interactions:
    """Load MovieLens-100K.

    Returns
    -------
    Interactions, 100,000 events, 943 users x 1,682 items. The log has ``user``, ``item``, ``rating`` (1 to 5)
    and ``time`` (seconds since 1970), all integers. ``users`` has ``age``, ``gender``, ``occupation`` and
    ``zip_code`` (text, for it may begin with 0); ``items`` has ``title``, ``year`` (missing for one film) and
    ``genres`` (text, separated by ``|``).

    Raises
    ------
    FileNotFoundError
        If the data are not there; the message says how to fix it.
    FetchError
        If they are not the published ones; the message says what is wrong.
    """
    folder = FOLDER if folder is None else Path(folder)
    trouble = problem(folder)
    if trouble:
        raise FileNotFoundError(trouble) if _missing(folder) else FetchError(trouble)
    files = _read(folder)
    log = _table(files, "ratings.csv")
    users = _table(files, "users.csv", index_col="user", dtype={"zip_code": str})
    items = _table(files, "items.csv", index_col="item", dtype={"year": "Int64"}, na_values={"year": [""]})
    return Interactions.from_log(log, users=users, items=items)


def problem(folder: Path | str | None = None) -> str | None:
    """Say what is wrong with the data in the folder and how to fix it; None if nothing is."""
    folder = FOLDER if folder is None else Path(folder)
    missing = _missing(folder)
    if missing:
        return f"MovieLens-100K is not there: {folder / missing[0]} is missing. Type: python course.py fetch"
    try:
        _check(_read(folder))
    except (FetchError, OSError, ValueError, csv.Error) as error:
        return f"MovieLens-100K in {folder} is damaged: {error} Type: python course.py fetch"
    return None


def _missing(folder: Path) -> list[str]:
    return [name for name in COLUMNS if not (folder / name).is_file()]


def default_sources(folder: Path) -> list[Source]:
    """Give the places to ask, in order; the zip only if somebody has put it beside the folder."""
    by_hand = folder.with_name("ml-100k.zip")
    at_hand = [Source(f"the file {by_hand}", lambda _: read_zip(by_hand))] if by_hand.exists() else []
    return [
        *at_hand,
        Source("the package index (the wheel of recbole 1.2.1, which is not installed)", _from_package_index),
        Source("GroupLens", _from_grouplens),
    ]


def read_zip(path: Path) -> Files:
    """Read GroupLens's zip into the form in which the files are kept."""
    with zipfile.ZipFile(path) as archive:
        ratings, users, items = (archive.read(f"ml-100k/u.{part}") for part in ("data", "user", "item"))
    films = []
    for row in _rows(items, "|", "latin-1"):
        genres = [genre for genre, flag in zip(GENRES, row[5:], strict=True) if flag == "1"]
        films.append((row[0], *_title_and_year(row[1]), "|".join(genres)))
    return _as_files(_rows(ratings, "\t"), _rows(users, "|"), films)


def read_wheel(path: Path) -> Files:
    """Read the three files from recbole's wheel into the form in which they are kept."""
    stem = "recbole/dataset_example/ml-100k/ml-100k"
    with zipfile.ZipFile(path) as archive:
        parts = [archive.read(f"{stem}.{part}") for part in ("inter", "user", "item")]
    ratings, users, items = (_rows(part, "\t")[1:] for part in parts)  # the first line names the columns
    films = []
    for item, title, year, genres in items:
        title, year_in_title = _title_and_year(title)
        films.append((item, title, year if year.isdigit() else year_in_title, genres.replace(" ", "|")))
    return _as_files(ratings, users, films)


def _from_package_index(temporary: Path) -> Files:
    """Let pip download the wheel, with whatever index, proxy and certificates the learner's pip uses."""
    wanted = temporary / "wanted.txt"
    wanted.write_text(WHEEL + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes", "--no-input"]
    command += ["--disable-pip-version-check", "--retries", "2", "--timeout", "30"]
    command += ["--dest", str(temporary), "--requirement", str(wanted)]
    ran = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=LONGEST_WAIT)
    if ran.returncode:
        raise FetchError(_last_words(ran.stderr) or f"pip stopped with code {ran.returncode}")
    return read_wheel(next(temporary.glob("recbole-*.whl")))


FIXES = {  # part of what pip writes, and what to set
    "SOCKS support": "Set HTTPS_PROXY and ALL_PROXY to an http:// proxy, or unset them where no proxy is needed.",
    "invalid path": "Set PIP_CERT to the right file, or unset PIP_CERT, REQUESTS_CA_BUNDLE and SSL_CERT_FILE.",
    "CERTIFICATE_VERIFY_FAILED": "Set PIP_CERT to the file with your network's certificates.",
    "ProxyError": "Set HTTPS_PROXY to the address of your network's proxy, or unset it where no proxy is needed.",
}


def _last_words(errors: str) -> str:
    """Reduce what pip wrote, which may be a traceback, to its last line and what to set."""
    lines = [line.strip() for line in errors.splitlines() if line.strip() and "notice" not in line]
    fix = next((fix for sign, fix in FIXES.items() if sign in errors), "")
    return f"{lines[-1]} {fix}".strip() if lines else fix


def _from_grouplens(temporary: Path) -> Files:
    archive = temporary / "ml-100k.zip"
    with urllib.request.urlopen(GROUPLENS, timeout=30) as answer:
        archive.write_bytes(answer.read())
    return read_zip(archive)


def _rows(data: bytes, separator: str, encoding: str = "utf-8") -> list[list[str]]:
    return [line.split(separator) for line in data.decode(encoding).split("\n") if line]


def _title_and_year(title: str) -> tuple[str, str]:
    """Take the year off a title: "Toy Story (1995)" gives "Toy Story" and "1995"."""
    title = title.replace("unkonwn", "unknown")  # the one film without a title, as recbole spells it
    found = re.fullmatch(r"(.*\S)\s*\((\d{4})\)(?:\s*\(V\))?\s*", title)
    return (found[1], found[2]) if found else (title.strip(), "")


def _as_files(*tables: Iterable[Sequence[str]]) -> Files:
    files = {}
    for (name, columns), rows in zip(COLUMNS.items(), tables, strict=True):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([columns, *rows])
        files[name] = text.getvalue().encode()
    return files


def _table(files: Files, name: str, **options: object) -> pd.DataFrame:
    # Without keep_default_na a text such as "None" would become a missing value.
    return pd.read_csv(io.BytesIO(files[name]), keep_default_na=False, **options)  # type: ignore[call-overload]


def _read(folder: Path) -> Files:
    """Read the three files; line ends and encodings that another program has changed are undone."""
    return {name: as_shipped((folder / name).read_bytes(), partial(_is_whole, name)) for name in COLUMNS}


def _is_whole(name: str, data: bytes) -> bool:
    try:
        if "\r" in data.decode("utf-8"):  # the checksum of the films leaves titles and line ends out
            return False
    except UnicodeError:
        return False
    return checksum(name, data) == PINNED[name] and data.startswith(",".join(COLUMNS[name]).encode() + b"\n")


def checksum(name: str, data: bytes) -> str:
    """SHA-256 of what is pinned of a file: all of it, or of the films only ids and genres."""
    if name == "items.csv":
        rows = csv.reader(io.StringIO(data.decode(errors="replace")))
        data = "".join(f"{row[0]},{row[-1]}\n" for row in rows if row).encode()
    return hashlib.sha256(data).hexdigest()


def _check(files: Files) -> None:
    """Raise unless these are the published data."""
    for (name, data), size in zip(files.items(), SIZES, strict=True):
        lines = data.count(b"\n") - 1  # without the header
        if lines != size:
            raise FetchError(f"{name}: expected {size:,} lines, got {lines:,}. The file is not complete.")
        got = checksum(name, data)
        if got != PINNED[name]:
            raise FetchError(f"{name}: expected SHA-256 {PINNED[name]}, got {got}.")


def _ask(sources: Sequence[Source], folder: Path, say: Callable[[str], None]) -> Files:
    """Ask one source after the other, and give the first answer that passes the check."""
    reasons = []
    for source in sources:
        say(f"Asking {source.name} for MovieLens-100K ...")
        with tempfile.TemporaryDirectory() as temporary:
            try:
                files = source.get(Path(temporary))
                _check(files)
                return files
            except Exception as error:  # whatever a source does wrong, the next one may do right
                reasons.append(f"{source.name}: {_in_words(error)}")
                say(f"  That did not work: {_in_words(error)}")
    raise FetchError(
        "MovieLens-100K could not be fetched.\n  "
        + "\n  ".join(reasons)
        + "\nCheck the network and type: python course.py fetch\nOr take the file from another machine: "
        + f"{GROUPLENS}\nput it, unopened, at {folder.with_name('ml-100k.zip')}, and type the same."
    )


def _in_words(error: Exception) -> str:
    if isinstance(error, zipfile.BadZipFile | http.client.IncompleteRead | EOFError):
        return f"the file is truncated or not a zip ({error})"
    if isinstance(error, subprocess.TimeoutExpired):
        return f"no answer within {error.timeout:.0f} seconds"
    if isinstance(error, OSError | FetchError):
        return str(error)
    return f"the contents are not as expected ({type(error).__name__}: {error})"


@contextmanager
def _only_one(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Let one fetch run at a time; wait for the other one with a word to the learner."""
    lock = FileLock(_beside(folder, "lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say("Another fetch is running; waiting until it is done ...")
        _wait_for(lock)
    try:
        yield
    finally:
        lock.release()


def _wait_for(lock: BaseFileLock) -> None:
    try:
        lock.acquire(timeout=LONGEST_WAIT)
    except Timeout:
        raise FetchError(
            f"Another fetch has not ended within {LONGEST_WAIT} seconds. End it, then type: python course.py fetch"
        ) from None


def _beside(folder: Path, kind: str) -> Path:
    """Name a neighbor of the folder, on the same disk, so that a rename is one step."""
    return folder.with_name(f".{folder.name}.{kind}")


def _write(files: Files, folder: Path) -> None:
    """Write into a neighboring folder and rename what is whole; other files in the folder stay."""
    new = _beside(folder, "new")
    shutil.rmtree(new, ignore_errors=True)  # of a fetch that was killed
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
