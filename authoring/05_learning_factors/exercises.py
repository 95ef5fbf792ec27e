"""Chapter 05, Learning factors from ratings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from recsys_teach.learn.compare import same
from recsys_teach.learn.schema import Chapter, Exercise, Prediction, Question

Array = np.ndarray

X_SMALL = np.array([[2.0, 0.0], [0.0, -1.0]])
KNOWN_SMALL = np.array([[True, True], [False, True]])
P_SMALL, Q_SMALL = np.array([[1.0], [2.0]]), np.array([[1.0], [-1.0]])
GRADIENT_CASE = (1.75, 0.5, 0.25, np.array([1.0, 0.0]), np.array([0.5, 0.5]), 0.1)
STEP_CASE = (np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.5, 0.5], [1.0, 0.0]]), 0, 0, 1.5, 0.5, 0.0)
OTHER_STEP = (
    np.array([[1.0, 2.0], [0.0, 1.0], [3.0, 0.0]]), np.array([[1.0, 1.0], [2.0, 0.0]]), 2, 1, 4.0, 0.25, 0.2,
)  # fmt: skip
ROW_CASE = (np.array([1.0, 2.0, 0.0]), np.array([True, True, False]), np.array([[1.0], [2.0], [5.0]]), 1.0)
TWO_FACTORS_CASE = (
    np.array([1.0, 0.0, -2.0, 0.0]), np.array([True, True, True, False]),
    np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 2.0], [3.0, 1.0]]), 0.5,
)  # fmt: skip
WIDE_CASE = (  # errors 2, -3 and -4; a known 0, and nobody rated the first item
    np.array([[0.0, 3.0, 0.0], [0.0, -2.0, 0.0]]), np.array([[False, True, True], [False, True, False]]),
    np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[1.0, 1.0], [1.0, 2.0], [3.0, -1.0]]), 2.0,
)  # fmt: skip
UNRATED_CASE = (np.array([[2.0, 0.0], [0.0, 0.0]]), np.array([[True, False], [False, False]]), P_SMALL, Q_SMALL, 0.5)
CURVE = np.array([0.97, 0.94, 0.93, 0.935, 0.932, 0.931, 0.92])
TWO_RISES = np.array([1.0, 0.9, 0.95, 0.8, 0.85, 0.7])
TIE = np.array([0.9, 0.8, 0.8, 0.85])
FALLING = np.array([1.3, 1.2, 1.1])


def masked_loss(X: Array, known: Array, P: Array, Q: Array, ridge: float) -> float:
    """Squared errors of the known cells, plus ridge times all squared factors."""
    errors = (X - P @ Q.T)[known]
    return float(errors @ errors + ridge * ((P**2).sum() + (Q**2).sum()))


def gradient(r: float, b_u: float, b_i: float, p: Array, q: Array, ridge: float) -> tuple[Array, Array]:
    """Gradient of half the loss of one rating, by p and by q."""
    e = r - b_u - b_i - p @ q
    return ridge * p - e * q, ridge * q - e * p


def sgd_step(P: Array, Q: Array, u: int, i: int, r: float, learning_rate: float, ridge: float) -> tuple[Array, Array]:
    """Factors after one step down the gradient of half the loss of one rating."""
    return _step(P, Q, u, i, r, learning_rate, ridge)


def als_row(r: Array, known: Array, Q: Array, ridge: float) -> Array:
    """Factors of one user that fit the known ratings best while Q stands still."""
    X = Q[known]
    return np.linalg.solve(X.T @ X + ridge * np.eye(Q.shape[1]), X.T @ r[known])


def epoch_to_keep(validation: Array, patience: int) -> int:
    """Epoch, counted from 1, whose model early stopping keeps."""
    best = 0
    for epoch, error in enumerate(validation):
        if error < validation[best]:
            best = epoch
        if epoch - best >= patience:
            break
    return best + 1


def ips_mean(values: Array, propensity: Array, clip: float) -> float:
    """Self-normalized mean with the weights 1 / propensity, propensities below clip raised to it."""
    weights = 1 / np.maximum(propensity, clip)
    return float(weights @ values / weights.sum())


def _two_slopes(expected: tuple[Array, Array], got: object, atol: float) -> str:
    """Compare as ever, and take the rows of one array for the two slopes."""
    return same(expected, list(got) if getattr(got, "ndim", 0) == 2 else got, atol)  # type: ignore[call-overload]


def _loss_paid_by(X: Array, known: Array, P: Array, Q: Array, ridge: float, users: Array, items: Array) -> float:
    """Loss in which each row of P and Q pays for its size as many times as users and items say."""
    return masked_loss(X, known, P, Q, 0) + ridge * float(users @ (P**2).sum(1) + items @ (Q**2).sum(1))


def _step(
    P: Array, Q: Array, u: int, i: int, r: float, rate: float, ridge: float, sign: float = 1, factor: float = 1
) -> tuple[Array, Array]:
    e = r - P[u] @ Q[i]
    after_P, after_Q = P.copy(), Q.copy()
    after_P[u] += sign * factor * rate * (e * Q[i] - ridge * P[u])
    after_Q[i] += sign * factor * rate * (e * P[u] - ridge * Q[i])
    return after_P, after_Q


def _step_with_new_p(P: Array, Q: Array, u: int, i: int, r: float, rate: float, ridge: float) -> tuple[Array, Array]:
    e = r - P[u] @ Q[i]
    after_P, after_Q = P.copy(), Q.copy()
    after_P[u] += rate * (e * Q[i] - ridge * P[u])
    after_Q[i] += rate * (e * after_P[u] - ridge * Q[i])
    return after_P, after_Q


def _step_with_new_error(
    P: Array, Q: Array, u: int, i: int, r: float, rate: float, ridge: float
) -> tuple[Array, Array]:
    after_P, after_Q = P.copy(), Q.copy()
    after_P[u] += rate * ((r - P[u] @ Q[i]) * Q[i] - ridge * P[u])
    after_Q[i] += rate * ((r - after_P[u] @ Q[i]) * after_P[u] - ridge * Q[i])
    return after_P, after_Q


def _step_shrinking_all(P: Array, Q: Array, u: int, i: int, r: float, rate: float, ridge: float) -> tuple[Array, Array]:
    e = r - P[u] @ Q[i]
    after_P, after_Q = P * (1 - rate * ridge), Q * (1 - rate * ridge)
    after_P[u] += rate * e * Q[i]
    after_Q[i] += rate * e * P[u]
    return after_P, after_Q


def _step_with_whole_ridge(
    P: Array, Q: Array, u: int, i: int, r: float, rate: float, ridge: float
) -> tuple[Array, Array]:
    after_P, after_Q = _step(P, Q, u, i, r, rate, 0)
    after_P[u] -= ridge * P[u]
    after_Q[i] -= ridge * Q[i]
    return after_P, after_Q


def _two_rows(P: Array, Q: Array, u: int, i: int, r: float, rate: float, ridge: float) -> tuple[Array, Array]:
    after_P, after_Q = _step(P, Q, u, i, r, rate, ridge)
    return after_P[u], after_Q[i]


def _gradient_times(factor: float) -> Callable[..., tuple[Array, ...]]:
    return lambda *args: tuple(factor * part for part in gradient(*args))


def _ridge_everywhere(r: Array, known: Array, Q: Array, ridge: float) -> Array:
    X = Q[known]
    return np.linalg.solve(X.T @ X + ridge, X.T @ r[known])


def _mask_on_the_right(r: Array, known: Array, Q: Array, ridge: float) -> Array:
    return np.linalg.solve(Q.T @ Q + ridge * np.eye(Q.shape[1]), Q[known].T @ r[known])


def _stop_epoch(validation: Array, patience: int) -> int:
    best = 0
    for epoch, error in enumerate(validation):
        if error < validation[best]:
            best = epoch
        if epoch - best >= patience:
            return epoch + 1
    return len(validation)


def _last_unless_stopped(validation: Array, patience: int) -> int:
    return epoch_to_keep(validation, patience) if _stops(validation, patience) else len(validation)


def _stops(validation: Array, patience: int) -> bool:
    return epoch_to_keep(validation, patience) - 1 + patience < len(validation)


def _clipped_mean(values: Array, above: Array, below: Array) -> float:
    return float((values / above).sum() / (1 / below).sum())


def _first_rise(validation: Array, patience: int) -> int:
    rises = np.flatnonzero(np.diff(validation) >= 0)
    return int(rises[0]) + 1 if len(rises) else len(validation)


def _rises_in_a_row(validation: Array, patience: int) -> int:
    run = best = 0
    for epoch in range(1, len(validation)):
        run = run + 1 if validation[epoch] >= validation[epoch - 1] else 0
        best = epoch if validation[epoch] < validation[best] else best
        if run >= patience:
            break
    return best + 1


def _never_back_to_zero(validation: Array, patience: int) -> int:
    best = bad = 0
    for epoch in range(1, len(validation)):
        if validation[epoch] < validation[best]:
            best = epoch
        else:
            bad += 1
        if bad >= patience:
            break
    return best + 1


def _last_of_equals(validation: Array, patience: int) -> int:
    best = 0
    for epoch, error in enumerate(validation):
        if error <= validation[best]:
            best = epoch
        if epoch - best >= patience:
            break
    return best + 1


def _draw_loss(rng: np.random.Generator) -> tuple:
    known = rng.random((4, 5)) < 0.6
    return np.where(known, rng.normal(size=(4, 5)), 0), known, rng.normal(size=(4, 2)), rng.normal(size=(5, 2)), 0.3


def _draw_gradient(rng: np.random.Generator) -> tuple:
    r, b_u, b_i = rng.normal(size=3).tolist()
    return r, b_u, b_i, rng.normal(size=3), rng.normal(size=3), float(rng.uniform(0.1, 1))


def _draw_step(rng: np.random.Generator) -> tuple:
    P, Q = rng.normal(size=(3, 2)), rng.normal(size=(4, 2))
    return P, Q, int(rng.integers(3)), int(rng.integers(4)), float(rng.normal()), 0.1, float(rng.uniform(0.1, 1))


def _draw_row(rng: np.random.Generator) -> tuple:
    known = np.array([True, False, True, True, False, True])
    return np.where(known, rng.normal(size=6), 0), rng.permutation(known), rng.normal(size=(6, 2)), 0.5


def _draw_curve(rng: np.random.Generator) -> tuple:
    errors = rng.uniform(0.9, 1, size=10) - rng.uniform(0, 0.02) * np.arange(10)  # some fall, some do not
    return (rng.choice([0.95, 3, 300]) * errors).round(3), int(rng.integers(1, 4))


def _draw_log(rng: np.random.Generator) -> tuple:
    return rng.integers(0, 2, size=8).astype(float), rng.uniform(0.005, 0.9, size=8), 0.1


CHAPTER = Chapter(
    number="05",
    title="Learning factors from ratings",
    objectives={
        "O5.1": "Write the regularized loss of a factor model over the known cells alone",
        "O5.2": "Derive the gradient of one rating and make a step of stochastic gradient descent",
        "O5.3": "Solve one row of alternating least squares as a ridge regression",
        "O5.4": "Read a validation curve, and stop at the right epoch",
        "O5.5": "Correct a mean for what was not shown by inverse propensities",
    },
    exercises=[
        Exercise(
            "5.1", "The masked loss", objective="O5.1", level="warm-up", minutes=5,
            reference=masked_loss,
            cases=[
                (X_SMALL, KNOWN_SMALL, P_SMALL, Q_SMALL, 0.0),
                (X_SMALL, KNOWN_SMALL, P_SMALL, Q_SMALL, 0.5),
                WIDE_CASE,
                UNRATED_CASE,
            ],
            draw=_draw_loss,
            why="A cell that nobody rated has no error, and every factor pays for its size.",
            hints=(
                "Two sums: one over the known cells only, one over all factors of both sides.",
                "X - P @ Q.T are the errors of all cells; [known] keeps those that count.",
                "Square and add up the known errors; then add ridge * ((P**2).sum() + (Q**2).sum()).",
            ),
            misconceptions={
                "You counted all cells: in a cell that is not known, the 0 is no rating.":
                    lambda X, known, P, Q, ridge: masked_loss(X, np.ones_like(known), P, Q, ridge),
                "A centered rating of 0 is a rating: an average one. Ask known, not X != 0.":
                    lambda X, known, P, Q, ridge: masked_loss(X, X != 0, P, Q, ridge),
                "A centered rating below 0 is a rating: a bad one. Ask known, not X > 0.":
                    lambda X, known, P, Q, ridge: masked_loss(X, X > 0, P, Q, ridge),
                "You averaged the squared errors. The loss adds them up, so that ridge weighs against each alike.":
                    lambda X, known, P, Q, ridge: masked_loss(X, known, P, Q, ridge)
                    - ((X - P @ Q.T)[known] ** 2).sum() + ((X - P @ Q.T)[known] ** 2).mean(),
                "The regularization is missing: P and Q pay for their size.":
                    lambda X, known, P, Q, ridge: masked_loss(X, known, P, Q, 0),
                "Only P pays for its size in your loss. Q has to pay too.":
                    lambda X, known, P, Q, ridge: masked_loss(X, known, P, Q, 0) + ridge * (P**2).sum(),
                "Only Q pays for its size in your loss. P has to pay too.":
                    lambda X, known, P, Q, ridge: masked_loss(X, known, P, Q, 0) + ridge * (Q**2).sum(),
                "That is half of the loss. The full loss is asked.":
                    lambda X, known, P, Q, ridge: masked_loss(X, known, P, Q, ridge) / 2,
                "You halved the regularization. It is ridge times the squares, not half of that.":
                    lambda X, known, P, Q, ridge: masked_loss(X, known, P, Q, ridge / 2),
                "An item without ratings pays for its size too.":
                    lambda X, known, P, Q, ridge: _loss_paid_by(
                        X, known, P, Q, ridge, np.ones(len(P)), known.any(0)),
                "A user without ratings pays for their size too.":
                    lambda X, known, P, Q, ridge: _loss_paid_by(
                        X, known, P, Q, ridge, known.any(1), np.ones(len(Q))),
                "A user or item without ratings pays for its size too.":
                    lambda X, known, P, Q, ridge: _loss_paid_by(X, known, P, Q, ridge, known.any(1), known.any(0)),
                "You paid for a row once per rating. Each row pays once.":
                    lambda X, known, P, Q, ridge: _loss_paid_by(X, known, P, Q, ridge, known.sum(1), known.sum(0)),
                "You took the norms, not the squared norms, of the factors.":
                    lambda X, known, P, Q, ridge: masked_loss(X, known, P, Q, 0)
                    + ridge * (np.linalg.norm(P) + np.linalg.norm(Q)),
            },
        ),
        Exercise(
            "5.2", "Gradient of one rating", objective="O5.2", level="core", minutes=7,
            reference=gradient,
            cases=[
                GRADIENT_CASE,
                (1.0, 0.0, 0.0, np.array([2.0]), np.array([1.0]), 0.0),
                (2.0, -0.5, 1.0, np.array([1.0, 2.0, 0.0]), np.array([0.5, 1.0, -3.0]), 0.4),
            ],
            draw=_draw_gradient,
            compare=_two_slopes,
            why="The slope of p is minus the error times q, which p is multiplied by, plus ridge times p.",
            hints=(
                "Name the error e = r - b_u - b_i - p @ q. By how much does e change if p[0] grows a little?",
                "The chain rule: e times the slope of e, which is -q by p and -p by q. Then the slope of the ridge.",
                "ridge * p - e * q, ridge * q - e * p",
            ),
            misconceptions={
                "That is the direction downhill. The gradient points uphill: the opposite sign.": _gradient_times(-1),
                "That is the gradient of the whole loss. Of half the loss it is half as large.": _gradient_times(2),
                "You exchanged p and q: if p[0] grows by 1, e falls by q[0], so p's slope holds e * q.":
                    lambda r, b_u, b_i, p, q, ridge: (
                        ridge * p - (r - b_u - b_i - p @ q) * p, ridge * q - (r - b_u - b_i - p @ q) * q,
                    ),
                "Those are the two slopes in the wrong order: first by p, then by q.":
                    lambda *args: gradient(*args)[::-1],
                "The regularization is missing: ½ ridge |p|² has the slope ridge * p.":
                    lambda r, b_u, b_i, p, q, ridge: gradient(r, b_u, b_i, p, q, 0),
                "Your error leaves the biases out: e = r - b_u - b_i - p @ q.":
                    lambda r, b_u, b_i, p, q, ridge: gradient(r, 0, 0, p, q, ridge),
                "The error has the wrong sign: e falls as p grows, so the slope is ridge * p - e * q.":
                    lambda r, b_u, b_i, p, q, ridge: tuple(
                        2 * size - slope
                        for size, slope in zip((ridge * p, ridge * q), gradient(r, b_u, b_i, p, q, ridge), strict=True)
                    ),
            },
        ),
        Exercise(
            "5.3", "One step", objective="O5.2", level="core", minutes=7,
            reference=sgd_step,
            cases=[STEP_CASE, (*STEP_CASE[:2], 1, 1, -2.0, 0.1, 0.5), OTHER_STEP],
            draw=_draw_step,
            why="Only the two rows that the rating touches move, both by the factors from before the step.",
            hints=(
                "Which row of P and which row of Q does this rating touch? All others stay.",
                "Copy P and Q, compute the error once, and use the old rows for both updates.",
                "new_P[u] = P[u] + learning_rate * (e * Q[i] - ridge * P[u]), and new_Q[i] the same with P[u].",
            ),
            misconceptions={
                "You updated q with the p that had moved already. Both gradients belong to the old factors.":
                    _step_with_new_p,
                "You computed the error again after p had moved. Both gradients belong to the old factors.":
                    _step_with_new_error,
                "You went uphill: the step goes against the gradient.":
                    lambda P, Q, u, i, r, learning_rate, ridge: _step(P, Q, u, i, r, learning_rate, ridge, sign=-1),
                "You shrank all factors. One rating shrinks the two rows that it touches.": _step_shrinking_all,
                "Q has not moved. One rating moves P[u] and Q[i].":
                    lambda P, Q, u, i, r, learning_rate, ridge: (_step(P, Q, u, i, r, learning_rate, ridge)[0], Q),
                "P has not moved. One rating moves P[u] and Q[i].":
                    lambda P, Q, u, i, r, learning_rate, ridge: (P, _step(P, Q, u, i, r, learning_rate, ridge)[1]),
                "Your step is twice as long: that is the gradient of the whole loss, not of half of it.":
                    lambda P, Q, u, i, r, learning_rate, ridge: _step(P, Q, u, i, r, learning_rate, ridge, factor=2),
                "You moved by the gradient itself. Multiply it by learning_rate.":
                    lambda P, Q, u, i, r, learning_rate, ridge: _step(P, Q, u, i, r, 1.0, ridge),
                "The regularization is missing: each of the two rows shrinks by learning_rate * ridge of itself.":
                    lambda P, Q, u, i, r, learning_rate, ridge: _step(P, Q, u, i, r, learning_rate, 0.0),
                "learning_rate multiplies the ridge too.": _step_with_whole_ridge,
                "Those are the two rows that move. Return all rows of P and Q.": _two_rows,
            },
        ),
        Exercise(
            "5.4", "One row of ALS", objective="O5.3", level="core", minutes=8,
            reference=als_row,
            cases=[
                ROW_CASE,
                (*ROW_CASE[:3], 4.0),
                TWO_FACTORS_CASE,
                (*ROW_CASE[:1], np.array([False, False, True]), *ROW_CASE[2:]),
            ],
            draw=_draw_row,
            why="With Q fixed the loss is a parabola in p, and its lowest point solves the normal equations.",
            hints=(
                "Which rows of Q, and which entries of r, belong to items that the user has rated?",
                "Call them Q_K = Q[known] and r_K = r[known]. The formula says (Q_Kᵀ Q_K + ridge I) p = Q_Kᵀ r_K.",
                "np.linalg.solve(Q_K.T @ Q_K + ridge * np.eye(Q.shape[1]), Q_K.T @ r_K)",
            ),
            misconceptions={
                "You used all items, so what is not known pulls as a rating of 0. Keep Q[known] and r[known].":
                    lambda r, known, Q, ridge: als_row(r, np.ones_like(known), Q, ridge),
                "You kept the items with r != 0. A centered rating of 0 is known too: ask known.":
                    lambda r, known, Q, ridge: als_row(r, r != 0, Q, ridge),
                "The ridge is missing from the left side.":
                    lambda r, known, Q, ridge: np.linalg.lstsq(Q[known], r[known])[0],
                "ridge belongs on the diagonal, ridge * np.eye(k); you added it to every entry.": _ridge_everywhere,
                "Your ridge counts once for each rating, or your sums are means. Both sides are sums over the ratings, "
                "and the ridge stands beside them once.":
                    lambda r, known, Q, ridge: als_row(r, known, Q, ridge * known.sum()),
                "That is Q_Kᵀ r_K, the right side alone: solve the equations, with np.linalg.solve.":
                    lambda r, known, Q, ridge: Q[known].T @ r[known],
                "The left side, too, has only the rows of the rated items.": _mask_on_the_right,
            },
        ),
        Exercise(
            "5.5", "The epoch to keep", objective="O5.4", level="core", minutes=6,
            reference=epoch_to_keep,
            cases=[
                (CURVE, 2),
                (CURVE, 3),
                (CURVE, 4),
                (CURVE, 1),
                (CURVE[:3], 2),
                (TWO_RISES, 2),
                (TWO_RISES, 3),
                (TIE, 2),
                (np.array([0.8, 0.8, 0.9, 0.7]), 2),
                (np.array([1.0, 0.8, 0.9]), 3),
                (np.array([1.0, 0.8, 0.9, 0.95]), 5),
                (np.array([0.6]), 1),
                (FALLING, 2),
                (100 * FALLING, 2),
            ],
            draw=_draw_curve,
            why="What counts is the lowest error so far; training stops once it is patience epochs old.",
            hints=(
                "Walk through the epochs. Which two things must you remember, and when do you stop?",
                "Remember the epoch with the lowest error so far; stop once epoch - best is at least patience.",
                "for epoch, error in enumerate(validation): … and at the end return best + 1",
            ),
            misconceptions={
                "That is the lowest of all epochs. Training had stopped before, so nobody ever saw it.":
                    lambda validation, patience: int(np.argmin(validation)) + 1,
                "That is the epoch where training stops. The model to keep is the one with the lowest error.":
                    _stop_epoch,
                "Where patience was never used up, you keep the last epoch. Keep the one with the lowest error so far, "
                "also if training runs to its end.": _last_unless_stopped,
                "Epochs are counted from 1 here; yours are counted from 0.":
                    lambda validation, patience: epoch_to_keep(validation, patience) - 1,
                "You stopped at the first rise, whatever patience says.": _first_rise,
                "You counted rises in a row. Patience counts epochs since the lowest error, up or down.":
                    _rises_in_a_row,
                "You waited one epoch too long: stop as soon as the lowest error is patience epochs old.":
                    lambda validation, patience: epoch_to_keep(validation, patience + 1),
                "You stopped one epoch too early: the lowest error must be patience epochs old.":
                    lambda validation, patience: epoch_to_keep(validation, patience - 1),
                "You stopped one epoch too early where patience is above 1.":
                    lambda validation, patience: epoch_to_keep(validation, max(1, patience - 1)),
                "Your counter of bad epochs never goes back to 0. Each new lowest error starts it again.":
                    _never_back_to_zero,
                "Of equal errors keep the first: a new lowest error has to be below the old one.": _last_of_equals,
                "Start from the first error, or from infinity, not from a fixed number.":
                    lambda validation, patience: 1 if validation[0] > 1 else epoch_to_keep(validation, patience),
                "Start from the first error, or from infinity, not from a fixed number: you keep epoch 0.":
                    lambda validation, patience: 0 if validation[0] > 1 else epoch_to_keep(validation, patience),
                "That is the error itself. The epoch is asked.":
                    lambda validation, patience: validation[epoch_to_keep(validation, patience) - 1],
            },
        ),
        Exercise(
            "5.6", "A mean by inverse propensities", objective="O5.5", level="core", minutes=6,
            reference=ips_mean,
            cases=[
                (np.array([1.0, 1.0, 0.0]), np.array([0.5, 0.5, 1 / 6]), 0.01),
                (np.array([1.0, 1.0, 0.0]), np.array([0.5, 0.5, 1 / 6]), 0.25),
                (np.array([3.0, 0.0]), np.array([0.2, 0.001]), 0.1),
                (np.array([2.0, 1.0, -4.0]), np.array([0.5, 0.05, 0.25]), 0.1),
            ],
            draw=_draw_log,
            why="Each cell that was shown stands for 1 / propensity cells like it.",
            hints=(
                "For how many cells like it does a cell with propensity .25 stand?",
                "weights = 1 / propensity, after propensities below clip are raised to clip. np.maximum compares two, "
                "element by element; np.max looks for one largest value.",
                "w = 1 / np.maximum(propensity, clip); then the weighted mean, (w * values).sum() / w.sum()",
            ),
            misconceptions={
                "That is the plain mean: every value has the same weight. Weight by 1 / propensity; what is clipped is "
                "the propensity, from below, not the weight.":
                    lambda values, propensity, clip: values.mean(),
                "You weighted by the propensity. What was likely to be shown must count less: divide by it.":
                    lambda values, propensity, clip: np.average(values, weights=np.maximum(propensity, clip)),
                "You divided by the number of values. Divide by the sum of the weights.":
                    lambda values, propensity, clip: (values / np.maximum(propensity, clip)).mean(),
                "Nothing is clipped: a propensity below clip must be raised to clip first.":
                    lambda values, propensity, clip: ips_mean(values, propensity, 0.0),
                "You clipped the propensity in the sum of the values, but not in the sum of the weights.":
                    lambda values, propensity, clip:
                        _clipped_mean(values, np.maximum(propensity, clip), propensity),
                "You clipped the propensity in the sum of the weights, but not in the sum of the values.":
                    lambda values, propensity, clip:
                        _clipped_mean(values, propensity, np.maximum(propensity, clip)),
                "You added clip to each propensity. Only those below clip change, and become clip.":
                    lambda values, propensity, clip: ips_mean(values, propensity + clip, 0.0),
                "You clipped from the wrong side: np.maximum raises what is too small; you cut what is large.":
                    lambda values, propensity, clip: ips_mean(values, np.minimum(propensity, clip), 0.0),
                "You threw out the cells with a small propensity. Keep them, with the weight 1 / clip.":
                    lambda values, propensity, clip: ips_mean(
                        values[propensity >= clip], propensity[propensity >= clip], clip
                    ),
            },
        ),
    ],
    predictions=[
        Prediction(
            "P5.1",
            "The service shows what pleases, so the mean click rate of its log is above the true mean over all "
            "cells. Each impression is now weighted by 1 / (share of people who were shown the film). The mean then...",
            {"a": "comes near the truth", "b": "moves part of the way down", "c": "moves up, further off"},
            outcome=lambda error: "c" if error["popularity"] > error["as logged"]
            else "a" if abs(error["popularity"]) < 0.1 * error["as logged"] else "b",
        ),
    ],
    quiz=[
        Question(
            "O5.1",
            "A table has 90 % empty cells, and ratings are centered. What does an empty cell add to the masked loss?",
            {
                "a": ("The square of its prediction, since the centered value is 0.",
                      "That is the zero-filled loss: it pulls every prediction toward the mean."),
                "b": ("Nothing.", "Right: there is nothing to be wrong about. Only the regularization acts on it."),
                "c": ("A small constant, the same for all.", "No such term is in the formula."),
            },
            answer="b",
        ),
        Question(
            "O5.2", "A rating is predicted exactly. What does its SGD step do, with a ridge above 0?",
            {
                "a": ("It shrinks the user's and the item's factors a little.",
                      "Right: the error is 0, and what remains of the gradient is the ridge."),
                "b": ("Nothing: the gradient is 0.", "So it would be without regularization."),
                "c": ("It grows the factors, to be sure.", "Nothing in the loss rewards size."),
            },
            answer="a",
        ),
        Question(
            "O5.3", "Why does the loss never rise from one half-step of ALS to the next?",
            {
                "a": ("The learning rate is small enough.", "ALS has no learning rate."),
                "b": ("Both sides are solved at the same time.",
                      "They alternate. Solving both at once is what has no closed form."),
                "c": ("Each half-step finds the lowest point of the loss while the other side stands still.",
                      "Right: staying where it was is one of the choices, so it cannot do worse."),
            },
            answer="c",
        ),
        Question(
            "O5.4", "Training error falls, validation error rises since epoch 5. Which remedy does not help?",
            {
                "a": ("More regularization.", "It helps: factors that fit noise have to pay for it."),
                "b": ("Training longer.", "Right: the gap grows with every epoch."),
                "c": ("Keeping the model of epoch 5.", "It helps: that is early stopping."),
            },
            answer="b",
        ),
        Question(
            "O5.5", "Inverse propensities from a film's popularity alone made the estimate worse. Why?",
            {
                "a": ("Popular films are better.", "That is no reason for weights to fail."),
                "b": ("The weights were not clipped.", "Clipping bounds the weights. It cannot mend wrong ones."),
                "c": ("Who is shown a rare film is chosen by taste, and these weights raise exactly such cells.",
                      "Right: a propensity must hold what made the service choose this film for this person."),
            },
            answer="c",
        ),
    ],
)  # fmt: skip
