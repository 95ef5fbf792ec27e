"""Reconstruct histories of ratings or clicks with a neural network. Built by hand in chapter 07."""

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
    outputs, targets : Tensor, shape (n, m)
        Predicted and true values. A target that is not known is ignored, but must not be NaN.
    known : Tensor, shape (n, m)
        1 where the target is known, 0 elsewhere.

    Returns
    -------
    Tensor
        One number.
    """
    return (known * (outputs - targets) ** 2).sum() / len(targets)


def log_likelihood(scores: Tensor, rows: Tensor) -> Tensor:
    """Return the log-likelihood of each row's events under the softmax of its scores. Built in chapter 07.

    The multinomial coefficient is left out, because it does not depend on the parameters.

    Parameters
    ----------
    scores : Tensor, shape (n, n_items)
        Logits.
    rows : Tensor, shape (n, n_items)
        The number of interactions with each item.

    Returns
    -------
    Tensor, shape (n,)
        The log-likelihood in nats, at most 0.
    """
    return (rows * F.log_softmax(scores, dim=1)).sum(dim=1)


def kl_to_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the KL divergence of independent normal distributions from standard ones. Built by hand in chapter 07.

    Parameters
    ----------
    mean, log_variance : Tensor, shape (n, n_factors)
        The mean and the logarithm of the variance of each factor.

    Returns
    -------
    Tensor, shape (n,)
        The sum over the factors in nats, at least 0; it is 0 if the means are 0 and the variances 1.
    """
    return 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance).sum(dim=1)


class AutoRec(Recommender):
    """Predict ratings by an autoencoder of item columns, fitted to the known cells only. Built in chapter 07.

    The input is the column of an item: its ratings minus the mean of all ratings, and 0 where there is none. A narrow
    layer of sigmoids encodes it, and a linear layer decodes it to n_users numbers, the predicted rating by each user.
    So the factors of an item are computed from its ratings, and each user has learned factors and a learned bias.

    Parameters
    ----------
    n_factors : int, default=100
        Width of the narrow layer, at least 1.
    dropout : float, default=0.5
        Share of the narrow layer that is set to 0 in each step, at least 0 and below 1.
    weight_decay : float, default=0.03
        L2 penalty of all weights, at least 0.
    n_epochs : int, default=20
        Number of passes over the items, at least 1.
    batch_size : int, default=64
        Number of items in a batch, at least 1.
    learning_rate : float, default=3e-3
        Learning rate of Adam, above 0.
    value : str, default="rating"
        The column of the log to predict.
    random_state : int, default=0
        Seed of the initial weights, the batches and the dropout.

    Attributes
    ----------
    mean_ : float
        The mean of all training ratings.
    item_factors_ : array, shape (n_items, n_factors)
        The output of the narrow layer for each item, between 0 and 1.
    user_factors_ : array, shape (n_users, n_factors)
        The decoder weights of each user.
    user_biases_ : array, shape (n_users,)
        The decoder bias of each user.
    rating_range_ : tuple of float
        The lowest and the highest training rating.
    loss_history_ : list of float
        The mean loss of each epoch.

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
        """Train the autoencoder to reconstruct the known ratings of each item.

        Parameters
        ----------
        interactions : Interactions
            The training set, with the column ``value``.

        Returns
        -------
        AutoRec
            The fitted model itself.

        Raises
        ------
        ValueError
            If a parameter is out of its range, the ratings are absent or contain NaN, or a pair has two ratings.
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
        """Predict one rating for each pair, clipped to the range of the training ratings.

        Parameters
        ----------
        user_pos : array of int, shape (n,)
            Positions of the users, not ids.
        item_pos : array of int, shape (n,)
            Positions of the items, not ids.

        Returns
        -------
        array, shape (n,)
            Predicted ratings.

        Raises
        ------
        ValueError
            If the model is not fitted, a position is unknown, or the shapes differ.
        """
        u, i = check_pairs(self, user_pos, item_pos)
        interest = np.einsum("nk,nk->n", self.user_factors_[u], self.item_factors_[i])
        return np.clip(self.mean_ + self.user_biases_[u] + interest, *self.rating_range_)

    def score(self, user_pos: np.ndarray) -> np.ndarray:
        """Predict all ratings of some users, without clipping, so that there are fewer ties.

        Parameters
        ----------
        user_pos : array of int, shape (n,)
            Positions of the users, not ids.

        Returns
        -------
        array, shape (n, n_items)
            Predicted ratings.
        """
        u = check_users(self, user_pos)
        return self.mean_ + self.user_biases_[u, None] + self.user_factors_[u] @ self.item_factors_.T


