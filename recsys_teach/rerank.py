"""Re-rank lists: maximal marginal relevance, determinantal point processes, calibration. Built in chapter 17."""

from __future__ import annotations

import numpy as np

from recsys_teach._validation import check_integer, check_number, check_numbers

TINY = 1e-12  # a smaller share of the volume is rounding noise


def intra_list_distance(ranked: np.ndarray, similarity: np.ndarray) -> np.ndarray:
    """Compute the mean of 1 - similarity over all pairs of items of each list. Built by hand in chapter 17.

    Parameters
    ----------
    ranked : ndarray of int, shape (n_users, k)
        Item positions, with k at least 2 and no empty rank.
    similarity : ndarray, shape (n_items, n_items)
        Similarity of each pair of items.

    Returns
    -------
    ndarray, shape (n_users,)
        0 if all items of a list are alike.

    Raises
    ------
    ValueError
        If the lists are shorter than 2, or contain positions that are not in the table.

    References
    ----------
    Ziegler, McNee, Konstan and Lausen (2005), "Improving recommendation lists through topic diversification".
    """
    ranked = np.asarray(ranked)
    similarity = _square("similarity", similarity)
    if ranked.ndim != 2 or ranked.shape[1] < 2 or ranked.min(initial=0) < 0 or ranked.max(initial=0) >= len(similarity):
        raise ValueError(
            f"Expected lists of shape (n_users, k) with k at least 2 and positions from 0 to {len(similarity) - 1}; "
            f"got shape {ranked.shape}. Write a single list as ranked[None], and cut off empty ranks."
        )
    k = ranked.shape[1]
    pairs = similarity[ranked[:, :, None], ranked[:, None, :]]  # (n_users, k, k)
    same = pairs.trace(axis1=1, axis2=2)
    return 1 - (pairs.sum(axis=(1, 2)) - same) / (k * (k - 1))


def mmr(scores: np.ndarray, similarity: np.ndarray, k: int, trade_off: float) -> np.ndarray:
    """Choose items one by one by maximal marginal relevance. Built by hand in chapter 17.

    Each step adds the item with the largest (1 - trade_off) · score - trade_off · (largest similarity to an item that
    is already in the list). The first item has the highest score.

    Parameters
    ----------
    scores : ndarray, shape (n_items,)
        Score of each candidate. Scale them, for example to the range from 0 to 1.
    similarity : ndarray, shape (n_items, n_items)
        Similarity of each pair of items.
    k : int
        Length of the list, from 1 to n_items.
    trade_off : float
        0 ranks by score, 1 by dissimilarity alone.

    Returns
    -------
    ndarray of int, shape (k,)
        Positions, first choice first. Ties go to the lower position.

    Raises
    ------
    ValueError
        If the shapes differ, a number is not finite, or a parameter is out of its range.

    References
    ----------
    Carbonell and Goldstein (1998), "The use of MMR, diversity-based reranking for reordering documents and producing
    summaries"; there λ = 1 - trade_off.
    """
    scores, similarity = _candidates(scores, similarity, k)
    check_number("trade_off", trade_off, low=0, high=1)
    chosen = [int(scores.argmax())]
    nearest = similarity[:, chosen[0]].copy()  # largest similarity to what is chosen
    while len(chosen) < k:
        value = (1 - trade_off) * scores - trade_off * nearest
        value[chosen] = -np.inf
        chosen.append(int(value.argmax()))
        nearest = np.maximum(nearest, similarity[:, chosen[-1]])
    return np.array(chosen)


