"""Chapter 02, Neighbors and content."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer

from recsys_teach.learn.compare import same_ranking
from recsys_teach.learn.schema import Chapter, Decision, Exercise, Prediction, Question
from recsys_teach.models.biases import damped_means
from recsys_teach.models.neighbors import nearest

R_TINY = np.array([[5, 4, 0, 1], [4, 5, 1, 0], [1, 0, 5, 4], [0, 1, 4, 5], [5, 5, 1, 1]], dtype=float)
CHASE, HEIST, WALTZ, LETTER = R_TINY.T
R_SMALL = np.array([[4, 2], [0, 3], [4, 0]], dtype=float)
SIMILAR = np.array([[0, 0.5, 0, 0], [0, 0, 0.25, 0], [0.25, 0.25, 0, 0], [0.75, 0, 0.5, 0]])
ONE_WAY = (
    np.array(  # row 0 does not contain film 3, row 3 contains film 0
        [[0, 3, 2, 0, 1], [3, 0, 1, 0, 2], [2, 1, 0, 1, 0], [1, 0, 1, 0, 4], [0, 2, 0, 4, 0]]
    )
    / 4
)
R_APART = np.array([[3, 0, 1, 5], [5, 0, 0, 1], [0, 4, 2, 0], [0, 1, 5, 4]], dtype=float)  # 0 and 1: nobody has both
TWO_NEAR = np.array([[0, 4, 0, 8, 0], [0, 0, 4, 0, 2], [0, 10, 0, 0, 0], [2, 0, 0, 0, 4], [0, 0, 0, 7, 0]]) / 16
MANY_FILMS, N_BEST = 500, 450  # so many that np.argpartition leaves the best ones unsorted on any processor
SPREAD = (np.arange(MANY_FILMS) * 137 % MANY_FILMS + 1) / 1024  # all different, and exact in binary
FAN = np.stack([SPREAD, np.sqrt(1 - SPREAD**2)], axis=1)
FAN[0] = 1, 0  # each film has another cosine with film 0
WORDS = np.array([[1, 1], [0, 1]])
THREE_WORDS = np.array([[1, 0, 2], [1, 1, 0], [3, 0, 0]])
MORE_WORDS = np.array([[1, 0, 2, 1], [0, 1, 0, 1], [3, 0, 0, 1]])
TINY_WORDS = np.array(  # action chase crime drama heist letter music romance waltz
    [[1, 1, 0, 0, 0, 0, 0, 0, 0], [1, 0, 1, 0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 0, 1, 0, 1, 0]]
)
SIX_FILMS = np.array([[1, 0, 0], [0, 1, 0], [0.6, 0.8, 0], [0.8, 0, 0.6], [0, 0.6, 0.8], [0.6, 0.8, 0]])
TWO_SIDES = np.array([[0.8, 0, 0.6], [0.8, 0.6, 0], [0, 0, 1], [1, 0, 0], [0.8, 0.6, 0], [0, 0.8, 0.6]])
MANY_TIES = np.eye(3)[np.arange(48) % 3]  # 48 films of one word each

FOUR_FILMS = np.array([[1, 0], [2, 1], [0, 1], [1, 1]])
THREE_FILMS = np.array([[1, 0], [0, 1], [0.6, 0.8]])

CUT = (
    "Your numbers lost their fractions: an array of whole numbers such as counts cuts off what you write into it. "
    "Start from counts.astype(float)."
)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine of two columns of ratings; 0 means "not rated"."""
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def shrunk_similarities(R: np.ndarray, shrinkage: float) -> np.ndarray:
    """Cosines of all pairs of columns, times n / (n + shrinkage); 0 on the diagonal."""
    return nearest(sparse.csr_array(R), R.shape[1], shrinkage).toarray()


def from_neighbors(expected: float, similar: np.ndarray, residuals: np.ndarray, prior: float) -> float:
    """Predict a rating: what the biases expect, plus the damped mean of the person's residuals."""
    rated = ~np.isnan(residuals)
    return float(expected + similar[rated] @ residuals[rated] / (prior + similar[rated].sum()))


def rank_from_neighbors(watched: np.ndarray, similar: np.ndarray, k: int) -> np.ndarray:
    """Rank the k items with the largest sum of similarities to what was watched, without these."""
    return _ranked(similar @ watched, np.flatnonzero(watched), k)


def tfidf(counts: np.ndarray) -> np.ndarray:
    """TF-IDF weights, each row of length 1."""
    return TfidfTransformer().fit_transform(counts).toarray()


def rank_by_content(liked: np.ndarray, vectors: np.ndarray, k: int) -> np.ndarray:
    """Rank the k items nearest to the mean of the liked ones, without these."""
    return _ranked(_profiled(liked, vectors), liked, k)


def _ranked(scores: np.ndarray, without: np.ndarray, k: int, value: float = -np.inf) -> np.ndarray:
    scores = scores.astype(float)
    scores[without] = value
    return np.argsort(-scores.round(9), kind="stable")[:k]


