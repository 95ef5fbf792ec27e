"""MovieLens-100K: both sources, the checks, the failures. Nothing here reaches the network."""

import hashlib
import threading
import zipfile
from types import SimpleNamespace

import pandas as pd
import pytest
from filelock import FileLock

from recsys_teach.data import movielens
from recsys_teach.data.movielens import FetchError, Source, fetch, load, problem, read_wheel, read_zip

RATINGS = [(2, 1, 5, 881250949), (1, 3, 3, 891717742), (1, 1, 4, 878887116), (2, 2, 1, 880606923)]
USERS = [(1, 24, "M", "none", "01002"), (2, 53, "F", "other", "T8H1N")]
FILMS = [  # title as GroupLens has it, as recbole has it, year, flags that are set
    ("Là, Café (Sub) (1995)", "Là, Café (Sub)", "1995", ("Animation", "Sci-Fi")),
    ("unknown", "unkonwn", "unkonwn", ("unknown",)),
    ("Long Title, The (1994) (V)", "Long Title, The (1994)", "V", ("Children's", "Film-Noir", "Western")),
]


def lines(rows, separator, encoding="utf-8"):
    return "".join(separator.join(map(str, row)) + "\n" for row in rows).encode(encoding)


def make_zip(path):
    """A miniature of GroupLens's archive."""
    films = [
        (
            n,
            title,
            "01-Jan-1995",
            "",
            "http://example.org",
            *(int(genre in genres) for genre in movielens.GENRES),
        )
        for n, (title, _, _, genres) in enumerate(FILMS, start=1)
    ]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ml-100k/u.data", lines(RATINGS, "\t"))
        archive.writestr("ml-100k/u.user", lines(USERS, "|"))
        archive.writestr("ml-100k/u.item", lines(films, "|", "latin-1"))
    return path


