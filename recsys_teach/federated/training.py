"""Learning from ratings that stay on phones: gradients, masked sums, clipping. For learning. Chapter 16.

A phone keeps its person's ratings and row of ``P``; the server keeps ``Q``. Both tables carry a bias in their last
column, and a bias is a factor whose partner is 1: with x = [p_u, 1] and r = rating - mean - b_u, the error of a rating
is r - x·Q[i].

The protocol of masks is that of Bonawitz et al. with all that makes it safe in earnest left out: keys agreed between
phones, secret shares of the seeds, a second mask for those who come late, servers and phones that lie. Flower's SecAgg+
has those; the tests hold the sums here against its.
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
    """All phones of a simulation at once: what each would compute from its own row alone. Chapter 16.

    Parameters
    ----------
    ratings : csr_array, shape (n_clients, n_items). Ratings minus their mean; no row is empty.
    regularization : float above 0. λ of the people's rows.
    """

    def __init__(self, ratings: sparse.csr_array, regularization: float = 1.3):
        check_number("regularization", regularization, above=0)
        check_numbers("ratings", ratings.data)
        ratings = ratings.copy()
        ratings.sum_duplicates()  # a 0 that is stored stays: it is a rating that equals the mean
        lengths = np.diff(ratings.indptr)
        if (lengths == 0).any():
            raise ValueError("Each phone needs a rating: leave out the rows without.")
        self.ratings = ratings
        self.ridge = regularization * np.sqrt(lengths)
        self.n_raters = np.bincount(ratings.indices, minlength=ratings.shape[1])
        self._row = np.repeat(np.arange(len(lengths)), lengths)
        self._held = sparse.csr_array((np.ones(ratings.nnz), ratings.indices, ratings.indptr), shape=ratings.shape)

    def solve(self, Q: np.ndarray) -> np.ndarray:
        """Solve every person's row, shape (n_clients, k + 1), bias last."""
        n_clients, width = len(self.ridge), Q.shape[1]
        design = np.column_stack([Q[:, :-1], np.ones(len(Q))])  # (n_items, width)
        squares = (design[:, :, None] * design[:, None]).reshape(len(Q), -1)
        normal = (self._held @ squares).reshape(n_clients, width, width)
        normal[:, np.arange(width), np.arange(width)] += self.ridge[:, None]
        left = self.ratings.copy()
        left.data -= Q[left.indices, -1]
        return np.linalg.solve(normal, (left @ design)[:, :, None])[:, :, 0]

    def errors(self, P: np.ndarray, Q: np.ndarray) -> sparse.csr_array:
        """Give what is left of each rating, in the cells of ``ratings``."""
        x, rows, columns = _partners(P), self._row, self.ratings.indices
        left = self.ratings.data - P[rows, -1] - np.einsum("nk,nk->n", x[rows], Q[columns])
        return sparse.csr_array((left, columns, self.ratings.indptr), shape=self.ratings.shape)

    def summed_gradient(
        self, P: np.ndarray, Q: np.ndarray, clip: float | None = None, n_steps: int = 1, learning_rate: float = 0.5
    ) -> np.ndarray:
        """Add up what all phones upload, shape (n_items, k + 1), without holding it one by one.

        Parameters
        ----------
        clip : float, optional. Largest length of an upload; longer ones are shortened, as :func:`clip_upload` does.
        n_steps : int. Steps of ``learning_rate`` that each client takes on a copy of Q, with its row of P fixed.
            It uploads the change divided by the learning rate; for one step that is the gradient.
        """
        x, errors = _partners(P), self.errors(P, Q)
        size = (x**2).sum(axis=1)  # each step multiplies a phone's errors by 1 - learning_rate · size
        weight = (1 - (1 - learning_rate * size) ** n_steps) / (learning_rate * size)
        if clip is not None:
            norm = weight * np.sqrt(size * np.bincount(self._row, errors.data**2))
            weight = weight * np.minimum(1, clip / np.maximum(norm, 1e-12))
        errors.data *= weight[self._row]
        return -(errors.T @ x)

    def median_gradient(self, P: np.ndarray, Q: np.ndarray, fakes: np.ndarray | None = None) -> np.ndarray:
        """Take for each item and column the median over the phones that hold it, shape (n_items, k + 1).

        Parameters
        ----------
        fakes : array, shape (n_fakes, n_items, k + 1), optional. Uploads of phones that lie; they hold the rows that
            are not zero.
        """
        errors = self.errors(P, Q)
        uploads, item = -errors.data[:, None] * _partners(P)[self._row], errors.indices
        if fakes is not None:
            _, place = np.nonzero((fakes != 0).any(axis=2))
            uploads, item = np.vstack([uploads, fakes[(fakes != 0).any(axis=2)]]), np.append(item, place)
        n = np.bincount(item, minlength=len(Q))
        first = np.cumsum(n) - n
        middle = np.zeros(Q.shape)
        held = n > 0
        for column in range(Q.shape[1]):
            rising = np.argsort(uploads[:, column])
            ordered = uploads[rising[np.argsort(item[rising], kind="stable")], column]
            low, high = (first + (n - 1) // 2)[held], (first + n // 2)[held]
            middle[held, column] = (ordered[low] + ordered[high]) / 2
        return middle


def train_federated(
    clients: Clients, n_factors: int = 8, n_rounds: int = 20, *,
    learning_rate: float = 0.5, regularization: float = 1.3,
    average: str = "raters", n_steps: int = 1, clip: float | None = None, noise_multiplier: float = 0.0,
    fakes: np.ndarray | None = None, rng: np.random.Generator,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:  # fmt: skip
    """Run the rounds, and give the tables (P, Q) before the first and after each. Built by hand in chapter 16.

    Parameters
    ----------
    phones : Clients.
    learning_rate : float above 0. Of the server, and of the clients if they make several steps.
    regularization : float. λ of the items, times √n_raters; 0 if the server may not know how many hold an item.
    average : {"raters", "clients", "median"}
        "raters" divides an item's sum by the number of clients that rated it, "clients" by the number of all clients;
        "median" takes the median over the raters in place of the mean.
    n_steps, clip : as in :meth:`Clients.summed_gradient`.
    noise_multiplier : float. Standard deviation of the Gaussian noise on each number of the sum, in units of ``clip``.
    fakes : array, shape (n_fakes, n_items, n_factors + 1), optional. What lying phones upload each round, clipped too.

    Raises
    ------
    ValueError
        If the average is unknown, or there is noise without clipping, which would promise nothing.

    References
    ----------
    McMahan et al. (2017), "Communication-efficient learning of deep networks from decentralized data", for FedAvg;
    Ammad-ud-din et al. (2019), "Federated collaborative filtering for privacy-preserving personalized recommendation
    system", for user factors that stay.
    """
    check_choice("average", average, ("raters", "clients", "median"))
    for name, number in {"n_factors": n_factors, "n_steps": n_steps}.items():
        check_integer(name, number)
    check_integer("n_rounds", n_rounds, 0)
    check_number("learning_rate", learning_rate, above=0)
    check_number("regularization", regularization, low=0)
    check_number("noise_multiplier", noise_multiplier, low=0)
    optional(partial(check_number, above=0))("clip", clip)
    check_generator(rng)
    if noise_multiplier and clip is None:
        raise ValueError("Noise without clipping promises nothing: give clip, the largest length of an upload.")
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
    """Predict ratings minus their mean for pairs, shapes (n,) and (n,) to (n,)."""
    p, q = P[user_pos], Q[item_pos]
    return p[:, -1] + q[:, -1] + np.einsum("nk,nk->n", p[:, :-1], q[:, :-1])


def _partners(P: np.ndarray) -> np.ndarray:
    """Put a 1, the partner of an item's bias, in place of each person's own bias."""
    return np.column_stack([P[:, :-1], np.ones(len(P))])
