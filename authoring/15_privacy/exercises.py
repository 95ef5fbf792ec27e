"""Chapter 15, Privacy: attack, then defend."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recsys_teach.learn.schema import Chapter, Decision, Exercise, Prediction, Question
from recsys_teach.privacy import attacks
from recsys_teach.privacy.anonymization import group_sizes
from recsys_teach.privacy.attacks import candidates
from recsys_teach.privacy.mechanisms import true_share, truth_probability

LN3 = float(np.log(3))

# Tables of other sizes than the five people and four films of the text.
R_3 = np.array([[4, 0, 3], [4, 2, 3], [0, 2, 3]])
R_6 = np.array([[0, 5, 1, 2, 0], [3, 5, 1, 0, 0], [3, 5, 1, 2, 4], [0, 0, 0, 0, 0], [3, 4, 1, 2, 4], [5, 5, 3, 2, 0]])
R_OTHER = np.array([[3, 4, 0], [3, 0, 0], [3, 0, 5]])

PEOPLE = pd.DataFrame({"gender": ["F", "M", "F", "F"], "age": [20, 20, 20, 40], "zip_code": ["1", "1", "1", "1"]})
JOINED = pd.DataFrame({"gender": ["F", "F"], "age": [2, 24], "zip_code": ["41", "1"]})
SWAPPED = pd.DataFrame({"home": ["N", "S", "N"], "work": ["S", "N", "S"]}, index=[2, 0, 1])
MATES = pd.DataFrame({"age": [30, 30, 40], "club": ["a", "a", "a"]}, index=["x", "y", "z"])
UNKNOWN = pd.DataFrame({"age": [1, 1, 2], "club": ["a", None, "b"]})
FROM_1 = pd.DataFrame({"age": [40, 30, 30], "club": ["a", "a", "b"]}, index=[1, 2, 3])
CLUB = pd.DataFrame({"gender": list("FMFMF"), "age": [20, 20, 40, 20, 20], "zip_code": ["94", "94", "10", "10", "94"]})


def linkage_scores(R: np.ndarray, items: np.ndarray, ratings: np.ndarray, n_raters: np.ndarray) -> np.ndarray:
    """Score each row with the tolerance of one star that the chapter uses."""
    return attacks.linkage_scores(R, items, ratings, n_raters)


def true_positive_rate(members: np.ndarray, outsiders: np.ndarray, n_false: int) -> float:
    """Return the share of members above the lowest threshold that accuses at most ``n_false`` outsiders."""
    return float(np.mean(np.asarray(members) > _from_high(outsiders)[n_false]))


def private_counts(table: np.ndarray, most: int, epsilon: float, noise: np.ndarray) -> np.ndarray:
    """Count the users of each item, at most ``most`` items a user, and add Laplace noise that hides a user."""
    return _trimmed(table, most).sum(axis=0) + noise * most / epsilon


def _from_high(scores: np.ndarray) -> np.ndarray:
    return np.sort(scores)[::-1]


def _trimmed(table: np.ndarray, most: int) -> np.ndarray:
    return table * (np.cumsum(table, axis=1) <= most)


def _draw_handful(rng: np.random.Generator) -> tuple:
    R = rng.integers(0, 3, size=(8, 6))  # small enough to be shown to a learner in full
    items = rng.choice(6, 2, replace=False)
    return R, items, R[rng.integers(8), items]


def _draw_noisy_handful(rng: np.random.Generator) -> tuple:
    R = rng.integers(0, 6, size=(6, 6))
    items = rng.choice(6, 3, replace=False)
    return R, items, rng.integers(1, 6, size=3), rng.integers(2, 50, size=6)


def _last_weight(R: np.ndarray, items: np.ndarray, ratings: np.ndarray, n_raters: np.ndarray) -> np.ndarray:
    scores = np.zeros(len(R))
    for item, rating in zip(items, ratings, strict=True):
        scores[(R[:, item] > 0) & (np.abs(R[:, item] - rating) <= 1)] = 1 / np.log(1 + n_raters[item])
    return scores


def _precision(members: np.ndarray, outsiders: np.ndarray, n_false: int) -> float:
    threshold = _from_high(outsiders)[n_false]
    found, wrong = np.sum(members > threshold), np.sum(outsiders > threshold)
    return float(np.float64(found) / (found + wrong))


def _fits(R: np.ndarray, items: np.ndarray, ratings: np.ndarray, within: float = 1) -> np.ndarray:
    return (R[:, items] > 0) & (np.abs(R[:, items] - ratings) <= within)


def _draw_scores(rng: np.random.Generator) -> tuple:
    return rng.normal(0.5, 1, size=7).round(1), rng.normal(0, 1, size=9).round(1), int(rng.integers(0, 4))


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


def _outcome(share: float) -> str:
    return "a" if share < 0.2 else "b" if share < 0.7 else "c"


def _outcome_of_bill(means: tuple[float, float]) -> str:
    popularity, svd = means
    return "a" if svd > popularity + 0.02 else "b" if popularity > svd + 0.02 else "c"


CHAPTER = Chapter(
    number="15",
    title="Privacy: attack, then defend",
    objectives={
        "O15.1": "Link a few remembered ratings to a row of a file without names",
        "O15.2": "Measure a membership attack by its AUC and by its true positives at few false positives",
        "O15.3": "Count how many rows share their quasi-identifiers, and say which attacker each defense stops",
        "O15.4": "Estimate a share from randomized answers, and release clipped counts with Laplace noise",
        "O15.5": "Compare a release with the definition of its promise, add up ε, and find the step that breaks the "
        "promise",
    },
    exercises=[
        Exercise(
            "15.1", "Rows that fit", objective="O15.1", level="warm-up", minutes=5,
            reference=candidates,
            cases=[
                (R_3, np.array([0]), np.array([4])),
                (R_3, np.array([1]), np.array([2])),
                (R_3, np.array([0, 2]), np.array([4, 3])),
                (R_3, np.array([1, 0]), np.array([0, 4])),  # not rated; items in another order than the table's
                (R_3, np.array([0, 1, 2]), np.array([5, 5, 5])),  # nobody
                (R_6, np.array([3, 0, 4]), np.array([2, 3, 4])),
                (R_6, np.array([0, 1]), np.array([3, 5])),
                (R_OTHER, np.array([0]), np.array([3])),
                (np.array([[2, 5]]), np.array([1]), np.array([5])),
                (np.array([[2, 5, 1], [5, 2, 1], [4, 3, 1], [0, 0, 0]]), np.array([1, 0]), np.array([2, 5])),
                (np.array([[5, 5, 0, 1], [1, 5, 2, 4]]), np.array([0, 2]), np.array([1, 2])),
                # a miss in the middle, at the end, and two of four
                (np.array([[5, 2, 3], [5, 4, 3], [5, 4, 1], [1, 4, 3]]), np.array([0, 1, 2]), np.array([5, 4, 3])),
                (np.array([[2, 1, 4, 3], [2, 1, 5, 0]]), np.array([3, 0, 1, 2]), np.array([3, 2, 1, 4])),
            ],
            draw=_draw_handful,
            why="Each known rating rules out everybody who differs; few are enough to leave one row.",
            hints=(
                "R[:, items] has one row for each person and one column for each known rating. When does a row fit?",
                "A comparison with == has one True or False for each entry. The days needed one True in a row; how "
                "many "
                "does a row need that fits?",
                "You have one True or False for each row now. The example of the days shows how to turn them into "
                "positions.",
            ),
            misconceptions={
                "Some of your rows agree in one known rating only. All known ratings have to fit: all, not any.":
                    lambda R, items, ratings: np.flatnonzero((R[:, items] == ratings).any(axis=1)),
                "You returned one True or False (1 or 0) for each row. Return the positions of the rows: "
                "np.flatnonzero.":
                    lambda R, items, ratings: (R[:, items] == ratings).all(axis=1),
                "You looked at who rated the films at all, and not at how many stars they gave.":
                    lambda R, items, ratings: np.flatnonzero(((R[:, items] > 0) == (ratings > 0)).all(axis=1)),
                "Compare the columns of the known films with the ratings: R[:, items]. (R[items] takes rows, and R "
                "alone has "
                "all films.)":
                    lambda R, items, ratings: np.flatnonzero((R[items] == ratings).all(axis=1)),
                "all() without an axis returns one answer for the table. There is one answer for each row: "
                "all(axis=1).":
                    lambda R, items, ratings: np.flatnonzero((R[:, items] == ratings).all()),
                "all is missing: your positions are those of single entries. A row fits if all of its columns do.":
                    lambda R, items, ratings: np.flatnonzero(R[:, items] == ratings),
                "Some of your rows are off by a star. Here the ratings have to be equal.":
                    lambda R, items, ratings: np.flatnonzero((np.abs(R[:, items] - ratings) <= 1).all(axis=1)),
                "np.isin asks whether a rating occurs anywhere in `ratings`. Compare each film with its rating: ==.":
                    lambda R, items, ratings: np.flatnonzero(np.isin(R[:, items], ratings).all(axis=1)),
                "Your positions are in a table with one column (np.argwhere makes one). Return a flat array: "
                "np.flatnonzero.":
                    lambda R, items, ratings: np.argwhere((R[:, items] == ratings).all(axis=1)),
                "You left out people who rated other films, too. Only the known ratings have to fit.":
                    lambda R, items, ratings: np.flatnonzero(
                        (R[:, items] == ratings).all(axis=1) & ((R > 0).sum(axis=1) == (ratings > 0).sum())
                    ),
                "You sorted the items, and the ratings stay in their old order. Leave both as they are.":
                    lambda R, items, ratings: candidates(R, np.sort(items), ratings),
                "You compared the first columns of the table. The known films are in the columns `items`: R[:, items].":
                    lambda R, items, ratings: np.flatnonzero((R[:, : len(items)] == ratings).all(axis=1)),
                "You returned how many rows fit. Return their positions: the attacker wants to read them.":
                    lambda R, items, ratings: len(candidates(R, items, ratings)),
                "Some of your rows fit at the first and at the last known film, and not between them. All known films "
                "have to fit: in a loop, each film must keep what the films before have ruled out (fit &= ...).":
                    lambda R, items, ratings: np.flatnonzero((R[:, items] == ratings)[:, [0, -1]].all(axis=1)),
                "Some of your rows fit at the first two known films only. All known films have to fit: all(axis=1).":
                    lambda R, items, ratings: np.flatnonzero((R[:, items] == ratings)[:, :2].all(axis=1)),
                "Some of your rows fit in most of the known films. They have to fit in all: all(axis=1).":
                    lambda R, items, ratings: np.flatnonzero((R[:, items] == ratings).mean(axis=1) > 0.5),
                "You returned the one row that fits best. Return all rows in which everything fits; there may be none.":
                    lambda R, items, ratings: np.array([(R[:, items] == ratings).sum(axis=1).argmax()]),
                "You looked for 5 and 0 in the columns 0 and 2, as in the mini-case. Use `items` and `ratings`.":
                    lambda R, items, ratings: np.flatnonzero((R[:, [0, 2]] == [5, 0]).all(axis=1)),
                "You returned only the first row that fits. Several rows can fit: return all of them.":
                    lambda R, items, ratings: candidates(R, items, ratings)[:1],
                "You asked of each column whether all people fit. There is one answer for each row: all(axis=1).":
                    lambda R, items, ratings: np.flatnonzero((R[:, items] == ratings).all(axis=0)),
                "np.where returns a tuple that contains the positions: take its [0], or use np.flatnonzero.":
                    lambda R, items, ratings: np.where((R[:, items] == ratings).all(axis=1)),
                "You returned the rows themselves. Return their positions: np.flatnonzero.":
                    lambda R, items, ratings: R[(R[:, items] == ratings).all(axis=1)],
                "Positions begin with 0 in numpy. Yours are one too high.":
                    lambda R, items, ratings: candidates(R, items, ratings) + 1,
                "You returned one position (np.argmax does so, and a return inside a loop). Return the positions of "
                "all "
                "rows that fit: np.flatnonzero.":
                    lambda R, items, ratings: int((R[:, items] == ratings).all(axis=1).argmax()),
                "Some of your rows have more stars than the known ratings. They have to be equal: ==.":
                    lambda R, items, ratings: np.flatnonzero((R[:, items] >= ratings).all(axis=1)),
                "Your rows agree in two known ratings. How many are known can differ, and all have to fit: "
                "all(axis=1).":
                    lambda R, items, ratings: np.flatnonzero((R[:, items] == ratings).sum(axis=1) >= 2),
                "You asked for exactly two ratings that fit. How many are known can differ: all(axis=1).":
                    lambda R, items, ratings: np.flatnonzero((R[:, items] == ratings).sum(axis=1) == 2),
                "Only the first known film fits in some of your rows. All known films have to fit.":
                    lambda R, items, ratings: np.flatnonzero(R[:, items[0]] == ratings[0]),
                "Only the last known film fits in some of your rows. All have to fit (a loop that starts afresh with "
                "each film forgets the films before).":
                    lambda R, items, ratings: np.flatnonzero(R[:, items[-1]] == ratings[-1]),
                "Your rows contain the known ratings somewhere, not all at the known films. Compare the columns "
                "`items`.":
                    lambda R, items, ratings: np.array(
                        [u for u in range(len(R)) if set(ratings.tolist()) <= set(R[u].tolist())], dtype=int
                    ),
                "Some of your rows have the known ratings in another order. Each film has to have its own rating: no "
                "sorting.":
                    lambda R, items, ratings: np.flatnonzero(
                        (np.sort(R[:, items], axis=1) == np.sort(ratings)).all(axis=1)
                    ),
                "You compared the sums of the ratings. Each rating has to fit separately: ==, then all(axis=1).":
                    lambda R, items, ratings: np.flatnonzero(R[:, items].sum(axis=1) == np.sum(ratings)),
                "Some of your rows have fewer stars than the known ratings. They have to be equal: ==.":
                    lambda R, items, ratings: np.flatnonzero((R[:, items] <= ratings).all(axis=1)),
                "You asked for more stars than the known ratings, with >, as for the days. Here they have to be equal: "
                "==.":
                    lambda R, items, ratings: np.flatnonzero((R[:, items] > ratings).all(axis=1)),
                "You took the example of the days over: > and any. Here the ratings have to be equal (==), and all of "
                "them.":
                    lambda R, items, ratings: np.flatnonzero((R[:, items] > ratings).any(axis=1)),
                "Your rows differ in all known ratings: != is the opposite of ==.":
                    lambda R, items, ratings: np.flatnonzero((R[:, items] != ratings).all(axis=1)),
                "You returned the rows that do not fit, or not in everything. Return those that do.":
                    lambda R, items, ratings: np.flatnonzero(~(R[:, items] == ratings).all(axis=1)),
                "You always look at the columns 0 and 2. The known films are in the columns `items`.":
                    lambda R, items, ratings: np.flatnonzero((R[:, [0, 2]] == ratings).all(axis=1)),
                "Your rows are right and in decreasing order. Return them in increasing order.":
                    lambda R, items, ratings: candidates(R, items, ratings)[::-1],
                "A known 0 fits everything in your result. It means not rated, and only a 0 in the table is equal to "
                "it.":
                    lambda R, items, ratings: np.flatnonzero(
                        ((R[:, items] == ratings) | (np.asarray(ratings) == 0)).all(axis=1)
                    ),
                "You returned how many ratings fit in each row. Return the positions of the rows in which all fit.":
                    lambda R, items, ratings: (R[:, items] == ratings).sum(axis=1),
                "A known 0 (not rated) has to fit, too: a 0 in the table is equal to it.":
                    lambda R, items, ratings: np.flatnonzero(
                        ((R[:, items] == ratings) & (R[:, items] > 0)).all(axis=1)
                    ),
            },
        ),
        Exercise(
            "15.2", "Which row fits best?", objective="O15.1", level="core", minutes=9,
            reference=linkage_scores,
            cases=[
                # all films, in another order: ratings and weights of the wrong films have the right number
                (R_OTHER, np.array([2, 0, 1]), np.array([5, 4, 4]), np.array([2, 9, 40])),
                (R_OTHER, np.array([1, 2, 0]), np.array([3, 5, 1]), np.array([2, 9, 40])),
                (R_3, np.array([1]), np.array([1]), np.array([9, 2, 5])),
                (R_6, np.array([4, 1, 3]), np.array([5, 4, 1]), np.array([9, 2, 5, 30, 1])),
                (R_6, np.array([2]), np.array([3]), np.array([9, 2, 5, 30, 7])),
                (R_6, np.array([1, 4]), np.array([2, 4]), np.array([9, 3, 5, 30, 7])),
            ],
            draw=_draw_noisy_handful,
            properties={
                "Expected one score for each row of R: shape (n_users,).":
                    lambda args, result: np.shape(result) == (len(args[0]),),
            },
            why="A film that fits adds its weight, and a rare one adds more; a mistake costs only its own weight.",
            hints=(
                "R[:, items] has one row for each person and one column for each known film. When does a rating fit?",
                "Two conditions, joined with &: the row has a rating, and its distance from the known one is at most "
                "1.",
                "The picture has three parts: a table of what fits, a weight for each known film, and their product @. "
                "Compute the first two, and print their shapes.",
            ),
            misconceptions={
                "A 0 means that there is no rating, and it lies within one star of 1. Only rated films fit: "
                "R[:, items] > 0.":
                    lambda R, items, ratings, n_raters: (
                        (np.abs(R[:, items] - ratings) <= 1) @ (1 / np.log(1 + n_raters[items]))
                    ),
                "n_raters has a number for each film of the table. Take those of the known films: n_raters[items].":
                    lambda R, items, ratings, n_raters: _fits(R, items, ratings) @ (1 / np.log(1 + n_raters)),
                "n_raters has a number for each film of the table. You took its first ones; take n_raters[items].":
                    lambda R, items, ratings, n_raters: (
                        _fits(R, items, ratings) @ (1 / np.log(1 + n_raters[: len(items)]))
                    ),
                "You counted the films that fit. A film with few raters has a larger weight: 1 / ln(1 + its raters).":
                    lambda R, items, ratings, n_raters: _fits(R, items, ratings).sum(axis=1),
                "You multiplied by the logarithm, so popular films have the larger weights. Divide by it.":
                    lambda R, items, ratings, n_raters: _fits(R, items, ratings) @ np.log(1 + n_raters[items]),
                "The weight is 1 / ln(1 + n): the logarithm is missing.":
                    lambda R, items, ratings, n_raters: _fits(R, items, ratings) @ (1 / (1 + n_raters[items])),
                "The weight is 1 / ln(1 + n). You used 1 / n.":
                    lambda R, items, ratings, n_raters: _fits(R, items, ratings) @ (1 / n_raters[items]),
                "The weight is 1 / ln(1 + n). You used ln(n), which is 0 for a film with one rater.":
                    lambda R, items, ratings, n_raters: _fits(R, items, ratings) @ (1 / np.log(n_raters[items])),
                "The weight uses the natural logarithm, np.log. Yours has another base.":
                    lambda R, items, ratings, n_raters: linkage_scores(R, items, ratings, n_raters) * np.log(10),
                "The weight uses the natural logarithm, np.log. Yours has the base 2.":
                    lambda R, items, ratings, n_raters: linkage_scores(R, items, ratings, n_raters) * np.log(2),
                "You asked for exactly the same stars. The attacker may be off by one star: the distance is at most 1.":
                    lambda R, items, ratings, n_raters: (
                        _fits(R, items, ratings, within=0) @ (1 / np.log(1 + n_raters[items]))
                    ),
                "You compared with ratings[film], but `ratings` has one number for each *known* film, in the order of "
                "`items`. Go through both together: for i, r in zip(items, ratings).":
                    lambda R, items, ratings, n_raters: sum(
                        _fits(R, [i], ratings[i]) @ (1 / np.log(1 + n_raters[[i]])) for i in items
                    ),
                "Your weights shrink with the distance. A film within one star adds its full weight.":
                    lambda R, items, ratings, n_raters: (
                        (_fits(R, items, ratings) / (1 + np.abs(R[:, items] - ratings)))
                        @ (1 / np.log(1 + n_raters[items]))
                    ),
                "Two things: a 0 means that there is no rating, so ask for R[:, items] > 0, too; and the weight is "
                "1 / ln(1 + n), not 1 / ln(n).":
                    lambda R, items, ratings, n_raters: (
                        (np.abs(R[:, items] - ratings) <= 1) @ (1 / np.log(n_raters[items]))
                    ),
                "You added up the logarithms and divided at the end. Divide for each film, 1 / ln(1 + n), then add "
                "up.":
                    lambda R, items, ratings, n_raters: 1 / (_fits(R, items, ratings) @ np.log(1 + n_raters[items])),
                "You divided the number of films that fit by a sum of logarithms. Each film adds its own weight.":
                    lambda R, items, ratings, n_raters: (
                        _fits(R, items, ratings).sum(axis=1) / np.log(1 + n_raters[items]).sum()
                    ),
                "You divided the number of films that fit by the sum of their logarithms. Each film adds its own "
                "weight.":
                    lambda R, items, ratings, n_raters: _fits(R, items, ratings).sum(axis=1) / (
                        _fits(R, items, ratings) @ np.log(1 + n_raters[items])
                    ),
                "Your score tells only whether some film fits. Add up the weights of all films that fit.":
                    lambda R, items, ratings, n_raters: (
                        _fits(R, items, ratings).any(axis=1) * np.mean(1 / np.log(1 + n_raters[items]))
                    ),
                "You compared with the mean of the known ratings. Each film has its own known rating.":
                    lambda R, items, ratings, n_raters: (
                        _fits(R, items, np.mean(ratings)) @ (1 / np.log(1 + n_raters[items]))
                    ),
                "Only the last known film counts in your result. The score has to start at 0 before the loop over the "
                "films, not inside it.":
                    lambda R, items, ratings, n_raters: (
                        _fits(R, items[-1:], ratings[-1:]) @ (1 / np.log(1 + n_raters[items[-1:]]))
                    ),
                "A rating that is too low by several stars fits in your result. Take the distance without its sign: "
                "np.abs.":
                    lambda R, items, ratings, n_raters: (
                        ((R[:, items] > 0) & (R[:, items] - ratings <= 1)) @ (1 / np.log(1 + n_raters[items]))
                    ),
                "The weight is 1 / ln(1 + n). You added 1 after the logarithm.":
                    lambda R, items, ratings, n_raters: (
                        _fits(R, items, ratings) @ (1 / (1 + np.log(n_raters[items])))
                    ),
                "Films that are off by two stars fit in your result. The distance is at most 1.":
                    lambda R, items, ratings, n_raters: (
                        _fits(R, items, ratings, within=2) @ (1 / np.log(1 + n_raters[items]))
                    ),
                "A rating that is too high by several stars fits in your result. Take the distance without its sign: "
                "np.abs.":
                    lambda R, items, ratings, n_raters: (
                        ((R[:, items] > 0) & (ratings - R[:, items] <= 1)) @ (1 / np.log(1 + n_raters[items]))
                    ),
                "A film that does not fit adds nothing. In your result it subtracts its weight.":
                    lambda R, items, ratings, n_raters: (
                        (2.0 * _fits(R, items, ratings) - 1) @ (1 / np.log(1 + n_raters[items]))
                    ),
                "You returned the largest weight of each row. The score is the sum of the weights.":
                    lambda R, items, ratings, n_raters: (
                        _fits(R, items, ratings) * (1 / np.log(1 + n_raters[items]))
                    ).max(axis=1),
                "You added the weights of all known films that a row has rated. Only those within one star fit.":
                    lambda R, items, ratings, n_raters: (R[:, items] > 0) @ (1 / np.log(1 + n_raters[items])),
                "You returned the mean over the known films. The score is their sum.":
                    lambda R, items, ratings, n_raters: linkage_scores(R, items, ratings, n_raters) / len(items),
                "You added up over the people. There is one score for each row: sum over the known films, axis=1.":
                    lambda R, items, ratings, n_raters: (
                        _fits(R, items, ratings) * (1 / np.log(1 + n_raters[items]))
                    ).sum(axis=0),
                "You returned a table with one number for each known film. Add them up for each row: sum(axis=1) or @.":
                    lambda R, items, ratings, n_raters: _fits(R, items, ratings) * (1 / np.log(1 + n_raters[items])),
                "You looked at the first columns of R, with the right weights. The known films are the columns "
                "`items`: "
                "R[:, items].":
                    lambda R, items, ratings, n_raters: (
                        _fits(R, np.arange(len(items)), ratings) @ (1 / np.log(1 + n_raters[items]))
                    ),
                "You used the positions 0, 1, ... of a loop as films, for R and n_raters. The films are items[0], "
                "items[1], "
                "...":
                    lambda R, items, ratings, n_raters: (
                        _fits(R, np.arange(len(items)), ratings) @ (1 / np.log(1 + n_raters[: len(items)]))
                    ),
                "Some numbers are infinite or NaN: ln 1 is 0. Parentheses may be missing: 1 / np.log(1 + n).":
                    lambda R, items, ratings, n_raters: (
                        _fits(R, items, ratings) @ (np.float64(np.inf) + n_raters[items])
                    ),
                "You used a square root. The weight is 1 / ln(1 + n): np.log.":
                    lambda R, items, ratings, n_raters: _fits(R, items, ratings) @ (1 / np.sqrt(1 + n_raters[items])),
                "You added up distances. A film fits or not: compare the distance with 1, np.abs(...) <= 1.":
                    lambda R, items, ratings, n_raters: (
                        np.abs(R[:, items] - ratings) @ (1 / np.log(1 + n_raters[items]))
                    ),
                "Both conditions have to be true, rated *and* within one star: join them with &, not with |.":
                    lambda R, items, ratings, n_raters: (
                        ((R[:, items] > 0) | (np.abs(R[:, items] - ratings) <= 1))
                        @ (1 / np.log(1 + n_raters[items]))
                    ),
                "R[items] takes rows. The known films are columns: R[:, items].":
                    lambda R, items, ratings, n_raters: (
                        _fits(R.T, items, ratings[:, None] if R.T.shape[1] != len(ratings) else ratings)
                        if len(R) <= max(items) else
                        ((R[items] > 0) & (np.abs(R[items] - ratings) <= 1)) @ (1 / np.log(1 + n_raters[items]))
                    ),
                "You divided the weights by their sum. Take them as they are: 1 / ln(1 + n).":
                    lambda R, items, ratings, n_raters: (
                        linkage_scores(R, items, ratings, n_raters) / np.sum(1 / np.log(1 + n_raters[items]))
                    ),
                "You divided by the largest score. Return the scores as they are.":
                    lambda R, items, ratings, n_raters: (
                        linkage_scores(R, items, ratings, n_raters)
                        / max(linkage_scores(R, items, ratings, n_raters).max(), 1e-12)
                    ),
                "You divided by the number of films that fit. The score is the sum of the weights, not a mean.":
                    lambda R, items, ratings, n_raters: (
                        linkage_scores(R, items, ratings, n_raters)
                        / np.maximum(_fits(R, items, ratings).sum(axis=1), 1)
                    ),
                "You multiplied by the stars of the row. A film that fits adds its weight, whatever its stars.":
                    lambda R, items, ratings, n_raters: (
                        (_fits(R, items, ratings) * R[:, items]) @ (1 / np.log(1 + n_raters[items]))
                    ),
                "You multiplied by the known ratings. A film that fits adds its weight, whatever its stars.":
                    lambda R, items, ratings, n_raters: (
                        (_fits(R, items, ratings) * ratings) @ (1 / np.log(1 + n_raters[items]))
                    ),
                "You returned an order of the rows (np.argsort). Return the score of each row.":
                    lambda R, items, ratings, n_raters: np.argsort(-linkage_scores(R, items, ratings, n_raters)),
                "You marked the best rows with True. Return the score of each row.":
                    lambda R, items, ratings, n_raters: (
                        linkage_scores(R, items, ratings, n_raters)
                        == linkage_scores(R, items, ratings, n_raters).max()
                    ),
                "All your weights are those of a film with four ratings, as in the mini-case. Use n_raters[items].":
                    lambda R, items, ratings, n_raters: _fits(R, items, ratings).sum(axis=1) / np.log(5),
                "You divided by the logarithm of a sum. Each film has its own weight, 1 / ln(1 + its raters).":
                    lambda R, items, ratings, n_raters: (
                        _fits(R, items, ratings).sum(axis=1) / np.log(1 + n_raters[items].sum())
                    ),
                "You counted the raters in R. Use the numbers that are given: n_raters.":
                    lambda R, items, ratings, n_raters: (
                        _fits(R, items, ratings) @ (1 / np.log(1 + (R > 0).sum(axis=0)[items]))
                    ),
                "You multiplied the number of films that fit by a mean weight. Each film that fits adds its own "
                "weight.":
                    lambda R, items, ratings, n_raters: (
                        _fits(R, items, ratings).sum(axis=1) * np.mean(1 / np.log(1 + n_raters[items]))
                    ),
                "You took the logarithm of the summed counts. Take the weight of each film first, then add up.":
                    lambda R, items, ratings, n_raters: 1 / np.log(1 + _fits(R, items, ratings) @ n_raters[items]),
                "Only rows that fit in all films have a score in your result. Each film that fits adds its weight.":
                    lambda R, items, ratings, n_raters: (
                        _fits(R, items, ratings).all(axis=1) * np.sum(1 / np.log(1 + n_raters[items]))
                    ),
                "The score of a row is the weight of its last film that fits: each film overwrites it. Add up, with "
                "+=.":
                    lambda R, items, ratings, n_raters: _last_weight(R, items, ratings, n_raters),
                "Your scores grow from row to row: a row begins with the sum of the rows before. Set the score back "
                "to 0 for each row.":
                    lambda R, items, ratings, n_raters: np.cumsum(linkage_scores(R, items, ratings, n_raters)),
                "You returned the best row. Return the score of each row.":
                    lambda R, items, ratings, n_raters: int(linkage_scores(R, items, ratings, n_raters).argmax()),
            },
        ),
        Exercise(
            "15.8", "True positives at few false positives", objective="O15.2", level="core", minutes=9,
            reference=true_positive_rate,
            cases=[
                (np.array([0.7, 0.2]), np.array([0.1, 0.6, 0.4, 0.3]), 1),
                (np.array([0.7, 0.2, 0.5, 0.65]), np.array([0.1, 0.6, 0.4, 0.3]), 0),
                (np.array([0.5, 0.5, 0.9]), np.array([0.5, 0.1]), 0),  # a member as high as the threshold
                (np.array([0.4, 0.5, 0.6, 0.1]), np.array([0.5, 0.5, 0.2]), 1),  # two outsiders at the threshold
                (np.array([0.1]), np.array([0.2, 0.3]), 0),
                (np.array([-1.0, -3.0, 2.0]), np.array([-2.0, -4.0, -5.0, -0.5, 0.0]), 2),
                (np.array([0.995, -1.0, 2.0]), np.array([0.0, 1.0, -0.5]), 1),
                (np.array([0.5, 0.8, 0.1, 0.35, 0.25]), np.array([0.3, 0.2, 0.6, 0.9, 0.4, 0.7]), 4),
            ],
            draw=_draw_scores,
            properties={
                "Expected one number, the share of members who are accused.":
                    lambda args, result: np.ndim(result) == 0,
                "A share lies between 0 and 1: divide the number of accused members by the number of members, and do "
                "not return percent.":
                    lambda args, result: not (float(result) < 0 or float(result) > 1),  # NaN has another message
            },
            why="The threshold depends on the outsiders alone; the members above it are found.",
            hints=(
                "Sort the outsiders from high to low. Who is accused if the threshold is the score at position 0? At "
                "1?",
                "At position 0 nobody lies above the threshold, at position 1 at most one. So which position do you "
                "need?",
                "Only members *above* the threshold count. The mean of an array of True and False is a share.",
            ),
            misconceptions={
                "A score equal to the threshold is not accused: only those above it are, members > threshold.":
                    lambda members, outsiders, n_false: float(np.mean(members >= _from_high(outsiders)[n_false])),
                "You sorted from low to high, so the threshold is one of the lowest outsiders. Sort from high to low.":
                    lambda members, outsiders, n_false: float(np.mean(members > np.sort(outsiders)[n_false])),
                "You took the outsiders in the order in which they are given. Sort them from high to low first.":
                    lambda members, outsiders, n_false: float(np.mean(members > np.asarray(outsiders)[n_false])),
                "Your threshold is one place too early, except where n_false is 0. At position n_false (counted from "
                "0) "
                "there are n_false outsiders before it.":
                    lambda members, outsiders, n_false: float(
                        np.mean(members > (_from_high(outsiders)[n_false - 1] if n_false else np.inf))
                    ),
                "Your threshold is one place too early: only n_false - 1 outsiders lie above it. With n_false = 0 it "
                "is "
                "even the lowest outsider (position -1 from high to low, or -0 from low to high).":
                    lambda members, outsiders, n_false: float(np.mean(members > _from_high(outsiders)[n_false - 1])),
                "Two things: your threshold is one place too early (position n_false - 1), and a score equal to the "
                "threshold is accused (>=).":
                    lambda members, outsiders, n_false: float(np.mean(members >= _from_high(outsiders)[n_false - 1])),
                "Two things: you sorted from low to high, and a score equal to the threshold is accused (>=).":
                    lambda members, outsiders, n_false: float(np.mean(members >= np.sort(outsiders)[n_false])),
                "You always took position 4, as in the text. Take the outsider that n_false allows.":
                    lambda members, outsiders, n_false: float(
                        np.mean(members > _from_high(outsiders)[min(4, len(outsiders) - 1)])
                    ),
                "Your threshold is the mean of the outsiders that are left. Take the highest of them: position "
                "n_false.":
                    lambda members, outsiders, n_false: float(
                        np.mean(members > np.mean(_from_high(outsiders)[n_false:]))
                    ),
                "Your threshold is one place too late: more outsiders are accused than is allowed.":
                    lambda members, outsiders, n_false: float(
                        np.mean(members > [*_from_high(outsiders), -np.inf][n_false + 1])
                    ),
                "The threshold is the score of an outsider: the rule limits how many *outsiders* are accused.":
                    lambda members, outsiders, n_false: float(
                        np.mean(members > _from_high(members)[min(n_false, len(members) - 1)])
                    ),
                "The threshold is the score of an outsider. You sorted members and outsiders together.":
                    lambda members, outsiders, n_false: float(
                        np.mean(members > _from_high(np.concatenate([members, outsiders]))[n_false])
                    ),
                "You exchanged members and outsiders: the threshold is an outsider's score, the share is of members.":
                    lambda members, outsiders, n_false: float(
                        np.mean(outsiders > _from_high(members)[min(n_false, len(members) - 1)])
                    ),
                "You returned how many members are accused. Return their share: divide by the number of members.":
                    lambda members, outsiders, n_false: int(np.sum(members > _from_high(outsiders)[n_false])),
                "You divided by the number of outsiders. The rate is a share of the members.":
                    lambda members, outsiders, n_false: float(
                        np.sum(members > _from_high(outsiders)[n_false]) / len(outsiders)
                    ),
                "That is the share of outsiders who are accused, the false positive rate. Return the share of members.":
                    lambda members, outsiders, n_false: float(np.mean(outsiders > _from_high(outsiders)[n_false])),
                "That is the share of members among all who are accused. Divide by the number of members instead.":
                    lambda members, outsiders, n_false: float(
                        np.sum(members > _from_high(outsiders)[n_false])
                        / max(1, np.sum(np.concatenate([members, outsiders]) > _from_high(outsiders)[n_false]))
                    ),
                "You divided by the number of all who are accused, which can be 0. Divide by the number of members.":
                    lambda members, outsiders, n_false: _precision(members, outsiders, n_false),
                "You divided by the number of members and outsiders together. The rate is a share of the members.":
                    lambda members, outsiders, n_false: float(
                        np.sum(members > _from_high(outsiders)[n_false]) / (len(members) + len(outsiders))
                    ),
                "np.unique removes scores that occur twice. Each outsider counts: sort with np.sort.":
                    lambda members, outsiders, n_false: float(
                        np.mean(members > np.unique(outsiders)[::-1][n_false])
                    ),
                "Your threshold is always the second highest outsider, as if n_false were 1.":
                    lambda members, outsiders, n_false: float(np.mean(members > _from_high(outsiders)[1])),
                "Your share has lost its fraction, as with // or int(). Divide with /, and return it in full.":
                    lambda members, outsiders, n_false: int(
                        np.sum(members > _from_high(outsiders)[n_false]) // len(members)
                    ),
                "np.percentile(outsiders, 100 - n_false) leaves n_false *percent* of the outsiders above it. n_false "
                "is a "
                "number of outsiders.":
                    lambda members, outsiders, n_false: float(
                        np.mean(members > np.percentile(outsiders, 100 - n_false))
                    ),
                "np.quantile needs a share of the outsiders, and n_false is a number. Take the outsider's score at a "
                "position.":
                    lambda members, outsiders, n_false: float(
                        np.mean(members > np.quantile(outsiders, max(0, 1 - n_false)))
                    ),
                "You subtracted the false positive rate. Return the true positive rate alone.":
                    lambda members, outsiders, n_false: float(
                        np.mean(members > _from_high(outsiders)[n_false])
                        - np.mean(outsiders > _from_high(outsiders)[n_false])
                    ),
                "You divided by the false positive rate, which can be 0. Return the true positive rate alone.":
                    lambda members, outsiders, n_false: float(
                        np.mean(members > _from_high(outsiders)[n_false])
                        / np.float64(np.mean(outsiders > _from_high(outsiders)[n_false]))
                    ),
                "That is the share of members who are *not* accused, one minus the rate.":
                    lambda members, outsiders, n_false: float(np.mean(members <= _from_high(outsiders)[n_false])),
                "The threshold is the median of the outsiders. Take the score of the outsider that n_false allows.":
                    lambda members, outsiders, n_false: float(np.mean(members > np.median(outsiders))),
                "Your threshold is always the lowest outsider. Take the score of the outsider that n_false allows.":
                    lambda members, outsiders, n_false: float(np.mean(members > np.min(outsiders))),
                "Your threshold is always the third highest outsider, as if n_false were 2. Take the argument.":
                    lambda members, outsiders, n_false: float(
                        np.mean(members > _from_high(outsiders)[min(2, len(outsiders) - 1)])
                    ),
                "You divided the accused members by themselves plus n_false. Divide by the number of members.":
                    lambda members, outsiders, n_false: (lambda found: float(found / max(1, found + n_false)))(
                        np.sum(members > _from_high(outsiders)[n_false])
                    ),
                "You compared the scores with n_false, which is a number of outsiders. The threshold is the score of "
                "an outsider.":
                    lambda members, outsiders, n_false: float(np.mean(members > n_false)),
                "Your threshold is always .5. Take the score of the outsider that n_false allows.":
                    lambda members, outsiders, n_false: float(np.mean(members > 0.5)),
                "That is the accuracy over members and outsiders. Return the share of the members who are accused.":
                    lambda members, outsiders, n_false: float(
                        np.mean(
                            [
                                *(members > _from_high(outsiders)[n_false]),
                                *(outsiders <= _from_high(outsiders)[n_false]),
                            ]
                        )
                    ),
                "np.sort(-outsiders) has the scores with a minus. Take the minus away again: -np.sort(-outsiders).":
                    lambda members, outsiders, n_false: float(np.mean(members > np.sort(-outsiders)[n_false])),
                "Your threshold lies between two outsiders. Take the score of one of them: position n_false, from high "
                "to low.":
                    lambda members, outsiders, n_false: float(
                        np.mean(members > (_from_high(outsiders)[n_false] + _from_high(outsiders)[n_false - 1]) / 2)
                    ),
                "You returned the threshold. Return the share of members above it.":
                    lambda members, outsiders, n_false: float(_from_high(outsiders)[n_false]),
                "np.quantile puts the threshold between two outsiders. Take the outsider's score at a position.":
                    lambda members, outsiders, n_false: float(
                        np.mean(members > np.quantile(outsiders, 1 - n_false / len(outsiders)))
                    ),
                "The threshold is the mean of the outsiders. Take the score of one outsider, as n_false allows.":
                    lambda members, outsiders, n_false: float(np.mean(members > np.mean(outsiders))),
                "Your threshold is always the highest outsider, as if n_false were 0.":
                    lambda members, outsiders, n_false: float(np.mean(members > np.max(outsiders))),
                "You returned the share of members below the threshold. The attacker accuses those above it.":
                    lambda members, outsiders, n_false: float(np.mean(members < _from_high(outsiders)[n_false])),
                "np.argsort returns positions, not scores. Use np.sort.":
                    lambda members, outsiders, n_false: float(
                        np.mean(members > np.argsort(outsiders)[::-1][n_false])
                    ),
                "That is the share of outsiders who may be accused. Return the share of members who are.":
                    lambda members, outsiders, n_false: n_false / len(outsiders),
                "That is the AUC, the share of the pairs that a member wins. Use the one threshold that n_false "
                "allows.":
                    lambda members, outsiders, n_false: float(
                        np.mean(np.asarray(members)[:, None] > np.asarray(outsiders))
                    ),
                "That is the AUC, an average over all thresholds. Use the one threshold that n_false allows.":
                    lambda members, outsiders, n_false: attacks.membership_auc(members, outsiders),
            },
        ),
        Exercise(
            "15.4", "How many share each row?", objective="O15.3", level="core", minutes=7,
            reference=group_sizes,
            cases=[
                (PEOPLE, ["gender", "age"]),
                (PEOPLE, ["zip_code"]),
                (CLUB, ["gender", "age"]),
                (CLUB, ["gender", "age", "zip_code"]),
                (JOINED, ["gender", "age", "zip_code"]),
                (SWAPPED, ["home", "work"]),  # the same values in other columns; rows with labels in another order
                (MATES, ["age"]),
                (FROM_1, ["age", "club"]),
                (UNKNOWN, ["age"]),  # a value is missing in another column
            ],
            draw=_draw_people,
            properties={
                'transform("sum") adds up the values of a column, or joins its texts. transform("size") counts the '
                'rows.':
                    lambda args, result: not _is_sum(*args, result),
                "Your result has the values of a column (as from mean, max or first). Count the rows of each group: "
                "size.":
                    lambda args, result: not any(
                        len(args[0]) == np.size(result) and np.array_equal(np.asarray(result), args[0][column])
                        for column in args[1]
                    ),
                "Expected one number for each row of the table, in its order. transform returns one for each row, "
                "and size() "
                "alone one for each group.":
                    lambda args, result: np.shape(result)[:1] == (len(args[0]),),
            },
            why="A person is as well hidden as the group that shares their values is large, themselves included.",
            hints=(
                "Rows with the same values in all the columns form a group. How large is the group of each row?",
                "groupby(columns) forms the groups; transform returns a result for each row.",
                'As with the towns, take one column of the groups and transform it; any of the columns will do. Which '
                'word counts rows? Finish with .to_numpy().',
            ),
            misconceptions={
                "You counted only the other rows. Each row counts itself: somebody alone has a group of 1.":
                    lambda table, columns: group_sizes(table, columns) - 1,
                "You looked at each column separately. It is the combination of the columns that singles out.":
                    lambda table, columns: np.min([group_sizes(table, [column]) for column in columns], axis=0),
                "You used all columns of the table. Use only those in `columns`.":
                    lambda table, columns: group_sizes(table, list(table.columns)),
                "You returned the number of all rows. Count those of the row's own group.":
                    lambda table, columns: np.full(len(table), len(table)),
                "You used only the last column.":
                    lambda table, columns: group_sizes(table, columns[-1:]),
                "You used only the first two columns. `columns` can have another number of names.":
                    lambda table, columns: group_sizes(table, columns[:2]),
                "You multiplied the counts of the separate columns. Count the rows that agree in all columns at once.":
                    lambda table, columns: np.prod([group_sizes(table, [column]) for column in columns], axis=0),
                "You took the largest group of the separate columns. Count the rows that agree in all columns at once.":
                    lambda table, columns: np.max([group_sizes(table, [column]) for column in columns], axis=0),
                "You returned shares. Return how many rows there are.":
                    lambda table, columns: group_sizes(table, columns) / len(table),
                "Your numbers are sorted. Leave them in the order of the table.":
                    lambda table, columns: np.sort(group_sizes(table, columns)),
                "Your numbers are sorted, from high to low. Leave them in the order of the table.":
                    lambda table, columns: np.sort(group_sizes(table, columns))[::-1],
                "You numbered the groups. Return how many rows each group has.":
                    lambda table, columns: table.groupby(columns).ngroup().to_numpy(),
                "You numbered the rows inside each group. Return how many rows the group has.":
                    lambda table, columns: table.groupby(columns).cumcount().to_numpy(),
                "You numbered the rows inside each group, from 1. Return how many rows the group has.":
                    lambda table, columns: table.groupby(columns).cumcount().to_numpy() + 1,
                "You marked with 1 (or True) the rows that share their values with another. Return how many rows share "
                "them.":
                    lambda table, columns: table.duplicated(columns, keep=False).to_numpy().astype(int),
                "You added 1 to the rows that repeat an earlier one. A group can have more than two rows: count them.":
                    lambda table, columns: table.duplicated(columns).to_numpy().astype(int) + 1,
                "You counted at most two rows for each group. A group can have more: count them.":
                    lambda table, columns: table.duplicated(columns, keep=False).to_numpy().astype(int) + 1,
                "Your result has one column for each of `columns`, as groupby(...)[columns] has. Take one column of "
                "the "
                "groups: [columns[0]].":
                    lambda table, columns: table.groupby(columns)[columns].transform("count"),
                "You counted the known values of another column, and one is missing there. Count rows: size, or take "
                "one of `columns`.":
                    lambda table, columns: table.groupby(columns)[table.columns[-1]].transform("count").to_numpy(),
                "You counted different values in each group. Return how many rows it has: size.":
                    lambda table, columns: table.groupby(columns)[columns[0]].transform("nunique").to_numpy(),
                "You added the counts of the separate columns. Count the rows that agree in all columns at once.":
                    lambda table, columns: np.sum([group_sizes(table, [column]) for column in columns], axis=0),
                "You took the mean over the separate columns. Count the rows that agree in all columns at once.":
                    lambda table, columns: np.mean([group_sizes(table, [column]) for column in columns], axis=0),
                "You marked the rows that repeat an earlier one. Return how many rows share the values.":
                    lambda table, columns: table.duplicated(columns).to_numpy().astype(int),
                "You counted the rows that agree in *some* column. They have to agree in all: all(axis=1).":
                    lambda table, columns: np.array(
                        [(table[columns] == table[columns].iloc[i]).any(axis=1).sum() for i in range(len(table))]
                    ),
                "all() looked at each column. A row agrees if all of its columns do: all(axis=1).":
                    lambda table, columns: np.array(
                        [(table[columns] == table[columns].iloc[i]).all().sum() for i in range(len(table))]
                    ),
                "For each row you counted from this row on. Count in the complete table.":
                    lambda table, columns: table.groupby(columns).cumcount(ascending=False).to_numpy() + 1,
                "You returned 1 / size. Return how many rows there are.":
                    lambda table, columns: 1 / group_sizes(table, columns),
                "Your numbers grow from row to row: they were added up along the table. Leave out the cumsum.":
                    lambda table, columns: group_sizes(table, columns).cumsum(),
                "You counted different values inside each row. Count how many rows share its values.":
                    lambda table, columns: table[columns].nunique(axis=1).to_numpy(),
                "Your numbers are in the order of the groups (a merge or sort does so). Keep the order of the table.":
                    lambda table, columns: (
                        table.merge(
                            table.groupby(columns).size().rename("size").reset_index(), on=columns, how="right"
                        )["size"].to_numpy()
                    ),
                "You used only the first column.":
                    lambda table, columns: group_sizes(table, columns[:1]),
                "Joined without a separator, 2 and '41' look like 24 and '1'. Compare the columns separately: groupby.":
                    lambda table, columns: _joined(table, columns).map(_joined(table, columns).value_counts()),
                "The rows of your result follow the labels of the index (.loc and sort_index do so). The index need "
                "not be "
                "0, 1, 2, ...: keep the order of the table, and use positions, as .iloc does.":
                    lambda table, columns: group_sizes(table.loc[list(range(len(table)))], columns),
                "The order of the values in a row counts: N, S and S, N are two groups. Compare column by column.":
                    lambda table, columns: (
                        key := pd.Series([frozenset(row) for row in table[columns].to_numpy()])
                    ).map(key.value_counts()).to_numpy(),
            },
        ),
        Exercise(
            "15.5", "The true share from lies", objective="O15.4", level="core", minutes=8,
            reference=true_share,
            cases=[
                (np.array([True, False]), LN3),
                (np.array([True, True, True, False]), LN3),
                (np.array([False, False, False, False]), LN3),
                (np.array([True, False, False]), 2 * LN3),
                (np.array([True]), 0.5),
            ],
            draw=_draw_answers,
            why="The lies are known on average: subtract the false yeses, and stretch what is left.",
            hints=(
                "What share of yeses do you expect if nobody is ill, and if everybody is? In the text: 25 and 75 of "
                "100.",
                "In the text the ends are 25 and 75 because p is 3/4. Write both ends with p, and p with epsilon.",
                "How far above the lower end is the share of yeses? Divide this by the distance between the ends. Mind "
                "the parentheses.",
            ),
            misconceptions={
                "That is the share of people who answer yes; many of these answers are lies.":
                    lambda answers, epsilon: float(np.mean(answers)),
                "You cut the estimate off at 0 or 1. That makes it wrong on average: leave it as it is.":
                    lambda answers, epsilon: float(np.clip(true_share(answers, epsilon), 0, 1)),
                "You did not subtract the yeses that are lies: subtract 1 - p before you divide.":
                    lambda answers, epsilon: float(np.mean(answers) / (2 * truth_probability(epsilon) - 1)),
                "You used the number of yeses. The formula needs their share: np.mean.":
                    lambda answers, epsilon: float(
                        (np.sum(answers) - 1 + truth_probability(epsilon)) / (2 * truth_probability(epsilon) - 1)
                    ),
                "You used p = 3/4 for every ε. Compute p from epsilon.":
                    lambda answers, epsilon: _share_with(answers, 0.75),
                "You subtracted p. If nobody has a true yes, the share of yeses is 1 - p: subtract this.":
                    lambda answers, epsilon: float(
                        (np.mean(answers) - truth_probability(epsilon)) / (2 * truth_probability(epsilon) - 1)
                    ),
                "Your result has the wrong sign. Which of the two ends is the higher one, if people mostly tell the "
                "truth?":
                    lambda answers, epsilon: -true_share(answers, epsilon),
                "You returned how many people have a true yes. Return their share.":
                    lambda answers, epsilon: len(answers) * true_share(answers, epsilon),
                "Your numbers are what you get if the share of yeses is randomized once more: p times it, plus 1 - p "
                "times the rest. Go the other way: from the yeses back to the true share.":
                    lambda answers, epsilon: float(
                        np.mean(answers) * truth_probability(epsilon)
                        + (1 - np.mean(answers)) * (1 - truth_probability(epsilon))
                    ),
                "You cut the estimate off at 0, for example with max(0, ...). That makes it wrong on average: leave "
                "it.":
                    lambda answers, epsilon: max(0.0, true_share(answers, epsilon)),
                "You cut the estimate off at 1, for example with min(1, ...). That makes it wrong on average: leave "
                "it.":
                    lambda answers, epsilon: min(1.0, true_share(answers, epsilon)),
                "An estimate below 0 is positive in your result. Leave its sign: no abs.":
                    lambda answers, epsilon: abs(true_share(answers, epsilon)),
                "Parentheses are missing in p: e^ε / 1 + e^ε is 2 e^ε. Write np.exp(epsilon) / (1 + np.exp(epsilon)).":
                    lambda answers, epsilon: _share_with(answers, 2 * np.exp(epsilon)),
                "Parentheses are missing in the divisor: x / 2 * p - 1 multiplies by p. Write x / (2 * p - 1).":
                    lambda answers, epsilon: float(
                        (np.mean(answers) - (1 - truth_probability(epsilon))) / 2 * truth_probability(epsilon) - 1
                    ),
                "Parentheses are missing: subtract 1 - p from the mean first, then divide the difference.":
                    lambda answers, epsilon: float(
                        np.mean(answers) - (1 - truth_probability(epsilon)) / (2 * truth_probability(epsilon) - 1)
                    ),
                "Parentheses are missing: mean - 1 - p subtracts p. Write mean - (1 - p).":
                    lambda answers, epsilon: float(
                        (np.mean(answers) - 1 - truth_probability(epsilon)) / (2 * truth_probability(epsilon) - 1)
                    ),
                "You used ε as p. Compute p = e^ε / (1 + e^ε) first.":
                    lambda answers, epsilon: float((np.mean(answers) - (1 - epsilon)) / np.float64(2 * epsilon - 1)),
                "You used ln(ε / (1 + ε)) as p. The formula from ε to p is e^ε / (1 + e^ε), with np.exp.":
                    lambda answers, epsilon: _share_with(answers, np.log(epsilon / (1 + epsilon))),
                "You took the 25 and 50 of the text. They are numbers of people, of 100, and belong to ε = ln 3. Use "
                "the "
                "share of yeses, and compute both ends from epsilon.":
                    lambda answers, epsilon: (np.sum(answers) - 25) / 50,
                "You divided by 100 people, as in the text. Here the number of answers can differ: take their mean.":
                    lambda answers, epsilon: float(
                        (np.sum(answers) / 100 - 1 + truth_probability(epsilon)) / (2 * truth_probability(epsilon) - 1)
                    ),
                "You used p = 3/4 for every ε, and cut the estimate off. Compute p from epsilon, and leave the "
                "estimate "
                "as it is.":
                    lambda answers, epsilon: float(np.clip(_share_with(answers, 0.75), 0, 1)),
                "You returned the share of yeses less the share of noes. Go backward from the yeses: subtract the "
                "false "
                "ones.":
                    lambda answers, epsilon: float(2 * np.mean(answers) - 1),
                "You divided by one answer less than there are (len(answers) - 1). The share is the mean: np.mean.":
                    lambda answers, epsilon: float(
                        (np.sum(answers) / max(len(answers) - 1, 1) - 1 + truth_probability(epsilon))
                        / (2 * truth_probability(epsilon) - 1)
                    ),
                "You wrote e to the power e, or ε to the power ε. It is np.exp(epsilon) that belongs in p.":
                    lambda answers, epsilon: _share_with(answers, epsilon**epsilon / (1 + epsilon**epsilon)),
                "You put ε where p belongs, ln(ε / (1 - ε)). From ε to p it is e^ε / (1 + e^ε).":
                    lambda answers, epsilon: _share_with(answers, np.log(epsilon / (1 - epsilon))),
                "Your result has one number for each answer. Take the mean of the answers: one number for the survey.":
                    lambda answers, epsilon: (answers - (1 - truth_probability(epsilon)))
                    / (2 * truth_probability(epsilon) - 1),
                "You added 1 - p. The yeses that are lies are too many: subtract them.":
                    lambda answers, epsilon: float(
                        (np.mean(answers) + 1 - truth_probability(epsilon)) / (2 * truth_probability(epsilon) - 1)
                    ),
                "You multiplied by the distance of the ends. Divide by it: 10 of 50 is .2 in the text.":
                    lambda answers, epsilon: float(
                        (np.mean(answers) - 1 + truth_probability(epsilon)) * (2 * truth_probability(epsilon) - 1)
                    ),
                "You divided by 2p. The distance of the ends is p - (1 - p).":
                    lambda answers, epsilon: float(
                        (np.mean(answers) - 1 + truth_probability(epsilon)) / (2 * truth_probability(epsilon))
                    ),
                "You divided by 1 - p. The distance of the ends is p - (1 - p).":
                    lambda answers, epsilon: float(
                        (np.mean(answers) - 1 + truth_probability(epsilon)) / (1 - truth_probability(epsilon))
                    ),
                "You divided by p - 1. Divide by the distance of the two ends, p and 1 - p.":
                    lambda answers, epsilon: float(
                        (np.mean(answers) - 1 + truth_probability(epsilon)) / (truth_probability(epsilon) - 1)
                    ),
                "Parentheses are missing in the divisor: p - 1 - p is -1. Write p - (1 - p).":
                    lambda answers, epsilon: -float(np.mean(answers) - 1 + truth_probability(epsilon)),
                "You used p = e^ε, which is above 1. Divide by 1 + e^ε.":
                    lambda answers, epsilon: _share_with(answers, np.exp(epsilon)),
                "You used ln ε in p. It is e^ε that counts: p = e^ε / (1 + e^ε).":
                    lambda answers, epsilon: _share_with(answers, np.log(epsilon) / (1 + np.log(epsilon))),
                "You used p = e^-ε. With ε = ln(p / (1 - p)), p is e^ε / (1 + e^ε).":
                    lambda answers, epsilon: _share_with(answers, np.exp(-epsilon)),
                "You used p with ε = 1 for every ε. Compute p from epsilon.":
                    lambda answers, epsilon: _share_with(answers, truth_probability(1.0)),
                "You multiplied the share of yeses by p. Go backward: subtract the false yeses, then divide.":
                    lambda answers, epsilon: float(np.mean(answers) * truth_probability(epsilon)),
                "That is the probability that a person who says yes is ill, as if half of all yeses were known. Find "
                "the share among all people.":
                    lambda answers, epsilon: float(
                        np.mean(answers) * truth_probability(epsilon)
                        / (
                            np.mean(answers) * truth_probability(epsilon)
                            + (1 - np.mean(answers)) * (1 - truth_probability(epsilon))
                        )
                    ),
                "// drops the fraction. Divide with /.":
                    lambda answers, epsilon: float(
                        (np.mean(answers) - 1 + truth_probability(epsilon)) // (2 * truth_probability(epsilon) - 1)
                    ),
                "Your two ends are .5 apart for every ε. Compute p from epsilon; the ends are 1 - p and p.":
                    lambda answers, epsilon: float((np.mean(answers) - 1 + truth_probability(epsilon)) / 0.5),
                "You subtracted .25 for every ε. If nobody has a true yes, the share of yeses is 1 - p.":
                    lambda answers, epsilon: float((np.mean(answers) - 0.25) / (2 * truth_probability(epsilon) - 1)),
                "You returned percent. Return a share.":
                    lambda answers, epsilon: 100 * true_share(answers, epsilon),
                "You used powers of 2. It is np.exp(epsilon) that belongs in p.":
                    lambda answers, epsilon: _share_with(answers, 2**epsilon / (1 + 2**epsilon)),
                "You used powers of 10. It is np.exp(epsilon) that belongs in p.":
                    lambda answers, epsilon: _share_with(answers, 10**epsilon / (1 + 10**epsilon)),
                "You divided the yeses by p. Some yeses are from people whose truth is no: subtract 1 - p first.":
                    lambda answers, epsilon: float(np.mean(answers) / truth_probability(epsilon)),
                "You subtracted the false yeses, and did not stretch what is left. How far apart are the two ends?":
                    lambda answers, epsilon: float(np.mean(answers) - 1 + truth_probability(epsilon)),
                "You subtracted the false yeses, and then divided by p. Divide by the distance of the two ends, as in "
                "the text.":
                    lambda answers, epsilon: float(
                        (np.mean(answers) - 1 + truth_probability(epsilon)) / truth_probability(epsilon)
                    ),
                "Your formula fits a survey in which the others toss a coin. Here the others always say the opposite.":
                    lambda answers, epsilon: float(
                        (np.mean(answers) - (1 - truth_probability(epsilon)) / 2) / truth_probability(epsilon)
                    ),
                "You used p = 1 - e^-ε. With ε = ln(p / (1 - p)), p is e^ε / (1 + e^ε).":
                    lambda answers, epsilon: _share_with(answers, 1 - np.exp(-epsilon)),
                "You used p = ε / (1 + ε). It is e^ε that counts: p = e^ε / (1 + e^ε).":
                    lambda answers, epsilon: _share_with(answers, epsilon / (1 + epsilon)),
                "You exchanged truth and lie, or yes and no: p, the larger probability, is that of the truth.":
                    lambda answers, epsilon: _share_with(answers, 1 - truth_probability(epsilon)),
            },
        ),
        Exercise(
            "15.6", "Popularity, private for people", objective="O15.4", level="core", minutes=10,
            reference=private_counts,
            cases=[
                (np.array([[1, 1, 0], [0, 1, 1], [1, 0, 0]]), 1, 2.0, np.array([0.5, -1.0, 2.0])),
                (np.array([[1, 1, 1], [0, 1, 0]]), 2, 1.0, np.array([1.0, 0.0, -1.0])),
                (np.array([[1, 1, 1, 1], [0, 1, 0, 1]]), 3, 0.5, np.array([0.5, -1.0, 0.0, 2.0])),
                (np.array([[1, 0, 0], [0, 1, 0]]), 2, 1.0, np.array([1.0, 0.0, -1.0])),  # nobody has `most` ones
            ],
            draw=_draw_counts,
            properties={
                "Expected one count for each film: shape (n_items,). You have another number of films.":
                    lambda args, result: np.ndim(result) != 1 or len(result) in args[0].shape,
                "Where `noise` is 0 your result has noise, too. Use the noise that is given, and draw none yourself.":
                    lambda args, result: _has_no_other_noise(args, result),
            },
            why="After clipping, one person moves at most `most` counts by 1 each: that is the L1 sensitivity.",
            hints=(
                "How much can one person, added or removed, change the list of counts? Add up over all films.",
                "The running count of the text marks what to keep, and it marks zeros, too. How do you leave only the "
                "ones?",
                "Three steps: clip along each row, count the people of each film, add the noise once, stretched to the "
                "scale that hides a person.",
            ),
            misconceptions={
                "Sensitivity 1 hides one rating. One person moves up to `most` counts: scale the noise by most / ε.":
                    lambda table, most, epsilon, noise: _trimmed(table, most).sum(axis=0) + noise / epsilon,
                "You took the sensitivity from the table. It must not depend on who is in: use `most`.":
                    lambda table, most, epsilon, noise: (
                        _trimmed(table, most).sum(axis=0)
                        + noise * _trimmed(table, most).sum(axis=1).max() / epsilon
                    ),
                "You took the sensitivity from the busiest row of the table. It must not depend on who is in: after "
                "clipping it is `most`.":
                    lambda table, most, epsilon, noise: (
                        _trimmed(table, most).sum(axis=0) + noise * table.sum(axis=1).max() / epsilon
                    ),
                "You did not clip, and took the sensitivity from the busiest row. It must not depend on who is in: "
                "clip "
                "each row to `most` ones.":
                    lambda table, most, epsilon, noise: (
                        table.sum(axis=0) + noise * table.sum(axis=1).max() / epsilon
                    ),
                "Your result has a row for each person. Add up over the people first, axis=0, then add the noise.":
                    lambda table, most, epsilon, noise: _trimmed(table, most) + noise * most / epsilon,
                "You scaled long rows down, so that fractions are counted. Clip: keep the first `most` ones as they "
                "are.":
                    lambda table, most, epsilon, noise: (
                        (table * np.minimum(1, most / np.maximum(table.sum(axis=1, keepdims=True), 1))).sum(axis=0)
                        + noise * most / epsilon
                    ),
                "√2 belongs to the standard deviation. `noise` has scale 1: multiply it by most / epsilon.":
                    lambda table, most, epsilon, noise: (
                        _trimmed(table, most).sum(axis=0) + noise * np.sqrt(2) * most / epsilon
                    ),
                "You added up running counts where they are at most `most`. They only tell which ones to keep: "
                "multiply "
                "the *table* by (running count <= most).":
                    lambda table, most, epsilon, noise: (
                        (np.cumsum(table, axis=1) * (np.cumsum(table, axis=1) <= most)).sum(axis=0)
                        + noise * most / epsilon
                    ),
                "You added up running counts of the ones that are kept. Add up the ones themselves: multiply the table "
                "by (running count <= most).":
                    lambda table, most, epsilon, noise: (
                        (np.cumsum(table, axis=1) * _trimmed(table, most)).sum(axis=0) + noise * most / epsilon
                    ),
                "You kept only the ones at which the running count is exactly `most`. Keep all up to there: <=.":
                    lambda table, most, epsilon, noise: (
                        (table * (np.cumsum(table, axis=1) == most)).sum(axis=0) + noise * most / epsilon
                    ),
                "table[:most] keeps the first *people*. Keep the first ones of each row: cumsum along the row.":
                    lambda table, most, epsilon, noise: table[:most].sum(axis=0) + noise * most / epsilon,
                "You returned one number. Count the people of each film: sum(axis=0).":
                    lambda table, most, epsilon, noise: float(_trimmed(table, most).sum()) + noise * most / epsilon,
                "Two things: your counts include zeros that the running count marks, and your noise hides one rating. "
                "Multiply the marks by the table; the scale is most / epsilon.":
                    lambda table, most, epsilon, noise: (
                        (np.cumsum(table, axis=1) <= most).sum(axis=0) + noise / epsilon
                    ),
                "You added noise only where the count is above 0. Then a noisy film tells that somebody has seen it. "
                "Add "
                "noise to all.":
                    lambda table, most, epsilon, noise: (
                        _trimmed(table, most).sum(axis=0)
                        + np.where(_trimmed(table, most).sum(axis=0) > 0, noise * most / epsilon, 0)
                    ),
                "You raised the noise to a power. Multiply it by the scale, most / epsilon.":
                    lambda table, most, epsilon, noise: _trimmed(table, most).sum(axis=0) + noise ** (most / epsilon),
                "You kept one film too many in each row: the running count may be at most `most` (<=).":
                    lambda table, most, epsilon, noise: (
                        _trimmed(table, most + 1).sum(axis=0) + noise * most / epsilon
                    ),
                "You stretched the counts, too. Only the noise is multiplied by most / epsilon: no parentheses around "
                "counts + noise.":
                    lambda table, most, epsilon, noise: (_trimmed(table, most).sum(axis=0) + noise) * most / epsilon,
                "You added most / epsilon to the noise. Multiply the noise by it.":
                    lambda table, most, epsilon, noise: _trimmed(table, most).sum(axis=0) + noise + most / epsilon,
                "You removed the sign of the noise. It must be able to lower a count: no abs.":
                    lambda table, most, epsilon, noise: (
                        _trimmed(table, most).sum(axis=0) + np.abs(noise) * most / epsilon
                    ),
                "Your result fits most = 2, as in the mini-case. Use the argument.":
                    lambda table, most, epsilon, noise: private_counts(table, 2, epsilon, noise),
                "You kept the first columns, of the table and of the noise. Keep the first ones of each row, and "
                "return "
                "a number for every film.":
                    lambda table, most, epsilon, noise: (
                        table[:, :most].sum(axis=0) + noise[:most] * most / epsilon
                    ),
                "You added up running counts. They only tell which ones to keep: multiply the table by (running "
                "count <= "
                "most).":
                    lambda table, most, epsilon, noise: (
                        np.minimum(np.cumsum(table, axis=1), most).sum(axis=0) + noise * most / epsilon
                    ),
                "You neither clipped nor scaled the noise for a person: clip each row to `most` ones; the scale is "
                "most / "
                "epsilon.":
                    lambda table, most, epsilon, noise: table.sum(axis=0) + noise / epsilon,
                "Your noise is twice as wide: 2 * most is for a person who is replaced. Here one is added or removed.":
                    lambda table, most, epsilon, noise: (
                        _trimmed(table, most).sum(axis=0) + noise * 2 * most / epsilon
                    ),
                "You added up along the rows, so the counts are those of people. Count the people of each film: "
                "axis=0.":
                    lambda table, most, epsilon, noise: _trimmed(table, most).sum(axis=1) + noise * most / epsilon,
                "You counted on from row to row, as np.cumsum without an axis does, or a counter that is not set back "
                "to 0. Each row has its own first `most` ones.":
                    lambda table, most, epsilon, noise: (
                        (table * (np.cumsum(table).reshape(table.shape) <= most)).sum(axis=0) + noise * most / epsilon
                    ),
                "You counted the marks of the running count, also where the table has a 0. Multiply them by the table.":
                    lambda table, most, epsilon, noise: (
                        (np.cumsum(table, axis=1) <= most).sum(axis=0) + noise * most / epsilon
                    ),
                "The scale is upside down: it is sensitivity / ε, so most / epsilon.":
                    lambda table, most, epsilon, noise: _trimmed(table, most).sum(axis=0) + noise * epsilon / most,
                "The noise does not depend on ε in your result. The scale is most / epsilon.":
                    lambda table, most, epsilon, noise: _trimmed(table, most).sum(axis=0) + noise * most,
                "You added the noise with scale 1. Stretch it: multiply by most / epsilon.":
                    lambda table, most, epsilon, noise: _trimmed(table, most).sum(axis=0) + noise,
                "The noise was added to every row without its scale, so it is in the sum several times. Add it once, "
                "times "
                "most / epsilon.":
                    lambda table, most, epsilon, noise: (_trimmed(table, most) + noise).sum(axis=0),
                "You used the number of people as sensitivity. One person moves at most `most` counts.":
                    lambda table, most, epsilon, noise: (
                        _trimmed(table, most).sum(axis=0) + noise * len(table) / epsilon
                    ),
                "You divided by the number of people. Return counts.":
                    lambda table, most, epsilon, noise: private_counts(table, most, epsilon, noise) / len(table),
                "You left out everybody with more than `most` films. Keep their first `most` ones.":
                    lambda table, most, epsilon, noise: (
                        table[table.sum(axis=1) <= most].sum(axis=0) + noise * most / epsilon
                    ),
                "Your result never exceeds `most`: you cut off the finished counts. Bound each person before counting.":
                    lambda table, most, epsilon, noise: np.minimum(table.sum(axis=0) + noise * most / epsilon, most),
                "You divided the noise by `most`. More counts for a person need more noise: multiply by most / "
                "epsilon.":
                    lambda table, most, epsilon, noise: _trimmed(table, most).sum(axis=0) + noise / (most * epsilon),
                "You divided the noise by `most`, and ε is missing. Multiply by most / epsilon.":
                    lambda table, most, epsilon, noise: _trimmed(table, most).sum(axis=0) + noise / most,
                "A negative result is positive in your answer. Leave it negative: no abs.":
                    lambda table, most, epsilon, noise: np.abs(private_counts(table, most, epsilon, noise)),
                "Your result has an additional axis, as from keepdims=True. Expected shape (n_items,).":
                    lambda table, most, epsilon, noise: private_counts(table, most, epsilon, noise)[None],
                "You kept the most popular films. Which films are kept must be decided in each row: its first ones.":
                    lambda table, most, epsilon, noise: (
                        np.where(
                            np.isin(np.arange(table.shape[1]), np.argsort(-table.sum(axis=0))[:most]),
                            table.sum(axis=0),
                            0,
                        )
                        + noise * most / epsilon
                    ),
                "You did not clip, and used the number of films as sensitivity. Clip each row; then it is `most`.":
                    lambda table, most, epsilon, noise: table.sum(axis=0) + noise * table.shape[1] / epsilon,
                "You multiplied the counts by the noise. Add it.":
                    lambda table, most, epsilon, noise: _trimmed(table, most).sum(axis=0) * noise * most / epsilon,
                "You cut the noise off at ±most. Then some outputs are possible only with a person, or only without. "
                "Leave it.":
                    lambda table, most, epsilon, noise: (
                        _trimmed(table, most).sum(axis=0) + np.clip(noise * most / epsilon, -most, most)
                    ),
                "You added the noise twice, once with its scale and once without. Add noise * most / epsilon only.":
                    lambda table, most, epsilon, noise: private_counts(table, most, epsilon, noise) + noise,
                "You used e^ε in the scale. The scale is most / epsilon.":
                    lambda table, most, epsilon, noise: (
                        _trimmed(table, most).sum(axis=0) + noise * most * np.exp(epsilon)
                    ),
                "You subtracted the noise. Add it.":
                    lambda table, most, epsilon, noise: _trimmed(table, most).sum(axis=0) - noise * most / epsilon,
                "You took means over the people. Return counts: sum(axis=0).":
                    lambda table, most, epsilon, noise: _trimmed(table, most).mean(axis=0) + noise * most / epsilon,
                "You used the number of films as sensitivity. After clipping a person moves at most `most` counts.":
                    lambda table, most, epsilon, noise: (
                        _trimmed(table, most).sum(axis=0) + noise * table.shape[1] / epsilon
                    ),
                "The noise was added to every row, so it is in the sum several times. Add it once, to the counts.":
                    lambda table, most, epsilon, noise: (_trimmed(table, most) + noise * most / epsilon).sum(axis=0),
                "You kept the last films of each row. Keep the first ones, from the left.":
                    lambda table, most, epsilon, noise: (
                        _trimmed(table[:, ::-1], most)[:, ::-1].sum(axis=0) + noise * most / epsilon
                    ),
                "Nothing bounds what one person does: clip each row to its first `most` ones before you count.":
                    lambda table, most, epsilon, noise: table.sum(axis=0) + noise * most / epsilon,
                "You multiplied the noise by ε. A small ε promises more, so it needs more noise: divide by it.":
                    lambda table, most, epsilon, noise: _trimmed(table, most).sum(axis=0) + noise * most * epsilon,
                "√most is the length of the changes (L2). Laplace noise needs their sum (L1), which is `most`.":
                    lambda table, most, epsilon, noise: (
                        _trimmed(table, most).sum(axis=0) + noise * np.sqrt(most) / epsilon
                    ),
                "table[:, :most] keeps the first columns. Keep the first ones of each row: use cumsum along the row.":
                    lambda table, most, epsilon, noise: table[:, :most].sum(axis=0) + noise * most / epsilon,
                "You kept the first columns, not the first ones of each row: use cumsum along the row.":
                    lambda table, most, epsilon, noise: (
                        np.pad(table[:, :most].sum(axis=0), (0, table.shape[1] - most)) + noise * most / epsilon
                    ),
                "You kept one film too few in each row: the first `most` ones have a running count <= most.":
                    lambda table, most, epsilon, noise: (
                        _trimmed(table, most - 1).sum(axis=0) + noise * most / epsilon
                    ),
                "Your counts never exceed `most` for a film. What has to be bounded is each person: clip the rows, "
                "with cumsum(axis=1).":
                    lambda table, most, epsilon, noise: (
                        (table * (np.cumsum(table, axis=0) <= most)).sum(axis=0) + noise * most / epsilon
                    ),
                "You cut the counts off at 0. That is private, too, and it makes them too high on average: leave them.":
                    lambda table, most, epsilon, noise: np.maximum(private_counts(table, most, epsilon, noise), 0),
                "Your counts never exceed `most` for a film, and your noise hides one rating. Bound each person: "
                "clip the "
                "rows, then the scale is most / ε.":
                    lambda table, most, epsilon, noise: (
                        np.minimum(table.sum(axis=0), most) + noise / epsilon
                    ),
                "Those are the counts without noise. Add it.":
                    lambda table, most, epsilon, noise: _trimmed(table, most).sum(axis=0),
            },
        ),
    ],
    decisions=[
        Decision(
            "15.A", "Which defense stops whom?", objective="O15.3", minutes=6,
            replies={
                "disk": {
                    "encryption": "",
                    "k-anonymity": "The disk also has the log, which nobody made coarse. What does the thief lack?",
                    "neither": "The thief has the disk and not the key. What can be read without the key?",
                },
                "row": {
                    "encryption": "The neighbor received the profiles, so for the neighbor they are readable.",
                    "k-anonymity": "",
                    "neither": "The profiles are 5-anonymous. How many rows fit what the neighbor knows?",
                },
                "illness": {
                    "encryption": "The neighbor received the table, so for the neighbor it is readable.",
                    "k-anonymity": "The row stays hidden among nine. What does the neighbor learn without knowing the "
                                   "row?",
                    "neither": "",
                },
                "ratings": {
                    "encryption": "The researcher was given the key.",
                    "k-anonymity": "Only gender, age and zip code were made coarse. What do four ratings single out?",
                    "neither": "",
                },
                "model": {
                    "encryption": "The model was computed from readable numbers, and it was published.",
                    "k-anonymity": "The model was trained on the log, which is as it was. See the right end of the "
                                   "curve "
                    "in section 3.",
                    "neither": "",
                },
            },
            why="Encryption ends where the key is, and k-anonymity ends at the columns that were made coarse.",
            hints=(
                "For each attacker: what may they read, and does it tell what they want?",
                "Say for each what is in their hands: nothing readable, coarse profiles, the log, or a model of the "
                "log.",
            ),
        ),
        Decision(
            "15.D", "What an accusation is worth", objective="O15.2", minutes=7,
            replies={
                "auc_red": {
                    "0": "Its first member has a higher score than some outsiders.",
                    "0.1": "That is one of ten pairs. The first member alone beats several outsiders.",
                    "0.2": "A member beats an outsider in more pairs than that. Go through the ten pairs.",
                    "0.3": "A member beats an outsider in more pairs than that. Go through the ten pairs.",
                    "0.6": "That is one pair too many: .1 is below all five outsiders.",
                    "5": "That is the number of pairs. The AUC is their share of all ten pairs.",
                    "0.4": "One pair is missing: .9 is above all five outsiders.",
                    "0.5": "",
                    "0.8": "Count the pairs of .9 with the five outsiders, and then those of .1.",
                    "1": "Its second member, .1, beats nobody.",
                },
                "auc_blue": {
                    "0": "Both members beat several outsiders, although not the best one.",
                    "0.4": "Those are the pairs of one member. Count those of both.",
                    "0.5": "Each member beats more outsiders than that: which outsiders lie below .6?",
                    "0.6": "Each member beats more outsiders than that: which outsiders lie below .6?",
                    "0.7": "One pair is missing: which outsiders lie below .6, and which below .7?",
                    "8": "That is the number of pairs. The AUC is their share of all ten pairs.",
                    "0.8": "",
                    "0.9": "Neither member beats the outsider with .8.",
                    "1": "The outsider with .8 is above both members.",
                },
                "tpr_red": {
                    "0": "The threshold is .8. Is there a member above it?",
                    "0.1": "The TPR is a share of the members, and there are two of them.",
                    "0.2": "The TPR is a share of the members, not of the outsiders.",
                    "0.5": "",
                    "50": "That is percent. Write a share.",
                    "1": "The member with .1 is not above the threshold .8.",
                },
                "tpr_blue": {
                    "0": "",
                    "0.5": "The threshold is .8, the best outsider. Which member lies above it?",
                    "0.8": "A share of two members is 0, .5 or 1. How many of them are above the best outsider?",
                    "1": "Both members lie above four outsiders, but not above the best one.",
                },
                "town": {
                    "most": "Compute both numbers: 40 % of the members, and 1 % of all the others. Which is larger?",
                    "half": "How many of the 100 members are accused, and how many of the 99,900 others?",
                    "few": "",
                },
            },
            why="An AUC counts all pairs alike, a TPR sees the few, and where members are rare most accusations are "
                "wrong.",
            hints=(
                "The AUC is the share of the pairs of a member and an outsider in which the member has the higher "
                "score. How many pairs are there?",
                "If no outsider may be accused, the threshold is the best outsider. Who lies above it?",
                "In the town the TPR is a share of 100 people, and the FPR a share of 99,900.",
            ),
        ),
        Decision(
            "15.E", "Which release keeps the promise?", objective="O15.5", minutes=6,
            replies={
                "first": {
                    "yes": "",
                    "with delta": "Divide the larger number of each row by the smaller. Is a ratio above 2.72?",
                    "no": "Divide the larger number of each row by the smaller. Is a ratio above 2.72?",
                },
                "second": {
                    "yes": "Compare in both directions: does a number without you exceed 2.72 times the one with you?",
                    "with delta": "",
                    "no": "Something sticks out. How much is it, added up?",
                },
                "third": {
                    "yes": "Which output can occur only with you? No factor times 0 is enough for it.",
                    "with delta": "Add up what sticks out in \"high\". Is it below .05?",
                    "no": "",
                },
                "delta": {
                    "0": "Look at the output that never occurs with you.",
                    "0.01": "",
                    "0.02": "The difference of .51 and .5 is within the factor 2.72. Only what exceeds the factor "
                        "counts.",
                    "0.05": "That is the limit of the exercise. Add up what exceeds 2.72 times its partner.",
                    "1": "That is the δ of the third release.",
                },
            },
            why="A ratio within e^ε costs nothing; what exceeds e^ε times its partner, in either direction, needs δ.",
            hints=(
                "For each row of the table: is the larger number at most 2.72 times the smaller one?",
                "If a number exceeds 2.72 times its partner, subtract 2.72 times the partner from it. Add up these "
                "rests "
                "for each direction.",
            ),
        ),
        Decision(
            "15.B", "The budget", objective="O15.5", minutes=7,
            replies={
                "mondays": {
                    "0.125": "Four releases tell more than one, so the promise gets weaker and ε larger.",
                    "0.25": "The noise of an average shrinks, so the promise gets weaker and ε larger.",
                    "0.5": "Each Monday is another look at the same people. Averaging the four removes half of the "
                           "noise.",
                    "1": "The noise of an average shrinks by the square root of 4; a budget adds up ε itself.",
                    "2": "",
                    "4": "There are four releases, and each costs .5.",
                },
                "tries": {
                    "0": "Each of the three models was trained on the raw rows.",
                    "1": "Mara looked at three models, and each was trained on all members.",
                    "2": "The published model was trained on the members, too.",
                    "3": "",
                    "4": "Publishing one of the three does not touch the rows again.",
                },
                "clubs": {
                    "0.5": "Follow a member of East: the first release costs this member 1.",
                    "1": "Follow a member of East: in how many of the three releases is this member?",
                    "1.5": "",
                    "2": "You added all three. Nobody is in both clubs, so nobody is in all three releases.",
                    "2.5": "The last release has ε = .5, and nobody is in both clubs.",
                },
                "poster": {
                    "0": "The first release touched the rows, and it cost something.",
                    "1": "",
                    "2": "Poster and page are computed from the noisy counts. Do they need the rows again?",
                    "3": "Setting negative counts to 0, poster and page need only the noisy counts. Which rule is "
                         "that?",
                    "4": "Setting negative counts to 0, poster and page need only the noisy counts. Which rule is "
                         "that?",
                },
            },
            why="Each step that touches the rows of a person costs; what is computed from released numbers is free.",
            hints=(
                "Follow Ada. How many of the releases did her row enter?",
                "Go through the rules: sequential, parallel, post-processing, looks. One plan needs two of them.",
            ),
        ),
        Decision(
            "15.C", "Find the broken promise", objective="O15.5", minutes=5,
            replies={
                "step": {
                    "a": "",
                    "b": "A sum changes by at most C if its parts are clipped, and a mean by C / B. So C / B would be "
                         "right "
                    "if each row had been clipped.",
                    "c": "Which rule of section 11 covers what is computed from a noisy result?",
                    "d": "A bound on the length of the mean does not bound what one rating changes. Try one gradient "
                         "of "
                    "length 50 among 100, and the others 0.",
                },
            },
            why="Each rating's gradient must be clipped before the mean; then one rating moves the mean by C / B at "
                "most.",
            hints=(
                "How far can one rating move `mean`, with and without line 3?",
                "Let B = 100, C = 1, one gradient of length 50 and 99 gradients of 0. Compare the means with it and "
                "without.",
            ),
        ),
    ],
    predictions=[
        Prediction(
            "P15.1",
            "Somebody knows four ratings of a person, films and stars. For what share of the people does only one row "
            "fit?",
            {
                "a": "less than a fifth",
                "b": "about a half",
                "c": "more than seven in ten",
            },
            outcome=_outcome,
        ),
        Prediction(
            "P15.2",
            "943 members, one person is hidden with all ratings, ε = 1. Which list has the better nDCG@10?",
            {
                "a": "DP-SVD, because it is personal",
                "b": "noisy popularity",
                "c": "they are about equal",
            },
            outcome=_outcome_of_bill,
        ),
    ],
    quiz=[
        Question(
            "O15.1", "Somebody remembers eight films of a friend, two of them wrongly. What does the linkage attack "
                     "do?",
            {
                "a": ("It fails, because no row fits all eight.", "It looks for the row that fits best, not for one "
                    "that "
                      "fits in everything."),
                "b": ("It adds up what fits, and rare films count more.", "Right: a mistake only costs its own "
                    "weight."),
                "c": ("It needs the number that replaced the friend's name.", "The numbers are random; nobody needs "
                    "them."),
            },
            answer="b",
        ),
        Question(
            "O15.2", "A membership attack has an AUC of .52, and it finds 5 % of the members without one false "
                     "accusation.",
            {
                "a": ("It is harmless: .52 is nearly guessing.", "The AUC is an average. For these members no "
                      "outsider looks the same."),
                "b": ("It is impossible: the two numbers contradict each other.", "They do not: most members may look "
                      "exactly like outsiders."),
                "c": ("It is harmful for these members.", "Right: that is why the TPR at a low FPR is reported."),
            },
            answer="c",
        ),
        Question(
            "O15.3", "The file is encrypted with AES-GCM. Which attacker is stopped?",
            {
                "a": ("A thief who has the disk and not the key.", "Right: and a changed bit is noticed, too."),
                "b": ("The university that was given the key.", "Whoever has the key has the ratings."),
                "c": ("A stranger who attacks a model that was trained on the ratings.", "The model was trained on the "
                      "readable data."),
            },
            answer="a",
        ),
        Question(
            "O15.4", "One person may have seen hundreds of films. Mara adds Laplace noise of scale 1/ε to each film's "
                     "count.",
            {
                "a": ("Each person is hidden with ε, because a count changes by 1.", "One person changes many counts, "
                      "each by 1."),
                "b": ("The counts become useless.", "Noise of scale 1/ε is small next to counts of hundreds. But it "
                "is too "
                      "small to hide a person."),
                "c": ("A single rating is hidden with ε, and a person is not.", "Right: a person needs clipping to "
                    "`most` "
                      "films and scale most/ε."),
            },
            answer="c",
        ),
        Question(
            "O15.5", "The same counts are released on Monday with ε = 1 and on Tuesday with fresh noise and ε = 1.",
            {
                "a": ("Together that is ε = 1: it is the same count.", "Two noisy looks tell more than one."),
                "b": ("Together that is ε = 2.", "Right: ratios multiply, so ε adds up."),
                "c": ("Together that is ε = .5, because the noise averages out.", "That is why it costs more, not "
                    "less."),
            },
            answer="b",
        ),
    ],
)  # fmt: skip


def _has_no_other_noise(args: tuple, result: object) -> bool:
    """Return whether the result is a count, or a simple fraction of one, where the given noise is 0."""
    table, _, _, noise = args
    if np.shape(result) != (table.shape[1],):  # has another message
        return True
    sixtieths = 60 * np.asarray(result, dtype=float)[noise == 0]
    return bool(np.allclose(sixtieths, np.round(sixtieths), atol=1e-3))


def _share_with(answers: np.ndarray, p: float) -> float:
    return float((np.mean(answers) - (1 - p)) / (2 * p - 1))


def _is_sum(table: pd.DataFrame, columns: list[str], result: object) -> bool:
    """Return whether a result contains the sums of a column over the groups, or the joined texts."""
    got = np.asarray(result)
    if got.dtype.kind not in "iufb":
        return len(got) > 0 and isinstance(got.ravel()[0], str)
    numbers = table[columns].select_dtypes("number").columns
    sums = [table.groupby(columns)[column].transform("sum").to_numpy() for column in numbers]
    return any(np.array_equal(got, part) for part in sums)


def _joined(table: pd.DataFrame, columns: list[str]) -> pd.Series:
    return table[columns].astype(str).agg("".join, axis=1)
