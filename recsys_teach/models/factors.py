"""Matrix factorization with biases, learned from ratings by two solvers. Built by hand in chapter 05."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import MappingProxyType

import numpy as np
import torch
from scipy import sparse
from threadpoolctl import threadpool_limits

from recsys_teach._validation import check_choice
from recsys_teach.data.interactions import Interactions
from recsys_teach.models.base import (
    Recommender,
    check_interactions,
    check_pairs,
    check_parameters,
    check_rows,
    check_users,
)
from recsys_teach.training import torch_defaults

BLOCK_BYTES = 2**20  # of gathered factors; they are read several times, so they should stay in the core's cache
Block = tuple[np.ndarray, np.ndarray, np.ndarray]


def padded_blocks(matrix: sparse.csr_array, n_factors: int) -> list[Block]:
    """Cut the rows of a sparse matrix into blocks that are rectangular and fit the cache.

    Rows of similar length share a block, so little is padded. Empty rows are in no block.

    Parameters
    ----------
    matrix : csr_array, shape (n_rows, n_columns).
    n_factors : int. Length of the float32 vector that will be gathered for each cell.

    Returns
    -------
    list of (rows, columns, values), shapes (b,), (b, length), (b, length). A cell that only pads has the column
    ``n_columns`` and the value 0: append a row of zeros to the factors, and it adds nothing to any sum.
    """
    lengths = np.diff(matrix.indptr)
    order = np.argsort(-lengths, kind="stable")
    order = order[lengths[order] > 0]
    blocks: list[Block] = []
    start = 0
    while start < len(order):
        longest = lengths[order[start]]
        rows = order[start : start + max(1, BLOCK_BYTES // (4 * longest * n_factors))]
        real = np.arange(longest) < lengths[rows, None]
        cells = np.where(real, matrix.indptr[rows, None] + np.arange(longest), 0)
        columns = np.where(real, matrix.indices[cells], matrix.shape[1])
        blocks.append((rows, columns, np.where(real, matrix.data[cells], 0).astype(np.float32)))
        start += len(rows)
    return blocks


def map_blocks(work: Callable[[Block], float], blocks: list[Block]) -> list[float]:
    """Call a function for every block, on as many threads as torch takes; the results come in the order of the blocks.

    The products of a block are too small to be divided among threads, so each thread takes whole blocks.
    """
    n_threads = torch.get_num_threads()
    if n_threads == 1 or len(blocks) < 2 * n_threads:
        return [work(block) for block in blocks]
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(work, blocks))


def als_pass(blocks: list[Block], other: np.ndarray, ridge: np.ndarray) -> tuple[np.ndarray, float]:
    """Solve the ridge regression of every row exactly while the other side stands still. Built in chapter 05.

    Row u minimizes Σ_i (r_ui − b_i − b_u − p_u·q_i)² + ridge_u (|p_u|² + b_u²) over its cells i.

    Parameters
    ----------
    blocks : list from :func:`padded_blocks`, the values are ratings minus their mean.
    other : array, shape (n_columns, n_factors + 1). Factors q_i of the other side, the bias b_i last.
    ridge : array, shape (n_rows,), above 0 for every row that has cells.

    Returns
    -------
    array, shape (n_rows, n_factors + 1)
        Factors p_u, the bias b_u last; zeros for a row without cells.
    float
        The minimum, summed over rows.
    """
    solved = np.zeros((len(ridge), other.shape[1]), dtype=np.float32)
    bias = np.append(other[:, -1], 0)
    design = np.vstack([other, np.zeros_like(other[:1])])
    design[:-1, -1] = 1  # a row's own bias is the weight of a constant
    diagonal = np.arange(other.shape[1])
    loss = 0.0
    for rows, columns, values in blocks:
        X = design.take(columns, axis=0)  # (b, length, n_factors + 1)
        y = values - bias[columns]
        normal = np.matmul(X.swapaxes(1, 2), X)
        normal[:, diagonal, diagonal] += ridge[rows, None]
        right = np.matmul(y[:, None], X)[:, 0]
        solved[rows] = np.linalg.solve(normal, right[..., None])[..., 0]
        loss += float(np.vdot(y, y) - np.vdot(solved[rows], right))
    return solved, loss


def sgd_step(
    parameters: list[torch.Tensor], batch: list[torch.Tensor], ridge: list[torch.Tensor], learning_rate: float
) -> float:
    """Step down the gradient of half the loss of a batch of ratings, in place. Built in chapter 05.

    The loss is Σ e_ui² + ridge_u (|p_u|² + b_u²) + ridge_i (|q_i|² + b_i²), one term a rating of the batch.

    Parameters
    ----------
    parameters : p (n_users, n_factors), b_u (n_users,), q (n_items, n_factors), b_i (n_items,).
    batch : users, items and ratings minus their mean, each of shape (n,).
    ridge : of a user's and of an item's rating, shapes (n_users,) and (n_items,).
    learning_rate : float. Length of the step.

    Returns
    -------
    float. Sum of the squared errors before the step.
    """
    user_factors, user_bias, item_factors, item_bias = parameters
    u, i, ratings = batch
    p, q = user_factors.index_select(0, u), item_factors.index_select(0, i)  # faster than user_factors[u]
    b_u, b_i = user_bias[u], item_bias[i]
    error = ratings - b_u - b_i - (p * q).sum(1)
    step, shrink_u, shrink_i = learning_rate * error, learning_rate * ridge[0][u], learning_rate * ridge[1][i]
    user_factors.index_add_(0, u, step[:, None] * q - shrink_u[:, None] * p)
    item_factors.index_add_(0, i, step[:, None] * p - shrink_i[:, None] * q)
    user_bias.index_add_(0, u, step - shrink_u * b_u)
    item_bias.index_add_(0, i, step - shrink_i * b_i)
    return float(error @ error)


class BiasedMF(Recommender):
    """Predict a rating as μ + b_u + b_i + p_u·q_i, fitted to the observed cells alone. Built in chapter 05.

    Both solvers minimize Σ (r_ui − μ − b_u − b_i − p_u·q_i)² over the observed cells, plus
    λ Σ_u √n_u (|p_u|² + b_u²) + λ Σ_i √n_i (|q_i|² + b_i²), where n counts ratings. On MovieLens-100K
    both λ n and λ alone in place of λ √n predict worse.

    A user or item without ratings has factors and bias 0; if all ratings are equal, so is every prediction.

    Parameters
    ----------
    n_factors : int, at least 1; it may exceed the number of users or items.
    regularization : float above 0. λ, in squared units of the ratings.
    n_epochs : int, at least 1. Passes over the ratings. 10 do for ALS; SGD wants about 20, and 32 factors.
    solver : "als" solves each item's, then each user's regression exactly; "sgd" steps down the gradient of
        small random batches, with a learning rate that falls to 0 in a straight line.
    learning_rate : float above 0. Of the first step; "sgd" only.
    batch_size : int, at least 1. Ratings a step; "sgd" only.
    value : str. The column of the log to predict.
    random_state : int. Seed of the start and of the order of the batches.

    Attributes
    ----------
    mean_ : float. μ.
    user_factors_, item_factors_ : array, shapes (n_users, n_factors) and (n_items, n_factors), float32.
    user_biases_, item_biases_ : array, shapes (n_users,) and (n_items,), float32.
    scale_ : (float, float). Lowest and highest rating seen in training.
    loss_history_ : list of float, one an epoch. "als": the whole loss after the epoch, which never rises.
        "sgd": the sum of squared errors, each taken just before its batch's step.

    References
    ----------
    Koren, Bell and Volinsky (2009) for the model and both solvers; Zhou et al. (2008) for weights that grow
    with n, Salakhutdinov and Srebro (2010) for powers of n between 0 and 1.
    """

    own_checks = MappingProxyType({"solver": partial(check_choice, choices=("als", "sgd"))})

    def __init__(
        self,
        n_factors: int = 16,
        regularization: float = 1.3,
        n_epochs: int = 10,
        *,
        solver: str = "als",
        learning_rate: float = 0.08,
        batch_size: int = 2000,
        value: str = "rating",
        random_state: int = 0,
    ):
        self.n_factors = n_factors
        self.regularization = regularization
        self.n_epochs = n_epochs
        self.solver = solver
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.value = value
        self.random_state = random_state

    @torch_defaults()
    def fit(self, interactions: Interactions) -> BiasedMF:
        """Learn biases and factors from the observed ratings.

        Raises
        ------
        ValueError
            If a parameter does not fit, the ratings are absent, NaN or double, or SGD runs away.
        """
        check_parameters(self)
        ratings = check_interactions(interactions).matrix(self.value)
        self.mean_ = float(ratings.data.mean())
        self.rating_range_ = float(ratings.data.min()), float(ratings.data.max())
        self.loss_history_: list[float] = []
        ratings.data -= self.mean_
        {"als": self._fit_als, "sgd": self._fit_sgd}[self.solver](ratings)
        self.seen_ = interactions.matrix()
        return self

    def _fit_als(self, ratings: sparse.csr_array) -> None:
        rng = np.random.default_rng(self.random_state)
        users = 0.1 * rng.standard_normal((ratings.shape[0], self.n_factors + 1), dtype=np.float32)
        users[:, -1] = 0
        by_user = padded_blocks(ratings, self.n_factors + 1)
        by_item = padded_blocks(ratings.T.tocsr(), self.n_factors + 1)
        user_ridge, item_ridge = (self.regularization * np.sqrt(n) for n in _counts(ratings))
        for _ in range(self.n_epochs):
            items, _ = als_pass(by_item, users, item_ridge)
            users, loss = als_pass(by_user, items, user_ridge)
            self.loss_history_.append(loss + float(item_ridge @ (items**2).sum(1)))
        self.user_factors_, self.user_biases_ = users[:, :-1], users[:, -1]
        self.item_factors_, self.item_biases_ = items[:, :-1], items[:, -1]

    def _fit_sgd(self, ratings: sparse.csr_array) -> None:
        generator = torch.Generator().manual_seed(int(self.random_state))
        cells = ratings.tocoo()
        log = [torch.as_tensor(column) for column in (*cells.coords, cells.data.astype(np.float32))]
        parameters, ridge = [], []
        for counts in _counts(ratings):
            n = torch.as_tensor(counts, dtype=torch.float32)
            start = 0.1 * torch.randn(len(n), self.n_factors, generator=generator)
            parameters += [start * (n > 0)[:, None], torch.zeros(len(n))]
            ridge.append(self.regularization / n.clamp(min=1).sqrt())  # n ratings add up to λ √n
        n_steps = self.n_epochs * -(-ratings.nnz // self.batch_size)
        rates = iter(self.learning_rate * (1 - np.arange(n_steps) / n_steps))
        for _ in range(self.n_epochs):
            shuffled = torch.randperm(ratings.nnz, generator=generator)
            batches = zip(*(column[shuffled].split(self.batch_size) for column in log), strict=True)
            loss = sum(sgd_step(parameters, list(batch), ridge, next(rates)) for batch in batches)
            if not np.isfinite(loss):
                raise ValueError(
                    f"SGD ran away in epoch {len(self.loss_history_)}: lower learning_rate, {self.learning_rate}, "
                    f"or batch_size, {self.batch_size}; steps of one batch add up."
                )
            self.loss_history_.append(loss)
        self.user_factors_, self.user_biases_, self.item_factors_, self.item_biases_ = (p.numpy() for p in parameters)

    def predict(self, user_pos: np.ndarray, item_pos: np.ndarray) -> np.ndarray:
        """Predict the ratings of pairs, shapes (n,) and (n,) to (n,), cut to the range seen in training.

        Raises
        ------
        ValueError
            If the model is not fitted, a position is unknown, or the shapes differ.
        """
        u, i = check_pairs(self, user_pos, item_pos)
        interest = np.einsum("nk,nk->n", self.user_factors_[u], self.item_factors_[i])
        return np.clip(self.mean_ + self.user_biases_[u] + self.item_biases_[i] + interest, *self.rating_range_)

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Predict every item's rating for some users, shape (n, n_items); not cut, so that few scores tie."""
        u = check_users(self, user_pos)
        return self._score(self.user_factors_[u], self.user_biases_[u])

    def _score(self, factors: np.ndarray, bias: np.ndarray) -> np.ndarray:
        return self.mean_ + bias[:, None] + self.item_biases_ + factors @ self.item_factors_.T

    def fold_in(self, rows: sparse.csr_array | np.ndarray) -> np.ndarray:
        """Score every item for users who were not there at ``fit``: one ridge regression each.

        Parameters
        ----------
        rows : array or csr_array, shape (n, n_items). Ratings; in an array 0 is "no rating".

        Returns
        -------
        array, shape (n, n_items)
            After "als" a row of the training matrix gets the scores that ``score`` gives it.
        """
        ratings = check_rows(self, rows).copy()
        ratings.data -= self.mean_
        ridge = self.regularization * np.sqrt(np.diff(ratings.indptr))
        blocks = padded_blocks(ratings, self.n_factors + 1)
        users, _ = als_pass(blocks, np.column_stack([self.item_factors_, self.item_biases_]), ridge)
        return self._score(users[:, :-1], users[:, -1])


def _counts(ratings: sparse.csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Count the ratings of each user and of each item."""
    return np.diff(ratings.indptr), np.bincount(ratings.indices, minlength=ratings.shape[1])