class ClickNetwork(nn.Module):
    """Define the interface of networks that score all items from a row and compute their training loss."""

    def loss(self, rows: Tensor, step: Tensor) -> Tensor:
        """Compute the training loss of a batch.

        Parameters
        ----------
        rows : Tensor, shape (n, n_items)
            1 where the user interacted with the item, 0 elsewhere.
        step : Tensor
            The number of the training step, from 0.

        Returns
        -------
        Tensor
            One number, which training minimizes.
        """
        raise NotImplementedError


class ClickAutoencoder(RowRecommender):
    """Train an autoencoder of clicks: a row of 0 and 1 as input, scores of all items as output. Built in chapter 07.

    A subclass stores the hyperparameters listed below and implements ``_network``. Users without a history are not used
    in training. Their scores come from the biases, which are close to popularity.

    Attributes
    ----------
    n_factors : int
        Width of the narrow layer, at least 1.
    dropout : float
        Share of the inputs that is set to 0 in each step, at least 0 and below 1.
    n_epochs, batch_size, random_state : int
        See :func:`~recsys_teach.training.train`. A batch contains users.
    learning_rate, weight_decay : float
        See :func:`~recsys_teach.training.train`.
    patience : int or None
        See :func:`~recsys_teach.training.train`.
    network_ : ClickNetwork
        The trained network.
    loss_history_ : list of float
        The mean loss of each epoch.
    score_history_ : list of float
        The validation score after each epoch; empty without validation.
    best_epoch_ : int
        The epoch, counted from 1, whose parameters were kept.
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
        """Return a new network for this number of items."""
        raise NotImplementedError

    @torch_defaults()
    def fit(
        self, interactions: Interactions, validate: Callable[[ClickAutoencoder], float] | None = None
    ) -> ClickAutoencoder:
        """Train the network to reconstruct the row of each user.

        Parameters
        ----------
        interactions : Interactions
            The training set. Any event counts as 1.
        validate : callable, optional
            Function of this model that returns a validation score, higher is better. It is called after each epoch, and
            the parameters of the best epoch are kept.

        Returns
        -------
        ClickAutoencoder
            The fitted model itself.

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
        """Score every item from rows alone, for users inside or outside the training set.

        Parameters
        ----------
        rows : array or csr_array, shape (n, n_items)
            1 where the user interacted with the item, 0 elsewhere.

        Returns
        -------
        array, shape (n, n_items), float32
            Logits: their softmax is the predicted distribution of the next interaction.
        """
        rows = check_rows(self, rows)
        with torch.no_grad():
            return self.network_.eval()(_dense(rows.astype(np.float32))).numpy()


class DAENetwork(ClickNetwork):
    """Encode a row, with dropout of its inputs, by one layer of tanh, and decode it to logits of all items."""

    def __init__(self, n_items: int, n_factors: int, dropout: float):
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.Linear(n_items, n_factors)
        self.decoder = nn.Linear(n_factors, n_items)

    def forward(self, rows: Tensor) -> Tensor:
        """Score every item; each row is first scaled to length 1.

        Parameters
        ----------
        rows : Tensor, shape (n, n_items)
            1 where the user interacted with the item, 0 elsewhere.

        Returns
        -------
        Tensor, shape (n, n_items)
            Logits.
        """
        return self.decoder(torch.tanh(self.encoder(self.dropout(F.normalize(rows)))))

    def loss(self, rows: Tensor, step: Tensor) -> Tensor:
        """Compute the mean negative log-likelihood; all inputs are targets, including those dropped.

        Parameters
        ----------
        rows : Tensor, shape (n, n_items)
            1 where the user interacted with the item, 0 elsewhere.
        step : Tensor
            The number of the training step, which is not used.

        Returns
        -------
        Tensor
            One number.
        """
        return -log_likelihood(self(rows), rows).mean()


