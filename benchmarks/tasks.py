"""Data for the measurements, the same for every contestant: MovieLens-100K, large worlds, and purchases of a shop."""

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
N_TEST_USERS = 2_000  # users whose recommendations are timed and evaluated
GROWN_ITEMS = 600
SIZES = (1_000, 3_000, 10_000, 30_000, 100_000)
SMALL_SIZES = (300, 600, 1_000)


def small() -> bool:
    """Return whether this run only tests the code (``BENCHMARKS_SMALL=1``).

    Returns
    -------
    bool
        True if the data should be tiny.
    """
    return os.environ.get("BENCHMARKS_SMALL") == "1"


def sizes() -> tuple[int, ...]:
    """Return the numbers of users of the growing worlds.

    Returns
    -------
    tuple of int
        Numbers in increasing order.
    """
    return SMALL_SIZES if small() else SIZES


@dataclass(frozen=True)
class Task:
    """A split, and the users whose recommendations are evaluated.

    Attributes
    ----------
    split : Split
        Training and test set.
    users : array of int, shape (n,)
        Positions of the users.
    predict : bool, default=False
        Whether the contestants predict the ratings of the test set instead of ranking items.
    """

    split: Split
    users: np.ndarray
    predict: bool = False


def _cached(name: str, make) -> pd.DataFrame:
    """Return a log from the cache; if it is not there, generate it."""
    file = CACHE / f"{name}{'-small' if small() else ''}.npz"
    if not file.exists():
        CACHE.mkdir(exist_ok=True)
        temporary = file.with_suffix(f".{os.getpid()}.npz")
        np.savez(temporary, **{column: values.to_numpy() for column, values in make().items()})
        temporary.replace(file)
    return pd.DataFrame(dict(np.load(file)))


def _interactions(log: pd.DataFrame, n_items: int) -> Interactions:
    """Build interactions whose ids are positions, counted from 0, as the other libraries need them."""
    return Interactions.from_log(log, user_ids=range(int(log["user"].max()) + 1), item_ids=range(n_items))


def _generated(n_users: int, n_items: int, mean_impressions: float, *, clicked: bool) -> pd.DataFrame:
    """Generate a world and return its clicks or its impressions."""
    world = make_world(n_users, n_items, mean_impressions)
    events = world.clicks() if clicked else world.exposed()
    columns = {"user": events.user_pos, "item": events.item_pos, "time": events.log["time"].to_numpy()}
    return pd.DataFrame(columns | {"watch_share": events.log["watch_share"].to_numpy(np.float32)})


def long_histories() -> Interactions:
    """Return about a million impressions, 95 per user, with nearly the shape of MovieLens-1M.

    Returns
    -------
    Interactions
        What was shown to each user.
    """
    n_users, n_items = (500, 300) if small() else (10_500, 3_000)
    log = _cached("long", lambda: _generated(n_users, n_items, 100, clicked=False))
    return _interactions(log, n_items)


def grown_clicks(n_users: int) -> Interactions:
    """Return the clicks of the first users of the largest world, 16 per user.

    Parameters
    ----------
    n_users : int
        Number of users.

    Returns
    -------
    Interactions
        Clicks, with the column ``watch_share`` in place of a rating.
    """
    log = _cached("grown", lambda: _generated(sizes()[-1], GROWN_ITEMS, 60, clicked=True))
    return _interactions(log[log["user"] < n_users], GROWN_ITEMS)


def short_histories() -> Interactions:
    """Return about a million clicks, 16 per user.

    Returns
    -------
    Interactions
        Clicks.
    """
    return grown_clicks(800 if small() else 62_000)


def shop_purchases() -> Interactions:
    """Return about 300,000 purchases with a heavy tail, 10 per user on average, half of the users with 6 or fewer.

    The law: item number r (counted from 1) of a category has the weight 1/r, so a few items of each of the 50
    categories sell most, and most items nearly never. A user has three favorite categories, and makes 3 + n purchases,
    where log n is normal with mean 1 and standard deviation 1.2. A purchase is from a favorite category with
    probability 0.7, otherwise from any; within the category it follows the weights. Repeated purchases count once.

    Returns
    -------
    Interactions
        Purchases.
    """
    n_users, n_items = (800, 500) if small() else (30_000, 20_000)
    return _interactions(_cached("shop", lambda: _drawn_purchases(n_users, n_items)), n_items)


