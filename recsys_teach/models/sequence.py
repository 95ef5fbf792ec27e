"""What comes next: models that read a history in its order. Built by hand in chapters 08 and 09."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import MappingProxyType

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_teach._validation import check_choice
from recsys_teach.data.interactions import Interactions
from recsys_teach.evaluation.ranking import position_advice
from recsys_teach.models.base import (
    Recommender,
    check_axes,
    check_fitted,
    check_interactions,
    check_parameters,
    check_users,
)
from recsys_teach.training import seeded, shuffled, torch_defaults, train


def histories(interactions: Interactions) -> list[np.ndarray]:
    """Give the items of each user in the order of time, as positions; ties in the order of the log.

    Returns
    -------
    list of n_users arrays of int, shape (n_events of the user,).

    Raises
    ------
    ValueError
        If the log has no column ``time``, or its times cannot be ordered: see
        :func:`~recsys_teach.data.interactions.check_times`.
    """
    order = check_axes(interactions).time_order
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


class SequenceModel(Recommender):
    """Base of all models that read histories in their order. A subclass answers ``fold_in``.

    Attributes
    ----------
    histories_ : list of n_users arrays, the positions of the items that each user met in training, in order.
    """

    histories_: list[np.ndarray]

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Score every item as the next one after each user's history, shape (n, n_items)."""
        return self.fold_in([self.histories_[user] for user in check_users(self, user_pos)])

    def fold_in(self, sequences: Sequence[np.ndarray]) -> np.ndarray:
        """Score every item as the next one after any histories, arrays of item positions; shape (n, n_items)."""
        raise NotImplementedError