class MultDAE(ClickAutoencoder):
    """Rank by a denoising autoencoder with multinomial likelihood. Built in chapter 07.

    The fitted attributes are those of :class:`ClickAutoencoder`.

    Parameters
    ----------
    n_factors : int, default=200
        Width of the narrow layer, at least 1.
    dropout : float, default=0.5
        Share of the inputs that is set to 0 in each step, at least 0 and below 1.
    n_epochs : int, default=40
        Maximum number of passes over the users, at least 1.
    batch_size : int, default=100
        Number of users in a batch, at least 1.
    learning_rate : float, default=3e-3
        Learning rate of Adam, above 0.
    weight_decay : float, default=0.0
        L2 penalty of all weights, at least 0.
    patience : int, optional
        Number of epochs without a better validation score after which training stops.
    random_state : int, default=0
        Seed of the initial weights, the batches and the dropout.

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
    """Encode a row as a normal distribution of each factor, draw a code from it, and decode the code.

    Outside training, the mean is used as the code.
    """

    def __init__(self, n_items: int, n_factors: int, dropout: float, beta: float, n_anneal: int):
        super().__init__()
        self.beta, self.n_anneal = beta, n_anneal
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.Linear(n_items, 2 * n_factors)
        self.decoder = nn.Linear(n_factors, n_items)

    def encode(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the mean and the log-variance of each factor.

        Parameters
        ----------
        rows : Tensor, shape (n, n_items)
            1 where the user interacted with the item, 0 elsewhere.

        Returns
        -------
        mean, log_variance : Tensor, shape (n, n_factors)
            The parameters of the normal distributions.
        """
        mean, log_variance = self.encoder(self.dropout(F.normalize(rows))).chunk(2, dim=1)
        return mean, log_variance

    def forward(self, rows: Tensor) -> Tensor:
        """Score every item from the mean of the code.

        Parameters
        ----------
        rows : Tensor, shape (n, n_items)
            1 where the user interacted with the item, 0 elsewhere.

        Returns
        -------
        Tensor, shape (n, n_items)
            Logits.
        """
        return self.decoder(self.encode(rows)[0])

    def loss(self, rows: Tensor, step: Tensor) -> Tensor:
        """Compute the mean negative log-likelihood plus the KL term, whose weight increases to beta.

        Parameters
        ----------
        rows : Tensor, shape (n, n_items)
            1 where the user interacted with the item, 0 elsewhere.
        step : Tensor
            The number of the training step, from 0.

        Returns
        -------
        Tensor
            One number.
        """
        mean, log_variance = self.encode(rows)
        # The reparameterization trick: the gradient flows through mean and variance, not through the random numbers.
        codes = mean + torch.exp(log_variance / 2) * torch.randn_like(mean)
        weight = self.beta * (step / self.n_anneal).clamp(max=1)
        return (weight * kl_to_normal(mean, log_variance) - log_likelihood(self.decoder(codes), rows)).mean()


class MultVAE(ClickAutoencoder):
    """Rank by a variational autoencoder with multinomial likelihood. Built in chapter 07.

    Encoder and decoder have one layer each: on MovieLens-100K a hidden layer before and after the codes ranks worse.
    The fitted attributes are those of :class:`ClickAutoencoder`.

    Parameters
    ----------
    n_factors : int, default=200
        Number of latent factors, at least 1.
    beta : float, default=0.2
        Final weight of the KL term, at least 0; with 1 the negative loss is a lower bound of the log-likelihood (ELBO).
    n_anneal : int, default=200
        Number of steps over which the weight increases from 0 to beta, at least 1.
    dropout : float, default=0.5
        Share of the inputs that is set to 0 in each step, at least 0 and below 1.
    n_epochs : int, default=40
        Maximum number of passes over the users, at least 1.
    batch_size : int, default=50
        Number of users in a batch, at least 1.
    learning_rate : float, default=3e-3
        Learning rate of Adam, above 0.
    weight_decay : float, default=0.0
        L2 penalty of all weights, at least 0.
    patience : int, optional
        Number of epochs without a better validation score after which training stops.
    random_state : int, default=0
        Seed of the initial weights, the batches, the dropout and the codes.

    References
    ----------
    Liang, Krishnan, Hoffman and Jebara (2018), "Variational autoencoders for collaborative filtering"; Kingma and
    Welling (2014), "Auto-encoding variational Bayes", for the reparameterization trick.
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
