"""A network that learns to do without factors. Built in chapter 14."""

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

# --- a network that learned to do without ---------------------------------------------------------------------

WIDTH = 64  # units of the hidden layer and of the output of each network


def drop_rows(factors: Tensor, features: Tensor, kept: Tensor) -> Tensor:
    """Put factors and features side by side, the factors of some rows replaced by 0. Built by hand in chapter 14.

    Parameters
    ----------
    factors, features : shapes (n, n_factors) and (n, n_features).
    kept : bool, shape (n,). Rows that keep their factors. Nothing is scaled: a 0 stands for "not known".

    Returns
    -------
    Tensor, shape (n, n_factors + n_features).
    """
    return torch.cat([factors * kept[:, None], features], dim=1)


class DropoutNet(Recommender):
    """Learn to give a factor model's scores, also where its factors are missing and features must do. Chapter 14.

    The factors are those of :class:`~recsys_teach.models.implicit.IALS`. Two small networks read factors and features
    of a user and of an item, and their outputs meet in an inner product that should equal the factor model's score.
    In training a share of the users and items loses its factors.

    Parameters
    ----------
    n_factors : int, at least 1. Of the factor model.
    user_columns, item_columns : see :class:`~recsys_teach.models.two_tower.TwoTower`.
    dropout : float, from 0 to less than 1. Share of rows that lose their factors in each batch.
    n_epochs, batch_size, learning_rate, random_state : see :func:`~recsys_teach.training.train`; a batch is of users.

    Attributes
    ----------
    factors_ : IALS, fitted.
    towers_ : ModuleDict with "user" and "item".
    loss_history_ : list of float. Mean loss of each epoch.

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

        Raises
        ------
        ValueError
            If a parameter is out of its range, a table or a column is absent, or the loss is no finite number.
        """
        check_parameters(self)
        seen = check_interactions(interactions).matrix()
        factors = IALS(self.n_factors, n_epochs=8, random_state=self.random_state)
        self.factors_ = factors.fit(Interactions.from_matrix(seen))  # an event that comes twice counts once
        all_U, all_V = self.factors_.user_factors_, self.factors_.item_factors_
        self.user_features_, profiles = fit_features(interactions, "user", self.user_columns, "user_columns")
        self.item_features_, of_items = fit_features(interactions, "item", self.item_columns, "item_columns")
        self.user_scale_, self.item_scale_ = float(all_U.std()), float(all_V.std())
        active, known = np.flatnonzero(np.diff(seen.indptr)), np.flatnonzero(np.bincount(seen.indices))
        U, V = _tensor(all_U[active] / self.user_scale_), _tensor(all_V[known] / self.item_scale_)
        X, Y = _tensor(profiles[active]), _tensor(of_items[known])
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
        self.profiles_ = profiles
        self.item_vectors_ = self._vectors("item", all_V / self.item_scale_, of_items)
        self.seen_ = seen
        return self

    def _tower(self, n_features: int) -> nn.Sequential:
        n, width = self.n_factors + n_features, WIDTH
        return nn.Sequential(nn.Linear(n, width), nn.Tanh(), nn.Linear(width, width))

    @torch_defaults()
    def _vectors(self, axis: str, factors: np.ndarray, features: np.ndarray) -> np.ndarray:
        inputs = torch.cat([_tensor(factors), _tensor(features)], dim=1)
        with torch.no_grad():
            return cast(nn.Module, self.towers_[axis])(inputs).numpy()

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Multiply the outputs of the two networks, shape (n, n_items), float32."""
        users = check_users(self, user_pos)
        return self._score(self.seen_[users], self.profiles_[users])

    def fold_in(self, rows: sparse.csr_array | np.ndarray, profiles: pd.DataFrame | None = None) -> np.ndarray:
        """Score every item for users who were not there at ``fit``; parameters as :meth:`HybridFactors.fold_in`."""
        rows = check_rows(self, rows)
        if profiles is None:
            return self._score(rows, np.zeros((rows.shape[0], len(self.user_features_))))
        return self._score(
            rows, one_each(encode_features(profiles, self.user_columns, self.user_features_, "user_columns"), rows)
        )

    def _score(self, rows: sparse.csr_array, features: np.ndarray) -> np.ndarray:
        scores = self.factors_.fold_in(rows)  # U Vᵀ, from which U can be had again
        factors = scores @ np.linalg.pinv(self.factors_.item_factors_).T / self.user_scale_
        return self._vectors("user", factors, features) @ self.item_vectors_.T


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float32))
