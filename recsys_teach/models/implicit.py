"""Learn factors from implicit feedback, by weighted least squares or pairwise ranking. Built in chapter 06."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse

from recsys_teach.data.interactions import Interactions
from recsys_teach.models.base import Recommender, check_interactions, check_parameters, check_rows, check_users
from recsys_teach.models.factors import Block, map_blocks, padded_blocks
from recsys_teach.training import torch_defaults

TINY = np.finfo(np.float32).tiny  # added to denominators, so that 0 / 0 of a row that has converged becomes 0


def ials_pass(
    blocks: list[Block], initial: np.ndarray, other: np.ndarray, ridge: np.ndarray, n_steps: int
) -> tuple[np.ndarray, float]:
    """Improve the factors of every row by a few conjugate-gradient steps. Built by hand in chapter 06.

    Row u minimizes Σ_i c_ui (p_ui − w_u·h_i)² + ridge_u |w_u|² over all columns i, where a stored cell of value v has c
    = 1 + v and p = 1, and all other cells have c = 1 and p = 0. The sum over all columns contains the Gram matrix HᵀH,
    which is the same for every row; only the stored cells are added row by row.

    Parameters
    ----------
    blocks : list of tuple
        Blocks from :func:`~recsys_teach.models.factors.padded_blocks`, with values above 0.
    initial : array, shape (n_rows, n_factors), float32
        The initial factors of the rows.
    other : array, shape (n_columns, n_factors), float32
        H, the factors of the other side, which stay fixed.
    ridge : array, shape (n_rows,), float32
        The penalty of each row, above 0.
    n_steps : int
        Number of conjugate-gradient steps; ``n_factors`` steps solve the system, and three steps nearly do.

    Returns
    -------
    solved : array, shape (n_rows, n_factors), float32
        The new factors; zeros for a row without cells.
    loss : float
        The sum of what the rows minimize, without Σ c p², which does not depend on the factors. No step increases it.
    """
    gram = other.T @ other
    padded = np.vstack([other, np.zeros_like(other[:1])])
    solved = np.zeros_like(initial)

    def improve(block: Block) -> float:
        """Take the steps of all rows of a block at once, and return their summed loss."""
        rows, columns, values = block
        H = padded.take(columns, axis=0)  # (b, length, n_factors)
        w, penalty = initial[rows], ridge[rows, None]
        scores = np.matmul(H, w[..., None])[..., 0]  # (b, length)
        # The system of a row is A w = b with A = HᵀH + Σ v h hᵀ + ridge I and b = Σ (1 + v) h, both sums over stored
        # cells. A is never built: the Gram matrix covers all columns with weight 1, and v adds the rest of c = 1 + v.
        # A padded cell has h = 0, so the 1 in 1 + v adds nothing there.
        residual = np.matmul((1 + values * (1 - scores))[:, None], H)[:, 0] - w @ gram - penalty * w  # b − A w
        loss = -float(np.vdot(1 + values, scores) + np.vdot(w, residual))  # wᵀA w − 2 wᵀb = −wᵀb − wᵀ(b − A w)
        direction, squared_norm = residual, _squared_norms(residual)
        for _ in range(n_steps):
            weighted = values * np.matmul(H, direction[..., None])[..., 0]
            A_direction = np.matmul(weighted[:, None], H)[:, 0] + direction @ gram + penalty * direction
            step = squared_norm / (np.vecdot(direction, A_direction)[:, None] + TINY)  # the exact line search
            w = w + step * direction
            residual = residual - step * A_direction
            loss -= float(np.vdot(step, squared_norm))  # the decrease of the quadratic along this direction
            previous, squared_norm = squared_norm, _squared_norms(residual)
            direction = residual + squared_norm / (previous + TINY) * direction
        solved[rows] = w
        return loss

    return solved, sum(map_blocks(improve, blocks))


def _squared_norms(vectors: np.ndarray) -> np.ndarray:
    """Return the squared length of each row, shape (n, 1)."""
    return np.vecdot(vectors, vectors)[:, None]


class IALS(Recommender):
    """Rank by w_u·h_i, fitted to 1 for interactions and, with less weight, to 0 elsewhere. Built in chapter 06.

    The model minimizes Σ_ui c_ui (p_ui − w_u·h_i)² over all cells. A pair with n interactions has confidence c = 1 + α
    n and p = 1; all other pairs have c = 1 and p = 0. The penalty is λ Σ (Σ c) |·|² over users and items, so the
    penalty of a row is proportional to its total confidence. A user without a history scores 0 everywhere, and so does
    an item without users.

    Parameters
    ----------
    n_factors : int, default=64
        Number of latent factors, at least 1; it may exceed the number of users or items.
    alpha : float, default=4.0
        α, above 0: the additional confidence for each interaction.
    regularization : float, default=0.02
        λ, above 0, relative to the total confidence of the row.
    n_epochs : int, default=15
        Number of passes over the items and then the users, at least 1.
    n_steps : int, default=3
        Number of conjugate-gradient steps in a pass, at least 1. They start from the result of the last pass.
    random_state : int, default=0
        Seed of the initial factors.

    Attributes
    ----------
    user_factors_ : array, shape (n_users, n_factors), float32
        w_u.
    item_factors_ : array, shape (n_items, n_factors), float32
        h_i.
    loss_history_ : list of float
        The total loss after each epoch. It never increases, even with few steps.

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
        """Alternate between passes over the items and passes over the users.

        Parameters
        ----------
        interactions : Interactions
            The training set. Several events of a pair are counted.

        Returns
        -------
        IALS
            The fitted model itself.

        Raises
        ------
        ValueError
            If a parameter is out of its range.
        """
        check_parameters(self)
        extra_confidence = self.alpha * check_interactions(interactions).counts()
        transposed = extra_confidence.T.tocsr()
        by_user, by_item = padded_blocks(extra_confidence, self.n_factors), padded_blocks(transposed, self.n_factors)
        user_ridge, item_ridge = self._ridge(extra_confidence), self._ridge(transposed)
        rng = np.random.default_rng(self.random_state)
        users, items = (
            rng.standard_normal((n, self.n_factors), dtype=np.float32) / np.float32(self.n_factors)
            for n in extra_confidence.shape
        )
        users[np.diff(extra_confidence.indptr) == 0] = 0
        loss_of_zero_factors = float(extra_confidence.sum() + extra_confidence.nnz)  # Σ c p²
        self.loss_history_: list[float] = []
        for _ in range(self.n_epochs):
            items, _ = ials_pass(by_item, items, users, item_ridge, self.n_steps)
            users, loss = ials_pass(by_user, users, items, user_ridge, self.n_steps)
            self.loss_history_.append(loss_of_zero_factors + loss + float(np.vdot(item_ridge, np.vecdot(items, items))))
        self.user_factors_, self.item_factors_, self.seen_ = users, items, interactions.matrix()
        return self

    def _ridge(self, extra_confidence: sparse.csr_array) -> np.ndarray:
        """Return the penalty of each row: λ times its total confidence, shape (n_rows,)."""
        return np.float32(self.regularization) * (extra_confidence.shape[1] + extra_confidence.sum(axis=1)).astype(
            np.float32
        )

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Multiply the factors of some users with those of all items.

        Parameters
        ----------
        user_pos : array of int, shape (n,)
            Positions of the users, not ids.

        Returns
        -------
        array, shape (n, n_items)
            Higher is better.
        """
        users = check_users(self, user_pos)
        return self.user_factors_[users] @ self.item_factors_.T

    def fold_in(self, rows: sparse.csr_array | np.ndarray) -> np.ndarray:
        """Score every item for users outside the training set, by one weighted least squares problem for each user.

        The problems are solved completely, with ``n_factors`` conjugate-gradient steps.

        Parameters
        ----------
        rows : array or csr_array, shape (n, n_items)
            The number of interactions of each user with each item.

        Returns
        -------
        array, shape (n, n_items)
            A row of the training matrix gets nearly the same scores as from ``score``.
        """
        extra_confidence = self.alpha * check_rows(self, rows)
        start = np.zeros((extra_confidence.shape[0], self.n_factors), dtype=np.float32)
        blocks = padded_blocks(extra_confidence, self.n_factors)
        users, _ = ials_pass(blocks, start, self.item_factors_, self._ridge(extra_confidence), self.n_factors)
        return users @ self.item_factors_.T


def sample_unseen(seen: sparse.csr_array, user_pos: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a random unseen item for each user, all with equal probability. Built by hand in chapter 06.

    The function draws r and returns the unseen item number r, which is r plus the number of seen items before it. No
    draw has to be rejected.

    Parameters
    ----------
    seen : csr_array, shape (n_users, n_items)
        Stored cells are seen items. Column indices are sorted.
    user_pos : array of int, shape (n,)
        Positions of the users. Each of them has at least one unseen item.
    rng : numpy Generator
        Source of the random numbers.

    Returns
    -------
    array of int, shape (n,)
        Item positions.
    """
    n_items = seen.shape[1]
    lengths = np.diff(seen.indptr)
    cell_user = np.repeat(np.arange(len(lengths)), lengths)
    # For each stored cell: its column minus its rank in the row, which is the number of unseen items before it.
    unseen_before = seen.indices - (np.arange(seen.nnz) - seen.indptr[cell_user])
    r = rng.integers(0, n_items - lengths[user_pos])
    # Within a row unseen_before never decreases. A multiple of n_items + 1 per user keeps the rows apart, so one
    # sorted array answers for all users: how many stored cells, over all rows before and in this one, precede item r.
    keys, key = cell_user * (n_items + 1) + unseen_before, user_pos * (n_items + 1) + r
    seen_before = np.searchsorted(keys, key, side="right")
    return r + seen_before - seen.indptr[user_pos]


