"""Chapter 18, Fast and large."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from recsys_teach.learn.schema import Chapter, Decision, Exercise, Prediction, Question

Q_TINY = np.array([[1.0], [2.0]])
Q_SMALL = np.array([[1.0, 0.0], [0.5, 1.0], [0.0, -2.0]])
Q_WIDE = np.array([[1.0, 0.5, 0.0], [0.0, 1.0, -1.0], [2.0, 0.0, 1.0], [0.5, 0.5, 0.5]])


def exponent(sizes: np.ndarray, costs: np.ndarray) -> float:
    """Slope of log cost over log size, by least squares."""
    return float(np.round(np.polyfit(np.log(sizes), np.log(costs), 1)[0], 12)) + 0.0


def solve_batch(columns: np.ndarray, values: np.ndarray, Q: np.ndarray, regularization: float) -> np.ndarray:
    """Ridge regressions of several people at once; the column len(Q) is padding."""
    X = np.vstack([Q, np.zeros_like(Q[:1])])[columns]
    return _solved(X, values, regularization)


def floor_seconds(n_ratings: float, n_users: float, n_factors: int, bytes_per_number: int, bandwidth: float) -> float:
    """Seconds in which the bytes of one pass can move."""
    traffic = n_ratings * (4 + bytes_per_number) + n_users * n_factors * bytes_per_number
    return traffic / (bandwidth * 1e9)


def best_of_n(validation: np.ndarray, test: np.ndarray) -> tuple[float, float]:
    """Mean validation score of the winners, and mean test score of the same settings."""
    winner = validation.argmax(axis=1)
    rows = np.arange(len(validation))
    return float(validation[rows, winner].mean()), float(test[rows, winner].mean())


def successive_halving(scores: np.ndarray, first: int) -> tuple[int, int]:
    """Return the winner, and the epochs that were spent."""
    alive, spent, trained = np.arange(len(scores)), 0, 0
    for j in range(scores.shape[1]):
        spent += len(alive) * (first * 2**j - trained)
        trained = first * 2**j
        order = np.argsort(-scores[alive, j], kind="stable")
        alive = np.sort(alive[order[: len(alive) // 2]]) if j < scores.shape[1] - 1 else alive[order[:1]]
    return int(alive[0]), int(spent)


def assemble(parts: list[tuple[np.ndarray, np.ndarray, float]], n_rows: int) -> tuple[np.ndarray, float]:
    """Put the solved rows of all shards into one table, and add up the losses."""
    factors = np.zeros((n_rows, parts[0][1].shape[1]))
    for rows, solved, _ in parts:
        factors[rows] = solved
    return factors, float(sum(loss for _, _, loss in parts))


def plan(n_ratings: float, n_users: float, n_items: float, n_factors: int, memory_gb: float) -> tuple[int, float, bool]:
    """Workers, gigabytes on the network in an epoch, and whether the largest broadcast fits."""
    half = memory_gb * 1e9 / 2
    n_workers = math.ceil(16 * n_ratings / half)
    tables = 4 * n_factors * (n_users + n_items)
    return n_workers, (n_workers + 1) * tables / 1e9, bool(4 * n_factors * max(n_users, n_items) <= half)


def _solved(X: np.ndarray, values: np.ndarray, regularization: Any) -> np.ndarray:
    """Solve the normal equations of each design in a stack."""
    penalty = np.asarray(regularization, dtype=float).reshape(-1, 1, 1) * np.eye(X.shape[2])
    right = np.matmul(values[:, None], X)[:, 0]
    return np.linalg.solve(np.matmul(X.swapaxes(1, 2), X) + penalty, right[..., None])[..., 0]


def _padded(columns: np.ndarray, Q: np.ndarray) -> np.ndarray:
    return np.vstack([Q, np.zeros_like(Q[:1])])[columns]


def _halving(
    scores: np.ndarray,
    first: int,
    *,
    worst: bool = False,
    restart: bool = False,
    keep: Any = None,
    in_order: bool = True,
    to_the_end: bool = False,
) -> tuple:
    """Successive halving with a slip."""
    alive, spent, trained = np.arange(len(scores)), 0, 0
    for j in range(scores.shape[1]):
        spent += len(alive) * (first * 2**j - (0 if restart else trained))
        trained = first * 2**j
        order = np.argsort(scores[alive, j] if worst else -scores[alive, j], kind="stable")
        n = len(alive) // 2 if keep is None else keep(len(alive))
        is_last = j == scores.shape[1] - 1 and not to_the_end
        alive = alive[order[: 1 if is_last else max(n, 1)]]
        alive = np.sort(alive) if in_order else alive
    return int(alive[0]), int(spent)


def _local_positions(scores: np.ndarray, first: int) -> tuple[int, int]:
    """Return the position of the winner among the last survivors."""
    alive = np.arange(len(scores))
    for j in range(scores.shape[1] - 1):
        order = np.argsort(-scores[alive, j], kind="stable")
        alive = np.sort(alive[order[: len(alive) // 2]])
    return int(np.argmax(scores[alive, -1])), successive_halving(scores, first)[1]


def _first_round_only(scores: np.ndarray, first: int) -> tuple[int, int]:
    return int(np.argmax(scores[:, 0])), successive_halving(scores, first)[1]


def _stacked(parts: list) -> np.ndarray:
    return np.concatenate([solved for _, solved, _ in parts])


def _rows(parts: list) -> np.ndarray:
    return np.concatenate([rows for rows, _, _ in parts])


def _loss(parts: list) -> float:
    return float(sum(loss for _, _, loss in parts))


def _gathered(parts: list, n_rows: int) -> tuple[np.ndarray, float]:
    return _stacked(parts)[_rows(parts)], _loss(parts)


def _draw_costs(rng: np.random.Generator) -> tuple:
    sizes = np.sort(rng.integers(10, 10_000, size=5)).astype(float)
    return sizes, 0.01 * sizes ** rng.uniform(0.5, 2.5) * rng.uniform(0.8, 1.2, size=5)


def _draw_batch(rng: np.random.Generator) -> tuple:
    Q = rng.normal(size=(6, 2))
    lengths = rng.integers(1, 5, size=4)
    is_cell = np.arange(4) < lengths[:, None]
    columns = np.where(is_cell, [rng.permutation(6)[:4] for _ in range(4)], 6)
    return columns, np.where(is_cell, rng.normal(size=(4, 4)), 0), Q, float(rng.uniform(0.5, 3))


def _draw_scores(rng: np.random.Generator) -> tuple:
    return rng.uniform(size=(4, 6)).round(3), rng.uniform(size=(4, 6)).round(3)


def _draw_halving(rng: np.random.Generator) -> tuple:
    return rng.permutation(27).reshape(9, 3) / 100, int(rng.integers(1, 4))


def _draw_parts(rng: np.random.Generator) -> tuple:
    order = rng.permutation(7)
    return [(rows, rng.normal(size=(len(rows), 2)), float(rng.uniform(1, 9))) for rows in np.split(order, [3, 5])], 7


P2 = "Your result is a single number. The contract asks for two: "

# fmt: off
CHAPTER = Chapter(
    number="18",
    title="Fast and large",
    objectives={
        "O18.1": "Profile a slow loop, and predict from exponents what is slow at a larger size",
        "O18.2": "Solve many small systems in one batch, and compare a time with the floor of memory traffic",
        "O18.3": "Spend a budget for tuning by successive halving, and report a score that the choice did not inflate",
        "O18.4": "Cut a factorization into shards, and decide by arithmetic when a cluster pays",
    },
    exercises=[
        Exercise(
            "18.1",
            "The exponent of a cost",
            objective="O18.1",
            level="warm-up",
            minutes=6,
            reference=exponent,
            cases=[
                (np.array([1.0, 2.0, 4.0]), np.array([3.0, 12.0, 48.0])),
                (np.array([10.0, 100.0]), np.array([5.0, 5.0])),  # a cost that does not grow
                (np.array([10.0, 1000.0]), np.array([0.02, 2.0])),
                (np.array([100.0, 400.0, 200.0, 800.0]), np.array([1.0, 9.0, 2.5, 40.0])),  # sizes in any order
                (np.array([1.0, 2.0, 8.0]), np.array([8.0, 4.0, 1.0])),  # a cost that falls
            ],
            draw=_draw_costs,
            properties={
                "You returned several numbers, and the exponent is a single one. If you use np.polyfit(x, y, 1): "
                "it returns "
                "the slope and the intercept, and the exponent is the slope.":
                    lambda args, result: np.ndim(result) == 0,
                "Your result is NaN or infinite. All sizes and costs are above 0, so every logarithm exists.":
                    lambda args, result: bool(np.isfinite(result)),
            },
            why="A power law is a straight line in logarithms, and its exponent is the slope of this line.",
            hints=(
                "cost = c · size^p becomes log cost = log c + p · log size. Which of these is the slope of a line?",
                "np.polyfit(x, y, 1) returns slope and intercept of the best line. What are x and y here?",
                "Take np.log of both arrays, fit the line, and return its first number.",
            ),
            misconceptions={
                "You averaged the slopes between neighbors. Fit one line to all values, with np.polyfit.":
                    lambda s, c: np.mean(np.diff(np.log(c)) / np.diff(np.log(s))),
                "You returned 2, the result of the mini-case. Compute it from the arguments.":
                    lambda s, c: 2,
                "You returned by how much the cost grows from the first to the last size. The exponent is the slope of "
                "log cost over log size.":
                    lambda s, c: c[-1] / c[0],
                "You fitted a line to the costs themselves. Take the logarithm of the sizes and of the costs first.":
                    lambda s, c: np.polyfit(s, c, 1)[0],
                "You took the logarithm of the costs only. Take it of the sizes, too.":
                    lambda s, c: np.polyfit(
                    s, np.log(c), 1
                )[0],
                "You took the logarithm of the sizes only. Take it of the costs, too.":
                    lambda s, c: np.polyfit(
                    np.log(s), c, 1
                )[0],
                "Your axes are exchanged: the slope says how the cost (y) grows with the size (x).":
                    lambda s, c: np.polyfit(
                    np.log(c), np.log(s), 1
                )[0]
                if np.ptp(c)
                else 0.0,
                "You returned the intercept, the second number of np.polyfit. The slope is the first.":
                    lambda s, c: np.polyfit(np.log(s), np.log(c), 1)[1],
                "Your result fits the first and the last value only. Use all of them: np.polyfit fits the best line.":
                    lambda s, c: np.log(c[-1] / c[0]) / np.log(s[-1] / s[0]),
                "Your result fits the last two values only. Use all of them: np.polyfit fits the best line.":
                    lambda s, c: np.log(c[-1] / c[-2]) / np.log(s[-1] / s[-2]),
                "You divided the growth of the cost by the growth of the size. An exponent compares their logarithms.":
                    lambda s, c: (c[-1] / c[0]) / (s[-1] / s[0]),
                "You returned by how much the cost grows when the size doubles, 2 to the power p. Return p.":
                    lambda s, c: 2 ** exponent(s, c),
                "You averaged log cost / log size. A factor in front of the power spoils this; fit a line.":
                    lambda s, c: float(np.mean(np.log(c[s > 1]) / np.log(s[s > 1]))),
            },
        ),
        Exercise(
            "18.2",
            "Solve a batch",
            objective="O18.2",
            level="core",
            minutes=12,
            reference=solve_batch,
            cases=[
                (np.array([[0, 1], [1, 2]]), np.array([[3.0, 4.0], [5.0, 0.0]]), Q_TINY, 1.0),
                (np.array([[2, 0, 1]]), np.array([[1.0, -1.0, 0.0]]), Q_SMALL, 0.5),
                (
                    np.array([[0, 1, 2], [1, 3, 3], [3, 3, 3], [2, 1, 3]]),
                    np.array([[1.0, 2.0, -1.0], [-2.0, 0.0, 0.0], [0.0, 0.0, 0.0], [3.0, 1.5, 0.0]]),
                    Q_SMALL,
                    2.0,
                ),
                (
                    np.array([[0, 1, 2, 3], [3, 2, 0, 4]]),
                    np.array([[1.0, -1.0, 2.0, 0.5], [-3.0, 1.0, 0.5, 0.0]]),
                    Q_WIDE,
                    1.5,
                ),
            ],
            draw=_draw_batch,
            properties={
                "Your result has the shape (m, n_factors, 1). Take the last axis away with [..., 0].":
                    lambda args, P: np.shape(P) != (len(args[0]), args[2].shape[1], 1),
                "Your result is one row for all people. Keep the first axis: each person has a system of equations.":
                    lambda args, P: len(args[0]) == 1
                    or np.shape(P) not in {(args[2].shape[1],), (1, args[2].shape[1])},
                "Your result has NaN or infinity. With regularization > 0 each system has exactly one solution.":
                    lambda args, P: bool(np.isfinite(np.asarray(P, dtype=float)).all()),
            },
            why="np.matmul and np.linalg.solve repeat the same work for every matrix of a stack, without a Python "
            "loop.",
            hints=(
                "Append a row of zeros to Q, so that the padded column reads zeros. Which shape has Q_padded[columns]?",
                "With X of shape (m, length, k): np.matmul(X.swapaxes(1, 2), X) has the shape (m, k, k); add "
                "regularization * np.eye(k).",
                "The right side is np.matmul(values[:, None], X)[:, 0]. np.linalg.solve wants it as (m, k, 1), so add "
                "an axis with [..., None] and take it away again.",
            ),
            misconceptions={
                "The ratings have no part in your right sides. They are the sums of rating times vector.":
                    lambda columns, values, Q, lam: _solved(_padded(columns, Q), np.ones_like(values), lam),
                "You multiplied the matrices by a factor. The regularization is added to their diagonal.":
                    lambda columns, values, Q, lam: _solved(_padded(columns, Q), values, 1e-9) / (1 + lam),
                "You subtracted the regularization. It is added to the diagonal.":
                    lambda columns, values, Q, lam: _solved(_padded(columns, Q), values, -lam),
                "You divided entry by entry. The matrices also have entries beside the diagonal: use np.linalg.solve.":
                    lambda columns, values, Q, lam: np.matmul(values[:, None], _padded(columns, Q))[:, 0]
                    / ((_padded(columns, Q) ** 2).sum(axis=1) + lam),
                "You added the regularization to every entry of the matrices. Only the diagonal gets it: "
                "regularization * np.eye(k).":
                    lambda columns, values, Q, lam: np.linalg.solve(
                    np.matmul(_padded(columns, Q).swapaxes(1, 2), _padded(columns, Q))
                    + lam
                    + 1e-9 * np.eye(Q.shape[1]),
                    np.matmul(values[:, None], _padded(columns, Q))[:, 0][..., None],
                )[..., 0],
                "Padding takes part in your sums: it reads the last film of Q. Append a row of zeros to Q first.":
                    lambda columns, values, Q, lam: _solved(Q[np.minimum(columns, len(Q) - 1)], values, lam),
                "Padding takes part in your sums: it reads the first film of Q. Append a row of zeros to Q first.":
                    lambda columns, values, Q, lam: _solved(Q[np.where(columns < len(Q), columns, 0)], values, lam),
                "Padding takes part in your sums: it reads a row of ones. Append a row of zeros.":
                    lambda columns, values, Q, lam: _solved(np.vstack([Q, np.ones_like(Q[:1])])[columns], values, lam),
                "The regularization is missing, or too small. Add regularization * np.eye(k) to the matrices.":
                    lambda columns, values, Q, lam: _solved(_padded(columns, Q), values, 1e-12),
                "You multiplied the regularization by the number of ratings of each person. Here it is the same for "
                "all.":
                    lambda columns, values, Q, lam: _solved(
                    _padded(columns, Q), values, np.maximum(lam * (columns < len(Q)).sum(axis=1), 1e-12)
                ),
                "You multiplied the regularization by the length of the batch. It is added as it is.":
                    lambda columns, values, Q, lam: _solved(_padded(columns, Q), values, lam * columns.shape[1]),
                "You divided the regularization by the number of ratings. It is added as it is, to sums and not to "
                "means.":
                    lambda columns, values, Q, lam: _solved(
                    _padded(columns, Q), values, lam / np.maximum((columns < len(Q)).sum(axis=1), 1)
                ),
                "You returned the right sides Xᵀy. Solve the systems with np.linalg.solve.":
                    lambda columns, values, Q, lam: np.matmul(values[:, None], _padded(columns, Q))[:, 0],
                "You added the matrices of all people up. Each person has a separate system: keep the first axis.":
                    lambda columns, values, Q, lam: np.linalg.solve(
                    np.matmul(_padded(columns, Q).swapaxes(1, 2), _padded(columns, Q)).sum(axis=0)
                    + lam * np.eye(Q.shape[1]),
                    np.matmul(values[:, None], _padded(columns, Q))[:, 0].T,
                ).T,
                "Your result fits a regularization of 1, whatever the argument is. Use the argument.":
                    lambda columns, values, Q, lam: _solved(_padded(columns, Q), values, 1.0),
                "Your result is the right one times -1. Check the sign of the right side.":
                    lambda columns, values, Q, lam: -solve_batch(columns, values, Q, lam),
                "You squared the regularization. Add it as it is.":
                    lambda columns, values, Q, lam: _solved(
                    _padded(columns, Q), values, lam**2
                ),
                "You multiplied by the matrix and did not solve with it. np.linalg.solve(A, b) finds w with A w = b.":
                    lambda columns, values, Q, lam: np.matmul(
                    np.matmul(_padded(columns, Q).swapaxes(1, 2), _padded(columns, Q)) + lam * np.eye(Q.shape[1]),
                    np.matmul(values[:, None], _padded(columns, Q))[:, 0][..., None],
                )[..., 0],
            },
        ),
        Exercise(
            "18.3",
            "The floor of a pass",
            objective="O18.2",
            level="core",
            minutes=6,
            reference=floor_seconds,
            cases=[
                (1e6, 1e4, 20, 4, 4.0),
                (2e6, 0, 5, 4, 2.0),  # nobody to write
                (3e6, 5e5, 10, 8, 6.0),
                (0, 2e6, 16, 4, 8.0),
                (100_480_507, 480_189, 64, 4, 9.5),
            ],
            properties={
                "You returned an array or several numbers. The floor is one number, in seconds.":
                    lambda args, result: np.ndim(result) == 0,
            },
            why="Each rating is read once and each factor written once; no code can be faster than these bytes move.",
            hints=(
                "Two kinds of bytes move: those of the ratings that are read, and those of the factors that are "
                "written. Count them separately.",
                "A rating has 4 bytes for the film and bytes_per_number for the stars. A person has n_factors numbers.",
                "Add the two, and divide by the bandwidth in bytes per second: bandwidth * 1e9.",
            ),
            misconceptions={
                "You returned the result of the mini-case. Compute it from the arguments.":
                    lambda n, u, k, b, w: 0.0022,
                "You also counted the factors of a film for each rating. They stay in the cache, and are not part "
                "of this "
                "floor.":
                    lambda n, u, k, b, w: (n * (4 + b) + (n + u) * k * b) / (w * 1e9),
                "You counted the factors of one person. Each of the n_users people has n_factors numbers.":
                    lambda n, u, k, b, w: (n * (4 + b) + k * b) / (w * 1e9),
                "You left out the position of the film, 4 bytes for each rating.":
                    lambda n, u, k, b, w: (
                    n * b + u * k * b
                )
                / (w * 1e9),
                "You counted bytes_per_number for the position of the film, too. It always has 4 bytes.":
                    lambda n, u, k, b, w: (n * 2 * b + u * k * b) / (w * 1e9),
                "You left out the factors that are written, n_factors numbers for each person.":
                    lambda n, u, k, b, w: (
                    n * (4 + b)
                )
                / (w * 1e9),
                "You counted one number for each person. Each person has n_factors numbers.":
                    lambda n, u, k, b, w: (
                    n * (4 + b) + u * b
                )
                / (w * 1e9),
                "You counted numbers for the factors and not their bytes: multiply by bytes_per_number.":
                    lambda n, u, k, b, w: (n * (4 + b) + u * k) / (w * 1e9),
                "You counted n_factors numbers for each rating. The films' factors stay in the cache; they are "
                "not part "
                "of this floor.":
                    lambda n, u, k, b, w: (n * (4 + b) * k + u * k * b) / (w * 1e9),
                "A gigabyte of bandwidth is 10⁹ bytes here, not 2³⁰.":
                    lambda n, u, k, b, w: floor_seconds(n, u, k, b, w)
                * 1e9
                / 2**30,
                "You returned bytes. Divide by the bandwidth, in bytes per second.":
                    lambda n, u, k, b, w: floor_seconds(
                    n, u, k, b, w
                )
                * w
                * 1e9,
                "You returned gigabytes. Divide them by the bandwidth.":
                    lambda n, u, k, b, w: floor_seconds(n, u, k, b, w)
                * w,
                "The unit of the bandwidth is missing: it is in gigabytes per second, so multiply it by 1e9.":
                    lambda n, u, k, b, w: floor_seconds(n, u, k, b, w) * 1e9,
                "You counted bits. The bandwidth is in bytes, so no factor of 8 is needed.":
                    lambda n, u, k, b, w: floor_seconds(
                    n, u, k, b, w
                )
                * 8,
                "You multiplied by the bandwidth. More bandwidth means less time: divide.":
                    lambda n, u, k, b, w: floor_seconds(
                    n, u, k, b, w
                )
                * w**2,
                "You counted the factors twice. They are written once and not read.":
                    lambda n, u, k, b, w: (
                    n * (4 + b) + 2 * u * k * b
                )
                / (w * 1e9),
            },
            atol=1e-12,
        ),
        Exercise(
            "18.4",
            "What the winner is worth",
            objective="O18.3",
            level="core",
            minutes=8,
            reference=best_of_n,
            cases=[
                (np.array([[0.3, 0.5], [0.6, 0.2]]), np.array([[0.4, 0.3], [0.1, 0.7]])),
                (np.array([[0.2, 0.2, 0.1]]), np.array([[0.3, 0.9, 0.5]])),  # a tie: the first one wins
                (np.array([[0.5], [0.1], [0.3]]), np.array([[0.2], [0.4], [0.0]])),
                (
                    np.array([[0.1, 0.7, 0.3], [0.9, 0.8, 0.1], [0.2, 0.4, 0.6], [-0.3, -0.1, -0.2]]),
                    np.array([[0.5, 0.2, 0.1], [0.3, 0.6, 0.9], [0.8, 0.1, 0.4], [-0.2, -0.5, 0.0]]),
                ),
            ],
            draw=_draw_scores,
            properties={
                P2 + "the mean validation score of the winners, and the mean of their test scores.":
                    lambda args, result: np.size(
                    result
                )
                > 1,
                "You returned a number for each repetition. Take the mean over the repetitions at the end.":
                    lambda args, result: all(np.ndim(part) == 0 for part in result),
            },
            why="The winner is chosen by its validation score, luck included; on the test set the luck is drawn again.",
            hints=(
                "For each row, which setting has the best validation score? Then look at the same setting in test.",
                "winner = validation.argmax(axis=1), and rows = np.arange(len(validation)).",
                "validation[rows, winner] has the winners' scores. The same index works for test.",
            ),
            misconceptions={
                "Your test score is the mean over every winner in every repetition: test[:, winner] has all rows. "
                "Take rows "
                "and winners in pairs: test[rows, winner].":
                    lambda v, t: (v.max(axis=1).mean(), t[:, v.argmax(axis=1)].mean()),
                "Your test score is the best test score of each row. Nobody knows which setting that is: take the "
                "setting that won on validation.":
                    lambda v, t: (float(v.max(axis=1).mean()), float(t.max(axis=1).mean())),
                "Your test score is the mean of all settings. Take only the setting that won on validation.":
                    lambda v, t: (float(v.max(axis=1).mean()), float(t.mean())),
                "You averaged all settings. Choose the best setting of each row first.":
                    lambda v, t: (
                    float(v.mean()),
                    float(t.mean()),
                ),
                "You chose by the test scores. The choice is made on validation alone.":
                    lambda v, t: (
                    float(v[np.arange(len(v)), t.argmax(axis=1)].mean()),
                    float(t.max(axis=1).mean()),
                ),
                "You chose one setting for all repetitions. Each row is a separate choice: argmax(axis=1).":
                    lambda v, t: (
                    float(v[:, v.mean(axis=0).argmax()].mean()),
                    float(t[:, v.mean(axis=0).argmax()].mean()),
                ),
                "You took the best row of each column (axis=0). The settings of one choice are in one row: axis=1.":
                    lambda v, t: (
                    float(v[v.argmax(axis=0), np.arange(v.shape[1])].mean()),
                    float(t[v.argmax(axis=0), np.arange(v.shape[1])].mean()),
                ),
                "The two numbers changed places: first validation, then test.":
                    lambda v, t: best_of_n(v, t)[::-1],
                "You took the smallest validation score. Higher is better here: argmax.":
                    lambda v, t: (
                    float(v.min(axis=1).mean()),
                    float(t[np.arange(len(t)), v.argmin(axis=1)].mean()),
                ),
                "In a tie you took the last of the best settings. Take the first one, as argmax does.":
                    lambda v, t: (
                    float(v.max(axis=1).mean()),
                    float(t[np.arange(len(t)), v.shape[1] - 1 - v[:, ::-1].argmax(axis=1)].mean()),
                ),
                "You took only the best of all repetitions. Take the mean over the repetitions.":
                    lambda v, t: (
                    float(v.max()),
                    float(t[np.unravel_index(v.argmax(), v.shape)]),
                ),
                "You returned sums. Take means over the repetitions.":
                    lambda v, t: (
                    best_of_n(v, t)[0] * len(v),
                    best_of_n(v, t)[1] * len(v),
                ),
            },
        ),
        Exercise(
            "18.5",
            "Successive halving",
            objective="O18.3",
            level="core",
            minutes=13,
            reference=successive_halving,
            cases=[
                (np.array([[0.2, 0.9], [0.4, 0.3], [0.1, 0.8], [0.3, 0.5]]), 1),
                (np.array([[0.1], [0.3], [0.3]]), 5),  # one round, and a tie
                (np.array([[0.5, 0.6], [0.7, 0.2], [0.6, 0.4], [0.1, 0.9], [0.2, 0.8]]), 3),  # 5 settings: 2 stay
                (
                    np.array(
                        [
                            [0.10, 0.50, 0.90],
                            [0.40, 0.45, 0.50],
                            [0.35, 0.30, 0.95],
                            [0.05, 0.99, 0.10],
                            [0.45, 0.20, 0.80],
                            [0.30, 0.60, 0.40],
                            [0.50, 0.55, 0.45],
                            [0.20, 0.10, 0.70],
                        ]
                    ),
                    2,
                ),
                (np.array([[0.3, 0.1, 0.2], [0.3, 0.2, 0.4], [0.3, 0.2, 0.9], [0.3, 0.9, 0.9]]), 1),  # ties
                (np.array([[0.3, 0.5], [0.4, 0.5], [0.1, 0.9], [0.2, 0.9]]), 1),  # a tie, the other way round before
                (np.array([[0.1, 0.9], [0.2, 0.1], [0.3, 0.1], [0.4, 0.2], [0.5, 0.1], [0.6, 0.3], [0.35, 0.95]]), 1),
                (np.array([[0.8], [0.2], [0.1], [0.9]]), 3),  # one round, four settings
            ],
            draw=_draw_halving,
            properties={
                P2 + "the number of the winner, and the epochs that were spent.":
                    lambda args, result: np.size(result) == 2,
                "The first number is the position of the winner, counted from 0; yours is not one of the settings.":
                    lambda args, result: 0 <= np.ravel(result)[0] < len(args[0]),
                "The first number is a position, a whole number. Yours is a fraction: return the setting, not its "
                "score.":
                    lambda args, result: float(np.ravel(result)[0]).is_integer(),
            },
            why="Each round costs the same, because half as many settings are trained twice as long.",
            hints=(
                "Keep an array with the numbers of the settings that are still alive. Each round trains, ranks and "
                "halves it.",
                "In round j the survivors are trained up to first * 2**j epochs. How many epochs did they have before?",
                "order = np.argsort(-scores[alive, j], kind='stable'); then alive[order[: len(alive) // 2]], "
                "sorted. In "
                "the last round the best one of alive wins.",
            ),
            misconceptions={
                "Your rounds all cost `first` epochs for each survivor. From round 1 on, the epochs double: a "
                "survivor of "
                "round j trains first * 2**(j - 1) more.":
                    lambda s, f: (successive_halving(s, f)[0], f * sum(len(s) // 2**j for j in range(s.shape[1]))),
                "You chose by the mean over the rounds. Each round is judged by its own column.":
                    lambda s, f: (int(s.mean(axis=1).argmax()), successive_halving(s, f)[1]),
                "You chose by the best score in any round. Each round is judged by its own column, among the "
                "survivors.":
                    lambda s, f: (int(s.max(axis=1).argmax()), successive_halving(s, f)[1]),
                "Your epochs count every round from the start. The survivors go on training, so a round costs only the "
                "additional epochs.":
                    lambda s, f: _halving(s, f, restart=True),
                "You chose the best of all settings in the last column. Most of them were dropped before and never "
                "trained that long.":
                    lambda s, f: (int(np.argmax(s[:, -1])), successive_halving(s, f)[1]),
                "You kept the worse half. Higher scores are better.":
                    lambda s, f: _halving(s, f, worst=True),
                "You decided by the first column alone. Each round ranks the survivors by its own column.":
                    _first_round_only,
                "Your winner is its position among the last survivors. Return its number among all settings.":
                    _local_positions,
                "Your winner is one of several with the best last score, and another one has a smaller number. In "
                "a tie "
                "the smaller number is better: put the survivors back in order (np.sort) before you rank them again.":
                    lambda s, f: _halving(s, f, in_order=False),
                "You rounded half of an odd number. Keep len(alive) // 2.":
                    lambda s, f: _halving(s, f, keep=lambda n: round(n / 2)),
                "You halved after the last round, too, and took the first survivor. There the best of all survivors "
                "wins.":
                    lambda s, f: _halving(s, f, to_the_end=True),
                "You kept one more than half where the number is odd. Keep len(alive) // 2.":
                    lambda s, f: _halving(
                    s, f, keep=lambda n: -(-n // 2)
                ),
                "Your epochs are too few: in round 0 all settings are trained for `first` epochs.":
                    lambda s, f: (
                    successive_halving(s, f)[0],
                    successive_halving(s, f)[1] - len(s) * f,
                ),
                "You counted the trainings and not their epochs. A round costs (settings) times (additional epochs).":
                    lambda s, f: (successive_halving(s, f)[0], sum(len(s) // 2**j for j in range(s.shape[1]))),
                "Your epochs fit first = 1, whatever the argument is.":
                    lambda s, f: successive_halving(s, 1),
                "Your epochs are those of training every setting to the end. The dropped ones stop early.":
                    lambda s, f: (
                    successive_halving(s, f)[0],
                    len(s) * f * 2 ** (s.shape[1] - 1),
                ),
                "You halved once more after the last round, or one round is missing. Every column is one round.":
                    lambda s, f: successive_halving(s[:, :-1], f) if s.shape[1] > 1 else (0, 0),
                "In a tie you preferred the setting with the larger number. Prefer the smaller one: a stable sort of "
                "the negative scores does.":
                    lambda s, f: (
                    len(s) - 1 - successive_halving(s[::-1], f)[0],
                    successive_halving(s, f)[1],
                ),
                "The two numbers changed places: first the winner, then the epochs.":
                    lambda s, f: successive_halving(s, f)[
                    ::-1
                ],
            },
        ),
        Exercise(
            "18.6",
            "Put the shards together",
            objective="O18.4",
            level="core",
            minutes=7,
            reference=assemble,
            cases=[
                ([(np.array([2, 0]), np.array([[5.0], [6.0]]), 1.5), (np.array([1]), np.array([[7.0]]), 2.0)], 3),
                ([(np.array([0, 1]), np.array([[1.0, -2.0], [0.0, 3.0]]), 4.0)], 2),  # one shard
                (
                    [
                        (np.array([3]), np.array([[1.0, 2.0, 3.0]]), 0.5),
                        (np.array([1, 4]), np.array([[4.0, 0.0, 5.0], [0.0, 0.0, 0.0]]), 0.0),
                        (np.array([2, 0]), np.array([[-1.0, 1.0, 2.0], [8.0, 7.0, 6.0]]), 3.0),
                    ],
                    5,
                ),
                (
                    [
                        (np.array([1]), np.array([[2.0, 4.0]]), 1.0),
                        (np.array([2]), np.array([[3.0, 9.0]]), 2.0),
                        (np.array([3]), np.array([[4.0, 16.0]]), 3.0),
                        (np.array([0]), np.array([[1.0, 1.0]]), 4.0),
                    ],
                    4,
                ),
            ],
            draw=_draw_parts,
            properties={
                "The contract asks for two results, the factors and the loss: return factors, loss.":
                    lambda args, result: isinstance(result, tuple | list) and len(result) == 2,
                "Your table has another number of rows than n_rows.":
                    lambda args, result: np.ndim(result[0]) == 0
                or len(result[0]) == args[1],
                "Your loss is not a single number. Add up the losses of the shards.":
                    lambda args, result: np.ndim(result[1])
                == 0,
            },
            why="Every row knows its place, so the shards may arrive in any order; sums do not depend on the order.",
            hints=(
                "Make an empty table of n_rows rows. Where does the first solved row of a shard belong?",
                "table[rows] = solved writes several rows at once: row rows[0] gets solved[0], and so on.",
                "Loop over rows, solved, loss in parts; write the rows and add the loss.",
            ),
            misconceptions={
                "You sorted the rows inside each shard. They must also be sorted across the shards: table[rows] = "
                "solved.":
                    lambda parts, n: (
                        np.concatenate([solved[np.argsort(rows)] for rows, solved, _ in parts]), _loss(parts)),
                "You put the rows one below the other in the order of arrival. Row solved[0] of a shard belongs to "
                "rows[0] of the table.":
                    lambda parts, n: (_stacked(parts), _loss(parts)),
                "You used the positions the wrong way round: stacked[rows] reads row rows[0] first. Write instead: "
                "table[rows] = solved.": _gathered,
                "You averaged the losses. The loss of all rows is the sum.":
                    lambda parts, n: (
                    assemble(parts, n)[0],
                    _loss(parts) / len(parts),
                ),
                "Your loss is that of the last shard. Add up the losses of all shards.":
                    lambda parts, n: (
                    assemble(parts, n)[0],
                    parts[-1][2],
                ),
                "Your loss is that of the first shard. Add up the losses of all shards.":
                    lambda parts, n: (
                    assemble(parts, n)[0],
                    parts[0][2],
                ),
                "Your loss is 0. Add up the losses of the shards.":
                    lambda parts, n: (assemble(parts, n)[0], 0.0),
                "Your table has the rows of the last shard only. Make the table once, before the loop.":
                    lambda parts, n: (
                    assemble(parts[-1:], n)[0],
                    _loss(parts),
                ),
                "You sorted the shards by their first row. The rows inside a shard are not in order either: use "
                "table[rows] = solved.":
                    lambda parts, n: (
                    _stacked(sorted(parts, key=lambda part: part[0][0])),
                    _loss(parts),
                ),
                "Your positions count from 1. They start at 0: row 0 is the first.":
                    lambda parts, n: (
                    np.roll(assemble(parts, n)[0], -1, axis=0),
                    _loss(parts),
                ),
                "The two results changed places: first the factors, then the loss.":
                    lambda parts, n: assemble(parts, n)[
                    ::-1
                ],
            },
        ),
        Exercise(
            "18.7",
            "A cluster on paper",
            objective="O18.4",
            level="core",
            minutes=10,
            reference=plan,
            cases=[
                (9e8, 1e6, 1e5, 10, 8),
                (2e6, 1e5, 1e4, 100, 4),  # one worker is enough
                (1e8, 3e6, 3e6, 50, 2),  # each table fits, both together do not
                (1e8, 1e7, 1e4, 32, 2),  # between half of the memory and all of it
                (3.1e9, 2e5, 3e7, 32, 3),  # more items than users
                (1e8, 2e7, 1e4, 32, 2),  # the users' table does not even fit into all of the memory
                (1e9, 2e6, 1e5, 10, 16),  # the ratings fill two halves exactly
            ],
            properties={
                "The contract asks for three results: return n_workers, network_gb, fits.":
                    lambda args, result: isinstance(
                    result, tuple | list
                )
                and len(result) == 3,
                "The number of workers is a whole number: round up with math.ceil.":
                    lambda args, result: float(
                    result[0]
                ).is_integer(),
                "The third result answers a question: return True or False.":
                    lambda args, result: isinstance(
                    result[2], bool | np.bool_
                ),
            },
            why="Ratings are read where they are stored, but every pass sends the factors to all workers.",
            hints=(
                "Three questions: how many halves of a memory do the ratings fill, which tables travel and how "
                "often, and is the largest of them smaller than the other half?",
                "Ratings: 16 * n_ratings bytes. Both tables together: 4 * n_factors * (n_users + n_items) bytes. They "
                "go to every worker, and one solved copy returns.",
                "n_workers = math.ceil(16 * n_ratings / half), with half = memory_gb * 1e9 / 2. The network gets "
                "(n_workers + 1) times both tables.",
            ),
            misconceptions={
                "Where the ratings fill the memories exactly, your plan has one worker too many. Use math.ceil, not "
                "int(...) + 1.":
                    lambda n, u, m, k, g: (
                    int(16 * n / (g * 5e8)) + 1,
                    (int(16 * n / (g * 5e8)) + 2) * 4 * k * (u + m) / 1e9,
                    plan(n, u, m, k, g)[2],
                ),
                "You rounded the number of workers down. The rest needs a worker, too: math.ceil.":
                    lambda n, u, m, k, g: (
                    int(16 * n / (g * 5e8)),
                    (int(16 * n / (g * 5e8)) + 1) * 4 * k * (u + m) / 1e9,
                    plan(n, u, m, k, g)[2],
                ),
                "Your number of workers is too small, about half of what is needed. The ratings are stored twice (16 "
                "bytes each), and only half of a memory is for them.":
                    lambda n, u, m, k, g: (
                        math.ceil(8 * n / (g * 5e8)),
                        (math.ceil(8 * n / (g * 5e8)) + 1) * 4 * k * (u + m) / 1e9,
                        plan(n, u, m, k, g)[2],
                    ),
                "The way back is missing on your network: the solved tables return once, so the factor is n_workers + "
                "1.":
                    lambda n, u, m, k, g: (
                    plan(n, u, m, k, g)[0],
                    plan(n, u, m, k, g)[0] * 4 * k * (u + m) / 1e9,
                    plan(n, u, m, k, g)[2],
                ),
                "Your tables travel once. Each worker needs a copy of both, and the solved ones return.":
                    lambda n, u, m, k, g: (plan(n, u, m, k, g)[0], 4 * k * (u + m) / 1e9, plan(n, u, m, k, g)[2]),
                "Your tables return from every worker. Each row is solved by one worker only, so one copy returns in "
                "all.":
                    lambda n, u, m, k, g: (
                    plan(n, u, m, k, g)[0],
                    2 * plan(n, u, m, k, g)[0] * 4 * k * (u + m) / 1e9,
                    plan(n, u, m, k, g)[2],
                ),
                "Only the items' table travels in your plan. An epoch has two passes, and the other one needs the "
                "users' table.":
                    lambda n, u, m, k, g: (
                    plan(n, u, m, k, g)[0],
                    (plan(n, u, m, k, g)[0] + 1) * 4 * k * m / 1e9,
                    plan(n, u, m, k, g)[2],
                ),
                "Only the users' table travels in your plan. An epoch has two passes, and the other one needs the "
                "items' table.":
                    lambda n, u, m, k, g: (
                    plan(n, u, m, k, g)[0],
                    (plan(n, u, m, k, g)[0] + 1) * 4 * k * u / 1e9,
                    plan(n, u, m, k, g)[2],
                ),
                "The ratings travel in your plan. They are cached by the workers: only factors travel.":
                    lambda n, u, m, k, g: (
                    plan(n, u, m, k, g)[0],
                    plan(n, u, m, k, g)[1] + 16 * n / 1e9,
                    plan(n, u, m, k, g)[2],
                ),
                "You asked whether both tables together fit. A pass broadcasts one of them at a time.":
                    lambda n, u, m, k, g: (
                    *plan(n, u, m, k, g)[:2],
                    4 * k * (u + m) <= g * 5e8,
                ),
                "You asked whether the smaller table fits. Both passes have to work, so ask for the larger one.":
                    lambda n, u, m, k, g: (
                    *plan(n, u, m, k, g)[:2],
                    4 * k * min(u, m) <= g * 5e8,
                ),
                "You asked whether the users' table fits. Here the items may be the larger table.":
                    lambda n, u, m, k, g: (
                    *plan(n, u, m, k, g)[:2],
                    4 * k * u <= g * 5e8,
                ),
                "You asked whether the items' table fits. Here the users may be the larger table.":
                    lambda n, u, m, k, g: (*plan(n, u, m, k, g)[:2], 4 * k * m <= g * 5e8),
                "You compared the table with the complete memory. Half of it is full of ratings.":
                    lambda n, u, m, k, g: (
                    *plan(n, u, m, k, g)[:2],
                    4 * k * max(u, m) <= g * 1e9,
                ),
                "Your table has one number for each row. It has n_factors numbers of 4 bytes.":
                    lambda n, u, m, k, g: (
                    plan(n, u, m, k, g)[0],
                    (plan(n, u, m, k, g)[0] + 1) * 4 * (u + m) / 1e9,
                    plan(n, u, m, k, g)[2],
                ),
                "You counted numbers and not bytes: a factor has 4 bytes.":
                    lambda n, u, m, k, g: (
                    plan(n, u, m, k, g)[0],
                    (plan(n, u, m, k, g)[0] + 1) * k * (u + m) / 1e9,
                    plan(n, u, m, k, g)[2],
                ),
                "Your network is in bytes. Divide by 1e9.":
                    lambda n, u, m, k, g: (
                    plan(n, u, m, k, g)[0],
                    plan(n, u, m, k, g)[1] * 1e9,
                    plan(n, u, m, k, g)[2],
                ),
            },
        ),
    ],
    decisions=[
        Decision(
            "18.A",
            "Which function first?",
            objective="O18.1",
            minutes=5,
            replies={
                "today": {
                    "load": "",
                    "pairs": "At 4,000 people `pairs` takes 8 s. Another function takes more.",
                    "sort": "At 4,000 people `sort` takes 4.4 s. Another function takes more.",
                },
                "at 64,000 people": {
                    "load": "From 4,000 to 64,000 is a factor of 16. `load` doubles when the people double, so it "
                    "needs 16 "
                    "· 24 = 384 s. Now do the same for the function that quadruples.",
                    "pairs": "",
                    "sort": "`sort` a bit more than doubles when the people double, so it stays below `load`. "
                    "Look at the "
                    "function that quadruples.",
                },
                "at most, if load took no time at 4,000 people": {
                    "1.5": "24 of 36.4 s would be saved. How often do the remaining 12.4 s fit into 36.4 s?",
                    "2.9": "",
                    "24": "24 s are the time that is saved, not the speed-up. Divide the time before by the time "
                    "after.",
                    "36": "The other two functions still take 12.4 s, so the total cannot become 1 s.",
                },
            },
            why="Today's profile shows today's hot spot; the exponents say which one comes next: 8 · 16² = 2,048 s.",
            hints=(
                "From one column to the next the people double. By what does each function grow?",
                "From 4,000 to 64,000 people is 16 = 2⁴, four doublings. Continue each row of the table by four "
                "columns.",
                "For the third answer, divide the total before by the total without `load`.",
            ),
        ),
        Decision(
            "18.B",
            "Which number goes into the report?",
            objective="O18.3",
            minutes=4,
            replies={
                "": {
                    "a": "This is the largest of 64 numbers that all contain luck, and it was chosen because it "
                    "is large.",
                    "b": "",
                    "c": "To know which setting is best on the test people, Ines has to look at all 64 test "
                    "scores. That "
                    "is a choice by the test set, so this number is inflated, too.",
                    "d": "Half of this number is the inflated one.",
                    "e": "The next split draws other luck, but the best of its 64 validation scores is inflated in the "
                    "same way.",
                },
            },
            why="Only this number comes from people who had no part in the choice of the setting.",
            hints=(
                "Ask of each number: was it one of several, and was it chosen because it is large?",
                "The test people may be asked once, about a setting that is fixed before.",
            ),
        ),
        Decision(
            "18.C",
            "Change one thing",
            objective="O18.4",
            minutes=5,
            replies={
                "": {
                    "a": "A broadcast has to fit on each worker. More workers mean fewer ratings for each of them, and "
                    "the table of the users stays as large as it is.",
                    "b": "Half of 32 GB is 16 GB. Compare it with the table of the users.",
                    "c": "Two bytes in place of four: 12.8 GB. Compare it with half of 16 GB.",
                    "d": "It fits, but it is another model: the condition says that the factors stay 64.",
                    "e": "",
                },
            },
            why="The larger side stays where its ratings are; only tables of the size of the smaller side travel.",
            hints=(
                "Compute for each option the size of the largest table that a worker must receive.",
                "Which table is small, and can the pass over the items be done so that only this one travels?",
            ),
        ),
    ],
    predictions=[
        Prediction(
            "P18.1",
            "Ines's loop has three parts. Which one takes the most time on MovieLens-100K?",
            {
                "a": "finding the ratings of each person in the log",
                "b": "adding the ratings to the sums, one by one",
                "c": "solving the equations",
            },
            lambda shares: max(shares, key=shares.get),
        ),
        Prediction(
            "P18.2",
            "Of 64 random starts of the same setting, Ines takes the one with the best validation score. How much "
            "better is "
            "its test score than that of an average start?",
            {
                "a": "less than 0.002 better, or not at all",
                "b": "from 0.002 to 0.02 better",
                "c": "more than 0.02 better",
            },
            lambda gain: "a" if gain < 0.002 else "b" if gain <= 0.02 else "c",
        ),
    ],
    quiz=[
        Question(
            "O18.1",
            "A function takes 2 % of the time today, and its exponent is 2. All others have exponent 1. The data "
            "grow a "
            "hundredfold. What happens to its share?",
            {
                "a": ("It stays at 2 %", "It would, if all exponents were equal."),
                "b": ("It rises to about two thirds", "2 · 100² against 98 · 100, that is 20,000 of 29,800."),
                "c": ("It rises to 4 %", "The exponent belongs to the size, which grows by 100 and not by 2."),
            },
            "b",
        ),
        Question(
            "O18.2",
            "A sum over float64 numbers runs at the floor of memory traffic. What can make it about twice as fast?",
            {
                "a": ("A better algorithm for sums", "Every byte has to be read, and it is read at full speed "
                "already."),
                "b": ("float32, where its precision is enough", "Half the bytes need less time; in section 5 it "
                "was 1.5 times as fast."),
                "c": ("A batch", "Batching removes overhead of Python, and at the floor there is none."),
            },
            "b",
        ),
        Question(
            "O18.3",
            "Why is the validation score of the best of 64 settings too high?",
            {
                "a": ("Because the model has seen the validation ratings", "It has not: it was fitted without them."),
                "b": (
                    "Because the largest of many noisy scores is likely to be a lucky one",
                    "The choice prefers luck as much as quality.",
                ),
                "c": ("Because 64 settings are too few", "With more settings the gap grows."),
            },
            "b",
        ),
        Question(
            "O18.3",
            "What can successive halving get wrong?",
            {
                "a": (
                    "It drops a setting that starts slowly and would have won",
                    "It decides by scores after few epochs.",
                ),
                "b": ("It needs more epochs than full training of all settings", "It needs far fewer."),
                "c": ("It cannot handle ties", "Any fixed rule for ties will do."),
            },
            "a",
        ),
        Question(
            "O18.4",
            "Ten million ratings take a minute in one process. Will a cluster of two workers make it faster?",
            {
                "a": ("Yes, twice as fast", "The start, copies and serialization cost more than two workers save."),
                "b": (
                    "Probably not: measure first, and think of a cluster when memory ends or many cores are needed",
                    "In the saved run Spark needs more processor time at every size.",
                ),
                "c": ("Never, at any size", "Past the memory of one machine nothing else is left."),
            },
            "b",
        ),
    ],
)
# fmt: on
