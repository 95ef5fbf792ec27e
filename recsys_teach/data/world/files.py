"""Write, read and verify the files of the world, and compute the statistics of its data card."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recsys_teach.data.world.config import WorldConfig
from recsys_teach.data.world.truth import Truth, World
from recsys_teach.files import REPOSITORY, as_shipped, write_whole

FILES = {"impressions.csv.gz", "users.csv.gz", "items.csv.gz", "truth.npz", "config.json"}


def calibration(world: World) -> dict[str, float]:
    """Compute the statistics that the data card lists.

    Parameters
    ----------
    world : World
        The world to measure.

    Returns
    -------
    dict of str to float
        Value of each statistic by its name on the card.
    """
    log, cells = world.impressions, len(world.users) * len(world.items)
    clicked = log[log["click"]]
    per_item = np.sort(clicked["item"].value_counts().reindex(world.items.index, fill_value=0).to_numpy())
    shown = log["item"].value_counts().reindex(world.items.index, fill_value=0)
    lengths = log["user"].value_counts()
    ranks = 2 * np.arange(1, len(per_item) + 1) - len(per_item) - 1
    return {
        "impressions": len(log),
        "density of impressions": len(log) / cells,
        "density of clicks": len(clicked) / cells,
        "click rate": log["click"].mean(),
        "finish rate given click": clicked["finish"].mean(),
        "like rate given click": clicked["like"].mean(),
        "Gini of clicks over items": float(ranks @ per_item / (len(per_item) * per_item.sum())),
        "median history": lengths.median(),
        "longest history": lengths.max(),
        "items shown fewer than 20 times": (shown < 20).mean(),
        "users with the sensitive attribute": world.users["chronic_illness"].mean(),
        "users who arrive after day 0": (world.users["arrival_day"] > 0).mean(),
    }


def world_folder() -> Path:
    """Return the folder of the shipped files.

    Returns
    -------
    Path
        The folder ``datasets/world`` of the repository.
    """
    return REPOSITORY / "datasets" / "world"


def _file_contents(world: World) -> dict[str, bytes]:
    """Return the content of each file of a world; equal worlds have equal content."""
    tables = {"impressions": world.impressions, "users": world.users, "items": world.items}
    contents = {}
    for name, table in tables.items():
        text = table.to_csv(index=name != "impressions", float_format="%.3f", lineterminator="\n")
        contents[f"{name}.csv.gz"] = gzip.compress(text.encode(), mtime=0)
    arrays = {f.name: getattr(world.truth, f.name) for f in fields(Truth) if f.name != "config"}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    config = json.dumps(asdict(world.config), indent=1) + "\n"
    return {**contents, "truth.npz": buffer.getvalue(), "config.json": config.encode()}


def save_world(world: World, folder: Path | str) -> None:
    """Write the files of a world and their checksums; each file is written atomically.

    Parameters
    ----------
    world : World
        The world to save.
    folder : Path or str
        Where to write the files.
    """
    contents = _file_contents(world)
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in contents.items())
    for name, data in {**contents, "SHA256SUMS": sums.encode()}.items():
        write_whole(Path(folder) / name, data)


def _read_checked(folder: Path) -> dict[str, bytes]:
    """Read the files that SHA256SUMS lists, undo changes of line endings and encodings, and verify the checksums."""
    fix = (
        "Restore it with `git checkout -- datasets/world`, or generate it with `python -m recsys_teach.data.world`; "
        "`python course.py doctor` checks all files."
    )
    contents = {}
    try:
        sums = as_shipped((folder / "SHA256SUMS").read_bytes(), _are_sums)
        if not _are_sums(sums):
            raise ValueError(f"{folder / 'SHA256SUMS'} is damaged: expected a checksum and a name in each line. {fix}")
        for line in sums.decode().splitlines():
            checksum, name = line.split()
            data = (folder / name).read_bytes()
            contents[name] = as_shipped(data, partial(_has_checksum, checksum))
            if not _has_checksum(checksum, contents[name]):
                raise ValueError(
                    f"{folder / name} is damaged: expected SHA-256 {checksum}, got "
                    f"{hashlib.sha256(data).hexdigest()}, which line endings or a byte order mark do not explain. {fix}"
                )
    except FileNotFoundError as error:
        text = f"Expected the files of the world in {folder}; there is no {error.filename}. {fix}"
        raise FileNotFoundError(text) from error
    return contents


def _has_checksum(checksum: str, data: bytes) -> bool:
    return hashlib.sha256(data).hexdigest() == checksum


def _are_sums(data: bytes) -> bool:
    """Return whether the content of SHA256SUMS lists a checksum for every file."""
    names = {line.split()[1].decode() for line in data.splitlines() if re.fullmatch(rb"[0-9a-f]{64} +[\w.]+", line)}
    return names >= FILES


def load_world(folder: Path | str | None = None) -> World:
    """Load a saved world.

    Changes of line endings, byte order mark or encoding by other programs are undone.

    Parameters
    ----------
    folder : Path or str, optional
        Folder of the files. By default, the shipped world, which equals ``make_world()``.

    Returns
    -------
    World
        The log, the tables and the ground truth.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a file differs from its checksum in SHA256SUMS.
    """
    contents = _read_checked(world_folder() if folder is None else Path(folder))

    def table(name: str, **options: Any) -> pd.DataFrame:
        text = io.BytesIO(gzip.decompress(contents[f"{name}.csv.gz"]))
        return pd.read_csv(text, keep_default_na=False, **options)

    with np.load(io.BytesIO(contents["truth.npz"]), allow_pickle=False) as arrays:
        truth = Truth(WorldConfig(**json.loads(contents["config.json"])), **arrays)
    impressions = table("impressions", dtype={"watch_share": np.float32})
    return World(impressions, table("users", index_col="user"), table("items", index_col="item"), truth)