def dpp_kernel(scores: np.ndarray, similarity: np.ndarray, weight: float = 1.0) -> np.ndarray:
    """Build the kernel L_ij = q_i s_ij q_j with q_i = exp(weight · score_i / 2). Built by hand in chapter 17.

    The log-determinant of a set is then weight times the sum of its scores, plus the log-determinant of its
    similarities.

    Parameters
    ----------
    scores : ndarray, shape (n_items,)
        Score of each item.
    similarity : ndarray, shape (n_items, n_items)
        Symmetric and positive semidefinite, such as cosines, with 1 on the diagonal.
    weight : float, default=1.0
        How much the scores count, at least 0.

    Returns
    -------
    ndarray, shape (n_items, n_items)
        The kernel.

    Raises
    ------
    ValueError
        If the shapes differ, a number is not finite, or the weight is negative.

    References
    ----------
    Chen, Zhang and Zhou (2018), "Fast greedy MAP inference for determinantal point process to improve recommendation
    diversity".
    """
    scores, similarity = _candidates(scores, similarity, 1)
    check_number("weight", weight, low=0)
    quality = np.exp(weight * (scores - scores.max()) / 2)  # a common factor changes no choice
    return quality[:, None] * similarity * quality


def greedy_dpp(kernel: np.ndarray, k: int) -> np.ndarray:
    """Choose items one by one so that the determinant of the kernel grows most. Built by hand in chapter 17.

    Instead of a determinant for each candidate, the function updates one row of the Cholesky factor per step: the
    square of the next diagonal entry is the factor by which a candidate multiplies the determinant.

    Parameters
    ----------
    kernel : ndarray, shape (n_items, n_items)
        Symmetric and positive semidefinite, see :func:`dpp_kernel`.
    k : int
        Length of the list, from 1 to n_items.

    Returns
    -------
    ndarray of int, shape (k,) or shorter
        Positions, first choice first. The list ends early if every further item makes the determinant 0.

    Raises
    ------
    ValueError
        If the kernel is not square and symmetric, a number is not finite, or k is out of its range.

    References
    ----------
    Chen, Zhang and Zhou (2018), "Fast greedy MAP inference for determinantal point process to improve recommendation
    diversity", algorithm 1.
    """
    kernel = _square("kernel", kernel)
    if not np.allclose(kernel, kernel.T):
        raise ValueError("Expected a symmetric kernel; got one that differs from its transpose. Use dpp_kernel(...).")
    check_integer("k", k, 1, len(kernel))
    rows = np.zeros((k, len(kernel)))  # row t: entry t of the Cholesky row of each candidate
    alone = np.diag(kernel)
    gain = alone.copy()  # factor by which a candidate multiplies the determinant
    chosen: list[int] = []
    for step in range(k):
        gain[gain <= TINY * alone] = -np.inf  # what is left of the volume is rounding noise
        best = int(gain.argmax())
        if gain[best] == -np.inf:
            break
        rows[step] = (kernel[best] - rows[:step, best] @ rows[:step]) / np.sqrt(gain[best])
        gain = gain - rows[step] ** 2
        gain[best] = -np.inf
        chosen.append(best)
    return np.array(chosen, dtype=int)


def calibration_divergence(target: np.ndarray, shares: np.ndarray, alpha: float = 0.01) -> float:
    """Compute the KL divergence of a list's genre shares from the target's. Built by hand in chapter 17.

    To avoid a division by 0, the list's shares q are mixed with the target p: KL(p | (1 - alpha) q + alpha p).

    Parameters
    ----------
    target : ndarray, shape (n_genres,)
        Shares of the genres in the user's history; they sum to 1.
    shares : ndarray, shape (n_genres,)
        Shares of the genres in the list; they sum to 1.
    alpha : float, default=0.01
        Weight of the target in the mixture, above 0 and below 1.

    Returns
    -------
    float
        0 if the shares are equal, in nats.

    Raises
    ------
    ValueError
        If the shapes differ, shares are negative or do not sum to 1, or alpha is out of its range.

    References
    ----------
    Steck (2018), "Calibrated recommendations", equations 5 and 6.
    """
    check_number("alpha", alpha, above=0, below=1)
    p, q = _shares("target", target), _shares("shares", shares)
    if p.shape != q.shape:
        raise ValueError(f"Expected a share of each genre twice; got shapes {p.shape} and {q.shape}.")
    mixed = (1 - alpha) * q + alpha * p
    known = p > 0  # 0 · ln 0 is 0
    return float((p[known] * np.log(p[known] / mixed[known])).sum())