def bpr_step(
    parameters: list[torch.Tensor], batch: list[torch.Tensor], regularization: float, learning_rate: float
) -> float:
    """Take one gradient step on the loss of a batch of triples, in place. Built by hand in chapter 06.

    A triple is a user u, a positive item i and a negative item j. The loss is Σ −ln σ(x_ui − x_uj) + ½ λ (the squares
    of all factors and biases of the triple).

    Parameters
    ----------
    parameters : list of Tensor
        p (n_users, n_factors), q (n_items, n_factors) and b (n_items,). They are changed in place.
    batch : list of Tensor, shape (n,)
        Users, items that they interacted with, and items that they did not interact with.
    regularization : float
        λ.
    learning_rate : float
        Step size.

    Returns
    -------
    float
        Σ −ln σ before the step.
    """
    user_factors, item_factors, item_bias = parameters
    u, i, j = batch  # i: positive items, j: negative items
    # All gradients use the parameters from before the step, so the rows are copied first.
    p, q_i, q_j = user_factors.index_select(0, u), *(item_factors.index_select(0, items) for items in (i, j))
    b_i, b_j = item_bias[i], item_bias[j]
    difference = q_i - q_j
    margin = b_i - b_j + (p * difference).sum(1)
    step, shrink = learning_rate * torch.sigmoid(-margin), learning_rate * regularization
    item_step = step[:, None] * p
    # index_add_ adds up the steps of a user or item that occurs several times in the batch.
    user_factors.index_add_(0, u, step[:, None] * difference - shrink * p)
    item_factors.index_add_(0, i, item_step - shrink * q_i)
    item_factors.index_add_(0, j, -item_step - shrink * q_j)
    item_bias.index_add_(0, i, step - shrink * b_i)
    item_bias.index_add_(0, j, -step - shrink * b_j)
    return float(torch.nn.functional.softplus(-margin).sum())