def _check_sequences(model: Recommender, sequences: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Refuse a model that is not fitted and histories that are not positions of items."""
    check_fitted(model)
    n_items = model.seen_.shape[1]
    if not np.iterable(sequences) or sparse.issparse(sequences):
        raise TypeError(f"Expected a list of histories, arrays of item positions; got {type(sequences).__name__}.")
    checked = [np.asarray(sequence) for sequence in sequences]
    for given, sequence in zip(sequences, checked, strict=True):
        if np.ma.is_masked(given):
            raise ValueError("Expected histories without gaps; got masked positions. Write history.compressed().")
        if sequence.size and (
            sequence.ndim != 1 or sequence.dtype.kind not in "iu" or sequence.min() < 0 or sequence.max() >= n_items
        ):
            raise ValueError(
                f"Expected histories, one array of item positions from 0 to {n_items - 1} each; got {sequence}. "
                + position_advice("item", sequence)
            )
    return [sequence.astype(int).ravel() for sequence in checked]


def following(sequences: Sequence[np.ndarray], n_items: int, lag: int = 1) -> sparse.csr_array:
    """Count how often item j came ``lag`` events after item i. Built by hand in chapter 08.

    Returns
    -------
    csr_array, shape (n_items, n_items). Row i, column j.
    """
    nothing = [np.empty(0, dtype=int)]
    earlier = np.concatenate(nothing + [sequence[:-lag] for sequence in sequences])
    later = np.concatenate(nothing + [sequence[lag:] for sequence in sequences])
    return sparse.coo_array((np.ones(len(later)), (earlier, later)), shape=(n_items, n_items)).tocsr()


class MarkovChain(SequenceModel):
    """Rank by what came next after the last item, backed off to popularity. Built in chapter 08.

    The score of item j after item i is (n_ij + κ p_j) / (n_i + κ), where n_ij counts how often j came right after i
    and p_j is the share of j among all events. It is a probability: scores of a user sum to 1. After an item that
    nothing came after, and for a user with no history, it is p_j.

    Parameters
    ----------
    back_off : float above 0. κ, the number of steps that the popularity counts for.

    Attributes
    ----------
    transitions_ : csr_array, shape (n_items, n_items). n_ij.
    popularity_ : array, shape (n_items,). p_j.

    References
    ----------
    Rendle, Freudenthaler and Schmidt-Thieme (2010), "Factorizing personalized Markov chains", for chains of items.
    """

    def __init__(self, back_off: float = 1.0):
        self.back_off = back_off

    def fit(self, interactions: Interactions) -> MarkovChain:
        """Count steps; the log needs the column ``time``."""
        check_parameters(self)
        self.histories_ = histories(check_interactions(interactions))
        self.transitions_ = following(self.histories_, interactions.n_items)
        n_events = np.bincount(interactions.item_pos, minlength=interactions.n_items)
        self.popularity_ = n_events / n_events.sum()
        self.seen_ = interactions.matrix()
        return self

    def fold_in(self, sequences: Sequence[np.ndarray]) -> np.ndarray:
        """Give P(next | last item of each history), shape (n, n_items)."""
        sequences = _check_sequences(self, sequences)
        some = np.array([len(sequence) > 0 for sequence in sequences], dtype=bool)
        counts = np.zeros((len(sequences), len(self.popularity_)))
        counts[some] = self.transitions_[[sequence[-1] for sequence in sequences if len(sequence)]].toarray()
        return (counts + self.back_off * self.popularity_) / (counts.sum(axis=1, keepdims=True) + self.back_off)


class CoVisitation(SequenceModel):
    """Rank by what came soon after the last items, nearer pairs and later items counting more. Built in chapter 08.

    A pair of items ``lag`` events apart adds decay^(lag - 1) to the weight of the later one after the earlier one, up
    to ``window`` events. A user's score of an item is the sum of its weights after the last ``window`` items, that of
    age a (0 for the last) times decay^a. A user with no history scores 0 everywhere.

    Parameters
    ----------
    window : int, at least 1. With 1, only steps from the last item count.
    decay : float above 0, at most 1.

    Attributes
    ----------
    item_weights_ : csr_array, shape (n_items, n_items). Row: the earlier item, column: the later one.
    """

    def __init__(self, window: int = 10, decay: float = 0.85):
        self.window = window
        self.decay = decay

    def fit(self, interactions: Interactions) -> CoVisitation:
        """Count pairs; the log needs the column ``time``."""
        check_parameters(self)
        self.histories_ = histories(check_interactions(interactions))
        longest = max(map(len, self.histories_))
        self.item_weights_ = sum(
            (
                self.decay ** (lag - 1) * following(self.histories_, interactions.n_items, lag)
                for lag in range(1, min(self.window, longest) + 1)
            ),
            start=sparse.csr_array((interactions.n_items, interactions.n_items)),
        )
        self.seen_ = interactions.matrix()
        return self

    def fold_in(self, sequences: Sequence[np.ndarray]) -> np.ndarray:
        """Add up the weights after the last items of each history, shape (n, n_items)."""
        last = [sequence[::-1][: self.window] for sequence in _check_sequences(self, sequences)]  # the last one first
        owner = np.repeat(np.arange(len(last)), [len(items) for items in last])
        age = np.concatenate([np.empty(0), *(np.arange(len(items)) for items in last)])
        items = np.concatenate([np.empty(0, dtype=int), *last])
        shape = (len(last), self.item_weights_.shape[0])
        reading = sparse.coo_array((self.decay**age, (owner, items)), shape=shape).tocsr()
        return (reading @ self.item_weights_).toarray()


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
        states = self.hidden(rows)[torch.arange(len(rows), device=rows.device), n_real.clamp(min=1) - 1]
        return (states * (n_real > 0)[:, None]) @ self.item_factors.weight[:-1].T


class NextItemModel(SequenceModel):
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
    loss_history_ : list of float. Mean loss of each epoch.
    score_history_ : list of float. Validation score after each epoch; empty without validation.
    best_epoch_ : int. The epoch, from 1, whose parameters were kept.
    histories_ : list of arrays, what each user met in training, in order.
    """

    own_checks = MappingProxyType({"loss": partial(check_choice, choices=("softmax", "sampled"))})
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

    @torch_defaults()
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
        check_parameters(self)
        read = histories(check_interactions(interactions))
        n_items = interactions.n_items
        pieces = torch.from_numpy(padded(windows(read, self.max_length), self.max_length + 1, n_items))
        if not len(pieces):
            raise ValueError("There is nothing to predict: every history has one item at most.")
        self.histories_, self.seen_ = read, interactions.matrix()

        def batches(rng: np.random.Generator):
            for group in shuffled(len(pieces), self.batch_size, rng):
                rows = pieces[group]
                wrong = torch.from_numpy(rng.integers(n_items, size=(len(rows), self.max_length)))
                yield rows[:, :-1], rows[:, 1:], wrong

        with seeded(self.random_state):
            self.network_ = self._network(n_items)
            history = train(
                self.network_,
                batches,
                self._loss,
                n_epochs=self.n_epochs,
                learning_rate=self.learning_rate,
                validate=None if validate is None else lambda: validate(self),
                patience=self.patience,
                random_state=self.random_state,
            )
        self.loss_history_ = history.losses
        self.score_history_, self.best_epoch_ = history.scores, history.best_epoch
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

    @torch_defaults()
    def fold_in(self, sequences: Sequence[np.ndarray]) -> np.ndarray:
        """Read the last ``max_length`` items of any histories, shape (n, n_items), float32."""
        rows = torch.from_numpy(padded(_check_sequences(self, sequences), self.max_length, self.network_.n_items))
        with torch.no_grad():
            return self.network_.eval().last(rows).numpy()


class GRUNetwork(NextItemNetwork):
    """A gated recurrent unit over the items' vectors."""

    def __init__(self, n_items: int, n_factors: int, dropout: float):
        super().__init__(n_items, n_factors)
        self.dropout = nn.Dropout(dropout)
        self.gru = nn.GRU(int(n_factors), int(n_factors), batch_first=True)

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
