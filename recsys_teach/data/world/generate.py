"""Generate a synthetic streaming service with known ground truth: factors, exposure, sequence and labels."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from recsys_teach.data.world.config import (
    ADJECTIVES,
    BLOCK,
    CLICK_INTERCEPT,
    DAY,
    FINISH_INTERCEPT,
    FIRST_ITEM_ID,
    FIRST_ORDER,
    GENRES,
    LAST_ARRIVAL,
    LAST_DAY,
    LIKE_INTERCEPT,
    MAX_IMPRESSIONS,
    NOUNS,
    PROFILE,
    SECOND_ORDER,
    STRETCH,
    WorldConfig,
)
from recsys_teach.data.world.truth import Truth, World, exposure_policy, law_lift, mass_by_genre


def make_world(
    n_users: int = 1_000,
    n_items: int = 600,
    mean_impressions: float = 60.0,
    *,
    random_state: int = 0,
    **config: float,
) -> World:
    """Generate a world.

    With the same seed, the users of a smaller world are the first users of a larger one. Besides the log, at most one
    block of 500 users x n_items is in memory at a time.

    Parameters
    ----------
    n_users, n_items : int
        Number of users and items.
    mean_impressions : float, default=60.0
        Mean length of a user's history before it is capped at 250 impressions.
    random_state : int, default=0
        The seed.
    **config : float
        Other parameters of :class:`WorldConfig`, for example ``sequence_strength=0``.

    Returns
    -------
    World
        The log, the tables and the ground truth.

    Raises
    ------
    TypeError
        If a parameter has the wrong type.
    ValueError
        If a parameter is unknown or out of range.
    """
    unknown = set(config) - {field.name for field in fields(WorldConfig)}
    if unknown:
        raise ValueError(
            f"Expected parameters of WorldConfig, got {min(unknown)!r}. Use one of "
            f"{[field.name for field in fields(WorldConfig)]}."
        )
    checked = WorldConfig(n_users, n_items, mean_impressions, random_state=random_state, **config)  # type: ignore[arg-type]
    item_seed, users_seed = np.random.SeedSequence(random_state).spawn(2)
    catalog = _make_catalog(checked, np.random.default_rng(item_seed))
    starts = range(0, n_users, BLOCK)
    blocks = [
        _make_block(checked, catalog, np.random.default_rng(seed), min(BLOCK, n_users - start), start)
        for start, seed in zip(starts, users_seed.spawn(len(starts)), strict=True)
    ]
    return _assemble(checked, catalog, blocks)


def _days(rng: np.random.Generator, n: int, on_day_0: float) -> np.ndarray:
    """Draw the days on which users or items arrive, shape (n,)."""
    late = rng.random(n) >= on_day_0
    return np.where(late, rng.integers(1, LAST_ARRIVAL + 1, n), 0).astype(np.int16)


def _law_table(rng: np.random.Generator) -> np.ndarray:
    """Draw P(next genre | genre before the last, last genre), shape (12, 12, 12).

    For each last genre, the preferred next genres of the 12 pairs are a permutation of all genres. If all pairs were
    equally frequent, the last genre alone would contain no information beyond ``FIRST_ORDER``. Because the law makes
    some pairs more frequent, it contains slightly more (chapter 08).
    """
    n = len(GENRES)
    second = np.stack([rng.permutation(n) for _ in GENRES], axis=1)  # (genre before the last, last genre)
    first = rng.permutation(n)  # (last,)
    table = np.full((n, n, n), (1 - SECOND_ORDER - FIRST_ORDER) / n)
    table += SECOND_ORDER * np.eye(n)[second] + FIRST_ORDER * np.eye(n)[first]
    return table


def _make_catalog(config: WorldConfig, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw the items, the sequence law, and the effects of the profile on the user factors."""
    n, k = config.n_items, config.n_factors
    remaining = rng.choice(len(GENRES), n - 2 * len(GENRES), p=rng.dirichlet(np.full(len(GENRES), 8.0)))
    genre = rng.permutation(np.concatenate([np.arange(len(GENRES))] * 2 + [remaining]))  # at least two of each genre
    second = (genre + rng.integers(1, len(GENRES), n)) % len(GENRES)
    second = np.where(rng.random(n) < 0.4, second, -1)
    release_day = _days(rng, n, on_day_0=0.7)
    log_popularity = rng.normal(0, 1.7, n)
    quality = rng.normal(0, 0.4, n)
    directions = rng.normal(size=(2, len(GENRES), k))  # first axis: factors of click, independent factors of finish
    individual = rng.normal(size=(2, n, k)) / np.sqrt(k)
    mixture = directions[:, genre] + 0.6 * (second >= 0)[:, None] * directions[:, second]
    mixture /= np.linalg.norm(mixture, axis=2, keepdims=True)
    factors = np.sqrt(config.content_strength) * mixture + np.sqrt(1 - config.content_strength) * individual
    correlation = config.task_correlation
    return {
        "genre": genre.astype(np.int8),
        "second_genre": second.astype(np.int8),
        "release_day": release_day,
        "minutes": rng.integers(20, 150, n),
        "log_popularity": log_popularity.astype(np.float32),
        "quality": quality.astype(np.float32),
        "item_factors": factors[0].astype(np.float32),
        "finish_factors": (correlation * factors[0] + np.sqrt(1 - correlation**2) * factors[1]).astype(np.float32),
        "next_genre": _law_table(rng),
        "profile_means": rng.normal(0, np.sqrt(1 / len(PROFILE)), size=(len(PROFILE), 4, k)),
        "sensitive_mean": _unit(rng.normal(size=k)),
    }


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def _make_users(config: WorldConfig, catalog: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw one block of users: profile, factors, arrival day, and length of the history."""
    profile = rng.integers(0, 4, size=(BLOCK, len(PROFILE)))
    ill = rng.random(BLOCK) < 0.2
    mean = catalog["profile_means"][np.arange(len(PROFILE)), profile].sum(axis=1)
    individual = rng.normal(size=(BLOCK, config.n_factors))
    factors = np.sqrt(config.profile_strength) * mean + np.sqrt(1 - config.profile_strength) * individual
    factors += config.sensitive_strength * (ill - 0.2)[:, None] * catalog["sensitive_mean"]
    spread = 0.75
    length = rng.lognormal(np.log(config.mean_impressions) - spread**2 / 2, spread, BLOCK)
    longest = min(MAX_IMPRESSIONS, int((catalog["release_day"] == 0).sum()))  # so that an item to show always remains
    return {
        "profile": profile.astype(np.int8),
        "chronic_illness": ill,
        "arrival_day": _days(rng, BLOCK, on_day_0=0.6),
        "user_factors": factors.astype(np.float32),
        "n_impressions": np.clip(np.rint(length), 2, longest).astype(np.int16),
    }


def _draw_times(users: dict[str, np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Draw the increasing times of the impressions in sessions of about eight, shape (n, MAX_IMPRESSIONS)."""
    shape = (BLOCK, MAX_IMPRESSIONS)
    gap, pause, starts = rng.exponential(90.0, shape), rng.exponential(1.0, shape), rng.random(shape) < 1 / 8
    n = len(users["n_impressions"])
    within = np.cumsum(20 + gap[:n], axis=1)
    starts[:, 0] = True
    between = np.cumsum(pause[:n] * starts[:n], axis=1)
    last = between[np.arange(n), users["n_impressions"] - 1] + pause[:n].mean(axis=1)
    arrival = users["arrival_day"].astype(float) * DAY
    span = LAST_DAY * DAY - arrival
    return (arrival[:, None] + span[:, None] * between / last[:, None] + within).astype(np.int64)


def _draw_items(
    config: WorldConfig,
    catalog: dict[str, np.ndarray],
    users: dict[str, np.ndarray],
    time: np.ndarray,
    uniform: np.ndarray,
) -> np.ndarray:
    """Draw the items shown, step by step, by inverting each user's cumulative weights; the shape is as ``time``."""
    longest_first = np.argsort(-users["n_impressions"], kind="stable")  # users active in a step are the first rows
    length, time, uniform = users["n_impressions"][longest_first], time[longest_first], uniform[longest_first]
    affinity = users["user_factors"][longest_first].astype(float) @ catalog["item_factors"].T.astype(float)
    available = exposure_policy(config.taste_strength * affinity, catalog["log_popularity"], config)
    genre, release = catalog["genre"].astype(np.intp), catalog["release_day"].astype(np.int64) * DAY
    genre_mass = mass_by_genre(available, genre)
    padding = (0, -len(genre) % STRETCH)  # items that are never shown, so that all stretches have the same length
    available = np.pad(available, ((0, 0), padding))
    genre, release = np.pad(genre, padding), np.pad(release, padding)
    items = np.zeros(time.shape, dtype=np.int32)
    for step in range(length[0]):
        active = np.count_nonzero(length > step)
        law = genre_mass[:active]
        if step >= 2:
            law = catalog["next_genre"][genre[items[:active, step - 2]], genre[items[:active, step - 1]]]
        lift = law_lift(law, genre_mass[:active], config.sequence_strength)
        weights = np.take(lift, genre, axis=1) * available[:active]
        if (time[:active, step] < release.max()).any():
            weights *= release <= time[:active, step, None]
        items[:active, step] = _invert(weights, uniform[:active, step])
        available[np.arange(active), items[:active, step]] = 0.0  # an item is shown to a user at most once
    return items[np.argsort(longest_first)]  # in the original order of the users


def _invert(weights: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Draw one column per row in proportion to the weights: first the stretch of columns, then the column in it."""
    stretches = weights.reshape(len(weights), -1, STRETCH)
    ends = np.cumsum(stretches.sum(axis=2), axis=1)
    drawn = uniform * ends[:, -1]
    stretch = (ends > drawn[:, None]).argmax(axis=1)
    rows = np.arange(len(weights))
    inside = np.cumsum(stretches[rows, stretch], axis=1)
    remainder = drawn - ends[rows, stretch] + inside[:, -1]
    remainder = np.minimum(remainder, inside[:, -1] * (1 - 1e-12))  # rounding must not exceed the last weight
    return stretch * STRETCH + (inside > remainder[:, None]).argmax(axis=1)


def _draw_labels(
    config: WorldConfig,
    catalog: dict[str, np.ndarray],
    factors: np.ndarray,
    items: np.ndarray,
    normal: np.ndarray,
    uniform: np.ndarray,
) -> dict[str, np.ndarray]:
    """Draw the labels of each impression from the noise ``normal`` (2, n_events) and ``uniform`` (4, n_events)."""
    factors = config.taste_strength * factors.astype(float)
    affinity = np.einsum("ek,ek->e", factors, catalog["item_factors"][items])
    finish_affinity = np.einsum("ek,ek->e", factors, catalog["finish_factors"][items])
    hidden = config.confounding * normal[0]
    click = uniform[0] < expit(CLICK_INTERCEPT + affinity + catalog["quality"][items] + hidden)
    finish = click & (uniform[1] < expit(FINISH_INTERCEPT + finish_affinity + hidden))
    like = click & (uniform[2] < expit(LIKE_INTERCEPT + finish_affinity))
    unfinished = np.clip(0.9 * expit(finish_affinity + normal[1]), 0.001, 0.9)
    share = np.where(finish, 0.901 + 0.098 * uniform[3], unfinished)
    return {
        "click": click,
        "watch_share": np.where(click, share, 0).round(3).astype(np.float32),
        "finish": finish,
        "like": like,
    }


def _make_block(
    config: WorldConfig, catalog: dict[str, np.ndarray], rng: np.random.Generator, n: int, start: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Generate the first ``n`` users of a block; the noise of a full block is drawn, so it does not depend on ``n``."""
    users = {name: values[:n] for name, values in _make_users(config, catalog, rng).items()}
    time = _draw_times(users, rng)
    uniform = rng.random((5, BLOCK, MAX_IMPRESSIONS))[:, :n]
    normal = rng.normal(size=(2, BLOCK, MAX_IMPRESSIONS))[:, :n]
    items = _draw_items(config, catalog, users, time, uniform[4])
    user, step = np.nonzero(np.arange(MAX_IMPRESSIONS) < users["n_impressions"][:, None])
    shown = items[user, step]
    labels = _draw_labels(
        config, catalog, users["user_factors"][user], shown, normal[:, user, step], uniform[:4, user, step]
    )
    ids = {"user": (start + 1 + user).astype(np.int64), "item": (FIRST_ITEM_ID + shown).astype(np.int64)}
    return users, {**ids, "time": time[user, step], **labels}


def _titles(genre: np.ndarray) -> list[str]:
    """Build the title of each item: an adjective, a noun of its genre, and a number once all pairs are used."""
    titles, used = [], [0] * len(GENRES)
    for g in genre.tolist():
        k, used[g] = used[g], used[g] + 1
        noun = NOUNS[GENRES[g]].split()[(k // 20 + k) % 5]
        number = f" {k // 100 + 1}" if k >= 100 else ""
        titles.append(f"{ADJECTIVES[(7 * k + g) % 20]} {noun}{number}")
    return titles


def _item_table(catalog: dict[str, np.ndarray]) -> pd.DataFrame:
    """Build the table of items, indexed by item id."""
    names = np.array([*GENRES, ""], dtype=object)  # position -1, no second genre, becomes ""
    columns = {
        "title": _titles(catalog["genre"]),
        "genre": names[catalog["genre"]],
        "second_genre": names[catalog["second_genre"]],
        "release_day": catalog["release_day"].astype(np.int64),
        "minutes": catalog["minutes"],
    }
    ids = pd.RangeIndex(FIRST_ITEM_ID, FIRST_ITEM_ID + len(columns["title"]), name="item")
    return pd.DataFrame(columns, index=ids)


def _user_table(users: dict[str, np.ndarray]) -> pd.DataFrame:
    """Build the table of users, indexed by user id."""
    columns: dict[str, Any] = {
        name: np.array(values, dtype=object)[users["profile"][:, column]]
        for column, (name, values) in enumerate(PROFILE.items())
    }
    columns["chronic_illness"] = users["chronic_illness"]
    columns["arrival_day"] = users["arrival_day"].astype(np.int64)
    return pd.DataFrame(columns, index=pd.RangeIndex(1, len(columns["arrival_day"]) + 1, name="user"))


def _assemble(config: WorldConfig, catalog: dict[str, np.ndarray], blocks: list[tuple[dict, dict]]) -> World:
    """Concatenate the blocks, and sort the log by time (and by user within a second)."""
    users = {name: np.concatenate([block[0][name] for block in blocks]) for name in blocks[0][0]}
    # pop releases each column as soon as it is copied, so that a large log is not in memory twice
    log = {name: np.concatenate([block[1].pop(name) for block in blocks]) for name in list(blocks[0][1])}
    order = np.argsort(log["time"], kind="stable")
    drawn = {**catalog, **users}
    arrays = {field.name: drawn[field.name] for field in fields(Truth) if field.name != "config"}
    impressions = pd.DataFrame({name: log.pop(name)[order] for name in list(log)})
    return World(impressions, _user_table(users), _item_table(catalog), Truth(config, **arrays))
