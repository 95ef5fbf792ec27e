"""Networks that read a whole history at once and give it back: of ratings or of clicks. Built by hand in chapter 07."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_teach.data.interactions import Interactions
from recsys_teach.models.base import (
    Recommender,
    RowRecommender,
    check_interactions,
    check_pairs,
    check_parameters,
    check_rows,
    check_users,
)
from recsys_teach.training import seeded, shuffled, torch_defaults, train


def masked_loss(outputs: Tensor, targets: Tensor, known: Tensor) -> Tensor:
    """Sum the squared errors of the cells where ``known`` is 1, divided by the number of rows. Built in chapter 07.

    Parameters
    ----------
    outputs, targets, known : shape (n, m).
    """
    return (known * (outputs - targets) ** 2).sum() / len(targets)


def log_likelihood(scores: Tensor, rows: Tensor) -> Tensor:
    """Log-likelihood of each row's events if they are drawn from the softmax of its scores. Built in chapter 07.

    The multinomial coefficient is left out, for no parameter moves it.

    Parameters
    ----------
    scores : shape (n, n_items).
    rows : shape (n, n_items). How often each item was met.

    Returns
    -------
    Tensor, shape (n,). In nats, at most 0.
    """
    return (rows * F.log_softmax(scores, dim=1)).sum(dim=1)


def kl_to_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback-Leibler divergence of independent normals from standard ones. Built by hand in chapter 07.

    Parameters
    ----------
    mean, log_variance : shape (n, n_factors).

    Returns
    -------
    Tensor, shape (n,). In nats, at least 0; 0 if the means are 0 and the variances 1.
    """
    return 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance).sum(dim=1)


