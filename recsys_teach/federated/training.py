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
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from scipy import sparse

from recsys_teach._validation import (
    check_binary,
    check_choice,
    check_generator,
    check_integer,
    check_number,
    check_numbers,
    optional,
)

MODULUS = 2**32
BITS = 16  # of a number's fraction: steps of 1/65,536, sums up to 32,768


def client_gradient(r: np.ndarray, known: np.ndarray, x: np.ndarray, Q: np.ndarray) -> np.ndarray:
    """Slope of half of one phone's squared errors by each item's row. Built by hand in chapter 16.

    Parameters
    ----------
    r : array, shape (n_items,). What the item rows have to explain; only the known ones count.
    known : array of bool, shape (n_items,).
    x : array, shape (k,). The person's factors.
    Q : array, shape (n_items, k).

    Returns
    -------
    array, shape (n_items, k). Zeros where there is no rating.
    """
    if Q.shape != (len(r), len(x)) or np.shape(known) != np.shape(r):
        raise ValueError(f"Expected Q of shape {(len(r), len(x))}, known of {np.shape(r)}; came {Q.shape}.")
    errors = np.where(check_binary("known", known), r - Q @ x, 0)
    return -np.outer(errors, x)


def phone_upload(items: np.ndarray, ratings: np.ndarray, Q: np.ndarray, regularisation: float) -> np.ndarray:
    """Do one phone's part of a round: solve its person's row, then upload the gradient. Built in chapter 16.

    Parameters
    ----------
    items : array of int, shape (n_held,). Positions of the rated items, at least one.
    ratings : array, shape (n_held,). Ratings minus the mean of all.
    Q : array, shape (n_items, k + 1), bias last.
    regularisation : float above 0. λ; the person pays λ √n_held for the size of their row.

    Returns
    -------
    array, shape (n_items, k + 2). The gradient by each row of Q, and in the last column 1 where the phone holds a
    rating.
    """
    if len(items) == 0 or np.shape(items) != np.shape(ratings):
        raise ValueError(f"Expected one rating an item, at least one; got {len(items)} and {len(ratings)}.")
    check_numbers("ratings", ratings)
    check_number("regularisation", regularisation, above=0)
    design = np.column_stack([Q[items, :-1], np.ones(len(items))])
    left = design.T @ design + regularisation * np.sqrt(len(items)) * np.eye(Q.shape[1])
    p = np.linalg.solve(left, design.T @ (ratings - Q[items, -1]))
    known, r = np.zeros(len(Q), dtype=bool), np.zeros(len(Q))
    known[items], r[items] = True, ratings - p[-1]
    return np.column_stack([client_gradient(r, known, np.append(p[:-1], 1), Q), known])


