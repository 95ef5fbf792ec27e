"""Chapter 17, Explain, diversify, be fair."""

from __future__ import annotations

from typing import Any

import numpy as np

from recsys_teach.learn.compare import same_ranking
from recsys_teach.learn.schema import Chapter, Decision, Exercise, Prediction, Question
from recsys_teach.rerank import calibration_divergence
from recsys_teach.rerank import mmr as rank_by_mmr

B_SMALL = np.array([[0.0, 0.5, -0.25], [0.125, 0.0, 0.75], [0.375, -0.5, 0.0]])
B_FOUR = np.array([[0, 0.2, 0.1, 0.4], [0.3, 0, 0.25, -0.1], [-0.2, 0.6, 0, 0.35], [0.15, 0.05, 0.45, 0]])
B_FINE = np.array([[0.0, 0.012345, -0.004821], [0.035217, 0.0, 0.018364], [0.021738, -0.007459, 0.0]])
H_ONE = np.array([[1.0], [2.0], [1.0]])
H_TWO = np.array([[1.0, 0.0], [0.5, 1.0], [0.0, 2.0], [1.0, -1.0]])
H_FIVE = np.array([[0.3, 0.1, 0.0], [0.2, -0.4, 0.5], [1.0, 0.2, 0.1], [-0.3, 0.6, 0.7], [0.4, 0.4, -0.2]])
NEAR_FOUR = np.array([[8, 6, 1, 5], [6, 8, 4, 2], [1, 4, 8, 7], [5, 2, 7, 8]]) / 8
NEAR_FIVE = np.array([[8, 7, 6, 0, 1], [7, 8, 0, 2, 4], [6, 0, 8, 3, 0], [0, 2, 3, 8, 6], [1, 4, 0, 6, 8]]) / 8
NEAR_SIGNED = np.array([[8, 0, -4, 2], [0, 8, -2, -6], [-4, -2, 8, 1], [2, -6, 1, 8]]) / 8
NEAR_SIX = (
    np.array(
        [
            [16, 1, 9, 12, 4, 2],
            [1, 16, 6, 3, 14, 5],
            [9, 6, 16, 2, 7, 11],
            [12, 3, 2, 16, 8, 1],
            [4, 14, 7, 8, 16, 10],
            [2, 5, 11, 1, 10, 16],
        ]
    )
    / 16
)


def linear_contributions(row: np.ndarray, B: np.ndarray, item: int) -> np.ndarray:
    """Compute what each interaction adds to the score of an item."""
    return row * B[:, item]


def ials_contributions(H: np.ndarray, counts: np.ndarray, item: int, alpha: float, penalty: float) -> np.ndarray:
    """Compute what each interaction adds to the iALS score of an item."""
    return _ials(H, counts, item, H.T @ H + _own(H, alpha * counts) + penalty * np.eye(H.shape[1]), 1 + alpha * counts)