class BPR(Recommender):
    """Rank by p_u·q_i + b_i, learned from pairs of a seen and an unseen item. Built in chapter 06.

    Each epoch uses every seen item of every user once, in random order, together with an unseen item that is drawn
    uniformly as negative. It takes gradient steps on −ln σ(x_ui − x_uj) for positive item i and negative item j. A user
    without a history, or without unseen items, keeps the factors 0 and is ranked by the item biases. An item without
    users only occurs as a negative item.

    Parameters
    ----------
    n_factors : int, default=64
        Number of latent factors, at least 1; it may exceed the number of users or items.
    learning_rate : float, default=0.1
        Learning rate of the first step, above 0; it decreases linearly to 0.
    regularization : float, default=0.02
        λ, above 0, for each factor and bias of a pair.
    n_epochs : int, default=30
        Number of passes over the interactions, at least 1.
    batch_size : int, default=1000
        Number of pairs in a step, at least 1. The steps of all pairs in a batch add up.
    random_state : int, default=0
        Seed of the initial factors, of the order and of the negative sampling.

    Attributes
    ----------
    user_factors_ : array, shape (n_users, n_factors), float32
        p_u.
    item_factors_ : array, shape (n_items, n_factors), float32
        q_i.
    item_biases_ : array, shape (n_items,), float32
        b_i.
    loss_history_ : list of float
        The mean of −ln σ over the pairs of each epoch, each computed before the step of its batch.

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
        """Draw negative items and take gradient steps.

        Parameters
        ----------
        interactions : Interactions
            The training set. Any event counts as 1.

        Returns
        -------
        BPR
            The fitted model itself.

        Raises
        ------
        ValueError
            If a parameter is not above 0, or the training diverges because the steps are too long.
        """
        check_parameters(self)
        seen = check_interactions(interactions).matrix()
        n_users, n_items = seen.shape
        rng = np.random.default_rng(self.random_state)
        n_seen = np.diff(seen.indptr)
        has_pairs = (n_seen > 0) & (n_seen < n_items)  # users with both a positive and a negative item
        users = 0.1 * rng.standard_normal((n_users, self.n_factors), dtype=np.float32) * has_pairs[:, None]
        items = 0.1 * rng.standard_normal((n_items, self.n_factors), dtype=np.float32)
        parameters = [torch.from_numpy(array) for array in (users, items, np.zeros(n_items, dtype=np.float32))]
        u, positives = (positions[np.repeat(has_pairs, n_seen)] for positions in seen.tocoo().coords)
        n_steps = self.n_epochs * max(1, -(-len(u) // self.batch_size))
        learning_rates = iter(self.learning_rate * (1 - np.arange(n_steps) / n_steps))
        self.loss_history_: list[float] = []
        for _ in range(self.n_epochs):
            order = rng.permutation(len(u))
            columns = u[order], positives[order], sample_unseen(seen, u[order], rng)
            batches = zip(*(torch.as_tensor(column).split(self.batch_size) for column in columns), strict=True)
            loss = sum(
                bpr_step(parameters, list(batch), self.regularization, next(learning_rates)) for batch in batches
            )
            if not np.isfinite(loss):
                raise ValueError(
                    f"Expected a finite loss; BPR diverged in epoch {len(self.loss_history_)} with learning_rate="
                    f"{self.learning_rate} and batch_size={self.batch_size}. Decrease learning_rate, or batch_size: "
                    "the steps of all pairs in a batch add up."
                )
            self.loss_history_.append(loss / max(1, len(u)))
        self.user_factors_, self.item_factors_, self.item_biases_ = (p.numpy() for p in parameters)
        self.seen_ = seen
        return self

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Multiply the factors and add the item biases.

        Parameters
        ----------
        user_pos : array of int, shape (n,)
            Positions of the users, not ids.

        Returns
        -------
        array, shape (n, n_items)
            Higher is better.
        """
        users = check_users(self, user_pos)
        return self.item_biases_ + self.user_factors_[users] @ self.item_factors_.T
