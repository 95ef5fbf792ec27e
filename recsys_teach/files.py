"""Locate the repository, write files atomically, and copy files into ``my_work/``."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

ENCODINGS = ("utf-8-sig", "utf-16", "cp1252")  # encodings that office programs write, with or without a BOM
REPOSITORY = Path(__file__).resolve().parents[1]
MY_WORK = "my_work"


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file atomically: a reader sees either the old content or the complete new content.

    The content is written to a temporary file in the same folder, which is then renamed.

    Parameters
    ----------
    path : Path
        The file to write. Missing parent folders are created.
    content : str or bytes
        The new content. Text is encoded as UTF-8.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def as_shipped(data: bytes, is_whole: Callable[[bytes], bool]) -> bytes:
    """Restore a text file whose line endings or encoding were changed by git or another program.

    Parameters
    ----------
    data : bytes
        The content as it was read.
    is_whole : callable
        Function of bytes that returns whether they are the shipped content, for example by a checksum.

    Returns
    -------
    bytes
        The first candidate for which ``is_whole`` returns True; the unchanged data if there is none. The candidates
        undo CRLF line endings, a byte order mark, and another encoding.
    """
    for version in _versions(data):
        if is_whole(version):
            return version
    return data


def _versions(data: bytes) -> Iterator[bytes]:
    """Yield the data, then the data with LF line endings, then with each known encoding converted to UTF-8."""
    yield data
    yield data.replace(b"\r\n", b"\n")
    for encoding in ENCODINGS:
        with contextlib.suppress(UnicodeError):
            text = data.decode(encoding)
            yield text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8")


def copy_aside(root: Path, name: str, content: bytes | None = None) -> Path:
    """Copy a file of the repository into ``my_work/`` under a new name with a time stamp.

    Parameters
    ----------
    root : Path
        The folder of the repository.
    name : str
        Path of the file, relative to ``root``. Subfolders other than ``chapters`` are kept.
    content : bytes, optional
        Content to store in place of the current content of the file.

    Returns
    -------
    Path
        The copy.
    """
    path = Path(name)
    folder = root / MY_WORK / (path.parent if path.parts[0] != "chapters" else "")
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{path.stem}.{time.strftime('%Y-%m-%d_%H-%M-%S')}"
    copy, n = folder / f"{stem}{path.suffix}", 1
    while copy.exists():
        n += 1
        copy = folder / f"{stem}_{n}{path.suffix}"
    if content is None:
        return Path(shutil.copy2(root / name, copy))
    write_whole(copy, content)
    return copy
