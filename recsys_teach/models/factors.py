"""Factorize a matrix of ratings with biases, by ALS or SGD. Built by hand in chapter 05."""

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

# Size of the factors gathered for one block. They are read several times, so they should stay in the core's cache.
BLOCK_BYTES = 2**20
Block = tuple[np.ndarray, np.ndarray, np.ndarray]


def padded_blocks(matrix: sparse.csr_array, n_factors: int) -> list[Block]:
    """Cut the rows of a sparse matrix into rectangular blocks that fit into the cache.

    Rows of similar length share a block, so there is little padding. Empty rows are in no block.

    Parameters
    ----------
    matrix : csr_array, shape (n_rows, n_columns)
        The matrix to cut.
    n_factors : int
        Length of the float32 vector that will be gathered for each cell.

    Returns
    -------
    list of (rows, columns, values), shapes (b,), (b, length), (b, length)
        One tuple of arrays for each block. A padded cell has the column ``n_columns`` and the value 0: append a row of
        zeros to the factors, and padding adds nothing to any sum.
    """
    lengths = np.diff(matrix.indptr)
    order = np.argsort(-lengths, kind="stable")  # longest rows first, so that the rows of a block need little padding
    order = order[lengths[order] > 0]
    blocks: list[Block] = []
    start = 0
    while start < len(order):
        longest = lengths[order[start]]
        rows = order[start : start + max(1, BLOCK_BYTES // (4 * longest * n_factors))]
        is_cell = np.arange(longest) < lengths[rows, None]
        cells = np.where(is_cell, matrix.indptr[rows, None] + np.arange(longest), 0)
        columns = np.where(is_cell, matrix.indices[cells], matrix.shape[1])
        blocks.append((rows, columns, np.where(is_cell, matrix.data[cells], 0).astype(np.float32)))
        start += len(rows)
    return blocks


def map_blocks(work: Callable[[Block], float], blocks: list[Block]) -> list[float]:
    """Call a function for every block, on as many threads as PyTorch uses.

    The matrix products of one block are too small to be divided among threads, so each thread processes complete
    blocks.

    Parameters
    ----------
    work : callable
        Function of one block that returns a number. It may run in several threads at once.
    blocks : list of tuple
        Blocks from :func:`padded_blocks`.

    Returns
    -------
    list of float
        The results in the order of the blocks.
    """
    n_threads = torch.get_num_threads()
    if n_threads == 1 or len(blocks) < 2 * n_threads:
        return [work(block) for block in blocks]
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(work, blocks))


def als_pass(blocks: list[Block], other: np.ndarray, ridge: np.ndarray) -> tuple[np.ndarray, float]:
    """Solve the ridge regression of every row exactly, with the other side fixed. Built in chapter 05.

    Row u minimizes Σ_i (r_ui − b_i − b_u − p_u·q_i)² + ridge_u (|p_u|² + b_u²) over its cells i.

    Parameters
    ----------
    blocks : list of tuple
        Blocks from :func:`padded_blocks`. The values are ratings minus their mean.
    other : array, shape (n_columns, n_factors + 1)
        Factors q_i of the other side, with the bias b_i in the last column.
    ridge : array, shape (n_rows,)
        The penalty of each row, above 0 for every row that has cells.

    Returns
    -------
    solved : array, shape (n_rows, n_factors + 1)
        Factors p_u, with the bias b_u in the last column; zeros for a row without cells.
    loss : float
        The minimum, summed over rows.
    """
    solved = np.zeros((len(ridge), other.shape[1]), dtype=np.float32)
    bias = np.append(other[:, -1], 0)
    design = np.vstack([other, np.zeros_like(other[:1])])
    design[:-1, -1] = 1  # the bias b_u of a row is the coefficient of a constant feature; padded cells stay 0
    diagonal = np.arange(other.shape[1])
    loss = 0.0
    for rows, columns, values in blocks:
        X = design.take(columns, axis=0)  # (b, length, n_factors + 1)
        y = values - bias[columns]  # (b, length)
        # The normal equations (XᵀX + ridge I) w = Xᵀy, one system for each of the b rows.
        gram = np.matmul(X.swapaxes(1, 2), X)  # (b, n_factors + 1, n_factors + 1)
        gram[:, diagonal, diagonal] += ridge[rows, None]
        Xty = np.matmul(y[:, None], X)[:, 0]  # (b, n_factors + 1)
        solved[rows] = np.linalg.solve(gram, Xty[..., None])[..., 0]
        loss += float(np.vdot(y, y) - np.vdot(solved[rows], Xty))  # the minimum of ridge regression is yᵀy − wᵀXᵀy
    return solved, loss


def sgd_step(
    parameters: list[torch.Tensor], batch: list[torch.Tensor], ridge: list[torch.Tensor], learning_rate: float
) -> float:
    """Take one gradient step on half the loss of a batch of ratings, in place. Built in chapter 05.

    The loss is Σ e_ui² + ridge_u (|p_u|² + b_u²) + ridge_i (|q_i|² + b_i²), with one term for each rating of the batch.

    Parameters
    ----------
    parameters : list of Tensor
        p (n_users, n_factors), b_u (n_users,), q (n_items, n_factors) and b_i (n_items,). They are changed in place.
    batch : list of Tensor, shape (n,)
        Users, items, and ratings minus their mean.
    ridge : list of Tensor
        The penalty for each rating of a user (n_users,) and of an item (n_items,).
    learning_rate : float
        Step size.

    Returns
    -------
    float
        The sum of the squared errors before the step.
    """
    user_factors, user_bias, item_factors, item_bias = parameters
    u, i, ratings = batch
    # All gradients use the parameters from before the step, so the rows are copied first.
    p, q = user_factors.index_select(0, u), item_factors.index_select(0, i)  # faster than user_factors[u]
    b_u, b_i = user_bias[u], item_bias[i]
    error = ratings - b_u - b_i - (p * q).sum(1)
    step, shrink_u, shrink_i = learning_rate * error, learning_rate * ridge[0][u], learning_rate * ridge[1][i]
    # index_add_ adds up the steps of a user or item that occurs several times in the batch.
    user_factors.index_add_(0, u, step[:, None] * q - shrink_u[:, None] * p)
    item_factors.index_add_(0, i, step[:, None] * p - shrink_i[:, None] * q)
    user_bias.index_add_(0, u, step - shrink_u * b_u)
    item_bias.index_add_(0, i, step - shrink_i * b_i)
    return float(error @ error)


class BiasedMF(Recommender):
    """Predict a rating as μ + b_u + b_i + p_u·q_i, fitted to the observed cells only. Built in chapter 05.

    Both solvers minimize Σ (r_ui − μ − b_u − b_i − p_u·q_i)² over the observed cells, plus
    λ Σ_u √n_u (|p_u|² + b_u²) + λ Σ_i √n_i (|q_i|² + b_i²), where n is the number of ratings. On MovieLens-100K
    both λ n and λ alone in place of λ √n predict worse.

    A user or item without ratings has factors and bias 0. If all ratings are equal, all predictions are, too.

    Parameters
    ----------
    n_factors : int, default=16
        Number of latent factors, at least 1; it may exceed the number of users or items.
    regularization : float, default=1.3
        λ, above 0, in squared units of the ratings.
    n_epochs : int, default=10
        Number of passes over the ratings, at least 1. ALS needs about 10; SGD needs about 20, and 32 factors.
    solver : {"als", "sgd"}, default="als"
        "als" solves the regression of each item exactly, then that of each user. "sgd" takes gradient steps on small
        random batches, with a learning rate that decreases linearly to 0.
    learning_rate : float, default=0.08
        Learning rate of the first step, above 0; only for "sgd".
    batch_size : int, default=2000
        Number of ratings in a step, at least 1; only for "sgd".
    value : str, default="rating"
        The column of the log to predict.
    random_state : int, default=0
        Seed of the initial factors and of the order of the batches.

    Attributes
    ----------
    mean_ : float
        μ, the mean of all training ratings.
    user_factors_ : array, shape (n_users, n_factors), float32
        p_u.
    item_factors_ : array, shape (n_items, n_factors), float32
        q_i.
    user_biases_ : array, shape (n_users,), float32
        b_u.
    item_biases_ : array, shape (n_items,), float32
        b_i.
    rating_range_ : tuple of float
        The lowest and the highest training rating.
    loss_history_ : list of float
        One value for each epoch. "als": the total loss after the epoch, which never increases. "sgd": the sum of
        squared errors, each computed just before the step of its batch.

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
        """Fit biases and factors to the observed ratings.

        Parameters
        ----------
        interactions : Interactions
            The training set, with the column ``value``.

        Returns
        -------
        BiasedMF
            The fitted model itself.

        Raises
        ------
        ValueError
            If a parameter is out of its range, the ratings are absent or contain NaN, a pair has two ratings, or SGD
            diverges.
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
        """Alternate between the regressions of all items and those of all users."""
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
        """Take gradient steps on random batches of ratings."""
        generator = torch.Generator().manual_seed(int(self.random_state))
        cells = ratings.tocoo()
        columns = [torch.as_tensor(column) for column in (*cells.coords, cells.data.astype(np.float32))]
        parameters, ridge = [], []
        for counts in _counts(ratings):
            n = torch.as_tensor(counts, dtype=torch.float32)
            initial_factors = 0.1 * torch.randn(len(n), self.n_factors, generator=generator)
            parameters += [initial_factors * (n > 0)[:, None], torch.zeros(len(n))]
            ridge.append(self.regularization / n.clamp(min=1).sqrt())  # λ / √n for each of n ratings sums to λ √n
        n_steps = self.n_epochs * -(-ratings.nnz // self.batch_size)
        learning_rates = iter(self.learning_rate * (1 - np.arange(n_steps) / n_steps))
        for _ in range(self.n_epochs):
            order = torch.randperm(ratings.nnz, generator=generator)
            batches = zip(*(column[order].split(self.batch_size) for column in columns), strict=True)
            loss = sum(sgd_step(parameters, list(batch), ridge, next(learning_rates)) for batch in batches)
            if not np.isfinite(loss):
                raise ValueError(
                    f"Expected a finite loss; SGD diverged in epoch {len(self.loss_history_)} with learning_rate="
                    f"{self.learning_rate} and batch_size={self.batch_size}. Decrease learning_rate, or batch_size: "
                    "the steps of all ratings in a batch add up."
                )
            self.loss_history_.append(loss)
        self.user_factors_, self.user_biases_, self.item_factors_, self.item_biases_ = (p.numpy() for p in parameters)

    def predict(self, user_pos: np.ndarray, item_pos: np.ndarray) -> np.ndarray:
        """Predict one rating for each pair, clipped to the range of the training ratings.

        Parameters
        ----------
        user_pos : array of int, shape (n,)
            Positions of the users, not ids.
        item_pos : array of int, shape (n,)
            Positions of the items, not ids.

        Returns
        -------
        array, shape (n,)
            Predicted ratings.

        Raises
        ------
        ValueError
            If the model is not fitted, a position is unknown, or the shapes differ.
        """
        u, i = check_pairs(self, user_pos, item_pos)
        interest = np.einsum("nk,nk->n", self.user_factors_[u], self.item_factors_[i])
        return np.clip(self.mean_ + self.user_biases_[u] + self.item_biases_[i] + interest, *self.rating_range_)

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Predict all ratings of some users, without clipping, so that there are fewer ties.

        Parameters
        ----------
        user_pos : array of int, shape (n,)
            Positions of the users, not ids.

        Returns
        -------
        array, shape (n, n_items)
            Predicted ratings.
        """
        u = check_users(self, user_pos)
        return self._score(self.user_factors_[u], self.user_biases_[u])

    def _score(self, factors: np.ndarray, bias: np.ndarray) -> np.ndarray:
        return self.mean_ + bias[:, None] + self.item_biases_ + factors @ self.item_factors_.T

    def fold_in(self, rows: sparse.csr_array | np.ndarray) -> np.ndarray:
        """Score every item for users outside the training set, by one ridge regression for each user.

        Parameters
        ----------
        rows : array or csr_array, shape (n, n_items)
            Ratings. A cell of 0 is missing.

        Returns
        -------
        array, shape (n, n_items)
            Predicted ratings, not clipped. After "als" a row of the training matrix gets the same scores as from
            ``score``.
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
