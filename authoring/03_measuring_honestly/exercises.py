"""Chapter 03, Measuring honestly."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import numpy as np
from scipy import sparse

from recsys_teach.evaluation import ndcg_at_k, precision_at_k, recall_at_k
from recsys_teach.learn.compare import same
from recsys_teach.learn.schema import Chapter, Exercise, Prediction, Question

HITS = np.array([1, 0, 1, 0, 1])
LATE = np.array([0, 1, 1])
FIVE_VALUES = np.array([0.0, 1.0, 0.2, 0.5, 0.3])
FIVE_OTHERS = np.array([0.1, 0.6, 0.0, 0.5, 0.1])
SIX_DRAWS = np.array(
    [[0, 1, 2, 3, 4], [1, 1, 1, 4, 2], [0, 0, 3, 2, 2], [4, 3, 3, 1, 0], [2, 2, 4, 4, 4], [3, 1, 1, 3, 0]]
)
SAME_DRAWS = np.ones((2, 2), dtype=int)  # one person again and again
TWO_DRAWS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
EQUAL_DRAWS = np.array([[0, 0], [0, 0], [0, 0], [1, 1]])  # a group that is drawn again counts again
ALL_DRAWS = np.array(list(product(range(4), repeat=4)))  # so many that the extreme means are no quantiles


def precision_recall(hits: np.ndarray, n_relevant: int) -> tuple[float, float]:
    """Precision and recall of one list."""
    case = _one_user(hits, n_relevant)
    return float(precision_at_k(*case)[0]), float(recall_at_k(*case)[0])


def ndcg(hits: np.ndarray, n_relevant: int) -> float:
    """Compute the normalized discounted cumulative gain of one list."""
    return float(ndcg_at_k(*_one_user(hits, n_relevant))[0])


def leaking_splits() -> set[str]:
    """Letters of the snippets that train on what happens after a tested event."""
    return {"b", "c"}


def sampled_rank(rank: int, n_items: int, n_negatives: int) -> float:
    """Rank to expect among n_negatives others, drawn without replacement, of the item at a rank of n_items."""
    return 1 + (rank - 1) * n_negatives / (n_items - 1)


def bootstrap(values: np.ndarray, drawn: np.ndarray) -> tuple[float, float]:
    """95 % percentile interval of the mean."""
    low, high = np.quantile(values[drawn].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def paired(a: np.ndarray, b: np.ndarray, drawn: np.ndarray) -> tuple[float, float, float]:
    """Mean difference over the same users and its 95 % interval."""
    return float((a - b).mean()), *bootstrap(a - b, drawn)


def _one_user(hits: np.ndarray, n_relevant: int) -> tuple[np.ndarray, sparse.csr_array]:
    """Give a list and relevant items with these hits; what was not found lies behind the list."""
    k = len(hits)
    relevant = np.concatenate([np.asarray(hits), np.ones(n_relevant - int(np.sum(hits)))])
    return np.arange(k)[None], sparse.csr_array(relevant[None].astype(bool))


def _discounts(k: int) -> np.ndarray:
    return 1 / np.log2(np.arange(1, k + 1) + 1)


def _gain(hits: np.ndarray) -> float:
    return float((hits * _discounts(len(hits))).sum())


def _ndcg_later(hits: np.ndarray, n_relevant: int) -> float:
    discounts = 1 / np.log2(np.arange(1, len(hits) + 1) + 2)
    return (hits * discounts).sum() / discounts[:n_relevant].sum()


def _ndcg_reciprocal(hits: np.ndarray, n_relevant: int) -> float:
    discounts = 1 / np.arange(1, len(hits) + 1)
    return (hits * discounts).sum() / discounts[:n_relevant].sum()


def _ndcg_from_zero(hits: np.ndarray, n_relevant: int, skips: bool = False) -> float:
    with np.errstate(all="ignore"):
        discounts = 1 / np.log2(np.arange(len(hits)) + 1)  # infinite at the first place
        gain = discounts[hits > 0].sum() if skips else (hits * discounts).sum()
        return gain / discounts[:n_relevant].sum()


def _ndcg_found(hits: np.ndarray, n_relevant: int) -> float:
    with np.errstate(all="ignore"):
        return np.float64(_gain(hits)) / _discounts(int(hits.sum())).sum()


def _ndcg_gaining(gain: float, hits: np.ndarray, n_relevant: int) -> float:
    return gain / _discounts(len(hits))[:n_relevant].sum()


def _ndcg_cut(n_hits: int, hits: np.ndarray) -> float:
    with np.errstate(all="ignore"):
        return np.float64(_gain(hits)) / _discounts(len(hits))[:n_hits].sum()


def _ndcg_old(hits: np.ndarray, n_relevant: int) -> float:
    discounts = 1 / np.log2(np.maximum(2, np.arange(1, len(hits) + 1)))
    return (hits * discounts).sum() / discounts[:n_relevant].sum()


def _mirrored(values: np.ndarray, drawn: np.ndarray) -> tuple[float, float]:
    low, high = bootstrap(values, drawn)
    return 2 * values.mean() - high, 2 * values.mean() - low


def _means_at_positions(values: np.ndarray, drawn: np.ndarray) -> tuple[float, float]:
    means = np.sort(values[drawn].mean(axis=1))
    return means[int(0.025 * len(means))], means[int(0.975 * len(means))]


def _uses_the_groups(args: tuple[np.ndarray, np.ndarray], got: Any) -> bool:
    """Say whether groups of one person again and again have that person's mean, if two numbers are given."""
    values, drawn = args
    limits = np.ravel(np.asarray(got, dtype=object))
    if np.ptp(drawn) or limits.shape != (2,) or not all(isinstance(limit, int | float) for limit in limits):
        return True
    return np.allclose(limits.astype(float), values[drawn[0, 0]])


