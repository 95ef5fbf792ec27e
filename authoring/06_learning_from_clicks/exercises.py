"""Chapter 06, Learning from clicks."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np
from scipy.special import expit

from recsys_teach.learn.compare import same
from recsys_teach.learn.schema import Chapter, Exercise, Prediction, Question

R_TINY = np.array([[5, 4, 0, 1], [4, 5, 1, 0], [1, 0, 5, 4], [0, 1, 4, 5], [5, 5, 1, 1]], dtype=float)
H_TINY = np.array([[1.0, 0.5], [1.0, 0.0], [0.0, 1.0], [0.5, 1.0]])
EPS = 1e-6
LARGE = 1e5  # a step of EPS beside such a number bends the loss


def weighted_loss(counts: np.ndarray, scores: np.ndarray, alpha: float) -> float:
    """Squared errors of the preferences over all cells, each weighted by its confidence."""
    return float(((1 + alpha * counts) * ((counts > 0) - scores) ** 2).sum())


def als_row(counts: np.ndarray, H: np.ndarray, alpha: float, ridge: float) -> np.ndarray:
    """Factors of one person that minimize the weighted loss plus ridge times their square."""
    return _solve(1 + alpha * counts, counts > 0, H, ridge)


def alternate(counts: np.ndarray, H: np.ndarray, alpha: float, ridge: float, n_rounds: int) -> list[float]:
    """Objective after each half step: users, items, users, items and so on."""
    return _alternate(counts, H, alpha, ridge, n_rounds)


def bpr_gradient(p: np.ndarray, q_met: np.ndarray, q_other: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of -ln sigmoid(p·(q_met - q_other)) along p, q_met and q_other."""
    push = expit(-(p @ (q_met - q_other)))
    return -push * (q_met - q_other), -push * p, push * p


def unseen_items(seen: np.ndarray, n_items: int, r: np.ndarray) -> np.ndarray:
    """Positions of the unseen items number r, counted from 0."""
    return np.setdiff1d(np.arange(n_items), seen)[r]


def ease_weights(X: np.ndarray, lam: float) -> np.ndarray:
    """Item-to-item weights of EASE: B_ij = -P_ij / P_jj with P = (XᵀX + lam I)⁻¹, and a diagonal of 0."""
    return _from_inverse(np.linalg.inv(X.T @ X + lam * np.eye(X.shape[1])))


def _solve(confidence: np.ndarray, target: np.ndarray, H: np.ndarray, ridge: float) -> np.ndarray:
    A = (H.T * confidence) @ H + ridge * np.eye(H.shape[1])
    return np.linalg.solve(A, H.T @ (confidence * target))


def _alternate(
    counts: np.ndarray, H: np.ndarray, alpha: float, ridge: float, n_rounds: int,
    *, penalty: bool = True, keep_items: bool = True,
) -> list[float]:  # fmt: skip
    history = []
    for _ in range(n_rounds):
        W = np.array([als_row(row, H, alpha, ridge) for row in counts])
        history.append(_objective(counts, W, H, alpha, ridge * penalty))
        new = np.array([als_row(column, W, alpha, ridge) for column in counts.T])
        history.append(_objective(counts, W, new, alpha, ridge * penalty))
        H = new if keep_items else H
    return history


def _objective(counts: np.ndarray, W: np.ndarray, H: np.ndarray, alpha: float, ridge: float) -> float:
    return weighted_loss(counts, W @ H.T, alpha) + ridge * float((W**2).sum() + (H**2).sum())


def _two_lists(counts: np.ndarray, H: np.ndarray, alpha: float, ridge: float, n_rounds: int) -> np.ndarray:
    history = _alternate(counts, H, alpha, ridge, n_rounds)
    return np.array([history[0::2], history[1::2]])


def _bpr_scaled(push: float, p: np.ndarray, q_met: np.ndarray, q_other: np.ndarray) -> tuple[np.ndarray, ...]:
    return -push * (q_met - q_other), -push * p, push * p


