"""Federated matrix factorization of ratings that stay on the clients. For learning. Built by hand in chapter 16.

A client is the device of one user. It keeps the user's ratings and row of ``P``; the server keeps ``Q``. Both matrices
have a bias in their last column, which is a factor that is multiplied by 1: with x = [p_u, 1] and
r = rating - mean - b_u, the error of a rating is r - x·Q[i].

The masks follow the protocol of Bonawitz et al., without the parts that make it secure in practice: key agreement
between clients, secret sharing of the seeds, a second mask for late uploads, and protection against dishonest servers
and clients. SecAgg+ of Flower includes these; the tests compare the sums here with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from scipy import sparse

from recsys_teach._validation import (
    check_choice,
    check_generator,
    check_integer,
    check_number,
    check_numbers,
    optional,
)
from recsys_teach.federated.gradients import clip_upload, server_step, start_items


class Clients:
    """Simulation of all clients at once, where each computes only from its own ratings. Built in chapter 16.

    Parameters
    ----------
    ratings : csr_array, shape (n_clients, n_items)
        Ratings minus their mean. Every row has at least one rating. A stored 0 is a rating that equals the mean.
    regularization : float, default=1.3
        λ, above 0. The L2 penalty of a user's factors is λ √(number of ratings).

    Attributes
    ----------
    ratings : csr_array, shape (n_clients, n_items)
        The ratings, without duplicate cells.
    ridge : ndarray, shape (n_clients,)
        L2 penalty of each user's factors.
    n_raters : ndarray of int, shape (n_items,)
        Number of clients that rated each item.

    Raises
    ------
    TypeError
        If the ratings or ``regularization`` are not numbers.
    ValueError
        If a client has no rating, or a number is not finite or out of range.
    """

    def __init__(self, ratings: sparse.csr_array, regularization: float = 1.3):
        check_number("regularization", regularization, above=0)
        check_numbers("ratings", ratings.data)
        ratings = ratings.copy()
        ratings.sum_duplicates()  # explicit zeros are kept: they are ratings that equal the mean
        lengths = np.diff(ratings.indptr)
        if (lengths == 0).any():
            raise ValueError(
                "Expected at least one rating per client; got clients without ratings, for example "
                f"{int(np.flatnonzero(lengths == 0)[0])}. Leave out empty rows."
            )
        self.ratings = ratings
        self.ridge = regularization * np.sqrt(lengths)
        self.n_raters = np.bincount(ratings.indices, minlength=ratings.shape[1])
        self._row = np.repeat(np.arange(len(lengths)), lengths)
        self._rated = sparse.csr_array((np.ones(ratings.nnz), ratings.indices, ratings.indptr), shape=ratings.shape)

    def solve(self, Q: np.ndarray) -> np.ndarray:
        """Solve the ridge regression of every user's factors, given the item factors.

        Parameters
        ----------
        Q : ndarray, shape (n_items, k + 1)
            Factors of the items, with the bias in the last column.

        Returns
        -------
        ndarray, shape (n_clients, k + 1)
            Factors of the users, with the bias in the last column.
        """
        n_clients, width = len(self.ridge), Q.shape[1]
        design = np.column_stack([Q[:, :-1], np.ones(len(Q))])  # (n_items, width); the last column is for the bias
        # The normal matrix of a user is the sum of the outer products of the rated items: one sparse product for all.
        squares = (design[:, :, None] * design[:, None]).reshape(len(Q), -1)  # (n_items, width * width)
        normal = (self._rated @ squares).reshape(n_clients, width, width)
        normal[:, np.arange(width), np.arange(width)] += self.ridge[:, None]
        targets = self.ratings.copy()
        targets.data -= Q[targets.indices, -1]
        return np.linalg.solve(normal, (targets @ design)[:, :, None])[:, :, 0]

    def errors(self, P: np.ndarray, Q: np.ndarray) -> sparse.csr_array:
        """Compute the residual of each rating.

        Parameters
        ----------
        P : ndarray, shape (n_clients, k + 1)
            Factors of the users, with the bias in the last column.
        Q : ndarray, shape (n_items, k + 1)
            Factors of the items, with the bias in the last column.

        Returns
        -------
        csr_array, shape (n_clients, n_items)
            Rating minus prediction, in the stored cells of ``ratings``.
        """
        x, rows, columns = _with_one(P), self._row, self.ratings.indices
        residuals = self.ratings.data - P[rows, -1] - np.einsum("nk,nk->n", x[rows], Q[columns])
        return sparse.csr_array((residuals, columns, self.ratings.indptr), shape=self.ratings.shape)

    def summed_gradient(
        self, P: np.ndarray, Q: np.ndarray, clip: float | None = None, n_steps: int = 1, learning_rate: float = 0.5
    ) -> np.ndarray:
        """Compute the sum of the uploads of all clients without storing the single uploads.

        Parameters
        ----------
        P : ndarray, shape (n_clients, k + 1)
            Factors of the users, with the bias in the last column.
        Q : ndarray, shape (n_items, k + 1)
            Factors of the items, with the bias in the last column.
        clip : float, optional
            Maximum L2 norm of an upload; longer uploads are clipped as in :func:`clip_upload`.
        n_steps : int, default=1
            Number of local steps of each client on a copy of Q, with its row of P fixed. It uploads the negative change
            divided by the learning rate; for one step this is the gradient.
        learning_rate : float, default=0.5
            Step size of the local steps.

        Returns
        -------
        ndarray, shape (n_items, k + 1)
            The sum of the uploads.
        """
        x, errors = _with_one(P), self.errors(P, Q)
        # A step changes each rated row of Q by learning_rate · error · x, so it multiplies all errors of a client by
        # 1 - learning_rate · |x|². The upload of n_steps steps is thus the gradient times a geometric series.
        size = (x**2).sum(axis=1)
        weight = (1 - (1 - learning_rate * size) ** n_steps) / (learning_rate * size)
        if clip is not None:
            norm = weight * np.sqrt(size * np.bincount(self._row, errors.data**2))
            weight = weight * np.minimum(1, clip / np.maximum(norm, 1e-12))
        errors.data *= weight[self._row]
        return -(errors.T @ x)

    def median_gradient(self, P: np.ndarray, Q: np.ndarray, fakes: np.ndarray | None = None) -> np.ndarray:
        """Compute the coordinate-wise median of the uploads of each item over the clients that rated it.

        Parameters
        ----------
        P : ndarray, shape (n_clients, k + 1)
            Factors of the users, with the bias in the last column.
        Q : ndarray, shape (n_items, k + 1)
            Factors of the items, with the bias in the last column.
        fakes : ndarray, shape (n_fakes, n_items, k + 1), optional
            Uploads of malicious clients. Their nonzero rows count as rated.

        Returns
        -------
        ndarray, shape (n_items, k + 1)
            The medians; zeros for an item without ratings.
        """
        errors = self.errors(P, Q)
        # One row for each rating, (n_ratings, k + 1): the nonzero rows of all uploads.
        uploads, item = -errors.data[:, None] * _with_one(P)[self._row], errors.indices
        if fakes is not None:
            _, fake_item = np.nonzero((fakes != 0).any(axis=2))
            uploads, item = np.vstack([uploads, fakes[(fakes != 0).any(axis=2)]]), np.append(item, fake_item)
        n = np.bincount(item, minlength=len(Q))
        first = np.cumsum(n) - n  # index of the first row of each item, once the rows are sorted by item
        median = np.zeros(Q.shape)
        rated = n > 0
        for column in range(Q.shape[1]):
            # Sort by value, then stably by item: the values of an item are contiguous and ascending.
            ascending = np.argsort(uploads[:, column])
            ordered = uploads[ascending[np.argsort(item[ascending], kind="stable")], column]
            low, high = (first + (n - 1) // 2)[rated], (first + n // 2)[rated]
            median[rated, column] = (ordered[low] + ordered[high]) / 2
        return median


def train_federated(
    clients: Clients, n_factors: int = 8, n_rounds: int = 20, *,
    learning_rate: float = 0.5, regularization: float = 1.3,
    average: str = "raters", n_steps: int = 1, clip: float | None = None, noise_multiplier: float = 0.0,
    fakes: np.ndarray | None = None, rng: np.random.Generator,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:  # fmt: skip
    """Run federated training, and yield (P, Q) before the first round and after each round. Built in chapter 16.

    Parameters
    ----------
    clients : Clients
        The clients and their ratings.
    n_factors : int, default=8
        Number of latent factors; 0 leaves the biases alone.
    n_rounds : int, default=20
        Number of rounds.
    learning_rate : float, default=0.5
        Step size of the server, above 0; also that of the clients if they take several local steps.
    regularization : float, default=1.3
        λ of the items, whose L2 penalty is λ √n_raters. Use 0 if the server must not know the number of raters.
    average : {"raters", "clients", "median"}
        "raters" divides the sum of an item by the number of clients that rated it, "clients" by the number of all
        clients (FedAvg); "median" replaces the mean over the raters by their median.
    n_steps : int, default=1
        Number of local steps, see :meth:`Clients.summed_gradient`.
    clip : float, optional
        Maximum L2 norm of an upload.
    noise_multiplier : float, default=0.0
        Standard deviation of the Gaussian noise that is added to each element of the sum, in units of ``clip``.
    fakes : ndarray, shape (n_fakes, n_items, n_factors + 1), optional
        Uploads of malicious clients in each round; they are clipped, too.
    rng : Generator
        Source of the initial factors and of the noise.

    Yields
    ------
    P : ndarray, shape (n_clients, n_factors + 1)
        Factors of the users, with the bias in the last column.
    Q : ndarray, shape (n_items, n_factors + 1)
        Factors of the items, with the bias in the last column.

    Raises
    ------
    TypeError
        If a parameter has the wrong type.
    ValueError
        If a parameter is out of range, or noise is added without clipping, which does not guarantee privacy.

    References
    ----------
    McMahan et al. (2017), "Communication-efficient learning of deep networks from decentralized data", for FedAvg;
    Ammad-ud-din et al. (2019), "Federated collaborative filtering for privacy-preserving personalized recommendation
    system", for user factors that stay.
    """
    check_choice("average", average, ("raters", "clients", "median"))
    check_integer("n_factors", n_factors, 0)
    check_integer("n_steps", n_steps)
    check_integer("n_rounds", n_rounds, 0)
    check_number("learning_rate", learning_rate, above=0)
    check_number("regularization", regularization, low=0)
    check_number("noise_multiplier", noise_multiplier, low=0)
    optional(partial(check_number, above=0))("clip", clip)
    check_generator(rng)
    if noise_multiplier and clip is None:
        raise ValueError(
            f"Noise without clipping does not guarantee privacy; got noise_multiplier={noise_multiplier!r}, clip=None. "
            "Pass clip, the maximum L2 norm of an upload."
        )
    n_clients = clients.ratings.shape[0] + (0 if fakes is None else len(fakes))
    n_raters = clients.n_raters + (0 if fakes is None else (fakes != 0).any(axis=2).sum(axis=0))
    Q = start_items(clients.ratings.shape[1], n_factors, rng)
    for _ in range(n_rounds):
        P = clients.solve(Q)
        yield P, Q
        if average == "median":
            gradient = clients.median_gradient(P, Q, fakes) * n_raters[:, None]
        else:
            gradient = clients.summed_gradient(P, Q, clip, n_steps, learning_rate)
            for fake in () if fakes is None else fakes:
                gradient += fake if clip is None else clip_upload(fake, clip)
        if clip is not None and noise_multiplier:
            gradient = gradient + rng.normal(scale=noise_multiplier * clip, size=gradient.shape)
        Q = server_step(
            Q, gradient, n_raters, n_clients if average == "clients" else n_raters, learning_rate, regularization
        )
    yield clients.solve(Q), Q


def predict_ratings(P: np.ndarray, Q: np.ndarray, user_pos: np.ndarray, item_pos: np.ndarray) -> np.ndarray:
    """Predict ratings, minus their mean, for pairs of user and item.

    Parameters
    ----------
    P : ndarray, shape (n_clients, k + 1)
        Factors of the users, with the bias in the last column.
    Q : ndarray, shape (n_items, k + 1)
        Factors of the items, with the bias in the last column.
    user_pos, item_pos : ndarray of int, shape (n,)
        Positions of the users and items.

    Returns
    -------
    ndarray, shape (n,)
        The predictions.
    """
    p, q = P[user_pos], Q[item_pos]
    return p[:, -1] + q[:, -1] + np.einsum("nk,nk->n", p[:, :-1], q[:, :-1])


def _with_one(P: np.ndarray) -> np.ndarray:
    """Return x = [p_u, 1] for each user: the bias column is replaced by 1, which multiplies the bias of the item."""
    return np.column_stack([P[:, :-1], np.ones(len(P))])