def _profiled(liked: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    return vectors @ vectors[liked].mean(axis=0)


def _best_scores(scores: np.ndarray, without: np.ndarray, k: int) -> np.ndarray:
    return scores[_ranked(scores, without, k)]


def _ranks(scores: np.ndarray, without: np.ndarray, k: int) -> np.ndarray:
    """Return what argsort of argsort returns."""
    return np.argsort(_ranked(scores, without, len(scores)), kind="stable")[:k]


def _partitioned(scores: np.ndarray, without: np.ndarray, k: int) -> np.ndarray:
    """Return the k best as np.argpartition leaves them."""
    scores = scores.astype(float)
    scores[without] = -np.inf
    return np.argpartition(-scores, k - 1)[:k]


def _worst_first(scores: np.ndarray, without: np.ndarray, k: int) -> np.ndarray:
    scores = scores.astype(float)
    scores[without] = -np.inf
    return np.argsort(scores.round(9), kind="stable")[-k:]


def _ascending(scores: np.ndarray, without: np.ndarray, k: int) -> np.ndarray:
    """Return what a sort without the minus returns."""
    scores = scores.astype(float)
    scores[without] = -np.inf
    return np.argsort(scores.round(9), kind="stable")[:k]


def _near_films() -> np.ndarray:
    """Similarities of many films to film 0, all different."""
    similar = np.zeros((MANY_FILMS, MANY_FILMS))
    similar[1:, 0] = similar[0, 1:] = SPREAD[1:]
    return similar


def _profiled_only(liked: np.ndarray, vectors: np.ndarray, k: int) -> np.ndarray:
    return _profiled(liked, vectors)


def _keeps_order(scores: np.ndarray, without: np.ndarray, ranked: Any) -> bool:
    """Whether equal scores are in the order of positions; true also of a list that is wrong in another way."""
    ranked, k = np.asarray(ranked), np.size(ranked)
    if ranked.dtype.kind not in "iu" or ranked.max() >= len(scores):
        return True
    best = _ranked(scores, without, k)
    same_scores = ranked.shape == best.shape and np.allclose(scores[ranked], scores[best])
    return not same_scores or len(set(ranked.tolist())) < k or bool((ranked == best).all())


def _is_sorted(scores: np.ndarray, without: np.ndarray, ranked: Any) -> bool:
    """Whether the list is not the right one in another order."""
    best = _ranked(scores, without, np.size(ranked)).tolist()
    return sorted(np.ravel(ranked).tolist()) != sorted(best) or np.ravel(ranked).tolist() == best


def _uses_common_norms(R: np.ndarray, shrinkage: float, S: Any) -> bool:
    """Whether all pairs with one common rater have cosine 1, as if the norms ran over common raters."""
    single = (_both(R) == 1) & (_cosines(R) < 0.999)
    return bool(single.any() and np.allclose(np.asarray(S)[single], 1 / (1 + shrinkage)))


def _has_nan_where_apart(R: np.ndarray, S: Any) -> bool:
    """Whether NaN is exactly where nobody rated both films, as norms over the common raters leave it."""
    apart = (_both(R) == 0) & ~np.eye(R.shape[1], dtype=bool)
    return bool(apart.any() and (np.isnan(np.asarray(S, dtype=float)) == apart).all())


def _centered(a: np.ndarray) -> np.ndarray:
    return np.where(a > 0, a - a[a > 0].mean(), 0)


def _cosines(R: np.ndarray) -> np.ndarray:
    unit = R / np.linalg.norm(R, axis=0)
    return unit.T @ unit


def _off_diagonal(similar: np.ndarray) -> np.ndarray:
    return np.where(np.eye(len(similar), dtype=bool), 0, similar)


def _both(R: np.ndarray) -> np.ndarray:
    rated = (R > 0).astype(float)
    return rated.T @ rated


def _pearson(a: np.ndarray, b: np.ndarray) -> float:
    both = (a > 0) & (b > 0)
    return cosine(a[both] - a[both].mean(), b[both] - b[both].mean())


def _pearsons(R: np.ndarray) -> np.ndarray:
    return np.nan_to_num([[_pearson(a, b) for b in R.T] for a in R.T])


def _over_all(similar: np.ndarray, n: np.ndarray, shrinkage: float) -> np.ndarray:
    return _off_diagonal(similar * n / (n + shrinkage))


def _either(R: np.ndarray) -> np.ndarray:
    people = (R > 0).sum(axis=0)
    return people[:, None] + people - _both(R)


def _plain_idf(counts: np.ndarray) -> np.ndarray:
    return counts * (np.log(_smooth_ratio(counts)) + 1)


def _weigh(counts: np.ndarray, idf: np.ndarray) -> np.ndarray:
    weights = counts * idf
    return weights / np.linalg.norm(weights, axis=1, keepdims=True)


def _smooth_ratio(counts: np.ndarray) -> np.ndarray:
    return (1 + len(counts)) / (1 + (counts > 0).sum(axis=0))


def _draw_groups(rng: np.random.Generator) -> tuple:
    return rng.normal(size=12), rng.integers(0, 4, size=12), 5, float(rng.integers(1, 9))


def _draw_columns(rng: np.random.Generator) -> tuple:
    a, b = rng.integers(0, 6, size=(2, 7)).astype(float)
    a[:4], b[:4] = rng.permutation([5, 3, 1, 0]), rng.integers(1, 6, size=4)
    return a, b


def _draw_table(rng: np.random.Generator) -> tuple:
    R = rng.integers(1, 6, size=(6, 5)) * (rng.random((6, 5)) < 0.5).astype(float)
    R[:, 0], R[0] = rng.integers(1, 6, size=6), rng.integers(1, 6, size=5)  # no row and no column is empty
    return R, float(rng.integers(1, 20))


def _draw_neighbors(rng: np.random.Generator) -> tuple:
    similar = rng.uniform(0.1, 0.9, size=6) * np.array([1, 1, 1, 1, 0, 0])
    residuals = rng.normal(size=6).round(2)
    residuals[[1, 5]] = np.nan
    return round(rng.uniform(2, 4), 2), similar.round(2), residuals, round(rng.uniform(0.1, 0.9), 2)


def _draw_watched(rng: np.random.Generator) -> tuple:
    similar = rng.integers(1, 17, size=(7, 7)) / 16 * (1 - np.eye(7))  # sixteenths add up without rounding
    np.put_along_axis(similar, np.argsort(similar, axis=1)[:, :3], 0, axis=1)  # the four nearest of each stay
    return (rng.permutation(7) < 3).astype(float), similar, int(rng.integers(2, 5))


def _draw_counts(rng: np.random.Generator) -> tuple:
    counts = rng.poisson(0.6, size=(5, 6))
    counts[:, 0] += 1  # each item has a word, and one word is everywhere
    counts[0] += 1  # each word has an item
    return (counts,)


def _draw_profile(rng: np.random.Generator) -> tuple:
    vectors = rng.uniform(size=(7, 4)) * (rng.random((7, 4)) < 0.7) + np.array([0, 0, 0, 0.1])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.sort(rng.permutation(7)[:3]), vectors, int(rng.integers(2, 5))


CHAPTER = Chapter(
    number="02",
    title="Neighbors and content",
    objectives={
        "O2.1": "Compute damped means, and say why a mean of few ratings needs damping",
        "O2.2": "Measure how alike two films are, and shrink similarities that rest on few people",
        "O2.3": "Predict a rating and rank films from neighbors, and say why a list goes wrong",
        "O2.4": "Rank films by their words with TF-IDF, and choose between content and neighbors",
    },
    exercises=[
        Exercise(
            "2.1", "Damped means", objective="O2.1", level="core", minutes=7,
            reference=damped_means,
            cases=[
                (np.array([2.0, 1.0, -1.0]), np.array([0, 2, 2]), 3, 5.0),
                (np.array([1.0, 1.0, 1.0, 2.0]), np.array([0, 0, 0, 1]), 2, 2.0),
                (np.array([0.5, -1.5, 1.0, 1.0]), np.array([3, 0, 3, 3]), 5, 1.0),
                (np.array([-3.0]), np.array([1]), 2, 0.5),
                (np.array([0.0, 2.5, 0.0, -1.5]), np.array([1, 1, 0, 2]), 4, 2.0),  # a value of 0 counts, too
            ],
            draw=_draw_groups,
            properties={
                "Your result is too short: a group without values needs a place, too. Use np.bincount(..., "
                "minlength=n_groups) for the sums and for the counts; after a groupby, .reindex(range(n_groups), "
                "fill_value=0).":
                    lambda args, means: np.ndim(means) != 1 or len(means) >= args[2],
                "You returned a dict. The contract asks for a list or an array of n_groups numbers.":
                    lambda args, means: not isinstance(means, dict),
                "Your result is too long: there are n_groups groups, from 0 to n_groups - 1.":
                    lambda args, means: np.ndim(means) != 1 or len(means) != args[2] + 1,
                "One of your numbers is NaN, so somewhere 0 was divided by 0. An empty group has 0 / (0 + damping), "
                "which is 0.":
                    lambda args, means: not np.isnan(np.asarray(means, dtype=float)).any(),
            },
            why="The imaginary values of 0 leave the sum alone and raise the count, so a few values move the mean "
            "only a little.",
            hints=(
                "For each group you need two numbers: the sum of its values and how many there are. Which of them "
                "does the damping change?",
                "np.bincount(groups, weights=values, minlength=n_groups) computes the sums; without weights it counts.",
                "Return total / (count + damping), with the two results of np.bincount.",
            ),
            misconceptions={
                "You computed plain means, with 0 for an empty group. The damping is missing: add it to the count in "
                "the denominator.":
                    lambda values, groups, n_groups, damping: damped_means(values, groups, n_groups, 0),
                "You computed plain means; the damping is missing. Add it to the count in the denominator, and an "
                "empty group has 0 / (0 + damping) = 0.":
                    lambda values, groups, n_groups, damping: _totals(values, groups, n_groups)
                    / np.bincount(groups, minlength=n_groups),
                "You divided the sums by the damping alone. The real values count, too: divide by count + damping.":
                    lambda values, groups, n_groups, damping: _totals(values, groups, n_groups) / damping,
                "You added the damping to the sum as well. The imaginary values are 0, so only the denominator "
                "changes.":
                    lambda values, groups, n_groups, damping: (_totals(values, groups, n_groups) + damping)
                    / (np.bincount(groups, minlength=n_groups) + damping),
                "You divided twice: a mean is already divided by the count. Divide the sum of the group by count + "
                "damping.":
                    lambda values, groups, n_groups, damping: damped_means(values, groups, n_groups, 0)
                    / (np.bincount(groups, minlength=n_groups) + damping),
                "Your sums have only the last value of each group. `total[groups] += values` does not add repeated "
                "positions up; use np.bincount(groups, weights=values, minlength=n_groups).":
                    lambda values, groups, n_groups, damping: _last(values, groups, n_groups)
                    / (np.bincount(groups, minlength=n_groups) + damping),
                "Your sums have only the last value of each group, and your counts are at most 1. `+=` does not add "
                "repeated positions up; use np.bincount.":
                    lambda values, groups, n_groups, damping: _last(values, groups, n_groups)
                    / (np.isin(np.arange(n_groups), groups) + damping),
                "You divided by the number of all values plus the damping. Each group has its own count.":
                    lambda values, groups, n_groups, damping: _totals(values, groups, n_groups)
                    / (len(values) + damping),
                "You returned the sums of the groups. Divide them by count + damping.":
                    lambda values, groups, n_groups, damping: _totals(values, groups, n_groups),
                "Python divides before it adds, so you added the damping to the mean. Put brackets around the "
                "denominator: total / (count + damping).":
                    lambda values, groups, n_groups, damping: _totals(values, groups, n_groups)
                    / np.bincount(groups, minlength=n_groups) + damping,
                "You added damping times the mean of the values to the sums. The values are already measured from the "
                "mean of all, so an imaginary value is 0.":
                    lambda values, groups, n_groups, damping: (
                        _totals(values, groups, n_groups) + damping * np.mean(values)
                    ) / (np.bincount(groups, minlength=n_groups) + damping),
                "You returned one number for all values. Each group needs its own sum and its own count.":
                    lambda values, groups, n_groups, damping: np.sum(values) / (len(values) + damping),
                "Your denominator is the larger of count and damping. It is their sum: count + damping.":
                    lambda values, groups, n_groups, damping: _totals(values, groups, n_groups)
                    / np.maximum(np.bincount(groups, minlength=n_groups), damping),
                "Your result fits a damping of 5, whatever `damping` is. Use the argument.":
                    lambda values, groups, n_groups, damping: damped_means(values, groups, n_groups, 5),
                "Your result fits a damping of 1, whatever `damping` is. Use the argument.":
                    lambda values, groups, n_groups, damping: damped_means(values, groups, n_groups, 1),
                "Your result fits absolute values. Keep the signs: a value below the mean of all is negative.":
                    lambda values, groups, n_groups, damping: damped_means(np.abs(values), groups, n_groups, damping),
                "Your counts are sums of the values. Count with np.bincount(groups, minlength=n_groups), without "
                "weights.":
                    lambda values, groups, n_groups, damping: _totals(values, groups, n_groups)
                    / (_totals(values, groups, n_groups) + damping),
                "You subtracted the damping from the count. The imaginary values are additional ones: count + damping.":
                    lambda values, groups, n_groups, damping: _totals(values, groups, n_groups)
                    / (np.bincount(groups, minlength=n_groups) - damping),
                "You returned the number of values in each group. The result has the sum of the group above, and this "
                "number + damping below.":
                    lambda values, groups, n_groups, damping: np.bincount(groups, minlength=n_groups),
                "Your groups count from 1. The first group is group 0: range(n_groups).":
                    lambda values, groups, n_groups, damping: np.append(
                        damped_means(values, groups, n_groups, damping)[1:], 0),
                "You returned a number for each value. The contract asks for one number for each group.":
                    lambda values, groups, n_groups, damping: damped_means(values, groups, n_groups, damping)[groups],
                "You divided each value by its own count + damping. Add up the values of a group first.":
                    lambda values, groups, n_groups, damping: values
                    / (np.bincount(groups, minlength=n_groups) + damping)[groups],
                "You divided by the number of groups plus the damping. Each group has its own count of values.":
                    lambda values, groups, n_groups, damping: _totals(values, groups, n_groups) / (n_groups + damping),
                "You subtracted the mean of the values first. They are measured from the mean of all already.":
                    lambda values, groups, n_groups, damping: damped_means(
                        values - np.mean(values), groups, n_groups, damping),
                "You multiplied the means by damping / (count + damping), which trusts the groups with few values. The "
                "share is count / (count + damping).":
                    lambda values, groups, n_groups, damping: damped_means(values, groups, n_groups, 0)
                    * damping / (np.bincount(groups, minlength=n_groups) + damping),
                "Python divides before it adds: total + damping / count is not (total + damping) / count. And the "
                "damping belongs to the denominator: total / (count + damping).":
                    lambda values, groups, n_groups, damping: _totals(values, groups, n_groups)
                    + damping / np.bincount(groups, minlength=n_groups),
                "Your counts are too large by 1. Add the damping alone: count + damping.":
                    lambda values, groups, n_groups, damping: damped_means(values, groups, n_groups, damping + 1),
                "You took the median of each group. A damped mean is the sum divided by count + damping.":
                    lambda values, groups, n_groups, damping: np.array(
                        [np.median(values[groups == g]) if (groups == g).any() else 0 for g in range(n_groups)]),
                "You returned the counts plus the damping. That is the denominator; the sums of the values come above "
                "it.":
                    lambda values, groups, n_groups, damping: np.bincount(groups, minlength=n_groups) + damping,
                "You did not count values of exactly 0. A rating that equals the mean of all is a rating, too.":
                    lambda values, groups, n_groups, damping: _totals(values, groups, n_groups)
                    / (_totals(values != 0, groups, n_groups) + damping),
                "You counted only the values above 0. All values of a group count, whatever their sign.":
                    lambda values, groups, n_groups, damping: _totals(values, groups, n_groups)
                    / (_totals(values > 0, groups, n_groups) + damping),
                "You divided the counts. Above the line is the sum of the values: np.bincount(groups, weights=values, "
                "...).":
                    lambda values, groups, n_groups, damping: (lambda n: n / (n + damping))(
                        np.bincount(groups, minlength=n_groups)),
                "You added up the numbers of the groups: weights=groups. The weights are the values.":
                    lambda values, groups, n_groups, damping: _totals(groups, groups, n_groups)
                    / (np.bincount(groups, minlength=n_groups) + damping),
                "Your sums lost their fractions on the way: an array of whole numbers cuts off what is added to it. "
                "Start from np.zeros(n_groups).":
                    lambda values, groups, n_groups, damping: _whole_totals(values, groups, n_groups)
                    / (np.bincount(groups, minlength=n_groups) + damping),
                "You cut the damping to a whole number. Use it as it is.":
                    lambda values, groups, n_groups, damping: _totals(values, groups, n_groups)
                    / (np.bincount(groups, minlength=n_groups) + int(damping)),
                "The sum and the count changed places: divide the sum of the values by count + damping.":
                    lambda values, groups, n_groups, damping: np.bincount(groups, minlength=n_groups)
                    / (_totals(values, groups, n_groups) + damping),
                "You added the damping to the mean. It belongs to the denominator: total / (count + damping).":
                    lambda values, groups, n_groups, damping: _totals(values, groups, n_groups)
                    / np.maximum(np.bincount(groups, minlength=n_groups), 1) + damping,
                "You multiplied the count by the damping. Add the two: count + damping.":
                    lambda values, groups, n_groups, damping: _totals(values, groups, n_groups)
                    / (np.bincount(groups, minlength=n_groups) * damping),
                "You multiplied the count by the damping. Add them: count + damping.":
                    lambda values, groups, n_groups, damping: _totals(values, groups, n_groups)
                    / np.maximum(np.bincount(groups, minlength=n_groups) * damping, 1e-9),
            },
        ),
        Exercise(
            "2.2", "Cosine of two columns", objective="O2.2", level="warm-up", minutes=5,
            reference=cosine,
            cases=[
                (np.array([3.0, 4.0, 0.0]), np.array([0.0, 4.0, 3.0])),
                (np.array([3.0, 0.0]), np.array([0.0, 2.0])),  # nobody rated both
                (np.array([2.0]), np.array([4.0])),
                (np.array([3.0, 0.0, 1.0]), np.array([0.0, 2.0, 5.0])),
                (CHASE, WALTZ),
                (CHASE, HEIST),
            ],
            draw=_draw_columns,
            properties={
                "You returned an array, and the cosine of two films is a single number: add the products up, for "
                "example with a @ b.":
                    lambda args, result: np.ndim(result) == 0,
                "A cosine is never above 1, and your result is. Look at the denominator: it is the product of the two "
                "norms, in brackets.":
                    lambda args, result: not (0 <= cosine(*args) <= 1 < result - 1e-9),
                "Ratings are never negative, so their cosine is not negative either, and your result is. Was "
                "something subtracted?":
                    lambda args, result: not result < -1e-9,
            },
            why="The dot product measures agreement, and dividing by the norms removes how much each film was rated.",
            hints=(
                "The formula has three parts: one dot product above the line, and two norms below it. Compute each "
                "of them.",
                "a @ b is the sum of products; np.linalg.norm(a) is the root of the sum of squares.",
                "a @ b / (np.linalg.norm(a) * np.linalg.norm(b))",
            ),
            misconceptions={
                "Your norms run over the common raters only. Then any two films with a single common rater have a "
                "cosine of 1. Take the norms over all ratings of each film.":
                    lambda a, b: cosine(a * (b > 0), b * (a > 0)),
                "Your result fits norms over the common raters only, with 0 where there is none. Take the norms over "
                "all ratings of each film.":
                    lambda a, b: cosine(a * (b > 0), b * (a > 0)) if a @ b else 0.0,
                "You returned the dot product. Divide it by both norms; without them a film with many ratings is "
                "similar to every other film.":
                    lambda a, b: a @ b,
                "You divided by the sums of squares. A norm is the root of that: np.linalg.norm(a), or np.sqrt(a @ a).":
                    lambda a, b: a @ b / ((a @ a) * (b @ b)),
                "You subtracted the mean of each full column, zeros included (np.corrcoef does that). Here nothing is "
                "subtracted, and a 0 is not a rating.":
                    lambda a, b: np.corrcoef(a, b)[0, 1],
                "You computed Pearson's correlation of the common ratings. That is section 3; here nothing is "
                "subtracted.": _pearson,
                "You divided by the sums of the ratings. A norm is the root of the sum of the squares.":
                    lambda a, b: a @ b / (a.sum() * b.sum()),
                "You returned 1 minus the cosine, which is a distance. A similarity is large for films that are "
                "alike: return the cosine itself.":
                    lambda a, b: 1 - cosine(a, b),
                "Python works from left to right, so you divided by one norm and multiplied by the other. Put "
                "brackets around the product of the norms.":
                    lambda a, b: a @ b / np.linalg.norm(a) * np.linalg.norm(b),
                "You subtracted the mean of each film first. Here nothing is subtracted: take the stars as they are.":
                    lambda a, b: cosine(_centered(a), _centered(b)),
                "You divided by the norm of a only. Divide by the norm of b, too.":
                    lambda a, b: a @ b / np.linalg.norm(a),
                "You divided by the norm of b only. Divide by the norm of a, too.":
                    lambda a, b: a @ b / np.linalg.norm(b),
                "You used the norm of a twice. The denominator is the norm of a times the norm of b.":
                    lambda a, b: a @ b / (a @ a),
                "You used the norm of b twice. The denominator is the norm of a times the norm of b.":
                    lambda a, b: a @ b / (b @ b),
                "You divided by the product of the means. Divide by the product of the norms, np.linalg.norm.":
                    lambda a, b: a @ b / (a.mean() * b.mean()),
                "You divided by the largest ratings. Divide by the product of the norms, np.linalg.norm.":
                    lambda a, b: a @ b / (a.max() * b.max()),
                "You divided by numbers of raters. A norm is the root of the sum of the squared ratings.":
                    lambda a, b: a @ b / ((a > 0).sum() * (b > 0).sum()),
                "You divided by the root of numbers of raters. A norm is the root of the sum of the squared ratings.":
                    lambda a, b: a @ b / np.sqrt((a > 0).sum() * (b > 0).sum()),
                "You computed the share of common raters among all raters of the two films (Jaccard). The cosine uses "
                "the stars: a @ b, divided by the product of the norms.":
                    lambda a, b: ((a > 0) & (b > 0)).sum() / ((a > 0) | (b > 0)).sum(),
                "You took the root of the cosine. Each norm already contains its root.":
                    lambda a, b: np.sqrt(cosine(a, b)),
                "You added the two columns above the line. The dot product multiplies them: a @ b.":
                    lambda a, b: (a + b).sum() / (np.linalg.norm(a) * np.linalg.norm(b)),
                "You divided by the sum of all squares. Multiply the two norms instead.":
                    lambda a, b: a @ b / (a @ a + b @ b),
                "You divided by the norm of a + b. Compute the norm of each column, and multiply the two norms.":
                    lambda a, b: a @ b / np.linalg.norm(a + b),
                "You divided by the larger sum of squares. Divide by the product of the two norms.":
                    lambda a, b: a @ b / max(a @ a, b @ b),
                "The norm of the products is not their sum. The upper part is the dot product a @ b.":
                    lambda a, b: np.linalg.norm(a * b) / (np.linalg.norm(a) * np.linalg.norm(b)),
                "You squared the cosine. Divide the dot product itself by the product of the norms.":
                    lambda a, b: cosine(a, b) ** 2,
                "You divided by the norm of the products a * b. Compute the norm of each column separately.":
                    lambda a, b: a @ b / np.linalg.norm(a * b),
                "You divided by the sum of the norms. The cosine divides by their product.":
                    lambda a, b: a @ b / (np.linalg.norm(a) + np.linalg.norm(b)),
                "You divided by the root of the sum of all squares together. Compute the norm of each column, and "
                "multiply the two norms.":
                    lambda a, b: a @ b / np.sqrt(a @ a + b @ b),
                "You returned the angle. The cosine itself is the similarity.":
                    lambda a, b: np.arccos(np.clip(cosine(a, b), -1, 1)),
                "You divided by the number of common raters. The cosine divides by the product of the norms.":
                    lambda a, b: a @ b / ((a > 0) & (b > 0)).sum(),
                "You divided by the number of people. The cosine divides by the product of the norms.":
                    lambda a, b: a @ b / len(a),
                "You returned the distance between the two columns. The cosine is a @ b divided by the product of the "
                "norms.":
                    lambda a, b: np.linalg.norm(a - b),
                "You compared who rated the films and not how many stars they gave. Use the ratings themselves.":
                    lambda a, b: cosine((a > 0) * 1.0, (b > 0) * 1.0),
                "You took the root of everything. Only the sums of squares below get a root: the dot product above "
                "stays as it is.":
                    lambda a, b: np.sqrt(a @ b / ((a @ a) * (b @ b))),
                "You divided by 25, the norms of the mini-case. Each pair has its own: np.linalg.norm(a) * "
                "np.linalg.norm(b).":
                    lambda a, b: a @ b / 25,
                "You took the mean of the products. A dot product is their sum: a @ b.":
                    lambda a, b: cosine(a, b) / len(a),
            },
        ),
        Exercise(
            "2.3", "Shrunken similarities", objective="O2.2", level="core", minutes=10,
            reference=shrunk_similarities,
            cases=[
                (R_SMALL, 4.0), (np.array([[2.0, 4.0, 5.0]]), 3.0), (np.array([[4.0], [0.0]]), 2.0), (R_TINY, 1.0),
                (R_APART, 2.0),
            ],
            draw=_draw_table,
            properties={
                "Your result has one row for each person. The films are the columns of R: normalize along axis=0 and "
                "use unit.T @ unit.":
                    lambda args, S: np.shape(S) != (len(args[0]),) * 2 or len(args[0]) == args[0].shape[1],
                "Your similarities lost their fractions: they are whole numbers. Leave out int and astype(int).":
                    lambda args, S: np.asarray(S).dtype.kind not in "iu"
                    or np.allclose(S, shrunk_similarities(*args)),
                "Your table is not symmetric. The similarity of film i to film j equals that of film j to film i.":
                    lambda args, S: np.shape(S) != (args[0].shape[1],) * 2
                    or np.allclose(S, np.transpose(S), equal_nan=True),
                "A film is not its own neighbor: put 0 on the diagonal, for example with np.fill_diagonal(S, 0).":
                    lambda args, S: np.shape(S) != (args[0].shape[1],) * 2 or np.allclose(np.diag(S), 0, atol=1e-9),
                "Your result has NaN or infinity, so something was divided by 0. The norms of the columns and n + "
                "shrinkage are never 0. What else do you divide by?":
                    lambda args, S: bool(np.isfinite(np.asarray(S, dtype=float)).all())
                    or _has_nan_where_apart(args[0], S),
                "Your norms run over the common raters only. Then any two films with a single common rater have a "
                "cosine of 1. Take the norms over all ratings of each film.":
                    lambda args, S: np.shape(S) != (args[0].shape[1],) * 2
                    or not _uses_common_norms(args[0], args[1], S),
            },
            why="The cosine says how alike two films are, and n / (n + shrinkage) how far we believe it.",
            hints=(
                "Build three tables of shape (n_items, n_items): the cosines, the numbers n of common raters, and the"
                " shares n / (n + shrinkage).",
                "unit.T @ unit has the cosines; with rated = (R > 0).astype(float), rated.T @ rated has the counts.",
                "S = (unit.T @ unit) * n / (n + shrinkage), then np.fill_diagonal(S, 0) and return S",
            ),
            misconceptions={
                "You returned the cosines without shrinkage. Multiply each by n / (n + shrinkage).":
                    lambda R, shrinkage: _off_diagonal(_cosines(R)),
                "Your n is the number of raters of one film. For a pair, n is the number of people who rated both "
                "films.":
                    lambda R, shrinkage: _off_diagonal(_cosines(R) * (lambda n: n / (n + shrinkage))((R > 0).sum(0))),
                "Your n is the number of all people. It is the number of people who rated both films.":
                    lambda R, shrinkage: _off_diagonal(_cosines(R) * len(R) / (len(R) + shrinkage)),
                "Your n is the number of people who rated at least one of the two films. It is the number who rated "
                "both.":
                    lambda R, shrinkage: _over_all(_cosines(R), _either(R), shrinkage),
                "Your n is the smaller number of raters of the two films. It is the number of people who rated both.":
                    lambda R, shrinkage: _over_all(
                        _cosines(R), np.minimum.outer((R > 0).sum(axis=0), (R > 0).sum(axis=0)), shrinkage),
                "You divided by one norm for the full table. Each column has its own norm: np.linalg.norm(R, axis=0).":
                    lambda R, shrinkage: _over_all(R.T @ R / (R**2).sum(), _both(R), shrinkage),
                "Your n is at most 1. A product of True and False values is again True or False, so it does not count: "
                "convert with (R > 0).astype(float) first.":
                    lambda R, shrinkage: _off_diagonal(_cosines(R) * (_both(R) > 0) / (1 + shrinkage)),
                "Your n is R.T @ R, which adds products of stars. n is a number of people: use (R > 0).astype(float) "
                "instead of R.":
                    lambda R, shrinkage: _off_diagonal(_cosines(R) * (R.T @ R) / (R.T @ R + shrinkage)),
                "You compared people with people. Films are the columns of R: normalize along axis=0 and use unit.T "
                "@ unit.":
                    lambda R, shrinkage: shrunk_similarities(R.T, shrinkage),
                "You divided by n + shrinkage, and the factor n is missing above: n / (n + shrinkage).":
                    lambda R, shrinkage: _off_diagonal(_cosines(R) / (_both(R) + shrinkage)),
                "You multiplied by shrinkage / (n + shrinkage), which trusts the pairs that few people rated. The "
                "share is n / (n + shrinkage).":
                    lambda R, shrinkage: _off_diagonal(_cosines(R) * shrinkage / (_both(R) + shrinkage)),
                "You multiplied by n and did not divide. The share n / (n + shrinkage) stays below 1.":
                    lambda R, shrinkage: _off_diagonal(_cosines(R) * _both(R)),
                "You shrank dot products instead of cosines. Divide each column by its norm first.":
                    lambda R, shrinkage: _off_diagonal((R.T @ R) * _both(R) / (_both(R) + shrinkage)),
                "You returned the shares n / (n + shrinkage) without the cosines. Multiply the two tables.":
                    lambda R, shrinkage: _off_diagonal(_both(R) / (_both(R) + shrinkage)),
                "Python divides before it adds: put brackets around n + shrinkage.":
                    lambda R, shrinkage: _off_diagonal(
                        np.divide(_cosines(R) * _both(R), _both(R), out=np.zeros_like(_both(R)), where=_both(R) > 0)
                        + shrinkage
                    ),
                "Your result fits the cosine times n / (n + shrinkage) of columns from which a mean was subtracted. "
                "Take the stars as they are.":
                    lambda R, shrinkage: _off_diagonal(
                        _cosines(np.stack([_centered(column) for column in R.T], axis=1))
                        * _both(R) / (_both(R) + shrinkage)
                    ),
                "Your result fits a shrinkage of 50, whatever `shrinkage` is. Use the argument.":
                    lambda R, shrinkage: shrunk_similarities(R, 50),
                "Python divides before it adds, so you added the shrinkage to the cosines, and 0 / 0 is NaN. Put "
                "brackets around n + shrinkage.":
                    lambda R, shrinkage: _off_diagonal(_cosines(R) * _both(R) / _both(R) + shrinkage),
                "You compared who rated the films and not how many stars they gave. Take the cosines of R itself; the "
                "0/1 table only counts n.":
                    lambda R, shrinkage: shrunk_similarities((R > 0) * 1.0, shrinkage),
                "You shrank Pearson's correlations, see section 3. Here nothing is subtracted: take the cosines "
                "of the stars.":
                    lambda R, shrinkage: _over_all(_pearsons(R), _both(R), shrinkage),
                "You returned Pearson's correlations, see section 3. Take the cosines of the stars, times n / (n + "
                "shrinkage).":
                    lambda R, shrinkage: _off_diagonal(_pearsons(R)),
                "You multiplied by n / (1 + shrinkage). The denominator is n + shrinkage, with the n of each pair.":
                    lambda R, shrinkage: _off_diagonal(_cosines(R) * _both(R) / (1 + shrinkage)),
                "Your n is one number for all pairs, the sum of the table of counts. Each pair has its own n.":
                    lambda R, shrinkage: _off_diagonal(_cosines(R) * _both(R).sum() / (_both(R).sum() + shrinkage)),
                "Your denominator is the larger of n and shrinkage. It is their sum: n + shrinkage.":
                    lambda R, shrinkage: _off_diagonal(_cosines(R) * _both(R) / np.maximum(_both(R), shrinkage)),
                "You divided the cosines by the shrinkage. Multiply them by n / (n + shrinkage).":
                    lambda R, shrinkage: _off_diagonal(_cosines(R) / shrinkage),
                "You subtracted the shrinkage. Multiply each cosine by n / (n + shrinkage).":
                    lambda R, shrinkage: _off_diagonal(_cosines(R) - shrinkage),
                "You returned 1 minus the similarity, which is a distance. Return the similarity itself.":
                    lambda R, shrinkage: _off_diagonal(1 - shrunk_similarities(R, shrinkage)),
                "You divided by the sums of squares. A norm is the root of that: np.linalg.norm(R, axis=0).":
                    lambda R, shrinkage: _over_all(
                        R.T @ R / np.outer((R**2).sum(axis=0), (R**2).sum(axis=0)), _both(R), shrinkage),
                "You kept the cosines of pairs with many common raters and dropped the others. Shrinkage is gradual: "
                "multiply by n / (n + shrinkage).":
                    lambda R, shrinkage: _off_diagonal(np.where(_both(R) > shrinkage, _cosines(R), 0)),
                "You kept the cosines of pairs with many common raters and dropped the others. Shrinkage is gradual; "
                "multiply by n / (n + shrinkage).":
                    lambda R, shrinkage: _off_diagonal(np.where(_both(R) >= shrinkage, _cosines(R), 0)),
                "You shrank twice. Multiply by n / (n + shrinkage) once.":
                    lambda R, shrinkage: _off_diagonal(_cosines(R) * (_both(R) / (_both(R) + shrinkage)) ** 2),
                "You took the root of n + shrinkage. The share is n / (n + shrinkage), without a root.":
                    lambda R, shrinkage: _off_diagonal(_cosines(R) * _both(R) / np.sqrt(_both(R) + shrinkage)),
                "Your n is too small by 1. It is the number of people who rated both films.":
                    lambda R, shrinkage: _off_diagonal(_cosines(R) * (_both(R) - 1) / (_both(R) - 1 + shrinkage)),
                "You divided the rows by their norms. Films are columns: np.linalg.norm(R, axis=0).":
                    lambda R, shrinkage: _off_diagonal(
                        (lambda unit: unit.T @ unit)(R / np.linalg.norm(R, axis=1, keepdims=True))
                        * _both(R) / (_both(R) + shrinkage)
                    ),
                "Your n is the number of raters of one film, the one of the row. For a pair, n is the number of people "
                "who rated both films.":
                    lambda R, shrinkage: _off_diagonal(
                        _cosines(R) * (lambda n: n / (n + shrinkage))((R > 0).sum(axis=0)[:, None])),
                "Your result fits a shrinkage of 4, as in the mini-case. Use the argument.":
                    lambda R, shrinkage: shrunk_similarities(R, 4),
                "Your n counts only people who gave four stars or more to both films. Count all who rated both.":
                    lambda R, shrinkage: _over_all(_cosines(R), _both(np.where(R >= 4, R, 0)), shrinkage),
                "Your n is the sum of the numbers of raters of the two films. It is the number of people who rated "
                "both.":
                    lambda R, shrinkage: _over_all(
                        _cosines(R), np.add.outer((R > 0).sum(axis=0), (R > 0).sum(axis=0)), shrinkage),
                "Your denominator is n + shrinkage + 1. The share is n / (n + shrinkage).":
                    lambda R, shrinkage: _off_diagonal(_cosines(R) * _both(R) / (_both(R) + shrinkage + 1)),
                "You took the root of the share. Multiply by n / (n + shrinkage) itself.":
                    lambda R, shrinkage: _off_diagonal(_cosines(R) * np.sqrt(_both(R) / (_both(R) + shrinkage))),
                "You used np.corrcoef, which subtracts the mean of each full column, zeros included. Take the cosines "
                "of the stars as they are.":
                    lambda R, shrinkage: _off_diagonal(np.atleast_2d(np.corrcoef(R.T)))
                    * _both(R) / (_both(R) + shrinkage),
                "You used np.corrcoef, which subtracts the mean of each full column, zeros included, and the share is "
                "missing. Take the cosines of the stars, times n / (n + shrinkage).":
                    lambda R, shrinkage: _off_diagonal(np.atleast_2d(np.corrcoef(R.T))),
            },
        ),
        Exercise(
            "2.4", "A rating from neighbors", objective="O2.3", level="core", minutes=8,
            reference=from_neighbors,
            cases=[
                (3.2, np.array([0.5, 0.3, 0.0, 0.4]), np.array([1.0, -1.0, 2.0, np.nan]), 0.2),
                (2.0, np.array([0.5, 0.25, 0.25]), np.array([0.0, 1.0, np.nan]), 0.5),  # one rated as expected
                (2.5, np.array([0.2, 0.6, 0.1]), np.array([0.5, np.nan, 1.5]), 0.5),
                (4.8, np.array([0.5, 0.25]), np.array([1.0, 1.0]), 0.25),
                (3.0, np.array([0.8, 0.4]), np.array([np.nan, np.nan]), 0.1),
                (1.2, np.array([0.5]), np.array([-1.0]), 0.5),
            ],
            draw=_draw_neighbors,
            properties={
                "You returned an array with one number in it. Return the number itself, without brackets.":
                    lambda args, result: np.ndim(result) == 0 or np.size(result) != 1 or len(args[1]) == 1,
                "You returned several numbers, and a predicted rating is one. Add the products up before you "
                "divide: (similar[rated] * residuals[rated]).sum().":
                    lambda args, result: np.ndim(result) == 0 or np.size(result) == 1,
                "You returned an array. A predicted rating is a single number.":
                    lambda args, result: np.ndim(result) == 0,
            },
            why="Each rated film counts as much as it is similar, and the prior keeps little evidence near the biases.",
            hints=(
                "Both sums run over the same films. Which films are these?",
                "rated = ~np.isnan(residuals) marks them; similar[rated] and residuals[rated] have equal length.",
                "expected + (similar[rated] * residuals[rated]).sum() / (prior + similar[rated].sum())",
            ),
            misconceptions={
                "You left out a film with the residual 0. The person rated it, exactly as expected, so its similarity "
                "counts below. Select with ~np.isnan(residuals), not with != 0.":
                    lambda expected, similar, residuals, prior: from_neighbors(
                        expected, similar, np.where(residuals == 0, np.nan, residuals), prior),
                "You added the prior once for each rated film. It is one imaginary neighbor: add it once.":
                    lambda expected, similar, residuals, prior: expected + np.nansum(similar * residuals)
                        / np.maximum(1e-9, (similar + prior)[~np.isnan(residuals)].sum()),
                "Your sum of weights runs over all neighbors. A film that the person has not rated gives no advice, so "
                "its similarity must not count there.":
                    lambda expected, similar, residuals, prior:
                        expected + np.nansum(similar * residuals) / (prior + similar.sum()),
                "Your result is NaN: a sum with NaN in it is NaN. Leave out the films that the person has not rated.":
                    lambda expected, similar, residuals, prior:
                        expected + similar @ residuals / (prior + similar.sum()),
                "The prior is missing in the denominator. Without it, one weak neighbor decides alone.":
                    lambda expected, similar, residuals, prior: from_neighbors(expected, similar, residuals, 0),
                "The prior is missing in the denominator. With it, a person without ratings needs no special case: "
                "0 / prior is 0.":
                    lambda expected, similar, residuals, prior: from_neighbors(
                        expected, similar, residuals, 0 if np.isfinite(residuals).any() else prior),
                "Python divides before it adds: put brackets around the denominator, (prior + ...).":
                    lambda expected, similar, residuals, prior: expected
                        + np.nansum(similar * residuals) / prior + similar[~np.isnan(residuals)].sum(),
                "You cut the result to the scale from 1 to 5. The contract does not ask for that; return the number "
                "as it is.":
                    lambda expected, similar, residuals, prior:
                        np.clip(from_neighbors(expected, similar, residuals, prior), 1, 5),
                "You returned the correction alone. Add it to expected.":
                    lambda expected, similar, residuals, prior:
                        from_neighbors(expected, similar, residuals, prior) - expected,
                "You did not divide. Without the denominator, a person with many ratings gets an enormous correction.":
                    lambda expected, similar, residuals, prior: expected + np.nansum(similar * residuals),
                "Every neighbor has the same weight in your sums. Multiply each residual by its similarity, and add "
                "the similarities below.":
                    lambda expected, similar, residuals, prior:
                        expected + np.nansum(residuals) / (prior + (~np.isnan(residuals)).sum()),
                "You divided by the number of rated films plus the prior. A weighted mean divides by the sum of the "
                "weights.":
                    lambda expected, similar, residuals, prior:
                        expected + np.nansum(similar * residuals) / (prior + (~np.isnan(residuals)).sum()),
                "You added the prior above, too. The imaginary neighbor has the residual 0, so it appears only below.":
                    lambda expected, similar, residuals, prior: from_neighbors(expected, similar, residuals, prior)
                        + prior / (prior + similar[~np.isnan(residuals)].sum()),
                "Your result fits the positive residuals alone. A negative residual is advice, too: select with "
                "~np.isnan(residuals).":
                    lambda expected, similar, residuals, prior: from_neighbors(
                        expected, similar, np.where(residuals > 0, residuals, np.nan), prior),
                "Python divides before it adds, so you added the prior to the prediction. Put brackets around the "
                "denominator: (prior + ...).":
                    lambda expected, similar, residuals, prior:
                        from_neighbors(expected, similar, residuals, 0) + prior,
                "You selected the films that were not rated. ~ swaps True and False: ~np.isnan(residuals).":
                    lambda expected, similar, residuals, prior: expected
                        + (similar[np.isnan(residuals)] * residuals[np.isnan(residuals)]).sum()
                        / (prior + similar[np.isnan(residuals)].sum()),
                "You took the mean of the products. A weighted mean has their sum above the line.":
                    lambda expected, similar, residuals, prior: expected + np.nanmean(similar * residuals)
                        / (prior + similar[~np.isnan(residuals)].sum()),
                "You multiplied expected by the correction. Add the correction to expected.":
                    lambda expected, similar, residuals, prior: expected
                        * (from_neighbors(expected, similar, residuals, prior) - expected),
                "You multiplied the sum of weights by the prior. The prior is added to it.":
                    lambda expected, similar, residuals, prior: expected + np.nansum(similar * residuals)
                        / (prior * similar[~np.isnan(residuals)].sum()),
                "Your result fits absolute residuals. Keep their signs: a negative residual lowers the prediction.":
                    lambda expected, similar, residuals, prior:
                        from_neighbors(expected, similar, np.abs(residuals), prior),
                "You divided by the sum of the residuals. Divide by the prior plus the sum of the similarities.":
                    lambda expected, similar, residuals, prior:
                        expected + np.nansum(similar * residuals) / (prior + np.nansum(residuals)),
                "Your result fits a prior of 0.1, whatever `prior` is. Use the argument.":
                    lambda expected, similar, residuals, prior: from_neighbors(expected, similar, residuals, 0.1),
                "You divided expected, too. Only the sum of products is divided: put no brackets around expected + ...":
                    lambda expected, similar, residuals, prior: (expected + np.nansum(similar * residuals))
                        / (prior + similar[~np.isnan(residuals)].sum()),
                "You added the plain mean of the residuals. Weight each residual by its similarity, and divide by the "
                "prior plus the sum of the similarities.":
                    lambda expected, similar, residuals, prior: expected + np.nanmean(residuals),
                "You added the plain mean of the residuals, or 0 without any. Weight each residual by its similarity, "
                "and divide by the prior plus the sum of the similarities.":
                    lambda expected, similar, residuals, prior: expected
                        + np.nansum(residuals) / max(1, (~np.isnan(residuals)).sum()),
                "You divided by the number of all films plus the prior. A weighted mean divides by the sum of the "
                "weights, similar[rated].sum().":
                    lambda expected, similar, residuals, prior:
                        expected + np.nansum(similar * residuals) / (prior + len(similar)),
                "You divided each product by its own weight and added the quotients. Add the products first, add the "
                "weights, and divide once.":
                    lambda expected, similar, residuals, prior:
                        expected + np.nansum(similar * residuals / (prior + similar)),
                "You took the plain mean of the products. Divide their sum by prior + the sum of the similarities.":
                    lambda expected, similar, residuals, prior: expected + np.nansum(similar * residuals)
                        / max(1, (~np.isnan(residuals)).sum()),
                "You multiplied two sums. Multiply each residual by its own similarity first, and then add.":
                    lambda expected, similar, residuals, prior: expected + np.nansum(residuals)
                        * similar[~np.isnan(residuals)].sum() / (prior + similar[~np.isnan(residuals)].sum()),
                "You used only the nearest film that was rated. Add up over all rated films.":
                    lambda expected, similar, residuals, prior: expected
                        + residuals[np.nanargmax(np.where(np.isnan(residuals), -1, similar))],
                "You squared the similarities below. The denominator is prior + the sum of the similarities.":
                    lambda expected, similar, residuals, prior: expected + np.nansum(similar * residuals)
                        / (prior + (similar[~np.isnan(residuals)] ** 2).sum()),
                "Your result fits a prior of 1, whatever `prior` is. Use the argument.":
                    lambda expected, similar, residuals, prior: from_neighbors(expected, similar, residuals, 1),
                "You added the prior once for each film. It is one imaginary neighbor: add it once.":
                    lambda expected, similar, residuals, prior: from_neighbors(
                        expected, similar, residuals, prior * len(similar)),
                "Your result fits expected inside the weighted mean, or subtracted from the residuals. The residuals "
                "are already what is left: compute the correction from them alone, and add it to expected.":
                    lambda expected, similar, residuals, prior: (prior * expected + np.nansum(similar * residuals))
                        / (prior + similar[~np.isnan(residuals)].sum()),
                "You subtracted the correction. A positive residual is a film that was liked better than expected: add "
                "it.":
                    lambda expected, similar, residuals, prior:
                        2 * expected - from_neighbors(expected, similar, residuals, prior),
                "Your result fits a prior of 0.2, as in the mini-case. Use the argument.":
                    lambda expected, similar, residuals, prior: from_neighbors(expected, similar, residuals, 0.2),
                "You divided by the number of neighbors plus the prior. A weighted mean divides by the sum of the "
                "similarities.":
                    lambda expected, similar, residuals, prior: expected
                        + np.nansum(similar * residuals) / (prior + (similar > 0).sum()),
                "You divided by the number of rated neighbors plus the prior. A weighted mean divides by the sum of "
                "their similarities.":
                    lambda expected, similar, residuals, prior: expected + np.nansum(similar * residuals)
                        / (prior + (similar[~np.isnan(residuals)] > 0).sum()),
                "You took the mean of the products, which is NaN without any. Divide their sum by prior + the sum of "
                "the similarities.":
                    lambda expected, similar, residuals, prior: expected + np.nanmean(similar * residuals),
                "You added up the residuals without their similarities, and did not divide. Multiply each residual by "
                "its similarity; divide the sum by the prior plus the sum of the similarities.":
                    lambda expected, similar, residuals, prior: expected + np.nansum(residuals),
                "You used only the most similar film. Both sums run over all rated films.":
                    lambda expected, similar, residuals, prior: _nearest_only(expected, similar, residuals, prior),
                "You divided by the sum of the absolute residuals. The similarities are the weights: add them, and "
                "the prior.":
                    lambda expected, similar, residuals, prior: expected
                        + np.nansum(similar * residuals) / (prior + np.nansum(np.abs(residuals))),
                "Your denominator is the larger of the prior and the sum of the similarities. Add the two.":
                    lambda expected, similar, residuals, prior: expected + np.nansum(similar * residuals)
                        / max(prior, similar[~np.isnan(residuals)].sum()),
                "Without rated films you returned 0. There the correction is 0, and expected is left.":
                    lambda expected, similar, residuals, prior: 0.0 if np.isnan(residuals).all()
                        else from_neighbors(expected, similar, residuals, prior),
                "You squared the similarities above the line. Multiply each residual by its similarity once.":
                    lambda expected, similar, residuals, prior: expected + np.nansum(similar**2 * residuals)
                        / (prior + similar[~np.isnan(residuals)].sum()),
                "You squared the similarities. The weights are the similarities themselves.":
                    lambda expected, similar, residuals, prior: from_neighbors(
                        expected, similar**2, residuals, prior),
                "You added the prior once for each rated film (a mean divided by prior + a mean does the same), so a "
                "person without ratings gets 0 / 0. Divide a sum by a sum, and add the prior once.":
                    lambda expected, similar, residuals, prior: expected + np.nansum(similar * residuals)
                        / (similar + prior)[~np.isnan(residuals)].sum(),
            },
        ),
        Exercise(
            "2.5", "Rank from neighbors", objective="O2.3", level="core", minutes=6,
            reference=rank_from_neighbors, compare=same_ranking,
            cases=[
                (np.array([1, 1, 0, 0]), SIMILAR, 2),
                (np.array([1, 0, 0, 1, 0]), ONE_WAY, 3),
                (np.array([1, 0, 1, 0, 0]), ONE_WAY, 2),
                (np.array([0, 1, 0, 1, 0]), TWO_NEAR, 3),
                (np.eye(48)[0], (MANY_TIES @ MANY_TIES.T - np.eye(48)) / 2, 20),
                (np.eye(MANY_FILMS)[0], _near_films(), N_BEST),
                (np.zeros(3, dtype=int), np.array([[0, 0.5, 0], [0.5, 0, 0.25], [0, 0.25, 0]]), 2),  # nothing watched
            ],
            draw=_draw_watched,
            properties={
                "You returned a set, which has no order. Return the positions as a list or an array, best first.":
                    lambda args, ranked: not isinstance(ranked, set | frozenset),
                "Your list has fewer than k positions. Common reasons: films were removed after the cut, films with "
                "a score of 0 were left out, or the list was not cut at k.":
                    lambda args, ranked: np.ndim(ranked) != 1 or len(ranked) >= args[2],
                "Your result is a table. You need one score for each film: add the similarities to all watched films.":
                    lambda args, ranked: np.ndim(ranked) < 2,
                "You returned a single position. The contract asks for k positions, best first.":
                    lambda args, ranked: np.ndim(ranked) > 0,
                "You returned True and False. The contract asks for positions: apply np.argsort to -scores.":
                    lambda args, ranked: np.asarray(ranked).dtype.kind != "b",
                "Your list has more than k positions. Cut it: [:k].":
                    lambda args, ranked: np.asarray(ranked).dtype.kind not in "iu" or len(ranked) <= args[2],
                "Your list has a film that the person has watched. The scores of such films must be -np.inf before the "
                "sort, and argsort sorts upward, so sort -scores: then they come last.":
                    lambda args, ranked: not np.isin(np.flatnonzero(args[0]), ranked).any(),
                "Films with equal scores are in the wrong order: the lower position comes first. Sort -scores with "
                'kind="stable". Without it numpy may order equal scores in any way, and [::-1] reverses them.':
                    lambda args, ranked: _keeps_order(args[1] @ args[0], np.flatnonzero(args[0]), ranked),
                "Your list has the right films in the wrong order. Look at their scores, one after the other: the "
                "largest comes first.":
                    lambda args, ranked: _is_sorted(args[1] @ args[0], np.flatnonzero(args[0]), ranked),
            },
            why="Similarities to all watched films are added, so many neighbors together count more than a single one.",
            hints=(
                "For each film: which of its neighbors did the person watch, and what is the sum of their "
                "similarities?",
                "similar @ watched computes the sums of all films at once; watched > 0 marks what must not be in the "
                "list.",
                'Set scores[watched > 0] to -np.inf, then np.argsort(-scores, kind="stable")[:k].',
            ),
            misconceptions={
                "You forgot the minus: argsort sorts upward, so the smallest scores, -np.inf of watched films, come "
                "first. Sort -scores.":
                    lambda watched, similar, k: _ascending(similar @ watched, np.flatnonzero(watched), k),
                "You set the scores of watched films to +np.inf, which puts them first. Use -np.inf and sort -scores.":
                    lambda watched, similar, k: _ranked(similar @ watched, np.flatnonzero(watched), k, value=np.inf),
                "You used the similarities to one watched film only. Add those to all watched films: similar @ "
                "watched.":
                    lambda watched, similar, k: _ranked(
                        similar[:, np.argmax(watched)], np.flatnonzero(watched), k),
                "You used the neighbors of one watched film only. Add the similarities to all watched films: similar @ "
                "watched.":
                    lambda watched, similar, k: _ranked(
                        similar[np.argmax(watched)], np.flatnonzero(watched), k),
                "Your list is reversed: the best film comes first.":
                    lambda watched, similar, k: rank_from_neighbors(watched, similar, k)[::-1],
                "Your list has the best film at the end. argsort sorts upward: sort -scores and take the first k.":
                    lambda watched, similar, k: _worst_first(similar @ watched, np.flatnonzero(watched), k),
                "You skipped the best film: your slice starts at 1. The first k places are [:k].":
                    lambda watched, similar, k: _ranked(similar @ watched, np.flatnonzero(watched), k + 1)[1:],
                "You took the end of the list, where the worst films are. After a sort of -scores, the best are [:k].":
                    lambda watched, similar, k: _ranked(
                        similar @ watched, np.flatnonzero(watched), len(watched))[-k:],
                "You divided by the sum of similarities to the watched films, so every score is 1 or 0 (or NaN). Add "
                "and do not divide.":
                    lambda watched, similar, k: _ranked(
                        similar @ watched / (similar @ watched), np.flatnonzero(watched), k),
                "You divided by the sum of similarities to the watched films, so every score is 1 or 0. Add and do not "
                "divide.":
                    lambda watched, similar, k: _ranked(
                        ((similar @ watched) > 0) * 1.0, np.flatnonzero(watched), k),
                "You divided by the number of neighbors of each film. The score is the sum: add and do not divide.":
                    lambda watched, similar, k: _ranked(
                        similar @ watched / np.maximum((similar > 0).sum(axis=1), 1), np.flatnonzero(watched), k),
                "You added similar and its transpose. Row i alone has the neighbors of film i: similar @ watched.":
                    lambda watched, similar, k: _ranked(
                        (similar + similar.T) @ watched, np.flatnonzero(watched), k),
                "Your positions count from 1. The first film has position 0.":
                    lambda watched, similar, k: rank_from_neighbors(watched, similar, k) + 1,
                "You returned the scores of the k best. The contract asks for their positions: np.argsort, not "
                "np.sort.":
                    lambda watched, similar, k: _best_scores(similar @ watched, np.flatnonzero(watched), k),
                "You added along the columns (watched @ similar). The neighbors of film i are in row i: similar @ "
                "watched.":
                    lambda watched, similar, k: _ranked(watched @ similar, np.flatnonzero(watched), k),
                "You divided by the sum of all similarities of a film. For a list, add and do not divide.":
                    lambda watched, similar, k: _ranked(
                        similar @ watched / np.maximum(similar.sum(axis=1), 1e-9), np.flatnonzero(watched), k),
                "You took the mean similarity to the watched neighbors, so one neighbor counts as much as five. Take "
                "the sum.":
                    lambda watched, similar, k: _ranked(
                        similar @ watched / np.maximum((similar > 0) @ watched, 1), np.flatnonzero(watched), k),
                "You took the largest similarity to a watched film. Take the sum of all of them.":
                    lambda watched, similar, k: _ranked((similar * watched).max(axis=1), np.flatnonzero(watched), k),
                "You counted the watched neighbors. Add their similarities instead.":
                    lambda watched, similar, k: _ranked((similar > 0) @ watched, np.flatnonzero(watched), k),
                "You added the similarities to all films. Add only those to the watched ones.":
                    lambda watched, similar, k: _ranked(similar.sum(axis=1), np.flatnonzero(watched), k),
                "You ranked the least similar films first: argsort sorts upward, so sort -scores.":
                    lambda watched, similar, k: _ranked(-(similar @ watched), np.flatnonzero(watched), k),
                "You set the scores of watched films to 0, and other films may have a score of 0, too. Use -np.inf.":
                    lambda watched, similar, k: _ranked(similar @ watched, np.flatnonzero(watched), k, value=0),
                "You removed the watched films before the sort, so your positions count only the films that were "
                "left. Keep all scores, and set those of watched films to -np.inf.":
                    lambda watched, similar, k: _ranked((similar @ watched)[watched == 0], np.array([], int), k),
                "You cut the list to k first and removed the watched films afterwards, so it has fewer than k "
                "positions.":
                    lambda watched, similar, k: (lambda ranked: ranked[watched[ranked] == 0])(
                        _ranked(similar @ watched, np.array([], int), k)),
                "You returned all films that were not watched. The contract asks for the k best: [:k].":
                    lambda watched, similar, k: rank_from_neighbors(watched, similar, int((watched == 0).sum())),
                "You returned the scores. The contract asks for the positions of the k best.":
                    lambda watched, similar, k: similar @ watched,
                "You returned the scores. The contract asks for the positions of the k best: apply np.argsort to "
                "-scores.":
                    lambda watched, similar, k: np.where(watched > 0, -np.inf, similar @ watched),
                "You wrote scores[watched]. watched has entries 0 and 1, so that selects the films at positions 0 and"
                " 1. Select with scores[watched > 0].":
                    lambda watched, similar, k: _ranked(similar @ watched, np.unique(watched).astype(int), k),
                "You selected similar[:, watched.astype(int)]. watched has entries 0 and 1, so these are the "
                "columns 0 and 1, many times. Select with similar[:, watched > 0].":
                    lambda watched, similar, k: _ranked(
                        similar[:, watched.astype(int)].sum(axis=1), np.flatnonzero(watched), k),
                "Your scores lost their fractions. Leave out astype(int).":
                    lambda watched, similar, k: _ranked(
                        (similar @ watched).astype(int), np.flatnonzero(watched), k),
                "You sorted twice: argsort of argsort is the rank of each film. One np.argsort(-scores) has the "
                "positions, best first.":
                    lambda watched, similar, k: _ranks(similar @ watched, np.flatnonzero(watched), k),
                "You used the similarities to the last watched film only. Add those to all watched films: similar @ "
                "watched.":
                    lambda watched, similar, k: _ranked(
                        similar[:, len(watched) - 1 - np.argmax(watched[::-1])], np.flatnonzero(watched), k),
                "You added the similarities to the films that were not watched. Add those to the watched ones: similar "
                "@ watched.":
                    lambda watched, similar, k: _ranked(similar @ (1 - watched), np.flatnonzero(watched), k),
                "You wrote scores[~watched]. In whole numbers ~0 is -1 and ~1 is -2, so that selects the last two "
                "films. Select with scores[watched > 0].":
                    lambda watched, similar, k: _ranked(similar @ watched, np.unique(~watched), k),
                "You rounded the scores, so films with different scores became equal. Sort the scores as they are.":
                    lambda watched, similar, k: _ranked((similar @ watched).round(1), np.flatnonzero(watched), k),
                "You rounded the scores to two digits, so films with different scores became equal. Sort the scores as "
                "they are.":
                    lambda watched, similar, k: _ranked((similar @ watched).round(2), np.flatnonzero(watched), k),
                "np.argpartition finds the k best and does not sort them. Use np.argsort.":
                    lambda watched, similar, k: _partitioned(similar @ watched, np.flatnonzero(watched), k),
            },
        ),
        Exercise(
            "2.6", "TF-IDF weights", objective="O2.4", level="core", minutes=9,
            reference=tfidf,
            cases=[(WORDS,), (np.array([[2, 1]]),), (THREE_WORDS,), (FOUR_FILMS,), (MORE_WORDS,), (TINY_WORDS,)],
            draw=_draw_counts,
            properties={
                CUT: lambda args, weights: np.asarray(weights).dtype.kind not in "iu"
                or np.allclose(weights, tfidf(*args)),
            },
            why="Rare words get larger weights, repeated words count more, and each film ends with length 1.",
            hints=(
                "Three steps: count the films that have each word, compute the weight of each word, and give each "
                "row length 1.",
                "(counts > 0).sum(axis=0) computes all d_w; np.log is the natural logarithm; len(counts) is m.",
                "weights = counts * idf, divided by np.linalg.norm(weights, axis=1, keepdims=True). A norm for each "
                "row has shape (n_items,); keepdims=True makes it (n_items, 1).",
            ),
            misconceptions={
                "Your rows do not have length 1 yet: divide each row by its norm.":
                    lambda counts: counts * (np.log(_smooth_ratio(counts)) + 1),
                "You divided the columns by the norms of the rows. The norms need the shape (n_items, 1): "
                "np.linalg.norm(weights, axis=1, keepdims=True).":
                    lambda counts: _plain_idf(counts) / np.linalg.norm(_plain_idf(counts), axis=1),
                "You counted along each row. d_w is the number of films that have a word, one number for each column: "
                "(counts > 0).sum(axis=0).":
                    lambda counts: _weigh(counts, np.log((1 + len(counts)) / (1 + (counts > 0).sum(axis=1))) + 1),
                "The + 1 after the logarithm is missing: a word that all films have would vanish.":
                    lambda counts: _weigh(counts, np.log(_smooth_ratio(counts))),
                CUT: lambda counts: _weigh((counts * (np.log(_smooth_ratio(counts)) + 1)).astype(int), np.array(1)),
                "You added the last 1 inside the logarithm. It comes after it: np.log(ratio) + 1.":
                    lambda counts: _weigh(counts, np.log(_smooth_ratio(counts) + 1)),
                "The ones inside the logarithm are missing: (1 + m) / (1 + d_w).":
                    lambda counts: _weigh(counts, np.log(len(counts) / (counts > 0).sum(axis=0)) + 1),
                "You used ln(m / d_w), as many textbooks do. Here it is ln((1 + m) / (1 + d_w)) + 1.":
                    lambda counts: _weigh(counts, np.log(len(counts) / (counts > 0).sum(axis=0))),
                "You summed the counts, so a word that one film repeats counts several times. d_w is the number of "
                "films that have the word: (counts > 0).sum(axis=0).":
                    lambda counts: _weigh(counts, np.log((1 + len(counts)) / (1 + counts.sum(axis=0))) + 1),
                "Your rows sum to 1. Length 1 means that the root of the sum of squares is 1: divide by "
                "np.linalg.norm.":
                    lambda counts: (lambda w: w / w.sum(axis=1, keepdims=True))(
                        counts * (np.log(_smooth_ratio(counts)) + 1)
                    ),
                "You gave the columns length 1. A film is a row: np.linalg.norm(weights, axis=1, keepdims=True).":
                    lambda counts: (lambda w: w / np.linalg.norm(w, axis=0))(
                        counts * (np.log(_smooth_ratio(counts)) + 1)
                    ),
                "A word that appears twice in a film counts twice: multiply the idf by counts, not by 0 and 1.":
                    lambda counts: tfidf((counts > 0).astype(int)),
                "You used the logarithm to base 2. Use the natural logarithm, np.log: with the + 1 after it, the "
                "base matters.":
                    lambda counts: _weigh(counts, np.log2(_smooth_ratio(counts)) + 1),
                "You used the logarithm to base 10. Use the natural logarithm, np.log: with the + 1 after it, the "
                "base matters.":
                    lambda counts: _weigh(counts, np.log10(_smooth_ratio(counts)) + 1),
                "Your result equals the counts with rows of length 1. Either the idf is missing, or there is one for "
                "each row, which cancels. It is one number for each word, from (counts > 0).sum(axis=0).":
                    lambda counts: _weigh(counts, np.ones(counts.shape[1])),
                "You divided by the sum of squares of each row. The norm is its root: np.linalg.norm, or np.sqrt.":
                    lambda counts: _plain_idf(counts) / (_plain_idf(counts) ** 2).sum(axis=1, keepdims=True),
                "You divided everything by one norm for the full table. Each row has its own norm: axis=1, "
                "keepdims=True.":
                    lambda counts: _plain_idf(counts) / np.linalg.norm(_plain_idf(counts)),
                "You returned one weight for each word, the idf. Multiply counts by it, and give each row length 1.":
                    lambda counts: np.log(_smooth_ratio(counts)) + 1,
                "Your d is one number for the full table. Each word needs its own: (counts > 0).sum(axis=0).":
                    lambda counts: _weigh(counts, np.log((1 + len(counts)) / (1 + (counts > 0).sum())) + 1),
                "m is the number of films, len(counts). You took the number of all cells of the table.":
                    lambda counts: _weigh(counts, np.log((1 + counts.size) / (1 + (counts > 0).sum(axis=0))) + 1),
                "Your largest weight in each row is 1. Length 1 means that the root of the sum of squares is 1: "
                "divide by np.linalg.norm.":
                    lambda counts: _plain_idf(counts) / _plain_idf(counts).max(axis=1, keepdims=True),
                "You divided by the norms of the counts. Take the norms after the multiplication by the idf.":
                    lambda counts: _plain_idf(counts) / np.linalg.norm(counts, axis=1, keepdims=True),
                "Your idf grows with the number of films that have the word: the fraction in the logarithm is upside "
                "down. It is (1 + m) / (1 + d_w).":
                    lambda counts: _weigh(counts, 1 - np.log(_smooth_ratio(counts))),
                "The logarithm is missing: the idf is np.log((1 + m) / (1 + d)) + 1.":
                    lambda counts: _weigh(counts, _smooth_ratio(counts) + 1),
                "The logarithm and the + 1 after it are missing: the idf is np.log((1 + m) / (1 + d)) + 1.":
                    lambda counts: _weigh(counts, _smooth_ratio(counts)),
                "You divided the counts by their sum in each row, and the weights have no length 1. Multiply the "
                "counts by the idf, then divide each row by its norm.":
                    lambda counts: _plain_idf(counts) / counts.sum(axis=1, keepdims=True),
                "You took the logarithm of the counts. Only the idf has a logarithm: counts * idf.":
                    lambda counts: _weigh(np.log1p(counts), np.log(_smooth_ratio(counts)) + 1),
                "You took 1 + the logarithm of the counts. Only the idf has a logarithm: counts * idf.":
                    lambda counts: _weigh(
                        np.where(counts > 0, 1 + np.log(np.maximum(counts, 1)), 0), np.log(_smooth_ratio(counts)) + 1),
                "The 1 below is missing: the fraction in the logarithm is (1 + m) / (1 + d_w).":
                    lambda counts: _weigh(counts, np.log((1 + len(counts)) / (counts > 0).sum(axis=0)) + 1),
                "The 1 above is missing: the fraction in the logarithm is (1 + m) / (1 + d_w).":
                    lambda counts: _weigh(counts, np.log(len(counts) / (1 + (counts > 0).sum(axis=0))) + 1),
                "You counted the films that have a word more than once. d_w counts those that have it at all: "
                "(counts > 0).sum(axis=0).":
                    lambda counts: _weigh(counts, np.log((1 + len(counts)) / (1 + (counts > 1).sum(axis=0))) + 1),
                "You multiplied by the idf twice. Once is enough.":
                    lambda counts: _weigh(counts, (np.log(_smooth_ratio(counts)) + 1) ** 2),
                "You added the idf to the counts. Multiply: counts * idf.":
                    lambda counts: (lambda w: w / np.linalg.norm(w, axis=1, keepdims=True))(
                        counts + np.log(_smooth_ratio(counts)) + 1),
                "Your idf is ln(1 + m / d_w). Here it is ln((1 + m) / (1 + d_w)) + 1.":
                    lambda counts: _weigh(counts, np.log(1 + len(counts) / (counts > 0).sum(axis=0))),
                "You added up each row. The result has the shape of counts: multiply with *, not with @.":
                    lambda counts: _plain_idf(counts).sum(axis=1),
                "You took the words for the films. A film is a row of counts and a word is a column.":
                    lambda counts: tfidf(counts.T).T,
                "You divided by the idf. Multiply by it: rare words get larger weights.":
                    lambda counts: _weigh(counts, 1 / (np.log(_smooth_ratio(counts)) + 1)),
                "Your result fits 5 films, whatever the number of rows is. Use len(counts).":
                    lambda counts: _weigh(counts, np.log(6 / (1 + (counts > 0).sum(axis=0))) + 1),
                "m is the number of films, len(counts). You took the sum of all counts.":
                    lambda counts: _weigh(counts, np.log((1 + counts.sum()) / (1 + (counts > 0).sum(axis=0))) + 1),
                "Python divides before it adds: write (1 + m) / (1 + d) with brackets.":
                    lambda counts: _weigh(counts, np.log(1 + len(counts) + (counts > 0).sum(axis=0)) + 1),
                "m is the number of films, the rows of counts. You took the number of words.":
                    lambda counts: _weigh(counts, np.log((1 + counts.shape[1]) / (1 + (counts > 0).sum(axis=0))) + 1),
                "The brackets are missing, so only the first 1 is outside the fraction: write (1 + m) / (1 + d_w).":
                    lambda counts: _weigh(counts, np.log(1 + len(counts) / (1 + (counts > 0).sum(axis=0))) + 1),
                "You used ln(1 + m / (1 + d_w)). Here it is ln((1 + m) / (1 + d_w)) + 1.":
                    lambda counts: _weigh(counts, np.log(1 + len(counts) / (1 + (counts > 0).sum(axis=0)))),
                "The brackets are missing: with np.log(1 + m) / (1 + d) only the number above gets a logarithm.":
                    lambda counts: _weigh(counts, np.log(1 + len(counts)) / (1 + (counts > 0).sum(axis=0)) + 1),
                "Your idf is ln(1 + m / d_w) + 1. Here it is ln((1 + m) / (1 + d_w)) + 1.":
                    lambda counts: _weigh(counts, np.log(1 + len(counts) / (counts > 0).sum(axis=0)) + 1),
                "The last 1 was added to the products. It belongs to the idf: counts * (np.log(...) + 1).":
                    lambda counts: (lambda w: w / np.linalg.norm(w, axis=1, keepdims=True))(
                        counts * np.log(_smooth_ratio(counts)) + 1),
                "You counted the films that have a word exactly once. d_w counts those that have it at all: "
                "(counts > 0).sum(axis=0).":
                    lambda counts: _weigh(counts, np.log((1 + len(counts)) / (1 + (counts == 1).sum(axis=0))) + 1),
                "You took the largest count of each word. d_w is a number of films: (counts > 0).sum(axis=0).":
                    lambda counts: _weigh(counts, np.log((1 + len(counts)) / (1 + counts.max(axis=0))) + 1),
                "You took the mean count of each word. d_w is a number of films: (counts > 0).sum(axis=0).":
                    lambda counts: _weigh(counts, np.log((1 + len(counts)) / (1 + counts.mean(axis=0))) + 1),
                "You took the share of films that have a word. d_w is their number: .sum(axis=0), not .mean(axis=0).":
                    lambda counts: _weigh(counts, np.log((1 + len(counts)) / (1 + (counts > 0).mean(axis=0))) + 1),
                "You took a root where the idf has a logarithm: np.log((1 + m) / (1 + d)) + 1.":
                    lambda counts: _weigh(counts, np.sqrt(_smooth_ratio(counts)) + 1),
                "You took the root of the counts. Multiply the counts themselves by the idf.":
                    lambda counts: _weigh(np.sqrt(counts), np.log(_smooth_ratio(counts)) + 1),
                "Your m is too large by 1. It is the number of films, len(counts).":
                    lambda counts: _weigh(counts, np.log((2 + len(counts)) / (1 + (counts > 0).sum(axis=0))) + 1),
                "You used the number of films without the word, m - d_w. Above the line is 1 + m.":
                    lambda counts: _weigh(
                        counts, np.log((1 + len(counts) - (counts > 0).sum(axis=0)) / (1 + (counts > 0).sum(axis=0)))
                        + 1),
            },
        ),
        Exercise(
            "2.7", "Rank by content", objective="O2.4", level="core", minutes=6,
            reference=rank_by_content, compare=same_ranking,
            cases=[
                (np.array([0]), THREE_FILMS, 2),
                (np.array([0]), tfidf(TINY_WORDS), 2),
                (np.array([0]), SIX_FILMS, 3),
                (np.array([0, 4]), SIX_FILMS, 4),
                (np.array([2]), SIX_FILMS, 2),
                (np.array([4, 2]), SIX_FILMS, 3),
                (np.array([0, 1]), MANY_TIES, 20),
                (np.array([0, 3, 4]), TWO_SIDES, 2),  # the median and absolute differences say otherwise
                (np.array([0]), FAN, N_BEST),
            ],
            draw=_draw_profile,
            properties={
                "You returned a set, which has no order. Return the positions as a list or an array, best first.":
                    lambda args, ranked: not isinstance(ranked, set | frozenset),
                "Your list has fewer than k positions. Common reasons: films were removed after the cut, films with "
                "a score of 0 were left out, or the list was not cut at k.":
                    lambda args, ranked: np.ndim(ranked) != 1 or len(ranked) >= args[2],
                "Your result is a table. You need one score for each film: compare with the mean of the liked rows.":
                    lambda args, ranked: np.ndim(ranked) < 2,
                "You returned a single position. The contract asks for k positions, best first.":
                    lambda args, ranked: np.ndim(ranked) > 0,
                "You returned True and False. The contract asks for positions: apply np.argsort to -scores.":
                    lambda args, ranked: np.asarray(ranked).dtype.kind != "b",
                "Your list has more than k positions. Cut it: [:k].":
                    lambda args, ranked: np.asarray(ranked).dtype.kind not in "iu" or len(ranked) <= args[2],
                "Your list has a film that the person has liked already. The scores of such films must be -np.inf "
                "before the sort, and argsort sorts upward, so sort -scores: then they come last.":
                    lambda args, ranked: not np.isin(args[0], ranked).any(),
                "Films with equal scores are in the wrong order: the lower position comes first. Sort -scores with "
                'kind="stable". Without it numpy may order equal scores in any way, and [::-1] reverses them.':
                    lambda args, ranked: _keeps_order(_profiled(*args[:2]), args[0], ranked),
                "Your list has the right films in the wrong order. Look at their scores, one after the other: the "
                "largest comes first.":
                    lambda args, ranked: _is_sorted(_profiled(*args[:2]), args[0], ranked),
            },
            why="The profile is the mean of the liked rows, and the films that point in its direction come first.",
            hints=(
                "First compute the profile, one number for each word. Then compare every film with it.",
                "vectors[liked].mean(axis=0) is the profile; vectors @ profile scores all films at once.",
                'Set scores[liked] to -np.inf, then np.argsort(-scores, kind="stable")[:k].',
            ),
            misconceptions={
                "You forgot the minus: argsort sorts upward, so the smallest scores, -np.inf of liked films, come "
                "first. Sort -scores.":
                    lambda liked, vectors, k: _ascending(_profiled(liked, vectors), liked, k),
                "Your list starts with liked films. If you sort -scores, set theirs to -np.inf; if you sort distances, "
                "set theirs to +np.inf.":
                    lambda liked, vectors, k: _ranked(_profiled(liked, vectors), liked, k, value=np.inf),
                "Your profile only says which words the liked films have. It is the mean of their rows, so that "
                "weights count: vectors[liked].mean(axis=0).":
                    lambda liked, vectors, k: _ranked(vectors @ (vectors[liked].sum(axis=0) > 0), liked, k),
                "Your profile is the product of the liked rows. It is their mean: .mean(axis=0).":
                    lambda liked, vectors, k: _ranked(vectors @ vectors[liked].prod(axis=0), liked, k),
                "You subtracted the mean of the other films from the profile. It is the mean of the liked rows alone.":
                    lambda liked, vectors, k: _ranked(
                        vectors @ (vectors[liked].mean(axis=0) - np.delete(vectors, liked, axis=0).mean(axis=0)),
                        liked, k),
                "Your list is reversed: the best film comes first.":
                    lambda liked, vectors, k: rank_by_content(liked, vectors, k)[::-1],
                "Your list has the best film at the end. argsort sorts upward: sort -scores and take the first k.":
                    lambda liked, vectors, k: _worst_first(_profiled(liked, vectors), liked, k),
                "You skipped the best film: your slice starts at 1. The first k places are [:k].":
                    lambda liked, vectors, k: _ranked(_profiled(liked, vectors), liked, k + 1)[1:],
                "You took the end of the list, where the worst films are. After a sort of -scores, the best are [:k].":
                    lambda liked, vectors, k: _ranked(_profiled(liked, vectors), liked, len(vectors))[-k:],
                "Your positions count from 1. The first film has position 0.":
                    lambda liked, vectors, k: rank_by_content(liked, vectors, k) + 1,
                "You returned the scores. The contract asks for the positions of the k best.": _profiled_only,
                "You returned the scores of the k best. The contract asks for their positions: np.argsort, not "
                "np.sort.":
                    lambda liked, vectors, k: _best_scores(_profiled(liked, vectors), liked, k),
                "Your profile has the largest weight of each word. It is the mean of the liked rows: .mean(axis=0).":
                    lambda liked, vectors, k: _ranked(vectors @ vectors[liked].max(axis=0), liked, k),
                "You set the scores of liked films to 0, and other films may have a score of 0, too. Use -np.inf.":
                    lambda liked, vectors, k: _ranked(_profiled(liked, vectors), liked, k, value=0),
                "You removed the liked films before the sort, so your positions count only the films that were left. "
                "Keep all scores, and set those of liked films to -np.inf.":
                    lambda liked, vectors, k: _ranked(
                        np.delete(_profiled(liked, vectors), liked), np.array([], int), k),
                "You ranked the least similar films first. argsort sorts upward: sort -scores, or plain distances.":
                    lambda liked, vectors, k: _ranked(-_profiled(liked, vectors), liked, k),
                "Your profile has the same number for every word: a mean without axis=0 averages all numbers. Each "
                "word needs its own mean: vectors[liked].mean(axis=0).":
                    lambda liked, vectors, k: _ranked(vectors.sum(axis=1), liked, k),
                "You averaged the first films of the catalog. liked has positions: select with vectors[liked].":
                    lambda liked, vectors, k: _ranked(vectors @ vectors[: len(liked)].mean(axis=0), liked, k),
                "You compared with the last liked film only. The profile is the mean of all liked rows.":
                    lambda liked, vectors, k: _ranked(vectors @ vectors[liked[-1]], liked, k),
                "Your profile has the smallest weight of each word. It is the mean of the liked rows: .mean(axis=0).":
                    lambda liked, vectors, k: _ranked(vectors @ vectors[liked].min(axis=0), liked, k),
                "You compared with the first liked film only. The profile is the mean of all liked rows.":
                    lambda liked, vectors, k: _ranked(vectors @ vectors[liked[0]], liked, k),
                "Your profile is the mean of all films. Average only the rows of the liked ones: vectors[liked].":
                    lambda liked, vectors, k: _ranked(vectors @ vectors.mean(axis=0), liked, k),
                "You took the largest similarity to a liked film. The contract asks for the mean of the liked rows as "
                "the profile.":
                    lambda liked, vectors, k: _ranked((vectors @ vectors[liked].T).max(axis=1), liked, k),
                "You cut the list to k first and removed the liked films afterwards, so it has fewer than k positions.":
                    lambda liked, vectors, k: (lambda ranked: ranked[~np.isin(ranked, liked)])(
                        _ranked(_profiled(liked, vectors), np.array([], int), k)
                    ),
                "You returned all films that were not liked. The contract asks for the k best: [:k].":
                    lambda liked, vectors, k: rank_by_content(liked, vectors, len(vectors) - len(liked)),
                "You sorted twice: argsort of argsort is the rank of each film. One np.argsort(-scores) has the "
                "positions, best first.":
                    lambda liked, vectors, k: _ranks(_profiled(liked, vectors), liked, k),
                "You rounded the scores, so films with different scores became equal. Sort the scores as they are.":
                    lambda liked, vectors, k: _ranked(_profiled(liked, vectors).round(1), liked, k),
                "You rounded the scores to two digits, so films with different scores became equal. Sort the scores as "
                "they are.":
                    lambda liked, vectors, k: _ranked(_profiled(liked, vectors).round(2), liked, k),
                "You added the absolute differences from the profile. Compare by the dot product: vectors @ profile.":
                    lambda liked, vectors, k: _ranked(
                        -np.abs(vectors - vectors[liked].mean(axis=0)).sum(axis=1), liked, k),
                "Your profile is a weighted sum of the first films, because liked was multiplied as if it had zeros "
                "and ones. It has positions: select with vectors[liked].":
                    lambda liked, vectors, k: _ranked(vectors @ (liked @ vectors[: len(liked)]), liked, k),
                "Your profile is the median of the liked rows. It is their mean: .mean(axis=0).":
                    lambda liked, vectors, k: _ranked(vectors @ np.median(vectors[liked], axis=0), liked, k),
                "You multiplied the similarities to the liked films. The profile is the mean of the liked rows, so "
                "similarities are added.":
                    lambda liked, vectors, k: _ranked((vectors @ vectors[liked].T).prod(axis=1), liked, k),
                "You took the smallest similarity to a liked film. The contract asks for the mean of the liked rows "
                "as the profile.":
                    lambda liked, vectors, k: _ranked((vectors @ vectors[liked].T).min(axis=1), liked, k),
                "You counted the words that a film shares with the liked ones. Their weights count, too: vectors @ "
                "profile.":
                    lambda liked, vectors, k: _ranked(
                        (vectors > 0).astype(float) @ (vectors[liked].sum(axis=0) > 0), liked, k),
                "You excluded np.flatnonzero(liked > 0). liked has positions, not zeros and ones: scores[liked] = "
                "-np.inf.":
                    lambda liked, vectors, k: _ranked(_profiled(liked, vectors), np.flatnonzero(liked > 0), k),
                "np.argpartition finds the k best and does not sort them. Use np.argsort.":
                    lambda liked, vectors, k: _partitioned(_profiled(liked, vectors), liked, k),
            },
        ),
    ],
    decisions=[
        Decision(
            "2.A", "Readers also read", objective="O2.3", minutes=7,
            replies={
                "first with a": {
                    "moss": "Without the division Moss has 1 common reader. Compare that with the other books.",
                    "fen": "Without the division Fen has 2 common readers. Compare that with the other books.",
                    "comet": "Without the division Comet has 300 common readers. Another book has more.",
                    "cookbook": "",
                },
                "first with b": {
                    "moss": "With b, Moss has 1 / (1 + 20) = .05. Compute it for the other books, too.",
                    "fen": "With b, Fen has 2 / (2 + 20) = .09. Compute it for the other books, too.",
                    "comet": "",
                    "cookbook": "With b, Cookbook has 450 / (9,000 + 20) = .05. Compute it for the other books, too.",
                },
                "first with c": {
                    "moss": "With c, Moss has 1 / 500. Every book is divided by the same 500.",
                    "fen": "With c, Fen has 2 / 500. Every book is divided by the same 500.",
                    "comet": "With c, Comet has 300 / 500. Every book is divided by the same 500, and one has more "
                             "common readers.",
                    "cookbook": "",
                },
                "first with d": {
                    "moss": "Moss has one reader, so d removes it.",
                    "fen": "",
                    "comet": "Comet has a score of .75. Does a book with a larger one stay in the list?",
                    "cookbook": "Cookbook has the smallest score, .05, and d does not change the scores.",
                },
                "choice": {
                    "a": "Look at what a puts first: 5 % of its readers read Orbit, just like 5 % of all customers. It "
                         "is only popular.",
                    "b": "",
                    "c": "c divides every score by the same number. So its order is that of which other proposal?",
                    "d": "Two readers are hardly more evidence than one. Which book is first?",
                },
            },
            why="A plain division hides how little evidence there is, and no division rewards what everybody reads. "
                "With 20 imaginary readers, few readers count little and a related book still leads.",
            hints=(
                "Compute the four scores under each proposal. For c and d look for a shortcut.",
                "b: 1 / 21, 2 / 22, 300 / 420 and 450 / 9,020. For the choice, ask of each first book whether its "
                "readers read Orbit more often than the 5 % of all customers, and how many readers say so.",
            ),
        ),
        Decision(
            "2.B", "Who should answer?", objective="O2.4", minutes=6,
            replies={
                "A": {
                    "average": "An empty column has no mean, and damped it equals the mean of all, for every new film. "
                               "What is known about this film?",
                    "neighbors": "The column of the film is empty, so it has no neighbors. What is known about it?",
                    "content": "",
                },
                "B": {
                    "average": "",
                    "neighbors": "The row of this person is empty: no watched film, no similar person.",
                    "content": "A profile is the mean of liked films, and this person has not liked any yet.",
                },
                "C": {
                    "average": "It would work, but everybody gets the same list. In section 9 neighbors found "
                               "about 3.4 hidden films and popularity about 2.",
                    "neighbors": "",
                    "content": "With hundreds of ratings each, the films are far beyond the point where neighbors "
                               "passed content.",
                },
                "D": {
                    "average": "The mean of 5 rests on two people. Damped, it is close to the mean of all and says "
                    "little. "
                               "What else is known about the film and about Cleo?",
                    "neighbors": "Its neighbors would rest on two people alone, and these are friends of the director, "
                                 "who are no sample of its viewers. What else is known about the film?",
                    "content": "",
                },
            },
            why="Ask what is empty, or filled by people who are no sample: without a reliable column there is content, "
            "without a row there are averages, with both there are neighbors.",
            hints=(
                "For each situation ask: is the row of the person empty? Is the column of the film empty?",
                "With an empty column, words are left; with an empty row, averages are left. In D ask who gave the "
                "two ratings.",
            ),
        ),
    ],
    predictions=[
        Prediction(
            "P2.2",
            "BiasedItemKNN predicts the stars better than the biases alone. How many hidden films will its top ten "
            "have, compared with the plain list of popular films?",
            {
                "a": "at least half a film more than popularity",
                "b": "about the same number",
                "c": "at least half a film less than popularity",
            },
            outcome=lambda found: "a" if found["BiasedItemKNN"] > found["popularity"] + 0.5
            else "c" if found["BiasedItemKNN"] < found["popularity"] - 0.5 else "b",
        ),
        Prediction(
            "P2.1",
            "Each of the hundred films on the shelf has 32 ratings or clicks. Where does UserKNN rank the shelf better "
            "than content?",
            {
                "a": "in the world and in MovieLens",
                "b": "in MovieLens only",
                "c": "in the world only",
                "d": "in neither of them",
            },
            outcome=lambda ahead: {(True, True): "a", (False, True): "b", (True, False): "c", (False, False): "d"}[
                (bool(ahead["world"]), bool(ahead["MovieLens"]))
            ],
        ),
    ],
    quiz=[
        Question(
            "O2.1", "A film has one rating, two stars above the mean of all. What is its bias with a damping of 4?",
            {
                "a": ("2", "That is the plain mean of its deviation. Four imaginary ratings of 0 are added to the "
                           "one."),
                "b": ("0.5", "That divides by the damping alone. The real rating counts, too: 1 + 4."),
                "c": ("0.4", "Right: 2 / (1 + 4). With a hundred such ratings it would be 200 / 104, almost 2."),
            },
            answer="c",
        ),
        Question(
            "O2.2",
            "Two films have exactly one rater in common, who gave 5 stars to both. Many others rated one of them. "
            "Which similarity is small, as it should be?",
            {
                "a": ("The cosine of the full columns, times 1 / (1 + shrinkage).",
                      "Right: the other raters make the norms large, and one common rater leaves a small share."),
                "b": ("The cosine over the common rater alone.",
                      "It is 1, the largest possible value: with one rater any two films have the same direction."),
                "c": ("The dot product of the columns.",
                      "It is 25, as large as one rater can make it, and the other raters do not change it."),
            },
            answer="a",
        ),
        Question(
            "O2.3", "BiasedItemKNN has the smallest RMSE in this chapter, and its top-ten lists find few hidden "
                    "films. Why?",
            {
                "a": ("Its predictions are too coarse, so many films have equal scores.",
                      "They are real numbers and almost never equal."),
                "b": ("It predicts stars for films that are rated, and the list needs which films people choose.",
                      "Right: it learned only from films that were chosen, so it cannot distinguish them from the "
                      "rest."),
                "c": ("The two measures come from different splits.", "Both were measured on the same splits."),
            },
            answer="b",
        ),
        Question(
            "O2.4", "The word \"the\" is in every description, \"heist\" in one of a thousand. What does TF-IDF do?",
            {
                "a": ("It removes \"the\".", "The + 1 keeps it with an idf of 1. A list of stop words would remove "
                                             "it."),
                "b": ("It gives \"heist\" a large weight and \"the\" a small one.",
                      "Right: ln((1 + m) / (1 + d)) + 1 is 7.2 for \"heist\", and 1 for a word that is everywhere."),
                "c": ("It gives \"the\" a larger weight, because it is frequent.",
                      "A word counts more if it is frequent within a text, and less if it is frequent across texts."),
            },
            answer="b",
        ),
        Question(
            "O2.4",
            "A bookshop gets 500 new titles with good descriptions. Nobody has bought one yet. How should it rank "
            "them?",
            {
                "a": ("By content first, and by neighbors after enough sales; how many is to be measured.",
                      "Right: in MovieLens four ratings were enough, and in the world 32 clicks were not."),
                "b": ("By item neighbors, because they were better on MovieLens.",
                      "There every film had ratings. Without sales all columns are empty, and all scores are 0."),
                "c": ("By content forever, because content was ahead in the world.",
                      "In the world genres explain most of the taste. In MovieLens a few ratings were enough to "
                      "change it."),
            },
            answer="a",
        ),
    ],
)  # fmt: skip


def _totals(values: Any, groups: Any, n_groups: int) -> np.ndarray:
    return np.bincount(groups, values, minlength=n_groups)


def _nearest_only(expected: float, similar: np.ndarray, residuals: np.ndarray, prior: float) -> float:
    weights = np.where(np.isnan(residuals), 0, similar)
    return from_neighbors(expected, np.where(weights == weights.max(), weights, 0), residuals, prior)


def _whole_totals(values: Any, groups: Any, n_groups: int) -> np.ndarray:
    """Add up in an array of whole numbers, which cuts off each intermediate sum."""
    total = np.zeros(n_groups, dtype=int)
    for value, group in zip(values, groups, strict=True):
        total[group] = int(total[group] + value)
    return total


def _last(values: Any, groups: Any, n_groups: int) -> np.ndarray:
    total = np.zeros(n_groups)
    total[groups] += values
    return total
