"""Predict the next item with models that use the order of a history. Built by hand in chapters 08 and 09."""

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
    """Return the items of each user in the order of time, as positions.

    Events at the same time stay in the order of the log.

    Parameters
    ----------
    interactions : Interactions
        A log with the column ``time``.

    Returns
    -------
    list of n_users arrays of int, shape (n_events of the user,)
        Item positions; an empty array for a user without events.

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
    """Put the last ``length`` items of each sequence into a row, followed by ``padding``. Built in chapter 08.

    Parameters
    ----------
    sequences : sequence of array of int
        Item positions of each history.
    length : int
        Length of the rows.
    padding : int
        The number that fills the rest of a row.

    Returns
    -------
    array of int, shape (n_sequences, length)
        Items first, padding after them.
    """
    rows = np.full((len(sequences), length), padding)
    for row, sequence in zip(rows, sequences, strict=True):
        last = sequence[-length:]
        row[: len(last)] = last
    return rows


def windows(sequences: Sequence[np.ndarray], length: int) -> list[np.ndarray]:
    """Cut sequences into pieces of at most ``length + 1`` items, so that each item but the first is a target once.

    A piece begins with the last item of the piece before it. Sequences of one item have no pieces.

    Parameters
    ----------
    sequences : sequence of array of int
        Item positions of each history.
    length : int
        Maximum number of targets in a piece.

    Returns
    -------
    list of array of int
        The pieces, in the order of the sequences.
    """
    return [
        sequence[start : start + length + 1] for sequence in sequences for start in range(0, len(sequence) - 1, length)
    ]


class SequenceModel(Recommender):
    """Define the interface of models that use the order of histories. A subclass implements ``fit`` and ``fold_in``.

    Attributes
    ----------
    histories_ : list of n_users arrays of int
        The item positions of each user's training history, in the order of time.
    """

    histories_: list[np.ndarray]

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Score every item as the next one after each user's training history.

        Parameters
        ----------
        user_pos : array of int, shape (n,)
            Positions of the users, not ids.

        Returns
        -------
        array, shape (n, n_items)
            Higher is better.
        """
        return self.fold_in([self.histories_[user] for user in check_users(self, user_pos)])

    def fold_in(self, sequences: Sequence[np.ndarray]) -> np.ndarray:
        """Score every item as the next one after any histories.

        Parameters
        ----------
        sequences : sequence of array of int
            Item positions of each history, in the order of time.

        Returns
        -------
        array, shape (n, n_items)
            Higher is better.
        """
        raise NotImplementedError