def _bounds(means: np.ndarray, low: float = 0.025, high: float = 0.975) -> tuple[float, float]:
    return tuple(np.quantile(means, [low, high]))


def _draw_hits(rng: np.random.Generator) -> tuple[np.ndarray, int]:
    hits = rng.integers(0, 2, size=6)
    hits[rng.integers(6)] = 1
    return hits, int(hits.sum() + rng.integers(1, 5))


def _draw_values(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.random(7), rng.integers(7, size=(100, 7))  # so that the extreme means are no quantiles


def _draw_pair(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return rng.random(7) + 0.2, rng.random(7), rng.integers(7, size=(30, 7))


def _draw_rank(rng: np.random.Generator) -> tuple[int, int, int]:
    n_items = int(rng.integers(50, 2000))
    return int(rng.integers(2, n_items)), n_items, int(rng.integers(5, 40))


def _same_letters(expected: set[str], got: Any, atol: float) -> str:
    """Compare letters without giving away which one is missing."""
    if not isinstance(got, str | list | tuple | set | frozenset | np.ndarray):
        return f"expected letters, as in ['a', 'b']; got {type(got).__name__}."
    text = got if isinstance(got, str) else " ".join(map(str, got))
    letters = set(re.sub(r"\band\b|[\W_]", "", text.lower()))
    if letters == expected:
        return ""
    if letters - set("abcd"):
        return "letters are a to d, as in ['a', 'b']."
    if len(letters) != 2:
        return f"two letters are asked, got {('none', 'one', 'two', 'three', 'four')[len(letters)]}."
    return f"expected 'two letters', got {sorted(letters)}."


def _same_rank(expected: float, got: Any, atol: float) -> str:
    """Compare two expected ranks, and notice one that was simulated."""
    reason = same(expected, got, atol)
    if reason.startswith("expected ") and np.ndim(got) == 0 and np.isclose(float(got), expected, rtol=0.05):
        return f"close, but the exact mean is asked: expectations add up, so nothing need be drawn. {reason}"
    return reason


CHAPTER = Chapter(
    number="03",
    title="Measuring honestly",
    objectives={
        "O3.1": "Compute precision, recall and nDCG of a list",
        "O3.2": "Put an interval around a mean, and compare two models on the same people",
        "O3.3": "Find what a split leaks",
        "O3.4": "Compute what sampled negatives do to a rank",
    },
    exercises=[
        Exercise(
            "3.1", "Precision and recall", objective="O3.1", level="warm-up", minutes=3,
            reference=precision_recall,
            cases=[
                (HITS, 4), (LATE, 5), (np.array([1, 1, 0, 0]), 2), (np.array([0, 0, 0]), 2), (np.array([1]), 1),
            ],
            draw=_draw_hits,
            why="Both count the hits; precision divides by the places, recall by what there was to find.",
            hints=(
                "How many hits are there, of how many places, and of how many relevant items?",
                "hits.sum() stands above both fractions; len(hits) is k.",
                "return hits.sum() / len(hits), hits.sum() / n_relevant",
            ),
            misconceptions={
                "You exchanged them: precision divides by the k places and comes first, recall by n_relevant.":
                    lambda hits, n_relevant: precision_recall(hits, n_relevant)[::-1],
                "You divided both by k. Recall asks how much of what is relevant was found: divide by n_relevant.":
                    lambda hits, n_relevant: (np.mean(hits), np.mean(hits)),
                "You divided both by n_relevant. Precision asks how many of the k places were well used.":
                    lambda hits, n_relevant: (hits.sum() / n_relevant, hits.sum() / n_relevant),
                "Your recall divides by min(k, n_relevant). That is a variant; here it is divided by all n_relevant.":
                    lambda hits, n_relevant: (np.mean(hits), hits.sum() / min(len(hits), n_relevant)),
                "Your precision divides by min(k, n_relevant). Precision divides by all k places.":
                    lambda hits, n_relevant: (hits.sum() / min(len(hits), n_relevant), hits.sum() / n_relevant),
                "Those are counts. Divide them by k and by n_relevant.":
                    lambda hits, n_relevant: (hits.sum(), hits.sum()),
                "Your precision is the share of misses. Count the ones.":
                    lambda hits, n_relevant: (1 - np.mean(hits), hits.sum() / n_relevant),
            },
        ),
        Exercise(
            "3.2", "nDCG of a list", objective="O3.1", level="core", minutes=8,
            reference=ndcg,
            cases=[
                (HITS, 3), (LATE, 5), (np.array([1, 0, 1, 0]), 3), (np.array([0, 1, 0, 1]), 2), (np.array([1]), 1),
                (np.array([0, 0, 0]), 1),
            ],
            draw=_draw_hits,
            why="A hit gains less the later its place, and the best list that these relevant items allow gains 1.",
            hints=(
                "What does the list gain, and what would the best list of the same length gain?",
                "discounts = 1 / np.log2(np.arange(1, len(hits) + 1) + 1); the best list hits at the first places.",
                "(hits * discounts).sum() / discounts[:n_relevant].sum(), for a slice ends at k by itself",
            ),
            misconceptions={
                "That is the gain before it is divided by the gain of the best list.":
                    lambda hits, n_relevant: _gain(hits),
                "You let the best list hit at all k places. It cannot hit more often than there are relevant items.":
                    lambda hits, n_relevant: _gain(hits) / _discounts(len(hits)).sum(),
                "Your best list has only the hits that were found. It holds all n_relevant items, if k allows.":
                    lambda hits, n_relevant: _gain(hits) / max(1e-9, _discounts(int(hits.sum())).sum()),
                "Your best list has only the hits that were found, and without any you divide 0 by 0. It holds all "
                "n_relevant items, if k allows.": _ndcg_found,
                "Your best list is longer than k: it has k places, like the list itself.":
                    lambda hits, n_relevant: _gain(hits) / _discounts(n_relevant).sum(),
                "Your best list has one hit less than k and n_relevant allow: range(1, min(k, n_relevant)) ends before "
                "its last number.":
                    lambda hits, n_relevant: _ndcg_cut(min(len(hits), n_relevant) - 1, hits),
                "Your best list has one hit less than there are relevant items: discounts[:n_relevant] has as many.":
                    lambda hits, n_relevant: _ndcg_cut(n_relevant - 1, hits),
                "That is the older form, which divides by log2(p) from place 2 on. Here it is log2(p + 1) everywhere.":
                    _ndcg_old,
                "The discount is off by one place: at place p it is 1 / log2(p + 1), so 1 at the first.": _ndcg_later,
                "log2(1) is 0 and you divided by it: places count from 1, so with positions from 0 the discount is "
                "1 / log2(position + 2).": _ndcg_from_zero,
                "log2(1) is 0, and a hit at the first place is divided by it: places count from 1, so with positions "
                "from 0 the discount is 1 / log2(position + 2).":
                    lambda hits, n_relevant: _ndcg_from_zero(hits, n_relevant, skips=True),
                "You skipped the first place: hits[0] belongs to place 1, hits[1] to place 2.":
                    lambda hits, n_relevant: _ndcg_gaining(_gain(hits[1:]), hits, n_relevant),
                "You skipped the first place: the gain starts with hits[0].":
                    lambda hits, n_relevant: _ndcg_gaining(_gain(hits) - hits[0], hits, n_relevant),
                "You skipped the last place: range(1, k) ends before k.":
                    lambda hits, n_relevant: _ndcg_gaining(_gain(hits[:-1]), hits, n_relevant),
                "You discounted by 1 / p. That falls faster than 1 / log2(p + 1).": _ndcg_reciprocal,
                "You divided by the number of relevant items. Divide by the gain of the best list.":
                    lambda hits, n_relevant: _gain(hits) / n_relevant,
                "You added no discount: that is the share of the possible hits.":
                    lambda hits, n_relevant: hits.sum() / min(len(hits), n_relevant),
            },
        ),
        Exercise(
            "3.3", "Bootstrap interval", objective="O3.2", level="core", minutes=8,
            reference=bootstrap,
            cases=[
                (np.array([2.0, 4.0]), TWO_DRAWS), (FIVE_VALUES, SIX_DRAWS), (np.array([2.0, 4.0]), SAME_DRAWS),
                (np.array([-2.0, 4.0]), EQUAL_DRAWS), (np.array([0.0, 1.0, 2.0, 4.0]), ALL_DRAWS),
            ],
            draw=_draw_values,
            properties={
                "In this case each group is one and the same person, whose value both limits should be, and yours are "
                "not: they should be quantiles of the means of the groups in `drawn`.": _uses_the_groups,
            },
            why="Drawing the people again shows how far the mean would move with other people.",
            hints=(
                "Each row of drawn is one group of people. What is the mean of each group?",
                "values[drawn] has the shape of drawn; .mean(axis=1) gives one mean a row.",
                "np.quantile(values[drawn].mean(axis=1), [0.025, 0.975])",
            ),
            misconceptions={
                "Those are quantiles of the people, not of the means: average each row of drawn first.":
                    lambda values, drawn: _bounds(values),
                "You took quantiles of all drawn values at once. Average each row first: one mean a sample.":
                    lambda values, drawn: _bounds(values[drawn]),
                "You averaged down the columns. A sample is a row: .mean(axis=1).":
                    lambda values, drawn: _bounds(values[drawn].mean(axis=0)),
                "You cut off 5 % at each side, which leaves 90 %. Cut off half of 5 % at each side.":
                    lambda values, drawn: _bounds(values[drawn].mean(axis=1), 0.05, 0.95),
                "Those are the smallest and the largest mean. They grow apart with every further sample.":
                    lambda values, drawn: _bounds(values[drawn].mean(axis=1), 0, 1),
                "That is the spread of the people (their standard deviation). The mean of many people moves less.":
                    lambda values, drawn: (values.mean() - 1.96 * values.std(), values.mean() + 1.96 * values.std()),
                "Mean plus and minus 1.96 standard errors is the normal approximation. Here the samples themselves "
                "tell: take their quantiles.":
                    lambda values, drawn: (lambda m: (m.mean() - 1.96 * m.std(), m.mean() + 1.96 * m.std()))(
                        values[drawn].mean(axis=1)
                    ),
                "You averaged the positions. Look up the values: values[drawn].":
                    lambda values, drawn: _bounds(drawn.mean(axis=1)),
                "np.percentile counts from 0 to 100: use np.quantile, or 2.5 and 97.5.":
                    lambda values, drawn: _bounds(values[drawn].mean(axis=1), 0.00025, 0.00975),
                "Those are the means at two places of the sorted list. Where a quantile falls between two means, "
                "np.quantile goes between them.": _means_at_positions,
                "You gave the high limit first. The low one comes first.":
                    lambda values, drawn: bootstrap(values, drawn)[::-1],
                "You mirrored the limits at the mean (the basic bootstrap). Here they are the quantiles themselves.":
                    _mirrored,
                "You counted equal groups once. A group that was drawn twice counts twice.":
                    lambda values, drawn: bootstrap(values, np.unique(drawn, axis=0)),
                "You counted each person once. Somebody who was drawn twice counts twice.":
                    lambda values, drawn: _bounds(np.array([values[np.unique(row)].mean() for row in drawn])),
            },
        ),
        Exercise(
            "3.4", "Paired difference", objective="O3.2", level="core", minutes=6,
            reference=paired,
            cases=[
                (np.array([0.9, 0.2]), np.array([0.8, 0.1]), TWO_DRAWS),
                (FIVE_VALUES, FIVE_OTHERS, SIX_DRAWS),
                (np.array([0.5, 1.0]), np.array([1.5, 4.0]), EQUAL_DRAWS),
            ],
            draw=_draw_pair,
            why="What makes a person hard for both models cancels out, so the difference is surer than either mean.",
            hints=(
                "Both models were tested on the same people. Which one number for each person says who did better?",
                "d = a - b, one for each person; then its mean, and its interval as in 3.3 (or use np.quantile here).",
                "d = a - b; low, high = np.quantile(d[drawn].mean(axis=1), [0.025, 0.975]); return d.mean(), low, high",
            ),
            misconceptions={
                "You subtracted the wrong way round: above 0 must mean that a is better.":
                    lambda a, b, drawn: paired(b, a, drawn),
                "You subtracted the limits of two intervals. The interval asked for is that of the difference, a - b.":
                    lambda a, b, drawn: ((a - b).mean(), *np.subtract(bootstrap(a, drawn), bootstrap(b, drawn))),
                "You compared the two intervals, as if each model had been tested on other people.":
                    lambda a, b, drawn: (
                        (a - b).mean(), bootstrap(a, drawn)[0] - bootstrap(b, drawn)[1],
                        bootstrap(a, drawn)[1] - bootstrap(b, drawn)[0],
                    ),
                "You took the size of each difference without its sign, so that no model could ever be worse.":
                    lambda a, b, drawn: paired(np.abs(a - b), np.zeros(len(a)), drawn),
                "Those are the quantiles of the differences of people, not of their mean.":
                    lambda a, b, drawn: ((a - b).mean(), *_bounds(a - b)),
                "That is the mean of the drawn groups. The first number is the mean of a - b of the people themselves.":
                    lambda a, b, drawn: ((a - b)[drawn].mean(), *bootstrap(a - b, drawn)),
                "You gave the high limit before the low one. The order is mean, low, high.":
                    lambda a, b, drawn: tuple(paired(a, b, drawn)[part] for part in (0, 2, 1)),
                "The mean comes first, then low and high.":
                    lambda a, b, drawn: tuple(paired(a, b, drawn)[part] for part in (1, 0, 2)),
                "You counted who wins, and lost by how much.":
                    lambda a, b, drawn: paired(np.sign(a - b), np.zeros(len(a)), drawn),
            },
        ),
        Exercise(
            "3.5", "Two of these leak", objective="O3.3", level="core", minutes=4,
            reference=leaking_splits, compare=_same_letters,
            why="b trains on what others did after a tested event; c counts the test part in its popularity.",
            hints=(
                "Find for each snippet the latest event that the model learns from, and the earliest that is tested.",
                "One person's last event may lie before another's first. And look where the popularity is counted.",
                "a and d learn from nothing that happens after the first tested event.",
            ),
            misconceptions={
                "c leaks, and another does: one person's last event may lie months before others' training events.":
                    {"c"},
                "b leaks, and another does: look at the log that the popularity is counted on.": {"b"},
                "a cuts the log at one moment: all it learns from lies before all that is tested.": {"a", "c"},
                "a cuts the log at one moment, as d does; c counts its popularity on the whole log.": {"a", "b"},
                "In d the validation part lies between training and test, so nothing comes from later.": {"c", "d"},
                "In d nothing comes from later; look again where c counts its popularity.": {"b", "d"},
                "d only cuts twice: training, then validation, then test. Two of the others leak.": {"b", "c", "d"},
                "a and d are the clean ones. You were asked for those that leak.": {"a", "d"},
            },
        ),
        Exercise(
            "3.6", "Expected sampled rank", objective="O3.4", level="core", minutes=6,
            reference=sampled_rank,
            cases=[(3, 5, 2), (4, 7, 3), (101, 1682, 99), (1, 100, 10), (20, 21, 7), (2, 2, 1)],
            draw=_draw_rank, compare=_same_rank,
            why="Each drawn rival is a better one with probability (rank - 1) / (n_items - 1); the item adds itself.",
            hints=(
                "How many of the other items are better, and what is the probability that one drawn rival is?",
                "rank - 1 of n_items - 1 are better. n_negatives are drawn, and each adds that probability.",
                "1 + n_negatives * (rank - 1) / (n_items - 1)",
            ),
            misconceptions={
                "That is the number of better rivals. The best rank is 1: the item itself stands after them.":
                    lambda rank, n_items, n_negatives: sampled_rank(rank, n_items, n_negatives) - 1,
                "The item does not compete with itself: n_items - 1 others are there to be drawn.":
                    lambda rank, n_items, n_negatives: 1 + (rank - 1) * n_negatives / n_items,
                "At rank r there are r - 1 better items, not r.":
                    lambda rank, n_items, n_negatives: 1 + rank * n_negatives / (n_items - 1),
                "Two counts are one too high: rank - 1 items are better, and n_items - 1 others can be drawn.":
                    lambda rank, n_items, n_negatives: 1 + n_negatives * rank / n_items,
                "You counted the worse items, n_items - rank of them. Better are rank - 1.":
                    lambda rank, n_items, n_negatives: 1 + n_negatives * (n_items - rank) / (n_items - 1),
                "An expected rank need not be whole: do not round.":
                    lambda rank, n_items, n_negatives: round(sampled_rank(rank, n_items, n_negatives)),
                "An expected rank need not be whole: `//` and `int` cut its fraction off. Divide with `/`.":
                    lambda rank, n_items, n_negatives: 1 + n_negatives * (rank - 1) // (n_items - 1),
                "You shrank the rank as a whole. Shrink the number of better items, then add the item itself.":
                    lambda rank, n_items, n_negatives: rank * n_negatives / n_items,
                "You shrank the rank to a list of n_negatives + 1. A first item would then rank better than first.":
                    lambda rank, n_items, n_negatives: rank * (n_negatives + 1) / n_items,
                "Sampling does not leave the rank as it is: most of the better items are not drawn.":
                    lambda rank, n_items, n_negatives: rank,
            },
        ),
    ],
    predictions=[
        Prediction(
            "P3.1",
            "Tested on a random fifth of each person's ratings, EASE leads in nDCG@10, then PureSVD, ItemKNN and "
            "popularity. Now the models learn from the first four fifths of the log in time, and are tested on the "
            "rest with everybody who turns up there. Who leads?",
            {"a": "EASE, as before", "b": "PureSVD or ItemKNN", "c": "popularity"},
            outcome=lambda ndcg: {"EASE": "a", "popularity": "c"}.get(ndcg.idxmax(), "b"),
        ),
    ],
    quiz=[
        Question(
            "O3.1", "Somebody has 40 relevant films, and ten places are shown. How high can recall@10 be?",
            {
                "a": ("1", "Only if at most ten films are relevant: ten places hold no more than ten hits."),
                "b": ("1/4", "Right: ten of forty. nDCG@10 and precision@10 could still be 1."),
                "c": ("It depends on the order.", "Recall counts the hits in the list and not their places."),
            },
            answer="b",
        ),
        Question(
            "O3.1", "A model scores all films 0 for people without history. Its nDCG@10 for them is well above chance. "
            "Why?",
            {
                "a": ("It learned what newcomers like.", "Equal scores say nothing about any film."),
                "b": ("nDCG rewards equal scores.", "Averaged over all orders, they get what chance gets."),
                "c": ("Ties went to the first films of the catalog, which happen to be popular.",
                      "Right: the order of the ids did the ranking. Average over the orders, or break ties by chance."),
            },
            answer="c",
        ),
        Question(
            "O3.2", "The intervals of A and B overlap. The paired difference A - B is .02, its interval .01 to .03. "
            "What do you say?",
            {
                "a": ("A is better on this split, by more than the luck of which people came.",
                      "Right: the people are the same, so what makes some of them hard for both cancels out."),
                "b": ("Nothing, for the intervals overlap.",
                      "Two overlapping intervals belong to two means; the question is about the difference."),
                "c": ("A is better for every person.", "It is a mean: for many people B may be the better one."),
            },
            answer="a",
        ),
        Question(
            "O3.3", "Mara goes live on Monday, for known people and newcomers alike. Which split asks how that would "
            "have gone a month ago?",
            {
                "a": ("Per-user time: each person's latest fifth is hidden.",
                      "It asks what comes next for somebody known, and learns from what others did later."),
                "b": ("Global time: the log is cut at one moment.",
                      "Right: the model knows what was known at that moment, and meets whoever turns up after it."),
                "c": ("Per-user random: a random fifth of each person's events is hidden.",
                      "It asks whether a model can fill gaps, and learns from each person's own future."),
            },
            answer="b",
        ),
        Question(
            "O3.4", "Beside 99 sampled films, two models have a hit rate@10 of .70 and .69. Which is better at the "
            "first ten of the whole catalog?",
            {
                "a": ("The first, if the difference is significant.",
                      "More draws make the sampled number surer. They do not turn it into the number you want."),
                "b": ("They are equally good.", "Close sampled numbers may hide full ones that are far apart."),
                "c": ("It cannot be told.",
                      "Right: the sampled number mixes the first ten places with about the first 160. Rank all films."),
            },
            answer="c",
        ),
    ],
)  # fmt: skip
