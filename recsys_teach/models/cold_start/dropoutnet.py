"""Train a network that can score without factors. Built in chapter 14."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from torch import Tensor, nn

from recsys_teach.data.interactions import Interactions
from recsys_teach.models.base import (
    Recommender,
    check_interactions,
    check_parameters,
    check_rows,
    check_users,
)
from recsys_teach.models.cold_start.hybrid import one_each
from recsys_teach.models.features import encode_features, fit_features
from recsys_teach.models.implicit import IALS
from recsys_teach.training import seeded, shuffled, torch_defaults, train

WIDTH = 64  # number of units of the hidden layer and of the output of each network


def drop_rows(factors: Tensor, features: Tensor, kept: Tensor) -> Tensor:
    """Concatenate factors and features, with the factors of some rows set to 0. Built by hand in chapter 14.

    Parameters
    ----------
    factors : Tensor, shape (n, n_factors)
        Factors of users or items.
    features : Tensor, shape (n, n_features)
        Features of the same users or items.
    kept : Tensor of bool, shape (n,)
        Rows that keep their factors. They are not rescaled: a 0 means that the factors are not known.

    Returns
    -------
    Tensor, shape (n, n_factors + n_features)
        The inputs of a network.
    """
    return torch.cat([factors * kept[:, None], features], dim=1)


class DropoutNet(Recommender):
    """Predict a factor model's scores from factors and features, also without the factors. Built in chapter 14.

    The factors are those of :class:`~recsys_teach.models.implicit.IALS`. Two small networks map the factors and
    features of a user and of an item to vectors, whose inner product should be equal to the score of the factor model.
    In training a random share of the users and items loses its factors.

    Parameters
    ----------
    n_factors : int, default=32
        Number of factors of the factor model, at least 1.
    user_columns, item_columns : sequence of str, default=()
        Feature columns, as in :class:`~recsys_teach.models.two_tower.TwoTower`.
    dropout : float, default=0.5
        Share of users and items that lose their factors in each batch, at least 0 and below 1.
    n_epochs : int, default=20
        Number of passes over the users, at least 1.
    batch_size : int, default=64
        Number of users in a batch, at least 1. Every batch contains all items.
    learning_rate : float, default=5e-3
        Learning rate of Adam, above 0.
    random_state : int, default=0
        Seed of the factors, the initial weights, the batches and the dropout.

    Attributes
    ----------
    factors_ : IALS
        The fitted factor model.
    towers_ : ModuleDict
        The networks "user" and "item".
    loss_history_ : list of float
        The mean loss of each epoch.

    References
    ----------
    Volkovs, Yu and Poutanen (2017), "DropoutNet: addressing cold start in recommender systems".
    """

    def __init__(
        self,
        n_factors: int = 32,
        user_columns: Sequence[str] = (),
        item_columns: Sequence[str] = (),
        *,
        dropout: float = 0.5,
        n_epochs: int = 20,
        batch_size: int = 64,
        learning_rate: float = 5e-3,
        random_state: int = 0,
    ):
        self.n_factors = n_factors
        self.user_columns = user_columns
        self.item_columns = item_columns
        self.dropout = dropout
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state

    @torch_defaults()
    def fit(self, interactions: Interactions) -> DropoutNet:
        """Fit the factors, then the networks.

        Parameters
        ----------
        interactions : Interactions
            The training set, with the tables that ``user_columns`` and ``item_columns`` need. Any event counts as 1.

        Returns
        -------
        DropoutNet
            The fitted model itself.

        Raises
        ------
        ValueError
            If a parameter is out of its range, a table or a column is absent, or the loss is no longer a finite number.
        """
        check_parameters(self)
        seen = check_interactions(interactions).matrix()
        factors = IALS(self.n_factors, n_epochs=8, random_state=self.random_state)
        self.factors_ = factors.fit(Interactions.from_matrix(seen))  # repeated events count once
        all_U, all_V = self.factors_.user_factors_, self.factors_.item_factors_
        self.user_features_, user_features = fit_features(interactions, "user", self.user_columns, "user_columns")
        self.item_features_, item_features = fit_features(interactions, "item", self.item_columns, "item_columns")
        self.user_scale_, self.item_scale_ = float(all_U.std()), float(all_V.std())
        active, known = np.flatnonzero(np.diff(seen.indptr)), np.flatnonzero(np.bincount(seen.indices))
        U, V = _tensor(all_U[active] / self.user_scale_), _tensor(all_V[known] / self.item_scale_)
        X, Y = _tensor(user_features[active]), _tensor(item_features[known])
        target = U @ V.T
        target /= target.std().clamp(min=1e-6)

        def batches(rng: np.random.Generator):
            for users in shuffled(len(U), self.batch_size, rng):
                kept = torch.from_numpy(rng.random(len(users) + len(V)) >= self.dropout)
                yield users, kept[: len(users)], kept[len(users) :]

        def loss(users: Tensor, user_kept: Tensor, item_kept: Tensor) -> Tensor:
            u = self.towers_["user"](drop_rows(U[users], X[users], user_kept))
            v = self.towers_["item"](drop_rows(V, Y, item_kept))
            return ((u @ v.T - target[users]) ** 2).mean()

        with seeded(self.random_state):
            self.towers_ = nn.ModuleDict({"user": self._tower(X.shape[1]), "item": self._tower(Y.shape[1])})
            history = train(
                self.towers_,
                batches,
                loss,
                n_epochs=self.n_epochs,
                learning_rate=self.learning_rate,
                random_state=self.random_state,
            )
        self.loss_history_ = history.losses
        self.profiles_ = user_features
        self.item_vectors_ = self._vectors("item", all_V / self.item_scale_, item_features)
        self.seen_ = seen
        return self

    def _tower(self, n_features: int) -> nn.Sequential:
        """Build a network of one hidden layer for rows of factors and features."""
        n, width = self.n_factors + n_features, WIDTH
        return nn.Sequential(nn.Linear(n, width), nn.Tanh(), nn.Linear(width, width))

    @torch_defaults()
    def _vectors(self, axis: str, factors: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Return the outputs of one network, shape (n, WIDTH)."""
        inputs = torch.cat([_tensor(factors), _tensor(features)], dim=1)
        with torch.no_grad():
            return cast(nn.Module, self.towers_[axis])(inputs).numpy()

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Multiply the outputs of the two networks.

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
        return self._score(self.seen_[users], self.profiles_[users])

    def fold_in(self, rows: sparse.csr_array | np.ndarray, profiles: pd.DataFrame | None = None) -> np.ndarray:
        """Score every item for users outside the training set, from their rows and, if known, profiles.

        Parameters
        ----------
        rows : array or csr_array, shape (n, n_items)
            1 where the user interacted with the item; a row may be empty.
        profiles : DataFrame, optional
            n rows with the ``user_columns``. Without it, no features are known.

        Returns
        -------
        array, shape (n, n_items), float32
            Higher is better.

        Raises
        ------
        ValueError
            If the model is not fitted, the rows have another shape, a column is absent, or there is not one profile per
            row.
        """
        rows = check_rows(self, rows)
        if profiles is None:
            return self._score(rows, np.zeros((rows.shape[0], len(self.user_features_))))
        return self._score(
            rows, one_each(encode_features(profiles, self.user_columns, self.user_features_, "user_columns"), rows)
        )

    def _score(self, rows: sparse.csr_array, features: np.ndarray) -> np.ndarray:
        """Score every item for users with these rows and encoded features."""
        scores = self.factors_.fold_in(rows)  # U Vᵀ; the pseudoinverse of V recovers U if V has full column rank
        factors = scores @ np.linalg.pinv(self.factors_.item_factors_).T / self.user_scale_
        return self._vectors("user", factors, features) @ self.item_vectors_.T


def _tensor(values: np.ndarray) -> Tensor:
    """Convert values to a float32 tensor."""
    return torch.from_numpy(np.asarray(values, dtype=np.float32))