class AutoRec(Recommender):
    """Predict ratings by an autoencoder of the items' columns, fitted to the known cells alone. Built in chapter 07.

    An item's ratings minus the mean of all, 0 where there is none, go through a narrow layer of sigmoids to n_users
    numbers: what each user would give it. So the factors of an item are computed from its ratings, and each user has
    factors and a bias of their own.

    Parameters
    ----------
    n_factors : int, at least 1. Width of the narrow layer.
    dropout : float, at least 0, below 1. Share of the narrow layer that is blanked in each step.
    weight_decay : float, at least 0. It pulls all weights toward 0.
    n_epochs, batch_size, learning_rate, random_state : see :func:`~recsys_teach.training.train`. A batch is of items.
    value : str. The column of the log to predict.

    Attributes
    ----------
    mean_ : float.
    item_factors_ : array, shape (n_items, n_factors), between 0 and 1. What the narrow layer makes of each item.
    user_factors_, user_biases_ : array, shapes (n_users, n_factors) and (n_users,).
    scale_ : (float, float). Lowest and highest rating seen in training.
    loss_history_ : list of float. Mean loss of each epoch.

    References
    ----------
    Sedhain, Menon, Sanner and Xie (2015), "AutoRec: autoencoders meet collaborative filtering", the item-based one;
    dropout in place of a part of its regularization.
    """

    def __init__(
        self,
        n_factors: int = 100,
        *,
        dropout: float = 0.5,
        weight_decay: float = 0.03,
        n_epochs: int = 20,
        batch_size: int = 64,
        learning_rate: float = 3e-3,
        value: str = "rating",
        random_state: int = 0,
    ):
        self.n_factors = n_factors
        self.dropout = dropout
        self.weight_decay = weight_decay
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.value = value
        self.random_state = random_state

    @torch_defaults()
    def fit(self, interactions: Interactions) -> AutoRec:
        """Learn to give each item's known ratings back.

        Raises
        ------
        ValueError
            If a parameter is out of its range, or the ratings are absent, NaN or double.
        """
        check_parameters(self)
        ratings = check_interactions(interactions).matrix(self.value)
        seen = interactions.matrix()
        self.mean_ = float(ratings.data.mean())
        self.rating_range_ = float(ratings.data.min()), float(ratings.data.max())
        ratings.data -= self.mean_
        columns, known = (matrix.T.tocsr().astype(np.float32) for matrix in (ratings, seen))
        items = np.flatnonzero(np.diff(columns.indptr))

        def batches(rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
            for group in shuffled(len(items), self.batch_size, rng):
                yield _dense(columns[items[group.numpy()]]), _dense(known[items[group.numpy()]])

        with seeded(self.random_state):
            encoder, decoder = nn.Linear(seen.shape[0], self.n_factors), nn.Linear(self.n_factors, seen.shape[0])
            network = nn.Sequential(encoder, nn.Sigmoid(), nn.Dropout(self.dropout), decoder)
            history = train(
                network,
                batches,
                lambda targets, mask: masked_loss(network(targets), targets, mask),
                n_epochs=self.n_epochs,
                learning_rate=self.learning_rate,
                weight_decay=self.weight_decay,
                random_state=self.random_state,
            )
        self.loss_history_ = history.losses
        with torch.no_grad():
            self.item_factors_ = torch.sigmoid(encoder(_dense(columns))).numpy()
            self.user_factors_, self.user_biases_ = decoder.weight.numpy(), decoder.bias.numpy()
        self.seen_ = seen
        return self

    def predict(self, user_pos: np.ndarray, item_pos: np.ndarray) -> np.ndarray:
        """Predict the ratings of pairs, shapes (n,) and (n,) to (n,), cut to the range seen in training.

        Raises
        ------
        ValueError
            If the model is not fitted, a position is unknown, or the shapes differ.
        """
        u, i = check_pairs(self, user_pos, item_pos)
        interest = np.einsum("nk,nk->n", self.user_factors_[u], self.item_factors_[i])
        return np.clip(self.mean_ + self.user_biases_[u] + interest, *self.rating_range_)

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Predict every item's rating for some users, shape (n, n_items); not cut, so that few scores tie."""
        u = check_users(self, user_pos)
        return self.mean_ + self.user_biases_[u, None] + self.user_factors_[u] @ self.item_factors_.T


class ClickNetwork(nn.Module):
    """Base of the networks that score all items from a row, and know their own loss."""

    def loss(self, rows: Tensor, step: Tensor) -> Tensor:
        """Give one number to make small, for rows (n, n_items) in the given step of the training, from 0."""
        raise NotImplementedError


class ClickAutoencoder(RowRecommender):
    """Base of the autoencoders of clicks: a row of 0 and 1 in, scores of all items out. Built in chapter 07.

    A subclass stores the parameters named here and answers ``_network``. Users without a history are not trained on,
    and are scored by the biases, about as popularity would.

    Parameters
    ----------
    n_factors : int, at least 1. Width of the narrow layer.
    dropout : float, at least 0, below 1. Share of the inputs that is blanked in each step.
    n_epochs, batch_size, learning_rate, weight_decay, patience, random_state : see
        :func:`~recsys_teach.training.train`.

    Attributes
    ----------
    network_ : ClickNetwork.
    loss_history_ : list of float. Mean loss of each epoch.
    score_history_ : list of float. Validation score after each epoch; empty without validation.
    best_epoch_ : int. The epoch, from 1, whose parameters were kept.
    """

    n_factors: int
    dropout: float
    n_epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    patience: int | None
    random_state: int
    network_: ClickNetwork

    def _network(self, n_items: int) -> ClickNetwork:
        raise NotImplementedError

    @torch_defaults()
    def fit(
        self, interactions: Interactions, validate: Callable[[ClickAutoencoder], float] | None = None
    ) -> ClickAutoencoder:
        """Learn to give each user's row back.

        Parameters
        ----------
        interactions : Interactions. Any event counts as 1.
        validate : function of this model that gives a score, higher is better; called after each epoch. The
            parameters of the best epoch are kept.

        Raises
        ------
        ValueError
            If a parameter is out of its range.
        """
        check_parameters(self)
        self.matrix_ = self.seen_ = check_interactions(interactions).matrix()
        rows = self.seen_[np.flatnonzero(np.diff(self.seen_.indptr))].astype(np.float32)
        steps = count()

        def batches(rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
            for group in shuffled(rows.shape[0], self.batch_size, rng):
                yield _dense(rows[group.numpy()]), torch.tensor(next(steps))

        with seeded(self.random_state):
            self.network_ = self._network(interactions.n_items)
            history = train(
                self.network_,
                batches,
                self.network_.loss,
                n_epochs=self.n_epochs,
                learning_rate=self.learning_rate,
                weight_decay=self.weight_decay,
                validate=None if validate is None else lambda: validate(self),
                patience=self.patience,
                random_state=self.random_state,
            )
        self.loss_history_ = history.losses
        self.score_history_, self.best_epoch_ = history.scores, history.best_epoch
        return self

    @torch_defaults()
    def fold_in(self, rows: sparse.csr_array | np.ndarray) -> np.ndarray:
        """Score every item for any users from their rows alone, who need not have been there at ``fit``.

        Parameters
        ----------
        rows : array or csr_array, shape (n, n_items). 1 where the user met the item.

        Returns
        -------
        array, shape (n, n_items), float32. Logarithms of the softmax's shares, up to one number a row.
        """
        rows = check_rows(self, rows)
        with torch.no_grad():
            return self.network_.eval()(_dense(rows.astype(np.float32))).numpy()


class DAENetwork(ClickNetwork):
    """Blank some inputs, one narrow layer of tanh, all items out."""

    def __init__(self, n_items: int, n_factors: int, dropout: float):
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.Linear(n_items, n_factors)
        self.decoder = nn.Linear(n_factors, n_items)

    def forward(self, rows: Tensor) -> Tensor:
        """Score every item: (n, n_items) to (n, n_items). Rows are first scaled to length 1."""
        return self.decoder(torch.tanh(self.encoder(self.dropout(F.normalize(rows)))))

    def loss(self, rows: Tensor, step: Tensor) -> Tensor:
        """Mean over rows of minus their log-likelihood; all inputs are targets, those blanked too."""
        return -log_likelihood(self(rows), rows).mean()


class MultDAE(ClickAutoencoder):
    """Rank by a denoising autoencoder with multinomial likelihood. Built in chapter 07.

    Parameters as :class:`ClickAutoencoder`.

    References
    ----------
    Liang, Krishnan, Hoffman and Jebara (2018), "Variational autoencoders for collaborative filtering"; Vincent et al.
    (2008) for denoising.
    """

    def __init__(
        self,
        n_factors: int = 200,
        *,
        dropout: float = 0.5,
        n_epochs: int = 40,
        batch_size: int = 100,
        learning_rate: float = 3e-3,
        weight_decay: float = 0.0,
        patience: int | None = None,
        random_state: int = 0,
    ):
        self.n_factors = n_factors
        self.dropout = dropout
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.patience = patience
        self.random_state = random_state

    def _network(self, n_items: int) -> ClickNetwork:
        return DAENetwork(n_items, self.n_factors, self.dropout)


class VAENetwork(ClickNetwork):
    """Encode a row as a normal for each factor, draw a code, decode; the mean is the code outside training."""

    def __init__(self, n_items: int, n_factors: int, dropout: float, beta: float, n_anneal: int):
        super().__init__()
        self.beta, self.n_anneal = beta, n_anneal
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.Linear(n_items, 2 * n_factors)
        self.decoder = nn.Linear(n_factors, n_items)

    def encode(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Give mean and log-variance of each factor: (n, n_items) to two of shape (n, n_factors)."""
        mean, log_variance = self.encoder(self.dropout(F.normalize(rows))).chunk(2, dim=1)
        return mean, log_variance

    def forward(self, rows: Tensor) -> Tensor:
        """Score every item from the mean code: (n, n_items) to (n, n_items)."""
        return self.decoder(self.encode(rows)[0])

    def loss(self, rows: Tensor, step: Tensor) -> Tensor:
        """Mean over rows of minus their log-likelihood, plus the KL term, whose weight grows to beta."""
        mean, log_variance = self.encode(rows)
        codes = mean + torch.exp(log_variance / 2) * torch.randn_like(mean)
        weight = self.beta * (step / self.n_anneal).clamp(max=1)
        return (weight * kl_to_normal(mean, log_variance) - log_likelihood(self.decoder(codes), rows)).mean()


class MultVAE(ClickAutoencoder):
    """Rank by a variational autoencoder with multinomial likelihood. Built in chapter 07.

    Encoder and decoder are one layer each: on MovieLens-100K a hidden layer before and after the codes ranks worse.

    Parameters as :class:`ClickAutoencoder`, and

    Parameters
    ----------
    beta : float, at least 0. Last weight of the KL term; 1 makes the loss a bound of the likelihood.
    n_anneal : int, at least 1. Steps over which the weight grows from 0 to beta.

    References
    ----------
    Liang, Krishnan, Hoffman and Jebara (2018), "Variational autoencoders for collaborative filtering"; Kingma and
    Welling (2014), "Auto-encoding variational Bayes", for drawing a code that lets slopes through.
    """

    def __init__(
        self,
        n_factors: int = 200,
        *,
        beta: float = 0.2,
        n_anneal: int = 200,
        dropout: float = 0.5,
        n_epochs: int = 40,
        batch_size: int = 50,
        learning_rate: float = 3e-3,
        weight_decay: float = 0.0,
        patience: int | None = None,
        random_state: int = 0,
    ):
        self.n_factors = n_factors
        self.beta = beta
        self.n_anneal = n_anneal
        self.dropout = dropout
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.patience = patience
        self.random_state = random_state

    def _network(self, n_items: int) -> ClickNetwork:
        return VAENetwork(n_items, self.n_factors, self.dropout, self.beta, self.n_anneal)


def _dense(rows: sparse.csr_array) -> Tensor:
    return torch.from_numpy(rows.toarray())
