"""Answers to the exercises of chapter 19: right ones, written in other ways than the reference, and wrong ones."""

import math

import numpy as np


def handle_with_try(query, lists):
    try:
        user, k = int(query["user"]), int(query.get("k", 10))
    except (KeyError, ValueError):
        return 422, []
    if user < 0 or k < 1:
        return 422, []
    if user not in lists:
        return 404, []
    return 200, lists[user][:k]


def handle_in_steps(query, lists):
    if "user" not in query:
        return (422, [])
    k = query.get("k") or ("10" if "k" not in query else "")
    if not (query["user"].isdecimal() and k.isdecimal()) or k == "0":
        return (422, [])
    found = lists.get(int(query["user"]))
    return (404, []) if found is None else (200, [item for place, item in enumerate(found) if place < int(k)])


def size_in_steps(p_old, p_new, z):
    noise = math.sqrt(p_old * (1 - p_old) + p_new * (1 - p_new))
    return int(np.ceil((z * noise / abs(p_new - p_old)) ** 2))


def size_by_loop(p_old, p_new, z):
    n = 1
    while z * math.sqrt((p_old - p_old**2 + p_new - p_new**2) / n) > abs(p_old - p_new):
        n += 1
    return n


def profile_by_loop(ratings, target, filler, high):
    profile = [0] * ratings.shape[1]
    for film in filler:
        column = ratings[:, film]
        known = column[column > 0]
        profile[film] = round(known.mean()) if len(known) else round(ratings[ratings > 0].mean())
    profile[target] = high
    return profile


def profile_by_nan(ratings, target, filler, high):
    table = np.where(ratings > 0, ratings, np.nan)
    profile = np.zeros(ratings.shape[1], dtype=int)
    for film in filler:
        known = table[:, film][~np.isnan(table[:, film])]
        profile[film] = np.rint(known.mean() if known.size else np.nanmean(table))
    profile[target] = high
    return profile


def deviation_by_loop(ratings):
    result = []
    for row in ratings:
        parts = []
        for film in np.flatnonzero(row):
            known = ratings[:, film][ratings[:, film] > 0]
            parts.append(abs(row[film] - known.mean()) / len(known))
        result.append(sum(parts) / len(parts) if parts else 0.0)
    return result


def deviation_by_mask(ratings):
    table = np.ma.masked_equal(ratings, 0)
    return np.ma.filled((abs(table - table.mean(axis=0)) / table.count(axis=0)).mean(axis=1), 0)


def deviation_nan(ratings):
    counts = (ratings > 0).sum(axis=0)
    with np.errstate(all="ignore"):
        means = ratings.sum(axis=0) / counts
        parts = np.abs(ratings - means) / counts
        return np.where(ratings > 0, parts, 0).sum(axis=1) / (ratings > 0).sum(axis=1)


def intact_by_while(lines):
    position, before = 0, 0
    while position < len(lines) and (before * 7 + lines[position][0]) % 100 == lines[position][1]:
        before = lines[position][1]
        position += 1
    return position


def intact_from_again(lines):
    count, before = 0, 0
    for entry, digest in lines:
        before = (7 * before + entry) % 100
        if before != digest:
            break
        count += 1
    return count


def bucket_by_last_answer(times, capacity, rate):
    """Count the refill from the last answered request, which is the same."""
    left, since, answers = capacity, 0, []
    for now in times:
        tokens = min(capacity, left + rate * (now - since))
        answers.append(tokens >= 1)
        if answers[-1]:
            left, since = tokens - 1, now
    return answers


def bucket_by_array(times, capacity, rate):
    answers = np.zeros(len(times), dtype=bool)
    missing, last = 0.0, 0.0
    for n, now in enumerate(times):
        missing, last = max(0.0, missing - rate * (now - last)), now
        if missing <= capacity - 1:
            answers[n] = True
            missing += 1
    return answers


