"""Define the behavior, interest and recommendation models. Built in chapter 13."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from recsys_teach.models.sequence import GRUNetwork
from recsys_teach.models.two_tower import Tower


class BehaviorModel(Protocol):
    """Specify a model that encodes histories."""

    def __call__(self, histories: Tensor) -> Tensor:
        """Encode histories.

        Parameters
        ----------
        histories : Tensor of int, shape (n, length)
            Item positions in the order of time, followed by ``n_items`` as padding.

        Returns
        -------
        Tensor, shape (n, n_factors)
            One state for each history.
        """


class InterestModel(Protocol):
    """Specify a model that has a vector for each user and for each item, in the same space."""

    def users(self, user_pos: Tensor) -> Tensor:
        """Return the vectors of users.

        Parameters
        ----------
        user_pos : Tensor of int, shape (n,)
            Positions of the users, not ids.

        Returns
        -------
        Tensor, shape (n, n_factors)
            User vectors.
        """

    def items(self, item_pos: Tensor) -> Tensor:
        """Return the vectors of items.

        Parameters
        ----------
        item_pos : Tensor of int, shape (n,)
            Positions of the items, not ids.

        Returns
        -------
        Tensor, shape (n, n_factors)
            Item vectors.
        """


class RecommendationModel(Protocol):
    """Specify a model that computes the outputs of all tasks for pairs of a user and an item."""

    def __call__(self, pairs: Tensor) -> Tensor:
        """Compute the outputs of all tasks.

        Parameters
        ----------
        pairs : Tensor, shape (n, 5 · n_factors)
            Rows of :func:`pair_rows`.

        Returns
        -------
        Tensor, shape (n, n_tasks)
            Logits or values.
        """


def pair_rows(states: Tensor, users: Tensor, items: Tensor) -> Tensor:
    """Concatenate state, user vector, item vector and the products of the item with both.

    Parameters
    ----------
    states, users, items : Tensor, shape (n, n_factors)
        The state of the history, the user vector and the item vector of each pair.

    Returns
    -------
    Tensor, shape (n, 5 · n_factors)
        One row for each pair.
    """
    return torch.cat([states, users, items, states * items, users * items], dim=1)


class Behavior(nn.Module):
    """Encode a history by the state of a GRU after its last item, as in chapter 08.

    Parameters
    ----------
    n_items : int
        Number of items, and the padding of the histories.
    n_factors : int
        Length of the embeddings and of the state.
    dropout : float
        Dropout rate of the embeddings and the states.
    """

    def __init__(self, n_items: int, n_factors: int, dropout: float):
        super().__init__()
        self.network = GRUNetwork(n_items, n_factors, dropout)

    def forward(self, histories: Tensor) -> Tensor:
        """Encode histories.

        Parameters
        ----------
        histories : Tensor of int, shape (n, length)
            Item positions in the order of time, followed by ``n_items`` as padding.

        Returns
        -------
        Tensor, shape (n, n_factors)
            One state for each history; 0 for an empty one.
        """
        lengths = (histories < self.network.n_items).sum(dim=1)
        rows = torch.arange(len(histories), device=histories.device)
        states = self.network.hidden(histories)[rows, lengths.clamp(min=1) - 1]
        return states * (lengths > 0)[:, None]


class NoBehavior(nn.Module):
    """Replace the behavior model by a state of zeros.

    Parameters
    ----------
    n_factors : int
        Length of the state.
    """

    def __init__(self, n_factors: int):
        super().__init__()
        self.n_factors = n_factors

    def forward(self, histories: Tensor) -> Tensor:
        """Return zeros.

        Parameters
        ----------
        histories : Tensor of int, shape (n, length)
            Histories, of which only the number is used.

        Returns
        -------
        Tensor, shape (n, n_factors)
            Zeros.
        """
        return torch.zeros(len(histories), self.n_factors, device=histories.device)


class Interest(nn.Module):
    """Combine the two towers of chapter 10.

    Parameters
    ----------
    users, items : Tower
        The user tower and the item tower.
    """

    def __init__(self, users: Tower, items: Tower):
        super().__init__()
        self.users, self.items = users, items


class Parts(nn.Module):
    """Combine the three models in one module, so that one optimizer trains all of them.

    Parameters
    ----------
    behavior : BehaviorModel
        Encodes the histories.
    interest : InterestModel
        Has the vectors of users and items.
    recommendation : RecommendationModel
        Computes the outputs of the tasks.
    """

    def __init__(self, behavior: BehaviorModel, interest: InterestModel, recommendation: RecommendationModel):
        super().__init__()
        self.behavior, self.interest, self.recommendation = behavior, interest, recommendation

    def forward(self, user_pos: Tensor, item_pos: Tensor, histories: Tensor) -> Tensor:
        """Compute the outputs of all tasks for pairs of a user and an item.

        Parameters
        ----------
        user_pos, item_pos : Tensor of int, shape (n,)
            Positions of the users and items, not ids.
        histories : Tensor of int, shape (n, length)
            The history of the user of each pair, followed by ``n_items`` as padding.

        Returns
        -------
        Tensor, shape (n, n_tasks)
            Logits or values.
        """
        users, items = self.interest.users(user_pos), self.interest.items(item_pos)
        return self.recommendation(pair_rows(self.behavior(histories), users, items))
