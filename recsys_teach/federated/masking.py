"""Masked sums: the server learns a sum, and no single upload. For learning. Built in chapter 16."""

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
BITS = 16  # of a number's fraction: steps of 1/65,536, sums up to 32,768


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


def shared_pads(n_clients: int, n_numbers: int, rng: np.random.Generator) -> np.ndarray:
    """Let a trusted hand deal a seed to each pair of phones, and stretch them. Chapter 16.

    Returns
    -------
    array of uint32, shape (n_clients, n_clients, n_numbers). Symmetric in the first two axes, zeros on the diagonal.
    """
    check_integer("n_clients", n_clients)
    check_generator(rng)
    pads = np.zeros((n_clients, n_clients, n_numbers), dtype=np.uint32)
    for u in range(n_clients):
        for v in range(u + 1, n_clients):
            pads[u, v] = pads[v, u] = pad(rng.bytes(16), n_numbers)
    return pads


def masked_upload(values: np.ndarray, client: int, pads: np.ndarray, bits: int = BITS) -> np.ndarray:
    """Hide what a phone sends under the pads that it shares with each other phone. Built by hand in chapter 16.

    Parameters
    ----------
    values : array, shape (n_numbers,).
    client : int. This phone's place among all.
    pads : array of int, shape (n_clients, n_numbers). Row v is shared with phone v; the row ``client`` is not used.

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
    uploads : array of int, shape (n_clients, n_numbers). Rows of phones that dropped out are not read.
    alive : array of bool, shape (n_clients,). Whose upload came.
    pads : array of int, shape (n_clients, n_clients, n_numbers). Only those between a phone that came and one that did
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
