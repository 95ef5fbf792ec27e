"""The behavior, interest and recommendation model. Built in chapter 13."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from recsys_teach.models.sequence import GRUNetwork
from recsys_teach.models.two_tower import Tower


class BehaviorModel(Protocol):
    """Anything that reads histories."""

    def __call__(self, histories: Tensor) -> Tensor:
        """Item positions in order, ``n_items`` behind them, (n, length), to states, (n, n_factors)."""


class InterestModel(Protocol):
    """Anything that has a vector for each user and for each item, in one space."""

    def users(self, user_pos: Tensor) -> Tensor:
        """(n,) to (n, n_factors)."""

    def items(self, item_pos: Tensor) -> Tensor:
        """(n,) to (n, n_factors)."""


class RecommendationModel(Protocol):
    """Anything that answers all tasks for a pair of a user and an item."""

    def __call__(self, pairs: Tensor) -> Tensor:
        """Rows of :func:`pair_rows`, (n, 5 · n_factors), to logits or values, (n, n_tasks)."""


def pair_rows(states: Tensor, users: Tensor, items: Tensor) -> Tensor:
    """Put state, user vector, item vector and the two products with the item side by side: (n, 5 · n_factors)."""
    return torch.cat([states, users, items, states * items, users * items], dim=1)


class Behavior(nn.Module):
    """The recurrent unit of chapter 08, without its scores: the state after the last item of a history."""

    def __init__(self, n_items: int, n_factors: int, dropout: float):
        super().__init__()
        self.network = GRUNetwork(n_items, n_factors, dropout)

    def forward(self, histories: Tensor) -> Tensor:
        """(n, length) to (n, n_factors); 0 for an empty history."""
        n_real = (histories < self.network.n_items).sum(dim=1)
        rows = torch.arange(len(histories), device=histories.device)
        states = self.network.hidden(histories)[rows, n_real.clamp(min=1) - 1]
        return states * (n_real > 0)[:, None]


class NoBehavior(nn.Module):
    """What stands in for the behavior model when it is left out: a state of zeros."""

    def __init__(self, n_factors: int):
        super().__init__()
        self.n_factors = n_factors

    def forward(self, histories: Tensor) -> Tensor:
        """(n, length) to (n, n_factors)."""
        return torch.zeros(len(histories), self.n_factors, device=histories.device)


class Interest(nn.Module):
    """The two towers of chapter 10."""

    def __init__(self, users: Tower, items: Tower):
        super().__init__()
        self.users, self.items = users, items


class Parts(nn.Module):
    """The three models side by side, so that one optimizer sees them all."""

    def __init__(self, behavior: BehaviorModel, interest: InterestModel, recommendation: RecommendationModel):
        super().__init__()
        self.behavior, self.interest, self.recommendation = behavior, interest, recommendation

    def forward(self, user_pos: Tensor, item_pos: Tensor, histories: Tensor) -> Tensor:
        """(n,), (n,), (n, length) to (n, n_tasks)."""
        users, items = self.interest.users(user_pos), self.interest.items(item_pos)
        return self.recommendation(pair_rows(self.behavior(histories), users, items))
