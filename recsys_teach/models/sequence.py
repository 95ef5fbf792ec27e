"""What comes next: models that read a history in its order. Built by hand in chapters 08 and 09."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_teach.interactions import Interactions
from recsys_teach.models.base import Recommender, check_interactions, check_users
from recsys_teach.training import seeded, shuffled, train


def histories(interactions: Interactions) -> list[np.ndarray]:
    """Give the items of each user in the order of time, as positions; ties in the order of the log.

    Returns
    -------
    list of n_users arrays of int, shape (n_events of the user,).

    Raises
    ------
    ValueError
        If the log has no column ``time``, or one of its times is missing.
    """
    log = check_interactions(interactions).log
    if "time" not in log.columns or log["time"].isna().any():
        raise ValueError(f"A sequence needs a column 'time' without gaps; the log has {list(log.columns)}.")
    order = np.lexsort((log["time"].to_numpy(), interactions.user_pos))
    n_events = np.bincount(interactions.user_pos, minlength=interactions.n_users)
    return np.split(interactions.item_pos[order], np.cumsum(n_events)[:-1])


def padded(sequences: Sequence[np.ndarray], length: int, padding: int) -> np.ndarray:
    """Put the last ``length`` items of each sequence into a row, and ``padding`` behind them. Built in chapter 08.

    Returns
    -------
    array of int, shape (n_sequences, length).
    """
    rows = np.full((len(sequences), length), padding)
    for row, sequence in zip(rows, sequences, strict=True):
        last = sequence[-length:]
        row[: len(last)] = last
    return rows


def windows(sequences: Sequence[np.ndarray], length: int) -> list[np.ndarray]:
    """Cut sequences into pieces of at most ``length + 1`` items, so that each item but the first is a target once.

    A piece begins with the item that the piece before ended with. Sequences of one item give no piece.
    """
    return [
        sequence[start : start + length + 1] for sequence in sequences for start in range(0, len(sequence) - 1, length)
    ]


class NextItemNetwork(nn.Module):
    """Base of the networks: one vector an item, which is read where the item came and compared where it may come.

    A subclass answers ``hidden``.
    """

    def __init__(self, n_items: int, n_factors: int):
        super().__init__()
        self.n_items = n_items
        self.item_factors = nn.Embedding(n_items + 1, n_factors, padding_idx=n_items)  # the last row pads
        nn.init.normal_(self.item_factors.weight[:-1], std=n_factors**-0.5)

    def hidden(self, rows: Tensor) -> Tensor:
        """Read rows of items (n, length); state t knows items 0 … t and no later one: (n, length, n_factors)."""
        raise NotImplementedError

    def forward(self, rows: Tensor) -> Tensor:
        """Score every item as the next one after each position: (n, length) to (n, length, n_items)."""
        return self.hidden(rows) @ self.item_factors.weight[:-1].T

    def last(self, rows: Tensor) -> Tensor:
        """Score every item as the next one after each whole row: (n, length) to (n, n_items); 0 for an empty row."""
        n_real = (rows < self.n_items).sum(dim=1)
        states = self.hidden(rows)[torch.arange(len(rows)), n_real.clamp(min=1) - 1]
        return (states * (n_real > 0)[:, None]) @ self.item_factors.weight[:-1].T


class NextItemModel(Recommender):
    """Base of the trained sequence models: windows of histories in, the next item out. Built in chapter 08.

    A subclass stores the parameters named here and answers ``_network``. A user with no history scores 0 everywhere.

    Parameters
    ----------
    n_factors : int. Length of an item's vector and of the state.
    max_length : int. Items of a history that are read at once, the last ones.
    loss : "softmax" or "sampled". Cross-entropy over all items, or binary cross-entropy against one item drawn
        uniformly for each target.
    dropout : float, at least 0, below 1.
    n_epochs, batch_size, learning_rate, patience, random_state : see :func:`~recsys_teach.training.train`.

    Attributes
    ----------
    network_ : NextItemNetwork.
    training_ : History of the training.
    histories_ : list of arrays, what each user met in training, in order.
    """

    n_factors: int
    max_length: int
    loss: str
    dropout: float
    n_epochs: int
    batch_size: int
    learning_rate: float
    patience: int | None
    random_state: int

    def _network(self, n_items: int) -> NextItemNetwork:
        raise NotImplementedError

    def fit(self, interactions: Interactions, validate: Callable[[Recommender], float] | None = None) -> NextItemModel:
        """Learn to predict each item of a history from those before it.

        Parameters
        ----------
        interactions : Interactions with the column ``time``.
        validate : function of this model that gives a score, higher is better; called after each epoch.

        Raises
        ------
        ValueError
            If a parameter is out of its range, there is no time, or no history has two items.
        """
        if self.loss not in ("softmax", "sampled"):
            raise ValueError(f"loss is 'softmax' or 'sampled'; came {self.loss!r}.")
        self.histories_ = histories(interactions)
        self.seen_ = interactions.matrix()
        n_items = interactions.n_items
        pieces = torch.from_numpy(padded(windows(self.histories_, self.max_length), self.max_length + 1, n_items))

        def batches(rng: np.random.Generator):
            for group in shuffled(len(pieces), self.batch_size, rng):
                rows = pieces[group]
                wrong = torch.from_numpy(rng.integers(n_items, size=(len(rows), self.max_length)))
                yield rows[:, :-1], rows[:, 1:], wrong

        with seeded(self.random_state):
            self.network_ = self._network(n_items)
            self.training_ = train(
                self.network_,
                batches,
                self._loss,
                n_epochs=self.n_epochs,
                learning_rate=self.learning_rate,
                validate=None if validate is None else lambda: validate(self),
                patience=self.patience,
                random_state=self.random_state,
            )
        return self

    def _loss(self, rows: Tensor, targets: Tensor, wrong: Tensor) -> Tensor:
        """Mean loss over the targets that are items, not padding; all three of shape (n, length)."""
        real = targets < self.network_.n_items
        states, right = self.network_.hidden(rows)[real], targets[real]  # (n_real, n_factors), (n_real,)
        vectors = self.network_.item_factors
        if self.loss == "softmax":
            return F.cross_entropy(states @ vectors.weight[:-1].T, right)
        margins = torch.stack([(states * vectors(right)).sum(1), -(states * vectors(wrong[real])).sum(1)])
        return -F.logsigmoid(margins).mean()

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Score every item as the next one after each user's history, shape (n, n_items), float32."""
        user_pos = check_users(self, user_pos)
        return self.fold_in([self.histories_[user] for user in user_pos])

    def fold_in(self, sequences: Sequence[np.ndarray]) -> np.ndarray:
        """Score every item as the next one after any histories, arrays of item positions; shape (n, n_items)."""
        rows = torch.from_numpy(padded(sequences, self.max_length, self.network_.n_items))
        with torch.no_grad():
            return self.network_.eval().last(rows).numpy()


