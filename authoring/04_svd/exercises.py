"""Chapter 04, SVD."""

from __future__ import annotations

from typing import Any

import numpy as np

from recsys_teach.evaluation import rmse
from recsys_teach.learn.compare import same
from recsys_teach.learn.schema import Chapter, Exercise, Prediction, Question
from recsys_teach.models.svd import rank_k

R_TINY = np.array([[5, 4, 0, 1], [4, 5, 1, 0], [1, 0, 5, 4], [0, 1, 4, 5], [5, 5, 1, 1]], dtype=float)
S_TINY = np.array([4.0, 3.0, 2.0, 1.0])
S_EXACT = np.array([4.0, 2.0, 2.0, 2.0, 2.0])  # energies 1/2 and four times 1/8: every share is exact in binary
V_TINY = np.linalg.svd(R_TINY, full_matrices=False)[2][:2].T


def truncation_error(s: np.ndarray, k: int) -> float:
    """Frobenius error of the best approximation of rank k."""
    return float(np.sqrt((s[k:] ** 2).sum()))


def smallest_k(s: np.ndarray, share: float) -> int:
    """Smallest k whose directions hold at least this share of the energy."""
    energy = np.cumsum(s**2) / (s**2).sum()
    return int(np.flatnonzero(energy >= share - 1e-12)[0]) + 1


def observed_rmse(R: np.ndarray, R_hat: np.ndarray) -> float:
    """RMSE over the cells that hold a rating; 0 means "not rated"."""
    return rmse(R[R > 0], R_hat[R > 0])


def fold_in(row: np.ndarray, V: np.ndarray) -> np.ndarray:
    """Scores of all items for a person who is not in the matrix."""
    return row @ V @ V.T


def power_iteration(R: np.ndarray, v: np.ndarray, n_steps: int) -> np.ndarray:
    """Give the unit vector after n_steps of v <- RᵀR v."""
    for _ in range(n_steps):
        v = R.T @ (R @ v)
        v = v / np.linalg.norm(v)
    return v


def _same_up_to_sign(expected: np.ndarray, got: Any, atol: float) -> str:
    reason = same(expected, got, atol)
    return reason and same(-expected, got, atol) and reason


def _is_one_vector(args: tuple, got: Any) -> bool:
    return not isinstance(got, tuple | list) or not any(np.ndim(part) for part in got)


def _draw_power(rng: np.random.Generator) -> tuple:
    return rng.normal(size=(5, 3)), rng.normal(size=3), int(rng.integers(2, 5))


