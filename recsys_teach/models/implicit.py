"""Factors learned from clicks: weighted least squares on every cell, and pairs of items. Built in chapter 06."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse

from recsys_teach.data.interactions import Interactions
from recsys_teach.models.base import Recommender, check_interactions, check_parameters, check_rows, check_users
from recsys_teach.models.factors import Block, map_blocks, padded_blocks
from recsys_teach.training import torch_defaults

TINY = np.finfo(np.float32).tiny  # keeps 0 / 0, where there is nothing left to improve, at 0


def ials_pass(
    blocks: list[Block], own: np.ndarray, other: np.ndarray, ridge: np.ndarray, n_steps: int
) -> tuple[np.ndarray, float]:
    """Improve the factors of every row by a few conjugate-gradient steps. Built by hand in chapter 06.

    Row u minimizes Σ_i c_ui (p_ui − w_u·h_i)² + ridge_u |w_u|² over all columns i, where a cell of value v has
    c = 1 + v and p = 1, and the others have c = 1 and p = 0. The sum over all columns is the Gram matrix HᵀH, the
    same for every row; only the cells that are stored are added row by row.

    Parameters
    ----------
    blocks : list from :func:`padded_blocks`, values above 0.
    own : array, shape (n_rows, n_factors), float32. Where to start.
    other : array, shape (n_columns, n_factors), float32. H.
    ridge : array, shape (n_rows,), float32, above 0.
    n_steps : int. Conjugate-gradient steps; ``n_factors`` of them solve the system, three nearly do.

    Returns
    -------
    array, shape (n_rows, n_factors), float32
        Zeros for a row without cells.
    float
        The sum of what the rows minimize, less Σ c p², which no factor changes. No step raises it.
    """
    gram = other.T @ other
    padded = np.vstack([other, np.zeros_like(other[:1])])
    solved = np.zeros_like(own)

    def improve(block: Block) -> float:
        rows, columns, values = block
        H = padded.take(columns, axis=0)  # (b, length, n_factors)
        w, penalty = own[rows], ridge[rows, None]
        scores = np.matmul(H, w[..., None])[..., 0]  # (b, length)
        residual = np.matmul((1 + values * (1 - scores))[:, None], H)[:, 0] - w @ gram - penalty * w
        loss = -float(np.vdot(1 + values, scores) + np.vdot(w, residual))
        direction, size = residual, _squares(residual)
        for _ in range(n_steps):
            weighted = values * np.matmul(H, direction[..., None])[..., 0]
            image = np.matmul(weighted[:, None], H)[:, 0] + direction @ gram + penalty * direction
            step = size / (np.vecdot(direction, image)[:, None] + TINY)
            w = w + step * direction
            residual = residual - step * image
            loss -= float(np.vdot(step, size))
            before, size = size, _squares(residual)
            direction = residual + size / (before + TINY) * direction
        solved[rows] = w
        return loss

    return solved, sum(map_blocks(improve, blocks))


def _squares(vectors: np.ndarray) -> np.ndarray:
    return np.vecdot(vectors, vectors)[:, None]


class IALS(Recommender):
    """Rank by w_u·h_i, fitted to 1 for a pair that met and, with less weight, to 0 for all others. Built in chapter 06.

    Minimizes Σ_ui c_ui (p_ui − w_u·h_i)² over all cells, with confidence c = 1 + α n and p = 1 for a pair that met n
    times, c = 1 and p = 0 otherwise, plus λ Σ (Σ c) |·|² over users and items: the penalty of a row is in proportion to
    its total confidence. A user with no history scores 0 everywhere, and so does an item never seen.

    Parameters
    ----------
    n_factors : int, at least 1; it may exceed the number of users or items.
    alpha : float above 0. α: how much more a meeting weighs than an empty cell.
    regularization : float above 0. λ, a share of the row's total confidence.
    n_epochs : int, at least 1. Passes over users, each after one over items.
    n_steps : int, at least 1. Conjugate-gradient steps a pass, from where the last pass ended.
    random_state : int. Seed of the start.

    Attributes
    ----------
    user_factors_, item_factors_ : array, shapes (n_users, n_factors) and (n_items, n_factors), float32.
    loss_history_ : list of float, the whole loss after each iteration. It never rises, however few the steps.

    References
    ----------
    Hu, Koren and Volinsky (2008); Takács, Pilászy and Tikk (2011) for the conjugate gradient; Rendle,
    Krichene, Zhang and Koren (2022), "Revisiting the performance of iALS", for the penalty.
    """

    def __init__(
        self,
        n_factors: int = 64,
        alpha: float = 4.0,
        regularization: float = 0.02,
        n_epochs: int = 15,
        *,
        n_steps: int = 3,
        random_state: int = 0,
    ):
        self.n_factors = n_factors
        self.alpha = alpha
        self.regularization = regularization
        self.n_epochs = n_epochs
        self.n_steps = n_steps
        self.random_state = random_state

    def fit(self, interactions: Interactions) -> IALS:
        """Alternate between items and users."""
        check_parameters(self)
        extra = self.alpha * check_interactions(interactions).counts()
        transposed = extra.T.tocsr()
        by_user, by_item = padded_blocks(extra, self.n_factors), padded_blocks(transposed, self.n_factors)
        user_ridge, item_ridge = self._ridge(extra), self._ridge(transposed)
        rng = np.random.default_rng(self.random_state)
        users, items = (
            rng.standard_normal((n, self.n_factors), dtype=np.float32) / np.float32(self.n_factors) for n in extra.shape
        )
        users[np.diff(extra.indptr) == 0] = 0
        without_factors = float(extra.sum() + extra.nnz)
        self.loss_history_: list[float] = []
        for _ in range(self.n_epochs):
            items, _ = ials_pass(by_item, items, users, item_ridge, self.n_steps)
            users, loss = ials_pass(by_user, users, items, user_ridge, self.n_steps)
            self.loss_history_.append(without_factors + loss + float(np.vdot(item_ridge, np.vecdot(items, items))))
        self.user_factors_, self.item_factors_, self.seen_ = users, items, interactions.matrix()
        return self

    def _ridge(self, extra: sparse.csr_array) -> np.ndarray:
        return np.float32(self.regularization) * (extra.shape[1] + extra.sum(axis=1)).astype(np.float32)

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Multiply factors, shape (n, n_items)."""
        users = check_users(self, user_pos)
        return self.user_factors_[users] @ self.item_factors_.T

    def fold_in(self, rows: sparse.csr_array | np.ndarray) -> np.ndarray:
        """Score every item for users who were not there at ``fit``: one weighted least squares each, solved fully.

        Parameters
        ----------
        rows : array or csr_array, shape (n, n_items). How often each user met each item.

        Returns
        -------
        array, shape (n, n_items). A row of the training matrix gets nearly the scores that ``score`` gives it.
        """
        extra = self.alpha * check_rows(self, rows)
        start = np.zeros((extra.shape[0], self.n_factors), dtype=np.float32)
        blocks = padded_blocks(extra, self.n_factors)
        users, _ = ials_pass(blocks, start, self.item_factors_, self._ridge(extra), self.n_factors)
        return users @ self.item_factors_.T