def holders_mean(uploads: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Average each item's row over the phones that hold it. Built by hand in chapter 16.

    Parameters
    ----------
    uploads : array, shape (n_phones, n_items, k).
    held : array of bool, shape (n_phones, n_items).

    Returns
    -------
    array, shape (n_items, k). Zeros for an item that nobody holds.
    """
    held = check_binary("held", held)
    return np.where(held[..., None], uploads, 0).sum(axis=0) / np.maximum(held.sum(axis=0), 1)[:, None]


def read_upload(upload: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read the items and the private factors from one plain gradient. Built by hand in chapter 16.

    Parameters
    ----------
    upload : array, shape (n_items, k + 1). A gradient whose row i is -e_i [p, 1]; not all zero.

    Returns
    -------
    array of int. Positions of the rows that are not zero.
    array, shape (k,). p.

    References
    ----------
    Chai, Wang, Chen and Yang (2021), "Secure federated matrix factorization", show that gradients give ratings away.
    """
    items = np.flatnonzero((upload != 0).any(axis=1))
    if not len(items):
        raise ValueError("This upload is empty: it says nothing.")
    loudest = upload[np.abs(upload[:, -1]).argmax()]
    return items, loudest[:-1] / loudest[-1]


def encode(values: np.ndarray, bits: int = BITS) -> np.ndarray:
    """Write numbers as multiples of 2^-bits, modulo 2^32. Built by hand in chapter 16.

    Returns
    -------
    array of uint32. A negative number becomes 2^32 minus its size.

    Raises
    ------
    ValueError
        If a number is not finite, or so large that it would come back as another.
    """
    check_integer("bits", bits, 0, 31)
    scaled = np.round(check_numbers("values", values) * 2.0**bits)
    if (np.abs(scaled) >= MODULUS / 2).any():
        raise ValueError(f"With {bits} bits of fraction a number must be below {MODULUS / 2 / 2.0**bits:g} in size.")
    return (scaled.astype(np.int64) % MODULUS).astype(np.uint32)


def decode(total: np.ndarray, bits: int = BITS) -> np.ndarray:
    """Read numbers, or a sum of them, from the integers modulo 2^32. Built by hand in chapter 16."""
    ring = np.asarray(total).astype(np.int64) % MODULUS
    return np.where(ring >= MODULUS // 2, ring - MODULUS, ring) / 2.0**bits


def pad(seed: bytes, n_numbers: int, round_number: int = 0) -> np.ndarray:
    """Stretch a seed to random-looking numbers by AES in counter mode; whoever has the seed gets the same.

    Parameters
    ----------
    seed : 16, 24 or 32 bytes, drawn by ``secrets.token_bytes`` where it matters.
    round_number : int. Each round needs pads of its own: the difference of two uploads under one pad is bare.

    Returns
    -------
    array of uint32, shape (n_numbers,).
    """
    check_integer("round_number", round_number, 0)
    check_integer("n_numbers", n_numbers, 0)
    start = int(round_number).to_bytes(8, "big") + bytes(8)
    stream = Cipher(algorithms.AES(seed), modes.CTR(start)).encryptor().update(bytes(4 * n_numbers))
    return np.frombuffer(stream, dtype="<u4")


def shared_pads(n_phones: int, n_numbers: int, rng: np.random.Generator, round_number: int = 0) -> np.ndarray:
    """Let a trusted hand deal a seed to each pair of phones, and stretch them. Chapter 16.

    Returns
    -------
    array of uint32, shape (n_phones, n_phones, n_numbers). Symmetric in the first two axes, zeros on the diagonal.
    """
    check_integer("n_phones", n_phones)
    check_generator(rng)
    pads = np.zeros((n_phones, n_phones, n_numbers), dtype=np.uint32)
    for u in range(n_phones):
        for v in range(u + 1, n_phones):
            pads[u, v] = pads[v, u] = pad(rng.bytes(16), n_numbers, round_number)
    return pads


def masked_upload(values: np.ndarray, client: int, pads: np.ndarray, bits: int = BITS) -> np.ndarray:
    """Hide what a phone sends under the pads that it shares with each other phone. Built by hand in chapter 16.

    Parameters
    ----------
    values : array, shape (n_numbers,).
    client : int. This phone's place among all.
    pads : array of int, shape (n_phones, n_numbers). Row v is shared with phone v; the row ``client`` is not used.

    Returns
    -------
    array of uint32, shape (n_numbers,). The encoded values plus the pads of later phones, minus those of earlier ones.

    References
    ----------
    Bonawitz et al. (2017), "Practical secure aggregation for privacy-preserving machine learning".
    """
    check_integer("client", client, 0, len(pads) - 1)
    signs = np.sign(np.arange(len(pads)) - client)
    mask = (signs[:, None] * pads.astype(np.int64)).sum(axis=0)
    return ((encode(values, bits) + mask) % MODULUS).astype(np.uint32)


def unmasked_sum(uploads: np.ndarray, alive: np.ndarray, pads: np.ndarray, bits: int = BITS) -> np.ndarray:
    """Add the masked uploads that came, and take off the pads that found no partner. Built by hand in chapter 16.

    Parameters
    ----------
    uploads : array of int, shape (n_phones, n_numbers). Rows of phones that dropped out are not read.
    alive : array of bool, shape (n_phones,). Whose upload came.
    pads : array of int, shape (n_phones, n_phones, n_numbers). Only those between a phone that came and one that did
        not are read; those who came hand in their seeds.

    Returns
    -------
    array, shape (n_numbers,). The sum of what the phones that came encoded.
    """
    alive = check_binary("alive", alive)
    total = uploads[alive].astype(np.int64).sum(axis=0)
    for u in np.flatnonzero(alive):
        for v in np.flatnonzero(~alive):
            total = total - np.sign(v - u) * pads[u, v].astype(np.int64)
    return decode(total, bits)


def clip_upload(upload: np.ndarray, longest: float) -> np.ndarray:
    """Shorten an upload to at most this length, all its numbers together. Built by hand in chapter 16.

    Parameters
    ----------
    upload : array of any shape.
    longest : float above 0. C, the largest L2 norm: the sensitivity of a sum of uploads to one person.

    References
    ----------
    McMahan, Ramage, Talwar and Zhang (2018), "Learning differentially private recurrent language models".
    """
    check_number("longest", longest, above=0)
    length = np.linalg.norm(upload)
    return upload * (longest / length) if length > longest else upload.copy()


def start_items(n_items: int, n_factors: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the server's first table, shape (n_items, n_factors + 1): small factors, biases 0."""
    check_integer("n_items", n_items)
    check_integer("n_factors", n_factors)
    check_generator(rng)
    return np.column_stack([0.1 * rng.normal(size=(n_items, n_factors)), np.zeros(n_items)])


def server_step(
    Q: np.ndarray, gradient: np.ndarray, n_holders: np.ndarray, divisor: np.ndarray | float, rate: float, ridge: float
) -> np.ndarray:
    """Step down the sum of the phones' gradients and the regularisation, divided for each item. Chapter 16.

    Parameters
    ----------
    Q, gradient : arrays, shape (n_items, k + 1).
    n_holders : array, shape (n_items,). Phones that hold each item; an item pays ridge · √n_holders for its size.
    divisor : array of shape (n_items,), the holders for the mean over them; or the number of phones, which is FedAvg.
    """
    whole = gradient + ridge * np.sqrt(n_holders)[:, None] * Q
    return Q - rate * whole / np.maximum(np.broadcast_to(divisor, len(Q)), 1)[:, None]


class Phones:
    """All phones of a simulation at once: what each would compute from its own row alone. Chapter 16.

    Parameters
    ----------
    ratings : csr_array, shape (n_phones, n_items). Ratings minus their mean; no row is empty.
    regularisation : float above 0. λ of the people's rows.
    """

    def __init__(self, ratings: sparse.csr_array, regularisation: float = 1.3):
        check_number("regularisation", regularisation, above=0)
        check_numbers("ratings", ratings.data)
        ratings = ratings.copy()
        ratings.sum_duplicates()  # a 0 that is stored stays: it is a rating that equals the mean
        lengths = np.diff(ratings.indptr)
        if (lengths == 0).any():
            raise ValueError("Each phone needs a rating: leave out the rows without.")
        self.ratings = ratings
        self.ridge = regularisation * np.sqrt(lengths)
        self.n_holders = np.bincount(ratings.indices, minlength=ratings.shape[1])
        self._row = np.repeat(np.arange(len(lengths)), lengths)
        self._held = sparse.csr_array((np.ones(ratings.nnz), ratings.indices, ratings.indptr), shape=ratings.shape)

    def solve(self, Q: np.ndarray) -> np.ndarray:
        """Solve every person's row, shape (n_phones, k + 1), bias last."""
        n_phones, width = len(self.ridge), Q.shape[1]
        design = np.column_stack([Q[:, :-1], np.ones(len(Q))])  # (n_items, width)
        squares = (design[:, :, None] * design[:, None]).reshape(len(Q), -1)
        normal = (self._held @ squares).reshape(n_phones, width, width)
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
        self, P: np.ndarray, Q: np.ndarray, clip: float | None = None, n_steps: int = 1, rate: float = 0.5
    ) -> np.ndarray:
        """Add up what all phones upload, shape (n_items, k + 1), without holding it one by one.

        Parameters
        ----------
        clip : float, optional. Largest length of an upload; longer ones are shortened, as :func:`clip_upload` does.
        n_steps : int. Steps of ``rate`` that each phone makes on a copy of Q with its row held still. It uploads how
            far it came, divided by the rate; for one step that is the gradient.
        """
        x, errors = _partners(P), self.errors(P, Q)
        size = (x**2).sum(axis=1)  # each step multiplies a phone's errors by 1 - rate · size
        weight = (1 - (1 - rate * size) ** n_steps) / (rate * size)
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
    phones: Phones, n_factors: int = 8, n_rounds: int = 20, *, rate: float = 0.5, ridge: float = 1.3,
    average: str = "holders", n_steps: int = 1, clip: float | None = None, noise_multiplier: float = 0.0,
    fakes: np.ndarray | None = None, rng: np.random.Generator,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:  # fmt: skip
    """Run the rounds, and give the tables (P, Q) before the first and after each. Built by hand in chapter 16.

    Parameters
    ----------
    phones : Phones.
    rate : float above 0. Length of the server's step, and of the phones' own if they make several.
    ridge : float. λ of the items, times √n_holders; 0 if the server may not know how many hold an item.
    average : "holders" divides an item's sum by the phones that hold it, "everybody" by all phones (plain FedAvg),
        "median" takes the median over holders in place of the mean.
    n_steps, clip : as in :meth:`Phones.summed_gradient`.
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
    check_choice("average", average, ("holders", "everybody", "median"))
    for name, number in {"n_factors": n_factors, "n_steps": n_steps}.items():
        check_integer(name, number)
    check_integer("n_rounds", n_rounds, 0)
    check_number("rate", rate, above=0)
    check_number("ridge", ridge, low=0)
    check_number("noise_multiplier", noise_multiplier, low=0)
    optional(partial(check_number, above=0))("clip", clip)
    check_generator(rng)
    if noise_multiplier and clip is None:
        raise ValueError("Noise without clipping promises nothing: give clip, the largest length of an upload.")
    n_phones = phones.ratings.shape[0] + (0 if fakes is None else len(fakes))
    n_holders = phones.n_holders + (0 if fakes is None else (fakes != 0).any(axis=2).sum(axis=0))
    Q = start_items(phones.ratings.shape[1], n_factors, rng)
    for _ in range(n_rounds):
        P = phones.solve(Q)
        yield P, Q
        if average == "median":
            gradient = phones.median_gradient(P, Q, fakes) * n_holders[:, None]
        else:
            gradient = phones.summed_gradient(P, Q, clip, n_steps, rate)
            for fake in () if fakes is None else fakes:
                gradient += fake if clip is None else clip_upload(fake, clip)
        if clip is not None and noise_multiplier:
            gradient = gradient + rng.normal(scale=noise_multiplier * clip, size=gradient.shape)
        Q = server_step(Q, gradient, n_holders, n_phones if average == "everybody" else n_holders, rate, ridge)
    yield phones.solve(Q), Q


def predict_ratings(P: np.ndarray, Q: np.ndarray, user_pos: np.ndarray, item_pos: np.ndarray) -> np.ndarray:
    """Predict ratings minus their mean for pairs, shapes (n,) and (n,) to (n,)."""
    p, q = P[user_pos], Q[item_pos]
    return p[:, -1] + q[:, -1] + np.einsum("nk,nk->n", p[:, :-1], q[:, :-1])


def _partners(P: np.ndarray) -> np.ndarray:
    """Put a 1, the partner of an item's bias, in place of each person's own bias."""
    return np.column_stack([P[:, :-1], np.ones(len(P))])
