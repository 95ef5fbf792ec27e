"""Two towers, whose vectors meet in an inner product, and the search for the best of many. Built in chapter 10."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_teach.data.interactions import Interactions
from recsys_teach.models.base import Recommender, check_fitted, check_interactions, check_parameters, check_users
from recsys_teach.models.features import encode_features, fit_features
from recsys_teach.training import seeded, shuffled, torch_defaults, train


def fm_pairs(X: np.ndarray, V: np.ndarray) -> np.ndarray:
    """Sum the crosses of all pairs of features: Σ_{a<b} (V_a · V_b) x_a x_b. Built by hand in chapter 10.

    Written as half of the square of a sum less the sum of squares, which takes n_features · n_factors products a
    row and not n_features² · n_factors.

    Parameters
    ----------
    X : array, shape (n, n_features). One row for each thing that is scored.
    V : array, shape (n_features, n_factors). One vector for each feature.

    Returns
    -------
    array, shape (n,).

    References
    ----------
    Rendle (2010), "Factorization machines", lemma 3.1.
    """
    return (((X @ V) ** 2 - X**2 @ V**2).sum(axis=1)) / 2


def in_batch_softmax(scores: Tensor, log_q: Tensor | None = None) -> Tensor:
    """Cross-entropy of each user's own item against all items of the batch. Built by hand in chapter 10.

    Parameters
    ----------
    scores : shape (b, b), in logits. Cell (r, c): the user of pair r and the item of pair c.
    log_q : shape (b,), optional. Logarithm of how often the item of each pair comes into a batch. It is taken off
        each column, and the scores then learn log P(item | user); without it they learn that less log P(item). An
        item may stand in several columns of the batch; that is part of how often it comes.

    Returns
    -------
    Tensor, one number: the mean over the pairs.

    References
    ----------
    Yi et al. (2019), "Sampling-bias-corrected neural modeling for large corpus item recommendations"; Bengio and
    Senécal (2008) for the correction of sampled words.
    """
    corrected = scores if log_q is None else scores - log_q
    return F.cross_entropy(corrected, torch.arange(len(scores), device=scores.device))


class Tower(nn.Module):
    """A vector of length 1 for each thing: what its id adds, if it was met in training, and what its features add."""

    X: Tensor

    def __init__(self, X: np.ndarray, interacted: np.ndarray, n_factors: int, *, constant: bool):
        super().__init__()
        self.register_buffer("X", torch.from_numpy(X))
        self.ids = nn.Parameter(torch.randn(len(X), n_factors) / (2 * n_factors**0.5))
        self.features = nn.Parameter(torch.randn(X.shape[1], n_factors) / (2 * n_factors**0.5))
        self.constant = nn.Parameter(torch.zeros(n_factors), requires_grad=constant)
        with torch.no_grad():
            self.ids[torch.from_numpy(~interacted)] = 0  # an id that training never meets says nothing, and stays 0

    def forward(self, positions: Tensor) -> Tensor:
        """Give the vectors of things of training: (n,) to (n, n_factors)."""
        return self.build(self.X[positions], F.embedding(positions, self.ids))

    def build(self, X: Tensor, ids: Tensor | float = 0.0) -> Tensor:
        """Add up features and ids, and scale to length 1; a thing of which nothing is known stays 0."""
        return F.normalize(ids + X @ self.features + self.constant, dim=1)


class TwoTower(Recommender):
    """Rank by u·v / temperature, where a user and an item each have a tower that makes a vector. Built in chapter 10.

    A tower adds the vector of the id and those of the features, and scales the sum to length 1. Each pair of the log
    is told from the other items of its batch by :func:`in_batch_softmax`. With the correction a score learns
    log P(item | user) up to a constant of the user, without it that less the item's log popularity.

    Scores lie between -1 / temperature and 1 / temperature. There is no term for an item's lift with all users: its
    mean score is its vector times the mean user vector, over the temperature, so its direction has to learn it.

    An item that nobody met in training has no id vector, and is scored from its features; without features, 0.
    A user without history has the profile, and what all users share.

    Parameters
    ----------
    n_factors : int, at least 1. Length of the vectors.
    user_columns, item_columns : sequence of str. Columns of ``interactions.users`` and ``interactions.items`` that
        hold categories as text or whole numbers; a text a|b|c stands for three. Cut a quantity into bands first.
        Each column has vectors of its own: "genre=drama" and "second_genre=drama" are two features.
    temperature : float above 0. Divides the cosine of two vectors: the smaller, the further apart scores can be, and
        the more the loss looks at the strongest wrong answers.
    correct : bool. Take the log popularity of the items off in the loss.
    n_epochs, batch_size : int, at least 1. A batch of b pairs gives each of them b - 1 other items.
    learning_rate, weight_decay, random_state : see :func:`~recsys_teach.training.train`.

    Attributes
    ----------
    user_vectors_, item_vectors_ : array, shapes (n_users, n_factors) and (n_items, n_factors), float32, of length 1.
    user_features_, item_features_ : list of str, as "genre=drama".
    towers_ : ModuleDict with "user" and "item", each a Tower.
    loss_history_ : list of float. Mean loss of each epoch.

    References
    ----------
    Covington, Adams and Sargin (2016), "Deep neural networks for YouTube recommendations", for retrieval by inner
    product; Yi et al. (2019), "Sampling-bias-corrected neural modeling for large corpus item recommendations".
    """

    def __init__(
        self,
        n_factors: int = 32,
        user_columns: Sequence[str] = (),
        item_columns: Sequence[str] = (),
        *,
        temperature: float = 0.1,
        correct: bool = True,
        n_epochs: int = 4,
        batch_size: int = 512,
        learning_rate: float = 1e-2,
        weight_decay: float = 0.0,
        random_state: int = 0,
    ):
        self.n_factors = n_factors
        self.user_columns = user_columns
        self.item_columns = item_columns
        self.temperature = temperature
        self.correct = correct
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.random_state = random_state

    @torch_defaults()
    def fit(self, interactions: Interactions) -> TwoTower:
        """Tell each pair of the log from the other items of its batch.

        Raises
        ------
        ValueError
            If a parameter is not above 0, a table or a column is absent, or the loss is no longer a finite number.
        """
        check_parameters(self)
        seen = check_interactions(interactions).matrix()
        per_user, per_item = np.diff(seen.indptr), np.bincount(seen.indices, minlength=seen.shape[1])
        X = {}
        self.user_features_, X["user"] = fit_features(interactions, "user", self.user_columns, "user_columns")
        self.item_features_, X["item"] = fit_features(interactions, "item", self.item_columns, "item_columns")
        users, items = (torch.from_numpy(positions.astype(np.int64)) for positions in seen.tocoo().coords)
        log_q = torch.from_numpy(np.log(np.maximum(per_item, 1) / max(1, seen.nnz)).astype(np.float32))

        def batches(rng: np.random.Generator):
            for group in shuffled(len(users), self.batch_size, rng):
                yield users[group], items[group]

        def loss(user_pos: Tensor, item_pos: Tensor) -> Tensor:
            scores = self.towers_["user"](user_pos) @ self.towers_["item"](item_pos).T / self.temperature  # (b, b)
            return in_batch_softmax(scores, log_q[item_pos] if self.correct else None)

        with seeded(self.random_state):
            towers = {
                "user": Tower(X["user"], per_user > 0, self.n_factors, constant=True),
                "item": Tower(X["item"], per_item > 0, self.n_factors, constant=False),
            }
            self.towers_ = nn.ModuleDict(towers)
            history = train(
                self.towers_,
                batches,
                loss,
                n_epochs=self.n_epochs,
                learning_rate=self.learning_rate,
                weight_decay=self.weight_decay,
                random_state=self.random_state,
            )
        self.loss_history_ = history.losses
        with torch.no_grad():
            self.user_vectors_, self.item_vectors_ = (
                tower(torch.arange(len(tower.X))).numpy() for tower in towers.values()
            )
        self.seen_ = seen
        return self

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Multiply vectors and divide by the temperature, shape (n, n_items), float32."""
        users = check_users(self, user_pos)
        return self.user_vectors_[users] @ self.item_vectors_.T / np.float32(self.temperature)

    def new_users(self, table: pd.DataFrame) -> np.ndarray:
        """Make vectors, shape (n, n_factors), of users who were not there at ``fit``, from their profiles alone."""
        return self._from_features("user", table)

    def new_items(self, table: pd.DataFrame) -> np.ndarray:
        """Make vectors of items that were not there at ``fit``, from their features alone.

        Parameters
        ----------
        table : DataFrame
            One row an item, with the ``item_columns``. Values that training did not have are left out, with a warning.

        Returns
        -------
        array, shape (n, n_factors), float32. ``user_vectors_ @ vectors.T / temperature`` scores them beside the old.

        Raises
        ------
        ValueError
            If the model is not fitted, a column is absent, or none of its values was there in training.
        """
        return self._from_features("item", table)

    @torch_defaults()
    def _from_features(self, axis: str, table: pd.DataFrame) -> np.ndarray:
        check_fitted(self)
        columns, names = getattr(self, f"{axis}_columns"), getattr(self, f"{axis}_features_")
        X = encode_features(table, columns, names, f"{axis}_columns")
        with torch.no_grad():
            return cast(Tower, self.towers_[axis]).build(torch.from_numpy(X)).numpy()
