"""Chapter 10, Item features and two towers: the interest model."""

from __future__ import annotations

from itertools import takewhile
from typing import Any

import numpy as np
from scipy.special import logsumexp

from recsys_teach.learn.compare import same, same_ranking
from recsys_teach.learn.schema import Chapter, Exercise, Prediction, Question
from recsys_teach.models.two_tower import fm_pairs

U_TINY = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
V_TINY = np.array([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
GENRES = ["crime", "drama", "romance"]
W_TINY = np.array([[2.0, 0.0], [0.5, 0.5], [0.0, 3.0]])
CENTROIDS = np.array([[2.0, 0.0], [0.5, 2.2], [-0.25, 0.5]])
CELLS = [np.array([0, 4]), np.array([1, 3]), np.array([2, 5])]
ITEMS = np.array([[1.0, 0.0], [0.0, 3.0], [-2.0, 0.0], [1.0, 1.4], [3.0, 0.0], [1.5, 1.0]])
BEHIND = np.array([[-1.0, 0.0], [-2.0, 0.0], [-3.0, 0.0], [-1.0, -5.0]])  # a user to the right dislikes them all
PAIRS = [np.array([0, 1]), np.array([2, 3])]
# np.argpartition happens to sort up to 256 numbers on some processors; the first 300 of 600 it never does.
MANY = np.stack([np.arange(600.0) * 7 % 600, np.ones(600)], axis=1)


def in_batch_loss(U: np.ndarray, V: np.ndarray, temperature: float) -> float:
    """Mean of -ln softmax of each user's own item among the items of the batch."""
    return _diagonal_loss(U @ V.T / temperature)


def corrected_loss(scores: np.ndarray, q: np.ndarray) -> float:
    """Calculate the in-batch loss after the logarithm of each item's share has been taken off its column."""
    return _diagonal_loss(scores - np.log(q))


def new_item_vector(genres: list[str], names: list[str], W: np.ndarray) -> np.ndarray:
    """Sum of the vectors of the genres that are known."""
    return np.sum(_known_rows(genres, names, W) or [0 * W[0]], axis=0)


def best_items(u: np.ndarray, V: np.ndarray, k: int) -> np.ndarray:
    """Positions of the k items of the largest inner product with u, best first."""
    return np.argsort(-(V @ u), kind="stable")[:k]


def probe(u: np.ndarray, V: np.ndarray, centroids: np.ndarray, cells: list, n_probe: int, k: int) -> np.ndarray:
    """Positions of the k best items among those in the n_probe cells whose centroids suit u best."""
    return _best_among(u, V, _opened(u, centroids, cells, n_probe), k)


def _opened(u: np.ndarray, centroids: np.ndarray, cells: list, n_probe: int) -> np.ndarray:
    return _cells(cells, best_items(u, centroids, n_probe))


def _cells(cells: list, opened: np.ndarray) -> np.ndarray:
    return np.concatenate([cells[cell] for cell in opened])


def _enough(u: np.ndarray, centroids: np.ndarray, cells: list, n_probe: int, k: int) -> int:
    while len(_opened(u, centroids, cells, n_probe)) < k:
        n_probe += 1
    return n_probe


def _masked(u: np.ndarray, V: np.ndarray, opened: np.ndarray, outside: float) -> np.ndarray:
    scores = np.full(len(V), outside)
    scores[opened] = V[opened] @ u
    return scores


NOT_SORTED = (
    "Those are the k best items, but not best first. np.argpartition, for one, finds the best k and leaves them in any "
    "order: sort these k by their scores."
)


def _unsorted(expected: np.ndarray, got: Any) -> bool:
    """Whether these are the expected items in another order."""
    items = np.asarray(got)
    reordered = items.shape == expected.shape and np.array_equal(np.sort(items), np.sort(expected))
    return bool(reordered and (items != expected).any())


def _best_among(u: np.ndarray, V: np.ndarray, items: np.ndarray, k: int) -> np.ndarray:
    return items[best_items(u, V[items], k)]


def _diagonal_loss(scores: np.ndarray) -> float:
    return float(np.mean(logsumexp(scores, axis=1) - np.diag(scores)))


def _shares(scores: np.ndarray) -> np.ndarray:
    """Softmax of each user's own item."""
    return np.exp(np.diag(scores) - logsumexp(scores, axis=1))


def _without_own(scores: np.ndarray) -> float:
    others = np.where(np.eye(len(scores), dtype=bool), -np.inf, scores)
    return float(np.mean(logsumexp(others, axis=1) - np.diag(scores)))


def _known_rows(genres: list[str], names: list[str], W: np.ndarray) -> list[np.ndarray]:
    return [W[names.index(genre)] for genre in genres if genre in names]


def _until_unknown(genres: list[str], names: list[str]) -> list[str]:
    return list(takewhile(names.__contains__, genres))


def _same_positions(expected: Any, answer: Any, atol: float = 0) -> str:
    """Compare positions of one search, best first; scores, where a misconception gives them, by value."""
    if isinstance(answer, set | frozenset):
        return "expected an array or a list, got a set, which has no order."
    wanted = np.asarray(expected)
    try:
        got = np.asarray(answer.detach() if hasattr(answer, "detach") else answer)
    except (TypeError, ValueError):
        return same_ranking(wanted, answer)
    if wanted.dtype.kind == "f":
        return same(wanted, got, 1e-9)
    if got.ndim == 1 and len(got) != len(wanted):
        return f"expected {len(wanted)} positions, got {len(got)}."
    if got.shape != wanted.shape:
        return same(wanted, got)
    if got.dtype.kind == "f":
        return "expected positions, whole numbers that can index an array, got numbers with a decimal point."
    return same_ranking(wanted, got)


def _cosines(u: np.ndarray, V: np.ndarray) -> np.ndarray:
    return V @ u / np.linalg.norm(V, axis=1)


def _draw_crosses(rng: np.random.Generator) -> tuple:
    return rng.integers(0, 4, size=(4, 6)).astype(float), rng.normal(size=(6, 3))


def _draw_batch(rng: np.random.Generator) -> tuple:
    return rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), float(rng.uniform(0.2, 0.8))


def _draw_scores(rng: np.random.Generator) -> tuple:
    return rng.normal(size=(4, 4)), rng.dirichlet(np.ones(6))[:4] * 0.9 + 0.01


def _draw_genres(rng: np.random.Generator) -> tuple:
    genres = [*rng.choice(GENRES, size=2, replace=False).tolist(), "western", "melodrama"]
    return rng.permutation(genres).tolist(), GENRES, rng.normal(size=(3, 4))


def _draw_search(rng: np.random.Generator) -> tuple:
    return rng.normal(size=3), rng.normal(size=(12, 3)) * rng.uniform(0.3, 3, size=(12, 1)), 4


def _draw_probe(rng: np.random.Generator) -> tuple:
    cells = np.array_split(rng.permutation(15), 5)
    V = rng.normal(size=(15, 3))
    return rng.normal(size=3), V, np.array([V[cell].mean(axis=0) for cell in cells]), cells, 2, 3


def _taller_or_shorter(median_ranks: tuple[float, float]) -> str:
    with_, without = median_ranks
    return "c" if abs(with_ - without) < 0.1 * with_ else "a" if without > with_ else "b"


CHAPTER = Chapter(
    number="10",
    title="Item features and two towers: the interest model",
    objectives={
        "O10.1": "Cross features by inner products, and sum all crosses without a double loop",
        "O10.2": "Write the in-batch softmax loss of two towers, with its temperature",
        "O10.3": "Correct that loss for the popularity of the items",
        "O10.4": "Compute the vector of a new item from its features",
        "O10.5": "Retrieve the best items by inner product, exactly and from the cells of an inverted file",
    },
    exercises=[
        Exercise(
            "10.1", "All crosses at once", objective="O10.1", level="core", minutes=7,
            reference=fm_pairs,
            cases=[
                (np.array([[1.0, 1.0, 0.0]]), V_TINY),
                (np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 1.0]]), V_TINY),
                (np.array([[2.0, 1.0, 1.0], [0.0, 3.0, 1.0]]), V_TINY),
                (np.array([[2.0, -3.0]]), np.array([[2.0], [5.0]])),
                (np.array([[4.0], [0.0]]), np.array([[3.0, 1.0, 1.0]])),  # one feature: there is nothing to cross
            ],
            draw=_draw_crosses,
            why="A squared sum holds each pair twice and each square once: take the squares off, and halve.",
            hints=(
                "(2 + 3 + 4)² = 4 + 9 + 16 + 2(6 + 8 + 12): in each coordinate, what must go from a squared sum?",
                "X @ V is the sum over features, shape (n, n_factors); (X ** 2) @ (V ** 2) is the sum of squares.",
                "((X @ V) ** 2 - (X ** 2) @ (V ** 2)).sum(axis=1) / 2",
            ),
            misconceptions={
                "Each pair is counted twice, as (a, b) and as (b, a): halve the sum.":
                    lambda X, V: 2 * fm_pairs(X, V),
                "The squares are still in it: a feature is crossed with itself. Take the sum of squares off.":
                    lambda X, V: ((X @ V) ** 2).sum(axis=1) / 2,
                "You squared V and not X in what you subtract: that is right only while features are 0 or 1.":
                    lambda X, V: ((X @ V) ** 2 - X @ V**2).sum(axis=1) / 2,
                "You left one value for each coordinate: the crosses are inner products, so sum over the coordinates.":
                    lambda X, V: ((X @ V) ** 2 - X**2 @ V**2) / 2,
                "You summed the coordinates before squaring: square each coordinate, then sum.":
                    lambda X, V: ((X @ V).sum(axis=1) ** 2 - (X**2 @ V**2).sum(axis=1)) / 2,
            },
        ),
        Exercise(
            "10.2", "In-batch softmax", objective="O10.2", level="core", minutes=8,
            reference=in_batch_loss,
            cases=[
                (np.eye(2), np.eye(2), 1.0),
                (np.eye(2), np.eye(2), 0.5),
                (U_TINY, V_TINY, 0.5),
                (np.array([[1.0, 0.0, 1.0], [0.0, 2.0, 0.0]]), np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]), 2.0),
                (np.array([[1.0, 2.0, 0.0, -1.0]]), np.array([[0.0, -1.0, 3.0, 1.0]]), 3.0),  # one item
            ],
            draw=_draw_batch,
            why="Row r is a classification among the items of the batch whose right class stands on the diagonal.",
            hints=(
                "Which table holds the score of each user of the batch with each item of the batch?",
                "scores = U @ V.T / temperature. A softmax goes along a row: one user, all items.",
                "np.mean(np.log(np.exp(scores).sum(axis=1)) - np.diag(scores))",
            ),
            misconceptions={
                "Your softmax runs down the columns, over users. A user chooses among items: it runs along the rows.":
                    lambda U, V, temperature: _diagonal_loss((U @ V.T / temperature).T),
                "You multiplied by the temperature. It divides: a small one makes the differences large.":
                    lambda U, V, temperature: _diagonal_loss(U @ V.T * temperature),
                "You added up over the pairs; the loss is their mean.":
                    lambda U, V, temperature: len(U) * in_batch_loss(U, V, temperature),
                "The user's own item is missing below the fraction line: a softmax sums over all, the right one too.":
                    lambda U, V, temperature: _without_own(U @ V.T / temperature),
                "The temperature divides all scores, those of the diagonal too.":
                    lambda U, V, temperature: float(
                        np.mean(logsumexp(U @ V.T / temperature, axis=1) - np.diag(U @ V.T))
                    ),
                "You divided the loss by the temperature. It divides the scores, before the softmax.":
                    lambda U, V, temperature: _diagonal_loss(U @ V.T) / temperature,
                "You summed over the whole table. A softmax has one sum for each row: axis=1.":
                    lambda U, V, temperature: float(
                        logsumexp(U @ V.T / temperature) - np.mean(np.diag(U @ V.T)) / temperature
                    ),
                "The sign is turned: the loss is the mean of *minus* the logarithm.":
                    lambda U, V, temperature: -in_batch_loss(U, V, temperature),
                "You took the logarithm of the mean share. Take the logarithm for each user, then the mean.":
                    lambda U, V, temperature: float(-np.log(np.mean(_shares(U @ V.T / temperature)))),
                "The logarithm is missing: take -ln of the share of each user's own item, then the mean.":
                    lambda U, V, temperature: float(-np.mean(_shares(U @ V.T / temperature))),
                "The temperature is missing.": lambda U, V, temperature: _diagonal_loss(U @ V.T),
                "That is a softmax over the coordinates of U * V: it says which coordinate is large, not which item.":
                    lambda U, V, temperature: float(
                        np.mean(logsumexp(U * V / temperature, axis=1) - np.diag(U @ V.T) / temperature)
                    ),
            },
        ),
        Exercise(
            "10.3", "The correction for popularity", objective="O10.3", level="core", minutes=7,
            reference=corrected_loss,
            cases=[
                (np.zeros((3, 3)), np.array([0.8, 0.1, 0.1])),
                (np.array([[2.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 0.0, 3.0]]), np.array([0.5, 0.1, 0.2])),
                (np.array([[1.0, 0.0], [-1.0, 2.0]]), np.array([0.25, 0.5])),
                (np.array([[4.0]]), np.array([0.3])),
            ],
            draw=_draw_scores,
            why="A popular item is the wrong answer of others more often; taking off log q pays that back.",
            hints=(
                "q belongs to items, and items are columns. What must each column lose?",
                "corrected = scores - np.log(q): numpy takes one number off each column. Then as in 10.2.",
                "np.mean(np.log(np.exp(corrected).sum(axis=1)) - np.diag(corrected))",
            ),
            misconceptions={
                "You took the logarithm to base 10. Here, as in the softmax, it is the natural one: np.log.":
                    lambda scores, q: _diagonal_loss(scores - np.log10(q)),
                "You took the logarithm to base 2. Here, as in the softmax, it is the natural one: np.log.":
                    lambda scores, q: _diagonal_loss(scores - np.log2(q)),
                "You divided the scores by the shares. Scores are logarithms: subtract np.log(q).":
                    lambda scores, q: _diagonal_loss(scores / q),
                "You added up over the rows; the loss is their mean.":
                    lambda scores, q: len(q) * corrected_loss(scores, q),
                "You added log q. That makes popular items even stronger as wrong answers.":
                    lambda scores, q: _diagonal_loss(scores + np.log(q)),
                "You subtracted the share itself. Scores are logarithms: subtract np.log(q).":
                    lambda scores, q: _diagonal_loss(scores - q),
                "q changed nothing: it is missing, or it was subtracted from the rows, where it changes no softmax. It "
                "belongs to the columns.":
                    lambda scores, q: _diagonal_loss(scores - np.log(q)[:, None]),
                "You corrected the wrong answers only. Here the user's own item loses its log q, too.":
                    lambda scores, q: _diagonal_loss(scores - np.log(q) * (1 - np.eye(len(q)))),
                "You read the diagonal before log q was off. The user's own item loses it above the line and below.":
                    lambda scores, q: float(np.mean(logsumexp(scores - np.log(q), axis=1) - np.diag(scores))),
                "You corrected the user's own item only. All items of the batch were drawn by popularity.":
                    lambda scores, q: _diagonal_loss(scores - np.log(q) * np.eye(len(q))),
            },
        ),
        Exercise(
            "10.4", "An item that nobody has met", objective="O10.4", level="core", minutes=6,
            reference=new_item_vector,
            cases=[
                (["crime", "drama"], GENRES, W_TINY),
                (["western", "romance"], GENRES, W_TINY),
                (["melodrama", "crime"], GENRES, W_TINY),
                (["western"], GENRES, W_TINY),
                (["space", "crime", "western"], ["space", "crime"], np.array([[1.0, -2.0, 0.0], [0.0, 5.0, 1.0]])),
                ([], ["space"], np.array([[3.0]])),
            ],
            draw=_draw_genres,
            why="Each genre was learned from items that people met; a new item borrows the vectors of its own.",
            hints=(
                "Which rows of W belong to the genres of this item? What does a genre without a row add?",
                "names.index(genre) gives a row; ask `genre in names` first. Begin with a vector of zeros.",
                "vector = np.zeros(W.shape[1]); then for each genre in names: vector = vector + W[names.index(genre)]",
            ),
            misconceptions={
                "An unknown genre got the last row of W, as position -1 does. It adds nothing: skip it.":
                    lambda genres, names, W: W[[names.index(g) if g in names else -1 for g in genres]].sum(axis=0)
                    if genres else 0 * W[0],
                "You took the mean. This tower adds: two genres together say more than each alone.":
                    lambda genres, names, W: new_item_vector(genres, names, W) / len(genres),
                "You took the mean of the known genres. This tower adds: two together say more than each alone.":
                    lambda genres, names, W: new_item_vector(genres, names, W)
                    / max(1, len(_known_rows(genres, names, W))),
                "You took the mean, and the mean of no genre is NaN. This tower adds, from a vector of zeros on.":
                    lambda genres, names, W: np.mean(_known_rows(genres, names, W), axis=0),
                "You scaled to length 1. Here only the sum is asked; the package scales afterward.":
                    lambda genres, names, W: new_item_vector(genres, names, W)
                    / (np.linalg.norm(new_item_vector(genres, names, W)) or 1),
                "You scaled to length 1, and zeros have no direction. Here only the sum is asked.":
                    lambda genres, names, W: new_item_vector(genres, names, W)
                    / np.linalg.norm(new_item_vector(genres, names, W)),
                "Where no genre is known, your sum is the number 0. Begin with a vector: np.zeros(W.shape[1]).":
                    lambda genres, names, W: sum(_known_rows(genres, names, W)),
                "You stopped at the first unknown genre. It adds nothing; the next may be known (continue, not break).":
                    lambda genres, names, W: new_item_vector(_until_unknown(genres, names), names, W),
                "You looked for a name inside a text: melodrama is not drama. Compare whole names.":
                    lambda genres, names, W: new_item_vector([n for n in names if n in str(genres)], names, W),
                "You used the first genre alone.":
                    lambda genres, names, W: new_item_vector(genres[:1], names, W),
                "You summed over the coordinates: a vector comes out, not a number for each genre.":
                    lambda genres, names, W: np.array([W[names.index(g)].sum() if g in names else 0 for g in genres]),
            },
        ),
        Exercise(
            "10.5", "Exact retrieval", objective="O10.5", level="warm-up", minutes=4,
            reference=best_items,
            cases=[
                (np.array([1.0, 0.5]), ITEMS, 2),
                (np.array([0.0, 1.0]), np.array([[0.0, 1.0], [2.0, 2.0], [0.0, -4.0]]), 2),
                (np.array([-2.0]), np.array([[3.0], [-1.0], [0.0]]), 1),
                (np.array([-1.0, 0.5]), np.array([[2.0, 0.0], [1.0, 4.0], [3.0, 1.0], [0.0, -2.0]]), 3),
                (np.array([999.0, 0.0]), MANY, 300),
            ],
            draw=_draw_search,
            properties={NOT_SORTED: lambda given, got: not _unsorted(best_items(*given), got)},
            compare=_same_positions,
            why="The model ranks by the inner product, and the search must look for the same thing.",
            hints=(
                "One score for each item: which product of V and u has shape (n_items,)?",
                "np.argsort sorts from small to large; the minus turns it round.",
                "np.argsort(-(V @ u))[:k]",
            ),
            misconceptions={
                "That is the order by cosine: you divided by the lengths. A long vector is meant to score more.":
                    lambda u, V, k: np.argsort(-_cosines(u, V), kind="stable")[:k],
                "Those are the nearest by distance. The model ranks by u·v, where a long vector scores more.":
                    lambda u, V, k: np.argsort(((V - u) ** 2).sum(axis=1), kind="stable")[:k],
                "Those are the worst: argsort goes from small to large.":
                    lambda u, V, k: np.argsort(V @ u, kind="stable")[:k],
                "Those are the best, but the best one is last.":
                    lambda u, V, k: best_items(u, V, k)[::-1],
                "You returned scores. Asked are the positions of the items: argsort, not sort.":
                    lambda u, V, k: np.sort(V @ u)[::-1][:k],
                "You left out items with a score below 0. Asked are k items, and only the order counts.":
                    lambda u, V, k: [item for item in best_items(u, V, k) if V[item] @ u > 0],
                "You ranked by the size of the score. A score far below 0 is bad, not good.":
                    lambda u, V, k: np.argsort(-np.abs(V @ u), kind="stable")[:k],
                "You returned all items: the first k are enough.":
                    lambda u, V, k: best_items(u, V, len(V)),
            },
        ),
        Exercise(
            "10.6", "One probe of an inverted file", objective="O10.5", level="core", minutes=8,
            reference=probe,
            cases=[
                (np.array([1.0, 0.5]), ITEMS, CENTROIDS, CELLS, 1, 1),
                (np.array([1.0, 0.5]), ITEMS, CENTROIDS, CELLS, 2, 3),
                (np.array([1.0, 0.5]), ITEMS, CENTROIDS, CELLS, 1, 3),
                (np.array([1.0, 0.5]), BEHIND, np.array([[-1.5, 0.0], [-2.0, -2.5]]), PAIRS, 1, 2),
                # the nearest centroid is 0, the one of the smallest angle 1, that of the largest product 2
                (np.array([1.0, 0.0]), np.array([[1.0, 0.5], [2.0, 0.0], [4.0, 2.0]]),
                 np.array([[1.0, 0.5], [2.0, 0.0], [4.0, 2.0]]), [np.array([0]), np.array([1]), np.array([2])], 1, 1),
                (np.array([0.0, -1.0, 0.0]), np.array([[0.0, 1, 0], [0, -3, 1], [1, -1, 0], [0, -2, 0]]),
                 np.array([[0.0, 0, 0.5], [0.0, -2.5, 0.5]]), [np.array([0, 2]), np.array([3, 1])], 2, 3),
                (np.array([999.0, 0.0]), MANY, np.array([[1.0, 0.0], [3.0, 1.0]]),
                 [np.arange(2), np.arange(600)], 1, 300),
            ],
            draw=_draw_probe,
            properties={NOT_SORTED: lambda given, got: not _unsorted(probe(*given), got)},
            compare=_same_positions,
            why="Few centroids say which cells are worth opening; only what lies in them is compared.",
            hints=(
                "Two searches, one after the other: among the centroids, then among the items of the cells opened.",
                "items = np.concatenate([cells[c] for c in opened]); the scores are V[items] @ u.",
                "opened = best_items(u, centroids, n_probe); items = ...; return items[best_items(u, V[items], k)]",
            ),
            misconceptions={
                "You return places in the short list. Turn them into positions of the catalog: items[...].":
                    lambda u, V, centroids, cells, n_probe, k: best_items(
                        u, V[_opened(u, centroids, cells, n_probe)], k
                    ),
                "You opened the worst cells: argsort goes from small to large.":
                    lambda u, V, centroids, cells, n_probe, k: _best_among(
                        u, V, np.concatenate([cells[c] for c in np.argsort(centroids @ u)[:n_probe]]), k
                    ),
                "You return the items in the order in which they lie in the cells. Compare them with u.":
                    lambda u, V, centroids, cells, n_probe, k: _opened(u, centroids, cells, n_probe)[:k],
                "You opened the cells whose centroids are nearest to u. Both searches go by the inner product.":
                    lambda u, V, centroids, cells, n_probe, k: _best_among(
                        u, V, _cells(cells, np.argsort(np.linalg.norm(centroids - u, axis=1))[:n_probe]), k
                    ),
                "You chose the cells by cosine. Both searches go by the inner product, where length counts.":
                    lambda u, V, centroids, cells, n_probe, k: _best_among(
                        u, V, _cells(cells, np.argsort(-_cosines(u, centroids))[:n_probe]), k
                    ),
                "You searched cell by cell and put one list after the other. Compare the items of all opened cells "
                "together.":
                    lambda u, V, centroids, cells, n_probe, k: np.concatenate(
                        [_best_among(u, V, cells[c], k) for c in best_items(u, centroids, n_probe)]
                    )[:k],
                "You opened one cell; n_probe says how many.":
                    lambda u, V, centroids, cells, n_probe, k: probe(u, V, centroids, cells, 1, k),
                "Items of closed cells got the score 0, which beats a negative one. Look at the opened items alone.":
                    lambda u, V, centroids, cells, n_probe, k: np.argsort(
                        -_masked(u, V, _opened(u, centroids, cells, n_probe), 0.0)
                    )[:k],
                "Where the opened cells hold fewer than k, you returned items of closed ones. Return fewer.":
                    lambda u, V, centroids, cells, n_probe, k: np.argsort(
                        -_masked(u, V, _opened(u, centroids, cells, n_probe), -np.inf)
                    )[:k],
                "You opened more cells until k items were there. n_probe says how many to open.":
                    lambda u, V, centroids, cells, n_probe, k: probe(
                        u, V, centroids, cells, _enough(u, centroids, cells, n_probe, k), k
                    ),
                "You looked at every item. That is exact, and saves nothing.":
                    lambda u, V, centroids, cells, n_probe, k: best_items(u, V, k),
            },
        ),
    ],
    predictions=[
        Prediction(
            "P10.1",
            "A film's place in the order of popularity is 1 for the most popular one. We train the same two towers "
            "twice, with and without the correction for popularity. Without it, the ten films recommended are",
            {
                "a": "less popular",
                "b": "more popular",
                "c": "about as popular",
            },
            outcome=_taller_or_shorter,
        ),
    ],
    quiz=[
        Question(
            "O10.1", "Why does a factorization machine give each feature a vector, and not each pair a weight?",
            {
                "a": ("The sum is then exact; with weights it would be rounded.", "Both are exact sums."),
                "b": ("A pair that never occurred together still gets a value, from what each met elsewhere.",
                      "Right: and there are fewer numbers to learn than pairs."),
                "c": ("Vectors need no training.", "They are what is learned."),
            },
            answer="b",
        ),
        Question(
            "O10.2", "You halve the temperature of an in-batch softmax. What happens in a row?",
            {
                "a": ("Differences of scores double, and the strongest wrong answers count for more.",
                      "Right: and scores of vectors of length 1 get twice the room."),
                "b": ("All wrong answers come to count alike.", "That is what a large temperature does."),
                "c": ("Nothing: the order of the scores stays the same.",
                      "The order stays, but the softmax depends on how far apart scores are."),
            },
            answer="a",
        ),
        Question(
            "O10.3", "Two towers are trained without the correction. What does a score estimate, up to a constant?",
            {
                "a": ("log P(item | user)", "That is what the correction gives."),
                "b": ("log P(item)", "Then everybody would get one list."),
                "c": ("log P(item | user) - log P(item)",
                      "Right: how much more often than others this user takes the item."),
            },
            answer="c",
        ),
        Question(
            "O10.4", "A film was released today. What may its tower use?",
            {
                "a": ("The vector of its id, as it was drawn at the start.",
                      "A random vector ranks it at random; ours sets it to 0."),
                "b": ("Its features, with the vectors that other items taught.",
                      "Right: that is why the item tower reads features."),
                "c": ("Nothing: it has to wait for its first clicks.", "That is a tower of ids alone."),
            },
            answer="b",
        ),
        Question(
            "O10.5", "You open more cells of an inverted file for each query. What happens?",
            {
                "a": ("Recall rises, and so does the work.", "Right: with all cells open the search is exact."),
                "b": ("Recall rises at no cost.", "Each opened cell is compared item by item."),
                "c": ("The recommendations get better than the exact ones.",
                      "It looks for the same lists; the exact ones are the bound."),
            },
            answer="a",
        ),
    ],
)  # fmt: skip