def sample_unseen(seen: sparse.csr_array, user_pos: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw for each user, with equal chances, an item that the user has not met. Built by hand in chapter 06.

    Draws r and takes the unseen item number r, which is r plus the number of seen items before it; so nothing is
    drawn in vain.

    Parameters
    ----------
    seen : csr_array, shape (n_users, n_items), column indices sorted; each user drawn has an item left.
    user_pos : array of int, shape (n,).

    Returns
    -------
    array of int, shape (n,). Item positions.
    """
    n_items = seen.shape[1]
    lengths = np.diff(seen.indptr)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    unseen_before = seen.indices - (np.arange(seen.nnz) - seen.indptr[owner])  # in the user's row, rising
    r = rng.integers(0, n_items - lengths[user_pos])
    seen_before = np.searchsorted(owner * (n_items + 1) + unseen_before, user_pos * (n_items + 1) + r, side="right")
    return r + seen_before - seen.indptr[user_pos]


def bpr_step(
    parameters: list[torch.Tensor], batch: list[torch.Tensor], regularization: float, learning_rate: float
) -> float:
    """Step down the gradient of the loss of a batch of triples, in place. Built by hand in chapter 06.

    The loss is Σ −ln σ(x_u,met − x_u,other) + ½ λ (the squares of all factors and biases of the triple).

    Parameters
    ----------
    parameters : p (n_users, n_factors), q (n_items, n_factors), b (n_items,).
    batch : users, items they met, items they did not, each of shape (n,).
    regularization : float. λ.
    learning_rate : float. Length of the step.

    Returns
    -------
    float. Σ −ln σ before the step.
    """
    user_factors, item_factors, item_bias = parameters
    u, interacted, other = batch
    p, q_met, q_other = user_factors.index_select(0, u), *(item_factors.index_select(0, i) for i in (interacted, other))
    b_met, b_other = item_bias[interacted], item_bias[other]
    gap = q_met - q_other
    margin = b_met - b_other + (p * gap).sum(1)
    push, shrink = learning_rate * torch.sigmoid(-margin), learning_rate * regularization
    pushed = push[:, None] * p
    user_factors.index_add_(0, u, push[:, None] * gap - shrink * p)
    item_factors.index_add_(0, interacted, pushed - shrink * q_met)
    item_factors.index_add_(0, other, -pushed - shrink * q_other)
    item_bias.index_add_(0, interacted, push - shrink * b_met)
    item_bias.index_add_(0, other, -push - shrink * b_other)
    return float(torch.nn.functional.softplus(-margin).sum())


class BPR(Recommender):
    """Rank by p_u·q_i + b_i, learned from pairs: an item met should score above one that was not. Built in chapter 06.

    Each epoch takes every meeting once, in random order, beside an item drawn evenly from those the user has not
    met, and steps down the gradient of −ln σ(x_u,met − x_u,other). A user with no history, or with nothing left to
    meet, keeps factors 0 and gets the item biases; an item never seen is pushed down like any other that was not met.

    Parameters
    ----------
    n_factors : int, at least 1; it may exceed the number of users or items.
    learning_rate : float above 0. Of the first step; it falls to 0 in a straight line.
    regularization : float above 0. λ, of each factor and bias of a pair.
    n_epochs : int, at least 1.
    batch_size : int, at least 1. Pairs a step; their steps add up.
    random_state : int. Seed of the start, of the order and of the items drawn.

    Attributes
    ----------
    user_factors_, item_factors_ : array, shapes (n_users, n_factors) and (n_items, n_factors), float32.
    item_biases_ : array, shape (n_items,), float32.
    loss_history_ : list of float, one an epoch: the mean of −ln σ over its pairs, each taken before its step.

    References
    ----------
    Rendle, Freudenthaler, Gantner and Schmidt-Thieme (2009), "BPR".
    """

    def __init__(
        self,
        n_factors: int = 64,
        learning_rate: float = 0.1,
        regularization: float = 0.02,
        n_epochs: int = 30,
        *,
        batch_size: int = 1000,
        random_state: int = 0,
    ):
        self.n_factors = n_factors
        self.learning_rate = learning_rate
        self.regularization = regularization
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.random_state = random_state

    @torch_defaults()
    def fit(self, interactions: Interactions) -> BPR:
        """Draw pairs and step.

        Raises
        ------
        ValueError
            If a parameter is not above 0, or the steps are so long that the loss is no longer a number.
        """
        check_parameters(self)
        seen = check_interactions(interactions).matrix()
        n_users, n_items = seen.shape
        rng = np.random.default_rng(self.random_state)
        n_met = np.diff(seen.indptr)
        learns = (n_met > 0) & (n_met < n_items)
        users = 0.1 * rng.standard_normal((n_users, self.n_factors), dtype=np.float32) * learns[:, None]
        items = 0.1 * rng.standard_normal((n_items, self.n_factors), dtype=np.float32)
        parameters = [torch.from_numpy(array) for array in (users, items, np.zeros(n_items, dtype=np.float32))]
        u, interacted = (positions[np.repeat(learns, n_met)] for positions in seen.tocoo().coords)
        n_steps = self.n_epochs * max(1, -(-len(u) // self.batch_size))
        rates = iter(self.learning_rate * (1 - np.arange(n_steps) / n_steps))
        self.loss_history_: list[float] = []
        for _ in range(self.n_epochs):
            order = rng.permutation(len(u))
            columns = u[order], interacted[order], sample_unseen(seen, u[order], rng)
            batches = zip(*(torch.as_tensor(column).split(self.batch_size) for column in columns), strict=True)
            loss = sum(bpr_step(parameters, list(batch), self.regularization, next(rates)) for batch in batches)
            if not np.isfinite(loss):
                raise ValueError(
                    f"BPR ran away in epoch {len(self.loss_history_)}: lower learning_rate, {self.learning_rate}, "
                    f"or batch_size, {self.batch_size}; steps of one batch add up."
                )
            self.loss_history_.append(loss / max(1, len(u)))
        self.user_factors_, self.item_factors_, self.item_biases_ = (p.numpy() for p in parameters)
        self.seen_ = seen
        return self

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Multiply factors and add the item biases, shape (n, n_items)."""
        users = check_users(self, user_pos)
        return self.item_biases_ + self.user_factors_[users] @ self.item_factors_.T