def _check_sequences(model: Recommender, sequences: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Raise if a model is not fitted, or histories are not arrays of item positions."""
    check_fitted(model)
    n_items = model.seen_.shape[1]
    if not np.iterable(sequences) or sparse.issparse(sequences):
        raise TypeError(f"Expected a list of histories, arrays of item positions; got {type(sequences).__name__}.")
    checked = [np.asarray(sequence) for sequence in sequences]
    for original, sequence in zip(sequences, checked, strict=True):
        if np.ma.is_masked(original):
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
    """Count how often item j occurs ``lag`` events after item i. Built by hand in chapter 08.

    Parameters
    ----------
    sequences : sequence of array of int
        Item positions of each history, in the order of time.
    n_items : int
        Number of items.
    lag : int, default=1
        Distance of the two events, at least 1.

    Returns
    -------
    csr_array, shape (n_items, n_items)
        The count of the pair (i, j) in row i and column j.
    """
    empty = [np.empty(0, dtype=int)]  # np.concatenate needs at least one array, and this one sets the dtype
    earlier = np.concatenate(empty + [sequence[:-lag] for sequence in sequences])
    later = np.concatenate(empty + [sequence[lag:] for sequence in sequences])
    return sparse.coo_array((np.ones(len(later)), (earlier, later)), shape=(n_items, n_items)).tocsr()


class MarkovChain(SequenceModel):
    """Rank by the transitions from the last item, smoothed by popularity. Built in chapter 08.

    The score of item j after item i is (n_ij + κ p_j) / (n_i + κ), where n_ij counts how often j occurs directly after
    i, n_i is the sum of n_ij over j, and p_j is the share of j among all events. It is a probability: the scores of a
    user sum to 1. After an item that is never followed by another, and for a user without a history, the score is p_j.

    Parameters
    ----------
    back_off : float, default=1.0
        κ, above 0: the number of imaginary transitions that are distributed by popularity.

    Attributes
    ----------
    transitions_ : csr_array, shape (n_items, n_items)
        n_ij.
    popularity_ : array, shape (n_items,)
        p_j.

    References
    ----------
    Rendle, Freudenthaler and Schmidt-Thieme (2010), "Factorizing personalized Markov chains", for chains of items.
    """

    def __init__(self, back_off: float = 1.0):
        self.back_off = back_off

    def fit(self, interactions: Interactions) -> MarkovChain:
        """Count the transitions.

        Parameters
        ----------
        interactions : Interactions
            The training set, with the column ``time``.

        Returns
        -------
        MarkovChain
            The fitted model itself.

        Raises
        ------
        ValueError
            If ``back_off`` is not above 0, or the log has no times that can be ordered.
        """
        check_parameters(self)
        self.histories_ = histories(check_interactions(interactions))
        self.transitions_ = following(self.histories_, interactions.n_items)
        n_events = np.bincount(interactions.item_pos, minlength=interactions.n_items)
        self.popularity_ = n_events / n_events.sum()
        self.seen_ = interactions.matrix()
        return self

    def fold_in(self, sequences: Sequence[np.ndarray]) -> np.ndarray:
        """Compute P(next item | last item) for any histories.

        Parameters
        ----------
        sequences : sequence of array of int
            Item positions of each history, in the order of time.

        Returns
        -------
        array, shape (n, n_items)
            Probabilities; each row sums to 1.
        """
        sequences = _check_sequences(self, sequences)
        not_empty = np.array([len(sequence) > 0 for sequence in sequences], dtype=bool)
        counts = np.zeros((len(sequences), len(self.popularity_)))
        counts[not_empty] = self.transitions_[[sequence[-1] for sequence in sequences if len(sequence)]].toarray()
        return (counts + self.back_off * self.popularity_) / (counts.sum(axis=1, keepdims=True) + self.back_off)


class CoVisitation(SequenceModel):
    """Rank by items that soon followed the last items, with weights that decay. Built in chapter 08.

    A pair of items ``lag`` events apart adds decay^(lag - 1) to the weight of the later item after the earlier one, for
    every lag up to ``window``. A user's score of an item is the sum of its weights after the user's last ``window``
    items; the weight after the item of age a (0 for the last) is multiplied by decay^a. A user without a history scores
    0 everywhere.

    Parameters
    ----------
    window : int, default=10
        Maximum distance of a pair, and number of last items, at least 1. With 1, only transitions from the last item
        count.
    decay : float, default=0.85
        Factor for each additional event of distance or age, above 0 and at most 1.

    Attributes
    ----------
    item_weights_ : csr_array, shape (n_items, n_items)
        The earlier item in the row, the later item in the column.
    """

    def __init__(self, window: int = 10, decay: float = 0.85):
        self.window = window
        self.decay = decay

    def fit(self, interactions: Interactions) -> CoVisitation:
        """Count the pairs.

        Parameters
        ----------
        interactions : Interactions
            The training set, with the column ``time``.

        Returns
        -------
        CoVisitation
            The fitted model itself.

        Raises
        ------
        ValueError
            If a parameter is out of its range, or the log has no times that can be ordered.
        """
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
        """Add up the weights after the last items of each history.

        Parameters
        ----------
        sequences : sequence of array of int
            Item positions of each history, in the order of time.

        Returns
        -------
        array, shape (n, n_items)
            Higher is better.
        """
        last = [sequence[::-1][: self.window] for sequence in _check_sequences(self, sequences)]  # latest item first
        row = np.repeat(np.arange(len(last)), [len(items) for items in last])
        age = np.concatenate([np.empty(0), *(np.arange(len(items)) for items in last)])
        items = np.concatenate([np.empty(0, dtype=int), *last])
        shape = (len(last), self.item_weights_.shape[0])
        decayed = sparse.coo_array((self.decay**age, (row, items)), shape=shape).tocsr()  # (n, n_items)
        return (decayed @ self.item_weights_).toarray()


class NextItemNetwork(nn.Module):
    """Score the next item by the inner product of a hidden state with one embedding for each item.

    The same embedding is the input where the item occurs in a history and the output where it may be next. A subclass
    implements ``hidden``.
    """

    def __init__(self, n_items: int, n_factors: int):
        super().__init__()
        self.n_items = n_items
        self.item_factors = nn.Embedding(n_items + 1, n_factors, padding_idx=n_items)  # the last row is padding
        nn.init.normal_(self.item_factors.weight[:-1], std=n_factors**-0.5)

    def hidden(self, rows: Tensor) -> Tensor:
        """Compute the hidden state at each position of a history.

        Parameters
        ----------
        rows : Tensor of int, shape (n, length)
            Item positions, followed by ``n_items`` as padding.

        Returns
        -------
        Tensor, shape (n, length, n_factors)
            State t depends on items 0 … t, but on no later item.
        """
        raise NotImplementedError

    def forward(self, rows: Tensor) -> Tensor:
        """Score every item as the next one after each position.

        Parameters
        ----------
        rows : Tensor of int, shape (n, length)
            Item positions, followed by ``n_items`` as padding.

        Returns
        -------
        Tensor, shape (n, length, n_items)
            Logits.
        """
        return self.hidden(rows) @ self.item_factors.weight[:-1].T

    def last(self, rows: Tensor) -> Tensor:
        """Score every item as the next one after the last item of each row.

        Parameters
        ----------
        rows : Tensor of int, shape (n, length)
            Item positions, followed by ``n_items`` as padding.

        Returns
        -------
        Tensor, shape (n, n_items)
            Logits; 0 for an empty row.
        """
        lengths = (rows < self.n_items).sum(dim=1)
        states = self.hidden(rows)[torch.arange(len(rows), device=rows.device), lengths.clamp(min=1) - 1]
        return (states * (lengths > 0)[:, None]) @ self.item_factors.weight[:-1].T


class NextItemModel(SequenceModel):
    """Train a network that reads windows of histories and predicts the next item. Built in chapter 08.

    A subclass stores the hyperparameters listed below and implements ``_network``. A user without a history scores 0
    everywhere.

    Attributes
    ----------
    n_factors : int
        Length of the item embeddings and of the hidden state.
    max_length : int
        Number of items of a history that are read, the last ones.
    loss : {"softmax", "sampled"}
        Cross-entropy over all items, or binary cross-entropy against one negative item, drawn uniformly for each
        target.
    dropout : float
        Dropout rate, at least 0 and below 1.
    n_epochs, batch_size, random_state : int
        See :func:`~recsys_teach.training.train`. A batch contains windows of histories.
    learning_rate : float
        See :func:`~recsys_teach.training.train`.
    patience : int or None
        See :func:`~recsys_teach.training.train`.
    network_ : NextItemNetwork
        The trained network.
    loss_history_ : list of float
        The mean loss of each epoch.
    score_history_ : list of float
        The validation score after each epoch; empty without validation.
    best_epoch_ : int
        The epoch, counted from 1, whose parameters were kept.
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
        """Return a new network for this number of items."""
        raise NotImplementedError

    @torch_defaults()
    def fit(self, interactions: Interactions, validate: Callable[[Recommender], float] | None = None) -> NextItemModel:
        """Train the network to predict each item of a history from the items before it.

        Parameters
        ----------
        interactions : Interactions
            The training set, with the column ``time``.
        validate : callable, optional
            Function of this model that returns a validation score, higher is better. It is called after each epoch, and
            the parameters of the best epoch are kept.

        Returns
        -------
        NextItemModel
            The fitted model itself.

        Raises
        ------
        ValueError
            If a parameter is out of its range, there is no time, or no history has two items.
        """
        check_parameters(self)
        sequences = histories(check_interactions(interactions))
        n_items = interactions.n_items
        pieces = torch.from_numpy(padded(windows(sequences, self.max_length), self.max_length + 1, n_items))
        if not len(pieces):
            raise ValueError(
                "Expected at least one history of two items, so that the second can be predicted; got histories of at "
                "most one item. Check the filter of the log."
            )
        self.histories_, self.seen_ = sequences, interactions.matrix()

        def batches(rng: np.random.Generator):
            for group in shuffled(len(pieces), self.batch_size, rng):
                rows = pieces[group]
                negatives = torch.from_numpy(rng.integers(n_items, size=(len(rows), self.max_length)))
                yield rows[:, :-1], rows[:, 1:], negatives  # the targets are the inputs shifted by one position

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

    def _loss(self, rows: Tensor, targets: Tensor, negatives: Tensor) -> Tensor:
        """Compute the mean loss over the targets that are items, not padding; all arguments have shape (n, length)."""
        is_item = targets < self.network_.n_items
        states = self.network_.hidden(rows)[is_item]  # (n_targets, n_factors)
        positives = targets[is_item]  # (n_targets,)
        vectors = self.network_.item_factors
        if self.loss == "softmax":
            return F.cross_entropy(states @ vectors.weight[:-1].T, positives)
        # Binary cross-entropy: −ln σ(s) for a positive item and −ln(1 − σ(s)) = −ln σ(−s) for a negative one.
        margins = torch.stack([(states * vectors(positives)).sum(1), -(states * vectors(negatives[is_item])).sum(1)])
        return -F.logsigmoid(margins).mean()

    @torch_defaults()
    def fold_in(self, sequences: Sequence[np.ndarray]) -> np.ndarray:
        """Score every item as the next one after the last ``max_length`` items of any histories.

        Parameters
        ----------
        sequences : sequence of array of int
            Item positions of each history, in the order of time.

        Returns
        -------
        array, shape (n, n_items), float32
            Logits.
        """
        rows = torch.from_numpy(padded(_check_sequences(self, sequences), self.max_length, self.network_.n_items))
        with torch.no_grad():
            return self.network_.eval().last(rows).numpy()


class GRUNetwork(NextItemNetwork):
    """Compute the hidden states by a gated recurrent unit (GRU) over the item embeddings."""

    def __init__(self, n_items: int, n_factors: int, dropout: float):
        super().__init__(n_items, n_factors)
        self.dropout = nn.Dropout(dropout)
        self.gru = nn.GRU(int(n_factors), int(n_factors), batch_first=True)

    def hidden(self, rows: Tensor) -> Tensor:
        """Run the GRU over the rows.

        Parameters
        ----------
        rows : Tensor of int, shape (n, length)
            Item positions, followed by ``n_items`` as padding.

        Returns
        -------
        Tensor, shape (n, length, n_factors)
            The hidden state after each position.
        """
        return self.dropout(self.gru(self.dropout(self.item_factors(rows)))[0])


class GRURecommender(NextItemModel):
    """Rank the next item by a gated recurrent unit (GRU). Built in chapter 08.

    The fitted attributes are those of :class:`NextItemModel`.

    Parameters
    ----------
    n_factors : int, default=64
        Length of the item embeddings and of the hidden state, at least 1.
    max_length : int, default=50
        Number of items of a history that are read, the last ones, at least 1.
    loss : {"softmax", "sampled"}, default="softmax"
        Cross-entropy over all items, or binary cross-entropy against one negative item, drawn uniformly for each
        target.
    dropout : float, default=0.2
        Dropout rate of the embeddings and the hidden states, at least 0 and below 1.
    n_epochs : int, default=20
        Maximum number of passes over the histories, at least 1.
    batch_size : int, default=64
        Number of windows in a batch, at least 1.
    learning_rate : float, default=3e-3
        Learning rate of Adam, above 0.
    patience : int, optional
        Number of epochs without a better validation score after which training stops.
    random_state : int, default=0
        Seed of the initial weights, the batches, the dropout and the negative items.

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