def _margin(p: np.ndarray, q_met: np.ndarray, q_other: np.ndarray) -> float:
    return float(p @ (q_met - q_other))


def _slopes(args: tuple[np.ndarray, ...], which: int) -> np.ndarray:
    """Finite differences of the loss of a pair along one of its three vectors."""
    slopes = []
    for step in EPS * np.eye(len(args[which])):
        ahead, behind = (
            _margin(*(vector + sign * step * (place == which) for place, vector in enumerate(args))) for sign in (1, -1)
        )
        slopes.append((np.logaddexp(0, -ahead) - np.logaddexp(0, -behind)) / (2 * EPS))
    return np.array(slopes)


def _three_vectors(args: tuple[np.ndarray, ...], got: Any) -> bool:
    return np.shape(got) == (3, len(args[0]))


def _same_slope(which: int) -> Callable[[tuple, Any], bool]:
    def holds(args: tuple, got: Any) -> bool:
        if not _three_vectors(args, got) or max(np.abs(vector).max() for vector in args) > LARGE:
            return True  # finite differences are no measure there
        return np.allclose(got[which], _slopes(args, which), atol=1e-4)

    return holds


def _in_order(args: tuple, got: Any) -> bool:
    """Whether the parts are not those of the reference in another order."""
    right = bpr_gradient(*args)
    if not _three_vectors(args, got) or not same(right, tuple(got)):
        return True
    return all(same(tuple(right[part] for part in order), tuple(got)) for order in permutations(range(3)))


def _same_parts(expected: tuple, got: Any, atol: float) -> str:
    """Compare three vectors, also if they are the rows of one array."""
    return same(expected, tuple(got) if getattr(got, "ndim", 0) == 2 else got, atol)


def _falls(args: tuple, got: Any) -> bool:
    """Whether no value is larger than the one before it; true of what is no list of numbers."""
    if np.ndim(got) != 1 or np.asarray(got).dtype.kind not in "iuf":
        return True
    return bool((np.diff(np.asarray(got, float)) <= 1e-7).all())