def calibrated(
    scores: np.ndarray, genres: np.ndarray, target: np.ndarray, k: int, trade_off: float, alpha: float = 0.01
) -> np.ndarray:
    """Choose items one by one so that scores are high and genre shares are near a target. Built in chapter 17.

    Each step adds the item that maximizes (1 - trade_off) · Σ score - trade_off · KL, where the sum and the KL
    divergence are those of the list with the item.

    Parameters
    ----------
    scores : ndarray, shape (n_items,)
        Score of each candidate.
    genres : ndarray, shape (n_items, n_genres)
        Genre shares of each item; rows sum to 1.
    target : ndarray, shape (n_genres,)
        Genre shares of the user's history.
    k : int
        Length of the list, from 1 to n_items.
    trade_off : float
        0 ranks by score, 1 by the divergence alone.
    alpha : float, default=0.01
        See :func:`calibration_divergence`.

    Returns
    -------
    ndarray of int, shape (k,)
        Positions, first choice first. Ties go to the lower position.

    Raises
    ------
    ValueError
        If the shapes differ, shares do not sum to 1, or a parameter is out of its range.

    References
    ----------
    Steck (2018), "Calibrated recommendations", section 3.3.
    """
    scores = check_numbers("scores", scores)
    genres, p = check_numbers("genres", genres), _shares("target", target)
    if scores.ndim != 1 or genres.shape != (len(scores), len(p)):
        raise ValueError(
            f"Expected scores (n_items,), genres (n_items, n_genres) and target (n_genres,); got {scores.shape}, "
            f"{genres.shape} and {p.shape}. Use one row of genres per item and one column per genre."
        )
    check_integer("k", k, 1, len(scores))
    check_number("trade_off", trade_off, low=0, high=1)
    check_number("alpha", alpha, above=0, below=1)
    known = p > 0
    chosen: list[int] = []
    summed, total = np.zeros(len(p)), 0.0
    for size in range(1, k + 1):
        mixed = (1 - alpha) * (summed + genres) / size + alpha * p  # (n_items, n_genres): the list with each candidate
        divergence = (p[known] * np.log(p[known] / mixed[:, known])).sum(axis=1)
        value = (1 - trade_off) * (total + scores) - trade_off * divergence
        value[chosen] = -np.inf
        best = int(value.argmax())
        chosen.append(best)
        summed, total = summed + genres[best], total + scores[best]
    return np.array(chosen)


def _candidates(scores: np.ndarray, similarity: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and similarities as arrays of float; raise if they do not fit each other or k."""
    scores, similarity = check_numbers("scores", scores), _square("similarity", similarity)
    if scores.shape != (len(similarity),) or not len(scores):
        raise ValueError(
            f"Expected scores of shape (n_items,) and similarities of shape (n_items, n_items); got {scores.shape} and "
            f"{similarity.shape}. Take the scores of one user, and the same items in both."
        )
    check_integer("k", k, 1, len(scores))
    return scores, similarity


def _square(name: str, table: np.ndarray) -> np.ndarray:
    table = check_numbers(name, table)
    if table.ndim != 2 or table.shape[0] != table.shape[1]:
        raise ValueError(f"Expected {name} of shape (n_items, n_items); got {table.shape}. Compare all pairs of items.")
    return table


def _shares(name: str, values: np.ndarray) -> np.ndarray:
    values = check_numbers(name, values)
    if values.ndim != 1 or (values < 0).any() or not np.isclose(values.sum(), 1):
        raise ValueError(
            f"Expected {name} as shares that are not negative and sum to 1; got shape {values.shape} with the sum "
            f"{values.sum():g}. Divide by the sum."
        )
    return values
