"""What is measured on: splits of MovieLens-100K and of a grown world, the same for every contestant."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from recsys_teach.data import Interactions, Split, movielens, split_per_user
from recsys_teach.data.world import make_world

CACHE = Path(__file__).resolve().parent / ".cache"
K = 10
JUDGED = 2_000  # users whose recommendations are timed and measured
GROWN_ITEMS = 600
SIZES = (1_000, 3_000, 10_000, 30_000, 100_000)
SMALL_SIZES = (300, 600, 1_000)


def small() -> bool:
    """Say whether this run only tries the code."""
    return os.environ.get("BENCHMARKS_SMALL") == "1"


def sizes() -> tuple[int, ...]:
    """Give the numbers of users that the world grows through."""
    return SMALL_SIZES if small() else SIZES


@dataclass(frozen=True)
class Task:
    """A split, and the users whose lists are judged."""

    split: Split
    users: np.ndarray


def _cached(name: str, make) -> pd.DataFrame:
    """Draw a log once; keep it in the cache."""
    file = CACHE / f"{name}{'-small' if small() else ''}.npz"
    if not file.exists():
        CACHE.mkdir(exist_ok=True)
        temporary = file.with_suffix(f".{os.getpid()}.npz")
        np.savez(temporary, **{column: values.to_numpy() for column, values in make().items()})
        temporary.replace(file)
    return pd.DataFrame(dict(np.load(file)))


def _interactions(log: pd.DataFrame, n_items: int) -> Interactions:
    """Count users and items from 0, so that positions are ids for every library."""
    return Interactions.from_log(log, user_ids=range(int(log["user"].max()) + 1), item_ids=range(n_items))


def _drawn(n_users: int, n_items: int, mean_impressions: float, *, clicked: bool) -> pd.DataFrame:
    world = make_world(n_users, n_items, mean_impressions)
    events = world.clicks() if clicked else world.exposed()
    columns = {"user": events.user_pos, "item": events.item_pos}
    return pd.DataFrame(columns | {"watch_share": events.log["watch_share"].to_numpy(np.float32)})


def long_histories() -> Interactions:
    """About a million impressions, 95 a user: what was shown, which nearly has the shape of MovieLens-1M."""
    n_users, n_items = (500, 300) if small() else (10_500, 3_000)
    log = _cached("long", lambda: _drawn(n_users, n_items, 100, clicked=False))
    return _interactions(log, n_items)


def grown_clicks(n_users: int) -> Interactions:
    """Clicks of the first users of the largest world, 16 a user; ``watch_share`` stands for a rating."""
    log = _cached("grown", lambda: _drawn(sizes()[-1], GROWN_ITEMS, 60, clicked=True))
    return _interactions(log[log["user"] < n_users], GROWN_ITEMS)


def short_histories() -> Interactions:
    """About a million clicks, 16 a user."""
    return grown_clicks(800 if small() else 62_000)


def movielens_by_position() -> Interactions:
    """MovieLens-100K, users and items counted from 0."""
    data = movielens.load()
    log = pd.DataFrame({"user": data.user_pos, "item": data.item_pos, "rating": data.log["rating"].to_numpy()})
    return _interactions(log[log["user"] < 100] if small() else log, data.n_items)


def _ranking(interactions: Interactions) -> Task:
    """Hold out a fifth of each user's events; judge a sample of the users."""
    train, test, name = split_per_user(interactions, 0.2, random_state=0)
    rng = np.random.default_rng(0)
    users = np.sort(rng.permutation(interactions.n_users)[:JUDGED])
    return Task(Split(train, test.take(np.isin(test.user_pos, users)), name), users)


def _random_fifth() -> Task:
    """Hold out a random fifth of MovieLens-100K: the first of the five folds that chapter 05 pools."""
    data = movielens_by_position()
    in_test = np.random.default_rng(0).permutation(len(data)) % 5 == 0
    split = Split(data.take(~in_test), data.take(in_test), "a random fifth, seed 0")
    return Task(split, np.arange(data.n_users))


TASKS = {
    "ratings": ("MovieLens-100K ratings, a random fifth held out, RMSE", _random_fifth),
    "movielens": ("MovieLens-100K, per-user 80/20", lambda: _ranking(movielens_by_position())),
    "long": ("world, 10,500 users x 3,000 items, 1.0M impressions, per-user 80/20", lambda: _ranking(long_histories())),
    "short": ("world, 62,000 users x 600 items, 1.0M clicks, per-user 80/20", lambda: _ranking(short_histories())),
}


def toy(task: Task) -> Task:
    """Give the first users of a task: whatever is compiled or imported late is so before the clock runs."""
    train, test, name = task.split
    few = [part.take(part.user_pos < 200) for part in (train, test)]
    return Task(Split(few[0], few[1], name), np.arange(20))
