"""Chapter 15, Privacy: attack, then defend."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from recsys_teach.learn.schema import Chapter, Exercise, Prediction, Question
from recsys_teach.privacy import attacks
from recsys_teach.privacy.anonymization import group_sizes
from recsys_teach.privacy.attacks import candidates, epsilon_lower_bound, kept_share
from recsys_teach.privacy.mechanisms import true_share, truth_probability

R_TINY = np.array([[5, 4, 0, 1], [4, 5, 1, 0], [1, 0, 5, 4], [0, 1, 4, 5], [5, 5, 1, 1]])
LN3 = float(np.log(3))
PEOPLE = pd.DataFrame({"gender": ["F", "M", "F"], "age": [20, 20, 20], "zip_code": ["1", "1", "1"]})
JOINED = pd.DataFrame({"gender": ["F", "F"], "age": [2, 24], "zip_code": ["41", "1"]})
SWAPPED = pd.DataFrame({"home": ["N", "S", "N"], "work": ["S", "N", "S"]}, index=[2, 0, 1])
MATES = pd.DataFrame({"age": [30, 30, 40], "club": ["a", "a", "a"]}, index=["x", "y", "z"])
FROM_1 = pd.DataFrame({"age": [40, 30, 30], "club": ["a", "a", "b"]}, index=[1, 2, 3])
R_OTHER = np.array([[3, 4, 0], [3, 0, 0], [3, 0, 5]])
CLUB = pd.DataFrame({"gender": list("FMFMF"), "age": [20, 20, 40, 20, 20], "zip_code": ["94", "94", "10", "10", "94"]})


def linkage_scores(R: np.ndarray, items: np.ndarray, ratings: np.ndarray, n_raters: np.ndarray) -> np.ndarray:
    """Score each row with the tolerance of one star that the chapter uses."""
    return attacks.linkage_scores(R, items, ratings, n_raters)


def private_counts(table: np.ndarray, most: int, epsilon: float, noise: np.ndarray) -> np.ndarray:
    """Count the users of each item, at most ``most`` items a user, and add Laplace noise that hides a user."""
    return _trimmed(table, most).sum(axis=0) + noise * most / epsilon


def _trimmed(table: np.ndarray, most: int) -> np.ndarray:
    return table * (np.cumsum(table, axis=1) <= most)


def _draw_handful(rng: np.random.Generator) -> tuple:
    R = rng.integers(0, 3, size=(8, 6))  # small enough to be shown to a learner whole
    items = rng.choice(6, 2, replace=False)
    return R, items, R[rng.integers(8), items]


def _draw_noisy_handful(rng: np.random.Generator) -> tuple:
    R = rng.integers(0, 6, size=(6, 6))
    items = rng.choice(6, 3, replace=False)
    return R, items, rng.integers(1, 6, size=3), rng.integers(2, 50, size=6)


def _fits(R: np.ndarray, items: np.ndarray, ratings: np.ndarray, within: int = 1) -> np.ndarray:
    return (R[:, items] > 0) & (np.abs(R[:, items] - ratings) <= within)


def _draw_rows(rng: np.random.Generator) -> tuple:
    Q, _ = np.linalg.qr(rng.normal(size=(6, 2)))
    return rng.integers(1, 6, size=(4, 6)).astype(float), Q


def _draw_people(rng: np.random.Generator) -> tuple:
    n = 9
    table = pd.DataFrame(
        {
            "gender": rng.choice(["F", "M"], n),
            "age": rng.choice([20, 40], n),
            "zip_code": rng.choice(["1", "9"], n),
        }
    )
    return table, ["gender", "age", "zip_code"]


def _draw_answers(rng: np.random.Generator) -> tuple:
    return rng.random(30) < rng.uniform(0.2, 0.8), float(rng.uniform(0.5, 2))


def _draw_counts(rng: np.random.Generator) -> tuple:
    table = (rng.random((5, 6)) < 0.6).astype(int)
    table[0] = 1
    return table, int(rng.integers(2, 4)), float(rng.uniform(0.5, 2)), rng.laplace(size=6)


def _draw_audit(rng: np.random.Generator) -> tuple:
    n_in, n_out = (int(n) for n in rng.integers(200, 400, size=2))
    hits, false_alarms = int(0.7 * n_in + rng.integers(20)), int(0.2 * n_out + rng.integers(20))
    return hits, n_in, false_alarms, n_out, float(rng.choice([0, 0.01]))


def _bound(low: float, high: float) -> float:
    return float(np.log(low / high)) if low > high > 0 else 0.0


def _ends(hits: int, n: int) -> tuple[float, float]:
    interval = binomtest(hits, n).proportion_ci(0.95)
    return float(interval.low), float(interval.high)


def _mirrored(hits: int, n_in: int, false_alarms: int, n_out: int, delta: float) -> float:
    """Bound from the misses, in place of the hits."""
    return _bound(1 - _ends(false_alarms, n_out)[1] - delta, 1 - _ends(hits, n_in)[0])


def _outcome(share: float) -> str:
    return "a" if share < 0.2 else "b" if share < 0.7 else "c"


CHAPTER = Chapter(
    number="15",
    title="Privacy: attack, then defend",
    objectives={
        "O15.1": "Single people out of a log without names, and link a noisy handful of ratings to them",
        "O15.2": "Measure what share of a row a model keeps, which tells members from others",
        "O15.3": "Count how many rows of a table share the same values (k-anonymity)",
        "O15.4": "Estimate a share by randomized response, and release counts by the Laplace mechanism",
        "O15.5": "Bound ε from below by the hits and false alarms of an attack",
    },
    exercises=[
        Exercise(
            "15.1", "Rows that fit", objective="O15.1", level="warm-up", minutes=4,
            reference=candidates,
            cases=[
                (R_TINY, np.array([0, 2]), np.array([5, 0])),
                (R_TINY, np.array([0, 1]), np.array([5, 4])),
                (R_TINY, np.array([0]), np.array([5])),
                (R_TINY, np.array([0, 3]), np.array([4, 5])),
                (R_TINY, np.array([2, 0]), np.array([0, 5])),  # items in another order than that of the table
                (R_OTHER, np.array([0]), np.array([3])),
            ],
            draw=_draw_handful,
            why="Each known rating crosses out everybody who differs; few are enough to leave one row.",
            hints=(
                "R[:, items] has one row a person and one column a known rating. When does a row fit?",
                "R[:, items] == ratings compares each row; a row fits if all of its columns do: axis=1.",
                "np.flatnonzero((R[:, items] == ratings).all(axis=1))",
            ),
            misconceptions={
                "One agreement is not enough: all known ratings have to fit, so all(axis=1), not any.":
                    lambda R, items, ratings: np.flatnonzero((R[:, items] == ratings).any(axis=1)),
                "That is one True or False a row. Asked are the positions of the rows: np.flatnonzero.":
                    lambda R, items, ratings: (R[:, items] == ratings).all(axis=1),
                "You looked at who rated the films at all, and not at how many stars they gave.":
                    lambda R, items, ratings: np.flatnonzero(((R[:, items] > 0) == (ratings > 0)).all(axis=1)),
                "You left out people who rated other films, too. Only the known ratings have to fit.":
                    lambda R, items, ratings: np.flatnonzero(
                        (R[:, items] == ratings).all(axis=1) & ((R > 0).sum(axis=1) == (ratings > 0).sum())
                    ),
                "You sorted the items, and the ratings stay in their old order. Leave items and ratings as they are.":
                    lambda R, items, ratings: candidates(R, np.sort(items), ratings),
                "You counted the rows. Return their positions: the attacker wants to read them.":
                    lambda R, items, ratings: len(candidates(R, items, ratings)),
                "You asked of each column whether all people fit. One answer a row: all(axis=1).":
                    lambda R, items, ratings: np.flatnonzero((R[:, items] == ratings).all(axis=0)),
                "np.where gives a tuple with the positions in it: take its [0], or use np.flatnonzero.":
                    lambda R, items, ratings: np.where((R[:, items] == ratings).all(axis=1)),
            },
        ),
        Exercise(
            "15.2", "Which row fits best?", objective="O15.1", level="core", minutes=6,
            reference=linkage_scores,
            cases=[
                # all films, in another order: weights of the wrong films have the right number
                (R_OTHER, np.array([2, 0, 1]), np.array([5, 4, 4]), np.array([2, 9, 40])),
                (R_TINY, np.array([0, 2]), np.array([4, 1]), np.array([4, 4, 4, 4])),
                (R_TINY, np.array([1, 3]), np.array([5, 1]), np.array([9, 2, 5, 30])),
                (R_TINY, np.array([2]), np.array([3]), np.array([9, 2, 5, 30])),
            ],
            draw=_draw_noisy_handful,
            why="A film that fits adds its weight, a rare one more; a mistake costs only its own weight.",
            hints=(
                "R[:, items] has one row a person and one column a known film. When does a rating fit?",
                "It fits if R[:, items] > 0 and the difference is at most 1; weights: 1 / np.log(1 + n_raters[items]).",
                "fits = (R[:, items] > 0) & (np.abs(R[:, items] - ratings) <= 1); fits @ weights",
            ),
            misconceptions={
                "A 0 is no rating, but it lies within a star of 1: only rated films fit, R[:, items] > 0.":
                    lambda R, items, ratings, n_raters: (
                        (np.abs(R[:, items] - ratings) <= 1) @ (1 / np.log(1 + n_raters[items]))
                    ),
                "n_raters has a number for each film of the table. Take those of the known films: n_raters[items].":
                    lambda R, items, ratings, n_raters: _fits(R, items, ratings) @ (1 / np.log(1 + n_raters)),
                "You counted the films that fit. A film with few raters has a larger weight: 1 / ln(1 + its raters).":
                    lambda R, items, ratings, n_raters: _fits(R, items, ratings).sum(axis=1),
                "You multiplied by the logarithm, so popular films have the larger weights. Divide by it.":
                    lambda R, items, ratings, n_raters: _fits(R, items, ratings) @ np.log(1 + n_raters[items]),
                "The weight is 1 / ln(1 + n): you left the logarithm out.":
                    lambda R, items, ratings, n_raters: _fits(R, items, ratings) @ (1 / (1 + n_raters[items])),
                "The weight is 1 / ln(1 + n): you took ln(n), which is 0 for a film with one rater.":
                    lambda R, items, ratings, n_raters: _fits(R, items, ratings) @ (1 / np.log(n_raters[items])),
                "You asked for exactly the same stars. The attacker may be off by one: compare the distance with 1.":
                    lambda R, items, ratings, n_raters: (
                        _fits(R, items, ratings, within=0) @ (1 / np.log(1 + n_raters[items]))
                    ),
                "That is the best row. Asked is the score of each.":
                    lambda R, items, ratings, n_raters: int(linkage_scores(R, items, ratings, n_raters).argmax()),
            },
        ),
        Exercise(
            "15.3", "The share that a model keeps", objective="O15.2", level="core", minutes=6,
            reference=kept_share,
            cases=[
                (np.array([[3.0, 4.0]]), np.array([[1.0], [0.0]])),
                (np.array([[3.0, 4.0, 0.0], [0.0, 1.0, 1.0]]), np.array([[0.6, 0.0], [0.8, 0.0], [0.0, 1.0]])),
                (np.array([[1.0, -1.0], [0.0, -2.0], [5.0, 5.0]]), np.array([[0.6], [-0.8]])),
                (np.array([[0.0, 0.0, 0.0, 2.0]]), np.eye(4)[:, :3]),  # nothing of it is kept
            ],
            draw=_draw_rows,
            why="Directions are chosen to keep the energy of the rows they were fitted to; others lose more.",
            hints=(
                "rows @ V gives the coordinates of each row. How long are they, compared with the row?",
                "Energy is a sum of squares along a row, axis=1: that of rows @ V over that of rows.",
                "((rows @ V) ** 2).sum(axis=1) / (rows ** 2).sum(axis=1)",
            ),
            misconceptions={
                "Divide by the energy of the row itself: without that, who rated most looks most like a member.":
                    lambda rows, V: ((rows @ V) ** 2).sum(axis=1),
                "That is the share that is lost. A member keeps more.":
                    lambda rows, V: 1 - kept_share(rows, V),
                "That is a ratio of lengths. Energy is the sum of squares: no root.":
                    lambda rows, V: np.sqrt(kept_share(rows, V)),
                "You summed over everybody, so one number is left. Compute one share for each row: axis=1.":
                    lambda rows, V: ((rows @ V) ** 2).sum() / (rows**2).sum(),
                "Square first, then add up: positive and negative coordinates must not cancel.":
                    lambda rows, V: (rows @ V).sum(axis=1) ** 2 / (rows**2).sum(axis=1),
            },
        ),
        Exercise(
            "15.4", "How many share each row?", objective="O15.3", level="core", minutes=6,
            reference=group_sizes,
            cases=[
                (PEOPLE, ["gender", "age"]),
                (CLUB, ["gender", "age"]),
                (CLUB, ["gender", "age", "zip_code"]),
                (JOINED, ["gender", "age", "zip_code"]),
                (SWAPPED, ["home", "work"]),  # the same values in other columns; rows with labels in another order
                (MATES, ["age"]),
                (FROM_1, ["age", "club"]),
            ],
            draw=_draw_people,
            why="A person is as well hidden as the group that shares their values is large, themselves included.",
            hints=(
                "Rows with the same values in all the columns form a group. How large is each row's own?",
                "groupby(columns) makes the groups; transform gives a result back to each row.",
                'table.groupby(columns)[columns[0]].transform("size").to_numpy()',
            ),
            misconceptions={
                "That is one number a group. Asked is one for each row, in the order of the table: transform.":
                    lambda table, columns: table.groupby(columns).size().to_numpy(),
                "You counted the others only. Each row counts itself: somebody alone has a group of 1.":
                    lambda table, columns: group_sizes(table, columns) - 1,
                "You took each column by itself and then the smallest. It is the combination that singles out.":
                    lambda table, columns: np.min([group_sizes(table, [column]) for column in columns], axis=0),
                "You used the first column alone.":
                    lambda table, columns: group_sizes(table, columns[:1]),
                "Joined without a separator, 2 and '41' look like 24 and '1'. Compare the columns one by one: groupby.":
                    lambda table, columns: _joined(table, columns).map(_joined(table, columns).value_counts()),
                "You looked rows up by their labels, and returned them in the order of the labels: the index of a "
                "table need "
                "not be 0, 1, 2 ... Use positions, as .iloc does.":
                    lambda table, columns: group_sizes(table.loc[list(range(len(table)))], columns),
                "You compared the values of a row as a set, or sorted: N, S and S, N are two groups. Keep them by "
                "column.":
                    lambda table, columns: (
                        key := pd.Series([frozenset(row) for row in table[columns].to_numpy()])
                    ).map(key.value_counts()).to_numpy(),
                "That is the smallest group of all. Asked is the size of each row's own.":
                    lambda table, columns: int(group_sizes(table, columns).min()),
            },
        ),
        Exercise(
            "15.5", "The true share from lies", objective="O15.4", level="core", minutes=7,
            reference=true_share,
            cases=[
                (np.array([True, False]), LN3),
                (np.array([True, True, True, False]), LN3),
                (np.array([False, False, False, False]), LN3),
                (np.array([True, False, False]), 2 * LN3),
                (np.array([True]), 0.5),
            ],
            draw=_draw_answers,
            why="The lies are known on average: take off the false yeses, and stretch what is left.",
            hints=(
                "The mean of the answers has expectation p · share + (1 - p) · (1 - share). Solve for the share.",
                "share = (mean - (1 - p)) / (2 p - 1), with p = e^epsilon / (1 + e^epsilon).",
                "p = np.exp(epsilon) / (1 + np.exp(epsilon)); return (np.mean(answers) - (1 - p)) / (2 * p - 1)",
            ),
            misconceptions={
                "That is the share of people who said yes; many of those are lies.":
                    lambda answers, epsilon: float(np.mean(answers)),
                "You cut the estimate off at 0 or 1. That brings a bias: leave it.":
                    lambda answers, epsilon: float(np.clip(true_share(answers, epsilon), 0, 1)),
                "You divided the yeses by p. Some yeses come from people whose truth is no: take 1 - p off first.":
                    lambda answers, epsilon: float(np.mean(answers) / truth_probability(epsilon)),
                "You took the false yeses off, but did not stretch what is left: divide by 2p - 1.":
                    lambda answers, epsilon: float(np.mean(answers) - 1 + truth_probability(epsilon)),
                "You divided by p. Solve the whole formula for the share: the divisor is 2p - 1.":
                    lambda answers, epsilon: float(
                        (np.mean(answers) - 1 + truth_probability(epsilon)) / truth_probability(epsilon)
                    ),
                "That undoes a coin toss in place of the lie. Here the other branch tells the opposite, always.":
                    lambda answers, epsilon: float(
                        (np.mean(answers) - (1 - truth_probability(epsilon)) / 2) / truth_probability(epsilon)
                    ),
                "You used p = 1 - e^-ε. With ε = ln(p / (1 - p)), p is e^ε / (1 + e^ε).":
                    lambda answers, epsilon: _share_with(answers, 1 - np.exp(-epsilon)),
                "You used p = ε / (1 + ε). It is e^ε that counts: p = e^ε / (1 + e^ε).":
                    lambda answers, epsilon: _share_with(answers, epsilon / (1 + epsilon)),
                "You mixed up truth and lie: p, the larger probability, is that of the truth.":
                    lambda answers, epsilon: _share_with(answers, 1 - truth_probability(epsilon)),
            },
        ),
        Exercise(
            "15.6", "Popularity, private for people", objective="O15.4", level="core", minutes=8,
            reference=private_counts,
            cases=[
                (np.array([[1, 1, 0], [0, 1, 1], [1, 0, 0]]), 1, 2.0, np.array([0.5, -1.0, 2.0])),
                (np.array([[1, 1, 1], [0, 1, 0]]), 2, 1.0, np.array([1.0, 0.0, -1.0])),
                (np.array([[1, 1, 1, 1], [0, 1, 0, 1]]), 3, 0.5, np.array([0.5, -1.0, 0.0, 2.0])),
                (np.array([[1, 0, 0], [0, 1, 0]]), 2, 1.0, np.array([1.0, 0.0, -1.0])),  # nobody has `most` ones
            ],
            draw=_draw_counts,
            why="Trimmed, one person moves at most `most` counts by 1 each: that is the L1 sensitivity.",
            hints=(
                "By how much can one person, added or removed, change the list of counts, added over all films?",
                "np.cumsum(table, axis=1) <= most says which ones are among the first. Scale: most / epsilon.",
                "kept = table * (np.cumsum(table, axis=1) <= most); kept.sum(axis=0) + noise * most / epsilon",
            ),
            misconceptions={
                "Sensitivity 1 hides one rating. One person moves up to `most` counts: scale the noise by most / ε.":
                    lambda table, most, epsilon, noise: _trimmed(table, most).sum(axis=0) + noise / epsilon,
                "You took the sensitivity from the table. It has to hold for all tables: `most`, whoever is in.":
                    lambda table, most, epsilon, noise: (
                        _trimmed(table, most).sum(axis=0)
                        + noise * _trimmed(table, most).sum(axis=1).max() / epsilon
                    ),
                "2 * most is for a person replaced by another. Here one is added or removed: `most`.":
                    lambda table, most, epsilon, noise: (
                        _trimmed(table, most).sum(axis=0) + noise * 2 * most / epsilon
                    ),
                "Nothing bounds what one person does: trim each row to its first `most` ones before you count.":
                    lambda table, most, epsilon, noise: table.sum(axis=0) + noise * most / epsilon,
                "You multiplied the noise by ε. A small ε promises more, so it needs more noise: divide.":
                    lambda table, most, epsilon, noise: _trimmed(table, most).sum(axis=0) + noise * most * epsilon,
                "√most is the L2 sensitivity, for Gaussian noise. Laplace goes by L1, the sum of changes: most.":
                    lambda table, most, epsilon, noise: (
                        _trimmed(table, most).sum(axis=0) + noise * np.sqrt(most) / epsilon
                    ),
                "table[:, :most] keeps the first columns. Keep the first ones of each row: use cumsum along the row.":
                    lambda table, most, epsilon, noise: table[:, :most].sum(axis=0) + noise * most / epsilon,
                "You kept the first columns, not the first ones of each row: use cumsum along the row.":
                    lambda table, most, epsilon, noise: (
                        np.pad(table[:, :most].sum(axis=0), (0, table.shape[1] - most)) + noise * most / epsilon
                    ),
                "With < you keep one too few: the first `most` ones have a running count <= most.":
                    lambda table, most, epsilon, noise: (
                        _trimmed(table, most - 1).sum(axis=0) + noise * most / epsilon
                    ),
                "Your counts end at `most` for each film. Bounded is what one person adds: trim each row, with "
                "cumsum(axis=1).":
                    lambda table, most, epsilon, noise: (
                        (table * (np.cumsum(table, axis=0) <= most)).sum(axis=0) + noise * most / epsilon
                    ),
                "You cut counts off at 0. That is private, too, but makes them too high on average: leave them.":
                    lambda table, most, epsilon, noise: np.maximum(private_counts(table, most, epsilon, noise), 0),
                "Those are the true counts. The noise is missing.":
                    lambda table, most, epsilon, noise: _trimmed(table, most).sum(axis=0),
            },
        ),
        Exercise(
            "15.7", "What an attack proves", objective="O15.5", level="core", minutes=8,
            reference=epsilon_lower_bound,
            cases=[
                (90, 100, 10, 100, 0.0),
                (100, 100, 0, 100, 0.0),
                (50, 100, 50, 100, 0.0),
                (300, 400, 100, 400, 0.01),
                (1, 100, 10, 100, 0.01),  # the low end of TPR is below δ: no logarithm
                (0, 100, 10, 100, 0.0),
                (60, 100, 10, 200, 0.0),
                (195, 200, 50, 100, 0.05),  # the misses alone would prove more
            ],
            draw=_draw_audit,
            why="Rates are measured with luck; the ends that favor the defense leave what luck cannot explain.",
            hints=(
                "The bound must not be too high by luck. Which end of each interval makes it smaller?",
                "binomtest(hits, n_in).proportion_ci(0.95).low and binomtest(false_alarms, n_out)....high",
                "np.log((low - delta) / high) if low - delta > high else 0.0",
            ),
            misconceptions={
                "Those are the bare rates. Luck can make them look better: use the ends of the intervals.":
                    lambda hits, n_in, false_alarms, n_out, delta: _bound(hits / n_in - delta, false_alarms / n_out),
                "You took the ends that favor the attack. The bound must be valid although luck may have helped the "
                "attack.":
                    lambda hits, n_in, false_alarms, n_out, delta: _bound(
                        _ends(hits, n_in)[1] - delta, _ends(false_alarms, n_out)[0]
                    ),
                "You took the low end of both intervals. Of FPR take the high end: that makes the bound smaller.":
                    lambda hits, n_in, false_alarms, n_out, delta: _bound(
                        _ends(hits, n_in)[0] - delta, _ends(false_alarms, n_out)[0]
                    ),
                "You took the high end of both intervals. Of TPR take the low end: that makes the bound smaller.":
                    lambda hits, n_in, false_alarms, n_out, delta: _bound(
                        _ends(hits, n_in)[1] - delta, _ends(false_alarms, n_out)[1]
                    ),
                "That is the bound from the misses, ln((1 - δ - FPR) / (1 - TPR)). Asked is that from TPR and FPR.":
                    lambda hits, n_in, false_alarms, n_out, delta: _mirrored(hits, n_in, false_alarms, n_out, delta),
                "You took the larger of the bounds from the hits and from the misses. Asked is that from the hits.":
                    lambda hits, n_in, false_alarms, n_out, delta: max(
                        epsilon_lower_bound(hits, n_in, false_alarms, n_out, delta),
                        _mirrored(hits, n_in, false_alarms, n_out, delta),
                    ),
                "The logarithm is missing: the rates differ by the factor e^ε.":
                    lambda hits, n_in, false_alarms, n_out, delta: max(
                        (_ends(hits, n_in)[0] - delta) / _ends(false_alarms, n_out)[1], 0
                    ),
                "That is the ratio e^ε. Take its logarithm.":
                    lambda hits, n_in, false_alarms, n_out, delta: (
                        (_ends(hits, n_in)[0] - delta) / _ends(false_alarms, n_out)[1]
                        if _ends(hits, n_in)[0] - delta > _ends(false_alarms, n_out)[1]
                        else 0.0
                    ),
                "Where TPR's low end is below δ there is no logarithm, and max(nan, 0) is nan: ask first, then give 0.":
                    lambda hits, n_in, false_alarms, n_out, delta: max(
                        float(np.log((_ends(hits, n_in)[0] - delta) / _ends(false_alarms, n_out)[1])), 0
                    ),
                "You took the difference of the rates. The promise speaks of their ratio.":
                    lambda hits, n_in, false_alarms, n_out, delta: (
                        _ends(hits, n_in)[0] - _ends(false_alarms, n_out)[1] - delta
                    ),
                "δ is missing: the promise leaves so much room beside the factor.":
                    lambda hits, n_in, false_alarms, n_out, delta: epsilon_lower_bound(
                        hits, n_in, false_alarms, n_out, 0
                    ),
                "Your bound is below 0 where the attack is no better than guessing: give 0 there.":
                    lambda hits, n_in, false_alarms, n_out, delta: float(
                        np.log((_ends(hits, n_in)[0] - delta) / _ends(false_alarms, n_out)[1])
                    ),
            },
        ),
    ],
    predictions=[
        Prediction(
            "P15.1",
            "You learn four ratings of a person of MovieLens-100K, drawn at random: films and stars. For what share of "
            "the people does one row alone fit?",
            {
                "a": "less than a fifth",
                "b": "about a half",
                "c": "more than seven in ten",
            },
            outcome=_outcome,
        ),
    ],
    quiz=[
        Question(
            "O15.1", "Somebody remembers eight of a friend's films, two of them wrongly. What does linkage do?",
            {
                "a": ("It fails: no row fits all eight.", "It asks which row fits best, not which fits wholly."),
                "b": ("It adds up what fits, and rare films count more.", "Right: mistakes only cost a little score."),
                "c": ("It needs the friend's number.", "The numbers were drawn at random; nobody needs them."),
            },
            answer="b",
        ),
        Question(
            "O15.2", "The illness stands in no event. About whom can the club infer it?",
            {
                "a": ("About nobody: the log never says it.", "A classifier on clicks did better than guessing."),
                "b": ("Only about those who told.", "They train the classifier; it is then read on the others."),
                "c": ("About all who click, once some have told.",
                      "Right: tastes carry it. The guess may be wrong, and harms all the same."),
            },
            answer="c",
        ),
        Question(
            "O15.3", "The file is encrypted with AES-GCM. What does that protect against?",
            {
                "a": ("A thief who has the disk and not the key.",
                      "Right: and it notices whether a bit was changed."),
                "b": ("The university that was given the key.", "Whoever has the key has the ratings."),
                "c": ("A membership attack on a model of the ratings.", "The model was fitted to the open data."),
            },
            answer="a",
        ),
        Question(
            "O15.4", "A count is released on Monday with ε = 1, and again on Tuesday with fresh noise and ε = 1.",
            {
                "a": ("Together that is ε = 1: it is the same count.", "Two noisy looks tell more than one."),
                "b": ("Together that is ε = 1/2: the noise averages out.", "That is why it costs more, not less."),
                "c": ("Together that is ε = 2 at most.", "Right: releases add up, whoever combines them."),
            },
            answer="c",
        ),
        Question(
            "O15.5", "A model is trained with ε = 2 at example level. What follows for somebody with 300 ratings?",
            {
                "a": ("ε = 2 for them as a person.", "That would be user level."),
                "b": ("For one rating ε = 2; for all of theirs at once the promise is far weaker.",
                      "Right: up to 300 times as large an ε, by group privacy."),
                "c": ("Nothing is promised to them.", "Each single rating is hidden."),
            },
            answer="b",
        ),
    ],
)  # fmt: skip


def _share_with(answers: np.ndarray, p: float) -> float:
    return float((np.mean(answers) - (1 - p)) / (2 * p - 1))


def _joined(table: pd.DataFrame, columns: list[str]) -> pd.Series:
    return table[columns].astype(str).agg("".join, axis=1)
