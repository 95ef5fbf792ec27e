"""Chapter 19, Serve and keep safe."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from recsys_teach.learn.schema import Chapter, Decision, Exercise, Prediction, Question

LISTS = {7: [30, 10, 20], 12: [40, 50]}
LONG = {0: list(range(100, 115)), 3: [5]}
R_SMALL = np.array([[4, 0, 2], [5, 3, 0]])
R_FOUR = np.array([[4, 0, 2, 5], [5, 3, 0, 0], [0, 4, 1, 0], [3, 0, 0, 0]])
R_WIDE = np.array([[1, 0, 5, 0, 2], [1, 0, 4, 0, 5], [2, 0, 0, 3, 0]])
CHAIN = [(5, 5), (1, 36), (8, 60), (0, 20)]  # 7 · 0 + 5 = 5, 7 · 5 + 1 = 36, 7 · 36 + 8 = 260, 7 · 60 + 0 = 420


def handle(query: dict[str, str], lists: dict[int, list[int]]) -> tuple[int, list[int]]:
    """Answer a request for a list."""
    user, k = query.get("user", ""), query.get("k", "10")
    if not user.isdecimal() or not k.isdecimal() or int(k) < 1:
        return 422, []
    return (200, lists[int(user)][: int(k)]) if int(user) in lists else (404, [])


def sample_size(p_old: float, p_new: float, z: float) -> int:
    """Compute the number of people in each group of an A/B test."""
    return math.ceil(_exact_size(p_old, p_new, z))


def _exact_size(p_old: float, p_new: float, z: float) -> float:
    return z**2 * (p_old * (1 - p_old) + p_new * (1 - p_new)) / (p_new - p_old) ** 2


def fake_profile(ratings: np.ndarray, target: int, filler: Sequence[int], high: int) -> np.ndarray:
    """Build the profile of one fake user for the average attack."""
    return _profile(ratings, target, filler, high, _means(ratings))


def _means(ratings: np.ndarray) -> np.ndarray:
    counts = (ratings > 0).sum(axis=0)
    return np.where(counts > 0, ratings.sum(axis=0) / np.maximum(counts, 1), ratings[ratings > 0].mean())


def _profile(ratings: np.ndarray, target: int, filler: Sequence[int], high: float, values: Any) -> np.ndarray:
    profile = np.zeros(ratings.shape[1])
    chosen = list(filler)
    profile[chosen] = np.rint(np.broadcast_to(values, profile.shape)[chosen])
    profile[target] = high
    return profile


def deviation(ratings: np.ndarray) -> np.ndarray:
    """Compute the rating deviation from mean agreement of each user."""
    counts = np.maximum((ratings > 0).sum(axis=0), 1)
    return _mean_known(np.abs(ratings - ratings.sum(axis=0) / counts) / counts, ratings)


def _mean_known(parts: np.ndarray, ratings: np.ndarray) -> np.ndarray:
    known = ratings > 0
    return (parts * known).sum(axis=1) / np.maximum(known.sum(axis=1), 1)


def _deviation(ratings: np.ndarray, power: float = 1.0, change: Any = np.abs) -> np.ndarray:
    counts = np.maximum((ratings > 0).sum(axis=0), 1)
    return _mean_known(change(ratings - ratings.sum(axis=0) / counts) / counts**power, ratings)


def intact(lines: Sequence[tuple[int, int]]) -> int:
    """Count the lines from the start that follow from each other, with the toy digest of the chapter."""
    before = 0
    for position, (entry, digest) in enumerate(lines):
        if (7 * before + entry) % 100 != digest:
            return position
        before = digest
    return len(lines)


def _matches(lines: Sequence[tuple[int, int]]) -> list[bool]:
    """Say of each line whether it follows from the stored digest before it."""
    stored = [0, *(digest for _, digest in lines)]
    return [(7 * before + entry) % 100 == digest for before, (entry, digest) in zip(stored, lines, strict=False)]


def allowed(times: Sequence[float], capacity: float, rate: float) -> list[bool]:
    """Decide by a token bucket which requests are answered."""
    return _bucket(times, capacity, rate)


def _bucket(
    times: Sequence[float],
    capacity: float,
    rate: float,
    *,
    start: float | None = None,
    cap: bool = True,
    pay_always: bool = False,
    strict: bool = False,
) -> list[bool]:
    tokens, last, answers = capacity if start is None else start, 0.0, []
    for now in times:
        tokens += (now - last) * rate
        tokens = min(tokens, capacity) if cap else tokens
        last = now
        answers.append(bool(tokens > 1 if strict else tokens >= 1))
        tokens -= answers[-1] or pay_always
    return answers


def _from_zero(times: Sequence[float], capacity: float, rate: float) -> list[bool]:
    """Refill by the time since 0 at each request, a mistake."""
    tokens, answers = float(capacity), []
    for now in times:
        tokens = min(capacity, tokens + rate * now)
        answers.append(bool(tokens >= 1))
        tokens -= answers[-1]
    return answers


def _draw_query(rng: np.random.Generator) -> tuple:
    lists = {int(u): rng.permutation(90)[:12].tolist() for u in rng.permutation(40)[:3]}
    return {"user": str(rng.choice([*lists])), "k": str(rng.integers(1, 15))}, lists


def _draw_ratings(rng: np.random.Generator) -> np.ndarray:
    ratings = rng.integers(1, 6, (7, 5)) * (rng.random((7, 5)) < 0.6)
    ratings[0] = [5, 4, 1, 3, 2]
    return ratings


def _draw_profile(rng: np.random.Generator) -> tuple:
    ratings = _draw_ratings(rng)
    means = _means(ratings)
    far = np.flatnonzero(np.abs(means - np.floor(means) - 0.5) > 0.01)  # no mean exactly between two ratings
    return ratings, int(rng.integers(5)), far.tolist(), 5


def _draw_chain(rng: np.random.Generator) -> tuple:
    lines, before = [], 0
    for entry in rng.integers(0, 50, 8).tolist():
        before = (7 * before + entry) % 100
        lines.append((entry, before))
    at = int(rng.integers(8))
    lines[at] = (lines[at][0] + 1, lines[at][1])
    return (lines,)


def _draw_times(rng: np.random.Generator) -> tuple:
    return (np.cumsum(rng.integers(0, 5, 9)) / 4).tolist(), int(rng.integers(1, 4)), float(rng.choice([0.5, 1, 2]))


CHAPTER = Chapter(
    number="19",
    title="Serve and keep safe",
    objectives={
        "O19.1": "Turn a fitted model into a service that answers, refuses bad requests and agrees with training",
        "O19.2": "Compute how many people an A/B test needs before it starts",
        "O19.3": "Push an item with fake profiles, and say which models can be pushed",
        "O19.4": "Find fake profiles by statistics, and say what such a detector can and cannot promise",
        "O19.5": "Name the threats to a service, with a measure against each and a test that shows the measure",
    },
    exercises=[
        Exercise(
            "19.1",
            "A handler",
            objective="O19.1",
            level="warm-up",
            minutes=10,
            reference=handle,
            cases=[
                ({"user": "7", "k": "2"}, LISTS),
                ({"user": "12", "k": "5"}, LISTS),
                ({"user": "8", "k": "2"}, LISTS),
                ({"k": "2"}, LISTS),
                ({"user": "seven", "k": "2"}, LISTS),
                ({"user": "7", "k": "0"}, LISTS),
                ({"user": "7", "k": "-1"}, LISTS),
                ({"user": "7", "k": "1.5"}, LISTS),
                ({"user": "-7"}, LISTS),
                ({"user": ""}, LISTS),
                ({"user": "0"}, LONG),
                ({"user": "3", "k": "1"}, LONG),
                ({"user": "99", "k": "many"}, LONG),
                ({"user": "1"}, {}),
            ],
            draw=_draw_query,
            properties={
                "Return two things: the status and the list of ids, for example 404, [].": lambda args, result: (
                    isinstance(result, tuple | list) and len(result) == 2
                ),
                "The status is not one of the three numbers of the contract.": lambda args, result: (
                    result[0] in (200, 404, 422)
                ),
            },
            why="Whatever the client sends, the answer is a status and a list: the service never stops.",
            hints=(
                "Three questions in this order: are the texts whole numbers, is k at least 1, is the user known?",
                'query.get("k", "10") is "10" if there is no k. text.isdecimal() says whether int(text) works.',
                "if a text is not decimal or int(k) < 1: return 422, []. Then look whether int(user) is in lists.",
            ),
            misconceptions={
                "An unknown user got status 200. An empty list that looks like an answer hides the mistake: 404.": (
                    lambda query, lists: handle(query, lists) if handle(query, lists)[0] != 404 else (200, [])
                ),
                "A request that cannot be understood got status 404. That number is for a user who is unknown; "
                "a bad text gets 422.": lambda query, lists: (
                    handle(query, lists) if handle(query, lists)[0] == 200 else (404, [])
                ),
                "An unknown user got status 422. The request is well formed, so the number is 404.": (
                    lambda query, lists: handle(query, lists) if handle(query, lists)[0] == 200 else (422, [])
                ),
                "You returned all items of the user. The request asks for k of them.": lambda query, lists: (
                    (200, lists[int(query["user"])]) if handle(query, lists)[0] == 200 else handle(query, lists)
                ),
                "k = 0 got an answer. A list has at least one place, so the status is 422.": lambda query, lists: (
                    (200, []) if query.get("k") == "0" else handle(query, lists)
                ),
                "A request without k was refused. It is optional, with the value 10.": lambda query, lists: (
                    handle(query, lists) if "k" in query else (422, [])
                ),
                "A request without k got all items. Without k, the list has at most 10.": lambda query, lists: handle(
                    {"k": "1000", **query}, lists
                ),
                "Every user is unknown. In the query the user is a text, in lists a whole number: use int(user).": (
                    lambda query, lists: (404, []) if handle(query, lists)[0] == 200 else handle(query, lists)
                ),
                "A negative number was accepted. lists[user][:-1] leaves out the last item, and k is not a length.": (
                    lambda query, lists: (
                        (200, lists[int(query["user"])][: int(query["k"])])
                        if query.get("k", "") == "-1"
                        else handle(query, lists)
                    )
                ),
                "The user was checked before the texts. A bad k gets 422 whoever asks.": lambda query, lists: (
                    (404, [])
                    if query.get("user", "").isdecimal() and int(query["user"]) not in lists
                    else handle(query, lists)
                ),
            },
        ),
        Exercise(
            "19.2",
            "How many people?",
            objective="O19.2",
            level="core",
            minutes=8,
            reference=sample_size,
            cases=[
                (0.2, 0.3, 2.8),
                (0.05, 0.06, 2.8),
                (0.3, 0.25, 2.8),
                (0.01, 0.013, 3.24),
                (0.5, 0.9, 2.8),
            ],
            draw=lambda rng: (float(rng.uniform(0.05, 0.3)), float(rng.uniform(0.35, 0.6)), 2.8),
            properties={
                "The number is negative. The difference is squared, so its sign cannot matter.": lambda args, n: (
                    not np.isscalar(n) or n >= 0
                ),
            },
            why="Noise of the difference: the two variances added. Signal: the squared difference.",
            hints=(
                "Three parts: the sum of two variances p(1 − p), the squared difference, and z squared.",
                "math.ceil rounds up: half a person more cannot be asked, and half a person less is too few.",
            ),
            misconceptions={
                "Your result is not rounded up to a whole number of people. Use math.ceil.": _exact_size,
                "You rounded down. With one person less the test is a little too weak: math.ceil.": (
                    lambda p_old, p_new, z: math.floor(_exact_size(p_old, p_new, z))
                ),
                "You computed both groups together. The contract asks for the people in each group.": (
                    lambda p_old, p_new, z: 2 * sample_size(p_old, p_new, z)
                ),
                "The difference of the rates is not squared.": lambda p_old, p_new, z: math.ceil(
                    _exact_size(p_old, p_new, z) * abs(p_new - p_old)
                ),
                "z is not squared.": lambda p_old, p_new, z: math.ceil(_exact_size(p_old, p_new, z) / z),
                "You used the variance of the old rate for both groups. The new group has its own: "
                "p_new · (1 − p_new).": lambda p_old, p_new, z: math.ceil(
                    2 * z**2 * p_old * (1 - p_old) / (p_new - p_old) ** 2
                ),
                "You used the variance of the new rate for both groups. Add p_old · (1 − p_old) once.": (
                    lambda p_old, p_new, z: math.ceil(2 * z**2 * p_new * (1 - p_new) / (p_new - p_old) ** 2)
                ),
                "You used one of the two variances. The difference of two rates has the noise of both: add them.": (
                    lambda p_old, p_new, z: math.ceil(z**2 * p_old * (1 - p_old) / (p_new - p_old) ** 2)
                ),
                "You used the variance at the mean of the two rates. It is near, but the formula has one for each.": (
                    lambda p_old, p_new, z: math.ceil(
                        2 * z**2 * (p_old + p_new) / 2 * (1 - (p_old + p_new) / 2) / (p_new - p_old) ** 2
                    )
                ),
                "You added standard deviations, square roots of p(1 − p). Add the variances.": (
                    lambda p_old, p_new, z: math.ceil(
                        z**2 * (math.sqrt(p_old * (1 - p_old)) + math.sqrt(p_new * (1 - p_new))) / (p_new - p_old) ** 2
                    )
                ),
            },
        ),
        Exercise(
            "19.3",
            "A fake profile",
            objective="O19.3",
            level="core",
            minutes=10,
            reference=fake_profile,
            cases=[
                (R_FOUR, 3, [0, 2], 5),
                (R_FOUR, 2, [0, 1], 5),
                (R_WIDE, 0, [2, 3], 5),
                (R_WIDE, 2, [1, 2, 0], 5),
                (R_WIDE, 4, [], 10),
                (np.array([[3], [1]]), 0, [], 4),
            ],
            draw=_draw_profile,
            properties={
                "A profile is one row: one number for each film.": lambda args, profile: (
                    np.shape(profile) == (args[0].shape[1],)
                ),
                "The pushed film does not have the highest rating.": lambda args, profile: (
                    np.asarray(profile)[args[1]] == args[3]
                ),
                "There is a NaN: a film without ratings has no mean. Use the mean of all ratings for it.": (
                    lambda args, profile: not np.isnan(np.asarray(profile, dtype=float)).any()
                ),
                "A film that is neither filler nor target has a rating. Begin with zeros.": lambda args, profile: (
                    not np.any(np.delete(np.asarray(profile), [args[1], *args[2]]))
                ),
            },
            why="The fillers agree with everybody, so the profile looks ordinary apart from one rating.",
            hints=(
                "Begin with np.zeros(n_items). Fill the fillers, then the target, so that the target wins.",
                "The mean of film i: ratings[:, i] without the zeros, that is column[column > 0].mean().",
                "np.rint rounds. For a film that nobody rated, take ratings[ratings > 0].mean().",
            ),
            misconceptions={
                "Your means count the zeros, which are unknown ratings. Take the mean of the entries above 0.": (
                    lambda ratings, target, filler, high: _profile(ratings, target, filler, high, ratings.mean(axis=0))
                ),
                "All fillers have the mean of all ratings. That is the random attack; the average attack uses the "
                "mean of each film.": lambda ratings, target, filler, high: _profile(
                    ratings, target, filler, high, ratings[ratings > 0].mean()
                ),
                "The fillers are not rounded. A rating of 3.67 would be seen at once.": (
                    lambda ratings, target, filler, high: np.where(
                        np.isin(np.arange(ratings.shape[1]), [*filler]) & (np.arange(ratings.shape[1]) != target),
                        _means(ratings),
                        _profile(ratings, target, [], high, 0),
                    )
                ),
                "The fillers have the highest rating. They should look like the ratings of everybody.": (
                    lambda ratings, target, filler, high: _profile(ratings, target, filler, high, high)
                ),
                "You rounded down. Use np.rint, which takes the nearest whole number.": (
                    lambda ratings, target, filler, high: _profile(
                        ratings, target, filler, high, np.floor(_means(ratings))
                    )
                ),
                "The fillers are missing: only the target has a rating.": (
                    lambda ratings, target, filler, high: _profile(ratings, target, [], high, 0)
                ),
                "A film that nobody rated has 0, which means unknown. Use the mean of all ratings for it.": (
                    lambda ratings, target, filler, high: _profile(
                        ratings, target, filler, high, np.where((ratings > 0).any(axis=0), _means(ratings), 0)
                    )
                ),
            },
        ),
        Exercise(
            "19.4",
            "Rating deviation from mean agreement",
            objective="O19.4",
            level="core",
            minutes=12,
            reference=deviation,
            cases=[
                (R_SMALL,),
                (R_FOUR,),
                (R_WIDE,),
                (np.array([[5, 0, 1], [0, 0, 0], [2, 4, 3], [1, 2, 5]]),),
                (np.array([[3]]),),
            ],
            draw=lambda rng: (_draw_ratings(rng),),
            properties={
                "You returned a number for each film. The statistic belongs to users: one number for each row.": (
                    lambda args, found: np.shape(found) != (args[0].shape[1],) or args[0].shape[0] == args[0].shape[1]
                ),
                "There is a NaN: a user without ratings divides by 0. The contract asks for 0.": lambda args, found: (
                    not np.isnan(np.asarray(found, dtype=float)).any()
                ),
                "A deviation is negative. Take the absolute value of each difference.": lambda args, found: bool(
                    (np.asarray(found, dtype=float) > -1e-9).all()
                ),
            },
            why="Disagreement about a film that few people rated counts most, and pushed films are such films.",
            hints=(
                "Two numbers for each film: its mean over known ratings, and how many they are.",
                "known = ratings > 0; counts = known.sum(axis=0); np.maximum(counts, 1) avoids a division by 0.",
                "parts = np.abs(ratings - means) / counts, then the mean of parts over the known films of a row.",
            ),
            misconceptions={
                "Your film means count the zeros, which are unknown ratings.": lambda ratings: _mean_known(
                    np.abs(ratings - ratings.mean(axis=0)) / np.maximum((ratings > 0).sum(axis=0), 1), ratings
                ),
                "The division by the film's number of ratings is missing.": lambda ratings: _deviation(ratings, 0.0),
                "You divided by the number of ratings twice, or by its square. Divide once.": lambda ratings: (
                    _deviation(ratings, 2.0)
                ),
                "You added up the parts. Divide by the number of films that the user rated.": lambda ratings: (
                    deviation(ratings) * (ratings > 0).sum(axis=1)
                ),
                "You divided by the number of all films. Divide by the number that the user rated.": lambda ratings: (
                    deviation(ratings) * (ratings > 0).mean(axis=1)
                ),
                "You squared the differences. Take their absolute value.": lambda ratings: _deviation(
                    ratings, change=np.square
                ),
                "Differences with opposite signs cancel in your sum. Take absolute values before the mean.": (
                    lambda ratings: np.abs(_deviation(ratings, change=lambda gap: gap))
                ),
                "The zeros of a row count as ratings in your sum. Only films that the user rated count.": (
                    lambda ratings: (
                        np.abs(ratings - ratings.sum(axis=0) / np.maximum((ratings > 0).sum(axis=0), 1))
                        / np.maximum((ratings > 0).sum(axis=0), 1)
                    ).mean(axis=1)
                ),
                "You compared with the user's mean rating. Compare each rating with the mean of its film.": (
                    lambda ratings: _mean_known(
                        np.abs(ratings - (ratings.sum(axis=1) / np.maximum((ratings > 0).sum(axis=1), 1))[:, None])
                        / np.maximum((ratings > 0).sum(axis=0), 1),
                        ratings,
                    )
                ),
            },
        ),
        Exercise(
            "19.5",
            "Where does the chain break?",
            objective="O19.5",
            level="core",
            minutes=8,
            reference=intact,
            cases=[
                (CHAIN,),
                ([(5, 5), (2, 36), (8, 60), (0, 20)],),
                ([(6, 5), (1, 36), (8, 60)],),
                ([(5, 5), (1, 36), (9, 60)],),
                ([(5, 5), (8, 60), (0, 20)],),
                ([(5, 5), (1, 37), (8, 60), (0, 20), (3, 43)],),
                ([],),
                ([(0, 0)],),
                ([(3, 4)],),
            ],
            draw=_draw_chain,
            properties={
                "You returned True or False. The contract asks how many lines are intact.": lambda args, n: (
                    not isinstance(n, bool | np.bool_)
                ),
            },
            why="Each line is checked against the stored digest before it, and the first break ends the count.",
            hints=(
                "Keep the digest before a line in a variable that begins with 0.",
                "for position, (entry, digest) in enumerate(lines): compare (7 * before + entry) % 100 with digest.",
                "At the first difference return position; after the loop return len(lines).",
            ),
            misconceptions={
                "You counted all lines that follow from the line before. After the first break nothing is certain: "
                "stop there.": lambda lines: sum(_matches(lines)),
                "Your count is one too many: the broken line itself is not intact.": lambda lines: (
                    intact(lines) + (intact(lines) < len(lines))
                ),
                "Each line was checked without the digest before it. That digest is the chain: 7 · before + entry.": (
                    lambda lines: next(
                        (i for i, (entry, digest) in enumerate(lines) if entry % 100 != digest), len(lines)
                    )
                ),
                "The first line was not checked. It follows from 0.": lambda lines: next(
                    (i for i, match in enumerate(_matches(lines)) if i and not match), len(lines)
                ),
                "The remainder is missing: digests have two digits, so take % 100.": lambda lines: next(
                    (
                        i
                        for i, (entry, digest) in enumerate(lines)
                        if 7 * ([0, *(d for _, d in lines)][i]) + entry != digest
                    ),
                    len(lines),
                ),
                "The last line was not checked.": lambda lines: (
                    intact(lines[:-1]) + (intact(lines[:-1]) == max(len(lines) - 1, 0) and len(lines) > 0)
                ),
                "You returned the number of broken lines. The contract asks how many are intact before the first "
                "break.": lambda lines: len(lines) - sum(_matches(lines)),
            },
        ),
        Exercise(
            "19.6",
            "A token bucket",
            objective="O19.5",
            level="core",
            minutes=12,
            reference=allowed,
            cases=[
                ([0, 0, 0, 0], 3, 1.0),
                ([0, 0, 0.5, 1, 1], 1, 1.0),
                ([0, 0, 0, 10, 10, 10], 2, 0.5),
                ([5, 5, 5], 2, 1.0),
                ([0, 0, 0, 0, 1, 1.5, 4], 2, 0.5),
                ([0, 1, 2, 3], 1, 0.25),
                ([], 2, 1.0),
            ],
            draw=_draw_times,
            properties={
                "The result has another length than the times: one answer for each request.": lambda args, answers: (
                    len(answers) == len(args[0])
                ),
            },
            why="The bucket allows a burst of its size, and in the long run no more than its rate.",
            hints=(
                "Two variables: how many tokens there are, and when they were last counted.",
                "First refill: tokens = min(capacity, tokens + rate * (now - last)). Then look whether there is one.",
                "if tokens >= 1: tokens -= 1 and append True; otherwise append False. In both cases last = now.",
            ),
            misconceptions={
                "The bucket grows without limit. It has at most `capacity` tokens: min(capacity, ...).": (
                    lambda times, capacity, rate: _bucket(times, capacity, rate, cap=False)
                ),
                "The first request is refused. The bucket is full at time 0.": lambda times, capacity, rate: _bucket(
                    times, capacity, rate, start=0
                ),
                "A refused request took a token. Only an answered one pays.": lambda times, capacity, rate: _bucket(
                    times, capacity, rate, pay_always=True
                ),
                "The last full token was not used: compare with >= 1, not with > 1.": lambda times, capacity, rate: (
                    _bucket(times, capacity, rate, strict=True)
                ),
                "Nothing was refilled: the bucket stays empty after its first tokens.": lambda times, capacity, rate: (
                    _bucket(times, capacity, 0.0)
                ),
                "Every request was answered. Take one token for each.": lambda times, capacity, rate: (
                    [True] * len(times)
                ),
                "One token was added for each second, whatever the rate.": lambda times, capacity, rate: _bucket(
                    times, capacity, 1.0
                ),
                "The refill counts from time 0 each time, not from the request before.": (
                    lambda times, capacity, rate: _from_zero(times, capacity, rate)
                ),
            },
        ),
    ],
    decisions=[
        Decision(
            "19.A",
            "Three services, three mistakes",
            objective="O19.1",
            minutes=6,
            replies={
                "A": {
                    "order": "With columns in another order hardly any list could agree. A agrees for half of the "
                    "people.",
                    "event": "",
                    "cut": "A agrees for people with long histories if nothing is new. A cut would hurt them.",
                },
                "B": {
                    "order": "",
                    "event": "A forgotten event cannot hurt people who have none, and here nobody agrees.",
                    "cut": "A cut cannot hurt people with short histories, and here nobody agrees.",
                },
                "C": {
                    "order": "C agrees for all people with short histories, so the columns are in order.",
                    "event": "C agrees for people with a new event if the history is short, so the event is used.",
                    "cut": "",
                },
            },
            why="A mistake in how a row is built hurts exactly the people whose row it changes.",
            hints=(
                "For each mistake: whose row does it change? Only then look at the table.",
                "Which service agrees for every person without a new event? Which for every short history?",
            ),
        ),
        Decision(
            "19.B",
            "A flag is not a proof",
            objective="O19.4",
            minutes=6,
            replies={
                "share": {
                    "0.03": "",
                    "0.5": "Count both kinds of flagged people: the fake ones, and 1 % of all real ones.",
                    "0.97": "That is the share of real people among the flagged ones.",
                    "0.99": "99 % of the real people are not flagged. The question is about those who are.",
                },
                "action": {
                    "delete": "Of 1,030 flagged people 1,000 are real. Their ratings would be lost.",
                    "look": "",
                    "ignore": "All fake people are among the flagged ones: 1,030 are fewer to look at than 100,030.",
                },
            },
            why="A rare thing is rare among the alarms, too: the base rate decides.",
            hints=(
                "How many real people are flagged? How many fake ones?",
                "1 % of 100,000 is 1,000. Divide the fake flagged people by all flagged people.",
            ),
        ),
        Decision(
            "19.C",
            "Which measure helps?",
            objective="O19.5",
            minutes=5,
            replies={
                "stolen laptop": {
                    "encryption": "",
                    "digest": "A digest shows a change. The thief reads, and changes nothing.",
                    "limit": "The thief does not send requests. The disk is in front of them.",
                    "film check": "No rating was added.",
                },
                "replaced model": {
                    "encryption": "A colleague who may write the folder has the key, or does not need it.",
                    "digest": "",
                    "limit": "One write is enough, and no request was sent.",
                    "film check": "No rating was added: the weights were changed.",
                },
                "copied lists": {
                    "encryption": "The lists are sent to whoever asks; on the way they may be encrypted.",
                    "digest": "Nothing was changed.",
                    "limit": "",
                    "film check": "No rating was added.",
                },
                "praised film": {
                    "encryption": "The fake ratings arrive through the front door, encrypted like all others.",
                    "digest": "The file is the one that was trained, and it was trained on fake ratings.",
                    "limit": "Thirty accounts with fifty ratings each are few requests.",
                    "film check": "",
                },
            },
            why="Each measure helps against one kind of event, and none of them helps against all four.",
            hints=(
                "What does the attacker do in each case: read, change, ask, or rate?",
                "Encryption hides stored bytes; a digest shows a change; a limit slows requests; the film check reads "
                "ratings.",
            ),
        ),
    ],
    predictions=[
        Prediction(
            "P19.1",
            "Thirty fake people push a film that 10 to 30 people have rated. Which model puts it on most lists?",
            {"a": "Popularity", "b": "ItemKNN", "c": "EASE", "d": "iALS", "e": "BiasedMF, which predicts ratings"},
            lambda best: dict(zip(("Popularity", "ItemKNN", "EASE", "iALS", "BiasedMF"), "abcde", strict=True))[best],
        ),
    ],
    quiz=[
        Question(
            "O19.1",
            "A service and the notebook use the same model file, and their lists differ for some people. What do you "
            "test first?",
            {
                "a": ("How fast the service answers", "A slow list is still the same list."),
                "b": (
                    "Whether both build the same row from the same history",
                    "Right: same model, so the input differs.",
                ),
                "c": ("Whether the model was trained long enough", "Both use the same file."),
            },
            "b",
        ),
        Question(
            "O19.2",
            "A test needs 3,834 people in each group to find a rise from 10 % to 12 %. How many for a rise to 11 %?",
            {
                "a": ("About twice as many", "The difference is squared: half of it needs four times as many."),
                "b": ("About four times as many", "Right: 7.84 · (.09 + .0979) / .01² is 14,732, nearly four times."),
                "c": ("The same number", "A smaller difference is harder to see."),
            },
            "b",
        ),
        Question(
            "O19.3",
            "Why could thirty fake people push a film with BiasedMF, and not with Popularity?",
            {
                "a": (
                    "A film with few ratings gets a high mean from thirty ratings of 5, and popularity only counts",
                    "Right: thirty counts are few beside hundreds.",
                ),
                "b": ("BiasedMF has more parameters", "iALS has more, and was hardly moved."),
                "c": ("Popularity detects fake people", "It counts them like all others."),
            },
            "a",
        ),
        Question(
            "O19.4",
            "A detector found 98 % of the fakes of a random attack, for which it was written. What follows for a new "
            "kind of attack?",
            {
                "a": ("It finds 98 % of those, too", "Here it found almost none of the copied profiles."),
                "b": (
                    "It flags 98 % of the real people",
                    "The flagged real people are about 1 %, whatever the attack.",
                ),
                "c": ("Nothing: it has to be measured on that kind", "Right: and the next kind is not known yet."),
            },
            "c",
        ),
        Question(
            "O19.5",
            "An administrator deletes the last ten lines of a hash-chained log. How is it found?",
            {
                "a": (
                    "By a head that was kept where the administrator cannot write",
                    "Right: the remaining lines follow from each other, so the chain alone shows nothing.",
                ),
                "b": (
                    "The chain breaks at the last line",
                    "The last remaining line still follows from the one before.",
                ),
                "c": ("It cannot be found at all", "It can, with one digest kept elsewhere."),
            },
            "a",
        ),
    ],
)