CHAPTER = Chapter(
    number="04",
    title="SVD",
    objectives={
        "O4.1": "Take a matrix apart with the SVD, build its best approximation of rank k and say how far off it is",
        "O4.2": "Choose the smallest k whose directions hold enough of the energy",
        "O4.3": "Measure predicted ratings on the cells that have one",
        "O4.4": "Fold in a person who was not there when the model was fitted",
        "O4.5": "Find the strongest direction without a library, by power iteration",
    },
    exercises=[
        Exercise(
            "4.1", "Error of a truncation", objective="O4.1", level="warm-up", minutes=4,
            reference=truncation_error,
            cases=[(S_TINY, 2), (S_TINY, 4), (S_TINY, 0), (np.array([2.5]), 0), (np.array([6.0, 6.0, 2.0]), 1)],
            draw=lambda rng: (np.sort(rng.uniform(0.5, 9, size=6))[::-1], int(rng.integers(1, 5))),
            why="The layers are orthogonal, so the squared errors of those left out add up.",
            hints=(
                "Which singular values belong to the layers that you leave out?",
                "s[k:] are those left out. Their squares add up, and an error is not a squared error.",
                "np.sqrt of the sum of s[k:] squared.",
            ),
            misconceptions={
                "That is the squared error: the root is missing.": lambda s, k: (s[k:] ** 2).sum(),
                "You measured the layers that stay. The error comes from those that are left out, s[k:].":
                    lambda s, k: np.sqrt((s[:k] ** 2).sum()),
                "You added the singular values themselves. Orthogonal errors add up squared, as in Pythagoras.":
                    lambda s, k: s[k:].sum(),
                "Square the singular values before you add them up; the root comes last.":
                    lambda s, k: np.sqrt(s[k:].sum()),
                "s[k] alone is the error in the spectral norm (the worst direction). Here all cells count.":
                    lambda s, k: s[k] if k < len(s) else 0.0,
                "You started one too late: counting from 0, the first value that is left out is s[k].":
                    lambda s, k: np.sqrt((s[k + 1 :] ** 2).sum()),
            },
        ),
        Exercise(
            "4.2", "Rank-k reconstruction", objective="O4.1", level="core", minutes=6,
            reference=rank_k,
            cases=[
                (R_TINY, 2), (R_TINY, 1),  # not 3: two singular values are equal, so that it is not unique
                (np.array([[0.0, 2.0, 0.0], [-3.0, 0.0, 0.0]]), 1),
                (np.array([[0.0, 2.0, 0.0], [-3.0, 0.0, 0.0]]), 2),
            ],
            atol=1e-4,  # a decomposition in float32 counts
            draw=lambda rng: (rng.normal(size=(4, 5)), int(rng.integers(1, 4))),
            properties={
                "Your answer has three parts. Multiply them: one array of the shape of R is asked.":
                    lambda args, result: not isinstance(result, tuple) or len(result) != 3,
            },
            why="The k largest singular triples lose least (Eckart and Young, 1936).",
            hints=(
                "Which part of U, s and Vt belongs to the k largest singular values?",
                "They come sorted: U[:, :k], s[:k], Vt[:k]. Give each column of U_k its size before you multiply.",
                "(U[:, :k] * s[:k]) @ Vt[:k]",
            ),
            misconceptions={
                "You kept the k smallest singular values; numpy sorts them largest first.":
                    lambda R, k: _triples(R, slice(-k, None)),
                "You left the singular values out: U_k Vt_k has the directions, not the sizes.":
                    lambda R, k: np.linalg.svd(R, full_matrices=False)[0][:, :k]
                    @ np.linalg.svd(R, full_matrices=False)[2][:k],
                "That is U_k U_kᵀ, the projector, before it meets R.":
                    lambda R, k: (lambda U: U @ U.T)(np.linalg.svd(R, full_matrices=False)[0][:, :k]),
                "You kept k + 1 triples: [:k] already ends before position k.":
                    lambda R, k: _triples(R, slice(0, k + 1)),
                "The rows of Vt are the directions, so the first k are Vt[:k]; Vt[:, :k].T takes columns.":
                    lambda R, k: _first_columns_of_vt(R, k),
                "That is layer k alone. The approximation is the sum of the first k layers.":
                    lambda R, k: _triples(R, slice(k - 1, k)),
            },
        ),
        Exercise(
            "4.3", "Error on the ratings that exist", objective="O4.3", level="core", minutes=6,
            reference=observed_rmse,
            cases=[
                (np.array([[5.0, 0.0], [0.0, 1.0]]), np.array([[3.0, 1.0], [2.0, 1.0]])),
                (np.array([[5.0, 3.0], [0.0, 1.0]]), np.array([[4.0, 0.0], [0.0, 1.0]])),
                (np.array([[0.0, 0.0, 0.0], [2.0, 4.0, 0.0]]), np.array([[1.0, -1.0, 2.0], [-1.0, 0.0, 0.0]])),
                (R_TINY, rank_k(R_TINY, 1)),
            ],
            draw=lambda rng: (rng.integers(0, 6, size=(4, 5)) + np.eye(4, 5), rng.uniform(1, 5, size=(4, 5))),
            why="A cell without a rating has no right answer, so it can hold no error.",
            hints=(
                "In which cells of R is there something to be wrong about?",
                "mask = R > 0 marks them; R[mask] and R_hat[mask] are two arrays of equal length.",
                "Subtract, square, average, take the root, all inside the mask.",
            ),
            misconceptions={
                "You averaged over all cells, and so punished every guess for a film that nobody rated.":
                    lambda R, R_hat: np.sqrt(((R - R_hat) ** 2).mean()),
                "The mask belongs to R: a rating exists where R is above 0, whatever the prediction says.":
                    lambda R, R_hat: rmse(R[R_hat > 0], R_hat[R_hat > 0]),
                "You averaged one RMSE for each person. Every rating counts alike: average the squared errors once.":
                    lambda R, R_hat: np.mean([observed_rmse(r, h) for r, h in zip(R, R_hat, strict=True) if r.any()]),
                "The sum runs over the ratings, but you divided by the number of all cells.":
                    lambda R, R_hat: np.sqrt((((R - R_hat) * (R > 0)) ** 2).mean()),
                "That is the mean squared error: the root is missing.":
                    lambda R, R_hat: ((R - R_hat)[R > 0] ** 2).mean(),
                "That is the mean absolute error. RMSE squares first and takes the root last.":
                    lambda R, R_hat: np.abs((R - R_hat)[R > 0]).mean(),
                "That is the root of the sum. Divide by the number of ratings first.":
                    lambda R, R_hat: np.sqrt(((R - R_hat)[R > 0] ** 2).sum()),
            },
        ),
        Exercise(
            "4.4", "The smallest k that is enough", objective="O4.2", level="core", minutes=6,
            reference=smallest_k,
            # no case in which rounding decides: how the shares are summed is up to the learner
            cases=[(S_TINY, 0.9), (S_EXACT, 0.75), (S_TINY, 0.5), (S_EXACT, 1.0), (np.array([7.0]), 0.2)],
            draw=lambda rng: (np.sort(rng.uniform(1, 9, size=7))[::-1], float(rng.uniform(0.3, 0.95))),
            why="Energy is the squared singular value, and a k counts directions, so it is a position plus one.",
            hints=(
                "Energy of a direction: its singular value squared. Which share do the first k hold together?",
                "np.cumsum(s**2) / (s**2).sum() gives that share for k = 1, 2, …",
                "The number of shares that stay below the wanted one, plus one.",
            ),
            misconceptions={
                "You added singular values. Energy is their square: it is what the squared error is made of.":
                    lambda s, share: int(np.argmax(np.cumsum(s) / s.sum() >= share - 1e-12)) + 1,
                "That is the position, counted from 0. The position 0 means k = 1.":
                    lambda s, share: smallest_k(s, share) - 1,
                "That is one too many: k directions that reach the share exactly are enough.":
                    lambda s, share: smallest_k(s, share) + 1,
                "A share that is reached exactly is enough: compare with >=, not with >.":
                    lambda s, share: int(np.argmax(np.cumsum(s**2) / (s**2).sum() > share)) + 1,
                "You took the last k whose share is not above the one asked. The first k that reaches it is enough.":
                    lambda s, share: np.flatnonzero(np.cumsum(s**2) / (s**2).sum() <= share)[-1] + 1,
                "You started with the weakest directions. The strongest come first.":
                    lambda s, share: smallest_k(s[::-1], share),
            },
        ),
        Exercise(
            "4.5", "Fold in a new person", objective="O4.4", level="core", minutes=8,
            reference=fold_in,
            cases=[
                (np.array([5.0, 0.0, 0.0, 0.0]), V_TINY), (R_TINY[0], V_TINY),
                (np.array([5.0, 0.0, 10.0]), np.array([[0.6], [-0.8], [0.0]])),
            ],
            draw=lambda rng: (rng.integers(0, 6, size=6).astype(float), np.linalg.qr(rng.normal(size=(6, 3)))[0]),
            why="row @ V gives the coordinates on the k directions; @ V.T goes back to items.",
            hints=(
                "Which shape has the row, which has V, and which shape must the scores have?",
                "First the coordinates: row @ V has one number a direction. Then back to the items.",
                "Multiply the coordinates by V transposed.",
            ),
            misconceptions={
                "Those are the coordinates on the k directions. Go back to items: one more product with V.T.":
                    lambda row, V: row @ V,
                "You divided by the size of the row. The scores keep the unit of the ratings.":
                    lambda row, V: row @ V @ V.T / np.linalg.norm(row),
                "You blanked what the person has rated. That is for the recommendation; here all items get a score.":
                    lambda row, V: np.where(row > 0, 0, row @ V @ V.T),
                "You used one direction only. Keep all k columns of V.":
                    lambda row, V: row @ V[:, :1] @ V[:, :1].T,
            },
        ),
        Exercise(
            "4.6", "Power iteration", objective="O4.5", level="core", minutes=8,
            reference=power_iteration, compare=_same_up_to_sign,
            cases=[
                (np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([1.0, 1.0]), 1),
                (np.array([[0.0, 1.0, -1.0], [1.0, 0.0, 0.0]]), np.array([3.0, 2.0, 1.0]), 2),
                (R_TINY, np.array([1.0, 2.0, 3.0, 4.0]), 3),
            ],
            draw=_draw_power,
            properties={
                "You returned several things. Return the vector alone.": _is_one_vector,
                "The result is not a unit vector. Divide by its norm, np.linalg.norm, after each step.":
                    lambda args, v: np.shape(v) != np.shape(args[1]) or np.isclose(np.linalg.norm(v), 1, atol=1e-5),
            },
            why="Each step multiplies a component by its squared singular value, so the largest wins.",
            hints=(
                "One step takes v to the users and back to the items, then makes it a unit vector again.",
                "Users: R @ v. Back to items: R.T @ that. Unit: divide by np.linalg.norm.",
                "for _ in range(n_steps): v = R.T @ (R @ v); v = v / np.linalg.norm(v); then return v",
            ),
            misconceptions={
                "That is one step too many: range(n_steps) makes n_steps of them.":
                    lambda R, v, n_steps: power_iteration(R, v, n_steps + 1),
                "You made one step, whatever n_steps says: is the `return` inside the loop?":
                    lambda R, v, n_steps: power_iteration(R, v, 1),
                "That is v as it started, made a unit vector. Does the loop keep what it computed?":
                    lambda R, v, n_steps: v / np.linalg.norm(v),
                "You stopped at the users: R @ v has one number a person. Multiply by R.T to get back to items.":
                    lambda R, v, n_steps: (lambda u: u / np.linalg.norm(u))(R @ power_iteration(R, v, n_steps - 1)),
            },
        ),
    ],
    predictions=[
        Prediction(
            "P4.1",
            "PureSVD treats every missing rating as a 0. Asked for hidden ratings, it is more than two stars off. "
            "Where does it stand when it ranks unseen films, beside random order, mean rating and popularity?",
            {"a": "last", "b": "between mean rating and popularity", "c": "first"},
            outcome=lambda ndcg: "c" if ndcg.idxmax() == "PureSVD" else "a" if ndcg.idxmin() == "PureSVD" else "b",
        ),
    ],
    quiz=[
        Question(
            "O4.1", "A matrix has the singular values 6, 3, 2. How far (Frobenius) is its best rank-1 approximation?",
            {
                "a": ("√13, about 3.6", "Right: the root of 3² + 2², all that is left out."),
                "b": ("5", "That adds 3 and 2. Orthogonal errors add up squared: the root of 3² + 2²."),
                "c": ("6", "6 belongs to the layer that stays. The error comes from those left out."),
            },
            answer="a",
        ),
        Question(
            "O4.2", "On held-out items nDCG rises with k, peaks, and falls. Why does it fall?",
            {
                "a": ("The extra directions describe noise of the training cells.",
                      "Right: with all directions the model gives the zero-filled row back, in which every unseen "
                      "item scores 0."),
                "b": ("A larger k makes the approximation of the training matrix worse.",
                      "It makes that better with every direction; what gets worse is the ranking of hidden items."),
                "c": ("The computation of small singular values is inexact.",
                      "Rounding is many orders smaller. It is the data that run out of signal."),
            },
            answer="a",
        ),
        Question(
            "O4.3", "PureSVD is two stars off and first in the table. Where does its good order come from?",
            {
                "a": ("From many directions that copy the ratings closely.",
                      "With many directions it ranks worse; 20 leave most of the stars unexplained."),
                "b": ("From the zeros: they say who chose which films, and the hidden films were chosen too.",
                      "Right: what people chose to rate is missing not at random, and PureSVD learns from that."),
                "c": ("From a lucky split.", "It holds for each of five splits."),
            },
            answer="b",
        ),
        Question(
            "O4.4", "Somebody new rates three films. What does fold-in need?",
            {
                "a": ("Their row and V.", "Right: two thin products, and nothing is fitted again."),
                "b": ("A new SVD of the matrix with one more row.",
                      "That works, and costs a full fit for each newcomer. The old directions serve as well."),
                "c": ("Their row and U.", "U has one row for each known person, and the newcomer has none."),
            },
            answer="a",
        ),
        Question(
            "O4.5", "When does power iteration need many steps?",
            {
                "a": ("When the matrix has many rows.", "Rows make a step cost more, not the steps more."),
                "b": ("When the two largest singular values are close.",
                      "Right: a step multiplies the wrong share by (σ₂/σ₁)², which is then near 1."),
                "c": ("When the start vector is long.", "Its length goes away in the first normalization."),
            },
            answer="b",
        ),
    ],
)  # fmt: skip


def _triples(R: np.ndarray, which: slice) -> np.ndarray:
    U, s, Vt = np.linalg.svd(R, full_matrices=False)
    return (U[:, which] * s[which]) @ Vt[which]


def _first_columns_of_vt(R: np.ndarray, k: int) -> np.ndarray:
    U, s, Vt = np.linalg.svd(R, full_matrices=False)
    return (U[:, :k] * s[:k]) @ Vt[:, :k].T
