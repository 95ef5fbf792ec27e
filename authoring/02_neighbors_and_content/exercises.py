"""Chapter 02, Neighbors and content."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer

from recsys_teach.learn.compare import same_ranking
from recsys_teach.learn.schema import Chapter, Exercise, Prediction, Question
from recsys_teach.models.biases import damped_means
from recsys_teach.models.neighbors import nearest

R_TINY = np.array([[5, 4, 0, 1], [4, 5, 1, 0], [1, 0, 5, 4], [0, 1, 4, 5], [5, 5, 1, 1]], dtype=float)
CHASE, HEIST, WALTZ, LETTER = R_TINY.T
R_SMALL = np.array([[4, 2], [0, 3], [4, 0]], dtype=float)
SIMILAR = np.array([[0, 0.5, 0, 0], [0, 0, 0.25, 0], [0.25, 0.25, 0, 0], [0.75, 0, 0.5, 0]])
ONE_WAY = (
    np.array(  # row 0 does not hold film 3, row 3 holds film 0
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
MANY_TIES = np.eye(3)[np.arange(48) % 3]  # 48 films of one word each

CUT = "counts holds whole numbers, so what you write into it is cut: start from counts.astype(float)."


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


def rank_from_neighbors(met: np.ndarray, similar: np.ndarray, k: int) -> np.ndarray:
    """Rank the k items with the largest sum of similarities to what was met, without these."""
    return _ranked(similar @ met, np.flatnonzero(met), k)


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


def _worst_first(scores: np.ndarray, without: np.ndarray, k: int) -> np.ndarray:
    scores = scores.astype(float)
    scores[without] = -np.inf
    return np.argsort(scores.round(9), kind="stable")[-k:]


def _near_films() -> np.ndarray:
    """Similarities of many films to film 0, all different."""
    similar = np.zeros((MANY_FILMS, MANY_FILMS))
    similar[1:, 0] = similar[0, 1:] = SPREAD[1:]
    return similar


def _profiled_only(liked: np.ndarray, vectors: np.ndarray, k: int) -> np.ndarray:
    return _profiled(liked, vectors)


def _keeps_order(scores: np.ndarray, without: np.ndarray, ranked: Any) -> bool:
    """Whether equal scores stand in the order of positions; true also of a list that is wrong in another way."""
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


def _believes_twins(R: np.ndarray, shrinkage: float, S: Any) -> bool:
    """Whether all pairs with one common rater have cosine 1, as if the norms ran over common raters."""
    single = (_both(R) == 1) & (_cosines(R) < 0.999)
    return bool(single.any() and np.allclose(np.asarray(S)[single], 1 / (1 + shrinkage)))


def _centered(a: np.ndarray) -> np.ndarray:
    return np.where(a > 0, a - a[a > 0].mean(), 0)


def _cosines(R: np.ndarray) -> np.ndarray:
    unit = R / np.linalg.norm(R, axis=0)
    return unit.T @ unit


def _off_diagonal(similar: np.ndarray) -> np.ndarray:
    return similar * (1 - np.eye(len(similar)))


def _both(R: np.ndarray) -> np.ndarray:
    rated = (R > 0).astype(float)
    return rated.T @ rated


def _pearson(a: np.ndarray, b: np.ndarray) -> float:
    both = (a > 0) & (b > 0)
    return cosine(a[both] - a[both].mean(), b[both] - b[both].mean())


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


def _draw_met(rng: np.random.Generator) -> tuple:
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
        "O2.1": "Compute damped means, so that a few values move them only a little",
        "O2.2": "Measure how alike two films are by their cosine, and shrink what few people say",
        "O2.3": "Predict a rating and rank a catalog from item neighbors",
        "O2.4": "Weight words by TF-IDF, and rank by content",
    },
    exercises=[
        Exercise(
            "2.1", "Damped means", objective="O2.1", level="core", minutes=6,
            reference=damped_means,
            cases=[
                (np.array([2.0, 1.0, -1.0]), np.array([0, 2, 2]), 3, 5.0),
                (np.array([1.0, 1.0, 1.0, 2.0]), np.array([0, 0, 0, 1]), 2, 2.0),
                (np.array([0.5, -1.5, 1.0, 1.0]), np.array([3, 0, 3, 3]), 5, 1.0),
            ],
            draw=_draw_groups,
            properties={
                "A group without values has a place too: np.bincount(..., minlength=n_groups), in both counts; after "
                "a groupby, .reindex(range(n_groups), fill_value=0).":
                    lambda args, means: np.ndim(means) != 1 or len(means) >= args[2],
                "One of your numbers is NaN, as the mean of no values is. The sum of an empty group is 0, and "
                "0 / (0 + damping) is 0.":
                    lambda args, means: not np.isnan(np.asarray(means, dtype=float)).any(),
            },
            why="The damping adds as many values of 0 to each group, so that a few values move it only a little.",
            hints=(
                "Add up the values of each group, and count them. What does the damping change in the fraction?",
                "np.bincount(groups, values, minlength=n_groups) adds them up; without values it counts.",
                "total / (count + damping)",
            ),
            misconceptions={
                "That is the plain mean, with 0 for an empty group. The damping counts as more values in each group: "
                "it belongs into the denominator.":
                    lambda values, groups, n_groups, damping: damped_means(values, groups, n_groups, 0),
                "That is the plain mean. The damping counts as more values in each group, so no group is empty.":
                    lambda values, groups, n_groups, damping: _totals(values, groups, n_groups)
                    / np.bincount(groups, minlength=n_groups),
                "You divided by the damping alone, and so gave the sum where a mean is asked: the values count too.":
                    lambda values, groups, n_groups, damping: _totals(values, groups, n_groups) / damping,
                "The added values are 0, so they change the denominator only. You added the damping to the sum too.":
                    lambda values, groups, n_groups, damping: (_totals(values, groups, n_groups) + damping)
                    / (np.bincount(groups, minlength=n_groups) + damping),
                "You damped the mean: take the sum of the group, not its mean, over (count + damping).":
                    lambda values, groups, n_groups, damping: damped_means(values, groups, n_groups, 0)
                    / (np.bincount(groups, minlength=n_groups) + damping),
                "+= with repeated positions keeps only the last value of each group; use np.bincount or np.add.at.":
                    lambda values, groups, n_groups, damping: _last(values, groups, n_groups)
                    / (np.bincount(groups, minlength=n_groups) + damping),
                "+= with repeated positions keeps only the last of each group, in the sum and in the count; use "
                "np.bincount or np.add.at.":
                    lambda values, groups, n_groups, damping: _last(values, groups, n_groups)
                    / (np.isin(np.arange(n_groups), groups) + damping),
                "Divide by the number of values in the group, plus the damping; you took the number of all values.":
                    lambda values, groups, n_groups, damping: _totals(values, groups, n_groups)
                    / (len(values) + damping),
                "Those are the sums of the groups. Divide by count + damping.":
                    lambda values, groups, n_groups, damping: _totals(values, groups, n_groups),
            },
        ),
        Exercise(
            "2.2", "Cosine of two columns", objective="O2.2", level="warm-up", minutes=4,
            reference=cosine,
            cases=[(CHASE, HEIST), (CHASE, WALTZ), (np.array([3.0, 0.0, 1.0]), np.array([0.0, 2.0, 5.0]))],
            draw=_draw_columns,
            why="A blank adds nothing to the product, and what only one of two films has makes them less alike.",
            hints=(
                "Which three sums does the formula need: one over both columns, and one for each of them?",
                "a @ b is the sum of products; np.linalg.norm(a) is the root of the sum of squares.",
                "a @ b / (np.linalg.norm(a) * np.linalg.norm(b))",
            ),
            misconceptions={
                "Your norms run over the common raters only. Then two films with a single common rater have cosine 1; "
                "take the norm of each whole column.":
                    lambda a, b: cosine(a * (b > 0), b * (a > 0)),
                "That is the dot product. Without the norms, films with many ratings are alike to everything.":
                    lambda a, b: a @ b,
                "You divided by the squared norms. A norm has a root: np.linalg.norm(a), or np.sqrt(a @ a).":
                    lambda a, b: a @ b / ((a @ a) * (b @ b)),
                "That is the correlation with the zeros among the data: a blank is no rating of 0.":
                    lambda a, b: np.corrcoef(a, b)[0, 1],
                "That is Pearson's correlation of the common ratings. Here nothing is subtracted.": _pearson,
                "You divided by the sum of the ratings. A norm squares first and takes the root last.":
                    lambda a, b: a @ b / (a.sum() * b.sum()),
                "That is the cosine distance. Alike is large, so do not subtract it from 1.":
                    lambda a, b: 1 - cosine(a, b),
                "Python divides first and multiplies then: put the whole denominator in brackets.":
                    lambda a, b: a @ b / np.linalg.norm(a) * np.linalg.norm(b),
                "You subtracted each film's mean first. Here nothing is subtracted: take the stars as they are.":
                    lambda a, b: cosine(_centered(a), _centered(b)),
                "You divided by one norm only. Both columns have a length.":
                    lambda a, b: a @ b / np.linalg.norm(a),
                "You divided by the norm of the products. Each column has a norm of its own.":
                    lambda a, b: a @ b / np.linalg.norm(a * b),
            },
        ),
        Exercise(
            "2.3", "Shrunken similarities", objective="O2.2", level="core", minutes=8,
            reference=shrunk_similarities,
            cases=[(R_SMALL, 4.0), (R_TINY, 1.0), (R_APART, 2.0)],
            draw=_draw_table,
            properties={
                "A film is no neighbor of itself: put 0 on the diagonal, for example with np.fill_diagonal(S, 0).":
                    lambda args, S: np.shape(S) != (args[0].shape[1],) * 2 or not np.diag(S).any(),
                "Your norms run over the common raters only. Then two films with a single common rater have cosine 1; "
                "take the norm of each whole column.":
                    lambda args, S: np.shape(S) != (args[0].shape[1],) * 2 or not _believes_twins(args[0], args[1], S),
            },
            why="The cosine says how alike, n / (n + shrinkage) how far to believe it.",
            hints=(
                "Three tables of items x items: the cosines, the counts n, and the shares n / (n + shrinkage).",
                "unit.T @ unit gives the cosines; with rated = (R > 0).astype(float), rated.T @ rated counts.",
                "S = (unit.T @ unit) * n / (n + shrinkage), then np.fill_diagonal(S, 0) and return S",
            ),
            misconceptions={
                "Those are the cosines without shrinkage. Multiply each by n / (n + shrinkage).":
                    lambda R, shrinkage: _off_diagonal(_cosines(R)),
                "You counted people for each film. n counts those who rated both films of a pair.":
                    lambda R, shrinkage: _off_diagonal(_cosines(R) * (lambda n: n / (n + shrinkage))((R > 0).sum(0))),
                "Your n is the number of all people. It counts those who rated both films.":
                    lambda R, shrinkage: _off_diagonal(_cosines(R) * len(R) / (len(R) + shrinkage)),
                "Your n counts those who rated at least one of the two films. It counts those who rated both.":
                    lambda R, shrinkage: _over_all(_cosines(R), _either(R), shrinkage),
                "Your n is the smaller number of raters of the two films. It counts those who rated both.":
                    lambda R, shrinkage: _over_all(
                        _cosines(R), np.minimum.outer((R > 0).sum(axis=0), (R > 0).sum(axis=0)), shrinkage),
                "np.linalg.norm(R) is one number for the whole table. Each column has its own length: axis=0.":
                    lambda R, shrinkage: _over_all(R.T @ R / (R**2).sum(), _both(R), shrinkage),
                "A product of truth values is a truth value, so your n is 1 at most. Count with "
                "(R > 0).astype(float).":
                    lambda R, shrinkage: _off_diagonal(_cosines(R) * (_both(R) > 0) / (1 + shrinkage)),
                "R.T @ R adds products of stars. n counts people: take the product of (R > 0).astype(float).":
                    lambda R, shrinkage: _off_diagonal(_cosines(R) * (R.T @ R) / (R.T @ R + shrinkage)),
                "You compared people with people. The films are the columns: unit.T @ unit.":
                    lambda R, shrinkage: shrunk_similarities(R.T, shrinkage),
                "You divided by n + shrinkage and forgot to multiply by n.":
                    lambda R, shrinkage: _off_diagonal(_cosines(R) / (_both(R) + shrinkage)),
                "You multiplied by shrinkage / (n + shrinkage): that trusts the pairs that few people rated.":
                    lambda R, shrinkage: _off_diagonal(_cosines(R) * shrinkage / (_both(R) + shrinkage)),
                "You multiplied by n, so that more people make any pair more alike. The share n / (n + shrinkage) "
                "stays below 1.":
                    lambda R, shrinkage: _off_diagonal(_cosines(R) * _both(R)),
                "Those are dot products, shrunken. Divide each column by its norm first.":
                    lambda R, shrinkage: _off_diagonal((R.T @ R) * _both(R) / (_both(R) + shrinkage)),
                "You divided the rows by their norms. Films are columns: np.linalg.norm(R, axis=0).":
                    lambda R, shrinkage: _off_diagonal(
                        (lambda unit: unit.T @ unit)(R / np.linalg.norm(R, axis=1, keepdims=True))
                        * _both(R) / (_both(R) + shrinkage)
                    ),
            },
        ),
        Exercise(
            "2.4", "A rating from neighbors", objective="O2.3", level="core", minutes=6,
            reference=from_neighbors,
            cases=[
                (3.2, np.array([0.5, 0.25, 0.0, 0.5]), np.array([1.0, -1.0, 2.0, np.nan]), 0.25),
                (2.0, np.array([0.5, 0.25, 0.25]), np.array([0.0, 1.0, np.nan]), 0.5),  # one rated as expected
                (2.5, np.array([0.2, 0.6, 0.1]), np.array([0.5, np.nan, 1.5]), 0.5),
                (4.8, np.array([0.5, 0.25]), np.array([1.0, 1.0]), 0.25),
                (3.0, np.array([0.8, 0.4]), np.array([np.nan, np.nan]), 0.1),
            ],
            draw=_draw_neighbors,
            why="Only what the person rated speaks, each film as loudly as it is similar, the prior for the biases.",
            hints=(
                "Whose residuals may speak? Both sums run over the same films.",
                "rated = ~np.isnan(residuals) marks them; similar[rated] and residuals[rated] have equal length.",
                "expected + (similar[rated] * residuals[rated]).sum() / (prior + similar[rated].sum())",
            ),
            misconceptions={
                "A residual of 0 is a rating, too: the person liked the film as much as expected. Ask np.isnan, not "
                "!= 0.":
                    lambda expected, similar, residuals, prior: from_neighbors(
                        expected, similar, np.where(residuals == 0, np.nan, residuals), prior),
                "You added the prior once for each film that was rated. It counts once.":
                    lambda expected, similar, residuals, prior: expected + np.nansum(similar * residuals)
                        / np.maximum(1e-9, (similar + prior)[~np.isnan(residuals)].sum()),
                "The sum below runs over all neighbors. Those that the person has not rated say nothing, and must "
                "not count as a residual of 0.":
                    lambda expected, similar, residuals, prior:
                        expected + np.nansum(similar * residuals) / (prior + similar.sum()),
                "NaN plus anything is NaN: leave out the films that the person has not rated.":
                    lambda expected, similar, residuals, prior:
                        expected + similar @ residuals / (prior + similar.sum()),
                "The prior is missing from the sum below. Without it one weak neighbor decides alone.":
                    lambda expected, similar, residuals, prior: from_neighbors(expected, similar, residuals, 0),
                "The prior is missing from the sum below. With it, somebody without ratings needs no line of code: "
                "0 / prior is 0.":
                    lambda expected, similar, residuals, prior: from_neighbors(
                        expected, similar, residuals, 0 if np.isfinite(residuals).any() else prior),
                "Python divides before it adds: put the whole denominator in brackets, (prior + ...).":
                    lambda expected, similar, residuals, prior: expected
                        + np.nansum(similar * residuals) / prior + similar[~np.isnan(residuals)].sum(),
                "Do not cut to the scale from 1 to 5 here: the package does that at the end, and a ranking never.":
                    lambda expected, similar, residuals, prior:
                        np.clip(from_neighbors(expected, similar, residuals, prior), 1, 5),
                "That is what is added to the expected rating. Add it.":
                    lambda expected, similar, residuals, prior:
                        from_neighbors(expected, similar, residuals, prior) - expected,
                "You did not divide: the more the person has rated, the further the sum moves.":
                    lambda expected, similar, residuals, prior: expected + np.nansum(similar * residuals),
                "You gave each neighbor the same weight. A more similar film counts more, in both sums.":
                    lambda expected, similar, residuals, prior:
                        expected + np.nansum(residuals) / (prior + (~np.isnan(residuals)).sum()),
                "You divided by the number of films rated. A weighted mean divides by the sum of the weights.":
                    lambda expected, similar, residuals, prior:
                        expected + np.nansum(similar * residuals) / (prior + (~np.isnan(residuals)).sum()),
                "The prior belongs into the denominator alone: what it adds has the residual 0.":
                    lambda expected, similar, residuals, prior: from_neighbors(expected, similar, residuals, prior)
                        + prior / (prior + similar[~np.isnan(residuals)].sum()),
                "You subtracted what the neighbors say. A positive residual is a film liked better than expected.":
                    lambda expected, similar, residuals, prior:
                        2 * expected - from_neighbors(expected, similar, residuals, prior),
            },
        ),
        Exercise(
            "2.5", "Rank from neighbors", objective="O2.3", level="core", minutes=5,
            reference=rank_from_neighbors, compare=same_ranking,
            cases=[
                (np.array([1, 1, 0, 0]), SIMILAR, 2),
                (np.array([1, 0, 0, 1, 0]), ONE_WAY, 3),
                (np.array([1, 0, 1, 0, 0]), ONE_WAY, 2),
                (np.array([0, 1, 0, 1, 0]), TWO_NEAR, 3),
                (np.eye(48)[0], (MANY_TIES @ MANY_TIES.T - np.eye(48)) / 2, 20),
                (np.eye(MANY_FILMS)[0], _near_films(), N_BEST),
            ],
            draw=_draw_met,
            properties={
                "A set has no order. Give the positions as a list or an array, best first.":
                    lambda args, ranked: not isinstance(ranked, set | frozenset),
                "Your list has a film that the person knows already. Give such films the score -np.inf before the "
                "sort.":
                    lambda args, ranked: not np.isin(np.flatnonzero(args[0]), ranked).any(),
                "Films with equal scores are out of order: of these the lower position comes first. Sort -scores with "
                'kind="stable"; [::-1] turns ties round, and without kind numpy may order them as it likes.':
                    lambda args, ranked: _keeps_order(args[1] @ args[0], np.flatnonzero(args[0]), ranked),
                "Your list has the right films in the wrong order: the largest score comes first. np.argpartition, for "
                "one, finds the k best but does not sort them.":
                    lambda args, ranked: _is_sorted(args[1] @ args[0], np.flatnonzero(args[0]), ranked),
            },
            why="What was met speaks for its neighbors; many of them together beat a single near one.",
            hints=(
                "For each film: which of its neighbors did the person meet, and what do their similarities add up to?",
                "similar @ met adds them up for all films at once; met > 0 marks what must not be recommended.",
                'Set scores[met > 0] to -np.inf, then np.argsort(-scores, kind="stable")[:k].',
            ),
            misconceptions={
                "Your list is turned round: the best film comes first.":
                    lambda met, similar, k: rank_from_neighbors(met, similar, k)[::-1],
                "The last k positions of a rising argsort have the best film at the end. Sort -scores instead, and "
                "take the first k.":
                    lambda met, similar, k: _worst_first(similar @ met, np.flatnonzero(met), k),
                "Your positions count from 1. The first film has position 0.":
                    lambda met, similar, k: rank_from_neighbors(met, similar, k) + 1,
                "Those are the scores of the k best. The contract asks for their positions: np.argsort, not np.sort.":
                    lambda met, similar, k: _best_scores(similar @ met, np.flatnonzero(met), k),
                "You went down the columns. Row i has the neighbors of film i: similar @ met.":
                    lambda met, similar, k: _ranked(met @ similar, np.flatnonzero(met), k),
                "You divided by the similarities of all neighbors. The sum alone ranks: many neighbors beat one.":
                    lambda met, similar, k: _ranked(
                        similar @ met / np.maximum(similar.sum(axis=1), 1e-9), np.flatnonzero(met), k),
                "You took the mean, so that one neighbor counts as much as five. Add the similarities up.":
                    lambda met, similar, k: _ranked(
                        similar @ met / np.maximum((similar > 0) @ met, 1), np.flatnonzero(met), k),
                "You took the nearest of what the person knows. Add all the similarities up.":
                    lambda met, similar, k: _ranked((similar * met).max(axis=1), np.flatnonzero(met), k),
                "You counted the neighbors that the person knows. Each counts as much as it is similar.":
                    lambda met, similar, k: _ranked((similar > 0) @ met, np.flatnonzero(met), k),
                "You added up all neighbors, met or not. Only what the person knows speaks.":
                    lambda met, similar, k: _ranked(similar.sum(axis=1), np.flatnonzero(met), k),
                "You ranked the least similar films first: argsort rises, so sort the negative.":
                    lambda met, similar, k: _ranked(-(similar @ met), np.flatnonzero(met), k),
                "0 is a score that other films have too. Give what was met -np.inf.":
                    lambda met, similar, k: _ranked(similar @ met, np.flatnonzero(met), k, value=0),
                "You removed what was met before the sort, so the positions no longer count the same films.":
                    lambda met, similar, k: _ranked((similar @ met)[met == 0], np.array([], int), k),
                "You removed what was met after the cut, so the list came out too short.":
                    lambda met, similar, k: (lambda ranked: ranked[met[ranked] == 0])(
                        _ranked(similar @ met, np.array([], int), k)),
                "You ranked all films. The contract asks for the k best.":
                    lambda met, similar, k: rank_from_neighbors(met, similar, int((met == 0).sum())),
                "Those are the scores. The contract asks for the positions of the k best.":
                    lambda met, similar, k: similar @ met,
            },
        ),
        Exercise(
            "2.6", "TF-IDF weights", objective="O2.4", level="core", minutes=8,
            reference=tfidf,
            cases=[(WORDS,), (THREE_WORDS,), (MORE_WORDS,), (TINY_WORDS,)],
            draw=_draw_counts,
            properties={CUT: lambda args, weights: np.asarray(weights).dtype.kind not in "iu"},
            why="Rare words weigh more, repeated ones more, and each film ends with length 1.",
            hints=(
                "Three steps: in how many items each word stands, the weight of each word, rows of length 1.",
                "(counts > 0).sum(axis=0) gives the d_w; np.log is the natural logarithm; len(counts) is m.",
                "weights = counts * idf, divided by np.linalg.norm(weights, axis=1, keepdims=True). A norm for each "
                "row has shape (n_items,); keepdims=True makes it (n_items, 1).",
            ),
            misconceptions={
                "The rows do not have length 1 yet: long texts would be alike to everything.":
                    lambda counts: counts * (np.log(_smooth_ratio(counts)) + 1),
                "Without keepdims=True each word was divided by the norm of another film: the norms of the rows need "
                "the shape (n_items, 1).":
                    lambda counts: _plain_idf(counts) / np.linalg.norm(_plain_idf(counts), axis=1),
                "d_w counts the items in which a word stands, one number a column: (counts > 0).sum(axis=0). You "
                "summed each row.":
                    lambda counts: _weigh(counts, np.log((1 + len(counts)) / (1 + (counts > 0).sum(axis=1))) + 1),
                "You left out the + 1 behind the logarithm: a word that all items have would vanish.":
                    lambda counts: _weigh(counts, np.log(_smooth_ratio(counts))),
                CUT: lambda counts: _weigh((counts * (np.log(_smooth_ratio(counts)) + 1)).astype(int), np.array(1)),
                "The last 1 stands behind the logarithm, not in it: np.log(ratio) + 1.":
                    lambda counts: _weigh(counts, np.log(_smooth_ratio(counts) + 1)),
                "You left out the ones inside the logarithm: (1 + m) / (1 + d_w).":
                    lambda counts: _weigh(counts, np.log(len(counts) / (counts > 0).sum(axis=0)) + 1),
                "That is ln(m / d_w), as many textbooks have it. Here it is ln((1 + m) / (1 + d_w)) + 1.":
                    lambda counts: _weigh(counts, np.log(len(counts) / (counts > 0).sum(axis=0))),
                "d_w counts the items in which a word stands. You counted the word itself, repeats included.":
                    lambda counts: _weigh(counts, np.log((1 + len(counts)) / (1 + counts.sum(axis=0))) + 1),
                "Each row must have length 1 (root of the sum of squares); yours sum to 1.":
                    lambda counts: (lambda w: w / w.sum(axis=1, keepdims=True))(
                        counts * (np.log(_smooth_ratio(counts)) + 1)
                    ),
                "You gave the columns length 1. An item is a row: axis=1, keepdims=True.":
                    lambda counts: (lambda w: w / np.linalg.norm(w, axis=0))(
                        counts * (np.log(_smooth_ratio(counts)) + 1)
                    ),
                "A word that stands twice weighs twice as much: multiply the idf by the counts, not by 0 and 1.":
                    lambda counts: tfidf((counts > 0).astype(int)),
                "Take the natural logarithm, np.log. With the + 1 behind it, the base matters.":
                    lambda counts: _weigh(counts, np.log2(_smooth_ratio(counts)) + 1),
                "Take the natural logarithm, np.log, not that of base 10. With the + 1 behind it, the base matters.":
                    lambda counts: _weigh(counts, np.log10(_smooth_ratio(counts)) + 1),
                "Those are the counts with rows of length 1. Either the idf is missing, or you have one for each row, "
                "which cancels: it is one number for each word, from (counts > 0).sum(axis=0).":
                    lambda counts: _weigh(counts, np.ones(counts.shape[1])),
                "m is the number of items, the rows. You took the number of words.":
                    lambda counts: _weigh(counts, np.log((1 + counts.shape[1]) / (1 + (counts > 0).sum(axis=0))) + 1),
            },
        ),
        Exercise(
            "2.7", "Rank by content", objective="O2.4", level="core", minutes=6,
            reference=rank_by_content, compare=same_ranking,
            cases=[
                (np.array([0]), tfidf(TINY_WORDS), 2),
                (np.array([0]), SIX_FILMS, 3),
                (np.array([0, 4]), SIX_FILMS, 4),
                (np.array([2]), SIX_FILMS, 2),
                (np.array([4, 2]), SIX_FILMS, 3),
                (np.array([0, 1]), MANY_TIES, 20),
                (np.array([0]), FAN, N_BEST),
            ],
            draw=_draw_profile,
            properties={
                "A set has no order. Give the positions as a list or an array, best first.":
                    lambda args, ranked: not isinstance(ranked, set | frozenset),
                "Your list has an item that the person has liked already. Give such items the score -np.inf before the "
                "sort.":
                    lambda args, ranked: not np.isin(args[0], ranked).any(),
                "Items with equal scores are out of order: of these the lower position comes first. Sort -scores with "
                'kind="stable"; [::-1] turns ties round, and without kind numpy may order them as it likes.':
                    lambda args, ranked: _keeps_order(_profiled(*args[:2]), args[0], ranked),
                "Your list has the right items in the wrong order: the largest score comes first. np.argpartition, for "
                "one, finds the k best but does not sort them.":
                    lambda args, ranked: _is_sorted(_profiled(*args[:2]), args[0], ranked),
            },
            why="The profile is a point among the items, and what lies nearest to it comes first.",
            hints=(
                "Where does a person stand who liked these items? Which items point the same way?",
                "vectors[liked].mean(axis=0) is the profile; a product with vectors scores all items at once.",
                'Set scores[liked] to -np.inf, then np.argsort(-scores, kind="stable")[:k].',
            ),
            misconceptions={
                "Your list is turned round: the best item comes first.":
                    lambda liked, vectors, k: rank_by_content(liked, vectors, k)[::-1],
                "The last k positions of a rising argsort have the best item at the end. Sort -scores instead, and "
                "take the first k.":
                    lambda liked, vectors, k: _worst_first(_profiled(liked, vectors), liked, k),
                "Your positions count from 1. The first item has position 0.":
                    lambda liked, vectors, k: rank_by_content(liked, vectors, k) + 1,
                "Those are the scores. The contract asks for the positions of the k best.": _profiled_only,
                "Those are the scores of the k best. The contract asks for their positions: np.argsort, not np.sort.":
                    lambda liked, vectors, k: _best_scores(_profiled(liked, vectors), liked, k),
                "Your profile is the largest weight of each word. It is the mean of the liked items: .mean(axis=0).":
                    lambda liked, vectors, k: _ranked(vectors @ vectors[liked].max(axis=0), liked, k),
                "0 is a score that other films have too. Give the liked films -np.inf.":
                    lambda liked, vectors, k: _ranked(_profiled(liked, vectors), liked, k, value=0),
                "You removed the liked films before the sort, so the positions no longer count the same films.":
                    lambda liked, vectors, k: _ranked(
                        np.delete(_profiled(liked, vectors), liked), np.array([], int), k),
                "You ranked the least similar items first: argsort rises, so sort the negative.":
                    lambda liked, vectors, k: _ranked(-_profiled(liked, vectors), liked, k),
                "You compared with the first liked item alone. The profile is the mean of all of them.":
                    lambda liked, vectors, k: _ranked(vectors @ vectors[liked[0]], liked, k),
                "You took the nearest of the liked items. The contract asks for the mean of them as the profile.":
                    lambda liked, vectors, k: _ranked((vectors @ vectors[liked].T).max(axis=1), liked, k),
                "You removed the liked items after the cut, so the list came out too short.":
                    lambda liked, vectors, k: (lambda ranked: ranked[~np.isin(ranked, liked)])(
                        _ranked(_profiled(liked, vectors), np.array([], int), k)
                    ),
                "You ranked all items. The contract asks for the k best.":
                    lambda liked, vectors, k: rank_by_content(liked, vectors, len(vectors) - len(liked)),
            },
        ),
    ],
    predictions=[
        Prediction(
            "P2.1",
            "A hundred titles stand on a shelf of their own, each with 32 clicks or ratings so far. Where do "
            "user neighbors order this shelf better than the words do?",
            {
                "a": "in the world and in MovieLens",
                "b": "in MovieLens only",
                "c": "in the world only",
                "d": "in neither: what is new needs words",
            },
            outcome=lambda ahead: {(True, True): "a", (False, True): "b", (True, False): "c", (False, False): "d"}[
                (bool(ahead["world"]), bool(ahead["MovieLens"]))
            ],
        ),
    ],
    quiz=[
        Question(
            "O2.1", "A film has one rating, two stars above the mean of all. Its bias with a damping of 4?",
            {
                "a": ("2", "That is its plain mean. Four more ratings of nothing special stand beside the one."),
                "b": ("0.4", "Right: 2 / (1 + 4). With a hundred such ratings it would be 200 / 104."),
                "c": ("0.5", "That divides by the damping alone. The rating itself counts too: 1 + 4."),
            },
            answer="b",
        ),
        Question(
            "O2.2",
            "Two films have one rater in common, who gave 5 to both. Which of these does not make twins of them?",
            {
                "a": ("Their cosine over the common raters.",
                      "It is 1, the largest there is: over one rater any two films point the same way."),
                "b": ("The cosine of the whole columns, times 1 / (1 + shrinkage).",
                      "Right: their other raters make the norms large, and one common rater leaves a small share."),
                "c": ("The dot product of the common ratings.",
                      "It is 25, the most that one rater can give, whatever the other raters think."),
            },
            answer="b",
        ),
        Question(
            "O2.3", "The model with the smallest RMSE in this chapter ranks badly. Why?",
            {
                "a": ("Its predictions are too coarse, so that many films tie.",
                      "They are real numbers and hardly ever tie."),
                "b": ("It was measured on another split.", "Both numbers come from the same five splits."),
                "c": ("It predicts what a film would get if rated, and the list is judged by which films are rated.",
                      "Right: it has to tell apart what people chose from all the rest, and never learned that."),
            },
            answer="c",
        ),
        Question(
            "O2.4", "The word \"the\" stands in every text, \"heist\" in one of a thousand. What does TF-IDF do?",
            {
                "a": ("It gives \"heist\" more weight, and \"the\" some.",
                      "Right: ln((1 + m) / (1 + d)) + 1 is large for a rare word, and 1 for one that is everywhere."),
                "b": ("It removes \"the\".", "The + 1 keeps it: its idf is 1. A list of stop words would remove it."),
                "c": ("It gives \"the\" more weight, since it is frequent.",
                      "Frequent within one text counts for a word, frequent across texts against it."),
            },
            answer="a",
        ),
        Question(
            "O2.4",
            "A bookshop gets 500 new titles with good descriptions, and nobody has bought one. How to order them?",
            {
                "a": ("By item neighbors: they were better on MovieLens.",
                      "There each title had ratings. Without one no neighbor is near, and all tie."),
                "b": ("By words; then measure from how many sales on neighbors do better.",
                      "Right: you saw the crossing lie elsewhere in the world than in MovieLens."),
                "c": ("By words, for ever: content was ahead in the world.",
                      "It was, where genres explain most of the taste. In MovieLens a few ratings were enough."),
            },
            answer="b",
        ),
    ],
)  # fmt: skip


def _totals(values: Any, groups: Any, n_groups: int) -> np.ndarray:
    return np.bincount(groups, values, minlength=n_groups)


def _last(values: Any, groups: Any, n_groups: int) -> np.ndarray:
    total = np.zeros(n_groups)
    total[groups] += values
    return total