def _by_finite_differences(*args: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(_slopes(args, which) for which in range(3))


def _from_inverse(P: np.ndarray) -> np.ndarray:
    return _without_diagonal(-P / np.diag(P))


def _without_diagonal(weights: np.ndarray) -> np.ndarray:
    return weights * (1 - np.eye(len(weights)))


def _draw_counts(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    counts = rng.integers(1, 6, size=shape) * (rng.random(shape) < 0.5)
    counts.flat[:3] = 3, 0, 1  # never all met, never nothing met
    return counts.astype(float)


def _draw_als(rng: np.random.Generator) -> tuple:
    return _draw_counts(rng, (6,)), rng.normal(size=(6, 3)), float(rng.integers(1, 5)), float(rng.uniform(0.2, 2))


def _draw_alternate(rng: np.random.Generator) -> tuple:
    return _draw_counts(rng, (5, 4)), rng.normal(size=(4, 2)), float(rng.integers(1, 5)), 0.5, int(rng.integers(2, 5))


def _draw_unseen(rng: np.random.Generator) -> tuple:
    seen = np.sort(rng.choice(12, size=5, replace=False))
    return seen, 12, rng.integers(0, 7, size=6)


def _draw_clicks(rng: np.random.Generator) -> tuple:
    X = np.zeros((9, 5))
    while np.linalg.matrix_rank(X) < 5:  # so that a forgotten lam is told apart, and raises nothing
        X = (rng.random((9, 5)) < 0.5).astype(float)
    return X, float(rng.integers(1, 5))


def _place_of_bpr(ndcg: object) -> str:
    order = ndcg[["BPR", "iALS", "EASE", "PureSVD"]]  # type: ignore[index]
    return "a" if order.idxmax() == "BPR" else "c" if order.idxmin() == "BPR" else "b"


CHAPTER = Chapter(
    number="06",
    title="Learning from clicks",
    objectives={
        "O6.1": "Split counts into preference and confidence, and weight every cell by it",
        "O6.2": "Solve a row of iALS, alternate, and watch the objective fall",
        "O6.3": "Derive the gradient of BPR's loss, and sample unseen items",
        "O6.4": "Write EASE in closed form",
    },
    exercises=[
        Exercise(
            "6.1", "Confidence from counts", objective="O6.1", level="warm-up", minutes=4,
            reference=weighted_loss,
            cases=[
                (np.array([[2.0, 0.0]]), np.array([[0.5, 0.5]]), 1.0),
                (R_TINY, np.full((5, 4), 0.5), 2.0),
                (np.array([[0.0, 3.0], [1.0, 0.0]]), np.array([[0.2, 0.9], [0.4, 0.0]]), 4.0),
                (np.array([[0.0, 2.0, 0.0], [0.0, 0.0, 0.0]]), np.array([[0.0, 1.5, -1.0], [0.5, 0.0, 2.0]]), 0.5),
            ],
            draw=lambda rng: (_draw_counts(rng, (4, 5)), rng.random((4, 5)), float(rng.integers(1, 9))),
            why="The count never enters the target, only the weight: a miss on a film opened often costs most.",
            hints=(
                "Each cell needs two tables of the same shape: what the score should be, and how much a miss costs.",
                "The preference is counts > 0, the confidence 1 + alpha * counts.",
                "(confidence * (preference - scores) ** 2).sum()",
            ),
            misconceptions={
                "You aim the scores at the counts. The target is the preference, 0 or 1; the count is the weight.":
                    lambda counts, scores, alpha: ((1 + alpha * counts) * (counts - scores) ** 2).sum(),
                "Your empty cells weigh nothing: the confidence is 1 + alpha * count, and the 1 is missing.":
                    lambda counts, scores, alpha: (alpha * counts * ((counts > 0) - scores) ** 2).sum(),
                "Every cell with a count has the same weight. The confidence grows with the count: 1 + alpha * counts.":
                    lambda counts, scores, alpha: ((1 + alpha * (counts > 0)) * ((counts > 0) - scores) ** 2).sum(),
                "You took the mean over the cells; the loss is their sum.":
                    lambda counts, scores, alpha: weighted_loss(counts, scores, alpha) / counts.size,
                "You squared the confidence too: it stands outside the square.":
                    lambda counts, scores, alpha: (((1 + alpha * counts) * ((counts > 0) - scores)) ** 2).sum(),
                "The difference is not squared.":
                    lambda counts, scores, alpha: ((1 + alpha * counts) * ((counts > 0) - scores)).sum(),
            },
        ),
        Exercise(
            "6.2", "One step of ALS", objective="O6.2", level="core", minutes=8,
            reference=als_row,
            cases=[
                (np.array([1.0, 0.0]), np.array([[1.0], [1.0]]), 2.0, 1.0),
                (R_TINY[0], H_TINY, 1.0, 1.0),
                (R_TINY[2], H_TINY, 3.0, 0.5),
                (np.array([0.0, 2.0, 0.0]), np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 1.0], [-1.0, 0.0, 0.0]]), 0.5, 2.0),
                (np.zeros(2), np.array([[1.0], [2.0]]), 2.0, 1.0),
            ],
            draw=_draw_als,
            why="Where the slope of a weighted square is zero, the equations are linear: one small solve a person.",
            hints=(
                "Which two things does np.linalg.solve need, and of which shapes?",
                "A = Hᵀ C H + ridge I is (n_factors, n_factors). H.T * confidence multiplies each item's column.",
                "np.linalg.solve((H.T * c) @ H + ridge * np.eye(H.shape[1]), H.T @ (c * p)), with c and p of 6.1.",
            ),
            misconceptions={
                "You summed over the items with a count only. The empty cells count too: preference 0, confidence 1.":
                    lambda counts, H, alpha, ridge: als_row(counts[counts > 0], H[counts > 0], alpha, ridge),
                "Your empty cells have the weight 0: the confidence is 1 + alpha * count.":
                    lambda counts, H, alpha, ridge: _solve(alpha * counts, counts > 0, H, ridge),
                "The ridge is missing on the diagonal of the left side: + ridge * np.eye(n_factors).":
                    lambda counts, H, alpha, ridge: als_row(counts, H, alpha, 0.0),
                "The confidence belongs to the right side too: H.T @ (confidence * preference).":
                    lambda counts, H, alpha, ridge: np.linalg.solve(
                        (H.T * (1 + alpha * counts)) @ H + ridge * np.eye(H.shape[1]), H.T @ (counts > 0)
                    ),
                "Your right side includes the films without a count; their preference is 0.":
                    lambda counts, H, alpha, ridge: _solve(1 + alpha * counts, np.ones(len(H)), H, ridge),
                "The films with a count have confidence 1 + alpha * count, on the right too.":
                    lambda counts, H, alpha, ridge: np.linalg.solve(
                        (H.T * (1 + alpha * counts)) @ H + ridge * np.eye(H.shape[1]), H.T @ (alpha * counts)
                    ),
                "Five openings have the weight of one. The confidence grows with the count: 1 + alpha * counts.":
                    lambda counts, H, alpha, ridge: _solve(1 + alpha * (counts > 0), counts > 0, H, ridge),
                "You added the ridge twice. The 2 cancels on both sides: ridge * np.eye(n_factors).":
                    lambda counts, H, alpha, ridge: als_row(counts, H, alpha, 2 * ridge),
                "The right side aims at the counts. The target is the preference, 0 or 1.":
                    lambda counts, H, alpha, ridge: _solve(1 + alpha * counts, counts, H, ridge),
                "You added the ridge to every cell of A. It belongs on the diagonal: ridge * np.eye(n_factors).":
                    lambda counts, H, alpha, ridge: np.linalg.solve(
                        (H.T * (1 + alpha * counts)) @ H + ridge, H.T @ ((1 + alpha * counts) * (counts > 0))
                    ) if H.shape[1] > 1 else als_row(counts, H, alpha, ridge),
            },
        ),
        Exercise(
            "6.3", "The objective never rises", objective="O6.2", level="core", minutes=7,
            reference=alternate,
            cases=[
                (np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[1.0], [0.5]]), 1.0, 0.5, 1),
                (np.array([[0.0, 3.0], [1.0, 1.0], [0.0, 0.0]]), np.array([[1.0], [-1.0]]), 2.0, 1.5, 2),
                (R_TINY, H_TINY, 3.0, 0.25, 3),
            ],
            draw=_draw_alternate,
            properties={
                "You returned several things. Return the list of numbers alone.":
                    lambda args, got: not isinstance(got, tuple) or not any(np.ndim(part) == 2 for part in got),
                "One of your values is larger than the one before it: what each half step minimizes cannot rise.":
                    _falls,
            },
            atol=1e-5,
            why="Each half step solves exactly for one side, so it can only lower what both sides share.",
            hints=(
                "In one round: solve for W, note the objective, solve for H, note the objective.",
                "Items are the rows of counts.T, and their 'other side' is W.",
                "W = solve_rows(counts, H, alpha, ridge); history.append(objective(counts, W, H, alpha, ridge)); "
                "then H = solve_rows(counts.T, W, alpha, ridge), and append again.",
            ),
            misconceptions={
                "That is the last objective alone. Note it after each half step, in a list.":
                    lambda *args: _alternate(*args)[-1],
                "You noted the objective once a round. Note it after the users and again after the items.":
                    lambda *args: _alternate(*args)[1::2],
                "You noted the objective after the users only; the items' half step counts too.":
                    lambda *args: _alternate(*args)[0::2],
                "You return inside the loop, after the first round: move `return` out to the left.":
                    lambda *args: _alternate(*args)[:2],
                "One flat list, please: append two numbers a round, not a pair of them.":
                    lambda *args: np.reshape(_alternate(*args), (-1, 2)),
                "One flat list, please, in the order of the half steps: users, items, users, items.":
                    _two_lists,
                "Users first, then items, in one list: the order in which the half steps come.":
                    lambda *args: _two_lists(*args).ravel(),
                "The first number of a round must be taken before the items are solved.":
                    lambda *args: np.repeat(_alternate(*args)[1::2], 2),
                "Your loss has no penalty. What the steps minimize, and what cannot rise, is loss plus ridge.":
                    lambda *args: _alternate(*args, penalty=False),
                "Each round starts again from the H that was given. Keep the items that you solved for.":
                    lambda *args: _alternate(*args, keep_items=False),
            },
        ),
        Exercise(
            "6.4", "Gradient of a pair", objective="O6.3", level="core", minutes=7,
            reference=bpr_gradient,
            cases=[
                (np.array([1.0, 0.0]), np.array([1.0, 2.0]), np.array([1.0, 0.0])),
                (np.array([1.0, 2.0]), np.array([0.5, 0.5]), np.array([1.0, -0.5])),
                (np.array([-1.0, 0.5, 2.0]), np.array([1.0, 0.0, 0.5]), np.array([0.0, 1.0, 1.5])),
                (np.array([1e6, 1.0]), np.array([0.0, 2.0]), np.array([0.0, -1.0])),
            ],
            draw=lambda rng: tuple(rng.normal(size=(3, 3))),
            compare=_same_parts,
            properties={
                "Right parts, wrong order: return those of p, q_met, q_other.": _in_order,
                "Finite differences of the loss along p give another slope than your first part.": _same_slope(0),
                "Finite differences of the loss along q_met give another slope than your second part.": _same_slope(1),
                "Finite differences of the loss along q_other give another slope than your third part.":
                    _same_slope(2),
            },
            why="The slope is sigmoid(-x): a pair in the wrong order pulls hard, one that is clearly right hardly.",
            hints=(
                "Chain rule: the slope of -ln sigmoid(x) along x, times the slope of x along each vector.",
                "The first factor is -sigmoid(-x). x = p·q_met - p·q_other is linear in each of the three vectors.",
                "s = 1 / (1 + np.exp(x)); return -s * (q_met - q_other), -s * p, s * p",
            ),
            misconceptions={
                "That is the slope of +ln sigmoid, the way up. The loss has a minus: turn all three signs.":
                    lambda p, q_met, q_other: tuple(-part for part in bpr_gradient(p, q_met, q_other)),
                "You used sigmoid(x). The slope of -ln sigmoid(x) is -sigmoid(-x): pairs in the wrong order pull most.":
                    lambda p, q_met, q_other: _bpr_scaled(expit(_margin(p, q_met, q_other)), p, q_met, q_other),
                "You took the slope of the sigmoid without its logarithm: s(1 - s). The logarithm divides by s again.":
                    lambda p, q_met, q_other: _bpr_scaled(
                        expit(_margin(p, q_met, q_other)) * expit(-_margin(p, q_met, q_other)), p, q_met, q_other
                    ),
                "The third sign is wrong: q_other enters x with a minus, so its slope is that of q_met turned round.":
                    lambda p, q_met, q_other: tuple(bpr_gradient(p, q_met, q_other)[part] for part in (0, 1, 1)),
                "The slopes of q_met and q_other are exchanged.":
                    lambda p, q_met, q_other: tuple(bpr_gradient(p, q_met, q_other)[part] for part in (0, 2, 1)),
                "The factor sigmoid(-x) is missing: each slope of x still has to be multiplied by it.":
                    lambda p, q_met, q_other: _bpr_scaled(1.0, p, q_met, q_other),
                "You use sigmoid(0) = .5 always; x = p·(q_met - q_other) differs from pair to pair.":
                    lambda p, q_met, q_other: _bpr_scaled(0.5, p, q_met, q_other),
                "That is the test, not the gradient: it calls the loss twice for each number, and is only near.":
                    _by_finite_differences,
                "Your first part uses q_met alone. Along p the slope of x is q_met - q_other.":
                    lambda p, q_met, q_other: (
                        -expit(-_margin(p, q_met, q_other)) * q_met, *bpr_gradient(p, q_met, q_other)[1:]
                    ),
            },
        ),
        Exercise(
            "6.5", "Sample an unseen item", objective="O6.3", level="core", minutes=5,
            reference=unseen_items,
            cases=[
                (np.array([2]), 5, np.array([1, 0])),
                (np.array([1, 2, 4]), 6, np.array([2, 1])),
                (np.array([0]), 4, np.array([2, 0, 0, 1])),
                (np.array([], dtype=int), 3, np.array([2])),
                (np.array([0, 1, 5, 6]), 9, np.array([0, 1, 2, 3, 4])),
            ],
            draw=_draw_unseen,
            properties={
                "You returned True and False. np.flatnonzero(mask) gives the positions where a mask is True.":
                    lambda args, got: np.asarray(got).dtype.kind != "b",
                "Positions are whole numbers: return integers, such as an array of type int.":
                    lambda args, got: not np.size(got) or np.asarray(got).dtype.kind != "f",
            },
            why="If r is drawn evenly, each unseen item has the same probability, and no draw is wasted.",
            hints=(
                "Which positions from 0 to n_items - 1 are not in seen? r counts along that list.",
                "np.setdiff1d(a, b) starts from a, all positions, and leaves b out. An array can index it; a list "
                "u cannot, but np.array(u)[r] can.",
                "np.setdiff1d(np.arange(n_items), seen)[r]",
            ),
            misconceptions={
                "Those are any items: r is a number among the unseen ones, not yet a position.":
                    lambda seen, n_items, r: r,
                "Those are all unseen items. Pick those number r: index the array with r.":
                    lambda seen, n_items, r: np.setdiff1d(np.arange(n_items), seen),
                "Positions start at 0: np.arange(1, n_items) leaves the first item out.":
                    lambda seen, n_items, r: np.setdiff1d(np.arange(1, n_items), seen)[r],
                "Moving past the seen items up to r is not enough: the place you move to may be behind further ones.":
                    lambda seen, n_items, r: r + (seen[None] <= r[:, None]).sum(axis=1),
                "You moved past all seen items. Only those that stand before the item wanted count.":
                    lambda seen, n_items, r: r + len(seen),
                "You counted from 1. r = 0 is the first unseen item.":
                    lambda seen, n_items, r: unseen_items(seen, n_items, r - 1),
            },
        ),
        Exercise(
            "6.6", "EASE in closed form", objective="O6.4", level="core", minutes=7,
            reference=ease_weights,
            cases=[
                (np.array([[1.0, 1.0], [1.0, 0.0]]), 1.0),
                (np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 0.0, 1.0]]), 3.0),
                ((R_TINY > 0).astype(float), 2.0),
                (np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]]), 0.5),  # nobody clicked the last item
            ],
            draw=_draw_clicks,
            why="Column j is the ridge regression of item j on all others; one inverse holds all of them.",
            hints=(
                "Four lines: the Gram matrix, lam on its diagonal, the inverse P, then divide and clear the diagonal.",
                "B_ij = -P_ij / P_jj divides column j by P_jj: numpy does that with P / np.diag(P).",
                "P = np.linalg.inv(X.T @ X + lam * np.eye(X.shape[1])); B = -P / np.diag(P); np.fill_diagonal(B, 0)",
            ),
            misconceptions={
                "You divided row i by P_ii. Each column is one regression: divide column j by P_jj.":
                    lambda X, lam: ease_weights(X, lam).T,
                "The diagonal is still there: an item that may predict itself learns nothing of the others.":
                    lambda X, lam: ease_weights(X, lam) - np.eye(X.shape[1]),
                "The sign is turned: B_ij = -P_ij / P_jj.": lambda X, lam: -ease_weights(X, lam),
                "That is ridge regression with its diagonal erased afterward: the others were fitted beside it.":
                    lambda X, lam: _without_diagonal(np.linalg.solve(X.T @ X + lam * np.eye(X.shape[1]), X.T @ X)),
                "That is the negative inverse: each column still has to be divided by P_jj.":
                    lambda X, lam: _without_diagonal(-np.linalg.inv(X.T @ X + lam * np.eye(X.shape[1]))),
                "The Gram matrix lacks lam on its diagonal.": lambda X, lam: ease_weights(X, 0.0),
                "You added lam to every cell. It belongs on the diagonal: lam * np.eye(n_items).":
                    lambda X, lam: _from_inverse(np.linalg.inv(X.T @ X + lam)),
                "That compares people; you want films: X.T @ X.": lambda X, lam: ease_weights(X.T, lam),
            },
        ),
    ],
    predictions=[
        Prediction(
            "P6.1",
            "BPR alone learns an order: which of two films comes first. iALS and EASE fit squared errors to 0 and 1. "
            "By nDCG@10 on MovieLens, where does BPR stand after 30 epochs, beside iALS, EASE and PureSVD of "
            "chapter 04?",
            {"a": "first", "b": "in between", "c": "last of the four"},
            outcome=_place_of_bpr,
        ),
    ],
    quiz=[
        Question(
            "O6.1", "Alpha is 4. Ben opened one film three times, another never. What does iALS aim at, how surely?",
            {
                "a": ("At 3 and 0, both with confidence 1.", "The count is no target: nobody wants a film three-fold."),
                "b": ("At 1 with confidence 13, and at 0 with confidence 1.",
                      "Right: the count sets the weight, and an empty cell is a weak no."),
                "c": ("At 1 with confidence 12, and the empty cell is left out.",
                      "Without the empty cells a score of 1 everywhere would be perfect."),
            },
            answer="b",
        ),
        Question(
            "O6.2", "What does the Gram trick save?",
            {
                "a": ("The sum over empty cells for each person: HᵀH holds it, once for all.",
                      "Right: only the cells that a person met are added row by row."),
                "b": ("The penalty: HᵀH replaces it.", "The ridge still stands on the diagonal."),
                "c": ("Accuracy: empty cells are approximated.", "It is exact: the same sum in another order."),
            },
            answer="a",
        ),
        Question(
            "O6.2", "Three conjugate-gradient steps do not solve a row of 64 factors. Why does iALS get there?",
            {
                "a": ("Three steps always solve it.", "Sixty-four steps do, in exact arithmetic."),
                "b": ("The error cancels between users and items.", "Errors do not cancel; they get smaller."),
                "c": ("Each pass starts where the last one ended, and no step raises the objective.",
                      "Right: an exact answer to a question that changes in the next half step is wasted."),
            },
            answer="c",
        ),
        Question(
            "O6.3", "In which pair does BPR change the factors most?",
            {
                "a": ("One where the film met already scores far above the other.", "There sigmoid(-x) is near 0."),
                "b": ("One where the film not met scores far above the film met.",
                      "Right: sigmoid(-x) is near 1, whatever the places in the list."),
                "c": ("One near the top of the list.", "The loss does not know places, only differences of scores."),
            },
            answer="b",
        ),
        Question(
            "O6.4", "EASE gives Chase a negative weight for Waltz. What does that say?",
            {
                "a": ("People who met Chase dislike Waltz.", "Nobody was asked; EASE sees who met what."),
                "b": ("They were never met by the same person.",
                      "Then the weight would be 0 if no third film joined them."),
                "c": ("Given the other films met, having met Chase speaks against Waltz.",
                      "Right: it takes back what those other films would claim for Waltz."),
            },
            answer="c",
        ),
    ],
)  # fmt: skip
