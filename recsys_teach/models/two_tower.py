"""Retrieve items by two towers, whose vectors are compared by an inner product. Built in chapter 10."""

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
    """Sum the interactions of all pairs of features: Σ_{a<b} (V_a · V_b) x_a x_b. Built by hand in chapter 10.

    The sum is computed as half the difference between the square of a sum and the sum of squares, which takes
    n_features · n_factors products for each row instead of n_features² · n_factors.

    Parameters
    ----------
    X : array, shape (n, n_features)
        One row of features for each pair or object to score.
    V : array, shape (n_features, n_factors)
        One vector for each feature.

    Returns
    -------
    array, shape (n,)
        The sum for each row.

    References
    ----------
    Rendle (2010), "Factorization machines", lemma 3.1.
    """
    return (((X @ V) ** 2 - X**2 @ V**2).sum(axis=1)) / 2


def in_batch_softmax(scores: Tensor, log_q: Tensor | None = None) -> Tensor:
    """Compute the cross-entropy of each pair's item against all items of the batch. Built by hand in chapter 10.

    Parameters
    ----------
    scores : Tensor, shape (b, b)
        Logits. The user of pair r is in row r, the item of pair c in column c.
    log_q : Tensor, shape (b,), optional
        The logarithm of the sampling probability of the item of each pair. It is subtracted from each column (logQ
        correction), and the scores then learn log P(item | user). Without it they learn log P(item | user) − log
        P(item). An item may be in several columns of the batch, which is a part of its sampling probability.

    Returns
    -------
    Tensor
        One number: the mean over the pairs.

    References
    ----------
    Yi et al. (2019), "Sampling-bias-corrected neural modeling for large corpus item recommendations"; Bengio and
    Senécal (2008) for the correction of sampled words.
    """
    corrected = scores if log_q is None else scores - log_q
    return F.cross_entropy(corrected, torch.arange(len(scores), device=scores.device))


class Tower(nn.Module):
    """Map each user or item to a vector of length 1, from its id embedding and its features.

    An id without interactions in training has the embedding 0, so its vector depends on the features only.

    Parameters
    ----------
    X : array, shape (n_objects, n_features), float32
        The features of all users or of all items.
    interacted : array of bool, shape (n_objects,)
        Whether the id has interactions in training.
    n_factors : int
        Length of the vectors.
    constant : bool
        Whether to learn a vector that is added for every object.
    """

    X: Tensor

    def __init__(self, X: np.ndarray, interacted: np.ndarray, n_factors: int, *, constant: bool):
        super().__init__()
        self.register_buffer("X", torch.from_numpy(X))
        self.ids = nn.Parameter(torch.randn(len(X), n_factors) / (2 * n_factors**0.5))
        self.features = nn.Parameter(torch.randn(X.shape[1], n_factors) / (2 * n_factors**0.5))
        self.constant = nn.Parameter(torch.zeros(n_factors), requires_grad=constant)
        with torch.no_grad():
            self.ids[torch.from_numpy(~interacted)] = (
                0  # the embedding of an id without interactions gets no gradient, and stays 0
            )

    def forward(self, positions: Tensor) -> Tensor:
        """Return the vectors of users or items of the training set.

        Parameters
        ----------
        positions : Tensor of int, shape (n,)
            Positions, not ids.

        Returns
        -------
        Tensor, shape (n, n_factors)
            Vectors of length 1.
        """
        return self.build(self.X[positions], F.embedding(positions, self.ids))

    def build(self, X: Tensor, ids: Tensor | float = 0.0) -> Tensor:
        """Add up features and id embeddings, and scale the sum to length 1.

        Parameters
        ----------
        X : Tensor, shape (n, n_features)
            Features.
        ids : Tensor, shape (n, n_factors), default=0.0
            Id embeddings; 0 for new users or items.

        Returns
        -------
        Tensor, shape (n, n_factors)
            Vectors of length 1; 0 for an object without known features or embedding, if there is no constant.
        """
        return F.normalize(ids + X @ self.features + self.constant, dim=1)


