"""The gradient of a client, what it reveals, and the step of the server. Built by hand in chapter 16."""

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
    """Compute the gradient of half of one client's squared error by the item factors. Built by hand in chapter 16.

    Parameters
    ----------
    r : ndarray, shape (n_items,)
        Target of each item: the rating minus everything that the item factors do not explain. Only known ratings count.
    known : ndarray of bool, shape (n_items,)
        Which items the client rated.
    x : ndarray, shape (k,)
        Factors of the user.
    Q : ndarray, shape (n_items, k)
        Factors of the items.

    Returns
    -------
    ndarray, shape (n_items, k)
        The gradient; zeros for items without a rating.

    Raises
    ------
    ValueError
        If the shapes do not match.
    """
    if Q.shape != (len(r), len(x)) or np.shape(known) != np.shape(r):
        raise ValueError(
            f"Expected Q of shape {(len(r), len(x))} and known of shape {np.shape(r)}; got {Q.shape} and "
            f"{np.shape(known)}. Pass one row of Q for each item."
        )
    errors = np.where(check_binary("known", known), r - Q @ x, 0)
    return -np.outer(errors, x)


def client_upload(items: np.ndarray, ratings: np.ndarray, Q: np.ndarray, regularization: float) -> np.ndarray:
    """Compute a client's upload of one round: solve for the user's factors, then return the gradient. Chapter 16.

    Parameters
    ----------
    items : ndarray of int, shape (n_rated,)
        Positions of the rated items, at least one.
    ratings : ndarray, shape (n_rated,)
        Ratings minus the global mean.
    Q : ndarray, shape (n_items, k + 1)
        Factors of the items, with the bias in the last column.
    regularization : float
        λ, above 0. The L2 penalty of the user's factors is λ √n_rated.

    Returns
    -------
    ndarray, shape (n_items, k + 2)
        The gradient by each row of Q, and in the last column 1 for rated items, else 0.

    Raises
    ------
    TypeError
        If the ratings are not numbers.
    ValueError
        If there are no ratings, their number differs from that of the items, or a number is out of range.
    """
    if len(items) == 0 or np.shape(items) != np.shape(ratings):
        raise ValueError(
            f"Expected one rating per item, at least one; got {len(items)} items and {len(ratings)} ratings. "
            "Leave out clients without ratings."
        )
    check_numbers("ratings", ratings)
    check_number("regularization", regularization, above=0)
    design = np.column_stack([Q[items, :-1], np.ones(len(items))])
    normal = design.T @ design + regularization * np.sqrt(len(items)) * np.eye(Q.shape[1])
    p = np.linalg.solve(normal, design.T @ (ratings - Q[items, -1]))  # factors and, in the last element, bias
    known, r = np.zeros(len(Q), dtype=bool), np.zeros(len(Q))
    known[items], r[items] = True, ratings - p[-1]
    return np.column_stack([client_gradient(r, known, np.append(p[:-1], 1), Q), known])


def average_over_raters(uploads: np.ndarray, rated: np.ndarray) -> np.ndarray:
    """Average the row of each item over the clients that rated it. Built by hand in chapter 16.

    Parameters
    ----------
    uploads : ndarray, shape (n_clients, n_items, k)
        Gradient of each client.
    rated : ndarray of bool, shape (n_clients, n_items)
        Which items each client rated.

    Returns
    -------
    ndarray, shape (n_items, k)
        The mean gradient; zeros for an item without ratings.

    Raises
    ------
    TypeError
        If ``rated`` is not binary.
    ValueError
        If a value of ``rated`` is neither 0 nor 1.
    """
    rated = check_binary("rated", rated)
    return np.where(rated[..., None], uploads, 0).sum(axis=0) / np.maximum(rated.sum(axis=0), 1)[:, None]


def read_upload(upload: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Recover the rated items and the user's factors from an unmasked gradient. Built by hand in chapter 16.

    Parameters
    ----------
    upload : ndarray, shape (n_items, k + 1)
        A gradient whose row i is -e_i [p, 1]; at least one row is not zero.

    Returns
    -------
    items : ndarray of int, shape (n_rated,)
        Positions of the rows that are not zero.
    p : ndarray, shape (k,)
        The user's factors.

    Raises
    ------
    ValueError
        If all rows are zero.

    References
    ----------
    Chai, Wang, Chen and Yang (2021), "Secure federated matrix factorization", show that gradients reveal ratings.
    """
    items = np.flatnonzero((upload != 0).any(axis=1))
    if not len(items):
        raise ValueError(
            "Expected an upload with at least one nonzero row; got an empty one. Pass the upload of a client that has "
            "ratings."
        )
    largest = upload[np.abs(upload[:, -1]).argmax()]  # the row with the largest error has the least rounding error
    return items, largest[:-1] / largest[-1]


def clip_upload(upload: np.ndarray, longest: float) -> np.ndarray:
    """Clip an upload to a maximum L2 norm, computed over all its elements together. Built by hand in chapter 16.

    Parameters
    ----------
    upload : ndarray
        Array of any shape.
    longest : float
        C, the maximum L2 norm, above 0. It is the sensitivity of a sum of uploads to one person.

    Returns
    -------
    ndarray
        The clipped upload, in the shape of ``upload``.

    Raises
    ------
    TypeError
        If ``longest`` is not a number.
    ValueError
        If ``longest`` is not above 0.

    References
    ----------
    McMahan, Ramage, Talwar and Zhang (2018), "Learning differentially private recurrent language models".
    """
    check_number("longest", longest, above=0)
    length = np.linalg.norm(upload)
    return upload * (longest / length) if length > longest else upload.copy()


def start_items(n_items: int, n_factors: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the initial item factors of the server: small random factors and zero biases.

    Parameters
    ----------
    n_items, n_factors : int
        Number of items, at least 1, and of latent factors, at least 0.
    rng : Generator
        Source of randomness.

    Returns
    -------
    ndarray, shape (n_items, n_factors + 1)
        Factors of the items, with the bias in the last column.

    Raises
    ------
    TypeError
        If a parameter has the wrong type.
    ValueError
        If a number is too small.
    """
    check_integer("n_items", n_items)
    check_integer("n_factors", n_factors, 0)
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
    """Take a gradient step on the item factors with the sum of the clients' gradients. Chapter 16.

    Parameters
    ----------
    Q : ndarray, shape (n_items, k + 1)
        Factors of the items, with the bias in the last column.
    gradient : ndarray, shape (n_items, k + 1)
        Sum of the uploads of the clients.
    n_raters : ndarray, shape (n_items,)
        Number of clients that rated each item. The L2 penalty of an item is λ √n_raters.
    divisor : ndarray, shape (n_items,), or float
        What the sum is divided by: ``n_raters`` for the mean over the raters of each item, or the number of all
        clients for the mean of FedAvg.
    learning_rate : float
        Step size of the server.
    regularization : float
        λ.

    Returns
    -------
    ndarray, shape (n_items, k + 1)
        The updated factors.
    """
    total = gradient + regularization * np.sqrt(n_raters)[:, None] * Q
    return Q - learning_rate * total / np.maximum(np.broadcast_to(divisor, len(Q)), 1)[:, None]