def _own(H: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sum weight · h hᵀ over items."""
    return (H * weights[:, None]).T @ H


def _ials(H: np.ndarray, counts: np.ndarray, item: int, A: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    return np.where(counts > 0, confidence * (H @ np.linalg.solve(A, H[item])), 0)


def mmr(scores: np.ndarray, similar: np.ndarray, k: int, trade_off: float) -> np.ndarray:
    """Choose k items one by one by maximal marginal relevance."""
    return rank_by_mmr(scores, similar, k, trade_off)


def _listed(ranked: Any) -> list:
    """Return a list, an array or a tensor as a list."""
    return np.asarray(ranked).ravel().tolist()


def _one_by_one(
    scores: np.ndarray, similar: np.ndarray, k: int, value: Any, *, mask: float | None = -np.inf
) -> np.ndarray:
    """Choose items by a value of (scores, similarities to what is chosen)."""
    chosen = [int(np.argmax(scores))]
    while len(chosen) < k:
        found = np.array(value(scores, similar[:, chosen]), dtype=float)
        if mask is not None:
            found[chosen] = mask
        chosen.append(int(found.argmax()))
    return np.array(chosen)


def _mmr_with_ties_to_the_right(scores: np.ndarray, similar: np.ndarray, k: int, trade_off: float) -> np.ndarray:
    """Choose by MMR in the mirror, where the lower position is the higher one."""
    return len(scores) - 1 - mmr(scores[::-1], similar[::-1, ::-1], k, trade_off)


def _off_diagonal(similar: np.ndarray) -> np.ndarray:
    """Return the largest similarity of each film to any other one."""
    return np.where(np.eye(len(similar)) > 0, -np.inf, similar).max(axis=1)


def divergence(target: np.ndarray, shares: np.ndarray, alpha: float) -> float:
    """Compute the KL divergence of a list's shares, mixed with the target, from the target."""
    return calibration_divergence(np.asarray(target), np.asarray(shares), alpha)


def _kl(p: np.ndarray, q: np.ndarray) -> float:
    with np.errstate(all="ignore"):
        return float(np.nansum(p * np.log(p / q)))


def exposure_share(ranked: np.ndarray, in_group: np.ndarray) -> float:
    """Compute the share of the exposure that goes to a group of items."""
    return _share(ranked, in_group, 1 / np.log2(np.arange(2, ranked.shape[1] + 2)))


def _masked_kl(target: np.ndarray, mixed: np.ndarray) -> float:
    known = target > 0
    return float(np.sum(target[known] * np.log(target[known] / mixed[known])))


def _share(ranked: np.ndarray, in_group: np.ndarray, weight: np.ndarray) -> float:
    weights = np.broadcast_to(weight, ranked.shape)
    return float((weights * in_group[ranked]).sum() / weights.sum())


def off_policy(rewards: np.ndarray, target: np.ndarray, logging: np.ndarray) -> tuple[float, float]:
    """Compute the IPS and the SNIPS estimate."""
    weights = target / logging
    return float((rewards * weights).mean()), float((rewards * weights).sum() / weights.sum())


def _pair(rewards: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    return float((rewards * weights).mean()), float((rewards * weights).sum() / weights.sum())


def _clipped(rewards: np.ndarray, target: np.ndarray, logging: np.ndarray, most: float) -> tuple[float, float]:
    return _pair(rewards, np.minimum(target / logging, most))


def _draw_linear(rng: np.random.Generator) -> tuple:
    B = rng.normal(size=(6, 6)).round(2) * (1 - np.eye(6))
    return (rng.random(6) < 0.5).astype(float), B, int(rng.integers(6))


def _draw_ials(rng: np.random.Generator) -> tuple:
    counts = rng.integers(0, 3, size=5) * (rng.random(5) < 0.7)
    return rng.normal(size=(5, 2)).round(2), counts, int(rng.integers(5)), float(rng.integers(1, 5)), 0.5


def _draw_mmr(rng: np.random.Generator) -> tuple:
    near = rng.permutation(21)[:15] / 32
    similar = np.eye(6)
    similar[np.triu_indices(6, 1)] = near
    similar = np.maximum(similar, similar.T)
    return rng.permutation(32)[:6] / 32, similar, int(rng.integers(3, 6)), float(rng.choice([0.25, 0.5, 0.75]))


def _draw_shares(rng: np.random.Generator) -> tuple:
    target = rng.dirichlet(np.ones(4)).round(2)
    target[3] = 0
    shares = rng.dirichlet(np.ones(4))
    shares[0] = 0
    return target / target.sum(), shares / shares.sum(), float(rng.choice([0.01, 0.1, 0.2]))


def _draw_lists(rng: np.random.Generator) -> tuple:
    ranked = np.argsort(rng.random((5, 8)), axis=1)[:, :3]
    return ranked, np.isin(np.arange(8), rng.permutation(8)[:3])


def _draw_log(rng: np.random.Generator) -> tuple:
    return rng.integers(0, 2, 7).astype(float), rng.uniform(0.05, 0.9, 7).round(2), rng.uniform(0.1, 0.9, 7).round(2)


CHAPTER = Chapter(
    number="17",
    title="Explain, diversify, be fair",
    objectives={
        "O17.1": "Split a score into contributions that add up, and say which title would be first without a film",
        "O17.2": "Re-rank a list so that its titles differ, with MMR and with a determinantal point process",
        "O17.3": "Measure whether a list has the genres of a person in their proportions, and say what a log can judge",
        "O17.4": "Measure how exposure is distributed over titles, and compare groups of people without Simpson's trap",
        "O17.5": "Describe what a feedback loop does, and estimate a new policy from the log of an old one",
    },
    exercises=[
        Exercise(
            "17.1",
            "Contributions of a linear model",
            objective="O17.1",
            level="warm-up",
            minutes=5,
            reference=linear_contributions,
            cases=[
                (np.array([1.0, 0.0, 1.0]), B_SMALL, 1),
                (np.array([1.0, 1.0, 0.0]), B_SMALL, 2),
                (np.array([0.0, 1.0, 1.0, 0.0]), B_FOUR, 0),
                (np.array([1.0, 0.0, 1.0, 1.0]), B_FOUR, 1),
                (np.array([0.0, 1.0, 1.0]), B_FINE, 0),
                (np.zeros(4), B_FOUR, 3),
                (np.array([1.0]), np.array([[0.0]]), 0),
            ],
            draw=_draw_linear,
            properties={
                "You returned a single number. The contract asks for one number for each film, and their sum is the "
                "score.": lambda args, parts: np.ndim(parts) > 0 or isinstance(parts, dict),
                "Your result contains the watched films alone. Keep a place for every film, with 0 where there was no "
                "interaction.": lambda args, parts: len(parts) != int(args[0].sum()) or args[0].all(),
                "You returned a number for each pair of films. Take one column of B, the one of the explained film.": (
                    lambda args, parts: np.ndim(parts) == 1
                ),
            },
            why="A sum is explained by its terms.",
            hints=(
                "The score is the sum of row[j] * B[j, item] over j. What are its terms?",
                "The column of the explained film is B[:, item]; multiply it entry by entry.",
            ),
            misconceptions={
                "You took a row of B: what an interaction with the explained film adds to other films. Take its "
                "column: what the others add to it.": lambda row, B, item: row * B[item],
                "You returned the weights of all films. Only films that the person interacted with contribute: "
                "multiply by row.": lambda row, B, item: B[:, item],
                "You returned the scores of all films. The question is which terms the score of one film has.": (
                    lambda row, B, item: row @ B
                ),
                "You returned the size of each contribution. Keep the sign: some films lower the score.": (
                    lambda row, B, item: np.abs(row * B[:, item])
                ),
                "You set negative contributions to 0, so the sum is no longer the score.": lambda row, B, item: (
                    np.maximum(row * B[:, item], 0)
                ),
                "You divided by the sum. The contributions have to add up to the score, not to 1.": (
                    lambda row, B, item: row * B[:, item] / (row @ B[:, item])
                ),
                "You divided by the number of watched films. The contributions have to add up to the score.": (
                    lambda row, B, item: row * B[:, item] / row.sum()
                ),
                "You multiplied by row[item], which says whether the explained film was watched. "
                "Multiply by row.": lambda row, B, item: row[item] * B[:, item],
                "You set the films that were not watched to NaN. They contribute 0.": lambda row, B, item: np.where(
                    row > 0, B[:, item], np.nan
                ),
                "You always took column 1 of B, that of the mini-case. Take the column `item`.": lambda row, B, item: (
                    row * B[:, 1]
                ),
                "You swapped the roles: these are the weights of the films that were not interacted with.": (
                    lambda row, B, item: (1 - row) * B[:, item]
                ),
            },
        ),
        Exercise(
            "17.2",
            "Contributions in iALS",
            objective="O17.1",
            level="core",
            minutes=12,
            reference=ials_contributions,
            cases=[
                (H_ONE, np.array([1, 1, 0]), 2, 1.0, 1.0),
                (H_ONE, np.array([1, 0, 0]), 2, 1.0, 1.0),
                (np.array([[2.0], [-1.0]]), np.array([3, 0]), 1, 2.0, 0.5),
                (H_TWO, np.array([1, 0, 2, 0]), 3, 4.0, 0.5),
                (H_FIVE, np.array([0, 2, 1, 0, 1]), 0, 3.0, 2.0),
                (H_TWO, np.array([0, 0, 0, 0]), 0, 1.0, 1.0),
            ],
            draw=_draw_ials,
            properties={
                "You returned a single number. The contract asks for one number for each film, and their sum is the "
                "score.": lambda args, parts: np.ndim(parts) > 0 or isinstance(parts, dict),
                "Your result contains the watched films alone. Keep a place for every film, with 0 for the others.": (
                    lambda args, parts: len(parts) != np.count_nonzero(args[1]) or bool((args[1] > 0).all())
                ),
                "A film without interaction has a contribution. It is not in the sum on the right side, so its "
                "contribution is 0.": (
                    lambda args, parts: (
                        np.ndim(parts) != 1
                        or len(parts) != len(args[1])
                        or bool((np.asarray(parts)[args[1] == 0] == 0).all())
                    )
                ),
            },
            why="The right side of A w = b is a sum over interactions, and solving is linear in the right side.",
            hints=(
                "Two steps: first the matrix A of this person, then for each interacted film j the number h_i A⁻¹ c_j "
                "h_j.",
                "`H.T @ H` sums over all films; `(H * extra[:, None]).T @ H` with extra = alpha * counts adds the "
                "interacted ones. Do not forget the penalty on the diagonal.",
                "With g = np.linalg.solve(A, H[item]), the contribution of film j is (1 + alpha * counts[j]) * (H[j] @ "
                "g) if counts[j] > 0.",
            ),
            misconceptions={
                "Your weights are alpha · n. The confidence of an interaction is 1 + alpha · n.": (
                    lambda H, counts, item, alpha, penalty: _ials(
                        H,
                        counts,
                        item,
                        H.T @ H + _own(H, alpha * counts) + penalty * np.eye(H.shape[1]),
                        alpha * counts,
                    )
                ),
                "Your weights are all 1 on the right side. An interaction counts with its confidence 1 + alpha · n.": (
                    lambda H, counts, item, alpha, penalty: _ials(
                        H,
                        counts,
                        item,
                        H.T @ H + _own(H, alpha * counts) + penalty * np.eye(H.shape[1]),
                        1.0 + 0 * counts,
                    )
                ),
                "Your matrix A is the same for everybody: HᵀH and the penalty. Add alpha · n · h hᵀ for each film that "
                "this person interacted with.": lambda H, counts, item, alpha, penalty: _ials(
                    H, counts, item, H.T @ H + penalty * np.eye(H.shape[1]), 1 + alpha * counts
                ),
                "Your matrix A sums over the interacted films alone. The model also fits 0 for all other films, so A "
                "begins with H.T @ H.": lambda H, counts, item, alpha, penalty: _ials(
                    H,
                    counts,
                    item,
                    _own(H, np.where(counts > 0, 1 + alpha * counts, 0)) + penalty * np.eye(H.shape[1]),
                    1 + alpha * counts,
                ),
                "Your matrix A counts the interacted films once too often: H.T @ H contains their first 1 already, so "
                "add alpha · n, not 1 + alpha · n.": lambda H, counts, item, alpha, penalty: _ials(
                    H,
                    counts,
                    item,
                    H.T @ H + _own(H, np.where(counts > 0, 1 + alpha * counts, 0)) + penalty * np.eye(H.shape[1]),
                    1 + alpha * counts,
                ),
                "Your matrix A counts every film twice: H.T @ H contains their first 1 already. "
                "Add alpha · n alone.": lambda H, counts, item, alpha, penalty: _ials(
                    H,
                    counts,
                    item,
                    H.T @ H + _own(H, 1 + alpha * counts) + penalty * np.eye(H.shape[1]),
                    1 + alpha * counts,
                ),
                "H.T @ H is missing in A: the model also fits 0 for the films that were not watched.": (
                    lambda H, counts, item, alpha, penalty: _ials(
                        H, counts, item, _own(H, alpha * counts) + penalty * np.eye(H.shape[1]), 1 + alpha * counts
                    )
                ),
                "Your weights are 1 + alpha for each watched film. A film watched twice has 1 + 2 · alpha.": (
                    lambda H, counts, item, alpha, penalty: _ials(
                        H,
                        counts,
                        item,
                        H.T @ H + _own(H, alpha * counts) + penalty * np.eye(H.shape[1]),
                        1 + alpha + 0 * counts,
                    )
                ),
                "These are the scores of all films. The question is which terms the score of one film has.": (
                    lambda H, counts, item, alpha, penalty: (
                        H
                        @ np.linalg.solve(
                            H.T @ H + _own(H, alpha * counts) + penalty * np.eye(H.shape[1]),
                            H.T @ ((1 + alpha * counts) * (counts > 0)),
                        )
                    )
                ),
                "The penalty is missing in A.": lambda H, counts, item, alpha, penalty: _ials(
                    H, counts, item, H.T @ H + _own(H, alpha * counts) + 1e-15 * np.eye(H.shape[1]), 1 + alpha * counts
                ),
                "You added the penalty to every entry of A. It belongs on the diagonal: penalty * np.eye(n_factors).": (
                    lambda H, counts, item, alpha, penalty: _ials(
                        H, counts, item, H.T @ H + _own(H, alpha * counts) + penalty, 1 + alpha * counts
                    )
                ),
                "alpha is missing in A: add alpha · n · h hᵀ for each film.": lambda H, counts, item, alpha, penalty: (
                    _ials(H, counts, item, H.T @ H + _own(H, counts) + penalty * np.eye(H.shape[1]), 1 + alpha * counts)
                ),
                "You replaced the counts by 1. A film watched twice has a larger confidence than one watched once.": (
                    lambda H, counts, item, alpha, penalty: ials_contributions(
                        H, (counts > 0).astype(int), item, alpha, penalty
                    )
                ),
                "The extra weight is squared in A: multiply one of the two H by it, not both.": (
                    lambda H, counts, item, alpha, penalty: _ials(
                        H,
                        counts,
                        item,
                        H.T @ H + _own(H, (alpha * counts) ** 2) + penalty * np.eye(H.shape[1]),
                        1 + alpha * counts,
                    )
                ),
                "Your matrix A counts every film twice (H.T @ H contains the first 1 of each, so add alpha · n alone), "
                "and films that were not watched have a contribution.": (
                    lambda H, counts, item, alpha, penalty: (
                        (1 + alpha * counts)
                        * (
                            H
                            @ np.linalg.solve(
                                H.T @ H + _own(H, 1 + alpha * counts) + penalty * np.eye(H.shape[1]), H[item]
                            )
                        )
                    )
                ),
                "The inverse of A is missing: you multiplied the factors of the two films directly.": (
                    lambda H, counts, item, alpha, penalty: np.where(
                        counts > 0, (1 + alpha * counts) * (H @ H[item]), 0
                    )
                ),
                "You multiplied by A instead of its inverse. Use np.linalg.solve(A, H[item]).": (
                    lambda H, counts, item, alpha, penalty: np.where(
                        counts > 0,
                        (1 + alpha * counts)
                        * (H @ (H.T @ H + _own(H, alpha * counts) + penalty * np.eye(H.shape[1])) @ H[item]),
                        0,
                    )
                ),
                "You also multiplied by the count. The confidence 1 + alpha · n contains it already.": (
                    lambda H, counts, item, alpha, penalty: counts * ials_contributions(H, counts, item, alpha, penalty)
                ),
            },
        ),
        Exercise(
            "17.3",
            "Maximal marginal relevance",
            objective="O17.2",
            level="core",
            minutes=12,
            reference=mmr,
            cases=[
                (np.array([0.25, 1.0, 0.875, 0.75]), NEAR_FOUR, 2, 0.5),
                (np.array([0.25, 1.0, 0.875, 0.75]), NEAR_FOUR, 3, 0.25),
                (np.array([1.0, 0.875, 0.75, 0.5, 0.375]), NEAR_FIVE, 4, 0.5),
                (np.array([0.5, 0.5, 0.25, 0.125, 0.0]), NEAR_FIVE, 5, 0.75),
                (np.array([1.0, 0.9375, 0.875, 0.8125, 0.75, 0.6875]), NEAR_SIX, 5, 0.5),
                (np.array([0.5, -0.25, 1.0, 0.125, 0.75, 0.375]), NEAR_SIX, 6, 0.25),
                (np.array([1.0, 0.75, 0.625, 0.125]), NEAR_SIGNED, 2, 0.5),
                (np.array([1.0, 0.75, 0.8125, 0.125]), NEAR_SIGNED, 2, 0.5),
                (np.array([-2.0, -3.0, -2.5, -4.0]), NEAR_SIGNED, 3, 0.25),
                (np.array([0.5, 0.75, 0.25, 0.125]), NEAR_FOUR, 4, 0.0),
                (np.array([0.5, 0.75, 0.625, 0.125]), NEAR_FOUR, 4, 1.0),
                (np.array([0.5, 0.75, 0.25, 0.125]), NEAR_FOUR, 1, 0.5),
            ],
            draw=_draw_mmr,
            compare=same_ranking,
            properties={
                "Your list contains a film twice. Exclude what is already chosen before you take the next one.": (
                    lambda args, ranked: len({*_listed(ranked)}) == len(_listed(ranked))
                ),
                "The first film of your list is not the one with the highest score. Nothing is chosen yet, so there is "
                "no similarity to subtract; the list keeps the order of the choices.": lambda args, ranked: (
                    len(_listed(ranked)) != args[2]
                    or isinstance(_listed(ranked)[0], float)
                    or _listed(ranked)[0] == int(np.argmax(args[0]))
                ),
            },
            why="Each step compares a candidate with the most similar film that is already on the list.",
            hints=(
                "Begin with the film of the highest score. Then repeat: one value for each film that is left, take the "
                "best.",
                "similar[:, chosen].max(axis=1) is, for every film, its largest similarity to the chosen ones.",
                "value = (1 - trade_off) * scores - trade_off * nearest; set value[chosen] = -np.inf; append "
                "value.argmax().",
            ),
            misconceptions={
                "Your list is the ranking by score. Subtract the largest similarity to the chosen films.": (
                    lambda scores, similar, k, trade_off: np.argsort(-scores, kind="stable")[:k]
                ),
                "These are the right films, sorted by position. Keep the order in which they were chosen.": (
                    lambda scores, similar, k, trade_off: np.sort(mmr(scores, similar, k, trade_off))
                ),
                "These are the right films in reverse order: the first choice comes first.": (
                    lambda scores, similar, k, trade_off: mmr(scores, similar, k, trade_off)[::-1]
                ),
                "Where two values are equal you took the higher position. Ties go to the lower one, as argmax does.": (
                    _mmr_with_ties_to_the_right
                ),
                "You gave both parts equal weights each time. The score has the weight 1 - trade_off, the similarity "
                "trade_off, which is an argument.": (
                    lambda scores, similar, k, trade_off: mmr(scores, similar, k, 0.5)
                ),
                "Your largest similarity is never below 0. If all similarities to the chosen films are negative, the "
                "largest is negative, too: begin with -np.inf, not with 0.": lambda scores, similar, k, trade_off: mmr(
                    scores, np.maximum(similar, 0), k, trade_off
                ),
                "You took the absolute similarity. A film with a negative similarity is unlike the chosen ones.": (
                    lambda scores, similar, k, trade_off: mmr(scores, np.abs(similar), k, trade_off)
                ),
                "You excluded a chosen film with the value -1, and other values can be lower. Use -np.inf.": (
                    lambda scores, similar, k, trade_off: _one_by_one(
                        scores, similar, k, lambda s, near: (1 - trade_off) * s - trade_off * near.max(axis=1), mask=-1
                    )
                ),
                "You used the largest similarity to any other film. Compare with the chosen films alone.": (
                    lambda scores, similar, k, trade_off: _one_by_one(
                        scores, similar, k, lambda s, near: (1 - trade_off) * s - trade_off * _off_diagonal(similar)
                    )
                ),
                "You subtract the same number from every film. The maximum is taken for each film: axis=1.": (
                    lambda scores, similar, k, trade_off: _one_by_one(
                        scores, similar, k, lambda s, near: (1 - trade_off) * s - trade_off * near.max()
                    )
                ),
                "You computed one value for each film and ranked once. After each choice, "
                "compute the values again.": lambda scores, similar, k, trade_off: np.argsort(
                    -((1 - trade_off) * scores - trade_off * (similar - 2 * np.eye(len(scores))).max(axis=1)),
                    kind="stable",
                )[:k],
                "You used the mean similarity to the chosen films. MMR subtracts the largest one.": (
                    lambda scores, similar, k, trade_off: _one_by_one(
                        scores, similar, k, lambda s, near: (1 - trade_off) * s - trade_off * near.mean(axis=1)
                    )
                ),
                "You used the sum of the similarities to the chosen films. MMR subtracts the largest one.": (
                    lambda scores, similar, k, trade_off: _one_by_one(
                        scores, similar, k, lambda s, near: (1 - trade_off) * s - trade_off * near.sum(axis=1)
                    )
                ),
                "You used the smallest similarity to the chosen films. The nearest of them counts: take the maximum.": (
                    lambda scores, similar, k, trade_off: _one_by_one(
                        scores, similar, k, lambda s, near: (1 - trade_off) * s - trade_off * near.min(axis=1)
                    )
                ),
                "You compared with the film chosen last only. Compare with all chosen films, and take the maximum.": (
                    lambda scores, similar, k, trade_off: _one_by_one(
                        scores, similar, k, lambda s, near: (1 - trade_off) * s - trade_off * near[:, -1]
                    )
                ),
                "You compared with the first film only. Compare with all chosen films, and take the maximum.": (
                    lambda scores, similar, k, trade_off: _one_by_one(
                        scores, similar, k, lambda s, near: (1 - trade_off) * s - trade_off * near[:, 0]
                    )
                ),
                "You added the similarity, so films that are alike come together. Subtract it.": (
                    lambda scores, similar, k, trade_off: _one_by_one(
                        scores, similar, k, lambda s, near: (1 - trade_off) * s + trade_off * near.max(axis=1)
                    )
                ),
                "The two weights are swapped: the score has the weight 1 - trade_off, the similarity trade_off.": (
                    lambda scores, similar, k, trade_off: _one_by_one(
                        scores, similar, k, lambda s, near: trade_off * s - (1 - trade_off) * near.max(axis=1)
                    )
                ),
                "You gave the score the weight 1. It has the weight 1 - trade_off.": (
                    lambda scores, similar, k, trade_off: _one_by_one(
                        scores, similar, k, lambda s, near: s - trade_off * near.max(axis=1)
                    )
                ),
                "Your list contains a film twice. Exclude what is already chosen, for example with value[chosen] = "
                "-np.inf.": lambda scores, similar, k, trade_off: _one_by_one(
                    scores, similar, k, lambda s, near: (1 - trade_off) * s - trade_off * near.max(axis=1), mask=None
                ),
            },
        ),
        Exercise(
            "17.4",
            "How far are the genres off?",
            objective="O17.3",
            level="core",
            minutes=8,
            reference=divergence,
            cases=[
                (np.array([0.5, 0.5]), np.array([1.0, 0.0]), 0.2),
                (np.array([0.7, 0.2, 0.1]), np.array([0.1, 0.2, 0.7]), 0.01),
                (np.array([0.25, 0.0, 0.75]), np.array([0.5, 0.5, 0.0]), 0.1),
                (np.array([0.6, 0.3, 0.1, 0.0]), np.array([0.6, 0.3, 0.1, 0.0]), 0.01),
                (np.array([0.0, 1.0]), np.array([0.5, 0.5]), 0.01),
                (np.array([1.0]), np.array([1.0]), 0.01),
            ],
            draw=_draw_shares,
            properties={
                "Your result is NaN. In numpy 0 * log(0) is NaN, and here it counts as 0: leave genres with target 0 "
                "out.": lambda args, value: not np.isnan(np.asarray(value, dtype=float)).any(),
                "Your result is infinite: you divide by a share of 0, or take its logarithm. Mix the list's shares "
                "with the target, and leave out genres with target 0.": lambda args, value: (
                    not np.isinf(np.asarray(value, dtype=float)).any()
                ),
                "You returned a number for each genre. Sum them up.": lambda args, value: np.ndim(value) == 0,
                "Your result is above ln(1 / alpha), which is impossible with this mixture. Mix the shares with the "
                "target by (1 - alpha) and alpha; a tiny number in place of 0 is another formula.": (
                    lambda args, value: float(value) <= -np.log(args[2]) + 1e-9
                ),
            },
            why="The mixture keeps every genre of the person above 0, so the logarithm exists.",
            hints=(
                "Three steps: mix the shares of the list with the target, leave out genres with target 0, sum "
                "p ln(p / mixed).",
                "mixed = (1 - alpha) * shares + alpha * target, and known = target > 0 selects the genres that count.",
            ),
            misconceptions={
                "You swapped the two: this is the divergence of the target from the list. Weight the logarithm of "
                "p / mixed by p.": lambda target, shares, alpha: _masked_kl(
                    np.where(target > 0, (1 - alpha) * shares + alpha * target, 0), target
                ),
                "You always mixed with the weight .01. It is an argument: alpha.": lambda target, shares, alpha: (
                    divergence(target, shares, 0.01)
                ),
                "You always mixed with the weight .2, that of the mini-case. It is an argument: alpha.": (
                    lambda target, shares, alpha: divergence(target, shares, 0.2)
                ),
                "You mixed with equal shares of all genres. Mix with the target.": lambda target, shares, alpha: (
                    _masked_kl(target, (1 - alpha) * shares + alpha / len(target))
                ),
                "You mixed only where the list has 0. The mixture is the same for all genres.": (
                    lambda target, shares, alpha: _masked_kl(target, np.where(shares > 0, shares, alpha * target))
                ),
                "This is the cross-entropy: p is missing under the logarithm, ln(p / mixed).": (
                    lambda target, shares, alpha: float(
                        -np.sum(target * np.log(np.where(target > 0, (1 - alpha) * shares + alpha * target, 1)))
                    )
                ),
                "You averaged over the genres with a target above 0. The divergence is a sum.": (
                    lambda target, shares, alpha: divergence(target, shares, alpha) / np.count_nonzero(target)
                ),
                "You used log2. The course measures in nats: np.log.": lambda target, shares, alpha: (
                    divergence(target, shares, alpha) / np.log(2)
                ),
                "You used log10. The course measures in nats: np.log.": lambda target, shares, alpha: (
                    divergence(target, shares, alpha) / np.log(10)
                ),
                "You took the absolute value of each term. The terms keep their signs.": lambda target, shares, alpha: (
                    float(
                        np.abs(
                            target[target > 0]
                            * np.log(target[target > 0] / ((1 - alpha) * shares + alpha * target)[target > 0])
                        ).sum()
                    )
                ),
                "The weights of your mixture do not sum to 1: the list has 1 - alpha, the target alpha.": (
                    lambda target, shares, alpha: _kl(target, shares + alpha * target)
                ),
                "You swapped the weights of the mixture: the list has 1 - alpha, the target alpha.": (
                    lambda target, shares, alpha: _kl(target, alpha * shares + (1 - alpha) * target)
                ),
                "Your mixture leaves out the target: (1 - alpha) * shares alone. Genres that the list lacks stay at "
                "0.": lambda target, shares, alpha: _kl(
                    np.where(shares > 0, target, 0), np.where(shares > 0, (1 - alpha) * shares, 1)
                ),
                "You skipped the genres that the list lacks. They are what the mixture is for: leave out only genres "
                "with target 0.": lambda target, shares, alpha: _kl(
                    np.where(shares > 0, target, 0), (1 - alpha) * shares + alpha * target
                ),
                "You averaged over the genres. The divergence is a sum, weighted by the target.": (
                    lambda target, shares, alpha: divergence(target, shares, alpha) / len(target)
                ),
                "You weighted the logarithm by the list's shares. Weight it by the target.": (
                    lambda target, shares, alpha: float(
                        (
                            shares[target > 0]
                            * np.log(target[target > 0] / ((1 - alpha) * shares + alpha * target)[target > 0])
                        ).sum()
                    )
                ),
                "The weight is missing: sum p · ln(p / mixed), not ln(p / mixed).": lambda target, shares, alpha: float(
                    np.log(target[target > 0] / ((1 - alpha) * shares + alpha * target)[target > 0]).sum()
                ),
                "Your sign is reversed: the logarithm of mixed / p. The divergence is never negative.": (
                    lambda target, shares, alpha: -divergence(target, shares, alpha)
                ),
            },
        ),
        Exercise(
            "17.5",
            "The exposure of a group of titles",
            objective="O17.4",
            level="core",
            minutes=8,
            reference=exposure_share,
            cases=[
                (np.array([[2, 0, 1]]), np.array([True, False, False])),
                (np.array([[0, 1, 2], [1, 3, 0], [1, 0, 3], [2, 1, 3]]), np.array([False, True, False, False])),
                (np.array([[4, 2], [2, 3], [4, 1]]), np.array([True, True, False, True, False])),
                (np.array([[1, 0]]), np.array([False, False])),
                (np.array([[1, 0], [0, 1]]), np.array([True, True])),
                (np.array([[3], [1], [3]]), np.array([False, True, False, False])),
            ],
            draw=_draw_lists,
            properties={
                "Your result for a group without titles is not a number. Its share is 0: divide by the exposure of all "
                "places, which does not depend on the group.": lambda args, value: (
                    bool(args[1].any()) or bool(np.isfinite(np.asarray(value, dtype=float)).all())
                ),
                "Your result is infinite or NaN, so you divided by 0. What is 0 in this case?": (
                    lambda args, value: bool(np.isfinite(np.asarray(value, dtype=float)).all())
                ),
                "You returned a number for each list. Sum over all lists before you divide.": (
                    lambda args, value: np.ndim(value) == 0
                ),
                "A share lies between 0 and 1. Divide the exposure of the group by the exposure of all places.": (
                    lambda args, value: np.ndim(value) > 0 or -1e-9 <= float(value) <= 1 + 1e-9
                ),
            },
            why="Each place has a weight; a group gets the weights of the places that its titles fill.",
            hints=(
                "First the weight of each place, shape (k,), then which places show a title of the group, shape "
                "(n_users, k).",
                "weight = 1 / np.log2(np.arange(2, k + 2)), and in_group[ranked] marks the places of the group.",
                "The denominator is the weight of all places of all lists: n_users times weight.sum().",
            ),
            misconceptions={
                "You counted places: all ranks have the same weight. Rank r has the weight 1 / log2(1 + r).": (
                    lambda ranked, in_group: float(in_group[ranked].mean())
                ),
                "Your weights are 1 / rank. Use 1 / log2(1 + rank).": lambda ranked, in_group: _share(
                    ranked, in_group, 1 / np.arange(1, ranked.shape[1] + 1)
                ),
                "Your ranks are off by one: the first place has the weight 1 / log2(2) = 1.": (
                    lambda ranked, in_group: _share(ranked, in_group, 1 / np.log2(np.arange(3, ranked.shape[1] + 3)))
                ),
                "Your weights are 1 / (1 + log2(rank)). The 1 is added inside the logarithm: 1 / log2(1 + rank).": (
                    lambda ranked, in_group: _share(
                        ranked, in_group, 1 / (1 + np.log2(np.arange(1, ranked.shape[1] + 1)))
                    )
                ),
                "Your weights grow with the rank. Divide by log2(1 + rank): the first place gets the most attention.": (
                    lambda ranked, in_group: _share(ranked, in_group, np.log2(np.arange(2, ranked.shape[1] + 2)))
                ),
                "Your result is NaN each time. With log2(rank) the first rank, 1, gives 0, and you divide by it: use "
                "log2(1 + rank).": lambda ranked, in_group: float("nan"),
                "You divided by the number of titles in the group as well. The share is that of all together.": (
                    lambda ranked, in_group: float(np.float64(exposure_share(ranked, in_group)) / in_group.sum())
                ),
                "Your result is in percent. The contract asks for a number from 0 to 1.": lambda ranked, in_group: (
                    100 * exposure_share(ranked, in_group)
                ),
                "You looked at the first list only. Sum over all lists.": lambda ranked, in_group: exposure_share(
                    ranked[:1], in_group
                ),
                "This is the share of the titles outside the group.": lambda ranked, in_group: (
                    1 - exposure_share(ranked, in_group)
                ),
                "You divided by k times the weights of one list. There are n_users lists: divide by len(ranked) times "
                "the weights.": lambda ranked, in_group: (
                    exposure_share(ranked, in_group) * len(ranked) / ranked.shape[1]
                ),
                "Your mask looks for True and False among the positions. Use in_group[ranked].": (
                    lambda ranked, in_group: float(
                        (np.isin(ranked, in_group) / np.log2(np.arange(2, ranked.shape[1] + 2))).sum()
                        / (len(ranked) / np.log2(np.arange(2, ranked.shape[1] + 2))).sum()
                    )
                ),
                "You averaged the weighted places. Divide their sum by the sum of all weights instead.": (
                    lambda ranked, in_group: float(
                        (in_group[ranked] / np.log2(np.arange(2, ranked.shape[1] + 2))).mean()
                    )
                ),
                "You returned the share of titles that belong to the group, which does not use the lists.": (
                    lambda ranked, in_group: float(in_group.mean())
                ),
                "You looked at the first places only. All places count, with their weights.": (
                    lambda ranked, in_group: float(in_group[ranked[:, 0]].mean())
                ),
                "You counted each recommended title once. A title has exposure from every place it gets.": (
                    lambda ranked, in_group: float(in_group[np.unique(ranked)].mean())
                ),
                "Your weights run over the people. The rank is the place in a list, the second axis.": (
                    lambda ranked, in_group: _share(ranked.T, in_group, 1 / np.log2(np.arange(2, ranked.shape[0] + 2)))
                ),
                "You divided by the number of people only. Divide by the exposure of all places.": (
                    lambda ranked, in_group: float(
                        (in_group[ranked] / np.log2(np.arange(2, ranked.shape[1] + 2))).sum() / len(ranked)
                    )
                ),
                "You returned the exposure of the group, without dividing by the exposure of all places.": (
                    lambda ranked, in_group: float(
                        (in_group[ranked] / np.log2(np.arange(2, ranked.shape[1] + 2))).sum()
                    )
                ),
                "You used the position of a title as its rank. The rank is its place in the list.": (
                    lambda ranked, in_group: float(
                        (in_group[ranked] / np.log2(ranked + 2)).sum() / (1 / np.log2(ranked + 2)).sum()
                    )
                ),
            },
        ),
        Exercise(
            "17.6",
            "Two estimates from an old log",
            objective="O17.5",
            level="core",
            minutes=8,
            reference=off_policy,
            cases=[
                (np.array([1.0, 0.0]), np.array([0.5, 0.25]), np.array([0.25, 0.5])),
                (np.array([1.0, 0.0, 1.0]), np.array([0.3, 0.6, 0.1]), np.array([0.5, 0.2, 0.8])),
                (
                    np.array([0.0, 1.0, 1.0, 0.0, 1.0]),
                    np.array([0.9, 0.0, 0.4, 0.2, 0.7]),
                    np.array([0.3, 0.5, 0.1, 0.9, 0.6]),
                ),
                (np.array([0.0, 0.0, 0.0]), np.array([0.3, 0.2, 0.5]), np.array([0.2, 0.2, 0.6])),
                (np.array([2.5, -1.0, 0.0]), np.array([0.2, 0.4, 0.4]), np.array([0.8, 0.1, 0.1])),
                (np.array([1.0, 0.0, 1.0]), np.array([0.9, 0.06, 0.04]), np.array([0.05, 0.9, 0.05])),
                (np.array([1.0]), np.array([0.9]), np.array([0.3])),
            ],
            draw=_draw_log,
            properties={
                "Return two numbers, IPS and SNIPS, in this order: `return ips, snips`.": (
                    lambda args, value: isinstance(value, tuple | list | np.ndarray) and len(value) == 2
                ),
                "Each estimate is one number. Sum over the events before you return it.": (
                    lambda args, value: all(np.ndim(part) == 0 for part in value)
                ),
            },
            why="Both weight each event by target / logging; they differ in what they divide by.",
            hints=(
                "One weight for each event: how much more often would the new policy have shown this title?",
                "weights = target / logging. IPS divides the weighted rewards by the number of events, SNIPS by the "
                "sum of the weights.",
            ),
            misconceptions={
                "Your weights are upside down: target / logging, not logging / target.": (
                    lambda rewards, target, logging: _pair(rewards, logging / target)
                ),
                "You cut the weights off at 1. Here they are used as they are: target / logging.": (
                    lambda rewards, target, logging: _clipped(rewards, target, logging, 1)
                ),
                "You cut the weights off at 10. Here they are used as they are: target / logging.": (
                    lambda rewards, target, logging: _clipped(rewards, target, logging, 10)
                ),
                "Your SNIPS divides by the sum of the rewards. Divide by the sum of the weights.": (
                    lambda rewards, target, logging: (
                        off_policy(rewards, target, logging)[0],
                        float((rewards * target / logging).sum() / rewards.sum()),
                    )
                ),
                "Your SNIPS divides by the sum of target. Divide by the sum of the weights, target / logging.": (
                    lambda rewards, target, logging: (
                        off_policy(rewards, target, logging)[0],
                        float((rewards * target / logging).sum() / target.sum()),
                    )
                ),
                "Your SNIPS divides by the weights of the clicked events only. Events without a click count, too.": (
                    lambda rewards, target, logging: (
                        off_policy(rewards, target, logging)[0],
                        float((rewards * target / logging).sum() / (target / logging)[rewards > 0].sum()),
                    )
                ),
                "Both numbers use the clicked events only. Events without a click count, too.": (
                    lambda rewards, target, logging: (
                        float((rewards * target / logging).sum() / (rewards > 0).sum()),
                        float((rewards * target / logging).sum() / (target / logging)[rewards > 0].sum()),
                    )
                ),
                "You replaced each reward by 1 or 0. A reward can be any number.": lambda rewards, target, logging: (
                    _pair(rewards > 0, target / logging)
                ),
                "Your IPS divides by n - 1. It is a plain mean: divide by n.": lambda rewards, target, logging: (
                    float((rewards * target / logging).sum() / max(len(rewards) - 1, 1)),
                    off_policy(rewards, target, logging)[1],
                ),
                "Your weights are target - logging. They are a ratio: target / logging.": (
                    lambda rewards, target, logging: _pair(rewards, target - logging)
                ),
                "Your weights are 1 / logging, as if the new policy showed this for certain. Multiply by target.": (
                    lambda rewards, target, logging: _pair(rewards, 1 / logging)
                ),
                "Your weights are the target probabilities alone. Divide them by the propensities.": (
                    lambda rewards, target, logging: _pair(rewards, target)
                ),
                "The two results are in the wrong order: IPS first, SNIPS second.": (
                    lambda rewards, target, logging: off_policy(rewards, target, logging)[::-1]
                ),
                "Your first number is a sum. IPS is a mean over the events.": lambda rewards, target, logging: (
                    float((rewards * target / logging).sum()),
                    off_policy(rewards, target, logging)[1],
                ),
                "Both numbers are IPS. SNIPS divides by the sum of the weights instead of the number of events.": (
                    lambda rewards, target, logging: (off_policy(rewards, target, logging)[0],) * 2
                ),
                "Both numbers are SNIPS. IPS divides by the number of events.": lambda rewards, target, logging: (
                    (off_policy(rewards, target, logging)[1],) * 2
                ),
                "Your SNIPS divides twice, by the number of events and by the sum of the "
                "weights. Divide by the latter.": lambda rewards, target, logging: (
                    off_policy(rewards, target, logging)[0],
                    off_policy(rewards, target, logging)[1] / len(rewards),
                ),
                "Your SNIPS divides by the sum of 1 / logging. Divide by the sum of the weights, target / logging.": (
                    lambda rewards, target, logging: (
                        off_policy(rewards, target, logging)[0],
                        float((rewards * target / logging).sum() / (1 / logging).sum()),
                    )
                ),
                "Both numbers are the plain mean of the rewards, which is what the old policy earned.": (
                    lambda rewards, target, logging: (float(rewards.mean()),) * 2
                ),
                "You multiplied the mean reward by the mean weight. Weight each reward first, then take the mean.": (
                    lambda rewards, target, logging: (
                        float(rewards.mean() * (target / logging).mean()),
                        off_policy(rewards, target, logging)[1],
                    )
                ),
                "You used the mean over the clicked events only. Events without a click count, too.": (
                    lambda rewards, target, logging: (
                        float((rewards * target / logging).sum() / max((rewards > 0).sum(), 1)),
                        off_policy(rewards, target, logging)[1],
                    )
                ),
            },
        ),
    ],
    decisions=[
        Decision(
            "17.A",
            "Who would be first?",
            objective="O17.1",
            minutes=6,
            replies={
                "without Kane": {
                    "harbor": "Harbor loses .30 and keeps .15. Compute the other two scores without Kane as well.",
                    "crown": "Crown loses .28 and keeps .00. Compute the other two scores without Kane as well.",
                    "voyage": "",
                },
                "without Hall": {
                    "harbor": "Harbor keeps .35. But Hall lowered the score of another title, which now rises.",
                    "crown": "",
                    "voyage": "Voyage keeps .30, and another title has more.",
                },
                "without Gandhi": {
                    "harbor": "",
                    "crown": "Crown loses .10 and keeps .18. Which title keeps more?",
                    "voyage": "Voyage loses .25, most of its score.",
                },
            },
            why="What decides is how much more a film adds to one title than to another. Hall adds little to Harbor, "
            "and still keeps it on top, because it lowers Crown.",
            hints=(
                "Take one film away at a time, and write down the three scores that are left.",
                "Without Hall: Harbor .30 + .05, Crown .28 + .10, Voyage .05 + .25.",
            ),
        ),
        Decision(
            "17.D",
            "Volume or nearest film?",
            objective="O17.2",
            minutes=5,
            replies={
                "DPP": {
                    "crown": "With Harbor, Crown has the determinant .6² · 1² · (1 − 0²) = .36. Compute .9² · 1² · "
                    "(1 − .6²) for Voyage; quality and similarity are squared.",
                    "voyage": "",
                },
                "MMR, t = .5": {
                    "crown": "",
                    "voyage": "Voyage has .5 · .9 − .5 · .6 = .15. Compute the same for Crown.",
                },
                "MMR, t = .2": {
                    "crown": "Crown has .8 · .6 − .2 · 0 = .48. Compute Voyage: its score now counts more.",
                    "voyage": "",
                },
            },
            why="Both rules trade quality against similarity, at different rates. Which is more varied depends on the "
            "settings, so their names alone say little.",
            hints=(
                "For two films the determinant is q₁² · q₂² · (1 − similarity²).",
                "Harbor and Voyage: 1 · .81 · .64. Harbor and Crown: 1 · .36 · 1. For MMR, see section 5.",
            ),
        ),
        Decision(
            "17.B",
            "What can the log say?",
            objective="O17.3",
            minutes=5,
            replies={
                "": {
                    "a": "More clicks of the same kind would make the mean more exact and repeat the same answer.",
                    "b": "",
                    "c": "The divergence is not part of nDCG, so its asymmetry cannot change an nDCG.",
                    "d": "Both lists were scored on the same hidden clicks, none of which the models had seen.",
                }
            },
            why="A title that the old service hardly showed can have hardly any hidden clicks, however much people "
            "would like it. A list with more of such titles loses nDCG in any case.",
            hints=(
                "Which titles can have a hidden click at all?",
                "Think of a title that Mara would love and the old service never showed her.",
            ),
        ),
        Decision(
            "17.C",
            "What do you report?",
            objective="O17.4",
            minutes=6,
            replies={
                "": {
                    "a": "The overall gap is real, but the sentence names a cause that the table contradicts: among "
                    "equally active people the south has the better lists.",
                    "b": "It hides that people in the south do get worse lists on average.",
                    "c": "",
                    "d": "The mean of two gaps of -.05 is -.05, and answers neither who gets less nor why.",
                }
            },
            why="Both numbers answer a question: who gets less, and compared with whom. The next question is why "
            "the south is less active.",
            hints=(
                "Compute the mean of the north and of the south from the four groups and their sizes.",
                "North: (80 · .30 + 20 · .10) / 100. South: (20 · .35 + 80 · .15) / 100. Now compare within each row.",
            ),
        ),
    ],
    predictions=[
        Prediction(
            "P17.1",
            "How many of Mara's eight films must be taken away until *Casablanca* is no longer first?",
            {"a": "one", "b": "two or three", "c": "four or more"},
            lambda size: "a" if size == 1 else "b" if size <= 3 else "c",
        ),
        Prediction(
            "P17.2",
            "A service shows a random title on every tenth place. How does its click rate compare with that of a "
            "service that never does?",
            {
                "a": "lower in all ten rounds",
                "b": "lower in the first round and higher in the last",
                "c": "higher in all ten rounds",
            },
            lambda gains: "b" if gains[0] < 0 < gains[1] else "a" if max(gains) <= 0 else "c",
        ),
    ],
    quiz=[
        Question(
            "O17.1",
            "In iALS, *Kane* contributes .33 to a score of .50. Mara deletes *Kane* from her history. What is the new "
            "score?",
            {
                "a": (".17", "Only if nothing else changes. But the matrix A of iALS contains her history, too."),
                "b": ("It has to be computed again", "Right: without *Kane* the matrix A is another one as well."),
                "c": (".50", "The interaction is gone, so its term is gone."),
            },
            "b",
        ),
        Question(
            "O17.2",
            "In a DPP two titles with similarity 1 have the determinant 0. What follows?",
            {
                "a": (
                    "The greedy choice takes both only if no other title has a positive volume",
                    "Right: the second one would multiply the volume by 0, the smallest value there is.",
                ),
                "b": ("Both have a low score", "The determinant is 0 whatever their scores are."),
                "c": ("They are taken first", "A volume of 0 is the smallest possible one."),
            },
            "a",
        ),
        Question(
            "O17.3",
            "A person's history is 70 % drama and 30 % documentary. Which list of ten is calibrated?",
            {
                "a": (
                    "Ten dramas, the best guess each time",
                    "The documentaries are missing, although three would fit.",
                ),
                "b": ("Five of each, for diversity", "That is diverse, and not in the person's proportions."),
                "c": (
                    "Seven dramas and three documentaries",
                    "Right: the shares of the list equal those of the history.",
                ),
            },
            "c",
        ),
        Question(
            "O17.4",
            "By the log EASE is better than iALS, by the truth it is slightly worse. How is that possible?",
            {
                "a": (
                    "Hidden clicks exist only on titles that were shown",
                    "Right: the log asks what was clicked among what was shown, the truth asks about every title.",
                ),
                "b": ("One of the two numbers must be wrong", "Both can be right. They answer different questions."),
                "c": ("iALS was trained on the truth", "Neither model has seen the truth."),
            },
            "a",
        ),
        Question(
            "O17.5",
            "The mean of the weights target / logging over a large log is 2.6. What does it tell?",
            {
                "a": ("The new policy is 2.6 times better", "The weights do not contain the rewards at all."),
                "b": (
                    "Something is wrong, most likely the propensities",
                    "Right: with right propensities the expected weight is 1, or less without support.",
                ),
                "c": (
                    "The log is too small",
                    "A larger log brings the mean weight nearer to its expected value, here 2.6.",
                ),
            },
            "b",
        ),
    ],
)