class TwoTower(Recommender):
    """Rank by u·v / temperature, where u and v are the outputs of a user tower and an item tower. Built in chapter 10.

    A tower adds the id embedding and the feature embeddings, and scales the sum to length 1. For each pair of the log,
    the other items of its batch are the negatives of :func:`in_batch_softmax`. With the logQ correction a score learns
    log P(item | user) up to a constant of the user; without it, it learns this minus the log popularity of the item.

    Scores lie between -1 / temperature and 1 / temperature. There is no item bias: the mean score of an item is the
    inner product of its vector with the mean user vector, divided by the temperature, so the direction of the vector
    has to encode popularity.

    An item without interactions in training has no id embedding and is scored from its features; without features it
    scores 0. A user without a history has the feature embeddings, and the constant that all users share.

    Parameters
    ----------
    n_factors : int, default=32
        Length of the vectors, at least 1.
    user_columns, item_columns : sequence of str, default=()
        Columns of ``interactions.users`` and ``interactions.items`` that contain categories as text or integers. A text
        a|b|c lists three categories. Discretize continuous quantities first. Each column has separate embeddings:
        "genre=drama" and "second_genre=drama" are two features.
    temperature : float, default=0.1
        Divisor of the cosine of two vectors, above 0. With a smaller value scores can differ more, and the loss
        concentrates on the negatives with the highest scores.
    correct : bool, default=True
        Whether to subtract the log popularity of the items in the loss (logQ correction).
    n_epochs : int, default=4
        Number of passes over the pairs, at least 1.
    batch_size : int, default=512
        Number of pairs in a batch, at least 1. Each pair of a batch of b has b - 1 in-batch negatives.
    learning_rate : float, default=1e-2
        Learning rate of Adam, above 0.
    weight_decay : float, default=0.0
        L2 penalty of all parameters, at least 0.
    random_state : int, default=0
        Seed of the initial embeddings and of the batches.

    Attributes
    ----------
    user_vectors_ : array, shape (n_users, n_factors), float32
        u, of length 1.
    item_vectors_ : array, shape (n_items, n_factors), float32
        v, of length 1; 0 for an item without interactions and features.
    user_features_, item_features_ : list of str
        The names of the features, such as "genre=drama".
    towers_ : ModuleDict
        The towers "user" and "item".
    loss_history_ : list of float
        The mean loss of each epoch.

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
        """Train the towers on each pair of the log, against the other items of its batch.

        Parameters
        ----------
        interactions : Interactions
            The training set, with the tables that ``user_columns`` and ``item_columns`` need. Any event counts as 1.

        Returns
        -------
        TwoTower
            The fitted model itself.

        Raises
        ------
        ValueError
            If a parameter is out of its range, a table or a column is absent, or the loss is no longer a finite number.
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
        """Multiply the vectors and divide by the temperature.

        Parameters
        ----------
        user_pos : array of int, shape (n,)
            Positions of the users, not ids.

        Returns
        -------
        array, shape (n, n_items), float32
            Higher is better.
        """
        users = check_users(self, user_pos)
        return self.user_vectors_[users] @ self.item_vectors_.T / np.float32(self.temperature)

    def new_users(self, table: pd.DataFrame) -> np.ndarray:
        """Compute vectors of users outside the training set, from their features alone.

        Parameters
        ----------
        table : DataFrame
            One row for each user, with the ``user_columns``. Values that did not occur in training are ignored, with a
            warning.

        Returns
        -------
        array, shape (n, n_factors), float32
            Vectors. ``vectors @ item_vectors_.T / temperature`` are the scores of the items.

        Raises
        ------
        ValueError
            If the model is not fitted, a column is absent, or no value of a column occurred in training.
        """
        return self._from_features("user", table)

    def new_items(self, table: pd.DataFrame) -> np.ndarray:
        """Compute vectors of items outside the training set, from their features alone.

        Parameters
        ----------
        table : DataFrame
            One row for each item, with the ``item_columns``. Values that did not occur in training are ignored, with a
            warning.

        Returns
        -------
        array, shape (n, n_factors), float32
            Vectors. ``user_vectors_ @ vectors.T / temperature`` are scores on the same scale as those of the known
            items.

        Raises
        ------
        ValueError
            If the model is not fitted, a column is absent, or no value of a column occurred in training.
        """
        return self._from_features("item", table)

    @torch_defaults()
    def _from_features(self, axis: str, table: pd.DataFrame) -> np.ndarray:
        """Encode a feature table and return the vectors of one tower."""
        check_fitted(self)
        columns, names = getattr(self, f"{axis}_columns"), getattr(self, f"{axis}_features_")
        X = encode_features(table, columns, names, f"{axis}_columns")
        with torch.no_grad():
            return cast(Tower, self.towers_[axis]).build(torch.from_numpy(X)).numpy()
