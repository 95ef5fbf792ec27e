"""Where the repository is, and how a file is written whole or set aside."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

ENCODINGS = ("utf-8-sig", "utf-16", "cp1252")  # what office programs write, with or without a byte order mark
REPOSITORY = Path(__file__).resolve().parents[1]
MY_WORK = "my_work"


def write_whole(path: Path, content: str | bytes) -> None:
    """Write to a temporary neighbor, then rename: a reader sees the old file or the new one, never half of one."""
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
    """Undo what git or another program does to a text on the way: line ends, a byte order mark, another encoding.

    Parameters
    ----------
    data : bytes
        What was read.
    is_whole : function of bytes to bool
        Whether these are the expected ones, by a checksum.

    Returns
    -------
    bytes
        The first version that is whole; the data as they are if none is.
    """
    for version in _versions(data):
        if is_whole(version):
            return version
    return data


def _versions(data: bytes) -> Iterator[bytes]:
    yield data
    yield data.replace(b"\r\n", b"\n")
    for encoding in ENCODINGS:
        with contextlib.suppress(UnicodeError):
            text = data.decode(encoding)
            yield text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8")


def copy_aside(root: Path, name: str, content: bytes | None = None) -> Path:
    """Copy a file of the repository, or other content of it, into ``my_work/`` under a new name; return the copy."""
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
