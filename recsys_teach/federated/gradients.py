"""A client's gradient, what it reveals, and the server's step. Built in chapter 16."""

from __future__ import annotations

import numpy as np

from recsys_teach._validation import (
    check_binary,
    check_generator,
    check_integer,
    check_number,
    check_numbers,
)


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


def client_upload(items: np.ndarray, ratings: np.ndarray, Q: np.ndarray, regularization: float) -> np.ndarray:
    """Do one phone's part of a round: solve its person's row, then upload the gradient. Built in chapter 16.

    Parameters
    ----------
    items : array of int, shape (n_rated,). Positions of the rated items, at least one.
    ratings : array, shape (n_rated,). Ratings minus the mean of all.
    Q : array, shape (n_items, k + 1), bias last.
    regularization : float above 0. λ; the person pays λ √n_rated for the size of their row.

    Returns
    -------
    array, shape (n_items, k + 2). The gradient by each row of Q, and in the last column 1 where the phone holds a
    rating.
    """
    if len(items) == 0 or np.shape(items) != np.shape(ratings):
        raise ValueError(f"Expected one rating an item, at least one; got {len(items)} and {len(ratings)}.")
    check_numbers("ratings", ratings)
    check_number("regularization", regularization, above=0)
    design = np.column_stack([Q[items, :-1], np.ones(len(items))])
    left = design.T @ design + regularization * np.sqrt(len(items)) * np.eye(Q.shape[1])
    p = np.linalg.solve(left, design.T @ (ratings - Q[items, -1]))
    known, r = np.zeros(len(Q), dtype=bool), np.zeros(len(Q))
    known[items], r[items] = True, ratings - p[-1]
    return np.column_stack([client_gradient(r, known, np.append(p[:-1], 1), Q), known])


def average_over_raters(uploads: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Average each item's row over the phones that hold it. Built by hand in chapter 16.

    Parameters
    ----------
    uploads : array, shape (n_clients, n_items, k).
    held : array of bool, shape (n_clients, n_items).

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
    Q: np.ndarray,
    gradient: np.ndarray,
    n_raters: np.ndarray,
    divisor: np.ndarray | float,
    learning_rate: float,
    regularization: float,
) -> np.ndarray:
    """Step down the sum of the phones' gradients and the regularization, divided for each item. Chapter 16.

    Parameters
    ----------
    Q, gradient : arrays, shape (n_items, k + 1).
    n_raters : array, shape (n_items,). Clients that hold each item; an item pays ridge · √n_raters for its size.
    divisor : array of shape (n_items,), the holders for the mean over them; or the number of phones, which is FedAvg.
    """
    whole = gradient + regularization * np.sqrt(n_raters)[:, None] * Q
    return Q - learning_rate * whole / np.maximum(np.broadcast_to(divisor, len(Q)), 1)[:, None]
