"""Secure aggregation with pairwise masks: the server learns only the sum of the uploads. For learning. Chapter 16."""

from __future__ import annotations

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from recsys_teach._validation import (
    check_binary,
    check_generator,
    check_integer,
    check_numbers,
)

MODULUS = 2**32
BITS = 16  # bits of the fraction of a number: steps of 1/65,536, sums up to 32,768


def encode(values: np.ndarray, bits: int = BITS) -> np.ndarray:
    """Encode numbers in fixed point, as multiples of 2^-bits modulo 2^32. Built by hand in chapter 16.

    Parameters
    ----------
    values : ndarray
        The numbers.
    bits : int, default=16
        Number of bits of the fraction, from 0 to 31.

    Returns
    -------
    ndarray of uint32
        The encoded numbers, in the shape of ``values``. A negative number is encoded as 2^32 minus its absolute value.

    Raises
    ------
    TypeError
        If the values are not numbers, or ``bits`` is not an integer.
    ValueError
        If a number is not finite or too large to be decoded, or ``bits`` is out of range.
    """
    check_integer("bits", bits, 0, 31)
    scaled = np.round(check_numbers("values", values) * 2.0**bits)
    if (np.abs(scaled) >= MODULUS / 2).any():
        raise ValueError(
            f"With {bits} bits of fraction, the absolute value of a number must be below {MODULUS / 2 / 2.0**bits:g}; "
            f"got {np.abs(scaled).max() / 2.0**bits:g}. Clip the numbers, or use fewer bits."
        )
    return (scaled.astype(np.int64) % MODULUS).astype(np.uint32)


def decode(total: np.ndarray, bits: int = BITS) -> np.ndarray:
    """Decode numbers, or a sum of numbers, from integers modulo 2^32. Built by hand in chapter 16.

    Parameters
    ----------
    total : ndarray of int
        Encoded numbers, or a sum of them.
    bits : int, default=16
        Number of bits of the fraction.

    Returns
    -------
    ndarray of float
        The numbers, in the shape of ``total``.
    """
    residue = np.asarray(total).astype(np.int64) % MODULUS
    return np.where(residue >= MODULUS // 2, residue - MODULUS, residue) / 2.0**bits


def pad(seed: bytes, n_numbers: int, round_number: int = 0) -> np.ndarray:
    """Expand a seed to a pad of pseudorandom numbers with AES in counter mode.

    Two clients with the same seed compute the same pad.

    Parameters
    ----------
    seed : bytes
        16, 24 or 32 bytes. In practice, draw them with ``secrets.token_bytes``.
    n_numbers : int
        Length of the pad.
    round_number : int, default=0
        Number of the round. Each round needs a different pad, because the difference of two uploads under the same pad
        is not masked.

    Returns
    -------
    ndarray of uint32, shape (n_numbers,)
        The pad.

    Raises
    ------
    TypeError
        If a number is not an integer.
    ValueError
        If a number is negative, or the seed has the wrong length.
    """
    check_integer("round_number", round_number, 0)
    check_integer("n_numbers", n_numbers, 0)
    start = int(round_number).to_bytes(8, "big") + bytes(8)
    stream = Cipher(algorithms.AES(seed), modes.CTR(start)).encryptor().update(bytes(4 * n_numbers))
    return np.frombuffer(stream, dtype="<u4")


def shared_pads(n_clients: int, n_numbers: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a seed for each pair of clients, and expand it to a pad; this simulates a trusted dealer. Chapter 16.

    Parameters
    ----------
    n_clients : int
        Number of clients.
    n_numbers : int
        Length of each pad.
    rng : Generator
        Source of the seeds.

    Returns
    -------
    ndarray of uint32, shape (n_clients, n_clients, n_numbers)
        Pad of each pair: symmetric in the first two axes, zeros on the diagonal.

    Raises
    ------
    TypeError
        If a parameter has the wrong type.
    ValueError
        If a number is out of range.
    """
    check_integer("n_clients", n_clients)
    check_generator(rng)
    pads = np.zeros((n_clients, n_clients, n_numbers), dtype=np.uint32)
    for u in range(n_clients):
        for v in range(u + 1, n_clients):
            pads[u, v] = pads[v, u] = pad(rng.bytes(16), n_numbers)
    return pads


def masked_upload(values: np.ndarray, client: int, pads: np.ndarray, bits: int = BITS) -> np.ndarray:
    """Mask the upload of a client with the pads that it shares with each other client. Built by hand in chapter 16.

    Parameters
    ----------
    values : ndarray, shape (n_numbers,)
        The upload of the client.
    client : int
        Position of the client, from 0 to n_clients - 1.
    pads : ndarray of int, shape (n_clients, n_numbers)
        Row v is the pad shared with client v; the row ``client`` is not used.
    bits : int, default=16
        Number of bits of the fraction.

    Returns
    -------
    ndarray of uint32, shape (n_numbers,)
        The encoded values plus the pads shared with later clients, minus those shared with earlier ones.

    Raises
    ------
    TypeError
        If ``values`` are not numbers, or ``client`` is not an integer.
    ValueError
        If ``client`` is out of range, or a value cannot be encoded.

    References
    ----------
    Bonawitz et al. (2017), "Practical secure aggregation for privacy-preserving machine learning".
    """
    check_integer("client", client, 0, len(pads) - 1)
    signs = np.sign(np.arange(len(pads)) - client)  # +1 for later clients, 0 for this one, -1 for earlier ones
    mask = (signs[:, None] * pads.astype(np.int64)).sum(axis=0)
    return ((encode(values, bits) + mask) % MODULUS).astype(np.uint32)


def unmasked_sum(uploads: np.ndarray, alive: np.ndarray, pads: np.ndarray, bits: int = BITS) -> np.ndarray:
    """Add up the masked uploads, and remove the pads shared with clients that dropped out. Built in chapter 16.

    Parameters
    ----------
    uploads : ndarray of int, shape (n_clients, n_numbers)
        Masked uploads. Rows of clients that dropped out are not read.
    alive : ndarray of bool, shape (n_clients,)
        Which clients sent their upload.
    pads : ndarray of int, shape (n_clients, n_clients, n_numbers)
        Pad of each pair. Only pads between a client that sent its upload and one that dropped out are read; the former
        reveals their seeds to the server.
    bits : int, default=16
        Number of bits of the fraction.

    Returns
    -------
    ndarray, shape (n_numbers,)
        Sum of the values of the clients that sent their upload.

    Raises
    ------
    TypeError
        If ``alive`` is not binary.
    ValueError
        If a value of ``alive`` is neither 0 nor 1.
    """
    alive = check_binary("alive", alive)
    total = uploads[alive].astype(np.int64).sum(axis=0)
    for u in np.flatnonzero(alive):
        for v in np.flatnonzero(~alive):
            total = total - np.sign(v - u) * pads[u, v].astype(np.int64)
    return decode(total, bits)
