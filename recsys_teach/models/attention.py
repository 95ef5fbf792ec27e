"""What comes next, by attention: each place of a history looks at all places before it. Built by hand in chapter 09."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_teach.models.sequence import NextItemModel, NextItemNetwork


def causal_mask(length: int, device: torch.device | None = None) -> Tensor:
    """Say which places a place may read: itself and those before it. Built in chapter 09.

    Returns
    -------
    Tensor of bool, shape (length, length). Row: the place that reads, column: the place that is read.
    """
    return torch.ones(length, length, dtype=torch.bool, device=device).tril()


def attention_weights(queries: Tensor, keys: Tensor, mask: Tensor | None = None) -> Tensor:
    """Share each place's attention among the places that it may read: softmax of q · k / √d. Built in chapter 09.

    Parameters
    ----------
    queries, keys : Tensor of float, shape (…, length, d).
    mask : Tensor of bool, shape (length, length) or (…, length, length), optional. True where the place of the row may
        read the place of the column; :func:`causal_mask` by default.

    Returns
    -------
    Tensor, shape (…, length, length). Each row sums to 1; it is 0 where the mask is False.

    Raises
    ------
    ValueError
        If the shapes do not fit, or the mask is not of bool or leaves a place nothing to read.
    """
    length = queries.shape[-2] if queries.ndim > 1 else 0
    if not length or keys.shape != queries.shape:
        raise ValueError(
            f"Expected queries and keys of one shape (…, length, d); came {(*queries.shape,)} and {(*keys.shape,)}."
        )
    mask = causal_mask(length, queries.device) if mask is None else mask
    if mask.dtype != torch.bool or mask.shape[-2:] != (length, length):
        raise ValueError(
            f"mask is of bool and shape ({length}, {length}), True where a place may be read; "
            f"came {mask.dtype} of shape {(*mask.shape,)}."
        )
    if not mask.any(dim=-1).all():
        raise ValueError("The mask leaves a place nothing to read: let each place read at least itself.")
    logits = queries @ keys.mT / keys.shape[-1] ** 0.5  # (…, length, length)
    return logits.masked_fill(~mask, -torch.inf).softmax(dim=-1)


def causal_attention(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mix, for each place, the values of the places that it may read. Built in chapter 09.

    Parameters
    ----------
    queries, keys : Tensor of float, shape (…, length, d).
    values : Tensor of float, shape (…, length, d_values).
    mask : see :func:`attention_weights`. With another one than the default, nothing is promised of the future.

    Returns
    -------
    Tensor, shape (…, length, d_values). What ``torch.nn.functional.scaled_dot_product_attention`` gives.

    Raises
    ------
    ValueError
        As :func:`attention_weights`, or if there is not one value for each key.

    References
    ----------
    Vaswani et al. (2017), "Attention is all you need", section 3.2.1.
    """
    if values.shape[:-1] != keys.shape[:-1]:
        raise ValueError(f"Expected one value for each key; came {(*values.shape,)} and {(*keys.shape,)}.")
    return attention_weights(queries, keys, mask) @ values


class AttentionBlock(nn.Module):
    """Attention, then two layers at each place; both are added to what came in."""

    def __init__(self, n_factors: int, dropout: float):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(n_factors, n_factors, bias=False) for _ in range(3))
        self.wide = nn.Sequential(
            nn.Linear(n_factors, n_factors), nn.ReLU(), nn.Dropout(dropout), nn.Linear(n_factors, n_factors)
        )
        self.norm_attention, self.norm_wide = nn.LayerNorm(n_factors), nn.LayerNorm(n_factors)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Let each place read those that the mask allows: (n, length, n_factors) to the same shape."""
        x = self.norm_attention(states)
        states = states + self.dropout(causal_attention(self.query(x), self.key(x), self.value(x), mask))
        return states + self.dropout(self.wide(self.norm_wide(states)))


class SASRecNetwork(NextItemNetwork):
    """Blocks of causal attention over the sums of the items' vectors and the places' vectors."""

    def __init__(self, n_items: int, n_factors: int, max_length: int, n_blocks: int, dropout: float):
        super().__init__(n_items, n_factors)
        self.place_factors = nn.Embedding(max_length, n_factors)
        nn.init.normal_(self.place_factors.weight, std=n_factors**-0.5)
        self.blocks = nn.ModuleList(AttentionBlock(n_factors, dropout) for _ in range(n_blocks))
        self.norm = nn.LayerNorm(n_factors)
        self.dropout = nn.Dropout(dropout)

    def mask(self, length: int) -> Tensor:
        """Say which places a place may read, (length, length). Padding stands behind, so the causal mask hides it."""
        return causal_mask(length, self.place_factors.weight.device)

    def embedded(self, rows: Tensor) -> Tensor:
        """Add the vectors of items and places, what the first block reads: (n, length) to (n, length, n_factors)."""
        length, max_length = rows.shape[1], self.place_factors.num_embeddings
        if length > max_length:
            raise ValueError(f"There are vectors for {max_length} places; came rows of {length}. Read the last items.")
        places = F.embedding(torch.arange(length, device=rows.device), self.place_factors.weight)  # (length, n_factors)
        scale = self.place_factors.embedding_dim**0.5  # so that what came in weighs as much as what a block adds to it
        return self.dropout(scale * (self.item_factors(rows) + places))

    def hidden(self, rows: Tensor) -> Tensor:
        """Read rows of at most ``max_length`` items: (n, length) to (n, length, n_factors)."""
        states = self.embedded(rows)
        for block in self.blocks:
            states = block(states, self.mask(rows.shape[1]))
        return self.norm(states)


class SASRec(NextItemModel):
    """Rank what comes next by self-attention. Built in chapter 09.

    Parameters
    ----------
    n_blocks : int, at least 1. Layers of attention.
    n_factors, max_length, loss, dropout, n_epochs, batch_size, learning_rate, patience, random_state : see
        :class:`NextItemModel`.

    References
    ----------
    Kang and McAuley (2018), "Self-attentive sequential recommendation", which samples one negative for each target;
    Klenitskiy and Vasilev (2023), "Turning dross into gold loss: is BERT4Rec really better than SASRec?", for the full
    softmax. One head, as in the first.
    """

    def __init__(
        self,
        n_factors: int = 64,
        *,
        n_blocks: int = 1,
        max_length: int = 20,
        loss: str = "softmax",
        dropout: float = 0.3,
        n_epochs: int = 20,
        batch_size: int = 64,
        learning_rate: float = 4e-3,
        patience: int | None = None,
        random_state: int = 0,
    ):
        self.n_factors = n_factors
        self.n_blocks = n_blocks
        self.max_length = max_length
        self.loss = loss
        self.dropout = dropout
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.random_state = random_state

    def _network(self, n_items: int) -> NextItemNetwork:
        return SASRecNetwork(n_items, self.n_factors, self.max_length, self.n_blocks, self.dropout)