def _drawn_purchases(n_users: int, n_items: int, n_categories: int = 50) -> pd.DataFrame:
    """Draw purchases by the law of :func:`shop_purchases`."""
    rng = np.random.default_rng(0)
    size = n_items // n_categories  # items of a category
    n_purchases = np.minimum(3 + rng.lognormal(1.0, 1.2, n_users), n_items // 4).astype(int)
    user = np.repeat(np.arange(n_users), n_purchases)
    favorites = rng.integers(0, n_categories, (n_users, 3))
    category = favorites[user, rng.integers(0, 3, len(user))]
    anywhere = rng.random(len(user)) < 0.3
    category[anywhere] = rng.integers(0, n_categories, anywhere.sum())
    weights = 1 / np.arange(1, size + 1)
    rank = rng.choice(size, len(user), p=weights / weights.sum())
    item = rng.permutation(n_items)[category * size + rank]
    return pd.DataFrame({"user": user, "item": item}).drop_duplicates(ignore_index=True)


def movielens_by_position() -> Interactions:
    """Return MovieLens-100K with users and items counted from 0.

    Returns
    -------
    Interactions
        Ratings.
    """
    data = movielens.load()
    log = pd.DataFrame({"user": data.user_pos, "item": data.item_pos, "rating": data.log["rating"].to_numpy()})
    return _interactions(log[log["user"] < 100] if small() else log, data.n_items)


def _ranking(interactions: Interactions) -> Task:
    """Hold out a fifth of each user's events, and choose a sample of the users for the evaluation."""
    train, test, name = split_per_user(interactions, 0.2, random_state=0)
    rng = np.random.default_rng(0)
    users = np.sort(rng.permutation(interactions.n_users)[:N_TEST_USERS])
    return Task(Split(train, test.take(np.isin(test.user_pos, users)), name), users)


def _random_fifth() -> Task:
    """Hold out a random fifth of MovieLens-100K: the first of the five folds that chapter 05 pools."""
    data = movielens_by_position()
    in_test = np.random.default_rng(0).permutation(len(data)) % 5 == 0
    split = Split(data.take(~in_test), data.take(in_test), "a random fifth, seed 0")
    return Task(split, np.arange(data.n_users), predict=True)


def validation(task: Task) -> Task:
    """Split the training set of a task again, to choose hyperparameters without its test set.

    Parameters
    ----------
    task : Task
        The complete task.

    Returns
    -------
    Task
        A fifth of the training events of the evaluated users is held out.
    """
    train = task.split.train
    inner, held_out, name = split_per_user(train, 0.2, random_state=1)
    evaluated = np.isin(held_out.user_pos, task.users[: N_TEST_USERS // 2])
    return Task(Split(inner, held_out.take(evaluated), name), task.users[: N_TEST_USERS // 2], task.predict)


TASKS = {
    "ratings": ("MovieLens-100K ratings, a random fifth held out, RMSE", _random_fifth),
    "movielens": ("MovieLens-100K, per-user 80/20", lambda: _ranking(movielens_by_position())),
    "long": ("world, 10,500 users x 3,000 items, 1.0M impressions, per-user 80/20", lambda: _ranking(long_histories())),
    "short": ("world, 62,000 users x 600 items, 1.0M clicks, per-user 80/20", lambda: _ranking(short_histories())),
    "shop": ("shop, 30,000 users x 20,000 items, 0.3M purchases, per-user 80/20", lambda: _ranking(shop_purchases())),
}


def first_users(task: Task) -> Task:
    """Return a small task for warming up, with the first users of a task.

    Parameters
    ----------
    task : Task
        The complete task.

    Returns
    -------
    Task
        Events of at most 200 users, and 20 users for the evaluation.
    """
    train, test, name = task.split
    few = [part.take(part.user_pos < 200) for part in (train, test)]
    return Task(Split(few[0], few[1], name), np.arange(20), task.predict)