class GRUNetwork(NextItemNetwork):
    """A gated recurrent unit over the items' vectors."""

    def __init__(self, n_items: int, n_factors: int, dropout: float):
        super().__init__(n_items, n_factors)
        self.dropout = nn.Dropout(dropout)
        self.gru = nn.GRU(n_factors, n_factors, batch_first=True)

    def hidden(self, rows: Tensor) -> Tensor:
        """Run the unit over the rows."""
        return self.dropout(self.gru(self.dropout(self.item_factors(rows)))[0])


class GRURecommender(NextItemModel):
    """Rank what comes next by a gated recurrent unit. Built in chapter 08.

    Parameters as :class:`NextItemModel`.

    References
    ----------
    Hidasi, Karatzoglou, Baltrunas and Tikk (2016), "Session-based recommendations with recurrent neural networks";
    Cho et al. (2014) for the unit.
    """

    def __init__(
        self,
        n_factors: int = 64,
        *,
        max_length: int = 50,
        loss: str = "softmax",
        dropout: float = 0.2,
        n_epochs: int = 20,
        batch_size: int = 64,
        learning_rate: float = 3e-3,
        patience: int | None = None,
        random_state: int = 0,
    ):
        self.n_factors = n_factors
        self.max_length = max_length
        self.loss = loss
        self.dropout = dropout
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.random_state = random_state

    def _network(self, n_items: int) -> NextItemNetwork:
        return GRUNetwork(n_items, self.n_factors, self.dropout)