RIGHT = {
    "19.1": [handle_with_try, handle_in_steps],
    "19.2": [size_in_steps, size_by_loop],
    "19.3": [profile_by_loop, profile_by_nan],
    "19.4": [deviation_by_loop, deviation_by_mask],
    "19.5": [intact_by_while, intact_from_again],
    "19.6": [bucket_by_last_answer, bucket_by_array],
}

WRONG = {
    "19.1": [
        (lambda query, lists: handle_with_try(query, lists)[1], "two things"),
        (lambda query, lists: (handle_with_try(query, lists)[0] + 1, []), "not one of the three numbers"),
        (lambda query, lists: (200, lists.get(int(query.get("user", "0")), [])), "The result differs"),
        (lambda query, lists: (404, []), "The result differs"),
        (
            lambda query, lists: (200, lists[query["user"]]) if query.get("user") in lists else (404, []),
            "The result differs",
        ),
        (lambda query, lists: (200, lists[int(query["user"])][: int(query["k"])]), "KeyError"),
    ],
    "19.2": [
        (lambda p_old, p_new, z: size_in_steps(p_old, p_new, z) - 1, "rounded down"),
        (lambda p_old, p_new, z: size_in_steps(p_old, p_new, z) * 2, "both groups together"),
        (lambda p_old, p_new, z: z**2 * (p_old * (1 - p_old) + p_new * (1 - p_new)) / (p_new - p_old) ** 2, "whole"),
        (lambda p_old, p_new, z: math.ceil(2 * z**2 * p_old * (1 - p_old) / (p_new - p_old) ** 2), "the old rate"),
        (lambda p_old, p_new, z: math.ceil(z**2 * (p_old + p_new) / (p_new - p_old) ** 2), "The result differs"),
    ],
    "19.3": [
        (lambda ratings, target, filler, high: np.rint(ratings.mean(axis=0)), "highest rating"),
        (
            lambda ratings, target, filler, high: np.where(
                np.arange(ratings.shape[1]) == target, high, np.rint(ratings[ratings > 0].mean())
            ),
            "neither filler nor target",
        ),
        (
            lambda ratings, target, filler, high: np.where(np.arange(ratings.shape[1]) == target, high, 0),
            "fillers are missing",
        ),
        (lambda ratings, target, filler, high: ratings[0, [target, *filler]], "highest rating"),
        (
            lambda ratings, target, filler, high: np.tile(profile_by_loop(ratings, target, filler, high), (2, 1)),
            "one row",
        ),
    ],
    "19.4": [
        (deviation_nan, "NaN"),
        (lambda ratings: np.abs(ratings - ratings.mean(axis=0)).mean(axis=1), "The result differs"),
        (lambda ratings: np.array(deviation_by_loop(ratings)) * (ratings > 0).sum(axis=1), "added up the parts"),
        (lambda ratings: deviation_by_loop(ratings.T), "for each film"),
        (lambda ratings: -np.array(deviation_by_loop(ratings)), "negative"),
    ],
    "19.5": [
        (lambda lines: intact_by_while(lines) == len(lines), "True or False"),
        (lambda lines: intact_by_while(lines) + 1, "The result differs"),
        (lambda lines: len(lines), "The result differs"),
        (lambda lines: len(lines) - intact_by_while(lines), "The result differs"),
        (
            lambda lines: sum(
                (7 * before + entry) % 100 == digest
                for before, (entry, digest) in zip([0, *[d for _, d in lines]], lines, strict=False)
            ),
            "stop there",
        ),
    ],
    "19.6": [
        (lambda times, capacity, rate: [n < capacity for n in range(len(times))], "Nothing was refilled"),
        (lambda times, capacity, rate: [True] * len(times), "Every request was answered"),
        (lambda times, capacity, rate: bucket_by_last_answer(times, capacity, 1.0), "whatever the rate"),
        (lambda times, capacity, rate: sum(bucket_by_last_answer(times, capacity, rate)), "The result"),
        (lambda times, capacity, rate: bucket_by_last_answer(times[1:], capacity, rate), "another length"),
    ],
}