def make_wheel(path):
    """A miniature of recbole's wheel."""
    films = [(n, title, year, " ".join(genres)) for n, (_, title, year, genres) in enumerate(FILMS, start=1)]
    parts = {"inter": (RATINGS, "user_id:token"), "user": (USERS, "user_id"), "item": (films, "item_id")}
    with zipfile.ZipFile(path, "w") as archive:
        for part, (rows, header) in parts.items():
            name = f"recbole/dataset_example/ml-100k/ml-100k.{part}"
            archive.writestr(name, header.encode() + b"\tand more\n" + lines(rows, "\t"))
    return path


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The miniature as it is kept, which counts as the published data in a test."""
    files = read_wheel(make_wheel(tmp_path / "recbole.whl"))
    monkeypatch.setattr(movielens, "SIZES", (4, 2, 3))
    monkeypatch.setattr(movielens, "PINNED", {name: movielens.checksum(name, data) for name, data in files.items()})
    return files


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "datasets" / "ml-100k"


def giving(files, name="a good source"):
    return Source(name, lambda _: files)


def failing(error, name="a bad source"):
    def get(_):
        raise error

    return Source(name, get)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def only_the_lock_is_left(folder):
    return [path.name for path in folder.parent.iterdir()] in ([], [".ml-100k.lock"])


def test_both_sources_give_the_same_three_files(tmp_path):
    assert read_zip(make_zip(tmp_path / "a.zip")) == read_wheel(make_wheel(tmp_path / "b.whl"))


def test_ratings_are_kept_in_the_order_of_the_published_file(tmp_path):
    kept = read_zip(make_zip(tmp_path / "a.zip"))["ratings.csv"]
    assert kept.split(b"\n", 1) == [b"user,item,rating,time", lines(RATINGS, ",")]


def test_load_gives_named_axes_integers_and_text(files, folder):
    data = load(fetch(folder, [giving(files)], say=lambda _: None))
    assert data.shape == (2, 3)
    assert data.users is not None and data.items is not None
    assert list(data.log.columns) == ["user", "item", "rating", "time"]
    assert all(pd.api.types.is_integer_dtype(dtype) for dtype in data.log.dtypes)
    assert data.matrix("rating").toarray().tolist() == [[4, 0, 3], [5, 1, 0]]
    assert data.users.loc[1].tolist() == [24, "M", "none", "01002"]
    assert data.items["title"].tolist() == ["Là, Café (Sub)", "unknown", "Long Title, The"]
    assert data.items["year"].tolist() == [1995, pd.NA, 1994]
    assert data.items.loc[3, "genres"] == "Children's|Film-Noir|Western"


def test_a_title_may_differ_but_a_genre_may_not(files, folder):
    other = {**files, "items.csv": files["items.csv"].replace(b"Long", b"Longer")}
    fetch(folder, [giving(other)], say=lambda _: None)
    wrong = {**files, "items.csv": files["items.csv"].replace(b"Western", b"War")}
    with pytest.raises(FetchError, match=r"items\.csv: expected SHA-256 .* got"):
        fetch(folder.with_name("other"), [giving(wrong)], say=lambda _: None)


def test_the_next_source_is_asked_when_one_fails_and_the_reason_is_said(files, folder):
    said: list[str] = []
    fetch(folder, [failing(OSError("no route to host"), "the first"), giving(files)], say=said.append)
    assert contents(folder) == files
    assert any("no route to host" in line for line in said)


def test_without_network_each_reason_and_what_to_do_are_named_and_nothing_is_written(files, folder):
    sources = [failing(OSError("no route"), "index"), failing(TimeoutError("timed out"), "GroupLens")]
    with pytest.raises(FetchError) as caught:
        fetch(folder, sources, say=lambda _: None)
    for part in ("index: no route", "GroupLens: timed out", "python course.py fetch", "ml-100k.zip"):
        assert part in str(caught.value)
    assert only_the_lock_is_left(folder)


def test_a_truncated_download_is_refused(files, folder, tmp_path):
    cut = tmp_path / "cut.zip"
    cut.write_bytes(make_zip(tmp_path / "whole.zip").read_bytes()[:-50])
    with pytest.raises(FetchError, match="truncated or not a zip"):
        fetch(folder, [Source("a cut file", lambda _: read_zip(cut))], say=lambda _: None)
    assert only_the_lock_is_left(folder)


def test_a_file_with_a_line_less_is_refused_with_both_numbers(files, folder):
    short = {**files, "ratings.csv": files["ratings.csv"][: -len("2,2,1,880606923\n")]}
    with pytest.raises(FetchError, match=r"ratings\.csv: expected 4 lines, got 3"):
        fetch(folder, [giving(short)], say=lambda _: None)


def test_a_wrong_checksum_names_what_was_expected_and_what_came(files, folder):
    wrong = {**files, "users.csv": files["users.csv"].replace(b"53", b"54")}
    came = hashlib.sha256(wrong["users.csv"]).hexdigest()
    with pytest.raises(FetchError, match=f"expected SHA-256 {movielens.PINNED['users.csv']}, got {came}"):
        fetch(folder, [giving(wrong)], say=lambda _: None)
    assert only_the_lock_is_left(folder)


def test_an_archive_of_something_else_is_a_message_not_a_traceback(files, folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "else.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(FetchError, match="not as expected"):
        fetch(folder, [Source("else", lambda _: read_zip(tmp_path / "else.zip"))], say=lambda _: None)


def test_a_zip_put_by_hand_is_asked_first(files, folder):
    folder.parent.mkdir()
    make_zip(folder.with_name("ml-100k.zip"))
    first = movielens.default_sources(folder)[0]
    assert "ml-100k.zip" in first.name
    fetch(folder, [first], say=lambda _: None)
    assert problem(folder) is None


def test_without_a_zip_the_package_index_comes_before_grouplens(folder):
    index, grouplens = movielens.default_sources(folder)
    assert "package index" in index.name
    assert grouplens.name == "GroupLens"


TRACEBACK = """ERROR: Exception:
Traceback (most recent call last):
  File "/x/pip/_internal/cli/base_command.py", line 180, in exc_logging_wrapper
{}
"""


@pytest.mark.parametrize(
    ("stderr", "last", "fix"),
    [
        ("WARNING: retry\nERROR: No matching distribution found for recbole==1.2.1\n", "ERROR: No matching", ""),
        (
            "ERROR: Could not install packages due to an OSError: Missing dependencies for SOCKS support.\n",
            "ERROR: Could not install packages due to an OSError: Missing dependencies for SOCKS support.",
            "Set HTTPS_PROXY and ALL_PROXY to an http:// proxy",
        ),
        (
            TRACEBACK.format("OSError: Could not find a suitable TLS CA certificate bundle, invalid path: /x.pem"),
            "OSError: Could not find a suitable TLS CA certificate bundle, invalid path: /x.pem",
            "Set PIP_CERT to the correct file",
        ),
        (TRACEBACK.format("ssl.SSLError: CERTIFICATE_VERIFY_FAILED"), "ssl.SSLError", "your network's certificates"),
        (TRACEBACK.format("ValueError: something else"), "ValueError: something else", ""),
        ("", "pip ended with exit code 1", ""),
    ],
)
def test_pip_that_fails_gives_its_last_line_and_what_to_set(files, folder, monkeypatch, stderr, last, fix):
    ran = SimpleNamespace(returncode=1, stderr=stderr)
    monkeypatch.setattr(movielens.subprocess, "run", lambda *args, **kwargs: ran)
    with pytest.raises(FetchError) as caught:
        fetch(folder, [movielens.default_sources(folder)[0]], say=lambda _: None)
    (line,) = (line for line in str(caught.value).splitlines() if "package index" in line)
    assert f"): {last}" in line
    assert fix in line
    assert "Traceback" not in line


def test_a_folder_that_cannot_be_written_is_named(files, tmp_path):
    (tmp_path / "file").write_text("a file where a folder should be")
    with pytest.raises(FetchError, match=r"could not be written to .*Make .* writable"):
        fetch(tmp_path / "file" / "ml-100k", [giving(files)], say=lambda _: None)


def test_a_disk_that_fills_up_leaves_nothing_half_written(files, folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(movielens.os, "replace", full)
    with pytest.raises(FetchError, match="No space left on device"):
        fetch(folder, [giving(files)], say=lambda _: None)
    assert only_the_lock_is_left(folder)


def test_a_second_fetch_asks_nobody_and_says_so(files, folder):
    fetch(folder, [giving(files)], say=lambda _: None)
    said: list[str] = []
    fetch(folder, [failing(AssertionError("asked"))], say=said.append)
    assert len(said) == 1
    assert "already exists and is complete" in said[0]


def test_a_damaged_copy_is_replaced_and_other_files_stay(files, folder):
    fetch(folder, [giving(files)], say=lambda _: None)
    (folder / "users.csv").write_bytes(files["users.csv"][:10])
    (folder / "notes.txt").write_text("mine")
    fetch(folder, [giving(files)], say=lambda _: None)
    assert contents(folder) == {**files, "notes.txt": b"mine"}


def test_a_fetch_that_is_killed_does_not_hinder_the_next(files, folder):
    folder.with_name(".ml-100k.new").mkdir(parents=True)
    folder.with_name(".ml-100k.new").joinpath("ratings.csv").write_text("half")
    fetch(folder, [giving(files)], say=lambda _: None)
    assert contents(folder) == files


def test_a_fetch_waits_for_another_and_then_finds_the_data(files, folder):
    said, waiting = [], threading.Event()

    def say(line):
        said.append(line)
        if "waiting" in line:
            waiting.set()

    folder.parent.mkdir()
    with FileLock(folder.with_name(".ml-100k.lock")):
        second = threading.Thread(target=fetch, args=(folder, [failing(AssertionError("asked"))], say))
        second.start()
        assert waiting.wait(5)
        movielens._write(files, folder)
    second.join(5)
    assert not second.is_alive()
    assert "was fetched by another process" in said[-1]


def test_a_fetch_that_waits_too_long_says_so(files, folder, monkeypatch):
    monkeypatch.setattr(movielens, "LONGEST_WAIT", 0.1)
    folder.parent.mkdir()
    with FileLock(folder.with_name(".ml-100k.lock")), pytest.raises(FetchError, match="has not ended within"):
        fetch(folder, [giving(files)], say=lambda _: None)


def test_loading_what_is_not_there_names_the_mend(folder):
    with pytest.raises(FileNotFoundError, match=r"python course\.py fetch"):
        load(folder)


@pytest.mark.parametrize("name", ["ratings.csv", "users.csv", "items.csv"])
def test_loading_damaged_data_names_the_file_and_the_mend(files, folder, name):
    fetch(folder, [giving(files)], say=lambda _: None)
    (folder / name).write_bytes(b"\xff\xfe" + files[name])
    with pytest.raises(FetchError, match=rf"{name}: expected SHA-256 .*python course\.py fetch"):
        load(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.replace("\n", "\r\n").encode("utf-16"),
        lambda text: text.replace("\n", "\r\n").encode("cp1252"),
    ],
    ids=["CRLF", "CR", "byte order mark", "UTF-16", "cp1252"],
)
def test_files_saved_again_by_another_program_load_as_they_were(files, folder, change):
    fetch(folder, [giving(files)], say=lambda _: None)
    before = load(folder)
    for name, data in files.items():
        (folder / name).write_bytes(change(data.decode()))
    after = load(folder)
    pd.testing.assert_frame_equal(after.log, before.log)
    pd.testing.assert_frame_equal(after.users, before.users)
    pd.testing.assert_frame_equal(after.items, before.items)
    assert problem(folder) is None


def test_the_real_data_have_the_published_size(movielens):
    assert len(movielens) == 100_000
    assert movielens.shape == (943, 1_682)
    assert movielens.log["rating"].between(1, 5).all()
    assert movielens.items["year"].isna().sum() == 1
    assert movielens.items["genres"].str.get_dummies().shape[1] == 19
